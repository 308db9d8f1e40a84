// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The deposits pass on authentic databases, untouched and tampered with: it finds what the reference found but for the
 * table of differences (deposits chapter 4), and nothing is added up twice in later runs (BUG-4.1).
 */
import assert from "node:assert/strict";
import { depositsPass } from "../../core/audit/passes/deposits/pass.ts";
import type { Sql } from "../../core/db/connect.ts";
import {
  type AuditorState,
  auditorState,
  compareStates,
  mutationFacts,
  mutationState,
  noteAbsence,
  referenceState,
  type Row,
  settingsOf,
  wholeAuditor,
  withCopy,
} from "../support/audit.ts";
import {
  applyMutation,
  baseOfMutation,
  datasetInfo,
  datasetNames,
  mutationNames,
  mutationPath,
} from "../support/golden.ts";
import { runOnePass } from "../support/one_pass.ts";
import { openFindingsOf } from "../support/database_scene.ts";
import { balance, differs, type Explanation, unexplained } from "./explain.ts";

const datasets = datasetNames();
const mutations = mutationNames();
noteAbsence(datasets);

const OWN: Readonly<Record<string, (row: Row) => boolean>> = {
  deposit_confirmations: () => true,
  bad_sig_losses: (r) => r["operation"] === "deposit-confirmation",
  row_inconsistency: (r) => /^(auditor_exchange_signkeys|signkey_revocations|deposit_)/.test(r["row_table"]!),
  balances: (r) => r["balance_key"] === "total_missed_deposit_confirmations",
  progress: (r) => r["progress_key"]!.startsWith("deposit_confirmation"),
};

/** The part of a state that the deposits pass reads or writes. */
function restrict(state: AuditorState): AuditorState {
  return new Map(Object.entries(OWN).map(([table, own]) => [table, (state.get(table) ?? []).filter(own)]));
}

async function count(sql: Sql, table: string, where = "true"): Promise<number> {
  const [row] = await sql.unsafe(`SELECT count(*)::int4 AS n FROM ${table} WHERE ${where}`);
  return row!["n"] as number;
}

for (const name of datasets) {
  Deno.test(`deposits: ${name}`, async () => {
    const info = datasetInfo(name);
    await withCopy(name, async (url, sql) => {
      const confirmed = await count(sql, "auditor.auditor_deposit_confirmations");
      const choice = { now: info.audit_now_us };
      await runOnePass(url, depositsPass, settingsOf(info), choice);
      const state = restrict(await auditorState(sql));
      for (const run of [1, 2] as const) {
        assert.deepEqual(compareStates(state, restrict(referenceState(name, "stock", run))), [], `run ${run}`);
      }
      assert.equal(await count(sql, "auditor.auditor_x_confirmation_archive"), confirmed, "evidence is kept (BUG-4.6)");
      assert.deepEqual(await openFindingsOf(sql), [], "an honest exchange");
      const before = await wholeAuditor(sql);
      const again = await runOnePass(url, depositsPass, settingsOf(info), choice);
      assert.equal(again.wrote, false);
      assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
    });
  });
}

/** A tampered dataset: what the second run of the reference differs in, and why our confirmations are still there. */
interface Tampered {
  second: readonly Explanation[];
  missed: number;
  diagnostic: string;
}

const twice = (ours: string, reference: string): Explanation => ({
  rule: "BUG-4.1",
  because: "the reference adds what is still missing again in every run",
  lines: [balance("total_missed_deposit_confirmations", ours, reference)],
});

const LAST_ROW: Explanation = {
  rule: "deposits chapter 0.4",
  because: "the last row that was ever seen; the reference stores the last one of its latest run",
  lines: [
    differs(1, "progress", { progress_key: "deposit_confirmation_serial_id" }, { progress_offset: ["18", "1"] }),
  ],
};

const MUTATIONS: Readonly<Record<string, Tampered>> = {
  "65-dc-deposits-missing": {
    second: [twice("31.42", "62.84")],
    missed: 17,
    diagnostic: "coin 1 of 1 was not deposited",
  },
  "66-dc-one-deposit-missing": {
    second: [twice("0.99", "1.98"), LAST_ROW],
    missed: 1,
    diagnostic: "coin 1 of 1 was not deposited",
  },
  "68-dc-refund-deadline-differs": {
    second: [twice("0.99", "1.98"), LAST_ROW],
    missed: 1,
    diagnostic: "coin 1 of 1: refund deadline differs",
  },
};

Deno.test({ name: "deposits: every mutation of confirmed deposits is here", ignore: mutations.length === 0 }, () => {
  assert.deepEqual(Object.keys(MUTATIONS), mutations.filter((m) => baseOfMutation(m) === "auditor-api-rsa"));
});

for (const name of mutations) {
  const entry = MUTATIONS[name];
  if (entry === undefined) continue;
  Deno.test(`deposits: ${name}`, async () => {
    const base = baseOfMutation(name);
    const info = datasetInfo(base);
    const choice = { now: info.audit_now_us + mutationFacts(name).later };
    await withCopy(base, async (url, sql) => {
      await applyMutation(sql, mutationPath(name));
      await runOnePass(url, depositsPass, settingsOf(info), choice);
      const state = restrict(await auditorState(sql));
      assert.deepEqual(compareStates(state, restrict(mutationState(name, 1))), []);
      const where = `check_id = 'DC-1' AND state = 'missed' AND diagnostic = '${entry.diagnostic}'`;
      assert.equal(await count(sql, "auditor.auditor_x_confirmation", where), entry.missed);
      assert.equal(await count(sql, "auditor.auditor_x_confirmation_archive"), 17 - entry.missed);
      const before = await wholeAuditor(sql);
      await runOnePass(url, depositsPass, settingsOf(info), choice);
      assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
      const differences = compareStates(state, restrict(mutationState(name, 2)));
      assert.deepEqual(unexplained(differences, entry.second), []);
    });
  });
}

/** Changes of the database that the reference does not see, and what is said of the confirmation then (BUG-4.5). */
const UNSEEN: Readonly<Record<string, { change: string; check: string; diagnostic: string }>> = {
  "wire deadline": {
    change: "UPDATE exchange.batch_deposits SET wire_deadline = wire_deadline + 1000000",
    check: "DC-R1",
    diagnostic: "coin 1 of 1: wire deadline differs",
  },
  "exchange timestamp": {
    change: "UPDATE exchange.batch_deposits SET exchange_timestamp = exchange_timestamp - 1000000",
    check: "DC-R1",
    diagnostic: "coin 1 of 1: exchange timestamp differs",
  },
  "coin signature": {
    change: "UPDATE exchange.coin_deposits SET coin_sig = set_byte(coin_sig, 0, get_byte(coin_sig, 0) # 1)",
    check: "DC-R1",
    diagnostic: "coin 1 of 1: coin signature differs",
  },
  "wire salt": {
    change: "UPDATE exchange.batch_deposits SET wire_salt = set_byte(wire_salt, 0, get_byte(wire_salt, 0) # 1)",
    check: "DC-1",
    diagnostic: "coin 1 of 1: wire account differs",
  },
  "account": {
    change: "UPDATE exchange.wire_targets SET payto_uri = payto_uri || 'x'",
    check: "DC-1",
    diagnostic: "coin 1 of 1: wire account differs",
  },
};

for (const [what, { change, check, diagnostic }] of Object.entries(UNSEEN)) {
  Deno.test({ name: `deposits: an altered ${what} is found`, ignore: datasets.length === 0 }, async () => {
    const info = datasetInfo("auditor-api-rsa");
    await withCopy("auditor-api-rsa", async (url, sql) => {
      await sql.unsafe(change);
      await runOnePass(url, depositsPass, settingsOf(info), { now: info.audit_now_us });
      const where = `check_id = '${check}' AND state = 'missed' AND diagnostic = '${diagnostic}'`;
      assert.equal(await count(sql, "auditor.auditor_x_confirmation", where), 17);
    });
  });
}

/** Changes of the auditor database, as somebody with the rights of the web service could make them (DC-R2). */
const TAMPERING = [
  "total_without_fee = (9, 0)",
  "exchange_timestamp = exchange_timestamp + 1000000",
  "wire_deadline = wire_deadline + 1000000",
  "refund_deadline = 0",
  "h_policy = set_byte(h_policy, 0, 1)",
  "h_wire = set_byte(h_wire, 0, get_byte(h_wire, 0) # 1)",
  "merchant_pub = set_byte(merchant_pub, 0, get_byte(merchant_pub, 0) # 1)",
  "exchange_sig = set_byte(exchange_sig, 0, get_byte(exchange_sig, 0) # 1)",
  "exchange_pub = merchant_pub",
  "coin_sigs = ARRAY[set_byte(coin_sigs[1], 0, get_byte(coin_sigs[1], 0) # 1)]",
];

for (const change of TAMPERING) {
  Deno.test(
    { name: `deposits: a tampered confirmation proves nothing: ${change}`, ignore: datasets.length === 0 },
    async () => {
      const info = datasetInfo("auditor-api-rsa");
      await withCopy("auditor-api-rsa", async (url, sql) => {
        await sql.unsafe(`UPDATE auditor.auditor_deposit_confirmations SET ${change} WHERE row_id = 3`);
        await runOnePass(url, depositsPass, settingsOf(info), { now: info.audit_now_us });
        const [finding, ...more] = await openFindingsOf(sql);
        assert.deepEqual([finding?.check, finding?.columns["problem_row_id"], more], ["DC-R2", "3", []]);
        const state = await auditorState(sql);
        assert.deepEqual(restrict(state).get("balances")!.map((r) => r["balance_value"]), ["0"], "it does not count");
        assert.equal(state.get("deposit_confirmations")!.length, 1, "and it stays where it is");
      });
    },
  );
}

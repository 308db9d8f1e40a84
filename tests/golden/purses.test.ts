// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The purses pass on authentic databases, untouched and tampered with: it finds what the reference found but for the
 * tables of differences here, each with the number of the rule (purses chapter 5). A second run writes nothing; threads,
 * pages and parts change nothing.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pursesPass } from "../../core/audit/passes/purses/pass.ts";
import type { Sql } from "../../core/db/connect.ts";
import {
  type AuditorState,
  auditorState,
  compareStates,
  mutationFacts,
  mutationState,
  noteAbsence,
  ownState,
  referenceState,
  type Row,
  rowText,
  settingsOf,
  type Variant,
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
import { balance, type Explanation, ours, theirs, unexplained } from "./explain.ts";

const datasets = datasetNames();
const mutations = mutationNames();
noteAbsence(datasets);

/** Operations that another pass of the reference reports with the same row. */
const SHARED = /^(purse-deposit|account-merge)$/;

const OWN: Readonly<Record<string, (row: Row) => boolean>> = {
  purses: () => true,
  purse_not_closed_inconsistencies: () => true,
  amount_arithmetic_inconsistency: (r) => r["operation"]!.startsWith("purse-"),
  bad_sig_losses: (r) => /^(purse-|merge-purse$|account-merge$)/.test(r["operation"]!),
  row_inconsistency: (r) => /^(purse|account-merge)/.test(r["row_table"]!),
  balances: (r) => r["balance_key"]!.startsWith("purse_"),
  progress: (r) => r["progress_key"]!.startsWith("purse_"),
};

/** The part of a state that the purses pass writes. */
function restrict(state: AuditorState): AuditorState {
  return new Map(Object.entries(OWN).map(([table, own]) => [table, (state.get(table) ?? []).filter(own)]));
}

/** The part of the reference's results that its purses pass wrote: of rows that two passes wrote, one. */
function reference(state: AuditorState): AuditorState {
  const part = new Map(restrict(state));
  const seen = new Map<string, number>();
  const halved = part.get("bad_sig_losses")!.filter((row) => {
    if (!SHARED.test(row["operation"]!)) return true;
    const count = (seen.get(rowText(row)) ?? 0) + 1;
    seen.set(rowText(row), count);
    return count % 2 === 0;
  });
  return part.set("bad_sig_losses", halved);
}

/** The reference's list of open purses on a tampered dataset, of which its results have only the difference. */
function listedPurses(name: string): readonly Row[] {
  const variant = mutationFacts(name).variant;
  const file = JSON.parse(Deno.readTextFileSync(join(mutationPath(name), "findings.json")));
  const { added, removed } = file.variants[variant].pass1.diff_vs_base;
  assert.equal(added.auditor_purses, undefined, `${name}: purses were added`);
  const gone = (removed.auditor_purses ?? []).map((r: { purse_pub: string }) => r.purse_pub);
  return referenceState(baseOfMutation(name), variant, 1).get("purses")!.filter((r) => !gone.includes(r["purse_pub"]));
}

const refund = (row: string) =>
  theirs(1, "amount_arithmetic_inconsistency", {
    operation: "purse-decision: refund",
    problem_row_id: row,
  });

/** A balance of our own that says by how much payments were not covered. */
const SHORTFALL: Explanation = {
  rule: "PU-R1",
  because: "a balance of our own beside the one that counts the whole amount of an uncovered payment",
  lines: [ours(1, "balances", { balance_key: "purse_total_balance_insufficient_shortfall", balance_value: "0" })],
};

const P2P_LIST: Explanation = {
  rule: "BUG-5.4",
  because: "the reference writes the balance into the column of the target and leaves the balance at zero",
  lines: [
    ours(1, "purses", { purse_pub: /^\\x71958b/, balance: "2", target: "2" }),
    theirs(1, "purses", { purse_pub: /^\\x71958b/, balance: "0", target: "2" }),
  ],
};

const P2P_TOTAL: Explanation = {
  rule: "PU-R7",
  because: "what was paid into purses that are not decided; the reference counts all that ever was paid in (PU-16)",
  lines: [balance("purse_global_balance", "2", "6")],
};

const P2P_REFUNDS: Explanation = {
  rule: "BUG-5.6",
  because: "a purse that was deleted and one that was paid but not merged were refunded rightly (PU-R3)",
  lines: [refund("1"), refund("5")],
};

const P2P_PULL: Explanation = {
  rule: "BUG-5.3",
  because: "the reference counts a merge as if it were money, so that payment requests that nobody paid look paid",
  lines: [refund("4")],
};

const P2P_BALANCES: Explanation = {
  rule: "BUG-5.3",
  because: "the same, compared with the exchange's own figure; only with internal checks",
  lines: [theirs(3, "amount_arithmetic_inconsistency", { operation: "purse-balance", exchange_amount: "0" })],
};

const P2P = [SHORTFALL, P2P_LIST, P2P_TOTAL, P2P_REFUNDS, P2P_PULL];

/** What differs on the untouched datasets, after the first run and after the second one. */
function differencesOf(dataset: string, variant: Variant, run: 1 | 2): readonly Explanation[] {
  if (dataset === "p2p-rsa") return variant === "noi" ? P2P : [...P2P, P2P_BALANCES];
  if (dataset !== "kyc") return [SHORTFALL];
  const total = {
    rule: "PU-R7",
    because: "both purses are decided",
    lines: [balance("purse_global_balance", "0", "2")],
  };
  if (run === 1) return [SHORTFALL, total];
  const again = {
    rule: "BUG-5.2",
    because: "the reference reads the last decision again, with an empty purse",
    lines: [
      theirs(1, "amount_arithmetic_inconsistency", { operation: "purse-decision: merge", problem_row_id: "2" }),
      balance("purse_total_balance_insufficient_loss", "0", "1"),
    ],
  };
  return [SHORTFALL, total, again];
}

/** Where the reference crashed, the result with crash fixes stands for it. */
function variantsOf(dataset: string): Variant[] {
  return dataset === "p2p-rsa" || dataset === "kyc" ? ["patched", "noi"] : ["stock"];
}

async function checks(sql: Sql): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { check } of await openFindingsOf(sql)) counts[check] = (counts[check] ?? 0) + 1;
  return counts;
}

for (const name of datasets) {
  for (const variant of variantsOf(name)) {
    Deno.test(`purses: ${name}, ${variant}`, async () => {
      const info = datasetInfo(name);
      await withCopy(name, async (url, sql) => {
        const choice = { now: info.audit_now_us, internal: variant !== "noi" };
        await runOnePass(url, pursesPass, settingsOf(info), choice);
        const state = restrict(await auditorState(sql));
        for (const run of [1, 2] as const) {
          const differences = compareStates(state, reference(referenceState(name, variant, run)));
          assert.deepEqual(unexplained(differences, differencesOf(name, variant, run)), [], `run ${run}`);
        }
        assert.deepEqual(await checks(sql), {}, "an honest exchange");
        const before = await wholeAuditor(sql);
        const again = await runOnePass(url, pursesPass, settingsOf(info), choice);
        assert.equal(again.wrote, false);
        assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
      });
    });
  }
}

/** A tampered dataset: what differs beside the differences of its base, and our findings by check. */
interface Tampered {
  differences: readonly Explanation[];
  /** Rules of the base that do not show here. */
  without?: readonly Explanation[];
  checks: Readonly<Record<string, number>>;
}

const MUTATIONS: Readonly<Record<string, Tampered>> = {
  "69-purse-request-sig-wrong": { differences: [], checks: { "PU-1": 1 } },
  "72-purse-merge-sig-wrong": { differences: [], checks: { "PU-2": 1 } },
  "73-account-merge-sig-wrong": {
    differences: [{
      rule: "PU-R1",
      because: "the money of the purse moved without a consent that counts, not only the fee of zero (PU-7)",
      lines: [
        ours(1, "bad_sig_losses", { operation: "account-merge", problem_row_id: "2", loss: "0.99" }),
        balance("purse_total_bad_sig_loss", "0.99", "0"),
      ],
    }],
    checks: { "PU-7": 1, "PU-R1": 1 },
  },
  "75-purse-balance-wrong": {
    differences: [{
      rule: "PU-R8",
      because: "the finding names the row of the purse, and not row 0",
      lines: [
        ours(1, "amount_arithmetic_inconsistency", {
          operation: "purse-balance",
          problem_row_id: "8",
          exchange_amount: "9",
          auditor_amount: "2",
        }),
        theirs(1, "amount_arithmetic_inconsistency", {
          operation: "purse-balance",
          problem_row_id: "0",
          exchange_amount: "9",
          auditor_amount: "2",
        }),
      ],
    }],
    checks: { "PU-R8": 1 },
  },
  "76-reserve-close-request-sig-wrong": { differences: [], checks: {} },
  "77-reserve-open-deposit-sig-wrong": { differences: [], checks: {} },
  "81-timetravel-p2p-5d": {
    differences: [{
      rule: "BUG-5.7",
      because: "the reference looks for expired purses before it has listed any (PU-14 as PU-R4)",
      lines: [
        ours(1, "purse_not_closed_inconsistencies", { purse_pub: /^\\x71958b/, amount: "2" }),
        ours(3, "purse_not_closed_inconsistencies", { amount: "0" }),
        balance("purse_total_delayed_decisions", "2", "0"),
        balance("purse_total_balance_purse_not_closed", "2", "0"),
      ],
    }],
    checks: { "PU-14": 4 },
  },
  "91-signkey-irrelevant-global-fee-deleted": {
    without: [P2P_LIST, P2P_REFUNDS, P2P_PULL, P2P_BALANCES],
    differences: [
      {
        rule: "PU-10",
        because: "one finding for each purse; the reference repeats it for decided purses at the end",
        lines: [theirs(5, "row_inconsistency", { row_table: "purse-fee" })],
      },
      {
        rule: "BUG-5.5",
        because: "without fees the reference keeps no list of open purses at all; no fee is in a purse",
        lines: [ours(4, "purses")],
      },
    ],
    checks: { "PU-10": 9 },
  },
  "93-account-merge-deleted": {
    differences: [{
      rule: "PU-R1",
      because: "the reference does not miss a consent (BUG-5.10)",
      lines: [
        ours(1, "bad_sig_losses", { operation: "account-merge", problem_row_id: "2", loss: "0.99" }),
        balance("purse_total_bad_sig_loss", "0.99", "0"),
      ],
    }],
    checks: { "PU-R1": 1 },
  },
};

Deno.test({ name: "purses: every mutation of a dataset with purses is here", ignore: mutations.length === 0 }, () => {
  const concerned = mutations.filter((m) => /^(p2p-rsa|kyc)$/.test(baseOfMutation(m)));
  assert.deepEqual(Object.keys(MUTATIONS), concerned);
});

for (const name of mutations) {
  const entry = MUTATIONS[name];
  if (entry === undefined) continue;
  Deno.test(`purses: ${name}`, async () => {
    const base = baseOfMutation(name);
    const info = datasetInfo(base);
    const now = info.audit_now_us + mutationFacts(name).later;
    await withCopy(base, async (url, sql) => {
      await applyMutation(sql, mutationPath(name));
      await runOnePass(url, pursesPass, settingsOf(info), { now });
      const expected = new Map(reference(mutationState(name, 1))).set("purses", listedPurses(name));
      const inherited = differencesOf(base, "patched", 1).filter((e) => !(entry.without ?? []).includes(e));
      const differences = compareStates(restrict(await auditorState(sql)), expected);
      assert.deepEqual(unexplained(differences, [...entry.differences, ...inherited]), []);
      assert.deepEqual(await checks(sql), entry.checks);
      const before = await wholeAuditor(sql);
      await runOnePass(url, pursesPass, settingsOf(info), { now });
      assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
    });
  });
}

/** Three parts of a dataset, each a limit on every table of the pass; the last one has none. */
async function parts(sql: Sql): Promise<(ReadonlyMap<string, bigint> | undefined)[]> {
  const tables = {
    purse_requests: "purse_requests_serial_id",
    purse_merges: "purse_merge_request_serial_id",
    purse_deposits: "purse_deposit_serial_id",
    account_merges: "account_merge_request_serial_id",
    purse_decision: "purse_decision_serial_id",
    purse_deletion: "purse_deletion_serial_id",
  };
  const limits: Map<string, bigint>[] = [new Map(), new Map()];
  let odd = false;
  for (const [table, serial] of Object.entries(tables)) {
    const [row] = await sql.unsafe(`SELECT max(${serial}) + 1 AS end FROM exchange.${table}`);
    const end = row!["end"] as bigint;
    // some tables run ahead of the others, so that rows come before what they belong to
    limits[0]!.set(table, odd ? end / 4n + 1n : end / 2n);
    limits[1]!.set(table, odd ? end / 2n + 1n : end - 1n);
    odd = !odd;
  }
  return [...limits, undefined];
}

for (const name of ["p2p-rsa", "73-account-merge-sig-wrong", "81-timetravel-p2p-5d"]) {
  Deno.test(
    { name: `purses: ${name} in three parts is ${name} in one`, ignore: mutations.length === 0 },
    async () => {
      const mutated = name !== "p2p-rsa";
      const base = mutated ? baseOfMutation(name) : name;
      const info = datasetInfo(base);
      const now = info.audit_now_us + (mutated ? mutationFacts(name).later : 0n);
      const whole = await withCopy(base, async (url, sql) => {
        if (mutated) await applyMutation(sql, mutationPath(name));
        await runOnePass(url, pursesPass, settingsOf(info), { now });
        return [await auditorState(sql), await ownState(sql)];
      });
      await withCopy(base, async (url, sql) => {
        if (mutated) await applyMutation(sql, mutationPath(name));
        for (const limits of await parts(sql)) {
          const choice = { now, pageRows: 1, ...(limits === undefined ? {} : { limits }) };
          await runOnePass(url, pursesPass, settingsOf(info), choice);
        }
        assert.deepEqual([await auditorState(sql), await ownState(sql)], whole);
      });
    },
  );
}

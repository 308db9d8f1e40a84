// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The three passes on datasets that were tampered with: they find what the reference found but for the table of
 * differences, and what the specification demands where the reference found nothing.
 */
import assert from "node:assert/strict";
import { signBlock } from "../../core/crypto/blocks.ts";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { hashPayto } from "../../core/crypto/objects.ts";
import type { Sql } from "../../core/db/connect.ts";
import { DAY } from "../../core/taler/time.ts";
import {
  auditorState,
  auditWell,
  checkCounts,
  compareStates,
  mutationFacts,
  mutationState,
  noteAbsence,
  wholeAuditor,
  withAuditor,
  withCopy,
} from "../support/audit.ts";
import {
  applyMutation,
  baseOfMutation,
  type DatasetInfo,
  datasetInfo,
  mutationNames,
  mutationPath,
} from "../support/golden.ts";
import { type AuditedMutation, type Checks, DATASETS, MUTATIONS } from "./differences.ts";
import { type Explanation, restrict, unexplained } from "./explain.ts";

const names = mutationNames();
const ignore = names.length === 0;
noteAbsence(names);

Deno.test({ name: "every mutation is in the table", ignore }, () => {
  assert.deepEqual(Object.keys(MUTATIONS), names);
});

Deno.test(
  { name: "mutations left to other passes change nothing but the bank's history", ignore },
  () => {
    for (const name of names) {
      const facts = mutationFacts(name);
      assert.equal("notHere" in MUTATIONS[name]!, facts.sql === "" && facts.later === 0n, name);
      if ("notHere" in MUTATIONS[name]!) assert.notEqual(facts.bank, undefined, name);
    }
  },
);

function added(base: Checks, more: Checks): Checks {
  const sum: Record<string, number> = { ...base };
  for (const [check, n] of Object.entries(more)) sum[check] = (sum[check] ?? 0) + n;
  return sum;
}

function tableOf(base: readonly Explanation[], entry: AuditedMutation): Explanation[] {
  const inherited = base.filter((e) => e.only !== "plain" && !(entry.without ?? []).includes(e.rule));
  for (const rule of entry.without ?? []) {
    assert.ok(base.some((e) => e.rule === rule), `the dataset has no difference ${rule} to leave out`);
  }
  return [...entry.differences ?? [], ...inherited];
}

for (const name of names) {
  const entry = MUTATIONS[name];
  if (entry === undefined || "notHere" in entry) continue;
  Deno.test(name, async () => {
    const base = baseOfMutation(name);
    const info = datasetInfo(base);
    const now = info.audit_now_us + mutationFacts(name).later;
    const expected = DATASETS[base]!;
    await withCopy(base, async (url, sql) => {
      await applyMutation(sql, mutationPath(name));
      await withAuditor(url, info, { now }, async ({ runWell }) => {
        await runWell();
        const differences = compareStates(restrict(await auditorState(sql)), restrict(mutationState(name, 1)));
        assert.deepEqual(unexplained(differences, tableOf(expected.differences, entry)), []);
        assert.deepEqual(await checkCounts(sql), added(expected.checks, entry.checks));
        assert.equal(
          Object.keys(entry.checks).length === 0,
          entry.because !== undefined,
          "finding nothing needs a reason",
        );
        const before = await wholeAuditor(sql);
        await runWell();
        assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
      });
    });
  });
}

/** Changes a copy of a dataset, audits it, and tells which checks report more than on the untouched one, and less. */
async function checksAfter(
  dataset: string,
  change: (sql: Sql) => Promise<unknown>,
  choice: { later?: bigint; internal?: boolean } = {},
): Promise<Record<string, number>> {
  const info = datasetInfo(dataset);
  return await withCopy(dataset, async (url, sql) => {
    await change(sql);
    await auditWell(url, info, {
      now: info.audit_now_us + (choice.later ?? 0n),
      internal: choice.internal ?? true,
    });
    const less = Object.fromEntries(Object.entries(DATASETS[dataset]!.checks).map(([c, n]) => [c, -n]));
    return Object.fromEntries(Object.entries(added(await checkCounts(sql), less)).filter(([, n]) => n !== 0));
  });
}

/** Mutation 20 writes what is there already; this one does not. */
Deno.test({ name: "X-16: remaining value of a coin altered", ignore }, async () => {
  const change = (sql: Sql) =>
    sql`UPDATE exchange.known_coins SET remaining.val = 3
      WHERE known_coin_id = (SELECT min(known_coin_id) FROM exchange.known_coins)`;
  assert.deepEqual(await checksAfter("small-postagg", change), { "X-16": 1 });
  assert.deepEqual(await checksAfter("small-postagg", change, { internal: false }), {});
});

/** The coin was spent once; when the deposit and its entry in the history are erased, only what is left of it tells. */
Deno.test({ name: "X-16: a coin's only deposit erased without trace", ignore }, async () => {
  const found = await checksAfter("small-preagg", (sql) =>
    sql.unsafe(`SET session_replication_role = replica;
      DELETE FROM exchange.coin_history WHERE table_name = 'coin_deposits' AND serial_id = 1;
      DELETE FROM exchange.batch_deposits
        WHERE batch_deposit_serial_id = (SELECT batch_deposit_serial_id FROM exchange.coin_deposits
          WHERE coin_deposit_serial_id = 1);
      DELETE FROM exchange.coin_deposits WHERE coin_deposit_serial_id = 1`));
  assert.deepEqual(found, { "X-16": 1 });
});

Deno.test({ name: "C-16 with D-4: refunds below the refund fee, of which the reference dies", ignore }, async () => {
  const found = await checksAfter(
    "exchange-api-rsa",
    (sql) =>
      sql`UPDATE exchange.denominations SET fee_refund = (6, 0) WHERE denominations_serial IN
      (SELECT denominations_serial FROM exchange.known_coins JOIN exchange.refunds USING (coin_pub))`,
  );
  // the fee is charged to the two coins: both are overspent, and the master key did not sign it
  assert.equal(found["C-16"], 3);
  assert.deepEqual(Object.keys(found).sort(), ["A-13", "C-16", "C-4", "X-16", "X-2"]);
});

Deno.test({ name: "A-14 with D-30: deposits below the deposit fee, of which the reference dies", ignore }, async () => {
  const found = await checksAfter(
    "small-postagg",
    (sql) => sql`UPDATE exchange.denominations SET fee_deposit = (2, 0) WHERE (coin).val = 5`,
  );
  assert.deepEqual(found, { "A-14": 200, "A-22": 10, "A-23": 10, "C-11": 200, "X-2": 1 });
});

Deno.test(
  { name: "R-16 with D-22: a reserve overdrawn and expired, of which the reference dies", ignore },
  async () => {
    const found = await checksAfter(
      "small-postagg",
      (sql) => applyMutation(sql, mutationPath("01-reserves-in-credit-lower")),
      { later: 45n * DAY },
    );
    assert.deepEqual(found, { "R-16": 1, "R-18": 2, "R-19": 39, "R-21": 1 });
  },
);

/** Lets a new reserve be closed on request to account `target`; its wallet signs for `signed`, undefined: no account. */
function closeOnRequest(info: DatasetInfo, target: string, signed: string | undefined, forged = false) {
  const at = info.audit_now_us / 1000000n * 1000000n - 3600_000000n;
  const seed = new Uint8Array(32).fill(7);
  const signature = signBlock("reserveClose", info.currency, seed, {
    requestTimestamp: at,
    hPayto: signed === undefined ? new Uint8Array(32) : hashPayto(signed),
  });
  if (forged) signature[3]! ^= 1;
  const bytes = (b: Uint8Array) => `'\\x${b.toHex()}'::bytea`;
  const reserve = bytes(publicKeyOf(seed));
  const account = (payto: string) =>
    `(SELECT wire_target_h_payto FROM exchange.wire_targets WHERE payto_uri = '${payto}')`;
  return (sql: Sql) =>
    sql.unsafe(`
      INSERT INTO exchange.reserves (reserve_pub, expiration_date, gc_date) VALUES (${reserve}, ${at}, ${at});
      INSERT INTO exchange.reserves_in (reserve_pub, wire_reference, credit, wire_source_h_payto,
          exchange_account_section, execution_date)
        VALUES (${reserve}, 99999, (10, 0), ${account(ORIGIN)}, 'exchange-account-1', ${at});
      INSERT INTO exchange.close_requests (close_request_serial_id, reserve_pub, close_timestamp, reserve_sig, close,
          close_fee, payto_uri)
        VALUES (77, ${reserve}, ${at}, ${bytes(signature)}, (10, 0), (0, 1000000), '${target}');
      INSERT INTO exchange.reserves_close (reserve_pub, execution_date, wtid, wire_target_h_payto, amount, closing_fee,
          close_request_row)
        VALUES (${reserve}, ${at}, ${bytes(new Uint8Array(32).fill(9))}, ${
      account(target)
    }, (10, 0), (0, 1000000), 77)`);
}

const ORIGIN = "payto://x-taler-bank/localhost/42?receiver-name=42";
const OTHER = "payto://x-taler-bank/localhost/43?receiver-name=43";

Deno.test({ name: "R-12 with D-10: closes on request, of which the reference dies", ignore }, async () => {
  const info = datasetInfo("small-postagg");
  const found = async (target: string, signed: string | undefined, forged = false) =>
    await checksAfter(info.name, closeOnRequest(info, target, signed, forged));
  assert.deepEqual(await found(ORIGIN, ORIGIN), {}, "signed for the account it came from");
  assert.deepEqual(await found(ORIGIN, undefined), {}, "signed for no account");
  assert.deepEqual(await found(OTHER, OTHER), {}, "signed for another account");
  assert.deepEqual(await found(ORIGIN, ORIGIN, true), { "R-12": 1 }, "signature altered");
  assert.deepEqual(await found(ORIGIN, OTHER), { "R-12": 1 }, "signed for another account than stored");
  assert.deepEqual(await found(OTHER, undefined), { "R-12": 1 }, "no account signed, and not the one it came from");
});

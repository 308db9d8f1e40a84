// SPDX-License-Identifier: AGPL-3.0-or-later
/** What later runs look at is less than everything, and that nothing is missed by it (architecture, "What a run costs"). */
import assert from "node:assert/strict";
import { ALL_PASSES, BANK_PASSES } from "../../core/audit/run.ts";
import type { Sql } from "../../core/db/connect.ts";
import { readRows } from "../../core/exchange/source.ts";
import { INDEXED_MOVEMENTS, RESERVE_MOVEMENTS } from "../../core/exchange/v014/reserves.ts";
import { DAY } from "../../core/taler/time.ts";
import {
  type AuditorState,
  auditorState,
  auditWell,
  compareStates,
  noteAbsence,
  wholeAuditor,
  wholeState,
  withCopy,
} from "../support/audit.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { spoil } from "../support/hostile.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);

const PASSES = ALL_PASSES.map((p) => p.name).filter((name) => !BANK_PASSES.includes(name));
const FORGED = "decode(repeat('00', 64), 'hex')";
const AS_REPLICA = "SET LOCAL session_replication_role = replica";

/** Findings of some checks that are open, as their texts. */
async function openOf(sql: Sql, check: string): Promise<string[]> {
  const rows = await sql`SELECT content ->> 'problem_row_id' AS problem_row, content ->> 'diagnostic' AS diagnostic
    FROM auditor.auditor_x_standing WHERE check_id = ${check} ORDER BY key`;
  return rows.map((r) => `${r["diagnostic"] ?? r["problem_row"]}`);
}

/** Places in the auditor's lists, by column. */
async function listed(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql`SELECT source, count(*)::int4 AS places FROM auditor.auditor_x_lookup GROUP BY 1 ORDER BY 1`;
  return Object.fromEntries(rows.map((r) => [r["source"], r["places"]]));
}

/** A reserve is closed with all that it has, a recoup included. */
const RECOUPED_AND_SPENT = `INSERT INTO exchange.reserves_close
     (close_uuid, reserve_pub, execution_date, wtid, wire_target_h_payto, amount, closing_fee)
   SELECT 99, r.reserve_pub, rc.recoup_timestamp + 1000000, r.reserve_pub, ri.wire_source_h_payto, r.current_balance,
     '(0,0)'
   FROM exchange.recoup rc JOIN exchange.reserves_out ro USING (reserve_out_serial_id)
   JOIN exchange.reserves r USING (reserve_uuid) JOIN exchange.reserves_in ri ON ri.reserve_pub = r.reserve_pub
   ORDER BY rc.recoup_uuid LIMIT 1`;

/** Deletions of purses that nobody knows; but for its own deletion the first purse was refunded too early. */
const DELETIONS = `UPDATE exchange.purse_requests SET purse_expiration = purse_expiration + 864000000000
   WHERE purse_requests_serial_id = 1;
   INSERT INTO exchange.purse_deletion (purse_deletion_serial_id, purse_pub, purse_sig)
   SELECT 100 + n, sha256(int4send(n)), ${FORGED} FROM generate_series(1, 9) n`;
/** The first payment of that coin is not committed yet, and then is. */
const TAKE_PAYMENT = `CREATE TABLE public.payment AS SELECT * FROM exchange.purse_deposits
   WHERE purse_deposit_serial_id = 2;
   DELETE FROM exchange.purse_deposits WHERE purse_deposit_serial_id = 2`;
const BRING_PAYMENT = "INSERT INTO exchange.purse_deposits SELECT * FROM public.payment";
/** A coin is paid once more into a purse that was deleted long before, and into one that is open. */
const LATE_PAYMENTS =
  `INSERT INTO exchange.purse_deposits (purse_deposit_serial_id, purse_pub, coin_pub, amount_with_fee, coin_sig)
   SELECT 49 + purse_requests_serial_id, purse_pub,
     (SELECT coin_pub FROM exchange.purse_deposits WHERE purse_deposit_serial_id = 2), '(3,0)', ${FORGED}
   FROM exchange.purse_requests WHERE purse_requests_serial_id IN (1, 8)`;

Deno.test({
  name: "incremental: whether places of coins and purses are listed makes no difference",
  ignore,
  fn: async () => {
    const info = datasetInfo("p2p-rsa");
    const story = (pageRows: number, late = false) =>
      withCopy("p2p-rsa", async (url, sql) => {
        await spoil(url, [AS_REPLICA, DELETIONS]);
        if (late) await spoil(url, [AS_REPLICA, TAKE_PAYMENT]);
        await auditWell(url, info, { passes: PASSES, pageRows });
        const places = await listed(sql);
        if (late) await spoil(url, [AS_REPLICA, BRING_PAYMENT]);
        await spoil(url, [AS_REPLICA, "ALTER TABLE exchange.purse_deposits DROP CONSTRAINT purse_deposits_pkey"]);
        await spoil(url, [AS_REPLICA, LATE_PAYMENTS]);
        await auditWell(url, info, { passes: PASSES, pageRows });
        const before = await wholeAuditor(sql);
        await auditWell(url, info, { passes: PASSES, pageRows });
        assert.deepEqual(await wholeAuditor(sql), before, "a further run writes nothing");
        return { places, state: await wholeState(sql), overspent: await openOf(sql, "C-4") };
      });
    const whole = await story(4000), small = await story(1);
    assert.deepEqual(whole.places, {});
    assert.deepEqual(small.places, { "purse_deletion.purse_pub": 8, "purse_deposits.coin_pub": 4 });
    assert.equal(whole.overspent.length, 1, "the coin was overspent by all its payments together");
    assert.deepEqual(compareStates(small.state, whole.state), []);
    // the coin's first payment is committed late, below what is listed
    const [wholeLate, smallLate] = [await story(4000, true), await story(1, true)];
    assert.equal(smallLate.places["purse_deposits.coin_pub"], 3);
    assert.equal(smallLate.overspent.length, 1);
    assert.deepEqual(compareStates(smallLate.state, wholeLate.state), []);
    assert.deepEqual(smallLate.overspent, whole.overspent);
  },
});

Deno.test({
  name: "incremental: a coin whose deposits vanish is noticed a day later, and stays reported",
  ignore,
  fn: async () => {
    const info = datasetInfo("small-postagg"), now = info.audit_now_us;
    await withCopy("small-postagg", async (url, sql) => {
      const remaining = async (at: bigint) => {
        await auditWell(url, info, { passes: PASSES, now: at });
        return (await openOf(sql, "X-16")).length;
      };
      const before = await remaining(now);
      await spoil(url, [AS_REPLICA, "DELETE FROM exchange.coin_deposits WHERE coin_deposit_serial_id = 1"]);
      assert.equal(await remaining(now + DAY - 1_000_000n), before);
      assert.equal(await remaining(now + DAY), before + 1);
      assert.equal(await remaining(now + DAY + 1_000_000n), before + 1);
    });
  },
});

for (const name of names) {
  Deno.test(`incremental: easy movements of reserves are all there are on honest data: ${name}`, async () => {
    await withCopy(name, async (_url, sql) => {
      const keys = (await sql`SELECT encode(reserve_pub, 'hex') AS key FROM exchange.reserves`).map((r) => r["key"]);
      const read = async (select: string) =>
        (await readRows(sql, "reserves", select, [keys], (r) => {
          r.skipRest();
          return null;
        })).map((r) => r.serial);
      assert.deepEqual(await read(INDEXED_MOVEMENTS), await read(RESERVE_MOVEMENTS));
    });
  });
}

Deno.test({
  name: "incremental: credits of a reserve that only a whole table shows are found before it is called overdrawn",
  ignore,
  fn: () =>
    withCopy("revocation-rsa", async (url, sql) => {
      // the reserve got its money back by a recoup, and spent it after that
      await spoil(url, [AS_REPLICA, RECOUPED_AND_SPENT, "DELETE FROM exchange.recoup_by_reserve"]);
      await auditWell(url, datasetInfo("revocation-rsa"), { passes: PASSES });
      assert.deepEqual(await openOf(sql, "R-16"), []);
      assert.deepEqual(await openOf(sql, "X-15"), []);
    }),
});

/** Rows that the schema allows once for a purse, with their constraint. */
const REPEATED: Record<string, { sql: string; findings: string[] }> = {
  "two consents to the merge of one purse": {
    sql: `ALTER TABLE exchange.account_merges DROP CONSTRAINT account_merges_pkey CASCADE;
      INSERT INTO exchange.account_merges
        (account_merge_request_serial_id, reserve_pub, reserve_sig, purse_pub, wallet_h_payto)
      SELECT 99, reserve_pub, reserve_sig, purse_pub, wallet_h_payto FROM exchange.account_merges
      WHERE account_merge_request_serial_id = 3`,
    findings: ["account_merges 99", "purse_requests 4"],
  },
  "two contracts of one purse": {
    sql: `ALTER TABLE exchange.contracts DROP CONSTRAINT contracts_pkey CASCADE;
      INSERT INTO exchange.contracts (contract_serial_id, purse_pub, pub_ckey, contract_sig, e_contract, purse_expiration)
      SELECT 99, purse_pub, pub_ckey, contract_sig, e_contract, purse_expiration FROM exchange.contracts
      WHERE contract_serial_id = 4`,
    findings: ["purse_requests 4"],
  },
};

for (const [title, { sql: change, findings }] of Object.entries(REPEATED)) {
  Deno.test({
    name: `D-5: ${title} are found, and counted once`,
    ignore,
    fn: async () => {
      const info = datasetInfo("p2p-rsa");
      const audit = (statements: string[]) =>
        withCopy("p2p-rsa", async (url, sql) => {
          await spoil(url, statements);
          await auditWell(url, info, { passes: PASSES });
          await auditWell(url, info, { passes: PASSES });
          const rows = await sql`SELECT content ->> 'row_table' || ' ' || (content ->> 'problem_row_id') AS row
            FROM auditor.auditor_x_journal WHERE check_id = 'D-5' AND event = 'opened' ORDER BY 1`;
          return { repeated: rows.map((r) => r["row"]), state: await auditorState(sql) };
        });
      const honest = await audit([]), repeated = await audit([change]);
      assert.deepEqual(honest.repeated, []);
      assert.deepEqual(repeated.repeated, findings);
      const others = (state: AuditorState) =>
        new Map([...state].filter(([table]) => !["row_inconsistency", "progress"].includes(table)));
      assert.deepEqual(compareStates(others(repeated.state), others(honest.state)), []);
    },
  });
}

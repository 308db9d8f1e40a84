// SPDX-License-Identifier: AGPL-3.0-or-later
/** Schema auditor: creating, completing, restarting, resetting, and its stored functions and notification. */

import assert from "node:assert/strict";
import { detectAuditorSchema } from "../../core/db/auditor-detect.ts";
import {
  AUDITOR_PATCHES,
  DEPOSIT_CONFIRMATION_CHANNEL,
  initAuditorSchema,
  resetAuditor,
  restartAuditor,
} from "../../core/db/auditor-schema.ts";
import type { Sql } from "../../core/db/connect.ts";
import { appliedPatches } from "../../core/db/versioning.ts";
import { createExchangeSchema } from "../../core/exchange/schema.ts";
import { fillTables } from "../support/auditor_rows.ts";
import { withDatabase } from "../support/server.ts";

/** Tables that a restart empties in the reference (sync-dbinit-report.md B.2), without the two historic ones. */
const RESTARTED = `
  amount_arithmetic_inconsistency bad_sig_losses balances closure_lags coin_inconsistency
  denomination_key_validity_withdraw_inconsistency denomination_pending denominations_without_sigs emergency
  emergency_by_count fee_time_inconsistency misattribution_in_inconsistency pending_deposits progress
  purse_not_closed_inconsistencies purses refreshes_hanging reserve_balance_insufficient_inconsistency
  reserve_balance_summary_wrong_inconsistency reserve_in_inconsistency reserve_not_closed_inconsistency reserves
  row_inconsistency row_minor_inconsistencies wire_format_inconsistency wire_out_inconsistency`
  .trim().split(/\s+/).map((name) => `auditor_${name}`);
const HISTORIC = ["auditor_historic_denomination_revenue", "auditor_historic_reserve_summary"];
const KEPT = ["auditor_deposit_confirmations", "auditor_exchange_signkeys"];
/** Evidence that we moved out of the reference's table. */
const OWN_KEPT = "auditor_x_confirmation_archive";

async function filledTables(sql: Sql): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class where relnamespace = 'auditor'::regnamespace and relkind = 'r' order by 1`;
  const result: string[] = [];
  for (const { name } of tables) {
    if ((await sql.unsafe(`select 1 from auditor.${name} limit 1`)).length > 0) result.push(name);
  }
  return result;
}

Deno.test("creating is idempotent and completes what is missing", () =>
  withDatabase(async (sql) => {
    assert.deepEqual(await initAuditorSchema(sql), AUDITOR_PATCHES);
    assert.deepEqual(await initAuditorSchema(sql), []);
    assert.deepEqual(await appliedPatches(sql, "auditor-"), AUDITOR_PATCHES);
    assert.equal((await detectAuditorSchema(sql)).accepted, true);
    // a database of the reference: its two patches, none of our tables
    await sql.unsafe(`
      select _v.unregister_patch('auditor-x-0001');
      do $$ declare t text; begin
        for t in select relname from pg_class where relkind = 'r' and relname like 'auditor\\_x\\_%' loop
          execute format('drop table auditor.%I cascade', t);
        end loop; end $$`);
    assert.equal((await detectAuditorSchema(sql)).accepted, false);
    assert.deepEqual(await initAuditorSchema(sql), ["auditor-x-0001"]);
    assert.equal((await detectAuditorSchema(sql)).accepted, true);
  }));

Deno.test("creating lives with the exchange's schema in one database", () =>
  withDatabase(async (sql) => {
    await createExchangeSchema(sql);
    await initAuditorSchema(sql);
    await resetAuditor(sql);
    assert.deepEqual(await appliedPatches(sql, "auditor-"), []);
    assert.equal((await appliedPatches(sql, "exchange-"))?.length, 7);
  }));

Deno.test("a failure leaves whole patches only", () =>
  withDatabase(async (sql) => {
    await initAuditorSchema(sql);
    await sql.unsafe("select _v.unregister_patch('auditor-x-0001')");
    await assert.rejects(() => initAuditorSchema(sql), { code: "42P07" });
    assert.deepEqual(await appliedPatches(sql, "auditor-"), ["auditor-0001", "auditor-0002"]);
    await resetAuditor(sql);
    await sql`create schema auditor`;
    await assert.rejects(() => initAuditorSchema(sql), { code: "42P06" });
    assert.deepEqual(await appliedPatches(sql, "auditor-"), []);
  }));

Deno.test("a restart forgets the state and keeps what others handed in", () =>
  withDatabase(async (sql) => {
    await initAuditorSchema(sql);
    await sql`create table auditor.foreign_notes as select 1 as n`;
    await fillTables(sql);
    const before = await filledTables(sql);
    const own = before.filter((name) => name.startsWith("auditor_x_"));
    assert.deepEqual(before, [...RESTARTED, ...HISTORIC, ...KEPT, ...own, "foreign_notes"].sort());
    assert.deepEqual(await restartAuditor(sql), [...RESTARTED, ...own.filter((name) => name !== OWN_KEPT)].sort());
    assert.deepEqual(await filledTables(sql), [...HISTORIC, ...KEPT, OWN_KEPT, "foreign_notes"].sort());
    await restartAuditor(sql, { dropHistoric: true });
    assert.deepEqual(await filledTables(sql), [...KEPT, OWN_KEPT, "foreign_notes"].sort());
  }));

Deno.test("a reset drops everything, twice if need be", () =>
  withDatabase(async (sql) => {
    await resetAuditor(sql);
    await initAuditorSchema(sql);
    await sql`select _v.register_patch('auditor-triggers-0001')`;
    await fillTables(sql);
    await resetAuditor(sql);
    assert.deepEqual(await appliedPatches(sql, "auditor-"), ["auditor-triggers-0001"]);
    assert.equal((await detectAuditorSchema(sql)).accepted, false);
    await resetAuditor(sql);
    assert.deepEqual(await initAuditorSchema(sql), AUDITOR_PATCHES);
    assert.deepEqual(await filledTables(sql), []);
  }));

Deno.test("stored functions answer in the order of the keys", () =>
  withDatabase(async (sql) => {
    await initAuditorSchema(sql);
    await sql.unsafe(`
      insert into auditor.auditor_progress values ('a', 5), ('b', 7);
      insert into auditor.auditor_balances (balance_key, balance_value) values ('a', (1,2)), ('b', (3,4))`);
    const progress =
      await sql`select * from auditor.auditor_do_get_auditor_progress(array['b', 'none', 'a', 'b']) as v`;
    assert.deepEqual(progress.map((row) => row.v), [7n, null, 5n, 7n]);
    const balances =
      await sql`select (v).val, (v).frac from auditor.auditor_do_get_balance(array['b', 'none', 'a']) as v`;
    assert.deepEqual(balances.map((row) => ({ ...row })), [
      { val: 3n, frac: 4 },
      { val: null, frac: null },
      { val: 1n, frac: 2 },
    ]);
  }));

Deno.test("a new deposit confirmation is announced on the lower-case channel", () =>
  withDatabase(async (sql) => {
    await initAuditorSchema(sql);
    const heard: string[] = [];
    const end = Promise.withResolvers<void>();
    await sql.listen(DEPOSIT_CONFIRMATION_CHANNEL, (payload) => heard.push(payload));
    await sql.listen("end_of_test", () => end.resolve());
    await sql.unsafe(`
      insert into auditor.auditor_deposit_confirmations
        (h_contract_terms, h_policy, h_wire, exchange_timestamp, refund_deadline, wire_deadline, total_without_fee,
         coin_pubs, coin_sigs, merchant_pub, exchange_sig, exchange_pub, master_sig)
      select h, h, h, 0, 0, 0, (1,0)::auditor.taler_amount, array[k], array[h], k, h, k, h
        from (values (decode(repeat('00', 64), 'hex'), decode(repeat('00', 32), 'hex'))) as v (h, k)`);
    await sql.notify("end_of_test", "");
    await end.promise;
    assert.deepEqual(heard, [""]);
  }));

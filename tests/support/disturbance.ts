// SPDX-License-Identifier: AGPL-3.0-or-later
/** Audits that are disturbed, and what an undisturbed one leaves. */
import assert from "node:assert/strict";
import type { Sql } from "../../core/db/connect.ts";
import { auditorState, auditWell, ownState, withCopy } from "./audit.ts";
import { datasetInfo } from "./golden.ts";
import { spoil } from "./hostile.ts";

/** What is audited. */
export const DATASET = "bench-mid";

/** Something to find in every pass, so that commits have findings in them. */
export const FRAUDS = `
  UPDATE exchange.coin_deposits SET coin_sig = sha512(int8send(coin_deposit_serial_id))
   WHERE coin_deposit_serial_id % 100 = 0;
  UPDATE exchange.known_coins SET denom_sig = '' WHERE known_coin_id % 150 = 0;
  UPDATE exchange.reserves_out SET reserve_sig = sha512(int8send(reserve_out_serial_id))
   WHERE reserve_out_serial_id % 200 = 0;
  UPDATE exchange.wire_out SET amount.val = (amount).val + 1 WHERE wireout_uuid % 10 = 0`;

/** All that runs leave, without row numbers and times of the clock: findings, state, balances, progress, journal. */
export async function traces(sql: Sql): Promise<Record<string, unknown>> {
  const journal = await sql`SELECT concat_ws(' ', r.pass, j.event, j.check_id, j.finding_table, j.content::text) AS line
    FROM auditor.auditor_x_journal j JOIN auditor.auditor_x_run r USING (run_id) ORDER BY 1`;
  const runs = await sql`SELECT concat_ws(' ', pass, clock, source_rows, opened, changed, resolved) AS line
    FROM auditor.auditor_x_run ORDER BY 1`;
  const state = [...await auditorState(sql), ...await ownState(sql)];
  return {
    ...Object.fromEntries(state),
    journal: journal.map((r) => r["line"]),
    runs: runs.map((r) => r["line"]),
  };
}

/** Compares two results of {@link traces}. */
export function assertSame(ours: Record<string, unknown>, undisturbed: Record<string, unknown>): void {
  for (const table of Object.keys(undisturbed)) assert.deepEqual(ours[table], undisturbed[table], table);
}

/** What an undisturbed run leaves; audited once per process. */
export const undisturbed = ((): () => Promise<Record<string, unknown>> => {
  let known: Promise<Record<string, unknown>> | undefined;
  return () =>
    known ??= withCopy(DATASET, async (url, sql) => {
      await spoil(url, [FRAUDS]);
      await auditWell(url, datasetInfo(DATASET));
      return await traces(sql);
    });
})();

/** The result of something that must not take longer; what hangs fails. */
export async function within<T>(time_ms: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not done after ${time_ms} ms`)), time_ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the end of the sessions of an audit that is gone: its lock lives as long as they do. */
export async function waitForSessions(sql: Sql): Promise<void> {
  await sql.unsafe("SET statement_timeout = '20s'");
  await sql.unsafe(`DO $$ BEGIN
    WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()) LOOP
      PERFORM pg_sleep(0.005);
      PERFORM pg_stat_clear_snapshot();
    END LOOP;
  END $$`);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The triggers of our DDL against a real exchange's: rows of the log tables are taken out and inserted again with
 * triggers at work; the derived tables must then hold what the exchange's own triggers had put there.
 */

import assert from "node:assert/strict";
import { connect, type TransactionSql } from "../../core/db/connect.ts";
import { datasetNames, loadDataset } from "../support/golden.ts";
import { sharedServer, targetOf } from "../support/server.ts";

/** Tables with an insert trigger, so ordered that a row finds what its trigger looks for. */
const LOGS = [
  "reserves_in",
  "reserves_out",
  "close_requests",
  "reserves_close",
  "reserves_open_requests",
  "history_requests",
  "coin_deposits",
  "refunds",
  "refresh_commitments",
  "reserves_open_deposits",
  "recoup",
  "recoup_refresh",
  "purse_requests",
  "purse_deposits",
  "purse_decision",
];

/** Derived tables without the numbers that depend on the order of events. */
const DERIVED = {
  coin_history: "coin_pub, table_name, serial_id",
  reserve_history: "reserve_pub, table_name, serial_id",
  recoup_by_reserve: "reserve_out_serial_id, coin_pub",
  purse_actions: "purse_pub, action_date",
  purse_requests: "purse_pub, was_decided",
};

async function derived(tx: TransactionSql): Promise<Record<string, string[]>> {
  const result: Record<string, string[]> = {};
  for (const [table, columns] of Object.entries(DERIVED)) {
    const rows = await tx.unsafe<{ text: string }[]>(
      `select (row(${columns}))::text as text from exchange.${table} order by 1`,
    );
    result[table] = rows.map((row) => row.text);
  }
  return result;
}

async function replay(tx: TransactionSql): Promise<void> {
  await tx.unsafe("SET LOCAL session_replication_role = replica");
  for (const table of LOGS) {
    await tx.unsafe(
      `create temp table saved_${table} as select * from exchange.${table}; delete from exchange.${table}`,
    );
  }
  await tx.unsafe("update saved_purse_requests set was_decided = false");
  for (const table of ["coin_history", "reserve_history", "recoup_by_reserve", "purse_actions"]) {
    await tx.unsafe(`delete from exchange.${table}`);
  }
  await tx.unsafe("SET LOCAL session_replication_role = origin");
  for (const table of LOGS) {
    await tx.unsafe(`insert into exchange.${table} select * from saved_${table}`);
  }
}

for (const name of datasetNames()) {
  Deno.test(`triggers rebuild the derived tables of ${name}`, async () => {
    const server = await sharedServer();
    const database = new URL(await loadDataset(server, name)).pathname.slice(1);
    const sql = await connect(targetOf(server, database), { searchPath: [], applicationName: "taler-auditor test" });
    try {
      await sql.begin(async (tx) => {
        const expected = await derived(tx);
        await replay(tx);
        assert.deepEqual(await derived(tx), expected);
      });
    } finally {
      await sql.end();
      await server.dropDatabase(database);
    }
  });
}

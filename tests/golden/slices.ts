// SPDX-License-Identifier: AGPL-3.0-or-later
/** Datasets in pieces: an earlier state of the exchange's database, and parts of it by serial numbers. */
import type { Sql } from "../../core/db/connect.ts";

/** The tables that the stages of the three passes read, with the column that orders them. */
export const STAGE_TABLES: Readonly<Record<string, string>> = {
  reserves_in: "reserve_in_serial_id",
  reserves_out: "reserve_out_serial_id",
  age_withdraw: "age_withdraw_id",
  recoup: "recoup_uuid",
  recoup_refresh: "recoup_refresh_uuid",
  coin_deposits: "coin_deposit_serial_id",
  purse_deposits: "purse_deposit_serial_id",
  reserves_open_deposits: "reserve_open_deposit_uuid",
  refunds: "refund_serial_id",
  purse_decision: "purse_decision_serial_id",
  refresh_commitments: "melt_serial_id",
  reserves_open_requests: "open_request_uuid",
  reserves_close: "close_uuid",
  account_merges: "account_merge_request_serial_id",
  wire_out: "wireout_uuid",
};

/** The highest serial number of each stage table, 0 for an empty one. */
export async function highestSerials(sql: Sql): Promise<Map<string, bigint>> {
  const query = Object.entries(STAGE_TABLES).map(([table, serial]) =>
    `SELECT '${table}' AS name, coalesce(max(${serial}), 0)::int8 AS highest FROM exchange.${table}`
  ).join(" UNION ALL ");
  return new Map((await sql.unsafe(query)).map((r) => [r["name"] as string, r["highest"] as bigint]));
}

/** Limits of a run that audits only the first part (per mille) of every table. */
export function limitsAt(highest: ReadonlyMap<string, bigint>, perMille: bigint): Map<string, bigint> {
  return new Map([...highest].map(([table, top]) => [table, top * perMille / 1000n + 1n]));
}

/** What goes with rows that are not there yet: executed in order, until nothing changes any more. */
const CONSEQUENCES = [
  // what follows from an event comes after it
  "DELETE FROM refunds x WHERE NOT EXISTS (SELECT FROM coin_deposits d WHERE d.coin_pub = x.coin_pub AND d.batch_deposit_serial_id = x.batch_deposit_serial_id)",
  "DELETE FROM refresh_revealed_coins x WHERE NOT EXISTS (SELECT FROM refresh_commitments m WHERE m.melt_serial_id = x.melt_serial_id)",
  "DELETE FROM refresh_transfer_keys x WHERE NOT EXISTS (SELECT FROM refresh_commitments m WHERE m.melt_serial_id = x.melt_serial_id)",
  "DELETE FROM reserves_close x WHERE NOT EXISTS (SELECT FROM reserves_in i WHERE i.reserve_pub = x.reserve_pub)",
  // a transfer is made when all its deposits and their refunds are there
  `DELETE FROM wire_out w WHERE EXISTS (SELECT FROM side.aggregation_tracking t
     JOIN side.coin_deposits d USING (batch_deposit_serial_id)
     WHERE t.wtid_raw = w.wtid_raw AND d.coin_deposit_serial_id NOT IN (SELECT coin_deposit_serial_id FROM coin_deposits))`,
  `DELETE FROM wire_out w WHERE EXISTS (SELECT FROM side.aggregation_tracking t
     JOIN side.refunds r USING (batch_deposit_serial_id)
     WHERE t.wtid_raw = w.wtid_raw AND r.refund_serial_id NOT IN (SELECT refund_serial_id FROM refunds))`,
  `DELETE FROM aggregation_tracking t WHERE EXISTS (SELECT FROM side.wire_out w WHERE w.wtid_raw = t.wtid_raw)
     AND NOT EXISTS (SELECT FROM wire_out w WHERE w.wtid_raw = t.wtid_raw)`,
  "DELETE FROM batch_deposits b WHERE NOT EXISTS (SELECT FROM coin_deposits d WHERE d.batch_deposit_serial_id = b.batch_deposit_serial_id)",
  // the exchange knows a coin since it was first spent
  `DELETE FROM known_coins k WHERE NOT EXISTS (SELECT FROM coin_deposits x WHERE x.coin_pub = k.coin_pub)
     AND NOT EXISTS (SELECT FROM refresh_commitments x WHERE x.old_coin_pub = k.coin_pub)
     AND NOT EXISTS (SELECT FROM purse_deposits x WHERE x.coin_pub = k.coin_pub)
     AND NOT EXISTS (SELECT FROM reserves_open_deposits x WHERE x.coin_pub = k.coin_pub)
     AND NOT EXISTS (SELECT FROM recoup x WHERE x.coin_pub = k.coin_pub)
     AND NOT EXISTS (SELECT FROM recoup_refresh x WHERE x.coin_pub = k.coin_pub)`,
  // histories name what happened
  ...[
    ["coin_deposits", "coin_deposits", "coin_deposit_serial_id"],
    ["refresh_commitments", "refresh_commitments", "melt_serial_id"],
    ["refunds", "refunds", "refund_serial_id"],
    ["recoup", "recoup", "recoup_uuid"],
    ["recoup_refresh::NEW", "recoup_refresh", "recoup_refresh_uuid"],
    ["recoup_refresh::OLD", "recoup_refresh", "recoup_refresh_uuid"],
    ["purse_deposits", "purse_deposits", "purse_deposit_serial_id"],
    ["purse_decision", "purse_decision", "purse_decision_serial_id"],
    ["reserves_open_deposits", "reserves_open_deposits", "reserve_open_deposit_uuid"],
  ].map(([name, table, serial]) =>
    `DELETE FROM coin_history h WHERE h.table_name = '${name}'
       AND NOT EXISTS (SELECT FROM ${table} x WHERE x.${serial} = h.serial_id)`
  ),
];

/** Tables whose rows may be taken away for a while. */
const MOVED = [
  ...Object.keys(STAGE_TABLES),
  "refresh_revealed_coins",
  "refresh_transfer_keys",
  "aggregation_tracking",
  "batch_deposits",
  "known_coins",
  "coin_history",
  "denomination_revocations",
];

/** Runs statements as a copy of the exchange's database gets its rows: without triggers and foreign keys. */
async function asReplica(sql: Sql, statements: readonly string[]): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe("SET LOCAL session_replication_role = replica; SET LOCAL search_path = exchange");
    for (const statement of statements) await tx.unsafe(statement);
  });
}

/** Keeps a copy of all rows in schema `side`. */
export async function keepAside(sql: Sql): Promise<void> {
  await sql.unsafe("CREATE SCHEMA side");
  for (const table of MOVED) await sql.unsafe(`CREATE TABLE side.${table} AS SELECT * FROM exchange.${table}`);
}

/**
 * Makes the database one of an earlier time: the first part (per mille) of every log, and of what belongs to it. The
 * last tenth of the melts that are left is not revealed yet. Denominations are revoked, and their coins recouped, at
 * the very end.
 */
export async function goBackTo(sql: Sql, perMille: number): Promise<void> {
  const cut = (table: string, serial: string, part: number) =>
    `DELETE FROM ${table} WHERE ${serial} > (SELECT coalesce(max(${serial}), 0) * ${part} / 1000 FROM side.${table})`;
  const revealed = Math.floor(perMille * 0.9);
  await asReplica(sql, [
    ...MOVED.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM side.${table}`),
    ...Object.entries(STAGE_TABLES).map(([table, serial]) => cut(table, serial, perMille)),
    ...["refresh_revealed_coins", "refresh_transfer_keys"].map((table) =>
      `DELETE FROM ${table} WHERE melt_serial_id >
         (SELECT coalesce(max(melt_serial_id), 0) * ${revealed} / 1000 FROM side.refresh_commitments)`
    ),
    "DELETE FROM recoup",
    "DELETE FROM recoup_refresh",
    "DELETE FROM denomination_revocations",
    ...CONSEQUENCES,
  ]);
}

/** Puts all rows back. */
export async function comeBack(sql: Sql): Promise<void> {
  await asReplica(sql, MOVED.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM side.${table}`));
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Datasets in pieces (an earlier state of the exchange's database, parts of it by serial numbers), and in disorder. */
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

/** Tables whose rows may be taken away for a while, with the column that orders them in time, if one does. */
export const MOVED: Readonly<Record<string, string | undefined>> = {
  ...STAGE_TABLES,
  batch_deposits: "batch_deposit_serial_id",
  aggregation_tracking: "aggregation_serial_id",
  known_coins: "known_coin_id",
  coin_history: "coin_history_serial_id",
  refresh_revealed_coins: undefined,
  refresh_transfer_keys: undefined,
  denomination_revocations: undefined,
};

/** Kinds of history entries: name, table, serial column, column of the coin. */
const EVENTS = [
  ["coin_deposits", "coin_deposits", "coin_deposit_serial_id", "coin_pub"],
  ["refresh_commitments", "refresh_commitments", "melt_serial_id", "old_coin_pub"],
  ["refunds", "refunds", "refund_serial_id", "coin_pub"],
  ["recoup", "recoup", "recoup_uuid", "coin_pub"],
  ["recoup_refresh::NEW", "recoup_refresh", "recoup_refresh_uuid", "coin_pub"],
  ["recoup_refresh::OLD", "recoup_refresh", "recoup_refresh_uuid", undefined],
  ["purse_deposits", "purse_deposits", "purse_deposit_serial_id", "coin_pub"],
  ["purse_decision", "purse_decision", "purse_decision_serial_id", undefined],
  ["reserves_open_deposits", "reserves_open_deposits", "reserve_open_deposit_uuid", "coin_pub"],
] as const;

/** `rows` of `table` go when a row of `other` that they need is not there yet. */
export const needs = (table: string, other: string, condition: string) =>
  `DELETE FROM ${table} x WHERE EXISTS (SELECT FROM side.${other} y WHERE ${condition})
     AND NOT EXISTS (SELECT FROM ${other} y WHERE ${condition})`;

/** What goes with rows that are not there yet: what belongs to their transaction, and what came of it. */
export const CONSEQUENCES: readonly string[] = [
  ...EVENTS.flatMap(([name, table, serial, coin]) => [
    needs("coin_history", table, `x.table_name = '${name}' AND y.${serial} = x.serial_id`),
    needs(table, "coin_history", `y.table_name = '${name}' AND y.serial_id = x.${serial}`),
    ...(coin === undefined ? [] : [needs(table, "known_coins", `y.coin_pub = x.${coin}`)]),
  ]),
  // a batch comes with all its coins
  `DELETE FROM batch_deposits x WHERE EXISTS (SELECT FROM side.coin_deposits y
     WHERE y.batch_deposit_serial_id = x.batch_deposit_serial_id
       AND y.coin_deposit_serial_id NOT IN (SELECT coin_deposit_serial_id FROM coin_deposits))`,
  needs("coin_deposits", "batch_deposits", "y.batch_deposit_serial_id = x.batch_deposit_serial_id"),
  needs(
    "refunds",
    "coin_deposits",
    "y.coin_pub = x.coin_pub AND y.batch_deposit_serial_id = x.batch_deposit_serial_id",
  ),
  needs("refresh_revealed_coins", "refresh_commitments", "y.melt_serial_id = x.melt_serial_id"),
  needs("refresh_transfer_keys", "refresh_commitments", "y.melt_serial_id = x.melt_serial_id"),
  needs("reserves_close", "reserves_in", "y.reserve_pub = x.reserve_pub"),
  // a transfer is made when all its deposits and their refunds are there
  ...["coin_deposits d", "refunds d"].map((other) => {
    const serial = other === "refunds d" ? "refund_serial_id" : "coin_deposit_serial_id";
    return `DELETE FROM wire_out w WHERE EXISTS (SELECT FROM side.aggregation_tracking t
      JOIN side.${other} USING (batch_deposit_serial_id)
      WHERE t.wtid_raw = w.wtid_raw AND d.${serial} NOT IN (SELECT ${serial} FROM ${other}))`;
  }),
  `DELETE FROM wire_out w WHERE EXISTS (SELECT FROM side.aggregation_tracking t WHERE t.wtid_raw = w.wtid_raw
     AND t.aggregation_serial_id NOT IN (SELECT aggregation_serial_id FROM aggregation_tracking))`,
  needs("aggregation_tracking", "wire_out", "y.wtid_raw = x.wtid_raw"),
];

/** What is gone in the order of time takes everything after it along. */
const IN_ORDER = Object.entries(MOVED).flatMap(([table, serial]) =>
  serial === undefined ? [] : [
    `DELETE FROM ${table} WHERE ${serial} > (SELECT min(y.${serial}) FROM side.${table} y
       WHERE y.${serial} NOT IN (SELECT ${serial} FROM ${table}))`,
  ]
);

type Statements = { unsafe(text: string): PromiseLike<{ count: number }> };

/** Runs `body` as a copy of the exchange's database gets its rows: without triggers and foreign keys. */
export async function asReplica(sql: Sql, body: (tx: Statements) => Promise<void>): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe("SET LOCAL session_replication_role = replica; SET LOCAL search_path = exchange");
    await body(tx);
  });
}

/** Keeps a copy of all rows in schema `side`. */
export async function keepAside(sql: Sql): Promise<void> {
  await sql.unsafe("CREATE SCHEMA side");
  for (const table of Object.keys(MOVED)) {
    await sql.unsafe(`CREATE TABLE side.${table} AS SELECT * FROM exchange.${table}`);
  }
}

async function refill(tx: Statements): Promise<void> {
  for (const table of Object.keys(MOVED)) {
    await tx.unsafe(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM side.${table}`);
  }
}

/**
 * Makes the database one of an earlier time: at most the first part (per mille) of every log, and of what belongs to
 * it. The last tenth of the melts is not revealed yet. Denominations are revoked, and their coins recouped, at the very
 * end.
 */
export async function goBackTo(sql: Sql, perMille: number): Promise<void> {
  await asReplica(sql, async (tx) => {
    await refill(tx);
    const cut = (table: string, serial: string, of: string, part: number) =>
      tx.unsafe(
        `DELETE FROM ${table} WHERE ${serial} > (SELECT coalesce(max(${serial}), 0) * ${part} / 1000 FROM ${of})`,
      );
    for (const [table, serial] of Object.entries({ ...STAGE_TABLES, coin_history: MOVED["coin_history"]! })) {
      await cut(table, serial, `side.${table}`, perMille);
    }
    for (const table of ["recoup", "recoup_refresh", "denomination_revocations"]) {
      await tx.unsafe(`DELETE FROM ${table}`);
    }
    for (let gone = 1; gone > 0;) {
      gone = 0;
      for (const statement of [...CONSEQUENCES, ...IN_ORDER]) gone += (await tx.unsafe(statement)).count;
    }
    // the exchange knows a coin since it was first spent
    await tx.unsafe(`DELETE FROM known_coins WHERE known_coin_id > (SELECT coalesce(max(y.known_coin_id), 0)
      FROM side.known_coins y JOIN coin_history USING (coin_pub))`);
    for (const table of ["refresh_revealed_coins", "refresh_transfer_keys"]) {
      await cut(table, "melt_serial_id", "refresh_commitments", 900);
    }
  });
}

/** Puts all rows back. */
export async function comeBack(sql: Sql): Promise<void> {
  await asReplica(sql, refill);
}

/** Bad signatures, wrong sums and rows without partner, mixed in every stage: hundreds of findings, 15 kinds of them. */
export const TAMPERED = `SET session_replication_role = replica;
  UPDATE exchange.denominations SET fee_deposit = (0, 5000000), fee_refresh = (0, 5000000), fee_withdraw = (0, 5000000);
  UPDATE exchange.reserves_out SET reserve_sig = decode(repeat('00', 64), 'hex') WHERE reserve_out_serial_id % 5 = 0;
  DELETE FROM exchange.reserves WHERE reserve_uuid % 7 = 0;
  DELETE FROM exchange.known_coins WHERE known_coin_id % 11 = 0;
  DELETE FROM exchange.refresh_revealed_coins WHERE rrc_serial % 13 = 0;
  UPDATE exchange.batch_deposits SET wire_deadline = 0 WHERE batch_deposit_serial_id % 3 = 0;
  UPDATE exchange.coin_deposits SET coin_sig = decode(repeat('11', 64), 'hex') WHERE coin_deposit_serial_id % 4 = 0;
  DELETE FROM exchange.coin_history WHERE coin_history_serial_id % 17 = 0;
  UPDATE exchange.wire_out SET amount.val = (amount).val + 1 WHERE wireout_uuid % 2 = 0`;

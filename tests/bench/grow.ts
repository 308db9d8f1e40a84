// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Makes an audited golden dataset large: rows that are settled, that fit each other, and that the auditor's progress
 * points are moved past, as if they had been audited. Signatures in them are not valid; nothing may read them again.
 */
import type { Sql } from "../../core/db/connect.ts";
import { depositDigestSql } from "../../core/exchange/v014/confirmations.ts";

type Statements = { unsafe(text: string): PromiseLike<unknown> };

const key = (label: string, n = "g") => `sha256(('${label}' || ${n})::bytea)`;
const hash = (label: string, n = "g") => `sha512(('${label}' || ${n})::bytea)`;
const SIGNATURE = "decode(repeat('00', 64), 'hex')";
/** Of a purse and its deposit, in the units of the dataset. */
const AMOUNT = "(1, 0)::exchange.taler_amount";

/** Serials of rows that are made; those of the datasets are smaller. */
const serial = (every: number, n = "g") => `1000000 + ${n} / ${every}`;
/** The same for a table in which a number has several rows. */
const part = (n: number) => `1000000 + 16 * g + ${n}`;

/** The rows of a table: columns with their values for each number `g`; every `every`th number has one. */
type Rows = [table: string, serial: string, columns: Record<string, string>, every: number];

/** Which of the rows of a number in `known_coins` and `coin_history` one is. */
const PART: Readonly<Record<string, number>> = {
  melted: 1,
  gift: 2,
  coin_deposits: 0,
  refunds: 1,
  refresh_commitments: 2,
  recoup: 3,
  purse_deposits: 4,
};

const AT = "1700000000000000 + (g % 1000000) * 1000000";
const TARGET = `(SELECT wire_target_h_payto FROM exchange.wire_targets ORDER BY wire_target_serial_id LIMIT 1)`;
const SECTION = "'exchange-account-1'";
const DENOMINATION = "(SELECT min(denominations_serial) FROM exchange.denominations)";
const COIN = `(SELECT coin FROM exchange.denominations WHERE denominations_serial = ${DENOMINATION})`;
const NOTHING = "(0, 0)::exchange.taler_amount";
const EXPIRY = "(1900000000000000)";
const entry = (table: string, label: string, every: number): Rows => [
  "coin_history",
  "coin_history_serial_id",
  {
    coin_history_serial_id: part(PART[table]!),
    coin_pub: key(label),
    table_name: `'${table}'`,
    serial_id: serial(every),
  },
  every,
];

/**
 * What happens per number: a coin is withdrawn and deposited in a contract of its own, which was wired; every tenth
 * coin is melted instead, every tenth paid into a purse that was merged, every hundredth of those deleted, some
 * reserves are closed, some deposits refunded, some coins recouped.
 */
const ROWS: readonly Rows[] = [
  ["reserves", "reserve_uuid", { reserve_pub: key("reserve"), expiration_date: EXPIRY, gc_date: EXPIRY }, 4],
  ["reserves_in", "reserve_in_serial_id", {
    reserve_pub: key("reserve"),
    wire_reference: `1000000 + g`,
    credit: COIN,
    wire_source_h_payto: TARGET,
    exchange_account_section: SECTION,
    execution_date: AT,
  }, 4],
  ["reserves_out", "reserve_out_serial_id", {
    h_blind_ev: hash("envelope"),
    denominations_serial: DENOMINATION,
    denom_sig: "'\\x00'::bytea",
    reserve_uuid: serial(4, "(g + 3)"),
    reserve_sig: SIGNATURE,
    execution_date: AT,
    amount_with_fee: COIN,
  }, 1],
  ["known_coins", "known_coin_id", {
    denominations_serial: DENOMINATION,
    coin_pub: key("coin"),
    denom_sig: "decode(repeat('00', 260), 'hex')",
    remaining: NOTHING,
  }, 1],
  ["batch_deposits", "batch_deposit_serial_id", {
    shard: "g % 1000",
    merchant_pub: key("merchant", "(g % 1000)"),
    wallet_timestamp: AT,
    exchange_timestamp: AT,
    refund_deadline: AT,
    wire_deadline: AT,
    h_contract_terms: hash("contract"),
    wire_salt: "decode(repeat('00', 16), 'hex')",
    wire_target_h_payto: TARGET,
    done: "true",
  }, 1],
  ["coin_deposits", "coin_deposit_serial_id", {
    batch_deposit_serial_id: serial(1),
    coin_pub: key("coin"),
    coin_sig: SIGNATURE,
    amount_with_fee: COIN,
  }, 1],
  entry("coin_deposits", "coin", 1),
  ["aggregation_tracking", "aggregation_serial_id", {
    batch_deposit_serial_id: serial(1),
    wtid_raw: key("wtid", "((g - 1) / 40)"),
  }, 1],
  ["wire_out", "wireout_uuid", {
    execution_date: AT,
    wtid_raw: key("wtid", "((g - 1) / 40)"),
    wire_target_h_payto: TARGET,
    exchange_account_section: SECTION,
    amount: "(40, 0)::exchange.taler_amount",
  }, 40],
  ["refunds", "refund_serial_id", {
    coin_pub: key("coin"),
    batch_deposit_serial_id: serial(1),
    merchant_sig: SIGNATURE,
    rtransaction_id: "1",
    amount_with_fee: NOTHING,
  }, 100],
  entry("refunds", "coin", 100),
  ["known_coins", "known_coin_id", {
    denominations_serial: DENOMINATION,
    coin_pub: key("melted"),
    denom_sig: "decode(repeat('00', 260), 'hex')",
    remaining: NOTHING,
  }, 10],
  ["refresh_commitments", "melt_serial_id", {
    rc: hash("melt"),
    old_coin_pub: key("melted"),
    old_coin_sig: SIGNATURE,
    amount_with_fee: COIN,
    noreveal_index: "0",
  }, 10],
  entry("refresh_commitments", "melted", 10),
  ["refresh_transfer_keys", "rtc_serial", {
    melt_serial_id: serial(10),
    transfer_pub: key("transfer"),
    transfer_privs: "'\\x00'::bytea",
  }, 10],
  ["refresh_revealed_coins", "rrc_serial", {
    melt_serial_id: serial(10),
    freshcoin_index: "0",
    link_sig: SIGNATURE,
    denominations_serial: DENOMINATION,
    coin_ev: hash("planchet"),
    h_coin_ev: hash("planchet hash"),
    ev_sig: "'\\x00'::bytea",
    ewv: "'\\x00'::bytea",
  }, 10],
  ["recoup", "recoup_uuid", {
    coin_pub: key("coin"),
    coin_sig: SIGNATURE,
    coin_blind: key("blind"),
    amount: NOTHING,
    recoup_timestamp: AT,
    reserve_out_serial_id: serial(1),
  }, 100],
  entry("recoup", "coin", 100),
  [
    "recoup_by_reserve",
    "",
    { reserve_out_serial_id: serial(1), coin_pub: key("coin") },
    100,
  ],
  ["known_coins", "known_coin_id", {
    denominations_serial: DENOMINATION,
    coin_pub: key("gift"),
    denom_sig: "decode(repeat('00', 260), 'hex')",
    remaining: NOTHING,
  }, 5],
  ["purse_requests", "purse_requests_serial_id", {
    purse_pub: key("purse"),
    merge_pub: key("merge"),
    purse_creation: AT,
    purse_expiration: AT,
    h_contract_terms: hash("purse contract"),
    age_limit: "0",
    flags: "0",
    was_decided: "true",
    amount_with_fee: AMOUNT,
    purse_fee: NOTHING,
    purse_sig: SIGNATURE,
  }, 5],
  ["contracts", "contract_serial_id", {
    purse_pub: key("purse"),
    pub_ckey: key("ckey"),
    contract_sig: SIGNATURE,
    e_contract: "'\\x00'::bytea",
    purse_expiration: AT,
  }, 5],
  ["purse_deposits", "purse_deposit_serial_id", {
    purse_pub: key("purse"),
    coin_pub: key("gift"),
    amount_with_fee: COIN,
    coin_sig: SIGNATURE,
  }, 5],
  entry("purse_deposits", "gift", 5),
  ["purse_merges", "purse_merge_request_serial_id", {
    reserve_pub: key("reserve", "(g / 20 * 20)"),
    purse_pub: key("purse"),
    merge_sig: SIGNATURE,
    merge_timestamp: AT,
  }, 5],
  ["account_merges", "account_merge_request_serial_id", {
    reserve_pub: key("reserve", "(g / 20 * 20)"),
    reserve_sig: SIGNATURE,
    purse_pub: key("purse"),
    wallet_h_payto: TARGET,
  }, 5],
  [
    "purse_decision",
    "purse_decision_serial_id",
    { purse_pub: key("purse"), action_timestamp: AT, refunded: "g % 50 = 0" },
    5,
  ],
  ["purse_deletion", "purse_deletion_serial_id", { purse_pub: key("purse"), purse_sig: SIGNATURE }, 50],
  ["close_requests", "close_request_serial_id", {
    reserve_pub: key("reserve"),
    close_timestamp: AT,
    reserve_sig: SIGNATURE,
    close: COIN,
    close_fee: NOTHING,
    payto_uri: "'payto://x-taler-bank/localhost/1'",
    done: "true",
  }, 20],
  ["reserves_close", "close_uuid", {
    reserve_pub: key("reserve"),
    execution_date: AT,
    wtid: key("reserve"),
    wire_target_h_payto: TARGET,
    amount: COIN,
    closing_fee: NOTHING,
    close_request_row: serial(20),
  }, 20],
];

/** What each progress point of the auditor stands at when everything was audited: the last serial, or the one after it. */
const POINTS: Readonly<Record<string, [table: string, serial: string, plus: 0 | 1]>> = {
  reserves_reserve_in_serial_id: ["reserves_in", "reserve_in_serial_id", 1],
  reserves_reserve_out_serial_id: ["reserves_out", "reserve_out_serial_id", 1],
  reserves_reserve_recoup_serial_id: ["recoup", "recoup_uuid", 1],
  reserves_reserve_close_serial_id: ["reserves_close", "close_uuid", 1],
  reserves_purse_decisions_serial_id: ["purse_decision", "purse_decision_serial_id", 1],
  reserves_account_merges_serial_id: ["account_merges", "account_merge_request_serial_id", 1],
  coins_withdraw_serial_id: ["reserves_out", "reserve_out_serial_id", 1],
  coins_deposit_serial_id: ["coin_deposits", "coin_deposit_serial_id", 1],
  coins_melt_serial_id: ["refresh_commitments", "melt_serial_id", 1],
  coins_refund_serial_id: ["refunds", "refund_serial_id", 1],
  coins_recoup_serial_id: ["recoup", "recoup_uuid", 1],
  coins_purse_deposits_serial_id: ["purse_deposits", "purse_deposit_serial_id", 1],
  coins_purse_refunds_serial_id: ["purse_decision", "purse_decision_serial_id", 1],
  aggregation_last_wire_out_serial_id: ["wire_out", "wireout_uuid", 1],
  purse_request_serial_id: ["purse_requests", "purse_requests_serial_id", 0],
  purse_merges_serial_id: ["purse_merges", "purse_merge_request_serial_id", 1],
  purse_deposits_serial_id: ["purse_deposits", "purse_deposit_serial_id", 1],
  purse_account_merge_serial_id: ["account_merges", "account_merge_request_serial_id", 1],
  purse_decision_serial_id: ["purse_decision", "purse_decision_serial_id", 0],
  wire_batch_deposit_id: ["batch_deposits", "batch_deposit_serial_id", 1],
  wire_aggregation_id: ["aggregation_tracking", "aggregation_serial_id", 1],
  "wire-exchange-account-1-reserve_in_serial_id": ["reserves_in", "reserve_in_serial_id", 1],
  "wire-exchange-account-1-wire_out_serial_id": ["wire_out", "wireout_uuid", 1],
  wire_reserve_close_id: ["reserves_close", "close_uuid", 1],
  "x:known_coins": ["known_coins", "known_coin_id", 1],
  "x:aggregation:known_coins": ["known_coins", "known_coin_id", 1],
  "x:coins:history": ["coin_history", "coin_history_serial_id", 1],
  "x:purses:deletions": ["purse_deletion", "purse_deletion_serial_id", 1],
  "x:transfer:coins": ["coin_deposits", "coin_deposit_serial_id", 1],
  "x:aggregation_seen": ["aggregation_tracking", "aggregation_serial_id", 0],
  "x:wire-debit:elsewhere:seen": ["wire_out", "wireout_uuid", 1],
  "x:wire-credit:elsewhere:seen": ["reserves_in", "reserve_in_serial_id", 1],
  "x:wire-debit:aggregations": ["aggregation_tracking", "aggregation_serial_id", 1],
  "x:reserves:close_requests": ["close_requests", "close_request_serial_id", 1],
};

/** Columns of which the auditor keeps a list. */
const LISTED = [
  ["purse_deposits", "coin_pub", "purse_deposit_serial_id"],
  ["purse_deletion", "purse_pub", "purse_deletion_serial_id"],
] as const;

/** What the auditor keeps of such rows, by table. */
function ownRows(from: bigint, until: bigint): [table: string, select: string][] {
  const numbers = (every: number) =>
    `FROM generate_series(${from}::int8, ${until}::int8) g WHERE g % ${every} = 0 ON CONFLICT DO NOTHING`;
  return [
    ["auditor_x_reserve", `SELECT ${key("reserve")}, 0, 0, 0, 0, 0, 1900000000000000, 'payto://x/y' ${numbers(4)}`],
    [
      "auditor_x_debit",
      `SELECT 'exchange-account-1', 1000000 + g, ${key("wtid", "((g - 1) / 40)")}, 'EUR:40',
      'payto://x/y', 'http://localhost:18081/', 1700000000000000, 'wire_out:' || g / 40 ${numbers(40)}`,
    ],
    ["auditor_x_run", `SELECT 1000000 + g, 'coins', 0, 0, 0, 0, '{}', 0, 0, 0 ${numbers(20)}`],
    [
      "auditor_x_confirmation_archive",
      `SELECT 1000000 + g, ${hash("contract")}, ${hash("")}, ${hash("wire")},
      1700000000000000, 0, 0, (1, 0)::auditor.taler_amount, ARRAY[${key("coin")}], ARRAY[${SIGNATURE}],
      ${key("merchant", "(g % 1000)")}, ${SIGNATURE}, ${key("signing")}, ${SIGNATURE}, false, false,
      1900000000000000 ${numbers(10)}`,
    ],
    ["auditor_x_lookup", `SELECT 'purse_deposits.coin_pub', ${key("gift")}, ${serial(5)} ${numbers(5)}`],
    ["auditor_x_lookup", `SELECT 'purse_deletion.purse_pub', ${key("purse")}, ${serial(50)} ${numbers(50)}`],
  ];
}

/** Makes the rows of some numbers; of what happens more often only every `step`th. */
async function insert(tx: Statements, from: bigint, until: bigint, step: number): Promise<void> {
  await tx.unsafe("SET LOCAL session_replication_role = replica; SET LOCAL search_path = exchange");
  for (const [table, id, columns, every] of ROWS) {
    const own = table === "known_coins" ? part(knownCoin(columns)) : serial(every);
    const all = id === "" ? columns : { [id]: own, ...columns };
    await tx.unsafe(`INSERT INTO exchange.${table} (${Object.keys(all).join(", ")})
      SELECT ${Object.values(all).join(", ")} FROM generate_series(${from}::int8, ${until}::int8) g
      WHERE g % ${Math.max(every, step)} = 0 ORDER BY g`);
  }
}

function knownCoin(columns: Record<string, string>): number {
  return Object.entries(PART).find(([label]) => columns["coin_pub"] === key(label))?.[1] ?? 0;
}

/**
 * Adds what belongs to the numbers from `from` to `until`, and moves the auditor past it.
 * @param sql as a superuser
 */
export async function grow(sql: Sql, from: bigint, until: bigint): Promise<void> {
  await sql.begin(async (tx) => {
    await insert(tx, from, until, 1);
    for (const [table, select] of ownRows(from, until)) {
      const [there] = await tx`SELECT FROM pg_tables WHERE schemaname = 'auditor' AND tablename = ${table}`;
      if (there !== undefined) await tx.unsafe(`INSERT INTO auditor.${table} ${select}`);
    }
    for (const [table, column, serial] of LISTED) {
      // the newest rows are not in the list
      await tx.unsafe(`INSERT INTO auditor.auditor_x_counter SELECT 'x:lookup:${table}.${column}',
          greatest(0, max(${serial}) - 8000) FROM exchange.${table} ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value`);
    }
    for (const [point, [table, serial, plus]] of Object.entries(POINTS)) {
      const value = `(SELECT coalesce(max(${serial}) + ${plus}, 0) FROM exchange.${table})`;
      await tx.unsafe(
        point.startsWith("x:")
          ? `INSERT INTO auditor.auditor_x_counter VALUES ('${point}', ${value})
            ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value`
          : `UPDATE auditor.auditor_progress SET progress_offset = ${value} WHERE progress_key = '${point}'`,
      );
    }
  });
  await sql.unsafe("VACUUM ANALYZE");
}

/** Makes the auditor believe that it has compared all deposits with its archive of confirmations. */
export async function noteDeposits(sql: Sql): Promise<void> {
  const [top] = await sql.unsafe(`SELECT max(coin_deposit_serial_id) + 1 AS stop, count(*) AS count
    FROM exchange.coin_deposits`);
  const stop = top!["stop"] as bigint;
  const [digest] = await sql.unsafe(`SELECT coalesce AS digest FROM (${depositDigestSql()}) x`, [0n, stop] as never[]);
  const values = {
    "x:deposits:end": stop,
    "x:deposits:rows": top!["count"],
    "x:deposits:digest": digest!["digest"],
    "x:deposits:digest-end": stop,
    "x:deposits:digest-time": 0n,
  };
  for (const [name, value] of Object.entries(values)) {
    await sql`INSERT INTO auditor.auditor_x_counter (name, value) VALUES (${name}, ${String(value)})
      ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value`;
  }
}

/** Numbers that {@link addNews} uses up. */
export const NEWS = 100n;

/** A few rows that no run has seen, in every table that passes read. */
export async function addNews(sql: Sql, from: bigint): Promise<void> {
  await sql.begin(async (tx) => {
    const last = from + NEWS - 1n;
    await insert(tx, from, last, 20);
    // one deposit is late
    await tx.unsafe(`DELETE FROM exchange.aggregation_tracking WHERE batch_deposit_serial_id = 1000000 + ${last}`);
  });
}

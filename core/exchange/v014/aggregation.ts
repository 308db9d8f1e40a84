// SPDX-License-Identifier: AGPL-3.0-or-later
/** Sources of the aggregation pass, and coin histories, for exchanges of generation 0.14 (audit chapter 1.7, 4a). */
import { type RowReader, SERIAL_COLUMN } from "../../db/page.ts";
import type { AggregatedCoinRow, CoinEvent, CoinEventKind, WireOutRow } from "../rows.ts";
import { MissingPartner, partner, type Source } from "../source.ts";
import { TEXT } from "./coins.ts";
import { COINS_IN_PURSES, hasKey } from "./unindexed.ts";

/** Outgoing aggregate transfers. */
export const WIRE_OUTS: Source<WireOutRow> = {
  table: "wire_out",
  serial: "wireout_uuid",
  amount: "amount",
  columns: `${TEXT("wt.payto_uri")}, base.exchange_account_section, base.execution_date, base.wtid_raw,
    base.wire_target_h_payto`,
  joins: "LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = base.wire_target_h_payto",
  decode: (r) => {
    const payto = partner(r, "wire_targets", r.textOrNull());
    if (payto instanceof MissingPartner) return payto;
    return {
      payto,
      section: r.text("exchange_account_section"),
      executionDate: r.timestamp("execution_date"),
      wtid: r.bytes("wtid_raw", 32),
      hPayto: r.bytes("wire_target_h_payto", 32),
      amount: r.stageAmount,
    };
  },
};

/** How many coins went into each of some transfers; parameter 1: their serials. */
export const AGGREGATED_COUNTS = `SELECT wo.wireout_uuid AS serial, count(cd.coin_deposit_serial_id)::int8 AS coins
  FROM exchange.wire_out wo
  LEFT JOIN exchange.aggregation_tracking at ON at.wtid_raw = wo.wtid_raw
  LEFT JOIN exchange.coin_deposits cd ON cd.batch_deposit_serial_id = at.batch_deposit_serial_id
  WHERE wo.wireout_uuid = ANY($1::int8[]) GROUP BY 1 ORDER BY 1`;

/** The aggregated coins of some transfers; parameter 1: serials of the transfers. */
export const AGGREGATED_COINS = `SELECT at.aggregation_serial_id AS serial, wo.wireout_uuid,
    bd.batch_deposit_serial_id, cd.coin_deposit_serial_id, ${TEXT("wt.payto_uri")}, kc.known_coin_id,
    kc.denominations_serial, bd.merchant_pub, bd.h_contract_terms, bd.wire_target_h_payto, cd.coin_pub,
    cd.amount_with_fee
  FROM exchange.wire_out wo
  JOIN exchange.aggregation_tracking at ON at.wtid_raw = wo.wtid_raw
  LEFT JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = at.batch_deposit_serial_id
  LEFT JOIN exchange.coin_deposits cd ON cd.batch_deposit_serial_id = bd.batch_deposit_serial_id
  LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = bd.wire_target_h_payto
  LEFT JOIN exchange.known_coins kc ON kc.coin_pub = cd.coin_pub
  WHERE wo.wireout_uuid = ANY($1::int8[])
  ORDER BY wo.wireout_uuid, at.aggregation_serial_id, cd.coin_deposit_serial_id`;

/** Decodes {@link AGGREGATED_COINS}. */
export function decodeAggregatedCoin(r: RowReader): AggregatedCoinRow | MissingPartner {
  const wireOut = r.int8("wireout_uuid");
  const batch = partner(r, "batch_deposits", r.int8OrNull());
  if (batch instanceof MissingPartner) return batch;
  const deposit = partner(r, "coin_deposits", r.int8OrNull());
  if (deposit instanceof MissingPartner) return deposit;
  const payto = partner(r, "wire_targets", r.textOrNull());
  if (payto instanceof MissingPartner) return payto;
  const knownCoin = partner(r, "known_coins", r.int8OrNull());
  if (knownCoin instanceof MissingPartner) return knownCoin;
  return {
    wireOut,
    batch,
    deposit,
    payto,
    knownCoin,
    aggregation: r.serial,
    denominationSerial: r.int8("known_coins.denominations_serial"),
    merchantPub: r.bytes("batch_deposits.merchant_pub", 32),
    hContractTerms: r.bytes("batch_deposits.h_contract_terms", 64),
    hPayto: r.bytes("batch_deposits.wire_target_h_payto", 32),
    coinPub: r.bytes("coin_deposits.coin_pub", 32),
    amount: r.amount("coin_deposits.amount_with_fee"),
  };
}

const EVENT_KINDS: readonly CoinEventKind[] = [
  "deposit",
  "melt",
  "refund",
  "recoup",
  "recoup-refresh-new",
  "recoup-refresh-old",
  "purse-deposit",
  "purse-refund",
  "reserve-open",
];

/** Coins of some transfers; parameter 1: serials of the transfers. */
export const COINS_OF_WIRE_OUTS = `SELECT DISTINCT cd.coin_pub FROM exchange.wire_out wo
  JOIN exchange.aggregation_tracking at ON at.wtid_raw = wo.wtid_raw
  JOIN exchange.coin_deposits cd ON cd.batch_deposit_serial_id = at.batch_deposit_serial_id
  WHERE wo.wireout_uuid = ANY($1::int8[])`;

/** Given coins; parameter 1: their keys in hexadecimal. */
export const COINS_BY_KEY = "SELECT decode(x, 'hex') AS coin_pub FROM unnest($1::text[]) x";

const CONTRACT = "bd.merchant_pub || bd.h_contract_terms";

/** SELECT of what was paid into purses with the coins of a table. */
function purseCoins(coins: string, listed: string, point: string): string {
  return `SELECT x.purse_deposit_serial_id, x.purse_pub, x.coin_pub, x.amount_with_fee FROM exchange.purse_deposits x
      WHERE ${hasKey(COINS_IN_PURSES, `SELECT coin_pub FROM ${coins}`, listed, point)}`;
}

/**
 * All that happened to some coins, from the base tables and never from the derived `coin_history` (X-8), ordered by
 * coin, kind and serial. Parameters after that of `coins`: places of the coins in purses, serials and the end of the
 * auditor's list.
 * @param coins a SELECT of `coin_pub` with one parameter, such as {@link COINS_BY_KEY}
 */
export function coinEventsSql(coins: string): string {
  return `WITH coins AS MATERIALIZED (${coins}),
  purse_coins AS MATERIALIZED (${purseCoins("coins", "$2::int8[]", "$3::int8")})
  SELECT e.serial, e.coin_pub, e.kind, e.amount, e.batch, e.contract FROM (
    SELECT x.coin_deposit_serial_id AS serial, x.coin_pub, 0::int4 AS kind, x.amount_with_fee AS amount,
        x.batch_deposit_serial_id AS batch, ${CONTRACT} AS contract
      FROM coins JOIN exchange.coin_deposits x USING (coin_pub)
      LEFT JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = x.batch_deposit_serial_id
    UNION ALL SELECT x.melt_serial_id, x.old_coin_pub, 1, x.amount_with_fee, NULL, NULL
      FROM coins JOIN exchange.refresh_commitments x ON x.old_coin_pub = coins.coin_pub
    UNION ALL SELECT x.refund_serial_id, x.coin_pub, 2, x.amount_with_fee, x.batch_deposit_serial_id, ${CONTRACT}
      FROM coins JOIN exchange.refunds x USING (coin_pub)
      LEFT JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = x.batch_deposit_serial_id
    UNION ALL SELECT x.recoup_uuid, x.coin_pub, 3, x.amount, NULL, NULL
      FROM coins JOIN exchange.recoup x USING (coin_pub)
    UNION ALL SELECT x.recoup_refresh_uuid, x.coin_pub, 4, x.amount, NULL, NULL
      FROM coins JOIN exchange.recoup_refresh x USING (coin_pub)
    UNION ALL SELECT x.recoup_refresh_uuid, rc.old_coin_pub, 5, x.amount, NULL, NULL
      FROM coins JOIN exchange.refresh_commitments rc ON rc.old_coin_pub = coins.coin_pub
      JOIN exchange.refresh_revealed_coins rrc ON rrc.melt_serial_id = rc.melt_serial_id
      JOIN exchange.recoup_refresh x ON x.rrc_serial = rrc.rrc_serial
    UNION ALL SELECT x.purse_deposit_serial_id, x.coin_pub, 6, x.amount_with_fee, NULL, NULL
      FROM coins JOIN purse_coins x USING (coin_pub)
    UNION ALL SELECT x.purse_deposit_serial_id, x.coin_pub, 7, x.amount_with_fee, NULL, NULL
      FROM coins JOIN purse_coins x USING (coin_pub)
      JOIN exchange.purse_decision pd ON pd.purse_pub = x.purse_pub AND pd.refunded
    UNION ALL SELECT x.reserve_open_deposit_uuid, x.coin_pub, 8, x.contribution, NULL, NULL
      FROM coins JOIN exchange.reserves_open_deposits x USING (coin_pub)
  ) e ORDER BY e.coin_pub, e.kind, e.serial`;
}

/** Where the amounts of the kinds of events are stored, for messages. */
const EVENT_AMOUNTS: readonly (readonly [table: string, column: string])[] = [
  ["coin_deposits", "amount_with_fee"],
  ["refresh_commitments", "amount_with_fee"],
  ["refunds", "amount_with_fee"],
  ["recoup", "amount"],
  ["recoup_refresh", "amount"],
  ["recoup_refresh", "amount"],
  ["purse_deposits", "amount_with_fee"],
  ["purse_deposits", "amount_with_fee"],
  ["reserves_open_deposits", "contribution"],
];

/** Decodes rows of {@link coinEventsSql}. */
export function decodeCoinEvent(r: RowReader): CoinEvent | UnreadableEvent {
  const coinPub = r.bytes("coin_pub", 32);
  const code = r.int4("kind");
  const event = {
    serial: r.serial,
    coinPub,
    kind: EVENT_KINDS[code]!,
    amount: r.amount(EVENT_AMOUNTS[code]![1], EVENT_AMOUNTS[code]![0]),
    batch: r.int8OrNull(),
    contract: r.blobOrNull(),
  };
  const unreadable = r.problems.some(({ column }) => column !== SERIAL_COLUMN);
  r.problems = [];
  // what a row without serial says was spent was spent
  if (!unreadable) return event;
  // the row itself is reported at its stage; here it matters whose history has a gap
  return { coinPub, unreadable: true };
}

/** Something happened to a coin, and it cannot be read how much. */
export interface UnreadableEvent {
  coinPub: Uint8Array;
  unreadable: true;
}

/** The spending tables in the order in which C-4 attributes an overspent coin, with the columns of coin and amount. */
const SPENDING = [
  ["recoup_refresh", "recoup_refresh_uuid", "coin_pub", "amount"],
  ["coin_deposits", "coin_deposit_serial_id", "coin_pub", "amount_with_fee"],
  ["purse_deposits", "purse_deposit_serial_id", "coin_pub", "amount_with_fee"],
  ["refresh_commitments", "melt_serial_id", "old_coin_pub", "amount_with_fee"],
  ["recoup", "recoup_uuid", "coin_pub", "amount"],
  ["reserves_open_deposits", "reserve_open_deposit_uuid", "coin_pub", "contribution"],
] as const;

/** The tables whose ranges are the first parameters of {@link OVERSPENT_CANDIDATES}. */
export const SPENDING_TABLES = SPENDING.map(([table]) => table);
/**
 * Parameters after those: coin keys, whether X-16 is judged, first serial of new coins, serials of coins that came late;
 * places of coins in purses.
 */
const KEYS = 3 * SPENDING.length + 1, REMAINING = KEYS + 1, NEW = KEYS + 2, LATE = KEYS + 3;
const LISTED = LATE + 1, POINT = LATE + 2;

/** Coins whose remaining value is not their value. */
const CHANGED_COINS = `FROM exchange.known_coins kc JOIN exchange.denominations d USING (denominations_serial)
    WHERE kc.remaining <> d.coin`;

/** Coins that lost value though nothing ever spent them (X-16). Reads all coins and what spends them. */
export const UNSPENT_CHANGED_COINS = `SELECT kc.known_coin_id AS serial, kc.coin_pub ${CHANGED_COINS}
    ${
  SPENDING.map(([table, , coin]) => `AND NOT EXISTS (SELECT 1 FROM exchange.${table} x WHERE x.${coin} = kc.coin_pub)`)
    .join("\n    ")
} ORDER BY 1`;

/** The coins that may have been overspent or changed in this run, as far as serials and open findings tell. */
const TOUCHED = `${
  SPENDING.map(([table, serial, coin], i) => {
    const spender = `SELECT x.${coin} AS coin_pub FROM exchange.${table} x WHERE x.${serial}`;
    return `${spender} >= $${3 * i + 1} AND x.${serial} < $${3 * i + 2}
    UNION ${spender} = ANY($${3 * i + 3}::int8[])`;
  }).join("\n    UNION ")
}
    UNION SELECT decode(x, 'hex') FROM unnest($${KEYS}::text[]) x
    UNION SELECT kc.coin_pub ${CHANGED_COINS} AND $${REMAINING}::bool AND kc.known_coin_id >= $${NEW}::int8
    UNION SELECT kc.coin_pub ${CHANGED_COINS} AND $${REMAINING}::bool AND kc.known_coin_id = ANY($${LATE}::int8[])`;

/** More coins than these are not worth a look into the auditor's list. */
export const MOST_TOUCHED = 20_000;

/** Up to one more than {@link MOST_TOUCHED} coins; the first parameters of {@link OVERSPENT_CANDIDATES}. */
export const TOUCHED_COINS = `SELECT 0::int8 AS serial, t.coin_pub FROM (${TOUCHED}) t LIMIT ${MOST_TOUCHED + 1}`;

/**
 * Coins that may have been overspent: net spending above the value, fees in the coin's favour left out. A superset of
 * what C-4 finds, computed by the server over all coins spent in the given serial ranges.
 *
 * Parameters: for each of {@link SPENDING_TABLES} first serial and end of the range, and serials beside it; then coin
 * keys in hexadecimal that are to be looked at in any case; whether coins are wanted whose stored remaining value may
 * not fit (X-16): with refunds that depends on the deposit fee, which is not computed here; the first serial of the
 * coins that are new, serials of coins that came late; last, places of the coins in purses, serials and the end of the auditor's list.
 */
export const OVERSPENT_CANDIDATES = `WITH touched AS MATERIALIZED (
    ${TOUCHED}),
  purse_coins AS MATERIALIZED (${purseCoins("touched", `$${LISTED}::int8[]`, `$${POINT}::int8`)}),
  moved AS (
    ${
  SPENDING.map(([table, , coin, amount]) =>
    `SELECT t.coin_pub, (x.${amount}).val::numeric AS val, (x.${amount}).frac::numeric AS frac, 0 AS refunds
      FROM touched t JOIN ${
      table === "purse_deposits" ? "purse_coins" : `exchange.${table}`
    } x ON x.${coin} = t.coin_pub`
  ).join("\n    UNION ALL ")
}
    UNION ALL SELECT coin_pub, 0, 0, 0 FROM touched
    UNION ALL SELECT t.coin_pub, -(x.amount_with_fee).val, -(x.amount_with_fee).frac, 1
      FROM touched t JOIN exchange.refunds x ON x.coin_pub = t.coin_pub
    UNION ALL SELECT t.coin_pub, -(x.amount).val, -(x.amount).frac, 0
      FROM touched t JOIN exchange.refresh_commitments rc ON rc.old_coin_pub = t.coin_pub
      JOIN exchange.refresh_revealed_coins rrc ON rrc.melt_serial_id = rc.melt_serial_id
      JOIN exchange.recoup_refresh x ON x.rrc_serial = rrc.rrc_serial
    UNION ALL SELECT t.coin_pub, -(x.amount_with_fee).val, -(x.amount_with_fee).frac, 0
      FROM touched t JOIN purse_coins x ON x.coin_pub = t.coin_pub
      JOIN exchange.purse_decision pd ON pd.purse_pub = x.purse_pub AND pd.refunded)
  SELECT c.known_coin_id AS serial, c.coin_pub, c.denominations_serial, c.remaining FROM (
    SELECT kc.known_coin_id, kc.coin_pub, kc.denominations_serial, kc.remaining, s.refunds,
      (d.coin).val::numeric * 100000000 + (d.coin).frac
        - (s.val + s.refunds * (d.fee_refund).val) * 100000000 - s.frac - s.refunds * (d.fee_refund).frac AS left_over
    FROM (SELECT coin_pub, sum(val) AS val, sum(frac) AS frac, sum(refunds) AS refunds FROM moved GROUP BY coin_pub) s
    JOIN exchange.known_coins kc ON kc.coin_pub = s.coin_pub
    JOIN exchange.denominations d ON d.denominations_serial = kc.denominations_serial) c
  WHERE c.left_over < 0
    OR c.coin_pub IN (SELECT decode(x, 'hex') FROM unnest($${KEYS}::text[]) x)
    OR ($${REMAINING}::bool AND
      (c.refunds > 0 OR c.left_over <> (c.remaining).val::numeric * 100000000 + (c.remaining).frac))
  ORDER BY c.known_coin_id`;

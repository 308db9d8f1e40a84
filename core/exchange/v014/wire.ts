// SPDX-License-Identifier: AGPL-3.0-or-later
/** Sources of the passes that compare with the bank, for exchanges of generation 0.14 (wire chapter 1, 2, 3). */
import type { Sql } from "../../db/connect.ts";
import type { RowReader } from "../../db/page.ts";
import type {
  AggregationRow,
  BatchDepositRow,
  BookedCreditRow,
  ProfitDrainRow,
  ReserveClosureRow,
  WireOutRow,
} from "../rows.ts";
import { MissingPartner, partner, SERIALS_END, type Source } from "../source.ts";
import { WIRE_OUTS } from "./aggregation.ts";
import { TEXT } from "./coins.ts";

/** A text as an SQL literal; section names come from the auditor's own configuration. */
function literal(text: string): string {
  return `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** Condition for the rows of one account section. */
function ofSection(section: string): string {
  return `base.exchange_account_section = ${literal(section)}`;
}

/** Condition for the rows of accounts that are not audited. */
function ofOtherSections(sections: readonly string[]): string {
  return sections.length === 0 ? "true" : `base.exchange_account_section NOT IN (${sections.map(literal).join(", ")})`;
}

const WIRE_TARGET = "LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = base.wire_source_h_payto";

function readCredit(r: RowReader, subject: string, amount: bigint): BookedCreditRow {
  return {
    section: r.text("exchange_account_section"),
    reference: r.int8("wire_reference"),
    subject: r.bytes(subject, 32),
    sender: r.textOrNull(),
    hSender: r.bytes("wire_source_h_payto", 32),
    date: r.timestamp("execution_date"),
    credit: amount,
  };
}

const CREDIT_COLUMNS = (subject: string) =>
  `base.exchange_account_section, base.wire_reference, base.${subject}, ${TEXT("wt.payto_uri")},
    base.wire_source_h_payto, base.execution_date`;

function reserveCredits(where: string): Source<BookedCreditRow> {
  return {
    table: "reserves_in",
    serial: "reserve_in_serial_id",
    amount: "credit",
    where,
    columns: CREDIT_COLUMNS("reserve_pub"),
    joins: WIRE_TARGET,
    decode: (r) => readCredit(r, "reserve_pub", r.stageAmount),
  };
}

function kycCredits(where: string): Source<BookedCreditRow> {
  return {
    table: "kycauths_in",
    serial: "kycauth_in_serial_id",
    amount: "credit",
    where,
    columns: CREDIT_COLUMNS("account_pub"),
    joins: WIRE_TARGET,
    decode: (r) => readCredit(r, "account_pub", r.stageAmount),
  };
}

/** Transfers that funded reserves, by one account. */
export const reserveCreditsOf = (section: string) => reserveCredits(ofSection(section));
/** Transfers that proved control of an account, by one account of the exchange (WC-R2). */
export const kycCreditsOf = (section: string) => kycCredits(ofSection(section));
/** Credits of accounts that are not audited (WC-R4). */
export const reserveCreditsElsewhere = (sections: readonly string[]) => reserveCredits(ofOtherSections(sections));
/** Identity transfers of accounts that are not audited (WC-R4). */
export const kycCreditsElsewhere = (sections: readonly string[]) => kycCredits(ofOtherSections(sections));

/** A table in which the exchange books transfers of several accounts, and its serial column. */
export type WireTable = Pick<Source<unknown>, "table" | "serial">;

/** The highest usable serial below `until`, of any account; 0 if there is none. */
export async function highestSerial(sql: Sql, { table, serial }: WireTable, until: bigint): Promise<bigint> {
  const rows = await sql.unsafe(
    `SELECT coalesce(max(base.${serial}), 0)::int8 AS highest FROM exchange.${table} base WHERE base.${serial} < $1`,
    [until] as never[],
    { prepare: true },
  );
  return rows[0]!["highest"] as bigint;
}

/** An incoming transfer between exchanges. */
export interface BookedWadRow {
  /** 24 bytes. */
  wad: Uint8Array;
  origin: string | undefined;
  /** Atoms. */
  amount: bigint;
  arrived: bigint;
}

/** Incoming transfers between exchanges (WC-R3). */
export const WADS_IN: Source<BookedWadRow> = {
  table: "wads_in",
  serial: "wad_in_serial_id",
  amount: "amount",
  columns: "base.wad_id, substring(base.origin_exchange_url FROM 1 FOR 1024), base.arrival_time",
  decode: (r) => ({
    wad: r.bytes("wad_id", 24),
    origin: r.textOrNull(),
    amount: r.stageAmount,
    arrived: r.timestamp("arrival_time"),
  }),
};

/** Aggregate transfers of one account. */
export const wireOutsOf = (section: string): Source<WireOutRow> => ({ ...WIRE_OUTS, where: ofSection(section) });
/** Aggregate transfers of accounts that are not audited (WD-R2). */
export const wireOutsElsewhere = (sections: readonly string[]): Source<WireOutRow> => ({
  ...WIRE_OUTS,
  where: ofOtherSections(sections),
});

/** Transfers that emptied reserves. */
export const CLOSURES: Source<ReserveClosureRow> = {
  table: "reserves_close",
  serial: "close_uuid",
  amount: "amount",
  columns: `${TEXT("wt.payto_uri")}, base.reserve_pub, base.execution_date, base.wtid, base.closing_fee`,
  joins: "LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = base.wire_target_h_payto",
  decode: (r) => {
    const payto = partner(r, "wire_targets", r.textOrNull());
    if (payto instanceof MissingPartner) return payto;
    return {
      payto,
      reservePub: r.bytes("reserve_pub", 32),
      date: r.timestamp("execution_date"),
      wtid: r.bytes("wtid", 32),
      closingFee: r.amount("closing_fee"),
      amount: r.stageAmount,
    };
  },
};

/** The reserves of closures; parameter 1: their serials (WD-R1). */
export const CLOSED_RESERVES = `SELECT c.close_uuid AS serial, c.reserve_pub FROM exchange.reserves_close c
  WHERE c.close_uuid = ANY($1::int8[]) ORDER BY 1`;

/** All signed orders to move profit, read whole in every run. */
export const PROFIT_DRAINS = `SELECT d.profit_drain_serial_id AS serial, d.wtid,
    substring(d.account_section FROM 1 FOR 256), ${TEXT("d.payto_uri")}, d.trigger_date, d.amount, d.master_sig,
    d.executed
  FROM exchange.profit_drains d ORDER BY 1`;

/** Decodes {@link PROFIT_DRAINS}. */
export function decodeDrain(r: RowReader): ProfitDrainRow {
  return {
    serial: r.serial,
    wtid: r.bytes("wtid", 32),
    section: r.text("account_section"),
    payto: r.text("payto_uri"),
    date: r.timestamp("trigger_date"),
    amount: r.amount("amount"),
    masterSig: r.bytes("master_sig", 64),
    executed: r.bool(),
  };
}

/** SQL: an amount in atoms. */
const ATOMS = (amount: string) => `((${amount}).val::numeric * 100000000 + (${amount}).frac)`;

/** SQL condition on `wire_targets wt`: the identity of its owner is being asked for. */
const KYC_HOLDS = `EXISTS (SELECT FROM exchange.legitimization_measures m
      WHERE m.access_token = wt.access_token AND NOT m.is_finished)`;
/** SQL condition on `wire_targets wt`: its owner is under investigation. */
const AML_HOLDS = `EXISTS (SELECT FROM exchange.legitimization_outcomes o
      WHERE o.h_payto = wt.h_normalized_payto AND o.is_active AND o.to_investigate)`;

const UNWIRED = `SELECT at.aggregation_serial_id AS serial FROM exchange.aggregation_tracking at
  WHERE NOT EXISTS (SELECT FROM exchange.wire_out wo WHERE wo.wtid_raw = at.wtid_raw)`;

/** Serials of everything that was aggregated and not wired. */
export const ALL_UNWIRED = `${UNWIRED} AND at.aggregation_serial_id IS NOT NULL ORDER BY 1`;

/** Of that, what is new or was not wired before; parameters: first new serial, serials of what was not wired before. */
export const STILL_UNWIRED = `${UNWIRED}
  AND (at.aggregation_serial_id >= $1 OR at.aggregation_serial_id = ANY($2::int8[])) ORDER BY 1`;

/** The highest usable serial of what was aggregated. */
export const AGGREGATED_UNTIL = `SELECT coalesce(max(at.aggregation_serial_id), -1) AS serial
  FROM exchange.aggregation_tracking at WHERE at.aggregation_serial_id < ${SERIALS_END}`;

/**
 * Transfers that were aggregated and never came about (WD-R7); parameters: latest wire deadline in µs, now, least
 * amount in atoms that is wired, serials of what is not wired. What is still being collected counts when its overdue
 * deposits, without fees and refunds, come to a transfer and nothing holds their account. The amount of
 * `aggregation_transient` is not looked at: the exchange may write anything there.
 */
export const AGGREGATED_NOT_WIRED = `WITH unwired AS MATERIALIZED (
    SELECT at.aggregation_serial_id AS serial, at.wtid_raw, at.batch_deposit_serial_id,
      at.wtid_raw IN (SELECT tr.wtid_raw FROM exchange.aggregation_transient tr) AS collected
    FROM exchange.aggregation_tracking at WHERE at.aggregation_serial_id = ANY($4::int8[])
      AND NOT EXISTS (SELECT FROM exchange.wire_out wo WHERE wo.wtid_raw = at.wtid_raw)),
  deposits AS (
    SELECT u.*, bd.wire_deadline, bd.wire_target_h_payto, cd.amount_with_fee,
      CASE WHEN u.collected THEN greatest(0, ${ATOMS("cd.amount_with_fee")}
        - coalesce((SELECT ${ATOMS("d.fee_deposit")} FROM exchange.known_coins kc
            JOIN exchange.denominations d ON d.denominations_serial = kc.denominations_serial
            WHERE kc.coin_pub = cd.coin_pub), 0)
        - coalesce((SELECT sum(${ATOMS("r.amount_with_fee")}) FROM exchange.refunds r
            WHERE r.coin_pub = cd.coin_pub AND r.batch_deposit_serial_id = cd.batch_deposit_serial_id), 0)) END AS due
    FROM unwired u
    JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = u.batch_deposit_serial_id
    JOIN exchange.coin_deposits cd ON cd.batch_deposit_serial_id = bd.batch_deposit_serial_id),
  targets AS (
    SELECT wt.wire_target_h_payto, wt.payto_uri, ${KYC_HOLDS} OR ${AML_HOLDS} AS held
    FROM exchange.wire_targets wt
    WHERE wt.wire_target_h_payto IN (SELECT wire_target_h_payto FROM deposits)),
  transfers AS (
    SELECT min(s.serial) AS serial, s.wtid_raw, min(t.payto_uri) AS payto, s.collected,
      sum((s.amount_with_fee).val)::text AS val, sum((s.amount_with_fee).frac)::text AS frac,
      min(s.wire_deadline) AS deadline, sum(s.due) FILTER (WHERE s.wire_deadline < $1 AND t.held IS NOT TRUE) AS due
    FROM deposits s LEFT JOIN targets t ON t.wire_target_h_payto = s.wire_target_h_payto
    GROUP BY s.wtid_raw, s.collected HAVING min(s.wire_deadline) < $1)
  SELECT x.serial, x.wtid_raw, ${TEXT("x.payto")}, x.val, x.frac FROM transfers x
  WHERE NOT x.collected OR x.due >= $3::text::numeric + coalesce((SELECT max(${ATOMS("f.wire_fee")})
    FROM exchange.wire_fee f WHERE f.wire_method = lower(split_part(x.payto, '/', 3))
      AND f.start_date <= $2 AND f.end_date > x.deadline), 0)
  ORDER BY 1`;

/** Deposits of one contract, waiting to be aggregated. The sum of their coins includes deposit fees. */
export const BATCH_DEPOSITS: Source<BatchDepositRow> = {
  table: "batch_deposits",
  serial: "batch_deposit_serial_id",
  columns: `wt.wire_target_serial_id, base.wire_target_h_payto, base.wire_deadline, base.refund_deadline,
    c.coins, c.val, c.frac`,
  joins: `LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = base.wire_target_h_payto
    LEFT JOIN LATERAL (SELECT count(*)::int8 AS coins, coalesce(sum((x.amount_with_fee).val), 0)::text AS val,
        coalesce(sum((x.amount_with_fee).frac), 0)::text AS frac
      FROM exchange.coin_deposits x WHERE x.batch_deposit_serial_id = base.batch_deposit_serial_id) c ON true`,
  decode: (r) => ({
    hasTarget: r.int8OrNull() !== undefined,
    hPayto: r.bytes("wire_target_h_payto", 32),
    deadline: r.timestamp("wire_deadline"),
    refundDeadline: r.timestamp("refund_deadline"),
    coins: r.int8("coins"),
    total: BigInt(r.text("val")) * 100_000_000n + BigInt(r.text("frac")),
  }),
};

/**
 * Sums of batches to which coins were added; parameters: end of the serials of batches that are known, first serial of
 * the coins that are new; or, with `listed`, serials of the new coins. All coins count, as in {@link BATCH_DEPOSITS}.
 */
export function grownBatchesSql(listed = false): string {
  const fresh = listed
    ? "n.coin_deposit_serial_id = ANY($2::int8[])"
    : `n.coin_deposit_serial_id >= $2 AND n.coin_deposit_serial_id < ${SERIALS_END}`;
  return `SELECT x.batch_deposit_serial_id AS serial,
    coalesce(sum((x.amount_with_fee).val), 0)::text AS val, coalesce(sum((x.amount_with_fee).frac), 0)::text AS frac
  FROM exchange.coin_deposits x WHERE x.batch_deposit_serial_id IN (
    SELECT n.batch_deposit_serial_id FROM exchange.coin_deposits n
    WHERE ${fresh} AND n.batch_deposit_serial_id < $1)
  GROUP BY 1 ORDER BY 1`;
}

/** The end of the serials of deposited coins. */
export const COINS_END = `SELECT coalesce(max(cd.coin_deposit_serial_id), -1) + 1 AS serial
  FROM exchange.coin_deposits cd WHERE cd.coin_deposit_serial_id < ${SERIALS_END}`;

/** Which deposits went into which transfer. */
export const AGGREGATIONS: Source<AggregationRow> = {
  table: "aggregation_tracking",
  serial: "aggregation_serial_id",
  columns: "base.batch_deposit_serial_id, bd.refund_deadline, wo.execution_date",
  joins: `LEFT JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = base.batch_deposit_serial_id
    LEFT JOIN exchange.wire_out wo ON wo.wtid_raw = base.wtid_raw`,
  decode: (r) => ({
    batch: r.int8("batch_deposit_serial_id"),
    refundDeadline: r.int8OrNull(),
    wired: r.int8OrNull(),
  }),
};

/**
 * Why deposits to some accounts are late (TR-R1); parameters: full payto hashes in hexadecimal, serials of the batches
 * that are late.
 */
export const LATE_REASONS = `WITH blocked AS MATERIALIZED (
    SELECT b.wire_target_h_payto FROM exchange.batch_deposits b
    WHERE b.batch_deposit_serial_id = ANY($2::int8[]) AND b.policy_blocked AND NOT b.done)
  SELECT wt.wire_target_serial_id AS serial, wt.wire_target_h_payto, ${TEXT("wt.payto_uri")},
    ${KYC_HOLDS} AS kyc,
    ${AML_HOLDS} AS aml,
    wt.wire_target_h_payto IN (SELECT b.wire_target_h_payto FROM blocked b) AS policy
  FROM exchange.wire_targets wt
  WHERE wt.wire_target_h_payto IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x) ORDER BY 1`;

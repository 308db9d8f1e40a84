// SPDX-License-Identifier: AGPL-3.0-or-later
/** Sources of the passes that compare with the bank, for exchanges of generation 0.14 (wire chapter 1, 2, 3). */
import type { RowReader } from "../../db/page.ts";
import type {
  AggregationRow,
  BatchDepositRow,
  BookedCreditRow,
  ProfitDrainRow,
  ReserveClosureRow,
  WireOutRow,
} from "../rows.ts";
import { MissingPartner, partner, type Source } from "../source.ts";
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

/**
 * Rows of `reserves_in` of one account whose wire reference an earlier row has too; parameters: section, first serial,
 * end, end of the rows of `kycauths_in` that are older than all of these.
 */
export const DUPLICATE_CREDITS = `SELECT DISTINCT n.reserve_in_serial_id AS serial FROM exchange.reserves_in n
  JOIN (SELECT o.wire_reference, o.reserve_in_serial_id AS serial FROM exchange.reserves_in o
      WHERE o.exchange_account_section = $1
    UNION ALL SELECT k.wire_reference, -1 FROM exchange.kycauths_in k
      WHERE k.exchange_account_section = $1 AND k.kycauth_in_serial_id < $4) o
    ON o.wire_reference = n.wire_reference AND o.serial < n.reserve_in_serial_id
  WHERE n.exchange_account_section = $1 AND n.reserve_in_serial_id >= $2 AND n.reserve_in_serial_id < $3 ORDER BY 1`;

/** The same for `kycauths_in`; parameters: section, first serial, end, end of the rows of `reserves_in`. */
export const DUPLICATE_KYC_CREDITS = `SELECT DISTINCT n.kycauth_in_serial_id AS serial FROM exchange.kycauths_in n
  JOIN (SELECT k.wire_reference, k.kycauth_in_serial_id AS serial FROM exchange.kycauths_in k
      WHERE k.exchange_account_section = $1
    UNION ALL SELECT o.wire_reference, -1 FROM exchange.reserves_in o
      WHERE o.exchange_account_section = $1 AND o.reserve_in_serial_id < $4) o
    ON o.wire_reference = n.wire_reference AND o.serial < n.kycauth_in_serial_id
  WHERE n.exchange_account_section = $1 AND n.kycauth_in_serial_id >= $2 AND n.kycauth_in_serial_id < $3 ORDER BY 1`;

/** Incoming transfers between exchanges (WC-R3). */
export const WADS_IN = `SELECT w.wad_in_serial_id AS serial, w.wad_id, substring(w.origin_exchange_url FROM 1 FOR 1024),
  w.amount, w.arrival_time FROM exchange.wads_in w ORDER BY 1`;

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

/**
 * Transfers that were aggregated, that are no longer being collected, and that never came about (WD-R7);
 * parameter 1: latest wire deadline in µs.
 */
export const AGGREGATED_NOT_WIRED = `SELECT min(at.aggregation_serial_id) AS serial, at.wtid_raw,
    ${
  TEXT("min(wt.payto_uri)")
}, sum((cd.amount_with_fee).val)::text AS val, sum((cd.amount_with_fee).frac)::text AS frac
  FROM exchange.aggregation_tracking at
  JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = at.batch_deposit_serial_id
  JOIN exchange.coin_deposits cd ON cd.batch_deposit_serial_id = bd.batch_deposit_serial_id
  LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = bd.wire_target_h_payto
  WHERE NOT EXISTS (SELECT FROM exchange.wire_out wo WHERE wo.wtid_raw = at.wtid_raw)
    AND NOT EXISTS (SELECT FROM exchange.aggregation_transient tr WHERE tr.wtid_raw = at.wtid_raw)
  GROUP BY at.wtid_raw HAVING max(bd.wire_deadline) < $1 ORDER BY 1`;

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

/** Why deposits to some accounts are late; parameter 1: full payto hashes in hexadecimal (TR-R1). */
export const LATE_REASONS = `SELECT wt.wire_target_serial_id AS serial, wt.wire_target_h_payto, ${TEXT("wt.payto_uri")},
    EXISTS (SELECT FROM exchange.legitimization_measures m
      WHERE m.access_token = wt.access_token AND NOT m.is_finished) AS kyc,
    EXISTS (SELECT FROM exchange.legitimization_outcomes o
      WHERE o.h_payto = wt.h_normalized_payto AND o.is_active AND o.to_investigate) AS aml,
    EXISTS (SELECT FROM exchange.batch_deposits b
      WHERE b.wire_target_h_payto = wt.wire_target_h_payto AND b.policy_blocked AND NOT b.done) AS policy
  FROM exchange.wire_targets wt
  WHERE wt.wire_target_h_payto IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x) ORDER BY 1`;

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Questions about single bookings and obligations, for exchanges of generation 0.14 (wire chapter 1, 2). */
import type { RowReader } from "../../db/page.ts";
import { TEXT } from "./coins.ts";
import type { WireTable } from "./wire.ts";

/**
 * Rows of one table whose wire reference an earlier row has too. Nothing is joined, because a join is quadratic where
 * the server has no statistics and takes the account's rows for a few: the rows are sorted by reference. The exchange
 * has no index of references; only rows between the least and the greatest that are new take part, and without new rows
 * nothing is read.
 */
function duplicates(table: WireTable, other: WireTable): string {
  const fresh = (aggregate: string) =>
    `(SELECT ${aggregate}(n.wire_reference) FROM exchange.${table.table} n
      WHERE n.exchange_account_section = $1 AND n.${table.serial} >= $2 AND n.${table.serial} < $3)`;
  const part = ({ table, serial }: WireTable, rank: number, end: string) =>
    `SELECT r.wire_reference, r.${serial} AS serial, ${rank} AS rank FROM exchange.${table} r, bounds b
      WHERE r.exchange_account_section = $1 AND r.${serial} < ${end}
        AND r.wire_reference >= b.lowest AND r.wire_reference <= b.highest`;
  return `WITH bounds AS MATERIALIZED (SELECT * FROM (SELECT ${fresh("min")} AS lowest, ${fresh("max")} AS highest) x
      WHERE x.lowest IS NOT NULL),
    ordered AS (SELECT x.serial, x.rank, rank() OVER (PARTITION BY x.wire_reference ORDER BY x.rank, x.serial) AS place
      FROM (${part(table, 1, "$3")} UNION ALL ${part(other, 0, "$4")}) x)
    SELECT DISTINCT o.serial FROM ordered o WHERE o.rank = 1 AND o.place > 1 AND o.serial >= $2 ORDER BY 1`;
}

const RESERVE_CREDITS: WireTable = { table: "reserves_in", serial: "reserve_in_serial_id" };
const KYC_CREDITS: WireTable = { table: "kycauths_in", serial: "kycauth_in_serial_id" };

/**
 * Rows of `reserves_in` of one account whose wire reference an earlier row has too; parameters: section, first serial,
 * end, end of the rows of `kycauths_in` that are older than all of these.
 */
export const DUPLICATE_CREDITS = duplicates(RESERVE_CREDITS, KYC_CREDITS);

/** The same for `kycauths_in`; parameters: section, first serial, end, end of the rows of `reserves_in`. */
export const DUPLICATE_KYC_CREDITS = duplicates(KYC_CREDITS, RESERVE_CREDITS);

/** A booking as far as it tells whether a transaction of the bank was booked. */
export interface BookedSubject {
  kind: "RESERVE" | "KYCAUTH";
  /** In hexadecimal. */
  subject: string;
  section: string;
  reference: bigint;
  sender: string | undefined;
  /** Atoms. */
  credit: bigint;
}

/** Bookings of both kinds by their subject; parameter 1: subjects in hexadecimal (WD-R6). */
export const BOOKED_SUBJECTS = `WITH wanted AS (SELECT DISTINCT decode(x, 'hex') AS subject FROM unnest($1::text[]) x),
  booked AS (
    SELECT r.reserve_in_serial_id AS serial, true AS reserve, r.reserve_pub AS subject, r.exchange_account_section,
      r.wire_reference, r.wire_source_h_payto, r.credit
    FROM wanted w JOIN exchange.reserves_in r ON r.reserve_pub = w.subject
    UNION ALL
    SELECT k.kycauth_in_serial_id, false, k.account_pub, k.exchange_account_section, k.wire_reference,
      k.wire_source_h_payto, k.credit
    FROM wanted w JOIN exchange.kycauths_in k ON k.account_pub = w.subject)
  SELECT b.serial, b.reserve, b.subject, b.exchange_account_section, b.wire_reference, ${TEXT("wt.payto_uri")}, b.credit
  FROM booked b LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = b.wire_source_h_payto
  ORDER BY b.reserve, b.serial`;

/** Decodes {@link BOOKED_SUBJECTS}. */
export function decodeBookedSubject(r: RowReader): BookedSubject {
  return {
    kind: r.bool() ? "RESERVE" : "KYCAUTH",
    subject: r.bytes("subject", 32).toHex(),
    section: r.text("exchange_account_section"),
    reference: r.int8("wire_reference"),
    sender: r.textOrNull(),
    credit: r.amount("credit"),
  };
}

/** Bookings of one account by the bank's numbers; parameters: section, numbers (WD-R6). The exchange has no index of them. */
export const BOOKED_REFERENCES = `SELECT r.wire_reference AS serial FROM exchange.reserves_in r
    WHERE r.exchange_account_section = $1 AND r.wire_reference = ANY($2::int8[])
  UNION SELECT k.wire_reference FROM exchange.kycauths_in k
    WHERE k.exchange_account_section = $1 AND k.wire_reference = ANY($2::int8[]) ORDER BY 1`;

/** What the exchange owes under some subjects; parameter 1: these in hexadecimal (WC-R12). */
export const OBLIGATIONS = `WITH wanted AS (SELECT DISTINCT decode(x, 'hex') AS subject FROM unnest($1::text[]) x)
  SELECT o.serial, o.subject, o.amount, o.fee FROM (
    SELECT w.wireout_uuid AS serial, w.wtid_raw AS subject, w.amount, (0, 0)::exchange.taler_amount AS fee
    FROM wanted JOIN exchange.wire_out w ON w.wtid_raw = wanted.subject
    UNION ALL
    SELECT c.close_uuid, c.reserve_pub, c.amount, c.closing_fee
    FROM wanted JOIN exchange.reserves_close c ON c.reserve_pub = wanted.subject) o ORDER BY 1`;

/** Decodes {@link OBLIGATIONS}: subject in hexadecimal, atoms. */
export function decodeObligation(r: RowReader): { wtid: string; amount: bigint } {
  return { wtid: r.bytes("subject", 32).toHex(), amount: r.amount("amount") - r.amount("fee") };
}

/**
 * Rows that appeared late and whose wire reference a row has that was audited before, or an earlier late one;
 * parameters: section, late serials, end of what was audited before, and both again for the other table.
 */
function lateDuplicates(table: WireTable, other: WireTable, otherFirst: boolean): string {
  return `SELECT l.${table.serial} AS serial FROM exchange.${table.table} l
    WHERE l.${table.serial} = ANY($2::int8[]) AND l.exchange_account_section = $1 AND (
      EXISTS (SELECT FROM exchange.${table.table} o WHERE o.exchange_account_section = $1
        AND o.wire_reference = l.wire_reference AND o.${table.serial} < $3 AND o.${table.serial} <> l.${table.serial}
        AND (o.${table.serial} < l.${table.serial} OR o.${table.serial} <> ALL($2::int8[])))
      OR EXISTS (SELECT FROM exchange.${other.table} o WHERE o.exchange_account_section = $1
        AND o.wire_reference = l.wire_reference AND o.${other.serial} < $5
        AND (${otherFirst} OR o.${other.serial} <> ALL($4::int8[]))))
    ORDER BY 1`;
}

/** Late rows of `reserves_in`, see {@link lateDuplicates}. */
export const LATE_DUPLICATE_CREDITS = lateDuplicates(RESERVE_CREDITS, KYC_CREDITS, false);

/** Late rows of `kycauths_in`; of two that are late the proof counts as the later row. */
export const LATE_DUPLICATE_KYC_CREDITS = lateDuplicates(KYC_CREDITS, RESERVE_CREDITS, true);

/** Transfers to merchants by their subjects; parameter 1: these in hexadecimal. */
export const WIRED_SUBJECTS = `SELECT w.wireout_uuid AS serial, w.wtid_raw
  FROM (SELECT DISTINCT decode(x, 'hex') AS subject FROM unnest($1::text[]) x) wanted
  JOIN exchange.wire_out w ON w.wtid_raw = wanted.subject ORDER BY 1`;

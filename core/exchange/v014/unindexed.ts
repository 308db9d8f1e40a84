// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Columns by which passes look rows up, and on which exchanges of generation 0.14 have no index (database.md 6.5). The
 * auditor keeps a list of its own of all but the newest rows, so that a run need not read such a table whole.
 */
import { SERIALS_END } from "../source.ts";

/** A column of bytes without index, and the serial column of its table. */
export interface UnindexedColumn {
  table: string;
  serial: string;
  column: string;
  /** The pass that keeps the list. */
  keeper: string;
}

/** The coins that were paid into purses. */
export const COINS_IN_PURSES: UnindexedColumn = {
  table: "purse_deposits",
  serial: "purse_deposit_serial_id",
  column: "coin_pub",
  keeper: "coins",
};

/** The purses that their owners deleted. */
export const DELETED_PURSES: UnindexedColumn = {
  table: "purse_deletion",
  serial: "purse_deletion_serial_id",
  column: "purse_pub",
  keeper: "purses",
};

/** Rows of a column in a range of serials; parameters: first serial, end, number of rows. */
export function columnRows({ table, serial, column }: UnindexedColumn): string {
  return `SELECT x.${serial} AS serial, x.${column} FROM exchange.${table} x
    WHERE x.${serial} >= $1 AND x.${serial} < $2 ORDER BY 1 LIMIT $3`;
}

/** Rows of a column by their serials; parameter 1: these. */
export function columnRowsAt({ table, serial, column }: UnindexedColumn): string {
  return `SELECT x.${serial} AS serial, x.${column} FROM exchange.${table} x
    WHERE x.${serial} = ANY($1::int8[]) ORDER BY 1`;
}

/** Serials that one part of a comparison takes, as a power of two. */
const PART_BITS = 17;

/** SQL expression: a number that a serial and a key give, together with a secret of the caller. */
const mark = (serial: string, key: string, secret: string) =>
  `('x' || encode(substr(sha256(${secret}::bytea || int8send(${serial}) || ${key}), 1, 7), 'hex'))::bit(56)::int8`;

/** SQL: how many keys there are below a serial and what their marks add up to, by part; for {@link columnParts}. */
function partsOf(from: string, serial: string, key: string): string {
  return `SELECT ${serial} >> ${PART_BITS} AS serial, count(*)::text AS rows, sum(${
    mark(serial, key, "$3")
  })::text AS marks
    FROM ${from} AND ${serial} >= 0 AND ${serial} < $1 AND ${key} IS NOT NULL AND NOT ${serial} = ANY($2::int8[])
    GROUP BY 1 ORDER BY 1`;
}

/**
 * The keys of a column below a serial, by part of the serials, so that they can be compared with a list of them;
 * parameters: the serial, serials that do not count, a secret of this comparison, so that no two tables can be made
 * alike beforehand.
 */
export function columnParts({ table, serial, column }: UnindexedColumn): string {
  return partsOf(`exchange.${table} x WHERE true`, `x.${serial}`, `x.${column}`);
}

/** The same of the auditor's list; parameter 4: its name. */
export const LISTED_PARTS = partsOf("auditor.auditor_x_lookup l WHERE l.source = $4", "l.serial", "l.key");

/** Keys of a column in some parts; parameters: the end of the serials, serials that do not count, parts. */
export function columnRowsOf({ table, serial, column }: UnindexedColumn): string {
  return `SELECT x.${serial} AS serial, x.${column} FROM unnest($3::int8[]) part
    JOIN exchange.${table} x ON x.${serial} >= part << ${PART_BITS} AND x.${serial} < (part + 1) << ${PART_BITS}
    WHERE x.${serial} < $1 AND x.${column} IS NOT NULL AND NOT x.${serial} = ANY($2::int8[]) ORDER BY 1`;
}

/** The same of the auditor's list; parameter 4: its name. */
export const LISTED_ROWS_OF = `SELECT l.serial, l.key FROM auditor.auditor_x_lookup l
  WHERE l.source = $4 AND l.serial < $1 AND NOT l.serial = ANY($2::int8[])
    AND l.serial >> ${PART_BITS} = ANY($3::int8[]) ORDER BY 1`;

/** The highest usable serial of the table of a column. */
export function columnEnd({ table, serial }: UnindexedColumn): string {
  return `SELECT coalesce(max(x.${serial}), 0) AS serial FROM exchange.${table} x WHERE x.${serial} < ${SERIALS_END}`;
}

/**
 * SQL condition on the row `x` of a column: it has one of some keys.
 * @param keys a SELECT of keys
 * @param listed array of the serials that the auditor's list has for these keys; the condition holds for no others of
 *   the rows that are in the list
 * @param point the first serial that is not in the list. Serials out of range never are.
 */
export function hasKey({ serial, column }: UnindexedColumn, keys: string, listed: string, point: string): string {
  return `x.${column} IN (${keys}) AND (x.${serial} = ANY(${listed}) OR x.${serial} >= ${point}
        OR x.${serial} < 0 OR x.${serial} IS NULL)`;
}

/**
 * Deletions of purses; parameters: purse keys in hexadecimal, serials from the auditor's list, end of the list. Those
 * without usable serial are left out: no stage verifies their signatures, so that they justify nothing.
 */
export const DELETIONS_OF_PURSES = `SELECT x.purse_deletion_serial_id AS serial, x.purse_pub
  FROM exchange.purse_deletion x
  WHERE ${hasKey(DELETED_PURSES, "SELECT decode(k, 'hex') FROM unnest($1::text[]) k", "$2::int8[]", "$3::int8")}
    AND x.purse_deletion_serial_id >= 0 AND x.purse_deletion_serial_id < ${SERIALS_END}
  ORDER BY 1`;

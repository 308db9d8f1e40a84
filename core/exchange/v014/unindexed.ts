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

/** Deletions of purses; parameters: purse keys in hexadecimal, serials from the auditor's list, end of the list. */
export const DELETIONS_OF_PURSES = `SELECT x.purse_deletion_serial_id AS serial, x.purse_pub
  FROM exchange.purse_deletion x
  WHERE ${hasKey(DELETED_PURSES, "SELECT decode(k, 'hex') FROM unnest($1::text[]) k", "$2::int8[]", "$3::int8")}
  ORDER BY 1`;

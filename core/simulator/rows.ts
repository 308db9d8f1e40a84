// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rows of the exchange's tables as JSON that `jsonb_populate_recordset` understands, and what to do with them. */

import { FRACTION_BASE } from "../taler/amount.ts";
import { timeToDb } from "../taler/time.ts";

/** A value of a column; numbers of 64 bits as text. */
export type Column = string | number | boolean | null | { readonly val: string; readonly frac: number };

/** A row by the names of its columns. */
export type Row = Readonly<Record<string, Column>>;

/**
 * One step of writing: rows to insert in this order; or rows whose columns replace those of the rows with the same
 * key; or keys of rows that go.
 */
export interface Step {
  readonly kind: "insert" | "update" | "delete";
  /** Name without schema. */
  readonly table: string;
  /** Column that finds the rows of an update or delete. */
  readonly key?: string;
  readonly rows: readonly Row[];
}

/** Bytes as a `bytea`; nothing as NULL. */
export function bytes(value: Uint8Array | undefined): Column {
  return value === undefined ? null : `\\x${value.toHex()}`;
}

/** Atoms as a `taler_amount`. */
export function amount(atoms: bigint): Column {
  return { val: (atoms / FRACTION_BASE).toString(), frac: Number(atoms % FRACTION_BASE) };
}

/** A time or duration in µs as an `int8`. */
export function time(value: bigint): Column {
  return timeToDb(value).toString();
}

/** Serial numbers of a database that is written from the beginning: 1, 2, 3 … per table. */
export interface Serials {
  next(table: string): string;
}

/** Fresh serial numbers. */
export function newSerials(): Serials {
  const last = new Map<string, bigint>();
  return {
    next: (table) => {
      const serial = (last.get(table) ?? 0n) + 1n;
      last.set(table, serial);
      return serial.toString();
    },
  };
}

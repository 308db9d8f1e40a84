// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Packed pages: a whole page of rows arrives as one `bytea`, made by the server's own binary record format.
 *
 * `record_send` writes, per row, the number of columns and then for each column its type, its length (-1 for NULL)
 * and its bytes in network order. The format describes itself, so that a value of a wrong length or an unexpected
 * NULL in hostile data is seen and reported, and never shifts the columns after it.
 */
import type { Sql } from "./connect.ts";
import { AmountOverflow, atomsFromColumns } from "../taler/amount.ts";
import { isTimestamp, timeFromDb } from "../taler/time.ts";

const EMPTY = new Uint8Array(0);
const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The name of a serial number in {@link RowProblem}s. */
export const SERIAL_COLUMN = "serial";

/** Why a row could not be used: the column and what is wrong with it. */
export interface RowProblem {
  column: string;
  problem: string;
}

/**
 * Reads the columns of packed rows one after another, in the order of the SELECT list.
 *
 * A value that does not fit its declared type adds to {@link problems} and gives a harmless default; the caller
 * looks at the problems after the last column. Only an amount outside the legal range throws
 * ({@link AmountOverflow}): the audit must end there (audit chapter D-2).
 */
export class RowReader {
  problems: RowProblem[] = [];
  /** Names the row in messages; set by the stage from the first column. */
  serial = 0n;
  /** The amount column of the stage's base table, read before everything else. */
  stageAmount = 0n;
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;
  #left = 0;

  constructor(bytes: Uint8Array, readonly table: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Goes to the next row; false at the end of the page. */
  next(): boolean {
    if (this.#left > 0) throw new Error(`${this.table}: ${this.#left} columns of a packed row were not read`);
    if (this.#at >= this.#bytes.length) return false;
    this.#left = this.#view.getInt32(this.#at);
    this.#at += 4;
    this.problems = [];
    return true;
  }

  /** Skips what is left of the row, for rows whose partner is missing. */
  skipRest(): void {
    while (this.#left > 0) this.#column();
  }

  #column(): { at: number; length: number } {
    if (this.#left-- <= 0) throw new Error(`${this.table}: read beyond the last column of a packed row`);
    const length = this.#view.getInt32(this.#at + 4);
    const at = this.#at + 8;
    this.#at = at + Math.max(length, 0);
    return { at, length };
  }

  #complain(column: string, problem: string): void {
    this.problems.push({ column, problem });
  }

  /** The first column of every stage: the serial number that orders it; 0 and a problem if it is NULL. */
  serialColumn(): bigint {
    this.serial = 0n;
    this.serial = this.int8(SERIAL_COLUMN);
    return this.serial;
  }

  /** An `int8` that may be NULL. */
  int8OrNull(): bigint | undefined {
    const { at, length } = this.#column();
    return length < 0 ? undefined : this.#view.getBigInt64(at);
  }

  /** An `int8`. */
  int8(column: string): bigint {
    const value = this.int8OrNull();
    if (value === undefined) this.#complain(column, "is NULL");
    return value ?? 0n;
  }

  /** An `int4`. */
  int4(column: string): number {
    const { at, length } = this.#column();
    if (length >= 0) return this.#view.getInt32(at);
    this.#complain(column, "is NULL");
    return 0;
  }

  /** An `int2`. */
  int2(column: string): number {
    const { at, length } = this.#column();
    if (length >= 0) return this.#view.getInt16(at);
    this.#complain(column, "is NULL");
    return 0;
  }

  /** A `bool`; NULL counts as false. */
  bool(): boolean {
    const { at, length } = this.#column();
    return length > 0 && this.#bytes[at] !== 0;
  }

  /** A point in time (µs), "never" mapped to its signed form; negative values are a problem. */
  time(column: string): bigint {
    const value = this.int8(column);
    if (value < 0n) this.#complain(column, "is before the epoch");
    return value < 0n ? 0n : timeFromDb(value);
  }

  /** A protocol timestamp: a time that is a whole second or "never" (crypto.md 1.4). */
  timestamp(column: string): bigint {
    const value = this.time(column);
    if (!isTimestamp(value)) this.#complain(column, "is not a whole second");
    return value;
  }

  /** A `bytea` of exactly `length` bytes. */
  bytes(column: string, length: number): Uint8Array {
    const value = this.bytesOrNull(column, length);
    if (value === undefined) this.#complain(column, "is NULL");
    return value ?? new Uint8Array(length);
  }

  /** A `bytea` of exactly `length` bytes, or undefined for NULL. */
  bytesOrNull(column: string, length: number): Uint8Array | undefined {
    const value = this.blobOrNull();
    if (value === undefined || value.length === length) return value;
    this.#complain(column, `has ${value.length} bytes instead of ${length}`);
    return new Uint8Array(length);
  }

  /** A `bytea` of any length. The result is a view into the page. */
  blob(column: string): Uint8Array {
    const value = this.blobOrNull();
    if (value === undefined) this.#complain(column, "is NULL");
    return value ?? EMPTY;
  }

  /** A `bytea` of any length, or undefined for NULL. */
  blobOrNull(): Uint8Array | undefined {
    const { at, length } = this.#column();
    return length < 0 ? undefined : this.#bytes.subarray(at, at + length);
  }

  /** A `text`, or undefined for NULL. */
  textOrNull(): string | undefined {
    const value = this.blobOrNull();
    return value === undefined ? undefined : textDecoder.decode(value);
  }

  /** A `text`. */
  text(column: string): string {
    const value = this.textOrNull();
    if (value === undefined) this.#complain(column, "is NULL");
    return value ?? "";
  }

  /**
   * A `taler_amount`, in atoms (10^-8 units), or undefined for NULL (a composite of NULLs counts as NULL).
   * @throws AmountOverflow outside `0 <= val < 2^52`, `0 <= frac < 10^8`
   */
  amountOrNull(column: string, table = this.table): bigint | undefined {
    const { at, length } = this.#column();
    if (length < 0) return undefined;
    const valueLength = this.#view.getInt32(at + 8);
    const fractionAt = at + 12 + Math.max(valueLength, 0);
    const fractionLength = this.#view.getInt32(fractionAt + 4);
    if (valueLength < 0 && fractionLength < 0) return undefined;
    if (valueLength < 0 || fractionLength < 0) {
      this.#complain(column, "is half NULL");
      return 0n;
    }
    const value = this.#view.getBigInt64(at + 12);
    const fraction = this.#view.getInt32(fractionAt + 8);
    const atoms = atomsFromColumns(value, BigInt(fraction));
    if (atoms === undefined) {
      throw new AmountOverflow(`table ${table}, row ${this.serial}, column ${column}: (${value},${fraction})`);
    }
    return atoms;
  }

  /** A `taler_amount` in atoms; `table` is where it is stored, if the page is made of several. */
  amount(column: string, table = this.table): bigint {
    const value = this.amountOrNull(column, table);
    if (value === undefined) this.#complain(column, "is NULL");
    return value ?? 0n;
  }

  /** A one-dimensional array; the elements as views into the page. NULL elements are a problem. */
  array(column: string): Uint8Array[] {
    const { at, length } = this.#column();
    if (length < 0) {
      this.#complain(column, "is NULL");
      return [];
    }
    const dimensions = this.#view.getInt32(at);
    if (dimensions === 0) return [];
    if (dimensions !== 1) {
      this.#complain(column, "is not a one-dimensional array");
      return [];
    }
    const elements: Uint8Array[] = [];
    let offset = at + 20;
    for (let left = this.#view.getInt32(at + 12); left > 0; left--) {
      const size = this.#view.getInt32(offset);
      if (size < 0) this.#complain(column, "has a NULL element");
      elements.push(this.#bytes.subarray(offset + 4, offset + 4 + Math.max(size, 0)));
      offset += 4 + Math.max(size, 0);
    }
    return elements;
  }

  /** An `int8[]`. */
  int8Array(column: string): bigint[] {
    return this.array(column).map((e) => e.length === 8 ? new DataView(e.buffer, e.byteOffset, 8).getBigInt64(0) : 0n);
  }
}

/** Values that may be bound to a page query. */
export type PageParameter = bigint | number | boolean | string | Uint8Array | bigint[] | string[] | null;

/**
 * An array as PostgreSQL writes it. The client would take the type of an array parameter from its first element.
 * @param values serial numbers or hexadecimal keys; nothing that would need quoting
 */
export function arrayLiteral(values: readonly (bigint | string)[]): string {
  return `{${values.join(",")}}`;
}

/**
 * Runs a SELECT and returns its rows as one packed page.
 *
 * @param select a SELECT whose first column is the serial number, named `serial`, and which sorts itself
 * @param table the name of the table in messages
 */
export async function readPage(
  sql: Sql,
  table: string,
  select: string,
  parameters: PageParameter[],
): Promise<RowReader> {
  const rows = await sql.unsafe(
    `SELECT string_agg(record_send(page), ''::bytea) AS page FROM (${select}) AS page`,
    parameters.map((p) => Array.isArray(p) ? arrayLiteral(p) : p) as never[],
    { prepare: true },
  );
  const page = (rows[0]?.["page"] ?? null) as Uint8Array | null;
  // a plain array: slices of the driver's Buffer would be views that share its bytes
  return new RowReader(page === null ? EMPTY : new Uint8Array(page.buffer, page.byteOffset, page.length), table);
}

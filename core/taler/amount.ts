// SPDX-License-Identifier: AGPL-3.0-or-later

/** Number of atoms in one unit of a currency: 8 decimal digits (crypto.md 1.5). */
export const FRACTION_BASE = 100_000_000n;

/** Largest value part that a parsed amount or a sum may have: 2^52, inclusive (crypto.md 1.5). */
const MAX_VALUE = 2n ** 52n;

/** Largest legal sum in atoms: value part 2^52 and any fraction (audit-coins-reserves-aggregation.md 0.1). */
export const MAX_AMOUNT = MAX_VALUE * FRACTION_BASE + (FRACTION_BASE - 1n);

/** Bytes of an amount inside signed data, "A()" (crypto.md 1.5). */
export const AMOUNT_SIZE = 24;

const FRACTION_DIGITS = 8;
const MAX_CURRENCY_LENGTH = 11;
const SMALL_BASE = Number(FRACTION_BASE);

/** An amount with its currency; `atoms` counts 10^-8 units and is never negative (crypto.md 1.5). */
export interface Amount {
  readonly currency: string;
  readonly atoms: bigint;
}

/**
 * A computed sum left the legal range. The only fault of data that ends a run (exit code 42): totals beyond 2^52
 * units can be neither stored nor trusted (audit-coins-reserves-aggregation.md 1.2).
 */
export class AmountOverflow extends Error {
  override readonly name = "AmountOverflow";
  /** What was being summed, for the operator. */
  readonly place: string;

  constructor(place: string) {
    super(`amount overflow: ${place}`);
    this.place = place;
  }
}

/** True if the text is a currency name: 1 to 11 letters A–Z (crypto.md 1.5). */
export function isCurrency(text: string): boolean {
  return /^[A-Z]{1,11}$/.test(text);
}

/**
 * Reads `CUR:V[.F]`, or gives undefined (crypto.md 1.5). Leading white space is skipped, `EUR:.5` is accepted like the
 * exchange does, and only the value part is compared with the limit 2^52.
 */
export function parseAmount(text: string): Amount | undefined {
  const match = /^[ \t\n\v\f\r]*([A-Z]{1,11}):(?:([0-9]+)(?:\.([0-9]{1,8}))?|\.([0-9]{1,8}))$/.exec(text);
  if (match === null) return undefined;
  const currency = match[1] ?? "";
  // Leading zeros are legal in any number: cut them before BigInt sees the digits, so that a hostile text stays cheap.
  const digits = (match[2] ?? "").replace(/^0+/, "");
  if (digits.length > 16) return undefined;
  const value = BigInt(digits === "" ? "0" : digits);
  if (value > MAX_VALUE) return undefined;
  const fraction = BigInt((match[3] ?? match[4] ?? "").padEnd(FRACTION_DIGITS, "0"));
  return { currency, atoms: value * FRACTION_BASE + fraction };
}

/**
 * Writes `CUR:V` or `CUR:V.F` without trailing zeros (crypto.md 1.5). A negative number gets its sign before the
 * number, `KUDOS:-1.5`; that form is for display only and no parser reads it back.
 */
export function formatAmount(currency: string, atoms: bigint): string {
  const sign = atoms < 0n ? "-" : "";
  const size = atoms < 0n ? -atoms : atoms;
  const fraction = (size % FRACTION_BASE).toString().padStart(FRACTION_DIGITS, "0").replace(/0+$/, "");
  return `${currency}:${sign}${size / FRACTION_BASE}${fraction === "" ? "" : `.${fraction}`}`;
}

/**
 * Sum of amounts in atoms. A negative result is returned as it is, so that a caller can branch on it.
 *
 * @param place what is being summed, named in the error
 * @throws AmountOverflow if the sum is above MAX_AMOUNT
 */
export function sumAmounts(place: string, ...atoms: readonly bigint[]): bigint {
  let sum = 0n;
  for (const amount of atoms) sum += amount;
  if (sum > MAX_AMOUNT) throw new AmountOverflow(place);
  return sum;
}

/**
 * Atoms of a stored amount `(val, frac)`, or undefined if the columns are outside `0 <= val < 2^52` and
 * `0 <= frac < 10^8`; note that a stored value must be below 2^52 while a text may reach it (crypto.md 1.5).
 */
export function atomsFromColumns(val: bigint, frac: bigint): bigint | undefined {
  if (val < 0n || val >= MAX_VALUE || frac < 0n || frac >= FRACTION_BASE) return undefined;
  return val * FRACTION_BASE + frac;
}

/**
 * Rounds down to the wire unit exactly like the exchange (audit-coins-reserves-aggregation.md 0.1), including its odd
 * case: with a whole unit, an amount whose value part is already a multiple of it keeps its fraction.
 *
 * @param atoms amount, not negative
 * @param unit either whole units or a pure fraction; 0 means no rounding
 * @throws RangeError for a negative amount or a unit with both a value and a fraction (configuration refuses it)
 */
export function roundDown(atoms: bigint, unit: bigint): bigint {
  const unitFraction = unit % FRACTION_BASE;
  const unitValue = unit / FRACTION_BASE;
  if (atoms < 0n || unit < 0n) throw new RangeError("cannot round a negative amount");
  if (unitFraction !== 0n && unitValue !== 0n) throw new RangeError("rounding unit has both a value and a fraction");
  if (unitFraction !== 0n) return atoms - (atoms % FRACTION_BASE) % unitFraction;
  if (unitValue === 0n) return atoms;
  const excess = (atoms / FRACTION_BASE) % unitValue;
  return excess === 0n ? atoms : (atoms / FRACTION_BASE - excess) * FRACTION_BASE;
}

const currencyFields = new Map<string, Uint8Array>();

/**
 * The 12-byte field of a currency inside signed data: ASCII, zero padded (crypto.md 1.5).
 *
 * @throws RangeError if the text is no currency name
 */
function currencyField(currency: string): Uint8Array {
  const known = currencyFields.get(currency);
  if (known !== undefined) return known;
  if (!isCurrency(currency)) throw new RangeError(`not a currency: ${JSON.stringify(currency.slice(0, 20))}`);
  const field = new Uint8Array(MAX_CURRENCY_LENGTH + 1);
  new TextEncoder().encodeInto(currency, field);
  // One currency per audit in practice; the bound keeps a stream of invented names from growing the memory.
  if (currencyFields.size < 1000) currencyFields.set(currency, field);
  return field;
}

/**
 * Writes the 24 bytes "A()" of an amount: value BE64, fraction BE32, currency 12 bytes (crypto.md 1.5).
 *
 * @throws RangeError if atoms is outside 0..MAX_AMOUNT or the currency is none
 */
export function writeAmount(target: Uint8Array, offset: number, currency: string, atoms: bigint): void {
  if (atoms < 0n || atoms > MAX_AMOUNT) throw new RangeError("amount outside the range of signed amounts");
  let value: number;
  let fraction: number;
  if (atoms <= 9007199254740991n) {
    // Plain numbers are several times faster than BigInt division. The quotient is below 2^27, where neighbouring
    // floating-point numbers are 1.5e-8 apart, so that one atom (1e-8) below a whole unit does not round up to it.
    const small = Number(atoms);
    value = Math.floor(small / SMALL_BASE);
    fraction = small - value * SMALL_BASE;
  } else {
    value = Number(atoms / FRACTION_BASE);
    fraction = Number(atoms % FRACTION_BASE);
  }
  writeBE32(target, offset, Math.floor(value / 0x1_0000_0000));
  writeBE32(target, offset + 4, value);
  writeBE32(target, offset + 8, fraction);
  target.set(currencyField(currency), offset + 12);
}

function writeBE32(target: Uint8Array, offset: number, value: number): void {
  const low = value >>> 0;
  target[offset] = low >>> 24;
  target[offset + 1] = (low >>> 16) & 0xff;
  target[offset + 2] = (low >>> 8) & 0xff;
  target[offset + 3] = low & 0xff;
}

/**
 * Reads 24 bytes "A()" back, or gives undefined if they are not the canonical form of a legal amount: value at most
 * 2^52, fraction below 10^8, a currency name filled with zero bytes (crypto.md 1.5).
 */
export function readAmount(bytes: Uint8Array, offset: number): Amount | undefined {
  if (offset < 0 || offset + AMOUNT_SIZE > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, AMOUNT_SIZE);
  const value = view.getBigUint64(0);
  const fraction = BigInt(view.getUint32(8));
  const match = /^([A-Z]{1,11})\0+$/.exec(String.fromCharCode(...bytes.subarray(offset + 12, offset + AMOUNT_SIZE)));
  if (match === null || value > MAX_VALUE || fraction >= FRACTION_BASE) return undefined;
  return { currency: match[1] ?? "", atoms: value * FRACTION_BASE + fraction };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Reading members of a document from outside. Each reader gives the value or undefined; in the latter case it has added
 * a fault that names the place and what was expected there. So a document is read to its end, and all that is wrong
 * with it is known at once.
 */

import { parseAmount } from "../taler/amount.ts";
import { decodeBase32 } from "../taler/base32.ts";
import { DB_NEVER, NEVER, SECOND } from "../taler/time.ts";
import { isObject } from "./json.ts";

/** A value in a document. */
export interface Place {
  /** Path from the root, `denominations[0].value`; only the program's own names and numbers occur in it. */
  readonly path: string;
  /** Undefined if there is no such member. */
  readonly value: unknown;
  /** What is wrong so far. Grows. */
  readonly faults: string[];
}

/** Faults kept per document: an operator reads a few, and a hostile document could have millions. */
const FAULTS_MAX = 50;

/** Adds a fault. */
export function fault(place: Place, message: string): undefined {
  if (place.faults.length < FAULTS_MAX) place.faults.push(`${place.path}: ${message}`);
  return undefined;
}

/** A member of an object; undefined as its value if there is none. Members named like the prototype's count as none. */
export function member(place: Place, name: string): Place {
  const path = place.path === "" ? name : `${place.path}.${name}`;
  const has = isObject(place.value) && Object.hasOwn(place.value, name);
  return { path, value: has ? (place.value as Record<string, unknown>)[name] : undefined, faults: place.faults };
}

/** True if the member is there; `null` counts as absent (crypto.md 1.4). */
export function present(place: Place): boolean {
  return place.value !== undefined && place.value !== null;
}

function expected(place: Place, what: string): undefined {
  return fault(place, place.value === undefined ? `missing, expected ${what}` : `expected ${what}`);
}

/** Runs a reader if the member is there; undefined without a fault if it is not. */
export function optional<T>(place: Place, read: (place: Place) => T | undefined): T | undefined {
  return present(place) ? read(place) : undefined;
}

/** The elements of an array. */
export function elements(place: Place): Place[] | undefined {
  if (!Array.isArray(place.value)) return expected(place, "an array");
  return place.value.map((value, index) => ({ path: `${place.path}[${index}]`, value, faults: place.faults }));
}

/** All elements of an array through a reader; undefined if one of them failed. */
export function list<T>(place: Place, read: (place: Place) => T | undefined): T[] | undefined {
  const places = elements(place);
  if (places === undefined) return undefined;
  const values = places.map(read);
  return values.every((value) => value !== undefined) ? values : undefined;
}

/** Adds a fault unless the value is an object. */
export function object(place: Place): Place | undefined {
  return isObject(place.value) ? place : expected(place, "an object");
}

/** A text. */
export function text(place: Place): string | undefined {
  return typeof place.value === "string" ? place.value : expected(place, "a text");
}

/** True or false. */
export function flag(place: Place): boolean | undefined {
  return typeof place.value === "boolean" ? place.value : expected(place, "true or false");
}

/** A number of 32 bits without sign. */
export function u32(place: Place): number | undefined {
  const { value } = place;
  const fits = typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffffffff;
  return fits ? value : expected(place, "a number from 0 to 4294967295");
}

/** Bytes of a fixed length in base32 (crypto.md 1.2). */
export function bytes(place: Place, length: number): Uint8Array | undefined {
  const decoded = typeof place.value === "string" ? decodeBase32(place.value, length) : undefined;
  return decoded ?? expected(place, `${length} bytes in ${Math.ceil(length * 8 / 5)} base32 symbols`);
}

/** Bytes of any length in base32 (crypto.md 1.2). */
export function anyBytes(place: Place): Uint8Array | undefined {
  const decoded = typeof place.value === "string" ? decodeBase32(place.value) : undefined;
  return decoded ?? expected(place, "bytes in base32");
}

/** Atoms of an amount in the document's currency (crypto.md 1.5). */
export function amount(place: Place, currency: string): bigint | undefined {
  const parsed = typeof place.value === "string" ? parseAmount(place.value) : undefined;
  return parsed?.currency === currency ? parsed.atoms : expected(place, `an amount in ${currency}`);
}

/** A point in time, `{"t_s": seconds}` or `{"t_s": "never"}` (crypto.md 1.4). */
export function time(place: Place): bigint | undefined {
  return span(place, "t_s", SECOND, "never", 'a time such as {"t_s": 1700000000} or {"t_s": "never"}');
}

/** A length of time, `{"d_us": microseconds}` or `{"d_us": "forever"}` (crypto.md 1.4). */
export function duration(place: Place): bigint | undefined {
  return span(place, "d_us", 1n, "forever", 'a duration such as {"d_us": 1000000} or {"d_us": "forever"}');
}

function span(place: Place, name: string, unit: bigint, endless: string, what: string): bigint | undefined {
  const { value } = member(place, name);
  if (typeof value === "string" && value.toLowerCase() === endless) return NEVER;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) return expected(place, what);
  const scaled = BigInt(value) * unit;
  return scaled < DB_NEVER ? scaled : expected(place, what);
}

/** The object, if none of its members is undefined: then everything it was read from was right. */
export function complete<T extends object>(
  parts: T,
): { [K in keyof T]: Exclude<T[K], undefined> } | undefined {
  for (const part of Object.values(parts)) if (part === undefined) return undefined;
  return parts as { [K in keyof T]: Exclude<T[K], undefined> };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** JSON documents as they are carried between machines: nothing in them may get lost or be read in two ways. */

import { hashJson, hashManifests } from "../crypto/objects.ts";

/** A JSON value, or why the text is none, worded to follow the name of the document. */
export type JsonResult = { readonly value: unknown } | { readonly fault: string };

/** Numbers of JavaScript are doubles; this keeps the text of those that would not come back as they were written. */
interface RawNumber {
  readonly rawJSON: string;
}

// Part of the language since 2025, but the compiler's library does not know it yet.
const rawJson = JSON as unknown as { rawJSON(text: string): RawNumber; isRawJSON(value: unknown): value is RawNumber };

/** Deepest nesting accepted; honest documents have about six levels. */
const DEPTH_MAX = 100;

/**
 * Reads a document (cli.md 10.4). A member that occurs twice in an object is refused, since two readers could see two
 * different documents. Numbers with a fraction, an exponent or too many digits keep their text: they can be written
 * again by writeDocument and hashed by hashExactly, but are no numbers for anybody else.
 */
export function parseDocument(text: string): JsonResult {
  let members = 0;
  let value: unknown;
  try {
    value = JSON.parse(text, function (this: unknown, _key: string, member: unknown, context?: { source?: string }) {
      // The holder of the root has the empty key too, but no text of its own.
      if (!Array.isArray(this)) members++;
      if (typeof member !== "number") return member;
      const source = context?.source ?? String(member);
      return /^(0|-?[1-9]\d{0,14})$/.test(source) ? member : rawJson.rawJSON(source);
    });
  } catch (error) {
    if (error instanceof SyntaxError) return { fault: "is not JSON" };
    // The parser's stack is finite.
    if (error instanceof RangeError) return { fault: "is nested too deeply" };
    throw error;
  }
  if (depth(text) > DEPTH_MAX) return { fault: "is nested too deeply" };
  if (countMembers(text) !== members - 1) return { fault: "has a member twice in the same object" };
  return { value };
}

/** Colons outside of strings: the members as written. */
function countMembers(text: string): number {
  let count = 0;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|:/gs)) if (token === ":") count++;
  return count;
}

function depth(text: string): number {
  let level = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") deepest = Math.max(deepest, ++level);
    else if (token === "]" || token === "}") level--;
  }
  return deepest;
}

/** Text of a document, indented by 2, as the reference writes them (cli.md 10.3). */
export function writeDocument(value: unknown): string {
  return JSON.stringify(value, undefined, 2);
}

/** Hash H(z(canon)) of a value of parseDocument, 64 bytes; undefined if it has no canonical form (crypto.md 1.6). */
export function hashExactly(value: unknown): Uint8Array | undefined {
  return hashJson(exact(value));
}

/** Hash of extension manifests, 64 bytes; undefined if they have no canonical form (crypto.md 1.6). */
export function hashManifestsExactly(value: unknown): Uint8Array | undefined {
  return hashManifests(exact(value));
}

/** Integers beyond 2^53 as bigint, real numbers as NaN, which has no canonical form. */
function exact(value: unknown): unknown {
  if (rawJson.isRawJSON(value)) return /^-?\d{1,20}$/.test(value.rawJSON) ? BigInt(value.rawJSON) : NaN;
  if (Array.isArray(value)) return value.map(exact);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, exact(member)]));
}

/** True for an object that is neither an array nor null nor a number kept as text. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !rawJson.isRawJSON(value);
}

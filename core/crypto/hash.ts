// SPDX-License-Identifier: AGPL-3.0-or-later
import { createHash } from "node:crypto";

const utf8 = new TextEncoder();

/** SHA-512 of the concatenation of the chunks, 64 bytes; "H" of crypto.md 0. */
export function sha512(...chunks: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha512");
  for (const chunk of chunks) hash.update(chunk);
  const digest = hash.digest();
  // A plain Uint8Array: a Buffer would compare unequal in deep comparisons and carry other methods into our data.
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.length);
}

/** First 32 bytes of SHA-512 of the concatenation of the chunks; "H32" of crypto.md 0. */
export function sha512Short(...chunks: readonly Uint8Array[]): Uint8Array {
  return sha512(...chunks).slice(0, 32);
}

/** UTF-8 bytes of a text. */
export function utf8Bytes(text: string): Uint8Array {
  return utf8.encode(text);
}

/** UTF-8 bytes of a text and one zero byte; "z" of crypto.md 0, the form in which nearly all texts are hashed. */
export function zeroTerminated(text: string): Uint8Array {
  return utf8.encode(`${text}\0`);
}

/** True if two byte strings are equal. Not constant-time: for public data. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Two byte strings one after the other. */
export function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

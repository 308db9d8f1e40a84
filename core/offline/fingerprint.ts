// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The fingerprint of a document: what two people compare by phone before anything is signed. The exchange's operator
 * can compute it from /keys without this program; docs/offline.md has the definition and a script.
 */

import { buildBlock } from "../crypto/blocks.ts";
import { sha512, zeroTerminated } from "../crypto/hash.ts";
import type { Keys } from "./keys.ts";
import { termsOf } from "./verify.ts";
import { WORDS } from "./words.ts";

/** Bytes of a fingerprint: 96 bits are out of reach for whoever wants a second document with the same one. */
const FINGERPRINT_SIZE = 12;

const LABEL = zeroTerminated("taler-auditor denominations 1");

/**
 * First 12 bytes of SHA-512 over: the label with its zero byte, the master key (32 bytes), the number of denominations
 * (BE32), and of each denomination the 256 bytes that its master signature covers (1025, crypto.md 5.3), sorted as byte
 * strings. The order of the document does not matter, for exchanges do not keep it from one answer to the next.
 */
export function fingerprintOf({ currency, masterPub, denominations }: Keys): Uint8Array {
  const blocks = denominations.map((denomination) => {
    return buildBlock("masterDenominationKey", currency, { masterPub, ...termsOf(denomination) });
  });
  const count = new Uint8Array(4);
  new DataView(count.buffer).setUint32(0, blocks.length);
  return sha512(LABEL, masterPub, count, ...blocks.sort(compareBytes)).slice(0, FINGERPRINT_SIZE);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < a.length; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Six groups of four hexadecimal digits. */
export function fingerprintHex(fingerprint: Uint8Array): string {
  return fingerprint.toHex().replace(/(....)(?=.)/g, "$1 ");
}

/** Twelve words, one for each byte. */
export function fingerprintWords(fingerprint: Uint8Array): string[] {
  return [...fingerprint].map((byte) => WORDS[byte] ?? "");
}

/**
 * A fingerprint as a person gives it: all words or all digits, in any case, separated by anything but letters and
 * digits. The fault completes "the fingerprint …".
 */
export function parseFingerprint(text: string): { readonly bytes: Uint8Array } | { readonly fault: string } {
  const parts = text.toLowerCase().split(/[^a-z0-9]+/).filter((part) => part !== "");
  const digits = parts.join("");
  if (/^[0-9a-f]{24}$/.test(digits)) return { bytes: Uint8Array.fromHex(digits) };
  if (parts.length !== FINGERPRINT_SIZE) {
    return { fault: `has ${FINGERPRINT_SIZE} words or ${2 * FINGERPRINT_SIZE} hexadecimal digits` };
  }
  const values = parts.map((part) => WORDS.indexOf(part));
  const unknown = values.indexOf(-1);
  // Not repeated: a secret may have been typed here by mistake.
  if (unknown >= 0) return { fault: `has a word that is not on the list: word ${unknown + 1}` };
  return { bytes: Uint8Array.from(values) };
}

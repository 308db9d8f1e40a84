// SPDX-License-Identifier: AGPL-3.0-or-later
import { ed25519 } from "@noble/curves/ed25519.js";
import { bigIntFromLittleEndian } from "./bigint.ts";
import { sha512 } from "./hash.ts";
import { kdfMod } from "./kdf.ts";

/** A point of the curve. */
export type Point = InstanceType<typeof ed25519.Point>;

/** Order L of the group (crypto.md 3.2). */
export const CS_ORDER = ed25519.Point.Fn.ORDER;

const LOW_255_BITS = 2n ** 255n - 1n;
const CHALLENGE_LABEL = "Curve25519FDH";
/** Keys remembered, and how many of them get a table of multiples (about 200 kB each) after how many uses. */
const MAX_KEYS = 4096;
const MAX_TABLES = 100;
const USES_BEFORE_TABLE = 16;
const TABLE_WINDOW = 5;

interface KnownKey {
  /** Undefined for a key that the group library refuses. */
  readonly point: Point | undefined;
  uses: number;
}

const knownKeys = new Map<string, KnownKey>();
let tables = 0;

/**
 * The point of a CS public key (32 bytes), or undefined if it is not one the group library accepts: not canonical, not
 * on the curve, of small order or outside the subgroup of prime order (crypto.md 3.2). Remembered, since the subgroup
 * test costs more than a verification, and a denomination has many coins: for one that is used often, a table of
 * multiples halves the cost of each further coin.
 */
export function csPoint(pub: Uint8Array): Point | undefined {
  if (pub.length !== 32) return undefined;
  const name = pub.toHex();
  let known = knownKeys.get(name);
  if (known === undefined) {
    if (knownKeys.size >= MAX_KEYS) {
      knownKeys.clear();
      tables = 0;
    }
    const point = decodePoint(pub, false);
    const valid = point !== undefined && !point.isSmallOrder() && point.isTorsionFree();
    known = { point: valid ? point : undefined, uses: 0 };
    knownKeys.set(name, known);
  }
  known.uses++;
  if (known.uses === USES_BEFORE_TABLE && known.point !== undefined && tables < MAX_TABLES) {
    known.point.precompute(TABLE_WINDOW, false);
    tables++;
  }
  return known.point;
}

/**
 * A point of the curve from 32 bytes, or undefined; with anyEncoding also from encodings that are not canonical, which
 * the group library's addition takes.
 */
export function decodePoint(bytes: Uint8Array, anyEncoding: boolean): Point | undefined {
  if (bytes.length !== 32) return undefined;
  try {
    return ed25519.Point.fromBytes(bytes, anyEncoding);
  } catch {
    return undefined;
  }
}

/** A scalar as the group library reads it: little-endian, bit 255 cleared, not clamped, reduced (crypto.md 3.2). */
function scalar(bytes: Uint8Array): bigint {
  return (bigIntFromLittleEndian(bytes) & LOW_255_BITS) % CS_ORDER;
}

/** Challenge c for a message (coin hash, 64 bytes) and a point R (32 bytes), an integer below L (crypto.md 3.2). */
export function csChallenge(pub: Uint8Array, message: Uint8Array, r: Uint8Array): bigint {
  return kdfMod(CS_ORDER, pub, sha512(r, message), CHALLENGE_LABEL);
}

/**
 * True if a Clause-Schnorr coin signature, s (32, little-endian) | R (32), is one over the message (coin hash, 64
 * bytes) (crypto.md 3.2). What makes the group library fail, and the exchange's code abort, is an invalid signature.
 */
export function verifyCs(pub: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const x = csPoint(pub);
  if (x === undefined || signature.length !== 64) return false;
  const r = signature.subarray(32);
  return equationHolds(x, csChallenge(pub, message, r), signature.subarray(0, 32), r);
}

/**
 * True if a blinded signature answers its challenge: [s]G = R + [c]X, where c (32 bytes, little-endian) is the blinded
 * message's c0 or c1 and R the withdraw value of the same number.
 */
export function verifyCsBlinded(pub: Uint8Array, c: Uint8Array, s: Uint8Array, r: Uint8Array): boolean {
  const x = csPoint(pub);
  return x !== undefined && c.length === 32 && s.length === 32 && equationHolds(x, scalar(c), s, r);
}

function equationHolds(x: Point, c: bigint, s: Uint8Array, r: Uint8Array): boolean {
  // R may be any point of the curve in any encoding, also outside the subgroup: the library's addition does not ask.
  const commitment = decodePoint(r, true);
  const answer = scalar(s);
  if (commitment === undefined || answer === 0n || c === 0n) return false;
  return ed25519.Point.BASE.multiplyUnsafe(answer).equals(commitment.add(x.multiplyUnsafe(c)));
}

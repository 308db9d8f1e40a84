// SPDX-License-Identifier: AGPL-3.0-or-later
import { ed25519 } from "@noble/curves/ed25519.js";
import { bigIntFromLittleEndian, littleEndianBytes, modulo } from "./bigint.ts";
import { CS_ORDER, csChallenge, csPoint, decodePoint, type Point } from "./cs.ts";
import { utf8Bytes } from "./hash.ts";
import { kdf } from "./kdf.ts";

const { BASE } = ed25519.Point;

/** Two values, one per session of a clause-blind signature. */
type Pair = readonly [Uint8Array, Uint8Array];

/** What the exchange needs to answer a challenge, and what it publishes of it. */
export interface CsWithdrawValues {
  /** R0 and R1, 32 bytes each. */
  readonly r: Pair;
  /** Their discrete logarithms. */
  readonly secrets: readonly [bigint, bigint];
}

/** What a wallet keeps between asking for a signature and unblinding it. */
export interface CsBlinding {
  /** c0 and c1, 32 bytes little-endian each: the blinded message's first two parts. */
  readonly c: Pair;
  /** Blinded points R'0 and R'1; one of them becomes the R of the coin's signature. */
  readonly r: Pair;
  readonly alpha: readonly [bigint, bigint];
}

/** Blinded answer of the exchange: which of the two sessions it chose, and s (32 bytes, little-endian). */
export interface CsAnswer {
  readonly b: 0 | 1;
  readonly s: Uint8Array;
}

function reduced(bytes: Uint8Array): bigint {
  return modulo(bigIntFromLittleEndian(bytes), CS_ORDER);
}

function encode(value: bigint): Uint8Array {
  return littleEndianBytes(modulo(value, CS_ORDER), 32);
}

/** A secret scalar below the group order from a seed of any length. Zero, which nobody meets, becomes one. */
export function csSecret(seed: Uint8Array): bigint {
  const value = reduced(kdf(64, utf8Bytes("taler-auditor-cs-secret"), seed));
  return value === 0n ? 1n : value;
}

/** Public key X = [x]G, 32 bytes. */
export function csPublicKey(secret: bigint): Uint8Array {
  return BASE.multiply(secret).toBytes();
}

/** A plain Schnorr signature s | R over a message (64 bytes), valid for verifyCs; deterministic in the nonce's seed. */
export function csSign(secret: bigint, message: Uint8Array, nonceSeed: Uint8Array): Uint8Array {
  const nonce = csSecret(nonceSeed);
  const r = csPublicKey(nonce);
  const signature = new Uint8Array(64);
  signature.set(encode(nonce + csChallenge(csPublicKey(secret), message, r) * secret));
  signature.set(r, 32);
  return signature;
}

/**
 * R0 and R1 that the exchange promises for a withdrawal with a nonce (32 bytes). Derived from its secret, so that a
 * repeated request gets the same values.
 */
export function csWithdrawValues(secret: bigint, nonce: Uint8Array): CsWithdrawValues {
  const key = littleEndianBytes(secret, 32);
  const scalars = ([0, 1] as const).map((index) => {
    return csSecret(kdf(64, utf8Bytes("taler-auditor-cs-r"), key, nonce, new Uint8Array([index])));
  });
  const secrets = [scalars[0] ?? 1n, scalars[1] ?? 1n] as const;
  return { secrets, r: [csPublicKey(secrets[0]), csPublicKey(secrets[1])] };
}

/** Clamps 32 bytes as libsodium does for X25519 and Ed25519 secrets, then reduces them. */
function clamped(bytes: Uint8Array): bigint {
  const copy = bytes.slice();
  copy[0] = (copy[0] ?? 0) & 248;
  copy[31] = ((copy[31] ?? 0) & 127) | 64;
  return reduced(copy);
}

/**
 * Blinds a message (coin hash, 64 bytes) for both sessions with the coin's blinding secret (32 bytes): per session
 * R' = R + [alpha]G + [beta]X and c = H(R', message) + beta (crypto.md 3.2 and 4.3). Undefined if the public key or an
 * R is not valid.
 */
export function csBlind(pub: Uint8Array, message: Uint8Array, r: Pair, blind: Uint8Array): CsBlinding | undefined {
  const x = csPoint(pub);
  const commitments = [decodePoint(r[0], true), decodePoint(r[1], true)] as const;
  if (x === undefined || commitments[0] === undefined || commitments[1] === undefined) return undefined;
  const derived = kdf(128, utf8Bytes("alphabeta"), blind);
  const session = (index: 0 | 1, commitment: Point) => {
    // Neither scalar can be zero: clamping leaves no multiple of the group order in its range.
    const alpha = clamped(derived.subarray(64 * index, 64 * index + 32));
    const beta = clamped(derived.subarray(64 * index + 32, 64 * index + 64));
    const point = commitment.add(BASE.multiply(alpha)).add(x.multiply(beta)).toBytes();
    return { alpha, point, c: encode(csChallenge(pub, message, point) + beta) };
  };
  const first = session(0, commitments[0]);
  const second = session(1, commitments[1]);
  return { c: [first.c, second.c], r: [first.point, second.point], alpha: [first.alpha, second.alpha] };
}

/** Blinded message of a planchet: c0 | c1 | nonce, 96 bytes (crypto.md 2.1). */
export function csBlindedMessage(blinding: CsBlinding, nonce: Uint8Array): Uint8Array {
  const message = new Uint8Array(96);
  message.set(blinding.c[0]);
  message.set(blinding.c[1], 32);
  message.set(nonce, 64);
  return message;
}

/**
 * The exchange's answer to a blinded message (96 bytes): a bit b that the wallet cannot foresee and
 * s = r_b + c_b x.
 */
export function csAnswer(secret: bigint, values: CsWithdrawValues, blindedMessage: Uint8Array): CsAnswer {
  const key = littleEndianBytes(secret, 32);
  const b = ((kdf(1, utf8Bytes("taler-auditor-cs-b"), key, blindedMessage)[0] ?? 0) & 1) === 0 ? 0 : 1;
  const c = reduced(blindedMessage.subarray(32 * b, 32 * b + 32));
  return { b, s: encode(values.secrets[b] + c * secret) };
}

/** The coin's signature s | R of an answer: s' = s + alpha_b with R'_b. */
export function csUnblind(blinding: CsBlinding, answer: CsAnswer): Uint8Array {
  const signature = new Uint8Array(64);
  signature.set(encode(reduced(answer.s) + blinding.alpha[answer.b]));
  signature.set(blinding.r[answer.b], 32);
  return signature;
}

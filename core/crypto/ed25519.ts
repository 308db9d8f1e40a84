// SPDX-License-Identifier: AGPL-3.0-or-later
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bigIntFromLittleEndian } from "./bigint.ts";
import { equalBytes, sha512 } from "./hash.ts";

const KEY_SIZE = 32;
const SIGNATURE_SIZE = 64;
/** Order of the base point, L of crypto.md 3.2. */
const ORDER = ed25519.Point.Fn.ORDER;

/** DER frames around a raw key (RFC 8410): SubjectPublicKeyInfo and PKCS #8. */
const SPKI_FRAME = Uint8Array.fromHex("302a300506032b6570032100");
const PKCS8_FRAME = Uint8Array.fromHex("302e020100300506032b657004220420");

/** L in little-endian bytes. */
const ORDER_BYTES = Uint8Array.fromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

/**
 * Encodings of the y coordinates of all points of order 1, 2, 4 and 8, without the sign bit: 0 (order 4), 1 (order 1),
 * the two of order 8, p-1 (order 2), and the not canonical p and p+1, which mean 0 and 1.
 */
const SMALL_ORDER = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
].map((hex) => Uint8Array.fromHex(hex));

/** True if the first 32 bytes encode a point of small order; the sign bit does not matter. */
function hasSmallOrder(bytes: Uint8Array): boolean {
  const last = KEY_SIZE - 1;
  for (const encoding of SMALL_ORDER) {
    let index = 0;
    while (index < last && bytes[index] === encoding[index]) index++;
    if (index === last && ((bytes[last] ?? 0) & 0x7f) === encoding[last]) return true;
  }
  return false;
}

/** True if the y coordinate of an encoded point is below p = 2^255-19. */
function isCanonicalPoint(bytes: Uint8Array): boolean {
  if (((bytes[KEY_SIZE - 1] ?? 0) & 0x7f) !== 0x7f) return true;
  for (let index = KEY_SIZE - 2; index > 0; index--) if (bytes[index] !== 0xff) return true;
  return (bytes[0] ?? 0) < 0xed;
}

/** True if S, the second half of a signature, is below the group order. */
function isCanonicalScalar(signature: Uint8Array): boolean {
  for (let index = KEY_SIZE - 1; index >= 0; index--) {
    const difference = (signature[KEY_SIZE + index] ?? 0) - (ORDER_BYTES[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/**
 * True if a signature is one that libsodium 1.0.18, which the exchange uses, accepts (crypto.md 1.9): S below the
 * group order, a canonical public key, neither key nor R of small order, and R equal byte for byte to the encoding of
 * [S]B - [h]A (no multiplication by the cofactor). Anything of a wrong length is refused.
 *
 * The platform's verification does the arithmetic because it is ten times faster than any in JavaScript; the
 * conditions it does not check are checked here. Should it refuse a signature, the same equation is computed once more
 * with another library and decides: honest data rarely comes here, and no false alarm may hang on one implementation.
 * That library's own verification would not do, since it multiplies by the cofactor and so accepts what libsodium
 * refuses.
 */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isAdmissible(publicKey, signature)) return false;
  return platformVerify(publicKey, message, signature) || equationHolds(publicKey, message, signature);
}

/** As verifyEd25519, in JavaScript alone: ten times slower, for comparison. */
export function verifyEd25519Slowly(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return isAdmissible(publicKey, signature) && equationHolds(publicKey, message, signature);
}

/** Everything libsodium demands before it looks at the equation, except that the key is a point of the curve. */
function isAdmissible(publicKey: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY_SIZE || signature.length !== SIGNATURE_SIZE) return false;
  if (!isCanonicalScalar(signature) || hasSmallOrder(signature)) return false;
  return isCanonicalPoint(publicKey) && !hasSmallOrder(publicKey);
}

function platformVerify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const der = Buffer.concat([SPKI_FRAME, publicKey]);
    return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    // Bytes that are no point on the curve. Whatever the reason: the second computation decides.
    return false;
  }
}

/** The verification equation as libsodium computes it, for admissible input. */
function equationHolds(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const r = signature.subarray(0, KEY_SIZE);
  const s = bigIntFromLittleEndian(signature.subarray(KEY_SIZE));
  // Reduced before use: for a key outside the prime-order subgroup, that makes a difference.
  const h = bigIntFromLittleEndian(sha512(r, publicKey, message)) % ORDER;
  try {
    const a = ed25519.Point.fromBytes(publicKey);
    return equalBytes(ed25519.Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(h)).toBytes(), r);
  } catch {
    // The public key is no point on the curve.
    return false;
  }
}

/**
 * Ed25519 signature (64 bytes) of a message; deterministic (RFC 8032).
 *
 * @param seed private key, 32 bytes (crypto.md 1.9)
 * @throws RangeError if the seed has another length
 */
export function signEd25519(seed: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, privateKey(seed)));
}

/**
 * Public key (32 bytes) of an Ed25519 seed.
 *
 * @throws RangeError if the seed does not have 32 bytes
 */
export function publicKeyOf(seed: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKey(seed)).export({ format: "der", type: "spki" });
  return new Uint8Array(der.subarray(SPKI_FRAME.length));
}

function privateKey(seed: Uint8Array): KeyObject {
  if (seed.length !== KEY_SIZE) throw new RangeError("an Ed25519 seed has 32 bytes");
  return createPrivateKey({ key: Buffer.concat([PKCS8_FRAME, seed]), format: "der", type: "pkcs8" });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
import { bigIntFromBytes, bitLength, gcd, minimalBytes, modularPower } from "./bigint.ts";
import { utf8Bytes } from "./hash.ts";
import { kdfMod, kdfModPrepared, type PreparedSalt, prepareSalt } from "./kdf.ts";

/** A checked RSA public key (crypto.md 2.1). */
export interface RsaKey {
  readonly n: bigint;
  readonly e: bigint;
  /** The key bytes: BE16 len(n) | BE16 len(e) | n | e. They are the salt of the full domain hash. */
  readonly bytes: Uint8Array;
  /** Length of n in bytes. */
  readonly size: number;
  /** `bytes` made ready for the full domain hash. */
  readonly salt: PreparedSalt;
  /** True if n has a prime factor below 2^16, see fullDomainHash. */
  readonly hasSmallFactor: boolean;
}

const MIN_BITS = 512;
const MAX_BITS = 8192;
const MAX_EXPONENT_BITS = 64;
const FULL_DOMAIN_LABEL = "RSA-FDA FTpsW!";
const BLINDING_SALT = utf8Bytes("Blinding KDF extractor HMAC key");
const BLINDING_LABEL = "Blinding KDF";

/**
 * Reads RSA key bytes (crypto.md 2.1), or gives undefined: lengths that do not add up, leading zeros, a modulus that
 * is even, below 512 or above 8192 bits, an exponent that is even, below 3 or above 64 bits. The upper bounds keep a
 * hostile key from costing more than milliseconds per coin; no exchange uses such keys.
 */
export function parseRsaKey(bytes: Uint8Array): RsaKey | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = view.getUint16(0);
  const exponentSize = view.getUint16(2);
  if (bytes.length !== 4 + size + exponentSize || size * 8 > MAX_BITS || exponentSize * 8 > MAX_EXPONENT_BITS) {
    return undefined;
  }
  if (size === 0 || exponentSize === 0 || bytes[4] === 0 || bytes[4 + size] === 0) return undefined;
  const n = bigIntFromBytes(bytes.subarray(4, 4 + size));
  const e = bigIntFromBytes(bytes.subarray(4 + size));
  if (n % 2n === 0n || bitLength(n) < MIN_BITS || e % 2n === 0n || e < 3n) return undefined;
  const copy = bytes.slice();
  return { n, e, bytes: copy, size, salt: prepareSalt(copy), hasSmallFactor: gcd(smallPrimes(), n) !== 1n };
}

/** Key bytes of a modulus and an exponent, the inverse of parseRsaKey (crypto.md 2.1). */
export function serializeRsaKey(n: bigint, e: bigint): Uint8Array {
  const modulus = minimalBytes(n);
  const exponent = minimalBytes(e);
  const bytes = new Uint8Array(4 + modulus.length + exponent.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, modulus.length);
  view.setUint16(2, exponent.length);
  bytes.set(modulus, 4);
  bytes.set(exponent, 4 + modulus.length);
  return bytes;
}

let smallPrimeProduct: bigint | undefined;

/** Product of all primes below 2^16, about 94,000 bits, computed on first use. */
function smallPrimes(): bigint {
  if (smallPrimeProduct !== undefined) return smallPrimeProduct;
  const limit = 0x10000;
  const composite = new Uint8Array(limit);
  let factors: bigint[] = [];
  for (let candidate = 2; candidate < limit; candidate++) {
    if (composite[candidate] === 1) continue;
    factors.push(BigInt(candidate));
    for (let multiple = candidate * candidate; multiple < limit; multiple += candidate) composite[multiple] = 1;
  }
  while (factors.length > 1) {
    const products: bigint[] = [];
    for (let index = 0; index < factors.length; index += 2) {
      products.push((factors[index] ?? 1n) * (factors[index + 1] ?? 1n));
    }
    factors = products;
  }
  smallPrimeProduct = factors[0] ?? 1n;
  return smallPrimeProduct;
}

/**
 * Full domain hash of a message, an integer below n (crypto.md 3.1); undefined if it has a factor in common with n.
 *
 * The common factor is only searched for where n has a prime factor below 2^16, found once per key, because a gcd costs
 * more than the verification itself. For other keys the hash, which nobody can choose, would have to be a multiple of
 * a prime p > 2^16: a chance of 1/p for each such p, nothing (2^-255 and less) for a product of two large primes, and
 * at most one coin in hundreds for a modulus made of many small ones, which no honest exchange has. What the check
 * protects is the anonymity of wallets, which test it themselves when they withdraw; to the auditor a coin signed by
 * whoever knows the factors is signed by the exchange either way.
 */
export function fullDomainHash(key: RsaKey, message: Uint8Array): bigint | undefined {
  const hash = kdfModPrepared(key.n, key.salt, message, FULL_DOMAIN_LABEL);
  if (hash === 0n || (key.hasSmallFactor && gcd(hash, key.n) !== 1n)) return undefined;
  return hash;
}

/** value^e mod n. */
function publicPower(key: RsaKey, value: bigint): bigint {
  const { n, e } = key;
  const base = value % n;
  if (e !== 65537n) return modularPower(base, e, n);
  let power = base;
  for (let count = 0; count < 16; count++) power = (power * power) % n;
  return (power * base) % n;
}

/**
 * True if the signature, a big-endian integer that need not be below n, is one over the message (the coin hash, 64
 * bytes) (crypto.md 3.1). An integer of more than twice the modulus' length is refused unread.
 */
export function verifyRsa(key: RsaKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length > 2 * key.size) return false;
  const hash = fullDomainHash(key, message);
  return hash !== undefined && publicPower(key, bigIntFromBytes(signature)) === hash;
}

/**
 * s^e mod n as minimal big-endian bytes: of a blinded signature, the blinded message it was made for. No bytes, which
 * equal no blinded message, for an integer of more than twice the modulus' length.
 */
export function powerOfSignature(key: RsaKey, s: Uint8Array): Uint8Array {
  if (s.length > 2 * key.size) return new Uint8Array(0);
  return minimalBytes(publicPower(key, bigIntFromBytes(s)));
}

/** Blinding factor r of a coin's blinding secret (32 bytes) (crypto.md 3.1). */
export function blindingFactor(key: RsaKey, blind: Uint8Array): bigint {
  return kdfMod(key.n, BLINDING_SALT, blind, BLINDING_LABEL);
}

/**
 * Blinded message that a wallet sends for a coin hash and a blinding secret, minimal big-endian bytes; undefined if
 * the hash has no valid full domain hash (crypto.md 3.1).
 */
export function blindRsa(key: RsaKey, message: Uint8Array, blind: Uint8Array): Uint8Array | undefined {
  const hash = fullDomainHash(key, message);
  return hash === undefined ? undefined : minimalBytes(hash * publicPower(key, blindingFactor(key, blind)) % key.n);
}

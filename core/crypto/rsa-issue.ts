// SPDX-License-Identifier: AGPL-3.0-or-later
import { bigIntFromBytes, gcd, minimalBytes, modularInverse, modularPower, modulo } from "./bigint.ts";
import { sha512, zeroTerminated } from "./hash.ts";
import { blindingFactor, parseRsaKey, type RsaKey, serializeRsaKey } from "./rsa.ts";

/** Gives bytes that look random; deterministic ones make deterministic keys. */
export type ByteSource = (length: number) => Uint8Array;

/**
 * A denomination's private key, for simulated exchanges only: its arithmetic takes time that depends on the key, so a
 * real key would leak.
 */
export interface RsaPrivateKey {
  readonly publicKey: RsaKey;
  readonly p: bigint;
  readonly q: bigint;
  /** d mod p-1, d mod q-1 and q^-1 mod p, for the Chinese remainder theorem. */
  readonly dp: bigint;
  readonly dq: bigint;
  readonly qInverse: bigint;
}

const EXPONENT = 65537n;
const MILLER_RABIN_ROUNDS = 24;
const SIEVE_LIMIT = 4096;

/** Bytes derived from a seed by SHA-512 in counter mode; equal seeds give equal streams. */
export function seededBytes(seed: Uint8Array): ByteSource {
  const label = zeroTerminated("taler-auditor-seeded-bytes");
  const counter = new Uint8Array(8);
  const view = new DataView(counter.buffer);
  let block = 0n;
  let rest = new Uint8Array(0);
  return (length) => {
    const output = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (rest.length === 0) {
        view.setBigUint64(0, block++);
        rest = new Uint8Array(sha512(label, counter, seed));
      }
      const part = rest.subarray(0, length - filled);
      output.set(part, filled);
      filled += part.length;
      rest = rest.subarray(part.length);
    }
    return output;
  };
}

/**
 * An RSA key pair with exponent 65537; the same source gives the same key.
 *
 * @param bits length of the modulus, a multiple of 16 from 512 to 8192
 * @throws RangeError for another length
 */
export function generateRsaKey(bits: number, source: ByteSource): RsaPrivateKey {
  if (bits < 512 || bits > 8192 || bits % 16 !== 0) throw new RangeError("unsupported RSA key length");
  const p = generatePrime(bits / 2, source);
  let q = generatePrime(bits / 2, source);
  while (q === p) q = generatePrime(bits / 2, source);
  const d = modularInverse(EXPONENT, (p - 1n) * (q - 1n));
  const qInverse = modularInverse(q, p);
  const publicKey = parseRsaKey(serializeRsaKey(p * q, EXPONENT));
  if (d === undefined || qInverse === undefined || publicKey === undefined) {
    throw new Error("RSA key generation failed");
  }
  return { publicKey, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qInverse };
}

const sievePrimes: readonly number[] = Array.from({ length: SIEVE_LIMIT - 3 }, (_, index) => index + 3)
  .filter((candidate) => {
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false;
    return true;
  });

/** A prime with its two highest bits set, so that the product of two has exactly twice the bits. */
function generatePrime(bits: number, source: ByteSource): bigint {
  const top = 3n << BigInt(bits - 2);
  while (true) {
    const start = BigInt.asUintN(bits, bigIntFromBytes(source(bits / 8))) | top | 1n;
    const remainders = sievePrimes.map((prime) => Number(start % BigInt(prime)));
    // Walk on from one random start: the remainders of all candidates follow from those of the first.
    for (let step = 0; step < 2 * bits * 8; step += 2) {
      if (sievePrimes.some((prime, index) => ((remainders[index] ?? 0) + step) % prime === 0)) continue;
      const candidate = start + BigInt(step);
      if (candidate >> BigInt(bits) !== 0n) break;
      if (gcd(candidate - 1n, EXPONENT) === 1n && isProbablePrime(candidate, source)) return candidate;
    }
  }
}

/** Miller–Rabin with bases from the source; a composite passes with a probability below 4^-24. */
export function isProbablePrime(candidate: bigint, source: ByteSource): boolean {
  if (candidate < 4n) return candidate === 2n || candidate === 3n;
  if (candidate % 2n === 0n) return false;
  let odd = candidate - 1n;
  let twos = 0;
  while (odd % 2n === 0n) {
    odd /= 2n;
    twos++;
  }
  const length = Math.ceil(candidate.toString(16).length / 2) + 8;
  for (let round = 0; round < MILLER_RABIN_ROUNDS; round++) {
    // The fixed base 2 goes first, so that a composite candidate, the usual case, costs no random bytes.
    const base = round === 0 ? 2n : 2n + bigIntFromBytes(source(length)) % (candidate - 3n);
    if (!passesRound(candidate, base, odd, twos)) return false;
  }
  return true;
}

function passesRound(candidate: bigint, base: bigint, odd: bigint, twos: number): boolean {
  let power = modularPower(base, odd, candidate);
  if (power === 1n || power === candidate - 1n) return true;
  for (let count = 1; count < twos; count++) {
    power = (power * power) % candidate;
    if (power === candidate - 1n) return true;
  }
  return false;
}

/** Signs a blinded message like the exchange does, giving a blinded signature (minimal big-endian bytes). */
export function signRsaBlinded(privateKey: RsaPrivateKey, blinded: Uint8Array): Uint8Array {
  const { p, q, dp, dq, qInverse } = privateKey;
  const message = bigIntFromBytes(blinded);
  const underP = modularPower(message % p, dp, p);
  const underQ = modularPower(message % q, dq, q);
  return minimalBytes(underQ + q * (modulo((underP - underQ) * qInverse, p)));
}

/**
 * Coin signature from a blinded signature and the coin's blinding secret, minimal big-endian bytes; undefined if the
 * blinding factor has no inverse, which reveals a factor of the modulus and does not happen with honest keys.
 */
export function unblindRsa(key: RsaKey, blindedSignature: Uint8Array, blind: Uint8Array): Uint8Array | undefined {
  const inverse = modularInverse(blindingFactor(key, blind), key.n);
  return inverse === undefined ? undefined : minimalBytes(bigIntFromBytes(blindedSignature) * inverse % key.n);
}

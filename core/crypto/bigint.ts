// SPDX-License-Identifier: AGPL-3.0-or-later
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

/** Unsigned big-endian integer of bytes; no bytes are 0. */
export function bigIntFromBytes(bytes: Uint8Array): bigint {
  // By way of hexadecimal text: V8 parses it in linear time, several times faster than shifting words together.
  return bytes.length === 0 ? 0n : BigInt(`0x${bytesToHex(bytes)}`);
}

/** Unsigned little-endian integer of bytes. */
export function bigIntFromLittleEndian(bytes: Uint8Array): bigint {
  return bigIntFromBytes(bytes.slice().reverse());
}

/** Big-endian bytes without leading zeros, the form in which RSA integers are stored (crypto.md 2.1); none for 0. */
export function minimalBytes(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  const hex = value.toString(16);
  return hexToBytes(hex.length % 2 === 0 ? hex : `0${hex}`);
}

/**
 * Little-endian bytes of a fixed length.
 *
 * @throws RangeError if the value does not fit
 */
export function littleEndianBytes(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16);
  if (value < 0n || hex.length > 2 * length) throw new RangeError(`integer does not fit into ${length} bytes`);
  return hexToBytes(hex.padStart(2 * length, "0")).reverse();
}

/** Number of bits of a positive integer; 0 for 0. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const hex = value.toString(16);
  return (hex.length - 1) * 4 + (32 - Math.clz32(parseInt(hex.charAt(0), 16)));
}

/** Remainder that is never negative. */
export function modulo(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Greatest common divisor of two integers that are not negative. */
export function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}

/** base^exponent mod modulus for a reduced base and a positive exponent. Not constant-time. */
export function modularPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = base;
  const bits = exponent.toString(2);
  for (let index = 1; index < bits.length; index++) {
    result = (result * result) % modulus;
    if (bits.charCodeAt(index) === 0x31) result = (result * base) % modulus;
  }
  return result;
}

/** Inverse of a value modulo a modulus, or undefined if they have a common factor. */
export function modularInverse(value: bigint, modulus: bigint): bigint | undefined {
  let [previous, current] = [modulus, modulo(value, modulus)];
  let [previousFactor, factor] = [0n, 1n];
  while (current !== 0n) {
    const quotient = previous / current;
    [previous, current] = [current, previous - quotient * current];
    [previousFactor, factor] = [factor, previousFactor - quotient * factor];
  }
  return previous === 1n ? modulo(previousFactor, modulus) : undefined;
}

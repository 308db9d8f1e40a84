// SPDX-License-Identifier: AGPL-3.0-or-later
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { bigIntFromBytes, bitLength } from "./bigint.ts";
import { sha512, utf8Bytes } from "./hash.ts";

const SHA512_BLOCK = 128;
const SHA256_SIZE = 32;

/**
 * A salt made ready for many derivations: the two padded keys of HMAC-SHA512. Worth keeping where one salt serves
 * many coins (the key bytes of a denomination).
 */
export interface PreparedSalt {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}

/** Pads a salt as HMAC-SHA512 wants it (RFC 2104). */
export function prepareSalt(salt: Uint8Array): PreparedSalt {
  const key = salt.length > SHA512_BLOCK ? sha512(salt) : salt;
  const inner = new Uint8Array(SHA512_BLOCK).fill(0x36);
  const outer = new Uint8Array(SHA512_BLOCK).fill(0x5c);
  key.forEach((byte, index) => {
    inner[index] = byte ^ 0x36;
    outer[index] = byte ^ 0x5c;
  });
  return { inner, outer };
}

function extract(salt: PreparedSalt, ikm: Uint8Array): Uint8Array {
  return sha512(salt.outer, sha512(salt.inner, ikm));
}

/** T(1) | T(2) | … of crypto.md 4.1, cut to the length; context is followed by the counter byte. */
type Expander = (length: number, context: Uint8Array) => Uint8Array;

function expander(pseudorandomKey: Uint8Array): Expander {
  // The padded keys are hashed once and their state copied for each block: a third of the work of a fresh HMAC.
  const keyed = hmac.create(sha256, pseudorandomKey);
  const running = keyed.clone();
  return (length, context) => {
    const blocks = Math.ceil(length / SHA256_SIZE);
    if (blocks > 255) throw new RangeError("derived key too long");
    const output = new Uint8Array(blocks * SHA256_SIZE);
    const message = new Uint8Array(SHA256_SIZE + context.length + 1);
    message.set(context, SHA256_SIZE);
    for (let block = 0; block < blocks; block++) {
      message[message.length - 1] = block + 1;
      keyed._cloneInto(running);
      running.update(block === 0 ? message.subarray(SHA256_SIZE) : message);
      const target = output.subarray(block * SHA256_SIZE, (block + 1) * SHA256_SIZE);
      running.digestInto(target);
      message.set(target);
    }
    return blocks * SHA256_SIZE === length ? output : output.slice(0, length);
  };
}

/**
 * HKDF with HMAC-SHA512 for extraction and HMAC-SHA256 for expansion (crypto.md 4.1). Salt and input are taken exactly
 * as given; context chunks are concatenated.
 *
 * @param length bytes wanted, at most 8160
 * @throws RangeError for a greater length
 */
export function kdf(
  length: number,
  salt: Uint8Array,
  ikm: Uint8Array,
  ...context: readonly Uint8Array[]
): Uint8Array {
  const joined = new Uint8Array(context.reduce((size, chunk) => size + chunk.length, 0));
  let offset = 0;
  for (const chunk of context) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return expander(extract(prepareSalt(salt), ikm))(length, joined);
}

/** Hash to an integer below n (crypto.md 4.2); the label enters without a zero byte. n must be positive. */
export function kdfMod(n: bigint, salt: Uint8Array, ikm: Uint8Array, label: string): bigint {
  return kdfModPrepared(n, prepareSalt(salt), ikm, label);
}

/** As kdfMod, with a salt prepared once by prepareSalt. */
export function kdfModPrepared(n: bigint, salt: PreparedSalt, ikm: Uint8Array, label: string): bigint {
  const bits = bitLength(n);
  const length = Math.ceil(bits / 8);
  const topMask = 0xff >>> (8 * length - bits);
  const expand = expander(extract(salt, ikm));
  const labelBytes = utf8Bytes(label);
  const context = new Uint8Array(labelBytes.length + 2);
  context.set(labelBytes);
  for (let counter = 0; counter < 0x10000; counter++) {
    context[labelBytes.length] = counter >>> 8;
    context[labelBytes.length + 1] = counter & 0xff;
    const bytes = expand(length, context);
    bytes[0] = (bytes[0] ?? 0) & topMask;
    const value = bigIntFromBytes(bytes);
    if (value < n) return value;
  }
  // Each attempt succeeds with a probability above one half, so this is no input but a broken program.
  throw new Error("no integer below the modulus found");
}

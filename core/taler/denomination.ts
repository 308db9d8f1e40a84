// SPDX-License-Identifier: AGPL-3.0-or-later

/** Kind of a denomination's blind signature. Never taken from `denom_type`, which is 1 for both (crypto.md 2). */
export type Cipher = "RSA" | "CS";

/** A denomination's public key as `denominations.denom_pub` holds it; `key` are the key bytes of crypto.md 2.1. */
export interface DenominationKey {
  readonly cipher: Cipher;
  readonly ageMask: number;
  readonly key: Uint8Array;
}

/** A coin's unblinded signature: RSA the integer s, CS s (32) | R (32). */
export interface DenominationSignature {
  readonly cipher: Cipher;
  readonly value: Uint8Array;
}

/** A blinded signature: RSA the integer, CS the choice b and the scalar s (32 bytes, little-endian). */
export type BlindedSignature =
  | { readonly cipher: "RSA"; readonly value: Uint8Array }
  | { readonly cipher: "CS"; readonly b: 0 | 1; readonly s: Uint8Array };

/** A blinded planchet: RSA the blinded message as an integer, CS c0 | c1 | nonce (96 bytes). */
export interface Planchet {
  readonly cipher: Cipher;
  readonly message: Uint8Array;
}

/** The values an exchange commits to before a withdrawal: nothing for RSA, R0 and R1 (32 bytes each) for CS. */
export type WithdrawValues =
  | { readonly cipher: "RSA" }
  | { readonly cipher: "CS"; readonly r0: Uint8Array; readonly r1: Uint8Array };

const HEADER_SIZE = 8;
const MARK_UNBLINDED = 0;
const MARK_BLINDED = 1;
const MARK_PLANCHET = 0x100;
const MARK_WITHDRAW_VALUES = 0x10000;

/** Number of a cipher in serialised and hashed data: RSA 1, CS 2 (crypto.md 2). */
export function cipherNumber(cipher: Cipher): number {
  return cipher === "RSA" ? 1 : 2;
}

interface Parts {
  readonly cipher: Cipher;
  readonly word: number;
  readonly body: Uint8Array;
}

/** The two leading words and a copy-free view of what follows them. */
function split(blob: Uint8Array): Parts | undefined {
  if (blob.length < HEADER_SIZE) return undefined;
  const view = new DataView(blob.buffer, blob.byteOffset, HEADER_SIZE);
  const number = view.getUint32(0);
  if (number !== 1 && number !== 2) return undefined;
  return { cipher: number === 1 ? "RSA" : "CS", word: view.getUint32(4), body: blob.subarray(HEADER_SIZE) };
}

function splitMarked(blob: Uint8Array, mark: number): Parts | undefined {
  const parts = split(blob);
  return parts?.word === mark ? parts : undefined;
}

function join(cipher: Cipher, word: number, ...body: readonly Uint8Array[]): Uint8Array {
  const blob = new Uint8Array(body.reduce((size, part) => size + part.length, HEADER_SIZE));
  const view = new DataView(blob.buffer);
  view.setUint32(0, cipherNumber(cipher));
  view.setUint32(4, word);
  let offset = HEADER_SIZE;
  for (const part of body) {
    blob.set(part, offset);
    offset += part.length;
  }
  return blob;
}

/** Splits `denominations.denom_pub` (crypto.md 2.1); undefined for another cipher or wrong lengths. */
export function parseDenominationKey(blob: Uint8Array): DenominationKey | undefined {
  const parts = split(blob);
  if (parts === undefined) return undefined;
  const { cipher, word, body } = parts;
  if (cipher === "CS") return body.length === 32 ? { cipher, ageMask: word, key: body } : undefined;
  if (body.length < 4) return undefined;
  const view = new DataView(body.buffer, body.byteOffset, 4);
  const size = view.getUint16(0) + view.getUint16(2);
  return body.length === 4 + size ? { cipher, ageMask: word, key: body } : undefined;
}

/** Inverse of parseDenominationKey. */
export function serializeDenominationKey(key: DenominationKey): Uint8Array {
  return join(key.cipher, key.ageMask, key.key);
}

/** Splits `known_coins.denom_sig` (crypto.md 2.1); undefined for a wrong marker, cipher or length. */
export function parseDenominationSignature(blob: Uint8Array): DenominationSignature | undefined {
  const parts = splitMarked(blob, MARK_UNBLINDED);
  if (parts === undefined) return undefined;
  const { cipher, body } = parts;
  return (cipher === "RSA" ? body.length > 0 : body.length === 64) ? { cipher, value: body } : undefined;
}

/** Inverse of parseDenominationSignature. */
export function serializeDenominationSignature(signature: DenominationSignature): Uint8Array {
  return join(signature.cipher, MARK_UNBLINDED, signature.value);
}

/**
 * Splits a blinded signature, `reserves_out.denom_sig` or `refresh_revealed_coins.ev_sig` (crypto.md 2.1). The choice
 * b of CS is a little-endian word, the host order of every known deployment.
 */
export function parseBlindedSignature(blob: Uint8Array): BlindedSignature | undefined {
  const parts = splitMarked(blob, MARK_BLINDED);
  if (parts === undefined) return undefined;
  const { cipher, body } = parts;
  if (cipher === "RSA") return body.length > 0 ? { cipher, value: body } : undefined;
  if (body.length !== 36) return undefined;
  const choice = new DataView(body.buffer, body.byteOffset, 4).getUint32(0, true);
  return choice === 0 || choice === 1 ? { cipher, b: choice, s: body.subarray(4) } : undefined;
}

/** Inverse of parseBlindedSignature. */
export function serializeBlindedSignature(signature: BlindedSignature): Uint8Array {
  if (signature.cipher === "RSA") return join("RSA", MARK_BLINDED, signature.value);
  return join("CS", MARK_BLINDED, new Uint8Array([signature.b, 0, 0, 0]), signature.s);
}

/** Splits `refresh_revealed_coins.coin_ev` (crypto.md 2.1). */
export function parsePlanchet(blob: Uint8Array): Planchet | undefined {
  const parts = splitMarked(blob, MARK_PLANCHET);
  if (parts === undefined) return undefined;
  const { cipher, body } = parts;
  return (cipher === "RSA" ? body.length > 0 : body.length === 96) ? { cipher, message: body } : undefined;
}

/** Inverse of parsePlanchet. */
export function serializePlanchet(planchet: Planchet): Uint8Array {
  return join(planchet.cipher, MARK_PLANCHET, planchet.message);
}

/** Splits `refresh_revealed_coins.ewv` (crypto.md 2.1). */
export function parseWithdrawValues(blob: Uint8Array): WithdrawValues | undefined {
  const parts = splitMarked(blob, MARK_WITHDRAW_VALUES);
  if (parts === undefined) return undefined;
  const { cipher, body } = parts;
  if (cipher === "RSA") return body.length === 0 ? { cipher } : undefined;
  return body.length === 64 ? { cipher, r0: body.subarray(0, 32), r1: body.subarray(32) } : undefined;
}

/** Inverse of parseWithdrawValues. */
export function serializeWithdrawValues(values: WithdrawValues): Uint8Array {
  if (values.cipher === "RSA") return join("RSA", MARK_WITHDRAW_VALUES);
  return join("CS", MARK_WITHDRAW_VALUES, values.r0, values.r1);
}

/**
 * Age group of an age: how many of the mask's bits 1..age are set (crypto.md 2.2). Bit i of the mask means that a new
 * group starts at age i.
 */
export function ageGroup(mask: number, age: number): number {
  let group = 0;
  let rest = mask >>> 0;
  for (let years = age; rest > 0 && years > 0; years--) {
    rest >>>= 1;
    group += rest & 1;
  }
  return group;
}

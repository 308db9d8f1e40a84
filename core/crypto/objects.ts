// SPDX-License-Identifier: AGPL-3.0-or-later
import { AMOUNT_SIZE, writeAmount } from "../taler/amount.ts";
import { type Cipher, cipherNumber, type DenominationKey } from "../taler/denomination.ts";
import { canonicalJson } from "../taler/json.ts";
import { sha512, sha512Short, utf8Bytes, zeroTerminated } from "./hash.ts";
import { kdf } from "./kdf.ts";

const WIRE_LABEL = utf8Bytes("merchant-wire-signature");

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(4 * index, value));
  return bytes;
}

function amountBytes(currency: string, atoms: bigint): Uint8Array {
  const bytes = new Uint8Array(AMOUNT_SIZE);
  writeAmount(bytes, 0, currency, atoms);
  return bytes;
}

/**
 * h_denom_pub, 64 bytes: hash of age mask, cipher and key bytes, in this order, unlike the stored key (crypto.md 2.2).
 */
export function hashDenominationKey(key: DenominationKey): Uint8Array {
  return sha512(words(key.ageMask, cipherNumber(key.cipher)), key.key);
}

/**
 * Coin hash, 64 bytes, the message of the blind signature (crypto.md 2.2). A commitment of 32 zero bytes means none,
 * like an absent one (crypto.md 2.1).
 */
export function hashCoin(coinPub: Uint8Array, ageCommitment?: Uint8Array | null): Uint8Array {
  if (ageCommitment === undefined || ageCommitment === null || ageCommitment.every((byte) => byte === 0)) {
    return sha512(coinPub);
  }
  return sha512(coinPub, ageCommitment);
}

/** Age commitment hash, 32 bytes, of the public keys of all age groups (crypto.md 1.3). */
export function deriveAgeCommitmentHash(publicKeys: readonly Uint8Array[]): Uint8Array {
  return sha512Short(...publicKeys);
}

/**
 * Blinded coin hash BCH, 64 bytes (crypto.md 2.2).
 *
 * @param denominationHash h_denom_pub, 64 bytes
 * @param message blinded message without the header it is stored with
 */
export function hashBlindedCoin(denominationHash: Uint8Array, cipher: Cipher, message: Uint8Array): Uint8Array {
  return sha512(denominationHash, words(cipherNumber(cipher)), message);
}

/** Values that the denominations of one group of /keys have in common; amounts in atoms. */
export interface DenominationGroup {
  readonly currency: string;
  readonly value: bigint;
  readonly feeWithdraw: bigint;
  readonly feeDeposit: bigint;
  readonly feeRefresh: bigint;
  readonly feeRefund: bigint;
  readonly ageMask: number;
  readonly cipher: Cipher;
}

/** Hash of a group of denominations in /keys, 64 bytes (crypto.md 2.2). */
export function hashDenominationGroup(group: DenominationGroup): Uint8Array {
  const { currency, value, feeWithdraw, feeDeposit, feeRefresh, feeRefund } = group;
  const amounts = [value, feeWithdraw, feeDeposit, feeRefresh, feeRefund].map((atoms) => amountBytes(currency, atoms));
  return sha512(...amounts, words(group.ageMask, cipherNumber(group.cipher)));
}

/** h_payto, 32 bytes: of a full URI exactly as stored, or of a normal form (crypto.md 1.7). */
export function hashPayto(uri: string): Uint8Array {
  return sha512Short(zeroTerminated(uri));
}

/** Hash of a URL, wire method, account section or name: 64 bytes, with the zero byte (crypto.md 1.8). */
export function hashText(text: string): Uint8Array {
  return sha512(zeroTerminated(text));
}

/** h_wire, 64 bytes, of a merchant's salt (16 bytes) and full payto URI (crypto.md 1.7). */
export function hashWire(salt: Uint8Array, payto: string): Uint8Array {
  return kdf(64, salt, zeroTerminated(payto), WIRE_LABEL);
}

/** Hash of a JSON value, 64 bytes; undefined if it has no canonical form (crypto.md 1.6). */
export function hashJson(value: unknown): Uint8Array | undefined {
  const text = canonicalJson(value);
  return text === undefined ? undefined : sha512(zeroTerminated(text));
}

/** h_policy of a deposit's policy, 64 bytes; undefined if it has no canonical form (crypto.md 1.6). */
export function hashPolicy(value: unknown): Uint8Array | undefined {
  return hashExtension("taler-extensions-policy", value);
}

/** Hash of the manifests of all extensions, 64 bytes; undefined without a canonical form (crypto.md 1.6). */
export function hashManifests(value: unknown): Uint8Array | undefined {
  return hashExtension("taler-extensions-manifests", value);
}

function hashExtension(salt: string, value: unknown): Uint8Array | undefined {
  const text = canonicalJson(value);
  return text === undefined ? undefined : kdf(64, zeroTerminated(salt), zeroTerminated(text));
}

/** What a refresh commitment binds (crypto.md 6). */
export interface RefreshCommitment {
  /** Refresh master secret, 32 bytes, where the wallet used one. */
  readonly rms?: Uint8Array | null | undefined;
  /** One transfer key (32 bytes) per candidate. */
  readonly transferPubs: readonly Uint8Array[];
  /** h_denom_pub (64 bytes) per new coin. */
  readonly denominationHashes: readonly Uint8Array[];
  readonly oldCoinPub: Uint8Array;
  readonly currency: string;
  /** Amount with fee, atoms. */
  readonly amount: bigint;
  /** Per candidate, per new coin: cipher and blinded message without its stored header. */
  readonly planchets: readonly (readonly { readonly cipher: Cipher; readonly message: Uint8Array }[])[];
}

/** Refresh commitment rc, 64 bytes (crypto.md 6). */
export function refreshCommitment(commitment: RefreshCommitment): Uint8Array {
  const { rms, transferPubs, denominationHashes, oldCoinPub, currency, amount, planchets } = commitment;
  return sha512(
    ...(rms === undefined || rms === null ? [] : [rms]),
    ...transferPubs,
    ...denominationHashes,
    oldCoinPub,
    amountBytes(currency, amount),
    ...planchets.flatMap((candidate) =>
      candidate.flatMap(({ cipher, message }) => [words(cipherNumber(cipher)), message])
    ),
  );
}

/**
 * Key under which the wire-debit pass knows the closure of a reserve: hash of wtid (32 bytes) and normal payto URI
 * without a zero byte, 64 bytes (crypto.md 9.4).
 */
export function hashClosure(wtid: Uint8Array, normalizedPayto: string): Uint8Array {
  return sha512(wtid, utf8Bytes(normalizedPayto));
}

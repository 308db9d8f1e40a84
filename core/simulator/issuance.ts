// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Blind signatures from both sides (crypto.md 3): what a wallet hides, what the exchange signs, what the coin has in the
 * end.
 */

import {
  csAnswer,
  csBlind,
  csBlindedMessage,
  csPublicKey,
  csSecret,
  csUnblind,
  type CsWithdrawValues,
  csWithdrawValues,
} from "../crypto/cs-issue.ts";
import { publicKeyOf } from "../crypto/ed25519.ts";
import { sha512Short, zeroTerminated } from "../crypto/hash.ts";
import { hashBlindedCoin, hashCoin, hashDenominationKey } from "../crypto/objects.ts";
import { blindRsa } from "../crypto/rsa.ts";
import { generateRsaKey, type RsaPrivateKey, seededBytes, signRsaBlinded, unblindRsa } from "../crypto/rsa-issue.ts";
import type { BlindedSignature, DenominationKey, WithdrawValues } from "../taler/denomination.ts";
import type { DenominationTerms } from "./terms.ts";

/** A denomination with its keys. */
export interface Denomination {
  readonly terms: DenominationTerms;
  readonly serial: string;
  readonly key: DenominationKey;
  /** h_denom_pub, 64 bytes. */
  readonly hash: Uint8Array;
  readonly secret: { readonly rsa: RsaPrivateKey } | { readonly cs: bigint };
}

/** What a wallet knows of a coin before it is signed. */
export interface CoinSecrets {
  /** Ed25519 seed. */
  readonly seed: Uint8Array;
  readonly pub: Uint8Array;
  readonly ageCommitment: Uint8Array | undefined;
  /** Blinding secret, 32 bytes. */
  readonly blind: Uint8Array;
}

/** A coin that can be spent. */
export interface SignedCoin extends CoinSecrets {
  readonly denomination: Denomination;
  /** Unblinded: RSA s, CS s | R. */
  readonly signature: Uint8Array;
}

/** A coin as it leaves for the exchange, and how it comes back. */
export interface IssuedCoin extends SignedCoin {
  /** Blinded message without header (crypto.md 2.1). */
  readonly message: Uint8Array;
  readonly hBlindedCoin: Uint8Array;
  readonly withdrawValues: WithdrawValues;
  readonly blindedSignature: BlindedSignature;
}

/** Makes the keys of a denomination from 32 secret bytes. */
export function makeDenomination(terms: DenominationTerms, root: Uint8Array, rsaBits: number): Denomination {
  const { cipher, ageMask } = terms;
  const serial = (terms.index + 1).toString();
  if (cipher === "RSA") {
    const rsa = generateRsaKey(rsaBits, seededBytes(root));
    const key = { cipher, ageMask, key: rsa.publicKey.bytes };
    return { terms, serial, key, hash: hashDenominationKey(key), secret: { rsa } };
  }
  const cs = csSecret(root);
  const key = { cipher, ageMask, key: csPublicKey(cs) };
  return { terms, serial, key, hash: hashDenominationKey(key), secret: { cs } };
}

/** The secrets of a coin from 32 bytes; with an age mask it gets an age commitment. */
export function coinSecrets(root: Uint8Array, ageMask: number): CoinSecrets {
  const part = (label: string) => sha512Short(zeroTerminated(label), root);
  const seed = part("coin");
  return {
    seed,
    pub: publicKeyOf(seed),
    ageCommitment: ageMask === 0 ? undefined : part("age"),
    blind: part("blind"),
  };
}

/** What the exchange promises before it signs: nothing for RSA, R0 and R1 for Clause-Schnorr. */
export type Promised = CsWithdrawValues | undefined;

/** The promise for a nonce (32 bytes). */
export function promiseOf(denomination: Denomination, nonce: Uint8Array): Promised {
  return "cs" in denomination.secret ? csWithdrawValues(denomination.secret.cs, nonce) : undefined;
}

/** The blinded message of a coin, as for a candidate that is never signed. */
export function blindCoin(d: Denomination, coin: CoinSecrets, nonce: Uint8Array, promise: Promised): Uint8Array {
  if ("rsa" in d.secret) return must(blindRsa(d.secret.rsa.publicKey, coinHash(coin), coin.blind));
  return csBlindedMessage(must(csBlind(d.key.key, coinHash(coin), must(promise).r, coin.blind)), nonce);
}

/** Issues a coin: the wallet blinds, the exchange signs, the wallet unblinds. */
export function issueCoin(d: Denomination, coin: CoinSecrets, nonce: Uint8Array, promise: Promised): IssuedCoin {
  return "rsa" in d.secret ? issueRsa(d, d.secret.rsa, coin) : issueCs(d, d.secret.cs, coin, nonce, must(promise));
}

function issueRsa(d: Denomination, key: RsaPrivateKey, coin: CoinSecrets): IssuedCoin {
  const message = must(blindRsa(key.publicKey, coinHash(coin), coin.blind));
  const answer = signRsaBlinded(key, message);
  return {
    ...coin,
    denomination: d,
    message,
    hBlindedCoin: hashBlindedCoin(d.hash, "RSA", message),
    withdrawValues: { cipher: "RSA" },
    blindedSignature: { cipher: "RSA", value: answer },
    signature: must(unblindRsa(key.publicKey, answer, coin.blind)),
  };
}

function issueCs(
  d: Denomination,
  secret: bigint,
  coin: CoinSecrets,
  nonce: Uint8Array,
  promise: CsWithdrawValues,
): IssuedCoin {
  const blinding = must(csBlind(d.key.key, coinHash(coin), promise.r, coin.blind));
  const message = csBlindedMessage(blinding, nonce);
  const answer = csAnswer(secret, promise, message);
  return {
    ...coin,
    denomination: d,
    message,
    hBlindedCoin: hashBlindedCoin(d.hash, "CS", message),
    withdrawValues: { cipher: "CS", r0: promise.r[0], r1: promise.r[1] },
    blindedSignature: { cipher: "CS", ...answer },
    signature: csUnblind(blinding, answer),
  };
}

function coinHash(coin: CoinSecrets): Uint8Array {
  return hashCoin(coin.pub, coin.ageCommitment);
}

/** With keys of our own nothing can fail that the functions for foreign keys provide for. */
function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("issuing a coin failed");
  return value;
}

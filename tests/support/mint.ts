// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * A small mint for tests: denominations of both ciphers and coins with genuine blind signatures, all from names, so
 * that the same name is the same key in every test. RSA keys are far too short to be safe.
 */
import { csAnswer, csBlind, csBlindedMessage, csPublicKey, csSecret, csUnblind } from "../../core/crypto/cs-issue.ts";
import { csWithdrawValues } from "../../core/crypto/cs-issue.ts";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { sha512, sha512Short, utf8Bytes } from "../../core/crypto/hash.ts";
import { hashBlindedCoin, hashCoin, hashDenominationKey } from "../../core/crypto/objects.ts";
import { blindRsa } from "../../core/crypto/rsa.ts";
import {
  generateRsaKey,
  type RsaPrivateKey,
  seededBytes,
  signRsaBlinded,
  unblindRsa,
} from "../../core/crypto/rsa-issue.ts";
import {
  type Cipher,
  serializeBlindedSignature,
  serializeDenominationKey,
  serializeDenominationSignature,
  serializePlanchet,
  serializeWithdrawValues,
} from "../../core/taler/denomination.ts";

/** 64 bytes that belong to a name. */
export function bytes64(name: string): Uint8Array {
  return sha512(utf8Bytes(name));
}

/** 32 bytes that belong to a name: a seed, a key nobody has, a hash. */
export function bytes32(name: string): Uint8Array {
  return sha512Short(utf8Bytes(name));
}

/** The Ed25519 key pair of a name. */
export function keyPair(name: string): { seed: Uint8Array; pub: Uint8Array } {
  const seed = bytes32(`seed ${name}`);
  return { seed, pub: publicKeyOf(seed) };
}

/** A denomination's key pair. */
export interface MintKey {
  cipher: Cipher;
  ageMask: number;
  /** Key bytes, as the verification workers take them. */
  key: Uint8Array;
  /** `denominations.denom_pub`. */
  blob: Uint8Array;
  /** h_denom_pub. */
  hash: Uint8Array;
  secret: { rsa: RsaPrivateKey } | { cs: bigint };
}

const keys = new Map<string, MintKey>();
const RSA_BITS = 512;

/** The denomination key of a name. */
export function mintKey(name: string, cipher: Cipher, ageMask = 0): MintKey {
  const id = `${name} ${cipher} ${ageMask}`;
  let made = keys.get(id);
  if (made === undefined) {
    const secret = cipher === "RSA"
      ? { rsa: generateRsaKey(RSA_BITS, seededBytes(utf8Bytes(name))) }
      : { cs: csSecret(utf8Bytes(name)) };
    const key = "rsa" in secret ? secret.rsa.publicKey.bytes : csPublicKey(secret.cs);
    const parts = { cipher, ageMask, key };
    made = { ...parts, secret, blob: serializeDenominationKey(parts), hash: hashDenominationKey(parts) };
    keys.set(id, made);
  }
  return made;
}

/** A coin with all that wallet and exchange know of it. */
export interface MintCoin {
  seed: Uint8Array;
  pub: Uint8Array;
  ageCommitment: Uint8Array | undefined;
  /** Coin hash: the message of the blind signature. */
  hash: Uint8Array;
  blind: Uint8Array;
  /** Blinded message without header. */
  message: Uint8Array;
  /** BCH. */
  hBlinded: Uint8Array;
  /** Unblinded signature without header. */
  signature: Uint8Array;
  /** Blinded signature without header: RSA the integer, CS one byte b and s. */
  answer: Uint8Array;
  /** R0 and R1 for CS, nothing for RSA. */
  points: Uint8Array;
  /** The same as the exchange stores them. */
  blobs: { signature: Uint8Array; blinded: Uint8Array; planchet: Uint8Array; withdrawValues: Uint8Array };
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((p) => [...p]));
}

/** Issues the coin of a name. */
export function mintCoin(name: string, key: MintKey, ageCommitment?: Uint8Array): MintCoin {
  const { seed, pub } = keyPair(`coin ${name}`);
  const hash = hashCoin(pub, ageCommitment);
  const blind = bytes32(`blind ${name}`);
  const issued = "rsa" in key.secret ? issueRsa(key.secret.rsa, hash, blind) : issueCs(key, key.secret.cs, hash, blind);
  const { cipher } = key;
  const hBlinded = hashBlindedCoin(key.hash, cipher, issued.message);
  const { message, signature } = issued;
  const blobs = {
    signature: serializeDenominationSignature({ cipher, value: signature }),
    blinded: issued.blinded,
    planchet: serializePlanchet({ cipher, message }),
    withdrawValues: issued.withdrawValues,
  };
  return { seed, pub, ageCommitment, hash, blind, hBlinded, ...issued, blobs };
}

type Issued = Pick<MintCoin, "message" | "signature" | "answer" | "points"> & {
  blinded: Uint8Array;
  withdrawValues: Uint8Array;
};

function issueRsa(secret: RsaPrivateKey, hash: Uint8Array, blind: Uint8Array): Issued {
  const message = blindRsa(secret.publicKey, hash, blind)!;
  const answer = signRsaBlinded(secret, message);
  return {
    message,
    answer,
    signature: unblindRsa(secret.publicKey, answer, blind)!,
    points: new Uint8Array(0),
    blinded: serializeBlindedSignature({ cipher: "RSA", value: answer }),
    withdrawValues: serializeWithdrawValues({ cipher: "RSA" }),
  };
}

function issueCs(key: MintKey, secret: bigint, hash: Uint8Array, blind: Uint8Array): Issued {
  const nonce = bytes32("nonce");
  const values = csWithdrawValues(secret, nonce);
  const blinding = csBlind(key.key, hash, values.r, blind)!;
  const message = csBlindedMessage(blinding, nonce);
  const answer = csAnswer(secret, values, message);
  const [r0, r1] = values.r;
  return {
    message,
    answer: concat(Uint8Array.of(answer.b), answer.s),
    signature: csUnblind(blinding, answer),
    points: concat(r0, r1),
    blinded: serializeBlindedSignature({ cipher: "CS", ...answer }),
    withdrawValues: serializeWithdrawValues({ cipher: "CS", r0, r1 }),
  };
}

/** The bytes with one bit changed. */
export function flipped(bytes: Uint8Array, at = 0): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Who is who in a simulation: keys and bank accounts of exchange, auditor, customers and merchants. */

import { publicKeyOf } from "../crypto/ed25519.ts";
import { kdf } from "../crypto/kdf.ts";
import { utf8Bytes } from "../crypto/hash.ts";
import { randomOf, secretBytes, secretOf } from "./random.ts";

/** An Ed25519 key pair. */
export interface KeyPair {
  readonly seed: Uint8Array;
  readonly pub: Uint8Array;
}

/** A merchant with the bank account that is to be paid. */
export interface Merchant extends KeyPair {
  readonly payto: string;
  /** 16 bytes. */
  readonly salt: Uint8Array;
  /** Which of the exchange's processes looks after the merchant (database.md 4). */
  readonly shard: string;
}

/** Name of the configuration section of the exchange's bank account. */
export const ACCOUNT_SECTION = "exchange-account-1";

/** The key pair of one thing. */
export function keyPair(seed: string, label: string, ...numbers: readonly number[]): KeyPair {
  const secret = secretOf(seed, label, ...numbers);
  return { seed: secret, pub: publicKeyOf(secret) };
}

/** Full payto URI of the exchange's own account. */
export function exchangePayto(seed: string): string {
  return paytoOf(seed, "exchange", "Exchange");
}

/** Full payto URI of a customer's account. */
export function customerPayto(seed: string, customer: number): string {
  return paytoOf(seed, `customer ${customer}`, `Customer%20${customer + 1}`);
}

/** A merchant. The last of several shares the bank account of the first, as two shops of one owner do. */
export function merchantOf(seed: string, index: number, merchants: number): Merchant {
  const pair = keyPair(seed, "merchant", index);
  const account = merchants > 2 && index === merchants - 1 ? 0 : index;
  return {
    ...pair,
    payto: paytoOf(seed, `merchant ${account}`, `Merchant%20${account + 1}`),
    salt: secretBytes(seed, 16, "wire salt", index),
    shard: shardOf(pair.pub).toString(),
  };
}

function shardOf(merchantPub: Uint8Array): number {
  const derived = kdf(4, merchantPub, utf8Bytes("VOID"));
  return new DataView(derived.buffer, derived.byteOffset).getUint32(0) & 0x7fffffff;
}

/** A German IBAN with valid check digits, and a name. */
function paytoOf(seed: string, who: string, name: string): string {
  const random = randomOf(seed, `account of ${who}`);
  const digits = Array.from({ length: 18 }, () => random.below(10)).join("");
  // ISO 13616: letters count from A = 10, so DE00 behind the account reads 131400
  const check = 98n - BigInt(`${digits}131400`) % 97n;
  return `payto://iban/DE${check.toString().padStart(2, "0")}${digits}?receiver-name=${name}`;
}

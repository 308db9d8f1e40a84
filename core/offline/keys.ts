// SPDX-License-Identifier: AGPL-3.0-or-later
/** The parts of an exchange's /keys that an auditor signs, or that tell about what is signed (crypto.md 8.3). */

import { isCurrency } from "../taler/amount.ts";
import { type Cipher, parseDenominationKey, serializeDenominationKey } from "../taler/denomination.ts";
import { hashDenominationKey } from "../crypto/objects.ts";
import { parseRsaKey } from "../crypto/rsa.ts";
import {
  amount,
  anyBytes,
  bytes,
  complete,
  elements,
  fault,
  flag,
  list,
  member,
  object,
  optional,
  type Place,
  present,
  text,
  time,
  u32,
} from "./fields.ts";
import {
  type Account,
  type Auditor,
  type Extensions,
  type GlobalFee,
  type ListSignature,
  readAccount,
  readAuditor,
  readExtensions,
  readGlobalFee,
  readSignature,
  readSigningKey,
  readWireFees,
  type SigningKey,
  type WireFee,
} from "./keys-parts.ts";

/** A denomination as the exchange announces it. Amounts in atoms of the document's currency, times in µs. */
export interface Denomination {
  /** Path in the document. */
  readonly place: string;
  readonly cipher: Cipher;
  /** 0 without age restriction. */
  readonly ageMask: number;
  /** Key bytes (crypto.md 2.1). */
  readonly key: Uint8Array;
  /** Bits of the RSA modulus; 256 for Clause-Schnorr. */
  readonly bits: number;
  /** h_denom_pub, 64 bytes, computed here (crypto.md 2.2). */
  readonly hash: Uint8Array;
  readonly value: bigint;
  readonly feeWithdraw: bigint;
  readonly feeDeposit: bigint;
  readonly feeRefresh: bigint;
  readonly feeRefund: bigint;
  readonly start: bigint;
  readonly expireWithdraw: bigint;
  readonly expireDeposit: bigint;
  readonly expireLegal: bigint;
  readonly masterSig: Uint8Array;
  /** The exchange says that it lost the private key. */
  readonly lost: boolean;
}

/** What a /keys document says. A section that is missing is undefined; one that is there has been read completely. */
export interface Keys {
  readonly currency: string;
  readonly masterPub: Uint8Array;
  /** Never empty; no two have the same hash. */
  readonly denominations: readonly Denomination[];
  readonly version: string | undefined;
  readonly baseUrl: string | undefined;
  /** Digits after the point that the currency is used with, if the document tells. */
  readonly digits: number | undefined;
  readonly signingKeys: readonly SigningKey[] | undefined;
  readonly wireFees: readonly WireFee[] | undefined;
  readonly globalFees: readonly GlobalFee[] | undefined;
  readonly accounts: readonly Account[] | undefined;
  readonly auditors: readonly Auditor[] | undefined;
  /** Hashes of revoked denominations (`recoup`). */
  readonly revoked: readonly Uint8Array[] | undefined;
  readonly extensions: Extensions | undefined;
  readonly list: ListSignature | undefined;
}

/** The document, or all that is wrong with its form. */
export type KeysResult = { readonly keys: Keys } | { readonly faults: readonly string[] };

/**
 * Reads the arguments of an `auditor-keys-0` document, which are the exchange's answer to GET /keys. Checks the form of
 * everything that is signed, and no signature.
 *
 * @param value from parseDocument
 */
export function readKeys(value: unknown): KeysResult {
  const root: Place = { path: "", value, faults: [] };
  const keys = object({ ...root, path: "arguments" }) === undefined ? undefined : readRoot(root);
  return keys !== undefined && root.faults.length === 0 ? { keys } : { faults: root.faults };
}

function readRoot(root: Place): Keys | undefined {
  const at = (name: string) => member(root, name);
  const currency = readCurrency(at("currency"));
  const masterPub = bytes(at("master_public_key"), 32);
  if (currency === undefined) return undefined;
  const denominations = readDenominations(at("denominations"), currency);
  const rest = {
    version: optional(at("version"), text),
    baseUrl: optional(at("base_url"), text),
    digits: optional(member(at("currency_specification"), "num_fractional_input_digits"), u32),
    signingKeys: optional(at("signkeys"), (place) => list(place, readSigningKey)),
    wireFees: optional(at("wire_fees"), (place) => readWireFees(place, currency)),
    globalFees: optional(at("global_fees"), (place) => list(place, (fee) => readGlobalFee(fee, currency))),
    accounts: optional(at("accounts"), (place) => list(place, readAccount)),
    auditors: optional(at("auditors"), (place) => list(place, readAuditor)),
    revoked: optional(at("recoup"), (place) => list(place, (entry) => bytes(member(entry, "h_denom_pub"), 64))),
    extensions: readExtensions(root),
    list: readSignature(root),
  };
  if (masterPub === undefined || denominations === undefined) return undefined;
  return { currency, masterPub, denominations, ...rest };
}

function readCurrency(place: Place): string | undefined {
  const currency = text(place);
  if (currency === undefined || isCurrency(currency)) return currency;
  return fault(place, "expected a currency of 1 to 11 letters A-Z");
}

function readDenominations(place: Place, currency: string): Denomination[] | undefined {
  const groups = list(place, (group) => readGroup(group, currency));
  if (groups === undefined) return undefined;
  const all = groups.flat();
  if (all.length === 0) return fault(place, "there are none");
  const places = new Map<string, string>();
  for (const { hash, place: path } of all) {
    const name = hash.toHex();
    const other = places.get(name);
    // Signatures are delivered by hash: what one hash stands for must be one thing.
    if (other !== undefined) return fault({ ...place, path }, `the same key as ${other}`);
    places.set(name, path);
  }
  return all;
}

const CIPHERS: ReadonlyMap<string, readonly [cipher: Cipher, restricted: boolean]> = new Map([
  ["rsa", ["RSA", false]],
  ["cs", ["CS", false]],
  ["rsa+age_restricted", ["RSA", true]],
  ["cs+age_restricted", ["CS", true]],
]);

/** A group: what its keys have in common (crypto.md 8.3). The member `hash` of older exchanges is not used. */
function readGroup(group: Place, currency: string): Denomination[] | undefined {
  const kind = text(member(group, "cipher"));
  const [cipher, restricted] = CIPHERS.get(kind?.toLowerCase() ?? "") ?? [];
  if (kind !== undefined && cipher === undefined) {
    fault(member(group, "cipher"), "expected RSA, CS, RSA+age_restricted or CS+age_restricted");
  }
  const mask = member(group, "age_mask");
  const common = complete({
    cipher,
    ageMask: restricted === true || present(mask) ? u32(mask) : 0,
    value: amount(member(group, "value"), currency),
    feeWithdraw: amount(member(group, "fee_withdraw"), currency),
    feeDeposit: amount(member(group, "fee_deposit"), currency),
    feeRefresh: amount(member(group, "fee_refresh"), currency),
    feeRefund: amount(member(group, "fee_refund"), currency),
  });
  const places = elements(member(group, "denoms"));
  if (common === undefined || places === undefined) return undefined;
  const keys = places.map((place) => readDenomination(place, common.cipher, common.ageMask));
  if (!keys.every((key) => key !== undefined)) return undefined;
  return keys.map((key) => ({ ...common, ...key }));
}

function readDenomination(place: Place, cipher: Cipher, ageMask: number) {
  const at = (name: string) => member(place, name);
  const key = readKey(at(cipher === "RSA" ? "rsa_pub" : "cs_pub"), cipher);
  return complete({
    place: place.path,
    key: key?.key,
    bits: key?.bits,
    hash: key === undefined ? undefined : hashDenominationKey({ cipher, ageMask, key: key.key }),
    start: time(at("stamp_start")),
    expireWithdraw: time(at("stamp_expire_withdraw")),
    expireDeposit: time(at("stamp_expire_deposit")),
    expireLegal: time(at("stamp_expire_legal")),
    masterSig: bytes(at("master_sig"), 64),
    lost: optional(at("lost"), flag) ?? false,
  });
}

function readKey(place: Place, cipher: Cipher): { key: Uint8Array; bits: number } | undefined {
  if (cipher === "CS") {
    const key = bytes(place, 32);
    return key === undefined ? undefined : { key, bits: 256 };
  }
  const key = anyBytes(place);
  if (key === undefined) return undefined;
  const parsed = parseDenominationKey(serializeDenominationKey({ cipher, ageMask: 0, key })) && parseRsaKey(key);
  return parsed === undefined ? fault(place, "no usable RSA key") : { key, bits: parsed.n.toString(2).length };
}

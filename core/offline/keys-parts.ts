// SPDX-License-Identifier: AGPL-3.0-or-later
/** The sections of /keys around the denominations (crypto.md 8.3). */

import {
  amount,
  bytes,
  complete,
  duration,
  fault,
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
import { isObject } from "./json.ts";

/** An online signing key of the exchange with its master signature (1024). Times in µs. */
export interface SigningKey {
  readonly place: string;
  readonly key: Uint8Array;
  readonly start: bigint;
  readonly expire: bigint;
  readonly end: bigint;
  readonly masterSig: Uint8Array;
}

/** Fees of a wire method in a period (1028). Amounts in atoms, times in µs. */
export interface WireFee {
  readonly place: string;
  readonly method: string;
  readonly wireFee: bigint;
  readonly closingFee: bigint;
  readonly start: bigint;
  readonly end: bigint;
  readonly masterSig: Uint8Array;
}

/** Fees that depend on no coin, in a period (1022). Amounts in atoms, times and durations in µs. */
export interface GlobalFee {
  readonly place: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly purseTimeout: bigint;
  readonly historyExpiration: bigint;
  readonly purseAccountLimit: number;
  readonly historyFee: bigint;
  readonly accountFee: bigint;
  readonly purseFee: bigint;
  readonly masterSig: Uint8Array;
}

/** A bank account of the exchange (1030). */
export interface Account {
  readonly place: string;
  readonly paytoUri: string;
  readonly conversionUrl: string | undefined;
  /** JSON arrays as they came. */
  readonly creditRestrictions: unknown;
  readonly debitRestrictions: unknown;
  readonly masterSig: Uint8Array;
}

/** An auditor that the exchange names, with its signatures (1064). */
export interface Auditor {
  readonly place: string;
  readonly pub: Uint8Array;
  readonly url: string;
  readonly signatures: readonly {
    readonly place: string;
    readonly hash: Uint8Array;
    readonly signature: Uint8Array;
  }[];
}

/** Extensions in use; exchanges at 0.14.1 send them without a signature (1031) when the master key signed none. */
export interface Extensions {
  readonly manifests: unknown;
  readonly masterSig: Uint8Array | undefined;
}

/** The exchange's own signature over the list of denominations (1035). */
export interface ListSignature {
  readonly issueDate: bigint;
  readonly exchangePub: Uint8Array;
  readonly signature: Uint8Array;
}

/** An element of `signkeys`. */
export function readSigningKey(place: Place): SigningKey | undefined {
  const at = (name: string) => member(place, name);
  return complete({
    place: place.path,
    key: bytes(at("key"), 32),
    start: time(at("stamp_start")),
    expire: time(at("stamp_expire")),
    end: time(at("stamp_end")),
    masterSig: bytes(at("master_sig"), 64),
  });
}

/** `wire_fees`: an object with an array for each wire method. */
export function readWireFees(place: Place, currency: string): WireFee[] | undefined {
  if (object(place) === undefined) return undefined;
  const methods = Object.entries(place.value as Record<string, unknown>).map(([method, value], index) => {
    // The method is foreign text: in messages its number stands for it.
    const path = `${place.path}[${index}]`;
    return list({ ...place, path, value }, (fee) => readWireFee(fee, method, currency));
  });
  return methods.every((fees) => fees !== undefined) ? methods.flat() : undefined;
}

function readWireFee(place: Place, method: string, currency: string): WireFee | undefined {
  const at = (name: string) => member(place, name);
  return complete({
    place: place.path,
    method,
    wireFee: amount(at("wire_fee"), currency),
    closingFee: amount(at("closing_fee"), currency),
    start: time(at("start_date")),
    end: time(at("end_date")),
    masterSig: bytes(at("sig"), 64),
  });
}

/** An element of `global_fees`. */
export function readGlobalFee(place: Place, currency: string): GlobalFee | undefined {
  const at = (name: string) => member(place, name);
  return complete({
    place: place.path,
    start: time(at("start_date")),
    end: time(at("end_date")),
    purseTimeout: duration(at("purse_timeout")),
    historyExpiration: duration(at("history_expiration")),
    purseAccountLimit: u32(at("purse_account_limit")),
    historyFee: amount(at("history_fee"), currency),
    accountFee: amount(at("account_fee"), currency),
    purseFee: amount(at("purse_fee"), currency),
    masterSig: bytes(at("master_sig"), 64),
  });
}

/** An element of `accounts`. */
export function readAccount(place: Place): Account | undefined {
  const at = (name: string) => member(place, name);
  const conversionUrl = optional(at("conversion_url"), text);
  const parts = complete({
    place: place.path,
    paytoUri: text(at("payto_uri")),
    creditRestrictions: list(at("credit_restrictions"), object) && at("credit_restrictions").value,
    debitRestrictions: list(at("debit_restrictions"), object) && at("debit_restrictions").value,
    masterSig: bytes(at("master_sig"), 64),
  });
  return parts === undefined ? undefined : { ...parts, conversionUrl };
}

/** An element of `auditors`. */
export function readAuditor(place: Place): Auditor | undefined {
  return complete({
    place: place.path,
    pub: bytes(member(place, "auditor_pub"), 32),
    url: text(member(place, "auditor_url")),
    signatures: list(member(place, "denomination_keys"), (entry) =>
      complete({
        place: entry.path,
        hash: bytes(member(entry, "denom_pub_h"), 64),
        signature: bytes(member(entry, "auditor_sig"), 64),
      })),
  });
}

/** `extensions` and `extensions_sig`, which may be missing. */
export function readExtensions(root: Place): Extensions | undefined {
  const place = member(root, "extensions");
  const signature = member(root, "extensions_sig");
  const masterSig = optional(signature, (sig) => bytes(sig, 64));
  if (!present(place)) {
    if (present(signature)) fault(signature, "there are no extensions that it could be about");
    return undefined;
  }
  return object(place) === undefined ? undefined : { manifests: place.value, masterSig };
}

const LIST_MEMBERS = ["list_issue_date", "exchange_pub", "exchange_sig"] as const;

/** The signature over the list; undefined if all of its three members are missing. */
export function readSignature(root: Place): ListSignature | undefined {
  const [issueDate, exchangePub, signature] = LIST_MEMBERS.map((name) => member(root, name));
  if (issueDate === undefined || exchangePub === undefined || signature === undefined) return undefined;
  if (![issueDate, exchangePub, signature].some(present)) return undefined;
  return complete({
    issueDate: time(issueDate),
    exchangePub: bytes(exchangePub, 32),
    signature: bytes(signature, 64),
  });
}

/** Mask of the age groups that the extension `age_restriction` announces; undefined without it (crypto.md 2.2). */
export function announcedAgeMask(extensions: Extensions | undefined): number | undefined {
  const root: Place = { path: "", value: extensions?.manifests, faults: [] };
  const groups = member(member(member(root, "age_restriction"), "config"), "age_groups").value;
  if (!isObject(root.value) || typeof groups !== "string" || !/^\d{1,2}(:\d{1,2})*$/.test(groups)) return undefined;
  const ages = groups.split(":").map(Number);
  // Bit 0 stands for the group of those younger than the first age.
  return ages.every((age) => age < 32) ? ages.reduce((mask, age) => (mask | 2 ** age) >>> 0, 1) : undefined;
}

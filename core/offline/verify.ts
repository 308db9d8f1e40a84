// SPDX-License-Identifier: AGPL-3.0-or-later
/** Signatures in /keys: those the reference's client verifies (crypto.md 5.10), each with its verdict. */

import { verifyBlock } from "../crypto/blocks.ts";
import { hashPayto, hashText } from "../crypto/objects.ts";
import { equalBytes, sha512 } from "../crypto/hash.ts";
import { HOUR, MINUTE } from "../taler/time.ts";
import { hashExactly, hashManifestsExactly } from "./json.ts";
import type { Denomination, Keys } from "./keys.ts";
import type { Account } from "./keys-parts.ts";

/** Verdict on one signature. */
export interface Verdict {
  /** Number of the signed structure (crypto.md 5.2). */
  readonly purpose: number;
  readonly signer: "master" | "exchange" | "auditor";
  /** Path in the document. */
  readonly place: string;
  /** What was signed, for a message: "signing key". */
  readonly what: string;
  readonly valid: boolean;
}

/** What the signatures of a document are worth. */
export interface Verification {
  /** One verdict per signature, denominations (1025) first and in the order of the document. */
  readonly verdicts: readonly Verdict[];
  /** Signatures of auditors for denominations that are not in the document, which cannot be verified. */
  readonly unverifiable: number;
}

/**
 * Verifies all signatures of a document: 1025, 1024, 1028, 1022, 1030, 1031 by the master key, 1035 by the exchange's
 * signing key, 1064 by each auditor.
 *
 * @param masterPub whose signatures are wanted; never the document's word alone
 */
export function verifyKeys(keys: Keys, masterPub: Uint8Array): Verification {
  const { verdicts, unverifiable } = auditorVerdicts(keys, masterPub);
  return {
    verdicts: [
      ...keys.denominations.map((denomination) => denominationVerdict(keys.currency, denomination, masterPub)),
      ...keyAndFeeVerdicts(keys, masterPub),
      ...accountVerdicts(keys, masterPub),
      ...listVerdict(keys),
      ...verdicts,
    ],
    unverifiable,
  };
}

/** Fields that master key and auditor sign alike. */
export function termsOf(denomination: Denomination) {
  const { value, feeWithdraw, feeDeposit, feeRefresh, feeRefund } = denomination;
  const { start, expireWithdraw, expireDeposit, expireLegal } = denomination;
  return {
    start,
    expireWithdraw,
    expireDeposit,
    expireLegal,
    value,
    feeWithdraw,
    feeDeposit,
    feeRefresh,
    feeRefund,
    hDenomination: denomination.hash,
  };
}

function denominationVerdict(currency: string, denomination: Denomination, masterPub: Uint8Array): Verdict {
  const fields = { masterPub, ...termsOf(denomination) };
  return {
    purpose: 1025,
    signer: "master",
    place: denomination.place,
    what: "denomination",
    valid: verifyBlock("masterDenominationKey", currency, masterPub, denomination.masterSig, fields),
  };
}

function keyAndFeeVerdicts({ currency, signingKeys, wireFees, globalFees }: Keys, masterPub: Uint8Array): Verdict[] {
  const signer = "master";
  return [
    ...(signingKeys ?? []).map(({ place, masterSig, key, start, expire, end }): Verdict => ({
      purpose: 1024,
      signer,
      place,
      what: "signing key",
      valid: verifyBlock("masterSigningKey", currency, masterPub, masterSig, { start, expire, end, exchangePub: key }),
    })),
    ...(wireFees ?? []).map(({ place, masterSig, method, ...fee }): Verdict => ({
      purpose: 1028,
      signer,
      place,
      what: "wire fee",
      valid: verifyBlock("masterWireFees", currency, masterPub, masterSig, { hWireMethod: hashText(method), ...fee }),
    })),
    ...(globalFees ?? []).map(({ place, masterSig, ...fee }): Verdict => ({
      purpose: 1022,
      signer,
      place,
      what: "global fee",
      valid: verifyBlock("masterGlobalFees", currency, masterPub, masterSig, fee),
    })),
  ];
}

function accountVerdicts({ currency, accounts, extensions }: Keys, masterPub: Uint8Array): Verdict[] {
  const verdicts = (accounts ?? []).map((account): Verdict => ({
    purpose: 1030,
    signer: "master",
    place: account.place,
    what: "bank account",
    valid: isSignedAccount(currency, account, masterPub),
  }));
  if (extensions?.masterSig === undefined) return verdicts;
  const hManifests = hashManifestsExactly(extensions.manifests);
  const valid = hManifests !== undefined &&
    verifyBlock("masterExtension", currency, masterPub, extensions.masterSig, { hManifests });
  return [...verdicts, { purpose: 1031, signer: "master", place: "extensions", what: "extensions", valid }];
}

function isSignedAccount(currency: string, account: Account, masterPub: Uint8Array): boolean {
  const { paytoUri, conversionUrl, masterSig } = account;
  const hDebitRestrictions = hashExactly(account.debitRestrictions);
  const hCreditRestrictions = hashExactly(account.creditRestrictions);
  if (hDebitRestrictions === undefined || hCreditRestrictions === undefined) return false;
  return verifyBlock("masterWireDetails", currency, masterPub, masterSig, {
    hPayto: hashPayto(paytoUri),
    hConversionUrl: conversionUrl === undefined ? undefined : hashText(conversionUrl),
    hDebitRestrictions,
    hCreditRestrictions,
  });
}

/** The list signature counts only if its key is one that the document lists (crypto.md 8.3). */
function listVerdict({ currency, denominations, signingKeys, list }: Keys): Verdict[] {
  if (list === undefined) return [];
  const { issueDate, exchangePub, signature } = list;
  const listed = signingKeys?.some(({ key }) => equalBytes(key, exchangePub)) === true;
  const hDenominationSigs = sha512(...denominations.map(({ masterSig }) => masterSig));
  const valid = listed && verifyBlock("exchangeKeySet", currency, exchangePub, signature, {
    listIssueDate: issueDate,
    hDenominationSigs,
  });
  return [{ purpose: 1035, signer: "exchange", place: "exchange_sig", what: "list of denominations", valid }];
}

function auditorVerdicts({ currency, denominations, auditors }: Keys, masterPub: Uint8Array): Verification {
  const known = new Map(denominations.map((denomination) => [denomination.hash.toHex(), denomination]));
  const verdicts: Verdict[] = [];
  let unverifiable = 0;
  for (const { pub, url, signatures } of auditors ?? []) {
    const hAuditorUrl = hashText(url);
    for (const { place, hash, signature } of signatures) {
      const denomination = known.get(hash.toHex());
      // Revoked denominations leave the list, their signatures stay.
      if (denomination === undefined) {
        unverifiable++;
        continue;
      }
      const fields = { hAuditorUrl, masterPub, ...termsOf(denomination) };
      const valid = verifyBlock("auditorDenomination", currency, pub, signature, fields);
      verdicts.push({ purpose: 1064, signer: "auditor", place, what: "auditor's signature", valid });
    }
  }
  return { verdicts, unverifiable };
}

/** Difference between clocks that a signing key's validity leaves room for. */
const CLOCK_TOLERANCE = 10n * MINUTE;

/** Age of a list beyond which it hardly is the exchange's current one. */
const LIST_AGE_MAX = 26n * HOUR;

/**
 * What speaks against the document being the exchange's current list: missing parts, a signing key that is not valid at
 * `now`, an old list. A download refuses the first two (crypto.md 8.3).
 */
export function listProblems(keys: Keys, now: bigint): { refused: string[]; warnings: string[] } {
  const refused: string[] = [];
  const warnings: string[] = [];
  const parts = ["signingKeys", "wireFees", "globalFees", "accounts", "auditors", "list"] as const;
  const missing = parts.filter((name) => keys[name] === undefined).map((name) => MEMBER_OF[name]);
  if (missing.length > 0) refused.push(`the document has no ${missing.join(", no ")}`);
  const { list, signingKeys } = keys;
  if (list === undefined) return { refused, warnings };
  const signer = signingKeys?.find(({ key }) => equalBytes(key, list.exchangePub));
  if (signer !== undefined) {
    const early = now + CLOCK_TOLERANCE < signer.start;
    if (early || now >= signer.expire + CLOCK_TOLERANCE) {
      const when = early ? "not valid yet" : "not valid any more";
      refused.push(`the key that signed the list is ${when}; is the clock of this machine right?`);
    }
  }
  if (list.issueDate > now + CLOCK_TOLERANCE) {
    warnings.push("the list is from the future; is this machine's clock right?");
  } else if (now - list.issueDate > LIST_AGE_MAX) {
    warnings.push(`the list is ${(now - list.issueDate) / (24n * HOUR)} days old; newer denominations may be missing`);
  }
  return { refused, warnings };
}

const MEMBER_OF = {
  signingKeys: "signkeys",
  wireFees: "wire_fees",
  globalFees: "global_fees",
  accounts: "accounts",
  auditors: "auditors",
  list: "exchange_sig",
} as const;

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Everything that is looked at before a document is shown, signed or accepted as a download. */

import { equalBytes } from "../crypto/hash.ts";
import { encodeBase32 } from "../taler/base32.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { judge } from "./judgement.ts";
import { type Keys, readKeys } from "./keys.ts";
import { shortList, shortName, visible } from "./name.ts";
import { signedByUs, type Viewpoint } from "./own-signatures.ts";
import { alarm, notice, type Remark } from "./remark.ts";
import { listProblems, type Verdict, verifyKeys } from "./verify.ts";

/** What a document has to agree with. */
export interface Expectation extends Viewpoint {
  /** The exchange's master key as configured. */
  readonly masterPub: Uint8Array;
  /** As configured; undefined: the document's word is taken. */
  readonly currency: string | undefined;
}

/** A document that could be read, and what is to be said about it. */
export interface Examination {
  readonly keys: Keys;
  /** Why nothing of this document may be signed; empty if it may. */
  readonly refusals: readonly string[];
  readonly remarks: readonly Remark[];
  /** Verdict on each denomination's master signature, in the order of the document. */
  readonly verified: readonly boolean[];
  /** Which denominations carry a valid signature of ours, in the order of the document. */
  readonly signed: readonly boolean[];
  readonly fingerprint: Uint8Array;
}

/** An examination, or why the document could not even be read. */
export type ExaminationResult = Examination | { readonly faults: readonly string[] };

/**
 * Reads and verifies the arguments of an `auditor-keys-0` document. Nothing may be signed if the master key or the
 * currency is not the configured one, or if any signature by the master key in the document is not valid. Signatures by
 * others that are not valid are alarms: an auditor signs only what the master key has signed.
 */
export function examine(document: unknown, expectation: Expectation): ExaminationResult {
  const result = readKeys(document);
  if ("faults" in result) return result;
  const { keys } = result;
  const { masterPub, now } = expectation;
  // Against the document's own key if that differs: the refusal names the cause, not each signature.
  const { verdicts, unverifiable } = verifyKeys(keys, keys.masterPub);
  const list = listProblems(keys, now);
  return {
    keys,
    refusals: [...mismatches(keys, masterPub, expectation.currency), ...badMasterSignatures(keys, verdicts)],
    remarks: [
      ...badOtherSignatures(verdicts),
      ...judge(keys, expectation),
      ...[...list.refused, ...list.warnings].map(notice),
      ...(keys.extensions !== undefined && keys.extensions.masterSig === undefined
        ? [notice("the extensions that the exchange announces are not signed by the master key")]
        : []),
      ...(unverifiable > 0
        ? [notice(`signatures of auditors for keys that are not on this list: ${unverifiable}`)]
        : []),
    ],
    verified: verdicts.slice(0, keys.denominations.length).map(({ valid }) => valid),
    signed: signedByUs(keys, expectation),
    fingerprint: fingerprintOf(keys),
  };
}

function mismatches(keys: Keys, masterPub: Uint8Array, currency: string | undefined): string[] {
  const refusals: string[] = [];
  if (!equalBytes(keys.masterPub, masterPub)) {
    const [given, wanted] = [encodeBase32(keys.masterPub), encodeBase32(masterPub)];
    refusals.push(`the master key of the document, ${given}, does not match the configured one, ${wanted}`);
  }
  if (currency !== undefined && keys.currency !== currency) {
    refusals.push(`the currency of the document, ${keys.currency}, does not match the configured one, ${currency}`);
  }
  return refusals;
}

function badMasterSignatures({ denominations }: Keys, verdicts: readonly Verdict[]): string[] {
  return verdicts.flatMap(({ signer, valid, what, place, purpose }, index) => {
    if (signer !== "master" || valid) return [];
    const denomination = denominations[index];
    const name = denomination === undefined ? "" : ` ${shortName(denomination.hash)}`;
    return [`the master signature (${purpose}) of ${what}${name} is NOT VALID (${place})`];
  });
}

function badOtherSignatures(verdicts: readonly Verdict[]): Remark[] {
  const list = verdicts.find(({ purpose, valid }) => purpose === 1035 && !valid);
  const auditors = verdicts.filter(({ purpose, valid }) => purpose === 1064 && !valid);
  return [
    ...(list === undefined ? [] : [
      alarm(
        "the exchange's signature over the list is NOT VALID: keys were added, left out or moved after the download",
      ),
    ]),
    ...(auditors.length === 0 ? [] : [
      alarm(
        `signatures of auditors that are NOT VALID: ${auditors.length} (${
          shortList(auditors.map(({ place }) => place))
        })`,
      ),
    ]),
  ];
}

/** Protocol of release 0.14, and how many versions back it understands (cli.md 10.3). */
const PROTOCOL = { current: 23, age: 6 } as const;

/** Why an exchange with this version cannot be understood; undefined if it can. */
function versionProblem(version: string | undefined): string | undefined {
  const match = /^(\d{1,6}):(\d{1,6}):(\d{1,6})$/.exec(version ?? "");
  if (match === null) return "the document has no version of the form current:revision:age";
  const [current, age] = [Number(match[1]), Number(match[3])];
  if (current - age <= PROTOCOL.current && current >= PROTOCOL.current - PROTOCOL.age) return undefined;
  const known = `${PROTOCOL.current - PROTOCOL.age} to ${PROTOCOL.current}`;
  return `the exchange speaks protocol ${visible(version ?? "")}, this program ${known}`;
}

/**
 * Why a document is not accepted as a download, which is stricter than what may be signed: all parts are there, every
 * signature in it is valid, the list was signed with a key valid at the time, and the protocol is known.
 */
export function downloadProblems(document: unknown, expectation: Expectation): string[] {
  const result = examine(document, expectation);
  if ("faults" in result) return [...result.faults];
  const { keys, refusals } = result;
  const version = versionProblem(keys.version);
  const { verdicts } = verifyKeys(keys, keys.masterPub);
  const others = verdicts.filter(({ signer, valid }) => signer !== "master" && !valid);
  return [
    ...(version === undefined ? [] : [version]),
    ...refusals,
    ...others.map(({ purpose, what, place }) => `the signature (${purpose}) of ${what} is NOT VALID (${place})`),
    ...listProblems(keys, expectation.now).refused,
  ];
}

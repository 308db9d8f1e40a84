// SPDX-License-Identifier: AGPL-3.0-or-later
/** Change of the auditor's key: what the new key still has to sign. */

import { equalBytes } from "../crypto/hash.ts";
import type { Denomination, Keys } from "./keys.ts";
import { signedByUs } from "./own-signatures.ts";

/** How far a change of key has come, as the exchange shows it. */
export interface RotationStatus {
  /** The exchange lists the old, and the new key as an auditor's. */
  readonly oldListed: boolean;
  readonly newListed: boolean;
  /** Denominations whose coins can still be spent, by who has signed them. The others need no signature any more. */
  readonly both: readonly Denomination[];
  readonly onlyOld: readonly Denomination[];
  readonly onlyNew: readonly Denomination[];
  readonly neither: readonly Denomination[];
}

/** Public keys before and after the change, and our address as signatures cover it. */
export interface Rotation {
  readonly oldPub: Uint8Array;
  readonly newPub: Uint8Array;
  readonly auditorUrl: string;
  /** µs */
  readonly now: bigint;
}

/** Compares a document with a change of key; only valid signatures count. */
export function rotationStatus(keys: Keys, { oldPub, newPub, auditorUrl, now }: Rotation): RotationStatus {
  const by = (auditorPub: Uint8Array) => signedByUs(keys, { auditorPub, auditorUrl, exchangeUrl: undefined, now });
  const [old, fresh] = [by(oldPub), by(newPub)];
  const pick = (byOld: boolean, byNew: boolean) =>
    keys.denominations.filter((denomination, index) => {
      return denomination.expireDeposit > now && old[index] === byOld && fresh[index] === byNew;
    });
  const listed = (pub: Uint8Array) => keys.auditors?.some((auditor) => equalBytes(auditor.pub, pub)) === true;
  return {
    oldListed: listed(oldPub),
    newListed: listed(newPub),
    both: pick(true, true),
    onlyOld: pick(true, false),
    onlyNew: pick(false, true),
    neither: pick(false, false),
  };
}

/** True if the old key is not needed any more: the new one has signed everything that can still be spent. */
export function isRotationComplete({ newListed, onlyOld, neither }: RotationStatus): boolean {
  return newListed && onlyOld.length === 0 && neither.length === 0;
}

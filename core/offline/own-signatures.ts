// SPDX-License-Identifier: AGPL-3.0-or-later
/** What a document says about this auditor: which denominations it has signed before, and how it is listed. */

import { verifyBlock } from "../crypto/blocks.ts";
import { equalBytes } from "../crypto/hash.ts";
import { hashText } from "../crypto/objects.ts";
import type { Keys } from "./keys.ts";
import type { Auditor } from "./keys-parts.ts";
import { visible } from "./name.ts";
import { alarm, notice, type Remark } from "./remark.ts";
import { termsOf } from "./verify.ts";

/** With what a document is compared. */
export interface Viewpoint {
  /** Time of the judgement, µs. */
  readonly now: bigint;
  /** Our key, where it is known. */
  readonly auditorPub: Uint8Array | undefined;
  /** Our address as signatures cover it. */
  readonly auditorUrl: string;
  /** Address of the exchange, if the operator has set it. */
  readonly exchangeUrl: string | undefined;
}

/** True for an entry of the document's auditors that is about us: our key, or else our address. */
function isOurs({ pub, url }: Auditor, { auditorPub, auditorUrl }: Viewpoint): boolean {
  return auditorPub === undefined ? url === auditorUrl : equalBytes(pub, auditorPub);
}

/**
 * For each denomination of the document, whether it carries a valid signature of ours. Without knowing our key that is
 * one by whatever key the exchange lists under our address.
 */
export function signedByUs(keys: Keys, viewpoint: Viewpoint): boolean[] {
  const { auditorUrl } = viewpoint;
  const hAuditorUrl = hashText(auditorUrl);
  const found = new Map<string, { pub: Uint8Array; signature: Uint8Array }>();
  for (const auditor of keys.auditors ?? []) {
    if (!isOurs(auditor, viewpoint)) continue;
    for (const { hash, signature } of auditor.signatures) found.set(hash.toHex(), { pub: auditor.pub, signature });
  }
  return keys.denominations.map((denomination) => {
    const entry = found.get(denomination.hash.toHex());
    const fields = { hAuditorUrl, masterPub: keys.masterPub, ...termsOf(denomination) };
    return entry !== undefined &&
      verifyBlock("auditorDenomination", keys.currency, entry.pub, entry.signature, fields);
  });
}

/** Remarks on the auditors that the document lists. */
export function auditorRemarks(keys: Keys, viewpoint: Viewpoint): Remark[] {
  const { auditorPub, auditorUrl } = viewpoint;
  const remarks: Remark[] = [];
  for (const { pub, url } of keys.auditors ?? []) {
    if (auditorPub === undefined) continue;
    const [ourKey, ourUrl] = [equalBytes(pub, auditorPub), url === auditorUrl];
    if (ourKey && !ourUrl) remarks.push(alarm(`the exchange lists our key with another address: ${visible(url)}`));
    if (ourUrl && !ourKey) remarks.push(alarm("the exchange lists our address with another key"));
  }
  const done = signedByUs(keys, viewpoint);
  const count = done.filter((signed) => signed).length;
  if (count === done.length) {
    remarks.push(alarm(`ALREADY SIGNED by this auditor: all ${count} keys, there is nothing new to sign`));
  } else if (count > 0) {
    // Usual: new keys join a list whose older ones were signed in earlier ceremonies.
    remarks.push(notice(`already signed by this auditor: ${count} of ${done.length} keys`));
  }
  return remarks;
}

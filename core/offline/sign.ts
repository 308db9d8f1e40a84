// SPDX-License-Identifier: AGPL-3.0-or-later
/** Signing denominations (cli.md 10.5). */

import { buildBlock, verifyBlock } from "../crypto/blocks.ts";
import { publicKeyOf, signEd25519 } from "../crypto/ed25519.ts";
import { equalBytes } from "../crypto/hash.ts";
import { hashText } from "../crypto/objects.ts";
import type { Operation } from "./documents.ts";
import type { Examination } from "./examine.ts";
import type { Denomination } from "./keys.ts";
import { termsOf } from "./verify.ts";

/** What a signature needs beside the document. */
export interface SigningRequest {
  /** Private key, 32 bytes; it is only read. */
  readonly seed: Uint8Array;
  /** `[auditor] BASE_URL` exactly as configured. */
  readonly auditorUrl: string;
  /** The fingerprint that a person has confirmed, 12 bytes. */
  readonly confirmed: Uint8Array;
  /** Leave out what the document shows as signed by us. */
  readonly onlyNew: boolean;
}

/** The operations for an output document and what they are about, in the order of the document; or why not. */
export type SigningResult =
  | { readonly operations: readonly Operation[]; readonly denominations: readonly Denomination[] }
  | { readonly refused: readonly string[] };

/**
 * Signs the denominations of a document (1064), all or none: none if anything in the document was refused, or if the
 * confirmed fingerprint is not the document's. Each signature is verified before it is given out, so that a fault of
 * the machine cannot publish a wrong one, which could reveal the key.
 */
export function signDenominations(examination: Examination, request: SigningRequest): SigningResult {
  const { keys, refusals, fingerprint, signed, verified } = examination;
  if (refusals.length > 0) return { refused: refusals };
  if (!equalBytes(fingerprint, request.confirmed)) {
    return { refused: ["the fingerprint does not match: this is not the document that was compared"] };
  }
  if (verified.length !== keys.denominations.length || !verified.every((valid) => valid)) {
    throw new Error("a document was neither refused nor verified");
  }
  const denominations = keys.denominations.filter((_, index) => !request.onlyNew || signed[index] !== true);
  const publicKey = publicKeyOf(request.seed);
  const hAuditorUrl = hashText(request.auditorUrl);
  const operations = denominations.map((denomination): Operation => {
    const fields = { hAuditorUrl, masterPub: keys.masterPub, ...termsOf(denomination) };
    const signature = signEd25519(request.seed, buildBlock("auditorDenomination", keys.currency, fields));
    if (!verifyBlock("auditorDenomination", keys.currency, publicKey, signature, fields)) {
      throw new Error("a signature made on this machine does not verify: do not trust it");
    }
    return { operation: "auditor-sign-denomination-0", hash: denomination.hash, signature };
  });
  return { operations, denominations };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** How things of a document are named in texts for people. */

import { sha512 } from "../crypto/hash.ts";
import { encodeBase32 } from "../taler/base32.ts";

/**
 * Short name of a denomination: first eight base32 symbols of the SHA-512 of its hash, which is how the exchange's
 * tools print it (cli.md 10.4).
 *
 * @param hash h_denom_pub, 64 bytes
 */
export function shortName(hash: Uint8Array): string {
  return encodeBase32(sha512(hash)).slice(0, 8);
}

const NAMES_MAX = 6;

/** Names for a sentence; of many only the first. */
export function shortList(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return `${names.slice(0, NAMES_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

const SHOWN_MAX = 200;

/** Foreign text for a terminal: printable ASCII stays, all else is escaped, and it has an end. */
export function visible(text: string): string {
  const cut = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text;
  return cut.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

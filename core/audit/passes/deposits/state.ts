// SPDX-License-Identifier: AGPL-3.0-or-later
/** The names of the deposits pass, and how it settles findings (deposits chapter 4). */
import type { Place } from "../../book.ts";
import type { Finding } from "../../findings.ts";
import type { PassRun } from "../../pass.ts";

/** Balances of the deposits pass. */
export const DEPOSITS_BALANCES = ["total_missed_deposit_confirmations"] as const;
/** Progress points of the deposits pass; informational, as all confirmations are judged in every run. */
export const DEPOSITS_PROGRESS = ["deposit_confirmation_serial_id"] as const;

/** Prefixes of all standing findings of the pass: each run judges them all. */
export const SWEPT = ["DC-R2:", "DC-R3:", "D-17:"] as const;

/** Settles a standing finding; one that is not there leaves no trace (the prefixes are swept). */
export function settle(run: PassRun, key: string, place: Place, finding: Finding | undefined): void {
  if (finding !== undefined) run.book.settle(key, place, finding);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the parts of the wire-credit pass share. */
import type { PassRun } from "../../pass.ts";
import type { NewestBooking } from "../../wire-common.ts";
import type { OpenCredits } from "./open.ts";

/** Ranks of findings. */
export const RANK = { booked: 1, bank: 2, open: 3 } as const;

/** The state of one run. */
export interface CreditState {
  run: PassRun;
  open: OpenCredits;
  /** Up to when the history of an account proves that a transfer is missing. */
  until: ReadonlyMap<string, bigint>;
  /** Bookings, as table and serial, that name a transaction which an earlier one names. */
  wrong: Set<string>;
  /** Subjects (hexadecimal) of incoming transfers that are those of transfers to merchants. */
  wired: ReadonlySet<string>;
  newest: NewestBooking;
  /** Accounts whose transfers do not have the bank's numbers. */
  local: ReadonlySet<string>;
}

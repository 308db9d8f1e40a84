// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the parts of the wire-debit pass share. */
import type { ProfitDrainRow } from "../../../exchange/rows.ts";
import type { PassRun } from "../../pass.ts";
import type { NewestBooking } from "../../wire-common.ts";
import type { OpenDebits } from "./open.ts";

/** Ranks of findings. */
export const RANK = { booked: 1, bank: 2, open: 3 } as const;

/** A profit drain and whether the master key signed it. */
export interface Drain {
  row: ProfitDrainRow;
  signed: boolean;
  used: boolean;
}

/** The state of one run. */
export interface DebitState {
  run: PassRun;
  open: OpenDebits;
  /** By subject in hexadecimal. */
  drains: Map<string, Drain>;
  /** Up to when the history of an account proves that a transfer is missing. */
  until: ReadonlyMap<string, bigint>;
  newest: NewestBooking;
  /** Rows on either side that are taken at once. */
  portion: number;
  /** Accounts whose history is from statements, which date transfers by the day. */
  local: ReadonlySet<string>;
  /** Keys of the transactions that are new in this run. */
  fresh: Set<string>;
}

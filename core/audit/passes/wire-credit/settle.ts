// SPDX-License-Identifier: AGPL-3.0-or-later
/** The verdict on what only one side has (WC-6, WC-R1, WC-R3, WC-R7). */
import type { BankCredit } from "../../../bank/history.ts";
import { rowInconsistency } from "../../findings.ts";
import { incoming } from "../../findings-wire.ts";
import { isDue } from "../../wire-common.ts";
import type { Booking } from "./match.ts";
import type { BookedWad } from "./open.ts";
import { type CreditState, RANK } from "./state.ts";

/** Judges what is still open, once it is due (WC-6, WC-R1, WC-R3). */
export function settleOpen(s: CreditState): void {
  const due = (date: bigint, until?: bigint) => isDue(date, s.run.context, until);
  for (const b of s.open.bookings.values()) settleBooking(s, b, due(b.date, s.until.get(b.section)));
  for (const credit of s.open.credits.values()) settleCredit(s, credit, due(credit.date));
  // it is not said on which account one arrives: it is missing when all of them have been read
  const everywhere = [...s.until.values()].reduce((a, b) => a < b ? a : b, s.run.context.now);
  for (const wad of s.open.wads.values()) settleWad(s, wad, s.until.size > 0 && due(wad.arrived, everywhere));
}

/** WC-6: a booking that the bank does not show. */
export function settleBooking(s: CreditState, b: Booking, missing: boolean): void {
  const problem = {
    bankRow: b.serial, // the row of the exchange: there is none at the bank
    expected: b.credit,
    wired: 0n,
    subject: b.subject,
    date: b.date,
    account: b.section,
  };
  s.run.book.settle(
    `WC-6:${b.table}:${b.serial}`,
    { stage: RANK.open, serial: b.serial },
    missing ? incoming("WC-6", problem, "incoming wire transfer claimed by exchange not found") : undefined,
    { total_bad_amount_in_minus: b.credit },
  );
}

/** WC-R1: a transfer that the exchange did not book. */
export function settleCredit(s: CreditState, c: BankCredit, missing: boolean): void {
  const key = `WC-R1:${c.account}:${c.rowId}`;
  const place = { stage: RANK.open, serial: c.rowId };
  const row = BigInt.asIntN(64, c.rowId);
  if (c.amount.currency !== s.run.context.settings.currency) {
    const text = `bank transaction in currency ${c.amount.currency}`;
    s.run.book.settle(key, place, missing ? rowInconsistency("WC-R7", "bank-credit", row, text) : undefined);
    return;
  }
  const subject = new Uint8Array(32);
  subject.set(c.subject.subarray(0, 32));
  const wired = c.amount.atoms;
  const problem = { bankRow: row, expected: 0n, wired, subject, date: c.date, account: c.account };
  s.run.book.settle(
    key,
    place,
    missing ? incoming("WC-R1", problem, "incoming wire transfer not booked by exchange") : undefined,
    { total_bad_amount_in_plus: wired },
  );
}

/** WC-R3: a booked transfer between exchanges that the bank does not show. */
export function settleWad(s: CreditState, wad: BookedWad, missing: boolean): void {
  s.run.book.settle(
    `WC-R3:${wad.serial}`,
    { stage: RANK.open, serial: wad.serial },
    missing
      ? rowInconsistency("WC-R3", "wads_in", wad.serial, "transfer between exchanges claimed by exchange not found")
      : undefined,
    { total_bad_amount_in_minus: wad.amount },
  );
}

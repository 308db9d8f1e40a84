// SPDX-License-Identifier: AGPL-3.0-or-later
/** The verdict on what only one side has (WC-6, WC-R1, WC-R3, WC-R7, WC-R12). */
import type { BankCredit } from "../../../bank/history.ts";
import { ownPayment, subjectText } from "../../../bank/transaction.ts";
import { formatAmount } from "../../../taler/amount.ts";
import { rowInconsistency } from "../../findings.ts";
import { incoming, minorRow } from "../../findings-wire.ts";
import { isDue } from "../../wire-common.ts";
import { encodeHex } from "../../hex.ts";
import { type Booking, KIND_OF_TABLE } from "./match.ts";
import type { BookedWad } from "./open.ts";
import type { Returned } from "./returned.ts";
import { type CreditState, RANK } from "./state.ts";

/** Judges what is still open, once it is due (WC-6, WC-R1, WC-R3, WC-R12). */
export function settleOpen(s: CreditState, returned: Returned): void {
  const due = (date: bigint, until?: bigint) => isDue(date, s.run.context, until);
  for (const b of s.open.bookings.values()) settleBooking(s, b, due(b.date, s.until.get(b.section)));
  const lacking: bigint[] = [];
  // by subject they meet only when the booking is due
  const waiting = new Set(
    [...s.open.bookings.values()].filter((b) => s.local.has(b.section))
      .map((b) => `${b.section} ${KIND_OF_TABLE[b.table]} ${encodeHex(b.subject)}`),
  );
  for (const [key, credit] of s.open.credits) {
    const back = returned.amounts.get(key) ?? 0n;
    const waits = waiting.has(`${credit.account} ${credit.kind} ${encodeHex(credit.subject)}`);
    const settled = waits || returned.explained.has(key) || (back > 0n && back >= credit.amount.atoms) ||
      (credit.kind === "OTHER" && credit.amount.atoms === 0n);
    // it can be told that nothing went back only as far as the history is known
    const until = credit.kind === "OTHER" ? s.until.get(credit.account) : undefined;
    const missing = !settled && due(credit.date, until);
    settleCredit(s, credit, missing, back);
    if (missing && credit.kind !== "OTHER") lacking.push(credit.date);
  }
  s.newest.finish(lacking, "incoming");
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

/**
 * WC-R1, WC-R12: a transfer that the exchange did not book.
 * @param back how much of it went back, atoms
 */
export function settleCredit(s: CreditState, c: BankCredit, missing: boolean, back = 0n): void {
  const key = `WC-R1:${c.account}:${c.rowId}`;
  const place = { stage: RANK.open, serial: c.rowId };
  const row = BigInt.asIntN(64, c.rowId);
  const { currency } = s.run.context.settings;
  if (c.amount.currency !== currency) {
    const text = `bank transaction in currency ${c.amount.currency}`;
    s.run.book.settle(key, place, missing ? rowInconsistency("WC-R7", "bank-credit", row, text) : undefined);
    return;
  }
  if (c.kind === "OTHER") {
    s.run.book.settle(key, place, missing ? minorRow("WC-R12", "bank-credit", row, otherText(c, back)) : undefined);
    return;
  }
  const subject = new Uint8Array(32);
  subject.set(c.subject.subarray(0, 32));
  const wired = c.amount.atoms - back;
  const problem = { bankRow: row, expected: 0n, wired, subject, date: c.date, account: c.account };
  const text = back === 0n
    ? "incoming wire transfer not booked by exchange"
    : "incoming wire transfer neither booked by exchange nor sent back in full";
  s.run.book.settle(key, place, missing ? incoming("WC-R1", problem, text) : undefined, {
    total_bad_amount_in_plus: wired,
  });
}

/** What is to be said about a transfer that names no reserve. */
function otherText(c: BankCredit, back: bigint): string {
  const { currency, atoms } = c.amount;
  const quoted = JSON.stringify(subjectText(c.subject));
  if (ownPayment(c) !== undefined) {
    return `payment of ${formatAmount(currency, atoms)} came back and was not made again: ${quoted}`;
  }
  const kept = formatAmount(currency, atoms - back);
  return `incoming transfer without reserve, of which ${kept} was not sent back: ${quoted}`;
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

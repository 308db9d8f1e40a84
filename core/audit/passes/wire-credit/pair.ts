// SPDX-License-Identifier: AGPL-3.0-or-later
/** How bookings and transactions meet, by the bank's numbers or without them, and what becomes of a pair. */
import type { BankCredit } from "../../../bank/history.ts";
import { ownPayment } from "../../../bank/transaction.ts";
import { equalBytes } from "../../../crypto/hash.ts";
import { STATEMENT_DATES } from "../../bank-source.ts";
import { encodeHex } from "../../hex.ts";
import { ALIKE, likeness, mostAlike } from "../../likeness.ts";
import { isDue, wiredSubjects } from "../../wire-common.ts";
import { type Booking, compareCredit, KIND_OF_TABLE } from "./match.ts";
import { meetingKey } from "./open.ts";
import { settleBooking, settleCredit } from "./settle.ts";
import { type CreditState, RANK } from "./state.ts";

/** Takes a booking, and the transaction of its number if that was read already. */
export function takeBooking(s: CreditState, booking: Booking): void {
  const key = meetingKey(booking.section, booking.reference);
  if (s.open.bookings.has(key)) return;
  s.open.bookings.set(key, booking);
  const credit = s.open.credits.get(key);
  if (credit !== undefined && meetAtOnce(s, credit)) pairUp(s, booking, credit);
}

/** Takes a transaction, and the booking of its number if that was read already. */
export function takeCredit(s: CreditState, credit: BankCredit): void {
  const key = meetingKey(credit.account, credit.rowId);
  s.open.credits.set(key, credit);
  const booking = s.open.bookings.get(key);
  if (booking !== undefined && meetAtOnce(s, credit)) pairUp(s, booking, credit);
}

/** Not what has no number, or what may be a payment of the exchange that came back. */
function meetAtOnce(s: CreditState, credit: BankCredit): boolean {
  return !s.local.has(credit.account) && ownPayment(credit) === undefined;
}

/** Pairs what looks like a payment that came back, where a booking has its number. */
export async function matchOwnPayments(s: CreditState): Promise<void> {
  const own = [...s.open.credits].flatMap(([key, credit]) => {
    const subject = ownPayment(credit);
    return subject === undefined ? [] : [{ key, credit, subject: encodeHex(subject) }];
  });
  s.wired = await wiredSubjects(s.run.context.source, own.map(({ subject }) => subject));
  for (const { key, credit } of own) {
    const booking = s.open.bookings.get(key);
    if (booking !== undefined && !s.local.has(credit.account)) pairUp(s, booking, credit);
  }
}

/** Both sides are there: neither is open any more, and they are compared. */
function pairUp(s: CreditState, booking: Booking, credit: BankCredit): void {
  s.open.bookings.delete(meetingKey(booking.section, booking.reference));
  s.open.credits.delete(meetingKey(credit.account, credit.rowId));
  settleBooking(s, booking, false);
  settleCredit(s, credit, false);
  const tolerance = s.local.has(booking.section) ? STATEMENT_DATES : 0n;
  const { currency } = s.run.context.settings;
  for (const { finding, effects } of compareCredit(booking, asBooked(s, booking, credit), currency, tolerance)) {
    s.run.book.report({ stage: RANK.bank, serial: booking.serial }, finding, effects);
  }
}

/**
 * A customer's subject may look like that of a payment by the exchange, with a reserve's key as its identifier: unless
 * it is that of a transfer to a merchant, the booking tells.
 */
function asBooked(s: CreditState, booking: Booking, credit: BankCredit): BankCredit {
  const own = ownPayment(credit);
  if (own === undefined || s.wired.has(encodeHex(own)) || !equalBytes(own, booking.subject)) return credit;
  return { ...credit, kind: KIND_OF_TABLE[booking.table], subject: own };
}

/**
 * Statements do not have the numbers by which the exchange knows incoming transfers: bookings find theirs by subject.
 * One that is not the same in all parts is taken only when the booking would be called missing otherwise: until then
 * the right one may still come.
 */
export function matchBySubject(s: CreditState, section: string): void {
  const credits = new Map<string, BankCredit[]>();
  const ofSection = [...s.open.credits.values()].filter((c) => c.account === section);
  for (const credit of ofSection.sort((a, b) => a.rowId < b.rowId ? -1 : 1)) {
    const own = ownPayment(credit);
    const customers = own !== undefined && !s.wired.has(encodeHex(own));
    const key = customers ? `RESERVE ${encodeHex(own)}` : `${credit.kind} ${encodeHex(credit.subject)}`;
    const group = credits.get(key);
    if (group === undefined) credits.set(key, [credit]);
    else group.push(credit);
  }
  const bookings = [...s.open.bookings.values()].filter((b) => b.section === section)
    .sort((a, b) => a.serial < b.serial ? -1 : 1);
  for (const due of [false, true]) {
    for (const booking of bookings) {
      const key = meetingKey(section, booking.reference);
      if (!s.open.bookings.has(key) || (due && !isDue(booking.date, s.run.context, s.until.get(section)))) continue;
      const group = credits.get(`${KIND_OF_TABLE[booking.table]} ${encodeHex(booking.subject)}`) ?? [];
      const credit = due ? mostAlike(group, booking) : group.find((c) => likeness(c, booking) === ALIKE);
      if (credit === undefined) continue;
      group.splice(group.indexOf(credit), 1);
      pairUp(s, booking, credit);
    }
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Which of several transactions a booking stands for, where it does not have the bank's number of it. Pure. */
import type { BankCredit } from "../bank/history.ts";
import { sameAccount } from "./bank-source.ts";

/** What a booking says of its transaction; `credit` in atoms. */
interface Told {
  readonly credit: bigint;
  readonly sender: string | undefined;
}

/** The likeness of two that agree in amount and sender. */
export const ALIKE = 3;

/** In how much a transaction and a booking of its subject agree: 2 for the amount, 1 for the sender. */
export function likeness(credit: BankCredit, booking: Told): number {
  const sender = booking.sender !== undefined && sameAccount(credit.debitAccount, booking.sender);
  return (credit.amount.atoms === booking.credit ? 2 : 0) + (sender ? 1 : 0);
}

/** The transaction that is most like a booking, the first of several. */
export function mostAlike(credits: readonly BankCredit[], booking: Told): BankCredit | undefined {
  return credits.reduce<BankCredit | undefined>(
    (best, c) => best === undefined || likeness(c, booking) > likeness(best, booking) ? c : best,
    undefined,
  );
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Outgoing transactions that the exchange's software did not make (WD-R6). Statements show them: payments that the bank
 * sent back, its fees, and money that somebody took out. Each takes from the account what belongs to customers and
 * merchants, unless it returns what came in and was not booked.
 */
import type { BankCredit, BankHistory, OtherDebit } from "../../../bank/history.ts";
import { accountKey } from "../../../bank/transaction.ts";
import { readRows } from "../../../exchange/source.ts";
import { BOOKED_SUBJECTS, type BookedSubject, decodeBookedSubject } from "../../../exchange/v014/wire.ts";
import { formatAmount } from "../../../taler/amount.ts";
import { keyPart, sameAccount } from "../../bank-source.ts";
import { rowInconsistency, wireOut } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import { MONEY } from "../../money.ts";
import { pairReturns, type Unbooked } from "../../returns.ts";
import { isDue } from "../../wire-common.ts";
import { debitKey } from "./open.ts";
import { type DebitState, RANK } from "./state.ts";

/** What went out without identifier, and what of all that went out came in or back (debitKey). */
export interface Others {
  readonly debits: readonly OtherDebit[];
  readonly sections: readonly string[];
  readonly returned: ReadonlySet<string>;
}

/** Reads the other transactions of the audited accounts and what they return. */
export async function readOthers(s: DebitState, bank: BankHistory, sections: readonly string[]): Promise<Others> {
  const { currency } = s.run.context.settings;
  const all: OtherDebit[] = [];
  const returned = new Set<string>();
  for (const section of sections) {
    const debits = await bank.otherDebits?.(section) ?? [];
    all.push(...debits);
    const ours = debits.filter((d) => d.amount.currency === currency);
    const total = ours.reduce((sum, d) => sum + d.amount.atoms, 0n);
    if (bank.otherDebits !== undefined) s.run.setCounter(MONEY.otherOut + section, total);
    for (const row of await findReturned(s, bank, section, ours)) returned.add(debitKey(section, row));
  }
  return { debits: all, sections, returned };
}

/** Rows of the debits of an account that credits make good, of both kinds. */
async function findReturned(
  s: DebitState,
  bank: BankHistory,
  section: string,
  others: readonly OtherDebit[],
): Promise<bigint[]> {
  const { currency } = s.run.context.settings;
  const unjustified = [...s.open.debits.values()].filter(({ bank: b, justification }) =>
    b.account === section && justification === undefined && b.amount.currency === currency
  ).map(({ bank }) => bank);
  if (bank.creditsFrom === undefined || others.length + unjustified.length === 0) return [];
  const toUnbooked = (d: { rowId: bigint; amount: { atoms: bigint }; creditAccount: string }): Unbooked => ({
    rowId: d.rowId,
    party: accountKey(d.creditAccount),
    amount: d.amount.atoms,
  });
  const debits = others.map(toUnbooked), transfers = unjustified.map(toUnbooked);
  const parties = [...new Set([...debits, ...transfers].map((d) => d.party))];
  const credits = (await bank.creditsFrom(section, parties)).filter((c) => c.amount.currency === currency);
  const unbooked = (await leaveOutBooked(s, section, credits)).map((c) => ({
    rowId: c.rowId,
    party: accountKey(c.debitAccount),
    amount: c.amount.atoms,
    rank: c.kind === "OTHER" ? 0 : 1,
  }));
  const pairs = pairReturns(unbooked, debits);
  // a payment of the exchange that came back never has the subject of a reserve
  const used = new Set(pairs.map(({ credit }) => credit.rowId));
  const left = unbooked.filter((c) => c.rank === 0 && !used.has(c.rowId));
  pairs.push(...pairReturns(left, transfers, { exact: true }));
  return pairs.map(({ debit }) => debit.rowId);
}

/** Those of an account's credits that no booking stands for. */
async function leaveOutBooked(
  s: DebitState,
  section: string,
  credits: readonly BankCredit[],
): Promise<readonly BankCredit[]> {
  const identified = credits.filter((c) => c.kind === "RESERVE" || c.kind === "KYCAUTH");
  const other = credits.filter((c) => c.kind === "OTHER");
  if (identified.length === 0) return other;
  const subjects = [...new Set(identified.map((c) => encodeHex(c.subject)))];
  const rows = await readRows(s.run.context.source, "reserves_in", BOOKED_SUBJECTS, [subjects], decodeBookedSubject);
  const bookings = rows.flatMap((r) => "row" in r ? [r.row] : []).filter((b) => b.section === section);
  const booked = s.local.has(section)
    ? bookedBySubject(identified, bookings)
    : new Set(bookings.map((b) => b.reference));
  return [...other, ...identified.filter((c) => !booked.has(c.rowId))];
}

/** Rows of the credits that bookings stand for, where these do not name them: the most similar ones, each once. */
function bookedBySubject(credits: readonly BankCredit[], bookings: readonly BookedSubject[]): Set<bigint> {
  const booked = new Set<bigint>();
  const ofSubject = (b: BookedSubject) =>
    credits.filter((c) => c.kind === b.kind && encodeHex(c.subject) === b.subject && !booked.has(c.rowId));
  const alike = (c: BankCredit, b: BookedSubject) =>
    (c.amount.atoms === b.credit ? 2 : 0) + (b.sender !== undefined && sameAccount(c.debitAccount, b.sender) ? 1 : 0);
  for (const booking of bookings) {
    const [first] = ofSubject(booking).sort((a, b) =>
      alike(b, booking) - alike(a, booking) || (a.rowId < b.rowId ? -1 : 1)
    );
    if (first !== undefined) booked.add(first.rowId);
  }
  return booked;
}

/** WD-R6: what went out without identifier and returns nothing. */
export function settleOthers(s: DebitState, { debits, sections, returned }: Others): void {
  const { currency } = s.run.context.settings;
  for (const d of debits) {
    const missing = isDue(d.date, s.run.context) && !returned.has(debitKey(d.account, d.rowId));
    const row = BigInt.asIntN(64, d.rowId), { atoms } = d.amount;
    const key = `WD-R6:${keyPart(d.account)}:${d.rowId}`, place = { stage: RANK.open, serial: d.rowId };
    if (d.amount.currency !== currency) {
      const text = `bank transaction in currency ${d.amount.currency}`;
      s.run.book.settle(key, place, missing ? rowInconsistency("WD-R9", "bank-debit", row, text) : undefined);
      continue;
    }
    const text = `${formatAmount(currency, atoms)} left the account without transfer identifier: ${
      JSON.stringify(d.text)
    }`;
    s.run.book.settle(
      key,
      place,
      missing ? wireOut("WD-R6", d.creditAccount || NO_RECEIVER, row, 0n, atoms, text) : undefined,
      { total_bad_amount_out_plus: atoms },
    );
  }
  // what is no longer in the copy of the history
  for (const section of sections) s.run.book.sweep(`WD-R6:${keyPart(section)}:`);
}

/** In place of a receiver's account where the bank names none. */
const NO_RECEIVER = "no account named";

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Outgoing transactions that the exchange's software did not make (WD-R6). Statements show them: payments that the bank
 * sent back, its fees, and money that somebody took out. Each takes from the account what belongs to customers and
 * merchants, unless it returns what came in and was not booked.
 */
import type { BankCredit, BankHistory, OtherDebit } from "../../../bank/history.ts";
import { ownPayment } from "../../../bank/transaction.ts";
import { readRows } from "../../../exchange/source.ts";
import { BOOKED_REFERENCES, BOOKED_SUBJECTS, decodeBookedSubject } from "../../../exchange/v014/wire-bookings.ts";
import { formatAmount } from "../../../taler/amount.ts";
import { keyPart } from "../../bank-source.ts";
import { rowInconsistency, wireOut } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import { findInternalMoves } from "../../internal-moves.ts";
import { mostAlike } from "../../likeness.ts";
import { MONEY } from "../../money.ts";
import { creditToReturn, debitToReturn, pairReturns } from "../../returns.ts";
import { isDue, wiredSubjects } from "../../wire-common.ts";
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
  const { currency, accounts = [] } = s.run.context.settings;
  const all: OtherDebit[] = [];
  const returned = new Set<string>();
  if (bank.otherDebits === undefined) return { debits: all, sections: [], returned };
  const moves = await findInternalMoves(bank, accounts, currency);
  for (const section of sections) {
    const debits = await bank.otherDebits(section);
    all.push(...debits);
    const ours = debits.filter((d) => d.amount.currency === currency);
    s.run.setCounter(MONEY.otherOut + section, ours.reduce((sum, d) => sum + d.amount.atoms, 0n));
    const moved = moves.debits.get(section) ?? new Set(), came = moves.credits.get(section) ?? new Set();
    const rows = await findReturned(s, bank, section, ours.filter((d) => !moved.has(d.rowId)), came);
    for (const row of [...moved, ...rows]) returned.add(debitKey(section, row));
  }
  return { debits: all, sections, returned };
}

/** Rows of the debits of an account that credits make good, of both kinds; `came` are credits that are explained. */
async function findReturned(
  s: DebitState,
  bank: BankHistory,
  section: string,
  others: readonly OtherDebit[],
  came: ReadonlySet<bigint>,
): Promise<bigint[]> {
  const { currency } = s.run.context.settings;
  const unjustified = [...s.open.debits.values()].filter(({ bank: b, justification }) =>
    b.account === section && justification === undefined && b.amount.currency === currency
  ).map(({ bank }) => bank);
  const debits = others.map(debitToReturn), transfers = unjustified.map(debitToReturn);
  const parties = [...new Set([...debits, ...transfers].flatMap((d) => d.party ?? []))];
  if (bank.creditsFrom === undefined || parties.length === 0) return [];
  const credits = (await bank.creditsFrom(section, parties))
    .filter((c) => c.amount.currency === currency && c.kind !== "WAD" && !came.has(c.rowId));
  const unbooked = (await leaveOutBooked(s, bank, section, credits)).map(creditToReturn);
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
  bank: BankHistory,
  section: string,
  credits: readonly BankCredit[],
): Promise<readonly BankCredit[]> {
  if (credits.length === 0) return credits;
  const { source } = s.run.context;
  if (!s.local.has(section)) {
    const rows = await readRows(
      source,
      "reserves_in",
      BOOKED_REFERENCES,
      [section, credits.map((c) => c.rowId)],
      () => 0,
    );
    const booked = new Set(rows.map((r) => r.serial));
    return credits.filter((c) => !booked.has(c.rowId));
  }
  return await leaveOutBySubject(s, bank, section, credits);
}

/**
 * The same where bookings do not have the numbers of transactions: each stands for the one that is most like it among
 * all with its subject, whoever they came from.
 */
async function leaveOutBySubject(
  s: DebitState,
  bank: BankHistory,
  section: string,
  credits: readonly BankCredit[],
): Promise<readonly BankCredit[]> {
  const { source } = s.run.context;
  const own = credits.flatMap((c) => ownPayment(c) ?? []).map(encodeHex);
  const wired = await wiredSubjects(source, own);
  const subjectOf = (c: BankCredit) => c.kind === "OTHER" ? ownPayment(c) : c.subject;
  const subjects = [...new Map(credits.flatMap((c) => subjectOf(c) ?? []).map((bytes) => [encodeHex(bytes), bytes]))]
    .filter(([hex]) => !wired.has(hex));
  if (subjects.length === 0) return credits;
  const identified = await bank.creditsWith?.(section, subjects.map(([, bytes]) => bytes)) ?? [];
  // what looks like a payment that came back may be a customer's
  const groups = Map.groupBy([...identified, ...credits.filter((c) => c.kind === "OTHER")], (c) => {
    const subject = subjectOf(c);
    return `${c.kind === "OTHER" ? "RESERVE" : c.kind} ${subject === undefined ? "" : encodeHex(subject)}`;
  });
  const hexes = subjects.map(([hex]) => hex);
  const rows = await readRows(source, "reserves_in", BOOKED_SUBJECTS, [hexes], decodeBookedSubject);
  const booked = new Set<bigint>();
  for (const r of rows) {
    if (!("row" in r) || r.row.section !== section) continue;
    const group = groups.get(`${r.row.kind} ${r.row.subject}`) ?? [];
    const credit = mostAlike(group, r.row);
    if (credit === undefined) continue;
    group.splice(group.indexOf(credit), 1);
    booked.add(credit.rowId);
  }
  return credits.filter((c) => !booked.has(c.rowId));
}

/** WD-R6: what went out without identifier and returns nothing. */
export function settleOthers(s: DebitState, { debits, sections, returned }: Others): void {
  const { currency } = s.run.context.settings;
  for (const d of debits) {
    const explained = d.amount.atoms === 0n || returned.has(debitKey(d.account, d.rowId));
    const missing = isDue(d.date, s.run.context) && !explained;
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

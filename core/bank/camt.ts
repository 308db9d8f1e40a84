// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Transfers from a bank statement in ISO 20022 form, camt.053.001.02, .04 or .08: all booked entries in both directions,
 * whatever they are for. Such statements have no row ids; dates are mostly days without a time.
 */

import { type Amount, formatAmount } from "../taler/amount.ts";
import { DAY } from "../taler/time.ts";
import type { Period } from "./periods.ts";
import { type Skipped, type Statement, type StatementLine, uniqueReferences, type Unreadable } from "./statement.ts";
import { sameAccount } from "./transaction.ts";
import { amountOf, payto, readEntry, timeOf } from "./camt-entry.ts";
import { find, findAll, parseXml, textOf, type XmlElement } from "./xml.ts";

const NAMESPACE = /^urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(02|04|08)$/;

/**
 * Reads a statement.
 *
 * @param paytoUri PAYTO_URI of the account; statements of other accounts in the file are skipped. Without it the file
 * must be about one account
 */
export function parseCamtStatement(bytes: Uint8Array, paytoUri: string | undefined): Statement | Unreadable {
  const parsed = parseXml(bytes);
  if ("fault" in parsed) return parsed;
  const { root } = parsed;
  if (root.name !== "Document" || !NAMESPACE.test(root.namespace)) {
    return { fault: "not a statement of form camt.053.001.02, .04 or .08" };
  }
  const statements = findAll(find(root, "BkToCstmrStmt"), "Stmt");
  const skipped: Skipped[] = [];
  const lines: StatementLine[][] = [];
  const periods: Period[] = [];
  let ownAccount: string | undefined;
  let until: bigint | undefined;
  for (const [index, statement] of statements.entries()) {
    const place = `statement ${textOf(statement, "Id") ?? index + 1}`;
    const own = accountOf(statement);
    if (own === undefined) return { fault: `${place}: ${ibanFault(textOf(statement, "Acct", "Id", "IBAN"))}` };
    const wanted = paytoUri ?? ownAccount ?? own;
    if (!sameAccount(own, wanted)) {
      if (paytoUri === undefined) return { fault: "the statements are about different accounts" };
      skipped.push({ place, reason: `it is about account ${own}` });
      continue;
    }
    ownAccount = own;
    const end = endOf(statement);
    if (end !== undefined && (until === undefined || end > until)) until = end;
    const read = readStatement(statement, place, own, skipped);
    if ("fault" in read) return read;
    const period = periodOf(statement);
    lines.push(read.map((line) => ({ ...line, balanced: period.length > 0 })));
    periods.push(...period);
  }
  if (statements.length === 0) return { fault: "it holds no statement" };
  if (ownAccount === undefined) return { fault: `none of its statements is about account ${paytoUri}` };
  return { numbering: "local", lines: uniqueReferences(lines), skipped, ownAccount, until, periods };
}

/** Takes the booked entries of a statement, or says why the file cannot be used. */
function readStatement(
  statement: XmlElement,
  place: string,
  own: string,
  skipped: Skipped[],
): StatementLine[] | Unreadable {
  const lines: StatementLine[] = [];
  let sum = 0n;
  for (const [index, entry] of findAll(statement, "Ntry").entries()) {
    const entryPlace = `${place}, entry ${index + 1}`;
    const status = textOf(entry, "Sts", "Cd") ?? textOf(entry, "Sts");
    if (status !== "BOOK") {
      skipped.push({ place: entryPlace, reason: "it is not booked" });
      continue;
    }
    const booked = readEntry(entry, entryPlace, own);
    if (typeof booked === "string") return { fault: `line ${entry.line}, ${entryPlace}: ${booked}` };
    sum += booked.atoms;
    lines.push(...booked.lines);
  }
  const fault = balanceFault(statement, place, sum);
  return fault === undefined ? lines : { fault };
}

/**
 * A file that was cut or altered: opening balance and entries do not make the closing balance. A statement without both
 * balances (a page of one, for instance) cannot be checked.
 */
function balanceFault(statement: XmlElement, place: string, sum: bigint): string | undefined {
  const [opening, closing] = balancesOf(statement) ?? [];
  if (opening === undefined || closing === undefined) return undefined;
  const change = closing.atoms - opening.atoms;
  if (change === sum) return undefined;
  const text = (atoms: bigint) => formatAmount(opening.currency, atoms);
  return `${place}: its booked entries come to ${text(sum)}, its balances to ${text(change)}; it is not complete`;
}

/** A balance that a statement names; negative for an overdrawn account. */
interface Balance extends Amount {
  readonly date: bigint | undefined;
}

/** Opening and closing balance of a statement that has both; of one with balances for every day, the outermost. */
function balancesOf(statement: XmlElement): [opening: Balance, closing: Balance] | undefined {
  const balances = findAll(statement, "Bal");
  const read = (code: string) =>
    balances.filter((b) => textOf(b, "Tp", "CdOrPrtry", "Cd") === code).flatMap((balance): Balance[] => {
      const amount = amountOf(find(balance, "Amt"));
      if (amount === undefined) return [];
      const day = timeOf(textOf(balance, "Dt", "Dt")?.slice(0, 10));
      // the balance of the day before stands for the beginning of this one
      const date = day !== undefined && code === "PRCD" ? day + DAY : day;
      return [{ ...amount, atoms: textOf(balance, "CdtDbtInd") === "DBIT" ? -amount.atoms : amount.atoms, date }];
    });
  const [opening] = [...read("OPBD"), ...read("PRCD")].sort(byDate), closing = read("CLBD").sort(byDate).at(-1);
  return opening === undefined || closing === undefined || opening.currency !== closing.currency
    ? undefined
    : [opening, closing];
}

function byDate(a: Balance, b: Balance): number {
  const difference = (a.date ?? 0n) - (b.date ?? 0n);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** What a statement covers, if it says so with both balances. */
function periodOf(statement: XmlElement): Period[] {
  const [opening, closing] = balancesOf(statement) ?? [];
  const opened = timeOf(textOf(statement, "FrToDt", "FrDtTm")) ?? opening?.date, closed = endOf(statement);
  if (opening === undefined || closing === undefined || opened === undefined || closed === undefined) return [];
  return [{ opened, closed, opening: opening.atoms, closing: closing.atoms, currency: opening.currency }];
}

/** The end of a statement's period, or of the day of its closing balance; µs. */
function endOf(statement: XmlElement): bigint | undefined {
  const period = textOf(statement, "FrToDt", "ToDtTm");
  if (period !== undefined) return timeOf(period);
  const closing = findAll(statement, "Bal").filter((b) => textOf(b, "Tp", "CdOrPrtry", "Cd") === "CLBD");
  const days = closing.flatMap((b) => timeOf(textOf(b, "Dt", "Dt")?.slice(0, 10)) ?? []);
  const last = days.reduce((latest, day) => day > latest ? day : latest, 0n);
  return last === 0n ? undefined : last + DAY;
}

/** The account that a statement is about. */
function accountOf(statement: XmlElement): string | undefined {
  const account = find(statement, "Acct");
  return payto(textOf(account, "Id", "IBAN"), textOf(account, "Ownr", "Nm") ?? textOf(account, "Nm"));
}

/** Why an account cannot be told by its IBAN. */
function ibanFault(iban: string | undefined): string {
  if (iban === undefined) return "the account has no IBAN";
  return `the account's IBAN ${JSON.stringify(iban.slice(0, 50))} is malformed`;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Transfers from a bank statement in ISO 20022 form, camt.053.001.02, .04 or .08: all booked entries in both directions,
 * whatever they are for. Such statements have no row ids; dates are mostly days without a time.
 */

import { type Amount, formatAmount, parseAmount } from "../taler/amount.ts";
import { DAY, DB_NEVER, parseTime } from "../taler/time.ts";
import type { Direction } from "./history.ts";
import type { Period } from "./periods.ts";
import { type Skipped, type Statement, type StatementLine, uniqueReferences, type Unreadable } from "./statement.ts";
import { sameAccount } from "./transaction.ts";
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
  const lines: StatementLine[] = [];
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
    const fault = readStatement(statement, place, lines, skipped);
    if (fault !== undefined) return { fault };
    periods.push(...periodOf(statement));
  }
  if (statements.length === 0) return { fault: "it holds no statement" };
  if (ownAccount === undefined) return { fault: `none of its statements is about account ${paytoUri}` };
  return { numbering: "local", lines: uniqueReferences(lines), skipped, ownAccount, until, periods };
}

/** Takes the entries of a statement, or says why the file cannot be used. */
function readStatement(
  statement: XmlElement,
  place: string,
  lines: StatementLine[],
  skipped: Skipped[],
): string | undefined {
  let sum = 0n;
  for (const [index, entry] of findAll(statement, "Ntry").entries()) {
    const entryPlace = `${place}, entry ${index + 1}`;
    const status = textOf(entry, "Sts", "Cd") ?? textOf(entry, "Sts");
    if (status !== "BOOK") {
      skipped.push({ place: entryPlace, reason: "it is not booked" });
      continue;
    }
    const booked = readEntry(entry, entryPlace);
    if (typeof booked === "string") return `line ${entry.line}, ${entryPlace}: ${booked}`;
    sum += booked.atoms;
    lines.push(...booked.lines);
  }
  return balanceFault(statement, place, sum);
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

/** Opening and closing balance of a statement that has both. */
function balancesOf(statement: XmlElement): [opening: Balance, closing: Balance] | undefined {
  const balances = findAll(statement, "Bal");
  const read = (code: string): Balance | undefined => {
    const balance = balances.find((b) => textOf(b, "Tp", "CdOrPrtry", "Cd") === code);
    const amount = amountOf(find(balance, "Amt"));
    if (amount === undefined) return undefined;
    const day = timeOf(textOf(balance, "Dt", "Dt")?.slice(0, 10));
    // the balance of the day before stands for the beginning of this one
    const date = day !== undefined && code === "PRCD" ? day + DAY : day;
    return { ...amount, atoms: textOf(balance, "CdtDbtInd") === "DBIT" ? -amount.atoms : amount.atoms, date };
  };
  const opening = read("OPBD") ?? read("PRCD"), closing = read("CLBD");
  return opening === undefined || closing === undefined || opening.currency !== closing.currency
    ? undefined
    : [opening, closing];
}

/** What a statement covers, if it says so with both balances. */
function periodOf(statement: XmlElement): Period[] {
  const [opening, closing] = balancesOf(statement) ?? [];
  const opened = timeOf(textOf(statement, "FrToDt", "FrDtTm")) ?? opening?.date, closed = endOf(statement);
  if (opening === undefined || closing === undefined || opened === undefined || closed === undefined) return [];
  return [{ opened, closed, opening: opening.atoms, closing: closing.atoms }];
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

/** A payto URI; the parameter receiver-name belongs to its form even where the bank does not tell the name. */
function payto(iban: string | undefined, name: string | undefined): string | undefined {
  const account = iban?.replace(/\s+/g, "").toUpperCase();
  if (account === undefined || !/^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$/.test(account)) return undefined;
  const encoded = encodeURIComponent((name ?? "").toWellFormed()).replaceAll("'", "%27");
  return `payto://iban/${account}?receiver-name=${encoded}`;
}

/** The transfers of a booked entry, which may be one or a batch, and what it adds to the account; or what is wrong. */
function readEntry(entry: XmlElement, place: string): { lines: StatementLine[]; atoms: bigint } | string {
  const date = dateOf(entry);
  if (date === undefined) return "it has no booking date";
  const amount = amountOf(find(entry, "Amt"));
  if (amount === undefined) {
    const isComma = textOf(entry, "Amt")?.includes(",") === true;
    return `its amount is not readable${isComma ? " (the decimal sign is a point, not a comma)" : ""}`;
  }
  const direction = directionOf(entry);
  if (direction === undefined) return "it is neither credit nor debit";
  const details = findAll(entry, "NtryDtls").flatMap((group) => findAll(group, "TxDtls"));
  const parts = details.length <= 1 ? [{ detail: details[0], amount }] : splitBatch(details, amount, direction);
  const whole = { entry, date, direction };
  const lines =
    parts?.map(({ detail, amount }, index) =>
      readPart(whole, detail, { place: parts.length === 1 ? place : `${place}, part ${index + 1}`, amount, index })
    ) ?? [readPart(whole, undefined, { place, amount, index: 0, other: "batch whose parts do not add up" })];
  return { lines, atoms: direction === "credit" ? amount.atoms : -amount.atoms };
}

function directionOf(element: XmlElement | undefined): Direction | undefined {
  const mark = textOf(element, "CdtDbtInd");
  return mark === "CRDT" ? "credit" : mark === "DBIT" ? "debit" : undefined;
}

/** Amounts of the parts of a batch, in its currency and direction; undefined unless they add up to that of the batch. */
function splitBatch(
  details: readonly XmlElement[],
  total: Amount,
  direction: Direction,
): { detail: XmlElement; amount: Amount }[] | undefined {
  const parts: { detail: XmlElement; amount: Amount }[] = [];
  for (const detail of details) {
    const amount = amountOf(find(detail, "Amt") ?? find(detail, "AmtDtls", "TxAmt", "Amt"));
    if (amount?.currency !== total.currency || (directionOf(detail) ?? direction) !== direction) return undefined;
    parts.push({ detail, amount });
  }
  return parts.reduce((sum, part) => sum + part.amount.atoms, 0n) === total.atoms ? parts : undefined;
}

/** An entry as a whole. */
interface Entry {
  readonly entry: XmlElement;
  readonly date: bigint;
  readonly direction: Direction;
}

/** The transfer of an entry without or with details; `other` says why it is none of the exchange's, if that is known. */
function readPart(
  { entry, date, direction }: Entry,
  detail: XmlElement | undefined,
  { place, amount, index, other }: { place: string; amount: Amount; index: number; other?: string },
): StatementLine {
  const subject = findAll(find(detail, "RmtInf"), "Ustrd").map((line) => line.text).join(" ") ||
    (textOf(detail, "AddtlTxInf") ?? textOf(entry, "AddtlNtryInf") ?? "");
  const side = direction === "credit" ? "Dbtr" : "Cdtr";
  const parties = find(detail, "RltdPties");
  const name = textOf(parties, side, "Pty", "Nm") ?? textOf(parties, side, "Nm");
  const reference = referenceOf(entry, detail, index);
  return {
    place,
    line: entry.line,
    rowId: undefined,
    // with the day, because banks begin to count anew
    reference: reference === undefined ? undefined : `${reference} ${direction} ${date}`,
    direction,
    date,
    amount,
    subject,
    other: other ?? undoes(entry, detail),
    counterpart: payto(textOf(parties, `${side}Acct`, "Id", "IBAN"), name) ?? "",
  };
}

/** Why an entry only undoes another, if it does. */
function undoes(entry: XmlElement, detail: XmlElement | undefined): string | undefined {
  if (textOf(entry, "RvslInd") === "true") return "reverses another entry";
  return find(detail, "RtrInf") === undefined ? undefined : "payment that came back";
}

/** What banks write where they have no reference. */
const NO_REFERENCE = /^(NONREF|NOTPROVIDED|NOT PROVIDED|0+)$/i;

/** The bank's own reference of a transfer; undefined if it gave none. */
function referenceOf(entry: XmlElement, detail: XmlElement | undefined, index: number): string | undefined {
  const usable = (text: string | undefined) => text === undefined || NO_REFERENCE.test(text) ? undefined : text;
  const own = usable(textOf(detail, "Refs", "AcctSvcrRef")) ?? usable(textOf(detail, "Refs", "TxId"));
  if (own !== undefined) return own;
  const shared = usable(textOf(entry, "AcctSvcrRef")) ?? usable(textOf(entry, "NtryRef"));
  return shared === undefined ? undefined : `${shared} part ${index + 1}`;
}

/** When an entry was booked, µs: a time, or the beginning of a day in UTC. */
function dateOf(entry: XmlElement): bigint | undefined {
  return timeOf(textOf(entry, "BookgDt", "DtTm") ?? textOf(entry, "BookgDt", "Dt")?.slice(0, 10));
}

/** A time or a day of ISO 8601, µs. */
function timeOf(text: string | undefined): bigint | undefined {
  const time = text === undefined || !/^\d{4}-/.test(text) ? undefined : parseTime(text);
  return time === undefined || time >= DB_NEVER ? undefined : time;
}

function amountOf(element: XmlElement | undefined): Amount | undefined {
  return element === undefined ? undefined : parseAmount(`${element.attributes.get("Ccy") ?? ""}:${element.text}`);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Booked entries of a camt.053 statement: single transfers, batches, reversals, fees. */

import { type Amount, parseAmount } from "../taler/amount.ts";
import { DB_NEVER, parseTime } from "../taler/time.ts";
import type { Direction } from "./history.ts";
import type { StatementLine } from "./statement.ts";
import { sameAccount, UNKNOWN_PARTY } from "./transaction.ts";
import { find, findAll, textOf, type XmlElement } from "./xml.ts";

/** An entry as a whole. */
interface Entry {
  readonly entry: XmlElement;
  readonly date: bigint;
  /** What it adds to the account, atoms. */
  readonly total: bigint;
  readonly currency: string;
  readonly place: string;
  /** Payto URI of the account that the statement is about. */
  readonly own: string;
}

/** A transfer within an entry; `atoms` is what it adds to the account. */
interface Part {
  readonly detail: XmlElement | undefined;
  readonly atoms: bigint;
  readonly other?: string;
}

/**
 * The transfers of a booked entry and what it adds to the account, atoms; or what is wrong with it.
 * @param own payto URI of the account that the statement is about
 */
export function readEntry(
  entry: XmlElement,
  place: string,
  own: string,
): { lines: StatementLine[]; atoms: bigint } | string {
  const date = timeOf(textOf(entry, "BookgDt", "DtTm") ?? textOf(entry, "BookgDt", "Dt")?.slice(0, 10));
  if (date === undefined) return "it has no booking date";
  const amount = amountOf(find(entry, "Amt"));
  if (amount === undefined) {
    const isComma = textOf(entry, "Amt")?.includes(",") === true;
    return `its amount is not readable${isComma ? " (the decimal sign is a point, not a comma)" : ""}`;
  }
  const sign = signOf(entry);
  if (sign === undefined) return "it is neither credit nor debit";
  const whole = { entry, date, total: sign * amount.atoms, currency: amount.currency, place, own };
  const details = findAll(entry, "NtryDtls").flatMap((group) => findAll(group, "TxDtls"));
  const parts = takeApart(whole, details, sign);
  const lines = parts.map((part, index) => readPart(whole, part, parts.length === 1 ? undefined : index + 1));
  return { lines, atoms: whole.total };
}

/** 1 for a credit, -1 for a debit. */
function signOf(element: XmlElement | undefined): bigint | undefined {
  const mark = textOf(element, "CdtDbtInd");
  return mark === "CRDT" ? 1n : mark === "DBIT" ? -1n : undefined;
}

/**
 * The transfers of an entry. What they leave over of its amount, such as charges, is a part of its own, so that the
 * parts always come to the whole. An entry with an amount that cannot be read stays whole.
 */
function takeApart({ total, currency }: Entry, details: readonly XmlElement[], sign: bigint): Part[] {
  const parts: Part[] = [];
  for (const detail of details) {
    const amount = amountOf(find(detail, "Amt") ?? find(detail, "AmtDtls", "TxAmt", "Amt"));
    if (amount?.currency !== currency) {
      const other = details.length > 1 ? { other: "batch with parts that cannot be read" } : {};
      return [{ detail: details.length > 1 ? undefined : detail, atoms: total, ...other }];
    }
    parts.push({ detail, atoms: (signOf(detail) ?? sign) * amount.atoms });
  }
  const rest = total - parts.reduce((sum, part) => sum + part.atoms, 0n);
  if (parts.length === 0) return [{ detail: undefined, atoms: total }];
  return rest === 0n
    ? parts
    : [...parts, { detail: undefined, atoms: rest, other: "charges, or what else parts leave over" }];
}

/** The transfer of a part; `number` counts the parts of an entry that has several. */
function readPart(
  { entry, date, currency, place, own }: Entry,
  { detail, atoms, other }: Part,
  number: number | undefined,
): StatementLine {
  const direction: Direction = atoms < 0n ? "debit" : "credit";
  const subject = findAll(find(detail, "RmtInf"), "Ustrd").map((line) => line.text).join(" ") ||
    (textOf(detail, "AddtlTxInf") ?? textOf(entry, "AddtlNtryInf") ?? "");
  const amount = { currency, atoms: atoms < 0n ? -atoms : atoms };
  const reference = referenceOf(entry, detail);
  return {
    place: number === undefined ? place : `${place}, part ${number}`,
    line: entry.line,
    rowId: undefined,
    // with day and amount, because banks begin to count anew; the parts of a batch may share one
    reference: reference === undefined
      ? undefined
      : `${reference} ${number ?? 1} ${direction} ${date} ${currency} ${amount.atoms}`,
    direction,
    date,
    amount,
    subject,
    other: other ?? undoes(entry, detail),
    counterpart: counterpartOf(find(detail, "RltdPties"), direction, own),
  };
}

/** Why an entry only undoes another, if it does. */
function undoes(entry: XmlElement, detail: XmlElement | undefined): string | undefined {
  if (textOf(entry, "RvslInd") === "true") return "reverses another entry";
  return find(detail, "RtrInf") === undefined ? undefined : "payment that came back";
}

/**
 * The account on the other side. Of a payment that came back, banks name the parties of the original: it is always the
 * one that is not ours.
 */
function counterpartOf(parties: XmlElement | undefined, direction: Direction, own: string): string {
  const sides = direction === "credit" ? ["Dbtr", "Cdtr"] : ["Cdtr", "Dbtr"];
  const nameOf = (side: string) => textOf(parties, side, "Pty", "Nm") ?? textOf(parties, side, "Nm");
  for (const side of sides) {
    const uri = payto(textOf(parties, `${side}Acct`, "Id", "IBAN"), nameOf(side));
    if (uri !== undefined && !sameAccount(uri, own)) return uri;
  }
  for (const side of sides) {
    const id = textOf(parties, `${side}Acct`, "Id", "Othr", "Id");
    if (id !== undefined) return `payto://other/${encode(id)}?receiver-name=${encode(nameOf(side) ?? "")}`;
  }
  const name = sides.map(nameOf).find((name) => name !== undefined);
  return name === undefined ? "" : `${UNKNOWN_PARTY}?receiver-name=${encode(name)}`;
}

/** A payto URI; the parameter receiver-name belongs to its form even where the bank does not tell the name. */
export function payto(iban: string | undefined, name: string | undefined): string | undefined {
  const account = iban?.replace(/\s+/g, "").toUpperCase();
  if (account === undefined || !/^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$/.test(account)) return undefined;
  return `payto://iban/${account}?receiver-name=${encode(name ?? "")}`;
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll("'", "%27");
}

/** What banks write where they have no reference. */
const NO_REFERENCE = /^(NONREF|NOTPROVIDED|NOT PROVIDED|0+)$/i;

/** The bank's own reference of a transfer; undefined if it gave none. `NtryRef` counts within a statement only. */
function referenceOf(entry: XmlElement, detail: XmlElement | undefined): string | undefined {
  const candidates = [
    textOf(detail, "Refs", "AcctSvcrRef"),
    textOf(detail, "Refs", "TxId"),
    textOf(entry, "AcctSvcrRef"),
  ];
  return candidates.find((text) => text !== undefined && text !== "" && !NO_REFERENCE.test(text));
}

/** A time or a day of ISO 8601, µs. */
export function timeOf(text: string | undefined): bigint | undefined {
  const time = text === undefined || !/^\d{4}-/.test(text) ? undefined : parseTime(text);
  return time === undefined || time >= DB_NEVER ? undefined : time;
}

/** The amount of an element with its currency. */
export function amountOf(element: XmlElement | undefined): Amount | undefined {
  return element === undefined ? undefined : parseAmount(`${element.attributes.get("Ccy") ?? ""}:${element.text}`);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Bank history as text for people and as JSON for programs. */

import type { BankAnomaly } from "../core/bank/history.ts";
import type { StoredAnomaly } from "../core/bank/store-rows.ts";
import { subjectText as otherText, type Transaction } from "../core/bank/transaction.ts";
import { formatAmount } from "../core/taler/amount.ts";
import { encodeBase32 } from "../core/taler/base32.ts";
import { formatTime } from "../core/taler/time.ts";
import { printWarning } from "./schema-tool.ts";

/** `1 credit`, `2 credits`; `many` for words that do not just get an s. */
export function count(number: number | bigint, one: string, many = `${one}s`): string {
  return `${number} ${BigInt(number) === 1n ? one : many}`;
}

/** Anomalies shown one by one: a bank that forgets all makes one for each transfer. */
const SHOWN_MAX = 20;

/** Warns of anomalies. */
export function printAnomalies(anomalies: readonly BankAnomaly[]): void {
  for (const anomaly of anomalies.slice(0, SHOWN_MAX)) printWarning(anomalyText(anomaly));
  const more = anomalies.length - SHOWN_MAX;
  if (more > 0) printWarning(`${more} more anomalies; bank show --anomalies lists them all`);
}

/** One line about an anomaly. */
function anomalyText({ account, direction, rowId, amount, kind, diagnostic }: BankAnomaly): string {
  const money = formatAmount(amount.currency, amount.atoms);
  if (kind === "balance") return `${account}: ${money} ${KIND_TEXT[kind]}: ${diagnostic}`;
  return `${account}: ${direction} ${rowId} over ${money} ${KIND_TEXT[kind]}: ${diagnostic}`;
}

const KIND_TEXT: Record<BankAnomaly["kind"], string> = {
  duplicate: "was reported twice",
  late: "came late",
  changed: "has changed",
  vanished: "has vanished",
  balance: "is missing, or there twice",
};

/**
 * Transfers as a table, one line each.
 *
 * @param width columns that it may take; what is longer is shortened. Undefined: everything in full
 */
export function transactionsText(transactions: readonly Transaction[], width?: number): string {
  if (transactions.length === 0) return "No transactions.";
  const rows = transactions.map((row) => [
    row.account,
    row.direction,
    row.rowId.toString(),
    formatTime(row.date),
    formatAmount(row.amount.currency, row.amount.atoms),
    row.kind,
    subjectText(row),
    row.counterpart,
  ]);
  const header = ["account", "direction", "row", "date", "amount", "type", "subject", "counterpart"];
  return table([header, ...(width === undefined ? rows : fit(header, rows, width))], [2, 4]);
}

/** Columns that give way, in this order, down to what still tells transfers apart. */
const YIELDING: readonly { column: number; least: number; shorten: (text: string, width: number) => string }[] = [
  { column: 6, least: 13, shorten: shortSubject },
  { column: 3, least: 20, shorten: (text) => text.replace(/\.\d+Z$/, "Z") },
  { column: 7, least: 20, shorten: shortPayto },
  { column: 0, least: 10, shorten: middle },
  { column: 7, least: 12, shorten: shortPayto },
  { column: 6, least: 9, shorten: shortSubject },
];

/** Shortens cells until the table is no wider than it may be. */
function fit(header: readonly string[], rows: readonly string[][], width: number): string[][] {
  const cells = rows.map((row) => [...row]);
  for (const { column, least, shorten } of YIELDING) {
    const widths = columnWidths([header, ...cells]);
    const excess = widths.reduce((sum, each) => sum + each, 2 * (widths.length - 1)) - width;
    if (excess <= 0) break;
    const target = Math.max(least, (widths[column] ?? 0) - excess);
    for (const [index, row] of cells.entries()) row[column] = shorten(rows[index]?.[column] ?? "", target);
  }
  return cells;
}

/** The beginning and the end of a text. */
function middle(text: string, width: number): string {
  if (text.length <= width) return text;
  const tail = Math.floor((width - 1) / 2);
  return `${text.slice(0, width - 1 - tail)}…${text.slice(text.length - tail)}`;
}

/** The key alone, without the exchange's URL behind it; of a text without key the beginning and the end. */
function shortSubject(text: string, width: number): string {
  if (text.length <= width) return text;
  return middle(text.startsWith('"') ? text : text.split(" ", 1)[0] ?? "", width);
}

/** A payto URI without its parameters; of a long one the beginning, and the end of the account. */
function shortPayto(text: string, width: number): string {
  if (text.length <= width) return text;
  const account = text.split("?", 1)[0] ?? "";
  return account.length < width ? `${account}…` : middle(account, width);
}

/** Transfers for programs: amounts as `CUR:V.F`, times in ISO 8601, keys in base32, subjects of type OTHER as text. */
export function transactionsJson(transactions: readonly Transaction[]): unknown {
  return transactions.map((row) => ({
    account: row.account,
    direction: row.direction,
    row_id: jsonInteger(row.rowId),
    date: formatTime(row.date),
    amount: formatAmount(row.amount.currency, row.amount.atoms),
    type: row.kind,
    subject: row.kind === "OTHER" ? otherText(row.subject) : encodeBase32(row.subject),
    ...(row.url === undefined ? {} : { exchange_base_url: row.url }),
    counterpart: row.counterpart,
  }));
}

/** Anomalies as lines, the settled ones with the time they were. */
export function anomaliesText(anomalies: readonly StoredAnomaly[]): string {
  if (anomalies.length === 0) return "No anomalies.";
  return anomalies.map((anomaly) => {
    const over = anomaly.settled === undefined ? "" : `; it was back at ${formatTime(anomaly.settled)}`;
    return `${formatTime(anomaly.firstSeen)}  ${anomalyText(anomaly)}${over}`;
  }).join("\n");
}

/** Anomalies for programs. */
export function anomaliesJson(anomalies: readonly StoredAnomaly[]): unknown {
  return anomalies.map((anomaly) => ({
    account: anomaly.account,
    direction: anomaly.direction,
    row_id: jsonInteger(anomaly.rowId),
    amount: formatAmount(anomaly.amount.currency, anomaly.amount.atoms),
    kind: anomaly.kind,
    diagnostic: anomaly.diagnostic,
    first_seen: formatTime(anomaly.firstSeen),
    ...(anomaly.settled === undefined ? {} : { settled: formatTime(anomaly.settled) }),
  }));
}

function subjectText({ kind, subject, url }: Transaction): string {
  if (kind === "OTHER") return JSON.stringify(otherText(subject));
  return url === undefined ? encodeBase32(subject) : `${encodeBase32(subject)} ${url}`;
}

/** A number where a program can read it exactly, else its digits. */
function jsonInteger(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

function columnWidths(rows: readonly (readonly string[])[]): number[] {
  const widest = (column: number) => rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0);
  return rows[0]?.map((_, column) => widest(column)) ?? [];
}

function table(rows: readonly string[][], right: readonly number[]): string {
  const widths = columnWidths(rows);
  const cell = (text: string, column: number) => {
    const width = widths[column] ?? 0;
    return right.includes(column) ? text.padStart(width) : text.padEnd(width);
  };
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n");
}

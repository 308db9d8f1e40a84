// SPDX-License-Identifier: AGPL-3.0-or-later
/** Transfers from a CSV file (RFC 4180), for banks that have neither a wire gateway nor camt.053. */

import { parseAmount } from "../taler/amount.ts";
import { DB_NEVER, parseTime } from "../taler/time.ts";
import type { Statement, StatementLine, Unreadable } from "./statement.ts";
import { MAX_ROW_ID } from "./transaction.ts";
import { isPaytoLike } from "./wire-format.ts";

/** Columns that a file must have, in any order; others are ignored. */
const CSV_COLUMNS = ["row_id", "date", "direction", "amount", "subject", "counterpart"] as const;

/**
 * Reads a CSV file whose first line names the columns: `row_id` the bank's number of the transfer, ascending with time;
 * `date` ISO 8601 or µs since 1970; `direction` credit or debit; `amount` CUR:VALUE; `subject` as in crypto.md 9.2;
 * `counterpart` payto URI of the other side, empty if there is none. One malformed line makes the whole file unusable.
 */
export function parseCsvStatement(text: string): Statement | Unreadable {
  const records = parseCsv(text.replace(/^\ufeff/, ""));
  if ("fault" in records) return records;
  const [header, ...body] = records;
  const names = header?.fields.map((name) => name.trim().toLowerCase()) ?? [];
  const missing = CSV_COLUMNS.filter((name) => !names.includes(name));
  if (missing.length > 0) return { fault: `the first line does not name the columns ${missing.join(", ")}` };
  const twice = CSV_COLUMNS.find((name) => names.indexOf(name) !== names.lastIndexOf(name));
  if (twice !== undefined) return { fault: `the first line names column ${twice} twice` };
  const lines: StatementLine[] = [];
  for (const { fields, line } of body) {
    const read = fields.length === names.length
      ? readLine(line, (name) => fields[names.indexOf(name)]?.trim() ?? "")
      : `${fields.length} fields, where the first line has ${names.length}${fieldsHint(fields, names.length)}`;
    if (typeof read === "string") return { fault: `line ${line}: ${read}` };
    lines.push(read);
  }
  return { numbering: "bank", lines, skipped: [], ownAccount: undefined };
}

/** A line's transfer, or what is wrong with it. */
function readLine(line: number, field: (name: typeof CSV_COLUMNS[number]) => string): StatementLine | string {
  const rowId = /^\d{1,19}$/.test(field("row_id")) ? BigInt(field("row_id")) : 0n;
  if (rowId < 1n || rowId > MAX_ROW_ID) return "row_id is not an integer from 1 to 2^63-1";
  const date = parseTime(field("date"));
  if (date === undefined || date >= DB_NEVER) return "date is neither ISO 8601 nor µs since 1970";
  const direction = field("direction").toLowerCase();
  if (direction !== "credit" && direction !== "debit") return "direction is neither credit nor debit";
  const amount = parseAmount(field("amount"));
  if (amount === undefined) return `amount is not of the form CURRENCY:VALUE.FRACTION${amountHint(field("amount"))}`;
  const counterpart = field("counterpart");
  if (counterpart !== "" && !isPaytoLike(counterpart)) {
    return "counterpart is not a URI of the form payto://METHOD/ACCOUNT";
  }
  const place = `line ${line}`;
  const subject = field("subject");
  return { place, line, rowId, reference: undefined, direction, date, amount, subject, other: undefined, counterpart };
}

/** A decimal comma without quotes makes two fields of an amount. */
function fieldsHint(fields: readonly string[], expected: number): string {
  const split = fields.some((field, at) =>
    /^[A-Z]+:\d+$/.test(field.trim()) && /^\d+$/.test(fields[at + 1]?.trim() ?? "")
  );
  return fields.length > expected && split ? " (a decimal comma? the decimal sign of an amount is a point)" : "";
}

function amountHint(text: string): string {
  return /\d,\d/.test(text) ? " (the decimal sign is a point, not a comma)" : "";
}

/** A record and the number of the line it begins on. */
interface CsvRecord {
  readonly fields: string[];
  readonly line: number;
}

/**
 * Splits a text into records by RFC 4180: fields separated by commas, records by CRLF or LF, quotes around fields that
 * hold either, doubled inside. Empty lines are left out.
 */
export function parseCsv(text: string): CsvRecord[] | Unreadable {
  const records: CsvRecord[] = [];
  const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r\n|\n|$)/y;
  let fields: string[] = [];
  let line = 1;
  let start = 1;
  while (field.lastIndex < text.length || fields.length > 0) {
    const match = field.exec(text);
    if (match === null) return { fault: `line ${line}: a quote is missing, or stands inside a field without quotes` };
    const [all, quoted, plain, separator] = match;
    fields.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    line += all.split("\n").length - 1;
    if (separator === ",") continue;
    if (fields.length > 1 || fields[0] !== "") records.push({ fields, line: start });
    fields = [];
    start = line;
  }
  return records;
}

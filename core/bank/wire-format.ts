// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The answers of a wire gateway, from text to checked rows (crypto.md 9.1, audit-wire-deposits-purses.md 0.8). They are
 * hostile input: a page is used as a whole or not at all, and a message never repeats free text from it, so that a bank
 * cannot write into the operator's log what it was told in secret.
 */

import { type Amount, parseAmount } from "../taler/amount.ts";
import { decodeBase32 } from "../taler/base32.ts";
import { paytoMethod } from "../taler/payto.ts";
import { DB_NEVER, NEVER, SECOND } from "../taler/time.ts";
import type { BankAnomaly, BankCredit, BankDebit, Direction } from "./history.ts";
import { MAX_ROW_ID } from "./transaction.ts";

/** What was asked for, which the answer has to fit. */
export interface PageRequest {
  /** Section name, copied into the rows. */
  readonly account: string;
  readonly limit: number;
  /** Rows come from the largest row id downwards. */
  readonly descending: boolean;
  /** Row ids are above this one, or below it if descending; undefined: no bound. */
  readonly offset: bigint | undefined;
}

/** A page of a history that has passed all checks. */
export interface Page<T> {
  /** The account's own payto URI as the bank names it; undefined if it gave no page at all (204). */
  readonly ownAccount: string | undefined;
  readonly rows: T[];
}

/** Why an answer is not usable, and what it shows about the bank's history itself. */
export interface Fault {
  readonly fault: string;
  readonly anomaly?: BankAnomaly;
}

/** The answer to `GET config`. */
export interface GatewayConfig {
  /** First number of the version: the newest protocol that the gateway speaks. */
  readonly version: number;
  readonly currency: string | undefined;
}

/** Name that a wire gateway gives itself. */
const GATEWAY_NAME = "taler-wire-gateway";

/** Longest payto URI and URL: far beyond honest ones, and no burden for the database. */
const TEXT_MAX = 2048;

/** Raised inside this file only; becomes the fault of the result. */
class Malformed extends Error {
  constructor(message: string, readonly anomaly?: BankAnomaly) {
    super(message);
  }
}

type Fields = Record<string, unknown>;

/** Reads the answer to `history/incoming`, or says what is wrong with it. */
export function parseIncoming(text: string, request: PageRequest): Page<BankCredit> | Fault {
  return parsePage(text, request, "credit", (row, common) => ({ ...common, ...readSubject(row) }));
}

/** Reads the answer to `history/outgoing`, or says what is wrong with it. */
export function parseOutgoing(text: string, request: PageRequest): Page<BankDebit> | Fault {
  return parsePage(text, request, "debit", (row, { debitAccount: _, ...common }) => ({
    ...common,
    wtid: readBytes(row, "wtid", 32),
    exchangeBaseUrl: readUrl(row, "exchange_base_url"),
    creditAccount: readPayto(row, "credit_account"),
  }));
}

/** Reads the answer to `config`, or says what is wrong with it. */
export function parseConfig(text: string): GatewayConfig | Fault {
  return verdict(() => {
    const fields = asObject(parseJson(text), "the answer");
    if (fields["name"] !== GATEWAY_NAME) throw new Malformed(`the service does not call itself ${GATEWAY_NAME}`);
    const version = /^(\d{1,6}):\d{1,6}:\d{1,6}$/.exec(readText(fields, "version"));
    if (version === null) throw new Malformed("version is not of the form CURRENT:REVISION:AGE");
    const currency = fields["currency"];
    return { version: Number(version[1]), currency: typeof currency === "string" ? currency.slice(0, 11) : undefined };
  });
}

function verdict<T>(read: () => T): T | Fault {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return error.anomaly === undefined ? { fault: error.message } : { fault: error.message, anomaly: error.anomaly };
  }
}

/** The parts that both directions have; `debitAccount` is read for credits only. */
interface Common {
  account: string;
  rowId: bigint;
  date: bigint;
  amount: Amount;
  debitAccount: string;
}

const ENVELOPE = {
  credit: { own: "credit_account", list: "incoming_transactions" },
  debit: { own: "debit_account", list: "outgoing_transactions" },
} as const;

function parsePage<T>(
  text: string,
  request: PageRequest,
  direction: Direction,
  complete: (row: Fields, common: Common) => T,
): Page<T> | Fault {
  return verdict(() => {
    const envelope = asObject(parseJson(text), "the answer");
    const { own, list } = ENVELOPE[direction];
    const ownAccount = readPayto(envelope, own);
    const values = envelope[list];
    if (!Array.isArray(values)) throw new Malformed(`${list} is not a list`);
    if (values.length > request.limit) {
      throw new Malformed(`${values.length} transactions, though no more than ${request.limit} were asked for`);
    }
    const seen = new Set<bigint>();
    let previous = request.offset;
    const rows = values.map((value: unknown, index) => {
      const row = asObject(value, `entry ${index + 1} of ${list}`);
      const rowId = readRowId(row, index);
      return at(rowId, () => {
        const common = readCommon(row, rowId, request.account, direction);
        checkOrder(common, previous, seen, request, direction);
        previous = rowId;
        return complete(row, common);
      });
    });
    return { ownAccount, rows };
  });
}

/** Adds the row to the message of a fault inside it. */
function at<T>(rowId: bigint, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    throw new Malformed(`row ${rowId}: ${error.message}`, error.anomaly);
  }
}

function readCommon(row: Fields, rowId: bigint, account: string, direction: Direction): Common {
  return {
    account,
    rowId,
    date: readDate(row),
    amount: readAmountText(row),
    debitAccount: direction === "credit" ? readPayto(row, "debit_account") : "",
  };
}

/** Row ids strictly ascend (or descend) from the offset; a repeated one is an anomaly of its own (WC-R9). */
function checkOrder(
  { account, rowId, amount }: Common,
  previous: bigint | undefined,
  seen: Set<bigint>,
  { descending, offset }: PageRequest,
  direction: Direction,
): void {
  if (seen.has(rowId)) {
    const diagnostic = "the bank reported one row id twice in one answer";
    throw new Malformed("the row id appears twice", {
      account,
      direction,
      rowId,
      amount,
      kind: "duplicate",
      diagnostic,
    });
  }
  seen.add(rowId);
  if (previous === undefined || (descending ? rowId < previous : rowId > previous)) return;
  if (seen.size === 1 && offset !== undefined) {
    throw new Malformed(`not ${descending ? "below" : "above"} row ${offset}, where reading was to begin`);
  }
  throw new Malformed(`row ids do not ${descending ? "descend" : "ascend"}`);
}

/** The subject of a credit, by its type (crypto.md 9.1). */
function readSubject(row: Fields): Pick<BankCredit, "kind" | "subject" | "originExchangeUrl"> {
  const type = readText(row, "type").toUpperCase();
  switch (type) {
    case "RESERVE":
      return { kind: type, subject: readBytes(row, "reserve_pub", 32), originExchangeUrl: undefined };
    case "KYCAUTH":
      return { kind: type, subject: readBytes(row, "account_pub", 32), originExchangeUrl: undefined };
    case "WAD":
      return {
        kind: type,
        subject: readBytes(row, "wad_id", 24),
        originExchangeUrl: readUrl(row, "origin_exchange_url"),
      };
    default:
      throw new Malformed("the type is none of RESERVE, KYCAUTH, WAD");
  }
}

function readRowId(row: Fields, index: number): bigint {
  const value = row["row_id"];
  const rowId = typeof value === "bigint" || Number.isSafeInteger(value) ? BigInt(value as number | bigint) : -1n;
  if (rowId < 1n || rowId > MAX_ROW_ID) {
    throw new Malformed(`entry ${index + 1}: row_id is not an integer from 1 to 2^63-1`);
  }
  return rowId;
}

function readDate(row: Fields): bigint {
  const seconds = asObject(row["date"], "date")["t_s"];
  if (seconds === "never") return NEVER;
  if (typeof seconds !== "number" || !Number.isSafeInteger(seconds) || seconds < 0) {
    throw new Malformed("date is not of the form {t_s: SECONDS}");
  }
  const time = BigInt(seconds) * SECOND;
  if (time >= DB_NEVER) throw new Malformed("date is beyond all times that can be stored");
  return time;
}

function readAmountText(row: Fields): Amount {
  const amount = parseAmount(readText(row, "amount"));
  if (amount === undefined) throw new Malformed("amount is not of the form CURRENCY:VALUE.FRACTION within its range");
  return amount;
}

function readBytes(row: Fields, name: string, length: number): Uint8Array {
  const bytes = decodeBase32(readText(row, name), length);
  if (bytes === undefined) throw new Malformed(`${name} is not the base32 form of ${length} bytes`);
  return bytes;
}

/** A text that is plausible as payto URI; whether it names an account is for the audit to say (WC-4). */
function readPayto(row: Fields, name: string): string {
  const uri = readText(row, name);
  if (!isPaytoLike(uri)) throw new Malformed(`${name} is not a URI of the form payto://METHOD/ACCOUNT`);
  return uri;
}

/** True for a text that begins like a payto URI and holds neither control characters nor broken Unicode. */
export function isPaytoLike(text: string): boolean {
  if (text.length > TEXT_MAX || !text.isWellFormed()) return false;
  // deno-lint-ignore no-control-regex -- control characters are what this looks for
  return (paytoMethod(text) ?? "") !== "" && !/[\x00-\x1f\x7f-\x9f]/.test(text);
}

function readUrl(row: Fields, name: string): string {
  const url = readText(row, name);
  if (!isWebUrl(url)) throw new Malformed(`${name} is not a URL beginning with http:// or https://`);
  return url;
}

/** True for a URL as JSON messages may hold it (crypto.md 1.8). */
export function isWebUrl(text: string): boolean {
  return text.length <= TEXT_MAX && /^https?:\/\/[A-Za-z0-9/:;&?\-.,=_~%+#]+$/i.test(text);
}

function readText(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new Malformed(`${name} is ${value === undefined ? "missing" : "not a text"}`);
  return value;
}

function asObject(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Malformed(`${what} is ${value === undefined ? "missing" : "not an object"}`);
  }
  // without a prototype, so that no name of a field finds anything but what the bank wrote
  return Object.assign(Object.create(null), value);
}

/** Parses JSON; integers beyond 2^53 become bigint, so that a row id is never rounded to another one. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
      if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
      return /^-?\d{1,20}$/.test(context?.source ?? "") ? BigInt(context?.source ?? "") : value;
    });
  } catch (error) {
    // Nesting beyond the parser's stack is as little JSON for us as a syntax error.
    if (error instanceof SyntaxError || error instanceof RangeError) throw new Malformed("the answer is not JSON");
    throw error;
  }
}

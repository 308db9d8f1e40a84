// SPDX-License-Identifier: AGPL-3.0-or-later
/** Transfers from a file the bank gave out, into the store: all of the file or nothing. */

import { utf8Bytes } from "../crypto/hash.ts";
import type { Sql, TransactionSql } from "../db/connect.ts";
import type { Amount } from "../taler/amount.ts";
import { type BankAnomaly, BankError, type Direction } from "./history.ts";
import { insertTransactions, type Numbering, registerAccount, storeFileRows } from "./store.ts";
import { completeFile } from "./store-statements.ts";
import type { Coverage, Period } from "./periods.ts";
import { readAccount } from "./store-history.ts";
import { parseCreditSubject, parseDebitSubject } from "./subject.ts";
import { contentHash, sameAccount, type Transaction } from "./transaction.ts";

/** A transfer as a file tells it, before its subject was looked at. */
export interface StatementLine {
  /** Where it stands in the file, for messages. */
  readonly place: string;
  /** Line of the file on which it begins, from 1. */
  readonly line: number;
  /** Row id of the bank, undefined if the file has none. */
  readonly rowId: bigint | undefined;
  /** What identifies the transfer where there is no row id, unique within the file. */
  readonly reference: string | undefined;
  readonly direction: Direction;
  /** µs. */
  readonly date: bigint;
  readonly amount: Amount;
  readonly subject: string;
  /** Why it is no transfer by the exchange's software, whatever its subject says; undefined: the subject tells. */
  readonly other: string | undefined;
  /** Payto URI of the other side, empty if the file names none. */
  readonly counterpart: string;
  /** It belongs to a statement that names the balances before and after. */
  readonly balanced?: boolean;
}

/** A transfer that is stored as what the exchange's software did not make, and why. */
export interface OtherLine {
  readonly line: StatementLine;
  readonly reason: string;
}

/** An entry or statement that is not imported, and why. */
export interface Skipped {
  readonly place: string;
  readonly reason: string;
}

/** What a file holds. */
export interface Statement {
  /** Whether the file has the bank's row ids. */
  readonly numbering: Numbering;
  readonly lines: readonly StatementLine[];
  readonly skipped: readonly Skipped[];
  /** Payto URI of the account that the file is about, if it says so. */
  readonly ownAccount: string | undefined;
  /** Up to when it has all transfers, µs, if it says so. */
  readonly until?: bigint | undefined;
  /** What its statements cover, as far as they say it with their balances. */
  readonly periods?: readonly Period[];
}

/** A file that cannot be used at all; nothing of it was taken. */
export interface Unreadable {
  readonly fault: string;
}

/** What an import of a file did. */
export interface StatementOutcome {
  readonly added: number;
  /** Transfers that were in the store already. */
  readonly known: number;
  readonly others: OtherLine[];
  readonly skipped: readonly Skipped[];
  /** What all statements that were imported cover, where they name their balances. */
  readonly coverage: Coverage | undefined;
  /** Anomalies that were not known before. */
  readonly anomalies: BankAnomaly[];
}

/**
 * The first transfer in another currency, whether or not its subject can be used. A gateway's are for the audit to judge
 * (WC-R7); a file in another currency is of another account, and would leave its numbers in the store for good.
 */
export function foreignLine({ lines }: Statement, currency: string): StatementLine | undefined {
  return lines.find(({ amount }) => amount.currency !== currency);
}

/** Longest text of a transfer without identifier that is kept. */
const TEXT_MAX = 1000;

/** Understands the subjects. What holds no identifier is kept with its text. */
export function readSubjects(
  account: string,
  statement: Statement,
): { rows: { line: StatementLine; transaction: Transaction }[]; others: OtherLine[] } {
  const others: OtherLine[] = [];
  const rows = statement.lines.map((line) => {
    const { direction, rowId = 0n, date, amount, counterpart } = line;
    const parse = direction === "credit" ? parseCreditSubject : parseDebitSubject;
    const subject = line.other === undefined ? parse(line.subject) : { reason: line.other };
    if ("reason" in subject) others.push({ line, reason: subject.reason });
    const part = "reason" in subject ? { kind: "OTHER" as const, subject: otherText(line), url: undefined } : subject;
    return { line, transaction: { account, direction, rowId, date, amount, counterpart, ...part } };
  });
  return { rows, others };
}

/** Without what would disturb a terminal or a page: whoever pays in or out chooses the text. */
function otherText({ subject, other }: StatementLine): Uint8Array {
  const readable = subject.replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  const parts = [other, readable].filter((part) => part !== undefined && part !== "");
  return utf8Bytes([...parts.join(": ")].slice(0, TEXT_MAX).join("") || "no subject");
}

/** Up to when a file has all transfers, µs: what it says, else its newest transfer; never later than now. */
function completeUntil({ until, lines }: Statement, now: bigint): bigint {
  const newest = lines.reduce((latest, { date }) => date > latest ? date : latest, 0n);
  const said = until ?? newest;
  return said < now ? said : now;
}

/**
 * Stores what a file says. Importing it again adds nothing.
 *
 * @param paytoUri PAYTO_URI of the account, if configured
 * @throws BankError `configuration` if the file is about another account, or the account's rows are numbered otherwise
 */
export async function importStatement(
  sql: Sql,
  account: string,
  paytoUri: string | undefined,
  statement: Statement,
  now: bigint,
): Promise<StatementOutcome> {
  const { rows, others } = readSubjects(account, statement);
  const { ownAccount, skipped } = statement;
  const expected = paytoUri ?? (await readAccount(sql, account))?.payto;
  if (ownAccount !== undefined && expected !== undefined && !sameAccount(expected, ownAccount)) {
    throw new BankError("configuration", account, `the file is about account ${ownAccount}, not about ${expected}`);
  }
  await registerAccount(sql, account, ["credit", "debit"], statement.numbering);
  const result = await sql.begin(async (tx) => {
    // in the order of the import from a gateway: the progress of each direction, then the account
    await tx`select 1 from auditor_bank.bank_progress where account = ${account} order by direction for update`;
    const stored = statement.numbering === "bank"
      ? { ...await storeFileRows(tx, rows.map((row) => row.transaction), now), balanced: [] }
      : await storeLocal(tx, account, rows, now);
    const { coverage, anomalies } = await completeFile(tx, {
      account,
      ownAccount,
      periods: statement.periods ?? [],
      balanced: stored.balanced,
      until: completeUntil(statement, now),
      now,
    });
    return { added: stored.added, anomalies: [...stored.anomalies, ...anomalies], coverage };
  });
  return { ...result, known: rows.length - result.added, others, skipped };
}

/** Rows of a file without row ids get the next free ones; what identifies them is their reference. */
async function storeLocal(
  tx: TransactionSql,
  account: string,
  rows: readonly { line: StatementLine; transaction: Transaction }[],
  now: bigint,
): Promise<{ added: number; anomalies: BankAnomaly[]; balanced: bigint[] }> {
  const references = rows.map(({ line }) => referenceOf(line));
  const stored = await tx<{ reference: string; row_id: bigint; highest: bigint }[]>`
    select reference, row_id from auditor_bank.bank_transaction
     where account = ${account} and reference = any (${references}::text[])`;
  const [top] = await tx<{ highest: bigint }[]>`
    select coalesce(max(row_id), 0) as highest from auditor_bank.bank_transaction where account = ${account}`;
  const numbers = new Map(stored.map((row) => [row.reference, row.row_id]));
  const fresh = new Map<bigint, string>();
  let highest = top?.highest ?? 0n;
  const numbered = rows.map(({ transaction }, index) => {
    const reference = references[index] ?? "";
    const known = numbers.get(reference);
    if (known !== undefined) return { ...transaction, rowId: known };
    fresh.set(++highest, reference);
    return { ...transaction, rowId: highest };
  });
  await insertTransactions(tx, numbered.filter((row) => fresh.has(row.rowId)), { now, references: fresh });
  const again = numbered.filter((row) => !fresh.has(row.rowId));
  const { anomalies } = await storeFileRows(tx, again, now);
  const balanced = numbered.filter((_, index) => rows[index]?.line.balanced === true).map((row) => row.rowId);
  return { added: fresh.size, anomalies, balanced };
}

function referenceOf({ reference, place }: StatementLine): string {
  if (reference === undefined) throw new Error(`${place} has neither a row id nor a reference`);
  return reference;
}

/**
 * Gives every transfer of a file the reference by which it is known again: the bank's, or else its content, and how often
 * the same came before in its statement. So two that are alike within a statement are two, and one that stands in two
 * statements is one; the file it came in does not matter.
 */
export function uniqueReferences(statements: readonly (readonly StatementLine[])[]): StatementLine[] {
  const known = new Map<string, { content: string; at: number }[]>();
  const all: StatementLine[] = [];
  for (const lines of statements) {
    const taken = new Map<string, Set<number>>();
    for (const line of lines) {
      const content = contentKey(line);
      const base = line.reference ?? content;
      const before = known.get(base) ?? [], used = taken.get(base) ?? new Set();
      known.set(base, before);
      taken.set(base, used);
      const again = before.findIndex((other, time) => other.content === content && !used.has(time));
      used.add(again >= 0 ? again : before.length);
      if (again < 0) {
        before.push({ content, at: all.length });
        all.push({ ...line, reference: before.length === 1 ? base : `${base} #${before.length}` });
      } else if (line.balanced === true) {
        const { at } = before[again]!;
        all[at] = { ...all[at]!, balanced: true };
      }
    }
  }
  return all;
}

function contentKey({ direction, date, amount, subject, other, counterpart }: StatementLine): string {
  const bytes = contentHash({
    account: "",
    direction,
    rowId: 0n,
    date,
    amount,
    kind: "TRANSFER",
    subject: new Uint8Array(0),
    url: other === undefined ? subject : `${other}: ${subject}`,
    counterpart,
  });
  return `content ${direction} ${bytes.toHex()}`;
}

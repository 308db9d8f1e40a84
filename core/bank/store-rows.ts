// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rows of the store's tables as the program keeps them. */

import type { Sql, TransactionSql } from "../db/connect.ts";
import { timeFromDb } from "../taler/time.ts";
import type { Arrived, BankAnomaly, Direction } from "./history.ts";
import type { Transaction, TransactionKind } from "./transaction.ts";

/** Bytes as the server reads them inside JSON. */
export function hex(bytes: Uint8Array): string {
  return `\\x${bytes.toHex()}`;
}

interface StoredTransaction {
  account: string;
  direction: Direction;
  row_id: bigint;
  date: bigint;
  amount: string;
  currency: string;
  kind: TransactionKind;
  subject: Uint8Array;
  url: string | null;
  counterpart: string;
}

/** A row of bank_transaction whose amount was read as text. */
function toTransaction(row: StoredTransaction): Transaction {
  const { account, direction, row_id: rowId, date, amount, currency, kind, subject, url, counterpart } = row;
  return {
    account,
    direction,
    rowId,
    date: timeFromDb(date),
    amount: { currency, atoms: BigInt(amount) },
    kind,
    // a plain array: the client gives a Buffer
    subject: new Uint8Array(subject),
    url: url ?? undefined,
    counterpart,
  };
}

/** PostgreSQL's type number of int8, for arrays. */
export const INT8 = 20;

/** PostgreSQL's type number of text, for arrays. */
const TEXT = 25;

const least = (numbers: readonly bigint[]): bigint => numbers.reduce((a, b) => a < b ? a : b);
const greatest = (numbers: readonly bigint[]): bigint => numbers.reduce((a, b) => a > b ? a : b);

/** The stored transfers with one of these row ids. */
export async function readRows(
  sql: Sql | TransactionSql,
  account: string,
  direction: Direction,
  rowIds: readonly bigint[],
): Promise<Map<bigint, Transaction>> {
  if (rowIds.length === 0) return new Map();
  // joined and not compared with "= any": without statistics the server would try each row against the whole list
  const rows = await sql<StoredTransaction[]>`
    select t.account, t.direction, t.row_id, t.date, t.amount::text as amount, t.currency, t.kind, t.subject, t.url,
           t.counterpart
      from auditor_bank.bank_transaction t
      join unnest(${sql.array([...rowIds], INT8)}::int8[]) as wanted (row_id) on wanted.row_id = t.row_id
     where t.account = ${account} and t.direction = ${direction}
       and t.row_id between ${least(rowIds)} and ${greatest(rowIds)}`;
  return new Map(rows.map((row) => [row.row_id, toTransaction(row)]));
}

/** Which stored transfers of an account and direction to read; what is undefined is no bound. */
export interface Part {
  readonly account: string;
  readonly direction: Direction;
  /** Row ids above this one. */
  readonly after: bigint;
  readonly arrived?: Arrived | undefined;
  /** Leave out those of kind OTHER. */
  readonly identified?: boolean;
}

/** Stored transfers, ascending by row id, at most `limit`. */
export async function readPart(
  sql: Sql,
  { account, direction, after, arrived, identified = false }: Part,
  limit: number,
): Promise<Transaction[]> {
  const late = arrived?.late;
  const rows = await sql<StoredTransaction[]>`
    select account, direction, row_id, date, amount::text as amount, currency, kind, subject, url, counterpart
      from auditor_bank.bank_transaction
     where account = ${account} and direction = ${direction} and row_id > ${after}
       ${arrived === undefined ? sql`` : sql`and arrival <= ${arrived.upTo}`}
       ${late === undefined ? sql`` : sql`and arrival > ${late.after} and row_id <= ${late.lastRow}`}
       ${identified ? sql`and kind <> 'OTHER'` : sql``}
     order by row_id limit ${limit}`;
  return rows.map(toTransaction);
}

/** All transfers of a direction that are of kind OTHER, ascending by row id. */
export async function readOther(sql: Sql, account: string, direction: Direction): Promise<Transaction[]> {
  const rows = await sql<StoredTransaction[]>`
    select account, direction, row_id, date, amount::text as amount, currency, kind, subject, url, counterpart
      from auditor_bank.bank_transaction
     where account = ${account} and direction = ${direction} and kind = 'OTHER' order by row_id`;
  return rows.map(toTransaction);
}

/** All incoming transfers from these accounts (see accountKey), ascending by row id. */
export async function readCreditsFrom(sql: Sql, account: string, senders: readonly string[]): Promise<Transaction[]> {
  const rows = await sql<StoredTransaction[]>`
    select t.account, t.direction, t.row_id, t.date, t.amount::text as amount, t.currency, t.kind, t.subject, t.url,
           t.counterpart
      from unnest(${sql.array([...new Set(senders)], TEXT)}::text[]) as wanted (sender)
      join auditor_bank.bank_transaction t
        on t.account = ${account} and t.direction = 'credit' and t.counterpart_key = wanted.sender
     order by t.row_id`;
  return rows.map(toTransaction);
}

/** All transfers of a direction with these subjects, ascending by row id; none of kind OTHER. */
export async function readWithSubjects(
  sql: Sql,
  account: string,
  direction: Direction,
  subjects: readonly Uint8Array[],
): Promise<Transaction[]> {
  const rows = await sql<StoredTransaction[]>`
    select t.account, t.direction, t.row_id, t.date, t.amount::text as amount, t.currency, t.kind, t.subject, t.url,
           t.counterpart
      from (select distinct decode(x, 'hex') as subject
              from unnest(${sql.array(subjects.map((s) => s.toHex()), TEXT)}::text[]) x) as wanted
      join auditor_bank.bank_transaction t
        on t.account = ${account} and t.direction = ${direction} and t.kind <> 'OTHER' and t.subject = wanted.subject
     order by t.row_id`;
  return rows.map(toTransaction);
}

/** Which transfers to list; what is undefined is no bound. */
export interface Selection {
  readonly account?: string | undefined;
  readonly direction?: Direction | undefined;
  readonly limit: number;
}

/** The newest transfers by account and direction, oldest of them first; at most `limit` of each. */
export async function readNewest(sql: Sql, { account, direction, limit }: Selection): Promise<Transaction[]> {
  const rows = await sql<StoredTransaction[]>`
    select account, direction, row_id, date, amount::text as amount, currency, kind, subject, url, counterpart
      from (select *, row_number() over (partition by account, direction order by row_id desc) as place
              from auditor_bank.bank_transaction
             where account = coalesce(${account ?? null}, account)
               and direction = coalesce(${direction ?? null}, direction)) as t
     where place <= ${limit}
     order by account, direction, row_id`;
  return rows.map(toTransaction);
}

/** An anomaly with its life, µs. */
export interface StoredAnomaly extends BankAnomaly {
  readonly firstSeen: bigint;
  /** When a vanished transfer was back; undefined while the anomaly stands. */
  readonly settled: bigint | undefined;
}

/** Anomalies in the order of their discovery, the settled ones included if asked for. */
export async function readAnomalies(
  sql: Sql,
  { account, direction, settled = false }: Partial<Selection> & { settled?: boolean } = {},
): Promise<StoredAnomaly[]> {
  const rows = await sql<{
    account: string;
    direction: Direction;
    row_id: bigint;
    amount: string;
    currency: string;
    kind: BankAnomaly["kind"];
    diagnostic: string;
    first_seen: bigint;
    settled: bigint | null;
  }[]>`
    select account, direction, row_id, amount::text as amount, currency, kind, diagnostic, first_seen, settled
      from auditor_bank.bank_anomaly
     where account = coalesce(${account ?? null}, account) and direction = coalesce(${direction ?? null}, direction)
       and (settled is null or ${settled})
     order by anomaly_id`;
  return rows.map(({ row_id: rowId, amount, currency, first_seen: firstSeen, settled: over, ...rest }) => ({
    ...rest,
    rowId,
    amount: { currency, atoms: BigInt(amount) },
    firstSeen,
    settled: over ?? undefined,
  }));
}

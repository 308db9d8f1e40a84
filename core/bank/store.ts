// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Writing to the store of bank history. Transfers are added and never changed: what the bank says differently later is
 * an anomaly beside them (WC-R9). Each page of a history becomes part of the store in one database transaction together
 * with the progress, so that an import may end at any moment and be started again.
 */

import type { Sql, TransactionSql } from "../db/connect.ts";
import { timeToDb } from "../taler/time.ts";
import { type BankAnomaly, BankError, type Direction } from "./history.ts";
import { hex, INT8, readRows } from "./store-rows.ts";
import { accountKey, contentHash, describeChange, describeTransaction, type Transaction } from "./transaction.ts";

/** Who gave the row ids of an account: the bank, or this store, because statements have none. */
export type Numbering = "bank" | "local";

/** How far the history of an account and direction is known. */
export interface Position {
  /** The gateway is asked for rows above this one; 0 at the beginning. */
  readonly cursor: bigint;
  /** Largest row id in the store that the gateway reported, 0 if there is none. */
  readonly highest: bigint;
}

/** A stretch of history as the bank reports it now. */
export interface Stretch {
  /** Everything above this row was asked for. */
  readonly after: bigint;
  /** The bank has nothing more above the last row. */
  readonly end: boolean;
  /** Largest row id in the store before the bank was asked; up to it the store must agree with the stretch. */
  readonly known: bigint;
}

/** A page of a gateway's history: rows of one account and direction, ascending by row id and each once. */
export interface StorePage {
  readonly account: string;
  readonly direction: Direction;
  readonly rows: readonly Transaction[];
  /** The rows are all that the bank has in this stretch. */
  readonly stretch: Stretch;
  /** How the bank names the account, if it did. */
  readonly ownAccount: string | undefined;
  /** Now, µs. */
  readonly now: bigint;
}

/** What storing a page did; the anomalies are those that were not known before. */
export interface StoreResult {
  readonly added: number;
  readonly anomalies: BankAnomaly[];
}

/**
 * Makes an account known, with the directions that are going to be read. Changes nothing if it is known already.
 *
 * @throws BankError `configuration` if its rows are numbered in the other way: they could not be told apart
 */
export async function registerAccount(
  sql: Sql,
  account: string,
  directions: readonly Direction[],
  numbering: Numbering,
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`insert into auditor_bank.bank_account (account, numbering, registered)
             values (${account}, ${numbering}, (extract(epoch from clock_timestamp()) * 1000000)::int8)
             on conflict do nothing`;
    const [known] = await tx`select numbering from auditor_bank.bank_account where account = ${account}`;
    if (known?.["numbering"] !== numbering) {
      const message = numbering === "local"
        ? "its history has the bank's row ids; a statement without row ids cannot be added to it"
        : "its history comes from statements without row ids; the bank's own rows cannot be added to it";
      throw new BankError("configuration", account, message);
    }
    for (const direction of directions) {
      await tx`insert into auditor_bank.bank_progress (account, direction, row_id) values (${account}, ${direction}, 0)
               on conflict do nothing`;
    }
  });
}

/** How far the history is known; zeros for what was never read. */
export async function readPosition(
  sql: Sql | TransactionSql,
  account: string,
  direction: Direction,
): Promise<Position> {
  const [row] = await sql<{ cursor: bigint; highest: bigint }[]>`
    select coalesce((select row_id from auditor_bank.bank_progress
                      where account = ${account} and direction = ${direction}), 0) as cursor,
           coalesce((select row_id from auditor_bank.bank_transaction
                      where account = ${account} and direction = ${direction} and gateway
                      order by row_id desc limit 1), 0) as highest`;
  return { cursor: row?.cursor ?? 0n, highest: row?.highest ?? 0n };
}

/** The row after which reading has to begin in order to read the newest `count` stored rows again. */
export async function overlapStart(sql: Sql, account: string, direction: Direction, count: number): Promise<bigint> {
  if (count === 0) return (await readPosition(sql, account, direction)).cursor;
  const [row] = await sql<{ start: bigint }[]>`
    select row_id - 1 as start from auditor_bank.bank_transaction
     where account = ${account} and direction = ${direction} order by row_id desc offset ${count - 1} limit 1`;
  return row?.start ?? 0n;
}

/** The row after which reading has to begin in order to read all stored rows again that are dated at `since` or later. */
export async function startOfPeriod(sql: Sql, account: string, direction: Direction, since: bigint): Promise<bigint> {
  const [row] = await sql<{ start: bigint | null }[]>`
    select min(row_id) - 1 as start from auditor_bank.bank_transaction
     where account = ${account} and direction = ${direction} and date >= ${timeToDb(since)}`;
  return row?.start ?? (await readPosition(sql, account, direction)).cursor;
}

/** Stores a page as a whole or not at all; storing it again changes nothing. */
export async function storePage(sql: Sql, page: StorePage): Promise<StoreResult> {
  const { account, direction, rows, ownAccount, now } = page;
  return await sql.begin(async (tx) => {
    const [progress] = await tx<{ row_id: bigint }[]>`
      select row_id from auditor_bank.bank_progress
       where account = ${account} and direction = ${direction} for update`;
    const { added, anomalies } = await storeRows(tx, rows, { cursor: progress?.row_id ?? 0n, now });
    await noteGateway(tx, page);
    anomalies.push(...await recordVanished(tx, page));
    await settleReturned(tx, page);
    await advance(tx, page);
    await nameAccount(tx, account, ownAccount);
    return { added, anomalies };
  });
}

/**
 * Stores rows of a file, whose row ids stand for themselves: of the transfers in between nothing is known, and the
 * place where a gateway is asked for more does not move. Files may come in any order, and show what a gateway does not.
 */
export async function storeFileRows(
  tx: TransactionSql,
  rows: readonly Transaction[],
  now: bigint,
): Promise<StoreResult> {
  const result: StoreResult = { added: 0, anomalies: [] };
  let added = 0;
  for (const direction of ["credit", "debit"] as const) {
    const once = new Map<bigint, Transaction>();
    const twice: Discovery[] = [];
    for (const row of rows.filter((row) => row.direction === direction)) {
      const first = once.get(row.rowId);
      if (first === undefined) once.set(row.rowId, row);
      else twice.push(...repeated(first, row));
    }
    const part = await storeRows(tx, [...once.values()], { now });
    added += part.added;
    result.anomalies.push(...part.anomalies, ...await insertAnomalies(tx, twice, now));
  }
  return { ...result, added };
}

/**
 * Adds what is not stored yet; one that is stored differently has changed.
 * @param cursor of rows of a gateway, what that was asked for already: a new row below it is late
 */
async function storeRows(
  tx: TransactionSql,
  rows: readonly Transaction[],
  { cursor, now }: { cursor?: bigint; now: bigint },
): Promise<StoreResult> {
  const [first] = rows;
  if (first === undefined) return { added: 0, anomalies: [] };
  const stored = await readRows(tx, first.account, first.direction, rows.map((row) => row.rowId));
  const fresh = rows.filter((row) => !stored.has(row.rowId));
  await insertTransactions(tx, fresh, { now, gateway: cursor !== undefined });
  const found = [
    ...fresh.filter((row) => cursor !== undefined && row.rowId < cursor).map(late),
    ...rows.flatMap((row) => changed(stored.get(row.rowId), row)),
  ];
  return { added: fresh.length, anomalies: await insertAnomalies(tx, found, now) };
}

/** Keeps an anomaly that was found outside of a page; false if it was known. */
export async function recordAnomaly(sql: Sql, anomaly: BankAnomaly, now: bigint): Promise<boolean> {
  return await sql.begin(async (tx) => {
    const found = await insertAnomalies(tx, [{ anomaly, hash: NO_HASH }], now);
    return found.length > 0;
  });
}

/** Notes what the bank calls the account. */
export async function nameAccount(tx: TransactionSql, account: string, payto: string | undefined): Promise<void> {
  if (payto === undefined) return;
  await tx`update auditor_bank.bank_account set payto = ${payto}
            where account = ${account} and payto is distinct from ${payto}`;
}

/** An anomaly and the hash of the report that shows it. */
export interface Discovery {
  readonly anomaly: BankAnomaly;
  readonly hash: Uint8Array;
}

const NO_HASH = new Uint8Array(0);

function late(row: Transaction): Discovery {
  const diagnostic = `appeared after later rows were reported: ${describeTransaction(row)}`;
  return discovery(row, "late", diagnostic);
}

function changed(before: Transaction | undefined, row: Transaction): Discovery[] {
  const change = before === undefined ? "" : describeChange(before, row);
  // the amount is that first reported, which is what the audit has booked
  return before === undefined || change === ""
    ? []
    : [{ ...discovery(before, "changed", change), hash: contentHash(row) }];
}

/** One row id for two transfers. The very same line twice is a file put together carelessly, not the bank's doing. */
function repeated(first: Transaction, second: Transaction): Discovery[] {
  const change = describeChange(first, second);
  if (change === "") return [];
  return [{ ...discovery(first, "duplicate", `one row id for two transfers: ${change}`), hash: contentHash(second) }];
}

function discovery(row: Transaction, kind: BankAnomaly["kind"], diagnostic: string): Discovery {
  const { account, direction, rowId, amount } = row;
  return { anomaly: { account, direction, rowId, amount, kind, diagnostic }, hash: contentHash(row) };
}

/** Where transfers come from that are to be stored. */
export interface Origin {
  /** Now, µs. */
  readonly now: bigint;
  /** A gateway reported them. */
  readonly gateway?: boolean;
  /** What identifies those of statements, by row id. */
  readonly references?: ReadonlyMap<bigint, string>;
}

/** Inserts transfers. */
export async function insertTransactions(
  tx: TransactionSql,
  rows: readonly Transaction[],
  { now, gateway = false, references = new Map() }: Origin,
): Promise<void> {
  if (rows.length === 0) return;
  const arrivals = await takeArrivals(tx, rows);
  const values = rows.map((row, index) => ({
    account: row.account,
    direction: row.direction,
    row_id: row.rowId.toString(),
    arrival: arrivals[index]!.toString(),
    date: timeToDb(row.date).toString(),
    amount: row.amount.atoms.toString(),
    currency: row.amount.currency,
    kind: row.kind,
    subject: hex(row.subject),
    url: row.url ?? null,
    counterpart: row.counterpart,
    counterpart_key: accountKey(row.counterpart),
    reference: references.get(row.rowId) ?? null,
    gateway,
    balanced: false,
    first_seen: now.toString(),
    content_hash: hex(contentHash(row)),
  }));
  await tx`insert into auditor_bank.bank_transaction
    select * from jsonb_populate_recordset(null::auditor_bank.bank_transaction, ${
    JSON.stringify(values)
  }::text::jsonb)`;
}

/**
 * Numbers transfers in the order of their arrival, by account and direction. The counter is locked until the transaction
 * ends: who sees a number sees all that are smaller.
 */
async function takeArrivals(tx: TransactionSql, rows: readonly Transaction[]): Promise<bigint[]> {
  const taken = new Map<Direction, bigint>();
  for (const direction of ["credit", "debit"] as const) {
    const some = rows.filter((row) => row.direction === direction);
    const [first] = some;
    if (first === undefined) continue;
    const [row] = await tx<{ arrivals: bigint }[]>`
      update auditor_bank.bank_progress set arrivals = arrivals + ${some.length}
       where account = ${first.account} and direction = ${direction} returning arrivals`;
    if (row === undefined) throw new Error(`${first.account} is not registered for ${direction}s`);
    taken.set(direction, row.arrivals - BigInt(some.length));
  }
  return rows.map(({ direction }) => {
    const arrival = taken.get(direction)! + 1n;
    taken.set(direction, arrival);
    return arrival;
  });
}

/** Inserts anomalies and returns those that were not known. */
export async function insertAnomalies(
  tx: TransactionSql,
  found: readonly Discovery[],
  now: bigint,
): Promise<BankAnomaly[]> {
  const fresh: BankAnomaly[] = [];
  for (const { anomaly, hash } of found) {
    const { account, direction, rowId, amount: { currency, atoms }, kind, diagnostic } = anomaly;
    const inserted = await tx`
      insert into auditor_bank.bank_anomaly
             (account, direction, row_id, amount, currency, kind, content_hash, diagnostic, first_seen)
      values (${account}, ${direction}, ${rowId}, ${atoms.toString()}::numeric, ${currency}, ${kind}, ${hash},
              ${diagnostic}, ${now})
      on conflict do nothing returning 1`;
    if (inserted.length > 0) fresh.push(anomaly);
  }
  return fresh;
}

/** Stored rows that the bank leaves out of a stretch; one that is gone again after it was back counts as new. */
async function recordVanished(
  tx: TransactionSql,
  { account, direction, rows, stretch: { after, end, known }, now }: StorePage,
): Promise<BankAnomaly[]> {
  const last = rows.at(-1)?.rowId ?? after;
  const until = end || last > known ? known : last;
  if (until <= after) return [];
  const ids = rows.filter((row) => row.rowId <= until).map((row) => row.rowId);
  const gone = await tx<{ row_id: bigint; amount: string; currency: string; diagnostic: string }[]>`
    insert into auditor_bank.bank_anomaly as a
           (account, direction, row_id, amount, currency, kind, content_hash, diagnostic, first_seen)
    select account, direction, row_id, amount, currency, 'vanished', content_hash,
           'reported earlier, and now no longer part of the history', ${now}
      from auditor_bank.bank_transaction as t
     where account = ${account} and direction = ${direction} and row_id > ${after} and row_id <= ${until}
       and gateway
       and not exists (select 1 from unnest(${tx.array(ids, INT8)}::int8[]) as seen (row_id)
                        where seen.row_id = t.row_id)
        on conflict (account, direction, row_id, kind, content_hash) do update set settled = null
           where a.settled is not null
    returning row_id, amount::text as amount, currency, diagnostic`;
  return gone.map(({ row_id: rowId, amount, currency, diagnostic }) => ({
    account,
    direction,
    rowId,
    amount: { currency, atoms: BigInt(amount) },
    kind: "vanished",
    diagnostic,
  }));
}

/** Notes which transfers a gateway reports: files may have shown them before, and others that it never does. */
async function noteGateway(tx: TransactionSql, { account, direction, rows }: StorePage): Promise<void> {
  await tx`update auditor_bank.bank_transaction set gateway = true
            where account = ${account} and direction = ${direction} and not gateway
              and row_id in (select unnest(${tx.array(rows.map((row) => row.rowId), INT8)}::int8[]))`;
}

/** A vanished transfer that is back was the bank's hiccup: the anomaly stays on record and is no longer open. */
async function settleReturned(tx: TransactionSql, { account, direction, rows, now }: StorePage): Promise<void> {
  if (rows.length === 0) return;
  await tx`update auditor_bank.bank_anomaly set settled = ${now}
            where account = ${account} and direction = ${direction} and kind = 'vanished' and settled is null
              and row_id in (select unnest(${tx.array(rows.map((row) => row.rowId), INT8)}::int8[]))`;
}

async function advance(
  tx: TransactionSql,
  { account, direction, rows, stretch: { after, end }, now }: StorePage,
): Promise<void> {
  const last = rows.at(-1)?.rowId ?? after;
  await tx`update auditor_bank.bank_progress
              set row_id = greatest(row_id, ${last}), completed = ${
    end ? tx`greatest(completed, ${now})` : tx`completed`
  }
            where account = ${account} and direction = ${direction}`;
}

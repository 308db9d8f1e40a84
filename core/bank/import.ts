// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * From a wire gateway into the store: once, continuously, or again in order to compare. The three are one procedure
 * that reads a stretch of history page by page; they differ in where it begins.
 */

import { isRetryable, type Sql } from "../db/connect.ts";
import type { Gateway, PageQuery } from "./gateway.ts";
import { type BankAnomaly, BankError, type Direction } from "./history.ts";
import { backoff, sleep } from "./request.ts";
import { overlapStart, readPosition, recordAnomaly, startOfPeriod, storePage } from "./store.ts";
import { readAccount } from "./store-history.ts";
import { fromCredit, fromDebit, sameAccount, type Transaction } from "./transaction.ts";

/** One account and direction to be imported; registerAccount has been called for it. */
export interface ImportTask {
  readonly sql: Sql;
  readonly gateway: Gateway;
  readonly direction: Direction;
  /** PAYTO_URI of the configuration; what the bank calls the account must be the same one (WC-R5). */
  readonly paytoUri: string | undefined;
  /** The time, µs. */
  readonly clock: () => bigint;
  /** Ends the work; then the signal's reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** What reading a stretch of history came to. */
export interface ImportOutcome {
  /** Transfers that were not in the store. */
  readonly added: number;
  /** Transfers that the bank reported again. */
  readonly compared: number;
  /** Anomalies that were not known before. */
  readonly anomalies: BankAnomaly[];
  /** The gateway is asked for rows above this one next time. */
  readonly cursor: bigint;
}

/** Stored rows that every import reads again, in order to see late, changed and vanished ones soon. */
const OVERLAP = 64;

/** Tries to store a page while the database is restarting or busy, and the first pause between them in ms. */
const STORE_ATTEMPTS = 5;
const STORE_BACKOFF_MS = 200;

/**
 * Reads everything new, and the newest stored rows again.
 *
 * @throws BankError when the bank cannot be asked or answers nonsense (WC-R9: an anomaly in it is recorded first);
 * whole pages read before remain stored. DatabaseError, PostgresError.
 */
export async function importHistory(task: ImportTask, overlap: number = OVERLAP): Promise<ImportOutcome> {
  return await readFrom(task, await overlapStart(task.sql, task.gateway.account, task.direction, overlap));
}

/**
 * Reads the whole history again, or what is dated at `since` or later, and compares it with the store. New rows are
 * stored as well. Throws as {@link importHistory}.
 */
export async function verifyHistory(task: ImportTask, since?: bigint): Promise<ImportOutcome> {
  const { sql, gateway, direction } = task;
  return await readFrom(task, since === undefined ? 0n : await startOfPeriod(sql, gateway.account, direction, since));
}

async function readFrom(task: ImportTask, start: bigint): Promise<ImportOutcome> {
  const { cursor, highest } = await readPosition(task.sql, task.gateway.account, task.direction);
  let total: ImportOutcome = { added: 0, compared: 0, anomalies: [], cursor };
  // a file may have brought rows far above the cursor: what lies between must not be left out
  for (let after: bigint | undefined = start < cursor ? start : cursor; after !== undefined;) {
    const { outcome, last } = await readPage(task, { offset: after }, highest);
    total = {
      added: total.added + outcome.added,
      compared: total.compared + outcome.compared,
      anomalies: [...total.anomalies, ...outcome.anomalies],
      cursor: outcome.cursor,
    };
    after = last;
  }
  return total;
}

/** Asks for one page and stores it; `last` is its last row, undefined at the end of the history. */
async function readPage(
  task: ImportTask,
  query: PageQuery & { offset: bigint },
  known: bigint,
): Promise<{ outcome: ImportOutcome; last: bigint | undefined }> {
  const { sql, gateway, direction, clock } = task;
  const { account } = gateway;
  const { rows, ownAccount } = await ask(task, query, known);
  const stretch = { after: query.offset, end: rows.length === 0, known };
  const outcome = await persistently(task, async () => {
    if (ownAccount !== undefined) await checkOwnAccount(task, ownAccount);
    const { added, anomalies } = await storePage(sql, {
      account,
      direction,
      rows,
      stretch,
      ownAccount,
      now: clock(),
    });
    const { cursor } = await readPosition(sql, account, direction);
    return { added, anomalies, compared: rows.length - added, cursor };
  });
  return { outcome, last: rows.at(-1)?.rowId };
}

async function ask(
  { sql, gateway, direction, clock, signal }: ImportTask,
  query: PageQuery,
  known: bigint,
): Promise<{ rows: Transaction[]; ownAccount: string | undefined }> {
  try {
    if (direction === "credit") {
      const page = await gateway.incoming({ ...query, signal });
      refuseLoss(gateway.account, page.notFound, known);
      return { rows: page.rows.map(fromCredit), ownAccount: page.ownAccount };
    }
    const page = await gateway.outgoing({ ...query, signal });
    refuseLoss(gateway.account, page.notFound, known);
    return { rows: page.rows.map(fromDebit), ownAccount: page.ownAccount };
  } catch (error) {
    if (error instanceof BankError && error.anomaly !== undefined) await recordAnomaly(sql, error.anomaly, clock());
    throw error;
  }
}

/** 404 may mean "no history yet" for a new account, but not for one whose transfers we have seen. */
function refuseLoss(account: string, notFound: boolean, known: bigint): void {
  if (!notFound || known === 0n) return;
  throw new BankError("status", account, "the bank answered 404 for a history that it reported earlier");
}

async function checkOwnAccount({ sql, gateway, paytoUri }: ImportTask, reported: string): Promise<void> {
  const { account } = gateway;
  const other = (expected: string, source: string) =>
    new BankError(
      "configuration",
      account,
      `the bank's history is that of account ${reported.slice(0, 200)}, while ${source} ${expected.slice(0, 200)}`,
    );
  if (paytoUri !== undefined && !sameAccount(paytoUri, reported)) throw other(paytoUri, "PAYTO_URI is");
  const earlier = (await readAccount(sql, account))?.payto;
  if (earlier !== undefined && !sameAccount(earlier, reported)) throw other(earlier, "the stored history is that of");
}

/** Works with the database although that restarts; the work is such that doing it twice is doing it once. */
async function persistently<T>({ signal }: ImportTask, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === STORE_ATTEMPTS || !isRetryable(error)) throw error;
      await sleep(backoff(attempt, STORE_BACKOFF_MS, 5_000, Math.random), signal);
    }
  }
}

/** How a continuous import goes about. */
export interface FollowOptions {
  /** Ends the import, which then returns. */
  readonly signal: AbortSignal;
  /** Milliseconds the bank may wait for news; below the minute after which most proxies cut a silent connection. */
  readonly longPollMs: number;
  /** Milliseconds after which the newest stored rows are read again. */
  readonly recheckMs: number;
  /** First and longest pause after a failure, ms. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  /** Called when something came, or an anomaly was found. */
  readonly came: (outcome: ImportOutcome) => void;
  /** Called for a failure after which the import tries again. */
  readonly failed: (error: Error) => void;
}

/** Pauses of a continuous import (cli.md 15.2: from 1 second to 15 minutes after failures). */
export const FOLLOW_PAUSES = {
  longPollMs: 50_000,
  recheckMs: 600_000,
  backoffMs: 1_000,
  backoffMaxMs: 900_000,
} as const;

/**
 * Imports until the signal fires, trying again after failures of bank and database.
 *
 * @throws what is neither: programming errors, and a database that refuses
 */
export async function followHistory(task: ImportTask, options: FollowOptions): Promise<void> {
  const { signal, backoffMs, backoffMaxMs } = options;
  const stoppable = { ...task, signal };
  let failures = 0;
  const tell = (outcome: ImportOutcome) => {
    if (outcome.added > 0 || outcome.anomalies.length > 0) options.came(outcome);
  };
  while (!signal.aborted) {
    try {
      tell(await importHistory(stoppable));
      await poll(stoppable, options, (outcome) => {
        // not before a poll went well: a bank that fails at these alone would be asked without a pause
        failures = 0;
        tell(outcome);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Error) || !(error instanceof BankError || isRetryable(error))) throw error;
      options.failed(error);
      failures++;
      await sleep(backoff(failures, backoffMs, backoffMaxMs, Math.random), signal).catch(() => {});
    }
  }
}

/** Long polls for new rows until it is time to read the newest stored ones again. */
async function poll(
  task: ImportTask,
  { longPollMs, recheckMs }: FollowOptions,
  polled: (outcome: ImportOutcome) => void,
): Promise<void> {
  const end = performance.now() + recheckMs;
  while (performance.now() < end) {
    const started = performance.now();
    const { cursor, highest } = await readPosition(task.sql, task.gateway.account, task.direction);
    const { outcome, last } = await readPage(task, { offset: cursor, longPollMs }, highest);
    polled(outcome);
    // a gateway that does not wait is not asked more often than one that does
    if (last === undefined) await sleep(Math.max(0, longPollMs - (performance.now() - started)), task.signal);
  }
}

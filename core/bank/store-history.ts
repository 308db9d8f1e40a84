// SPDX-License-Identifier: AGPL-3.0-or-later
/** The stored history as the passes read it. */

import type { Sql } from "../db/connect.ts";
import { timeFromDb } from "../taler/time.ts";
import { type Arrivals, type Arrived, BankError, type BankHistory, type Direction } from "./history.ts";
import { type Part, readAnomalies, readCreditsFrom, readOther, readPart, readWithSubjects } from "./store-rows.ts";
import type { Numbering } from "./store.ts";
import { toCredit, toDebit, toOtherDebit, type Transaction } from "./transaction.ts";

/** What is stored about an account as a whole. */
export interface StoredAccount {
  readonly account: string;
  /** `local`: the row ids are the store's own, and the exchange's wire references do not refer to them. */
  readonly numbering: Numbering;
  /** Payto URI as the bank names it, if it did. */
  readonly payto: string | undefined;
  /**
   * When the history of each direction was last read to its end, µs; undefined: never yet. A direction that is not
   * imported at all is not in it.
   */
  readonly completed: ReadonlyMap<Direction, bigint | undefined>;
}

/** A history from the store. Beyond the common parts it tells how far the store can be relied on. */
export interface StoreHistory extends BankHistory {
  /** What is known of an account as a whole; undefined if nothing was ever imported for it. */
  describe(account: string): Promise<StoredAccount | undefined>;
}

/** Rows per page. */
const PAGE_SIZE = 1024;

/**
 * The history in the store of a connection, which `close` ends. Accounts whose history was never read to its end are
 * not covered, and reading the direction concerned throws BankError `configuration`.
 */
export function openStoreHistory(sql: Sql, { pageSize = PAGE_SIZE }: { pageSize?: number } = {}): StoreHistory {
  async function* pages<T>(
    account: string,
    direction: Direction,
    after: bigint,
    arrived: Arrived | undefined,
    convert: (transaction: Transaction) => T,
  ): AsyncGenerator<T[]> {
    // half a history would make the audit call transfers missing that are only not imported yet
    if ((await readAccount(sql, account))?.completed.get(direction) === undefined) {
      throw new BankError(
        "configuration",
        account,
        `its ${direction}s were never imported to the end: bank import does it`,
      );
    }
    let offset = after;
    for (;;) {
      // what else went out is for otherDebits
      const part: Part = { account, direction, after: offset, arrived, identified: direction === "debit" };
      const rows = await readPart(sql, part, pageSize);
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map(convert);
      offset = last.rowId;
    }
  }

  return {
    credits: (account, after, arrived) => pages(account, "credit", after, arrived, toCredit),
    debits: (account, after, arrived) => pages(account, "debit", after, arrived, toDebit),
    arrivals: (account, direction) => readArrivals(sql, account, direction),
    otherDebits: async (account) => (await readOther(sql, account, "debit")).map(toOtherDebit),
    creditsFrom: async (account, senders) => (await readCreditsFrom(sql, account, senders)).map(toCredit),
    sentWith: async (account, wtids) => (await readWithSubjects(sql, account, "debit", wtids)).map(toDebit),
    creditsWith: async (account, subjects) => (await readWithSubjects(sql, account, "credit", subjects)).map(toCredit),
    covers: async (account, direction) => (await readAccount(sql, account))?.completed.get(direction) !== undefined,
    accounts: async () => {
      const known = await readAccounts(sql);
      return known.filter(({ completed }) => ![...completed.values()].includes(undefined)).map((row) => row.account);
    },
    ownAccount: async (account) => (await readAccount(sql, account))?.payto,
    hasBankNumbers: async (account) => (await readAccount(sql, account))?.numbering !== "local",
    completeUntil: async (account, direction) => (await readAccount(sql, account))?.completed.get(direction),
    anomalies: async () => {
      const found = await readAnomalies(sql);
      return found.map(({ firstSeen: _, settled: __, ...anomaly }) => anomaly);
    },
    describe: (account) => readAccount(sql, account),
    close: () => sql.end({ timeout: 5 }),
  };
}

async function readArrivals(sql: Sql, account: string, direction: Direction): Promise<Arrivals> {
  const [row] = await sql<{ epoch: bigint; newest: bigint }[]>`
    select a.registered as epoch, p.arrivals as newest
      from auditor_bank.bank_account a join auditor_bank.bank_progress p on p.account = a.account
     where a.account = ${account} and p.direction = ${direction}`;
  return row ?? { epoch: 0n, newest: 0n };
}

/** What is stored about one account. */
export async function readAccount(sql: Sql, account: string): Promise<StoredAccount | undefined> {
  return (await readAccounts(sql, account))[0];
}

/** What {@link forgetAccount} deletes. */
export interface StoredAmount {
  readonly transfers: bigint;
  readonly anomalies: bigint;
}

/** How much is stored about an account; undefined if nothing was ever imported for it. */
export async function countStored(sql: Sql, account: string): Promise<StoredAmount | undefined> {
  const [row] = await sql<{ transfers: bigint; anomalies: bigint }[]>`
    select (select count(*) from auditor_bank.bank_transaction where account = ${account}) as transfers,
           (select count(*) from auditor_bank.bank_anomaly where account = ${account}) as anomalies
      from auditor_bank.bank_account where account = ${account}`;
  return row;
}

/** Deletes all that is stored about an account: the next import begins as if there had been none. */
export async function forgetAccount(sql: Sql, account: string): Promise<void> {
  await sql.begin(async (tx) => {
    // the order of an import, which locks the progress first
    await tx`select 1 from auditor_bank.bank_progress where account = ${account} order by direction for update`;
    await tx`delete from auditor_bank.bank_anomaly where account = ${account}`;
    await tx`delete from auditor_bank.bank_transaction where account = ${account}`;
    await tx`delete from auditor_bank.bank_statement where account = ${account}`;
    await tx`delete from auditor_bank.bank_progress where account = ${account}`;
    await tx`delete from auditor_bank.bank_account where account = ${account}`;
  });
}

/** What is stored about all accounts, or one, in the order of their names. */
export async function readAccounts(sql: Sql, account?: string): Promise<StoredAccount[]> {
  const rows = await sql<{
    account: string;
    numbering: Numbering;
    payto: string | null;
    direction: Direction | null;
    completed: bigint | null;
  }[]>`
    select a.account, a.numbering, a.payto, p.direction, p.completed
      from auditor_bank.bank_account a left join auditor_bank.bank_progress p on p.account = a.account
     where a.account = coalesce(${account ?? null}, a.account)
     order by a.account collate "C", p.direction`;
  const accounts = new Map<string, StoredAccount & { completed: Map<Direction, bigint | undefined> }>();
  for (const { account, numbering, payto, direction, completed } of rows) {
    const known = accounts.get(account) ?? { account, numbering, payto: payto ?? undefined, completed: new Map() };
    if (direction !== null) known.completed.set(direction, completed === null ? undefined : timeFromDb(completed));
    accounts.set(account, known);
  }
  return [...accounts.values()];
}

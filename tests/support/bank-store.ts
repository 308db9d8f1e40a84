// SPDX-License-Identifier: AGPL-3.0-or-later
/** A store of bank history in a fresh database, and gateways to import from, for tests. */

import assert from "node:assert/strict";
import type { GatewayAccount, GatewayAuthentication } from "../../core/config/accounts.ts";
import { type GatewayOptions, openGateway } from "../../core/bank/gateway.ts";
import { BankError, type BankHistory, type Direction } from "../../core/bank/history.ts";
import { importHistory, type ImportTask } from "../../core/bank/import.ts";
import { ensureBankSchema } from "../../core/bank/schema.ts";
import { readPart } from "../../core/bank/store-rows.ts";
import { registerAccount } from "../../core/bank/store.ts";
import { connect, type Sql } from "../../core/db/connect.ts";
import { sharedServer, targetOf, withDatabase } from "./server.ts";

/** Section of the account in these tests. */
export const ACCOUNT = "exchange-account-1";

/** The time at which imports happen, µs; tests may move it. */
export const CLOCK = { now: 1_800_000_000_000_000n };

/** Runs `body` with a store in a fresh database; `sql` has several connections, as the command's. */
export async function withStore(body: (sql: Sql, database: { name: string; url: string }) => Promise<void>) {
  await withDatabase(async (_sql, { name, url }) => {
    const sql = await connect(targetOf(await sharedServer(), name), {
      searchPath: [],
      applicationName: "taler-auditor test",
      max: 4,
    });
    try {
      await ensureBankSchema(sql);
      await body(sql, { name, url });
    } finally {
      await sql.end({ timeout: 1 });
    }
  });
}

/** The account with a gateway at an address. */
export function accountAt(url: string, authentication: GatewayAuthentication = { method: "none" }): GatewayAccount {
  return {
    section: ACCOUNT,
    paytoUri: undefined,
    method: "x-taler-bank",
    credit: true,
    debit: true,
    credentials: { section: "exchange-accountcredentials-1", url, authentication },
  };
}

/** Bounds that let a test with a misbehaving bank end soon. */
export const QUICK = { timeoutMs: 400, attempts: 2, backoffMs: 1, bodyMax: 1_000_000 };

/** Registers the account and gives the task of importing one direction. */
export async function importTask(
  sql: Sql,
  url: string,
  direction: Direction,
  options: GatewayOptions & { paytoUri?: string; authentication?: GatewayAuthentication } = {},
): Promise<ImportTask> {
  await registerAccount(sql, ACCOUNT, [direction], "bank");
  const gateway = openGateway(accountAt(url, options.authentication), { pageSize: 10, bounds: QUICK, ...options });
  return { sql, gateway, direction, paytoUri: options.paytoUri, clock: () => CLOCK.now };
}

/** Row ids of the credits in the store, also of a history that is not complete. */
export async function storedCredits(sql: Sql): Promise<bigint[]> {
  const rows = await readPart(sql, { account: ACCOUNT, direction: "credit", after: 0n }, 1_000_000);
  return rows.map(({ rowId }) => rowId);
}

/** Imports what is new; returns the BankError that it ends with, if any. */
export async function attempt(task: ImportTask): Promise<BankError | undefined> {
  try {
    await importHistory(task);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof BankError, `${error}`);
    return error;
  }
}

/** All that a history has about the account. */
export const everything = async (history: BankHistory) => ({
  credits: (await Array.fromAsync(history.credits(ACCOUNT, 0n))).flat(),
  debits: (await Array.fromAsync(history.debits(ACCOUNT, 0n))).flat(),
});

/** Imports both directions; returns the number of transfers that were new. */
export async function importBoth(sql: Sql, url: string): Promise<number> {
  const credits = await importHistory(await importTask(sql, url, "credit"));
  const debits = await importHistory(await importTask(sql, url, "debit"));
  return credits.added + debits.added;
}

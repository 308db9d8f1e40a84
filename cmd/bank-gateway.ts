// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** The parts of `taler-auditor bank` that talk to wire gateways. */

import { type Gateway, openGateway } from "../core/bank/gateway.ts";
import { BankError, type Direction } from "../core/bank/history.ts";
import {
  FOLLOW_PAUSES,
  followHistory,
  importHistory,
  type ImportOutcome,
  type ImportTask,
  verifyHistory,
} from "../core/bank/import.ts";
import { registerAccount } from "../core/bank/store.ts";
import type { GatewayAccount } from "../core/config/accounts.ts";
import type { Configuration } from "../core/config/configuration.ts";
import { bankOptions } from "../core/config/roles.ts";
import type { Sql } from "../core/db/connect.ts";
import { DAY } from "../core/taler/time.ts";
import { count, printAnomalies } from "./bank-text.ts";
import { EXIT, printError, printWarning, ToolError } from "./schema-tool.ts";

/** What to import. */
export interface GatewayScope {
  readonly config: Configuration;
  readonly directions: readonly Direction[];
  /** Sections; undefined: all. */
  readonly accounts: readonly string[] | undefined;
  readonly ignoreNotFound: boolean;
  readonly pageSize: number | undefined;
}

/** An account and the directions that are to be read for it. */
interface Work {
  readonly account: GatewayAccount;
  readonly directions: readonly Direction[];
}

const clock = () => BigInt(Date.now()) * 1000n;

/** Imports once; an account that fails does not keep the others from being imported. Returns the exit code. */
export async function importGateways(sql: Sql, scope: GatewayScope): Promise<number> {
  return await each(sql, scope, (task) => importHistory(task), (outcome, direction) => {
    return outcome.added === 0 ? undefined : count(outcome.added, `new ${direction}`);
  });
}

/** Compares the store with what the gateways report now. Returns the exit code. */
export async function verifyGateways(sql: Sql, scope: GatewayScope, days: number | undefined): Promise<number> {
  const since = days === undefined ? undefined : clock() - BigInt(days) * DAY;
  return await each(sql, scope, (task) => verifyHistory(task, since), ({ added, compared }, direction) => {
    return `${count(compared, direction)} compared${added === 0 ? "" : `, ${added} new`}`;
  });
}

/** Does the same for all accounts at a time, and prints a line for each. */
async function each(
  sql: Sql,
  scope: GatewayScope,
  act: (task: ImportTask) => Promise<ImportOutcome>,
  describe: (outcome: ImportOutcome, direction: Direction) => string | undefined,
): Promise<number> {
  const results = await Promise.all(
    worksIn(scope).map(async (work) => {
      const { section } = work.account;
      const lines: string[] = [];
      const failures: BankError[] = [];
      const attempt = async (step: () => Promise<void>) => {
        try {
          await step();
        } catch (error) {
          if (!(error instanceof BankError)) throw error;
          failures.push(error);
        }
      };
      await attempt(async () => {
        for (const task of await prepare(sql, scope, work)) {
          await attempt(async () => {
            const outcome = await act(task);
            printAnomalies(outcome.anomalies);
            const line = describe(outcome, task.direction);
            if (line !== undefined) lines.push(line);
          });
        }
      });
      if (lines.length > 0) console.log(`${section}: ${lines.join("; ")}`);
      else if (failures.length === 0) console.log(`${section}: nothing new`);
      for (const failure of failures) printError(failure.message);
      return failures.length;
    }),
  );
  return results.some((failures) => failures > 0) ? EXIT.failed : EXIT.done;
}

/**
 * Imports continuously until SIGTERM or SIGINT. Returns the exit code.
 *
 * @throws what ends the import of one account for good, after ending that of the others
 */
export async function followGateways(sql: Sql, scope: GatewayScope): Promise<number> {
  const works = worksIn(scope);
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of SIGNALS) Deno.addSignalListener(signal, onSignal);
  try {
    const results = await Promise.allSettled(works.map((work) => {
      return follow(sql, scope, work, stop.signal).catch((error) => {
        stop.abort();
        throw error;
      });
    }));
    for (const result of results) if (result.status === "rejected") throw result.reason;
    return results.some((result) => result.status === "fulfilled" && !result.value) ? EXIT.failed : EXIT.done;
  } finally {
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, onSignal);
  }
}

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Follows one account; false if its settings are such that it cannot be done at all. */
async function follow(sql: Sql, scope: GatewayScope, work: Work, signal: AbortSignal): Promise<boolean> {
  const { section } = work.account;
  let tasks: ImportTask[];
  try {
    tasks = await open(sql, scope, work);
  } catch (error) {
    if (!(error instanceof BankError)) throw error;
    printError(error.message);
    return false;
  }
  await Promise.all(tasks.map((task) =>
    followHistory(task, {
      ...FOLLOW_PAUSES,
      signal,
      came: ({ added, anomalies }) => {
        printAnomalies(anomalies);
        if (added > 0) console.log(`${section}: ${count(added, `new ${task.direction}`)}`);
      },
      failed: (error) =>
        printError(`${error instanceof BankError ? "" : `${section}: `}${error.message}`, "trying again"),
    })
  ));
  return true;
}

/** The accounts in scope. @throws ToolError or ConfigurationError if there is none */
function worksIn({ config, accounts: wanted, directions }: GatewayScope): Work[] {
  const { gateways } = bankOptions(config);
  const skipped = wanted?.find((name) => gateways.skipped.includes(name));
  if (skipped !== undefined) {
    throw new ToolError(EXIT.configuration, `account ${skipped} has no usable section of credentials`);
  }
  const works = gateways.accounts.filter(({ section }) => wanted?.includes(section) ?? true).map((account): Work => {
    return { account, directions: directions.filter((direction) => account[direction]) };
  }).filter((work) => work.directions.length > 0);
  if (works.length > 0) return works;
  throw new ToolError(EXIT.configuration, "no account in question has ENABLE_CREDIT or ENABLE_DEBIT");
}

/** The tasks of an account. @throws BankError if its settings do not permit any */
async function open(sql: Sql, scope: GatewayScope, { account, directions }: Work): Promise<ImportTask[]> {
  const { ignoreNotFound, pageSize } = scope;
  const gateway = openGateway(account, { ignoreNotFound, ...(pageSize === undefined ? {} : { pageSize }) });
  await registerAccount(sql, account.section, directions, "bank");
  return directions.map((direction) => ({ sql, gateway, direction, paytoUri: account.paytoUri, clock }));
}

/** As {@link open}, and asks the gateway what it is, so that what fails for both directions is said once. */
async function prepare(sql: Sql, scope: GatewayScope, work: Work): Promise<ImportTask[]> {
  const tasks = await open(sql, scope, work);
  for (const { gateway } of tasks.slice(0, 1)) await warnOfCurrency(scope, gateway);
  return tasks;
}

/** Transfers in another currency are for the audit to judge (WC-R7); a gateway of another currency is worth a word. */
async function warnOfCurrency({ config }: GatewayScope, gateway: Gateway): Promise<void> {
  const currency = (await gateway.config())?.currency;
  const expected = config.getCurrency("exchange", "CURRENCY");
  if (currency === undefined || currency === expected) return;
  printWarning(`${gateway.account}: the gateway's currency is not ${expected}`);
}

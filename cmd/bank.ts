// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor bank`: keeps what the bank reports about the exchange's accounts, and shows it. */

import { BankError, type Direction } from "../core/bank/history.ts";
import { connectBankStore, ensureBankSchema, requireBankSchema } from "../core/bank/schema.ts";
import { countStored, forgetAccount, readAccounts as readStoredAccounts } from "../core/bank/store-history.ts";
import { readAnomalies, readNewest } from "../core/bank/store-rows.ts";
import { type Account, readAccounts } from "../core/config/accounts.ts";
import { bankStoreOptions } from "../core/config/bank-store.ts";
import type { Configuration } from "../core/config/configuration.ts";
import { loadConfiguration } from "../core/config/load.ts";
import { describeProblem } from "../core/config/problem.ts";
import { describeConnection, type Sql } from "../core/db/connect.ts";
import { importFile, readStatement } from "./bank-file.ts";
import { followGateways, importGateways, verifyGateways } from "./bank-gateway.ts";
import { anomaliesJson, anomaliesText, count, transactionsJson, transactionsText } from "./bank-text.ts";
import {
  consentOfProcess,
  EXIT,
  type Options,
  printWarning,
  readOptions,
  requireConsent,
  runTool,
  ToolError,
} from "./schema-tool.ts";

const HELP = `taler-auditor bank - keep what the bank reports about the exchange's accounts

Usage: taler-auditor bank import [-c FILE] [--once | --follow] [--account NAME]… [--credit] [--debit] [-I]
       taler-auditor bank import [-c FILE] --file FILE --account NAME [--format camt.053|csv]
       taler-auditor bank verify [-c FILE] [--account NAME]… [--days N] [--fail-on-findings]
       taler-auditor bank show   [-c FILE] [--account NAME]… [--direction DIR] [--limit N] [--anomalies]
                                 [--full | --json]
       taler-auditor bank forget [-c FILE] --account NAME [--yes]

import  asks the wire gateway of each [exchange-account-NAME] with ENABLE_CREDIT or ENABLE_DEBIT for transfers that are
        not in the local store yet, and reads the newest stored ones again. What the bank reports is added and never
        changed; where it contradicts itself later, that is recorded as an anomaly. Whole pages are stored together with
        the place reached: an import that ends at any moment is simply started again. Wrong answers are not used.
verify  reads the history again and compares it with the store.
show    lists the newest transfers in the store, or its anomalies.
forget  deletes all that the store has of an account, after asking: the way back from a mistaken import. What an audit
        has booked from it stays, until dbinit --restart and an audit from the first record.

The store is schema auditor_bank in the database of option CONFIG in section [bankdb-postgres], by default
postgres:///libeufin. The first import creates it.

  -c, --config FILE       configuration file
      --account NAME      only this account: the name of its section, or what follows exchange-account- in it
  -t, --once              import what there is now, and end (the default)
      --follow            keep on importing; end with SIGTERM or SIGINT
      --credit, --debit   only incoming, or only outgoing transfers
  -I, --ignore-not-found  status 404 means that there are no transfers yet
      --page-size N       transfers per request (default: 1024)
      --file FILE         import a file that the bank gave out, instead of asking the gateway
      --format FORMAT     camt.053 (XML, .001.02, .04 or .08) or csv; the default is by the end of the file's name
      --days N            compare only what is dated in the last N days
      --fail-on-findings  exit with 10 when anomalies are open
      --direction DIR     credit or debit
      --limit N           at most N transfers of each account and direction (default: 20)
      --anomalies         list anomalies instead of transfers
      --full              do not shorten subjects and accounts on a terminal
      --json              print one JSON document
      --yes               do not ask (forget)
  -h, --help              this text

CSV files begin with a line that names the columns row_id, date, direction, amount, subject, counterpart (RFC 4180):
row_id is the bank's number of the transfer as in its wire gateway, date is ISO 8601, direction is credit or debit,
amount is CURRENCY:VALUE, subject is a reserve's key, KYC: and an account's key, or a wtid, a blank and the exchange's
URL, counterpart is a payto URI. Statements in camt.053 have no such numbers: transfers get numbers of our own, and can
be found in the exchange's records by their subjects only.

Exit codes: 0 done; 1 something failed, also if for one account only; 2 wrong usage; 4 a right is missing;
5 no connection to the database; 6 wrong configuration; 10 open anomalies (with --fail-on-findings)
`;

const FINDINGS = 10;

/** Columns that a table may take on a terminal. */
const TABLE_WIDTH = 120;

/** The subcommand. */
export const command = {
  name: "bank",
  summary: "import, compare and show the history of the exchange's bank accounts",
  help: HELP,
  run: (args: string[]): Promise<number> => runTool(() => run(args)),
};

const COMMON = {
  config: { type: "string", short: "c" },
  account: { type: "string", multiple: true },
  help: { type: "boolean", short: "h" },
} as const;

const GATEWAY = {
  credit: { type: "boolean" },
  debit: { type: "boolean" },
  "ignore-not-found": { type: "boolean", short: "I" },
  "page-size": { type: "string" },
} as const;

async function run(args: string[]): Promise<number> {
  const [action = "", ...rest] = args;
  try {
    switch (action) {
      case "import":
        return await runImport(rest);
      case "verify":
        return await runVerify(rest);
      case "show":
        return await runShow(rest);
      case "forget":
        return await runForget(rest);
    }
  } catch (error) {
    if (!(error instanceof BankError)) throw error;
    const code = error.kind === "configuration" ? EXIT.configuration : EXIT.failed;
    throw new ToolError(code, error.message);
  }
  if (readOptions(action.startsWith("-") ? args : [], COMMON).help === true) return printHelp();
  throw new ToolError(
    EXIT.usage,
    action === "" || action.startsWith("-") ? "what to do is missing" : `there is no bank ${action}`,
    "say bank import, bank verify, bank show or bank forget; --help says more",
  );
}

function printHelp(): number {
  console.log(HELP.trimEnd());
  return EXIT.done;
}

async function runImport(args: string[]): Promise<number> {
  const options = readOptions(args, {
    ...COMMON,
    ...GATEWAY,
    once: { type: "boolean", short: "t" },
    follow: { type: "boolean" },
    file: { type: "string" },
    format: { type: "string" },
  });
  if (options.help === true) return printHelp();
  if (options.once === true && options.follow === true) {
    throw new ToolError(EXIT.usage, "--once and --follow exclude each other");
  }
  const { file, format } = options;
  if (typeof file === "string") {
    const stray = [...Object.keys(GATEWAY), "once", "follow"].find((name) => options[name] !== undefined);
    if (stray !== undefined) throw new ToolError(EXIT.usage, `--${stray} has no meaning with --file`);
  } else if (format !== undefined) {
    throw new ToolError(EXIT.usage, "--format has a meaning with --file only");
  }
  const prepare = async (config: Configuration) => {
    if (typeof file !== "string") return gatewayScope(options, config);
    const account = oneAccount(options, config);
    return { file, account, statement: await readStatement(config, account, file, format as string | undefined) };
  };
  return await withStore(options, "bank import", prepare, async (sql, work) => {
    const patch = await ensureBankSchema(sql);
    if (patch !== undefined) console.log(`applied ${patch} to ${describeConnection(sql)}`);
    if ("statement" in work) return await importFile(sql, work.account, work.file, work.statement);
    return await (options.follow === true ? followGateways(sql, work) : importGateways(sql, work));
  });
}

async function runVerify(args: string[]): Promise<number> {
  const options = readOptions(args, {
    ...COMMON,
    ...GATEWAY,
    days: { type: "string" },
    "fail-on-findings": { type: "boolean" },
  });
  if (options.help === true) return printHelp();
  const days = integer(options, "days", 36_500);
  return await withStore(options, "bank verify", (config) => gatewayScope(options, config), async (sql, scope) => {
    await requireBankSchema(sql);
    const failed = await verifyGateways(sql, scope, days);
    if (failed !== EXIT.done || options["fail-on-findings"] !== true) return failed;
    const open = await readAnomalies(sql);
    const names = scope.accounts ?? open.map(({ account }) => account);
    return open.some(({ account }) => names.includes(account)) ? FINDINGS : EXIT.done;
  });
}

async function runShow(args: string[]): Promise<number> {
  const options = readOptions(args, {
    ...COMMON,
    direction: { type: "string" },
    limit: { type: "string" },
    anomalies: { type: "boolean" },
    full: { type: "boolean" },
    json: { type: "boolean" },
  });
  if (options.help === true) return printHelp();
  const { direction } = options;
  if (direction !== undefined && direction !== "credit" && direction !== "debit") {
    throw new ToolError(EXIT.usage, `--direction: ${direction} is neither credit nor debit`);
  }
  const limit = integer(options, "limit", 1_000_000) ?? 20;
  const prepare = (config: Configuration) =>
    chosenAccounts(options, readAccounts(config))?.map(({ section }) => section) ?? [undefined];
  return await withStore(options, "bank show", prepare, async (sql, chosen) => {
    await requireBankSchema(sql);
    const width = options.full !== true && Deno.stdout.isTerminal() ? TABLE_WIDTH : undefined;
    const json = options.json === true;
    const each = async <T>(read: (account: string | undefined) => Promise<T[]>) =>
      (await Promise.all(chosen.map(read))).flat();
    if (options.anomalies === true) {
      const anomalies = await each((account) => readAnomalies(sql, { account, direction, settled: true }));
      console.log(json ? JSON.stringify(anomaliesJson(anomalies), undefined, 2) : anomaliesText(anomalies));
    } else {
      const transactions = await each((account) => readNewest(sql, { account, direction, limit }));
      const text = () => transactionsText(transactions, width);
      console.log(json ? JSON.stringify(transactionsJson(transactions), undefined, 2) : text());
    }
    return EXIT.done;
  });
}

async function runForget(args: string[]): Promise<number> {
  const options = readOptions(args, { ...COMMON, yes: { type: "boolean" } });
  if (options.help === true) return printHelp();
  const names = options.account as unknown as string[] | undefined;
  const [name] = names ?? [];
  if (name === undefined || names?.length !== 1) {
    throw new ToolError(EXIT.usage, "forget is about one account: name it with --account");
  }
  const prepare = (config: Configuration) => configuredAccount(name, readAccounts(config))?.section ?? name;
  return await withStore(options, "bank forget", prepare, async (sql, account) => {
    await requireBankSchema(sql);
    const stored = await countStored(sql, account);
    if (stored === undefined) {
      const known = (await readStoredAccounts(sql)).map((row) => row.account);
      const hint = known.length === 0 ? "the store is empty" : `it has ${known.join(", ")}`;
      throw new ToolError(EXIT.failed, `the store has nothing of account ${account}`, hint);
    }
    const parts = [count(stored.transfers, "transfer"), count(stored.anomalies, "anomaly", "anomalies")].join(" and ");
    requireConsent(
      `delete the stored history of ${account}, ${parts}, from ${describeConnection(sql)}`,
      consentOfProcess(options.yes === true),
    );
    await forgetAccount(sql, account);
    console.log(`${account}: ${parts} deleted; the next bank import begins anew`);
    console.log(
      "The next audit drops the findings about these anomalies (WC-R9). What earlier audits booked from these transfers " +
        "stays: if there was one since the import, run taler-auditor dbinit --restart, then audit from the first record.",
    );
    return EXIT.done;
  });
}

/**
 * Loads the configuration, connects to the store, does the work and disconnects.
 *
 * @param prepare what can be found wrong before anything is touched
 */
async function withStore<T>(
  options: Options,
  name: string,
  prepare: (config: Configuration) => T | Promise<T>,
  work: (sql: Sql, prepared: T) => Promise<number>,
): Promise<number> {
  const file = options.config as string | undefined;
  const loaded = loadConfiguration(file === undefined ? {} : { file });
  if ("problems" in loaded) {
    throw new ToolError(EXIT.configuration, loaded.problems.map(describeProblem).join("\n"));
  }
  const config = loaded.configuration;
  const prepared = await prepare(config);
  const sql = await connectBankStore(config, bankStoreOptions(config), {
    applicationName: `taler-auditor ${name}`,
    max: 4,
  });
  try {
    return await work(sql, prepared);
  } finally {
    for (const { level, message } of config.notices) if (level === "warning") printWarning(message);
    await sql.end({ timeout: 1 });
  }
}

function gatewayScope(options: Options, config: Configuration) {
  const both = options.credit !== true && options.debit !== true;
  const directions: Direction[] = [
    ...(both || options.credit === true ? ["credit"] as const : []),
    ...(both || options.debit === true ? ["debit"] as const : []),
  ];
  return {
    config,
    directions,
    accounts: chosenAccounts(options, readAccounts(config))?.map(({ section }) => section),
    ignoreNotFound: options["ignore-not-found"] === true,
    pageSize: integer(options, "page-size", 100_000),
  };
}

/** The accounts that `--account` names, as sections or by what follows the common prefix; undefined: all. */
function chosenAccounts(options: Options, known: readonly Account[]): Account[] | undefined {
  const names = options.account as unknown as string[] | undefined;
  return names?.map((name) => {
    const account = configuredAccount(name, known);
    if (account !== undefined) return account;
    const hint = known.length === 0 ? "none is configured" : `there are ${known.map((a) => a.section).join(", ")}`;
    throw new ToolError(EXIT.configuration, `there is no account ${name}`, hint);
  });
}

function configuredAccount(name: string, known: readonly Account[]): Account | undefined {
  return known.find(({ section }) => section === name) ??
    known.find(({ section }) => section.toLowerCase() === `exchange-account-${name}`.toLowerCase());
}

function oneAccount(options: Options, config: Configuration): Account {
  const [account, ...others] = chosenAccounts(options, readAccounts(config)) ?? [];
  if (account === undefined || others.length > 0) {
    throw new ToolError(EXIT.usage, "a file is about one account: name it with --account");
  }
  return account;
}

function integer(options: Options, name: string, max: number): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = /^\d{1,7}$/.test(String(text)) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw new ToolError(EXIT.usage, `--${name}: ${text} is not a number from 1 to ${max}`);
}

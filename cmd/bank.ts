// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor bank`: keeps what the bank reports about the exchange's accounts, and shows it. */

import { BankError, type Direction } from "../core/bank/history.ts";
import { connectBankStore, ensureBankSchema, requireBankSchema } from "../core/bank/schema.ts";
import { readAnomalies, readNewest } from "../core/bank/store-rows.ts";
import { type Account, readAccounts } from "../core/config/accounts.ts";
import { bankStoreOptions } from "../core/config/bank-store.ts";
import type { Configuration } from "../core/config/configuration.ts";
import { loadConfiguration } from "../core/config/load.ts";
import { describeProblem } from "../core/config/problem.ts";
import { describeConnection, type Sql } from "../core/db/connect.ts";
import { importFile } from "./bank-file.ts";
import { followGateways, importGateways, verifyGateways } from "./bank-gateway.ts";
import { anomaliesJson, anomaliesText, transactionsJson, transactionsText } from "./bank-text.ts";
import { EXIT, type Options, printWarning, readOptions, runTool, ToolError } from "./schema-tool.ts";

const HELP = `taler-auditor bank - keep what the bank reports about the exchange's accounts

Usage: taler-auditor bank import [-c FILE] [--once | --follow] [--account NAME]… [--credit] [--debit] [-I]
       taler-auditor bank import [-c FILE] --file FILE --account NAME [--format camt.053|csv]
       taler-auditor bank verify [-c FILE] [--account NAME]… [--days N] [--fail-on-findings]
       taler-auditor bank show   [-c FILE] [--account NAME]… [--direction DIR] [--limit N] [--anomalies] [--json]

import  asks the wire gateway of each [exchange-account-NAME] with ENABLE_CREDIT or ENABLE_DEBIT for transfers that are
        not in the local store yet, and reads the newest stored ones again. What the bank reports is added and never
        changed; where it contradicts itself later, that is recorded as an anomaly. Whole pages are stored together with
        the place reached: an import that ends at any moment is simply started again. Wrong answers are not used.
verify  reads the history again and compares it with the store.
show    lists the newest transfers in the store, or its anomalies.

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
      --json              print one JSON document
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
    "say bank import, bank verify or bank show; --help says more",
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
  return await withStore(options, "bank import", async (sql, config) => {
    const patch = await ensureBankSchema(sql);
    if (patch !== undefined) console.log(`applied ${patch} to ${describeConnection(sql)}`);
    if (typeof file === "string") return await importFile(sql, oneAccount(options, config), file, format as string);
    const scope = gatewayScope(options, config);
    return await (options.follow === true ? followGateways(sql, scope) : importGateways(sql, scope));
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
  return await withStore(options, "bank verify", async (sql, config) => {
    await requireBankSchema(sql);
    const scope = gatewayScope(options, config);
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
    json: { type: "boolean" },
  });
  if (options.help === true) return printHelp();
  const { direction } = options;
  if (direction !== undefined && direction !== "credit" && direction !== "debit") {
    throw new ToolError(EXIT.usage, `--direction: ${direction} is neither credit nor debit`);
  }
  const limit = integer(options, "limit", 1_000_000) ?? 20;
  return await withStore(options, "bank show", async (sql, config) => {
    await requireBankSchema(sql);
    const chosen = chosenAccounts(options, readAccounts(config))?.map(({ section }) => section) ?? [undefined];
    const json = options.json === true;
    const each = async <T>(read: (account: string | undefined) => Promise<T[]>) =>
      (await Promise.all(chosen.map(read))).flat();
    if (options.anomalies === true) {
      const anomalies = await each((account) => readAnomalies(sql, { account, direction, settled: true }));
      console.log(json ? JSON.stringify(anomaliesJson(anomalies), undefined, 2) : anomaliesText(anomalies));
    } else {
      const transactions = await each((account) => readNewest(sql, { account, direction, limit }));
      console.log(json ? JSON.stringify(transactionsJson(transactions), undefined, 2) : transactionsText(transactions));
    }
    return EXIT.done;
  });
}

/** Loads the configuration, connects to the store, does the work and disconnects. */
async function withStore(
  options: Options,
  name: string,
  work: (sql: Sql, config: Configuration) => Promise<number>,
): Promise<number> {
  const file = options.config as string | undefined;
  const loaded = loadConfiguration(file === undefined ? {} : { file });
  if ("problems" in loaded) {
    throw new ToolError(EXIT.configuration, loaded.problems.map(describeProblem).join("\n"));
  }
  const config = loaded.configuration;
  const sql = await connectBankStore(config, bankStoreOptions(config), {
    applicationName: `taler-auditor ${name}`,
    max: 4,
  });
  try {
    return await work(sql, config);
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
    const account = known.find(({ section }) => section === name) ??
      known.find(({ section }) => section.toLowerCase() === `exchange-account-${name}`.toLowerCase());
    if (account !== undefined) return account;
    const hint = known.length === 0 ? "none is configured" : `there are ${known.map((a) => a.section).join(", ")}`;
    throw new ToolError(EXIT.configuration, `there is no account ${name}`, hint);
  });
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

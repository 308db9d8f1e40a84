// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor exchange-dbinit`: creates or resets the exchange's schema for a copy of its data (cli.md 7). */

import type { Sql } from "../core/db/connect.ts";
import { SchemaRefused } from "../core/db/generation.ts";
import { detectExchangeSchema, requireExchangeSchema } from "../core/exchange/detect.ts";
import {
  createExchangeSchema,
  dropExchangeSchema,
  EXCHANGE_PATCHES,
  injectAuditorTriggers,
  releaseShards,
} from "../core/exchange/schema.ts";
import {
  type Consent,
  consentOfProcess,
  EXIT,
  type Options,
  printWarnings,
  readOptions,
  requireConsent,
  runTool,
  ToolError,
  withConfiguredDatabase,
} from "./schema-tool.ts";

const HELP = `taler-auditor exchange-dbinit - create the exchange's tables for a trusted copy

Usage: taler-auditor exchange-dbinit [-c FILE] [-r [--yes]] [-s] [-a]

Creates schema exchange of release 0.14.1, without partitions and with all foreign keys, in the database of option
CONFIG in section [exchangedb-postgres]. Running it again changes nothing. Without -c it looks for the exchange's
configuration, then for the auditor's.

  -c, --config FILE     configuration file
  -r, --reset           drop schema exchange with EVERYTHING in it first; asks for confirmation
      --yes             confirm -r without asking
  -a, --inject-auditor  install triggers that wake the audit when rows arrive
  -s, --shardunlock     release work shard locks (an exchange's business, without meaning on a copy)
  -P, --partition N     refused: a trusted copy has no partitions
  -f, --force           refused: as -P
  -g, --gc              not supported yet
  -h, --help            this text

Exit codes: 0 done, 1 failed, 2 wrong usage, 4 a right is missing, 5 no connection, 6 wrong configuration
`;

/** The subcommand. */
export const command = {
  name: "exchange-dbinit",
  summary: "create the exchange's tables for a trusted copy",
  help: HELP,
  run: (args: string[]): Promise<number> => runTool(() => run(args)),
};

async function run(args: string[]): Promise<number> {
  const options = readOptions(args, {
    config: { type: "string", short: "c" },
    reset: { type: "boolean", short: "r" },
    yes: { type: "boolean" },
    "inject-auditor": { type: "boolean", short: "a" },
    shardunlock: { type: "boolean", short: "s" },
    partition: { type: "string", short: "P" },
    force: { type: "boolean", short: "f" },
    gc: { type: "boolean", short: "g" },
    help: { type: "boolean", short: "h" },
  });
  if (options.help === true) {
    console.log(HELP.trimEnd());
    return EXIT.done;
  }
  refuseUnsupported(options);
  const consent = consentOfProcess(options.yes === true);
  return await withConfiguredDatabase(
    options.config as string | undefined,
    "exchange",
    "exchange-dbinit",
    (sql, where) => initialise(sql, where, options, consent),
  );
}

function refuseUnsupported(options: Options): void {
  if (options.partition !== undefined || options.force === true) {
    throw new ToolError(
      EXIT.usage,
      "a trusted copy is not partitioned: partitions have almost no foreign keys, and nothing would keep serial " +
        "numbers unique across them",
      "leave out -P and -f; an exchange's own database is created with taler-exchange-dbinit",
    );
  }
  if (options.gc === true) {
    throw new ToolError(
      EXIT.usage,
      "garbage collection of the trusted copy is not supported yet, nothing was changed",
      "the reference's would delete reserves that still hold money on a copy that lacks their balances",
    );
  }
}

/** The work itself, on an open connection: -r, create, -s, -a. */
async function initialise(sql: Sql, where: string, options: Options, consent: Consent): Promise<number> {
  if (options.reset === true) {
    requireConsent(`drop schema exchange in ${where}`, consent);
    await dropExchangeSchema(sql);
    console.log(`dropped schema exchange in ${where}`);
  }
  const before = await detectExchangeSchema(sql);
  if (before.accepted) {
    console.log(`schema exchange in ${where} is up to date`);
    printWarnings(before);
  } else if (before.kind === "absent") {
    await createExchangeSchema(sql);
    console.log(`applied ${EXCHANGE_PATCHES[0]} to ${EXCHANGE_PATCHES.at(-1)} to ${where}`);
    printWarnings(await requireExchangeSchema(sql));
  } else {
    throw new SchemaRefused(before, "exchange");
  }
  if (options.shardunlock === true) {
    await releaseShards(sql);
    console.log("released all work shard locks");
  }
  if (options["inject-auditor"] === true) {
    await injectAuditorTriggers(sql);
    console.log("installed the triggers that wake the audit");
  }
  return EXIT.done;
}

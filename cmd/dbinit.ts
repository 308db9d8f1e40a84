// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor dbinit`: creates, completes, restarts or resets the auditor's schema (cli.md 6). */

import { detectAuditorSchema, requireAuditorSchema } from "../core/db/auditor-detect.ts";
import { initAuditorSchema, renewAuditorFunctions, resetAuditor, restartAuditor } from "../core/db/auditor-schema.ts";
import type { Sql } from "../core/db/connect.ts";
import { SchemaRefused } from "../core/db/generation.ts";
import {
  type Consent,
  consentOfProcess,
  EXIT,
  type Options,
  printWarning,
  printWarnings,
  readOptions,
  requireConsent,
  runTool,
  ToolError,
  withConfiguredDatabase,
} from "./schema-tool.ts";

const HELP = `taler-auditor dbinit - create or upgrade the auditor's tables

Usage: taler-auditor dbinit [-c FILE] [-r [--drop-historic] | -R [--yes]] [-g]

Creates schema auditor in the database of option CONFIG in section [auditordb-postgres], or adds what is missing
in it. Running it again changes nothing. The role needs the right to create schemas in that database.

  -c, --config FILE    configuration file
  -r, --restart        forget all audit progress, balances and findings first; keep deposit confirmations, signing
                       keys and historic revenue: the next audit begins with the first record
      --drop-historic  with -r: forget historic revenue too (it cannot be computed again once the exchange has
                       collected its garbage)
  -R, --reset          drop schema auditor with EVERYTHING in it first; asks for confirmation
      --yes            confirm -R without asking
  -g, --gc             accepted for compatibility; there is nothing to collect
  -h, --help           this text

Exit codes: 0 done, 1 failed, 2 wrong usage, 4 a right is missing, 5 no connection, 6 wrong configuration
`;

/** The subcommand. */
export const command = {
  name: "dbinit",
  summary: "create or upgrade the auditor's tables",
  help: HELP,
  run: (args: string[]): Promise<number> => runTool(() => run(args)),
};

async function run(args: string[]): Promise<number> {
  const options = readOptions(args, {
    config: { type: "string", short: "c" },
    restart: { type: "boolean", short: "r" },
    "drop-historic": { type: "boolean" },
    reset: { type: "boolean", short: "R" },
    yes: { type: "boolean" },
    gc: { type: "boolean", short: "g" },
    help: { type: "boolean", short: "h" },
  });
  if (options.help === true) {
    console.log(HELP.trimEnd());
    return EXIT.done;
  }
  if (options["drop-historic"] === true && options.restart !== true) {
    throw new ToolError(EXIT.usage, "--drop-historic has a meaning with --restart only");
  }
  const consent = consentOfProcess(options.yes === true);
  return await withConfiguredDatabase(
    options.config as string | undefined,
    "auditor",
    "dbinit",
    (sql, where) => initialise(sql, where, options, consent),
  );
}

/** The work itself, on an open connection: (-R or -r), create or complete, -g. */
async function initialise(sql: Sql, where: string, options: Options, consent: Consent): Promise<number> {
  let failed = false;
  if (options.reset === true) {
    requireConsent(`drop schema auditor in ${where}, deposit confirmations included`, consent);
    failed = !await attempt("reset", async () => {
      await resetAuditor(sql);
      console.log(`dropped schema auditor in ${where}`);
    });
  } else if (options.restart === true) {
    failed = !await attempt("restart", async () => {
      const tables = await restartAuditor(sql, { dropHistoric: options["drop-historic"] === true });
      console.log(`emptied ${tables.length} tables of schema auditor in ${where}`);
    });
  }
  await create(sql, where);
  if (options.gc === true) console.log("garbage collection: there is nothing to collect in the auditor's tables");
  return failed ? EXIT.failed : EXIT.done;
}

/** As in the reference a failing reset does not keep tables from being created; but the exit code tells of it. */
async function attempt(what: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "PostgresError") throw error;
    printWarning(`the ${what} failed: ${error.message}`);
    return false;
  }
}

async function create(sql: Sql, where: string): Promise<void> {
  const before = await detectAuditorSchema(sql);
  if (before.accepted) {
    await renewAuditorFunctions(sql);
    console.log(`schema auditor in ${where} is up to date`);
    printWarnings(before);
    return;
  }
  if (before.kind !== "absent" && before.kind !== "incomplete") throw new SchemaRefused(before, "auditor");
  const patches = await initAuditorSchema(sql);
  console.log(`applied ${patches.join(", ")} to ${where}`);
  printWarnings(await requireAuditorSchema(sql));
}

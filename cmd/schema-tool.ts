// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** What the two tools that create and drop schemas have in common: options, confirmation, errors and exit codes. */

import { parseArgs, type ParseArgsConfig } from "node:util";
import { loadConfiguration } from "../core/config/load.ts";
import { ConfigurationError, describeProblem } from "../core/config/problem.ts";
import { processEnvironment } from "../core/config/environment.ts";
import { connectWith, DatabaseError, describeConnection, osUser, type Sql } from "../core/db/connect.ts";
import { connectionSettings } from "../core/db/connstring.ts";
import { type Accepted, SchemaRefused } from "../core/db/generation.ts";

/** Exit codes of these tools (cli.md 3): 4 and 5 are what scripts know from the reference's. */
export const EXIT = { done: 0, failed: 1, usage: 2, permission: 4, connection: 5, configuration: 6 } as const;

/** An end with a message for the person who called, and an exit code. */
export class ToolError extends Error {
  override name = "ToolError";
  constructor(readonly code: number, message: string, readonly hint?: string) {
    super(message);
  }
}

/** Prints an error as all commands do. */
export function printError(message: string, hint?: string): void {
  console.error(`taler-auditor: error: ${message}`);
  if (hint !== undefined) console.error(`taler-auditor: hint: ${hint}`);
}

/** Prints a warning: the work goes on. */
export function printWarning(message: string): void {
  console.error(`taler-auditor: warning: ${message}`);
}

/**
 * Why a file cannot be used, in plain words that follow "cannot be read: " or "cannot be written: ".
 *
 * @param doing what was tried
 */
export function fileFault(error: Error, doing: "read" | "written"): string {
  if (error instanceof Deno.errors.NotFound) {
    return doing === "read" ? "there is no such file" : "there is no such file or folder";
  }
  if (error instanceof Deno.errors.PermissionDenied) return `it may not be ${doing} by this user`;
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder";
  if (error instanceof Deno.errors.NotADirectory) return "a part of its path is no folder";
  return plainFault(error.message);
}

/** What the system said, without the numbers, calls and advice that the runtime adds for programmers. */
export function plainFault(message: string): string {
  return message.replace(/ \(os error \d+\).*$/s, "").split(", run again")[0] ?? "";
}

/** Values of the options that were given. */
export type Options = Record<string, string | boolean | undefined>;

/**
 * Reads options with `node:util` parseArgs; words that are no options are an error.
 *
 * @throws ToolError with exit code 2
 */
export function readOptions(args: string[], options: NonNullable<ParseArgsConfig["options"]>): Options {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values as Options;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ToolError(EXIT.usage, error.message.split(". ")[0] ?? "", "--help lists the options");
  }
}

/** What decides about destroying data. */
export interface Consent {
  /** `--yes` was given. */
  yes: boolean;
  /** Standard input and output are a terminal. */
  terminal: boolean;
  /** Asks a question and returns the answer, null at the end of input. */
  ask: (question: string) => string | null;
}

/** Consent from the process: asks on the terminal. */
export function consentOfProcess(yes: boolean): Consent {
  return { yes, terminal: Deno.stdin.isTerminal() && Deno.stdout.isTerminal(), ask: (question) => prompt(question) };
}

/**
 * Makes sure that a person wants data destroyed.
 *
 * @param what completes "This will …", e.g. `drop schema auditor in database x`
 * @throws ToolError when nobody says yes: exit code 2 without a terminal, else 1
 */
export function requireConsent(what: string, consent: Consent): void {
  if (consent.yes) return;
  if (!consent.terminal) {
    throw new ToolError(EXIT.usage, `this would ${what}, and there is no terminal to confirm it on`, "add --yes");
  }
  const answer = consent.ask(`This will ${what}. All data in it is lost. Type yes to go on:`);
  if (answer?.trim() !== "yes") throw new ToolError(EXIT.failed, "not confirmed, nothing was changed");
}

/**
 * Connects to the database that the configuration names, does the work and disconnects.
 *
 * @throws ToolError, and whatever `work` throws
 */
export async function withConfiguredDatabase(
  file: string | undefined,
  database: "auditor" | "exchange",
  name: string,
  work: (sql: Sql, where: string) => Promise<number>,
): Promise<number> {
  const loaded = loadConfiguration({ ...(file === undefined ? {} : { file }), project: projectOf(database, file) });
  if ("problems" in loaded) {
    throw new ToolError(EXIT.configuration, loaded.problems.map(describeProblem).join("\n"));
  }
  const settings = connectionSettings(loaded.configuration, database, { osUser: osUser(processEnvironment()) });
  for (const { level, message } of loaded.configuration.notices) if (level === "warning") printWarning(message);
  const sql = await connectWith(settings, { searchPath: [], applicationName: `taler-auditor ${name}` });
  try {
    return await work(sql, describeConnection(sql));
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Without `-c`, the exchange's search path is tried first for the exchange's database (cli.md 7). */
function projectOf(database: "auditor" | "exchange", file: string | undefined): "auditor" | "exchange" {
  if (database === "auditor" || file !== undefined) return "auditor";
  const found = loadConfiguration({ project: "exchange" });
  return "configuration" in found && found.configuration.mainFile === undefined ? "auditor" : "exchange";
}

/** Prints what is unusual about a schema that can be used. */
export function printWarnings(verdict: Accepted): void {
  for (const warning of verdict.warnings) printWarning(warning);
}

/** Runs a tool and turns everything that may go wrong into a message and an exit code. */
export async function runTool(body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    return explainFailure(error);
  }
}

function explainFailure(error: unknown): number {
  if (error instanceof ToolError) {
    printError(error.message, error.hint);
    return error.code;
  }
  if (error instanceof ConfigurationError) {
    printError(error.message);
    return EXIT.configuration;
  }
  if (error instanceof DatabaseError) {
    printError(error.message, error.hint);
    return error.kind === "permission" ? EXIT.permission : EXIT.connection;
  }
  if (error instanceof SchemaRefused) {
    printError(error.message, error.hint);
    return EXIT.failed;
  }
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "42501") {
    printError(
      `the role lacks a right: ${(error as Error).message}`,
      "let it create schemas (GRANT CREATE ON DATABASE … TO …), or run this as the owner of the schema",
    );
    return EXIT.permission;
  }
  if (error instanceof Error && error.name === "PostgresError") {
    printError(`the database refused: ${error.message}`);
    return EXIT.failed;
  }
  throw error;
}

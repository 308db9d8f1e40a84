// SPDX-License-Identifier: AGPL-3.0-or-later
/** Options of `taler-auditor config`, as its own words and the reference's tool have them (cli.md 2 and 13). */

import { parseArgs } from "node:util";
import type { Project } from "../core/config/defaults.ts";
import { LOG_LEVELS, type LogLevel } from "./offline-io.ts";
import { EXIT, ToolError } from "./schema-tool.ts";

const OPTIONS = {
  config: { type: "string", short: "c" },
  section: { type: "string", short: "s" },
  option: { type: "string", short: "o" },
  value: { type: "string", short: "V" },
  filename: { type: "boolean", short: "f" },
  "list-sections": { type: "boolean", short: "S" },
  full: { type: "boolean", short: "F" },
  rewrite: { type: "boolean", short: "r" },
  diagnostics: { type: "boolean", short: "d" },
  "show-secrets": { type: "boolean" },
  verbose: { type: "boolean" },
  project: { type: "string" },
  "legacy-project": { type: "boolean" },
  log: { type: "string", short: "L" },
  loglevel: { type: "string" },
  logfile: { type: "string", short: "l" },
  help: { type: "boolean", short: "h" },
} as const;

/** The options that were given. */
export type Values = ReturnType<typeof parseOrFail>["values"];

/**
 * Reads words and options.
 *
 * @throws ToolError with exit code 2
 */
export function parseOrFail(args: string[]) {
  try {
    return parseArgs({ args: asReference(args), allowPositionals: true, options: OPTIONS });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const hint = "--help lists the options; a value that begins with - needs -- before it";
    throw new ToolError(EXIT.usage, error.message.split(/[.\n]/)[0] ?? "", hint);
  }
}

/**
 * Options as scripts may write them for the reference's tool (cli.md 2): the beginning of a long name that fits no
 * other one, and values that begin with a dash.
 */
function asReference(args: readonly string[]): string[] {
  const words: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    if (word === "--") return [...words, ...args.slice(index)];
    const name = nameOf(word);
    const following = args[index + 1];
    if (name !== undefined && OPTIONS[name].type === "string" && !word.includes("=") && following !== undefined) {
      words.push(`--${name}=${following}`);
      index++;
    } else words.push(name !== undefined && word.startsWith("--") ? word.replace(/^[^=]*/, `--${name}`) : word);
  }
  return words;
}

/** The option that a word names; undefined for anything else, such as several short ones in one word. */
function nameOf(word: string): keyof typeof OPTIONS | undefined {
  const names = Object.keys(OPTIONS) as (keyof typeof OPTIONS)[];
  if (/^-[^-]$/.test(word)) return names.find((name) => "short" in OPTIONS[name] && OPTIONS[name].short === word[1]);
  const written = /^--([^=]+)/.exec(word)?.[1];
  if (written === undefined) return undefined;
  const fitting = names.filter((name) => name.startsWith(written));
  return names.find((name) => name === written) ?? (fitting.length === 1 ? fitting[0] : undefined);
}

/** Whose files are meant; throws ToolError. */
export function readProject(values: Values): Project {
  const { project } = values;
  if (values["legacy-project"] === true) {
    if (project !== undefined && project !== "taler") {
      throw new ToolError(EXIT.usage, `--legacy-project is --project taler, and not ${project}`);
    }
    return "taler";
  }
  if (project === undefined || project === "auditor" || project === "exchange" || project === "taler") {
    return project ?? "auditor";
  }
  throw new ToolError(EXIT.usage, `--project: ${project} is none of auditor, exchange, taler`);
}

/** A level of the log, in any case; throws ToolError. */
export function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((known) => known === text.toUpperCase());
  if (level !== undefined) return level;
  throw new ToolError(EXIT.usage, `--log: ${text} is none of ${LOG_LEVELS.join(", ")}`);
}

/** Options that have a meaning with some words only, or without any. */
const MEANING: Readonly<Record<string, readonly string[]>> = {
  section: [],
  option: [],
  value: [],
  "list-sections": [],
  full: [],
  rewrite: [],
  diagnostics: [],
  filename: ["get", "list"],
  "show-secrets": ["list", "dump"],
  verbose: ["check"],
};

/** Throws ToolError if an option was given that has no meaning with this word. */
export function requireMeaning(verb: string, values: Values): void {
  for (const [name, verbs] of Object.entries(MEANING)) {
    if (values[name as keyof Values] === undefined || verbs.includes(verb)) continue;
    throw new ToolError(EXIT.usage, `--${name} has no meaning with the word ${verb}`, "--help says more");
  }
}

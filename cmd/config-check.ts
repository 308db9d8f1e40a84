// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor config check`: what roles lack in the configuration. */

import { bankStoreOptions } from "../core/config/bank-store.ts";
import { checkRole, type OptionRead, type Role, ROLES, type RoleVerdict } from "../core/config/check.ts";
import type { Configuration } from "../core/config/configuration.ts";
import { loadConfiguration, type LoadOptions } from "../core/config/load.ts";
import { ConfigurationError, describeProblem } from "../core/config/problem.ts";
import { configurationProblems } from "../core/config/roles.ts";
import { unknownNames } from "../core/config/slips.ts";
import { osUser } from "../core/db/connect.ts";
import { connectionSettings, parseConnectionString } from "../core/db/connstring.ts";
import { originText, shownValue } from "./config-text.ts";
import { EXIT, printError, printWarning, ToolError } from "./schema-tool.ts";

/**
 * Prints the state of every role. Nobody needs all of them, so that what one lacks is no error. Returns the exit code: 6
 * if the configuration itself is malformed.
 */
export function overview(load: LoadOptions): number {
  const config = open(load);
  const rows = ROLES.map((role) => {
    const { lacks } = judge(load, role);
    return [
      role.name,
      lacks.length === 0 ? "ready" : problems(lacks.length),
      `${role.commands}${remark(role)}`,
    ] as const;
  });
  const width = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length));
  for (const [name, state, commands] of rows) {
    console.log(`${name.padEnd(width(0))}  ${state.padEnd(width(1))}  ${commands}`);
  }
  for (const warning of unknownNames(config)) printWarning(warning);
  const found = configurationProblems(config);
  for (const problem of found) printError(describeProblem(problem));
  return found.length === 0 ? EXIT.done : EXIT.configuration;
}

/** Prints what these roles lack. Returns the exit code: 6 if one of them lacks something. */
export function checkRoles(load: LoadOptions, names: readonly string[], verbose: boolean): number {
  const roles = names.map((name) => {
    const role = ROLES.find((known) => known.name === name.toLowerCase());
    if (role !== undefined) return role;
    throw new ToolError(EXIT.usage, `there is no role ${name}`, `roles are ${ROLES.map((r) => r.name).join(", ")}`);
  });
  for (const warning of unknownNames(open(load))) printWarning(warning);
  const verdicts = roles.map((role) => {
    const verdict = judge(load, role);
    console.log(verdictText(role, verdict, verbose));
    return verdict;
  });
  return verdicts.every(({ lacks }) => lacks.length === 0) ? EXIT.done : EXIT.configuration;
}

/** A configuration for each role: it tells everything once only. */
function open(load: LoadOptions): Configuration {
  const loaded = loadConfiguration(load);
  if ("configuration" in loaded) return loaded.configuration;
  throw new ConfigurationError(loaded.problems);
}

function judge(load: LoadOptions, role: Role): RoleVerdict {
  const config = open(load);
  return checkRole(config, role, (path) => Deno.readFileSync(path), (database) => {
    const user = osUser(config.environment);
    if (database === "bank") checkBankStore(config, user);
    else connectionSettings(config, database, { osUser: user, override: role.name !== "sync" });
  });
}

function checkBankStore(config: Configuration, user: string | undefined): void {
  const { connection, entry } = bankStoreOptions(config);
  const result = parseConnectionString(connection, config.environment, user);
  if ("error" in result && entry !== undefined) throw config.reject(entry, result.error);
  if ("error" in result) throw new ConfigurationError([{ section: "bankdb-postgres", message: result.error }]);
  for (const warning of result.settings.warnings) config.notice("warning", `[bankdb-postgres] CONFIG: ${warning}`);
}

function remark({ unreleased }: Role): string {
  return unreleased === undefined ? "" : " (not in this release)";
}

function problems(count: number): string {
  return `${count} problem${count === 1 ? "" : "s"}`;
}

function verdictText(role: Role, { lacks, warnings, options }: RoleVerdict, verbose: boolean): string {
  return [
    `${role.name}${remark(role)}: ${lacks.length === 0 ? "ready" : problems(lacks.length)}`,
    ...lacks.flatMap(({ problem, purpose }) => [
      `  ${describeProblem(problem)}`,
      ...(purpose === undefined ? [] : [`    It is ${purpose}.`]),
    ]),
    ...warnings.map((warning) => `  warning: ${warning}`),
    ...(verbose ? options.map((option) => `  ${readText(option)}`) : []),
  ].join("\n");
}

function readText({ section, option, entry }: OptionRead): string {
  if (entry === undefined) return `[${section}] ${option} is not set`;
  return `[${section}] ${option} = ${shownValue(entry)}  (${originText(entry.origin)})`;
}

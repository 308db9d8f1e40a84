// SPDX-License-Identifier: AGPL-3.0-or-later
/** What a role lacks in a configuration, and what it would run with (configuration.md 9, cli.md 13). */

import { bankStoreOptions } from "./bank-store.ts";
import { collector } from "./collect.ts";
import type { Configuration, Entry } from "./configuration.ts";
import type { Database } from "./database.ts";
import { knownOptions } from "./options.ts";
import { foldName } from "./parse.ts";
import type { Problem } from "./problem.ts";
import {
  auditOptions,
  bankOptions,
  dbinitOptions,
  httpdOptions,
  offlineOptions,
  PASSES,
  type ReadFile,
  syncOptions,
} from "./roles.ts";

/** A role, and how it reads its options. */
export interface Role {
  readonly name: string;
  /** Subcommands that run in it. */
  readonly commands: string;
  /** The subcommands are not there yet; what they will need can be prepared. */
  readonly unreleased?: true;
  /** Databases that it connects to. */
  readonly databases: readonly (Database | "bank")[];
  /** Sections whose BASE_URL it uses. */
  readonly addresses: readonly ("auditor" | "exchange")[];
  /** Reads all options of the role; throws ConfigurationError. */
  readonly read: (config: Configuration, readKeyFile: ReadFile) => unknown;
}

/** Every role. */
export const ROLES: readonly Role[] = [
  {
    name: "audit",
    commands: "audit, without the bank",
    databases: ["auditor", "exchange"],
    addresses: ["exchange", "auditor"],
    read: (config, readKeyFile) => {
      return auditOptions(config, { passes: PASSES.filter((pass) => !pass.startsWith("wire-")), readKeyFile });
    },
  },
  {
    name: "wire",
    commands: "audit, passes wire-credit and wire-debit",
    databases: ["auditor", "exchange", "bank"],
    addresses: [],
    // wire-debit looks at accounts with either direction.
    read: (config, readKeyFile) => {
      return both(() => auditOptions(config, { passes: ["wire-debit"], readKeyFile }), () => bankStoreOptions(config));
    },
  },
  {
    name: "bank",
    commands: "bank import, bank verify",
    databases: ["bank"],
    addresses: [],
    read: (config) => both(() => bankOptions(config), () => bankStoreOptions(config)),
  },
  {
    name: "httpd",
    commands: "httpd",
    unreleased: true,
    databases: ["auditor", "exchange"],
    addresses: [],
    read: httpdOptions,
  },
  {
    name: "sync",
    commands: "sync, one of its two files",
    unreleased: true,
    databases: ["exchange"],
    addresses: [],
    read: syncOptions,
  },
  {
    name: "dbinit",
    commands: "dbinit",
    databases: ["auditor"],
    addresses: [],
    read: (config) => dbinitOptions(config, "auditor"),
  },
  {
    name: "exchange-dbinit",
    commands: "exchange-dbinit",
    databases: ["exchange"],
    addresses: [],
    read: (config) => dbinitOptions(config, "exchange"),
  },
  {
    name: "offline",
    commands: "offline setup, show, sign, backup, restore, rotate",
    databases: [],
    addresses: ["auditor"],
    read: (config) => offlineOptions(config, ["setup", "show", "sign"]),
  },
  {
    name: "helper",
    commands: "offline download, upload",
    databases: [],
    addresses: ["exchange"],
    read: (config) => offlineOptions(config, ["download", "upload"]),
  },
];

/** Runs two reads and throws the problems of both, each once. */
function both(first: () => unknown, second: () => unknown): void {
  const problems = collector();
  problems.read(first);
  problems.read(second);
  problems.finish({});
}

/** An option that a role reads. */
export interface OptionRead {
  readonly section: string;
  readonly option: string;
  /** Undefined: not set. */
  readonly entry: Entry | undefined;
}

/** One thing that a role lacks, with what the option is for where it is about one that the auditor knows. */
export interface Lack {
  readonly problem: Problem;
  readonly purpose: string | undefined;
}

/** Verdict about one role. */
export interface RoleVerdict {
  /** Empty: the role has what it needs. */
  readonly lacks: readonly Lack[];
  readonly warnings: readonly string[];
  /** Every option that was read, in the order of the reads, each once. */
  readonly options: readonly OptionRead[];
}

/**
 * Lets a role read its options, as it does when it starts.
 *
 * @param config as it was loaded: what was told about it before is not told again
 * @param connects judges the connection to a database; throws ConfigurationError
 */
export function checkRole(
  config: Configuration,
  role: Role,
  readKeyFile: ReadFile,
  connects: (database: Role["databases"][number], role: Role) => void,
): RoleVerdict {
  const reads = new Map<string, OptionRead>();
  const observed = config.observed((section, option) => {
    const key = `${foldName(section)}\n${foldName(option)}`;
    if (!reads.has(key)) reads.set(key, { section, option, entry: config.entry(section, option) });
  });
  const known = config.notices.length;
  const problems = collector();
  problems.read(() => role.read(observed, readKeyFile));
  // A connection that cannot even be named is a problem already.
  const named = problems.problems().length === 0 ? role.databases : [];
  for (const database of named) problems.read(() => connects(database, role));
  const options = [...reads.values()];
  const lacks = problems.problems().map((problem) => ({ problem, purpose: purposeOf(problem) }));
  const notices = config.notices.slice(known).filter(({ level }) => level === "warning");
  return { lacks, warnings: [...notices.map(({ message }) => message), ...forgotten(config, role)], options };
}

function purposeOf({ section, option }: Problem): string | undefined {
  if (section === undefined || option === undefined) return undefined;
  return knownOptions(section).find((entry) => foldName(entry.option) === foldName(option))?.purpose;
}

/** Addresses that nobody has set: the shipped ones lead to this machine (configuration.md 7). */
function forgotten(config: Configuration, role: Role): string[] {
  return role.addresses.filter((section) => config.isShippedDefault(section, "BASE_URL")).map((section) => {
    const shipped = config.entry(section, "BASE_URL")?.value;
    return `[${section}] BASE_URL is not set; the default, ${shipped}, is hardly its address`;
  });
}

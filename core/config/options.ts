// SPDX-License-Identifier: AGPL-3.0-or-later
/** All options the auditor knows, with the check of their syntax (configuration.md 8). */

import { collector } from "./collect.ts";
import type { Configuration, Entry } from "./configuration.ts";
import { foldName } from "./parse.ts";
import type { Problem } from "./problem.ts";

type Check = (config: Configuration, section: string, option: string) => unknown;

/** Checks that need no arguments. The names are the types of configuration.md 4. */
const anything: Check = () => undefined;
const url: Check = (config, section, option) => config.getUrl(section, option);
const key: Check = (config, section, option) => config.getPublicKey(section, option);
const amount: Check = (config, section, option) => config.getAmount(section, option);
const duration: Check = (config, section, option) => config.getDuration(section, option);
const number: Check = (config, section, option) => config.getNumber(section, option);
const postgres: Check = (config, section, option) => config.getChoice(section, option, ["postgres"]);

/** A file name is not looked up here, only expanded; what its variables lack matters to the role that uses it. */
const filename: Check = (config, section, option) => {
  const entry = entryOf(config, section, option);
  const expansion = config.expandFilename(entry.value);
  if (entry.value === "") throw config.reject(entry, "expected a file name");
  if ("error" in expansion) throw config.reject(entry, expansion.error);
};

const directory: Check = (config, section, option) => {
  filename(config, section, option);
  const entry = entryOf(config, section, option);
  if (!entry.value.endsWith("/")) throw config.reject(entry, "expected the name of a directory with / at its end");
};

/** Byte length of a socket's name that still fits into the operating system's address (configuration.md 8). */
const SOCKET_NAME_MAX = 107;

/** Path of a UNIX socket: a file name of less than 108 bytes. */
export function getSocketPath(config: Configuration, section: string, option: string): string {
  const path = config.getFilename(section, option);
  if (new TextEncoder().encode(path).length > SOCKET_NAME_MAX) {
    const entry = entryOf(config, section, option);
    throw config.reject(entry, `the name of a socket has at most ${SOCKET_NAME_MAX} bytes, this is ${path}`);
  }
  return path;
}

/** TCP port 1 to 65535. */
export function getPort(config: Configuration, section: string, option: string): number {
  return Number(config.getNumber(section, option, { min: 1n, max: 65535n }));
}

/** Ways to listen, `[auditor] SERVE`. */
export const SERVE_CHOICES = ["tcp", "unix"] as const;

/** Ways to authenticate at a wire gateway, `WIRE_GATEWAY_AUTH_METHOD`. */
export const AUTH_METHODS = ["none", "basic", "bearer"] as const;

const altUnitNames: Check = (config, section, option) => getAltUnitNames(config, section, option);

/** JSON object from powers of ten to the unit's sign, `{"0": "€", "3": "k€"}`. */
export function getAltUnitNames(config: Configuration, section: string, option: string): Map<number, string> {
  return config.read(section, option, 'a JSON object such as {"0": "€"}', (text) => {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
    const units = new Map<number, string>();
    for (const [power, unit] of Object.entries(json)) {
      if (!/^-?[0-9]{1,2}$/.test(power) || typeof unit !== "string") return undefined;
      units.set(Number(power), unit);
    }
    return units;
  });
}

/** Digits after the point that an amount can be shown with. */
export function getDigits(config: Configuration, section: string, option: string): number {
  return Number(config.getNumber(section, option, { max: 8n }));
}

/** Section (a `*` at its end stands for any name), option, check. */
const OPTIONS: readonly (readonly [string, string, Check])[] = [
  ["exchange", "currency", (config, section, option) => config.getCurrency(section, option)],
  ["exchange", "currency_round_unit", amount],
  ["exchange", "master_public_key", key],
  ["exchange", "base_url", url],
  ["exchange", "db", postgres],
  ["taler", "currency", (config, section, option) => config.getCurrency(section, option)],
  ["taler", "currency_round_unit", amount],
  ["auditor", "db", postgres],
  // A name Debian's file once had; nothing reads it, but another value shows a misunderstanding (configuration.md 1.4).
  ["auditor", "database", postgres],
  ["auditor", "base_url", url],
  ["auditor", "public_key", key],
  ["auditor", "auditor_priv_file", filename],
  ["auditor", "tiny_amount", amount],
  ["auditor", "grace_period", duration],
  ["auditor", "serve", (config, section, option) => config.getChoice(section, option, SERVE_CHOICES)],
  ["auditor", "port", getPort],
  ["auditor", "bind_to", anything],
  ["auditor", "unixpath", filename],
  ["auditor", "unixpath_mode", (config, section, option) => config.getMode(section, option)],
  ["auditor", "terms_etag", anything],
  ["auditor", "terms_dir", filename],
  ["auditor", "privacy_etag", anything],
  ["auditor", "privacy_dir", filename],
  ["auditordb-postgres", "config", anything],
  ["auditordb-postgres", "sql_dir", directory],
  ["exchangedb-postgres", "config", anything],
  ["exchangedb-postgres", "sql_dir", filename],
  ["exchangedb-postgres", "default_purse_limit", number],
  ["exchangedb", "idle_reserve_expiration_time", duration],
  ["exchangedb", "legal_reserve_expiration_time", duration],
  ["exchangedb", "max_aml_program_runtime", duration],
  ["exchangedb", "aggregator_shift", duration],
  ["exchangedb", "default_purse_limit", number],
  ["exchangedb", "config", anything],
  ["exchange-account-*", "payto_uri", (config, section, option) => config.getPayto(section, option)],
  ["exchange-account-*", "wire_method", anything],
  // Anything but YES means no (configuration.md 8); the reader of accounts warns of other texts.
  ["exchange-account-*", "enable_credit", anything],
  ["exchange-account-*", "enable_debit", anything],
  ["exchange-accountcredentials-*", "wire_gateway_url", url],
  [
    "exchange-accountcredentials-*",
    "wire_gateway_auth_method",
    (config, section, option) => config.getChoice(section, option, AUTH_METHODS),
  ],
  ["exchange-accountcredentials-*", "username", anything],
  ["exchange-accountcredentials-*", "password", anything],
  ["exchange-accountcredentials-*", "token", anything],
  ["currency-*", "enabled", (config, section, option) => config.getYesNo(section, option)],
  ["currency-*", "code", (config, section, option) => config.getCurrency(section, option)],
  ["currency-*", "name", anything],
  ["currency-*", "fractional_input_digits", getDigits],
  ["currency-*", "fractional_normal_digits", getDigits],
  ["currency-*", "fractional_trailing_zero_digits", getDigits],
  ["currency-*", "alt_unit_names", altUnitNames],
];

function entryOf(config: Configuration, section: string, option: string): Entry {
  const entry = config.entry(section, option);
  // Callers have seen the entry before.
  if (entry === undefined) throw new Error(`[${section}] ${option} vanished`);
  return entry;
}

function checkFor(section: string, option: string): Check | undefined {
  const [folded, name] = [foldName(section), foldName(option)];
  return OPTIONS.find(([wanted, known]) => {
    return known === name && (wanted.endsWith("*") ? folded.startsWith(wanted.slice(0, -1)) : wanted === folded);
  })?.[2];
}

/**
 * Checks the syntax of every known option that a file sets, whether a role needs it or not (configuration.md 9, OUR).
 * Unknown options and sections are ignored, inaccessible sections too. Embedded defaults are taken as correct.
 */
export function syntaxProblems(config: Configuration): Problem[] {
  const problems = collector();
  for (const section of config.sections()) {
    if (config.inaccessible(section) !== undefined) continue;
    for (const entry of config.options(section)) {
      if (entry.origin.layer === "embedded" || entry.origin.layer === "generated") continue;
      problems.read(() => checkFor(section, entry.option)?.(config, section, entry.option));
    }
  }
  return problems.problems();
}

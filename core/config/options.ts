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
const currency: Check = (config, section, option) => config.getCurrency(section, option);
const payto: Check = (config, section, option) => config.getPayto(section, option);
const mode: Check = (config, section, option) => config.getMode(section, option);
const yesNo: Check = (config, section, option) => config.getYesNo(section, option);
const serve: Check = (config, section, option) => config.getChoice(section, option, SERVE_CHOICES);
const authMethod: Check = (config, section, option) => config.getChoice(section, option, AUTH_METHODS);

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

/** Section (a `*` at its end stands for any name), option, check, and what it is for. */
const OPTIONS: readonly (readonly [section: string, option: string, check: Check, purpose: string])[] = [
  ["exchange", "CURRENCY", currency, "the currency of the audited exchange"],
  [
    "exchange",
    "CURRENCY_ROUND_UNIT",
    amount,
    "the smallest amount that the bank transfers; transfers are rounded to it",
  ],
  ["exchange", "MASTER_PUBLIC_KEY", key, "the exchange's master key, from its operator by a trusted channel"],
  ["exchange", "BASE_URL", url, "the exchange's public address; signatures about purses cover it"],
  ["exchange", "DB", postgres, "the kind of the exchange's database"],
  ["taler", "CURRENCY", currency, "the old place of [exchange] CURRENCY"],
  ["taler", "CURRENCY_ROUND_UNIT", amount, "the old place of [exchange] CURRENCY_ROUND_UNIT"],
  ["auditor", "DB", postgres, "the kind of the auditor's database"],
  // A name Debian's file once had; nothing reads it, but another value shows a misunderstanding (configuration.md 1.4).
  ["auditor", "DATABASE", postgres, "an old name of [auditor] DB, without effect"],
  ["auditor", "BASE_URL", url, "the auditor's public address; each of its signatures covers it, byte by byte"],
  ["auditor", "PUBLIC_KEY", key, "the auditor's public key, for machines without the private key"],
  ["auditor", "AUDITOR_PRIV_FILE", filename, "the file of the auditor's private key"],
  ["auditor", "TINY_AMOUNT", amount, "amounts below this one are not worth a report when their transfer is missing"],
  ["auditor", "GRACE_PERIOD", duration, "how long a transfer may be missing on the other side"],
  ["auditor", "SERVE", serve, "how the web service listens: tcp or unix"],
  ["auditor", "PORT", getPort, "the port of the web service, with SERVE = tcp"],
  ["auditor", "BIND_TO", anything, "the address of the web service, with SERVE = tcp"],
  ["auditor", "UNIXPATH", filename, "the socket of the web service, with SERVE = unix"],
  ["auditor", "UNIXPATH_MODE", mode, "the mode of that socket"],
  ["auditor", "TERMS_ETAG", anything, "the version of the terms of service"],
  ["auditor", "TERMS_DIR", filename, "the directory of the terms of service"],
  ["auditor", "PRIVACY_ETAG", anything, "the version of the privacy policy"],
  ["auditor", "PRIVACY_DIR", filename, "the directory of the privacy policy"],
  ["auditordb-postgres", "CONFIG", anything, "the connection to the auditor's database"],
  ["auditordb-postgres", "SQL_DIR", directory, "a directory of schema files"],
  ["exchangedb-postgres", "CONFIG", anything, "the connection to the trusted copy of the exchange's database"],
  ["exchangedb-postgres", "SQL_DIR", filename, "a directory of schema files"],
  ["exchangedb-postgres", "DEFAULT_PURSE_LIMIT", number, "an option of the exchange, without effect"],
  ["bankdb-postgres", "CONFIG", anything, "the connection to the database that keeps the history of the bank accounts"],
  ["exchangedb", "IDLE_RESERVE_EXPIRATION_TIME", duration, "when the exchange closes an idle reserve; as it has it"],
  ["exchangedb", "LEGAL_RESERVE_EXPIRATION_TIME", duration, "how long the exchange keeps reserves; no check needs it"],
  ["exchangedb", "MAX_AML_PROGRAM_RUNTIME", duration, "an option of the exchange, without effect"],
  ["exchangedb", "AGGREGATOR_SHIFT", duration, "an option of the exchange, without effect"],
  ["exchangedb", "DEFAULT_PURSE_LIMIT", number, "an option of the exchange, without effect"],
  ["exchangedb", "CONFIG", anything, "the old place of [exchangedb-postgres] CONFIG"],
  ["exchange-account-*", "PAYTO_URI", payto, "the exchange's bank account"],
  ["exchange-account-*", "WIRE_METHOD", anything, "the payment method, where PAYTO_URI is not set"],
  // Anything but YES means no (configuration.md 8); the reader of accounts warns of other texts.
  ["exchange-account-*", "ENABLE_CREDIT", anything, "whether transfers to this account are audited"],
  ["exchange-account-*", "ENABLE_DEBIT", anything, "whether transfers from this account are audited"],
  ["exchange-accountcredentials-*", "WIRE_GATEWAY_URL", url, "the address of the bank's wire gateway"],
  [
    "exchange-accountcredentials-*",
    "WIRE_GATEWAY_AUTH_METHOD",
    authMethod,
    "how to log in there: none, basic or bearer",
  ],
  ["exchange-accountcredentials-*", "USERNAME", anything, "the name to log in with, for method basic"],
  ["exchange-accountcredentials-*", "PASSWORD", anything, "the password to log in with, for method basic"],
  ["exchange-accountcredentials-*", "TOKEN", anything, "the token to log in with, for method bearer"],
  ["currency-*", "ENABLED", yesNo, "whether this section is used"],
  ["currency-*", "CODE", currency, "the currency that this section is about"],
  ["currency-*", "NAME", anything, "the name of the currency"],
  ["currency-*", "FRACTIONAL_INPUT_DIGITS", getDigits, "how many digits after the point can be typed in"],
  ["currency-*", "FRACTIONAL_NORMAL_DIGITS", getDigits, "how many digits after the point are shown"],
  ["currency-*", "FRACTIONAL_TRAILING_ZERO_DIGITS", getDigits, "how many of them are shown even if they are zero"],
  ["currency-*", "ALT_UNIT_NAMES", altUnitNames, "the signs of the unit and of its multiples"],
];

/** An option that the auditor knows. */
export interface KnownOption {
  /** Name of the section; a `*` at its end stands for any name. */
  readonly section: string;
  readonly option: string;
  /** What it is for, worded to follow "it is". */
  readonly purpose: string;
}

/** Every option that the auditor knows, or those of one section. */
export function knownOptions(section?: string): KnownOption[] {
  return OPTIONS.filter(([wanted]) => section === undefined || matches(wanted, section))
    .map(([wanted, option, , purpose]) => ({ section: wanted, option, purpose }));
}

function entryOf(config: Configuration, section: string, option: string): Entry {
  const entry = config.entry(section, option);
  // Callers have seen the entry before.
  if (entry === undefined) throw new Error(`[${section}] ${option} vanished`);
  return entry;
}

function matches(wanted: string, section: string): boolean {
  const folded = foldName(section);
  return wanted.endsWith("*") ? folded.startsWith(wanted.slice(0, -1)) : wanted === folded;
}

function checkFor(section: string, option: string): Check | undefined {
  return OPTIONS.find(([wanted, known]) => foldName(known) === foldName(option) && matches(wanted, section))?.[2];
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

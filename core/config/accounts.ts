// SPDX-License-Identifier: AGPL-3.0-or-later
/** Bank accounts of the exchange, the credentials for them, and how a currency is shown (configuration.md 8). */

import { normalizePayto, paytoMethod } from "../taler/payto.ts";
import { collector } from "./collect.ts";
import type { Configuration } from "./configuration.ts";
import { AUTH_METHODS, getAltUnitNames, getDigits } from "./options.ts";

const ACCOUNT_PREFIX = "exchange-account-";
const CREDENTIALS_PREFIX = "exchange-accountcredentials-";

/** A bank account of the exchange, section `[exchange-account-NAME]`. */
export interface Account {
  /** Name of the section, byte by byte what the exchange stores as `exchange_account_section`. */
  readonly section: string;
  /** Full payto URI if configured. */
  readonly paytoUri: string | undefined;
  /** Payment method such as `iban`. */
  readonly method: string;
  /** Incoming transfers are checked. */
  readonly credit: boolean;
  /** Outgoing transfers are checked. */
  readonly debit: boolean;
}

/** How to prove to a wire gateway who asks. */
export type GatewayAuthentication =
  | { readonly method: "none" }
  | { readonly method: "basic"; readonly username: string; readonly password: string }
  | { readonly method: "bearer"; readonly token: string };

/** Access to a wire gateway, section `[exchange-accountcredentials-NAME]`. */
export interface GatewayCredentials {
  /** Name of the section. */
  readonly section: string;
  /** Base address with a slash at its end. */
  readonly url: string;
  readonly authentication: GatewayAuthentication;
}

/** An account with the gateway that knows its history. */
export interface GatewayAccount extends Account {
  readonly credentials: GatewayCredentials;
}

/** Accounts whose history can be fetched, and sections of the enabled ones without usable credentials. */
export interface GatewayAccounts {
  readonly accounts: readonly GatewayAccount[];
  readonly skipped: readonly string[];
}

/**
 * All usable accounts in the order of their sections. One without PAYTO_URI and WIRE_METHOD is left out with a warning
 * (configuration.md 8).
 *
 * @throws ConfigurationError with all malformed accounts
 */
export function readAccounts(config: Configuration): Account[] {
  const problems = collector();
  const accounts: Account[] = [];
  for (const section of config.sections(ACCOUNT_PREFIX)) {
    const account = problems.read(() => readAccount(config, section));
    if (account?.value !== undefined) accounts.push(account.value);
  }
  problems.finish({});
  return accounts;
}

function readAccount(config: Configuration, section: string): Account | undefined {
  const paytoUri = optional(config, section, "PAYTO_URI", () => config.getPayto(section, "PAYTO_URI"));
  const wireMethod = optional(config, section, "WIRE_METHOD", () => config.getString(section, "WIRE_METHOD"));
  const method = (paytoUri === undefined ? undefined : paytoMethod(paytoUri)) ?? wireMethod;
  if (method === undefined || method === "") {
    config.notice("warning", `account [${section}] is skipped: neither PAYTO_URI nor WIRE_METHOD is set`);
    return undefined;
  }
  if (wireMethod !== undefined && wireMethod.toLowerCase() !== method.toLowerCase()) {
    config.notice("warning", `[${section}] WIRE_METHOD is ignored, PAYTO_URI says ${method}`);
  }
  if (paytoUri !== undefined && normalizePayto(paytoUri) === undefined) {
    config.notice(
      "warning",
      `[${section}] PAYTO_URI does not validate and cannot be compared with what the bank reports`,
    );
  }
  const [credit, debit] = [enabled(config, section, "ENABLE_CREDIT"), enabled(config, section, "ENABLE_DEBIT")];
  return { section, paytoUri, method, credit, debit };
}

/** `YES` in any case; anything else means no, but a text that is neither is worth a warning (configuration.md 8). */
function enabled(config: Configuration, section: string, option: string): boolean {
  const value = config.entry(section, option)?.value.toUpperCase();
  if (value !== undefined && value !== "YES" && value !== "NO") {
    config.notice("warning", `[${section}] ${option} is neither YES nor NO and counts as NO`);
  }
  return value === "YES";
}

function optional<T>(config: Configuration, section: string, option: string, read: () => T): T | undefined {
  return config.isSet(section, option) ? read() : undefined;
}

/**
 * Accounts with credit or debit enabled and their gateways. An account whose credentials section is missing or
 * inaccessible is skipped with a warning, because another user may import it (configuration.md 8); an incomplete or
 * malformed section is a problem, so that no account drops out by a slip of the pen (gap WC-R6).
 *
 * @throws ConfigurationError with all malformed accounts and credentials
 */
export function readGatewayAccounts(config: Configuration): GatewayAccounts {
  const problems = collector();
  const accounts: GatewayAccount[] = [];
  const skipped: string[] = [];
  for (const account of problems.read(() => readAccounts(config))?.value ?? []) {
    if (!account.credit && !account.debit) continue;
    const section = CREDENTIALS_PREFIX + account.section.slice(ACCOUNT_PREFIX.length);
    if (config.options(section).length === 0) {
      const reason = config.inaccessible(section) === undefined ? "is missing" : "is not available";
      config.notice("warning", `account [${account.section}] is skipped: section [${section}] ${reason}`);
      skipped.push(account.section);
      continue;
    }
    const credentials = problems.read(() => readCredentials(config, section));
    if (credentials !== undefined) accounts.push({ ...account, credentials: credentials.value });
  }
  problems.finish({});
  return { accounts, skipped };
}

/**
 * One credentials section (configuration.md 8), also by its name alone for the gateway client (cli.md 15.1).
 *
 * @throws ConfigurationError with all that is missing or malformed in it
 */
export function readCredentials(config: Configuration, section: string): GatewayCredentials {
  const problems = collector();
  const url = problems.read(() => config.getUrl(section, "WIRE_GATEWAY_URL"));
  const authentication = problems.read(() => readAuthentication(config, section));
  const found = problems.finish({ url, authentication });
  return { section, url: found.url.endsWith("/") ? found.url : `${found.url}/`, authentication: found.authentication };
}

function readAuthentication(config: Configuration, section: string): GatewayAuthentication {
  const method = config.getChoice(section, "WIRE_GATEWAY_AUTH_METHOD", AUTH_METHODS);
  const problems = collector();
  switch (method) {
    case "none":
      return { method };
    case "basic": {
      const username = problems.read(() => config.getString(section, "USERNAME"));
      const password = problems.read(() => config.getString(section, "PASSWORD"));
      return { method, ...problems.finish({ username, password }) };
    }
    case "bearer":
      return { method, token: config.getString(section, "TOKEN") };
  }
}

/** How a currency is shown to people, section `[currency-NAME]`. Nothing is computed with it. */
export interface CurrencyDisplay {
  readonly name: string | undefined;
  readonly inputDigits: number | undefined;
  readonly normalDigits: number | undefined;
  readonly trailingZeroDigits: number | undefined;
  /** Sign of the unit by power of ten; 0 is the unit itself. */
  readonly unitNames: ReadonlyMap<number, string>;
}

/**
 * The display section whose CODE is the currency, if there is one and it is not disabled (configuration.md 8).
 *
 * @throws ConfigurationError for malformed options in it
 */
export function readCurrencyDisplay(config: Configuration, currency: string): CurrencyDisplay | undefined {
  const section = config.sections("currency-").find((name) => {
    return config.entry(name, "CODE")?.value.toUpperCase() === currency.toUpperCase();
  });
  if (section === undefined) return undefined;
  if (config.isSet(section, "ENABLED") && !config.getYesNo(section, "ENABLED")) return undefined;
  const digits = (option: string) => optional(config, section, option, () => getDigits(config, section, option));
  return {
    name: optional(config, section, "NAME", () => config.getString(section, "NAME")),
    inputDigits: digits("FRACTIONAL_INPUT_DIGITS"),
    normalDigits: digits("FRACTIONAL_NORMAL_DIGITS"),
    trailingZeroDigits: digits("FRACTIONAL_TRAILING_ZERO_DIGITS"),
    unitNames: optional(config, section, "ALT_UNIT_NAMES", () => getAltUnitNames(config, section, "ALT_UNIT_NAMES")) ??
      new Map(),
  };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The options of each role (configuration.md 9). A role demands only what it needs; the syntax of everything that is
 * set is checked. All functions throw one ConfigurationError with every problem found. Their results are plain data.
 */

import { publicKeyOf } from "../crypto/ed25519.ts";
import { FRACTION_BASE } from "../taler/amount.ts";
import { type Account, type GatewayAccounts, readAccounts, readGatewayAccounts } from "./accounts.ts";
import { type Collector, collector, type Verdict } from "./collect.ts";
import { type Configuration, withSlash } from "./configuration.ts";
import { connectionText, type Database } from "./database.ts";
import { getPort, getSocketPath, SERVE_CHOICES, syntaxProblems } from "./options.ts";
import { ConfigurationError, type Problem } from "./problem.ts";

/** The passes of an audit (cli.md 11). */
export const PASSES = [
  "aggregation",
  "coins",
  "deposits",
  "purses",
  "reserves",
  "transfer",
  "wire-credit",
  "wire-debit",
] as const;

/** Name of a pass. */
export type Pass = typeof PASSES[number];

/** What an audit needs. Amounts in atoms, durations in microseconds (NEVER for "forever"). */
export interface AuditOptions {
  readonly currency: string;
  /** Smallest amount the bank transfers, 0 = no rounding; a whole number of units or less than one unit. */
  readonly roundUnit: bigint;
  readonly tinyAmount: bigint;
  /** How long transfers and confirmed deposits may be missing on the other side (audit-wire-deposits-purses.md 1.3). */
  readonly gracePeriod: bigint;
  readonly masterPub: Uint8Array;
  /** As configured, without repair: purse signatures cover it. */
  readonly exchangeBaseUrl: string;
  /** As configured, without repair: the auditor's signatures cover it. */
  readonly auditorBaseUrl: string;
  /** Always present for the pass coins. */
  readonly auditorPub: Uint8Array | undefined;
  readonly idleReserveExpiration: bigint;
  readonly legalReserveExpiration: bigint;
  /** Connection strings; they may hold passwords. */
  readonly auditorDb: string;
  readonly exchangeDb: string;
  /** All usable bank accounts; see the flags credit and debit. */
  readonly accounts: readonly Account[];
}

/** Reads a small file as a whole; throws what the runtime throws. */
export type ReadFile = (path: string) => Uint8Array;

/** What auditOptions takes from outside. */
export interface AuditScope {
  /** Passes that will run; the default is all. */
  readonly passes?: readonly Pass[];
  /** Reads AUDITOR_PRIV_FILE to derive the public key where PUBLIC_KEY is not set; without it PUBLIC_KEY is needed. */
  readonly readKeyFile?: ReadFile;
}

/** Options of an audit (configuration.md 9, columns audit and wire). */
export function auditOptions(
  config: Configuration,
  { passes = PASSES, readKeyFile }: AuditScope = {},
): AuditOptions {
  const problems = checkedCollector(config);
  const accounts = problems.read(() => readAccounts(config));
  requireAccounts(problems, passes, accounts);
  const currency = problems.read(() => config.getCurrency("exchange", "CURRENCY"));
  return problems.finish({
    currency,
    roundUnit: problems.read(() => roundUnit(config, currency?.value)),
    tinyAmount: problems.read(() => tinyAmount(config, currency?.value)),
    gracePeriod: problems.read(() => config.getDuration("auditor", "GRACE_PERIOD")),
    masterPub: problems.read(() => config.getPublicKey("exchange", "MASTER_PUBLIC_KEY")),
    exchangeBaseUrl: problems.read(() => signedUrl(config, "exchange")),
    auditorBaseUrl: problems.read(() => signedUrl(config, "auditor")),
    auditorPub: problems.read(() => {
      const wanted = passes.includes("coins") || config.isSet("auditor", "PUBLIC_KEY");
      return wanted ? auditorPub(config, readKeyFile) : undefined;
    }),
    idleReserveExpiration: problems.read(() => config.getDuration("exchangedb", "IDLE_RESERVE_EXPIRATION_TIME")),
    legalReserveExpiration: problems.read(() => config.getDuration("exchangedb", "LEGAL_RESERVE_EXPIRATION_TIME")),
    auditorDb: problems.read(() => connectionText(config, "auditor").text),
    exchangeDb: problems.read(() => connectionText(config, "exchange").text),
    accounts,
  });
}

/**
 * Both passes look at accounts with either direction enabled: what the history shows of the other is audited as well
 * (audit-wire-deposits-purses.md 0.8).
 */
function requireAccounts(problems: Collector, passes: readonly Pass[], accounts: Verdict<readonly Account[]>): void {
  if (accounts === undefined || accounts.value.some((account) => account.credit || account.debit)) return;
  for (const [pass, option] of [["wire-credit", "ENABLE_CREDIT"], ["wire-debit", "ENABLE_DEBIT"]] as const) {
    if (!passes.includes(pass)) continue;
    problems.add({
      section: "exchange-account-*",
      message: `no usable account with ${option} = YES, needed by pass ${pass}`,
    });
  }
}

function roundUnit(config: Configuration, currency: string | undefined): bigint {
  const { atoms } = config.getAmount("exchange", "CURRENCY_ROUND_UNIT", currency);
  const entry = config.entry("exchange", "CURRENCY_ROUND_UNIT");
  if (entry !== undefined && atoms >= FRACTION_BASE && atoms % FRACTION_BASE !== 0n) {
    throw config.reject(entry, "expected whole units or less than one unit, not both");
  }
  if (atoms === 0n) config.notice("warning", "CURRENCY_ROUND_UNIT is zero: wire transfers are not rounded");
  return atoms;
}

function tinyAmount(config: Configuration, currency: string | undefined): bigint {
  return config.isSet("auditor", "TINY_AMOUNT") ? config.getAmount("auditor", "TINY_AMOUNT", currency).atoms : 0n;
}

/** A base URL exactly as written. The exchange's own URLs end with a slash; one without will hardly match. */
function signedUrl(config: Configuration, section: "auditor" | "exchange"): string {
  const url = config.getUrl(section, "BASE_URL");
  if (!url.endsWith("/")) {
    config.notice("warning", `[${section}] BASE_URL does not end with /; signatures cover it as it is`);
  }
  return url;
}

const PRIVATE_KEY_SIZE = 32;

/** PUBLIC_KEY, or what the private key file gives where it may be read (audit-coins-reserves-aggregation.md 1.1). */
function auditorPub(config: Configuration, readKeyFile?: ReadFile): Uint8Array {
  if (readKeyFile === undefined || config.isSet("auditor", "PUBLIC_KEY")) {
    return config.getPublicKey("auditor", "PUBLIC_KEY");
  }
  const path = config.getFilename("auditor", "AUDITOR_PRIV_FILE");
  const fail = (why: string) => {
    const message = `not set, and the private key file ${path} ${why}; expected a public key of 52 base32 symbols`;
    return new ConfigurationError([{ file: config.mainFile, section: "auditor", option: "PUBLIC_KEY", message }]);
  };
  let seed: Uint8Array;
  try {
    seed = readKeyFile(path);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw fail("cannot be read");
  }
  if (seed.length !== PRIVATE_KEY_SIZE) throw fail(`does not hold ${PRIVATE_KEY_SIZE} bytes`);
  return publicKeyOf(seed);
}

/** The connection strings of both databases; they may hold passwords. */
export interface DatabaseOptions {
  readonly auditorDb: string;
  readonly exchangeDb: string;
}

/** Both connection strings (configuration.md 10). */
export function databaseOptions(config: Configuration): DatabaseOptions {
  const problems = checkedCollector(config);
  return problems.finish({
    auditorDb: problems.read(() => connectionText(config, "auditor").text),
    exchangeDb: problems.read(() => connectionText(config, "exchange").text),
  });
}

/** What a schema tool needs. */
export interface DbinitOptions {
  /** Connection string; it may hold a password. */
  readonly connection: string;
  /** Directory of schema files, if the operator set one. */
  readonly sqlDir: string | undefined;
}

/** Options of dbinit and exchange-dbinit (configuration.md 9, column dbinit). */
export function dbinitOptions(config: Configuration, database: Database): DbinitOptions {
  const problems = checkedCollector(config);
  const section = `${database}db-postgres`;
  return problems.finish({
    connection: problems.read(() => connectionText(config, database).text),
    sqlDir: problems.read(() => {
      const set = config.isSet(section, "SQL_DIR") && !config.isShippedDefault(section, "SQL_DIR");
      return set ? config.getFilename(section, "SQL_DIR") : undefined;
    }),
  });
}

/** What sync needs from each of its two files. */
export interface SyncOptions {
  /** Connection string; it may hold a password. */
  readonly exchangeDb: string;
}

/** Options of one end of sync; the environment is ignored (configuration.md 9 and 10, cli.md 9.1). */
export function syncOptions(config: Configuration): SyncOptions {
  const problems = checkedCollector(config);
  return problems.finish({
    exchangeDb: problems.read(() => connectionText(config, "exchange", { environment: false }).text),
  });
}

/** What the import of bank history needs. */
export interface BankOptions {
  readonly currency: string;
  readonly gateways: GatewayAccounts;
}

/**
 * Options of `bank import` (configuration.md 9, column wire); at least one account must be left. The auditor's database
 * is not among them: whoever holds the credentials need not be able to read its secret file (roles.md 5).
 */
export function bankOptions(config: Configuration): BankOptions {
  const problems = checkedCollector(config);
  const gateways = problems.read(() => readGatewayAccounts(config));
  if (gateways?.value.accounts.length === 0) {
    problems.add({ section: "exchange-account-*", message: "no enabled bank account with usable credentials" });
  }
  return problems.finish({
    currency: problems.read(() => config.getCurrency("exchange", "CURRENCY")),
    gateways,
  });
}

/** Where the service listens. */
export type Listen =
  | { readonly kind: "tcp"; readonly port: number; readonly host: string | undefined }
  | { readonly kind: "unix"; readonly path: string; readonly mode: number };

/** A legal document: version and directory (configuration.md 11). */
export interface LegalOptions {
  readonly etag: string;
  readonly directory: string;
}

/** What the web service needs. */
export interface HttpdOptions {
  readonly currency: string;
  readonly masterPub: Uint8Array;
  readonly auditorPub: Uint8Array;
  readonly listen: Listen;
  /** Undefined: not configured (rest-api.md 8.1). */
  readonly terms: LegalOptions | undefined;
  readonly privacy: LegalOptions | undefined;
  readonly auditorDb: string;
  readonly exchangeDb: string;
}

/**
 * Options of the web service (configuration.md 9, column httpd).
 *
 * @param readKeyFile where PUBLIC_KEY is not set, reads AUDITOR_PRIV_FILE to derive it
 */
export function httpdOptions(config: Configuration, readKeyFile?: ReadFile): HttpdOptions {
  const problems = checkedCollector(config);
  return problems.finish({
    currency: problems.read(() => config.getCurrency("exchange", "CURRENCY")),
    masterPub: problems.read(() => config.getPublicKey("exchange", "MASTER_PUBLIC_KEY")),
    auditorPub: problems.read(() => auditorPub(config, readKeyFile)),
    listen: problems.read(() => listen(config)),
    terms: problems.read(() => legal(config, "TERMS")),
    privacy: problems.read(() => legal(config, "PRIVACY")),
    auditorDb: problems.read(() => connectionText(config, "auditor").text),
    exchangeDb: problems.read(() => connectionText(config, "exchange").text),
  });
}

function listen(config: Configuration): Listen {
  const kind = config.getChoice("auditor", "SERVE", SERVE_CHOICES);
  const problems = collector();
  if (kind === "tcp") {
    const bindTo = config.entry("auditor", "BIND_TO")?.value;
    return { kind, port: getPort(config, "auditor", "PORT"), host: bindTo === "" ? undefined : bindTo };
  }
  const path = problems.read(() => getSocketPath(config, "auditor", "UNIXPATH"));
  const mode = problems.read(() => config.getMode("auditor", "UNIXPATH_MODE"));
  return { kind, ...problems.finish({ path, mode }) };
}

/** Both options are needed; one alone gets a warning and counts as not configured (rest-api.md 8.1). */
function legal(config: Configuration, name: "TERMS" | "PRIVACY"): LegalOptions | undefined {
  const [etag, directory] = [`${name}_ETAG`, `${name}_DIR`];
  const [hasEtag, hasDirectory] = [config.isSet("auditor", etag), config.isSet("auditor", directory)];
  if (hasEtag && hasDirectory) {
    return { etag: config.getString("auditor", etag), directory: config.getFilename("auditor", directory) };
  }
  if (hasEtag || hasDirectory) {
    const missing = hasEtag ? directory : etag;
    config.notice(
      "warning",
      `[auditor] ${missing} is not set, so ${name === "TERMS" ? "/terms" : "/pp"} is not configured`,
    );
  }
  return undefined;
}

/** Steps of the key machine and of the machine that talks to the exchange (cli.md 10). */
export type OfflineStep = "setup" | "show" | "sign" | "download" | "upload";

/** What the steps of `offline` need; undefined where no step of this call needs it and it is not set. */
export interface OfflineOptions {
  /** Show and sign can take it from their input (cli.md 10.1). */
  readonly currency: string | undefined;
  readonly masterPub: Uint8Array | undefined;
  /** For requests: with a slash at its end. */
  readonly exchangeUrl: string | undefined;
  /** As configured, without repair: signatures cover it. */
  readonly auditorBaseUrl: string;
  /** True if nobody has set `[auditor] BASE_URL`; signatures would cover a useless address (configuration.md 7). */
  readonly auditorBaseUrlIsDefault: boolean;
  readonly auditorPub: Uint8Array | undefined;
  readonly privateKeyFile: string | undefined;
}

/** Options of a chain of offline steps, which may mix both machines in one call (configuration.md 9, cli.md 10.1). */
export function offlineOptions(config: Configuration, steps: readonly OfflineStep[]): OfflineOptions {
  const problems = checkedCollector(config);
  const any = (...wanted: OfflineStep[]) => steps.some((step) => wanted.includes(step));
  const read = <T>(needed: boolean, section: string, option: string, get: () => T): Verdict<T | undefined> => {
    return problems.read(() => needed || config.isSet(section, option) ? get() : undefined);
  };
  if (any("show", "sign") && !any("download", "upload") && !config.isSet("exchange", "CURRENCY")) {
    config.notice("warning", "[exchange] CURRENCY is not set; the currency is taken from the input");
  }
  // A step before the upload may have loaded the private key, which tells the public one.
  const keyless = steps.some((step, index) => {
    return step === "upload" && !steps.slice(0, index).some((earlier) => earlier === "setup" || earlier === "sign");
  });
  return problems.finish({
    currency: read(any("download", "upload"), "exchange", "CURRENCY", () => {
      return config.getCurrency("exchange", "CURRENCY");
    }),
    masterPub: read(any("show", "sign", "download", "upload"), "exchange", "MASTER_PUBLIC_KEY", () => {
      return config.getPublicKey("exchange", "MASTER_PUBLIC_KEY");
    }),
    exchangeUrl: read(any("download", "upload"), "exchange", "BASE_URL", () => {
      return withSlash(config.getUrl("exchange", "BASE_URL"));
    }),
    auditorBaseUrl: problems.read(() => signedUrl(config, "auditor")),
    auditorBaseUrlIsDefault: { value: config.isShippedDefault("auditor", "BASE_URL") },
    auditorPub: read(keyless, "auditor", "PUBLIC_KEY", () => {
      return config.getPublicKey("auditor", "PUBLIC_KEY");
    }),
    privateKeyFile: problems.read(() => {
      return any("setup", "sign") ? config.getFilename("auditor", "AUDITOR_PRIV_FILE") : undefined;
    }),
  });
}

/** All problems a `config check` can name without knowing the role: syntax of what is set, and bank accounts. */
export function configurationProblems(config: Configuration): Problem[] {
  const problems = checkedCollector(config);
  problems.read(() => readAccounts(config));
  return problems.problems();
}

/** A collector that already holds the syntax errors of everything that is set. */
function checkedCollector(config: Configuration): Collector {
  const problems = collector();
  // Whoever observes what a role reads is not interested in what every role checks.
  problems.add(...syntaxProblems(config.unobserved()));
  return problems;
}

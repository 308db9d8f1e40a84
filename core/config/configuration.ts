// SPDX-License-Identifier: AGPL-3.0-or-later
/** A loaded configuration and its typed reads (configuration.md 2 to 5). */

import { type Amount, isCurrency, parseAmount } from "../taler/amount.ts";
import { decodeBase32 } from "../taler/base32.ts";
import { paytoMethod } from "../taler/payto.ts";
import { parseDuration } from "../taler/time.ts";
import type { Environment } from "./environment.ts";
import { expandReferences, type Expansion } from "./expand.ts";
import { isSecretOption, maskPassword } from "./mask.ts";
import { foldName } from "./parse.ts";
import { ConfigurationError, type Notice, type Origin, type Problem } from "./problem.ts";

/** An option that is set. Names keep their first spelling, the origin is that of the value that won. */
export interface Entry {
  readonly section: string;
  readonly option: string;
  readonly value: string;
  readonly origin: Origin;
  /** Last value that was not in the main file: the shipped default, if there is one. */
  readonly shipped: { readonly value: string; readonly origin: Origin } | undefined;
}

/** A section whose secret file could not be read; its options count as not set (configuration.md 3). */
export interface Inaccessible {
  readonly section: string;
  /** The secret file. */
  readonly file: string;
  /** Line of the directive that names it. */
  readonly origin: Origin;
  readonly reason: "missing" | "not readable";
}

/** A section as the loader collected it. `options` are in the order of first appearance, keyed by folded names. */
export interface SectionData {
  readonly name: string;
  readonly options: Map<string, Entry>;
}

/** A file that was read; `level` counts the files that include it, 0 for the main file and for default files. */
export interface LoadedFile {
  readonly path: string;
  readonly level: number;
  readonly layer: Origin["layer"];
}

/** Everything a Configuration is made of; keys are folded section names (see foldName). */
export interface ConfigurationData {
  readonly mainFile: string | undefined;
  readonly files: readonly LoadedFile[];
  readonly sections: ReadonlyMap<string, SectionData>;
  readonly inaccessible: ReadonlyMap<string, Inaccessible>;
  readonly notices: Notice[];
  readonly environment: Environment;
  /** Working directory, asked only for relative file names. */
  readonly cwd: () => string;
}

/** Learns of an option that is asked for. */
export type TellRead = (section: string, option: string) => void;

/** Options that once stood elsewhere: folded `[new section, option, old section]` (configuration.md 1.4). */
const OLD_PLACES: readonly (readonly [string, string, string])[] = [
  ["exchange", "currency", "taler"],
  ["exchange", "currency_round_unit", "taler"],
  ["exchangedb-postgres", "config", "exchangedb"],
];

/** Range of getNumber, both ends included. */
export interface NumberRange {
  readonly min?: bigint;
  readonly max?: bigint;
}

const UNSIGNED_MAX = 2n ** 64n - 1n;
const SHOWN_MAX = 120;

/**
 * The configuration in effect. Reads by name ignore case. A typed read gives a value, or throws ConfigurationError
 * saying which option, where it was written and what is expected.
 */
export class Configuration {
  readonly #data: ConfigurationData;
  readonly #tell: TellRead | undefined;

  /** @param tell called with each option that somebody asks for */
  constructor(data: ConfigurationData, tell?: TellRead) {
    this.#data = data;
    this.#tell = tell;
  }

  /** The same configuration; `tell` is called with each option that somebody asks for, set or not. */
  observed(tell: TellRead): Configuration {
    return new Configuration(this.#data, tell);
  }

  /** The same configuration, observed by nobody. */
  unobserved(): Configuration {
    return new Configuration(this.#data);
  }

  /** Path of the operator's file, undefined if none was found (configuration.md 1.2). */
  get mainFile(): string | undefined {
    return this.#data.mainFile;
  }

  /** All files read, in their order, without the embedded defaults. */
  get files(): readonly LoadedFile[] {
    return this.#data.files;
  }

  /** What happened while loading and reading, oldest first, each message once. Grows with the reads. */
  get notices(): readonly Notice[] {
    return this.#data.notices;
  }

  /** The environment that `$` references and database settings are read from. */
  get environment(): Environment {
    return this.#data.environment;
  }

  /** Adds a notice unless it was given before. */
  notice(level: Notice["level"], message: string): void {
    if (this.#data.notices.some((known) => known.message === message)) return;
    this.#data.notices.push({ level, message });
  }

  /** Names of the sections that begin with the prefix, in the order of first appearance, as first spelled. */
  sections(prefix = ""): string[] {
    const wanted = foldName(prefix);
    return [...this.#data.sections].filter(([key]) => key.startsWith(wanted)).map(([, section]) => section.name);
  }

  /** Options of a section in the order of first appearance; none if it does not exist or is inaccessible. */
  options(section: string): Entry[] {
    if (this.#refuse(section)) return [];
    return [...this.#data.sections.get(foldName(section))?.options.values() ?? []];
  }

  /** Why a section cannot be read, or undefined if it can (configuration.md 3, inline-secret). */
  inaccessible(section: string): Inaccessible | undefined {
    return this.#data.inaccessible.get(foldName(section));
  }

  /**
   * The option, or undefined if it is not set or its section is inaccessible, which adds a warning. An old place of
   * the option is used when the new one is not set; a shipped default does not count as set (configuration.md 1.4).
   */
  entry(section: string, option: string): Entry | undefined {
    this.#tell?.(section, option);
    if (this.#refuse(section)) return undefined;
    const [key, name] = [foldName(section), foldName(option)];
    const found = this.#data.sections.get(key)?.options.get(name);
    if (found?.origin.layer === "main") return found;
    const old = OLD_PLACES.find((place) => place[0] === key && place[1] === name);
    if (old === undefined || this.#data.inaccessible.has(old[2])) return found;
    return this.#data.sections.get(old[2])?.options.get(name) ?? found;
  }

  /** True if the option has a value, an empty one included. */
  isSet(section: string, option: string): boolean {
    return this.entry(section, option) !== undefined;
  }

  /** True if the value is the shipped default: the operator's file does not set the option. */
  isShippedDefault(section: string, option: string): boolean {
    const layer = this.entry(section, option)?.origin.layer;
    return layer !== undefined && layer !== "main";
  }

  /** Text of the option, without expansion (configuration.md 4). */
  getString(section: string, option: string): string {
    return this.read(section, option, "a text", (value) => value);
  }

  /**
   * Reads an option through a parser that gives undefined for what it does not accept.
   *
   * @param expected completes "expected …" for the operator
   * @throws ConfigurationError if the option is not set, inaccessible or not accepted
   */
  read<T>(section: string, option: string, expected: string, parse: (value: string) => T | undefined): T {
    const entry = this.entry(section, option);
    if (entry === undefined) throw new ConfigurationError([this.#missing(section, option, expected)]);
    const value = parse(entry.value);
    if (value === undefined) throw this.reject(entry, `expected ${expected}`);
    return value;
  }

  /** The error for a value that is set but cannot be used; secrets in it are masked. */
  reject(entry: Entry, reason: string): ConfigurationError {
    const { section, option, value, origin } = entry;
    const shown = isSecretOption(option) ? "" : `${quote(maskPassword(value))} cannot be used: `;
    return new ConfigurationError([{ ...place(origin), section, option, message: `${shown}${reason}` }]);
  }

  /** `YES` or `NO` in any case, nothing else (configuration.md 4). */
  getYesNo(section: string, option: string): boolean {
    return this.getChoice(section, option, ["YES", "NO"]) === "YES";
  }

  /** One of the choices, compared without case and returned in the spelling of the list. */
  getChoice<const T extends string>(section: string, option: string, choices: readonly T[]): T {
    const expected = choices.length === 1 ? `${choices[0]}` : `one of ${choices.join(", ")}`;
    return this.read(section, option, expected, (value) => {
      return choices.find((choice) => foldName(choice) === foldName(value));
    });
  }

  /** Decimal number, unsigned 64 bit; a leading `+` is accepted, a minus is not (configuration.md 4). */
  getNumber(section: string, option: string, range: NumberRange = {}): bigint {
    const { min = 0n, max = UNSIGNED_MAX } = range;
    return this.read(section, option, `a number from ${min} to ${max}`, (value) => {
      if (!/^\+?[0-9]{1,40}$/.test(value)) return undefined;
      const number = BigInt(value.replace("+", ""));
      return number >= min && number <= max ? number : undefined;
    });
  }

  /** File mode in octal digits, `660`; at most 7777 (configuration.md 4). */
  getMode(section: string, option: string): number {
    return this.read(section, option, "a file mode in octal digits, such as 660", (value) => {
      return /^0*[0-7]{1,4}$/.test(value) ? Number.parseInt(value, 8) : undefined;
    });
  }

  /** Relative time in microseconds, NEVER for `forever` (configuration.md 4). */
  getDuration(section: string, option: string): bigint {
    return this.read(section, option, "a relative time, such as 4 weeks or 1 day 12 h", parseDuration);
  }

  /** Name of a currency, 1 to 11 letters, in upper case (configuration.md 4, crypto.md 1.5). */
  getCurrency(section: string, option: string): string {
    return this.read(section, option, "a currency of 1 to 11 letters A-Z, such as KUDOS", (value) => {
      const currency = value.replace(/[a-z]/g, (letter) => letter.toUpperCase());
      return isCurrency(currency) ? currency : undefined;
    });
  }

  /** An amount; of this currency if one is named (configuration.md 4). */
  getAmount(section: string, option: string, currency?: string): Amount {
    const expected = `an amount, such as ${currency ?? "KUDOS"}:0.01`;
    return this.read(section, option, expected, (value) => {
      const amount = parseAmount(value);
      return currency === undefined || amount?.currency === currency.toUpperCase() ? amount : undefined;
    });
  }

  /** 32 bytes from 52 base32 symbols (configuration.md 4). */
  getPublicKey(section: string, option: string): Uint8Array {
    return this.read(section, option, "a public key of 52 base32 symbols", (value) => decodeBase32(value, 32));
  }

  /**
   * An http or https URL exactly as written, because signatures cover it byte by byte. Use withSlash for requests
   * (configuration.md 4).
   */
  getUrl(section: string, option: string): string {
    return this.read(section, option, "a URL beginning with http:// or https://", (value) => {
      // deno-lint-ignore no-control-regex -- blanks and controls are what the URL parser would silently repair
      return /^https?:\/\/[^/?#\\]/i.test(value) && !/[\x00-\x20\x7f\\]/.test(value) && URL.canParse(value)
        ? value
        : undefined;
    });
  }

  /** A URI of the form `payto://METHOD/…` as written; its account part is not judged (configuration.md 4). */
  getPayto(section: string, option: string): string {
    return this.read(section, option, "a URI of the form payto://METHOD/…", (value) => {
      return (paytoMethod(value) ?? "") === "" ? undefined : value;
    });
  }

  /** An absolute file name: `$` references replaced, `~/` resolved; a slash at its end stays (configuration.md 4). */
  getFilename(section: string, option: string): string {
    const entry = this.entry(section, option);
    if (entry === undefined) throw new ConfigurationError([this.#missing(section, option, "a file name")]);
    if (entry.value === "") throw this.reject(entry, "expected a file name");
    const expansion = this.expandFilename(entry.value);
    if ("error" in expansion) throw this.reject(entry, expansion.error);
    for (const warning of expansion.warnings) this.notice("warning", `[${entry.section}] ${entry.option}: ${warning}`);
    return expansion.text;
  }

  /** Any text as an absolute file name, without side effects (configuration.md 5; also `config -f`, cli.md 13). */
  expandFilename(text: string): Expansion {
    const paths = this.#data.inaccessible.has("paths") ? undefined : this.#data.sections.get("paths")?.options;
    const expansion = expandReferences(text, (name) => {
      return paths?.get(foldName(name))?.value ?? this.#data.environment(name);
    });
    if ("error" in expansion) return expansion;
    let path = expansion.text;
    if (path === "~" || path.startsWith("~/")) {
      const home = this.#data.environment("HOME");
      if (home === undefined || home === "") return { error: "~ needs the environment variable HOME" };
      path = home + path.slice(1);
    }
    return { text: path.startsWith("/") ? path : `${this.#data.cwd()}/${path}`, warnings: expansion.warnings };
  }

  /** True if the section is inaccessible; the operator is told once. */
  #refuse(section: string): boolean {
    const secret = this.inaccessible(section);
    if (secret === undefined) return false;
    const { file, line } = secret.origin;
    this.notice("warning", `section [${secret.section}] is not available: ${describeSecret(secret)} (${file}:${line})`);
    return true;
  }

  #missing(section: string, option: string, expected: string): Problem {
    const secret = this.inaccessible(section);
    if (secret !== undefined) {
      const message = `not available, ${describeSecret(secret)}; expected ${expected}`;
      return { ...place(secret.origin), section, option, message };
    }
    const message = `not set${
      this.mainFile === undefined ? " (no configuration file was found)" : ""
    }; expected ${expected}`;
    return { file: this.mainFile, section, option, message };
  }
}

/** Section that an option of this old place has moved to, or undefined (configuration.md 1.4). */
export function newSection(section: string, option: string): string | undefined {
  return OLD_PLACES.find((place) => place[2] === foldName(section) && place[1] === foldName(option))?.[0];
}

/** A base URL for requests: with a slash at its end (configuration.md 4). Never use it for what gets signed. */
export function withSlash(url: string): string {
  return url.endsWith("/") ? url : `${url}/`;
}

function place(origin: Origin): { file: string; line: number } {
  return { file: origin.file, line: origin.line };
}

function describeSecret(secret: Inaccessible): string {
  return `its file ${secret.file} is ${secret.reason}`;
}

function quote(value: string): string {
  return JSON.stringify(value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value);
}

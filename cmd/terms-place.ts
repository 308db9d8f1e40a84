// SPDX-License-Identifier: AGPL-3.0-or-later
/** Where `terms` reads and writes: options, environment and configuration, in this order (cli.md 14). */

import { basename, dirname, join } from "node:path";
import type { Configuration } from "../core/config/configuration.ts";
import { processEnvironment } from "../core/config/environment.ts";
import { loadConfiguration } from "../core/config/load.ts";
import { describeProblem } from "../core/config/problem.ts";
import { cataloguesIn } from "./terms-files.ts";
import { EXIT, type Options, printWarning, ToolError } from "./schema-tool.ts";

/** The places of a call. */
export interface TermsPlace {
  /** The source, with `.rst`. */
  readonly source: string;
  /** Version of the text: the base name of its files. */
  readonly etag: string;
  readonly output: string;
  readonly locale: string;
  /** What the configuration says about the version that the service shows; undefined if that is this one. */
  readonly advice: string | undefined;
}

/** The text that is made when none is named (cli.md 14). */
const USUAL_INPUT = "exchange-tos-v0";

/** Finds the places. Without need for it, the configuration is not read. */
export function findPlace(options: Options): TermsPlace {
  const input = typeof options.input === "string" ? options.input : USUAL_INPUT;
  const name = basename(input).replace(/\.rst$/, "");
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) {
    throw new ToolError(
      EXIT.usage,
      `${JSON.stringify(name)} cannot be a version: letters, digits, dot and hyphen only`,
    );
  }
  const source = join(dirname(input), `${name}.rst`);
  const env = processEnvironment();
  const given = {
    output: text(options.output) ?? env("TALER_AUDITOR_TERMS_DIR") ?? env("TALER_EXCHANGE_TERMS_DIR"),
    locale: text(options["locale-dir"]) ?? env("TALER_PATHS_LOCALEDIR"),
  };
  if (given.output !== undefined && given.locale !== undefined && options.config === undefined) {
    return { source, etag: name, output: given.output, locale: given.locale, advice: undefined };
  }
  const config = configurationOf(options);
  const output = given.output ?? configuredOutput(config, name);
  const locale = given.locale ?? configuredLocale(config, output, name);
  const advice = adviceOf(config, name);
  for (const { level, message } of config.notices) if (level === "warning") printWarning(message);
  return { source, etag: name, output, locale, advice };
}

function text(option: string | boolean | undefined): string | undefined {
  return typeof option === "string" ? option : undefined;
}

function configurationOf(options: Options): Configuration {
  const file = text(options.config);
  const loaded = loadConfiguration(file === undefined ? {} : { file });
  if ("configuration" in loaded) return loaded.configuration;
  throw new ToolError(EXIT.configuration, loaded.problems.map(describeProblem).join("\n"));
}

/** A privacy policy goes where the service looks for it; everything else where the terms are. */
function configuredOutput(config: Configuration, etag: string): string {
  for (const section of ["auditor", "exchange"]) {
    const privacy = config.isSet(section, "PRIVACY_ETAG") && config.getString(section, "PRIVACY_ETAG") === etag;
    for (const option of privacy ? ["PRIVACY_DIR", "TERMS_DIR"] : ["TERMS_DIR"]) {
      if (config.isSet(section, option)) return config.getFilename(section, option);
    }
  }
  return join(config.getFilename("PATHS", "DATADIR"), "terms");
}

/**
 * The operator's LOCALEDIR; else `locale` below the documents, as the manual has it, unless only the system's folder
 * has catalogues of this text, where older tools kept them.
 */
function configuredLocale(config: Configuration, output: string, etag: string): string {
  const configured = config.getFilename("PATHS", "LOCALEDIR");
  if (!config.isShippedDefault("PATHS", "LOCALEDIR")) return configured;
  const below = join(output, "locale");
  const older = cataloguesIn(below, etag).length === 0 && cataloguesIn(configured, etag).length > 0;
  return older ? configured : below;
}

/** The service only shows the version that the auditor's section names. */
function adviceOf(config: Configuration, etag: string): string | undefined {
  const versions = ["TERMS_ETAG", "PRIVACY_ETAG"].flatMap((option) =>
    config.isSet("auditor", option) ? [{ option, value: config.getString("auditor", option) }] : []
  );
  if (versions.length === 0 || versions.some(({ value }) => value === etag)) return undefined;
  const shown = versions.map(({ option, value }) => `${option} = ${value}`).join(", ");
  return `the auditor's web service shows ${shown}; set TERMS_ETAG or PRIVACY_ETAG in section [auditor] to ${etag} to show this text`;
}

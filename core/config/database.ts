// SPDX-License-Identifier: AGPL-3.0-or-later

import type { Configuration, Entry } from "./configuration.ts";
import { foldName } from "./parse.ts";

/** The two databases of an auditor. */
export type Database = "auditor" | "exchange";

/** Section and environment variable of a database's connection string (configuration.md 10). */
const PLACES: Readonly<Record<Database, { section: string; variable: string; choice: string }>> = {
  auditor: { section: "auditordb-postgres", variable: "TALER_AUDITORDB_POSTGRES_CONFIG", choice: "auditor" },
  exchange: { section: "exchangedb-postgres", variable: "TALER_EXCHANGEDB_POSTGRES_CONFIG", choice: "exchange" },
};

/** The environment variable that decides in place of this option, if it is one and is set (configuration.md 10). */
export function overridingVariable(config: Configuration, section: string, option: string): string | undefined {
  if (foldName(option) !== "config") return undefined;
  const variable = Object.values(PLACES).find((place) => place.section === foldName(section))?.variable;
  return variable === undefined || (config.environment(variable) ?? "") === "" ? undefined : variable;
}

/** A connection string and where it came from. Never log the text as it is; see maskPassword. */
export interface ConnectionText {
  readonly text: string;
  /** For messages: the name of the variable, or section and option. */
  readonly source: string;
  /** The option, unless the environment decided. */
  readonly entry: Entry | undefined;
}

/**
 * The connection string of a database: the environment variable wins unless it is empty, then option CONFIG
 * (configuration.md 10). An empty CONFIG means the defaults of the client library. Sync must ignore the environment,
 * which would name one database for both of its ends.
 *
 * @throws ConfigurationError if the option's section is inaccessible: the library's defaults could then lead to any
 * database
 */
export function connectionText(
  config: Configuration,
  database: Database,
  { environment = true }: { environment?: boolean } = {},
): ConnectionText {
  const { section, variable, choice } = PLACES[database];
  // The only driver there is (configuration.md 8); a set but different name is somebody's misunderstanding.
  if (config.isSet(choice, "DB")) config.getChoice(choice, "DB", ["postgres"]);
  const override = environment ? config.environment(variable) : undefined;
  if (override !== undefined && override !== "") {
    return { text: override, source: `environment variable ${variable}`, entry: undefined };
  }
  const text = config.read(section, "CONFIG", "a PostgreSQL connection string", (value) => value);
  return { text, source: `[${section}] CONFIG`, entry: config.entry(section, "CONFIG") };
}

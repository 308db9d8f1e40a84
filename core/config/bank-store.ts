// SPDX-License-Identifier: AGPL-3.0-or-later
/** Where the history of the bank accounts is kept (roles.md 2: database `libeufin` of user `auditor-wire`). */

import { ConfigurationError } from "./problem.ts";
import type { Configuration, Entry } from "./configuration.ts";

const SECTION = "bankdb-postgres";

/** The database that the operator manual gives to the import of bank transfers. */
const DEFAULT_CONNECTION = "postgres:///libeufin";

/** What the store of bank history needs. */
export interface BankStoreOptions {
  /** Connection string; it may hold a password. */
  readonly connection: string;
  /** The option, undefined if nobody has set it; for messages. */
  readonly entry: Entry | undefined;
}

/**
 * Section `[bankdb-postgres]`, option CONFIG; `postgres:///libeufin` where it is not set. Schema `auditor_bank` in
 * that database is ours alone, so that it may be any database, also that of the auditor.
 *
 * @throws ConfigurationError if the section is inaccessible: the default could then be another database
 */
export function bankStoreOptions(config: Configuration): BankStoreOptions {
  const secret = config.inaccessible(SECTION);
  if (secret !== undefined) {
    const { file, line } = secret.origin;
    const message =
      `not available, its file ${secret.file} is ${secret.reason}; expected a PostgreSQL connection string`;
    throw new ConfigurationError([{ file, line, section: SECTION, option: "CONFIG", message }]);
  }
  const entry = config.entry(SECTION, "CONFIG");
  return { connection: entry?.value ?? DEFAULT_CONNECTION, entry };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Whether schema `auditor` is laid out as this release needs it. The reference rewrote its patch auditor-0002 in place
 * in almost every release (database.md 5.1), so the columns decide and not the patches' names.
 */

import { AUDITOR_DDL, AUDITOR_PATCHES } from "./auditor-schema.ts";
import { AUDITOR_X_DDL } from "./auditor-x-ddl.ts";
import { AUDITOR_X_PURSES_DDL } from "./auditor-x-purses-ddl.ts";
import { columnsOfDdl, missingColumns } from "./catalogue.ts";
import type { Sql, TransactionSql } from "./connect.ts";
import { accept, type Accepted, gather, type Refused, shorten, type Verdict } from "./generation.ts";

const EXPECTED = columnsOfDdl(AUDITOR_DDL);
const OWN = columnsOfDdl(AUDITOR_X_DDL + AUDITOR_X_PURSES_DDL);

/** Tells whether schema `auditor` can be used by this release; `partitioned` is always false. */
export async function detectAuditorSchema(sql: Sql | TransactionSql): Promise<Verdict> {
  const { columns, patches, registryHidden, unreadable } = await gather(sql, "auditor", "auditor-");
  const refuse = (kind: Refused["kind"], found: string, advice: string): Refused => ({
    accepted: false,
    kind,
    found,
    expected: "the auditor tables of release 0.14.1 and those of taler-auditor beside them",
    advice,
  });
  if (columns.size === 0) return refuse("absent", "no table in it", "create it with taler-auditor dbinit");
  const differences = missingColumns(EXPECTED, columns);
  if (differences.length > 0) {
    return refuse(
      "other",
      `the layout of another release: ${shorten(differences)}`,
      "there is no migration between layouts: save the table auditor_deposit_confirmations, " +
        "then drop and create everything with taler-auditor dbinit --reset",
    );
  }
  const own = missingColumns(OWN, columns);
  if (own.length > 0 && patches?.includes("auditor-x-0001") === true) {
    return refuse(
      "other",
      `tables of another release of taler-auditor: ${shorten(own)}`,
      "use the release that made them, or start anew with taler-auditor dbinit --reset",
    );
  }
  if (own.length > 0) {
    return refuse("incomplete", "only the reference's tables", "add those of taler-auditor: run taler-auditor dbinit");
  }
  if (unreadable.length > 0) {
    return refuse(
      "rights",
      `no right to read ${shorten(unreadable)}`,
      "as owner: GRANT … ON ALL TABLES IN SCHEMA auditor TO …",
    );
  }
  const missing = AUDITOR_PATCHES.filter((patch) => patches?.includes(patch) !== true);
  const warnings: string[] = [];
  if (registryHidden) warnings.push("the patch registry _v.patches may not be read: its content was not checked");
  else if (missing.length > 0) warnings.push(`not registered, though the columns are there: ${missing.join(", ")}`);
  return { accepted: true, generation: "0.14", partitioned: false, warnings };
}

/**
 * As {@link detectAuditorSchema}, for callers that cannot go on without.
 *
 * @throws SchemaRefused
 */
export async function requireAuditorSchema(sql: Sql | TransactionSql): Promise<Accepted> {
  return accept(await detectAuditorSchema(sql), "auditor");
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Which generation of the exchange's schema a database holds (database.md 5.3 and 14). Names of patches do not
 * suffice: the series has been restarted in place before, and may have been again. So columns decide, and patches
 * are only a second opinion.
 */

import { columnsOfDdl, missingColumns } from "../db/catalogue.ts";
import type { Sql, TransactionSql } from "../db/connect.ts";
import { accept, type Accepted, type Evidence, gather, type Refused, shorten, type Verdict } from "../db/generation.ts";
import { EXCHANGE_DDL, EXCHANGE_PATCHES } from "./schema.ts";

const EXPECTED = columnsOfDdl(EXCHANGE_DDL);

const EXPECTATION = "the tables of exchange release 0.14.1 (patches exchange-0001 to exchange-0007)";

/** Tables that later releases are known or assumed to book in, instead of tables of 0.14 (database.md 14). */
const SUCCESSORS = ["withdraw", "refresh"];

/** Tables of later releases that only count things. */
const HARMLESS = /^exchange_statistic_/;

/**
 * Tells the generation of schema `exchange`. A database without patch registry whose columns fit is accepted with a
 * warning: a trusted copy may come from elsewhere. So is one whose patches are not those of 0.14.1 but whose tables
 * are exactly the known ones.
 */
export async function detectExchangeSchema(sql: Sql | TransactionSql): Promise<Verdict> {
  const evidence = await gather(sql, "exchange", "exchange-");
  const refusal = judge(evidence) ?? await unfinishedWork(sql);
  if (refusal !== undefined) return refusal;
  const [row] = await sql`
    select c.relkind = 'p' as partitioned from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'exchange' and c.relname = 'known_coins'`;
  return { accepted: true, generation: "0.14", partitioned: row?.partitioned === true, warnings: warnings(evidence) };
}

/**
 * As {@link detectExchangeSchema}, for callers that cannot go on without.
 *
 * @throws SchemaRefused
 */
export async function requireExchangeSchema(sql: Sql | TransactionSql): Promise<Accepted> {
  return accept(await detectExchangeSchema(sql), "exchange");
}

function judge(evidence: Evidence): Refused | undefined {
  const { columns, patches } = evidence;
  const refuse = (kind: Refused["kind"], found: string, advice: string): Refused => ({
    accepted: false,
    kind,
    found,
    expected: EXPECTATION,
    advice,
  });
  if (columns.size === 0) {
    return refuse(
      "absent",
      "no table in it",
      "create it with taler-auditor exchange-dbinit, or connect to the right database",
    );
  }
  const successors = SUCCESSORS.filter((table) => columns.has(table));
  if (successors.length > 0) {
    return refuse(
      "other",
      `table ${successors.join(" and table ")}, which only a release newer than 0.14.1 has (${listed(patches)})`,
      "a newer exchange books in other tables: use a release of taler-auditor that knows them",
    );
  }
  const differences = missingColumns(EXPECTED, columns);
  if (differences.length > 0) {
    return refuse("other", `${shorten(differences)} (${listed(patches)})`, adviceFor(evidence));
  }
  const strange = [...columns.keys()].filter((table) => !EXPECTED.has(table) && !HARMLESS.test(table));
  const added = [...EXPECTED].flatMap(([table, known]) =>
    [...columns.get(table)?.keys() ?? []].filter((column) => !known.has(column)).map((column) => `${table}.${column}`)
  );
  if (patches !== undefined && patches.length > 0 && !isExact(patches) && strange.length + added.length > 0) {
    return refuse(
      "other",
      `patches of another release (${listed(patches)}) and unknown ${shorten([...strange, ...added])}`,
      "use a release of taler-auditor that knows this exchange",
    );
  }
  if (evidence.unreadable.length > 0) {
    return refuse(
      "rights",
      `no right to read ${shorten(evidence.unreadable)}`,
      "as owner: GRANT USAGE ON SCHEMA exchange, _v TO …; GRANT SELECT ON ALL TABLES IN SCHEMA exchange, _v TO …",
    );
  }
  return undefined;
}

/** An unfinished item in the work list means a migration that stopped half-way. */
async function unfinishedWork(sql: Sql | TransactionSql): Promise<Refused | undefined> {
  const rows = await sql<{ text: string }[]>`
    select concat_ws(' ', version, action, name) as text from exchange.exchange_tables
     where not finished order by table_serial_id`;
  if (rows.length === 0) return undefined;
  return {
    accepted: false,
    kind: "unfinished",
    found: `${rows.length} unfinished steps of a migration (${shorten(rows.map((row) => row.text))})`,
    expected: "a finished migration",
    advice: "run taler-exchange-dbinit of the exchange's release to the end",
  };
}

function isExact(patches: readonly string[]): boolean {
  return patches.join() === EXCHANGE_PATCHES.join();
}

function listed(patches: readonly string[] | undefined): string {
  if (patches === undefined) return "no patch registry";
  if (patches.length === 0) return "no patch registered";
  return patches.length === 1 ? `patch ${patches[0]}` : `patches ${patches[0]} to ${patches.at(-1)}`;
}

/** What to do about a database that lacks columns: depends on which release it seems to be (database.md 5.2). */
function adviceFor({ columns, patches }: Evidence): string {
  const release = releaseBefore(columns.get("denominations")?.has("coin_val") === true, patches ?? []);
  return release === undefined
    ? "the database is of no known release: restore it from the exchange, or create a new trusted copy"
    : `this looks like release ${release}: upgrade it with taler-exchange-dbinit of release 0.14.1`;
}

function releaseBefore(twoColumnAmounts: boolean, patches: readonly string[]): string | undefined {
  if (twoColumnAmounts) return "0.9.0 to 0.9.2";
  const last = patches.at(-1);
  const releases: Record<string, string> = {
    "exchange-0002": "0.9.3 to 0.10.0",
    "exchange-0004": "0.10.1 to 0.12.0",
    "exchange-0005": "0.13.0",
    "exchange-0006": "0.14.0",
  };
  return last === undefined ? undefined : releases[last];
}

function warnings({ columns, patches, registryHidden }: Evidence): string[] {
  const result: string[] = [];
  if (registryHidden) result.push("the patch registry _v.patches may not be read: its content was not checked");
  else if (patches === undefined || patches.length === 0) {
    result.push("no patch is registered: this is not the work of a dbinit tool, only the columns were checked");
  } else if (!isExact(patches)) {
    result.push(`the patches are not those of release 0.14.1 (${listed(patches)}), but the columns are`);
  }
  const strange = [...columns.keys()].filter((table) => !EXPECTED.has(table));
  if (strange.length > 0) result.push(`unknown tables are not audited: ${shorten(strange)}`);
  return result;
}

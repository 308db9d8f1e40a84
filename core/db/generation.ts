// SPDX-License-Identifier: AGPL-3.0-or-later
/** The answer to "can we work with this database?", and the parts of it that every schema needs. */

import { type Columns, readColumns } from "./catalogue.ts";
import type { Sql, TransactionSql } from "./connect.ts";
import { appliedPatches } from "./versioning.ts";

/** The schema is one this program knows. */
export interface Accepted {
  accepted: true;
  generation: "0.14";
  /** True if the exchange's tables are partitioned: then nearly all foreign keys are missing. */
  partitioned: boolean;
  /** What is unusual but does no harm. */
  warnings: string[];
}

/** The schema is none this program can work with. All three parts are phrases for people. */
export interface Refused {
  accepted: false;
  /**
   * `absent`: nothing there, a dbinit tool can create it; `incomplete`: our dbinit can add what is missing;
   * `unfinished`: a migration stopped half-way; `rights`: the role may not look; `other`: another generation.
   */
  kind: "absent" | "incomplete" | "unfinished" | "rights" | "other";
  found: string;
  expected: string;
  advice: string;
}

/** Verdict on a schema in a database; never an exception, since what the database holds comes from outside. */
export type Verdict = Accepted | Refused;

/** Thrown by the `require…Schema` functions; the message holds all parts of the refusal. */
export class SchemaRefused extends Error {
  override name = "SchemaRefused";
  constructor(readonly refusal: Refused, schema: string) {
    super(`schema ${schema} cannot be used: found ${refusal.found}; expected ${refusal.expected}`);
  }
  /** What to do about it. */
  get hint(): string {
    return this.refusal.advice;
  }
}

/** Gives an accepted verdict back and turns a refusal into {@link SchemaRefused}. */
export function accept(verdict: Verdict, schema: string): Accepted {
  if (!verdict.accepted) throw new SchemaRefused(verdict, schema);
  return verdict;
}

/** What the catalogue says about a schema. */
export interface Evidence {
  columns: Columns;
  /** Registered patches with the component's prefix; undefined without a registry or the right to read it. */
  patches: string[] | undefined;
  /** True if a registry exists that this role may not read. */
  registryHidden: boolean;
  /** Tables this role may not read. */
  unreadable: string[];
}

/** Collects the evidence on a schema; `prefix` is that of its patches, e.g. `exchange-`. */
export async function gather(sql: Sql | TransactionSql, schema: string, prefix: string): Promise<Evidence> {
  const columns = await readColumns(sql, schema);
  const [registry] = await sql<{ present: boolean; readable: boolean }[]>`
    select exists (select 1 from pg_namespace where nspname = '_v') as present,
           exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                    where n.nspname = '_v' and c.relname = 'patches' and has_schema_privilege(n.oid, 'USAGE')
                      and has_table_privilege(c.oid, 'SELECT')) as readable`;
  const readable = registry?.readable === true;
  const unreadable = await sql<{ name: string }[]>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = ${schema} and c.relkind in ('r', 'p') and not c.relispartition
       and not (has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, 'SELECT'))
     order by c.relname`;
  return {
    columns,
    patches: readable ? await appliedPatches(sql, prefix) : undefined,
    registryHidden: registry?.present === true && !readable,
    unreadable: unreadable.map((row) => row.name),
  };
}

/** The first few of many phrases, and how many more there are. */
export function shorten(phrases: readonly string[], most = 4): string {
  const rest = phrases.length - most;
  return rest > 0 ? `${phrases.slice(0, most).join(", ")} and ${rest} more` : phrases.join(", ");
}

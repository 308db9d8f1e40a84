// SPDX-License-Identifier: AGPL-3.0-or-later
/** What tables a database has, and what tables our DDL makes: for telling generations of a schema apart. */

import type { Sql, TransactionSql } from "./connect.ts";

/** Tables of one schema: name of the table to name and type of each column. Types as in the specification. */
export type Columns = Map<string, Map<string, string>>;

/**
 * Reads the columns of all ordinary and partitioned tables of a schema; partitions themselves are left out.
 * Gives an empty map when the schema does not exist. Types: `int8`, `bytea[]`, `taler_amount` …, unqualified.
 */
export async function readColumns(sql: Sql | TransactionSql, schema: string): Promise<Columns> {
  const rows = await sql<{ table: string; column: string; type: string }[]>`
    select c.relname as table, a.attname as column,
           case when t.typelem <> 0 and t.typlen = -1 and t.typcategory = 'A' then e.typname || '[]' else t.typname end
             as type
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_catalog.pg_type t on t.oid = a.atttypid
      left join pg_catalog.pg_type e on e.oid = t.typelem
     where n.nspname = ${schema} and c.relkind in ('r', 'p') and not c.relispartition
     order by c.relname, a.attnum`;
  const columns: Columns = new Map();
  for (const { table, column, type } of rows) {
    const known = columns.get(table) ?? new Map<string, string>();
    columns.set(table, known.set(column, type));
  }
  return columns;
}

/**
 * The columns that DDL of ours makes. It reads `CREATE TABLE` statements with one column a line, as all of ours are;
 * so there is one description of each table and not two that may differ.
 */
export function columnsOfDdl(ddl: string): Columns {
  const columns: Columns = new Map();
  for (const [, table, body] of ddl.matchAll(/^CREATE (?:UNLOGGED )?TABLE (\w+) \(\n(.*?)^\);/gms)) {
    const known = new Map<string, string>();
    for (const [, column, type] of (body ?? "").matchAll(/^ {2}([a-z]\w*) ([a-z]\w*(?:\[\])?)/gm)) {
      known.set(column ?? "", type ?? "");
    }
    columns.set(table ?? "", known);
  }
  return columns;
}

/**
 * Compares tables with those expected. Each difference is a phrase such as `table withdraw is missing` or
 * `column recoup.coin_sig is text instead of bytea`. Additional tables and columns are not differences.
 */
export function missingColumns(expected: Columns, found: Columns): string[] {
  const differences: string[] = [];
  for (const [table, columns] of expected) {
    const present = found.get(table);
    if (present === undefined) {
      differences.push(`table ${table} is missing`);
      continue;
    }
    for (const [column, type] of columns) {
      const actual = present.get(column);
      if (actual === undefined) differences.push(`column ${table}.${column} is missing`);
      else if (actual !== type) differences.push(`column ${table}.${column} is ${actual} instead of ${type}`);
    }
  }
  return differences;
}

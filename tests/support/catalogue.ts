// SPDX-License-Identifier: AGPL-3.0-or-later
/** The catalogue of a schema in the form of the `.tsv` files of the specification. */

import type { Sql } from "../../core/db/connect.ts";

/** Reads a `.tsv` fixture: one object a line, named by the header. */
export function readTsv(name: string): Record<string, string>[] {
  const text = Deno.readTextFileSync(new URL(`../fixtures/schema/${name}.tsv`, import.meta.url));
  const [header, ...lines] = text.trimEnd().split("\n").map((line) => line.split("\t"));
  return lines.map((fields) => Object.fromEntries(header!.map((title, place) => [title, fields[place] ?? ""])));
}

/** Columns as `table|ordinal|column|type|nullable|default|check`, sorted. */
export async function describeColumns(sql: Sql, schema: string): Promise<string[]> {
  const checks = await describeChecks(sql, schema);
  const rows = await sql<Record<string, string>[]>`
    select c.relname as table,
           row_number() over (partition by c.oid order by a.attnum) as ordinal,
           a.attname as column,
           case when e.typname is null then t.typname else e.typname || '[]' end as type,
           case when a.attnotnull then 'NO' else 'YES' end as nullable,
           case when a.attidentity = 'd' then 'identity(by default)'
                else coalesce(pg_get_expr(d.adbin, d.adrelid), '') end as default,
           coalesce(case when t.typtype = 'd' then pg_get_constraintdef(k.oid) end, '') as domain
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      join pg_type t on t.oid = a.atttypid
      left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
      left join pg_constraint k on k.contypid = coalesce(nullif(e.oid, 0), t.oid)
      left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where c.relnamespace = ${schema}::regnamespace and c.relkind = 'r'`;
  return rows.map((row) => {
    const type = row.type ?? "";
    const check = type.startsWith("gnunet_hashcode")
      ? type.endsWith("[]")
        ? "domain: each element len=32"
        : row.domain === lengthCheck("VALUE", 32)
        ? "domain len=32"
        : "?"
      : checks.get(`${row.table}.${row.column}`) ?? "";
    const value = (row.default ?? "").replace(/^ROW\((.*)\)(::.*)?$/, "($1)").replaceAll(", ", ",")
      .replace("(0)::bigint", "0").replace(/^\w+\.(?=random_bytea)/, "");
    return [row.table, row.ordinal, row.column, type, row.nullable, value, check].join("|");
  }).sort();
}

function lengthCheck(column: string, length: number): string {
  return `CHECK ((length(${column}) = ${length}))`;
}

/** Check constraints by column in the notation of the specification; one that is not understood stays as it is. */
async function describeChecks(sql: Sql, schema: string): Promise<Map<string, string>> {
  const rows = await sql<{ table: string; columns: string[]; text: string }[]>`
    select c.relname as table, pg_get_constraintdef(k.oid) as text,
           array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum = any (k.conkey)) as columns
      from pg_constraint k join pg_class c on c.oid = k.conrelid
     where c.relnamespace = ${schema}::regnamespace and k.contype = 'c'`;
  const found = new Map<string, Set<string>>();
  for (const { table, columns, text } of rows) {
    for (const column of columns) {
      const key = `${table}.${column}`;
      found.set(key, (found.get(key) ?? new Set()).add(shortCheck(text)));
    }
  }
  return new Map([...found].map(([key, set]) => [key, [...set].sort().join("; ")]));
}

function shortCheck(text: string): string {
  const length = /^CHECK \(\(length\(\w+\) = (\d+)\)\)$/.exec(text);
  if (length !== null) return `len=${length[1]}`;
  const cards = /^CHECK \(\(cardinality\((\w+)\) = cardinality\((\w+)\)\)\)$/.exec(text);
  if (cards !== null) return sameCardinality(cards[1]!, cards[2]!);
  if (/^CHECK \(\(cardinality\(\w+\) > 0\)\)$/.test(text)) return "card>0";
  if (/^CHECK \(\(\w+ >= 0\)\)$/.test(text)) return ">=0";
  if (/^CHECK \(\(\(\w+ >= 0\) AND \(\w+ <= 5\)\)\)$/.test(text)) return "0..5";
  return text;
}

/** Equality has no direction: the two ways of writing it down are one. */
function sameCardinality(a: string, b: string): string {
  return `card(${[a, b].sort().join(")=card(")})`;
}

/** The `check` of the specification in the same notation as {@link describeColumns} gives it. */
export function canonicalCheck(check: string): string {
  const parts = check.split("; ").filter((part) => part !== "").map((part) => {
    const cards = /^card\((\w+)\)=card\((\w+)\)$/.exec(part);
    return cards === null ? part : sameCardinality(cards[1]!, cards[2]!);
  });
  return [...new Set(parts)].sort().join("; ");
}

/** Keys, indexes and triggers as `table|kind|name|columns|ref_table|ref_columns|on_delete|detail`, sorted. */
export async function describeKeys(sql: Sql, schema: string): Promise<string[]> {
  const constraints = await sql<Record<string, string>[]>`
    select c.relname as table,
           case k.contype when 'p' then 'primary_key' when 'u' then 'unique' else 'foreign_key' end as kind,
           k.conname as name,
           (select string_agg(a.attname, ',' order by p.place) from unnest(k.conkey) with ordinality as p (num, place)
              join pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.num) as columns,
           coalesce(r.relname, '') as ref_table,
           coalesce((select string_agg(a.attname, ',' order by p.place)
              from unnest(k.confkey) with ordinality as p (num, place)
              join pg_attribute a on a.attrelid = k.confrelid and a.attnum = p.num), '') as ref_columns,
           case when k.contype <> 'f' then '' when k.confdeltype = 'c' then 'CASCADE' when k.confdeltype = 'r'
             then 'RESTRICT' when k.confdeltype = 'a' then 'NO ACTION' else 'other' end as on_delete,
           case when k.condeferrable or (k.contype = 'f' and k.confupdtype <> 'a') then 'unusual' else '' end as detail
      from pg_constraint k join pg_class c on c.oid = k.conrelid left join pg_class r on r.oid = k.confrelid
     where c.relnamespace = ${schema}::regnamespace and k.contype in ('p', 'u', 'f')`;
  const indexes = await sql<Record<string, string>[]>`
    select c.relname as table, 'index' as kind, i.relname as name, pg_get_indexdef(x.indexrelid) as definition,
           coalesce(pg_get_expr(x.indpred, x.indrelid), '') as predicate
      from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
     where c.relnamespace = ${schema}::regnamespace
       and not exists (select 1 from pg_constraint k where k.conindid = x.indexrelid and k.contype in ('p', 'u'))`;
  const triggers = await sql<Record<string, string>[]>`
    select c.relname as table, 'trigger' as kind, t.tgname as name, pg_get_triggerdef(t.oid) as definition
      from pg_trigger t join pg_class c on c.oid = t.tgrelid
     where c.relnamespace = ${schema}::regnamespace and not t.tgisinternal`;
  return [
    ...constraints.map((row) => Object.values(row).join("|")),
    ...indexes.map((row) => {
      const columns = /USING btree \((.*?)\)(?: WHERE|$)/.exec(row.definition!)?.[1]?.replaceAll(", ", ",");
      const where = row.predicate!.replace(/^\((.*)\)$/, "$1");
      return [row.table, "index", row.name, columns, "", "", "", where === "" ? "" : `where ${where}`].join("|");
    }),
    ...triggers.map((row) => {
      const parts = /TRIGGER \S+ (AFTER \w+) ON \S+ FOR EACH (\w+) EXECUTE FUNCTION (?:\w+\.)?(\w+)\(\)/
        .exec(row.definition!);
      const detail = `${parts?.[1]} for each ${parts?.[2]?.toLowerCase()}: ${parts?.[3]}`;
      return [row.table, "trigger", row.name, "", "", "", "", detail].join("|");
    }),
  ].sort();
}

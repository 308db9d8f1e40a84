// SPDX-License-Identifier: AGPL-3.0-or-later
/** Our DDL makes exactly the catalogue that the specification lists: column by column, key by key. */

import assert from "node:assert/strict";
import { initAuditorSchema } from "../../core/db/auditor-schema.ts";
import type { Sql } from "../../core/db/connect.ts";
import { createExchangeSchema } from "../../core/exchange/schema.ts";
import { canonicalCheck, describeColumns, describeKeys, readTsv } from "../support/catalogue.ts";
import { withDatabase } from "../support/server.ts";

/** Without tables of our own. */
const isReferences = (line: string) => !line.startsWith("auditor_x_");

for (
  const { schema, create, tables, columns, keys } of [
    { schema: "exchange", create: createExchangeSchema, tables: 66, columns: 436, keys: 276 - 47 },
    {
      schema: "auditor",
      create: initAuditorSchema as (sql: Sql) => Promise<unknown>,
      tables: 31,
      columns: 195,
      keys: 41,
    },
  ]
) {
  Deno.test(`schema ${schema}: columns are those of the specification`, () =>
    withDatabase(async (sql) => {
      await create(sql);
      const expected = readTsv(`${schema}-schema`).map((row) =>
        [row.table, row.ordinal, row.column, row.type, row.nullable, row.default, canonicalCheck(row.check!)].join("|")
      );
      assert.equal(expected.length, columns);
      assert.equal(new Set(expected.map((line) => line.split("|")[0])).size, tables);
      assert.deepEqual((await describeColumns(sql, schema)).filter(isReferences), expected.sort());
    }));

  Deno.test(`schema ${schema}: keys, indexes and triggers are those of the specification`, () =>
    withDatabase(async (sql) => {
      await create(sql);
      const expected = readTsv(`${schema}-keys`).filter((row) => row.kind !== "partition").map((row) =>
        [row.table, row.kind, row.name, row.columns, row.ref_table, row.ref_columns, row.on_delete, row.detail].join(
          "|",
        )
      );
      assert.equal(expected.length, keys);
      const ours = /\|(primary_key|index|unique)\|auditor_x_/;
      const found = (await describeKeys(sql, schema)).filter(isReferences).filter((line) => !ours.test(line));
      assert.deepEqual(found, expected.sort());
    }));
}

Deno.test("identity columns draw from sequences with the usual names", () =>
  withDatabase(async (sql) => {
    await createExchangeSchema(sql);
    const rows = await sql`
      select column_name from information_schema.columns
       where table_schema = 'exchange' and is_identity = 'YES'
         and pg_get_serial_sequence(format('%I.%I', table_schema, table_name), column_name)
             <> format('exchange.%s', left(table_name || '_' || column_name, 59) || '_seq')
         and length(table_name || '_' || column_name) <= 59`;
    assert.deepEqual([...rows], []);
  }));

Deno.test("the random default of access tokens gives different values of the right length", () =>
  withDatabase(async (sql) => {
    await createExchangeSchema(sql);
    const rows = await sql`
      select length(exchange.random_bytea(n)) as length, n from unnest(array[0, 1, 31, 32, 33, 64, 100]) as n`;
    // no bytes are NULL: an access token always asks for 32
    assert.deepEqual(rows.map((row) => row.length ?? 0), rows.map((row) => row.n));
    const [row] = await sql`
      select count(distinct exchange.random_bytea(32)) as distinct from generate_series(1, 1000)`;
    assert.equal(row?.distinct, 1000n);
  }));

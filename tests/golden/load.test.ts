// SPDX-License-Identifier: AGPL-3.0-or-later
/** The golden datasets load into our schema: every table has as many rows as the dataset says. */

import assert from "node:assert/strict";
import postgres from "postgres";
import {
  applyMutation,
  baseOfMutation,
  datasetInfo,
  datasetNames,
  loadDataset,
  mutationNames,
  mutationPath,
} from "../support/golden.ts";
import { sharedServer } from "../support/server.ts";
import type { Sql } from "../../core/db/connect.ts";

const names = datasetNames();

async function withDataset(name: string, body: (sql: Sql) => Promise<void>): Promise<void> {
  const server = await sharedServer();
  const url = new URL(await loadDataset(server, name));
  const database = url.pathname.slice(1);
  const sql = postgres({
    host: server.socketDir,
    port: server.port,
    user: "postgres",
    database,
    types: { bigint: postgres.BigInt },
  }) as Sql;
  try {
    await body(sql);
  } finally {
    await sql.end();
    await server.dropDatabase(database);
  }
}

async function rowCounts(sql: Sql): Promise<Record<string, number>> {
  const tables = await sql<{ name: string }[]>`
    select schemaname || '.' || tablename as name from pg_tables
     where schemaname in ('exchange', 'auditor') and tablename not in ('exchange_tables', 'auditor_tables')`;
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await sql.unsafe(`select count(*) as rows from ${name}`);
    if (row?.rows > 0n) counts[name] = Number(row?.rows);
  }
  return counts;
}

Deno.test({ name: "there are 13 golden datasets", ignore: names.length === 0 }, () => {
  assert.equal(names.length, 13);
});

for (const name of names) {
  Deno.test(`dataset ${name} loads completely`, async () => {
    await withDataset(name, async (sql) => {
      assert.deepEqual(await rowCounts(sql), datasetInfo(name).rows);
      const [row] = await sql`
        insert into exchange.extensions (name) values ('new') returning extension_id as id,
          (select coalesce(max(extension_id), 0) from exchange.extensions) as last`;
      assert.equal(row?.id, row?.last + 1n, "identity columns continue after the loaded rows");
    });
  });
}

for (const name of mutationNames()) {
  Deno.test(`mutation ${name} applies to its dataset`, async () => {
    await withDataset(baseOfMutation(name), (sql) => applyMutation(sql, mutationPath(name)));
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The golden datasets: databases of a real exchange, each with what the reference auditor found in it. They are not
 * part of the source tree; tests that need them are skipped where they are absent.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect, type Sql } from "../../core/db/connect.ts";
import { initAuditorSchema } from "../../core/db/auditor-schema.ts";
import type { EmbeddedServer } from "../../core/db/server.ts";
import { createExchangeSchema } from "../../core/exchange/schema.ts";
import { freshName, targetOf } from "./server.ts";

/** Facts about a dataset (`info.json`). */
export interface DatasetInfo {
  name: string;
  currency: string;
  currency_round_unit: string;
  exchange_master_pub: string;
  exchange_base_url: string;
  auditor_pub: string;
  auditor_base_url: string;
  tiny_amount: string;
  account_section: string;
  account_payto: string;
  idle_reserve_expiration_time: string;
  /** Clock of the reference's audit, µs since the epoch. */
  audit_now_us: bigint;
  /** Last sign of life of the exchange, seconds since the epoch. */
  data_end_s: number;
  /** Number of rows by `schema.table`; tables without rows are left out. */
  rows: Record<string, number>;
}

/** Folder of the datasets: beside the checkout or as `TALER_AUDITOR_GOLDEN` says; undefined where there are none. */
export function goldenPath(): string | undefined {
  const named = Deno.env.get("TALER_AUDITOR_GOLDEN");
  const candidates = named === undefined
    ? [fileURLToPath(new URL("../../../shared/golden", import.meta.url))]
    : [named];
  return candidates.find((path) => isFolder(join(path, "mutations")));
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function requirePath(): string {
  const path = goldenPath();
  if (path === undefined) throw new Error("the golden datasets are not here; set TALER_AUDITOR_GOLDEN");
  return path;
}

/** Names of all datasets in alphabetical order; none where the datasets are absent. */
export function datasetNames(): string[] {
  const path = goldenPath();
  if (path === undefined) return [];
  const names = [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory && entry.name !== "mutations");
  return names.map((entry) => entry.name).sort();
}

/** Names of all mutations (`NN-name`), ordered by number; none where the datasets are absent. */
export function mutationNames(): string[] {
  const path = goldenPath();
  if (path === undefined) return [];
  const names = [...Deno.readDirSync(join(path, "mutations"))].filter((entry) => entry.isDirectory);
  return names.map((entry) => entry.name).sort((a, b) => parseInt(a) - parseInt(b));
}

/** Folder of a dataset. */
export function datasetPath(name: string): string {
  return join(requirePath(), name);
}

/** Folder of a mutation. */
export function mutationPath(name: string): string {
  return join(requirePath(), "mutations", name);
}

/** Name of the dataset that a mutation applies to, from the first line of its `mutation.sql`. */
export function baseOfMutation(name: string): string {
  const text = Deno.readTextFileSync(join(mutationPath(name), "mutation.sql"));
  const base = /^-- base dataset: (\S+)/.exec(text)?.[1];
  if (base === undefined) throw new Error(`mutation ${name} does not name its dataset`);
  return base;
}

/** Reads `info.json` of a dataset. */
export function datasetInfo(name: string): DatasetInfo {
  const text = Deno.readTextFileSync(join(datasetPath(name), "info.json"));
  const info = JSON.parse(text);
  // µs since the epoch fit a double exactly until the year 2255
  return { ...info, audit_now_us: BigInt(info.audit_now_us) };
}

/**
 * Makes a database that holds a dataset (schemas exchange and auditor, auditor tables empty but for confirmations
 * that came with it) and returns its connection string. The first call for a dataset loads it into a template,
 * each further one copies that. The caller drops the database, or leaves it to the end of the server.
 */
export async function loadDataset(server: EmbeddedServer, name: string): Promise<string> {
  const template = await ensureTemplate(server, `golden_${name}`, (sql) => fill(sql, datasetPath(name)));
  const database = freshName(name.replaceAll("-", "_"));
  await server.createDatabase(database, template);
  return server.url(database);
}

/** Makes a database with both schemas and no rows, and returns its connection string. */
export async function emptyDatabase(server: EmbeddedServer): Promise<string> {
  const template = await ensureTemplate(server, "golden_without_rows", createSchemas);
  const database = freshName("empty");
  await server.createDatabase(database, template);
  return server.url(database);
}

/** Applies the `mutation.sql` of a folder, as an ordinary session would: foreign keys cascade, triggers fire. */
export async function applyMutation(sql: Sql, folder: string): Promise<void> {
  const text = await Deno.readTextFile(join(folder, "mutation.sql"));
  await sql.begin((tx) => tx.unsafe(text));
}

/** Builds a template once per server, whichever thread comes first. */
async function ensureTemplate(
  server: EmbeddedServer,
  template: string,
  build: (sql: Sql) => Promise<void>,
): Promise<string> {
  const options = { searchPath: [], applicationName: "taler-auditor test" };
  const admin = await connect(targetOf(server, "postgres"), options);
  try {
    await admin`select pg_advisory_lock(hashtext(${template}))`;
    const [known] = await admin`select 1 from pg_database where datname = ${template}`;
    if (known !== undefined) return template;
    const draft = `draft_${template}`;
    await server.dropDatabase(draft);
    await server.createDatabase(draft);
    const sql = await connect(targetOf(server, draft), options);
    try {
      await build(sql);
    } finally {
      await sql.end({ timeout: 5 });
    }
    await admin`alter database ${admin(draft)} rename to ${admin(template)}`;
    return template;
  } finally {
    await admin.end({ timeout: 1 });
  }
}

async function createSchemas(sql: Sql): Promise<void> {
  await createExchangeSchema(sql);
  await initAuditorSchema(sql);
}

async function fill(sql: Sql, folder: string): Promise<void> {
  await createSchemas(sql);
  for (const file of ["exchange.sql.gz", "auditor.sql.gz"]) {
    const text = await unzip(join(folder, file));
    if (text !== undefined) await sql.begin((tx) => copyIn(tx, text));
  }
  await setSequences(sql);
  await sql.unsafe("VACUUM ANALYZE");
}

async function unzip(path: string): Promise<string | undefined> {
  try {
    const file = await Deno.open(path);
    return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Feeds the `COPY … FROM stdin` blocks of a dump. Triggers and foreign keys rest meanwhile: the rows have it all. */
async function copyIn(tx: Pick<Sql, "unsafe">, text: string): Promise<void> {
  await tx.unsafe("SET LOCAL session_replication_role = replica");
  for (const [, statement, rows] of text.matchAll(/^(COPY [^\n]*) FROM stdin;\n(.*?)^\\\.$/gms)) {
    const writable = await tx.unsafe(`${statement} FROM stdin`).writable();
    await new Promise<void>((resolve, reject) => {
      writable.on("finish", resolve).on("error", reject);
      writable.end(rows);
    });
  }
}

/** Lets every identity column continue after the largest number in its table. */
async function setSequences(sql: Sql): Promise<void> {
  await sql.unsafe(`
    DO $$
    DECLARE
      c record;
    BEGIN
      FOR c IN SELECT format('%I.%I', table_schema, table_name) AS relation, column_name AS name
                 FROM information_schema.columns
                WHERE table_schema IN ('exchange', 'auditor') AND is_identity = 'YES'
      LOOP
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), max(%I)) FROM %s HAVING max(%I) IS NOT NULL',
                       c.relation, c.name, c.name, c.relation, c.name);
      END LOOP;
    END $$`);
}

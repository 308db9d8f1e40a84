// SPDX-License-Identifier: AGPL-3.0-or-later
/** Writes a simulation into a database that has the exchange's schema. */

import type { Sql } from "../db/connect.ts";
import type { Row, Step } from "./rows.ts";
import type { Simulation } from "./simulation.ts";

/** Rows per statement: keeps the JSON of one statement to a few MB. */
const CHUNK = 2000;

/** How much was written. */
export interface Written {
  /** Rows that the simulation inserted; those of the schema's triggers are not counted. */
  readonly rows: number;
}

/**
 * Writes the announcements and the first `days` days, or goes on after `from` days. Each day is one transaction. The
 * histories of coins and reserves are filled by the schema's triggers.
 *
 * @param sql a connection whose role may write into schema exchange
 * @throws PostgresError, for one where the tables are not empty
 */
export async function writeExchange(
  sql: Sql,
  simulation: Pick<Simulation, "steps">,
  { from = 0, days = simulation.steps.length - 1 }: { from?: number; days?: number } = {},
): Promise<Written> {
  let rows = 0;
  const parts = simulation.steps.slice(from === 0 ? 0 : from + 1, days + 1);
  for (const steps of parts) {
    await sql.begin(async (tx) => {
      for (const step of steps) await apply(tx as unknown as Sql, step);
    });
    rows += steps.reduce((sum, step) => sum + (step.kind === "insert" ? step.rows.length : 0), 0);
  }
  await continueSerials(sql);
  return { rows };
}

/** Inserts rows into a table of the exchange. */
export async function insertRows(sql: Sql, table: string, rows: readonly Row[]): Promise<void> {
  await apply(sql, { kind: "insert", table, rows });
}

async function apply(sql: Sql, { kind, table, key, rows }: Step): Promise<void> {
  if (rows.length === 0) return;
  const columns = Object.keys(rows[0]!);
  const source = `jsonb_populate_recordset(NULL::exchange.${table}, $1::text::jsonb) x`;
  const changed = columns.filter((c) => c !== key).map((c) => `${c} = x.${c}`);
  const statement = {
    insert: `INSERT INTO exchange.${table} (${columns.join(", ")})
      SELECT ${columns.map((c) => `x.${c}`).join(", ")} FROM ${source}`,
    update: `UPDATE exchange.${table} t SET ${changed.join(", ")} FROM ${source} WHERE t.${key} = x.${key}`,
    delete: `DELETE FROM exchange.${table} t USING ${source} WHERE t.${key} = x.${key}`,
  }[kind];
  for (let i = 0; i < rows.length; i += CHUNK) {
    await sql.unsafe(statement, [JSON.stringify(rows.slice(i, i + CHUNK))]);
  }
}

/** Lets every identity column of the schema continue after the largest number in its table. */
async function continueSerials(sql: Sql): Promise<void> {
  await sql.unsafe(`
    DO $$
    DECLARE
      c record;
    BEGIN
      FOR c IN SELECT format('exchange.%I', table_name) AS relation, column_name AS name
                 FROM information_schema.columns WHERE table_schema = 'exchange' AND is_identity = 'YES'
      LOOP
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, %L), max(%I)) FROM %s HAVING max(%I) IS NOT NULL',
                       c.relation, c.name, c.name, c.relation, c.name);
      END LOOP;
    END $$`);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rows in the auditor's tables that no audit has made. */
import type { Sql } from "../../core/db/connect.ts";

/** One row in every table that does not depend on others: every number 1, every truth value true, amounts 1.00000002. */
export async function fillTables(sql: Sql): Promise<void> {
  await sql.unsafe(`
    DO $$
    DECLARE
      t record;
    BEGIN
      PERFORM set_config('search_path', 'auditor', true);
      PERFORM set_config('session_replication_role', 'replica', true);
      FOR t IN
        SELECT c.oid::regclass AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns,
               string_agg(CASE
                 WHEN pg_get_constraintdef(k.oid) IS NOT NULL AND y.typname = 'bytea'
                   THEN format('decode(repeat(''00'', %s), ''hex'')', substring(pg_get_constraintdef(k.oid) from '= (\\d+)'))
                 WHEN pg_get_constraintdef(k.oid) LIKE '%opened%' THEN '''opened'''
                 WHEN pg_get_constraintdef(k.oid) LIKE '%missed%' THEN '''missed'''
                 ELSE CASE y.typname WHEN 'bytea' THEN '''\\x00''' WHEN '_bytea' THEN 'array[''\\x00''::bytea]'
                   WHEN 'taler_amount' THEN '(1,2)' WHEN 'text' THEN '''x''' WHEN 'bool' THEN 'true'
                   WHEN 'jsonb' THEN '''{}''' WHEN 'json' THEN '''{}''' WHEN '_text' THEN '''{}''' ELSE '1' END
               END, ', ' ORDER BY a.attnum) AS row
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          JOIN pg_type y ON y.oid = a.atttypid
          LEFT JOIN LATERAL (SELECT oid FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c'
                              AND conkey = array[a.attnum] AND y.typname <> '_bytea' LIMIT 1) k ON true
         WHERE c.relnamespace = 'auditor'::regnamespace AND c.relkind = 'r' AND c.relname <> 'auditor_tables'
         GROUP BY c.oid
      LOOP
        EXECUTE format('INSERT INTO %s (%s) VALUES (%s)', t.name, t.columns, t.row);
      END LOOP;
    END $$`);
}

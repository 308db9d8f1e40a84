// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The patch registry `_v` (database.md 2): which numbered changes of which component a database has seen.
 * Every Taler component in the same database shares it, so ours behaves like the one the others bring along.
 */

import type { Sql, TransactionSql } from "./connect.ts";

const TABLE_DDL = `
CREATE SCHEMA _v;
COMMENT ON SCHEMA _v IS 'Registry of applied patches.';
CREATE TABLE _v.patches (
  patch_name text PRIMARY KEY,
  applied_tsz timestamptz NOT NULL DEFAULT now(),
  applied_by text NOT NULL,
  requires text[],
  conflicts text[]
);
`;

const PATCH_FUNCTIONS_DDL = `
CREATE FUNCTION _v.register_patch(in_patch_name text, in_requirements text[], in_conflicts text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  names text;
BEGIN
  LOCK TABLE _v.patches IN EXCLUSIVE MODE;
  IF EXISTS (SELECT 1 FROM _v.patches WHERE patch_name = in_patch_name) THEN
    RAISE EXCEPTION 'patch % is already applied', in_patch_name;
  END IF;
  SELECT string_agg(patch_name, ', ') INTO names FROM _v.patches WHERE patch_name = ANY (in_conflicts);
  IF names IS NOT NULL THEN
    RAISE EXCEPTION 'patch % conflicts with applied patches: %', in_patch_name, names;
  END IF;
  SELECT string_agg(wanted, ', ') INTO names FROM unnest(in_requirements) AS wanted
   WHERE NOT EXISTS (SELECT 1 FROM _v.patches WHERE patch_name = wanted);
  IF names IS NOT NULL THEN
    RAISE EXCEPTION 'patch % requires patches that are not applied: %', in_patch_name, names;
  END IF;
  INSERT INTO _v.patches (patch_name, applied_by, requires, conflicts)
  VALUES (in_patch_name, current_user, coalesce(in_requirements, '{}'), coalesce(in_conflicts, '{}'));
END $$;

CREATE FUNCTION _v.register_patch(in_patch_name text, in_requirements text[])
RETURNS void LANGUAGE sql AS $$ SELECT _v.register_patch($1, $2, NULL) $$;

CREATE FUNCTION _v.register_patch(in_patch_name text)
RETURNS void LANGUAGE sql AS $$ SELECT _v.register_patch($1, NULL, NULL) $$;

CREATE FUNCTION _v.unregister_patch(in_patch_name text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  names text;
BEGIN
  LOCK TABLE _v.patches IN EXCLUSIVE MODE;
  SELECT string_agg(patch_name, ', ') INTO names FROM _v.patches WHERE in_patch_name = ANY (requires);
  IF names IS NOT NULL THEN
    RAISE EXCEPTION 'patch % is required by: %', in_patch_name, names;
  END IF;
  DELETE FROM _v.patches WHERE patch_name = in_patch_name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'patch % is not applied', in_patch_name;
  END IF;
END $$;

CREATE FUNCTION _v.assert_patch_is_applied(in_patch_name text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM _v.patches WHERE patch_name = in_patch_name) THEN
    RAISE EXCEPTION 'patch % is not applied', in_patch_name;
  END IF;
  RETURN format('patch %s is applied', in_patch_name);
END $$;
`;

const USER_FUNCTIONS_DDL = `
CREATE FUNCTION _v.assert_user_is_superuser()
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'role % is not a superuser', current_user;
  END IF;
  RETURN format('role %s is a superuser', current_user);
END $$;

CREATE FUNCTION _v.assert_user_is_not_superuser()
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'role % is a superuser', current_user;
  END IF;
  RETURN format('role %s is not a superuser', current_user);
END $$;

CREATE FUNCTION _v.assert_user_is_one_of(VARIADIC in_users text[])
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  IF NOT current_user = ANY (in_users) THEN
    RAISE EXCEPTION 'role % is none of: %', current_user, array_to_string(in_users, ', ');
  END IF;
  RETURN format('role %s is one of the expected', current_user);
END $$;
`;

/**
 * Creates the registry unless schema `_v` exists. Call inside a transaction.
 * An existing registry is left alone, whoever made it.
 */
export async function ensureRegistry(sql: Sql | TransactionSql): Promise<void> {
  const [row] = await sql`select exists (select 1 from pg_catalog.pg_namespace where nspname = '_v') as present`;
  if (row?.present) return;
  await sql.unsafe(TABLE_DDL + PATCH_FUNCTIONS_DDL + USER_FUNCTIONS_DDL);
}

/**
 * Names of the applied patches that begin with a prefix (e.g. `exchange-`), in order.
 * Returns undefined when there is no registry.
 */
export async function appliedPatches(sql: Sql | TransactionSql, prefix: string): Promise<string[] | undefined> {
  const [row] = await sql`select to_regclass('_v.patches') is not null as present`;
  if (!row?.present) return undefined;
  const rows = await sql<{ patch_name: string }[]>`
    select patch_name from _v.patches where starts_with(patch_name, ${prefix}) order by patch_name collate "C"`;
  return rows.map((row) => row.patch_name);
}

/** Registers patches in the given order. Call inside the transaction that makes the changes they stand for. */
export async function registerPatches(sql: TransactionSql, patches: readonly string[]): Promise<void> {
  for (const patch of patches) await sql`select _v.register_patch(${patch}::text)`;
}

/** Forgets every patch with one of the prefixes. Does nothing without a registry. */
export async function unregisterPatches(sql: TransactionSql, prefixes: readonly string[]): Promise<void> {
  for (const prefix of prefixes) {
    for (const patch of await appliedPatches(sql, prefix) ?? []) await sql`select _v.unregister_patch(${patch})`;
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The exchange schema of release 0.14.1 as our own DDL, in the unpartitioned layout with all foreign keys: the only
 * layout a trusted copy may use (database.md 3.2, sync-dbinit-report.md B.3). Data of a real exchange loads into it.
 */

import type { Sql } from "../db/connect.ts";
import { ensureRegistry, registerPatches, unregisterPatches } from "../db/versioning.ts";
import { BASE_DDL } from "./ddl/base.ts";
import { COINS_DDL } from "./ddl/coins.ts";
import { FOREIGN_KEYS_DDL } from "./ddl/foreign.ts";
import { KEYS_DDL } from "./ddl/keys.ts";
import { KYC_DDL } from "./ddl/kyc.ts";
import { PURSES_DDL } from "./ddl/purses.ts";
import { RESERVES_DDL } from "./ddl/reserves.ts";
import { TRIGGERS_DDL } from "./ddl/triggers.ts";
import { WAKE_UP_DDL } from "./ddl/wakeup.ts";
import { WIRE_DDL } from "./ddl/wire.ts";

/** The patches that release 0.14.1 registers (database.md 5.2). */
export const EXCHANGE_PATCHES = [1, 2, 3, 4, 5, 6, 7].map((number) => `exchange-000${number}`);

/** All statements that make tables, for comparing catalogues. */
export const EXCHANGE_DDL: string = BASE_DDL + KEYS_DDL + RESERVES_DDL + COINS_DDL + WIRE_DDL + PURSES_DDL +
  KYC_DDL;

/**
 * Tables whose creation an exchange keeps in its work list, with the patch that asked for it (database.md 3.1).
 * We create everything at once and write one finished item for each, so that whoever looks for unfinished work,
 * or for traces of it, finds a complete database. The reference's 161 items also count its single steps; nothing
 * reads finished items, so these are left out.
 */
const WORK_LIST: Record<string, string> = {
  "exchange-0002": `account_merges age_withdraw aggregation_tracking aggregation_transient aml_history batch_deposits
    close_requests coin_deposits coin_history contracts cs_nonce_locks history_requests known_coins kyc_attributes
    legitimization_processes policy_details policy_fulfillments prewire purse_actions purse_decision purse_deletion
    purse_deposits purse_merges purse_requests recoup recoup_by_reserve recoup_refresh refresh_commitments
    refresh_revealed_coins refresh_transfer_keys refunds reserve_history reserves reserves_close reserves_in
    reserves_open_deposits reserves_open_requests reserves_out wad_in_entries wad_out_entries wads_in wads_out wire_out
    wire_targets`,
  "exchange-0005": "kycauths_in legitimization_measures legitimization_outcomes",
};

/**
 * Creates schema and tables and registers the patches, in one transaction.
 *
 * @throws PostgresError when the schema exists already or the role may not create schemas
 */
export async function createExchangeSchema(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    await ensureRegistry(tx);
    await registerPatches(tx, EXCHANGE_PATCHES);
    await tx.unsafe("CREATE SCHEMA exchange; SET LOCAL search_path TO exchange");
    await tx.unsafe(EXCHANGE_DDL + FOREIGN_KEYS_DDL + TRIGGERS_DDL);
    for (const [patch, names] of Object.entries(WORK_LIST)) {
      await tx`
        insert into exchange_tables (name, version, action, partitioned, by_range, finished)
        select name, ${patch}, 'create', true, false, true from unnest(${names.trim().split(/\s+/)}::text[]) as name`;
    }
  });
}

/**
 * Drops the schema with all its data and forgets its patches and those of the wake-up triggers
 * (sync-dbinit-report.md B.3, `-r`). Does nothing where there is nothing.
 */
export async function dropExchangeSchema(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    await unregisterPatches(tx, ["exchange-", "auditor-triggers-"]);
    await tx.unsafe("DROP SCHEMA IF EXISTS exchange CASCADE");
  });
}

/** Installs or renews the triggers that wake the passes (database.md 10.3): meant for the trusted copy only. */
export async function injectAuditorTriggers(sql: Sql): Promise<void> {
  await sql.begin((tx) => tx.unsafe(WAKE_UP_DDL));
}

/** Releases the locks by which processes of an exchange divide work; on a copy there are none to release. */
export async function releaseShards(sql: Sql): Promise<void> {
  await sql.begin((tx) => tx.unsafe("DELETE FROM exchange.work_shards; DELETE FROM exchange.revolving_work_shards"));
}

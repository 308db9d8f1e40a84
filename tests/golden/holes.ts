// SPDX-License-Identifier: AGPL-3.0-or-later
/** Datasets with holes: rows that are committed later than others with higher serial numbers. */
import type { Sql } from "../../core/db/connect.ts";
import { asReplica, CONSEQUENCES, MOVED, needs } from "./slices.ts";

/** Every table of which rows may be late, with the column that numbers them, if one does. */
const TABLES: Readonly<Record<string, string | undefined>> = {
  ...MOVED,
  purse_requests: "purse_requests_serial_id",
  purse_merges: "purse_merge_request_serial_id",
  purse_deletion: "purse_deletion_serial_id",
  kycauths_in: "kycauth_in_serial_id",
  contracts: undefined,
};

const SAME_PURSE = "y.purse_pub = x.purse_pub";

/** What goes with rows of purses, reserves and revocations that are not there yet. */
const FURTHER = [
  ...["purse_merges", "purse_deposits", "purse_deletion", "purse_decision", "account_merges", "contracts"].map((t) =>
    needs(t, "purse_requests", SAME_PURSE)
  ),
  // a purse comes with its contract, a merge with the consent of the reserve's owner
  needs("purse_requests", "contracts", SAME_PURSE),
  needs("purse_merges", "account_merges", SAME_PURSE),
  needs("account_merges", "purse_merges", SAME_PURSE),
  ...["purse_deposits", "purse_merges", "purse_deletion"].map((t) => {
    const serial = TABLES[t]!;
    return `DELETE FROM purse_decision x WHERE EXISTS (SELECT FROM side.${t} y WHERE ${SAME_PURSE}
      AND y.${serial} NOT IN (SELECT ${serial} FROM ${t}))`;
  }),
  // what happens to one coin happens one after another
  `DELETE FROM coin_history x WHERE EXISTS (SELECT FROM side.coin_history y WHERE y.coin_pub = x.coin_pub
     AND y.coin_history_serial_id < x.coin_history_serial_id
     AND y.coin_history_serial_id NOT IN (SELECT coin_history_serial_id FROM coin_history))`,
  // aggregation sees deposits and refunds
  ...["coin_deposits", "refunds"].map((t) =>
    `DELETE FROM aggregation_tracking x WHERE EXISTS (SELECT FROM side.${t} y
      WHERE y.batch_deposit_serial_id = x.batch_deposit_serial_id AND y.${TABLES[t]} NOT IN (SELECT ${
      TABLES[t]
    } FROM ${t}))`
  ),
  // a denomination is revoked when its coins were spent
  ...["coin_deposits", "refresh_commitments", "purse_deposits", "reserves_open_deposits"].map((t) =>
    `DELETE FROM denomination_revocations x WHERE EXISTS (SELECT FROM side.${t} y
      JOIN side.known_coins k ON k.coin_pub = y.${t === "refresh_commitments" ? "old_coin_pub" : "coin_pub"}
      WHERE k.denominations_serial = x.denominations_serial AND y.${TABLES[t]} NOT IN (SELECT ${TABLES[t]} FROM ${t}))`
  ),
  needs("recoup", "reserves_out", "y.reserve_out_serial_id = x.reserve_out_serial_id"),
  needs("recoup_refresh", "refresh_revealed_coins", "y.rrc_serial = x.rrc_serial"),
  needs(
    "recoup",
    "denomination_revocations",
    `y.denominations_serial = (SELECT denominations_serial FROM side.known_coins k WHERE k.coin_pub = x.coin_pub)`,
  ),
  needs(
    "recoup_refresh",
    "denomination_revocations",
    `y.denominations_serial = (SELECT denominations_serial FROM side.known_coins k WHERE k.coin_pub = x.coin_pub)`,
  ),
];

/** Which rows are late. */
export interface Holes {
  /** The choice is the same for the same number. */
  seed: number;
  /** How many of a thousand rows of each table. */
  perMille: number;
  /** Only of these tables; default: of all that number their rows. */
  tables?: readonly string[];
  /** Rows come each by itself, not in whole transactions. */
  torn?: boolean;
}

/** Keeps a copy of all rows in schema `side`. */
export async function keepAllAside(sql: Sql): Promise<void> {
  await sql.unsafe("CREATE SCHEMA side");
  for (const table of Object.keys(TABLES)) {
    await sql.unsafe(`CREATE TABLE side.${table} AS SELECT * FROM exchange.${table}`);
  }
}

/** Takes rows away; returns how many. */
export async function holdBack(sql: Sql, { seed, perMille, tables, torn }: Holes): Promise<number> {
  let gone = 0;
  await asReplica(sql, async (tx) => {
    for (const [table, serial] of Object.entries(TABLES)) {
      if (serial === undefined || tables?.includes(table) === false) continue;
      const chance = `abs(hashint8extended(${serial}, hashtextextended('${table}', ${seed}))) % 1000`;
      gone += (await tx.unsafe(`DELETE FROM ${table} WHERE ${chance} < ${perMille}`)).count;
    }
    for (let more = torn === true ? 0 : 1; more > 0; gone += more) {
      more = 0;
      for (const statement of [...CONSEQUENCES, ...FURTHER]) more += (await tx.unsafe(statement)).count;
    }
  });
  return gone;
}

/** Puts all rows back. */
export async function fillHoles(sql: Sql): Promise<void> {
  await asReplica(sql, async (tx) => {
    for (const table of Object.keys(TABLES)) {
      await tx.unsafe(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM side.${table}`);
    }
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What scenes in a database of the test server have in common: the database, its rows, coins, and open findings. */
import type { Column, Finding } from "../../core/audit/findings.ts";
import type { AuditSettings } from "../../core/audit/pass.ts";
import type { Sql } from "../../core/db/connect.ts";
import { DAY } from "../../core/taler/time.ts";
import { connectToTest } from "./audit.ts";
import type { Names } from "./describe.ts";
import { emptyDatabase } from "./golden.ts";
import { bytes64, keyPair, type MintCoin, mintCoin, mintKey } from "./mint.ts";
import { atoms } from "./scenario.ts";
import { sharedServer } from "./server.ts";

/** The currency of scenes. */
export const CURRENCY = "KUDOS";
/** The master key of scenes. */
export const SCENE_MASTER = keyPair("scene master");
/** The settings of scenes. */
export const SCENE_SETTINGS: AuditSettings = {
  currency: CURRENCY,
  roundUnit: 0n,
  masterPub: SCENE_MASTER.pub,
  exchangeBaseUrl: "https://exchange.example/",
  auditorBaseUrl: "https://auditor.example/",
  auditorPub: keyPair("scene auditor").pub,
  idleReserveExpiration: 28n * DAY,
  legalReserveExpiration: 2555n * DAY,
};
/** Deposit fee of every denomination. */
export const DEPOSIT_FEE = atoms("0.02");

/** A value of a row to insert: bytes, amounts in atoms as `{atoms}`, else as JSON has it. */
export type Value = Uint8Array | Uint8Array[] | { atoms: bigint } | bigint | number | string | boolean | null;

function json(value: Value): unknown {
  if (value instanceof Uint8Array) return `\\x${value.toHex()}`;
  if (Array.isArray(value)) return value.map(json);
  if (typeof value === "bigint") return value.toString();
  if (value !== null && typeof value === "object") {
    return { val: (value.atoms / 100_000_000n).toString(), frac: Number(value.atoms % 100_000_000n) };
  }
  return value;
}

/** Inserts a row; columns that are not named have their defaults. */
export async function insertRow(sql: Sql, table: string, row: Record<string, Value>): Promise<void> {
  const columns = Object.keys(row).join(", ");
  const object = Object.fromEntries(Object.entries(row).map(([k, v]) => [k, json(v)]));
  await sql.unsafe(
    `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM jsonb_populate_record(NULL::${table}, $1::text::jsonb)`,
    [JSON.stringify(object)],
  );
}

let scratch: Promise<string> | undefined;

/**
 * Runs `body` on a database with both schemas and no rows, numbered from 1; foreign keys and triggers rest in its
 * session. All calls of a test file share one database, one after another.
 */
export async function withEmptyDatabase<T>(body: (url: string, sql: Sql) => Promise<T>): Promise<T> {
  const url = await (scratch ??= sharedServer().then(emptyDatabase));
  const sql = await connectToTest(url);
  try {
    const filled = await sql`SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname IN ('exchange', 'auditor')
        AND (xpath('/row/some/text()', query_to_xml(format('SELECT EXISTS (SELECT FROM %I.%I) AS some',
          schemaname, tablename), false, true, '')))[1]::text = 'true'`;
    if (filled.length > 0) {
      await sql.unsafe(`TRUNCATE ${filled.map((r) => r["name"]).join(", ")} CASCADE`);
    }
    const used = await sql`SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences
      WHERE schemaname IN ('exchange', 'auditor') AND last_value IS NOT NULL`;
    await sql.unsafe(used.map((r) => `ALTER SEQUENCE ${r["name"]} RESTART;`).join("\n"));
    await sql.unsafe("SET session_replication_role = replica");
    return await body(url, sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The coins of a scene. */
export class SceneCoins {
  #denominations = new Map<string, { serial: number; hash: Uint8Array }>();
  #coins = new Map<string, { mint: MintCoin; hash: Uint8Array }>();

  constructor(readonly sql: Sql, readonly names: Names) {}

  /** Adds a denomination, or adds it again. */
  async denomination(name: string, again = false): Promise<{ serial: number; hash: Uint8Array }> {
    const known = this.#denominations.get(name);
    if (known !== undefined && !again) return known;
    const key = mintKey(`scene ${name}`, "RSA");
    const made = known ?? { serial: this.#denominations.size + 1, hash: key.hash };
    this.#denominations.set(name, made);
    const amount = (text: string) => ({ atoms: atoms(text) });
    await insertRow(this.sql, "exchange.denominations", {
      denominations_serial: made.serial,
      denom_pub_hash: key.hash,
      denom_type: 1,
      age_mask: 0,
      denom_pub: key.blob,
      master_sig: bytes64(name),
      valid_from: 0n,
      expire_withdraw: 100n * DAY,
      expire_deposit: 200n * DAY,
      expire_legal: 300n * DAY,
      coin: amount(name.slice(1)),
      fee_withdraw: amount("0.01"),
      fee_deposit: { atoms: DEPOSIT_FEE },
      fee_refresh: amount("0.03"),
      fee_refund: amount("0.04"),
    });
    return made;
  }

  /** Takes a denomination out of the database. */
  async hide(name: string): Promise<void> {
    await this.sql`DELETE FROM exchange.denominations WHERE denominations_serial =
      ${this.#denominations.get(name)!.serial}`;
  }

  /** Stores another hash with a denomination than that of its key. */
  async spoil(name: string): Promise<void> {
    await this.sql`UPDATE exchange.denominations SET denom_pub_hash = ${bytes64("another hash")}
      WHERE denominations_serial = ${this.#denominations.get(name)!.serial}`;
  }

  /** The coin of a name such as `c1:d5`, with a row in `known_coins`. */
  async coin(text: string): Promise<{ mint: MintCoin; hash: Uint8Array }> {
    const [name, denomination = "d5"] = text.split(":") as [string, string?];
    const known = this.#coins.get(name);
    if (known !== undefined) return known;
    const { serial, hash } = await this.denomination(denomination);
    const made = { mint: mintCoin(`scene ${name}`, mintKey(`scene ${denomination}`, "RSA")), hash };
    this.#coins.set(name, made);
    this.names.give(made.mint.pub, name);
    await insertRow(this.sql, "exchange.known_coins", {
      denominations_serial: serial,
      coin_pub: made.mint.pub,
      denom_sig: made.mint.blobs.signature,
    });
    return made;
  }
}

/** The findings that the journal says are open, with their checks. */
export async function openFindingsOf(sql: Sql): Promise<Finding[]> {
  const rows = await sql`SELECT DISTINCT ON (finding_table, finding_row) event, check_id, finding_table, content::text
    FROM auditor.auditor_x_journal ORDER BY finding_table, finding_row, journal_id DESC`;
  return rows.filter((r) => r["event"] !== "resolved").map((r) => ({
    check: r["check_id"] as string,
    table: r["finding_table"] as Finding["table"],
    columns: JSON.parse(r["content"] as string) as Record<string, Column>,
  }));
}

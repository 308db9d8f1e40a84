// SPDX-License-Identifier: AGPL-3.0-or-later
/** An auditor database in memory: what runs of a pass leave for the next ones. */
import type { Book, Effects } from "../../core/audit/book.ts";
import type { Column, Finding } from "../../core/audit/findings.ts";
import { planFindings, type StateWrite, type StoredStanding } from "../../core/audit/store.ts";
import type { Sql } from "../../core/db/connect.ts";
import { type Answer, elements, memorySql } from "./memory_sql.ts";

type Row = Record<string, unknown>;

/** An open finding. */
interface Open {
  key: string | undefined;
  finding: Finding;
}

/** What the state tables give to the queries of the passes. */
const QUERIES: Record<string, (rows: Row[], parameters: readonly unknown[], query: string) => Row[]> = {
  auditor_x_revisit: (rows, [pass]) =>
    rows.filter((r) => r["pass"] === pass).map((r) => ({ ...r, serial: BigInt(String(r["serial"])) })),
  auditor_x_gap: (rows, [pass]) =>
    [...Map.groupBy(rows.filter((r) => r["pass"] === pass), (r) => r["stage"])].map(([stage, gaps]) => ({
      stage,
      gaps: gaps.sort((a, b) => BigInt(String(a["first"])) < BigInt(String(b["first"])) ? -1 : 1)
        .map((g) => `${g["first"]} ${g["last"]} ${g["since"]}`).join(),
    })),
  auditor_x_denomination: (rows) =>
    rows.map((r) => ({
      ...r,
      hash: hex(r["denom_pub_hash"]),
      issued_coins: BigInt(String(r["issued_coins"])),
      known_coins: BigInt(String(r["known_coins"])),
    })),
  auditor_x_lookup: () => [],
  auditor_x_bad_coin: (rows) => rows.map((r) => ({ known_coin_id: BigInt(String(r["known_coin_id"])) })),
  auditor_x_rejected: (rows) => rows,
  auditor_denomination_pending: shownRows,
  auditor_historic_denomination_revenue: shownRows,
  auditor_x_reserve: (rows, [first], query) => {
    const chosen = query.includes("expiration < $1")
      ? rows.filter((r) => expiresBefore(r, first as bigint) && r["balance"] !== "0")
      : rows.filter((r) => elements(first).includes(hex(r["reserve_pub"])));
    return chosen.map((r) => ({ ...r, pub: hex(r["reserve_pub"]), expiration: BigInt(String(r["expiration"])) }));
  },
};

function hex(column: unknown): string {
  return String(column).replace("\\x", "");
}

function shownRows(rows: Row[]): Row[] {
  return rows.map(({ denom_pub_hash, ...content }) => ({
    hash: hex(denom_pub_hash),
    content: JSON.stringify(content),
  }));
}

function expiresBefore(row: Row, time: bigint): boolean {
  const expiration = BigInt(String(row["expiration"]));
  return expiration > 0n && expiration < time;
}

/** The state between runs. */
export class MemoryAuditor {
  readonly progress = new Map<string, bigint>();
  readonly balances = new Map<string, bigint>();
  readonly standing = new Map<string, StoredStanding>();
  /** Open findings in the order in which they were opened. */
  open: Open[] = [];
  /** Events of the journal: `opened C-11`. */
  readonly journal: string[] = [];
  #tables = new Map<string, Map<string, Row>>();
  #rows = 0n;

  /** A connection to it, for reading. */
  connection(): Sql {
    return memorySql((query): Answer => {
      const table = /FROM auditor\.(\w+)/.exec(query)?.[1] ?? "";
      const select = QUERIES[table];
      if (select === undefined) throw new Error(`nobody answers: ${query}`);
      return (parameters) => select(this.table(table), parameters, query);
    });
  }

  /** The rows of a state table. */
  table(name: string): Row[] {
    return [...this.#tables.get(name)?.values() ?? []];
  }

  /** Our own counters. */
  counters(): Map<string, bigint> {
    return new Map(this.table("auditor_x_counter").map((r) => [String(r["name"]), BigInt(String(r["value"]))]));
  }

  /** Takes over what a run found out. */
  commit(book: Book, writes: StateWrite[]): void {
    this.#commitFindings(book);
    for (const [key, atoms] of book.balances) this.#add(key, atoms);
    for (const [key, atoms] of book.totals) this.balances.set(key, atoms);
    for (const [key, point] of book.progress) this.progress.set(key, point);
    for (const write of writes) this.#apply(write);
  }

  #add(key: string, atoms: bigint): void {
    const value = (this.balances.get(key) ?? 0n) + atoms;
    if (value < 0n) throw new Error(`balance ${key} becomes negative`);
    this.balances.set(key, value);
  }

  #effects(effects: Effects | undefined, sign: bigint): void {
    for (const [key, atoms] of Object.entries(effects ?? {})) this.#add(key, sign * atoms);
  }

  #commitFindings(book: Book): void {
    const plan = planFindings(book, this.standing);
    for (const { key, stored } of plan.resolve) {
      this.#effects(stored.effects, -1n);
      this.standing.delete(key);
      this.open = this.open.filter((o) => o.key !== key);
      this.journal.push(`resolved ${stored.check}`);
    }
    for (const { key, entry, stored } of plan.change) {
      this.#effects(entry.effects, 1n);
      this.#effects(stored.effects, -1n);
      const finding = entry.finding!;
      this.standing.set(key, this.#stored(finding, entry.effects, stored.row));
      this.open = this.open.map((o) => o.key === key ? { key, finding } : o);
      this.journal.push(`changed ${finding.check}`);
    }
    for (const { key, finding, effects } of plan.open) {
      if (key !== undefined) {
        this.#effects(effects, 1n);
        this.standing.set(key, this.#stored(finding, effects ?? {}, ++this.#rows));
      }
      this.open.push({ key, finding });
      this.journal.push(`opened ${finding.check}`);
    }
  }

  #stored({ check, table, columns }: Finding, effects: Effects, row: bigint): StoredStanding {
    const content: Record<string, Column> = JSON.parse(JSON.stringify(columns));
    return { check, table, row, content, effects };
  }

  #apply(write: StateWrite): void {
    const rows = this.#tables.get(write.table) ?? new Map<string, Row>();
    this.#tables.set(write.table, rows);
    const keyOf = (row: Row) => write.key.map((k) => String(row[k])).join("|");
    for (const row of write.remove) rows.delete(keyOf(row));
    for (const row of write.upsert) rows.set(keyOf(row), { ...rows.get(keyOf(row)), ...row });
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** A connection that answers from memory, and an exchange's database made of the rows that its sources select. */
import type { Sql } from "../../core/db/connect.ts";
import { SERIALS_END, type Source } from "../../core/exchange/source.ts";
import { type Cell, cell, packPage } from "./packed.ts";

/** What a query gives, from its parameters. */
export type Answer = (parameters: readonly unknown[]) => Record<string, unknown>[];

/** Makes a connection; `answer` finds the answer to a text, and throws if it knows none. */
export function memorySql(answer: (query: string) => Answer): Sql {
  const ask = (query: string, parameters: readonly unknown[]) =>
    new Promise((resolve) => resolve(answer(query)(parameters)));
  const sql = (texts: TemplateStringsArray, ...values: unknown[]) => ask(texts.join("?"), values);
  return Object.assign(sql, {
    unsafe: (query: string, parameters: readonly unknown[] = []) => ask(query, parameters),
  }) as unknown as Sql;
}

/** The elements of an array parameter, which travels as a literal. */
export function elements(literal: unknown): string[] {
  const inner = String(literal).slice(1, -1);
  return inner === "" ? [] : inner.split(",");
}

/** Serial numbers in an array parameter. */
export function serials(literal: unknown): Set<bigint> {
  return new Set(elements(literal).map(BigInt));
}

/** A row of a source: the cells of its SELECT list after serial and amount, made when they are asked for. */
export interface StoredRow {
  serial: bigint;
  atoms?: bigint;
  cells: () => Cell[];
}

/** Rows as a page query gives them. */
export function page(rows: readonly Cell[][]): Record<string, unknown>[] {
  return [{ page: rows.length === 0 ? null : packPage(rows) }];
}

/** The database of an exchange, as far as an audit asks for it. */
export class MemoryExchange {
  #rows = new Map<Source<unknown>, StoredRow[]>();
  #answers: [piece: string, answer: Answer][] = [];

  /** A connection to it; `known` are the sources that may be asked for. */
  connection(known: readonly Source<unknown>[]): Sql {
    return memorySql((query) => {
      const [, special] = this.#answers.find(([piece]) => query.includes(piece)) ?? [];
      if (special !== undefined) return special;
      const table = /FROM exchange\.(\w+) base/.exec(query)?.[1];
      if (query.includes("AS gap (first, last)")) return (parameters) => this.#late(table!, parameters);
      if (query.includes("lag(n) OVER")) return (parameters) => this.#holes(table!, parameters);
      const source = known.find((s) =>
        query.includes(`FROM exchange.${s.table} base`) && (s.where === undefined || query.includes(`(${s.where})`))
      );
      if (source !== undefined) return (parameters) => this.#select(source, query, parameters);
      if (query.includes("record_send")) return () => page([]);
      throw new Error(`nobody answers: ${query.slice(0, 300)}`);
    });
  }

  /** Answers the queries that contain a piece of text. */
  answer(piece: string, answer: Answer): void {
    this.#answers.push([piece, answer]);
  }

  /** Inserts a row; returns its serial, the next one unless one is given. */
  insert(source: Source<never>, row: Omit<StoredRow, "serial"> & { serial?: bigint }): bigint {
    const rows = this.#of(source);
    const serial = row.serial ?? (rows.at(-1)?.serial ?? 0n) + 1n;
    rows.push({ ...row, serial });
    return serial;
  }

  /** The rows of a source, to be changed at will. */
  #of(source: Source<never>): StoredRow[] {
    const key = source as unknown as Source<unknown>;
    const rows = this.#rows.get(key) ?? [];
    this.#rows.set(key, rows);
    return rows;
  }

  /** Forgets all rows of a source. */
  truncate(source: Source<never>): void {
    this.#of(source).length = 0;
  }

  #select(source: Source<unknown>, query: string, parameters: readonly unknown[]): Record<string, unknown>[] {
    const all = [...this.#of(source as unknown as Source<never>)].sort((a, b) => a.serial < b.serial ? -1 : 1);
    const between = (from: unknown, until: unknown) =>
      all.filter((r) => r.serial >= (from as bigint) && r.serial < (until as bigint));
    if (query.includes("count(*)::int8 AS rows")) return [this.#extent(all, between(parameters[0], parameters[1]))];
    const [limit, first, second] = parameters;
    const chosen = query.includes("= ANY($2::int8[])")
      ? all.filter((r) => serials(first).has(r.serial))
      : between(first, second);
    const rows = chosen.slice(0, Number(limit)).map((r) => [
      cell.int8(r.serial),
      ...(source.amount === undefined ? [] : [cell.amount(r.atoms ?? 0n)]),
      ...r.cells(),
    ]);
    return page(rows);
  }

  /** The rows of a table, whichever sources read them. */
  #table(table: string): StoredRow[] {
    return [...this.#rows].filter(([s]) => s.table === table).flatMap(([, rows]) => rows)
      .sort((a, b) => a.serial < b.serial ? -1 : 1);
  }

  #late(table: string, [firsts, lasts, until, limit]: readonly unknown[]): Record<string, unknown>[] {
    const ends = elements(lasts).map(BigInt);
    const gaps = elements(firsts).map((first, i) => [BigInt(first), ends[i]!] as const);
    const rows = this.#table(table).filter((r) =>
      r.serial < (until as bigint) && gaps.some(([first, last]) => r.serial >= first && r.serial <= last)
    );
    return rows.slice(0, limit as number).map(({ serial, atoms = 0n }) => ({
      serial,
      ours: true,
      val: atoms / 100_000_000n,
      frac: atoms % 100_000_000n,
    }));
  }

  #holes(table: string, [from, last]: readonly unknown[]): Record<string, unknown>[] {
    const holes: Record<string, unknown>[] = [];
    let next = from as bigint;
    for (const { serial } of this.#table(table)) {
      if (serial < next || serial > (last as bigint)) continue;
      if (serial > next) holes.push({ first: next, last: serial - 1n });
      next = serial + 1n;
    }
    return holes.reverse();
  }

  #extent(all: StoredRow[], chosen: StoredRow[]): Record<string, unknown> {
    const sum = chosen.reduce((total, r) => total + (r.atoms ?? 0n), 0n);
    const irregular = all.filter((r) => r.serial < 0n || r.serial >= SERIALS_END).map((r) => r.serial);
    return {
      rows: BigInt(chosen.length),
      highest: all.reduce((high, r) => r.serial > high && r.serial < SERIALS_END ? r.serial : high, 0n),
      irregular: irregular.length === 0 ? null : irregular.join(","),
      val: (sum / 100_000_000n).toString(),
      frac: (sum % 100_000_000n).toString(),
    };
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rows that a pass has to read again in every run, each with a reason (architecture, "Rows to be read again"). */
import type { Sql } from "../db/connect.ts";
import type { StateWrite } from "./store.ts";

/** Reason: the denomination is not known. */
export const DENOMINATION = "denomination";

/** A stage as the list knows it. */
interface RevisitedStage {
  source: { table: string };
  progressKey: string;
}

function nameOf({ source, progressKey }: RevisitedStage): string {
  return source.table + progressKey;
}

/** The list of one pass, and what a run changes in it. */
export class Revisits {
  readonly #stored = new Map<string, Map<bigint, string>>();
  readonly #changed = new Map<string, Map<bigint, string | undefined>>();

  /** Reads what earlier runs of the pass left. */
  async load(auditor: Sql, pass: string): Promise<void> {
    const rows = await auditor`SELECT stage, serial, reason FROM auditor.auditor_x_revisit
      WHERE pass = ${pass} ORDER BY stage, serial`;
    for (const r of rows) {
      put(this.#stored, r["stage"] as string, r["serial"] as bigint, r["reason"] as string);
    }
  }

  /** The rows of a stage that earlier runs left, with their reasons. */
  of(stage: RevisitedStage): ReadonlyMap<bigint, string> {
    return this.#stored.get(nameOf(stage)) ?? new Map();
  }

  /** Why a row has to be read again, by what this run has found out so far. */
  reasonOf(stage: RevisitedStage, serial: bigint): string | undefined {
    const changed = this.#changed.get(nameOf(stage));
    return changed?.has(serial) ? changed.get(serial) : this.of(stage).get(serial);
  }

  /** Has a row read again for a reason, or, without one, no more. */
  set(stage: RevisitedStage, serial: bigint, reason: string | undefined): void {
    put(this.#changed, nameOf(stage), serial, reason);
  }

  /** Forgets what this run changed. */
  forget(): void {
    this.#changed.clear();
  }

  /** The changes, to be written. */
  write(pass: string): StateWrite {
    const upsert: Record<string, unknown>[] = [], remove: Record<string, unknown>[] = [];
    for (const [stage, rows] of this.#changed) {
      for (const [n, reason] of rows) {
        const row = { pass, stage, serial: n.toString() };
        const before = this.#stored.get(stage)?.get(n);
        if (reason === undefined) {
          if (before !== undefined) remove.push(row);
        } else if (reason !== before) upsert.push({ ...row, reason });
      }
    }
    return { table: "auditor_x_revisit", key: ["pass", "stage", "serial"], upsert, remove };
  }
}

function put<Value>(lists: Map<string, Map<bigint, Value>>, stage: string, serial: bigint, value: Value): void {
  const list = lists.get(stage);
  if (list === undefined) lists.set(stage, new Map([[serial, value]]));
  else list.set(serial, value);
}

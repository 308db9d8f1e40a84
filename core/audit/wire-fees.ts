// SPDX-License-Identifier: AGPL-3.0-or-later
/** The wire fee periods of the exchange, loaded whole at the start of a run, by method (audit chapter 3a, 4b, D-29). */
import { buildBlock } from "../crypto/blocks.ts";
import { hashText } from "../crypto/objects.ts";
import type { Sql } from "../db/connect.ts";
import type { WireFeeRow } from "../exchange/rows.ts";
import { readRows } from "../exchange/source.ts";
import { decodeWireFee, WIRE_FEES } from "../exchange/v014/static.ts";
import type { VerifyPool } from "./pool.ts";
import { TaskWriter } from "./tasks.ts";

/** All fee periods. */
export interface WireFees {
  rows: WireFeeRow[];
  unreadable: { serial: bigint; problem: string }[];
  /** The periods of a method (text compared as it is) that hold an instant: `start <= t < end`. */
  at(method: string, time: bigint): WireFeeRow[];
}

/** Reads all fee periods. */
export async function loadWireFees(sql: Sql): Promise<WireFees> {
  const rows: WireFeeRow[] = [];
  const unreadable: WireFees["unreadable"] = [];
  for (const r of await readRows(sql, "wire_fee", WIRE_FEES, [], decodeWireFee)) {
    if ("row" in r) rows.push(r.row);
    else if ("problems" in r) {
      unreadable.push({ serial: r.serial, problem: r.problems.map((p) => `${p.column} ${p.problem}`).join(", ") });
    }
  }
  const byMethod = new Map<string, WireFeeRow[]>();
  for (const row of rows) byMethod.set(row.method, [...(byMethod.get(row.method) ?? []), row]);
  return {
    rows,
    unreadable,
    at: (method, time) => (byMethod.get(method) ?? []).filter((w) => w.start <= time && time < w.end),
  };
}

/** Verifies the master signature of every period; returns the serials of those that are not valid. */
export async function verifyWireFees(
  fees: WireFees,
  currency: string,
  masterPub: Uint8Array,
  pool: VerifyPool,
): Promise<Set<bigint>> {
  const tasks = new TaskWriter();
  const written = fees.rows.map((w) =>
    tasks.ed25519(
      masterPub,
      w.masterSig,
      buildBlock("masterWireFees", currency, {
        hWireMethod: hashText(w.method),
        start: w.start,
        end: w.end,
        wireFee: w.wireFee,
        closingFee: w.closingFee,
      }),
    )
  );
  const verdicts = await pool.run(tasks);
  return new Set(fees.rows.filter((_, i) => verdicts[written[i]!] !== 1).map((w) => w.serial));
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Coins that are added to a batch after it was read first: a second request of one contract (wire chapter 3). */
import { readRows } from "../../../exchange/source.ts";
import { COINS_END, GROWN_BATCHES } from "../../../exchange/v014/wire.ts";
import { FRACTION_BASE } from "../../../taler/amount.ts";
import type { PassRun } from "../../pass.ts";
import type { Pending, PendingChanges } from "./pass.ts";

/** The end of the coins that the totals of what is pending include. */
const COINS_READ = "x:transfer:coins";

/** What this needs to know of the pass. */
interface Batches {
  /** The end of the batches that earlier runs read. */
  known: bigint;
  /** Rank of their stage. */
  stage: number;
  load: (serials: bigint[]) => Promise<Map<bigint, Pending>>;
}

/**
 * Adds up again what is pending and got further coins since the last run. The sum is taken over all coins, so that none
 * counts twice, wherever the run before ended.
 */
export async function growPending(run: PassRun, changes: PendingChanges, batches: Batches): Promise<void> {
  const { source } = run.context;
  const [end] = await readRows(source, "coin_deposits", COINS_END, [], () => null);
  const from = run.pointOf(COINS_READ);
  run.setCounter(COINS_READ, end?.serial ?? 0n);
  const rows = await readRows(source, "coin_deposits", GROWN_BATCHES, [from, batches.known], (r) => ({
    total: BigInt(r.text("val")) * FRACTION_BASE + BigInt(r.text("frac")),
  }));
  const pending = await batches.load(rows.map((r) => r.serial));
  for (const r of rows) {
    run.book.settle(`TR-R3:${r.serial}`, { stage: batches.stage, serial: r.serial }, undefined);
    const before = pending.get(r.serial);
    if (before === undefined || !("row" in r) || r.row.total === before.total) continue;
    changes.grown.set(r.serial, { ...before, total: r.row.total });
    run.book.add("total_amount_lag", r.row.total - before.total);
  }
}

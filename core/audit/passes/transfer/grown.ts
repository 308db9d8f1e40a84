// SPDX-License-Identifier: AGPL-3.0-or-later
/** Coins that are added to a batch after it was read first: a second request of one contract (wire chapter 3). */
import type { RowReader } from "../../../db/page.ts";
import { readRows } from "../../../exchange/source.ts";
import { COINS_END, grownBatchesSql } from "../../../exchange/v014/wire.ts";
import { FRACTION_BASE } from "../../../taler/amount.ts";
import type { PassRun } from "../../pass.ts";
import type { Pending, PendingChanges } from "./pass.ts";

/** The end of the coins that the totals of what is pending include. */
const COINS_READ = "x:transfer:coins";
const COINS = {
  source: { table: "coin_deposits", serial: "coin_deposit_serial_id" },
  progressKey: COINS_READ,
  unlimited: true,
} as const;

/** What this needs to know of the pass. */
interface Batches {
  /** The end of the batches that earlier runs read. */
  known: bigint;
  /** Rank of their stage. */
  stage: number;
  load: (serials: bigint[]) => Promise<Map<bigint, Pending>>;
}

/**
 * Adds up again what is pending and got further coins since the last run, late ones among them. The sum is taken
 * over all coins, so that none counts twice, wherever the run before ended.
 */
export async function growPending(run: PassRun, changes: PendingChanges, batches: Batches): Promise<void> {
  const { source } = run.context;
  const [end] = await readRows(source, "coin_deposits", COINS_END, [], () => null);
  const from = run.pointOf(COINS_READ);
  const until = end?.serial ?? 0n;
  run.setCounter(COINS_READ, until);
  const decode = (r: RowReader) => ({ total: BigInt(r.text("val")) * FRACTION_BASE + BigInt(r.text("frac")) });
  const rows = await readRows(source, "coin_deposits", grownBatchesSql(), [batches.known, from], decode);
  const late = await run.takeLate(COINS, from);
  if (late.length > 0) {
    rows.push(...await readRows(source, "coin_deposits", grownBatchesSql(true), [batches.known, late], decode));
  }
  await run.passed(COINS, from, until - 1n);
  const pending = await batches.load(rows.map((r) => r.serial));
  for (const r of new Map(rows.map((r) => [r.serial, r])).values()) {
    run.book.settle(`TR-R3:${r.serial}`, { stage: batches.stage, serial: r.serial }, undefined);
    const before = pending.get(r.serial);
    if (before === undefined || !("row" in r) || r.row.total === before.total) continue;
    changes.grown.set(r.serial, { ...before, total: r.row.total });
    run.book.add("total_amount_lag", r.row.total - before.total);
  }
}

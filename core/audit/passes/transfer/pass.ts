// SPDX-License-Identifier: AGPL-3.0-or-later
/** The transfer pass: every deposit past its wire deadline must have been aggregated (wire chapter 3). */
import type { AggregationRow, BatchDepositRow } from "../../../exchange/rows.ts";
import { AGGREGATIONS, BATCH_DEPOSITS } from "../../../exchange/v014/wire.ts";
import { arrayLiteral } from "../../../db/page.ts";
import { FRACTION_BASE } from "../../../taler/amount.ts";
import { timeFromDb, timeToDb } from "../../../taler/time.ts";
import { amountColumn, rowInconsistency } from "../../findings.ts";
import { minorRow } from "../../findings-wire.ts";
import { encodeHex } from "../../hex.ts";
import type { AnyStage, PassRun, Stage, StageRow } from "../../pass.ts";
import { growPending } from "./grown.ts";
import { showLag } from "./lag.ts";

/** Balances of the transfer pass (wire chapter 0.4), and our own for what is overdue (TR-R1). */
const TRANSFER_BALANCES = ["total_amount_lag", "total_amount_lag_overdue"] as const;
/** Progress points of the transfer pass. */
const TRANSFER_PROGRESS = ["wire_batch_deposit_id", "wire_aggregation_id"] as const;

/** The transfer pass. */
export const transferPass = {
  name: "transfer",
  balanceKeys: TRANSFER_BALANCES,
  progressKeys: TRANSFER_PROGRESS,
  run: runTransfer,
};

/** Deposits of one contract that were not aggregated yet. */
export interface Pending {
  batch: bigint;
  /** Hash of the receiver's account, hexadecimal. */
  account: string;
  deadline: bigint;
  total: bigint;
}

/** What changes in the list of pending deposits. */
export interface PendingChanges {
  added: Map<bigint, Pending>;
  /** Deposits of earlier runs that got further coins, with their new totals. */
  grown: Map<bigint, Pending>;
  removed: Map<bigint, Pending>;
}

const RANK = { batches: 1, aggregations: 2 } as const;
/** Reason of a revisit: the batch is not known. */
const UNKNOWN = "unknown";
/** Reason of a revisit: the transfer could still be made before the refund deadline (TR-R5). */
const UNWIRED = "unwired";

async function runTransfer(run: PassRun): Promise<void> {
  const changes: PendingChanges = { added: new Map(), grown: new Map(), removed: new Map() };
  const batches = batchesStage(run, changes);
  const aggregations = aggregationsStage(run, changes);
  await run.plan([batches, aggregations]);
  await run.run(batches);
  await run.drain();
  const known = run.rangeOf(batches.progressKey).from;
  await growPending(run, changes, { known, stage: RANK.batches, load: (serials) => loadPending(run, serials) });
  await run.run(aggregations);
  await run.drain();
  run.writes.push({
    table: "auditor_pending_deposits",
    key: ["batch_deposit_serial_id"],
    upsert: [...changes.added.values(), ...changes.grown.values()].map((p) => ({
      batch_deposit_serial_id: p.batch.toString(),
      total_amount: amountColumn(p.total, `coins of batch ${p.batch}`),
      wire_target_h_payto: "\\x" + p.account,
      deadline: timeToDb(p.deadline).toString(),
      suppressed: false,
    })),
    remove: [...changes.removed.keys()].map((batch) => ({ batch_deposit_serial_id: batch.toString() })),
  });
  await showLag(run, changes);
}

/** TR-1: every batch waits to be aggregated (TR-R3, TR-R4 on the way). */
function batchesStage(run: PassRun, changes: PendingChanges): Stage<BatchDepositRow, null> {
  return {
    rank: RANK.batches,
    source: BATCH_DEPOSITS,
    progressKey: "wire_batch_deposit_id",
    prepare: (rows) => rows.map(() => null),
    book: ({ serial, row }) => {
      const place = { stage: RANK.batches, serial };
      const finding = (check: string, text: string) => rowInconsistency(check, "batch_deposits", serial, text);
      if (row.coins === 0n) {
        run.book.settle(`TR-R3:${serial}`, place, finding("TR-R3", "batch deposit without coins"));
      }
      if (!row.hasTarget) run.book.report(place, finding("TR-R4", "target account is missing"));
      changes.added.set(serial, {
        batch: serial,
        account: encodeHex(row.hPayto),
        deadline: row.deadline,
        total: row.total,
      });
      run.book.add("total_amount_lag", row.total);
    },
  };
}

/** TR-2: an aggregated batch waits no longer. What was put on the list is taken off it (BUG-3.5). */
function aggregationsStage(run: PassRun, changes: PendingChanges): Stage<AggregationRow, Pending | undefined> {
  // what is pending is looked up a page at a time: two rows of one batch may both have found it
  const taken = new Set<bigint>();
  const stage: Stage<AggregationRow, Pending | undefined> = {
    rank: RANK.aggregations,
    source: AGGREGATIONS,
    progressKey: "wire_aggregation_id",
    prepare: async (rows) => {
      const missing = rows.map((r) => r.row.batch).filter((b) => !changes.added.has(b));
      const stored = await loadPending(run, missing);
      const pending = (batch: bigint) => changes.added.get(batch) ?? changes.grown.get(batch) ?? stored.get(batch);
      return rows.map((r) => pending(r.row.batch));
    },
    book: ({ serial, row, reason }, pending) => {
      if (reason === UNWIRED) return checkRefundDeadline(run, stage, { serial, row, reason });
      const place = { stage: RANK.aggregations, serial };
      const unknown = pending === undefined || taken.has(row.batch);
      run.book.settle(
        `TR-R2:${serial}`,
        place,
        unknown ? rowInconsistency("TR-R2", "aggregation_tracking", serial, "batch deposit not pending") : undefined,
      );
      if (unknown) return run.revisit(stage, serial, UNKNOWN);
      taken.add(row.batch);
      checkRefundDeadline(run, stage, { serial, row, reason });
      if (!changes.added.delete(row.batch)) {
        changes.grown.delete(row.batch);
        changes.removed.set(row.batch, pending);
      }
      run.book.add("total_amount_lag", -pending.total);
    },
  };
  return stage;
}

/** TR-R5: after the transfer a refund would be a loss. A transfer that is yet to come is looked at again. */
function checkRefundDeadline(run: PassRun, stage: AnyStage, { serial, row, reason }: StageRow<AggregationRow>): void {
  const { refundDeadline, wired } = row;
  if (refundDeadline !== undefined && wired === undefined && run.context.now < refundDeadline) {
    return run.revisit(stage, serial, UNWIRED);
  }
  if (reason !== undefined) run.settleRevisit(stage, serial);
  if (refundDeadline === undefined || wired === undefined || wired >= refundDeadline) return;
  run.book.report(
    { stage: RANK.aggregations, serial },
    minorRow("TR-R5", "aggregation_tracking", serial, "wired before the refund deadline"),
  );
}

async function loadPending(run: PassRun, batches: bigint[]): Promise<Map<bigint, Pending>> {
  if (batches.length === 0) return new Map();
  const rows = await run.context.auditor.unsafe(
    `SELECT batch_deposit_serial_id AS batch, encode(wire_target_h_payto, 'hex') AS account, deadline,
       (total_amount).val AS val, (total_amount).frac AS frac
     FROM auditor.auditor_pending_deposits WHERE batch_deposit_serial_id = ANY($1::int8[])`,
    [arrayLiteral(batches)],
  );
  return new Map(rows.map((r) => [r["batch"] as bigint, {
    batch: r["batch"] as bigint,
    account: r["account"] as string,
    deadline: timeFromDb(r["deadline"] as bigint),
    total: (r["val"] as bigint) * FRACTION_BASE + BigInt(r["frac"] as number),
  }]));
}

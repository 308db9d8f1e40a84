// SPDX-License-Identifier: AGPL-3.0-or-later
/** The aggregation pass: what merchants were paid for the coins they deposited (audit chapter 4). */
import type { AggregatedCoinRow, CoinEvent, WireFeeRow, WireOutRow } from "../../../exchange/rows.ts";
import { readRows } from "../../../exchange/source.ts";
import {
  AGGREGATED_COINS,
  AGGREGATED_COUNTS,
  coinEventsSql,
  COINS_OF_WIRE_OUTS,
  decodeAggregatedCoin,
  decodeCoinEvent,
  WIRE_OUTS,
} from "../../../exchange/v014/aggregation.ts";
import { COINS_IN_PURSES } from "../../../exchange/v014/unindexed.ts";
import { timeToDb } from "../../../taler/time.ts";
import { type Denominations, loadDenominations } from "../../denominations.ts";
import { feeTime, rowInconsistency } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import { KNOWN_COINS_PROGRESS, knownCoinsStage } from "../../known-coins.ts";
import { placesOf } from "../../lookup.ts";
import { MONEY } from "../../money.ts";
import type { PassRun, Stage, StageRow } from "../../pass.ts";
import { loadWireFees, verifyWireFees, type WireFees } from "../../wire-fees.ts";
import { evaluateWireOut, type Outcome } from "./evaluate.ts";

/** Progress points of the aggregation pass (audit chapter 1.4). */
const AGGREGATION_PROGRESS = ["aggregation_last_wire_out_serial_id"] as const;

/** Balances of the aggregation pass (audit chapter 1.5). */
const AGGREGATION_BALANCES = [
  "aggregation_total_wire_fee_revenue",
  "aggregation_total_arithmetic_delta_plus",
  "aggregation_total_arithmetic_delta_minus",
  "aggregation_total_bad_sig_loss",
  "aggregation_total_wire_out_delta_plus",
  "aggregation_total_wire_out_delta_minus",
  "aggregation_total_coin_delta_plus",
  "aggregation_total_coin_delta_minus",
] as const;

/** The aggregation pass. */
export const aggregationPass = {
  name: "aggregation",
  balanceKeys: AGGREGATION_BALANCES,
  progressKeys: AGGREGATION_PROGRESS,
  run: runAggregation,
};

/** Coins whose rows and histories are in memory together; a single larger transfer is taken whole. */
const COINS_AT_ONCE = 20_000n;
const FEE_STAGE = 0;
const WIRE_STAGE = 1;

interface AggregationState {
  run: PassRun;
  denominations: Denominations;
  fees: WireFees;
  badCoins: Set<bigint>;
  newBadCoins: Record<string, unknown>[];
  /** Earliest execution date, in the order of the transfers, at which a fee period was applied; by its serial. */
  feeUse: Map<bigint, bigint>;
}

async function runAggregation(run: PassRun): Promise<void> {
  const { source, auditor, settings, pool } = run.context;
  const denominations = await loadDenominations(source, settings.auditorPub);
  pool.addKeys(denominations.all.map((d) => d.key));
  const bad = await auditor`SELECT known_coin_id FROM auditor.auditor_x_bad_coin`;
  const s: AggregationState = {
    run,
    denominations,
    fees: await loadWireFees(source),
    badCoins: new Set(bad.map((r) => r["known_coin_id"] as bigint)),
    newBadCoins: [],
    feeUse: new Map(),
  };
  const coins = knownCoinsStage({ ...s, progressKey: KNOWN_COINS_PROGRESS.aggregation });
  run.skipTo(KNOWN_COINS_PROGRESS.aggregation, run.pointOf(KNOWN_COINS_PROGRESS.coins));
  await run.gaps.borrow(auditor, "coins", { ...coins, progressKey: KNOWN_COINS_PROGRESS.coins }, coins);
  const wires = wireOutsStage(s);
  const verdicts = await sharedVerdicts(run);
  await run.plan(verdicts === undefined ? [coins, wires] : [wires]);
  if (verdicts === undefined) {
    await run.run(coins);
    await run.drain();
  } else s.badCoins = verdicts;
  await run.run(wires);
  await run.drain();
  await auditWireFees(s);
  run.writes.push({ table: "auditor_x_bad_coin", key: ["known_coin_id"], upsert: s.newBadCoins, remove: [] });
}

/** The verdicts of the coins pass on all coins, if it is part of this run and gets that far. */
async function sharedVerdicts(run: PassRun): Promise<Set<bigint> | undefined> {
  try {
    const bad = await run.context.shared?.badCoins.promise;
    return bad === undefined ? undefined : new Set(bad);
  } catch {
    return undefined; // the coins pass reports its own failure
  }
}

function wireOutsStage(s: AggregationState): Stage<WireOutRow, Outcome> {
  return {
    rank: WIRE_STAGE,
    source: WIRE_OUTS,
    progressKey: "aggregation_last_wire_out_serial_id",
    prepare: async (rows) => {
      const outcomes: Outcome[] = [];
      for (const window of await windows(s, rows)) outcomes.push(...await evaluateWindow(s, window));
      return outcomes;
    },
    book: ({ serial, row }, outcome) => {
      const { book } = s.run;
      for (const { finding, effects } of outcome.findings) {
        book.report({ stage: WIRE_STAGE, serial }, finding, effects);
      }
      book.add("aggregation_total_wire_fee_revenue", outcome.revenue);
      s.run.addCounter(MONEY.merchantsOut, outcome.total);
      if (outcome.fee !== undefined && !s.feeUse.has(outcome.fee.serial)) {
        s.feeUse.set(outcome.fee.serial, row.executionDate);
      }
    },
  };
}

/** Cuts a page of transfers into windows of a bounded number of coins. */
async function windows(s: AggregationState, rows: StageRow<WireOutRow>[]): Promise<StageRow<WireOutRow>[][]> {
  if (rows.length === 0) return [];
  const counts = new Map<bigint, bigint>();
  const serials = rows.map((r) => r.serial);
  const counted = await readRows(
    s.run.context.source,
    "wire_out",
    AGGREGATED_COUNTS,
    [serials],
    (r) => r.int8("coins"),
  );
  for (const r of counted) if ("row" in r) counts.set(r.serial, r.row);
  const result: StageRow<WireOutRow>[][] = [];
  let size = COINS_AT_ONCE;
  for (const row of rows) {
    const coins = counts.get(row.serial) ?? 0n;
    if (size + coins > COINS_AT_ONCE || result.length === 0) {
      result.push([]);
      size = 0n;
    }
    result.at(-1)!.push(row);
    size += coins;
  }
  return result;
}

async function evaluateWindow(s: AggregationState, rows: StageRow<WireOutRow>[]): Promise<Outcome[]> {
  const sql = s.run.context.source;
  const serials = rows.map((r) => r.serial);
  const coins = new Map<bigint, AggregatedCoinRow[]>(serials.map((serial) => [serial, []]));
  for (const r of await readRows(sql, "aggregation_tracking", AGGREGATED_COINS, [serials], decodeAggregatedCoin)) {
    if ("row" in r) {
      coins.get(r.row.wireOut)!.push(r.row);
      continue;
    }
    const text = "missing" in r
      ? `row refers to a missing row in ${r.missing}`
      : `row cannot be read: ${r.problems.map((p) => `${p.column} ${p.problem}`).join(", ")}`;
    const check = "missing" in r ? "X-9" : "D-17";
    s.run.book.report(
      { stage: WIRE_STAGE, serial: r.serial },
      rowInconsistency(check, "aggregation_tracking", r.serial, text),
    );
  }
  const events = new Map<string, CoinEvent[]>();
  const keys = new Set([...coins.values()].flatMap((list) => list.map((c) => encodeHex(c.coinPub))));
  const { listed, point } = await placesOf(s.run, COINS_IN_PURSES, [...keys]);
  const parameters = [serials, listed, point];
  for (const r of await readRows(sql, "coins", coinEventsSql(COINS_OF_WIRE_OUTS), parameters, decodeCoinEvent)) {
    if (!("row" in r) || "unreadable" in r.row) continue;
    const key = encodeHex(r.row.coinPub);
    const list = events.get(key);
    if (list === undefined) events.set(key, [r.row]);
    else list.push(r.row);
  }
  const knowledge = {
    roundUnit: s.run.context.settings.roundUnit,
    lookup: s.denominations.lookup,
    isBadCoin: (knownCoin: bigint) => s.badCoins.has(knownCoin),
    eventsOf: (coinPub: Uint8Array) => events.get(encodeHex(coinPub)) ?? [],
    feesAt: s.fees.at,
  };
  return rows.map(({ serial, row }) => evaluateWireOut(knowledge, serial, row, coins.get(serial)!));
}

/** Signatures and periods of all wire fees (A-18, A-20, A-21, X-2, D-29). */
async function auditWireFees(s: AggregationState): Promise<void> {
  const { book, context: { settings, pool } } = s.run;
  const bad = await verifyWireFees(s.fees, settings.currency, settings.masterPub, pool);
  for (const { serial, problem } of s.fees.unreadable) {
    book.settle(
      `D-17:wire_fee:${serial}`,
      { stage: FEE_STAGE, serial },
      rowInconsistency("D-17", "wire_fee", serial, `row cannot be read: ${problem}`),
    );
  }
  for (const fee of s.fees.rows) if (bad.has(fee.serial)) settleBadFee(s, fee);
  for (const [a, b] of overlaps(s.fees.rows)) {
    const place = { stage: FEE_STAGE, serial: b.serial };
    const key = `${a.serial}:${b.serial}`;
    book.settle(
      `A-20:${key}`,
      place,
      feeTime("A-20", b.method, b.start, "start date before previous end date"),
    );
    book.settle(`A-21:${key}`, place, feeTime("A-21", a.method, a.end, "end date date after next start date"));
  }
  for (const prefix of ["D-17:wire_fee:", "A-18:", "A-20:", "A-21:"]) book.sweep(prefix);
}

/** A fee with a bad signature is reported at the first transfer that paid it (A-18), until then by its row (X-2). */
function settleBadFee(s: AggregationState, fee: WireFeeRow): void {
  const key = `A-18:${fee.serial}`;
  const before = s.run.stored.get(key);
  const earlier = before?.check === "A-18" ? BigInt(before.content["problem_row_id"] as string) : undefined;
  const used = s.feeUse.get(fee.serial);
  const at = earlier ?? (used === undefined ? undefined : timeToDb(used));
  s.run.book.settle(
    key,
    { stage: FEE_STAGE, serial: fee.serial },
    at === undefined
      ? rowInconsistency("X-2", "wire-fee", fee.serial, "master signature invalid")
      : rowInconsistency("A-18", "wire-fee", at, "wire fee signature invalid at given time"),
  );
}

/** Pairs of consecutive periods of one method of which the second begins before the first ends. */
export function overlaps(rows: readonly WireFeeRow[]): [WireFeeRow, WireFeeRow][] {
  const order = [...rows].sort((a, b) =>
    a.method !== b.method ? (a.method < b.method ? -1 : 1) : a.start !== b.start ? (a.start < b.start ? -1 : 1) : 0
  );
  return order.flatMap((b, i): [WireFeeRow, WireFeeRow][] => {
    const a = order[i - 1];
    return a !== undefined && a.method === b.method && b.start < a.end ? [[a, b]] : [];
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The names of the purses pass, and what its stages work on (purses chapter 0.4, 5.2). */
import { readRows } from "../../../exchange/source.ts";
import { NEWEST_EVENTS } from "../../../exchange/v014/purses.ts";
import { decodeGlobalFee, GLOBAL_FEES } from "../../../exchange/v014/static.ts";
import type { GlobalFeeRow } from "../../../exchange/rows.ts";
import type { Place } from "../../book.ts";
import type { Denominations } from "../../denominations.ts";
import { badSignature, type Finding } from "../../findings.ts";
import type { AnyStage, PassRun, StageRow } from "../../pass.ts";

/** Balances of the purses pass (purses chapter 0.4), and our own for the true loss of PU-R1. */
export const PURSES_BALANCES = [
  "purse_global_balance",
  "purse_total_balance_insufficient_loss",
  "purse_total_balance_insufficient_shortfall",
  "purse_total_delayed_decisions",
  "purse_total_balance_purse_not_closed",
  "purse_total_arithmetic_delta_plus",
  "purse_total_arithmetic_delta_minus",
  "purse_total_bad_sig_loss",
] as const;

/** Progress points of the purses pass (purses chapter 0.4). */
export const PURSES_PROGRESS = [
  "purse_request_serial_id",
  "purse_merges_serial_id",
  "purse_deposits_serial_id",
  "purse_account_merge_serial_id",
  "purse_decision_serial_id",
  "purse_open_counter",
] as const;

/** Our own progress point in the deletions of purses. */
export const DELETIONS_PROGRESS = "x:purses:deletions";
/** Counter: this auditor knows all purses that are open. */
const COMPLETE = "x:purses:complete";
/** Counter: the exchange's database was at least as recent as this (µs) when it was audited last; 0: only a part was. */
const RECENCY = "x:purses:recency";

/** Ranks of the stages: the order of findings (purses chapter 5.2). */
export const RANK = {
  requests: 1,
  merges: 2,
  deposits: 3,
  consents: 4,
  decisions: 5,
  deletions: 6,
  purses: 7,
} as const;

/** Tables whose rows can be found not to count. */
export type RejectedSource = "purse_merges" | "purse_deposits" | "account_merges" | "purse_deletion";

/** Reasons why a row is read again in every run. */
export const WAITS_FOR = { purse: "purse", denomination: "denomination" } as const;

/** The state of one run of the purses pass. */
export interface PursesState {
  run: PassRun;
  denominations: Denominations;
  globalFees: GlobalFeeRow[];
  /** Rows that do not count, by table: invalid signatures of all runs. */
  rejected: Record<RejectedSource, Set<bigint>>;
  newRejected: { source: RejectedSource; serial: string }[];
  /** Deposits whose denomination is not known; they are read again in every run. */
  unreadable: Set<bigint>;
  /** Serials of requests of earlier runs that something happened to in this one. */
  touched: Set<bigint>;
  /** Whether an earlier run of ours left the list of open purses. */
  complete: boolean;
  /** How recent the database was when the last run audited all of it, µs; 0 if it did not. */
  recencyBefore: bigint;
}

/** Loads what a run starts from. */
export async function loadPursesState(run: PassRun, denominations: Denominations): Promise<PursesState> {
  const { source, auditor } = run.context;
  const fees = await readRows(source, "global_fee", GLOBAL_FEES, [], decodeGlobalFee);
  const rejected: PursesState["rejected"] = {
    purse_merges: new Set(),
    purse_deposits: new Set(),
    account_merges: new Set(),
    purse_deletion: new Set(),
  };
  for (const row of await auditor`SELECT source, serial FROM auditor.auditor_x_purse_rejected`) {
    rejected[row["source"] as RejectedSource].add(row["serial"] as bigint);
  }
  const events = await readRows(source, "purse_requests", NEWEST_EVENTS, [], (r) => r.time("at"));
  const recency = events.reduce((max, e) => "row" in e && e.row > max ? e.row : max, 0n);
  run.setCounter(RECENCY, run.context.limits === undefined ? recency : 0n);
  run.setCounter(COMPLETE, 1n);
  return {
    run,
    denominations,
    // an unreadable period is reported by the coins pass
    globalFees: fees.flatMap((f) => "row" in f ? [f.row] : []),
    rejected,
    newRejected: [],
    unreadable: new Set(),
    touched: new Set(),
    complete: run.counters.get(COMPLETE) === 1n,
    recencyBefore: run.counters.get(RECENCY) ?? 0n,
  };
}

/** A row's signature is not valid: the finding, and the row does not count. */
export function reject(s: PursesState, source: RejectedSource, serial: bigint): void {
  if (s.rejected[source].has(serial)) return;
  s.rejected[source].add(serial);
  s.newRejected.push({ source, serial: serial.toString() });
}

/** Reports a signature that is not valid, and what that costs. */
export function reportBadSignature(
  s: PursesState,
  check: string,
  operation: string,
  place: Place,
  loss: bigint,
  publicKey: Uint8Array,
): void {
  s.run.book.report(place, badSignature(check, operation, place.serial, loss, publicKey), {
    purse_total_bad_sig_loss: loss,
  });
}

/** Something happened to a purse, if only that it appeared late: it is judged at the end of the run. */
export function touch(s: PursesState, request: bigint): void {
  // purses that are new in this run are all judged
  if (request < s.run.rangeOf("purse_request_serial_id").from) s.touched.add(request);
}

/**
 * A row for a purse that is not there (PU-3, PU-6, PU-8, PU-9) waits for it: it is read again in every run, and only
 * booked when the purse has come.
 * @returns whether the purse is there
 */
export function purseFound(
  s: PursesState,
  stage: AnyStage,
  r: StageRow<unknown>,
  key: string,
  place: Place,
  request: bigint | undefined,
  missing: Finding,
): request is bigint {
  s.run.book.settle(key, place, request === undefined ? missing : undefined);
  if (request === undefined) {
    s.run.revisit(stage, r.serial, WAITS_FOR.purse);
    return false;
  }
  if (r.reason === WAITS_FOR.purse) s.run.settleRevisit(stage, r.serial);
  touch(s, request);
  return true;
}

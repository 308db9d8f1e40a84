// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the stages of the reserves pass work on (audit chapter 3b, 3c). */
import type { ReserveCloseRow } from "../../../exchange/rows.ts";
import type { Denominations } from "../../denominations.ts";
import { arithmetic, badSignature, type Direction, type Finding, signRule } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import type { AnyStage, PassRun } from "../../pass.ts";
import type { Place } from "../../book.ts";
import type { WireFees } from "../../wire-fees.ts";

/** Progress points of the reserves pass (audit chapter 1.4). */
export const RESERVES_PROGRESS = [
  "reserves_reserve_in_serial_id",
  "reserves_reserve_out_serial_id",
  "reserves_reserve_recoup_serial_id",
  "reserves_reserve_open_serial_id",
  "reserves_reserve_close_serial_id",
  "reserves_purse_decisions_serial_id",
  "reserves_account_merges_serial_id",
  "reserves_history_requests_serial_id",
] as const;

/** Balances of the reserves pass (audit chapter 1.5). */
export const RESERVES_BALANCES = [
  "reserves_reserve_total_balance",
  "reserves_reserve_loss",
  "reserves_withdraw_fee_revenue",
  "reserves_close_fee_revenue",
  "reserves_purse_fee_revenue",
  "reserves_open_fee_revenue",
  "reserves_history_fee_revenue",
  "reserves_total_bad_sig_loss",
  "total_balance_reserve_not_closed",
  "reserves_total_arithmetic_delta_plus",
  "reserves_total_arithmetic_delta_minus",
  "total_balance_summary_delta_plus",
  "total_balance_summary_delta_minus",
] as const;

/** Ranks of the stages (audit chapter 3a). */
export const RANK = {
  credits: 1,
  withdrawals: 2,
  ageWithdrawals: 2.5,
  recoups: 3,
  opens: 4,
  closes: 5,
  mergedPurses: 6,
  accountMerges: 7,
  verdicts: 8,
} as const;

/** What a close request was signed for: the stored account, no account (the reserve's origin); or no request to sign. */
export type CloseSignature = "stored" | "origin" | "bad" | "absent";

/** What the rows of this run did to one reserve. */
export interface ReserveChange {
  reservePub: Uint8Array;
  totalIn: bigint;
  totalOut: bigint;
  withdrawFee: bigint;
  closeFee: bigint;
  purseFee: bigint;
  openFee: bigint;
  /** Latest instant until which a row of this run keeps the reserve open, 0 if none does. */
  expiration: bigint;
  /** Account of the first wire credit of this run. */
  origin: string | undefined;
  /** Closes of this run; judged when the reserve's origin and expiry are known. */
  closes: { serial: bigint; row: ReserveCloseRow; signature: CloseSignature }[];
}

/** The state of one run of the reserves pass. */
export interface ReservesState {
  run: PassRun;
  denominations: Denominations;
  fees: WireFees;
  /** By reserve key in hexadecimal. */
  changes: Map<string, ReserveChange>;
  /** Rows that were not booked because of their signature, or cannot be read: `table:serial`. */
  rejected: Set<string>;
  newRejected: { stage: string; serial: string }[];
}

/** The change record of a reserve; asking for it touches the reserve. */
export function touch(s: ReservesState, reservePub: Uint8Array): ReserveChange {
  const key = encodeHex(reservePub);
  let change = s.changes.get(key);
  if (change === undefined) {
    change = {
      reservePub: reservePub.slice(),
      totalIn: 0n,
      totalOut: 0n,
      withdrawFee: 0n,
      closeFee: 0n,
      purseFee: 0n,
      openFee: 0n,
      expiration: 0n,
      origin: undefined,
      closes: [],
    };
    s.changes.set(key, change);
  }
  return change;
}

/** Keeps a reserve open at least until an instant. */
export function keepOpen(change: ReserveChange, until: bigint): void {
  if (until > change.expiration) change.expiration = until;
}

/** A signature that costs a reserve money if it is not valid. */
export function reportBadSignature(
  s: ReservesState,
  check: string,
  place: Place,
  operation: string,
  row: bigint,
  loss: bigint,
  publicKey: Uint8Array,
): void {
  s.run.book.report(place, badSignature(check, operation, row, loss, publicKey), {
    reserves_total_bad_sig_loss: loss,
  });
}

/** Remembers that a row is not booked. */
export function reject(s: ReservesState, table: string, serial: bigint): void {
  const key = `${table}:${serial}`;
  if (s.rejected.has(key)) return;
  s.rejected.add(key);
  s.newRejected.push({ stage: table, serial: serial.toString() });
}

/** Whether a row moved no money: because of its signature, because it cannot be read, or because it waits. */
export function isUnbooked(s: ReservesState, stages: readonly AnyStage[], table: string, serial: bigint): boolean {
  return s.rejected.has(`${table}:${serial}`) ||
    stages.some((stage) => stage.source.table === table && s.run.revisits.reasonOf(stage, serial) !== undefined);
}

/** An arithmetic finding of this pass with its effect on the balances (audit chapter 0.4). */
export function arithmeticWithEffects(
  check: string,
  operation: string,
  row: bigint,
  exchange: bigint,
  auditor: bigint,
  direction: Direction,
): [Finding, Record<string, bigint>] {
  const { plus, minus } = signRule(exchange, auditor, direction);
  return [arithmetic(check, operation, row, exchange, auditor, direction), {
    reserves_total_arithmetic_delta_plus: plus,
    reserves_total_arithmetic_delta_minus: minus,
  }];
}

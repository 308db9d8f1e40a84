// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Findings: what a check reports, as a row of one of the finding tables of the reference's layout (audit chapter 0.3).
 *
 * Strings are interface values and must stay as they are, byte for byte.
 */
import { AmountOverflow, FRACTION_BASE, MAX_AMOUNT } from "../taler/amount.ts";
import { timeToDb } from "../taler/time.ts";
import { encodeHex } from "./hex.ts";

/** A value of a finding's column, as JSON that `jsonb_populate_recordset` understands. */
export type Column = string | boolean | null | { val: string; frac: number };

/** One finding. */
export interface Finding {
  /** The number of the check in the specification, such as `C-11`. */
  check: string;
  /** The table, without the `auditor_` in front. */
  table: FindingTable;
  columns: Record<string, Column>;
}

/** The finding tables that the passes write. */
export type FindingTable =
  | "amount_arithmetic_inconsistency"
  | "coin_inconsistency"
  | "row_inconsistency"
  | "bad_sig_losses"
  | "refreshes_hanging"
  | "denominations_without_sigs"
  | "emergency"
  | "emergency_by_count"
  | "denomination_key_validity_withdraw_inconsistency"
  | "reserve_balance_insufficient_inconsistency"
  | "reserve_balance_summary_wrong_inconsistency"
  | "reserve_not_closed_inconsistency"
  | "fee_time_inconsistency"
  | "wire_out_inconsistency"
  | "reserve_in_inconsistency"
  | "misattribution_in_inconsistency"
  | "row_minor_inconsistencies"
  | "wire_format_inconsistency"
  | "closure_lags"
  | "purse_not_closed_inconsistencies";

/**
 * An amount in atoms as a `taler_amount`.
 * @param place what is too large if it is
 * @throws AmountOverflow above the legal range of sums
 */
export function amountColumn(atoms: bigint, place = "an amount in a finding"): Column {
  if (atoms < 0n) throw new Error(`negative amount ${atoms}: ${place}`);
  if (atoms > MAX_AMOUNT) throw new AmountOverflow(place);
  return { val: (atoms / FRACTION_BASE).toString(), frac: Number(atoms % FRACTION_BASE) };
}

/** Bytes as a `bytea`. */
export function bytesColumn(bytes: Uint8Array): Column {
  return "\\x" + encodeHex(bytes);
}

/** A point in time (µs) as the database stores it. */
export function timeColumn(t: bigint): Column {
  return timeToDb(t).toString();
}

const time = timeColumn;

/** Which way a wrong sum works: +1 if more would be good for the exchange, -1 if bad, 0 unknown (audit chapter 0.4). */
export type Direction = -1 | 0 | 1;

/**
 * The sign rule for arithmetic findings (audit chapter 0.4).
 * @returns what the difference adds to the pass's `…_delta_plus` and `…_delta_minus`
 */
export function signRule(exchange: bigint, auditor: bigint, direction: Direction): { plus: bigint; minus: bigint } {
  const sign = exchange > auditor ? direction : -direction;
  const delta = exchange > auditor ? exchange - auditor : auditor - exchange;
  return { plus: sign === 1 ? delta : 0n, minus: sign === -1 ? delta : 0n };
}

/** A sum or fee that is wrong. */
export function arithmetic(
  check: string,
  operation: string,
  row: bigint,
  exchange: bigint,
  auditor: bigint,
  direction: Direction,
): Finding {
  return {
    check,
    table: "amount_arithmetic_inconsistency",
    columns: {
      problem_row_id: row.toString(),
      operation,
      exchange_amount: amountColumn(exchange),
      auditor_amount: amountColumn(auditor),
      profitable: direction !== 0,
    },
  };
}

/** A coin spent for more or less than it may (aggregation). */
export function coinInconsistency(
  check: string,
  operation: string,
  coinPub: Uint8Array,
  exchange: bigint,
  auditor: bigint,
  direction: Direction,
): Finding {
  return {
    check,
    table: "coin_inconsistency",
    columns: {
      operation,
      exchange_amount: amountColumn(exchange),
      auditor_amount: amountColumn(auditor),
      coin_pub: bytesColumn(coinPub),
      profitable: direction !== 0,
    },
  };
}

/** Any other broken row. */
export function rowInconsistency(check: string, table: string, row: bigint, diagnostic: string): Finding {
  return {
    check,
    table: "row_inconsistency",
    columns: { row_table: table, diagnostic, problem_row_id: row.toString() },
  };
}

/** A signature that is not valid, and what that costs. */
export function badSignature(
  check: string,
  operation: string,
  row: bigint,
  loss: bigint,
  publicKey: Uint8Array,
): Finding {
  return {
    check,
    table: "bad_sig_losses",
    columns: {
      problem_row_id: row.toString(),
      operation,
      loss: amountColumn(loss),
      operation_specific_pub: bytesColumn(publicKey),
    },
  };
}

/** A melt without reveal. */
export function hangingRefresh(check: string, row: bigint, amount: bigint): Finding {
  return {
    check,
    table: "refreshes_hanging",
    columns: { problem_row_id: row.toString(), amount: amountColumn(amount) },
  };
}

/** A denomination that this auditor has not signed, or whose signature is not valid. */
export function denominationWithoutSignature(
  check: string,
  hash: Uint8Array,
  value: bigint,
  start: bigint,
  end: bigint,
): Finding {
  return {
    check,
    table: "denominations_without_sigs",
    columns: {
      denompub_h: bytesColumn(hash),
      value: amountColumn(value),
      start_time: time(start),
      end_time: time(end),
    },
  };
}

/** What both kinds of emergency say of their denomination. */
export interface EmergencySubject {
  hash: Uint8Array;
  value: bigint;
  start: bigint;
  depositEnd: bigint;
}

/** More value of a denomination came back than was issued. */
export function emergency(check: string, d: EmergencySubject, risk: bigint, loss: bigint): Finding {
  return {
    check,
    table: "emergency",
    columns: {
      denompub_h: bytesColumn(d.hash),
      denom_risk: amountColumn(risk),
      denom_loss: amountColumn(loss),
      deposit_start: time(d.start),
      deposit_end: time(d.depositEnd),
      value: amountColumn(d.value),
    },
  };
}

/** More coins of a denomination came back than were issued. */
export function emergencyByCount(
  check: string,
  d: EmergencySubject,
  issued: bigint,
  known: bigint,
  risk: bigint,
): Finding {
  return {
    check,
    table: "emergency_by_count",
    columns: {
      denompub_h: bytesColumn(d.hash),
      num_issued: issued.toString(),
      num_known: known.toString(),
      risk: amountColumn(risk),
      start: time(d.start),
      deposit_end: time(d.depositEnd),
      value: amountColumn(d.value),
    },
  };
}

/** A coin signed outside the withdraw period of its denomination. */
export function withdrawOutsideValidity(
  check: string,
  row: bigint,
  executionDate: bigint,
  reservePub: Uint8Array,
  hash: Uint8Array,
): Finding {
  return {
    check,
    table: "denomination_key_validity_withdraw_inconsistency",
    columns: {
      problem_row_id: row.toString(),
      execution_date: time(executionDate),
      reserve_pub: bytesColumn(reservePub),
      denompub_h: bytesColumn(hash),
    },
  };
}

/** A reserve that spent more than it had (`gain` false), or has more than the exchange says (`gain` true). */
export function reserveInsufficient(check: string, reservePub: Uint8Array, gain: boolean, amount: bigint): Finding {
  return {
    check,
    table: "reserve_balance_insufficient_inconsistency",
    columns: {
      reserve_pub: bytesColumn(reservePub),
      inconsistency_gain: gain,
      inconsistency_amount: amountColumn(amount),
    },
  };
}

/** The exchange's balance of a reserve differs from ours. */
export function reserveSummaryWrong(
  check: string,
  reservePub: Uint8Array,
  exchange: bigint,
  auditor: bigint,
): Finding {
  return {
    check,
    table: "reserve_balance_summary_wrong_inconsistency",
    columns: {
      reserve_pub: bytesColumn(reservePub),
      exchange_amount: amountColumn(exchange),
      auditor_amount: amountColumn(auditor),
    },
  };
}

/** An expired reserve that still has money. */
export function reserveNotClosed(
  check: string,
  reservePub: Uint8Array,
  balance: bigint,
  expiration: bigint,
  diagnostic: string,
): Finding {
  return {
    check,
    table: "reserve_not_closed_inconsistency",
    columns: {
      reserve_pub: bytesColumn(reservePub),
      balance: amountColumn(balance),
      expiration_time: time(expiration),
      diagnostic,
    },
  };
}

/** Wire fee periods that overlap. */
export function feeTime(check: string, feeType: string, feeTimeAt: bigint, diagnostic: string): Finding {
  return {
    check,
    table: "fee_time_inconsistency",
    columns: { problem_row_id: "0", fee_type: feeType, fee_time: time(feeTimeAt), diagnostic },
  };
}

/** An outgoing transfer of the wrong amount. */
export function wireOut(
  check: string,
  account: string,
  row: bigint,
  expected: bigint,
  claimed: bigint,
  diagnostic: string,
): Finding {
  return {
    check,
    table: "wire_out_inconsistency",
    columns: {
      destination_account: account,
      diagnostic,
      wire_out_serial_id: row.toString(),
      expected: amountColumn(expected),
      claimed: amountColumn(claimed),
    },
  };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Findings of the passes that compare with the bank (wire chapter 0.9). Strings are interface values. */
import { amountColumn, bytesColumn, type Finding, timeColumn } from "./findings.ts";

/** What a finding on an incoming transfer says. */
export interface IncomingProblem {
  bankRow: bigint;
  /** What the exchange booked. */
  expected: bigint;
  /** What the bank says came in. */
  wired: bigint;
  subject: Uint8Array;
  date: bigint;
  /** Configuration section of the account. */
  account: string;
}

/** An incoming transfer that bank and exchange do not agree on. */
export function incoming(check: string, p: IncomingProblem, diagnostic: string): Finding {
  return {
    check,
    table: "reserve_in_inconsistency",
    columns: {
      bank_row_id: p.bankRow.toString(),
      amount_exchange_expected: amountColumn(p.expected),
      amount_wired: amountColumn(p.wired),
      reserve_pub: bytesColumn(p.subject),
      timestamp: timeColumn(p.date),
      account: p.account,
      diagnostic,
    },
  };
}

/** An incoming transfer booked as if it came from another account. */
export function misattribution(check: string, bankRow: bigint, amount: bigint, subject: Uint8Array): Finding {
  return {
    check,
    table: "misattribution_in_inconsistency",
    columns: { amount: amountColumn(amount), bank_row: bankRow.toString(), reserve_pub: bytesColumn(subject) },
  };
}

/** A harmless deviation. */
export function minorRow(check: string, table: string, row: bigint, diagnostic: string): Finding {
  return {
    check,
    table: "row_minor_inconsistencies",
    columns: { row_table: table, problem_row: row.toString(), diagnostic },
  };
}

/** A bank transaction that breaks the form of a history. */
export function wireFormat(check: string, offset: bigint, amount: bigint, diagnostic: string): Finding {
  return {
    check,
    table: "wire_format_inconsistency",
    columns: { amount: amountColumn(amount), wire_offset: offset.toString(), diagnostic },
  };
}

/** A closed reserve whose money was not seen at the bank. */
export function closureLag(
  check: string,
  row: bigint,
  amount: bigint,
  deadline: bigint,
  wtid: Uint8Array,
  account: string,
): Finding {
  return {
    check,
    table: "closure_lags",
    columns: {
      problem_row_id: row.toString(),
      amount: amountColumn(amount),
      deadline: timeColumn(deadline),
      wtid: bytesColumn(wtid),
      account,
    },
  };
}

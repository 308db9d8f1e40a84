// SPDX-License-Identifier: AGPL-3.0-or-later
/** What justifies an outgoing transfer, and what is wrong with the pair: pure (WD-3 to WD-5, WD-7, WD-10 to WD-12). */
import type { BankDebit } from "../../../bank/history.ts";
import type { ProfitDrainRow } from "../../../exchange/rows.ts";
import { MINUTE } from "../../../taler/time.ts";
import { sameAccount } from "../../bank-source.ts";
import type { Effects } from "../../book.ts";
import { type Finding, wireOut } from "../../findings.ts";
import { minorRow } from "../../findings-wire.ts";

/** A transfer that the exchange owes: an aggregation or a closed reserve. */
export interface OwedTransfer {
  source: "wire_out" | "reserves_close";
  serial: bigint;
  /** Section of the account; a closed reserve may be paid from any. */
  account: string | undefined;
  wtid: string;
  receiver: string;
  /** Fees taken off. */
  amount: bigint;
  date: bigint;
  reservePub: string | undefined;
}

/** Findings on a pair, with what they add to balances. */
export type Judgement = { finding: Finding; effects: Effects }[];

/** Bank and exchange may date a transfer this far apart, where the bank dates by the second. */
const DATE_TOLERANCE = 15n * MINUTE;

function difference(a: bigint, b: bigint): bigint {
  return a > b ? a - b : b - a;
}

/** A duration in the largest unit that keeps it readable, as the reference prints it (wire chapter 2.2). */
function readableDuration(µs: bigint): string {
  const units: [string, bigint, bigint][] = [["ms", 1000n, 5n], ["s", 60n, 5n], ["m", 60n, 5n], ["h", 24n, 5n]];
  let value = µs / 1000n;
  let name = "ms";
  for (const [unit, size, enough] of units) {
    name = unit;
    if (!(value > enough * size || (value > 0n && value % size === 0n))) return `${value} ${name}`;
    value /= size;
  }
  return value === 1n ? "1 day" : `${value} days`;
}

function dateMismatch(check: string, table: string, t: OwedTransfer, b: BankDebit, tolerance: bigint): Judgement {
  const apart = difference(t.date, b.date);
  if (apart <= tolerance) return [];
  return [{
    finding: minorRow(check, table, t.serial, `execution date mismatch (${readableDuration(apart)})`),
    effects: {},
  }];
}

/**
 * An aggregate transfer against the bank's transaction of the same subject.
 * @param tolerance how far the two may be apart in time, µs
 */
export function compareAggregate(w: OwedTransfer, b: BankDebit, tolerance = DATE_TOLERANCE): Judgement {
  const wired = b.amount.atoms;
  const finding = (check: string, text: string) => wireOut(check, w.receiver, w.serial, w.amount, wired, text);
  if (!sameAccount(w.receiver, b.creditAccount)) {
    return [{
      finding: finding("WD-3", "receiver account mismatch"),
      effects: { total_bad_amount_out_plus: wired, total_bad_amount_out_minus: w.amount },
    }];
  }
  if (wired !== w.amount) {
    return [{ finding: finding("WD-4", "wire amount does not match"), effects: outDelta(w.amount, wired) }];
  }
  return dateMismatch("WD-5", "wire_out", w, b, tolerance);
}

function outDelta(expected: bigint, wired: bigint): Effects {
  return {
    total_bad_amount_out_plus: wired > expected ? wired - expected : 0n,
    total_bad_amount_out_minus: expected > wired ? expected - wired : 0n,
  };
}

/** Whether a transaction pays out a closed reserve (WD-7, BUG-2.6: normal forms are compared). */
export function paysClosure(c: OwedTransfer, b: BankDebit): boolean {
  return c.amount === b.amount.atoms && sameAccount(c.receiver, b.creditAccount);
}

/** The date of a paid closure. */
export function compareClosure(c: OwedTransfer, b: BankDebit, tolerance = DATE_TOLERANCE): Judgement {
  return dateMismatch("WD-7", "reserves_closures", c, b, tolerance);
}

/** A validly signed profit drain against the bank's transaction (WD-10, WD-11, WD-12, WD-R3, BUG-2.9). */
export function compareDrain(d: ProfitDrainRow, b: BankDebit): Judgement {
  const wired = b.amount.atoms;
  const row = BigInt.asIntN(64, b.rowId);
  const out: Judgement = [];
  if (d.section !== b.account) {
    const text = "profit drained from another account than was signed";
    out.push({ finding: wireOut("WD-R3", b.creditAccount, row, d.amount, wired, text), effects: {} });
  }
  if (!sameAccount(d.payto, b.creditAccount)) {
    const text = "profit drain wired to invalid account";
    out.push({
      finding: wireOut("WD-10", b.creditAccount, d.serial, wired, 0n, text),
      effects: { total_bad_amount_out_plus: wired },
    });
  } else if (d.amount !== wired) {
    const text = "incorrect amount drained to correct account";
    out.push({
      finding: wireOut("WD-11", b.creditAccount, row, d.amount, wired, text),
      effects: outDelta(d.amount, wired),
    });
  }
  return out;
}

/** Whether a drain was carried out exactly as signed (WD-12). */
export function isExactDrain(d: ProfitDrainRow, b: BankDebit): boolean {
  return d.amount === b.amount.atoms && sameAccount(d.payto, b.creditAccount);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** One incoming transfer as the exchange booked it against the same as the bank reports it: pure (WC-2 to WC-5). */
import type { BankCredit } from "../../../bank/history.ts";
import { equalBytes } from "../../../crypto/hash.ts";
import { sameAccount } from "../../bank-source.ts";
import type { Effects } from "../../book.ts";
import { type Finding, rowInconsistency } from "../../findings.ts";
import { incoming, minorRow, misattribution } from "../../findings-wire.ts";

/** Tables in which the exchange books incoming transfers, with the kind the bank gives them. */
export const KIND_OF_TABLE = { reserves_in: "RESERVE", kycauths_in: "KYCAUTH" } as const;

/** A booking of the exchange. */
export interface Booking {
  table: keyof typeof KIND_OF_TABLE;
  serial: bigint;
  section: string;
  reference: bigint;
  subject: Uint8Array;
  sender: string | undefined;
  date: bigint;
  credit: bigint;
}

/**
 * Findings on a pair, with what they add to balances.
 * @param tolerance how far the two may be apart in time, µs
 */
export function compareCredit(
  e: Booking,
  b: BankCredit,
  currency: string,
  tolerance = 0n,
): { finding: Finding; effects: Effects }[] {
  const out: { finding: Finding; effects: Effects }[] = [];
  const problem = {
    bankRow: b.rowId,
    expected: e.credit,
    wired: 0n,
    subject: e.subject,
    date: e.date,
    account: e.section,
  };
  if (b.amount.currency !== currency) {
    const text = `bank transaction in currency ${b.amount.currency}`;
    return [{ finding: rowInconsistency("WC-R7", "bank-credit", b.rowId, text), effects: {} }];
  }
  const wired = b.amount.atoms;
  if (b.kind !== KIND_OF_TABLE[e.table] || !equalBytes(b.subject, e.subject)) {
    const finding = incoming("WC-2", problem, "wire subject does not match");
    return [{ finding, effects: { total_bad_amount_in_minus: e.credit, total_bad_amount_in_plus: wired } }];
  }
  if (wired !== e.credit) {
    out.push({
      finding: incoming("WC-3", { ...problem, wired }, "wire amount does not match"),
      effects: {
        total_bad_amount_in_plus: wired > e.credit ? wired - e.credit : 0n,
        total_bad_amount_in_minus: wired < e.credit ? e.credit - wired : 0n,
      },
    });
  }
  if (e.sender !== undefined && !sameAccount(b.debitAccount, e.sender)) {
    out.push({
      finding: misattribution("WC-4", b.rowId, e.credit, e.subject),
      effects: { total_misattribution_in: e.credit },
    });
  }
  if (b.date - e.date > tolerance || e.date - b.date > tolerance) {
    out.push({ finding: minorRow("WC-5", e.table, e.serial, "execution date mismatch"), effects: {} });
  }
  return out;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Findings that an acceptance test expects, as short calls: number of the check, rows, amounts as decimal numbers. */

/** A finding as it stands in its table; amounts as decimal numbers, all else as the database writes it. */
export interface ListedFinding {
  check: string;
  /** Without the `auditor_` in front. */
  table: string;
  columns: Readonly<Record<string, string>>;
}

function listed(check: string, table: string, columns: Record<string, string | number | bigint | boolean>) {
  const text = Object.entries(columns).map(([name, value]) => [name, String(value)]);
  return { check, table, columns: Object.fromEntries(text) } as ListedFinding;
}

/** A number of a row. */
type Serial = number | bigint | string;

/** A signature that is not valid. */
export function badSig(check: string, operation: string, problem_row_id: Serial, loss: string): ListedFinding {
  return listed(check, "bad_sig_losses", { operation, problem_row_id, loss });
}

/** A broken row. */
export function badRow(check: string, row_table: string, problem_row_id: Serial, diagnostic: string): ListedFinding {
  return listed(check, "row_inconsistency", { row_table, problem_row_id, diagnostic });
}

/** A harmless deviation of a row. */
export function minor(check: string, row_table: string, problem_row: Serial, diagnostic: string): ListedFinding {
  return listed(check, "row_minor_inconsistencies", { row_table, problem_row, diagnostic });
}

/** A wrong sum. */
export function badSum(
  check: string,
  operation: string,
  problem_row_id: Serial,
  exchange_amount: string,
  auditor_amount: string,
  profitable = true,
): ListedFinding {
  const columns = { operation, problem_row_id, exchange_amount, auditor_amount, profitable };
  return listed(check, "amount_arithmetic_inconsistency", columns);
}

/** A coin with a wrong sum, as aggregation sees it. */
export function badCoin(check: string, operation: string, exchange: string, auditor: string): ListedFinding {
  const columns = { operation, exchange_amount: exchange, auditor_amount: auditor, profitable: true };
  return listed(check, "coin_inconsistency", columns);
}

/** A melt without reveal. */
export function hanging(problem_row_id: Serial, amount: string): ListedFinding {
  return listed("C-20", "refreshes_hanging", { problem_row_id, amount });
}

/** A denomination of which more came back than was issued. */
export function emergency(value: string, denom_risk: string, denom_loss: string): ListedFinding {
  return listed("C-33", "emergency", { value, denom_risk, denom_loss });
}

/** A denomination of which more coins are known than were issued. */
export function emergencyByCount(value: string, num_issued: Serial, num_known: Serial, risk: string): ListedFinding {
  return listed("C-32", "emergency_by_count", { value, num_issued, num_known, risk });
}

/** A coin signed outside the withdraw period of its denomination. */
export function withdrawnTooLate(problem_row_id: Serial): ListedFinding {
  return listed("R-2", "denomination_key_validity_withdraw_inconsistency", { problem_row_id });
}

/** A reserve that is overdrawn (`gain` false), or has more than the exchange says. */
export function reserveShort(check: string, inconsistency_gain: boolean, inconsistency_amount: string): ListedFinding {
  const columns = { inconsistency_gain, inconsistency_amount };
  return listed(check, "reserve_balance_insufficient_inconsistency", columns);
}

/** both findings on a reserve whose balance is not the exchange's. */
export function reserveWrong(exchange_amount: string, auditor_amount: string): ListedFinding[] {
  const columns = { exchange_amount, auditor_amount };
  const summary = listed("R-18", "reserve_balance_summary_wrong_inconsistency", columns);
  return [reserveShort("R-18", true, auditor_amount), summary];
}

/** An expired reserve that still has money. */
export function notClosed(check: string, balance: string, diagnostic: string): ListedFinding {
  return listed(check, "reserve_not_closed_inconsistency", { balance, diagnostic });
}

/** An outgoing transfer that is wrong. */
export function badTransfer(
  check: string,
  wire_out_serial_id: Serial,
  expected: string,
  claimed: string,
  diagnostic: string,
): ListedFinding {
  return listed(check, "wire_out_inconsistency", { wire_out_serial_id, expected, claimed, diagnostic });
}

/** A bank transaction that breaks the form of a history. */
export function badFormat(check: string, wire_offset: Serial, amount: string, diagnostic: string): ListedFinding {
  return listed(check, "wire_format_inconsistency", { wire_offset, amount, diagnostic });
}

/** An incoming transfer that bank and exchange do not agree on. */
export function badCredit(
  check: string,
  bank_row_id: Serial,
  amount_exchange_expected: string,
  amount_wired: string,
  diagnostic: string,
): ListedFinding {
  const columns = { bank_row_id, amount_exchange_expected, amount_wired, diagnostic };
  return listed(check, "reserve_in_inconsistency", columns);
}

/** An incoming transfer booked as if it came from another account. */
export function misattributed(bank_row: Serial, amount: string): ListedFinding {
  return listed("WC-4", "misattribution_in_inconsistency", { bank_row, amount });
}

/** A closed reserve whose money was not seen at the bank. */
export function closureLag(problem_row_id: Serial, amount: string): ListedFinding {
  return listed("WD-14", "closure_lags", { problem_row_id, amount });
}

/** A purse that expired and was not decided. */
export function purseNotClosed(amount: string): ListedFinding {
  return listed("PU-14", "purse_not_closed_inconsistencies", { amount });
}

/** A denomination that this auditor did not sign. */
export function unsigned(value: string): ListedFinding {
  return listed("X-1", "denominations_without_sigs", { value });
}

/** Overdue deposits to one account (TR-R1); they have a list of their own and no finding. */
export function overdue(account: string, total: string, batches: Serial, reason: string): ListedFinding {
  return listed("TR-R1", "x_deposit_lag", { account, total, batches, reason });
}

/** A deposit confirmation that does not fit; the row itself is the finding, beside it stands why. */
export function unconfirmed(check: string, row: Serial, state: string, diagnostic: string): ListedFinding {
  return listed(check, "x_confirmation", { row_id: row, state, diagnostic });
}

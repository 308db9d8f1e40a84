// SPDX-License-Identifier: AGPL-3.0-or-later
/** Which rows of the auditor's tables the passes transfer, wire-credit and wire-debit write. */
import type { AuditorState, Row } from "../support/audit.ts";

const ROWS: Readonly<Record<string, "all" | ((row: Row) => boolean)>> = {
  closure_lags: "all",
  misattribution_in_inconsistency: "all",
  pending_deposits: "all",
  reserve_in_inconsistency: "all",
  row_minor_inconsistencies: "all",
  wire_format_inconsistency: "all",
  row_inconsistency: (r) =>
    /^(profit_drains|reserves_in|reserves_closures|batch_deposits|aggregation_tracking|bank-)/.test(r["row_table"]!),
  wire_out_inconsistency: (r) => r["diagnostic"] !== "aggregated amount does not match expectations",
  balances: (r) =>
    /^(wire_debit_|total_(wire_in|wire_out|bad_amount_|misattribution_in|drained|closure_amount_lag|amount_lag))/
      .test(r["balance_key"]!),
  progress: (r) => /^wire[-_]/.test(r["progress_key"]!),
};

/** The part of a state that these passes write. */
export function wireRestrict(state: AuditorState): AuditorState {
  return new Map(
    Object.entries(ROWS).map(([table, rows]) => {
      const all = state.get(table) ?? [];
      return [table, rows === "all" ? all : all.filter(rows)];
    }),
  );
}

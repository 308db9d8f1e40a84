// SPDX-License-Identifier: AGPL-3.0-or-later
/** What an audit found, in a form that can be compared with what it had to find. */

import type { Sql } from "../db/connect.ts";
import type { FindingTable } from "../audit/findings.ts";
import { FRACTION_BASE } from "../taler/amount.ts";

/** A finding that an audit must have: number of the check, kind, and the money it is about in atoms. */
export interface Expectation {
  readonly check: string;
  readonly table: FindingTable;
  readonly amount: bigint | undefined;
}

/** A finding that is open. */
export interface Found extends Expectation {
  /** What the finding says, as it is in the journal. */
  readonly content: Readonly<Record<string, unknown>>;
}

/** Columns of each kind that hold the money: one, or two whose difference counts. */
const MONEY: Partial<Record<FindingTable, readonly [string] | readonly [string, string]>> = {
  amount_arithmetic_inconsistency: ["exchange_amount", "auditor_amount"],
  bad_sig_losses: ["loss"],
  coin_inconsistency: ["exchange_amount", "auditor_amount"],
  emergency: ["denom_loss"],
  refreshes_hanging: ["amount"],
  reserve_balance_insufficient_inconsistency: ["inconsistency_amount"],
  reserve_balance_summary_wrong_inconsistency: ["exchange_amount", "auditor_amount"],
  reserve_not_closed_inconsistency: ["balance"],
  wire_out_inconsistency: ["expected", "claimed"],
};

/** All findings that are open, in the order in which they were made, with the numbers of their checks. */
export async function openChecks(sql: Sql): Promise<Found[]> {
  const rows = await sql`SELECT check_id, finding_table, content FROM (
      SELECT DISTINCT ON (finding_table, finding_row) journal_id, event, check_id, finding_table, content
        FROM auditor.auditor_x_journal ORDER BY finding_table, finding_row, journal_id DESC) last
    WHERE event <> 'resolved' ORDER BY journal_id`;
  return rows.map((r) => {
    const table = r["finding_table"] as FindingTable;
    const content = r["content"] as Record<string, unknown>;
    return { check: r["check_id"] as string, table, amount: moneyOf(table, content), content };
  });
}

function moneyOf(table: FindingTable, content: Record<string, unknown>): bigint | undefined {
  const [first, second] = (MONEY[table] ?? []).map((column) => atomsOf(content[column]));
  if (first === undefined || second === undefined) return first;
  return first > second ? first - second : second - first;
}

function atomsOf(column: unknown): bigint {
  const { val, frac } = column as { val: string; frac: number };
  return BigInt(val) * FRACTION_BASE + BigInt(frac);
}

/** Findings that are missing, and findings that nobody expected. Equal ones are paired off one by one. */
export function compareFindings(
  expected: readonly Expectation[],
  found: readonly Found[],
): { missing: Expectation[]; unexpected: Found[] } {
  const unexpected = [...found];
  const missing = expected.filter((wanted) => {
    const place = unexpected.findIndex((f) =>
      f.check === wanted.check && f.table === wanted.table && f.amount === wanted.amount
    );
    if (place >= 0) unexpected.splice(place, 1);
    return place < 0;
  });
  return { missing, unexpected };
}

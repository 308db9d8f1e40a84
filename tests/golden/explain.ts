// SPDX-License-Identifier: AGPL-3.0-or-later
/** How a table of expected differences is compared with the differences there are: exactly, in both directions. */
import { type AuditorState, type Difference, type Row, rowText } from "../support/audit.ts";

/** What the wire-credit, wire-debit, purses, transfer and deposits passes of the reference write. */
const OTHER_PASSES: Readonly<Record<string, "all" | ((row: Row) => boolean)>> = {
  closure_lags: "all",
  deposit_confirmations: "all",
  exchange_signkeys: "all",
  misattribution_in_inconsistency: "all",
  pending_deposits: "all",
  purse_not_closed_inconsistencies: "all",
  purses: "all",
  reserve_in_inconsistency: "all",
  row_minor_inconsistencies: "all",
  tables: "all",
  wire_format_inconsistency: "all",
  amount_arithmetic_inconsistency: (r) => /^purse-(balance|decision)/.test(r["operation"]!),
  bad_sig_losses: (r) => /^(purse-request|merge-purse)$/.test(r["operation"]!),
  row_inconsistency: (r) =>
    /^(purse-fee|profit_drains|reserves_in)$/.test(r["row_table"]!) || r["diagnostic"] === "execution date mismatch",
  wire_out_inconsistency: (r) => r["diagnostic"] !== "aggregated amount does not match expectations",
  balances: (r) =>
    /^(purse_|wire_debit_|total_(wire_in|wire_out|bad_amount_|misattribution_in|drained|closure_amount_lag|amount_lag|missed_deposit_confirmations))/
      .test(r["balance_key"]!),
  progress: (r) => /^(purse_|wire[-_]|deposit_confirmation)/.test(r["progress_key"]!),
};

/** The part of a state that the passes reserves, coins and aggregation write. */
export function restrict(state: AuditorState): AuditorState {
  const part = new Map<string, readonly Row[]>();
  for (const [table, rows] of state) {
    const other = OTHER_PASSES[table];
    if (other !== "all") part.set(table, other === undefined ? rows : rows.filter((r) => !other(r)));
  }
  return part;
}

/** What columns of a row must be: a text exactly, or a pattern. */
export type Match = Readonly<Record<string, string | RegExp>>;

/** One line of the table of differences. */
export interface Line {
  table: string;
  /** A row that we have, that the reference has, or that both have and which differs in exactly these columns. */
  side: "ours" | "reference" | readonly string[];
  match: Match;
  count: number;
  /** Of a row that both have: the values of the differing columns, ours first. */
  values?: Readonly<Record<string, readonly [ours: string, reference: string]>>;
}

/** Lines with the number of the rule that makes the difference right, and why. */
export interface Explanation {
  /** `D-n`: what the reference does wrong; `X-n`: a check it does not have (audit chapter 5). */
  rule: string;
  because: string;
  /** Set when the difference exists only with internal checks, or only without. */
  only?: "internal" | "plain";
  lines: readonly Line[];
}

/** `count` rows that only we have. */
export function ours(count: number, table: string, match: Match = {}): Line {
  return { table, side: "ours", match, count };
}

/** `count` rows that only the reference has. */
export function theirs(count: number, table: string, match: Match = {}): Line {
  return { table, side: "reference", match, count };
}

/** `count` rows that both have and whose differing columns have these values, ours first. */
export function differs(count: number, table: string, match: Match, values: NonNullable<Line["values"]>): Line {
  return { table, side: Object.keys(values).sort(), match, count, values };
}

/** A balance that is not the reference's. */
export function balance(key: string, ours: string, reference: string): Line {
  return differs(1, "balances", { balance_key: key }, { balance_value: [ours, reference] });
}

function differingColumns(d: Difference): string[] {
  const [a, b] = [d.ours!, d.reference!];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((c) => a[c] !== b[c]).sort();
}

function matches(line: Line, d: Difference): boolean {
  if (line.table !== d.table) return false;
  const row = d.ours ?? d.reference!;
  if (typeof line.side === "string") {
    if ((d.ours !== undefined) !== (line.side === "ours") || (d.ours !== undefined && d.reference !== undefined)) {
      return false;
    }
  } else {
    if (d.ours === undefined || d.reference === undefined) return false;
    if (differingColumns(d).join() !== line.side.join()) return false;
    for (const [column, [ours, reference]] of Object.entries(line.values ?? {})) {
      if (d.ours[column] !== ours || d.reference[column] !== reference) return false;
    }
  }
  return Object.entries(line.match).every(([column, value]) =>
    typeof value === "string" ? row[column] === value : value.test(row[column] ?? "")
  );
}

/** A difference as one text, for messages. */
export function differenceText(d: Difference): string {
  if (d.ours === undefined) return `only the reference: ${d.table}: ${rowText(d.reference!)}`;
  if (d.reference === undefined) return `only ours: ${d.table}: ${rowText(d.ours)}`;
  const row = d.ours;
  const same = Object.entries(row).filter(([c, v]) => d.reference![c] === v).map(([c, v]) => `${c}=${v}`);
  const columns = differingColumns(d).map((c) => `${c}=${row[c]} (reference ${d.reference![c]})`);
  return `both, not the same: ${d.table}: ${[...columns, ...same].join(" ")}`;
}

function lineText(explanation: Explanation, line: Line, found: number): string {
  const match = Object.entries(line.match).map(([c, v]) => `${c}=${v}`);
  const values = Object.entries(line.values ?? {}).map(([c, [a, b]]) => `${c}=${a} (reference ${b})`);
  const side = typeof line.side === "string" ? line.side : `both, differing in ${line.side.join()}`;
  return `${explanation.rule} expects ${line.count}, there are ${found}: ${side}: ${line.table}: ` +
    [...match, ...values].join(" ");
}

/**
 * Compares differences with their table; what is left over on either side, as texts. Empty: the table is right.
 * A difference belongs to the first line that fits it.
 */
export function unexplained(differences: readonly Difference[], table: readonly Explanation[]): string[] {
  const lines = table.flatMap((explanation) => explanation.lines.map((line) => ({ explanation, line, found: 0 })));
  const problems: string[] = [];
  for (const d of differences) {
    const entry = lines.find(({ line }) => matches(line, d));
    if (entry === undefined) problems.push(`not in the table: ${differenceText(d)}`);
    else entry.found++;
  }
  for (const { explanation, line, found } of lines) {
    if (found !== line.count) problems.push(lineText(explanation, line, found));
  }
  return problems;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the auditor database says at the end of a run: open findings by kind with the money at risk, and balances. */
import type { Sql } from "../db/connect.ts";
import { FRACTION_BASE } from "../taler/amount.ts";
import type { FindingTable } from "./findings.ts";

/** Open findings of one kind. */
export interface OpenFindings {
  /** Table without `auditor_`. */
  kind: string;
  /** What it means, for people. */
  title: string;
  /** Findings that nobody suppressed. */
  open: number;
  suppressed: number;
  /** Checks that found them, as in the catalogue, and how often; suppressed ones included. */
  checks: Readonly<Record<string, number>>;
  /** Sum of the money that the open findings are about, atoms; undefined when the kind has no amount. */
  atRisk: bigint | undefined;
}

/** How the findings of a table are shown. */
interface Kind {
  title: string;
  /** The amount a finding is about as SQL over the row, numeric atoms. */
  amount?: string;
  /** What else the rows must be joined with to be findings. */
  join?: string;
}

/** Every table of findings, in the order in which they are shown. */
const KINDS: Readonly<Record<FindingTable | "deposit_confirmations", Kind>> = {
  emergency: { title: "value of a denomination returned that was never issued", amount: atoms("denom_loss") },
  emergency_by_count: {
    title: "coins of a denomination returned that were never issued",
    amount: `(num_known - num_issued) * ${atoms("value")}`,
  },
  bad_sig_losses: { title: "invalid signatures", amount: atoms("loss") },
  coin_inconsistency: { title: "coins spent for more or less than they may", amount: difference() },
  amount_arithmetic_inconsistency: { title: "wrong sums or fees", amount: difference() },
  reserve_balance_insufficient_inconsistency: {
    title: "reserves overdrawn, or short of what they should have",
    amount: atoms("inconsistency_amount"),
  },
  reserve_balance_summary_wrong_inconsistency: { title: "reserve balances stored wrongly", amount: difference() },
  reserve_not_closed_inconsistency: { title: "expired reserves not closed", amount: atoms("balance") },
  wire_out_inconsistency: {
    title: "outgoing transfers missing, unjustified or of a wrong amount",
    amount: `abs(${atoms("expected")} - ${atoms("claimed")})`,
  },
  reserve_in_inconsistency: {
    title: "incoming transfers booked wrongly, or not at all",
    amount: `abs(${atoms("amount_exchange_expected")} - ${atoms("amount_wired")})`,
  },
  misattribution_in_inconsistency: {
    title: "incoming transfers booked for somebody else",
    amount: atoms("amount"),
  },
  wire_format_inconsistency: { title: "bank transfers that cannot be read", amount: atoms("amount") },
  closure_lags: { title: "reserves closed whose money was not sent back", amount: atoms("amount") },
  purse_not_closed_inconsistencies: { title: "expired purses not decided", amount: atoms("amount") },
  deposit_confirmations: {
    title: "deposits confirmed to merchants that the exchange does not have",
    amount: atoms("total_without_fee"),
    join: "JOIN auditor.auditor_x_confirmation x ON x.row_id = t.row_id AND x.state = 'missed'",
  },
  refreshes_hanging: { title: "melted coins never revealed", amount: atoms("amount") },
  denomination_key_validity_withdraw_inconsistency: { title: "coins issued outside their withdraw period" },
  denominations_without_sigs: { title: "denominations without this auditor's valid signature" },
  fee_time_inconsistency: { title: "wire fee periods that overlap" },
  row_inconsistency: { title: "other broken rows" },
  row_minor_inconsistencies: { title: "small deviations" },
};

function atoms(column: string): string {
  return `((${column}).val::numeric * ${FRACTION_BASE} + (${column}).frac)`;
}

function difference(): string {
  return `abs(${atoms("exchange_amount")} - ${atoms("auditor_amount")})`;
}

/** Counts the findings of every kind that has any. */
export async function openFindings(sql: Sql): Promise<OpenFindings[]> {
  const kinds = Object.entries(KINDS);
  const query = kinds.map(([kind, { amount, join = "" }], i) =>
    `SELECT ${i} AS place, count(*) FILTER (WHERE NOT suppressed)::int4 AS open,
       count(*) FILTER (WHERE suppressed)::int4 AS suppressed,
       ${amount === undefined ? "NULL" : `coalesce(sum(${amount}) FILTER (WHERE NOT suppressed), 0)::text`} AS at_risk
     FROM auditor.auditor_${kind} t ${join}`
  ).join(" UNION ALL ");
  const [rows, checks] = [await sql.unsafe(`${query} ORDER BY place`), await openChecks(sql)];
  return rows.flatMap((r): OpenFindings[] => {
    const [kind, { title }] = kinds[r["place"] as number]!;
    const open = r["open"] as number, suppressed = r["suppressed"] as number;
    if (open + suppressed === 0) return [];
    const atRisk = r["at_risk"] === null ? undefined : BigInt(r["at_risk"] as string);
    return [{ kind, title, open, suppressed, checks: Object.fromEntries(checks.get(kind) ?? []), atRisk }];
  });
}

/** How many findings of each check are open, by table. */
async function openChecks(sql: Sql): Promise<Map<string, [check: string, open: number][]>> {
  const rows = await sql`SELECT finding_table AS kind, check_id,
      (count(*) FILTER (WHERE event = 'opened') - count(*) FILTER (WHERE event = 'resolved'))::int4 AS open
    FROM auditor.auditor_x_journal GROUP BY 1, 2
    UNION ALL SELECT 'deposit_confirmations', check_id, count(*)::int4 FROM auditor.auditor_x_confirmation
      WHERE state = 'missed' GROUP BY check_id
    ORDER BY 1, 2`;
  const open = rows.filter((r) => (r["open"] as number) > 0);
  const byTable = Map.groupBy(open, (r) => r["kind"] as string);
  return new Map([...byTable].map(([kind, all]) => [kind, all.map((r) => [r["check_id"], r["open"]])]));
}

/** All balances in atoms, in the order of their keys. */
export async function allBalances(sql: Sql): Promise<Map<string, bigint>> {
  const rows = await sql`SELECT balance_key, (balance_value).val AS val, (balance_value).frac AS frac
    FROM auditor.auditor_balances ORDER BY row_id`;
  return new Map(
    rows.map((
      r,
    ) => [r["balance_key"] as string, (r["val"] as bigint) * FRACTION_BASE + BigInt(r["frac"] as number)]),
  );
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The reconciliation of a run (WD-R5): what should be on the bank account, what is, and what it is owed for.
 *
 * Money that came in by wire and did not go out by wire must be somewhere: in coins, reserves and purses, promised to
 * merchants, or earned. The last line of the table says how much is nowhere; for honest data it is zero.
 */
import type { Sql } from "../db/connect.ts";
import { FRACTION_BASE } from "../taler/amount.ts";
import { HOUR } from "../taler/time.ts";
import { MONEY } from "./money.ts";
import { allBalances } from "./summary.ts";
import { loadCounters } from "./store.ts";

/** Names of the figures, with what they are, in the order in which they are shown. */
export const FIGURES = [
  ["bank_expected", "bank balance by the exchange's books"],
  ["bank_actual", "bank balance by the bank"],
  ["bank_difference", "difference (bank less books)"],
  ["coins_outstanding", "e-money outstanding in coins"],
  ["reserves_outstanding", "money in reserves"],
  ["purses_outstanding", "money in purses"],
  ["merchants_outstanding", "deposits not yet wired to merchants"],
  ["identity_transfers", "transfers that only proved control of an account"],
  ["liabilities", "owed to customers and merchants"],
  ["income", "income from fees and rounding"],
  ["income_drained", "of that, taken out by the exchange"],
  ["unexplained", "money by the books that is neither owed nor earned"],
  ["losses", "losses found"],
  ["risk", "coins in circulation whose keys could be abused"],
] as const;

/** Name of a figure. */
export type FigureName = typeof FIGURES[number][0];

/** Balances that are income (audit chapter 2d, 3d, 4d). */
const INCOME = [
  "reserves_withdraw_fee_revenue",
  "reserves_close_fee_revenue",
  "reserves_purse_fee_revenue",
  "reserves_open_fee_revenue",
  "coin_deposit_fee_revenue",
  "coin_melt_fee_revenue",
  "coin_refund_fee_revenue",
  "aggregation_total_wire_fee_revenue",
] as const;

/**
 * Balances that are losses; kinds that another of them counts too are left out. Of a purse that was paid out without
 * being full the loss is what was missing: the rest was paid into it.
 */
const LOSSES = [
  "coin_irregular_loss",
  "coins_emergencies_loss",
  "reserves_reserve_loss",
  "reserves_total_bad_sig_loss",
  "purse_total_balance_insufficient_shortfall",
  "purse_total_bad_sig_loss",
] as const;

/** What the figures follow from. */
export interface ReconciliationInput {
  balances: ReadonlyMap<string, bigint>;
  counters: ReadonlyMap<string, bigint>;
  /** Over all denominations: issued and credited, less spent and recouped, as the ledgers have it. */
  coins: bigint;
}

/** Computes the figures, atoms; a figure may be negative. Pure. */
function reconcile({ balances, counters, coins: ledgers }: ReconciliationInput): Map<FigureName, bigint> {
  const balance = (key: string) => balances.get(key) ?? 0n;
  const money = (key: keyof typeof MONEY) => counters.get(MONEY[key]) ?? 0n;
  const sum = (keys: readonly string[]) => keys.reduce((total, key) => total + balance(key), 0n);
  const coins = ledgers + money("waived");
  const reserves = (counters.get("x:reserves:in") ?? 0n) - (counters.get("x:reserves:out") ?? 0n);
  const purses = money("pursesIn") - money("pursesOut");
  const merchants = money("merchantsIn") - money("merchantsOut");
  // a full refund costs the deposit fee twice: the merchant does not pay it, and the coin gets it
  const givenBack = balance("coin_deposit_fee_loss") + money("waived");
  const income = sum(INCOME) + money("refreshIncome") + money("openIncome") - givenBack;
  const drained = balance("total_drained");
  const identity = money("identityIn");
  const expected = balance("total_wire_in") + identity - balance("total_wire_out") - money("closuresOut") - drained;
  const otherOut = [...counters].reduce(
    (total, [name, value]) => name.startsWith(MONEY.otherOut) ? total + value : total,
    0n,
  );
  const actual = money("bankIn") - money("bankOut") - otherOut;
  const liabilities = coins + reserves + purses + merchants;
  return new Map<FigureName, bigint>([
    ["bank_expected", expected],
    ["bank_actual", actual],
    ["bank_difference", actual - expected],
    ["coins_outstanding", coins],
    ["reserves_outstanding", reserves],
    ["purses_outstanding", purses],
    ["merchants_outstanding", merchants],
    ["identity_transfers", identity],
    ["liabilities", liabilities],
    ["income", income],
    ["income_drained", drained],
    ["unexplained", expected - identity - liabilities - (income - drained)],
    ["losses", sum(LOSSES)],
    ["risk", balance("coin_balance_risk")],
  ]);
}

/** The figures by what the auditor database holds now. */
export async function currentFigures(sql: Sql): Promise<Map<FigureName, bigint>> {
  const coins = await sql`SELECT coalesce(sum(credit_early + credit_late - spent - recouped), 0)::text AS coins
    FROM auditor.auditor_x_denomination`;
  const counters = await loadCounters(sql, "x:");
  return reconcile({
    balances: await allBalances(sql),
    counters,
    coins: BigInt(coins[0]!["coins"] as string),
  });
}

/** Our counter of the last run whose figures were stored. */
const STORED = "figures:run";

/**
 * Stores the figures of the runs since the last time, to be shown over time. Does nothing when there was no run, so that
 * an audit that finds nothing new writes nothing.
 */
export async function storeFigures(sql: Sql, clock: bigint): Promise<void> {
  const [state] = await sql`SELECT coalesce(max(run_id), 0)::int8 AS newest,
      (SELECT value::int8 FROM auditor.auditor_x_counter WHERE name = ${STORED}) AS stored
    FROM auditor.auditor_x_run`;
  const newest = state!["newest"] as bigint;
  if (newest === (state!["stored"] as bigint | null ?? 0n)) return;
  const figures = await currentFigures(sql);
  const hour = clock - clock % HOUR;
  await sql.begin(async (tx) => {
    // one set of figures per hour is enough to show them over time
    await tx`DELETE FROM auditor.auditor_x_figure WHERE clock >= ${hour} AND clock < ${hour + HOUR}`;
    await tx`DELETE FROM auditor.auditor_x_outstanding WHERE clock >= ${hour} AND clock < ${hour + HOUR}`;
    for (const [name, value] of figures) {
      await tx`INSERT INTO auditor.auditor_x_figure (clock, name, value) VALUES (${clock}, ${name}, ${value.toString()})`;
    }
    // revenue and losses by kind are balances; their row may not be older than the figures that follow from them
    await tx`INSERT INTO auditor.auditor_x_figure (clock, name, value)
      SELECT ${clock}, 'balance:' || balance_key, (balance_value).val::numeric * ${FRACTION_BASE.toString()}
          + (balance_value).frac
      FROM auditor.auditor_balances WHERE balance_value <> (0, 0)::auditor.taler_amount`;
    await tx`INSERT INTO auditor.auditor_x_outstanding (clock, denom_pub_hash, outstanding)
      SELECT ${clock}, denom_pub_hash, credit_early + credit_late + waived - spent - recouped
      FROM auditor.auditor_x_denomination WHERE credit_early + credit_late + waived - spent - recouped <> 0`;
    await tx`INSERT INTO auditor.auditor_x_counter (name, value) VALUES (${STORED}, ${newest.toString()})
      ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value`;
  });
}

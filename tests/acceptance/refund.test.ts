// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The acceptance list, F.2 #25: a refund is deleted and nothing of its denomination is left to cover it. No recorded
 * exchange has such a refund, but a simulated one: of a denomination of 1 there are two coins. One paid 1; the other
 * paid 0.16 and 0.84, got 0.24 back (fee 0.006), and paid 0.14 and 0.094. The merchant was paid 0.24 less.
 */
import assert from "node:assert/strict";
import type { Sql } from "../../core/db/connect.ts";
import { writeExchange } from "../../core/simulator/writer.ts";
import { auditTwice, changedBalances, compareFindings, newFindings, plainSql } from "../support/acceptance.ts";
import { badCoin, badRow, badSum, badTransfer, emergency, type ListedFinding } from "../support/expected_findings.ts";
import { atoms, plainAmount } from "../support/scenario.ts";
import { auditSimulation, simulate, withSchemas } from "../support/simulation.ts";

/**
 * Spends that the escrow does not cover, and what is left of it: what was issued pays for deposits, and then, with what
 * refunds gave back, for melts (the order of the stages, with D-16). `waived`: deposit fees that coins got back.
 */
async function uncovered(sql: Sql, waived: bigint): Promise<{ findings: ListedFinding[]; left: bigint }> {
  const list = async (query: string) => (await sql.unsafe(query)).map((r) => [r["row"], atoms(r["amount"])] as const);
  const sum = async (query: string) => (await list(query)).reduce((total, [, value]) => total + value, 0n);
  const issued = `SELECT 0 AS row, ${plainSql("coin")} AS amount FROM exchange.denominations JOIN exchange`;
  const amount = `${plainSql("amount_with_fee")} AS amount FROM exchange`;
  let left = await sum(`${issued}.reserves_out USING (denominations_serial)`) +
    await sum(`${issued}.refresh_revealed_coins USING (denominations_serial)`);
  const findings: ListedFinding[] = [];
  const spend = async (query: string) => {
    for (const [row, value] of await list(query)) {
      if (value <= left) left -= value;
      else {
        const operation = "subtracting amount from escrow balance";
        findings.push(badSum("C-22", operation, row, plainAmount(left), plainAmount(value), false));
      }
    }
  };
  await spend(`SELECT coin_deposit_serial_id AS row, ${amount}.coin_deposits ORDER BY 1`);
  left += waived + await sum(`SELECT 0 AS row, ${amount}.refunds`) - await sum(
    `SELECT 0 AS row, ${
      plainSql("fee_refund")
    } AS amount FROM exchange.refunds JOIN exchange.known_coins USING (coin_pub)
      JOIN exchange.denominations USING (denominations_serial)`,
  );
  await spend(`SELECT melt_serial_id AS row, ${amount}.refresh_commitments ORDER BY 1`);
  return { findings, left: left - waived };
}

Deno.test("acceptance F.2 #25: a refund is deleted of which nothing was left", async () => {
  const simulation = simulate({ seed: "t3", customers: 2, coinsPerCustomer: 6, days: 60, merchants: 2 });
  const audited = (change: string) =>
    withSchemas(async (sql, url) => {
      await writeExchange(sql, simulation);
      await sql.unsafe(change);
      const outcome = await auditTwice(sql, () => auditSimulation(url, simulation));
      // two other refunds were of whole deposits, and gave 0.01 each back
      return { outcome, escrow: await uncovered(sql, atoms("0.02")) };
    });
  const base = await audited("SELECT");
  assert.deepEqual(base.outcome.findings, []);
  const { outcome, escrow } = await audited("DELETE FROM exchange.refunds WHERE refund_serial_id = 5");
  assert.ok(escrow.findings.length > 0);
  assert.deepEqual(
    compareFindings(newFindings(outcome, base.outcome), [
      badSum("C-4", "deposit", 24, "1.234", "1"),
      // once for each of its four deposits that were paid out
      ...[1, 2, 3, 4].map(() => badCoin("A-13", "spend", "1.234", "1")),
      // of 0.14 and 0.094, the last deposits, nothing was left
      emergency("1", "2", "0.234"),
      ...escrow.findings,
      badRow("X-8", "coin_history", 38, "history entry points to nothing: refunds, row 5"),
      // 0.834, 1.63 and 0.92 less 0.03, rounded down to cents; the merchant got that less 0.24
      badTransfer("A-23", 18, "3.35", "3.11", "aggregated amount does not match expectations"),
    ]),
    [],
  );
  assert.deepEqual(changedBalances(base.outcome, outcome), {
    aggregation_total_coin_delta_minus: ["0", "0.936"],
    aggregation_total_wire_out_delta_minus: ["0", "0.24"],
    coin_balance_risk: ["23.434", "23.2"],
    coin_refund_fee_revenue: ["0.046", "0.04"],
    coins_emergencies_loss: ["0", "0.234"],
    coins_reported_emergency_risk_by_amount: ["0", "2"],
    coins_total_arithmetic_delta_minus: ["0", "0.234"],
    total_escrowed: ["0", plainAmount(escrow.left)],
  });
});

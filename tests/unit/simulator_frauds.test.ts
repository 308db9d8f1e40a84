// SPDX-License-Identifier: AGPL-3.0-or-later
/** Frauds on simulated exchanges: each is found by its checks with its amount, and nothing else is. */

import assert from "node:assert/strict";
import { ALL_PASSES, BANK_PASSES } from "../../core/audit/run.ts";
import { NoOccasion } from "../../core/simulator/fraud-scene.ts";
import { commitFrauds, FRAUDS } from "../../core/simulator/frauds.ts";
import { compareFindings, type Expectation, type Found, openChecks } from "../../core/simulator/verdict.ts";
import { writeExchange } from "../../core/simulator/writer.ts";
import type { Sql } from "../../core/db/connect.ts";
import { auditSimulation, contentOf, simulate, withSchemas, withTemplate } from "../support/simulation.ts";

/** What each fraud must be found by. Written down here once more, so that a change of either side is noticed. */
const CHECKS: Record<string, string> = {
  "forged-coin": "C-5",
  "overspent-coin": "C-4",
  "altered-deposit": "C-11",
  "overdrawn-reserve": "R-16",
  "missing-transfer": "A-23",
};

/** The passes that judge by the exchange's books alone; the bank of a simulation takes no part in frauds. */
const BOOKS = ALL_PASSES.map((p) => p.name).filter((name) => !BANK_PASSES.includes(name));

function agreed(expected: readonly Expectation[], found: readonly Found[]): void {
  const { missing, unexpected } = compareFindings(expected, found);
  assert.deepEqual(missing, []);
  assert.deepEqual(unexpected.map((f) => `${f.check} ${f.table} ${JSON.stringify(f.content)}`), []);
}

for (const ciphers of ["RSA", "CS", "mixed"] as const) {
  Deno.test(`each fraud alone is found and nothing else: ${ciphers}`, async (t) => {
    const simulation = simulate({ seed: `frauds ${ciphers}`, ciphers });
    await withTemplate(simulation, async (template) => {
      for (const { name } of FRAUDS) {
        await t.step(name, () =>
          withSchemas(async (sql, url) => {
            const committed = await commitFrauds(sql, simulation, [name]);
            const expected = committed.flatMap((c) => c.expected);
            assert.deepEqual(expected.map((e) => e.check), [CHECKS[name]]);
            assert.ok(expected.every((e) => e.amount! > 0n));
            await auditSimulation(url, simulation, { passes: BOOKS });
            agreed(expected, await openChecks(sql));
          }, template));
      }
    });
  });
}

Deno.test("all frauds together are found, with the amounts that the findings state", async () => {
  const simulation = simulate({ seed: "together", ciphers: "RSA" });
  await withSchemas(async (sql, url) => {
    await writeExchange(sql, simulation);
    const committed = await commitFrauds(sql, simulation);
    assert.deepEqual(committed.map((c) => c.fraud.name), Object.keys(CHECKS));
    await auditSimulation(url, simulation, { passes: BOOKS });
    agreed(committed.flatMap((c) => c.expected), await openChecks(sql));
    const [lost] = await sql`SELECT
        (SELECT sum((loss).val * 100000000 + (loss).frac) FROM auditor.auditor_bad_sig_losses)::int8 AS signatures,
        (SELECT sum((inconsistency_amount).val * 100000000 + (inconsistency_amount).frac)
           FROM auditor.auditor_reserve_balance_insufficient_inconsistency)::int8 AS reserves`;
    const amount = (name: string) => committed.find((c) => c.fraud.name === name)!.expected[0]!.amount!;
    assert.equal(lost!["signatures"], amount("forged-coin") + amount("altered-deposit"));
    assert.equal(lost!["reserves"], amount("overdrawn-reserve"));
  });
});

/** Numbers of rows by table, where there are any. */
async function sizes(sql: Sql): Promise<Map<string, number>> {
  return new Map([...await contentOf(sql, "exchange")].map(([table, rows]) => [table, rows.length]));
}

Deno.test("a fraud changes what it says and keeps the exchange's own figures consistent", async () => {
  const simulation = simulate({ seed: "traces", ciphers: "RSA" });
  await withTemplate(simulation, async (template) => {
    const before = await withSchemas(sizes, template);
    const grown = (name: string) =>
      withSchemas(async (sql) => {
        await commitFrauds(sql, simulation, [name]);
        return Object.fromEntries(
          [...await sizes(sql)].map(([table, rows]) => [table, rows - before.get(table)!]).filter(([, n]) => n !== 0),
        );
      }, template);
    const deposit = { batch_deposits: 1, coin_deposits: 1, coin_history: 1, known_coins: 1 };
    assert.deepEqual(await grown("forged-coin"), deposit);
    assert.deepEqual(await grown("overspent-coin"), {
      batch_deposits: 2,
      coin_deposits: 2,
      coin_history: 2,
      known_coins: 1,
    });
    assert.deepEqual(await grown("altered-deposit"), {});
    assert.deepEqual(await grown("overdrawn-reserve"), { reserve_history: 2, reserves_out: 2 });
    assert.deepEqual(await grown("missing-transfer"), {});
  });
});

Deno.test("a fraud without occasion, or without a name, is refused", () =>
  withSchemas(async (sql) => {
    const simulation = simulate({ customers: 1, coinsPerCustomer: 1, days: 3, merchants: 1, ciphers: "CS" });
    await writeExchange(sql, simulation);
    await assert.rejects(commitFrauds(sql, simulation, ["missing-transfer"]), NoOccasion);
    await assert.rejects(commitFrauds(sql, simulation, ["theft"]), RangeError);
  }));

Deno.test("findings are paired off one by one", () => {
  const finding = (check: string, amount: bigint): Found => ({ check, table: "bad_sig_losses", amount, content: {} });
  const { missing, unexpected } = compareFindings(
    [finding("C-5", 1n), finding("C-5", 1n), finding("C-11", 2n)],
    [finding("C-5", 1n), finding("C-11", 3n), finding("C-4", 1n)],
  );
  assert.deepEqual(missing.map((m) => [m.check, m.amount]), [["C-5", 1n], ["C-11", 2n]]);
  assert.deepEqual(unexpected.map((m) => [m.check, m.amount]), [["C-11", 3n], ["C-4", 1n]]);
});

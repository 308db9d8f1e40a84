// SPDX-License-Identifier: AGPL-3.0-or-later
/** Audits of honest simulations: nothing is found, however the data came in; the money is where the plan says. */

import assert from "node:assert/strict";
import { currentFigures } from "../../core/audit/reconciliation.ts";
import { allBalances } from "../../core/audit/summary.ts";
import { newScene, slackOf } from "../../core/simulator/fraud-scene.ts";
import type { SimulatorChoice } from "../../core/simulator/options.ts";
import { statisticsOf } from "../../core/simulator/statistics.ts";
import { openChecks } from "../../core/simulator/verdict.ts";
import { writeExchange } from "../../core/simulator/writer.ts";
import { FRACTION_BASE } from "../../core/taler/amount.ts";
import { DAY } from "../../core/taler/time.ts";
import { auditSimulation, contentOf, simulate, withSchemas } from "../support/simulation.ts";

/** Findings as a test prints them. */
async function findings(...args: Parameters<typeof openChecks>): Promise<string[]> {
  return (await openChecks(...args)).map((f) => `${f.check} ${f.table} ${JSON.stringify(f.content)}`);
}

const HONEST: Record<string, Partial<SimulatorChoice>> = {
  "both ciphers": { seed: "a" },
  "both ciphers, another seed": { seed: "x", merchants: 8 },
  "RSA only": { seed: "b", ciphers: "RSA" },
  "Clause-Schnorr only": { seed: "c", ciphers: "CS" },
  "longer keys, another currency, no age restriction": {
    seed: "d",
    rsaBits: 2048,
    currency: "EUR",
    ageRestricted: false,
    customers: 6,
  },
  "reserves that expire after three days": { seed: "e", idleReserveExpiration: 3n * DAY, merchants: 2 },
  "a single coin": { customers: 1, coinsPerCustomer: 1, days: 3, merchants: 1 },
  "no rounding": { seed: "f", roundUnit: 0n },
};

for (const [name, choice] of Object.entries(HONEST)) {
  Deno.test(`an honest exchange audits without findings, internal checks included: ${name}`, () =>
    withSchemas(async (sql, url) => {
      const simulation = simulate(choice);
      const { rows } = await writeExchange(sql, simulation);
      assert.ok(rows > 20);
      const report = await auditSimulation(url, simulation);
      assert.deepEqual(await findings(sql), []);
      const read = report.passes.reduce((total, p) => total + p.rows, 0n);
      assert.ok(read > 0n);
      const s = statisticsOf(simulation.plan);
      const figures = await currentFigures(sql);
      const places = ["coins_outstanding", "reserves_outstanding", "merchants_outstanding", "income"] as const;
      const held = places.reduce((total, place) => total + figures.get(place)!, 0n);
      assert.equal(held + s.wired + s.paidBack, s.paidIn);
      assert.equal(figures.get("bank_actual"), s.paidIn - s.wired - s.paidBack);
      for (const nothing of ["bank_difference", "unexplained", "losses"] as const) {
        assert.equal(figures.get(nothing), 0n, nothing);
      }
    }));
}

/**
 * A coin that was refunded in full can be spent again to its full value, because the exchange gives the deposit fee
 * back. When all coins of a denomination were, more is spent of it than was issued and refunded without that fee; this
 * must not look like an emergency (C-21, C-22, C-33).
 */
for (
  const choice of [{ seed: "t3", customers: 2, coinsPerCustomer: 6, days: 60, merchants: 2 }, {
    seed: "s16",
    customers: 2,
    coinsPerCustomer: 4,
    days: 53,
    merchants: 1,
    ciphers: "RSA",
  }] satisfies Partial<SimulatorChoice>[]
) {
  Deno.test(`coins that are spent again after full refunds are no emergency: seed ${choice.seed}`, () =>
    withSchemas(async (sql, url) => {
      const simulation = simulate(choice);
      const scene = newScene(sql, simulation);
      assert.ok(
        simulation.plan.terms.denominations.some((d) => slackOf(scene, d.index) < 0n),
        "the case does not occur",
      );
      await writeExchange(sql, simulation);
      await auditSimulation(url, simulation);
      assert.deepEqual(await findings(sql), []);
    }));
}

Deno.test("an exchange that keeps the deposit fee of a full refund is noticed (X-16)", () =>
  withSchemas(async (sql, url) => {
    const simulation = simulate({ seed: "fee", ciphers: "RSA" });
    await writeExchange(sql, simulation);
    const full = simulation.plan.batches.flatMap((b) => b.coins.filter((c) => b.refunded.get(c.coin) === c.amount));
    const { index, remaining, denomination } = full.map((c) => simulation.plan.coins[c.coin]!)
      .find((c) => c.remaining >= c.denomination.feeDeposit)!;
    const kept = remaining - denomination.feeDeposit;
    await sql`UPDATE exchange.known_coins
      SET remaining = ROW(${kept / FRACTION_BASE}::int8, ${kept % FRACTION_BASE}::int4)::exchange.taler_amount
      WHERE coin_pub = ${simulation.coins.get(index)!.pub}`;
    await auditSimulation(url, simulation);
    assert.deepEqual((await openChecks(sql)).map((f) => f.check), ["X-16"]);
  }));

Deno.test("the same options give the same rows, written at once or day by day", async () => {
  const simulation = simulate({ customers: 5 });
  const once = await withSchemas(async (sql) => {
    await writeExchange(sql, simulation);
    return await contentOf(sql, "exchange");
  });
  const again = await withSchemas(async (sql) => {
    const other = simulate({ customers: 5 });
    for (let day = 0; day < other.options.days; day += 9) {
      await writeExchange(sql, other, { from: day, days: Math.min(day + 9, other.options.days) });
    }
    return await contentOf(sql, "exchange");
  });
  assert.ok([...once.values()].filter((rows) => rows.length > 0).length >= 24);
  for (const [table, rows] of once) assert.deepEqual(again.get(table), rows, table);
  const different = simulate({ customers: 5, seed: "other" });
  assert.notDeepEqual(different.keys.master.pub, simulation.keys.master.pub);
});

Deno.test("audits of every week end in the same state as one audit of all", async () => {
  const simulation = simulate({ seed: "weeks", ciphers: "RSA" });
  const leftOut = ["auditor_x_run", "auditor_x_journal", "auditor_x_figure", "auditor_x_outstanding"];
  const whole = await withSchemas(async (sql, url) => {
    await writeExchange(sql, simulation);
    await auditSimulation(url, simulation);
    return await contentOf(sql, "auditor", leftOut);
  });
  await withSchemas(async (sql, url) => {
    for (let day = 0; day < simulation.options.days; day += 7) {
      const end = Math.min(day + 7, simulation.options.days);
      await writeExchange(sql, simulation, { from: day, days: end });
      await auditSimulation(url, simulation, { days: end, pageRows: 50 });
      assert.deepEqual(await findings(sql), [], `day ${end}`);
    }
    const steps = await contentOf(sql, "auditor", leftOut);
    // our note of the last run whose figures were stored counts runs
    const counters = (rows: string[] | undefined) => rows?.filter((row) => !row.includes('"figures:run"'));
    for (const [table, rows] of whole) assert.deepEqual(counters(steps.get(table)), counters(rows), table);
  });
});

Deno.test("each run stores its reconciliation, to be shown over time", () =>
  withSchemas(async (sql, url) => {
    const simulation = simulate({ seed: "over time", customers: 5 });
    const stored = () =>
      sql`SELECT clock, jsonb_object_agg(name, value::text) AS figures,
          (SELECT sum(outstanding) FROM auditor.auditor_x_outstanding o WHERE o.clock = f.clock)::text AS coins
        FROM auditor.auditor_x_figure f GROUP BY clock ORDER BY clock`;
    const weeks: unknown[] = [];
    for (const days of [7, 14, 21]) {
      await writeExchange(sql, simulation, { from: days - 7, days });
      await auditSimulation(url, simulation, { days });
      const balances = [...await allBalances(sql)].filter(([, atoms]) => atoms !== 0n);
      const figures = await currentFigures(sql);
      const expected = [...figures, ...balances.map(([key, atoms]) => [`balance:${key}`, atoms] as const)];
      weeks.push({
        clock: simulation.options.start + BigInt(days) * DAY,
        figures: Object.fromEntries(expected.map(([name, atoms]) => [name, atoms.toString()])),
        coins: figures.get("coins_outstanding")!.toString(),
      });
      assert.ok(balances.some(([key]) => key === "coin_deposit_fee_revenue"));
      await auditSimulation(url, simulation, { days });
      assert.deepEqual([...await stored()], weeks, "what nothing was found in leaves nothing");
    }
  }));

Deno.test("derived tables are as an exchange keeps them", () =>
  withSchemas(async (sql) => {
    const simulation = simulate({ customers: 6 });
    await writeExchange(sql, simulation);
    const [row] = await sql`SELECT
        (SELECT count(*) FROM exchange.coin_history)::int8 AS coins,
        (SELECT count(*) FROM exchange.reserve_history)::int8 AS reserves,
        (SELECT count(*) FROM exchange.coin_deposits)::int8 + (SELECT count(*) FROM exchange.refunds)
          + (SELECT count(*) FROM exchange.refresh_commitments) AS coin_events,
        (SELECT count(*) FROM exchange.reserves_in)::int8 + (SELECT count(*) FROM exchange.reserves_out)
          + (SELECT count(*) FROM exchange.reserves_close) + (SELECT count(*) FROM exchange.close_requests)
          AS reserve_events,
        (SELECT count(*) FROM exchange.batch_deposits WHERE done)::int8 AS done,
        (SELECT count(*) FROM exchange.aggregation_tracking)::int8 AS tracked,
        (SELECT count(*) FROM exchange.known_coins)::int8 AS known,
        (SELECT count(*) FROM exchange.close_requests WHERE NOT done)::int8 AS open_requests,
        (SELECT count(*) FROM exchange.purse_requests)::int8 AS purses`;
    assert.equal(row!["coins"], row!["coin_events"]);
    assert.equal(row!["reserves"], row!["reserve_events"]);
    assert.equal(row!["done"], row!["tracked"]);
    assert.equal(row!["known"], BigInt(simulation.known.size));
    assert.equal(row!["open_requests"], 0n);
    assert.equal(row!["purses"], 0n);
    const [next] =
      await sql`INSERT INTO exchange.auditors (auditor_pub, auditor_name, auditor_url, is_active, last_change)
      VALUES (${new Uint8Array(32)}, 'x', 'x', true, 0) RETURNING auditor_uuid`;
    assert.equal(next!["auditor_uuid"], 2n, "serials continue");
  }));

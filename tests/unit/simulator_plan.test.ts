// SPDX-License-Identifier: AGPL-3.0-or-later
/** The plan of a simulation: the same options give the same plan, money is neither made nor lost, times are right. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { completeOptions, endOf, type SimulatorChoice, type SimulatorOptions } from "../../core/simulator/options.ts";
import { planExchange } from "../../core/simulator/plan.ts";
import { randomOf, secretBytes, secretOf } from "../../core/simulator/random.ts";
import { statisticsOf } from "../../core/simulator/statistics.ts";
import { costOf, wireFeesAt } from "../../core/simulator/terms.ts";
import type { Day, Plan } from "../../core/simulator/world.ts";
import { FRACTION_BASE, roundDown } from "../../core/taler/amount.ts";
import { DAY, HOUR, isTimestamp, NEVER, parseTime, SECOND } from "../../core/taler/time.ts";

const START = parseTime("2026-01-01")!;

function optionsOf(choice: Partial<SimulatorChoice> = {}): SimulatorOptions {
  return completeOptions({ seed: "plan", start: START, ...choice });
}

function sum(amounts: readonly bigint[]): bigint {
  return amounts.reduce((total, atoms) => total + atoms, 0n);
}

function everything<T>(plan: Plan, ofDay: (day: Day) => readonly T[]): T[] {
  return plan.days.flatMap(ofDay);
}

/** Plans of very different shape. */
const shapes: fc.Arbitrary<SimulatorOptions> = fc.record({
  seed: fc.string({ maxLength: 5 }),
  days: fc.integer({ min: 3, max: 60 }),
  customers: fc.integer({ min: 1, max: 8 }),
  coinsPerCustomer: fc.integer({ min: 1, max: 12 }),
  merchants: fc.integer({ min: 1, max: 6 }),
  ciphers: fc.constantFrom("mixed", "RSA", "CS"),
  ageRestricted: fc.boolean(),
  idleReserveExpiration: fc.constantFrom(DAY, 3n * DAY, 28n * DAY),
}).map(optionsOf);

Deno.test("equal options give equal plans, another seed gives another one", () => {
  const text = (plan: Plan) =>
    JSON.stringify(plan, (_, v) => typeof v === "bigint" ? v.toString() : v instanceof Map ? [...v] : v);
  const first = text(planExchange(optionsOf()));
  assert.equal(text(planExchange(optionsOf())), first);
  assert.notEqual(text(planExchange(optionsOf({ seed: "plam" }))), first);
});

Deno.test("a plan of usual size has everything that an exchange does", () => {
  const s = statisticsOf(planExchange(optionsOf()));
  const least = {
    withdrawals: 240,
    contracts: 200,
    refunds: 20,
    melts: 40,
    freshCoins: 100,
    transfers: 40,
    closures: 1,
  };
  for (const [name, count] of Object.entries(least)) {
    assert.ok(s[name as keyof typeof least] >= count, `${name}: ${s[name as keyof typeof least]}`);
  }
  const plan = planExchange(optionsOf());
  const refunds = everything(plan, (d) => d.refunds);
  const full = plan.batches.some((b) => b.coins.some((c) => b.refunded.get(c.coin) === c.amount));
  const part = plan.batches.some((b) => b.coins.some((c) => (b.refunded.get(c.coin) ?? c.amount) < c.amount));
  assert.ok(full && part, "full and partial refunds");
  assert.ok(
    new Set(refunds.map((r) => `${r.batch} ${r.coin}`)).size < refunds.length,
    "several refunds of one deposit",
  );
  const change = new Set(plan.coins.filter((c) => c.change !== undefined).map((c) => c.index));
  assert.ok(plan.batches.some((b) => b.coins.some((c) => change.has(c.coin))), "refreshed coins are spent");
  const roundUnit = FRACTION_BASE / 100n;
  const wired = everything(plan, (d) => d.transfers).filter((t) => t.wired !== undefined);
  assert.ok(wired.some((t) => (t.total - wireFeesAt(plan.terms, t.at).wireFee) % roundUnit !== 0n), "rounding");
  assert.ok(everything(plan, (d) => d.closures).some((c) => c.requestedAt !== undefined), "a requested closure");
});

Deno.test("some transfer is too small to be wired at once in a longer simulation", () => {
  const plan = planExchange(optionsOf({ customers: 1, coinsPerCustomer: 12, days: 60, merchants: 6, seed: "small" }));
  const small = everything(plan, (d) => d.transfers).filter((t) => t.wired === undefined);
  assert.ok(small.length > 0);
  const later = everything(plan, (d) => d.transfers).filter((t) => small.some((s) => s.index === t.index && s !== t));
  for (const t of later) assert.ok(t.total >= small.find((s) => s.index === t.index)!.total);
});

Deno.test("every reserve and every coin has what came in less what went out", () => {
  fc.assert(
    fc.property(shapes, (options) => {
      const plan = planExchange(options);
      for (const r of plan.reserves) {
        const credits = everything(plan, (d) => d.credits).filter((c) => c.reserve === r.index).map((c) => c.amount);
        const paid = everything(plan, (d) => d.withdrawals).filter((w) => w.reserve === r.index)
          .map((w) => costOf(plan.coins[w.coin]!.denomination));
        const closed = everything(plan, (d) => d.closures).filter((c) => c.reserve === r.index).map((c) => c.amount);
        assert.equal(r.balance, sum(credits) - sum(paid) - sum(closed));
        assert.ok(r.balance >= 0n);
        assert.equal(r.pending, 0);
        if (r.balance > 0n) assert.ok(r.expiration > endOf(options) - DAY, "an expired reserve was left open");
      }
      for (const coin of plan.coins) {
        const { value, feeDeposit, feeRefund } = coin.denomination;
        const parts = plan.batches.flatMap((b) => b.coins.filter((c) => c.coin === coin.index).map((c) => ({ b, c })));
        const melts = everything(plan, (d) => d.melts).filter((m) => m.coin === coin.index).map((m) => m.amount);
        const refunds = everything(plan, (d) => d.refunds).filter((f) => f.coin === coin.index);
        const waived = parts.filter(({ b, c }) => b.refunded.get(coin.index) === c.amount).length;
        const left = value - sum(parts.map(({ c }) => c.amount)) - sum(melts) + sum(refunds.map((f) => f.amount)) -
          feeRefund * BigInt(refunds.length) + feeDeposit * BigInt(waived);
        assert.equal(coin.remaining, left);
        assert.ok(left >= 0n);
        for (const { b, c } of parts) assert.ok((b.refunded.get(coin.index) ?? 0n) <= c.amount);
      }
    }),
    { numRuns: 25 },
  );
});

Deno.test("transfers and melts follow the fees, and no contract is paid out twice", () => {
  fc.assert(
    fc.property(shapes, (options) => {
      const plan = planExchange(options);
      for (const t of everything(plan, (d) => d.transfers)) {
        const { wireFee } = wireFeesAt(plan.terms, t.at);
        const net = t.total > wireFee ? roundDown(t.total - wireFee, options.roundUnit) : 0n;
        assert.equal(t.wired ?? 0n, net);
      }
      for (const m of everything(plan, (d) => d.melts)) {
        const cost = sum(m.fresh.map((c) => costOf(plan.coins[c]!.denomination)));
        assert.ok(cost > 0n && cost + plan.coins[m.coin]!.denomination.feeRefresh <= m.amount);
        assert.ok(m.fresh.every((c, position) => plan.coins[c]!.change?.position === position));
      }
      const taken = everything(plan, (d) => d.transfers).flatMap((t) => t.batches);
      assert.equal(new Set(taken).size, taken.length, "a contract was aggregated twice");
      assert.deepEqual([...taken].sort((a, b) => a - b), plan.batches.filter((b) => b.done).map((b) => b.index));
    }),
    { numRuns: 25 },
  );
});

Deno.test("times are whole seconds, in order, and within the periods of what is used", () => {
  fc.assert(
    fc.property(shapes, (options) => {
      const plan = planExchange(options);
      plan.days.forEach((day, number) => {
        const order = [day.credits, day.withdrawals, day.batches, day.refunds, day.melts, day.transfers, day.closures]
          .flatMap((list) => list.map((x) => x.at));
        assert.deepEqual(order, [...order].sort((a, b) => a < b ? -1 : a > b ? 1 : 0));
        const first = options.start + BigInt(number) * DAY;
        assert.ok(order.every((t) => isTimestamp(t) && t >= first && t < first + DAY));
      });
      for (const w of everything(plan, (d) => d.withdrawals)) {
        const d = plan.coins[w.coin]!.denomination;
        assert.ok(d.validFrom <= w.at && w.at <= d.expireWithdraw);
      }
      for (const b of plan.batches) {
        assert.ok(b.refundDeadline <= b.wireDeadline && b.walletTimestamp <= b.at && b.at <= b.wireDeadline);
        assert.ok(b.coins.every((c) => b.at <= plan.coins[c.coin]!.denomination.expireDeposit));
        assert.ok(b.coins.every((c) => c.amount > plan.coins[c.coin]!.denomination.feeDeposit));
      }
      for (const f of everything(plan, (d) => d.refunds)) assert.ok(f.at <= plan.batches[f.batch]!.refundDeadline);
      for (const m of everything(plan, (d) => d.melts)) {
        assert.ok(m.at <= plan.coins[m.coin]!.denomination.expireDeposit);
        for (const c of m.fresh) assert.ok(m.at <= plan.coins[c]!.denomination.expireWithdraw);
      }
      for (const t of everything(plan, (d) => d.transfers)) {
        for (const b of t.batches) assert.ok(plan.batches[b]!.refundDeadline < t.at);
      }
    }),
    { numRuns: 25 },
  );
});

Deno.test("options out of range are refused", () => {
  const wrong: Partial<SimulatorChoice>[] = [
    { days: 2 },
    { days: 3.5 },
    { customers: 0 },
    { coinsPerCustomer: 0 },
    { merchants: 0 },
    { currency: "kudos" },
    { start: START + 1n },
    { start: NEVER },
    { idleReserveExpiration: HOUR },
    { idleReserveExpiration: DAY + SECOND / 2n },
  ];
  for (const choice of wrong) assert.throws(() => optionsOf(choice), RangeError, Object.keys(choice)[0]);
});

Deno.test("decisions stay in their range, and streams of different labels do not touch", () => {
  const random = randomOf("seed", "a");
  for (let n = 1; n < 200; n++) {
    assert.ok(random.below(n) < n);
    const between = random.between(3, 3 + n);
    assert.ok(between >= 3 && between <= 3 + n);
    const atoms = random.atoms(5n, 5n + BigInt(n), 4n);
    assert.ok(atoms >= 5n && atoms <= 5n + BigInt(n) && (atoms % 4n === 0n || atoms === 5n));
  }
  assert.deepEqual([...random.shuffled([1, 2, 3, 4, 5])].sort(), [1, 2, 3, 4, 5]);
  assert.equal(random.chance(0), false);
  assert.equal(random.chance(1), true);
  assert.throws(() => random.pick([]), RangeError);
  assert.throws(() => random.below(0), RangeError);
  const draw = (label: string) => Array.from({ length: 8 }, ((r) => () => r.below(1000))(randomOf("seed", label)));
  assert.deepEqual(draw("x"), draw("x"));
  assert.notDeepEqual(draw("x"), draw("y"));
  assert.notDeepEqual(secretOf("s", "coin", 1), secretOf("s", "coin", 2));
  assert.notDeepEqual(secretOf("s", "coin", 1), secretOf("t", "coin", 1));
  assert.equal(secretBytes("s", 77, "x").length, 77);
});

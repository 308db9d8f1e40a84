// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What happens at a simulated exchange, day by day: who pays what to whom. Numbers only: no keys, no signatures, no
 * database.
 */

import { intentionsOf, planCredits, planMelts, planPurchases } from "./customers.ts";
import { planClosures, planRefunds, planTransfers } from "./operations.ts";
import type { SimulatorOptions } from "./options.ts";
import { randomOf } from "./random.ts";
import { termsOf } from "./terms.ts";
import type { Day, Plan, Today, World } from "./world.ts";

/** Plans a whole simulation. Pure: the same options give the same plan. */
export function planExchange(options: SimulatorOptions): Plan {
  const world: World = {
    options,
    terms: termsOf(options),
    intentions: intentionsOf(options),
    coins: [],
    reserves: [],
    batches: [],
    open: [],
    small: new Map(),
    melts: 0,
    transfers: 0,
    refunds: 0n,
    closures: 0,
  };
  const days = Array.from({ length: options.days }, (_, number) => planDay(world, number));
  const { terms, coins, reserves, batches } = world;
  return { terms, days, coins, reserves, batches };
}

function planDay(world: World, number: number): Day {
  const today: Today = {
    number,
    random: randomOf(world.options.seed, `day ${number}`),
    used: new Set(),
    touched: new Set(),
    wishes: new Set(),
  };
  const { credits, withdrawals } = planCredits(world, today);
  const batches = planPurchases(world, today);
  const refunds = planRefunds(world, today);
  const melts = planMelts(world, today);
  const transfers = planTransfers(world, today);
  const closures = planClosures(world, today);
  return {
    credits,
    withdrawals,
    batches,
    refunds,
    melts,
    transfers,
    closures,
    remaining: new Map([...today.used].map((coin) => [coin, world.coins[coin]!.remaining])),
    balances: new Map([...today.touched].map((reserve) => [reserve, world.reserves[reserve]!.balance])),
  };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What customers of a simulated exchange do: fund reserves, withdraw coins, pay with them, exchange what is left. */

import { FRACTION_BASE } from "../taler/amount.ts";
import type { SimulatorOptions } from "./options.ts";
import {
  type Batch,
  type Credit,
  hourOf,
  type Intentions,
  inTime,
  type Melt,
  momentOf,
  type PlannedCoin,
  type Today,
  type Withdrawal,
  type World,
} from "./world.ts";
import { type Random, randomOf } from "./random.ts";
import { costOf, type DenominationTerms } from "./terms.ts";
import { DAY, MINUTE } from "../taler/time.ts";

const CENT = FRACTION_BASE / 100n;
/** Share of a customer's coins that is spent on an average day. */
const SPENDING = 0.12;
const MAX_COINS_PER_CONTRACT = 5;
const MAX_FRESH_COINS = 6;
/** Days by which some withdrawals follow the transfer. */
const LATE_WITHDRAWAL_DAYS = 3;

/** Draws up the intentions of all customers. */
export function intentionsOf(options: SimulatorOptions): Intentions {
  const topUps = new Map<number, { customer: number; coins: number }[]>();
  const lastDay = options.days - 2;
  for (let customer = 0; customer < options.customers; customer++) {
    const random = randomOf(options.seed, `customer ${customer}`);
    const transfers = Math.min(random.between(1, 3), options.coinsPerCustomer);
    let left = options.coinsPerCustomer;
    for (let n = transfers; n > 0; n--) {
      const coins = n === 1 ? left : Math.max(1, Math.floor(left / n));
      left -= coins;
      // the first customer opens the exchange, and most come early, so that their coins get around
      const day = customer === 0 && n === transfers ? 0 : random.below(Math.max(1, Math.ceil(lastDay * n / transfers)));
      topUps.set(day, [...(topUps.get(day) ?? []), { customer, coins }]);
    }
  }
  return { topUps, late: new Map(), wallets: Array.from({ length: options.customers }, () => new Set<number>()) };
}

/** Denominations that can be withdrawn at an instant. */
function onOffer(world: World, time: bigint): DenominationTerms[] {
  return world.terms.denominations.filter((d) => d.validFrom <= time && time <= d.expireWithdraw);
}

/** Incoming transfers, and the withdrawals that follow them at once or were put off until today. */
export function planCredits(world: World, today: Today): { credits: Credit[]; withdrawals: Withdrawal[] } {
  const credits: Credit[] = [];
  const withdrawals: Withdrawal[] = [];
  for (const { customer, coins } of world.intentions.topUps.get(today.number) ?? []) {
    const at = momentOf(world, today, "credits");
    const reserve = {
      index: world.reserves.length,
      customer,
      expiration: at + world.options.idleReserveExpiration,
      balance: 0n,
      pending: 0,
    };
    world.reserves.push(reserve);
    for (let n = 0; n < coins; n++) {
      const day = withdrawalDay(world, today);
      const denomination = today.random.pick(onOffer(world, hourOf(world, day, "withdrawals", true)));
      reserve.balance += costOf(denomination);
      reserve.pending++;
      const late = world.intentions.late.get(day) ?? [];
      world.intentions.late.set(day, [...late, { reserve: reserve.index, denomination }]);
    }
    reserve.balance += leftOver(today.random, reserve.index);
    credits.push({ at, reserve: reserve.index, amount: reserve.balance });
    today.touched.add(reserve.index);
  }
  for (const { reserve, denomination } of world.intentions.late.get(today.number) ?? []) {
    withdrawals.push(withdraw(world, today, reserve, denomination));
  }
  return { credits: inTime(credits), withdrawals: inTime(withdrawals) };
}

/** Most coins are withdrawn on the day of the transfer, some later, but never close to the reserve's expiry. */
function withdrawalDay(world: World, today: Today): number {
  const { idleReserveExpiration, days } = world.options;
  const latest = Math.min(LATE_WITHDRAWAL_DAYS, Number(idleReserveExpiration / DAY) - 1, days - 1 - today.number);
  return today.number + (latest < 1 || today.random.chance(0.8) ? 0 : today.random.between(1, latest));
}

/** What a customer sends beyond the price of the coins; the first one too much, so that there is something to close. */
function leftOver(random: Random, reserve: number): bigint {
  if (reserve === 0) return 10n * FRACTION_BASE;
  if (random.chance(0.4)) return 0n;
  return random.chance(0.5) ? random.atoms(CENT, FRACTION_BASE, CENT) : random.atoms(5n, 20n, 1n) * FRACTION_BASE;
}

function withdraw(world: World, today: Today, index: number, denomination: DenominationTerms): Withdrawal {
  const reserve = world.reserves[index]!;
  reserve.balance -= costOf(denomination);
  reserve.pending--;
  today.touched.add(index);
  const coin = newCoin(world, { customer: reserve.customer, denomination });
  return { at: momentOf(world, today, "withdrawals"), reserve: index, coin: coin.index };
}

function newCoin(world: World, coin: Pick<PlannedCoin, "customer" | "denomination" | "change">): PlannedCoin {
  const made = { ...coin, index: world.coins.length, remaining: coin.denomination.value };
  world.coins.push(made);
  world.intentions.wallets[coin.customer]!.add(made.index);
  return made;
}

/** Coins of a customer that can still be spent on this day. */
function spendable(world: World, today: Today, customer: number): PlannedCoin[] {
  const evening = hourOf(world, today.number, "melts", true);
  const wallet = world.intentions.wallets[customer]!;
  const coins = [...wallet].map((index) => world.coins[index]!);
  for (const coin of coins) if (coin.denomination.expireDeposit < evening) wallet.delete(coin.index);
  return coins.filter((c) => c.denomination.expireDeposit >= evening && c.remaining > c.denomination.feeDeposit + CENT);
}

/** Contracts of the day, and which coins their owners want to exchange afterwards. */
export function planPurchases(world: World, today: Today): Batch[] {
  const { random } = today;
  const batches: Batch[] = [];
  for (let customer = 0; customer < world.options.customers; customer++) {
    const coins = random.shuffled(spendable(world, today, customer));
    const soon = hourOf(world, today.number, "melts") + 3n * DAY;
    // a wallet exchanges coins before they expire
    for (const c of coins) if (c.denomination.expireDeposit < soon && random.chance(0.5)) today.wishes.add(c.index);
    let wanted = Math.floor(coins.length * SPENDING + random.below(1000) / 1000);
    while (wanted > 0) {
      const used = coins.splice(0, Math.min(wanted, random.between(1, MAX_COINS_PER_CONTRACT)));
      wanted -= used.length;
      batches.push(purchase(world, today, used));
    }
  }
  const ordered = inTime(batches).map((batch, n) => ({ ...batch, index: world.batches.length + n }));
  world.batches.push(...ordered);
  world.open.push(...ordered);
  return ordered;
}

function purchase(world: World, today: Today, coins: PlannedCoin[]): Batch {
  const { random } = today;
  const at = momentOf(world, today, "purchases");
  const walletTimestamp = at - BigInt(random.below(5)) * MINUTE;
  const refundDays = random.pick([0, 0, 1, 3, 7]);
  const noRefund = random.chance(0.5) ? 0n : walletTimestamp;
  const refundDeadline = refundDays === 0 ? noRefund : walletTimestamp + BigInt(refundDays) * DAY;
  const soonest = refundDeadline > at ? refundDeadline : at;
  return {
    index: -1,
    at,
    merchant: random.below(world.options.merchants),
    walletTimestamp,
    refundDeadline,
    wireDeadline: soonest + BigInt(random.pick([0, 1, 3])) * DAY,
    hasWalletData: random.chance(0.2),
    hasMerchantSig: random.chance(0.5),
    coins: coins.map((coin) => ({ coin: coin.index, amount: spend(today, coin) })),
    refunded: new Map(),
    done: false,
  };
}

/** Takes all of a coin, or a part of it; what is left may be exchanged or wait for another purchase. */
function spend(today: Today, coin: PlannedCoin): bigint {
  const { random } = today;
  const least = coin.denomination.feeDeposit + CENT;
  const amount = random.chance(0.6) ? coin.remaining : random.atoms(least, coin.remaining, CENT);
  coin.remaining -= amount;
  today.used.add(coin.index);
  if (coin.remaining > 0n && random.chance(0.6)) today.wishes.add(coin.index);
  return amount;
}

/** Coins that are exchanged for fresh ones tonight. */
export function planMelts(world: World, today: Today): Melt[] {
  const melts: Melt[] = [];
  for (const index of today.wishes) {
    const melt = exchangeCoin(world, today, world.coins[index]!);
    if (melt !== undefined) melts.push(melt);
  }
  return inTime(melts);
}

function exchangeCoin(world: World, today: Today, old: PlannedCoin): Melt | undefined {
  const { random } = today;
  const at = momentOf(world, today, "melts");
  const { feeRefresh, ageMask, expireDeposit } = old.denomination;
  if (expireDeposit < at) return undefined;
  // wallets hardly ever leave something behind, but they may
  const amount = random.chance(0.9) ? old.remaining : random.atoms(feeRefresh + CENT, old.remaining, CENT);
  const offer = onOffer(world, at).filter((d) => d.ageMask === 0 || d.ageMask === ageMask);
  const fresh = amount > old.remaining ? [] : makeChange(random, offer, amount - feeRefresh);
  if (fresh.length === 0) return undefined;
  old.remaining -= amount;
  today.used.add(old.index);
  const melt = world.melts++;
  const coins = fresh.map((denomination, position) =>
    newCoin(world, { customer: old.customer, denomination, change: { melt, position } }).index
  );
  return { index: melt, at, coin: old.index, amount, fresh: coins, kept: random.pick([0, 1, 2]) };
}

/** Denominations of fresh coins worth an amount, large ones first; what remains is lost. */
function makeChange(random: Random, offer: readonly DenominationTerms[], amount: bigint): DenominationTerms[] {
  const ordered = random.shuffled(offer).sort((a, b) => a.value < b.value ? 1 : a.value > b.value ? -1 : 0);
  const fresh: DenominationTerms[] = [];
  let left = amount;
  for (const denomination of ordered) {
    while (costOf(denomination) <= left && fresh.length < MAX_FRESH_COINS) {
      fresh.push(denomination);
      left -= costOf(denomination);
    }
  }
  return fresh;
}

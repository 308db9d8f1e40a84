// SPDX-License-Identifier: AGPL-3.0-or-later
/** What merchants and the simulated exchange itself do: refunds, wire transfers, closing reserves. */

import { FRACTION_BASE, roundDown } from "../taler/amount.ts";
import { wireFeesAt } from "./terms.ts";
import { type Batch, type Closure, hourOf, inTime, momentOf, type PlannedReserve } from "./world.ts";
import type { Refund, Today, Transfer, World } from "./world.ts";

const CENT = FRACTION_BASE / 100n;

/** Refunds of the day: of whole contracts, or of a part of one coin. */
export function planRefunds(world: World, today: Today): Refund[] {
  const { random } = today;
  const evening = hourOf(world, today.number, "refunds", true);
  const refunds: Refund[] = [];
  for (const batch of world.open) {
    if (batch.refundDeadline < evening || !random.chance(0.08)) continue;
    const whole = random.chance(0.5);
    for (const { coin } of whole ? batch.coins : [random.pick(batch.coins)]) {
      const amount = refundable(world, today, batch, coin, whole);
      if (amount !== undefined) refunds.push(refund(world, today, batch, coin, amount));
    }
  }
  return inTime(refunds);
}

/** Gross amount of a refund, or undefined where the merchant can give nothing (more) back to the coin. */
function refundable(world: World, today: Today, batch: Batch, coin: number, whole: boolean): bigint | undefined {
  const { feeDeposit, feeRefund } = world.coins[coin]!.denomination;
  const deposited = batch.coins.find((c) => c.coin === coin)!.amount;
  const left = deposited - (batch.refunded.get(coin) ?? 0n);
  const least = feeRefund + CENT;
  if (whole) return left >= least ? left : undefined;
  // a part never reaches into the deposit fee, which the merchant has not received
  const most = left - feeDeposit;
  return most < least ? undefined : today.random.atoms(least, most, CENT);
}

/** A refund gives the coin its amount without the refund fee, and the deposit fee once the deposit is gone. */
function refund(world: World, today: Today, batch: Batch, index: number, amount: bigint): Refund {
  const coin = world.coins[index]!;
  const { feeDeposit, feeRefund } = coin.denomination;
  const refunded = (batch.refunded.get(index) ?? 0n) + amount;
  batch.refunded.set(index, refunded);
  coin.remaining += amount - feeRefund;
  if (refunded === batch.coins.find((c) => c.coin === index)!.amount) coin.remaining += feeDeposit;
  today.used.add(index);
  if (today.random.chance(0.5)) today.wishes.add(index);
  const transaction = world.refunds++;
  return { at: momentOf(world, today, "refunds"), batch: batch.index, coin: index, transaction, amount };
}

/**
 * Wire transfers of the day. As in a real exchange, a contract whose wire deadline has passed takes along all others
 * of the same merchant that can no longer be refunded.
 */
export function planTransfers(world: World, today: Today): Transfer[] {
  const transfers: Transfer[] = [];
  for (let merchant = 0; merchant < world.options.merchants; merchant++) {
    const at = momentOf(world, today, "transfers");
    const open = world.open.filter((b) => b.merchant === merchant);
    if (!open.some((b) => b.wireDeadline <= at && b.refundDeadline < at)) continue;
    const batches = open.filter((b) => b.refundDeadline < at);
    for (const batch of batches) batch.done = true;
    transfers.push(transfer(world, at, merchant, batches));
  }
  world.open = world.open.filter((b) => !b.done);
  return inTime(transfers);
}

function transfer(world: World, at: bigint, merchant: number, batches: readonly Batch[]): Transfer {
  const earlier = world.small.get(merchant);
  const index = earlier?.transfer ?? world.transfers++;
  const total = batches.reduce((sum, batch) => sum + owed(world, batch), earlier?.total ?? 0n);
  const { wireFee } = wireFeesAt(world.terms, at);
  const wired = total > wireFee ? roundDown(total - wireFee, world.options.roundUnit) : 0n;
  if (wired === 0n) world.small.set(merchant, { transfer: index, total });
  else world.small.delete(merchant);
  return { index, at, merchant, batches: batches.map((b) => b.index), total, wired: wired === 0n ? undefined : wired };
}

/** What a merchant is to get for a contract: deposits without fee and refunds; nothing for what was refunded whole. */
function owed(world: World, batch: Batch): bigint {
  return batch.coins.reduce((sum, { coin, amount }) => {
    const refunded = batch.refunded.get(coin) ?? 0n;
    return refunded === amount ? sum : sum + amount - world.coins[coin]!.denomination.feeDeposit - refunded;
  }, 0n);
}

/** Reserves that have expired, and a few that their owners want to be closed; by the last day at least one of them. */
export function planClosures(world: World, today: Today): Closure[] {
  const { random } = today;
  const night = hourOf(world, today.number, "closures");
  const closures: Closure[] = [];
  for (const reserve of world.reserves) {
    if (reserve.balance === 0n || reserve.pending > 0) continue;
    if (reserve.expiration <= night) closures.push(close(world, today, reserve));
    else if (reserve.balance > FRACTION_BASE && (random.chance(0.01) || isLastChance(world, today))) {
      closures.push({ ...close(world, today, reserve), requestedAt: momentOf(world, today, "requests") });
    }
  }
  return inTime(closures);
}

function isLastChance(world: World, today: Today): boolean {
  return world.closures === 0 && today.number === world.options.days - 2;
}

/** A balance that does not cover the fee is charged whole. */
function close(world: World, today: Today, reserve: PlannedReserve): Closure {
  const at = momentOf(world, today, "closures");
  const { closingFee } = wireFeesAt(world.terms, at);
  const amount = reserve.balance;
  reserve.balance = 0n;
  today.touched.add(reserve.index);
  world.closures++;
  return { at, reserve: reserve.index, amount, fee: amount < closingFee ? amount : closingFee };
}

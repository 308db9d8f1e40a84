// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The world of a simulation as its planners see it: coins, reserves, contracts, and what happens to them. Things are
 * named by numbers that count from 0; serial numbers of rows come later.
 */

import { DAY, HOUR, SECOND } from "../taler/time.ts";
import type { SimulatorOptions } from "./options.ts";
import type { Random } from "./random.ts";
import type { DenominationTerms, Terms } from "./terms.ts";

/** A coin in the wallet of a customer. */
export interface PlannedCoin {
  readonly index: number;
  readonly customer: number;
  readonly denomination: DenominationTerms;
  /** The melt that it is change of, and its place among the fresh coins; absent for a withdrawn coin. */
  readonly change?: { readonly melt: number; readonly position: number };
  /** What is left of it, atoms; the end of the plan leaves the final value. */
  remaining: bigint;
}

/** A reserve; one incoming transfer funds it. */
export interface PlannedReserve {
  readonly index: number;
  readonly customer: number;
  readonly expiration: bigint;
  /** Atoms; the end of the plan leaves the final value. */
  balance: bigint;
  /** Withdrawals that are still to come. */
  pending: number;
}

/** An incoming transfer. */
export interface Credit {
  readonly at: bigint;
  readonly reserve: number;
  readonly amount: bigint;
}

/** One coin leaves a reserve. */
export interface Withdrawal {
  readonly at: bigint;
  readonly reserve: number;
  readonly coin: number;
}

/** One contract paid with several coins. */
export interface Batch {
  readonly index: number;
  readonly at: bigint;
  readonly merchant: number;
  readonly walletTimestamp: bigint;
  readonly refundDeadline: bigint;
  readonly wireDeadline: bigint;
  readonly hasWalletData: boolean;
  readonly hasMerchantSig: boolean;
  /** Gross amounts. */
  readonly coins: readonly { readonly coin: number; readonly amount: bigint }[];
  /** Gross sum of refunds by coin; the end of the plan leaves the final values. */
  readonly refunded: Map<number, bigint>;
  /** Taken up by an aggregation. */
  done: boolean;
}

/** A merchant gives money back to one coin. */
export interface Refund {
  readonly at: bigint;
  readonly batch: number;
  readonly coin: number;
  readonly transaction: bigint;
  readonly amount: bigint;
}

/** A coin is exchanged for fresh ones. */
export interface Melt {
  readonly index: number;
  readonly at: bigint;
  readonly coin: number;
  readonly amount: bigint;
  readonly fresh: readonly number[];
  /** The candidate that the exchange does not ask to see. */
  readonly kept: 0 | 1 | 2;
}

/** One aggregation of a merchant's deposits. */
export interface Transfer {
  /** Names the wtid; the same one again after an aggregation that was too small to be wired. */
  readonly index: number;
  readonly at: bigint;
  readonly merchant: number;
  readonly batches: readonly number[];
  /** What the merchant is owed, atoms, with what earlier aggregations left. */
  readonly total: bigint;
  /** What is wired; undefined: too small, kept for later. */
  readonly wired: bigint | undefined;
}

/** A reserve is emptied to the account it was funded from. */
export interface Closure {
  readonly at: bigint;
  readonly reserve: number;
  /** Gross. */
  readonly amount: bigint;
  readonly fee: bigint;
  /** When the customer asked for it; absent: the reserve had expired. */
  readonly requestedAt?: bigint;
}

/** One day, in the order in which things happen; each list is in order of time. */
export interface Day {
  readonly credits: readonly Credit[];
  readonly withdrawals: readonly Withdrawal[];
  readonly batches: readonly Batch[];
  readonly refunds: readonly Refund[];
  readonly melts: readonly Melt[];
  readonly transfers: readonly Transfer[];
  readonly closures: readonly Closure[];
  /** What is left of every coin that was used on this day, in the evening. */
  readonly remaining: ReadonlyMap<number, bigint>;
  /** Balance of every reserve that was used on this day, in the evening. */
  readonly balances: ReadonlyMap<number, bigint>;
}

/** A whole simulation. */
export interface Plan {
  readonly terms: Terms;
  readonly days: readonly Day[];
  readonly coins: readonly PlannedCoin[];
  readonly reserves: readonly PlannedReserve[];
  readonly batches: readonly Batch[];
}

/** What customers intend from the beginning, and who owns what. */
export interface Intentions {
  /** By day: transfers to come. */
  readonly topUps: ReadonlyMap<number, readonly { customer: number; coins: number }[]>;
  /** By day: withdrawals that were put off. */
  readonly late: Map<number, { reserve: number; denomination: DenominationTerms }[]>;
  /** By customer: coins that may have something left. */
  readonly wallets: readonly Set<number>[];
}

/** What the planners share: all that exists so far. */
export interface World {
  readonly options: SimulatorOptions;
  readonly terms: Terms;
  readonly intentions: Intentions;
  readonly coins: PlannedCoin[];
  readonly reserves: PlannedReserve[];
  readonly batches: Batch[];
  /** Batches that no aggregation has taken up yet. */
  open: Batch[];
  /** Aggregations that were too small to be wired, by merchant. */
  readonly small: Map<number, { transfer: number; total: bigint }>;
  melts: number;
  transfers: number;
  refunds: bigint;
  closures: number;
}

/** One day while it is being planned. */
export interface Today {
  readonly number: number;
  readonly random: Random;
  /** Coins that were used today. */
  readonly used: Set<number>;
  /** Reserves that were used today. */
  readonly touched: Set<number>;
  /** Coins that their owner wants to exchange tonight. */
  readonly wishes: Set<number>;
}

/** Hours of the day at which each kind of thing happens: one after the other, so that serials follow time. */
const HOURS = {
  credits: [6, 8],
  withdrawals: [8, 10],
  purchases: [10, 17],
  refunds: [17, 19],
  melts: [19, 21],
  requests: [21, 22],
  transfers: [22, 23],
  closures: [23, 24],
} as const;

/** When a kind of thing begins (or, with `end`, is over) on a day. */
export function hourOf(world: World, day: number, kind: keyof typeof HOURS, end = false): bigint {
  return world.options.start + BigInt(day) * DAY + BigInt(HOURS[kind][end ? 1 : 0]) * HOUR;
}

/** A second of a day at which a kind of thing happens. */
export function momentOf(world: World, today: Today, kind: keyof typeof HOURS): bigint {
  const [first, last] = HOURS[kind];
  return hourOf(world, today.number, kind) + BigInt(today.random.below((last - first) * 3600)) * SECOND;
}

/** Sorts by time; things of the same second keep their order. */
export function inTime<T extends { readonly at: bigint }>(things: readonly T[]): T[] {
  return [...things].sort((a, b) => a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
}

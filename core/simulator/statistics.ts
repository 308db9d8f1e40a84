// SPDX-License-Identifier: AGPL-3.0-or-later
/** What happened in a simulation, in figures. */

import type { Plan } from "./world.ts";

/** Counts, and sums in atoms. */
export interface Statistics {
  readonly credits: number;
  /** What customers paid in. */
  readonly paidIn: bigint;
  /** Coins that were withdrawn; fresh coins of refreshes are not counted. */
  readonly withdrawals: number;
  readonly contracts: number;
  /** Coins that paid for contracts. */
  readonly deposits: number;
  readonly refunds: number;
  readonly melts: number;
  readonly freshCoins: number;
  readonly transfers: number;
  /** What merchants were paid. */
  readonly wired: bigint;
  readonly closures: number;
  /** What was paid back to customers whose reserves were closed. */
  readonly paidBack: bigint;
  readonly rsaDenominations: number;
  readonly csDenominations: number;
}

/** Counts a plan. */
export function statisticsOf({ days, terms }: Plan): Statistics {
  const count = (ofDay: (day: Plan["days"][number]) => number) => days.reduce((sum, day) => sum + ofDay(day), 0);
  const total = (ofDay: (day: Plan["days"][number]) => readonly bigint[]) =>
    days.flatMap(ofDay).reduce((sum, atoms) => sum + atoms, 0n);
  return {
    credits: count((d) => d.credits.length),
    paidIn: total((d) => d.credits.map((c) => c.amount)),
    withdrawals: count((d) => d.withdrawals.length),
    contracts: count((d) => d.batches.length),
    deposits: count((d) => d.batches.reduce((sum, b) => sum + b.coins.length, 0)),
    refunds: count((d) => d.refunds.length),
    melts: count((d) => d.melts.length),
    freshCoins: count((d) => d.melts.reduce((sum, m) => sum + m.fresh.length, 0)),
    transfers: count((d) => d.transfers.filter((t) => t.wired !== undefined).length),
    wired: total((d) => d.transfers.map((t) => t.wired ?? 0n)),
    closures: count((d) => d.closures.length),
    paidBack: total((d) => d.closures.map((c) => c.amount - c.fee)),
    rsaDenominations: terms.denominations.filter((d) => d.cipher === "RSA").length,
    csDenominations: terms.denominations.filter((d) => d.cipher === "CS").length,
  };
}

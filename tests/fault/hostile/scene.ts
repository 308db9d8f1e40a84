// SPDX-License-Identifier: AGPL-3.0-or-later
/** What is in the dataset small-postagg, as far as the tables need it: which rows belong together. */
import type { HostileCase } from "../../support/hostile.ts";

/** A coin of 5 that was deposited once, for 1, and never melted. */
export interface SceneCoin {
  /** `known_coin_id` */
  coin: number;
  /** Serial of the deposit and of its batch. */
  deposit: number;
  /** `aggregation_serial_id` of the batch. */
  aggregation: number;
  /** Serial of the transfer that paid it. */
  transfer: number;
}

/** Coins for lines that each need one of their own. */
export const COINS: readonly SceneCoin[] = [
  [1, 1, 13, 2],
  [2, 2, 160, 9],
  [7, 5, 125, 7],
  [8, 6, 140, 8],
  [9, 7, 14, 2],
  [10, 8, 43, 3],
  [11, 9, 161, 9],
  [12, 10, 15, 2],
  [14, 12, 1, 1],
  [16, 13, 16, 2],
  [19, 15, 99, 6],
  [20, 16, 183, 10],
  [21, 17, 100, 6],
  [22, 18, 58, 4],
  [24, 20, 59, 4],
  [26, 21, 60, 4],
  [29, 23, 61, 4],
  [30, 24, 3, 1],
].map(([coin, deposit, aggregation, transfer]) => ({
  coin: coin!,
  deposit: deposit!,
  aggregation: aggregation!,
  transfer: transfer!,
}));

/** What each transfer paid, in cents, and how many deposits it paid. */
export const TRANSFERS: Readonly<Record<number, { cents: number; deposits: number }>> = {
  1: { cents: 1187, deposits: 12 },
  2: { cents: 2870, deposits: 29 },
  3: { cents: 1583, deposits: 16 },
  4: { cents: 2573, deposits: 26 },
  5: { cents: 1484, deposits: 15 },
  6: { cents: 2573, deposits: 26 },
  7: { cents: 1484, deposits: 15 },
  8: { cents: 1979, deposits: 20 },
  9: { cents: 2276, deposits: 23 },
  10: { cents: 1781, deposits: 18 },
};

/** Cents as findings show them. */
export function inUnits(cents: number): string {
  return String(cents / 100);
}

/** The finding on a transfer whose deposits add up to a different sum. */
export function wrongTransfer(transfer: number, expectedCents: number, claimed?: string): string {
  const paid = claimed ?? inUnits(TRANSFERS[transfer]!.cents);
  return `A-23 wire#${transfer} to *: ${paid} instead of ${inUnits(expectedCents)}: *`;
}

/** Reserves of 25.5 of which five coins were withdrawn: serials of the credit and of one withdrawal. */
export const RESERVES: readonly { credit: number; withdrawal: number }[] = [
  [1, 1],
  [3, 2],
  [5, 9],
  [2, 13],
  [9, 19],
  [4, 22],
  [10, 31],
  [6, 32],
].map(([credit, withdrawal]) => ({ credit: credit!, withdrawal: withdrawal! }));

/** A line of a bundle: what is particular to one row. */
export type Line = Omit<HostileCase, "name" | "dataset" | "later" | "pageRows">;

/**
 * Several hostile rows in one database, which saves the time of several audits. Each line needs rows of its own; its
 * findings name them, so that a line that fails can be told from the others.
 */
export function bundle(
  name: string,
  lines: readonly Line[],
  rest: Partial<Pick<HostileCase, "dataset" | "later" | "perhaps" | "expect" | "without">> = {},
): HostileCase {
  const texts = (list: readonly (string | undefined)[]) => list.filter((text) => text !== undefined).join(";\n");
  const without = texts([rest.without, ...lines.map((line) => line.without)]);
  return {
    name: `${name} (${lines.length} rows)`,
    dataset: rest.dataset ?? "small-postagg",
    ...(rest.later === undefined ? {} : { later: rest.later }),
    ...(without === "" ? {} : { without }),
    sql: texts(lines.map((line) => line.sql)),
    expect: [...lines.flatMap((line) => line.expect), ...rest.expect ?? []],
    gone: lines.flatMap((line) => line.gone ?? []),
    perhaps: [...lines.flatMap((line) => line.perhaps ?? []), ...rest.perhaps ?? []],
  };
}

/** One line for each of several values, with a coin of its own. */
export function perCoin(values: Readonly<Record<string, string>>, line: (value: string, c: SceneCoin) => Line): Line[] {
  return Object.values(values).map((value, i) => line(value, COINS[i]!));
}

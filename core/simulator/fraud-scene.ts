// SPDX-License-Identifier: AGPL-3.0-or-later
/** Where frauds take place: the database of a simulated exchange, and whom an operator finds to help. */

import type { Sql } from "../db/connect.ts";
import { HOUR } from "../taler/time.ts";
import { contractRow, depositRow, knownCoinRow } from "./deposit-records.ts";
import type { SignedCoin } from "./issuance.ts";
import { secretBytes } from "./random.ts";
import type { Simulation } from "./simulation.ts";
import { insertRows } from "./writer.ts";

/** A simulated exchange in its database, and what earlier frauds have used up. */
export interface Scene {
  readonly sql: Sql;
  readonly simulation: Simulation;
  /** Coins of the plan that are no longer what the plan says. */
  readonly coins: Set<number>;
  /** Value that frauds have spent of a denomination, by its index. */
  readonly spent: Map<number, bigint>;
  /** Coins that frauds have made known of a denomination, by its index. */
  readonly introduced: Map<number, number>;
  /** Contracts so far. */
  contracts: number;
}

/** The simulation is too small for a fraud: nothing in it fits. */
export class NoOccasion extends Error {
  override name = "NoOccasion";
}

/** A scene without frauds yet. The database must hold the whole simulation. */
export function newScene(sql: Sql, simulation: Simulation): Scene {
  return { sql, simulation, coins: new Set(), spent: new Map(), introduced: new Map(), contracts: 0 };
}

/** The moment of all frauds: the last day, in the hours of business. */
export function fraudMoment({ simulation }: Scene): bigint {
  return simulation.end - 10n * HOUR;
}

/** The first of some candidates, or no occasion. */
export function occasion<T>(candidates: readonly T[], what: string): T {
  const first = candidates[0];
  if (first === undefined) throw new NoOccasion(`the simulation is too small: it has no ${what}`);
  return first;
}

/** A new serial number of a table. */
export async function nextSerial(sql: Sql, table: string, column: string): Promise<string> {
  const rows = await sql`SELECT nextval(pg_get_serial_sequence(${`exchange.${table}`}, ${column}))::text AS serial`;
  return rows[0]!["serial"] as string;
}

/**
 * What can be taken from a denomination before more comes back than was issued, atoms. A fraud that stays below it
 * cannot be noticed by its sums.
 */
export function slackOf({ simulation, spent }: Scene, denomination: number): bigint {
  const { coins, days } = simulation.plan;
  const ours = (coin: number) => coins[coin]!.denomination.index === denomination;
  const sum = (amounts: bigint[]) => amounts.reduce((total, x) => total + x, 0n);
  const issued = coins.filter((c) => ours(c.index)).map((c) => c.denomination.value);
  const back = days.flatMap((day) => [
    ...day.batches.flatMap((b) => b.coins).filter((c) => ours(c.coin)).map((c) => c.amount),
    ...day.melts.filter((m) => ours(m.coin)).map((m) => m.amount),
    ...day.refunds.filter((f) => ours(f.coin)).map((f) => coins[f.coin]!.denomination.feeRefund - f.amount),
  ]);
  return sum(issued) - sum(back) - (spent.get(denomination) ?? 0n);
}

/** Coins of a denomination that were issued and never seen again, less those that frauds have brought. */
export function unseenOf({ simulation, introduced }: Scene, denomination: number): number {
  const unseen = simulation.plan.coins.filter((c) =>
    c.denomination.index === denomination && !simulation.known.has(c.index)
  );
  return unseen.length - (introduced.get(denomination) ?? 0);
}

/** Has a coin pay for a contract of its own, and writes the rows of the deposit; the coin itself must be known. */
export async function depositCoin(scene: Scene, coin: SignedCoin, gross: bigint): Promise<void> {
  const { sql, simulation: { options, plan, merchants, end } } = scene;
  const at = fraudMoment(scene);
  const number = scene.contracts++;
  const facts = {
    hContractTerms: secretBytes(options.seed, 64, "fraud contract", number),
    merchant: merchants[occasion(plan.batches, "merchant with a contract").merchant]!,
    walletTimestamp: at,
    refundDeadline: 0n,
    walletDataHash: undefined,
  };
  const batch = await nextSerial(sql, "batch_deposits", "batch_deposit_serial_id");
  const serial = await nextSerial(sql, "coin_deposits", "coin_deposit_serial_id");
  await insertRows(sql, "batch_deposits", [contractRow(batch, facts, at, end + 72n * HOUR)]);
  await insertRows(sql, "coin_deposits", [depositRow(options.currency, { serial, batch }, facts, coin, gross)]);
  const { index } = coin.denomination.terms;
  scene.spent.set(index, (scene.spent.get(index) ?? 0n) + gross);
}

/** Writes the row of a coin at its first use. */
export async function introduceCoin(scene: Scene, coin: SignedCoin, remaining: bigint): Promise<void> {
  const serial = await nextSerial(scene.sql, "known_coins", "known_coin_id");
  await insertRows(scene.sql, "known_coins", [knownCoinRow(serial, coin, remaining)]);
  const { index } = coin.denomination.terms;
  scene.introduced.set(index, (scene.introduced.get(index) ?? 0) + 1);
}

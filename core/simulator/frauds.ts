// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Five frauds of a dishonest operator, who has all power over the exchange's database but no keys of others (except of
 * those who collude). Each keeps the derived figures of the database consistent, as someone would who does not want to be
 * noticed, and says what an audit of the whole database must find: this and nothing else.
 */

import { csSecret, csSign } from "../crypto/cs-issue.ts";
import { hashCoin } from "../crypto/objects.ts";
import { formatAmount, FRACTION_BASE } from "../taler/amount.ts";
import { DAY } from "../taler/time.ts";
import {
  depositCoin,
  fraudMoment,
  introduceCoin,
  newScene,
  nextSerial,
  occasion,
  type Scene,
  slackOf,
  unseenOf,
} from "./fraud-scene.ts";
import { type CoinSecrets, coinSecrets, type Denomination, issueCoin, promiseOf } from "./issuance.ts";
import { coinOf, reserveKeys } from "./recorder.ts";
import { secretBytes, secretOf } from "./random.ts";
import { signedWithdrawal } from "./reserve-records.ts";
import type { Simulation } from "./simulation.ts";
import { costOf } from "./terms.ts";
import { wtidOf } from "./transfer-records.ts";
import type { Expectation } from "./verdict.ts";
import { insertRows } from "./writer.ts";
import type { Sql } from "../db/connect.ts";

/** A fraud that can be requested. */
export interface Fraud {
  readonly name: string;
  /** A few words for a list. */
  readonly title: string;
  /** What happens, and why it cannot be hidden. */
  readonly description: string;
  /** Commits it; returns what was done, in figures, and what an audit must find. */
  readonly commit: (scene: Scene) => Promise<{ deed: string; expected: Expectation[] }>;
}

/** A fraud that was committed. */
export interface Committed {
  readonly fraud: Fraud;
  readonly deed: string;
  readonly expected: readonly Expectation[];
}

/** All frauds, in the order in which they can be committed together. */
export const FRAUDS: readonly Fraud[] = [
  {
    name: "forged-coin",
    title: "a forged coin",
    description: "An accomplice deposits a coin that the exchange never signed. The coin's own signature over the " +
      "deposit is good; in place of the denomination's signature stands noise, for who cannot use the denomination's " +
      "private key can do no better.",
    commit: forgeCoin,
  },
  {
    name: "overspent-coin",
    title: "a coin spent twice",
    description:
      "The owner of a coin colludes and signs two deposits of its full value. Both signatures are good, and " +
      "the stored remaining value is zero as after one deposit; but the sum of what the coin signed is above its value.",
    commit: overspendCoin,
  },
  {
    name: "altered-deposit",
    title: "an altered deposit amount",
    description: "The operator halves what a merchant is to receive for a coin, and gives the other half back to the " +
      "coin's record, so that all sums fit. But the coin has signed the true amount.",
    commit: alterDeposit,
  },
  {
    name: "overdrawn-reserve",
    title: "an overdrawn reserve",
    description:
      "The owner of a reserve colludes and withdraws more than was ever transferred to it. Withdrawals and " +
      "blind signatures are good and the stored balance is zero; but credits and debits do not add up.",
    commit: overdrawReserve,
  },
  {
    name: "missing-transfer",
    title: "money missing from a wire transfer",
    description: "A wire transfer to a merchant is booked with less than the aggregated deposits are worth: one " +
      "contract is not paid. (In this form the books of the exchange alone convict it. A transfer that is booked " +
      "correctly and never made, or a deposit never booked for transfer, takes the bank's statements to be found.)",
    commit: shortenTransfer,
  },
];

/**
 * Commits frauds on the database of a simulation that was written whole.
 *
 * @param names names of {@link FRAUDS}; the default is all
 * @throws NoOccasion where the simulation is too small, RangeError for an unknown name
 */
export async function commitFrauds(
  sql: Sql,
  simulation: Simulation,
  names: readonly string[] = FRAUDS.map((f) => f.name),
): Promise<Committed[]> {
  const unknown = names.find((name) => !FRAUDS.some((f) => f.name === name));
  if (unknown !== undefined) throw new RangeError(`there is no fraud ${unknown}`);
  const scene = newScene(sql, simulation);
  const committed: Committed[] = [];
  for (const fraud of FRAUDS) {
    if (names.includes(fraud.name)) committed.push({ fraud, ...await fraud.commit(scene) });
  }
  return committed;
}

/** An amount for people. */
function show({ simulation }: Scene, atoms: bigint): string {
  return formatAmount(simulation.options.currency, atoms);
}

/** Denominations whose coins can be deposited now without the denomination's sums giving it away; valuable ones first. */
function roomy(scene: Scene, coins: bigint): Denomination[] {
  const { keys, end } = scene.simulation;
  return keys.denominations
    .filter(({ terms }) => terms.expireDeposit > end + DAY && unseenOf(scene, terms.index) > 0)
    .filter(({ terms }) => slackOf(scene, terms.index) >= coins * terms.value)
    .sort((a, b) => a.terms.value < b.terms.value ? 1 : a.terms.value > b.terms.value ? -1 : 0);
}

/** Fraud `forged-coin`: rows in known_coins, batch_deposits and coin_deposits. */
async function forgeCoin(scene: Scene): Promise<{ deed: string; expected: Expectation[] }> {
  const { seed } = scene.simulation.options;
  const denomination = occasion(roomy(scene, 1n), "denomination with coins that were not spent");
  const { value, ageMask, index } = denomination.terms;
  const secrets = coinSecrets(secretOf(seed, "forged coin", index), ageMask);
  const coin = { ...secrets, denomination, signature: forgery(seed, denomination, secrets) };
  await introduceCoin(scene, coin, 0n);
  await depositCoin(scene, coin, value);
  return {
    deed: `a coin of ${show(scene, value)} that was never issued is deposited`,
    expected: [{ check: "C-5", table: "bad_sig_losses", amount: value }],
  };
}

/** Something that looks like a signature: an integer of the right length, or a signature with another key. */
function forgery(seed: string, { secret }: Denomination, coin: CoinSecrets): Uint8Array {
  if ("cs" in secret) {
    const message = hashCoin(coin.pub, coin.ageCommitment);
    return csSign(csSecret(secretOf(seed, "forger")), message, secretOf(seed, "forger's nonce"));
  }
  const noise = secretBytes(seed, secret.rsa.publicKey.size, "forgery");
  noise[0] = 1;
  return noise;
}

/** Fraud `overspent-coin`: a coin that nobody has seen yet pays two contracts. */
async function overspendCoin(scene: Scene): Promise<{ deed: string; expected: Expectation[] }> {
  const { plan, known } = scene.simulation;
  const denomination = occasion(roomy(scene, 2n), "denomination with two coins that were not spent");
  const { value, index } = denomination.terms;
  const fresh = plan.coins.filter((c) => c.denomination.index === index && !known.has(c.index));
  const planned = occasion(fresh, "coin that was not spent");
  const coin = coinOf(scene.simulation, planned.index);
  scene.coins.add(planned.index);
  await introduceCoin(scene, coin, 0n);
  await depositCoin(scene, coin, value);
  await depositCoin(scene, coin, value);
  return {
    deed: `a coin of ${show(scene, value)} pays two contracts of ${show(scene, value)}`,
    expected: [{ check: "C-4", table: "amount_arithmetic_inconsistency", amount: value }],
  };
}

/** Fraud `altered-deposit`: the largest deposit that is not paid out yet is halved. */
async function alterDeposit(scene: Scene): Promise<{ deed: string; expected: Expectation[] }> {
  const { sql, simulation } = scene;
  const cent = FRACTION_BASE / 100n;
  const candidates = simulation.plan.batches.filter((b) => !b.done && b.refunded.size === 0)
    .flatMap((b) => b.coins.map((c) => ({ ...c, batch: simulation.batches.get(b.index)! })))
    .filter((c) => !scene.coins.has(c.coin) && c.amount >= 10n * cent)
    .sort((a, b) => a.amount < b.amount ? 1 : a.amount > b.amount ? -1 : 0);
  const { coin: index, batch, amount } = occasion(candidates, "deposit that is not paid out yet");
  const { pub } = coinOf(simulation, index);
  const altered = amount / 2n - amount / 2n % cent;
  const parts = (atoms: bigint) => [atoms / FRACTION_BASE, atoms % FRACTION_BASE] as const;
  const [val, frac] = parts(altered);
  const [leftVal, leftFrac] = parts(simulation.plan.coins[index]!.remaining + amount - altered);
  scene.coins.add(index);
  await sql`UPDATE exchange.coin_deposits SET amount_with_fee = ROW(${val}::int8, ${frac}::int4)::exchange.taler_amount
    WHERE coin_pub = ${pub} AND batch_deposit_serial_id = ${batch}::int8`;
  await sql`UPDATE exchange.known_coins SET remaining = ROW(${leftVal}::int8, ${leftFrac}::int4)::exchange.taler_amount
    WHERE coin_pub = ${pub}`;
  return {
    deed: `a deposit of ${show(scene, amount)} becomes one of ${show(scene, altered)}`,
    expected: [{ check: "C-11", table: "bad_sig_losses", amount: altered }],
  };
}

/**
 * Fraud `overdrawn-reserve`: one or two coins more than the reserve can pay. Never more than all reserves have
 * together, which would show in the total as well.
 */
async function overdrawReserve(scene: Scene): Promise<{ deed: string; expected: Expectation[] }> {
  const { sql, simulation } = scene;
  const { plan, keys, options, end } = simulation;
  const at = fraudMoment(scene);
  const total = plan.reserves.reduce((sum, r) => sum + r.balance, 0n);
  const closed = new Set(plan.days.flatMap((day) => day.closures.map((c) => c.reserve)));
  const pairs = plan.reserves.filter((r) => !closed.has(r.index) && r.expiration > end)
    .flatMap((reserve) => keys.denominations.map((denomination) => ({ reserve, denomination })))
    .map((pair) => ({ ...pair, cost: costOf(pair.denomination.terms) }))
    .filter(({ denomination: { terms } }) => terms.validFrom <= at && at <= terms.expireWithdraw)
    .filter(({ reserve, cost }) => cost > reserve.balance && cost <= total)
    .sort((a, b) => a.cost < b.cost ? 1 : a.cost > b.cost ? -1 : 0);
  const { reserve, denomination, cost } = occasion(pairs, "open reserve with little money");
  const count = 2n * cost <= total ? 2 : 1;
  const owner = reserveKeys(simulation, reserve.index);
  for (let n = 0; n < count; n++) {
    const nonce = secretOf(options.seed, "overdraft nonce", n);
    const secrets = coinSecrets(secretOf(options.seed, "overdraft", n), denomination.terms.ageMask);
    const coin = issueCoin(denomination, secrets, nonce, promiseOf(denomination, nonce));
    const serial = await nextSerial(sql, "reserves_out", "reserve_out_serial_id");
    const serials = { serial, reserve: simulation.reserves.get(reserve.index)! };
    await insertRows(sql, "reserves_out", [signedWithdrawal(options.currency, serials, owner, at, coin)]);
  }
  await sql`UPDATE exchange.reserves SET current_balance = ROW(0, 0)::exchange.taler_amount
    WHERE reserve_pub = ${owner.pub}`;
  const taken = BigInt(count) * cost;
  return {
    deed: `${show(scene, taken)} is withdrawn from a reserve with a balance of ${show(scene, reserve.balance)}`,
    expected: [{
      check: "R-16",
      table: "reserve_balance_insufficient_inconsistency",
      amount: taken - reserve.balance,
    }],
  };
}

/** Fraud `missing-transfer`: of the transfers for several contracts, one pays its most valuable contract not. */
async function shortenTransfer(scene: Scene): Promise<{ deed: string; expected: Expectation[] }> {
  const { sql, simulation } = scene;
  const { plan, options: { roundUnit } } = simulation;
  const unit = roundUnit === 0n ? 1n : roundUnit;
  const candidates = plan.days.flatMap((day) => day.transfers).flatMap((transfer) => {
    const { wired } = transfer;
    if (wired === undefined || transfer.batches.length < 2) return [];
    return transfer.batches.map((b) => plan.batches[b]!).filter((b) => b.refunded.size === 0)
      .map((b) => b.coins.reduce((sum, c) => sum + c.amount, 0n))
      .map((worth) => ({ transfer, wired, kept: worth - worth % unit }))
      .filter(({ kept }) => kept > 0n && kept < wired);
  }).sort((a, b) => a.kept < b.kept ? 1 : a.kept > b.kept ? -1 : 0);
  const { transfer, wired, kept } = occasion(candidates, "wire transfer of several contracts");
  const left = wired - kept;
  const [val, frac] = [left / FRACTION_BASE, left % FRACTION_BASE];
  await sql`UPDATE exchange.wire_out SET amount = ROW(${val}::int8, ${frac}::int4)::exchange.taler_amount
    WHERE wtid_raw = ${wtidOf(simulation, transfer.index)}`;
  return {
    deed: `a transfer of ${show(scene, wired)} is booked as ${show(scene, left)}`,
    expected: [{ check: "A-23", table: "wire_out_inconsistency", amount: kept }],
  };
}

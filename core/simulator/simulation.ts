// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * A whole simulated exchange: its plan, its keys, and the signed rows of every day. Everything follows from the options,
 * byte by byte; nothing here reads a clock or a random generator of the machine.
 */

import { announcements, makeKeys } from "./announcements.ts";
import { depositSteps, refundSteps } from "./deposit-records.ts";
import { completeOptions, endOf, type SimulatorChoice } from "./options.ts";
import { planExchange } from "./plan.ts";
import { newRecorder, type Recorder, reserveKeys } from "./recorder.ts";
import { refreshSteps } from "./refresh-records.ts";
import { closureSteps, creditSteps, withdrawalSteps } from "./reserve-records.ts";
import { amount, bytes, type Row, type Step } from "./rows.ts";
import { transferSteps } from "./transfer-records.ts";
import type { Day } from "./world.ts";

/** A simulated exchange with everything that only its participants know. */
export interface Simulation extends Recorder {
  /** What to write: first the announcements, then day by day. */
  readonly steps: readonly (readonly Step[])[];
  /** The end of the last day, µs: the time by which to audit. */
  readonly end: bigint;
}

/**
 * Simulates an exchange: about two milliseconds per coin.
 *
 * @throws RangeError for options that make no exchange
 */
export function simulateExchange(choice: SimulatorChoice): Simulation {
  const options = completeOptions(choice);
  const plan = planExchange(options);
  const keys = makeKeys(options, plan.terms);
  const recorder = newRecorder(options, plan, keys);
  const steps = [announcements(options, plan.terms, keys), ...plan.days.map((day) => recordDay(recorder, day))];
  return { ...recorder, steps, end: endOf(options) };
}

/** The rows of one day, in the order of the day. */
function recordDay(r: Recorder, day: Day): Step[] {
  const knownBefore = new Set([...day.remaining.keys()].filter((coin) => r.known.has(coin)));
  const fundedBefore = new Set([...day.balances.keys()].filter((reserve) => r.reserves.has(reserve)));
  const steps = [
    ...creditSteps(r, day),
    ...withdrawalSteps(r, day),
    ...depositSteps(r, day),
    ...refundSteps(r, day),
    ...refreshSteps(r, day),
    ...transferSteps(r, day),
    ...closureSteps(r, day),
    update(
      "known_coins",
      "coin_pub",
      [...knownBefore].map((coin) => ({
        coin_pub: bytes(r.coins.get(coin)!.pub),
        remaining: amount(day.remaining.get(coin)!),
      })),
    ),
    update(
      "reserves",
      "reserve_pub",
      [...fundedBefore].map((reserve) => ({
        reserve_pub: bytes(reserveKeys(r, reserve).pub),
        current_balance: amount(day.balances.get(reserve)!),
      })),
    ),
  ];
  return steps.filter((step) => step.rows.length > 0);
}

function update(table: string, key: string, rows: Row[]): Step {
  return { kind: "update", table, key, rows };
}

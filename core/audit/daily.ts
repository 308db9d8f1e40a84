// SPDX-License-Identifier: AGPL-3.0-or-later
/** What a run has to read whole tables for is done once in a day, by the clock of the audit. */
import { DAY } from "../taler/time.ts";
import type { PassRun } from "./pass.ts";

/**
 * Whether something is due that is done once in a day; if so, takes it as done by this run.
 * @param name our counter of when it was done last, beginning with `x:`
 */
export function onceADay(run: PassRun, name: string): boolean {
  const { now } = run.context;
  const last = run.counters.get(name);
  if (last !== undefined && now >= last && now < last + DAY) return false;
  run.setCounter(name, now);
  return true;
}

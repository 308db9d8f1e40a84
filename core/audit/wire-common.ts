// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rules that both passes on wire transfers follow: when a transfer is due, and rows of accounts that are not audited. */
import type { Sql } from "../db/connect.ts";
import { readRows } from "../exchange/source.ts";
import { WIRED_SUBJECTS } from "../exchange/v014/wire-bookings.ts";
import { encodeHex } from "./hex.ts";
import { formatTime } from "../taler/time.ts";
import { highestSerial, type WireTable } from "../exchange/v014/wire.ts";
import type { AnyStage, PassContext, PassRun } from "./pass.ts";

/**
 * Whether a transfer of this date (µs) should be on the other side as well. One dated further ahead than the grace
 * period is due at once: the exchange or the bank chose the date, and could put any verdict off by it.
 * @param until up to when the other side is known to be complete, µs
 */
export function isDue(date: bigint, { now, settings }: Pick<PassContext, "now" | "settings">, until = now): boolean {
  const grace = settings.gracePeriod ?? 0n;
  return date > now + grace || date + grace <= until;
}

const seenKey = (stage: AnyStage) => `${stage.progressKey}:seen`;

/**
 * Lets a stage on rows of accounts that are not audited begin where the last run ended, whether it had rows there or
 * not. So no run reads old rows of the audited accounts again, and none of them becomes a row of an account that is not
 * audited when its account is switched off. To be called before the stages are planned.
 */
export function skipSeen(run: PassRun, stage: AnyStage): void {
  run.skipTo(stage.progressKey, run.counters.get(seenKey(stage)) ?? 0n);
}

/** Notes where this run ends, for {@link skipSeen}. To be called after the stages were planned. */
export async function noteSeen(run: PassRun, stage: AnyStage): Promise<void> {
  const { from, until } = run.rangeOf(stage.progressKey);
  const highest = await highestSerial(run.context.source, stage.source as WireTable, until);
  if (highest < run.pointOf(stage.progressKey)) return;
  run.setCounter(seenKey(stage), highest + 1n);
  await run.passed(stage, from, highest);
}

/** The newest date at which the exchange booked something, over all runs of a pass. */
export class NewestBooking {
  readonly #name: string;
  #date: bigint;

  constructor(readonly run: PassRun) {
    this.#name = `x:${run.pass}:newest`;
    this.#date = run.counters.get(this.#name) ?? 0n;
  }

  /** Notes a booking; dates that nobody has reached yet tell nothing. */
  see(date: bigint): void {
    if (date > this.#date && date <= this.run.context.now) this.#date = date;
  }

  /** Stores the date. */
  store(): void {
    this.run.setCounter(this.#name, this.#date);
  }

  /**
   * Stores the date, and warns when everything that the books seem to lack is younger: then it may be the copy of the
   * exchange's database that lags behind. The findings stand, because the exchange could stop the copy on purpose.
   * @param lacking dates of the bank's transactions that are called unbooked, µs
   */
  finish(lacking: readonly bigint[], what: string): void {
    this.store();
    if (lacking.length === 0 || lacking.some((date) => date <= this.#date)) return;
    const until = this.#date === 0n ? "none at all" : `none after ${formatTime(this.#date)}`;
    this.run.context.warn?.(
      `the copy of the exchange's database has ${until} of the ${what} transfers, the bank has ${lacking.length}: ` +
        "is the copy still brought up to date?",
    );
  }
}

/**
 * Which subjects (hexadecimal) are those of transfers to merchants. A customer's subject may look like that of a payment
 * by the exchange, with the reserve's key as its identifier; but what was a merchant's never becomes a customer's.
 */
export async function wiredSubjects(sql: Sql, subjects: readonly string[]): Promise<Set<string>> {
  if (subjects.length === 0) return new Set();
  const rows = await readRows(
    sql,
    "wire_out",
    WIRED_SUBJECTS,
    [[...new Set(subjects)]],
    (r) => r.bytes("wtid_raw", 32),
  );
  return new Set(rows.flatMap((r) => "row" in r ? [encodeHex(r.row)] : []));
}

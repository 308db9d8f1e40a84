// SPDX-License-Identifier: AGPL-3.0-or-later
/** Additional checks of the reserves pass: requests never executed, wads, temporary overdraft. */
import { readRows } from "../../../exchange/source.ts";
import {
  ALL_OPEN_REQUESTS,
  decodeWad,
  INDEXED_MOVEMENTS,
  REQUESTED_UNTIL,
  RESERVE_MOVEMENTS,
  STILL_OPEN_REQUESTS,
  WADS,
} from "../../../exchange/v014/reserves.ts";
import { formatAmount } from "../../../taler/amount.ts";
import { DAY, MINUTE } from "../../../taler/time.ts";
import { onceADay } from "../../daily.ts";
import { rowInconsistency } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import type { AnyStage } from "../../pass.ts";
import { isUnbooked, RANK, type ReservesState } from "./state.ts";

/** Reserves replayed at once. */
const RESERVES_AT_ONCE = 2000;
/** The bank's clock and the exchange's may differ by this much. */
const CLOCK_TOLERANCE = 15n * MINUTE;

/** One movement of a reserve's money. */
export interface Movement {
  stage: string;
  serial: bigint;
  at: bigint;
  /** Positive: into the reserve. */
  atoms: bigint;
}

/** Replays movements in time order; the first at which the balance is negative, and by how much. Pure. */
export function firstOverdraft(movements: Movement[]): { movement: Movement; short: bigint } | undefined {
  // of one instant what came in goes first, so that the order within it cannot raise an alarm
  const order = [...movements].sort((a, b) => sign(a.at - b.at) || sign(b.atoms - a.atoms));
  let balance = 0n;
  for (const movement of order) {
    balance += movement.atoms;
    if (balance < 0n) return { movement, short: -balance };
  }
  return undefined;
}

function sign(n: bigint): number {
  return n < 0n ? -1 : n > 0n ? 1 : 0;
}

/** Reads the movements of some reserves that count, by reserve. */
async function readMovements(
  s: ReservesState,
  stages: readonly AnyStage[],
  select: string,
  reserves: readonly string[],
): Promise<Map<string, Movement[]>> {
  const movements = new Map<string, Movement[]>(reserves.map((k) => [k, []]));
  if (reserves.length === 0) return movements;
  const rows = await readRows(s.run.context.source, "reserves", select, [[...reserves]], (r) => ({
    reserve: encodeHex(r.bytes("reserve_pub", 32)),
    stage: r.text("stage"),
    direction: r.int4("direction"),
    at: r.time("at"),
    amount: r.amount("amount"),
  }));
  for (const r of rows) {
    if (!("row" in r) || isUnbooked(s, stages, r.row.stage, r.serial)) continue;
    const { stage, direction, at, amount } = r.row;
    movements.get(r.row.reserve)!.push({
      stage,
      serial: r.serial,
      at: stage === "reserves_in" && at > CLOCK_TOLERANCE ? at - CLOCK_TOLERANCE : at,
      atoms: direction > 0 ? amount : -amount,
    });
  }
  return movements;
}

/**
 * reserves that were overdrawn for a while although their final balance is right. Those whose final balance is
 * wrong as well have R-16. All credits are only looked for where those that are found easily do not suffice.
 */
export async function auditOverdrafts(s: ReservesState, stages: readonly AnyStage[]): Promise<void> {
  const { book, context } = s.run;
  const keys = [...s.changes.keys()].sort();
  for (let i = 0; i < keys.length; i += RESERVES_AT_ONCE) {
    const some = keys.slice(i, i + RESERVES_AT_ONCE);
    const easy = await readMovements(s, stages, INDEXED_MOVEMENTS, some);
    const doubtful = some.filter((key) => firstOverdraft(easy.get(key)!) !== undefined);
    const all = await readMovements(s, stages, RESERVE_MOVEMENTS, doubtful);
    for (const key of some) {
      const found = firstOverdraft(all.get(key) ?? []);
      const overdrawnForGood = book.standing.get(`R-16:${key}`)?.finding !== undefined;
      book.settle(
        `X-15:${key}`,
        { stage: RANK.verdicts, serial: 1n },
        found === undefined || overdrawnForGood ? undefined : rowInconsistency(
          "X-15",
          "reserves",
          found.movement.serial,
          `reserve was overdrawn by ${formatAmount(context.settings.currency, found.short)} for a while, ` +
            `first at ${found.movement.stage}, row ${found.movement.serial}`,
        ),
      );
    }
  }
}

/** The list of close requests that were not executed yet, among the rows to be read again. */
const REQUESTS = {
  source: { table: "close_requests", serial: "close_request_serial_id" },
  progressKey: "x:reserves:close_requests",
} as const;
/** Counter: when all close requests were looked at. */
const SWEPT = "x:reserves:swept";

/**
 * clients asked for their money back and did not get it within a day. Looks at requests that are new, came
 * late or were not executed before, once in a day at all.
 */
export async function auditStaleRequests(s: ReservesState): Promise<void> {
  const { book, context, revisits } = s.run;
  const before = revisits.of(REQUESTS);
  const [last] = await readRows(context.source, "close_requests", REQUESTED_UNTIL, [], () => null);
  const from = s.run.pointOf(REQUESTS.progressKey), latest = context.now - DAY;
  const behind = await s.run.takeLate(REQUESTS, from);
  const [select, parameters] = onceADay(s.run, SWEPT)
    ? [ALL_OPEN_REQUESTS, [latest]]
    : [STILL_OPEN_REQUESTS, [latest, from, [...before.keys(), ...behind]]];
  const overdue = new Set<bigint>();
  const rows = await readRows(context.source, "close_requests", select, parameters, (r) => {
    if (r.bool()) overdue.add(r.serial);
    r.bytes("reserve_pub", 32);
    const amount = r.amount("close");
    r.time("close_timestamp");
    return { amount };
  });
  for (const r of rows) {
    revisits.set(REQUESTS, r.serial, "not executed");
    if (!overdue.has(r.serial) || ("row" in r && r.row.amount === 0n)) continue;
    book.settle(
      `X-10:${r.serial}`,
      { stage: RANK.verdicts, serial: r.serial },
      rowInconsistency("X-10", "close_requests", r.serial, "close request was not executed within a day"),
    );
  }
  const open = new Set(rows.map((r) => r.serial));
  for (const serial of before.keys()) if (!open.has(serial)) revisits.set(REQUESTS, serial, undefined);
  const end = (last?.serial ?? -1n) + 1n;
  if (end > from) {
    s.run.setCounter(REQUESTS.progressKey, end);
    await s.run.passed(REQUESTS, from, end - 1n);
  }
  book.sweep("X-10:");
}

/** transfers between exchanges cannot be audited yet, so each is reported. */
export async function auditWads(s: ReservesState): Promise<void> {
  const { book, context } = s.run;
  for (const { table, select } of WADS) {
    for (const r of await readRows(context.source, table, select, [], decodeWad)) {
      const partner = "row" in r ? r.row.partner : "unreadable";
      book.settle(
        `X-11:${table}:${r.serial}`,
        { stage: RANK.verdicts, serial: r.serial },
        rowInconsistency("X-11", table, r.serial, `transfer between exchanges, not supported; partner ${partner}`),
      );
    }
  }
  book.sweep("X-11:");
}

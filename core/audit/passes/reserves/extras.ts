// SPDX-License-Identifier: AGPL-3.0-or-later
/** Additional checks of the reserves pass: requests never executed, wads, temporary overdraft. */
import { readRows } from "../../../exchange/source.ts";
import { decodeWad, RESERVE_MOVEMENTS, STALE_CLOSE_REQUESTS, WADS } from "../../../exchange/v014/reserves.ts";
import { formatAmount } from "../../../taler/amount.ts";
import { DAY, MINUTE } from "../../../taler/time.ts";
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

/**
 * reserves that were overdrawn for a while although their final balance is right. Those whose final balance is
 * wrong as well have R-16.
 */
export async function auditOverdrafts(s: ReservesState, stages: readonly AnyStage[]): Promise<void> {
  const { book, context } = s.run;
  const keys = [...s.changes.keys()].sort();
  for (let i = 0; i < keys.length; i += RESERVES_AT_ONCE) {
    const some = keys.slice(i, i + RESERVES_AT_ONCE);
    const movements = new Map<string, Movement[]>(some.map((k) => [k, []]));
    const rows = await readRows(context.source, "reserves", RESERVE_MOVEMENTS, [some], (r) => ({
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
    for (const [key, moved] of movements) {
      const found = firstOverdraft(moved);
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

/** clients asked for their money back and did not get it within a day. */
export async function auditStaleRequests(s: ReservesState): Promise<void> {
  const { book, context } = s.run;
  const rows = await readRows(context.source, "close_requests", STALE_CLOSE_REQUESTS, [context.now - DAY], (r) => {
    r.bytes("reserve_pub", 32);
    const amount = r.amount("close");
    r.time("close_timestamp");
    return { amount };
  });
  for (const r of rows) {
    if ("row" in r && r.row.amount === 0n) continue;
    book.settle(
      `X-10:${r.serial}`,
      { stage: RANK.verdicts, serial: r.serial },
      rowInconsistency("X-10", "close_requests", r.serial, "close request was not executed within a day"),
    );
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

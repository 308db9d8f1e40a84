// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Serial numbers below a progress point that no row had when the rows around them were read.
 *
 * A transaction takes its serial numbers when it begins to write and shows its rows when it commits, so that a row can
 * appear below rows that were audited already. Where it can appear is known: in the holes. Most holes are never filled
 * (a transaction was rolled back, a conflict used a number up), so they are kept as ranges, only so many of them, and
 * not for ever; all but the wide ones below a row far ahead, in which the exchange goes on counting. What is found in a
 * hole is booked like any other row.
 */
import type { Sql } from "../db/connect.ts";
import { type SerialRange, WIDE } from "../exchange/source.ts";
import { DAY } from "../taler/time.ts";
import type { StateWrite } from "./store.ts";

/** A range of serial numbers, both ends included, that held no row. */
export interface Gap extends SerialRange {
  /** The time of the audit at which it was noticed, or at which something was last found in it, µs. */
  since: bigint;
}

/**
 * How long a gap that is not wide is looked at, by the audit's clock. No transaction lasts that long. It is given up by
 * the first run after that which writes anyway, having looked once more; so an audit that runs once a day looks at each
 * gap, too.
 */
const GAP_LIFE = DAY;
/**
 * Gaps of one stage that are kept, the wide ones and those with the highest numbers: each costs about 2 µs in every run.
 * An exchange of which one transaction in twenty fails leaves that many with 100,000 rows.
 */
export const MAX_GAPS = 5000;

const isWide = ({ first, last }: SerialRange) => last - first + 1n > WIDE;

/** Drops the narrow gaps with the lowest numbers, until there are {@link MAX_GAPS} or only wide ones. */
function newest(gaps: Gap[]): Gap[] {
  let excess = gaps.length - MAX_GAPS;
  return excess <= 0 ? gaps : gaps.filter((g) => isWide(g) || excess-- <= 0);
}
/** Why a row is read: it appeared below the progress point, so that nobody can say what came before it. */
export const LATE = "late";

/** A stage as the list of gaps knows it. */
export interface GapStage {
  source: { table: string };
  progressKey: string;
}

function nameOf({ source, progressKey }: GapStage): string {
  return source.table + progressKey;
}

/**
 * Takes serial numbers out of gaps. What remains of a gap in which something was found begins to count anew: whoever
 * fills it may not be finished, be it with numbers that run on below a row with one far ahead.
 * @param gaps ascending, apart from each other
 * @param serials ascending
 */
function cutGaps(gaps: readonly Gap[], serials: readonly bigint[], now: bigint): Gap[] {
  const left: Gap[] = [];
  let at = 0;
  for (const gap of gaps) {
    let { first } = gap;
    while (at < serials.length && serials[at]! < first) at++;
    const start = at;
    for (; at < serials.length && serials[at]! <= gap.last; at++) {
      const n = serials[at]!;
      if (n > first) left.push({ first, last: n - 1n, since: now });
      first = n + 1n;
    }
    if (first <= gap.last) left.push({ first, last: gap.last, since: at > start ? now : gap.since });
  }
  return left;
}

/** The gap that holds a serial number, if one does. */
function gapAt(gaps: readonly Gap[], serial: bigint): Gap | undefined {
  let low = 0, high = gaps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (gaps[middle]!.last < serial) low = middle + 1;
    else high = middle;
  }
  const gap = gaps[low];
  return gap !== undefined && gap.first <= serial ? gap : undefined;
}

/** The gaps of one pass, and what a run changes in them. */
export class Gaps {
  readonly #stored = new Map<string, readonly Gap[]>();
  readonly #borrowed = new Map<string, readonly Gap[]>();
  readonly #changed = new Map<string, Gap[]>();
  /** Stages whose gaps this run has looked into. */
  readonly #seen = new Set<string>();

  /** Reads what earlier runs of the pass left. */
  async load(auditor: Sql, pass: string): Promise<void> {
    for (const [stage, gaps] of await readGaps(auditor, pass)) this.#stored.set(stage, gaps);
  }

  /** Has {@link look} give the gaps of another pass's stage as well, which did the work on the rows around them. */
  async borrow(auditor: Sql, pass: string, theirs: GapStage, ours: GapStage): Promise<void> {
    this.#borrowed.set(nameOf(ours), (await readGaps(auditor, pass)).get(nameOf(theirs)) ?? []);
  }

  /** The gaps of a stage below its progress point as earlier runs left them. To ask is to look into them. */
  look(stage: GapStage, point: bigint): SerialRange[] {
    this.#seen.add(nameOf(stage));
    return below(united(this.#now(stage), this.#borrowed.get(nameOf(stage)) ?? []), point);
  }

  /** Whether earlier runs found no row of this serial number, though they audited rows after it. */
  held(stage: GapStage, serial: bigint): boolean {
    return gapAt(this.#stored.get(nameOf(stage)) ?? [], serial) !== undefined;
  }

  /** Rows of these serial numbers (ascending) were found. */
  cut(stage: GapStage, serials: readonly bigint[], now: bigint): void {
    const before = this.#now(stage);
    if (serials.some((n) => gapAt(before, n) !== undefined)) {
      this.#changed.set(nameOf(stage), newest(cutGaps(before, serials, now)));
    }
  }

  /** Sets the gaps (ascending) among the rows that this run read from a serial number on. */
  add(stage: GapStage, from: bigint, holes: readonly SerialRange[], now: bigint): void {
    const before = this.#now(stage);
    const kept = below(before, from);
    if (holes.length === 0 && kept.length === before.length) return;
    const all = [...kept, ...holes.map(({ first, last }) => ({ first, last, since: now }))];
    this.#changed.set(nameOf(stage), newest(all));
  }

  /** Forgets what this run changed. */
  forget(): void {
    this.#changed.clear();
    this.#seen.clear();
  }

  /**
   * The changes, and apart from them what can be given up when something is written anyway.
   * @param postponed whether rows that were found are left to the next run: then nothing is given up
   */
  write(pass: string, now: bigint, postponed = false): StateWrite[] {
    const table = "auditor_x_gap", key = ["pass", "stage", "first"];
    const change: StateWrite = { table, key, upsert: [], remove: [] };
    const tidy: StateWrite = { table, key, upsert: [], remove: [], tidy: true };
    const row = (stage: string, g: Gap) => ({ pass, stage, first: g.first.toString() });
    for (const [stage, gaps] of this.#changed) {
      const stored = new Map(this.#stored.get(stage)?.map((g) => [g.first, g]));
      for (const g of gaps) {
        const before = stored.get(g.first);
        stored.delete(g.first);
        if (before?.last === g.last && before.since === g.since) continue;
        change.upsert.push({ ...row(stage, g), last: g.last.toString(), since: g.since.toString() });
      }
      for (const g of stored.values()) change.remove.push(row(stage, g));
    }
    for (const stage of postponed ? [] : this.#seen) {
      const gaps = this.#changed.get(stage) ?? this.#stored.get(stage) ?? [];
      for (const g of gaps) if (now - g.since > GAP_LIFE && !isWide(g)) tidy.remove.push(row(stage, g));
    }
    return [change, tidy];
  }

  #now(stage: GapStage): readonly Gap[] {
    return this.#changed.get(nameOf(stage)) ?? this.#stored.get(nameOf(stage)) ?? [];
  }
}

/** Both lists in one, no serial number twice. */
function united(a: readonly SerialRange[], b: readonly SerialRange[]): readonly SerialRange[] {
  if (b.length === 0) return a;
  const all: SerialRange[] = [];
  for (const { first, last } of [...a, ...b].sort((x, y) => x.first < y.first ? -1 : 1)) {
    const before = all.at(-1);
    if (before === undefined || before.last < first) all.push({ first, last });
    else if (before.last < last) before.last = last;
  }
  return all;
}

/** What of ranges lies below a serial number. */
function below<Range extends SerialRange>(gaps: readonly Range[], end: bigint): Range[] {
  return gaps.flatMap((g) => g.first >= end ? [] : [g.last < end ? g : { ...g, last: end - 1n }]);
}

/** All gaps of a pass, by stage, ascending. They come as one text for each stage: a row for each gap costs far more. */
async function readGaps(auditor: Sql, pass: string): Promise<Map<string, Gap[]>> {
  const rows = await auditor`SELECT stage, string_agg(concat_ws(' ', first, last, since), ',' ORDER BY first) AS gaps
    FROM auditor.auditor_x_gap WHERE pass = ${pass} GROUP BY stage`;
  return new Map(rows.map((r) => [r["stage"] as string, (r["gaps"] as string).split(",").map(parseGap)]));
}

function parseGap(text: string): Gap {
  const [first, last, since] = text.split(" ");
  return { first: BigInt(first!), last: BigInt(last!), since: BigInt(since!) };
}

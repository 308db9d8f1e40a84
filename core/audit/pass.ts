// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What every pass shares: reading its stages in pages, verifying them on the pool, booking in serial order.
 *
 * Reading runs ahead of verification and booking; bookings happen one after another in the order in which their pages
 * were read, so that a booking function sees the effects of all rows before it, whatever the number of workers.
 */
import {
  type Extent,
  type LateRow,
  readExtent,
  readHoles,
  readLate,
  readRange,
  readSerials,
  serialAfter,
  SERIALS_END,
  type SourceRow,
} from "../exchange/source.ts";
import { Book } from "./book.ts";
import type { PassContext } from "./context.ts";
import { rowInconsistency } from "./findings.ts";
import { Gaps, LATE, MAX_GAPS } from "./gaps.ts";
import { Revisits } from "./revisits.ts";
import { settleIrregular } from "./serials.ts";
import type { AnyStage, Stage, StageRow } from "./stage.ts";
import { requireSnapshot, sessionOf } from "./session.ts";
import type { StateWrite, StoredStanding } from "./store.ts";
import { TaskWriter } from "./tasks.ts";

export type { AuditedAccount, AuditSettings, PassContext, Progress, SharedVerdicts } from "./context.ts";
export type { AnyStage, Stage, StageRow } from "./stage.ts";

/** A pass was stopped because its source cannot be trusted to continue; what it found so far is committed. */
export class PassStopped extends Error {
  override name = "PassStopped";
}

/** Pages whose verification may be under way at once. */
const PAGES_IN_FLIGHT = 4;
/** Keys of the findings that stop a pass. */
const MONOTONE = "monotone:";
/** Reason of a revisit: a partner row was missing. */
const PARTNER = "partner";

interface Range {
  from: bigint;
  until: bigint;
  extent: Extent;
  revisit: ReadonlyMap<bigint, string>;
  stage: AnyStage;
  /** Rows that appeared in gaps. */
  late: readonly LateRow[];
}

/** Rows in gaps that a run reads of one stage at most; those beyond stay for the next run. */
const LATE_AT_ONCE = 100_000;

function partnerKey(stage: AnyStage, serial: bigint): string {
  return `X-9:${stage.source.table}:${stage.progressKey}:${serial}`;
}

/** One run of one pass. */
export class PassRun {
  book: Book;
  readonly writes: StateWrite[] = [];
  rows = 0n;
  #ranges = new Map<string, Range>();
  #queue: Promise<() => void>[] = [];
  #total = 0n;
  readonly revisits = new Revisits();
  readonly gaps = new Gaps();
  /** More rows appeared late than this run reads: what it does not read may be older than what it sees elsewhere. */
  postponed = false;
  /**
   * There is more than this portion of the run takes: when it is committed the pass runs again, on the same snapshot.
   * What has no other side yet is not judged before the last portion.
   */
  more = false;
  #session = 0;
  #counters: Record<string, unknown>[] = [];
  readonly #floors = new Map<string, bigint>();
  #sums = new Map<string, bigint>();

  constructor(
    readonly pass: string,
    readonly context: PassContext,
    readonly stored: ReadonlyMap<string, StoredStanding>,
    readonly points: ReadonlyMap<string, bigint>,
    readonly counters: ReadonlyMap<string, bigint>,
  ) {
    this.book = new Book(stored);
  }

  /**
   * Finds out what each stage has to read. A source whose highest serial lies below what was audited already went
   * backwards; that is a finding, and the pass stops (law "monotone").
   */
  async plan(stages: AnyStage[]): Promise<void> {
    const { source: sql, auditor } = this.context;
    await this.revisits.load(auditor, this.pass);
    const backwards: string[] = [];
    for (const stage of stages) {
      const { source, progressKey, last } = stage;
      const point = this.pointOf(progressKey);
      const from = last === true && point > 0n ? point + 1n : point;
      const until = await this.#endOfPortion(stage, from);
      const extent = await readExtent(sql, source, from, until);
      settleIrregular(this.book, source.table, source.serial, extent.irregular, progressKey);
      const late = await this.#readLate(stage, from);
      this.#ranges.set(progressKey, { from, until, extent, revisit: this.revisits.of(stage), stage, late });
      this.#total += extent.rows + BigInt(late.length);
      const gone = from > extent.highest + 1n;
      const text = `the source went backwards: audited up to ${from - 1n}, highest serial now ${extent.highest}`;
      this.book.settle(
        MONOTONE + progressKey,
        { stage: -1, serial: from },
        gone ? rowInconsistency("monotone", source.table, from, text) : undefined,
      );
      if (gone) backwards.push(`${source.table}: ${text}`);
    }
    this.book.sweep(MONOTONE);
    if (backwards.length > 0) {
      throw new PassStopped(`monotone: ${backwards.join("; ")}`);
    }
  }

  /** The first serial that was not audited yet. */
  pointOf(progressKey: string): bigint {
    const own = (progressKey.startsWith("x:") ? this.counters : this.points).get(progressKey) ?? 0n;
    const floor = this.#floors.get(progressKey) ?? 0n;
    return own > floor ? own : floor;
  }

  /** Lets a stage begin at `point` if it ended before it: another pass has committed the work on the rows between. */
  skipTo(progressKey: string, point: bigint): void {
    this.#floors.set(progressKey, point);
  }

  /** The serial range that a planned stage covers in this run. */
  rangeOf(progressKey: string): { from: bigint; until: bigint } {
    const { from, until } = this.#ranges.get(progressKey)!;
    return { from, until };
  }

  /** The end of the serials that a stage looks at in this run. */
  #endOf({ source, unlimited }: AnyStage): bigint {
    return unlimited === true ? SERIALS_END : this.context.limits?.get(source.table) ?? SERIALS_END;
  }

  /** The end of the serials that a stage reads in this portion of the run. */
  async #endOfPortion(stage: AnyStage, from: bigint): Promise<bigint> {
    const end = this.#endOf(stage);
    const next = stage.most === undefined
      ? undefined
      : await serialAfter(this.context.source, stage.source, from, stage.most);
    if (next === undefined || next >= end) return end;
    this.more = true;
    return next;
  }

  /** The rows of a table that appeared in a stage's gaps below a serial number. */
  async #readLate(stage: AnyStage, point: bigint): Promise<LateRow[]> {
    const gaps = this.gaps.look(stage, point);
    if (gaps.length === 0) return [];
    const late = await readLate(this.context.source, stage.source, gaps, this.#endOf(stage), LATE_AT_ONCE);
    if (late.length >= LATE_AT_ONCE) this.postponed = true;
    return late;
  }

  /** The serials of the rows of a planned stage that appeared below its range, ascending. */
  lateOf(progressKey: string): bigint[] {
    return this.#ranges.get(progressKey)!.late.flatMap((r) => r.ours ? [r.serial] : []);
  }

  /** Whether an earlier run has seen a row of a planned stage. */
  wasSeen(progressKey: string, serial: bigint): boolean {
    const { from, stage } = this.#ranges.get(progressKey)!;
    return serial < from && !this.gaps.held(stage, serial);
  }

  /**
   * The same as {@link lateOf} for rows that are looked at in another way than as a stage, below `point`: they count as
   * found. To be used with {@link passed}.
   */
  async takeLate(stage: AnyStage, point: bigint): Promise<bigint[]> {
    const late = await this.#readLate(stage, point);
    this.gaps.cut(stage, late.map((r) => r.serial), this.context.now);
    return late.flatMap((r) => r.ours ? [r.serial] : []);
  }

  /** Notes that the rows from a serial number up to a row were looked at: what is missing there may come late. */
  async passed(stage: AnyStage, from: bigint, last: bigint): Promise<void> {
    if (last < from) return;
    const holes = await readHoles(this.context.source, stage.source, from, last, MAX_GAPS);
    this.gaps.add(stage, from, holes, this.context.now);
  }

  /** Sets one of our own counters. */
  setCounter(name: string, value: bigint): void {
    if ((this.counters.get(name) ?? 0n) !== value) this.#counters.push({ name, value: value.toString() });
  }

  /** Adds to one of our own counters. */
  addCounter(name: string, amount: bigint): void {
    this.#sums.set(name, (this.#sums.get(name) ?? 0n) + amount);
  }

  /** Has a row read again in every run until {@link settleRevisit}. */
  revisit(stage: AnyStage, serial: bigint, reason: string): void {
    this.revisits.set(stage, serial, reason);
  }

  /** The row is finished: it need not be read again. */
  settleRevisit(stage: AnyStage, serial: bigint): void {
    this.revisits.set(stage, serial, undefined);
  }

  /** Reads, verifies and books all rows of a planned stage. Bookings may still be pending; see {@link drain}. */
  async run<Row, Prepared>(stage: Stage<Row, Prepared>): Promise<void> {
    const range = this.#ranges.get(stage.progressKey)!;
    const { source: sql, pageRows } = this.context;
    const again = await readSerials(sql, stage.source, [...range.revisit.keys()]);
    if (again.length > 0) await this.#page(stage, again, (serial) => range.revisit.get(serial));
    const late = await this.#runLate(stage, range);
    let rows = 0n, atoms = 0n, last = range.from - 1n;
    // until a page is not full: the number of rows alone would end too early where a serial number comes twice
    for (let next = range.from, full = range.extent.rows > 0n; full;) {
      const page = await readRange(sql, stage.source, next, range.until, pageRows);
      if (page.length === 0) break;
      full = page.length >= pageRows; // more than a page if a partner comes twice
      for (const r of page) {
        rows++;
        atoms += r.atoms;
      }
      last = page.at(-1)!.serial;
      next = last + 1n;
      await this.#page(stage, page, () => undefined);
    }
    await this.passed(stage, range.from, last);
    this.#queue.push(Promise.resolve(() => {
      this.#checkPair(stage, range, rows + late.rows, atoms + late.atoms);
      if (rows === 0n) return;
      const point = stage.last === true ? last : last + 1n;
      if (stage.progressKey.startsWith("x:")) this.setCounter(stage.progressKey, point);
      else this.book.progress.set(stage.progressKey, point);
    }));
  }

  /** Reads and books the rows that appeared in gaps; returns how many, and what they add up to. */
  async #runLate<Row, P>(stage: Stage<Row, P>, range: Range): Promise<{ rows: bigint; atoms: bigint }> {
    let rows = 0n, atoms = 0n;
    const late = range.late.filter((r) => r.ours);
    for (let i = 0, end = 0; i < late.length; i = end) {
      end = Math.min(i + this.context.pageRows, late.length);
      while (late[end]?.serial === late[end - 1]!.serial) end++; // a serial that comes twice is not torn apart
      const page = await readSerials(this.context.source, stage.source, late.slice(i, end).map((r) => r.serial));
      for (const r of page) {
        rows++;
        atoms += r.atoms;
      }
      await this.#page(stage, page, () => LATE);
    }
    this.gaps.cut(stage, range.late.map((r) => r.serial), this.context.now);
    return { rows, atoms };
  }

  /** Law "pair": what was folded must be what the server counts and adds up by itself. */
  #checkPair(stage: AnyStage & { rank: number }, { from, extent, late }: Range, rows: bigint, atoms: bigint): void {
    const counted = late.reduce((n, r) => r.ours ? n + 1n : n, extent.rows);
    const sum = late.reduce((n, r) => r.ours ? n + r.atoms : n, extent.atoms);
    if (rows === counted && atoms === sum) return;
    const text = `read ${rows} rows and ${atoms} atoms, the server counts ${counted} and ${sum}`;
    const finding = rowInconsistency("pair", "auditor-internal", from, `${stage.source.table}: ${text}`);
    this.book.report({ stage: stage.rank, serial: from }, finding);
  }

  /** @param reasonOf why a row of this page is read, if it is not just new */
  async #page<Row, Prepared>(
    stage: Stage<Row, Prepared>,
    page: SourceRow<Row>[],
    reasonOf: (serial: bigint) => string | undefined,
  ): Promise<void> {
    const usable: StageRow<Row>[] = [];
    let previous = -1n;
    for (const r of page) {
      const reason = reasonOf(r.serial);
      if (r.serial === previous) this.#duplicate(stage, r.serial);
      else if ("row" in r) usable.push({ serial: r.serial, row: r.row, reason });
      else this.#unusable(stage, r);
      previous = r.serial;
    }
    const tasks = new TaskWriter();
    const prepared = await stage.prepare(usable, tasks);
    const verified = tasks.count === 0 ? Promise.resolve(new Uint8Array(0)) : this.context.pool.run(tasks);
    const booking = verified.then((verdicts) => () => {
      const good = (task: number) => verdicts[task] === 1;
      usable.forEach((row, i) => {
        if (row.reason === PARTNER) this.#found(stage, row.serial);
        stage.book(row, prepared[i]!, good);
      });
      this.rows += BigInt(page.length);
      this.context.progress?.({
        pass: this.pass,
        stage: stage.source.table,
        done: this.rows,
        total: this.#total,
      });
    });
    booking.catch(() => {}); // reported when its turn comes
    this.#queue.push(booking);
    while (this.#queue.length > PAGES_IN_FLIGHT) (await this.#queue.shift()!)();
  }

  #found(stage: AnyStage, serial: bigint): void {
    this.book.settle(partnerKey(stage, serial), { stage: 0, serial }, undefined);
    this.settleRevisit(stage, serial);
  }

  #duplicate<Row, P>(stage: Stage<Row, P>, serial: bigint): void {
    this.book.report(
      { stage: stage.rank, serial },
      rowInconsistency("D-5", stage.source.table, serial, "serial number is not unique"),
    );
  }

  #unusable<Row, P>(stage: Stage<Row, P>, r: SourceRow<Row>): void {
    const place = { stage: stage.rank, serial: r.serial };
    if ("missing" in r) {
      this.book.settle(
        partnerKey(stage, r.serial),
        place,
        rowInconsistency("X-9", stage.source.table, r.serial, `row refers to a missing row in ${r.missing}`),
      );
      this.revisit(stage, r.serial, PARTNER);
    } else if ("problems" in r) {
      const text = r.problems.map((p) => `${p.column} ${p.problem}`).join(", ");
      this.book.report(place, rowInconsistency("D-17", stage.source.table, r.serial, `row cannot be read: ${text}`));
      stage.unreadable?.(r.serial);
      this.#found(stage, r.serial);
    }
  }

  /** Calls a function when every row read so far is booked. */
  whenBooked(then: () => void): void {
    this.#queue.push(Promise.resolve(then));
  }

  /** Waits until every row read so far is booked. */
  async drain(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) (await next)();
  }

  /** Forgets everything but why the pass stopped. */
  abandon(): void {
    const { standing } = this.book;
    this.book = new Book(this.stored);
    for (const [key, entry] of standing) {
      if (key.startsWith(MONOTONE)) this.book.standing.set(key, entry);
    }
    this.writes.length = 0;
    this.revisits.forget();
    this.gaps.forget();
    this.#counters = [];
    this.#sums.clear();
  }

  /** Notes which connection the pass reads on, and reads its gaps; to be called before anything is read. */
  async begin(): Promise<void> {
    this.#session = await sessionOf(this.context.source);
    await this.gaps.load(this.context.auditor, this.pass);
  }

  /**
   * All state writes, those of the engine included, if everything was read from one snapshot.
   * @throws an error that is worth repeating the run for if the connection to the source was lost on the way
   */
  async allWrites(): Promise<StateWrite[]> {
    await requireSnapshot(this.context.source, this.#session, this.pass);
    for (const [name, amount] of this.#sums) this.setCounter(name, (this.counters.get(name) ?? 0n) + amount);
    this.#sums.clear();
    return [
      ...this.writes,
      this.revisits.write(this.pass),
      ...this.gaps.write(this.pass, this.context.now, this.postponed),
      { table: "auditor_x_counter", key: ["name"], upsert: this.#counters, remove: [] },
    ];
  }
}

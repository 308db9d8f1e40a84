// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What every pass shares: reading its stages in pages, verifying them on the pool, booking in serial order.
 *
 * Reading runs ahead of verification and booking; bookings happen one after another in the order in which their pages
 * were read, so that a booking function sees the effects of all rows before it, whatever the number of workers.
 */
import type { BankHistory } from "../bank/history.ts";
import type { Sql } from "../db/connect.ts";
import {
  type Extent,
  readExtent,
  readRange,
  readSerials,
  SERIALS_END,
  type Source,
  type SourceRow,
} from "../exchange/source.ts";
import { Book } from "./book.ts";
import { rowInconsistency } from "./findings.ts";
import type { VerifyPool } from "./pool.ts";
import { Revisits } from "./revisits.ts";
import { settleIrregular } from "./serials.ts";
import { requireSnapshot, sessionOf } from "./session.ts";
import type { StateWrite, StoredStanding } from "./store.ts";
import { TaskWriter } from "./tasks.ts";

/** What the configuration says, as far as the passes judge by it. */
export interface AuditSettings {
  currency: string;
  /** Wire rounding unit in atoms, 0 for none. */
  roundUnit: bigint;
  masterPub: Uint8Array;
  exchangeBaseUrl: string;
  auditorBaseUrl: string;
  auditorPub: Uint8Array;
  /** µs */
  idleReserveExpiration: bigint;
  /** µs */
  legalReserveExpiration: bigint;
  /** Wire transfers, and confirmed deposits, that are younger than this (µs) may still be missing on the other side. */
  gracePeriod?: bigint;
  /** Groups of late deposits below this amount (atoms) are not worth a line. */
  tinyAmount?: bigint;
  /** The exchange's bank accounts, for the passes that compare with the bank. */
  accounts?: readonly AuditedAccount[];
}

/** A bank account of the exchange as the wire passes need it. */
export interface AuditedAccount {
  /** Configuration section; the exchange's database names the account by it. */
  section: string;
  paytoUri: string | undefined;
  credit: boolean;
  debit: boolean;
}

/** How far a run is, for people. */
export interface Progress {
  pass: string;
  stage: string;
  done: bigint;
  total: bigint;
}

/** Everything a pass works with. */
export interface PassContext {
  settings: AuditSettings;
  /** The time by which the audit judges, µs. */
  now: bigint;
  /** Compare with the exchange's own derived figures as well. */
  internal: boolean;
  /** A connection inside the snapshot of the exchange's database. */
  source: Sql;
  /** The auditor database, for reading what earlier runs left. */
  auditor: Sql;
  pool: VerifyPool;
  /** What passes of one run tell each other. */
  shared?: SharedVerdicts | undefined;
  /** What the bank says; the passes that need it fail without. */
  bank?: BankHistory | undefined;
  pageRows: number;
  /** Exclusive upper serial per table, to audit only a part of what is there; absent: everything. */
  limits?: ReadonlyMap<string, bigint> | undefined;
  progress?: ((p: Progress) => void) | undefined;
  /** Told what limits this run's verdicts without being anybody's fault. */
  warn?: ((message: string) => void) | undefined;
}

/** Verdicts that one pass reaches and another needs, so that no signature is verified twice in a run. */
export interface SharedVerdicts {
  /** `known_coin_id`s of all coins without valid signature; rejected when the coins pass fails before it knows. */
  badCoins: PromiseWithResolvers<ReadonlySet<bigint>>;
}

/** A stage of a pass: a source, and what its rows mean. */
export interface Stage<Row, Prepared> {
  /** Number that orders its findings among the stages. */
  rank: number;
  source: Source<Row>;
  /** Key of its progress point in `auditor_progress`, or in our counters if it begins with `x:`. */
  progressKey: string;
  /** Writes the verification tasks of one page and keeps what booking needs beside the rows. */
  prepare(rows: StageRow<Row>[], tasks: TaskWriter): Prepared[] | Promise<Prepared[]>;
  /** Books one row. `good` tells the verdict of a task. */
  book(row: StageRow<Row>, prepared: Prepared, good: (task: number) => boolean): void;
  /** Told of a row that can never be booked because it cannot be read (D-17). */
  unreadable?(serial: bigint): void;
  /** Reads the whole snapshot even when the run is limited to a part. */
  unlimited?: boolean;
  /** Its progress point is the last serial that was audited, not the one after it (database.md 12.3). */
  last?: boolean;
}

/** A stage of any kind of rows, where only its name and place matter. */
export interface AnyStage {
  source: Source<unknown>;
  progressKey: string;
  unlimited?: boolean;
  last?: boolean;
}

/** A readable row of a stage; `reason` says why it was read again, if it was. */
export interface StageRow<Row> {
  serial: bigint;
  row: Row;
  reason: string | undefined;
}

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
}

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
    const { source: sql, auditor, limits } = this.context;
    await this.revisits.load(auditor, this.pass);
    const backwards: string[] = [];
    for (const stage of stages) {
      const { source, progressKey, unlimited, last } = stage;
      const point = this.pointOf(progressKey);
      const from = last === true && point > 0n ? point + 1n : point;
      const until = unlimited === true ? SERIALS_END : limits?.get(source.table) ?? SERIALS_END;
      const extent = await readExtent(sql, source, from, until);
      settleIrregular(this.book, source.table, source.serial, extent.irregular, progressKey);
      this.#ranges.set(progressKey, { from, until, extent, revisit: this.revisits.of(stage) });
      this.#total += extent.rows;
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
    if (again.length > 0) await this.#page(stage, again, range);
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
      await this.#page(stage, page, range);
    }
    this.#queue.push(Promise.resolve(() => this.#finishStage(stage, range, rows, atoms, last)));
  }

  /** Law "pair": what was folded must be what the server counts and adds up by itself. */
  #finishStage<Row, P>(stage: Stage<Row, P>, range: Range, rows: bigint, atoms: bigint, last: bigint): void {
    const { extent } = range;
    if (rows !== extent.rows || atoms !== extent.atoms) {
      this.book.report(
        { stage: stage.rank, serial: range.from },
        rowInconsistency(
          "pair",
          "auditor-internal",
          range.from,
          `${stage.source.table}: read ${rows} rows and ${atoms} atoms, the server counts ${extent.rows} and ${extent.atoms}`,
        ),
      );
    }
    if (rows === 0n) return;
    const point = stage.last === true ? last : last + 1n;
    if (stage.progressKey.startsWith("x:")) this.setCounter(stage.progressKey, point);
    else this.book.progress.set(stage.progressKey, point);
  }

  async #page<Row, Prepared>(stage: Stage<Row, Prepared>, page: SourceRow<Row>[], range: Range): Promise<void> {
    const usable: StageRow<Row>[] = [];
    let previous = -1n;
    for (const r of page) {
      const reason = range.revisit.get(r.serial);
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
    this.#counters = [];
    this.#sums.clear();
  }

  /** Notes which connection the pass reads on; to be called before anything is read. */
  async begin(): Promise<void> {
    this.#session = await sessionOf(this.context.source);
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
      { table: "auditor_x_counter", key: ["name"], upsert: this.#counters, remove: [] },
    ];
  }
}

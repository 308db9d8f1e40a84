// SPDX-License-Identifier: AGPL-3.0-or-later
/** What a pass consists of: stages, each a source and what its rows mean. */
import type { Numbered, Source } from "../exchange/source.ts";
import type { TaskWriter } from "./tasks.ts";

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
  /** Rows that one portion of the run takes at most; see {@link PassRun.more}. */
  most?: number;
}

/** A stage of any kind of rows, where only its name and place matter. */
export interface AnyStage {
  source: Numbered;
  progressKey: string;
  unlimited?: boolean;
  last?: boolean;
  most?: number;
}

/** A readable row of a stage; `reason` says why it was read again, or that it appeared late, if not just new. */
export interface StageRow<Row> {
  serial: bigint;
  row: Row;
  reason: string | undefined;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Lists of our own for columns of the exchange that have no index (architecture, "What a run costs").
 *
 * A list only says where to look: whoever uses it reads the row from the exchange and compares the key. The newest rows
 * are never in it but read by their serials, so that rows which are committed late are found; nor is all of a large
 * table after the first run. So no verdict depends on how far a list is.
 */
import { arrayLiteral, type PageParameter } from "../db/page.ts";
import { readRows } from "../exchange/source.ts";
import { columnEnd, columnRows, columnRowsAt, type UnindexedColumn } from "../exchange/v014/unindexed.ts";
import { bytesColumn } from "./findings.ts";
import type { PassRun } from "./pass.ts";

/** Rows that one run adds to a list at most; they wait in memory for the commit. */
const MOST = 100_000;

const nameOf = ({ table, column }: UnindexedColumn) => `${table}.${column}`;
const pointKey = (column: UnindexedColumn) => `x:lookup:${nameOf(column)}`;

/** Where to look for some keys: at listed serials, and at all from a point. */
export interface Places {
  listed: bigint[];
  point: bigint;
}

/** Everywhere: for more keys than are worth a look into the list. */
export const EVERYWHERE: Places = { listed: [], point: 0n };

/** The first serial that is not in the list of a column; 0: nothing is. */
export function listedUntil(run: PassRun, column: UnindexedColumn): bigint {
  return run.counters.get(pointKey(column)) ?? 0n;
}

/** Rows that appeared late in the part of a table that is listed, by run and list: they are not in it yet. */
const lateRows = new WeakMap<PassRun, Map<string, bigint[]>>();

async function lateIn(run: PassRun, column: UnindexedColumn, point: bigint): Promise<bigint[]> {
  const lists = lateRows.get(run) ?? new Map<string, bigint[]>();
  lateRows.set(run, lists);
  const known = lists.get(nameOf(column));
  if (known !== undefined) return known;
  const stage = stageOf(column);
  if (run.pass !== column.keeper) await run.gaps.borrow(run.context.auditor, column.keeper, stage, stage);
  const late = await run.takeLate(stage, point);
  lists.set(nameOf(column), late);
  return late;
}

const stageOf = (column: UnindexedColumn) => ({ source: column, progressKey: pointKey(column) });

/** Finds out where the rows of some keys (hexadecimal) are. To be called after the run was planned. */
export async function placesOf(run: PassRun, column: UnindexedColumn, keys: readonly string[]): Promise<Places> {
  // the point is older than the list that is read: rows between are found twice, and never missed
  const point = listedUntil(run, column);
  if (point === 0n || keys.length === 0) return { listed: [], point };
  // before the list is read: the pass that keeps it may commit in between
  const late = await lateIn(run, column, point);
  const rows = await run.context.auditor.unsafe(
    `SELECT serial FROM auditor.auditor_x_lookup
     WHERE source = $1 AND key IN (SELECT decode(x, 'hex') FROM unnest($2::text[]) x)`,
    [nameOf(column), arrayLiteral(keys)],
  );
  return { listed: [...rows.map((r) => r["serial"] as bigint), ...late], point };
}

/**
 * Brings a list up to date, but for the newest rows. Only the pass that keeps the list does.
 * What is new is collected until it is worth a write; what came late is not.
 */
export async function extendList(run: PassRun, column: UnindexedColumn): Promise<void> {
  const { source, pageRows } = run.context;
  const point = listedUntil(run, column), margin = 2n * BigInt(pageRows);
  const [top] = await readRows(source, column.table, columnEnd(column), [], () => null);
  const end = (top?.serial ?? 0n) + 1n - margin;
  const late = point === 0n ? [] : await lateIn(run, column, point);
  const extend = end > point + margin;
  if (!extend && late.length === 0) return;
  const read = (select: string, ...parameters: PageParameter[]) =>
    readRows(source, column.table, select, parameters, (r) => r.blobOrNull());
  const fresh = extend ? await read(columnRows(column), point, end, MOST) : [];
  const again = late.length === 0 ? [] : await read(columnRowsAt(column), late);
  const upsert = [...again, ...fresh].flatMap((r) => {
    const key = "row" in r ? r.row : undefined;
    return key instanceof Uint8Array
      ? [{ source: nameOf(column), key: bytesColumn(key), serial: r.serial.toString() }]
      : [];
  });
  run.writes.push({ table: "auditor_x_lookup", key: ["source", "key", "serial"], upsert, remove: [] });
  if (!extend) return;
  const until = fresh.length < MOST ? end : fresh.at(-1)!.serial + 1n;
  run.setCounter(pointKey(column), until);
  await run.passed(stageOf(column), point, until - 1n);
}

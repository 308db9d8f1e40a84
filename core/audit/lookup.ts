// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Lists of our own for columns of the exchange that have no index (architecture, "What a run costs").
 *
 * A list only says where to look: whoever uses it reads the row from the exchange and compares the key. The newest rows
 * are never in it but read by their serials; nor is all of a large table after the first run. Rows that are committed
 * late in the part that is listed are found in its holes, what is in no hole (a row in the place of another one, or
 * in a hole that was given up, a key that was changed) when the list is compared with the table, once in a day. But for
 * that, no verdict depends on how far a list is.
 */
import { arrayLiteral, type PageParameter, type RowReader } from "../db/page.ts";
import { readRows } from "../exchange/source.ts";
import {
  columnEnd,
  columnParts,
  columnRows,
  columnRowsAt,
  columnRowsOf,
  LISTED_PARTS,
  LISTED_ROWS_OF,
  type UnindexedColumn,
} from "../exchange/v014/unindexed.ts";
import { onceADay } from "./daily.ts";
import { bytesColumn } from "./findings.ts";
import { encodeHex } from "./hex.ts";
import type { PassRun } from "./pass.ts";

/** Parts of a table in which a list is put right at once; the others follow on the days after that. */
const PARTS_AT_ONCE = 16;

/** Rows that one run adds to a list at most; they wait in memory for the commit. */
const MOST = 100_000;

const nameOf = ({ table, column }: UnindexedColumn) => `${table}.${column}`;
const comparedKey = (column: UnindexedColumn) => `${pointKey(column)}:compared`;
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
  if (upsert.length > 0) {
    run.writes.push({ table: "auditor_x_lookup", key: ["source", "key", "serial"], upsert, remove: [] });
  }
  if (point === 0n) run.setCounter(comparedKey(column), run.context.now);
  // up to a row and not to the end: numbers behind it are in no hole, so that what comes there must not be passed
  const last = fresh.at(-1)?.serial;
  if (last === undefined) return;
  run.setCounter(pointKey(column), last + 1n);
  await run.passed(stageOf(column), point, last);
}

/**
 * Compares a list with its table once in a day and puts it right: what was found is looked at by this run and added by
 * {@link extendList}. Only the pass that keeps the list does, before it asks for {@link placesOf}.
 * @returns keys (hexadecimal) of rows that the list did not have
 */
export async function compareList(run: PassRun, column: UnindexedColumn): Promise<string[]> {
  const point = listedUntil(run, column);
  if (point === 0n || !onceADay(run, comparedKey(column))) return [];
  const late = await lateIn(run, column, point);
  const parts = await differingParts(run, column, point, late);
  if (parts.length === 0) return [];
  const { source, auditor } = run.context;
  const parameters = [point, late, parts.slice(0, PARTS_AT_ONCE)];
  const rows = await readRows(source, column.table, columnRowsOf(column), parameters, (r) => r.blob(column.column));
  const listed = await readRows(
    auditor,
    column.table,
    LISTED_ROWS_OF,
    [...parameters, nameOf(column)],
    (r) => r.blob("key"),
  );
  const named = (all: typeof rows) =>
    new Map(
      all.flatMap((r) => "row" in r && r.row instanceof Uint8Array ? [[`${r.serial} ${encodeHex(r.row)}`, r]] : []),
    );
  const there = named(rows), known = named(listed);
  const missing = [...there].filter(([name]) => !known.has(name));
  const gone = [...known].filter(([name]) => !there.has(name));
  late.push(...missing.map(([, { serial }]) => serial));
  run.writes.push({
    table: "auditor_x_lookup",
    key: ["source", "key", "serial"],
    upsert: [],
    remove: gone.map(([name, { serial }]) => ({
      source: nameOf(column),
      key: `\\x${name.split(" ")[1]}`,
      serial: serial.toString(),
    })),
  });
  return [...new Set(missing.map(([name]) => name.split(" ")[1]!))];
}

/** The parts of a table below a serial in which its list is another one. */
async function differingParts(
  run: PassRun,
  column: UnindexedColumn,
  point: bigint,
  late: bigint[],
): Promise<bigint[]> {
  const { source, auditor } = run.context;
  const parameters = [point, late, crypto.getRandomValues(new Uint8Array(16))];
  const decode = (r: RowReader) => `${r.text("rows")} ${r.text("marks")}`;
  const there = await readRows(source, column.table, columnParts(column), parameters, decode);
  const known = await readRows(auditor, column.table, LISTED_PARTS, [...parameters, nameOf(column)], decode);
  const marks = (rows: typeof there) => new Map(rows.map((r) => [r.serial, "row" in r ? r.row : undefined]));
  const [a, b] = [marks(there), marks(known)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((part) => a.get(part) !== b.get(part));
}

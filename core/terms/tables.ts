// SPDX-License-Identifier: AGPL-3.0-or-later
/** Tables of reStructuredText: drawn as a grid, or simple. Cells that span others are not supported. */

import { dedent, isBlank, type Line } from "./lines.ts";
import { type Body, parseInside, type Reader, report } from "./parser.ts";
import type { Block, Raw, Table } from "./tree.ts";

/** A row of cells, each of them blocks. */
type Row = Block<Raw>[][];

/** From the first to behind the last character of a column. */
type Column = readonly [number, number];

const GRID_TOP = /^\+-[-+]*-\+$/;

/** Reads a table whose cells are drawn with `+`, `-` and `|`. */
export const readGridTable: Reader = (body, at) => {
  const top = body.lines[at]!.text;
  if (!GRID_TOP.test(top)) return undefined;
  let next = at;
  while (!isBlank(body.lines[next]) && /^[+|]/.test(body.lines[next]!.text)) next++;
  const columns = gridColumns(top);
  const rows: Row[] = [];
  let header = 0;
  let pending: Line[] = [];
  for (const line of body.lines.slice(at + 1, next)) {
    const kind = gridLine(line.text, columns);
    if (kind === undefined) {
      report(
        body.state,
        line.line,
        "this line of the table does not fit its columns; cells that span are not supported",
      );
      return next;
    }
    if (kind === "row") {
      pending.push(line);
      continue;
    }
    if (pending.length > 0) rows.push(columns.map((column) => cell(body, pending, column)));
    pending = [];
    if (kind === "header") {
      if (header > 0) report(body.state, line.line, "the table has two lines of =");
      header = rows.length;
    }
  }
  if (pending.length > 0) {
    report(body.state, pending.at(-1)!.line, "the table does not end with a line of + and -");
    return next;
  }
  addTable(body, at, columns, rows, header);
  return next;
};

function gridColumns(top: string): Column[] {
  const corners = [...top].flatMap((character, index) => character === "+" ? [index] : []);
  return corners.slice(1).map((corner, index) => [corners[index]! + 1, corner]);
}

/** What a line is: the end of a row, the end of the header, or text of cells; undefined if it does not fit. */
function gridLine(text: string, columns: readonly Column[]): "end" | "header" | "row" | undefined {
  if (text.length !== columns.at(-1)![1] + 1) return undefined;
  const corners = [0, ...columns.map(([, end]) => end)];
  if (corners.every((corner) => text[corner] === "|")) return "row";
  if (!corners.every((corner) => text[corner] === "+")) return undefined;
  const parts = columns.map(([start, end]) => text.slice(start, end));
  if (parts.every((part) => /^-+$/.test(part))) return "end";
  return parts.every((part) => /^=+$/.test(part)) ? "header" : undefined;
}

const SIMPLE_BORDER = /^=+( +=+)+$/;

/** Reads a table whose columns are told by lines of `=`. A row begins where its first column has text. */
export const readSimpleTable: Reader = (body, at) => {
  const top = body.lines[at]!.text;
  if (!SIMPLE_BORDER.test(top)) return undefined;
  const borders: number[] = [];
  let last = at;
  while (borders.length < 2 && last + 1 < body.lines.length) {
    last++;
    if (!SIMPLE_BORDER.test(body.lines[last]!.text)) continue;
    borders.push(last);
    if (isBlank(body.lines[last + 1])) break;
  }
  if (borders.at(-1) !== last) {
    report(body.state, body.lines[at]!.line, "the table does not end with a line of =");
    return body.lines.length;
  }
  const columns = simpleColumns(top);
  const header = borders.length === 2 ? simpleRows(body, columns, at + 1, borders[0]!) : [];
  const rows = simpleRows(body, columns, (borders.length === 2 ? borders[0]! : at) + 1, last);
  if (header !== undefined && rows !== undefined) addTable(body, at, columns, [...header, ...rows], header.length);
  return last + 1;
};

function simpleColumns(border: string): Column[] {
  return [...border.matchAll(/=+/g)].map((run) => [run.index, run.index + run[0].length]);
}

function simpleRows(body: Body, columns: readonly Column[], from: number, to: number): Row[] | undefined {
  const groups: Line[][] = [];
  for (const line of body.lines.slice(from, to)) {
    const gap = columns.some(([, end], index) =>
      index + 1 < columns.length && line.text.slice(end, columns[index + 1]![0]).trim() !== ""
    );
    if (gap || /^-+( +-+)*$/.test(line.text)) {
      const why = gap ? "text stands between two columns of the table" : "cells that span are not supported";
      report(body.state, line.line, why);
      return undefined;
    }
    const starts = line.text.slice(...columns[0]!).trim() !== "";
    if (starts) groups.push([line]);
    else if (groups.length > 0) groups.at(-1)!.push(line);
    else if (!isBlank(line)) {
      report(body.state, line.line, "the first column of the table's first row is empty; write \\ into it");
      return undefined;
    }
  }
  const open = columns.map(([start, end], index): Column => [start, index === columns.length - 1 ? Infinity : end]);
  return groups.map((lines) => open.map((column) => cell(body, lines, column)));
}

function cell(body: Body, lines: readonly Line[], [start, end]: Column): Block<Raw>[] {
  return parseInside(
    body,
    dedent(lines.map(({ text, line }) => ({ text: text.slice(start, end).trimEnd(), line }))),
  );
}

function addTable(body: Body, at: number, columns: readonly Column[], rows: Row[], header: number): void {
  if (rows.length === 0) {
    report(body.state, body.lines[at]!.line, "the table has no rows");
    return;
  }
  body.blocks.push(tableOf(rows, header, columns.map(([start, end]) => end - start)));
}

/** A table from its rows, the first `header` of which are headings. */
export function tableOf(rows: Row[], header: number, widths: readonly number[]): Table<Raw> {
  return { kind: "table", title: undefined, widths, header: rows.slice(0, header), rows: rows.slice(header) };
}

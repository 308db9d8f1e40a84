// SPDX-License-Identifier: AGPL-3.0-or-later
/** Plain text: lines of at most 72 columns. */

import { colophon, type Edition } from "./edition.ts";
import { markerOf } from "./lists.ts";
import { columnsOf, fill, padTo } from "./wrap.ts";
import type { Block, Inline, Table } from "./tree.ts";

/** Width of a line in columns. */
const TEXT_WIDTH = 72;

/** Narrowest column of text that is still filled: deep nesting then makes lines longer, not narrower. */
const WIDTH_MIN = 16;

type Blocks = readonly Block<readonly Inline[]>[];

/** Prints an edition as plain text, ending with a line end. */
export function renderText(edition: Edition): string {
  const lines = [...printBlocks(edition.document.blocks, TEXT_WIDTH), "", "-".repeat(TEXT_WIDTH)];
  for (const line of colophon(edition)) lines.push(...fill(line, TEXT_WIDTH));
  return `${lines.join("\n")}\n`;
}

/** Running text; the address of a link follows it unless it is the text. */
function inlineText(inlines: readonly Inline[]): string {
  return inlines.map((inline) => {
    if (inline.kind === "footnote") return ` [${inline.label}]`;
    if (inline.kind === "emphasis") return `_${inline.text}_`;
    if (inline.kind === "strong") return `*${inline.text}*`;
    if (inline.kind !== "link" || inline.href.startsWith("#") || showsAddress(inline)) return inline.text;
    return `${inline.text} <${inline.href}>`;
  }).join("");
}

/** True if a link's text is its address. */
export function showsAddress({ text, href }: { text: string; href: string }): boolean {
  return [href, href.replace(/\/$/, ""), href.replace(/^mailto:/, "")].includes(text);
}

function printBlocks(blocks: Blocks, width: number, tight = false): string[] {
  const lines: string[] = [];
  for (const [index, block] of blocks.entries()) {
    if (index > 0 && !tight) lines.push(...(block.kind === "heading" && block.level === 2 ? ["", ""] : [""]));
    // not by spreading: a document may have more lines than a call may have arguments
    for (const line of printBlock(block, width)) lines.push(line);
  }
  return lines;
}

function printBlock(block: Block<readonly Inline[]>, width: number): string[] {
  switch (block.kind) {
    case "heading": {
      const lines = fill(inlineText(block.text), width);
      const under = block.level === 1 ? "=" : block.level === 2 ? "-" : "~";
      return [...lines, under.repeat(Math.max(1, ...lines.map(columnsOf)))];
    }
    case "paragraph":
      return fill(inlineText(block.text), width);
    case "bullets":
      return printItems(block.items.map((item) => ["-", item]), width);
    case "numbers":
      return printItems(block.items.map((item, index) => [markerOf(block, index), item]), width);
    case "definitions":
      return block.items.flatMap(({ term, blocks }, index) => [
        ...(index > 0 ? [""] : []),
        ...fill(inlineText(term), width),
        ...indented(printBlocks(blocks, inner(width, 4)), "    "),
      ]);
    case "quote":
      return indented(printBlocks(block.blocks, inner(width, 4)), "    ");
    case "lines":
      return block.lines.flatMap(({ indent, text }) => {
        const shift = " ".repeat(2 * indent);
        return indented(fill(inlineText(text), inner(width, shift.length)), shift);
      });
    case "literal":
      return indented(block.text.split("\n"), "    ");
    case "table":
      return printTable(block, width);
    case "footnote":
      return printItems([[`[${block.label}]`, block.blocks]], width);
    case "rule":
      return [" ".repeat(Math.max(0, Math.floor((width - 5) / 2))) + "* * *"];
  }
}

function inner(width: number, indent: number): number {
  return Math.max(WIDTH_MIN, width - indent);
}

function indented(lines: readonly string[], indent: string): string[] {
  return lines.map((line) => line === "" ? "" : indent + line);
}

/** Items behind their markers. Lists of short items are printed without blank lines. */
function printItems(items: readonly (readonly [marker: string, blocks: Blocks])[], width: number): string[] {
  const indent = Math.max(...items.slice(0, 1000).map(([marker]) => marker.length)) + 1;
  const tight = items.every(([, blocks]) => isTight(blocks));
  const lines: string[] = [];
  for (const [index, [marker, blocks]] of items.entries()) {
    const shift = " ".repeat(Math.max(indent, marker.length + 1));
    const [first = "", ...rest] = printBlocks(blocks, inner(width, shift.length), tight);
    if (index > 0 && !tight) lines.push("");
    lines.push(`${marker.padEnd(shift.length)}${first}`.trimEnd(), ...indented(rest, shift));
  }
  return lines;
}

/** True for an item of one paragraph, or a paragraph and a list. */
function isTight(blocks: Blocks): boolean {
  const [first, second] = blocks;
  if (first !== undefined && first.kind !== "paragraph") return false;
  if (second === undefined) return true;
  return blocks.length === 2 && (second.kind === "bullets" || second.kind === "numbers") &&
    second.items.every(isTight);
}

function printTable(table: Table<readonly Inline[]>, width: number): string[] {
  const rows = [...table.header, ...table.rows];
  const widths = columnWidths(table, width);
  const border = widths.map((column) => "-".repeat(column)).join("  ");
  const lines = table.title === undefined ? [] : [...fill(inlineText(table.title), width), ""];
  lines.push(border);
  // rows whose cells have several lines are told apart by blank lines
  const printed = rows.map((row) => row.map((blocks, column) => printBlocks(blocks, widths[column]!)));
  const airy = printed.slice(table.header.length).some((row) => row.some((cell) => cell.length > 1));
  for (const [index, cells] of printed.entries()) {
    if (index === table.header.length && index > 0) lines.push(border);
    else if (airy && index > table.header.length) lines.push("");
    const height = Math.max(1, ...cells.map((cell) => cell.length));
    for (let n = 0; n < height; n++) {
      lines.push(cells.map((cell, column) => padTo(cell[n] ?? "", widths[column]!)).join("  ").trimEnd());
    }
  }
  return [...lines, border];
}

/** Widths of columns: what they need if that fits, else shared by what they need and the source's widths. */
function columnWidths(table: Table<readonly Inline[]>, width: number): number[] {
  const rows = [...table.header, ...table.rows];
  const space = width - 2 * (table.widths.length - 1);
  const wanted = table.widths.map((_, column) =>
    rows.reduce((most, row) => Math.max(most, ...printBlocks(row[column]!, 1000).slice(0, 50).map(columnsOf)), 1)
  );
  const all = wanted.reduce((sum, columns) => sum + columns, 0);
  if (all <= space) return wanted;
  const shares = table.widths.reduce((sum, share) => sum + share, 0);
  return table.widths.map((share, column) =>
    Math.min(wanted[column]!, Math.max(6, Math.floor(space * (share / shares + wanted[column]! / all) / 2)))
  );
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Markdown as CommonMark 0.31 defines it, without extensions: what CommonMark has no syntax for becomes lists, so that
 * any reader shows it. Paragraphs are one line each.
 */

import { colophon, type Edition } from "./edition.ts";
import { markerOf } from "./lists.ts";
import { showsAddress } from "./text.ts";
import type { Block, Inline, NumberedList, Table } from "./tree.ts";

type Blocks = readonly Block<readonly Inline[]>[];

/** Prints an edition as Markdown, ending with a line end. */
export function renderMarkdown(edition: Edition): string {
  const lines = [...printBlocks(edition.document.blocks), "", "* * *", ""];
  lines.push(colophon(edition).map(escape).join("\\\n"));
  return `${lines.join("\n")}\n`;
}

/** Text that means itself anywhere in a line; what may stand only at the start of one is escaped there. */
function escape(text: string): string {
  return text.replace(/[\\`*_[\]<>#&~|]/g, "\\$&").replace(/^(\s*)([-+=:])/, "$1\\$2")
    .replace(/^(\s*\d{1,9})([.)])/, "$1\\$2").replace(/\n/g, " ");
}

function printInlines(inlines: readonly Inline[]): string {
  return inlines.map((inline, index) => {
    switch (inline.kind) {
      case "text": {
        const text = escape(inline.text);
        // before a link it would make an image
        return index + 1 < inlines.length ? text.replace(/!$/, "\\!") : text;
      }
      case "emphasis":
        return printEmphasis(inlines, index, inline.text, "*", "em");
      case "strong":
        return printEmphasis(inlines, index, inline.text, "**", "strong");
      case "literal":
        // the marks of two neighbours would be one
        return inlines[index - 1]?.kind === "literal" ? `<code>${escape(inline.text)}</code>` : printCode(inline.text);
      case "link":
        if (inline.href.startsWith("#")) return escape(inline.text);
        return showsAddress(inline) && /^[a-z]+:/i.test(inline.text) && !/[<>\\]/.test(inline.text)
          ? `<${inline.text}>`
          : `[${escape(inline.text)}](<${inline.href.replaceAll("&", "&amp;")}>)`;
      case "footnote":
        return ` \\[${inline.label}\\]`;
    }
  }).join("");
}

/** Emphasis with stars where CommonMark sees it as such (its "flanking" rule), else with a tag. */
function printEmphasis(inlines: readonly Inline[], index: number, text: string, mark: string, tag: string): string {
  const [previous, next] = [inlines[index - 1], inlines[index + 1]];
  const left = previous === undefined ? " " : previous.kind === "text" ? previous.text.at(-1) ?? " " : "*";
  const right = next === undefined
    ? " "
    : next.kind === "text"
    ? next.text[0] ?? " "
    : next.kind === "footnote"
    ? " "
    : "*";
  const inside = [text[0] ?? " ", text.at(-1) ?? " "];
  const plain = inside.every((character) => /[\p{L}\p{N}]/u.test(character)) && left !== "*" && right !== "*" &&
    !/[\p{L}\p{N}]/u.test(left) && !/[\p{L}\p{N}]/u.test(right);
  return plain ? `${mark}${escape(text)}${mark}` : `<${tag}>${escape(text)}</${tag}>`;
}

function printCode(text: string): string {
  const runs = [...text.matchAll(/`+/g)].map(([run]) => run.length);
  let fence = "`";
  while (runs.includes(fence.length)) fence += "`";
  const space = /^[ `]|[ `]$/.test(text) ? " " : "";
  return `${fence}${space}${text}${space}${fence}`;
}

function printBlocks(blocks: Blocks): string[] {
  const lines: string[] = [];
  for (const [index, block] of blocks.entries()) {
    const previous = blocks[index - 1];
    if (previous !== undefined) {
      lines.push("");
      // two lists or quotes in a row would become one
      const mark = markOf(block);
      const begins = block.kind === "table" && block.title !== undefined ? undefined : mark;
      if (begins !== undefined && begins === markOf(previous)) lines.push("<!-- -->", "");
    }
    for (const line of printBlock(block)) lines.push(line);
  }
  return lines;
}

/** The mark at the start of lines by which CommonMark knows a block; undefined if it has none. */
function markOf(block: Block<readonly Inline[]>): "-" | "1" | ">" | undefined {
  switch (block.kind) {
    case "bullets":
    case "definitions":
    case "table":
      return "-";
    case "numbers":
      return hasDigits(block) ? "1" : "-";
    case "quote":
      return ">";
    default:
      return undefined;
  }
}

/** CommonMark counts in digits only; other markers become text. */
function hasDigits(list: NumberedList<unknown>): boolean {
  return list.numbering === "arabic" && list.open === "" && list.start + list.items.length < 1e9;
}

function printBlock(block: Block<readonly Inline[]>): string[] {
  switch (block.kind) {
    case "heading":
      return [`${"#".repeat(block.level)} ${printInlines(block.text)}`];
    case "paragraph":
      return [printInlines(block.text)];
    case "bullets":
      return printItems(block.items.map((blocks) => ["-", printBlocks(blocks)]), block.items.every(isTight));
    case "numbers": {
      const tight = block.items.every(isTight);
      return hasDigits(block)
        ? printItems(block.items.map((blocks, n) => [markerOf(block, n), printBlocks(blocks)]), tight)
        : printItems(block.items.map((blocks, n) => ["-", withPrefix(escape(markerOf(block, n)), blocks)]), tight);
    }
    case "definitions":
      return printItems(
        block.items.map(({ term, blocks }) => ["-", [printTerm(term), "", ...printBlocks(blocks)]]),
        false,
      );
    case "quote":
      return printBlocks(block.blocks).map((line) => line === "" ? ">" : `> ${line}`);
    case "lines":
      return block.lines.map(({ indent, text }, index) => {
        const shift = "&nbsp;".repeat(4 * indent);
        const line = printInlines(text);
        return (shift + line || "&nbsp;") + (index + 1 < block.lines.length ? "\\" : "");
      });
    case "literal":
      return printFence(block.text);
    case "table":
      return printTable(block);
    case "footnote":
      return withPrefix(`\\[${block.label}\\]`, block.blocks);
    case "rule":
      return ["* * *"];
  }
}

function printTerm(term: readonly Inline[]): string {
  const [only] = term;
  return term.length === 1 && only?.kind === "text"
    ? printInlines([{ kind: "strong", text: only.text }])
    : printInlines(term);
}

/** Blocks with a label before the text of the first one. */
function withPrefix(label: string, blocks: Blocks): string[] {
  const [first] = blocks;
  if (first?.kind !== "paragraph") return [label, "", ...printBlocks(blocks)];
  const [line = "", ...rest] = printBlocks(blocks);
  return [`${label} ${line}`, ...rest];
}

function printItems(items: readonly (readonly [marker: string, lines: string[]])[], tight: boolean): string[] {
  const lines: string[] = [];
  for (const [index, [marker, printed]] of items.entries()) {
    const shift = " ".repeat(marker.length + 1);
    const [first = "", ...rest] = tight ? printed.filter((line) => line !== "") : printed;
    if (index > 0 && !tight) lines.push("");
    lines.push(`${marker} ${first}`.trimEnd());
    for (const line of rest) lines.push(line === "" ? "" : shift + line);
  }
  return lines;
}

/** Other items need blank lines: a list right below a paragraph is not always seen as one. */
function isTight(blocks: Blocks): boolean {
  return blocks.length === 1 && blocks[0]!.kind === "paragraph";
}

function printFence(text: string): string[] {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length).slice(0, 10_000));
  const fence = "`".repeat(longest + 1);
  return [fence, ...text.split("\n"), fence];
}

function printHead(blocks: Blocks): string {
  const [only] = blocks;
  if (blocks.length === 1 && only?.kind === "paragraph") return printTerm(only.text);
  return printBlocks(blocks).filter((line) => line !== "").join(" ");
}

/** A table as list: one item for a row, each cell behind the heading of its column. */
function printTable(table: Table<readonly Inline[]>): string[] {
  const heads = table.widths.map((_, column) => table.header.map((row) => printHead(row[column]!)).join(" ").trim());
  const rows = table.rows.map((row): [string, string[]] => [
    "-",
    row.flatMap((blocks, column) => {
      const label = heads[column] === "" ? undefined : `${heads[column]}:`;
      const lines = label === undefined ? printBlocks(blocks) : withPrefix(label, blocks);
      return column === 0 ? lines : ["", ...lines];
    }),
  ]);
  // a table of headings only is still to be shown
  const listed = rows.length > 0 ? rows : heads.map((head): [string, string[]] => ["-", [head]]);
  const title = table.title === undefined ? [] : [printInlines(table.title), ""];
  return [...title, ...printItems(listed, false)];
}

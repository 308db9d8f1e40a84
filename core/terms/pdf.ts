// SPDX-License-Identifier: AGPL-3.0-or-later
/** The typst source of a document, for its PDF. All text is in string literals: nothing in it is taken for markup. */

import { MONO_FAMILY, TEXT_FAMILY } from "../document/fonts.ts";
import { typstString } from "../document/typst.ts";
import { CONTENTS_MIN, type Edition } from "./edition.ts";
import { type Block, type Inline, type NumberedList, sectionsOf, type Table } from "./tree.ts";

type Blocks = readonly Block<readonly Inline[]>[];

/** The whole source. */
export function typstSource(edition: Edition): string {
  const { document, contents } = edition;
  const [heading] = document.blocks;
  const titled = heading?.kind === "heading";
  const title = titled ? `[#title(${content(heading.text)}) <${heading.id}>]` : "";
  const rest = titled ? document.blocks.slice(1) : document.blocks;
  const long = sectionsOf(document).filter(({ level }) => level === 2).length >= CONTENTS_MIN;
  const outline = long ? `contents(${typstString(contents)})` : "";
  return `${preamble(edition)}\n#{\n${title}\n${outline}\n${printBlocks(rest)}\n${colophonOf(edition)}\n}\n`;
}

function preamble(edition: Edition): string {
  const { title, author, language, paper, date, etag } = edition;
  const [year, month, day, hour, minute, second] = date.toISOString().match(/\d+/g)!.map(Number);
  const authors = author === "" ? "()" : `(${typstString(author)},)`;
  return `#set document(title: ${typstString(title)}, author: ${authors},
  date: datetime(year: ${year}, month: ${month}, day: ${day}, hour: ${hour}, minute: ${minute}, second: ${second}))
#set page(paper: ${typstString(paper === "letter" ? "us-letter" : "a4")},
  margin: (x: 25mm, top: 24mm, bottom: 26mm),
  footer: context {
    set text(8.5pt, fill: luma(90))
    grid(columns: (1fr, auto), ${typstString(etag)}, counter(page).display("1 / 1", both: true))
  })
#set text(font: ${typstString(TEXT_FAMILY)}, size: 10.5pt, lang: ${typstString(language)}, hyphenate: false)
#set par(leading: 0.68em, spacing: 1.15em, linebreaks: "optimized")
#set list(indent: 0.3em, body-indent: 0.6em, marker: ([•], [–]), tight: false, spacing: 0.9em)
#set enum(indent: 0.3em, body-indent: 0.6em, tight: false, spacing: 0.9em)
#set terms(hanging-indent: 1.6em, tight: false, spacing: 1.05em, separator: linebreak())
#set table(stroke: none, inset: (x: 0pt, y: 0.55em), column-gutter: 1.2em)
#set table.hline(stroke: 0.5pt + luma(170))
#set quote(block: true)
#show raw: set text(font: ${typstString(MONO_FAMILY)}, size: 1.06em)
#show link: set text(fill: rgb("#0b4f94"))
#show heading: set text(weight: 600)
#show heading: set block(sticky: true)
#show heading.where(level: 1): it => block(above: 1.9em, below: 0.85em, sticky: true, text(13.5pt, it.body))
#show heading.where(level: 2): it => block(above: 1.5em, below: 0.75em, sticky: true, text(11.5pt, it.body))
#show heading.where(level: 3): it => block(above: 1.3em, below: 0.7em, sticky: true, text(10.5pt, it.body))
#show title: it => block(below: 1.6em, text(22pt, weight: 600, par(leading: 0.45em, it.body)))
#let contents(name) = {
  show outline.entry: set block(above: 0.7em)
  show outline.entry: set text(fill: black)
  show link: set text(fill: black)
  block(below: 0.9em, text(11.5pt, weight: 600, name))
  outline(title: none, depth: 2, indent: 1.2em)
  v(0.6em)
}
#let note(mark, body) = grid(columns: (1.6em, 1fr), text(0.9em, mark), text(0.9em, body))`;
}

function colophonOf({ copyright }: Edition): string {
  return copyright === "" ? "" : `block(above: 2.5em, text(9pt, fill: luma(90), ${typstString(copyright)}))`;
}

/** Content from running text: pieces are joined by the code block. */
function content(inlines: readonly Inline[]): string {
  if (inlines.length === 0) return "[]";
  return `{ ${inlines.map(printInline).join("; ")} }`;
}

function printInline(inline: Inline): string {
  const text = inline.kind === "footnote" ? "" : typstString(inline.text);
  switch (inline.kind) {
    case "text":
      return `[#${text}]`;
    case "emphasis":
      return `emph(${text})`;
    case "strong":
      return `strong(${text})`;
    case "literal":
      return `raw(${text})`;
    case "footnote":
      return `link(<${inline.target}>, super(${typstString(inline.label)}))`;
    case "link":
      return inline.href.startsWith("#")
        ? `link(<${inline.href.slice(1)}>, ${text})`
        : `link(${typstString(inline.href)}, ${text})`;
  }
}

function printBlocks(blocks: Blocks): string {
  return blocks.map(printBlock).join("\n");
}

/** Blocks as one argument. */
function body(blocks: Blocks): string {
  const [only] = blocks;
  if (blocks.length === 1 && only?.kind === "paragraph") return content(only.text);
  return `{ ${printBlocks(blocks)} }`;
}

function printBlock(block: Block<readonly Inline[]>): string {
  switch (block.kind) {
    case "heading":
      return `[#heading(level: ${block.level - 1}, ${content(block.text)}) <${block.id}>]`;
    case "paragraph":
      return `par(${content(block.text)})`;
    case "bullets":
      return `list(${block.items.map(body).join(", ")})`;
    case "numbers":
      return printNumbers(block);
    case "definitions":
      return `terms(${
        block.items.map(({ term, blocks }) => `terms.item(${content(term)}, ${body(blocks)})`).join(", ")
      })`;
    case "quote":
      return `quote(${body(block.blocks)})`;
    case "lines":
      return `block(breakable: false, par({ ${
        block.lines.map(({ indent, text }) => `h(${indent * 1.5}em); ${content(text)}`).join("; linebreak(); ")
      } }))`;
    case "literal":
      return `raw(block: true, ${typstString(block.text)})`;
    case "table":
      return printTable(block);
    case "footnote":
      return `[#block(note(${typstString(block.label)}, ${body(block.blocks)})) <${block.id}>]`;
    case "rule":
      return `align(center, block(above: 1.6em, below: 1.6em, line(length: 30%, stroke: 0.5pt + luma(150))))`;
  }
}

const PATTERNS = { arabic: "1", alpha: "a", Alpha: "A", roman: "i", Roman: "I" } as const;

function printNumbers(list: NumberedList<readonly Inline[]>): string {
  const pattern = `${list.open}${PATTERNS[list.numbering]}${list.close}`;
  return `enum(numbering: ${typstString(pattern)}, start: ${list.start}, ${list.items.map(body).join(", ")})`;
}

function printTable(table: Table<readonly Inline[]>): string {
  const all = table.widths.reduce((sum, width) => sum + width, 0);
  const columns = table.widths.map((width) => `${(width / all).toFixed(4)}fr`).join(", ");
  const row = (cells: readonly Blocks[]) => cells.map(body).join(", ");
  const header = table.header.map((cells) => `${cells.map((cell) => `strong(${body(cell)})`).join(", ")}, `).join("");
  const parts = [
    `columns: (${columns},)`,
    ...(header === "" ? ["table.hline()"] : [`table.header(table.hline(), ${header}table.hline())`]),
    ...table.rows.map((cells) => `${row(cells)}, table.hline()`),
  ];
  const title = table.title === undefined ? "" : `block(below: 0.5em, sticky: true, strong(${content(table.title)}))\n`;
  return `${title}block(above: 1.2em, below: 1.4em, table(${parts.join(", ")}))`;
}

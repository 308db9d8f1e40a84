// SPDX-License-Identifier: AGPL-3.0-or-later
/** The body of a document as markup that is both HTML and XML: for pages, and for e-books. */

import { showsAddress } from "./text.ts";
import {
  type Block,
  type Entry,
  type Inline,
  type NumberedList,
  sectionsOf,
  type Table,
  type TermsDocument,
} from "./tree.ts";

type Blocks = readonly Block<readonly Inline[]>[];

/** Text as content or as value of an attribute in double quotes. */
export function escapeMarkup(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
    .replaceAll("&#38;", "&amp;").replaceAll("&#60;", "&lt;").replaceAll("&#62;", "&gt;");
}

/** The blocks of a document; the first is its title. */
export function markupOf(document: TermsDocument): string {
  return printBlocks(document.blocks).join("\n");
}

function printInlines(inlines: readonly Inline[]): string {
  return inlines.map((inline) => {
    if (inline.kind === "footnote") {
      const id = inline.id === undefined ? "" : ` id="${inline.id}"`;
      return `<sup class="ref"><a${id} href="#${inline.target}">${escapeMarkup(inline.label)}</a></sup>`;
    }
    const text = escapeMarkup(inline.text);
    switch (inline.kind) {
      case "text":
        return text;
      case "emphasis":
        return `<em>${text}</em>`;
      case "strong":
        return `<strong>${text}</strong>`;
      case "literal":
        return `<code>${text}</code>`;
      case "link": {
        // on paper, the style sheet prints the address of these
        const named = inline.href.startsWith("#") || showsAddress(inline) ? "" : ' class="named"';
        return `<a${named} href="${escapeMarkup(inline.href)}">${text}</a>`;
      }
    }
  }).join("");
}

function printBlocks(blocks: Blocks): string[] {
  const lines: string[] = [];
  let notes: string[] = [];
  const close = () => {
    if (notes.length > 0) lines.push(`<div class="notes">\n${notes.join("\n")}\n</div>`);
    notes = [];
  };
  for (const block of blocks) {
    if (block.kind === "footnote") {
      notes.push(printBlock(block));
      continue;
    }
    close();
    lines.push(printBlock(block));
  }
  close();
  return lines;
}

function printBlock(block: Block<readonly Inline[]>): string {
  switch (block.kind) {
    case "heading":
      return `<h${block.level} id="${block.id}">${printInlines(block.text)}</h${block.level}>`;
    case "paragraph":
      return `<p>${printInlines(block.text)}</p>`;
    case "bullets":
      return `<ul>\n${block.items.map((item) => `<li>${printItem(item)}</li>`).join("\n")}\n</ul>`;
    case "numbers":
      return printNumbers(block);
    case "definitions": {
      const items = block.items.map(({ term, blocks }) =>
        `<dt>${printInlines(term)}</dt>\n<dd>${printItem(blocks)}</dd>`
      );
      return `<dl>\n${items.join("\n")}\n</dl>`;
    }
    case "quote":
      return `<blockquote>\n${printBlocks(block.blocks).join("\n")}\n</blockquote>`;
    case "lines": {
      const lines = block.lines.map(({ indent, text }) =>
        // four steps are as far as a narrow screen allows
        `<span class="line in${Math.min(indent, 4)}">${printInlines(text)}</span>`
      );
      return `<p class="lines">${lines.join("<br/>\n")}</p>`;
    }
    case "literal":
      return `<pre><code>${escapeMarkup(block.text)}</code></pre>`;
    case "table":
      return printTable(block);
    case "footnote": {
      const label = escapeMarkup(block.label);
      const mark = block.back === undefined ? label : `<a href="#${block.back}">${label}</a>`;
      return `<div class="note" id="${block.id}"><span class="mark">${mark}</span>\n<div>${
        printItem(block.blocks)
      }</div></div>`;
    }
    case "rule":
      return "<hr/>";
  }
}

/** The content of an item: a single paragraph is not wrapped, so that short lists stay tight. */
function printItem(blocks: Blocks): string {
  const [first, ...rest] = blocks;
  if (first === undefined) return "";
  const lists = rest.every(({ kind }) => kind === "bullets" || kind === "numbers");
  if (first.kind !== "paragraph" || !lists || rest.length > 1) return `\n${printBlocks(blocks).join("\n")}\n`;
  return rest.length === 0
    ? printInlines(first.text)
    : `${printInlines(first.text)}\n${printBlocks(rest).join("\n")}\n`;
}

const TYPES = { arabic: "1", alpha: "a", Alpha: "A", roman: "i", Roman: "I" } as const;

/** A numbered list; a marker that HTML cannot make, such as `(a)`, is a class for the style sheet. */
function printNumbers(list: NumberedList<readonly Inline[]>): string {
  const type = list.numbering === "arabic" ? "" : ` type="${TYPES[list.numbering]}"`;
  const start = list.start === 1 ? "" : ` start="${list.start}"`;
  const form = list.close === "."
    ? ""
    : ` class="${list.open === "(" ? "both" : "close"}-${list.numbering.toLowerCase()}${
      /^[A-Z]/.test(list.numbering) ? "-upper" : ""
    }"`;
  const items = list.items.map((item) => `<li>${printItem(item)}</li>`);
  return `<ol${form}${type}${start}>\n${items.join("\n")}\n</ol>`;
}

function printTable(table: Table<readonly Inline[]>): string {
  const title = table.title === undefined ? "" : `<caption>${printInlines(table.title)}</caption>\n`;
  const row = (cells: readonly Blocks[], tag: "th" | "td") => {
    const scope = tag === "th" ? ' scope="col"' : "";
    return `<tr>${cells.map((cell) => `<${tag}${scope}>${printItem(cell)}</${tag}>`).join("")}</tr>`;
  };
  const all = table.widths.reduce((sum, width) => sum + width, 0);
  const equal = table.widths.every((width) => width === table.widths[0]);
  const columns = equal
    ? ""
    : `<colgroup>${
      table.widths.map((width) => `<col style="width:${Math.round(100 * width / all)}%"/>`).join("")
    }</colgroup>\n`;
  const head = table.header.length === 0
    ? ""
    : `<thead>\n${table.header.map((cells) => row(cells, "th")).join("\n")}\n</thead>\n`;
  const body = table.rows.length === 0
    ? ""
    : `<tbody>\n${table.rows.map((cells) => row(cells, "td")).join("\n")}\n</tbody>\n`;
  return `<div class="table"><table>\n${title}${columns}${head}${body}</table></div>`;
}

/** The table of contents as nested lists of links; `page` is the file that the ids are in, empty for the same one. */
export function contentsMarkup(document: TermsDocument, page: string, deepest: number): string {
  const sections = sectionsOf(document).filter(({ level }) => level <= deepest);
  return listOf(nest(sections), page);
}

interface Nested extends Entry {
  readonly inside: Nested[];
}

function nest(sections: readonly Entry[]): Nested[] {
  const top: Nested[] = [];
  const open: Nested[] = [];
  for (const section of sections) {
    while (open.length > 0 && open.at(-1)!.level >= section.level) open.pop();
    const entry = { ...section, inside: [] };
    (open.at(-1)?.inside ?? top).push(entry);
    open.push(entry);
  }
  return top;
}

function listOf(entries: readonly Nested[], page: string): string {
  const items = entries.map(({ id, text, inside }) =>
    `<li><a href="${page}#${id}">${escapeMarkup(text)}</a>${
      inside.length === 0 ? "" : `\n${listOf(inside, page)}`
    }</li>`
  );
  return `<ol>\n${items.join("\n")}\n</ol>`;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Legal documents for tests: from a source in the test to what its formats show. */
import assert from "node:assert/strict";
import { parseSource } from "../../core/terms/blocks.ts";
import type { Edition } from "../../core/terms/edition.ts";
import type { SourceDocument } from "../../core/terms/parser.ts";
import { resolveDocument, type Translator } from "../../core/terms/resolve.ts";
import { type Block, describeTermsProblem, type Inline, type TermsDocument } from "../../core/terms/tree.ts";

/** Name of the source in problems. */
export const FILE = "tos-v0.rst";

/** A title, which every source needs, and a blank line: what follows begins in line 4. */
export const TITLE = "Title\n=====\n\n";

/** Parses a source that must be right. */
export function sourceOf(text: string): SourceDocument {
  const parsed = parseSource(FILE, new TextEncoder().encode(text));
  assert.ok("document" in parsed, JSON.stringify(parsed));
  return parsed.document;
}

/** The document of a source that must be right. */
export function documentOf(text: string, translator?: Translator): TermsDocument {
  const resolved = resolveDocument(sourceOf(text), translator);
  assert.ok("document" in resolved, JSON.stringify(resolved));
  return resolved.document;
}

/** What is wrong with a source, as lines; empty if nothing is. */
export function problemsOf(text: string | Uint8Array, translator?: Translator): string[] {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const parsed = parseSource(FILE, bytes);
  if ("problems" in parsed) return parsed.problems.map(describeTermsProblem);
  const resolved = resolveDocument(parsed.document, translator);
  return "problems" in resolved ? resolved.problems.map(describeTermsProblem) : [];
}

/** An edition of a document, with the details that a test names. */
export function editionOf(document: TermsDocument, details: Partial<Edition> = {}): Edition {
  return {
    document,
    language: "en",
    etag: "tos-v0",
    title: "Title",
    author: "Example Audit",
    copyright: "",
    paper: "a4",
    date: new Date("2026-11-22T10:20:30Z"),
    contents: "Contents",
    ...details,
  };
}

/** Running text in a short notation: `*emphasis*`, `**strong**`, ``literal``, `{text|address}`, `[label]`. */
export function shown(inlines: readonly Inline[]): string {
  return inlines.map((inline) => {
    switch (inline.kind) {
      case "text":
        return inline.text;
      case "emphasis":
        return `*${inline.text}*`;
      case "strong":
        return `**${inline.text}**`;
      case "literal":
        return `\`${inline.text}\``;
      case "link":
        return `{${inline.text}|${inline.href}}`;
      case "footnote":
        return `[${inline.label}]`;
    }
  }).join("");
}

/** Blocks in a short notation: `kind(content content …)`. */
export function outline(blocks: readonly Block<readonly Inline[]>[]): string {
  return blocks.map((block) => {
    switch (block.kind) {
      case "heading":
        return `h${block.level}#${block.id}(${shown(block.text)})`;
      case "paragraph":
        return shown(block.text);
      case "bullets":
        return `ul(${block.items.map(outline).join(" | ")})`;
      case "numbers":
        return `ol ${block.open}${block.numbering}${block.close}${block.start}(${
          block.items.map(outline).join(" | ")
        })`;
      case "definitions":
        return `dl(${block.items.map(({ term, blocks }) => `${shown(term)}: ${outline(blocks)}`).join(" | ")})`;
      case "quote":
        return `quote(${outline(block.blocks)})`;
      case "lines":
        return `lines(${block.lines.map(({ indent, text }) => `${indent}:${shown(text)}`).join(" | ")})`;
      case "literal":
        return `pre(${JSON.stringify(block.text)})`;
      case "table": {
        const rows = (part: typeof block.rows) => part.map((row) => row.map(outline).join(" & ")).join(" | ");
        const title = block.title === undefined ? "" : `${shown(block.title)}: `;
        return `table ${block.widths.join(",")}(${title}${rows(block.header)} // ${rows(block.rows)})`;
      }
      case "footnote":
        return `note ${block.label}${block.back === undefined ? "" : "<"}(${outline(block.blocks)})`;
      case "rule":
        return "rule";
    }
  }).join(" ; ");
}

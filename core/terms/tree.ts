// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The tree of a legal document. `T` is what stands for running text: Raw as it was written, before translation, or
 * Inline[] as it is shown.
 */

/** One thing wrong with a source or a translation, worded for its author. */
export interface TermsProblem {
  readonly file: string;
  /** Counted from 1; undefined if no line is known. */
  readonly line?: number | undefined;
  readonly message: string;
}

/** `FILE:LINE: message`, without the line if there is none. */
export function describeTermsProblem({ file, line, message }: TermsProblem): string {
  return `${file}:${line === undefined ? "" : `${line}:`} ${message}`;
}

/** Running text with its markup; `\n` between the lines of the source, the first of which has number `line`. */
export interface Raw {
  readonly text: string;
  readonly line: number;
}

/** A piece of running text. `href` is http, https or mailto, or `#` and the id of a heading. */
export type Inline =
  | { readonly kind: "text" | "emphasis" | "strong" | "literal"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  /** `target` is the id of the footnote, `id` that of this reference if it is the first one. */
  | { readonly kind: "footnote"; readonly label: string; readonly target: string; readonly id: string | undefined };

/** How the items of a numbered list are counted. */
export type Numbering = "arabic" | "alpha" | "Alpha" | "roman" | "Roman";

/** A term and its explanation. */
export interface Definition<T> {
  readonly term: T;
  readonly blocks: readonly Block<T>[];
}

/** A table without spans; every row has as many cells as there are widths. */
export interface Table<T> {
  readonly kind: "table";
  readonly title: T | undefined;
  /** Width of each column in relation to the others. */
  readonly widths: readonly number[];
  readonly header: readonly (readonly Block<T>[])[][];
  readonly rows: readonly (readonly Block<T>[])[][];
}

/** A numbered list; the marker of an item is `open`, its number, and `close`. */
export interface NumberedList<T> {
  readonly kind: "numbers";
  readonly numbering: Numbering;
  readonly open: "" | "(";
  readonly close: "." | ")";
  readonly start: number;
  readonly items: readonly (readonly Block<T>[])[];
}

/** A block of a document. */
export type Block<T> =
  /** `level` 1 is the document's title, sections begin with 2, the deepest is 6. */
  | { readonly kind: "heading"; readonly level: number; readonly id: string; readonly text: T }
  | { readonly kind: "paragraph"; readonly text: T }
  | { readonly kind: "bullets"; readonly items: readonly (readonly Block<T>[])[] }
  | NumberedList<T>
  | { readonly kind: "definitions"; readonly items: readonly Definition<T>[] }
  | { readonly kind: "quote"; readonly blocks: readonly Block<T>[] }
  /** Lines that stay lines; `indent` counts steps. */
  | { readonly kind: "lines"; readonly lines: readonly { readonly indent: number; readonly text: T }[] }
  | { readonly kind: "literal"; readonly text: string }
  | Table<T>
  /** `back` is the id of the first reference, undefined if there is none. */
  | {
    readonly kind: "footnote";
    readonly label: string;
    readonly id: string;
    readonly back: string | undefined;
    readonly blocks: readonly Block<T>[];
  }
  | { readonly kind: "rule" };

/** A document as it is shown, in one language. */
export interface TermsDocument {
  /** Begins with the only heading of level 1. */
  readonly blocks: readonly Block<readonly Inline[]>[];
}

/** Applies a function to all running text of a block, in the order of the source. */
export function mapBlock<A, B>(block: Block<A>, map: (text: A) => B): Block<B> {
  const inside = (blocks: readonly Block<A>[]) => blocks.map((inner) => mapBlock(inner, map));
  switch (block.kind) {
    case "heading":
    case "paragraph":
      return { ...block, text: map(block.text) };
    case "bullets":
    case "numbers":
      return { ...block, items: block.items.map(inside) };
    case "definitions":
      return { ...block, items: block.items.map(({ term, blocks }) => ({ term: map(term), blocks: inside(blocks) })) };
    case "quote":
    case "footnote":
      return { ...block, blocks: inside(block.blocks) };
    case "lines":
      return { ...block, lines: block.lines.map(({ indent, text }) => ({ indent, text: map(text) })) };
    case "table": {
      const title = block.title === undefined ? undefined : map(block.title);
      const header = block.header.map((row) => row.map(inside));
      return { ...block, title, header, rows: block.rows.map((row) => row.map(inside)) };
    }
    case "literal":
    case "rule":
      return block;
  }
}

/** Text without markup, as in a bookmark or a file's metadata. */
function plainText(inlines: readonly Inline[]): string {
  return inlines.map((inline) => inline.kind === "footnote" ? "" : inline.text).join("");
}

/** A heading of a document with its text, for contents. */
export interface Entry {
  readonly level: number;
  readonly id: string;
  readonly text: string;
}

/** The sections of a document, without its title. */
export function sectionsOf(document: TermsDocument): Entry[] {
  return document.blocks.flatMap((block) =>
    block.kind === "heading" && block.level > 1
      ? [{ level: block.level, id: block.id, text: plainText(block.text) }]
      : []
  );
}

/** The document's title as written in it. */
export function titleOf(document: TermsDocument): string {
  const [first] = document.blocks;
  return first?.kind === "heading" ? plainText(first.text) : "";
}

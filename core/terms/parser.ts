// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the parts of the reStructuredText parser share: the state of a parse, its problems, paragraphs of raw text. */

import { indentOf, isBlank, type Line, PROBLEMS_MAX } from "./lines.ts";
import type { Block, Raw, TermsProblem } from "./tree.ts";

/** Where a name leads: an address, a heading, or another name. */
export type Target =
  | { readonly kind: "address"; readonly href: string }
  | { readonly kind: "heading"; readonly id: string; readonly written: boolean }
  | { readonly kind: "alias"; readonly name: string; readonly line: number }
  /** Several headings have this text. */
  | { readonly kind: "ambiguous" };

/** A footnote with its number and its id in the document. */
export interface Footnote {
  readonly label: string;
  readonly id: string;
}

/** A document as it was written: text with its markup, and what that refers to. */
export interface SourceDocument {
  readonly file: string;
  readonly blocks: readonly Block<Raw>[];
  /** By normalized name. */
  readonly targets: ReadonlyMap<string, Target>;
  /** Addresses of `__` in their order. */
  readonly anonymous: readonly string[];
  /** By the name between the bars. */
  readonly substitutions: ReadonlyMap<string, Raw>;
  /** By the keys that footnoteKey and unnamedKey give. */
  readonly footnotes: ReadonlyMap<string, Footnote>;
}

/** State of a parse, shared by all nested bodies. */
export interface State {
  readonly file: string;
  readonly problems: TermsProblem[];
  readonly targets: Map<string, Target>;
  readonly anonymous: string[];
  readonly substitutions: Map<string, Raw>;
  readonly footnotes: Map<string, Footnote>;
  /** Styles of headings by depth: character, and whether there is a line above. */
  readonly styles: string[];
  /** Depth of the last heading. */
  level: number;
  /** Ids that are taken, with the next number to try for another one of this kind. */
  readonly ids: Map<string, number>;
  /** Numbers that footnotes are given in the source; automatic ones take others. */
  readonly reserved: ReadonlySet<string>;
  /** Labels of footnotes that are taken, the next one to try, and how many have no name. */
  readonly labels: Set<string>;
  nextLabel: number;
  unnamed: number;
  /** Names that wait for their heading. */
  pending: { readonly name: string; readonly line: number }[];
  /** Parses the body of a block; set by the file that knows all blocks. */
  readonly parseBody: (state: State, lines: readonly Line[], depth: number) => Block<Raw>[];
}

/** A body that is being parsed. */
export interface Body {
  readonly state: State;
  readonly lines: readonly Line[];
  /** 0 for the document itself. */
  readonly depth: number;
  readonly blocks: Block<Raw>[];
}

/** Tries to read a block at a line; returns the index behind it, or undefined if it is none of this kind. */
export type Reader = (body: Body, at: number) => number | undefined;

/** Deepest nesting: nobody reads what lies deeper, and parsers and printers stay within their stack. */
const DEPTH_MAX = 12;

/** Notes a problem; those beyond the limit are dropped. */
export function report(state: Pick<State, "file" | "problems">, line: number, message: string): void {
  if (state.problems.length < PROBLEMS_MAX) state.problems.push({ file: state.file, line, message });
}

/** Lines as one running text; every line loses its indentation. */
export function rawText(lines: readonly Line[]): Raw {
  return { text: lines.map(({ text }) => text.trim()).join("\n"), line: lines[0]?.line ?? 0 };
}

/** Parses lines inside a block. */
export function parseInside(body: Body, lines: readonly Line[]): Block<Raw>[] {
  if (body.depth < DEPTH_MAX) return body.state.parseBody(body.state, lines, body.depth + 1);
  report(body.state, lines[0]?.line ?? 0, `this is nested more than ${DEPTH_MAX} levels deep`);
  return [];
}

/** End of the indented lines, blank ones included, that begin at `from`. */
export function endOfIndented(lines: readonly Line[], from: number, indent = 1): number {
  let at = from;
  while (at < lines.length && (isBlank(lines[at]) || indentOf(lines[at]!.text) >= indent)) at++;
  return at;
}

/** A name as references compare it: lower case, single blanks (docutils: "reference names"). */
export function normalizeName(name: string): string {
  return name.trim().replace(/\s+/g, " ").toLowerCase();
}

/** Defines a name; a second definition is a problem unless it leads to the same place. */
export function defineTarget(state: State, name: string, target: Target, line: number): void {
  const key = normalizeName(name);
  const known = state.targets.get(key);
  // headings define their text as a name, which yields to a target that is written out
  if (known === undefined || known.kind === "ambiguous" || (known.kind === "heading" && !known.written)) {
    state.targets.set(key, target);
  } else if (JSON.stringify(known) !== JSON.stringify(target)) {
    report(state, line, `the name "${name}" is defined twice`);
  }
}

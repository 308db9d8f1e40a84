// SPDX-License-Identifier: AGPL-3.0-or-later
/** A source as lines: encoding, characters that no format can carry, tabs, indentation. */

import type { TermsProblem } from "./tree.ts";

/** A line without trailing blanks; `line` counts from 1. */
export interface Line {
  readonly text: string;
  readonly line: number;
}

/** Largest source in bytes: hundreds of pages, and a bound on memory. */
const SOURCE_MAX = 2 * 1024 * 1024;

/** Most problems that are reported of one source. */
export const PROBLEMS_MAX = 25;

/**
 * Decodes a source. Tabs are expanded to multiples of 8 columns, all ends of lines are accepted.
 *
 * @returns the lines, or what is wrong: size, encoding, or characters that XML forbids
 */
export function readLines(file: string, bytes: Uint8Array): { lines: Line[] } | { problems: TermsProblem[] } {
  if (bytes.length > SOURCE_MAX) {
    return { problems: [{ file, message: `has ${bytes.length} bytes, at most ${SOURCE_MAX} are read` }] };
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { problems: [{ file, message: "is not encoded in UTF-8" }] };
  }
  const problems: TermsProblem[] = [];
  const lines = text.split(/\r\n|\r|\n/).map((content, index) => {
    const bad = forbiddenCharacter(content);
    if (bad !== undefined && problems.length < PROBLEMS_MAX) {
      problems.push({ file, line: index + 1, message: `contains the character ${bad}` });
    }
    return { text: withoutEnd(expandTabs(content)), line: index + 1 };
  });
  return problems.length > 0 ? { problems } : { lines };
}

/** The first character that is a control or that XML forbids, as `U+0007`; tabs and ends of lines are none. */
export function forbiddenCharacter(text: string): string | undefined {
  // deno-lint-ignore no-control-regex -- these are what is looked for
  const found = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\p{Cs}]/u.exec(text)?.[0];
  return found === undefined ? undefined : codePoint(found);
}

/** A character as `U+0041`. */
export function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function expandTabs(text: string): string {
  if (!text.includes("\t")) return text;
  let column = "";
  for (const [index, part] of text.split("\t").entries()) {
    if (index > 0) column += " ".repeat(8 - column.length % 8);
    column += part;
  }
  return column;
}

function withoutEnd(text: string): string {
  let end = text.length;
  while (text[end - 1] === " ") end--;
  return text.slice(0, end);
}

/** Number of blanks at the start; other kinds of space are text. */
export function indentOf(text: string): number {
  let indent = 0;
  while (text[indent] === " ") indent++;
  return indent;
}

/** True for a line without text. */
export function isBlank(line: Line | undefined): boolean {
  return line === undefined || line.text === "";
}

/** Lines without the indentation that all of them have, and without blank lines at both ends. */
export function dedent(lines: readonly Line[]): Line[] {
  const trimmed = trimLines(lines);
  let indent = Infinity;
  for (const line of trimmed) if (!isBlank(line)) indent = Math.min(indent, indentOf(line.text));
  return trimmed.map(({ text, line }) => ({ text: text.slice(indent), line }));
}

/** Lines without blank lines at both ends. */
export function trimLines(lines: readonly Line[]): Line[] {
  const first = lines.findIndex((line) => !isBlank(line));
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex((line) => !isBlank(line)) + 1);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The configuration language, one text at a time (configuration.md 2 and 3). No file is opened here: directives are
 * only recognised. Every physical line is kept as it was written, so that a text can be edited without losing its
 * comments.
 */

import type { Problem } from "./problem.ts";

/** A line that begins with `@` (configuration.md 3). */
export type Directive =
  | { readonly name: "inline"; readonly path: string }
  | { readonly name: "inline-matching"; readonly pattern: string }
  | { readonly name: "inline-secret"; readonly section: string; readonly path: string };

/** What a physical line says. `section` of an option is the spelling of the heading above it. */
export type Statement =
  | { readonly kind: "blank" }
  | { readonly kind: "comment" }
  | { readonly kind: "section"; readonly section: string }
  | { readonly kind: "option"; readonly section: string; readonly option: string; readonly value: string }
  | { readonly kind: "directive"; readonly directive: Directive }
  | { readonly kind: "error"; readonly message: string };

/** A physical line: its number from 1, its text as written without the line feed, and what it says. */
export interface Line {
  readonly number: number;
  readonly raw: string;
  readonly statement: Statement;
}

/** A parsed text. Joining `raw` of all lines with line feeds gives the text back. */
export interface ParsedText {
  readonly file: string;
  readonly lines: readonly Line[];
  /** All syntax errors, in the order of their lines; empty if the text is well-formed. */
  readonly problems: readonly Problem[];
}

const BYTE_ORDER_MARK = "\ufeff";

/** Compares names as the language does: ASCII letters without case, everything else exactly (configuration.md 2). */
export function foldName(name: string): string {
  // Not toLowerCase alone: it would make the Kelvin sign a letter k, and other letters longer.
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Removes blanks at both ends. Only U+0020 is a blank here; no-break spaces belong to the value. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text.charCodeAt(start) === 0x20) start++;
  while (end > start && text.charCodeAt(end - 1) === 0x20) end--;
  return text.slice(start, end);
}

/**
 * Parses one text. `file` is only used in messages. A message never repeats the line itself, which may be half of a
 * password.
 */
export function parseText(text: string, file: string): ParsedText {
  const lines: Line[] = [];
  const problems: Problem[] = [];
  let section: string | undefined;
  for (const [index, raw] of text.split("\n").entries()) {
    const number = index + 1;
    const statement = parseLine(index === 0 && raw.startsWith(BYTE_ORDER_MARK) ? raw.slice(1) : raw, section);
    if (statement.kind === "section") section = statement.section;
    if (statement.kind === "error") problems.push({ file, line: number, message: statement.message });
    lines.push({ number, raw, statement });
  }
  return { file, lines, problems };
}

function parseLine(raw: string, section: string | undefined): Statement {
  const text = trimBlanks(raw.replace(/[\t\r]/g, " "));
  switch (text[0]) {
    case undefined:
      return { kind: "blank" };
    case "#":
    case "%":
      return { kind: "comment" };
    case "@":
      return parseDirective(text);
    case "[":
      return parseHeading(text);
    default:
      return parseOption(text, section);
  }
}

function parseHeading(text: string): Statement {
  if (!text.endsWith("]")) {
    return {
      kind: "error",
      message: "syntax error: a section heading must end with ] (comments need a line of their own)",
    };
  }
  const section = trimBlanks(text.slice(1, -1));
  if (section === "") return { kind: "error", message: "syntax error: the section heading has no name" };
  if (section.includes("]")) return { kind: "error", message: "syntax error: ] inside the name of a section" };
  return { kind: "section", section };
}

function parseOption(text: string, section: string | undefined): Statement {
  const equals = text.indexOf("=");
  if (equals < 0) {
    return { kind: "error", message: "syntax error: expected [SECTION], NAME = VALUE, a directive or a comment" };
  }
  const option = trimBlanks(text.slice(0, equals));
  if (option === "") return { kind: "error", message: "syntax error: no name before =" };
  if (section === undefined) return { kind: "error", message: "option before the first section heading" };
  return { kind: "option", section, option, value: unquote(trimBlanks(text.slice(equals + 1))) };
}

/** Removes one pair of quotes around the whole value; there are no escapes (configuration.md 2, "Quotes"). */
function unquote(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

function parseDirective(text: string): Statement {
  const end = text.indexOf("@", 1);
  if (end < 0) return { kind: "error", message: "syntax error: a directive has the form @NAME@ ARGUMENTS" };
  const name = foldName(text.slice(1, end));
  const rest = trimBlanks(text.slice(end + 1));
  const missing = (what: string): Statement => ({ kind: "error", message: `@${name}@ needs ${what}` });
  switch (name) {
    case "inline":
      return rest === "" ? missing("the path of a file") : { kind: "directive", directive: { name, path: rest } };
    case "inline-matching":
      return rest === "" ? missing("a pattern") : { kind: "directive", directive: { name, pattern: rest } };
    case "inline-secret": {
      const blank = rest.indexOf(" ");
      if (blank < 0) return missing("a section and the path of a file");
      const directive: Directive = { name, section: rest.slice(0, blank), path: trimBlanks(rest.slice(blank)) };
      return { kind: "directive", directive };
    }
    default:
      return { kind: "error", message: "unknown directive; known are @inline@, @inline-matching@ and @inline-secret@" };
  }
}

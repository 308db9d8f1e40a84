// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The reStructuredText of legal documents: the blocks of a source. What is not supported is a problem with its line;
 * no text is dropped. Rules follow docutils where they do not guess.
 */

import { readExplicit } from "./explicit.ts";
import { dedent, indentOf, isBlank, type Line, readLines } from "./lines.ts";
import { readBullets, readDefinition, readLineBlock, readNumbers } from "./lists.ts";
import {
  type Body,
  defineTarget,
  endOfIndented,
  normalizeName,
  parseInside,
  rawText,
  type Reader,
  report,
  type SourceDocument,
  type State,
} from "./parser.ts";
import { readGridTable, readSimpleTable } from "./tables.ts";
import type { Block, Raw, TermsProblem } from "./tree.ts";

/** A source that was understood, or everything that is wrong with it. */
export type ParseResult =
  | { readonly document: SourceDocument }
  | { readonly problems: readonly TermsProblem[] };

/**
 * Parses a source. It must begin with its title (cli.md 14: the first line is the title); comments and definitions
 * may stand before it.
 */
export function parseSource(file: string, bytes: Uint8Array): ParseResult {
  const read = readLines(file, bytes);
  if ("problems" in read) return read;
  const state: State = {
    file,
    problems: [],
    targets: new Map(),
    anonymous: [],
    substitutions: new Map(),
    footnotes: new Map(),
    styles: [],
    level: 0,
    ids: new Map(),
    reserved: numbersGiven(read.lines),
    labels: new Set(),
    nextLabel: 1,
    unnamed: 0,
    pending: [],
    parseBody,
  };
  const blocks = parseBody(state, read.lines, 0);
  for (const { line, name } of state.pending) report(state, line, `the name "${name}" stands before no heading`);
  const [first] = blocks;
  const line = read.lines.find((candidate) => !isBlank(candidate))?.line ?? 1;
  if (first === undefined) report(state, line, "there is no text");
  else if (first.kind !== "heading") reportNoTitle(state, read.lines, line);
  if (state.problems.length > 0) return { problems: state.problems };
  const { targets, anonymous, substitutions, footnotes } = state;
  return { document: { file, blocks: withOneTitle(blocks), targets, anonymous, substitutions, footnotes } };
}

/** The first line of text is no title: because nothing is below it, or something too short to be seen as a heading. */
function reportNoTitle(state: State, lines: readonly Line[], line: number): void {
  const at = lines.findIndex((candidate) => {
    return !isBlank(candidate) && indentOf(candidate.text) === 0 && !candidate.text.startsWith("..");
  });
  const [title, under] = [lines[at], lines[at + 1]];
  if (title !== undefined && !isLine(title) && isLine(under) && under!.text.length < [...title.text].length) {
    report(state, under!.line, SHORT_UNDERLINE);
  } else report(state, line, "the document must begin with its title, underlined with =");
}

const SHORT_UNDERLINE = "the line below the title is shorter than the title";

function numbersGiven(lines: readonly Line[]): Set<string> {
  const numbers = lines.map(({ text }) => /^\.\. +\[(\d{1,6})\]/.exec(text)?.[1]);
  return new Set(numbers.flatMap((number) => number === undefined ? [] : [String(Number(number))]));
}

/** Only the first heading is the title: if others look like it, all others go one level down. */
function withOneTitle(blocks: readonly Block<Raw>[]): Block<Raw>[] {
  const headings = blocks.filter((block) => block.kind === "heading");
  const shift = headings.filter(({ level }) => level === 1).length > 1 ? 1 : 0;
  return blocks.map((block, index) =>
    block.kind === "heading" && index > 0 ? { ...block, level: Math.min(block.level + shift, LEVEL_MAX) } : block
  );
}

const LEVEL_MAX = 6;

function parseBody(state: State, lines: readonly Line[], depth: number): Block<Raw>[] {
  const body: Body = { state, lines, depth, blocks: [] };
  let at = 0;
  while (at < lines.length) {
    if (isBlank(lines[at])) {
      at++;
      continue;
    }
    at = readBlock(body, at);
    const [before, next] = [lines[at - 1], lines[at]];
    if (next === undefined || isBlank(next) || isBlank(before) || freeStanding(body, before!, next)) continue;
    report(state, next.line, "a blank line is missing before this line");
  }
  return body.blocks;
}

/** What needs no blank line before it: anything after a heading, and explicit markup after explicit markup. */
function freeStanding(body: Body, before: Line, next: Line): boolean {
  const last = body.blocks.at(-1);
  if (last?.kind === "heading" && isPunctuation(before.text)) return true;
  return next.text.startsWith(".. ") || (last?.kind === "definitions" && indentOf(before.text) > 0);
}

const READERS: readonly Reader[] = [
  readQuote,
  readBullets,
  readNumbers,
  refuse(/^:(?![: ])(?:[^:\\]|\\.){1,80}:( |$)/, "field lists (:name: text) are not supported"),
  refuse(/^(-[A-Za-z]|--[A-Za-z][\w-]{0,40})([ =][A-Z<][\w<>-]{0,40})?  +\S/, "option lists are not supported"),
  refuse(/^>>> /, "interactive sessions are not supported; use a literal block (::)"),
  readLineBlock,
  readGridTable,
  readSimpleTable,
  readExplicit,
  readRule,
  readOverlined,
  readUnderlined,
  readDefinition,
  readParagraph,
];

function readBlock(body: Body, at: number): number {
  if (body.state.pending.length > 0 && !startsHeading(body, at) && !body.lines[at]!.text.startsWith("..")) {
    const { line, name } = body.state.pending[0]!;
    report(body.state, line, `the name "${name}" stands before no heading and has no address`);
    body.state.pending = [];
  }
  for (const read of READERS) {
    const next = read(body, at);
    if (next !== undefined) return next;
  }
  // readParagraph takes every line
  throw new Error("a line was not read");
}

/** A reader that reports what it recognizes, up to the next blank line. */
function refuse(pattern: RegExp, message: string): Reader {
  return (body, at) => {
    if (!pattern.test(body.lines[at]!.text)) return undefined;
    report(body.state, body.lines[at]!.line, message);
    let next = at + 1;
    while (!isBlank(body.lines[next])) next++;
    return next;
  };
}

function readQuote(body: Body, at: number): number | undefined {
  if (indentOf(body.lines[at]!.text) === 0) return undefined;
  const next = endOfIndented(body.lines, at);
  body.blocks.push({ kind: "quote", blocks: parseInside(body, dedent(body.lines.slice(at, next))) });
  return next;
}

/** True for a line of one repeated punctuation character. */
function isPunctuation(text: string): boolean {
  const [first = ""] = text;
  if (!/[!-/:-@[-`{-~]/.test(first)) return false;
  for (const character of text) if (character !== first) return false;
  return true;
}

function isLine(line: Line | undefined): boolean {
  return line !== undefined && isPunctuation(line.text);
}

function readRule(body: Body, at: number): number | undefined {
  const line = body.lines[at]!;
  if (!isLine(line) || line.text.length < 4 || !isBlank(body.lines[at + 1])) return undefined;
  if (body.depth > 0) report(body.state, line.line, "a transition may not stand inside a list, quote or table");
  body.blocks.push({ kind: "rule" });
  return at + 1;
}

function startsHeading(body: Body, at: number): boolean {
  return isLine(body.lines[at]) || isUnderlined(body, at);
}

function isUnderlined(body: Body, at: number): boolean {
  const [title, under] = [body.lines[at]!, body.lines[at + 1]];
  if (indentOf(title.text) > 0 || isLine(title) || !isLine(under)) return false;
  return under!.text.length >= Math.min(4, [...title.text].length);
}

function readUnderlined(body: Body, at: number): number | undefined {
  if (!isUnderlined(body, at)) return undefined;
  const [title, under] = [body.lines[at]!, body.lines[at + 1]!];
  if (under.text.length < [...title.text].length) {
    report(body.state, under.line, SHORT_UNDERLINE);
  }
  addHeading(body, title, under.text[0]!);
  return at + 2;
}

function readOverlined(body: Body, at: number): number | undefined {
  const [over, title, under] = [body.lines[at]!, body.lines[at + 1], body.lines[at + 2]];
  if (!isLine(over) || title === undefined || isBlank(title)) return undefined;
  if (under?.text !== over.text) {
    if (over.text.length < 4) return undefined;
    report(body.state, over.line, "a title with a line above needs the same line below");
    return at + 2;
  }
  if (over.text.length < [...title.text.trim()].length) {
    report(body.state, over.line, "the lines around the title are shorter than the title");
  }
  addHeading(body, title, `${over.text[0]} above`);
  return at + 3;
}

/** Adds a heading; its depth is told by the order in which styles first appear. */
function addHeading(body: Body, title: Line, style: string): void {
  const { state, depth } = body;
  if (depth > 0) {
    report(state, title.line, "a heading may not stand inside a list, quote or table");
    return;
  }
  let level = state.styles.indexOf(style) + 1;
  if (level === 0) {
    level = state.styles.length + 1;
    if (level > LEVEL_MAX) report(state, title.line, `there are more than ${LEVEL_MAX} levels of headings`);
    state.styles.push(style);
  }
  if (level > state.level + 1) {
    report(state, title.line, "this heading skips a level: its style belongs to a deeper one");
  }
  state.level = level;
  const text = rawText([title]);
  const id = headingId(state, state.pending[0]?.name ?? text.text);
  for (const { name, line } of state.pending) defineTarget(state, name, { kind: "heading", id, written: true }, line);
  state.pending = [];
  const implicit = normalizeName(text.text);
  const known = state.targets.get(implicit);
  if (known === undefined) state.targets.set(implicit, { kind: "heading", id, written: false });
  else if (known.kind === "heading" && !known.written) state.targets.set(implicit, { kind: "ambiguous" });
  body.blocks.push({ kind: "heading", level, id, text });
}

/**
 * An id of letters, digits and hyphens that no other heading has; the same in all languages, because it comes from the
 * source. The ids that documents use themselves have an underscore.
 */
function headingId(state: State, text: string): string {
  const base = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/[^a-z0-9]+/g, "-").replace(/^[-0-9]+/, "").slice(0, 60).replace(/-$/, "") || "section";
  let id = base;
  while (state.ids.has(id)) {
    const next = state.ids.get(base) ?? 2;
    state.ids.set(base, next + 1);
    id = `${base}-${next}`;
  }
  state.ids.set(id, 2);
  return id;
}

function readParagraph(body: Body, at: number): number {
  let next = at;
  while (!isBlank(body.lines[next]) && (next === at || indentOf(body.lines[next]!.text) === 0)) next++;
  const follower = body.lines[next];
  if (follower !== undefined && !isBlank(follower)) {
    report(body.state, follower.line, "this line is indented without a blank line before it");
    return endOfIndented(body.lines, next);
  }
  const raw = rawText(body.lines.slice(at, next));
  if (!raw.text.endsWith("::") || raw.text.endsWith("\\::")) {
    body.blocks.push({ kind: "paragraph", text: raw });
    return next;
  }
  const before = raw.text.slice(0, -2);
  if (before.trim() !== "") {
    const text = /\s$/.test(before) ? before.trimEnd() : `${before}:`;
    body.blocks.push({ kind: "paragraph", text: { text, line: raw.line } });
  }
  return readLiteral(body, next);
}

function readLiteral(body: Body, at: number): number {
  const next = endOfIndented(body.lines, at);
  const lines = dedent(body.lines.slice(at, next));
  if (lines.length === 0) report(body.state, body.lines[at - 1]!.line, "an indented literal block must follow ::");
  else body.blocks.push({ kind: "literal", text: lines.map(({ text }) => text).join("\n") });
  return next;
}

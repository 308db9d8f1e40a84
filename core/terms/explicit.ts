// SPDX-License-Identifier: AGPL-3.0-or-later
/** Explicit markup of reStructuredText (`.. `): targets, substitutions, footnotes, directives, comments. */

import { checkAddress } from "./links.ts";
import { dedent, isBlank, type Line, trimLines } from "./lines.ts";
import {
  type Body,
  defineTarget,
  endOfIndented,
  normalizeName,
  parseInside,
  rawText,
  type Reader,
  report,
} from "./parser.ts";
import { tableOf } from "./tables.ts";
import type { Block, Raw } from "./tree.ts";

/** Reads one piece of explicit markup, also an address of `__` at the start of a line. */
export const readExplicit: Reader = (body, at) => {
  const line = body.lines[at]!;
  const short = /^__ +(\S.*)$/.exec(line.text)?.[1];
  if (short !== undefined) {
    addAnonymous(body, short, line.line);
    return at + 1;
  }
  if (!/^\.\.( |$)/.test(line.text)) return undefined;
  // two dots alone are an empty comment, which takes no indented text with it
  if (line.text === ".." && isBlank(body.lines[at + 1])) return at + 1;
  const next = endOfIndented(body.lines, at + 1);
  const first = { text: line.text.slice(2).trimStart(), line: line.line };
  const rest = body.lines.slice(at + 1, next);
  for (const read of KINDS) if (read(body, first, rest)) break;
  return next;
};

/** Key of a footnote `[1]` or `[#name]`. */
export function footnoteKey(name: string): string {
  return name.startsWith("#") ? `#${normalizeName(name.slice(1))}` : String(Number(name));
}

/** Key of the footnote `[#]` with this index; no name has a blank at its end. */
export function unnamedKey(index: number): string {
  return `#${index} `;
}

/** Reads one kind of explicit markup: its first line without the dots, and the indented lines below. */
type Kind = (body: Body, first: Line, rest: readonly Line[]) => boolean;

const KINDS: readonly Kind[] = [readFootnote, readTarget, readSubstitution, readDirective, readComment];

function readFootnote(body: Body, first: Line, rest: readonly Line[]): boolean {
  const found = /^\[(#?[\p{L}\p{N}][\p{L}\p{N}_.-]{0,60}|#|\*)\]( +|$)/u.exec(first.text);
  if (found === null) return false;
  const [marker, name] = [found[0], found[1]!];
  const { state } = body;
  if (body.depth > 0) report(state, first.line, "a footnote may not stand inside a list, quote or table");
  if (!/^(\d{1,6}|#.*)$/.test(name)) {
    report(state, first.line, `[${name}] is not supported; footnotes are [1], [#] or [#name]`);
    return true;
  }
  const automatic = name.startsWith("#");
  const key = name === "#" ? unnamedKey(state.unnamed++) : footnoteKey(name);
  const taken = (number: string) => state.labels.has(number) || state.reserved.has(number);
  while (automatic && taken(String(state.nextLabel))) state.nextLabel++;
  const label = automatic ? String(state.nextLabel) : key;
  if (state.footnotes.has(key) || state.labels.has(label)) {
    report(state, first.line, `the footnote [${name === "#" ? label : name}] is there twice`);
    return true;
  }
  const id = `fn_${label}`;
  state.labels.add(label);
  state.footnotes.set(key, { label, id });
  const text = { text: first.text.slice(marker.length), line: first.line };
  const blocks = parseInside(body, [text, ...dedent(rest)]);
  if (blocks.length === 0) report(state, first.line, `the footnote [${name}] has no text`);
  body.blocks.push({ kind: "footnote", label, id, back: undefined, blocks });
  return true;
}

function readTarget(body: Body, first: Line, rest: readonly Line[]): boolean {
  if (!/^_[^ ]/.test(first.text)) return false;
  const found = /^_(?:`([^`]{1,200})`|((?:[^:\\]|\\.|:(?! |$)){1,200})):(?: +(.*))?$/.exec(first.text);
  if (found === null) {
    report(body.state, first.line, "this target is malformed; write .. _name: and an address, or nothing");
    return true;
  }
  const name = (found[1] ?? found[2]!).replace(/\\(.)/g, "$1");
  const address = [found[3] ?? "", ...rest.map(({ text }) => text)].map((part) => part.trim()).join("");
  if (/^_+$/.test(name)) addAnonymous(body, address, first.line);
  else if (address === "") body.state.pending.push({ name, line: first.line });
  else {
    const alias = /^`?([^`]+?)`?_$/.exec(address)?.[1];
    if (alias !== undefined && !address.includes("/")) {
      const target = { kind: "alias", name: normalizeName(alias), line: first.line } as const;
      defineTarget(body.state, name, target, first.line);
    } else {
      const checked = checkAddress(address.replace(/\\(.)/g, "$1"));
      if ("href" in checked) defineTarget(body.state, name, { kind: "address", ...checked }, first.line);
      else report(body.state, first.line, checked.problem);
    }
  }
  return true;
}

function addAnonymous(body: Body, address: string, line: number): void {
  const checked = checkAddress(address);
  if ("href" in checked) body.state.anonymous.push(checked.href);
  else report(body.state, line, checked.problem);
}

function readSubstitution(body: Body, first: Line, rest: readonly Line[]): boolean {
  const found = /^\|([^|]{1,100})\|\s+([\w-]+)::(?: +(.*))?$/.exec(first.text);
  if (found === null) {
    if (!first.text.startsWith("|")) return false;
    report(body.state, first.line, "this substitution is malformed; write .. |name| replace:: text");
    return true;
  }
  const [, name, directive, text = ""] = found;
  const raw = rawText(trimLines([{ text, line: first.line }, ...rest]));
  const { state } = body;
  if (directive !== "replace") report(state, first.line, `only replace:: is supported here, not ${directive}::`);
  else if (raw.text.includes("\n\n")) report(state, first.line, `the text of |${name}| is more than one paragraph`);
  else if (raw.text === "") report(state, first.line, `|${name}| has no text`);
  else if (state.substitutions.has(name!)) report(state, first.line, `|${name}| is defined twice`);
  else state.substitutions.set(name!, raw);
  return true;
}

/** What the directives that people may expect are called; the rest of the world's are named as they are written. */
const DIRECTIVES = ["list-table", "table", "replace", "contents", "include", "image", "figure", "raw", "note"];

function readDirective(body: Body, first: Line, rest: readonly Line[]): boolean {
  const found = /^([A-Za-z][\w.+-]*) ?::(?: +(.*))?$/.exec(first.text);
  if (found === null) {
    const name = /^([a-z-]+):( |$)/.exec(first.text)?.[1];
    if (name === undefined || !DIRECTIVES.includes(name)) return false;
    report(body.state, first.line, `a directive has two colons: ${name}::`);
    return true;
  }
  const [, name, argument = ""] = found;
  if (name === "list-table") readListTable(body, first.line, argument, rest);
  else if (name === "table") readTitledTable(body, first.line, argument, rest);
  else report(body.state, first.line, `the directive ${name}:: is not supported`);
  return true;
}

function readComment(): boolean {
  return true;
}

/** Splits options (`:name: value`) from the content below them. */
function splitOptions(rest: readonly Line[]): { options: Map<string, string>; content: Line[] } {
  const lines = dedent(rest);
  const options = new Map<string, string>();
  let at = 0;
  for (; at < lines.length; at++) {
    const found = /^:([\w-]{1,40}):(?: +(.*))?$/.exec(lines[at]!.text);
    if (found === null) break;
    options.set(found[1]!, found[2] ?? "");
  }
  return { options, content: trimLines(lines.slice(at)) };
}

function titleFrom(text: string, line: number): Raw | undefined {
  return text === "" ? undefined : { text, line };
}

function readTitledTable(body: Body, line: number, title: string, rest: readonly Line[]): void {
  const { options, content } = splitOptions(rest);
  const [table, ...others] = parseInside(body, content);
  const [option] = options.keys();
  if (option !== undefined) report(body.state, line, `the option :${option}: of table:: is not supported`);
  if (table?.kind !== "table" || others.length > 0) report(body.state, line, "table:: must contain one table");
  else body.blocks.push({ ...table, title: titleFrom(title, line) });
}

/** A table written as a list of rows, each a list of cells. */
function readListTable(body: Body, line: number, title: string, rest: readonly Line[]): void {
  const { options, content } = splitOptions(rest);
  const { state } = body;
  const rows = rowsOfList(parseInside(body, content));
  const columns = rows?.[0]?.length ?? 0;
  if (rows === undefined || columns === 0 || rows.some((row) => row.length !== columns)) {
    report(state, line, "list-table:: must contain a list of rows, each a list of equally many cells");
    return;
  }
  const header = Number(options.get("header-rows") ?? 0);
  const wanted = options.get("widths") ?? "auto";
  const widths = wanted === "auto" ? rows[0]!.map(() => 1) : wanted.split(/[ ,]+/).map(Number);
  const unknown = [...options.keys()].find((name) => !["header-rows", "widths"].includes(name));
  if (unknown !== undefined) report(state, line, `the option :${unknown}: of list-table:: is not supported`);
  else if (!Number.isInteger(header) || header < 0 || header > rows.length) {
    report(state, line, `:header-rows: is a number from 0 to ${rows.length}`);
  } else if (widths.length !== columns || !widths.every((width) => Number.isInteger(width) && width > 0)) {
    report(state, line, `:widths: must be ${columns} whole numbers`);
  } else body.blocks.push({ ...tableOf(rows, header, widths), title: titleFrom(title, line) });
}

function rowsOfList(blocks: readonly Block<Raw>[]): Block<Raw>[][][] | undefined {
  const [list] = blocks;
  if (blocks.length !== 1 || list?.kind !== "bullets") return undefined;
  const rows = list.items.map((item) => {
    const [cells] = item;
    return item.length === 1 && cells?.kind === "bullets" ? cells.items.map((cell) => [...cell]) : undefined;
  });
  return rows.every((row) => row !== undefined) ? rows as Block<Raw>[][][] : undefined;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Lists of reStructuredText: bullets, numbers, definitions; and line blocks. */

import { dedent, indentOf, isBlank, type Line } from "./lines.ts";
import { type Body, endOfIndented, parseInside, rawText, type Reader, report } from "./parser.ts";
import type { Block, Definition, NumberedList, Numbering, Raw } from "./tree.ts";

const BULLET = /^([*+•‣⁃-])( +|$)/;
const ENUMERATOR = /^(\(?)(\d{1,9}|[A-Za-z]|[ivxlcdm]{1,15}|[IVXLCDM]{1,15}|#)([.)])( +|$)/;

/** Reads a bulleted list. */
export const readBullets: Reader = (body, at) => {
  const bullet = BULLET.exec(body.lines[at]!.text)?.[1];
  if (bullet === undefined) return undefined;
  const items: Block<Raw>[][] = [];
  let next = at;
  while (BULLET.exec(body.lines[next]?.text ?? "")?.[1] === bullet) {
    const item = takeItem(body, next, BULLET.exec(body.lines[next]!.text)![0].length);
    items.push(item.blocks);
    next = item.next;
  }
  body.blocks.push({ kind: "bullets", items });
  return next;
};

/** The content of an item whose marker is `width` wide, and the index behind it. */
function takeItem(body: Body, at: number, width: number): { blocks: Block<Raw>[]; next: number } {
  const first = body.lines[at]!;
  // a marker that stands alone: the next line tells how far the item is indented
  const alone = first.text.length <= width && !isBlank(body.lines[at + 1]);
  const indent = alone ? Math.max(1, indentOf(body.lines[at + 1]!.text)) : width;
  const next = endOfIndented(body.lines, at + 1, indent);
  const rest = body.lines.slice(at + 1, next).map(({ text, line }) => ({ text: text.slice(indent), line }));
  const follower = body.lines[next];
  if (follower !== undefined && !isBlank(follower) && indentOf(follower.text) > 0) {
    report(body.state, follower.line, `indent this line by ${indent} to go on with the item of line ${first.line}`);
    return { blocks: [], next: endOfIndented(body.lines, next) };
  }
  return { blocks: parseInside(body, [{ text: first.text.slice(width), line: first.line }, ...rest]), next };
}

interface Enumerator {
  readonly open: "" | "(";
  readonly close: "." | ")";
  readonly label: string;
  readonly width: number;
}

function enumeratorOf(line: Line | undefined): Enumerator | undefined {
  const found = ENUMERATOR.exec(line?.text ?? "");
  if (found === null) return undefined;
  const [text, open, label, close] = found as unknown as [string, "" | "(", string, "." | ")"];
  return open === "(" && close === "." ? undefined : { open, close, label, width: text.length };
}

/** The number that a label means in a style; undefined if it is none of that style. */
function ordinal(label: string, numbering: Numbering): number | undefined {
  switch (numbering) {
    case "arabic":
      return /^\d+$/.test(label) ? Number(label) : undefined;
    case "alpha":
      return /^[a-z]$/.test(label) ? label.charCodeAt(0) - 96 : undefined;
    case "Alpha":
      return /^[A-Z]$/.test(label) ? label.charCodeAt(0) - 64 : undefined;
    case "roman":
      return label === label.toLowerCase() ? romanValue(label) : undefined;
    case "Roman":
      return label === label.toUpperCase() ? romanValue(label.toLowerCase()) : undefined;
  }
}

const ROMAN: readonly (readonly [string, number])[] = [
  ["m", 1000],
  ["cm", 900],
  ["d", 500],
  ["cd", 400],
  ["c", 100],
  ["xc", 90],
  ["l", 50],
  ["xl", 40],
  ["x", 10],
  ["ix", 9],
  ["v", 5],
  ["iv", 4],
  ["i", 1],
];

/** A number from 1 to 4999 in Roman numerals, in lower case. */
function romanNumeral(value: number): string {
  let rest = value, text = "";
  for (const [symbol, worth] of ROMAN) {
    while (rest >= worth) {
      text += symbol;
      rest -= worth;
    }
  }
  return text;
}

function romanValue(label: string): number | undefined {
  let rest = label, value = 0;
  for (const [symbol, worth] of ROMAN) {
    while (rest.startsWith(symbol)) {
      value += worth;
      rest = rest.slice(symbol.length);
    }
  }
  return rest === "" && value > 0 && value < 5000 && romanNumeral(value) === label ? value : undefined;
}

/** The style that a first label has: a single `i` is Roman, any other single letter is a letter. */
function numberingOf(label: string): Numbering | undefined {
  if (label === "#") return "arabic";
  const single = /^[A-Za-z]$/.test(label) && label.toLowerCase() !== "i";
  const styles: Numbering[] = single ? ["alpha", "Alpha"] : ["arabic", "roman", "Roman"];
  return styles.find((style) => ordinal(label, style) !== undefined);
}

/** The marker of an item as it is printed, such as `(b)` or `4.`. */
export function markerOf(list: NumberedList<unknown>, index: number): string {
  return `${list.open}${numberText(list.numbering, list.start + index)}${list.close}`;
}

function numberText(numbering: Numbering, value: number): string {
  const romanFits = value < 5000;
  if (numbering === "roman" && romanFits) return romanNumeral(value);
  if (numbering === "Roman" && romanFits) return romanNumeral(value).toUpperCase();
  if (numbering === "alpha" && value <= 26) return String.fromCharCode(96 + value);
  if (numbering === "Alpha" && value <= 26) return String.fromCharCode(64 + value);
  return String(value);
}

/** Reads a numbered list. A line such as "A. Einstein wrote" that goes on without indentation is a paragraph. */
export const readNumbers: Reader = (body, at) => {
  const first = enumeratorOf(body.lines[at]);
  const numbering = first === undefined ? undefined : numberingOf(first.label);
  if (first === undefined || numbering === undefined || !goesOn(body, at)) return undefined;
  const start = ordinal(first.label, numbering) ?? 1;
  const items: Block<Raw>[][] = [];
  let next = at;
  while (next < body.lines.length) {
    const marker = enumeratorOf(body.lines[next]);
    if (marker === undefined || marker.open !== first.open || marker.close !== first.close) break;
    if (marker.label !== "#" && ordinal(marker.label, numbering) !== start + items.length) break;
    if (!goesOn(body, next)) break;
    const item = takeItem(body, next, marker.width);
    items.push(item.blocks);
    next = item.next;
  }
  if (items.length === 0) return undefined;
  body.blocks.push({ kind: "numbers", numbering, open: first.open, close: first.close, start, items });
  return next;
};

/** What follows the first line of a numbered item: its own indented text, a blank line, or the next item. */
function goesOn(body: Body, at: number): boolean {
  const follower = body.lines[at + 1];
  return follower === undefined || isBlank(follower) || indentOf(follower.text) > 0 ||
    enumeratorOf(follower) !== undefined;
}

/** Reads one entry of a definition list: a line, and indented lines right below it. Neighbours become one list. */
export const readDefinition: Reader = (body, at) => {
  const [term, follower] = [body.lines[at]!, body.lines[at + 1]];
  if (follower === undefined || isBlank(follower) || indentOf(follower.text) === 0) return undefined;
  const next = endOfIndented(body.lines, at + 1);
  if (term.text.endsWith("::")) {
    report(body.state, follower.line, "a blank line is missing before the literal block");
    return next;
  }
  const blocks = parseInside(body, dedent(body.lines.slice(at + 1, next)));
  const last = body.blocks.at(-1);
  const item = { term: rawText([term]), blocks };
  // the list was made here, so it may still grow
  if (last?.kind === "definitions") (last.items as Definition<Raw>[]).push(item);
  else body.blocks.push({ kind: "definitions", items: [item] });
  return next;
};

/** Reads a line block: lines that begin with a bar stay lines. */
export const readLineBlock: Reader = (body, at) => {
  const isLine = (line: Line | undefined) => line !== undefined && /^\|( |$)/.test(line.text);
  if (!isLine(body.lines[at])) return undefined;
  const found: { indent: number; lines: Line[] }[] = [];
  let next = at;
  for (; next < body.lines.length && !isBlank(body.lines[next]); next++) {
    const line = body.lines[next]!;
    if (isLine(line)) {
      const text = line.text.slice(1);
      found.push({ indent: indentOf(text), lines: [{ text, line: line.line }] });
    } else if (indentOf(line.text) > 0) found.at(-1)!.lines.push(line);
    else break;
  }
  const steps = [...new Set(found.filter(({ lines }) => lines[0]!.text !== "").map(({ indent }) => indent))]
    .sort((a, b) => a - b);
  body.blocks.push({
    kind: "lines",
    lines: found.map(({ indent, lines }) => ({ indent: Math.max(0, steps.indexOf(indent)), text: rawText(lines) })),
  });
  return next;
};

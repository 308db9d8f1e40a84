// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Markup inside running text: emphasis, literals, links, references, substitutions, footnotes. Where markup may begin
 * and end is docutils' rule ("inline markup recognition rules"). Markup that is not finished is a problem.
 */

import { checkAddress } from "./links.ts";
import type { Inline, Raw } from "./tree.ts";

/** What the text may refer to. Lookups give a problem as text. */
export interface InlineScope {
  readonly link: (name: string) => { href: string } | { problem: string };
  /** The next address of `__`. */
  readonly anonymous: () => { href: string } | { problem: string };
  readonly substitution: (name: string) => readonly Inline[] | { problem: string };
  /** By what stands between the brackets: a number, `#`, or `#name`. */
  readonly footnote: (label: string) => Inline | { problem: string };
  /** Takes a problem; the rest of the text is not read then. */
  readonly problem: (line: number, message: string) => void;
}

interface Scan {
  readonly raw: Raw;
  readonly text: string;
  readonly scope: InlineScope;
  readonly out: Inline[];
  /** Text that is not in `out` yet. */
  plain: string;
}

/** Where a piece ends, or what is wrong with it; undefined if there is none of this kind. */
type Step = number | { problem: string } | undefined;

const SPECIAL = /[\\*`|_@[]|https?:\/\/|mailto:/gi;

/** Parses running text. Blanks are collapsed. */
export function parseInline(raw: Raw, scope: InlineScope): Inline[] {
  const scan: Scan = { raw, text: raw.text, scope, out: [], plain: "" };
  const special = new RegExp(SPECIAL);
  let at = 0;
  while (at < raw.text.length) {
    special.lastIndex = at;
    const found = special.exec(raw.text);
    scan.plain += raw.text.slice(at, found?.index ?? raw.text.length);
    if (found === null) break;
    const step = readSpecial(scan, found.index);
    if (typeof step === "object") {
      scope.problem(raw.line + (raw.text.slice(0, found.index).split("\n").length - 1), step.problem);
      break;
    }
    if (step === undefined) scan.plain += raw.text[found.index];
    at = step ?? found.index + 1;
  }
  flush(scan);
  return tidy(scan.out);
}

function readSpecial(scan: Scan, at: number): Step {
  switch (scan.text[at]) {
    case "\\":
      return readEscape(scan, at);
    case "*":
      return readStarred(scan, at);
    case "`":
      return scan.text[at + 1] === "`" ? readLiteral(scan, at) : readPhrase(scan, at);
    case "|":
      return readSubstitution(scan, at);
    case "_":
      return readReference(scan, at);
    case "[":
      return readFootnote(scan, at);
    case "@":
      return readMail(scan, at);
    default:
      return readAddress(scan, at);
  }
}

function flush(scan: Scan): void {
  if (scan.plain !== "") scan.out.push({ kind: "text", text: scan.plain });
  scan.plain = "";
}

function add(scan: Scan, inline: Inline): void {
  flush(scan);
  scan.out.push(inline);
}

/** Collapses blanks, also across pieces, and joins texts that are neighbours. */
function tidy(inlines: readonly Inline[]): Inline[] {
  const out: Inline[] = [];
  let text: string[] = [];
  const close = () => {
    if (text.length > 0) out.push({ kind: "text", text: collapse(text.join("")) });
    text = [];
  };
  for (const inline of inlines) {
    if (inline.kind === "text") text.push(inline.text);
    else {
      close();
      out.push(inline.kind === "footnote" ? inline : { ...inline, text: collapse(inline.text) });
    }
  }
  close();
  // markup neither begins nor ends with blanks; at the ends of the whole they have no meaning
  trimEnd(out, 0, (text) => text.trimStart());
  trimEnd(out, out.length - 1, (text) => text.trimEnd());
  return out.filter((inline) => inline.kind === "footnote" || inline.text !== "");
}

function collapse(text: string): string {
  return text.replace(/[ \n\t\r]+/g, " ");
}

function trimEnd(out: Inline[], index: number, trim: (text: string) => string): void {
  const inline = out[index];
  if (inline?.kind === "text") out[index] = { kind: "text", text: trim(inline.text) };
}

const OPENING = /[\s'"([{<\-/:]|(?![!-~])[\p{Ps}\p{Pi}\p{Pf}\p{Pd}\p{Po}]/u;
const CLOSING = /[\s'")\]}>\-/\\:.,;!?]|(?![!-~])[\p{Pe}\p{Pi}\p{Pf}\p{Pd}\p{Po}]/u;
const PAIRS: Readonly<Record<string, string>> = { "'": "'", '"': '"', "(": ")", "[": "]", "{": "}", "<": ">" };

function before(text: string, at: number): string {
  return at === 0 ? "" : text[at - 1]!;
}

/** Markup of this length may begin here: not inside a word, before text, and not quoted as in `"*"`. */
function mayBegin(text: string, at: number, length: number): boolean {
  const [previous, next] = [before(text, at), text[at + length]];
  if (next === undefined || /\s/.test(next)) return false;
  if (previous !== "" && !OPENING.test(previous)) return isEscapedBlank(text, at);
  return PAIRS[previous] !== next;
}

function isEscapedBlank(text: string, at: number): boolean {
  return at >= 2 && text[at - 2] === "\\" && /\s/.test(text[at - 1]!);
}

function mayEnd(text: string, end: number): boolean {
  return end >= text.length || CLOSING.test(text[end]!);
}

/** Where `mark` ends markup that begins behind `from`; an escaped one does not, unless `literally`. */
function findEnd(text: string, from: number, mark: string, literally = false): number | undefined {
  for (let at = text.indexOf(mark, from + 1); at >= 0; at = text.indexOf(mark, at + 1)) {
    if (/\s/.test(text[at - 1]!) || (!literally && isEscaped(text, at))) continue;
    if (mayEnd(text, at + mark.length)) return at;
  }
  return undefined;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === "\\") slashes++;
  return slashes % 2 === 1;
}

/** Removes backslashes; an escaped blank disappears. */
function unescape(text: string): string {
  return text.replace(/\\(\s|[^])/gu, (_, character) => /\s/.test(character) ? "" : character);
}

function readEscape(scan: Scan, at: number): Step {
  const next = scan.text.codePointAt(at + 1);
  if (next === undefined) return { problem: "a backslash at the end escapes nothing; write \\\\ for a backslash" };
  const character = String.fromCodePoint(next);
  if (!/\s/.test(character)) scan.plain += character;
  return at + 1 + character.length;
}

function readStarred(scan: Scan, at: number): Step {
  const mark = scan.text[at + 1] === "*" ? "**" : "*";
  if (!mayBegin(scan.text, at, mark.length)) {
    scan.plain += mark;
    return at + mark.length;
  }
  const end = findEnd(scan.text, at + mark.length, mark);
  if (end === undefined) return { problem: `${mark} begins emphasis that does not end; write \\${mark[0]} for a star` };
  add(scan, { kind: mark === "*" ? "emphasis" : "strong", text: unescape(scan.text.slice(at + mark.length, end)) });
  return end + mark.length;
}

function readLiteral(scan: Scan, at: number): Step {
  if (!mayBegin(scan.text, at, 2)) {
    scan.plain += "``";
    return at + 2;
  }
  const end = findEnd(scan.text, at + 2, "``", true);
  if (end === undefined) return { problem: "`` begins a literal that does not end" };
  add(scan, { kind: "literal", text: scan.text.slice(at + 2, end) });
  return end + 2;
}

/** Text in single back-quotes: a reference if `_` or `__` follows, else not supported. */
function readPhrase(scan: Scan, at: number): Step {
  const { text, scope } = scan;
  if (/(^|[\s'"([{<\-/]):[\w.+-]{1,40}:$/.test(text.slice(Math.max(0, at - 44), at))) {
    return { problem: "roles (:name:`text`) are not supported" };
  }
  if (!mayBegin(text, at, 1)) return undefined;
  let end = text.indexOf("`", at + 2);
  while (end >= 0 && (isEscaped(text, end) || /\s/.test(text[end - 1]!))) end = text.indexOf("`", end + 1);
  if (end < 0) return { problem: "` begins a reference that does not end; write \\` for a back-quote" };
  const mark = text.startsWith("__", end + 1) ? "__" : text[end + 1] === "_" ? "_" : "";
  if (mark === "" || !mayEnd(text, end + 1 + mark.length)) {
    return { problem: "single back-quotes need `text <address>`_ or `name`_; a literal has double ones" };
  }
  if (text[at - 1] === "_") return { problem: "targets inside text are not supported" };
  const content = text.slice(at + 1, end);
  const open = content.endsWith(">") && !content.endsWith("\\>") ? content.lastIndexOf("<") : -1;
  const label = unescape(open < 0 ? content : content.slice(0, open)).trim();
  const found = open < 0
    ? mark === "__" ? scope.anonymous() : scope.link(unescape(content))
    : embedded(scope, content.slice(open + 1, -1));
  if ("problem" in found) return found;
  add(scan, { kind: "link", text: label === "" ? content.slice(open + 1, -1) : label, href: found.href });
  return end + 1 + mark.length;
}

/** The address in `text <address>`_, or the name in `text <name_>`_. */
function embedded(scope: InlineScope, target: string): { href: string } | { problem: string } {
  const name = /^([^/:]+)_$/.exec(target)?.[1];
  return name === undefined ? checkAddress(unescape(target.replace(/\s+/g, ""))) : scope.link(name);
}

function readSubstitution(scan: Scan, at: number): Step {
  const { text, scope } = scan;
  if (!mayBegin(text, at, 1)) return undefined;
  const end = findEnd(text, at + 1, "|");
  if (end === undefined) {
    const refers = text.slice(at + 1).match(/^[^|]{1,100}\|_/) !== null;
    return { problem: refers ? "|name|_ is not supported" : "| begins a substitution that does not end; write \\|" };
  }
  const found = scope.substitution(text.slice(at + 1, end).replace(/\s+/g, " "));
  if ("problem" in found) return found;
  for (const inline of found) add(scan, inline);
  return end + 1;
}

const WORD_BEFORE = /(?:^|[^\p{L}\p{N}_])([\p{L}\p{N}]+(?:[-._+:][\p{L}\p{N}]+)*)$/u;
const NAME_MAX = 100;

/** A reference by one word, `name_` or `name__`; other underscores are text. */
function readReference(scan: Scan, at: number): Step {
  const { text, scope } = scan;
  const length = text[at + 1] === "_" ? 2 : 1;
  if (text[at + length] === "`" || !mayEnd(text, at + length)) {
    return text[at + length] === "`" && mayBegin(text, at + length - 1, 1)
      ? { problem: "targets inside text are not supported" }
      : undefined;
  }
  const name = WORD_BEFORE.exec(text.slice(Math.max(0, at - NAME_MAX), at))?.[1];
  const start = at - (name?.length ?? 0);
  if (name === undefined || (start > 0 && !OPENING.test(text[start - 1]!)) || !scan.plain.endsWith(name)) {
    return undefined;
  }
  const found = length === 2 ? scope.anonymous() : scope.link(name);
  if ("problem" in found) return { problem: `${found.problem}; write \\_ for an underscore` };
  scan.plain = scan.plain.slice(0, -name.length);
  add(scan, { kind: "link", text: name, href: found.href });
  return at + length;
}

const FOOTNOTE = /\[(\d{1,6}|#[\p{L}\p{N}_.-]{0,60}|\*|[\p{L}\p{N}][\p{L}\p{N}_.-]{0,60})\]_/uy;

function readFootnote(scan: Scan, at: number): Step {
  FOOTNOTE.lastIndex = at;
  const found = FOOTNOTE.exec(scan.text);
  if (found === null || !mayBegin(scan.text, at, 1) || !mayEnd(scan.text, at + found[0].length)) return undefined;
  const inline = scan.scope.footnote(found[1]!);
  if ("problem" in inline) return inline;
  // the number stands right behind the word it belongs to
  scan.plain = scan.plain.trimEnd();
  add(scan, inline);
  return at + found[0].length;
}

const ADDRESS = /(?:https?:\/\/|mailto:)[^\s<>"\\`|^{}]{1,2000}/iy;
const ADDRESS_MAX = 1900;

/** An address as it stands in the text; punctuation at its end belongs to the sentence. */
function readAddress(scan: Scan, at: number): Step {
  ADDRESS.lastIndex = at;
  const found = ADDRESS.exec(scan.text)?.[0];
  const previous = before(scan.text, at);
  if (found === undefined || found.length > ADDRESS_MAX) return undefined;
  if (previous !== "" && !OPENING.test(previous)) return undefined;
  let end = found.length;
  while (end > 0 && /[.,;:!?'")\]*_]/.test(found[end - 1]!) && !closesOwn(found, end)) end--;
  const address = found.slice(0, end);
  const checked = checkAddress(address);
  if ("problem" in checked) return undefined;
  add(scan, { kind: "link", text: address, href: checked.href });
  return at + end;
}

/** A bracket at the end belongs to the address if it was opened inside it. */
function closesOwn(address: string, end: number): boolean {
  if (address[end - 1] !== ")") return false;
  const inside = address.slice(0, end);
  return inside.split("(").length >= inside.split(")").length;
}

const LOCAL_PART = /(?:^|[^\p{L}\p{N}._%+-])([A-Za-z0-9][A-Za-z0-9._%+-]{0,63})$/u;
const DOMAIN = /@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])/y;

/** A mail address as it stands in the text. */
function readMail(scan: Scan, at: number): Step {
  DOMAIN.lastIndex = at;
  const domain = DOMAIN.exec(scan.text)?.[0];
  const local = LOCAL_PART.exec(scan.text.slice(Math.max(0, at - 65), at))?.[1];
  if (domain === undefined || local === undefined || !scan.plain.endsWith(local)) return undefined;
  const address = local + domain;
  const checked = checkAddress(`mailto:${address}`);
  if ("problem" in checked) return undefined;
  scan.plain = scan.plain.slice(0, -local.length);
  add(scan, { kind: "link", text: address, href: checked.href });
  return at + domain.length;
}

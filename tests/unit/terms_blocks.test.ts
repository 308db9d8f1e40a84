// SPDX-License-Identifier: AGPL-3.0-or-later
/** The reStructuredText of legal documents: blocks, and what is refused. */
import assert from "node:assert/strict";
import { documentOf, FILE, outline, problemsOf, TITLE } from "../support/terms.ts";

/** Blocks behind the title, in short notation. */
function blocks(text: string): string {
  return outline(documentOf(TITLE + text).blocks.slice(1));
}

const BLOCKS: readonly [name: string, source: string, expected: string][] = [
  ["paragraphs", "One\nline\n\nTwo\n", "One line ; Two"],
  ["carriage returns, tabs, no end of line", "One\r\nline\r\n\r\n\tquoted", "One line ; quote(quoted)"],
  ["bullets", "* a\n* b\n  c\n", "ul(a | b c)"],
  ["bullets with paragraphs", "- a\n\n  b\n\n- c\n", "ul(a ; b | c)"],
  ["two lists by two bullets", "- a\n\n+ b\n", "ul(a) ; ul(b)"],
  ["a bullet that stands alone", "*\n  a\n* b\n", "ul(a | b)"],
  ["nested lists", "1. a\n\n   a) b\n   b) c\n\n2. d\n", "ol arabic.1(a ; ol alpha)1(b | c) | d)"],
  ["numbers by themselves", "#. a\n#. b\n", "ol arabic.1(a | b)"],
  ["Roman numbers in brackets", "(iv) a\n(v) b\n", "ol (roman)4(a | b)"],
  ["a single i is Roman", "I. a\nII. b\n", "ol Roman.1(a | b)"],
  ["letters from c", "C. a\nD. b\n", "ol Alpha.3(a | b)"],
  ["a number that does not follow begins a list", "1. a\n\n5. b\n", "ol arabic.1(a) ; ol arabic.5(b)"],
  ["a sentence that looks like an item", "A. Einstein wrote\nit down.\n", "A. Einstein wrote it down."],
  ["definitions", "a\n  b\n\nc\n  d\n\n  e\n", "dl(a: b | c: d ; e)"],
  ["definitions without blank lines", "a\n  b\nc\n  d\n", "dl(a: b | c: d)"],
  ["quote in quote", "  a\n\n    b\n", "quote(a ; quote(b))"],
  ["lines", "| a\n|   b\n|     c\n| d\n  e\n", "lines(0:a | 1:b | 2:c | 0:d e)"],
  ["lines with an empty one", "| a\n|\n| b\n", "lines(0:a | 0: | 0:b)"],
  ["literal", "a::\n\n  b *c*\n    d\n\ne\n", 'a: ; pre("b *c*\\n  d") ; e'],
  ["literal without colon", "a ::\n\n  b\n", 'a ; pre("b")'],
  ["literal alone", "::\n\n  b\n", 'pre("b")'],
  ["comment", "a\n\n.. not\n   shown\n\nb\n", "a ; b"],
  ["empty comment ends a list", "* a\n\n..\n\n* b\n", "ul(a) ; ul(b)"],
  ["empty comment takes nothing with it", "a\n\n..\n\n  b\n", "a ; quote(b)"],
  ["rule", "a\n\n----\n\nb\n", "a ; rule ; b"],
  ["grid", "+---+----+\n| a | b  |\n+===+====+\n| c | d  |\n|   | e  |\n+---+----+\n", "table 3,4(a & b // c & d e)"],
  ["grid with blocks", "+-----+\n| * a |\n| * b |\n+-----+\n", "table 5( // ul(a | b))"],
  ["simple table", "==  ==\na   b\n==  ==\nc   d\n    e f\n==  ==\n", "table 2,2(a & b // c & d e f)"],
  ["simple table without heading", "==  ==\na   b\n\nc   d\n==  ==\n", "table 2,2( // a & b | c & d)"],
  [
    "list table",
    ".. list-table:: T *x*\n   :header-rows: 1\n   :widths: 10 90\n\n   * - a\n     - b\n   * - c\n     - d\n",
    "table 10,90(T *x*: a & b // c & d)",
  ],
  ["titled table", ".. table:: T\n\n   ==  ==\n   a   b\n   ==  ==\n", "table 2,2(T:  // a & b)"],
  [
    "footnotes",
    "a [2]_ b [#]_ c [#x]_\n\n.. [2] d\n.. [#] e\n.. [#x] f\n",
    "a[2] b[1] c[3] ; note 2<(d) ; note 1<(e) ; note 3<(f)",
  ],
  [
    "numbers that are given are left alone",
    "a [#]_ b [1]_\n\n.. [#] c\n.. [1] d\n",
    "a[2] b[1] ; note 2<(c) ; note 1<(d)",
  ],
  ["a footnote that nobody refers to", "a\n\n.. [1] b\n", "a ; note 1(b)"],
];

for (const [name, source, expected] of BLOCKS) {
  Deno.test(`terms blocks: ${name}`, () => assert.equal(blocks(source), expected));
}

Deno.test("terms blocks: headings by the order of their styles, with ids that are unique", () => {
  const text =
    "=====\nTitle\n=====\n\nOne\n---\n\nA b, ç!\n~~~~~~~\n\nTwo\n---\n\nOne\n---\n\n3. Three\n--------\n\n§\n-\n";
  assert.equal(
    outline(documentOf(text).blocks),
    "h1#title(Title) ; h2#one(One) ; h3#a-b-c(A b, ç!) ; h2#two(Two) ; h2#one-2(One) ; h2#three(3. Three) ; h2#section(§)",
  );
});

Deno.test("terms blocks: if others look like the title, they are sections", () => {
  assert.equal(
    outline(documentOf("Title\n=====\n\nOne\n===\n\nSub\n---\n").blocks),
    "h1#title(Title) ; h2#one(One) ; h3#sub(Sub)",
  );
});

Deno.test("terms blocks: comments and definitions may stand before the title", () => {
  assert.equal(
    outline(documentOf(".. x\n\n.. |a| replace:: b\n\nTitle\n=====\n\n|a|\n").blocks),
    "h1#title(Title) ; b",
  );
});

Deno.test("terms blocks: a name before a heading is its id, and links lead there", () => {
  const text = "See `The part`_, part_ and `other <part_>`_.\n\n.. _part:\n\nThe Part\n--------\n";
  assert.equal(blocks(text), "See {The part|#part}, {part|#part} and {other|#part}. ; h2#part(The Part)");
});

/** Sources behind the title, which ends in line 3, and what is said about them. */
const REFUSED: readonly [name: string, source: string, line: number, message: RegExp][] = [
  ["raw HTML", "a\n\n.. raw:: html\n\n   <script>alert(1)</script>\n", 6, /directive raw:: is not supported/],
  ["another file", ".. include:: /etc/passwd\n", 4, /directive include:: is not supported/],
  ["a picture", ".. image:: x.png\n", 4, /directive image::/],
  ["a directive with one colon", ".. list-table: x\n", 4, /two colons: list-table::/],
  ["field list", ":Author: x\n", 4, /field lists/],
  ["option list", "-a  x\n", 4, /option lists/],
  ["session", ">>> 1\n", 4, /interactive sessions/],
  ["citation", ".. [Tal] x\n", 4, /\[Tal\] is not supported/],
  ["a line indented too early", "a\nb\n  c\n", 6, /indented without a blank line/],
  ["a line indented too little", "* a\n b\n", 5, /indent this line by 2/],
  ["text right after a list", "* a\nb\n", 5, /blank line is missing/],
  ["a short underline", "a\n\nLong title\n-----\n", 7, /shorter than the title/],
  ["a skipped level", "A\n-\n\nB\n~\n\nC\n=\n\nD\n~\n", 13, /skips a level/],
  ["a heading in a list", "* a\n\n  B\n  -----\n", 6, /heading may not stand inside/],
  ["a title above only", "-----\nabc\n\nd\n", 4, /needs the same line below/],
  ["no literal block", "a::\n\nb\n", 4, /literal block must follow/],
  ["cells that span", "+--+--+\n| a   |\n+--+--+\n", 5, /cells that span/],
  ["a table without end", "+--+\n| a|\n", 5, /does not end/],
  ["a simple table without end", "==  ==\na   b\n", 4, /does not end/],
  ["text between columns", "==  ==\naaa b\n==  ==\n", 5, /between two columns/],
  ["rows of different length", ".. list-table::\n\n   * - a\n     - b\n   * - c\n", 4, /equally many cells/],
  ["an option nobody knows", ".. list-table::\n   :class: x\n\n   * - a\n", 4, /option :class:/],
  ["too many heading rows", ".. list-table::\n   :header-rows: 2\n\n   * - a\n", 4, /from 0 to 1/],
  ["a substitution of something else", ".. |a| image:: x.png\n", 4, /only replace::/],
  ["a substitution twice", ".. |a| replace:: b\n.. |a| replace:: c\n", 5, /defined twice/],
  ["a target twice", ".. _a: https://a.example/\n.. _A: https://b.example/\n", 5, /defined twice/],
  ["a target before a paragraph", ".. _a:\n\nText\n", 4, /stands before no heading/],
  ["a footnote twice", "a\n\n.. [1] b\n.. [1] c\n", 7, /there twice/],
  ["a footnote in a list", "* a\n\n  .. [1] b\n", 6, /footnote may not stand inside/],
  ["a target with a script", ".. _a: javascript:alert(1)\n", 4, /must begin with https/],
  ["a control character", "a\u0007b\n", 4, /character U\+0007/],
];

for (const [name, source, line, message] of REFUSED) {
  Deno.test(`terms blocks: refused with its line: ${name}`, () => {
    const [problem = ""] = problemsOf(TITLE + source);
    assert.match(problem, message);
    assert.ok(problem.startsWith(`${FILE}:${line}: `), problem);
  });
}

Deno.test("terms blocks: a line below the title that is too short to be one is told as that", () => {
  const short = "the line below the title is shorter than the title";
  assert.deepEqual(problemsOf("Title\n===\n\nText\n"), [`${FILE}:2: ${short}`]);
  assert.deepEqual(problemsOf("Title\n====\n\nText\n"), [`${FILE}:2: ${short}`]);
  assert.deepEqual(problemsOf(".. a comment\n   goes on\n\nTitle\n=\n\nText\n"), [`${FILE}:5: ${short}`]);
});

Deno.test("terms blocks: a document without title, text or UTF-8 is refused", () => {
  assert.match(problemsOf("Text\n\nTitle\n=====\n")[0]!, /must begin with its title/);
  assert.match(problemsOf("Title\n\n===\n")[0]!, /must begin with its title/);
  assert.match(problemsOf("\n\n")[0]!, /no text/);
  assert.match(problemsOf(new Uint8Array([0x54, 0xff, 0x0a]))[0]!, /not encoded in UTF-8/);
});

Deno.test("terms blocks: all problems are told, up to a limit", () => {
  const source = TITLE + ".. raw:: html\n\n.. image:: x\n\n";
  assert.equal(problemsOf(source).length, 2);
  assert.equal(problemsOf(TITLE + ".. raw:: html\n\n".repeat(100)).length, 25);
});

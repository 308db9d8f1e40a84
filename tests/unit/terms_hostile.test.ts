// SPDX-License-Identifier: AGPL-3.0-or-later
/** Sources that try to break out, to be too much, or to be too deep. */
import assert from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { parseSource } from "../../core/terms/blocks.ts";
import { buildEdition } from "../../core/terms/build.ts";
import { formatCatalogue, mergeCatalogue } from "../../core/terms/catalogue.ts";
import { renderEpub } from "../../core/terms/epub.ts";
import { renderHtml } from "../../core/terms/html.ts";
import { renderMarkdown } from "../../core/terms/markdown.ts";
import { resolveDocument } from "../../core/terms/resolve.ts";
import { renderText } from "../../core/terms/text.ts";
import { documentOf, editionOf, problemsOf, sourceOf, TITLE } from "../support/terms.ts";

const HOSTILE =
  `<script>alert(1)</script> "><img src=x onerror=alert(1)> </title><svg/onload=alert(1)> &lt;b&gt; ]]> -->
javascript:alert(1) JAVASCRIPT:alert(1) data:text/html,x vbscript:x`;

Deno.test("terms hostile: tags are text in every place of a page", () => {
  const text = `<script>a</script> & "x"\n${"=".repeat(30)}\n\n.. |s| replace:: <script>s</script>\n\n${HOSTILE}\n
*<script>e</script>* **<script>b</script>** \`\`<script>c</script>\`\` |s| [#]_
\`<script>l</script> <https://x.example/?\"onclick=alert(1)>\`_

<script>h</script>
------------------

<script>t</script>
  <script>d</script>

| <script>l</script>

::

  <script>p</script></pre></code>

==================  ==
<script>k</script>  v
==================  ==

.. [#] <script>f</script>
`;
  const hostile = { title: "<script>", author: '"><script>', copyright: "<script>", contents: "<script>" };
  const html = renderHtml(editionOf(documentOf(text), hostile));
  const known =
    "html head meta title style body div nav p ol ul li a main h1 h2 em strong code sup dl dt dd span pre " +
    "table tbody tr td footer colgroup col";
  const tags = new Set([...html.replace(/<style>[^]*<\/style>/, "").matchAll(/<\/?([a-z0-9]+)/gi)].map((m) => m[1]!));
  assert.deepEqual([...tags].filter((tag) => !known.split(" ").includes(tag)), []);
  for (const [, href] of html.matchAll(/href="([^"]*)"/g)) assert.match(href!, /^(#|https:\/\/x\.example\/)/);
  assert.doesNotMatch(html, / on[a-z]+=(?![^<]*&)/);
});

Deno.test("terms hostile: Markdown has no tags but its own", () => {
  const markdown = renderMarkdown(editionOf(documentOf(TITLE + HOSTILE)));
  assert.doesNotMatch(markdown, /(?<!\\)<(?!\/?(em|strong|code)>|!-- -->|https?:)/);
  assert.doesNotMatch(markdown, /\]\(<?(javascript|data|vbscript)/i);
});

Deno.test("terms hostile: what looks like typst is text in the PDF", async () => {
  const text =
    `${TITLE}#read("/etc/passwd") #{ panic("x") } $ x $ \\\\ ] } <fn_1> @title // \\*a\\* #import "@preview/a:1"\n`;
  const built = await buildEdition(editionOf(documentOf(text), { title: '" #panic("t")', author: '\\" x' }), []);
  assert.ok("files" in built, JSON.stringify(built));
});

const NEST = 40;

const DEEP: readonly [name: string, text: string][] = [
  ["bullets", Array.from({ length: NEST }, (_, n) => `${"  ".repeat(n)}* x\n\n`).join("")],
  ["bullets in one line", `${"* ".repeat(50_000)}x\n`],
  ["quotes", Array.from({ length: NEST }, (_, n) => `${" ".repeat(n)}x\n\n`).join("")],
  ["definitions", Array.from({ length: NEST }, (_, n) => `${" ".repeat(n)}x\n`).join("")],
  ["numbers", `${"1. ".repeat(50_000)}x\n`],
  [
    "list tables",
    Array.from({ length: NEST }, (_, n) => `${"    ".repeat(n)}.. list-table::\n\n${"    ".repeat(n)}  * -\n`).join(""),
  ],
];

for (const [name, text] of DEEP) {
  Deno.test(`terms hostile: deep nesting is refused, not a stack that overflows: ${name}`, () => {
    assert.match(problemsOf(TITLE + text).join("\n"), /nested more than 12 levels deep/);
  });
}

Deno.test("terms hostile: the deepest nesting that is accepted can be shown in every format", async () => {
  const text = Array.from({ length: 11 }, (_, n) => `${"   ".repeat(n)}${n % 2 === 0 ? "1." : "- "} x\n\n`).join("");
  const built = await buildEdition(editionOf(documentOf(TITLE + text)), []);
  assert.ok("files" in built, JSON.stringify(built));
});

Deno.test("terms hostile: substitutions cannot make a small source a huge document", () => {
  const source = `${TITLE}.. |a| replace:: ${"b".repeat(10_000)}\n\n${"|a| ".repeat(10_000)}\n`;
  assert.match(problemsOf(source)[0]!, /substitutions make the document too long/);
});

Deno.test("terms hostile: a source that is too large is refused before it is read", () => {
  assert.match(problemsOf(new Uint8Array(2 * 1024 * 1024 + 1))[0]!, /at most 2097152/);
});

const MEGABYTE = 1024 * 1024;
/** Enough to tell squares from lines. */
const SOME = MEGABYTE / 8;

/** Seconds of processor time that a step takes: unlike a clock, it does not depend on what else the machine does. */
function secondsOf(step: () => void): number {
  const before = process.cpuUsage();
  step();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function everything(source: string): void {
  const parsed = parseSource("x.rst", new TextEncoder().encode(source));
  if ("problems" in parsed) return;
  const resolved = resolveDocument(parsed.document);
  if ("problems" in resolved) return;
  const edition = editionOf(resolved.document);
  for (const render of [renderText, renderMarkdown, renderHtml, renderEpub]) render(edition);
  formatCatalogue(mergeCatalogue(parsed.document, undefined, { language: "de", etag: "x", date: new Date(0) }));
}

function filled(piece: string, size: number): string {
  return TITLE + piece.repeat(Math.ceil(size / piece.length)) + "\n";
}

Deno.test("terms hostile: a megabyte of text is parsed and shown in two seconds", () => {
  const source = filled(
    "A *sentence* of a contract with ``words``, see https://taler.net/. ".repeat(8) + "\n\n",
    MEGABYTE,
  );
  const seconds = secondsOf(() => {
    const edition = editionOf(documentOf(source));
    renderHtml(edition);
    renderText(edition);
  });
  assert.ok(seconds < 2, `${seconds} s`);
});

const PATTERNS = [
  "a",
  "word ",
  "* a\n",
  "a\n b\n\n",
  "A\n-\n\n",
  "*a ",
  "`",
  "_",
  ".foo_ ",
  "|",
  "|a b ",
  "a@b ",
  "a.a.",
  "http://",
  "https://x.y/) ",
  "(https://x.de/(((",
  "[#]_ ",
  ".. [#] a\n",
  "| a\n",
  "\t",
  "\n",
  "#. a\n",
  "\\\\",
  "<script>",
  "..\n\n",
  "=",
  ":a",
  "[",
  "(",
  "+--+\n",
  "== ==\n",
  "a  b",
  "“",
];

Deno.test("terms hostile: no pattern makes the time grow faster than the text", () => {
  const slow = PATTERNS.flatMap((pattern) => {
    const seconds = secondsOf(() => everything(filled(pattern, SOME)));
    // the slowest takes 1 s on a busy machine; anything quadratic takes minutes
    return seconds < 10 ? [] : [`${JSON.stringify(pattern)}: ${seconds} s`];
  });
  assert.deepEqual(slow, []);
});

Deno.test("terms hostile: any text gives a document or problems with lines, never an exception", () => {
  const pieces = fc.constantFrom(
    "* ",
    "  ",
    "\n",
    "\n\n",
    "a",
    "b c",
    "::",
    "*",
    "**",
    "`",
    "``",
    "_",
    "__",
    "|",
    "[1]_",
    ".. ",
    ".. |a| replace:: x\n",
    ".. _a: ",
    "==",
    "== ==\n",
    "+--+\n",
    "| x |\n",
    "---",
    "====",
    "1. ",
    "(a) ",
    "\\",
    ":",
    "https://x.example/",
    "<",
    ">",
    "é",
    "漢",
    ".. list-table::\n",
    "   * - x\n",
    "@",
    "\t",
    "[#]",
    "#. ",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), fc.boolean(), (parts, titled) => {
      const text = (titled ? TITLE : "") + parts.join("");
      const problems = problemsOf(text);
      if (problems.length === 0) everything(text);
      else for (const problem of problems) assert.match(problem, /^tos-v0\.rst:\d+: ./);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("terms hostile: nothing of a text is lost", () => {
  const words = fc.array(fc.constantFrom("alpha", "beta", "gamma", "delta", "epsilon"), { minLength: 1, maxLength: 4 });
  const shape = fc.constantFrom(
    "WORDS\n\n",
    "* WORDS\n\n",
    "1. WORDS\n\n",
    "  WORDS\n\n",
    "WORDS\n  WORDS\n\n",
    "| WORDS\n\n",
    "WORDS::\n\n  WORDS\n\n",
    "..\n\n",
    "+-----------------------------+\n| WORDS\n",
    "*WORDS*\n\n",
    "``WORDS`` WORDS\n\n",
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(shape, words), { minLength: 1, maxLength: 12 }), (parts) => {
      const source = TITLE + parts.map(([shape, list]) => shape.replaceAll("WORDS", list.join(" "))).join("");
      if (problemsOf(source).length > 0) return;
      const count = (text: string) => text.match(/alpha|beta|gamma|delta|epsilon/g)?.length ?? 0;
      const edition = editionOf(documentOf(source));
      for (const render of [renderText, renderMarkdown, renderHtml]) {
        {
          assert.equal(count(render(edition).replace(/<style>[^]*<\/style>/, "")), count(source));
        }
      }
      assert.ok(sourceOf(source).blocks.length > 0);
    }),
    { numRuns: 500 },
  );
});

Deno.test("terms hostile: whatever text is accepted, its PDF can be made", async () => {
  // deno-fmt-ignore -- a list of short pieces
  const pieces = fc.constantFrom("* ", "  ", "\n", "\n\n", "a", "b c", "::", "\\ ", "*x*", "``y``", "[1]_ ", "\n.. [1] q\n",
    "|a|", "\n.. |a| replace:: x\n", "== ==\n", "a  b\n", "+--+\n", "|x |\n", "----\n", "====\n", "1. ", "(a) ", "#. ", "| ",
    "https://x.example/", "<", ">", "é", ".. list-table::\n", "   * - x\n", "a@b.de", "\t", "A\n-\n\n", "Title_ ");
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 30 }), async (parts) => {
      const text = TITLE + parts.join("");
      if (problemsOf(text).length > 0) return;
      const built = await buildEdition(editionOf(documentOf(text)), []);
      assert.ok("files" in built, JSON.stringify(built));
    }),
    { numRuns: 200 },
  );
});

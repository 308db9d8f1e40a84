// SPDX-License-Identifier: AGPL-3.0-or-later
/** The formats of legal documents: that each shows the whole text, and that the same text gives the same bytes. */
import assert from "node:assert/strict";
import { HtmlRenderer, Parser } from "commonmark";
import fc from "fast-check";
import { unzipSync } from "fflate";
import { SaxesParser } from "saxes";
import { buildEdition, FORMATS } from "../../core/terms/build.ts";
import { renderEpub } from "../../core/terms/epub.ts";
import { renderHtml } from "../../core/terms/html.ts";
import { renderMarkdown } from "../../core/terms/markdown.ts";
import { typstSource } from "../../core/terms/pdf.ts";
import { renderText } from "../../core/terms/text.ts";
import type { Block, Inline, TermsDocument } from "../../core/terms/tree.ts";
import { documentOf, editionOf, TITLE } from "../support/terms.ts";

const SAMPLE = `${TITLE}Text *em* **strong** \`\`lit\`\` \`site <https://x.example/?a=1&b=2>\`_ [#]_ <b> & "q".

One
---

(a) first
(b) second

    * deep

Two
---

term
  explained

| line
|   indented

::

  <pre> & *not*

Sub
~~~

==  =====
k   v
==  =====
a   <i>
==  =====

Three
-----

    quote

----

.. [#] note https://taler.net/
`;

const sample = editionOf(documentOf(SAMPLE), { copyright: "© 2026 <Example>" });

Deno.test("terms text: as it is to look", () => {
  assert.equal(
    renderText(sample),
    `Title
=====

Text _em_ *strong* lit site <https://x.example/?a=1&b=2> [1] <b> & "q".


One
---

(a) first
(b) second
    - deep


Two
---

term
    explained

line
  indented

    <pre> & *not*

Sub
~~~

-  ---
k  v
-  ---
a  <i>
-  ---


Three
-----

    quote

                                 * * *

[1] note https://taler.net/

------------------------------------------------------------------------
tos-v0
© 2026 <Example>
`,
  );
});

Deno.test("terms text: no line is longer than 72 columns, wide characters count twice", () => {
  const words = "Wörter und Sätze, die umbrochen werden müssen. ".repeat(30);
  const text = `${TITLE}${words}\n\n* ${words}\n\n  1. ${words}\n\n${"漢字かな交じり文。".repeat(40)}\n`;
  const lines = renderText(editionOf(documentOf(text))).split("\n");
  const columns = (line: string) => [...line].reduce((sum, c) => sum + (/[\u3000-\u9fff]/.test(c) ? 2 : 1), 0);
  assert.deepEqual(lines.filter((line) => columns(line) > 72), []);
  assert.ok(lines.some((line) => columns(line) > 66));
  assert.ok(!lines.some((line) => /^。/.test(line)), "a line begins with a full stop");
});

Deno.test("terms html: valid to an XML parser but for what is HTML's own, with language and contents", () => {
  const html = renderHtml(editionOf(documentOf(SAMPLE), { language: "de", contents: "Inhalt" }));
  assert.match(html, /^<!DOCTYPE html>\n<html lang="de" dir="ltr">/);
  assert.match(html, /<p id="toc_title">Inhalt<\/p>/);
  assert.match(html, /<li><a href="#two">Two<\/a>\n<ol>\n<li><a href="#sub">Sub<\/a><\/li>/);
  assert.match(html, /<h2 id="one">One<\/h2>\n<ol class="both-alpha" type="a">/);
  assert.match(html, /<a class="named" href="https:\/\/x\.example\/\?a=1&amp;b=2">site<\/a>/);
  assert.match(html, /<sup class="ref"><a id="fnref_1" href="#fn_1">1<\/a><\/sup>/);
  assert.match(html, /<div class="note" id="fn_1"><span class="mark"><a href="#fnref_1">1<\/a><\/span>/);
  assert.match(html, /<pre><code>&lt;pre&gt; &amp; \*not\*<\/code><\/pre>/);
  assert.doesNotMatch(html, /<script|<link|url\(|@import|src=/);
  wellFormed(html.replace(/^<!DOCTYPE html>/, "").replace(/<meta [^>]*>|<style>[^]*<\/style>/g, ""));
});

Deno.test("terms html: right to left, and no contents for a short text", () => {
  const html = renderHtml(editionOf(documentOf(`${TITLE}x\n\nOne\n---\n\ny\n`), { language: "ar" }));
  assert.match(html, /<html lang="ar" dir="rtl">/);
  assert.doesNotMatch(html, /<nav/);
});

Deno.test("terms html: every link inside the page leads somewhere, every id is there once", () => {
  const html = renderHtml(sample);
  const ids = [...html.matchAll(/ id="([^"]*)"/g)].map((m) => m[1]!);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, id] of html.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(id!), id);
});

function wellFormed(markup: string): void {
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(markup).close();
}

Deno.test("terms epub: its files are well-formed, mimetype is first and not compressed", () => {
  const bytes = renderEpub(sample);
  const files = unzipSync(bytes);
  assert.equal(Object.keys(files)[0], "mimetype");
  assert.equal(new TextDecoder().decode(bytes.subarray(30, 58)), "mimetypeapplication/epub+zip");
  for (const [name, content] of Object.entries(files)) {
    if (/\.(xhtml|opf|xml)$/.test(name)) wellFormed(new TextDecoder().decode(content).replace("<!DOCTYPE html>", ""));
  }
  const opf = new TextDecoder().decode(files["EPUB/package.opf"]);
  assert.match(opf, /<dc:language>en<\/dc:language>/);
  assert.match(opf, /<meta property="dcterms:modified">2026-11-22T10:20:30Z<\/meta>/);
  assert.match(opf, /<dc:rights>© 2026 &lt;Example&gt;<\/dc:rights>/);
  assert.match(opf, /urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/);
});

Deno.test("terms formats: the same edition gives the same bytes, another date or language others", async () => {
  const build = async (details = {}) => {
    const built = await buildEdition({ ...sample, ...details }, []);
    assert.ok("files" in built, JSON.stringify(built));
    return built.files;
  };
  const [first, second] = [await build(), await build()];
  for (const format of FORMATS) assert.deepEqual(first[format], second[format], format);
  const later = await build({ date: new Date("2027-01-01T00:00:00Z") });
  for (const format of ["pdf", "epub"] as const) assert.notDeepEqual(later[format], first[format], format);
  for (const format of ["txt", "html", "md"] as const) assert.deepEqual(later[format], first[format], format);
  assert.match(new TextDecoder("latin1").decode(first.pdf), /^%PDF-1\.7/);
});

Deno.test("terms formats: e-books do not depend on the time zone", async () => {
  const script = `
    import { renderEpub } from ${JSON.stringify(new URL("../../core/terms/epub.ts", import.meta.url).href)};
    const hash = await crypto.subtle.digest("SHA-256", renderEpub({ document: { blocks: [] }, language: "en", etag: "e",
      title: "t", author: "", copyright: "", paper: "a4", date: new Date(0), contents: "c" }));
    console.log(new Uint8Array(hash).toHex?.() ?? [...new Uint8Array(hash)].join());`;
  const run = async (zone: string) => {
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--ext=ts", `--config=${config}`, script],
      env: { TZ: zone, NO_COLOR: "1" },
    }).output();
    return new TextDecoder().decode(stdout).trim();
  };
  const [here, there] = [await run("UTC"), await run("Pacific/Auckland")];
  assert.notEqual(here, "");
  assert.equal(here, there);
});

Deno.test("terms pdf: characters without a glyph are told, not left out", async () => {
  const built = await buildEdition(editionOf(documentOf(`${TITLE}漢字 and 漢 ok\n`), { language: "ja" }), []);
  assert.ok("problems" in built);
  assert.equal(built.problems[0]!.file, "ja/tos-v0.pdf");
  assert.equal(built.problems[0]!.message, "no font has the characters 漢 (U+6F22), 字 (U+5B57)");
});

/** Text as a reader of the Markdown sees it: without tags, blanks collapsed. */
function readMarkdown(markdown: string): string {
  const html: string = new HtmlRenderer().render(new Parser().parse(markdown));
  const entities: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"' };
  return html.replace(/<!--.*?-->|<[^>]*>/g, "").replace(/&\w+;/g, (name) => entities[name] ?? name)
    .replace(/\s+/g, " ").trim();
}

Deno.test("terms markdown: CommonMark's own parser sees the structure", () => {
  const html = new HtmlRenderer().render(new Parser().parse(renderMarkdown(sample)));
  for (
    const part of [
      "<h1>Title</h1>",
      "<em>em</em> <strong>strong</strong> <code>lit</code>",
      '<a href="https://x.example/?a=1&amp;b=2">site</a>',
      "<li>\n<p>(a) first</p>\n</li>",
      "<p>(b) second</p>\n<ul>\n<li>deep</li>",
      "<pre><code>&lt;pre&gt; &amp; *not*\n</code></pre>",
      "<strong>term</strong>",
      "<strong>v</strong>: &lt;i&gt;",
      "<blockquote>\n<p>quote</p>\n</blockquote>",
      "line<br />",
    ]
  ) assert.ok(html.includes(part), `${part} in\n${html}`);
});

/** Running text of any kind, as the parser makes it: no blanks at the ends, none twice. */
const word = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 12 })
  .map((text) => text.replace(/\s+/g, " ").trim()).filter((text) => text !== "");
const piece = fc.oneof(
  { weight: 4, arbitrary: word.map((text): Inline => ({ kind: "text", text })) },
  fc.tuple(fc.constantFrom("emphasis" as const, "strong" as const, "literal" as const), word)
    .map(([kind, text]): Inline => ({ kind, text })),
  word.map((text): Inline => ({ kind: "link", text, href: "https://x.example/(a)?b=1&copy=2" })),
);
const inlines = fc.array(piece, { minLength: 1, maxLength: 5 }).map((list) =>
  list.filter((inline, index) => inline.kind !== "text" || list[index - 1]?.kind !== "text")
);
const paragraph = inlines.map((text): Block<readonly Inline[]> => ({ kind: "paragraph", text }));
const block: fc.Arbitrary<Block<readonly Inline[]>> = fc.letrec<{ block: Block<readonly Inline[]> }>((tie) => {
  const inside = fc.array(tie("block"), { minLength: 1, maxLength: 3 });
  return {
    block: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      paragraph,
      fc.array(inside, { minLength: 1, maxLength: 3 }).map((items) => ({ kind: "bullets" as const, items })),
      fc.tuple(fc.array(inside, { minLength: 1, maxLength: 3 }), fc.constantFrom("arabic" as const, "alpha" as const))
        .map(([items, numbering]) => ({
          kind: "numbers" as const,
          numbering,
          open: "" as const,
          close: "." as const,
          start: 3,
          items,
        })),
      inside.map((blocks) => ({ kind: "quote" as const, blocks })),
      word.map((text) => ({ kind: "literal" as const, text })),
      fc.tuple(inlines, inside).map(([term, blocks]) => ({ kind: "definitions" as const, items: [{ term, blocks }] })),
    ),
  };
}).block;

/** Text of blocks without markup; `letters` tells whether the markers of lists with letters are text. */
function plain(blocks: readonly Block<readonly Inline[]>[], letters: boolean): string {
  const inside = (blocks: readonly Block<readonly Inline[]>[]) => plain(blocks, letters);
  return blocks.map((block) => {
    if (block.kind === "paragraph") return block.text.map((inline) => "text" in inline ? inline.text : "").join("");
    if (block.kind === "literal") return block.text;
    if (block.kind === "quote") return inside(block.blocks);
    if (block.kind === "bullets") return block.items.map(inside).join(" ");
    if (block.kind === "definitions") {
      return block.items.map(({ term, blocks }) => `${inside([{ kind: "paragraph", text: term }])} ${inside(blocks)}`)
        .join(" ");
    }
    if (block.kind !== "numbers") return "";
    return block.items.map((item, index) => {
      const marker = block.numbering === "arabic" || !letters ? "" : `${String.fromCharCode(99 + index)}. `;
      return marker + inside(item);
    }).join(" ");
  }).join(" ").replace(/\s+/g, " ").trim();
}

Deno.test("terms markdown: whatever the text is, CommonMark shows it as it is", () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), (blocks) => {
      const markdown = renderMarkdown(editionOf({ blocks }));
      assert.equal(readMarkdown(markdown), `${plain(blocks, true)} tos-v0`, markdown);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("terms html: whatever the text is, the page is well-formed and shows it as it is", () => {
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), (blocks) => {
      const document: TermsDocument = { blocks };
      let text = "";
      const parser = new SaxesParser();
      parser.on("text", (part) => void (text += part));
      const body = /<div class="page">([^]*)<\/main>/.exec(renderHtml(editionOf(document)))![1]!;
      parser.write(`<x>${body.replace("<main>", "")}</x>`).close();
      const bare = (shown: string) => shown.replace(/\s+/g, "");
      assert.equal(bare(text), bare(plain(blocks, false)));
    }),
    { numRuns: 300 },
  );
});

Deno.test("terms pdf: text is in string literals only", () => {
  const hostile = 'x" #read("/etc/passwd") $ \\ ] } <y> @z // *a* \\u{41}';
  const source = typstSource(editionOf({ blocks: [{ kind: "paragraph", text: [{ kind: "text", text: hostile }] }] }));
  assert.ok(source.includes(JSON.stringify(hostile)), source);
});

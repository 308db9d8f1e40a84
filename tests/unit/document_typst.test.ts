// SPDX-License-Identifier: AGPL-3.0-or-later
/** The PDF compiler and its fonts. */
import assert from "node:assert/strict";
import { loadFonts, MONO_FAMILY, TEXT_FAMILY } from "../../core/document/fonts.ts";
import { isFont, missingGlyphs } from "../../core/document/glyphs.ts";
import { compileTypst, typstString } from "../../core/document/typst.ts";

const SOURCE =
  `#set document(title: "T", author: "A", date: datetime(year: 2026, month: 11, day: 22, hour: 1, minute: 2, second: 3))
#set text(font: "${TEXT_FAMILY}", lang: "de")
= Überschrift
Text \`mono\`
`;

async function compile(source: string, files?: Record<string, Uint8Array>) {
  return await compileTypst({ source, fonts: await loadFonts(), ...(files === undefined ? {} : { files }) });
}

Deno.test("document typst: a PDF with title, date, language, tags and bookmarks, the same every time", async () => {
  const [first, second] = [await compile(SOURCE), await compile(SOURCE)];
  assert.ok("pdf" in first && "pdf" in second);
  assert.deepEqual(first.pdf, second.pdf);
  const text = new TextDecoder("latin1").decode(first.pdf);
  for (
    const part of ["%PDF-1.7", "(D:20261122010203Z)", "/Lang (de)", "/StructTreeRoot", "/Outlines", "/Marked true"]
  ) {
    assert.ok(text.includes(part), part);
  }
});

Deno.test("document typst: what is wrong with the source is told with line and column", async () => {
  assert.deepEqual(await compile("= a\n\n#nope\n"), {
    problems: [{ line: 3, column: 2, message: "unknown variable: nope" }],
  });
  const broken = await compile("#[");
  assert.ok("problems" in broken && broken.problems[0]!.line === 1);
});

Deno.test("document typst: the source reads only the files that are handed in", async () => {
  const files = { "/x.txt": new TextEncoder().encode("hello") };
  assert.ok("pdf" in await compile('#read("/x.txt")', files));
  for (const source of ['#read("/etc/passwd")', '#read("/x.txt")', '#import "@preview/cetz:0.3.0"']) {
    assert.ok("problems" in await compile(source), source);
  }
});

Deno.test("document typst: a string literal holds any text", async () => {
  const text = 'a"b\\c #x $y$ <z> *s* // \n\t\r é 漢 \\u{41}';
  const checked = `#assert.eq(${typstString(text)}.codepoints().len(), ${[...text].length})`;
  assert.ok("pdf" in await compile(checked));
  assert.ok("problems" in await compile(checked.replace(/\d+\)$/, "1)")));
});

Deno.test("document fonts: they are fonts, and have Latin, Greek and Cyrillic", async () => {
  const fonts = await loadFonts();
  assert.ok(fonts.every(isFont));
  assert.equal(`${TEXT_FAMILY}, ${MONO_FAMILY}`, "IBM Plex Sans, IBM Plex Mono");
  assert.ok(fonts.reduce((sum, font) => sum + font.length, 0) < 1_000_000);
  assert.deepEqual(
    missingGlyphs(fonts, "Füße œuvre łódź ő ğ Ελληνικά русский “„‚‘’” – — … • → € ½ ©\u00a0\u200b\n"),
    [],
  );
  for (const font of fonts) assert.deepEqual(missingGlyphs([font], "Az09.,-äß"), []);
});

Deno.test("document fonts: characters without a glyph, each once, in order", async () => {
  assert.deepEqual(missingGlyphs(await loadFonts(), "a漢b字漢😀"), ["漢", "字", "😀"]);
  assert.deepEqual(missingGlyphs([], "ab a"), ["a", "b"]);
});

/** A font that is nothing but a cmap: format 4 with a and c, format 12 with U+1F600. */
function cmapOnly(): Uint8Array {
  const words = (...values: number[]) => values.flatMap((value) => [value >> 8 & 255, value & 255]);
  const long = (...values: number[]) => values.flatMap((value) => words(value >>> 16, value & 0xffff));
  const header = [...long(0x10000), ...words(1, 0, 0, 0), ...new TextEncoder().encode("cmap"), ...long(0, 28, 0)];
  // two segments: a to c by a list of glyphs, in which b has none; and the end of the table
  const format4 = words(4, 38, 0, 4, 0, 0, 0, 0x63, 0xffff, 0, 0x61, 0xffff, 0, 1, 4, 0, 7, 0, 8);
  const format12 = [...words(12, 0), ...long(28, 0, 1), ...long(0x1f600, 0x1f600, 9)];
  const records = [...words(0, 2), ...words(3, 1), ...long(20), ...words(3, 10), ...long(20 + format4.length)];
  return new Uint8Array([...header, ...records, ...format4, ...format12]);
}

Deno.test("document fonts: a code point inside a segment may have no glyph; higher planes count", () => {
  assert.deepEqual(missingGlyphs([cmapOnly()], "abcd😀😁"), ["b", "d", "😁"]);
});

Deno.test("document fonts: what is no font is seen as such", () => {
  assert.equal(isFont(new TextEncoder().encode("wOF2 and some more bytes")), false);
  assert.equal(isFont(new Uint8Array(3)), false);
});

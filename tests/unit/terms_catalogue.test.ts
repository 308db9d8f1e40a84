// SPDX-License-Identifier: AGPL-3.0-or-later
/** Catalogues of translations: made, brought up to date, and never losing a translator's work. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  catalogueState,
  formatCatalogue,
  mergeCatalogue,
  parseCatalogue,
  translatorOf,
} from "../../core/terms/catalogue.ts";
import { messagesOf } from "../../core/terms/messages.ts";
import { similarityIndex } from "../../core/terms/similarity.ts";
import { documentOf, outline, sourceOf, TITLE } from "../support/terms.ts";

const SUBJECT = { language: "de", etag: "tos-v0", date: new Date("2026-11-22T10:20:30Z") };

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The file after `-l de` with this source; undefined for the existing file: there is none. */
function merged(source: string, existing?: string): string {
  const read = existing === undefined ? undefined : parseCatalogue("de.po", bytesOf(existing));
  assert.ok(read === undefined || "catalogue" in read, JSON.stringify(read));
  return new TextDecoder().decode(formatCatalogue(mergeCatalogue(sourceOf(source), read?.catalogue, SUBJECT)));
}

/** Puts a translation into a file. */
function translate(file: string, message: string, translation: string): string {
  const entry = `msgid "${message}"\nmsgstr ""`;
  assert.ok(file.includes(entry), `${entry} in\n${file}`);
  return file.replace(entry, () => `msgid "${message}"\nmsgstr "${translation}"`);
}

const SOURCE = `${TITLE}A paragraph\nwith *markup*.\n\nPart\n----\n\n* item\n* A paragraph with *markup*.\n`;

Deno.test("terms catalogue: every text is a message, each once, with its places and what it is", () => {
  const source = sourceOf(
    `${TITLE}.. |op| replace:: Ltd\n\nText\n  of a term\n\n.. list-table::\n\n   * - cell\n     - Text\n\n| line\n|\n\n::\n\n  not this\n\nx [1]_\n\n.. [1] note\n`,
  );
  assert.deepEqual(messagesOf(source).map(({ id, lines, note }) => [id, lines, note]), [
    ["Title", [1], "title"],
    ["Text", [6, 12], "in a list of terms"],
    ["of a term", [7], "in a list of terms"],
    ["cell", [11], "in a table"],
    ["line", [14], "line"],
    ["x [1]_", [21], ""],
    ["note", [23], "footnote"],
    ["Ltd", [4], "text of |op|"],
    ["Contents", [], "title of the table of contents"],
  ]);
});

Deno.test("terms catalogue: a new one has all messages and a header", () => {
  const file = merged(SOURCE);
  assert.match(file, /"Language: de\\n"\n/);
  assert.match(file, /"POT-Creation-Date: 2026-11-22 10:20\+0000\\n"\n/);
  assert.match(file, /#: tos-v0\.rst:4\n#: tos-v0\.rst:11\nmsgid "A paragraph with \*markup\*\."\nmsgstr ""\n/);
  assert.match(file, /#: tos-v0\.rst:10\n#\. in a list\nmsgid "item"/);
});

Deno.test("terms catalogue: bringing it up to date twice changes nothing, also when only lines moved", () => {
  const file = translate(merged(SOURCE), "item", "Punkt");
  assert.equal(merged(SOURCE, file), file);
  const moved = merged(SOURCE.replace("A paragraph\n", "A\nparagraph\n"), file);
  assert.equal(moved, file.replaceAll(":11\n", ":12\n").replace(":10\n", ":11\n").replace(":7\n", ":8\n"));
});

Deno.test("terms catalogue: a changed text takes its translation along for review, what vanished is kept", () => {
  const before = `${TITLE}We keep your data for ten years.\n\nWe sell nothing.\n`;
  let file = translate(merged(before), "We keep your data for ten years.", "Wir speichern Daten zehn Jahre.");
  file = translate(file, "We sell nothing.", "Wir verkaufen nichts.");
  const after = `${TITLE}We keep your data for twelve years.\n\nSomething entirely different.\n`;
  const next = merged(after, file);
  assert.match(
    next,
    /#, fuzzy\n#\| msgid "We keep your data for ten years\."\nmsgid "We keep your data for twelve years\."\nmsgstr "Wir speichern Daten zehn Jahre\."\n/,
  );
  assert.match(next, /msgid "Something entirely different\."\nmsgstr ""\n/);
  assert.match(next, /#~ msgid "We sell nothing\."\n#~ msgstr "Wir verkaufen nichts\."\n/);
  assert.equal(merged(after, next), next);
  // what came back has its translation again, and no mark
  const back = merged(before, next);
  assert.match(back, /\nmsgid "We sell nothing\."\nmsgstr "Wir verkaufen nichts\."\n/);
  assert.match(back, /\nmsgid "We keep your data for ten years\."\nmsgstr "Wir speichern Daten zehn Jahre\."\n/);
});

Deno.test("terms catalogue: comments, flags, headers and other contexts are kept", () => {
  const file = `# Remark at the top
msgid ""
msgstr ""
"Language: de\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"X-Generator: Hand 1.0\\n"

# a remark
#: old:1
#, no-wrap
msgid "item"
msgstr "Punkt"

msgctxt "menu"
msgid "item"
msgstr "Eintrag"

# an old remark
#~ msgid "gone"
#~ msgstr "weg"
`;
  const next = merged(SOURCE, file);
  for (
    const kept of ["# Remark at the top\n", '"X-Generator: Hand 1.0\\n"\n', '#~ msgstr "weg"', "# an old remark\n"]
  ) {
    assert.ok(next.includes(kept), `${kept} in\n${next}`);
  }
  assert.match(next, /# a remark\n#: tos-v0\.rst:10\n#\. in a list\n#, no-wrap\nmsgid "item"\nmsgstr "Punkt"\n/);
  assert.match(next, /msgctxt "menu"\nmsgid "item"\nmsgstr "Eintrag"\n/);
  assert.equal(merged(SOURCE, next), next);
});

Deno.test("terms catalogue: translations apply; fuzzy and empty ones do not", () => {
  let file = translate(merged(SOURCE), "item", "Punkt");
  file = translate(file, "Part", "Teil").replace("#. heading\n", "#. heading\n#, fuzzy\n");
  const read = parseCatalogue("de.po", bytesOf(file));
  assert.ok("catalogue" in read);
  assert.deepEqual(catalogueState(sourceOf(SOURCE), read.catalogue), { translated: 1, fuzzy: 1, untranslated: 3 });
  const document = documentOf(SOURCE, translatorOf("de.po", read.catalogue));
  assert.equal(
    outline(document.blocks),
    "h1#title(Title) ; A paragraph with *markup*. ; h2#part(Part) ; ul(Punkt | A paragraph with *markup*.)",
  );
});

Deno.test("terms catalogue: messages may be written with other line breaks", () => {
  const read = parseCatalogue("de.po", bytesOf('msgid "A paragraph\\nwith *markup*."\nmsgstr "Ein Absatz."\n'));
  assert.ok("catalogue" in read);
  assert.equal(translatorOf("de.po", read.catalogue).translate("A paragraph with *markup*."), "Ein Absatz.");
});

Deno.test("terms catalogue: other encodings are read", () => {
  const text =
    'msgid ""\nmsgstr "Content-Type: text/plain; charset=iso-8859-1\\n"\n\nmsgid "item"\nmsgstr "St\u00fcck"\n';
  const read = parseCatalogue("de.po", Uint8Array.from(text, (character) => character.charCodeAt(0)));
  assert.ok("catalogue" in read);
  assert.equal(translatorOf("de.po", read.catalogue).translate("item"), "Stück");
});

const BROKEN: readonly [text: string, message: RegExp, line: number | undefined][] = [
  ['msgid "a"\nmsgstr "b\n', /End-of-line within string/, 3],
  ['msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n', /Duplicate msgid/, undefined],
  ['msgid "a"\nmsgtsr "b"\n', /Invalid key name "msgtsr"/, 2],
  ['msgid "a" oops "b"\n', /Invalid key name "oops"/, 1],
];

for (const [text, message, line] of BROKEN) {
  Deno.test(`terms catalogue: broken: ${JSON.stringify(text)}`, () => {
    const read = parseCatalogue("de.po", bytesOf(text));
    assert.ok("problems" in read);
    assert.match(read.problems[0]!.message, message);
    assert.equal(read.problems[0]!.line, line);
  });
}

Deno.test("terms catalogue: names that mean something to the language are texts like others", () => {
  const source = `${TITLE}\\_\\_proto\\_\\_\n\nconstructor\n\n2026\n`;
  const file = translate(merged(source), "constructor", "Erbauer");
  assert.equal(merged(source, file), file);
  assert.equal(outline(documentOf(source).blocks), "h1#title(Title) ; __proto__ ; constructor ; 2026");
});

const words = fc.array(fc.constantFrom("we", "keep", "data", "years", "ten", "sell", "you", "law"), {
  minLength: 1,
  maxLength: 8,
}).map((list) => list.join(" "));
const texts = fc.array(words, { maxLength: 12 }).map((list) => TITLE + list.map((text) => `${text}\n\n`).join(""));

Deno.test("terms catalogue: no translation is ever lost, and a second run changes nothing", () => {
  fc.assert(fc.property(fc.array(texts, { minLength: 2, maxLength: 4 }), (versions) => {
    let file: string | undefined;
    const given = new Set<string>();
    for (const [index, version] of versions.entries()) {
      file = merged(version, file);
      assert.equal(merged(version, file), file);
      file = file.replace(/\nmsgid "([a-z ]+)"\nmsgstr ""/g, (_, text: string) => {
        const translation = `${index}:${text.replaceAll(" ", "-")}`;
        given.add(translation);
        return `\nmsgid "${text}"\nmsgstr "${translation}"`;
      });
    }
    for (const translation of given) assert.ok(file!.includes(`msgstr "${translation}"`), translation);
  }));
});

Deno.test("terms similarity: the closest of those that are close", () => {
  const find = similarityIndex(["We keep data for ten years.", "We keep data for ten days.", "Nothing in common"]);
  assert.equal(find("We keep the data for ten days."), "We keep data for ten days.");
  assert.equal(find("We keep data for ten years!"), "We keep data for ten years.");
  assert.equal(find("Entirely different words"), undefined);
  assert.equal(find("Nothing like this"), undefined);
  assert.equal(find(""), undefined);
});

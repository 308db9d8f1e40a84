// SPDX-License-Identifier: AGPL-3.0-or-later
/** The texts to start from. */
import assert from "node:assert/strict";
import { buildEdition } from "../../core/terms/build.ts";
import { catalogueState, formatCatalogue, mergeCatalogue, translatorOf } from "../../core/terms/catalogue.ts";
import { readTemplate, readTemplateCatalogue, type TemplateName, TEMPLATES } from "../../core/terms/templates.ts";
import { sectionsOf, titleOf } from "../../core/terms/tree.ts";
import { documentOf, editionOf, sourceOf } from "../support/terms.ts";

const NAMES = Object.keys(TEMPLATES) as TemplateName[];

for (const name of NAMES) {
  Deno.test(`terms templates: ${name} can be shown in every format, and its placeholders are marked`, async () => {
    const text = await readTemplate(name);
    const source = sourceOf(text);
    const built = await buildEdition(editionOf(documentOf(text)), []);
    assert.ok("files" in built, JSON.stringify(built));
    assert.ok(sectionsOf(documentOf(text)).length >= 5);
    for (const [placeholder, { text }] of source.substitutions) assert.match(text, /^\[[^\]]+\]$/, placeholder);
    const html = new TextDecoder().decode(built.files.html);
    // each is used: nothing is asked for in vain
    for (const { text } of source.substitutions.values()) assert.ok(html.includes(text), text);
    assert.match(text, /lawyer/);
  });
}

Deno.test("terms templates: the files are those of the folder", () => {
  const names = [...Deno.readDirSync(new URL("../../share/terms", import.meta.url))].map(({ name }) => name)
    .filter((name) => name.endsWith(".rst")).sort();
  assert.deepEqual(names, NAMES.map((name) => `${name}.rst`).sort());
});

Deno.test("terms templates: the German translation is complete and up to date", async () => {
  const source = sourceOf(await readTemplate("auditor-tos-v0"));
  const catalogue = await readTemplateCatalogue("de");
  assert.ok(catalogue !== undefined);
  const { translated, fuzzy, untranslated } = catalogueState(source, catalogue);
  assert.deepEqual([fuzzy, untranslated], [0, 0]);
  assert.ok(translated > 60);
  const subject = { language: "de", etag: "auditor-tos-v0", date: new Date(0) };
  const merged = formatCatalogue(mergeCatalogue({ ...source, file: "auditor-tos-v0.rst" }, catalogue, subject));
  const path = new URL("../../share/terms/locale/de/LC_MESSAGES/auditor-tos-v0.po", import.meta.url);
  assert.equal(new TextDecoder().decode(merged), await Deno.readTextFile(path));
});

Deno.test("terms templates: the German text has the same structure and placeholders", async () => {
  const catalogue = await readTemplateCatalogue("de");
  const text = await readTemplate("auditor-tos-v0");
  const [english, german] = [documentOf(text), documentOf(text, translatorOf("de.po", catalogue!))];
  assert.equal(titleOf(german), "Nutzungsbedingungen der Prüfstelle");
  assert.deepEqual(sectionsOf(german).map(({ id }) => id), sectionsOf(english).map(({ id }) => id));
  const marks = (message: string) => (message.match(/\|[A-Z]+\||\[#?\w+\]_|``[^`]+``/g) ?? []).sort();
  for (const { msgid, msgstr } of Object.values(catalogue!.translations[""]!)) {
    if (msgid !== "") assert.deepEqual(marks(msgstr[0]!), marks(msgid), msgid);
  }
});

Deno.test("terms templates: languages without a translation have none", async () => {
  assert.equal(await readTemplateCatalogue("fr"), undefined);
});

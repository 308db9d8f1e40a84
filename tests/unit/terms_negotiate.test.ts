// SPDX-License-Identifier: AGPL-3.0-or-later
/** Which legal document a client gets (rest-api.md 8.3). */
import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseLegalFile, mediaTypeOf } from "../../core/terms/negotiate.ts";

function files(...names: string[]): { language: string; extension: string }[] {
  return names.map((name) => {
    const [language = "", extension = ""] = name.split("/");
    return { language, extension };
  });
}

const ALL = files(
  ...["de", "en"].flatMap((language) =>
    ["epub", "html", "md", "pdf", "txt"].map((extension) => `${language}/${extension}`)
  ),
);

const ANSWERS: readonly [
  accept: string | undefined,
  languages: string | undefined,
  expected: string,
  avail?: string,
][] = [
  // the manual's example
  ["text/html", "fr, en", "en/html", "en,de"],
  [undefined, undefined, "en/txt"],
  ["", "", "en/txt"],
  ["text/html", "de", "de/html"],
  ["TEXT/HTML", "DE", "de/html"],
  ["application/pdf, text/html;q=0.5", "en", "en/pdf"],
  ["application/pdf;q=0.1, text/html;q=0.5", "en", "en/html"],
  ["application/pdf,text/html", "en", "en/html"],
  ["text/*", "en", "en/txt"],
  ["text/*;charset=utf-8", "en", "en/txt"],
  ["*/*", "fr", "en/txt"],
  ["*", "de", "de/txt"],
  ["application/*", "en", "en/pdf"],
  ["text/plain;q=0, */*", "en", "en/html"],
  ["text/*;q=0, */*", "en", "en/pdf"],
  ["application/epub+zip", "de;q=0.2, en;q=0.1", "de/epub"],
  // the language counts more than the type
  ["text/html, text/plain;q=0.1", "de;q=0.9, en", "en/html"],
  ["text/html", "de-CH, en;q=0.8", "de/html"],
  ["text/html", "de-CH, en", "en/html"],
  ["text/html", "de-CH, de;q=0.1, en;q=0.5", "en/html"],
  ["text/html", "*, en;q=0.4", "de/html"],
  ["text/html", "fr, *;q=0.1", "en/html"],
  ["text/html", "de;q=abc", "de/html"],
  ["text/html", "de;q=7", "de/html"],
  ["text/html", "de ; q = 0.3 , en ;q= 0.2", "de/html"],
  // nothing fits: an answer all the same
  ["image/png", "de", "de/txt", "de"],
  ["image/png", "fr", "en/txt", "en"],
  ["text/plain;q=0", "de", "de/txt", "de"],
  ["nonsense", "nonsense", "en/txt", "en"],
];

for (const [accept, languages, expected, avail] of ANSWERS) {
  Deno.test(`terms negotiate: Accept ${accept ?? "missing"}, Accept-Language ${languages ?? "missing"}`, () => {
    const choice = chooseLegalFile(ALL, accept, languages);
    assert.equal(`${choice?.file.language}/${choice?.file.extension}`, expected);
    if (avail !== undefined) assert.equal(choice?.languages.join(), avail);
  });
}

Deno.test("terms negotiate: languages that have the text in an acceptable type only", () => {
  const some = files("en/txt", "de/pdf", "fr/html", "fr/txt");
  assert.deepEqual(chooseLegalFile(some, "text/html", "de")?.languages, ["fr"]);
  assert.deepEqual(chooseLegalFile(some, "text/plain", "de")?.languages, ["en", "fr"]);
  assert.equal(chooseLegalFile(some, "text/plain", "de")?.file.language, "en");
});

Deno.test("terms negotiate: the language counts more than the type, the type more than its priority", () => {
  const some = files("en/txt", "de/html", "de/md");
  const answer = (accept: string, languages: string) => {
    const { language, extension } = chooseLegalFile(some, accept, languages)!.file;
    return `${language}/${extension}`;
  };
  assert.equal(answer("text/html, text/plain;q=0.1", "de;q=0.9, en"), "en/txt");
  assert.equal(answer("text/html;q=0.5, text/markdown, text/plain", "de, en;q=0.1"), "de/md");
});

Deno.test("terms negotiate: unknown types are never sent, and without files there is no answer", () => {
  assert.equal(chooseLegalFile(files("en/exe", "en/constructor"), "*/*", "en"), undefined);
  assert.equal(chooseLegalFile([], "*/*", "en"), undefined);
  assert.equal(mediaTypeOf("PDF"), "application/pdf");
  assert.equal(mediaTypeOf("toString"), undefined);
});

Deno.test("terms negotiate: the order of files does not matter, and there is always an answer", () => {
  const header = fc.array(fc.constantFrom("text/html", "*/*", "de", "en;q=0.5", "application/pdf;q=0", "q=", ";", "*"))
    .map((parts) => parts.join(", "));
  fc.assert(fc.property(fc.shuffledSubarray(ALL, { minLength: 1 }), header, header, (some, accept, languages) => {
    const choice = chooseLegalFile(some, accept, languages);
    assert.ok(choice !== undefined);
    assert.deepEqual(chooseLegalFile([...some].reverse(), accept, languages), choice);
    assert.ok(choice.languages.includes(choice.file.language));
  }));
});

Deno.test("terms negotiate: long headers are cut short", () => {
  assert.ok(chooseLegalFile(ALL, "a/b,".repeat(100_000) + "text/html", "x,".repeat(100_000)) !== undefined);
});

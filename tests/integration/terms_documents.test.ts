// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- says why a test is skipped
/** Documents that `taler-auditor terms` made, as other programs see them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { callTerms, epubCheck, hasEpubCheck, runTool, withFolder, withSource } from "../support/terms-files.ts";

Deno.test("terms: PDFs hold the whole text, page numbers, title, language and date", async () => {
  await withSource(async (folder, call) => {
    await call("-i", "tos-v0", "-l", "de");
    const made = await call(
      "-i",
      "tos-v0",
      "-a",
      "Example Ltd",
      "-C",
      "© Example",
      "--date",
      "2026-11-22",
      "-p",
      "letter",
    );
    assert.equal(made.code, 0, made.err);
    const pdf = join(folder, "terms/en/tos-v0.pdf");
    const text = await runTool("pdftotext", "-layout", pdf, "-");
    const info = await runTool("pdfinfo", pdf);
    if (text === undefined || info === undefined) {
      console.log("skipped: pdftotext and pdfinfo are not there (Debian: poppler-utils)");
      return;
    }
    for (const part of ["Terms of Service", "terms of Example Audit", "You may use it.", "Second rule", "© Example"]) {
      assert.ok(text.out.includes(part), `${part} in\n${text.out}`);
    }
    assert.match(text.out, /tos-v0 +1 ?\/ ?1\n/);
    assert.match(info.out, /Title: +Terms of Service\n/);
    assert.match(info.out, /Author: +Example Ltd\n/);
    assert.match(info.out, /CreationDate: .*2026/);
    assert.match(info.out, /Tagged: +yes/);
    assert.match(info.out, /Page size: +612 x 792 pts \(letter\)/);
    assert.match(
      new TextDecoder("latin1").decode(await Deno.readFile(join(folder, "terms/de/tos-v0.pdf"))),
      /\/Lang ?\(de\)/,
    );
  });
});

/** What our templates have not. */
const MORE = `
More
----

Sub
~~~

    A quote with \`a link <https://x.example/?a=1&b="2">\`_ to Sub_, *em* and [1]_.

| Line
|   indented

::

  <literal> & more

----

(iv) Roman
(v) numbers

1) one

   * nested

==  =====
a   b
==  =====
c   <i>
==  =====

.. [1] Note.
.. [2] Another one.
`;

const epubCheckIsThere = await hasEpubCheck();
if (!epubCheckIsThere) console.log("skipped: EPUBCheck is not there (Debian: epubcheck, default-jre-headless)");

Deno.test({
  name: "terms: an e-book with all that a text may have passes EPUBCheck without a warning",
  ignore: !epubCheckIsThere,
  fn: async () => {
    await withFolder(async (folder) => {
      await callTerms(["--template", "auditor-tos-v0"], { cwd: folder });
      const path = join(folder, "auditor-tos-v0.rst");
      await Deno.writeTextFile(path, MORE, { append: true });
      const call = (...args: string[]) =>
        callTerms(["-i", "auditor-tos-v0", "-o", "out", "-L", "locale", ...args], { cwd: folder });
      assert.equal((await call("-l", "de")).code, 0);
      const made = await call("-C", "© <Example> & Co", "-a", "A <b>");
      assert.equal(made.code, 0, made.err);
      const checked = await epubCheck(join(folder, "out/de/auditor-tos-v0.epub"));
      assert.equal(checked.code, 0, checked.out + checked.err);
      assert.match(checked.out + checked.err, /0 fatals \/ 0 errors \/ 0 warnings/);
    });
  },
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What may not stand in any file: leftovers, and traces of the machine on which it was written. */
import assert from "node:assert/strict";
import { textFiles } from "../support/sources.ts";

const files = textFiles();

/** Lines that match, as `path:line text`. */
function linesWith(pattern: RegExp, where = /./): string[] {
  return files.filter((f) => where.test(f.path)).flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, i) => pattern.test(line) ? [`${path}:${i + 1} ${line.trim().slice(0, 120)}`] : [])
  );
}

/** A word that this file must not contain itself. */
function word(...parts: string[]): string {
  return parts.join("");
}

Deno.test("tidy: there are files to look at", () => {
  assert.ok(files.length > 100);
  for (const path of ["deno.json", "tests/tidy/text.test.ts", "core/audit/run.ts"]) {
    assert.ok(files.some((f) => f.path === path), path);
  }
  assert.ok(!files.some((f) => f.path.startsWith("node_modules/") || f.path.startsWith(".git/")));
});

Deno.test("tidy: every TypeScript file begins with its licence", () => {
  const line = "// SPDX-License-Identifier: AGPL-3.0-or-later\n";
  const without = files.filter((f) => f.path.endsWith(".ts") && !f.text.startsWith(line)).map((f) => f.path);
  assert.deepEqual(without, []);
});

Deno.test("tidy: nothing is left for later", () => {
  const leftovers = [word("TO", "DO"), word("FIX", "ME"), word("X", "XX")].join("|");
  assert.deepEqual(linesWith(new RegExp(`\\b(${leftovers})\\b`), /\.(ts|json|sql|css|html|eta)$/), []);
});

Deno.test("tidy: no path of a developer's machine", () => {
  const folders = [word("/wo", "rk/"), word("/ro", "ot/")].join("|");
  assert.deepEqual(linesWith(new RegExp(`(^|[^\\w.~}-])(${folders})`)), []);
});

Deno.test("tidy: no host of a package registry", () => {
  const hosts = [
    "registry\\.[a-z0-9-]+\\.[a-z]+",
    "npm\\.pkg\\.",
    word("js", "r\\.io"),
    word("py", "pi\\.(org|io)"),
    word("proxy\\.go", "lang\\.org"),
    "(artifactory|nexus|verdaccio)[.:/]",
  ].join("|");
  assert.deepEqual(linesWith(new RegExp(`(^|[/"'@\\s])(${hosts})`, "i"), /^(?!LICENSE$)/), []);
});

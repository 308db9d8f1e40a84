// SPDX-License-Identifier: AGPL-3.0-or-later
/** Every check has code, a test and an entry in the catalogue of findings. */
import assert from "node:assert/strict";
import { factsOf, type SourceFile, sourceFiles, textFiles } from "../support/sources.ts";

const CATALOGUE = "docs/findings.md";
/** The number of a check: `C-11`, `WD-4`, `PU-R3`. */
const ID = /^[A-Z]{1,3}-R?\d+$/;

const files = sourceFiles();
const catalogue = textFiles().find((f) => f.path === CATALOGUE)?.text ?? "";

function between(letter: string, last: number, without: readonly number[] = []): string[] {
  return Array.from({ length: last }, (_, i) => i + 1).filter((n) => !without.includes(n)).map((n) => `${letter}-${n}`);
}

/** The checks of the specification. Of the deviations, only those that are findings have entries of their own. */
const SPECIFIED = [
  ...between("C", 33),
  ...between("R", 21),
  ...between("A", 23),
  ...between("X", 15, [13, 14]),
];
const DEVIATIONS = between("D", 30);

/** Names of checks beside the numbers: what they say is about the audit itself. */
const UNNUMBERED = ["monotone", "pair"];

/** The checks that the passes make, with the places of their code. */
function checksInCode(): Map<string, string[]> {
  const places = new Map<string, string[]>();
  for (const file of files.filter((f) => f.path.startsWith("core/audit/"))) {
    const { texts } = factsOf(file);
    for (const { value, line } of texts) {
      if (!ID.test(value) && !UNNUMBERED.includes(value)) continue;
      places.set(value, [...places.get(value) ?? [], `${file.path}:${line}`]);
    }
  }
  return places;
}

/** Entries of the catalogue: `### C-11, R-5 Title` and the text below. */
function entries(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const section of text.split(/^(?=#{2,3} )/m)) {
    const head = /^### (.*)/.exec(section)?.[1];
    if (head === undefined) continue;
    const ids = /^((?:`?[A-Za-z]+(?:-R?\d+)?`?(?:, )?)+)/.exec(head)?.[1]?.replaceAll("`", "").split(", ") ?? [];
    for (const id of ids) found.set(id.trim(), section);
  }
  return found;
}

function mentions(file: SourceFile, id: string): boolean {
  return new RegExp(`(^|[^\\w-])${id}(?![\\w-])`, "m").test(file.text);
}

const code = checksInCode();
const documented = entries(catalogue);

Deno.test("tidy: the passes name their checks", () => {
  assert.ok(code.size > 80);
  for (const id of ["C-11", "R-16", "A-23", "X-9", "D-17", "pair"]) assert.ok(code.has(id), id);
});

Deno.test("tidy: every check of the code has an entry in the catalogue", () => {
  assert.deepEqual([...code.keys()].filter((id) => !documented.has(id)).map((id) => `${id} (${code.get(id)![0]})`), []);
});

Deno.test("tidy: every check of the code is named in a test", () => {
  const tests = files.filter((f) => f.path.startsWith("tests/") && !f.path.startsWith("tests/tidy/"));
  const named = (id: string) => tests.some((f) => mentions(f, id));
  assert.deepEqual([...code.keys()].filter((id) => !named(id)), []);
});

Deno.test("tidy: a check of the specification is in the code, or the catalogue says why it cannot fire", () => {
  const silent = SPECIFIED.filter((id) => !code.has(id));
  const unexplained = silent.filter((id) => !/^\*\*Cannot fire[^*]*\*\*/m.test(documented.get(id) ?? ""));
  assert.deepEqual(unexplained, []);
});

Deno.test("tidy: the catalogue says of no check that it cannot fire while the code makes it", () => {
  const wrong = [...documented].filter(([id, text]) => code.has(id) && /^\*\*Cannot fire/m.test(text));
  assert.deepEqual(wrong.map(([id]) => id), []);
});

Deno.test("tidy: every deviation has a line in the catalogue", () => {
  assert.deepEqual(DEVIATIONS.filter((id) => !new RegExp(`^\\| ${id} +\\|`, "m").test(catalogue)), []);
});

Deno.test("tidy: entries are for checks that there are", () => {
  const known = new Set([...SPECIFIED, ...code.keys()]);
  assert.deepEqual([...documented.keys()].filter((id) => !known.has(id)), []);
});

Deno.test("tidy: every entry says what an operator needs to know", () => {
  const labels = ["Means", "About", "Appears as", "Balance", "Money at risk", "Do first", "Goes away"];
  const incomplete = [...documented].flatMap(([id, text]) => {
    if (/^\*\*Cannot fire/m.test(text)) return [];
    const missing = labels.filter((label) => !new RegExp(`^- \\*\\*${label}:\\*\\* \\S`, "m").test(text));
    return missing.length === 0 ? [] : [`${id}: ${missing.join(", ")}`];
  });
  assert.deepEqual(incomplete, []);
});

/** Interface values of a finding as its entry shows them: `table` / `operation` / `diagnostic` in back quotes. */
Deno.test("tidy: strings in the catalogue are those of the code", () => {
  const texts = [
    ...new Set(
      files.filter((f) => f.path.startsWith("core/audit/")).flatMap((f) => factsOf(f).texts.map((t) => t.value)),
    ),
  ];
  const wrong = [...documented].flatMap(([id, text]) => {
    const line = /^- \*\*Appears as:\*\* ([^]*?)(?=\n- \*\*)/m.exec(text)?.[1] ?? "";
    const quoted = [...line.matchAll(/"([^"]+)"/g)].map((m) => m[1]!.replace(/\s+/g, " "));
    const parts = quoted.map((q) =>
      q.split("…").map((p) => p.replace(/^[\s,:;)]+|[\s(]+$/g, "")).filter((p) => p.length > 3)
    );
    return parts.flat().filter((p) => !texts.some((t) => t.includes(p))).map((p) => `${id}: ${p}`);
  });
  assert.deepEqual(wrong, []);
});

Deno.test("tidy: tables and balances in the catalogue are those of the auditor's database", () => {
  const texts = files.filter((f) => f.path.startsWith("core/")).map((f) => f.text).join("\n");
  const names = [...catalogue.matchAll(/`((?:auditor|coins?|reserves|aggregation|purse|total|wire)_[a-z_]+)`/g)]
    .map((m) => m[1]!);
  assert.ok(names.length > 100);
  const known = (name: string) =>
    new RegExp(`["\`.\\s:]${name}\\b`).test(texts) ||
    // pairs of balances are named by their family
    (/_delta_(plus|minus)$/.test(name) && /^aggregation_total_(arithmetic|coin)_/.test(name));
  assert.deepEqual([...new Set(names)].filter((name) => !known(name)), []);
});

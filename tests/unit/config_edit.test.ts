// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { formatSections, formatValue, isOptionName, isSectionName, setOption } from "../../core/config/edit.ts";

/** Value and how it is written; undefined = cannot be written. */
const VALUES: readonly (readonly [string, string | undefined])[] = [
  ["", ""],
  ["a b", "a b"],
  [" a", '" a"'],
  ["a ", '"a "'],
  [" ", '" "'],
  ['"', '"'],
  ['""', '""""'],
  ['"a"', '""a""'],
  ['"a', '"a'],
  ["a\u00a0", "a\u00a0"],
  ["a\nb", undefined],
  ["a\tb", undefined],
  ["a\r", undefined],
];

for (const [value, text] of VALUES) {
  Deno.test(`written form of ${JSON.stringify(value)}`, () => assert.equal(formatValue(value), text));
}

Deno.test("names that can be written", () => {
  for (const name of ["a", "a b", "a=b", "exchange-account-1", "[a"]) assert.ok(isSectionName(name), name);
  for (const name of ["", " a", "a ", "a]", "a\n", "a\t"]) assert.ok(!isSectionName(name), name);
  for (const name of ["a", "a b", "a]", "a#", "$"]) assert.ok(isOptionName(name), name);
  for (const name of ["", " a", "a ", "a=b", "#a", "%a", "@a", "[a", "a\n"]) assert.ok(!isOptionName(name), name);
});

/** Text, section, option, value, result; a pattern is an error. */
const EDITS:
  readonly (readonly [text: string, section: string, option: string, value: string, result: string | RegExp])[] = [
    ["[a]\nx = 1\n", "a", "x", "2", "[a]\nx = 2\n"],
    ["[a]\nx=1\n", "a", "x", "2", "[a]\nx=2\n"],
    ["[a]\n  X  =   1  \n", "A", "x", "2", "[a]\n  X  =   2\n"],
    ["[a]\nx =\n", "a", "x", "2", "[a]\nx = 2\n"],
    ["[a]\nx = 1\n", "a", "x", "", "[a]\nx =\n"],
    ["[a]\nx = 1\n", "a", "x", " 2", '[a]\nx = " 2"\n'],
    ["[a]\nx = 1\r\n", "a", "x", "2", "[a]\nx = 2\r\n"],
    ["[a]\nx = 1\nX = 2\n", "a", "x", "3", "[a]\nx = 1\nX = 3\n"],
    ["# c\n[a]\n# x = 1\n\n[b]\ny = 1\n", "a", "x", "2", "# c\n[a]\n# x = 1\nx = 2\n\n[b]\ny = 1\n"],
    ["[a]\n@inline@ o.conf\n\n\n[b]\n", "a", "x", "2", "[a]\n@inline@ o.conf\nx = 2\n\n\n[b]\n"],
    ["[a]\ny = 1\n[b]\n[A]\nz = 1", "a", "x", "2", "[a]\ny = 1\n[b]\n[A]\nz = 1\nx = 2"],
    ["[b]\nx = 1\n", "a", "x", "2", "[b]\nx = 1\n\n[a]\nx = 2\n"],
    ["[b]\nx = 1", "a", "x", "2", "[b]\nx = 1\n\n[a]\nx = 2\n"],
    ["[b]\r\nx = 1\r\n", "a", "x", "2", "[b]\r\nx = 1\r\n\r\n[a]\r\nx = 2\r\n"],
    ["[a]\r\ny = 1\r\n", "a", "x", "2", "[a]\r\ny = 1\r\nx = 2\r\n"],
    ["", "a", "x", "2", "[a]\nx = 2\n"],
    ["", "a", "x", "", "[a]\nx =\n"],
    ["\ufeff[a]\n", "a", "x", "2", "\ufeff[a]\nx = 2\n"],
    ["[a]\nfoo\n", "a", "x", "2", /line 2: syntax error/],
    ["[a]\n", "a", "x", "1\n2", /line break/],
    ["[a]\n", "a]", "x", "1", /cannot be the name of a section/],
    ["[a]\n", "a", "@x", "1", /cannot be the name of an option/],
  ];

for (const [text, section, option, value, result] of EDITS) {
  Deno.test(`set [${section}] ${option} = ${JSON.stringify(value)} in ${JSON.stringify(text)}`, () => {
    const edited = setOption(text, section, option, value);
    if (result instanceof RegExp) assert.match("error" in edited ? edited.error : edited.text, result);
    else assert.deepEqual(edited, { text: result });
  });
}

Deno.test("complete configurations: form, and what cannot be written", () => {
  const options = [{ option: "x", value: "1" }, { option: "Y", value: " " }, { option: "z", value: "" }];
  assert.deepEqual(formatSections([{ name: "a", options }, { name: "b", options: [] }]), {
    text: '[a]\nx = 1\nY = " "\nz =\n\n[b]\n\n',
  });
  assert.ok("error" in formatSections([{ name: "a]", options: [] }]));
  assert.ok("error" in formatSections([{ name: "a", options: [{ option: "x", value: "\n" }] }]));
});

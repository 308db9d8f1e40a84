// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { canonicalJson, parseExactJson } from "../../core/taler/json.ts";
import protocol from "../fixtures/protocol.json" with { type: "json" };

Deno.test("canonical form of a published contract, whatever the order of its members (crypto.md 11.9)", () => {
  const contract: Record<string, unknown> = JSON.parse(protocol.contract);
  const reversed = Object.fromEntries(Object.entries(contract).reverse());
  assert.equal(canonicalJson(reversed), protocol.contract);
  assert.equal(canonicalJson(parseExactJson(protocol.contract)?.value), protocol.contract);
});

Deno.test("canonical forms (crypto.md 1.6)", () => {
  const rows: readonly (readonly [value: unknown, text: string])[] = [
    [null, "null"],
    [[], "[]"],
    [{}, "{}"],
    [[true, false, null, 0, -0, -7, 2n ** 63n - 1n], "[true,false,null,0,0,-7,9223372036854775807]"],
    [[{ type: "deny", hint: "b" }], '[{"hint":"b","type":"deny"}]'],
    ['a"\\/\b\f\n\r\t\u0001\u001f\u007fé\u2028', '"a\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u007fé\u2028"'],
    [{ b: 1, a: 2, "": 3, aa: 4, B: 5, 10: 6, 9: 7 }, '{"":3,"10":6,"9":7,"B":5,"a":2,"aa":4,"b":1}'],
    // UTF-8 order differs from the UTF-16 order of JavaScript here: U+FFFD sorts before U+10000.
    [{ "\u{10000}": 1, "\ufffd": 2, "\ue000": 3, "\ud7ff": 4 }, '{"\ud7ff":4,"\ue000":3,"\ufffd":2,"\u{10000}":1}'],
  ];
  for (const [value, text] of rows) assert.equal(canonicalJson(value), text);
});

Deno.test("values without a canonical form", () => {
  let deep: unknown = 0;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  const values: readonly unknown[] = [
    1.5,
    NaN,
    Infinity,
    2 ** 53,
    2n ** 63n,
    -(2n ** 63n) - 1n,
    undefined,
    [undefined],
    { a: undefined },
    () => 1,
    Symbol("x"),
    "\ud800",
    ["\udc00x"],
    { "\ud800": 1 },
    deep,
  ];
  for (const value of values) assert.equal(canonicalJson(value), undefined);
});

Deno.test("exact parsing keeps large integers and refuses real numbers", () => {
  assert.deepEqual(parseExactJson('{"a":[1,-2,9007199254740993,"1.5"],"b":null}'), {
    value: { a: [1, -2, 9007199254740993n, "1.5"], b: null },
  });
  assert.deepEqual(parseExactJson("null"), { value: null });
  assert.equal(canonicalJson(parseExactJson("[9223372036854775808]")?.value), undefined);
  assert.equal(canonicalJson(parseExactJson(`[${"9".repeat(500_000)}]`)?.value), undefined);
  for (const text of ["1.0", "1e2", "[1E400]", "[-0.0]", "", "{", "[1,]", "'a'", "[01]", "\u0000"]) {
    assert.equal(parseExactJson(text), undefined, text);
  }
});

Deno.test("nesting beyond the stack is a verdict, no crash", () => {
  const text = "[".repeat(1_000_000) + "]".repeat(1_000_000);
  const parsed = parseExactJson(text);
  assert.equal(parsed === undefined ? undefined : canonicalJson(parsed.value), undefined);
});

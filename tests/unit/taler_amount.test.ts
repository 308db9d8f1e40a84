// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import {
  AmountOverflow,
  atomsFromColumns,
  formatAmount,
  FRACTION_BASE,
  isCurrency,
  MAX_AMOUNT,
  parseAmount,
  readAmount,
  roundDown,
  sumAmounts,
  writeAmount,
} from "../../core/taler/amount.ts";
import fixture from "../fixtures/parsers.json" with { type: "json" };

const ACCEPTED: readonly (readonly [text: string, currency: string, atoms: bigint])[] = [
  ["EUR:4", "EUR", 400_000_000n],
  ["EUR:007", "EUR", 700_000_000n],
  ["EUR:0.5", "EUR", 50_000_000n],
  ["EUR:.5", "EUR", 50_000_000n],
  ["EUR:.00000001", "EUR", 1n],
  ["EUR:0", "EUR", 0n],
  ["EUR:1.10", "EUR", 110_000_000n],
  ["EUR:4503599627370496", "EUR", 2n ** 52n * FRACTION_BASE],
  ["EUR:4503599627370496.1", "EUR", 2n ** 52n * FRACTION_BASE + 10_000_000n],
  ["EUR:0000000000000000000000000000000004503599627370496", "EUR", 2n ** 52n * FRACTION_BASE],
  [" \t\n\v\f\rKUDOS:1", "KUDOS", FRACTION_BASE],
  ["ABCDEFGHIJK:1", "ABCDEFGHIJK", FRACTION_BASE],
  ["E:1", "E", FRACTION_BASE],
];

const REFUSED = [
  "",
  "EUR",
  "EUR:",
  "EUR:.",
  ":1",
  "EUR:1.",
  "EUR: 1",
  "EUR:1 ",
  "EUR:1\n",
  "EUR :1",
  "EUR:-1",
  "EUR:+1",
  "eur:1",
  "Eur:1",
  "E1:1",
  "ABCDEFGHIJKL:1",
  "EUR:1.123456789",
  "EUR:.123456789",
  "EUR:4503599627370497",
  "EUR:99999999999999999999999999",
  "EUR:1.2.3",
  "EUR:1,5",
  "EUR:1e3",
  "EUR:0x10",
  "EUR:1:2",
  "\u00a0EUR:1",
  "EUR:\u0661",
  "\0EUR:1",
];

Deno.test("amounts that the table of crypto.md 1.5 accepts", () => {
  for (const [text, currency, atoms] of ACCEPTED) assert.deepEqual(parseAmount(text), { currency, atoms }, text);
});

Deno.test("amounts that the table of crypto.md 1.5 refuses", () => {
  for (const text of REFUSED) assert.equal(parseAmount(text), undefined, JSON.stringify(text));
});

Deno.test("a megabyte of digits, letters or blanks is judged at once", () => {
  const start = performance.now();
  assert.equal(parseAmount(`EUR:${"9".repeat(1_000_000)}`), undefined);
  assert.equal(parseAmount("E".repeat(1_000_000)), undefined);
  assert.equal(parseAmount(" ".repeat(1_000_000)), undefined);
  assert.deepEqual(parseAmount(`EUR:${"0".repeat(1_000_000)}1`), { currency: "EUR", atoms: FRACTION_BASE });
  assert.ok(performance.now() - start < 5000, "quadratic in the length of a hostile text");
});

Deno.test("amounts print without trailing zeros, negative ones with a sign before the number", () => {
  assert.equal(formatAmount("EUR", 0n), "EUR:0");
  assert.equal(formatAmount("EUR", 400_000_000n), "EUR:4");
  assert.equal(formatAmount("EUR", 110_000_000n), "EUR:1.1");
  assert.equal(formatAmount("EUR", 1n), "EUR:0.00000001");
  assert.equal(formatAmount("EUR", 10_000_000_000n), "EUR:100");
  assert.equal(formatAmount("KUDOS", -150_000_000n), "KUDOS:-1.5");
  assert.equal(formatAmount("KUDOS", -1n), "KUDOS:-0.00000001");
});

Deno.test("stored amounts have a value below 2^52 and a fraction below 10^8", () => {
  assert.equal(atomsFromColumns(5n, 12_345_678n), 512_345_678n);
  assert.equal(atomsFromColumns(0n, 0n), 0n);
  assert.equal(atomsFromColumns(2n ** 52n - 1n, 99_999_999n), 2n ** 52n * FRACTION_BASE - 1n);
  assert.equal(atomsFromColumns(2n ** 52n, 0n), undefined);
  assert.equal(atomsFromColumns(-1n, 0n), undefined);
  assert.equal(atomsFromColumns(0n, FRACTION_BASE), undefined);
  assert.equal(atomsFromColumns(0n, -1n), undefined);
});

Deno.test("a sum may reach the limit but not pass it", () => {
  assert.equal(MAX_AMOUNT, 2n ** 52n * 100_000_000n + 99_999_999n);
  assert.equal(sumAmounts("x"), 0n);
  assert.equal(sumAmounts("x", 1n, 2n, 3n), 6n);
  assert.equal(sumAmounts("x", MAX_AMOUNT - 1n, 1n), MAX_AMOUNT);
  assert.equal(sumAmounts("x", 1n, -3n), -2n);
  assert.throws(
    () => sumAmounts("total of deposits", MAX_AMOUNT, 1n),
    (error) => error instanceof AmountOverflow && error.place === "total of deposits" && /deposits/.test(error.message),
  );
});

Deno.test("rounding down to the wire unit (audit-coins-reserves-aggregation.md 0.1)", () => {
  const rows: readonly (readonly [atoms: bigint, unit: bigint, result: bigint, why: string])[] = [
    [512_345_678n, 0n, 512_345_678n, "no unit"],
    [512_345_678n, 1_000_000n, 512_000_000n, "cents"],
    [512_000_000n, 1_000_000n, 512_000_000n, "whole cents"],
    [599_999_999n, 30_000_000n, 590_000_000n, "a unit that does not divide one: the value part stays"],
    [712_345_678n, 500_000_000n, 500_000_000n, "five: value and fraction cut"],
    [512_345_678n, 500_000_000n, 512_345_678n, "five: value is a multiple, the fraction survives"],
    [12_345_678n, 500_000_000n, 12_345_678n, "value 0 is a multiple as well"],
    [412_345_678n, 500_000_000n, 0n, "below the unit"],
  ];
  for (const [atoms, unit, result, why] of rows) assert.equal(roundDown(atoms, unit), result, why);
  assert.throws(() => roundDown(1n, 150_000_000n), RangeError);
  assert.throws(() => roundDown(-1n, 1n), RangeError);
});

Deno.test("24 bytes of a signed amount (crypto.md 11.1)", () => {
  const amount = parseAmount(fixture.amountBytes.text);
  assert.ok(amount);
  const target = new Uint8Array(30).fill(0xee);
  writeAmount(target, 3, amount.currency, amount.atoms);
  assert.equal(target.toHex(), `eeeeee${fixture.amountBytes.hex}eeeeee`);
  assert.deepEqual(readAmount(target, 3), amount);
});

Deno.test("signed amounts at the seams between number and BigInt arithmetic", () => {
  const target = new Uint8Array(24);
  const seam = 2n ** 53n;
  const cases = [0n, 1n, FRACTION_BASE - 1n, FRACTION_BASE, seam - 2n, seam - 1n, seam, seam + 1n, MAX_AMOUNT];
  // One atom below a whole unit, where a less exact quotient would round up.
  for (let units = 90_000_000n; units > 89_990_000n; units -= 7n) cases.push(units * FRACTION_BASE - 1n);
  for (const atoms of cases) {
    writeAmount(target, 0, "EUR", atoms);
    const view = new DataView(target.buffer);
    assert.equal(view.getBigUint64(0) * FRACTION_BASE + BigInt(view.getUint32(8)), atoms);
    assert.ok(view.getUint32(8) < 100_000_000);
  }
  assert.throws(() => writeAmount(target, 0, "EUR", -1n), RangeError);
  assert.throws(() => writeAmount(target, 0, "EUR", MAX_AMOUNT + 1n), RangeError);
  for (const currency of ["", "eur", "ABCDEFGHIJKL", "EU R"]) {
    assert.throws(() => writeAmount(target, 0, currency, 1n), RangeError);
  }
});

Deno.test("bytes that are no canonical amount are refused", () => {
  const good = Uint8Array.fromHex(fixture.amountBytes.hex);
  const cases: readonly (readonly [offset: number, value: number])[] = [[0, 0xff], [8, 0xff], [12, 0x6b], [12, 0], [
    20,
    0x41,
  ], [23, 0x41]];
  for (const [offset, value] of cases) {
    const bad = good.slice();
    bad[offset] = value;
    assert.equal(readAmount(bad, 0), undefined, `byte ${offset}`);
  }
  assert.equal(readAmount(good, 1), undefined);
  assert.equal(readAmount(good, -1), undefined);
});

Deno.test("currency names", () => {
  for (const name of ["E", "EUR", "ABCDEFGHIJK"]) assert.equal(isCurrency(name), true);
  for (const name of ["", "eur", "EU1", "ABCDEFGHIJKL", "EUR\n"]) assert.equal(isCurrency(name), false);
});

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  AmountOverflow,
  atomsFromColumns,
  formatAmount,
  FRACTION_BASE,
  MAX_AMOUNT,
  parseAmount,
  readAmount,
  roundDown,
  sumAmounts,
  writeAmount,
} from "../../core/taler/amount.ts";

const currency = fc.string({ unit: fc.constantFrom(..."ABCXYZ"), minLength: 1, maxLength: 11 });
// Amounts of every size: a uniform choice would hardly ever give a small one.
const atoms = fc.oneof(
  fc.bigInt(0n, MAX_AMOUNT),
  fc.bigInt(0n, 10n ** 12n),
  fc.bigInt(2n ** 53n - 10n, 2n ** 53n + 10n),
  fc.bigInt(0n, 2n ** 26n).map((units) => units * FRACTION_BASE + FRACTION_BASE - 1n),
);

Deno.test("amounts: text and bytes come back", () => {
  fc.assert(fc.property(currency, atoms, (name, value) => {
    const text = formatAmount(name, value);
    assert.deepEqual(parseAmount(text), { currency: name, atoms: value });
    assert.match(text, /^[A-Z]+:\d+(\.\d*[1-9])?$/);
    const bytes = new Uint8Array(24);
    writeAmount(bytes, 0, name, value);
    assert.deepEqual(readAmount(bytes, 0), { currency: name, atoms: value });
  }));
});

Deno.test("amounts: any text and any bytes get a verdict", () => {
  const nearMiss = fc.stringMatching(/^\s?[A-Za-z]{0,13}:?[0-9]{0,19}\.?[0-9]{0,10}$/);
  fc.assert(fc.property(fc.oneof(fc.string({ unit: "binary" }), nearMiss), (text) => {
    const amount = parseAmount(text);
    if (amount === undefined) return;
    assert.ok(amount.atoms >= 0n && amount.atoms <= MAX_AMOUNT);
    assert.deepEqual(parseAmount(formatAmount(amount.currency, amount.atoms)), amount);
  }));
  fc.assert(fc.property(fc.uint8Array({ minLength: 24, maxLength: 24 }), (bytes) => {
    const amount = readAmount(bytes, 0);
    if (amount === undefined) return;
    const again = new Uint8Array(24);
    writeAmount(again, 0, amount.currency, amount.atoms);
    assert.deepEqual(again, bytes);
  }));
});

Deno.test("amounts: a sum is the sum, or an overflow exactly above the limit", () => {
  fc.assert(fc.property(fc.array(atoms, { maxLength: 6 }), (values) => {
    const sum = values.reduce((total, value) => total + value, 0n);
    if (sum > MAX_AMOUNT) assert.throws(() => sumAmounts("test", ...values), AmountOverflow);
    else assert.equal(sumAmounts("test", ...values), sum);
  }));
});

Deno.test("amounts: columns are accepted exactly within their limits", () => {
  const near = (limit: bigint) => fc.oneof(fc.bigInt(-3n, 3n), fc.bigInt(limit - 3n, limit + 3n));
  fc.assert(fc.property(near(2n ** 52n), near(FRACTION_BASE), (val, frac) => {
    const legal = val >= 0n && val < 2n ** 52n && frac >= 0n && frac < FRACTION_BASE;
    assert.equal(atomsFromColumns(val, frac), legal ? val * FRACTION_BASE + frac : undefined);
  }));
});

Deno.test("amounts: laws of rounding down", () => {
  const unit = fc.oneof(
    fc.constant(0n),
    fc.bigInt(1n, FRACTION_BASE - 1n),
    fc.constantFrom(1n, 10n, 1000n, 1_000_000n, 50_000_000n),
    fc.bigInt(1n, 1000n).map((units) => units * FRACTION_BASE),
  );
  fc.assert(fc.property(atoms, unit, (value, step) => {
    const rounded = roundDown(value, step);
    assert.ok(rounded <= value, "never up");
    assert.equal(roundDown(rounded, step), rounded, "twice is once");
    if (step === 0n) assert.equal(rounded, value);
    else if (step < FRACTION_BASE) {
      assert.equal(rounded / FRACTION_BASE, value / FRACTION_BASE, "a fractional unit leaves the value part");
      assert.equal((rounded % FRACTION_BASE) % step, 0n);
      assert.ok(value - rounded < step);
    } else {
      assert.equal((rounded / FRACTION_BASE) % (step / FRACTION_BASE), 0n);
      const kept = (value / FRACTION_BASE) % (step / FRACTION_BASE) === 0n;
      assert.equal(rounded % FRACTION_BASE, kept ? value % FRACTION_BASE : 0n, "the odd case keeps the fraction");
      assert.ok(value - rounded < step);
    }
  }));
});

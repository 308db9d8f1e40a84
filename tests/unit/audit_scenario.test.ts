// SPDX-License-Identifier: AGPL-3.0-or-later
/** The language of the scenario tables: a misread table would test nothing. */
import assert from "node:assert/strict";
import { atoms, parseTable, Phrase, plainAmount } from "../support/scenario.ts";

Deno.test("scenario: lines, comments, verdicts", () => {
  const table = `
    # a comment
    deposit c1 KUDOS:6 of d5 -> C-4 deposit#1 6 over 5; minus 1   # another
    withdraw c1;
      deposit c1 5
      -> nothing
    melt c1 4 -> C-20 melt#1;
      total_refresh_hanging 4
  `;
  const scenarios = parseTable(table);
  assert.deepEqual(scenarios.map((s) => s.events.map((e) => e.text)), [
    ["deposit c1 KUDOS:6 of d5"],
    ["withdraw c1", "deposit c1 5"],
    ["melt c1 4"],
  ]);
  assert.deepEqual(scenarios.map((s) => s.expected), [
    ["C-4 deposit#1 6 over 5", "minus 1"],
    [],
    ["C-20 melt#1", "total_refresh_hanging 4"],
  ]);
});

Deno.test("scenario: a line without verdict or with two is refused", () => {
  assert.throws(() => parseTable("deposit c1 6"), /no verdict/);
  assert.throws(() => parseTable("a -> b -> c"), /two arrows/);
});

Deno.test("scenario: words are taken by name, place and kind", () => {
  const p = new Phrase("deposit c1 KUDOS:6.5 fee=0.2 into b1 forged late of d1 d2");
  assert.equal(p.verb, "deposit");
  assert.equal(p.flag("forged"), true);
  assert.equal(p.flag("forged"), false);
  assert.deepEqual(p.allAfter("of"), ["d1", "d2"]);
  assert.equal(p.after("into"), "b1");
  assert.equal(p.after("from"), undefined);
  assert.equal(p.amountOption("fee"), atoms("0.2"));
  assert.equal(p.option("other"), undefined);
  assert.equal(p.amount(), 650_000_000n);
  assert.equal(p.amountIfAny(), undefined);
  assert.equal(p.word(), "c1");
  assert.throws(() => p.end(), /what does "late" mean/);
  assert.equal(p.word(), "late");
  p.end();
  assert.throws(() => p.word(), /a word is missing/);
  assert.throws(() => p.amount(), /an amount is missing/);
  assert.throws(() => new Phrase("deposit into").after("into"), /nothing follows/);
});

Deno.test("scenario: amounts", () => {
  for (const text of ["0", "6", "0.5", "4503599627370496", "0.00000001"]) assert.equal(plainAmount(atoms(text)), text);
  assert.equal(plainAmount(-atoms("1.5")), "-1.5");
  assert.throws(() => atoms("d5"), /not an amount/);
});

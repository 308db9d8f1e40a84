// SPDX-License-Identifier: AGPL-3.0-or-later
/** What becomes of findings from run to run: opened, changed, resolved, swept, and the balances they carry. */
import assert from "node:assert/strict";
import { Book, inAuditOrder } from "../../core/audit/book.ts";
import { type Finding, reserveInsufficient, reserveNotClosed, rowInconsistency } from "../../core/audit/findings.ts";
import { planFindings, type StoredStanding } from "../../core/audit/store.ts";
import { bytes32 } from "../support/mint.ts";
import { atoms, type Phrase, plainAmount, testTable } from "../support/scenario.ts";

const place = { stage: 1, serial: 0n };

/** The finding of a scenario: `text` is its content, `table=reserve` puts it into another table. */
function findingOf(p: Phrase, check: string, content: string): Finding {
  const row = rowInconsistency(check, "t", 1n, content);
  return p.option("table") === "reserve" ? { ...row, table: "reserve_not_closed_inconsistency" } : row;
}

/** What an earlier run left, as the database gives it back: keys of columns in another order. */
function storedOf(finding: Finding, effects: Record<string, bigint>, row: bigint): StoredStanding {
  const content = Object.fromEntries(Object.entries(finding.columns).reverse());
  return { check: finding.check, table: finding.table, row, content, effects };
}

/**
 * `stored KEY CONTENT` is an open finding of an earlier run; `open`, `gone`, `report` and `sweep` are the verdicts of
 * this one. `check=` names the check, an amount is the effect on the balance `loss`.
 */
testTable(
  "findings",
  `
  open k a                                 -> open k a
  gone k                                   -> nothing
  report a                                 -> open - a
  report a; report a                       -> open - a; open - a
  stored k a; open k a                     -> nothing
  stored k a; open k b                     -> change k a to b
  stored k a; gone k                       -> resolve k a
  # what this run did not judge stays
  stored k a                               -> nothing
  stored k a; open other b                 -> open other b
  # … unless the run judged everything of its kind
  stored k:1 a; sweep k:                   -> resolve k:1 a
  stored k:1 a; stored k:2 b; open k:2 b; sweep k:  -> resolve k:1 a
  stored k:1 a; open k:1 b; sweep k:       -> change k:1 a to b
  stored kk:1 a; sweep k:                  -> nothing
  # the last verdict of a run counts
  open k a; open k b                       -> open k b
  open k a; gone k                         -> nothing
  stored k a; gone k; open k a             -> nothing
  # a finding that moves to another table is a new finding
  stored k a; open k a table=reserve       -> resolve k a; open k a
  # balances follow: an effect that changes is a change of the finding
  stored k a 5; open k a 5                 -> nothing
  stored k a 5; open k a 4                 -> change k a to a 5 to 4
  stored k a; open k a 4                   -> change k a to a 0 to 4
  stored k a 4; open k a                   -> change k a to a 4 to 0
  stored k a 0; open k a                   -> nothing
  # the same content found by another check is a change: the catalogue says something else of it
  stored k a check=X-1; open k a check=C-1 -> change k a to a
  `,
  (phrases) => {
    const book = new Book();
    const stored = new Map<string, StoredStanding>();
    for (const p of phrases) {
      const key = p.verb === "report" ? "" : p.word();
      if (p.verb === "sweep") book.sweep(key);
      if (p.verb === "gone") book.settle(key, place, undefined, { loss: atoms(99) });
      if (p.verb === "sweep" || p.verb === "gone") continue;
      const check = p.option("check") ?? "X-1";
      const loss = p.amountIfAny();
      const effects: Record<string, bigint> = loss === undefined ? {} : { loss };
      const finding = findingOf(p, check, p.word());
      if (p.verb === "stored") stored.set(key, storedOf(finding, effects, 7n));
      else if (p.verb === "open") book.settle(key, place, finding, effects);
      else book.report(place, finding, effects);
    }
    const plan = planFindings(book, stored);
    const text = (content: Record<string, unknown>) => String(content["diagnostic"]);
    const loss = (effects: Record<string, bigint>) => plainAmount(effects["loss"] ?? 0n);
    return [
      ...plan.resolve.map(({ key, stored }) => `resolve ${key} ${text(stored.content)}`),
      ...plan.change.map(({ key, entry, stored }) => {
        const [was, is] = [loss(stored.effects), loss(entry.effects)];
        const moved = was === is ? "" : ` ${was} to ${is}`;
        return `change ${key} ${text(stored.content)} to ${text(entry.finding!.columns)}${moved}`;
      }),
      ...plan.open.map((o) => `open ${o.key ?? "-"} ${text(o.finding.columns)}`),
    ];
  },
);

Deno.test("findings: amounts are compared by their value, whatever the order of their parts", () => {
  const finding = reserveNotClosed("R-19", bytes32("r"), atoms("3.5"), 0n, "x");
  const content = { ...finding.columns, balance: { frac: 50_000_000, val: "3" } };
  const book = new Book();
  book.settle("R-19:r", place, finding);
  const stored = { check: "R-19", table: finding.table, row: 1n, content, effects: {} };
  assert.deepEqual(planFindings(book, new Map([["R-19:r", stored]])), { open: [], change: [], resolve: [] });
});

Deno.test("findings: a change of an amount is a change", () => {
  const before = reserveInsufficient("R-16", bytes32("r"), false, atoms(2));
  const book = new Book();
  book.settle("k", place, reserveInsufficient("R-16", bytes32("r"), false, atoms(3)));
  const plan = planFindings(book, new Map([["k", storedOf(before, {}, 4n)]]));
  assert.deepEqual([plan.open.length, plan.change.length, plan.resolve.length], [0, 1, 0]);
  assert.equal(plan.change[0]!.stored.row, 4n);
});

Deno.test("findings: they are opened in the order of stage, serial and emission", () => {
  const book = new Book();
  const say = (stage: number, serial: bigint, text: string) =>
    book.report({ stage, serial }, rowInconsistency("X-1", "t", serial, text));
  say(7, 1n, "e");
  say(3, 20n, "c");
  say(3, 9n, "a");
  say(3, 20n, "d");
  book.settle("k", { stage: 3, serial: 10n }, rowInconsistency("X-1", "t", 1n, "b"));
  const order = planFindings(book, new Map()).open.map((o) => o.finding.columns["diagnostic"]);
  assert.deepEqual(order, ["a", "b", "c", "d", "e"]);
});

Deno.test("findings: the order is total", () => {
  const entry = (stage: number, serial: bigint, order: number) => ({ stage, serial, order });
  const sorted = [entry(0.5, 9n, 4), entry(1, -1n, 3), entry(1, 2n, 1), entry(1, 2n, 2), entry(2, 0n, 0)];
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) assert.equal(Math.sign(inAuditOrder(a, b)), Math.sign(i - j));
  }
});

Deno.test("book: effects of an event are booked once, those of a standing finding are not", () => {
  const book = new Book();
  const finding = rowInconsistency("X-1", "t", 1n, "x");
  book.report(place, finding, { a: 5n, zero: 0n });
  book.report(place, finding, { a: 2n, b: 1n });
  book.settle("k", place, finding, { a: 100n });
  book.add("b", 4n);
  book.setTotal("t", 3n);
  book.setTotal("t", 0n);
  assert.deepEqual([...book.balances], [["a", 7n], ["b", 5n]]);
  assert.deepEqual([...book.totals], [["t", 0n]]);
});

Deno.test("book: what is in order and always was leaves no trace", () => {
  const problem = rowInconsistency("C-1", "denominations", 2n, "a problem");
  const book = new Book(new Map([["stored", {}]]));
  for (let serial = 0n; serial < 100n; serial++) book.settle(`fine ${serial}`, { stage: 0, serial }, undefined);
  assert.deepEqual([...book.standing.keys()], []);
  book.settle("stored", { stage: 0, serial: 1n }, undefined);
  book.settle("new", { stage: 0, serial: 2n }, problem);
  book.settle("new", { stage: 0, serial: 2n }, undefined);
  assert.deepEqual([...book.standing].map(([key, entry]) => [key, entry.finding]), [
    ["stored", undefined],
    ["new", undefined],
  ]);
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Balances of statements: whether one is whole, and whether one is missing between others. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCamtStatement } from "../../core/bank/camt.ts";
import { followUp, type Period } from "../../core/bank/periods.ts";
import { formatAmount } from "../../core/taler/amount.ts";
import { formatTime } from "../../core/taler/time.ts";
import { camt, CAMT_OWN, camtEntry, KEY } from "../support/camt.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const faultOf = (result: object): string => "fault" in result ? String(result.fault) : "no fault";

Deno.test("camt.053: entries that do not lead from one balance to the other make the file unusable", () => {
  const balance = (code: string, amount: string, sign = "CRDT", currency = "EUR", day = "01") =>
    `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="${currency}">${amount}</Amt>` +
    `<CdtDbtInd>${sign}</CdtDbtInd><Dt><Dt>2026-05-${day}</Dt></Dt></Bal>`;
  const entries = [
    camtEntry("08", { subject: [KEY], amount: "5" }),
    camtEntry("08", { subject: ["fee"], amount: "7.5", direction: "DBIT" }),
    camtEntry("08", { subject: ["tomorrow"], amount: "100", status: "PDNG" }),
  ];
  const read = (...parts: string[]) => faultOf(parseCamtStatement(bytes(camt("08", [...parts, ...entries])), CAMT_OWN));
  assert.equal(read(balance("OPBD", "10"), balance("CLBD", "7.5")), "no fault");
  assert.equal(read(balance("PRCD", "1"), balance("CLBD", "1.5", "DBIT")), "no fault");
  assert.equal(
    read(balance("OPBD", "10"), balance("CLBD", "7")),
    "statement S1: its booked entries come to EUR:-2.5, its balances to EUR:-3; it is not complete",
  );
  // one balance for every day
  assert.equal(
    read(balance("OPBD", "10"), balance("CLBD", "7.5", "CRDT", "EUR", "02"), balance("CLBD", "99")),
    "no fault",
  );
  // a page of a statement does not say enough
  for (const one of [balance("OPBD", "10"), balance("CLBD", "7"), balance("ITBD", "10") + balance("CLBD", "7")]) {
    assert.equal(read(one), "no fault");
  }
  assert.equal(read(balance("OPBD", "10", "CRDT", "USD"), balance("CLBD", "7")), "no fault");
});

Deno.test("camt.053: what a statement covers, with its balances", () => {
  const balance = (code: string, day: string, amount: string, sign = "CRDT") =>
    `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${amount}</Amt>` +
    `<CdtDbtInd>${sign}</CdtDbtInd><Dt><Dt>${day}</Dt></Dt></Bal>`;
  const frame = "<FrToDt><FrDtTm>2026-04-30T22:00:00Z</FrDtTm><ToDtTm>2026-05-03T18:00:00Z</ToDtTm></FrToDt>";
  const covers = (...parts: string[]) => {
    const text = camt("08", [...parts, camtEntry("08", { subject: [KEY], amount: "5" })]);
    const read = parseCamtStatement(bytes(text), CAMT_OWN);
    assert.ok(!("fault" in read), faultOf(read));
    const [period] = read.periods ?? [];
    if (period === undefined) return undefined;
    const { opened, closed, opening, closing } = period;
    return [formatTime(opened), formatTime(closed), formatAmount("EUR", opening), formatAmount("EUR", closing)];
  };
  const closing = balance("CLBD", "2026-05-03", "2");
  const times = ["2026-05-01T00:00:00Z", "2026-05-04T00:00:00Z"], money = ["EUR:-3", "EUR:2"];
  assert.deepEqual(covers(balance("OPBD", "2026-05-01", "3", "DBIT"), closing), [...times, ...money]);
  assert.deepEqual(covers(balance("PRCD", "2026-04-30", "3", "DBIT"), closing), [...times, ...money]);
  assert.deepEqual(covers(frame, balance("OPBD", "2026-05-01", "3", "DBIT"), closing), [
    "2026-04-30T22:00:00Z",
    "2026-05-03T18:00:00Z",
    ...money,
  ]);
  assert.equal(covers(closing), undefined);
  assert.equal(covers(balance("OPBD", "soon", "3", "DBIT"), closing), undefined);
});

Deno.test("statements follow each other as long as each begins with the balance with which one ended", () => {
  const period = (opened: number, closed: number, opening: number, closing: number): Period => ({
    opened: BigInt(opened),
    closed: BigInt(closed),
    opening: BigInt(opening),
    closing: BigInt(closing),
    currency: "EUR",
  });
  const follow = (...periods: Period[]) => {
    const found = followUp(periods);
    return found && [Number(found.until), found.gap && Number(found.gap.after.opened)];
  };
  const [april, may, june] = [period(4, 5, 0, 30), period(5, 6, 30, 10), period(6, 7, 10, 50)];
  assert.equal(follow(), undefined);
  assert.deepEqual(follow(june, april, may), [7, undefined]);
  assert.deepEqual(follow(june, april), [5, 6]);
  assert.deepEqual(follow(april, april, may, may), [6, undefined], "imported twice");
  assert.deepEqual(follow(april, period(4, 7, 0, 50), may), [7, undefined], "one that covers others");
  assert.deepEqual(follow(april, period(4, 6, 0, 10), june), [7, undefined], "they overlap");
  assert.deepEqual(follow(april, period(9, 10, 30, 31)), [10, undefined], "nothing happened in between");
  // parts of one day come in any order
  const [early, late, next] = [period(5, 6, 30, 20), period(5, 6, 20, 10), june];
  assert.deepEqual(follow(april, late, early, next), [7, undefined]);
  assert.deepEqual(follow(next, late, april, early), [7, undefined]);
  assert.deepEqual(follow(april, late, next), [5, 5]);
  assert.deepEqual(follow(april, early, next), [6, 6]);
  const sums = (...periods: Period[]) => [followUp(periods)?.opening, followUp(periods)?.change];
  assert.deepEqual(sums(late, early), [30n, -20n]);
  assert.deepEqual(sums(april, late, early, next, period(4, 7, 0, 50)), [0n, 50n]);
  assert.deepEqual(sums(period(5, 6, 20, 20)), [20n, 0n]);
  // a day that ends where it began, in parts
  const circle = [period(5, 6, 30, 20), period(5, 6, 20, 30)];
  assert.deepEqual(sums(april, ...circle), [0n, 30n]);
  assert.deepEqual(sums(...circle, period(6, 7, 20, 50)), [20n, 30n], "the next one tells where it began");
  assert.deepEqual(sums(...circle), [undefined, undefined]);
  assert.deepEqual(follow(april, period(6, 7, 40, 50), period(6, 7, 50, 40)), [5, 6], "it does not follow itself");
  assert.deepEqual(sums(period(5, 6, 30, 50), period(5, 6, 50, 30), period(5, 6, 30, 10)), [30n, -20n]);
  // what grows in the course of a day does not tell where it ends
  assert.deepEqual(sums(april, period(5, 6, 30, 40), period(5, 6, 30, 60)), [0n, undefined]);
  assert.deepEqual(sums(april, period(5, 6, 30, 40), period(5, 6, 30, 60), period(6, 7, 60, 61)), [0n, 61n]);
  // transfers of statements without balances may lead over a gap
  const bridged = followUp([april, june], ({ before, after }) => after.opening - before.closing === -20n);
  assert.deepEqual([bridged?.until, bridged?.gap, bridged?.change], [7n, undefined, 50n]);
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 9 })), { minLength: 3, maxLength: 8 }),
    fc.nat(5),
    (months, seed) => {
      let [time, money] = [0, 0];
      const all = months.map(([length, change]) => period(time, time += length, money, money += change));
      assert.deepEqual(follow(...all.toReversed()), [time, undefined]);
      const lost = 1 + seed % (all.length - 2);
      const [before, after] = [all[lost - 1]!, all[lost + 1]!];
      assert.deepEqual(follow(...all.filter((_, i) => i !== lost)), [Number(before.closed), Number(after.opened)]);
    },
  ));
});

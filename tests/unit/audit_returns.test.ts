// SPDX-License-Identifier: AGPL-3.0-or-later
/** Payments that went there and back (WD-R6). */
import assert from "node:assert/strict";
import type { BankCredit } from "../../core/bank/history.ts";
import fc from "fast-check";
import { creditToReturn, debitToReturn, pairReturns, type Unbooked } from "../../core/audit/returns.ts";

const part = (rowId: number, party: string | undefined, amount: number, rank = 0): Unbooked => ({
  rowId: BigInt(rowId),
  party,
  amount: BigInt(amount),
  rank,
});
const pairs = (...args: Parameters<typeof pairReturns>) =>
  pairReturns(...args).map(({ credit, debit }) => [debit.rowId, credit.rowId].map(Number)).sort();

Deno.test("returns: the same amount to the same account, else the least greater one", () => {
  assert.deepEqual(pairs([part(1, "a", 5)], [part(2, "a", 5)]), [[2, 1]]);
  assert.deepEqual(pairs([part(1, "a", 5)], [part(2, "b", 5)]), []);
  assert.deepEqual(pairs([part(1, "a", 5)], [part(2, "a", 6)]), []);
  assert.deepEqual(pairs([part(1, "a", 9), part(2, "a", 6), part(3, "a", 5)], [part(4, "a", 5)]), [[4, 3]]);
  assert.deepEqual(pairs([part(1, "a", 9), part(2, "a", 6)], [part(4, "a", 5)]), [[4, 2]]);
  assert.deepEqual(pairs([part(1, "a", 9), part(2, "a", 6)], [part(4, "a", 5)], { exact: true }), []);
  // the exact ones first, whatever comes before
  assert.deepEqual(pairs([part(1, "a", 6)], [part(2, "a", 5), part(3, "a", 6)]), [[3, 1]]);
  // lower ranks first, then older ones
  assert.deepEqual(pairs([part(1, "a", 5, 1), part(2, "a", 5), part(3, "a", 5)], [part(4, "a", 5)]), [[4, 2]]);
  // the bank's own fees are not paid from its interest
  assert.deepEqual(pairs([part(1, "", 9)], [part(2, "", 5)]), []);
  assert.deepEqual(pairs([part(1, "", 5)], [part(2, "", 5)]), [[2, 1]]);
  // who is not known is nobody
  assert.deepEqual(pairs([part(1, undefined, 5)], [part(2, undefined, 5)]), []);
});

Deno.test("returns: each once, never more than came in, the same in any order", () => {
  const side = (from: number) =>
    fc.array(fc.tuple(fc.constantFrom("a", "b", ""), fc.integer({ min: 1, max: 5 }), fc.integer({ max: 1, min: 0 })), {
      maxLength: 8,
    }).map((rows) => rows.map(([party, amount, rank], i) => part(from + i, party, amount, rank)));
  fc.assert(fc.property(side(1), side(100), (credits, debits) => {
    const found = pairReturns(credits, debits);
    assert.equal(new Set(found.map(({ credit }) => credit)).size, found.length);
    assert.equal(new Set(found.map(({ debit }) => debit)).size, found.length);
    for (const { credit, debit } of found) {
      assert.ok(credit.party === debit.party && credit.amount >= debit.amount);
    }
    assert.deepEqual(pairs(credits.toReversed(), debits.toReversed()), pairs(credits, debits));
    // nothing is left on both sides that would fit
    const left = (all: readonly Unbooked[], taken: (p: typeof found[0]) => Unbooked) =>
      all.filter((u) => !found.some((p) => taken(p) === u));
    for (const debit of left(debits, (p) => p.debit)) {
      for (const credit of left(credits, (p) => p.credit)) {
        const fits = debit.party === "" ? credit.amount === debit.amount : credit.amount >= debit.amount;
        assert.ok(credit.party !== debit.party || !fits);
      }
    }
  }));
});

Deno.test("returns: what names no sender may have been anybody's, unless the bank itself paid it", () => {
  const amount = { currency: "EUR", atoms: 5n };
  const credit = (kind: BankCredit["kind"], debitAccount: string) =>
    creditToReturn({
      account: "",
      rowId: 1n,
      date: 0n,
      amount,
      kind,
      subject: new Uint8Array(),
      originExchangeUrl: undefined,
      debitAccount,
    });
  const parties = (account: string) => [
    credit("RESERVE", account).party,
    credit("OTHER", account).party,
    debitToReturn({ rowId: 2n, amount, creditAccount: account }).party,
  ];
  assert.deepEqual(parties(""), [undefined, "", ""]);
  assert.deepEqual(parties("payto://unknown/?receiver-name=Jane"), [undefined, undefined, undefined]);
  assert.equal(new Set(parties("payto://other/42?receiver-name=x")).size, 1);
  assert.ok((credit("OTHER", "").rank ?? 0) < (credit("RESERVE", "").rank ?? 0));
});

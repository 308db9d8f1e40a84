// SPDX-License-Identifier: AGPL-3.0-or-later
/** Tables of transfers: in full for programs and files, within a width for people. */

import assert from "node:assert/strict";
import { transactionsText } from "../../cmd/bank-text.ts";
import type { Transaction } from "../../core/bank/transaction.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";

const credit: Transaction = {
  account: "exchange-account-1",
  direction: "credit",
  rowId: 17n,
  date: 1_777_593_600_000_000n,
  amount: { currency: "EUR", atoms: 525_000_000n },
  kind: "RESERVE",
  subject: new Uint8Array(32).fill(7),
  url: undefined,
  counterpart: "payto://iban/DE89370400440532013000?receiver-name=Jane%20Doe",
};
const debit: Transaction = {
  ...credit,
  direction: "debit",
  kind: "TRANSFER",
  subject: new Uint8Array(32).fill(9),
  url: "https://exchange.example.com/",
};
const widest = (text: string) => Math.max(...text.split("\n").map((line) => line.length));

Deno.test("a table in full holds everything", () => {
  const text = transactionsText([credit, debit]);
  for (
    const part of [credit.counterpart, encodeBase32(credit.subject), `${encodeBase32(debit.subject)} ${debit.url}`]
  ) {
    assert.ok(text.includes(part), part);
  }
});

Deno.test("a table within a width: subjects and accounts are shortened, ends stay", () => {
  const text = transactionsText([credit, debit], 120);
  assert.ok(widest(text) <= 120, text);
  const [, first = ""] = text.split("\n");
  const key = encodeBase32(credit.subject);
  assert.ok(first.includes(` ${key.slice(0, 6)}…${key.slice(-6)} `), first);
  assert.match(first, / payto:\S*…\S*13000$/);
  assert.match(first, /^exchange-account-1 {2}credit {4}/);
});

Deno.test("a table within a width: large numbers and long names", () => {
  const large: Transaction = {
    ...debit,
    account: "exchange-account-of-some-bank-with-a-long-name",
    rowId: 2n ** 63n - 1n,
    date: 1_777_593_600_123_456n,
    amount: { currency: "EUR", atoms: 123_456_789_012n },
  };
  const text = transactionsText([large], 120);
  assert.ok(widest(text) <= 120, text);
  assert.ok(text.includes(` ${large.rowId} `));
});

Deno.test("a table within a width: what fits is left as it is", () => {
  const short: Transaction = { ...credit, subject: new Uint8Array(4), counterpart: "payto://iban/X?receiver-name=x" };
  assert.equal(transactionsText([short], 120), transactionsText([short]));
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Files that a bank gave out, in the store: once, beside a gateway, and where they contradict it or themselves. */

import assert from "node:assert/strict";
import { parseCamtStatement } from "../../core/bank/camt.ts";
import { parseCsvStatement } from "../../core/bank/csv.ts";
import { BankError } from "../../core/bank/history.ts";
import { importHistory } from "../../core/bank/import.ts";
import { importStatement, type Statement } from "../../core/bank/statement.ts";
import { registerAccount } from "../../core/bank/store.ts";
import { openStoreHistory } from "../../core/bank/store-history.ts";
import { readAnomalies } from "../../core/bank/store-rows.ts";
import type { Sql } from "../../core/db/connect.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { madeUpHistory, startBankServer, testKey } from "../support/bank-server.ts";
import { ACCOUNT, CLOCK, everything, importBoth, importTask, withStore } from "../support/bank-store.ts";
import { camt, CAMT_OWN, camtEntry, KEY, OTHER_KEY } from "../support/camt.ts";

const csvOf = (rows: string[]) => {
  const statement = parseCsvStatement(["row_id,date,direction,amount,subject,counterpart", ...rows].join("\r\n"));
  assert.ok(!("fault" in statement));
  return statement;
};

/** A line of a CSV file that says the same as an entry of the gateway. */
const creditLine = (id: number, amount = `EUR:${id % 100}.5`) =>
  `${id},${(1_700_000_000 + id) * 1_000_000},credit,${amount},${encodeBase32(testKey(id))},` +
  `payto://x-taler-bank/localhost/${id % 7}?receiver-name=customer`;
const debitLine = (id: number) =>
  `${id},${(1_700_000_000 + id) * 1_000_000},debit,EUR:${id % 100}.25,` +
  `${encodeBase32(testKey(id, 2))} http://exchange.example.com/,payto://x-taler-bank/localhost/${
    id % 5
  }?receiver-name=merchant`;

const importLines = (sql: Sql, statement: Statement, paytoUri?: string) =>
  importStatement(sql, ACCOUNT, paytoUri, statement, CLOCK.now);

Deno.test("a CSV file is imported once, and agrees with the gateway afterwards", () =>
  withStore(async (sql) => {
    const file = csvOf([
      creditLine(21),
      creditLine(23),
      debitLine(22),
      `${creditLine(25).replace(/,[0-9A-Z]{52},/, ",rent,")}`,
    ]);
    const first = await importLines(sql, file);
    assert.deepEqual([first.added, first.known, first.skipped, first.anomalies], [
      3,
      0,
      [{ place: "line 5", reason: "the subject holds no key" }],
      [],
    ]);
    const again = await importLines(sql, file);
    assert.deepEqual([again.added, again.known, again.anomalies], [0, 3, []]);
    assert.deepEqual(await openStoreHistory(sql).accounts(), [ACCOUNT]);
    const bank = startBankServer({ data: madeUpHistory(30, 30) });
    bank.data.incoming.splice(0, 10);
    bank.data.outgoing.splice(0, 10);
    assert.equal(await importBoth(sql, bank.url), 40 - 3, "the gateway is read from the beginning");
    assert.deepEqual(await readAnomalies(sql), []);
    await bank.close();
  }));

Deno.test("what lies below the rows of a file is not left out", () =>
  withStore(async (sql) => {
    await importLines(sql, csvOf([creditLine(21), creditLine(23)]));
    const bank = startBankServer({ data: madeUpHistory(15, 0) });
    const outcome = await importHistory(await importTask(sql, bank.url, "credit"), 1);
    assert.equal(outcome.added, 13);
    assert.deepEqual(
      [...new Set(outcome.anomalies.map(({ kind }) => kind))],
      ["late"],
      "an audit may have read the file",
    );
    await bank.close();
  }));

Deno.test("a CSV file that contradicts the store, or itself, is told", () =>
  withStore(async (sql) => {
    await importLines(sql, csvOf([creditLine(5), creditLine(9)]));
    const outcome = await importLines(sql, csvOf([creditLine(5, "EUR:50"), creditLine(7), creditLine(9)]));
    assert.deepEqual([outcome.added, outcome.known], [1, 2]);
    assert.deepEqual(outcome.anomalies.map(({ kind, rowId }) => `${kind} ${rowId}`), ["late 7", "changed 5"]);
    const twice = await importLines(
      sql,
      csvOf([creditLine(11), creditLine(11), creditLine(13), creditLine(13, "EUR:1")]),
    );
    assert.deepEqual(twice.anomalies.map(({ kind, rowId }) => `${kind} ${rowId}`), ["duplicate 13"]);
    assert.match(twice.anomalies[0]?.diagnostic ?? "", /one row id for two transfers: amount EUR:13.5 became EUR:1/);
    assert.equal(twice.added, 2);
  }));

Deno.test("statements without row ids get our own, once; the two ways of numbering do not mix", () =>
  withStore(async (sql) => {
    const statement = (amount: string, ...more: string[]) => {
      const text = camt("04", [
        camtEntry("04", { reference: "R1", subject: [KEY], amount }),
        camtEntry("04", { reference: "R2", direction: "DBIT", subject: [`${OTHER_KEY} https://e.example.com/`] }),
        ...more,
      ]);
      const parsed = parseCamtStatement(new TextEncoder().encode(text), CAMT_OWN);
      assert.ok(!("fault" in parsed));
      return parsed;
    };
    assert.equal((await importLines(sql, statement("5"), CAMT_OWN)).added, 2);
    const again = await importLines(sql, statement("5"), CAMT_OWN);
    assert.deepEqual([again.added, again.known, again.anomalies], [0, 2, []]);
    const more = camtEntry("04", { reference: "R3", subject: [`KYC:${KEY}`], amount: "1" });
    const third = await importLines(sql, statement("6", more), CAMT_OWN);
    assert.deepEqual([third.added, third.known], [1, 2]);
    assert.deepEqual(third.anomalies.map(({ kind, diagnostic }) => `${kind}: ${diagnostic}`), [
      "changed: amount EUR:5 became EUR:6",
    ]);
    const { credits, debits } = await everything(openStoreHistory(sql));
    assert.deepEqual(credits.map(({ rowId, kind }) => [rowId, kind]), [[1n, "RESERVE"], [3n, "KYCAUTH"]]);
    assert.deepEqual(debits.map(({ rowId }) => rowId), [2n]);
    assert.equal((await openStoreHistory(sql).describe(ACCOUNT))?.numbering, "local");
    await assert.rejects(importLines(sql, csvOf([creditLine(1)])), /comes from statements without row ids/);
    await assert.rejects(registerAccount(sql, ACCOUNT, ["credit"], "bank"), BankError);
    await assert.rejects(
      importLines(sql, statement("5"), "payto://iban/FR7630006000011234567890189?receiver-name=x"),
      /the file is about account/,
    );
    await sql`truncate auditor_bank.bank_account, auditor_bank.bank_anomaly cascade`;
    await importLines(sql, csvOf([creditLine(1)]));
    await assert.rejects(importLines(sql, statement("5"), CAMT_OWN), /a statement without row ids cannot be added/);
  }));

Deno.test("a file makes the history complete as far as it goes, and not up to now", () =>
  withStore(async (sql) => {
    const completed = async () => [...(await openStoreHistory(sql).describe(ACCOUNT))!.completed.values()];
    const at = (id: number) => BigInt(1_700_000_000 + id) * 1_000_000n;
    await importLines(sql, csvOf([creditLine(21), debitLine(23)]));
    assert.deepEqual(await completed(), [at(23), at(23)]);
    await importLines(sql, { ...csvOf([creditLine(22)]), until: at(40) });
    assert.deepEqual(await completed(), [at(40), at(40)], "the file says how far it goes");
    await importLines(sql, csvOf([creditLine(24)]));
    assert.deepEqual(await completed(), [at(40), at(40)], "an older file takes nothing back");
    await importLines(sql, { ...csvOf([creditLine(25)]), until: CLOCK.now + 1n });
    assert.deepEqual(await completed(), [CLOCK.now, CLOCK.now], "nobody knows the future");
  }));

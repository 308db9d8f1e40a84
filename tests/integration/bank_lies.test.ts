// SPDX-License-Identifier: AGPL-3.0-or-later
/** A bank that contradicts itself: what was reported once stays stored, and the contradiction is recorded (WC-R9). */

import assert from "node:assert/strict";
import { importHistory, type ImportTask, verifyHistory } from "../../core/bank/import.ts";
import { parseCsvStatement } from "../../core/bank/csv.ts";
import { importStatement } from "../../core/bank/statement.ts";
import { openStoreHistory } from "../../core/bank/store-history.ts";
import { readAnomalies } from "../../core/bank/store-rows.ts";
import type { Sql } from "../../core/db/connect.ts";
import {
  type BankServer,
  creditEntry,
  madeUpHistory,
  onHistory,
  OWN_ACCOUNT,
  startBankServer,
} from "../support/bank-server.ts";
import { ACCOUNT, attempt, CLOCK, importTask, storedCredits, withStore } from "../support/bank-store.ts";

const status = (code: number) => () => new Response(code === 204 ? null : "{}", { status: code });

/** A store that has taken in 30 credits, and the bank they came from. */
async function withImported(body: (sql: Sql, bank: BankServer, task: ImportTask) => Promise<void>): Promise<void> {
  await withStore(async (sql) => {
    const bank = startBankServer({ data: madeUpHistory(30, 0) });
    try {
      const task = await importTask(sql, bank.url, "credit");
      assert.equal((await importHistory(task)).added, 30);
      await body(sql, bank, task);
    } finally {
      await bank.close();
    }
  });
}

const listed = async (sql: Sql, settled = false) =>
  (await readAnomalies(sql, { settled })).map(({ kind, rowId, diagnostic }) => `${kind} ${rowId}: ${diagnostic}`);

Deno.test("a transfer that changes later is stored as first reported, and the change is recorded once", () =>
  withImported(async (sql, bank, task) => {
    bank.data.incoming[3] = creditEntry(7, { amount: "EUR:70", date: { t_s: 1_700_000_008 } });
    const outcome = await importHistory(task);
    assert.deepEqual([outcome.added, outcome.anomalies.length], [0, 1]);
    assert.deepEqual(await listed(sql), [
      "changed 7: date 2023-11-14T22:13:27Z became 2023-11-14T22:13:28Z, amount EUR:7.5 became EUR:70",
    ]);
    assert.deepEqual((await importHistory(task)).anomalies, [], "once");
    const [first] = (await Array.fromAsync(openStoreHistory(sql).credits(ACCOUNT, 6n))).flat();
    assert.deepEqual(first?.amount, { currency: "EUR", atoms: 750_000_000n });
    bank.data.incoming[3] = creditEntry(7, { amount: "EUR:71" });
    await importHistory(task);
    assert.equal((await listed(sql)).length, 2, "another content is another anomaly");
  }));

Deno.test("a transfer that vanishes stays stored; if it comes back the anomaly is settled, and opened when it goes", () =>
  withImported(async (sql, bank, task) => {
    const [gone] = bank.data.incoming.splice(29, 1);
    const [other] = bank.data.incoming.splice(4, 1);
    assert.ok(gone !== undefined && other !== undefined);
    assert.equal((await importHistory(task)).anomalies.length, 2);
    assert.deepEqual((await listed(sql)).map((line) => line.split(":")[0]), ["vanished 9", "vanished 59"]);
    assert.equal((await storedCredits(sql)).length, 30);
    assert.deepEqual((await importHistory(task)).anomalies, [], "once");
    bank.data.incoming.splice(4, 0, other);
    bank.data.incoming.push(gone);
    assert.deepEqual((await importHistory(task)).anomalies, []);
    assert.deepEqual(await listed(sql), []);
    assert.equal((await listed(sql, true)).length, 2);
    bank.data.incoming.pop();
    assert.equal((await importHistory(task)).anomalies.length, 1);
    assert.equal((await listed(sql)).length, 1);
  }));

Deno.test("a bank that has forgotten everything is noticed, whether it says 204 or 404", () =>
  withImported(async (sql, bank, task) => {
    bank.misbehave = onHistory(status(404));
    const forgetful = await importTask(sql, bank.url, "credit", { ignoreNotFound: true });
    const error = await attempt(forgetful);
    assert.match(error?.message ?? "", /404 for a history that it reported earlier/);
    assert.deepEqual(await listed(sql), []);
    bank.misbehave = onHistory(status(204));
    assert.equal((await importHistory(task)).anomalies.length, 30);
    assert.equal((await storedCredits(sql)).length, 30);
  }));

Deno.test("404 is an empty history for an account that never had one, if told so", () =>
  withStore(async (sql) => {
    const bank = startBankServer({ data: madeUpHistory(0, 0) });
    bank.misbehave = onHistory(status(404));
    const { added } = await importHistory(await importTask(sql, bank.url, "debit", { ignoreNotFound: true }));
    assert.equal(added, 0);
    assert.deepEqual(await openStoreHistory(sql).accounts(), [ACCOUNT]);
    // what only a file shows is nothing that the gateway reported
    const fee = parseCsvStatement("row_id,date,direction,amount,subject,counterpart\n3,1,debit,EUR:1,fee,\n");
    assert.ok(!("fault" in fee));
    assert.equal((await importStatement(sql, ACCOUNT, undefined, fee, CLOCK.now)).added, 1);
    await importHistory(await importTask(sql, bank.url, "debit", { ignoreNotFound: true }));
    await bank.close();
  }));

Deno.test("a transfer that appears below later ones is stored, and recorded as late", () =>
  withImported(async (sql, bank, task) => {
    bank.data.incoming.splice(5, 0, creditEntry(10));
    const outcome = await importHistory(task);
    assert.deepEqual([outcome.added, outcome.anomalies.map(({ kind }) => kind)], [1, ["late"]]);
    assert.match((await listed(sql))[0] ?? "", /^late 10: appeared after later rows were reported: date 2023/);
    assert.ok((await storedCredits(sql)).includes(10n));
    assert.deepEqual((await importHistory(task)).anomalies, []);
  }));

Deno.test("what lies further back than an import looks is found by comparing all, or the last days", () =>
  withImported(async (_sql, bank, task) => {
    bank.data.incoming.splice(2, 1);
    bank.data.incoming[0] = creditEntry(1, { amount: "EUR:99" });
    bank.data.incoming.push(creditEntry(61));
    const near = await importHistory(task, 5);
    assert.deepEqual([near.added, near.anomalies], [1, []]);
    const recent = await verifyHistory(task, 1_700_000_000_000_000n + 40n * 1_000_000n);
    assert.deepEqual([recent.compared, recent.anomalies], [11, []]);
    const everything = await verifyHistory(task);
    assert.deepEqual(everything.anomalies.map(({ kind, rowId }) => `${kind} ${rowId}`), ["changed 1", "vanished 5"]);
    assert.equal(everything.compared, 30);
    assert.deepEqual((await verifyHistory(task)).anomalies, [], "once");
    assert.equal((await verifyHistory(task, CLOCK.now)).compared, 0, "nothing is that new");
  }));

Deno.test("an account cannot become another one", () =>
  withImported(async (sql, bank) => {
    const wrong = await importTask(sql, bank.url, "credit", {
      paytoUri: "payto://x-taler-bank/localhost/7?receiver-name=7",
    });
    const error = await attempt(wrong);
    assert.equal(error?.kind, "configuration");
    assert.match(error?.message ?? "", /history is that of account .*exchange\?.*, while PAYTO_URI is payto:.*7$/);
    bank.data.own = "payto://x-taler-bank/localhost/8?receiver-name=8";
    assert.match(
      (await attempt(await importTask(sql, bank.url, "credit")))?.message ?? "",
      /while the stored history is/,
    );
    bank.data.own = OWN_ACCOUNT.replace("receiver-name=exchange", "receiver-name=Exchange%20Ltd");
    assert.equal(
      await attempt(await importTask(sql, bank.url, "credit")),
      undefined,
      "another name is the same account",
    );
    assert.equal(await openStoreHistory(sql).ownAccount(ACCOUNT), bank.data.own);
  }));

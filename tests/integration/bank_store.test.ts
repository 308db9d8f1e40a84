// SPDX-License-Identifier: AGPL-3.0-or-later
/** The store of bank history: what goes in comes out, once, whatever way and in how many pieces it was imported. */

import assert from "node:assert/strict";
import { openGateway } from "../../core/bank/gateway.ts";
import { openGatewayHistory } from "../../core/bank/gateway-history.ts";
import { BankError } from "../../core/bank/history.ts";
import { followHistory, importHistory, type ImportOutcome } from "../../core/bank/import.ts";
import { ensureBankSchema, requireBankSchema } from "../../core/bank/schema.ts";
import { registerAccount } from "../../core/bank/store.ts";
import { openStoreHistory } from "../../core/bank/store-history.ts";
import { readAnomalies } from "../../core/bank/store-rows.ts";
import { connect } from "../../core/db/connect.ts";
import { SchemaRefused } from "../../core/db/generation.ts";
import { appliedPatches } from "../../core/db/versioning.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { NEVER } from "../../core/taler/time.ts";
import {
  creditEntry,
  debitEntry,
  madeUpHistory,
  onHistory,
  OWN_ACCOUNT,
  recordedHistory,
  startBankServer,
  testKey,
} from "../support/bank-server.ts";
import {
  ACCOUNT,
  accountAt,
  CLOCK,
  everything,
  importBoth,
  importTask,
  storedCredits,
  withStore,
} from "../support/bank-store.ts";
import { datasetNames } from "../support/golden.ts";
import { sharedServer, targetOf, withDatabase } from "../support/server.ts";

Deno.test("the schema is created once, also by two at a time, and one of another layout is refused", () =>
  withDatabase(async (sql, { target }) => {
    await assert.rejects(requireBankSchema(sql), /schema auditor_bank cannot be used: found no table in it/);
    const other = await connect(target, { searchPath: [], applicationName: "taler-auditor test" });
    const applied = await Promise.all([ensureBankSchema(sql), ensureBankSchema(other)]);
    await other.end({ timeout: 1 });
    assert.deepEqual(applied.filter((patch) => patch !== undefined), ["auditor-bank-0001"]);
    assert.equal(await ensureBankSchema(sql), undefined);
    await requireBankSchema(sql);
    assert.deepEqual(await appliedPatches(sql, "auditor-bank-"), ["auditor-bank-0001"]);
    await sql.unsafe("alter table auditor_bank.bank_transaction rename subject to wtid");
    await assert.rejects(ensureBankSchema(sql), (error) => {
      assert.ok(error instanceof SchemaRefused);
      assert.match(error.message, /schema auditor_bank cannot be used: .*column bank_transaction.subject is missing/);
      return true;
    });
    await sql.unsafe("drop schema auditor_bank cascade");
    assert.equal(await ensureBankSchema(sql), "auditor-bank-0001", "dropped by hand, it is made again");
  }));

Deno.test("importing again adds nothing, and what the store gives is what the bank gave", () =>
  withStore(async (sql) => {
    const data = madeUpHistory(25, 13);
    data.incoming.push(
      creditEntry(101, { type: "KYCAUTH", reserve_pub: undefined, account_pub: encodeBase32(testKey(9)) }),
      creditEntry(102, {
        type: "WAD",
        wad_id: encodeBase32(new Uint8Array(24).fill(7)),
        origin_exchange_url: "https://other.example.com/",
      }),
      creditEntry(103, { date: { t_s: "never" }, amount: "EUR:4503599627370496.99999999" }),
      creditEntry(2 ** 53 - 1, { amount: "KUDOS:0", date: { t_s: 0 }, debit_account: "payto://iban/DE144373" }),
    );
    const bank = startBankServer({ data });
    assert.equal(await importBoth(sql, bank.url), 42);
    assert.equal(await importBoth(sql, bank.url), 0);
    const stored = openStoreHistory(sql, { pageSize: 7 });
    const asked = openGatewayHistory([openGateway(accountAt(bank.url))]);
    const both = await everything(stored);
    assert.deepEqual(both, await everything(asked));
    assert.deepEqual(both.credits.map(({ kind }) => kind).slice(24), [
      "RESERVE",
      "KYCAUTH",
      "WAD",
      "RESERVE",
      "RESERVE",
    ]);
    assert.equal(both.credits.at(-2)?.date, NEVER);
    const after = await Array.fromAsync(stored.credits(ACCOUNT, 45n));
    assert.deepEqual(after.map((page) => page.map(({ rowId }) => rowId)), [[
      47n,
      49n,
      101n,
      102n,
      103n,
      2n ** 53n - 1n,
    ]]);
    assert.deepEqual(await stored.accounts(), [ACCOUNT]);
    assert.equal(await stored.ownAccount(ACCOUNT), OWN_ACCOUNT);
    assert.deepEqual(await stored.anomalies(), []);
    await bank.close();
  }));

Deno.test("many small imports store the same as one large one", () =>
  withStore(async (sql) => {
    const data = madeUpHistory(40, 20);
    const bank = startBankServer({ data: { ...data, incoming: [], outgoing: [] } });
    let seed = 7;
    while (bank.data.incoming.length < 40 || bank.data.outgoing.length < 20) {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      bank.data.incoming.push(...data.incoming.slice(bank.data.incoming.length).slice(0, seed % 9));
      bank.data.outgoing.push(...data.outgoing.slice(bank.data.outgoing.length).slice(0, seed % 5));
      await importBoth(sql, bank.url);
    }
    const whole = openGatewayHistory([openGateway(accountAt(bank.url))]);
    assert.deepEqual(await everything(openStoreHistory(sql)), await everything(whole));
    assert.deepEqual(await readAnomalies(sql), []);
    await bank.close();
  }));

Deno.test("rows with consecutive numbers are all read, one import after the other (BUG-2.1)", () =>
  withStore(async (sql) => {
    const bank = startBankServer({ data: { own: OWN_ACCOUNT, incoming: [], outgoing: [] } });
    const task = await importTask(sql, bank.url, "debit");
    for (let row = 1; row <= 6; row += 2) {
      bank.data.outgoing.push(debitEntry(row), debitEntry(row + 1));
      assert.equal((await importHistory(task, 0)).cursor, BigInt(row + 1));
    }
    const debits = await Array.fromAsync(openStoreHistory(sql).debits(ACCOUNT, 0n));
    assert.deepEqual(debits.flat().map(({ rowId }) => rowId), [1n, 2n, 3n, 4n, 5n, 6n]);
    await bank.close();
  }));

Deno.test("two imports at a time end with each transfer stored once", () =>
  withStore(async (sql) => {
    const bank = startBankServer({ data: madeUpHistory(100, 0) });
    const tasks = await Promise.all([0, 1, 2].map(() => importTask(sql, bank.url, "credit")));
    const outcomes = await Promise.all(tasks.map((task) => importHistory(task)));
    assert.equal(outcomes.reduce((sum, { added }) => sum + added, 0), 100);
    assert.equal((await storedCredits(sql)).length, 100);
    assert.deepEqual(await readAnomalies(sql), []);
    await bank.close();
  }));

Deno.test("an import survives the loss of its database connections", () =>
  withStore(async (sql, { name }) => {
    const admin = await connect(targetOf(await sharedServer(), "postgres"), {
      searchPath: [],
      applicationName: "taler-auditor test",
    });
    const bank = startBankServer({ data: madeUpHistory(50, 0) });
    let cuts = 0;
    bank.misbehave = onHistory(async (request, proper) => {
      if (Number(request.query["start"] ?? 0) > 10 && cuts++ < 3) {
        await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`;
      }
      return proper();
    });
    assert.equal((await importHistory(await importTask(sql, bank.url, "credit"))).added, 50);
    assert.ok(cuts >= 3);
    await bank.close();
    await admin.end({ timeout: 1 });
  }));

Deno.test("an account is covered when both of its directions were read to the end", () =>
  withStore(async (sql) => {
    const bank = startBankServer({ data: madeUpHistory(12, 12) });
    const history = openStoreHistory(sql);
    assert.deepEqual(await history.accounts(), []);
    assert.equal(await history.ownAccount(ACCOUNT), undefined);
    assert.equal(await history.describe(ACCOUNT), undefined);
    await assert.rejects(Array.fromAsync(history.credits(ACCOUNT, 0n)), /its credits were never imported to the end/);
    await registerAccount(sql, ACCOUNT, ["credit", "debit"], "bank");
    await importHistory(await importTask(sql, bank.url, "credit"));
    assert.deepEqual(await history.accounts(), [], "debits are still to come");
    bank.misbehave = onHistory((request) => request.query["start"] === "20" ? new Response("?") : undefined);
    await assert.rejects(importHistory(await importTask(sql, bank.url, "debit")), BankError);
    assert.deepEqual(await history.accounts(), []);
    assert.equal((await Array.fromAsync(history.credits(ACCOUNT, 0n))).flat().length, 12);
    await assert.rejects(Array.fromAsync(history.debits(ACCOUNT, 0n)), /its debits were never imported to the end/);
    bank.misbehave = undefined;
    await importHistory(await importTask(sql, bank.url, "debit"));
    assert.deepEqual(await history.accounts(), [ACCOUNT]);
    const { completed, numbering } = (await history.describe(ACCOUNT))!;
    assert.deepEqual([[...completed], numbering], [[["credit", CLOCK.now], ["debit", CLOCK.now]], "bank"]);
    await bank.close();
  }));

Deno.test({
  name: "every recorded history comes out of the store as the gateway gives it",
  ignore: datasetNames().length === 0,
  fn: () =>
    withStore(async (sql) => {
      for (const name of datasetNames()) {
        await sql`truncate auditor_bank.bank_account, auditor_bank.bank_anomaly cascade`;
        const bank = startBankServer({ data: recordedHistory(name) });
        const { incoming, outgoing } = bank.data;
        assert.equal(await importBoth(sql, bank.url), incoming.length + outgoing.length, name);
        const asked = openGatewayHistory([openGateway(accountAt(bank.url))]);
        assert.deepEqual(await everything(openStoreHistory(sql)), await everything(asked), name);
        await bank.close();
      }
    }),
});

Deno.test("a continuous import takes in what comes, outlasts failures, and ends when told", async (t) => {
  await withStore(async (sql) => {
    const bank = startBankServer({ data: madeUpHistory(3, 0) });
    const stop = new AbortController();
    const outcomes: ImportOutcome[] = [];
    const failures: string[] = [];
    let wake = () => {};
    const until = async (condition: () => boolean) => {
      while (!condition()) await new Promise<void>((resolve) => wake = resolve);
    };
    const task = await importTask(sql, bank.url, "credit");
    const ended = followHistory(task, {
      signal: stop.signal,
      longPollMs: 60_000,
      recheckMs: 600_000,
      backoffMs: 1,
      backoffMaxMs: 5,
      came: (outcome) => (outcomes.push(outcome), wake()),
      failed: (error) => (failures.push(error.message), wake()),
    });
    await t.step("what is there", async () => {
      await until(() => outcomes.length === 1);
      assert.equal(outcomes[0]?.added, 3);
    });
    await t.step("what comes", async () => {
      await bank.saw(({ query }) => query["start"] === "5" && "long_poll_ms" in query);
      bank.data.incoming.push(creditEntry(7));
      bank.news();
      await until(() => outcomes.length === 2);
      assert.equal(outcomes[1]?.added, 1);
    });
    await t.step("a failure", async () => {
      await bank.saw(({ query }) => query["start"] === "7" && "long_poll_ms" in query);
      bank.misbehave = onHistory(() => new Response("", { status: 500 }));
      bank.data.incoming.push(creditEntry(9));
      bank.news();
      await until(() => failures.length > 0 || outcomes.length === 3);
      await until(() => failures.length > 0);
      assert.match(failures[0] ?? "", /the bank answered 500/);
      bank.misbehave = undefined;
      await until(() => outcomes.reduce((sum, { added }) => sum + added, 0) === 5);
    });
    await t.step("the end", async () => {
      await bank.saw(({ query }) => query["start"] === "9" && "long_poll_ms" in query);
      const started = performance.now();
      stop.abort();
      await ended;
      assert.ok(performance.now() - started < 1000, "within a second");
    });
    assert.equal((await storedCredits(sql)).length, 5);
    await bank.close();
  });
});

Deno.test("a gateway that does not wait is not asked without a pause", () =>
  withStore(async (sql) => {
    const bank = startBankServer({ data: madeUpHistory(1, 0) });
    bank.misbehave = onHistory((request, proper) =>
      "long_poll_ms" in request.query ? new Response(null, { status: 204 }) : proper()
    );
    const stop = new AbortController();
    const pauses = { longPollMs: 60_000, recheckMs: 600_000, backoffMs: 1, backoffMaxMs: 5 };
    const task = await importTask(sql, bank.url, "credit");
    const ended = followHistory(task, {
      ...pauses,
      signal: stop.signal,
      came: () => {},
      failed: (error) => assert.fail(error),
    });
    await bank.saw(({ query }) => "long_poll_ms" in query);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(bank.requests.filter(({ query }) => "long_poll_ms" in query).length, 1);
    stop.abort();
    await ended;
    await bank.close();
  }));

Deno.test("debits are numbered apart from credits", () =>
  withStore(async (sql) => {
    const bank = startBankServer({ data: { own: OWN_ACCOUNT, incoming: [creditEntry(1)], outgoing: [debitEntry(1)] } });
    assert.equal(await importBoth(sql, bank.url), 2);
    assert.deepEqual(await readAnomalies(sql), []);
    await bank.close();
  }));

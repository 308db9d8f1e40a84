// SPDX-License-Identifier: AGPL-3.0-or-later
/** Files that a bank gave out, in the store: once, beside a gateway, and where they contradict it or themselves. */

import assert from "node:assert/strict";
import { parseCamtStatement } from "../../core/bank/camt.ts";
import { parseCsvStatement } from "../../core/bank/csv.ts";
import { type Arrived, type BankAnomaly, BankError } from "../../core/bank/history.ts";
import { importHistory } from "../../core/bank/import.ts";
import { importStatement, type Statement } from "../../core/bank/statement.ts";
import { registerAccount } from "../../core/bank/store.ts";
import { forgetAccount, openStoreHistory } from "../../core/bank/store-history.ts";
import { readAnomalies } from "../../core/bank/store-rows.ts";
import { accountKey } from "../../core/bank/transaction.ts";
import type { Sql } from "../../core/db/connect.ts";
import { formatAmount } from "../../core/taler/amount.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { creditEntry, madeUpHistory, startBankServer, testKey } from "../support/bank-server.ts";
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

/** The bank tells another account for the first transfer. */
const renamed = (statement: Statement): Statement => {
  const [first, ...others] = statement.lines;
  return { ...statement, lines: [{ ...first!, counterpart: "payto://iban/X" }, ...others] };
};

const importLines = (sql: Sql, statement: Statement, paytoUri?: string) =>
  importStatement(sql, ACCOUNT, paytoUri, statement, CLOCK.now);

Deno.test("a CSV file is imported once, and agrees with the gateway afterwards", () =>
  withStore(async (sql) => {
    const file = csvOf([
      creditLine(21),
      creditLine(23),
      debitLine(22),
      `${creditLine(26).replace(/,[0-9A-Z]{52},/, ",rent,")}`,
    ]);
    const first = await importLines(sql, file);
    assert.deepEqual([first.added, first.known, first.skipped, first.anomalies], [4, 0, [], []]);
    assert.deepEqual(first.others.map(({ line, reason }) => `${line.place}: ${reason}`), [
      "line 5: the subject holds no key",
    ]);
    const again = await importLines(sql, file);
    assert.deepEqual([again.added, again.known, again.anomalies], [0, 4, []]);
    assert.deepEqual(await openStoreHistory(sql).accounts(), [ACCOUNT]);
    const bank = startBankServer({ data: madeUpHistory(30, 30) });
    bank.data.incoming.splice(0, 10);
    bank.data.outgoing.splice(0, 10);
    assert.equal(await importBoth(sql, bank.url), 40 - 3, "the gateway is read from the beginning");
    assert.deepEqual(await readAnomalies(sql), []);
    await bank.close();
  }));

Deno.test("what a file alone shows is neither late nor missing at the gateway", () =>
  withStore(async (sql) => {
    const bank = startBankServer({ data: madeUpHistory(15, 0) });
    bank.data.incoming.splice(4, 1);
    await importHistory(await importTask(sql, bank.url, "credit"));
    const interest = creditLine(6).replace(/,[0-9A-Z]{52},.*/, ",interest,");
    const outcome = await importLines(sql, csvOf([interest, creditLine(9)]));
    // a gateway never shows what the bank sends back, such as a second transfer to a reserve
    assert.deepEqual([outcome.added, outcome.anomalies], [2, []]);
    await importHistory(await importTask(sql, bank.url, "credit"));
    assert.deepEqual(await readAnomalies(sql), []);
    // but what it showed must stay, whoever showed it first
    await importLines(sql, csvOf([creditLine(31)]));
    bank.data.incoming.push(creditEntry(31));
    await importHistory(await importTask(sql, bank.url, "credit"));
    bank.data.incoming.pop();
    await importHistory(await importTask(sql, bank.url, "credit"));
    const all = await readAnomalies(sql);
    assert.deepEqual(all.map(({ kind, rowId }) => `${kind} ${rowId}`), ["vanished 31"]);
    await bank.close();
  }));

Deno.test("what came into the store is numbered by account and direction, in the order of its coming", () =>
  withStore(async (sql) => {
    const history = openStoreHistory(sql);
    assert.deepEqual(await history.arrivals!(ACCOUNT, "credit"), { epoch: 0n, newest: 0n });
    await importLines(sql, csvOf([creditLine(21), debitLine(4), creditLine(23)]));
    const { epoch, newest } = await history.arrivals!(ACCOUNT, "credit");
    assert.equal(newest, 2n);
    assert.equal((await history.arrivals!(ACCOUNT, "debit")).newest, 1n);
    await importLines(sql, csvOf([creditLine(9), creditLine(21), creditLine(30), creditLine(8)]));
    assert.deepEqual(await history.arrivals!(ACCOUNT, "credit"), { epoch, newest: 5n });
    const rows = async (after: bigint, arrived: Arrived) =>
      (await Array.fromAsync(history.credits(ACCOUNT, after, arrived))).flat().map(({ rowId }) => Number(rowId));
    assert.deepEqual(await rows(0n, { upTo: 2n }), [21, 23]);
    assert.deepEqual(await rows(23n, { upTo: 5n }), [30]);
    assert.deepEqual(await rows(0n, { upTo: 5n, late: { after: 2n, lastRow: 23n } }), [8, 9]);
    assert.deepEqual(await rows(0n, { upTo: 5n, late: { after: 5n, lastRow: 23n } }), []);
    await forgetAccount(sql, ACCOUNT);
    await importLines(sql, csvOf([creditLine(21)]));
    const anew = await history.arrivals!(ACCOUNT, "credit");
    assert.ok(anew.newest === 1n && anew.epoch > epoch);
  }));

Deno.test("what went out without identifier, from whom something came, and what was sent how often", () =>
  withStore(async (sql) => {
    const history = openStoreHistory(sql);
    const villa = debitLine(7).replace(/,[0-9A-Z]{52} [^,]*,.*/, ",private villa,payto://iban/X?receiver-name=x");
    const fee = debitLine(8).replace(/,[0-9A-Z]{52} [^,]*,.*/, ",fee,");
    const again = debitLine(4).replace(/^4/, "9");
    await importLines(sql, csvOf([creditLine(1), creditLine(2), creditLine(8), debitLine(4), villa, fee, again]));
    const others = await history.otherDebits!(ACCOUNT);
    assert.deepEqual(others.map(({ rowId, text, creditAccount }) => [rowId, text, creditAccount]), [
      [7n, "private villa", "payto://iban/X?receiver-name=x"],
      [8n, "fee", ""],
    ]);
    assert.deepEqual((await everything(history)).debits.map(({ rowId }) => rowId), [4n, 9n], "the others are left out");
    const from = async (...senders: string[]) =>
      (await history.creditsFrom!(ACCOUNT, senders.map(accountKey))).map(({ rowId }) => rowId);
    assert.deepEqual(await from("payto://x-taler-bank/LOCALHOST/1?receiver-name=other"), [1n, 8n]);
    assert.deepEqual(await from("payto://x-taler-bank/localhost/2", "payto://x-taler-bank/localhost/2"), [2n]);
    assert.deepEqual(await from("payto://x-taler-bank/localhost/3", ""), []);
    const [one, none] = [testKey(4, 2), testKey(5, 2)];
    assert.deepEqual((await history.sentWith!(ACCOUNT, [one, none, one])).map(({ rowId }) => rowId), [4n, 9n]);
    assert.deepEqual(await history.sentWith!(ACCOUNT, [none]), []);
    assert.deepEqual([await history.covers!(ACCOUNT, "debit"), await history.covers!("other", "debit")], [true, false]);
  }));

Deno.test("what lies below the rows of a file is not left out", () =>
  withStore(async (sql) => {
    await importLines(sql, csvOf([creditLine(21), creditLine(23)]));
    const bank = startBankServer({ data: madeUpHistory(15, 0) });
    const outcome = await importHistory(await importTask(sql, bank.url, "credit"), 1);
    assert.equal(outcome.added, 13);
    assert.deepEqual(outcome.anomalies, [], "the gateway was never asked before");
    await bank.close();
  }));

Deno.test("a CSV file that contradicts the store, or itself, is told", () =>
  withStore(async (sql) => {
    await importLines(sql, csvOf([creditLine(5), creditLine(9)]));
    const outcome = await importLines(sql, csvOf([creditLine(5, "EUR:50"), creditLine(7), creditLine(9)]));
    assert.deepEqual([outcome.added, outcome.known], [1, 2]);
    assert.deepEqual(
      outcome.anomalies.map(({ kind, rowId }) => `${kind} ${rowId}`),
      ["changed 5"],
      "files come in any order",
    );
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
    const third = await importLines(sql, renamed(statement("5", more)), CAMT_OWN);
    assert.deepEqual([third.added, third.known], [1, 2]);
    assert.deepEqual(third.anomalies.map(({ kind, diagnostic }) => `${kind}: ${diagnostic}`), [
      "changed: counterpart payto://iban/DE89370400440532013000?receiver-name=Jane%20Doe became payto://iban/X",
    ]);
    assert.equal((await importLines(sql, statement("6"), CAMT_OWN)).added, 1, "another amount is another transfer");
    const { credits, debits } = await everything(openStoreHistory(sql));
    assert.deepEqual(credits.map(({ rowId, kind }) => [rowId, kind]), [
      [1n, "RESERVE"],
      [3n, "KYCAUTH"],
      [4n, "RESERVE"],
    ]);
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

Deno.test("what is stored must come to the balances of the statements: a transfer taken for another is told", () =>
  withStore(async (sql) => {
    const balance = (code: string, amount: string) =>
      `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>` +
      `<Dt><Dt>2026-05-01</Dt></Dt></Bal>`;
    const part = (opening: string, closing: string, reference = "NONREF") => {
      const villa = camtEntry("08", { direction: "DBIT", reference, subject: ["villa"], amount: "100" });
      const text = camt("08", [balance("OPBD", opening), balance("CLBD", closing), villa]);
      const parsed = parseCamtStatement(new TextEncoder().encode(text), CAMT_OWN);
      assert.ok(!("fault" in parsed));
      return parsed;
    };
    assert.deepEqual((await importLines(sql, part("500", "400"), CAMT_OWN)).anomalies, []);
    // the same day, the same amount, the same text, and no reference: nothing tells the second from the first
    const second = await importLines(sql, part("400", "300"), CAMT_OWN);
    assert.deepEqual([second.added, second.known], [0, 1]);
    const text = (a: BankAnomaly) => `${a.kind} ${a.direction} ${formatAmount("EUR", a.amount.atoms)}: ${a.diagnostic}`;
    const expected = "balance debit EUR:100: what is stored from statements comes to EUR:100 more than their balances";
    assert.deepEqual(second.anomalies.map(text), [expected]);
    assert.deepEqual((await openStoreHistory(sql).anomalies()).map(text), [expected]);
    assert.deepEqual((await importLines(sql, part("400", "300"), CAMT_OWN)).anomalies, [], "it is known");
    // a day without transfers changes nothing in it
    const idle = camt("08", [balance("OPBD", "300"), balance("CLBD", "300")].map((b) => b.replace("05-01", "05-02")));
    const empty = parseCamtStatement(new TextEncoder().encode(idle), CAMT_OWN);
    assert.ok(!("fault" in empty));
    assert.deepEqual((await importLines(sql, empty, CAMT_OWN)).anomalies, []);
    assert.deepEqual((await openStoreHistory(sql).anomalies()).map(text), [expected]);
    // a statement that tells them apart settles it
    await importLines(sql, part("400", "300", "R2"), CAMT_OWN);
    assert.deepEqual(await openStoreHistory(sql).anomalies(), []);
  }));

Deno.test("statements without balances fill the gap between others if their transfers do", () =>
  withStore(async (sql) => {
    const balance = (code: string, day: string, amount: string, currency = "EUR") =>
      `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="${currency}">${amount}</Amt>` +
      `<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-${day}</Dt></Dt></Bal>`;
    const entry = (day: string, amount: string) =>
      camtEntry("08", { reference: `R${day}`, subject: [KEY], amount, date: `<Dt>2026-${day}</Dt>` });
    const store = async (...parts: string[]) => {
      const parsed = parseCamtStatement(new TextEncoder().encode(camt("08", parts)), CAMT_OWN);
      assert.ok(!("fault" in parsed));
      const { coverage, anomalies } = await importLines(sql, parsed, CAMT_OWN);
      return [coverage?.gap === undefined, coverage?.until, anomalies.length];
    };
    const end = (month: number) => BigInt(Date.UTC(2026, month, 1)) * 1000n;
    await store(balance("OPBD", "04-01", "0"), balance("CLBD", "04-30", "10"), entry("04-09", "10"));
    const june = [balance("OPBD", "06-01", "30"), balance("CLBD", "06-30", "35"), entry("06-09", "5")];
    assert.deepEqual(await store(...june), [false, end(4), 0]);
    assert.deepEqual(await store(balance("OPBD", "05-01", "10"), balance("ITBD", "05-15", "17"), entry("05-02", "7")), [
      false,
      end(4),
      0,
    ]);
    // with the second page of May all is there
    assert.deepEqual(await store(balance("CLBD", "05-31", "30"), entry("05-20", "13")), [true, end(6), 0]);
    // a part of the account in another currency, where nothing happened
    assert.deepEqual(await store(balance("OPBD", "04-01", "0", "USD"), balance("CLBD", "04-30", "0", "USD")), [
      true,
      end(6),
      0,
    ]);
    // a month beside its parts, in one file with what names no balances
    const both = camt("08", [entry("07-09", "1")]).replace(
      "</BkToCstmrStmt>",
      `${
        /<Stmt>.*<\/Stmt>/s.exec(
          camt("08", [balance("OPBD", "07-01", "35"), balance("CLBD", "07-31", "36"), entry("07-09", "1")]),
        )![0]
      }</BkToCstmrStmt>`,
    );
    const parsed = parseCamtStatement(new TextEncoder().encode(both), CAMT_OWN);
    assert.ok(!("fault" in parsed));
    const july = await importLines(sql, parsed, CAMT_OWN);
    assert.deepEqual([july.added, july.coverage?.until, july.anomalies], [1, end(7), []]);
  }));

Deno.test("imports from a file and from the gateway at one time wait for each other", () =>
  withStore(async (sql) => {
    const bank = startBankServer({ data: madeUpHistory(40, 40) });
    const file = csvOf(Array.from({ length: 40 }, (_, i) => [creditLine(2 * i + 101), debitLine(2 * i + 102)]).flat());
    for (let round = 0; round < 5; round++) {
      await Promise.all([importBoth(sql, bank.url), importLines(sql, file), importBoth(sql, bank.url)]);
      await forgetAccount(sql, ACCOUNT);
    }
    await bank.close();
  }));

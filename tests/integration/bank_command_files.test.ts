// SPDX-License-Identifier: AGPL-3.0-or-later
/** `taler-auditor bank` with files, and the way back from one that was imported by mistake. */

import assert from "node:assert/strict";
import { call, countRows, withScene } from "../support/bank-command.ts";
import { creditEntry } from "../support/bank-server.ts";
import { camt, CAMT_OWN, camtEntry, KEY } from "../support/camt.ts";

Deno.test("files: CSV and camt.053", () =>
  withScene(async ({ folder, file }) => {
    const csv = `${folder}/may.csv`;
    await Deno.writeTextFile(
      csv,
      "row_id,date,direction,amount,subject,counterpart\n" +
        `5,2026-05-01,credit,EUR:5,${KEY},payto://iban/X?receiver-name=x\n` +
        `6,2026-05-01,debit,EUR:5,rent,payto://iban/X?receiver-name=x\n`,
    );
    const lines = (text: string) => text.split("\n").slice(-2);
    const first = await call("import", "-c", file, "--file", csv, "--account", "1");
    assert.deepEqual([first.code, ...lines(first.out)], [
      0,
      `${csv}: line 3: debit of EUR:5 is none of the exchange's software: ` +
      "the subject is not a transfer identifier and an exchange's URL",
      "exchange-account-1: 2 new transfers, 0 known, 1 other, 0 skipped",
    ], first.err);
    const again = await call("import", "-c", file, "--file", csv, "--account", "1", "--format", "csv");
    assert.match(again.out, /exchange-account-1: 0 new transfers, 2 known, 1 other, 0 skipped$/);
    const shown = await call("show", "-c", file, "--direction", "debit");
    assert.match(shown.out, / OTHER +"rent" +payto:\/\/iban\/X/);
    const [row] = JSON.parse((await call("show", "-c", file, "--direction", "debit", "--json")).out);
    assert.deepEqual([row.type, row.subject], ["OTHER", "rent"]);
    const xml = `${folder}/may.xml`;
    await Deno.writeTextFile(xml, camt("08", [camtEntry("08", { subject: [KEY] })]));
    const wrong = await call("import", "-c", file, "--file", xml, "--account", "2");
    assert.equal(wrong.code, 1);
    assert.match(
      wrong.err,
      /may\.xml: none of its statements is about account payto:\/\/x-taler-bank.*; nothing was imported/,
    );
    await Deno.writeTextFile(
      file,
      (await Deno.readTextFile(file)).replace(/^PAYTO_URI = .*second.*$/m, `PAYTO_URI = ${CAMT_OWN}`),
    );
    const right = await call("import", "-c", file, "--file", xml, "--account", "2");
    assert.deepEqual(
      [right.code, right.out],
      [0, "exchange-account-2: 1 new transfer, 0 known, 0 other, 0 skipped"],
      right.err,
    );
    const mixed = await call("import", "-c", file, "--account", "2");
    assert.equal(mixed.code, 1);
    assert.match(mixed.err, /exchange-account-2: its history comes from statements without row ids/);
    const cases: [string[], number, RegExp][] = [
      [["--file", csv], 2, /a file is about one account: name it with --account/],
      [["--file", csv, "--account", "1", "--account", "2"], 2, /a file is about one account/],
      [["--file", csv, "--account", "1", "--follow"], 2, /--follow has no meaning with --file/],
      [["--file", csv, "--account", "1", "--format", "mt940"], 2, /mt940 is neither camt\.053 nor csv/],
      [["--file", `${folder}/x.txt`, "--account", "1"], 2, /does not tell its format/],
      [["--file", `${folder}/none.csv`, "--account", "1"], 1, /none\.csv cannot be read: /],
      [["--file", `${folder}/`, "--account", "1", "--format", "csv"], 1, /is no file/],
      [["--file", xml, "--account", "1", "--format", "csv"], 1, /may\.xml: .*; nothing was imported/],
    ];
    for (const [args, code, expected] of cases) {
      const outcome = await call("import", "-c", file, ...args);
      assert.deepEqual([outcome.code, args], [code, args], outcome.err);
      assert.match(outcome.err, expected);
    }
  }));

Deno.test("a statement that is missing between others is told, and the history is complete up to there", () =>
  withScene(async ({ sql, folder, file }) => {
    await Deno.writeTextFile(
      file,
      (await Deno.readTextFile(file)).replace(/^PAYTO_URI = .*second.*$/m, `PAYTO_URI = ${CAMT_OWN}`),
    );
    const balance = (code: string, day: string, amount: number) =>
      `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>` +
      `<Dt><Dt>${day}</Dt></Dt></Bal>`;
    const month = async (number: number, opening: number, amount: number) => {
      const day = (d: string) => `2026-0${number}-${d}`;
      const entry = camtEntry("08", {
        reference: `R${number}`,
        subject: [KEY],
        amount: `${amount}`,
        date: `<Dt>${day("09")}</Dt>`,
      });
      const path = `${folder}/month.xml`;
      const balances = [balance("OPBD", day("01"), opening), balance("CLBD", day("30"), opening + amount)];
      await Deno.writeTextFile(path, camt("08", [...balances, entry]));
      const { code, out, err } = await call("import", "-c", file, "--file", path, "--account", "2");
      const [row] = await sql`select to_char(to_timestamp(completed / 1000000) at time zone 'UTC', 'MM-DD') as until
        from auditor_bank.bank_progress where direction = 'debit'`;
      return { code, out: out.split("\n").at(-1), err, until: row?.["until"] };
    };
    const added = "exchange-account-2: 1 new transfer, 0 known, 0 other, 0 skipped";
    assert.deepEqual(await month(4, 0, 10), { code: 0, out: added, err: "", until: "05-01" });
    assert.deepEqual(await month(6, 30, 5), {
      code: 0,
      out: added,
      err: "taler-auditor: warning: exchange-account-2: a statement is missing: the one that ends at " +
        "2026-05-01T00:00:00Z ends with EUR:10, the next one, from 2026-06-01T00:00:00Z, begins with EUR:30; what " +
        "happened after 2026-05-01T00:00:00Z is not judged as missing until it is imported",
      until: "05-01",
    });
    assert.deepEqual(await month(5, 10, 20), { code: 0, out: added, err: "", until: "07-01" });
    assert.equal((await call("forget", "-c", file, "--account", "2", "--yes")).code, 0);
    assert.equal((await sql`select from auditor_bank.bank_statement`).length, 0);
  }));

Deno.test("files in another currency are refused as a whole, and nothing is touched by a file that is not used", () =>
  withScene(async ({ sql, folder, file }) => {
    const [csv, xml] = [`${folder}/usd.csv`, `${folder}/usd.xml`];
    const header = "row_id,date,direction,amount,subject,counterpart\n";
    const line = `5,2026-05-01,credit,EUR:5,${KEY},payto://iban/X?receiver-name=x\n`;
    await Deno.writeTextFile(csv, header + line + line.replace("5,", "6,").replace("EUR", "USD"));
    await Deno.writeTextFile(xml, camt("08", [camtEntry("08", { subject: [KEY] })]).replace('Ccy="EUR"', 'Ccy="USD"'));
    await Deno.writeTextFile(
      file,
      (await Deno.readTextFile(file)).replace(/^PAYTO_URI = .*second.*$/m, `PAYTO_URI = ${CAMT_OWN}`),
    );
    const refusal =
      /^taler-auditor: error: \S+usd\.(csv:3|xml:\d+): currency USD, \[exchange\] CURRENCY is EUR; nothing was imported$/;
    const cases: [string[], number, RegExp][] = [
      [["--file", csv, "--account", "1"], 1, refusal],
      [["--file", xml, "--account", "2"], 1, refusal],
      [["--file", csv], 2, /a file is about one account/],
      [["--account", "9"], 6, /there is no account 9/],
    ];
    for (const [args, code, expected] of cases) {
      const outcome = await call("import", "-c", file, ...args);
      assert.deepEqual([outcome.code, outcome.out], [code, ""], outcome.err);
      assert.match(outcome.err, expected);
    }
    const [schema] = await sql`select to_regnamespace('auditor_bank') is null as absent`;
    assert.equal(schema?.["absent"], true);
    await Deno.writeTextFile(csv, header + line);
    assert.equal((await call("import", "-c", file, "--file", csv, "--account", "1")).code, 0);
    await Deno.writeTextFile(csv, header + line.replace("EUR", "USD"));
    assert.equal((await call("import", "-c", file, "--file", csv, "--account", "1")).code, 1);
    assert.equal((await call("show", "-c", file, "--anomalies")).out, "No anomalies.");
  }));

Deno.test("an account is forgotten as a whole, after a yes, and can be imported anew", () =>
  withScene(async ({ sql, file, banks }) => {
    const early = await call("forget", "-c", file, "--account", "1", "--yes");
    assert.match(early.err, /schema auditor_bank cannot be used/);
    assert.equal((await call("import", "-c", file)).code, 0);
    banks[0].data.incoming[0] = creditEntry(1, { amount: "EUR:77" });
    await call("verify", "-c", file);
    const asked = await call("forget", "-c", file, "--account", "1");
    assert.equal(asked.code, 2);
    assert.match(
      asked.err,
      /would delete the stored history of exchange-account-1, 42 transfers and 1 anomaly, from database/,
    );
    assert.match(asked.err, /hint: add --yes/);
    assert.equal(await countRows(sql), 44);
    const done = await call("forget", "-c", file, "--account", "1", "--yes");
    assert.equal(done.code, 0, done.err);
    assert.match(done.out, /^exchange-account-1: 42 transfers and 1 anomaly deleted; .*\n.*dbinit --restart/);
    assert.equal(await countRows(sql), 2);
    const [rest] = await sql`
      select (select count(*) from auditor_bank.bank_anomaly) as anomalies,
             (select array_agg(account) from auditor_bank.bank_account) as accounts`;
    assert.deepEqual([rest?.["anomalies"], [...rest?.["accounts"]]], [0n, ["exchange-account-2"]]);
    const again = await call("import", "-c", file, "--account", "1");
    assert.deepEqual([again.out, again.err], ["exchange-account-1: 30 new credits; 12 new debits", ""]);
    // a section that is no longer configured can be forgotten too
    await sql`insert into auditor_bank.bank_account values ('exchange-account-old', 'bank', null, 1)`;
    assert.match(
      (await call("forget", "-c", file, "--account", "exchange-account-old", "--yes")).out,
      /0 transfers and 0 anomalies/,
    );
    const nothing = await call("forget", "-c", file, "--account", "9", "--yes");
    assert.equal(nothing.code, 1);
    assert.match(nothing.err, /has nothing of account 9\n.*hint: it has exchange-account-1, exchange-account-2/);
  }));

// SPDX-License-Identifier: AGPL-3.0-or-later
/** `taler-auditor bank` as its callers see it: exit code, what it prints, what it leaves, and how it ends. */

import assert from "node:assert/strict";
import { command } from "../../cmd/bank.ts";
import { connect } from "../../core/db/connect.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { call, countRows, withScene } from "../support/bank-command.ts";
import { type BankServer, creditEntry, onHistory, testKey } from "../support/bank-server.ts";
import { sharedServer, targetOf } from "../support/server.ts";

Deno.test("import, show and verify", () =>
  withScene(async ({ sql, file, banks }) => {
    const early = await call("show", "-c", file);
    assert.equal(early.code, 1);
    assert.match(
      early.err,
      /schema auditor_bank cannot be used: found no table in it.*\n.*hint: taler-auditor bank import/,
    );
    const first = await call("import", "-c", file);
    assert.equal(first.code, 0, first.err);
    assert.match(first.out, /^applied auditor-bank-0001 to database /);
    assert.deepEqual(first.out.split("\n").slice(1).sort(), [
      "exchange-account-1: 30 new credits; 12 new debits",
      "exchange-account-2: 2 new credits",
    ]);
    assert.equal(first.err, "");
    const second = await call("import", "--once", `--config=${file}`, "--account", "2", "--page-size", "1");
    assert.deepEqual([second.code, second.out, second.err], [0, "exchange-account-2: nothing new", ""]);
    assert.equal(await countRows(sql), 44);
    banks[0].data.incoming[0] = creditEntry(1, { amount: "EUR:77" });
    const verified = await call("verify", "-c", file, "--account", "exchange-account-1", "--fail-on-findings");
    assert.deepEqual([verified.code, verified.out], [
      10,
      "exchange-account-1: 30 credits compared; 12 debits compared",
    ]);
    assert.equal(
      verified.err,
      "taler-auditor: warning: exchange-account-1: credit 1 over EUR:1.5 has changed: amount EUR:1.5 became EUR:77",
    );
    assert.equal((await call("verify", "-c", file, "--days", "3", "--account", "2", "--fail-on-findings")).code, 0);
    const shown = await call("show", "-c", file, "--account", "1", "--direction", "debit", "--limit", "2");
    assert.equal(shown.code, 0);
    assert.equal(shown.out.split("\n").length, 3);
    assert.match(shown.out, /^account +direction +row +date +amount +type +subject +counterpart\n/);
    assert.match(
      shown.out,
      / 24 +2023-11-14T22:13:44Z +EUR:24\.25 +TRANSFER +\S{52} http:\/\/exchange\.example\.com\/ +payto:/,
    );
    const [last] = JSON.parse((await call("show", "-c", file, "--account=2", "--json", "--limit", "1")).out);
    assert.deepEqual(last, {
      account: "exchange-account-2",
      direction: "credit",
      row_id: 3,
      date: "2023-11-14T22:13:23Z",
      amount: "EUR:3.5",
      type: "RESERVE",
      subject: encodeBase32(testKey(3)),
      counterpart: "payto://x-taler-bank/localhost/3?receiver-name=customer",
    });
    const anomalies = await call("show", "-c", file, "--anomalies");
    assert.match(anomalies.out, /^20\S+Z {2}exchange-account-1: credit 1 over EUR:1\.5 has changed/);
    assert.equal(JSON.parse((await call("show", "-c", file, "--anomalies", "--json")).out)[0].kind, "changed");
    assert.equal((await call("show", "-c", file, "--anomalies", "--account", "2")).out, "No anomalies.");
    assert.equal((await call("show", "-c", file, "--account", "2", "--direction", "debit")).out, "No transactions.");
  }));

Deno.test("one account that fails does not stop the others, and no message holds a secret", () =>
  withScene(async ({ sql, file, banks }) => {
    banks[0].misbehave = onHistory((request) => request.path.endsWith("outgoing") ? new Response("hush") : undefined);
    const half = await call("import", "-c", file);
    assert.equal(half.code, 1);
    assert.match(half.out, /exchange-account-1: 30 new credits$/m);
    assert.match(half.out, /exchange-account-2: 2 new credits$/m);
    assert.match(
      half.err,
      /^taler-auditor: error: exchange-account-1: GET http:\S+\/history\/outgoing\?delta=1024: the answer is not JSON$/,
    );
    banks[0].misbehave = () => new Response("", { status: 401 });
    banks[1].data.incoming.push(creditEntry(5));
    const refused = await call("import", "-c", file);
    assert.equal(refused.code, 1);
    assert.equal(refused.out, "exchange-account-2: 1 new credit");
    assert.match(
      refused.err,
      /^taler-auditor: error: exchange-account-1: GET http:\S+\/config: the bank answered 401: it does not accept the credentials$/,
    );
    assert.ok(!`${half.err}${refused.err}${half.out}${refused.out}`.includes("hush"));
    assert.equal(banks[1].requests[0]?.headers.get("authorization"), "Bearer hush");
    banks[0].misbehave = undefined;
    assert.equal((await call("import", "-c", file)).code, 0);
    assert.equal(await countRows(sql), 45);
  }));

Deno.test("options that restrict an import", () =>
  withScene(async ({ sql, file, banks }) => {
    assert.equal((await call("import", "-c", file, "--account", "1", "--debit", "-t")).code, 0);
    assert.equal(await countRows(sql), 12);
    assert.ok(banks[0].requests.every(({ path }) => !path.endsWith("incoming")));
    assert.equal(banks[1].requests.length, 0);
    banks[1].misbehave = onHistory(() => new Response("", { status: 404 }));
    assert.equal((await call("import", "-c", file, "--account", "2")).code, 1);
    assert.equal((await call("import", "-c", file, "--account", "2", "-I")).code, 0);
  }));

Deno.test("wrong usage and wrong configuration", () =>
  withScene(async ({ folder, file }) => {
    const cases: [string[], number, RegExp][] = [
      [[], 2, /what to do is missing\n.*hint: say bank import/],
      [["export"], 2, /there is no bank export/],
      [["--nonsense"], 2, /Unknown option/],
      [["import", "-c", file, "--once", "--follow"], 2, /exclude each other/],
      [["import", "-c", file, "--format", "csv"], 2, /--format has a meaning with --file only/],
      [["import", "-c", file, "--page-size", "0"], 2, /--page-size: 0 is not a number from 1/],
      [["import", "-c", file, "word"], 2, /word/],
      [["verify", "-c", file, "--days", "x"], 2, /--days: x is not a number/],
      [["show", "-c", file, "--direction", "up"], 2, /--direction: up is neither/],
      [["show", "-c", file, "--limit", "-1"], 2, /limit/],
      [["forget", "-c", file], 2, /forget is about one account/],
      [["forget", "-c", file, "--account", "1", "--account", "2"], 2, /forget is about one account/],
      [
        ["import", "-c", file, "--account", "9"],
        6,
        /there is no account 9\n.*hint: there are exchange-account-1, exchange-account-2/,
      ],
      [["import", "-c", `${folder}/none.conf`], 6, /none\.conf/],
    ];
    for (const [args, code, expected] of cases) {
      const outcome = await call(...args);
      assert.deepEqual([outcome.code, args], [code, args], outcome.err);
      assert.match(outcome.err, expected);
    }
    for (const args of [["--help"], ["-h"], ["import", "--help"], ["verify", "-h"], ["show", "-h"]]) {
      assert.deepEqual(await call(...args), { code: 0, out: command.help.trimEnd(), err: "" });
    }
    const text = await Deno.readTextFile(file);
    const variants: [string, number, RegExp][] = [
      [text.replaceAll("ENABLE_", "DISABLE_"), 6, /no enabled bank account with usable credentials/],
      [text.replace("TOKEN = hush", "TOKEN ="), 1, /exchange-account-1: TOKEN is empty/],
      [text.replace("hush", "hu sh"), 1, /exchange-account-1: TOKEN is empty or holds characters/],
      [text.replace(/CONFIG = .*/, "CONFIG = mysql:///x"), 6, /\[bankdb-postgres\] CONFIG: .*begins with postgres/],
      [
        text.replace(/CONFIG = postgres:\/\/\/[^?]+/, "CONFIG = postgres:///no_such_database"),
        5,
        /the database does not exist/,
      ],
      [text.replace("[exchange-accountcredentials-2]", "[other]"), 0, /account \[exchange-account-2\] is skipped/],
    ];
    const changed = `${folder}/changed.conf`;
    for (const [content, code, expected] of variants) {
      await Deno.writeTextFile(changed, content);
      const outcome = await call("import", "-c", changed);
      assert.equal(outcome.code, code, outcome.err);
      assert.match(outcome.err, expected);
      assert.ok(!outcome.err.includes("hu"), outcome.err);
    }
  }));

/** Runs the command as a process of its own, which can be killed. */
function start(...args: string[]) {
  const module = new URL("../../cmd/bank.ts", import.meta.url).href;
  const code = `import { command } from ${JSON.stringify(module)}; Deno.exit(await command.run(Deno.args));`;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", code, "--", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  /** Waits for something that the process is going to do; fails if it ends instead. */
  const until = <T>(event: Promise<T>): Promise<T> =>
    Promise.race([
      event,
      process.status.then(({ code }) => assert.fail(`the process ended with ${code} before it came so far`)),
    ]);
  return { process, until };
}

Deno.test("an import that is killed between two pages, or within one, is completed by the next", () =>
  withScene(async ({ sql, file, banks: [bank] }) => {
    const args = ["import", "-c", file, "--account", "1", "--page-size", "5"];
    const never = new AbortController();
    bank.misbehave = onHistory((request, proper) =>
      Number(request.query["start"] ?? 0) < 29
        ? proper()
        : new Promise((resolve) => never.signal.addEventListener("abort", () => resolve(new Response())))
    );
    const waiting = start(...args);
    await waiting.until(bank.saw(({ path, query }) => path.endsWith("incoming") && query["start"] === "29"));
    waiting.process.kill("SIGKILL");
    assert.equal((await waiting.process.output()).signal, "SIGKILL");
    assert.equal(await countRows(sql), 15, "whole pages");
    never.abort();
    bank.misbehave = undefined;

    // a lock on the anomalies stops a page in the middle of its transaction, after its transfers were inserted
    await sql.unsafe("begin; lock table auditor_bank.bank_anomaly in access exclusive mode");
    const blocked = start("import", "-c", file, "--account", "1", "--page-size", "25");
    const admin = await connect(targetOf(await sharedServer(), "postgres"), { searchPath: [], applicationName: "t" });
    const isBlocked = async () => {
      const [row] = await admin`select count(*) as blocked from pg_stat_activity
                                 where wait_event_type = 'Lock' and application_name = 'taler-auditor bank import'
                                   and datname = ${sql.options.database}`;
      return row?.["blocked"] > 0n;
    };
    while (!await blocked.until(isBlocked()));
    blocked.process.kill("SIGKILL");
    await blocked.process.output();
    await sql.unsafe("rollback");
    await admin.end({ timeout: 1 });

    const last = await call(...args);
    assert.equal(last.code, 0, last.err);
    assert.equal(await countRows(sql), 42);
    const rows = await sql`select row_id from auditor_bank.bank_transaction where direction = 'credit' order by row_id`;
    assert.deepEqual(rows.map((row) => row["row_id"]), bank.data.incoming.map((row) => BigInt(row.row_id)));
    assert.equal((await call("verify", "-c", file, "--account", "1", "--fail-on-findings")).code, 0);
  }));

Deno.test("a continuous import stops cleanly on SIGTERM and on SIGINT", () =>
  withScene(async ({ sql, file, banks }) => {
    for (const [index, signal] of (["SIGTERM", "SIGINT"] as const).entries()) {
      const { process, until } = start("import", "--follow", "-c", file);
      const polls = (bank: BankServer) =>
        bank.saw(({ query, path }) =>
          path.endsWith("incoming") && "long_poll_ms" in query &&
          query["start"] === String(bank.data.incoming.at(-1)?.row_id)
        );
      await until(Promise.all(banks.map(polls)));
      const next = 1001 + 2 * index;
      banks[1].data.incoming.push(creditEntry(next));
      banks[1].news();
      await until(polls(banks[1]));
      const started = performance.now();
      process.kill(signal);
      const { code, stdout, stderr } = await process.output();
      assert.ok(performance.now() - started < 2000, "soon");
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out ?? "", /^exchange-account-2: 1 new credit$/m);
      assert.equal(await countRows(sql), 45 + index);
      for (const bank of banks) bank.requests.length = 0;
    }
  }));

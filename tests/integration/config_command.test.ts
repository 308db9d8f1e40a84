// SPDX-License-Identifier: AGPL-3.0-or-later
/** `taler-auditor config` as its callers see it: what it reads and judges; config_write has what it changes. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { command } from "../../cmd/config.ts";
import { parseConfiguration } from "../../core/config/load.ts";
import { call, MAIN, MASTER, program, withFiles } from "../support/config-call.ts";

const SECTION = "WIRE_GATEWAY_AUTH_METHOD = basic\nUSERNAME = u\n";

/** Arguments behind `-c a.conf`, exit code, what is printed (a pattern or all of it), and patterns of messages. */
const READS: readonly (readonly [args: string[], code: number, out: string | RegExp, ...err: RegExp[]])[] = [
  [["get", "exchange", "CURRENCY"], 0, "KUDOS"],
  [["get", "EXCHANGE", "currency"], 0, "KUDOS"],
  [["get", "exchange", "BASE_URL"], 0, "https://exchange.example/"],
  [["get", "auditor", "SERVE"], 0, "tcp"],
  [["get", "auditor", "TERMS_DIR"], 0, "${HERE}/terms"],
  [["get", "auditor", "TERMS_DIR", "-f"], 0, "/srv/terms"],
  [["get", "-f", "auditor", "TERMS_DIR"], 0, "/srv/terms"],
  [["get", "exchange-accountcredentials-1", "PASSWORD"], 0, "hidden"],
  [["get", "auditor", "NOPE"], 6, "", /error: .*a\.conf: \[auditor\] NOPE: not set/],
  [["get", "auditor", "NOPE", "-f"], 6, "", /\[auditor\] NOPE: not set/],
  [["get", "bankdb-postgres", "CONFIG"], 6, "", /error: .*a\.conf:13: .*closed\.conf is missing/],
  [["-s", "exchange", "-o", "CURRENCY"], 0, "KUDOS"],
  [["--section", "exchange", "--option=CURRENCY"], 0, "KUDOS"],
  [["--sec", "exchange", "--opt=CURRENCY"], 0, "KUDOS"],
  [["-sexchange", "-oCURRENCY"], 0, "KUDOS"],
  [["-fs", "auditor", "-o", "TERMS_DIR"], 0, "/srv/terms"],
  [["-s", "auditor", "-o", "NOPE"], 6, "", /not set/],
  [["-s", "auditor", "-o", "NOPE", "-f"], 6, "", /not set/],
  [["-s", "nope"], 0, ""],
  [["-s", "exchange-accountcredentials-1"], 0, /^WIRE_GATEWAY_URL = https:\/\/u:hidden@.*\n.*\n.*\nPASSWORD = hidden$/],
  [["-s", "auditor", "-f"], 0, /^TERMS_DIR = \/srv\/terms$/m],
  [["-S"], 0, /^exchange\nbankdb-postgres$/m, /^The following sections/],
  [["-S", "-s", "exchange", "-d"], 0, /^exchange$/m, /^The following sections/],
  [["list"], 0, /^PATHS\n[^]*^exchange-account-1$/m],
  [
    ["list", "exchange-accountcredentials-1"],
    0,
    `WIRE_GATEWAY_URL = https://u:***@bank.example/\n${SECTION}PASSWORD = ***`,
  ],
  [["list", "exchange-account-1", "--show-secrets"], 0, /^PAYTO_URI = /],
  [["list", "exchange-accountcredentials-1", "--show-secrets"], 0, /PASSWORD = hidden$/],
  [["list", "nope"], 6, "", /there is no section \[nope\]/],
  [["list", "excha"], 6, "", /there is no section/],
  [["list", "bankdb-postgres"], 0, "", /warning: section \[bankdb-postgres\] is not available/],
  [["get", "exchange", "CURRENCY", "-L", "info"], 0, "KUDOS", /info: section \[bankdb-postgres\]: secret file/],
  [["list", "bankdb-postgres", "--loglevel", "error"], 0, ""],
];

for (const [args, code, out, ...err] of READS) {
  Deno.test(`config ${args.join(" ")}`, () =>
    withFiles(async (file) => {
      const outcome = await call("-c", file, ...args);
      assert.equal(outcome.code, code, outcome.err);
      if (out instanceof RegExp) assert.match(outcome.out, out);
      else assert.equal(outcome.out, out);
      for (const pattern of err) assert.match(outcome.err, pattern);
      if (err.length === 0) assert.equal(outcome.err, "");
      assert.equal(Deno.readTextFileSync(file), MAIN);
    }));
}

/** Calls that cannot be understood, and what is said. */
const USAGE: readonly (readonly [args: string[], err: RegExp])[] = [
  [[], /what to do is missing/],
  [["-f"], /what to do is missing/],
  [["-s", "exchange", "-V", "x"], /the option to set is missing/],
  [["-o", "CURRENCY"], /the section is missing/],
  [["-V", "x"], /the section is missing/],
  [["get"], /the form is: taler-auditor config get SECTION OPTION/],
  [["get", "a"], /the form is/],
  [["get", "a", "b", "c"], /the form is/],
  [["set", "a", "b"], /the form is: taler-auditor config set SECTION OPTION VALUE/],
  [["list", "a", "b"], /the form is/],
  [["dump", "a"], /the form is/],
  [["fetch"], /there is no config fetch/],
  [["get", "a", "b", "-s", "x"], /--section has no meaning with the word get/],
  [["get", "a", "b", "--verbose"], /--verbose has no meaning/],
  [["dump", "-f"], /--filename has no meaning/],
  [["-S", "--verbose"], /--verbose has a meaning with config check only/],
  [["check", "cashier"], /there is no role cashier\n.*roles are audit, wire, bank/],
  [["-x"], /Unknown option '-x'/],
  [["--l", "x"], /Unknown option '--l'/],
  [["-c"], /argument missing/],
  [["-S", "-L", "LOUD"], /LOUD is none of NONE/],
  [["-S", "--project", "merchant"], /merchant is none of auditor, exchange, taler/],
  [["-S", "--project", "exchange", "--legacy-project"], /--legacy-project is --project taler/],
  [["set", "a]", "x", "1"], /"a\]" cannot be the name of a section/],
  [["set", "a", "x=", "1"], /"x=" cannot be the name of an option/],
  [["set", "a", "x", "1\n[b]"], /a value cannot hold line breaks/],
  [["-s", "a", "-o", "", "-V", "1"], /"" cannot be the name of an option/],
];

for (const [args, err] of USAGE) {
  Deno.test(`config ${JSON.stringify(args.join(" "))} is wrong usage`, () =>
    withFiles(async (file) => {
      const { code, out, err: said } = await call(...(args[0] === "-c" ? [] : ["-c", file]), ...args);
      assert.deepEqual([code, out], [2, ""], said);
      assert.match(said, err);
      assert.equal(Deno.readTextFileSync(file), MAIN);
    }));
}

Deno.test("config --help is the help text, whatever else is said", async () => {
  const { code, out } = await call("get", "-h");
  assert.deepEqual([code, out], [0, command.help.trimEnd()]);
});

Deno.test("config: a file that is missing or malformed", () =>
  withFiles(async (file) => {
    const missing = await call("-c", `${file}.not`, "get", "exchange", "CURRENCY");
    assert.deepEqual([missing.code, missing.out], [6, ""]);
    assert.match(missing.err, /a\.conf\.not: does not exist/);
    Deno.writeTextFileSync(file, "[a]\nfoo\n");
    for (const args of [["list"], ["set", "a", "x", "1"], ["check"], ["-r"]]) {
      const { code, err } = await call("-c", file, ...args);
      assert.equal(code, 6);
      assert.match(err, /a\.conf:2: syntax error/);
    }
    assert.equal(Deno.readTextFileSync(file), "[a]\nfoo\n");
  }));

Deno.test("config dump: origins, files, closed sections, no secrets; and it is a configuration", () =>
  withFiles(async (file, folder) => {
    const { code, out } = await call("-c", file, "dump");
    assert.equal(code, 0);
    const text = out.replaceAll(`${folder}/`, "");
    assert.match(text, /^# Configuration file: a\.conf\n/);
    assert.match(text, /# {3}a\.conf\n# {5}conf\.d\/later\.conf\n# {5}secret\.conf\n/);
    assert.match(text, /# {3}PREFIX \/usr\/\n/);
    assert.match(text, /\[exchange\]\n# default, exchange\.conf:2\nDB = postgres\n/);
    assert.match(text, /# conf\.d\/later\.conf:2\nBASE_URL = https:\/\/exchange\.example\/\n/);
    assert.match(text, /# a\.conf:3\nCURRENCY = KUDOS\n/);
    assert.match(text, /# secret\.conf:2\nCONFIG = postgres:\/\/auditor:\*\*\*@db\/auditor\n/);
    assert.match(text, /\[bankdb-postgres\]\n# a\.conf:13\n# closed: its file closed\.conf is missing\n/);
    assert.doesNotMatch(out, /hidden/);
    assert.equal(parseConfiguration(out).getString("exchange", "MASTER_PUBLIC_KEY"), MASTER);

    assert.equal((await call("-c", file, "-d")).out, out);
    const shown = await call("-c", file, "-d", "--show-secrets");
    assert.equal(shown.out.match(/hidden/g)?.length, 3);
  }));

Deno.test("config check: what roles lack and what it is for", () =>
  withFiles(async (file, folder) => {
    const bank = await call("-c", file, "check", "bank");
    assert.equal(bank.code, 6);
    assert.match(
      bank.out.replaceAll(`${folder}/`, ""),
      /^bank: 1 problem\n {2}a\.conf:13: \[bankdb-postgres\] CONFIG: not available, .*\n {4}It is the connection to the database that keeps/,
    );
    const ready = await call("-c", file, "check", "Helper", "dbinit", "--verbose");
    assert.equal(ready.code, 6, "PUBLIC_KEY is missing");
    assert.match(
      ready.out,
      /helper: 1 problem\n.*\[auditor\] PUBLIC_KEY: not set.*\n {4}It is the auditor's public key/,
    );
    assert.match(ready.out, /^dbinit: ready$/m);
    assert.match(
      ready.out,
      /^ {2}\[auditordb-postgres\] CONFIG = postgres:\/\/auditor:\*\*\*@db\/auditor {2}\(.*secret\.conf:2\)$/m,
    );

    assert.equal((await call("-c", file, "set", "auditor", "PUBLIC_KEY", MASTER)).code, 0);
    assert.equal((await call("-c", file, "set", "auditordb-postgres", "CONFIG", "nonsense")).code, 0);
    const audit = await call("-c", file, "check", "audit", "helper");
    assert.equal(audit.code, 6);
    assert.match(
      audit.out,
      /^audit: 1 problem\n {2}.*a\.conf:\d+: \[auditordb-postgres\] CONFIG: .*\n {4}It is the conn/,
    );
    assert.match(audit.out, /^ {2}warning: \[auditor\] BASE_URL is not set; the default/m);
    assert.match(audit.out, /^helper: ready$/m);
    assert.equal((await call("-c", file, "check", "helper")).code, 0);
  }));

Deno.test("config check without a role: the state of all; slips of the pen", () =>
  withFiles(async (file) => {
    const good = await call("-c", file, "check");
    assert.deepEqual([good.code, good.err], [0, ""]);
    assert.match(good.out, /^sync {2,}ready {2,}sync, one of its two files \(not in this release\)$/m);
    assert.match(
      good.out,
      /^audit {2,}\d problems? {2,}audit, without the bank$/m,
      "an overview: exit code 0 all the same",
    );
    assert.match(good.out, /^bank {2,}1 problem {2,}bank import, bank verify$/m);
    Deno.writeTextFileSync(file, MAIN.replace("PORT = 8084", "PORT = none\nPUBLIK_KEY = x"));
    const bad = await call("-c", file, "check");
    assert.equal(bad.code, 6);
    assert.match(
      bad.err,
      /warning: .*a\.conf:11: taler-auditor does not know \[auditor\] PUBLIK_KEY; is PUBLIC_KEY meant\?/,
    );
    assert.match(bad.err, /error: .*a\.conf:10: \[auditor\] PORT: "none" cannot be used/);
  }));

Deno.test("config check sync: no variable of the environment decides", () =>
  withFiles(async (_file, folder) => {
    const file = join(folder, "sync.conf");
    Deno.writeTextFileSync(file, "[exchangedb-postgres]\nCONFIG = nonsense\n");
    const env = { TALER_EXCHANGEDB_POSTGRES_CONFIG: "postgres:///x" };
    assert.equal((await program(env, "-c", file, "check", "exchange-dbinit")).code, 0);
    const { code, out } = await program(env, "-c", file, "check", "sync");
    assert.equal(code, 6);
    assert.match(out, /sync\.conf:2: \[exchangedb-postgres\] CONFIG: "nonsense" cannot be used/);
  }));

Deno.test("config -l: warnings go to a file", () =>
  withFiles(async (file, folder) => {
    const log = join(folder, "log");
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await call("-c", file, "list", "bankdb-postgres", "-l", log), { code: 0, out: "", err: "" });
    }
    const lines = Deno.readTextFileSync(log).trimEnd().split("\n");
    assert.equal(lines.length, 2);
    for (const line of lines) {
      assert.match(line, /^\d{4}-.* taler-auditor-config-\d+ WARNING section \[bankdb-postgres\]/);
    }
    const closed = await call("-c", file, "list", "-l", join(folder, "nowhere/log"));
    assert.equal(closed.code, 1);
    assert.match(closed.err, /log file .* cannot be written: there is no such file or folder$/);
  }));

Deno.test("the program: config is there, reads and sets, and ends with its codes", () =>
  withFiles(async (file) => {
    assert.deepEqual(await program({}, "-c", file, "get", "exchange", "CURRENCY"), { code: 0, out: "KUDOS", err: "" });
    assert.equal((await program({}, "-c", file, "set", "auditor", "PORT", "1")).code, 0);
    assert.equal((await program({}, "-c", file, "-s", "auditor", "-o", "PORT")).out, "1");
    assert.equal((await program({}, "-c", file, "get", "exchange", "NOPE")).code, 6);
    assert.equal((await program({}, "get")).code, 2);
  }));

// SPDX-License-Identifier: AGPL-3.0-or-later
/** `taler-auditor config` as its callers see it: what it leaves in files, and what it says about that. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { call, MAIN, program, withFiles } from "../support/config-call.ts";

Deno.test("config set: one line, comments and order stay, the value is read back", () =>
  withFiles(async (file) => {
    const set = await call("-c", file, "set", "Auditor", "port", "8085");
    assert.deepEqual([set.code, set.out, set.err], [0, `${file}:10: [Auditor] port is set`, ""]);
    assert.equal(Deno.readTextFileSync(file), MAIN.replace("PORT = 8084", "PORT = 8085"));
    assert.equal((await call("-c", file, "get", "auditor", "PORT")).out, "8085");

    const flags = await call("-c", file, "-s", "auditor", "-o", "PORT", "-V", "8086");
    assert.deepEqual([flags.code, flags.out, flags.err], [0, "", ""]);
    assert.equal((await call("-c", file, "-s", "auditor", "-o", "PORT")).out, "8086");

    const text = MAIN.replace("PORT = 8084", "PORT = 8086");
    const added = await call("-c", file, "set", "exchange-account-1", "ENABLE_DEBIT", "YES");
    assert.equal(added.err, "");
    assert.equal(
      Deno.readTextFileSync(file),
      text.replace("ENABLE_CREDIT = YES\n", "ENABLE_CREDIT = YES\nENABLE_DEBIT = YES\n"),
    );
  }));

/** Values that are odd, and how they are given. */
const ODD: readonly (readonly [value: string, ...args: string[]])[] = [
  ["", "set", "s", "x", ""],
  ["", "-s", "s", "-o", "x", "-V", ""],
  [" a ", "set", "s", "x", " a "],
  ['"a"', "set", "s", "x", '"a"'],
  ["-5", "-s", "s", "-o", "x", "-V", "-5"],
  ["-5", "set", "--", "s", "x", "-5"],
  ["--help", "--section=s", "--option", "x", "--value", "--help"],
  ["a # b = c", "set", "s", "x", "a # b = c"],
  ["${HOME}/ä€", "set", "s", "x", "${HOME}/ä€"],
];

for (const [value, ...args] of ODD) {
  Deno.test(`config ${JSON.stringify(args)}: the value comes back`, () =>
    withFiles(async (file) => {
      assert.equal((await call("-c", file, ...args)).code, 0);
      assert.deepEqual(await call("-c", file, "get", "s", "x").then(({ code, out }) => [code, out]), [0, value]);
      assert.equal(Deno.readTextFileSync(file).startsWith(MAIN), true);
    }));
}

/** What is set, and the warning. */
const WARNINGS: readonly (readonly [section: string, option: string, value: string, warning: RegExp])[] = [
  [
    "bankdb-postgres",
    "CONFIG",
    "postgres:///b",
    /\[bankdb-postgres\] CONFIG does not take effect: the section is closed/,
  ],
  ["auditor", "PORTS", "1", /taler-auditor does not know \[auditor\] PORTS; in this section it knows DB/],
  ["auditor", "SERVE", "udp", /a\.conf:\d+: \[auditor\] SERVE: "udp" cannot be used: expected one of tcp, unix/],
  ["exchange-accountcredentials-1", "PASSWORD", "p", /a\.conf may be read by every user: keep secrets in a file/],
  ["exchangedb-postgres", "CONFIG", "postgres://u:p@h/d", /may be read by every user/],
];

for (const [section, option, value, warning] of WARNINGS) {
  Deno.test(`config set ${section} ${option} ${value}: a warning`, () =>
    withFiles(async (file) => {
      Deno.chmodSync(file, 0o644);
      const { code, err } = await call("-c", file, "set", section, option, value);
      assert.equal(code, 0);
      assert.match(err, /^taler-auditor: warning: [^\n]*$/);
      assert.match(err, warning);
      assert.match(Deno.readTextFileSync(file), new RegExp(`^${option} = `, "m"));
    }));
}

Deno.test("config set: an included file that sets the option later is named", () =>
  withFiles(async (file, folder) => {
    Deno.writeTextFileSync(file, MAIN.replace("# smallest", "BASE_URL = http://old/\n# smallest"));
    const { code, err } = await call("-c", file, "set", "exchange", "BASE_URL", "http://new/");
    assert.equal(code, 0);
    assert.equal(
      err,
      `taler-auditor: warning: [exchange] BASE_URL does not take effect: ${folder}/conf.d/later.conf:2 sets it later`,
    );
    assert.match(Deno.readTextFileSync(file), /^BASE_URL = http:\/\/new\/$/m);
  }));

Deno.test("config set: what is set so already is not written", () =>
  withFiles(async (file) => {
    const before = Deno.statSync(file);
    const { code, out } = await call("-c", file, "set", "auditor", "PORT", "8084");
    assert.deepEqual([code, out], [0, `${file}:10: [auditor] PORT was set so already`]);
    assert.equal(Deno.statSync(file).ino, before.ino);
  }));

Deno.test("config set: through a link, with its mode; secrets that only the owner reads need no warning", () =>
  withFiles(async (file, folder) => {
    Deno.chmodSync(file, 0o640);
    const link = join(folder, "link.conf");
    Deno.symlinkSync("a.conf", link);
    const { code, err } = await call("-c", link, "set", "exchange-accountcredentials-1", "PASSWORD", "new");
    assert.deepEqual([code, err], [0, ""]);
    assert.equal(Deno.readLinkSync(link), "a.conf");
    assert.equal((Deno.statSync(file).mode ?? 0) & 0o777, 0o640);
    assert.equal(Deno.readTextFileSync(file), MAIN.replace("PASSWORD = hidden", "PASSWORD = new"));
  }));

Deno.test("config set: a file that is not UTF-8 is left as it is", () =>
  withFiles(async (file) => {
    const bytes = Uint8Array.of(...new TextEncoder().encode("[auditor]\n# "), 0xe4, 0x0a);
    Deno.writeFileSync(file, bytes);
    const { code, err } = await call("-c", file, "set", "auditor", "PORT", "1");
    assert.equal(code, 1);
    assert.match(err, /is not UTF-8 and would not stay as it is/);
    assert.deepEqual(Deno.readFileSync(file), bytes);
  }));

Deno.test("config -r and -F: everything in one file, as the reference writes it", () =>
  withFiles(async (file) => {
    assert.deepEqual((await call("-c", file, "-r")).err, "");
    assert.equal(
      Deno.readTextFileSync(file),
      '[auditor]\nPORT = 1\n\n[exchange]\nBASE_URL = http://x/\nCURRENCY = " K"\n\n',
    );
    assert.equal((await call("-c", file, "-s", "auditor", "-o", "PORT", "-V", "8083", "-r")).code, 0);
    assert.equal(Deno.readTextFileSync(file), '[exchange]\nBASE_URL = http://x/\nCURRENCY = " K"\n\n');
    const read = await call("-c", file, "-s", "exchange", "-o", "CURRENCY", "-F");
    assert.deepEqual([read.code, read.out], [0, " K"]);
    const full = Deno.readTextFileSync(file);
    assert.match(full, /^\[auditor\]$[^]*^PORT = 8083$[^]*^\[exchange\]$[^]*^BASE_URL = http:\/\/x\/$/m);
    assert.doesNotMatch(full, /^PREFIX/m);
    assert.equal((await call("-c", file, "-r")).code, 0);
    assert.equal(Deno.readTextFileSync(file), '[exchange]\nBASE_URL = http://x/\nCURRENCY = " K"\n\n');
  }, {
    "a.conf": '# c\n[auditor]\nPORT = 1\nSERVE = tcp\n[exchange]\nCURRENCY = " K"\n@inline@ conf.d/b.conf\n',
    "conf.d/b.conf": "[exchange]\nBASE_URL = http://x/\n",
  }));

Deno.test("config -r: secrets are not copied where more users read them, closed sections are not lost", () =>
  withFiles(async (file, folder) => {
    Deno.chmodSync(file, 0o644);
    Deno.chmodSync(join(folder, "secret.conf"), 0o640);
    const copied = await call("-c", file, "-r");
    assert.equal(copied.code, 1);
    assert.match(copied.err, /is not changed: values of .*secret\.conf would be in it, which fewer users may read/);
    Deno.chmodSync(join(folder, "secret.conf"), 0o644);
    const lost = await call("-c", file, "-F");
    assert.equal(lost.code, 1);
    assert.match(
      lost.err,
      /is not changed: section \[bankdb-postgres\] would be lost, its file .*closed\.conf is missing/,
    );
    assert.equal(Deno.readTextFileSync(file), MAIN);
  }));

Deno.test("the program without -c: the user's file is created, with its directory, then used", () =>
  withFiles(async (_file, folder) => {
    const env = { HOME: folder };
    const created = join(folder, ".config/taler-auditor.conf");
    const first = await program(env, "set", "exchange", "CURRENCY", "KUDOS");
    assert.deepEqual(first, { code: 0, out: `${created}:2: [exchange] CURRENCY is set in a new file`, err: "" });
    assert.deepEqual([Deno.readTextFileSync(created), (Deno.statSync(created).mode ?? 0) & 0o777], [
      "[exchange]\nCURRENCY = KUDOS\n",
      0o600,
    ]);
    assert.equal((await program(env, "get", "exchange", "CURRENCY")).out, "KUDOS");
    const legacy = await program(env, "--legacy-project", "-s", "exchange", "-o", "CURRENCY", "-V", "EUR");
    assert.equal(legacy.code, 0, legacy.err);
    assert.match(Deno.readTextFileSync(join(folder, ".config/taler.conf")), /CURRENCY = EUR/);
    assert.equal((await program(env, "--project", "taler", "get", "exchange", "CURRENCY")).out, "EUR");
    assert.equal((await program(env, "get", "exchange", "CURRENCY")).out, "KUDOS");
    assert.match((await program(env, "--project=exchange", "get", "PATHS", "DATADIR")).out, /share\/taler-exchange\/$/);
    const nowhere = await program({ HOME: "" }, "set", "exchange", "CURRENCY", "KUDOS");
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.err, /there is no configuration file, and HOME is not set/);
  }));

Deno.test("the program without -c: the file that was found is changed, so that nothing hides it", () =>
  withFiles(async (_file, folder) => {
    Deno.mkdirSync(join(folder, ".config"));
    const old = join(folder, ".config/taler.conf");
    Deno.writeTextFileSync(old, "[taler]\nCURRENCY = EUR\n");
    const { code, out } = await program({ HOME: folder }, "set", "auditor", "PORT", "1");
    assert.deepEqual([code, out], [0, `${old}:5: [auditor] PORT is set`]);
    assert.deepEqual([...Deno.readDirSync(join(folder, ".config"))].map(({ name }) => name), ["taler.conf"]);
  }));

Deno.test("the program: where the disk takes no more, the old file stays", () =>
  withFiles(async (file, folder) => {
    // Larger than what the process may write into a file, which is larger than all that the runtime keeps.
    const text = `${MAIN}${`# ${"x".repeat(1022)}\n`.repeat(40 * 1024)}`;
    Deno.writeTextFileSync(file, text);
    const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
    const script = 'ulimit -f 32768; trap "" XFSZ; exec "$@"';
    const { code, stderr } = await new Deno.Command("sh", {
      args: [
        "-c",
        script,
        "sh",
        Deno.execPath(),
        "run",
        "-A",
        "--quiet",
        main,
        "config",
        "-c",
        file,
        "set",
        "auditor",
        "PORT",
        "1",
      ],
      stdout: "null",
      stderr: "piped",
    }).output();
    assert.equal(code, 1);
    assert.match(new TextDecoder().decode(stderr), /a\.conf cannot be written: .*too large/i);
    assert.equal(Deno.readTextFileSync(file), text);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["a.conf", "conf.d", "secret.conf"]);
  }));

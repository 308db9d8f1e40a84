// SPDX-License-Identifier: AGPL-3.0-or-later
/** Calls of `offline` on a machine without network: the key's files, the ceremony, backup and change of key. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import {
  AUDITOR_PUB,
  AUDITOR_SEED,
  AUDITOR_URL,
  auditorJson,
  type Json,
  keysJson,
  planHash,
  secret,
  week,
} from "../support/offline-keys.ts";
import { callOffline, type CallWorld, placeKey, withConfiguration } from "../support/offline-call.ts";

const PLANS = [week(0), week(1), week(0, { value: "5" })];

function documentOf(plan = keysJson({ denominations: PLANS })): string {
  return JSON.stringify({ operation: "auditor-keys-0", arguments: plan });
}

const DOCUMENT = documentOf();
const PUBLIC = encodeBase32(AUDITOR_PUB);

interface Machine {
  folder: string;
  conf: string;
  keyFile: string;
  call: (words: string[], world?: CallWorld) => ReturnType<typeof callOffline>;
}

/** A machine with a configuration; fetching anything is a mistake. */
async function machine(body: (machine: Machine) => Promise<void>, options: { auditorUrl?: string | null } = {}) {
  await withConfiguration(options, async (place) => {
    const noNetwork = () => Promise.reject(new Error("this step used the network"));
    await body({
      ...place,
      call: (words, world = {}) => callOffline([...words, "-c", place.conf], { fetch: noNetwork, ...world }),
    });
  });
}

/** The fingerprint that show prints, as words. */
async function fingerprint({ call }: Machine, document = DOCUMENT): Promise<string> {
  const { stdout } = await call(["show", "--format", "table"], { stdin: document });
  return /to be compared with the exchange's operator:\n((?: {4}.*\n){3})/.exec(stdout)?.[1]?.trim() ?? "";
}

const mode = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o7777;

Deno.test("setup creates a key that only its owner can read, once", async () => {
  await machine(async ({ call, keyFile }) => {
    const first = await call(["setup"]);
    assert.deepEqual([first.code, first.stderr], [0, `created ${keyFile}\n`]);
    const seed = await Deno.readFile(keyFile);
    assert.equal(seed.length, 32);
    assert.equal(await mode(keyFile), 0o400);
    assert.equal(await mode(join(keyFile, "..")), 0o700);
    assert.equal(first.stdout, `${encodeBase32(publicKeyOf(seed))}\n`);
    const second = await call(["setup"]);
    assert.deepEqual([second.stdout, second.stderr], [first.stdout, `exists already: ${keyFile}\n`]);
    assert.deepEqual(await Deno.readFile(keyFile), seed, "never overwritten");
    assert.deepEqual([...Deno.readDirSync(join(keyFile, ".."))].map(({ name }) => name), ["auditor.priv"]);
    const dash = await call(["setup", "-"]);
    assert.deepEqual(JSON.parse(dash.stdout), [
      { operation: "auditor-setup-0", arguments: { auditor_pub: first.stdout.trim() } },
    ]);
  });
});

Deno.test("two setups at the same time agree on one key", async () => {
  await machine(async ({ call }) => {
    const results = await Promise.all([call(["setup"]), call(["setup"]), call(["setup"])]);
    assert.equal(new Set(results.map(({ stdout }) => stdout)).size, 1);
  });
});

Deno.test("what is no key is neither used nor replaced", async () => {
  await machine(async ({ call, keyFile }) => {
    for (const size of [0, 31, 33]) {
      await placeKey(keyFile, new Uint8Array(size));
      for (const words of [["setup"], ["sign", "--fingerprint", "0".repeat(24)]]) {
        const result = await call(words, { stdin: DOCUMENT });
        assert.equal(result.code, 1);
        assert.match(result.stderr, /is no private key: it does not hold 32 bytes/);
      }
      assert.equal((await Deno.stat(keyFile)).size, size);
      await Deno.remove(keyFile);
    }
    await Deno.mkdir(keyFile);
    assert.match((await call(["setup"])).stderr, /is no private key/);
  });
});

Deno.test("a key that others can read is used with a warning", async () => {
  await machine(async ({ call, keyFile }) => {
    await placeKey(keyFile, AUDITOR_SEED);
    await Deno.chmod(keyFile, 0o440);
    const result = await call(["setup"]);
    assert.deepEqual([result.code, result.stdout], [0, `${PUBLIC}\n`]);
    assert.match(result.stderr, /^WARNING .* may be read by others than its owner; say: chmod 400/);
  });
});

Deno.test("nothing is signed without the right fingerprint", async () => {
  await machine(async (here) => {
    const { call, keyFile } = here;
    await placeKey(keyFile, AUDITOR_SEED);
    const words = await fingerprint(here);
    assert.equal(words.split(/\s+/).length, 12);
    const refused: [string[], CallWorld, number, RegExp][] = [
      [["sign"], {}, 2, /the fingerprint is needed, and there is no terminal/],
      [["sign", "--fingerprint", ""], {}, 2, /--fingerprint: a fingerprint has 12 words/],
      [["sign", "--fingerprint", "yes"], {}, 2, /a fingerprint has 12 words or 24 hexadecimal digits/],
      [["sign", "--fingerprint", "0".repeat(24)], {}, 1, /nothing was signed\n.*the fingerprint does not match/],
      [["sign"], { typed: ["yes"] }, 1, /what was typed is none: a fingerprint has 12 words/],
      [["sign"], { typed: [] }, 1, /no fingerprint was given/],
      [["sign"], { typed: [words.split(/\s+/).toReversed().join(" ")] }, 1, /the fingerprint does not match/],
    ];
    for (const [args, world, code, message] of refused) {
      const result = await call(args, { ...world, stdin: DOCUMENT });
      assert.deepEqual([result.code, result.stdout], [code, ""], result.stderr);
      assert.match(result.stderr, message);
      assert.ok(!result.stderr.includes(words.split(/\s+/)[0] ?? ""), "sign does not tell the fingerprint");
    }
    const typed = await call(["sign"], { stdin: DOCUMENT, typed: [words.toUpperCase()] });
    assert.deepEqual([typed.code, typed.questions.length], [0, 1], typed.stderr);
    const given = await call(["sign", "--fingerprint", words], { stdin: DOCUMENT });
    assert.equal(given.stdout, typed.stdout, "signatures are always the same");
    assert.match(typed.stderr, new RegExp(`Signed 3 of 3 keys as ${PUBLIC} for ${AUDITOR_URL}:`));
    assert.equal(typed.stderr.match(/^ +\d {2}\w{4}-\w{4} /gm)?.length, 3, "it prints what it signed");
    const hashes = JSON.parse(typed.stdout).map((entry: Json) => entry.arguments.h_denom_pub);
    assert.deepEqual(hashes, [PLANS[0], PLANS[1], PLANS[2]].map((plan) => encodeBase32(planHash(plan ?? week(0)))));
  });
});

Deno.test("sign refuses what does not verify, whatever the fingerprint", async () => {
  await machine(async (here) => {
    const { call, keyFile } = here;
    await placeKey(keyFile, AUDITOR_SEED);
    const words = await fingerprint(here);
    const changes: [(keys: Json) => void, RegExp][] = [
      [(k) => k.denominations[0].fee_deposit = "KUDOS:0", /\(1025\) of denomination \w{8} is NOT VALID/],
      [(k) => k.signkeys[0].key = k.master_public_key, /\(1024\) of signing key is NOT VALID/],
      [(k) => k.master_public_key = encodeBase32(AUDITOR_PUB), /does not match the configured one/],
      [(k) => delete k.denominations[0].denoms[0].stamp_start, /the input cannot be used\n {2}denominations\[0\]/],
    ];
    for (const [change, message] of changes) {
      const keys = keysJson({ denominations: PLANS });
      change(keys);
      const stdin = documentOf(keys);
      const result = await call(["sign", "--fingerprint", words], { stdin });
      assert.deepEqual([result.code, result.stdout], [1, ""]);
      assert.match(result.stderr, message);
      const shown = await call(["show"], { stdin });
      assert.equal(shown.code, 1);
      assert.match(shown.stderr, message);
      const both = await call(["show", "-", "sign", "--fingerprint", words], { stdin });
      assert.deepEqual([both.code, both.stdout], [1, ""]);
    }
  });
});

Deno.test("show needs no key, sign needs the right one", async () => {
  await machine(async (here) => {
    const { call, conf, keyFile } = here;
    const words = await fingerprint(here);
    const missing = await call(["sign", "--fingerprint", words], { stdin: DOCUMENT });
    assert.deepEqual([missing.code, missing.stdout], [1, ""]);
    assert.match(missing.stderr, /there is no private key .*\nHINT taler-auditor offline setup creates one/);
    await placeKey(keyFile, AUDITOR_SEED);
    const other = encodeBase32(publicKeyOf(secret("other")));
    await Deno.writeTextFile(conf, `\n[auditor]\nPUBLIC_KEY = ${other}\n`, { append: true });
    const wrong = await call(["sign", "--fingerprint", words], { stdin: DOCUMENT });
    assert.deepEqual([wrong.code, wrong.stdout], [6, ""]);
    assert.match(wrong.stderr, /PUBLIC_KEY is not the public key of/);
    assert.match((await call(["setup"])).stderr, /WARNING \[auditor\] PUBLIC_KEY is not the public key of/);
  });
});

Deno.test("signatures for an address that nobody has set raise a warning", async () => {
  await machine(async (here) => {
    await placeKey(here.keyFile, AUDITOR_SEED);
    const result = await here.call(["sign", "--fingerprint", await fingerprint(here)], { stdin: DOCUMENT });
    assert.equal(result.code, 0);
    assert.match(
      result.stderr,
      /WARNING \[auditor\] BASE_URL is not set: the signatures would be for http:\/\/localhost:8083\//,
    );
  }, { auditorUrl: null });
});

Deno.test("a missing configuration is named", async () => {
  const result = await callOffline(["show", "-c", "/nonexistent/auditor.conf"], { stdin: DOCUMENT });
  assert.equal(result.code, 6);
  await machine(async ({ call, conf }) => {
    await Deno.writeTextFile(conf, "[auditor]\nBASE_URL = https://a.example/\n");
    const shown = await call(["show"], { stdin: DOCUMENT });
    assert.equal(shown.code, 6);
    assert.match(shown.stderr, /\[exchange\] MASTER_PUBLIC_KEY: not set/);
  });
});

Deno.test("messages can go to a file, results never do", async () => {
  await machine(async ({ call, folder, keyFile }) => {
    const { processIo } = await import("../../cmd/offline-io.ts");
    const log = join(folder, "log");
    const io = processIo("WARNING", log, undefined);
    io.log("WARNING", "one\ntwo");
    io.log("INFO", "not wanted");
    assert.match(await Deno.readTextFile(log), /^\S+Z taler-auditor-offline-\d+ WARNING one two\n$/);
    await placeKey(keyFile, AUDITOR_SEED);
    assert.equal((await call(["setup", "-l", log])).stdout, `${PUBLIC}\n`);
  });
});

const PASSPHRASE = "correct horse battery staple";

Deno.test("a backup brings the key back on another machine", async () => {
  await machine(async (here) => {
    await placeKey(here.keyFile, AUDITOR_SEED);
    const file = join(here.folder, "b", "auditor.backup");
    const sheet = join(here.folder, "b", "auditor.svg");
    const made = await here.call(["backup", "-o", file, "--paper", sheet], { typed: [PASSPHRASE, PASSPHRASE] });
    assert.deepEqual([made.code, made.stdout], [0, ""], made.stderr);
    assert.deepEqual(made.questions, ["Passphrase of the backup: ", "Once more: "]);
    assert.deepEqual([await mode(file), (await Deno.stat(file)).size, await mode(sheet)], [0o400, 120, 0o400]);
    const again = await here.call(["backup", "-o", file], { typed: [PASSPHRASE, PASSPHRASE] });
    assert.deepEqual([again.code, /exists already and is not overwritten/.test(again.stderr)], [1, true]);
    const lines = await here.call(["backup"], { typed: [PASSPHRASE, PASSPHRASE] });
    assert.equal(lines.stdout.match(/^\d {2}(\w{6} ){4} \w{4}$/gm)?.length, 8);
    const printed = [made, lines, await Deno.readTextFile(sheet)].map((part) => JSON.stringify(part)).join();
    for (const form of [encodeBase32(AUDITOR_SEED), AUDITOR_SEED.toHex(), PASSPHRASE]) {
      assert.ok(!printed.includes(form));
    }

    await machine(async ({ call, keyFile }) => {
      const checked = await call(["restore", file, "--check"], { typed: [PASSPHRASE] });
      assert.deepEqual([checked.code, checked.stdout], [0, `${PUBLIC}\n`]);
      await assert.rejects(Deno.stat(keyFile), Deno.errors.NotFound);
      const wrong = await call(["restore", file], { typed: ["incorrect horse battery"] });
      assert.equal(wrong.code, 1);
      assert.match(wrong.stderr, /the backup does not open: the passphrase is wrong, or the backup was altered/);
      await assert.rejects(Deno.stat(keyFile), Deno.errors.NotFound);
      const restored = await call(["restore", file], { typed: [PASSPHRASE] });
      assert.deepEqual([restored.code, restored.stdout], [0, `${PUBLIC}\n`]);
      assert.deepEqual(await Deno.readFile(keyFile), AUDITOR_SEED);
      assert.equal(await mode(keyFile), 0o400);
      assert.match((await call(["restore", file], { typed: [PASSPHRASE] })).stderr, /holds this key already/);
    });
    await machine(async ({ call, folder, keyFile }) => {
      const secretFile = join(folder, "passphrase");
      await Deno.writeTextFile(secretFile, `${PASSPHRASE}\n`);
      const typed = await call(["restore", "-", "--passphrase-file", secretFile], {
        stdin: lines.stdout.toLowerCase(),
      });
      assert.deepEqual([typed.code, typed.stdout], [0, `${PUBLIC}\n`], typed.stderr);
      await Deno.remove(keyFile);
      await placeKey(keyFile, secret("another"));
      const other = await call(["restore", "-", "--passphrase-file", secretFile], { stdin: lines.stdout });
      assert.equal(other.code, 1);
      assert.match(other.stderr, /holds another key and is not overwritten/);
      assert.deepEqual(await Deno.readFile(keyFile), secret("another"));
    });
  });
});

Deno.test("a backup needs a key and a good passphrase", async () => {
  await machine(async ({ call, folder, keyFile }) => {
    const missing = await call(["backup"], { typed: [PASSPHRASE, PASSPHRASE] });
    assert.deepEqual([missing.code, /there is no private key/.test(missing.stderr)], [1, true]);
    await placeKey(keyFile, AUDITOR_SEED);
    const cases: [CallWorld, number, RegExp][] = [
      [{ typed: ["short", "short"] }, 1, /has 5 characters; at least 12 are needed/],
      [{ typed: [PASSPHRASE, `${PASSPHRASE}.`] }, 1, /the two passphrases differ; no backup was made/],
      [{ typed: [PASSPHRASE] }, 1, /no passphrase was given/],
      [{}, 2, /there is no terminal to ask for the passphrase/],
    ];
    for (const [world, code, message] of cases) {
      const result = await call(["backup", "-o", join(folder, "b")], world);
      assert.equal(result.code, code);
      assert.match(result.stderr, message);
    }
    const noFile = await call(["backup", "--passphrase-file", join(folder, "gone")]);
    assert.deepEqual([noFile.code, noFile.stderr], [1, `ERROR ${folder}/gone cannot be read: there is no such file\n`]);
    await assert.rejects(Deno.stat(join(folder, "b")), Deno.errors.NotFound);
    const nothing = await call(["restore", join(folder, "gone")], { typed: [PASSPHRASE] });
    assert.deepEqual([nothing.code, nothing.stderr], [
      1,
      `ERROR ${folder}/gone cannot be read: there is no such file\n`,
    ]);
    const folderGiven = await call(["restore", folder], { typed: [PASSPHRASE] });
    assert.match(folderGiven.stderr, /cannot be read: it is a folder\n/);
    const garbage = await call(["restore", "-"], { typed: [PASSPHRASE], stdin: "1 abc" });
    assert.match(garbage.stderr, /the backup has 3 letters and digits in line 1 instead of 28; nothing was restored/);
  });
});

/** Only commands to be copied, and names of files, are wider than a page. */
const tooWide = (line: string) => line.length > 100 && !/^ *taler-|\.priv/.test(line);

Deno.test("a change of key, from its beginning to its end", async () => {
  await machine(async (here) => {
    const { call, keyFile } = here;
    await placeKey(keyFile, AUDITOR_SEED);
    const early = await call(["rotate", "--finish", "-"], { stdin: DOCUMENT });
    assert.deepEqual([early.code, /there is no next key/.test(early.stderr)], [1, true]);

    const begun = await call(["rotate"]);
    assert.equal(begun.code, 0, begun.stderr);
    const newSeed = await Deno.readFile(`${keyFile}.next`);
    const newPublic = encodeBase32(publicKeyOf(newSeed));
    assert.equal(await mode(`${keyFile}.next`), 0o400);
    assert.ok(begun.stdout.includes(`old  ${PUBLIC}\n  new  ${newPublic}\n`));
    assert.ok(begun.stdout.includes(`enable-auditor ${newPublic} ${AUDITOR_URL} NAME`));
    assert.ok(!begun.stdout.includes(encodeBase32(newSeed)));
    assert.deepEqual(begun.stdout.split("\n").filter(tooWide), []);
    const repeated = await call(["rotate"]);
    assert.ok(!repeated.stdout.includes("Created"));
    assert.deepEqual(await Deno.readFile(`${keyFile}.next`), newSeed, "asking again changes nothing");

    const by = (seed: Uint8Array, plans = PLANS) => auditorJson(seed, AUDITOR_URL, plans);
    const document = (...auditors: Json[]) => documentOf(keysJson({ denominations: [...PLANS, week(-110)], auditors }));
    const before = document(by(AUDITOR_SEED));
    const status = await call(["rotate", "-"], { stdin: before });
    assert.match(status.stdout, /old key: listed by the exchange, has signed 3 keys that are still in use/);
    assert.match(status.stdout, /new key: NOT listed by the exchange, has signed 0 keys/);
    assert.match(status.stdout, /The new key still has to sign 3 keys:\n\nKUDOS:1/);
    const tooSoon = await call(["rotate", "--finish", "-"], { stdin: before });
    assert.deepEqual([tooSoon.code, /the change cannot end yet/.test(tooSoon.stderr)], [1, true]);

    const words = await fingerprint(here, before);
    const signed = await call(["sign", "--next", "--fingerprint", words], { stdin: before });
    assert.match(signed.stderr, new RegExp(`Signed 4 of 4 keys as ${newPublic}`));
    const entry = by(newSeed);
    const ours = JSON.parse(signed.stdout).map((one: Json) => one.arguments.auditor_sig);
    for (const one of entry.denomination_keys) assert.ok(ours.includes(one.auditor_sig));

    const half = await call(["rotate", "--finish", "-"], {
      stdin: document(by(AUDITOR_SEED), by(newSeed, PLANS.slice(1))),
    });
    assert.equal(half.code, 1);
    assert.match(half.stdout, /The new key still has to sign one key:/);

    const ended = await call(["rotate", "--finish", "-"], { stdin: document(by(AUDITOR_SEED), entry) });
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, new RegExp(`Set \\[auditor\\] PUBLIC_KEY = ${newPublic}`));
    assert.deepEqual(ended.stdout.split("\n").filter(tooWide), []);
    assert.deepEqual(await Deno.readFile(keyFile), newSeed);
    const retired = `${keyFile}.retired-${PUBLIC.slice(0, 8)}`;
    assert.deepEqual(await Deno.readFile(retired), AUDITOR_SEED, "the old key is kept");
    await assert.rejects(Deno.stat(`${keyFile}.next`), Deno.errors.NotFound);
  });
});

Deno.test("a change of key never loses a key", async () => {
  await machine(async ({ call, keyFile }) => {
    await placeKey(keyFile, AUDITOR_SEED);
    await call(["rotate"]);
    const retired = `${keyFile}.retired-${PUBLIC.slice(0, 8)}`;
    await placeKey(retired, secret("someone"));
    const seed = await Deno.readFile(`${keyFile}.next`);
    const stdin = documentOf(keysJson({ denominations: PLANS, auditors: [auditorJson(seed, AUDITOR_URL, PLANS)] }));
    const result = await call(["rotate", "--finish", "-"], { stdin });
    assert.deepEqual([result.code, /cannot be replaced/.test(result.stderr)], [1, true], result.stderr);
    const kept = await Promise.all([keyFile, `${keyFile}.next`, retired].map((path) => Deno.readFile(path)));
    assert.deepEqual(kept, [AUDITOR_SEED, seed, secret("someone")]);
  });
});

Deno.test("a forged document says nothing about a change of key", async () => {
  await machine(async ({ call, keyFile }) => {
    await placeKey(keyFile, AUDITOR_SEED);
    await call(["rotate"]);
    const keys = keysJson({ denominations: PLANS });
    keys.denominations.pop();
    keys.denominations[0].fee_refund = "KUDOS:0.5";
    const result = await call(["rotate", "--finish", "-"], { stdin: documentOf(keys) });
    assert.equal(result.code, 1);
    assert.match(result.stderr, /\(1025\) of denomination \w{8} is NOT VALID/);
  });
});

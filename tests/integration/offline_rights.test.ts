// SPDX-License-Identifier: AGPL-3.0-or-later
/** The offline role has no network: it gives it up itself, and it works where it never had it. Each test tries. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AUDITOR_PUB, AUDITOR_SEED, keysJson, week } from "../support/offline-keys.ts";
import { placeKey, withConfiguration } from "../support/offline-call.ts";
import { replayExchange } from "../support/replay-exchange.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";

const MAIN = fileURLToPath(new URL("../support/offline-main.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const KEYS_TEXT = JSON.stringify(keysJson({ denominations: [week(0)] }));
const DOCUMENT = `{"operation":"auditor-keys-0","arguments":${KEYS_TEXT}}`;
const NOW = ["--now", "2026-11-22"];

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the program with these rights; variables of the environment are only those given. */
async function offline(rights: string[], args: string[], env: Record<string, string>, stdin = ""): Promise<Outcome> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--cached-only", ...rights, MAIN, ...args],
    cwd: ROOT,
    env: { ...env, NO_COLOR: "1", HOME: "/nonexistent", DENO_DIR: Deno.env.get("DENO_DIR") ?? defaultDenoDir() },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

function defaultDenoDir(): string {
  return join(Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/", ".cache"), "deno");
}

async function scene(
  body: (place: { conf: string; keyFile: string; folder: string; url: string; reached: () => number }) => Promise<void>,
) {
  await using exchange = replayExchange(KEYS_TEXT, []);
  await withConfiguration({ exchangeUrl: exchange.url, auditorPub: AUDITOR_PUB }, async (place) => {
    await body({ ...place, url: exchange.url, reached: () => exchange.requests.length });
  });
}

async function fingerprint(conf: string): Promise<string> {
  const { stdout } = await offline(["-A"], ["show", "-c", conf, ...NOW], {}, DOCUMENT);
  return /^ {4}([0-9a-f]{4}(?: [0-9a-f]{4}){5})$/m.exec(stdout)?.[1] ?? "";
}

const STEPS: readonly [string, (fingerprint: string, folder: string) => string[]][] = [
  ["setup", () => ["setup"]],
  ["show", () => ["show"]],
  ["sign", (words) => ["sign", "--fingerprint", words]],
  ["rotate", () => ["rotate"]],
  ["restore", (_, folder) => ["restore", "-", "--passphrase-file", join(folder, "gone")]],
];

for (const [name, args] of STEPS) {
  Deno.test(`${name} gives up the network before it begins, even with all rights`, async () => {
    await scene(async ({ conf, keyFile, folder, url, reached }) => {
      if (name !== "setup") await placeKey(keyFile, AUDITOR_SEED);
      const words = name === "sign" ? await fingerprint(conf) : "";
      const before = reached();
      const env = { OFFLINE_THEN_TRY: url };
      const result = await offline(["-A"], [...args(words, folder), "-c", conf, ...NOW], env, DOCUMENT);
      assert.equal(result.code, name === "restore" ? 1 : 0, result.stderr);
      const tried = [...result.stderr.matchAll(/^TRIED (\w+): (.*)$/gm)].map(([, what, outcome]) => [what, outcome]);
      const denied = [
        "fetch",
        "connect",
        "listen",
        "unix",
        "resolve",
        "websocket",
        "run",
        "ffi",
        "hostname",
      ];
      assert.deepEqual(tried, denied.map((what) => [what, "NotCapable"]));
      assert.equal(reached(), before, "nothing has left the machine");
    });
  });
}

Deno.test("download keeps the network and gives up the rest", async () => {
  await scene(async ({ conf, url, reached }) => {
    const result = await offline(["-A"], ["download", "-c", conf, ...NOW], { OFFLINE_THEN_TRY: url });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /^TRIED fetch: went through$/m);
    assert.match(result.stderr, /^TRIED run: NotCapable$/m);
    assert.match(result.stderr, /^TRIED ffi: NotCapable$/m);
    assert.equal(reached() > 0, true);
  });
});

Deno.test("the offline role works with the rights to its own files and nothing else", async () => {
  await scene(async ({ conf, keyFile, folder, reached }) => {
    const keys = join(keyFile, "..");
    const rights = [`--allow-read=${conf},${keys}`, `--allow-write=${keys}`, "--allow-env=HOME,XDG_DATA_HOME"];
    const setup = await offline(rights, ["setup", "-c", conf], {});
    assert.deepEqual([setup.code, setup.stdout.length], [0, 53], setup.stderr);
    await Deno.remove(keyFile);
    await placeKey(keyFile, AUDITOR_SEED);
    const shown = await offline(rights.slice(0, 1), ["show", "-c", conf, ...NOW], {}, DOCUMENT);
    assert.equal(shown.code, 0, shown.stderr);
    const words = /^ {4}([0-9a-f]{4}(?: [0-9a-f]{4}){5})$/m.exec(shown.stdout)?.[1] ?? "";
    const signed = await offline(
      rights.slice(0, 1),
      ["sign", "--fingerprint", words, "-c", conf, ...NOW],
      {},
      DOCUMENT,
    );
    assert.equal(signed.code, 0, signed.stderr);
    assert.equal(JSON.parse(signed.stdout).length, 1);

    // what needs the network says so, and does not ask
    for (const args of [["download"], ["upload"], ["download", "sign", "upload", "--fingerprint", words]]) {
      const result = await offline(rights, [...args, "-c", conf, ...NOW], {}, signed.stdout);
      assert.deepEqual([result.code !== 0, result.stdout], [true, ""], args.join(" "));
      assert.match(result.stderr, /Requires net access to "127\.0\.0\.1:\d+"/);
    }
    assert.equal(reached(), 0);
    const elsewhere = await offline(rights, ["setup", "-c", join(folder, "other.conf")], {});
    assert.notEqual(elsewhere.code, 0);
  });
});

Deno.test("a missing right ends with its name and exit code 4", async () => {
  await scene(async ({ conf, keyFile }) => {
    await placeKey(keyFile, AUDITOR_SEED);
    const unread = await offline([`--allow-read=${conf}`], ["setup", "-c", conf], {});
    assert.equal(unread.code, 4);
    assert.match(unread.stderr, /taler-auditor: error: a right is missing: Requires read access to ".*auditor\.priv"/);
    const download = await offline([`--allow-read=${conf}`], ["download", "-c", conf, ...NOW], {});
    assert.equal(download.code, 4);
    assert.match(download.stderr, /a right is missing: Requires net access/);
  });
});

function hasScript(): boolean {
  try {
    return new Deno.Command("script", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const script = hasScript();
// deno-lint-ignore no-console -- a skipped test says why
if (!script) console.log("offline: there is no program `script`; the questions on a real terminal are not tried");

Deno.test(
  { name: "sign asks on the terminal while standard input and output are files", ignore: !script },
  async () => {
    await scene(async ({ conf, keyFile, folder }) => {
      await placeKey(keyFile, AUDITOR_SEED);
      const words = await fingerprint(conf);
      const input = join(folder, "input.json");
      const output = join(folder, "output.json");
      await Deno.writeTextFile(input, DOCUMENT);
      const call = `'${Deno.execPath()}' run -A --no-check --cached-only '${MAIN}' sign -c '${conf}' --now 2026-11-22`;
      const child = new Deno.Command("script", {
        args: ["-qec", `${call} < '${input}' > '${output}'`, "/dev/null"],
        cwd: ROOT,
        env: { NO_COLOR: "1" },
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const writer = child.stdin.getWriter();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let seen = "";
      while (!seen.includes("> ")) {
        const { value, done } = await reader.read();
        assert.equal(done, false, seen);
        seen += value;
      }
      await writer.write(new TextEncoder().encode(`${words}\n`));
      for (let part = await reader.read(); !part.done; part = await reader.read()) seen += part.value;
      await writer.close().catch(() => {});
      assert.equal((await child.status).code, 0, seen);
      assert.match(seen, /Fingerprint as compared with the exchange's operator/);
      assert.match(seen, new RegExp(`Signed 1 of 1 keys as ${encodeBase32(AUDITOR_PUB)}`));
      assert.equal(JSON.parse(await Deno.readTextFile(output)).length, 1);
    });
  },
);

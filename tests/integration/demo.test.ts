// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- the tests read what a command prints
/** The demo as its callers see it: what it prints, its exit code, and that nothing of it is left. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { command, type DemoWorld, runDemo } from "../../cmd/demo.ts";
import { columns, counted, styleOf, wrapped } from "../../cmd/demo-text.ts";
import { ToolError } from "../../cmd/schema-tool.ts";
import { NoPostgres } from "../../core/db/binaries.ts";
import { ServerFailure } from "../../core/db/server.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** The smallest demo, so that the tests do not take longer than they must. */
const SMALL = ["--coins", "100"];

/** A running demo with a temporary folder of its own. */
interface Running {
  child: Deno.ChildProcess;
  folder: string;
}

async function withDemo(args: string[], body: (demo: Running) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "demo-" });
  // PostgreSQL runs as another user when the tests run as root
  await Deno.chmod(folder, 0o755);
  const { TMPDIR: _1, NO_COLOR: _2, ...env } = Deno.env.toObject();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "scripts/demo.ts", ...args],
    cwd: ROOT,
    clearEnv: true,
    env: { ...env, TMPDIR: folder },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  try {
    await body({ child, folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Command lines of processes that name a folder. */
async function processesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes(folder)) found.push(line.replaceAll("\0", " "));
  }
  return found;
}

/** Insists that folder and processes go; the server's watchdog looks around once a second. */
async function assertNothingLeft(folder: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const entries = [...Deno.readDirSync(folder)].map((e) => e.name);
    const processes = await processesIn(folder);
    if (entries.length + processes.length === 0) return;
    assert.ok(Date.now() < deadline, `left behind: ${[...entries, ...processes].join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Reads lines until one matches; returns all that was read. */
async function readUntil(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<string> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  while (!pattern.test(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the demo ended without ${pattern}: ${text}`);
    text += value;
  }
  // what follows is not needed, but the demo must be able to go on writing
  (async () => {
    while (!(await reader.read()).done);
  })().catch(() => {});
  return text;
}

Deno.test("the demo finds nothing in an honest exchange and all five frauds, and leaves nothing behind", () =>
  withDemo(["--seed", "integration", ...SMALL], async ({ child, folder }) => {
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, text + new TextDecoder().decode(stderr));
    assert.match(text, /The seed "integration" decides/);
    assert.match(text, /coins withdrawn +100\n/);
    assert.match(text, /signatures verified \([\d,]+ Ed25519, [\d,]+\s+RSA, [\d,]+\s+Clause-Schnorr\)/);
    assert.match(text, /Nothing found: the exchange is honest\./);
    assert.match(text, /all of it is accounted for/);
    for (const check of ["C-5", "C-4", "C-11", "R-16", "A-23"]) {
      assert.match(text, new RegExp(`found +${check} .* KUDOS:[0-9.]+\n`), check);
    }
    assert.match(text, /5 findings, and none that accuses an honest row/);
    assert.match(text, /Everything came out as expected, in [0-9.]+ s\.\n$/);
    assert.ok(!text.includes("\x1b"), "colours on something that is no terminal");
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await assertNothingLeft(folder);
  }));

Deno.test("with --keep the server waits to be looked at, and Ctrl-C ends it", () =>
  withDemo(["--keep", ...SMALL], async ({ child, folder }) => {
    const text = await readUntil(child.stdout, /instead of taler-auditor …\)\n/);
    const file = /taler-auditor audit -c (\S+) --internal/.exec(text)?.[1];
    assert.ok(file !== undefined && file.startsWith(folder));
    const audit = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "main.ts", "audit", "-c", file, "--internal", "--json"],
      cwd: ROOT,
      stdin: "null",
    }).output();
    assert.equal(audit.code, 0, new TextDecoder().decode(audit.stderr));
    const { findings } = JSON.parse(new TextDecoder().decode(audit.stdout)) as { findings: { open: number }[] };
    assert.equal(findings.reduce((sum, f) => sum + f.open, 0), 5);
    child.kill("SIGINT");
    const { code } = await child.status;
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    await child.stderr.cancel();
    assert.equal(code, 0);
    await assertNothingLeft(folder);
  }));

Deno.test("a demo that is killed leaves nothing behind either", () =>
  withDemo(SMALL, async ({ child, folder }) => {
    await readUntil(child.stdout, /1 {2}An exchange/);
    child.kill("SIGKILL");
    await child.status;
    await child.stderr.cancel();
    await assertNothingLeft(folder);
  }));

/** A world in which no server starts. */
function worldWithout(error: Error): DemoWorld & { printed: string[] } {
  const printed: string[] = [];
  return {
    printed,
    start: () => Promise.reject(error),
    now: () => 0n,
    print: (text) => void printed.push(text),
    colours: false,
    untilInterrupted: () => Promise.resolve(),
  };
}

async function withErrors<T>(body: () => Promise<T>): Promise<{ result: T; errors: string }> {
  const lines: string[] = [];
  const { error } = console;
  console.error = (...words: unknown[]) => void lines.push(words.join(" "));
  try {
    return { result: await body(), errors: lines.join("\n") };
  } finally {
    console.error = error;
  }
}

Deno.test("without PostgreSQL the demo says what is missing", async () => {
  for (const failure of [new NoPostgres("no PostgreSQL found: install it"), new ServerFailure("initdb failed")]) {
    const { result, errors } = await withErrors(() => runDemo([], worldWithout(failure)));
    assert.equal(result, 1);
    assert.ok(errors.startsWith(`taler-auditor: error: ${failure.message}\ntaler-auditor: hint: `), errors);
  }
  await assert.rejects(runDemo([], worldWithout(new TypeError("a mistake"))), TypeError);
});

Deno.test("options of the demo are checked before anything starts", async () => {
  const world = worldWithout(new Error("must not start"));
  for (const args of [["--coins", "0"], ["--coins", "x"], ["--coins", "1e9"], ["--colour"], ["extra"], ["--seed"]]) {
    await assert.rejects(
      runDemo(args, world),
      (error) => error instanceof ToolError && error.code === 2,
      args.join(" "),
    );
  }
  assert.equal(await runDemo(["--help"], world), 0);
  assert.match(world.printed.join("\n"), /^taler-auditor demo - /);
  const { result, errors } = await withErrors(() => command.run(["--coins", "7"]));
  assert.equal(result, 2);
  assert.match(errors, /--coins: 7 is not a number from 100 to 20000/);
});

Deno.test("text is wrapped, aligned and coloured as asked", () => {
  const words = Array.from({ length: 60 }, (_, i) => `word${i}`).join(" ");
  const lines = wrapped(words).split("\n");
  assert.ok(lines.every((line) => line.length <= 100 && line.startsWith("   word")));
  assert.equal(lines.map((line) => line.trim()).join(" "), words);
  assert.equal(columns([["a", "1"], ["bcd", "234"]], [1]), "   a      1\n   bcd  234");
  assert.equal(counted(1234567), "1,234,567");
  assert.equal(counted(999n), "999");
  assert.equal(styleOf(false).good("x"), "x");
  assert.equal(styleOf(true).good("x"), "\x1b[32mx\x1b[0m");
});

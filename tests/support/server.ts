// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * One private PostgreSQL server for all test files of a `deno test` process. Test files run in threads of their own,
 * possibly at the same time: the first to ask starts the server, the others find it through a file that is named
 * after the process. It ends with the process (its watchdog sees to that), not with a file: others may be using it.
 */

import { join } from "node:path";
import { connect, type ConnectionTarget, type Sql } from "../../core/db/connect.ts";
import { attachServer, type EmbeddedServer, startServer } from "../../core/db/server.ts";

let started: Promise<EmbeddedServer> | undefined;

/** The server of this test process, started when first asked for. */
export function sharedServer(): Promise<EmbeddedServer> {
  return started ??= findOrStart();
}

async function findOrStart(): Promise<EmbeddedServer> {
  // the lock is held by an open file, so a crashed starter releases it
  const name = join(Deno.env.get("TMPDIR") ?? "/tmp", `taler-auditor-test-${Deno.uid()}-${Deno.pid}`);
  const file = await Deno.open(name, { create: true, read: true, write: true, mode: 0o600 });
  try {
    await file.lock(true);
    const known = await Deno.readTextFile(name);
    const running = known === "" ? undefined : await attachServer(known);
    if (running !== undefined) return running;
    const server = await startServer({ inMemory: true });
    await file.truncate(0);
    await file.seek(0, Deno.SeekMode.Start);
    await file.write(new TextEncoder().encode(server.socketDir));
    await removeOldFiles(name);
    return server;
  } finally {
    file.close();
  }
}

/** Removes what earlier test processes of ours left: a file of some bytes each. */
async function removeOldFiles(current: string): Promise<void> {
  const folder = Deno.env.get("TMPDIR") ?? "/tmp";
  const mine = `taler-auditor-test-${Deno.uid()}-`;
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isFile || !entry.name.startsWith(mine) || path === current) continue;
    const server = await Deno.readTextFile(path).catch(() => "");
    const alive = server === "" || await attachServer(server) !== undefined;
    if (!alive) await Deno.remove(path).catch(() => {});
  }
}

let count = 0;

/** A database name that no other test uses. */
export function freshName(prefix = "test"): string {
  return `${prefix}_${crypto.randomUUID().slice(0, 8)}_${++count}`;
}

/** How to reach a database of a private server as its superuser. */
export function targetOf(server: EmbeddedServer, database: string): ConnectionTarget {
  return { host: server.socketDir, port: server.port, user: "postgres", database };
}

/**
 * Runs `body` with a connection to a fresh database (empty, or a copy of a template) and drops it afterwards.
 * The search path is empty: name schemas in full.
 */
export async function withDatabase<T>(
  body: (sql: Sql, database: { name: string; url: string; target: ConnectionTarget }) => Promise<T>,
  template?: string,
): Promise<T> {
  const server = await sharedServer();
  const name = freshName();
  await server.createDatabase(name, template);
  const target = targetOf(server, name);
  try {
    const sql = await connect(target, { searchPath: [], applicationName: "taler-auditor test" });
    try {
      return await body(sql, { name, url: server.url(name), target });
    } finally {
      await sql.end({ timeout: 1 });
    }
  } finally {
    await server.dropDatabase(name);
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * A private PostgreSQL server in a temporary folder, for demo and tests. It listens on a UNIX socket in a folder
 * that only its user (and root) can enter, trusts everyone who reaches it, and does not care for durability.
 * Never use it for data worth keeping.
 */

import { statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { type Binaries, findSystemBinaries, type SearchOptions, unpackEmbeddedBinaries } from "./binaries.ts";

/** A running private server. */
export interface EmbeddedServer {
  /** Folder of the UNIX socket. */
  socketDir: string;
  /** Number in the name of the socket. */
  port: number;
  /** Process id of the server. */
  pid: number;
  /** Where the programs came from; `attached` if another thread started it. */
  origin: Binaries["origin"] | "attached";
  /** Connection string of a database, e.g. `postgres:///taler?host=%2Ftmp%2F…&port=5432&user=postgres`. */
  url(database: string): string;
  /** Creates a database, from a template if one is named (nobody may be connected to the template). */
  createDatabase(name: string, template?: string): Promise<void>;
  /** Drops a database if it exists, ending the sessions in it. */
  dropDatabase(name: string): Promise<void>;
  /** Ends the server and removes its folder. May be called more than once. */
  stop(): Promise<void>;
}

/** Thrown when a server exists but cannot be started; the message ends with what its log says. */
export class ServerFailure extends Error {
  override name = "ServerFailure";
}

/** Options of {@link startServer}. */
export interface ServerOptions extends SearchOptions {
  /** Further lines of postgresql.conf, e.g. `{ wal_level: "logical" }`. */
  settings?: Record<string, string>;
  /**
   * Keep the data in the machine's memory (`/dev/shm`) if 2 GiB are free there: copying databases, which is what
   * tests do most, is then several times faster. Default: false.
   */
  inMemory?: boolean;
}

/** Name of the superuser of a private server. */
const SUPERUSER = "postgres";
const PORT = 5432;
/** A UNIX socket's path must fit into 104 bytes (the smaller limit of the systems in question), zero included. */
const SOCKET_PATH_MAX = 103;
const STOP_TIMEOUT_MS = 10_000;
/** A file system in memory, and how much must be free there. */
const MEMORY_FOLDER = "/dev/shm";
const MEMORY_MIN = 2 * 1024 ** 3;

const SETTINGS: Record<string, string> = {
  listen_addresses: "",
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  max_connections: "200",
  shared_buffers: "64MB",
  dynamic_shared_memory_type: "posix",
  max_wal_size: "1GB",
  wal_level: "minimal",
  max_wal_senders: "0",
  log_min_messages: "warning",
};

/** The unprivileged user that runs the server when we are root, because PostgreSQL refuses to run as root. */
interface Runner {
  uid?: number;
  gid?: number;
}

/**
 * Starts a private server: takes about 1.5 s. It ends when {@link EmbeddedServer.stop} is called or, at most some
 * two seconds later, when this process is gone for whatever reason.
 *
 * @throws NoPostgres when PostgreSQL cannot be had, ServerFailure when it does not start
 */
export async function startServer(options: ServerOptions = {}): Promise<EmbeddedServer> {
  if (Deno.build.os === "windows") throw new ServerFailure("the private server needs UNIX sockets");
  const runner = await findRunner();
  const folder = await makeFolder(runner, options.inMemory === true);
  try {
    const binaries = await findSystemBinaries(options) ?? await unpackEmbeddedBinaries(join(folder, "postgresql"));
    await initialise(folder, binaries, runner);
    const pid = await launch(folder, binaries, runner, options.settings ?? {});
    await startWatchdog(folder, pid);
    return serverOf(folder, pid, binaries.origin);
  } catch (error) {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    throw error;
  }
}

async function findRunner(): Promise<Runner> {
  if (Deno.uid() !== 0) return {};
  const users = (await Deno.readTextFile("/etc/passwd")).split("\n").map((line) => line.split(":"));
  const user = users.find((fields) => fields[0] === "postgres") ?? users.find((fields) => fields[0] === "nobody");
  if (user === undefined) {
    throw new ServerFailure("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody");
  }
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** A folder for data and socket where the server's user can get to and the socket's name is not too long. */
async function makeFolder(runner: Runner, inMemory: boolean): Promise<string> {
  const prefix = "taler-auditor-pg-";
  const room = SOCKET_PATH_MAX - `/${prefix}XXXXXXXXXXXXXXXX/.s.PGSQL.${PORT}`.length;
  const usable = async (dir: string) =>
    dir.startsWith("/") && dir.length <= room && (runner.uid === undefined || await isOpenToAll(dir));
  let parent = "/tmp";
  const wanted = Deno.env.get("TMPDIR") ?? "";
  if (await usable(wanted)) parent = wanted;
  else if (inMemory && await freeBytes(MEMORY_FOLDER) >= MEMORY_MIN) parent = MEMORY_FOLDER;
  const folder = await Deno.makeTempDir({ dir: parent, prefix });
  if (runner.uid !== undefined) await Deno.chown(folder, runner.uid, runner.gid ?? null);
  return folder;
}

async function freeBytes(folder: string): Promise<number> {
  const info = await statfs(folder).catch(() => undefined);
  return info === undefined ? 0 : info.bavail * info.bsize;
}

async function isOpenToAll(folder: string): Promise<boolean> {
  for (let path = folder;; path = dirname(path)) {
    const info = await Deno.stat(path).catch(() => undefined);
    if (info === undefined || ((info.mode ?? 0) & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

async function run(folder: string, binaries: Binaries, runner: Runner, program: string, args: string[]) {
  const command = new Deno.Command(join(binaries.bin, program), {
    args,
    cwd: folder,
    clearEnv: true,
    env: {
      PATH: `${binaries.bin}:/usr/bin:/bin`,
      LC_ALL: "C",
      TZ: "UTC",
      ...(binaries.lib === undefined ? {} : { LD_LIBRARY_PATH: binaries.lib, DYLD_LIBRARY_PATH: binaries.lib }),
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...runner,
  });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { success, text: text.trim() };
}

async function initialise(folder: string, binaries: Binaries, runner: Runner): Promise<void> {
  const args = ["-D", join(folder, "data"), "-U", SUPERUSER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"];
  const result = await run(folder, binaries, runner, "initdb", args);
  if (!result.success) throw new ServerFailure(`initdb failed: ${result.text}`);
}

async function launch(
  folder: string,
  binaries: Binaries,
  runner: Runner,
  more: Record<string, string>,
): Promise<number> {
  const settings = { ...SETTINGS, ...more, port: String(PORT), unix_socket_directories: folder };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  const data = join(folder, "data");
  await Deno.writeTextFile(join(data, "postgresql.conf"), lines.join(""), { append: true });
  const log = join(folder, "server.log");
  const result = await run(folder, binaries, runner, "pg_ctl", [
    "start",
    "-w",
    "-t",
    "30",
    "-s",
    "-D",
    data,
    "-l",
    log,
  ]);
  const pid = result.success ? await readPid(folder) : undefined;
  if (pid === undefined) {
    const written = await Deno.readTextFile(log).catch(() => "");
    throw new ServerFailure(`PostgreSQL did not start: ${result.text} ${written.trim()}`);
  }
  return pid;
}

/** The process id in the server's own pid file: gone as soon as the server has ended. */
async function readPid(folder: string): Promise<number | undefined> {
  const text = await Deno.readTextFile(join(folder, "data", "postmaster.pid")).catch(() => "");
  const pid = Number(text.split("\n")[0]);
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/**
 * A shell in the background that outlives us: when this process is gone, it ends the server and removes the folder.
 * Signal handlers of our own could not do that after SIGKILL, and would keep others from deciding what SIGINT means.
 */
async function startWatchdog(folder: string, pid: number): Promise<void> {
  const script = `(
    trap '' HUP INT TERM
    running() { [ "$(head -n 1 "$2/data/postmaster.pid" 2>/dev/null)" = "$3" ]; }
    while kill -0 "$1" 2>/dev/null && running "$@"; do sleep 1; done
    if kill -0 "$1" 2>/dev/null; then exit 0; fi
    if running "$@"; then kill -QUIT "$3"; fi
    for i in 1 2 3 4 5 6 7 8; do if running "$@"; then sleep 1; fi; done
    if running "$@"; then kill -KILL "$3"; fi
    rm -rf "$2"
  ) </dev/null >/dev/null 2>&1 &`;
  const args = ["-c", script, "taler-auditor-watchdog", String(Deno.pid), folder, String(pid)];
  const command = new Deno.Command("/bin/sh", { args, cwd: "/", stdin: "null", stdout: "null", stderr: "null" });
  const { success } = await command.output();
  if (!success) throw new ServerFailure("the shell that looks after the private server could not be started");
}

function serverOf(folder: string, pid: number, origin: EmbeddedServer["origin"]): EmbeddedServer {
  return {
    socketDir: folder,
    port: PORT,
    pid,
    origin,
    url: (database) => serverUrl(folder, database),
    createDatabase: (name, template) =>
      administer(
        folder,
        (sql) =>
          template === undefined
            ? sql`create database ${sql(name)}`
            : sql`create database ${sql(name)} template ${sql(template)}`,
      ),
    dropDatabase: (name) => administer(folder, (sql) => sql`drop database if exists ${sql(name)} with (force)`),
    stop: () => stopServer(folder, pid),
  };
}

/**
 * The handle of a server that another thread of this process has started.
 * Returns undefined when no such server is running in that folder.
 */
export async function attachServer(folder: string): Promise<EmbeddedServer | undefined> {
  const pid = await readPid(folder);
  return pid === undefined ? undefined : serverOf(folder, pid, "attached");
}

function serverUrl(folder: string, database: string): string {
  const query = new URLSearchParams({ host: folder, port: String(PORT), user: SUPERUSER });
  return `postgres:///${encodeURIComponent(database)}?${query}`;
}

async function administer(folder: string, act: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres({
    host: folder,
    port: PORT,
    user: SUPERUSER,
    database: "postgres",
    max: 1,
    onnotice: () => {},
  });
  try {
    await act(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function stopServer(folder: string, pid: number): Promise<void> {
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  let killed = false;
  for (let running = await readPid(folder); running === pid; running = await readPid(folder)) {
    if (!killed || Date.now() > deadline) signal(pid, killed ? "SIGKILL" : "SIGQUIT");
    if (Date.now() > deadline + 1_000) break;
    killed = true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await removeFolder(folder);
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Helpers of the server (its statistics writer, say) may still be leaving files while it goes away. */
async function removeFolder(folder: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Deno.remove(folder, { recursive: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

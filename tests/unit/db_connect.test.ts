// SPDX-License-Identifier: AGPL-3.0-or-later
/** Connections, and what is said when there is none. */

import assert from "node:assert/strict";
import {
  connect,
  type ConnectionTarget,
  connectTo,
  connectWith,
  DatabaseError,
  describeConnection,
  isRetryable,
  osUser,
} from "../../core/db/connect.ts";
import { fixedEnvironment } from "../../core/config/environment.ts";
import { parseConnectionString } from "../../core/db/connstring.ts";
import { startServer } from "../../core/db/server.ts";
import { sharedServer, targetOf, withDatabase } from "../support/server.ts";

const OPTIONS = { searchPath: [], applicationName: "taler-auditor test" };

async function failure(target: ConnectionTarget, searchPath: string[] = []): Promise<DatabaseError> {
  try {
    await (await connect(target, { ...OPTIONS, searchPath })).end();
  } catch (error) {
    assert.ok(error instanceof DatabaseError, String(error));
    return error;
  }
  assert.fail("it connected");
}

Deno.test("a connection has its search path, its name and big integers", () =>
  withDatabase(async (sql, { target }) => {
    await sql.unsafe('create schema "odd ""name"; create schema b; create table b.t (n int8, a int8[], b bytea)');
    const other = await connect(target, { searchPath: ['odd "name', "b"], applicationName: "taler-auditor x" });
    await other`insert into t values (${2n ** 63n - 1n}, ${other.array([1n, -2n])}, ${new Uint8Array([1, 255])})`;
    const [row] = await other`
      select n, a, b, current_schemas(false) as path, current_setting('application_name') as name from t`;
    assert.equal(row?.n, 2n ** 63n - 1n);
    assert.deepEqual([...row?.a], [1n, -2n]);
    assert.deepEqual(new Uint8Array(row?.b), new Uint8Array([1, 255]));
    assert.deepEqual([...row?.path], ['odd "name', "b"]);
    assert.equal(row?.name, "taler-auditor x");
    await other.end();
  }));

Deno.test("a read-only connection writes nothing", () =>
  withDatabase(async (sql, { target }) => {
    await sql`create table public.t (n int)`;
    const reader = await connect(target, { ...OPTIONS, readOnly: true });
    await assert.rejects(() => reader`insert into public.t values (1)`, { code: "25006" });
    await assert.rejects(() => reader.begin((tx) => tx`insert into public.t values (1)`), { code: "25006" });
    assert.deepEqual([...await reader`select * from public.t`], []);
    await reader.end();
  }));

Deno.test("a server that is not there", async () => {
  const folder = await Deno.makeTempDir();
  const target = { host: folder, port: 5432, user: "me", database: "taler", password: "secret!" };
  const error = await failure(target);
  assert.equal(error.kind, "unreachable");
  assert.ok(error.message.includes(`database taler at socket ${folder}/.s.PGSQL.5432 as me`), error.message);
  assert.ok(error.hint?.includes("is PostgreSQL running"));
  assert.ok(!`${error.message}${error.hint}`.includes("secret"));
  assert.equal(isRetryable(error), true);
  const refused = await failure({ ...target, host: "127.0.0.1", port: 1 });
  assert.equal(refused.kind, "unreachable");
  assert.ok(refused.message.includes("127.0.0.1:1"), refused.message);
  await Deno.remove(folder);
});

/** Why nobody can connect as a text says that some option holds. */
async function failureOf(text: string, searchPath: string[] = []): Promise<DatabaseError> {
  const result = parseConnectionString(text, fixedEnvironment({}), "me");
  assert.ok("settings" in result, JSON.stringify(result));
  const settings = { ...result.settings, origin: "[exchangedb-postgres] CONFIG" };
  const error = await connectWith(settings, { ...OPTIONS, searchPath }).catch((error) => error);
  assert.ok(error instanceof DatabaseError, String(error));
  return error;
}

Deno.test("messages name the option that leads to the database", async () => {
  const { socketDir } = await sharedServer();
  const refused = await failureOf("postgres://u:secret@127.0.0.1:1/x");
  assert.match(refused.message, / \(database x at 127\.0\.0\.1:1 as u; \[exchangedb-postgres\] CONFIG\)$/);
  const absent = await failureOf(`host=${socketDir} user=postgres dbname=no_such_database`);
  assert.match(absent.message, /does not exist \(database .*; \[exchangedb-postgres\] CONFIG\)$/);
  const schema = await failureOf(`host=${socketDir} user=postgres dbname=postgres`, ["auditor"]);
  assert.match(schema.message, /^schema auditor does not exist \(.*; \[exchangedb-postgres\] CONFIG\)$/);
  const certificates = await failureOf("host=h sslmode=verify-full sslrootcert=/nonexistent");
  assert.match(certificates.message, /\(\/nonexistent; \[exchangedb-postgres\] CONFIG\)$/);
});

Deno.test("a server without TLS, where the connection string demands it", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const served = (async () => {
    for await (const connection of listener) {
      // as the real one: no to the request for TLS, and the end when the client goes on with TLS nevertheless
      const buffer = new Uint8Array(1024);
      await connection.read(buffer);
      await connection.write(new TextEncoder().encode("N"));
      await connection.read(buffer);
      connection.close();
    }
  })();
  try {
    for (const mode of ["require", "verify-full"]) {
      const { kind, message } = await failureOf(`host=127.0.0.1 port=${port} user=u sslmode=${mode}`);
      assert.equal(kind, "unreachable");
      assert.match(message, new RegExp(`^the server offers no TLS, and sslmode=${mode} demands it \\(database u at `));
    }
  } finally {
    listener.close();
    await served;
  }
});

Deno.test("a database, schema or role that is not there", async () => {
  const server = await sharedServer();
  const target = targetOf(server, "no_such_database");
  const database = await failure(target);
  assert.equal(database.kind, "no-database");
  assert.match(database.hint ?? "", /createdb no_such_database/);
  assert.equal(isRetryable(database), false);
  const role = await failure({ ...target, database: "postgres", user: "no_such_role" });
  assert.equal(role.kind, "authentication");
  const schema = await failure({ ...target, database: "postgres" }, ["auditor"]);
  assert.equal(schema.kind, "no-schema");
  assert.match(schema.message, /^schema auditor does not exist \(database postgres at socket /);
  assert.equal(schema.hint, "create it with taler-auditor dbinit");
  const both = await failure({ ...target, database: "postgres" }, ["exchange", "nowhere", "pg_catalog"]);
  assert.match(both.message, /^schemas exchange, nowhere do not exist/);
});

Deno.test("a wrong password", () =>
  withDatabase(async (sql, { target }) => {
    const server = await sharedServer();
    const file = `${server.socketDir}/data/pg_hba.conf`;
    const before = await Deno.readTextFile(file);
    await sql`create role careful login password 'right'`;
    try {
      await Deno.writeTextFile(file, `local all careful scram-sha-256\n${before}`);
      await sql`select pg_reload_conf()`;
      // the server reads its file a moment after it was told to
      let refused: unknown;
      for (let attempt = 0; attempt < 200 && refused === undefined; attempt++) {
        refused = await connect({ ...target, user: "careful", password: "wrong" }, OPTIONS).then(
          (other) => other.end(),
          (error) => error,
        );
      }
      assert.ok(refused instanceof DatabaseError);
      assert.equal(refused.kind, "authentication");
      await (await connect({ ...target, user: "careful", password: "right" }, OPTIONS)).end();
    } finally {
      await Deno.writeTextFile(file, before);
      await sql`select pg_reload_conf()`;
      await sql`drop role careful`;
    }
  }));

Deno.test("failures that go away by trying again are recognised", () =>
  withDatabase(async (sql, { target }) => {
    await sql`create table public.t as select 1 as id, 0 as n union all select 2, 0`;
    const other = await connect(target, OPTIONS);
    const failed = async (work: Promise<unknown>) => await work.then(() => undefined, (error) => error);

    const conflict = await failed(sql.begin("isolation level repeatable read", async (tx) => {
      await tx`select * from public.t`;
      await other`update public.t set n = 1 where id = 1`;
      await tx`update public.t set n = 2 where id = 1`;
    }));
    assert.equal(conflict.code, "40001");
    assert.equal(isRetryable(conflict), true);

    await Promise.all([sql, other].map((client) => client`set deadlock_timeout = '20ms'`));
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const left = failed(sql.begin(async (tx) => {
      await tx`update public.t set n = 3 where id = 1`;
      first.resolve();
      await second.promise;
      await tx`update public.t set n = 3 where id = 2`;
    }));
    const right = failed(other.begin(async (tx) => {
      await tx`update public.t set n = 4 where id = 2`;
      second.resolve();
      await first.promise;
      await tx`update public.t set n = 4 where id = 1`;
    }));
    const deadlock = (await Promise.all([left, right])).find((error) => error !== undefined);
    assert.equal(deadlock.code, "40P01");
    assert.equal(isRetryable(deadlock), true);

    const [me] = await other`select pg_backend_pid() as pid`;
    const lost = failed(other`select pg_sleep(60)`);
    await sql`select pg_terminate_backend(${me?.pid})`;
    assert.equal(isRetryable(await lost), true, String(await lost));
    await other.end({ timeout: 1 });

    const wrong = await failed(sql`select 1/0`);
    assert.equal(isRetryable(wrong), false);
    assert.equal(isRetryable("40001"), false);
    assert.equal(isRetryable(undefined), false);
    assert.equal(isRetryable(new DatabaseError("no-schema", "x", "y")), false);
  }));

Deno.test("connection strings and the environment lead to the same place", () =>
  withDatabase(async (sql, { name, url, target }) => {
    const { host } = target;
    const nothing = fixedEnvironment({});
    const ways: [string, Record<string, string>][] = [
      [url, {}],
      [`host=${host} port=5432 user=postgres dbname=${name}`, {}],
      [`postgres://postgres@${encodeURIComponent(host)}/${name}`, {}],
      ["", { PGHOST: host, PGUSER: "postgres", PGDATABASE: name, PGAPPNAME: "named" }],
      [`postgres:///${name}?host=/nonexistent,${host}&user=postgres`, {}],
    ];
    for (const [text, env] of ways) {
      const other = await connectTo(text, { ...OPTIONS, searchPath: ["pg_catalog"] }, fixedEnvironment(env));
      const [row] = await other`select current_database() as name, current_setting('application_name') as app`;
      assert.deepEqual({ ...row }, { name, app: env.PGAPPNAME ?? OPTIONS.applicationName }, text);
      assert.equal(describeConnection(other), describeConnection(sql));
      await other.end();
    }
    const bad = await connectTo("nonsense", OPTIONS, nothing).catch((error) => error);
    assert.ok(bad instanceof DatabaseError);
    assert.equal(bad.kind, "settings");
    const certificates = await connectTo(
      "postgres://me:secret@localhost/x?sslmode=verify-full&sslrootcert=/nonexistent",
      OPTIONS,
      nothing,
    ).catch((error) => error);
    assert.equal(certificates.kind, "settings");
    assert.match(certificates.message, /trusted certificates cannot be read.*\(\/nonexistent\)$/);
  }));

Deno.test("the second server is tried only if the first cannot be reached", async () => {
  const server = await sharedServer();
  const other = await startServer();
  try {
    await other.createDatabase("only_there");
    const text = `host=${server.socketDir},${other.socketDir} user=postgres dbname=only_there`;
    const error = await connectTo(text, OPTIONS, fixedEnvironment({})).catch((error) => error);
    assert.equal(error.kind, "no-database");
    assert.ok(error.where.includes(server.socketDir), "the first answered, and that decides");
  } finally {
    await other.stop();
  }
});

Deno.test("the client takes nothing from the environment behind our back", () =>
  withDatabase(async (_sql, { target }) => {
    const names = { PGMAX: "7", PGSSL: "require", PGPASSWORD: "x", PGDATABASE: "nowhere", PGPREPARE: "false" };
    const before = Object.keys(names).map((name) => [name, Deno.env.get(name)] as const);
    Object.entries(names).forEach(([name, value]) => Deno.env.set(name, value));
    try {
      const other = await connect(target, OPTIONS);
      assert.equal(other.options.max, 1);
      assert.equal(other.options.database, target.database);
      assert.equal(other.options.prepare, true);
      assert.equal(await (other.options.pass as unknown as () => string)(), "");
      await other.end();
    } finally {
      for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
  }));

Deno.test("the operating system knows who we are", () => {
  assert.ok((osUser(fixedEnvironment({})) ?? "").length > 0);
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The tools dbinit and exchange-dbinit as their callers see them: exit code, what they print, what they leave. */

import assert from "node:assert/strict";
import { command as dbinit } from "../../cmd/dbinit.ts";
import { command as exchangeDbinit } from "../../cmd/exchange-dbinit.ts";
import { requireConsent, ToolError } from "../../cmd/schema-tool.ts";
import type { Sql } from "../../core/db/connect.ts";
import { appliedPatches } from "../../core/db/versioning.ts";
import { withDatabase } from "../support/server.ts";
import { callCommand } from "../support/call.ts";

/** Runs `body` with a fresh database and a configuration file that names it for both schemas. */
async function withTools(body: (sql: Sql, file: string, url: string) => Promise<void>): Promise<void> {
  await withDatabase(async (sql, { url }) => {
    const file = await writeConfiguration(url);
    try {
      await body(sql, file, url);
    } finally {
      await Deno.remove(file);
    }
  });
}

async function writeConfiguration(url: string): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".conf" });
  await Deno.writeTextFile(file, `[auditordb-postgres]\nCONFIG = ${url}\n[exchangedb-postgres]\nCONFIG = ${url}\n`);
  return file;
}

async function count(sql: Sql, table: string): Promise<bigint> {
  const [row] = await sql.unsafe(`select count(*) as rows from ${table}`);
  return row?.rows;
}

Deno.test("dbinit creates the schema, and a second run changes nothing", () =>
  withTools(async (sql, file) => {
    const first = await callCommand(dbinit, "-c", file);
    assert.equal(first.code, 0, first.err);
    assert.match(
      first.out,
      /^applied auditor-0001, auditor-0002, auditor-x-0001 to database \S+ at socket \S+ as postgres$/,
    );
    assert.equal(first.err, "");
    const second = await callCommand(dbinit, `--config=${file}`);
    assert.equal(second.code, 0);
    assert.match(second.out, /^schema auditor in database .* is up to date$/);
    assert.equal((await appliedPatches(sql, "auditor-"))?.length, 3);
  }));

Deno.test("dbinit -r forgets progress and keeps confirmations and, unless told otherwise, historic revenue", () =>
  withTools(async (sql, file) => {
    await callCommand(dbinit, "-c", file);
    const fill = () =>
      sql.unsafe(`
        insert into auditor.auditor_progress values ('x', 1) on conflict do nothing;
        insert into auditor.auditor_historic_reserve_summary (start_date, end_date, reserve_profits)
          values (1, 2, (3,4)) on conflict do nothing;
        insert into auditor.auditor_exchange_signkeys (exchange_pub, master_sig, ep_valid_from, ep_expire_sign, ep_expire_legal)
          values (decode(repeat('00', 32), 'hex'), decode(repeat('00', 64), 'hex'), 1, 2, 3) on conflict do nothing`);
    await fill();
    const { code, out } = await callCommand(dbinit, "-c", file, "-r");
    assert.equal(code, 0);
    assert.match(out, /^emptied \d+ tables of schema auditor in database /);
    assert.equal(await count(sql, "auditor.auditor_progress"), 0n);
    assert.equal(await count(sql, "auditor.auditor_historic_reserve_summary"), 1n);
    assert.equal(await count(sql, "auditor.auditor_exchange_signkeys"), 1n);
    await fill();
    assert.equal((await callCommand(dbinit, "-c", file, "-r", "--drop-historic")).code, 0);
    assert.equal(await count(sql, "auditor.auditor_historic_reserve_summary"), 0n);
    assert.equal(await count(sql, "auditor.auditor_exchange_signkeys"), 1n);
  }));

Deno.test("dbinit -R wants a confirmation and wins over -r", () =>
  withTools(async (sql, file) => {
    await callCommand(dbinit, "-c", file);
    await sql.unsafe("insert into auditor.auditor_historic_reserve_summary values (1, 1, 2, (3,4))");
    const refused = await callCommand(dbinit, "-c", file, "-R");
    assert.equal(refused.code, 2);
    assert.match(
      refused.err,
      /error: this would drop schema auditor in database .*no terminal to confirm it on\n.*hint: add --yes/,
    );
    assert.equal(await count(sql, "auditor.auditor_historic_reserve_summary"), 1n);
    const done = await callCommand(dbinit, "-c", file, "-R", "-r", "--yes", "-g");
    assert.equal(done.code, 0);
    assert.match(
      done.out,
      /^dropped schema auditor .*\napplied auditor-0001, .*\ngarbage collection: there is nothing/,
    );
    assert.equal(await count(sql, "auditor.auditor_historic_reserve_summary"), 0n);
  }));

Deno.test("dbinit refuses a layout of another release and leaves it alone", () =>
  withTools(async (sql, file) => {
    await callCommand(dbinit, "-c", file);
    await sql.unsafe(
      "alter table auditor.auditor_deposit_confirmations rename row_id to deposit_confirmation_serial_id",
    );
    const { code, err } = await callCommand(dbinit, "-c", file);
    assert.equal(code, 1);
    assert.match(err, /error: schema auditor cannot be used: found the layout of another release: column /);
    assert.match(err, /hint: there is no migration between layouts: save the table/);
    assert.equal((await callCommand(dbinit, "-c", file, "-R", "--yes")).code, 0);
  }));

Deno.test("a restart that fails is told by the exit code, after the tables were created", () =>
  withTools(async (sql, file) => {
    await callCommand(dbinit, "-c", file);
    await sql.unsafe(`create table public.holder (id int8 references auditor.auditor_pending_deposits (row_id))`);
    const { code, out, err } = await callCommand(dbinit, "-c", file, "-r");
    assert.equal(code, 1);
    assert.match(err, /^taler-auditor: warning: the restart failed: cannot truncate a table referenced/);
    assert.match(out, /is up to date$/);
  }));

Deno.test("exchange-dbinit creates, unlocks, injects and resets", () =>
  withTools(async (sql, file) => {
    const first = await callCommand(exchangeDbinit, "-c", file, "-s", "-a");
    assert.equal(first.code, 0, first.err);
    assert.match(
      first.out,
      /^applied exchange-0001 to exchange-0007 to database .*\nreleased all work shard locks\ninstalled the triggers/,
    );
    assert.equal(await count(sql, "pg_trigger where tgname like 'auditor_exchange_notify%'"), 70n);
    const second = await callCommand(exchangeDbinit, "-c", file);
    assert.match(second.out, /^schema exchange in database .* is up to date$/);
    await sql.unsafe("insert into exchange.extensions (name) values ('x')");
    const refused = await callCommand(exchangeDbinit, "-c", file, "--reset");
    assert.equal(refused.code, 2);
    assert.equal(await count(sql, "exchange.extensions"), 1n);
    const reset = await callCommand(exchangeDbinit, "-c", file, "--reset", "--yes");
    assert.equal(reset.code, 0);
    assert.match(reset.out, /^dropped schema exchange .*\napplied exchange-0001/);
    assert.equal(await count(sql, "exchange.extensions"), 0n);
    assert.equal((await appliedPatches(sql, "exchange-"))?.length, 7);
  }));

Deno.test("exchange-dbinit refuses partitions, garbage collection and other generations", () =>
  withTools(async (sql, file) => {
    for (const args of [["-P", "4"], ["-f"], ["--partition=0"]]) {
      const { code, err } = await callCommand(exchangeDbinit, "-c", file, ...args);
      assert.equal(code, 2);
      assert.match(err, /a trusted copy is not partitioned: .*\n.*hint: leave out -P and -f/);
    }
    const gc = await callCommand(exchangeDbinit, "-c", file, "-g");
    assert.equal(gc.code, 2);
    assert.match(gc.err, /garbage collection of the trusted copy is not supported yet, nothing was changed/);
    assert.equal(await appliedPatches(sql, ""), undefined, "nothing was created");
    await callCommand(exchangeDbinit, "-c", file);
    await sql.unsafe("create table exchange.withdraw (n int)");
    const newer = await callCommand(exchangeDbinit, "-c", file);
    assert.equal(newer.code, 1);
    assert.match(newer.err, /found table withdraw, which only a release newer than 0\.14\.1 has/);
  }));

Deno.test("both tools say what is wrong: usage, configuration, connection, rights", () =>
  withTools(async (sql, file, url) => {
    for (const tool of [dbinit, exchangeDbinit]) {
      const help = await callCommand(tool, "--help");
      assert.deepEqual([help.code, help.out, help.err], [0, tool.help.trimEnd(), ""]);
      assert.equal((await callCommand(tool, "-h")).code, 0);
      const unknown = await callCommand(tool, "--nonsense");
      assert.equal(unknown.code, 2);
      assert.match(unknown.err, /^taler-auditor: error: Unknown option '--nonsense'/);
      assert.equal((await callCommand(tool, "-c", file, "word")).code, 2);
      assert.equal((await callCommand(tool, "-c")).code, 2);
      const missing = await callCommand(tool, "-c", `${file}.none`);
      assert.equal(missing.code, 6);
      assert.ok(missing.err.includes(`${file}.none`), missing.err);
    }
    assert.equal((await callCommand(dbinit, "-c", file, "--drop-historic")).code, 2);

    const elsewhere = await writeConfiguration(url.replace(/postgres:\/\/\/[^?]+/, "postgres:///no_such_database"));
    const absent = await callCommand(dbinit, "-c", elsewhere);
    assert.equal(absent.code, 5);
    assert.match(
      absent.err,
      /error: the database does not exist \(database no_such_database .*\n.*hint: create it: createdb/,
    );
    await Deno.remove(elsewhere);

    const role = `dbinit_test_${crypto.randomUUID().slice(0, 8)}`;
    await sql.unsafe(`create role ${role} login`);
    const powerless = await writeConfiguration(url.replace("user=postgres", `user=${role}`));
    for (const tool of [dbinit, exchangeDbinit]) {
      const { code, err } = await callCommand(tool, "-c", powerless);
      assert.equal(code, 4, err);
      assert.match(
        err,
        /error: the role lacks a right: permission denied for database .*\n.*hint: .*GRANT CREATE ON DATABASE/,
      );
    }
    await Deno.remove(powerless);
    await sql.unsafe(`drop role ${role}`);
  }));

Deno.test("only a clear yes destroys data", () => {
  const consent = (answer: string | null) => ({ yes: false, terminal: true, ask: () => answer });
  requireConsent("drop it", consent(" yes "));
  requireConsent("drop it", { ...consent("no"), yes: true });
  for (const answer of ["", "y", "YES please", "no", null]) {
    assert.throws(
      () => requireConsent("drop it", consent(answer)),
      (error) => error instanceof ToolError && error.code === 1,
    );
  }
  let question = "";
  requireConsent("drop it", { yes: false, terminal: true, ask: (text) => (question = text, "yes") });
  assert.match(question, /^This will drop it\. All data in it is lost\./);
});

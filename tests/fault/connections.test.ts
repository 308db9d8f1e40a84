// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * An audit that loses its connections, one or another or all: nothing is booked twice or from outside of the snapshot,
 * and the next run ends where an undisturbed one would have ended.
 */
import assert from "node:assert/strict";
import { AuditBusy, type AuditPlan, openAuditor, runAudit } from "../../core/audit/run.ts";
import { connectTo, type Sql } from "../../core/db/connect.ts";
import { randomOf } from "../../core/simulator/random.ts";
import { auditWell, noteAbsence, settingsOf, THREE_PASSES, withCopy } from "../support/audit.ts";
import { assertSame, DATASET, FRAUDS, traces, undisturbed, waitForSessions, within } from "../support/disturbance.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { spoil } from "../support/hostile.ts";

const names = datasetNames();
noteAbsence(names);
const ignore = names.length === 0;

/** Called before a query of a connection; `count` counts from 1. */
type Hook = (query: { connection: string; count: number; text: string }) => void | Promise<void>;

/** A client that asks the hook before each query. */
function hooked(sql: Sql, connection: string, hook: Hook): Sql {
  let count = 0;
  const asked = async <T>(text: string, run: () => PromiseLike<T>): Promise<T> => {
    await hook({ connection, count: ++count, text });
    return await run();
  };
  return new Proxy(sql, {
    apply: (target, self, args) => {
      const isQuery = Array.isArray(args[0]) && "raw" in args[0];
      const run = () => Reflect.apply(target, self, args) as PromiseLike<unknown>;
      return isQuery ? asked(String(args[0]), run) : run();
    },
    get: (target, name) => {
      if (name === "unsafe") {
        return (...args: Parameters<Sql["unsafe"]>) => asked(args[0], () => target.unsafe(...args));
      }
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** A plan whose connections have names: `source 1`, `source 2` … and `auditor 1` …, in the order of their opening. */
function namedPlan(url: string, hook: Hook = () => {}): AuditPlan {
  const info = datasetInfo(DATASET);
  const opener = (kind: string) => {
    let count = 0;
    return async () => {
      const name = `${kind} ${++count}`;
      return hooked(await connectTo(url, { searchPath: [], applicationName: name }), name, hook);
    };
  };
  return {
    settings: settingsOf(info),
    passes: THREE_PASSES,
    now: info.audit_now_us,
    internal: true,
    workers: 1,
    pageRows: 500,
    openExchange: opener("source"),
    openAuditor: opener("auditor"),
  };
}

/** Connections by the order in which they are opened. */
const GUARD = "auditor 1";
const SECOND_SNAPSHOT = "source 4";
/** The coins pass asks this in the middle of its work. */
const REFUNDS = "FROM exchange.refunds base";

/** Runs a query on a connection of its own: those of the tests may be waiting. */
async function aside(url: string, body: (sql: Sql) => Promise<unknown>): Promise<void> {
  const sql = await connectTo(url, { searchPath: [], applicationName: "aside" });
  try {
    await body(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Ends the server's side of connections and waits until they are gone. */
function terminate(url: string, which: { name: string } | { query: string }): Promise<void> {
  const [column, value] = "name" in which ? ["application_name", which.name] : ["query", `%${which.query}%`];
  return aside(url, (sql) =>
    sql`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND ${sql(column!)} LIKE ${value!}`);
}

/** Waits until at least `count` sessions wait for a lock, or for some seconds. */
function waitForWaiting(url: string, count: number): Promise<void> {
  return aside(url, (sql) =>
    sql.unsafe(`DO $$ DECLARE tries int := 0; BEGIN
    WHILE tries < 600 AND (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock') < ${count} LOOP
      PERFORM pg_sleep(0.005);
      PERFORM pg_stat_clear_snapshot();
      tries := tries + 1;
    END LOOP;
  END $$`));
}

/** Runs `body` while nobody can read a table, or write to it, until `release` is called. */
async function whileWaiting<T>(
  url: string,
  table: string,
  body: (release: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const blocker = await connectTo(url, { searchPath: [], applicationName: "blocker" });
  try {
    await blocker.unsafe("BEGIN");
    // runs read their journal's tables, too, but they write to them only when they commit
    await blocker.unsafe(`LOCK TABLE ${table} IN ${table.startsWith("auditor.") ? "SHARE" : "ACCESS EXCLUSIVE"} MODE`);
    return await body(async () => void await blocker.unsafe("COMMIT"));
  } finally {
    await blocker.end({ timeout: 1 });
  }
}

/** Runs a plan; an error is a result, too. */
async function outcomeOf(plan: AuditPlan): Promise<string> {
  try {
    const { passes } = await runAudit(plan);
    return passes.map((p) => `${p.pass} ${p.failure === undefined ? "done" : p.failure.message}`).join("; ");
  } catch (error) {
    assert.ok(error instanceof Error && error.message !== "", "an error that says something");
    return `${error.name}: ${error.message}`;
  }
}

/** Runs `body` on a copy with frauds; a minute is more than enough. */
function withFrauds(body: (url: string, sql: Sql) => Promise<void>): Promise<void> {
  return withCopy(DATASET, async (url, sql) => {
    await spoil(url, [FRAUDS]);
    await within(60_000, body(url, sql));
  });
}

/** Runs to the end and compares with an undisturbed run. */
async function finish(url: string, sql: Sql, outcomes: string[]): Promise<void> {
  await waitForSessions(sql);
  await auditWell(url, datasetInfo(DATASET));
  try {
    assertSame(await traces(sql), await undisturbed());
  } catch (error) {
    if (error instanceof Error) error.message = `${outcomes.join("\n")}\n${error.message}`;
    throw error;
  }
}

Deno.test(
  { name: "lost connections: the server ends any of them at a random moment", ignore },
  () =>
    withFrauds(async (url, sql) => {
      const random = randomOf("kill", "connections");
      const outcomes: string[] = [];
      for (let round = 0; round < 12; round++) {
        const after = 20 + random.below(60);
        let queries = 0;
        let victims = 1 + random.below(2);
        const hook: Hook = async () => {
          if (++queries < after || victims === 0) return;
          victims--;
          const number = random.below(1000);
          await sql`SELECT pg_terminate_backend(pid, 10000) FROM (
          SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
          ORDER BY application_name, pid OFFSET ${number} % (SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()) LIMIT 1) one`;
        };
        outcomes.push(await outcomeOf(namedPlan(url, hook)));
        await waitForSessions(sql);
      }
      await finish(url, sql, outcomes);
    }),
);

Deno.test(
  { name: "lost connections: a pass that still commits when another has to be repeated", ignore },
  () =>
    withFrauds(async (url, sql) => {
      const outcomes: string[] = [];
      await whileWaiting(url, "auditor.auditor_x_run", async (releaseCommits) => {
        let running: Promise<string> | undefined;
        await whileWaiting(url, "exchange.refunds", async (releaseRefunds) => {
          running = outcomeOf(namedPlan(url));
          // the coins pass loses its connection in a query, while the reserves pass is in the middle of its commit
          await waitForWaiting(url, 2);
          await terminate(url, { query: REFUNDS });
          await releaseRefunds();
        });
        // the run is repeated when this commit has ended, and finds it
        await releaseCommits();
        outcomes.push(await running!);
      });
      await finish(url, sql, outcomes);
    }),
);

Deno.test(
  { name: "lost connections: the lock goes with its session, but nothing is booked twice", ignore },
  () =>
    withFrauds(async (url, sql) => {
      const outcomes: string[] = [];
      await whileWaiting(url, "auditor.auditor_x_run", async (release) => {
        const first = outcomeOf(namedPlan(url));
        await waitForWaiting(url, 1);
        await terminate(url, { name: GUARD });
        const second = outcomeOf(namedPlan(url));
        await waitForWaiting(url, 2);
        await release();
        outcomes.push(...await Promise.all([first, second]));
      });
      await finish(url, sql, outcomes);
    }),
);

Deno.test(
  { name: "lost connections: a continuous audit that lost its lock between runs takes it again, or ends", ignore },
  () =>
    withCopy(DATASET, async (url) => {
      const held = await openAuditor(namedPlan(url));
      try {
        await held.run(["reserves"], datasetInfo(DATASET).audit_now_us);
        await terminate(url, { name: GUARD });
        await held.run(["reserves"], datasetInfo(DATASET).audit_now_us);
        await assert.rejects(openAuditor(namedPlan(url)), AuditBusy, "the lock is held again");
        await terminate(url, { name: GUARD });
        const other = await openAuditor(namedPlan(url));
        await assert.rejects(held.run(["reserves"], datasetInfo(DATASET).audit_now_us), AuditBusy);
        await other.close();
      } finally {
        await held.close();
      }
    }),
);

Deno.test(
  { name: "lost connections: what is read outside of the snapshot is never committed", ignore },
  () =>
    withFrauds(async (url, sql) => {
      const [row] = await sql`SELECT coin_sig FROM exchange.coin_deposits WHERE coin_deposit_serial_id = 77`;
      const deposit = (signature: Uint8Array) =>
        aside(
          url,
          (sql) => sql`UPDATE exchange.coin_deposits SET coin_sig = ${signature} WHERE coin_deposit_serial_id = 77`,
        );
      let lost: string | undefined;
      let queries = 0;
      const outcome = await outcomeOf(namedPlan(url, async ({ connection, count, text }) => {
        if (lost === undefined && text.includes(REFUNDS)) {
          // it is idle: the client connects anew without a word, and reads on
          lost = connection;
          await terminate(url, { name: connection });
          await deposit(new Uint8Array(64));
        } else if (connection === lost) queries++;
        else if (connection === SECOND_SNAPSHOT && count === 1) await deposit(row!["coin_sig"] as Uint8Array);
      }));
      assert.ok(queries > 0, "the pass went on");
      assert.equal(outcome, "reserves done; coins done; aggregation done");
      await finish(url, sql, [outcome]);
    }),
);

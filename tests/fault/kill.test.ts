// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * An audit that is killed or loses its connections: whatever happens, nothing half-written stays, and the
 * next run ends where an undisturbed one would have ended.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  auditorState,
  auditWell,
  noteAbsence,
  ownState,
  settingsOf,
  THREE_PASSES,
  withCopy,
} from "../support/audit.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { spoil } from "../support/hostile.ts";
import { AuditBusy, type AuditPlan, openAuditor, runAudit } from "../../core/audit/run.ts";
import { connectTo, type Sql } from "../../core/db/connect.ts";
import { randomOf } from "../../core/simulator/random.ts";

const names = datasetNames();
noteAbsence(names);
const ignore = names.length === 0;

const DATASET = "bench-mid";
/** How often audits are killed before their end, and how often that of one database before it may finish. */
const KILLS = 20;
const KILLS_EACH = 4;
/** On a machine with other things to do, fewer kills must be enough. */
const MOST_TIME_MS = 45_000;
/** A first guess at how long a run takes; runs that come to their end correct it. */
const SLOWEST_RUN_MS = 2500;

/** Something to find in every pass, so that commits have findings in them. */
const FRAUDS = `
  UPDATE exchange.coin_deposits SET coin_sig = sha512(int8send(coin_deposit_serial_id))
   WHERE coin_deposit_serial_id % 100 = 0;
  UPDATE exchange.known_coins SET denom_sig = '' WHERE known_coin_id % 150 = 0;
  UPDATE exchange.reserves_out SET reserve_sig = sha512(int8send(reserve_out_serial_id))
   WHERE reserve_out_serial_id % 200 = 0;
  UPDATE exchange.wire_out SET amount.val = (amount).val + 1 WHERE wireout_uuid % 10 = 0`;

/** All that runs leave, without row numbers and times of the clock: findings, state, balances, progress, journal. */
async function traces(sql: Sql): Promise<Record<string, unknown>> {
  const journal = await sql`SELECT concat_ws(' ', r.pass, j.event, j.check_id, j.finding_table, j.content::text) AS line
    FROM auditor.auditor_x_journal j JOIN auditor.auditor_x_run r USING (run_id) ORDER BY 1`;
  const runs = await sql`SELECT concat_ws(' ', pass, clock, source_rows, opened, changed, resolved) AS line
    FROM auditor.auditor_x_run ORDER BY 1`;
  const state = [...await auditorState(sql), ...await ownState(sql)];
  return {
    ...Object.fromEntries(state),
    journal: journal.map((r) => r["line"]),
    runs: runs.map((r) => r["line"]),
  };
}

function assertSame(ours: Record<string, unknown>, undisturbed: Record<string, unknown>): void {
  for (const table of Object.keys(undisturbed)) assert.deepEqual(ours[table], undisturbed[table], table);
}

/** What an undisturbed run leaves; audited once per process. */
const undisturbed = ((): () => Promise<Record<string, unknown>> => {
  let known: Promise<Record<string, unknown>> | undefined;
  return () =>
    known ??= withCopy(DATASET, async (url, sql) => {
      await spoil(url, [FRAUDS]);
      await auditWell(url, datasetInfo(DATASET));
      return await traces(sql);
    });
})();

/** The result of something that must not take longer; what hangs fails. */
async function within<T>(time_ms: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not done after ${time_ms} ms`)), time_ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface AuditProcess {
  /** Resolves when the process is gone; true if it came to its end. */
  ended: Promise<boolean>;
  /** Resolves when the audit begins. */
  started: Promise<void>;
  kill(): void;
}

function startAudit(url: string): AuditProcess {
  const script = fileURLToPath(new URL("../support/audit_process.ts", import.meta.url));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--no-check", script, url, DATASET],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const started = Promise.withResolvers<void>();
  const ended = (async () => {
    let text = "";
    for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.startsWith("started\n")) started.resolve();
    }
    const { success } = await child.status;
    started.resolve();
    return success && text.endsWith("done\n");
  })();
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it was faster
    }
  };
  return { ended, started: started.promise, kill };
}

/** Waits for the end of the sessions of an audit that is gone: its lock lives as long as they do. */
async function waitForSessions(sql: Sql): Promise<void> {
  await sql.unsafe("SET statement_timeout = '20s'");
  await sql.unsafe(`DO $$ BEGIN
    WHILE EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()) LOOP
      PERFORM pg_sleep(0.005);
      PERFORM pg_stat_clear_snapshot();
    END LOOP;
  END $$`);
}

/** Kills the process after some time, or lets it end before; true if it came to its end. */
async function killAfter(process: AuditProcess, time_ms: number): Promise<boolean> {
  await within(20_000, process.started);
  const timer = setTimeout(process.kill, time_ms);
  const done = await within(60_000, process.ended);
  clearTimeout(timer);
  return done;
}

Deno.test({ name: "kill: twenty times at a random moment, then to the end", ignore }, async () => {
  const random = randomOf("kill", "moments");
  const wanted = await undisturbed();
  const last = performance.now() + MOST_TIME_MS;
  let duration = SLOWEST_RUN_MS;
  let killed = 0;
  while (killed < KILLS && performance.now() < last) {
    await withCopy(DATASET, async (url, sql) => {
      await spoil(url, [FRAUDS]);
      for (let done = false, times = 0; !done && times < KILLS_EACH; times++) {
        const begin = performance.now();
        done = await killAfter(startAudit(url), duration * random.below(1000) / 1000);
        if (done) duration = Math.min(duration, performance.now() - begin);
        else killed++;
        await waitForSessions(sql);
      }
      await auditWell(url, datasetInfo(DATASET));
      assertSame(await traces(sql), wanted);
    });
  }
  assert.ok(killed >= KILLS / 2, `only ${killed} runs were killed before their end`);
});

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
        // the repeated reserves pass comes to its commit while the first one has not ended yet
        await waitForWaiting(url, 2);
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

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * An audit that is killed, loses its connections, or is not alone: whatever happens, nothing half-written stays, and the
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
/** Databases, and how often the audit of each is killed before it may finish: 20 kills. */
const DATABASES = 5;
const KILLS_EACH = 4;

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
  await process.started;
  const timer = setTimeout(process.kill, time_ms);
  const done = await process.ended;
  clearTimeout(timer);
  return done;
}

Deno.test({ name: "kill: twenty times at a random moment, then to the end", ignore }, async () => {
  const random = randomOf("kill", "moments");
  const wanted = await undisturbed();
  const duration = await withCopy(DATASET, async (url) => {
    await spoil(url, [FRAUDS]);
    const process = startAudit(url);
    await process.started;
    const begin = performance.now();
    assert.equal(await process.ended, true);
    return performance.now() - begin;
  });
  const slices = DATABASES * KILLS_EACH;
  const moments = random.shuffled(
    Array.from({ length: slices }, (_, i) => duration * (i + random.below(1000) / 1000) / slices),
  );
  let killed = 0;
  for (let database = 0; database < DATABASES; database++) {
    await withCopy(DATASET, async (url, sql) => {
      await spoil(url, [FRAUDS]);
      for (const moment of moments.slice(database * KILLS_EACH, (database + 1) * KILLS_EACH)) {
        if (!await killAfter(startAudit(url), moment)) killed++;
        await waitForSessions(sql);
      }
      await auditWell(url, datasetInfo(DATASET));
      assertSame(await traces(sql), wanted);
    });
  }
  assert.ok(killed >= 10, `only ${killed} of ${slices} runs were killed before their end`);
});

/** Called before a query of a connection; `count` counts from 1. */
type Hook = (query: { connection: string; count: number; sql: Sql }) => void | Promise<void>;

/** A client that asks the hook before each query. */
function hooked(sql: Sql, connection: string, hook: Hook): Sql {
  let count = 0;
  const asked = async <T>(run: () => PromiseLike<T>): Promise<T> => {
    await hook({ connection, count: ++count, sql });
    return await run();
  };
  return new Proxy(sql, {
    apply: (target, self, args) => {
      const isQuery = Array.isArray(args[0]) && "raw" in args[0];
      const run = () => Reflect.apply(target, self, args) as PromiseLike<unknown>;
      return isQuery ? asked(run) : run();
    },
    get: (target, name) => {
      if (name === "unsafe") return (...args: Parameters<Sql["unsafe"]>) => asked(() => target.unsafe(...args));
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

/** The connections of one run by the order in which they are opened: the snapshot's three and the passes' own. */
const GUARD = "auditor 1";
const COINS_SOURCE = "source 2";

/** Ends the server's side of connections and waits until they are gone. */
async function terminate(sql: Sql, name: string): Promise<void> {
  await sql`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ${name}`;
}

/** Waits until at least `count` sessions of the auditor wait for a lock, or for some seconds. */
async function waitForWaiting(sql: Sql, count: number): Promise<void> {
  await sql.unsafe(`DO $$ DECLARE tries int := 0; BEGIN
    WHILE tries < 600 AND (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock' AND application_name LIKE 'auditor %') < ${count} LOOP
      PERFORM pg_sleep(0.005);
      PERFORM pg_stat_clear_snapshot();
      tries := tries + 1;
    END LOOP;
  END $$`);
}

/** Runs `body` while no run can commit, because it cannot write its journal. */
async function whileCommitsWait<T>(url: string, body: (release: () => Promise<void>) => Promise<T>): Promise<T> {
  const blocker = await connectTo(url, { searchPath: [], applicationName: "blocker" });
  try {
    await blocker.unsafe("BEGIN");
    await blocker.unsafe("LOCK TABLE auditor.auditor_x_run IN SHARE MODE");
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

/** Runs to the end and compares with an undisturbed run. */
async function finish(url: string, sql: Sql, outcomes: string[]): Promise<void> {
  await auditWell(url, datasetInfo(DATASET));
  try {
    assertSame(await traces(sql), await undisturbed());
  } catch (error) {
    if (error instanceof Error) error.message = `${outcomes.join("\n")}\n${error.message}`;
    throw error;
  }
}

Deno.test({ name: "lost connections: the server ends any of them at a random moment", ignore }, async () => {
  const random = randomOf("kill", "connections");
  await withCopy(DATASET, async (url, sql) => {
    await spoil(url, [FRAUDS]);
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
  });
});

Deno.test({ name: "lost connections: a pass that still commits when another has to be repeated", ignore }, async () => {
  await withCopy(DATASET, async (url, sql) => {
    await spoil(url, [FRAUDS]);
    const outcomes: string[] = [];
    await whileCommitsWait(url, async (release) => {
      let lost = false;
      const outcome = outcomeOf(namedPlan(url, async ({ connection, count }) => {
        if (connection !== COINS_SOURCE || count < 12 || lost) return;
        lost = true;
        // the coins pass loses its connection while the reserves pass is in the middle of its commit
        await waitForWaiting(sql, 1);
        await terminate(sql, COINS_SOURCE);
      }));
      await waitForWaiting(sql, 2);
      await release();
      outcomes.push(await outcome);
      assert.ok(lost);
    });
    await waitForSessions(sql);
    await finish(url, sql, outcomes);
  });
});

Deno.test({ name: "lost connections: the lock goes with its session, but never to two audits", ignore }, async () => {
  await withCopy(DATASET, async (url, sql) => {
    await spoil(url, [FRAUDS]);
    const outcomes: string[] = [];
    await whileCommitsWait(url, async (release) => {
      const first = outcomeOf(namedPlan(url));
      await waitForWaiting(sql, 1);
      await terminate(sql, GUARD);
      const second = outcomeOf(namedPlan(url));
      await waitForWaiting(sql, 2);
      await release();
      outcomes.push(await first, await second);
    });
    await waitForSessions(sql);
    await finish(url, sql, outcomes);
  });
});

Deno.test({ name: "lost connections: no query is asked outside of the snapshot", ignore }, async () => {
  await withCopy(DATASET, async (url, sql) => {
    await spoil(url, [FRAUDS]);
    let terminated = false;
    const isolations: string[] = [];
    const outcome = await outcomeOf(namedPlan(url, async ({ connection, count, sql: own }) => {
      if (connection !== COINS_SOURCE || count < 12) return;
      if (!terminated) {
        terminated = true;
        await terminate(sql, COINS_SOURCE);
        return;
      }
      const probe = await own.unsafe("SELECT current_setting('transaction_isolation') AS level").catch(() => []);
      isolations.push(...probe.map((r) => r["level"] as string));
    }));
    assert.ok(terminated);
    assert.deepEqual(isolations.filter((level) => level !== "repeatable read"), [], outcome);
    await waitForSessions(sql);
    await finish(url, sql, [outcome]);
  });
});

Deno.test({ name: "two audits at once: the second is told who holds the lock", ignore }, async () => {
  await withCopy(DATASET, async (url, sql) => {
    const holder = await openAuditor(namedPlan(url));
    try {
      const [guard] = await sql`SELECT pid FROM pg_stat_activity WHERE application_name = ${GUARD}
        AND datname = current_database()`;
      await assert.rejects(runAudit(namedPlan(url)), (error: Error) => {
        assert.ok(error instanceof AuditBusy);
        assert.match(error.message, /another audit is writing into this database/);
        assert.match(error.message, new RegExp(`${GUARD} of role postgres, server process ${guard!["pid"]}, `));
        assert.match(error.message, /connected since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/);
        return true;
      });
      // another database of the same server is no concern of theirs
      await withCopy("small-postagg", (other) => auditWell(other, datasetInfo("small-postagg")));
    } finally {
      await holder.close();
    }
    await waitForSessions(sql);
    await auditWell(url, datasetInfo(DATASET));
  });
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * An audit that is killed, loses its connections, or is not alone: whatever happens, nothing half-written stays, and the
 * next run ends where an undisturbed one would have ended.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  auditDataset,
  auditorState,
  auditWell,
  connectToTest,
  noteAbsence,
  ownState,
  planOf,
  withCopy,
} from "../support/audit.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { spoil } from "../support/hostile.ts";
import { AuditBusy, type AuditPlan, openAuditor, runAudit } from "../../core/audit/run.ts";
import { isRetryable, type Sql } from "../../core/db/connect.ts";
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

/** What an undisturbed run leaves, and how long it takes, ms; audited once per process. */
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
  return { ended, started: started.promise, kill: () => child.kill("SIGKILL") };
}

/** Waits for the end of the sessions of a process that is gone: its lock lives as long as they do. */
async function waitForSessions(sql: Sql): Promise<void> {
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
  // every slice of the run once, in random order
  const moments = Array.from(
    { length: DATABASES * KILLS_EACH },
    (_, i, { length } = { length: 20 }) => duration * (i + random.below(1000) / 1000) / length,
  );
  for (let i = moments.length - 1; i > 0; i--) {
    const other = random.below(i + 1);
    [moments[i], moments[other]] = [moments[other]!, moments[i]!];
  }
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
  assert.ok(killed >= 10, `only ${killed} of ${moments.length} runs were killed before their end`);
});

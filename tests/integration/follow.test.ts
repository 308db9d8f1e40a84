// SPDX-License-Identifier: AGPL-3.0-or-later
/** The continuous audit beside an exchange that is at work: a simulation writes day by day, and then cheats. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { followAudit } from "../../core/audit/follow.ts";
import { ALL_PASSES, type AuditPlan, type AuditReport } from "../../core/audit/run.ts";
import type { Sql } from "../../core/db/connect.ts";
import { injectAuditorTriggers } from "../../core/exchange/schema.ts";
import { bankOf } from "../../core/simulator/bank.ts";
import { commitFrauds } from "../../core/simulator/frauds.ts";
import type { Simulation } from "../../core/simulator/simulation.ts";
import { compareFindings, openChecks } from "../../core/simulator/verdict.ts";
import { writeExchange } from "../../core/simulator/writer.ts";
import { DAY } from "../../core/taler/time.ts";
import { connectToTest } from "../support/audit.ts";
import { auditSettings, simulate, withSchemas } from "../support/simulation.ts";

/** An hour: only notifications wake the audit within the test. */
const INTERVAL_MS = 3_600_000;

interface Live {
  simulation: Simulation;
  /** Days that are over. */
  days: number;
  reports: AuditReport[];
  troubles: Error[];
}

function planOf(url: string, live: Live): AuditPlan {
  const open = () => connectToTest(url);
  return {
    settings: auditSettings(live.simulation),
    passes: ALL_PASSES.map((p) => p.name),
    now: 0n,
    internal: true,
    workers: 2,
    openExchange: open,
    openAuditor: open,
    openBank: () => Promise.resolve(bankOf(live.simulation, live.days)),
  };
}

/** Follows while `body` is at work, and insists on a quick end. */
async function following(url: string, live: Live, body: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const ended = followAudit(planOf(url, live), {
    interval_ms: INTERVAL_MS,
    settle_ms: 200,
    signal: stop.signal,
    clock: () => live.simulation.options.start + BigInt(live.days) * DAY,
    report: (report) => void live.reports.push(report),
    trouble: (error) => void live.troubles.push(error),
  });
  let asked = 0;
  try {
    await Promise.race([body(), ended.then(() => assert.fail("the audit ended by itself"))]);
  } finally {
    asked = performance.now();
    stop.abort();
    await ended;
  }
  assert.ok(performance.now() - asked < 1000, "ends within a second");
  for (const report of live.reports) assert.deepEqual(report.passes.filter((p) => p.failure !== undefined), []);
  assert.deepEqual(live.troubles, []);
}

/** Waits until a condition holds; returns how long that took, ms. */
async function until(what: string, holds: () => Promise<boolean>, limit_ms: number): Promise<number> {
  const began = performance.now();
  while (!await holds()) {
    if (performance.now() - began > limit_ms) assert.fail(`${what}: not within ${limit_ms} ms`);
    await delay(20);
  }
  return performance.now() - began;
}

/** True when every row of reserves_out has been audited. */
async function upToDate(sql: Sql): Promise<boolean> {
  const [row] = await sql`SELECT
    (SELECT progress_offset FROM auditor.auditor_progress WHERE progress_key = 'reserves_reserve_out_serial_id') AS at,
    (SELECT max(reserve_out_serial_id) FROM exchange.reserves_out) AS last`;
  return row!["at"] >= row!["last"];
}

Deno.test("follow: an exchange at work has no findings, a fraud is one within two seconds", () =>
  withSchemas(async (sql, url) => {
    const live: Live = { simulation: simulate({ days: 8, customers: 6 }), days: 2, reports: [], troubles: [] };
    await writeExchange(sql, live.simulation, { days: 2 });
    await injectAuditorTriggers(sql);
    await following(url, live, async () => {
      await until("first run", () => Promise.resolve(live.reports.length > 0), 20_000);
      for (let day = 3; day <= 8; day++) {
        live.days = day;
        await writeExchange(sql, live.simulation, { from: day - 1, days: day });
        await until(`day ${day}`, () => upToDate(sql), 5000);
      }
      assert.deepEqual(await openChecks(sql), [], "an honest exchange");
      const [fraud] = await commitFrauds(sql, live.simulation, ["altered-deposit"]);
      const found = async () => {
        const difference = compareFindings(fraud!.expected, await openChecks(sql));
        return difference.missing.length + difference.unexpected.length === 0;
      };
      const ms = await until("the fraud", found, 2000);
      // deno-lint-ignore no-console -- a measurement, for the reader of the test's output
      console.info(`    found after ${ms.toFixed(0)} ms`);
    });
  }));

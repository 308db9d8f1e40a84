// SPDX-License-Identifier: AGPL-3.0-or-later
/** An audit that is killed at any moment: nothing half-written stays, and the next run ends as an undisturbed one. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { randomOf } from "../../core/simulator/random.ts";
import { auditWell, noteAbsence, withCopy } from "../support/audit.ts";
import { assertSame, DATASET, FRAUDS, traces, undisturbed, waitForSessions, within } from "../support/disturbance.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { spoil } from "../support/hostile.ts";

const names = datasetNames();
noteAbsence(names);
const ignore = names.length === 0;

/** How often audits are killed before their end, and how often that of one database before it may finish. */
const KILLS = 20;
const KILLS_EACH = 4;
/** On a machine with other things to do, fewer kills must be enough. */
const MOST_TIME_MS = 45_000;
/** A first guess at how long a run takes; runs that come to their end correct it. */
const SLOWEST_RUN_MS = 2500;

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

// SPDX-License-Identifier: AGPL-3.0-or-later
/** One run of one pass on a database of the test server, read in a snapshot and committed as the engine does it. */
import { type AuditSettings, type PassContext, PassRun, PassStopped } from "../../core/audit/pass.ts";
import type { Pass, PassReport } from "../../core/audit/run.ts";
import type { VerifyPool } from "../../core/audit/pool.ts";
import { commitRun, loadCounters, loadProgress, loadStanding } from "../../core/audit/store.ts";
import { addKeys, type KeyRing, runTasks } from "../../core/audit/tasks.ts";
import type { BankHistory } from "../../core/bank/history.ts";
import { openSnapshot } from "../../core/db/snapshot.ts";
import { connectToTest } from "./audit.ts";

/** What a test may choose of a run. */
export interface OnePassChoice {
  now: bigint;
  internal?: boolean;
  pageRows?: number;
  portionRows?: number;
  limits?: ReadonlyMap<string, bigint>;
  /** What the bank says, for the passes that need it. */
  bank?: BankHistory;
}

/** A pool that verifies where it is asked, and counts. */
function inlinePool(): ReturnType<VerifyPool["counting"]> {
  const ring: KeyRing = new Map();
  const counts = { ed25519: 0, rsa: 0, cs: 0 };
  const pool: ReturnType<VerifyPool["counting"]> = {
    counts,
    addKeys: (keys) => addKeys(ring, keys),
    run: (tasks) => {
      counts.ed25519 += tasks.counts.ed25519;
      return Promise.resolve(Uint8Array.from(tasks.take().flatMap((b) => [...runTasks(ring, b.bytes, b.tasks)])));
    },
    counting: () => pool,
    close: () => {},
  };
  return pool;
}

/** Runs a pass once and commits it; a failure of the pass is thrown. */
export async function runOnePass(
  url: string,
  pass: Pass,
  settings: AuditSettings,
  choice: OnePassChoice,
): Promise<Pick<PassReport, "rows" | "signatures" | "opened" | "changed" | "resolved" | "wrote">> {
  const auditor = await connectToTest(url);
  const pool = inlinePool();
  try {
    const snapshot = await openSnapshot(() => connectToTest(url), 1);
    try {
      const context: PassContext = {
        settings,
        now: choice.now,
        internal: choice.internal ?? true,
        source: snapshot.connections[0]!,
        auditor,
        pool,
        pageRows: choice.pageRows ?? 4000,
        portionRows: choice.portionRows ?? 4000,
        limits: choice.limits,
        bank: choice.bank,
      };
      const progressKeys = typeof pass.progressKeys === "function"
        ? pass.progressKeys(settings.accounts ?? [])
        : pass.progressKeys;
      const total = { rows: 0n, signatures: pool.counts, opened: 0, changed: 0, resolved: 0, wrote: false };
      for (let more = true; more;) {
        const { done, rows, again } = await runPortion(pass, context, progressKeys);
        total.rows += rows;
        total.opened += done.opened;
        total.changed += done.changed;
        total.resolved += done.resolved;
        total.wrote ||= done.wrote;
        more = again;
      }
      return total;
    } finally {
      await snapshot.close();
    }
  } finally {
    await auditor.end({ timeout: 1 });
  }
}

/** Runs a portion of a pass and commits it. */
async function runPortion(pass: Pass, context: PassContext, progressKeys: readonly string[]) {
  const { auditor, pool } = context;
  const stored = await loadStanding(auditor, pass.name);
  const points = await loadProgress(auditor, progressKeys);
  const run = new PassRun(pass.name, context, stored, points, await loadCounters(auditor, "x:"));
  await run.begin();
  let stopped: PassStopped | undefined;
  try {
    await pass.run(run);
  } catch (error) {
    if (!(error instanceof PassStopped)) throw error;
    run.abandon();
    stopped = error;
  }
  const facts = {
    pass: pass.name,
    clock: context.now,
    started: 0n,
    rows: run.rows,
    signatures: { ...(pool as ReturnType<VerifyPool["counting"]>).counts },
    balanceKeys: pass.balanceKeys,
    progressKeys,
    silentWhenEmpty: false,
  };
  const done = await commitRun(auditor, facts, run.book, stored, run.allWrites());
  if (stopped !== undefined) throw stopped;
  return { done, rows: run.rows, again: run.more };
}

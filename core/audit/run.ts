// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * One run of the audit: one snapshot of the exchange's database, the passes on it, and a commit for each.
 *
 * Passes that do not need each other work at the same time, each on its own connection inside the snapshot; they commit
 * one after another in a fixed order, so that the numbering of findings does not depend on timing.
 */
import type { BankHistory } from "../bank/history.ts";
import { requireAuditorSchema } from "../db/auditor-detect.ts";
import { isRetryable, type Sql } from "../db/connect.ts";
import { openSnapshot } from "../db/snapshot.ts";
import { requireExchangeSchema } from "../exchange/detect.ts";
import { AmountOverflow } from "../taler/amount.ts";
import {
  type AuditedAccount,
  type AuditSettings,
  type PassContext,
  PassRun,
  PassStopped,
  type Progress,
  type SharedVerdicts,
} from "./pass.ts";
import { aggregationPass } from "./passes/aggregation/pass.ts";
import { coinsPass } from "./passes/coins/pass.ts";
import { depositsPass } from "./passes/deposits/pass.ts";
import { pursesPass } from "./passes/purses/pass.ts";
import { reservesPass } from "./passes/reserves/pass.ts";
import { transferPass } from "./passes/transfer/pass.ts";
import { wireCreditPass } from "./passes/wire-credit/pass.ts";
import { wireDebitPass } from "./passes/wire-debit/pass.ts";
import { startVerifyPool, type VerifyPool } from "./pool.ts";
import { storeFigures } from "./reconciliation.ts";
import { requireSubject } from "./subject.ts";
import { commitRun, loadCounters, loadProgress, loadStanding } from "./store.ts";
import type { SignatureKind } from "./tasks.ts";

/** A pass as the engine knows it. */
export interface Pass {
  name: string;
  balanceKeys: readonly string[];
  /** Some depend on the accounts that are audited. */
  progressKeys: readonly string[] | ((accounts: readonly AuditedAccount[]) => readonly string[]);
  /** As long as it has read nothing, it leaves no trace in the database (audit chapter 4a). */
  silentWhenEmpty?: boolean;
  run(run: PassRun): Promise<void>;
}

/** All passes, in the order in which they commit. */
export const ALL_PASSES: readonly Pass[] = [
  reservesPass,
  coinsPass,
  { ...aggregationPass, silentWhenEmpty: true },
  pursesPass,
  depositsPass,
  transferPass,
  wireCreditPass,
  wireDebitPass,
];

/** Passes that need the bank's history. */
export const BANK_PASSES: readonly string[] = [wireCreditPass.name, wireDebitPass.name];

/** What a run is to do. */
export interface AuditPlan {
  settings: AuditSettings;
  /** Names of passes; their order does not matter. */
  passes: readonly string[];
  /** The time by which to judge, µs. */
  now: bigint;
  internal: boolean;
  /** Verification threads. */
  workers: number;
  /** Opens a connection of its own to the exchange's database, or to the trusted copy. */
  openExchange: () => Promise<Sql>;
  /** Opens a connection of its own to the auditor database. */
  openAuditor: () => Promise<Sql>;
  /** Opens the bank's history, for the passes that need it. */
  openBank?: (() => Promise<BankHistory>) | undefined;
  /** Rows per page. */
  pageRows?: number;
  /** Rows that a pass which holds both sides of transfers takes at once; by default 100,000. */
  portionRows?: number;
  limits?: ReadonlyMap<string, bigint>;
  progress?: ((p: Progress) => void) | undefined;
}

/** What a pass did. */
export interface PassReport {
  pass: string;
  rows: bigint;
  signatures: Record<SignatureKind, number>;
  seconds: number;
  opened: number;
  changed: number;
  resolved: number;
  wrote: boolean;
  /** What limits its verdicts. */
  warnings: string[];
  /** Why the pass could not finish, if it could not. */
  failure?: { kind: "overflow" | "stopped" | "error"; message: string };
}

/** What a run did. */
export interface AuditReport {
  passes: PassReport[];
  warnings: string[];
}

const DEFAULT_PAGE_ROWS = 4000;
/** About 300 MB in the pass wire-debit. */
const DEFAULT_PORTION_ROWS = 100_000;
/** Attempts at a run that fails for a passing reason (D-1). */
const ATTEMPTS = 3;

/** Someone else is auditing into the same database. */
export class AuditBusy extends Error {
  override name = "AuditBusy";
}

/**
 * Runs the passes once, incrementally.
 *
 * @throws DatabaseError, SchemaRefused, OtherExchange, AuditBusy before anything was audited; what happens inside a pass is reported
 */
export async function runAudit(plan: AuditPlan): Promise<AuditReport> {
  const auditor = await openAuditor(plan);
  try {
    return await auditor.run(plan.passes, plan.now);
  } finally {
    await auditor.close();
  }
}

/** An auditor that holds its lock and its verification threads over several runs. */
export interface Auditor {
  /** Runs passes once. */
  run(passes: readonly string[], now: bigint): Promise<AuditReport>;
  /** Ends everything at once; a run under way fails, and nothing of it is left. */
  close(): Promise<void>;
}

/**
 * Takes the lock of the auditor database and starts the verification threads.
 * @throws AuditBusy when someone else has the lock, DatabaseError
 */
export async function openAuditor(plan: AuditPlan): Promise<Auditor> {
  const opened = new Set<Sql>();
  const tracked = (open: () => Promise<Sql>) => async () => {
    const sql = await open();
    opened.add(sql);
    return sql;
  };
  const own = { ...plan, openExchange: tracked(plan.openExchange), openAuditor: tracked(plan.openAuditor) };
  let guard = await own.openAuditor();
  try {
    await lock(guard);
  } catch (error) {
    await guard.end({ timeout: 1 });
    throw error;
  }
  const pool = startVerifyPool(plan.workers);
  const schemas = new SchemaCheck();
  const attempt = async (passes: readonly string[], now: bigint) => {
    await lock(guard);
    const report = await attemptAudit({ ...own, passes, now }, pool, guard, schemas);
    opened.clear();
    opened.add(guard);
    return report;
  };
  return {
    async run(passes, now) {
      for (let attempts = 1;; attempts++) {
        try {
          return await attempt(passes, now);
        } catch (error) {
          if (attempts === ATTEMPTS || !isRetryable(error)) throw error;
          await guard.end({ timeout: 0 });
          guard = await own.openAuditor();
        }
      }
    },
    async close() {
      pool.close();
      await Promise.allSettled([...opened].map((sql) => sql.end({ timeout: 0 })));
    },
  };
}

/** How long a schema that was recognised is taken for granted, ms. */
const SCHEMA_TRUST_MS = 600_000;

/** Recognises both schemas, and remembers that it did: a continuous audit would spend most of its time on it. */
class SchemaCheck {
  #warnings: string[] = [];
  #until = 0;

  async warnings(exchange: Sql, auditor: Sql): Promise<string[]> {
    if (performance.now() < this.#until) return [];
    const accepted = await Promise.all([requireExchangeSchema(exchange), requireAuditorSchema(auditor)]);
    this.#until = performance.now() + SCHEMA_TRUST_MS;
    const warnings = accepted.flatMap((a) => a.warnings);
    if (warnings.join() === this.#warnings.join()) return [];
    this.#warnings = warnings;
    return warnings;
  }
}

async function attemptAudit(plan: AuditPlan, pool: VerifyPool, guard: Sql, schemas: SchemaCheck): Promise<AuditReport> {
  const passes = ALL_PASSES.filter((p) => plan.passes.includes(p.name));
  const snapshot = await openSnapshot(plan.openExchange, passes.length);
  try {
    const warnings = await schemas.warnings(snapshot.connections[0]!, guard);
    await requireSubject(guard, plan.settings);
    const reports = await runPasses(plan, pool, passes, snapshot.connections);
    await storeFigures(guard, plan.now);
    return { passes: reports, warnings: [...new Set([...warnings, ...reports.flatMap((r) => r.warnings)])] };
  } finally {
    await snapshot.close();
  }
}

/** Two numbers that stand for "an audit into this database" among the advisory locks of a server. */
const LOCK = [0x7461, 0x6c65] as const;

/**
 * Takes the lock unless this connection has it. The client connects anew when a connection is lost while it is idle,
 * and the lock went with it.
 * @throws AuditBusy
 */
async function lock(sql: Sql): Promise<void> {
  const [held] = await sql`SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    AND classid = ${LOCK[0]} AND objid = ${LOCK[1]} AND granted) AS held`;
  if (held!["held"] === true) return;
  const [row] = await sql`SELECT pg_try_advisory_lock(${LOCK[0]}, ${LOCK[1]}) AS locked`;
  if (row!["locked"] === true) return;
  const holders = await sql`SELECT a.pid, a.application_name, a.usename,
      to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.classid = ${LOCK[0]} AND l.objid = ${LOCK[1]} AND l.granted
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  const who = holders.map((h) =>
    `${h["application_name"]} of role ${h["usename"]}, server process ${h["pid"]}, ` +
    `connected since ${h["since"]}`
  ).join("; ");
  throw new AuditBusy(`another audit is writing into this database: ${who || "unknown"}`);
}

async function runPasses(
  plan: AuditPlan,
  pool: VerifyPool,
  passes: Pass[],
  connections: Sql[],
): Promise<PassReport[]> {
  const names = passes.map((p) => p.name);
  const shared = names.includes("coins") && names.includes("aggregation")
    ? { badCoins: Promise.withResolvers<ReadonlySet<bigint>>() }
    : undefined;
  shared?.badCoins.promise.catch(() => {}); // the pass that waits for it sees it
  const reports: Promise<PassReport>[] = [];
  passes.forEach((pass, i) => {
    const before = reports.at(-1) ?? Promise.resolve();
    const report = runPass(plan, pool, pass, connections[i]!, before, shared)
      .finally(() => pass.name === "coins" && shared?.badCoins.reject(new Error("the coins pass ended early")));
    report.catch(() => {}); // awaited below
    reports.push(report);
  });
  // a run is repeated only when nothing of it is under way any more
  await Promise.allSettled(reports);
  return await Promise.all(reports);
}

const NOTHING_DONE = { rows: 0n, seconds: 0, opened: 0, changed: 0, resolved: 0, wrote: false };

/** Runs one pass and commits it, after `turn`. */
async function runPass(
  plan: AuditPlan,
  pool: VerifyPool,
  pass: Pass,
  source: Sql,
  turn: Promise<unknown>,
  shared: SharedVerdicts | undefined,
): Promise<PassReport> {
  const started = performance.now();
  const startedAt = BigInt(Date.now()) * 1000n;
  const counted = pool.counting();
  const report: PassReport = { pass: pass.name, signatures: counted.counts, warnings: [], ...NOTHING_DONE };
  const auditor = await plan.openAuditor();
  let bank: BankHistory | undefined;
  try {
    if (BANK_PASSES.includes(pass.name)) bank = await openHistory(plan);
    const progressKeys = typeof pass.progressKeys === "function"
      ? pass.progressKeys(plan.settings.accounts ?? [])
      : pass.progressKeys;
    const context: PassContext = {
      settings: plan.settings,
      now: plan.now,
      internal: plan.internal,
      source,
      auditor,
      pool: counted,
      bank,
      shared,
      pageRows: plan.pageRows ?? DEFAULT_PAGE_ROWS,
      portionRows: plan.portionRows ?? DEFAULT_PORTION_ROWS,
      limits: plan.limits,
      progress: plan.progress,
      warn: (message) => report.warnings.push(message),
    };
    for (let more = true; more;) {
      report.warnings.length = 0; // the last portion knows best
      more = await runPortion(pass, context, { startedAt, turn, progressKeys }, report);
    }
  } catch (error) {
    if (isRetryable(error)) throw error;
    report.failure = {
      kind: error instanceof AmountOverflow ? "overflow" : "error",
      message: error instanceof Error ? error.message : String(error),
    };
  } finally {
    report.seconds = (performance.now() - started) / 1000;
    await bank?.close();
    await auditor.end({ timeout: 1 });
  }
  return report;
}

/** Runs a pass over a portion of what is new and commits that; tells whether there is more. */
async function runPortion(
  pass: Pass,
  context: PassContext,
  { startedAt, turn, progressKeys }: { startedAt: bigint; turn: Promise<unknown>; progressKeys: readonly string[] },
  report: PassReport,
): Promise<boolean> {
  const { auditor } = context;
  const stored = await loadStanding(auditor, pass.name);
  const points = await loadProgress(auditor, progressKeys);
  const run = new PassRun(pass.name, context, stored, points, await loadCounters(auditor, "x:"));
  await run.begin();
  const stopped = await finish(pass, run);
  if (stopped !== undefined) report.failure = stopped;
  report.rows += run.rows;
  await turn;
  const facts = {
    pass: pass.name,
    clock: context.now,
    started: startedAt,
    rows: run.rows,
    signatures: report.signatures,
    balanceKeys: pass.balanceKeys,
    progressKeys,
    silentWhenEmpty: pass.silentWhenEmpty === true,
  };
  const done = await commitRun(auditor, facts, run.book, stored, run.allWrites());
  report.opened += done.opened;
  report.changed += done.changed;
  report.resolved += done.resolved;
  report.wrote ||= done.wrote;
  return run.more && stopped === undefined;
}

/** Opens the bank's history. That it cannot be had is a failure of this pass and none of the others. */
async function openHistory(plan: AuditPlan): Promise<BankHistory | undefined> {
  try {
    return await plan.openBank?.();
  } catch (error) {
    throw new Error(`the bank's history cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Runs the stages. A stopped pass keeps only the finding that says why. */
async function finish(pass: Pass, run: PassRun): Promise<PassReport["failure"]> {
  try {
    await pass.run(run);
    return undefined;
  } catch (error) {
    if (!(error instanceof PassStopped)) throw error;
    run.abandon();
    return { kind: "stopped", message: error.message };
  }
}

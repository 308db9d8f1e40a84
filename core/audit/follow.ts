// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * A continuous audit: runs passes when the exchange's database says that something happened, and on a timer.
 *
 * Notifications only say when to look; what to look at, the progress points know. They come from triggers in the
 * exchange's copy and from the web service's insertions into the auditor database (sync chapter D). Without triggers
 * the timer alone drives the audit.
 */
import { isRetryable, type Sql } from "../db/connect.ts";
import { ALL_PASSES, type AuditPlan, type AuditReport, openAuditor } from "./run.ts";

/** Notification channels as PostgreSQL folds them, with the passes they wake (sync chapter D.1). */
const EXCHANGE_CHANNELS: Record<string, readonly string[]> = {
  xwrpz889fpa6tmgj15jvtcmkefvjewcekf1tezhtdqhbysv49m31g: ["aggregation"],
  x5v5r0ddfmxs0r3w058r3w4rpdvmk35yzcs0s5vzs583j0nr0pe2g: ["coins"],
  x908g8pnpmjya59yggtjnd1tktbfng8c7trehg3x5sj9eqajy4z00: ["purses"],
  xzd0fasmjd3xcy3z0cgxnjq8cmwscw80jn6796098n71cxph70tq0: ["deposits"],
  xmf69rjqb7en06kgsq02vfd3723ce86vxa5gre8h7xnns6bdyf0g0: ["reserves"],
  x1ryysts139mbhvexj6czzty76mameef87srrwc8wm00hccw6d12g: ["transfer", "wire-credit", "wire-debit"],
};
const AUDITOR_CHANNELS: Record<string, readonly string[]> = {
  xx81afhf88ygn6esnh39kr5vqe9mhd7gssnmtcxb82sz6t99arhe0: ["deposits"],
};

/** How a continuous audit goes about it. */
export interface FollowOptions {
  /** All passes run at least this often, ms. */
  interval_ms: number;
  /** Notifications are collected for this long before a run, ms. */
  settle_ms: number;
  signal: AbortSignal;
  /** The time to judge by at a given moment, µs. */
  clock: () => bigint;
  /** Called after each run. */
  report: (report: AuditReport) => void | Promise<void>;
  /** Called when the audit could not run and will be tried again. */
  trouble: (error: Error, retry_ms: number) => void;
}

/** Longest pause between attempts while a database is away, ms. */
const LONGEST_PAUSE_MS = 30_000;

/** Collects what is to be run, and wakes the loop. */
class Agenda {
  #due = new Set<string>();
  #wake: (() => void) | undefined;

  add(passes: Iterable<string>): void {
    for (const pass of passes) this.#due.add(pass);
    this.#wake?.();
  }

  take(): string[] {
    const due = [...this.#due];
    this.#due.clear();
    return due;
  }

  /** Resolves when something is due, the time is over, or the signal is given. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#due.size > 0 || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const wake = () => resolve();
    signal.addEventListener("abort", wake, { once: true });
    this.#wake = wake;
    await promise;
    this.#wake = undefined;
    signal.removeEventListener("abort", wake);
    clearTimeout(timer);
  }
}

/**
 * Audits until the signal is given. A run under way is then broken off: nothing of it is committed.
 *
 * @throws AuditBusy, DatabaseError, SchemaRefused when the audit cannot even begin
 */
export async function followAudit(plan: AuditPlan, options: FollowOptions): Promise<void> {
  const { signal } = options;
  const passes = ALL_PASSES.map((p) => p.name).filter((name) => plan.passes.includes(name));
  const agenda = new Agenda();
  let pause_ms = 0;
  for (let started = false; !signal.aborted;) {
    try {
      await followConnected(plan, options, agenda, passes, () => {
        started = true;
        pause_ms = 0;
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!started || !isRetryable(error)) throw error;
      pause_ms = Math.min(LONGEST_PAUSE_MS, Math.max(500, pause_ms * 2));
      options.trouble(error as Error, pause_ms);
      await new Agenda().wait(pause_ms, signal);
    }
  }
}

/** Follows for as long as the databases are there. */
async function followConnected(
  plan: AuditPlan,
  options: FollowOptions,
  agenda: Agenda,
  passes: string[],
  running: () => void,
): Promise<void> {
  const { signal } = options;
  const auditor = await openAuditor(plan);
  const listeners: Sql[] = [];
  const stop = () => void auditor.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await listen(await keep(plan.openExchange, listeners), EXCHANGE_CHANNELS, agenda, passes);
    await listen(await keep(plan.openAuditor, listeners), AUDITOR_CHANNELS, agenda, passes);
    agenda.add(passes);
    let next = 0;
    while (!signal.aborted) {
      await agenda.wait(Math.max(0, next - Date.now()), signal);
      if (signal.aborted) return;
      await new Agenda().wait(options.settle_ms, signal);
      if (Date.now() >= next) {
        agenda.add(passes);
        next = Date.now() + options.interval_ms;
      }
      const report = await auditor.run(agenda.take(), options.clock());
      if (signal.aborted) return; // broken off on purpose: its failures are none
      running();
      await options.report(report);
    }
  } finally {
    signal.removeEventListener("abort", stop);
    await auditor.close();
    await Promise.allSettled(listeners.map((sql) => sql.end({ timeout: 0 })));
  }
}

async function keep(open: () => Promise<Sql>, list: Sql[]): Promise<Sql> {
  const sql = await open();
  list.push(sql);
  return sql;
}

async function listen(
  sql: Sql,
  channels: Record<string, readonly string[]>,
  agenda: Agenda,
  passes: string[],
): Promise<void> {
  for (const [channel, wakes] of Object.entries(channels)) {
    const wanted = wakes.filter((p) => passes.includes(p));
    if (wanted.length > 0) await sql.listen(channel, () => agenda.add(wanted));
  }
}

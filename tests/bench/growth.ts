// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a measurement prints
/**
 * What a run with little news costs on a large exchange: `deno run -A tests/bench/growth.ts [SIZES] [DATASET]`.
 *
 * SIZES are numbers of deposits, ascending, with commas (default 100000,1000000,4000000). A golden dataset is audited,
 * grown to each size by rows that count as audited, and audited again: each pass alone, without news and with a few new
 * rows in every table, then all eight together. Prints seconds by pass and size, and the statements that took longest.
 * The first run at a size is the first of its day: what passes do once in a day is shown by it alone.
 */
import { ALL_PASSES, type Auditor, type AuditPlan, openAuditor } from "../../core/audit/run.ts";
import { connectTo, type Sql } from "../../core/db/connect.ts";
import { startServer } from "../../core/db/server.ts";
import { DAY } from "../../core/taler/time.ts";
import { settingsOf } from "../support/audit.ts";
import { asBankHistory, recordedHistory } from "../support/bank-golden.ts";
import { datasetInfo, loadDataset } from "../support/golden.ts";
import { addNews, grow, NEWS, noteDeposits } from "./grow.ts";

const NAMES = ALL_PASSES.map((p) => p.name);
/** Statements that take longer are named, ms. */
const SLOW_MS = 20;
const ROUNDS = 3;
/** Numbers that are made in one transaction. */
const STEP = 200_000n;

/** What statements took longest, by the place in the table of results. */
const slow = new Map<string, Map<string, number>>();
let place = "";

function note(text: string, started: number): void {
  const ms = performance.now() - started;
  if (ms < SLOW_MS || place === "") return;
  const known = slow.get(place) ?? new Map<string, number>();
  slow.set(place, known);
  const short = text.replace(/\s+/g, " ").trim();
  known.set(short, Math.max(ms, known.get(short) ?? 0));
}

/** A connection whose statements are timed on this side; those of transactions are not. */
function timed(sql: Sql): Sql {
  return new Proxy(sql, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (name !== "unsafe") return typeof value === "function" ? value.bind(target) : value;
      return (text: string, ...rest: []) => {
        const started = performance.now();
        const query = target.unsafe(text, ...rest);
        query.then(() => note(text, started), () => {});
        return query;
      };
    },
    apply(target, self, args) {
      const query: unknown = Reflect.apply(target as never, self, args);
      const started = performance.now();
      if (query instanceof Promise) {
        query.then(() => note((args[0] as TemplateStringsArray).raw.join("…"), started), () => {});
      }
      return query;
    },
  });
}

/** Results in ms: row (pass and kind of run) to size to time. */
type Results = Map<string, Map<string, number>>;

function keep(results: Results, row: string, size: string, ms: number): void {
  const sizes = results.get(row) ?? new Map<string, number>();
  results.set(row, sizes);
  sizes.set(size, ms);
}

const median = (times: number[]) => times.sort((a, b) => a - b)[times.length >> 1]!;

interface Bench {
  sql: Sql;
  auditor: Auditor;
  results: Results;
  /** The first number of which nothing was made yet; a multiple of {@link NEWS}, and 1. */
  next: bigint;
}

async function timeRun(b: Bench, passes: readonly string[], now: bigint): Promise<number> {
  await b.auditor.run([], now); // both schemas are recognised once in ten minutes
  const started = performance.now();
  const report = await b.auditor.run(passes, now);
  const ms = performance.now() - started;
  for (const { pass, failure } of report.passes) {
    if (failure !== undefined) throw new Error(`${pass}: ${failure.message}`);
  }
  return ms;
}

async function measure(b: Bench, size: string, now: bigint): Promise<void> {
  for (const passes of [...NAMES.map((name) => [name]), NAMES]) {
    const name = passes.length > 1 ? "all eight" : passes[0]!;
    place = `${name}, first of the day, ${size}`;
    keep(b.results, `${name}, first of the day`, size, await timeRun(b, passes, now));
    place = `${name}, no news, ${size}`;
    const idle: number[] = [], news: number[] = [];
    for (let i = 0; i < ROUNDS; i++) idle.push(await timeRun(b, passes, now));
    place = `${name}, a few rows, ${size}`;
    for (let i = 0; i < ROUNDS; i++) {
      await addNews(b.sql, b.next);
      b.next += NEWS;
      news.push(await timeRun(b, passes, now));
    }
    place = "";
    keep(b.results, `${name}, no news`, size, median(idle));
    keep(b.results, `${name}, a few rows`, size, median(news));
  }
}

function show(results: Results, sizes: readonly string[]): void {
  console.log(["ms".padEnd(32), ...sizes.map((s) => s.padStart(9))].join(" "));
  for (const [row, times] of results) {
    console.log([row.padEnd(32), ...sizes.map((s) => (times.get(s)?.toFixed(0) ?? "").padStart(9))].join(" "));
  }
  for (const [where, statements] of slow) {
    for (const [text, ms] of [...statements].sort(([, a], [, b]) => b - a).slice(0, 4)) {
      console.log(`${where}: ${ms.toFixed(0)} ms: ${text.slice(0, 220)}`);
    }
  }
}

async function main(sizes: string[], dataset: string): Promise<void> {
  const info = datasetInfo(dataset);
  const server = await startServer({
    settings: { shared_buffers: "1GB", work_mem: "16MB", max_wal_size: "8GB" },
  });
  try {
    const url = await loadDataset(server, dataset);
    const sql = await connectTo(url, { searchPath: [], applicationName: "taler-auditor bench" });
    const open = async () => timed(await connectTo(url, { searchPath: [], applicationName: "taler-auditor bench" }));
    const plan: AuditPlan = {
      settings: settingsOf(info),
      passes: NAMES,
      now: info.audit_now_us,
      internal: true,
      workers: 1,
      openExchange: open,
      openAuditor: open,
      openBank: () => Promise.resolve(asBankHistory(recordedHistory(info.account_section, dataset))),
    };
    const b: Bench = { sql, auditor: await openAuditor(plan), results: new Map(), next: 1n };
    await timeRun(b, NAMES, plan.now);
    let day = 0n;
    for (const size of sizes) {
      const started = performance.now();
      for (const end = BigInt(size); b.next <= end;) {
        const last = b.next + STEP - 1n < end ? b.next + STEP - 1n : end;
        await grow(sql, b.next, last);
        b.next = last + 1n;
      }
      await noteDeposits(sql);
      console.log(`grown to ${size} in ${((performance.now() - started) / 1000).toFixed(0)} s`);
      await measure(b, size, plan.now + ++day * DAY + 1_000_000n);
      show(b.results, sizes);
    }
    await b.auditor.close();
    await sql.end();
  } finally {
    await server.stop();
  }
}

if (import.meta.main) {
  await main((Deno.args[0] ?? "100000,1000000,4000000").split(","), Deno.args[1] ?? "bench-mid");
  Deno.exit(0);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The auditor database as the engine uses it: what an earlier run left, and the one transaction that commits a run.
 */
import type { Sql } from "../db/connect.ts";
import { AmountOverflow, FRACTION_BASE, MAX_AMOUNT } from "../taler/amount.ts";
import { type Book, type Effects, type EventEntry, inAuditOrder, type StandingEntry } from "./book.ts";
import type { Column } from "./findings.ts";

/** A standing finding as an earlier run left it. */
export interface StoredStanding {
  check: string;
  table: string;
  row: bigint;
  content: Record<string, Column>;
  effects: Effects;
}

/** Rows to insert, replace or remove in a state table; columns as JSON. */
export interface StateWrite {
  table: string;
  key: string[];
  upsert: Record<string, unknown>[];
  remove: Record<string, unknown>[];
  /** Not worth a commit by itself: written only if something else is. */
  tidy?: true;
}

/** What a run is, for its journal. */
export interface RunFacts {
  pass: string;
  /** The time by which the run judged, µs. */
  clock: bigint;
  /** When the run began by the wall clock, µs. */
  started: bigint;
  rows: bigint;
  signatures: Record<string, number>;
  /** Every balance of the pass; they are created as zero (audit chapter 1.5). */
  balanceKeys: readonly string[];
  /** Every progress point of the pass. */
  progressKeys: readonly string[];
  /** A pass that found nothing to read yet leaves no trace (aggregation); all others create their keys at once. */
  silentWhenEmpty: boolean;
}

/** What a commit did to the findings. */
export interface CommitSummary {
  opened: number;
  changed: number;
  resolved: number;
  /** Whether anything was written. */
  wrote: boolean;
}

/** Rows per statement: keeps the JSON of one statement to a few MB. */
const CHUNK = 5000;

/** Finding tables that allow one row per subject; a second report replaces the first (D-6). */
const KEYED_FINDINGS: Record<string, string> = {
  denominations_without_sigs: "denompub_h",
  reserve_not_closed_inconsistency: "reserve_pub",
};

/** The standing findings of a pass, and the number of the last run that changed anything of it. */
export type StoredFindings = Map<string, StoredStanding> & { lastRun: bigint };

/** Something of the pass was committed since this run read its state: it must be repeated (SQLSTATE 40001). */
class Overtaken extends Error {
  override name = "Overtaken";
  readonly code = "40001";
}

async function lastRunOf(sql: Sql, pass: string): Promise<bigint> {
  const [row] =
    await sql`SELECT coalesce(max(run_id), 0)::int8 AS last FROM auditor.auditor_x_run WHERE pass = ${pass}`;
  return row!["last"] as bigint;
}

/** Reads the standing findings of a pass; to be called before anything else of its state is read. */
export async function loadStanding(sql: Sql, pass: string): Promise<StoredFindings> {
  const lastRun = await lastRunOf(sql, pass);
  const rows = await sql`SELECT key, check_id, finding_table, finding_row, content, effects
    FROM auditor.auditor_x_standing WHERE pass = ${pass}`;
  const findings = new Map(rows.map((r): [string, StoredStanding] => [r["key"] as string, {
    check: r["check_id"] as string,
    table: r["finding_table"] as string,
    row: r["finding_row"] as bigint,
    content: r["content"] as Record<string, Column>,
    effects: Object.fromEntries(Object.entries(r["effects"] as Record<string, string>).map(([k, v]) => [k, BigInt(v)])),
  }]));
  return Object.assign(findings, { lastRun });
}

/** Reads progress points; a missing one is 0. */
export async function loadProgress(sql: Sql, keys: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await sql`SELECT progress_key, progress_offset FROM auditor.auditor_progress
    WHERE progress_key = ANY(${keys as string[]}::text[])`;
  return new Map(rows.map((r) => [r["progress_key"] as string, r["progress_offset"] as bigint]));
}

/** Reads our own counters under a prefix; a missing one is 0. */
export async function loadCounters(sql: Sql, prefix: string): Promise<Map<string, bigint>> {
  const rows = await sql`SELECT name, value::text AS value FROM auditor.auditor_x_counter
    WHERE starts_with(name, ${prefix})`;
  return new Map(rows.map((r) => [r["name"] as string, BigInt(r["value"] as string)]));
}

/** Reads balances in atoms; keys that do not exist yet are not in the result. */
async function loadBalances(sql: Sql, keys: readonly string[]): Promise<Map<string, bigint>> {
  const rows = await sql`SELECT balance_key, (balance_value).val AS val, (balance_value).frac AS frac
    FROM auditor.auditor_balances WHERE balance_key = ANY(${keys as string[]}::text[])`;
  return new Map(
    rows.map((
      r,
    ) => [r["balance_key"] as string, (r["val"] as bigint) * FRACTION_BASE + BigInt(r["frac"] as number)]),
  );
}

/** Inserts rows given as JSON; returns their `row_id`s in order if `returning`. */
async function insertRows(
  sql: Sql,
  table: string,
  rows: Record<string, unknown>[],
  conflict = "",
  returning = "",
): Promise<bigint[]> {
  const ids: bigint[] = [];
  if (rows.length === 0) return ids;
  const columns = Object.keys(rows[0]!).join(", ");
  for (let i = 0; i < rows.length; i += CHUNK) {
    const result = await sql.unsafe(
      `INSERT INTO auditor.${table} (${columns}) SELECT ${columns}
         FROM jsonb_populate_recordset(NULL::auditor.${table}, $1::text::jsonb) ${conflict} ${returning}`,
      [JSON.stringify(rows.slice(i, i + CHUNK))],
    );
    if (returning !== "") ids.push(...result.map((r) => r["row_id"] as bigint));
  }
  return ids;
}

async function applyWrite(sql: Sql, write: StateWrite): Promise<void> {
  const sameKey = write.key.map((k) => `t.${k} = x.${k}`).join(" AND ");
  for (let i = 0; i < write.remove.length; i += CHUNK) {
    await sql.unsafe(
      `DELETE FROM auditor.${write.table} t
         USING jsonb_populate_recordset(NULL::auditor.${write.table}, $1::text::jsonb) x WHERE ${sameKey}`,
      [JSON.stringify(write.remove.slice(i, i + CHUNK))],
    );
  }
  if (write.upsert.length === 0) return;
  const values = Object.keys(write.upsert[0]!).filter((c) => !write.key.includes(c));
  const update = values.length === 0
    ? "DO NOTHING"
    : `DO UPDATE SET ${values.map((c) => `${c} = EXCLUDED.${c}`).join(", ")}`;
  await insertRows(sql, write.table, write.upsert, `ON CONFLICT (${write.key.join(", ")}) ${update}`);
}

/** What becomes of the findings of a run. */
interface FindingPlan {
  open: (EventEntry & { key?: string; effects?: Effects })[];
  change: { key: string; entry: StandingEntry; stored: StoredStanding }[];
  resolve: { key: string; stored: StoredStanding }[];
}

function canonical(content: Record<string, unknown>): string {
  return JSON.stringify(Object.entries(content).sort(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, sorted(v)]));
}

function sorted(value: unknown): unknown {
  return value !== null && typeof value === "object" ? Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1) : value;
}

function sameEffects(a: Effects, b: Effects): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((k) => (a[k] ?? 0n) === (b[k] ?? 0n));
}

/** Compares this run's verdicts with what earlier runs left. */
export function planFindings(book: Book, stored: Map<string, StoredStanding>): FindingPlan {
  const plan: FindingPlan = { open: [...book.events], change: [], resolve: [] };
  for (const [key, entry] of book.standing) {
    const before = stored.get(key);
    if (entry.finding === undefined) {
      if (before !== undefined) plan.resolve.push({ key, stored: before });
    } else if (before === undefined) {
      plan.open.push({ ...entry, finding: entry.finding, key });
    } else if (before.table !== entry.finding.table) {
      plan.resolve.push({ key, stored: before });
      plan.open.push({ ...entry, finding: entry.finding, key });
    } else if (
      before.check !== entry.finding.check || canonical(before.content) !== canonical(entry.finding.columns) ||
      !sameEffects(before.effects, entry.effects)
    ) {
      plan.change.push({ key, entry, stored: before });
    }
  }
  for (const [key, before] of stored) {
    if (!book.standing.has(key) && book.swept.some((p) => key.startsWith(p))) {
      plan.resolve.push({ key, stored: before });
    }
  }
  plan.open.sort(inAuditOrder);
  return plan;
}

function balanceChanges(book: Book, plan: FindingPlan): Map<string, bigint> {
  const changes = new Map(book.balances);
  const add = (effects: Effects, sign: bigint) => {
    for (const [key, atoms] of Object.entries(effects)) changes.set(key, (changes.get(key) ?? 0n) + sign * atoms);
  };
  for (const { effects } of plan.open) if (effects !== undefined) add(effects, 1n);
  for (const { entry, stored } of plan.change) {
    add(stored.effects, -1n);
    add(entry.effects, 1n);
  }
  for (const { stored } of plan.resolve) add(stored.effects, -1n);
  return changes;
}

async function writeBalances(sql: Sql, facts: RunFacts, book: Book, changes: Map<string, bigint>): Promise<void> {
  const before = await loadBalances(sql, facts.balanceKeys);
  const rows: Record<string, unknown>[] = [];
  for (const key of facts.balanceKeys) {
    const value = book.totals.get(key) ?? (before.get(key) ?? 0n) + (changes.get(key) ?? 0n);
    if (value > MAX_AMOUNT) throw new AmountOverflow(`balance ${key}`);
    if (value < 0n) throw new Error(`balance ${key} of pass ${facts.pass} would become negative`);
    if (before.get(key) === value) continue;
    rows.push({
      balance_key: key,
      balance_value: { val: (value / FRACTION_BASE).toString(), frac: Number(value % FRACTION_BASE) },
    });
  }
  await applyWrite(sql, { table: "auditor_balances", key: ["balance_key"], upsert: rows, remove: [] });
}

async function openFindings(sql: Sql, pass: string, plan: FindingPlan): Promise<bigint[]> {
  const rows = new Array<bigint>(plan.open.length);
  const tables = Map.groupBy(plan.open.keys(), (i) => plan.open[i]!.finding.table);
  for (const [table, members] of tables) {
    const key = KEYED_FINDINGS[table];
    const columns = Object.keys(plan.open[members[0]!]!.finding.columns).filter((c) => c !== key);
    const conflict = key === undefined
      ? ""
      : `ON CONFLICT (${key}) DO UPDATE SET ${columns.map((c) => `${c} = EXCLUDED.${c}`).join(", ")}`;
    const contents = members.map((i) => plan.open[i]!.finding.columns);
    const ids = await insertRows(sql, `auditor_${table}`, contents, conflict, "RETURNING row_id");
    members.forEach((i, n) => rows[i] = ids[n]!);
  }
  const standing = plan.open.flatMap((o, i) =>
    o.key === undefined ? [] : [standingRow(pass, o.key, o.finding, rows[i]!, o.effects ?? {})]
  );
  await applyWrite(sql, { table: "auditor_x_standing", key: ["pass", "key"], upsert: standing, remove: [] });
  return rows;
}

function standingRow(
  pass: string,
  key: string,
  finding: { check: string; table: string; columns: Record<string, Column> },
  row: bigint,
  effects: Effects,
): Record<string, unknown> {
  return {
    pass,
    key,
    check_id: finding.check,
    finding_table: finding.table,
    finding_row: row.toString(),
    content: finding.columns,
    effects: Object.fromEntries(Object.entries(effects).map(([k, v]) => [k, v.toString()])),
  };
}

async function changeFindings(sql: Sql, pass: string, plan: FindingPlan): Promise<void> {
  for (const [table, changes] of Map.groupBy(plan.change, (c) => c.stored.table)) {
    const columns = Object.keys(changes[0]!.entry.finding!.columns);
    const rows = changes.map(({ entry, stored }) => ({ ...entry.finding!.columns, row_id: stored.row.toString() }));
    for (let i = 0; i < rows.length; i += CHUNK) {
      await sql.unsafe(
        `UPDATE auditor.auditor_${table} t SET ${columns.map((c) => `${c} = x.${c}`).join(", ")}
           FROM jsonb_populate_recordset(NULL::auditor.auditor_${table}, $1::text::jsonb) x WHERE t.row_id = x.row_id`,
        [JSON.stringify(rows.slice(i, i + CHUNK))],
      );
    }
  }
  for (const [table, gone] of Map.groupBy(plan.resolve, (r) => r.stored.table)) {
    const rows = gone.map(({ stored }) => stored.row.toString());
    await sql.unsafe(`DELETE FROM auditor.auditor_${table} WHERE row_id = ANY($1::text[]::int8[])`, [rows] as never[]);
  }
  await applyWrite(sql, {
    table: "auditor_x_standing",
    key: ["pass", "key"],
    upsert: plan.change.map(({ key, entry, stored }) =>
      standingRow(pass, key, entry.finding!, stored.row, entry.effects)
    ),
    remove: plan.resolve.map(({ key }) => ({ pass, key })),
  });
}

async function writeJournal(sql: Sql, facts: RunFacts, plan: FindingPlan, opened: bigint[]): Promise<void> {
  const run = await sql`INSERT INTO auditor.auditor_x_run
      (pass, clock, started, ended, source_rows, signatures, opened, changed, resolved)
    VALUES (${facts.pass}, ${facts.clock}, ${facts.started}, ${BigInt(Date.now()) * 1000n}, ${facts.rows},
      ${JSON.stringify(facts.signatures)}::text::jsonb, ${plan.open.length}, ${plan.change.length},
      ${plan.resolve.length}) RETURNING run_id`;
  const run_id = (run[0]!["run_id"] as bigint).toString();
  const entry = (event: string, check: string, table: string, row: bigint, content: unknown) => ({
    run_id,
    event,
    check_id: check,
    finding_table: table,
    finding_row: row.toString(),
    content,
  });
  await insertRows(sql, "auditor_x_journal", [
    ...plan.resolve.map(({ stored: s }) => entry("resolved", s.check, s.table, s.row, s.content)),
    ...plan.change.map(({ entry: e, stored: s }) =>
      entry("changed", e.finding!.check, s.table, s.row, e.finding!.columns)
    ),
    ...plan.open.map((o, i) => entry("opened", o.finding.check, o.finding.table, opened[i]!, o.finding.columns)),
  ]);
}

/** Two numbers that stand for "a commit into this database" among the advisory locks of a server. */
const COMMIT_LOCK = [0x7461, 0x6c66] as const;

/**
 * Lets one commit at a time go on, and only if nobody else committed the pass since its state was read. The lock of
 * the audit is not enough: it goes with its connection, while the passes of a run may still have theirs.
 */
async function requireNewest(sql: Sql, pass: string, lastRun: bigint): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${COMMIT_LOCK[0]}, ${COMMIT_LOCK[1]})`;
  if (await lastRunOf(sql, pass) !== lastRun) {
    throw new Overtaken(`pass ${pass} was committed by another run meanwhile`);
  }
}

/**
 * Commits a run in one transaction: findings, resolved findings, state, balances, progress and the journal.
 * Writes nothing at all when the run changed nothing.
 *
 * @param sql a connection inside no transaction; isolation READ COMMITTED is enough
 * @param writing the state, when it is certain that it comes from one snapshot
 * @throws AmountOverflow when a balance leaves the legal range; nothing is committed then
 * @throws an error that is worth repeating the run for when another run was faster
 */
export async function commitRun(
  sql: Sql,
  facts: RunFacts,
  book: Book,
  stored: StoredFindings,
  writing: StateWrite[] | Promise<StateWrite[]>,
): Promise<CommitSummary> {
  const writes = await writing;
  const plan = planFindings(book, stored);
  const changes = balanceChanges(book, plan);
  const summary = { opened: plan.open.length, changed: plan.change.length, resolved: plan.resolve.length };
  const balances = await loadBalances(sql, facts.balanceKeys);
  const idle = plan.open.length + plan.change.length + plan.resolve.length + book.progress.size === 0 &&
    writes.every((w) => w.tidy === true || w.upsert.length + w.remove.length === 0) &&
    [...changes.values()].every((v) => v === 0n) &&
    [...book.totals].every(([k, v]) => (balances.get(k) ?? 0n) === v) &&
    (facts.silentWhenEmpty || facts.balanceKeys.every((k) => balances.has(k)));
  if (idle) return { ...summary, wrote: false };
  // state of our own may be worth keeping although nothing of the pass itself was there to be read
  const silent = facts.silentWhenEmpty && balances.size === 0 && plan.open.length === 0 && book.progress.size === 0;
  await sql.begin(async (tx) => {
    const sql = tx as unknown as Sql;
    await requireNewest(sql, facts.pass, stored.lastRun);
    // resolved first: a finding table with one row per subject has room for its successor then
    await changeFindings(sql, facts.pass, plan);
    const opened = await openFindings(sql, facts.pass, plan);
    for (const write of writes) await applyWrite(sql, write);
    if (!silent) await writeBalances(sql, facts, book, changes);
    const points = await loadProgress(sql, facts.progressKeys);
    const progress = silent ? [] : facts.progressKeys.flatMap((k) => {
      const value = book.progress.get(k) ?? points.get(k) ?? 0n;
      return points.get(k) === value ? [] : [{ progress_key: k, progress_offset: value.toString() }];
    });
    await applyWrite(sql, { table: "auditor_progress", key: ["progress_key"], upsert: progress, remove: [] });
    await writeJournal(sql, facts, plan, opened);
  });
  return { ...summary, wrote: true };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Audits of golden datasets, and what they leave in the auditor database in a form that can be compared: with what the
 * reference auditor left, with another run, with the same run done otherwise.
 */
import { join } from "node:path";
import { type AuditPlan, type AuditReport, openAuditor, runAudit } from "../../core/audit/run.ts";
import type { AuditSettings } from "../../core/audit/pass.ts";
import type { BankHistory } from "../../core/bank/history.ts";
import { connectTo, type Sql } from "../../core/db/connect.ts";
import { formatAmount, FRACTION_BASE, parseAmount } from "../../core/taler/amount.ts";
import { decodeBase32 } from "../../core/taler/base32.ts";
import { DAY, parseDuration } from "../../core/taler/time.ts";
import { baseOfMutation, type DatasetInfo, datasetPath, loadDataset, mutationPath } from "./golden.ts";
import { sharedServer } from "./server.ts";

/** Says once per test file why its golden tests do nothing, where they do nothing. */
export function noteAbsence(names: readonly string[]): void {
  if (names.length > 0) return;
  Deno.stdout.writeSync(new TextEncoder().encode("golden tests skipped: no datasets here; see TALER_AUDITOR_GOLDEN\n"));
}

/** The passes whose results are compared here. */
export const THREE_PASSES = ["reserves", "coins", "aggregation"] as const;

/** The settings with which the reference audited a dataset. */
export function settingsOf(info: DatasetInfo): AuditSettings {
  const must = <T>(value: T | undefined, what: string): T => {
    if (value === undefined) throw new Error(`dataset ${info.name}: ${what} cannot be read`);
    return value;
  };
  return {
    currency: info.currency,
    roundUnit: must(parseAmount(info.currency_round_unit), "currency_round_unit").atoms,
    masterPub: must(decodeBase32(info.exchange_master_pub, 32), "exchange_master_pub"),
    exchangeBaseUrl: info.exchange_base_url,
    auditorBaseUrl: info.auditor_base_url,
    auditorPub: must(decodeBase32(info.auditor_pub, 32), "auditor_pub"),
    idleReserveExpiration: must(
      parseDuration(info.idle_reserve_expiration_time.replace(/ \(default\)$/, "")),
      "idle_reserve_expiration_time",
    ),
    legalReserveExpiration: 7n * 365n * DAY,
    accounts: [{ section: info.account_section, paytoUri: info.account_payto, credit: true, debit: true }],
  };
}

/** What a test may choose of an audit. */
export interface AuditChoice {
  passes?: readonly string[];
  /** Default: true, as the reference's main results were made. */
  internal?: boolean;
  /** µs; default: the clock of the reference. */
  now?: bigint;
  /** Default: 1. */
  workers?: number;
  pageRows?: number;
  limits?: ReadonlyMap<string, bigint>;
  /** What the bank says, for the passes that need it. */
  bank?: BankHistory;
}

const CONNECTION = { searchPath: [], applicationName: "taler-auditor test" };

/** Connects to a database of the test server as its superuser. */
export function connectToTest(url: string): Promise<Sql> {
  return connectTo(url, CONNECTION);
}

function planOf(url: string, info: DatasetInfo, choice: AuditChoice): AuditPlan {
  const open = () => connectToTest(url);
  return {
    settings: settingsOf(info),
    passes: choice.passes ?? THREE_PASSES,
    now: choice.now ?? info.audit_now_us,
    internal: choice.internal ?? true,
    workers: choice.workers ?? 1,
    openExchange: open,
    openAuditor: open,
    openBank: choice.bank === undefined ? undefined : () => Promise.resolve(choice.bank!),
    ...(choice.pageRows === undefined ? {} : { pageRows: choice.pageRows }),
    ...(choice.limits === undefined ? {} : { limits: choice.limits }),
  };
}

/** Audits a loaded dataset once. */
export function auditDataset(url: string, info: DatasetInfo, choice: AuditChoice = {}): Promise<AuditReport> {
  return runAudit(planOf(url, info, choice));
}

/** Audits and insists that every pass came to its end. */
export async function auditWell(url: string, info: DatasetInfo, choice: AuditChoice = {}): Promise<AuditReport> {
  return insist(await auditDataset(url, info, choice));
}

function insist(report: AuditReport): AuditReport {
  for (const { pass, failure } of report.passes) {
    if (failure !== undefined) throw new Error(`pass ${pass} ${failure.kind}: ${failure.message}`);
  }
  return report;
}

/** One auditor for several runs; starting it takes longer than a short run. */
export interface HeldAuditor {
  /** Runs once, by the clock of the choice or another one (µs), the passes of the choice or others. */
  run(now?: bigint, passes?: readonly string[]): Promise<AuditReport>;
  /** Runs once and insists that every pass comes to its end. */
  runWell(now?: bigint, passes?: readonly string[]): Promise<AuditReport>;
}

/**
 * Runs `body` with an auditor for several runs. It holds the lock of its database; other audits of that have to wait
 * for the end of `body`. A map of limits may be changed between runs.
 */
export async function withAuditor<T>(
  url: string,
  info: DatasetInfo,
  choice: AuditChoice,
  body: (auditor: HeldAuditor) => Promise<T>,
): Promise<T> {
  const plan = planOf(url, info, choice);
  const auditor = await openAuditor(plan);
  const run = (now = plan.now, passes = plan.passes) => auditor.run(passes, now);
  try {
    return await body({ run, runWell: async (...choice) => insist(await run(...choice)) });
  } finally {
    await auditor.close();
  }
}

/** Runs `body` on a fresh copy of a dataset and drops the copy afterwards. */
export async function withCopy<T>(name: string, body: (url: string, sql: Sql) => Promise<T>): Promise<T> {
  const server = await sharedServer();
  const url = await loadDataset(server, name);
  const sql = await connectToTest(url);
  try {
    return await body(url, sql);
  } finally {
    await sql.end({ timeout: 1 });
    await server.dropDatabase(new URL(url).pathname.slice(1));
  }
}

/** A row as columns to text: numbers and booleans as they are written, amounts as decimal numbers, NULL as `null`. */
export type Row = Readonly<Record<string, string>>;

/** Rows by table, the table without `auditor_`; sorted, without the numbers of rows. */
export type AuditorState = ReadonlyMap<string, readonly Row[]>;

/** Numbers of rows: they depend on the order of inserts, not on what was found. */
const ROW_NUMBERS: ReadonlySet<string> = new Set(["row_id", "auditor_reserves_rowid", "auditor_purses_rowid"]);

/** Reads JSON with every number as the text it was written as: serials and times do not all fit a double. */
function parseExactly(text: string): unknown {
  const reviver = (_: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" ? context!.source! : value;
  return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
}

function plain(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return String(value);
  const { val, frac } = value as { val?: string; frac?: string };
  return val === undefined || frac === undefined
    ? JSON.stringify(value)
    : decimal(BigInt(val) * FRACTION_BASE + BigInt(frac));
}

function decimal(atoms: bigint): string {
  return formatAmount("", atoms).slice(1);
}

function normalRow(columns: Record<string, unknown>): Row {
  const names = Object.keys(columns).filter((c) => !ROW_NUMBERS.has(c)).sort();
  return Object.fromEntries(names.map((c) => [c, plain(columns[c])]));
}

/** A row as one text. */
export function rowText(row: Row): string {
  return Object.entries(row).map(([column, value]) => `${column}=${value}`).join(" ");
}

function sortedRows(rows: readonly Row[]): Row[] {
  return [...rows].sort((a, b) => rowText(a) < rowText(b) ? -1 : 1);
}

async function auditorTables(sql: Sql): Promise<string[]> {
  const rows = await sql`SELECT tablename FROM pg_tables WHERE schemaname = 'auditor' ORDER BY 1`;
  return rows.map((r) => r["tablename"] as string);
}

async function readTables(sql: Sql, tables: string[]): Promise<Map<string, Record<string, unknown>[]>> {
  const query = tables.map((t) =>
    `SELECT '${t}' AS name, coalesce(jsonb_agg(to_jsonb(t)), '[]')::text AS rows FROM auditor.${t} t`
  ).join(" UNION ALL ");
  const result = await sql.unsafe(query);
  return new Map(
    result.map((r) => [r["name"] as string, parseExactly(r["rows"] as string) as Record<string, unknown>[]]),
  );
}

/** All tables of the reference's layout: findings, state, balances, progress. */
export async function auditorState(sql: Sql): Promise<AuditorState> {
  const tables = (await auditorTables(sql)).filter((t) => t !== "auditor_tables" && !t.startsWith("auditor_x_"));
  const read = await readTables(sql, tables);
  return new Map([...read].map(([t, rows]) => [t.replace(/^auditor_/, ""), sortedRows(rows.map(normalRow))]));
}

/**
 * Our own state tables; without run, journal and gaps, which tell the story and not the state, without the lists of
 * places, which depend on the size of pages and say nothing about the exchange, without the number of the last run whose
 * figures are stored, and without row numbers.
 */
export async function ownState(sql: Sql): Promise<AuditorState> {
  const story = ["auditor_x_run", "auditor_x_journal", "auditor_x_gap", "auditor_x_lookup"];
  const tables = (await auditorTables(sql)).filter((t) => t.startsWith("auditor_x_") && !story.includes(t));
  const read = await readTables(sql, tables);
  return new Map([...read].map(([t, rows]) => {
    const named = rows.filter((r) => r["name"] !== "figures:run" && !String(r["name"]).startsWith("x:lookup:"));
    const bare = named.map(({ finding_row: _, ...rest }) => rest);
    return [t.replace(/^auditor_/, ""), sortedRows(bare.map(normalRow))];
  }));
}

/** Both: everything that audits left but for its story. */
export async function wholeState(sql: Sql): Promise<AuditorState> {
  return new Map([...await auditorState(sql), ...await ownState(sql)]);
}

/**
 * Everything in schema `auditor`, row numbers included, as text by table; only the wall-clock times of runs are left
 * out. Two databases with the same text were written alike.
 */
export async function wholeAuditor(sql: Sql): Promise<Record<string, string>> {
  const tables = await auditorTables(sql);
  const query = tables.map((t) => {
    const json = t === "auditor_x_run" ? "to_jsonb(t) - 'started' - 'ended'" : "to_jsonb(t)";
    return `SELECT '${t}' AS name, coalesce(string_agg((${json})::text, E'\\n' ORDER BY (${json})::text), '') AS rows
      FROM auditor.${t} t`;
  }).join(" UNION ALL ");
  const result = await sql.unsafe(query);
  return Object.fromEntries(result.map((r) => [r["name"] as string, r["rows"] as string]));
}

/** How often each check opened a finding, by check number; how often it resolved one, with ` resolved` behind it. */
export async function checkCounts(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql`SELECT check_id || CASE event WHEN 'opened' THEN '' ELSE ' ' || event END AS name,
      count(*)::int4 AS n FROM auditor.auditor_x_journal GROUP BY 1`;
  return Object.fromEntries(rows.map((r) => [r["name"] as string, r["n"] as number]));
}

/** Which program made a result: the original, the original with crash fixes, or the original without `-i`. */
export type Variant = "stock" | "patched" | "noi";

/** What the reference left in the auditor database after its first or second run on a dataset. */
export function referenceState(dataset: string, variant: Variant, run: 1 | 2): AuditorState {
  const text = Deno.readTextFileSync(join(datasetPath(dataset), "reference", `${variant}-${run}.json`));
  const tables = parseExactly(text) as Record<string, Record<string, unknown>[]>;
  return new Map(
    Object.entries(tables).map(([t, rows]) => [t.replace(/^auditor_/, ""), sortedRows(rows.map(normalRow))]),
  );
}

/** The facts of `findings.json` that tests need. */
export interface MutationFacts {
  sql: string;
  /** What was changed in the bank's history, in words. */
  bank: string | undefined;
  /** How much later than usual the reference ran, µs. */
  later: bigint;
  variant: "stock" | "patched";
}

interface MutationFile {
  sql: string;
  bank_mutation: string | null;
  helper_extra_args?: string;
  variants: Partial<Record<Variant, Record<string, MutationRun>>>;
}

interface MutationRun {
  diff_vs_base: Record<"added" | "removed", Record<string, Record<string, unknown>[]>>;
  findings: Record<string, Record<string, unknown>[]>;
  balances: Record<string, string>;
  progress: Record<string, string>;
}

function readMutation(name: string): MutationFile {
  return parseExactly(Deno.readTextFileSync(join(mutationPath(name), "findings.json"))) as MutationFile;
}

/** Reads what a mutation is, and which of the reference's results stands for it. */
export function mutationFacts(name: string): MutationFacts {
  const file = readMutation(name);
  const days = /^-T (\d+)d$/.exec(file.helper_extra_args ?? "")?.[1] ?? "0";
  return {
    sql: file.sql,
    bank: file.bank_mutation ?? undefined,
    later: BigInt(days) * DAY,
    variant: file.variants.patched === undefined ? "stock" : "patched",
  };
}

/** State tables, of which a mutation's file has only the difference from the untouched dataset. */
const STATE_TABLES = ["denomination_pending", "reserves", "historic_denomination_revenue"];

/** What the reference left in the auditor database after its first or second run on a mutated dataset. */
export function mutationState(name: string, run: 1 | 2): AuditorState {
  const { variant } = mutationFacts(name);
  const result = readMutation(name).variants[variant]![`pass${run}`]!;
  const base = referenceState(baseOfMutation(name), variant, run);
  const state = new Map<string, Row[]>();
  for (const table of base.keys()) {
    state.set(table, sortedRows((result.findings[`auditor_${table}`] ?? []).map(normalRow)));
  }
  for (const table of STATE_TABLES) {
    const { added, removed } = result.diff_vs_base;
    const gone = (removed[`auditor_${table}`] ?? []).map((r) => rowText(normalRow(r)));
    const kept = base.get(table)!.filter((row) => !gone.includes(rowText(row)));
    if (base.get(table)!.length - kept.length !== gone.length) {
      throw new Error(`${name}: ${table} does not fit its base`);
    }
    state.set(table, sortedRows([...kept, ...(added[`auditor_${table}`] ?? []).map(normalRow)]));
  }
  const balances = Object.entries(result.balances).map(([balance_key, value]) => {
    const { atoms } = parseAmount(`X:${value}`)!;
    return { balance_key, balance_value: decimal(atoms) };
  });
  state.set("balances", sortedRows(balances));
  const progress = Object.entries(result.progress).map(([progress_key, v]) => ({ progress_key, progress_offset: v }));
  state.set("progress", sortedRows(progress));
  return state;
}

/** Tables in which a row has a subject of its own: rows of one subject are one row that may differ. */
const KEYS: Readonly<Record<string, string>> = {
  balances: "balance_key",
  progress: "progress_key",
  denomination_pending: "denom_pub_hash",
  historic_denomination_revenue: "denom_pub_hash",
  reserves: "reserve_pub",
};

/** One difference between two states: a row that only one of them has, or a row of one subject that is not the same. */
export interface Difference {
  table: string;
  ours?: Row;
  reference?: Row;
}

function countRows(rows: readonly Row[]): Map<string, { row: Row; count: number }> {
  const counts = new Map<string, { row: Row; count: number }>();
  for (const row of rows) {
    const text = rowText(row);
    counts.set(text, { row, count: (counts.get(text)?.count ?? 0) + 1 });
  }
  return counts;
}

function only(rows: readonly Row[], others: readonly Row[]): Row[] {
  const there = countRows(others);
  return [...countRows(rows)].flatMap(([text, { row, count }]) =>
    new Array<Row>(Math.max(0, count - (there.get(text)?.count ?? 0))).fill(row)
  );
}

/** Compares two states; a row that one of them has twice and the other once is one difference. */
export function compareStates(ours: AuditorState, reference: AuditorState): Difference[] {
  const differences: Difference[] = [];
  for (const table of [...new Set([...ours.keys(), ...reference.keys()])].sort()) {
    const [a, b] = [ours.get(table) ?? [], reference.get(table) ?? []];
    const [more, fewer] = [only(a, b), only(b, a)];
    const key = KEYS[table];
    for (const row of more) {
      const at = key === undefined ? -1 : fewer.findIndex((other) => other[key] === row[key]);
      const [same] = at < 0 ? [] : fewer.splice(at, 1);
      differences.push(same === undefined ? { table, ours: row } : { table, ours: row, reference: same });
    }
    for (const row of fewer) differences.push({ table, reference: row });
  }
  return differences;
}

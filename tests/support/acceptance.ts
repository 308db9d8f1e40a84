// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Acceptance cases: a manipulation of a recorded exchange or of its bank, and everything that an audit with all passes
 * and internal checks must say of it. What it says of the untouched exchange is subtracted; the rest must be what the
 * case lists, no less and no more, findings and balances alike. Every audit is made twice: the second writes nothing.
 */
import assert from "node:assert/strict";
import type { Sql } from "../../core/db/connect.ts";
import { ALL_PASSES } from "../../core/audit/run.ts";
import type { AuditorState } from "./audit.ts";
import { auditorState, noteAbsence, wholeAuditor, withAuditor, withCopy } from "./audit.ts";
import { asBankHistory, type RecordedHistory, recordedHistory } from "./bank-golden.ts";
import { type ListedFinding, unsigned } from "./expected_findings.ts";
import { datasetInfo, datasetNames } from "./golden.ts";
import { plainAmount } from "./scenario.ts";

/** Findings as a list, or computed from the database after the change and before the audit. */
export type Findings = readonly (ListedFinding | ((sql: Sql) => Promise<ListedFinding[]>))[];

/** A change of the database (as an ordinary session: foreign keys cascade), or of the bank's history, and an audit. */
export interface Step {
  sql?: string | ((sql: Sql) => Promise<unknown>);
  bank?: (history: RecordedHistory) => void;
  /** By how much later than the untouched dataset was audited this audit judges, µs. */
  later?: bigint;
  /** Findings that the untouched dataset does not have. */
  findings: Findings;
  /** Findings of the untouched dataset that this one does not have. */
  gone?: Findings;
  /** Balances that are not those of the untouched dataset: theirs, then the one expected. */
  balances: Readonly<Record<string, readonly [untouched: string, expected: string]>>;
  /** How often which findings were resolved until now, by check; default: none. */
  resolved?: Readonly<Record<string, number>>;
}

/** A case with one audit, or with one after each of several changes. */
export type Case = {
  /** Its number in the acceptance list, such as `F.2 #13`. */
  id: string;
  title: string;
  /** Name of the dataset. */
  base: string;
  /** Why it is not exactly what the list says, where it is not. */
  because?: string;
  /** Transfers on a page of the bank's; default: 16. */
  bankPage?: number;
} & (Step | { steps: readonly Step[] });

/** What an audit said. */
export interface Outcome {
  findings: readonly SeenFinding[];
  balances: ReadonlyMap<string, string>;
}

/** Lists that are no findings of the engine, but say what is wrong all the same. */
const LISTS = [
  `SELECT 'x_deposit_lag' AS "table", 'TR-R1' AS "check", jsonb_build_object('account', account,
     'total', jsonb_build_object('val', div(total, 100000000), 'frac', total % 100000000), 'batches', batches::text,
     'reason', reason)::text AS content FROM auditor.auditor_x_deposit_lag`,
  `SELECT 'x_confirmation', check_id, jsonb_build_object('row_id', row_id::text, 'state', state,
     'diagnostic', diagnostic)::text FROM auditor.auditor_x_confirmation`,
];

/** Tables of the reference's layout that hold state, and no findings. */
const STATE = new Set([
  "balances",
  "deposit_confirmations",
  "denomination_pending",
  "exchange_signkeys",
  "historic_denomination_revenue",
  "historic_reserve_summary",
  "pending_deposits",
  "progress",
  "purses",
  "reserves",
]);

/** Columns that a finding is recognised by, beside every amount; keys and times may be left out of a case. */
const TELLING = new Set([
  ...["problem_row_id", "problem_row", "bank_row_id", "bank_row", "wire_out_serial_id", "wire_offset", "row_id"],
  ...["operation", "row_table", "diagnostic", "profitable", "inconsistency_gain", "num_issued", "num_known"],
  ...["state", "batches", "reason"],
]);

/** A finding, and the columns that a case must name. */
export interface SeenFinding extends ListedFinding {
  telling: readonly string[];
}

function seen(check: string, table: string, content: string): SeenFinding {
  const columns: Record<string, string> = {};
  const telling: string[] = [];
  for (const [name, value] of Object.entries(JSON.parse(content) as Record<string, unknown>)) {
    const amount = value !== null && typeof value === "object" ? value as { val: number; frac: number } : undefined;
    columns[name] = amount === undefined
      ? String(value)
      : plainAmount(BigInt(amount.val) * 100_000_000n + BigInt(amount.frac));
    if (amount !== undefined || TELLING.has(name)) telling.push(name);
  }
  return { check, table, columns, telling };
}

/** Every row of the finding tables with the check that the journal names for it; neither may be without the other. */
async function readFindings(sql: Sql, state: AuditorState): Promise<SeenFinding[]> {
  const tables = [...state.keys()].filter((t) => !STATE.has(t));
  const queries = tables.map((t) =>
    `SELECT '${t}', coalesce(j.check_id, 'without check'),
       coalesce((to_jsonb(t) - 'row_id' - 'suppressed')::text, '{"row": "is missing"}')
     FROM auditor.auditor_${t} t FULL JOIN (SELECT * FROM open_finding WHERE finding_table = '${t}') j
       ON j.finding_row = t.row_id`
  );
  const rows = await sql.unsafe(`WITH open_finding AS (
      SELECT * FROM (SELECT DISTINCT ON (finding_table, finding_row) event, check_id, finding_table, finding_row
        FROM auditor.auditor_x_journal ORDER BY finding_table, finding_row, journal_id DESC) latest
      WHERE event <> 'resolved')
    ${[...LISTS, ...queries].join(" UNION ALL ")}`);
  return rows.map((r) => seen(r["check"] as string, r["table"] as string, r["content"] as string));
}

/** Reads what the audits of a database said. */
export async function readOutcome(sql: Sql): Promise<Outcome> {
  const state = await auditorState(sql);
  const balances = state.get("balances")!.map((r) => [r["balance_key"]!, r["balance_value"]!] as const);
  return { findings: await readFindings(sql, state), balances: new Map(balances) };
}

/** A finding as one line, as a message shows it. */
export function findingText(
  { check, table, columns }: ListedFinding,
  names: readonly string[] = Object.keys(columns),
): string {
  return `${check} ${table} ${names.toSorted().map((n) => `${n}=${columns[n]}`).join(" ")}`;
}

function whole(finding: ListedFinding): string {
  return findingText(finding);
}

/** What is in `these` and not in `those`; what is there twice counts twice. */
function without(these: readonly SeenFinding[], those: readonly SeenFinding[]): SeenFinding[] {
  const left = Map.groupBy(those, whole);
  return these.filter((f) => left.get(whole(f))?.pop() === undefined);
}

/** Findings of an audit that an untouched dataset does not have. */
export function newFindings(now: Outcome, base: Outcome): SeenFinding[] {
  return without(now.findings, base.findings);
}

function fits(expected: ListedFinding, f: SeenFinding): boolean {
  const names = new Set([...f.telling, ...Object.keys(expected.columns)]);
  return expected.check === f.check && expected.table === f.table &&
    [...names].every((n) => expected.columns[n] === f.columns[n]);
}

/** Findings that are not expected, and expected ones that are not there, as texts. */
export function compareFindings(have: readonly SeenFinding[], expected: readonly ListedFinding[]): string[] {
  const left = [...have];
  const missing = expected.filter((e) => {
    const at = left.findIndex((f) => fits(e, f));
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return [
    ...missing.map((f) => `missing: ${findingText(f)}`),
    ...left.map((f) => `not expected: ${findingText(f, f.telling)}`),
  ];
}

/** Balances that differ, as in a case. */
export function changedBalances(base: Outcome, now: Outcome): Record<string, readonly [string, string]> {
  const keys = [...new Set([...base.balances.keys(), ...now.balances.keys()])].sort();
  return Object.fromEntries(keys.flatMap((key) => {
    const pair = [base.balances.get(key) ?? "absent", now.balances.get(key) ?? "absent"] as const;
    return pair[0] === pair[1] ? [] : [[key, pair]];
  }));
}

async function resolve(findings: Findings, sql: Sql): Promise<ListedFinding[]> {
  const lists: ListedFinding[][] = [];
  for (const f of findings) lists.push(typeof f === "function" ? await f(sql) : [f]);
  return lists.flat();
}

/** Findings, one for each row of a query. */
export function forEach(
  query: string,
  make: (row: Record<string, string>) => ListedFinding | ListedFinding[],
): (sql: Sql) => Promise<ListedFinding[]> {
  return async (sql) =>
    (await sql.unsafe(query)).flatMap((r) =>
      make(Object.fromEntries(Object.entries(r).map(([name, value]) => [name, String(value)])))
    );
}

/** SQL for an amount column as a decimal number. */
export function plainSql(column: string): string {
  return `trim_scale((${column}).val + (${column}).frac / 1e8::numeric)::text`;
}

/** Every denomination, where this auditor never signed one. */
export const UNSIGNED = forEach(
  `SELECT ${plainSql("coin")} AS value FROM exchange.denominations`,
  ({ value }) => unsigned(value!),
);

async function resolutions(sql: Sql): Promise<Record<string, number>> {
  const rows = await sql`SELECT check_id, count(*)::int4 AS n FROM auditor.auditor_x_journal WHERE event = 'resolved'
    GROUP BY 1 ORDER BY 1`;
  return Object.fromEntries(rows.map((r) => [r["check_id"] as string, r["n"] as number]));
}

/** All passes. */
export const EVERY_PASS = ALL_PASSES.map((p) => p.name);

const bases = new Map<string, Promise<Outcome>>();

/** What an audit says of an untouched dataset. */
export function untouched(dataset: string, later = 0n): Promise<Outcome> {
  const key = `${dataset} ${later}`;
  const known = bases.get(key) ?? withCopy(dataset, (url, sql) => {
    const info = datasetInfo(dataset);
    const bank = asBankHistory(recordedHistory(info.account_section, dataset));
    return withAuditor(url, info, { bank, passes: EVERY_PASS }, async ({ runWell }) => {
      await runWell(info.audit_now_us + later);
      return await readOutcome(sql);
    });
  });
  bases.set(key, known);
  return known;
}

/** Audits twice; the second run must write nothing. */
export async function auditTwice(sql: Sql, run: () => Promise<unknown>): Promise<Outcome> {
  await run();
  const outcome = await readOutcome(sql);
  const before = await wholeAuditor(sql);
  await run();
  assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
  return outcome;
}

async function applyChange(sql: Sql, change: Step["sql"]): Promise<void> {
  if (change === undefined) return;
  if (typeof change === "string") await sql.begin((tx) => tx.unsafe(change));
  else await change(sql);
}

/** Plays a case and insists on what it expects. */
export async function playCase(c: Case): Promise<void> {
  const info = datasetInfo(c.base);
  const history = recordedHistory(info.account_section, c.base);
  await withCopy(c.base, async (url, sql) => {
    const choice = { bank: asBankHistory(history, c.bankPage), passes: EVERY_PASS };
    await withAuditor(url, info, choice, async ({ runWell }) => {
      for (const step of "steps" in c ? c.steps : [c]) {
        await applyChange(sql, step.sql);
        step.bank?.(history);
        const expected = await resolve(step.findings, sql), gone = await resolve(step.gone ?? [], sql);
        const now = info.audit_now_us + (step.later ?? 0n);
        const outcome = await auditTwice(sql, () => runWell(now));
        const base = await untouched(c.base, step.later);
        const problems = {
          findings: compareFindings(without(outcome.findings, base.findings), expected),
          gone: compareFindings(without(base.findings, outcome.findings), gone),
          balances: changedBalances(base, outcome),
          resolved: await resolutions(sql),
        };
        const right = { findings: [], gone: [], balances: step.balances, resolved: step.resolved ?? {} };
        assert.deepEqual(problems, right);
      }
    });
  });
}

/** An untouched dataset and everything that is said of it. */
export interface UntouchedCase {
  id: string;
  title: string;
  base: string;
  because?: string;
  findings: Findings;
  /** Every balance that is not zero. */
  balances: Readonly<Record<string, string>>;
}

/** Audits an untouched dataset twice and insists on what is said of it. */
export async function playUntouched(c: UntouchedCase): Promise<void> {
  const info = datasetInfo(c.base);
  const bank = asBankHistory(recordedHistory(info.account_section, c.base));
  await withCopy(c.base, async (url, sql) => {
    const expected = await resolve(c.findings, sql);
    const { findings, balances } = await withAuditor(
      url,
      info,
      { bank, passes: EVERY_PASS },
      ({ runWell }) => auditTwice(sql, runWell),
    );
    assert.deepEqual(compareFindings(findings, expected), []);
    assert.deepEqual(Object.fromEntries([...balances].filter(([, value]) => value !== "0")), c.balances);
  });
}

/** Makes a test of each case; they are skipped where the datasets are absent. */
export function acceptanceTests(cases: readonly Case[], untouchedCases: readonly UntouchedCase[] = []): void {
  const names = datasetNames();
  noteAbsence(names);
  const make = ({ id, title }: { id: string; title: string }, fn: () => Promise<void>) =>
    Deno.test({ name: `acceptance ${id}: ${title}`, ignore: names.length === 0, fn });
  for (const c of untouchedCases) make(c, () => playUntouched(c));
  for (const c of cases) make(c, () => playCase(c));
}

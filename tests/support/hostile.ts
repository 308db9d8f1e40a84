// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Hostile rows: what a dishonest or broken exchange may store, and what an audit must make of it.
 *
 * A case changes a copy of a golden dataset and names every finding that the change must add or take away; any other
 * difference from the audit of the untouched dataset fails the test. So a case shows three things at once: the hostile
 * row is noticed, the run survives it, and the audit of the other rows is not disturbed.
 */
import assert from "node:assert/strict";
import type { Finding } from "../../core/audit/findings.ts";
import { ALL_PASSES, type AuditReport, BANK_PASSES } from "../../core/audit/run.ts";
import type { Sql } from "../../core/db/connect.ts";
import { connectToTest, THREE_PASSES, wholeAuditor, withAuditor, withCopy } from "./audit.ts";
import { describeFinding, Names } from "./describe.ts";
import { datasetInfo, datasetNames } from "./golden.ts";

/** A line of the table. */
export interface HostileCase {
  name: string;
  dataset: string;
  /**
   * Statements that remove constraints, as an exchange that controls its own database could; a trusted copy keeps them,
   * and `sql` obeys whatever is left.
   */
  without?: string;
  /** Statements that make the row hostile. */
  sql: string;
  /**
   * Findings that must be added: {@link describeFinding} texts. `*` stands for any text, `3 x` in front for a number,
   * `A OR B` is satisfied by either.
   */
  expect: readonly string[];
  /** Findings of the untouched dataset that must be gone. */
  gone?: readonly string[];
  /** Findings that may be added or not: what follows from the row by more than one reasonable reading. */
  perhaps?: readonly string[];
  /** The audit judges by a clock this much later, µs. */
  later?: bigint;
  pageRows?: number;
  /** Passes beside the three whose own sums leave the legal range. */
  overflows?: readonly string[];
}

/** All passes that do not need the bank take part; the tables name the findings of the three. */
const PASSES = ALL_PASSES.map((p) => p.name).filter((name) => !BANK_PASSES.includes(name));

/** Texts of the findings of the three passes in a database, one for each time a finding was opened. */
export async function openedFindings(sql: Sql): Promise<string[]> {
  const rows = await sql`SELECT j.check_id, j.finding_table, j.content
    FROM auditor.auditor_x_journal j JOIN auditor.auditor_x_run USING (run_id)
    WHERE j.event = 'opened' AND pass = ANY(${`{${THREE_PASSES.join()}}`}::text[]) ORDER BY j.journal_id`;
  const names = new Names();
  return rows.map((r) =>
    describeFinding({
      check: r["check_id"] as string,
      table: r["finding_table"] as Finding["table"],
      columns: r["content"] as Finding["columns"],
    }, names).replaceAll(/ (?:of|in) somebody|(?<= )somebody /g, "")
  );
}

const untouched = new Map<string, Promise<string[]>>();

/** Findings of an untouched dataset; audited once per process. */
function findingsOf(dataset: string, later: bigint): Promise<string[]> {
  const key = `${dataset} ${later}`;
  const known = untouched.get(key) ?? withCopy(dataset, async (url, sql) => {
    const info = datasetInfo(dataset);
    await withAuditor(url, info, { passes: PASSES, now: info.audit_now_us + later }, (auditor) => auditor.runWell());
    return await openedFindings(sql);
  });
  untouched.set(key, known);
  return known;
}

function assertComplete(report: AuditReport, overflows: readonly string[] = []): void {
  for (const { pass, failure } of report.passes) {
    if (failure?.kind === "overflow" && overflows.includes(pass)) continue;
    assert.equal(failure, undefined, `pass ${pass} failed: ${failure?.kind}: ${failure?.message}`);
  }
}

/** Multiset difference: what `a` has more often than `b`. */
function surplus(a: readonly string[], b: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const text of b) left.set(text, (left.get(text) ?? 0) + 1);
  return a.filter((text) => {
    const count = left.get(text) ?? 0;
    left.set(text, count - 1);
    return count <= 0;
  });
}

/** The expression of a pattern. */
function expressionOf(pattern: string): RegExp {
  const escaped = pattern.split("*").map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&")).join("[^]*");
  return new RegExp(`^(?:${escaped.replaceAll(" OR ", "|")})$`);
}

/** Takes the texts that patterns ask for out of `texts`; returns the patterns that found too few. */
function take(patterns: readonly string[], texts: string[]): string[] {
  return patterns.flatMap((entry) => {
    const [, count = "1", pattern = ""] = /^(?:(\d+) x )?([^]*)$/.exec(entry)!;
    const expression = expressionOf(pattern);
    let left = Number(count);
    const kept = texts.filter((text) => left === 0 || !expression.test(text) || left-- === 0);
    texts.splice(0, texts.length, ...kept);
    return left === 0 ? [] : [left === 1 ? pattern : `${left} x ${pattern}`];
  });
}

/** How a set of findings differs from what a case expects; undefined if it does not. */
export function compareFindings(
  c: Pick<HostileCase, "expect" | "gone" | "perhaps">,
  before: readonly string[],
  after: readonly string[],
): string | undefined {
  const added = surplus(after, before);
  const removed = surplus(before, after);
  const missing = take(c.expect, added);
  const kept = take(c.gone ?? [], removed);
  const perhaps = (c.perhaps ?? []).map(expressionOf);
  const unexpected = added.filter((text) => !perhaps.some((expression) => expression.test(text)));
  const lines = [
    ...missing.map((text) => `missing:    ${text}`),
    ...unexpected.slice(0, 30).map((text) => `unexpected: ${text}`),
    ...(unexpected.length > 30 ? [`            and ${unexpected.length - 30} more`] : []),
    ...kept.map((text) => `still open: ${text}`),
    ...removed.map((text) => `lost:       ${text}`),
  ];
  return lines.length === 0 ? undefined : lines.join("\n");
}

/** Runs one case: audit, compare with the untouched dataset, audit again, insist that nothing is added. */
async function runHostileCase(c: HostileCase): Promise<void> {
  const info = datasetInfo(c.dataset);
  const later = c.later ?? 0n;
  const choice = {
    passes: PASSES,
    now: info.audit_now_us + later,
    ...(c.pageRows === undefined ? {} : { pageRows: c.pageRows }),
  };
  const before = await findingsOf(c.dataset, later);
  await withCopy(c.dataset, async (url, sql) => {
    await spoil(url, [c.without ?? "", c.sql]);
    await withAuditor(url, info, choice, async (auditor) => {
      assertComplete(await auditor.run(), c.overflows);
      const difference = compareFindings(c, before, await openedFindings(sql));
      assert.equal(difference, undefined, `\n${difference}`);
      const state = await wholeAuditor(sql);
      assertComplete(await auditor.run(), c.overflows);
      assert.deepEqual(await wholeAuditor(sql), state, "a second run changes nothing");
    });
  });
}

/** One test for each case. */
export function testHostileRows(cases: readonly HostileCase[]): void {
  const absent = new Set(cases.map((c) => c.dataset).filter((name) => !datasetNames().includes(name)));
  if (absent.size > 0) {
    // deno-lint-ignore no-console -- a skipped test says why
    console.log(`hostile rows: skipped where a golden dataset is absent: ${[...absent].join(", ")}`);
  }
  const seen = new Set<string>();
  for (const c of cases) {
    assert.ok(!seen.has(c.name), `two cases have one name: ${c.name}`);
    seen.add(c.name);
    Deno.test({
      name: `hostile row: ${c.name}${c.without === undefined ? "" : " (constraint dropped)"}`,
      ignore: absent.has(c.dataset),
      fn: () => runHostileCase(c),
    });
  }
}

/** Changes a database as its superuser, in one transaction. */
export async function spoil(url: string, statements: readonly string[]): Promise<void> {
  const sql = await connectToTest(url);
  try {
    await sql.begin(async (tx) => {
      for (const text of statements) if (text !== "") await tx.unsafe(text);
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The result of an audit as text for people, as JSON for programs, and its progress on a terminal. */

import type { AuditReport, PassReport } from "../core/audit/run.ts";
import type { OpenFindings } from "../core/audit/summary.ts";
import { type FigureName, FIGURES } from "../core/audit/reconciliation.ts";
import type { Progress } from "../core/audit/pass.ts";
import { formatAmount } from "../core/taler/amount.ts";
import { formatTime } from "../core/taler/time.ts";

/** Everything that is shown of a run. */
export interface AuditOutcome {
  currency: string;
  /** The time by which the audit judged, µs. */
  now: bigint;
  seconds: number;
  report: AuditReport;
  findings: OpenFindings[];
  /** Atoms. */
  balances: Map<string, bigint>;
  /** Atoms; may be negative. */
  figures: Map<FigureName, bigint>;
}

/** A table with aligned columns; numbers to the right. */
function table(rows: string[][], right: number[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)));
  const cell = (text: string, i: number) => right.includes(i) ? text.padStart(widths[i]!) : text.padEnd(widths[i]!);
  return rows.map((r) => "  " + r.map(cell).join("  ").trimEnd()).join("\n");
}

const signaturesOf = (p: PassReport) => p.signatures.ed25519 + p.signatures.rsa + p.signatures.cs;

function passLine(p: PassReport): string[] {
  const result = p.failure?.kind ?? (p.wrote ? "committed" : "nothing new");
  const changes = [
    `${p.opened} new`,
    p.changed > 0 ? `${p.changed} changed` : "",
    p.resolved > 0 ? `${p.resolved} resolved` : "",
  ];
  return [
    p.pass,
    p.rows.toString(),
    signaturesOf(p).toString(),
    `${p.seconds.toFixed(2)} s`,
    changes.filter((c) => c !== "").join(", "),
    result,
  ];
}

function findingLines(outcome: AuditOutcome): string {
  const { findings, currency } = outcome;
  if (findings.length === 0) return "No open findings.";
  const rows = findings.map((f) => [
    f.open.toString(),
    f.title + (f.suppressed > 0 ? ` (and ${f.suppressed} suppressed)` : ""),
    f.atRisk === undefined ? "" : formatAmount(currency, f.atRisk),
    Object.keys(f.checks).join(" "),
  ]);
  return "Open findings, and the money they are about (docs/findings.md explains each check):\n" +
    table([["", "kind", "amount", "checks"], ...rows], [0, 2]);
}

function balanceLines({ balances, currency }: AuditOutcome): string {
  const rows = [...balances].filter(([, atoms]) => atoms !== 0n).map((
    [k, atoms],
  ) => [k, formatAmount(currency, atoms)]);
  if (balances.size === 0) return "";
  if (rows.length === 0) return `\nBalances: all ${balances.size} are zero`;
  const zero = balances.size - rows.length;
  return `\nBalances:\n${table(rows, [1])}${zero === 0 ? "" : `\n  (${zero} others are zero)`}`;
}

/** The summary that a person reads at the end of an audit. */
export function auditText(outcome: AuditOutcome): string {
  const { report, now, seconds } = outcome;
  const signatures = report.passes.reduce((sum, p) => sum + signaturesOf(p), 0);
  const heading = ["pass", "rows", "signatures", "time", "findings", "result"];
  return [
    `Audit as of ${formatTime(now)}`,
    "",
    table([heading, ...report.passes.map(passLine)], [1, 2, 3]),
    `  ${signatures} signatures in ${seconds.toFixed(2)} s`,
    "",
    findingLines(outcome),
    balanceLines(outcome),
    figureLines(outcome),
  ].join("\n").trimEnd();
}

/** The reconciliation; it means nothing before the bank's side was audited as well. */
function figureLines({ balances, figures, currency }: AuditOutcome): string {
  if (!balances.has("total_wire_in") || !balances.has("total_wire_out")) return "";
  const rows = FIGURES.map(([name, title]) => [title, formatAmount(currency, figures.get(name) ?? 0n)]);
  return `\nReconciliation:\n${table(rows, [1])}`;
}

/** The same as one JSON document; amounts as `CUR:V.F`, times in ISO 8601. */
export function auditJson(outcome: AuditOutcome): unknown {
  const { report, currency, now, seconds } = outcome;
  const money = (entries: Iterable<[string, bigint]>) =>
    Object.fromEntries([...entries].map(([k, atoms]) => [k, formatAmount(currency, atoms)]));
  return {
    now: formatTime(now),
    currency,
    seconds: Number(seconds.toFixed(3)),
    passes: report.passes.map((p) => ({
      pass: p.pass,
      rows: Number(p.rows),
      signatures: { ...p.signatures, total: signaturesOf(p) },
      seconds: Number(p.seconds.toFixed(3)),
      findings: { opened: p.opened, changed: p.changed, resolved: p.resolved },
      committed: p.wrote,
      ...(p.failure === undefined ? {} : { failure: p.failure }),
    })),
    findings: outcome.findings.map((f) => ({
      kind: f.kind,
      title: f.title,
      open: f.open,
      suppressed: f.suppressed,
      table: `auditor_${f.kind}`,
      checks: f.checks,
      ...(f.atRisk === undefined ? {} : { at_risk: formatAmount(currency, f.atRisk) }),
    })),
    balances: money(outcome.balances),
    figures: money(outcome.figures),
    warnings: report.warnings,
  };
}

/** One run of a continuous audit: a line for each pass that had something to do. */
export function runText(report: AuditReport): string {
  const at = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  return report.passes.filter((p) => p.wrote).map((p) => {
    const changes = [["new", p.opened], ["changed", p.changed], ["resolved", p.resolved]] as const;
    const findings = changes.filter(([, n]) => n > 0).map(([how, n]) => `, ${n} ${how} finding${n === 1 ? "" : "s"}`);
    return `${at} ${p.pass}: ${p.rows} rows, ${signaturesOf(p)} signatures${findings.join("")}`;
  }).join("\n");
}

/** The same as one line of JSON. */
export function runJson(report: AuditReport): string {
  return JSON.stringify({
    at: new Date().toISOString(),
    passes: report.passes.filter((p) => p.wrote || p.failure !== undefined).map((p) => ({
      pass: p.pass,
      rows: Number(p.rows),
      signatures: signaturesOf(p),
      findings: { opened: p.opened, changed: p.changed, resolved: p.resolved },
      ...(p.failure === undefined ? {} : { failure: p.failure }),
    })),
  });
}

/** Width of the terminal; a longer line could not be drawn over. */
function columns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}

/** Progress on one line of a terminal, drawn at most ten times a second. */
export function progressLine(enabled: boolean): { show?: (p: Progress) => void; clear: () => void } {
  if (!enabled) return { clear: () => {} };
  const encoder = new TextEncoder();
  const passes = new Map<string, Progress>();
  let drawn = 0;
  const write = (text: string) => Deno.stderr.writeSync(encoder.encode(text));
  return {
    show: (p) => {
      passes.set(p.pass, p);
      const now = performance.now();
      if (now - drawn < 100 && p.done < p.total) return;
      drawn = now;
      const parts = [...passes.values()].filter(({ done, total }) => done < total).map(({ pass, done, total }) =>
        `${pass} ${done} of ${total} rows (${done * 100n / total} %)`
      );
      write(`\r\x1b[K${parts.join("  ").slice(0, columns() - 1)}`);
    },
    clear: () => {
      if (passes.size > 0) write("\r\x1b[K");
    },
  };
}

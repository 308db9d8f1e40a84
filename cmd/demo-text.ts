// SPDX-License-Identifier: AGPL-3.0-or-later
/** The story of the demo as text: what happens, in figures, for a person who sees an audit for the first time. */

import type { AuditReport } from "../core/audit/run.ts";
import type { FigureName } from "../core/audit/reconciliation.ts";
import type { Expectation, Found } from "../core/simulator/verdict.ts";
import type { Committed } from "../core/simulator/frauds.ts";
import type { Simulation } from "../core/simulator/simulation.ts";
import { type Statistics, statisticsOf } from "../core/simulator/statistics.ts";
import { formatAmount } from "../core/taler/amount.ts";
import { formatTime } from "../core/taler/time.ts";

/** How words are made to stand out; without colours they stay as they are. */
export interface Style {
  title(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  quiet(text: string): string;
}

const WIDTH = 100;
const INDENT = "   ";

/** Colours of a terminal, or none. */
export function styleOf(colours: boolean): Style {
  const style = (code: string) => (text: string) => colours ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { title: style("1"), good: style("32"), bad: style("31"), quiet: style("2") };
}

/** A number with its thousands apart. */
export function counted(value: number | bigint): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Breaks a text into lines of at most 100 characters, each indented. */
export function wrapped(text: string, indent = INDENT): string {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > WIDTH) lines.push(indent + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
}

/** Lines of columns, those named in `right` aligned to the right. */
export function columns(rows: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((r) => (r[i] ?? "").length)));
  const cell = (text: string, i: number) => right.includes(i) ? text.padStart(widths[i]!) : text.padEnd(widths[i]!);
  return rows.map((r) => (INDENT + r.map(cell).join("  ")).trimEnd()).join("\n");
}

/** A chapter heading. */
export function heading(style: Style, number: number, text: string): string {
  return `\n${style.title(`${number}  ${text}`)}\n`;
}

/** The first lines: what is going to happen. */
export function introduction(style: Style): string {
  return [
    style.title("taler-auditor demo: an exchange, its audit, and five frauds"),
    "",
    wrapped(
      "An exchange of GNU Taler issues electronic coins against money that customers transfer to it, and pays merchants " +
        "who receive such coins. An auditor reads its database and checks that every coin was really issued, nobody " +
        "spent more than they had, and every merchant was paid. Here both are simulated; the cryptography is real.",
      "",
    ),
  ].join("\n");
}

/** What the simulated exchange did. */
export function exchangeStory(simulation: Simulation, rows: number, seconds: number): string {
  const { options, plan, end } = simulation;
  const s = statisticsOf(plan);
  const money = (atoms: bigint) => formatAmount(options.currency, atoms);
  const day = (time: bigint) => formatTime(time).slice(0, 10);
  const ciphers = [
    s.rsaDenominations > 0 ? `${s.rsaDenominations} with RSA` : "",
    s.csDenominations > 0 ? `${s.csDenominations} with Clause-Schnorr` : "",
  ].filter((text) => text !== "").join(", ");
  return [
    wrapped(
      `${options.days} days of business, from ${day(options.start)} until ${day(end)}, with ${options.customers} ` +
        `customers, ${options.merchants} merchants and ${plan.terms.denominations.length} kinds of coins ` +
        `(${ciphers}). The seed "${options.seed}" decides all that happened:`,
    ),
    "",
    columns(
      [
        ["transfers from customers", counted(s.credits), money(s.paidIn)],
        ["coins withdrawn", counted(s.withdrawals), ""],
        ["contracts paid", counted(s.contracts), `with ${counted(s.deposits)} coins`],
        ["refunds by merchants", counted(s.refunds), ""],
        ["coins exchanged for change", counted(s.melts), `for ${counted(s.freshCoins)} fresh coins`],
        ["transfers to merchants", counted(s.transfers), money(s.wired)],
        ["reserves closed, rest paid back", counted(s.closures), money(s.paidBack)],
      ],
      [1],
    ),
    "",
    wrapped(`${counted(rows)} rows, each with the signatures of those whom it concerns, in ${seconds.toFixed(1)} s.`),
  ].join("\n");
}

/** What an audit read and verified, and how quickly. */
export function auditStory(report: AuditReport, seconds: number, processors: number): string {
  const sum = (kind: "ed25519" | "rsa" | "cs") => report.passes.reduce((total, p) => total + p.signatures[kind], 0);
  const all = sum("ed25519") + sum("rsa") + sum("cs");
  const rows = report.passes.reduce((total, p) => total + p.rows, 0n);
  return [
    columns(
      [
        ["pass", "rows", "signatures"],
        ...report.passes.map((p) => [
          p.pass,
          counted(p.rows),
          counted(p.signatures.ed25519 + p.signatures.rsa + p.signatures.cs),
        ]),
      ],
      [1, 2],
    ),
    "",
    wrapped(
      `${counted(rows)} rows read and ${counted(all)} signatures verified (${counted(sum("ed25519"))} Ed25519, ` +
        `${counted(sum("rsa"))} RSA, ${counted(sum("cs"))} Clause-Schnorr) in ${seconds.toFixed(2)} s: ` +
        `${counted(Math.round(all / seconds))} signatures per second on ${processors} ` +
        `processor${processors === 1 ? "" : "s"}.`,
    ),
  ].join("\n");
}

/** Where the money is that came in: the sum of all places must be what came in. */
export function moneyStory(
  style: Style,
  currency: string,
  s: Statistics,
  figures: ReadonlyMap<FigureName, bigint>,
): { text: string; balanced: boolean } {
  const figure = (name: FigureName) => figures.get(name) ?? 0n;
  const places: [string, bigint][] = [
    ["paid to merchants", s.wired],
    ["paid back to customers", s.paidBack],
    ["in coins of customers", figure("coins_outstanding")],
    ["in reserves of customers", figure("reserves_outstanding")],
    ["owed to merchants", figure("merchants_outstanding")],
    ["earned by the exchange in fees", figure("income")],
  ];
  const total = places.reduce((sum, [, atoms]) => sum + atoms, 0n);
  const rows = places.map(([name, atoms]) => [name, formatAmount(currency, atoms)]);
  const balanced = total === s.paidIn;
  const verdict = balanced ? style.good("all of it is accounted for") : style.bad("the sums differ");
  return {
    text: [
      wrapped(`Of ${formatAmount(currency, s.paidIn)} that came in, the audit says where each part is:`),
      columns([...rows, ["together", formatAmount(currency, total)]], [1]),
      `${INDENT}${verdict}`,
    ].join("\n"),
    balanced,
  };
}

/** What the operator did. */
export function fraudStory(style: Style, committed: readonly Committed[]): string {
  const stories = committed.map(({ fraud, deed }) =>
    `${INDENT}${style.title(fraud.title)}: ${deed}.\n${style.quiet(wrapped(fraud.description, `${INDENT}  `))}`
  );
  return [
    wrapped(
      "Now the operator turns dishonest. Nothing in the database is beyond the operator's reach: amounts, balances, new " +
        "rows. What is beyond reach are the keys of those who do not collude. Each fraud is covered up so that stored " +
        "balances still look right.",
    ),
    ...stories,
  ].join("\n\n");
}

/**
 * Which finding belongs to which fraud, and what was missed or found too much.
 *
 * @param titles kinds of findings in words, by table
 */
export function verdictStory(
  style: Style,
  currency: string,
  committed: readonly Committed[],
  found: readonly Found[],
  { missing, unexpected }: { missing: readonly Expectation[]; unexpected: readonly Found[] },
  titles: ReadonlyMap<string, string>,
): string {
  const kind = (table: string) => titles.get(table) ?? table.replaceAll("_", " ");
  const money = (atoms: bigint | undefined) => atoms === undefined ? "" : formatAmount(currency, atoms);
  const rows = committed.flatMap(({ fraud, expected }) =>
    expected.map((e) => [
      fraud.title,
      missing.includes(e) ? "NOT FOUND" : "found",
      e.check,
      kind(e.table),
      money(e.amount),
    ])
  );
  const lines = columns([["fraud", "", "check", "finding", "amount"], ...rows], [4]).split("\n");
  const coloured = lines.map((line) => line.replace("NOT FOUND", style.bad).replace(/\bfound\b/, style.good));
  const surprises = unexpected.map((f) => `${INDENT}${f.check} ${kind(f.table)} ${money(f.amount)}`);
  return [
    coloured.join("\n"),
    "",
    unexpected.length === 0
      ? wrapped(`${found.length} findings, and none that accuses an honest row.`)
      : style.bad(`${INDENT}findings that nobody expected:`) + "\n" + surprises.join("\n"),
  ].join("\n");
}

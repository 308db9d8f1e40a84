// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor audit`: runs the passes once over what is new, and says what was found. */

import { parseArgs } from "node:util";
import { readAccounts } from "../core/config/accounts.ts";
import { loadConfiguration } from "../core/config/load.ts";
import { describeProblem } from "../core/config/problem.ts";
import { processEnvironment } from "../core/config/environment.ts";
import { type AuditOptions, auditOptions, type Pass, PASSES } from "../core/config/roles.ts";
import { followAudit } from "../core/audit/follow.ts";
import {
  ALL_PASSES,
  AuditBusy,
  type AuditPlan,
  type AuditReport,
  BANK_PASSES,
  type PassReport,
  runAudit,
} from "../core/audit/run.ts";
import { OtherExchange } from "../core/audit/subject.ts";
import { currentFigures } from "../core/audit/reconciliation.ts";
import { allBalances, openFindings } from "../core/audit/summary.ts";
import { connectWith, osUser, type Sql } from "../core/db/connect.ts";
import { appliedPatches } from "../core/db/versioning.ts";
import { connectionSettings } from "../core/db/connstring.ts";
import type { Configuration } from "../core/config/configuration.ts";
import { parseTime } from "../core/taler/time.ts";
import { auditJson, type AuditOutcome, auditText, progressLine, runJson, runText } from "./audit-text.ts";
import { BANK_SOURCES, bankOpener, type BankSource, type OpenBank, whyNoBank } from "./audit-bank.ts";
import { EXIT, printError, printWarning, runTool, ToolError } from "./schema-tool.ts";

const AVAILABLE = ALL_PASSES.map((p) => p.name);

const HELP = `taler-auditor audit - audit what is new in the exchange's database

Usage: taler-auditor audit [-c FILE] [PASS…] [--now TIME] [--internal] [--bank SOURCE] [--workers N]
                           [--json] [--fail-on-findings]
       taler-auditor audit --follow [-c FILE] [PASS…] [--interval SECONDS] [--internal] [--bank SOURCE] [--workers N]
                           [--json]

Reads the trusted copy of the exchange's database from where the last audit ended, verifies every signature and every
sum in it, and writes findings, balances and progress into the auditor's database. Each pass commits by itself, as a
whole or not at all; an interrupted audit is simply started again.

  PASS                 which passes to run, by default all that there is data for; wire-credit and wire-debit need the
                       history of the exchange's bank accounts. Passes: ${AVAILABLE.slice(0, 5).join(", ")},
                       ${AVAILABLE.slice(5).join(", ")}
  -c, --config FILE    configuration file
      --now TIME       judge deadlines by this time: ISO 8601, or microseconds since 1970 (default: the clock)
      --internal       compare with the balances that the exchange itself stores, too; only right on a full copy
      --bank SOURCE    where to read that history: store, as taler-auditor bank import keeps it (the default), or
                       gateway, the bank's wire gateway itself
      --workers N      verification threads (default: one per processor)
      --json           print the result as one JSON document
      --fail-on-findings
                       exit with 10 when open findings exist
      --follow         go on auditing: whenever the exchange's copy tells that something happened (exchange-dbinit -a
                       installs the triggers that do), and on a timer; ends cleanly on SIGTERM
      --interval SECONDS
                       with --follow: run all passes at least this often (default: 300)
  -h, --help           this text

Exit codes: 0 done, with findings or without; 1 a pass failed; 2 wrong usage; 5 no connection; 6 wrong configuration;
10 open findings (with --fail-on-findings); 42 an amount is outside the legal range, nothing of that pass was committed
`;

/** Exit codes beside those of all tools (DESIGN.md 9). */
const AUDIT_EXIT = { findings: 10, overflow: 42 } as const;

/** The subcommand. */
export const command = {
  name: "audit",
  summary: "audit what is new in the exchange's database",
  help: HELP,
  run: (args: string[]): Promise<number> => runTool(() => run(args)),
};

interface Arguments {
  config: string | undefined;
  /** Undefined: all that there is data for. */
  passes: Pass[] | undefined;
  /** Undefined: the store if there is one. */
  bank: BankSource | undefined;
  now: bigint;
  internal: boolean;
  workers: number;
  json: boolean;
  failOnFindings: boolean;
  follow: boolean;
  interval_ms: number;
}

async function run(args: string[]): Promise<number> {
  const parsed = readArguments(args);
  if (parsed === undefined) {
    console.log(HELP.trimEnd());
    return EXIT.done;
  }
  const config = loadOrFail(parsed.config);
  const openBank = bankOpener(config, parsed.bank ?? "store");
  const { passes, left } = await choosePasses(parsed, config, openBank);
  const options = auditOptions(config, { passes, readKeyFile: (path) => Deno.readFileSync(path) });
  for (const { level, message } of config.notices) if (level === "warning") printWarning(message);
  for (const message of left) printWarning(message);
  const plan = planOf(parsed, config, { options, passes, openBank });
  if (parsed.follow) {
    await follow(plan, parsed);
    return EXIT.done;
  }
  const outcome = await audit(parsed, plan);
  for (const warning of outcome.report.warnings) printWarning(warning);
  if (parsed.json) console.log(JSON.stringify(auditJson(outcome), undefined, 2));
  else console.log(auditText(outcome));
  return exitCode(parsed, outcome);
}

/** What to do about a pass that failed. */
const FAILURE_HINTS: Partial<Record<NonNullable<PassReport["failure"]>["kind"], string>> = {
  overflow: "nothing of this pass was committed; once the row is mended the audit can simply be started again",
  stopped: "find out whether rows were deleted or the copy was restored; docs/findings.md says more under this check",
};

function exitCode(parsed: Arguments, { report, findings }: AuditOutcome): number {
  const failures = report.passes.flatMap((p) => p.failure === undefined ? [] : [{ pass: p.pass, ...p.failure }]);
  for (const { pass, kind, message } of failures) {
    printError(`pass ${pass}: ${message}`, FAILURE_HINTS[kind]);
  }
  if (failures.some((f) => f.kind === "overflow")) return AUDIT_EXIT.overflow;
  if (failures.length > 0) return EXIT.failed;
  return parsed.failOnFindings && findings.some((f) => f.open > 0) ? AUDIT_EXIT.findings : EXIT.done;
}

/** The passes that are asked for; by default all but those that lack what they compare with, and why they are left. */
async function choosePasses(
  parsed: Arguments,
  config: Configuration,
  openBank: OpenBank,
): Promise<{ passes: Pass[]; left: string[] }> {
  if (parsed.passes !== undefined) return { passes: parsed.passes, left: [] };
  const without = (left: readonly string[]) => PASSES.filter((p) => !left.includes(p));
  const accounts = readAccounts(config);
  const idle = [
    ...accounts.some((a) => a.credit || a.debit) ? [] : ["wire-credit", "wire-debit"],
  ];
  const noAccount = idle.length === 0 ? [] : [`no bank account to compare with, left out: ${idle.join(", ")}`];
  if (idle.length === BANK_PASSES.length || parsed.bank !== undefined) {
    return { passes: without(idle), left: noAccount };
  }
  const reason = await whyNoBank(config, openBank);
  if (reason === undefined) return { passes: without(idle), left: noAccount };
  return {
    passes: without(BANK_PASSES),
    left: [`no history of the bank accounts, left out: ${BANK_PASSES.join(", ")} (${reason})`],
  };
}

interface Chosen {
  options: AuditOptions;
  passes: readonly Pass[];
  openBank: OpenBank;
}

function planOf(parsed: Arguments, config: Configuration, { options, passes, openBank }: Chosen): AuditPlan {
  const open = (database: "auditor" | "exchange", readOnly: boolean) => (): Promise<Sql> =>
    connectWith(connectionSettings(config, database, { osUser: osUser(processEnvironment()) }), {
      searchPath: [],
      applicationName: `taler-auditor audit (process ${Deno.pid})`,
      readOnly,
    });
  return {
    settings: { ...options, auditorPub: options.auditorPub ?? new Uint8Array(32) },
    passes,
    now: parsed.now,
    internal: parsed.internal,
    workers: parsed.workers,
    openExchange: open("exchange", true),
    openAuditor: open("auditor", false),
    openBank,
  };
}

async function audit(parsed: Arguments, plan: AuditPlan): Promise<AuditOutcome> {
  const line = progressLine(!parsed.json && Deno.stderr.isTerminal());
  const started = performance.now();
  let report: AuditReport;
  try {
    report = await runAudit({ ...plan, progress: line.show });
  } catch (error) {
    throw asToolError(error);
  } finally {
    line.clear();
  }
  const seconds = (performance.now() - started) / 1000;
  const auditor = await plan.openAuditor();
  try {
    return {
      currency: plan.settings.currency,
      now: parsed.now,
      seconds,
      report,
      findings: await openFindings(auditor),
      balances: await allBalances(auditor),
      figures: await currentFigures(auditor),
    };
  } finally {
    await auditor.end({ timeout: 1 });
  }
}

function asToolError(error: unknown): unknown {
  if (error instanceof OtherExchange) {
    const hint = "use a database of its own for each exchange; dbinit -r forgets what was audited";
    return new ToolError(EXIT.configuration, error.message, hint);
  }
  if (error instanceof AuditBusy) return new ToolError(EXIT.failed, error.message, "wait for it, or end it");
  return error;
}

/** What a continuous audit waits for. */
async function announcement(plan: AuditPlan, { interval_ms }: Arguments): Promise<string> {
  const timer = `every ${interval_ms / 1000} seconds`;
  const exchange = await plan.openExchange();
  try {
    const triggers = await appliedPatches(exchange, "auditor-triggers-");
    const when = triggers === undefined || triggers.length === 0
      ? `${timer}; the copy has no triggers that would tell of news (exchange-dbinit -a)`
      : `whenever the copy tells of news, and ${timer}`;
    return `auditing ${plan.passes.join(", ")}: ${when}; SIGTERM or Ctrl-C ends it`;
  } finally {
    await exchange.end({ timeout: 1 });
  }
}

/** Audits until SIGTERM or SIGINT. Prints a line for every run that changed something. */
async function follow(plan: AuditPlan, parsed: Arguments): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  const warned = new Set<string>();
  let broken = false;
  Deno.addSignalListener("SIGTERM", end);
  Deno.addSignalListener("SIGINT", end);
  try {
    console.error(await announcement(plan, parsed));
    await followAudit(plan, {
      interval_ms: parsed.interval_ms,
      settle_ms: 200,
      signal: stop.signal,
      clock: () => BigInt(Date.now()) * 1000n,
      report: (report) => {
        if (broken) console.error("connected again");
        broken = false;
        printRun(report, parsed.json, warned);
      },
      trouble: (error, retry_ms) => {
        broken = true;
        printWarning(`${error.message}; trying again in ${(retry_ms / 1000).toFixed(1)} seconds`);
      },
    });
  } catch (error) {
    throw asToolError(error);
  } finally {
    Deno.removeSignalListener("SIGTERM", end);
    Deno.removeSignalListener("SIGINT", end);
  }
}

/** @param warned what was warned of before; a warning that goes on for days is said once */
function printRun(report: AuditReport, json: boolean, warned: Set<string>): void {
  for (const warning of report.warnings.filter((w) => !warned.has(w))) {
    printWarning(warning);
    warned.add(warning);
  }
  for (const { pass, failure } of report.passes) {
    if (failure !== undefined) printError(`pass ${pass}: ${failure.message}`);
  }
  if (report.passes.every((p) => !p.wrote)) return;
  const text = json ? runJson(report) : runText(report);
  console.log(text);
}

function loadOrFail(file: string | undefined): Configuration {
  const loaded = loadConfiguration(file === undefined ? {} : { file });
  if ("configuration" in loaded) return loaded.configuration;
  throw new ToolError(EXIT.configuration, loaded.problems.map(describeProblem).join("\n"));
}

function readArguments(args: string[]): Arguments | undefined {
  const { values, positionals } = parseOrFail(args);
  if (values.help === true) return undefined;
  for (const name of positionals) {
    if (!AVAILABLE.includes(name)) {
      throw new ToolError(EXIT.usage, `there is no pass ${name}`, `passes are ${AVAILABLE.join(", ")}`);
    }
  }
  const now = values.now === undefined ? BigInt(Date.now()) * 1000n : parseTime(values.now);
  if (now === undefined || now < 0n) {
    throw new ToolError(EXIT.usage, `--now: ${values.now} is not a time`, "2026-11-22T10:00:00Z, or microseconds");
  }
  const workers = Number(values.workers ?? navigator.hardwareConcurrency);
  if (!Number.isInteger(workers) || workers < 1 || workers > 256) {
    throw new ToolError(EXIT.usage, `--workers: ${values.workers} is not a number from 1 to 256`);
  }
  const interval = Number(values.interval ?? 300);
  if (!(interval >= 1 && interval <= 86_400)) {
    throw new ToolError(EXIT.usage, `--interval: ${values.interval} is not a number of seconds from 1 to 86400`);
  }
  if (values.follow === true && values.now !== undefined) {
    throw new ToolError(EXIT.usage, "--follow goes by the clock, --now cannot be given");
  }
  if (values.follow === true && values["fail-on-findings"] === true) {
    throw new ToolError(EXIT.usage, "--follow does not end with findings, --fail-on-findings cannot be given");
  }
  if (values.follow !== true && values.interval !== undefined) {
    throw new ToolError(EXIT.usage, "--interval needs --follow");
  }
  return {
    config: values.config,
    passes: positionals.length === 0 ? undefined : PASSES.filter((p) => positionals.includes(p)),
    bank: readBankSource(values.bank),
    now,
    internal: values.internal === true,
    workers,
    json: values.json === true,
    failOnFindings: values["fail-on-findings"] === true,
    follow: values.follow === true,
    interval_ms: interval * 1000,
  };
}

function readBankSource(text: string | undefined): BankSource | undefined {
  const source = BANK_SOURCES.find((s) => s === text);
  if (source !== undefined || text === undefined) return source;
  throw new ToolError(EXIT.usage, `--bank: ${text} is none of ${BANK_SOURCES.join(", ")}`);
}

function parseOrFail(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        config: { type: "string", short: "c" },
        now: { type: "string" },
        internal: { type: "boolean" },
        bank: { type: "string" },
        workers: { type: "string" },
        json: { type: "boolean" },
        "fail-on-findings": { type: "boolean" },
        follow: { type: "boolean" },
        interval: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ToolError(EXIT.usage, error.message.split(". ")[0] ?? "", "--help lists the options");
  }
}

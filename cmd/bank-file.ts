// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** The part of `taler-auditor bank` that imports files. */

import { parseCamtStatement } from "../core/bank/camt.ts";
import { parseCsvStatement } from "../core/bank/csv.ts";
import { foreignLine, importStatement, type Statement, type Unreadable } from "../core/bank/statement.ts";
import type { Account } from "../core/config/accounts.ts";
import type { Configuration } from "../core/config/configuration.ts";
import type { Sql } from "../core/db/connect.ts";
import type { Coverage } from "../core/bank/periods.ts";
import { formatAmount } from "../core/taler/amount.ts";
import { formatTime } from "../core/taler/time.ts";
import { count, printAnomalies } from "./bank-text.ts";
import { EXIT, printWarning, ToolError } from "./schema-tool.ts";

/** Largest file: months of statements, and a bound on the memory they take. */
const FILE_MAX = 32 * 1024 * 1024;

/**
 * Reads a file that the bank gave out, which must be in the exchange's currency.
 *
 * @throws ToolError for a file that cannot be used; ConfigurationError without CURRENCY
 */
export async function readStatement(
  config: Configuration,
  { paytoUri }: Account,
  file: string,
  format?: string,
): Promise<Statement> {
  const currency = config.getCurrency("exchange", "CURRENCY");
  const statement = parse(formatOf(file, format), await read(file), paytoUri);
  if ("fault" in statement) throw new ToolError(EXIT.failed, `${file}: ${statement.fault}; nothing was imported`);
  const foreign = foreignLine(statement, currency);
  if (foreign === undefined) return statement;
  const found = `currency ${foreign.amount.currency}, [exchange] CURRENCY is ${currency}`;
  throw new ToolError(EXIT.failed, `${file}:${foreign.line}: ${found}; nothing was imported`);
}

/** Imports what was read from a file. Returns the exit code. */
export async function importFile(sql: Sql, account: Account, file: string, statement: Statement): Promise<number> {
  const { section, paytoUri } = account;
  const now = BigInt(Date.now()) * 1000n;
  const { added, known, others, skipped, coverage, anomalies } = await importStatement(
    sql,
    section,
    paytoUri,
    statement,
    now,
  );
  printAnomalies(anomalies);
  for (const { place, reason } of skipped) console.log(`${file}: skipped ${place}: ${reason}`);
  for (const { line: { place, direction, amount }, reason } of others) {
    const money = formatAmount(amount.currency, amount.atoms);
    console.log(`${file}: ${place}: ${direction} of ${money} is none of the exchange's software: ${reason}`);
  }
  warnOfCoverage(section, coverage, statement);
  const parts = [count(added, "new transfer"), `${known} known`, `${others.length} other`, `${skipped.length} skipped`];
  console.log(`${section}: ${parts.join(", ")}`);
  return EXIT.done;
}

/** Warns of statements that are missing, at the beginning or between others. */
function warnOfCoverage(section: string, coverage: Coverage | undefined, { lines }: Statement): void {
  if (coverage === undefined) return;
  const money = (atoms: bigint) => formatAmount(lines[0]?.amount.currency ?? "", atoms);
  if (coverage.opening !== undefined && coverage.opening !== 0n) {
    printWarning(
      `${section}: the first statement begins with ${money(coverage.opening)}: import earlier ones, ` +
        "or else what happened before is called missing",
    );
  }
  if (coverage.gap === undefined) return;
  const { before, after } = coverage.gap;
  const [end, start] = [before.closed, after.opened].map(formatTime);
  printWarning(
    `${section}: a statement is missing: the one that ends at ${end} ends with ${
      money(before.closing)
    }, the next one, ` +
      `from ${start}, begins with ${money(after.opening)}; what happened after ${end} is not judged as missing until ` +
      "it is imported",
  );
}

function formatOf(file: string, format: string | undefined): "camt.053" | "csv" {
  if (format === "camt.053" || format === "csv") return format;
  if (format !== undefined) throw new ToolError(EXIT.usage, `--format: ${format} is neither camt.053 nor csv`);
  if (/\.xml$/i.test(file)) return "camt.053";
  if (/\.csv$/i.test(file)) return "csv";
  throw new ToolError(EXIT.usage, `the name of ${file} does not tell its format`, "say --format camt.053 or csv");
}

function parse(format: "camt.053" | "csv", bytes: Uint8Array, paytoUri: string | undefined): Statement | Unreadable {
  if (format === "camt.053") return parseCamtStatement(bytes, paytoUri);
  try {
    return parseCsvStatement(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TypeError) return { fault: "not UTF-8" };
    throw error;
  }
}

async function read(file: string): Promise<Uint8Array> {
  try {
    const { size, isFile } = await Deno.stat(file);
    if (!isFile) throw new ToolError(EXIT.failed, `${file} is no file`);
    if (size > FILE_MAX) throw new ToolError(EXIT.failed, `${file} is larger than ${FILE_MAX} bytes`, "split it");
    return await Deno.readFile(file);
  } catch (error) {
    if (error instanceof ToolError || !(error instanceof Error)) throw error;
    throw new ToolError(EXIT.failed, `${file} cannot be read: ${error.message}`);
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Findings as the verdicts of scenario tables: one short line each, with names for keys and days for times. */
import type { Column, Finding } from "../../core/audit/findings.ts";
import { DAY, timeFromDb } from "../../core/taler/time.ts";
import { plainAmount } from "./scenario.ts";

/** Names of keys and hashes, by their hexadecimal digits. */
export class Names {
  #names = new Map<string, string>();

  /** Gives bytes a name. */
  give(bytes: Uint8Array, name: string): void {
    this.#names.set(bytes.toHex(), name);
  }

  /** The name of a `bytea` column. */
  of(column: Column | undefined): string {
    return this.#names.get(String(column).replace("\\x", "")) ?? "somebody";
  }
}

function amount(column: Column | undefined): string {
  const { val, frac } = column as { val: string; frac: number };
  return plainAmount(BigInt(val) * 100_000_000n + BigInt(frac));
}

/** A time in days since the epoch, which is when the scenarios begin. */
export function inDays(time: bigint): string {
  return `day ${Number(time) / Number(DAY)}`;
}

type Columns = Record<string, Column>;

/** The text of the rows of a table, without the number of the check; tables without an entry show all their columns. */
const TEXTS: Partial<Record<Finding["table"], (c: Columns, names: Names) => string>> = {
  amount_arithmetic_inconsistency: (c) =>
    `${c["operation"]}#${c["problem_row_id"]} ${amount(c["exchange_amount"])} against ${amount(c["auditor_amount"])}`,
  coin_inconsistency: (c, names) =>
    `${c["operation"]} of ${names.of(c["coin_pub"])} ${amount(c["exchange_amount"])} against ${
      amount(c["auditor_amount"])
    }`,
  row_inconsistency: (c) => `${c["row_table"]}#${c["problem_row_id"]} ${String(c["diagnostic"]).trimEnd()}`,
  bad_sig_losses: (c, names) =>
    `${c["operation"]}#${c["problem_row_id"]} loses ${amount(c["loss"])} of ${names.of(c["operation_specific_pub"])}`,
  refreshes_hanging: (c) => `melt#${c["problem_row_id"]} hangs with ${amount(c["amount"])}`,
  denominations_without_sigs: (c, names) => `${names.of(c["denompub_h"])} of ${amount(c["value"])} without signature`,
  emergency: (c, names) =>
    `${names.of(c["denompub_h"])} of ${amount(c["value"])} loses ${amount(c["denom_loss"])} of ${
      amount(c["denom_risk"])
    }`,
  emergency_by_count: (c, names) =>
    `${names.of(c["denompub_h"])} of ${amount(c["value"])} issued ${c["num_issued"]} known ${c["num_known"]} of ${
      amount(c["risk"])
    }`,
  denomination_key_validity_withdraw_inconsistency: (c, names) =>
    `withdraw#${c["problem_row_id"]} of ${names.of(c["reserve_pub"])} in ${names.of(c["denompub_h"])} on ${
      inDays(timeFromDb(BigInt(String(c["execution_date"]))))
    }`,
  reserve_balance_insufficient_inconsistency: (c, names) =>
    `${names.of(c["reserve_pub"])} ${c["inconsistency_gain"] === true ? "has" : "is short of"} ${
      amount(c["inconsistency_amount"])
    }`,
  reserve_balance_summary_wrong_inconsistency: (c, names) =>
    `${names.of(c["reserve_pub"])} ${amount(c["exchange_amount"])} against ${amount(c["auditor_amount"])}`,
  reserve_not_closed_inconsistency: (c, names) =>
    `${names.of(c["reserve_pub"])} holds ${amount(c["balance"])} since ${
      inDays(timeFromDb(BigInt(String(c["expiration_time"]))))
    }: ${c["diagnostic"]}`,
  fee_time_inconsistency: (c) =>
    `${c["fee_type"]} ${inDays(timeFromDb(BigInt(String(c["fee_time"]))))}: ${c["diagnostic"]}`,
  wire_out_inconsistency: (c) =>
    `wire#${c["wire_out_serial_id"]} to ${c["destination_account"]}: ${amount(c["claimed"])} instead of ${
      amount(c["expected"])
    }: ${c["diagnostic"]}`,
};

/** A finding as a verdict. */
export function describeFinding(finding: Finding, names: Names): string {
  const text = TEXTS[finding.table]?.(finding.columns, names);
  return `${finding.check} ${text ?? `${finding.table} ${JSON.stringify(finding.columns)}`}`;
}

/** What is in balances, in the order of their names: `total_escrowed 5`. Zeros are left out. */
export function describeBalances(balances: Iterable<readonly [string, bigint]>, keep = /./): string[] {
  return [...balances].filter(([key, value]) => value !== 0n && keep.test(key))
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([key, value]) => `${key} ${plainAmount(value)}`);
}

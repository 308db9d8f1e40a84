// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the balances of statements say about the stored history: whether a statement or a transfer is missing. */

import { sha512Short, utf8Bytes } from "../crypto/hash.ts";
import type { TransactionSql } from "../db/connect.ts";
import { formatAmount } from "../taler/amount.ts";
import type { BankAnomaly } from "./history.ts";
import { type Coverage, followUp, type Gap, type Period } from "./periods.ts";
import { insertAnomalies, nameAccount } from "./store.ts";
import { INT8 } from "./store-rows.ts";

/** A file that was stored. */
export interface StoredFile {
  readonly account: string;
  readonly ownAccount: string | undefined;
  readonly periods: readonly Period[];
  /** Row ids of the transfers that belong to a statement with balances. */
  readonly balanced: readonly bigint[];
  /** Up to when the file has all transfers by what it says, or shows, µs. */
  readonly until: bigint;
  /** Now, µs. */
  readonly now: bigint;
}

/**
 * Notes that a file was stored: up to when the history is complete now, and what the bank calls the account. Where
 * statements name their balances, the history is complete up to the first gap between them.
 */
export async function completeFile(
  tx: TransactionSql,
  file: StoredFile,
): Promise<{ coverage: Coverage | undefined; anomalies: BankAnomaly[] }> {
  const { account, periods, balanced, until, now } = file;
  for (const { opened, closed, opening, closing, currency } of periods) {
    await tx`insert into auditor_bank.bank_statement
             values (${account}, ${opened}, ${closed}, ${opening.toString()}::numeric, ${closing.toString()}::numeric,
                     ${currency}, ${now}) on conflict do nothing`;
  }
  await tx`update auditor_bank.bank_transaction set balanced = true
            where account = ${account} and not balanced
              and row_id in (select unnest(${tx.array([...balanced], INT8)}::int8[]))`;
  const { currency, coverage } = await readCoverage(tx, account);
  const end = coverage === undefined ? until : coverage.until;
  const complete = coverage?.gap === undefined
    ? tx`greatest(completed, ${end}::int8, ${until}::int8)`
    : tx`least(${end}::int8, ${now}::int8)`;
  await tx`update auditor_bank.bank_progress set completed = least(${complete}, ${now}::int8) where account = ${account}`;
  await nameAccount(tx, account, file.ownAccount);
  return { coverage, anomalies: await checkSum(tx, file, currency, coverage) };
}

/**
 * How the statements of an account follow each other, those in its transfers' currency. A gap that the transfers of
 * statements without balances fill is none: then these count like the others.
 */
async function readCoverage(
  tx: TransactionSql,
  account: string,
): Promise<{ currency: string; coverage: Coverage | undefined }> {
  const [known] = await tx<{ currency: string }[]>`
    select currency from auditor_bank.bank_transaction where account = ${account} order by row_id limit 1`;
  const rows = await tx<{ opened: bigint; closed: bigint; opening: string; closing: string; currency: string }[]>`
    select opened, closed, opening::text as opening, closing::text as closing, currency
      from auditor_bank.bank_statement where account = ${account}`;
  const currency = known?.currency ?? rows[0]?.currency ?? "";
  const periods = rows.filter((p) => p.currency === currency)
    .map((p): Period => ({ ...p, opening: BigInt(p.opening), closing: BigInt(p.closing) }));
  const bridges = new Map<string, boolean>();
  const nameOf = ({ before, after }: Gap) => `${before.closed} ${after.opened}`;
  for (;;) {
    const coverage = followUp(periods, (gap) => bridges.get(nameOf(gap)) === true);
    if (coverage?.gap === undefined || bridges.has(nameOf(coverage.gap))) return { currency, coverage };
    bridges.set(nameOf(coverage.gap), await bridge(tx, account, coverage.gap));
  }
}

/** Whether transfers from statements without balances lead over a gap; if so they belong to the sum from now on. */
async function bridge(tx: TransactionSql, account: string, { before, after }: Gap): Promise<boolean> {
  const between = tx`account = ${account} and date >= ${before.closed} and date < ${after.opened}`;
  const [row] = await tx<{ sum: string }[]>`
    select coalesce(sum(case direction when 'credit' then amount else -amount end), 0)::text as sum
      from auditor_bank.bank_transaction where ${between}`;
  if (BigInt(row?.sum ?? "0") !== after.opening - before.closing) return false;
  await tx`update auditor_bank.bank_transaction set balanced = true where ${between} and not balanced`;
  return true;
}

/**
 * What is stored from statements with balances must come to the balances. Else two transfers were taken for one, or one
 * for two: no verdict on this account is worth much before that is cleared up (WC-R9).
 */
async function checkSum(
  tx: TransactionSql,
  { account, now }: StoredFile,
  currency: string,
  coverage: Coverage | undefined,
): Promise<BankAnomaly[]> {
  if (coverage === undefined || coverage.gap !== undefined || coverage.change === undefined) return [];
  const [row] = await tx<{ sum: string }[]>`
    select coalesce(sum(case direction when 'credit' then amount else -amount end), 0)::text as sum
      from auditor_bank.bank_transaction where account = ${account} and balanced`;
  const off = BigInt(row?.sum ?? "0") - coverage.change;
  const amount = { currency, atoms: off < 0n ? -off : off };
  const diagnostic = `what is stored from statements comes to ${formatAmount(currency, amount.atoms)} ` +
    `${off < 0n ? "less" : "more"} than their balances`;
  const hash = sha512Short(utf8Bytes(diagnostic));
  // one stands at a time
  await tx`update auditor_bank.bank_anomaly
              set settled = case when ${
    off !== 0n
  } and content_hash = ${hash} then null else coalesce(settled, ${now}) end
            where account = ${account} and kind = 'balance'`;
  if (off === 0n) return [];
  const direction = off > 0n ? "debit" as const : "credit" as const;
  const anomaly: BankAnomaly = { account, direction, rowId: 0n, amount, kind: "balance", diagnostic };
  return await insertAnomalies(tx, [{ anomaly, hash }], now);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the balances of statements say about the stored history: whether a statement or a transfer is missing. */

import { sha512Short, utf8Bytes } from "../crypto/hash.ts";
import type { TransactionSql } from "../db/connect.ts";
import { formatAmount } from "../taler/amount.ts";
import { formatTime } from "../taler/time.ts";
import type { BankAnomaly } from "./history.ts";
import { type Coverage, followUp, type Period } from "./periods.ts";
import { insertAnomalies, nameAccount } from "./store.ts";
import { INT8 } from "./store-rows.ts";

/** A file that was stored. */
export interface StoredFile {
  readonly account: string;
  readonly ownAccount: string | undefined;
  readonly periods: readonly Period[];
  /** Row ids of the transfers that belong to a statement with balances. */
  readonly balanced: readonly bigint[];
  readonly currency: string | undefined;
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
  for (const { opened, closed, opening, closing } of periods) {
    await tx`insert into auditor_bank.bank_statement
             values (${account}, ${opened}, ${closed}, ${opening.toString()}::numeric, ${closing.toString()}::numeric,
                     ${now}) on conflict do nothing`;
  }
  await tx`update auditor_bank.bank_transaction set balanced = true
            where account = ${account} and not balanced
              and row_id in (select unnest(${tx.array([...balanced], INT8)}::int8[]))`;
  const coverage = followUp(await readPeriods(tx, account));
  const end = coverage === undefined ? until : coverage.until;
  const complete = coverage?.gap === undefined
    ? tx`greatest(completed, ${end}::int8, ${until}::int8)`
    : tx`least(${end}::int8, ${now}::int8)`;
  await tx`update auditor_bank.bank_progress set completed = least(${complete}, ${now}::int8) where account = ${account}`;
  await nameAccount(tx, account, file.ownAccount);
  return { coverage, anomalies: await checkSum(tx, file, coverage) };
}

async function readPeriods(tx: TransactionSql, account: string): Promise<Period[]> {
  const rows = await tx<{ opened: bigint; closed: bigint; opening: string; closing: string }[]>`
    select opened, closed, opening::text as opening, closing::text as closing
      from auditor_bank.bank_statement where account = ${account} order by 1, 2, 3, 4`;
  return rows.map((p) => ({ ...p, opening: BigInt(p.opening), closing: BigInt(p.closing) }));
}

/**
 * What is stored from statements with balances must come to the balances. Else two transfers were taken for one, or one
 * for two: no verdict on this account is worth much before that is cleared up (WC-R9).
 */
async function checkSum(
  tx: TransactionSql,
  { account, currency, now }: StoredFile,
  coverage: Coverage | undefined,
): Promise<BankAnomaly[]> {
  if (coverage === undefined || coverage.gap !== undefined || coverage.change === undefined) return [];
  const [row] = await tx<{ sum: string }[]>`
    select coalesce(sum(case direction when 'credit' then amount else -amount end), 0)::text as sum
      from auditor_bank.bank_transaction where account = ${account} and balanced`;
  const off = BigInt(row?.sum ?? "0") - coverage.change;
  const text = (atoms: bigint) => formatAmount(currency ?? "", atoms);
  const diagnostic = `what is stored up to ${formatTime(coverage.until)} comes to ${text(off + coverage.change)}, ` +
    `by the balances of the statements to ${text(coverage.change)}`;
  const hash = sha512Short(utf8Bytes(diagnostic));
  // one stands at a time
  await tx`update auditor_bank.bank_anomaly
              set settled = case when ${
    off !== 0n
  } and content_hash = ${hash} then null else coalesce(settled, ${now}) end
            where account = ${account} and kind = 'balance'`;
  if (off === 0n || currency === undefined) return [];
  const anomaly: BankAnomaly = {
    account,
    direction: off > 0n ? "debit" : "credit",
    rowId: 0n,
    amount: { currency, atoms: off < 0n ? -off : off },
    kind: "balance",
    diagnostic,
  };
  return await insertAnomalies(tx, [{ anomaly, hash }], now);
}

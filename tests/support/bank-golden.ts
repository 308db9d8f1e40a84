// SPDX-License-Identifier: AGPL-3.0-or-later
/** The recorded bank history of a golden dataset or mutation, as the passes read it. */
import { join } from "node:path";
import type { BankCredit, BankDebit, BankHistory } from "../../core/bank/history.ts";
import { parseAmount } from "../../core/taler/amount.ts";
import { decodeBase32 } from "../../core/taler/base32.ts";
import { SECOND } from "../../core/taler/time.ts";
import { datasetPath, mutationPath } from "./golden.ts";

interface Recorded {
  credit_account?: string;
  debit_account?: string;
  incoming_transactions?: Record<string, unknown>[];
  outgoing_transactions?: Record<string, unknown>[];
}

/** Everything the bank has, to be cut or changed by a test. */
export interface RecordedHistory {
  credits: BankCredit[];
  debits: BankDebit[];
  own: string | undefined;
}

function read(folder: string, name: string): Recorded | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(join(folder, name))) as Recorded;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const text = (value: unknown) => value as string;
const row = (t: Record<string, unknown>) => BigInt(t["row_id"] as number);
const date = (t: Record<string, unknown>) => BigInt((t["date"] as { t_s: number }).t_s) * SECOND;

function credit(account: string, t: Record<string, unknown>): BankCredit {
  return {
    account,
    rowId: row(t),
    date: date(t),
    amount: parseAmount(text(t["amount"]))!,
    kind: text(t["type"]).toUpperCase() as BankCredit["kind"],
    subject: decodeBase32(text(t["reserve_pub"] ?? t["account_pub"] ?? t["wad_id"]))!,
    originExchangeUrl: t["origin_exchange_url"] as string | undefined,
    debitAccount: text(t["debit_account"]),
  };
}

function debit(account: string, t: Record<string, unknown>): BankDebit {
  return {
    account,
    rowId: row(t),
    date: date(t),
    amount: parseAmount(text(t["amount"]))!,
    wtid: decodeBase32(text(t["wtid"]), 32)!,
    exchangeBaseUrl: text(t["exchange_base_url"]),
    creditAccount: text(t["credit_account"]),
  };
}

/** The history recorded with a dataset; a mutation on the bank's side replaces it. */
export function recordedHistory(account: string, dataset: string, mutation?: string): RecordedHistory {
  const folders = [
    ...(mutation === undefined ? [] : [join(mutationPath(mutation), "bank")]),
    join(datasetPath(dataset), "bank"),
  ];
  const first = (name: string) => folders.map((f) => read(f, name)).find((r) => r !== undefined);
  const incoming = first("incoming.json"), outgoing = first("outgoing.json");
  return {
    credits: (incoming?.incoming_transactions ?? []).map((t) => credit(account, t)),
    debits: (outgoing?.outgoing_transactions ?? []).map((t) => debit(account, t)),
    own: incoming?.credit_account ?? outgoing?.debit_account,
  };
}

/** A history as the passes read it, in pages of a size. */
export function asBankHistory(history: RecordedHistory, pageSize = 16): BankHistory {
  async function* pages<T extends { account: string; rowId: bigint }>(all: T[], account: string, after: bigint) {
    const rest = all.filter((t) => t.account === account && t.rowId > after);
    for (let i = 0; i < rest.length; i += pageSize) yield await Promise.resolve(rest.slice(i, i + pageSize));
  }
  return {
    credits: (account, after) => pages(history.credits, account, after),
    debits: (account, after) => pages(history.debits, account, after),
    accounts: () => Promise.resolve([...new Set([...history.credits, ...history.debits].map((t) => t.account))]),
    ownAccount: () => Promise.resolve(history.own),
    anomalies: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

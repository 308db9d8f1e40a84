// SPDX-License-Identifier: AGPL-3.0-or-later
/** Outgoing transfers that one side has and the other does not have yet (wire chapter 2.5). */
import type { BankDebit } from "../../../bank/history.ts";
import { formatAmount, parseAmount } from "../../../taler/amount.ts";
import { arrayLiteral } from "../../../db/page.ts";
import { timeFromDb, timeToDb } from "../../../taler/time.ts";
import { decodeHex } from "../../hex.ts";
import type { PassRun } from "../../pass.ts";
import type { OwedTransfer } from "./match.ts";

/** A transaction of the bank, and what justifies it. */
export interface Debit {
  bank: BankDebit;
  /** Subject in hexadecimal. */
  wtid: string;
  /** Table and serial, such as `wire_out:12`; undefined while nothing justifies it. */
  justification: string | undefined;
}

/** What an earlier run left open; the maps change as matches are found. */
export interface OpenDebits {
  /** By `source:serial`. */
  owed: Map<string, OwedTransfer>;
  /** By `account rowId`. */
  debits: Map<string, Debit>;
}

/** The key of a transaction. */
export function debitKey(account: string, rowId: bigint): string {
  return `${account} ${rowId}`;
}

/** The key of an owed transfer, also written as justification. */
export function owedKey(t: { source: string; serial: bigint }): string {
  return `${t.source}:${t.serial}`;
}

/** Loads what is open. */
export async function loadOpen(run: PassRun): Promise<OpenDebits> {
  const sql = run.context.auditor;
  const owed = await sql`SELECT source, serial, account, encode(wtid, 'hex') AS wtid, receiver, amount::text AS amount,
    date, encode(reserve_pub, 'hex') AS reserve_pub FROM auditor.auditor_x_open_transfer`;
  const debits = await sql`SELECT account, row_id, encode(wtid, 'hex') AS wtid, amount, receiver, base_url, date
    FROM auditor.auditor_x_debit WHERE justification IS NULL`;
  return {
    owed: new Map(owed.map((r) => {
      const t: OwedTransfer = {
        source: r["source"] as OwedTransfer["source"],
        serial: r["serial"] as bigint,
        account: (r["account"] as string | null) ?? undefined,
        wtid: r["wtid"] as string,
        receiver: r["receiver"] as string,
        amount: BigInt(r["amount"] as string),
        date: timeFromDb(r["date"] as bigint),
        reservePub: (r["reserve_pub"] as string | null) ?? undefined,
      };
      return [owedKey(t), t];
    })),
    debits: new Map(debits.map((r) => {
      const wtid = r["wtid"] as string;
      const bank: BankDebit = {
        account: r["account"] as string,
        rowId: r["row_id"] as bigint,
        date: timeFromDb(r["date"] as bigint),
        amount: parseAmount(r["amount"] as string)!,
        wtid: decodeHex(wtid),
        exchangeBaseUrl: r["base_url"] as string,
        creditAccount: r["receiver"] as string,
      };
      return [debitKey(bank.account, bank.rowId), { bank, wtid, justification: undefined }];
    })),
  };
}

/** First transaction of each given subject and account, over all time: `account wtid` to row id. */
export async function firstRows(run: PassRun, wtids: string[]): Promise<Map<string, bigint>> {
  const rows = await run.context.auditor.unsafe(
    `SELECT account, encode(wtid, 'hex') AS wtid, min(row_id) AS first FROM auditor.auditor_x_debit
     WHERE wtid IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x) GROUP BY 1, 2`,
    [arrayLiteral(wtids)],
  );
  return new Map(rows.map((r) => [`${r["account"]} ${r["wtid"]}`, r["first"] as bigint]));
}

/** What justified earlier transactions with these subjects. */
export async function justifications(
  run: PassRun,
  wtids: string[],
): Promise<{ wtid: string; source: OwedTransfer["source"] | "profit_drains"; serial: bigint }[]> {
  const rows = await run.context.auditor.unsafe(
    `SELECT encode(wtid, 'hex') AS wtid, justification FROM auditor.auditor_x_debit
     WHERE wtid IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x) AND justification IS NOT NULL`,
    [arrayLiteral(wtids)],
  );
  return rows.map((r) => {
    const [source, serial] = (r["justification"] as string).split(":") as [OwedTransfer["source"], string];
    return { wtid: r["wtid"] as string, source, serial: BigInt(serial) };
  });
}

/**
 * Subjects (hexadecimal) of the profit drains that some transaction was justified with. An order is known by its
 * subject, which is signed, and not by its row, which the exchange can number anew.
 */
export async function usedDrains(run: PassRun): Promise<Set<string>> {
  const rows = await run.context.auditor`SELECT encode(wtid, 'hex') AS wtid FROM auditor.auditor_x_debit
    WHERE starts_with(justification, 'profit_drains:')`;
  return new Set(rows.map((r) => r["wtid"] as string));
}

/** Writes what changed. */
export function saveOpen(run: PassRun, before: ReadonlySet<string>, now: OpenDebits, fresh: ReadonlySet<string>): void {
  const changed = [...now.debits].filter(([key, d]) => fresh.has(key) || d.justification !== undefined);
  run.writes.push({
    table: "auditor_x_debit",
    key: ["account", "row_id"],
    upsert: changed.map(([, { bank, wtid, justification }]) => ({
      account: bank.account,
      row_id: bank.rowId.toString(),
      wtid: "\\x" + wtid,
      amount: formatAmount(bank.amount.currency, bank.amount.atoms),
      receiver: bank.creditAccount,
      base_url: bank.exchangeBaseUrl,
      date: timeToDb(bank.date).toString(),
      justification: justification ?? null,
    })),
    remove: [],
  });
  run.writes.push({
    table: "auditor_x_open_transfer",
    key: ["source", "serial"],
    upsert: [...now.owed].filter(([key]) => !before.has(key)).map(([, t]) => ({
      source: t.source,
      serial: t.serial.toString(),
      account: t.account ?? null,
      wtid: "\\x" + t.wtid,
      receiver: t.receiver,
      amount: t.amount.toString(),
      date: timeToDb(t.date).toString(),
      reserve_pub: t.reservePub === undefined ? null : "\\x" + t.reservePub,
    })),
    remove: [...before].filter((key) => !now.owed.has(key)).map((key) => {
      const [source, serial] = key.split(":");
      return { source, serial };
    }),
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stage 8 of the reserves pass: the verdict on every reserve that was touched or has expired (R-16 to R-21, D-11). */
import { arrayLiteral } from "../../../db/page.ts";
import { readRows } from "../../../exchange/source.ts";
import { RESERVE_BALANCES } from "../../../exchange/v014/reserves.ts";
import { DAY, timeFromDb, timeToDb } from "../../../taler/time.ts";
import { amountColumn, reserveInsufficient, reserveNotClosed, reserveSummaryWrong } from "../../findings.ts";
import { decodeHex, encodeHex } from "../../hex.ts";
import type { StateWrite } from "../../store.ts";
import { closingFeeAt, judgeClose } from "./closing.ts";
import { arithmeticWithEffects, RANK, type ReserveChange, type ReservesState } from "./state.ts";

/** A reserve must be closed this long after its expiry (audit chapter 3e). */
const CLOSING_GRACE = DAY;
/** Reserves judged at once. */
const RESERVES_AT_ONCE = 5000;
const place = { stage: RANK.verdicts, serial: 0n };

/** A reserve's ledger over its life; the balance is negative when more went out than came in. */
export interface ReserveLedger {
  balance: bigint;
  withdrawFee: bigint;
  closeFee: bigint;
  purseFee: bigint;
  openFee: bigint;
  /** 0: nothing is known that would let the reserve expire (D-20). */
  expiration: bigint;
  origin: string | undefined;
}

/** The ledger after the rows of a run. Pure. */
export function applyChange(before: ReserveLedger | undefined, change: ReserveChange | undefined): ReserveLedger {
  const ledger = before ?? {
    balance: 0n,
    withdrawFee: 0n,
    closeFee: 0n,
    purseFee: 0n,
    openFee: 0n,
    expiration: 0n,
    origin: undefined,
  };
  if (change === undefined) return ledger;
  return {
    balance: ledger.balance + change.totalIn - change.totalOut,
    withdrawFee: ledger.withdrawFee + change.withdrawFee,
    closeFee: ledger.closeFee + change.closeFee,
    purseFee: ledger.purseFee + change.purseFee,
    openFee: ledger.openFee + change.openFee,
    expiration: change.expiration > ledger.expiration ? change.expiration : ledger.expiration,
    origin: ledger.origin ?? change.origin,
  };
}

async function loadLedgers(s: ReservesState, keys: string[]): Promise<Map<string, ReserveLedger>> {
  const rows = await s.run.context.auditor.unsafe(
    `SELECT encode(reserve_pub, 'hex') AS pub, balance::text AS balance, withdraw_fee::text AS withdraw_fee,
       close_fee::text AS close_fee, purse_fee::text AS purse_fee, open_fee::text AS open_fee, expiration,
       origin_account
     FROM auditor.auditor_x_reserve WHERE reserve_pub IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x)`,
    [arrayLiteral(keys)],
  );
  return new Map(rows.map((r) => [r["pub"] as string, {
    balance: BigInt(r["balance"] as string),
    withdrawFee: BigInt(r["withdraw_fee"] as string),
    closeFee: BigInt(r["close_fee"] as string),
    purseFee: BigInt(r["purse_fee"] as string),
    openFee: BigInt(r["open_fee"] as string),
    expiration: timeFromDb(r["expiration"] as bigint),
    origin: (r["origin_account"] as string | null) ?? undefined,
  }]));
}

async function expiredReserves(s: ReservesState): Promise<string[]> {
  const rows = await s.run.context.auditor.unsafe(
    `SELECT encode(reserve_pub, 'hex') AS pub FROM auditor.auditor_x_reserve
     WHERE expiration > 0 AND expiration < $1 AND balance <> 0`,
    [s.run.context.now - CLOSING_GRACE] as never[],
  );
  return rows.map((r) => r["pub"] as string);
}

/** Judges all touched and all expired reserves, in the order of their keys, and writes their state. */
export async function judgeReserves(s: ReservesState): Promise<void> {
  const keys = [...new Set([...s.changes.keys(), ...await expiredReserves(s)])].sort();
  const own: StateWrite = { table: "auditor_x_reserve", key: ["reserve_pub"], upsert: [], remove: [] };
  const shown: StateWrite = { table: "auditor_reserves", key: ["reserve_pub"], upsert: [], remove: [] };
  for (let i = 0; i < keys.length; i += RESERVES_AT_ONCE) {
    const some = keys.slice(i, i + RESERVES_AT_ONCE);
    const before = await loadLedgers(s, some);
    const claimed = s.run.context.internal ? await loadClaimed(s, some) : undefined;
    for (const key of some) {
      const change = s.changes.get(key);
      const ledger = applyChange(before.get(key), change);
      for (const close of change?.closes ?? []) judgeClose(s, close, ledger.origin, ledger.expiration);
      judgeBalance(s, key, ledger);
      if (claimed !== undefined && change !== undefined) compareWithExchange(s, key, ledger, claimed.get(key));
      judgeExpiry(s, key, ledger);
      if (change === undefined) continue;
      own.upsert.push(ownRow(key, ledger));
      if (ledger.balance > 0n) shown.upsert.push(shownRow(key, ledger));
      else shown.remove.push({ reserve_pub: "\\x" + key });
    }
  }
  settleTotal(s);
  s.run.writes.push(own, shown);
}

async function loadClaimed(s: ReservesState, keys: string[]): Promise<Map<string, bigint>> {
  const rows = await readRows(s.run.context.source, "reserves", RESERVE_BALANCES, [keys], (r) => ({
    reservePub: r.bytes("reserve_pub", 32),
    balance: r.amount("current_balance"),
  }));
  return new Map(rows.flatMap((r) => "row" in r ? [[encodeHex(r.row.reservePub), r.row.balance]] : []));
}

/** The shortfall is one finding for as long as it lasts. */
function judgeBalance(s: ReservesState, key: string, ledger: ReserveLedger): void {
  const short = ledger.balance < 0n ? -ledger.balance : 0n;
  s.run.book.settle(
    `R-16:${key}`,
    place,
    short > 0n ? reserveInsufficient("R-16", decodeHex(key), false, short) : undefined,
    { reserves_reserve_loss: short },
  );
}

/** only with internal checks. */
function compareWithExchange(
  s: ReservesState,
  key: string,
  ledger: ReserveLedger,
  claimed: bigint | undefined,
): void {
  const reservePub = decodeHex(key);
  const ours = ledger.balance > 0n ? ledger.balance : 0n;
  const wrong = claimed === undefined || claimed !== ours;
  const check = claimed === undefined ? "R-17" : "R-18";
  s.run.book.settle(
    `R-18:gain:${key}`,
    place,
    wrong ? reserveInsufficient(check, reservePub, true, ours) : undefined,
  );
  const more = claimed !== undefined && ours > claimed ? ours - claimed : 0n;
  const less = claimed !== undefined && ours < claimed ? claimed - ours : 0n;
  s.run.book.settle(
    `R-18:summary:${key}`,
    place,
    claimed !== undefined && wrong ? reserveSummaryWrong("R-18", reservePub, claimed, ours) : undefined,
    { total_balance_summary_delta_plus: more, total_balance_summary_delta_minus: less },
  );
}

/** with D-20 and D-22: only reserves with a wire credit can be closed by the exchange. */
function judgeExpiry(s: ReservesState, key: string, ledger: ReserveLedger): void {
  const { balance, expiration, origin } = ledger;
  const expired = expiration > 0n && s.run.context.now - expiration > CLOSING_GRACE;
  const reservePub = decodeHex(key);
  const settle = (finding: ReturnType<typeof reserveNotClosed> | undefined, amount: bigint) =>
    s.run.book.settle(`R-19:${key}`, place, finding, { total_balance_reserve_not_closed: amount });
  const due = expired && origin !== undefined && balance > 0n;
  const closing = due ? closingFeeAt(s, origin, expiration) : undefined;
  s.run.book.settle(`R-9:${key}`, place, closing !== undefined && "finding" in closing ? closing.finding : undefined);
  if (!due || closing === undefined) settle(undefined, 0n);
  else if ("finding" in closing) {
    settle(reserveNotClosed("R-20", reservePub, balance, expiration, "could not determine closing fee"), 0n);
  } else if (balance > closing.fee) {
    settle(reserveNotClosed("R-19", reservePub, balance, expiration, origin), balance);
  } else settle(undefined, 0n);
}

/**
 * all reserves together, over the life of the audit. Only when more went out than came in does the order matter;
 * then the reserves of this run are added up in the order of their keys, and the total saturates at zero.
 */
function settleTotal(s: ReservesState): void {
  const before = [s.run.counters.get("x:reserves:in") ?? 0n, s.run.counters.get("x:reserves:out") ?? 0n] as const;
  const changes = [...s.changes].sort(([a], [b]) => a < b ? -1 : 1).map(([, c]) => c);
  const totalIn = changes.reduce((sum, c) => sum + c.totalIn, before[0]);
  const totalOut = changes.reduce((sum, c) => sum + c.totalOut, before[1]);
  s.run.setCounter("x:reserves:in", totalIn);
  s.run.setCounter("x:reserves:out", totalOut);
  if (totalIn >= totalOut) {
    s.run.book.settle("R-21", place, undefined);
    s.run.book.setTotal("reserves_reserve_total_balance", totalIn - totalOut);
    return;
  }
  if (changes.length === 0) return;
  let total = before[0] > before[1] ? before[0] - before[1] : 0n;
  for (const change of changes) {
    total += change.totalIn;
    if (total < change.totalOut) {
      const [finding] = arithmeticWithEffects("R-21", "global escrow balance", 0n, total, change.totalOut, 0);
      s.run.book.settle("R-21", place, finding);
      total = 0n;
    } else total -= change.totalOut;
  }
  s.run.book.setTotal("reserves_reserve_total_balance", total);
}

function ownRow(key: string, l: ReserveLedger): Record<string, unknown> {
  return {
    reserve_pub: "\\x" + key,
    balance: l.balance.toString(),
    withdraw_fee: l.withdrawFee.toString(),
    close_fee: l.closeFee.toString(),
    purse_fee: l.purseFee.toString(),
    open_fee: l.openFee.toString(),
    expiration: timeToDb(l.expiration).toString(),
    origin_account: l.origin ?? null,
  };
}

/** The row of the reference's table: only reserves with money have one. */
function shownRow(key: string, l: ReserveLedger): Record<string, unknown> {
  const amount = (atoms: bigint, column: string) => amountColumn(atoms, `${column} of reserve ${key}`);
  return {
    reserve_pub: "\\x" + key,
    reserve_balance: amount(l.balance, "reserve_balance"),
    reserve_loss: amountColumn(0n),
    withdraw_fee_balance: amount(l.withdrawFee, "withdraw_fee_balance"),
    close_fee_balance: amount(l.closeFee, "close_fee_balance"),
    purse_fee_balance: amount(l.purseFee, "purse_fee_balance"),
    open_fee_balance: amount(l.openFee, "open_fee_balance"),
    history_fee_balance: amountColumn(0n),
    expiration_date: timeToDb(l.expiration).toString(),
    origin_account: l.origin ?? null,
  };
}

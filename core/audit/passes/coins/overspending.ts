// SPDX-License-Identifier: AGPL-3.0-or-later
/** C-4: coins that spent more than they may, over all their history; X-16: what the exchange says is left of them. */
import type { CoinEvent } from "../../../exchange/rows.ts";
import { readRows } from "../../../exchange/source.ts";
import {
  coinEventsSql,
  COINS_BY_KEY,
  decodeCoinEvent,
  MOST_TOUCHED,
  OVERSPENT_CANDIDATES,
  SPENDING_TABLES,
  TOUCHED_COINS,
  UNSPENT_CHANGED_COINS,
} from "../../../exchange/v014/aggregation.ts";
import { type CoinBalance, coinBalance } from "../../coin-history.ts";
import { COINS_IN_PURSES } from "../../../exchange/v014/unindexed.ts";
import type { PageParameter } from "../../../db/page.ts";
import { formatAmount } from "../../../taler/amount.ts";
import { onceADay } from "../../daily.ts";
import { arithmetic, rowInconsistency, signRule } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import { RECOUP_REFRESHES, RECOUPS } from "../../../exchange/v014/coins.ts";
import { KNOWN_COINS_PROGRESS } from "../../known-coins.ts";
import { compareList, EVERYWHERE, listedUntil, type Places, placesOf } from "../../lookup.ts";
import type { PassRun } from "../../pass.ts";
import { type CoinsState, RANK, unsignedRecoup } from "./state.ts";

/** Kinds of events that make a coin known to the coins pass, in the order of its stages, with their operation. */
const ATTRIBUTION = [
  ["recoup-refresh-new", "recoup-refresh", RANK.recoupRefreshes],
  ["deposit", "deposit", RANK.deposits],
  ["purse-deposit", "purse-deposit", RANK.purseDeposits],
  ["reserve-open", "reserve-open-deposit", RANK.openDeposits],
  ["melt", "melt", RANK.melts],
  ["recoup", "recoup", RANK.recoups],
] as const;

/** Progress points whose ranges hold the spends of this run, in the order of {@link SPENDING_TABLES}. */
const PROGRESS_OF_TABLE: Record<typeof SPENDING_TABLES[number], string> = {
  recoup_refresh: "coins_recoup_refresh_serial_id",
  coin_deposits: "coins_deposit_serial_id",
  purse_deposits: "coins_purse_deposits_serial_id",
  refresh_commitments: "coins_melt_serial_id",
  recoup: "coins_recoup_serial_id",
  reserves_open_deposits: "x:coins:open_deposits",
};

/** Counter: when coins that lost value though nothing spent them were looked for among all coins. */
const SWEPT = "x:coins:swept";

/** Coins judged at once; their histories are in memory together. */
const COINS_AT_ONCE = 5000;

/**
 * Judges every coin that was spent in this run, and every coin with an open finding, over all its history. The finding
 * belongs to the first row of the coin in the order of the stages. Coins that nothing spends any more are looked for
 * once in a day.
 */
export async function auditOverspending(s: CoinsState): Promise<void> {
  const { run } = s;
  const ranges = SPENDING_TABLES.flatMap((table) => {
    const progressKey = PROGRESS_OF_TABLE[table];
    const { from, until } = run.rangeOf(progressKey);
    const again = run.revisits.of({ source: { table }, progressKey }).keys();
    return [from, until, [...again, ...run.lateOf(progressKey)]];
  });
  const open = [...run.stored.keys()].flatMap((k) => /^(?:C-4|X-16):(.*)$/.exec(k)?.[1] ?? []);
  const { internal } = run.context;
  const fresh = run.rangeOf(KNOWN_COINS_PROGRESS.coins).from;
  const swept = internal && onceADay(run, SWEPT) && fresh > 0n ? await sweep(run) : [];
  const unlisted = await compareList(run, COINS_IN_PURSES);
  const touched = [
    ...ranges,
    [...open, ...swept, ...unlisted],
    internal,
    fresh,
    run.lateOf(KNOWN_COINS_PROGRESS.coins),
  ];
  const places = await placesOfTouched(run, touched);
  const candidates = await readRows(
    run.context.source,
    "known_coins",
    OVERSPENT_CANDIDATES,
    [...touched, places.listed, places.point],
    (r) => ({
      coin: encodeHex(r.bytes("coin_pub", 32)),
      denomination: r.int8("denominations_serial"),
      remaining: r.amount("remaining"),
    }),
  );
  const suspects = new Map<string, Suspect>(
    candidates.flatMap((c) => "row" in c ? [[c.row.coin, { ...c.row, knownCoin: c.serial }]] : []),
  );
  const coins = [...suspects.keys()].sort();
  for (let i = 0; i < coins.length; i += COINS_AT_ONCE) {
    const some = coins.slice(i, i + COINS_AT_ONCE);
    const histories = new Map<string, CoinEvent[]>(some.map((c) => [c, []]));
    const gaps = new Set<string>();
    const sql = coinEventsSql(COINS_BY_KEY);
    const { listed, point } = await placesOf(run, COINS_IN_PURSES, some);
    for (const r of await readRows(run.context.source, "coins", sql, [some, listed, point], decodeCoinEvent)) {
      if (!("row" in r)) continue;
      const coin = encodeHex(r.row.coinPub);
      if ("unreadable" in r.row) gaps.add(coin);
      else histories.get(coin)!.push(r.row);
    }
    for (const [coin, events] of histories) judge(s, suspects.get(coin)!, events, !gaps.has(coin));
  }
}

/** Coins, old ones too, that lost value though nothing spends them. */
async function sweep(run: PassRun): Promise<string[]> {
  const rows = await readRows(run.context.source, "known_coins", UNSPENT_CHANGED_COINS, [], (r) => r.blob("coin_pub"));
  return rows.flatMap((r) => "row" in r ? [encodeHex(r.row)] : []);
}

/** Where the coins of this run were paid into purses. */
async function placesOfTouched(run: PassRun, touched: PageParameter[]): Promise<Places> {
  if (listedUntil(run, COINS_IN_PURSES) === 0n) return EVERYWHERE;
  const rows = await readRows(run.context.source, "coins", TOUCHED_COINS, touched, (r) => r.blob("coin_pub"));
  if (rows.length > MOST_TOUCHED) return EVERYWHERE;
  return await placesOf(run, COINS_IN_PURSES, rows.flatMap((r) => "row" in r ? [encodeHex(r.row)] : []));
}

/** A coin that was overspent, to be reported at the right row as soon as all signatures are verified. */
export interface Overspent extends CoinBalance {
  /** Key in hexadecimal. */
  coin: string;
  events: CoinEvent[];
}

/** A coin that may have been overspent. */
interface Suspect {
  /** Key in hexadecimal. */
  coin: string;
  knownCoin: bigint;
  denomination: bigint;
  /** What the exchange says is left of it, atoms. */
  remaining: bigint;
}

function judge(s: CoinsState, suspect: Suspect, events: CoinEvent[], complete: boolean): void {
  const { coin } = suspect;
  const d = s.denominations.lookup(suspect.denomination);
  const balance = d === undefined ? undefined : coinBalance(events, d);
  if (balance !== undefined && balance.spent > balance.limit) {
    const overspent = { ...balance, coin, events };
    settleOverspent(s, overspent);
    s.overspent.push(overspent);
  } else s.run.book.settle(`C-4:${coin}`, { stage: RANK.sync, serial: 0n }, undefined);
  if (s.run.context.internal && balance !== undefined) judgeRemaining(s, suspect, balance, complete);
}

/** C-4, at the first row that spent the coin; there is none if only recoups did, and nobody signed them. */
function settleOverspent(s: CoinsState, { coin, events, spent, limit }: Overspent): void {
  const first = firstSpend(s, events);
  const { plus, minus } = signRule(spent, limit, -1);
  s.run.book.settle(
    `C-4:${coin}`,
    { stage: first?.rank ?? RANK.sync, serial: first?.event.serial ?? 0n },
    first === undefined ? undefined : arithmetic("C-4", first.operation, first.event.serial, spent, limit, -1),
    { coins_total_arithmetic_delta_plus: plus, coins_total_arithmetic_delta_minus: minus },
  );
}

/** Reports overspent coins anew whose first spend turned out to be a recoup without valid signature. */
export function reattributeOverspending(s: CoinsState): void {
  for (const o of s.overspent) if (o.events.some((e) => isUnsigned(s, e))) settleOverspent(s, o);
}

/** X-16, only with internal checks: what the exchange stores as left of a coin must be what its history leaves. */
function judgeRemaining(s: CoinsState, suspect: Suspect, { spent, limit }: CoinBalance, complete: boolean): void {
  const { currency } = s.run.context.settings;
  const left = limit > spent ? limit - spent : 0n;
  const text = `remaining value of the coin is stored as ${formatAmount(currency, suspect.remaining)}, ` +
    `its history leaves ${formatAmount(currency, left)}`;
  s.run.book.settle(
    `X-16:${suspect.coin}`,
    { stage: RANK.sync, serial: suspect.knownCoin },
    // what is missing from an incomplete history may well be the difference; the unreadable row itself is reported
    suspect.remaining === left || !complete
      ? undefined
      : rowInconsistency("X-16", "known_coins", suspect.knownCoin, text),
  );
}

/** A recoup that its coin did not sign. */
function isUnsigned(s: CoinsState, { kind, serial }: CoinEvent): boolean {
  const table = kind === "recoup" ? RECOUPS.table : kind === "recoup-refresh-new" ? RECOUP_REFRESHES.table : undefined;
  return table !== undefined && s.rejected.has(`${unsignedRecoup(table)}:${serial}`);
}

/** The first row in the order of the stages that spent a coin (audit chapter 2g). */
function firstSpend(
  s: CoinsState,
  events: CoinEvent[],
): { event: CoinEvent; operation: string; rank: number } | undefined {
  for (const [kind, operation, rank] of ATTRIBUTION) {
    const event = events.find((e) => e.kind === kind && !isUnsigned(s, e));
    if (event !== undefined) return { event, operation, rank };
  }
  return undefined;
}

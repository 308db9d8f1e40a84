// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Scenarios of the coins pass.
 *
 * Each deposit goes into a batch `b1`, `b2`, … of its own unless it names one. `forged` means that the signature of the
 * operation is not valid, `unreadable` that a column of its row has the wrong length. `run` audits what happened so
 * far; the audit runs once more in the end.
 */
import { coinsPass } from "../../core/audit/passes/coins/pass.ts";
import { DAY } from "../../core/taler/time.ts";
import { CoinRecord, flags } from "./coin_record.ts";
import { melt, recoup, recoupRefresh, reveal } from "./refresh_events.ts";
import type { Phrase } from "./scenario.ts";
import { ageWithdraw, deposit, openDeposit, purseDeposit, refund, refundPurse, withdraw } from "./spending_events.ts";

const EVENTS: Record<string, (s: CoinRecord, p: Phrase) => void> = {
  denomination: (s, p) => s.mint.declareDenomination(p),
  coin: (s, p) => s.mint.declareCoin(p),
  internal: (s) => s.world.internal = true,
  day: (s, p) => s.world.now = BigInt(p.word()) * DAY,
  pages: (s, p) => s.world.pageRows = Number(p.word()),
  remaining: (s, p) => s.remaining.set(s.mint.coin(p.word()), p.amount()),
  aggregate: (s, p) => s.batch(p.word()).aggregation = ++s.aggregations,
  withdraw: (s, p) => withdraw(s, s.mint.coin(p.word(), true), flags(p)),
  "age-withdraw": ageWithdraw,
  deposit,
  "purse-deposit": purseDeposit,
  "open-deposit": openDeposit,
  refund,
  "refund-purse": refundPurse,
  melt,
  linked: (s) => s.linked = true,
  reveal: (s, p) => reveal(s, s.melts.get(p.word())!, p),
  recoup,
  "recoup-refresh": recoupRefresh,
};

/** Plays the events and audits them. */
export async function playCoins(phrases: readonly Phrase[]): Promise<CoinRecord> {
  const s = new CoinRecord((record, coin) => withdraw(record, coin, new Set()));
  for (const p of phrases) {
    const event = EVENTS[p.verb];
    if (event !== undefined) event(s, p);
    else if (p.verb === "run") await s.world.run(coinsPass);
    else throw new Error(`nothing is known of "${p.verb}"`);
  }
  await s.world.run(coinsPass);
  return s;
}

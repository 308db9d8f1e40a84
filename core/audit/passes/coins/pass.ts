// SPDX-License-Identifier: AGPL-3.0-or-later
/** The coins pass: everything a coin can go through, from issuance to the end of its denomination (audit chapter 2). */
import { SERIALS_END } from "../../../exchange/source.ts";
import { COINS_IN_PURSES } from "../../../exchange/v014/unindexed.ts";
import { loadDenominations } from "../../denominations.ts";
import { KNOWN_COINS_PROGRESS, knownCoinsStage } from "../../known-coins.ts";
import { extendList } from "../../lookup.ts";
import type { AnyStage, PassRun } from "../../pass.ts";
import { auditDenominations, auditGlobalFees } from "./general.ts";
import { auditHistory } from "./history.ts";
import { ageWithdrawalsStage, withdrawalsStage } from "./issuance.ts";
import { meltsStage } from "./melts.ts";
import { auditOverspending, reattributeOverspending } from "./overspending.ts";
import { recoupRefreshesStage, recoupsStage } from "./recoups.ts";
import { purseRefundsStage, refundsStage } from "./refunds.ts";
import { depositsStage, openDepositsStage, purseDepositsStage } from "./spending.ts";
import {
  AGGREGATED,
  COINS_BALANCES,
  COINS_PROGRESS,
  type CoinsState,
  coinsWrites,
  ledgerOf,
  loadCoinsState,
} from "./state.ts";
import { syncDenominations } from "./sync.ts";

/** The coins pass. */
export const coinsPass = {
  name: "coins",
  balanceKeys: COINS_BALANCES,
  progressKeys: COINS_PROGRESS,
  run: runCoins,
};

async function runCoins(run: PassRun): Promise<void> {
  const { source, settings, pool } = run.context;
  const denominations = await loadDenominations(source, settings.auditorPub);
  pool.addKeys(denominations.all.map((d) => d.key));
  const s = await loadCoinsState(run, denominations);
  const revoked = await auditDenominations(s);
  await auditGlobalFees(s);
  const coins = knownCoinsStage({
    ...s,
    progressKey: KNOWN_COINS_PROGRESS.coins,
    counted: (d) => {
      const ledger = ledgerOf(s, d);
      ledger.knownCoins++;
      ledger.dirty = true;
    },
  });
  const withdrawals = withdrawalsStage(s);
  const ageWithdrawals = ageWithdrawalsStage(s);
  const recoupRefreshes = recoupRefreshesStage(s, revoked);
  const deposits = depositsStage(s);
  const purseDeposits = purseDepositsStage(s);
  const openDeposits = openDepositsStage(s);
  const refunds = refundsStage(s);
  const purseRefunds = purseRefundsStage(s);
  const melts = meltsStage(s);
  const recoups = recoupsStage(s, revoked);
  const stages: AnyStage[] = [
    coins,
    withdrawals,
    ageWithdrawals,
    recoupRefreshes,
    deposits,
    purseDeposits,
    openDeposits,
    refunds,
    purseRefunds,
    melts,
    recoups,
  ];
  await run.plan(stages);
  await auditOverspending(s);
  await run.run(coins);
  run.whenBooked(() => run.context.shared?.badCoins.resolve(s.badCoins));
  await run.run(withdrawals);
  await run.run(ageWithdrawals);
  await run.run(recoupRefreshes);
  await run.run(deposits);
  await run.run(purseDeposits);
  await run.run(openDeposits);
  await run.run(refunds);
  await run.run(purseRefunds);
  await run.run(melts);
  await run.run(recoups);
  await auditHistory(s);
  await run.drain();
  reattributeOverspending(s);
  await syncDenominations(s, revoked);
  await noteAggregations(s);
  await extendList(run, COINS_IN_PURSES);
  run.writes.push(...coinsWrites(s));
}

/** Remembers how far aggregation has come, so that later runs can tell what came after it. */
async function noteAggregations({ run, aggregatedBefore }: CoinsState): Promise<void> {
  if (run.context.limits !== undefined || run.postponed) return;
  const rows = await run.context.source.unsafe(
    `SELECT coalesce(max(aggregation_serial_id), 0)::int8 AS seen FROM exchange.aggregation_tracking
     WHERE aggregation_serial_id < ${SERIALS_END}`,
  );
  const seen = rows[0]!["seen"] as bigint;
  run.setCounter(AGGREGATED.progressKey, seen);
  await run.takeLate(AGGREGATED, aggregatedBefore + 1n);
  await run.passed(AGGREGATED, aggregatedBefore + 1n, seen);
}

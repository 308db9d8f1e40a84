// SPDX-License-Identifier: AGPL-3.0-or-later
/** The reserves pass: money that customers sent and did not withdraw yet (audit chapter 3). */
import { buildBlock } from "../../../crypto/blocks.ts";
import { type Denominations, loadDenominations } from "../../denominations.ts";
import type { AnyStage, PassRun, Stage } from "../../pass.ts";
import { TaskWriter } from "../../tasks.ts";
import { loadWireFees } from "../../wire-fees.ts";
import { closesStage } from "./closing.ts";
import { auditOverdrafts, auditStaleRequests, auditWads } from "./extras.ts";
import {
  accountMergesStage,
  ageWithdrawalsStage,
  creditsStage,
  mergedPursesStage,
  opensStage,
  recoupsStage,
  withdrawalsStage,
} from "./stages.ts";
import { reject, RESERVES_BALANCES, RESERVES_PROGRESS, type ReservesState } from "./state.ts";
import { judgeReserves } from "./verdicts.ts";

/** The reserves pass. */
export const reservesPass = {
  name: "reserves",
  balanceKeys: RESERVES_BALANCES,
  progressKeys: RESERVES_PROGRESS,
  run: runReserves,
};

async function runReserves(run: PassRun): Promise<void> {
  const { source, auditor, settings, pool } = run.context;
  const denominations = await loadDenominations(source, settings.auditorPub);
  pool.addKeys(denominations.all.map((d) => d.key));
  const rejected = await auditor`SELECT stage, serial FROM auditor.auditor_x_rejected`;
  const s: ReservesState = {
    run,
    denominations,
    fees: await loadWireFees(source),
    changes: new Map(),
    rejected: new Set(rejected.map((r) => `${r["stage"]}:${r["serial"]}`)),
    newRejected: [],
  };
  const credits = noting(s, creditsStage(s));
  const withdrawals = noting(s, withdrawalsStage(s));
  const ageWithdrawals = noting(s, ageWithdrawalsStage(s));
  const recoups = noting(s, recoupsStage(s, await validRevocations(run, denominations)));
  const opens = noting(s, opensStage(s));
  const closes = noting(s, closesStage(s));
  const mergedPurses = noting(s, mergedPursesStage(s));
  const accountMerges = noting(s, accountMergesStage(s));
  const stages: AnyStage[] = [
    credits,
    withdrawals,
    ageWithdrawals,
    recoups,
    opens,
    closes,
    mergedPurses,
    accountMerges,
  ];
  await run.plan(stages);
  await run.run(credits);
  await run.run(withdrawals);
  await run.run(ageWithdrawals);
  await run.run(recoups);
  await run.run(opens);
  await run.run(closes);
  await run.run(mergedPurses);
  await run.run(accountMerges);
  await run.drain();
  await judgeReserves(s);
  await auditOverdrafts(s, stages);
  await auditStaleRequests(s);
  await auditWads(s);
  run.writes.push({ table: "auditor_x_rejected", key: ["stage", "serial"], upsert: s.newRejected, remove: [] });
}

/** A stage that notes which rows were not booked because they cannot be read. */
function noting<Row, Prepared>(s: ReservesState, stage: Stage<Row, Prepared>): Stage<Row, Prepared> {
  return { ...stage, unreadable: (serial) => reject(s, stage.source.table, serial) };
}

/** Hashes of the denominations whose revocation the master key signed. */
async function validRevocations(run: PassRun, denominations: Denominations): Promise<ReadonlySet<string>> {
  const { settings: { currency, masterPub }, pool } = run.context;
  const tasks = new TaskWriter();
  const written = denominations.all.flatMap((d) => {
    const block = buildBlock("masterDenominationRevoked", currency, { hDenomination: d.hash });
    return d.revocations.map(({ masterSig }) => ({ d, task: tasks.ed25519(masterPub, masterSig, block) }));
  });
  const verdicts = await pool.run(tasks);
  return new Set(written.filter(({ task }) => verdicts[task] === 1).map(({ d }) => d.hashHex));
}

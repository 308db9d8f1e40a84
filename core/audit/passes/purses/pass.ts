// SPDX-License-Identifier: AGPL-3.0-or-later
/** The purses pass: payments between persons (purses chapter 5). */
import { DELETED_PURSES } from "../../../exchange/v014/unindexed.ts";
import { loadDenominations } from "../../denominations.ts";
import { compareList, extendList } from "../../lookup.ts";
import type { AnyStage, PassRun } from "../../pass.ts";
import { consentsStage, decisionsStage, deletionsStage, depositsStage, mergesStage, requestsStage } from "./stages.ts";
import { loadPursesState, PURSES_BALANCES, PURSES_PROGRESS } from "./state.ts";
import { judgePurses } from "./verdicts.ts";

/** The purses pass. */
export const pursesPass = {
  name: "purses",
  balanceKeys: PURSES_BALANCES,
  progressKeys: PURSES_PROGRESS,
  run: runPurses,
};

async function runPurses(run: PassRun): Promise<void> {
  const { source, settings } = run.context;
  const s = await loadPursesState(run, await loadDenominations(source, settings.auditorPub));
  const requests = requestsStage(s);
  const merges = mergesStage(s);
  const deposits = depositsStage(s);
  const consents = consentsStage(s);
  const decisions = decisionsStage(s);
  const deletions = deletionsStage(s);
  const stages: AnyStage[] = [requests, merges, deposits, consents, decisions, deletions];
  await run.plan(stages);
  await compareList(run, DELETED_PURSES);
  await run.run(requests);
  await run.run(merges);
  await run.run(deposits);
  await run.run(consents);
  await run.run(decisions);
  await run.run(deletions);
  await run.drain();
  await judgePurses(s);
  await extendList(run, DELETED_PURSES);
  run.writes.push({ table: "auditor_x_purse_rejected", key: ["source", "serial"], upsert: s.newRejected, remove: [] });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What each row on purses shows by itself: PU-1 to PU-9, PU-R9, PU-R11, and the signature of deletions for PU-R3. */
import { buildBlock } from "../../../crypto/blocks.ts";
import { hashPayto, hashText } from "../../../crypto/objects.ts";
import type {
  PurseCoinRow,
  PurseConsentRow,
  PurseDecisionRow,
  PurseDeletionRow,
  PurseExchange,
  PurseMergeRow,
  PurseRequestRow,
} from "../../../exchange/purse-rows.ts";
import {
  PURSE_COINS,
  PURSE_CONSENTS,
  PURSE_DECISIONS,
  PURSE_DELETIONS,
  PURSE_MERGES,
  PURSE_REQUESTS,
} from "../../../exchange/v014/purses.ts";
import { reservePayto } from "../../../taler/payto.ts";
import { DAY } from "../../../taler/time.ts";
import { arithmetic, rowInconsistency, signRule } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import type { Stage, StageRow } from "../../pass.ts";
import { deletionsOf } from "./deleted.ts";
import {
  DELETIONS_PROGRESS,
  purseFound,
  type PursesState,
  RANK,
  reject,
  reportBadSignature,
  touch,
  WAITS_FOR,
} from "./state.ts";

/** A deposit counts as late only if the purse had expired by this much (purses chapter 5.6). */
const EXPIRATION_GRACE = DAY;
const NOT_FOUND = "purse not found";

/** PU-1. The purse is audited whatever its signature is worth. */
export function requestsStage(s: PursesState): Stage<PurseRequestRow, number> {
  const { currency } = s.run.context.settings;
  return {
    rank: RANK.requests,
    source: PURSE_REQUESTS,
    progressKey: "purse_request_serial_id",
    last: true,
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const message = buildBlock("purseCreate", currency, {
          purseExpiration: row.expiration,
          amount: row.target,
          hContractTerms: row.hContractTerms,
          mergePub: row.mergePub,
          minAge: row.minAge >>> 0,
        });
        return tasks.ed25519(row.pursePub, row.purseSig, message);
      }),
    book: ({ serial, row }, task, good) => {
      touch(s, serial);
      if (good(task)) return;
      const place = { stage: RANK.requests, serial };
      reportBadSignature(s, "PU-1", "purse-request", place, row.target, row.pursePub);
    },
  };
}

function baseUrlOf(s: PursesState, exchange: PurseExchange): string {
  return exchange.partner ? exchange.baseUrl : s.run.context.settings.exchangeBaseUrl;
}

/** PU-2, PU-3, PU-R11. */
export function mergesStage(s: PursesState): Stage<PurseMergeRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const stage: Stage<PurseMergeRow, number | undefined> = {
    rank: RANK.merges,
    source: PURSE_MERGES,
    progressKey: "purse_merges_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const payto = reservePayto(baseUrlOf(s, row.exchange), row.reservePub);
        if (row.request === undefined || payto === undefined) return undefined;
        const fields = { mergeTimestamp: row.mergeTimestamp, pursePub: row.pursePub, hPayto: hashPayto(payto) };
        return tasks.ed25519(row.request.mergePub, row.mergeSig, buildBlock("purseMerge", currency, fields));
      }),
    book: (r, task, good) => {
      const { serial, row } = r;
      const place = { stage: RANK.merges, serial };
      const missing = rowInconsistency("PU-3", "purse-merge", serial, NOT_FOUND);
      if (row.exchange.partner) settlePartner(s, serial);
      if (!purseFound(s, stage, r, `PU-3:${serial}`, place, row.request?.serial, missing)) return;
      const { mergePub, target } = row.request!;
      if (task !== undefined && good(task)) return;
      reportBadSignature(s, "PU-2", "merge-purse", place, target, mergePub);
      reject(s, "purse_merges", serial);
    },
  };
  return stage;
}

/** PU-R11: what goes to other exchanges cannot be audited yet. One finding says so, at the first such merge. */
function settlePartner(s: PursesState, serial: bigint): void {
  const key = "PU-R11";
  const said = s.run.book.standing.get(key)?.finding?.columns ?? s.run.stored.get(key)?.content;
  if (said !== undefined && BigInt(said["problem_row_id"] as string) <= serial) return;
  const text = "first purse merged towards a partner exchange, not supported";
  s.run.book.settle(key, { stage: RANK.merges, serial }, rowInconsistency(key, "purse_merges", serial, text));
}

/** What a deposit into a purse needs to be booked: the task, and the first deletion of the purse. */
interface PreparedDeposit {
  task: number | undefined;
  deletion: bigint | undefined;
}

/** PU-4, PU-5, PU-6, PU-16, PU-R9. */
export function depositsStage(s: PursesState): Stage<PurseCoinRow, PreparedDeposit> {
  const { currency } = s.run.context.settings;
  const stage: Stage<PurseCoinRow, PreparedDeposit> = {
    rank: RANK.deposits,
    source: PURSE_COINS,
    progressKey: "purse_deposits_serial_id",
    prepare: async (rows, tasks) => {
      const deletions = await deletionsOf(s.run, rows.map(({ row }) => row.pursePub));
      return rows.map(({ row }) => {
        const [deletion] = deletions.get(encodeHex(row.pursePub)) ?? [];
        const d = s.denominations.lookup(row.coin.denominationSerial);
        if (d === undefined) return { task: undefined, deletion };
        const message = buildBlock("purseDeposit", currency, {
          amount: row.amount,
          hDenomination: d.hash,
          ageCommitment: row.coin.ageCommitment,
          pursePub: row.pursePub,
          hBaseUrl: hashText(baseUrlOf(s, row.exchange)),
        });
        return { task: tasks.ed25519(row.coin.coinPub, row.coinSig, message), deletion };
      });
    },
    book: (r, { task, deletion }, good) => {
      const place = { stage: RANK.deposits, serial: r.serial };
      if (task === undefined) {
        const unknown = rowInconsistency("PU-4", "purse-deposit", r.serial, "denomination key not found");
        s.run.book.settle(`PU-4:${r.serial}`, place, unknown);
        s.unreadable.add(r.serial);
        s.run.revisit(stage, r.serial, WAITS_FOR.denomination);
        return;
      }
      s.run.book.settle(`PU-4:${r.serial}`, place, undefined);
      if (r.reason === WAITS_FOR.denomination) s.run.settleRevisit(stage, r.serial);
      const missing = rowInconsistency("PU-6", "purse_deposit", r.serial, NOT_FOUND);
      if (!purseFound(s, stage, r, `PU-6:${r.serial}`, place, r.row.request?.serial, missing)) return;
      bookDeposit(s, r, good(task), deletion);
    },
  };
  return stage;
}

function bookDeposit(s: PursesState, r: StageRow<PurseCoinRow>, good: boolean, deletion: bigint | undefined): void {
  const { serial, row } = r;
  const place = { stage: RANK.deposits, serial };
  if (!good) {
    reportBadSignature(s, "PU-5", "purse-deposit", place, row.amount, row.coin.coinPub);
    reject(s, "purse_deposits", serial);
    return;
  }
  const fee = s.denominations.lookup(row.coin.denominationSerial)!.feeDeposit;
  if (row.amount < fee) {
    const { plus, minus } = signRule(row.amount, fee, -1);
    s.run.book.report(place, arithmetic("PU-16", "purse-deposit (fee)", serial, row.amount, fee, -1), {
      purse_total_arithmetic_delta_plus: plus,
      purse_total_arithmetic_delta_minus: minus,
    });
  }
  const late = lateness(s, r, deletion);
  if (late !== undefined) {
    s.run.book.report(place, rowInconsistency("PU-R9", "purse_deposits", serial, `deposit into a purse that ${late}`));
  }
}

/**
 * Why a deposit came too late (PU-R9), as far as that can be known: deposits carry no time. What earlier runs saw came
 * before it; rows that are read again or appeared late, and runs over a part of the database, say nothing about the
 * order.
 */
function lateness(
  s: PursesState,
  { row, reason }: StageRow<PurseCoinRow>,
  deletion: bigint | undefined,
): string | undefined {
  if (reason !== undefined || s.run.context.limits !== undefined || s.recencyBefore === 0n) return undefined;
  const seen = (serial: bigint | undefined, progressKey: string) =>
    serial !== undefined && s.run.wasSeen(progressKey, serial);
  // a payment that was not covered is explained now: the copy had the decision before the deposit
  if (s.run.stored.has(`PU-13:${encodeHex(row.pursePub)}`)) return undefined;
  if (seen(deletion, DELETIONS_PROGRESS)) return "was deleted before";
  if (seen(row.decision, "purse_decision_serial_id")) return "was decided before";
  return row.request!.expiration + EXPIRATION_GRACE < s.recencyBefore ? "had expired" : undefined;
}

/** PU-7, PU-8. */
export function consentsStage(s: PursesState): Stage<PurseConsentRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const stage: Stage<PurseConsentRow, number | undefined> = {
    rank: RANK.consents,
    source: PURSE_CONSENTS,
    progressKey: "purse_account_merge_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row: { pursePub, reservePub, reserveSig, request } }) => {
        if (request === undefined) return undefined;
        const message = buildBlock("accountMerge", currency, {
          purseExpiration: request.expiration,
          amount: request.target,
          purseFee: request.purseFee,
          hContractTerms: request.hContractTerms,
          pursePub,
          mergeTimestamp: request.mergeTimestamp,
          minAge: request.minAge >>> 0,
          flags: request.flags >>> 0,
        });
        return tasks.ed25519(reservePub, reserveSig, message);
      }),
    book: (r, task, good) => {
      const { serial, row } = r;
      const place = { stage: RANK.consents, serial };
      const missing = rowInconsistency("PU-8", "account-merge", serial, NOT_FOUND);
      if (!purseFound(s, stage, r, `PU-8:${serial}`, place, row.request?.serial, missing)) return;
      if (task !== undefined && good(task)) return;
      reportBadSignature(s, "PU-7", "account-merge", place, row.request!.purseFee, row.reservePub);
      reject(s, "account_merges", serial);
    },
  };
  return stage;
}

/** PU-9. What was decided is judged with the whole purse. */
export function decisionsStage(s: PursesState): Stage<PurseDecisionRow, null> {
  const stage: Stage<PurseDecisionRow, null> = {
    rank: RANK.decisions,
    source: PURSE_DECISIONS,
    progressKey: "purse_decision_serial_id",
    last: true,
    prepare: (rows) => rows.map(() => null),
    book: (r) => {
      const place = { stage: RANK.decisions, serial: r.serial };
      const missing = rowInconsistency("PU-9", "purse-decision", r.serial, NOT_FOUND);
      purseFound(s, stage, r, `PU-9:${r.serial}`, place, r.row.request, missing);
    },
  };
  return stage;
}

/** Deletions: one that the owner did not sign justifies no refund (PU-R3). */
export function deletionsStage(s: PursesState): Stage<PurseDeletionRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const stage: Stage<PurseDeletionRow, number | undefined> = {
    rank: RANK.deletions,
    source: PURSE_DELETIONS,
    progressKey: DELETIONS_PROGRESS,
    prepare: (rows, tasks) =>
      rows.map(({ row }) =>
        row.purseSig === undefined
          ? undefined
          : tasks.ed25519(row.pursePub, row.purseSig, buildBlock("purseDelete", currency, {}))
      ),
    book: (r, task, good) => {
      const { serial, row } = r;
      const place = { stage: RANK.deletions, serial };
      const missing = rowInconsistency("PU-R3", "purse_deletion", serial, NOT_FOUND);
      if (!purseFound(s, stage, r, `PU-R3:deletion:${serial}`, place, row.request, missing)) return;
      if (task !== undefined && good(task)) return;
      reportBadSignature(s, "PU-R3", "purse-delete", place, 0n, row.pursePub);
      reject(s, "purse_deletion", serial);
    },
  };
  return stage;
}

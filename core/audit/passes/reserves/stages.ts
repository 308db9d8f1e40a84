// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stages 1, 2, 3, 4, 6 and 7 of the reserves pass. */
import { buildBlock } from "../../../crypto/blocks.ts";
import { NEVER, SECOND } from "../../../taler/time.ts";
import { ageGroup } from "../../../taler/denomination.ts";
import type {
  AccountMergeRow,
  AgeWithdrawalRow,
  MergedPurseRow,
  RecoupRow,
  ReserveInRow,
  ReserveOpenRow,
  WithdrawalRow,
} from "../../../exchange/rows.ts";
import { AGE_WITHDRAWALS, RECOUPS, WITHDRAWALS } from "../../../exchange/v014/coins.ts";
import { ACCOUNT_MERGES, MERGED_PURSES, RESERVE_OPENS, RESERVES_IN } from "../../../exchange/v014/reserves.ts";
import type { Denomination } from "../../denominations.ts";
import { badSignature, rowInconsistency, withdrawOutsideValidity } from "../../findings.ts";
import { LATE } from "../../gaps.ts";
import { MONEY } from "../../money.ts";
import type { AnyStage, Stage, StageRow } from "../../pass.ts";
import { DENOMINATION } from "../../revisits.ts";
import { keepOpen, RANK, reject, reportBadSignature, type ReservesState, touch } from "./state.ts";

/** Adds durations to instants; "never" stays never. */
export function later(t: bigint, duration: bigint): bigint {
  return t === NEVER || duration === NEVER || t + duration >= NEVER ? NEVER : t + duration;
}

/** Stage 1: wire transfers that fund reserves. */
export function creditsStage(s: ReservesState): Stage<ReserveInRow, null> {
  const { idleReserveExpiration } = s.run.context.settings;
  return {
    rank: RANK.credits,
    source: RESERVES_IN,
    progressKey: "reserves_reserve_in_serial_id",
    prepare: (rows) => rows.map(() => null),
    book: ({ row }) => {
      const change = touch(s, row.reservePub);
      change.origin ??= row.payto;
      const until = later(row.executionDate, idleReserveExpiration);
      keepOpen(change, until === NEVER ? NEVER : until - until % SECOND);
      change.totalIn += row.credit;
    },
  };
}

/** Stage 2: withdrawals. */
export function withdrawalsStage(s: ReservesState): Stage<WithdrawalRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const stage: Stage<WithdrawalRow, number | undefined> = {
    rank: RANK.withdrawals,
    source: WITHDRAWALS,
    progressKey: "reserves_reserve_out_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const d = s.denominations.lookup(row.denominationSerial);
        if (d === undefined) return undefined;
        const fields = { amount: row.amount, hDenomination: d.hash, hBlindedCoin: row.hBlindedCoin };
        return tasks.ed25519(row.reservePub, row.reserveSig, buildBlock("reserveWithdraw", currency, fields));
      }),
    book: (r, task, good) => bookWithdrawal(s, stage, r, task !== undefined && good(task)),
  };
  return stage;
}

/** without its denominations a row waits until they are known; says whether they are. */
function settleDenominations(
  s: ReservesState,
  stage: AnyStage & { rank: number },
  r: StageRow<unknown>,
  table: string,
  known: boolean,
): boolean {
  const { serial, reason } = r;
  const key = `R-1:${stage.source.table}:${serial}`;
  const finding = known ? undefined : rowInconsistency("R-1", table, serial, "denomination key not found");
  if (!known || s.run.stored.has(key)) s.run.book.settle(key, { stage: stage.rank, serial }, finding);
  if (!known) s.run.revisit(stage, serial, DENOMINATION);
  else if (reason === DENOMINATION) s.run.settleRevisit(stage, serial);
  return known;
}

function bookWithdrawal(
  s: ReservesState,
  stage: Stage<WithdrawalRow, number | undefined>,
  r: StageRow<WithdrawalRow>,
  good: boolean,
): void {
  const { serial, row } = r;
  const place = { stage: RANK.withdrawals, serial };
  const { book } = s.run;
  const d = s.denominations.lookup(row.denominationSerial);
  if (!settleDenominations(s, stage, r, "withdraw", d !== undefined) || d === undefined) return;
  if (row.executionDate < d.validFrom || row.executionDate > d.expireWithdraw) {
    book.report(place, withdrawOutsideValidity("R-2", serial, row.executionDate, row.reservePub, d.hash));
  }
  if (!good) {
    reportBadSignature(s, "R-3", place, "withdraw", serial, row.amount, row.reservePub);
    reject(s, WITHDRAWALS.table, serial);
    return;
  }
  const expected = d.value + d.feeWithdraw;
  if (row.amount !== expected) {
    const text = "amount with fee from exchange does not match denomination value plus fee";
    book.report(place, rowInconsistency("R-4", "withdraw", serial, text));
  }
  bookOut(s, row.reservePub, expected, d.feeWithdraw);
}

function bookOut(s: ReservesState, reservePub: Uint8Array, amount: bigint, fee: bigint): void {
  const change = touch(s, reservePub);
  change.totalOut += amount;
  change.withdrawFee += fee;
  s.run.book.add("reserves_withdraw_fee_revenue", fee);
}

/** Age-restricted withdrawals, which the reference does not audit. They carry no time, so R-2 cannot be judged. */
export function ageWithdrawalsStage(s: ReservesState): Stage<AgeWithdrawalRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const denominationsOf = (row: AgeWithdrawalRow) => row.denominationSerials.map((n) => s.denominations.lookup(n));
  const stage: Stage<AgeWithdrawalRow, number | undefined> = {
    rank: RANK.ageWithdrawals,
    source: AGE_WITHDRAWALS,
    progressKey: "x:reserves:age_withdraw",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const ageMask = denominationsOf(row).find((d) => d !== undefined)?.ageMask;
        if (ageMask === undefined) return undefined;
        const { reservePub, amount, hCommitment } = row;
        const maxAgeGroup = ageGroup(ageMask, row.maxAge);
        const fields = { reservePub, amount, hCommitment, ageMask, maxAgeGroup };
        return tasks.ed25519(reservePub, row.reserveSig, buildBlock("reserveAgeWithdraw", currency, fields));
      }),
    book: (r, task, good) => {
      const { serial, row } = r;
      const place = { stage: RANK.ageWithdrawals, serial };
      const denominations = denominationsOf(row);
      const known = denominations.length > 0 && !denominations.includes(undefined);
      if (!settleDenominations(s, stage, r, "age_withdraw", known)) return;
      if (task === undefined || !good(task)) {
        reportBadSignature(s, "X-4", place, "age-withdraw", serial, row.amount, row.reservePub);
        reject(s, AGE_WITHDRAWALS.table, serial);
        return;
      }
      const found = denominations as Denomination[];
      const fee = found.reduce((sum, d) => sum + d.feeWithdraw, 0n);
      const expected = found.reduce((sum, d) => sum + d.value, fee);
      if (row.amount !== expected) {
        const text = "amount with fee from exchange does not match denomination value plus fee";
        s.run.book.report(place, rowInconsistency("X-4", "age_withdraw", serial, text));
      }
      bookOut(s, row.reservePub, expected, fee);
    },
  };
  return stage;
}

/** Stage 3: recoups to reserves. `revocations` holds the hashes of denominations with a valid revocation. */
export function recoupsStage(s: ReservesState, revocations: ReadonlySet<string>): Stage<RecoupRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const reported = new Set<string>();
  return {
    rank: RANK.recoups,
    source: RECOUPS,
    progressKey: "reserves_reserve_recoup_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const d = s.denominations.lookup(row.coin.denominationSerial);
        if (d === undefined) return undefined;
        const block = buildBlock("coinRecoup", currency, { hDenomination: d.hash, coinBlind: row.coinBlind });
        return tasks.ed25519(row.coin.coinPub, row.coinSig, block);
      }),
    book: ({ serial, row }, task, good) => {
      const place = { stage: RANK.recoups, serial };
      const d = s.denominations.lookup(row.coin.denominationSerial);
      if (task === undefined || !good(task)) {
        reportBadSignature(s, "R-5", place, "recoup", serial, row.amount, row.coin.coinPub);
      }
      const revocation = d?.revocations[0];
      if (d === undefined || revocation === undefined) {
        s.run.book.report(
          place,
          rowInconsistency("R-6", "recoup", serial, "denomination key not in revocation set"),
          { reserves_reserve_loss: row.amount },
        );
      } else if (!revocations.has(d.hashHex)) {
        // the row of the revocation is named once, then 0 (audit chapter R-7)
        const { masterPub } = s.run.context.settings;
        const named = reported.has(d.hashHex) ? 0n : revocation.serial;
        reported.add(d.hashHex);
        s.run.book.report(place, badSignature("R-7", "recoup-master", named, row.amount, masterPub), {
          reserves_total_bad_sig_loss: row.amount,
        });
      }
      const change = touch(s, row.reservePub);
      change.totalIn += row.amount;
      keepOpen(change, later(row.timestamp, s.run.context.settings.idleReserveExpiration));
    },
  };
}

/** Stage 4: requests to keep a reserve open. */
export function opensStage(s: ReservesState): Stage<ReserveOpenRow, number> {
  const { currency } = s.run.context.settings;
  return {
    rank: RANK.opens,
    source: RESERVE_OPENS,
    progressKey: "reserves_reserve_open_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const { payment, requestTimestamp, expiration, purseLimit } = row;
        const block = buildBlock("reserveOpen", currency, { payment, requestTimestamp, expiration, purseLimit });
        return tasks.ed25519(row.reservePub, row.reserveSig, block);
      }),
    book: ({ serial, row }, task, good) => {
      const change = touch(s, row.reservePub);
      if (!good(task)) {
        const place = { stage: RANK.opens, serial };
        reportBadSignature(s, "R-8", place, "reserve-open", serial, row.payment, row.reservePub);
        reject(s, RESERVE_OPENS.table, serial);
        return;
      }
      change.totalOut += row.payment;
      change.openFee += row.payment;
      s.run.book.add("reserves_open_fee_revenue", row.payment);
      keepOpen(change, row.expiration); // D-23
    },
  };
}

/** Stage 6: purses merged into reserves. */
export function mergedPursesStage(s: ReservesState): Stage<MergedPurseRow, null> {
  return {
    rank: RANK.mergedPurses,
    source: MERGED_PURSES,
    progressKey: "reserves_purse_decisions_serial_id",
    prepare: (rows) => rows.map(() => null),
    book: ({ serial, row }) => {
      if (row.partnerSerial !== undefined) {
        s.run.book.report(
          { stage: RANK.mergedPurses, serial },
          rowInconsistency("X-11", "purse_merges", serial, "purse merged towards a partner exchange, not supported"),
        );
      }
      touch(s, row.reservePub).totalIn += row.amount;
      s.run.addCounter(MONEY.pursesOut, row.amount);
    },
  };
}

/** Flags of a purse that was created against a fee (crypto.md 5.7). */
const CREATED_WITH_FEE = 3;

/** Stage 7: reserve owners' consent to merges. */
export function accountMergesStage(s: ReservesState): Stage<AccountMergeRow, number> {
  const { currency } = s.run.context.settings;
  const progressKey = "reserves_account_merges_serial_id";
  // whose number is lower counts, but for a row that came late what was booked already
  const counts = (other: bigint, serial: bigint, reason: string | undefined) =>
    other < serial || (reason === LATE && s.run.wasSeen(progressKey, other) &&
      !s.run.revisits.of({ source: ACCOUNT_MERGES, progressKey }).has(other));
  return {
    rank: RANK.accountMerges,
    source: ACCOUNT_MERGES,
    progressKey,
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const { reservePub, reserveSig, others: _, ...fields } = row;
        const { purseExpiration, amount, purseFee, hContractTerms, pursePub, mergeTimestamp } = fields;
        const block = buildBlock("accountMerge", currency, {
          purseExpiration,
          amount,
          purseFee,
          hContractTerms,
          pursePub,
          mergeTimestamp,
          minAge: row.minAge >>> 0,
          flags: row.flags >>> 0,
        });
        return tasks.ed25519(reservePub, reserveSig, block);
      }),
    book: ({ serial, row, reason }, task, good) => {
      const place = { stage: RANK.accountMerges, serial };
      if (row.others.some((other) => counts(other, serial, reason))) {
        // the purse is not unique: what its owner paid for it is booked once
        s.run.book.report(place, rowInconsistency("D-5", "account_merges", serial, "serial number is not unique"));
        return;
      }
      if (!good(task)) {
        reportBadSignature(s, "R-15", place, "account-merge", serial, row.purseFee, row.reservePub);
        return;
      }
      if ((row.flags & CREATED_WITH_FEE) !== CREATED_WITH_FEE) return;
      const change = touch(s, row.reservePub);
      change.totalOut += row.purseFee;
      change.purseFee += row.purseFee;
      s.run.book.add("reserves_purse_fee_revenue", row.purseFee);
    },
  };
}

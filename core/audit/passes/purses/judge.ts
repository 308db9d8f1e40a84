// SPDX-License-Identifier: AGPL-3.0-or-later
/** The verdict on a purse from all that is known about it (purses chapter 5.6). Pure. */
import type { PurseFactsRow } from "../../../exchange/purse-rows.ts";
import { equalBytes } from "../../../crypto/hash.ts";
import { DAY, formatCtime, timeToDb } from "../../../taler/time.ts";
import { arithmetic, badSignature, type Direction, type Finding, rowInconsistency, signRule } from "../../findings.ts";
import { purseNotClosed } from "../../findings-purses.ts";

/** A decision may come this much too early or too late (purses chapter 5.6). */
export const DECISION_GRACE = DAY;

/** How a purse was made: the low two bits of its flags (purses chapter 5.1). */
const MODE_MASK = 3;
const MODE_WITH_FEE = 3;

/** All about a purse; whether merge and account merge count is known from their signatures. */
export interface PurseFacts extends Omit<PurseFactsRow, "merge" | "consent" | "contract"> {
  /** Serial of the request. */
  serial: bigint;
  merge: (NonNullable<PurseFactsRow["merge"]> & { valid: boolean }) | undefined;
  consent: (NonNullable<PurseFactsRow["consent"]> & { valid: boolean }) | undefined;
  /** There is a deletion that counts. */
  deleted: boolean;
}

/** By what a purse is judged. */
export interface PurseLaw {
  /** µs */
  now: bigint;
  /** Purse fees in force when the purse was created, atoms. */
  fees: readonly bigint[];
  /** Compare with the exchange's own figure. */
  internal: boolean;
}

/** A check that a purse did not pass. */
export interface Judgement {
  /** The row that the finding is placed at. */
  serial: bigint;
  finding: Finding;
  effects: Record<string, bigint>;
}

/** Checks that {@link judgePurse} makes; a purse has at most one finding of each. */
export const VERDICTS = [
  "PU-10",
  "PU-R6",
  "PU-13",
  "PU-R2",
  "PU-R1:merge",
  "PU-R1:consent",
  "PU-R1:late",
  "PU-R3",
  "PU-14",
  "PU-R5",
  "PU-R8",
] as const;
/** One of {@link VERDICTS}. */
export type Verdict = typeof VERDICTS[number];

/** Judges a purse: what is wrong with it, by check. */
export function judgePurse(f: PurseFacts, law: PurseLaw): Map<Verdict, Judgement> {
  const found = new Map<Verdict, Judgement>();
  const add = (verdict: Verdict, serial: bigint, finding: Finding, effects: Record<string, bigint> = {}) =>
    found.set(verdict, { serial, finding, effects });
  judgeFee(f, law, add);
  if (f.decision === undefined) judgeOpen(f, law, add);
  else if (f.decision.refunded) judgeRefund(f, f.decision, add);
  else judgeMerge(f, f.decision, add);
  if (law.internal && f.claimed !== f.deposited) {
    add("PU-R8", f.serial, arithmetic("PU-R8", "purse-balance", f.serial, f.claimed, f.deposited, 0));
  }
  return found;
}

type Add = (verdict: Verdict, serial: bigint, finding: Finding, effects?: Record<string, bigint>) => void;

function wrongSum(check: string, operation: string, row: bigint, exchange: bigint, auditor: bigint, d: Direction) {
  const { plus, minus } = signRule(exchange, auditor, d);
  const effects = { purse_total_arithmetic_delta_plus: plus, purse_total_arithmetic_delta_minus: minus };
  return [arithmetic(check, operation, row, exchange, auditor, d), effects] as const;
}

/** PU-10, PU-R6: only a purse created against the fee pays one, and it pays exactly that. */
function judgeFee(f: PurseFacts, law: PurseLaw, add: Add): void {
  if (law.fees.length === 0) {
    const text = `purse fee unavailable at ${formatCtime(f.creation)}\n`;
    add("PU-10", f.serial, rowInconsistency("PU-10", "purse-fee", timeToDb(f.creation), text));
  }
  const expected = (f.flags & MODE_MASK) === MODE_WITH_FEE ? law.fees : [0n];
  if (expected.length === 0 || expected.includes(f.purseFee)) return;
  add("PU-R6", f.serial, ...wrongSum("PU-R6", "purse-fee", f.serial, f.purseFee, expected[0]!, 1));
}

/** PU-14 as PU-R4, PU-R5: a purse that is not decided. */
function judgeOpen(f: PurseFacts, law: PurseLaw, add: Add): void {
  if (law.now > f.expiration + DECISION_GRACE) {
    add("PU-14", f.serial, purseNotClosed("PU-14", f.pursePub, f.deposited, f.expiration), {
      purse_total_delayed_decisions: f.deposited,
      purse_total_balance_purse_not_closed: f.deposited,
    });
  }
  if (f.merge?.valid !== true || f.merge.toPartner || f.deposited < f.target) return;
  const text = "purse is merged and fully paid but not decided";
  add("PU-R5", f.serial, rowInconsistency("PU-R5", "purse-decision", f.serial, text));
}

/** PU-R3 in place of PU-12: coins are given back only when the purse was deleted or expired without being complete. */
function judgeRefund(f: PurseFacts, decision: NonNullable<PurseFacts["decision"]>, add: Add): void {
  const early = !f.deleted && decision.time + DECISION_GRACE < f.expiration;
  const complete = f.merge?.valid === true && f.deposited >= f.target && f.merge.timestamp <= f.expiration;
  if (!early && !complete) return;
  const { serial } = decision;
  add("PU-R3", serial, arithmetic("PU-R3", "purse-decision: refund", serial, f.deposited, f.target, 0));
}

/** PU-13, PU-R1, PU-R2: money goes to a reserve only from a full purse, with both consents, in time. */
function judgeMerge(f: PurseFacts, decision: NonNullable<PurseFacts["decision"]>, add: Add): void {
  const { serial } = decision;
  const operation = "purse-decision: merge";
  const { target, deposited } = f;
  if (deposited < target) {
    add("PU-13", serial, arithmetic("PU-13", operation, serial, target, deposited, 0), {
      purse_total_balance_insufficient_loss: target,
      purse_total_balance_insufficient_shortfall: target - deposited,
    });
  } else if (deposited > target) {
    // the exchange keeps what is too much
    add("PU-R2", serial, ...wrongSum("PU-R2", operation, serial, target, deposited, -1));
  }
  if (decision.time > f.expiration + DECISION_GRACE) {
    const text = "purse was merged after it had expired";
    add("PU-R1:late", serial, rowInconsistency("PU-R1", "purse-decision", serial, text));
  }
  const missing = (verdict: Verdict, operation: string, publicKey: Uint8Array) =>
    add(verdict, serial, badSignature("PU-R1", operation, serial, target, publicKey), {
      purse_total_bad_sig_loss: target,
    });
  // an invalid merge was reported with the same loss already (PU-2); an invalid account merge only with the fee (PU-7)
  if (f.merge === undefined) missing("PU-R1:merge", "merge-purse", f.mergePub);
  else if (!f.merge.toPartner && !hasConsent(f)) missing("PU-R1:consent", "account-merge", f.merge.reservePub);
}

function hasConsent({ merge, consent }: PurseFacts): boolean {
  return consent?.valid === true && merge !== undefined && equalBytes(consent.reservePub, merge.reservePub);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What a coin's history says: spent, given back, and what each deposit is worth (audit chapter 1.7, C-4, 4b).
 *
 * Pure functions over the events of one coin. The deposit fee is given back only when a deposit was refunded in full
 * (D-14, D-28), a refunded purse deposit counts as spent and as given back without a fee (D-14, D-27).
 */
import { equalBytes } from "../crypto/hash.ts";
import type { CoinEvent } from "../exchange/rows.ts";

/** Value and fees of a coin's denomination, atoms. */
export interface CoinTerms {
  value: bigint;
  feeDeposit: bigint;
  feeRefund: bigint;
}

/** Deposits and refunds of one coin in one batch. */
interface BatchSums {
  deposited: bigint;
  deposits: number;
  refunded: bigint;
}

function batchSums(events: readonly CoinEvent[]): Map<bigint, BatchSums> {
  const batches = new Map<bigint, BatchSums>();
  for (const e of events) {
    if (e.batch === undefined || (e.kind !== "deposit" && e.kind !== "refund")) continue;
    const sums = batches.get(e.batch) ?? { deposited: 0n, deposits: 0, refunded: 0n };
    if (e.kind === "deposit") {
      sums.deposited += e.amount;
      sums.deposits++;
    } else sums.refunded += e.amount;
    batches.set(e.batch, sums);
  }
  return batches;
}

function isFullRefund(sums: BatchSums): boolean {
  return sums.deposits > 0 && sums.refunded === sums.deposited;
}

/** Both sides of C-4. */
export interface CoinBalance {
  spent: bigint;
  limit: bigint;
}

/** What a coin spent, and what it was allowed to spend (C-4 with D-14). */
export function coinBalance(events: readonly CoinEvent[], terms: CoinTerms): CoinBalance {
  const { expenditures, refunds } = spendingOf(events, terms);
  return { spent: expenditures, limit: terms.value + refunds + waivedFees(batchSums(events), terms) };
}

function waivedFees(batches: Map<bigint, BatchSums>, terms: CoinTerms): bigint {
  return [...batches.values()].filter(isFullRefund).reduce((sum, s) => sum + terms.feeDeposit * BigInt(s.deposits), 0n);
}

/** What the history of a coin means for one aggregated deposit (audit chapter 4b step 6). */
export interface DepositHistory {
  /** The aggregated deposit itself, if the history has it. */
  deposit: CoinEvent | undefined;
  /** It is not the first deposit of the coin into the same contract (A-7, D-26). */
  repeated: boolean;
  /** What the deposit brings the merchant without its fee; what A-15 compares. */
  contribution: bigint;
  /** {@link contribution}, plus the deposit fee if it was waived; G in A-11. */
  merchantGain: bigint;
  /** Refunds of the same contract, counted at the first deposit; L in A-11. */
  merchantLoss: bigint;
  /** Everything the coin spent, refund fees included; E in. */
  expenditures: bigint;
  /** Everything the coin got back; R in. */
  refunds: bigint;
  /** Deposit fees that the coin got back beside {@link refunds}, because deposits were refunded in full. */
  waivedFees: bigint;
}

/**
 * Evaluates a coin's history for one aggregated deposit.
 * @param serial serial of the aggregated deposit
 * @param contract merchant key and contract hash of its batch
 */
export function depositHistory(
  events: readonly CoinEvent[],
  terms: CoinTerms,
  serial: bigint,
  contract: Uint8Array,
): DepositHistory {
  const same = events.filter((e) => e.contract !== undefined && equalBytes(e.contract, contract));
  const deposits = same.filter((e) => e.kind === "deposit");
  const deposit = deposits.find((e) => e.serial === serial);
  const repeated = deposit !== undefined && deposit !== deposits[0];
  // a deposit below its fee counts nothing (D-30)
  const contribution = deposit !== undefined && deposit.amount > terms.feeDeposit
    ? deposit.amount - terms.feeDeposit
    : 0n;
  const sums = batchSums(events);
  const own = deposit?.batch === undefined ? undefined : sums.get(deposit.batch);
  const waived = own !== undefined && isFullRefund(own);
  return {
    deposit,
    repeated,
    contribution,
    merchantGain: contribution + (waived ? terms.feeDeposit : 0n),
    merchantLoss: repeated ? 0n : total(same.filter((e) => e.kind === "refund")),
    ...spendingOf(events, terms),
    waivedFees: waivedFees(sums, terms),
  };
}

const CREDITS: ReadonlySet<string> = new Set(["refund", "recoup-refresh-old", "purse-refund"]);

function spendingOf(events: readonly CoinEvent[], terms: CoinTerms): { expenditures: bigint; refunds: bigint } {
  const fees = terms.feeRefund * BigInt(events.filter((e) => e.kind === "refund").length);
  return {
    expenditures: fees + total(events.filter((e) => !CREDITS.has(e.kind))),
    refunds: total(events.filter((e) => CREDITS.has(e.kind))),
  };
}

function total(events: readonly CoinEvent[]): bigint {
  return events.reduce((sum, e) => sum + e.amount, 0n);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stages 5 and 6 of the coins pass: merchants' refunds and refunded purses (C-14 to C-17, D-14, X-5). */
import { buildBlock } from "../../../crypto/blocks.ts";
import type { PurseRefundRow, RefundRow } from "../../../exchange/rows.ts";
import { readRows } from "../../../exchange/source.ts";
import {
  atomsOfSums,
  decodePurseRefundCoin,
  LATER_REFUNDS,
  PURSE_REFUND_COINS,
  PURSE_REFUND_DECISIONS,
  REFUNDS,
} from "../../../exchange/v014/coins.ts";
import { arithmetic, rowInconsistency, signRule } from "../../findings.ts";
import { LATE } from "../../gaps.ts";
import { MONEY } from "../../money.ts";
import type { AnyStage, Stage, StageRow } from "../../pass.ts";
import { DENOMINATION } from "../../revisits.ts";
import { isAfterAggregation, reportBadSignature } from "./spending.ts";
import { book, type CoinsState, denominationOf, partOf, RANK, readAgain, unknownKey } from "./state.ts";

/** Refunds by merchants. */
export function refundsStage(s: CoinsState): Stage<RefundRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const stage: Stage<RefundRow, number | undefined> = {
    rank: RANK.refunds,
    source: REFUNDS,
    progressKey: "coins_refund_serial_id",
    prepare: async (rows, tasks) => {
      await addBookedBefore(s, stage, rows);
      return rows.map(({ row }) => {
        const { hContractTerms, rtransactionId, amount } = row;
        const fields = { hContractTerms, coinPub: row.coin.coinPub, rtransactionId, amount };
        return tasks.ed25519(row.merchantPub, row.merchantSig, buildBlock("merchantRefund", currency, fields));
      });
    },
    book: (r, task, good) => bookRefund(s, stage, r, task !== undefined && good(task)),
  };
  return stage;
}

/**
 * Which refund completes a deposit, or goes beyond it, follows from the order in which they are booked. Of one that
 * appeared late, those with higher serials that earlier runs have booked came before it.
 */
async function addBookedBefore(s: CoinsState, stage: AnyStage, rows: StageRow<RefundRow>[]): Promise<void> {
  const late = new Map(rows.filter((r) => r.reason === LATE).map((r) => [r.serial, r.row]));
  if (late.size === 0) return;
  const { from } = s.run.rangeOf(stage.progressKey);
  const parameters = [[...late.keys()], from, s.run.lateOf(stage.progressKey)];
  const sums = await readRows(s.run.context.source, "refunds", LATER_REFUNDS, parameters, atomsOfSums);
  for (const r of sums) if ("row" in r) late.get(r.serial)!.refundedBefore += r.row;
}

function bookRefund(
  s: CoinsState,
  stage: Stage<RefundRow, number | undefined>,
  r: StageRow<RefundRow>,
  good: boolean,
): void {
  const { serial, row } = r;
  const { rank } = stage;
  const d = denominationOf(s, stage, r, "C-14", "refunds", row.coin.denominationSerial);
  if (d === undefined) return;
  if (!good) {
    reportBadSignature(s, "C-15", rank, "refund", serial, row.amount, row.coin.coinPub);
    return;
  }
  checkRefundLimits(s, r);
  if (row.amount < d.feeRefund) {
    reportArithmetic(s, "C-16", "refund (fee)", serial, row.amount, d.feeRefund);
    return;
  }
  book(s, d, { event: "refund", amount: row.amount - d.feeRefund });
  s.run.book.add("coin_refund_fee_revenue", d.feeRefund);
  s.run.addCounter(MONEY.merchantsIn, -row.amount);
  // the refund that completes the deposit gives the deposit fee back (D-14)
  if (row.refundedBefore < row.deposited && row.refundedBefore + row.amount === row.deposited) {
    const waived = d.feeDeposit * BigInt(row.deposits);
    book(s, d, { event: "waive", amount: waived });
    s.run.book.add("coin_deposit_fee_loss", waived);
    s.run.addCounter(MONEY.merchantsIn, waived);
    s.run.addCounter(MONEY.waived, waived);
  }
}

function checkRefundLimits(s: CoinsState, r: StageRow<RefundRow>): void {
  const { serial, row } = r;
  const refunded = row.refundedBefore + row.amount;
  if (refunded > row.deposited) {
    const allowed = row.refundedBefore > row.deposited ? row.refundedBefore : row.deposited;
    reportArithmetic(s, "X-5", "refund (deposit)", serial, refunded, allowed);
  }
  if (isAfterAggregation(s, r)) {
    s.run.book.report(
      { stage: RANK.refunds, serial },
      rowInconsistency("X-5", "refunds", serial, "refund of a deposit that was aggregated before"),
    );
  }
}

/** An arithmetic finding with direction -1, and its effect on the balances (audit chapter 0.4). */
function reportArithmetic(
  s: CoinsState,
  check: string,
  operation: string,
  serial: bigint,
  exchange: bigint,
  auditor: bigint,
): void {
  const { plus, minus } = signRule(exchange, auditor, -1);
  s.run.book.report(
    { stage: RANK.refunds, serial },
    arithmetic(check, operation, serial, exchange, auditor, -1),
    { coins_total_arithmetic_delta_plus: plus, coins_total_arithmetic_delta_minus: minus },
  );
}

/** The coins of a refunded purse that can be read. */
type PurseCoins = (PurseRefundRow & { serial: bigint })[];

/** Purses whose content was given back. No signature is involved. */
export function purseRefundsStage(s: CoinsState): Stage<{ pursePub: Uint8Array }, PurseCoins> {
  const stage: Stage<{ pursePub: Uint8Array }, PurseCoins> = {
    rank: RANK.purseRefunds,
    source: PURSE_REFUND_DECISIONS,
    progressKey: "coins_purse_refunds_serial_id",
    prepare: async (rows) => {
      const serials = rows.map((r) => r.serial);
      const purses = new Map<bigint, PurseCoins>(serials.map((serial) => [serial, []]));
      const sql = s.run.context.source;
      for (const c of await readRows(sql, "purse_deposits", PURSE_REFUND_COINS, [serials], decodePurseRefundCoin)) {
        // unreadable coins carry no decision; they are reported at the stage of purse deposits
        if ("row" in c) purses.get(c.row.decision)!.push({ ...c.row, serial: c.serial });
      }
      return rows.map((r) => purses.get(r.serial)!);
    },
    book: (r, coins) => bookPurseRefund(s, stage, r, coins),
  };
  return stage;
}

function bookPurseRefund(
  s: CoinsState,
  stage: Stage<{ pursePub: Uint8Array }, PurseCoins>,
  r: StageRow<unknown>,
  coins: PurseCoins,
): void {
  let unknown = false;
  for (const { serial: row, amount, coin } of coins) {
    // of a purse that is read again, only what was not known before is not booked yet
    if (r.reason === DENOMINATION && !s.run.stored.has(unknownKey("C-17", stage, row))) continue;
    const named = { check: "C-17", table: "purse-refunds", row, denomination: coin.denominationSerial };
    const d = partOf(s, stage, named);
    if (d === undefined) {
      unknown = true;
      continue;
    }
    book(s, d, { event: "refund", amount });
    s.run.book.add("coin_deposit_fee_loss", d.feeDeposit);
    s.run.addCounter(MONEY.pursesIn, d.feeDeposit - amount);
  }
  readAgain(s, stage, r, unknown ? DENOMINATION : undefined);
}

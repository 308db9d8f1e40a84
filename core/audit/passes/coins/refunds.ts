// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stages 5 and 6 of the coins pass: merchants' refunds and refunded purses (C-14 to C-17, D-14, X-5). */
import { buildBlock } from "../../../crypto/blocks.ts";
import type { PurseRefundRow, RefundRow } from "../../../exchange/rows.ts";
import { readRows, type SourceRow } from "../../../exchange/source.ts";
import {
  decodePurseRefundCoin,
  PURSE_REFUND_COINS,
  PURSE_REFUND_DECISIONS,
  REFUNDS,
} from "../../../exchange/v014/coins.ts";
import type { Denomination } from "../../denominations.ts";
import { arithmetic, rowInconsistency, signRule } from "../../findings.ts";
import { MONEY } from "../../money.ts";
import type { Stage, StageRow } from "../../pass.ts";
import { isNewer, reportBadSignature } from "./spending.ts";
import { book, type CoinsState, denominationOf, RANK } from "./state.ts";

/** Refunds by merchants. */
export function refundsStage(s: CoinsState): Stage<RefundRow, number | undefined> {
  const { currency } = s.run.context.settings;
  return {
    rank: RANK.refunds,
    source: REFUNDS,
    progressKey: "coins_refund_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const { hContractTerms, rtransactionId, amount } = row;
        const fields = { hContractTerms, coinPub: row.coin.coinPub, rtransactionId, amount };
        return tasks.ed25519(row.merchantPub, row.merchantSig, buildBlock("merchantRefund", currency, fields));
      }),
    book: (r, task, good) => bookRefund(s, r, task !== undefined && good(task)),
  };
}

function bookRefund(s: CoinsState, r: StageRow<RefundRow>, good: boolean): void {
  const { serial, row } = r;
  const rank = RANK.refunds;
  const d = denominationOf(s, "C-14", rank, "refunds", serial, row.coin.denominationSerial);
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
  if (isNewer(s, r) && row.aggregation !== undefined && row.aggregation <= s.aggregatedBefore) {
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

/** Purses whose content was given back. No signature is involved. */
export function purseRefundsStage(
  s: CoinsState,
): Stage<{ pursePub: Uint8Array }, SourceRow<PurseRefundRow & { decision: bigint }>[]> {
  return {
    rank: RANK.purseRefunds,
    source: PURSE_REFUND_DECISIONS,
    progressKey: "coins_purse_refunds_serial_id",
    prepare: async (rows) => {
      const coins = await readRows(
        s.run.context.source,
        "purse_deposits",
        PURSE_REFUND_COINS,
        [rows.map((r) => r.serial)],
        decodePurseRefundCoin,
      );
      // unreadable coins carry no decision; they are reported at the stage of purse deposits
      return rows.map((r) => coins.filter((c) => "row" in c && c.row.decision === r.serial));
    },
    book: (_, coins) => {
      for (const c of coins) {
        if (!("row" in c)) continue;
        const d = denominationOf(
          s,
          "C-17",
          RANK.purseRefunds,
          "purse-refunds",
          c.serial,
          c.row.coin.denominationSerial,
        );
        if (d !== undefined) bookPurseRefund(s, d, c.row.amount);
      }
    },
  };
}

function bookPurseRefund(s: CoinsState, d: Denomination, amount: bigint): void {
  book(s, d, { event: "refund", amount });
  s.run.book.add("coin_deposit_fee_loss", d.feeDeposit);
  s.run.addCounter(MONEY.pursesIn, d.feeDeposit - amount);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The arithmetic of one outgoing transfer: pure functions. */
import { hashPayto } from "../../../crypto/objects.ts";
import { equalBytes } from "../../../crypto/hash.ts";
import type { AggregatedCoinRow, CoinEvent, WireFeeRow, WireOutRow } from "../../../exchange/rows.ts";
import { roundDown } from "../../../taler/amount.ts";
import { paytoMethod } from "../../../taler/payto.ts";
import { timeToDb } from "../../../taler/time.ts";
import { depositHistory } from "../../coin-history.ts";
import type { Denomination } from "../../denominations.ts";
import {
  arithmetic,
  badSignature,
  coinInconsistency,
  type Direction,
  type Finding,
  rowInconsistency,
  signRule,
  wireOut,
} from "../../findings.ts";
import type { Effects } from "../../book.ts";

/** What a wire transfer gave rise to. */
export interface Outcome {
  findings: { finding: Finding; effects: Effects }[];
  /** The fee period that was applied. */
  fee: WireFeeRow | undefined;
  /** What the exchange earned: wire fee and rounding. */
  revenue: bigint;
  /** What its merchant is owed before fee and rounding. */
  total: bigint;
}

/** What the evaluation of a transfer needs to know beside its rows. */
export interface Knowledge {
  roundUnit: bigint;
  lookup(denominationSerial: bigint): Denomination | undefined;
  isBadCoin(knownCoin: bigint): boolean;
  /** Events of a coin, by the key {@link coinKey}. */
  eventsOf(coinPub: Uint8Array): readonly CoinEvent[];
  feesAt(method: string, time: bigint): WireFeeRow[];
}

class Collector implements Outcome {
  findings: Outcome["findings"] = [];
  fee: WireFeeRow | undefined;
  revenue = 0n;
  total = 0n;

  add(finding: Finding, effects: Effects = {}): void {
    this.findings.push({ finding, effects });
  }

  row(check: string, table: string, row: bigint, text: string): void {
    this.add(rowInconsistency(check, table, row, text));
  }

  sum(
    family: "arithmetic" | "coin",
    finding: (c: string, o: string) => Finding,
    check: string,
    operation: string,
    exchange: bigint,
    auditor: bigint,
    direction: Direction,
  ): void {
    const { plus, minus } = signRule(exchange, auditor, direction);
    this.add(finding(check, operation), {
      [`aggregation_total_${family}_delta_plus`]: plus,
      [`aggregation_total_${family}_delta_minus`]: minus,
    });
  }

  arithmetic(check: string, operation: string, row: bigint, e: bigint, a: bigint, direction: Direction): void {
    this.sum("arithmetic", (c, o) => arithmetic(c, o, row, e, a, direction), check, operation, e, a, direction);
  }

  coin(check: string, operation: string, coinPub: Uint8Array, e: bigint, a: bigint, direction: Direction): void {
    this.sum("coin", (c, o) => coinInconsistency(c, o, coinPub, e, a, direction), check, operation, e, a, direction);
  }
}

/**
 * Evaluates one outgoing transfer.
 * @param coins its aggregated coins, ordered by aggregation and deposit
 */
export function evaluateWireOut(
  k: Knowledge,
  serial: bigint,
  row: WireOutRow,
  coins: readonly AggregatedCoinRow[],
): Outcome {
  const out = new Collector();
  const method = paytoMethod(row.payto);
  if (method === undefined) {
    out.row("A-1", "wire_out", serial, "specified wire address lacks method");
    return out;
  }
  if (!equalBytes(hashPayto(row.payto), row.hPayto)) {
    out.row("X-9", "wire_out", serial, "h-payto does not match payto URI");
  }
  let total = 0n;
  for (const coin of coins) total += evaluateCoin(k, out, row, coin);
  if (coins.some((c) => !equalBytes(c.merchantPub, coins[0]!.merchantPub))) {
    out.row("X-12", "aggregation", serial, "more than one merchant in one wire transfer");
  }
  out.total = total;
  evaluateTotal(k, out, serial, row, method, total);
  return out;
}

/** The checks on one aggregated coin; returns what it contributes to the transfer. */
function evaluateCoin(k: Knowledge, out: Collector, wire: WireOutRow, c: AggregatedCoinRow): bigint {
  const id = c.aggregation;
  if (!equalBytes(hashPayto(c.payto), c.hPayto)) {
    out.row("A-2", "wire_targets", id, "h-payto does not match payto URI");
  }
  const d = k.lookup(c.denominationSerial);
  if (d === undefined) {
    out.row("A-5", "aggregation", id, "could not find denomination key for coin claimed in aggregation");
    return 0n;
  }
  if (k.isBadCoin(c.knownCoin)) {
    out.add(badSignature("A-6", "wire", id, c.amount, c.coinPub), { aggregation_total_bad_sig_loss: c.amount });
    out.row("A-6", "deposit", id, "coin denomination signature invalid");
  }
  const contribution = evaluateHistory(k, out, c, d);
  if (c.payto !== wire.payto) {
    out.row("A-16", "aggregation", id, "target of outgoing wire transfer do not match hash of wire from deposit");
  }
  return contribution;
}

function evaluateHistory(k: Knowledge, out: Collector, c: AggregatedCoinRow, d: Denomination): bigint {
  const id = c.aggregation;
  const contract = new Uint8Array(96);
  contract.set(c.merchantPub);
  contract.set(c.hContractTerms, 32);
  const h = depositHistory(k.eventsOf(c.coinPub), d, c.deposit, contract);
  if (h.deposit === undefined) {
    out.row("A-3", "aggregation", id, "no transaction history for coin claimed in aggregation");
    return 0n;
  }
  if (h.repeated) {
    const text = "multiple deposits of the same coin into the same contract detected";
    out.row("A-7", "deposits", c.deposit, text);
  }
  if (h.merchantGain < h.merchantLoss) {
    out.coin("A-11", "refund (merchant)", c.coinPub, h.merchantGain, h.merchantLoss, 1);
  }
  const limit = d.value + h.waivedFees;
  if (h.expenditures < h.refunds) {
    out.coin("A-12", "refund (balance)", c.coinPub, h.expenditures, h.refunds, 1);
  } else if (h.expenditures - h.refunds > limit) {
    out.coin("A-13", "spend", c.coinPub, h.expenditures - h.refunds, limit, -1);
  }
  if (c.amount < d.feeDeposit) {
    out.arithmetic("A-14", "aggregation (fee structure)", id, c.amount, d.feeDeposit, -1);
    return 0n;
  }
  if (h.contribution !== c.amount - d.feeDeposit) {
    out.arithmetic("A-15", "aggregation (contribution)", id, c.amount - d.feeDeposit, h.contribution, -1);
  }
  return h.merchantGain > h.merchantLoss ? h.merchantGain - h.merchantLoss : 0n;
}

function evaluateTotal(
  k: Knowledge,
  out: Collector,
  serial: bigint,
  row: WireOutRow,
  method: string,
  total: bigint,
): void {
  const periods = k.feesAt(method, row.executionDate);
  if (periods.length === 0) {
    out.row("A-19", "wire-fee", timeToDb(row.executionDate), "wire fee unavailable for given time");
  }
  const finalOf = (fee: bigint) => roundDown(total > fee ? total - fee : 0n, k.roundUnit);
  // where periods overlap the exchange may have used any of them
  out.fee = periods.find((p) => finalOf(p.wireFee) === row.amount) ?? periods[0];
  let fee = out.fee?.wireFee ?? 0n;
  if (total < fee) {
    out.arithmetic("A-22", "wire out (fee structure)", serial, total, fee, -1);
    fee = 0n;
  }
  const final = roundDown(total - fee, k.roundUnit);
  out.revenue = total - final;
  const { amount } = row;
  if (amount === final) return;
  out.add(wireOut("A-23", row.payto, serial, final, amount, "aggregated amount does not match expectations"), {
    aggregation_total_wire_out_delta_plus: amount > final ? amount - final : 0n,
    aggregation_total_wire_out_delta_minus: amount < final ? final - amount : 0n,
  });
}

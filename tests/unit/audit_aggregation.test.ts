// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The arithmetic of one outgoing transfer, D-26 to
 * D-30, rounding; and overlaps of fee periods.
 *
 * Coins are worth 5, deposit fee 0.2, refund fee 0.3; the wire fee is 0.1 unless the line says otherwise. Each deposit
 * goes into a batch of its own unless it names one, and into the transfer unless it is `elsewhere`.
 */
import assert from "node:assert/strict";
import { evaluateWireOut, type Knowledge } from "../../core/audit/passes/aggregation/evaluate.ts";
import { overlaps } from "../../core/audit/passes/aggregation/pass.ts";
import type { Denomination } from "../../core/audit/denominations.ts";
import { hashPayto } from "../../core/crypto/objects.ts";
import type { AggregatedCoinRow, CoinEvent, CoinEventKind, WireFeeRow } from "../../core/exchange/rows.ts";
import { DAY } from "../../core/taler/time.ts";
import { bytes32, bytes64 } from "../support/mint.ts";
import { describeBalances, describeFinding, Names } from "../support/describe.ts";
import { atoms, Phrase, plainAmount, testTable } from "../support/scenario.ts";

const DENOMINATION = {
  value: atoms(5),
  feeDeposit: atoms("0.2"),
  feeRefund: atoms("0.3"),
} as Denomination;
const NOW = 100n * DAY;
const payto = (account: string) => account.includes(":") ? account : `payto://x-test/host/${account}`;

/** A transfer in the making. */
interface World {
  names: Names;
  events: Map<string, CoinEvent[]>;
  coins: AggregatedCoinRow[];
  bad: Set<bigint>;
  fees: WireFeeRow[];
  unit: bigint;
  serials: Map<string, bigint>;
}

function next(w: World, what: string): bigint {
  const serial = (w.serials.get(what) ?? 0n) + 1n;
  w.serials.set(what, serial);
  return serial;
}

function contractOf(batch: string, p: Phrase): { merchantPub: Uint8Array; hContractTerms: Uint8Array } {
  return { merchantPub: bytes32(p.after("for") ?? "m1"), hContractTerms: bytes64(p.after("contract") ?? batch) };
}

function happen(w: World, p: Phrase, coin: string): void {
  const coinPub = bytes32(coin);
  w.names.give(coinPub, coin);
  const serial = next(w, p.verb);
  const amount = p.amount();
  const batch = p.after("into") ?? p.after("of") ?? (p.verb === "deposit" ? `b${serial}` : undefined);
  const { merchantPub, hContractTerms } = contractOf(batch ?? "", p);
  const inBatch = p.verb === "deposit" || p.verb === "refund";
  if (!p.flag("unrecorded")) {
    w.events.set(coin, [...(w.events.get(coin) ?? []), {
      kind: p.verb as CoinEventKind,
      serial,
      coinPub,
      amount,
      batch: inBatch ? BigInt(batch!.slice(1)) : undefined,
      contract: inBatch ? Uint8Array.of(...merchantPub, ...hContractTerms) : undefined,
    }]);
  }
  if (p.verb !== "deposit" || p.flag("elsewhere")) return;
  const account = payto(p.after("to") ?? "a1");
  w.coins.push({
    wireOut: 1n,
    aggregation: next(w, "aggregation"),
    batch: BigInt(batch!.slice(1)),
    deposit: serial,
    merchantPub,
    hContractTerms,
    payto: account,
    hPayto: p.flag("misdirected") ? bytes32("elsewhere") : hashPayto(account),
    coinPub,
    amount: p.amountOption("row") ?? amount,
    knownCoin: BigInt(coin.slice(1)),
    denominationSerial: p.flag("unknown") ? 2n : 1n,
  });
}

function fee(w: World, p: Phrase): void {
  const during = (p.option("days") ?? "0-1000").split("-").map((d) => BigInt(d) * DAY);
  w.fees.push({
    serial: next(w, "fee"),
    method: p.after("for") ?? "x-test",
    start: during[0]!,
    end: during[1]!,
    wireFee: p.amount(),
    closingFee: 0n,
    masterSig: bytes64("not looked at"),
  });
}

function judge(w: World, wire: Phrase): string[] {
  const account = payto(wire.after("to") ?? "a1");
  const knowledge: Knowledge = {
    roundUnit: w.unit,
    lookup: (serial) => serial === 1n ? DENOMINATION : undefined,
    isBadCoin: (coin) => w.bad.has(coin),
    eventsOf: (coinPub) => [...w.events.values()].find((e) => e[0]!.coinPub.every((b, i) => b === coinPub[i])) ?? [],
    feesAt: (method, t) => w.fees.filter((f) => f.method === method && f.start <= t && t < f.end),
  };
  const row = {
    executionDate: NOW,
    wtid: bytes32("wtid"),
    payto: account,
    hPayto: wire.flag("misdirected") ? bytes32("elsewhere") : hashPayto(account),
    amount: wire.amount(),
    section: "exchange-account-1",
  };
  const { findings, revenue } = evaluateWireOut(knowledge, 9n, row, w.coins);
  const balances = new Map<string, bigint>();
  for (const { effects } of findings) {
    for (const [key, value] of Object.entries(effects)) balances.set(key, (balances.get(key) ?? 0n) + value);
  }
  const earned = revenue === atoms("0.1") ? [] : [`revenue ${plainAmount(revenue)}`];
  return [
    ...findings.map(({ finding }) => describeFinding(finding, w.names)),
    ...describeBalances(balances),
    ...earned,
  ];
}

testTable(
  "aggregation",
  `
  deposit c1 3; wire 2.7                                -> nothing
  deposit c1 3; deposit c2 5; deposit c3 0.2; wire 7.5  -> nothing
  # A-23 with its two sides
  deposit c1 3; wire 2.6
    -> A-23 wire#9 to payto://x-test/host/a1: 2.6 instead of 2.7: aggregated amount does not match expectations;
       aggregation_total_wire_out_delta_minus 0.1
  deposit c1 3; wire 2.71
    -> A-23 wire#9 to payto://x-test/host/a1: 2.71 instead of 2.7: aggregated amount does not match expectations;
       aggregation_total_wire_out_delta_plus 0.01
  # A-1: nothing else can be said of such a transfer
  deposit c1 3; wire 9 to mailto:somebody               -> A-1 wire_out#9 specified wire address lacks method; revenue 0
  deposit c1 3; wire 9 to payto:x-test                  -> A-1 wire_out#9 specified wire address lacks method; revenue 0
  # X-9: the account of the transfer itself
  deposit c1 3; wire 2.7 misdirected                    -> X-9 wire_out#9 h-payto does not match payto URI
  # A-2: the account of the deposit
  deposit c1 3 misdirected; wire 2.7                    -> A-2 wire_targets#1 h-payto does not match payto URI
  # A-16
  deposit c1 3 to a2; wire 2.7
    -> A-16 aggregation#1 target of outgoing wire transfer do not match hash of wire from deposit
  # A-3: no history; the coin counts nothing
  deposit c1 3; deposit c2 3 unrecorded; wire 2.7
    -> A-3 aggregation#2 no transaction history for coin claimed in aggregation
  # A-5
  deposit c1 3; deposit c2 3 unknown; wire 2.7
    -> A-5 aggregation#2 could not find denomination key for coin claimed in aggregation
  # A-6: the coin is forged, the merchant is paid all the same
  bad c1; deposit c1 3; wire 2.7
    -> A-6 wire#1 loses 3 of c1; A-6 deposit#1 coin denomination signature invalid; aggregation_total_bad_sig_loss 3
  # A-7: twice into one contract, in one batch or in two; not into two contracts (D-26)
  deposit c1 2 into b1; deposit c1 3 into b1; wire 4.5
    -> A-7 deposits#2 multiple deposits of the same coin into the same contract detected
  deposit c1 2 into b1 contract k; deposit c1 3 into b2 contract k; wire 4.5
    -> A-7 deposits#2 multiple deposits of the same coin into the same contract detected
  deposit c1 2; deposit c1 3; wire 4.5                  -> nothing
  deposit c1 2 contract k for m1; deposit c1 3 elsewhere contract k for m2; wire 1.7 -> nothing
  # refunds lower what the merchant gets
  deposit c1 3; refund c1 1 of b1; wire 1.7             -> nothing
  deposit c1 3; deposit c2 3; refund c1 3 of b1; wire 2.7 -> nothing
  # a full refund in parts leaves nothing for the merchant, whose deposit fee is waived (D-28)
  deposit c1 3; refund c1 1 of b1; refund c1 2 of b1; deposit c2 3; wire 2.7 -> nothing
  # A-11: refunded more than deposited
  deposit c1 3; refund c1 4 of b1; deposit c2 3; wire 2.7
    -> A-11 refund (merchant) of c1 2.8 against 4; A-12 refund (balance) of c1 3.3 against 4;
       aggregation_total_coin_delta_minus 1.9
  # … also by less than the deposit, if the fee is not covered
  deposit c1 3; refund c1 2.9 of b1; deposit c2 3; wire 2.7
    -> A-11 refund (merchant) of c1 2.8 against 2.9; aggregation_total_coin_delta_minus 0.1
  # A-12: more came back than was spent
  deposit c1 1; recoup-refresh-old c1 2; wire 0.7
    -> A-12 refund (balance) of c1 1 against 2; aggregation_total_coin_delta_minus 1
  # A-13: overspent
  deposit c1 3; melt c1 3; wire 2.7
    -> A-13 spend of c1 6 against 5; aggregation_total_coin_delta_minus 1
  deposit c1 3; deposit c1 2.01 elsewhere; wire 2.7
    -> A-13 spend of c1 5.01 against 5; aggregation_total_coin_delta_minus 0.01
  deposit c1 3; recoup c1 1; reserve-open c1 1; purse-deposit c1 1; wire 2.7
    -> A-13 spend of c1 6 against 5; aggregation_total_coin_delta_minus 1
  # a refunded purse was spent and given back (D-27)
  deposit c1 3; purse-deposit c1 2; purse-refund c1 2; melt c1 2; wire 2.7 -> nothing
  deposit c1 3; purse-deposit c1 2; purse-refund c1 2; melt c1 3; wire 2.7
    -> A-13 spend of c1 6 against 5; aggregation_total_coin_delta_minus 1
  # a full refund gives the deposit fee back: 5 - 0.3 + 0.2 can be spent again
  deposit c1 5 elsewhere; refund c1 5 of b1; deposit c1 4.9; wire 4.6 -> nothing
  deposit c1 5 elsewhere; refund c1 5 of b1; deposit c1 5; wire 4.7
    -> A-13 spend of c1 5.3 against 5.2; aggregation_total_coin_delta_minus 0.1
  # A-14 with D-30: a deposit below its fee counts nothing, and A-15 is silent
  deposit c1 0.1; deposit c2 3; wire 2.7
    -> A-14 aggregation (fee structure)#1 0.1 against 0.2; aggregation_total_arithmetic_delta_plus 0.1
  # A-15: the row of the transfer and the history disagree
  deposit c1 3 row=4; wire 2.7
    -> A-15 aggregation (contribution)#1 3.8 against 2.8; aggregation_total_arithmetic_delta_minus 1
  deposit c1 3 row=2; wire 2.7
    -> A-15 aggregation (contribution)#1 1.8 against 2.8; aggregation_total_arithmetic_delta_plus 1
  # A-19: no fee for that time, or for that method
  no fee; deposit c1 3; wire 2.8                        -> A-19 wire-fee#8640000000000 wire fee unavailable for given time; revenue 0
  fee 0.1 days=0-100; deposit c1 3; wire 2.8            -> A-19 wire-fee#8640000000000 wire fee unavailable for given time; revenue 0
  fee 0.1 days=100-101; deposit c1 3; wire 2.7          -> nothing
  fee 0.1 for x-other; deposit c1 3; wire 2.8           -> A-19 wire-fee#8640000000000 wire fee unavailable for given time; revenue 0
  # where periods overlap, any of their fees will do (D-29); else the first is judged by
  fee 0.1; fee 0.5; deposit c1 3; wire 2.7              -> nothing
  fee 0.1; fee 0.5; deposit c1 3; wire 2.3              -> revenue 0.5
  fee 0.5; fee 0.1; deposit c1 3; wire 2
    -> A-23 wire#9 to payto://x-test/host/a1: 2 instead of 2.3: aggregated amount does not match expectations;
       aggregation_total_wire_out_delta_minus 0.3; revenue 0.5
  # A-22: the fee is not covered
  deposit c1 0.25; wire 0.05
    -> A-22 wire out (fee structure)#9 0.05 against 0.1; aggregation_total_arithmetic_delta_plus 0.05; revenue 0
  deposit c1 0.3; wire 0                                -> nothing
  # a transfer without deposits
  wire 7
    -> A-22 wire out (fee structure)#9 0 against 0.1;
       A-23 wire#9 to payto://x-test/host/a1: 7 instead of 0: aggregated amount does not match expectations;
       aggregation_total_arithmetic_delta_plus 0.1; aggregation_total_wire_out_delta_plus 7; revenue 0
  no fee; wire 0                                        -> A-19 wire-fee#8640000000000 wire fee unavailable for given time; revenue 0
  # rounding to the wire unit is the exchange's gain
  unit 0.01; deposit c1 3.005; wire 2.7                 -> revenue 0.105
  unit 0.01; deposit c1 3; wire 2.7                     -> nothing
  unit 0.5; deposit c1 3; wire 2.5                      -> revenue 0.3
  unit 1; deposit c1 4; wire 3.7                        -> nothing
  unit 2; deposit c1 4; wire 2                          -> revenue 1.8
  unit 0.01; deposit c1 3.009; wire 2.709
    -> A-23 wire#9 to payto://x-test/host/a1: 2.709 instead of 2.7: aggregated amount does not match expectations;
       aggregation_total_wire_out_delta_plus 0.009; revenue 0.109
  # X-12: one transfer, one merchant
  deposit c1 3; deposit c2 3 for m2; wire 5.5           -> X-12 aggregation#9 more than one merchant in one wire transfer
  # findings of one coin stand in the order of the checks
  bad c1; deposit c1 0.1 misdirected to a2; melt c1 5; wire 0
    -> A-2 wire_targets#1 h-payto does not match payto URI;
       A-6 wire#1 loses 0.1 of c1; A-6 deposit#1 coin denomination signature invalid;
       A-13 spend of c1 5.1 against 5; A-14 aggregation (fee structure)#1 0.1 against 0.2;
       A-16 aggregation#1 target of outgoing wire transfer do not match hash of wire from deposit;
       A-22 wire out (fee structure)#9 0 against 0.1;
       aggregation_total_arithmetic_delta_plus 0.2; aggregation_total_bad_sig_loss 0.1;
       aggregation_total_coin_delta_minus 0.1; revenue 0
  `,
  (phrases) => {
    const w: World = {
      names: new Names(),
      events: new Map(),
      coins: [],
      bad: new Set(),
      fees: [],
      unit: 0n,
      serials: new Map(),
    };
    const feeSaid = phrases.some((p) => p.verb === "fee" || p.verb === "no");
    if (!feeSaid) fee(w, new Phrase("fee 0.1"));
    for (const p of phrases) {
      if (p.verb === "wire") return judge(w, p);
      else if (p.verb === "unit") w.unit = p.amount();
      else if (p.verb === "fee") fee(w, p);
      else if (p.verb === "bad") w.bad.add(BigInt(p.word().slice(1)));
      else if (p.verb === "no") assert.ok(p.flag("fee"));
      else happen(w, p, p.word());
    }
    throw new Error("a scenario ends with a transfer");
  },
);

/** Periods `method from-to`; the pairs that overlap, by their numbers. */
testTable(
  "A-20, A-21: overlaps",
  `
  iban 0-10                                  -> nothing
  iban 0-10; iban 10-20                      -> nothing
  iban 0-10; iban 9-20                       -> 1 and 2
  iban 9-20; iban 0-10                       -> 2 and 1
  iban 0-10; x-test 5-20                     -> nothing
  iban 0-10; iban 20-30; iban 10-20          -> nothing
  iban 0-10; iban 0-10                       -> 1 and 2
  iban 0-30; iban 10-20                      -> 1 and 2
  iban 0-10; iban 9-20; iban 19-30           -> 1 and 2; 2 and 3
  x-test 0-10; iban 0-10; x-test 5-6; iban 9-12 -> 2 and 4; 1 and 3
  # a gap is no overlap
  iban 0-10; iban 12-20                      -> nothing
  `,
  (phrases) => {
    const rows = phrases.map((p, i): WireFeeRow => {
      const [start, end] = p.word().split("-").map((d) => BigInt(d) * DAY);
      const fees = { wireFee: 0n, closingFee: 0n, masterSig: bytes64("") };
      return { serial: BigInt(i + 1), method: p.verb, start: start!, end: end!, ...fees };
    });
    return overlaps(rows).map(([a, b]) => `${a.serial} and ${b.serial}`);
  },
);

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What a coin's history says (C-4 with D-14, D-27, D-28; the sums behind ).
 *
 * The coin is worth 5; deposit fee 0.2, refund fee 0.3. Batches are named b…, `b1/k1` is a batch with contract k1,
 * whose contract is otherwise its own name.
 */
import { coinBalance, type CoinTerms, depositHistory } from "../../core/audit/coin-history.ts";
import { bytes32, bytes64 } from "../support/mint.ts";
import type { CoinEvent, CoinEventKind } from "../../core/exchange/rows.ts";
import { atoms, type Phrase, plainAmount, testTable } from "../support/scenario.ts";

const TERMS: CoinTerms = { value: atoms(5), feeDeposit: atoms("0.2"), feeRefund: atoms("0.3") };

/** Merchant key and contract hash. */
function contract(name: string): Uint8Array {
  return Uint8Array.of(...bytes32(name), ...bytes64(name));
}

/** The events of a scenario; serials count per kind, as in the tables of the exchange. */
function history(phrases: Phrase[]): CoinEvent[] {
  const serials = new Map<string, bigint>();
  const batches = new Map<string, bigint>();
  return phrases.map((p): CoinEvent => {
    const serial = (serials.get(p.verb) ?? 0n) + 1n;
    serials.set(p.verb, serial);
    const [batch, named] = (p.after("in") ?? p.after("of") ?? "").split("/");
    if (batch !== "" && !batches.has(batch!)) batches.set(batch!, BigInt(batches.size + 1));
    return {
      kind: p.verb as CoinEventKind,
      serial,
      coinPub: bytes32("coin"),
      amount: p.amount(),
      batch: batch === "" ? undefined : batches.get(batch!),
      contract: batch === "" ? undefined : contract(named ?? batch!),
    };
  });
}

testTable(
  "C-4",
  `
  deposit 5 in b1                                         -> spent 5; limit 5
  deposit 6 in b1                                         -> spent 6; limit 5; over 1
  deposit 3 in b1; deposit 2 in b2                        -> spent 5; limit 5
  deposit 3 in b1; deposit 2.00000001 in b2               -> spent 5.00000001; limit 5; over 0.00000001
  melt 5                                                  -> spent 5; limit 5
  melt 4; deposit 2 in b1                                 -> spent 6; limit 5; over 1
  recoup 5                                                -> spent 5; limit 5
  recoup 4; deposit 2 in b1                               -> spent 6; limit 5; over 1
  recoup-refresh-new 5.5                                  -> spent 5.5; limit 5; over 0.5
  purse-deposit 5                                         -> spent 5; limit 5
  purse-deposit 3; purse-deposit 3                        -> spent 6; limit 5; over 1
  reserve-open 5.1                                        -> spent 5.1; limit 5; over 0.1
  # a partial refund costs its fee; the deposit fee stays with the exchange
  deposit 5 in b1; refund 2 of b1                         -> spent 5.3; limit 7
  deposit 5 in b1; refund 2 of b1; deposit 1.7 in b2      -> spent 7; limit 7
  deposit 5 in b1; refund 2 of b1; deposit 1.8 in b2      -> spent 7.1; limit 7; over 0.1
  # a full refund gives the deposit fee back (D-14)
  deposit 5 in b1; refund 5 of b1                         -> spent 5.3; limit 10.2
  deposit 5 in b1; refund 5 of b1; melt 4.9               -> spent 10.2; limit 10.2
  deposit 5 in b1; refund 5 of b1; melt 5                 -> spent 10.3; limit 10.2; over 0.1
  # several refunds that add up to the deposit are a full refund (D-14)
  deposit 5 in b1; refund 2 of b1; refund 3 of b1         -> spent 5.6; limit 10.2
  # more than the deposit is not "full": no fee is given back
  deposit 5 in b1; refund 5 of b1; refund 1 of b1         -> spent 5.6; limit 11
  # per batch: the refund of one deposit says nothing of the other (D-28)
  deposit 3 in b1; deposit 2 in b2; refund 2 of b2        -> spent 5.3; limit 7.2
  deposit 3 in b1; deposit 2 in b2; refund 3 of b2        -> spent 5.3; limit 8
  deposit 3 in b1; deposit 2 in b2; refund 3 of b1; refund 2 of b2 -> spent 5.6; limit 10.4
  # twice into one batch: two deposit fees come back
  deposit 3 in b1; deposit 2 in b1; refund 5 of b1        -> spent 5.3; limit 10.4
  # a refund whose deposit is not there
  refund 2 of b1                                          -> spent 0.3; limit 7
  # refunded purses: the deposit counts as spent and as given back, without a refund fee (D-14, D-27)
  purse-deposit 5; purse-refund 5                         -> spent 5; limit 10
  purse-deposit 5; purse-refund 5; deposit 5 in b1        -> spent 10; limit 10
  purse-deposit 5; purse-refund 5; deposit 5.1 in b1      -> spent 10.1; limit 10; over 0.1
  # recoups of fresh coins come back to the old coin
  melt 5; recoup-refresh-old 3; deposit 3 in b1           -> spent 8; limit 8
  melt 5; recoup-refresh-old 3; deposit 3.1 in b1         -> spent 8.1; limit 8; over 0.1
  `,
  (phrases) => {
    const { spent, limit } = coinBalance(history(phrases), TERMS);
    const over = spent > limit ? [`over ${plainAmount(spent - limit)}`] : [];
    return [`spent ${plainAmount(spent)}`, `limit ${plainAmount(limit)}`, ...over];
  },
);

/** `evaluate 2 as b1` at the end: which deposit of the coin the transfer is about, and the contract it names. */
testTable(
  "A-11 to A-15, sums",
  `
  deposit 3 in b1; evaluate 1 as b1
    -> contribution 2.8; gain 2.8; loss 0; E 3; R 0; waived 0
  # the wrong contract, or no such deposit: no history (A-3)
  deposit 3 in b1; evaluate 1 as b2
    -> no history; E 3; R 0; waived 0
  deposit 3 in b1; evaluate 2 as b1
    -> no history; E 3; R 0; waived 0
  # a deposit that does not cover its fee counts nothing (D-30)
  deposit 0.1 in b1; evaluate 1 as b1
    -> contribution 0; gain 0; loss 0; E 0.1; R 0; waived 0
  deposit 0.2 in b1; evaluate 1 as b1
    -> contribution 0; gain 0; loss 0; E 0.2; R 0; waived 0
  deposit 0.20000001 in b1; evaluate 1 as b1
    -> contribution 0.00000001; gain 0.00000001; loss 0; E 0.20000001; R 0; waived 0
  # refunds of the same contract are taken from the merchant
  deposit 3 in b1; refund 1 of b1; evaluate 1 as b1
    -> contribution 2.8; gain 2.8; loss 1; E 3.3; R 1; waived 0
  deposit 3 in b1; refund 3 of b1; evaluate 1 as b1
    -> contribution 2.8; gain 3; loss 3; E 3.3; R 3; waived 0.2
  deposit 3 in b1; refund 1 of b1; refund 2 of b1; evaluate 1 as b1
    -> contribution 2.8; gain 3; loss 3; E 3.6; R 3; waived 0.2
  # refunds of another batch are not; the full refund is judged per batch (D-28)
  deposit 3 in b1; deposit 2 in b2; refund 2 of b2; evaluate 1 as b1
    -> contribution 2.8; gain 2.8; loss 0; E 5.3; R 2; waived 0.2
  deposit 3 in b1; deposit 2 in b2; refund 3 of b1; evaluate 2 as b2
    -> contribution 1.8; gain 1.8; loss 0; E 5.3; R 3; waived 0.2
  deposit 2 in b1; recoup-refresh-old 2; evaluate 1 as b1
    -> contribution 1.8; gain 1.8; loss 0; E 2; R 2; waived 0
  # the same contract in two batches is repeated (A-7, D-26); its refunds count once, at the first deposit
  deposit 3 in b1/k1; deposit 2 in b2/k1; refund 1 of b1/k1; evaluate 1 as k1
    -> contribution 2.8; gain 2.8; loss 1; E 5.3; R 1; waived 0
  deposit 3 in b1/k1; deposit 2 in b2/k1; refund 1 of b1/k1; evaluate 2 as k1
    -> repeated; contribution 1.8; gain 1.8; loss 0; E 5.3; R 1; waived 0
  # different contracts are not
  deposit 3 in b1; deposit 2 in b2; evaluate 2 as b2
    -> contribution 1.8; gain 1.8; loss 0; E 5; R 0; waived 0
  # every kind of event is on one side
  deposit 1 in b1; melt 0.1; recoup 0.2; recoup-refresh-new 0.3; purse-deposit 0.4; reserve-open 0.5; evaluate 1 as b1
    -> contribution 0.8; gain 0.8; loss 0; E 2.5; R 0; waived 0
  deposit 1 in b1; purse-deposit 1; purse-refund 1; evaluate 1 as b1
    -> contribution 0.8; gain 0.8; loss 0; E 2; R 1; waived 0
  `,
  (phrases) => {
    const evaluate = phrases.at(-1)!;
    const serial = BigInt(evaluate.word());
    const h = depositHistory(history(phrases.slice(0, -1)), TERMS, serial, contract(evaluate.after("as")!));
    const say = (name: string, value: bigint) => `${name} ${plainAmount(value)}`;
    const own = h.deposit === undefined ? ["no history"] : [
      ...(h.repeated ? ["repeated"] : []),
      say("contribution", h.contribution),
      say("gain", h.merchantGain),
      say("loss", h.merchantLoss),
    ];
    return [...own, say("E", h.expenditures), say("R", h.refunds), say("waived", h.waivedFees)];
  },
);

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The verdict on a deposit confirmation, from facts alone (deposits chapter 4). */
import assert from "node:assert/strict";
import {
  type Confirmation,
  type Deposit,
  judgeAbsence,
  judgeConfirmation,
  type Outcome,
} from "../../core/audit/passes/deposits/judge.ts";
import { merchantShard } from "../../core/exchange/v014/confirmations.ts";
import { DAY, HOUR, NEVER } from "../../core/taler/time.ts";
import { bytes32, bytes64 } from "../support/mint.ts";
import { atoms } from "../support/scenario.ts";

const NO_POLICY = new Uint8Array(64);

function confirmation(coins: readonly string[], more: Partial<Confirmation> = {}): Confirmation {
  return {
    hContractTerms: bytes64("contract"),
    hPolicy: NO_POLICY,
    hWire: bytes64("account"),
    exchangeTimestamp: 40n * DAY,
    refundDeadline: 41n * DAY,
    wireDeadline: 42n * DAY,
    totalWithoutFee: BigInt(coins.length) * atoms("0.98"),
    coinPubs: coins.map((c) => bytes32(`key ${c}`)),
    coinSigs: coins.map((c) => bytes64(`signature ${c}`)),
    merchantPub: bytes32("merchant"),
    ...more,
  };
}

function deposit(coin: string, more: Partial<Deposit> = {}): Deposit {
  return {
    serial: 1n,
    coinPub: bytes32(`key ${coin}`),
    coinSig: bytes64(`signature ${coin}`),
    amount: atoms("1"),
    feeDeposit: atoms("0.02"),
    expireLegal: 300n * DAY,
    exchangeTimestamp: 40n * DAY,
    refundDeadline: 41n * DAY,
    wireDeadline: 42n * DAY,
    hWire: bytes64("account"),
    hPolicy: NO_POLICY,
    ...more,
  };
}

const judge = (c: Confirmation, ...deposits: Deposit[]): Outcome => judgeConfirmation(c, deposits, "KUDOS");
const found = (legalUntil: bigint): Outcome => ({ found: true, legalUntil });
const open = (check: "DC-1" | "DC-R1", diagnostic: string): Outcome => ({ found: false, check, diagnostic });

Deno.test("judge confirmation: every field counts", () => {
  assert.deepEqual(judge(confirmation(["a"]), deposit("a")), found(300n * DAY));
  const wrong: [Partial<Deposit>, Outcome][] = [
    [{ refundDeadline: 0n }, open("DC-1", "coin 1 of 1: refund deadline differs")],
    [{ hWire: bytes64("other") }, open("DC-1", "coin 1 of 1: wire account differs")],
    [{ hWire: undefined }, open("DC-1", "coin 1 of 1: wire account differs")],
    [{ coinSig: bytes64("other") }, open("DC-R1", "coin 1 of 1: coin signature differs")],
    [{ exchangeTimestamp: 0n }, open("DC-R1", "coin 1 of 1: exchange timestamp differs")],
    [{ wireDeadline: NEVER }, open("DC-R1", "coin 1 of 1: wire deadline differs")],
    [{ hPolicy: bytes64("policy") }, open("DC-R1", "coin 1 of 1: policy differs")],
    [{ amount: atoms("1.00000001") }, open("DC-R1", "the deposits come to KUDOS:0.98000001 without fees")],
    [{ feeDeposit: 0n }, open("DC-R1", "the deposits come to KUDOS:1 without fees")],
    [{ amount: 0n }, open("DC-R1", "the deposits come to KUDOS:-0.02 without fees")],
    [{ feeDeposit: undefined }, open("DC-R1", "the deposits come to an unknown amount without fees")],
    [
      { refundDeadline: 0n, wireDeadline: 0n },
      open("DC-1", "coin 1 of 1: refund deadline differs, wire deadline differs"),
    ],
  ];
  for (const [more, expected] of wrong) assert.deepEqual(judge(confirmation(["a"]), deposit("a", more)), expected);
  // another key with the confirmed signature is what the exchange signed
  assert.deepEqual(judge(confirmation(["a"]), deposit("a", { coinPub: bytes32("other") })), found(300n * DAY));
  assert.deepEqual(judge(confirmation(["a"])), open("DC-1", "coin 1 of 1 was not deposited"));
  assert.deepEqual(judge(confirmation(["a"]), deposit("b")), open("DC-1", "coin 1 of 1 was not deposited"));
});

Deno.test("judge confirmation: several coins", () => {
  const three = confirmation(["a", "b", "c"]);
  assert.deepEqual(judge(three, deposit("c"), deposit("a"), deposit("b"), deposit("d")), found(300n * DAY));
  assert.deepEqual(
    judge(three, deposit("a"), deposit("b", { wireDeadline: 0n })),
    open("DC-1", "coin 2 of 3: wire deadline differs; coin 3 of 3 was not deposited"),
  );
  assert.deepEqual(
    judge(three, deposit("a"), deposit("b"), deposit("c", { wireDeadline: 0n })),
    open("DC-R1", "coin 3 of 3: wire deadline differs"),
  );
  // any fitting row of a coin suffices (deposits chapter 4.3)
  assert.deepEqual(
    judge(confirmation(["a"]), deposit("a", { coinSig: bytes64("other") }), deposit("a")),
    found(300n * DAY),
  );
  // one row does not stand for two coins
  assert.deepEqual(judge(confirmation(["a", "a"]), deposit("a")), open("DC-1", "coin 2 of 2 was not deposited"));
  // the last word is with the sum
  assert.deepEqual(
    judge(confirmation(["a", "b"], { totalWithoutFee: atoms("2") }), deposit("a"), deposit("b")),
    open("DC-R1", "the deposits come to KUDOS:1.96 without fees"),
  );
  const many = judge(confirmation(Array.from({ length: 100 }, (_, i) => `coin ${i}`)));
  assert.ok(!many.found && many.diagnostic.length === 500 && many.diagnostic.endsWith(" …"));
});

Deno.test("judge confirmation: until when the exchange has to keep the deposits", () => {
  assert.deepEqual(
    judge(confirmation(["a", "b"]), deposit("a"), deposit("b", { expireLegal: 200n * DAY })),
    found(200n * DAY),
  );
  assert.deepEqual(judge(confirmation(["a"]), deposit("a", { expireLegal: NEVER })), found(3692n * DAY));
  const never = { wireDeadline: NEVER };
  assert.deepEqual(judge(confirmation(["a"], never), deposit("a", { ...never, expireLegal: NEVER })), found(NEVER));
});

Deno.test("judge absence: pending, missed, proven", () => {
  const at = 40n * DAY;
  const judged = (now: bigint, newest: bigint, gracePeriod: bigint) => judgeAbsence(at, { now, newest, gracePeriod });
  assert.equal(judged(at, 0n, 0n), "missed");
  assert.equal(judged(at, 0n, 1n), "pending");
  assert.equal(judged(at + DAY - 1n, at, DAY), "pending");
  assert.equal(judged(at + DAY, at, DAY), "missed");
  // the database reaches clearly beyond the confirmation
  assert.equal(judged(at, at + HOUR, DAY), "pending");
  assert.equal(judged(at, at + HOUR + 1n, DAY), "proven");
  assert.equal(judged(at, at + HOUR + 1n, 0n), "proven");
  // a confirmation from the future is not young for ever
  assert.equal(judged(at - DAY, 0n, DAY), "pending");
  assert.equal(judged(at - DAY - 1n, 0n, DAY), "missed");
});

Deno.test("the shard of a merchant is the one that exchanges store", () => {
  // rows of `batch_deposits` that an exchange of release 0.14.1 wrote
  const stored: [string, bigint][] = [
    ["15b08cdeb72acb8525db23ed9357b220c1fafe75b1c45c6cea92154af916ce94", 318584474n],
    ["1618264db9d98a4ac2f0112ba7befe2e8b0d5c82dd4d2d4e589f874613b4ab90", 1844817457n],
    ["bd586bba9e9d7f5de178fe798129a544e6d426763a9fed202b22771a2845e560", 2139189311n],
  ];
  for (const [merchant, shard] of stored) assert.equal(merchantShard(Uint8Array.fromHex(merchant)), shard);
});

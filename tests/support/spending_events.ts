// SPDX-License-Identifier: AGPL-3.0-or-later
/** Issuance, deposits and refunds, as events of scenarios and as rows of the exchange. */
import { signBlock } from "../../core/crypto/blocks.ts";
import { hashPolicy, hashText, hashWire } from "../../core/crypto/objects.ts";
import {
  AGE_WITHDRAWALS,
  DEPOSITS,
  OPEN_DEPOSITS,
  PURSE_DEPOSITS,
  PURSE_REFUND_DECISIONS,
  REFUNDS,
  WITHDRAWALS,
} from "../../core/exchange/v014/coins.ts";
import { DAY } from "../../core/taler/time.ts";
import { SETTINGS } from "./audit_world.ts";
import { type CoinRecord, day, flags, MERCHANT, type Movement, POLICY, signed } from "./coin_record.ts";
import type { SceneCoin } from "./mint_scene.ts";
import { bytes32, bytes64, flipped } from "./mint.ts";
import { type Cell, cell } from "./packed.ts";
import { atoms, type Phrase } from "./scenario.ts";

const CURRENCY = SETTINGS.currency;
const PAYTO = "payto://x-test/host/merchant";
const SALT = bytes32("salt").subarray(0, 16);
const BASE_URL = hashText(SETTINGS.exchangeBaseUrl);
const PARTNER_URL = "https://partner.example/";

/** A coin that is issued; `forged` and `unreadable` concern the blind signature. */
export function withdraw(s: CoinRecord, coin: SceneCoin, said: Set<string>): void {
  const { denomination, mint } = coin;
  const { blinded } = mint.blobs;
  s.insert(WITHDRAWALS, denomination.value + denomination.feeWithdraw, () => [
    bytes32("reserve"),
    cell.int8(denomination.serial),
    mint.hBlinded,
    said.has("forged") ? flipped(blinded, 30) : said.has("unreadable") ? null : blinded,
    bytes64("signature of the reserve, not looked at"),
    day(20),
  ]);
}

/** `age-withdraw of c1 c2`. */
export function ageWithdraw(s: CoinRecord, p: Phrase): void {
  const said = flags(p, "surplus");
  const coins = p.allAfter("of")!.map((c) => s.mint.coin(c, true));
  s.insert(AGE_WITHDRAWALS, atoms(1), () => [
    bytes64("commitment"),
    cell.int2(14),
    bytes32("reserve"),
    bytes64("signature of the reserve, not looked at"),
    cell.array([...coins.map((c) => c.mint.hBlinded), ...said.has("surplus") ? [bytes64("surplus")] : []]),
    cell.array(coins.map((c) => cell.int8(c.denomination.serial))),
    cell.array(coins.map((c) => said.has("forged") ? flipped(c.mint.blobs.blinded, 30) : c.mint.blobs.blinded)),
  ]);
}

/** `deposit c1 3 into b1`. */
export function deposit(s: CoinRecord, p: Phrase): void {
  const coin = s.mint.coin(p.word());
  const said = flags(p, "policy", "other-policy", "lost-policy", "no-target", "unreadable-amount");
  const batch = s.batch(p.after("into") ?? `b${s.batches.size + 1}`);
  const [refundDeadline, at] = [p.option("refundable") ?? "12", p.option("at") ?? "10"];
  const amount = p.amount();
  const { denomination, mint } = coin;
  const signature = signBlock("coinDeposit", CURRENCY, mint.seed, {
    hContractTerms: bytes64(batch.name),
    ageCommitment: mint.ageCommitment,
    hPolicy: said.has("policy") || said.has("lost-policy") ? hashPolicy(JSON.parse(POLICY)) : undefined,
    hWire: hashWire(SALT, PAYTO),
    hDenomination: denomination.mint.hash,
    walletTimestamp: 10n * DAY,
    refundDeadline: BigInt(refundDeadline) * DAY,
    amount,
    depositFee: denomination.feeDeposit,
    merchantPub: MERCHANT.pub,
    walletDataHash: undefined,
  });
  const reference = s.mint.reference(coin);
  const policy = [...said].some((word) => word.endsWith("policy")) ? cell.int8(1n) : null;
  const serial = s.insert(DEPOSITS, amount, () => [
    ...reference,
    cell.int8(batch.serial),
    cell.text(said.has("no-target") ? null : PAYTO),
    policy,
    said.has("lost-policy") ? null : policy,
    signed(signature, said),
    MERCHANT.pub,
    bytes64(batch.name),
    ...[10, at, refundDeadline, 20].map(day),
    null,
    SALT,
    cell.int8(batch.aggregation ?? null),
  ]);
  s.history.push({ kind: "deposit", serial, coin, amount, batch, unreadable: said.has("unreadable-amount") });
}

/** `purse-deposit c1 3 into p1`. */
export function purseDeposit(s: CoinRecord, p: Phrase): void {
  const coin = s.mint.coin(p.word());
  const said = flags(p, "partner", "lost-partner");
  const purse = p.after("into") ?? "p1";
  const amount = p.amount();
  const partner = said.has("partner") || said.has("lost-partner");
  const signature = signBlock("purseDeposit", CURRENCY, coin.mint.seed, {
    amount,
    hDenomination: coin.denomination.mint.hash,
    ageCommitment: coin.mint.ageCommitment,
    pursePub: bytes32(purse),
    hBaseUrl: said.has("partner") ? hashText(PARTNER_URL) : BASE_URL,
  });
  const reference = s.mint.reference(coin);
  const serial = s.insert(PURSE_DEPOSITS, amount, () => [
    ...reference,
    cell.int8(1n),
    cell.bool(partner),
    cell.text(said.has("partner") ? PARTNER_URL : null),
    signed(signature, said),
    bytes32(purse),
  ]);
  s.purses.set(purse, [...s.purses.get(purse) ?? [], { coin, serial, amount }]);
  s.history.push({ kind: "purse-deposit", serial, coin, amount });
}

/** `refund-purse p1`. */
export function refundPurse(s: CoinRecord, p: Phrase): void {
  const purse = p.word();
  const decision = s.insert(PURSE_REFUND_DECISIONS, undefined, () => [cell.int8(1n), bytes32(purse)]);
  s.decisions.set(decision, purse);
  for (const { coin, serial, amount } of s.purses.get(purse)!) {
    s.history.push({ kind: "purse-refund", serial, coin, amount });
  }
}

/** `open-deposit c1 1`. */
export function openDeposit(s: CoinRecord, p: Phrase): void {
  const coin = s.mint.coin(p.word());
  const said = flags(p);
  const contribution = p.amount();
  const reserveSig = bytes64("reserve signature");
  const signature = signBlock("reserveOpenDeposit", CURRENCY, coin.mint.seed, { reserveSig, contribution });
  const reference = s.mint.reference(coin);
  const serial = s.insert(OPEN_DEPOSITS, contribution, () => [
    ...reference,
    reserveSig,
    bytes32("reserve"),
    signed(signature, said),
  ]);
  s.history.push({ kind: "reserve-open", serial, coin, amount: contribution });
}

/** `refund c1 3 of b1`. */
export function refund(s: CoinRecord, p: Phrase): void {
  const coin = s.mint.coin(p.word());
  const said = flags(p, "no-deposit");
  const batch = s.batch(p.after("of") ?? "b1");
  const amount = p.amount();
  const hContractTerms = bytes64(batch.name);
  const fields = { hContractTerms, coinPub: coin.mint.pub, rtransactionId: 1n, amount };
  const signature = signBlock("merchantRefund", CURRENCY, MERCHANT.seed, fields);
  const reference = s.mint.reference(coin);
  const before = s.history.filter((m) => m.kind === "refund");
  const serial: bigint = s.insert(REFUNDS, amount, () => {
    const mine = (m: Movement) => m.coin === coin && m.batch === batch;
    const deposits = s.history.filter((m) => m.kind === "deposit" && mine(m));
    return [
      ...reference,
      cell.int8(batch.serial),
      said.has("no-deposit") ? null : cell.int8(BigInt(deposits.length)),
      ...sums(deposits),
      ...sums(before.filter(mine)),
      signed(signature, said),
      cell.int8(1n),
      MERCHANT.pub,
      hContractTerms,
      cell.int8(batch.aggregation ?? null),
    ];
  });
  s.history.push({ kind: "refund", serial, coin, amount, batch });
}

/** The two sums of a lateral join: units and 10^-8 units, as texts. */
function sums(movements: Movement[]): Cell[] {
  const total = movements.reduce((sum, m) => sum + m.amount, 0n);
  return [cell.text((total / 100_000_000n).toString()), cell.text((total % 100_000_000n).toString())];
}

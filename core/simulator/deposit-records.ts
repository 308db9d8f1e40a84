// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rows of contracts: coins that become known, deposits, refunds. */

import { signBlock } from "../crypto/blocks.ts";
import { hashPayto, hashWire } from "../crypto/objects.ts";
import { serializeDenominationSignature } from "../taler/denomination.ts";
import type { Merchant } from "./accounts.ts";
import type { SignedCoin } from "./issuance.ts";
import { coinOf, contractHash, insert, type Recorder, targetRows } from "./recorder.ts";
import { secretBytes } from "./random.ts";
import { amount, bytes, type Row, type Step, time } from "./rows.ts";
import type { Batch, Day, Refund } from "./world.ts";

/** The facts of a contract that a coin signs. */
export interface ContractFacts {
  readonly hContractTerms: Uint8Array;
  readonly merchant: Pick<Merchant, "pub" | "payto" | "salt" | "shard">;
  readonly walletTimestamp: bigint;
  readonly refundDeadline: bigint;
  readonly walletDataHash: Uint8Array | undefined;
}

/** A coin's signature over its part of a contract. */
function signDeposit(currency: string, coin: SignedCoin, contract: ContractFacts, gross: bigint): Uint8Array {
  const { merchant, ...facts } = contract;
  return signBlock("coinDeposit", currency, coin.seed, {
    ...facts,
    ageCommitment: coin.ageCommitment,
    hPolicy: undefined,
    hWire: hashWire(merchant.salt, merchant.payto),
    hDenomination: coin.denomination.hash,
    amount: gross,
    depositFee: coin.denomination.terms.feeDeposit,
    merchantPub: merchant.pub,
  });
}

/** The row of a coin at its first use. */
export function knownCoinRow(serial: string, coin: SignedCoin, remaining: bigint): Row {
  const { cipher } = coin.denomination.terms;
  return {
    known_coin_id: serial,
    denominations_serial: coin.denomination.serial,
    coin_pub: bytes(coin.pub),
    age_commitment_hash: bytes(coin.ageCommitment),
    denom_sig: bytes(serializeDenominationSignature({ cipher, value: coin.signature })),
    remaining: amount(remaining),
  };
}

/** Rows of the coins that the exchange sees for the first time. */
export function newCoinRows(r: Recorder, day: Day, coins: readonly number[]): Row[] {
  return coins.flatMap((index) => {
    if (r.known.has(index)) return [];
    r.known.add(index);
    return [knownCoinRow(r.serials.next("known_coins"), coinOf(r, index), day.remaining.get(index) ?? 0n)];
  });
}

/** Contracts and the coins that pay for them. */
export function depositSteps(r: Recorder, day: Day): Step[] {
  const merchants = day.batches.map((b) => r.merchants[b.merchant]!);
  return [
    insert("wire_targets", targetRows(r, merchants.map((m) => m.payto), merchants.map((m) => m.pub))),
    insert("known_coins", newCoinRows(r, day, day.batches.flatMap((b) => b.coins.map((c) => c.coin)))),
    insert("batch_deposits", day.batches.map((batch) => batchRow(r, batch))),
    insert("coin_deposits", day.batches.flatMap((batch) => depositRows(r, batch))),
  ];
}

function factsOf(r: Recorder, batch: Batch): ContractFacts {
  return {
    hContractTerms: contractHash(r, batch.index),
    merchant: r.merchants[batch.merchant]!,
    walletTimestamp: batch.walletTimestamp,
    refundDeadline: batch.refundDeadline,
    walletDataHash: batch.hasWalletData ? secretBytes(r.options.seed, 64, "wallet data", batch.index) : undefined,
  };
}

function batchRow(r: Recorder, batch: Batch): Row {
  const serial = r.serials.next("batch_deposits");
  r.batches.set(batch.index, serial);
  const merchant = r.merchants[batch.merchant]!;
  const facts = factsOf(r, batch);
  const { hContractTerms } = facts;
  const signature = batch.hasMerchantSig
    ? signBlock("merchantContract", r.options.currency, merchant.seed, { hContractTerms })
    : undefined;
  return { ...contractRow(serial, facts, batch.at, batch.wireDeadline), merchant_sig: bytes(signature) };
}

/** The row of a contract; `at`: when the exchange accepted it. */
export function contractRow(serial: string, facts: ContractFacts, at: bigint, wireDeadline: bigint): Row {
  const { merchant } = facts;
  return {
    batch_deposit_serial_id: serial,
    shard: merchant.shard,
    merchant_pub: bytes(merchant.pub),
    wallet_timestamp: time(facts.walletTimestamp),
    exchange_timestamp: time(at),
    refund_deadline: time(facts.refundDeadline),
    wire_deadline: time(wireDeadline),
    h_contract_terms: bytes(facts.hContractTerms),
    wallet_data_hash: bytes(facts.walletDataHash),
    wire_salt: bytes(merchant.salt),
    wire_target_h_payto: bytes(hashPayto(merchant.payto)),
    policy_blocked: false,
    done: false,
    merchant_sig: null,
  };
}

function depositRows(r: Recorder, batch: Batch): Row[] {
  const facts = factsOf(r, batch);
  return batch.coins.map(({ coin, amount: gross }) => {
    const serials = { serial: r.serials.next("coin_deposits"), batch: r.batches.get(batch.index)! };
    return depositRow(r.options.currency, serials, facts, coinOf(r, coin), gross);
  });
}

/** The row of a coin's part in a contract, signed by the coin; serials of the row itself and of the contract. */
export function depositRow(
  currency: string,
  serials: { readonly serial: string; readonly batch: string },
  facts: ContractFacts,
  coin: SignedCoin,
  gross: bigint,
): Row {
  return {
    coin_deposit_serial_id: serials.serial,
    batch_deposit_serial_id: serials.batch,
    coin_pub: bytes(coin.pub),
    coin_sig: bytes(signDeposit(currency, coin, facts, gross)),
    amount_with_fee: amount(gross),
  };
}

/** Refunds, signed by the merchants (crypto.md 5.8). */
export function refundSteps(r: Recorder, day: Day): Step[] {
  return [insert("refunds", day.refunds.map((refund) => refundRow(r, refund)))];
}

function refundRow(r: Recorder, refund: Refund): Row {
  const merchant = r.merchants[r.plan.batches[refund.batch]!.merchant]!;
  const coinPub = coinOf(r, refund.coin).pub;
  return {
    refund_serial_id: r.serials.next("refunds"),
    coin_pub: bytes(coinPub),
    batch_deposit_serial_id: r.batches.get(refund.batch)!,
    merchant_sig: bytes(
      signBlock("merchantRefund", r.options.currency, merchant.seed, {
        hContractTerms: contractHash(r, refund.batch),
        coinPub,
        rtransactionId: refund.transaction,
        amount: refund.amount,
      }),
    ),
    rtransaction_id: refund.transaction.toString(),
    amount_with_fee: amount(refund.amount),
  };
}

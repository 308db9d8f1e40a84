// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the deposits pass reads from exchanges of generation 0.14 (deposits chapter 4.1). */
import { kdf } from "../../crypto/kdf.ts";
import { utf8Bytes } from "../../crypto/hash.ts";
import type { RowReader } from "../../db/page.ts";
import type { ConfirmableDepositRow, SigningKeyRow } from "../confirmation-rows.ts";
import { TEXT } from "./coins.ts";

const COLUMNS = `cd.coin_deposit_serial_id AS serial, bd.merchant_pub, bd.h_contract_terms, cd.coin_pub, cd.coin_sig,
    cd.amount_with_fee, dn.fee_deposit, dn.expire_legal, bd.exchange_timestamp, bd.refund_deadline, bd.wire_deadline,
    bd.wire_salt, ${TEXT("wt.payto_uri")}, pd.policy_json`;
const JOINS = `LEFT JOIN exchange.known_coins kc ON kc.coin_pub = cd.coin_pub
  LEFT JOIN exchange.denominations dn ON dn.denominations_serial = kc.denominations_serial
  LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = bd.wire_target_h_payto
  LEFT JOIN exchange.policy_details pd ON pd.policy_details_serial_id = bd.policy_details_serial_id`;

/**
 * Deposits of given coins for given contracts. Parameters: coin keys, merchant keys, contract hashes (hexadecimal, one
 * of each for each deposit looked for); end of the serials.
 */
export const DEPOSITS_OF_COINS = `SELECT DISTINCT ${COLUMNS}
  FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (coin, merchant, contract)
  JOIN exchange.coin_deposits cd ON cd.coin_pub = decode(wanted.coin, 'hex')
  JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = cd.batch_deposit_serial_id
    AND bd.merchant_pub = decode(wanted.merchant, 'hex') AND bd.h_contract_terms = decode(wanted.contract, 'hex')
  ${JOINS} WHERE cd.coin_deposit_serial_id < $4 ORDER BY 1`;

/**
 * All deposits for given contracts. Parameters: shards of the merchants, merchant keys, contract hashes (one of each
 * for each contract); end of the serials.
 */
export const DEPOSITS_OF_CONTRACTS = `SELECT DISTINCT ${COLUMNS}
  FROM unnest($1::int8[], $2::text[], $3::text[]) AS wanted (shard, merchant, contract)
  JOIN exchange.batch_deposits bd ON bd.shard = wanted.shard AND bd.merchant_pub = decode(wanted.merchant, 'hex')
    AND bd.h_contract_terms = decode(wanted.contract, 'hex')
  JOIN exchange.coin_deposits cd ON cd.batch_deposit_serial_id = bd.batch_deposit_serial_id
  ${JOINS} WHERE cd.coin_deposit_serial_id < $4 ORDER BY 1`;

/** Decodes {@link DEPOSITS_OF_COINS} and {@link DEPOSITS_OF_CONTRACTS}. */
export function decodeConfirmableDeposit(r: RowReader): ConfirmableDepositRow {
  const merchantPub = r.bytes("merchant_pub", 32).slice();
  const hContractTerms = r.bytes("h_contract_terms", 64).slice();
  const coinPub = r.bytes("coin_pub", 32).slice();
  const coinSig = r.bytes("coin_sig", 64).slice();
  const amount = r.amount("amount_with_fee");
  const feeDeposit = r.amountOrNull("denominations.fee_deposit");
  const expireLegal = r.int8OrNull();
  return {
    serial: r.serial,
    merchantPub,
    hContractTerms,
    coinPub,
    coinSig,
    amount,
    feeDeposit,
    expireLegal,
    exchangeTimestamp: r.time("exchange_timestamp"),
    refundDeadline: r.time("refund_deadline"),
    wireDeadline: r.time("wire_deadline"),
    wireSalt: r.bytes("wire_salt", 16).slice(),
    payto: r.textOrNull(),
    policy: r.textOrNull(),
  };
}

const SHARD_LABEL = utf8Bytes("VOID");

/** The shard that the exchange files the deposits of a merchant under (database.md 4). */
export function merchantShard(merchantPub: Uint8Array): bigint {
  const bytes = kdf(4, merchantPub, SHARD_LABEL);
  return BigInt(new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) & 0x7fffffff);
}

/** Keys with which the exchange signs, and their revocations. */
export const SIGNING_KEYS = `SELECT k.esk_serial AS serial, k.exchange_pub, k.master_sig, k.valid_from, k.expire_sign,
    k.expire_legal, r.signkey_revocations_serial_id, r.master_sig
  FROM exchange.exchange_sign_keys k LEFT JOIN exchange.signkey_revocations r ON r.esk_serial = k.esk_serial
  ORDER BY 1`;

/** Decodes {@link SIGNING_KEYS}. */
export function decodeSigningKey(r: RowReader): SigningKeyRow {
  const key = {
    exchangePub: r.bytes("exchange_pub", 32).slice(),
    masterSig: r.bytes("master_sig", 64).slice(),
    validFrom: r.timestamp("valid_from"),
    expireSign: r.timestamp("expire_sign"),
    expireLegal: r.timestamp("expire_legal"),
  };
  const serial = r.int8OrNull();
  const masterSig = r.bytesOrNull("signkey_revocations.master_sig", 64)?.slice();
  const revocation = serial === undefined || masterSig === undefined ? undefined : { serial, masterSig };
  return { ...key, revocation };
}

/**
 * How many coins were deposited; parameters: end of a range that was counted before, end of this run's range, where to
 * begin.
 */
export const DEPOSIT_COUNTS = `SELECT coalesce(max(cd.coin_deposit_serial_id), 0) + 1 AS serial,
    count(*) FILTER (WHERE cd.coin_deposit_serial_id < $1)::int8, count(*)::int8
  FROM exchange.coin_deposits cd WHERE cd.coin_deposit_serial_id < $2 AND cd.coin_deposit_serial_id >= $3`;

/**
 * One number for what identifies the deposits of a range of serials; parameters: its ends. Or, with `listed`, of some
 * deposits; parameter: their serials. A row that was replaced or changed changes it; the order of the rows does not
 * matter, so that the numbers of adjacent ranges add up.
 */
export function depositDigestSql(listed = false): string {
  const among = listed
    ? "cd.coin_deposit_serial_id = ANY($1::int8[])"
    : "cd.coin_deposit_serial_id >= $1 AND cd.coin_deposit_serial_id < $2";
  return `SELECT 0::int8 AS serial, coalesce(sum(hashtextextended(ROW(
      cd.coin_deposit_serial_id, cd.batch_deposit_serial_id, cd.coin_pub, cd.coin_sig, cd.amount_with_fee,
      bd.merchant_pub, bd.h_contract_terms, bd.exchange_timestamp, bd.refund_deadline, bd.wire_deadline, bd.wire_salt,
      bd.wire_target_h_payto)::text, 0)), 0)::text
  FROM exchange.coin_deposits cd
  LEFT JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = cd.batch_deposit_serial_id
  WHERE ${among}`;
}

/** When the exchange took the youngest deposit; parameter 1: end of the serials of deposited coins (BUG-4.3, BUG-4.4). */
export const NEWEST_DEPOSIT = `SELECT bd.batch_deposit_serial_id AS serial, bd.exchange_timestamp
  FROM exchange.batch_deposits bd WHERE bd.batch_deposit_serial_id = (
    SELECT cd.batch_deposit_serial_id FROM exchange.coin_deposits cd WHERE cd.coin_deposit_serial_id < $1
    ORDER BY cd.coin_deposit_serial_id DESC LIMIT 1)`;

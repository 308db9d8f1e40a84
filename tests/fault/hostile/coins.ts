// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows about coins: signatures, deposits, refunds. Everything here obeys the constraints of the schema. */
import type { HostileCase } from "../../support/hostile.ts";

/** What a coin without valid signature gives rise to; coin 1 was deposited once, and its deposit was wired. */
const COIN_1_IS_BAD = [
  "C-5 deposit#1 loses 1",
  "A-6 wire#13 loses 1",
  "A-6 deposit#13 coin denomination signature invalid",
];

/** Values of `known_coins.denom_sig` that are no signature of the coin's RSA denomination. */
const NO_SIGNATURES: Record<string, string> = {
  "no bytes": "''",
  "half a header": "'\\x00000001'",
  "a header alone": "'\\x0000000100000000'",
  "the unknown cipher 7": "overlay(denom_sig placing '\\x00000007' from 1)",
  "the cipher 0": "overlay(denom_sig placing '\\x00000000' from 1)",
  "the other cipher": "decode('0000000200000000' || repeat('11', 64), 'hex')",
  "the marker of a blinded signature": "overlay(denom_sig placing '\\x00000001' from 5)",
  "the number zero": "decode('0000000100000000' || repeat('00', 256), 'hex')",
  "a number far above the modulus": "decode('0000000100000000' || repeat('ff', 256), 'hex')",
  "a number longer than the modulus": "decode('0000000100000000' || repeat('ff', 8000), 'hex')",
  "a megabyte": "decode('0000000100000000' || repeat('5a', 1000000), 'hex')",
};

const forgedCoins = Object.entries(NO_SIGNATURES).map(([what, value]): HostileCase => ({
  name: `known_coins.denom_sig is ${what}`,
  dataset: "small-postagg",
  sql: `UPDATE exchange.known_coins SET denom_sig = ${value} WHERE known_coin_id = 1`,
  expect: COIN_1_IS_BAD,
}));

/** Values of `known_coins.denom_sig` that are no Clause-Schnorr signature; coin 1 was deposited and wired. */
const NO_CS_SIGNATURES: Record<string, string> = {
  "R of small order": "substring(denom_sig FOR 40) || decode(repeat('00', 32), 'hex')",
  "R that is no point": "substring(denom_sig FOR 40) || decode('02' || repeat('00', 31), 'hex')",
  "R not canonical": "substring(denom_sig FOR 40) || decode(repeat('ff', 32), 'hex')",
  "s = 0": "overlay(denom_sig placing decode(repeat('00', 32), 'hex') from 9)",
  "s above the order": "overlay(denom_sig placing decode(repeat('ff', 32), 'hex') from 9)",
  "one byte too few": "substring(denom_sig FOR 71)",
};

const forgedCsCoins = Object.entries(NO_CS_SIGNATURES).map(([what, value]): HostileCase => ({
  name: `known_coins.denom_sig has ${what}`,
  dataset: "exchange-api-cs",
  sql: `UPDATE exchange.known_coins SET denom_sig = ${value} WHERE known_coin_id = 1`,
  expect: ["C-5 deposit#1 loses 5", "A-6 wire#* loses 5", "A-6 deposit#* coin denomination signature invalid"],
}));

/** A deposit that is not valid any more, in a batch that was wired. */
const DEPOSIT_1_IS_BAD = ["C-11 deposit#1 loses 1"];

const deposits: HostileCase[] = [
  {
    name: "coin_deposits.coin_sig with S above the group order",
    dataset: "small-postagg",
    sql: `UPDATE exchange.coin_deposits SET coin_sig = overlay(coin_sig placing decode(repeat('ff', 32), 'hex') from 33)
          WHERE coin_deposit_serial_id = 1`,
    expect: DEPOSIT_1_IS_BAD,
  },
  {
    name: "coin_deposits.coin_sig with R of small order and S = 0",
    dataset: "small-postagg",
    sql:
      `UPDATE exchange.coin_deposits SET coin_sig = decode(repeat('00', 64), 'hex') WHERE coin_deposit_serial_id = 1`,
    expect: DEPOSIT_1_IS_BAD,
  },
  {
    name: "a deposit of nothing",
    dataset: "small-postagg",
    sql: `UPDATE exchange.coin_deposits SET amount_with_fee = (0,0) WHERE coin_deposit_serial_id = 1`,
    expect: [
      "C-11 deposit#1 loses 0",
      "A-14 aggregation (fee structure)#13 0 against 0.01",
      "A-23 wire#2 to *: 28.7 instead of 27.71: *",
      "X-16 known_coins#1 *",
    ],
  },
  {
    name: "a deposit of the largest legal amount, not wired yet",
    dataset: "exchange-api-rsa",
    sql:
      `UPDATE exchange.coin_deposits SET amount_with_fee = (4503599627370495,99999999) WHERE coin_deposit_serial_id = 24`,
    expect: [
      "C-11 deposit#24 loses 4503599627370495.99999999",
      "C-4 deposit#24 4503599627370496.49999999 against 1",
    ],
  },
  {
    name: "a deposit of half the largest amount, wired",
    dataset: "small-postagg",
    sql: `UPDATE exchange.coin_deposits SET amount_with_fee = (2251799813685248,1) WHERE coin_deposit_serial_id = 1`,
    expect: [
      "C-11 deposit#1 loses 2251799813685248.00000001",
      "C-4 deposit#1 2251799813685248.00000001 against 5",
      "A-13 spend 2251799813685248.00000001 against 5",
      "A-23 wire#2 to *: 28.7 instead of 2251799813685275.7: *",
      "X-16 known_coins#1 *",
    ],
  },
  {
    name: "an amount of NULLs",
    dataset: "small-postagg",
    sql: `UPDATE exchange.coin_deposits SET amount_with_fee = ROW(NULL, NULL) WHERE coin_deposit_serial_id = 1`,
    expect: [
      "D-17 coin_deposits#1 row cannot be read: amount_with_fee is NULL",
      "D-17 aggregation_tracking#13 row cannot be read: *amount_with_fee is NULL",
      "A-23 wire#2 to *: 28.7 instead of 27.71: *",
    ],
  },
  {
    name: "half an amount, without a value",
    dataset: "small-postagg",
    sql: `UPDATE exchange.coin_deposits SET amount_with_fee = ROW(NULL, 5) WHERE coin_deposit_serial_id = 1`,
    expect: [
      "D-17 coin_deposits#1 row cannot be read: amount_with_fee is half NULL",
      "D-17 aggregation_tracking#13 row cannot be read: *amount_with_fee is half NULL",
      "A-23 wire#2 to *: 28.7 instead of 27.71: *",
    ],
  },
  {
    name: "half an amount, without a fraction",
    dataset: "small-postagg",
    sql: `UPDATE exchange.coin_deposits SET amount_with_fee = ROW(5, NULL) WHERE coin_deposit_serial_id = 1`,
    expect: [
      "D-17 coin_deposits#1 row cannot be read: amount_with_fee is half NULL",
      "D-17 aggregation_tracking#13 row cannot be read: *amount_with_fee is half NULL",
      "A-23 wire#2 to *: 28.7 instead of 27.71: *",
    ],
  },
  {
    name: "a deposit moved to another batch",
    dataset: "small-postagg",
    sql: `UPDATE exchange.coin_deposits SET batch_deposit_serial_id = 3 WHERE coin_deposit_serial_id = 1`,
    expect: [
      "C-11 deposit#1 loses 1",
      "X-9 aggregation_tracking#13 row refers to a missing row in coin_deposits",
      "A-23 wire#2 to *: 28.7 instead of 27.71: *",
      "A-23 wire#3 to *: 15.83 instead of 16.82: *",
    ],
  },
  {
    name: "10,000 deposits of one coin with bad signatures",
    dataset: "small-postagg",
    sql: `INSERT INTO exchange.batch_deposits (batch_deposit_serial_id, shard, merchant_pub, wallet_timestamp,
            exchange_timestamp, refund_deadline, wire_deadline, h_contract_terms, wire_salt, wire_target_h_payto)
          SELECT 1000, shard, merchant_pub, wallet_timestamp, exchange_timestamp, refund_deadline, wire_deadline,
            sha512('other'), wire_salt, wire_target_h_payto FROM exchange.batch_deposits WHERE batch_deposit_serial_id = 1;
          INSERT INTO exchange.coin_deposits (batch_deposit_serial_id, coin_pub, coin_sig, amount_with_fee)
          SELECT 1000, coin_pub, sha512(n::text::bytea), '(1,0)'
            FROM exchange.known_coins, generate_series(1, 10000) n WHERE known_coin_id = 1`,
    expect: [
      "10000 x C-11 deposit#* loses 1",
      "C-4 deposit#1 10001 against 5",
      "A-13 spend 10001 against 5",
      "X-16 known_coins#1 *",
    ],
  },
];

const at1 = (column: string, value: string) =>
  `UPDATE exchange.batch_deposits SET ${column} = ${value} WHERE batch_deposit_serial_id = 1`;

const unreadableBatch = (problem: string) => [`D-17 coin_deposits#1 row cannot be read: batch_deposits.${problem}`];

const batches: HostileCase[] = [
  {
    name: "batch_deposits.wire_target_h_payto is NULL",
    dataset: "small-postagg",
    sql: at1("wire_target_h_payto", "NULL"),
    expect: [
      "X-9 coin_deposits#1 row refers to a missing row in wire_targets",
      "X-9 aggregation_tracking#13 row refers to a missing row in wire_targets",
      "A-23 wire#2 to *: 28.7 instead of 27.71: *",
    ],
  },
  {
    name: "batch_deposits.wallet_timestamp is not a whole second",
    dataset: "small-postagg",
    sql: at1("wallet_timestamp", "wallet_timestamp + 1"),
    expect: unreadableBatch("wallet_timestamp is not a whole second"),
  },
  {
    name: "batch_deposits.wallet_timestamp is one microsecond before never",
    dataset: "small-postagg",
    sql: at1("wallet_timestamp", "9223372036854775806"),
    expect: unreadableBatch("wallet_timestamp is not a whole second"),
  },
  {
    name: "batch_deposits.exchange_timestamp is negative",
    dataset: "small-postagg",
    sql: at1("exchange_timestamp", "-1000000"),
    expect: unreadableBatch("exchange_timestamp is before the epoch"),
  },
  {
    name: "batch_deposits.refund_deadline is the smallest number",
    dataset: "small-postagg",
    sql: at1("refund_deadline", "-9223372036854775808"),
    expect: unreadableBatch("refund_deadline is before the epoch"),
  },
  {
    name: "batch_deposits.refund_deadline is never",
    dataset: "small-postagg",
    sql: at1("refund_deadline", "9223372036854775807"),
    expect: ["C-10 deposits#1 refund deadline past wire deadline", "C-11 deposit#1 loses 1"],
  },
  {
    name: "batch_deposits.wire_deadline is 0",
    dataset: "small-postagg",
    sql: at1("wire_deadline", "0"),
    expect: ["C-10 deposits#1 refund deadline past wire deadline"],
  },
  {
    name: "batch_deposits.exchange_timestamp is in the far future",
    dataset: "small-postagg",
    sql: at1("exchange_timestamp", "9223372036854000000"),
    expect: ["X-6 deposits#1 deposit after the end of the deposit period"],
  },
];

/** A batch with a policy; the deposit was signed without one. */
const withPolicy = (json: string) =>
  `INSERT INTO exchange.policy_details (policy_details_serial_id, policy_hash_code, policy_json, deadline, commitment,
     accumulated_total, fee, transferable, fulfillment_state)
   VALUES (1, sha256('policy'), ${json}, 0, (0,0), (0,0), (0,0), (0,0), 0);
   UPDATE exchange.batch_deposits SET policy_details_serial_id = 1 WHERE batch_deposit_serial_id = 1`;

const POLICIES: Record<string, string> = {
  "an ordinary object": `'{"a":1}'`,
  "no text": "''",
  "no JSON": "'{'",
  "a number with a fraction": "'{\"a\":1.5}'",
  "a number beyond 64 bits": "'[123456789012345678901234567890]'",
  "nested 200,000 deep": "repeat('[', 200000) || repeat(']', 200000)",
  "half a surrogate pair": `'"\\ud800"'`,
  "the escape of a zero byte": `'"\\u0000"'`,
  "a megabyte": `'"' || repeat('x', 1000000) || '"'`,
  "a million digits": "repeat('7', 1000000)",
};

const policies = Object.entries(POLICIES).map(([what, json]): HostileCase => ({
  name: `policy_details.policy_json is ${what}`,
  dataset: "small-postagg",
  sql: withPolicy(json),
  // whatever the policy says: it is not what the coin signed; a policy without canonical form may be named instead
  expect: ["* deposit*#1 *"],
}));

const heavyPolicy: HostileCase = {
  name: "one policy of eight megabytes for 200 batches",
  dataset: "small-postagg",
  sql: withPolicy(`'"' || repeat('x', 8000000) || '"'`) +
    "; UPDATE exchange.batch_deposits SET policy_details_serial_id = 1",
  expect: ["200 x * deposit*#* *"],
};

const refunds: HostileCase[] = [
  {
    name: "refunds.rtransaction_id is negative",
    dataset: "exchange-api-rsa",
    sql: `UPDATE exchange.refunds SET rtransaction_id = -1 WHERE refund_serial_id = 1`,
    expect: ["C-15 refund#1 loses 3"],
  },
  {
    name: "refunds.rtransaction_id is the smallest number",
    dataset: "exchange-api-rsa",
    sql: `UPDATE exchange.refunds SET rtransaction_id = -9223372036854775808 WHERE refund_serial_id = 1`,
    expect: ["C-15 refund#1 loses 3"],
  },
  {
    name: "a refund for a batch that the coin is not in",
    dataset: "exchange-api-rsa",
    sql: `UPDATE exchange.refunds SET batch_deposit_serial_id = 1 WHERE refund_serial_id = 6`,
    expect: ["X-9 refunds#6 row refers to a missing row in coin_deposits"],
    perhaps: ["A-* *", "C-4 *", "X-16 known_coins#33 *"],
  },
  {
    name: "a refund of NULLs",
    dataset: "exchange-api-rsa",
    sql: `UPDATE exchange.refunds SET amount_with_fee = ROW(NULL, NULL) WHERE refund_serial_id = 6`,
    expect: ["D-17 refunds#6 row cannot be read: amount_with_fee is NULL"],
    perhaps: ["A-* *", "C-4 *", "X-16 known_coins#33 *"],
  },
  {
    name: "a refund of the largest legal amount",
    dataset: "exchange-api-rsa",
    sql: `UPDATE exchange.refunds SET amount_with_fee = (4503599627370495,99999999) WHERE refund_serial_id = 6`,
    expect: ["C-15 refund#6 loses 4503599627370495.99999999"],
    perhaps: ["A-* *", "C-4 *", "X-16 known_coins#33 *"],
  },
];

/** The lines. */
export const COIN_CASES: readonly HostileCase[] = [
  ...forgedCoins,
  ...forgedCsCoins,
  ...deposits,
  ...batches,
  ...policies,
  heavyPolicy,
  ...refunds,
];

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows about coins: signatures, deposits, refunds. Everything here obeys the constraints of the schema. */
import type { HostileCase } from "../../support/hostile.ts";
import { bundle, COINS, type Line, perCoin, type SceneCoin, TRANSFERS, wrongTransfer } from "./scene.ts";

/** What a coin without valid signature gives rise to, after its deposit was wired. */
const badCoin = ({ deposit, aggregation }: SceneCoin) => [
  `C-5 deposit#${deposit} loses 1`,
  `A-6 wire#${aggregation} loses 1`,
  `A-6 deposit#${aggregation} coin denomination signature invalid`,
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

const forgedCoins = bundle(
  "known_coins.denom_sig is no signature",
  perCoin(NO_SIGNATURES, (value, c) => ({
    sql: `UPDATE exchange.known_coins SET denom_sig = ${value} WHERE known_coin_id = ${c.coin}`,
    expect: badCoin(c),
  })),
);

/** Values of `known_coins.denom_sig` that are no Clause-Schnorr signature; coin 1 was deposited and wired. */
const NO_CS_SIGNATURES: Record<string, string> = {
  "R of small order": "substring(denom_sig FOR 40) || decode(repeat('00', 32), 'hex')",
  "R that is no point": "substring(denom_sig FOR 40) || decode('02' || repeat('00', 31), 'hex')",
  "R not canonical": "substring(denom_sig FOR 40) || decode(repeat('ff', 32), 'hex')",
  "s = 0": "overlay(denom_sig placing decode(repeat('00', 32), 'hex') from 9)",
  "s above the order": "overlay(denom_sig placing decode(repeat('ff', 32), 'hex') from 9)",
  "one byte too few": "substring(denom_sig FOR 71)",
};

/** Coins of exchange-api-cs that were deposited once: coin, deposit, amount, aggregation. */
const CS_COINS = [[1, 1, "5", 1], [4, 4, "1", 2], [12, 7, "1", 4], [13, 8, "0.1", 8], [16, 9, "4.99", 5], [
  23,
  14,
  "1",
  7,
]];

const forgedCsCoins = bundle(
  "known_coins.denom_sig is no Clause-Schnorr signature",
  Object.values(NO_CS_SIGNATURES).map((value, i) => {
    const [coin, deposit, amount, aggregation] = CS_COINS[i]!;
    return {
      sql: `UPDATE exchange.known_coins SET denom_sig = ${value} WHERE known_coin_id = ${coin}`,
      expect: [
        `C-5 deposit#${deposit} loses ${amount}`,
        `A-6 wire#${aggregation} loses ${amount}`,
        `A-6 deposit#${aggregation} coin denomination signature invalid`,
      ],
    };
  }),
  { dataset: "exchange-api-cs" },
);

const deposit = (c: SceneCoin, set: string) =>
  `UPDATE exchange.coin_deposits SET ${set} WHERE coin_deposit_serial_id = ${c.deposit}`;

/** The transfer that paid a deposit of 1, when the deposit does not count. */
const without = (c: SceneCoin) => wrongTransfer(c.transfer, TRANSFERS[c.transfer]!.cents - 99);

function unreadableAmount(c: SceneCoin, amount: string, problem: string): Line {
  return {
    sql: deposit(c, `amount_with_fee = ${amount}`),
    expect: [
      `D-17 coin_deposits#${c.deposit} row cannot be read: amount_with_fee ${problem}`,
      `D-17 aggregation_tracking#${c.aggregation} row cannot be read: *amount_with_fee ${problem}`,
      // and no X-16: what cannot be read may well explain what is stored as the coin's rest
      without(c),
    ],
  };
}

/** Coins whose deposits went into transfers of their own: 1, 2, 7, 8, 10, 14, 19 and 20. */
const [C1, C2, C7, C8, C10, C14, C19, C20] = [0, 1, 2, 3, 5, 8, 10, 11].map((i) => COINS[i]!) as [
  SceneCoin,
  SceneCoin,
  SceneCoin,
  SceneCoin,
  SceneCoin,
  SceneCoin,
  SceneCoin,
  SceneCoin,
];

const deposits: HostileCase[] = [
  bundle("deposits that are not what was signed", [
    {
      sql: deposit(C1, "coin_sig = overlay(coin_sig placing decode(repeat('ff', 32), 'hex') from 33)"),
      expect: [`C-11 deposit#${C1.deposit} loses 1`],
    },
    {
      sql: deposit(C2, "coin_sig = decode(repeat('00', 64), 'hex')"),
      expect: [`C-11 deposit#${C2.deposit} loses 1`],
    },
    {
      sql: deposit(C7, "amount_with_fee = (0,0)"),
      expect: [
        `C-11 deposit#${C7.deposit} loses 0`,
        `A-14 aggregation (fee structure)#${C7.aggregation} 0 against 0.01`,
        without(C7),
        `X-16 known_coins#${C7.coin} *`,
      ],
    },
    {
      sql: deposit(C8, "amount_with_fee = (2251799813685248,1)"),
      expect: [
        `C-11 deposit#${C8.deposit} loses 2251799813685248.00000001`,
        `C-4 deposit#${C8.deposit} 2251799813685248.00000001 against 5`,
        "A-13 spend 2251799813685248.00000001 against 5",
        `A-23 wire#${C8.transfer} to *: 19.79 instead of 2251799813685266.79: *`,
        `X-16 known_coins#${C8.coin} *`,
      ],
    },
    unreadableAmount(C10, "ROW(NULL, NULL)", "is NULL"),
    // batch 4 was paid by a transfer of its own, too
    {
      sql: deposit(C14, "batch_deposit_serial_id = 4"),
      expect: [
        `C-11 deposit#${C14.deposit} loses 1`,
        `X-9 aggregation_tracking#${C14.aggregation} row refers to a missing row in coin_deposits`,
        without(C14),
        wrongTransfer(5, TRANSFERS[5]!.cents + 99),
      ],
    },
  ]),
  // they are by themselves because the server's own sum must not be confused by half an amount either
  bundle("amounts of which one half is NULL", [
    unreadableAmount(C19, "ROW(NULL, 5)", "is half NULL"),
    unreadableAmount(C20, "ROW(5, NULL)", "is half NULL"),
  ]),
  {
    name: "a deposit of the largest legal amount, not wired yet",
    dataset: "exchange-api-rsa",
    sql: `UPDATE exchange.coin_deposits SET amount_with_fee = (4503599627370495,99999999)
          WHERE coin_deposit_serial_id = 24`,
    expect: [
      "C-11 deposit#24 loses 4503599627370495.99999999",
      "C-4 deposit#24 4503599627370496.49999999 against 1",
    ],
    perhaps: ["X-16 *"],
    overflows: ["transfer"],
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

const batch = (c: SceneCoin, column: string, value: string) =>
  `UPDATE exchange.batch_deposits SET ${column} = ${value} WHERE batch_deposit_serial_id = ${c.deposit}`;

function unreadableBatch(c: SceneCoin, column: string, value: string, problem: string): Line {
  return {
    sql: batch(c, column, value),
    expect: [`D-17 coin_deposits#${c.deposit} row cannot be read: batch_deposits.${column} ${problem}`],
  };
}

const LATE = "refund deadline past wire deadline";

const batches = bundle("batch_deposits with hostile accounts and times", [
  {
    sql: batch(C1, "wire_target_h_payto", "NULL"),
    expect: [
      `X-9 coin_deposits#${C1.deposit} row refers to a missing row in wire_targets`,
      `X-9 aggregation_tracking#${C1.aggregation} row refers to a missing row in wire_targets`,
      without(C1),
    ],
  },
  unreadableBatch(C2, "wallet_timestamp", "wallet_timestamp + 1", "is not a whole second"),
  unreadableBatch(C7, "wallet_timestamp", "9223372036854775806", "is not a whole second"),
  unreadableBatch(C8, "exchange_timestamp", "-1000000", "is before the epoch"),
  unreadableBatch(C10, "refund_deadline", "-9223372036854775808", "is before the epoch"),
  {
    sql: batch(C14, "refund_deadline", "9223372036854775807"),
    expect: [`C-10 deposits#${C14.deposit} ${LATE}`, `C-11 deposit#${C14.deposit} loses 1`],
  },
  { sql: batch(C19, "wire_deadline", "0"), expect: [`C-10 deposits#${C19.deposit} ${LATE}`] },
  {
    sql: batch(C20, "exchange_timestamp", "9223372036854000000"),
    expect: [`X-6 deposits#${C20.deposit} deposit after the end of the deposit period`],
  },
]);

/** A policy for a batch; its deposit was signed without one. */
const withPolicy = (json: string, c: SceneCoin) =>
  `INSERT INTO exchange.policy_details (policy_details_serial_id, policy_hash_code, policy_json, deadline, commitment,
     accumulated_total, fee, transferable, fulfillment_state)
   VALUES (${c.deposit}, sha256('policy'), ${json}, 0, (0,0), (0,0), (0,0), (0,0), 0);
   UPDATE exchange.batch_deposits SET policy_details_serial_id = ${c.deposit}
   WHERE batch_deposit_serial_id = ${c.deposit}`;

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

const policies: HostileCase[] = [
  bundle(
    "policy_details.policy_json is hostile",
    perCoin(POLICIES, (json, c) => ({
      sql: withPolicy(json, c),
      // whatever the policy says: it is not what the coin signed
      expect: [`C-11 deposit#${c.deposit} loses 1`],
    })),
  ),
  {
    name: "one policy of eight megabytes for 200 batches",
    dataset: "small-postagg",
    sql: `${withPolicy(`'"' || repeat('x', 8000000) || '"'`, C1)};
          UPDATE exchange.batch_deposits SET policy_details_serial_id = ${C1.deposit}`,
    expect: ["200 x C-11 deposit#* loses *"],
  },
];

const refund = (serial: number, set: string) => `UPDATE exchange.refunds SET ${set} WHERE refund_serial_id = ${serial}`;
const REFUND_FOLLOWS = ["A-* *", "C-4 *", "X-16 known_coins#33 *"];

const refunds: HostileCase[] = [
  bundle("refunds.rtransaction_id is negative, the amount the largest legal one", [
    { sql: refund(1, "rtransaction_id = -1"), expect: ["C-15 refund#1 loses 3"] },
    { sql: refund(4, "rtransaction_id = -9223372036854775808"), expect: ["C-15 refund#4 loses 2"] },
    {
      sql: refund(6, "amount_with_fee = (2251799813685248,0)"),
      expect: ["C-15 refund#6 loses 2251799813685248"],
      perhaps: REFUND_FOLLOWS,
    },
  ], { dataset: "exchange-api-rsa" }),
  {
    name: "a refund for a batch that the coin is not in",
    dataset: "exchange-api-rsa",
    sql: refund(6, "batch_deposit_serial_id = 1"),
    expect: ["X-9 refunds#6 row refers to a missing row in coin_deposits"],
    perhaps: REFUND_FOLLOWS,
  },
  {
    name: "a refund of NULLs",
    dataset: "exchange-api-rsa",
    sql: refund(6, "amount_with_fee = ROW(NULL, NULL)"),
    expect: ["D-17 refunds#6 row cannot be read: amount_with_fee is NULL"],
    perhaps: REFUND_FOLLOWS,
  },
];

/** The lines. */
export const COIN_CASES: readonly HostileCase[] = [
  forgedCoins,
  forgedCsCoins,
  ...deposits,
  batches,
  ...policies,
  ...refunds,
];

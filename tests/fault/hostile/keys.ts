// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows about keys and fees: denominations, revocations, wire fees, global fees. Constraints are obeyed. */
import type { HostileCase } from "../../support/hostile.ts";
import { bundle, COINS, type Line } from "./scene.ts";

/** Denomination 2 of small-postagg has a value of 10, no coins and, like all there, no signature of the auditor. */
const unused = (set: string) => `UPDATE exchange.denominations SET ${set} WHERE denominations_serial = 2`;

/** What is said of an unsigned denomination that can be read; of one that cannot be read, nothing can be said. */
const NO_SIGNATURE = "X-1 of 10 without signature";

/** Denominations of exchange-api-rsa that nobody ever used. */
const UNUSED = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20];

/** Values of `denominations.denom_pub` that are no key of any cipher. */
const NO_KEYS: Record<string, string> = {
  "no bytes": "''",
  "seven bytes": "'\\x00000001000000'",
  "a header alone": "'\\x0000000100000000'",
  "the unknown cipher 3": "overlay(denom_pub placing '\\x00000003' from 1)",
  "lengths that promise more than there is": "overlay(denom_pub placing '\\xffffffff' from 9)",
  "lengths that promise less than there is": "overlay(denom_pub placing '\\x00010001' from 9)",
  "a modulus of 20,000 bytes": "decode('00000001000000004e200003' || repeat('c3', 20000) || '010001', 'hex')",
  "a megabyte": "decode('0000000100000000' || repeat('c3', 1000000), 'hex')",
  "a Clause-Schnorr key of 31 bytes": "decode('0000000200000000' || repeat('c3', 31), 'hex')",
  "a Clause-Schnorr key of a megabyte": "decode('0000000200000000' || repeat('c3', 1000000), 'hex')",
};

/** Other columns that make a denomination unreadable. */
const NO_TERMS: [string, string][] = [
  ["valid_from = -1", "valid_from is before the epoch"],
  ["expire_legal = expire_legal + 999999", "expire_legal is not a whole second"],
  ["coin = ROW(NULL, NULL)", "coin is NULL"],
  ["fee_refund = ROW(1, NULL)", "fee_refund is half NULL"],
];

const unreadable = bundle(
  "denominations that cannot be read",
  [
    ...Object.values(NO_KEYS).map((key) => [`denom_pub = ${key}`, "denom_pub is not a denomination public key"]),
    ...NO_TERMS,
  ].map(([set, problem], i): Line => ({
    sql: `UPDATE exchange.denominations SET ${set} WHERE denominations_serial = ${UNUSED[i]}`,
    expect: [`D-17 denominations#${UNUSED[i]} row cannot be read: ${problem}`],
    gone: ["X-1 of * without signature"],
  })),
  { dataset: "exchange-api-rsa" },
);

/** A well-formed blob in hexadecimal: cipher and age mask, lengths of modulus and exponent, modulus, exponent. */
const rsaBlob = (modulus: string, exponent: string, mask = "00000000") =>
  `decode('00000001${mask}' || ${be16(modulus)} || ${be16(exponent)} || ${modulus} || ${exponent}, 'hex')`;
const be16 = (hex: string) => `lpad(to_hex(length(${hex}) / 2), 4, '0')`;
const csBlob = (point: string) => `decode('0000000200000000' || ${point}, 'hex')`;

/** Keys that can be taken apart but that nothing can be verified with. */
const BAD_KEYS: Record<string, string> = {
  "an RSA modulus 0": rsaBlob("repeat('00', 256)", "'010001'"),
  "an RSA modulus 1": rsaBlob("'01'", "'010001'"),
  "an RSA modulus without bytes": rsaBlob("''", "'010001'"),
  "an even RSA modulus": rsaBlob("repeat('c4', 256)", "'010001'"),
  "an RSA modulus of 100 bits": rsaBlob("repeat('c3', 13)", "'010001'"),
  "an RSA modulus of 16,000 bytes": rsaBlob("repeat('c3', 16000)", "'010001'"),
  "an RSA modulus with a leading zero": rsaBlob("'00' || repeat('c3', 255)", "'010001'"),
  "an RSA modulus full of small factors": rsaBlob("repeat('ff', 256)", "'010001'"),
  "an RSA exponent 0": rsaBlob("repeat('c3', 256)", "'00'"),
  "an RSA exponent without bytes": rsaBlob("repeat('c3', 256)", "''"),
  "an RSA exponent 1": rsaBlob("repeat('c3', 256)", "'01'"),
  "an even RSA exponent": rsaBlob("repeat('c3', 256)", "'010002'"),
  "an RSA exponent of 8,000 bytes": rsaBlob("repeat('c3', 256)", "repeat('c3', 8000)"),
  "a Clause-Schnorr point of order 1": csBlob("'01' || repeat('00', 31)"),
  "a Clause-Schnorr point of order 4": csBlob("repeat('00', 32)"),
  "a Clause-Schnorr point that is not canonical": csBlob("repeat('ff', 32)"),
  "a Clause-Schnorr point that is not on the curve": csBlob("'02' || repeat('00', 31)"),
};

/** h_denom_pub of the stored key: mask and cipher change places (crypto.md 2.2). */
const rightHash = (serial: number) =>
  `UPDATE exchange.denominations
   SET denom_pub_hash = sha512(int4send(age_mask) || substring(denom_pub FOR 4) || substring(denom_pub FROM 9))
   WHERE denominations_serial = ${serial}`;

/** A denomination like the one that all coins of small-postagg have, with another key. */
const likeThree = (serial: number, key: string) =>
  `INSERT INTO exchange.denominations (denominations_serial, denom_pub_hash, denom_pub, master_sig, valid_from,
     expire_withdraw, expire_deposit, expire_legal, coin, fee_withdraw, fee_deposit, fee_refresh, fee_refund)
   SELECT ${serial}, sha512('${serial}'), ${key}, master_sig, valid_from, expire_withdraw, expire_deposit, expire_legal,
     coin, fee_withdraw, fee_deposit, fee_refresh, fee_refund
   FROM exchange.denominations WHERE denominations_serial = 3`;

const badKeys = bundle(
  "coins of denominations with keys that nothing can be verified with",
  Object.values(BAD_KEYS).map((key, i): Line => {
    const serial = 100 + i;
    const { coin, deposit, aggregation } = COINS[i]!;
    return {
      sql: [
        likeThree(serial, key),
        rightHash(serial),
        `UPDATE exchange.known_coins SET denominations_serial = ${serial} WHERE known_coin_id = ${coin}`,
      ].join(";\n"),
      expect: [
        `X-2 denominations#${serial} master signature invalid`,
        "X-1 of 5 without signature",
        `C-5 deposit#${deposit} loses 1`,
        `C-11 deposit#${deposit} loses 1`,
        "C-32 of 5 issued 0 known 1 of 0",
        `A-6 wire#${aggregation} loses 1`,
        `A-6 deposit#${aggregation} coin denomination signature invalid`,
      ],
    };
  }),
);

const denominations: HostileCase[] = [
  {
    name: "a denomination's key that is not the one of its hash",
    dataset: "small-postagg",
    sql: unused("denom_pub = overlay(denom_pub placing '\\x77' from 100)"),
    expect: [
      "X-2 denominations#2 denom_pub_hash is not the hash of denom_pub",
      "X-2 denominations#2 master signature invalid",
    ],
  },
  {
    name: "a denomination's age mask with the highest bit",
    dataset: "small-postagg",
    sql: unused("age_mask = -2147483648"),
    expect: [
      "X-2 denominations#2 denom_pub_hash is not the hash of denom_pub",
      "X-2 denominations#2 master signature invalid",
    ],
  },
  {
    name: "a negative age mask of a denomination in an age-restricted withdrawal",
    dataset: "age-restriction-rsa",
    sql: `UPDATE exchange.denominations SET age_mask = -2 WHERE denominations_serial = 2;
          ${rightHash(2)};
          UPDATE exchange.age_withdraw SET denom_serials = '{2,29,37}'`,
    expect: [
      "X-2 denominations#2 master signature invalid",
      "X-4 age-withdraw#1 loses 25.03",
      "X-7 age_withdraw#1 blind signature does not belong to the withdrawn coin",
    ],
    perhaps: ["R-18 *", "C-32 *", "C-33 *"],
  },
  {
    name: "a second row with the key of a denomination, a value of 4503599627370495 and a past",
    dataset: "small-postagg",
    sql: `INSERT INTO exchange.denominations (denominations_serial, denom_pub_hash, denom_pub, master_sig, valid_from,
            expire_withdraw, expire_deposit, expire_legal, coin, fee_withdraw, fee_deposit, fee_refresh, fee_refund)
          SELECT 77, sha512('clone'), denom_pub, master_sig, 0, 0, 0, 0, '(4503599627370495,0)', fee_withdraw,
            fee_deposit, fee_refresh, fee_refund FROM exchange.denominations WHERE denominations_serial = 3`,
    expect: [
      "X-2 denominations#77 denom_pub_hash is not the hash of denom_pub",
      "X-2 denominations#77 master signature invalid",
      // each is named by its own stored hash, so that the genuine one stays named
      "X-1 of 4503599627370495 without signature",
    ],
  },
  {
    name: "denominations.expire_deposit is never, valid_from 0",
    dataset: "small-postagg",
    sql: unused("expire_deposit = 9223372036854775807, valid_from = 0"),
    expect: ["X-2 denominations#2 master signature invalid"],
  },
  {
    name: "a denomination of the largest legal value and fees",
    dataset: "small-postagg",
    sql: unused(`coin = (4503599627370495,99999999), fee_withdraw = (4503599627370495,99999999),
      fee_deposit = (4503599627370495,99999999), fee_refresh = (4503599627370495,99999999),
      fee_refund = (4503599627370495,99999999)`),
    expect: [
      "X-2 denominations#2 master signature invalid",
      "X-1 of 4503599627370495.99999999 without signature",
    ],
    gone: [NO_SIGNATURE],
  },
  {
    name: "a revocation signed by somebody else",
    dataset: "small-postagg",
    sql: `INSERT INTO exchange.denomination_revocations (denominations_serial, master_sig) VALUES (3, sha512('x'))`,
    expect: ["C-3 denomination revocations#1 revocation signature invalid"],
  },
  {
    name: "a signature of this auditor that is NULL",
    dataset: "small-postagg",
    sql: `INSERT INTO exchange.auditor_denom_sigs (auditor_uuid, denominations_serial, auditor_sig)
          SELECT auditor_uuid, 2, NULL FROM exchange.auditors`,
    expect: [],
  },
  {
    name: "extensions.manifest is a megabyte",
    dataset: "exchange-api-rsa",
    sql: `UPDATE exchange.extensions SET manifest = decode(repeat('00', 1000000), 'hex')`,
    expect: [], // no pass judges by it
  },
];

const wireFee = (
  serial: number,
  method: string,
  start: string | number = 1_500_000_000_000_000 + serial * 1_000_000,
  end: string | number = 1_600_000_000_000_000,
  fee = "'(0,1000000)'",
) =>
  `INSERT INTO exchange.wire_fee (wire_fee_serial, wire_method, start_date, end_date, wire_fee, closing_fee, master_sig)
   VALUES (${serial}, ${method}, ${start}, ${end}, ${fee}, '(0,1000000)', sha512('x'))`;
const unsignedFee = (serial: number) => `X-2 wire-fee#${serial} master signature invalid`;

/** Names of wire methods. */
const METHODS: Record<string, string> = {
  "no text": "''",
  "control characters": "E'\\x01\\t\\r\\n\\x7f'",
  "quotes and backslashes": `E'a"b\\'c\\\\d\\\\u0000'`,
  "what another program might run": "'$(reboot); <script>alert(1)</script> %s %n'",
  "characters of four bytes": "U&'\\+01F4B8\\+01F480'",
  "a megabyte": "repeat('m', 1000000)",
};

const wireFees: HostileCase[] = [
  bundle(
    "wire_fee with hostile methods, periods and fees",
    [
      ...Object.values(METHODS).map((method, i) => ({ sql: wireFee(10 + i, method), expect: [unsignedFee(10 + i)] })),
      {
        sql: wireFee(20, "'a'", "1600000000000000", "1500000000000000"),
        expect: [unsignedFee(20)],
      },
      {
        sql: wireFee(21, "'b'", -1_000_000),
        expect: ["D-17 wire_fee#21 row cannot be read: start_date is before the epoch"],
      },
      {
        sql: wireFee(22, "'c'", 0, 1_000_000, "ROW(NULL, NULL)::exchange.taler_amount"),
        expect: ["D-17 wire_fee#22 row cannot be read: wire_fee is NULL"],
      },
    ],
    // a megabyte does not fit into the index of the primary key; the exchange could drop that
    { without: "ALTER TABLE exchange.wire_fee DROP CONSTRAINT wire_fee_pkey" },
  ),
  {
    name: "a wire fee period from 0 to never",
    dataset: "small-postagg",
    sql: wireFee(2, "'x-taler-bank'", "0", "9223372036854775807"),
    expect: [
      "A-20 x-taler-bank *: start date before previous end date",
      "A-21 x-taler-bank *: end date date after next start date",
      // a transfer that could have paid either fee may be the place where the wrong signature is reported
      "* wire-fee#* *",
    ],
  },
  {
    name: "2,000 wire fee periods of one method",
    dataset: "small-postagg",
    sql: `INSERT INTO exchange.wire_fee (wire_method, start_date, end_date, wire_fee, closing_fee, master_sig)
          SELECT 'other', n * 1000000::int8, n * 1000000::int8 + 1000000, '(0,1000000)', '(0,1000000)', sha512('x')
          FROM generate_series(1, 2000) n`,
    expect: ["2000 x X-2 wire-fee#* master signature invalid"],
  },
];

const globalFee = (serial: number, set: string) =>
  `INSERT INTO exchange.global_fee (global_fee_serial, start_date, end_date, history_fee, account_fee, purse_fee,
     purse_timeout, history_expiration, purse_account_limit, master_sig)
   SELECT ${serial}, ${serial} * 1000000::int8, 1000000, history_fee, account_fee, purse_fee, purse_timeout,
     history_expiration, purse_account_limit, master_sig FROM exchange.global_fee WHERE global_fee_serial = 1;
   UPDATE exchange.global_fee SET ${set} WHERE global_fee_serial = ${serial}`;

const globalFees: HostileCase[] = [
  {
    name: "global_fee.purse_account_limit is negative",
    dataset: "small-postagg",
    sql: globalFee(2, "purse_account_limit = -1"),
    expect: ["X-2 global_fee#2 *"],
  },
  bundle("global_fee with hostile periods and fees", [
    {
      sql: globalFee(3, "purse_timeout = -1"),
      expect: ["X-2 global_fee#3 row cannot be read: purse_timeout is before the epoch"],
    },
    { sql: globalFee(4, "history_expiration = 1"), expect: ["X-2 global_fee#4 master signature invalid"] },
    {
      sql: globalFee(5, "end_date = 1000001, history_fee = ROW(NULL, NULL)"),
      expect: ["X-2 global_fee#5 row cannot be read: end_date is not a whole second, history_fee is NULL"],
    },
  ]),
];

/** The lines. */
export const KEY_CASES: readonly HostileCase[] = [
  unreadable,
  badKeys,
  ...denominations,
  ...wireFees,
  ...globalFees,
];

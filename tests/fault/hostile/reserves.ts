// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows about reserves and purses. Everything here obeys the constraints of the schema. */
import { DAY } from "../../../core/taler/time.ts";
import type { HostileCase } from "../../support/hostile.ts";
import { bundle, type Line, RESERVES } from "./scene.ts";

const withdrawal = (serial: number, set: string) =>
  `UPDATE exchange.reserves_out SET ${set} WHERE reserve_out_serial_id = ${serial}`;

/** Values of `reserves_out.denom_sig` that are no blind signature of an RSA denomination. */
const NO_ANSWERS: Record<string, string> = {
  "no bytes": "''",
  "a megabyte": "decode('0000000100000001' || repeat('5a', 1000000), 'hex')",
  "the marker of an unblinded signature": "overlay(denom_sig placing '\\x00000000' from 5)",
  "the other cipher": "decode('000000020000000100000000' || repeat('11', 32), 'hex')",
  "zero": "decode('0000000100000001' || repeat('00', 256), 'hex')",
};

/** A withdrawal of 5.01 that is debited nowhere. */
const NOT_DEBITED = ["R-18 has 5.46", "R-18 0.45 against 5.46"];

const unreadableWithdrawals: [string, string][] = [
  ["h_blind_ev = NULL", "h_blind_ev is NULL"],
  ["execution_date = execution_date + 1", "execution_date is not a whole second"],
  ["execution_date = -9223372036854775808", "execution_date is before the epoch"],
  ["amount_with_fee = ROW(NULL, NULL)", "amount_with_fee is NULL"],
];

const withdrawals: HostileCase[] = [
  bundle("withdrawals with hostile signatures, times and amounts", [
    ...Object.values(NO_ANSWERS).map((value, i): Line => ({
      sql: withdrawal(100 + i, `denom_sig = ${value}`),
      expect: [`X-7 reserves_out#${100 + i} blind signature does not belong to the withdrawn coin`],
    })),
    {
      sql: withdrawal(1, "execution_date = 0"),
      expect: ["R-2 withdraw#1 on day 0", "X-15 reserves#1 reserve was overdrawn by EUR:5.01 for a while, *"],
    },
    { sql: withdrawal(2, "execution_date = 9223372036854775807"), expect: ["R-2 withdraw#2 on day *"] },
    {
      sql: withdrawal(9, "amount_with_fee = (4503599627370495,99999999)"),
      expect: ["R-3 withdraw#9 loses 4503599627370495.99999999", ...NOT_DEBITED],
    },
  ]),
  bundle(
    "withdrawals that cannot be read",
    unreadableWithdrawals.map(([set, problem], i): Line => {
      const serial = RESERVES[i]!.withdrawal;
      return {
        sql: withdrawal(serial, set),
        expect: [`2 x D-17 reserves_out#${serial} row cannot be read: ${problem}`, ...NOT_DEBITED],
      };
    }),
    { expect: ["C-32 of 5 issued 196 known 200 of 980"] },
  ),
];

const credit = (serial: number, set: string) =>
  `UPDATE exchange.reserves_in SET ${set} WHERE reserve_in_serial_id = ${serial}`;
/** Without its credit of 25.5 a reserve has spent 25.05 that it never had. */
const NO_CREDIT = ["R-16 is short of 25.05", "R-18 has 0", "R-18 0.45 against 0"];

/** An account as the origin of a reserve. */
const origin = (serial: number, payto: string) =>
  `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
   VALUES (${1000 + serial}, sha256('origin ${serial}'), ${payto});
   ${credit(serial, `wire_source_h_payto = sha256('origin ${serial}')`)}`;

/** All reserves of small-postagg still have 0.45 when they expire. */
const LATER = 60n * DAY;
const STALE = "R-19 holds 0.45 since *: payto://x-taler-bank/localhost/42?receiver-name=42";
const NO_FEE = "R-20 holds 0.45 since *: could not determine closing fee";

/** Accounts, and what is said when their reserves are not closed. */
const ORIGINS: Record<string, [string, string]> = {
  "no text": ["''", NO_FEE],
  "a lone payto://": ["'payto://'", NO_FEE],
  "a method that nobody has": ["'payto://sepa/DE1'", NO_FEE],
  "quotes, backslashes, escapes and line ends": [
    `E'payto://x-taler-bank/a"b\\'c\\\\d\\\\u0000\\n\\r\\t\\x01%00;--'`,
    `R-19 holds 0.45 since *: payto://x-taler-bank/a"b'c\\d\\u0000\n\r\t\x01%00;--`,
  ],
  "signs of four bytes and marks of direction": [
    "U&'payto://x-taler-bank/\\+01F4B8\\202E\\FEFF\\FFFD'",
    "R-19 holds 0.45 since *: payto://x-taler-bank/\u{1F4B8}\u202e\ufeff\ufffd",
  ],
  "a megabyte": [
    "'payto://x-taler-bank/' || repeat('x', 1000000)",
    "R-19 holds 0.45 since *: payto://x-taler-bank/xxxxxxxx*",
  ],
};

const credits: HostileCase[] = [
  bundle(
    "credits without account, time or amount",
    [
      { set: "wire_source_h_payto = NULL", expect: ["X-9 reserves_in#1 row refers to a missing row in wire_targets"] },
      {
        set: "execution_date = execution_date + 1",
        expect: ["D-17 reserves_in#2 row cannot be read: execution_date is not a whole second"],
      },
      { set: "credit = ROW(NULL, NULL)", expect: ["D-17 reserves_in#3 row cannot be read: credit is NULL"] },
      { set: "credit = (0,0)", expect: [] },
    ].map(({ set, expect }, i): Line => ({ sql: credit(1 + i, set), expect: [...expect, ...NO_CREDIT] })),
    { expect: ["R-21 global escrow balance#0 * against 25.05"] },
  ),
  bundle("credits with hostile times and amounts", [
    {
      sql: credit(1, "execution_date = 0"),
      expect: ["R-20 holds 0.45 since day *: could not determine closing fee"],
      perhaps: ["R-9 closing-fee#* *"],
    },
    {
      sql: credit(2, "execution_date = 9223372036854775807"),
      expect: ["X-15 reserves#* reserve was overdrawn by EUR:* for a while, *"],
    },
    {
      sql: credit(3, "credit = (2251799813685248,0)"),
      expect: ["R-18 has 2251799813685222.95", "R-18 0.45 against 2251799813685222.95"],
    },
  ]),
  bundle(
    "reserves that came from hostile accounts",
    Object.values(ORIGINS).map(([payto, finding], i): Line => ({
      sql: origin(1 + i, payto),
      expect: [finding],
      gone: [STALE],
      perhaps: ["R-9 closing-fee#* *"],
    })),
    { later: LATER },
  ),
];

const close = (serial: number, set: string) => `UPDATE exchange.reserves_close SET ${set} WHERE close_uuid = ${serial}`;
/** An account that a close paid to. */
const closedTo = (serial: number, payto: string) =>
  `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
   VALUES (${1000 + serial}, sha256('target ${serial}'), ${payto});
   ${close(serial, `wire_target_h_payto = sha256('target ${serial}')`)}`;
const wrongTarget = (serial: number) => `R-14 reserves_close#${serial} target account does not match origin account`;

const closes: HostileCase[] = [
  bundle("closes with hostile requests, times and fees", [
    {
      sql: close(1, "close_request_row = -9223372036854775808"),
      expect: ["R-11 reserves_close#1 reserve close request unknown"],
    },
    {
      sql: close(2, "close_request_row = 9223372036854775807"),
      expect: ["R-11 reserves_close#2 reserve close request unknown"],
    },
    {
      sql: close(3, "execution_date = 9223372036854775807"),
      expect: [],
      perhaps: ["R-9 closing-fee#* *"],
    },
    {
      sql: close(4, "closing_fee = (4503599627370495,99999999)"),
      expect: ["R-10 closing aggregation fee#4 4503599627370495.99999999 against 0.01"],
    },
  ], { dataset: "exchange-api-rsa" }),
  bundle("closes to hostile accounts", [
    {
      sql: close(1, "wire_target_h_payto = NULL"),
      expect: ["X-9 reserves_close#1 row refers to a missing row in wire_targets"],
      perhaps: ["R-18 *", "R-19 *"],
    },
    {
      sql: closedTo(2, "'payto://'"),
      expect: [wrongTarget(2), "R-9 closing-fee#* closing fee for `' unavailable at *"],
    },
    {
      sql: closedTo(3, `E'payto://a"b\\'c\\\\d\\\\u0000\\n\\t\\x01%s/x'`),
      expect: [
        wrongTarget(3),
        "R-9 closing-fee#* closing fee for `a\"b'c\\d\\u0000\n\t\x01%s' unavailable at *",
      ],
    },
  ], { dataset: "exchange-api-rsa" }),
  {
    name: "reserves_close.amount is half NULL",
    dataset: "exchange-api-rsa",
    sql: close(1, "amount = ROW(NULL, 7)"),
    expect: ["D-17 reserves_close#1 row cannot be read: amount is half NULL"],
    perhaps: ["R-18 *", "R-19 *"],
  },
  {
    name: "close_requests.payto_uri is another account with line ends",
    dataset: "p2p-rsa",
    sql: `UPDATE exchange.close_requests SET payto_uri = E'payto://\\n/\\\\'`,
    expect: ["R-14 reserves_close#1 target account does not match origin account"],
  },
  {
    name: "close_requests.close_timestamp is not a whole second",
    dataset: "p2p-rsa",
    sql: `UPDATE exchange.close_requests SET close_timestamp = close_timestamp + 1`,
    expect: ["D-17 reserves_close#1 row cannot be read: close_requests.close_timestamp is not a whole second"],
    gone: ["R-12 close-request#1 loses *", "R-18 has 0.01", "R-18 0 against 0.01"],
    perhaps: ["R-18 *"],
  },
  {
    name: "close_requests.close is NULLs",
    dataset: "p2p-rsa",
    sql: `UPDATE exchange.close_requests SET close = ROW(NULL, NULL)`,
    expect: ["D-17 reserves_close#1 row cannot be read: close_requests.close is NULL"],
    gone: ["R-12 close-request#1 loses *", "R-18 has 0.01", "R-18 0 against 0.01"],
    perhaps: ["R-18 *"],
  },
];

const open = (serial: number, set: string) =>
  `INSERT INTO exchange.reserves_open_requests (open_request_uuid, reserve_pub, request_timestamp, expiration_date,
     reserve_sig, reserve_payment, requested_purse_limit)
   SELECT ${serial}, reserve_pub, ${serial}000000, 0, sha512('x'), '(0,1)', 1 FROM exchange.reserves
   WHERE reserve_uuid = 1;
   UPDATE exchange.reserves_open_requests SET ${set} WHERE open_request_uuid = ${serial}`;

const opens: HostileCase[] = [
  {
    name: "reserves_open_requests.requested_purse_limit is negative",
    dataset: "small-postagg",
    // the protocol's number has no sign: this is 4294967295, which nobody signed here
    sql: open(7, "requested_purse_limit = -1"),
    expect: ["R-8 reserve-open#7 loses 0.00000001"],
  },
  bundle("requests to keep a reserve open with hostile times and amounts", [
    {
      sql: open(8, "request_timestamp = -1"),
      expect: ["D-17 reserves_open_requests#8 row cannot be read: request_timestamp is before the epoch"],
    },
    {
      sql: open(9, "expiration_date = 9223372036854775807, reserve_payment = (4503599627370495,99999999)"),
      expect: ["R-8 reserve-open#9 loses 4503599627370495.99999999"],
    },
  ]),
  {
    name: "reserves_open_deposits.coin_sig is of another message",
    dataset: "p2p-rsa",
    sql: `UPDATE exchange.reserves_open_deposits SET coin_sig = sha512('x')`,
    expect: ["X-3 reserve-open-deposit#1 loses *"],
  },
  {
    name: "reserves_open_deposits.contribution is half NULL",
    dataset: "p2p-rsa",
    sql: `UPDATE exchange.reserves_open_deposits SET contribution = ROW(1, NULL)`,
    expect: ["D-17 reserves_open_deposits#1 row cannot be read: contribution is half NULL"],
  },
];

const purse = (set: string, row = 3) =>
  `UPDATE exchange.purse_requests SET ${set} WHERE purse_requests_serial_id = ${row}`;

const purses: HostileCase[] = [
  bundle("purse_requests with hostile flags, ages and fees", [
    { sql: purse("flags = -1", 3), expect: ["R-15 account-merge#* loses 0"] },
    {
      sql: purse("flags = 2147483647, age_limit = -2147483648", 4),
      expect: ["R-15 account-merge#* loses 0"],
    },
    { sql: purse("purse_fee = (2251799813685248,0)", 5), expect: ["R-15 account-merge#* loses 2251799813685248"] },
  ], { dataset: "p2p-rsa" }),
  {
    name: "purse_requests.purse_expiration is negative",
    dataset: "p2p-rsa",
    sql: purse("purse_expiration = -1"),
    expect: ["D-17 account_merges#* row cannot be read: purse_requests.purse_expiration is before the epoch"],
  },
  {
    name: "purse_merges.merge_timestamp is not a whole second",
    dataset: "p2p-rsa",
    sql:
      `UPDATE exchange.purse_merges SET merge_timestamp = merge_timestamp + 1 WHERE purse_merge_request_serial_id = 1`,
    expect: [
      "D-17 account_merges#1 row cannot be read: purse_merges.merge_timestamp is not a whole second",
    ],
  },
  {
    name: "purse_merges.reserve_pub is a reserve that does not exist",
    dataset: "p2p-rsa",
    sql: `UPDATE exchange.purse_merges SET reserve_pub = sha256('x')
          WHERE purse_pub = (SELECT purse_pub FROM exchange.purse_decision WHERE purse_decision_serial_id = 2)`,
    expect: ["R-17 has *"],
    perhaps: ["R-16 *", "R-18 *", "X-15 *"],
  },
  {
    name: "a purse merged towards a partner",
    dataset: "p2p-rsa",
    sql: `INSERT INTO exchange.partners (partner_serial_id, partner_master_pub, start_date, end_date, wad_frequency,
            wad_fee, master_sig, partner_base_url)
          VALUES (5, sha256('x'), 0, 0, 0, '(0,0)', sha512('x'), E'https://\\n/"\\\\');
          UPDATE exchange.purse_merges SET partner_serial_id = 5
          WHERE purse_pub = (SELECT purse_pub FROM exchange.purse_decision WHERE purse_decision_serial_id = 2)`,
    expect: ["X-11 purse_merges#2 purse merged towards a partner exchange, not supported"],
  },
  {
    name: "purse deposits for a partner whose URL is twelve megabytes",
    dataset: "p2p-rsa",
    sql: `INSERT INTO exchange.partners (partner_serial_id, partner_master_pub, start_date, end_date, wad_frequency,
            wad_fee, master_sig, partner_base_url)
          VALUES (5, sha256('x'), 0, 0, 0, '(0,0)', sha512('x'), repeat('https://', 1500000));
          UPDATE exchange.purse_deposits SET partner_serial_id = 5`,
    expect: ["5 x C-13 purse-deposit#* loses *"],
    perhaps: ["C-33 *", "C-22 *"],
  },
  {
    name: "purse_deposits.amount_with_fee is NULLs",
    dataset: "p2p-rsa",
    sql: `UPDATE exchange.purse_deposits SET amount_with_fee = ROW(NULL, NULL) WHERE purse_deposit_serial_id = 1`,
    expect: ["D-17 purse_deposits#1 row cannot be read: amount_with_fee is NULL"],
  },
  {
    name: "purse_decision.action_timestamp is negative",
    dataset: "p2p-rsa",
    sql: `UPDATE exchange.purse_decision SET action_timestamp = -1 WHERE purse_decision_serial_id = 2`,
    expect: ["D-17 purse_decision#2 row cannot be read: action_timestamp is before the epoch"],
    perhaps: ["R-16 *", "R-18 *", "X-15 *"],
  },
  {
    name: "a wad of a partner with quotes, backslashes, escapes and line ends",
    dataset: "p2p-rsa",
    sql: `INSERT INTO exchange.wads_in (wad_in_serial_id, wad_id, origin_exchange_url, amount, arrival_time)
          VALUES (-3, substring(sha256('x') FOR 24), E'https://a"b\\'c\\\\d\\\\u0000\\n\\t\\x01', '(1,0)', 0)`,
    expect: [`X-11 wads_in#-3 transfer between exchanges, not supported; partner https://a"b'c\\d\\u0000\n\t\x01`],
  },
  {
    name: "a wad of NULLs from a partner whose URL is a megabyte",
    dataset: "p2p-rsa",
    without: `ALTER TABLE exchange.wads_in DROP CONSTRAINT wads_in_wad_id_origin_exchange_url_key;
              ALTER TABLE exchange.wads_in DROP CONSTRAINT wads_in_wad_is_origin_exchange_url_key`,
    sql: `INSERT INTO exchange.wads_in (wad_in_serial_id, wad_id, origin_exchange_url, amount, arrival_time)
          VALUES (9223372036854775807, substring(sha256('x') FOR 24), repeat('https://', 125000), ROW(NULL, NULL), 0)`,
    expect: [
      "X-11 wads_in#9223372036854775807 transfer between exchanges, not supported; partner unreadable",
    ],
  },
];

const age = (set: string) => `UPDATE exchange.age_withdraw SET ${set}`;
const AGE_UNREADABLE = "2 x D-17 age_withdraw#1 row cannot be read:";
const BAD_AGE_ENVELOPE = "X-7 age_withdraw#1 blind signature does not belong to the withdrawn coin";

const ageWithdrawals: HostileCase[] = [
  {
    name: "age_withdraw.h_blind_evs has elements of wrong lengths",
    dataset: "age-restriction-rsa",
    sql: age("h_blind_evs = ARRAY[''::bytea, h_blind_evs[2] || '\\x00', decode(repeat('00', 1000000), 'hex')]"),
    expect: [`3 x ${BAD_AGE_ENVELOPE}`],
  },
  {
    name: "age_withdraw.h_blind_evs has a NULL element",
    dataset: "age-restriction-rsa",
    sql: age("h_blind_evs = ARRAY[h_blind_evs[1], NULL, h_blind_evs[3]]"),
    expect: [`${AGE_UNREADABLE} h_blind_evs has a NULL element`],
    perhaps: ["R-18 *", "C-32 *", "C-33 *", "C-22 *"],
  },
  {
    name: "age_withdraw.denom_sigs has no bytes, the wrong marker and a megabyte",
    dataset: "age-restriction-rsa",
    sql: age(`denom_sigs = ARRAY[''::bytea, overlay(denom_sigs[2] placing '\\x00000000' from 5),
      decode('0000000100000001' || repeat('ff', 1000000), 'hex')]`),
    expect: [`3 x ${BAD_AGE_ENVELOPE}`],
  },
  {
    name: "age_withdraw.denom_sigs has a NULL element",
    dataset: "age-restriction-rsa",
    sql: age("denom_sigs = ARRAY[NULL, denom_sigs[2], NULL]"),
    expect: [`${AGE_UNREADABLE} denom_sigs has a NULL element*`],
    perhaps: ["R-18 *", "C-32 *", "C-33 *", "C-22 *"],
  },
  {
    name: "age_withdraw.denom_serials names a denomination that does not exist",
    dataset: "age-restriction-rsa",
    sql: age("denom_serials = '{29,-1,9223372036854775807}'"),
    expect: ["R-1 age_withdraw#1 denomination key not found", "2 x C-6 age_withdraw#1 denomination key not found"],
    perhaps: ["R-18 *", "C-32 *", "C-33 *", "C-22 *"],
  },
  {
    name: "age_withdraw.denom_serials has a NULL element",
    dataset: "age-restriction-rsa",
    sql: age("denom_serials = '{29,NULL,37}'"),
    expect: [`${AGE_UNREADABLE} denom_serials has a NULL element`],
    perhaps: ["R-18 *", "C-32 *", "C-33 *", "C-22 *"],
  },
  {
    name: "age_withdraw with empty arrays",
    dataset: "age-restriction-rsa",
    sql: age("denom_serials = '{}', denom_sigs = '{}', h_blind_evs = '{}'"),
    expect: ["R-1 age_withdraw#1 denomination key not found"],
    perhaps: ["R-18 *", "C-32 *", "C-33 *", "C-22 *"],
  },
  {
    name: "age_withdraw with arrays of two dimensions",
    dataset: "age-restriction-rsa",
    sql: age(`denom_serials = ARRAY[ARRAY[29,29,37]]::int8[],
      h_blind_evs = ARRAY[ARRAY[h_blind_evs[1], h_blind_evs[2], h_blind_evs[3]]]`),
    expect: [
      `${AGE_UNREADABLE} h_blind_evs is not a one-dimensional array, denom_serials is not a one-dimensional array`,
    ],
    perhaps: ["R-18 *", "C-32 *", "C-33 *", "C-22 *"],
  },
  {
    name: "age_withdraw with 20,000 coins",
    dataset: "age-restriction-rsa",
    sql: age(
      `denom_serials = array_fill(29::int8, ARRAY[20000]), h_blind_evs = array_fill(h_blind_evs[1], ARRAY[20000]),
      denom_sigs = array_fill(''::bytea, ARRAY[20000])`,
    ),
    expect: [`20000 x ${BAD_AGE_ENVELOPE}`, "X-4 age_withdraw#1 amount with fee from exchange does not match *"],
    perhaps: ["R-1* *", "R-21 *"],
  },
  {
    name: "age_withdraw.max_age is 32767",
    dataset: "age-restriction-rsa",
    sql: age("max_age = 32767"),
    expect: ["X-4 age-withdraw#1 loses 25.03"],
    perhaps: ["R-18 *"],
  },
];

/** The lines. */
export const RESERVE_CASES: readonly HostileCase[] = [
  ...withdrawals,
  ...credits,
  ...closes,
  ...opens,
  ...purses,
  ...ageWithdrawals,
];

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows about reserves and purses. Everything here obeys the constraints of the schema. */
import { DAY } from "../../../core/taler/time.ts";
import type { HostileCase } from "../../support/hostile.ts";

const withdrawal = (set: string) => `UPDATE exchange.reserves_out SET ${set} WHERE reserve_out_serial_id = 1`;

/** A withdrawal of 5.01 that cannot be read is debited nowhere, and its coin was not issued. */
const NOT_BOOKED = [
  "C-32 of 5 issued 199 known 200 of 995",
  "R-18 has 5.46",
  "R-18 0.45 against 5.46",
];
const unreadable = (problem: string) => [`2 x D-17 reserves_out#1 row cannot be read: ${problem}`, ...NOT_BOOKED];
const BAD_ENVELOPE = "X-7 reserves_out#1 blind signature does not belong to the withdrawn coin";

const withdrawals: HostileCase[] = [
  ...Object.entries({
    "is no bytes": "denom_sig = ''",
    "is a megabyte": "denom_sig = decode('0000000100000001' || repeat('5a', 1000000), 'hex')",
    "has the marker of an unblinded signature": "denom_sig = overlay(denom_sig placing '\\x00000000' from 5)",
    "is of another cipher": "denom_sig = decode('000000020000000100000000' || repeat('11', 32), 'hex')",
    "is zero": "denom_sig = decode('0000000100000001' || repeat('00', 256), 'hex')",
  }).map(([what, set]): HostileCase => ({
    name: `reserves_out.denom_sig ${what}`,
    dataset: "small-postagg",
    sql: withdrawal(set),
    expect: [BAD_ENVELOPE],
  })),
  {
    name: "reserves_out.h_blind_ev is NULL",
    dataset: "small-postagg",
    sql: withdrawal("h_blind_ev = NULL"),
    expect: unreadable("h_blind_ev is NULL"),
  },
  {
    name: "reserves_out.execution_date is not a whole second",
    dataset: "small-postagg",
    sql: withdrawal("execution_date = execution_date + 1"),
    expect: unreadable("execution_date is not a whole second"),
  },
  {
    name: "reserves_out.execution_date is negative",
    dataset: "small-postagg",
    sql: withdrawal("execution_date = -9223372036854775808"),
    expect: unreadable("execution_date is before the epoch"),
  },
  {
    name: "reserves_out.execution_date is 0",
    dataset: "small-postagg",
    sql: withdrawal("execution_date = 0"),
    expect: ["R-2 withdraw#1 on day 0", "X-15 reserves#1 reserve was overdrawn by EUR:5.01 for a while, *"],
  },
  {
    name: "reserves_out.execution_date is never",
    dataset: "small-postagg",
    sql: withdrawal("execution_date = 9223372036854775807"),
    expect: ["R-2 withdraw#1 on day *"],
  },
  {
    name: "reserves_out.amount_with_fee is the largest legal amount",
    dataset: "small-postagg",
    sql: withdrawal("amount_with_fee = (4503599627370495,99999999)"),
    expect: ["R-3 withdraw#1 loses 4503599627370495.99999999", "R-18 has 5.46", "R-18 0.45 against 5.46"],
  },
  {
    name: "reserves_out.amount_with_fee is NULLs",
    dataset: "small-postagg",
    sql: withdrawal("amount_with_fee = ROW(NULL, NULL)"),
    expect: unreadable("amount_with_fee is NULL"),
  },
];

const credit = (set: string) => `UPDATE exchange.reserves_in SET ${set} WHERE reserve_in_serial_id = 1`;
/** Without its credit of 25.5 the reserve has spent 25.05 that it never had. */
const NO_CREDIT = [
  "R-16 is short of 25.05",
  "R-18 has 0",
  "R-18 0.45 against 0",
  "R-21 global escrow balance#0 5.85 against 25.05",
];

/** An account as the origin of reserve 1. */
const origin = (payto: string) =>
  `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
   VALUES (1000, sha256('origin'), ${payto});
   ${credit("wire_source_h_payto = sha256('origin')")}`;

/** All reserves of small-postagg still have 0.45 when they expire. */
const LATER = 60n * DAY;
const GONE_STALE = "R-19 holds 0.45 since *: payto://x-taler-bank/localhost/42?receiver-name=42";

const credits: HostileCase[] = [
  {
    name: "reserves_in.wire_source_h_payto is NULL",
    dataset: "small-postagg",
    sql: credit("wire_source_h_payto = NULL"),
    expect: ["X-9 reserves_in#1 row refers to a missing row in wire_targets", ...NO_CREDIT],
  },
  {
    name: "reserves_in.execution_date is not a whole second",
    dataset: "small-postagg",
    sql: credit("execution_date = execution_date + 1"),
    expect: ["D-17 reserves_in#1 row cannot be read: execution_date is not a whole second", ...NO_CREDIT],
  },
  {
    name: "reserves_in.execution_date is 0",
    dataset: "small-postagg",
    sql: credit("execution_date = 0"),
    expect: ["R-20 holds 0.45 since day *: could not determine closing fee"],
    perhaps: ["R-9 closing-fee#* *"],
  },
  {
    name: "reserves_in.execution_date is never",
    dataset: "small-postagg",
    sql: credit("execution_date = 9223372036854775807"),
    expect: ["X-15 reserves#* reserve was overdrawn by EUR:* for a while, *"],
  },
  {
    name: "reserves_in.credit is NULLs",
    dataset: "small-postagg",
    sql: credit("credit = ROW(NULL, NULL)"),
    expect: ["D-17 reserves_in#1 row cannot be read: credit is NULL", ...NO_CREDIT],
  },
  {
    name: "reserves_in.credit is nothing",
    dataset: "small-postagg",
    sql: credit("credit = (0,0)"),
    expect: NO_CREDIT,
  },
  {
    name: "reserves_in.credit is half the largest amount",
    dataset: "small-postagg",
    sql: credit("credit = (2251799813685248,0)"),
    expect: ["R-18 has 2251799813685222.95", "R-18 0.45 against 2251799813685222.95"],
  },
  ...Object.entries({
    "no text": ["''", "R-20 holds 0.45 since *: could not determine closing fee"],
    "a lone payto://": ["'payto://'", "R-20 holds 0.45 since *: could not determine closing fee"],
    "an account of a method that nobody has": [
      "'payto://sepa/DE1'",
      "R-20 holds 0.45 since *: could not determine closing fee",
    ],
    "an account with quotes, backslashes, escapes and line ends": [
      `E'payto://x-taler-bank/a"b\\'c\\\\d\\\\u0000\\n\\r\\t\\x01%00;--'`,
      `R-19 holds 0.45 since *: payto://x-taler-bank/a"b'c\\d\\u0000\n\r\t\x01%00;--`,
    ],
    "an account with signs of four bytes and marks of direction": [
      "U&'payto://x-taler-bank/\\+01F4B8\\202E\\FEFF\\FFFD'",
      "R-19 holds 0.45 since *: payto://x-taler-bank/\u{1F4B8}\u202e\ufeff\ufffd",
    ],
  }).map(([what, [payto, finding]]): HostileCase => ({
    name: `the origin account of a reserve is ${what}`,
    dataset: "small-postagg",
    later: LATER,
    sql: origin(payto!),
    expect: [finding!],
    gone: [GONE_STALE],
    perhaps: ["R-9 closing-fee#* *"],
  })),
  {
    name: "the origin account of a reserve is a megabyte",
    dataset: "small-postagg",
    later: LATER,
    sql: origin("'payto://x-taler-bank/' || repeat('x', 1000000)"),
    expect: ["R-19 holds 0.45 since *: payto://x-taler-bank/xxxxxxxx*"],
    gone: [GONE_STALE],
  },
];

/** An account that close 1 of exchange-api-rsa paid to. */
const closedTo = (payto: string) =>
  `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
   VALUES (1000, sha256('target'), ${payto});
   ${close("wire_target_h_payto = sha256('target')")}`;
function close(set: string): string {
  return `UPDATE exchange.reserves_close SET ${set} WHERE close_uuid = 1`;
}
const WRONG_TARGET = "R-14 reserves_close#1 target account does not match origin account";

const closes: HostileCase[] = [
  {
    name: "reserves_close.wire_target_h_payto is NULL",
    dataset: "exchange-api-rsa",
    sql: close("wire_target_h_payto = NULL"),
    expect: ["X-9 reserves_close#1 row refers to a missing row in wire_targets"],
    perhaps: ["R-18 *", "R-19 *"],
  },
  {
    name: "reserves_close.close_request_row is negative",
    dataset: "exchange-api-rsa",
    sql: close("close_request_row = -9223372036854775808"),
    expect: ["R-11 reserves_close#1 reserve close request unknown"],
  },
  {
    name: "reserves_close.close_request_row is the largest number",
    dataset: "exchange-api-rsa",
    sql: close("close_request_row = 9223372036854775807"),
    expect: ["R-11 reserves_close#1 reserve close request unknown"],
  },
  {
    name: "reserves_close.execution_date is never",
    dataset: "exchange-api-rsa",
    sql: close("execution_date = 9223372036854775807"),
    expect: [],
    perhaps: ["R-9 closing-fee#* *"],
  },
  {
    name: "reserves_close.closing_fee is the largest legal amount",
    dataset: "exchange-api-rsa",
    sql: close("closing_fee = (4503599627370495,99999999)"),
    expect: ["R-10 closing aggregation fee#1 4503599627370495.99999999 against 0.01"],
  },
  {
    name: "reserves_close.amount is half NULL",
    dataset: "exchange-api-rsa",
    sql: close("amount = ROW(NULL, 7)"),
    expect: ["D-17 reserves_close#1 row cannot be read: amount is half NULL"],
    perhaps: ["R-18 *", "R-19 *"],
  },
  {
    name: "a close to an account without method",
    dataset: "exchange-api-rsa",
    sql: closedTo("'payto://'"),
    expect: [WRONG_TARGET, "R-9 closing-fee#* closing fee for `' unavailable at *"],
  },
  {
    name: "a close to a method with quotes, backslashes, escapes and line ends",
    dataset: "exchange-api-rsa",
    sql: closedTo(`E'payto://a"b\\'c\\\\d\\\\u0000\\n\\t\\x01%s/x'`),
    expect: [WRONG_TARGET, "R-9 closing-fee#* closing fee for `a\"b'c\\d\\u0000\n\t\x01%s' unavailable at *"],
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

const open = (set: string) =>
  `INSERT INTO exchange.reserves_open_requests (open_request_uuid, reserve_pub, request_timestamp, expiration_date,
     reserve_sig, reserve_payment, requested_purse_limit)
   SELECT 7, reserve_pub, 0, 0, sha512('x'), '(0,1)', 1 FROM exchange.reserves WHERE reserve_uuid = 1;
   UPDATE exchange.reserves_open_requests SET ${set} WHERE open_request_uuid = 7`;

const opens: HostileCase[] = [
  {
    name: "reserves_open_requests.requested_purse_limit is negative",
    dataset: "small-postagg",
    sql: open("requested_purse_limit = -1"),
    expect: ["R-8 reserve-open#7 loses 0.00000001"],
  },
  {
    name: "reserves_open_requests.request_timestamp is negative",
    dataset: "small-postagg",
    sql: open("request_timestamp = -1"),
    expect: ["D-17 reserves_open_requests#7 row cannot be read: request_timestamp is before the epoch"],
  },
  {
    name: "reserves_open_requests.expiration_date is never, the payment the largest legal amount",
    dataset: "small-postagg",
    sql: open("expiration_date = 9223372036854775807, reserve_payment = (4503599627370495,99999999)"),
    expect: ["R-8 reserve-open#7 loses 4503599627370495.99999999"],
  },
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
    perhaps: ["X-16 *"],
  },
];

const purse = (set: string, row = 3) =>
  `UPDATE exchange.purse_requests SET ${set} WHERE purse_requests_serial_id = ${row}`;

const purses: HostileCase[] = [
  {
    name: "purse_requests.flags is -1",
    dataset: "p2p-rsa",
    sql: purse("flags = -1"),
    expect: ["R-15 account-merge#* loses 0"],
  },
  {
    name: "purse_requests.flags is 2147483647, age_limit the smallest number",
    dataset: "p2p-rsa",
    sql: purse("flags = 2147483647, age_limit = -2147483648"),
    expect: ["R-15 account-merge#* loses 0"],
  },
  {
    name: "purse_requests.purse_fee is half the largest amount",
    dataset: "p2p-rsa",
    sql: purse("purse_fee = (2251799813685248,0)"),
    expect: ["R-15 account-merge#* loses 2251799813685248"],
  },
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
    perhaps: ["X-16 *"],
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
    expect: ["X-11 wads_in#9223372036854775807 *"],
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
    name: "age_withdraw with 100,000 coins",
    dataset: "age-restriction-rsa",
    sql: age(
      `denom_serials = array_fill(29::int8, ARRAY[100000]), h_blind_evs = array_fill(h_blind_evs[1], ARRAY[100000]),
      denom_sigs = array_fill(''::bytea, ARRAY[100000])`,
    ),
    expect: [`100000 x ${BAD_AGE_ENVELOPE}`, "X-4 age_withdraw#1 amount with fee from exchange does not match *"],
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

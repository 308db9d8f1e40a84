// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows about transfers to merchants and about the history of coins. Constraints are obeyed. */
import type { HostileCase } from "../../support/hostile.ts";

/** Transfer 2 of small-postagg paid 29 deposits, the first of them aggregation 13 with batch 1. */
const transfer = (set: string) => `UPDATE exchange.wire_out SET ${set} WHERE wireout_uuid = 2`;

/** Accounts with the hash that belongs to them, so that nothing but the text is odd. */
const target = (payto: string) =>
  `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
   SELECT 1000, substring(sha512(convert_to(p, 'UTF8') || '\\x00') FOR 32), p FROM (SELECT ${payto} AS p) x`;
const TARGET = `(SELECT wire_target_h_payto FROM exchange.wire_targets WHERE wire_target_serial_id = 1000)`;

const NO_METHOD = "A-1 wire_out#2 specified wire address lacks method";
const WRONG_TARGET = "29 x A-16 aggregation#* target of outgoing wire transfer do not match hash of wire from deposit";
const NO_FEE = "A-19 wire-fee#* wire fee unavailable for given time";

/** Accounts without method: nothing can be said about such a transfer. */
const NO_METHODS: Record<string, string> = {
  "no text": "''",
  "a lone payto://": "'payto://'",
  "a method without slash": "'payto://x-taler-bank'",
  "another scheme": "'https://x-taler-bank/localhost/43'",
  "a mark of byte order in front": "U&'\\FEFFpayto://x-taler-bank/localhost/43?receiver-name=43'",
  "a space in front": "' payto://x-taler-bank/localhost/43?receiver-name=43'",
};

/** Accounts with methods that no wire fee was announced for, as they must appear in findings. */
const ODD_ACCOUNTS: Record<string, [string, string]> = {
  "no name of a method": ["'payto:///localhost/43'", "payto:///localhost/43"],
  "quotes, backslashes, escapes and line ends": [
    `E'payto://a"b\\'c\\\\d\\\\u0000\\n\\r\\t\\x01\\x7f%00/;--'`,
    `payto://a"b'c\\d\\u0000\n\r\t\x01\x7f%00/;--`,
  ],
  "signs of four bytes and marks of direction": [
    "U&'payto://\\+01F4B8\\202E\\FEFF\\FFFD/x'",
    "payto://\u{1F4B8}\u202e\ufeff\ufffd/x",
  ],
};

const accounts: HostileCase[] = [
  ...Object.entries(NO_METHODS).map(([what, payto]): HostileCase => ({
    name: `a transfer to an account that is ${what}`,
    dataset: "small-postagg",
    sql: `${target(payto)}; ${transfer(`wire_target_h_payto = ${TARGET}`)}`,
    expect: [NO_METHOD],
  })),
  ...Object.entries(ODD_ACCOUNTS).map(([what, [payto, text]]): HostileCase => ({
    name: `a transfer to an account with ${what}`,
    dataset: "small-postagg",
    sql: `${target(payto)}; ${transfer(`wire_target_h_payto = ${TARGET}`)}`,
    expect: [WRONG_TARGET, NO_FEE, `A-23 wire#2 to ${text}: 28.7 instead of 28.71: *`],
  })),
  {
    name: "a transfer to an account of a megabyte",
    dataset: "small-postagg",
    sql: `${target("'payto://x-taler-bank/' || repeat('x', 1000000)")}; ${transfer(`wire_target_h_payto = ${TARGET}`)}`,
    expect: [WRONG_TARGET],
    perhaps: ["X-9 wire_out#2 h-payto does not match payto URI"],
  },
  {
    name: "a transfer to an account that is not the one of its hash",
    dataset: "small-postagg",
    sql: `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
          VALUES (1000, sha256('x'), 'payto://x-taler-bank/localhost/43?receiver-name=43');
          ${transfer("wire_target_h_payto = sha256('x')")}`,
    expect: ["X-9 wire_out#2 h-payto does not match payto URI"],
  },
  ...Object.entries({
    "no text": "''",
    "a lone payto://": "'payto://'",
    "control characters": "E'payto://\\x01\\n/\\x02'",
    "a mark of byte order in front": "U&'\\FEFFpayto://x-taler-bank/localhost/43?receiver-name=43'",
  }).map(([what, payto]): HostileCase => ({
    name: `the account of a deposit is ${what}`,
    dataset: "small-postagg",
    sql: `${target(payto)};
          UPDATE exchange.batch_deposits SET wire_target_h_payto = ${TARGET} WHERE batch_deposit_serial_id = 1`,
    expect: [
      "C-11 deposit#1 loses 1",
      "A-16 aggregation#13 target of outgoing wire transfer do not match hash of wire from deposit",
    ],
  })),
];

const transfers: HostileCase[] = [
  {
    name: "wire_out.wire_target_h_payto is NULL",
    dataset: "small-postagg",
    sql: transfer("wire_target_h_payto = NULL"),
    expect: ["X-9 wire_out#2 row refers to a missing row in wire_targets"],
  },
  {
    name: "wire_out.execution_date is not a whole second",
    dataset: "small-postagg",
    sql: transfer("execution_date = execution_date - 1"),
    expect: ["D-17 wire_out#2 row cannot be read: execution_date is not a whole second"],
  },
  {
    name: "wire_out.execution_date is negative",
    dataset: "small-postagg",
    sql: transfer("execution_date = -9223372036854775808"),
    expect: ["D-17 wire_out#2 row cannot be read: execution_date is before the epoch"],
  },
  {
    name: "wire_out.execution_date is 0",
    dataset: "small-postagg",
    sql: transfer("execution_date = 0"),
    expect: ["A-19 wire-fee#0 wire fee unavailable for given time", "A-23 wire#2 to *: 28.7 instead of 28.71: *"],
  },
  {
    name: "wire_out.execution_date is never",
    dataset: "small-postagg",
    sql: transfer("execution_date = 9223372036854775807"),
    expect: [
      "A-19 wire-fee#9223372036854775807 wire fee unavailable for given time",
      "A-23 wire#2 to *: 28.7 instead of 28.71: *",
    ],
  },
  {
    name: "wire_out.amount is the largest legal amount",
    dataset: "small-postagg",
    sql: transfer("amount = (4503599627370495,99999999)"),
    expect: ["A-23 wire#2 to *: 4503599627370495.99999999 instead of 28.7: *"],
  },
  {
    name: "wire_out.amount is NULLs",
    dataset: "small-postagg",
    sql: transfer("amount = ROW(NULL, NULL)"),
    expect: ["D-17 wire_out#2 row cannot be read: amount is NULL"],
  },
  {
    name: "wire_out.wtid_raw names no aggregation",
    dataset: "small-postagg",
    sql: transfer("wtid_raw = sha256('x')"),
    expect: ["A-22 wire out (fee structure)#2 0 against 0.01", "A-23 wire#2 to *: 28.7 instead of 0: *"],
  },
  ...Object.entries({
    "no bytes": "''",
    "31 bytes": "substring(wtid_raw FOR 31)",
    "33 bytes": "wtid_raw || '\\x00'",
    "a megabyte": "decode(repeat('00', 1000000), 'hex')",
  }).map(([what, value]): HostileCase => ({
    name: `aggregation_tracking.wtid_raw is ${what}`,
    dataset: "small-postagg",
    ...(what === "a megabyte" ? { without: "DROP INDEX exchange.aggregation_tracking_by_wtid_raw_index" } : {}),
    sql: `UPDATE exchange.aggregation_tracking SET wtid_raw = ${value} WHERE aggregation_serial_id = 13`,
    expect: ["A-23 wire#2 to *: 28.7 instead of 27.71: *"],
  })),
];

const history = (set: string) => `UPDATE exchange.coin_history SET ${set} WHERE coin_history_serial_id = 1`;
const NO_ENTRY = "X-8 coin_history#1 no history entry for coin_deposits, row 1";

const histories: HostileCase[] = [
  {
    name: "coin_history.table_name has quotes, backslashes, escapes and line ends",
    dataset: "small-postagg",
    sql: history(`table_name = E'a"b\\'c\\\\d\\\\u0000\\n\\t\\x01; DROP TABLE known_coins'`),
    expect: [
      NO_ENTRY,
      `X-8 coin_history#1 history entry points to nothing: a"b'c\\d\\u0000\n\t\x01; DROP TABLE known_coins, row 1`,
    ],
  },
  {
    name: "coin_history.table_name is no text",
    dataset: "small-postagg",
    sql: history("table_name = ''"),
    expect: [NO_ENTRY, "X-8 coin_history#1 history entry points to nothing: , row 1"],
  },
  {
    name: "coin_history.table_name is a megabyte",
    dataset: "small-postagg",
    without: "ALTER TABLE exchange.coin_history DROP CONSTRAINT coin_history_coin_entry_key",
    sql: history("table_name = repeat('coin_deposits', 80000)"),
    expect: [NO_ENTRY, "X-8 coin_history#1 history entry points to nothing: coin_deposits*, row 1"],
  },
  {
    name: "coin_history.serial_id is the smallest number",
    dataset: "small-postagg",
    sql: history("serial_id = -9223372036854775808"),
    expect: [
      NO_ENTRY,
      "X-8 coin_history#1 history entry points to nothing: coin_deposits, row -9223372036854775808",
    ],
  },
  {
    name: "a history entry of another coin",
    dataset: "small-postagg",
    sql: history("coin_pub = (SELECT coin_pub FROM exchange.known_coins WHERE known_coin_id = 2)"),
    expect: [NO_ENTRY, "X-8 coin_history#1 history entry points to nothing: coin_deposits, row 1"],
  },
];

/** The lines. */
export const TRANSFER_CASES: readonly HostileCase[] = [...accounts, ...transfers, ...histories];

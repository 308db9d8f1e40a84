// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows about transfers to merchants and about the history of coins. Constraints are obeyed. */
import type { HostileCase } from "../../support/hostile.ts";
import { bundle, COINS, inUnits, type Line, perCoin, TRANSFERS, wrongTransfer } from "./scene.ts";

const transfer = (serial: number, set: string) => `UPDATE exchange.wire_out SET ${set} WHERE wireout_uuid = ${serial}`;

/** An account with the hash that belongs to it, so that nothing but the text is odd. */
const target = (serial: number, payto: string) =>
  `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
   SELECT ${
    1000 + serial
  }, substring(sha512(convert_to(p, 'UTF8') || '\\x00') FOR 32), p FROM (SELECT ${payto} AS p) x`;
const targetOf = (serial: number) =>
  `wire_target_h_payto =
     (SELECT wire_target_h_payto FROM exchange.wire_targets WHERE wire_target_serial_id = ${1000 + serial})`;
const paidTo = (serial: number, payto: string) => `${target(serial, payto)}; ${transfer(serial, targetOf(serial))}`;

const WRONG_TARGET = "target of outgoing wire transfer do not match hash of wire from deposit";
const NO_FEE = "wire fee unavailable for given time";

/** Accounts without method: nothing can be said about such a transfer. */
const NO_METHODS: Record<string, string> = {
  "no text": "''",
  "a lone payto://": "'payto://'",
  "a method without slash": "'payto://x-taler-bank'",
  "another scheme": "'https://x-taler-bank/localhost/43'",
  "a space in front": "' payto://x-taler-bank/localhost/43?receiver-name=43'",
};
/** Shown like the genuine account, but another text with another hash. */
const MARKED = "U&'\\FEFFpayto://x-taler-bank/localhost/43?receiver-name=43'";

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
  bundle("transfers to hostile accounts", [
    ...Object.values(NO_METHODS).map((payto, i): Line => ({
      sql: paidTo(1 + i, payto),
      expect: [`A-1 wire_out#${1 + i} specified wire address lacks method`],
    })),
    ...Object.values(ODD_ACCOUNTS).map(([payto, text], i): Line => {
      const serial = 6 + i;
      const { cents, deposits } = TRANSFERS[serial]!;
      return {
        sql: paidTo(serial, payto),
        expect: [
          `${deposits} x A-16 aggregation#* ${WRONG_TARGET}`,
          `A-19 wire-fee#* ${NO_FEE}`,
          `A-23 wire#${serial} to ${text}: ${inUnits(cents)} instead of ${inUnits(cents + 1)}: *`,
        ],
      };
    }),
    {
      sql: paidTo(9, "'payto://x-taler-bank/' || repeat('x', 1000000)"),
      expect: [`${TRANSFERS[9]!.deposits} x A-16 aggregation#* ${WRONG_TARGET}`],
      perhaps: ["X-9 wire_out#9 h-payto does not match payto URI"],
    },
    {
      sql: `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
            VALUES (1010, sha256('x'), 'payto://x-taler-bank/localhost/43?receiver-name=43');
            ${transfer(10, "wire_target_h_payto = sha256('x')")}`,
      expect: ["X-9 wire_out#10 h-payto does not match payto URI"],
    },
  ]),
  bundle(
    "deposits for hostile accounts",
    perCoin({
      "no text": "''",
      "a lone payto://": "'payto://'",
      "control characters": "E'payto://\\x01\\n/\\x02'",
      "a megabyte": "repeat('x', 1000000)",
    }, (payto, { deposit, aggregation }) => ({
      sql: `${target(deposit, payto)};
            UPDATE exchange.batch_deposits SET ${targetOf(deposit)} WHERE batch_deposit_serial_id = ${deposit}`,
      expect: [`C-11 deposit#${deposit} loses 1`, `A-16 aggregation#${aggregation} ${WRONG_TARGET}`],
      perhaps: payto.includes("repeat") ? [`A-2 wire_targets#${aggregation} *`] : [],
    })),
  ),
  bundle("accounts with a mark of byte order in front", [
    { sql: paidTo(2, MARKED), expect: ["A-1 wire_out#2 specified wire address lacks method"] },
    {
      sql: `UPDATE exchange.batch_deposits SET ${targetOf(2)} WHERE batch_deposit_serial_id = 2`,
      expect: ["C-11 deposit#2 loses 1", `A-16 aggregation#160 ${WRONG_TARGET}`],
    },
  ]),
];

const NO_BATCH = { "no bytes": "''", "31 bytes": "substring(wtid_raw FOR 31)", "33 bytes": "wtid_raw || '\\x00'" };

const transfers: HostileCase[] = [
  bundle("transfers with hostile accounts, times and amounts", [
    {
      sql: transfer(1, "wire_target_h_payto = NULL"),
      expect: ["X-9 wire_out#1 row refers to a missing row in wire_targets"],
    },
    {
      sql: transfer(2, "execution_date = execution_date - 1"),
      expect: ["D-17 wire_out#2 row cannot be read: execution_date is not a whole second"],
    },
    {
      sql: transfer(3, "execution_date = -9223372036854775808"),
      expect: ["D-17 wire_out#3 row cannot be read: execution_date is before the epoch"],
    },
    {
      sql: transfer(4, "execution_date = 0"),
      expect: [`A-19 wire-fee#0 ${NO_FEE}`, wrongTransfer(4, TRANSFERS[4]!.cents + 1)],
    },
    {
      sql: transfer(5, "execution_date = 9223372036854775807"),
      expect: [`A-19 wire-fee#9223372036854775807 ${NO_FEE}`, wrongTransfer(5, TRANSFERS[5]!.cents + 1)],
    },
    {
      sql: transfer(6, "amount = (4503599627370495,99999999)"),
      expect: [wrongTransfer(6, TRANSFERS[6]!.cents, "4503599627370495.99999999")],
    },
    {
      sql: transfer(7, "amount = ROW(NULL, NULL)"),
      expect: ["D-17 wire_out#7 row cannot be read: amount is NULL"],
    },
    {
      sql: transfer(8, "wtid_raw = sha256('x')"),
      expect: ["A-22 wire out (fee structure)#8 0 against 0.01", wrongTransfer(8, 0)],
    },
  ]),
  bundle(
    "aggregation_tracking.wtid_raw is no wtid",
    [...Object.values(NO_BATCH), "decode(repeat('00', 1000000), 'hex')"].map((value, i): Line => {
      // coins whose deposits went into different transfers
      const { aggregation, transfer } = [COINS[0]!, COINS[1]!, COINS[2]!, COINS[3]!][i]!;
      return {
        sql:
          `UPDATE exchange.aggregation_tracking SET wtid_raw = ${value} WHERE aggregation_serial_id = ${aggregation}`,
        expect: [wrongTransfer(transfer, TRANSFERS[transfer]!.cents - 99)],
      };
    }),
    { without: "DROP INDEX exchange.aggregation_tracking_by_wtid_raw_index" },
  ),
];

const history = (serial: number, set: string) =>
  `UPDATE exchange.coin_history SET ${set} WHERE coin_history_serial_id = ${serial}`;
// the first four entries are those of the deposits 1 to 4, the sixth and seventh may be of melts
const noEntry = (deposit: number) => `X-8 coin_history#${deposit} no history entry for coin_deposits, row ${deposit}`;
const toNothing = (serial: number, to: string) => `X-8 coin_history#${serial} history entry points to nothing: ${to}`;

const histories = bundle(
  "coin_history with hostile texts and numbers",
  [
    {
      sql: history(1, `table_name = E'a"b\\'c\\\\d\\\\u0000\\n\\t\\x01; DROP TABLE known_coins'`),
      expect: [noEntry(1), toNothing(1, `a"b'c\\d\\u0000\n\t\x01; DROP TABLE known_coins, row 1`)],
    },
    { sql: history(2, "table_name = ''"), expect: [noEntry(2), toNothing(2, ", row 2")] },
    {
      sql: history(3, "table_name = repeat('coin_deposits', 80000)"),
      expect: [noEntry(3), toNothing(3, "coin_deposits*, row 3")],
    },
    {
      sql: history(4, "serial_id = -9223372036854775808"),
      expect: [noEntry(4), toNothing(4, "coin_deposits, row -9223372036854775808")],
    },
  ],
  // a megabyte does not fit into the index of the unique constraint
  { without: "ALTER TABLE exchange.coin_history DROP CONSTRAINT coin_history_coin_entry_key" },
);

const foreignHistory: HostileCase = {
  name: "a history entry of another coin",
  dataset: "small-postagg",
  sql: history(1, "coin_pub = (SELECT coin_pub FROM exchange.known_coins WHERE known_coin_id = 2)"),
  expect: [noEntry(1), toNothing(1, "coin_deposits, row 1")],
};

/** The lines. */
export const TRANSFER_CASES: readonly HostileCase[] = [...accounts, ...transfers, histories, foreignHistory];

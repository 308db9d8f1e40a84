// SPDX-License-Identifier: AGPL-3.0-or-later
/** The acceptance list, part F.2: coins, their deposits, melts and refunds. */
import { acceptanceTests, type Case, forEach, type Step } from "../support/acceptance.ts";
import { DEPOSITS, FORGED, MELTS, remaining, UNSIGNED_TERMS } from "../support/acceptance_small.ts";
import { badCoin, badRow, badSig, badSum, hanging } from "../support/expected_findings.ts";

/** The hash of an account that no deposit was signed for. */
const OTHER = "decode(repeat('1e', 32), 'hex')";

/** A deposit of 1 whose coin did not sign it is not booked: it stays in escrow, and its fee is not earned. */
const UNBOOKED_DEPOSIT: Step["balances"] = {
  coin_deposit_fee_revenue: ["2", "1.99"],
  coin_irregular_loss: ["0", "1"],
  total_escrowed: ["796.22", "797.22"],
};
const UNBOOKED: Pick<Step, "findings" | "balances"> = {
  findings: [badSig("C-11", "deposit", 1, "1")],
  balances: UNBOOKED_DEPOSIT,
};

/** Deposit 1 was aggregated although its coin is not genuine. */
const PAID_OUT: Pick<Step, "findings" | "balances"> = {
  findings: [
    badSig("C-5", "deposit", 1, "1"),
    forEach(
      "SELECT aggregation_serial_id AS row FROM exchange.aggregation_tracking WHERE batch_deposit_serial_id = 1",
      ({ row }) => [
        badSig("A-6", "wire", row!, "1"),
        badRow("A-6", "deposit", row!, "coin denomination signature invalid"),
      ],
    ),
  ],
  balances: { aggregation_total_bad_sig_loss: ["0", "1"], coin_irregular_loss: ["0", "1"] },
};

const CASES: readonly Case[] = [
  {
    id: "F.2 #4",
    title: "a coin's signature on its deposit is wrong; an account that nobody uses",
    base: "small-preagg",
    sql: `INSERT INTO exchange.wire_targets (payto_uri, wire_target_h_payto, h_normalized_payto)
        VALUES ('payto://x-taler-bank/localhost/other', ${OTHER}, ${OTHER});
      UPDATE exchange.coin_deposits SET coin_sig = ${FORGED} WHERE coin_deposit_serial_id = 1`,
    ...UNBOOKED,
  },
  {
    id: "F.2 #5",
    title: "a deposit is for another contract",
    base: "small-preagg",
    sql: `UPDATE exchange.batch_deposits SET h_contract_terms = ${FORGED} WHERE batch_deposit_serial_id = 1`,
    ...UNBOOKED,
  },
  {
    id: "F.2 #6",
    title: "a coin has another coin's denomination signature",
    base: "small-preagg",
    sql: `UPDATE exchange.known_coins SET denom_sig = (SELECT denom_sig FROM exchange.known_coins
        ORDER BY known_coin_id DESC LIMIT 1)
      WHERE coin_pub = (SELECT coin_pub FROM exchange.coin_deposits WHERE coin_deposit_serial_id = 1)`,
    findings: [badSig("C-5", "deposit", 1, "1")],
    balances: { coin_irregular_loss: ["0", "1"] },
  },
  {
    id: "F.2 #12",
    title: "all reveals are deleted",
    base: "small-preagg",
    sql: "DELETE FROM exchange.refresh_revealed_coins",
    findings: [forEach(MELTS, ({ row }) => hanging(row!, "3.17"))],
    balances: {
      coin_balance_risk: ["1167.4", "1000"], // the change was never issued
      coin_melt_fee_revenue: ["1.62", "0"],
      total_escrowed: ["796.22", "800"], // 1000 less 200 deposits of 1
      total_refresh_hanging: ["0", "171.18"], // 54 times 3.17
    },
  },
  {
    id: "F.2 #13",
    title: "a coin's signature on its melt is wrong",
    base: "small-preagg",
    sql: `UPDATE exchange.refresh_commitments SET old_coin_sig = ${FORGED} WHERE melt_serial_id = 1`,
    findings: [badSig("C-19", "melt", 1, "3.17")],
    balances: { coin_irregular_loss: ["0", "3.17"] },
  },
  {
    id: "F.2 #15",
    title: "the salt of the merchant's account is wrong",
    base: "small-preagg",
    sql: `UPDATE exchange.batch_deposits SET wire_salt = decode(repeat('11', 16), 'hex')
      WHERE batch_deposit_serial_id = 1`,
    ...UNBOOKED,
  },
  {
    id: "F.2 #25",
    title: "a refund is deleted after its coin was spent again",
    because:
      "0.84 of the denomination is left (25 withdrawn, 24.16 spent), so that there is no emergency (refund.test.ts " +
      "has one): balances of denominations are sums of all that was booked (D-16); the entry of the coin's history (X-8) " +
      "and what the exchange stores as left of the coin (X-16) tell as well",
    base: "auditor-api-rsa",
    sql: "DELETE FROM exchange.refunds WHERE refund_serial_id = 1",
    findings: [
      // 5 and 4.99 of a coin of 5
      badCoin("A-13", "spend", "9.99", "5"),
      badSum("C-4", "deposit", 15, "9.99", "5"),
      badRow("X-8", "coin_history", 17, "history entry points to nothing: refunds, row 1"),
      remaining("17", "0.01", "0"),
    ],
    balances: {
      aggregation_total_coin_delta_minus: ["0", "4.99"],
      coin_balance_risk: ["46.09", "41.1"],
      coin_deposit_fee_loss: ["0.01", "0"],
      coin_refund_fee_revenue: ["0.01", "0"],
      coins_total_arithmetic_delta_minus: ["0", "4.99"],
      total_escrowed: ["11.33", "6.34"],
    },
  },
  {
    id: "F.2 #26",
    title: "a deposit goes to an account that its coin did not sign",
    base: "small-preagg",
    sql: `INSERT INTO exchange.wire_targets (payto_uri, wire_target_h_payto, h_normalized_payto)
        VALUES ('payto://x-taler-bank/localhost/other', ${OTHER}, ${OTHER});
      UPDATE exchange.batch_deposits SET wire_target_h_payto = ${OTHER}
        WHERE batch_deposit_serial_id = 1`,
    ...UNBOOKED,
  },
  {
    id: "F.2 #27",
    title: "a coin with another coin's denomination signature was paid out",
    base: "small-postagg",
    sql: `UPDATE exchange.known_coins SET denom_sig = (SELECT denom_sig FROM exchange.known_coins
        ORDER BY known_coin_id DESC LIMIT 1)
      WHERE coin_pub = (SELECT coin_pub FROM exchange.coin_deposits WHERE coin_deposit_serial_id = 1)`,
    ...PAID_OUT,
  },
  {
    id: "F.2 #29",
    title: "the fee for melting was raised later",
    base: "small-preagg",
    sql: "UPDATE exchange.denominations SET fee_refresh.frac = 5000000 WHERE (coin).val = 5",
    findings: [
      UNSIGNED_TERMS.five,
      forEach(MELTS, ({ row }) => [
        badSig("C-19", "melt", row!, "3.17"),
        badSum("C-25", "melt (cost)", row!, "3.12", "3.14"),
      ]),
    ],
    balances: {
      coin_irregular_loss: ["0", "171.18"], // 54 times 3.17
      coin_melt_fee_revenue: ["1.62", "2.7"],
      coins_total_arithmetic_delta_minus: ["0", "1.08"],
    },
  },
  {
    id: "F.2 #30",
    title: "the fee for depositing was raised, and the aggregator took it",
    base: "small-postagg",
    sql: `UPDATE exchange.denominations SET fee_deposit.frac = 5000000 WHERE (coin).val = 5;
      UPDATE exchange.wire_out w SET amount = ROW(cents / 100, cents % 100 * 1000000)::exchange.taler_amount
        FROM (SELECT wtid_raw, 95 * count(*) - 1 AS cents FROM exchange.aggregation_tracking GROUP BY 1) t
        WHERE t.wtid_raw = w.wtid_raw`,
    // the aggregated coins of a transfer less 0.01 are its amount: each coin of it is worth 0.04 less now
    bank: (h) =>
      h.debits.forEach((d) => {
        const { currency, atoms } = d.amount;
        d.amount = { currency, atoms: atoms - (atoms + 1000000n) / 99000000n * 4000000n };
      }),
    findings: [
      UNSIGNED_TERMS.five,
      forEach(DEPOSITS, ({ row }) => badSig("C-11", "deposit", row!, "1")),
    ],
    balances: {
      coin_deposit_fee_revenue: ["2", "0"],
      coin_irregular_loss: ["0", "200"],
      total_escrowed: ["796.22", "996.22"],
      total_wire_out: ["197.9", "189.9"],
    },
  },
  {
    id: "F.2 #31",
    title: "a coin with an unreadable denomination signature was paid out",
    base: "small-postagg",
    sql:
      `UPDATE exchange.known_coins SET denom_sig = decode('0000000100000000', 'hex') || decode(repeat('28', 300), 'hex')
      WHERE coin_pub = (SELECT coin_pub FROM exchange.coin_deposits WHERE coin_deposit_serial_id = 1)`,
    ...PAID_OUT,
  },
];

acceptanceTests(CASES);

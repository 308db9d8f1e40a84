// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The acceptance list, part F.2: untouched exchanges, fees and transfers. The reference's own database is not at hand;
 * recorded exchanges stand for it, so that amounts are theirs. support/acceptance_small.ts says what is in them.
 */
import { acceptanceTests, type Case, forEach, plainSql, UNSIGNED, type UntouchedCase } from "../support/acceptance.ts";
import { FIRST_TRANSFER, MISMATCH, remaining, TRANSFERS, WRONG_AMOUNT } from "../support/acceptance_small.ts";
import { badRow, badSum, badTransfer, unconfirmed } from "../support/expected_findings.ts";

/** Balances of the small datasets that are not zero, before the aggregator ran. */
const BEFORE_AGGREGATION = {
  coin_balance_risk: "1167.4", // 200 coins of 5, and 54 times 3.1 of change
  coin_deposit_fee_revenue: "2", // 200 at 0.01
  coin_melt_fee_revenue: "1.62", // 54 at 0.03
  reserves_reserve_total_balance: "18", // 40 times 25.5 less 5 times 5.01
  reserves_withdraw_fee_revenue: "2",
  total_amount_lag: "200",
  total_escrowed: "796.22", // the risk less 200 deposits of 1 and 54 melts of 3.17
  total_wire_in: "1020", // 40 times 25.5
};

const AFTER_AGGREGATION = {
  aggregation_total_wire_fee_revenue: "0.1", // ten transfers at 0.01
  ...BEFORE_AGGREGATION,
  total_wire_out: "197.9", // 200 less 2 of deposit fees less 0.1 of wire fees
};
const { total_amount_lag: _, ...AGGREGATED } = AFTER_AGGREGATION;

const UNTOUCHED: readonly UntouchedCase[] = [
  {
    id: "F.2 #0",
    title: "nothing is wrong after the aggregator",
    base: "small-postagg",
    findings: [UNSIGNED],
    balances: AGGREGATED,
  },
  {
    id: "F.2 #1",
    title: "nothing is wrong before the aggregator; deposits wait",
    base: "small-preagg",
    findings: [UNSIGNED],
    balances: BEFORE_AGGREGATION,
  },
  {
    id: "F.2 #32",
    title: "nothing is wrong after a profit drain",
    base: "small-drain",
    findings: [UNSIGNED],
    balances: { ...AGGREGATED, total_drained: "0.1" },
  },
  {
    id: "F.2 #0",
    title: "nothing is wrong where the auditor signed the denominations, with refunds and recoups",
    base: "auditor-api-rsa",
    findings: [],
    balances: {
      aggregation_total_wire_fee_revenue: "0.14",
      coin_balance_risk: "46.09", // 25 and 13 withdrawn, 3.1 of change, 5 less 0.01 refunded
      coin_deposit_fee_loss: "0.01",
      coin_deposit_fee_revenue: "0.17",
      coin_melt_fee_revenue: "0.03",
      coin_refund_fee_revenue: "0.01",
      reserves_reserve_total_balance: "9.5", // 42.18 and the recoups less 18 coins and their fees
      reserves_withdraw_fee_revenue: "0.18",
      total_amount_lag: "10.5", // three deposits whose time has not come
      total_escrowed: "11.33", // the risk less 31.59 of deposits and 3.17 of a melt
      total_recoup_loss: "5.5",
      total_wire_in: "42.18",
      total_wire_out: "20.81",
    },
  },
];

/** Coins with what the exchange stores as left of them, and what is left when their deposits and refunds are gone. */
const STORED = `SELECT * FROM (SELECT known_coin_id AS row, ${plainSql("remaining")} AS stored,
    trim_scale((coin).val + (coin).frac / 1e8::numeric
      - coalesce((SELECT sum((amount_with_fee).val + (amount_with_fee).frac / 1e8::numeric)
        FROM exchange.refresh_commitments WHERE old_coin_pub = coin_pub), 0)
      - coalesce((SELECT sum((amount).val + (amount).frac / 1e8::numeric)
        FROM exchange.recoup r WHERE r.coin_pub = k.coin_pub), 0))::text AS left
  FROM exchange.known_coins k JOIN exchange.denominations USING (denominations_serial)) x WHERE stored <> x.left`;

const CASES: readonly Case[] = [
  {
    id: "F.2 #14",
    title: "the wire fee is not the one that was signed",
    base: "small-postagg",
    sql: "UPDATE exchange.wire_fee SET wire_fee.frac = 100 WHERE wire_fee_serial = 1",
    // 0.000001 is rounded up to the same cent, so that the amounts of the transfers are right all the same
    findings: [badRow("A-18", "wire-fee", FIRST_TRANSFER, "wire fee signature invalid at given time")],
    balances: {},
  },
  {
    id: "F.2 #23a",
    title: "a transfer is booked a cent too low",
    base: "small-postagg",
    sql: "UPDATE exchange.wire_out SET amount.frac = (amount).frac - 1000000 WHERE wireout_uuid = 1",
    findings: [
      badTransfer("A-23", 1, "11.87", "11.86", MISMATCH),
      badTransfer("WD-4", 1, "11.86", "11.87", WRONG_AMOUNT),
    ],
    balances: {
      aggregation_total_wire_out_delta_minus: ["0", "0.01"],
      total_bad_amount_out_plus: ["0", "0.01"],
      total_wire_out: ["197.9", "197.89"],
    },
  },
  {
    id: "F.2 #23b",
    title: "a transfer is booked a cent too high",
    base: "small-postagg",
    sql: "UPDATE exchange.wire_out SET amount.frac = (amount).frac + 1000000 WHERE wireout_uuid = 1",
    findings: [
      badTransfer("A-23", 1, "11.87", "11.88", MISMATCH),
      badTransfer("WD-4", 1, "11.88", "11.87", WRONG_AMOUNT),
    ],
    balances: {
      aggregation_total_wire_out_delta_plus: ["0", "0.01"],
      total_bad_amount_out_minus: ["0", "0.01"],
      total_wire_out: ["197.9", "197.91"],
    },
  },
  {
    id: "F.2 #24",
    title: "all deposits are deleted, and the auditor has the merchants' confirmations",
    base: "auditor-api-rsa",
    sql: "DELETE FROM exchange.batch_deposits",
    findings: [
      forEach(
        "SELECT row_id AS row FROM auditor.auditor_deposit_confirmations",
        ({ row }) => unconfirmed("DC-1", row!, "missed", "coin 1 of 1 was not deposited"),
      ),
      forEach(TRANSFERS, ({ row, amount }) => [
        badSum("A-22", "wire out (fee structure)", row!, "0", "0.01"),
        badTransfer("A-23", row!, "0", amount!, MISMATCH),
      ]),
      forEach(
        `SELECT coin_history_serial_id AS row, table_name || ', row ' || serial_id AS entry FROM exchange.coin_history
          WHERE table_name IN ('coin_deposits', 'refunds')`,
        ({ row, entry }) => badRow("X-8", "coin_history", row!, `history entry points to nothing: ${entry}`),
      ),
      forEach(STORED, ({ row, stored, left }) => remaining(row!, stored!, left!)),
    ],
    balances: {
      aggregation_total_arithmetic_delta_plus: ["0", "0.14"], // 14 wire fees that nothing pays for
      aggregation_total_wire_fee_revenue: ["0.14", "0"],
      aggregation_total_wire_out_delta_plus: ["0", "20.81"], // all that was transferred
      coin_balance_risk: ["46.09", "41.1"], // 25 and 13 withdrawn, 3.1 of change; no refund of 5 less 0.01 any more
      coin_deposit_fee_loss: ["0.01", "0"],
      coin_deposit_fee_revenue: ["0.17", "0"],
      coin_refund_fee_revenue: ["0.01", "0"],
      total_amount_lag: ["10.5", "0"],
      total_escrowed: ["11.33", "37.93"], // 31.59 of deposits less 4.99 of refunds more
      total_missed_deposit_confirmations: ["0", "31.42"], // 31.59 less 17 fees of 0.01
    },
  },
];

acceptanceTests(CASES, UNTOUCHED);

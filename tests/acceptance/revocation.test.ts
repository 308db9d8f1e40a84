// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The acceptance list, part F.3: revoked denominations. In `revocation-rsa` two coins of 5 were withdrawn. One paid 1,
 * was melted with 3.17, and got 3 back when three coins of its change were recouped; it was melted with 0.14 and got
 * 0.1 back; the last 3.79 of it were recouped to the reserve. The other coin paid 5.
 */
import { acceptanceTests, type Case, UNSIGNED, type UntouchedCase } from "../support/acceptance.ts";
import { badRow, badSig, badSum, reserveWrong } from "../support/expected_findings.ts";

const UNTOUCHED: readonly UntouchedCase[] = [{
  id: "F.3 R1",
  title: "nothing is wrong before the aggregator",
  base: "revocation-rsa",
  findings: [UNSIGNED],
  balances: {
    coin_balance_risk: "13.2", // 10 withdrawn, 3.2 of change
    coin_deposit_fee_revenue: "0.02",
    coin_melt_fee_revenue: "0.06",
    reserves_reserve_total_balance: "3.79",
    reserves_withdraw_fee_revenue: "0.02",
    total_amount_lag: "6",
    total_escrowed: "3.89", // 13.2 less 6 of deposits less 3.31 of melts
    total_recoup_loss: "6.89", // 3.1 of change and 3.79
    total_wire_in: "10.02",
  },
}];

/** The subject of the aggregator's transfer. */
const SUBJECT = new Uint8Array(32).fill(0x42);

/** What the aggregator does: both deposits in one transfer, less 0.01 each, less 0.01 for the transfer. */
const AGGREGATOR = `
  INSERT INTO exchange.wire_out (execution_date, wtid_raw, wire_target_h_payto, exchange_account_section, amount)
    SELECT 1795314729000000, '\\x${SUBJECT.toHex()}', wire_target_h_payto, 'exchange-account-2',
      ROW(5, 97000000)::exchange.taler_amount FROM exchange.batch_deposits WHERE batch_deposit_serial_id = 1;
  INSERT INTO exchange.aggregation_tracking (batch_deposit_serial_id, wtid_raw)
    SELECT batch_deposit_serial_id, '\\x${SUBJECT.toHex()}' FROM exchange.batch_deposits`;

const CASES: readonly Case[] = [
  {
    id: "F.3 R0",
    title: "nothing is wrong after the aggregator",
    base: "revocation-rsa",
    sql: AGGREGATOR,
    bank: ({ credits, debits }) =>
      debits.push({
        account: "exchange-account-2",
        rowId: 3n,
        date: 1795314729000000n,
        amount: { currency: "EUR", atoms: 5_97000000n },
        wtid: SUBJECT,
        exchangeBaseUrl: "http://localhost:8081/",
        creditAccount: credits[0]!.debitAccount,
      }),
    findings: [],
    balances: {
      aggregation_total_arithmetic_delta_minus: ["absent", "0"],
      aggregation_total_arithmetic_delta_plus: ["absent", "0"],
      aggregation_total_bad_sig_loss: ["absent", "0"],
      aggregation_total_coin_delta_minus: ["absent", "0"],
      aggregation_total_coin_delta_plus: ["absent", "0"],
      aggregation_total_wire_fee_revenue: ["absent", "0.01"],
      aggregation_total_wire_out_delta_minus: ["absent", "0"],
      aggregation_total_wire_out_delta_plus: ["absent", "0"],
      total_amount_lag: ["6", "0"],
      total_wire_out: ["0", "5.97"],
    },
  },
  {
    id: "F.3 R2",
    title: "more is recouped than was left of the coin",
    base: "revocation-rsa",
    sql: "UPDATE exchange.recoup SET amount.val = 5 WHERE recoup_uuid = 1",
    findings: [
      ...reserveWrong("3.79", "5.79"),
      // 1, 3.17, 0.14 and 5.79 of a coin of 5 that got 3.1 back
      badSum("C-4", "deposit", 1, "10.1", "8.1"),
    ],
    balances: {
      coins_total_arithmetic_delta_minus: ["0", "2"],
      reserves_reserve_total_balance: ["3.79", "5.79"],
      total_balance_summary_delta_plus: ["0", "2"],
      total_recoup_loss: ["6.89", "8.89"],
    },
  },
  {
    id: "F.3 R3",
    title: "more of a refreshed coin is recouped than it is worth",
    because: "the coin is of 1, so that 4 of the 5 are too much; what is stored of the old coin tells as well (X-16)",
    base: "revocation-rsa",
    sql: "UPDATE exchange.recoup_refresh SET amount.val = 5 WHERE recoup_refresh_uuid = 1",
    findings: [
      badSum("C-4", "recoup-refresh", 1, "5", "1"),
      badRow("X-16", "known_coins", 1, "remaining value of the coin is stored as EUR:0, its history leaves EUR:4"),
    ],
    balances: {
      coins_total_arithmetic_delta_minus: ["0", "4"],
      total_recoup_loss: ["6.89", "10.89"],
    },
  },
  {
    id: "F.3 R4",
    title: "the revocations are deleted",
    base: "revocation-rsa",
    sql: "DELETE FROM exchange.denomination_revocations",
    findings: [
      badSig("C-31", "recoup", 1, "3.79"),
      ...["1", "1", "1", "0.1"].map((loss, i) => badSig("C-31", "recoup-refresh", i + 1, loss)),
      badRow("R-6", "recoup", 1, "denomination key not in revocation set"),
    ],
    balances: { coin_irregular_loss: ["0", "6.89"], reserves_reserve_loss: ["0", "3.79"] },
  },
];

acceptanceTests(CASES, UNTOUCHED);

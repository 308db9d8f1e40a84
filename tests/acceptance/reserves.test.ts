// SPDX-License-Identifier: AGPL-3.0-or-later
/** The acceptance list, part F.2: credits, withdrawals and closed reserves. */
import { acceptanceTests, type Case, forEach, type Step } from "../support/acceptance.ts";
import {
  DEPOSITS,
  FIRST_TRANSFER,
  FORGED,
  MELTS,
  missing,
  TRANSFERS,
  UNSIGNED_TERMS,
  WITHDRAWALS,
  WRONG_AMOUNT,
} from "../support/acceptance_small.ts";
import type { RecordedHistory } from "../support/bank-golden.ts";
import {
  badCredit,
  badRow,
  badSig,
  badSum,
  badTransfer,
  closureLag,
  emergency,
  emergencyByCount,
  minor,
  notClosed,
  reserveShort,
  reserveWrong,
  withdrawnTooLate,
} from "../support/expected_findings.ts";

const ORIGIN = "payto://x-taler-bank/localhost/42?receiver-name=42";

/** Makes reserve 1 older by five weeks and richer, as its credit; what the bank says stays. */
const older = (more: number, expired: boolean) => `
  UPDATE exchange.reserves_in SET execution_date = execution_date - 3024000000000, credit.val = (credit).val + ${more}
    WHERE reserve_in_serial_id = 1;
  UPDATE exchange.reserves SET current_balance.val = (current_balance).val + ${more}
      ${expired ? ", expiration_date = expiration_date - 3024000000000" : ""}
    WHERE reserve_pub = (SELECT reserve_pub FROM exchange.reserves_in WHERE reserve_in_serial_id = 1);`;

/** What the exchange's closer does with reserve 1: it pays out all but the fee of 0.01. */
const CLOSER = `
  INSERT INTO exchange.reserves_close (reserve_pub, execution_date, wtid, wire_target_h_payto, amount, closing_fee)
    SELECT i.reserve_pub, ${FIRST_TRANSFER}, i.reserve_pub, i.wire_source_h_payto, r.current_balance,
      ROW(0, 1000000)::exchange.taler_amount
    FROM exchange.reserves_in i JOIN exchange.reserves r USING (reserve_pub) WHERE i.reserve_in_serial_id = 1;
  UPDATE exchange.reserves SET current_balance = (0, 0)
    WHERE reserve_pub = (SELECT reserve_pub FROM exchange.reserves_close);`;

const OLDER_CREDIT = [
  badCredit("WC-3", 1, "26.5", "25.5", WRONG_AMOUNT),
  minor("WC-5", "reserves_in", 1, "execution date mismatch"),
];

/** Reserve 1 was closed with 1.45, of which 1.44 are to be paid; the bank got 1 less than was booked. */
const CLOSED: Step["balances"] = {
  reserves_close_fee_revenue: ["0", "0.01"],
  reserves_reserve_total_balance: ["18", "17.55"],
  total_bad_amount_in_minus: ["0", "1"],
  total_wire_in: ["1020", "1021"],
};

/** The exchange pays the reserve of the bank's first credit out. */
function payClosure({ debits, credits }: RecordedHistory, atoms: bigint): void {
  const { subject, debitAccount } = credits[0]!;
  const { rowId, amount: { currency } } = debits.at(-1)!;
  const date = FIRST_TRANSFER;
  debits.push({
    ...debits[0]!,
    rowId: rowId + 1n,
    date,
    wtid: subject,
    amount: { currency, atoms },
    creditAccount: debitAccount,
  });
}

const CASES: readonly Case[] = [
  {
    id: "F.2 #2",
    title: "a credit is booked too low",
    because: "the reserve spent 25.05 of it: with 5.5 it is overdrawn by 19.55, and 18 less 0.45 cannot cover that",
    base: "small-preagg",
    sql: "UPDATE exchange.reserves_in SET credit.val = 5 WHERE reserve_in_serial_id = 1",
    findings: [
      badCredit("WC-3", 1, "5.5", "25.5", WRONG_AMOUNT),
      reserveShort("R-16", false, "19.55"),
      ...reserveWrong("0.45", "0"),
      // reserves are added up in the order of their keys: 13 are before this one
      badSum("R-21", "global escrow balance", 0, "11.35", "25.05", false),
    ],
    balances: {
      reserves_reserve_loss: ["0", "19.55"],
      reserves_reserve_total_balance: ["18", "11.7"], // 26 of 0.45 come after it
      total_bad_amount_in_plus: ["0", "20"],
      total_balance_summary_delta_minus: ["0", "0.45"],
      total_wire_in: ["1020", "1000"],
    },
  },
  {
    id: "F.2 #2",
    title: "a credit is booked too low, but covers what the reserve spent",
    base: "small-preagg",
    sql: "UPDATE exchange.reserves_in SET credit = (25, 10000000) WHERE reserve_in_serial_id = 1",
    findings: [badCredit("WC-3", 1, "25.1", "25.5", WRONG_AMOUNT), ...reserveWrong("0.45", "0.05")],
    balances: {
      reserves_reserve_total_balance: ["18", "17.6"],
      total_bad_amount_in_plus: ["0", "0.4"],
      total_balance_summary_delta_minus: ["0", "0.4"],
      total_wire_in: ["1020", "1019.6"],
    },
  },
  {
    id: "F.2 #3",
    title: "a credit is booked too high",
    base: "small-preagg",
    sql: "UPDATE exchange.reserves_in SET credit.val = 30 WHERE reserve_in_serial_id = 1",
    findings: [badCredit("WC-3", 1, "30.5", "25.5", WRONG_AMOUNT), ...reserveWrong("0.45", "5.45")],
    balances: {
      reserves_reserve_total_balance: ["18", "23"],
      total_bad_amount_in_minus: ["0", "5"],
      total_balance_summary_delta_plus: ["0", "5"],
      total_wire_in: ["1020", "1025"],
    },
  },
  {
    id: "F.2 #7",
    title: "a reserve's signature on a withdrawal is wrong",
    base: "small-preagg",
    sql: `UPDATE exchange.reserves_out SET reserve_sig = ${FORGED} WHERE reserve_out_serial_id = 1`,
    // the reserve is not debited: 0.45 and 5.01
    findings: [badSig("R-3", "withdraw", 1, "5.01"), ...reserveWrong("0.45", "5.46")],
    balances: {
      reserves_reserve_total_balance: ["18", "23.01"],
      reserves_total_bad_sig_loss: ["0", "5.01"],
      reserves_withdraw_fee_revenue: ["2", "1.99"],
      total_balance_summary_delta_plus: ["0", "5.01"],
    },
  },
  {
    id: "F.2 #18",
    title: "all withdrawals are deleted",
    base: "small-preagg",
    sql: "DELETE FROM exchange.reserves_out",
    findings: [
      emergencyByCount("5", 0, 200, "0"),
      emergency("5", "0", "371.18"), // 200 deposits of 1 and 54 melts of 3.17 of coins that nobody withdrew
      // the 167.4 of change cover 167 deposits (D-16); what comes after them is not covered
      forEach(
        `${DEPOSITS} WHERE coin_deposit_serial_id > 167`,
        ({ row }) => badSum("C-22", "subtracting amount from escrow balance", row!, "0.4", "1", false),
      ),
      forEach(MELTS, ({ row }) => badSum("C-22", "subtracting amount from escrow balance", row!, "0.4", "3.17", false)),
      forEach("SELECT FROM exchange.reserves", () => reserveWrong("0.45", "25.5")),
    ],
    balances: {
      coin_balance_risk: ["1167.4", "167.4"],
      coins_emergencies_loss: ["0", "371.18"],
      coins_emergencies_loss_by_count: ["0", "1000"], // 200 coins of 5
      reserves_reserve_total_balance: ["18", "1020"],
      reserves_withdraw_fee_revenue: ["2", "0"],
      total_balance_summary_delta_plus: ["0", "1002"], // 40 times 25.05
      total_escrowed: ["796.22", "0.4"],
    },
  },
  {
    id: "F.2 #19",
    title: "an old reserve is closed as it has to be",
    because: "the credit was changed after the bank made it, which WC-3 and WC-5 say",
    base: "small-postagg",
    sql: older(1, true) + CLOSER,
    bank: (h) => payClosure(h, 1_44000000n),
    findings: OLDER_CREDIT,
    balances: CLOSED,
  },
  {
    id: "F.2 #20",
    title: "an old reserve is not closed",
    base: "small-preagg",
    sql: older(100, false),
    findings: [
      badCredit("WC-3", 1, "125.5", "25.5", WRONG_AMOUNT),
      minor("WC-5", "reserves_in", 1, "execution date mismatch"),
      notClosed("R-19", "100.45", ORIGIN),
    ],
    balances: {
      reserves_reserve_total_balance: ["18", "118"],
      total_bad_amount_in_minus: ["0", "100"],
      total_balance_reserve_not_closed: ["0", "100.45"],
      total_wire_in: ["1020", "1120"],
    },
  },
  {
    id: "F.2 #21",
    title: "an old reserve is closed, and the bank knows of no outgoing transfer",
    base: "small-postagg",
    sql: older(1, true) + CLOSER,
    bank: (h) => h.debits.length = 0,
    findings: [
      ...OLDER_CREDIT,
      closureLag(1, "1.44"),
      forEach(
        TRANSFERS,
        ({ row, amount, wtid }) => badTransfer("WD-2", row!, amount!, "0", missing(wtid!)),
      ),
    ],
    balances: {
      ...CLOSED,
      total_bad_amount_out_minus: ["0", "197.9"],
      total_closure_amount_lag: ["0", "1.44"],
    },
  },
  {
    id: "F.2 #22",
    title: "coins were withdrawn after the end of their denomination",
    base: "small-preagg",
    sql: "UPDATE exchange.denominations SET expire_withdraw = valid_from WHERE (coin).val = 5",
    findings: [
      UNSIGNED_TERMS.five,
      forEach(WITHDRAWALS, ({ row }) => withdrawnTooLate(row!)),
    ],
    balances: {},
  },
  {
    id: "F.2 #28",
    title: "the fee for withdrawing was raised later",
    because: "coins of 5 are withdrawn here and those of 1 only come as change; both fees are raised",
    base: "small-preagg",
    sql: "UPDATE exchange.denominations SET fee_withdraw.frac = 5000000 WHERE (coin).val IN (1, 5)",
    findings: [
      UNSIGNED_TERMS.one,
      UNSIGNED_TERMS.five,
      forEach(
        WITHDRAWALS,
        ({ row }) =>
          badRow("R-4", "withdraw", row!, "amount with fee from exchange does not match denomination value plus fee"),
      ),
      forEach("SELECT FROM exchange.reserves", () => reserveWrong("0.45", "0.25")), // 25.5 less 5 times 5.05
      // 3.17 less 0.03 against three coins of 1.05 and one of 0.11
      forEach(MELTS, ({ row }) => badSum("C-25", "melt (cost)", row!, "3.14", "3.26")),
    ],
    balances: {
      coins_total_arithmetic_delta_minus: ["0", "6.48"], // 54 times 0.12
      reserves_reserve_total_balance: ["18", "10"],
      reserves_withdraw_fee_revenue: ["2", "10"],
      total_balance_summary_delta_minus: ["0", "8"],
    },
  },
];

acceptanceTests(CASES);

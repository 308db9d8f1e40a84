// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The acceptance list, part F.5: purses and deposit confirmations, with all passes. In `p2p-rsa` one coin of 5 paid
 * into purses; the second purse (0.99, from a deposit of 1) and the third (1, from 1.01) were merged. list.test.ts
 * names the stories of purses and confirmations that are told elsewhere.
 */
import { acceptanceTests, type Case, type Step } from "../support/acceptance.ts";
import { FORGED, remaining } from "../support/acceptance_small.ts";
import { badRow, badSig, badSum, purseNotClosed, unconfirmed } from "../support/expected_findings.ts";
import { DAY } from "../../core/taler/time.ts";

const PURSES: readonly Case[] = [
  {
    id: "F.5 purses signatures",
    title: "the signature on a purse is wrong",
    base: "p2p-rsa",
    sql: `UPDATE exchange.purse_requests SET purse_sig = ${FORGED} WHERE purse_requests_serial_id = 3`,
    findings: [badSig("PU-1", "purse-request", 3, "1")],
    balances: { purse_total_bad_sig_loss: ["0", "1"] },
  },
  {
    id: "F.5 purses signatures",
    title: "the signature on a merge is wrong",
    base: "p2p-rsa",
    sql: `UPDATE exchange.purse_merges SET merge_sig = ${FORGED} WHERE purse_merge_request_serial_id = 1`,
    findings: [badSig("PU-2", "merge-purse", 1, "0.99")],
    balances: { purse_total_bad_sig_loss: ["0", "0.99"] },
  },
  {
    id: "F.5 purses signatures",
    title: "a coin's signature on its deposit is wrong, so that the merge was not paid for",
    because: "the pass coins reports the same deposit",
    base: "p2p-rsa",
    sql: `UPDATE exchange.purse_deposits SET coin_sig = ${FORGED} WHERE purse_deposit_serial_id = 2`,
    findings: [
      badSig("C-13", "purse-deposit", 2, "1"),
      badSig("PU-5", "purse-deposit", 2, "1"),
      badSum("PU-13", "purse-decision: merge", 2, "0.99", "0", false),
      badSum("PU-R8", "purse-balance", 2, "0.99", "0", false),
    ],
    balances: {
      coin_deposit_fee_revenue: ["0.05", "0.04"],
      coin_irregular_loss: ["0", "1"],
      purse_total_bad_sig_loss: ["0", "1"],
      purse_total_balance_insufficient_loss: ["0", "0.99"],
      purse_total_balance_insufficient_shortfall: ["0", "0.99"],
      total_escrowed: ["1.95", "2.95"],
    },
  },
  {
    id: "F.5 purses signatures",
    title: "a reserve's consent to a merge is not signed",
    because:
      "the pass reserves reports the fee of zero, and the pass purses that the money moved without consent (PU-R1)",
    base: "p2p-rsa",
    sql: `UPDATE exchange.account_merges SET reserve_sig = ${FORGED} WHERE account_merge_request_serial_id = 1`,
    findings: [
      badSig("R-15", "account-merge", 1, "0"),
      badSig("PU-7", "account-merge", 1, "0"),
      badSig("PU-R1", "account-merge", 2, "0.99"),
    ],
    balances: { purse_total_bad_sig_loss: ["0", "0.99"] },
  },
  {
    id: "F.5 purses unfunded merge",
    title: "the deposit of a merged purse is deleted",
    because: "the history of the coin (X-8) and what is stored as left of it (X-16) tell as well",
    base: "p2p-rsa",
    sql: "DELETE FROM exchange.purse_deposits WHERE purse_deposit_serial_id = 3",
    findings: [
      badSum("PU-13", "purse-decision: merge", 3, "1", "0", false),
      badSum("PU-R8", "purse-balance", 3, "1", "0", false),
      badRow("X-8", "coin_history", 4, "history entry points to nothing: purse_deposits, row 3"),
      remaining("1", "0.98", "1.99"),
    ],
    balances: {
      coin_deposit_fee_revenue: ["0.05", "0.04"],
      purse_total_balance_insufficient_loss: ["0", "1"],
      purse_total_balance_insufficient_shortfall: ["0", "1"],
      total_escrowed: ["1.95", "2.96"],
    },
  },
  {
    id: "F.5 purses expiry",
    title: "of four purses that expired long ago, the one with money in it is decided",
    base: "p2p-rsa",
    sql: `INSERT INTO exchange.purse_decision (purse_pub, action_timestamp, refunded)
        SELECT purse_pub, 1795314661000000, true FROM exchange.purse_requests WHERE purse_requests_serial_id = 8;
      UPDATE exchange.known_coins SET remaining = (2, 99000000) WHERE known_coin_id = 1`,
    later: 5n * DAY,
    findings: [],
    gone: [purseNotClosed("2")],
    balances: {
      // 6 withdrawn and 2.03 refunded before; the coin gets 2.01 back, and the fee is waived
      coin_balance_risk: ["8.03", "10.04"],
      coin_deposit_fee_loss: ["0.02", "0.03"],
      purse_global_balance: ["2", "0"],
      purse_total_balance_purse_not_closed: ["2", "0"],
      purse_total_delayed_decisions: ["2", "0"],
      total_escrowed: ["1.95", "3.96"],
    },
  },
];

/** In `auditor-api-rsa` the last deposit is of 0.5; the merchant has a confirmation over 0.49. */
const LAST_CONFIRMED: Step["balances"] = {
  coin_deposit_fee_revenue: ["0.17", "0.16"],
  coin_irregular_loss: ["0", "0.5"],
  total_escrowed: ["11.33", "11.83"],
  total_missed_deposit_confirmations: ["0", "0.49"],
};

const CONFIRMATIONS: readonly Case[] = [
  {
    id: "F.5 deposits fields",
    title: "the merchant's account is not the confirmed one",
    base: "auditor-api-rsa",
    sql: `UPDATE exchange.batch_deposits SET wire_salt = decode(repeat('11', 16), 'hex')
      WHERE batch_deposit_serial_id = 17`,
    findings: [
      badSig("C-11", "deposit", 17, "0.5"),
      unconfirmed("DC-1", 18, "missed", "coin 1 of 1: wire account differs"),
    ],
    balances: LAST_CONFIRMED,
  },
  {
    id: "F.5 deposits fields",
    title: "the refund deadline is not the confirmed one",
    base: "auditor-api-rsa",
    sql: `UPDATE exchange.batch_deposits SET refund_deadline = refund_deadline - 1000000
      WHERE batch_deposit_serial_id = 17`,
    findings: [
      badSig("C-11", "deposit", 17, "0.5"),
      unconfirmed("DC-1", 18, "missed", "coin 1 of 1: refund deadline differs"),
    ],
    balances: LAST_CONFIRMED,
  },
  {
    id: "F.5 deposits fields",
    title: "the amount is not the confirmed one",
    because: "what is stored as left of the coin tells as well (X-16)",
    base: "auditor-api-rsa",
    sql: "UPDATE exchange.coin_deposits SET amount_with_fee = (0, 40000000) WHERE coin_deposit_serial_id = 17",
    findings: [
      badSig("C-11", "deposit", 17, "0.4"),
      remaining("20", "0", "0.1"),
      unconfirmed("DC-R1", 18, "missed", "the deposits come to EUR:0.39 without fees"),
    ],
    balances: {
      ...LAST_CONFIRMED,
      coin_irregular_loss: ["0", "0.4"],
      total_amount_lag: ["10.5", "10.4"],
    },
  },
];

acceptanceTests([...PURSES, ...CONFIRMATIONS]);

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * THE TABLE: where our results on the golden datasets differ from the reference's, and why that is right.
 *
 * Each difference has the number of the rule that makes it right: `D-n` is a deliberate deviation, `X-n` an additional
 * check (audit chapter 5), `R-21` the order of reserves that the reference leaves to chance. The tests accept exactly
 * these differences, with these counts and values: one more is a failure, and so is one less.
 */
import { balance, differs, type Explanation, type Line, ours, theirs } from "./explain.ts";

/** How often each check reported something, by check number. */
export type Checks = Readonly<Record<string, number>>;

/** What is expected of an untouched dataset. */
export interface DatasetEntry {
  /** Everything the three passes report with internal checks, checks that agree with the reference included. */
  checks: Checks;
  differences: readonly Explanation[];
}

const UNSIGNED = "denominations that this auditor did not sign; the reference only writes a log line";
const ORDER = "the reference books spends before the issuance and the refunds of the same run, and so raises a false " +
  "emergency; nothing is missing when the run is over";

/** denominations without this auditor's signature. */
function unsigned(count: number): Explanation {
  return { rule: "X-1", because: UNSIGNED, lines: [ours(count, "denominations_without_sigs")] };
}

/** D-26: the reference complains of every coin that was deposited twice, whatever the contract. */
function splitCoins(count: number): Explanation {
  return {
    rule: "D-26",
    because: "coins deposited for two different contracts, which is what change is for",
    lines: [theirs(count, "row_inconsistency", {
      row_table: "deposits",
      diagnostic: "multiple deposits of the same coin into the same contract detected",
    })],
  };
}

/** D-8: the reference verifies recoups of refreshed coins with the wrong purpose. */
function recoupPurpose(count: number): Explanation {
  return {
    rule: "D-8",
    because: "every valid recoup of a refreshed coin is called badly signed, being verified with another purpose",
    lines: [theirs(count, "row_inconsistency", {
      row_table: "recoup-refresh",
      diagnostic: "recoup signature invalid",
    })],
  };
}

/** D-16: false emergencies; each group is `count` denominations of a value with their balances, ours first. */
function falseEmergencies(
  losses: string,
  risks: string,
  ...groups: { count: number; value: string; risk: string; loss: string; balance: readonly [string, string] }[]
): Explanation {
  return {
    rule: "D-16",
    because: ORDER,
    lines: [
      balance("coins_emergencies_loss", "0", losses),
      balance("coins_reported_emergency_risk_by_amount", "0", risks),
      ...groups.flatMap((g): Line[] => [
        theirs(g.count, "emergency", { value: g.value, denom_risk: g.risk, denom_loss: g.loss }),
        differs(g.count, "denomination_pending", { denom_risk: g.risk }, {
          denom_balance: g.balance,
          denom_loss: ["0", g.loss],
        }),
      ]),
    ],
  };
}

/** The three datasets of the exchange's test program for all operations differ in keys and times alone. */
const EXCHANGE_API: DatasetEntry = {
  checks: { "X-1": 40, "C-20": 8 },
  differences: [
    unsigned(40),
    recoupPurpose(1),
    splitCoins(3),
    {
      rule: "D-14",
      because:
        "a deposit of 5 was refunded by 3 and 2, which gives its fee back to the coin; the reference sees a full " +
        "refund only in a single one, and A-13 does not know of the fee that C-4 allows",
      lines: [
        balance("coin_deposit_fee_loss", "0.02", "0.01"),
        balance("aggregation_total_coin_delta_minus", "0", "0.01"),
        theirs(1, "coin_inconsistency", { operation: "spend", exchange_amount: "5.01", auditor_amount: "5" }),
      ],
    },
    falseEmergencies(
      "1.2",
      "3.2",
      { count: 2, value: "0.1", risk: "0.1", loss: "0.1", balance: ["0", "0.1"] },
      { count: 1, value: "1", risk: "3", loss: "1", balance: ["2", "3"] },
    ),
  ],
};

const SMALL: DatasetEntry = { checks: { "X-1": 5 }, differences: [unsigned(5)] };

/** X-4 in `age-restriction-rsa`; escrow and balance of the denomination depend on what else is wrong. */
function ageWithdrawals(escrow: readonly [string, string], denomination: readonly [string, string]): Explanation[] {
  return [{
    rule: "X-4",
    because: "a withdrawal of 3 coins with age restriction, 25 and 0.03 of fees, which the reference does not audit",
    lines: [
      balance("coin_balance_risk", "38.1", "13.1"),
      balance("total_escrowed", ...escrow),
      balance("reserves_reserve_total_balance", "6.99", "32.02"),
      balance("reserves_withdraw_fee_revenue", "0.05", "0.02"),
      ours(1, "denomination_pending", { denom_risk: "20", num_issued: "2", denom_balance: "20" }),
      differs(1, "denomination_pending", {}, {
        denom_balance: denomination,
        denom_risk: ["15", "10"],
        num_issued: ["3", "2"],
      }),
      differs(1, "reserves", {}, { reserve_balance: ["4.99", "30.02"], withdraw_fee_balance: ["0.03", "0"] }),
    ],
  }, {
    rule: "X-4",
    because: "hence the exchange's idea of that reserve looks wrong to the reference",
    only: "internal",
    lines: [
      balance("total_balance_summary_delta_plus", "0", "25.03"),
      theirs(1, "reserve_balance_insufficient_inconsistency", {
        inconsistency_gain: "true",
        inconsistency_amount: "30.02",
      }),
      theirs(1, "reserve_balance_summary_wrong_inconsistency", { auditor_amount: "30.02", exchange_amount: "4.99" }),
    ],
  }];
}

/** X-3 in `p2p-rsa`; 2.01 of the difference in escrow are D-16's. */
function reserveOpen(escrow: readonly [string, string], ...lines: Line[]): Explanation {
  return {
    rule: "X-3",
    because: "a coin contributes 0.03 to keep a reserve open, which the reference does not audit",
    lines: [balance("total_escrowed", ...escrow), ...lines],
  };
}

const P2P: readonly Explanation[] = [
  unsigned(40),
  falseEmergencies("2.01", "7.03", { count: 1, value: "5", risk: "7.03", loss: "2.01", balance: ["0.98", "2.99"] }),
  {
    rule: "D-16",
    because: ORDER,
    lines: [theirs(1, "amount_arithmetic_inconsistency", {
      operation: "subtracting amount from escrow balance",
      problem_row_id: "8",
      exchange_amount: "1.96",
      auditor_amount: "2.01",
    })],
  },
  reserveOpen(
    ["1.95", "3.99"],
    differs(1, "denomination_pending", { denom_risk: "1" }, { denom_balance: ["0.97", "1"] }),
  ),
  {
    rule: "D-10",
    because: "without -i only the original program was run, whose reserves pass dies of the close on request (R-11)",
    only: "plain",
    lines: [
      ours(1, "bad_sig_losses", { operation: "close-request", loss: "1.03", problem_row_id: "1" }),
      ...Object.entries({
        reserves_reserve_total_balance: "7.07",
        reserves_reserve_loss: "0",
        reserves_withdraw_fee_revenue: "0.02",
        reserves_close_fee_revenue: "0.01",
        reserves_purse_fee_revenue: "0",
        reserves_open_fee_revenue: "0",
        reserves_history_fee_revenue: "0",
        reserves_total_bad_sig_loss: "1.03",
        total_balance_reserve_not_closed: "0",
        reserves_total_arithmetic_delta_plus: "0",
        reserves_total_arithmetic_delta_minus: "0",
        total_balance_summary_delta_plus: "0",
        total_balance_summary_delta_minus: "0",
      }).map(([balance_key, balance_value]) => ours(1, "balances", { balance_key, balance_value })),
      ...Object.entries({
        reserves_reserve_in_serial_id: "5",
        reserves_reserve_out_serial_id: "3",
        reserves_reserve_recoup_serial_id: "0",
        reserves_reserve_open_serial_id: "0",
        reserves_reserve_close_serial_id: "2",
        reserves_purse_decisions_serial_id: "4",
        reserves_account_merges_serial_id: "7",
        reserves_history_requests_serial_id: "0",
      }).map(([progress_key, progress_offset]) => ours(1, "progress", { progress_key, progress_offset })),
      ours(1, "reserves", { reserve_balance: "5.01", withdraw_fee_balance: "0", close_fee_balance: "0" }),
      ours(1, "reserves", { reserve_balance: "2.02", withdraw_fee_balance: "0.01", close_fee_balance: "0" }),
      ours(1, "reserves", { reserve_balance: "0.03", withdraw_fee_balance: "0.01", close_fee_balance: "0" }),
      ours(1, "reserves", { reserve_balance: "0.01", withdraw_fee_balance: "0", close_fee_balance: "0.01" }),
    ],
  },
];

/** The untouched datasets. */
export const DATASETS: Readonly<Record<string, DatasetEntry>> = {
  "age-restriction-rsa": {
    checks: { "X-1": 40 },
    differences: [
      unsigned(40),
      falseEmergencies(
        "1.1",
        "3.1",
        { count: 1, value: "0.1", risk: "0.1", loss: "0.1", balance: ["0", "0.1"] },
        { count: 1, value: "1", risk: "3", loss: "1", balance: ["2", "3"] },
      ),
      ...ageWithdrawals(["27.84", "2.84"], ["5.84", "0.84"]),
    ],
  },
  "auditor-api-rsa": {
    checks: {},
    differences: [
      splitCoins(1),
      falseEmergencies("0.1", "0.1", { count: 1, value: "0.1", risk: "0.1", loss: "0.1", balance: ["0", "0.1"] }),
    ],
  },
  "bench-mid": SMALL,
  "conflicts-rsa": { checks: { "X-1": 40 }, differences: [unsigned(40)] },
  "exchange-api-cs": EXCHANGE_API,
  "exchange-api-rsa": EXCHANGE_API,
  "exchange-api-wired-rsa": EXCHANGE_API,
  kyc: {
    checks: { "X-1": 40 },
    differences: [unsigned(40), {
      rule: "X-4",
      because: "a withdrawal of one coin of 5 with age restriction and 0.01 of fee, which the reference does not audit",
      lines: [
        balance("coin_balance_risk", "15", "10"),
        balance("total_escrowed", "7.98", "2.98"),
        balance("reserves_reserve_total_balance", "12.07", "17.08"),
        balance("reserves_withdraw_fee_revenue", "0.03", "0.02"),
        ours(1, "denomination_pending", { denom_risk: "5", num_issued: "1", denom_balance: "5" }),
        differs(1, "reserves", {}, { reserve_balance: ["5", "10.01"], withdraw_fee_balance: ["0.02", "0.01"] }),
      ],
    }, {
      rule: "X-4",
      because: "hence the exchange's idea of that reserve looks wrong to the reference",
      only: "internal",
      lines: [
        balance("total_balance_summary_delta_plus", "0", "5.01"),
        theirs(1, "reserve_balance_insufficient_inconsistency", {
          inconsistency_gain: "true",
          inconsistency_amount: "10.01",
        }),
        theirs(1, "reserve_balance_summary_wrong_inconsistency", { auditor_amount: "10.01", exchange_amount: "5" }),
      ],
    }],
  },
  "p2p-rsa": { checks: { "X-1": 40, "R-12": 1, "R-18": 2 }, differences: P2P },
  "revocation-rsa": { checks: { "X-1": 40 }, differences: [unsigned(40), recoupPurpose(4)] },
  "small-drain": SMALL,
  "small-postagg": SMALL,
  "small-preagg": SMALL,
};

/** What is expected of a mutation: what it adds to its dataset. */
export type MutationEntry = AuditedMutation | { notHere: string };

/** A mutation that the three passes are run on. */
export interface AuditedMutation {
  /** How often checks report more than on the untouched dataset, or less (negative). */
  checks: Checks;
  /** Differences from the reference in addition to the dataset's. */
  differences?: readonly Explanation[];
  /** Rules of the dataset's differences that do not apply here, or that are restated. */
  without?: readonly string[];
  /** Why nothing is found, where nothing is. */
  because?: string;
}

const BANK = "bank side, not these passes";

/** the terms or the signature of a denomination were altered, so that the master key did not sign it. */
const MASTER_SIGNATURE: Explanation = {
  rule: "X-2",
  because: "the master key did not sign these terms; the reference never verifies that signature",
  lines: [ours(1, "row_inconsistency", { row_table: "denominations", diagnostic: "master signature invalid" })],
};

/** history entries whose event was deleted. */
function orphans(count: number): Explanation {
  return {
    rule: "X-8",
    because: "the coin's history still names what was deleted",
    lines: [ours(count, "row_inconsistency", {
      row_table: "coin_history",
      diagnostic: /^history entry points to nothing: /,
    })],
  };
}

/** the exchange still stores as left of a coin what it was before the change. */
function remaining(count: number, because: string): Explanation {
  return {
    rule: "X-16",
    because,
    lines: [ours(count, "row_inconsistency", {
      row_table: "known_coins",
      diagnostic: /^remaining value of the coin is stored as /,
    })],
  };
}

/** reserves are added up in the order of their keys, in the reference in that of a hash map. */
function orderOfReserves(total: readonly [string, string], shortage: readonly [string, string]): Explanation {
  const finding = (exchange_amount: string) => ({
    operation: "global escrow balance",
    exchange_amount,
    auditor_amount: "25.05",
  });
  return {
    rule: "R-21",
    because: "a total that goes below zero on the way depends on the order of the reserves",
    lines: [
      balance("reserves_reserve_total_balance", ...total),
      ours(1, "amount_arithmetic_inconsistency", finding(shortage[0])),
      theirs(1, "amount_arithmetic_inconsistency", finding(shortage[1])),
    ],
  };
}

/** C-22 rows of mutation 23. */
const shortEscrow = (exchange_amount: string, auditor_amount: string) => ({
  operation: "subtracting amount from escrow balance",
  exchange_amount,
  auditor_amount,
});

/** The mutations, each compared with the reference's result on it. */
export const MUTATIONS: Readonly<Record<string, MutationEntry>> = {
  "01-reserves-in-credit-lower": {
    checks: { "R-16": 1, "R-18": 2, "R-21": 1 },
    differences: [orderOfReserves(["11.7", "5.4"], ["11.35", "17.65"])],
  },
  "02-reserves-in-credit-higher": { checks: { "R-18": 2 } },
  "03-bank-in-subject-wrong": { notHere: BANK },
  "04-bank-in-origin-wrong": { notHere: BANK },
  "05-bank-in-timestamp-wrong": { notHere: BANK },
  "07-bank-in-unknown-to-exchange": {
    checks: { "R-16": 1, "R-18": 2, "R-21": 1 },
    differences: [orderOfReserves(["15.75", "6.3"], ["1.8", "11.25"]), {
      rule: "D-20",
      because: "a reserve without credit never expires; to the reference it expired in 1970",
      lines: [theirs(1, "reserve_not_closed_inconsistency", {
        expiration_time: "0",
        diagnostic: "could not determine closing fee",
      })],
    }],
  },
  "09-deposit-coin-sig-wrong": { checks: { "C-11": 1 } },
  "10-deposit-h-contract-wrong": { checks: { "C-11": 1 } },
  "11-known-coin-denom-sig-garbage": { checks: { "C-5": 1, "A-6": 2 } },
  "12-known-coin-denom-sig-swapped": { checks: { "C-5": 1, "A-6": 2 } },
  "14-deposit-wire-salt-wrong": { checks: { "C-11": 1 } },
  "15-deposit-wire-target-wrong": { checks: { "A-2": 1, "A-16": 1, "C-11": 1 } },
  "17-deposit-fee-changed": { checks: { "C-11": 200, "A-23": 10, "X-2": 1 }, differences: [MASTER_SIGNATURE] },
  "18-deposits-lag-not-aggregated": { checks: { "C-10": 5 } },
  "19-deposits-lag-all": { checks: { "C-10": 200 } },
  "20-known-coin-remaining-wrong": {
    checks: {},
    because: "the coin's remaining value is 4 before the change as well; a change that is one has a test of its own",
  },
  "21-known-coin-deleted": {
    checks: { "A-23": 1, "X-9": 1 },
    differences: [{
      rule: "X-9",
      because: "the coin's deposit went with it and is missing from an aggregated batch",
      lines: [ours(1, "row_inconsistency", {
        row_table: "aggregation_tracking",
        diagnostic: "row refers to a missing row in coin_deposits",
      })],
    }],
  },
  "22-reserves-out-sig-wrong": { checks: { "R-3": 1, "R-18": 2 } },
  "23-reserves-out-deleted-all": {
    checks: { "C-22": 87, "C-32": 1, "C-33": 1, "R-18": 80 },
    differences: [{
      rule: "D-16",
      because: "the 167.4 that refreshes issued cover 167 of the 200 deposits of 1 and leave 0.4 of escrow; in the " +
        "reference they come after all deposits and cover 52 of the 54 melts",
      lines: [
        balance("total_escrowed", "0.4", "2.56"),
        ours(33, "amount_arithmetic_inconsistency", shortEscrow("0.4", "1")),
        ours(54, "amount_arithmetic_inconsistency", shortEscrow("0.4", "3.17")),
        theirs(200, "amount_arithmetic_inconsistency", shortEscrow("0", "1")),
        theirs(1, "amount_arithmetic_inconsistency", shortEscrow("3.1", "3.17")),
        theirs(1, "amount_arithmetic_inconsistency", shortEscrow("3.12", "3.17")),
      ],
    }],
  },
  "25-withdraw-fee-changed": { checks: { "R-4": 200, "R-18": 80, "X-2": 1 }, differences: [MASTER_SIGNATURE] },
  "26-denomination-expired-for-withdraw": { checks: { "R-2": 200, "X-2": 1 }, differences: [MASTER_SIGNATURE] },
  "27-reserve-balance-wrong": { checks: { "R-18": 2 } },
  "28-reserve-closure-missing": { checks: { "R-19": 1 } },
  "29-reserve-closure-missing-expired": { checks: { "R-19": 1 } },
  "30-denomination-master-sig-wrong": { checks: { "X-2": 1 }, differences: [MASTER_SIGNATURE] },
  "32-refresh-revealed-deleted": { checks: { "C-20": 54 } },
  "33-melt-sig-wrong": { checks: { "C-19": 1 } },
  "34-melt-fee-changed": { checks: { "C-19": 54, "C-25": 54, "X-2": 1 }, differences: [MASTER_SIGNATURE] },
  "36-wire-fee-changed": { checks: { "A-18": 1 } },
  "37-wire-fee-sig-wrong": { checks: { "A-18": 1 } },
  "38-wire-out-amount-minus-cent": { checks: { "A-23": 1 } },
  "39-wire-out-amount-plus-cent": { checks: { "A-23": 1 } },
  "42-bank-out-extra": { notHere: BANK },
  "43-bank-out-amount-50": { notHere: BANK },
  "44-bank-out-amount-0": { notHere: BANK },
  "45-bank-out-timestamp": { notHere: BANK },
  "48-bank-out-duplicate-wtid": { notHere: BANK },
  "49-drain-sig-wrong": { checks: {}, because: "profit drains are audited by the wire-debit pass (WD-9)" },
  "50-drain-deleted": { checks: {}, because: "profit drains are audited by the wire-debit pass" },
  "52-refund-deleted": {
    checks: { "A-13": 1, "C-4": 1, "X-8": 1 },
    without: ["D-14"],
    differences: [orphans(1), {
      rule: "D-14",
      because: "one of two refunds is left, which does not give the deposit fee back; the reference always allows it",
      lines: [
        balance("coins_total_arithmetic_delta_minus", "3", "2.99"),
        ours(1, "amount_arithmetic_inconsistency", {
          operation: "deposit",
          problem_row_id: "18",
          exchange_amount: "10",
          auditor_amount: "7",
        }),
        theirs(1, "amount_arithmetic_inconsistency", {
          operation: "deposit",
          problem_row_id: "18",
          exchange_amount: "10",
          auditor_amount: "7.01",
        }),
      ],
    }],
  },
  "53-refund-sig-wrong": { checks: { "C-15": 1 } },
  "55-reserve-close-bank-missing": { notHere: BANK },
  "57-reserve-close-deleted": { checks: { "R-18": 2 } },
  "59-recoup-amount-5": { checks: { "C-4": 1, "R-18": 2 } },
  "60-recoup-refresh-amount-5": {
    checks: { "C-4": 1, "X-16": 1 },
    differences: [remaining(1, "the old coin was credited with 4 more than it stores")],
  },
  "61-revocations-deleted": { checks: { "C-31": 5, "R-6": 1 } },
  "63-recoup-coin-sig-wrong": { checks: { "C-26": 1, "R-5": 1 } },
  "65-dc-deposits-missing": {
    checks: { "A-22": 14, "A-23": 14, "X-8": 18, "X-16": 16 },
    without: ["D-16", "D-26"],
    differences: [orphans(18), remaining(16, "the coins' deposits were deleted")],
  },
  "66-dc-one-deposit-missing": {
    checks: { "A-22": 1, "A-23": 1, "X-8": 1, "X-16": 1 },
    differences: [orphans(1), remaining(1, "the coin's only deposit was deleted")],
  },
  "68-dc-refund-deadline-differs": { checks: { "C-11": 1 } },
  "69-purse-request-sig-wrong": { checks: {}, because: "signatures of purses are audited by the purses pass (PU-1)" },
  "72-purse-merge-sig-wrong": { checks: {}, because: "signatures of purses are audited by the purses pass (PU-2)" },
  "73-account-merge-sig-wrong": {
    checks: { "R-15": 1 },
    differences: [{
      rule: "PU-7",
      because: "the purses pass reports the same row in the same words",
      lines: [theirs(1, "bad_sig_losses", { operation: "account-merge", loss: "0", problem_row_id: "1" })],
    }],
  },
  "75-purse-balance-wrong": { checks: {}, because: "balances of purses are audited by the purses pass (PU-15)" },
  "76-reserve-close-request-sig-wrong": {
    checks: {},
    because: "R-12 is reported of the untouched request already: what its wallet signed cannot be told from the data",
  },
  "77-reserve-open-deposit-sig-wrong": {
    checks: { "X-3": 1 },
    without: ["X-3"],
    differences: [reserveOpen(
      ["1.98", "3.99"],
      balance("coin_irregular_loss", "0.03", "0"),
      ours(1, "bad_sig_losses", { operation: "reserve-open-deposit", loss: "0.03", problem_row_id: "1" }),
    )],
  },
  "78-age-commitment-hash-removed": {
    checks: { "C-5": 5, "C-11": 4, "C-19": 1 },
    without: ["D-16", "X-4"],
    differences: ageWithdrawals(["34.93", "9.93"], ["11.83", "6.83"]),
  },
  "79-timetravel-preagg-5d": { checks: {}, because: "deposits not wired in time are the wire-debit pass's" },
  "80-timetravel-postagg-45d": { checks: { "R-19": 40 } },
  "81-timetravel-p2p-5d": { checks: {}, because: "purses not decided in time are the purses pass's" },
  "82-timetravel-exchange-api-45d": { checks: { "R-19": 5 } },
  "84-wire-out-account-wrong": { checks: { "A-16": 12 } },
  "86-reserves-row-deleted": {
    checks: { "C-32": 1 },
    differences: [{
      rule: "D-13",
      because: "the reference writes zero where it means the risk of the denomination",
      lines: [
        ours(1, "emergency_by_count", { num_issued: "195", num_known: "200", risk: "975" }),
        theirs(1, "emergency_by_count", { num_issued: "195", num_known: "200", risk: "0" }),
      ],
    }],
  },
  "89-coin-double-spend": {
    checks: { "A-13": 1, "A-23": 1, "C-4": 1, "C-11": 1, "X-16": 1 },
    differences: [remaining(1, "an overspent coin still stores 0.83")],
  },
  "90-wire-fee-deleted": { checks: { "A-19": 10, "A-23": 10 } },
  "91-signkey-irrelevant-global-fee-deleted": {
    checks: {},
    because: "global fees are asked for by the purses pass (PU-10); what is not there has no bad signature",
  },
  "93-account-merge-deleted": {
    checks: {},
    because: "that a merged purse needs an account merge is for the purses pass to find (PU-R1)",
  },
  "101-wired-reserve-close-bank-missing": { notHere: BANK },
};

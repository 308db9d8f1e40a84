// SPDX-License-Identifier: AGPL-3.0-or-later
/** Counters of money that the reconciliation needs and the balances of the reference's layout do not have (WD-R5). */

/** Names of the counters, atoms. */
export const MONEY = {
  /** What merchants were promised: deposits without fee, less refunds, plus deposit fees given back. */
  merchantsIn: "x:money:merchants_in",
  /** Deposit fees given back to coins with full refunds; the ledgers of denominations do not have them. */
  waived: "x:money:waived",
  /** What outgoing transfers were made of, before wire fee and rounding. */
  merchantsOut: "x:money:merchants_out",
  /** What was paid into purses, without fees, less what was given back. */
  pursesIn: "x:money:purses_in",
  /** What purses paid into reserves. */
  pursesOut: "x:money:purses_out",
  /** Withdraw fees of refreshed coins, and what melts contributed beyond their cost. */
  refreshIncome: "x:money:refresh_income",
  /** What coins paid for keeping reserves open. */
  openIncome: "x:money:open_income",
  /** What closed reserves were paid, without fees. */
  closuresOut: "x:money:closures_out",
  /** Transfers that only proved control of an account. */
  identityIn: "x:money:identity_in",
  /** All incoming transfers of the audited accounts, by the bank. */
  bankIn: "x:money:bank_in",
  /** All outgoing transfers of the audited accounts, by the bank. */
  bankOut: "x:money:bank_out",
  /** Beginning of the names of counters by account: what else went out, by the bank's statements (WD-R6). */
  otherOut: "x:money:other_out:",
} as const;

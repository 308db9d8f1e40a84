// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the bank says happened on the exchange's accounts, whether asked directly or read from the local store. */

import type { Amount } from "../taler/amount.ts";

/** Which way money moved, seen from the exchange's account. */
export type Direction = "credit" | "debit";

/**
 * An incoming transfer as the bank reports it (crypto.md 9.1). `date` in µs; `subject` is a reserve's public key
 * (RESERVE) or an account's public key (KYCAUTH), 32 bytes, or a wad's identifier (WAD), 24 bytes. What a statement
 * shows and a gateway would not, because its subject holds none of these, is of kind OTHER, `subject` then its text.
 */
export interface BankCredit {
  /** Name of the configuration section. */
  account: string;
  rowId: bigint;
  date: bigint;
  /** In whatever currency the bank says. */
  amount: Amount;
  kind: "RESERVE" | "KYCAUTH" | "WAD" | "OTHER";
  subject: Uint8Array;
  /** Base URL of the exchange that sent a WAD, undefined for the other kinds. */
  originExchangeUrl: string | undefined;
  /** Full payto URI of the sender; empty if the bank names none. */
  debitAccount: string;
}

/** An outgoing transfer as the bank reports it (crypto.md 9.1). `date` in µs, `wtid` 32 bytes. */
export interface BankDebit {
  /** Name of the configuration section. */
  account: string;
  rowId: bigint;
  date: bigint;
  /** In whatever currency the bank says. */
  amount: Amount;
  wtid: Uint8Array;
  exchangeBaseUrl: string;
  /** Full payto URI of the receiver. */
  creditAccount: string;
}

/**
 * An outgoing transaction that the exchange's software did not make, by its subject: a payment sent back, a fee, or
 * money taken out. Only statements show them (WD-R6). `date` in µs.
 */
export interface OtherDebit {
  /** Name of the configuration section. */
  account: string;
  rowId: bigint;
  date: bigint;
  amount: Amount;
  text: string;
  /** Full payto URI of the receiver; empty if the bank names none. */
  creditAccount: string;
}

/** Which of the transactions that a store holds are wanted, by the order in which they came into it. */
export interface Arrived {
  /** Not later than this one. */
  readonly upTo: bigint;
  /** Later than this one, and with a row id not above `lastRow`. */
  readonly late?: { readonly after: bigint; readonly lastRow: bigint };
}

/** How much came into a store for an account and direction. */
export interface Arrivals {
  /** Changes when the account is deleted from the store and imported anew. */
  readonly epoch: bigint;
  /** Number of the newest arrival, 0 if there is none. */
  readonly newest: bigint;
}

/**
 * Something about the bank's history itself that is wrong (WC-R9): a row id twice, a row below the cursor appearing
 * late, a transaction that changed or vanished after it was reported, transactions that do not come to the balances
 * which the statements name.
 */
export interface BankAnomaly {
  account: string;
  direction: Direction;
  rowId: bigint;
  amount: Amount;
  kind: "duplicate" | "late" | "changed" | "vanished" | "balance";
  diagnostic: string;
}

/**
 * Where a pass reads the bank's history from. Pages ascend by rowId and hold only rows above `after`; the iteration
 * ends when nothing more is there. Reading throws BankError when the source cannot be used.
 */
export interface BankHistory {
  credits(account: string, after: bigint, arrived?: Arrived): AsyncIterable<BankCredit[]>;
  debits(account: string, after: bigint, arrived?: Arrived): AsyncIterable<BankDebit[]>;
  /** What came into a store so far. A history without this is asked from the bank, and grows at its end only. */
  arrivals?(account: string, direction: Direction): Promise<Arrivals>;
  /** All outgoing transactions that {@link BankHistory.debits} leaves out; a history without this has none. */
  otherDebits?(account: string): Promise<OtherDebit[]>;
  /** Incoming transactions from these accounts, given by their keys (accountKey). */
  creditsFrom?(account: string, senders: readonly string[]): Promise<BankCredit[]>;
  /** All outgoing transfers with these subjects. */
  sentWith?(account: string, wtids: readonly Uint8Array[]): Promise<BankDebit[]>;
  /** All incoming transactions with these subjects. */
  creditsWith?(account: string, subjects: readonly Uint8Array[]): Promise<BankCredit[]>;
  /** Whether there is a history of a direction, be the account enabled for it or not. */
  covers?(account: string, direction: Direction): Promise<boolean>;
  /** Accounts (section names) that this history covers. */
  accounts(): Promise<string[]>;
  /**
   * The account's payto as the bank names it (envelope credit_account / debit_account), if any transaction was seen.
   */
  ownAccount(account: string): Promise<string | undefined>;
  /** False if the transfers have numbers of our own instead of the bank's; a history without this has the bank's. */
  hasBankNumbers?(account: string): Promise<boolean>;
  /**
   * Up to when the history of a direction is known to be complete, µs; undefined: it never was. A history without this
   * is asked from the bank when it is read, and complete up to then.
   */
  completeUntil?(account: string, direction: Direction): Promise<bigint | undefined>;
  anomalies(): Promise<BankAnomaly[]>;
  close(): Promise<void>;
}

/**
 * Why the bank's history cannot be used: `refused` is 401 or 403, `status` any other status that is no answer,
 * `garbled` an answer that breaks the protocol, `too-large` one beyond the limit on its size.
 */
export type BankErrorKind =
  | "unreachable"
  | "timeout"
  | "refused"
  | "status"
  | "garbled"
  | "too-large"
  | "configuration";

/**
 * The bank cannot be asked, or its answer is not usable. The message names account, request and what is wrong; it never
 * holds a password, a token or a header.
 */
export class BankError extends Error {
  override readonly name = "BankError";
  readonly kind: BankErrorKind;
  /** Name of the configuration section. */
  readonly account: string;
  /** What a garbled answer shows about the bank's history itself: evidence worth keeping (WC-R9). */
  readonly anomaly: BankAnomaly | undefined;

  constructor(kind: BankErrorKind, account: string, what: string, anomaly?: BankAnomaly) {
    super(`${account}: ${what}`);
    this.kind = kind;
    this.account = account;
    this.anomaly = anomaly;
  }
}

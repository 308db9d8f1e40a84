// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the bank says happened on the exchange's accounts, whether asked directly or read from the local store. */

import type { Amount } from "../taler/amount.ts";

/** Which way money moved, seen from the exchange's account. */
export type Direction = "credit" | "debit";

/**
 * An incoming transfer as the bank reports it (crypto.md 9.1). `date` in µs; `subject` is a reserve's public key
 * (RESERVE) or an account's public key (KYCAUTH), 32 bytes, or a wad's identifier (WAD), 24 bytes.
 */
export interface BankCredit {
  /** Name of the configuration section. */
  account: string;
  rowId: bigint;
  date: bigint;
  /** In whatever currency the bank says. */
  amount: Amount;
  kind: "RESERVE" | "KYCAUTH" | "WAD";
  subject: Uint8Array;
  /** Base URL of the exchange that sent a WAD, undefined for the other kinds. */
  originExchangeUrl: string | undefined;
  /** Full payto URI of the sender. */
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
 * Something about the bank's history itself that is wrong (WC-R9): a row id twice, a row below the cursor appearing
 * late, a transaction that changed or vanished after it was reported.
 */
export interface BankAnomaly {
  account: string;
  direction: Direction;
  rowId: bigint;
  amount: Amount;
  kind: "duplicate" | "late" | "changed" | "vanished";
  diagnostic: string;
}

/**
 * Where a pass reads the bank's history from. Pages ascend by rowId and hold only rows above `after`; the iteration
 * ends when nothing more is there. Reading throws BankError when the source cannot be used.
 */
export interface BankHistory {
  credits(account: string, after: bigint): AsyncIterable<BankCredit[]>;
  debits(account: string, after: bigint): AsyncIterable<BankDebit[]>;
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

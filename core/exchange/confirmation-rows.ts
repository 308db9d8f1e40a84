// SPDX-License-Identifier: AGPL-3.0-or-later
/** Typed rows of the deposits pass (deposits chapter 4.1). Amounts are atoms, times µs, keys and hashes raw bytes. */

/** A deposited coin with all that a deposit confirmation says of it. */
export interface ConfirmableDepositRow {
  /** `coin_deposits`. */
  serial: bigint;
  merchantPub: Uint8Array;
  hContractTerms: Uint8Array;
  coinPub: Uint8Array;
  coinSig: Uint8Array;
  /** Deposit fee included. */
  amount: bigint;
  /** Of the coin's denomination; undefined when the exchange does not have it. */
  feeDeposit: bigint | undefined;
  expireLegal: bigint | undefined;
  exchangeTimestamp: bigint;
  refundDeadline: bigint;
  wireDeadline: bigint;
  wireSalt: Uint8Array;
  /** Full payto URI; undefined when the exchange does not have the account. */
  payto: string | undefined;
  /** JSON text of the policy that the deposit is subject to, if any. */
  policy: string | undefined;
}

/** A key with which the exchange signs, as the exchange's database has it. */
export interface SigningKeyRow {
  exchangePub: Uint8Array;
  masterSig: Uint8Array;
  validFrom: bigint;
  expireSign: bigint;
  expireLegal: bigint;
  revocation: { serial: bigint; masterSig: Uint8Array } | undefined;
}

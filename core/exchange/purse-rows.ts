// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Typed rows of the purses pass: what a stage knows about one event of a payment between persons, whatever table layout
 * it came from (purses chapter 5.2). Amounts are atoms, times µs (NEVER = 2^64-1), keys, hashes and signatures raw bytes.
 */
import type { CoinReference } from "./rows.ts";

/** Creation of a purse. */
export interface PurseRequestRow {
  pursePub: Uint8Array;
  mergePub: Uint8Array;
  creation: bigint;
  expiration: bigint;
  hContractTerms: Uint8Array;
  minAge: number;
  flags: number;
  /** What the purse must hold to be paid out, after deposit fees. */
  target: bigint;
  purseFee: bigint;
  purseSig: Uint8Array;
}

/** What the exchange that a merge or a deposit names is: this one, or a partner by its base URL. */
export type PurseExchange = { partner: false } | { partner: true; baseUrl: string };

/** A purse is attached to a reserve. `request` is absent when the exchange does not have the purse (PU-3). */
export interface PurseMergeRow {
  pursePub: Uint8Array;
  reservePub: Uint8Array;
  mergeSig: Uint8Array;
  mergeTimestamp: bigint;
  exchange: PurseExchange;
  request: { serial: bigint; mergePub: Uint8Array; target: bigint } | undefined;
}

/** A coin is paid into a purse. `request` is absent when the exchange does not have the purse (PU-6). */
export interface PurseCoinRow {
  pursePub: Uint8Array;
  coin: CoinReference;
  coinSig: Uint8Array;
  /** Deposit fee included. */
  amount: bigint;
  exchange: PurseExchange;
  request: { serial: bigint; expiration: bigint } | undefined;
  /** Serial of the purse's decision, if there is one. */
  decision: bigint | undefined;
}

/** The reserve owner's consent to a merge. `request` is absent when the exchange does not have the purse (PU-8). */
export interface PurseConsentRow {
  pursePub: Uint8Array;
  reservePub: Uint8Array;
  reserveSig: Uint8Array;
  request: PurseConsentTerms | undefined;
}

/** What a reserve owner signs of a purse. */
export interface PurseConsentTerms {
  serial: bigint;
  hContractTerms: Uint8Array;
  expiration: bigint;
  target: bigint;
  minAge: number;
  flags: number;
  purseFee: bigint;
  mergeTimestamp: bigint;
}

/** The end of a purse. `request` is absent when the exchange does not have the purse (PU-9). */
export interface PurseDecisionRow {
  pursePub: Uint8Array;
  request: bigint | undefined;
}

/** The owner deletes a purse. */
export interface PurseDeletionRow {
  pursePub: Uint8Array;
  /** May be missing in the database, which is as good as a wrong one. */
  purseSig: Uint8Array | undefined;
  request: bigint | undefined;
}

/** All that the database says about one purse at the end of the stages (purses chapter 5.6). */
export interface PurseFactsRow {
  pursePub: Uint8Array;
  mergePub: Uint8Array;
  creation: bigint;
  expiration: bigint;
  flags: number;
  /** T */
  target: bigint;
  purseFee: bigint;
  /** What the exchange says is in the purse. */
  claimed: bigint;
  /** D: sum of the deposits without their fees; rows that do not count are left out. */
  deposited: bigint;
  merge: { serial: bigint; toPartner: boolean; reservePub: Uint8Array; timestamp: bigint } | undefined;
  consent: { serial: bigint; reservePub: Uint8Array } | undefined;
  decision: { serial: bigint; refunded: boolean; time: bigint } | undefined;
  contract: PurseContract | undefined;
}

/** The encrypted contract that comes with a purse. */
export interface PurseContract {
  serial: bigint;
  contractPub: Uint8Array;
  contractSig: Uint8Array;
  hEncryptedContract: Uint8Array;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The typed rows that the passes check: what a stage knows about one event, whatever table layout it came from.
 *
 * Amounts are atoms, times µs (NEVER = 2^64-1), keys and hashes raw bytes. Every row type names the audit chapter's
 * stage it serves (audit chapter 2a, 3a, 4a).
 */

/** A denomination with what the auditor and the exchange's master key said about it. */
export interface DenominationRow {
  serial: bigint;
  storedHash: Uint8Array;
  ageMask: number;
  denominationKey: Uint8Array;
  masterSig: Uint8Array;
  validFrom: bigint;
  expireWithdraw: bigint;
  expireDeposit: bigint;
  expireLegal: bigint;
  value: bigint;
  feeWithdraw: bigint;
  feeDeposit: bigint;
  feeRefresh: bigint;
  feeRefund: bigint;
  /** This auditor's signature, if the exchange has one (may be NULL in the row itself). */
  auditorSig: Uint8Array | undefined;
  revocation: { serial: bigint; masterSig: Uint8Array } | undefined;
}

/** A coin that was spent at least once. */
export interface KnownCoinRow {
  denominationSerial: bigint;
  coinPub: Uint8Array;
  ageCommitment: Uint8Array | undefined;
  denominationSig: Uint8Array;
}

/** What an operation says of its coin. */
export interface CoinReference {
  knownCoin: bigint;
  denominationSerial: bigint;
  coinPub: Uint8Array;
  ageCommitment: Uint8Array | undefined;
}

/** Issuance of one coin to a reserve (coins stage 1, reserves stage 2). */
export interface WithdrawalRow {
  denominationSerial: bigint;
  hBlindedCoin: Uint8Array;
  blindedSig: Uint8Array;
  reservePub: Uint8Array;
  reserveSig: Uint8Array;
  executionDate: bigint;
  amount: bigint;
}

/** Issuance of several age-restricted coins to a reserve. */
export interface AgeWithdrawalRow {
  hCommitment: Uint8Array;
  maxAge: number;
  amount: bigint;
  reservePub: Uint8Array;
  reserveSig: Uint8Array;
  hBlindedCoins: Uint8Array[];
  denominationSerials: bigint[];
  blindedSigs: Uint8Array[];
}

/** A coin deposited for a contract (coins stage 3). */
export interface DepositRow {
  coin: CoinReference;
  coinSig: Uint8Array;
  amount: bigint;
  batch: bigint;
  merchantPub: Uint8Array;
  hContractTerms: Uint8Array;
  walletTimestamp: bigint;
  exchangeTimestamp: bigint;
  refundDeadline: bigint;
  wireDeadline: bigint;
  walletDataHash: Uint8Array | undefined;
  wireSalt: Uint8Array;
  payto: string;
  /** Serial of the policy that the deposit is subject to, if any. */
  policy: bigint | undefined;
  /** Serial of the aggregation of the batch, if it was aggregated. */
  aggregation: bigint | undefined;
}

/** A coin deposited into a purse (coins stage 4). */
export interface PurseDepositRow {
  coin: CoinReference;
  coinSig: Uint8Array;
  amount: bigint;
  pursePub: Uint8Array;
  partnerUrl: string | undefined;
}

/** A merchant's refund of a coin (coins stage 5). */
export interface RefundRow {
  coin: CoinReference;
  merchantSig: Uint8Array;
  rtransactionId: bigint;
  amount: bigint;
  batch: bigint;
  merchantPub: Uint8Array;
  hContractTerms: Uint8Array;
  /** What the coin paid into the batch, and by how many rows. */
  deposited: bigint;
  deposits: number;
  /** Refunds of the same coin and batch with a smaller serial. */
  refundedBefore: bigint;
  /** Serial of the aggregation of the batch, if it was aggregated. */
  aggregation: bigint | undefined;
}

/** One coin of a purse whose content was given back (coins stage 6). */
export interface PurseRefundRow {
  pursePub: Uint8Array;
  deposit: bigint;
  amount: bigint;
  coin: CoinReference;
}

/** A melt (coins stage 7). */
export interface MeltRow {
  coin: CoinReference;
  rc: Uint8Array;
  coinSig: Uint8Array;
  amount: bigint;
  transferPub: Uint8Array | undefined;
}

/** One fresh coin of a reveal (coins stage 7). */
export interface RevealRow {
  melt: bigint;
  index: number;
  denominationSerial: bigint;
  linkSig: Uint8Array;
  planchet: Uint8Array;
  hBlindedCoin: Uint8Array;
  blindedSig: Uint8Array;
  withdrawValues: Uint8Array;
}

/** A coin of a revoked denomination paid back to its reserve (coins stage 8, reserves stage 3). */
export interface RecoupRow {
  coin: CoinReference;
  coinSig: Uint8Array;
  coinBlind: Uint8Array;
  amount: bigint;
  timestamp: bigint;
  reservePub: Uint8Array;
  withdrawalDenomination: bigint;
  hBlindedCoin: Uint8Array;
}

/** A coin of a revoked denomination paid back to the coin it was refreshed from (coins stage 2). */
export interface RecoupRefreshRow {
  coin: CoinReference;
  coinSig: Uint8Array;
  coinBlind: Uint8Array;
  amount: bigint;
  oldDenominationSerial: bigint;
  freshDenomination: bigint;
  /** The stored planchet of the fresh coin, with its header. */
  planchet: Uint8Array;
  /** The exchange's values for the fresh coin, with their header. */
  withdrawValues: Uint8Array;
}

/** A coin that helps to pay for keeping a reserve open. */
export interface OpenDepositRow {
  coin: CoinReference;
  coinSig: Uint8Array;
  reserveSig: Uint8Array;
  reservePub: Uint8Array;
  contribution: bigint;
}

/** A wire transfer that funded a reserve (reserves stage 1). */
export interface ReserveInRow {
  reservePub: Uint8Array;
  credit: bigint;
  executionDate: bigint;
  payto: string;
}

/** A request to keep a reserve open (reserves stage 4). */
export interface ReserveOpenRow {
  reservePub: Uint8Array;
  requestTimestamp: bigint;
  expiration: bigint;
  reserveSig: Uint8Array;
  payment: bigint;
  purseLimit: number;
}

/** A reserve that was emptied to a bank account (reserves stage 5). */
export interface ReserveCloseRow {
  reservePub: Uint8Array;
  executionDate: bigint;
  payto: string;
  amount: bigint;
  closingFee: bigint;
  requestSerial: bigint;
  request: CloseRequest | undefined;
}

/** A client's request to close its reserve. */
export interface CloseRequest {
  reserveSig: Uint8Array;
  timestamp: bigint;
  close: bigint;
  closeFee: bigint;
  payto: string;
}

/** A purse merged into a reserve (reserves stage 6). */
export interface MergedPurseRow {
  pursePub: Uint8Array;
  reservePub: Uint8Array;
  amount: bigint;
  partnerSerial: bigint | undefined;
  decided: bigint;
}

/** The reserve owner's consent to a merge (reserves stage 7). */
export interface AccountMergeRow {
  reservePub: Uint8Array;
  reserveSig: Uint8Array;
  pursePub: Uint8Array;
  hContractTerms: Uint8Array;
  purseExpiration: bigint;
  amount: bigint;
  minAge: number;
  flags: number;
  purseFee: bigint;
  mergeTimestamp: bigint;
  /** Serials of other rows about the same purse, ascending, of many only the lowest. */
  others: bigint[];
}

/** A fee period of a wire method. */
export interface WireFeeRow {
  serial: bigint;
  method: string;
  start: bigint;
  end: bigint;
  wireFee: bigint;
  closingFee: bigint;
  masterSig: Uint8Array;
}

/** A period of the exchange's global fees. */
export interface GlobalFeeRow {
  serial: bigint;
  start: bigint;
  end: bigint;
  purseTimeout: bigint;
  historyExpiration: bigint;
  historyFee: bigint;
  accountFee: bigint;
  purseFee: bigint;
  purseAccountLimit: number;
  masterSig: Uint8Array;
}

/** An outgoing aggregate transfer (aggregation). */
export interface WireOutRow {
  /** Configuration section of the exchange's account. */
  section: string;
  executionDate: bigint;
  wtid: Uint8Array;
  hPayto: Uint8Array;
  payto: string;
  amount: bigint;
}

/** A coin whose deposit went into an outgoing transfer (aggregation). */
export interface AggregatedCoinRow {
  wireOut: bigint;
  aggregation: bigint;
  batch: bigint;
  deposit: bigint;
  merchantPub: Uint8Array;
  hContractTerms: Uint8Array;
  payto: string;
  hPayto: Uint8Array;
  coinPub: Uint8Array;
  amount: bigint;
  knownCoin: bigint;
  denominationSerial: bigint;
}

/** What happened to a coin, in the words of the coin history (audit chapter 1.7). */
export type CoinEventKind =
  | "deposit"
  | "melt"
  | "refund"
  | "recoup"
  | "recoup-refresh-new"
  | "recoup-refresh-old"
  | "purse-deposit"
  | "purse-refund"
  | "reserve-open";

/** One event of a coin's history, read from the base tables. */
export interface CoinEvent {
  kind: CoinEventKind;
  serial: bigint;
  coinPub: Uint8Array;
  amount: bigint;
  /** Deposits and refunds: the batch they belong to, and its merchant key and contract hash in one (96 bytes). */
  batch: bigint | undefined;
  contract: Uint8Array | undefined;
}

/** An incoming transfer as the exchange booked it (wire-credit). */
export interface BookedCreditRow {
  /** Configuration section of the exchange's account. */
  section: string;
  /** The bank's row id. */
  reference: bigint;
  subject: Uint8Array;
  /** Full payto URI of the sender; undefined when the exchange does not have it. */
  sender: string | undefined;
  hSender: Uint8Array;
  date: bigint;
  credit: bigint;
}

/** A closed reserve, as far as its transfer is concerned (wire-debit). */
export interface ReserveClosureRow {
  reservePub: Uint8Array;
  date: bigint;
  wtid: Uint8Array;
  payto: string;
  /** Fee included. */
  amount: bigint;
  closingFee: bigint;
}

/** A master-signed order to move profit to another account (wire-debit). */
export interface ProfitDrainRow {
  serial: bigint;
  wtid: Uint8Array;
  section: string;
  payto: string;
  date: bigint;
  amount: bigint;
  masterSig: Uint8Array;
  executed: boolean;
}

/** Deposits of one contract (transfer). */
export interface BatchDepositRow {
  hasTarget: boolean;
  hPayto: Uint8Array;
  deadline: bigint;
  refundDeadline: bigint;
  coins: bigint;
  /** Sum over its coins, deposit fees included. */
  total: bigint;
}

/** A batch of deposits that went into a transfer (transfer). */
export interface AggregationRow {
  batch: bigint;
  /** Refund deadline of the batch, if the batch exists (µs, as stored). */
  refundDeadline: bigint | undefined;
  /** When its transfer was made, if it was (µs, as stored). */
  wired: bigint | undefined;
}

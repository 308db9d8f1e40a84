// SPDX-License-Identifier: AGPL-3.0-or-later
import type { Block } from "./block-fields.ts";

/** What master key and auditor sign alike about a denomination; the fees in this order (crypto.md 5.3). */
const DENOMINATION_VALIDITY = [
  ["start", "time"],
  ["expireWithdraw", "time"],
  ["expireDeposit", "time"],
  ["expireLegal", "time"],
  ["value", "amount"],
  ["feeWithdraw", "amount"],
  ["feeDeposit", "amount"],
  ["feeRefresh", "amount"],
  ["feeRefund", "amount"],
  ["hDenomination", "hash64"],
] as const;

/**
 * What master key, exchange, auditor and merchants sign (crypto.md 5.3, 5.4, 5.8, 5.9). Amounts are those with fee
 * unless the name says otherwise.
 */
export const EXCHANGE_BLOCKS = {
  // Master key signatures (crypto.md 5.3).
  masterAmlKey: {
    purpose: 1017,
    signer: "master",
    fields: [
      ["changeDate", "time"],
      ["officerPub", "key32"],
      ["hName", "hash64"],
      ["flags", "u32"],
    ],
  },
  masterDrainProfit: {
    purpose: 1018,
    signer: "master",
    fields: [
      ["wtid", "hash32"],
      ["date", "time"],
      ["amount", "amount"],
      ["hAccountSection", "hash64"],
      ["hPayto", "hash32"],
    ],
  },
  masterPartner: {
    purpose: 1019,
    signer: "master",
    fields: [
      ["partnerMasterPub", "key32"],
      ["start", "time"],
      ["end", "time"],
      ["wadFrequency", "duration"],
      ["wadFee", "amount"],
      ["hPartnerUrl", "hash64"],
    ],
  },
  masterSigningKeyRevoked: { purpose: 1020, signer: "master", fields: [["exchangePub", "key32"]] },
  masterAddWire: {
    purpose: 1021,
    signer: "master",
    fields: [
      ["start", "time"],
      ["hPayto", "hash32"],
      ["hConversionUrl", "optional64"],
      ["hDebitRestrictions", "hash64"],
      ["hCreditRestrictions", "hash64"],
    ],
  },
  masterGlobalFees: {
    purpose: 1022,
    signer: "master",
    fields: [
      ["start", "time"],
      ["end", "time"],
      ["purseTimeout", "duration"],
      ["historyExpiration", "duration"],
      ["historyFee", "amount"],
      ["accountFee", "amount"],
      ["purseFee", "amount"],
      ["purseAccountLimit", "u32"],
    ],
  },
  masterDelWire: { purpose: 1023, signer: "master", fields: [["end", "time"], ["hPayto", "hash32"]] },
  masterSigningKey: {
    purpose: 1024,
    signer: "master",
    fields: [
      ["start", "time"],
      ["expire", "time"],
      ["end", "time"],
      ["exchangePub", "key32"],
    ],
  },
  masterDenominationKey: {
    purpose: 1025,
    signer: "master",
    fields: [["masterPub", "key32"], ...DENOMINATION_VALIDITY],
  },
  masterAddAuditor: {
    purpose: 1026,
    signer: "master",
    fields: [
      ["start", "time"],
      ["auditorPub", "key32"],
      ["hAuditorUrl", "hash64"],
    ],
  },
  masterDelAuditor: { purpose: 1027, signer: "master", fields: [["end", "time"], ["auditorPub", "key32"]] },
  masterWireFees: {
    purpose: 1028,
    signer: "master",
    fields: [
      ["hWireMethod", "hash64"],
      ["start", "time"],
      ["end", "time"],
      ["wireFee", "amount"],
      ["closingFee", "amount"],
    ],
  },
  masterDenominationRevoked: { purpose: 1029, signer: "master", fields: [["hDenomination", "hash64"]] },
  masterWireDetails: {
    purpose: 1030,
    signer: "master",
    fields: [
      ["hPayto", "hash32"],
      ["hConversionUrl", "optional64"],
      ["hDebitRestrictions", "hash64"],
      ["hCreditRestrictions", "hash64"],
    ],
  },
  masterExtension: { purpose: 1031, signer: "master", fields: [["hManifests", "hash64"]] },
  // Exchange signing key (crypto.md 5.9 and 7.1).
  exchangeConfirmDeposit: {
    purpose: 1033,
    signer: "exchange",
    fields: [
      ["hContractTerms", "hash64"],
      ["hWire", "hash64"],
      ["hPolicy", "optional64"],
      ["exchangeTimestamp", "time"],
      ["wireDeadline", "time"],
      ["refundDeadline", "time"],
      ["totalWithoutFee", "amount"],
      ["hCoinSigs", "hash64"],
      ["merchantPub", "key32"],
    ],
  },
  exchangeConfirmMelt: { purpose: 1034, signer: "exchange", fields: [["rc", "hash64"], ["noRevealIndex", "u32"]] },
  exchangeKeySet: {
    purpose: 1035,
    signer: "exchange",
    fields: [["listIssueDate", "time"], ["hDenominationSigs", "hash64"]],
  },
  exchangeConfirmWire: {
    purpose: 1036,
    signer: "exchange",
    fields: [
      ["hWire", "hash64"],
      ["hContractTerms", "hash64"],
      ["wtid", "hash32"],
      ["coinPub", "key32"],
      ["executionTime", "time"],
      ["coinContribution", "amount"],
    ],
  },
  exchangeConfirmWireDeposit: {
    purpose: 1037,
    signer: "exchange",
    fields: [
      ["total", "amount"],
      ["wireFee", "amount"],
      ["merchantPub", "key32"],
      ["hPayto", "hash32"],
      ["hDetails", "hash64"],
    ],
  },
  exchangeConfirmRefund: {
    purpose: 1038,
    signer: "exchange",
    fields: [
      ["hContractTerms", "hash64"],
      ["coinPub", "key32"],
      ["merchantPub", "key32"],
      ["rtransactionId", "u64"],
      ["amount", "amount"],
    ],
  },
  exchangeConfirmRecoup: {
    purpose: 1039,
    signer: "exchange",
    fields: [
      ["timestamp", "time"],
      ["amount", "amount"],
      ["coinPub", "key32"],
      ["reservePub", "key32"],
    ],
  },
  exchangeReserveClosed: {
    purpose: 1040,
    signer: "exchange",
    fields: [
      ["timestamp", "time"],
      ["closingAmount", "amount"],
      ["closingFee", "amount"],
      ["reservePub", "key32"],
      ["hPayto", "hash32"],
      ["wtid", "hash32"],
    ],
  },
  exchangeConfirmRecoupRefresh: {
    purpose: 1041,
    signer: "exchange",
    fields: [
      ["timestamp", "time"],
      ["amount", "amount"],
      ["coinPub", "key32"],
      ["oldCoinPub", "key32"],
    ],
  },
  exchangeDenominationUnknown: {
    purpose: 1042,
    signer: "exchange",
    fields: [["timestamp", "time"], ["hDenomination", "hash64"]],
  },
  exchangeDenominationExpired: {
    purpose: 1043,
    signer: "exchange",
    fields: [
      ["timestamp", "time"],
      ["operation", "text8"],
      ["hDenomination", "hash64"],
    ],
  },
  exchangePurseCreated: {
    purpose: 1045,
    signer: "exchange",
    fields: [
      ["exchangeTime", "time"],
      ["purseExpiration", "time"],
      ["amountWithoutFee", "amount"],
      ["totalDeposited", "amount"],
      ["pursePub", "key32"],
      ["hContractTerms", "hash64"],
    ],
  },
  exchangePurseMerged: {
    purpose: 1046,
    signer: "exchange",
    fields: [
      ["exchangeTime", "time"],
      ["purseExpiration", "time"],
      ["amountWithoutFee", "amount"],
      ["pursePub", "key32"],
      ["reservePub", "key32"],
      ["hContractTerms", "hash64"],
      ["hProviderUrl", "hash64"],
    ],
  },
  exchangePurseStatus: {
    purpose: 1047,
    signer: "exchange",
    fields: [
      ["mergeTimestamp", "time"],
      ["depositTimestamp", "time"],
      ["balance", "amount"],
    ],
  },
  exchangeReserveAttest: {
    purpose: 1048,
    signer: "exchange",
    fields: [
      ["attestTimestamp", "time"],
      ["expiration", "time"],
      ["reservePub", "key32"],
      ["hAttributes", "hash64"],
    ],
  },
  exchangePurseRefund: {
    purpose: 1049,
    signer: "exchange",
    fields: [
      ["pursePub", "key32"],
      ["coinPub", "key32"],
      ["refundedAmount", "amount"],
      ["refundFee", "amount"],
    ],
  },
  exchangeConfirmAgeWithdraw: {
    purpose: 1050,
    signer: "exchange",
    fields: [["hCommitment", "hash64"], ["noRevealIndex", "u32"]],
  },
  // Auditor key (crypto.md 5.4).
  auditorDenomination: {
    purpose: 1064,
    signer: "auditor",
    fields: [
      ["hAuditorUrl", "hash64"],
      ["masterPub", "key32"],
      ...DENOMINATION_VALIDITY,
    ],
  },
  // Merchant key (crypto.md 5.8).
  merchantContract: { purpose: 1101, signer: "merchant", fields: [["hContractTerms", "hash64"]] },
  merchantRefund: {
    purpose: 1102,
    signer: "merchant",
    fields: [
      ["hContractTerms", "hash64"],
      ["coinPub", "key32"],
      ["rtransactionId", "u64"],
      ["amount", "amount"],
    ],
  },
  merchantTrack: {
    purpose: 1103,
    signer: "merchant",
    fields: [
      ["hContractTerms", "hash64"],
      ["hWire", "hash64"],
      ["coinPub", "key32"],
    ],
  },
  merchantPaymentOk: { purpose: 1104, signer: "merchant", fields: [["hContractTerms", "hash64"]] },
  merchantWireDetails: { purpose: 1107, signer: "merchant", fields: [["hWire", "hash64"]] },
} as const satisfies Readonly<Record<string, Block>>;

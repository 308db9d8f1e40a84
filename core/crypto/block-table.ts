// SPDX-License-Identifier: AGPL-3.0-or-later

/**
 * Form of a field inside signed data (crypto.md 1): `hash64` and `hash32` hashes or other opaque bytes, `key32` a public
 * key, `sig64` a signature, `optional64` and `optional32` hashes that are zero bytes if absent, `zero32` 32 bytes that
 * are always zero, `amount` 24 bytes with currency, `time` and `duration` BE64 microseconds, `u64` BE64, `u32` BE32,
 * `u32le` little-endian, `u8pad3` one byte and three zero bytes, `text8` up to 8 ASCII characters, zero padded.
 */
export type FieldType =
  | "hash64"
  | "hash32"
  | "key32"
  | "sig64"
  | "optional64"
  | "optional32"
  | "zero32"
  | "amount"
  | "time"
  | "duration"
  | "u64"
  | "u32"
  | "u32le"
  | "u8pad3"
  | "text8";

/** Whose key signs a block. */
export type Signer =
  | "master"
  | "exchange"
  | "auditor"
  | "merchant"
  | "reserve"
  | "coin"
  | "purse"
  | "merge"
  | "age"
  | "token";

/** A signed structure: its purpose number, its signer and its fields after the header, in order (crypto.md 5). */
export interface Block {
  readonly purpose: number;
  readonly signer: Signer;
  readonly fields: readonly (readonly [name: string, type: FieldType])[];
}

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
 * All signed structures (crypto.md 5.2 to 5.9). Signing and verifying both read this table, so that they cannot differ.
 * Amounts are those with fee unless the name says otherwise.
 */
export const BLOCKS = {
  // Master key signatures (crypto.md 5.3).
  masterAmlKey: {
    purpose: 1017,
    signer: "master",
    fields: [["changeDate", "time"], ["officerPub", "key32"], ["hName", "hash64"], ["flags", "u32"]],
  },
  masterDrainProfit: {
    purpose: 1018,
    signer: "master",
    fields: [["wtid", "hash32"], ["date", "time"], ["amount", "amount"], ["hAccountSection", "hash64"], [
      "hPayto",
      "hash32",
    ]],
  },
  masterPartner: {
    purpose: 1019,
    signer: "master",
    fields: [["partnerMasterPub", "key32"], ["start", "time"], ["end", "time"], ["wadFrequency", "duration"], [
      "wadFee",
      "amount",
    ], ["hPartnerUrl", "hash64"]],
  },
  masterSigningKeyRevoked: { purpose: 1020, signer: "master", fields: [["exchangePub", "key32"]] },
  masterAddWire: {
    purpose: 1021,
    signer: "master",
    fields: [["start", "time"], ["hPayto", "hash32"], ["hConversionUrl", "optional64"], [
      "hDebitRestrictions",
      "hash64",
    ], ["hCreditRestrictions", "hash64"]],
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
    fields: [["start", "time"], ["expire", "time"], ["end", "time"], ["exchangePub", "key32"]],
  },
  masterDenominationKey: {
    purpose: 1025,
    signer: "master",
    fields: [
      ["masterPub", "key32"],
      ...DENOMINATION_VALIDITY,
    ],
  },
  masterAddAuditor: {
    purpose: 1026,
    signer: "master",
    fields: [["start", "time"], ["auditorPub", "key32"], ["hAuditorUrl", "hash64"]],
  },
  masterDelAuditor: { purpose: 1027, signer: "master", fields: [["end", "time"], ["auditorPub", "key32"]] },
  masterWireFees: {
    purpose: 1028,
    signer: "master",
    fields: [["hWireMethod", "hash64"], ["start", "time"], ["end", "time"], ["wireFee", "amount"], [
      "closingFee",
      "amount",
    ]],
  },
  masterDenominationRevoked: { purpose: 1029, signer: "master", fields: [["hDenomination", "hash64"]] },
  masterWireDetails: {
    purpose: 1030,
    signer: "master",
    fields: [["hPayto", "hash32"], ["hConversionUrl", "optional64"], ["hDebitRestrictions", "hash64"], [
      "hCreditRestrictions",
      "hash64",
    ]],
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
    fields: [["hWire", "hash64"], ["hContractTerms", "hash64"], ["wtid", "hash32"], ["coinPub", "key32"], [
      "executionTime",
      "time",
    ], ["coinContribution", "amount"]],
  },
  exchangeConfirmWireDeposit: {
    purpose: 1037,
    signer: "exchange",
    fields: [["total", "amount"], ["wireFee", "amount"], ["merchantPub", "key32"], ["hPayto", "hash32"], [
      "hDetails",
      "hash64",
    ]],
  },
  exchangeConfirmRefund: {
    purpose: 1038,
    signer: "exchange",
    fields: [["hContractTerms", "hash64"], ["coinPub", "key32"], ["merchantPub", "key32"], ["rtransactionId", "u64"], [
      "amount",
      "amount",
    ]],
  },
  exchangeConfirmRecoup: {
    purpose: 1039,
    signer: "exchange",
    fields: [["timestamp", "time"], ["amount", "amount"], ["coinPub", "key32"], ["reservePub", "key32"]],
  },
  exchangeReserveClosed: {
    purpose: 1040,
    signer: "exchange",
    fields: [["timestamp", "time"], ["closingAmount", "amount"], ["closingFee", "amount"], ["reservePub", "key32"], [
      "hPayto",
      "hash32",
    ], ["wtid", "hash32"]],
  },
  exchangeConfirmRecoupRefresh: {
    purpose: 1041,
    signer: "exchange",
    fields: [["timestamp", "time"], ["amount", "amount"], ["coinPub", "key32"], ["oldCoinPub", "key32"]],
  },
  exchangeDenominationUnknown: {
    purpose: 1042,
    signer: "exchange",
    fields: [["timestamp", "time"], ["hDenomination", "hash64"]],
  },
  exchangeDenominationExpired: {
    purpose: 1043,
    signer: "exchange",
    fields: [["timestamp", "time"], ["operation", "text8"], ["hDenomination", "hash64"]],
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
    fields: [["mergeTimestamp", "time"], ["depositTimestamp", "time"], ["balance", "amount"]],
  },
  exchangeReserveAttest: {
    purpose: 1048,
    signer: "exchange",
    fields: [["attestTimestamp", "time"], ["expiration", "time"], ["reservePub", "key32"], ["hAttributes", "hash64"]],
  },
  exchangePurseRefund: {
    purpose: 1049,
    signer: "exchange",
    fields: [["pursePub", "key32"], ["coinPub", "key32"], ["refundedAmount", "amount"], ["refundFee", "amount"]],
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
    fields: [["hContractTerms", "hash64"], ["coinPub", "key32"], ["rtransactionId", "u64"], ["amount", "amount"]],
  },
  merchantTrack: {
    purpose: 1103,
    signer: "merchant",
    fields: [["hContractTerms", "hash64"], ["hWire", "hash64"], ["coinPub", "key32"]],
  },
  merchantPaymentOk: { purpose: 1104, signer: "merchant", fields: [["hContractTerms", "hash64"]] },
  merchantWireDetails: { purpose: 1107, signer: "merchant", fields: [["hWire", "hash64"]] },
  // Wallet: coins, reserves, purses and merge capabilities (crypto.md 5.5 to 5.7).
  reserveWithdraw: {
    purpose: 1200,
    signer: "reserve",
    fields: [["amount", "amount"], ["hDenomination", "hash64"], ["hBlindedCoin", "hash64"]],
  },
  coinDeposit: {
    purpose: 1201,
    signer: "coin",
    fields: [
      ["hContractTerms", "hash64"],
      ["ageCommitment", "optional32"],
      ["hPolicy", "optional64"],
      ["hWire", "hash64"],
      ["hDenomination", "hash64"],
      ["walletTimestamp", "time"],
      ["refundDeadline", "time"],
      ["amount", "amount"],
      ["depositFee", "amount"],
      ["merchantPub", "key32"],
      ["walletDataHash", "optional64"],
    ],
  },
  coinMelt: {
    purpose: 1202,
    signer: "coin",
    fields: [["rc", "hash64"], ["hDenomination", "hash64"], ["ageCommitment", "optional32"], ["amount", "amount"], [
      "meltFee",
      "amount",
    ]],
  },
  coinRecoup: { purpose: 1203, signer: "coin", fields: [["hDenomination", "hash64"], ["coinBlind", "hash32"]] },
  // The age commitment of 1204 is declared but never filled: always zero (crypto.md 5.5).
  coinLink: {
    purpose: 1204,
    signer: "coin",
    fields: [["hDenomination", "hash64"], ["transferPub", "key32"], ["ageCommitment", "zero32"], [
      "hBlindedCoin",
      "hash64",
    ]],
  },
  accountSetup: { purpose: 1205, signer: "reserve", fields: [["balanceThreshold", "amount"]] },
  coinRecoupRefresh: { purpose: 1206, signer: "coin", fields: [["hDenomination", "hash64"], ["coinBlind", "hash32"]] },
  // Signed with an age key (Edx25519), whose signatures verify like Ed25519 (crypto.md 5.5).
  ageAttestation: { purpose: 1207, signer: "age", fields: [["ageMask", "u32"], ["age", "u32"]] },
  reserveHistory: { purpose: 1208, signer: "reserve", fields: [["startOffset", "u64"]] },
  coinHistory: { purpose: 1209, signer: "coin", fields: [["startOffset", "u64"]] },
  purseCreate: {
    purpose: 1210,
    signer: "purse",
    fields: [["purseExpiration", "time"], ["amount", "amount"], ["hContractTerms", "hash64"], ["mergePub", "key32"], [
      "minAge",
      "u32",
    ]],
  },
  purseDeposit: {
    purpose: 1211,
    signer: "coin",
    fields: [
      ["amount", "amount"],
      ["hDenomination", "hash64"],
      ["ageCommitment", "optional32"],
      ["pursePub", "key32"],
      ["hBaseUrl", "hash64"],
    ],
  },
  purseStatus: { purpose: 1212, signer: "purse", fields: [] },
  // hPayto of 1213 is that of the normal form of the reserve's payto URI (crypto.md 5.6).
  purseMerge: {
    purpose: 1213,
    signer: "merge",
    fields: [["mergeTimestamp", "time"], ["pursePub", "key32"], ["hPayto", "hash32"]],
  },
  accountMerge: {
    purpose: 1214,
    signer: "reserve",
    fields: [
      ["purseExpiration", "time"],
      ["amount", "amount"],
      ["purseFee", "amount"],
      ["hContractTerms", "hash64"],
      ["pursePub", "key32"],
      ["mergeTimestamp", "time"],
      ["minAge", "u32"],
      ["flags", "u32"],
    ],
  },
  // hPayto of 1215 is absent if the client named no account (crypto.md 5.7).
  reserveClose: { purpose: 1215, signer: "reserve", fields: [["requestTimestamp", "time"], ["hPayto", "optional32"]] },
  purseContract: {
    purpose: 1216,
    signer: "purse",
    fields: [["hEncryptedContract", "hash64"], ["contractPub", "key32"]],
  },
  reserveOpen: {
    purpose: 1217,
    signer: "reserve",
    fields: [["payment", "amount"], ["requestTimestamp", "time"], ["expiration", "time"], ["purseLimit", "u32"]],
  },
  reserveOpenDeposit: { purpose: 1218, signer: "coin", fields: [["reserveSig", "sig64"], ["contribution", "amount"]] },
  reserveAttest: { purpose: 1219, signer: "reserve", fields: [["requestTimestamp", "time"], ["hDetails", "hash64"]] },
  purseDelete: { purpose: 1220, signer: "purse", fields: [] },
  // Host order and compiler padding: the one block with little-endian and invisible bytes (crypto.md 1.1).
  reserveAgeWithdraw: {
    purpose: 1221,
    signer: "reserve",
    fields: [["reservePub", "key32"], ["amount", "amount"], ["hCommitment", "hash64"], ["ageMask", "u32le"], [
      "maxAgeGroup",
      "u8pad3",
    ]],
  },
  tokenUse: {
    purpose: 1222,
    signer: "token",
    fields: [["hContractTerms", "hash64"], ["walletDataHash", "optional64"]],
  },
  // Signer of 1360: a reserve or a merchant (crypto.md 5.7).
  kycAuth: { purpose: 1360, signer: "reserve", fields: [] },
} as const satisfies Readonly<Record<string, Block>>;

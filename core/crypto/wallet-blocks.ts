// SPDX-License-Identifier: AGPL-3.0-or-later
import type { Block } from "./block-fields.ts";

/**
 * What wallets sign with the keys of coins, reserves, purses and merge capabilities (crypto.md 5.5 to 5.7). Amounts
 * are those with fee unless the name says otherwise.
 */
export const WALLET_BLOCKS = {
  reserveWithdraw: {
    purpose: 1200,
    signer: "reserve",
    fields: [
      ["amount", "amount"],
      ["hDenomination", "hash64"],
      ["hBlindedCoin", "hash64"],
    ],
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
    fields: [
      ["rc", "hash64"],
      ["hDenomination", "hash64"],
      ["ageCommitment", "optional32"],
      ["amount", "amount"],
      ["meltFee", "amount"],
    ],
  },
  coinRecoup: { purpose: 1203, signer: "coin", fields: [["hDenomination", "hash64"], ["coinBlind", "hash32"]] },
  // The age commitment of 1204 is declared but never filled: always zero (crypto.md 5.5).
  coinLink: {
    purpose: 1204,
    signer: "coin",
    fields: [
      ["hDenomination", "hash64"],
      ["transferPub", "key32"],
      ["ageCommitment", "zero32"],
      ["hBlindedCoin", "hash64"],
    ],
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
    fields: [
      ["purseExpiration", "time"],
      ["amount", "amount"],
      ["hContractTerms", "hash64"],
      ["mergePub", "key32"],
      ["minAge", "u32"],
    ],
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
    fields: [
      ["mergeTimestamp", "time"],
      ["pursePub", "key32"],
      ["hPayto", "hash32"],
    ],
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
    fields: [
      ["payment", "amount"],
      ["requestTimestamp", "time"],
      ["expiration", "time"],
      ["purseLimit", "u32"],
    ],
  },
  reserveOpenDeposit: { purpose: 1218, signer: "coin", fields: [["reserveSig", "sig64"], ["contribution", "amount"]] },
  reserveAttest: { purpose: 1219, signer: "reserve", fields: [["requestTimestamp", "time"], ["hDetails", "hash64"]] },
  purseDelete: { purpose: 1220, signer: "purse", fields: [] },
  // Host order and compiler padding: the one block with little-endian and invisible bytes (crypto.md 1.1).
  reserveAgeWithdraw: {
    purpose: 1221,
    signer: "reserve",
    fields: [
      ["reservePub", "key32"],
      ["amount", "amount"],
      ["hCommitment", "hash64"],
      ["ageMask", "u32le"],
      ["maxAgeGroup", "u8pad3"],
    ],
  },
  tokenUse: {
    purpose: 1222,
    signer: "token",
    fields: [["hContractTerms", "hash64"], ["walletDataHash", "optional64"]],
  },
  // Signer of 1360: a reserve or a merchant (crypto.md 5.7).
  kycAuth: { purpose: 1360, signer: "reserve", fields: [] },
} as const satisfies Readonly<Record<string, Block>>;

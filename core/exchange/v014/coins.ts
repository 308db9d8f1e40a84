// SPDX-License-Identifier: AGPL-3.0-or-later
/** Sources of the coins pass for exchanges of generation 0.14 (audit chapter 2a). */
import type { RowReader } from "../../db/page.ts";
import type {
  AgeWithdrawalRow,
  CoinReference,
  DepositRow,
  KnownCoinRow,
  MeltRow,
  OpenDepositRow,
  PurseDepositRow,
  PurseRefundRow,
  RecoupRefreshRow,
  RecoupRow,
  RefundRow,
  RevealRow,
  WithdrawalRow,
} from "../rows.ts";
import { MissingPartner, partner, type Source } from "../source.ts";

/** Longer values cannot be valid; cutting them keeps a hostile row from filling the memory. */
const BLOB = (column: string) => `substring(${column} FROM 1 FOR 16384)`;
/** A longer account address cannot be hashed to its stored hash any more; see {@link BLOB}. */
export const TEXT = (column: string) => `substring(${column} FROM 1 FOR 4096)`;

const COIN_COLUMNS = "kc.known_coin_id, kc.denominations_serial, kc.coin_pub, kc.age_commitment_hash";

function coinJoin(column: string): string {
  return `LEFT JOIN exchange.known_coins kc ON kc.coin_pub = ${column}`;
}

function readCoin(r: RowReader): CoinReference | MissingPartner {
  const knownCoin = partner(r, "known_coins", r.int8OrNull());
  if (knownCoin instanceof MissingPartner) return knownCoin;
  return {
    knownCoin,
    denominationSerial: r.int8("known_coins.denominations_serial"),
    coinPub: r.bytes("known_coins.coin_pub", 32),
    ageCommitment: r.bytesOrNull("known_coins.age_commitment_hash", 32),
  };
}

/** Every coin that was ever spent; its signature is checked once in its life. */
export const KNOWN_COINS: Source<KnownCoinRow> = {
  table: "known_coins",
  serial: "known_coin_id",
  columns: `base.denominations_serial, base.coin_pub, base.age_commitment_hash, ${BLOB("base.denom_sig")}`,
  decode: (r) => ({
    denominationSerial: r.int8("denominations_serial"),
    coinPub: r.bytes("coin_pub", 32),
    ageCommitment: r.bytesOrNull("age_commitment_hash", 32),
    denominationSig: r.blob("denom_sig"),
  }),
};

/** Stage 1, and stage 2 of the reserves pass. */
export const WITHDRAWALS: Source<WithdrawalRow> = {
  table: "reserves_out",
  serial: "reserve_out_serial_id",
  amount: "amount_with_fee",
  columns: `r.reserve_pub, base.denominations_serial, base.h_blind_ev, ${BLOB("base.denom_sig")},
    base.reserve_sig, base.execution_date`,
  joins: "LEFT JOIN exchange.reserves r ON r.reserve_uuid = base.reserve_uuid",
  decode: (r) => {
    const reservePub = partner(r, "reserves", r.bytesOrNull("reserves.reserve_pub", 32));
    if (reservePub instanceof MissingPartner) return reservePub;
    return {
      reservePub,
      denominationSerial: r.int8("denominations_serial"),
      hBlindedCoin: r.bytes("h_blind_ev", 64),
      blindedSig: r.blob("denom_sig"),
      reserveSig: r.bytes("reserve_sig", 64),
      executionDate: r.timestamp("execution_date"),
      amount: r.stageAmount,
    };
  },
};

/** Withdrawals with age restriction. */
export const AGE_WITHDRAWALS: Source<AgeWithdrawalRow> = {
  table: "age_withdraw",
  serial: "age_withdraw_id",
  amount: "amount_with_fee",
  columns: `base.h_commitment, base.max_age, base.reserve_pub, base.reserve_sig,
    base.h_blind_evs, base.denom_serials, base.denom_sigs`,
  decode: (r) => ({
    hCommitment: r.bytes("h_commitment", 64),
    maxAge: r.int2("max_age"),
    amount: r.stageAmount,
    reservePub: r.bytes("reserve_pub", 32),
    reserveSig: r.bytes("reserve_sig", 64),
    hBlindedCoins: r.array("h_blind_evs"),
    denominationSerials: r.int8Array("denom_serials"),
    blindedSigs: r.array("denom_sigs"),
  }),
};

/** Stage 2. */
export const RECOUP_REFRESHES: Source<RecoupRefreshRow> = {
  table: "recoup_refresh",
  serial: "recoup_refresh_uuid",
  amount: "amount",
  columns: `${COIN_COLUMNS}, rrc.denominations_serial, ${BLOB("rrc.coin_ev")}, ${BLOB("rrc.ewv")},
    old.denominations_serial,
    base.coin_sig, base.coin_blind, base.recoup_timestamp`,
  joins: `${coinJoin("base.coin_pub")}
    LEFT JOIN exchange.refresh_revealed_coins rrc ON rrc.rrc_serial = base.rrc_serial
    LEFT JOIN exchange.refresh_commitments rc ON rc.melt_serial_id = rrc.melt_serial_id
    LEFT JOIN exchange.known_coins old ON old.coin_pub = rc.old_coin_pub`,
  decode: (r) => {
    const coin = readCoin(r);
    if (coin instanceof MissingPartner) return coin;
    const freshDenomination = partner(r, "refresh_revealed_coins", r.int8OrNull());
    if (freshDenomination instanceof MissingPartner) return freshDenomination;
    const planchet = r.blob("refresh_revealed_coins.coin_ev");
    const withdrawValues = r.blob("refresh_revealed_coins.ewv");
    const oldDenominationSerial = partner(r, "known_coins (old coin)", r.int8OrNull());
    if (oldDenominationSerial instanceof MissingPartner) return oldDenominationSerial;
    const row = {
      coin,
      freshDenomination,
      planchet,
      withdrawValues,
      oldDenominationSerial,
      coinSig: r.bytes("coin_sig", 64),
      coinBlind: r.bytes("coin_blind", 32),
      amount: r.stageAmount,
    };
    r.timestamp("recoup_timestamp");
    return row;
  },
};

/** Stage 3. */
export const DEPOSITS: Source<DepositRow> = {
  table: "coin_deposits",
  serial: "coin_deposit_serial_id",
  amount: "amount_with_fee",
  columns: `${COIN_COLUMNS}, bd.batch_deposit_serial_id, ${TEXT("wt.payto_uri")}, bd.policy_details_serial_id,
    pd.policy_details_serial_id, base.coin_sig, bd.merchant_pub, bd.h_contract_terms, bd.wallet_timestamp, bd.exchange_timestamp, bd.refund_deadline,
    bd.wire_deadline, bd.wallet_data_hash, bd.wire_salt, at.aggregation_serial_id`,
  joins: `${coinJoin("base.coin_pub")}
    LEFT JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = base.batch_deposit_serial_id
    LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = bd.wire_target_h_payto
    LEFT JOIN exchange.policy_details pd ON pd.policy_details_serial_id = bd.policy_details_serial_id
    LEFT JOIN exchange.aggregation_tracking at ON at.batch_deposit_serial_id = base.batch_deposit_serial_id`,
  decode: (r) => {
    const coin = readCoin(r);
    if (coin instanceof MissingPartner) return coin;
    const batch = partner(r, "batch_deposits", r.int8OrNull());
    if (batch instanceof MissingPartner) return batch;
    const payto = partner(r, "wire_targets", r.textOrNull());
    if (payto instanceof MissingPartner) return payto;
    const policy = r.int8OrNull();
    if (r.int8OrNull() !== policy) {
      r.skipRest();
      return new MissingPartner("policy_details");
    }
    return {
      coin,
      batch,
      payto,
      policy,
      coinSig: r.bytes("coin_sig", 64),
      amount: r.stageAmount,
      merchantPub: r.bytes("batch_deposits.merchant_pub", 32),
      hContractTerms: r.bytes("batch_deposits.h_contract_terms", 64),
      walletTimestamp: r.timestamp("batch_deposits.wallet_timestamp"),
      exchangeTimestamp: r.timestamp("batch_deposits.exchange_timestamp"),
      refundDeadline: r.timestamp("batch_deposits.refund_deadline"),
      wireDeadline: r.timestamp("batch_deposits.wire_deadline"),
      walletDataHash: r.bytesOrNull("batch_deposits.wallet_data_hash", 64),
      wireSalt: r.bytes("batch_deposits.wire_salt", 16),
      aggregation: r.int8OrNull(),
    };
  },
};

/** JSON text of a policy, cut where no request to the exchange could be longer; parameter 1: its serial. */
export const POLICY = `SELECT pd.policy_details_serial_id AS serial, substring(pd.policy_json FROM 1 FOR ${1 << 24})
  FROM exchange.policy_details pd WHERE pd.policy_details_serial_id = $1 ORDER BY 1 LIMIT 1`;

/** Stage 4. */
export const PURSE_DEPOSITS: Source<PurseDepositRow> = {
  table: "purse_deposits",
  serial: "purse_deposit_serial_id",
  amount: "amount_with_fee",
  columns: `${COIN_COLUMNS}, pr.purse_requests_serial_id, base.partner_serial_id IS NOT NULL, p.partner_base_url,
    base.coin_sig, base.purse_pub`,
  joins: `${coinJoin("base.coin_pub")}
    LEFT JOIN exchange.purse_requests pr ON pr.purse_pub = base.purse_pub
    LEFT JOIN exchange.partners p ON p.partner_serial_id = base.partner_serial_id`,
  decode: (r) => {
    const coin = readCoin(r);
    if (coin instanceof MissingPartner) return coin;
    const purse = partner(r, "purse_requests", r.int8OrNull());
    if (purse instanceof MissingPartner) return purse;
    const hasPartner = r.bool();
    const partnerUrl = r.textOrNull();
    if (hasPartner && partnerUrl === undefined) {
      r.skipRest();
      return new MissingPartner("partners");
    }
    return {
      coin,
      partnerUrl,
      coinSig: r.bytes("coin_sig", 64),
      amount: r.stageAmount,
      pursePub: r.bytes("purse_pub", 32),
    };
  },
};

/** Stage 5. Sums of the coin's deposits and earlier refunds in the batch come along for D-14 and X-5. */
export const REFUNDS: Source<RefundRow> = {
  table: "refunds",
  serial: "refund_serial_id",
  amount: "amount_with_fee",
  columns: `${COIN_COLUMNS}, bd.batch_deposit_serial_id, nullif(cd.deposits, 0), cd.val, cd.frac, rb.val, rb.frac,
    base.merchant_sig, base.rtransaction_id, bd.merchant_pub, bd.h_contract_terms, at.aggregation_serial_id`,
  joins: `${coinJoin("base.coin_pub")}
    LEFT JOIN exchange.batch_deposits bd ON bd.batch_deposit_serial_id = base.batch_deposit_serial_id
    LEFT JOIN LATERAL (SELECT count(*)::int8 AS deposits, coalesce(sum((x.amount_with_fee).val), 0)::text AS val,
        coalesce(sum((x.amount_with_fee).frac), 0)::text AS frac
      FROM exchange.coin_deposits x
      WHERE x.batch_deposit_serial_id = base.batch_deposit_serial_id AND x.coin_pub = base.coin_pub) cd ON true
    LEFT JOIN LATERAL (SELECT coalesce(sum((x.amount_with_fee).val), 0)::text AS val,
        coalesce(sum((x.amount_with_fee).frac), 0)::text AS frac
      FROM exchange.refunds x
      WHERE x.batch_deposit_serial_id = base.batch_deposit_serial_id AND x.coin_pub = base.coin_pub
        AND x.refund_serial_id < base.refund_serial_id) rb ON true
    LEFT JOIN exchange.aggregation_tracking at ON at.batch_deposit_serial_id = base.batch_deposit_serial_id`,
  decode: (r) => {
    const coin = readCoin(r);
    if (coin instanceof MissingPartner) return coin;
    const batch = partner(r, "batch_deposits", r.int8OrNull());
    if (batch instanceof MissingPartner) return batch;
    const deposits = partner(r, "coin_deposits", r.int8OrNull());
    if (deposits instanceof MissingPartner) return deposits;
    return {
      coin,
      batch,
      deposits: Number(deposits),
      deposited: atomsOfSums(r),
      refundedBefore: atomsOfSums(r),
      merchantSig: r.bytes("merchant_sig", 64),
      rtransactionId: BigInt.asUintN(64, r.int8("rtransaction_id")),
      amount: r.stageAmount,
      merchantPub: r.bytes("batch_deposits.merchant_pub", 32),
      hContractTerms: r.bytes("batch_deposits.h_contract_terms", 64),
      aggregation: r.int8OrNull(),
    };
  },
};

/**
 * Sums of refunds with higher serials in the batches of some, of the same coins; parameters: serials of the refunds, end
 * of the serials that count, serials that do not.
 */
export const LATER_REFUNDS = `SELECT base.refund_serial_id AS serial, x.val, x.frac FROM exchange.refunds base
  CROSS JOIN LATERAL (SELECT coalesce(sum((x.amount_with_fee).val), 0)::text AS val,
      coalesce(sum((x.amount_with_fee).frac), 0)::text AS frac
    FROM exchange.refunds x
    WHERE x.batch_deposit_serial_id = base.batch_deposit_serial_id AND x.coin_pub = base.coin_pub
      AND x.refund_serial_id > base.refund_serial_id AND x.refund_serial_id < $2
      AND x.refund_serial_id <> ALL($3::int8[])) x
  WHERE base.refund_serial_id = ANY($1::int8[]) ORDER BY 1`;

/** Two numeric sums sent as text: units and 10^-8 units. */
export function atomsOfSums(r: RowReader): bigint {
  return BigInt(r.text("sum")) * 100_000_000n + BigInt(r.text("sum"));
}

/** Stage 6: the decisions; their coins come from {@link purseRefundCoins}. */
export const PURSE_REFUND_DECISIONS: Source<{ pursePub: Uint8Array }> = {
  table: "purse_decision",
  serial: "purse_decision_serial_id",
  where: "base.refunded",
  columns: "pr.purse_requests_serial_id, base.purse_pub",
  joins: "LEFT JOIN exchange.purse_requests pr ON pr.purse_pub = base.purse_pub",
  decode: (r) => {
    const purse = partner(r, "purse_requests", r.int8OrNull());
    if (purse instanceof MissingPartner) return purse;
    return { pursePub: r.bytes("purse_pub", 32) };
  },
};

/** The coins of refunded purses; parameter 1: serials of the decisions. Ordered by decision, then deposit. */
export const PURSE_REFUND_COINS = `SELECT pd.purse_deposit_serial_id AS serial, ${COIN_COLUMNS}, dec.purse_pub,
    dec.purse_decision_serial_id, pd.amount_with_fee
  FROM exchange.purse_decision dec JOIN exchange.purse_deposits pd ON pd.purse_pub = dec.purse_pub
  ${coinJoin("pd.coin_pub")}
  WHERE dec.purse_decision_serial_id = ANY($1::int8[]) ORDER BY dec.purse_decision_serial_id, 1`;

/** Decodes {@link PURSE_REFUND_COINS}. */
export function decodePurseRefundCoin(r: RowReader): PurseRefundRow & { decision: bigint } | MissingPartner {
  const coin = readCoin(r);
  if (coin instanceof MissingPartner) return coin;
  return {
    coin,
    deposit: r.serial,
    pursePub: r.bytes("purse_pub", 32),
    decision: r.int8("purse_decision_serial_id"),
    amount: r.amount("amount_with_fee"),
  };
}

/** Stage 7: the melts; their reveals come from {@link REVEALS}. */
export const MELTS: Source<MeltRow> = {
  table: "refresh_commitments",
  serial: "melt_serial_id",
  amount: "amount_with_fee",
  columns: `${COIN_COLUMNS}, base.rc, base.old_coin_sig, tk.transfer_pub`,
  joins: `${coinJoin("base.old_coin_pub")}
    LEFT JOIN exchange.refresh_transfer_keys tk ON tk.melt_serial_id = base.melt_serial_id`,
  decode: (r) => {
    const coin = readCoin(r);
    if (coin instanceof MissingPartner) return coin;
    return {
      coin,
      rc: r.bytes("rc", 64),
      coinSig: r.bytes("old_coin_sig", 64),
      amount: r.stageAmount,
      transferPub: r.bytesOrNull("refresh_transfer_keys.transfer_pub", 32),
    };
  },
};

/** The fresh coins of melts; parameter 1: serials of the melts. */
export const REVEALS = `SELECT base.rrc_serial AS serial, base.melt_serial_id, base.freshcoin_index,
    base.denominations_serial, base.link_sig, ${BLOB("base.coin_ev")}, base.h_coin_ev, ${BLOB("base.ev_sig")},
    ${BLOB("base.ewv")}
  FROM exchange.refresh_revealed_coins base WHERE base.melt_serial_id = ANY($1::int8[])
  ORDER BY base.melt_serial_id, base.freshcoin_index, base.rrc_serial`;

/** Decodes {@link REVEALS}. */
export function decodeReveal(r: RowReader): RevealRow {
  return {
    melt: r.int8("melt_serial_id"),
    index: r.int4("freshcoin_index"),
    denominationSerial: r.int8("denominations_serial"),
    linkSig: r.bytes("link_sig", 64),
    planchet: r.blob("coin_ev"),
    hBlindedCoin: r.bytes("h_coin_ev", 64),
    blindedSig: r.blob("ev_sig"),
    withdrawValues: r.blob("ewv"),
  };
}

/** Stage 8, and stage 3 of the reserves pass. */
export const RECOUPS: Source<RecoupRow> = {
  table: "recoup",
  serial: "recoup_uuid",
  amount: "amount",
  columns:
    `${COIN_COLUMNS}, ro.denominations_serial, r.reserve_pub, ro.h_blind_ev, base.coin_sig, base.coin_blind, base.recoup_timestamp`,
  joins: `${coinJoin("base.coin_pub")}
    LEFT JOIN exchange.reserves_out ro ON ro.reserve_out_serial_id = base.reserve_out_serial_id
    LEFT JOIN exchange.reserves r ON r.reserve_uuid = ro.reserve_uuid`,
  decode: (r) => {
    const coin = readCoin(r);
    if (coin instanceof MissingPartner) return coin;
    const withdrawalDenomination = partner(r, "reserves_out", r.int8OrNull());
    if (withdrawalDenomination instanceof MissingPartner) return withdrawalDenomination;
    const reservePub = partner(r, "reserves", r.bytesOrNull("reserves.reserve_pub", 32));
    if (reservePub instanceof MissingPartner) return reservePub;
    return {
      coin,
      withdrawalDenomination,
      reservePub,
      hBlindedCoin: r.bytes("reserves_out.h_blind_ev", 64),
      coinSig: r.bytes("coin_sig", 64),
      coinBlind: r.bytes("coin_blind", 32),
      amount: r.stageAmount,
      timestamp: r.timestamp("recoup_timestamp"),
    };
  },
};

/** Coins that pay for keeping a reserve open. */
export const OPEN_DEPOSITS: Source<OpenDepositRow> = {
  table: "reserves_open_deposits",
  serial: "reserve_open_deposit_uuid",
  amount: "contribution",
  columns: `${COIN_COLUMNS}, base.reserve_sig, base.reserve_pub, base.coin_sig`,
  joins: coinJoin("base.coin_pub"),
  decode: (r) => {
    const coin = readCoin(r);
    if (coin instanceof MissingPartner) return coin;
    return {
      coin,
      reserveSig: r.bytes("reserve_sig", 64),
      reservePub: r.bytes("reserve_pub", 32),
      coinSig: r.bytes("coin_sig", 64),
      contribution: r.stageAmount,
    };
  },
};

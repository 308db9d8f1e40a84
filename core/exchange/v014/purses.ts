// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Sources of the purses pass for exchanges of generation 0.14 (purses chapter 5.2). A purse that the exchange does not
 * have is part of the rows and no missing partner, because the pass has findings of its own for it.
 */
import type { RowReader } from "../../db/page.ts";
import type {
  PurseCoinRow,
  PurseConsentRow,
  PurseContract,
  PurseDecisionRow,
  PurseDeletionRow,
  PurseExchange,
  PurseFactsRow,
  PurseMergeRow,
  PurseRequestRow,
} from "../purse-rows.ts";
import type { CoinReference } from "../rows.ts";
import { MissingPartner, partner, type Source } from "../source.ts";

const REQUEST_JOIN = "LEFT JOIN exchange.purse_requests pr ON pr.purse_pub = base.purse_pub";
const PARTNER_JOIN = "LEFT JOIN exchange.partners p ON p.partner_serial_id = base.partner_serial_id";
/** A base URL is signed, so that a cut one fails its signature; see `BLOB` of the coins' sources. */
const PARTNER_COLUMNS = "base.partner_serial_id IS NOT NULL, substring(p.partner_base_url FROM 1 FOR 4096)";

function readExchange(r: RowReader): PurseExchange | MissingPartner {
  const named = r.bool();
  const baseUrl = r.textOrNull();
  if (!named) return { partner: false };
  if (baseUrl !== undefined) return { partner: true, baseUrl };
  r.skipRest();
  return new MissingPartner("partners");
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

/** Step 1. */
export const PURSE_REQUESTS: Source<PurseRequestRow> = {
  table: "purse_requests",
  serial: "purse_requests_serial_id",
  amount: "amount_with_fee",
  columns: `base.purse_pub, base.merge_pub, base.purse_creation, base.purse_expiration, base.h_contract_terms,
    base.age_limit, base.flags, base.purse_fee, base.purse_sig`,
  decode: (r) => ({
    pursePub: r.bytes("purse_pub", 32),
    mergePub: r.bytes("merge_pub", 32),
    creation: r.timestamp("purse_creation"),
    expiration: r.timestamp("purse_expiration"),
    hContractTerms: r.bytes("h_contract_terms", 64),
    minAge: r.int4("age_limit"),
    flags: r.int4("flags"),
    target: r.stageAmount,
    purseFee: r.amount("purse_fee"),
    purseSig: r.bytes("purse_sig", 64),
  }),
};

/** Step 2. */
export const PURSE_MERGES: Source<PurseMergeRow> = {
  table: "purse_merges",
  serial: "purse_merge_request_serial_id",
  columns: `${PARTNER_COLUMNS}, base.purse_pub, base.reserve_pub, base.merge_sig, base.merge_timestamp,
    pr.purse_requests_serial_id, pr.merge_pub, pr.amount_with_fee`,
  joins: `${REQUEST_JOIN} ${PARTNER_JOIN}`,
  decode: (r) => {
    const exchange = readExchange(r);
    if (exchange instanceof MissingPartner) return exchange;
    const row = {
      exchange,
      pursePub: r.bytes("purse_pub", 32),
      reservePub: r.bytes("reserve_pub", 32),
      mergeSig: r.bytes("merge_sig", 64),
      mergeTimestamp: r.timestamp("merge_timestamp"),
    };
    const serial = r.int8OrNull();
    if (serial === undefined) {
      r.skipRest();
      return { ...row, request: undefined };
    }
    const mergePub = r.bytes("purse_requests.merge_pub", 32);
    return { ...row, request: { serial, mergePub, target: r.amount("purse_requests.amount_with_fee") } };
  },
};

/** Step 3. */
export const PURSE_COINS: Source<PurseCoinRow> = {
  table: "purse_deposits",
  serial: "purse_deposit_serial_id",
  amount: "amount_with_fee",
  columns: `kc.known_coin_id, kc.denominations_serial, kc.coin_pub, kc.age_commitment_hash, ${PARTNER_COLUMNS},
    base.purse_pub, base.coin_sig, dec.purse_decision_serial_id, pr.purse_requests_serial_id, pr.purse_expiration`,
  joins: `${REQUEST_JOIN} ${PARTNER_JOIN}
    LEFT JOIN exchange.known_coins kc ON kc.coin_pub = base.coin_pub
    LEFT JOIN exchange.purse_decision dec ON dec.purse_pub = base.purse_pub`,
  decode: (r) => {
    const coin = readCoin(r);
    if (coin instanceof MissingPartner) return coin;
    const exchange = readExchange(r);
    if (exchange instanceof MissingPartner) return exchange;
    const row = {
      coin,
      exchange,
      pursePub: r.bytes("purse_pub", 32),
      coinSig: r.bytes("coin_sig", 64),
      amount: r.stageAmount,
      decision: r.int8OrNull(),
    };
    const serial = r.int8OrNull();
    if (serial === undefined) {
      r.skipRest();
      return { ...row, request: undefined };
    }
    return { ...row, request: { serial, expiration: r.timestamp("purse_requests.purse_expiration") } };
  },
};

/** Step 4. */
export const PURSE_CONSENTS: Source<PurseConsentRow> = {
  table: "account_merges",
  serial: "account_merge_request_serial_id",
  columns: `base.purse_pub, base.reserve_pub, base.reserve_sig, pr.purse_requests_serial_id,
    pm.purse_merge_request_serial_id, pm.merge_timestamp, pr.h_contract_terms, pr.purse_expiration, pr.amount_with_fee,
    pr.age_limit, pr.flags, pr.purse_fee`,
  joins: `${REQUEST_JOIN} LEFT JOIN exchange.purse_merges pm ON pm.purse_pub = base.purse_pub`,
  decode: (r) => {
    const row = {
      pursePub: r.bytes("purse_pub", 32),
      reservePub: r.bytes("reserve_pub", 32),
      reserveSig: r.bytes("reserve_sig", 64),
    };
    const serial = r.int8OrNull();
    if (serial === undefined) {
      r.skipRest();
      return { ...row, request: undefined };
    }
    const merge = partner(r, "purse_merges", r.int8OrNull());
    if (merge instanceof MissingPartner) return merge;
    const request = {
      serial,
      mergeTimestamp: r.timestamp("purse_merges.merge_timestamp"),
      hContractTerms: r.bytes("purse_requests.h_contract_terms", 64),
      expiration: r.timestamp("purse_requests.purse_expiration"),
      target: r.amount("purse_requests.amount_with_fee"),
      minAge: r.int4("purse_requests.age_limit"),
      flags: r.int4("purse_requests.flags"),
      purseFee: r.amount("purse_requests.purse_fee"),
    };
    return { ...row, request };
  },
};

/** Step 5. What was decided is judged with the facts of the purse, {@link purseFactsSql}. */
export const PURSE_DECISIONS: Source<PurseDecisionRow> = {
  table: "purse_decision",
  serial: "purse_decision_serial_id",
  columns: "base.purse_pub, base.action_timestamp, pr.purse_requests_serial_id",
  joins: REQUEST_JOIN,
  decode: (r) => {
    const pursePub = r.bytes("purse_pub", 32);
    r.time("action_timestamp");
    return { pursePub, request: r.int8OrNull() };
  },
};

/** Deletions of purses by their owners, which the reference does not audit (PU-R3). */
export const PURSE_DELETIONS: Source<PurseDeletionRow> = {
  table: "purse_deletion",
  serial: "purse_deletion_serial_id",
  columns: "base.purse_pub, base.purse_sig, pr.purse_requests_serial_id",
  joins: REQUEST_JOIN,
  decode: (r) => ({
    pursePub: r.bytes("purse_pub", 32),
    purseSig: r.bytesOrNull("purse_sig", 64),
    request: r.int8OrNull(),
  }),
};

const ATOMS = (amount: string) => `((${amount}).val::numeric * 100000000 + (${amount}).frac)`;

/**
 * The facts of some purses but for deletions, by serial of their request: one row each, unless a purse has several rows
 * in a table where one is allowed. Parameters: rows of deposits
 * that do not count; ends (exclusive serials) of what was audited of deposits, merges, account merges, decisions; then
 * what `purses` needs, from $6.
 */
export function purseFactsSql(purses: string): string {
  return `SELECT pr.purse_requests_serial_id AS serial, pr.purse_pub, pr.merge_pub, pr.purse_creation,
    pr.purse_expiration, pr.flags, pr.amount_with_fee, pr.purse_fee, pr.balance, d.deposited::text,
    pm.purse_merge_request_serial_id, pm.partner_serial_id IS NOT NULL, pm.reserve_pub, pm.merge_timestamp,
    am.account_merge_request_serial_id, am.reserve_pub,
    dec.purse_decision_serial_id, dec.refunded, dec.action_timestamp,
    c.contract_serial_id, c.pub_ckey, c.contract_sig, sha512(c.e_contract)
  FROM (${purses}) pr
  CROSS JOIN LATERAL (SELECT coalesce(sum(greatest(${ATOMS("x.amount_with_fee")} - ${ATOMS("dn.fee_deposit")}, 0)), 0)
      AS deposited
    FROM exchange.purse_deposits x
    JOIN exchange.known_coins kc ON kc.coin_pub = x.coin_pub
    JOIN exchange.denominations dn ON dn.denominations_serial = kc.denominations_serial
    WHERE x.purse_pub = pr.purse_pub AND x.purse_deposit_serial_id < $2
      AND x.purse_deposit_serial_id NOT IN (SELECT unnest($1::int8[]))) d
  LEFT JOIN exchange.purse_merges pm ON pm.purse_pub = pr.purse_pub AND pm.purse_merge_request_serial_id < $3
  LEFT JOIN exchange.account_merges am ON am.purse_pub = pr.purse_pub AND am.account_merge_request_serial_id < $4
  LEFT JOIN exchange.purse_decision dec ON dec.purse_pub = pr.purse_pub AND dec.purse_decision_serial_id < $5
  LEFT JOIN exchange.contracts c ON c.purse_pub = pr.purse_pub
  ORDER BY 1, pr.purse_pub, pm.purse_merge_request_serial_id, am.account_merge_request_serial_id,
    dec.purse_decision_serial_id, c.contract_serial_id`;
}

/** For {@link purseFactsSql}: purses whose request lies in a range; parameters $6 first, $7 end, $8 number of rows. */
export const PURSES_IN_RANGE = `SELECT * FROM exchange.purse_requests x WHERE x.purse_requests_serial_id >= $6
  AND x.purse_requests_serial_id < $7 ORDER BY x.purse_requests_serial_id LIMIT $8`;

/** For {@link purseFactsSql}: given purses; parameter $6: serials of their requests. */
export const GIVEN_PURSES =
  "SELECT * FROM exchange.purse_requests x WHERE x.purse_requests_serial_id = ANY ($6::int8[])";

/** Decodes {@link purseFactsSql}. */
export function decodePurseFacts(r: RowReader): PurseFactsRow {
  return {
    pursePub: r.bytes("purse_pub", 32),
    mergePub: r.bytes("merge_pub", 32),
    creation: r.timestamp("purse_creation"),
    expiration: r.timestamp("purse_expiration"),
    flags: r.int4("flags"),
    target: r.amount("amount_with_fee"),
    purseFee: r.amount("purse_fee"),
    claimed: r.amount("balance"),
    deposited: BigInt(r.text("deposited")),
    merge: readMerge(r),
    consent: readConsent(r),
    decision: readDecision(r),
    contract: readContract(r),
  };
}

function readMerge(r: RowReader): PurseFactsRow["merge"] {
  const serial = r.int8OrNull();
  const toPartner = r.bool();
  const reservePub = r.bytesOrNull("purse_merges.reserve_pub", 32);
  const timestamp = r.int8OrNull();
  if (serial === undefined || reservePub === undefined || timestamp === undefined) return undefined;
  return { serial, toPartner, reservePub, timestamp };
}

function readConsent(r: RowReader): PurseFactsRow["consent"] {
  const serial = r.int8OrNull();
  const reservePub = r.bytesOrNull("account_merges.reserve_pub", 32);
  return serial === undefined || reservePub === undefined ? undefined : { serial, reservePub };
}

function readDecision(r: RowReader): PurseFactsRow["decision"] {
  const serial = r.int8OrNull();
  const refunded = r.bool();
  const time = r.int8OrNull();
  return serial === undefined || time === undefined ? undefined : { serial, refunded, time };
}

function readContract(r: RowReader): PurseContract | undefined {
  const serial = r.int8OrNull();
  const contractPub = r.bytesOrNull("contracts.pub_ckey", 32);
  const contractSig = r.bytesOrNull("contracts.contract_sig", 64);
  const hEncryptedContract = r.bytesOrNull("contracts.e_contract", 64);
  if (serial === undefined || contractPub === undefined || contractSig === undefined) return undefined;
  return hEncryptedContract === undefined ? undefined : { serial, contractPub, contractSig, hEncryptedContract };
}

/** Serials of the requests of purses; parameter 1: purse keys in hexadecimal. */
export const REQUESTS_OF_PURSES = `SELECT pr.purse_requests_serial_id AS serial FROM exchange.purse_requests pr
  WHERE pr.purse_pub IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x) ORDER BY 1`;

/**
 * Serials of the requests of purses without decision, for an auditor that takes over an audit; parameters: first serial,
 * end, number of rows.
 */
export const UNDECIDED_PURSES = `SELECT pr.purse_requests_serial_id AS serial FROM exchange.purse_requests pr
  WHERE pr.purse_requests_serial_id >= $1 AND pr.purse_requests_serial_id < $2
    AND NOT EXISTS (SELECT FROM exchange.purse_decision dec WHERE dec.purse_pub = pr.purse_pub)
  ORDER BY 1 LIMIT $3`;

/**
 * The youngest times that the exchange itself wrote into the database, one row for each kind of event: the database is
 * at least as recent as that. Only the rows with the highest serials are looked at, so that no table is read whole.
 */
export const NEWEST_EVENTS = `SELECT x.serial, x.at FROM (
    (SELECT batch_deposit_serial_id AS serial, exchange_timestamp AS at FROM exchange.batch_deposits
      ORDER BY 1 DESC LIMIT 1)
    UNION ALL (SELECT reserve_out_serial_id, execution_date FROM exchange.reserves_out ORDER BY 1 DESC LIMIT 1)
    UNION ALL (SELECT purse_decision_serial_id, action_timestamp FROM exchange.purse_decision ORDER BY 1 DESC LIMIT 1)
    UNION ALL (SELECT purse_requests_serial_id, purse_creation FROM exchange.purse_requests ORDER BY 1 DESC LIMIT 1)
  ) x`;

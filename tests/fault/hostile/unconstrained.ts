// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Hostile rows that the schema forbids: the constraint was dropped before, as an exchange that controls its own database
 * could, when it is audited without a trusted copy. The columns' names and types are still right: an audit of anything
 * else is refused.
 */
import type { HostileCase } from "../../support/hostile.ts";

type Line = Omit<HostileCase, "dataset" | "without"> & { dataset?: string; drop: string };

const drop = (table: string, ...names: string[]) =>
  names.map((name) => `ALTER TABLE exchange.${table} DROP CONSTRAINT ${name};`).join("\n");
const nullable = (table: string, column: string) => `ALTER TABLE exchange.${table} ALTER ${column} DROP NOT NULL;`;
const RESERVE_1 = "(SELECT reserve_pub FROM exchange.reserves_in WHERE reserve_in_serial_id = 1)";

/** Foreign keys on coins, which are in the way of every change of a coin's key. */
const COIN_KEYS = [
  drop("coin_deposits", "coin_deposits_foreign_coin_pub"),
  drop("refresh_commitments", "refresh_commitments_foreign_coin_pub"),
  drop("coin_history", "coin_history_foreign_coin_pub"),
].join("\n");

const NOT_WIRED = "A-23 wire#2 to *: 28.7 instead of 27.71: *";

const lengths: Line[] = [
  {
    name: "known_coins.coin_pub has 31 bytes, like the deposit of the coin",
    drop: `${COIN_KEYS} ${drop("known_coins", "known_coins_coin_pub_check")}
      ${drop("coin_deposits", "coin_deposits_coin_pub_check")}`,
    sql: `UPDATE exchange.coin_deposits SET coin_pub = substring(coin_pub FOR 31) WHERE coin_deposit_serial_id = 1;
          UPDATE exchange.known_coins SET coin_pub = substring(coin_pub FOR 31) WHERE known_coin_id = 1`,
    expect: [
      "D-17 known_coins#1 row cannot be read: coin_pub has 31 bytes instead of 32",
      "D-17 coin_deposits#1 row cannot be read: known_coins.coin_pub has 31 bytes instead of 32",
      "D-17 aggregation_tracking#13 row cannot be read: coin_deposits.coin_pub has 31 bytes instead of 32",
      NOT_WIRED,
      "X-8 coin_history#* no history entry for coin_deposits, row 1",
      "X-8 coin_history#1 history entry points to nothing: coin_deposits, row 1",
    ],
  },
  {
    name: "known_coins.age_commitment_hash has a megabyte",
    drop: drop("known_coins", "known_coins_age_commitment_hash_check"),
    sql:
      `UPDATE exchange.known_coins SET age_commitment_hash = decode(repeat('00', 1000000), 'hex') WHERE known_coin_id = 1`,
    expect: [
      "D-17 known_coins#1 row cannot be read: age_commitment_hash has 1000000 bytes instead of 32",
      "D-17 coin_deposits#1 row cannot be read: known_coins.age_commitment_hash has 1000000 bytes instead of 32",
    ],
  },
  {
    name: "purse_deposits.coin_pub has 5 bytes",
    dataset: "p2p-rsa",
    drop: drop("purse_deposits", "purse_deposits_foreign_coin_pub"),
    sql: `UPDATE exchange.purse_deposits SET coin_pub = '\\x0102030405' WHERE purse_deposit_serial_id = 1`,
    expect: [
      "X-9 purse_deposits#1 row refers to a missing row in known_coins",
      "X-8 coin_history#1 no history entry for purse_deposits, row 1",
    ],
    perhaps: ["X-8 *", "X-9 purse_d*", "C-* *", "X-16 *"],
  },
  {
    name: "refresh_commitments.old_coin_pub has no bytes",
    drop: drop("refresh_commitments", "refresh_commitments_foreign_coin_pub"),
    sql: `UPDATE exchange.refresh_commitments SET old_coin_pub = '' WHERE melt_serial_id = 2`,
    expect: [
      "X-9 refresh_commitments#2 row refers to a missing row in known_coins",
      "X-8 coin_history#2 no history entry for refresh_commitments, row 2",
      "X-8 coin_history#* history entry points to nothing: refresh_commitments, row 2",
    ],
    perhaps: ["X-16 known_coins#* *"],
  },
  {
    name: "reserves_in.reserve_pub has 33 bytes",
    drop: drop("reserves_in", "reserves_in_foreign_reserve_pub"),
    sql: `UPDATE exchange.reserves_in SET reserve_pub = reserve_pub || '\\x00' WHERE reserve_in_serial_id = 1`,
    expect: [
      "X-9 reserves_in#1 row refers to a missing row in reserves",
      "R-16 is short of 25.05",
      "R-18 has 0",
      "R-18 0.45 against 0",
      "R-21 *",
    ],
  },
  {
    name: "reserves.reserve_pub has 33 bytes, like the credit",
    drop: `${drop("reserves_in", "reserves_in_foreign_reserve_pub")} ${drop("reserves", "reserves_reserve_pub_check")}
      ${drop("reserve_history", "reserve_history_foreign_reserve_pub")}`,
    sql: `UPDATE exchange.reserves SET reserve_pub = reserve_pub || '\\x00' WHERE reserve_pub = ${RESERVE_1};
          UPDATE exchange.reserves_in SET reserve_pub = reserve_pub || '\\x00' WHERE reserve_in_serial_id = 1`,
    expect: [
      "D-17 reserves_in#1 row cannot be read: reserve_pub has 33 bytes instead of 32",
      "10 x D-17 reserves_out#* row cannot be read: reserves.reserve_pub has 33 bytes instead of 32",
      "C-32 of 5 issued 195 known 200 of 975",
    ],
  },
  {
    name: "reserves_close.reserve_pub has no bytes",
    dataset: "exchange-api-rsa",
    drop: drop("reserves_close", "reserves_close_foreign_reserve_pub"),
    sql: `UPDATE exchange.reserves_close SET reserve_pub = '' WHERE close_uuid = 1`,
    expect: ["X-9 reserves_close#1 row refers to a missing row in reserves"],
    perhaps: ["R-18 *", "R-19 *"],
  },
  {
    name: "reserves_open_requests.reserve_pub has a megabyte",
    drop: `${
      drop("reserves_open_requests", "reserves_open_requests_foreign_reserve_pub", "reserves_open_requests_by_time")
    }
      DROP TRIGGER reserves_open_requests_on_insert ON exchange.reserves_open_requests;`,
    sql: `INSERT INTO exchange.reserves_open_requests (open_request_uuid, reserve_pub, request_timestamp,
            expiration_date, reserve_sig, reserve_payment, requested_purse_limit)
          VALUES (7, decode(repeat('00', 1000000), 'hex'), 0, 0, sha512('x'), '(0,1)', 1)`,
    expect: ["D-17 reserves_open_requests#7 row cannot be read: reserve_pub has 1000000 bytes instead of 32"],
  },
  {
    name: "coin_deposits.coin_sig has 63 bytes",
    drop: drop("coin_deposits", "coin_deposits_coin_sig_check"),
    sql: `UPDATE exchange.coin_deposits SET coin_sig = substring(coin_sig FOR 63) WHERE coin_deposit_serial_id = 1`,
    expect: ["D-17 coin_deposits#1 row cannot be read: coin_sig has 63 bytes instead of 64"],
  },
  {
    name: "wire_out.wtid_raw has 5 bytes, like its aggregations",
    drop: drop("wire_out", "wire_out_wtid_raw_check"),
    sql: `UPDATE exchange.aggregation_tracking SET wtid_raw = '\\x0102030405' WHERE wtid_raw =
            (SELECT wtid_raw FROM exchange.wire_out WHERE wireout_uuid = 2);
          UPDATE exchange.wire_out SET wtid_raw = '\\x0102030405' WHERE wireout_uuid = 2`,
    expect: ["D-17 wire_out#2 row cannot be read: wtid_raw has 5 bytes instead of 32"],
  },
  {
    name: "denominations.master_sig has no bytes",
    drop: drop("denominations", "denominations_master_sig_check"),
    sql: `UPDATE exchange.denominations SET master_sig = '' WHERE denominations_serial = 2`,
    expect: ["D-17 denominations#2 row cannot be read: master_sig has 0 bytes instead of 64"],
    gone: ["X-1 of 10 without signature"],
  },
  {
    name: "the link signature of the last fresh coin has 63 bytes",
    drop: drop("refresh_revealed_coins", "refresh_revealed_coins_link_sig_check"),
    sql: `UPDATE exchange.refresh_revealed_coins SET link_sig = substring(link_sig FOR 63) WHERE rrc_serial = 4`,
    expect: ["* refresh_reveal*#* *"],
    perhaps: ["C-20 melt#2 hangs with 3.17", "D-7 *"],
  },
  {
    name: "the planchet hash of the only fresh coin has 1 byte",
    dataset: "exchange-api-rsa",
    drop: drop("refresh_revealed_coins", "refresh_revealed_coins_h_coin_ev_check"),
    sql: `UPDATE exchange.refresh_revealed_coins SET h_coin_ev = '\\x00' WHERE melt_serial_id = 10`,
    expect: ["C-20 melt#10 hangs with 1.04", "* refresh_reveal*#* *"],
    perhaps: ["C-3* *"],
  },
  {
    name: "a revocation's signature of 63 bytes",
    drop: drop("denomination_revocations", "denomination_revocations_master_sig_check"),
    sql:
      `INSERT INTO exchange.denomination_revocations (denominations_serial, master_sig) VALUES (2, decode(repeat('00', 63), 'hex'))`,
    expect: ["D-17 denominations#2 row cannot be read: denomination_revocations.master_sig has 63 bytes instead of 64"],
    gone: ["X-1 of 10 without signature"],
  },
];

const nulls: Line[] = [
  {
    name: "coin_deposits.amount_with_fee is NULL",
    drop: nullable("coin_deposits", "amount_with_fee"),
    sql: "UPDATE exchange.coin_deposits SET amount_with_fee = NULL WHERE coin_deposit_serial_id = 1",
    expect: [
      "D-17 coin_deposits#1 row cannot be read: amount_with_fee is NULL",
      "D-17 aggregation_tracking#13 row cannot be read: coin_deposits.amount_with_fee is NULL",
      NOT_WIRED,
    ],
    perhaps: ["X-16 known_coins#1 *"],
  },
  {
    name: "coin_deposits.coin_deposit_serial_id is NULL",
    drop: `${drop("coin_deposits", "coin_deposits_coin_deposit_serial_id_pkey")}
      ALTER TABLE exchange.coin_deposits ALTER coin_deposit_serial_id DROP IDENTITY;
      ${nullable("coin_deposits", "coin_deposit_serial_id")}`,
    sql:
      "UPDATE exchange.coin_deposits SET coin_deposit_serial_id = NULL, coin_sig = sha512('x') WHERE coin_deposit_serial_id = 1",
    expect: [
      "D-17 coin_deposits#0 row cannot be read: coin_deposit_serial_id is NULL",
      "X-9 aggregation_tracking#13 row refers to a missing row in coin_deposits",
      NOT_WIRED,
    ],
    perhaps: ["X-8 *"],
  },
  {
    name: "coin_deposits.batch_deposit_serial_id is NULL",
    drop: nullable("coin_deposits", "batch_deposit_serial_id"),
    sql: "UPDATE exchange.coin_deposits SET batch_deposit_serial_id = NULL WHERE coin_deposit_serial_id = 1",
    expect: [
      "X-9 coin_deposits#1 row refers to a missing row in batch_deposits",
      "X-9 aggregation_tracking#13 row refers to a missing row in coin_deposits",
      NOT_WIRED,
    ],
  },
  {
    name: "known_coins.denom_sig is NULL",
    drop: nullable("known_coins", "denom_sig"),
    sql: "UPDATE exchange.known_coins SET denom_sig = NULL WHERE known_coin_id = 1",
    expect: ["D-17 known_coins#1 row cannot be read: denom_sig is NULL"],
    perhaps: ["C-5 deposit#1 loses 1", "A-6 *#13 *"],
  },
  {
    name: "known_coins.denominations_serial is NULL",
    drop: nullable("known_coins", "denominations_serial"),
    sql: "UPDATE exchange.known_coins SET denominations_serial = NULL WHERE known_coin_id = 1",
    expect: [
      "D-17 known_coins#1 row cannot be read: denominations_serial is NULL",
      "D-17 coin_deposits#1 row cannot be read: known_coins.denominations_serial is NULL",
      "D-17 aggregation_tracking#13 row cannot be read: known_coins.denominations_serial is NULL",
      NOT_WIRED,
    ],
  },
  {
    name: "batch_deposits.wallet_timestamp is NULL",
    drop: nullable("batch_deposits", "wallet_timestamp"),
    sql: "UPDATE exchange.batch_deposits SET wallet_timestamp = NULL WHERE batch_deposit_serial_id = 1",
    expect: ["D-17 coin_deposits#1 row cannot be read: batch_deposits.wallet_timestamp is NULL"],
  },
  {
    name: "wire_targets.payto_uri is NULL",
    drop: nullable("wire_targets", "payto_uri"),
    sql: `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
          VALUES (1000, sha256('x'), NULL);
          UPDATE exchange.wire_out SET wire_target_h_payto = sha256('x') WHERE wireout_uuid = 2`,
    expect: ["X-9 wire_out#2 row refers to a missing row in wire_targets"],
  },
  {
    name: "wire_fee.wire_method and its fees are NULL",
    drop: `${drop("wire_fee", "wire_fee_pkey")} ${nullable("wire_fee", "wire_method")} ${
      nullable("wire_fee", "wire_fee")
    }`,
    sql:
      `INSERT INTO exchange.wire_fee (wire_fee_serial, wire_method, start_date, end_date, wire_fee, closing_fee, master_sig)
          VALUES (2, NULL, 0, 0, NULL, '(0,0)', sha512('x'))`,
    expect: ["D-17 wire_fee#2 row cannot be read: wire_method is NULL, wire_fee is NULL"],
  },
  {
    name: "purse_decision.refunded is NULL",
    dataset: "p2p-rsa",
    drop: nullable("purse_decision", "refunded"),
    sql: "UPDATE exchange.purse_decision SET refunded = NULL WHERE purse_decision_serial_id = 2",
    expect: ["D-17 purse_decision#2 row cannot be read: refunded is NULL", "R-18 *", "R-18 *"],
  },
  {
    name: "purse_requests.flags is NULL",
    dataset: "p2p-rsa",
    drop: nullable("purse_requests", "flags"),
    sql: "UPDATE exchange.purse_requests SET flags = NULL WHERE purse_requests_serial_id = 3",
    expect: ["D-17 account_merges#* row cannot be read: purse_requests.flags is NULL"],
  },
  {
    name: "age_withdraw.denom_sigs is NULL",
    dataset: "age-restriction-rsa",
    drop: nullable("age_withdraw", "denom_sigs"),
    sql: "UPDATE exchange.age_withdraw SET denom_sigs = NULL",
    expect: ["2 x D-17 age_withdraw#1 row cannot be read: denom_sigs is NULL"],
    perhaps: ["R-18 *", "C-3* *", "C-22 *"],
  },
  {
    name: "coin_history.table_name is NULL",
    drop: nullable("coin_history", "table_name"),
    sql: "UPDATE exchange.coin_history SET table_name = NULL WHERE coin_history_serial_id = 1",
    expect: [
      "X-8 coin_history#1 no history entry for coin_deposits, row 1",
      "X-8 coin_history#1 history entry points to nothing: *",
    ],
  },
];

const partners: Line[] = [
  {
    name: "a coin that is not known",
    drop: COIN_KEYS,
    sql: "DELETE FROM exchange.known_coins WHERE known_coin_id = 1",
    expect: [
      "X-9 coin_deposits#1 row refers to a missing row in known_coins",
      "X-9 aggregation_tracking#13 row refers to a missing row in known_coins",
      NOT_WIRED,
    ],
  },
  {
    name: "a batch that does not exist",
    drop: `${drop("coin_deposits", "coin_deposits_foreign_batch_deposits_id")}
      ${drop("aggregation_tracking", "aggregation_tracking_foreign_deposit")}`,
    sql: "DELETE FROM exchange.batch_deposits WHERE batch_deposit_serial_id = 1",
    expect: [
      "X-9 coin_deposits#1 row refers to a missing row in batch_deposits",
      "X-9 aggregation_tracking#13 row refers to a missing row in batch_deposits",
      NOT_WIRED,
    ],
  },
  {
    name: "a denomination that does not exist",
    drop: drop("known_coins", "known_coins_foreign_denominations"),
    sql: "UPDATE exchange.known_coins SET denominations_serial = -5 WHERE known_coin_id = 1",
    expect: [
      "C-9 deposits#1 denomination key not found",
      "A-5 aggregation#13 could not find denomination key for coin claimed in aggregation",
      NOT_WIRED,
    ],
    perhaps: ["X-9 known_coins#1 *"],
  },
  {
    name: "a reserve that does not exist",
    drop: drop("reserves_out", "reserves_out_foreign_reserve"),
    sql: "UPDATE exchange.reserves_out SET reserve_uuid = -5 WHERE reserve_out_serial_id = 1",
    expect: [
      "2 x X-9 reserves_out#1 row refers to a missing row in reserves",
      "R-18 has 5.46",
      "R-18 0.45 against 5.46",
      "C-32 of 5 issued 199 known 200 of 995",
    ],
  },
  {
    name: "an account that does not exist",
    drop: drop("reserves_in", "reserves_in_wire_target_h_payto_foreign"),
    sql: "UPDATE exchange.reserves_in SET wire_source_h_payto = sha256('x') WHERE reserve_in_serial_id = 1",
    expect: [
      "X-9 reserves_in#1 row refers to a missing row in wire_targets",
      "R-16 is short of 25.05",
      "R-18 has 0",
      "R-18 0.45 against 0",
      "R-21 *",
    ],
  },
  {
    name: "a withdrawal that a recoup points to does not exist",
    dataset: "revocation-rsa",
    drop: `${drop("recoup", "recoup_foreign_reserves_out")}`,
    sql: "UPDATE exchange.recoup SET reserve_out_serial_id = 9223372036854775807",
    expect: ["2 x X-9 recoup#1 row refers to a missing row in reserves_out"],
    perhaps: ["R-18 *"],
  },
  {
    name: "a reveal that a recoup points to does not exist",
    dataset: "revocation-rsa",
    drop: drop("recoup_refresh", "recoup_refresh_foreign_rrc_serial"),
    sql: "UPDATE exchange.recoup_refresh SET rrc_serial = -1 WHERE recoup_refresh_uuid = 1",
    expect: ["X-9 recoup_refresh#1 row refers to a missing row in refresh_revealed_coins"],
    perhaps: ["X-8 *", "C-4 *", "C-2* *", "C-33 *", "X-16 *"],
  },
  {
    name: "a purse that does not exist",
    dataset: "p2p-rsa",
    drop: `${drop("purse_merges", "purse_merges_foreign_purse_pub")} ${
      drop("account_merges", "account_merges_foreign_purse_pub")
    }`,
    sql: `DELETE FROM exchange.purse_requests WHERE purse_pub =
            (SELECT purse_pub FROM exchange.purse_decision WHERE purse_decision_serial_id = 2)`,
    expect: [
      "X-9 purse_decision#2 row refers to a missing row in purse_requests",
      "X-9 purse_deposits#* row refers to a missing row in purse_requests",
    ],
    perhaps: ["X-9 account_merges#* *", "R-16 *", "R-18 *", "X-15 *"],
  },
  {
    name: "a partner that does not exist",
    dataset: "p2p-rsa",
    drop: drop("purse_deposits", "purse_deposits_foreign_partner"),
    sql: "UPDATE exchange.purse_deposits SET partner_serial_id = 99 WHERE purse_deposit_serial_id = 1",
    expect: ["X-9 purse_deposits#1 row refers to a missing row in partners"],
  },
  {
    name: "5,000 deposits without coins",
    drop: COIN_KEYS,
    sql:
      `INSERT INTO exchange.coin_deposits (coin_deposit_serial_id, batch_deposit_serial_id, coin_pub, coin_sig, amount_with_fee)
          SELECT 1000 + n, 1, sha256(int4send(n)), sha512(int4send(n)), '(0,0)' FROM generate_series(1, 5000) n`,
    expect: [
      "5000 x X-9 coin_deposits#* row refers to a missing row in known_coins",
      "5000 x X-9 aggregation_tracking#13 row refers to a missing row in known_coins",
    ],
  },
];

const duplicates: Line[] = [
  {
    name: "two deposits with one number",
    drop: drop("coin_deposits", "coin_deposits_coin_deposit_serial_id_pkey"),
    sql:
      `UPDATE exchange.coin_deposits SET coin_deposit_serial_id = 1, coin_sig = sha512('x') WHERE coin_deposit_serial_id = 2`,
    expect: ["D-5 coin_deposits#1 serial number is not unique"],
    perhaps: ["C-11 deposit#1 *", "X-8 *", "A-* *"],
  },
  {
    name: "two coins with one number",
    drop: `${drop("recoup_refresh", "recoup_refresh_foreign_known_coin_id")}
      ${drop("known_coins", "known_coins_known_coin_id_key")}`,
    sql: `UPDATE exchange.known_coins SET known_coin_id = 1, denom_sig = '' WHERE known_coin_id = 2`,
    expect: ["D-5 known_coins#1 serial number is not unique"],
    perhaps: ["C-5 deposit#* *", "A-6 *", "C-32 *", "X-16 *"],
  },
  {
    name: "two coins with one key",
    drop: "ALTER TABLE exchange.known_coins DROP CONSTRAINT known_coins_pkey CASCADE",
    sql: `INSERT INTO exchange.known_coins (known_coin_id, denominations_serial, coin_pub, denom_sig)
          SELECT 5000, denominations_serial, coin_pub, '' FROM exchange.known_coins WHERE known_coin_id = 1`,
    expect: ["D-5 coin_deposits#1 serial number is not unique"],
    perhaps: ["C-32 of 5 issued 200 known 201 of 1000", "C-5 deposit#1 *", "A-* *", "X-16 known_coins#* *", "pair *"],
  },
  {
    name: "two aggregations of one batch",
    drop: drop("aggregation_tracking", "aggregation_tracking_pkey"),
    sql: `INSERT INTO exchange.aggregation_tracking (aggregation_serial_id, batch_deposit_serial_id, wtid_raw)
          SELECT 5000, 1, wtid_raw FROM exchange.wire_out WHERE wireout_uuid = 2`,
    expect: ["A-23 wire#2 to *: 28.7 instead of 29.69: *"],
    perhaps: ["D-5 coin_deposits#1 serial number is not unique", "pair *"],
  },
  {
    name: "two transfers with one wtid",
    drop: drop("wire_out", "wire_out_wtid_raw_key"),
    sql: `UPDATE exchange.wire_out SET wtid_raw = (SELECT wtid_raw FROM exchange.wire_out WHERE wireout_uuid = 2)
          WHERE wireout_uuid = 3`,
    expect: ["A-23 wire#3 to *: 15.83 instead of 28.7: *"],
  },
  {
    name: "one denomination twice",
    drop: drop("denominations", "denominations_pkey"),
    sql: `INSERT INTO exchange.denominations (denominations_serial, denom_pub_hash, denom_type, age_mask, denom_pub,
            master_sig, valid_from, expire_withdraw, expire_deposit, expire_legal, coin, fee_withdraw, fee_deposit,
            fee_refresh, fee_refund)
          SELECT 77, denom_pub_hash, denom_type, age_mask, denom_pub, master_sig, valid_from, expire_withdraw,
            expire_deposit, expire_legal, coin, fee_withdraw, fee_deposit, fee_refresh, fee_refund
          FROM exchange.denominations WHERE denominations_serial = 3`,
    expect: ["X-2 denominations#77 denom_pub_hash is not unique"],
  },
  {
    name: "two different denominations under one hash",
    drop: drop("denominations", "denominations_pkey"),
    sql: `UPDATE exchange.denominations SET denom_pub_hash =
            (SELECT denom_pub_hash FROM exchange.denominations WHERE denominations_serial = 4)
          WHERE denominations_serial = 2`,
    expect: ["X-2 denominations#2 denom_pub_hash is not the hash of denom_pub"],
    gone: ["X-1 of 10 without signature"],
    perhaps: ["* denominations#* denom_pub_hash is not unique"],
  },
  {
    name: "two revocations of one denomination, the second signed by somebody else",
    dataset: "revocation-rsa",
    drop: drop("denomination_revocations", "denomination_revocations_pkey"),
    sql: `INSERT INTO exchange.denomination_revocations (denom_revocations_serial_id, denominations_serial, master_sig)
          VALUES (99, 40, sha512('x'))`,
    expect: [
      "C-3 denomination revocations#99 revocation signature invalid",
      "D-5 denominations#40 serial number is not unique",
    ],
  },
  {
    name: "two purse decisions on one purse",
    dataset: "p2p-rsa",
    drop: drop("purse_decision", "purse_decision_pkey", "purse_decision_purse_decision_purse_pub"),
    sql: `INSERT INTO exchange.purse_decision (purse_decision_serial_id, purse_pub, action_timestamp, refunded)
          SELECT 99, purse_pub, action_timestamp, true FROM exchange.purse_decision WHERE purse_decision_serial_id = 2`,
    expect: [],
    perhaps: ["* purse_d*#* *", "X-16 *", "A-* *", "C-4 *"],
  },
  {
    name: "two fresh coins with one index",
    drop: drop("refresh_revealed_coins", "refresh_revealed_coins_pkey"),
    sql: "UPDATE exchange.refresh_revealed_coins SET freshcoin_index = 0 WHERE rrc_serial = 2",
    expect: ["C-20 melt#2 hangs with 3.17", "D-7 refresh_reveal#2 reveal is malformed"],
  },
  {
    name: "two wire targets with one hash, read in many pages",
    pageRows: 50,
    drop: `ALTER TABLE exchange.reserves_in DROP CONSTRAINT reserves_in_wire_target_h_payto_foreign;
      ${drop("wire_targets", "wire_targets_pkey")}`,
    sql: `INSERT INTO exchange.wire_targets (wire_target_serial_id, wire_target_h_payto, payto_uri)
          SELECT 1000, wire_target_h_payto, 'payto://x-taler-bank/localhost/666?receiver-name=666'
          FROM exchange.wire_targets WHERE wire_target_serial_id = 41`,
    expect: [
      "200 x D-5 coin_deposits#* serial number is not unique",
      "10 x D-5 wire_out#* serial number is not unique",
    ],
    perhaps: ["A-* *", "C-11 *", "X-9 wire_out#* *", "pair *"],
  },
];

const arrays: Line[] = [
  {
    name: "age_withdraw with more envelopes and signatures than denominations",
    dataset: "age-restriction-rsa",
    drop: drop("age_withdraw", "age_withdraw_check", "age_withdraw_check1"),
    sql:
      `UPDATE exchange.age_withdraw SET h_blind_evs = h_blind_evs || sha512('x'), denom_sigs = denom_sigs || ''::bytea`,
    expect: ["X-4 age_withdraw#1 names 3 denominations, 4 blinded coins and 4 blind signatures"],
  },
  {
    name: "age_withdraw with fewer signatures than denominations, and a negative age",
    dataset: "age-restriction-rsa",
    drop: drop("age_withdraw", "age_withdraw_check1", "age_withdraw_max_age_check"),
    sql: `UPDATE exchange.age_withdraw SET denom_sigs = denom_sigs[1:2], max_age = -32768`,
    expect: [
      "X-4 age_withdraw#1 names 3 denominations, 3 blinded coins and 2 blind signatures",
      "X-4 age-withdraw#1 loses 25.03",
      "X-7 age_withdraw#1 blind signature does not belong to the withdrawn coin",
    ],
    perhaps: ["R-18 *"],
  },
];

/** The lines. */
export const UNCONSTRAINED_CASES: readonly HostileCase[] = [...lengths, ...nulls, ...partners, ...duplicates, ...arrays]
  .map(({ drop, dataset = "small-postagg", ...rest }) => ({ ...rest, dataset, without: drop }));

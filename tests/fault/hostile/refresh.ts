// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows about refreshing and recoup. Everything here obeys the constraints of the schema. */
import type { HostileCase } from "../../support/hostile.ts";
import { bundle, type Line } from "./scene.ts";

/** A fresh coin of a melt of small-postagg; each melt has four, and nobody has spent them. */
const fresh = (melt: number, set: string) =>
  `UPDATE exchange.refresh_revealed_coins SET ${set} WHERE melt_serial_id = ${melt} AND freshcoin_index = 0`;

/** Values that make a reveal useless. */
const MALFORMED: Record<string, string> = {
  "coin_ev is no bytes": "coin_ev = ''",
  "coin_ev is half a header": "coin_ev = '\\x00000001'",
  "coin_ev has the marker of a blinded signature": "coin_ev = overlay(coin_ev placing '\\x00000001' from 5)",
  "coin_ev has the unknown cipher 255": "coin_ev = overlay(coin_ev placing '\\x000000ff' from 1)",
  "ev_sig is no bytes": "ev_sig = ''",
  "ev_sig has the marker of an unblinded signature": "ev_sig = overlay(ev_sig placing '\\x00000000' from 5)",
  "ev_sig has the unknown cipher 4294967295": "ev_sig = overlay(ev_sig placing '\\xffffffff' from 1)",
  "ewv is no bytes": "ewv = ''",
  "ewv is longer than it should be": "ewv = ewv || '\\x00'",
  "ewv is a megabyte": "ewv = decode(repeat('00', 1000000), 'hex')",
  "freshcoin_index is negative": "freshcoin_index = -1",
  "freshcoin_index leaves a gap": "freshcoin_index = 4",
  "freshcoin_index is 2147483647": "freshcoin_index = 2147483647",
};

const malformed = bundle(
  "refresh_revealed_coins that make a reveal malformed",
  Object.values(MALFORMED).map((set, i): Line => ({
    sql: fresh(1 + i, set),
    expect: [`C-20 melt#${1 + i} hangs with 3.17`, `D-7 refresh_reveal#${1 + i} reveal is malformed`],
  })),
);

/** Values that belong to another coin, with what is wrong then: the answer, the link, the hash. */
const FOREIGN: [string, string][] = [
  ["ev_sig = decode('0000000100000001' || repeat('00', 256), 'hex')", "a"],
  ["ev_sig = decode('0000000100000001' || repeat('ff', 1000000), 'hex')", "a"],
  ["ev_sig = decode('000000020000000100000000' || repeat('11', 32), 'hex')", "a"],
  ["ewv = decode('0000000200010000' || repeat('00', 64), 'hex')", "a"],
  // as much as fits into the index of the unique constraint after compression
  ["coin_ev = decode('0000000100000100' || repeat('ff', 150000), 'hex')", "alh"],
  ["coin_ev = overlay(coin_ev placing '\\x1234' from 100)", "alh"],
  ["coin_ev = decode('0000000200000100' || repeat('11', 96), 'hex')", "alh"],
  ["h_coin_ev = sha512('x')", "h"],
  ["link_sig = decode(repeat('00', 64), 'hex')", "l"],
];
const WRONG: Record<string, string> = {
  a: "blind signature of fresh coin invalid",
  l: "link signature invalid",
  h: "hash of planchet does not match",
};

const foreign = bundle(
  "refresh_revealed_coins that belong to another coin",
  FOREIGN.map(([set, wrong], i): Line => ({
    // from melt 15 on, the first fresh coin of melt n is row 4 n - 3
    sql: fresh(15 + i, set),
    expect: [...wrong].map((w) => `X-7 refresh_revealed_coins#${57 + 4 * i} ${WRONG[w]}`),
  })),
);

const reveals: HostileCase[] = [
  malformed,
  foreign,
  {
    name: "a fresh coin too many",
    dataset: "small-postagg",
    sql: `INSERT INTO exchange.refresh_revealed_coins (rrc_serial, melt_serial_id, freshcoin_index, link_sig,
            denominations_serial, coin_ev, h_coin_ev, ev_sig, ewv)
          SELECT 9223372036854775807, 2, 4, link_sig, denominations_serial, coin_ev || '\\x00', sha512('x'), ev_sig, ewv
          FROM exchange.refresh_revealed_coins WHERE rrc_serial = 1`,
    expect: [
      "X-7 refresh_revealed_coins#9223372036854775807 link signature invalid",
      "X-7 refresh_revealed_coins#9223372036854775807 blind signature of fresh coin invalid",
      "X-7 refresh_revealed_coins#9223372036854775807 hash of planchet does not match",
      "C-25 melt (cost)#2 3.14 against 4.15",
    ],
  },
  {
    name: "2,000 fresh coins too many",
    dataset: "small-postagg",
    sql: `INSERT INTO exchange.refresh_revealed_coins (melt_serial_id, freshcoin_index, link_sig,
            denominations_serial, coin_ev, h_coin_ev, ev_sig, ewv)
          SELECT 2, 3 + n, link_sig, 2, coin_ev || int4send(n), sha512(int4send(n)), ev_sig, ewv
          FROM exchange.refresh_revealed_coins, generate_series(1, 2000) n WHERE rrc_serial = 1`,
    expect: ["6000 x X-7 refresh_revealed_coins#* *", "C-25 melt (cost)#2 3.14 against *"],
  },
  {
    name: "refresh_transfer_keys.transfer_privs is a megabyte",
    dataset: "small-postagg",
    sql: `UPDATE exchange.refresh_transfer_keys SET transfer_privs = decode(repeat('00', 1000000), 'hex')
          WHERE melt_serial_id = 2`,
    expect: [], // no pass judges by the transfer keys that were revealed
  },
  {
    name: "refresh_transfer_keys.transfer_pub is another key",
    dataset: "small-postagg",
    sql: `UPDATE exchange.refresh_transfer_keys SET transfer_pub = sha256('x') WHERE melt_serial_id = 2`,
    expect: ["4 x X-7 refresh_revealed_coins#* link signature invalid"],
  },
  {
    name: "a reveal without the transfer key that its link signatures cover",
    dataset: "small-postagg",
    sql: `DELETE FROM exchange.refresh_transfer_keys WHERE melt_serial_id = 2`,
    expect: ["X-7 refresh_commitments#2 revealed without the transfer key that the link signatures cover"],
  },
];

const csFresh = (row: number, set: string) =>
  `UPDATE exchange.refresh_revealed_coins SET ${set} WHERE rrc_serial = ${row}`;

const csReveals = bundle(
  "refresh_revealed_coins with values that are no points and no scalars",
  [
    "ewv = decode('0000000200010000' || repeat('00', 64), 'hex')",
    "ewv = decode('0000000200010000' || repeat('ff', 64), 'hex')",
    "ewv = decode('0000000200010000' || '02' || repeat('00', 31) || '02' || repeat('00', 31), 'hex')",
    "ev_sig = substring(ev_sig FOR 12) || decode(repeat('00', 32), 'hex')",
    "ev_sig = substring(ev_sig FOR 12) || decode(repeat('ff', 32), 'hex')",
  ].map((set, i): Line => {
    const row = [1, 2, 3, 9, 10][i]!;
    return { sql: csFresh(row, set), expect: [`X-7 refresh_revealed_coins#${row} ${WRONG["a"]}`] };
  }),
  { dataset: "exchange-api-cs" },
);

const csMalformed: HostileCase = {
  name: "refresh_revealed_coins.ev_sig has the choice 2",
  dataset: "exchange-api-cs",
  sql: csFresh(1, "ev_sig = overlay(ev_sig placing '\\x02000000' from 9)"),
  expect: ["C-20 melt#2 hangs with 3.17", "D-7 refresh_reveal#2 reveal is malformed"],
  perhaps: ["C-32 *", "C-33 *"],
};

const melts: HostileCase[] = [
  {
    name: "a melt of a coin that came out of it",
    dataset: "revocation-rsa",
    sql: `UPDATE exchange.refresh_commitments SET old_coin_pub =
            (SELECT coin_pub FROM exchange.recoup_refresh WHERE recoup_refresh_uuid = 1) WHERE melt_serial_id = 1`,
    expect: [
      "C-19 melt#1 loses 3.17",
      "4 x X-7 refresh_revealed_coins#* link signature invalid",
      "X-8 coin_history#* no history entry for refresh_commitments, row 1",
    ],
    perhaps: ["X-8 *", "X-16 *", "C-4 *", "C-2* *", "C-33 *"],
  },
  {
    name: "refresh_commitments.noreveal_index is out of range",
    dataset: "small-postagg",
    sql: `UPDATE exchange.refresh_commitments SET noreveal_index = -2147483648 WHERE melt_serial_id = 2`,
    expect: [], // no pass can tell which index would be right
  },
  {
    name: "a melt of nothing",
    dataset: "small-postagg",
    sql: `UPDATE exchange.refresh_commitments SET amount_with_fee = (0,0) WHERE melt_serial_id = 2`,
    expect: [
      "C-19 melt#2 loses 0",
      "C-24 melt contribution vs. fee#2 0 against 0.03",
      "C-25 melt (cost)#2 0 against *",
      "X-16 known_coins#4 *",
    ],
  },
  {
    name: "a melt of NULLs",
    dataset: "small-postagg",
    sql: `UPDATE exchange.refresh_commitments SET amount_with_fee = ROW(NULL, NULL) WHERE melt_serial_id = 2`,
    expect: ["D-17 refresh_commitments#2 row cannot be read: amount_with_fee is NULL"],
  },
];

const recoups: HostileCase[] = [
  {
    name: "recoup.coin_blind is zeros",
    dataset: "revocation-rsa",
    sql: `UPDATE exchange.recoup SET coin_blind = decode(repeat('00', 32), 'hex')`,
    expect: ["C-26 recoup#1 loses 3.79", "R-5 recoup#1 loses 3.79"],
  },
  {
    name: "recoup.recoup_timestamp is negative",
    dataset: "revocation-rsa",
    sql: `UPDATE exchange.recoup SET recoup_timestamp = -1`,
    expect: ["2 x D-17 recoup#1 row cannot be read: recoup_timestamp is before the epoch"],
    perhaps: ["R-16 *", "R-18 *"],
  },
  {
    name: "recoup_refresh.recoup_timestamp is not a whole second",
    dataset: "revocation-rsa",
    sql: `UPDATE exchange.recoup_refresh SET recoup_timestamp = recoup_timestamp + 1 WHERE recoup_refresh_uuid = 1`,
    expect: ["D-17 recoup_refresh#1 row cannot be read: recoup_timestamp is not a whole second"],
    perhaps: ["C-2* *", "C-33 *"],
  },
  {
    name: "recoup_refresh.amount is NULLs",
    dataset: "revocation-rsa",
    sql: `UPDATE exchange.recoup_refresh SET amount = ROW(NULL, NULL) WHERE recoup_refresh_uuid = 1`,
    expect: ["D-17 recoup_refresh#1 row cannot be read: amount is NULL"],
    perhaps: ["C-2* *", "C-33 *", "C-4 *"],
  },
  {
    name: "a recoup of a coin that is not the one that was withdrawn",
    dataset: "revocation-rsa",
    sql: `UPDATE exchange.recoup SET coin_pub = (SELECT coin_pub FROM exchange.known_coins WHERE known_coin_id =
            (SELECT min(known_coin_id) FROM exchange.known_coins k WHERE k.coin_pub <> recoup.coin_pub))`,
    expect: [
      "C-26 recoup#1 loses 3.79",
      "R-5 recoup#1 loses 3.79",
      "X-8 coin_history#* no history entry for recoup, row 1",
    ],
    perhaps: ["X-8 *", "C-4 *", "X-16 *", "R-6 *"],
  },
  {
    name: "a recouped fresh coin that points to another reveal",
    dataset: "revocation-rsa",
    sql: `UPDATE exchange.recoup_refresh SET rrc_serial = 5 WHERE recoup_refresh_uuid = 1`,
    expect: ["X-7 recoup-refresh#1 coin is not the one that was blinded"],
    perhaps: ["X-8 *", "C-4 *", "X-16 *", "C-2* *", "C-33 *"],
  },
];

/** The lines. */
export const REFRESH_CASES: readonly HostileCase[] = [...reveals, csReveals, csMalformed, ...melts, ...recoups];

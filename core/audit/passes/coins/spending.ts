// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stages 3 and 4 of the coins pass: deposits, purse deposits, contributions to reserves (C-5, C-9 to C-13, X-3). */
import { buildBlock } from "../../../crypto/blocks.ts";
import { hashPolicy, hashText, hashWire } from "../../../crypto/objects.ts";
import type { CoinReference, DepositRow, OpenDepositRow, PurseDepositRow } from "../../../exchange/rows.ts";
import type { Sql } from "../../../db/connect.ts";
import { readRows } from "../../../exchange/source.ts";
import { DEPOSITS, OPEN_DEPOSITS, POLICY, PURSE_DEPOSITS } from "../../../exchange/v014/coins.ts";
import { parseExactJson } from "../../../taler/json.ts";
import type { Denomination } from "../../denominations.ts";
import { arithmetic, badSignature, rowInconsistency, signRule } from "../../findings.ts";
import { LATE } from "../../gaps.ts";
import { MONEY } from "../../money.ts";
import { encodeHex } from "../../hex.ts";
import type { Stage, StageRow } from "../../pass.ts";
import { AGGREGATED, book, type CoinsState, denominationOf, ledgerOf, RANK, reject } from "./state.ts";

/** A signature that costs money if it is not valid: the finding, and the loss (audit chapter 2d "irregular loss"). */
export function reportBadSignature(
  s: CoinsState,
  check: string,
  rank: number,
  operation: string,
  row: bigint,
  loss: bigint,
  coinPub: Uint8Array,
): void {
  s.run.book.report(
    { stage: rank, serial: row },
    badSignature(check, operation, row, loss, coinPub),
    { coin_irregular_loss: loss },
  );
}

/** "Check known coin", as far as it is about this row: the coin's own signature (C-5). C-4 is judged at the end. */
export function checkCoin(
  s: CoinsState,
  rank: number,
  operation: string,
  row: bigint,
  loss: bigint,
  coin: CoinReference,
): void {
  if (s.badCoins.has(coin.knownCoin)) reportBadSignature(s, "C-5", rank, operation, row, loss, coin.coinPub);
}

/**
 * Whether this row is certainly newer than what earlier runs saw: then "it came after" can be judged although the
 * exchange's database has no time for it. Not so for rows read again, in runs over a part of the database, or for rows
 * that appeared late: their transaction had begun before the earlier run.
 */
function isNewer(s: CoinsState, r: StageRow<unknown>): boolean {
  return s.run.context.limits === undefined && r.reason === undefined;
}

/**
 * Whether this row was not there when an earlier run saw that its batch was aggregated. A row that appeared late
 * was not either: whatever took its number so long, aggregation did not see it.
 */
export function isAfterAggregation(s: CoinsState, r: StageRow<{ aggregation: bigint | undefined }>): boolean {
  const { aggregation } = r.row;
  if (aggregation === undefined || !(isNewer(s, r) || isLate(s, r))) return false;
  return aggregation <= s.aggregatedBefore && !s.run.gaps.held(AGGREGATED, aggregation);
}

function isLate(s: CoinsState, r: StageRow<unknown>): boolean {
  return s.run.context.limits === undefined && r.reason === LATE;
}

/** A coin of a denomination that an earlier run already knew to be revoked can only be recouped. */
export function checkRevoked(s: CoinsState, rank: number, table: string, r: StageRow<unknown>, d: Denomination): void {
  const row = r.serial;
  if (!isNewer(s, r) || !ledgerOf(s, d).revoked) return;
  s.run.book.report(
    { stage: rank, serial: row },
    rowInconsistency("X-6", table, row, "coin of a denomination that was revoked before"),
  );
}

function spend(s: CoinsState, d: Denomination, amount: bigint, withDepositFee: boolean): void {
  book(s, d, { event: "spend", amount });
  if (withDepositFee) s.run.book.add("coin_deposit_fee_revenue", d.feeDeposit);
}

/** Stands for a policy that nobody can have signed: zeros would stand for none. */
const NO_POLICY_HASH = new Uint8Array(64).fill(0xff);

/** The policy hash that a deposit's signature covers (D-18). Policies are rare and may be long: each is read by itself. */
async function policyHash(sql: Sql, serial: bigint): Promise<Uint8Array> {
  const [policy] = await readRows(sql, "policy_details", POLICY, [serial], (r) => r.textOrNull());
  const text = policy !== undefined && "row" in policy ? policy.row : undefined;
  const parsed = text === undefined ? undefined : parseExactJson(text);
  return (parsed && hashPolicy(parsed.value)) ?? NO_POLICY_HASH;
}

/** The hashes of some policies, of which `known` need not be read. */
async function policyHashes(
  sql: Sql,
  serials: readonly (bigint | undefined)[],
  known: ReadonlyMap<bigint, Uint8Array>,
): Promise<Map<bigint, Uint8Array>> {
  const hashes = new Map<bigint, Uint8Array>();
  for (const n of new Set(serials)) {
    if (n !== undefined) hashes.set(n, known.get(n) ?? await policyHash(sql, n));
  }
  return hashes;
}

/** Merchants use one salt for their account over and over; this many hashes are kept. */
const WIRE_HASHES = 4096;

/** {@link hashWire} with a memory. */
function wireHasher(): (salt: Uint8Array, payto: string) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return (salt, payto) => {
    const key = `${encodeHex(salt)} ${payto}`;
    let hash = known.get(key);
    if (hash === undefined) {
      if (known.size >= WIRE_HASHES) known.clear();
      hash = hashWire(salt, payto);
      known.set(key, hash);
    }
    return hash;
  };
}

/** Deposits. */
export function depositsStage(s: CoinsState): Stage<DepositRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const hashOf = wireHasher();
  let policies = new Map<bigint, Uint8Array>();
  const stage: Stage<DepositRow, number | undefined> = {
    rank: RANK.deposits,
    source: DEPOSITS,
    progressKey: "coins_deposit_serial_id",
    prepare: async (rows, tasks) => {
      policies = await policyHashes(s.run.context.source, rows.map((r) => r.row.policy), policies);
      return rows.map(({ row }) => {
        const d = s.denominations.lookup(row.coin.denominationSerial);
        if (d === undefined) return undefined;
        const message = buildBlock("coinDeposit", currency, {
          hContractTerms: row.hContractTerms,
          ageCommitment: row.coin.ageCommitment,
          hPolicy: row.policy === undefined ? undefined : policies.get(row.policy)!,
          hWire: hashOf(row.wireSalt, row.payto),
          hDenomination: d.hash,
          walletTimestamp: row.walletTimestamp,
          refundDeadline: row.refundDeadline,
          amount: row.amount,
          depositFee: d.feeDeposit,
          merchantPub: row.merchantPub,
          walletDataHash: row.walletDataHash,
        });
        return tasks.ed25519(row.coin.coinPub, row.coinSig, message);
      });
    },
    book: (r, task, good) => bookDeposit(s, stage, r, task !== undefined && good(task)),
  };
  return stage;
}

function bookDeposit(
  s: CoinsState,
  stage: Stage<DepositRow, number | undefined>,
  r: StageRow<DepositRow>,
  good: boolean,
): void {
  const { serial, row } = r;
  const place = { stage: RANK.deposits, serial };
  const report = (check: string, text: string) =>
    s.run.book.report(place, rowInconsistency(check, "deposits", serial, text));
  const d = denominationOf(s, stage, r, "C-9", "deposits", row.coin.denominationSerial);
  if (d === undefined) return;
  if (row.refundDeadline > row.wireDeadline) report("C-10", "refund deadline past wire deadline");
  if (row.exchangeTimestamp > d.expireDeposit) report("X-6", "deposit after the end of the deposit period");
  checkRevoked(s, RANK.deposits, "deposits", r, d);
  if (isAfterAggregation(s, r)) report("X-5", "coin deposited into a batch that was aggregated before");
  checkCoin(s, RANK.deposits, "deposit", serial, row.amount, row.coin);
  if (!good) {
    reportBadSignature(s, "C-11", RANK.deposits, "deposit", serial, row.amount, row.coin.coinPub);
    reject(s, DEPOSITS.table, serial);
    return;
  }
  if (row.amount < d.feeDeposit) {
    const { plus, minus } = signRule(row.amount, d.feeDeposit, -1);
    s.run.book.report(place, arithmetic("X-5", "deposit (fee)", serial, row.amount, d.feeDeposit, -1), {
      coins_total_arithmetic_delta_plus: plus,
      coins_total_arithmetic_delta_minus: minus,
    });
  }
  spend(s, d, row.amount, true);
  s.run.addCounter(MONEY.merchantsIn, row.amount - d.feeDeposit);
}

/** Deposits into purses. */
export function purseDepositsStage(s: CoinsState): Stage<PurseDepositRow, number | undefined> {
  const { currency, exchangeBaseUrl } = s.run.context.settings;
  const hOwnUrl = hashText(exchangeBaseUrl);
  const stage: Stage<PurseDepositRow, number | undefined> = {
    rank: RANK.purseDeposits,
    source: PURSE_DEPOSITS,
    progressKey: "coins_purse_deposits_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const d = s.denominations.lookup(row.coin.denominationSerial);
        if (d === undefined) return undefined;
        const message = buildBlock("purseDeposit", currency, {
          amount: row.amount,
          hDenomination: d.hash,
          ageCommitment: row.coin.ageCommitment,
          pursePub: row.pursePub,
          hBaseUrl: row.partnerUrl === undefined ? hOwnUrl : hashText(row.partnerUrl),
        });
        return tasks.ed25519(row.coin.coinPub, row.coinSig, message);
      }),
    book: (r, task, good) => {
      const { serial, row } = r;
      const { rank } = stage;
      const d = denominationOf(s, stage, r, "C-12", "purse-deposits", row.coin.denominationSerial);
      if (d === undefined) return;
      checkRevoked(s, rank, "purse-deposits", r, d);
      checkCoin(s, rank, "purse-deposit", serial, row.amount, row.coin);
      if (task === undefined || !good(task)) {
        reportBadSignature(s, "C-13", rank, "purse-deposit", serial, row.amount, row.coin.coinPub);
        reject(s, PURSE_DEPOSITS.table, serial);
        return;
      }
      spend(s, d, row.amount, true);
      s.run.addCounter(MONEY.pursesIn, row.amount - d.feeDeposit);
    },
  };
  return stage;
}

/** Coins that pay for keeping a reserve open; the reference audits neither their signature nor the spend. */
export function openDepositsStage(s: CoinsState): Stage<OpenDepositRow, number | undefined> {
  const { currency } = s.run.context.settings;
  const stage: Stage<OpenDepositRow, number | undefined> = {
    rank: RANK.openDeposits,
    source: OPEN_DEPOSITS,
    progressKey: "x:coins:open_deposits",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const { reserveSig, contribution } = row;
        if (s.denominations.lookup(row.coin.denominationSerial) === undefined) return undefined;
        const message = buildBlock("reserveOpenDeposit", currency, { reserveSig, contribution });
        return tasks.ed25519(row.coin.coinPub, row.coinSig, message);
      }),
    book: (r, task, good) => {
      const { serial, row } = r;
      const { rank } = stage;
      const d = denominationOf(s, stage, r, "X-3", "reserves_open_deposits", row.coin.denominationSerial);
      if (d === undefined) return;
      checkRevoked(s, rank, "reserves_open_deposits", r, d);
      checkCoin(s, rank, "reserve-open-deposit", serial, row.contribution, row.coin);
      if (task === undefined || !good(task)) {
        reportBadSignature(s, "X-3", rank, "reserve-open-deposit", serial, row.contribution, row.coin.coinPub);
        reject(s, OPEN_DEPOSITS.table, serial);
        return;
      }
      spend(s, d, row.contribution, false);
      s.run.addCounter(MONEY.openIncome, row.contribution);
    },
  };
  return stage;
}

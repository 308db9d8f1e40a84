// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stage 7 of the coins pass: melts and their reveals (C-18 to C-25, D-7, X-7). */
import { buildBlock } from "../../../crypto/blocks.ts";
import { concat, equalBytes, sha512 } from "../../../crypto/hash.ts";
import { hashBlindedCoin } from "../../../crypto/objects.ts";
import type { MeltRow, RevealRow } from "../../../exchange/rows.ts";
import { readRows, type SourceRow } from "../../../exchange/source.ts";
import { decodeReveal, MELTS, REVEALS } from "../../../exchange/v014/coins.ts";
import {
  type BlindedSignature,
  parseBlindedSignature,
  parsePlanchet,
  parseWithdrawValues,
} from "../../../taler/denomination.ts";
import type { Denomination } from "../../denominations.ts";
import { arithmetic, type Direction, hangingRefresh, rowInconsistency, signRule } from "../../findings.ts";
import { MONEY } from "../../money.ts";
import type { Stage, StageRow } from "../../pass.ts";
import { DENOMINATION } from "../../revisits.ts";
import type { TaskWriter } from "../../tasks.ts";
import { checkCoin, checkRevoked, reportBadSignature } from "./spending.ts";
import { book, type CoinsState, partOf, RANK, readAgain } from "./state.ts";

/** Reasons of a revisit: the melt was not revealed yet, the denomination of a fresh coin is not known. */
const HANGING = "hanging", FRESH = "fresh denomination";
/** Reason of a revisit: the key that the link signatures cover is not there. Everything else is booked. */
export const UNLINKED = "transfer key";
const rank = RANK.melts;

/** What is verified of one fresh coin. */
interface RevealTasks {
  serial: bigint;
  denomination: Denomination | undefined;
  denominationSerial: bigint;
  /** Signature of the old coin over the link; absent when there is no transfer key. */
  link: number | undefined;
  /** Blind signature of the exchange; -1 when it cannot belong to the planchet. */
  answer: number;
  hashGood: boolean;
}

/** A melt with its reveal: empty while it is hanging, "malformed" when it cannot be used (D-7). */
interface MeltTasks {
  melt: number | undefined;
  reveal: RevealTasks[] | "malformed";
}

/** Melts. */
export function meltsStage(s: CoinsState): Stage<MeltRow, MeltTasks> {
  const { currency } = s.run.context.settings;
  const stage: Stage<MeltRow, MeltTasks> = {
    rank,
    source: MELTS,
    progressKey: "coins_melt_serial_id",
    prepare: async (rows, tasks) => {
      const serials = rows.map((r) => r.serial);
      const reveals = serials.length === 0
        ? []
        : await readRows(s.run.context.source, "refresh_revealed_coins", REVEALS, [serials], decodeReveal);
      noteUnreadable(s, reveals);
      const byMelt = groupReveals(reveals);
      return rows.map((r) => ({
        melt: isMeltChecked(r) ? undefined : meltTask(s, currency, r.row, tasks),
        reveal: prepareReveal(s, currency, r.row, byMelt.get(r.serial) ?? [], tasks),
      }));
    },
    book: (r, prepared, good) => bookMelt(s, stage, r, prepared, good),
  };
  return stage;
}

type Reveals = SourceRow<RevealRow & { serial: bigint }>[];

function groupReveals(rows: SourceRow<RevealRow>[]): Map<bigint, Reveals | undefined> {
  const groups = new Map<bigint, Reveals | undefined>();
  for (const r of rows) {
    // the melt of an unreadable reveal is not known from the row; its melt then misses an index and is malformed
    if (!("row" in r)) continue;
    const group = groups.get(r.row.melt) ?? [];
    group.push({ ...r, row: { ...r.row, serial: r.serial } });
    groups.set(r.row.melt, group);
  }
  return groups;
}

/** Revealed coins that cannot be read: which melt they belong to is unknown, too, and that may look complete. */
function noteUnreadable(s: CoinsState, rows: SourceRow<RevealRow>[]): void {
  for (const r of rows) {
    const key = `D-17:reveal:${r.serial}`;
    if ("problems" in r) {
      const text = `row cannot be read: ${r.problems.map((p) => `${p.column} ${p.problem}`).join(", ")}`;
      const finding = rowInconsistency("D-17", "refresh_revealed_coins", r.serial, text);
      s.run.book.settle(key, { stage: rank, serial: r.serial }, finding);
    } else if (s.run.stored.has(key)) s.run.book.settle(key, { stage: rank, serial: r.serial }, undefined);
  }
}

function meltTask(s: CoinsState, currency: string, row: MeltRow, tasks: TaskWriter): number | undefined {
  const d = s.denominations.lookup(row.coin.denominationSerial);
  if (d === undefined) return undefined;
  const fields = {
    rc: row.rc,
    hDenomination: d.hash,
    ageCommitment: row.coin.ageCommitment,
    amount: row.amount,
    meltFee: d.feeRefresh,
  };
  return tasks.ed25519(row.coin.coinPub, row.coinSig, buildBlock("coinMelt", currency, fields));
}

function prepareReveal(
  s: CoinsState,
  currency: string,
  melt: MeltRow,
  reveals: Reveals,
  tasks: TaskWriter,
): RevealTasks[] | "malformed" {
  const parsed = [];
  for (const [i, r] of reveals.entries()) {
    if (!("row" in r) || r.row.index !== i) return "malformed";
    const planchet = parsePlanchet(r.row.planchet);
    const signature = parseBlindedSignature(r.row.blindedSig);
    const values = parseWithdrawValues(r.row.withdrawValues);
    if (planchet === undefined || signature === undefined || values === undefined) return "malformed";
    parsed.push({ row: r.row, planchet, signature, values });
  }
  return parsed.map(({ row, planchet, signature, values }) => {
    const d = s.denominations.lookup(row.denominationSerial);
    const same = d !== undefined &&
      [planchet.cipher, signature.cipher, values.cipher].every((c) => c === d.key.cipher);
    const hBlindedCoin = d === undefined ? undefined : hashBlindedCoin(d.hash, planchet.cipher, planchet.message);
    const link = hBlindedCoin === undefined || melt.transferPub === undefined ? undefined : tasks.ed25519(
      melt.coin.coinPub,
      row.linkSig,
      buildBlock("coinLink", currency, { hDenomination: d!.hash, transferPub: melt.transferPub, hBlindedCoin }),
    );
    const points = values.cipher === "CS" ? concat(values.r0, values.r1) : new Uint8Array(0);
    return {
      serial: row.serial,
      denomination: d,
      denominationSerial: row.denominationSerial,
      link,
      answer: same ? tasks.planchet(d.key, planchet.message, answerBytes(signature), points) : -1,
      // a copy made by the reference's own copy tool hashes the planchet with its header; both are accepted
      hashGood: hBlindedCoin !== undefined &&
        (equalBytes(hBlindedCoin, row.hBlindedCoin) || equalBytes(sha512(row.planchet), row.hBlindedCoin)),
    };
  });
}

function answerBytes(signature: BlindedSignature): Uint8Array {
  return signature.cipher === "RSA" ? signature.value : concat(Uint8Array.of(signature.b), signature.s);
}

/** Whether an earlier run checked the melt itself, and only its reveal is to be looked at. */
function isMeltChecked({ reason }: StageRow<MeltRow>): boolean {
  return reason === HANGING || reason === FRESH || reason === UNLINKED;
}

function bookMelt(
  s: CoinsState,
  stage: Stage<MeltRow, MeltTasks>,
  r: StageRow<MeltRow>,
  prepared: MeltTasks,
  good: (task: number) => boolean,
): void {
  const { serial, row, reason } = r;
  const place = { stage: rank, serial };
  if (reason === UNLINKED) return bookLinks(s, stage, r, prepared.reveal, good);
  const named = { check: "C-18", table: "melt", row: serial, denomination: row.coin.denominationSerial };
  const old = partOf(s, stage, named);
  if (old === undefined) return readAgain(s, stage, r, DENOMINATION);
  if (!isMeltChecked(r)) {
    checkRevoked(s, rank, "melt", r, old);
    checkCoin(s, rank, "melt", serial, row.amount, row.coin);
    if (prepared.melt === undefined || !good(prepared.melt)) {
      reportBadSignature(s, "C-19", rank, "melt", serial, row.amount, row.coin.coinPub);
    }
  }
  const malformed = prepared.reveal === "malformed";
  const hanging = malformed || prepared.reveal.length === 0;
  s.run.book.settle(`C-20:${serial}`, place, hanging ? hangingRefresh("C-20", serial, row.amount) : undefined, {
    total_refresh_hanging: row.amount,
  });
  s.run.book.settle(
    `D-7:${serial}`,
    place,
    malformed ? rowInconsistency("D-7", "refresh_reveal", serial, "reveal is malformed") : undefined,
  );
  if (hanging) return readAgain(s, stage, r, HANGING);
  const reveal = prepared.reveal as RevealTasks[];
  if (!bookReveal(s, stage, r, old, reveal, good)) return readAgain(s, stage, r, FRESH);
  settleLinks(s, stage, r, reveal);
}

/** Books a reveal; false while the denomination of a fresh coin is not known. */
function bookReveal(
  s: CoinsState,
  stage: Stage<MeltRow, MeltTasks>,
  { serial, row }: StageRow<MeltRow>,
  old: Denomination,
  reveal: RevealTasks[],
  good: (task: number) => boolean,
): boolean {
  const fresh = reveal.flatMap(({ serial: part, denominationSerial: denomination }) =>
    partOf(s, stage, { check: "C-23", table: "refresh_reveal", row: serial, denomination, part }) ?? []
  );
  if (fresh.length < reveal.length) return false;
  for (const t of reveal) checkFreshCoin(s, serial, t, good);
  let net = row.amount - old.feeRefresh;
  if (net <= 0n) {
    reportArithmetic(s, "C-24", "melt contribution vs. fee", serial, row.amount, old.feeRefresh, -1);
    net = 0n;
  }
  const cost = fresh.reduce((sum, d) => sum + d.value + d.feeWithdraw, 0n);
  if (cost > net) reportArithmetic(s, "C-25", "melt (cost)", serial, net, cost, 1);
  for (const d of fresh) book(s, d, { event: "issue", value: d.value });
  const issued = fresh.reduce((sum, d) => sum + d.value, 0n);
  // withdraw fees of the fresh coins, and what the melt contributed beyond its cost
  s.run.addCounter(MONEY.refreshIncome, row.amount - old.feeRefresh - issued);
  book(s, old, { event: "spend", amount: row.amount });
  s.run.book.add("coin_melt_fee_revenue", old.feeRefresh);
  return true;
}

/** Link signatures wait for the transfer key that they cover (X-7); says whether it is there. */
function settleLinks(
  s: CoinsState,
  stage: Stage<MeltRow, MeltTasks>,
  r: StageRow<MeltRow>,
  reveal: RevealTasks[] | "malformed",
): boolean {
  const key = `X-7:link:${r.serial}`;
  const linked = reveal !== "malformed" && reveal.length > 0 && reveal.every((t) => t.link !== undefined);
  const text = "revealed without the transfer key that the link signatures cover";
  const finding = linked ? undefined : rowInconsistency("X-7", "refresh_commitments", r.serial, text);
  if (!linked || s.run.stored.has(key)) s.run.book.settle(key, { stage: rank, serial: r.serial }, finding);
  readAgain(s, stage, r, linked ? undefined : UNLINKED);
  return linked;
}

/** The link signatures of a reveal that is booked already. */
function bookLinks(
  s: CoinsState,
  stage: Stage<MeltRow, MeltTasks>,
  r: StageRow<MeltRow>,
  reveal: RevealTasks[] | "malformed",
  good: (task: number) => boolean,
): void {
  if (settleLinks(s, stage, r, reveal)) { for (const t of reveal as RevealTasks[]) checkLink(s, r.serial, t, good); }
}

function checkLink(s: CoinsState, melt: bigint, t: RevealTasks, good: (task: number) => boolean): void {
  if (t.link !== undefined && !good(t.link)) reportFreshCoin(s, melt, t.serial, "link signature invalid");
}

function checkFreshCoin(s: CoinsState, melt: bigint, t: RevealTasks, good: (task: number) => boolean): void {
  checkLink(s, melt, t, good);
  if (t.answer < 0 || !good(t.answer)) reportFreshCoin(s, melt, t.serial, "blind signature of fresh coin invalid");
  if (!t.hashGood) reportFreshCoin(s, melt, t.serial, "hash of planchet does not match");
}

function reportFreshCoin(s: CoinsState, melt: bigint, row: bigint, text: string): void {
  s.run.book.report({ stage: rank, serial: melt }, rowInconsistency("X-7", "refresh_revealed_coins", row, text));
}

function reportArithmetic(
  s: CoinsState,
  check: string,
  operation: string,
  serial: bigint,
  exchange: bigint,
  auditor: bigint,
  direction: Direction,
): void {
  const { plus, minus } = signRule(exchange, auditor, direction);
  s.run.book.report(
    { stage: rank, serial },
    arithmetic(check, operation, serial, exchange, auditor, direction),
    { coins_total_arithmetic_delta_plus: plus, coins_total_arithmetic_delta_minus: minus },
  );
}

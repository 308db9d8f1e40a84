// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stage 9 of the coins pass: what follows from the ledgers: emergencies, expiry, revenue, escrow (C-21, C-22, C-32, C-33). */
import { sumAmounts } from "../../../taler/amount.ts";
import { DAY } from "../../../taler/time.ts";
import { readRange, type Source } from "../../../exchange/source.ts";
import type { CoinReference } from "../../../exchange/rows.ts";
import { DEPOSITS, MELTS, OPEN_DEPOSITS, PURSE_DEPOSITS } from "../../../exchange/v014/coins.ts";
import type { Denomination } from "../../denominations.ts";
import { amountColumn, arithmetic, emergency, emergencyByCount } from "../../findings.ts";
import type { StateWrite } from "../../store.ts";
import { UNLINKED } from "./melts.ts";
import { type DenominationLedger, isShort, type Replay, replay, shownBalance, type Spend } from "./ledger.ts";
import { type CoinsState, emergencySubject, RANK, type RevokedSet } from "./state.ts";

/** A denomination expires this long after the end of its deposit period (audit chapter 2e). */
const EXPIRATION_GRACE = DAY;

/** Settles everything that follows from the ledgers, and writes the rows that show them. */
export async function syncDenominations(s: CoinsState, revoked: RevokedSet): Promise<void> {
  const { book } = s.run;
  const short = [...s.ledgers.values(), s.escrow].some(isShort);
  const replayed = short ? await replay(s.ledgers, s.escrow, spends(s), RANK.melts) : undefined;
  settleEscrow(s, replayed);
  const pending: StateWrite = {
    table: "auditor_denomination_pending",
    key: ["denom_pub_hash"],
    upsert: [],
    remove: [],
  };
  const revenue: StateWrite = {
    table: "auditor_historic_denomination_revenue",
    key: ["denom_pub_hash"],
    upsert: [],
    remove: [],
  };
  const shown = await loadShown(s);
  let risk = 0n;
  for (const d of s.denominations.distinct) {
    const ledger = s.ledgers.get(d.hashHex);
    if (ledger === undefined) continue;
    // a run over a part has not seen everything that came before the revocation
    if (s.run.context.limits === undefined) markRevoked(ledger, revoked.has(d.hashHex));
    const outcome = replayed?.denominations.get(d.hashHex) ?? { balance: shownBalance(ledger), loss: 0n };
    settleEmergencies(s, d, ledger, outcome.loss);
    if (s.run.context.now > d.expireDeposit + EXPIRATION_GRACE) {
      showRevenue(d, ledger, outcome.balance, shown, pending, revenue);
      continue;
    }
    risk = sumAmounts("coin_balance_risk", risk, ledger.risk);
    if (ledger.touched) showPending(d, ledger, outcome, shown, pending);
  }
  book.setTotal("coin_balance_risk", risk);
  s.run.writes.push(pending, revenue);
}

function markRevoked(ledger: DenominationLedger, revoked: boolean): void {
  if (ledger.revoked === revoked) return;
  ledger.revoked = revoked;
  ledger.dirty = true;
}

/** `total_escrowed`, and the spends that it could not cover (C-22). */
function settleEscrow(s: CoinsState, replayed: Replay | undefined): void {
  s.run.book.setTotal("total_escrowed", isShort(s.escrow) ? replayed!.escrow : shownBalance(s.escrow));
  for (const { stage, serial, escrow, amount } of replayed?.shortages ?? []) {
    s.run.book.settle(
      `C-22:${stage}:${serial}`,
      { stage, serial },
      arithmetic("C-22", "subtracting amount from escrow balance", serial, escrow, amount, 0),
    );
  }
  s.run.book.sweep("C-22:");
}

function settleEmergencies(s: CoinsState, d: Denomination, ledger: DenominationLedger, loss: bigint): void {
  const place = { stage: RANK.sync, serial: 0n };
  const subject = emergencySubject(d);
  const excess = ledger.knownCoins - ledger.issuedCoins;
  s.run.book.settle(
    `C-32:${d.hashHex}`,
    place,
    excess > 0n ? emergencyByCount("C-32", subject, ledger.issuedCoins, ledger.knownCoins, ledger.risk) : undefined,
    { coins_reported_emergency_risk_by_count: ledger.risk, coins_emergencies_loss_by_count: excess * d.value },
  );
  s.run.book.settle(
    `C-33:${d.hashHex}`,
    place,
    loss > 0n ? emergency("C-33", subject, ledger.risk, loss) : undefined,
    { coins_reported_emergency_risk_by_amount: ledger.risk, coins_emergencies_loss: loss },
  );
}

/** What the tables of the reference's layout show now, as text to compare with. */
interface Shown {
  pending: Map<string, string>;
  revenue: Map<string, string>;
}

async function loadShown(s: CoinsState): Promise<Shown> {
  const sql = s.run.context.auditor;
  const load = async (table: string) => {
    const rows = await sql.unsafe(
      `SELECT encode(denom_pub_hash, 'hex') AS hash,
         (to_jsonb(t) - 'row_id' - 'denom_pub_hash')::text AS content FROM auditor.${table} t`,
    );
    return new Map(rows.map((r) => [r["hash"] as string, normal(JSON.parse(r["content"] as string))]));
  };
  return {
    pending: await load("auditor_denomination_pending"),
    revenue: await load("auditor_historic_denomination_revenue"),
  };
}

function normal(content: Record<string, unknown>): string {
  const value = (v: unknown): unknown =>
    v !== null && typeof v === "object" && "val" in v
      ? [String(v.val), Number((v as { frac?: unknown }).frac)]
      : String(v);
  return JSON.stringify(Object.keys(content).sort().map((k) => [k, value(content[k])]));
}

const amountsOf = (d: Denomination) => (atoms: bigint, column: string) =>
  amountColumn(atoms, `${column} of the denomination in row ${d.serial}`);

function showPending(
  d: Denomination,
  ledger: DenominationLedger,
  outcome: { balance: bigint; loss: bigint },
  shown: Shown,
  write: StateWrite,
): void {
  const amount = amountsOf(d);
  const content = {
    denom_balance: amount(outcome.balance, "denom_balance"),
    denom_loss: amount(outcome.loss, "denom_loss"),
    num_issued: ledger.issuedCoins.toString(),
    denom_risk: amount(ledger.risk, "denom_risk"),
    recoup_loss: amount(ledger.recouped, "recoup_loss"),
  };
  if (shown.pending.get(d.hashHex) === normal(content)) return;
  write.upsert.push({ denom_pub_hash: "\\x" + d.hashHex, ...content });
}

/** An expired denomination: its pending row goes, what is left of it is revenue (audit chapter 2c, D-6, D-11). */
function showRevenue(
  d: Denomination,
  ledger: DenominationLedger,
  balance: bigint,
  shown: Shown,
  pending: StateWrite,
  revenue: StateWrite,
): void {
  const denom_pub_hash = "\\x" + d.hashHex;
  if (shown.pending.has(d.hashHex)) pending.remove.push({ denom_pub_hash });
  const before = shown.revenue.get(d.hashHex);
  if (balance === 0n) {
    if (before !== undefined) revenue.remove.push({ denom_pub_hash });
    return;
  }
  const amount = amountsOf(d);
  const content = {
    revenue_timestamp: d.expireDeposit.toString(),
    revenue_balance: amount(balance, "revenue_balance"),
    loss_balance: amount(ledger.recouped, "loss_balance"),
  };
  if (before !== normal(content)) revenue.upsert.push({ denom_pub_hash, ...content });
}

/** All spends that were booked, in the order of stages and serials; read again from the snapshot. */
async function* spends(s: CoinsState): AsyncGenerator<Spend> {
  yield* spendsOf(s, DEPOSITS, RANK.deposits, "coins_deposit_serial_id", (r) => r.amount);
  yield* spendsOf(s, PURSE_DEPOSITS, RANK.purseDeposits, "coins_purse_deposits_serial_id", (r) => r.amount);
  yield* spendsOf(s, OPEN_DEPOSITS, RANK.openDeposits, "x:coins:open_deposits", (r) => r.contribution);
  yield* spendsOf(s, MELTS, RANK.melts, "coins_melt_serial_id", (r) => r.amount);
}

async function* spendsOf<Row extends { coin: CoinReference }>(
  s: CoinsState,
  source: Source<Row>,
  stage: number,
  progressKey: string,
  amountOf: (row: Row) => bigint,
): AsyncGenerator<Spend> {
  const { source: sql, pageRows } = s.run.context;
  const { until } = s.run.rangeOf(progressKey);
  for (let next = 0n;;) {
    const page = await readRange(sql, source, next, until, pageRows);
    for (const r of page) {
      if (!("row" in r) || s.rejected.has(`${source.table}:${r.serial}`)) continue;
      if (!isBooked(s.run.revisits.reasonOf({ source, progressKey }, r.serial))) continue;
      const d = s.denominations.lookup(r.row.coin.denominationSerial);
      if (d !== undefined) yield { stage, serial: r.serial, denomination: d.hashHex, amount: amountOf(r.row) };
    }
    if (page.length < pageRows) return;
    next = page.at(-1)!.serial + 1n;
  }
}

/** A row that is read again was not booked, but for a melt whose link signatures are all that is open. */
function isBooked(reason: string | undefined): boolean {
  return reason === undefined || reason === UNLINKED;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the stages of the coins pass work on, and how it is loaded and written back. */
import type { Denomination, Denominations } from "../../denominations.ts";
import { type EmergencySubject, rowInconsistency } from "../../findings.ts";
import { decodeHex } from "../../hex.ts";
import type { AnyStage, PassRun, StageRow } from "../../pass.ts";
import { DENOMINATION } from "../../revisits.ts";
import type { StateWrite } from "../../store.ts";
import type { Overspent } from "./overspending.ts";
import { bookEvent, type Booking, type DenominationLedger, emptyLedger, type EscrowLedger } from "./ledger.ts";

/** Progress points of the coins pass (audit chapter 1.4). */
export const COINS_PROGRESS = [
  "coins_withdraw_serial_id",
  "coins_deposit_serial_id",
  "coins_melt_serial_id",
  "coins_refund_serial_id",
  "coins_recoup_serial_id",
  "coins_recoup_refresh_serial_id",
  "coins_purse_deposits_serial_id",
  "coins_purse_refunds_serial_id",
] as const;

/** Balances of the coins pass (audit chapter 1.5). */
export const COINS_BALANCES = [
  "coin_balance_risk",
  "total_escrowed",
  "coin_irregular_loss",
  "coin_melt_fee_revenue",
  "coin_deposit_fee_revenue",
  "coin_deposit_fee_loss",
  "coin_refund_fee_revenue",
  "total_recoup_loss",
  "coins_total_arithmetic_delta_plus",
  "coins_total_arithmetic_delta_minus",
  "coins_reported_emergency_risk_by_count",
  "coins_reported_emergency_risk_by_amount",
  "coins_emergencies_loss",
  "coins_emergencies_loss_by_count",
  "total_refresh_hanging",
] as const;

/** Ranks of the stages: the order of findings, and of spends in the replay (audit chapter 2a). */
export const RANK = {
  denominations: 0,
  knownCoins: 0.5,
  withdrawals: 1,
  ageWithdrawals: 1.5,
  recoupRefreshes: 2,
  deposits: 3,
  purseDeposits: 4,
  openDeposits: 4.5,
  refunds: 5,
  purseRefunds: 6,
  melts: 7,
  recoups: 8,
  sync: 9,
} as const;

/** What aggregation has done, as the coins pass looks at it (X-5): its own progress point, and gaps (X-13). */
export const AGGREGATED = {
  source: { table: "aggregation_tracking", serial: "aggregation_serial_id" },
  progressKey: "x:aggregation_seen",
} as const;

/** The state of one run of the coins pass. */
export interface CoinsState {
  run: PassRun;
  denominations: Denominations;
  /** By the denomination's hash in hexadecimal. */
  ledgers: Map<string, DenominationLedger>;
  escrow: EscrowLedger;
  /** `known_coin_id`s of coins without valid signature. */
  badCoins: Set<bigint>;
  newBadCoins: { known_coin_id: string; coin_pub: string }[];
  /** Coins of this run that were overspent (C-4). */
  overspent: Overspent[];
  /** Spending rows that are not booked: `table:serial`. */
  rejected: Set<string>;
  newRejected: { stage: string; serial: string }[];
  /** Highest aggregation serial that an earlier run saw (X-5). */
  aggregatedBefore: bigint;
}

/** Loads the state of the coins pass. */
export async function loadCoinsState(run: PassRun, denominations: Denominations): Promise<CoinsState> {
  const sql = run.context.auditor;
  const rows = await sql`SELECT encode(denom_pub_hash, 'hex') AS hash, issued_coins, known_coins,
      credit_early::text AS credit_early, credit_late::text AS credit_late, waived::text AS waived, spent::text AS spent, risk::text AS risk,
      recouped::text AS recouped, touched, revoked
    FROM auditor.auditor_x_denomination`;
  const ledgers = new Map(rows.map((r): [string, DenominationLedger] => [r["hash"] as string, {
    issuedCoins: r["issued_coins"] as bigint,
    knownCoins: r["known_coins"] as bigint,
    creditEarly: BigInt(r["credit_early"] as string),
    creditLate: BigInt(r["credit_late"] as string),
    waived: BigInt(r["waived"] as string),
    spent: BigInt(r["spent"] as string),
    risk: BigInt(r["risk"] as string),
    recouped: BigInt(r["recouped"] as string),
    touched: r["touched"] as boolean,
    revoked: r["revoked"] as boolean,
    dirty: false,
  }]));
  const bad = await sql`SELECT known_coin_id FROM auditor.auditor_x_bad_coin`;
  const rejected = await sql`SELECT stage, serial FROM auditor.auditor_x_rejected`;
  return {
    run,
    denominations,
    ledgers,
    escrow: {
      creditEarly: run.counters.get("x:escrow:credit_early") ?? 0n,
      creditLate: run.counters.get("x:escrow:credit_late") ?? 0n,
      waived: run.counters.get("x:escrow:waived") ?? 0n,
      spent: run.counters.get("x:escrow:spent") ?? 0n,
    },
    badCoins: new Set(bad.map((r) => r["known_coin_id"] as bigint)),
    newBadCoins: [],
    overspent: [],
    rejected: new Set(rejected.map((r) => `${r["stage"]}:${r["serial"]}`)),
    newRejected: [],
    aggregatedBefore: run.counters.get(AGGREGATED.progressKey) ?? 0n,
  };
}

/** The state writes of the coins pass itself; pending and revenue rows are written by the sync stage. */
export function coinsWrites(s: CoinsState): StateWrite[] {
  s.run.setCounter("x:escrow:credit_early", s.escrow.creditEarly);
  s.run.setCounter("x:escrow:credit_late", s.escrow.creditLate);
  s.run.setCounter("x:escrow:waived", s.escrow.waived);
  s.run.setCounter("x:escrow:spent", s.escrow.spent);
  const upsert = [...s.ledgers].filter(([, l]) => l.dirty).map(([hash, l]) => ({
    denom_pub_hash: "\\x" + hash,
    issued_coins: l.issuedCoins.toString(),
    known_coins: l.knownCoins.toString(),
    credit_early: l.creditEarly.toString(),
    credit_late: l.creditLate.toString(),
    waived: l.waived.toString(),
    spent: l.spent.toString(),
    risk: l.risk.toString(),
    recouped: l.recouped.toString(),
    touched: l.touched,
    revoked: l.revoked,
  }));
  return [
    { table: "auditor_x_denomination", key: ["denom_pub_hash"], upsert, remove: [] },
    { table: "auditor_x_bad_coin", key: ["known_coin_id"], upsert: s.newBadCoins, remove: [] },
    { table: "auditor_x_rejected", key: ["stage", "serial"], upsert: s.newRejected, remove: [] },
  ];
}

/** The ledger of a denomination, made on first use. */
export function ledgerOf(s: CoinsState, d: Denomination): DenominationLedger {
  let ledger = s.ledgers.get(d.hashHex);
  if (ledger === undefined) {
    ledger = emptyLedger();
    s.ledgers.set(d.hashHex, ledger);
  }
  return ledger;
}

/** Books an event on a denomination. */
export function book(s: CoinsState, d: Denomination, b: Booking): void {
  bookEvent(ledgerOf(s, d), s.escrow, b);
}

/** Remembers that a spending row is not booked. */
export function reject(s: CoinsState, table: string, serial: bigint): void {
  const key = `${table}:${serial}`;
  if (s.rejected.has(key)) return;
  s.rejected.add(key);
  s.newRejected.push({ stage: table, serial: serial.toString() });
}

/**
 * Under which name recoups without valid signature are remembered. They spend nothing in the eyes of this pass, but the
 * reserves pass credits them.
 */
export function unsignedRecoup(table: string): string {
  return `unsigned ${table}`;
}

/** What is to be known of a stage to say that a denomination is not known. */
type DenominationStage = AnyStage & { rank: number };

/** A denomination that a row names, and how it is reported if there is none. */
interface NamedDenomination {
  check: string;
  /** The `row_table` of the finding. */
  table: string;
  /** The serial in the finding. */
  row: bigint;
  denomination: bigint;
  /** Which of its denominations is meant, where a row names several. */
  part?: bigint | number;
  text?: string;
}

/** Key of the standing finding that a denomination is not known. */
export function unknownKey(check: string, stage: AnyStage, row: bigint, part?: bigint | number): string {
  return `${check}:${stage.source.table}:${row}${part === undefined ? "" : `:${part}`}`;
}

/** One of the denominations of a row; without it, the finding says so as long as the row is read again for it. */
export function partOf(s: CoinsState, stage: DenominationStage, named: NamedDenomination): Denomination | undefined {
  const { check, table, row, denomination, part, text = "denomination key not found" } = named;
  const key = unknownKey(check, stage, row, part);
  const d = s.denominations.lookup(denomination);
  const finding = d === undefined ? rowInconsistency(check, table, row, text) : undefined;
  if (finding !== undefined || s.run.stored.has(key)) {
    s.run.book.settle(key, { stage: stage.rank, serial: row }, finding);
  }
  return d;
}

/** Says for what a row has to be read again, or that it is finished. */
export function readAgain(s: CoinsState, stage: AnyStage, r: StageRow<unknown>, reason: string | undefined): void {
  if (reason !== undefined) s.run.revisit(stage, r.serial, reason);
  else if (r.reason !== undefined) s.run.settleRevisit(stage, r.serial);
}

/** The denomination of a row, or the finding that there is none (C-9, C-12, C-14, C-17, C-18, C-29). */
export function denominationOf(
  s: CoinsState,
  stage: DenominationStage,
  r: StageRow<unknown>,
  check: string,
  table: string,
  denomination: bigint,
): Denomination | undefined {
  const d = partOf(s, stage, { check, table, row: r.serial, denomination });
  readAgain(s, stage, r, d === undefined ? DENOMINATION : undefined);
  return d;
}

/** Whether the exchange revoked the denomination with a valid signature. */
export type RevokedSet = ReadonlySet<string>;

/** A denomination as the emergency findings describe it. */
export function emergencySubject(d: Denomination): EmergencySubject {
  return { hash: decodeHex(d.hashHex), value: d.value, start: d.validFrom, depositEnd: d.expireDeposit };
}

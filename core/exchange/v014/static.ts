// SPDX-License-Identifier: AGPL-3.0-or-later
/** Keys and fees, read whole in every run, and the completeness of derived tables (audit chapter 1.6, X-2, X-8). */
import type { RowReader } from "../../db/page.ts";
import type { DenominationRow, GlobalFeeRow, WireFeeRow } from "../rows.ts";

/** All denominations; parameter 1: this auditor's public key. */
export const DENOMINATIONS = `SELECT d.denominations_serial AS serial, d.denom_pub_hash, d.age_mask,
    substring(d.denom_pub FROM 1 FOR 16384), d.master_sig, d.valid_from, d.expire_withdraw, d.expire_deposit,
    d.expire_legal, d.coin, d.fee_withdraw, d.fee_deposit, d.fee_refresh, d.fee_refund, ads.auditor_sig,
    dr.denom_revocations_serial_id, dr.master_sig
  FROM exchange.denominations d
  LEFT JOIN exchange.auditors a ON a.auditor_pub = $1
  LEFT JOIN exchange.auditor_denom_sigs ads
    ON ads.auditor_uuid = a.auditor_uuid AND ads.denominations_serial = d.denominations_serial
  LEFT JOIN exchange.denomination_revocations dr ON dr.denominations_serial = d.denominations_serial
  ORDER BY d.denominations_serial`;

/** Decodes {@link DENOMINATIONS}. */
export function decodeDenomination(r: RowReader): DenominationRow {
  const row = {
    serial: r.serial,
    storedHash: r.bytes("denom_pub_hash", 64),
    ageMask: r.int4("age_mask") >>> 0,
    denominationKey: r.blob("denom_pub").slice(),
    masterSig: r.bytes("master_sig", 64),
    validFrom: r.timestamp("valid_from"),
    expireWithdraw: r.timestamp("expire_withdraw"),
    expireDeposit: r.timestamp("expire_deposit"),
    expireLegal: r.timestamp("expire_legal"),
    value: r.amount("coin"),
    feeWithdraw: r.amount("fee_withdraw"),
    feeDeposit: r.amount("fee_deposit"),
    feeRefresh: r.amount("fee_refresh"),
    feeRefund: r.amount("fee_refund"),
    auditorSig: r.bytesOrNull("auditor_denom_sigs.auditor_sig", 64),
  };
  const serial = r.int8OrNull();
  const masterSig = r.bytesOrNull("denomination_revocations.master_sig", 64);
  const revocation = serial === undefined || masterSig === undefined ? undefined : { serial, masterSig };
  return { ...row, revocation };
}

/** All wire fees. */
export const WIRE_FEES = `SELECT w.wire_fee_serial AS serial, substring(w.wire_method FROM 1 FOR 256), w.start_date,
  w.end_date, w.wire_fee, w.closing_fee, w.master_sig FROM exchange.wire_fee w ORDER BY w.wire_fee_serial`;

/** Decodes {@link WIRE_FEES}. */
export function decodeWireFee(r: RowReader): WireFeeRow {
  return {
    serial: r.serial,
    method: r.text("wire_method"),
    start: r.timestamp("start_date"),
    end: r.timestamp("end_date"),
    wireFee: r.amount("wire_fee"),
    closingFee: r.amount("closing_fee"),
    masterSig: r.bytes("master_sig", 64),
  };
}

/** All periods of global fees. */
export const GLOBAL_FEES = `SELECT g.global_fee_serial AS serial, g.start_date, g.end_date, g.purse_timeout,
  g.history_expiration, g.history_fee, g.account_fee, g.purse_fee, g.purse_account_limit, g.master_sig
  FROM exchange.global_fee g ORDER BY g.global_fee_serial`;

/** Decodes {@link GLOBAL_FEES}. */
export function decodeGlobalFee(r: RowReader): GlobalFeeRow {
  return {
    serial: r.serial,
    start: r.timestamp("start_date"),
    end: r.timestamp("end_date"),
    purseTimeout: r.time("purse_timeout"),
    historyExpiration: r.time("history_expiration"),
    historyFee: r.amount("history_fee"),
    accountFee: r.amount("account_fee"),
    purseFee: r.amount("purse_fee"),
    purseAccountLimit: r.int4("purse_account_limit") >>> 0,
    masterSig: r.bytes("master_sig", 64),
  };
}

/** The spending and crediting tables that `coin_history` must point to (audit chapter 1.7, X-8). */
const HISTORY_TABLES = [
  { name: "coin_deposits", table: "coin_deposits", serial: "coin_deposit_serial_id", coin: "coin_pub" },
  { name: "refresh_commitments", table: "refresh_commitments", serial: "melt_serial_id", coin: "old_coin_pub" },
  { name: "refunds", table: "refunds", serial: "refund_serial_id", coin: "coin_pub" },
  { name: "recoup", table: "recoup", serial: "recoup_uuid", coin: "coin_pub" },
  { name: "recoup_refresh::NEW", table: "recoup_refresh", serial: "recoup_refresh_uuid", coin: "coin_pub" },
  { name: "purse_deposits", table: "purse_deposits", serial: "purse_deposit_serial_id", coin: "coin_pub" },
  {
    name: "reserves_open_deposits",
    table: "reserves_open_deposits",
    serial: "reserve_open_deposit_uuid",
    coin: "coin_pub",
  },
] as const;

/** What `coin_history` must name: rows of a table that have a coin, and the progress point that bounds them. */
export interface HistoryGap {
  /** `table_name` of the history entry. */
  name: string;
  table: string;
  /** Serial column of `table`. */
  serial: string;
  /** FROM clause that yields the coin for each row `x`. */
  from: string;
  /** Expression of the coin's key. */
  coin: string;
  /** Condition on `x`. */
  where?: string;
  progressKey: string;
}

const PROGRESS_KEYS: Record<string, string> = {
  coin_deposits: "coins_deposit_serial_id",
  refresh_commitments: "coins_melt_serial_id",
  refunds: "coins_refund_serial_id",
  recoup: "coins_recoup_serial_id",
  recoup_refresh: "coins_recoup_refresh_serial_id",
  purse_deposits: "coins_purse_deposits_serial_id",
  reserves_open_deposits: "x:coins:open_deposits",
};

/** Every kind of history entry (audit chapter 1.7). */
export const HISTORY_GAPS: readonly HistoryGap[] = [
  ...HISTORY_TABLES.map((t) => ({
    name: t.name,
    table: t.table,
    serial: t.serial,
    from: `exchange.${t.table} x`,
    coin: `x.${t.coin}`,
    progressKey: PROGRESS_KEYS[t.table]!,
  })),
  {
    name: "recoup_refresh::OLD",
    table: "recoup_refresh",
    serial: "recoup_refresh_uuid",
    from: `exchange.recoup_refresh x
      JOIN exchange.refresh_revealed_coins rrc ON rrc.rrc_serial = x.rrc_serial
      JOIN exchange.refresh_commitments rc ON rc.melt_serial_id = rrc.melt_serial_id`,
    coin: "rc.old_coin_pub",
    progressKey: "coins_recoup_refresh_serial_id",
  },
  {
    name: "purse_decision",
    table: "purse_decision",
    serial: "purse_decision_serial_id",
    from: "exchange.purse_decision x JOIN exchange.purse_deposits d ON d.purse_pub = x.purse_pub",
    coin: "d.coin_pub",
    where: "x.refunded",
    progressKey: "coins_purse_refunds_serial_id",
  },
];

/** SQL condition: a serial is one of some (parameter 1), or lies in a range (parameters: first serial, end). */
const among = (serial: string, listed: boolean) =>
  listed ? `${serial} = ANY($1::int8[])` : `${serial} >= $1 AND ${serial} < $2`;

/**
 * Rows that no `coin_history` row points to, of a serial range; parameters: first serial, end of the range. Or, with
 * `listed`, of some rows; parameter: their serials.
 */
export function historyGapsSql(gap: HistoryGap, listed = false): string {
  return `SELECT x.${gap.serial} AS serial FROM ${gap.from}
    WHERE ${among(`x.${gap.serial}`, listed)} AND (${gap.where ?? "true"})
      AND NOT EXISTS (SELECT FROM exchange.coin_history h
        WHERE h.coin_pub = ${gap.coin} AND h.table_name = '${gap.name}' AND h.serial_id = x.${gap.serial})
    ORDER BY 1`;
}

/** Rows of `coin_history` that point nowhere; parameters as for {@link historyGapsSql}. */
export function historyOrphansSql(listed = false): string {
  return `SELECT h.coin_history_serial_id AS serial, substring(h.table_name FROM 1 FOR 64),
    h.serial_id
  FROM exchange.coin_history h
  WHERE ${among("h.coin_history_serial_id", listed)} AND NOT CASE h.table_name
    ${
    HISTORY_TABLES.map((t) =>
      `WHEN '${t.name}' THEN EXISTS (SELECT FROM exchange.${t.table} x
      WHERE x.${t.serial} = h.serial_id AND x.${t.coin} = h.coin_pub)`
    ).join("\n    ")
  }
    WHEN 'recoup_refresh::OLD' THEN EXISTS (SELECT FROM exchange.recoup_refresh x
      JOIN exchange.refresh_revealed_coins rrc ON rrc.rrc_serial = x.rrc_serial
      JOIN exchange.refresh_commitments rc ON rc.melt_serial_id = rrc.melt_serial_id
      WHERE x.recoup_refresh_uuid = h.serial_id AND rc.old_coin_pub = h.coin_pub)
    WHEN 'purse_decision' THEN EXISTS (SELECT FROM exchange.purse_decision x
      JOIN exchange.purse_deposits d ON d.purse_pub = x.purse_pub
      WHERE x.purse_decision_serial_id = h.serial_id AND x.refunded AND d.coin_pub = h.coin_pub)
    ELSE false END
  ORDER BY 1`;
}

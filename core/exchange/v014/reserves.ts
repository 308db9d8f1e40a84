// SPDX-License-Identifier: AGPL-3.0-or-later
/** Sources of the reserves pass for exchanges of generation 0.14 (audit chapter 3a). */
import type { RowReader } from "../../db/page.ts";
import type { AccountMergeRow, MergedPurseRow, ReserveCloseRow, ReserveInRow, ReserveOpenRow } from "../rows.ts";
import { MissingPartner, partner, SERIALS_END, type Source } from "../source.ts";
import { TEXT } from "./coins.ts";

/** Stage 1. */
export const RESERVES_IN: Source<ReserveInRow> = {
  table: "reserves_in",
  serial: "reserve_in_serial_id",
  amount: "credit",
  columns: `r.reserve_uuid, ${TEXT("wt.payto_uri")}, base.reserve_pub, base.execution_date`,
  joins: `LEFT JOIN exchange.reserves r ON r.reserve_pub = base.reserve_pub
    LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = base.wire_source_h_payto`,
  decode: (r) => {
    const reserve = partner(r, "reserves", r.int8OrNull());
    if (reserve instanceof MissingPartner) return reserve;
    const payto = partner(r, "wire_targets", r.textOrNull());
    if (payto instanceof MissingPartner) return payto;
    return {
      payto,
      reservePub: r.bytes("reserve_pub", 32),
      credit: r.stageAmount,
      executionDate: r.timestamp("execution_date"),
    };
  },
};

/** Stage 4. */
export const RESERVE_OPENS: Source<ReserveOpenRow> = {
  table: "reserves_open_requests",
  serial: "open_request_uuid",
  amount: "reserve_payment",
  columns: `base.reserve_pub, base.request_timestamp, base.expiration_date, base.reserve_sig,
    base.requested_purse_limit`,
  decode: (r) => ({
    reservePub: r.bytes("reserve_pub", 32),
    requestTimestamp: r.timestamp("request_timestamp"),
    expiration: r.timestamp("expiration_date"),
    reserveSig: r.bytes("reserve_sig", 64),
    payment: r.stageAmount,
    purseLimit: r.int4("requested_purse_limit") >>> 0,
  }),
};

/** Stage 5, with the client's request if the close names one. */
export const RESERVE_CLOSES: Source<ReserveCloseRow> = {
  table: "reserves_close",
  serial: "close_uuid",
  amount: "amount",
  columns: `r.reserve_uuid, ${TEXT("wt.payto_uri")}, base.reserve_pub, base.execution_date,
    base.closing_fee, base.close_request_row, cr.close_request_serial_id IS NOT NULL, cr.reserve_sig,
    cr.close_timestamp, cr.close, cr.close_fee, ${TEXT("cr.payto_uri")}`,
  joins: `LEFT JOIN exchange.reserves r ON r.reserve_pub = base.reserve_pub
    LEFT JOIN exchange.wire_targets wt ON wt.wire_target_h_payto = base.wire_target_h_payto
    LEFT JOIN exchange.close_requests cr
      ON cr.reserve_pub = base.reserve_pub AND cr.close_request_serial_id = base.close_request_row`,
  decode: (r) => {
    const reserve = partner(r, "reserves", r.int8OrNull());
    if (reserve instanceof MissingPartner) return reserve;
    const payto = partner(r, "wire_targets", r.textOrNull());
    if (payto instanceof MissingPartner) return payto;
    const row = {
      payto,
      reservePub: r.bytes("reserve_pub", 32),
      executionDate: r.timestamp("execution_date"),
      amount: r.stageAmount,
      closingFee: r.amount("closing_fee"),
      requestSerial: r.int8("close_request_row"),
    };
    if (!r.bool()) {
      r.skipRest();
      return { ...row, request: undefined };
    }
    const request = {
      reserveSig: r.bytes("close_requests.reserve_sig", 64),
      timestamp: r.timestamp("close_requests.close_timestamp"),
      close: r.amount("close_requests.close"),
      closeFee: r.amount("close_requests.close_fee"),
      payto: r.text("close_requests.payto_uri"),
    };
    return { ...row, request };
  },
};

/** Stage 6. */
export const MERGED_PURSES: Source<MergedPurseRow> = {
  table: "purse_decision",
  serial: "purse_decision_serial_id",
  // a decision that says neither is not lost
  where: "base.refunded IS NOT TRUE",
  columns: `pr.purse_requests_serial_id, pm.purse_merge_request_serial_id, base.purse_pub, pm.reserve_pub,
    pr.amount_with_fee, pm.partner_serial_id, base.action_timestamp, base.refunded`,
  joins: `LEFT JOIN exchange.purse_requests pr ON pr.purse_pub = base.purse_pub
    LEFT JOIN exchange.purse_merges pm ON pm.purse_pub = base.purse_pub`,
  decode: (r) => {
    const purse = partner(r, "purse_requests", r.int8OrNull());
    if (purse instanceof MissingPartner) return purse;
    const merge = partner(r, "purse_merges", r.int8OrNull());
    if (merge instanceof MissingPartner) return merge;
    const row = {
      pursePub: r.bytes("purse_pub", 32),
      reservePub: r.bytes("purse_merges.reserve_pub", 32),
      amount: r.amount("purse_requests.amount_with_fee"),
      partnerSerial: r.int8OrNull(),
      decided: r.time("action_timestamp"),
    };
    r.bytes("refunded", 1);
    return row;
  },
};

/** Stage 7. */
export const ACCOUNT_MERGES: Source<AccountMergeRow> = {
  table: "account_merges",
  serial: "account_merge_request_serial_id",
  columns: `pr.purse_requests_serial_id, pm.purse_merge_request_serial_id, base.reserve_pub, base.reserve_sig,
    base.purse_pub, pr.h_contract_terms, pr.purse_expiration, pr.amount_with_fee, pr.age_limit, pr.flags,
    pr.purse_fee, pm.merge_timestamp, ARRAY(SELECT e.account_merge_request_serial_id
      FROM exchange.account_merges e WHERE e.purse_pub = base.purse_pub
      AND e.account_merge_request_serial_id >= 0
      AND e.account_merge_request_serial_id <> base.account_merge_request_serial_id ORDER BY 1 LIMIT 100)`,
  joins: `LEFT JOIN exchange.purse_requests pr ON pr.purse_pub = base.purse_pub
    LEFT JOIN exchange.purse_merges pm ON pm.purse_pub = base.purse_pub`,
  decode: (r) => {
    const purse = partner(r, "purse_requests", r.int8OrNull());
    if (purse instanceof MissingPartner) return purse;
    const merge = partner(r, "purse_merges", r.int8OrNull());
    if (merge instanceof MissingPartner) return merge;
    return {
      reservePub: r.bytes("reserve_pub", 32),
      reserveSig: r.bytes("reserve_sig", 64),
      pursePub: r.bytes("purse_pub", 32),
      hContractTerms: r.bytes("purse_requests.h_contract_terms", 64),
      purseExpiration: r.timestamp("purse_requests.purse_expiration"),
      amount: r.amount("purse_requests.amount_with_fee"),
      minAge: r.int4("purse_requests.age_limit"),
      flags: r.int4("purse_requests.flags"),
      purseFee: r.amount("purse_requests.purse_fee"),
      mergeTimestamp: r.timestamp("purse_merges.merge_timestamp"),
      others: r.int8Array("account_merges"),
    };
  },
};

/** The exchange's own idea of reserve balances; parameter 1: reserve keys in hexadecimal. */
export const RESERVE_BALANCES = `SELECT r.reserve_uuid AS serial, r.reserve_pub, r.current_balance
  FROM exchange.reserves r WHERE r.reserve_pub IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x) ORDER BY 1`;

/** SQL of what moved money in or out of some reserves; `recoups` and `merges` select the rows of two tables. */
function movementsSql(recoups: string, merges: string): string {
  return `WITH touched AS (SELECT decode(x, 'hex') AS reserve_pub FROM unnest($1::text[]) x)
  SELECT m.serial, m.reserve_pub, m.stage, m.direction, m.at, m.amount FROM (
    SELECT ri.reserve_in_serial_id AS serial, ri.reserve_pub, 'reserves_in' AS stage, 1::int4 AS direction,
      ri.execution_date AS at, ri.credit AS amount
      FROM touched JOIN exchange.reserves_in ri USING (reserve_pub)
    UNION ALL SELECT rc.recoup_uuid, r.reserve_pub, 'recoup', 1, rc.recoup_timestamp, rc.amount
      FROM touched JOIN exchange.reserves r USING (reserve_pub)
      JOIN exchange.reserves_out ro ON ro.reserve_uuid = r.reserve_uuid
      JOIN (${recoups}) rc ON rc.reserve_out_serial_id = ro.reserve_out_serial_id
    UNION ALL SELECT pd.purse_decision_serial_id, pm.reserve_pub, 'purse_decision', 1, pm.merge_timestamp,
      pr.amount_with_fee
      FROM touched JOIN (${merges}) pm USING (reserve_pub)
      JOIN exchange.purse_decision pd ON pd.purse_pub = pm.purse_pub AND NOT pd.refunded
      JOIN exchange.purse_requests pr ON pr.purse_pub = pm.purse_pub
    UNION ALL SELECT ro.reserve_out_serial_id, r.reserve_pub, 'reserves_out', -1, ro.execution_date, ro.amount_with_fee
      FROM touched JOIN exchange.reserves r USING (reserve_pub)
      JOIN exchange.reserves_out ro ON ro.reserve_uuid = r.reserve_uuid
    UNION ALL SELECT op.open_request_uuid, op.reserve_pub, 'reserves_open_requests', -1, op.request_timestamp,
      op.reserve_payment FROM touched JOIN exchange.reserves_open_requests op USING (reserve_pub)
    UNION ALL SELECT rc.close_uuid, rc.reserve_pub, 'reserves_close', -1, rc.execution_date, rc.amount
      FROM touched JOIN exchange.reserves_close rc USING (reserve_pub)
  ) m ORDER BY m.reserve_pub, m.at, m.direction DESC, m.stage, m.serial`;
}

/**
 * Everything that moved money in or out of some reserves, for the replay in time order; parameter 1: reserve
 * keys in hexadecimal. At one instant credits (direction 1) come before debits (-1), because times are whole seconds.
 * Reads two tables whole, because the exchange has no index that leads from a reserve to recoups and merged purses.
 */
export const RESERVE_MOVEMENTS = movementsSql(
  "SELECT * FROM exchange.recoup",
  "SELECT * FROM exchange.purse_merges",
);

/**
 * The same, with the recoups and merged purses that the exchange's derived tables and the consents of the reserves lead
 * to: credits may be missing, so that a reserve that is not overdrawn by it is not overdrawn.
 */
export const INDEXED_MOVEMENTS = movementsSql(
  `SELECT DISTINCT rc.* FROM touched JOIN exchange.reserves r USING (reserve_pub)
        JOIN exchange.reserves_out ro ON ro.reserve_uuid = r.reserve_uuid
        JOIN exchange.recoup_by_reserve rbr ON rbr.reserve_out_serial_id = ro.reserve_out_serial_id
        JOIN exchange.recoup rc ON rc.coin_pub = rbr.coin_pub`,
  `SELECT * FROM exchange.purse_merges WHERE purse_pub IN (
        SELECT am.purse_pub FROM touched JOIN exchange.account_merges am USING (reserve_pub))`,
);

const OPEN_REQUESTS = `SELECT cr.close_request_serial_id AS serial, cr.close_timestamp < $1, cr.reserve_pub, cr.close,
    cr.close_timestamp
  FROM exchange.close_requests cr
  WHERE NOT EXISTS (SELECT FROM exchange.reserves_close rc
      WHERE rc.reserve_pub = cr.reserve_pub AND rc.close_request_row = cr.close_request_serial_id)`;

/** Close requests that were not executed, and whether they are from before a time; parameter 1: it, µs. */
export const ALL_OPEN_REQUESTS = `${OPEN_REQUESTS} ORDER BY 1`;

/** Of those, what is new or was open before; parameters after the time: first new serial, serials of open ones. */
export const STILL_OPEN_REQUESTS = `${OPEN_REQUESTS}
    AND (cr.close_request_serial_id >= $2 OR cr.close_request_serial_id = ANY($3::int8[])) ORDER BY 1`;

/** The highest usable serial of close requests. */
export const REQUESTED_UNTIL = `SELECT coalesce(max(cr.close_request_serial_id), -1) AS serial
  FROM exchange.close_requests cr WHERE cr.close_request_serial_id < ${SERIALS_END}`;

/** A transfer between exchanges. */
export interface WadRow {
  /** Base URL of the other exchange. */
  partner: string;
}

/** Transfers between exchanges, which this generation never finishes: table and SELECT. */
export const WADS: readonly { table: string; select: string }[] = [
  {
    table: "wads_in",
    select: `SELECT w.wad_in_serial_id AS serial, ${TEXT("w.origin_exchange_url")}, w.amount
      FROM exchange.wads_in w ORDER BY 1`,
  },
  {
    table: "wads_out",
    select: `SELECT w.wad_out_serial_id AS serial, ${TEXT("p.partner_base_url")}, w.amount
      FROM exchange.wads_out w LEFT JOIN exchange.partners p ON p.partner_serial_id = w.partner_serial_id ORDER BY 1`,
  },
];

/** Decodes {@link WADS}. The amount is only read, so that one out of range is noticed. */
export function decodeWad(r: RowReader): WadRow {
  const partner = r.textOrNull() ?? "unknown";
  r.amount("amount");
  return { partner };
}

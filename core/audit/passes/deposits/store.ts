// SPDX-License-Identifier: AGPL-3.0-or-later
/** Deposit confirmations in the auditor database: those that are open, and the archive (BUG-4.6). */
import type { Sql } from "../../../db/connect.ts";
import type { RowReader } from "../../../db/page.ts";
import { readRows } from "../../../exchange/source.ts";
import { FRACTION_BASE } from "../../../taler/amount.ts";
import { timeToDb } from "../../../taler/time.ts";
import { encodeHex } from "../../hex.ts";
import type { Confirmation } from "./judge.ts";

/** A stored confirmation. */
export interface StoredConfirmation extends Confirmation {
  row: bigint;
  exchangeSig: Uint8Array;
  exchangePub: Uint8Array;
  /** Not to be relied on: the reference stores garbage (crypto.md 10). */
  masterSig: Uint8Array;
  suppressed: boolean;
  ancient: boolean;
  /** What an earlier run said of it, as {@link stateText}. */
  before: string | undefined;
}

/** A stored confirmation, or why it cannot be read. */
export type ReadConfirmation = { row: bigint; confirmation: StoredConfirmation } | {
  row: bigint;
  problem: string;
  before: string | undefined;
};

/** Why a confirmation is still open. */
export interface OpenState {
  check: string;
  state: "missed" | "pending" | "invalid";
  diagnostic: string;
}

/** A state as one text, to see whether it changed. */
export function stateText({ check, state, diagnostic }: OpenState): string {
  return `${check}\n${state}\n${diagnostic}`;
}

const COLUMNS = [
  "h_contract_terms",
  "h_policy",
  "h_wire",
  "exchange_timestamp",
  "refund_deadline",
  "wire_deadline",
  "total_without_fee",
  "coin_pubs",
  "coin_sigs",
  "merchant_pub",
  "exchange_sig",
  "exchange_pub",
  "master_sig",
  "suppressed",
  "ancient",
].map((c) => `c.${c}`).join(", ");

const OPEN = `SELECT c.row_id AS serial, x.check_id || E'\\n' || x.state || E'\\n' || x.diagnostic, ${COLUMNS}
  FROM auditor.auditor_deposit_confirmations c LEFT JOIN auditor.auditor_x_confirmation x USING (row_id)
  WHERE c.row_id > $1 ORDER BY 1 LIMIT $2`;
const ARCHIVED = `SELECT c.row_id AS serial, NULL::text, ${COLUMNS}
  FROM auditor.auditor_x_confirmation_archive c WHERE c.row_id > $1 AND c.legal_until > $3 ORDER BY 1 LIMIT $2`;

function decode(r: RowReader): StoredConfirmation {
  return {
    row: r.serial,
    before: r.textOrNull(),
    hContractTerms: r.bytes("h_contract_terms", 64),
    hPolicy: r.bytes("h_policy", 64),
    hWire: r.bytes("h_wire", 64),
    exchangeTimestamp: r.timestamp("exchange_timestamp"),
    refundDeadline: r.timestamp("refund_deadline"),
    wireDeadline: r.timestamp("wire_deadline"),
    totalWithoutFee: r.amount("total_without_fee"),
    coinPubs: r.array("coin_pubs"),
    coinSigs: r.array("coin_sigs"),
    merchantPub: r.bytes("merchant_pub", 32),
    exchangeSig: r.bytes("exchange_sig", 64),
    exchangePub: r.bytes("exchange_pub", 32),
    masterSig: r.bytes("master_sig", 64),
    suppressed: r.bool(),
    ancient: r.bool(),
  };
}

/** Coins that a confirmation names, and their signatures, have their lengths. */
function isWellFormed(c: StoredConfirmation): boolean {
  return c.coinPubs.length === c.coinSigs.length && c.coinPubs.length > 0 &&
    c.coinPubs.every((k) => k.length === 32) && c.coinSigs.every((s) => s.length === 64);
}

async function read(sql: Sql, select: string, parameters: (bigint | number)[]): Promise<ReadConfirmation[]> {
  const before = new Map<bigint, string | undefined>();
  const rows = await readRows(sql, "deposit_confirmations", select, parameters, (r) => {
    const c = decode(r);
    before.set(c.row, c.before);
    return c;
  });
  return rows.map((r): ReadConfirmation => {
    const { serial: row } = r;
    if ("row" in r) {
      return isWellFormed(r.row)
        ? { row, confirmation: r.row }
        : { row, problem: "coin_pubs or coin_sigs has elements of a wrong length", before: r.row.before };
    }
    const problem = "problems" in r ? r.problems.map((p) => `${p.column} ${p.problem}`).join(", ") : "";
    return { row, problem, before: before.get(row) };
  });
}

/** Reads open confirmations after a row. */
export function readOpen(sql: Sql, after: bigint, limit: number): Promise<ReadConfirmation[]> {
  return read(sql, OPEN, [after, limit]);
}

/** Reads archived confirmations after a row, without those whose deposits the exchange may delete by now. */
export function readArchived(sql: Sql, after: bigint, limit: number, now: bigint): Promise<ReadConfirmation[]> {
  return read(sql, ARCHIVED, [after, limit, timeToDb(now)]);
}

/** Whether anything is archived. */
export async function hasArchive(sql: Sql): Promise<boolean> {
  const rows = await sql`SELECT EXISTS (SELECT FROM auditor.auditor_x_confirmation_archive) AS some`;
  return rows[0]!["some"] as boolean;
}

/** States of confirmations that somebody else removed. */
export async function orphanedStates(sql: Sql): Promise<bigint[]> {
  const rows = await sql`SELECT x.row_id FROM auditor.auditor_x_confirmation x
    WHERE NOT EXISTS (SELECT FROM auditor.auditor_deposit_confirmations c WHERE c.row_id = x.row_id) ORDER BY 1`;
  return rows.map((r) => r["row_id"] as bigint);
}

/** What makes a confirmation the same as another: all that the exchange signed. The stored master_sig is garbage. */
export function identity(c: StoredConfirmation): string {
  return [c.hContractTerms, c.hWire, c.merchantPub, c.exchangeSig, c.exchangePub].map(encodeHex).join(" ");
}

const IDENTITY_COLUMNS = ["h_contract_terms", "h_wire", "merchant_pub", "exchange_sig", "exchange_pub"];

/** Identities among those of some confirmations that a table has already. */
export async function knownIdentities(
  sql: Sql,
  table: "auditor_x_confirmation_archive" | "auditor_deposit_confirmations",
  confirmations: StoredConfirmation[],
): Promise<Set<string>> {
  if (confirmations.length === 0) return new Set();
  const identity = IDENTITY_COLUMNS.map((c) => `encode(${c}, 'hex')`).join(" || ' ' || ");
  const rows = await sql.unsafe(
    `SELECT ${identity} AS identity FROM auditor.${table}
     WHERE h_contract_terms IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x)`,
    [`{${[...new Set(confirmations.map((c) => encodeHex(c.hContractTerms)))].join(",")}}`],
  );
  return new Set(rows.map((r) => r["identity"] as string));
}

const bytes = (b: Uint8Array) => "\\x" + encodeHex(b);

/** The columns of a confirmation as a row to write. */
export function confirmationColumns(c: StoredConfirmation): Record<string, unknown> {
  return {
    row_id: c.row.toString(),
    h_contract_terms: bytes(c.hContractTerms),
    h_policy: bytes(c.hPolicy),
    h_wire: bytes(c.hWire),
    exchange_timestamp: timeToDb(c.exchangeTimestamp).toString(),
    refund_deadline: timeToDb(c.refundDeadline).toString(),
    wire_deadline: timeToDb(c.wireDeadline).toString(),
    total_without_fee: {
      val: (c.totalWithoutFee / FRACTION_BASE).toString(),
      frac: Number(c.totalWithoutFee % FRACTION_BASE),
    },
    coin_pubs: c.coinPubs.map(bytes),
    coin_sigs: c.coinSigs.map(bytes),
    merchant_pub: bytes(c.merchantPub),
    exchange_sig: bytes(c.exchangeSig),
    exchange_pub: bytes(c.exchangePub),
    master_sig: bytes(c.masterSig),
  };
}

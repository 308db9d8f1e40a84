// SPDX-License-Identifier: AGPL-3.0-or-later
/** What a pass is given to work with: settings, clock, connections, and what the passes of one run tell each other. */
import type { BankHistory } from "../bank/history.ts";
import type { Sql } from "../db/connect.ts";
import type { VerifyPool } from "./pool.ts";

/** What the configuration says, as far as the passes judge by it. */
export interface AuditSettings {
  currency: string;
  /** Wire rounding unit in atoms, 0 for none. */
  roundUnit: bigint;
  masterPub: Uint8Array;
  exchangeBaseUrl: string;
  auditorBaseUrl: string;
  auditorPub: Uint8Array;
  /** µs */
  idleReserveExpiration: bigint;
  /** µs */
  legalReserveExpiration: bigint;
  /** Wire transfers, and confirmed deposits, that are younger than this (µs) may still be missing on the other side. */
  gracePeriod?: bigint;
  /** Groups of late deposits below this amount (atoms) are not worth a line. */
  tinyAmount?: bigint;
  /** The exchange's bank accounts, for the passes that compare with the bank. */
  accounts?: readonly AuditedAccount[];
}

/** A bank account of the exchange as the wire passes need it. */
export interface AuditedAccount {
  /** Configuration section; the exchange's database names the account by it. */
  section: string;
  paytoUri: string | undefined;
  credit: boolean;
  debit: boolean;
}

/** How far a run is, for people. */
export interface Progress {
  pass: string;
  stage: string;
  done: bigint;
  total: bigint;
}

/** Everything a pass works with. */
export interface PassContext {
  settings: AuditSettings;
  /** The time by which the audit judges, µs. */
  now: bigint;
  /** Compare with the exchange's own derived figures as well. */
  internal: boolean;
  /** A connection inside the snapshot of the exchange's database. */
  source: Sql;
  /** The auditor database, for reading what earlier runs left. */
  auditor: Sql;
  pool: VerifyPool;
  /** What passes of one run tell each other. */
  shared?: SharedVerdicts | undefined;
  /** What the bank says; the passes that need it fail without. */
  bank?: BankHistory | undefined;
  pageRows: number;
  /** Rows on either side that a pass which holds both takes at once. */
  portionRows: number;
  /** Exclusive upper serial per table, to audit only a part of what is there; absent: everything. */
  limits?: ReadonlyMap<string, bigint> | undefined;
  progress?: ((p: Progress) => void) | undefined;
  /** Told what limits this run's verdicts without being anybody's fault. */
  warn?: ((message: string) => void) | undefined;
}

/** Verdicts that one pass reaches and another needs, so that no signature is verified twice in a run. */
export interface SharedVerdicts {
  /** `known_coin_id`s of all coins without valid signature; rejected when the coins pass fails before it knows. */
  badCoins: PromiseWithResolvers<ReadonlySet<bigint>>;
}

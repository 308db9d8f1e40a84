// SPDX-License-Identifier: AGPL-3.0-or-later
/** The denominations of the exchange, loaded whole at the start of a run (audit chapter 1.6). */
import { hashDenominationKey } from "../crypto/objects.ts";
import type { Sql } from "../db/connect.ts";
import type { DenominationRow } from "../exchange/rows.ts";
import { readRows } from "../exchange/source.ts";
import { decodeDenomination, DENOMINATIONS } from "../exchange/v014/static.ts";
import { parseDenominationKey } from "../taler/denomination.ts";
import { equalBytes } from "../crypto/hash.ts";
import { encodeHex } from "./hex.ts";
import type { TaskKey } from "./tasks.ts";

/** A denomination whose public key can be read. */
export interface Denomination extends DenominationRow {
  /** h_denom_pub recomputed from key and age mask; what every signature covers. */
  hash: Uint8Array;
  /** {@link hash} in hexadecimal. */
  hashHex: string;
  /** The key as the verification workers know it. */
  key: TaskKey;
}

/** All denominations of a snapshot. */
export interface Denominations {
  /** In the order of their hashes. */
  all: Denomination[];
  /** Rows that cannot be used: unreadable columns or an unreadable public key. */
  unreadable: { serial: bigint; problem: string }[];
  /**
   * The denomination that a row naming this serial means, by the hash of its key; undefined when no denomination has
   * that hash ("denomination key not found").
   */
  lookup(serial: bigint): Denomination | undefined;
}

/** Reads all denominations, with this auditor's signatures and the exchange's revocations. */
export async function loadDenominations(sql: Sql, auditorPub: Uint8Array): Promise<Denominations> {
  const all: Denomination[] = [];
  const unreadable: Denominations["unreadable"] = [];
  for (const r of await readRows(sql, "denominations", DENOMINATIONS, [auditorPub], decodeDenomination)) {
    if (!("row" in r)) {
      const problem = "problems" in r ? r.problems.map((p) => `${p.column} ${p.problem}`).join(", ") : "";
      unreadable.push({ serial: r.serial, problem });
      continue;
    }
    const parsed = parseDenominationKey(r.row.denominationKey);
    if (parsed === undefined) {
      unreadable.push({ serial: r.serial, problem: "denom_pub is not a denomination public key" });
      continue;
    }
    const hash = hashDenominationKey({ ...parsed, ageMask: r.row.ageMask });
    const key: TaskKey = { id: all.length, cipher: parsed.cipher, ageMask: r.row.ageMask, key: parsed.key };
    all.push({ ...r.row, hash, hashHex: encodeHex(hash), key });
  }
  const genuine = new Map(all.filter((d) => equalBytes(d.hash, d.storedHash)).map((d) => [d.hashHex, d]));
  const bySerial = new Map(all.map((d) => [d.serial, d]));
  return {
    all: all.sort((a, b) => a.hashHex < b.hashHex ? -1 : a.hashHex > b.hashHex ? 1 : 0),
    unreadable,
    lookup(serial) {
      const named = bySerial.get(serial);
      return named === undefined ? undefined : genuine.get(named.hashHex);
    },
  };
}

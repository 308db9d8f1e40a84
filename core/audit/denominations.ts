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
export interface Denomination extends Omit<DenominationRow, "revocation"> {
  /** What revokes it: one row at most, unless the exchange dropped its constraints. */
  revocations: { serial: bigint; masterSig: Uint8Array }[];
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
  /** One for each hash: the genuine one, if there is one. In the order of their hashes. */
  distinct: Denomination[];
  /** Rows that cannot be used: unreadable columns or an unreadable public key. */
  unreadable: { serial: bigint; problem: string }[];
  /** Serials that come more than once, with their partners or by themselves. */
  repeated: bigint[];
  /**
   * The denomination that a row naming this serial means, by the hash of its key; undefined when no denomination has
   * that hash ("denomination key not found").
   */
  lookup(serial: bigint): Denomination | undefined;
}

/** Reads all denominations, with this auditor's signatures and the exchange's revocations. */
export async function loadDenominations(sql: Sql, auditorPub: Uint8Array): Promise<Denominations> {
  const bySerial = new Map<bigint, Denomination>();
  const unreadable = new Map<bigint, string>();
  const repeated = new Set<bigint>();
  for (const r of await readRows(sql, "denominations", DENOMINATIONS, [auditorPub], decodeDenomination)) {
    const { serial } = r;
    const known = bySerial.get(serial);
    if (known !== undefined || unreadable.has(serial)) repeated.add(serial);
    if (!("row" in r)) {
      unreadable.set(serial, "problems" in r ? r.problems.map((p) => `${p.column} ${p.problem}`).join(", ") : "");
      continue;
    }
    const { revocation, ...row } = r.row;
    if (known !== undefined) {
      if (revocation !== undefined) known.revocations.push(revocation);
      continue;
    }
    const parsed = parseDenominationKey(row.denominationKey);
    if (parsed === undefined) {
      unreadable.set(serial, "denom_pub is not a denomination public key");
      continue;
    }
    const hash = hashDenominationKey({ ...parsed, ageMask: row.ageMask });
    const key: TaskKey = { id: bySerial.size, cipher: parsed.cipher, ageMask: row.ageMask, key: parsed.key };
    const revocations = revocation === undefined ? [] : [revocation];
    bySerial.set(serial, { ...row, revocations, hash, hashHex: encodeHex(hash), key });
  }
  const all = [...bySerial.values()].sort(byHash);
  const genuine = firstOfEach(all.filter((d) => equalBytes(d.hash, d.storedHash)));
  return {
    all,
    distinct: [...new Map([...firstOfEach(all), ...genuine]).values()].sort(byHash),
    unreadable: [...unreadable].map(([serial, problem]) => ({ serial, problem })),
    repeated: [...repeated],
    lookup(serial) {
      const named = bySerial.get(serial);
      return named === undefined ? undefined : genuine.get(named.hashHex);
    },
  };
}

function byHash(a: Denomination, b: Denomination): number {
  return a.hashHex < b.hashHex ? -1 : a.hashHex > b.hashHex ? 1 : 0;
}

/** By hash, the first row that has it. */
function firstOfEach(rows: readonly Denomination[]): Map<string, Denomination> {
  return new Map(rows.map((d): [string, Denomination] => [d.hashHex, d]).reverse());
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Deletions of purses by the purse: the exchange has no index for that. */
import { readRows } from "../../../exchange/source.ts";
import { DELETED_PURSES, DELETIONS_OF_PURSES } from "../../../exchange/v014/unindexed.ts";
import { encodeHex } from "../../hex.ts";
import { placesOf } from "../../lookup.ts";
import type { PassRun } from "../../pass.ts";

/** Serials of the deletions of some purses, ascending, by the purse's key in hexadecimal. */
export async function deletionsOf(run: PassRun, purses: readonly Uint8Array[]): Promise<Map<string, bigint[]>> {
  const keys = [...new Set(purses.map(encodeHex))];
  if (keys.length === 0) return new Map();
  const { listed, point } = await placesOf(run, DELETED_PURSES, keys);
  const parameters = [keys, listed, point];
  const rows = await readRows(
    run.context.source,
    "purse_deletion",
    DELETIONS_OF_PURSES,
    parameters,
    (r) => encodeHex(r.bytes("purse_pub", 32)),
  );
  const found = new Map<string, bigint[]>();
  for (const r of rows) {
    if (!("row" in r) || typeof r.row !== "string") continue;
    const serials = found.get(r.row);
    if (serials === undefined) found.set(r.row, [r.serial]);
    else serials.push(r.serial);
  }
  return found;
}

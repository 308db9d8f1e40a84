// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What acceptance cases on the small datasets share. `small-preagg` and `small-postagg`, before and after the
 * aggregator: 40 reserves got 25.5 each by wire; 5 coins of 5 were withdrawn from each, at 0.01 of fee; each coin paid
 * 1 to a merchant (fee 0.01), 54 of them were then melted with 3.17 for three coins of 1 and one of 0.1. Ten transfers
 * went to merchants, at 0.01 of fee.
 */
import { encodeBase32 } from "../../core/taler/base32.ts";
import { plainSql } from "./acceptance.ts";
import { badRow, type ListedFinding } from "./expected_findings.ts";

/** A signature that nobody made, as SQL. */
export const FORGED = "decode(repeat('9e', 64), 'hex')";

/** The first outgoing transfer was made at this time. */
export const FIRST_TRANSFER = 1795315613000000n;

/** Diagnostic of A-23. */
export const MISMATCH = "aggregated amount does not match expectations";

/** Diagnostic of WC-3 and WD-4. */
export const WRONG_AMOUNT = "wire amount does not match";

/** Serials of the deposits. */
export const DEPOSITS = "SELECT coin_deposit_serial_id AS row FROM exchange.coin_deposits";

/** Serials of the melts. */
export const MELTS = "SELECT melt_serial_id AS row FROM exchange.refresh_commitments";

/** Serials of the withdrawals. */
export const WITHDRAWALS = "SELECT reserve_out_serial_id AS row FROM exchange.reserves_out";

/** Outgoing transfers with subjects in hexadecimal digits. */
export const TRANSFERS = `SELECT wireout_uuid AS row, ${plainSql("amount")} AS amount, encode(wtid_raw, 'hex') AS wtid
  FROM exchange.wire_out`;

/** Diagnostic of WD-2. */
export function missing(wtid: string): string {
  return `expected outgoing wire transfer ${encodeBase32(Uint8Array.fromHex(wtid))} missing`;
}

/** The master key did not sign these terms of the denominations of 1 and 5; the reference never looks. */
export const UNSIGNED_TERMS = {
  one: badRow("X-2", "denominations", 1, "master signature invalid"),
  five: badRow("X-2", "denominations", 3, "master signature invalid"),
};

/** A coin of which the exchange does not store as left what its history leaves. */
export function remaining(coin: string, stored: string, left: string): ListedFinding {
  const text = `remaining value of the coin is stored as EUR:${stored}, its history leaves EUR:${left}`;
  return badRow("X-16", "known_coins", coin, text);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Findings of the purses pass (purses chapter 5.3). Strings are interface values. */
import { amountColumn, bytesColumn, type Finding, timeColumn } from "./findings.ts";

/** A purse that expired and was not decided. */
export function purseNotClosed(check: string, pursePub: Uint8Array, amount: bigint, expiration: bigint): Finding {
  return {
    check,
    table: "purse_not_closed_inconsistencies",
    columns: {
      purse_pub: bytesColumn(pursePub),
      amount: amountColumn(amount),
      expiration_date: timeColumn(expiration),
    },
  };
}

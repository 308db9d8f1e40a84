// SPDX-License-Identifier: AGPL-3.0-or-later
/** Serial numbers that are not what an identity column makes: out of range or missing (D-17). */
import { MAX_IRREGULAR } from "../exchange/source.ts";
import type { Book } from "./book.ts";
import { rowInconsistency } from "./findings.ts";

/** Keys of the findings on rows whose serial number is out of range. */
const IRREGULAR = "D-17:serial:";

/**
 * Names the rows that no page holds, because their serial number is none (D-17).
 * @param serials undefined stands for NULL
 * @param progressKey of the stage that cannot see them
 */
export function settleIrregular(
  book: Book,
  table: string,
  column: string,
  serials: readonly (bigint | undefined)[],
  progressKey: string,
): void {
  serials.forEach((n, i) => {
    const serial = n ?? 0n;
    const problem = i < MAX_IRREGULAR ? `${column} is ${n === undefined ? "NULL" : "out of range"}` : "nor can others";
    book.settle(
      `${IRREGULAR}${progressKey}:${n ?? "NULL"}`,
      { stage: -1, serial },
      rowInconsistency("D-17", table, serial, `row cannot be read: ${problem}`),
    );
  });
  book.sweep(`${IRREGULAR}${progressKey}:`);
}

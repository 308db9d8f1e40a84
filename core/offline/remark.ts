// SPDX-License-Identifier: AGPL-3.0-or-later
/** Remarks on a document, for the person who decides about it. */

import type { Denomination } from "./keys.ts";
import { shortList, shortName } from "./name.ts";

/** Something worth a look: an alarm is not what exchanges usually do, a notice somebody may want to know. */
export interface Remark {
  readonly level: "alarm" | "notice";
  readonly text: string;
}

/** An alarm. */
export function alarm(text: string): Remark {
  return { level: "alarm", text };
}

/** A notice. */
export function notice(text: string): Remark {
  return { level: "notice", text };
}

/** Short names of some denominations, `ABCDEFGH, ...`; of many only the first. */
export function namesOf(denominations: readonly Denomination[]): string {
  return shortList(denominations.map(({ hash }) => shortName(hash)));
}

/** One remark on the denominations for which a condition holds, or none: `TEXT (2 keys): ABCDEFGH, ...`. */
export function about(
  denominations: readonly Denomination[],
  holds: (denomination: Denomination) => boolean,
  level: Remark["level"],
  text: string,
): Remark[] {
  const found = denominations.filter(holds);
  if (found.length === 0) return [];
  const count = found.length === 1 ? "1 key" : `${found.length} keys`;
  return [{ level, text: `${text} (${count}): ${namesOf(found)}` }];
}

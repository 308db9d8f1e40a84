// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Whether statements follow each other without a gap: each begins with the balance with which one before it ended, or
 * before that one ended. Pure.
 */

/** What a statement covers. Times in µs; balances in atoms, negative for an overdrawn account. */
export interface Period {
  readonly opened: bigint;
  readonly closed: bigint;
  readonly opening: bigint;
  readonly closing: bigint;
}

/** A place where a statement is missing: what is before it and after it. */
export interface Gap {
  readonly before: Period;
  readonly after: Period;
}

/** What all statements together cover. */
export interface Coverage {
  /** Up to when they are complete, µs. */
  readonly until: bigint;
  /** The first place where one is missing. */
  readonly gap: Gap | undefined;
  /** The balance at the beginning, and how it changed up to `until`, atoms; undefined where the order is not clear. */
  readonly opening: bigint | undefined;
  readonly change: bigint | undefined;
}

/**
 * Puts statements in order; undefined without any. Several may cover one time, such as the days and their month, or
 * several parts of a day: one that does not begin before the others end must begin with a balance that one of the last
 * of them ended with.
 */
export function followUp(periods: readonly Period[]): Coverage | undefined {
  const sorted = [...periods].sort(byTime);
  const [first] = sorted;
  if (first === undefined) return undefined;
  const opening = beginning(sorted.filter((p) => p.opened === first.opened && p.closed === first.closed));
  let last = [first];
  const coverage = (gap: Gap | undefined) => {
    const closing = ending(last);
    const change = closing === undefined || opening === undefined ? undefined : closing - opening;
    return { until: last[0]!.closed, gap, opening, change };
  };
  for (const next of sorted.slice(1)) {
    const end = last[0]!.closed;
    // those of one time follow each other in any order
    const together = sorted.filter((p) => p.opened === next.opened && p.closed === next.closed);
    const follows = next.opened < end || [...last, ...together].some((p) => p !== next && p.closing === next.opening);
    if (!follows) return coverage({ before: last[0]!, after: next });
    if (next.closed > end) last = [next];
    else if (next.closed === end) last.push(next);
  }
  return coverage(undefined);
}

/** The balance with which parts of one time begin: the one that no other ends with; undefined if they go in a circle. */
function beginning(parts: readonly Period[]): bigint | undefined {
  return parts.find((p) => !parts.some((other) => other !== p && other.closing === p.opening))?.opening;
}

/** The balance with which statements that end together end: the one that no other begins with. */
function ending(parts: readonly Period[]): bigint | undefined {
  return parts.find((p) => !parts.some((other) => other !== p && other.opening === p.closing))?.closing;
}

function byTime(a: Period, b: Period): number {
  const difference = a.opened !== b.opened ? a.opened - b.opened : a.closed - b.closed;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

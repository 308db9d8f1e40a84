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

/** The first gap between statements, and up to when they are complete, µs; undefined without statements. */
export function followUp(periods: readonly Period[]): { until: bigint; gap: Gap | undefined } | undefined {
  const sorted = [...periods].sort(byTime);
  const [first, ...rest] = sorted;
  if (first === undefined) return undefined;
  let end = first;
  // several may end at one time, with equal balances if the bank is right
  for (const next of rest) {
    if (next.opened >= end.closed && next.opening !== end.closing) {
      return { until: end.closed, gap: { before: end, after: next } };
    }
    if (next.closed >= end.closed) end = next;
  }
  return { until: end.closed, gap: undefined };
}

function byTime(a: Period, b: Period): number {
  const difference = a.opened !== b.opened ? a.opened - b.opened : a.closed - b.closed;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

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
  readonly currency: string;
}

/** A place where a statement is missing: what is before it and after it. */
export interface Gap {
  readonly before: Pick<Period, "closed" | "closing">;
  readonly after: Pick<Period, "opened" | "opening">;
}

/** What all statements together cover. */
export interface Coverage {
  /** Up to when they are complete, µs. */
  readonly until: bigint;
  /** The first place where one is missing. */
  readonly gap: Gap | undefined;
  /** The balance at the beginning, and how it changed up to `until`, atoms; undefined where that is not clear. */
  readonly opening: bigint | undefined;
  readonly change: bigint | undefined;
}

/** Statements of one time: a day's in several parts, or the same twice. */
interface Group {
  readonly opened: bigint;
  readonly closed: bigint;
  /** All balances at which one of them begins or ends. */
  readonly balances: ReadonlySet<bigint>;
  /** Where they begin and end together; undefined where that is not clear. */
  readonly start: bigint | undefined;
  readonly end: bigint | undefined;
  /** They end where they begin, which may be at any of their balances. */
  readonly circle: boolean;
}

/**
 * Puts statements in order; undefined without any. Several may cover one time, such as the days and their month, or
 * several parts of a day: those that do not begin before the others end must begin with a balance that these ended with.
 *
 * @param bridged tells of a gap whether it is none, because transfers from statements without balances fill it
 */
export function followUp(
  periods: readonly Period[],
  bridged: (gap: Gap) => boolean = () => false,
): Coverage | undefined {
  const [first, ...rest] = groupsOf(periods);
  if (first === undefined) return undefined;
  const next = rest[0];
  // a circle begins where the next one goes on
  const opening = first.circle ? [...first.balances].find((b) => b === next?.start) : first.start;
  let until = first.closed;
  let closing = first.circle ? opening : first.end;
  const coverage = (gap: Gap | undefined): Coverage => {
    const change = closing === undefined || opening === undefined ? undefined : closing - opening;
    return { until, gap, opening, change };
  };
  for (const group of rest) {
    if (group.opened >= until && !follows(group, closing)) {
      const begins = group.start ?? [...group.balances][0]!;
      const gap = {
        before: { closed: until, closing: closing ?? 0n },
        after: { opened: group.opened, opening: begins },
      };
      if (!bridged(gap)) return coverage(gap);
    }
    if (group.closed < until) continue;
    // of those that end together, one that is not clear tells nothing
    const end = group.circle ? group.balances.has(closing ?? -1n) ? closing : undefined : group.end;
    closing = group.closed === until && closing !== undefined && group.opened < until ? closing : end;
    until = group.closed;
  }
  return coverage(undefined);
}

/** Whether a group begins with a balance; an unclear one before it is given the benefit of the doubt. */
function follows(group: Group, closing: bigint | undefined): boolean {
  if (closing === undefined) return true;
  return group.start === undefined ? group.balances.has(closing) : group.start === closing;
}

/** Statements by their time, in order. */
function groupsOf(periods: readonly Period[]): Group[] {
  const groups = Map.groupBy(periods, ({ opened, closed }) => `${opened} ${closed}`);
  return [...groups.values()].map((members): Group => {
    // one that was imported twice counts once
    const parts = [...new Map(members.map((p) => [`${p.opening} ${p.closing}`, p])).values()];
    const ends = new Map<bigint, number>();
    const count = (balance: bigint, by: number) => ends.set(balance, (ends.get(balance) ?? 0) + by);
    for (const { opening, closing } of parts) {
      count(opening, 1);
      count(closing, -1);
    }
    const having = (wanted: (n: number) => boolean) => [...ends].filter(([, n]) => wanted(n)).map(([b]) => b);
    const [starts, stops] = [having((n) => n > 0), having((n) => n < 0)];
    const still = parts.length === 1 && parts[0]!.opening === parts[0]!.closing ? parts[0]!.opening : undefined;
    return {
      opened: parts[0]!.opened,
      closed: parts[0]!.closed,
      balances: new Set(ends.keys()),
      start: starts.length === 1 ? starts[0] : still,
      end: stops.length === 1 ? stops[0] : still,
      circle: starts.length === 0 && still === undefined,
    };
  }).sort((a, b) => compare(a.opened, b.opened) || compare(a.closed, b.closed));
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

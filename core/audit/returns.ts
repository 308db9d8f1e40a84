// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Payments that went there and back: what the exchange's books do not have on either side takes nothing from anybody
 * when the same account got back what it sent (WD-R6). So a mistyped transfer that the bank sends back is no finding.
 * Pure.
 */

/** A transaction that the books do not have. */
export interface Unbooked {
  /** Of the account, unique on its side. */
  readonly rowId: bigint;
  /** The account on the other side, by its key (accountKey); empty for the bank itself. */
  readonly party: string;
  /** Atoms. */
  readonly amount: bigint;
  /** Credits of lower rank are taken first. */
  readonly rank?: number;
}

/** A debit and the credit that it sends back. */
export interface Return {
  readonly credit: Unbooked;
  readonly debit: Unbooked;
}

/**
 * Finds for each debit the credit from the same account that it returns: one of the same amount; else the least of a
 * greater one, because banks keep a fee. Every credit is returned once. The result does not depend on the order given.
 *
 * @param exact the whole amount must go back
 */
export function pairReturns(
  credits: readonly Unbooked[],
  debits: readonly Unbooked[],
  { exact = false }: { exact?: boolean } = {},
): Return[] {
  const open = new Map<string, Unbooked[]>();
  for (const credit of [...credits].sort(inOrder)) {
    const group = open.get(credit.party);
    if (group === undefined) open.set(credit.party, [credit]);
    else group.push(credit);
  }
  const pairs: Return[] = [];
  const take = (debit: Unbooked, choose: (group: Unbooked[]) => Unbooked | undefined): boolean => {
    const group = open.get(debit.party) ?? [];
    const credit = choose(group);
    if (credit === undefined) return false;
    group.splice(group.indexOf(credit), 1);
    pairs.push({ credit, debit });
    return true;
  };
  const same = (debit: Unbooked) => take(debit, (group) => group.find((c) => c.amount === debit.amount));
  const rest = [...debits].sort(inOrder).filter((debit) => !same(debit));
  for (const debit of exact ? [] : rest) {
    // the bank's own fees are not paid from its interest
    if (debit.party === "") continue;
    take(debit, (group) => leastAbove(group, debit.amount));
  }
  return pairs;
}

function leastAbove(group: readonly Unbooked[], amount: bigint): Unbooked | undefined {
  return group.reduce<Unbooked | undefined>(
    (least, c) => c.amount > amount && (least === undefined || c.amount < least.amount) ? c : least,
    undefined,
  );
}

function inOrder(a: Unbooked, b: Unbooked): number {
  const rank = (a.rank ?? 0) - (b.rank ?? 0);
  return rank !== 0 ? rank : a.rowId < b.rowId ? -1 : 1;
}

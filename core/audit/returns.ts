// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Payments that went there and back: what the exchange's books do not have on either side takes nothing from anybody
 * when the same account got back what it sent (WD-R6). So a mistyped transfer that the bank sends back is no finding.
 * Pure.
 */

import type { BankCredit, BankDebit } from "../bank/history.ts";
import { partyOf } from "../bank/transaction.ts";

/** A transaction that the books do not have. */
export interface Unbooked {
  /** Of the account, unique on its side. */
  readonly rowId: bigint;
  /** The account on the other side (partyOf); empty for the bank itself, undefined if it is not known. */
  readonly party: string | undefined;
  /** Atoms. */
  readonly amount: bigint;
  /** Credits of lower rank are taken first. */
  readonly rank?: number;
}

/** A credit as one that the books do not have. What names no sender may have been anybody's. */
export function creditToReturn(credit: BankCredit): Unbooked {
  const party = partyOf(credit.debitAccount), other = credit.kind === "OTHER";
  return {
    rowId: credit.rowId,
    party: party === "" && !other ? undefined : party,
    amount: credit.amount.atoms,
    rank: other ? 0 : 1,
  };
}

/** A debit as one that the books do not have. */
export function debitToReturn(debit: Pick<BankDebit, "rowId" | "amount" | "creditAccount">): Unbooked {
  return { rowId: debit.rowId, party: partyOf(debit.creditAccount), amount: debit.amount.atoms };
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
  const alike = new Map<string, Unbooked[]>();
  const known = (side: readonly Unbooked[]) => side.filter((u) => u.party !== undefined).sort(inOrder);
  for (const credit of known(credits)) append(alike, `${credit.amount} ${credit.party}`, credit);
  const pairs: Return[] = [];
  const rest: Unbooked[] = [];
  for (const debit of known(debits)) {
    const credit = alike.get(`${debit.amount} ${debit.party}`)?.shift();
    if (credit !== undefined) pairs.push({ credit, debit });
    else if (!exact && debit.party !== "") rest.push(debit); // the bank's own fees are not paid from its interest
  }
  const left = new Map<string, Unbooked[]>();
  for (const credit of [...alike.values()].flat().sort(byAmount)) append(left, credit.party!, credit);
  for (const debit of rest) {
    const group = left.get(debit.party!) ?? [];
    const at = group.findIndex((credit) => credit.amount > debit.amount);
    if (at >= 0) pairs.push({ credit: group.splice(at, 1)[0]!, debit });
  }
  return pairs;
}

function append(groups: Map<string, Unbooked[]>, key: string, unbooked: Unbooked): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [unbooked]);
  else group.push(unbooked);
}

function byAmount(a: Unbooked, b: Unbooked): number {
  return a.amount !== b.amount ? (a.amount < b.amount ? -1 : 1) : inOrder(a, b);
}

function inOrder(a: Unbooked, b: Unbooked): number {
  const rank = (a.rank ?? 0) - (b.rank ?? 0);
  return rank !== 0 ? rank : a.rowId < b.rowId ? -1 : 1;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Money that the exchange moves between its own accounts: statements show it on both, and it is still there (WD-R6). */
import type { BankHistory } from "../bank/history.ts";
import { accountKey } from "../bank/transaction.ts";
import { accountsWith } from "./bank-source.ts";
import type { AuditedAccount } from "./pass.ts";
import { creditToReturn, debitToReturn, pairReturns } from "./returns.ts";

/** Rows of such moves by account section. */
export interface InternalMoves {
  readonly credits: ReadonlyMap<string, ReadonlySet<bigint>>;
  readonly debits: ReadonlyMap<string, ReadonlySet<bigint>>;
}

/** Finds what left one of the accounts and came to another, in the same amount. */
export async function findInternalMoves(
  bank: BankHistory,
  accounts: readonly AuditedAccount[],
  currency: string,
): Promise<InternalMoves> {
  const credits = new Map<string, Set<bigint>>(), debits = new Map<string, Set<bigint>>();
  const [seenIn, seenOut] = [await accountsWith(bank, accounts, "credit"), await accountsWith(bank, accounts, "debit")];
  // what comes to an account that is not audited is gone
  const named = seenIn.filter((a) => seenOut.includes(a)).flatMap((a) =>
    a.paytoUri === undefined ? [] : [{ ...a, key: accountKey(a.paytoUri) }]
  );
  if (bank.otherDebits === undefined || bank.creditsFrom === undefined || named.length < 2) return { credits, debits };
  for (const from of named) {
    const out = (await bank.otherDebits(from.section)).filter((d) => d.amount.currency === currency).map(debitToReturn);
    for (const to of named) {
      const sent = out.filter((d) => d.party === to.key);
      if (to.key === from.key || sent.length === 0) continue;
      const came = (await bank.creditsFrom(to.section, [from.key]))
        .filter((c) => c.kind === "OTHER" && c.amount.currency === currency).map(creditToReturn);
      for (
        const { credit, debit } of pairReturns(came, sent.map((d) => ({ ...d, party: from.key })), { exact: true })
      ) {
        note(credits, to.section, credit.rowId);
        note(debits, from.section, debit.rowId);
      }
    }
  }
  return { credits, debits };
}

function note(rows: Map<string, Set<bigint>>, section: string, row: bigint): void {
  rows.set(section, (rows.get(section) ?? new Set()).add(row));
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Incoming transfers that the exchange did not book because they went back, or were its own (WC-R12, WD-R6). */
import type { BankCredit, BankHistory } from "../../../bank/history.ts";
import { ownPayment, partyOf } from "../../../bank/transaction.ts";
import { readRows } from "../../../exchange/source.ts";
import { decodeObligation, OBLIGATIONS } from "../../../exchange/v014/wire-bookings.ts";
import { encodeHex } from "../../hex.ts";
import { findInternalMoves } from "../../internal-moves.ts";
import { creditToReturn, debitToReturn, pairReturns } from "../../returns.ts";
import { meetingKey } from "./open.ts";
import type { CreditState } from "./state.ts";

/** What is known about open transactions that were not booked; by their key. */
export interface Returned {
  /** How much of each went back, atoms. */
  readonly amounts: ReadonlyMap<string, bigint>;
  /** Own payments that came back and were made again, and what came from another account of the exchange. */
  readonly explained: ReadonlySet<string>;
}

/** Compares what is open with what went out and is no transfer of the exchange's software. */
export async function readReturned(s: CreditState, bank: BankHistory): Promise<Returned> {
  const amounts = new Map<string, bigint>(), explained = new Set<string>();
  const { currency, accounts = [] } = s.run.context.settings;
  const bySection = Map.groupBy(s.open.credits.values(), (credit) => credit.account);
  const moves = await findInternalMoves(bank, accounts, currency);
  for (const [section, open] of bySection) {
    const moved = moves.credits.get(section) ?? new Set();
    for (const row of moved) explained.add(meetingKey(section, row));
    const gone = moves.debits.get(section) ?? new Set();
    const debits = (await bank.otherDebits?.(section) ?? [])
      .filter((d) => d.amount.currency === currency && !gone.has(d.rowId));
    const credits = open.filter((c) => c.kind !== "WAD" && c.amount.currency === currency && !moved.has(c.rowId));
    for (const { credit, debit } of pairReturns(credits.map(creditToReturn), debits.map(debitToReturn))) {
      amounts.set(meetingKey(section, credit.rowId), debit.amount);
    }
    for (const credit of await paidAgain(s, bank, section, open)) explained.add(meetingKey(section, credit.rowId));
  }
  return { amounts, explained };
}

/**
 * Own payments that came back and were made again: of one subject, amount and receiver there are more transfers than the
 * exchange owed.
 */
async function paidAgain(
  s: CreditState,
  bank: BankHistory,
  section: string,
  open: readonly BankCredit[],
): Promise<BankCredit[]> {
  const came = open.flatMap((credit) => {
    const wtid = ownPayment(credit);
    return wtid === undefined ? [] : [{ credit, wtid, key: keyOf(wtid, credit.amount.atoms, credit.debitAccount) }];
  });
  if (came.length === 0 || bank.sentWith === undefined) return [];
  const sent = Map.groupBy(
    await bank.sentWith(section, came.map(({ wtid }) => wtid)),
    (d) => keyOf(d.wtid, d.amount.atoms, d.creditAccount),
  );
  const subjects = [...new Set(came.map(({ wtid }) => encodeHex(wtid)))];
  const owed = Map.groupBy(
    (await readRows(s.run.context.source, "wire_out", OBLIGATIONS, [subjects], decodeObligation))
      .flatMap((r) => "row" in r ? [r.row] : []),
    ({ wtid, amount }) => `${wtid} ${amount}`,
  );
  return [...Map.groupBy(came, ({ key }) => key)].flatMap(([key, group]) => {
    const { wtid, credit } = group[0]!;
    const due = owed.get(`${encodeHex(wtid)} ${credit.amount.atoms}`)?.length ?? 0;
    const again = Math.max(0, (sent.get(key)?.length ?? 0) - due);
    return group.map(({ credit }) => credit).sort((a, b) => a.rowId < b.rowId ? -1 : 1).slice(0, again);
  });
}

function keyOf(wtid: Uint8Array, atoms: bigint, counterpart: string): string {
  return `${encodeHex(wtid)} ${atoms} ${partyOf(counterpart)}`;
}

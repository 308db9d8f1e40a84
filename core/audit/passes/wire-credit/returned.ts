// SPDX-License-Identifier: AGPL-3.0-or-later
/** Incoming transfers that the exchange did not book because they went back (WC-R12, WD-R6). */
import type { BankCredit, BankHistory } from "../../../bank/history.ts";
import { parseDebitSubject } from "../../../bank/subject.ts";
import { accountKey, subjectText } from "../../../bank/transaction.ts";
import { encodeHex } from "../../hex.ts";
import { pairReturns } from "../../returns.ts";
import { meetingKey } from "./open.ts";
import type { CreditState } from "./state.ts";

/** What is known about open transactions that were not booked; by their key. */
export interface Returned {
  /** How much of each went back, atoms. */
  readonly amounts: ReadonlyMap<string, bigint>;
  /** Own payments that came back and were made again. */
  readonly repaid: ReadonlySet<string>;
}

/** Compares what is open with what went out and is no transfer of the exchange's software. */
export async function readReturned(s: CreditState, bank: BankHistory): Promise<Returned> {
  const amounts = new Map<string, bigint>(), repaid = new Set<string>();
  const { currency } = s.run.context.settings;
  const bySection = Map.groupBy(s.open.credits.values(), (credit) => credit.account);
  for (const [section, open] of bySection) {
    const debits = (await bank.otherDebits?.(section) ?? []).filter((d) => d.amount.currency === currency);
    const credits = open.filter((c) => c.kind !== "WAD" && c.amount.currency === currency);
    const pairs = pairReturns(
      credits.map((c) => ({
        rowId: c.rowId,
        party: accountKey(c.debitAccount),
        amount: c.amount.atoms,
        rank: c.kind === "OTHER" ? 0 : 1,
      })),
      debits.map((d) => ({ rowId: d.rowId, party: accountKey(d.creditAccount), amount: d.amount.atoms })),
    );
    for (const { credit, debit } of pairs) amounts.set(meetingKey(section, credit.rowId), debit.amount);
    for (const credit of await paidAgain(bank, section, open)) repaid.add(meetingKey(section, credit.rowId));
  }
  return { amounts, repaid };
}

/** The identifier of an own payment that came back; undefined for what is none. */
export function ownPayment(credit: BankCredit): Uint8Array | undefined {
  if (credit.kind !== "OTHER") return undefined;
  const subject = parseDebitSubject(subjectText(credit.subject));
  return "kind" in subject ? subject.subject : undefined;
}

/** Own payments that came back and were made more often than they came back. */
async function paidAgain(bank: BankHistory, section: string, open: readonly BankCredit[]): Promise<BankCredit[]> {
  const came = open.flatMap((credit) => {
    const wtid = ownPayment(credit);
    return wtid === undefined ? [] : [{ credit, wtid }];
  });
  if (came.length === 0 || bank.timesSent === undefined) return [];
  const sent = await bank.timesSent(section, came.map(({ wtid }) => wtid));
  const times = Map.groupBy(came, ({ wtid }) => encodeHex(wtid));
  return came.filter(({ wtid }) => (sent.get(encodeHex(wtid)) ?? 0) > (times.get(encodeHex(wtid))?.length ?? 0))
    .map(({ credit }) => credit);
}

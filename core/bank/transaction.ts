// SPDX-License-Identifier: AGPL-3.0-or-later
/** Credits and debits as one kind of record, for what treats both alike: the store, its checks, statements. */

import { sha512Short, utf8Bytes } from "../crypto/hash.ts";
import { type Amount, formatAmount } from "../taler/amount.ts";
import { encodeBase32 } from "../taler/base32.ts";
import { normalizePayto } from "../taler/payto.ts";
import { formatTime } from "../taler/time.ts";
import type { BankCredit, BankDebit, Direction, OtherDebit } from "./history.ts";
import { parseDebitSubject } from "./subject.ts";

/** What a transfer is for: the types of incoming ones, TRANSFER for outgoing ones, OTHER in both directions. */
export type TransactionKind = BankCredit["kind"] | "TRANSFER";

/** A transfer in either direction. `date` in µs; see BankCredit and BankDebit for the parts. */
export interface Transaction {
  readonly account: string;
  readonly direction: Direction;
  readonly rowId: bigint;
  readonly date: bigint;
  readonly amount: Amount;
  readonly kind: TransactionKind;
  /** Reserve key, account key or wtid (32 bytes), wad identifier (24 bytes); for OTHER the text itself in UTF-8. */
  readonly subject: Uint8Array;
  /** Base URL of the sending exchange (WAD) or of the audited one (TRANSFER). */
  readonly url: string | undefined;
  /** Full payto URI of the other side; empty if the bank names none, as for its own fees. */
  readonly counterpart: string;
}

/** Largest row id that a database column holds; the exchange stores row ids in one as well (crypto.md 9.2). */
export const MAX_ROW_ID = 2n ** 63n - 1n;

/** A credit as a record of the store. */
export function fromCredit(credit: BankCredit): Transaction {
  const { account, rowId, date, amount, kind, subject, originExchangeUrl: url, debitAccount: counterpart } = credit;
  return { account, direction: "credit", rowId, date, amount, kind, subject, url, counterpart };
}

/** A debit as a record of the store. */
export function fromDebit(debit: BankDebit): Transaction {
  const { account, rowId, date, amount, wtid: subject, exchangeBaseUrl: url, creditAccount: counterpart } = debit;
  return { account, direction: "debit", rowId, date, amount, kind: "TRANSFER", subject, url, counterpart };
}

/** A record of direction credit as the passes read it. */
export function toCredit(transaction: Transaction): BankCredit {
  const { account, rowId, date, amount, kind, subject, url: originExchangeUrl, counterpart: debitAccount } =
    transaction;
  if (kind === "TRANSFER") throw new Error("a debit cannot become a credit");
  return { account, rowId, date, amount, kind, subject, originExchangeUrl, debitAccount };
}

/** A record that is no transfer by the exchange's software, as the passes read it. */
export function toOtherDebit(transaction: Transaction): OtherDebit {
  const { account, rowId, date, amount, kind, subject, counterpart } = transaction;
  if (kind !== "OTHER") throw new Error(`a record of kind ${kind} is none of the others`);
  return { account, rowId, date, amount, text: subjectText(subject), creditAccount: counterpart };
}

/** The text of a subject that holds no identifier. */
export function subjectText(subject: Uint8Array): string {
  return new TextDecoder().decode(subject);
}

/** The subject of a payment by the exchange that came back, 32 bytes; undefined for any other incoming transfer. */
export function ownPayment({ kind, subject }: Pick<BankCredit, "kind" | "subject">): Uint8Array | undefined {
  if (kind !== "OTHER") return undefined;
  const text = subjectText(subject);
  // the bank's subject stands behind what the statement says of it
  const parts = [text, text.slice(text.indexOf(": ") + 1)];
  for (const part of parts) {
    const parsed = parseDebitSubject(part.trim());
    if ("kind" in parsed) return parsed.subject;
  }
  return undefined;
}

/** A record of direction debit as the passes read it. */
export function toDebit(transaction: Transaction): BankDebit {
  const { account, rowId, date, amount, kind, subject: wtid, url, counterpart: creditAccount } = transaction;
  if (kind !== "TRANSFER") throw new Error("a credit cannot become a debit");
  return { account, rowId, date, amount, wtid, exchangeBaseUrl: url ?? "", creditAccount };
}

/** The parts that must never change, as text for people and for the hash; the order is part of the stored hash. */
function contentOf(transaction: Transaction): [name: string, value: string][] {
  const { date, amount, kind, subject, url, counterpart } = transaction;
  return [
    ["date", formatTime(date)],
    ["amount", formatAmount(amount.currency, amount.atoms)],
    ["type", kind],
    ["subject", kind === "OTHER" ? subjectText(subject) : encodeBase32(subject)],
    ["exchange", url ?? ""],
    ["counterpart", counterpart],
  ];
}

/** 32 bytes that two reports of a transfer share if they say the same; account, direction and row are not covered. */
export function contentHash(transaction: Transaction): Uint8Array {
  return sha512Short(utf8Bytes(JSON.stringify(contentOf(transaction))));
}

/** What differs between two reports of one transfer, such as `amount EUR:5 became EUR:50`; empty if nothing does. */
export function describeChange(before: Transaction, after: Transaction): string {
  const then = contentOf(before);
  return contentOf(after).flatMap(([name, value], index) => {
    const old = then[index]?.[1] ?? "";
    return old === value ? [] : [`${name} ${old || "none"} became ${value || "none"}`];
  }).join(", ");
}

/** One line about a transfer for a diagnostic. */
export function describeTransaction(transaction: Transaction): string {
  return contentOf(transaction).filter(([, value]) => value !== "").map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

/**
 * What two payto URIs share if they name one account: the normal form, or, where a bank or an operator writes one that
 * has none, the text without parameters.
 */
export function accountKey(payto: string): string {
  return normalizePayto(payto) ?? payto.split("?", 1)[0] ?? "";
}

/** How a counterpart begins that the bank names without telling its account. */
export const UNKNOWN_PARTY = "payto://unknown/";

/**
 * The account key of a counterpart, by which payments there and back are set against each other; empty for the bank
 * itself, undefined where only a name is known, which anybody may bear.
 */
export function partyOf(counterpart: string): string | undefined {
  return counterpart.startsWith(UNKNOWN_PARTY) ? undefined : accountKey(counterpart);
}

/** True if two payto URIs name one account. */
export function sameAccount(a: string, b: string): boolean {
  return accountKey(a) === accountKey(b);
}

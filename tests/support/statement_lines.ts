// SPDX-License-Identifier: AGPL-3.0-or-later
/** A bank's history as a statement shows it. */
import type { BankCredit, BankDebit, Direction, OtherDebit } from "../../core/bank/history.ts";
import type { Statement, StatementLine } from "../../core/bank/statement.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";

/** A line before it has its place in a statement. */
type Line =
  & Pick<StatementLine, "direction" | "date" | "amount" | "subject" | "counterpart">
  & { readonly rowId: bigint; readonly account: string };

/** An incoming transfer that a gateway shows too. */
export function creditLine(credit: BankCredit): Line {
  const { account, rowId, date, amount, kind, subject: key, debitAccount: counterpart } = credit;
  const subject = `${kind === "KYCAUTH" ? "KYC:" : ""}${encodeBase32(key)}`;
  return { account, direction: "credit", rowId, date, amount, subject, counterpart };
}

/** An outgoing transfer that a gateway shows too. */
export function debitLine(debit: BankDebit): Line {
  const { account, rowId, date, amount, wtid, exchangeBaseUrl, creditAccount: counterpart } = debit;
  const subject = `${encodeBase32(wtid)} ${exchangeBaseUrl}`;
  return { account, direction: "debit", rowId, date, amount, subject, counterpart };
}

/** A transaction that only statements show. */
export function otherLine(direction: Direction, other: OtherDebit): Line {
  const { account, rowId, date, amount, text: subject, creditAccount: counterpart } = other;
  return { account, direction, rowId, date, amount, subject, counterpart };
}

/** A statement of these lines; with numbers of the store's own they are told apart by their direction and row. */
export function statementOf(lines: readonly Line[], numbering: Statement["numbering"]): Statement {
  return {
    numbering,
    lines: lines.map((line, index) => ({
      ...line,
      place: `line ${index + 1}`,
      line: index + 1,
      rowId: numbering === "bank" ? line.rowId : undefined,
      reference: numbering === "bank" ? undefined : `${line.direction} ${line.rowId}`,
      other: undefined,
    })),
    skipped: [],
    ownAccount: undefined,
  };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The bank of a wire scene: what it shows, asked in every run or imported into a store now and then. */
import type { Gateway, GatewayPage, PageQuery } from "../../core/bank/gateway.ts";
import type { BankCredit, BankDebit, BankHistory, Direction, OtherDebit } from "../../core/bank/history.ts";
import { importHistory } from "../../core/bank/import.ts";
import { importStatement, type Statement } from "../../core/bank/statement.ts";
import { openStoreHistory } from "../../core/bank/store-history.ts";
import { registerAccount } from "../../core/bank/store.ts";
import type { Sql } from "../../core/db/connect.ts";
import { asBankHistory, type RecordedHistory } from "./bank-golden.ts";
import { DAY } from "../../core/taler/time.ts";
import { CURRENCY } from "./database_scene.ts";
import { ownOf } from "./wire_words.ts";
import { creditLine, debitLine, otherLine, statementOf } from "./statement_lines.ts";

/** Rows per page, everywhere: small, so that there are several. */
const PAGE = 2;

function byRow(a: { rowId: bigint }, b: { rowId: bigint }): number {
  return a.rowId < b.rowId ? -1 : 1;
}

/** A bank. */
export class SceneBank {
  readonly #shown: RecordedHistory;
  /** What only statements show. */
  readonly #others: { direction: Direction; other: OtherDebit }[] = [];

  /** @param store the database of a store of history; without, the history is the bank's own */
  constructor(readonly store?: Sql) {
    this.#shown = { credits: [], debits: [], own: undefined };
  }

  /** Shows an incoming transfer. */
  addCredit(credit: BankCredit): void {
    this.#shown.credits.push(credit);
    this.#shown.credits.sort(byRow);
  }

  /** Shows an outgoing transfer. */
  addDebit(debit: BankDebit): void {
    this.#shown.debits.push(debit);
    this.#shown.debits.sort(byRow);
  }

  /** Has statements show a transaction that is none of the exchange's software. */
  addOther(direction: Direction, other: OtherDebit): void {
    this.#others.push({ direction, other });
  }

  /** The row after the last outgoing transfer. */
  get nextDebit(): bigint {
    return (this.#shown.debits.at(-1)?.rowId ?? 0n) + 1n;
  }

  #gateway(account: string): Gateway {
    const page = <T extends { account: string; rowId: bigint }>(all: T[], { offset = 0n }: PageQuery = {}) =>
      Promise.resolve<GatewayPage<T>>({
        ownAccount: ownOf(account),
        notFound: false,
        rows: all.filter((t) => t.account === account && t.rowId > offset).slice(0, PAGE),
      });
    return {
      account,
      config: () => Promise.resolve(undefined),
      incoming: (query) => page(this.#shown.credits, query),
      outgoing: (query) => page(this.#shown.debits, query),
    };
  }

  /** Brings the store up to date. */
  async import(sections: readonly string[], now: bigint): Promise<void> {
    const sql = this.store!;
    for (const section of sections) {
      await registerAccount(sql, section, ["credit", "debit"], "bank");
      for (const direction of ["credit", "debit"] as const) {
        const gateway = this.#gateway(section);
        await importHistory({ sql, gateway, direction, paytoUri: ownOf(section), clock: () => now });
      }
    }
  }

  /** Brings the store up to date by a statement of all that was shown so far; `numbering` as in a Statement. */
  async importStatement(sections: readonly string[], now: bigint, numbering: Statement["numbering"]): Promise<void> {
    for (const section of sections) {
      const lines = [
        ...this.#shown.credits.map(creditLine),
        ...this.#shown.debits.map(debitLine),
        ...this.#others.map(({ direction, other }) => otherLine(direction, other)),
      ].filter((line) => line.account === section);
      // ten days further than the audit's clock, so that everything can be judged
      const until = now + 10n * DAY;
      const statement = { ...statementOf(lines, numbering), ownAccount: ownOf(section), until };
      await importStatement(this.store!, section, ownOf(section), statement, until);
    }
  }

  /** The history as the passes read it. */
  history(): BankHistory {
    return this.store === undefined
      ? { ...asBankHistory(this.#shown, PAGE), ownAccount: (section) => Promise.resolve(ownOf(section)) }
      : openStoreHistory(this.store, { pageSize: PAGE });
  }

  /** What the history of some accounts comes to, atoms; other currencies are left out. */
  async totals(sections: readonly string[]): Promise<{ credits: bigint; debits: bigint; others: bigint }> {
    const history = this.history();
    const sum = async (pages: AsyncIterable<(BankCredit | BankDebit)[]>) =>
      (await Array.fromAsync(pages)).flat().filter((t) => t.amount.currency === CURRENCY)
        .reduce((total, t) => total + t.amount.atoms, 0n);
    const totals = { credits: 0n, debits: 0n, others: 0n };
    for (const section of sections) {
      for (const { amount } of await history.otherDebits?.(section) ?? []) {
        if (amount.currency === CURRENCY) totals.others += amount.atoms;
      }
      totals.credits += await sum(history.credits(section, 0n));
      totals.debits += await sum(history.debits(section, 0n));
    }
    return totals;
  }
}

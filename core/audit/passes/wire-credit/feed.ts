// SPDX-License-Identifier: AGPL-3.0-or-later
/** The bank's new transactions of one account, read as far as the bookings that are looked for. */
import type { BankCredit, BankHistory } from "../../../bank/history.ts";
import { newPages } from "../../bank-source.ts";
import { MONEY } from "../../money.ts";
import { takeCredit } from "./pair.ts";
import type { CreditState } from "./state.ts";

/** Reads page after page; what has a booking already meets it at once. */
export class CreditFeed {
  readonly #pages: AsyncGenerator<BankCredit[], bigint, void>;
  readonly #start: bigint;
  #last = 0n;
  #ended = false;

  constructor(readonly state: CreditState, bank: BankHistory, readonly section: string, readonly progressKey: string) {
    const { run } = state;
    this.#start = run.pointOf(progressKey);
    const place = { section, direction: "credit" as const, row: this.#start };
    this.#pages = newPages(run, bank, place, (after, arrived) => bank.credits(section, after, arrived));
  }

  /** Reads up to a row, if the bank has come that far. */
  async readUpTo(row: bigint): Promise<void> {
    while (!this.#ended && this.#last < row) await this.#readPage();
  }

  /** Reads the rest. The stored cursor is the last row seen (wire chapter 0.4). */
  async finish(): Promise<void> {
    while (!this.#ended) await this.#readPage();
    if (this.#last !== this.#start) this.state.run.book.progress.set(this.progressKey, this.#last);
  }

  async #readPage(): Promise<void> {
    const { run } = this.state;
    const { done, value } = await this.#pages.next();
    if (done === true) {
      this.#last = value;
      this.#ended = true;
      return;
    }
    for (const credit of value) {
      takeCredit(this.state, credit);
      if (credit.amount.currency === run.context.settings.currency) run.addCounter(MONEY.bankIn, credit.amount.atoms);
      run.rows++;
    }
    this.#last = value.at(-1)?.rowId ?? this.#last;
  }
}

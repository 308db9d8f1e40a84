// SPDX-License-Identifier: AGPL-3.0-or-later
/** The ledger of denominations: booking (audit chapter 2d), saturation (C-21, C-22), the order of the replay (D-16). */
import assert from "node:assert/strict";
import { AmountOverflow, MAX_AMOUNT } from "../../core/taler/amount.ts";
import {
  bookEvent,
  type Booking,
  type DenominationLedger,
  emptyLedger,
  type EscrowLedger,
  replay,
  signedBalance,
  type Spend,
} from "../../core/audit/passes/coins/ledger.ts";
import { RANK } from "../../core/audit/passes/coins/state.ts";
import { atoms, type Phrase, plainAmount, testTable } from "../support/scenario.ts";

interface Books {
  ledgers: Map<string, DenominationLedger>;
  escrow: EscrowLedger;
  spends: Spend[];
}

/** The stages in which the tables spend. */
const STAGES: Record<string, number> = {
  deposit: RANK.deposits,
  "purse-deposit": RANK.purseDeposits,
  "open-deposit": RANK.openDeposits,
  melt: RANK.melts,
};

function bookingOf(p: Phrase): Booking {
  const amount = p.amount();
  if (p.verb in STAGES) return { event: "spend", amount };
  return p.verb === "issue" ? { event: "issue", value: amount } : { event: p.verb as "refund", amount };
}

/** Books `verb denomination amount`; the denomination may be left out. */
function booked(phrases: Phrase[]): Books {
  const books: Books = {
    ledgers: new Map(),
    escrow: { creditEarly: 0n, creditLate: 0n, waived: 0n, spent: 0n },
    spends: [],
  };
  for (const [i, p] of phrases.entries()) {
    const denomination = p.after("of") ?? "d";
    const ledger = books.ledgers.get(denomination) ?? emptyLedger();
    books.ledgers.set(denomination, ledger);
    const b = bookingOf(p);
    bookEvent(ledger, books.escrow, b);
    if (b.event !== "spend") continue;
    books.spends.push({ stage: STAGES[p.verb]!, serial: BigInt(i + 1), denomination, amount: b.amount });
  }
  books.spends.sort((a, b) => a.stage - b.stage || Number(a.serial - b.serial));
  return books;
}

testTable(
  "ledger",
  `
  issue 5                     -> balance 5; risk 5; issued 1; recouped 0; escrow 5
  issue 5; issue 5            -> balance 10; risk 10; issued 2; recouped 0; escrow 10
  issue 5; deposit 3          -> balance 2; risk 5; issued 1; recouped 0; escrow 2
  issue 5; melt 3             -> balance 2; risk 5; issued 1; recouped 0; escrow 2
  issue 5; deposit 5; refund 2 -> balance 2; risk 7; issued 1; recouped 0; escrow 2
  # a recoup of a fresh coin comes back to the old denomination, but not to the escrow
  issue 5; melt 5; recoup-refresh-credit 2 -> balance 2; risk 5; issued 1; recouped 0; escrow 0
  # a recoup is remembered and changes no balance
  issue 5; recoup 4           -> balance 5; risk 5; issued 1; recouped 4; escrow 5
  # a deposit fee that is given back can be spent; the balance of the reference's layout leaves it out
  issue 5; deposit 5; refund 4.8; waive 0.2 -> balance 4.8; risk 9.8; issued 1; recouped 0; escrow 4.8
  deposit 3                   -> balance -3; risk 0; issued 0; recouped 0; escrow -3
  `,
  (phrases) => {
    const { ledgers, escrow } = booked(phrases);
    const l = ledgers.get("d")!;
    assert.ok(l.touched && l.dirty);
    return [
      `balance ${plainAmount(signedBalance(l))}`,
      `risk ${plainAmount(l.risk)}`,
      `issued ${l.issuedCoins}`,
      `recouped ${plainAmount(l.recouped)}`,
      `escrow ${plainAmount(signedBalance(escrow))}`,
    ];
  },
);

/** What the replay says of each denomination that was short, and of the escrow; spends are named by their place. */
testTable(
  "C-21, C-22: replay",
  `
  # enough was issued: nothing is short
  issue 5; deposit 5                                  -> escrow 0
  issue 5; deposit 3; melt 2                          -> escrow 0
  # a spend that is not covered is lost in full, and the balance stays as it is
  issue 5; deposit 6                                  -> d keeps 5 loses 6; escrow 5; C-22 3/2 6 over 5
  issue 5; deposit 3; deposit 3                       -> d keeps 2 loses 3; escrow 2; C-22 3/3 3 over 2
  issue 5; deposit 3; deposit 3; deposit 2            -> d keeps 0 loses 3; escrow 0; C-22 3/3 3 over 2
  deposit 3                                           -> d keeps 0 loses 3; escrow 0; C-22 3/1 3 over 0
  # the order is that of the stages, not of the lines
  issue 5; melt 4; deposit 3                          -> d keeps 2 loses 4; escrow 2; C-22 7/2 4 over 2
  issue 5; melt 4; purse-deposit 3                    -> d keeps 2 loses 4; escrow 2; C-22 7/2 4 over 2
  issue 5; open-deposit 4; purse-deposit 3            -> d keeps 2 loses 4; escrow 2; C-22 4.5/2 4 over 2
  # what is issued by a reveal counts before the deposits (D-16)
  deposit 5; issue 5                                  -> escrow 0
  # refunds come after deposits and before melts
  issue 5; deposit 5; refund 2; melt 2                -> escrow 0
  issue 5; deposit 5; deposit 2; refund 2; melt 2     -> d keeps 0 loses 2; escrow 0; C-22 3/3 2 over 0
  # short for a while, but not in the end: no loss
  issue 5; deposit 5; deposit 2; refund 2             -> escrow 2
  # deposit fees that were given back can be spent, and are shown nowhere (D-14)
  issue 5; deposit 5; refund 4.8; waive 0.2; melt 5       -> escrow 0
  issue 5; deposit 5; refund 4.8; waive 0.2; melt 5.1
    -> d keeps 4.8 loses 5.1; escrow 4.8; C-22 7/5 5.1 over 5
  issue 5; deposit 5; refund 4.8; waive 0.2; melt 4.9; melt 0.2
    -> d keeps 0 loses 0.2; escrow 0; C-22 7/6 0.2 over 0.1
  # recoup credit belongs to the denomination; the escrow does not get it
  issue 5; recoup-refresh-credit 1; deposit 6         -> escrow 5; C-22 3/3 6 over 5
  # a denomination that is short does not touch another; the escrow is one for all
  issue 5 of a; issue 5 of b; deposit 6 of a; deposit 4 of b
    -> a keeps 5 loses 6; escrow 0
  issue 5 of a; issue 5 of b; deposit 6 of a; deposit 5 of b
    -> a keeps 5 loses 6; escrow 4; C-22 3/4 5 over 4
  `,
  async (phrases) => {
    const { ledgers, escrow, spends } = booked(phrases);
    const given = (async function* () {
      yield* spends;
    })();
    const outcome = await replay(ledgers, escrow, given, RANK.melts);
    return [
      ...[...outcome.denominations].map(([name, d]) =>
        `${name} keeps ${plainAmount(d.balance)} loses ${plainAmount(d.loss)}`
      ),
      `escrow ${plainAmount(outcome.escrow)}`,
      ...outcome.shortages.map((s) =>
        `C-22 ${s.stage}/${s.serial} ${plainAmount(s.amount)} over ${plainAmount(s.escrow)}`
      ),
    ];
  },
);

for (const event of ["refund", "waive", "recoup-refresh-credit", "recoup", "issue"] as const) {
  Deno.test(`ledger: more than 2^52 by ${event} ends the run`, () => {
    const ledger = emptyLedger();
    const escrow = { creditEarly: 0n, creditLate: 0n, waived: 0n, spent: 0n };
    const b = (amount: bigint) => event === "issue" ? { event, value: amount } as const : { event, amount } as const;
    bookEvent(ledger, escrow, b(MAX_AMOUNT));
    assert.throws(() => bookEvent(ledger, escrow, b(atoms("0.00000001"))), AmountOverflow);
  });
}

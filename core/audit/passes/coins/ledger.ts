// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The ledger of denominations (audit chapter 2c, 2d): what was issued, what came back, and what follows from that.
 *
 * Everything here is a sum, so that the order in which rows arrive does not matter. Only when more was spent than
 * issued does order matter; then the spends are replayed one by one ({@link replay}, C-21, C-22).
 */
import { sumAmounts } from "../../../taler/amount.ts";

/** Sums over the life of a denomination, in atoms. */
export interface DenominationLedger {
  issuedCoins: bigint;
  knownCoins: bigint;
  /** Issuance and recoup credit: booked before any spend. */
  creditEarly: bigint;
  /** Refunds: booked after deposits and before melts. */
  creditLate: bigint;
  /** Deposit fees that coins got back with full refunds; the reference's balance leaves them out (D-14). */
  waived: bigint;
  spent: bigint;
  /** Everything that was put into circulation. */
  risk: bigint;
  recouped: bigint;
  /** Some row was booked; from then on the denomination has a pending row (audit chapter 2c). */
  touched: boolean;
  /** An earlier committed run saw a valid revocation. */
  revoked: boolean;
  /** This run changed it. */
  dirty: boolean;
}

/** A ledger in which nothing happened yet. */
export function emptyLedger(): DenominationLedger {
  return {
    issuedCoins: 0n,
    knownCoins: 0n,
    creditEarly: 0n,
    creditLate: 0n,
    waived: 0n,
    spent: 0n,
    risk: 0n,
    recouped: 0n,
    touched: false,
    revoked: false,
    dirty: false,
  };
}

/** What booking changes, in the words of the audit chapter's table 2d. */
export type Booking =
  | { event: "issue"; value: bigint }
  | { event: "spend"; amount: bigint }
  | { event: "refund"; amount: bigint }
  | { event: "waive"; amount: bigint }
  | { event: "recoup-refresh-credit"; amount: bigint }
  | { event: "recoup"; amount: bigint };

/** The escrow: all coins together (audit chapter 2d, `total_escrowed`). */
export interface EscrowLedger {
  creditEarly: bigint;
  creditLate: bigint;
  waived: bigint;
  spent: bigint;
}

/**
 * Books one event on a denomination and the escrow.
 * @throws AmountOverflow when the issued total leaves the legal range of amounts
 */
export function bookEvent(ledger: DenominationLedger, escrow: EscrowLedger, b: Booking): void {
  ledger.touched = true;
  ledger.dirty = true;
  switch (b.event) {
    case "issue":
      ledger.issuedCoins++;
      ledger.creditEarly = sumAmounts("coins issued of a denomination", ledger.creditEarly, b.value);
      ledger.risk = sumAmounts("risk of a denomination", ledger.risk, b.value);
      escrow.creditEarly += b.value;
      break;
    case "spend":
      ledger.spent += b.amount;
      escrow.spent += b.amount;
      break;
    case "refund":
      ledger.creditLate = sumAmounts("refunds of a denomination", ledger.creditLate, b.amount);
      ledger.risk = sumAmounts("risk of a denomination", ledger.risk, b.amount);
      escrow.creditLate += b.amount;
      break;
    case "waive":
      ledger.waived = sumAmounts("deposit fees waived for a denomination", ledger.waived, b.amount);
      escrow.waived += b.amount;
      break;
    case "recoup-refresh-credit":
      ledger.creditEarly = sumAmounts("recoups to a denomination", ledger.creditEarly, b.amount);
      break;
    case "recoup":
      ledger.recouped = sumAmounts("recoups of a denomination", ledger.recouped, b.amount);
      break;
  }
}

/** The balance of a ledger; negative when more was spent than issued. */
export function signedBalance(l: { creditEarly: bigint; creditLate: bigint; spent: bigint }): bigint {
  return l.creditEarly + l.creditLate - l.spent;
}

/** More was spent than the coins were good for, deposit fees that they got back included. */
export function isShort(l: EscrowLedger): boolean {
  return signedBalance(l) + l.waived < 0n;
}

/** The balance as the reference has it: without waived fees, and never below zero. */
export function shownBalance(l: EscrowLedger): bigint {
  return atLeastZero(signedBalance(l));
}

/** One accepted spend, for the replay. */
export interface Spend {
  stage: number;
  serial: bigint;
  /** Hash of the denomination in hexadecimal. */
  denomination: string;
  amount: bigint;
}

/** A spend that the escrow could not cover (C-22). */
export interface EscrowShortage {
  stage: number;
  serial: bigint;
  escrow: bigint;
  amount: bigint;
}

/** What a replay found out. */
export interface Replay {
  /** Balance and loss of the denominations that were short. */
  denominations: Map<string, { balance: bigint; loss: bigint }>;
  escrow: bigint;
  shortages: EscrowShortage[];
}

/**
 * Replays spends against saturating balances (C-21, C-22): a spend that a balance does not cover leaves the balance as
 * it is and counts as loss in full. Issuance comes first (D-16), refunds between the deposits and the melts.
 *
 * @param spends all accepted spends, ordered by stage and serial
 * @param meltStage the stage before which late credit is booked
 */
export async function replay(
  ledgers: Map<string, DenominationLedger>,
  escrowLedger: EscrowLedger,
  spends: AsyncIterable<Spend>,
  meltStage: number,
): Promise<Replay> {
  const state = new Map([...ledgers].map(([hash, l]) => [hash, { balance: l.creditEarly, loss: 0n }]));
  let escrow = escrowLedger.creditEarly;
  let lateBooked = false;
  const shortages: EscrowShortage[] = [];
  const bookLate = () => {
    lateBooked = true;
    for (const [hash, l] of ledgers) state.get(hash)!.balance += l.creditLate + l.waived;
    escrow += escrowLedger.creditLate + escrowLedger.waived;
  };
  for await (const { stage, serial, denomination, amount } of spends) {
    if (stage >= meltStage && !lateBooked) bookLate();
    const d = state.get(denomination);
    if (d !== undefined) {
      if (d.balance < amount) d.loss += amount;
      else d.balance -= amount;
    }
    if (escrow < amount) shortages.push({ stage, serial, escrow, amount });
    else escrow -= amount;
  }
  if (!lateBooked) bookLate();
  const denominations = new Map([...state].filter(([hash]) => isShort(ledgers.get(hash)!)));
  for (const [hash, d] of denominations) d.balance = atLeastZero(d.balance - ledgers.get(hash)!.waived);
  return {
    denominations,
    escrow: atLeastZero(escrow - escrowLedger.waived),
    shortages: isShort(escrowLedger) ? shortages : [],
  };
}

function atLeastZero(balance: bigint): bigint {
  return balance < 0n ? 0n : balance;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Laws of booking: ledgers, replays, plans of findings, overdrafts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Book } from "../../core/audit/book.ts";
import { coinBalance } from "../../core/audit/coin-history.ts";
import { rowInconsistency } from "../../core/audit/findings.ts";
import {
  bookEvent,
  type Booking,
  type DenominationLedger,
  emptyLedger,
  type EscrowLedger,
  isShort,
  replay,
  signedBalance,
  type Spend,
} from "../../core/audit/passes/coins/ledger.ts";
import { firstOverdraft, type Movement } from "../../core/audit/passes/reserves/extras.ts";
import { applyChange, type ReserveLedger } from "../../core/audit/passes/reserves/verdicts.ts";
import type { ReserveChange } from "../../core/audit/passes/reserves/state.ts";
import { planFindings, type StoredStanding } from "../../core/audit/store.ts";
import type { CoinEvent, CoinEventKind } from "../../core/exchange/rows.ts";
import { bytes32 } from "../support/mint.ts";

const amount = fc.bigInt({ min: 0n, max: 1_000n });

const booking: fc.Arbitrary<Booking> = fc.oneof(
  fc.record({ event: fc.constant("issue" as const), value: amount }),
  fc.record({
    event: fc.constantFrom("spend", "refund", "waive", "recoup-refresh-credit", "recoup"),
    amount,
  }),
);

/** Bookings, each on one of three denominations. */
const bookings = fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), booking), { maxLength: 40 });

function bookAll(all: readonly (readonly [string, Booking])[]): {
  ledgers: Map<string, DenominationLedger>;
  escrow: EscrowLedger;
} {
  const ledgers = new Map<string, DenominationLedger>();
  const escrow = { creditEarly: 0n, creditLate: 0n, waived: 0n, spent: 0n };
  for (const [name, b] of all) {
    const ledger = ledgers.get(name) ?? emptyLedger();
    ledgers.set(name, ledger);
    bookEvent(ledger, escrow, b);
  }
  return { ledgers, escrow };
}

/** An array with one of its permutations. */
function withPermutation<T>(arbitrary: fc.Arbitrary<T[]>): fc.Arbitrary<[T[], T[]]> {
  return arbitrary.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }))
  );
}

Deno.test("ledger: its sums do not depend on the order of the events", () => {
  fc.assert(fc.property(withPermutation(bookings), ([all, shuffled]) => {
    const [a, b] = [bookAll(all), bookAll(shuffled)];
    assert.deepEqual(a.escrow, b.escrow);
    const sorted = (m: Map<string, DenominationLedger>) => [...m].sort(([x], [y]) => x < y ? -1 : 1);
    assert.deepEqual(sorted(a.ledgers), sorted(b.ledgers));
  }));
});

Deno.test("ledger: booking in two runs is booking in one", () => {
  fc.assert(fc.property(bookings, bookings, (first, second) => {
    const whole = bookAll([...first, ...second]);
    const part = bookAll(first);
    for (const [name, b] of second) {
      const ledger = part.ledgers.get(name) ?? emptyLedger();
      part.ledgers.set(name, ledger);
      bookEvent(ledger, part.escrow, b);
    }
    assert.deepEqual(part.escrow, whole.escrow);
    assert.deepEqual(new Map(part.ledgers), whole.ledgers);
  }));
});

const MELT_STAGE = 7;

/** Spends of three denominations in three stages, ordered as the engine orders them. */
const spends = fc.array(
  fc.record({ stage: fc.constantFrom(3, 4, MELT_STAGE), denomination: fc.constantFrom("a", "b", "c"), amount }),
  { maxLength: 30 },
).map((all) =>
  all.map((s, i): Spend => ({ ...s, serial: BigInt(i) })).sort((x, y) =>
    x.stage - y.stage || Number(x.serial - y.serial)
  )
);

async function* iterate<T>(all: readonly T[]): AsyncGenerator<T> {
  yield* all;
}

function atLeastZero(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}

/** Ledgers with these credits and the spends of a replay. */
function ledgersOf(
  credits: Record<string, { early: bigint; late: bigint; waived: bigint }>,
  all: Spend[],
): { ledgers: Map<string, DenominationLedger>; escrow: EscrowLedger } {
  const ledgers = new Map<string, DenominationLedger>();
  const escrow = { creditEarly: 0n, creditLate: 0n, waived: 0n, spent: 0n };
  for (const [name, { early, late, waived }] of Object.entries(credits)) {
    const spent = all.filter((s) => s.denomination === name).reduce((sum, s) => sum + s.amount, 0n);
    ledgers.set(name, { ...emptyLedger(), creditEarly: early, creditLate: late, waived, spent });
    escrow.creditEarly += early;
    escrow.creditLate += late;
    escrow.waived += waived;
    escrow.spent += spent;
  }
  return { ledgers, escrow };
}

const credit = fc.record({
  early: fc.bigInt({ min: 0n, max: 4_000n }),
  late: amount,
  waived: fc.bigInt({ min: 0n, max: 100n }),
});
const credits = fc.record({ a: credit, b: credit, c: credit });

Deno.test("replay: no loss where the credits cover the spends (C-21, C-22)", async () => {
  await fc.assert(fc.asyncProperty(spends, credits, async (all, extra) => {
    // every denomination gets what is spent of it, and something more
    for (const name of ["a", "b", "c"] as const) {
      extra[name].early += all.filter((s) => s.denomination === name).reduce((sum, s) => sum + s.amount, 0n);
    }
    const { ledgers, escrow } = ledgersOf(extra, all);
    const outcome = await replay(ledgers, escrow, iterate(all), MELT_STAGE);
    assert.deepEqual(outcome, { denominations: new Map(), escrow: signedBalance(escrow), shortages: [] });
  }));
});

Deno.test("replay: what is lost and kept adds up to credits less spends, for each denomination and the escrow", async () => {
  await fc.assert(fc.asyncProperty(spends, credits, async (all, given) => {
    const { ledgers, escrow } = ledgersOf(given, all);
    const outcome = await replay(ledgers, escrow, iterate(all), MELT_STAGE);
    for (const [name, ledger] of ledgers) {
      const found = outcome.denominations.get(name);
      assert.equal(found !== undefined, isShort(ledger), name);
      if (found === undefined) continue;
      assert.equal(found.balance, atLeastZero(signedBalance(ledger) + found.loss));
      assert.ok(found.balance >= 0n && found.loss > 0n);
    }
    const short = outcome.shortages.reduce((sum, s) => sum + s.amount, 0n);
    assert.ok(outcome.escrow >= 0n);
    if (isShort(escrow)) {
      assert.equal(outcome.escrow, atLeastZero(signedBalance(escrow) + short));
      assert.ok(outcome.shortages.every((s) => s.escrow < s.amount));
    } else assert.deepEqual(outcome.shortages, []);
  }));
});

const place = { stage: 1, serial: 0n };

/** Verdicts of a run: open with a text and an effect, or gone; and prefixes that were judged completely. */
const verdicts = fc.record({
  settled: fc.dictionary(
    fc.constantFrom("k:1", "k:2", "k:3", "l:1", "l:2"),
    fc.option(fc.record({ text: fc.constantFrom("x", "y"), effect: amount, other: fc.boolean() }), { nil: undefined }),
  ),
  swept: fc.subarray(["k:", "l:"]),
});

type Verdicts = typeof verdicts extends fc.Arbitrary<infer T> ? T : never;

function bookOf({ settled, swept }: Verdicts): Book {
  const book = new Book();
  for (const [key, v] of Object.entries(settled)) {
    const row = rowInconsistency("X-1", "t", 1n, v?.text ?? "");
    const finding = v?.other === true ? { ...row, table: "emergency" as const } : row;
    book.settle(key, place, v === undefined ? undefined : finding, { loss: v?.effect ?? 0n });
  }
  for (const prefix of swept) book.sweep(prefix);
  return book;
}

/** What is stored after a plan was carried out. */
function carryOut(book: Book, stored: ReadonlyMap<string, StoredStanding>): Map<string, StoredStanding> {
  const plan = planFindings(book, new Map(stored));
  const after = new Map(stored);
  for (const { key } of plan.resolve) after.delete(key);
  for (const { key, entry, stored: before } of plan.change) {
    const { check, table, columns } = entry.finding!;
    after.set(key, { check, table, row: before.row, content: columns, effects: entry.effects });
  }
  for (const o of plan.open) {
    if (o.key === undefined) continue;
    const { check, table, columns } = o.finding;
    after.set(o.key, { check, table, row: BigInt(after.size), content: columns, effects: o.effects ?? {} });
  }
  return after;
}

Deno.test("findings: a plan carried out twice changes nothing more", () => {
  fc.assert(fc.property(verdicts, verdicts, (earlier, now) => {
    const before = carryOut(bookOf(earlier), new Map());
    const after = carryOut(bookOf(now), before);
    assert.deepEqual(planFindings(bookOf(now), after), { open: [], change: [], resolve: [] });
  }));
});

Deno.test("findings: what is open afterwards is what was judged open, and what was not judged", () => {
  fc.assert(fc.property(verdicts, verdicts, (earlier, now) => {
    const before = carryOut(bookOf(earlier), new Map());
    const after = carryOut(bookOf(now), before);
    for (const key of ["k:1", "k:2", "k:3", "l:1", "l:2"]) {
      const judged = key in now.settled || now.swept.some((p) => key.startsWith(p));
      const expected = judged ? now.settled[key]?.text : before.get(key)?.content["diagnostic"];
      assert.equal(after.get(key)?.content["diagnostic"], expected, key);
    }
  }));
});

const movement: fc.Arbitrary<Movement> = fc.record({
  stage: fc.constantFrom("reserves_in", "reserves_out"),
  serial: fc.bigInt({ min: 1n, max: 99n }),
  at: fc.bigInt({ min: 0n, max: 5n }),
  atoms: fc.bigInt({ min: -6n, max: 6n }),
});

/** Overdrawn after everything that came in at or before an instant, and everything that went out by then. */
function overdrawnInstant(movements: Movement[]): { at: bigint; short: bigint } | undefined {
  for (const at of [0n, 1n, 2n, 3n, 4n, 5n]) {
    const balance = movements.filter((m) => m.at <= at).reduce((sum, m) => sum + m.atoms, 0n);
    if (balance < 0n) return { at, short: -balance };
  }
  return undefined;
}

Deno.test("overdraft: as a naive replay finds it, whatever the order of the rows (X-15)", () => {
  fc.assert(
    fc.property(fc.array(movement, { maxLength: 12 }), (movements) => {
      const given = [...movements];
      const found = firstOverdraft(movements);
      const naive = overdrawnInstant(movements);
      assert.equal(found?.movement.at, naive?.at);
      if (found !== undefined) {
        assert.ok(movements.includes(found.movement));
        assert.ok(found.movement.atoms < 0n);
        assert.ok(found.short > 0n && found.short <= naive!.short);
      }
      assert.ok(movements.every((m, i) => m === given[i]), "the rows stay in their order");
    }),
    { numRuns: 2000 },
  );
});

const kinds: CoinEventKind[] = ["deposit", "melt", "refund", "recoup", "recoup-refresh-new", "recoup-refresh-old"];
const coinEvent = fc.record({
  kind: fc.constantFrom<CoinEventKind>(...kinds, "purse-deposit", "purse-refund", "reserve-open"),
  serial: fc.bigInt({ min: 1n, max: 99n }),
  coinPub: fc.constant(bytes32("coin")),
  amount,
  batch: fc.bigInt({ min: 1n, max: 3n }),
  contract: fc.constant(undefined),
});

Deno.test("coin: spent and limit do not depend on the order of the events (C-4)", () => {
  const terms = { value: 500n, feeDeposit: 7n, feeRefund: 3n };
  fc.assert(fc.property(withPermutation(fc.array(coinEvent)), ([all, shuffled]: [CoinEvent[], CoinEvent[]]) => {
    assert.deepEqual(coinBalance(all, terms), coinBalance(shuffled, terms));
  }));
});

const change: fc.Arbitrary<ReserveChange> = fc.record({
  reservePub: fc.constant(bytes32("r")),
  totalIn: amount,
  totalOut: amount,
  withdrawFee: amount,
  closeFee: amount,
  purseFee: amount,
  openFee: amount,
  expiration: amount,
  origin: fc.constantFrom(undefined, "payto://x/a", "payto://x/b"),
  closes: fc.constant([]),
});

Deno.test("reserve: changes of several runs add up to those of one", () => {
  fc.assert(fc.property(change, change, (a, b) => {
    const both: ReserveChange = {
      ...a,
      totalIn: a.totalIn + b.totalIn,
      totalOut: a.totalOut + b.totalOut,
      withdrawFee: a.withdrawFee + b.withdrawFee,
      closeFee: a.closeFee + b.closeFee,
      purseFee: a.purseFee + b.purseFee,
      openFee: a.openFee + b.openFee,
      expiration: a.expiration > b.expiration ? a.expiration : b.expiration,
      origin: a.origin ?? b.origin,
    };
    const stepwise: ReserveLedger = applyChange(applyChange(undefined, a), b);
    assert.deepEqual(stepwise, applyChange(undefined, both));
    assert.deepEqual(applyChange(stepwise, undefined), stepwise);
  }));
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** How the passes on the bank's side read a history: what is new in it, and up to when something can be missing. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { NewestBooking } from "../../core/audit/wire-common.ts";
import { DAY } from "../../core/taler/time.ts";
import { completeUntil, newPages } from "../../core/audit/bank-source.ts";
import type { PassRun } from "../../core/audit/pass.ts";
import type { Arrived, BankHistory } from "../../core/bank/history.ts";

const ACCOUNT = "exchange-account-1";

Deno.test("up to when a transfer can be missing: the last import, or now, but never later than the audit's clock", async () => {
  const history = (until: BankHistory["completeUntil"]) => ({ completeUntil: until }) as BankHistory;
  const until = async (h: BankHistory) => (await completeUntil(h, [ACCOUNT], "debit", { now: 50n })).get(ACCOUNT);
  assert.equal(await until({} as BankHistory), 50n);
  assert.equal(await until(history(() => Promise.resolve(40n))), 40n);
  assert.equal(await until(history(() => Promise.resolve(60n))), 50n);
  assert.equal(await until(history(() => Promise.resolve(undefined))), 0n);
  const statements = {
    completeUntil: () => Promise.resolve(40n + 5n * DAY),
    hasBankNumbers: () => Promise.resolve(false),
  };
  assert.equal(await until(statements as unknown as BankHistory), 40n, "statements date transfers days later");
});

Deno.test("a history that is days old limits the verdicts, and the audit says so", async () => {
  const said = async (known: bigint | undefined, now: bigint) => {
    const warnings: string[] = [];
    const bank = { completeUntil: () => Promise.resolve(known) } as unknown as BankHistory;
    await completeUntil(bank, [ACCOUNT], "debit", { now, warn: (message) => warnings.push(message) });
    return warnings;
  };
  assert.deepEqual(await said(DAY, 3n * DAY), []);
  assert.deepEqual(await said(undefined, 3n * DAY), [], "a history that never was complete is refused elsewhere");
  assert.deepEqual(await said(DAY, 3n * DAY + 1n), [
    `${ACCOUNT}: the history of outgoing transfers was last imported completely at 1970-01-02T00:00:00Z; ` +
    "later ones are not judged as missing",
  ]);
});

/** A run that has nothing but counters, which survive it. */
function runWith(counters: Map<string, bigint>): PassRun {
  const setCounter = (name: string, value: bigint) => void counters.set(name, value);
  return { counters: new Map(counters), setCounter } as unknown as PassRun;
}

/** A store in memory: the row ids of what came, in the order of its coming. */
class Store {
  rows: bigint[] = [];
  constructor(readonly epoch: bigint, readonly local = false, readonly direct = false) {}

  get bank(): BankHistory {
    return {
      ...(this.direct
        ? {}
        : { arrivals: () => Promise.resolve({ epoch: this.epoch, newest: BigInt(this.rows.length) }) }),
      hasBankNumbers: () => Promise.resolve(!this.local),
    } as unknown as BankHistory;
  }

  async *read(after: bigint, arrived?: Arrived) {
    const all = this.rows.filter((row, index) => {
      const arrival = BigInt(index + 1), late = arrived?.late;
      return row > after && arrival <= (arrived?.upTo ?? arrival) &&
        (late === undefined || (arrival > late.after && row <= late.lastRow));
    }).sort((a, b) => a < b ? -1 : 1);
    for (let i = 0; i < all.length; i += 3) {
      yield await Promise.resolve(all.slice(i, i + 3).map((rowId) => ({ rowId })));
    }
  }

  /** What a run reads; `during` happens when the first page was given. */
  async readOn(counters: Map<string, bigint>, place: { row: bigint }, during = () => {}): Promise<bigint[]> {
    const seen: bigint[] = [];
    const at = { section: ACCOUNT, direction: "credit" as const, row: place.row };
    const pages = newPages(runWith(counters), this.bank, at, (...args) => this.read(...args));
    let page = await pages.next();
    for (; page.done !== true; page = await pages.next()) {
      seen.push(...page.value.map(({ rowId }) => rowId));
      during();
    }
    place.row = page.value;
    return seen;
  }
}

Deno.test("every row of a store is read once, in whatever order and at whatever time it came", async () => {
  const ids = fc.shuffledSubarray(Array.from({ length: 20 }, (_, i) => BigInt(i + 1)));
  const cuts = fc.array(fc.tuple(fc.nat(20), fc.nat(3)), { maxLength: 6 });
  await fc.assert(fc.asyncProperty(ids, cuts, async (rows, runs) => {
    const store = new Store(7n), counters = new Map<string, bigint>(), place = { row: 0n };
    const coming = [...rows], seen: bigint[] = [];
    for (const [before, during] of [...runs, [20, 0] as const, [0, 0] as const]) {
      store.rows.push(...coming.splice(0, before));
      seen.push(...await store.readOn(counters, place, () => store.rows.push(...coming.splice(0, during))));
    }
    assert.deepEqual(seen.toSorted((a, b) => a < b ? -1 : 1), rows.toSorted((a, b) => a < b ? -1 : 1));
  }));
});

Deno.test("a history from another source than before is refused: rows would be missed, or read twice", async () => {
  const counters = new Map<string, bigint>(), place = { row: 0n };
  const old = new Store(7n);
  old.rows = [1n, 5n, 3n];
  assert.deepEqual(await old.readOn(counters, place), [1n, 3n, 5n]);
  for (const local of [false, true]) {
    await assert.rejects(new Store(9n, local).readOn(counters, place), /deleted and imported anew; .*dbinit --restart/);
  }
  const bank = new Store(0n, false, true);
  await assert.rejects(bank.readOn(counters, place), /comes from another source than in earlier runs; .*--restart/);
  assert.deepEqual(await old.readOn(counters, place), [], "the old one is read on");
  const direct = new Map<string, bigint>(), start = { row: 0n };
  bank.rows = [1n, 2n];
  assert.deepEqual(await bank.readOn(direct, start), [1n, 2n]);
  await assert.rejects(old.readOn(direct, start), /comes from another source/);
  assert.deepEqual(await bank.readOn(direct, start), []);
  assert.deepEqual(await new Store(9n, true).readOn(new Map(), { row: 0n }), [], "a first run has none");
  // as long as nothing was read, the source may change; what is read then is known
  const free = new Map<string, bigint>(), nowhere = { row: 0n };
  assert.deepEqual(await new Store(7n).readOn(free, nowhere), []);
  assert.deepEqual(await bank.readOn(free, nowhere), [1n, 2n]);
  assert.deepEqual(await bank.readOn(free, nowhere), []);
  await assert.rejects(new Store(7n).readOn(free, nowhere), /comes from another source/);
});

Deno.test("the audit asks whether the copy is current when all that it lacks is younger than what it has", () => {
  const counters = new Map<string, bigint>();
  const ask = (bookings: bigint[], lacking: bigint[]) => {
    const warnings: string[] = [];
    const context = { now: 100n * DAY, warn: (message: string) => warnings.push(message) };
    const newest = new NewestBooking({ ...runWith(counters), pass: "wire-credit", context } as unknown as PassRun);
    for (const date of bookings) newest.see(date);
    newest.finish(lacking, "incoming");
    return warnings;
  };
  const text = (has: string, count: number) =>
    `the copy of the exchange's database has ${has} of the incoming transfers, the bank has ${count}: ` +
    "is the copy still brought up to date?";
  assert.deepEqual(ask([], []), []);
  assert.deepEqual(ask([], [DAY]), [text("none at all", 1)]);
  assert.deepEqual(ask([DAY, 3n * DAY, 200n * DAY], []), [], "a date that is not reached yet tells nothing");
  assert.deepEqual(ask([], [4n * DAY, 5n * DAY]), [text("none after 1970-01-04T00:00:00Z", 2)]);
  assert.deepEqual(ask([], [2n * DAY, 5n * DAY]), [], "one is lacking among others");
  assert.deepEqual(ask([6n * DAY], [4n * DAY, 5n * DAY]), []);
  // a portion of a run asks nothing, and what it saw counts in the next one
  const portion = new NewestBooking(
    { ...runWith(counters), pass: "wire-credit", context: { now: 100n * DAY } } as never,
  );
  portion.see(9n * DAY);
  portion.store();
  assert.deepEqual(ask([], [8n * DAY]), []);
});

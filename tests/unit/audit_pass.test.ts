// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What every pass shares: progress, the laws "monotone" and "pair", rows that come twice (D-5), rows without partner
 * and the parts of the coins pass that judge whole tables: global fees, coin history.
 */
import assert from "node:assert/strict";
import { Book } from "../../core/audit/book.ts";
import { aggregationPass } from "../../core/audit/passes/aggregation/pass.ts";
import { coinsPass } from "../../core/audit/passes/coins/pass.ts";
import { reservesPass } from "../../core/audit/passes/reserves/pass.ts";
import { signBlock } from "../../core/crypto/blocks.ts";
import { settleIrregular } from "../../core/audit/serials.ts";
import { MAX_IRREGULAR, SERIALS_END } from "../../core/exchange/source.ts";
import { RESERVES_IN } from "../../core/exchange/v014/reserves.ts";
import { AmountOverflow } from "../../core/taler/amount.ts";
import { DAY } from "../../core/taler/time.ts";
import { AuditWorld, MASTER } from "../support/audit_world.ts";
import { CoinRecord, day } from "../support/coin_record.ts";
import { playCoins } from "../support/coin_scene.ts";
import { page } from "../support/memory_sql.ts";
import { bytes32, flipped } from "../support/mint.ts";
import { type Cell, cell } from "../support/packed.ts";
import { atoms, Phrase } from "../support/scenario.ts";
import { deposit } from "../support/spending_events.ts";

const ANY = /./;

/** A wire credit of 1 with a serial of our choice. */
function credit(world: AuditWorld, serial?: bigint, payto: string | null = "payto://x-test/host/a1"): void {
  const cells = () => [cell.int8(1n), cell.text(payto), bytes32("reserve"), day(40)];
  const row = { atoms: atoms(1), cells };
  world.exchange.insert(RESERVES_IN as never, serial === undefined ? row : { ...row, serial });
}

const KEY = "reserves_reserve_in_serial_id";
const REVISIT = "auditor_x_revisit";

Deno.test("pass: the progress point is the serial after the last row, over gaps and pages", async () => {
  const world = new AuditWorld();
  for (const serial of [3n, 4n, 9n, 10n, 17n]) credit(world, serial);
  await world.run(reservesPass);
  assert.equal(world.auditor.progress.get(KEY), 18n);
  assert.deepEqual(world.verdicts(ANY), ["reserves_reserve_total_balance 5"]);
  await world.run(reservesPass);
  credit(world, 18n);
  await world.run(reservesPass);
  assert.equal(world.auditor.progress.get(KEY), 19n);
  assert.deepEqual(world.verdicts(ANY), ["reserves_reserve_total_balance 6"]);
});

Deno.test("pass: a source that went backwards stops the pass, and nothing else of the run is kept (monotone)", async () => {
  const world = new AuditWorld();
  for (const serial of [1n, 2n, 3n]) credit(world, serial);
  await world.run(reservesPass);
  world.exchange.truncate(RESERVES_IN as never);
  credit(world, 1n);
  await world.run(reservesPass);
  const text = "the source went backwards: audited up to 3, highest serial now 1";
  assert.deepEqual(world.verdicts(ANY), [`monotone reserves_in#4 ${text}`, "reserves_reserve_total_balance 3"]);
  assert.equal(world.auditor.progress.get(KEY), 4n);
  // a source that is whole again resolves it
  for (const serial of [2n, 3n, 4n]) credit(world, serial);
  await world.run(reservesPass);
  assert.deepEqual(world.verdicts(ANY), ["reserves_reserve_total_balance 4"]);
});

Deno.test("pass: a single row less than before is a step backwards, too (monotone)", async () => {
  const world = new AuditWorld();
  for (const serial of [1n, 2n]) credit(world, serial);
  await world.run(reservesPass);
  world.exchange.truncate(RESERVES_IN as never);
  credit(world, 1n);
  await world.run(reservesPass);
  assert.match(world.verdicts(ANY)[0]!, /^monotone reserves_in#3 .* audited up to 2, highest serial now 1$/);
});

const counts: [what: string, rows: bigint, val: string][] = [["rows", 2n, "1"], ["amounts", 1n, "7"], [
  "nothing",
  1n,
  "1",
]];
for (const [what, rows, val] of counts) {
  Deno.test(`pass: what the fold read must be what the server counts (pair): ${what} differ`, async () => {
    const world = new AuditWorld();
    credit(world);
    const empty = { rows: 0n, highest: 0n, val: "0", frac: "0" };
    let first = true;
    world.exchange.answer("count(*)::int8 AS rows", () => {
      const answer = first ? { ...empty, rows, highest: 1n, val } : empty;
      first = false;
      return [answer];
    });
    await world.run(reservesPass);
    const text = `read 1 rows and 100000000 atoms, the server counts ${rows} and ${val}00000000`;
    assert.deepEqual(
      world.verdicts(/nothing/),
      what === "nothing" ? [] : [`pair auditor-internal#0 reserves_in: ${text}`],
    );
  });
}

Deno.test("pass: a serial that comes twice is booked once (D-5)", async () => {
  const world = new AuditWorld();
  world.pageRows = 1000;
  for (const serial of [5n, 5n, 6n]) credit(world, serial);
  await world.run(reservesPass);
  const twice = "D-5 reserves_in#5 serial number is not unique";
  assert.deepEqual(world.verdicts(ANY), [twice, "reserves_reserve_total_balance 2"]);
});

Deno.test("pass: rows that come twice do not keep others from being read (D-5)", async () => {
  const world = new AuditWorld();
  for (const serial of [5n, 5n, 6n]) credit(world, serial);
  // the server counts the rows of the table itself, not what a join makes of them
  let first = true;
  world.exchange.answer("count(*)::int8 AS rows", () => {
    const answer = { rows: first ? 2n : 0n, highest: 6n, val: first ? "2" : "0", frac: "0" };
    first = false;
    return [answer];
  });
  world.pageRows = 2;
  await world.run(reservesPass);
  const pair =
    "pair auditor-internal#0 reserves_in: read 3 rows and 300000000 atoms, the server counts 2 and 200000000";
  const twice = "D-5 reserves_in#5 serial number is not unique";
  assert.deepEqual(world.verdicts(ANY), [pair, twice, "reserves_reserve_total_balance 2"]);
});

Deno.test("pass: serial numbers that no counting makes are named and hide nothing (D-17)", async () => {
  const world = new AuditWorld();
  for (const serial of [-7n, 5n, SERIALS_END - 1n, SERIALS_END, 2n ** 63n - 1n]) credit(world, serial);
  await world.run(reservesPass);
  const odd = (serial: bigint) => `D-17 reserves_in#${serial} row cannot be read: reserve_in_serial_id is out of range`;
  const expected = [odd(-7n), odd(SERIALS_END), odd(2n ** 63n - 1n)];
  assert.deepEqual(world.verdicts(ANY), [...expected, "reserves_reserve_total_balance 2"]);
  // far ahead, but not too far: what comes below is below the progress point
  assert.equal(world.auditor.progress.get(KEY), SERIALS_END);
  await world.run(reservesPass);
  assert.deepEqual(world.verdicts(ANY), [...expected, "reserves_reserve_total_balance 2"]);
});

Deno.test("pass: a finding on a serial number goes away with its row (D-17)", async () => {
  const world = new AuditWorld();
  for (const serial of [1n, 2n ** 61n]) credit(world, serial);
  await world.run(reservesPass);
  assert.equal(world.verdicts(ANY).length, 2);
  world.exchange.truncate(RESERVES_IN as never);
  for (const serial of [1n, 2n]) credit(world, serial);
  await world.run(reservesPass);
  assert.deepEqual(world.verdicts(ANY), ["reserves_reserve_total_balance 2"]);
});

Deno.test("pass: of very many odd serial numbers only so many are named (D-17)", () => {
  const book = new Book();
  settleIrregular(book, "t", "n", [undefined, ...Array.from({ length: MAX_IRREGULAR }, (_, i) => BigInt(-i - 1))], "k");
  const texts = [...book.standing.values()].map((e) => e.finding?.columns["diagnostic"]);
  assert.equal(texts.length, MAX_IRREGULAR + 1);
  assert.equal(texts[0], "row cannot be read: n is NULL");
  assert.equal(texts[MAX_IRREGULAR - 1], "row cannot be read: n is out of range");
  assert.equal(texts[MAX_IRREGULAR], "row cannot be read: nor can others");
});

Deno.test("pass: a row without partner is read again in every run until the partner is there (X-9)", async () => {
  const world = new AuditWorld();
  let payto: string | null = null;
  world.exchange.insert(RESERVES_IN as never, {
    atoms: atoms(2),
    cells: () => [cell.int8(1n), cell.text(payto), bytes32("reserve"), day(40)],
  });
  credit(world);
  await world.run(reservesPass);
  const missing = "X-9 reserves_in#1 row refers to a missing row in wire_targets";
  assert.deepEqual(world.verdicts(ANY), [missing, "reserves_reserve_total_balance 1"]);
  assert.equal(world.auditor.progress.get(KEY), 3n);
  await world.run(reservesPass);
  assert.deepEqual(world.verdicts(ANY), [missing, "reserves_reserve_total_balance 1"]);
  payto = "payto://x-test/host/a1";
  await world.run(reservesPass);
  assert.deepEqual(world.verdicts(ANY), ["reserves_reserve_total_balance 3"]);
  assert.deepEqual(world.auditor.table(REVISIT), []);
});

Deno.test("pass: an amount out of range ends the run (D-2)", async () => {
  const world = new AuditWorld();
  const cells = () => [cell.int8(1n), cell.text("payto://x-test/host/a1"), bytes32("reserve"), day(40)];
  world.exchange.insert(RESERVES_IN as never, { atoms: 2n ** 52n * 100_000_000n, cells });
  await assert.rejects(
    world.run(reservesPass),
    (e) => e instanceof AmountOverflow && e.message.includes("table reserves_in, row 1, column credit"),
  );
  assert.deepEqual(world.verdicts(ANY), []);
});

/** A period of global fees. */
function globalFee(serial: bigint, change: (signature: Uint8Array) => Uint8Array): Cell[] {
  const fees = { historyFee: atoms("0.1"), accountFee: atoms("0.2"), purseFee: atoms("0.3") };
  const times = { start: 0n, end: 100n * DAY, purseTimeout: DAY, historyExpiration: 2n * DAY };
  const signature = signBlock("masterGlobalFees", "KUDOS", MASTER.seed, { ...times, ...fees, purseAccountLimit: 5 });
  return [
    cell.int8(serial),
    ...Object.values(times).map(cell.int8),
    ...Object.values(fees).map(cell.amount),
    cell.int4(5),
    change(signature),
  ];
}

Deno.test("coins: global fees need the master's signature (X-2)", async () => {
  const { world } = new CoinRecord(() => {});
  let changes: ((s: Uint8Array) => Uint8Array)[] = [(s) => s, flipped, (s) => s.subarray(1)];
  world.exchange.answer("FROM exchange.global_fee g", () => page(changes.map((c, i) => globalFee(BigInt(i + 1), c))));
  await world.run(coinsPass);
  const expected = [
    "X-2 global_fee#2 master signature invalid",
    "X-2 global_fee#3 row cannot be read: master_sig has 63 bytes instead of 64",
  ];
  assert.deepEqual(world.verdicts(ANY), expected);
  await world.run(coinsPass);
  assert.deepEqual(world.verdicts(ANY), expected);
  changes = [(s) => s, (s) => s];
  await world.run(coinsPass);
  assert.deepEqual(world.verdicts(ANY), []);
});

Deno.test("coins: the coin history must name every event, and nothing else (X-8)", async () => {
  const { world } = await playCoins([new Phrase("deposit c1 3")]);
  const asked: unknown[] = [];
  world.exchange.answer("h.table_name = 'refunds'", (range) => {
    asked.push([...range]);
    return page(range[0] === 0n ? [[cell.int8(4n)]] : []);
  });
  world.exchange.answer("NOT CASE h.table_name", ([from, until]) => {
    asked.push([from, until]);
    return page(from === 1n ? [[cell.int8(9n), cell.text("recoup"), cell.int8(7n)]] : []);
  });
  world.historyEnd = 10n;
  await world.run(coinsPass);
  const expected = [
    "X-8 coin_history#4 no history entry for refunds, row 4",
    "X-8 coin_history#9 history entry points to nothing: recoup, row 7",
  ];
  assert.deepEqual(world.verdicts(/delta/), expected);
  world.historyEnd = 12n;
  await world.run(coinsPass);
  assert.deepEqual(world.verdicts(/delta/).slice(0, 2), expected);
  // rows are looked at once: from the progress point of the table, and from where the history ended
  assert.deepEqual(asked, [[0n, SERIALS_END], [1n, 10n], [0n, SERIALS_END], [10n, 12n]]);
});

Deno.test("coins: they are counted whichever pass verifies them first (C-32)", async () => {
  const outcomes = [];
  for (const passes of [[coinsPass], [aggregationPass, coinsPass]]) {
    const s = new CoinRecord(() => {});
    deposit(s, new Phrase("deposit c1 3"));
    for (const pass of passes) await s.world.run(pass);
    outcomes.push(s.world.verdicts(/emergenc/).filter((v) => v.startsWith("C-32")));
  }
  assert.deepEqual(outcomes, [["C-32 d5 of 5 issued 0 known 1 of 0"], ["C-32 d5 of 5 issued 0 known 1 of 0"]]);
});

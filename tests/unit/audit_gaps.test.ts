// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rows that appear below the progress point: the arithmetic of gaps, and that each row is booked once. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Book } from "../../core/audit/book.ts";
import { type Gap, Gaps, MAX_GAPS } from "../../core/audit/gaps.ts";
import { aggregationPass } from "../../core/audit/passes/aggregation/pass.ts";
import { reservesPass } from "../../core/audit/passes/reserves/pass.ts";
import { KNOWN_COINS_PROGRESS } from "../../core/audit/known-coins.ts";
import type { SerialRange } from "../../core/exchange/source.ts";
import { RESERVES_IN } from "../../core/exchange/v014/reserves.ts";
import type { StateWrite } from "../../core/audit/store.ts";
import { DAY } from "../../core/taler/time.ts";
import { AuditWorld } from "../support/audit_world.ts";
import { day } from "../support/coin_record.ts";
import { memorySql } from "../support/memory_sql.ts";
import { bytes32 } from "../support/mint.ts";
import { cell } from "../support/packed.ts";

/** How long a gap is looked at. */
const GAP_LIFE = DAY;
/** Highest serial of the properties. */
const TOP = 40n;
const STAGE = { source: { table: "t" }, progressKey: "k" };

/** Some serials, ascending. */
const serials = fc.uniqueArray(fc.bigInt(1n, TOP)).map((list) => list.sort((a, b) => a < b ? -1 : 1));

/** The serials of 1 to {@link TOP} that are not in a list, as ranges. */
function holesOf(present: readonly bigint[]): Gap[] {
  const holes: Gap[] = [];
  for (let n = 1n; n <= TOP; n++) {
    if (present.includes(n)) continue;
    const last = holes.at(-1);
    if (last?.last === n - 1n) last.last = n;
    else holes.push({ first: n, last: n, since: 0n });
  }
  return holes;
}

const numbersOf = (gaps: readonly SerialRange[]) =>
  gaps.flatMap(({ first, last }) => Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i)));

/** Gaps of a pass as an earlier run left them. */
async function storedGaps(...rows: Gap[]): Promise<Gaps> {
  const gaps = new Gaps();
  const text = rows.map((g) => `${g.first} ${g.last} ${g.since}`).join();
  await gaps.load(memorySql(() => () => text === "" ? [] : [{ stage: "tk", gaps: text }]), "pass");
  return gaps;
}

Deno.test("gaps: what is cut out of them is gone, and nothing else; what remains of a gap counts anew (X-13)", async () => {
  await fc.assert(fc.asyncProperty(serials, serials, async (present, found) => {
    const before = holesOf(present);
    const gaps = await storedGaps(...before);
    gaps.cut(STAGE, found, 7n);
    const after = gaps.look(STAGE, TOP + 1n);
    assert.deepEqual(numbersOf(after), numbersOf(before).filter((n) => !found.includes(n)));
    assert.deepEqual(after.filter((g, i) => i > 0 && after[i - 1]!.last + 1n >= g.first), [], "apart");
    const filled = before.filter((g) => found.some((n) => g.first <= n && n <= g.last));
    const rest = after.filter((g) => filled.some((f) => f.first <= g.first && g.last <= f.last));
    const [{ upsert, remove }] = gaps.write("pass", 7n) as [StateWrite];
    assert.deepEqual(
      upsert.map((w) => [w["first"], w["last"], w["since"]]),
      rest.map((g) => [`${g.first}`, `${g.last}`, "7"]),
    );
    const gone = filled.filter((f) => !rest.some((g) => g.first === f.first));
    assert.deepEqual(remove.map((w) => w["first"]), gone.map((g) => `${g.first}`));
  }));
});

Deno.test("gaps: only so many are kept, those with the highest numbers (X-13)", () => {
  const gaps = new Gaps();
  const holes = Array.from({ length: 3 * MAX_GAPS }, (_, i) => ({ first: BigInt(2 * i + 1), last: BigInt(2 * i + 1) }));
  gaps.add(STAGE, 1n, holes.slice(0, MAX_GAPS), 5n);
  gaps.add(STAGE, BigInt(2 * MAX_GAPS), holes.slice(MAX_GAPS), 5n);
  const [change] = gaps.write("pass", 5n);
  assert.equal(change!.upsert.length, MAX_GAPS);
  assert.deepEqual(
    [change!.upsert[0]!["first"], change!.upsert.at(-1)!["first"]],
    [String(4 * MAX_GAPS + 1), String(6 * MAX_GAPS - 1)],
  );
});

Deno.test("gaps: one that is too old is given up when it was looked at once more, but is no reason to write (X-13)", async () => {
  const old = { first: 3n, last: 4n, since: 0n }, young = { first: 7n, last: 7n, since: 5n };
  const gaps = await storedGaps(old, young);
  assert.deepEqual(gaps.write("pass", GAP_LIFE + 1n).flatMap((w) => w.remove), [], "nobody looked");
  assert.deepEqual(gaps.look(STAGE, 10n), [old, young]);
  assert.deepEqual(gaps.write("pass", GAP_LIFE).flatMap((w) => w.remove), [], "not old yet");
  const [change, tidy] = gaps.write("pass", GAP_LIFE + 1n);
  assert.deepEqual([change!.upsert, change!.remove], [[], []]);
  assert.deepEqual([tidy!.tidy, tidy!.remove], [true, [{ pass: "pass", stage: "tk", first: "3" }]]);
});

const FAR = 9_000_000_000_000_000n;

Deno.test("gaps: a wide one below a row far ahead makes no room for narrow ones, and never grows too old (X-13)", async () => {
  const gaps = new Gaps();
  gaps.add(STAGE, 1n, [{ first: 3n, last: 3n }, { first: 201n, last: FAR }], 0n);
  const narrow = Array.from({ length: MAX_GAPS }, (_, i) => FAR + 2n + 2n * BigInt(i));
  gaps.add(STAGE, FAR + 2n, narrow.map((n) => ({ first: n, last: n })), 1n);
  const [change] = gaps.write("pass", 1n);
  assert.deepEqual(
    change!.upsert.map((w) => w["first"]),
    [201n, ...narrow.slice(1)].map(String),
    "the lowest narrow ones went",
  );
  const old = await storedGaps(
    { first: 1n, last: 1_000_000n, since: 0n },
    { first: 2_000_001n, last: 3_000_001n, since: 0n },
  );
  old.look(STAGE, FAR);
  const [, tidy] = old.write("pass", GAP_LIFE + 1n);
  assert.deepEqual(tidy!.remove.map((w) => w["first"]), ["1"], "what is no wider than a million numbers is given up");
});

Deno.test("gaps: nothing is given up while rows that were found are left to the next run (X-13)", async () => {
  const gaps = await storedGaps({ first: 10n, last: 200n, since: 0n }, { first: 300n, last: 309n, since: 0n });
  gaps.look(STAGE, 1_000n);
  gaps.cut(STAGE, [10n, 11n], GAP_LIFE + 1n);
  const [change, tidy] = gaps.write("pass", GAP_LIFE + 1n, true);
  assert.deepEqual([change!.upsert.map((w) => w["first"]), tidy!.remove], [["12"], []]);
});

Deno.test("gaps: while late rows are left to the next run, old gaps stay (X-13)", async () => {
  const world = new AuditWorld();
  for (const n of [1n, 4n, 8n]) credit(world, n);
  await world.run(reservesPass);
  world.now += GAP_LIFE + 1n;
  // as many as a run reads, and one more
  const many = Array.from({ length: 100_000 }, () => ({ serial: 2n, ours: false, val: 0n, frac: 0n }));
  let asked = 0;
  world.exchange.answer("AS gap (first, last)", () => asked++ === 0 ? many : []);
  credit(world, 9n);
  await world.run(reservesPass);
  assert.deepEqual(gapsOf(world), ["3-3", "5-7"]);
  await world.run(reservesPass);
  credit(world, 10n);
  await world.run(reservesPass);
  assert.deepEqual(gapsOf(world), ["3-3"], "what remained of the gap counts anew");
});

Deno.test("gaps: nothing above the progress point is looked at, and what is read anew replaces what was known", async () => {
  const gaps = await storedGaps({ first: 3n, last: 4n, since: 0n }, { first: 7n, last: 12n, since: 0n });
  assert.deepEqual(gaps.look(STAGE, 9n).map(({ first, last }) => [first, last]), [[3n, 4n], [7n, 8n]]);
  assert.ok(gaps.held(STAGE, 8n) && !gaps.held(STAGE, 5n) && !gaps.held(STAGE, 13n));
  gaps.add(STAGE, 9n, [{ first: 11n, last: 11n }], 1n);
  assert.deepEqual(gaps.look(STAGE, 20n).map(({ first, last }) => [first, last]), [[3n, 4n], [7n, 8n], [11n, 11n]]);
});

/** A wire credit whose amount tells it from all others. */
function credit(world: AuditWorld, serial: bigint, payto: string | null = "payto://x-test/host/a1"): void {
  const cells = () => [cell.int8(1n), cell.text(payto), bytes32("reserve"), day(40)];
  world.exchange.insert(RESERVES_IN as never, { atoms: 1n << serial, cells, serial });
}

const total = (world: AuditWorld) => world.auditor.balances.get("reserves_reserve_total_balance") ?? 0n;
const sumOf = (list: readonly bigint[]) => list.reduce((sum, n) => sum + (1n << n), 0n);
const gapsOf = (world: AuditWorld) =>
  world.auditor.table("auditor_x_gap").filter((g) => g["stage"] === "reserves_inreserves_reserve_in_serial_id")
    .map((g) => `${g["first"]}-${g["last"]}`).sort();

Deno.test("gaps: in any order of arrival, with any pages and runs, every row is booked once (X-13)", async () => {
  const arrivals = fc.array(fc.array(fc.bigInt(1n, TOP), { maxLength: 12 }), { minLength: 1, maxLength: 6 })
    .map((runs) => {
      const seen = new Set<bigint>();
      return runs.map((run) => run.filter((n) => !seen.has(n) && seen.add(n)));
    });
  await fc.assert(
    fc.asyncProperty(arrivals, fc.integer({ min: 1, max: 7 }), async (runs, pageRows) => {
      const world = new AuditWorld();
      world.pageRows = pageRows;
      const there: bigint[] = [];
      for (const run of runs) {
        for (const n of run) credit(world, n);
        there.push(...run);
        await world.run(reservesPass);
        assert.equal(total(world), sumOf(there));
        const top = there.reduce((a, b) => a > b ? a : b, 0n);
        const expected = holesOf(there).filter((g) => g.first < top).map((g) => `${g.first}-${g.last}`);
        assert.deepEqual(gapsOf(world), expected.sort(), "gaps are the holes below the highest row");
        assert.deepEqual(world.auditor.open.map((o) => o.finding.check), [], "a late row is no finding");
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("gaps: numbers that run on below a row far ahead are audited all the time (X-13)", async () => {
  const world = new AuditWorld();
  credit(world, 1n);
  credit(world, 40n);
  for (let n = 2n; n < 39n; n++) {
    await world.run(reservesPass);
    world.now += GAP_LIFE - 1n;
    credit(world, n);
  }
  await world.run(reservesPass);
  assert.equal(total(world), sumOf([...Array.from({ length: 38 }, (_, i) => BigInt(i + 1)), 40n]));
});

Deno.test("gaps: a row that appears long after is looked for once more, then no longer (X-13)", async () => {
  const world = new AuditWorld();
  for (const n of [1n, 4n]) credit(world, n);
  await world.run(reservesPass);
  world.now += 3n * GAP_LIFE;
  credit(world, 2n);
  await world.run(reservesPass);
  assert.equal(total(world), sumOf([1n, 2n, 4n]));
  world.now += 3n * GAP_LIFE;
  await world.run(reservesPass);
  assert.deepEqual(gapsOf(world), []);
  credit(world, 3n);
  await world.run(reservesPass);
  assert.equal(total(world), sumOf([1n, 2n, 4n]));
});

Deno.test("gaps: a late row without partner waits for it, one that comes twice is booked once (D-5, X-9, X-13)", async () => {
  const world = new AuditWorld();
  world.pageRows = 1;
  credit(world, 9n);
  await world.run(reservesPass);
  credit(world, 3n, null);
  for (const n of [5n, 5n, 6n]) credit(world, n);
  await world.run(reservesPass);
  assert.equal(total(world), sumOf([5n, 6n, 9n]));
  const checks = () => world.auditor.open.map((o) => o.finding.check).sort();
  assert.deepEqual(checks(), ["D-5", "X-9"]);
  assert.deepEqual(gapsOf(world), ["1-2", "4-4", "7-8"]);
  world.exchange.truncate(RESERVES_IN as never);
  for (const n of [3n, 5n, 6n, 9n]) credit(world, n);
  await world.run(reservesPass);
  assert.equal(total(world), sumOf([3n, 5n, 6n, 9n]));
  assert.deepEqual(checks(), ["D-5"]);
});

Deno.test("gaps: late rows that were folded are what the server counts (pair)", async () => {
  const world = new AuditWorld();
  for (const n of [1n, 4n]) credit(world, n);
  await world.run(reservesPass);
  credit(world, 2n);
  world.exchange.answer("AS gap (first, last)", () => [
    { serial: 2n, ours: true, val: 0n, frac: 5n },
    { serial: 3n, ours: true, val: 0n, frac: 0n },
  ]);
  await world.run(reservesPass);
  const pair = world.auditor.open.find((o) => o.finding.check === "pair")!.finding.columns["diagnostic"];
  assert.equal(pair, "reserves_in: read 1 rows and 4 atoms, the server counts 2 and 5");
});

Deno.test("gaps: aggregation alone looks for late coins in the gaps of the coins pass, too (A-6, X-13)", async () => {
  const world = new AuditWorld();
  const asked: string[] = [];
  world.exchange.answer("AS gap (first, last)", (parameters) => {
    asked.push(`${parameters[0]} ${parameters[1]}`);
    return [];
  });
  world.exchange.answer("denominations d", () => [{ page: null }]);
  const gap = (pass: string, key: string, first: bigint, last: bigint) => ({
    ...{ pass, stage: `known_coins${key}` },
    ...{ first, last, since: world.now },
  });
  const gaps = [
    gap("coins", KNOWN_COINS_PROGRESS.coins, 3n, 5n),
    gap("aggregation", KNOWN_COINS_PROGRESS.aggregation, 5n, 6n),
    gap("aggregation", KNOWN_COINS_PROGRESS.aggregation, 8n, 8n),
  ];
  const counters = [{ name: KNOWN_COINS_PROGRESS.coins, value: "20" }];
  world.auditor.commit(new Book(), [
    { table: "auditor_x_gap", key: ["pass", "stage", "first"], upsert: gaps, remove: [] },
    { table: "auditor_x_counter", key: ["name"], upsert: counters, remove: [] },
  ]);
  await world.run(aggregationPass);
  assert.deepEqual(asked, ["{3,8} {6,8}"]);
});

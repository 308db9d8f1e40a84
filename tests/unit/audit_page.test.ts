// SPDX-License-Identifier: AGPL-3.0-or-later
/** Packed pages: every type, NULLs, wrong lengths, half-NULL amounts, arrays; and that the server packs them so. */
import assert from "node:assert/strict";
import { readPage, RowReader } from "../../core/db/page.ts";
import { AmountOverflow, MAX_AMOUNT } from "../../core/taler/amount.ts";
import { DB_NEVER, NEVER, SECOND } from "../../core/taler/time.ts";
import { type Cell, cell, packPage } from "../support/packed.ts";
import { withDatabase } from "../support/server.ts";

/** Reads one cell of a row of its own; the result and what the reader complained about. */
function read<T>(bytes: Cell, reading: (r: RowReader) => T): { value: T; problems: string[] } {
  const r = new RowReader(packPage([[cell.int8(7n), bytes]]), "some_table");
  assert.ok(r.next());
  assert.equal(r.serialColumn(), 7n);
  const value = reading(r);
  assert.equal(r.next(), false);
  return { value, problems: r.problems.map((p) => `${p.column} ${p.problem}`) };
}

const five = Uint8Array.of(1, 2, 3, 4, 5);
const U = 100_000_000n;

/** What a cell reads as: reading, cell, value, complaint. */
const cases: [string, (r: RowReader) => unknown, Cell, unknown, string?][] = [
  ["int8", (r) => r.int8("c"), cell.int8(-5n), -5n],
  ["int8 NULL", (r) => r.int8("c"), null, 0n, "c is NULL"],
  ["int8OrNull", (r) => r.int8OrNull(), cell.int8(2n ** 62n), 2n ** 62n],
  ["int8OrNull NULL", (r) => r.int8OrNull(), null, undefined],
  ["int4", (r) => r.int4("c"), cell.int4(-70000), -70000],
  ["int4 NULL", (r) => r.int4("c"), null, 0, "c is NULL"],
  ["int2", (r) => r.int2("c"), cell.int2(-3), -3],
  ["int2 NULL", (r) => r.int2("c"), null, 0, "c is NULL"],
  ["bool true", (r) => r.bool(), cell.bool(true), true],
  ["bool false", (r) => r.bool(), cell.bool(false), false],
  ["bool NULL counts as false", (r) => r.bool(), null, false],
  ["time", (r) => r.time("c"), cell.int8(1_500_000n), 1_500_000n],
  ["time never", (r) => r.time("c"), cell.int8(DB_NEVER), NEVER],
  ["time before the epoch", (r) => r.time("c"), cell.int8(-1n), 0n, "c is before the epoch"],
  ["time NULL", (r) => r.time("c"), null, 0n, "c is NULL"],
  ["timestamp", (r) => r.timestamp("c"), cell.int8(3n * SECOND), 3n * SECOND],
  ["timestamp never", (r) => r.timestamp("c"), cell.int8(DB_NEVER), NEVER],
  [
    "timestamp with a fraction",
    (r) => r.timestamp("c"),
    cell.int8(SECOND + 1n),
    SECOND + 1n,
    "c is not a whole second",
  ],
  ["bytes", (r) => r.bytes("c", 5), five, five],
  ["bytes too short", (r) => r.bytes("c", 8), five, new Uint8Array(8), "c has 5 bytes instead of 8"],
  ["bytes too long", (r) => r.bytes("c", 4), five, new Uint8Array(4), "c has 5 bytes instead of 4"],
  ["bytes empty", (r) => r.bytes("c", 2), new Uint8Array(0), new Uint8Array(2), "c has 0 bytes instead of 2"],
  ["bytes NULL", (r) => r.bytes("c", 2), null, new Uint8Array(2), "c is NULL"],
  ["bytesOrNull", (r) => r.bytesOrNull("c", 5), five, five],
  ["bytesOrNull NULL", (r) => r.bytesOrNull("c", 5), null, undefined],
  ["bytesOrNull too short", (r) => r.bytesOrNull("c", 6), five, new Uint8Array(6), "c has 5 bytes instead of 6"],
  ["blob", (r) => r.blob("c"), five, five],
  ["blob empty", (r) => r.blob("c"), new Uint8Array(0), new Uint8Array(0)],
  ["blob NULL", (r) => r.blob("c"), null, new Uint8Array(0), "c is NULL"],
  ["blobOrNull NULL", (r) => r.blobOrNull(), null, undefined],
  ["text", (r) => r.text("c"), cell.text("grün €"), "grün €"],
  ["text empty", (r) => r.text("c"), cell.text(""), ""],
  ["text that begins with a byte order mark", (r) => r.text("c"), cell.text("\uFEFFx"), "\uFEFFx"],
  ["text NULL", (r) => r.text("c"), null, "", "c is NULL"],
  ["textOrNull NULL", (r) => r.textOrNull(), null, undefined],
  ["amount", (r) => r.amount("c"), cell.composite(6n, 50_000_000), 6n * U + U / 2n],
  ["amount, highest", (r) => r.amount("c"), cell.composite(2n ** 52n - 1n, 99_999_999), MAX_AMOUNT - U],
  ["amount NULL", (r) => r.amount("c"), null, 0n, "c is NULL"],
  ["amount of two NULLs", (r) => r.amount("c"), cell.composite(null, null), 0n, "c is NULL"],
  ["amount without value", (r) => r.amount("c"), cell.composite(null, 1), 0n, "c is half NULL"],
  ["amount without fraction", (r) => r.amount("c"), cell.composite(1n, null), 0n, "c is half NULL"],
  ["amountOrNull NULL", (r) => r.amountOrNull("c"), null, undefined],
  ["amountOrNull of two NULLs", (r) => r.amountOrNull("c"), cell.composite(null, null), undefined],
  ["array", (r) => r.array("c"), cell.array([five, cell.text("x")]), [five, cell.text("x")]],
  ["array without elements", (r) => r.array("c"), cell.array([]), []],
  ["array with NULL", (r) => r.array("c"), cell.array([five, null]), [five, new Uint8Array(0)], "c has a NULL element"],
  ["array NULL", (r) => r.array("c"), null, [], "c is NULL"],
  ["array in two dimensions", (r) => r.array("c"), twoDimensions(), [], "c is not a one-dimensional array"],
  ["int8[]", (r) => r.int8Array("c"), cell.array([cell.int8(1n), cell.int8(-2n)]), [1n, -2n]],
  ["int8[] with a short element", (r) => r.int8Array("c"), cell.array([five]), [0n]],
];

function twoDimensions(): Uint8Array {
  const bytes = new Uint8Array(28);
  new DataView(bytes.buffer).setInt32(0, 2);
  return bytes;
}

for (const [name, reading, bytes, value, complaint] of cases) {
  Deno.test(`page: ${name}`, () => {
    const result = read(bytes, reading);
    assert.deepEqual(result.value, value);
    assert.deepEqual(result.problems, complaint === undefined ? [] : [complaint]);
  });
}

const overflows: [string, bigint, number][] = [
  ["value 2^52", 2n ** 52n, 0],
  ["negative value", -1n, 0],
  ["fraction 10^8", 0n, 100_000_000],
  ["negative fraction", 0n, -1],
];
for (const [name, val, frac] of overflows) {
  Deno.test(`page: an amount with ${name} ends the audit and names its place (D-2)`, () => {
    assert.throws(
      () => read(cell.composite(val, frac), (r) => r.amount("fee")),
      (e) => e instanceof AmountOverflow && e.message.includes(`table some_table, row 7, column fee: (${val},${frac})`),
    );
  });
}

Deno.test("page: a bad column does not shift the columns and rows after it", () => {
  const rows = [[cell.int8(1n), five, cell.int8(10n)], [cell.int8(2n), five, cell.int8(20n)]];
  const r = new RowReader(packPage(rows), "t");
  const seen: unknown[] = [];
  while (r.next()) {
    const serial = r.serialColumn();
    r.bytes("key", 3);
    seen.push([serial, r.int8("next"), r.problems.length]);
  }
  assert.deepEqual(seen, [[1n, 10n, 1], [2n, 20n, 1]]);
});

Deno.test("page: a row without serial number says so, also where nothing follows it", () => {
  const r = new RowReader(packPage([[cell.int8(1n), five], [null, five], [null]]), "t");
  const seen: unknown[] = [];
  while (r.next()) {
    seen.push([r.serialColumn(), r.serial, r.problems.map((p) => `${p.column} ${p.problem}`)]);
    r.skipRest();
  }
  assert.deepEqual(seen, [[1n, 1n, []], [0n, 0n, ["serial is NULL"]], [0n, 0n, ["serial is NULL"]]]);
});

Deno.test("page: what is left of a row can be skipped", () => {
  const r = new RowReader(packPage([[cell.int8(1n), null, five, cell.amount(3n)], [cell.int8(2n)]]), "t");
  assert.ok(r.next());
  r.serialColumn();
  r.skipRest();
  assert.ok(r.next());
  assert.equal(r.serialColumn(), 2n);
  assert.equal(r.next(), false);
});

Deno.test("page: reading too many or too few columns is a programming error", () => {
  const tooFew = new RowReader(packPage([[cell.int8(1n), five]]), "t");
  tooFew.next();
  tooFew.serialColumn();
  assert.throws(() => tooFew.next(), /1 columns of a packed row were not read/);
  const tooMany = new RowReader(packPage([[cell.int8(1n)]]), "t");
  tooMany.next();
  tooMany.serialColumn();
  assert.throws(() => tooMany.int8("x"), /read beyond the last column/);
});

Deno.test("page: an empty page has no rows", () => {
  assert.equal(new RowReader(new Uint8Array(0), "t").next(), false);
});

Deno.test("page: the server packs rows exactly as these tests do", async () => {
  await withDatabase(async (sql) => {
    await sql.unsafe("CREATE TYPE public.taler_amount AS (val int8, frac int4)");
    const select =
      `SELECT 1::int8 AS serial, 2::int4 AS a, 3::int2 AS b, true AS c, 'x'::text AS d, '\\x0102'::bytea AS e,
      (6, 5)::public.taler_amount AS f, NULL::int8 AS g, ARRAY['\\x01', NULL]::bytea[] AS h, '{}'::int8[] AS i,
      (NULL, 5)::public.taler_amount AS j, ARRAY[7]::int8[] AS k
      UNION ALL SELECT 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL ORDER BY 1`;
    const r = await readPage(sql, "t", select, []);
    assert.ok(r.next());
    assert.equal(r.serialColumn(), 1n);
    const values = [r.int4("a"), r.int2("b"), r.bool(), r.text("d"), plain(r.bytes("e", 2)), r.amount("f")];
    assert.deepEqual(values, [2, 3, true, "x", Uint8Array.of(1, 2), 6n * U + 5n]);
    assert.equal(r.int8OrNull(), undefined);
    const arrays = [r.array("h").map(plain), r.int8Array("i"), r.amount("j"), r.int8Array("k")];
    assert.deepEqual(arrays, [[Uint8Array.of(1), new Uint8Array(0)], [], 0n, [7n]]);
    assert.deepEqual(r.problems.map((p) => p.column), ["h", "j"]);
    assert.ok(r.next());
    assert.equal(r.serialColumn(), 2n);
    r.skipRest();
    assert.equal(r.next(), false);
  });
});

function plain(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}

Deno.test("page: bytes from the server are plain bytes, so that slice() makes a copy of them", async () => {
  await withDatabase(async (sql) => {
    const r = await readPage(sql, "t", "SELECT 1::int8 AS serial, '\\x0102'::bytea AS e", []);
    r.next();
    r.serialColumn();
    const value = r.bytes("e", 2);
    value.slice().reverse();
    assert.deepEqual([...value], [1, 2]);
  });
});

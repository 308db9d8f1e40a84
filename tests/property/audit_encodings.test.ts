// SPDX-License-Identifier: AGPL-3.0-or-later
/** What is written is what is read: verification tasks, packed pages, scenario amounts. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { addKeys, type KeyRing, runTasks, type TaskKey, TaskWriter } from "../../core/audit/tasks.ts";
import { signEd25519 } from "../../core/crypto/ed25519.ts";
import { RowReader } from "../../core/db/page.ts";
import { MAX_AMOUNT } from "../../core/taler/amount.ts";
import { flipped, keyPair, mintCoin, mintKey } from "../support/mint.ts";
import { type Cell, cell, packPage } from "../support/packed.ts";
import { atoms, plainAmount } from "../support/scenario.ts";

const mints = [mintKey("p0", "RSA"), mintKey("p1", "CS"), mintKey("p2", "RSA", 7), mintKey("p3", "CS", 7)];
const taskKeys = mints.map(({ cipher, ageMask, key }, id): TaskKey => ({ id, cipher, ageMask, key }));
const coins = mints.map((m) => ["a", "b"].map((name) => mintCoin(name, m)));
const { seed, pub } = keyPair("p");
const ring: KeyRing = new Map();
addKeys(ring, taskKeys);

/** A task to write: its kind, its denomination and coin, and whether one bit of something is wrong. */
const task = fc.record({
  kind: fc.constantFrom("ed25519", "coin", "envelope", "planchet", "recoup", "csRecoup"),
  mint: fc.nat(3),
  coin: fc.nat(1),
  message: fc.uint8Array({ maxLength: 300 }),
  bad: fc.boolean(),
});

type Task = typeof task extends fc.Arbitrary<infer T> ? T : never;

/** Writes a task; true if it is a good one. Envelopes and the two recoups exist for one cipher each. */
function write(tasks: TaskWriter, t: Task): boolean {
  const [rsaOnly, csOnly] = [t.kind === "envelope" || t.kind === "recoup", t.kind === "csRecoup"];
  const mint = rsaOnly ? t.mint & 2 : csOnly ? t.mint | 1 : t.mint;
  const key = taskKeys[mint]!, coin = coins[mint]![t.coin]!, other = coins[mint]![1 - t.coin]!;
  switch (t.kind) {
    case "ed25519": {
      const signature = signEd25519(seed, t.message);
      tasks.ed25519(pub, t.bad ? flipped(signature, 7) : signature, t.message);
      break;
    }
    case "coin":
      tasks.coin(key, coin.hash, t.bad ? other.signature : coin.signature);
      break;
    case "envelope":
      tasks.envelope(key, coin.answer, t.bad ? other.hBlinded : coin.hBlinded);
      break;
    case "planchet":
      tasks.planchet(key, t.bad ? other.message : coin.message, coin.answer, coin.points);
      break;
    case "csRecoup":
      tasks.csRecoup(key, coin.hash, t.bad ? other.blind : coin.blind, coin.points, coin.message);
      break;
    default:
      tasks.recoup(key, coin.hash, t.bad ? other.blind : coin.blind, coin.hBlinded);
  }
  return !t.bad;
}

Deno.test("tasks: any sequence of tasks gives its verdicts in order", () => {
  fc.assert(
    fc.property(fc.array(task, { maxLength: 12 }), (list) => {
      const tasks = new TaskWriter();
      const expected = list.map((t) => write(tasks, t) ? 1 : 0);
      assert.equal(tasks.count, list.length);
      assert.equal(Object.values(tasks.counts).reduce((sum, n) => sum + n, 0), list.length);
      assert.deepEqual(tasks.take().flatMap((b) => [...runTasks(ring, b.bytes, b.tasks)]), expected);
    }),
    { numRuns: 60 },
  );
});

Deno.test("tasks: batches do not depend on when they are taken", () => {
  const list = fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.boolean()), { minLength: 90, maxLength: 210 });
  fc.assert(
    fc.property(list, (messages) => {
      const tasks = new TaskWriter();
      const signature = new Uint8Array(64);
      const batches = messages.flatMap(([message, takeNow]) => {
        tasks.ed25519(pub, signature, message);
        return takeNow ? tasks.take() : [];
      });
      const all = [...batches, ...tasks.take()];
      assert.equal(all.reduce((sum, b) => sum + b.tasks, 0), messages.length);
      const whole = new TaskWriter();
      for (const [message] of messages) whole.ed25519(pub, signature, message);
      const bytes = (list: { bytes: Uint8Array }[]) => list.flatMap((b) => [...b.bytes]);
      assert.deepEqual(bytes(all), bytes(whole.take()));
    }),
    { numRuns: 30 },
  );
});

const int8 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const stored = fc.bigInt({ min: 0n, max: 2n ** 52n * 100_000_000n - 1n });
const blob = fc.uint8Array({ maxLength: 50 });

/** A column: its cell, and how it is read back. */
const column: fc.Arbitrary<{ cell: Cell; read: (r: RowReader) => unknown; value: unknown }> = fc.oneof(
  int8.map((v) => ({ cell: cell.int8(v), read: (r: RowReader) => r.int8("c"), value: v })),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    .map((v) => ({ cell: cell.int4(v), read: (r: RowReader) => r.int4("c"), value: v })),
  fc.boolean().map((v) => ({ cell: cell.bool(v), read: (r: RowReader) => r.bool(), value: v })),
  fc.string({ unit: "binary", maxLength: 20 })
    .map((v) => ({ cell: cell.text(v), read: (r: RowReader) => r.text("c"), value: v })),
  blob.map((v) => ({ cell: v, read: (r: RowReader) => r.bytes("c", v.length), value: v })),
  stored.map((v) => ({ cell: cell.amount(v), read: (r: RowReader) => r.amount("c"), value: v })),
  fc.array(blob, { maxLength: 4 }).map((v) => ({
    cell: cell.array(v),
    read: (r: RowReader) => r.array("c"),
    value: v,
  })),
  fc.constant({ cell: null, read: (r: RowReader) => r.textOrNull(), value: undefined }),
);

Deno.test("page: rows of any columns come back", () => {
  fc.assert(fc.property(fc.array(fc.array(column, { maxLength: 6 }), { maxLength: 5 }), (rows) => {
    const page = packPage(rows.map((row, i) => [cell.int8(BigInt(i)), ...row.map((c) => c.cell)]));
    const r = new RowReader(page, "t");
    for (const [i, row] of rows.entries()) {
      assert.ok(r.next());
      assert.equal(r.serialColumn(), BigInt(i));
      for (const c of row) assert.deepEqual(c.read(r), c.value);
      assert.deepEqual(r.problems, []);
    }
    assert.equal(r.next(), false);
  }));
});

Deno.test("scenario: amounts come back", () => {
  fc.assert(fc.property(fc.bigInt({ min: 0n, max: MAX_AMOUNT }), (a) => assert.equal(atoms(plainAmount(a)), a)));
});

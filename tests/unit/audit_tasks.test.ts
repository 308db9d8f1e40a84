// SPDX-License-Identifier: AGPL-3.0-or-later
/** Verification tasks: written, carried out, judged; good and bad, for both ciphers. */
import assert from "node:assert/strict";
import { buildBlock } from "../../core/crypto/blocks.ts";
import { signEd25519 } from "../../core/crypto/ed25519.ts";
import { addKeys, type KeyRing, runTasks, type TaskKey, TaskWriter } from "../../core/audit/tasks.ts";
import { bytes32, bytes64, flipped, keyPair, mintCoin, type MintKey, mintKey } from "../support/mint.ts";

const rsa = mintKey("tasks", "RSA");
const cs = mintKey("tasks", "CS");
const other = { RSA: mintKey("tasks, other", "RSA"), CS: mintKey("tasks, other", "CS") };

function taskKey(id: number, key: MintKey): TaskKey {
  return { id, cipher: key.cipher, ageMask: key.ageMask, key: key.key };
}

const KEYS = {
  rsa: taskKey(0, rsa),
  cs: taskKey(1, cs),
  otherRsa: taskKey(2, other.RSA),
  otherCs: taskKey(3, other.CS),
  broken: { id: 4, cipher: "RSA", ageMask: 0, key: bytes32("no RSA key") } as const,
};
const ring: KeyRing = new Map();
addKeys(ring, Object.values(KEYS));

/** Carries out everything that was written, as the pool does: the verdicts in the order of writing. */
function carryOut(tasks: TaskWriter): number[] {
  return tasks.take().flatMap((batch) => [...runTasks(ring, batch.bytes, batch.tasks)]);
}

const coin = { RSA: mintCoin("c", rsa), CS: mintCoin("c", cs), aged: mintCoin("a", rsa, bytes32("age")) };
const { seed, pub } = keyPair("tasks");
const message = buildBlock("coinRecoup", "KUDOS", { hDenomination: rsa.hash, coinBlind: bytes32("blind") });
const signature = signEd25519(seed, message);
const none = new Uint8Array(0);
/** The other of the two sessions of a Clause-Schnorr answer. */
const otherSession = flipped(coin.CS.answer, 0);

const cases: [string, boolean, (t: TaskWriter) => number][] = [
  ["ed25519: good", true, (t) => t.ed25519(pub, signature, message)],
  ["ed25519: other message", false, (t) => t.ed25519(pub, signature, flipped(message))],
  ["ed25519: message with a byte more", false, (t) => t.ed25519(pub, signature, Uint8Array.of(...message, 0))],
  ["ed25519: other key", false, (t) => t.ed25519(keyPair("x").pub, signature, message)],
  ["ed25519: changed signature", false, (t) => t.ed25519(pub, flipped(signature, 40), message)],
  ["ed25519: zeros", false, (t) => t.ed25519(new Uint8Array(32), new Uint8Array(64), message)],
  ["coin RSA: good", true, (t) => t.coin(KEYS.rsa, coin.RSA.hash, coin.RSA.signature)],
  ["coin RSA: with age commitment", true, (t) => t.coin(KEYS.rsa, coin.aged.hash, coin.aged.signature)],
  ["coin RSA: other coin", false, (t) => t.coin(KEYS.rsa, coin.aged.hash, coin.RSA.signature)],
  ["coin RSA: other denomination", false, (t) => t.coin(KEYS.otherRsa, coin.RSA.hash, coin.RSA.signature)],
  ["coin RSA: changed signature", false, (t) => t.coin(KEYS.rsa, coin.RSA.hash, flipped(coin.RSA.signature, 9))],
  ["coin RSA: no signature", false, (t) => t.coin(KEYS.rsa, coin.RSA.hash, none)],
  ["coin RSA: key that is none", false, (t) => t.coin(KEYS.broken, coin.RSA.hash, coin.RSA.signature)],
  ["coin RSA: still blinded", false, (t) => t.coin(KEYS.rsa, coin.RSA.hash, coin.RSA.answer)],
  ["coin CS: good", true, (t) => t.coin(KEYS.cs, coin.CS.hash, coin.CS.signature)],
  ["coin CS: other coin", false, (t) => t.coin(KEYS.cs, bytes64("other"), coin.CS.signature)],
  ["coin CS: other denomination", false, (t) => t.coin(KEYS.otherCs, coin.CS.hash, coin.CS.signature)],
  ["coin CS: changed s", false, (t) => t.coin(KEYS.cs, coin.CS.hash, flipped(coin.CS.signature))],
  ["coin CS: changed R", false, (t) => t.coin(KEYS.cs, coin.CS.hash, flipped(coin.CS.signature, 33))],
  ["coin CS: too short", false, (t) => t.coin(KEYS.cs, coin.CS.hash, coin.CS.signature.subarray(1))],
  ["envelope: good", true, (t) => t.envelope(KEYS.rsa, coin.RSA.answer, coin.RSA.hBlinded)],
  ["envelope: of another coin", false, (t) => t.envelope(KEYS.rsa, coin.RSA.answer, coin.aged.hBlinded)],
  ["envelope: changed", false, (t) => t.envelope(KEYS.rsa, flipped(coin.RSA.answer, 5), coin.RSA.hBlinded)],
  ["envelope: other denomination", false, (t) => t.envelope(KEYS.otherRsa, coin.RSA.answer, coin.RSA.hBlinded)],
  ["envelope: overlong", false, (t) => t.envelope(KEYS.rsa, new Uint8Array(5000), coin.RSA.hBlinded)],
  ["envelope: key that is none", false, (t) => t.envelope(KEYS.broken, coin.RSA.answer, coin.RSA.hBlinded)],
  ["planchet RSA: good", true, (t) => t.planchet(KEYS.rsa, coin.RSA.message, coin.RSA.answer, none)],
  ["planchet RSA: of another coin", false, (t) => t.planchet(KEYS.rsa, coin.aged.message, coin.RSA.answer, none)],
  ["planchet RSA: overlong", false, (t) => t.planchet(KEYS.rsa, coin.RSA.message, new Uint8Array(5000), none)],
  ["planchet RSA: key that is none", false, (t) => t.planchet(KEYS.broken, coin.RSA.message, coin.RSA.answer, none)],
  ["planchet CS: good", true, (t) => t.planchet(KEYS.cs, coin.CS.message, coin.CS.answer, coin.CS.points)],
  ["planchet CS: other session", false, (t) => t.planchet(KEYS.cs, coin.CS.message, otherSession, coin.CS.points)],
  [
    "planchet CS: changed points",
    false,
    (t) => t.planchet(KEYS.cs, coin.CS.message, coin.CS.answer, Uint8Array.from(coin.CS.points).reverse()),
  ],
  ["planchet CS: no points", false, (t) => t.planchet(KEYS.cs, coin.CS.message, coin.CS.answer, none)],
  ["recoup: good", true, (t) => t.recoup(KEYS.rsa, coin.RSA.hash, coin.RSA.blind, coin.RSA.hBlinded)],
  ["recoup: other blind", false, (t) => t.recoup(KEYS.rsa, coin.RSA.hash, bytes32("x"), coin.RSA.hBlinded)],
  ["recoup: other coin", false, (t) => t.recoup(KEYS.rsa, coin.aged.hash, coin.RSA.blind, coin.RSA.hBlinded)],
  ["recoup: other withdrawal", false, (t) => t.recoup(KEYS.rsa, coin.RSA.hash, coin.RSA.blind, coin.aged.hBlinded)],
  ["recoup: key that is none", false, (t) => t.recoup(KEYS.broken, coin.RSA.hash, coin.RSA.blind, coin.RSA.hBlinded)],
  ["csRecoup: good", true, (t) => t.csRecoup(KEYS.cs, coin.CS.hash, coin.CS.blind, coin.CS.points, coin.CS.message)],
  [
    "csRecoup: other blind",
    false,
    (t) => t.csRecoup(KEYS.cs, coin.CS.hash, bytes32("x"), coin.CS.points, coin.CS.message),
  ],
  [
    "csRecoup: other coin",
    false,
    (t) => t.csRecoup(KEYS.cs, coin.aged.hash, coin.CS.blind, coin.CS.points, coin.CS.message),
  ],
  [
    "csRecoup: other planchet",
    false,
    (t) => t.csRecoup(KEYS.cs, coin.CS.hash, coin.CS.blind, coin.CS.points, flipped(coin.CS.message, 40)),
  ],
  ["csRecoup: no points", false, (t) => t.csRecoup(KEYS.cs, coin.CS.hash, coin.CS.blind, none, coin.CS.message)],
  [
    "csRecoup: RSA key",
    false,
    (t) => t.csRecoup(KEYS.rsa, coin.CS.hash, coin.CS.blind, coin.CS.points, coin.CS.message),
  ],
];

for (const [name, expected, write] of cases) {
  Deno.test(`tasks: ${name} -> ${expected ? "good" : "bad"}`, () => {
    const tasks = new TaskWriter();
    assert.equal(write(tasks), 0);
    assert.deepEqual(carryOut(tasks), [expected ? 1 : 0]);
  });
}

Deno.test("tasks: all together keep their order over several batches", () => {
  const tasks = new TaskWriter();
  const expected: number[] = [];
  for (let round = 0; round < 7; round++) {
    for (const [i, [, good, write]] of cases.entries()) {
      if ((i + round) % 3 === 0) continue;
      assert.equal(write(tasks), expected.length);
      expected.push(good ? 1 : 0);
    }
  }
  assert.equal(tasks.count, expected.length);
  const batches = tasks.take();
  assert.ok(batches.length > 1);
  assert.equal(batches.reduce((sum, b) => sum + b.tasks, 0), expected.length);
  assert.deepEqual(batches.flatMap((b) => [...runTasks(ring, b.bytes, b.tasks)]), expected);
  assert.deepEqual(tasks.take(), [], "a batch is taken once");
});

Deno.test("tasks: signatures are counted by kind", () => {
  const tasks = new TaskWriter();
  tasks.ed25519(pub, signature, message);
  tasks.coin(KEYS.rsa, coin.RSA.hash, coin.RSA.signature);
  tasks.coin(KEYS.cs, coin.CS.hash, coin.CS.signature);
  tasks.envelope(KEYS.rsa, coin.RSA.answer, coin.RSA.hBlinded);
  tasks.planchet(KEYS.cs, coin.CS.message, coin.CS.answer, coin.CS.points);
  tasks.planchet(KEYS.rsa, coin.RSA.message, coin.RSA.answer, none);
  tasks.recoup(KEYS.rsa, coin.RSA.hash, coin.RSA.blind, coin.RSA.hBlinded);
  tasks.csRecoup(KEYS.cs, coin.CS.hash, coin.CS.blind, coin.CS.points, coin.CS.message);
  assert.deepEqual(tasks.counts, { ed25519: 1, rsa: 4, cs: 3 });
});

Deno.test("tasks: a message larger than the buffer makes room for itself", () => {
  const tasks = new TaskWriter();
  const long = new Uint8Array(300_000).fill(7);
  tasks.ed25519(pub, signEd25519(seed, long), long);
  tasks.ed25519(pub, signature, message);
  assert.deepEqual(carryOut(tasks), [1, 1]);
});

Deno.test("tasks: an unknown key or kind is a programming error", () => {
  const tasks = new TaskWriter();
  tasks.coin({ ...KEYS.rsa, id: 99 }, coin.RSA.hash, coin.RSA.signature);
  assert.throws(() => carryOut(tasks), /unknown denomination key/);
  assert.throws(() => runTasks(ring, Uint8Array.of(77, 0, 0, 0, 0), 1), /unknown verification task 77/);
});

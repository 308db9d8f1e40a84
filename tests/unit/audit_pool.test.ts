// SPDX-License-Identifier: AGPL-3.0-or-later
/** The pool of verification workers: the order of verdicts, failures, and that workers can do nothing but compute. */
import assert from "node:assert/strict";
import { startVerifyPool, type VerifyPool } from "../../core/audit/pool.ts";
import { TaskWriter } from "../../core/audit/tasks.ts";
import { signEd25519 } from "../../core/crypto/ed25519.ts";
import { utf8Bytes } from "../../core/crypto/hash.ts";
import { flipped, keyPair, mintCoin, mintKey } from "../support/mint.ts";

const { seed, pub } = keyPair("pool");
const signed = Array.from({ length: 40 }, (_, i) => {
  const message = utf8Bytes(`message ${i}`.repeat(1 + i * i));
  return { message, signature: signEd25519(seed, message) };
});

/** Writes `count` tasks of which those with a number in `bad` are bad; gives the expected verdicts. */
function write(tasks: TaskWriter, count: number, isBad: (n: number) => boolean): number[] {
  return Array.from({ length: count }, (_, n) => {
    const { message, signature } = signed[n % signed.length]!;
    tasks.ed25519(pub, isBad(n) ? flipped(signature, 3) : signature, message);
    return isBad(n) ? 0 : 1;
  });
}

async function withPool(workers: number, body: (pool: VerifyPool) => Promise<void>): Promise<void> {
  const pool = startVerifyPool(workers);
  try {
    await body(pool);
  } finally {
    pool.close();
  }
}

for (const workers of [0, 1, 2, 3]) {
  Deno.test(`pool: verdicts stand in the order of writing with ${workers} workers`, async () => {
    await withPool(workers, async (pool) => {
      // several requests at once, of very different sizes, so that they overtake each other
      const runs = [1, 700, 0, 95, 96, 97, 250].map(async (count, i) => {
        const tasks = new TaskWriter();
        const expected = write(tasks, count, (n) => (n * 7 + i) % 5 === 0);
        assert.deepEqual([...await pool.run(tasks)], expected, `request of ${count} tasks`);
      });
      await Promise.all(runs);
    });
  });
}

Deno.test("pool: keys reach all workers before the tasks that need them", async () => {
  await withPool(2, async (pool) => {
    const denomination = mintKey("pool", "RSA");
    const key = { id: 0, cipher: denomination.cipher, ageMask: 0, key: denomination.key };
    pool.addKeys([key]);
    const tasks = new TaskWriter();
    const { hash, signature } = mintCoin("pool", denomination);
    for (let n = 0; n < 300; n++) tasks.coin(key, hash, n % 9 === 4 ? flipped(signature, 20) : signature);
    const verdicts = await pool.run(tasks);
    assert.ok(verdicts.every((v, n) => v === (n % 9 === 4 ? 0 : 1)));
    // another set of denominations takes the place of the first
    const replacement = mintKey("pool, other", "RSA");
    pool.addKeys([{ ...key, key: replacement.key }]);
    const again = new TaskWriter();
    for (let n = 0; n < 200; n++) again.coin(key, hash, signature);
    assert.ok((await pool.run(again)).every((v) => v === 0));
  });
});

Deno.test("pool: a counting pool counts its own tasks only", async () => {
  await withPool(1, async (pool) => {
    const [a, b] = [pool.counting(), pool.counting()];
    const tasks = new TaskWriter();
    write(tasks, 5, () => false);
    await a.run(tasks);
    assert.deepEqual([a.counts, b.counts], [{ ed25519: 5, rsa: 0, cs: 0 }, { ed25519: 0, rsa: 0, cs: 0 }]);
  });
});

Deno.test("pool: a worker that fails fails the request and all after it", async () => {
  await withPool(2, async (pool) => {
    const broken = new TaskWriter();
    broken.coin({ id: 12345, cipher: "RSA", ageMask: 0, key: pub }, new Uint8Array(64), pub);
    await assert.rejects(pool.run(broken), /verification worker failed: .*unknown denomination key/);
    const good = new TaskWriter();
    write(good, 1, () => false);
    await assert.rejects(pool.run(good), /verification worker failed/);
  });
});

/** The options with which the pool starts its workers. */
function workerOptions(): WorkerOptions {
  const { Worker: RealWorker } = globalThis;
  let options: WorkerOptions | undefined;
  globalThis.Worker = class extends RealWorker {
    constructor(url: string | URL, given?: WorkerOptions) {
      super(url, given);
      options = given;
    }
  };
  try {
    startVerifyPool(1).close();
  } finally {
    globalThis.Worker = RealWorker;
  }
  assert.ok(options !== undefined);
  return options;
}

/** What became of the attempts of a worker to get out. */
async function probe(options: WorkerOptions): Promise<Record<string, string>> {
  const worker = new Worker(new URL("../support/probe_worker.ts", import.meta.url), options);
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
  } finally {
    worker.terminate();
  }
}

Deno.test("pool: a verification worker can not read a file, reach the network, read the environment or start a program", async () => {
  const outcome = await probe(workerOptions());
  assert.ok(Object.keys(outcome).length > 10);
  for (const [attempt, result] of Object.entries(outcome)) assert.equal(result, "NotCapable", attempt);
});

Deno.test("pool: the same attempts succeed where nothing forbids them", async () => {
  const outcome = await probe({ type: "module" });
  assert.equal(outcome["delete a file"], "NotFound");
  for (
    const attempt of ["read a file", "read a file as Node does", "read the environment", "listen", "list a folder"]
  ) {
    assert.equal(outcome[attempt], "done", attempt);
  }
  for (const attempt of ["fetch", "connect", "connect as Node does"]) {
    assert.notEqual(outcome[attempt], "NotCapable", attempt);
  }
});

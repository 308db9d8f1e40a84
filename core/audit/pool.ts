// SPDX-License-Identifier: AGPL-3.0-or-later
/** A pool of verification workers that have no permission at all. */
import { equalBytes } from "../crypto/hash.ts";
import type { SignatureKind, TaskKey, TaskWriter } from "./tasks.ts";
import type { WorkerReply, WorkerRequest } from "./verify-worker.ts";

/** Runs verification tasks on several cores. */
export interface VerifyPool {
  /** Makes denomination keys known to all workers. */
  addKeys(keys: TaskKey[]): void;
  /** Verifies everything that was written; the result has one byte per task, in the order of writing. */
  run(tasks: TaskWriter): Promise<Uint8Array>;
  /** The same pool with a count of its own: the signatures verified through it. */
  counting(): VerifyPool & { readonly counts: Record<SignatureKind, number> };
  /** Ends the workers. */
  close(): void;
}

interface Slot {
  worker: Worker;
  busy: number;
}

/** Batches a worker may have waiting; more than one hides the way of the messages. */
const QUEUE_DEPTH = 3;

/**
 * Starts a pool.
 * @param workers number of worker threads, at least 1
 */
export function startVerifyPool(workers: number): VerifyPool {
  const waiting: (WorkerRequest & { id: number })[] = [];
  const replies = new Map<number, { resolve: (v: Uint8Array) => void; reject: (e: Error) => void }>();
  const known = new Map<number, TaskKey>();
  let failure: Error | undefined;
  let nextId = 1;

  const fail = (error: Error) => {
    failure = error;
    for (const reply of replies.values()) reply.reject(error);
    replies.clear();
    waiting.length = 0;
  };
  const slots: Slot[] = Array.from({ length: Math.max(1, workers) }, () => {
    const slot: Slot = { worker: startWorker(), busy: 0 };
    const { worker } = slot;
    worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      slot.busy--;
      replies.get(data.id)?.resolve(data.verdicts);
      replies.delete(data.id);
      dispatch();
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(new Error(`verification worker failed: ${event.message}`));
    };
    return slot;
  });

  function dispatch(): void {
    while (waiting.length > 0) {
      const slot = slots.reduce((least, s) => s.busy < least.busy ? s : least);
      if (slot.busy >= QUEUE_DEPTH) return;
      const request = waiting.shift()!;
      slot.busy++;
      slot.worker.postMessage(request, "bytes" in request ? [request.bytes.buffer as ArrayBuffer] : []);
    }
  }

  const pool: VerifyPool = {
    addKeys(keys) {
      const fresh = keys.filter((k) => !sameKey(known.get(k.id), k));
      if (fresh.length === 0) return;
      for (const k of fresh) known.set(k.id, k);
      for (const { worker } of slots) worker.postMessage({ keys: fresh } satisfies WorkerRequest);
    },
    async run(tasks) {
      if (failure !== undefined) throw failure;
      const parts = tasks.take().map((batch) => {
        const id = nextId++;
        const reply = new Promise<Uint8Array>((resolve, reject) => replies.set(id, { resolve, reject }));
        waiting.push({ id, ...batch });
        return reply;
      });
      dispatch();
      return join(await Promise.all(parts), tasks.count);
    },
    counting: () => countingPool(pool),
    close() {
      fail(new Error("the verification threads were ended"));
      for (const { worker } of slots) worker.terminate();
    },
  };
  return pool;
}

function join(parts: Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function startWorker(): Worker {
  return new Worker(new URL("./verify-worker.ts", import.meta.url), {
    type: "module",
    name: "verify",
    deno: { permissions: "none" },
  });
}

function countingPool(pool: VerifyPool): ReturnType<VerifyPool["counting"]> {
  const counts: Record<SignatureKind, number> = { ed25519: 0, rsa: 0, cs: 0 };
  const run = async (tasks: TaskWriter) => {
    const verdicts = await pool.run(tasks);
    for (const kind of Object.keys(counts) as SignatureKind[]) counts[kind] += tasks.counts[kind];
    return verdicts;
  };
  return { ...pool, counts, run };
}

function sameKey(a: TaskKey | undefined, b: TaskKey): boolean {
  return a !== undefined && a.cipher === b.cipher && a.ageMask === b.ageMask && equalBytes(a.key, b.key);
}

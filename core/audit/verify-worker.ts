// SPDX-License-Identifier: AGPL-3.0-or-later
/** A verification worker. It is started without any permission: bytes in, verdict bits out. */
import { addKeys, type KeyRing, runTasks, type TaskKey } from "./tasks.ts";

/** What the pool sends: keys to remember, or a batch to verify. */
export type WorkerRequest = { keys: TaskKey[] } | { id: number; bytes: Uint8Array; tasks: number };
/** What a worker answers to a batch. */
export type WorkerReply = { id: number; verdicts: Uint8Array };

const ring: KeyRing = new Map();
const port = globalThis as unknown as {
  onmessage: (event: MessageEvent<WorkerRequest>) => void;
  postMessage: (reply: WorkerReply, transfer: Transferable[]) => void;
};

port.onmessage = ({ data }) => {
  if ("keys" in data) {
    addKeys(ring, data.keys);
    return;
  }
  const verdicts = runTasks(ring, data.bytes, data.tasks);
  port.postMessage({ id: data.id, verdicts }, [verdicts.buffer]);
};

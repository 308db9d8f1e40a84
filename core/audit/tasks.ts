// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Verification tasks: bytes in, verdict bits out.
 *
 * The engine writes what is to be verified into batches; workers without any permission carry them out. A batch is a
 * sequence of tasks, each one byte of kind and then its fields; variable fields have a 32-bit length in front.
 */
import { verifyEd25519 } from "../crypto/ed25519.ts";
import { equalBytes } from "../crypto/hash.ts";
import { hashBlindedCoin, hashDenominationKey } from "../crypto/objects.ts";
import { blindRsa, parseRsaKey, powerOfSignature, type RsaKey, verifyRsa } from "../crypto/rsa.ts";
import { verifyCs, verifyCsBlinded } from "../crypto/cs.ts";
import { csBlind, csBlindedMessage } from "../crypto/cs-issue.ts";
import type { Cipher } from "../taler/denomination.ts";

const KIND = { ed25519: 1, coin: 2, envelope: 3, planchet: 4, recoup: 5, csRecoup: 6 } as const;

/** What was verified, for the counts in summary and journal. */
export type SignatureKind = "ed25519" | "rsa" | "cs";

/** Tasks per batch: enough to make a message worth while, few enough to keep all workers busy to the end. */
const BATCH_TASKS = 96;

/** A denomination key as the workers know it. */
export interface TaskKey {
  id: number;
  cipher: Cipher;
  ageMask: number;
  key: Uint8Array;
}

/** Collects tasks; {@link take} gives them in batches ready to be posted. */
export class TaskWriter {
  /** Number of tasks written so far; a task's verdict stands at the index it had when it was added. */
  count = 0;
  readonly counts: Record<SignatureKind, number> = { ed25519: 0, rsa: 0, cs: 0 };
  #done: { bytes: Uint8Array; tasks: number }[] = [];
  #bytes = new Uint8Array(65536);
  #at = 0;
  #tasks = 0;

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + size));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  #put(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #putU32(value: number): void {
    this.#room(4);
    new DataView(this.#bytes.buffer).setUint32(this.#at, value);
    this.#at += 4;
  }

  #putBlob(bytes: Uint8Array): void {
    this.#putU32(bytes.length);
    this.#put(bytes);
  }

  #begin(kind: number, counted: SignatureKind): number {
    if (this.#tasks >= BATCH_TASKS) this.#finishBatch();
    this.#room(1);
    this.#bytes[this.#at++] = kind;
    this.#tasks++;
    this.counts[counted]++;
    return this.count++;
  }

  #finishBatch(): void {
    this.#done.push({ bytes: this.#bytes.slice(0, this.#at), tasks: this.#tasks });
    this.#at = 0;
    this.#tasks = 0;
  }

  /** An Ed25519 signature over a complete message. */
  ed25519(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): number {
    const index = this.#begin(KIND.ed25519, "ed25519");
    this.#put(publicKey);
    this.#put(signature);
    this.#putBlob(message);
    return index;
  }

  /** A coin's unblinded signature over its 64-byte coin hash (crypto.md 3). */
  coin(key: TaskKey, coinHash: Uint8Array, signature: Uint8Array): number {
    const index = this.#begin(KIND.coin, key.cipher === "RSA" ? "rsa" : "cs");
    this.#putU32(key.id);
    this.#put(coinHash);
    this.#putBlob(signature);
    return index;
  }

  /** An RSA blind signature whose message is only known by its hash: `s^e` must hash to `hBlindedCoin`. */
  envelope(key: TaskKey, blindedSignature: Uint8Array, hBlindedCoin: Uint8Array): number {
    const index = this.#begin(KIND.envelope, "rsa");
    this.#putU32(key.id);
    this.#putBlob(blindedSignature);
    this.#put(hBlindedCoin);
    return index;
  }

  /**
   * A blind signature over a known planchet.
   * @param answer RSA: the blinded signature; CS: one byte b, then s
   * @param withdrawValues CS: R0 and R1; RSA: empty
   */
  planchet(key: TaskKey, message: Uint8Array, answer: Uint8Array, withdrawValues: Uint8Array): number {
    const index = this.#begin(KIND.planchet, key.cipher === "RSA" ? "rsa" : "cs");
    this.#putU32(key.id);
    this.#putBlob(message);
    this.#putBlob(answer);
    this.#putBlob(withdrawValues);
    return index;
  }

  /** That a recouped RSA coin is the one blinded in a withdrawal or refresh (X-7, crypto.md 3.1). */
  recoup(key: TaskKey, coinHash: Uint8Array, coinBlind: Uint8Array, hBlindedCoin: Uint8Array): number {
    const index = this.#begin(KIND.recoup, "rsa");
    this.#putU32(key.id);
    this.#put(coinHash);
    this.#put(coinBlind);
    this.#put(hBlindedCoin);
    return index;
  }

  /**
   * That a recouped Clause-Schnorr coin is the one blinded in a refresh (X-7, crypto.md 4.3).
   * @param withdrawValues R0 and R1
   * @param message the planchet: c0, c1 and nonce
   */
  csRecoup(
    key: TaskKey,
    coinHash: Uint8Array,
    coinBlind: Uint8Array,
    withdrawValues: Uint8Array,
    message: Uint8Array,
  ): number {
    const index = this.#begin(KIND.csRecoup, "cs");
    this.#putU32(key.id);
    this.#put(coinHash);
    this.#put(coinBlind);
    this.#putBlob(withdrawValues);
    this.#putBlob(message);
    return index;
  }

  /** The batches written since the last call, in order. */
  take(): { bytes: Uint8Array; tasks: number }[] {
    if (this.#tasks > 0) this.#finishBatch();
    const done = this.#done;
    this.#done = [];
    return done;
  }
}

/** A denomination key prepared for verification. */
interface PreparedKey {
  cipher: Cipher;
  hash: Uint8Array;
  key: Uint8Array;
  rsa: RsaKey | undefined;
}

/** The keys a worker was told about. */
export type KeyRing = Map<number, PreparedKey>;

/** Adds keys to a key ring. An unusable RSA key is kept: nothing verifies with it. */
export function addKeys(ring: KeyRing, keys: TaskKey[]): void {
  for (const k of keys) {
    const rsa = k.cipher === "RSA" ? parseRsaKey(k.key) : undefined;
    ring.set(k.id, { cipher: k.cipher, hash: hashDenominationKey(k), key: k.key, rsa });
  }
}

/** Carries out a batch; the result has one byte per task: 1 good, 0 bad. Pure. */
export function runTasks(ring: KeyRing, batch: Uint8Array, tasks: number): Uint8Array<ArrayBuffer> {
  const reader = new TaskReader(batch);
  const verdicts = new Uint8Array(tasks);
  for (let i = 0; i < tasks; i++) verdicts[i] = runTask(ring, reader) ? 1 : 0;
  return verdicts;
}

class TaskReader {
  #view: DataView;
  #at = 0;
  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u8(): number {
    return this.#view.getUint8(this.#at++);
  }
  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }
  take(length: number): Uint8Array {
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }
  blob(): Uint8Array {
    return this.take(this.u32());
  }
}

function runTask(ring: KeyRing, r: TaskReader): boolean {
  const kind = r.u8();
  if (kind === KIND.ed25519) {
    const publicKey = r.take(32);
    const signature = r.take(64);
    return verifyEd25519(publicKey, r.blob(), signature);
  }
  const key = ring.get(r.u32());
  if (key === undefined) throw new Error("verification task for an unknown denomination key");
  switch (kind) {
    case KIND.coin:
      return verifyCoin(key, r.take(64), r.blob());
    case KIND.envelope:
      return verifyEnvelope(key, r.blob(), r.take(64));
    case KIND.planchet:
      return verifyPlanchet(key, r.blob(), r.blob(), r.blob());
    case KIND.recoup:
      return verifyRecoup(key, r.take(64), r.take(32), r.take(64));
    case KIND.csRecoup:
      return verifyCsRecoup(key, r.take(64), r.take(32), r.blob(), r.blob());
    default:
      throw new Error(`unknown verification task ${kind}`);
  }
}

function verifyCoin(key: PreparedKey, coinHash: Uint8Array, signature: Uint8Array): boolean {
  if (key.cipher === "CS") return verifyCs(key.key, coinHash, signature);
  return key.rsa !== undefined && verifyRsa(key.rsa, coinHash, signature);
}

function verifyEnvelope(key: PreparedKey, signature: Uint8Array, expected: Uint8Array): boolean {
  if (key.rsa === undefined || signature.length > 2 * key.key.length) return false;
  return equalBytes(hashBlindedCoin(key.hash, "RSA", powerOfSignature(key.rsa, signature)), expected);
}

function verifyPlanchet(
  key: PreparedKey,
  message: Uint8Array,
  answer: Uint8Array,
  withdrawValues: Uint8Array,
): boolean {
  if (key.cipher === "CS") {
    const b = answer[0] === 1 ? 1 : 0;
    const challenge = message.subarray(32 * b, 32 * b + 32);
    return verifyCsBlinded(key.key, challenge, answer.subarray(1), withdrawValues.subarray(32 * b, 32 * b + 32));
  }
  if (key.rsa === undefined || answer.length > 2 * key.key.length) return false;
  return equalBytes(powerOfSignature(key.rsa, answer), message);
}

function verifyRecoup(key: PreparedKey, coinHash: Uint8Array, blind: Uint8Array, expected: Uint8Array): boolean {
  if (key.rsa === undefined) return false;
  const blinded = blindRsa(key.rsa, coinHash, blind);
  return blinded !== undefined && equalBytes(hashBlindedCoin(key.hash, "RSA", blinded), expected);
}

function verifyCsRecoup(
  key: PreparedKey,
  coinHash: Uint8Array,
  blind: Uint8Array,
  values: Uint8Array,
  message: Uint8Array,
): boolean {
  if (key.cipher !== "CS" || values.length !== 64 || message.length !== 96) return false;
  const blinding = csBlind(key.key, coinHash, [values.subarray(0, 32), values.subarray(32)], blind);
  return blinding !== undefined && equalBytes(csBlindedMessage(blinding, message.subarray(64)), message);
}

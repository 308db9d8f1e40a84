// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * One HTTP request to a server that is not trusted: bounded in time, in size and in the number of tries. Redirects are
 * never followed, so that credentials go to the configured address and nowhere else.
 */

import { type BankAnomaly, BankError, type BankErrorKind } from "./history.ts";

/** Bounds of a request. */
export interface RequestBounds {
  /** Milliseconds for one try, from connecting to the last byte of the body; a long poll's waiting time is added. */
  readonly timeoutMs: number;
  /** Largest body in bytes, after decompression. */
  readonly bodyMax: number;
  /** Number of tries when the server fails, is slow or cannot be reached. */
  readonly attempts: number;
  /** Milliseconds before the second try; doubled for each further one. */
  readonly backoffMs: number;
  /** Longest pause between two tries, milliseconds. */
  readonly backoffMaxMs: number;
}

/** Bounds that suit a bank on the other side of the world and still end within minutes. */
export const DEFAULT_BOUNDS: RequestBounds = {
  timeoutMs: 30_000,
  bodyMax: 16 * 1024 * 1024,
  attempts: 4,
  backoffMs: 1_000,
  backoffMaxMs: 60_000,
};

/** A request; `account` and `url` appear in messages, the headers never do. */
export interface BoundedRequest {
  readonly account: string;
  readonly url: URL;
  readonly headers: Headers;
  /** Milliseconds that the server was asked to wait for news. */
  readonly longPollMs: number;
  /** Ends the request and all further tries; then the signal's reason is thrown. */
  readonly signal: AbortSignal | undefined;
}

/** What came back; `text` is the body for status 200 and empty otherwise. */
export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** What a request takes from outside, so that tests need not wait. */
export interface RequestTools {
  readonly fetch: typeof fetch;
  /** Waits; rejects with the signal's reason when it fires. */
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** A number from 0 up to 1, for jitter. */
  readonly random: () => number;
}

/** The runtime's own tools. */
export const SYSTEM_TOOLS: RequestTools = {
  fetch: (input, init) => fetch(input, init),
  sleep,
  random: Math.random,
};

/** Waits; rejects with the signal's reason when it fires. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Milliseconds before try number `attempt` + 1 (the first is 1): doubling, bounded, half of it by chance. */
export function backoff(attempt: number, firstMs: number, maxMs: number, random: () => number): number {
  return Math.min(firstMs * 2 ** Math.min(attempt - 1, 30), maxMs) * (0.5 + random() / 2);
}

/**
 * Asks until there is an answer that further tries would not change: any status but 429 and 5xx.
 *
 * @throws BankError `unreachable`, `timeout`, `status` (429 and 5xx on every try), `too-large`, `garbled` (no UTF-8);
 * the reason of the signal if that fires
 */
export async function request(
  wanted: BoundedRequest,
  bounds: RequestBounds,
  tools: RequestTools = SYSTEM_TOOLS,
): Promise<Reply> {
  for (let attempt = 1;; attempt++) {
    const outcome = await tryOnce(wanted, bounds, tools);
    if (!("kind" in outcome)) return outcome;
    if (!outcome.again || attempt >= bounds.attempts) {
      const tries = attempt === 1 ? "" : ` (tried ${attempt} times)`;
      throw bankError(outcome.kind, wanted, `${outcome.what}${tries}`);
    }
    await tools.sleep(backoff(attempt, bounds.backoffMs, bounds.backoffMaxMs, tools.random), wanted.signal);
  }
}

/** An error that names account and request. */
export function bankError(
  kind: BankErrorKind,
  { account, url }: Pick<BoundedRequest, "account" | "url">,
  what: string,
  anomaly?: BankAnomaly,
): BankError {
  return new BankError(kind, account, `GET ${url.origin}${url.pathname}${url.search}: ${what}`, anomaly);
}

/** A try that failed. */
interface Failure {
  readonly kind: BankErrorKind;
  readonly what: string;
  /** Another try may help. */
  readonly again: boolean;
}

class TimedOut extends Error {}

async function tryOnce(wanted: BoundedRequest, bounds: RequestBounds, tools: RequestTools): Promise<Reply | Failure> {
  wanted.signal?.throwIfAborted();
  const limit = bounds.timeoutMs + wanted.longPollMs;
  const ours = new AbortController();
  const timer = setTimeout(() => ours.abort(new TimedOut()), limit);
  const stop = () => ours.abort(wanted.signal?.reason);
  wanted.signal?.addEventListener("abort", stop, { once: true });
  try {
    const response = await tools.fetch(wanted.url, {
      headers: wanted.headers,
      redirect: "manual",
      credentials: "omit",
      cache: "no-store",
      signal: ours.signal,
    });
    return await judge(response, bounds);
  } catch (error) {
    wanted.signal?.throwIfAborted();
    if (ours.signal.reason instanceof TimedOut) {
      return { kind: "timeout", what: `no complete answer within ${limit / 1000} s`, again: true };
    }
    // a failing connection, and a body that breaks off, arrive as TypeError
    if (!(error instanceof TypeError)) throw error;
    return { kind: "unreachable", what: connectionFault(error), again: true };
  } finally {
    clearTimeout(timer);
    wanted.signal?.removeEventListener("abort", stop);
  }
}

async function judge(response: Response, bounds: RequestBounds): Promise<Reply | Failure> {
  const { status } = response;
  if (status === 200) return await readBody(response, bounds.bodyMax);
  // a body without end would keep the connection busy
  await response.body?.cancel().catch(() => {});
  if (status === 429 || status >= 500) return { kind: "status", what: `the bank answered ${status}`, again: true };
  return { status, text: "" };
}

/** Reads a body up to a limit. */
async function readBody(response: Response, bodyMax: number): Promise<Reply | Failure> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    // leaving the loop cancels the body, which cuts the connection
    if (size > bodyMax) return { kind: "too-large", what: `the answer is larger than ${bodyMax} bytes`, again: false };
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  try {
    return { status: 200, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { kind: "garbled", what: "the answer is not UTF-8", again: false };
  }
}

/** The runtime's words, without the address, which the message has already. */
function connectionFault(error: TypeError): string {
  const cause = error.cause instanceof Error ? error.cause.message : error.message;
  const text = cause.replace(/^error sending request( for url \([^)]*\)| from \S+ for \S+( \(\S+\))?)?:? ?/, "");
  return `the connection failed: ${text === "" ? "no reason known" : text}`;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Requests to the exchange, which is not trusted: bounded in time and size, and never led to another place. */

/** Bounds of a request. */
export interface HttpBounds {
  /** Milliseconds from the start to the last byte of the answer, redirects included. */
  readonly timeoutMs: number;
  /** Largest body in bytes, after decompression. */
  readonly bodyMax: number;
}

/** A request. */
export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  /** JSON text. */
  readonly body?: string;
}

/** An answer, or why there is none, worded to follow the name of the request. */
export type HttpOutcome = { readonly status: number; readonly body: Uint8Array } | { readonly problem: string };

const REDIRECTS_MAX = 5;
const REDIRECTS = { GET: [301, 302, 303, 307, 308], POST: [307, 308] } as const;

class TimedOut extends Error {}
class TooLarge extends Error {}

/**
 * Sends a request. Redirects are followed within the same scheme, host and port only (roles.md 6).
 *
 * @throws Deno.errors.NotCapable if the process may not reach the exchange
 */
export async function request(send: typeof fetch, wanted: HttpRequest, bounds: HttpBounds): Promise<HttpOutcome> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new TimedOut()), bounds.timeoutMs);
  try {
    return await follow(send, wanted, bounds, stop);
  } catch (error) {
    if (stop.signal.reason instanceof TimedOut) {
      return { problem: `no complete answer in ${bounds.timeoutMs / 1000} s` };
    }
    if (error instanceof TooLarge) return { problem: `the answer is larger than ${bounds.bodyMax} bytes` };
    // A failing connection, and a body that breaks off or is packed wrongly, arrive as TypeError.
    if (error instanceof TypeError) return { problem: connectionFault(error) };
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function follow(
  send: typeof fetch,
  { method, url, body }: HttpRequest,
  { bodyMax }: HttpBounds,
  stop: AbortController,
): Promise<HttpOutcome> {
  let address = new URL(url);
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await send(address, {
      method,
      headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body }),
      redirect: "manual",
      credentials: "omit",
      cache: "no-store",
      signal: stop.signal,
    });
    const { status } = response;
    if (status < 300 || status > 399) return { status, body: await readBody(response, bodyMax, stop) };
    await response.body?.cancel().catch(() => {});
    const location = response.headers.get("location");
    if (location === null || !URL.canParse(location, address)) {
      return { problem: `status ${status} without an address` };
    }
    const target = new URL(location, address);
    if (target.origin !== address.origin) {
      return { problem: `the exchange points to another server, ${target.origin}, which is not followed` };
    }
    if (!(REDIRECTS[method] as readonly number[]).includes(status)) return { problem: `unexpected status ${status}` };
    address = target;
  }
  return { problem: `more than ${REDIRECTS_MAX} redirects` };
}

/** Reads a body up to a limit; beyond it the connection is cut. */
async function readBody(response: Response, bodyMax: number, stop: AbortController): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array(0);
  // The runtime unpacks gzip and brotli itself, but not what exchanges like best (cli.md 10.3).
  const packed = response.headers.get("content-encoding")?.toLowerCase() === "deflate";
  const plain = packed ? response.body.pipeThrough(new DecompressionStream("deflate")) : response.body;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of plain) {
    size += chunk.length;
    if (size > bodyMax) {
      stop.abort(new TooLarge());
      throw new TooLarge();
    }
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

/** The runtime's words, without the address, which the message has already. */
function connectionFault(error: TypeError): string {
  const cause = error.cause instanceof Error ? error.cause.message : error.message;
  const text = cause.replace(/^error sending request( for url \([^)]*\)| from \S+ for \S+( \(\S+\))?)?:? ?/, "");
  return `the connection failed: ${text === "" ? "no reason known" : text}`;
}

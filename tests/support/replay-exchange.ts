// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * An exchange over real HTTP for tests: it replays an answer to GET /keys, takes signatures of auditors as the real one
 * does, and misbehaves on request.
 */

import { decodeBase32 } from "../../core/taler/base32.ts";
import { verifyBlock } from "../../core/crypto/blocks.ts";
import { hashText } from "../../core/crypto/objects.ts";
import { readKeys } from "../../core/offline/keys.ts";
import { termsOf } from "../../core/offline/verify.ts";
import { parseDocument } from "../../core/offline/json.ts";

/** An auditor that the exchange knows. */
export interface KnownAuditor {
  pub: Uint8Array;
  url: string;
  disabled?: boolean;
}

/** A request that the server got. */
export interface SeenRequest {
  method: string;
  path: string;
  accept: string | null;
}

/** A running server. */
export interface ReplayExchange {
  /** Base address with a slash at its end. */
  readonly url: string;
  readonly requests: SeenRequest[];
  /** Accepted signatures in base32 by the hash as it was written in the address. */
  readonly accepted: Map<string, string>;
  readonly auditors: KnownAuditor[];
  /** Answers instead of the exchange; undefined: it answers as it should. */
  misbehave: ((request: SeenRequest) => Response | Promise<Response> | undefined) | undefined;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a server that replays this answer to GET /keys, as text. */
export function replayExchange(keysText: string, auditors: KnownAuditor[] = []): ReplayExchange {
  const requests: SeenRequest[] = [];
  const accepted = new Map<string, string>();
  const answer = async (request: Request): Promise<Response> => {
    const seen = {
      method: request.method,
      path: new URL(request.url).pathname,
      accept: request.headers.get("accept"),
    };
    requests.push(seen);
    const special = await exchange.misbehave?.(seen);
    if (special !== undefined) {
      await request.body?.cancel();
      return special;
    }
    if (seen.method === "GET" && seen.path === "/keys") {
      return new Response(keysText, { headers: { "content-type": "application/json" } });
    }
    return await takeSignature(keysText, auditors, accepted, request);
  };
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  const exchange: ReplayExchange = {
    url: `http://127.0.0.1:${server.addr.port}/`,
    requests,
    accepted,
    auditors,
    misbehave: undefined,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return exchange;
}

/** POST /auditors/$AUDITOR_PUB/$H_DENOM_PUB with the statuses of the real exchange (cli.md 10.6). */
async function takeSignature(
  keysText: string,
  auditors: readonly KnownAuditor[],
  accepted: Map<string, string>,
  request: Request,
): Promise<Response> {
  const [, root, pubText = "", hashText64 = ""] = new URL(request.url).pathname.split("/");
  const pub = decodeBase32(pubText, 32)?.toHex();
  const hash = decodeBase32(hashText64, 64)?.toHex();
  const refuse = (status: number) => Response.json({ code: 1000 + status, hint: "no" }, { status });
  if (request.method !== "POST" || root !== "auditors" || pub === undefined || hash === undefined) return refuse(404);
  const body = await request.json();
  const auditor = auditors.find((known) => known.pub.toHex() === pub);
  if (auditor === undefined) return refuse(412);
  if (auditor.disabled === true) return refuse(410);
  const parsed = parseDocument(keysText);
  const read = "value" in parsed ? readKeys(parsed.value) : { faults: [] };
  const denomination = "keys" in read ? read.keys.denominations.find((d) => d.hash.toHex() === hash) : undefined;
  if (!("keys" in read) || denomination === undefined) return refuse(404);
  const signature = decodeBase32(String(body.auditor_sig), 64);
  const valid = signature !== undefined &&
    verifyBlock("auditorDenomination", read.keys.currency, auditor.pub, signature, {
      hAuditorUrl: hashText(auditor.url),
      masterPub: read.keys.masterPub,
      ...termsOf(denomination),
    });
  if (!valid) return refuse(403);
  accepted.set(hashText64, body.auditor_sig);
  return new Response(null, { status: 204 });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * A wire gateway over real HTTP for tests: it replays a history that was recorded or made up, keeps to the protocol of
 * its version, and misbehaves on request.
 */

import { join } from "node:path";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { datasetPath, mutationPath } from "./golden.ts";

/** A transaction as JSON, whatever it holds. */
export type Entry = Record<string, unknown> & { row_id: number };

/** The two histories of an account as the gateway's envelopes hold them. */
export interface BankData {
  own: string;
  incoming: Entry[];
  outgoing: Entry[];
}

/** A request that the server got. */
export interface SeenRequest {
  path: string;
  query: Record<string, string>;
  headers: Headers;
}

/** Answers instead of the gateway; undefined: the gateway answers as it should. */
export type Misbehaviour = (
  request: SeenRequest,
  proper: () => Promise<Response>,
) => Response | Promise<Response> | undefined;

/** Settings of a server. */
export interface BankServerOptions {
  data: BankData;
  /** Version in `config`; undefined: the gateway has no such page. Default: 0:0:0, that of release 0.14's test bank. */
  version?: string | undefined;
  /** Spelling of the parameters that the gateway understands; the other one is ignored. Default: by the version. */
  parameters?: "old" | "new";
  /** Rows per answer, however many are asked for. Default: 1024. */
  pageMax?: number;
  /** Value of the header Authorization without which the answer is 401. */
  authorization?: string;
}

/** A running server. */
export interface BankServer {
  /** Base address with a slash at its end. */
  readonly url: string;
  readonly requests: SeenRequest[];
  /** May be changed at any time; call `news` to wake long polls. */
  readonly data: BankData;
  /** Set it to misbehave. */
  misbehave: Misbehaviour | undefined;
  /** Number of long polls that wait. */
  readonly waiting: number;
  news(): void;
  /** Resolves when a request arrives for which the condition holds, also one that arrived before. */
  saw(condition: (request: SeenRequest) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Starts a gateway on a port of its own. */
export function startBankServer(options: BankServerOptions): BankServer {
  const { data } = options;
  const requests: SeenRequest[] = [];
  const sleepers = new Set<() => void>();
  const watchers = new Set<() => void>();
  const stop = new AbortController();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {}, signal: stop.signal },
    async (raw) => {
      const url = new URL(raw.url);
      const request = { path: url.pathname, query: Object.fromEntries(url.searchParams), headers: raw.headers };
      requests.push(request);
      for (const watcher of watchers) watcher();
      const proper = () => answer(request, options, wait);
      return await (self.misbehave?.(request, proper) ?? proper());
    },
  );
  const wait = (ms: number) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      sleepers.add(wake);
    });
  const self: BankServer = {
    url: `http://127.0.0.1:${server.addr.port}/`,
    requests,
    data,
    misbehave: undefined,
    get waiting() {
      return sleepers.size;
    },
    news: () => {
      for (const wake of [...sleepers]) wake();
    },
    saw: (condition) =>
      new Promise((resolve) => {
        const look = () => {
          if (!requests.some(condition)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    close: async () => {
      self.news();
      stop.abort();
      await server.finished;
    },
  };
  return self;
}

async function answer(
  { path, query, headers }: SeenRequest,
  options: BankServerOptions,
  wait: (ms: number) => Promise<void>,
): Promise<Response> {
  const { data, version, pageMax = 1024, authorization } = { version: "0:0:0", ...options };
  if (authorization !== undefined && headers.get("authorization") !== authorization) {
    return Response.json({ code: 5, hint: "credentials" }, { status: 401 });
  }
  if (path === "/config" && version !== undefined) {
    return Response.json({ name: "taler-wire-gateway", version, currency: "EUR", implementation: "urn:test" });
  }
  const direction = /^\/history\/(incoming|outgoing)$/.exec(path)?.[1] as "incoming" | "outgoing" | undefined;
  if (direction === undefined) return Response.json({ code: 21 }, { status: 404 });
  const current = Number((version ?? "0").split(":")[0]);
  const names = (options.parameters ?? (current >= 2 ? "new" : "old")) === "new"
    ? ["limit", "offset", "timeout_ms"]
    : ["delta", "start", "long_poll_ms"];
  const [count = -20, offset, patience = 0] = names.map((name) => name in query ? Number(query[name]) : undefined);
  const select = () => selectRows(data[direction], count, offset, pageMax);
  if (select().length === 0 && patience > 0) await wait(patience);
  const rows = select();
  if (rows.length === 0) return new Response(null, { status: 204 });
  const own = direction === "incoming" ? "credit_account" : "debit_account";
  return Response.json({ [own]: data.own, [`${direction}_transactions`]: rows });
}

function selectRows(entries: Entry[], count: number, offset: number | undefined, pageMax: number): Entry[] {
  const size = Math.min(Math.abs(count), pageMax);
  if (count > 0) return entries.filter((row) => row.row_id > (offset ?? 0)).slice(0, size);
  return entries.filter((row) => offset === undefined || row.row_id < offset).reverse().slice(0, size);
}

/** Own account of the histories that are made up. */
export const OWN_ACCOUNT = "payto://x-taler-bank/localhost/exchange?receiver-name=exchange";

/** 32 bytes that depend on a number. */
export function testKey(number: number, tag = 1): Uint8Array {
  const key = new Uint8Array(32).fill(tag);
  new DataView(key.buffer).setUint32(0, number);
  return key;
}

/** A credit to a reserve as the gateway reports it. */
export function creditEntry(rowId: number, more: Record<string, unknown> = {}): Entry {
  return {
    type: "RESERVE",
    row_id: rowId,
    date: { t_s: 1_700_000_000 + rowId },
    amount: `EUR:${rowId % 100}.5`,
    debit_account: `payto://x-taler-bank/localhost/${rowId % 7}?receiver-name=customer`,
    reserve_pub: encodeBase32(testKey(rowId)),
    ...more,
  };
}

/** A debit as the gateway reports it. */
export function debitEntry(rowId: number, more: Record<string, unknown> = {}): Entry {
  return {
    row_id: rowId,
    date: { t_s: 1_700_000_000 + rowId },
    amount: `EUR:${rowId % 100}.25`,
    credit_account: `payto://x-taler-bank/localhost/${rowId % 5}?receiver-name=merchant`,
    exchange_base_url: "http://exchange.example.com/",
    wtid: encodeBase32(testKey(rowId, 2)),
    ...more,
  };
}

/** A history of so many credits, with odd row ids, and debits, with even ones. */
export function madeUpHistory(credits: number, debits: number): BankData {
  return {
    own: OWN_ACCOUNT,
    incoming: Array.from({ length: credits }, (_, index) => creditEntry(2 * index + 1)),
    outgoing: Array.from({ length: debits }, (_, index) => debitEntry(2 * index + 2)),
  };
}

/** The history recorded with a golden dataset, or with a mutation (`NN-name`) that changed it. */
export function recordedHistory(name: string): BankData {
  const folder = join(/^\d/.test(name) ? mutationPath(name) : datasetPath(name), "bank");
  const incoming = readJson(join(folder, "incoming.json"));
  const outgoing = readJson(join(folder, "outgoing.json"));
  return {
    own: incoming?.credit_account ?? outgoing?.debit_account ?? OWN_ACCOUNT,
    incoming: incoming?.incoming_transactions ?? [],
    outgoing: outgoing?.outgoing_transactions ?? [],
  };
}

/** A recorded answer; undefined where there was none, status 204. */
function readJson(path: string) {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Misbehaves on the histories only, so that `config` still answers. */
export function onHistory(act: Misbehaviour): Misbehaviour {
  return (request, proper) => request.path.startsWith("/history/") ? act(request, proper) : undefined;
}

/** Changes the entries of each answer. */
export function withRows(change: (rows: Entry[]) => unknown[]): Misbehaviour {
  return onHistory(async (_request, proper) => {
    const response = await proper();
    if (response.status !== 200) return response;
    const envelope = await response.json();
    const list = Object.keys(envelope).find((name) => name.endsWith("_transactions")) ?? "";
    return Response.json({ ...envelope, [list]: change(envelope[list]) });
  });
}

/** A body that never ends. */
export function endlessBody(): ReadableStream<Uint8Array> {
  const chunk = new Uint8Array(65_536).fill(32);
  return new ReadableStream({ pull: (controller) => controller.enqueue(chunk) });
}

/** An answer of which only the first half arrives before the connection ends. */
export function brokenResponse(text: string): Response {
  const half = new TextEncoder().encode(text.slice(0, text.length / 2));
  return new Response(ReadableStream.from([half]), { headers: { "content-length": text.length.toString() } });
}

/** A body that arrives byte by byte, so slowly that no end is in sight. */
export function tricklingBody(text: string, signal: AbortSignal): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  let next = 0;
  return new ReadableStream({
    async pull(controller) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
      if (signal.aborted || next >= bytes.length) controller.close();
      else controller.enqueue(bytes.subarray(next, ++next));
    },
  });
}

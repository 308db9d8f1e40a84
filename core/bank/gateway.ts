// SPDX-License-Identifier: AGPL-3.0-or-later
/** A client of the wire gateway protocol, for reading only (audit-wire-deposits-purses.md 0.8, cli.md 15.2). */

import type { GatewayAccount, GatewayAuthentication } from "../config/accounts.ts";
import { utf8Bytes } from "../crypto/hash.ts";
import { type BankCredit, type BankDebit, BankError } from "./history.ts";
import {
  bankError,
  DEFAULT_BOUNDS,
  type Reply,
  request,
  type RequestBounds,
  type RequestTools,
  SYSTEM_TOOLS,
} from "./request.ts";
import {
  type Fault,
  type GatewayConfig,
  type Page,
  type PageRequest,
  parseConfig,
  parseIncoming,
  parseOutgoing,
} from "./wire-format.ts";

/** Which rows of a history are wanted. */
export interface PageQuery {
  /** Ascending: only rows above this one; descending: only rows below it. Default: no bound. */
  readonly offset?: bigint;
  /** From the newest row backwards. Default: false. */
  readonly descending?: boolean;
  /** Largest number of rows; the default is the gateway's page size. */
  readonly limit?: number;
  /** Milliseconds the bank may wait for a row to arrive; 0, the default, is an answer at once. */
  readonly longPollMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** A page, and whether the bank said 404, which is no error where the caller was told to take it as "nothing". */
export interface GatewayPage<T> extends Page<T> {
  readonly notFound: boolean;
}

/** Reads the history of one account. All functions throw BankError, or the reason of the signal that ends them. */
export interface Gateway {
  /** Section name. */
  readonly account: string;
  /** What the gateway says about itself; asked once. Undefined: it has no such page, so it is of the first protocol. */
  config(signal?: AbortSignal): Promise<GatewayConfig | undefined>;
  incoming(query?: PageQuery): Promise<GatewayPage<BankCredit>>;
  outgoing(query?: PageQuery): Promise<GatewayPage<BankDebit>>;
}

/** Settings of a client. */
export interface GatewayOptions {
  /** Rows per request. Default: 1024, the most that the protocol promises. */
  readonly pageSize?: number;
  /** Takes 404 as an empty history. Default: false. */
  readonly ignoreNotFound?: boolean;
  readonly bounds?: Partial<RequestBounds>;
  readonly tools?: Partial<RequestTools>;
}

/** Rows per request unless told otherwise. */
const PAGE_SIZE = 1024;

/** Names of the query parameters; the new ones exist since version 2 of the protocol. */
const PARAMETERS = {
  old: { limit: "delta", offset: "start", longPoll: "long_poll_ms" },
  new: { limit: "limit", offset: "offset", longPoll: "timeout_ms" },
} as const;
const NEW_PARAMETERS_SINCE = 2;

/**
 * A client for an account's gateway. Nothing is sent yet.
 *
 * @throws BankError `configuration` if address or credentials cannot be used in a request
 */
export function openGateway(account: GatewayAccount, options: GatewayOptions = {}): Gateway {
  const { section } = account;
  const base = baseUrl(section, account.credentials.url);
  const headers = requestHeaders(section, account.credentials.authentication);
  const bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
  const tools = { ...SYSTEM_TOOLS, ...options.tools };
  const ignoreNotFound = options.ignoreNotFound === true;
  let known: Promise<GatewayConfig | undefined> | undefined;

  const ask = (url: URL, longPollMs: number, signal: AbortSignal | undefined): Promise<Reply> =>
    request({ account: section, url, headers, longPollMs, signal }, bounds, tools);

  const config = (signal?: AbortSignal): Promise<GatewayConfig | undefined> => {
    // a failure is not remembered: the next call asks again
    known ??= readConfig(section, base, (url) => ask(url, 0, signal)).catch((error) => {
      known = undefined;
      throw error;
    });
    return known;
  };

  const history = async <T>(
    path: string,
    query: PageQuery,
    parse: (text: string, wanted: PageRequest) => Page<T> | Fault,
  ): Promise<GatewayPage<T>> => {
    const { offset, descending = false, limit = options.pageSize ?? PAGE_SIZE, longPollMs = 0, signal } = query;
    const version = (await config(signal))?.version ?? 0;
    const url = new URL(`history/${path}`, base);
    const names = version >= NEW_PARAMETERS_SINCE ? PARAMETERS.new : PARAMETERS.old;
    url.searchParams.set(names.limit, `${descending ? "-" : ""}${limit}`);
    if (offset !== undefined && (descending || offset > 0n)) url.searchParams.set(names.offset, offset.toString());
    if (longPollMs > 0) url.searchParams.set(names.longPoll, longPollMs.toString());
    try {
      const reply = await ask(url, longPollMs, signal);
      const wanted = { account: section, limit, descending, offset: offset ?? (descending ? undefined : 0n) };
      return readPage({ account: section, url }, reply, ignoreNotFound, (text) => parse(text, wanted));
    } catch (error) {
      // a gateway that was replaced may speak another version of the protocol
      known = undefined;
      throw error;
    }
  };

  return {
    account: section,
    config,
    incoming: (query = {}) => history("incoming", query, parseIncoming),
    outgoing: (query = {}) => history("outgoing", query, parseOutgoing),
  };
}

async function readConfig(
  account: string,
  base: URL,
  ask: (url: URL) => Promise<Reply>,
): Promise<GatewayConfig | undefined> {
  const url = new URL("config", base);
  const reply = await ask(url);
  if (reply.status === 404) return undefined;
  if (reply.status !== 200) throw statusError({ account, url }, reply.status);
  const config = parseConfig(reply.text);
  if ("fault" in config) {
    throw bankError("configuration", { account, url }, `${config.fault}: is WIRE_GATEWAY_URL that of a wire gateway?`);
  }
  return config;
}

function readPage<T>(
  asked: { account: string; url: URL },
  { status, text }: Reply,
  ignoreNotFound: boolean,
  parse: (text: string) => Page<T> | Fault,
): GatewayPage<T> {
  if (status === 204 || (status === 404 && ignoreNotFound)) {
    return { ownAccount: undefined, rows: [], notFound: status === 404 };
  }
  if (status !== 200) throw statusError(asked, status);
  const page = parse(text);
  if (!("fault" in page)) return { ...page, notFound: false };
  throw bankError("garbled", asked, page.fault, page.anomaly);
}

function statusError(asked: { account: string; url: URL }, status: number): BankError {
  if (status === 401 || status === 403) {
    return bankError("refused", asked, `the bank answered ${status}: it does not accept the credentials`);
  }
  const reason = status >= 300 && status < 400
    ? ", a redirect, which is not followed: set WIRE_GATEWAY_URL to the final address"
    : status === 404
    ? ": it knows no such account or address"
    : "";
  return bankError("status", asked, `the bank answered ${status}${reason}`);
}

function baseUrl(account: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new BankError("configuration", account, "WIRE_GATEWAY_URL is not an http or https URL");
  }
  if (url.username !== "" || url.password !== "") {
    throw new BankError("configuration", account, "WIRE_GATEWAY_URL holds a user name: use USERNAME and PASSWORD");
  }
  return url;
}

/** @throws BankError `configuration`, without the secret, if it cannot stand in a header */
function requestHeaders(account: string, authentication: GatewayAuthentication): Headers {
  const headers = new Headers({ accept: "application/json" });
  const fail = (what: string) => new BankError("configuration", account, what);
  switch (authentication.method) {
    case "none":
      return headers;
    case "basic": {
      const { username, password } = authentication;
      // the first colon ends the user name (RFC 7617)
      if (username.includes(":")) throw fail("USERNAME holds a colon, which basic authentication cannot express");
      headers.set("authorization", `Basic ${utf8Bytes(`${username}:${password}`).toBase64()}`);
      return headers;
    }
    case "bearer":
      if (!/^[\x21-\x7e]+$/.test(authentication.token)) {
        throw fail("TOKEN is empty or holds characters that cannot stand in a header");
      }
      headers.set("authorization", `Bearer ${authentication.token}`);
      return headers;
  }
}

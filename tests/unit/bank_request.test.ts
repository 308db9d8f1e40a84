// SPDX-License-Identifier: AGPL-3.0-or-later
/** Requests to the bank: tries, pauses, bounds, and which words an error has. No network is used. */

import assert from "node:assert/strict";
import type { GatewayAccount, GatewayAuthentication } from "../../core/config/accounts.ts";
import { type GatewayOptions, openGateway } from "../../core/bank/gateway.ts";
import { openGatewayHistory } from "../../core/bank/gateway-history.ts";
import { BankError, type BankErrorKind } from "../../core/bank/history.ts";
import { backoff, sleep } from "../../core/bank/request.ts";
import { creditEntry, debitEntry, endlessBody, OWN_ACCOUNT } from "../support/bank-server.ts";

const account = (
  authentication: GatewayAuthentication = { method: "none" },
  url = "https://bank.example.com/accounts/x/taler-wire-gateway/",
): GatewayAccount => ({
  section: "exchange-account-1",
  paytoUri: undefined,
  method: "x-taler-bank",
  credit: true,
  debit: true,
  credentials: { section: "exchange-accountcredentials-1", url, authentication },
});

interface Call {
  url: URL;
  init: RequestInit;
}

/** A gateway whose requests go to a function, and whose pauses are only written down. */
function fake(
  reply: (call: Call, number: number) => Response | Promise<Response>,
  options: GatewayOptions & { account?: GatewayAccount } = {},
) {
  const calls: Call[] = [];
  const pauses: number[] = [];
  const gateway = openGateway(options.account ?? account(), {
    ...options,
    tools: {
      fetch: async (input, init) => {
        const call = { url: new URL(String(input)), init: init ?? {} };
        calls.push(call);
        return await reply(call, calls.length);
      },
      sleep: (ms) => (pauses.push(ms), Promise.resolve()),
      random: () => 1,
    },
  });
  return { gateway, calls, pauses };
}

const CONFIG = (version: string) => Response.json({ name: "taler-wire-gateway", version, currency: "EUR" });
const NOTHING = () => new Response(null, { status: 204 });
const isConfig = ({ url }: Call) => url.pathname.endsWith("/config");

async function errorOf(work: Promise<unknown>): Promise<BankError> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof BankError, String(error));
    return error;
  }
  throw new Error("it did not fail");
}

Deno.test("the version decides about the names of the parameters; without a description they are the old ones", async () => {
  const cases: [string, () => Response, string][] = [
    ["0:0:0", () => CONFIG("0:0:0"), "?delta=1024"],
    ["1:0:0", () => CONFIG("1:0:0"), "?delta=1024"],
    ["2:0:2", () => CONFIG("2:0:2"), "?limit=1024"],
    ["5:0:1", () => CONFIG("5:0:1"), "?limit=1024"],
    ["absent", () => new Response("no", { status: 404 }), "?delta=1024"],
  ];
  for (const [what, config, expected] of cases) {
    const { gateway, calls } = fake((call) => isConfig(call) ? config() : NOTHING());
    await gateway.incoming();
    await gateway.outgoing();
    assert.equal(calls.length, 3, "config is asked for once");
    assert.equal(calls[0]?.url.href, "https://bank.example.com/accounts/x/taler-wire-gateway/config");
    assert.equal(calls[1]?.url.pathname, "/accounts/x/taler-wire-gateway/history/incoming");
    assert.equal(calls[2]?.url.pathname, "/accounts/x/taler-wire-gateway/history/outgoing");
    assert.equal(calls[1]?.url.search, expected, what);
  }
});

Deno.test("offset, direction, size and long poll are said in both spellings; offset 0 is left out", async () => {
  for (
    const [version, names] of [["0:0:0", ["delta", "start", "long_poll_ms"]], ["2:0:0", [
      "limit",
      "offset",
      "timeout_ms",
    ]]] as const
  ) {
    const { gateway, calls } = fake((call) => isConfig(call) ? CONFIG(version) : NOTHING());
    await gateway.incoming({ offset: 0n });
    await gateway.incoming({ offset: 41n, limit: 7, longPollMs: 5000 });
    await gateway.incoming({ descending: true, limit: 3 });
    await gateway.incoming({ descending: true, limit: 3, offset: 2n ** 62n });
    const [limit, offset, poll] = names;
    assert.deepEqual(calls.slice(1).map(({ url }) => url.search), [
      `?${limit}=1024`,
      `?${limit}=7&${offset}=41&${poll}=5000`,
      `?${limit}=-3`,
      `?${limit}=-3&${offset}=4611686018427387904`,
    ]);
  }
});

Deno.test("credentials go into one header, redirects are not followed, and nothing is cached", async () => {
  const cases: [GatewayAuthentication, string | null][] = [
    [{ method: "none" }, null],
    [{ method: "basic", username: "exchange", password: "gehéim:1" }, "Basic ZXhjaGFuZ2U6Z2Vow6lpbTox"],
    [{ method: "bearer", token: "secret-token:abc" }, "Bearer secret-token:abc"],
  ];
  for (const [authentication, expected] of cases) {
    const { gateway, calls } = fake(NOTHING, { account: account(authentication), bounds: { attempts: 1 } });
    await errorOf(gateway.incoming());
    const { init } = calls[0]!;
    assert.equal(new Headers(init.headers).get("authorization"), expected);
    assert.equal(init.redirect, "manual");
    assert.equal(init.cache, "no-store");
  }
});

Deno.test("settings that cannot be used in a request are refused without showing the secret", () => {
  const cases: [GatewayAccount, RegExp][] = [
    [account({ method: "basic", username: "a:b", password: "hush" }), /USERNAME holds a colon/],
    [account({ method: "bearer", token: "hush\r\nx: y" }), /TOKEN is empty or holds characters/],
    [account({ method: "bearer", token: "" }), /TOKEN is empty/],
    [account({ method: "none" }, "https://user:hush@bank.example.com/"), /holds a user name/],
    [account({ method: "none" }, "file:///etc/hush/"), /not an http or https URL/],
    [account({ method: "none" }, "hush"), /not an http or https URL/],
  ];
  for (const [settings, expected] of cases) {
    assert.throws(() => openGateway(settings), (error) => {
      assert.ok(error instanceof BankError);
      assert.equal(error.kind, "configuration");
      assert.match(error.message, expected);
      assert.ok(!error.message.includes("hush"));
      return true;
    });
  }
});

Deno.test("what may pass is tried again with growing pauses, and then given up", async () => {
  const failures: [string, () => Response | Promise<Response>, BankErrorKind, RegExp][] = [
    ["500", () => new Response("x", { status: 500 }), "status", /the bank answered 500 \(tried 4 times\)$/],
    ["503", () => new Response("x", { status: 503 }), "status", /answered 503/],
    ["429", () => new Response("x", { status: 429 }), "status", /answered 429/],
    ["no connection", () => Promise.reject(new TypeError("refused")), "unreachable", /the connection failed: refused/],
    ["broken body", () => new Response(brokenBody()), "unreachable", /the connection failed/],
  ];
  for (const [what, fail, kind, expected] of failures) {
    const { gateway, calls, pauses } = fake((call) => isConfig(call) ? CONFIG("0:0:0") : fail());
    const error = await errorOf(gateway.incoming());
    assert.equal(error.kind, kind, what);
    assert.match(error.message, expected);
    assert.match(
      error.message,
      /^exchange-account-1: GET https:\/\/bank\.example\.com\/accounts\/x\/taler-wire-gateway\/history\/incoming\?delta=1024: /,
    );
    assert.equal(calls.length, 5);
    assert.deepEqual(pauses, [1000, 2000, 4000]);
  }
});

/** A body that breaks off is a TypeError, as in a real answer. */
function brokenBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ pull: (controller) => controller.error(new TypeError("error reading a body")) });
}

Deno.test("one good answer after failures is enough", async () => {
  const { gateway, pauses } = fake((call, number) => {
    if (isConfig(call)) return CONFIG("0:0:0");
    return number < 4 ? new Response("x", { status: 502 }) : NOTHING();
  });
  assert.deepEqual((await gateway.incoming()).rows, []);
  assert.deepEqual(pauses, [1000, 2000]);
});

Deno.test("what will not pass is not tried again", async () => {
  const cases: [string, () => Response, BankErrorKind, RegExp][] = [
    ["400", () => new Response("", { status: 400 }), "status", /the bank answered 400$/],
    ["401", () => new Response("", { status: 401 }), "refused", /the bank answered 401: it does not accept/],
    ["403", () => new Response("", { status: 403 }), "refused", /the bank answered 403: it does not accept/],
    ["404", () => new Response("", { status: 404 }), "status", /the bank answered 404: it knows no such account/],
    [
      "302",
      () => new Response(null, { status: 302, headers: { location: "https://evil/" } }),
      "status",
      /302, a redirect, which is not followed: set WIRE_GATEWAY_URL/,
    ],
    ["206", () => new Response("{}", { status: 206 }), "status", /the bank answered 206$/],
    ["no JSON", () => new Response("oops"), "garbled", /the answer is not JSON$/],
    ["no UTF-8", () => new Response(new Uint8Array([0xff, 0xfe])), "garbled", /the answer is not UTF-8$/],
    ["endless", () => new Response(endlessBody()), "too-large", /the answer is larger than 100000 bytes$/],
  ];
  for (const [what, reply, kind, expected] of cases) {
    const bounds = { bodyMax: 100_000 };
    const { gateway, pauses } = fake((call) => isConfig(call) ? CONFIG("0:0:0") : reply(), { bounds });
    const error = await errorOf(gateway.incoming());
    assert.equal(error.kind, kind, what);
    assert.equal(error.account, "exchange-account-1");
    assert.match(error.message, expected, what);
    assert.deepEqual(pauses, [], what);
  }
});

Deno.test("the bound on the size of an answer is exact", async () => {
  const text = JSON.stringify({ credit_account: OWN_ACCOUNT, incoming_transactions: [] });
  const ask = (bodyMax: number) =>
    fake((call) => isConfig(call) ? CONFIG("0:0:0") : new Response(text), { bounds: { bodyMax } }).gateway.incoming();
  assert.deepEqual((await ask(text.length)).rows, []);
  assert.equal((await errorOf(ask(text.length - 1))).kind, "too-large");
});

Deno.test("404 is an empty history only where told so", async () => {
  const { gateway } = fake(() => new Response("", { status: 404 }), { ignoreNotFound: true });
  const { rows, notFound, ownAccount } = await gateway.incoming();
  assert.deepEqual([rows, notFound, ownAccount], [[], true, undefined]);
});

Deno.test("a description of another service is a wrong setting; a failing one is asked for again", async () => {
  const other = fake(() => Response.json({ name: "taler-corebank", version: "1:0:0" }));
  const error = await errorOf(other.gateway.incoming());
  assert.equal(error.kind, "configuration");
  assert.match(error.message, /config: the service does not call itself taler-wire-gateway: is WIRE_GATEWAY_URL/);
  const refused = fake((_call, number) => number === 1 ? new Response("", { status: 401 }) : NOTHING());
  assert.equal((await errorOf(refused.gateway.incoming())).kind, "refused");
  const replaced = fake((call, number) => {
    if (isConfig(call)) return CONFIG(number === 1 ? "0:0:0" : "2:0:0");
    return call.url.searchParams.has("limit") ? NOTHING() : new Response("", { status: 400 });
  });
  await errorOf(replaced.gateway.incoming());
  await replaced.gateway.incoming();
  assert.equal(replaced.calls.at(-1)?.url.search, "?limit=1024", "a new version was noticed after a failure");
});

Deno.test("a signal ends a request and the pause before the next try with its reason", async () => {
  const reason = new Error("enough");
  const stop = new AbortController();
  const { gateway } = fake((call) => {
    if (isConfig(call)) return CONFIG("0:0:0");
    return new Promise((_resolve, reject) => {
      call.init.signal?.addEventListener("abort", () => reject(call.init.signal?.reason));
      stop.abort(reason);
    });
  });
  await assert.rejects(gateway.incoming({ signal: stop.signal }), reason);
  await assert.rejects(gateway.incoming({ signal: stop.signal }), reason);
  const later = new AbortController();
  const pause = sleep(3_600_000, later.signal);
  later.abort(reason);
  await assert.rejects(pause, reason);
  await assert.rejects(sleep(0, later.signal), reason);
});

Deno.test("a server that takes too long is given up after the time-out and the waiting time it was asked for", async () => {
  const hang = (call: Call) =>
    new Promise<Response>((_resolve, reject) => {
      call.init.signal?.addEventListener("abort", () => reject(call.init.signal?.reason));
    });
  const bounds = { timeoutMs: 20, attempts: 2 };
  const { gateway } = fake((call) => isConfig(call) ? CONFIG("0:0:0") : hang(call), { bounds });
  const error = await errorOf(gateway.incoming({ longPollMs: 30 }));
  assert.equal(error.kind, "timeout");
  assert.match(error.message, /no complete answer within 0\.05 s \(tried 2 times\)$/);
});

Deno.test("pauses double, have an upper bound and vary by half", () => {
  assert.deepEqual([1, 2, 3, 4, 5, 500].map((n) => backoff(n, 1000, 9000, () => 1)), [
    1000,
    2000,
    4000,
    8000,
    9000,
    9000,
  ]);
  assert.deepEqual([1, 2].map((n) => backoff(n, 1000, 9000, () => 0)), [500, 1000]);
});

/** A bank with this many credits that gives at most two at a time. */
function pagedBank(rows: number) {
  return fake((call) => {
    if (isConfig(call)) return CONFIG("2:0:0");
    const { searchParams: query, pathname } = call.url;
    const limit = Number(query.get("limit"));
    const offset = Number(query.get("offset") ?? (limit < 0 ? rows + 1 : 0));
    const ids = Array.from({ length: rows }, (_, index) => index + 1);
    const chosen = limit > 0 ? ids.filter((id) => id > offset) : ids.filter((id) => id < offset).reverse();
    const list = chosen.slice(0, Math.min(2, Math.abs(limit)));
    if (list.length === 0) return NOTHING();
    return pathname.endsWith("incoming")
      ? Response.json({ credit_account: OWN_ACCOUNT, incoming_transactions: list.map((id) => creditEntry(id)) })
      : Response.json({ debit_account: OWN_ACCOUNT, outgoing_transactions: list.map((id) => debitEntry(id)) });
  });
}

Deno.test("the history of a gateway ends with the first empty page, however short the others are", async () => {
  const { gateway } = pagedBank(5);
  const history = openGatewayHistory([gateway]);
  const pages = await Array.fromAsync(history.credits("exchange-account-1", 0n));
  assert.deepEqual(pages.map((page) => page.map((row) => Number(row.rowId))), [[1, 2], [3, 4], [5]]);
  const debits = await Array.fromAsync(history.debits("exchange-account-1", 3n));
  assert.deepEqual(debits.flat().map((row) => Number(row.rowId)), [4, 5]);
  assert.deepEqual(await history.accounts(), ["exchange-account-1"]);
  assert.equal(await history.ownAccount("exchange-account-1"), OWN_ACCOUNT);
  assert.deepEqual(await history.anomalies(), []);
  await history.close();
});

Deno.test("a history of a gateway knows its own account before anything was read, if there is anything", async () => {
  const { gateway, calls } = pagedBank(5);
  assert.equal(await openGatewayHistory([gateway]).ownAccount("exchange-account-1"), OWN_ACCOUNT);
  assert.equal(calls.at(-1)?.url.search, "?limit=-1");
  assert.equal(await openGatewayHistory([pagedBank(0).gateway]).ownAccount("exchange-account-1"), undefined);
});

Deno.test("a history of gateways remembers a row id that came twice, and knows its accounts", async () => {
  const { gateway } = fake((call) =>
    isConfig(call)
      ? CONFIG("0:0:0")
      : Response.json({ credit_account: OWN_ACCOUNT, incoming_transactions: [creditEntry(4), creditEntry(4)] })
  );
  const history = openGatewayHistory([gateway]);
  const error = await errorOf(Array.fromAsync(history.credits("exchange-account-1", 0n)));
  assert.equal(error.kind, "garbled");
  assert.deepEqual((await history.anomalies()).map(({ kind, rowId }) => [kind, rowId]), [["duplicate", 4n]]);
  assert.equal((await errorOf(Array.fromAsync(history.credits("no such", 0n)))).kind, "configuration");
});

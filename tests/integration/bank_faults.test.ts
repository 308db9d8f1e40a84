// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * A bank that misbehaves while its history is imported: for each behaviour what the import says, that it ends in time,
 * that pages before are kept and nothing of the wrong answer is, and that once the bank is mended the history is
 * complete.
 */

import assert from "node:assert/strict";
import type { BankErrorKind } from "../../core/bank/history.ts";
import { importHistory } from "../../core/bank/import.ts";
import { openStoreHistory } from "../../core/bank/store-history.ts";
import { readAnomalies } from "../../core/bank/store-rows.ts";
import type { Sql } from "../../core/db/connect.ts";
import {
  type BankServer,
  brokenResponse,
  creditEntry,
  endlessBody,
  type Entry,
  madeUpHistory,
  type Misbehaviour,
  onHistory,
  startBankServer,
  tricklingBody,
  withRows,
} from "../support/bank-server.ts";
import { attempt, importTask, storedCredits, withStore } from "../support/bank-store.ts";

/** What the import says: an error of this kind whose message matches, or nothing. */
type Expected = { kind: BankErrorKind; message: RegExp } | undefined;

interface Case {
  name: string;
  /** Behaviour from the second page on. */
  act: Misbehaviour;
  expected: Expected;
  /** Number of credits in the store afterwards; 10, the first page, unless given. */
  stored?: number;
  /** Anomalies that are recorded. */
  anomalies?: string[];
  /** Requests for the bad page: 1 unless trying again may help, then 2. */
  tries?: number;
}

const status = (code: number, headers: Record<string, string> = {}): Misbehaviour =>
  onHistory(() => new Response(code === 204 ? null : "{}", { status: code, headers }));
const text = (body: string | ReadableStream<Uint8Array>, headers: Record<string, string> = {}): Misbehaviour =>
  onHistory(() => new Response(body, { headers: { "content-type": "application/json", ...headers } }));
const rows = (change: (entries: Entry[]) => unknown[]): Misbehaviour => withRows(change);
const field = (change: Record<string, unknown>): Misbehaviour =>
  rows((entries) => entries.map((entry, index) => index === 4 ? { ...entry, ...change } : entry));

const gzip = async (response: Response, cut = 0) => {
  const packed = await new Response(response.body?.pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
  return new Response(packed.slice(0, packed.byteLength - cut), { headers: { "content-encoding": "gzip" } });
};
const proper = (change: (response: Response) => Response | Promise<Response>): Misbehaviour =>
  onHistory(async (_request, answer) => {
    const response = await answer();
    return response.status === 200 ? await change(response) : response;
  });

/** Ends the answers that never come, when their case is over. */
let stopped = new AbortController();
const garbled = (message: RegExp): Expected => ({ kind: "garbled", message });

const CASES: Case[] = [
  {
    name: "no answer",
    act: onHistory(() =>
      new Promise((resolve) => stopped.signal.addEventListener("abort", () => resolve(new Response())))
    ),
    expected: { kind: "timeout", message: /no complete answer within 0\.4 s \(tried 2 times\)/ },
    tries: 2,
  },
  {
    name: "a trickle",
    act: onHistory(() => new Response(tricklingBody('{"credit_account": "', stopped.signal))),
    expected: { kind: "timeout", message: /no complete answer within/ },
    tries: 2,
  },
  {
    name: "an answer cut off in the middle",
    act: proper(async (response) => brokenResponse(await response.text())),
    expected: { kind: "unreachable", message: /the connection failed: .*\(tried 2 times\)/ },
    tries: 2,
  },
  {
    name: "cut off without notice",
    act: proper(async (r) => new Response((await r.text()).slice(0, 300))),
    expected: garbled(/not JSON/),
  },
  { name: "wrong JSON", act: text("{'credit_account': 1}"), expected: garbled(/not JSON/) },
  { name: "a page of HTML", act: text("<html>504</html>"), expected: garbled(/not JSON/) },
  { name: "an empty body", act: text(""), expected: garbled(/not JSON/) },
  { name: "another envelope", act: text('{"balance": "EUR:5"}'), expected: garbled(/credit_account is missing/) },
  { name: "decreasing row ids", act: rows((e) => e.reverse()), expected: garbled(/row 37: row ids do not ascend/) },
  {
    name: "a row that is out of order",
    act: rows((e) => [e[1], e[0], ...e.slice(2)]),
    expected: garbled(/row 21: row ids do not ascend/),
  },
  {
    name: "a duplicated row",
    act: rows((e) => [...e.slice(0, 5), e[4], ...e.slice(5, 9)]),
    expected: garbled(/row 29: the row id appears twice/),
    anomalies: ["duplicate 29"],
  },
  { name: "rows from the beginning", act: rows(() => [creditEntry(1)]), expected: garbled(/row 1: not above row 19/) },
  {
    name: "more rows than asked for",
    act: rows((e) => [...e, creditEntry(10_001)]),
    expected: garbled(/11 transactions, though/),
  },
  { name: "an unknown type", act: field({ type: "GIFT" }), expected: garbled(/row 29: the type is none of/) },
  {
    name: "a missing field",
    act: field({ reserve_pub: undefined }),
    expected: garbled(/row 29: reserve_pub is missing/),
  },
  { name: "a missing amount", act: field({ amount: null }), expected: garbled(/row 29: amount is not a text/) },
  { name: "a huge row id", act: field({ row_id: 1e30 }), expected: garbled(/entry 5: row_id is not an integer/) },
  {
    name: "a huge amount",
    act: field({ amount: `EUR:${"9".repeat(5000)}` }),
    expected: garbled(/row 29: amount is not/),
  },
  {
    name: "a huge time",
    act: field({ date: { t_s: Number.MAX_SAFE_INTEGER } }),
    expected: garbled(/row 29: date is beyond/),
  },
  {
    name: "a zero byte",
    act: field({ debit_account: "payto://iban/\0" }),
    expected: garbled(/row 29: debit_account is not/),
  },
  {
    name: "another account's history",
    act: proper(async (r) =>
      Response.json({ ...await r.json(), credit_account: "payto://x-taler-bank/localhost/9?receiver-name=9" })
    ),
    expected: { kind: "configuration", message: /the bank's history is that of account payto:.*\/9\?/ },
  },
  {
    name: "another currency",
    act: field({ amount: "KUDOS:5" }),
    expected: undefined,
    stored: 30,
    anomalies: ["changed 29"],
  },
  { name: "another spelling of the type", act: field({ type: "reserve" }), expected: undefined, stored: 30 },
  { name: "an additional field", act: field({ credit_fee: "EUR:0.1", x: 1.5 }), expected: undefined, stored: 30 },
  { name: "gzip", act: proper((r) => gzip(r)), expected: undefined, stored: 30 },
  {
    name: "broken gzip",
    act: proper((r) => gzip(r, 20)),
    expected: { kind: "unreachable", message: /the connection failed/ },
    tries: 2,
  },
  {
    name: "a body that is small until unpacked",
    act: onHistory(() => gzip(new Response(new Uint8Array(5_000_000).fill(32)))),
    expected: { kind: "too-large", message: /larger than 1000000 bytes/ },
  },
  {
    name: "a body without end",
    act: text(endlessBody()),
    expected: { kind: "too-large", message: /larger than 1000000/ },
  },
  { name: "204", act: status(204), expected: undefined },
  { name: "an empty list", act: rows(() => []), expected: undefined },
  { name: "400", act: status(400), expected: { kind: "status", message: /the bank answered 400$/ } },
  {
    name: "401",
    act: status(401),
    expected: { kind: "refused", message: /the bank answered 401: it does not accept/ },
  },
  {
    name: "403",
    act: status(403),
    expected: { kind: "refused", message: /the bank answered 403: it does not accept/ },
  },
  { name: "404", act: status(404), expected: { kind: "status", message: /the bank answered 404: it knows no such/ } },
  { name: "500", act: status(500), expected: { kind: "status", message: /answered 500 \(tried 2 times\)/ }, tries: 2 },
  { name: "503", act: status(503), expected: { kind: "status", message: /answered 503/ }, tries: 2 },
  {
    name: "a redirect",
    act: status(302, { location: "/elsewhere" }),
    expected: { kind: "status", message: /answered 302, a redirect, which is not followed/ },
  },
];

/** Longest time that a case may take: two tries of the time-out, and a busy machine. */
const LIMIT_MS = 10_000;

async function runCase(sql: Sql, bank: BankServer, { name, act, expected, stored = 10, anomalies = [], tries }: Case) {
  const task = await importTask(sql, bank.url, "credit");
  bank.misbehave = (request, answer) => request.query["start"] === "19" ? act(request, answer) : undefined;
  const started = performance.now();
  const error = await attempt(task);
  assert.ok(performance.now() - started < LIMIT_MS, `${name} takes too long`);
  assert.equal(error?.kind, expected?.kind, `${name}: ${error?.message}`);
  if (expected !== undefined) assert.match(error?.message ?? "", expected.message, name);
  assert.equal((await storedCredits(sql)).length, stored, name);
  if (expected !== undefined) {
    assert.equal(bank.requests.filter(({ query }) => query["start"] === "19").length, tries ?? 1, name);
  }
  bank.misbehave = undefined;
  assert.equal(await attempt(task), undefined, `${name}, mended`);
  assert.deepEqual(await storedCredits(sql), bank.data.incoming.map((row) => BigInt(row.row_id)), name);
  const found = await readAnomalies(sql);
  assert.deepEqual(found.map(({ kind, rowId }) => `${kind} ${rowId}`), anomalies, name);
}

Deno.test("a bank that misbehaves on the second page: what is said, kept and made good", async (t) => {
  await withStore(async (sql) => {
    for (const one of CASES) {
      await t.step(one.name, async () => {
        stopped = new AbortController();
        await sql`truncate auditor_bank.bank_account, auditor_bank.bank_anomaly cascade`;
        const bank = startBankServer({ data: madeUpHistory(30, 0) });
        try {
          await runCase(sql, bank, one);
        } finally {
          stopped.abort();
          await bank.close();
        }
      });
    }
  });
});

Deno.test("credentials do not follow a redirect to another server", () =>
  withStore(async (sql) => {
    const thief = startBankServer({ data: madeUpHistory(3, 0) });
    const bank = startBankServer({ data: madeUpHistory(3, 0), authorization: "Bearer hush" });
    bank.misbehave = onHistory(() => Response.redirect(`${thief.url}history/incoming`, 307));
    const options = { authentication: { method: "bearer", token: "hush" } } as const;
    const error = await attempt(await importTask(sql, bank.url, "credit", options));
    assert.match(error?.message ?? "", /answered 307, a redirect/);
    assert.ok(!error?.message.includes("hush"));
    assert.equal(thief.requests.length, 0);
    assert.equal(bank.requests.at(-1)?.headers.get("authorization"), "Bearer hush");
    bank.misbehave = undefined;
    assert.equal(await attempt(await importTask(sql, bank.url, "credit", options)), undefined);
    const basic = { authentication: { method: "basic", username: "a", password: "b" } } as const;
    assert.equal((await attempt(await importTask(sql, bank.url, "credit", basic)))?.kind, "refused");
    await Promise.all([thief.close(), bank.close()]);
  }));

/** What a server that does not speak HTTP, or hardly, does with a connection. */
const RAW: [string, (connection: Deno.Conn) => Promise<void>, RegExp][] = [
  ["closes at once", () => Promise.resolve(), /the connection failed/],
  [
    "speaks another protocol",
    async (c) => void await c.write(new TextEncoder().encode("220 mail ready\r\n")),
    /connection failed/,
  ],
  ["closes within the body", async (c) => {
    await c.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"));
  }, /the connection failed/],
  ["sends headers without end", async (c) => {
    const header = new TextEncoder().encode(`x-a: ${"b".repeat(1000)}\r\n`);
    await c.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n"));
    for (let i = 0; i < 2000; i++) await c.write(header);
  }, /the connection failed|no complete answer/],
];

Deno.test("servers that hardly speak HTTP, and one that is not there", () =>
  withStore(async (sql) => {
    for (const [what, act, expected] of RAW) {
      const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
      const served = (async () => {
        for await (const connection of listener) {
          await connection.read(new Uint8Array(10_000)).catch(() => {});
          await act(connection).catch(() => {});
          connection.close();
        }
      })();
      const address = listener.addr as Deno.NetAddr;
      const error = await attempt(await importTask(sql, `http://127.0.0.1:${address.port}/`, "credit"));
      assert.match(error?.message ?? "", expected, what);
      assert.ok(error?.kind === "unreachable" || error?.kind === "timeout", what);
      listener.close();
      await served;
      const absent = await attempt(await importTask(sql, `http://127.0.0.1:${address.port}/`, "credit"));
      assert.equal(absent?.kind, "unreachable");
    }
    assert.deepEqual(await openStoreHistory(sql).accounts(), [], "nothing was read to its end");
  }));

Deno.test("gateways of both spellings, with small pages, and one that does not do as it says", () =>
  withStore(async (sql) => {
    for (const version of ["0:0:0", "1:0:0", "2:0:0", "5:1:2", undefined]) {
      await sql`truncate auditor_bank.bank_account, auditor_bank.bank_anomaly cascade`;
      const bank = startBankServer({ data: madeUpHistory(30, 12), version, pageMax: 7 });
      assert.equal((await importHistory(await importTask(sql, bank.url, "credit"))).added, 30, version);
      assert.equal((await importHistory(await importTask(sql, bank.url, "debit"))).added, 12, version);
      await bank.close();
    }
    await sql`truncate auditor_bank.bank_account, auditor_bank.bank_anomaly cascade`;
    const liar = startBankServer({ data: madeUpHistory(30, 0), version: "2:0:0", parameters: "old", pageMax: 10 });
    const error = await attempt(await importTask(sql, liar.url, "credit"));
    assert.match(error?.message ?? "", /history\/incoming\?limit=10: row 57: row ids do not ascend/);
    assert.deepEqual(await storedCredits(sql), []);
    await liar.close();
  }));

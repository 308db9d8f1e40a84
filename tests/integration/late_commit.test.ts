// SPDX-License-Identifier: AGPL-3.0-or-later
/** Two transactions at the same time, of which the one with the lower serial number commits after an audit. */
import assert from "node:assert/strict";
import { reservesPass } from "../../core/audit/passes/reserves/pass.ts";
import { hashPayto } from "../../core/crypto/objects.ts";
import type { Sql } from "../../core/db/connect.ts";
import { DAY } from "../../core/taler/time.ts";
import { connectToTest } from "../support/audit.ts";
import { SETTINGS } from "../support/audit_world.ts";
import { withEmptyDatabase } from "../support/database_scene.ts";
import { runOnePass } from "../support/one_pass.ts";

const DATE = 40n * DAY;
const account = (name: string) => `payto://x-taler-bank/bank.example/${name}?receiver-name=${name}`;
/** What a transaction offers. */
type Writer = Pick<Sql, "unsafe">;

/** Reserves r1, r2 and r3, and accounts a and b that fund them. */
async function prepare(sql: Sql): Promise<void> {
  for (const name of ["a", "b"]) {
    await sql`INSERT INTO exchange.wire_targets (payto_uri, wire_target_h_payto, h_normalized_payto)
      VALUES (${account(name)}, ${hashPayto(account(name))}, ${hashPayto(name)})`;
  }
  await sql`INSERT INTO exchange.reserves (reserve_pub, expiration_date, gc_date)
    SELECT sha256(r::bytea), 0, 0 FROM unnest(ARRAY['r1', 'r2', 'r3']) r`;
}

const credit = (tx: Writer, reserve: string, from: string, amount: number) =>
  tx.unsafe(
    `INSERT INTO exchange.reserves_in
       (reserve_pub, wire_reference, credit, wire_source_h_payto, exchange_account_section, execution_date)
     VALUES (sha256('${reserve}'), (SELECT coalesce(max(wire_reference), 0) + 1 FROM exchange.reserves_in) + ${amount},
       ROW(${amount}, 0)::exchange.taler_amount, $1, 'exchange-account-1', ${DATE})`,
    [hashPayto(account(from))] as never[],
  );

/** Runs `body` with a transaction that has begun on a connection of its own. */
async function withTransaction(
  url: string,
  body: (tx: Writer, end: (how: "COMMIT" | "ROLLBACK") => Promise<void>) => Promise<void>,
) {
  const sql = await connectToTest(url);
  try {
    await sql.unsafe("BEGIN");
    await body(sql, async (how) => void await sql.unsafe(how));
  } finally {
    await sql.end({ timeout: 1 });
  }
}

const audit = (url: string, days = 0n) =>
  runOnePass(url, reservesPass, SETTINGS, { now: 50n * DAY + days * DAY, internal: false });

/** What the audit knows of reserves: balance and account of each, all together, open findings, and holes. */
async function seen(sql: Sql): Promise<unknown[]> {
  const reserves = await sql`SELECT (reserve_balance).val::int4 AS balance, origin_account FROM auditor.auditor_reserves
    ORDER BY 1`;
  const [total] = await sql`SELECT (balance_value).val::int4 AS val FROM auditor.auditor_balances
    WHERE balance_key = 'reserves_reserve_total_balance'`;
  const findings = await sql`SELECT check_id FROM auditor.auditor_x_journal`;
  const gaps = await sql`SELECT first, last FROM auditor.auditor_x_gap WHERE stage LIKE 'reserves\\_in%' ORDER BY 1`;
  return [
    ...reserves.map((r) => `${r["balance"]} from ${r["origin_account"].at(-1)}`),
    total!["val"],
    ...findings.map((f) => f["check_id"]),
    ...gaps.map((g) => `${g["first"]}-${g["last"]}`),
  ];
}

Deno.test("late: what a slower transaction commits is audited by the next run (X-13)", async () => {
  await withEmptyDatabase(async (url, sql) => {
    await prepare(sql);
    await withTransaction(url, async (slow, end) => {
      await credit(slow, "r1", "a", 1);
      await credit(sql, "r2", "b", 2);
      await credit(sql, "r3", "b", 4);
      await audit(url);
      assert.deepEqual(await seen(sql), ["2 from b", "4 from b", 6, "1-1"]);
      await end("COMMIT");
    });
    const { rows } = await audit(url);
    assert.equal(rows, 1n);
    assert.deepEqual(await seen(sql), ["1 from a", "2 from b", "4 from b", 7]);
    assert.equal((await audit(url)).wrote, false);
  });
});

Deno.test("late: what a transaction takes back stays a hole, and costs no write (X-13)", async () => {
  await withEmptyDatabase(async (url, sql) => {
    await prepare(sql);
    await withTransaction(url, async (slow, end) => {
      await credit(slow, "r1", "a", 1);
      await credit(slow, "r2", "a", 3);
      await credit(sql, "r3", "b", 2);
      await audit(url);
      await end("ROLLBACK");
    });
    assert.equal((await audit(url)).wrote, false);
    assert.deepEqual(await seen(sql), ["2 from b", 2, "1-2"]);
    // it goes when it is old and something is written, such as that whole tables were looked at on another day
    assert.equal((await audit(url, 5n)).wrote, true);
    assert.deepEqual(await seen(sql), ["2 from b", 2]);
    await credit(sql, "r1", "b", 4);
    await audit(url, 5n);
    assert.deepEqual(await seen(sql), ["2 from b", "4 from b", 6]);
  });
});

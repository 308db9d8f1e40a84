// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Amounts outside the legal range (D-2): the pass that reads one ends with failure kind "overflow", names table, row and
 * column, and leaves nothing behind; the other passes are committed. Once the row is mended, the next run ends where an
 * undisturbed run would have ended.
 */
import assert from "node:assert/strict";
import {
  auditDataset,
  auditorState,
  auditWell,
  noteAbsence,
  ownState,
  wholeAuditor,
  withCopy,
} from "../support/audit.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { spoil } from "../support/hostile.ts";
import type { AuditReport } from "../../core/audit/run.ts";
import type { Sql } from "../../core/db/connect.ts";

const names = datasetNames();
noteAbsence(names);
const ignore = names.length === 0;

/** The four ways in which a stored amount can be outside the legal range. */
const OUTSIDE = ["(4503599627370496,0)", "(-1,0)", "(0,100000000)", "(0,-1)"] as const;

/** An amount that a pass reads. */
interface AmountColumn {
  table: string;
  column: string;
  /** Serial column and number of the row. */
  serial: string;
  row: number;
}

function columns(table: string, serial: string, row: number, ...names: string[]): AmountColumn[] {
  return names.map((column) => ({ table, column, serial, row }));
}

/** Every amount column that the passes read, in datasets that have such rows. */
const COLUMNS: Record<string, { before?: string; columns: AmountColumn[] }> = {
  "small-postagg": {
    columns: [
      ...columns("coin_deposits", "coin_deposit_serial_id", 1, "amount_with_fee"),
      ...columns("refresh_commitments", "melt_serial_id", 2, "amount_with_fee"),
      ...columns("reserves_out", "reserve_out_serial_id", 1, "amount_with_fee"),
      ...columns("reserves_in", "reserve_in_serial_id", 1, "credit"),
      ...columns("reserves", "reserve_uuid", 1, "current_balance"),
      ...columns("wire_out", "wireout_uuid", 1, "amount"),
      ...columns("wire_fee", "wire_fee_serial", 1, "wire_fee", "closing_fee"),
      ...columns("global_fee", "global_fee_serial", 1, "history_fee", "account_fee", "purse_fee"),
      ...columns(
        "denominations",
        "denominations_serial",
        3,
        "coin",
        "fee_withdraw",
        "fee_deposit",
        "fee_refresh",
        "fee_refund",
      ),
    ],
  },
  "exchange-api-rsa": {
    columns: [
      ...columns("refunds", "refund_serial_id", 6, "amount_with_fee"),
      ...columns("recoup", "recoup_uuid", 1, "amount"),
      ...columns("recoup_refresh", "recoup_refresh_uuid", 1, "amount"),
      ...columns("reserves_close", "close_uuid", 1, "amount", "closing_fee"),
    ],
  },
  "p2p-rsa": {
    before: `
      INSERT INTO exchange.reserves_open_requests (open_request_uuid, reserve_pub, request_timestamp, expiration_date,
        reserve_sig, reserve_payment, requested_purse_limit)
      SELECT 7, reserve_pub, 0, 0, sha512('x'), '(0,1)', 1 FROM exchange.reserves WHERE reserve_uuid = 1;
      INSERT INTO exchange.wads_in (wad_in_serial_id, wad_id, origin_exchange_url, amount, arrival_time)
      VALUES (3, substring(sha256('x') FOR 24), 'https://example.com/', '(1,0)', 0)`,
    columns: [
      ...columns("purse_requests", "purse_requests_serial_id", 3, "amount_with_fee", "purse_fee"),
      ...columns("purse_deposits", "purse_deposit_serial_id", 1, "amount_with_fee"),
      ...columns("reserves_open_deposits", "reserve_open_deposit_uuid", 1, "contribution"),
      ...columns("reserves_open_requests", "open_request_uuid", 7, "reserve_payment"),
      ...columns("close_requests", "close_request_serial_id", 1, "close", "close_fee"),
      ...columns("wads_in", "wad_in_serial_id", 3, "amount"),
    ],
  },
  "age-restriction-rsa": { columns: columns("age_withdraw", "age_withdraw_id", 1, "amount_with_fee") },
};

const labelOf = (c: AmountColumn) => `${c.table}.${c.column} of row ${c.row}`;

/** Puts every column out of range; returns the statement that mends each. */
async function breakAll(sql: Sql, broken: AmountColumn[]): Promise<Map<string, string>> {
  const mend = new Map<string, string>();
  for (const [i, c] of broken.entries()) {
    const where = `${c.serial} = ${c.row}`;
    const [row] = await sql.unsafe(`SELECT ${c.column}::text AS value FROM exchange.${c.table} WHERE ${where}`);
    assert.ok(row !== undefined, `there is no ${labelOf(c)}`);
    mend.set(labelOf(c), `UPDATE exchange.${c.table} SET ${c.column} = '${row["value"]}' WHERE ${where}`);
    await sql.unsafe(`UPDATE exchange.${c.table} SET ${c.column} = '${OUTSIDE[i % 4]}' WHERE ${where}`);
  }
  return mend;
}

/**
 * The broken column that a message names. A row of a partner table may be named by the row that led to it:
 * `table reserves_close, row 1, column close_requests.close`.
 */
function named(message: string, broken: AmountColumn[]): AmountColumn | undefined {
  const match = /table (\w+), row (-?\d+), column ([\w.]+): \((-?\d+),(-?\d+)\)$/.exec(message);
  if (match === null) return undefined;
  const [, table, row, column] = match;
  return broken.find((c) =>
    (table === c.table && column === c.column && row === String(c.row)) || column === `${c.table}.${c.column}`
  );
}

function failuresOf(report: AuditReport) {
  return report.passes.flatMap(({ pass, failure }) => failure === undefined ? [] : [{ pass, ...failure }]);
}

/** How far the aggregation pass verified coins by itself, which it only does while the coins pass cannot. */
const OWN_VERDICTS = "x:aggregation:known_coins";

async function stateOf(sql: Sql) {
  const own = new Map(await ownState(sql));
  own.set("x_counter", (own.get("x_counter") ?? []).filter((row) => row["name"] !== OWN_VERDICTS));
  return { reference: await auditorState(sql), own };
}

function assertSameState(ours: Awaited<ReturnType<typeof stateOf>>, other: typeof ours, what: string): void {
  for (const part of ["reference", "own"] as const) {
    for (const [table, rows] of other[part]) assert.deepEqual(ours[part].get(table), rows, `${what}: table ${table}`);
  }
}

/** What an undisturbed run leaves. */
async function undisturbed(dataset: string, before: string | undefined, internal = true) {
  return await withCopy(dataset, async (url, sql) => {
    await spoil(url, [before ?? ""]);
    await auditWell(url, datasetInfo(dataset), { internal });
    return await stateOf(sql);
  });
}

for (const [dataset, { before, columns: broken }] of Object.entries(COLUMNS)) {
  Deno.test({
    name: `overflow: each of ${broken.length} amounts of ${dataset} is named until it is mended`,
    ignore: ignore,
    fn: () =>
      withCopy(dataset, async (url, sql) => {
        const info = datasetInfo(dataset);
        await spoil(url, [before ?? ""]);
        const mend = await breakAll(sql, broken);
        let text = "";
        let ran = "";
        while (mend.size > 0) {
          const failures = failuresOf(await auditDataset(url, info));
          assert.ok(failures.length > 0, `not noticed: ${[...mend.keys()].join(", ")}`);
          const after = JSON.stringify(await wholeAuditor(sql));
          const failing = failures.map((f) => f.pass).join();
          if (failing === ran) assert.equal(after, text, `a failing pass left something: ${failing}`);
          [text, ran] = [after, failing];
          const found = new Set<string>();
          for (const { pass, kind, message } of failures) {
            assert.equal(kind, "overflow", `pass ${pass}: ${message}`);
            const column = named(message, broken);
            assert.ok(
              column !== undefined && mend.has(labelOf(column)),
              `pass ${pass} names nothing broken: ${message}`,
            );
            found.add(labelOf(column));
          }
          for (const label of found) {
            await sql.unsafe(mend.get(label)!);
            mend.delete(label);
          }
        }
        await auditWell(url, info);
        assertSameState(await stateOf(sql), await undisturbed(dataset, before), "after mending");
      }),
  });
}

/** One broken amount each, and the passes that cannot be run with it. */
const SINGLE: { column: AmountColumn; fail: string[] }[] = [
  {
    column: columns("coin_deposits", "coin_deposit_serial_id", 1, "amount_with_fee")[0]!,
    fail: ["coins", "aggregation"],
  },
  {
    column: columns("refresh_commitments", "melt_serial_id", 54, "amount_with_fee")[0]!,
    fail: ["coins", "aggregation"],
  },
  { column: columns("reserves_in", "reserve_in_serial_id", 40, "credit")[0]!, fail: ["reserves"] },
  { column: columns("global_fee", "global_fee_serial", 1, "purse_fee")[0]!, fail: ["coins"] },
  { column: columns("wire_out", "wireout_uuid", 10, "amount")[0]!, fail: ["aggregation"] },
  {
    column: columns("denominations", "denominations_serial", 2, "coin")[0]!,
    fail: ["reserves", "coins", "aggregation"],
  },
];

for (const { column, fail } of SINGLE) {
  Deno.test({
    name: `overflow: ${labelOf(column)} stops ${fail.join(" and ")} and nothing else`,
    ignore,
    fn: () =>
      withCopy("small-postagg", async (url, sql) => {
        const info = datasetInfo("small-postagg");
        const mend = await breakAll(sql, [column]);
        const report = await auditDataset(url, info, { pageRows: 50 });
        assert.deepEqual(failuresOf(report).map((f) => f.pass), fail);
        for (const { kind, message } of failuresOf(report)) {
          assert.equal(kind, "overflow");
          assert.equal(named(message, [column]), column, message);
        }
        const survivors = report.passes.filter((p) => p.failure === undefined);
        for (const { pass, wrote } of survivors) assert.ok(wrote, `pass ${pass} is committed`);
        await assertLeftNothing(sql, fail);
        // the passes that were committed have nothing more to do, and byte for byte nothing came from the others
        const text = await wholeAuditor(sql);
        await auditWell(url, info, { passes: survivors.map((p) => p.pass) });
        assert.deepEqual(await wholeAuditor(sql), text);
        await sql.unsafe(mend.get(labelOf(column))!);
        await auditWell(url, info);
        assertSameState(await stateOf(sql), await undisturbed("small-postagg", undefined), "after mending");
      }),
  });
}

/** No run, finding, progress point or revisit of these passes exists. */
async function assertLeftNothing(sql: Sql, passes: string[]): Promise<void> {
  for (const table of ["auditor_x_run", "auditor_x_standing", "auditor_x_revisit"]) {
    const rows = await sql.unsafe(`SELECT pass FROM auditor.${table} WHERE pass = ANY($1::text[])`, [
      `{${passes.join()}}`,
    ]);
    assert.equal(rows.length, 0, `${table} has rows of ${passes.join()}`);
  }
  const prefixes = passes.map((p) => `${p}_%`);
  const progress = await sql`SELECT progress_key FROM auditor.auditor_progress
    WHERE progress_key LIKE ANY(${`{${prefixes.join()}}`}::text[])`;
  assert.equal(progress.length, 0, "progress points");
}

/** Legal amounts whose sums are not; the passes that must say so, and what their message must name. */
const SUMS: { name: string; dataset: string; sql: string; internal?: false; fail: Record<string, RegExp> }[] = [
  {
    name: "the wire transfer that many large deposits add up to",
    dataset: "small-postagg",
    sql: `UPDATE exchange.coin_deposits SET amount_with_fee = (4503599627370495,99999999)
          WHERE coin_deposit_serial_id IN (1, 7, 10)`,
    fail: { coins: /balance coin_irregular_loss/, aggregation: /./ },
  },
  {
    name: "coins issued of a denomination of the largest value",
    dataset: "small-postagg",
    sql: `UPDATE exchange.denominations SET coin = (2251799813685249,0) WHERE denominations_serial = 3`,
    // the reserves spent far more than they had
    fail: { coins: /coins issued of a denomination/, reserves: /./ },
  },
  {
    name: "bad withdrawals that cost more than there is",
    dataset: "small-postagg",
    sql: `UPDATE exchange.reserves_out SET amount_with_fee = (4503599627370495,0) WHERE reserve_out_serial_id < 3`,
    fail: { reserves: /balance reserves_total_bad_sig_loss/ },
  },
  {
    name: "what all reserves hold",
    dataset: "small-postagg",
    sql: `UPDATE exchange.reserves_in SET credit = (4503599627370495,0) WHERE reserve_in_serial_id < 3`,
    fail: { reserves: /balance reserves_reserve_total_balance/ },
  },
  {
    name: "what one reserve holds, while the others owe as much",
    dataset: "p2p-rsa",
    // two purses make one reserve richer than any amount; another reserve is overdrawn, so that the total is legal
    sql: `UPDATE exchange.purse_requests SET amount_with_fee = (3377699720527872,0) WHERE purse_pub IN
            (SELECT purse_pub FROM exchange.purse_decision WHERE NOT refunded);
          UPDATE exchange.purse_merges SET reserve_pub = sha256('rich') WHERE purse_pub IN
            (SELECT purse_pub FROM exchange.purse_decision WHERE NOT refunded);
          UPDATE exchange.reserves_close SET amount = (4503599627370495,0)`,
    // the comparison with the exchange's own balances would come upon it by chance
    internal: false,
    fail: { reserves: /reserve/ },
  },
  {
    name: "what a refresh costs",
    dataset: "small-postagg",
    sql: `UPDATE exchange.denominations SET coin = (4503599627370495,0) WHERE denominations_serial = 1`,
    fail: { coins: /./ },
  },
];

for (const { name, dataset, sql: change, internal = true, fail } of SUMS) {
  Deno.test({
    name: `overflow: ${name} is above the limit though every amount is legal`,
    ignore: ignore,
    fn: () =>
      withCopy(dataset, async (url, sql) => {
        const info = datasetInfo(dataset);
        await sql.unsafe("CREATE SCHEMA kept");
        await sql.unsafe(
          ["coin_deposits", "denominations", "reserves_out", "reserves_in", "purse_requests", "purse_merges"]
            .concat("reserves_close").map((t) => `CREATE TABLE kept.${t} AS TABLE exchange.${t}`).join(";"),
        );
        await spoil(url, [change]);
        const failures = failuresOf(await auditDataset(url, info, { internal }));
        assert.deepEqual(failures.map((f) => f.pass).sort(), Object.keys(fail).sort(), JSON.stringify(failures));
        for (const { pass, kind, message } of failures) {
          assert.equal(kind, "overflow", `pass ${pass}: ${message}`);
          assert.match(message, fail[pass]!);
        }
        await assertLeftNothing(sql, Object.keys(fail));
        // every amount as it was
        await spoil(url, [RESTORE]);
        await auditWell(url, info, { internal });
        assertSameState(await stateOf(sql), await undisturbed(dataset, undefined, internal), "after mending");
      }),
  });
}

const RESTORE = `
  UPDATE exchange.coin_deposits t SET amount_with_fee = k.amount_with_fee FROM kept.coin_deposits k
   WHERE k.coin_deposit_serial_id = t.coin_deposit_serial_id;
  UPDATE exchange.denominations t SET coin = k.coin FROM kept.denominations k
   WHERE k.denominations_serial = t.denominations_serial;
  UPDATE exchange.reserves_out t SET amount_with_fee = k.amount_with_fee FROM kept.reserves_out k
   WHERE k.reserve_out_serial_id = t.reserve_out_serial_id;
  UPDATE exchange.reserves_in t SET credit = k.credit FROM kept.reserves_in k
   WHERE k.reserve_in_serial_id = t.reserve_in_serial_id;
  UPDATE exchange.purse_requests t SET amount_with_fee = k.amount_with_fee FROM kept.purse_requests k
   WHERE k.purse_pub = t.purse_pub;
  UPDATE exchange.purse_merges t SET reserve_pub = k.reserve_pub FROM kept.purse_merges k
   WHERE k.purse_pub = t.purse_pub;
  UPDATE exchange.reserves_close t SET amount = k.amount FROM kept.reserves_close k WHERE k.close_uuid = t.close_uuid`;

Deno.test({
  name: "overflow: passes that run one by one, in any order, end where they end together",
  ignore,
  fn: async () => {
    const together = await undisturbed("small-postagg", undefined);
    for (const order of [["aggregation", "coins", "reserves"], ["reserves", "aggregation", "coins"]]) {
      await withCopy("small-postagg", async (url, sql) => {
        for (const pass of order) await auditWell(url, datasetInfo("small-postagg"), { passes: [pass] });
        assertSameState(await stateOf(sql), together, order.join(", "));
      });
    }
  },
});

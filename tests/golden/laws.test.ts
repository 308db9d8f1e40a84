// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Laws of the engine on authentic data: any sequence of runs ends where one run over everything ends (split), time
 * included; a source that goes backwards stops a pass and changes nothing (monotone); what was read is what the server
 * counts (pair); what later data explains is resolved, and its money with it (life).
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PassRun } from "../../core/audit/pass.ts";
import { startVerifyPool } from "../../core/audit/pool.ts";
import type { Sql } from "../../core/db/connect.ts";
import type { Source } from "../../core/exchange/source.ts";
import { WIRE_OUTS } from "../../core/exchange/v014/aggregation.ts";
import { DAY } from "../../core/taler/time.ts";
import {
  type AuditorState,
  auditorState,
  auditWell,
  checkCounts,
  compareStates,
  type Difference,
  noteAbsence,
  settingsOf,
  wholeState,
  withAuditor,
  withCopy,
} from "../support/audit.ts";
import { applyMutation, type DatasetInfo, datasetInfo, datasetNames, mutationPath } from "../support/golden.ts";
import { differenceText } from "./explain.ts";
import { comeBack, goBackTo, highestSerials, keepAside, limitsAt, TAMPERED } from "./slices.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);

/** What one run over everything leaves, by dataset and days after the usual clock. */
const full = new Map<string, Promise<AuditorState>>();

function fullRun(info: DatasetInfo, days = 0n): Promise<AuditorState> {
  const key = `${info.name} ${days}`;
  const known = full.get(key) ?? withCopy(info.name, async (url, sql) => {
    await auditWell(url, info, { now: info.audit_now_us + days * DAY });
    return await wholeState(sql);
  });
  full.set(key, known);
  return known;
}

/**
 * Limits cut tables at places that no real database had: a reserve's close before the credit that opened it. R-13 says
 * so, as an event. Where the database itself grew, it does not appear.
 */
function cutBetween({ ours }: Difference): boolean {
  return ours?.["diagnostic"] === "target account not verified, auditor does not know reserve";
}

/** What a state has that one run over everything does not leave, and the other way round. */
async function deviations(sql: Sql, expected: AuditorState, without: readonly string[] = []): Promise<string[]> {
  const found = compareStates(await wholeState(sql), expected)
    .filter((d) => !without.includes(d.table) && !cutBetween(d));
  return found.map((d) =>
    differenceText(d).replaceAll("the reference", "one run").replaceAll("(reference ", "(one run ")
  );
}

/** Audits one slice after the other and then without limits. */
async function auditInSlices(url: string, info: DatasetInfo, slices: ReadonlyMap<string, bigint>[]): Promise<void> {
  const limits = new Map<string, bigint>();
  await withAuditor(url, info, { limits }, async ({ runWell }) => {
    for (const slice of slices) {
      for (const [table, until] of slice) limits.set(table, until);
      await runWell();
    }
  });
  await auditWell(url, info);
}

for (const name of names) {
  const info = datasetInfo(name);

  Deno.test(`split: ${name} in slices of every table ends like one run`, async () => {
    await withCopy(name, async (url, sql) => {
      const highest = await highestSerials(sql);
      const slices = [100n, 250n, 500n, 750n, 1000n].map((perMille) => limitsAt(highest, perMille));
      await auditInSlices(url, info, slices);
      assert.deepEqual(await deviations(sql, await fullRun(info)), []);
    });
  });

  Deno.test(`split: ${name} audited while it grew ends like one run`, async () => {
    await withCopy(name, async (url, sql) => {
      await keepAside(sql);
      await withAuditor(url, info, {}, async ({ runWell }) => {
        for (const perMille of [300, 700]) {
          await goBackTo(sql, perMille);
          await runWell();
        }
        await comeBack(sql);
        await runWell();
      });
      assert.deepEqual(await deviations(sql, await fullRun(info)), []);
    });
  });
}

for (const name of ["exchange-api-rsa", "small-postagg"]) {
  Deno.test({ name: `split: ${name} full of findings, audited while it grew, ends like one run`, ignore }, async () => {
    const info = datasetInfo(name);
    const expected = await withCopy(name, async (url, sql) => {
      await sql.unsafe(TAMPERED);
      await auditWell(url, info);
      return await wholeState(sql);
    });
    await withCopy(name, async (url, sql) => {
      await sql.unsafe(TAMPERED);
      await keepAside(sql);
      await goBackTo(sql, 600);
      await withAuditor(url, info, {}, async ({ runWell }) => {
        await runWell();
        await comeBack(sql);
        await runWell();
      });
      assert.deepEqual(await deviations(sql, expected), []);
    });
  });
}

Deno.test({ name: "split: any cuts, each table on its own, end like one run", ignore }, async () => {
  for (const name of ["age-restriction-rsa", "auditor-api-rsa", "exchange-api-cs", "p2p-rsa", "revocation-rsa"]) {
    const info = datasetInfo(name);
    const expected = await fullRun(info);
    const highest = await withCopy(name, (_, sql) => highestSerials(sql));
    const parts = fc.array(fc.nat({ max: 1000 }), { minLength: highest.size, maxLength: highest.size });
    await fc.assert(
      fc.asyncProperty(parts, parts, async (a, b) => {
        await withCopy(name, async (url, sql) => {
          const limits = [...highest].map(([table, top], i): [string, bigint, bigint] => {
            const [first, second] = [a[i]!, b[i]!].sort((x, y) => x - y);
            return [table, top * BigInt(first!) / 1000n + 1n, top * BigInt(second!) / 1000n + 1n];
          });
          await auditInSlices(url, info, [
            new Map(limits.map(([table, first]) => [table, first])),
            new Map(limits.map(([table, , second]) => [table, second])),
          ]);
          assert.deepEqual(await deviations(sql, expected), []);
        });
      }),
      { seed: 20261122, numRuns: 2, endOnFailure: true },
    );
  }
});

/** Figures over time have a row per run and clock. */
const OVER_TIME = ["x_figure", "x_outstanding"];

for (const [name, days] of [["exchange-api-rsa", 45n], ["small-postagg", 45n], ["revocation-rsa", 800n]] as const) {
  Deno.test(
    { name: `split: ${name} audited again after ${days} days ends like one run then (D-11)`, ignore },
    async () => {
      const info = datasetInfo(name);
      await withCopy(name, async (url, sql) => {
        await withAuditor(url, info, {}, async ({ runWell }) => {
          await runWell();
          await runWell(info.audit_now_us + days * DAY);
        });
        assert.deepEqual(await deviations(sql, await fullRun(info, days), OVER_TIME), []);
      });
    },
  );
}

/** Tables with the passes that read them. */
const READERS: readonly (readonly [dataset: string, table: string, serial: string, ...passes: string[]])[] = [
  ["exchange-api-rsa", "reserves_in", "reserve_in_serial_id", "reserves"],
  ["exchange-api-rsa", "reserves_out", "reserve_out_serial_id", "reserves", "coins"],
  ["exchange-api-rsa", "reserves_close", "close_uuid", "reserves"],
  ["exchange-api-rsa", "recoup", "recoup_uuid", "reserves", "coins"],
  ["exchange-api-rsa", "recoup_refresh", "recoup_refresh_uuid", "coins"],
  ["exchange-api-rsa", "coin_deposits", "coin_deposit_serial_id", "coins"],
  ["exchange-api-rsa", "refunds", "refund_serial_id", "coins"],
  ["exchange-api-rsa", "refresh_commitments", "melt_serial_id", "coins"],
  ["exchange-api-rsa", "known_coins", "known_coin_id", "coins", "aggregation"],
  ["exchange-api-rsa", "wire_out", "wireout_uuid", "aggregation"],
  ["p2p-rsa", "purse_deposits", "purse_deposit_serial_id", "coins"],
  // the newest purse was refunded, which is for the coins pass alone
  ["p2p-rsa", "purse_decision", "purse_decision_serial_id", "coins"],
  ["p2p-rsa", "account_merges", "account_merge_request_serial_id", "reserves"],
  ["p2p-rsa", "reserves_open_deposits", "reserve_open_deposit_uuid", "coins"],
  ["age-restriction-rsa", "age_withdraw", "age_withdraw_id", "reserves", "coins"],
];

for (const dataset of new Set(READERS.map(([dataset]) => dataset))) {
  Deno.test(
    { name: `monotone: a table of ${dataset} that loses its newest row stops its passes`, ignore },
    async () => {
      const info = datasetInfo(dataset);
      await withCopy(dataset, (url, sql) =>
        withAuditor(url, info, {}, async ({ run, runWell }) => {
          await runWell();
          const before = await wholeState(sql);
          for (const [, table, serial, ...passes] of READERS.filter(([d]) => d === dataset)) {
            await loseNewest(sql, table, serial);
            const report = await run();
            const stopped = report.passes.filter((p) => p.failure?.kind === "stopped").map((p) => p.pass);
            assert.deepEqual(stopped, passes, table);
            checkStopped(compareStates(await wholeState(sql), before), table, passes);
            assert.deepEqual((await run()).passes.filter((p) => p.wrote), [], `${table}: said once`);
            await sql.unsafe(`INSERT INTO exchange.${table} SELECT * FROM lost; DROP TABLE lost`);
            await runWell();
            assert.deepEqual(await deviations(sql, before), [], `${table}: forgotten when the row is back`);
          }
        }));
    },
  );
}

/** Nothing may have changed but for the finding that says why a pass stopped. */
function checkStopped(changes: Difference[], table: string, passes: string[]): void {
  const seen = changes.map((d) => `${d.table} ${d.ours?.["row_table"] ?? d.ours?.["pass"]} ${d.ours?.["check_id"]}`);
  const expected = passes.flatMap((p) => [`row_inconsistency ${table} undefined`, `x_standing ${p} monotone`]);
  assert.deepEqual(seen.sort(), expected.sort(), table);
  const finding = changes.find((d) => d.table === "row_inconsistency")!.ours!;
  assert.match(finding["diagnostic"]!, /^the source went backwards: /);
}

/** Takes the newest row of a table away, as a copy that lags or was tampered with would. */
async function loseNewest(sql: Sql, table: string, serial: string): Promise<void> {
  await sql.unsafe(`SET session_replication_role = replica;
    CREATE TEMP TABLE lost AS SELECT * FROM exchange.${table} ORDER BY ${serial} DESC LIMIT 1;
    DELETE FROM exchange.${table} WHERE ${serial} = (SELECT ${serial} FROM lost)`);
}

/**
 * Pair: both sides see one snapshot, and what may be NULL, missing or unreadable is counted before it is decoded, so
 * that no content of a database can part them. Only a source whose joins multiply its rows does; the constraints of the
 * schema see to it that none does, so one is made up here.
 */
Deno.test({ name: "pair: a source that reads rows twice is found out", ignore }, async () => {
  await withCopy("small-postagg", async (_, sql) => {
    const pool = startVerifyPool(1);
    try {
      const findings = async (source: Source<unknown>) => {
        const run = new PassRun(
          "scratch",
          {
            settings: settingsOf(datasetInfo("small-postagg")),
            now: 0n,
            internal: false,
            source: sql,
            auditor: sql,
            pool,
            pageRows: 4000,
            portionRows: 4000,
          },
          new Map(),
          new Map(),
          new Map(),
        );
        const stage = { rank: 1, source, progressKey: "scratch", prepare: (rows: unknown[]) => rows, book: () => {} };
        await run.plan([stage]);
        await run.run(stage);
        await run.drain();
        return run.book.events.map((e) => e.finding).filter((f) => f.check === "pair").map((f) =>
          f.columns["diagnostic"]
        );
      };
      assert.deepEqual(await findings(WIRE_OUTS), []);
      const [sums] = await sql`SELECT count(*) AS rows, sum((amount).val * 100000000 + (amount).frac)::int8 AS atoms,
        sum((amount).val * 100000000 + (amount).frac) FILTER (WHERE wireout_uuid = 3)::int8 AS third FROM exchange.wire_out`;
      const { rows, atoms, third } = sums as unknown as Record<"rows" | "atoms" | "third", bigint>;
      const joins = `${WIRE_OUTS.joins} LEFT JOIN (VALUES (3), (3)) twice (n) ON twice.n = base.wireout_uuid`;
      assert.deepEqual(await findings({ ...WIRE_OUTS, joins }), [
        `wire_out: read ${rows + 1n} rows and ${atoms + third} atoms, the server counts ${rows} and ${atoms}`,
      ]);
    } finally {
      pool.close();
    }
  });
});

Deno.test({ name: "life: hanging refreshes end when the reveal is there (D-7)", ignore }, async () => {
  const info = datasetInfo("small-postagg");
  await withCopy(info.name, async (url, sql) => {
    await sql.unsafe("CREATE TABLE lost AS SELECT * FROM exchange.refresh_revealed_coins");
    await applyMutation(sql, mutationPath("32-refresh-revealed-deleted"));
    await auditWell(url, info);
    assert.equal(await balance(sql, "total_refresh_hanging"), "171.18");
    await sql.unsafe("INSERT INTO exchange.refresh_revealed_coins SELECT * FROM lost");
    await auditWell(url, info);
    assert.deepEqual(await deviations(sql, await fullRun(info)), []);
    assert.equal(await balance(sql, "total_refresh_hanging"), "0");
    assert.deepEqual(await checkCounts(sql), { "X-1": 5, "C-20": 54, "C-20 resolved": 54 });
  });
});

/** A coin of 5 that spends 7. */
const OVERSPENT = "UPDATE exchange.coin_deposits SET amount_with_fee = '(7,0)' WHERE coin_deposit_serial_id = 1";

Deno.test(
  { name: "life: rows wait for the key of their denomination, and for their coin (C-4, X-9)", ignore },
  async () => {
    const info = datasetInfo("small-postagg");
    const passes = ["reserves", "coins"];
    const expected = await withCopy(info.name, async (url, sql) => {
      await sql.unsafe(OVERSPENT);
      await auditWell(url, info, { passes });
      return await wholeState(sql);
    });
    await withCopy(info.name, async (url, sql) => {
      await sql.unsafe(OVERSPENT);
      const hash = "(SELECT denom_pub_hash FROM kept)";
      await sql.unsafe(
        `CREATE TABLE kept AS SELECT denom_pub_hash FROM exchange.denominations WHERE denominations_serial = 3;
      UPDATE exchange.denominations SET denom_pub_hash = sha512('x') WHERE denominations_serial = 3`,
      );
      await auditWell(url, info, { passes });
      const { "C-6": issued, "R-1": debited, "C-9": deposited, "C-18": melted, "C-4": overspent } = await checkCounts(
        sql,
      );
      assert.deepEqual([issued, debited, deposited, melted, overspent], [200, 200, 200, 54, undefined]);
      await sql.unsafe(`UPDATE exchange.denominations SET denom_pub_hash = ${hash} WHERE denominations_serial = 3`);
      await auditWell(url, info, { passes });
      assert.deepEqual(await deviations(sql, expected), []);
      assert.equal((await checkCounts(sql))["C-4"], 1);
    });
    await withCopy(info.name, async (url, sql) => {
      await sql.unsafe(OVERSPENT);
      const coin = "known_coin_id = 1";
      await sql.unsafe(`SET session_replication_role = replica;
      CREATE TABLE lost AS SELECT * FROM exchange.known_coins WHERE ${coin}; DELETE FROM exchange.known_coins WHERE ${coin}`);
      await auditWell(url, info, { passes });
      await sql.unsafe("INSERT INTO exchange.known_coins SELECT * FROM lost");
      await auditWell(url, info, { passes });
      assert.equal((await checkCounts(sql))["C-4"], 1);
    });
  },
);

Deno.test({ name: "life: an overdrawn reserve is well when it is funded (R-16, R-18, R-21)", ignore }, async () => {
  const info = datasetInfo("small-postagg");
  await withCopy(info.name, async (url, sql) => {
    await loseNewest(sql, "reserves_in", "reserve_in_serial_id");
    await auditWell(url, info);
    assert.equal(await balance(sql, "reserves_reserve_loss"), "25.05");
    assert.deepEqual(await checkCounts(sql), { "X-1": 5, "R-16": 1, "R-18": 2, "R-21": 1 });
    await sql.unsafe("INSERT INTO exchange.reserves_in SELECT * FROM lost");
    await auditWell(url, info);
    assert.deepEqual(await deviations(sql, await fullRun(info)), []);
    const { "R-16 resolved": loss, "R-18 resolved": claims, "R-21 resolved": total } = await checkCounts(sql);
    assert.deepEqual([loss, claims, total], [1, 2, 1]);
  });
});

Deno.test({ name: "life: an emergency ends when the issuance is there (C-22, C-32, C-33)", ignore }, async () => {
  const info = datasetInfo("small-postagg");
  await withCopy(info.name, async (url, sql) => {
    await sql.unsafe(`SET session_replication_role = replica;
      CREATE TABLE lost AS SELECT * FROM exchange.reserves_out WHERE reserve_out_serial_id > 40;
      DELETE FROM exchange.reserves_out WHERE reserve_out_serial_id > 40`);
    await auditWell(url, info);
    // 40 coins of 5 and 167.4 of change were issued; of 200 deposits of 1 and 54 melts of 3.17 two melts are not covered
    assert.deepEqual(await checkCounts(sql), { "X-1": 5, "R-18": 64, "C-22": 2, "C-32": 1, "C-33": 1 });
    assert.notEqual(await balance(sql, "coins_emergencies_loss"), "0");
    await sql.unsafe("INSERT INTO exchange.reserves_out SELECT * FROM lost");
    await auditWell(url, info);
    assert.deepEqual(await deviations(sql, await fullRun(info)), []);
    assert.equal(await balance(sql, "coins_emergencies_loss"), "0");
    assert.equal(await balance(sql, "coins_emergencies_loss_by_count"), "0");
  });
});

Deno.test({ name: "life: a reserve that is closed late is no longer reported (R-19, D-11)", ignore }, async () => {
  const info = datasetInfo("small-postagg");
  const now = info.audit_now_us + 45n * DAY;
  await withCopy(info.name, async (url, sql) => {
    await auditWell(url, info, { now });
    assert.equal(await balance(sql, "total_balance_reserve_not_closed"), "18");
    await sql`INSERT INTO exchange.reserves_close
        (reserve_pub, execution_date, wtid, wire_target_h_payto, amount, closing_fee)
      SELECT i.reserve_pub, ${(info.audit_now_us + 44n * DAY) / 1000000n * 1000000n}, decode(repeat('07', 32), 'hex'),
        i.wire_source_h_payto, r.current_balance, w.closing_fee
      FROM exchange.reserves_in i JOIN exchange.reserves r USING (reserve_pub), exchange.wire_fee w
      WHERE i.reserve_in_serial_id = 1`;
    await sql`UPDATE exchange.reserves SET current_balance = (0, 0)
      WHERE reserve_pub = (SELECT reserve_pub FROM exchange.reserves_close)`;
    await auditWell(url, info, { now });
    assert.equal(await balance(sql, "total_balance_reserve_not_closed"), "17.55");
    assert.deepEqual(await checkCounts(sql), { "X-1": 5, "R-19": 40, "R-19 resolved": 1 });
  });
});

async function balance(sql: Sql, key: string): Promise<string | undefined> {
  const rows = (await auditorState(sql)).get("balances")!;
  return rows.find((r) => r["balance_key"] === key)?.["balance_value"];
}

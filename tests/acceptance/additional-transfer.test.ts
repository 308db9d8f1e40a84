// SPDX-License-Identifier: AGPL-3.0-or-later
/** The acceptance list, part F.5: deposits that wait to be aggregated, which is for the pass transfer. */
import assert from "node:assert/strict";
import type { Sql } from "../../core/db/connect.ts";
import { DAY } from "../../core/taler/time.ts";
import {
  acceptanceTests,
  type Case,
  changedBalances,
  compareFindings,
  EVERY_PASS,
  newFindings,
  readOutcome,
  untouched,
} from "../support/acceptance.ts";
import { remaining } from "../support/acceptance_small.ts";
import { withAuditor, withCopy } from "../support/audit.ts";
import { asBankHistory, recordedHistory } from "../support/bank-golden.ts";
import { badRow, overdue } from "../support/expected_findings.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";

const MERCHANT = "payto://x-taler-bank/localhost/43?receiver-name=43";

/** The exchange waits for the merchant to prove who it is. */
const KYC = `INSERT INTO exchange.legitimization_measures (access_token, start_time, jmeasures, display_priority)
  SELECT access_token, 1795315602000000, '{}', 1 FROM exchange.wire_targets WHERE payto_uri = '${MERCHANT}'`;

/** The exchange's staff looks into the merchant's affairs. */
const AML = `INSERT INTO exchange.legitimization_outcomes (h_payto, decision_time, expiration_time, to_investigate)
  SELECT h_normalized_payto, 1795315602000000, 9223372036854775807, true FROM exchange.wire_targets
  WHERE payto_uri = '${MERCHANT}'`;

/** All 200 deposits of 1, five days after they were made. */
const allOverdue = (reason: string) => overdue(MERCHANT, "200", 200, reason);

const CASES: readonly Case[] = [
  {
    id: "F.5 transfer unknown batch",
    title: "a transfer is for a deposit that is not there",
    base: "small-postagg",
    sql: `SET LOCAL session_replication_role = replica;
      INSERT INTO exchange.aggregation_tracking (batch_deposit_serial_id, wtid_raw)
        SELECT 999, wtid_raw FROM exchange.wire_out WHERE wireout_uuid = 1`,
    findings: [
      badRow("TR-R2", "aggregation_tracking", 201, "batch deposit not pending"),
      badRow("X-9", "aggregation_tracking", 201, "row refers to a missing row in batch_deposits"),
    ],
    balances: {},
  },
  {
    id: "F.5 transfer batch without coins",
    title: "a deposit has lost its coin",
    because: "the history of the coin (X-8) and what is stored as left of it (X-16) tell as well",
    base: "small-preagg",
    sql: "DELETE FROM exchange.coin_deposits WHERE coin_deposit_serial_id = 1",
    findings: [
      badRow("TR-R3", "batch_deposits", 1, "batch deposit without coins"),
      badRow("X-8", "coin_history", 1, "history entry points to nothing: coin_deposits, row 1"),
      remaining("1", "4", "5"),
    ],
    balances: {
      coin_deposit_fee_revenue: ["2", "1.99"],
      total_amount_lag: ["200", "199"],
      total_escrowed: ["796.22", "797.22"],
    },
  },
  {
    id: "F.5 transfer overdue",
    title: "deposits are overdue although nothing speaks against paying them",
    because: "who made the deadlines two days earlier forgot the refund deadlines (C-10)",
    base: "small-preagg",
    sql: `UPDATE exchange.batch_deposits SET wire_deadline = wire_deadline - 2 * 86400000000
      WHERE batch_deposit_serial_id <= 5`,
    findings: [
      overdue(MERCHANT, "5", 5, "none"),
      ...[1, 2, 3, 4, 5].map((row) => badRow("C-10", "deposits", row, "refund deadline past wire deadline")),
    ],
    balances: { total_amount_lag_overdue: ["0", "5"] },
  },
  {
    id: "F.5 transfer overdue",
    title: "all deposits are overdue, then the merchant has to prove who it is, then it is investigated",
    base: "small-preagg",
    steps: [
      { later: 5n * DAY, findings: [], balances: {} },
      { sql: KYC, later: 5n * DAY, findings: [allOverdue("kyc")], gone: [allOverdue("none")], balances: {} },
      { sql: AML, later: 5n * DAY, findings: [allOverdue("aml")], gone: [allOverdue("none")], balances: {} },
    ],
  },
];

acceptanceTests(CASES);

/** Deposits of 1 and aggregations seen by a run over the first rows only. */
async function seen(sql: Sql, batches: number, aggregations: number): Promise<{ waiting: string; unknown: number[] }> {
  const known = `SELECT aggregation_serial_id AS row, batch_deposit_serial_id <= ${batches} AS known
    FROM exchange.aggregation_tracking WHERE aggregation_serial_id <= ${aggregations}`;
  const rows = await sql.unsafe(`SELECT row::int4, known FROM (${known}) x`);
  const unknown = rows.filter((r) => r["known"] !== true).map((r) => r["row"] as number);
  return { waiting: String(Math.min(batches, 200) - (rows.length - unknown.length)), unknown };
}

Deno.test({
  name: "acceptance F.5 transfer lag: deposits and aggregations over five runs; the lag is the true sum in each",
  ignore: datasetNames().length === 0,
}, async () => {
  const info = datasetInfo("small-postagg");
  const bank = asBankHistory(recordedHistory(info.account_section, info.name));
  const base = await untouched(info.name);
  const limits = new Map<string, bigint>();
  await withCopy(
    info.name,
    (url, sql) =>
      withAuditor(url, info, { bank, limits, passes: EVERY_PASS }, async ({ runWell }) => {
        const lags: string[] = [];
        // the first batch after each run is the one that the reference skips (BUG-3.1)
        for (const [batches, aggregations] of [[41, 0], [42, 40], [150, 90], [199, 199], [1000, 1000]] as const) {
          limits.set("batch_deposits", BigInt(batches) + 1n).set("aggregation_tracking", BigInt(aggregations) + 1n);
          await runWell();
          const { waiting, unknown } = await seen(sql, batches, aggregations);
          const outcome = await readOutcome(sql);
          const expected = unknown.map((row) =>
            badRow("TR-R2", "aggregation_tracking", row, "batch deposit not pending")
          );
          assert.deepEqual(compareFindings(newFindings(outcome, base), expected), []);
          assert.deepEqual(changedBalances(base, outcome), waiting === "0" ? {} : { total_amount_lag: ["0", waiting] });
          lags.push(waiting);
        }
        assert.deepEqual([lags[0], lags.at(-1)], ["41", "0"]);
        assert.equal(new Set(lags).size, 5, "each run changes it");
      }),
  );
});

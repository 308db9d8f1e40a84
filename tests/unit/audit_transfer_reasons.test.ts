// SPDX-License-Identifier: AGPL-3.0-or-later
/** TR-R1: why deposits are late, as the exchange says it. */
import assert from "node:assert/strict";
import { transferPass } from "../../core/audit/passes/transfer/pass.ts";
import { withEmptyDatabase } from "../support/database_scene.ts";
import { Phrase } from "../support/scenario.ts";
import { WireScene } from "../support/wire_scene.ts";

/** The reason for a late deposit (row 1) beside one that is not late (row 2), after a change of the database. */
function reasonAfter(change: string, earlier: boolean): Promise<string> {
  return withEmptyDatabase(async (url, sql) => {
    const scene = new WireScene(url, sql, transferPass);
    for (const event of ["batch b1 5", "batch b2 5 due=60"]) await scene.play(new Phrase(event));
    if (earlier) await scene.run();
    await sql.unsafe(change);
    await scene.run();
    const [lag] = await sql`SELECT batches, reason FROM auditor.auditor_x_deposit_lag`;
    assert.equal(lag!["batches"], 1n);
    return lag!["reason"] as string;
  });
}

const blocked = (row: number, done = false) =>
  `UPDATE exchange.batch_deposits SET policy_blocked = true, done = ${done} WHERE batch_deposit_serial_id = ${row}`;

const CASES: [title: string, change: string, reason: string][] = [
  ["nothing is said", "", "none"],
  ["its policy blocks it", blocked(1), "policy"],
  ["its policy blocked it", blocked(1, true), "none"],
  ["a policy blocks another that is not late", blocked(2), "none"],
];

for (const [title, change, reason] of CASES) {
  for (const earlier of [false, true]) {
    Deno.test(`transfer, reasons: ${title}${earlier ? ", after an earlier run" : ""}`, async () => {
      assert.equal(await reasonAfter(change, earlier), reason);
    });
  }
}

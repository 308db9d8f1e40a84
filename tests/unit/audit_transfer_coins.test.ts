// SPDX-License-Identifier: AGPL-3.0-or-later
/** The transfer pass: coins that are added to a batch later count as if they had been there from the start. */
import assert from "node:assert/strict";
import { transferPass } from "../../core/audit/passes/transfer/pass.ts";
import { openFindingsOf, withEmptyDatabase } from "../support/database_scene.ts";
import { bytes32, bytes64 } from "../support/mint.ts";
import { Phrase } from "../support/scenario.ts";
import { WireScene } from "../support/wire_scene.ts";

/** Plays events, and `coin 2 20`: a coin of 20 for batch number 2; audits after each if wanted, and at the end. */
function lagOf(story: string, stepwise: boolean): Promise<unknown> {
  return withEmptyDatabase(async (url, sql) => {
    const scene = new WireScene(url, sql, transferPass);
    for (const [i, event] of story.split("; ").entries()) {
      const [verb, batch, amount] = event.split(" ");
      if (verb === "coin") {
        await sql`INSERT INTO exchange.coin_deposits (batch_deposit_serial_id, coin_pub, coin_sig, amount_with_fee)
          SELECT ${batch!}, ${bytes32(`coin ${i}`)}, ${
          bytes64(`signature ${i}`)
        }, (${amount!}, 0)::exchange.taler_amount`;
      } else await scene.play(new Phrase(event));
      if (stepwise) await scene.run();
    }
    await scene.run();
    assert.equal((await scene.run()).wrote, false, "a second run writes nothing");
    const balances =
      await sql`SELECT (balance_value).val::int4 AS val FROM auditor.auditor_balances ORDER BY balance_key`;
    const pending = await sql`SELECT batch_deposit_serial_id::int4 AS batch, (total_amount).val::int4 AS val
      FROM auditor.auditor_pending_deposits ORDER BY 1`;
    return {
      balances: balances.map((r) => r["val"]),
      pending: pending.map((r) => [r["batch"], r["val"]]),
      findings: (await openFindingsOf(sql)).map((f) => f.check),
    };
  });
}

/** Balances: what waits, and what of it is overdue. */
const CASES: [string, { balances: number[]; pending: number[][]; findings?: string[] }][] = [
  ["batch b1 5; run; coin 1 20", { balances: [25, 25], pending: [[1, 25]] }],
  ["batch b1 5; run; coin 1 20; run; coin 1 3; run; run", { balances: [28, 28], pending: [[1, 28]] }],
  ["batch b1 5; run; coin 1 20; batch b2 2 due=60", { balances: [27, 25], pending: [[1, 25], [2, 2]] }],
  ["batch b1 5; run; coin 1 20; aggregate b1 into w1", { balances: [0, 0], pending: [] }],
  ["batch b1 5; run; coin 1 20; run; aggregate b1 into w1", { balances: [0, 0], pending: [] }],
  ["batch b1 5; aggregate b1 into w1; run; coin 1 20", { balances: [0, 0], pending: [] }],
  ["batch b1 0 no-coins; run; coin 1 20", { balances: [20, 20], pending: [[1, 20]] }],
  ["batch b1 0 no-coins; coin 2 20", { balances: [0, 0], pending: [[1, 0]], findings: ["TR-R3"] }],
];

for (const [story, expected] of CASES) {
  Deno.test(`transfer, coins that come later: ${story}`, async () => {
    const all = { findings: [], ...expected };
    assert.deepEqual(await lagOf(story, false), all);
    assert.deepEqual(await lagOf(story, true), all, "split");
    assert.deepEqual(await lagOf(story.replaceAll("; run", ""), false), all, "at once");
  });
}

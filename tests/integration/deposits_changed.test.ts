// SPDX-License-Identifier: AGPL-3.0-or-later
/** Confirmed deposits that are exchanged for others later, under the same numbers: their number does not change. */
import assert from "node:assert/strict";
import { withEmptyDatabase } from "../support/database_scene.ts";
import { DepositScene } from "../support/deposit_scene.ts";
import { Phrase } from "../support/scenario.ts";

const CHANGES: [string, string][] = [
  ["the deposit, which vanishes,", "DELETE FROM exchange.coin_deposits WHERE coin_deposit_serial_id = 1"],
  ["the coin's signature", `UPDATE exchange.coin_deposits SET coin_sig = sha512('other')`],
  ["the coin", `UPDATE exchange.coin_deposits SET coin_pub = sha256('other')`],
  ["the amount", `UPDATE exchange.coin_deposits SET amount_with_fee.val = 1`],
  ["the merchant", `UPDATE exchange.batch_deposits SET merchant_pub = sha256('other')`],
  ["the contract", `UPDATE exchange.batch_deposits SET h_contract_terms = sha512('other')`],
  ["the salt of the account", `UPDATE exchange.batch_deposits SET wire_salt = substring(sha256('other') FOR 16)`],
  ["the account", `UPDATE exchange.batch_deposits SET wire_target_h_payto = sha256('other')`],
  ["the refund deadline", `UPDATE exchange.batch_deposits SET refund_deadline = refund_deadline + 1000000`],
];

/** Confirmations that are open after a change, one after another: in the same hour, a day later, a further day later. */
function openAfter(change: string, between: string[] = []): Promise<number[]> {
  return withEmptyDatabase(async (url, sql) => {
    const scene = new DepositScene(url, sql);
    await scene.begin();
    const play = async (...events: string[]) => {
      for (const event of events) await scene.play(new Phrase(event));
      const [row] = await sql`SELECT count(*)::int4 AS open FROM auditor.auditor_deposit_confirmations`;
      return row!["open"] as number;
    };
    assert.equal(await play("batch b1 c1:d5=3", "confirm b1", "run", "run"), 0, "archived");
    await play(...between);
    if (change !== "") await sql.unsafe(change);
    return [await play("run"), await play("day 51", "run"), await play("day 52", "run", "run")];
  });
}

for (const [title, change] of CHANGES) {
  Deno.test(`deposits: ${title} changes after the confirmation was archived`, async () => {
    assert.deepEqual(await openAfter(change), [0, 1, 1]);
  });
}

Deno.test("deposits: an archived confirmation stays while deposits are added, and what else changes does not matter", async () => {
  assert.deepEqual(await openAfter("", ["batch b2 c2:d5=2", "run", "batch b3 c3:d5=2", "run"]), [0, 0, 0]);
  assert.deepEqual(await openAfter("UPDATE exchange.batch_deposits SET done = true"), [0, 0, 0]);
});

Deno.test("deposits: a change is noticed where deposits were added before it", async () => {
  const change = "UPDATE exchange.coin_deposits SET coin_sig = sha512('other') WHERE coin_deposit_serial_id = 1";
  assert.deepEqual(await openAfter(change, ["batch b2 c2:d5=2", "run"]), [0, 1, 1]);
});

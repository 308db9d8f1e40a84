// SPDX-License-Identifier: AGPL-3.0-or-later
/** The figures of a run from balances. */
import assert from "node:assert/strict";
import { currentFigures } from "../../core/audit/reconciliation.ts";
import { withEmptyDatabase } from "../support/database_scene.ts";

Deno.test("figures: of a purse that was not full, the loss is what was missing", async () => {
  const losses = await withEmptyDatabase(async (_url, sql) => {
    await sql.unsafe(`INSERT INTO auditor.auditor_balances (balance_key, balance_value) VALUES
      ('purse_total_balance_insufficient_loss', (2, 0)), ('purse_total_balance_insufficient_shortfall', (0, 50000000)),
      ('reserves_reserve_loss', (1, 0)), ('total_wire_in', (9, 0))`);
    return (await currentFigures(sql)).get("losses");
  });
  assert.equal(losses, 150_000_000n);
});

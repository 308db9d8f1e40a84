// SPDX-License-Identifier: AGPL-3.0-or-later
/** What is counted at the end of a run: every table of findings, by whether somebody suppressed them. */
import assert from "node:assert/strict";
import { openFindings } from "../../core/audit/summary.ts";
import { initAuditorSchema } from "../../core/db/auditor-schema.ts";
import { fillTables } from "../support/auditor_rows.ts";
import { withDatabase } from "../support/server.ts";

/** Tables with a mark "suppressed" that hold no findings: what nobody misses, and deposits that are not due yet. */
const NO_FINDINGS = ["auditor_exchange_signkeys", "auditor_x_confirmation_archive", "auditor_pending_deposits"];

Deno.test("the summary counts every table of findings", () =>
  withDatabase(async (sql) => {
    await initAuditorSchema(sql);
    assert.deepEqual(await openFindings(sql), []);
    await fillTables(sql);
    const marked =
      await sql`SELECT attrelid::regclass::text AS name FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
      WHERE attname = 'suppressed' AND relkind = 'r' AND relnamespace = 'auditor'::regnamespace`;
    const tables = marked.map((r) => (r["name"] as string).replace("auditor.", "")).filter((t) =>
      !NO_FINDINGS.includes(t)
    );
    const counted = await openFindings(sql);
    assert.deepEqual(counted.map((f) => `auditor_${f.kind}`).sort(), tables.sort());
    assert.deepEqual(counted.filter((f) => f.open !== 0 || f.suppressed !== 1 || (f.atRisk ?? 0n) !== 0n), []);

    for (const table of tables) await sql.unsafe(`UPDATE auditor.${table} SET suppressed = false`);
    const open = await openFindings(sql);
    assert.deepEqual(open.filter((f) => f.open !== 1 || f.suppressed !== 0), []);
    const amounts = new Map(open.map((f) => [f.kind, f.atRisk]));
    assert.equal(amounts.get("deposit_confirmations"), 1_00000002n);
    assert.equal(amounts.get("closure_lags"), 1_00000002n);
    assert.equal(amounts.get("row_inconsistency"), undefined);

    await sql`UPDATE auditor.auditor_x_confirmation SET state = 'pending'`;
    const kinds = (await openFindings(sql)).map((f) => f.kind);
    assert.deepEqual(open.map((f) => f.kind).filter((k) => !kinds.includes(k)), ["deposit_confirmations"]);
  }));

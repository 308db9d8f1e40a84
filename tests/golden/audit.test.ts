// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The three passes on the untouched datasets: what they find is what the reference found but for the table of
 * differences; a second run changes nothing; threads and page sizes change nothing; and every signature is verified
 * exactly once.
 */
import assert from "node:assert/strict";
import type { AuditReport, PassReport } from "../../core/audit/run.ts";
import type { Sql } from "../../core/db/connect.ts";
import {
  auditorState,
  auditWell,
  checkCounts,
  compareStates,
  noteAbsence,
  ownState,
  referenceState,
  settingsOf,
  wholeAuditor,
  withCopy,
} from "../support/audit.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { DATASETS } from "./differences.ts";
import { restrict, unexplained } from "./explain.ts";

const names = datasetNames();
noteAbsence(names);

/** The auditor schema of each dataset after one run, by the first test that made it. */
const written = new Map<string, Record<string, string>>();

Deno.test({ name: "every dataset is in the table", ignore: names.length === 0 }, () => {
  assert.deepEqual(Object.keys(DATASETS).sort(), names);
});

/** Signatures that each pass must verify on a fresh auditor database, counted by plain SQL. */
async function expectedSignatures(sql: Sql, auditorPub: Uint8Array): Promise<Record<string, PassReport["signatures"]>> {
  const count = async (from: string): Promise<number> => {
    const [row] = await sql.unsafe(`SELECT count(*)::int4 AS n FROM ${from}`);
    return row!["n"] as number;
  };
  const ofCipher = (cipher: "RSA" | "CS", from: string) =>
    count(`exchange.denominations d JOIN ${from}
      WHERE substring(d.denom_pub FROM 1 FOR 4) = '\\x0000000${cipher === "RSA" ? 1 : 2}'`);
  const own = `'\\x${auditorPub.toHex()}'`;
  const revocations = await count("exchange.denomination_revocations");
  const coins = "exchange.known_coins x USING (denominations_serial)";
  const reveals = "exchange.refresh_revealed_coins x USING (denominations_serial)";
  const recoups = await count("exchange.recoup");
  return {
    reserves: {
      // one reserve's or coin's signature per row; R-7: the revocations;
      // a close on request may be signed for the stored account or for none, so both are tried (D-10)
      ed25519: await count("exchange.reserves_out") + await count("exchange.age_withdraw") + recoups +
        await count("exchange.reserves_open_requests") + await count("exchange.account_merges") + revocations +
        2 * await count(`exchange.reserves_close c JOIN exchange.close_requests r
          ON r.reserve_pub = c.reserve_pub AND r.close_request_serial_id = c.close_request_row`),
      rsa: 0,
      cs: 0,
    },
    coins: {
      // denominations: the master key's, ours where there is one (C-1), revocations (C-3); global fees;
      // C-11, C-13, X-3, C-15, C-19, C-26, C-8: one signature per row; X-7: the old coin's link to each fresh coin
      ed25519: await count("exchange.denominations") +
        await count(`exchange.auditor_denom_sigs JOIN exchange.auditors a USING (auditor_uuid)
          WHERE a.auditor_pub = ${own}`) +
        revocations + await count("exchange.global_fee") + await count("exchange.coin_deposits") +
        await count("exchange.purse_deposits") + await count("exchange.reserves_open_deposits") +
        await count("exchange.refunds") + await count("exchange.refresh_commitments") + recoups +
        await count("exchange.recoup_refresh") +
        await count("exchange.refresh_revealed_coins JOIN exchange.refresh_transfer_keys USING (melt_serial_id)"),
      // C-5: each coin once in its life; X-7: the blind signature of each withdrawal and of each fresh coin, and
      // that each recouped coin is the one that was blinded
      rsa: await ofCipher("RSA", coins) + await ofCipher("RSA", reveals) +
        await ofCipher("RSA", "exchange.reserves_out x USING (denominations_serial)") +
        await ofCipher(
          "RSA",
          "(SELECT unnest(denom_serials) AS denominations_serial FROM exchange.age_withdraw) x USING (denominations_serial)",
        ) +
        await ofCipher(
          "RSA",
          "exchange.known_coins k USING (denominations_serial) JOIN exchange.recoup USING (coin_pub)",
        ) +
        await ofCipher(
          "RSA",
          "exchange.known_coins k USING (denominations_serial) JOIN exchange.recoup_refresh USING (coin_pub)",
        ),
      // Clause-Schnorr withdrawals and recoups cannot be verified from what the database keeps
      cs: await ofCipher("CS", coins) + await ofCipher("CS", reveals),
    },
    // every wire fee; the coins were verified by the coins pass of the same run
    aggregation: { ed25519: await count("exchange.wire_fee"), rsa: 0, cs: 0 },
  };
}

function signaturesOf(report: AuditReport): Record<string, PassReport["signatures"]> {
  return Object.fromEntries(report.passes.map((p) => [p.pass, { ...p.signatures }]));
}

for (const name of names) {
  const info = datasetInfo(name);
  const entry = DATASETS[name]!;
  const table = (only: "internal" | "plain") =>
    entry.differences.filter((d) => d.only === undefined || d.only === only);

  Deno.test(`${name}: findings, balances and state are the reference's but for the table`, async () => {
    await withCopy(name, async (url, sql) => {
      const report = await auditWell(url, info);
      const reference = restrict(referenceState(name, "patched", 1));
      const differences = compareStates(restrict(await auditorState(sql)), reference);
      assert.deepEqual(unexplained(differences, table("internal")), []);
      assert.deepEqual(await checkCounts(sql), entry.checks);
      assert.deepEqual(signaturesOf(report), await expectedSignatures(sql, settingsOf(info).auditorPub));
      assert.deepEqual(report.warnings, []);
      const before = await wholeAuditor(sql);
      written.set(name, before);
      const again = await auditWell(url, info);
      assert.deepEqual(again.passes.map((p) => [p.pass, p.opened, p.changed, p.resolved, p.wrote]), [
        ["reserves", 0, 0, 0, false],
        ["coins", 0, 0, 0, false],
        ["aggregation", 0, 0, 0, false],
      ]);
      assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
    });
  });

  Deno.test(`${name}: the same without internal checks`, async () => {
    await withCopy(name, async (url, sql) => {
      await auditWell(url, info, { internal: false });
      const reference = restrict(referenceState(name, "noi", 1));
      const differences = compareStates(restrict(await auditorState(sql)), reference);
      assert.deepEqual(unexplained(differences, table("plain")), []);
    });
  });

  Deno.test(`${name}: threads and page sizes leave the same bytes`, async () => {
    const expected = written.get(name) ?? await bytesAfter(name, 1, 4000);
    for (const [workers, pageRows] of [[2, 100], [3, 7]] as const) {
      assert.deepEqual(await bytesAfter(name, workers, pageRows), expected, `${workers} workers, pages of ${pageRows}`);
    }
  });
}

function bytesAfter(name: string, workers: number, pageRows: number): Promise<Record<string, string>> {
  return withCopy(name, async (url, sql) => {
    await auditWell(url, datasetInfo(name), { workers, pageRows });
    return await wholeAuditor(sql);
  });
}

Deno.test({
  name: "aggregation without the coins pass verifies the coins itself",
  ignore: names.length === 0,
}, async () => {
  await withCopy("auditor-api-rsa", async (url, sql) => {
    const report = await auditWell(url, datasetInfo("auditor-api-rsa"), { passes: ["aggregation"] });
    const [row] = await sql`SELECT count(*)::int4 AS n FROM exchange.known_coins`;
    assert.deepEqual(signaturesOf(report), { aggregation: { ed25519: 1, rsa: row!["n"], cs: 0 } });
  });
});

Deno.test(
  { name: "passes run one by one, in any order, leave the same state", ignore: names.length === 0 },
  async () => {
    const info = datasetInfo("exchange-api-rsa");
    const stateAfter = (orders: readonly (readonly string[])[]) =>
      withCopy(info.name, async (url, sql) => {
        for (const passes of orders) await auditWell(url, info, { passes });
        return { layout: await auditorState(sql), own: await ownState(sql) };
      });
    const together = await stateAfter([["reserves", "coins", "aggregation"]]);
    assert.deepEqual(await stateAfter([["reserves"], ["coins"], ["aggregation"]]), together);
    assert.deepEqual(await stateAfter([["aggregation"], ["coins"], ["reserves"]]), together);
  },
);

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
  type AuditorState,
  auditorState,
  auditWell,
  checkCounts,
  compareStates,
  type HeldAuditor,
  noteAbsence,
  ownState,
  referenceState,
  settingsOf,
  wholeAuditor,
  withAuditor,
  withCopy,
} from "../support/audit.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { DATASETS } from "./differences.ts";
import { differenceText, restrict, unexplained } from "./explain.ts";
import { TAMPERED } from "./slices.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);

/** The auditor schema of each dataset after one run, by the first test that made it. */
const written = new Map<string, Record<string, string>>();

Deno.test({ name: "every dataset is in the table", ignore }, () => {
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
  const withdrawals = "exchange.reserves_out x USING (denominations_serial)";
  const ageWithdrawals =
    "(SELECT unnest(denom_serials) AS s FROM exchange.age_withdraw) x ON x.s = d.denominations_serial";
  const recouped = "exchange.known_coins USING (denominations_serial) JOIN exchange.recoup USING (coin_pub)";
  const refreshRecouped =
    "exchange.known_coins USING (denominations_serial) JOIN exchange.recoup_refresh USING (coin_pub)";
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
      rsa: await ofCipher("RSA", coins) + await ofCipher("RSA", reveals) + await ofCipher("RSA", withdrawals) +
        await ofCipher("RSA", ageWithdrawals) + await ofCipher("RSA", recouped) +
        await ofCipher("RSA", refreshRecouped),
      // what was blinded in a Clause-Schnorr withdrawal cannot be told from what the database keeps, nor recouped to it
      cs: await ofCipher("CS", coins) + await ofCipher("CS", reveals) + await ofCipher("CS", refreshRecouped),
    },
    // every wire fee; the coins were verified by the coins pass of the same run
    aggregation: { ed25519: await count("exchange.wire_fee"), rsa: 0, cs: 0 },
  };
}

/** Runs `body` on a copy of a dataset that was audited once, with the report of that and the auditor. */
function withAudited(
  name: string,
  body: (sql: Sql, report: AuditReport, auditor: HeldAuditor) => Promise<void>,
): Promise<void> {
  return withCopy(name, (url, sql) =>
    withAuditor(url, datasetInfo(name), {}, async (auditor) => {
      await body(sql, await auditor.runWell(), auditor);
    }));
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
    await withAudited(name, async (sql, report, { runWell }) => {
      const reference = restrict(referenceState(name, "patched", 1));
      const differences = compareStates(restrict(await auditorState(sql)), reference);
      assert.deepEqual(unexplained(differences, table("internal")), []);
      assert.deepEqual(await checkCounts(sql), entry.checks);
      assert.deepEqual(signaturesOf(report), await expectedSignatures(sql, settingsOf(info).auditorPub));
      assert.deepEqual(report.warnings, []);
      const before = await wholeAuditor(sql);
      written.set(name, before);
      const again = await runWell();
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
      const found = await bytesAfter(name, workers, pageRows);
      assert.deepEqual(otherLines(found, expected), [], `${workers} workers, pages of ${pageRows}`);
    }
  });
}

function bytesAfter(
  name: string,
  workers: number,
  pageRows: number,
  change = "",
): Promise<Record<string, string>> {
  return withCopy(name, async (url, sql) => {
    await sql.unsafe(change);
    await auditWell(url, datasetInfo(name), { workers, pageRows });
    return await wholeAuditor(sql);
  });
}

/** Lines that only one of two auditor schemas has. */
function otherLines(found: Record<string, string>, expected: Record<string, string>): string[] {
  const lines = (whole: Record<string, string>) =>
    Object.entries(whole).flatMap(([table, text]) => text.split("\n").map((line) => `${table}: ${line}`));
  const [a, b] = [lines(found), lines(expected)];
  const [inA, inB] = [new Set(a), new Set(b)];
  return [...a.filter((l) => !inB.has(l)), ...b.filter((l) => !inA.has(l)).map((l) => `expected ${l}`)];
}

Deno.test({ name: "threads and page sizes leave the same bytes of a database full of findings", ignore }, async () => {
  const expected = await bytesAfter("small-postagg", 1, 4000, TAMPERED);
  const journal = expected["auditor_x_journal"]!.split("\n").map((line) => JSON.parse(line)["check_id"]);
  assert.ok(journal.length > 500, `${journal.length} findings`);
  assert.ok(new Set(journal).size >= 15, [...new Set(journal)].join(" "));
  for (const [workers, pageRows] of [[1, 7], [2, 100], [3, 7], [3, 4000]] as const) {
    const found = await bytesAfter("small-postagg", workers, pageRows, TAMPERED);
    assert.deepEqual(otherLines(found, expected), [], `${workers} workers, pages of ${pageRows}`);
  }
});

Deno.test({
  name: "aggregation without the coins pass verifies the coins itself",
  ignore,
}, async () => {
  await withCopy("auditor-api-rsa", async (url, sql) => {
    const report = await auditWell(url, datasetInfo("auditor-api-rsa"), { passes: ["aggregation"] });
    const [row] = await sql`SELECT count(*)::int4 AS n FROM exchange.known_coins`;
    assert.deepEqual(signaturesOf(report), { aggregation: { ed25519: 1, rsa: row!["n"], cs: 0 } });
  });
});

for (const order of [["reserves", "coins", "aggregation"], ["aggregation", "coins", "reserves"]]) {
  Deno.test({ name: `passes run one by one (${order.join(", ")}) leave the same state`, ignore }, async () => {
    const info = datasetInfo("exchange-api-rsa");
    const stateAfter = (...runs: (readonly string[])[]) =>
      withCopy(info.name, async (url, sql): Promise<AuditorState> => {
        for (const passes of runs) await auditWell(url, info, { passes });
        return new Map([...await auditorState(sql), ...await ownState(sql)]);
      });
    const differences = compareStates(await stateAfter(...order.map((pass) => [pass])), await stateAfter(order))
      // a pass that runs alone verifies coins by itself, and notes how far
      .filter((d) => (d.ours ?? d.reference)!["name"] !== "x:aggregation:known_coins");
    assert.deepEqual(differences.map(differenceText), []);
  });
}

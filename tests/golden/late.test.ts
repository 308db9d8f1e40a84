// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Law "late": rows that are committed below a progress point are found by the next run, and what is left then is
 * what one run over everything leaves, in all eight passes. On authentic data of which a part comes late.
 */
import assert from "node:assert/strict";
import { encodeHex } from "../../core/audit/hex.ts";
import { ALL_PASSES } from "../../core/audit/run.ts";
import { signBlock } from "../../core/crypto/blocks.ts";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import type { Sql } from "../../core/db/connect.ts";
import { DAY } from "../../core/taler/time.ts";
import {
  type AuditorState,
  auditWell,
  checkCounts,
  compareStates,
  noteAbsence,
  wholeAuditor,
  wholeState,
  withAuditor,
  withCopy,
} from "../support/audit.ts";
import { asBankHistory, recordedHistory } from "../support/bank-golden.ts";
import { type DatasetInfo, datasetInfo, datasetNames } from "../support/golden.ts";
import { differenceText } from "./explain.ts";
import { fillHoles, holdBack, type Holes, keepAllAside } from "./holes.ts";
import { TAMPERED } from "./slices.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);

const EIGHT = ALL_PASSES.map((p) => p.name);
const bankOf = ({ name, account_section }: DatasetInfo) => asBankHistory(recordedHistory(account_section, name));

/** The holes that an audit knows, but for when it found them. */
async function holes(sql: Sql): Promise<string[]> {
  const rows = await sql`SELECT pass, stage, first, last FROM auditor.auditor_x_gap ORDER BY 1, 2, 3`;
  return rows.map((r) => `${r["pass"]} ${r["stage"]} ${r["first"]}-${r["last"]}`);
}

interface Outcome {
  state: AuditorState;
  holes: string[];
}

const known = new Map<string, Promise<Outcome>>();

/** What one run over everything leaves. */
function oneRun(info: DatasetInfo, change = "", passes = EIGHT): Promise<Outcome> {
  const key = `${info.name} ${passes} ${change}`;
  const outcome = known.get(key) ?? withCopy(info.name, async (url, sql) => {
    if (change !== "") await sql.unsafe(change);
    await auditWell(url, info, { passes, bank: bankOf(info) });
    return { state: await wholeState(sql), holes: await holes(sql) };
  });
  known.set(key, outcome);
  return outcome;
}

/** What a state has that one run over everything does not leave, and the other way round. */
const deviations = (state: AuditorState, expected: AuditorState) =>
  compareStates(state, expected).map((d) => differenceText(d).replaceAll("the reference", "one run"));

/**
 * Audits what is left when some rows are held back, then all, and compares with one run over everything.
 * @returns whether there were holes
 */
async function checkLate(info: DatasetInfo, late: Holes, change = "", passes = EIGHT): Promise<boolean> {
  const expected = await oneRun(info, change, passes);
  return await withCopy(info.name, async (url, sql) => {
    if (change !== "") await sql.unsafe(change);
    await keepAllAside(sql);
    const gone = await holdBack(sql, late);
    const label = `seed ${late.seed}, ${gone} rows`;
    return await withAuditor(url, info, { passes, bank: bankOf(info) }, async ({ runWell }) => {
      await runWell();
      const between = await holes(sql);
      await fillHoles(sql);
      await runWell();
      assert.deepEqual(deviations(await wholeState(sql), expected.state), [], label);
      assert.deepEqual(await holes(sql), expected.holes, label);
      const before = await wholeAuditor(sql);
      await runWell();
      assert.deepEqual(await wholeAuditor(sql), before, `${label}: a third run writes nothing`);
      return !between.every((hole) => expected.holes.includes(hole));
    });
  });
}

/** The same for several choices of rows, of which some at least make holes. */
async function checkChoices(
  info: DatasetInfo,
  seeds: number,
  late: Omit<Holes, "seed">,
  ...how: [change?: string, passes?: string[]]
): Promise<void> {
  let holey = 0;
  for (let seed = 1; seed <= seeds; seed++) if (await checkLate(info, { ...late, seed }, ...how)) holey++;
  assert.ok(holey > 0, "nothing was late");
}

/** Datasets with how many of a thousand rows are late to begin with; all that depends on them is late as well. */
const TOGETHER: readonly (readonly [dataset: string, perMille: number, seeds: number])[] = [
  ["bench-mid", 20, 1],
  ["small-postagg", 250, 2],
  ["small-drain", 30, 2],
  ["exchange-api-rsa", 250, 3],
  ["exchange-api-cs", 60, 5],
  ["exchange-api-wired-rsa", 100, 3],
  ["revocation-rsa", 100, 5],
  ["auditor-api-rsa", 100, 3],
  ["age-restriction-rsa", 250, 3],
  ["p2p-rsa", 250, 5],
  ["kyc", 250, 5],
];

for (const [name, perMille, seeds] of TOGETHER) {
  Deno.test({ name: `late: transactions of ${name} that commit after others end like one run`, ignore }, async () => {
    await checkChoices(datasetInfo(name), seeds, { perMille });
  });
}

/**
 * Rows that come apart from others of their transaction, as no database shows them: partners (coins, batches, purses)
 * behind the rows that name them, money behind what was done with it.
 */
const TORN: readonly (readonly [dataset: string, ...tables: string[]])[] = [
  ["small-preagg", "known_coins", "batch_deposits", "reserves_in", "reserves_out"],
  ["small-postagg", "reserves_in", "reserves_out"],
  ["age-restriction-rsa", "known_coins", "batch_deposits", "reserves_in", "reserves_out", "kycauths_in"],
  ["p2p-rsa", "known_coins", "reserves_in", "reserves_out", "purse_requests", "purse_merges", "account_merges"],
  ["kyc", "known_coins", "reserves_in", "reserves_out", "purse_requests", "purse_merges", "account_merges"],
];

for (const [name, ...tables] of TORN) {
  Deno.test({ name: `late: rows of ${name} behind their partners end like one run (X-9)`, ignore }, async () => {
    await checkChoices(datasetInfo(name), 3, { perMille: 300, tables, torn: true });
  });
}

for (const name of ["small-postagg", "exchange-api-rsa"]) {
  Deno.test({ name: `late: what is wrong with rows of ${name} is found when they come late`, ignore }, async () => {
    await checkChoices(datasetInfo(name), 1, { perMille: 150 }, TAMPERED);
  });
}

Deno.test({ name: "late: coins that come after their batch wait to be aggregated (TR-1, TR-R3)", ignore }, async () => {
  const late = { perMille: 300, tables: ["coin_deposits"], torn: true };
  await checkChoices(datasetInfo("small-preagg"), 1, late, "", ["transfer"]);
});

const ELSEWHERE = `UPDATE exchange.wire_out SET exchange_account_section = 'elsewhere' WHERE wireout_uuid % 2 = 0;
  UPDATE exchange.reserves_in SET exchange_account_section = 'elsewhere' WHERE reserve_in_serial_id % 3 = 0`;

Deno.test({ name: "late: transfers of accounts that are not audited (WC-R4, WD-R2)", ignore }, async () => {
  await checkChoices(datasetInfo("small-postagg"), 2, { perMille: 30 }, ELSEWHERE);
});

const LONELY = `SET session_replication_role = replica;
  INSERT INTO exchange.purse_requests SELECT (jsonb_populate_record(x, jsonb_build_object(
      'purse_requests_serial_id', 100 + n, 'purse_pub', sha256(n::text::bytea)))).*
    FROM exchange.purse_requests x, generate_series(1, 8) n WHERE x.purse_requests_serial_id = (
      SELECT min(purse_requests_serial_id) FROM exchange.purse_requests)`;

Deno.test({ name: "late: purses of which nothing else is known are open, too (PU-R7)", ignore }, async () => {
  await checkChoices(datasetInfo("p2p-rsa"), 2, { perMille: 400, tables: ["purse_requests"], torn: true }, LONELY);
});

const PARTNERED = `SET session_replication_role = replica;
  INSERT INTO exchange.partners (partner_serial_id, partner_master_pub, start_date, end_date, wad_frequency, wad_fee,
      master_sig, partner_base_url)
    VALUES (7, sha256('partner'), 0, 0, 0, ROW(0, 0)::exchange.taler_amount, sha512('partner'), 'https://partner.example/');
  UPDATE exchange.purse_merges SET partner_serial_id = 7`;

Deno.test({ name: "late: the first purse merged towards a partner exchange is named (PU-R11)", ignore }, async () => {
  await checkChoices(datasetInfo("p2p-rsa"), 4, { perMille: 400, tables: ["purse_merges"], torn: true }, PARTNERED);
});

/** A merchant of ours, and a deposit fee that full refunds give back. */
const MERCHANT = new Uint8Array(32).fill(9);
const REFUNDABLE = `SET session_replication_role = replica;
  UPDATE exchange.denominations SET fee_deposit = (0, 5000000);
  UPDATE exchange.batch_deposits SET merchant_pub = '\\x${
  encodeHex(publicKeyOf(MERCHANT))
}' WHERE batch_deposit_serial_id = 1;
  SET session_replication_role = DEFAULT`;

/** Gives back a part (atoms) of the first deposit, in a row of a given number. */
async function refund(sql: Sql, currency: string, serial: bigint, amount: bigint): Promise<void> {
  const [d] = await sql`SELECT cd.coin_pub, bd.h_contract_terms FROM exchange.coin_deposits cd
    JOIN exchange.batch_deposits bd USING (batch_deposit_serial_id) WHERE bd.batch_deposit_serial_id = 1`;
  const coinPub = new Uint8Array(d!["coin_pub"]), hContractTerms = new Uint8Array(d!["h_contract_terms"]);
  const fields = { hContractTerms, coinPub, rtransactionId: serial, amount };
  const signature = signBlock("merchantRefund", currency, MERCHANT, fields);
  await sql`INSERT INTO exchange.refunds
      (refund_serial_id, coin_pub, batch_deposit_serial_id, merchant_sig, rtransaction_id, amount_with_fee)
    VALUES (${serial}, ${coinPub}, 1, ${signature}, ${serial}, ROW(0, ${amount})::exchange.taler_amount)`;
}

Deno.test(
  { name: "late: refunds give a deposit back in full in whatever order they come (D-14)", ignore },
  async () => {
    const info = datasetInfo("small-preagg");
    const PARTS = [20_000_000n, 30_000_000n, 50_000_000n];
    const outcome = (...runs: number[][]) =>
      withCopy(info.name, async (url, sql) => {
        await sql.unsafe(REFUNDABLE);
        for (const run of runs) {
          for (const i of run) await refund(sql, info.currency, BigInt(i + 1), PARTS[i]!);
          await auditWell(url, info, { passes: ["coins"] });
        }
        return await wholeState(sql);
      });
    const expected = await outcome([0, 1, 2]);
    assert.ok(expected.get("x_counter")!.some((r) => r["name"] === "x:money:waived" && r["value"] === "5000000"));
    for (const runs of [[[1, 2], [0]], [[2], [0, 1]], [[2], [1], [0]], [[0, 2], [1]], [[2], [0], [1]]]) {
      assert.deepEqual(deviations(await outcome(...runs), expected), [], JSON.stringify(runs));
    }
  },
);

Deno.test({ name: "late: a deposit that slips into a batch that was aggregated is found (X-5)", ignore }, async () => {
  const info = datasetInfo("exchange-api-rsa");
  await withCopy(info.name, async (url, sql) => {
    await auditWell(url, info);
    const before = await checkCounts(sql);
    await sql.unsafe(`INSERT INTO exchange.coin_deposits
        (coin_deposit_serial_id, batch_deposit_serial_id, coin_pub, coin_sig, amount_with_fee)
      SELECT (SELECT max(last) FROM auditor.auditor_x_gap WHERE pass = 'coins' AND stage LIKE 'coin\_deposits%'),
        at.batch_deposit_serial_id, kc.coin_pub, sha512('x'), ROW(0, 1)::exchange.taler_amount
      FROM exchange.aggregation_tracking at, exchange.known_coins kc
      WHERE NOT EXISTS (SELECT FROM exchange.coin_deposits cd WHERE cd.coin_pub = kc.coin_pub
        AND cd.batch_deposit_serial_id = at.batch_deposit_serial_id)
      ORDER BY at.aggregation_serial_id, kc.known_coin_id LIMIT 1`);
    await auditWell(url, info);
    const after = await checkCounts(sql);
    assert.deepEqual([before["X-5"], after["X-5"], after["C-11"]], [undefined, 1, 1]);
  });
});

Deno.test(
  { name: "late: that holes grow old is no reason to write; they go with the next change", ignore },
  async () => {
    const info = datasetInfo("small-preagg");
    await withCopy(info.name, async (url, sql) => {
      // the passes that look at whole tables once a day write then
      const passes = ["aggregation"];
      const run = (days: bigint) => auditWell(url, info, { passes, now: info.audit_now_us + days * DAY });
      await run(0n);
      const known = await holes(sql), before = await wholeAuditor(sql);
      assert.ok(known.some((h) => h.startsWith("aggregation known_coins")), known.join());
      await run(2n);
      assert.deepEqual(await wholeAuditor(sql), before);
      await sql.unsafe(`SET session_replication_role = replica; INSERT INTO exchange.known_coins
      SELECT 1000, denominations_serial, sha256('coin'), age_commitment_hash, denom_sig, remaining
      FROM exchange.known_coins WHERE known_coin_id = 1`);
      await run(2n);
      assert.match((await holes(sql)).filter((h) => h.startsWith("aggregation known_coins")).join(), /^[^,]*-999$/);
    });
  },
);

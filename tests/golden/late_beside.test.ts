// SPDX-License-Identifier: AGPL-3.0-or-later
/** Law "late" where it is not about rows of stages alone, and below rows whose number was made up. */
import assert from "node:assert/strict";
import { DAY } from "../../core/taler/time.ts";
import { auditWell, checkCounts, noteAbsence, wholeAuditor, withCopy } from "../support/audit.ts";
import { asBankHistory, recordedHistory } from "../support/bank-golden.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { spoil } from "../support/hostile.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);

const AS_REPLICA = "SET LOCAL session_replication_role = replica";
const FORGED = "decode(repeat('00', 64), 'hex')";

/** Copies the row of a table with the lowest number, with other values (SQL of a JSON object). */
const copyOf = (table: string, serial: string, values: string) =>
  `INSERT INTO exchange.${table} SELECT (jsonb_populate_record(x, ${values})).* FROM exchange.${table} x
   WHERE ${serial} = (SELECT min(${serial}) FROM exchange.${table})`;

Deno.test(
  { name: "late: a row far ahead does not end the audit of its table, even when a day passes without rows", ignore },
  async () => {
    const info = datasetInfo("small-preagg"), passes = ["reserves"];
    const withdrawal = (serial: string) =>
      copyOf(
        "reserves_out",
        "reserve_out_serial_id",
        `jsonb_build_object('reserve_out_serial_id', ${serial}::int8, 'h_blind_ev', sha512('${serial}'),
          'reserve_sig', ${FORGED})`,
      );
    await withCopy(info.name, async (url, sql) => {
      const audit = async (days: bigint, ...withdrawals: string[]) => {
        await spoil(url, [AS_REPLICA, ...withdrawals.map(withdrawal)]);
        await auditWell(url, info, { passes, now: info.audit_now_us + days * DAY });
        return (await checkCounts(sql))["R-3"];
      };
      assert.equal(await audit(0n), undefined);
      assert.equal(await audit(0n, "9007199254740000"), 1);
      assert.equal(await audit(2n), 1);
      assert.equal(await audit(4n, "5000", "5001", "5002"), 4);
      assert.equal(await audit(8n, "5004"), 5);
    });
  },
);

Deno.test({ name: "late: what was aggregated and not wired is missed at once (WD-R7)", ignore }, async () => {
  const info = datasetInfo("small-postagg"), now = info.audit_now_us + 30n * DAY;
  const bank = asBankHistory(recordedHistory(info.account_section, info.name));
  const LOST = `DELETE FROM exchange.wire_out WHERE wireout_uuid = (SELECT min(wireout_uuid) FROM exchange.wire_out);
    CREATE TABLE public.lost AS SELECT at.* FROM exchange.aggregation_tracking at
      WHERE NOT EXISTS (SELECT FROM exchange.wire_out w WHERE w.wtid_raw = at.wtid_raw);
    DELETE FROM exchange.aggregation_tracking WHERE aggregation_serial_id IN (
      SELECT aggregation_serial_id FROM public.lost)`;
  const outcome = (late: boolean) =>
    withCopy(info.name, async (url, sql) => {
      const run = () => auditWell(url, info, { passes: ["wire-debit"], bank, now });
      await spoil(url, [AS_REPLICA, LOST]);
      if (late) await run();
      await spoil(url, [AS_REPLICA, "INSERT INTO exchange.aggregation_tracking SELECT * FROM public.lost"]);
      await run();
      return (await checkCounts(sql))["WD-R7"];
    });
  assert.deepEqual([await outcome(false), await outcome(true)], [1, 1]);
});

Deno.test({ name: "late: a request to close a reserve is missed at once (X-10)", ignore }, async () => {
  const info = datasetInfo("small-preagg");
  const request = (serial: number) =>
    `INSERT INTO exchange.close_requests SELECT (jsonb_populate_record(NULL::exchange.close_requests,
      jsonb_build_object('close_request_serial_id', ${serial}, 'close_timestamp', ${serial}000000,
        'reserve_pub', (SELECT reserve_pub FROM exchange.reserves LIMIT 1), 'reserve_sig', ${FORGED},
        'close', '{"val": 1, "frac": 0}'::jsonb, 'close_fee', '{"val": 0, "frac": 0}'::jsonb, 'payto_uri', '',
        'done', false))).*`;
  await withCopy(info.name, async (url, sql) => {
    const found: unknown[] = [];
    for (const serial of [5, 7, 6, 4]) {
      await spoil(url, [AS_REPLICA, request(serial)]);
      await auditWell(url, info, { passes: ["reserves"] });
      found.push((await checkCounts(sql))["X-10"]);
    }
    assert.deepEqual(found, [1, 2, 3, 4]);
    const before = await wholeAuditor(sql);
    await auditWell(url, info, { passes: ["reserves"] });
    assert.deepEqual(await wholeAuditor(sql), before, "a further run writes nothing");
  });
});

Deno.test(
  { name: "late: a coin that lost value though nothing spent it is noticed at once (X-16)", ignore },
  async () => {
    const info = datasetInfo("small-preagg");
    const coin = (serial: number) =>
      copyOf(
        "known_coins",
        "known_coin_id",
        `jsonb_build_object('known_coin_id', ${serial}, 'coin_pub', sha256('${serial}'),
        'remaining', '{"val": 0, "frac": 0}'::jsonb)`,
      );
    await withCopy(info.name, async (url, sql) => {
      const found: number[] = [];
      const audit = async () => {
        await auditWell(url, info, { passes: ["coins"] });
        found.push((await checkCounts(sql))["X-16"] ?? 0);
      };
      await audit();
      for (const serial of [1000, 999]) {
        await spoil(url, [AS_REPLICA, coin(serial)]);
        await audit();
      }
      const [honest = 0] = found;
      assert.deepEqual(found, [honest, honest + 1, honest + 2]);
    });
  },
);

Deno.test({
  name: "late: of two consents to the merge of one purse one is booked, whichever comes first (D-5)",
  ignore,
}, async () => {
  const info = datasetInfo("p2p-rsa");
  const serial = "account_merge_request_serial_id";
  const outcome = (...runs: number[][]) =>
    withCopy(info.name, async (url, sql) => {
      await spoil(url, [
        AS_REPLICA,
        `ALTER TABLE exchange.account_merges DROP CONSTRAINT account_merges_pkey CASCADE;
         UPDATE exchange.purse_requests SET purse_fee = '(0,7)';
         UPDATE exchange.account_merges SET ${serial} = ${serial} + 100;
         CREATE TABLE public.consent AS SELECT * FROM exchange.account_merges
           WHERE ${serial} = (SELECT min(${serial}) FROM exchange.account_merges);
         DELETE FROM exchange.account_merges WHERE ${serial} = (SELECT ${serial} FROM public.consent)`,
      ]);
      for (const run of runs) {
        for (const n of run) {
          await spoil(url, [AS_REPLICA, `UPDATE public.consent SET ${serial} = ${n}`]);
          await spoil(url, [AS_REPLICA, "INSERT INTO exchange.account_merges SELECT * FROM public.consent"]);
        }
        await auditWell(url, info, { passes: ["reserves"] });
      }
      const balances = await sql`SELECT balance_key, balance_value FROM auditor.auditor_balances ORDER BY 1`;
      const found = await checkCounts(sql);
      return JSON.stringify([found["D-5"], found["R-15"], balances], (_, v) => typeof v === "bigint" ? `${v}` : v);
    });
  const expected = await outcome([90, 91, 92]);
  assert.match(expected, /^\[2,\d+,/);
  for (const runs of [[[91], [90, 92]], [[92], [90, 91]], [[92], [91], [90]], [[], [90, 91, 92]], [[90], [91], [92]]]) {
    assert.equal(await outcome(...runs), expected, JSON.stringify(runs));
  }
});

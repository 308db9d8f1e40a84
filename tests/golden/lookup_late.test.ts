// SPDX-License-Identifier: AGPL-3.0-or-later
/** Law "late" for the auditor's own lists of places: what comes behind their end, or with a number made up. */
import assert from "node:assert/strict";
import { ALL_PASSES, BANK_PASSES } from "../../core/audit/run.ts";
import { DAY } from "../../core/taler/time.ts";
import {
  auditWell,
  checkCounts,
  compareStates,
  noteAbsence,
  wholeAuditor,
  wholeState,
  withCopy,
} from "../support/audit.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { spoil } from "../support/hostile.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);

const PASSES = ALL_PASSES.map((p) => p.name).filter((name) => !BANK_PASSES.includes(name));
const AS_REPLICA = "SET LOCAL session_replication_role = replica";
const FORGED = "decode(repeat('00', 64), 'hex')";
const UNCONSTRAINED = "ALTER TABLE exchange.purse_deposits DROP CONSTRAINT purse_deposits_pkey";

/** A payment of a coin into a purse, both by the numbers of rows. */
const pay = (serial: number, coinOf: number, purse: number, amount: string) =>
  `INSERT INTO exchange.purse_deposits (purse_deposit_serial_id, purse_pub, coin_pub, amount_with_fee, coin_sig)
   SELECT ${serial}, (SELECT purse_pub FROM exchange.purse_requests WHERE purse_requests_serial_id = ${purse}),
     (SELECT coin_pub FROM exchange.purse_deposits WHERE purse_deposit_serial_id = ${coinOf}), '${amount}', ${FORGED}`;

/** The sixth payment is one that its coin cannot afford, and not committed yet. */
const TAKE_PAYMENT = `CREATE TABLE public.payment AS SELECT * FROM exchange.purse_deposits
     WHERE purse_deposit_serial_id = 6;
   UPDATE public.payment SET amount_with_fee.val = 50,
     purse_pub = (SELECT purse_pub FROM exchange.purse_requests WHERE purse_requests_serial_id = 8);
   DELETE FROM exchange.purse_deposits WHERE purse_deposit_serial_id = 6`;

Deno.test(
  { name: "lists: a payment that comes late just behind the end of the list counts (C-4)", ignore },
  async () => {
    const info = datasetInfo("p2p-rsa");
    const story = (pageRows: number) =>
      withCopy(info.name, async (url, sql) => {
        await spoil(url, [AS_REPLICA, TAKE_PAYMENT, UNCONSTRAINED]);
        const found: unknown[] = [];
        const audit = async () => {
          await auditWell(url, info, { passes: PASSES, pageRows });
          found.push((await checkCounts(sql))["C-4"]);
        };
        await audit();
        await spoil(url, [AS_REPLICA, "INSERT INTO exchange.purse_deposits SELECT * FROM public.payment"]);
        await audit();
        await spoil(url, [AS_REPLICA, pay(50, 6, 1, "(0,1)"), pay(57, 6, 8, "(0,1)")]);
        await audit();
        return { found, state: await wholeState(sql) };
      });
    const whole = await story(4000), small = await story(1);
    assert.deepEqual([whole.found, small.found], [[undefined, 1, 1], [undefined, 1, 1]]);
    assert.deepEqual(compareStates(small.state, whole.state), []);
  },
);

Deno.test(
  { name: "lists: a number far ahead does not hide the payments that go on below it (C-4)", ignore },
  async () => {
    const info = datasetInfo("p2p-rsa"), FAR = 900719925474000n;
    const story = (far: boolean) =>
      withCopy(info.name, async (url, sql) => {
        await spoil(url, [AS_REPLICA, UNCONSTRAINED]);
        await auditWell(url, info, { passes: PASSES });
        if (far) {
          const change = (table: string, column: string, condition = "true") =>
            `UPDATE exchange.${table} SET ${column} = ${FAR} WHERE ${column} = 8 AND ${condition}`;
          await spoil(url, [
            AS_REPLICA,
            change("purse_deposits", "purse_deposit_serial_id"),
            change("coin_history", "serial_id", "table_name = 'purse_deposits'"),
          ]);
        }
        for (let i = 0; i < 2; i++) await auditWell(url, info, { passes: PASSES });
        for (const serial of [20, 21, 22]) {
          await spoil(url, [AS_REPLICA, pay(serial, 1, 8, "(50,0)")]);
          await auditWell(url, info, { passes: PASSES });
          assert.equal((await checkCounts(sql))["C-4"], 1, `${far}, payment ${serial}`);
        }
        const rows = await sql`SELECT content FROM auditor.auditor_x_standing WHERE check_id = 'C-4'`;
        return rows.map((r) => r["content"]);
      });
    assert.deepEqual(await story(true), await story(false));
  },
);

Deno.test(
  { name: "lists: a deletion that comes late behind the end of the list excuses a refund (PU-R3)", ignore },
  async () => {
    const info = datasetInfo("p2p-rsa");
    const story = (pageRows: number) =>
      withCopy(info.name, async (url, sql) => {
        const take = (name: string, table: string, condition: string) =>
          `CREATE TABLE public.${name} AS SELECT * FROM exchange.${table} WHERE ${condition};
         DELETE FROM exchange.${table} WHERE ${condition}`;
        // the genuine deletion gets another number, deletions of purses that nobody knows are around it
        await spoil(url, [
          AS_REPLICA,
          `UPDATE exchange.purse_requests SET purse_expiration = purse_expiration + 864000000000
         WHERE purse_requests_serial_id = 1;
         UPDATE exchange.purse_deletion SET purse_deletion_serial_id = 48 WHERE purse_deletion_serial_id = 1;
         INSERT INTO exchange.purse_deletion (purse_deletion_serial_id, purse_pub, purse_sig)
         SELECT n, sha256(int4send(n)), ${FORGED} FROM unnest(ARRAY[1, 2, 3, 51]) n`,
          take("decision", "purse_decision", "purse_pub IN (SELECT purse_pub FROM exchange.purse_deletion)"),
          take("deletion", "purse_deletion", "purse_deletion_serial_id = 48"),
        ]);
        await auditWell(url, info, { passes: PASSES, pageRows });
        await spoil(url, [
          AS_REPLICA,
          "INSERT INTO exchange.purse_deletion SELECT * FROM public.deletion",
          "INSERT INTO exchange.purse_decision SELECT * FROM public.decision",
        ]);
        await auditWell(url, info, { passes: PASSES, pageRows });
        return { refunds: (await checkCounts(sql))["PU-R3"], state: await wholeState(sql) };
      });
    const whole = await story(4000), small = await story(1);
    assert.equal(small.refunds, whole.refunds);
    assert.deepEqual(compareStates(small.state, whole.state), []);
  },
);

Deno.test(
  { name: "lists: a deletion without usable number, which nobody verifies, excuses no refund (PU-R3)", ignore },
  async () => {
    const info = datasetInfo("p2p-rsa");
    const UNNUMBERED = ["DROP IDENTITY", "DROP NOT NULL"].map((change) =>
      `ALTER TABLE exchange.purse_deletion ALTER purse_deletion_serial_id ${change}`
    );
    const refunds = (...statements: string[]) =>
      withCopy(info.name, async (url, sql) => {
        const later = `UPDATE exchange.purse_requests SET purse_expiration = purse_expiration + 864000000000
        WHERE purse_requests_serial_id = 1`;
        await spoil(url, [AS_REPLICA, later, ...statements]);
        await auditWell(url, info, { passes: ["purses"] });
        return (await checkCounts(sql))["PU-R3"] ?? 0;
      });
    const forge = (serial: string) =>
      `UPDATE exchange.purse_deletion SET purse_deletion_serial_id = ${serial}, purse_sig = ${FORGED}
     WHERE purse_deletion_serial_id = 1`;
    assert.equal(await refunds(), 0);
    const gone = await refunds("DELETE FROM exchange.purse_deletion WHERE purse_deletion_serial_id = 1");
    assert.equal(gone, 1);
    for (const serial of ["NULL", "-1", String(2n ** 60n)]) {
      assert.equal(await refunds(...UNNUMBERED, forge(serial)), gone, serial);
    }
  },
);

Deno.test({ name: "lists: a row in the place of another one is noticed a day later (C-4)", ignore }, async () => {
  const info = datasetInfo("p2p-rsa");
  const story = (pageRows: number) =>
    withCopy(info.name, async (url, sql) => {
      const found: unknown[] = [];
      const audit = async (days: bigint, ...statements: string[]) => {
        await spoil(url, [AS_REPLICA, ...statements]);
        await auditWell(url, info, { passes: PASSES, pageRows, now: info.audit_now_us + days * DAY });
        found.push((await checkCounts(sql))["C-4"]);
      };
      const OTHER = `INSERT INTO exchange.known_coins SELECT (jsonb_populate_record(x,
        jsonb_build_object('known_coin_id', 900, 'coin_pub', sha256('coin'), 'remaining', '{"val": 5, "frac": 0}'::jsonb))).* FROM exchange.known_coins x LIMIT 1`;
      await audit(0n, UNCONSTRAINED, OTHER);
      const REPLACED = `DELETE FROM exchange.purse_deposits WHERE purse_deposit_serial_id = 3;
        INSERT INTO exchange.purse_deposits (purse_deposit_serial_id, purse_pub, coin_pub, amount_with_fee, coin_sig)
        SELECT 3, purse_pub, sha256('coin'), '(50,0)', ${FORGED}
        FROM exchange.purse_requests WHERE purse_requests_serial_id = 8`;
      await audit(0n, REPLACED);
      await audit(1n);
      const before = await wholeAuditor(sql);
      await audit(1n);
      assert.deepEqual(await wholeAuditor(sql), before, "a further run writes nothing");
      await audit(1n, pay(57, 3, 8, "(0,1)"));
      const listed = await sql`SELECT serial, key FROM auditor.auditor_x_lookup
        WHERE source = 'purse_deposits.coin_pub' ORDER BY 1, 2`;
      const there = await sql`SELECT purse_deposit_serial_id AS serial, coin_pub AS key FROM exchange.purse_deposits
        ORDER BY 1, 2`;
      assert.deepEqual([...listed], [...there].slice(0, listed.length));
      return found;
    });
  assert.deepEqual(await story(4000), [undefined, undefined, undefined, undefined, 1]);
  assert.deepEqual(await story(1), [undefined, undefined, 1, 1, 1]);
});

Deno.test({ name: "lists: a payment without number counts, listed or not (C-4)", ignore }, async () => {
  const info = datasetInfo("p2p-rsa");
  for (const pageRows of [1, 4000]) {
    await withCopy(info.name, async (url, sql) => {
      const UNNUMBERED = ["DROP IDENTITY", "DROP NOT NULL"].map((change) =>
        `ALTER TABLE exchange.purse_deposits ALTER purse_deposit_serial_id ${change}`
      );
      await spoil(url, [AS_REPLICA, UNCONSTRAINED, ...UNNUMBERED]);
      await auditWell(url, info, { passes: PASSES, pageRows });
      await spoil(url, [AS_REPLICA, pay(57, 2, 8, "(0,1)"), pay(58, 2, 8, "(50,0)").replace("58", "NULL")]);
      await auditWell(url, info, { passes: PASSES, pageRows });
      assert.equal((await checkCounts(sql))["C-4"], 1);
    });
  }
});

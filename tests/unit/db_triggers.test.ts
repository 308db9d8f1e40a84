// SPDX-License-Identifier: AGPL-3.0-or-later
/** Triggers of schema exchange that the golden datasets do not exercise, and those that wake an audit. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Sql } from "../../core/db/connect.ts";
import { WAKE_UPS } from "../../core/exchange/ddl/wakeup.ts";
import {
  createExchangeSchema,
  dropExchangeSchema,
  injectAuditorTriggers,
  releaseShards,
} from "../../core/exchange/schema.ts";
import { appliedPatches } from "../../core/db/versioning.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { withDatabase } from "../support/server.ts";

/** SQL for `length` bytes of one value. */
const bytes = (value: number, length: number) =>
  `decode(repeat('${value.toString(16).padStart(2, "0")}', ${length}), 'hex')`;

const RESERVE = `insert into exchange.reserves (reserve_pub, expiration_date, gc_date) values (${bytes(1, 32)}, 0, 0)`;

/** Waits until everything notified so far has arrived: notifications keep their order. */
async function allNotified(sql: Sql): Promise<void> {
  const arrived = Promise.withResolvers<void>();
  await sql.listen("end_of_test", () => arrived.resolve());
  await sql.notify("end_of_test", "");
  await arrived.promise;
}

async function history(sql: Sql, kind: "coin" | "reserve"): Promise<string[]> {
  const rows = await sql.unsafe<{ text: string }[]>(
    `select concat_ws(' ', get_byte(${kind}_pub, 0), table_name, serial_id) as text
       from exchange.${kind}_history order by ${kind}_history_serial_id`,
  );
  return rows.map((row) => row.text);
}

Deno.test("requests to open a reserve or for its history are entered in its history", () =>
  withDatabase(async (sql) => {
    await createExchangeSchema(sql);
    await sql.unsafe(`${RESERVE};
      insert into exchange.reserves_open_requests
        (open_request_uuid, reserve_pub, request_timestamp, expiration_date, reserve_sig, reserve_payment, requested_purse_limit)
        values (70, ${bytes(1, 32)}, 0, 0, ${bytes(0, 64)}, (1,0), 3);
      insert into exchange.history_requests
        (history_request_serial_id, reserve_pub, request_timestamp, reserve_sig, history_fee)
        values (71, ${bytes(1, 32)}, 0, ${bytes(0, 64)}, (0,1))`);
    assert.deepEqual(await history(sql, "reserve"), ["1 reserves_open_requests 70", "1 history_requests 71"]);
  }));

Deno.test("deleting a wire transfer or a recoup removes what was derived from it", () =>
  withDatabase(async (sql) => {
    await createExchangeSchema(sql);
    await sql.unsafe(`
      set session_replication_role = replica;
      insert into exchange.aggregation_tracking (batch_deposit_serial_id, wtid_raw)
        values (1, ${bytes(5, 32)}), (2, ${bytes(5, 32)}), (3, ${bytes(6, 32)});
      insert into exchange.wire_out (execution_date, wtid_raw, exchange_account_section, amount)
        values (0, ${bytes(5, 32)}, 'x', (1,0)), (0, ${bytes(6, 32)}, 'x', (1,0));
      insert into exchange.recoup_by_reserve values (7, ${bytes(8, 32)}), (7, ${bytes(9, 32)});
      insert into exchange.recoup (coin_pub, coin_sig, coin_blind, amount, recoup_timestamp, reserve_out_serial_id)
        select p, ${bytes(0, 64)}, ${bytes(0, 32)}, (1,0)::exchange.taler_amount, 0, 7
          from (values (${bytes(8, 32)}), (${bytes(9, 32)})) as v (p);
      set session_replication_role = origin;
      delete from exchange.wire_out where wtid_raw = ${bytes(5, 32)};
      delete from exchange.recoup where coin_pub = ${bytes(8, 32)}`);
    assert.deepEqual([...await sql`select batch_deposit_serial_id as id from exchange.aggregation_tracking`], [{
      id: 3n,
    }]);
    assert.deepEqual([...await sql`select get_byte(coin_pub, 0) as coin from exchange.recoup_by_reserve`], [{
      coin: 9,
    }]);
  }));

Deno.test("a purse merged into a reserve of another exchange leaves no entry in a history of ours", () =>
  withDatabase(async (sql) => {
    await createExchangeSchema(sql);
    await sql.unsafe(`
      insert into exchange.partners
        (partner_serial_id, partner_master_pub, start_date, end_date, wad_frequency, wad_fee, master_sig, partner_base_url)
        values (4, ${bytes(3, 32)}, 0, 0, 0, (0,0), ${bytes(0, 64)}, 'https://other/');
      insert into exchange.purse_requests
        (purse_pub, merge_pub, purse_creation, purse_expiration, h_contract_terms, age_limit, flags, amount_with_fee,
         purse_fee, purse_sig)
        values (${bytes(2, 32)}, ${bytes(2, 32)}, 0, 99, ${bytes(0, 64)}, 0, 1, (1,0), (0,0), ${bytes(0, 64)});
      insert into exchange.purse_merges (partner_serial_id, reserve_pub, purse_pub, merge_sig, merge_timestamp)
        values (4, ${bytes(1, 32)}, ${bytes(2, 32)}, ${bytes(0, 64)}, 0);
      insert into exchange.purse_decision (purse_pub, action_timestamp, refunded) values (${bytes(2, 32)}, 0, false)`);
    assert.deepEqual(await history(sql, "reserve"), []);
    assert.deepEqual([
      ...await sql`select was_decided, action_date from exchange.purse_requests
      join exchange.purse_actions using (purse_pub)`,
    ], [{ was_decided: true, action_date: 99n }]);
  }));

Deno.test("channels are named after their events", () => {
  const names = WAKE_UPS.map((_, place) => {
    // the header of an event: its size and its number, 1230 and up, in two bytes each
    const header = new Uint8Array([0, 4, (1230 + place) >> 8, (1230 + place) & 255]);
    const hash = new Uint8Array(createHash("sha512").update(header).digest()).subarray(0, 32);
    return `x${encodeBase32(hash).toLowerCase()}`;
  });
  assert.deepEqual(WAKE_UPS.map((group) => group.channel), names);
});

Deno.test("the 70 wake-up triggers notify once per statement, also after a second installation", () =>
  withDatabase(async (sql) => {
    await createExchangeSchema(sql);
    await injectAuditorTriggers(sql);
    await injectAuditorTriggers(sql);
    const triggers = await sql<{ name: string; table: string }[]>`
      select tgname as name, relname as table from pg_trigger join pg_class c on c.oid = tgrelid
       where tgname like 'auditor\\_exchange\\_notify\\_helper\\_%' order by 1`;
    assert.equal(triggers.length, 70);
    assert.deepEqual(WAKE_UPS.map((group) => [group.helper, group.tables.length]), [
      ["aggregation", 19],
      ["coins", 19],
      ["purses", 8],
      ["deposits", 4],
      ["reserves", 13],
      ["wire", 7],
    ]);
    for (const { helper, tables } of WAKE_UPS) {
      tables.forEach((table, number) => {
        const name = `auditor_exchange_notify_helper_${helper}${number}`;
        assert.ok(triggers.some((trigger) => trigger.name === name && trigger.table === table), name);
      });
    }
    const heard: string[] = [];
    for (const { helper, channel } of WAKE_UPS) await sql.listen(channel, () => heard.push(helper));
    await sql.unsafe(`${RESERVE}, (${bytes(2, 32)}, 0, 0)`);
    await allNotified(sql);
    assert.deepEqual(heard.sort(), ["aggregation", "coins", "reserves", "wire"]);
  }));

Deno.test("the schema is created once, and dropped with its patches", () =>
  withDatabase(async (sql) => {
    await dropExchangeSchema(sql);
    await createExchangeSchema(sql);
    await assert.rejects(() => createExchangeSchema(sql), /exchange-0001 is already applied/);
    const [items] = await sql`
      select count(*) as items, count(*) filter (where finished and partitioned and not by_range) as finished,
             bool_and(to_regclass('exchange.' || name) is not null) as known from exchange.exchange_tables`;
    assert.deepEqual({ ...items }, { items: 47n, finished: 47n, known: true });
    await sql.unsafe(
      "insert into exchange.work_shards (last_attempt, start_row, end_row, job_name) values (0, 0, 1, 'x')",
    );
    await releaseShards(sql);
    assert.deepEqual([...await sql`select 1 from exchange.work_shards`], []);
    await sql`select _v.register_patch('auditor-triggers-0001')`;
    await sql`select _v.register_patch('auditor-0001')`;
    await dropExchangeSchema(sql);
    assert.deepEqual(await appliedPatches(sql, ""), ["auditor-0001"]);
    await createExchangeSchema(sql);
  }));

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hostile rows, the other half of the tables: keys, transfers, serial numbers, what the schema forbids. */
import assert from "node:assert/strict";
import { auditWell, withCopy } from "../support/audit.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";
import { openedFindings, spoil, testHostileRows } from "../support/hostile.ts";
import { KEY_CASES } from "./hostile/keys.ts";
import { SERIAL_CASES } from "./hostile/serials.ts";
import { TRANSFER_CASES } from "./hostile/transfers.ts";
import { UNCONSTRAINED_CASES } from "./hostile/unconstrained.ts";

testHostileRows([...KEY_CASES, ...TRANSFER_CASES, ...SERIAL_CASES, ...UNCONSTRAINED_CASES]);

/** A row far ahead of the others, and a bad one that comes later under an ordinary number. */
const FAR_AHEAD: Record<string, { ahead: string; later: string; expect: RegExp }> = {
  coin_deposits: {
    ahead:
      "UPDATE exchange.coin_deposits SET coin_deposit_serial_id = 2305843009213693952 WHERE coin_deposit_serial_id = 9",
    later:
      `INSERT INTO exchange.coin_deposits (coin_deposit_serial_id, batch_deposit_serial_id, coin_pub, coin_sig, amount_with_fee)
            SELECT 5000, 1, coin_pub, sha512('x'), '(1,0)' FROM exchange.known_coins WHERE known_coin_id = 1`,
    expect: /\bdeposits?#5000\b/,
  },
  known_coins: {
    ahead: "UPDATE exchange.known_coins SET known_coin_id = 2305843009213693952 WHERE known_coin_id = 9",
    later: `INSERT INTO exchange.known_coins (known_coin_id, denominations_serial, coin_pub, denom_sig)
            VALUES (5000, 3, sha256('x'), '');
            INSERT INTO exchange.coin_deposits (coin_deposit_serial_id, batch_deposit_serial_id, coin_pub, coin_sig, amount_with_fee)
            VALUES (5000, 1, sha256('x'), sha512('x'), '(1,0)')`,
    expect: /^C-5 deposit#5000\b|\bknown_coins#5000\b/,
  },
  wire_out: {
    ahead: "UPDATE exchange.wire_out SET wireout_uuid = 2305843009213693952 WHERE wireout_uuid = 9",
    later:
      `INSERT INTO exchange.wire_out (wireout_uuid, execution_date, wtid_raw, wire_target_h_payto, exchange_account_section, amount)
            SELECT 5000, execution_date, sha256('x'), wire_target_h_payto, exchange_account_section, amount
            FROM exchange.wire_out WHERE wireout_uuid = 2`,
    expect: /\bwire(_out)?#5000\b/,
  },
};

for (const [table, { ahead, later, expect }] of Object.entries(FAR_AHEAD)) {
  Deno.test({
    name: `hostile row: a serial number far ahead in ${table} does not hide what comes later`,
    ignore: !datasetNames().includes("small-postagg"),
    fn: () =>
      withCopy("small-postagg", async (url, sql) => {
        await spoil(url, [ahead]);
        await auditWell(url, datasetInfo("small-postagg"));
        await spoil(url, [later]);
        await auditWell(url, datasetInfo("small-postagg"));
        const found = await openedFindings(sql);
        assert.ok(found.some((text) => expect.test(text)), `the later row was not noticed:\n${found.join("\n")}`);
      }),
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** WD-R7 of transfers that the exchange claims to be still collecting: scenes of tests/support/wire_scene.ts and SQL. */
import assert from "node:assert/strict";
import { wireDebitPass } from "../../core/audit/passes/wire-debit/pass.ts";
import type { Sql } from "../../core/db/connect.ts";
import { openFindingsOf, withEmptyDatabase } from "../support/database_scene.ts";
import { Phrase } from "../support/scenario.ts";
import { WireScene } from "../support/wire_scene.ts";

const COLLECTED = "batch b1 5; aggregate b1 into w1; transient w1";
const RUN = "run";
const fee = (method: string, atoms: bigint, from = 0, until = 100) =>
  `SQL INSERT INTO exchange.wire_fee (wire_method, start_date, end_date, wire_fee, closing_fee, master_sig)
    VALUES ('${method}', ${from}::int8 * 86400000000, ${until}::int8 * 86400000000,
      (${atoms}, 0), (0, 0), decode(repeat('00', 64), 'hex'))`;
/** The coins are of a denomination with this deposit fee. */
const depositFee = (units: bigint) => [
  `SQL INSERT INTO exchange.denominations (denom_pub_hash, denom_pub, master_sig, valid_from, expire_withdraw,
      expire_deposit, expire_legal, coin, fee_withdraw, fee_deposit, fee_refresh, fee_refund)
    VALUES (sha512('1'), '1', sha512('1'), 0, 0, 0, 0, (8, 0), (0, 0), (${units}, 0), (0, 0), (0, 0))`,
  `SQL INSERT INTO exchange.known_coins (denominations_serial, coin_pub, denom_sig)
    SELECT 1, coin_pub, '1' FROM exchange.coin_deposits`,
];

/** Plays a story of events, and statements that begin with SQL; the last audit's open findings. */
function stuck(story: string[]): Promise<string[]> {
  const play = async (scene: WireScene, sql: Sql) => {
    for (const line of story) {
      if (line.startsWith("SQL ")) await sql.unsafe(line.slice(4));
      else for (const event of line.split(";")) await scene.play(new Phrase(event.trim()));
    }
    await scene.run();
    assert.equal((await scene.run()).wrote, false, "a second run writes nothing");
    return (await openFindingsOf(sql)).map((f) => f.check);
  };
  return withEmptyDatabase((url, sql) => play(new WireScene(url, sql, wireDebitPass), sql));
}

const REPORTED = ["WD-R7"];
const CASES: [string, string[], string[]][] = [
  ["is due and large enough", [COLLECTED], REPORTED],
  ["is due since long", [COLLECTED, "day 500"], REPORTED],
  ["is not due", ["batch b1 5 due=51; aggregate b1 into w1; transient w1"], []],
  ["is within the period of grace", [COLLECTED, "grace 2"], []],
  ["was reported before the exchange claimed so", ["batch b1 5; aggregate b1 into w1", RUN, "transient w1"], REPORTED],
  ["gets a deposit that is not due", [COLLECTED, "batch b2 1 due=90; aggregate b2 into w1"], REPORTED],
  ["is large by a deposit that is not due", [
    COLLECTED,
    "batch b2 10 due=90; aggregate b2 into w1",
    fee("x-test", 6n),
  ], []],
  ["does not exceed the wire fee", [COLLECTED, fee("x-test", 5n)], []],
  ["exceeds the wire fee", [COLLECTED, fee("x-test", 4n)], REPORTED],
  ["does not exceed the fee of another method", [COLLECTED, fee("iban", 5n)], REPORTED],
  ["does not exceed a fee of another time", [COLLECTED, fee("x-test", 5n, 51), fee("x-test", 6n, 0, 49)], REPORTED],
  ["was refunded", [
    COLLECTED,
    `SQL INSERT INTO exchange.refunds (coin_pub, batch_deposit_serial_id, merchant_sig, rtransaction_id, amount_with_fee)
      SELECT coin_pub, 1, decode(repeat('00', 64), 'hex'), 1, amount_with_fee FROM exchange.coin_deposits`,
  ], []],
  ["does not exceed the deposit fee", [COLLECTED, ...depositFee(5n)], []],
  ["exceeds the deposit fee", [COLLECTED, ...depositFee(4n)], REPORTED],
  ["waits for the identity of the receiver", [
    COLLECTED,
    `SQL INSERT INTO exchange.legitimization_measures (access_token, start_time, jmeasures, display_priority)
      SELECT access_token, 0, '{}', 1 FROM exchange.wire_targets`,
  ], []],
  ["waited for the identity of the receiver", [
    COLLECTED,
    `SQL INSERT INTO exchange.legitimization_measures (access_token, start_time, jmeasures, display_priority, is_finished)
      SELECT access_token, 0, '{}', 1, true FROM exchange.wire_targets`,
  ], REPORTED],
  ["waits for an investigation", [
    COLLECTED,
    `SQL INSERT INTO exchange.legitimization_outcomes (h_payto, decision_time, expiration_time, to_investigate)
      SELECT h_normalized_payto, 0, 0, true FROM exchange.wire_targets`,
  ], []],
];

const HOLD = `SQL INSERT INTO exchange.legitimization_measures (access_token, start_time, jmeasures, display_priority)
  SELECT access_token, 0, '{}', 1 FROM exchange.wire_targets`;
const WIRED = "batch b1 5; aggregate b1 into w1; owe w1 5 to m1; pay w1 5 to m1; owe w2 5 to m1; pay w2 5 to m1";
const VANISHED = "SQL DELETE FROM exchange.wire_out WHERE wireout_uuid = 1";

/** What later runs see: what is new or was not wired before, and everything once in a day. */
const LATER: [string, string[], string[]][] = [
  ["is aggregated after the first audit", ["batch b1 5", RUN, "aggregate b1 into w1"], REPORTED],
  ["is wired after it was reported", ["batch b1 5; aggregate b1 into w1", RUN, "owe w1 5 to m1; pay w1 5 to m1"], []],
  ["is no longer held", [COLLECTED, HOLD, RUN, "SQL UPDATE exchange.legitimization_measures SET is_finished = true"], [
    "WD-R7",
  ]],
  ["grows", [COLLECTED, fee("x-test", 5n), RUN, "batch b2 1; aggregate b2 into w1"], REPORTED],
  ["loses its transfer on the day of an audit", [WIRED, RUN, VANISHED], []],
  ["lost its transfer before the next day's audit", [WIRED, RUN, VANISHED, "day 51"], REPORTED],
  ["lost its transfer, and it was noticed", [WIRED, RUN, VANISHED, "day 51", RUN], REPORTED],
];

for (const [title, story, expected] of LATER) {
  Deno.test(`WD-R7 in a later run: what ${title}`, async () => {
    assert.deepEqual(await stuck(story), expected);
  });
}

for (const [title, story, expected] of CASES) {
  Deno.test(`WD-R7: what is still being collected ${title}`, async () => {
    assert.deepEqual(await stuck(story), expected);
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Deposit confirmations, from rows in two databases to findings: one line is one story and the verdict on it. Every
 * story is also audited once more, which must write nothing.
 */
import assert from "node:assert/strict";
import { DepositScene } from "../support/deposit_scene.ts";
import { withEmptyDatabase } from "../support/database_scene.ts";
import { Phrase, testTable } from "../support/scenario.ts";

function table(title: string, text: string): void {
  testTable(
    `deposits, ${title}`,
    text.replaceAll(";;", "\u037e"),
    async (events) =>
      await withEmptyDatabase(async (url, sql) => {
        const scene = new DepositScene(url, sql);
        await scene.begin();
        for (const event of events) await scene.play(event);
        await scene.run();
        const verdicts = await scene.verdicts();
        assert.equal((await scene.run()).wrote, false, "a second run writes nothing");
        assert.deepEqual(await scene.verdicts(), verdicts);
        return verdicts;
      }),
  );
}

table(
  "found and missing",
  `
  # DC-2
  batch b1 c1:d5=3; confirm b1 -> archived b1
  batch b1 c1:d5=3 c2:d5=2 c3:d1=1; confirm b1 -> archived b1
  # a part of the coins of a contract
  batch b1 c1:d5=3 c2:d5=2; confirm b1 only=c2 -> archived b1
  batch b1 c1:d5=3; batch b2 c1:d5=1; confirm b1; confirm b2 -> archived b1; archived b2
  # DC-1: the balance is the same in every run (BUG-4.1)
  batch b1 c1:d5=3; confirm b1; remove b1; run; run; run ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3 c2:d5=2; confirm b1; drop c2 ->
    DC-1 b1 missed: coin 2 of 2 was not deposited; total_missed_deposit_confirmations 4.96
  batch b1 c1:d5=3; confirm b1 contract ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  # a late deposit clears it
  batch b1 c1:d5=3; confirm b1; remove b1; run; run; restore b1 -> archived b1
  batch b1 c1:d5=3; batch b2 c2:d5=1; confirm b1; confirm b2; remove b1; remove b2; run; restore b1 ->
    DC-1 b2 missed: coin 1 of 1 was not deposited; archived b1; total_missed_deposit_confirmations 0.98
  # a run over a part of the deposits
  batch b1 c1:d5=3; batch b2 c2:d5=1; confirm b1; confirm b2; end 2; run; end 3 -> archived b1; archived b2
  batch b1 c1:d5=3; batch b2 c2:d5=1; confirm b1; confirm b2; end 2 ->
    DC-1 b2 missed: coin 1 of 1 was not deposited; archived b1; total_missed_deposit_confirmations 0.98
  # somebody else took a confirmation away
  batch b1 c1:d5=3; confirm b1; remove b1; run; withdraw b1 -> nothing
`,
);

table(
  "what is confirmed must be what is stored",
  `
  batch b1 c1:d5=3; confirm b1 refund=47 ->
    DC-1 b1 missed: coin 1 of 1: refund deadline differs; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3; confirm b1 account ->
    DC-1 b1 missed: coin 1 of 1: wire account differs; total_missed_deposit_confirmations 2.98
  # DC-R1, which the reference does not compare (BUG-4.5)
  batch b1 c1:d5=3; confirm b1 wire=55 ->
    DC-R1 b1 missed: coin 1 of 1: wire deadline differs; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3; confirm b1 on=48 ->
    DC-R1 b1 missed ancient: coin 1 of 1: exchange timestamp differs; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3; confirm b1 policy ->
    DC-R1 b1 missed: coin 1 of 1: policy differs; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3 policy; confirm b1 -> archived b1
  batch b1 c1:d5=3 policy; confirm b1 policy ->
    DC-R1 b1 missed: coin 1 of 1: policy differs; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3 garbled-policy; confirm b1 ->
    DC-R1 b1 missed: coin 1 of 1: policy differs; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3; confirm b1 signatures ->
    DC-R1 b1 missed: coin 1 of 1: coin signature differs; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3 c2:d5=1; confirm b1 total=4 ->
    DC-R1 b1 missed: the deposits come to KUDOS:3.96 without fees; total_missed_deposit_confirmations 4
  batch b1 c1:d5=3; confirm b1; strip d5 ->
    DC-R1 b1 missed: the deposits come to an unknown amount without fees; total_missed_deposit_confirmations 2.98
  # the exchange signs the coins' signatures and not their keys: other keys are no accusation
  batch b1 c1:d5=3 c2:d5=2; confirm b1 other-coins -> archived b1
  batch b1 c1:d5=3; confirm b1 other-coins; remove b1 ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
`,
);

table(
  "age (BUG-4.3, BUG-4.4)",
  `
  grace 2; batch b1 c1:d5=3; confirm b1; remove b1 -> DC-1 b1 pending: coin 1 of 1 was not deposited
  grace 2; batch b1 c1:d5=3; confirm b1; remove b1; run; day 51 ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  grace 2; batch b1 c1:d5=3; confirm b1; remove b1; run; restore b1 -> archived b1
  # the database has later deposits: proof, whatever the grace
  grace 5; batch b1 c1:d5=3; batch b2 c2:d5=1 on=50; confirm b1; remove b1 ->
    DC-1 b1 missed ancient: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3; batch b2 c2:d5=1 on=49; confirm b1; remove b1 ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  # a confirmation from the future does not stay young for ever
  grace 2; batch b1 c1:d5=3 on=55; confirm b1; remove b1 ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  # the evidence stays
  batch b1 c1:d5=3; batch b2 c2:d5=1 on=50; confirm b1; remove b1; run; restore b1 -> archived b1 ancient
`,
);

table(
  "archive (BUG-4.6)",
  `
  # all deposits are counted once in a day
  batch b1 c1:d5=3; batch b2 c2:d5=1; confirm b1; confirm b2; run; remove b1 -> archived b1; archived b2
  batch b1 c1:d5=3; batch b2 c2:d5=1; confirm b1; confirm b2; run; remove b1; day 51 ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; archived b2; total_missed_deposit_confirmations 2.98
  batch b1 c1:d5=3; batch b2 c2:d5=1 on=50; confirm b1; confirm b2; run; remove b1; day 51; run; restore b1 ->
    archived b1 ancient; archived b2
  # new deposits do not hide that old ones vanished
  batch b1 c1:d5=3; confirm b1; run; remove b1; batch b2 c2:d5=1; batch b3 c3:d5=1; run; day 51 ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  # a run over less than what was counted before
  batch b1 c1:d5=3; batch b2 c2:d5=1; confirm b1; confirm b2; run; end 2 -> archived b1; archived b2
  # after the legal expiration of the coins the exchange may delete them
  batch b1 c1:d5=3; confirm b1; run; day 301; remove b1 -> archived b1
  batch b1 c1:d5=3; confirm b1; run; day 299; remove b1 ->
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  # handed in again: the first one is kept
  batch b1 c1:d5=3; confirm b1; run; confirm b1 called again -> archived again
  batch b1 c1:d5=3; confirm b1; confirm b1 called again -> archived again
  # handed in again when the deposits are gone: one stands for both
  batch b1 c1:d5=3; confirm b1; run; remove b1; confirm b1 called again ->
    DC-1 again missed: coin 1 of 1 was not deposited; archived again; total_missed_deposit_confirmations 2.98
`,
);

table(
  "signatures and keys",
  `
  # DC-R2: what nobody signed does not count
  batch b1 c1:d5=3; confirm b1 forged; remove b1 ->
    DC-R2 deposit-confirmation#1 loses 2.98 of k1; DC-R2 b1 invalid: signature of the exchange is not valid
  batch b1 c1:d5=3; confirm b1 forged ->
    DC-R2 deposit-confirmation#1 loses 2.98 of k1; DC-R2 b1 invalid: signature of the exchange is not valid
  batch b1 c1:d5=3; confirm b1 by k2; remove b1 ->
    DC-R2 deposit-confirmation#1 loses 2.98 of somebody; DC-R2 b1 invalid: signing key is not known
  # the key comes later
  batch b1 c1:d5=3; confirm b1 by k2; run; key k2 own -> archived b1
  key k2 handed-in forged-here; batch b1 c1:d5=3; confirm b1 by k2 ->
    DC-R2 auditor_exchange_signkeys#2 master signature of the signing key is not valid;
    DC-R2 deposit-confirmation#1 loses 2.98 of k2; DC-R2 b1 invalid: signing key is not known
  # the exchange's own list is enough
  key k2 own; batch b1 c1:d5=3; confirm b1 by k2 -> archived b1
  key k2 handed-in forged-here own; batch b1 c1:d5=3; confirm b1 by k2 ->
    DC-R2 auditor_exchange_signkeys#2 master signature of the signing key is not valid; archived b1
  # DC-R3
  key k2 handed-in; batch b1 c1:d5=3; confirm b1 by k2 ->
    DC-R3 auditor_exchange_signkeys#2 the exchange's database does not have this signing key; archived b1
  key k2 handed-in; run; key k2 own -> nothing
  key k2 handed-in own forged-there ->
    DC-R3 auditor_exchange_signkeys#2 the exchange's database has this signing key with an invalid master signature
  key k2 handed-in own revoked -> nothing
  key k2 handed-in own revoked; batch b1 c1:d5=3; confirm b1 by k2; remove b1 ->
    DC-R3 signkey_revocations#2 open deposit confirmations were signed with this revoked key;
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
  key k2 handed-in own revoked; batch b1 c1:d5=3; confirm b1 by k2; remove b1; run; restore b1 -> archived b1
  key k2 handed-in own forged-revocation; batch b1 c1:d5=3; confirm b1 by k2; remove b1 ->
    DC-R3 signkey_revocations#2 revocation of a signing key without valid master signature;
    DC-1 b1 missed: coin 1 of 1 was not deposited; total_missed_deposit_confirmations 2.98
`,
);

Deno.test("deposits: without a count of earlier deposits the archive is judged again", async () => {
  await withEmptyDatabase(async (url, sql) => {
    const scene = new DepositScene(url, sql);
    await scene.begin();
    for (const text of ["batch b1 c1:d5=3", "confirm b1", "run", "remove b1"]) await scene.play(new Phrase(text));
    await sql`DELETE FROM auditor.auditor_x_counter`;
    await scene.run();
    assert.deepEqual(await scene.verdicts(), [
      "DC-1 b1 missed: coin 1 of 1 was not deposited",
      "total_missed_deposit_confirmations 2.98",
    ]);
  });
});

for (
  const { column, value, problem } of [
    {
      column: "coin_pubs",
      value: "ARRAY['\\x00'::bytea]",
      problem: "coin_pubs or coin_sigs has elements of a wrong length",
    },
    { column: "wire_deadline", value: "1", problem: "wire_deadline is not a whole second" },
  ]
) {
  Deno.test(`deposits: a confirmation that cannot be read is a finding: ${column}`, async () => {
    await withEmptyDatabase(async (url, sql) => {
      const scene = new DepositScene(url, sql);
      await scene.begin();
      for (const text of ["batch b1 c1:d5=3", "confirm b1"]) await scene.play(new Phrase(text));
      await sql.unsafe(`UPDATE auditor.auditor_deposit_confirmations SET ${column} = ${value}`);
      await scene.run();
      const text = `row cannot be read: ${problem}`;
      assert.deepEqual(await scene.verdicts(), [
        `D-17 deposit_confirmations#1 ${text}`,
        `D-17 b1 invalid: ${text}`,
      ]);
      assert.equal((await scene.run()).wrote, false);
    });
  });
}

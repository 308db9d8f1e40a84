// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What the coins pass concludes from its ledgers: emergencies (C-21, C-22, C-32, C-33 with D-12, D-13, D-16), expiry
 * (D-6, D-11), revenue and risk (audit chapter 2c, 2d), and that several runs end as one does (law "split").
 */
import assert from "node:assert/strict";
import type { CoinRecord } from "../support/coin_record.ts";
import { playCoins } from "../support/coin_scene.ts";
import { describeBalances } from "../support/describe.ts";
import { Phrase, plainAmount, testTable } from "../support/scenario.ts";

testTable(
  "emergencies",
  `
  # coins that were never issued: too many of them, and more value than was issued
  coin c1 unissued; deposit c1 3
    -> C-22 subtracting amount from escrow balance#1 0 against 3;
       C-32 d5 of 5 issued 0 known 1 of 0; C-33 d5 of 5 loses 3 of 0;
       coins_emergencies_loss 3; coins_emergencies_loss_by_count 5
  withdraw x; coin c1 unissued; coin c2 unissued; deposit c1 5; deposit c2 4
    -> C-22 subtracting amount from escrow balance#2 0 against 4;
       C-32 d5 of 5 issued 1 known 2 of 5; C-33 d5 of 5 loses 4 of 5;
       coins_emergencies_loss 4; coins_emergencies_loss_by_count 5;
       coins_reported_emergency_risk_by_amount 5; coins_reported_emergency_risk_by_count 5
  # one forged for one that never came back: the sums do not show it
  withdraw x; coin c1 unissued; deposit c1 5 -> nothing
  # the escrow is one for all denominations, the emergency is not
  withdraw x:d10; coin c1 unissued; deposit c1 3
    -> C-32 d5 of 5 issued 0 known 1 of 0; C-33 d5 of 5 loses 3 of 0;
       coins_emergencies_loss 3; coins_emergencies_loss_by_count 5
  withdraw x:d10; coin c1 unissued; coin c2:d2 unissued; deposit c1 3; deposit c2 2
    -> C-32 d2 of 2 issued 0 known 1 of 0; C-33 d2 of 2 loses 2 of 0;
       C-32 d5 of 5 issued 0 known 1 of 0; C-33 d5 of 5 loses 3 of 0;
       coins_emergencies_loss 5; coins_emergencies_loss_by_count 7
  # a later run updates the finding: the balances hold what is lost now, not what was reported (D-12)
  withdraw x:d20; coin c1 unissued; coin c2 unissued; deposit c1 3; run; deposit c2 1; run; run
    -> C-32 d5 of 5 issued 0 known 2 of 0; C-33 d5 of 5 loses 4 of 0;
       coins_emergencies_loss 4; coins_emergencies_loss_by_count 10
  # … and resolves it when the issuance turns up
  coin c1 unissued; deposit c1 3; run; withdraw c1 -> nothing
  # what was not booked is not replayed: spends with a bad signature
  withdraw x; coin c1 unissued; deposit c1 4 forged; deposit x 5; coin c2 unissued; deposit c2 1
    -> C-22 subtracting amount from escrow balance#3 0 against 1;
       C-32 d5 of 5 issued 1 known 3 of 5; C-33 d5 of 5 loses 1 of 5;
       coins_emergencies_loss 1; coins_emergencies_loss_by_count 10;
       coins_reported_emergency_risk_by_amount 5; coins_reported_emergency_risk_by_count 5
  # a coin that got its deposit fee back with a full refund may spend it
  deposit c1 5; refund c1 5; deposit c1 4.98       -> nothing
  # an expired denomination is judged like any other
  denomination d5 expires=40; coin c1 unissued; deposit c1 3
    -> C-22 subtracting amount from escrow balance#1 0 against 3;
       C-32 d5 of 5 issued 0 known 1 of 0; C-33 d5 of 5 loses 3 of 0;
       coins_emergencies_loss 3; coins_emergencies_loss_by_count 5
  # coins that were refreshed into being are issued before they are spent (D-16)
  melt c1 4 into f1:d2 f2:d1; deposit f1 2; deposit f2 1 -> nothing
  melt c1 4; coin f1:d2 unissued; withdraw x:d9; deposit f1 2; run; reveal m1 into f1 -> nothing
  `,
  async (phrases) => {
    const verdicts = (await playCoins(phrases)).world.verdicts(/emergenc/);
    return verdicts.filter((v) => !/^(C-11|C-20) /.test(v));
  },
);

function amountOf(column: unknown): string {
  const { val, frac } = column as { val: string; frac: number };
  return plainAmount(BigInt(val) * 100_000_000n + BigInt(frac));
}

/** The rows that show the denominations to people, and what is at risk. */
function shown(s: CoinRecord): string[] {
  const { auditor, names } = s.world;
  const pending = auditor.table("auditor_denomination_pending").map((r) =>
    `${names.of(r["denom_pub_hash"] as string)} has ${amountOf(r["denom_balance"])} of ${amountOf(r["denom_risk"])}, ` +
    `${r["num_issued"]} issued, lost ${amountOf(r["denom_loss"])}, recouped ${amountOf(r["recoup_loss"])}`
  );
  const revenue = auditor.table("auditor_historic_denomination_revenue").map((r) =>
    `${names.of(r["denom_pub_hash"] as string)} earned ${amountOf(r["revenue_balance"])} on day ${
      Number(r["revenue_timestamp"]) / 86_400e6
    }, recouped ${amountOf(r["loss_balance"])}`
  );
  return [
    ...pending.sort(),
    ...revenue.sort(),
    ...describeBalances(auditor.balances, /^(coin_balance_risk|total_escrowed)$/),
  ];
}

testTable(
  "denominations",
  `
  withdraw c1; withdraw c2; deposit c1 5
    -> d5 has 5 of 10, 2 issued, lost 0, recouped 0; coin_balance_risk 10; total_escrowed 5
  deposit c1 3; refund c1 1
    -> d5 has 2.96 of 5.96, 1 issued, lost 0, recouped 0; coin_balance_risk 5.96; total_escrowed 2.96
  purse-deposit c1 3; refund-purse p1
    -> d5 has 5 of 8, 1 issued, lost 0, recouped 0; coin_balance_risk 8; total_escrowed 5
  melt c1 4 into f1:d1 f2:d2
    -> d1 has 1 of 1, 1 issued, lost 0, recouped 0; d2 has 2 of 2, 1 issued, lost 0, recouped 0;
       d5 has 1 of 5, 1 issued, lost 0, recouped 0; coin_balance_risk 8; total_escrowed 4
  # a recoup leaves the escrow as it is, which overstates it (D-15)
  denomination d5 revoked; recoup c1 5
    -> d5 has 5 of 5, 1 issued, lost 0, recouped 5; coin_balance_risk 5; total_escrowed 5
  denomination d2 revoked; melt c1 4 into f1:d2; recoup-refresh f1 2 to c1
    -> d2 has 2 of 2, 1 issued, lost 0, recouped 2; d5 has 3 of 5, 1 issued, lost 0, recouped 0;
       coin_balance_risk 7; total_escrowed 3
  # a denomination of which nothing happened has no row
  denomination d5                                      -> nothing
  # it expires a day after the end of its deposit period; what is left is earned, the escrow stays (D-15)
  withdraw c1; day 201
    -> d5 has 5 of 5, 1 issued, lost 0, recouped 0; coin_balance_risk 5; total_escrowed 5
  withdraw c1; deposit c1 3; day 202
    -> d5 earned 2 on day 200, recouped 0; total_escrowed 2
  withdraw c1; deposit c1 5; day 202                   -> nothing
  # … also when nothing happens to it any more (D-11)
  withdraw c1; run; day 202                            -> d5 earned 5 on day 200, recouped 0; total_escrowed 5
  # … and what happens later changes the row that is there (D-6)
  deposit c1 3; day 202; run; refund c1 1              -> d5 earned 2.96 on day 200, recouped 0; total_escrowed 2.96
  withdraw c1; day 202; run; deposit c1 3 at=199       -> d5 earned 2 on day 200, recouped 0; total_escrowed 2
  withdraw c1; day 202; run; deposit c1 5 at=199       -> nothing
  # only the expired one goes
  denomination d2 expires=40; withdraw c1:d2; withdraw c2
    -> d5 has 5 of 5, 1 issued, lost 0, recouped 0; d2 earned 2 on day 40, recouped 0;
       coin_balance_risk 5; total_escrowed 7
  # what was lost is shown; a spend that was not covered leaves the balance as it was (C-21)
  withdraw c1; coin c2 unissued; deposit c1 3; deposit c2 4
    -> d5 has 2 of 5, 1 issued, lost 4, recouped 0; coin_balance_risk 5; total_escrowed 2
  # … and a melt that hangs is no spend yet
  withdraw x; melt x 5; coin c2 unissued; deposit c2 6
    -> d5 has 5 of 5, 1 issued, lost 6, recouped 0; coin_balance_risk 5; total_escrowed 5
  # an expired denomination that was short has nothing left to earn
  denomination d5 expires=40; coin c1 unissued; deposit c1 3 -> nothing
  `,
  async (phrases) => shown(await playCoins(phrases)),
);

testTable(
  "coins, all balances",
  `
  withdraw c1                       -> coin_balance_risk 5; total_escrowed 5
  deposit c1 3                      -> coin_balance_risk 5; coin_deposit_fee_revenue 0.02; total_escrowed 2
  purse-deposit c1 3                -> coin_balance_risk 5; coin_deposit_fee_revenue 0.02; total_escrowed 2
  open-deposit c1 3                 -> coin_balance_risk 5; total_escrowed 2
  deposit c1 3 forged               -> coin_balance_risk 5; coin_irregular_loss 3; total_escrowed 5
  deposit c1 3; refund c1 1
    -> coin_balance_risk 5.96; coin_deposit_fee_revenue 0.02; coin_refund_fee_revenue 0.04; total_escrowed 2.96
  deposit c1 3; refund c1 3
    -> coin_balance_risk 7.96; coin_deposit_fee_loss 0.02; coin_deposit_fee_revenue 0.02;
       coin_refund_fee_revenue 0.04; total_escrowed 4.96
  melt c1 4 into f1:d1 f2:d2
    -> coin_balance_risk 8; coin_melt_fee_revenue 0.03; total_escrowed 4
  melt c1 4                         -> coin_balance_risk 5; total_escrowed 5; total_refresh_hanging 4
  denomination d5 revoked; recoup c1 5 -> coin_balance_risk 5; total_escrowed 5; total_recoup_loss 5
  `,
  async (phrases) => describeBalances((await playCoins(phrases)).world.auditor.balances),
);

/** Long scenarios; each is audited at once and after every event (law "split"). */
const SPLIT = [
  "withdraw c1; deposit c1 2; deposit c1 3; melt c2:d5 4 into f1:d1 f2:d2; deposit f1 1; purse-deposit f2 2; refund-purse p1; refund c1 2 of b1",
  "deposit c1 6; refund c1 1; deposit c2 5 forged; melt c3 5; reveal m1 into f1:d1; deposit f1 1; deposit f1 1; withdraw x; withdraw y",
  "coin c1 unissued; withdraw x; withdraw y; deposit c1 3; coin c2 forged; purse-deposit c2 1; open-deposit c2 1; deposit c3 3 refundable=30; refund c3 0.03 of b2",
  "denomination d2 revoked; melt c1 4 into f1:d2; recoup-refresh f1 2 to c1; recoup c2:d2 2; deposit c1 2; melt c1 1 into f2:d1 gap; deposit c1 3 unreadable",
  "withdraw c1; deposit c1 3 no-target; coin c2 unknown; melt c2 4; denomination d3 lost; withdraw c3:d3; deposit c3 1; age-withdraw of c4 c5:d1; deposit c5 1",
  "denomination d5 expires=40; withdraw c1; deposit c1 2; refund c1 1; deposit c1 1; melt c1 1 into f1:d0.9; withdraw c2:d5 forged; purse-deposit c2 5; refund-purse p1",
];

/** One coin has findings of several checks in one row, and many rows follow. */
const MANY_ROWS = [
  "withdraw x:d20; melt c1 6 into f1:d9",
  ...Array.from(
    { length: 9 },
    (_, i) => `melt c${i + 2} 1; deposit c${i + 2} 1 refundable=30; open-deposit c${i + 2} 1`,
  ),
].join("; ");

/** Everything that an auditor sees, in an order that does not depend on the runs. */
function everything(s: CoinRecord): unknown {
  const { auditor } = s.world;
  const tables = [
    "auditor_x_denomination",
    "auditor_x_rejected",
    "auditor_x_bad_coin",
    "auditor_x_revisit",
    "auditor_x_counter",
  ];
  return {
    verdicts: s.world.verdicts(/./).sort(),
    shown: shown(s),
    progress: [...auditor.progress].sort(),
    // a counter of zero is as good as none
    state: tables.map((t) =>
      auditor.table(t).filter((r) => r["value"] !== "0").map((r) => JSON.stringify(Object.entries(r).sort())).sort()
    ),
  };
}

for (const text of SPLIT) {
  const phrases = (all: string[]) => all.map((p) => new Phrase(p.trim()));
  const events = text.split(";");

  Deno.test(`split: ${text}`, async () => {
    const whole = everything(await playCoins(phrases(events)));
    const steps = everything(await playCoins(phrases(events.flatMap((e) => [e, "run"]))));
    assert.deepEqual(steps, whole);
  });

  Deno.test(`nothing new: ${text}`, async () => {
    const s = await playCoins(phrases([...events, "run"]));
    const journal = s.world.auditor.journal.length;
    const again = await playCoins(phrases([...events, "run", "run", "run"]));
    assert.equal(again.world.auditor.journal.length, journal);
    assert.deepEqual(everything(again), everything(s));
  });
}

for (const text of [...SPLIT, MANY_ROWS]) {
  Deno.test(`the size of pages does not matter, not even to the order of findings: ${text.slice(0, 80)}`, async () => {
    const outcomes = [];
    for (const rows of [1, 2, 5, 1000]) {
      const s = await playCoins([`pages ${rows}`, ...text.split(";")].map((p) => new Phrase(p.trim())));
      outcomes.push({ verdicts: s.world.verdicts(/./), journal: s.world.auditor.journal });
    }
    for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
  });
}

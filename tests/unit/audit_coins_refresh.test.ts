// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The coins pass: melts and reveals (C-18 to C-25, D-7, X-7), recoups (C-7, C-8, C-26 to C-31, D-8, D-9), and what the
 * exchange says is left of a coin.
 *
 * Fees of a denomination: withdraw 0.01, deposit 0.02, refresh 0.03, refund 0.04.
 */
import { playCoins } from "../support/coin_scene.ts";
import { type Phrase, testTable } from "../support/scenario.ts";

async function judge(phrases: Phrase[]): Promise<string[]> {
  return (await playCoins(phrases)).world.verdicts(/loss|delta|hanging|emergenc/);
}

testTable(
  "melts",
  `
  melt c1 5 into f1:d2 f2:d2                       -> nothing
  melt c1 4 into f1:d3                             -> nothing
  denomination d3 cs; melt c1 4 into f1:d3         -> nothing
  denomination d5 cs; melt c1 4 into f1:d3         -> nothing
  # C-18
  denomination d5 lost; melt c1 4 into f1:d3
    -> C-6 withdraw#1 denomination key not found; C-18 melt#1 denomination key not found
  # C-5, C-19: the melt is booked all the same
  coin c1 forged; melt c1 4 into f1:d3             -> C-5 melt#1 loses 4 of c1; coin_irregular_loss 4
  melt c1 4 forged into f1:d3                      -> C-19 melt#1 loses 4 of c1; coin_irregular_loss 4
  coin c1 forged; melt c1 4 forged into f1:d3
    -> C-5 melt#1 loses 4 of c1; C-19 melt#1 loses 4 of c1; coin_irregular_loss 8
  # C-20: not revealed; only the first run judges the signature
  melt c1 4                                        -> C-20 melt#1 hangs with 4; total_refresh_hanging 4
  melt c1 4; run; run                              -> C-20 melt#1 hangs with 4; total_refresh_hanging 4
  melt c1 4 forged; run
    -> C-19 melt#1 loses 4 of c1; C-20 melt#1 hangs with 4; coin_irregular_loss 4; total_refresh_hanging 4
  # … until it is (D-7)
  melt c1 4; run; reveal m1 into f1:d3             -> nothing
  melt c1 4; melt c2 5; run; reveal m2 into f1:d3  -> C-20 melt#1 hangs with 4; total_refresh_hanging 4
  # D-7: a reveal that cannot be used
  melt c1 5 gap into f1:d2 f2:d2
    -> C-20 melt#1 hangs with 5; D-7 refresh_reveal#1 reveal is malformed; total_refresh_hanging 5
  melt c1 5 garbled into f1:d2 f2:d2
    -> C-20 melt#1 hangs with 5; D-7 refresh_reveal#1 reveal is malformed; total_refresh_hanging 5
  melt c1 5 unreadable-first into f1:d2 f2:d2
    -> D-17 refresh_revealed_coins#1 row cannot be read: link_sig has 63 bytes instead of 64; C-20 melt#1 hangs with 5; D-7 refresh_reveal#1 reveal is malformed; total_refresh_hanging 5
  melt c1 5 unreadable-last into f1:d2 f2:d2
    -> D-17 refresh_revealed_coins#2 row cannot be read: link_sig has 63 bytes instead of 64
  # C-23: nothing of such a reveal is booked
  denomination d3 lost; melt c1 4 into f1:d3       -> C-23 refresh_reveal#1 denomination key not found
  denomination d1 lost; melt c1 4 into f1:d1 f2:d1 f3:d2
    -> C-23 refresh_reveal#1 denomination key not found; C-23 refresh_reveal#1 denomination key not found
  # C-18, C-23: … until the denomination is known; then once, and nothing is judged twice
  denomination d5 lost; melt c1 4 forged into f1:d3; run; denomination d5; run; run
    -> C-19 melt#1 loses 4 of c1; coin_irregular_loss 4
  denomination d3 lost; melt c1 4 forged into f1:d3; run; denomination d3; run; run; deposit f1 3
    -> C-19 melt#1 loses 4 of c1; coin_irregular_loss 4
  denomination d1 lost; melt c1 4 into f1:d1 f2:d1 f3:d1; run; denomination d1; run; run; deposit f1 1; deposit f2 1
    -> nothing
  denomination d3 lost; melt c1 4; run; reveal m1 into f1:d3; run; denomination d3; run; run -> nothing
  # … and a waiting melt spends nothing when spends are replayed (C-22)
  denomination d3 lost; coin x unissued; melt c1 5 into f1:d3; deposit x 5; deposit x 1
    -> C-4 deposit#1 6 against 5; C-22 subtracting amount from escrow balance#2 0 against 1;
       C-23 refresh_reveal#1 denomination key not found; C-32 d5 of 5 issued 1 known 2 of 5;
       C-33 d5 of 5 loses 1 of 5; coins_emergencies_loss 1; coins_emergencies_loss_by_count 5;
       coins_reported_emergency_risk_by_amount 5; coins_reported_emergency_risk_by_count 5;
       coins_total_arithmetic_delta_minus 1
  # C-24: less than the fee, or just the fee
  melt c1 0.04 into f1:d0                          -> nothing
  melt c1 0.03 into f1:d0
    -> C-24 melt contribution vs. fee#1 0.03 against 0.03; C-25 melt (cost)#1 0 against 0.01;
       coins_total_arithmetic_delta_minus 0.01
  melt c1 0.02 into f1:d0
    -> C-24 melt contribution vs. fee#1 0.02 against 0.03; C-25 melt (cost)#1 0 against 0.01;
       coins_total_arithmetic_delta_minus 0.01; coins_total_arithmetic_delta_plus 0.01
  # C-25: more came out than went in
  melt c1 4.04 into f1:d4                          -> nothing
  melt c1 4.03 into f1:d4
    -> C-25 melt (cost)#1 4 against 4.01; coins_total_arithmetic_delta_minus 0.01
  melt c1 1 into f1:d1 f2:d1
    -> C-25 melt (cost)#1 0.97 against 2.02; coins_total_arithmetic_delta_minus 1.05
  # X-7
  melt c1 4 forged-link into f1:d3                 -> X-7 refresh_revealed_coins#1 link signature invalid
  melt c1 4 forged-answer into f1:d3               -> X-7 refresh_revealed_coins#1 blind signature of fresh coin invalid
  denomination d3 cs; melt c1 4 forged-answer into f1:d3
    -> X-7 refresh_revealed_coins#1 blind signature of fresh coin invalid
  melt c1 4 wrong-hash into f1:d3                  -> X-7 refresh_revealed_coins#1 hash of planchet does not match
  melt c1 4 copied-hash into f1:d3                 -> nothing
  melt c1 4 forged-link wrong-hash into f1:d1 f2:d1
    -> X-7 refresh_revealed_coins#1 link signature invalid; X-7 refresh_revealed_coins#1 hash of planchet does not match;
       X-7 refresh_revealed_coins#2 link signature invalid; X-7 refresh_revealed_coins#2 hash of planchet does not match
  # X-7: without the transfer key the link signatures say nothing; they are verified when it is there, and nothing else
  melt c1 5 unlinked into f1:d2 f2:d2
    -> X-7 refresh_commitments#1 revealed without the transfer key that the link signatures cover
  melt c1 5 unlinked into f1:d2 f2:d2; run; run
    -> X-7 refresh_commitments#1 revealed without the transfer key that the link signatures cover
  melt c1 5 unlinked into f1:d2 f2:d2; run; linked; run; run; deposit f1 2; deposit f2 2 -> nothing
  melt c1 5 unlinked forged-link forged-answer into f1:d2; run; linked; run; run
    -> X-7 refresh_revealed_coins#1 blind signature of fresh coin invalid;
       X-7 refresh_revealed_coins#1 link signature invalid
  denomination d3 lost; melt c1 4 unlinked into f1:d3; run; denomination d3; run; linked; run -> nothing
  melt c1 4 unlinked                               -> C-20 melt#1 hangs with 4; total_refresh_hanging 4
  # rows that cannot be used
  coin c1 unknown; melt c1 4   -> X-9 refresh_commitments#1 row refers to a missing row in known_coins
  melt c1 4 unreadable         -> D-17 refresh_commitments#1 row cannot be read: old_coin_sig has 63 bytes instead of 64
  `,
  judge,
);

testTable(
  "recoups",
  `
  denomination d5 revoked; recoup c1 5             -> total_recoup_loss 5
  denomination d5 revoked cs; recoup c1 5          -> total_recoup_loss 5
  denomination d5 revoked; deposit c1 2; recoup c1 3 -> total_recoup_loss 3
  # C-4
  denomination d5 revoked; withdraw x; recoup c1 6
    -> C-4 recoup#1 6 against 5; coins_total_arithmetic_delta_minus 1; total_recoup_loss 6
  denomination d5 revoked; withdraw x; deposit c1 3; recoup c1 3
    -> C-4 deposit#1 6 against 5; coins_total_arithmetic_delta_minus 1; total_recoup_loss 3
  # … a recoup that the coin did not sign is not the first spend, in whatever run it was seen
  denomination d5 revoked; withdraw x; recoup c1 2 forged; recoup c1 4
    -> C-26 recoup#1 loses 2 of c1; C-4 recoup#2 6 against 5; coin_irregular_loss 2;
       coins_total_arithmetic_delta_minus 1; total_recoup_loss 4
  denomination d5 revoked; withdraw x; recoup c1 2 forged; run; recoup c1 4
    -> C-26 recoup#1 loses 2 of c1; C-4 recoup#2 6 against 5; coin_irregular_loss 2;
       coins_total_arithmetic_delta_minus 1; total_recoup_loss 4
  denomination d5 revoked; withdraw x; recoup c1 6 forged
    -> C-26 recoup#1 loses 6 of c1; coin_irregular_loss 6
  # C-26: nothing more is said of such a recoup
  denomination d5 revoked; recoup c1 5 forged      -> C-26 recoup#1 loses 5 of c1; coin_irregular_loss 5
  # C-5 once, not twice (D-9)
  denomination d5 revoked; coin c1 forged; recoup c1 5
    -> C-5 recoup#1 loses 5 of c1; coin_irregular_loss 5; total_recoup_loss 5
  # C-29
  denomination d5 lost; recoup c1 5
    -> C-6 withdraw#1 denomination key not found; C-29 recoup#1 denomination key not found
  denomination d5 lost; recoup c1 5; run; denomination d5 revoked; run; run -> total_recoup_loss 5
  # C-31
  recoup c1 5                                      -> C-31 recoup#1 loses 5 of c1; coin_irregular_loss 5; total_recoup_loss 5
  denomination d5 forged-revocation; recoup c1 5
    -> C-3 denomination revocations#71 revocation signature invalid;
       C-31 recoup#1 loses 5 of c1; coin_irregular_loss 5; total_recoup_loss 5
  # X-7: not the coin that was withdrawn there
  denomination d5 revoked; recoup c1 5 withdrawn c2
    -> X-7 recoup#1 coin is not the one that was blinded; total_recoup_loss 5
  denomination d5 revoked; recoup c1 5 other-blind
    -> X-7 recoup#1 coin is not the one that was blinded; total_recoup_loss 5
  denomination d5 revoked; recoup c1 5 withdrawn c2:d1
    -> X-7 recoup#1 coin is not the one that was blinded; total_recoup_loss 5
  denomination d5 revoked; recoup c1 5 unreadable
    -> D-17 recoup#1 row cannot be read: coin_sig has 63 bytes instead of 64
  `,
  judge,
);

testTable(
  "recoups of fresh coins",
  `
  # a valid one gives no finding (D-8)
  denomination d2 revoked; melt c1 5 into f1:d2; recoup-refresh f1 2 to c1 -> total_recoup_loss 2
  # … and gives the old coin its value back
  denomination d2 revoked; melt c1 5 into f1:d2; recoup-refresh f1 2 to c1; deposit c1 2 -> total_recoup_loss 2
  denomination d2 revoked; melt c1 5 into f1:d2; recoup-refresh f1 2 to c1; deposit c1 3; withdraw x
    -> C-4 deposit#1 8 against 7; coins_total_arithmetic_delta_minus 1; total_recoup_loss 2
  # C-4 of the fresh coin
  denomination d2 revoked; melt c1 5 into f1:d2; recoup-refresh f1 3 to c1
    -> C-4 recoup-refresh#1 3 against 2; coins_total_arithmetic_delta_minus 1; total_recoup_loss 3
  # C-7
  denomination d5 lost; denomination d2 revoked; recoup-refresh f1:d2 2 to c1
    -> C-6 withdraw#2 denomination key not found; C-7 refresh-recoup#1 denomination key of old coin not found
  # … and once the denominations are known, whichever is first
  denomination d5 lost; denomination d2 revoked; recoup-refresh f1:d2 2 to c1; run; denomination d5; run; run
    -> total_recoup_loss 2
  denomination d2 lost; recoup-refresh f1:d2 2 to c1; run; denomination d2 revoked; run; run; deposit c1 7
    -> total_recoup_loss 2
  denomination d2 lost; recoup-refresh f1:d2 2 to c1; run; denomination d2 revoked; run; run; deposit c1 7; deposit c1 1
    -> C-4 deposit#1 8 against 7; C-22 subtracting amount from escrow balance#2 0 against 1;
       C-33 d5 of 5 loses 1 of 5; coins_emergencies_loss 1; coins_reported_emergency_risk_by_amount 5;
       coins_total_arithmetic_delta_minus 1; total_recoup_loss 2
  denomination d5 lost; denomination d2 lost; recoup-refresh f1:d2 2 to c1; run; denomination d5; run;
  denomination d2 revoked; run; deposit c1 7       -> total_recoup_loss 2
  denomination d5 lost; denomination d2 lost; recoup-refresh f1:d2 2 to c1; run; denomination d2 revoked; run;
  denomination d5; run; deposit c1 7               -> total_recoup_loss 2
  # C-8
  denomination d2 revoked; melt c1 5 into f1:d2; recoup-refresh f1 2 to c1 forged
    -> C-8 recoup-refresh#1 loses 2 of f1; coin_irregular_loss 2
  # C-5, C-29, C-31
  denomination d2 revoked; coin f1:d2 forged; recoup-refresh f1 2 to c1
    -> C-5 recoup-refresh#1 loses 2 of f1; coin_irregular_loss 2; total_recoup_loss 2
  denomination d2 lost; recoup-refresh f1:d2 2 to c1
    -> C-6 withdraw#1 denomination key not found; C-29 recoup-refresh#1 denomination key not found
  melt c1 5 into f1:d2; recoup-refresh f1 2 to c1
    -> C-31 recoup-refresh#1 loses 2 of f1; coin_irregular_loss 2; total_recoup_loss 2
  # X-7
  denomination d2 revoked; melt c1 5 into f1:d2; recoup-refresh f1 2 to c1 other-blind
    -> X-7 recoup-refresh#1 coin is not the one that was blinded; total_recoup_loss 2
  denomination d2 revoked cs; melt c1 5 into f1:d2; recoup-refresh f1 2 to c1 -> total_recoup_loss 2
  denomination d2 revoked cs; melt c1 5 into f1:d2; recoup-refresh f1 2 to c1 other-blind
    -> X-7 recoup-refresh#1 coin is not the one that was blinded; total_recoup_loss 2
  `,
  judge,
);

testTable(
  "X-16",
  `
  # only with internal checks
  deposit c1 3; remaining c1 1                     -> nothing
  internal; deposit c1 3; remaining c1 2           -> nothing
  internal; deposit c1 3; remaining c1 1
    -> X-16 known_coins#1 remaining value of the coin is stored as KUDOS:1, its history leaves KUDOS:2
  internal; deposit c1 3; remaining c1 1; run; remaining c1 2 -> nothing
  internal; deposit c1 3; refund c1 1; remaining c1 2.96 -> nothing
  internal; deposit c1 3; refund c1 3; remaining c1 4.98 -> coin_deposit_fee_loss 0.02
  internal; purse-deposit c1 3; refund-purse p1; remaining c1 5 -> coin_deposit_fee_loss 0.02
  # what cannot be read may be the difference
  internal; deposit c1 3; deposit c1 1 unreadable-amount; remaining c1 0 -> nothing
  # an overspent coin has nothing left
  internal; withdraw x; deposit c1 6; remaining c1 0
    -> C-4 deposit#1 6 against 5; coins_total_arithmetic_delta_minus 1
  `,
  judge,
);

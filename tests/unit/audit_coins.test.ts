// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The coins pass: keys (C-1, C-3, X-1, X-2), issuance (C-6, X-4), spending (C-4, C-5, C-9 to C-13, X-3, X-5, X-6),
 * refunds (C-14 to C-17), emergencies (C-21, C-22, C-32, C-33), rows that cannot be used (X-9, D-17).
 *
 * Fees of a denomination: withdraw 0.01, deposit 0.02, refresh 0.03, refund 0.04. Every coin is withdrawn before it is
 * used, unless the line says otherwise.
 */
import { playCoins } from "../support/coin_scene.ts";
import { type Phrase, testTable } from "../support/scenario.ts";

/** Balances that measure findings. */
const LOSSES = /loss|delta|hanging|emergenc/;

async function judge(phrases: Phrase[]): Promise<string[]> {
  return (await playCoins(phrases)).world.verdicts(LOSSES);
}

testTable(
  "coins, keys",
  `
  denomination d5                                  -> nothing
  denomination d5 cs                               -> nothing
  denomination d5 aged                             -> nothing
  denomination d5 forged                           -> C-1 d5 of 5 without signature
  denomination d5 unsigned                         -> X-1 d5 of 5 without signature
  denomination d5 forged; run; denomination d5     -> nothing
  denomination d5 unsigned; run; denomination d5   -> nothing
  denomination d5 unsigned; run; denomination d5 forged -> C-1 d5 of 5 without signature
  denomination d5 revoked                          -> nothing
  denomination d5 forged-revocation                -> C-3 denomination revocations#71 revocation signature invalid
  denomination d5 forged-revocation; run; run      -> C-3 denomination revocations#71 revocation signature invalid
  denomination d5 forged-revocation; run; denomination d5 revoked -> nothing
  denomination d5 forged-master                    -> X-2 denominations#1 master signature invalid
  denomination d5 unreadable                       -> D-17 denominations#1 row cannot be read: denom_pub is not a denomination public key
  denomination d5 wrong-hash
    -> X-2 denominations#1 denom_pub_hash is not the hash of denom_pub
  `,
  judge,
);

testTable(
  "coins, issuance",
  `
  withdraw c1                                      -> nothing
  withdraw c1:d1; withdraw c2:d5                   -> nothing
  denomination d5 cs; withdraw c1                  -> nothing
  withdraw c1 forged          -> X-7 reserves_out#1 blind signature does not belong to the withdrawn coin
  withdraw c1 unreadable      -> D-17 reserves_out#1 row cannot be read: denom_sig is NULL
  denomination d5 lost; withdraw c1                -> C-6 withdraw#1 denomination key not found
  denomination d5 wrong-hash; withdraw c1
    -> X-2 denominations#1 denom_pub_hash is not the hash of denom_pub; C-6 withdraw#1 denomination key not found
  age-withdraw of c1 c2:d1                         -> nothing
  age-withdraw of c1 c2:d1; deposit c1 5           -> nothing
  age-withdraw forged of c1   -> X-7 age_withdraw#1 blind signature does not belong to the withdrawn coin
  denomination d5 lost; age-withdraw of c1 c2:d1   -> C-6 age_withdraw#1 denomination key not found
  # … rows wait for the key of their denomination, and are booked once
  denomination d5 lost; withdraw c1; run; denomination d5; run; run -> nothing
  denomination d5 lost; withdraw c1; deposit c1 5; run; denomination d5; run; run; deposit c1 0.5
    -> C-4 deposit#1 5.5 against 5; C-22 subtracting amount from escrow balance#2 0 against 0.5;
       C-33 d5 of 5 loses 0.5 of 5; coins_emergencies_loss 0.5; coins_reported_emergency_risk_by_amount 5;
       coins_total_arithmetic_delta_minus 0.5
  denomination d5 lost; age-withdraw of c1 c2:d1; run; denomination d5; run; run; deposit c1 5; deposit c2 1
    -> nothing
  denomination d5 lost; age-withdraw of c1 c2:d1; run; denomination d5; run; coin x:d1 unissued; deposit c2 1; deposit x 1
    -> C-32 d1 of 1 issued 1 known 2 of 1; C-33 d1 of 1 loses 1 of 1; coins_emergencies_loss 1;
       coins_emergencies_loss_by_count 1; coins_reported_emergency_risk_by_amount 1;
       coins_reported_emergency_risk_by_count 1
  denomination d5 lost; denomination d2 lost; age-withdraw of c1 c2:d2 c3:d1; run; denomination d5; run
    -> C-6 age_withdraw#1 denomination key not found
  # X-4: as many envelopes and signatures as denominations
  age-withdraw surplus of c1 c2:d1
    -> X-4 age_withdraw#1 names 2 denominations, 3 blinded coins and 2 blind signatures
  `,
  judge,
);

testTable(
  "coins, spending",
  `
  deposit c1 5                                     -> nothing
  coin c1 aged; deposit c1 5                       -> nothing
  denomination d5 cs; deposit c1 5                 -> nothing
  denomination d5 aged; coin c1 aged; deposit c1 5 -> nothing
  purse-deposit c1 5                               -> nothing
  purse-deposit c1 5 partner                       -> nothing
  open-deposit c1 5                                -> nothing
  # C-4, with the operation of the first row in the order of the stages
  withdraw x; deposit c1 6                         -> C-4 deposit#1 6 against 5; coins_total_arithmetic_delta_minus 1
  withdraw x; deposit c1 3; deposit c1 3           -> C-4 deposit#1 6 against 5; coins_total_arithmetic_delta_minus 1
  withdraw x; melt c1 3 into f1:d2; purse-deposit c1 3
    -> C-4 purse-deposit#1 6 against 5; coins_total_arithmetic_delta_minus 1
  withdraw x; open-deposit c1 6                    -> C-4 reserve-open-deposit#1 6 against 5; coins_total_arithmetic_delta_minus 1
  withdraw x; melt c1 6 into f1:d5                 -> C-4 melt#1 6 against 5; coins_total_arithmetic_delta_minus 1
  # … it grows with the next run, and the balance with it
  withdraw x; withdraw y; deposit c1 6; run; deposit c1 1
    -> C-4 deposit#1 7 against 5; coins_total_arithmetic_delta_minus 2
  # … and is resolved by a refund that comes later; the coin then owns what it spends
  withdraw x; deposit c1 3; deposit c1 3; run; refund c1 2 of b1 -> nothing
  # C-5 for every operation of a coin that is not genuine
  coin c1 forged; deposit c1 3; deposit c1 1; purse-deposit c1 1
    -> C-5 deposit#1 loses 3 of c1; C-5 deposit#2 loses 1 of c1; C-5 purse-deposit#1 loses 1 of c1;
       coin_irregular_loss 5
  coin c1 garbled; deposit c1 3                    -> C-5 deposit#1 loses 3 of c1; coin_irregular_loss 3
  coin c1 forged; open-deposit c1 1                -> C-5 reserve-open-deposit#1 loses 1 of c1; coin_irregular_loss 1
  coin c1 forged; deposit c1 3; run; deposit c1 1
    -> C-5 deposit#1 loses 3 of c1; C-5 deposit#2 loses 1 of c1; coin_irregular_loss 4
  denomination d5 cs; coin c1 forged; deposit c1 3 -> C-5 deposit#1 loses 3 of c1; coin_irregular_loss 3
  # C-9, C-12
  denomination d5 lost; deposit c1 3
    -> C-6 withdraw#1 denomination key not found; C-9 deposits#1 denomination key not found
  denomination d5 lost; purse-deposit c1 3
    -> C-6 withdraw#1 denomination key not found; C-12 purse-deposits#1 denomination key not found
  denomination d5 lost; open-deposit c1 3
    -> C-6 withdraw#1 denomination key not found; X-3 reserves_open_deposits#1 denomination key not found
  # … and the same rows when the key appears
  denomination d5 lost; deposit c1 3 forged; run; denomination d5; run; run
    -> C-11 deposit#1 loses 3 of c1; coin_irregular_loss 3
  denomination d5 lost; purse-deposit c1 3 forged; run; denomination d5; run
    -> C-13 purse-deposit#1 loses 3 of c1; coin_irregular_loss 3
  denomination d5 lost; open-deposit c1 3 forged; run; denomination d5; run
    -> X-3 reserve-open-deposit#1 loses 3 of c1; coin_irregular_loss 3
  # a coin is judged when the key of its denomination appears
  denomination d5 lost; coin c1 forged unissued; deposit c1 1; run; denomination d5; withdraw x; deposit c1 1
    -> C-5 deposit#1 loses 1 of c1; C-5 deposit#2 loses 1 of c1; coin_irregular_loss 2
  # C-10
  deposit c1 3 refundable=20                       -> nothing
  deposit c1 3 refundable=21                       -> C-10 deposits#1 refund deadline past wire deadline
  # C-11: not booked, so that the coin's value is still there
  deposit c1 3 forged                              -> C-11 deposit#1 loses 3 of c1; coin_irregular_loss 3
  deposit c1 5 forged; deposit c2 5; deposit c3 5  -> C-11 deposit#1 loses 5 of c1; coin_irregular_loss 5
  # … with the policy of the deposit (D-18)
  deposit c1 3 policy                              -> nothing
  deposit c1 3 other-policy                        -> C-11 deposit#1 loses 3 of c1; coin_irregular_loss 3
  deposit c1 3 lost-policy                  -> X-9 coin_deposits#1 row refers to a missing row in policy_details
  # C-13
  purse-deposit c1 3 forged                        -> C-13 purse-deposit#1 loses 3 of c1; coin_irregular_loss 3
  open-deposit c1 3 forged                         -> X-3 reserve-open-deposit#1 loses 3 of c1; coin_irregular_loss 3
  # several at once, in the order of the checks
  withdraw x; coin c1 forged; deposit c1 6 forged refundable=21
    -> C-4 deposit#1 6 against 5; C-10 deposits#1 refund deadline past wire deadline;
       C-5 deposit#1 loses 6 of c1; C-11 deposit#1 loses 6 of c1;
       coin_irregular_loss 12; coins_total_arithmetic_delta_minus 1
  # X-5: less than the fee; a coin for a contract that was already paid out
  deposit c1 0.02                                  -> nothing
  deposit c1 0.01                                  -> X-5 deposit (fee)#1 0.01 against 0.02; coins_total_arithmetic_delta_plus 0.01
  deposit c1 3; aggregate b1; run; deposit c2 2 into b1
    -> X-5 deposits#2 coin deposited into a batch that was aggregated before
  deposit c1 3; deposit c2 2 into b1; aggregate b1; run -> nothing
  # X-6
  deposit c1 3 at=200                              -> nothing
  deposit c1 3 at=201                              -> X-6 deposits#1 deposit after the end of the deposit period
  denomination d5 revoked; deposit c1 3            -> nothing
  denomination d5 revoked; withdraw c1; run; deposit c1 1; purse-deposit c1 1; open-deposit c1 1; melt c1 1 into f1:d0.9
    -> X-6 deposits#1 coin of a denomination that was revoked before;
       X-6 purse-deposits#1 coin of a denomination that was revoked before;
       X-6 reserves_open_deposits#1 coin of a denomination that was revoked before;
       X-6 melt#1 coin of a denomination that was revoked before
  denomination d5 forged-revocation; withdraw c1; run; deposit c1 1
    -> C-3 denomination revocations#71 revocation signature invalid
  # rows without partner wait for it (X-9); rows that cannot be read are named (D-17)
  coin c1 unknown; deposit c1 3 -> X-9 coin_deposits#1 row refers to a missing row in known_coins
  deposit c1 3 no-target        -> X-9 coin_deposits#1 row refers to a missing row in wire_targets
  purse-deposit c1 3 lost-partner -> X-9 purse_deposits#1 row refers to a missing row in partners
  deposit c1 3 unreadable       -> D-17 coin_deposits#1 row cannot be read: coin_sig has 63 bytes instead of 64
  purse-deposit c1 3 unreadable -> D-17 purse_deposits#1 row cannot be read: coin_sig has 63 bytes instead of 64
  `,
  judge,
);

testTable(
  "coins, refunds",
  `
  deposit c1 3; refund c1 1                        -> nothing
  # the deposit fee is given back once, by the refund that completes the deposit (D-14)
  deposit c1 3; refund c1 3                        -> coin_deposit_fee_loss 0.02
  deposit c1 3; refund c1 1; refund c1 2           -> coin_deposit_fee_loss 0.02
  deposit c1 3; refund c1 1; run; refund c1 2      -> coin_deposit_fee_loss 0.02
  denomination d5 refund=0; deposit c1 3; refund c1 3; refund c1 0 -> coin_deposit_fee_loss 0.02
  deposit c1 3; deposit c1 1 into b1; refund c1 4  -> coin_deposit_fee_loss 0.04
  deposit c1 3; deposit c1 2; refund c1 2 of b2    -> coin_deposit_fee_loss 0.02
  # C-14
  denomination d5 lost; deposit c1 3; refund c1 1
    -> C-6 withdraw#1 denomination key not found; C-9 deposits#1 denomination key not found;
       C-14 refunds#1 denomination key not found
  # C-15: not booked
  deposit c1 3; refund c1 3 forged                 -> C-15 refund#1 loses 3 of c1; coin_irregular_loss 3
  # C-16 (D-4)
  deposit c1 3; refund c1 0.04                     -> nothing
  deposit c1 3; refund c1 0.03                     -> C-16 refund (fee)#1 0.03 against 0.04; coins_total_arithmetic_delta_plus 0.01
  # X-5: more than was deposited into the batch
  deposit c1 3; refund c1 4
    -> X-5 refund (deposit)#1 4 against 3; coins_total_arithmetic_delta_minus 1
  deposit c1 3; refund c1 2; refund c1 2
    -> X-5 refund (deposit)#2 4 against 3; coins_total_arithmetic_delta_minus 1
  deposit c1 3; refund c1 3; refund c1 1; refund c1 1
    -> X-5 refund (deposit)#2 4 against 3; X-5 refund (deposit)#3 5 against 4;
       coin_deposit_fee_loss 0.02; coins_total_arithmetic_delta_minus 2
  deposit c1 2; deposit c1 2; refund c1 3 of b2
    -> X-5 refund (deposit)#1 3 against 2; coins_total_arithmetic_delta_minus 1
  # X-5: after the batch was paid out
  deposit c1 3; aggregate b1; run; refund c1 1     -> X-5 refunds#1 refund of a deposit that was aggregated before
  deposit c1 3; refund c1 1; aggregate b1; run     -> nothing
  # a refund of something that was never deposited
  refund c1 1 no-deposit                           -> X-9 refunds#1 row refers to a missing row in coin_deposits
  deposit c1 3; refund c1 1 unreadable
    -> D-17 refunds#1 row cannot be read: merchant_sig has 63 bytes instead of 64
  # purses that are given back: the deposit fee of every coin, no refund fee
  purse-deposit c1 3; purse-deposit c2:d2 1; refund-purse p1 -> coin_deposit_fee_loss 0.04
  purse-deposit c1 5; refund-purse p1; deposit c1 5 -> coin_deposit_fee_loss 0.02
  # C-17
  denomination d5 lost; purse-deposit c1 3; refund-purse p1
    -> C-6 withdraw#1 denomination key not found; C-12 purse-deposits#1 denomination key not found;
       C-17 purse-refunds#1 denomination key not found
  # … what a row without denomination waits for is booked once
  denomination d5 lost; purse-deposit c1 3; purse-deposit c2:d1 1; refund-purse p1; run; denomination d5; run; run
    -> coin_deposit_fee_loss 0.04
  denomination d5 lost; deposit c1 3; refund c1 3; run; denomination d5; run; run -> coin_deposit_fee_loss 0.02
  `,
  judge,
);

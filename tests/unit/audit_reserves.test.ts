// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The reserves pass: with D-10, D-11, D-19 to D-23, and, D-17.
 *
 * The audit is on day 50. A reserve expires 28 days after its last credit, on day 40 unless the line says otherwise,
 * and must be closed a day later. Withdrawing a coin of 5 costs 5.01; closing a reserve costs 0.1.
 */
import assert from "node:assert/strict";
import { ReserveScene } from "../support/reserve_scene.ts";
import { Phrase, testTable } from "../support/scenario.ts";

async function judge(phrases: Phrase[]): Promise<string[]> {
  return (await new ReserveScene().play(phrases)).world.verdicts(/loss|delta|not_closed/);
}

testTable(
  "reserves, stages",
  `
  credit r1 10                                     -> nothing
  credit r1 10; withdraw r1 d5                     -> nothing
  # R-1
  denomination d5 lost; credit r1 10; withdraw r1 d5 -> R-1 withdraw#1 denomination key not found
  # … it waits until the denomination is known, and is debited once
  denomination d5 lost; credit r1 5.01; withdraw r1 d5; run; denomination d5; run; run -> nothing
  denomination d5 lost; credit r1 6.02; withdraw r1 d5; run; denomination d5; run; withdraw r1 d1 -> nothing
  denomination d5 lost; credit r1 5; withdraw r1 d5; credit r2 50; run; denomination d5
    -> R-16 r1 is short of 0.01; reserves_reserve_loss 0.01
  denomination d1 lost; credit r1 6.02; age-withdraw r1 of d5 d1; run; denomination d1; run; run -> nothing
  # R-2, both ends inclusive
  credit r1 10 at=0; withdraw r1 d5 at=0; close r1 4.99 at=28 -> nothing
  credit r1 10 at=90; withdraw r1 d5 at=100; day 100 -> nothing
  credit r1 10 at=90; withdraw r1 d5 at=101; day 101 -> R-2 withdraw#1 of r1 in d5 on day 101
  # R-3: not booked
  credit r1 1; withdraw r1 d5 forged               -> R-3 withdraw#1 loses 5.01 of r1; reserves_total_bad_sig_loss 5.01
  # R-4: booked as the denomination says
  credit r1 5.01; withdraw r1 d5 paid=4
    -> R-4 withdraw#1 amount with fee from exchange does not match denomination value plus fee
  credit r1 5.01; withdraw r1 d5 paid=6
    -> R-4 withdraw#1 amount with fee from exchange does not match denomination value plus fee;
       X-15 reserves#1 reserve was overdrawn by KUDOS:0.99 for a while, first at reserves_out, row 1
  # X-4
  credit r1 6.02; age-withdraw r1 of d5 d1         -> nothing
  denomination d5 aged; denomination d1 aged; credit r1 6.02; age-withdraw r1 of d5 d1 -> nothing
  credit r1 1; age-withdraw r1 forged of d5 d1     -> X-4 age-withdraw#1 loses 6.02 of r1; reserves_total_bad_sig_loss 6.02
  credit r1 6.02; age-withdraw r1 paid=6 of d5 d1
    -> X-4 age_withdraw#1 amount with fee from exchange does not match denomination value plus fee
  denomination d1 lost; credit r1 6.02; age-withdraw r1 of d5 d1 -> R-1 age_withdraw#1 denomination key not found
  # R-5, R-6, R-7: booked in every case
  denomination d5 revoked; recoup r1 5             -> nothing
  denomination d5 revoked; recoup r1 5 forged      -> R-5 recoup#1 loses 5 of c1; reserves_total_bad_sig_loss 5
  recoup r1 5                                      -> R-6 recoup#1 denomination key not in revocation set; reserves_reserve_loss 5
  denomination d5 forged-revocation; recoup r1 5   -> R-7 recoup-master#71 loses 5 of master; reserves_total_bad_sig_loss 5
  # … the row of the revocation is named once in a run
  denomination d5 forged-revocation; recoup r1 5; recoup r1 4 of c2; run; recoup r1 3 of c3
    -> R-7 recoup-master#71 loses 5 of master; R-7 recoup-master#0 loses 4 of master;
       R-7 recoup-master#71 loses 3 of master; reserves_total_bad_sig_loss 12
  denomination d5 forged-revocation; recoup r1 5 forged
    -> R-5 recoup#1 loses 5 of c1; R-7 recoup-master#71 loses 5 of master; reserves_total_bad_sig_loss 10
  denomination d5 lost; recoup r1 5
    -> R-5 recoup#1 loses 5 of c1; R-6 recoup#1 denomination key not in revocation set;
       reserves_reserve_loss 5; reserves_total_bad_sig_loss 5
  # R-8: not booked
  credit r1 1; open r1 1                           -> nothing
  credit r1 1; open r1 2 forged                    -> R-8 reserve-open#1 loses 2 of r1; reserves_total_bad_sig_loss 2
  # R-15: not booked; only purses created against a fee cost something
  credit r1 1; account-merge r1 fee=1 flags=3      -> nothing
  credit r1 1; account-merge r1 fee=2 flags=1      -> nothing
  credit r1 1; account-merge r1 fee=2 flags=2      -> nothing
  credit r1 1; account-merge r1 fee=2 flags=3 forged -> R-15 account-merge#1 loses 2 of r1; reserves_total_bad_sig_loss 2
  # X-11
  merge r1 3                                       -> nothing
  merge r1 3 partner
    -> X-11 purse_merges#1 purse merged towards a partner exchange, not supported
  # X-9, D-17
  merge r1 3 undecided                             -> D-17 purse_decision#1 row cannot be read: refunded is NULL
  credit r1 10 lost-account                        -> X-9 reserves_in#1 row refers to a missing row in wire_targets
  merge r1 3 unmerged                              -> X-9 purse_decision#1 row refers to a missing row in purse_merges
  credit r1 10 unreadable                          -> D-17 reserves_in#1 row cannot be read: reserve_pub has 31 bytes instead of 32
  open r1 1 unreadable                             -> D-17 reserves_open_requests#1 row cannot be read: reserve_sig has 63 bytes instead of 64
  `,
  judge,
);

testTable(
  "reserves, closes",
  `
  credit r1 4; close r1 4                          -> nothing
  credit r1 4; close r1 4 to a2                    -> R-14 reserves_close#1 target account does not match origin account
  credit r1 4; run; close r1 4 to a2               -> R-14 reserves_close#1 target account does not match origin account
  # the account of the first credit counts
  credit r1 2 from a1; credit r1 2 from a2; close r1 4 -> nothing
  credit r1 2 from a1; credit r1 2 from a2; close r1 4 to a2
    -> R-14 reserves_close#1 target account does not match origin account
  # … also after the reserve was empty (D-21)
  credit r1 4; withdraw r1 d3.99; run; merge r1 3; close r1 3 -> nothing
  # R-13
  merge r1 3; close r1 3                           -> R-13 reserves_close#1 target account not verified, auditor does not know reserve
  # R-10: too much is good for the exchange, too little bad
  credit r1 4; close r1 4 fee=0.2
    -> R-10 closing aggregation fee#1 0.2 against 0.1; reserves_total_arithmetic_delta_plus 0.1
  credit r1 4; close r1 4 fee=0
    -> R-10 closing aggregation fee#1 0 against 0.1; reserves_total_arithmetic_delta_minus 0.1
  # … the fee at the expiry of the reserve is right as well (D-19)
  fee 0.1 days=0-69; fee 0.3 days=69-1000; day 75; credit r1 4; close r1 4 at=70 fee=0.3 -> nothing
  fee 0.1 days=0-69; fee 0.3 days=69-1000; day 75; credit r1 4; close r1 4 at=70 fee=0.1 -> nothing
  fee 0.1 days=0-69; fee 0.3 days=69-1000; day 75; credit r1 4; close r1 4 at=70 fee=0.2
    -> R-10 closing aggregation fee#1 0.2 against 0.3; reserves_total_arithmetic_delta_minus 0.1
  # … or that at the client's request
  fee 0.1 days=0-46; fee 0.3 days=46-1000; credit r1 4; close r1 4 at=47 fee=0.1 requested=a1 -> nothing
  # … or all there is, if that does not cover the fee
  credit r1 0.05; close r1 0.05 fee=0.05           -> nothing
  credit r1 0.1; close r1 0.1 fee=0.1              -> nothing
  credit r1 0.2; close r1 0.2 fee=0.2
    -> R-10 closing aggregation fee#1 0.2 against 0.1; reserves_total_arithmetic_delta_plus 0.1
  # R-9
  fee 0.1 for x-other; credit r1 4; close r1 4
    -> R-9 closing-fee#3974400000000 closing fee for \`x-test' unavailable at Mon Feb 16 00:00:00 1970
  credit r1 4 from mailto:x; close r1 4 to mailto:x
    -> R-9 closing-fee#3974400000000 closing fee for \`' unavailable at Mon Feb 16 00:00:00 1970
  # closes that a client asked for; the signature names the account, or none (D-10)
  credit r1 4; close r1 4 requested=a1 signed=a1   -> nothing
  credit r1 4; close r1 4 requested=a1 signed=none -> nothing
  credit r1 4; close r1 4 to a2 requested=a2 signed=a2 -> nothing
  # … a client that names no account means the one where the money came from
  credit r1 4; close r1 4 to a2 requested=a2 signed=none
    -> R-12 close-request#77 loses 4 of r1; reserves_total_bad_sig_loss 4
  # R-12
  credit r1 4; close r1 4 requested=a1 signed=a1 forged
    -> R-12 close-request#77 loses 4 of r1; reserves_total_bad_sig_loss 4
  credit r1 4; close r1 4 to a1 requested=a1 signed=a2
    -> R-12 close-request#77 loses 4 of r1; reserves_total_bad_sig_loss 4
  # R-14
  credit r1 4; close r1 4 to a2 requested=a1 signed=a1
    -> R-14 reserves_close#1 target account does not match origin account
  # R-11
  credit r1 4; close r1 4 lost-request             -> R-11 reserves_close#1 reserve close request unknown
  # X-10
  credit r1 4; close r1 4 requested=a1 wanted=3    -> X-10 reserves_close#1 close differs from what was requested
  request r1 4 at=48                               -> X-10 close_requests#1 close request was not executed within a day
  request r1 4 at=49                               -> nothing
  request r1 0 at=40                               -> nothing
  request r1 4 at=48; run; executed                -> nothing
  # X-10: what is new, and what was open, is looked at in every run
  run; request r1 4 at=48                          -> X-10 close_requests#1 close request was not executed within a day
  request r1 4 at=48; run; run                     -> X-10 close_requests#1 close request was not executed within a day
  request r1 4 at=48; run; executed; run; request r2 4 at=47 ->
    X-10 close_requests#2 close request was not executed within a day
  `,
  judge,
);

testTable(
  "reserves, verdicts",
  `
  # R-16
  credit r1 5; withdraw r1 d5
    -> R-16 r1 is short of 0.01; R-21 global escrow balance#0 5 against 5.01; reserves_reserve_loss 0.01
  credit r1 5; credit r2 5; withdraw r1 d5         -> R-16 r1 is short of 0.01; reserves_reserve_loss 0.01
  # … one finding for as long as it lasts, and as large as it is
  credit r2 50; credit r1 5; withdraw r1 d5; run; run -> R-16 r1 is short of 0.01; reserves_reserve_loss 0.01
  credit r2 50; credit r1 5; withdraw r1 d5; run; withdraw r1 d1 at=46
    -> R-16 r1 is short of 1.02; reserves_reserve_loss 1.02
  credit r2 50; credit r1 5; withdraw r1 d5; run; credit r1 1 at=44 -> nothing
  # R-17, R-18, only with internal checks
  credit r1 5; balance r1 4                        -> nothing
  internal; credit r1 5; balance r1 5              -> nothing
  internal; credit r1 5                            -> R-17 r1 has 5
  internal; credit r1 5; balance r1 4              -> R-18 r1 has 5; R-18 r1 4 against 5; total_balance_summary_delta_plus 1
  internal; credit r1 5; balance r1 7              -> R-18 r1 has 5; R-18 r1 7 against 5; total_balance_summary_delta_minus 2
  internal; credit r1 5; balance r1 4; run; credit r1 1; balance r1 6 -> nothing
  internal; credit r1 5; run; credit r1 1; balance r1 4
    -> R-18 r1 has 6; R-18 r1 4 against 6; total_balance_summary_delta_plus 2
  internal; credit r2 50; credit r1 5; withdraw r1 d5; balance r1 0; balance r2 50
    -> R-16 r1 is short of 0.01; reserves_reserve_loss 0.01
  internal; credit r1 5; run; balance r1 4; credit r1 0
    -> R-18 r1 has 5; R-18 r1 4 against 5; total_balance_summary_delta_plus 1
  # R-19: a day after the expiry
  credit r1 5 at=21                                -> nothing
  credit r1 5 at=20                                -> R-19 r1 holds 5 since day 48: payto://x-test/host/a1; total_balance_reserve_not_closed 5
  # … found without being touched, and gone with the money (D-6, D-11)
  credit r1 5; run; day 70
    -> R-19 r1 holds 5 since day 68: payto://x-test/host/a1; total_balance_reserve_not_closed 5
  credit r1 5; run; day 70; run; merge r1 2
    -> R-19 r1 holds 7 since day 68: payto://x-test/host/a1; total_balance_reserve_not_closed 7
  credit r1 5; run; day 70; run; close r1 5 at=70  -> nothing
  credit r1 5; run; day 70; run; credit r1 1 at=69 -> nothing
  # … no more than the fee cannot be closed
  credit r1 0.1 at=1                               -> nothing
  credit r1 0.11 at=1                              -> R-19 r1 holds 0.11 since day 29: payto://x-test/host/a1; total_balance_reserve_not_closed 0.11
  # … paid to stay open (D-23)
  credit r1 5 at=20; open r1 1 at=30 until=60      -> nothing
  credit r1 5 at=20; open r1 1 at=30 until=60; day 62
    -> R-19 r1 holds 4 since day 60: payto://x-test/host/a1; total_balance_reserve_not_closed 4
  # … a recoup keeps it open like a credit
  denomination d5 revoked; credit r1 5 at=20; recoup r1 5 at=30 -> nothing
  # … a reserve that only purses fed has no expiry (D-20)
  merge r1 3; day 1000                             -> nothing
  # … an overdrawn reserve has nothing to close (D-22)
  credit r2 50; credit r1 5 at=20; withdraw r1 d5 at=21
    -> R-16 r1 is short of 0.01; reserves_reserve_loss 0.01
  # R-20 with R-9
  fee 0.1 for x-other; credit r1 5 at=20
    -> R-9 closing-fee#4147200000000 closing fee for \`x-test' unavailable at Wed Feb 18 00:00:00 1970;
       R-20 r1 holds 5 since day 48: could not determine closing fee
  fee 0.1 for x-other; credit r1 5 at=20; run; fee 0.1
    -> R-19 r1 holds 5 since day 48: payto://x-test/host/a1; total_balance_reserve_not_closed 5
  # R-21: all reserves together
  credit r1 1; withdraw r1 d5; credit r2 1; withdraw r2 d5
    -> R-16 r2 is short of 4.01; R-16 r1 is short of 4.01; R-21 global escrow balance#0 1 against 5.01;
       reserves_reserve_loss 8.02
  credit r1 1; withdraw r1 d5; run; credit r1 10 at=44 -> nothing
  `,
  judge,
);

testTable(
  "X-15",
  `
  # overdrawn for a while, and right in the end; at one instant, credits come first
  credit r1 5 at=40; withdraw r1 d5 at=41; credit r1 1 at=42
    -> X-15 reserves#1 reserve was overdrawn by KUDOS:0.01 for a while, first at reserves_out, row 1
  credit r1 5 at=40; withdraw r1 d5 at=41; credit r1 1 at=41 -> nothing
  credit r1 10 at=42; open r1 1 at=40
    -> X-15 reserves#1 reserve was overdrawn by KUDOS:1 for a while, first at reserves_open_requests, row 1
  credit r1 10 at=42; close r1 1 at=40
    -> X-15 reserves#1 reserve was overdrawn by KUDOS:1 for a while, first at reserves_close, row 1
  denomination d5 revoked; withdraw r1 d5 at=31; recoup r1 5 at=30; credit r1 1 at=26 -> nothing
  withdraw r1 d1 at=20; merge r1 2
    -> X-15 reserves#1 reserve was overdrawn by KUDOS:1.01 for a while, first at reserves_out, row 1
  # a debit with a bad signature was not booked
  credit r1 1 at=40; withdraw r1 d5 at=41 forged; credit r1 10 at=42
    -> R-3 withdraw#1 loses 5.01 of r1; reserves_total_bad_sig_loss 5.01
  # … nor was one that cannot be read, has no partner, or no known denomination
  credit r1 1 at=40; open r1 5 at=41 unreadable; credit r1 10 at=42
    -> D-17 reserves_open_requests#1 row cannot be read: reserve_sig has 63 bytes instead of 64
  credit r1 1 at=40; open r1 5 at=41 unreadable; run; credit r1 10 at=42
    -> D-17 reserves_open_requests#1 row cannot be read: reserve_sig has 63 bytes instead of 64
  denomination d5 lost; credit r1 1 at=40; withdraw r1 d5 at=41; credit r1 10 at=42
    -> R-1 withdraw#1 denomination key not found
  denomination d5 lost; credit r1 1 at=40; withdraw r1 d5 at=41; credit r1 10 at=42; run; denomination d5
    -> X-15 reserves#1 reserve was overdrawn by KUDOS:4.01 for a while, first at reserves_out, row 1
  credit r1 10 at=40 lost-account; withdraw r1 d5 at=41; credit r1 6 at=42
    -> X-9 reserves_in#1 row refers to a missing row in wire_targets;
       X-15 reserves#1 reserve was overdrawn by KUDOS:5.01 for a while, first at reserves_out, row 1
  # also over several runs
  credit r2 50; credit r1 5 at=40; run; withdraw r1 d5 at=41; run; credit r1 1 at=42
    -> X-15 reserves#1 reserve was overdrawn by KUDOS:0.01 for a while, first at reserves_out, row 1
  # … and a credit that was only late to be booked resolves it
  credit r1 6 at=42; withdraw r1 d5 at=41; run; credit r1 5.01 at=30 -> nothing
  `,
  judge,
);

Deno.test("X-11: transfers between exchanges are reported, each once", async () => {
  const scene = await new ReserveScene().play(["wad in 3", "wad 2", "run"].map((text) => new Phrase(text)));
  const text = "transfer between exchanges, not supported; partner https://partner.example/";
  assert.deepEqual(scene.world.verdicts(/./), [`X-11 wads_in#1 ${text}`, `X-11 wads_out#2 ${text}`]);
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The wire-debit pass: WD-1 to WD-15, WD-R1 to WD-R4, WD-R7 to WD-R9 and WC-R9. One line is one story and the verdict on
 * it, see tests/support/wire_scene.ts; every story is audited once more, which must write nothing.
 */
import { wireDebitPass } from "../../core/audit/passes/wire-debit/pass.ts";
import { storeTable, wireTable } from "../support/wire_verdicts.ts";

wireTable(
  wireDebitPass,
  "transfers to merchants",
  `
  owe w1 10 to m1; pay w1 10 to m1 -> total_wire_out 10
  owe w1 1 to m1; owe w2 2 to m2; owe w3 4 to m1; pay w3 4 to m1; pay w1 1 to m1; pay w2 2 to m2 -> total_wire_out 7
  # WD-2, and its life
  owe w1 10 to m1 -> WD-2 wire#1 to m1: 0 instead of 10: expected outgoing wire transfer SUBJECT-w1 missing;
    total_bad_amount_out_minus 10; total_wire_out 10
  owe w1 10 to m1; owe w2 5 to m1; run; pay w1 10 to m1; run; run ->
    WD-2 wire#2 to m1: 0 instead of 5: expected outgoing wire transfer SUBJECT-w2 missing; resolved WD-2;
    total_bad_amount_out_minus 5; total_wire_out 15
  owe w1 10 to m1; run; pay w1 10 to m1 -> resolved WD-2; total_wire_out 10
  grace 3; owe w1 10 to m1 -> total_wire_out 10
  grace 3; owe w1 10 to m1; run; pay w1 10 to m1; day 60 -> total_wire_out 10
  grace 3; owe w1 10 to m1; run; day 51 ->
    WD-2 wire#1 to m1: 0 instead of 10: expected outgoing wire transfer SUBJECT-w1 missing;
    total_bad_amount_out_minus 10; total_wire_out 10
  # … made from another account of the exchange than was booked: both sides lack something
  audit 2; owe w1 10 to m1; pay w1 10 to m1 on 2 ->
    WD-13 wire#1 to m1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    WD-2 wire#1 to m1: 0 instead of 10: expected outgoing wire transfer SUBJECT-w1 missing;
    total_bad_amount_out_minus 10; total_bad_amount_out_plus 10; total_wire_out 10
  # WD-3, WD-4, WD-5; when it comes late it is compared all the same
  owe w1 10 to m1; pay w1 9 to m2 -> WD-3 wire#1 to m1: 9 instead of 10: receiver account mismatch;
    total_bad_amount_out_minus 10; total_bad_amount_out_plus 9; total_wire_out 10
  owe w1 10 to m1; run; pay w1 12 to m1 -> WD-4 wire#1 to m1: 12 instead of 10: wire amount does not match;
    resolved WD-2; total_bad_amount_out_plus 2; total_wire_out 10
  owe w1 10 to m1; pay w1 10 to m1 at=49 -> WD-5 wire_out#1 execution date mismatch (1 day); total_wire_out 10
  owe w1 10 to m1; pay w1 10 to m1 at=47.98 -> WD-5 wire_out#1 execution date mismatch (28 m); total_wire_out 10
  owe w1 10 to m1; pay w1 10 to m1 at=47.99 -> total_wire_out 10
  # WD-13: justified later
  pay w1 10 to m1 -> WD-13 wire#1 to m1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    total_bad_amount_out_plus 10
  pay w1 10 to m1; run; owe w1 10 to m1 -> resolved WD-13; total_wire_out 10
  grace 3; pay w1 10 to m1; run; owe w1 10 to m1; day 60 -> total_wire_out 10
  # WD-1: in one run and in two
  owe w1 10 to m1; pay w1 10 to m1; pay w1 10 to m1 -> WD-1 bank#2 10: duplicate outgoing wire transfer subject;
    total_wire_out 10; wire_debit_duplicate_transfer_subject_total 10
  owe w1 10 to m1; pay w1 10 to m1; run; pay w1 10 to m1 -> WD-1 bank#2 10: duplicate outgoing wire transfer subject;
    total_wire_out 10; wire_debit_duplicate_transfer_subject_total 10
  # WD-R2: until the account is audited
  owe w1 10 to m1 on 2; pay w1 10 to m1 on 2 -> WD-R2 wire_out#1 booked on unknown bank account;
    total_bad_amount_out_minus 10
  owe w1 10 to m1 on 2; pay w1 10 to m1 on 2; run; audit 2 -> resolved WD-R2; total_wire_out 10
  owe w1 10 to m1 on 1:2; run; owe w2 5 to m1; pay w2 5 to m1; run -> WD-R2 wire_out#1 booked on unknown bank account;
    total_bad_amount_out_minus 10; total_wire_out 5
  # WD-R8
  owe w1 10 to m1; pay w1 10 to m1 for elsewhere ->
    WD-R8 bank-debit#1 transfer names exchange https://elsewhere/; total_wire_out 10
  pay w1 10 to m1 for elsewhere; run; owe w1 10 to m1 ->
    WD-R8 bank-debit#1 transfer names exchange https://elsewhere/; resolved WD-13; total_wire_out 10
  # WD-R9: another currency justifies nothing and is added to nothing
  owe w1 10 to m1; pay w1 10 to m1 in EUR ->
    WD-2 wire#1 to m1: 0 instead of 10: expected outgoing wire transfer SUBJECT-w1 missing;
    WD-R9 bank-debit#1 bank transaction in currency EUR; total_bad_amount_out_minus 10; total_wire_out 10
  grace 3; pay w1 10 to m1 in EUR -> nothing
  grace 3; pay w1 10 to m1 in EUR; run; day 51 -> WD-R9 bank-debit#1 bank transaction in currency EUR
`,
);

wireTable(
  wireDebitPass,
  "closed reserves",
  `
  close r1 10 fee=0.1 to a1; pay r1 9.9 to a1 -> nothing
  # WD-14, and its life
  close r1 10 fee=0.1 to a1 -> WD-14 closure#1 of r1 9.9 to a1 since day 48; total_closure_amount_lag 9.9
  close r1 10 to a1; close r2 5 to a2; run; pay r1 10 to a1 ->
    WD-14 closure#2 of r2 5 to a2 since day 48; resolved WD-14; total_closure_amount_lag 5
  grace 3; close r1 10 to a1; run; pay r1 10 to a1; day 60 -> nothing
  # … paid in another amount, or to another account, it is not paid
  close r1 10 to a1; pay r1 9 to a1 ->
    WD-13 wire#1 to a1 at the bank: 9 instead of 0: missing justification for outgoing wire transfer;
    WD-14 closure#1 of r1 10 to a1 since day 48; total_bad_amount_out_plus 9; total_closure_amount_lag 10
  # … from any account of the exchange
  audit 2; close r1 10 to a1; pay r1 10 to a1 on 2 -> nothing
  # a reserve that was closed twice is paid twice (BUG-2.12)
  close r1 10 to a1; close r1 5 to a1; pay r1 10 to a1; pay r1 5 to a1 -> nothing
  close r1 10 to a1; pay r1 10 to a1; run; close r1 10 to a1; run; pay r1 10 to a1 -> resolved WD-14
  # WD-6: nothing is expected; and nothing is owed where the fee took all
  close r1 1 fee=1.1 to a1 -> WD-6 reserves_closures#1 closing fee above reserve balance (and closed anyway)
  close r1 1 fee=1 to a1 -> nothing
  # WD-7
  close r1 10 to a1; pay r1 10 to a1 at=49 -> WD-7 reserves_closures#1 execution date mismatch (1 day)
  close r1 10 to a1; pay r1 10 to a1 at=48.01 -> nothing
  close r1 10 to a1; run; pay r1 10 to a1 at=54 -> WD-7 reserves_closures#1 execution date mismatch (6 days); resolved WD-14
  # WD-R4: paid all the same
  close r1 10 to a1 subject=w1; pay w1 10 to a1 ->
    WD-R4 reserves_close#1 wire transfer subject is not the reserve's public key
`,
);

wireTable(
  wireDebitPass,
  "profit",
  `
  # WD-12
  order x1 10 to p1; pay x1 10 to p1 -> total_drained 10
  order x1 10 to p1; run; pay x1 10 to p1; run; order x2 5 to p1; pay x2 5 to p1 -> resolved WD-R3; total_drained 15
  pay x1 10 to p1; run; order x1 10 to p1 -> resolved WD-13; total_drained 10
  # WD-9, until it is signed
  order x1 10 to p1 forged; pay x1 10 to p1 ->
    WD-13 wire#1 to p1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    WD-9 profit_drains#1 invalid signature; total_bad_amount_out_plus 10
  order x1 10 to p1 forged; pay x1 10 to p1; run; sign x1 -> resolved WD-13; resolved WD-9; total_drained 10
  order x1 10 to p1 forged -> nothing
  # WD-10: once
  order x1 10 to p1; pay x1 9 to p2 -> WD-10 wire#1 to p2 at the bank: 0 instead of 9: profit drain wired to invalid account;
    total_bad_amount_out_plus 9
  # WD-11, both ways
  order x1 10 to p1; pay x1 9 to p1 ->
    WD-11 wire#1 to p1 at the bank: 9 instead of 10: incorrect amount drained to correct account; total_bad_amount_out_minus 1
  order x1 10 to p1; pay x1 12 to p1 ->
    WD-11 wire#1 to p1 at the bank: 12 instead of 10: incorrect amount drained to correct account; total_bad_amount_out_plus 2
  # WD-R3: a day after the order, or when the exchange says it was carried out
  order x1 10 to p1 at=49 executed; grace 1 -> WD-R3 wire#1 to p1: 0 instead of 10: profit drain was not carried out
  order x1 10 to p1 at=49 executed; grace 2 -> nothing
  order x1 10 to p1 at=50 -> nothing
  order x1 10 to p1 at=50; run; day 51 -> WD-R3 wire#1 to p1: 0 instead of 10: profit drain was not carried out
  order x1 10 to p1; run; pay x1 10 to p1 -> resolved WD-R3; total_drained 10
  # … from another account than was signed
  audit 2; order x1 10 to p1; pay x1 10 to p1 on 2 ->
    WD-R3 wire#1 to p1 at the bank: 10 instead of 10: profit drained from another account than was signed; total_drained 10
  # … twice
  order x1 10 to p1; pay x1 10 to p1; run; pay x1 10 to p1 -> WD-1 bank#2 10: duplicate outgoing wire transfer subject;
    WD-R3 wire#2 to p1 at the bank: 10 instead of 0: profit drain was wired more than once;
    total_drained 10; wire_debit_duplicate_transfer_subject_total 10
`,
);

wireTable(
  wireDebitPass,
  "subjects, aggregations",
  `
  # WD-R1: of different kinds, or reserves
  owe w1 10 to m1; close r1 5 to a1 subject=w1; pay w1 10 to m1; pay w1 5 to a1 ->
    WD-R1 reserves_close#1 wire transfer subject is used for different transfers;
    WD-R1 wire_out#1 wire transfer subject is used for different transfers;
    WD-R4 reserves_close#1 wire transfer subject is not the reserve's public key; total_wire_out 10
  close r1 10 to a1; close r2 10 to a2 subject=r1; pay r1 10 to a1; pay r1 10 to a2 ->
    WD-R1 reserves_close#1 wire transfer subject is used for different transfers;
    WD-R1 reserves_close#2 wire transfer subject is used for different transfers;
    WD-R4 reserves_close#2 wire transfer subject is not the reserve's public key
  owe x1 10 to m1; order x1 10 to p1 at=50; pay x1 10 to m1 ->
    WD-R1 wire_out#1 wire transfer subject is used for different transfers; total_wire_out 10
  # … also when the first was paid long ago
  owe w1 10 to m1; pay w1 10 to m1; run; close r1 5 to a1 subject=w1; pay w1 5 to a1 ->
    WD-R1 reserves_close#1 wire transfer subject is used for different transfers;
    WD-R1 wire_out#1 wire transfer subject is used for different transfers;
    WD-R4 reserves_close#1 wire transfer subject is not the reserve's public key; total_wire_out 10
  close r1 10 to a1; pay r1 10 to a1; run; close r2 10 to a2 subject=r1; pay r1 10 to a2 ->
    WD-R1 reserves_close#1 wire transfer subject is used for different transfers;
    WD-R1 reserves_close#2 wire transfer subject is used for different transfers;
    WD-R4 reserves_close#2 wire transfer subject is not the reserve's public key
  owe x1 10 to m1; pay x1 10 to m1; run; order x1 10 to p1 at=50 ->
    WD-R1 wire_out#1 wire transfer subject is used for different transfers; total_wire_out 10
  # WD-R7
  batch b1 5; aggregate b1 into w1 -> WD-R7 wire#1 to m1: 0 instead of 5: aggregated but not wired
  batch b1 5; batch b2 2; aggregate b1 into w1; aggregate b2 into w1; run; owe w1 7 to m1; pay w1 7 to m1 ->
    resolved WD-R7; total_wire_out 7
  batch b1 5; transient w1; aggregate b1 into w1 -> WD-R7 wire#1 to m1: 0 instead of 5: aggregated but not wired
  batch b1 5; transient w1; aggregate b1 into w1; run; done w1 ->
    WD-R7 wire#1 to m1: 0 instead of 5: aggregated but not wired
  batch b1 5 due=51; aggregate b1 into w1 -> nothing
  batch b1 5; aggregate b1 into w1; grace 2 -> nothing
`,
);

wireTable(
  wireDebitPass,
  "dates that hide a transfer, rows that are numbered anew",
  `
  # further ahead than the grace period: due at once
  owe w1 10 to m1 at=60 -> WD-2 wire#1 to m1: 0 instead of 10: expected outgoing wire transfer SUBJECT-w1 missing;
    total_bad_amount_out_minus 10; total_wire_out 10
  close r1 10 to a1 at=60 -> WD-14 closure#1 of r1 10 to a1 since day 60; total_closure_amount_lag 10
  pay w1 10 to m1 at=60 -> WD-13 wire#1 to m1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    total_bad_amount_out_plus 10
  grace 3; owe w1 10 to m1 at=53; close r1 10 to a1 at=52; pay w2 10 to m1 at=51 -> total_wire_out 10
  # hostile: a date that is no date is kept from run to run like any other
  owe w1 10 to m1 at=never; run; owe w2 5 to m1; pay w2 5 to m1 ->
    WD-2 wire#1 to m1: 0 instead of 10: expected outgoing wire transfer SUBJECT-w1 missing;
    total_bad_amount_out_minus 10; total_wire_out 15
  owe w1 10 to m1 at=never; run; pay w1 10 to m1 at=never -> resolved WD-2; total_wire_out 10
  close r1 10 to a1 at=never; run; owe w2 5 to m1; pay w2 5 to m1 -> WD-14 closure#1 of r1 10 to a1 since never;
    total_closure_amount_lag 10; total_wire_out 5
  pay w1 10 to m1 at=never; run; owe w2 5 to m1; pay w2 5 to m1 ->
    WD-13 wire#1 to m1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    total_bad_amount_out_plus 10; total_wire_out 5
  pay w1 10 to m1 at=never; run; owe w1 10 to m1 at=never -> resolved WD-13; total_wire_out 10
  # the same transfer under another number, paid again
  owe w1 10 to m1; pay w1 10 to m1; run; renumber transfers; pay w1 10 to m1 ->
    WD-R1 wire_out#1 wire transfer subject is used for different transfers;
    WD-R1 wire_out#101 wire transfer subject is used for different transfers; total_wire_out 20
  order x1 10 to p1; pay x1 10 to p1; run; renumber orders; pay x1 10 to p1 ->
    WD-1 bank#2 10: duplicate outgoing wire transfer subject;
    WD-R3 wire#2 to p1 at the bank: 10 instead of 0: profit drain was wired more than once;
    total_drained 10; wire_debit_duplicate_transfer_subject_total 10
  audit 2; order x1 10 to p1; pay x1 10 to p1; run; pay x1 10 to p1 on 2 ->
    WD-13 wire#2 to p1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    WD-R3 wire#2 to p1 at the bank: 10 instead of 0: profit drain was wired more than once;
    total_bad_amount_out_plus 10; total_drained 10
  order x1 10 to p1; pay x1 10 to p1; run; pay x1 10 to p1 in EUR ->
    WD-R9 bank-debit#2 bank transaction in currency EUR; total_drained 10
  # WD-R2: what was audited stays so when the account is audited no longer, later rows do not
  audit 2; owe w1 10 to m1 on 2; pay w1 10 to m1 on 2; run; leave 2; owe w2 5 to m1; pay w2 5 to m1 -> total_wire_out 15
  audit 2; owe w1 10 to m1 on 2; pay w1 10 to m1 on 2; run; leave 2; owe w2 5 to m1 on 2 ->
    WD-R2 wire_out#2 booked on unknown bank account; total_bad_amount_out_minus 5; total_wire_out 10
`,
);

storeTable(
  wireDebitPass,
  "rows that appear late (WC-R9)",
  `
  # matched with what was owed, once
  owe w1 10 to m1; owe w2 5 to m1; pay w2 5 to m1 row=8; import; run; pay w1 10 to m1 row=7; import ->
    WC-R9 bank#7 10: appeared after later rows were reported; resolved WD-2; total_wire_out 15
  close r1 10 to a1; owe w2 5 to m1; pay w2 5 to m1 row=8; import; run; pay r1 10 to a1 row=7; import; run ->
    WC-R9 bank#7 10: appeared after later rows were reported; resolved WD-14; total_wire_out 5
  # reported, once, until something justifies it
  owe w2 5 to m1; pay w2 5 to m1 row=8; import; run; pay w1 10 to m1 row=7; import ->
    WC-R9 bank#7 10: appeared after later rows were reported;
    WD-13 wire#7 to m1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    total_bad_amount_out_plus 10; total_wire_out 5
  owe w2 5 to m1; pay w2 5 to m1 row=8; import; run; pay w1 10 to m1 row=7; import; run; run; owe w1 10 to m1 ->
    WC-R9 bank#7 10: appeared after later rows were reported; resolved WD-13; total_wire_out 15
  # with a subject that was paid already
  owe w2 5 to m1; pay w2 5 to m1 row=8; import; run; pay w2 5 to m1 row=7; import ->
    WC-R9 bank#7 5: appeared after later rows were reported;
    WD-13 wire#7 to m1 at the bank: 5 instead of 0: missing justification for outgoing wire transfer;
    total_bad_amount_out_plus 5; total_wire_out 5
  # read with the others, and not again
  owe w1 10 to m1; owe w2 5 to m1; pay w2 5 to m1 row=8; import; pay w1 10 to m1 row=7; import; run; run ->
    WC-R9 bank#7 10: appeared after later rows were reported; total_wire_out 15
`,
);

storeTable(
  wireDebitPass,
  "a history that was imported a while ago",
  `
  # made after the last import: nobody can say that it was not
  owe w1 10 to m1 at=46; pay w1 10 to m1 at=46; day 47; import; day 50; owe w2 5 to m1 -> total_wire_out 15
  day 47; import; day 50; owe w1 10 to m1; run; import ->
    WD-2 wire#1 to m1: 0 instead of 10: expected outgoing wire transfer SUBJECT-w1 missing;
    total_bad_amount_out_minus 10; total_wire_out 10
  day 47; import; day 50; owe w1 10 to m1; run; pay w1 10 to m1; import -> total_wire_out 10
  day 47; import; day 50; close r1 10 to a1; order x1 5 to p1; order x2 5 to p1 executed -> nothing
  day 47; import; day 50; close r1 10 to a1; order x1 5 to p1; order x2 5 to p1 executed; run; import ->
    WD-14 closure#1 of r1 10 to a1 since day 48; WD-R3 wire#1 to p1: 0 instead of 5: profit drain was not carried out;
    WD-R3 wire#2 to p1: 0 instead of 5: profit drain was not carried out; total_closure_amount_lag 10
  # what should have been there by then is missing; the grace counts from the import
  day 49; import; day 50; owe w1 10 to m1 ->
    WD-2 wire#1 to m1: 0 instead of 10: expected outgoing wire transfer SUBJECT-w1 missing;
    total_bad_amount_out_minus 10; total_wire_out 10
  grace 2; day 49; import; day 60; owe w1 10 to m1 -> total_wire_out 10
  # a closed reserve may be paid from any account
  day 49; audit 2; import; day 50; close r1 10 to a1 ->
    WD-14 closure#1 of r1 10 to a1 since day 48; total_closure_amount_lag 10
  # what the bank shows without a reason is judged by the exchange's database, which is there
  grace 2; pay w1 10 to m1; day 49; import; day 50 ->
    WD-13 wire#1 to m1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    total_bad_amount_out_plus 10
  # what only the exchange's database tells does not wait for the bank
  day 47; import; day 51; batch b1 5; aggregate b1 into w1 -> WD-R7 wire#1 to m1: 0 instead of 5: aggregated but not wired
`,
);

storeTable(
  wireDebitPass,
  "statements, which show everything",
  `
  # transfers are dated by the day
  owe w1 10 to m1 at=48; pay w1 10 to m1 at=47; close r1 5 to a1 at=48; pay r1 5 to a1 at=49; statement -> total_wire_out 10
  owe w1 10 to m1 at=48; pay w1 10 to m1 at=43; statement -> total_wire_out 10
  owe w1 10 to m1 at=48; pay w1 10 to m1 at=42; statement ->
    WD-5 wire_out#1 execution date mismatch (6 days); total_wire_out 10
  # WD-R6: money that somebody took out, or the bank
  spend villa 100 to p1 as 9; statement ->
    WD-R6 wire#1 to p1 at the bank: 100 instead of 0: KUDOS:100 left the account without transfer identifier: "villa";
    total_bad_amount_out_plus 100
  spend fee 1 as 9; statement ->
    WD-R6 wire#1 to no account named: 1 instead of 0: KUDOS:1 left the account without transfer identifier: "fee";
    total_bad_amount_out_plus 1
  spend villa 100 to p1 as 9; csv; run; csv; run ->
    WD-R6 wire#9 to p1 at the bank: 100 instead of 0: KUDOS:100 left the account without transfer identifier: "villa";
    total_bad_amount_out_plus 100
  grace 3; spend villa 100 to p1 as 9; statement -> nothing
  spend villa 100 to p1 as 9 in EUR; statement -> WD-R9 bank-debit#1 bank transaction in currency EUR
  # … what was charged and given back again
  spend fee 1 as 9; statement; run; come fee 1 as 10; statement -> resolved WD-R6
  spend fee 1 as 9; come interest 2 as 10; statement ->
    WD-R6 wire#1 to no account named: 1 instead of 0: KUDOS:1 left the account without transfer identifier: "fee";
    total_bad_amount_out_plus 1
  spend villa 100 to p1 as 9; statement; run; come sorry 100 from p1 as 10; statement -> resolved WD-R6
  # … what goes back to whom it came from is none, whole or less a fee
  come rent 5 from a1 as 9; spend bounce 5 to a1 as 10; statement -> nothing
  come rent 5 from a1 as 9; spend bounce 4.5 to a1 as 10; statement -> nothing
  come rent 5 from a1 as 9; spend bounce 5.5 to a1 as 10; statement ->
    WD-R6 wire#2 to a1 at the bank: 5.5 instead of 0: KUDOS:5.5 left the account without transfer identifier: "bounce";
    total_bad_amount_out_plus 5.5
  come rent 5 from a1 as 9; spend bounce 5 to a1 as 10; spend bounce 5 to a1 as 11; statement ->
    WD-R6 wire#3 to a1 at the bank: 5 instead of 0: KUDOS:5 left the account without transfer identifier: "bounce";
    total_bad_amount_out_plus 5
  # … but not if the exchange booked it: the customer has both
  both r1 10 as 7; spend refund 10 to a1 as 8; statement ->
    WD-R6 wire#2 to a1 at the bank: 10 instead of 0: KUDOS:10 left the account without transfer identifier: "refund";
    total_bad_amount_out_plus 10
  both r1 10 as 7; spend refund 10 to a1 as 8; csv ->
    WD-R6 wire#8 to a1 at the bank: 10 instead of 0: KUDOS:10 left the account without transfer identifier: "refund";
    total_bad_amount_out_plus 10
  both r1 10 as 7; arrive r1 10 as 8; spend bounce 10 to a1 as 9; statement -> nothing
  both r1 10 as 7; arrive r1 10 as 8; spend bounce 10 to a1 as 9; csv -> nothing
  arrive r1 10 as 7; book r2 10 as 7; spend refund 10 to a1 as 8; csv ->
    WD-R6 wire#8 to a1 at the bank: 10 instead of 0: KUDOS:10 left the account without transfer identifier: "refund";
    total_bad_amount_out_plus 10
  book r1 10 as 7; come broken 10 from a1 as 7; spend refund 10 to a1 as 8; csv ->
    WD-R6 wire#8 to a1 at the bank: 10 instead of 0: KUDOS:10 left the account without transfer identifier: "refund";
    total_bad_amount_out_plus 10
  book r1 10 as 7; back r1 10 from a1 as 8; spend refund 10 to a1 as 9; statement ->
    WD-R6 wire#2 to a1 at the bank: 10 instead of 0: KUDOS:10 left the account without transfer identifier: "refund";
    total_bad_amount_out_plus 10
  both k1 1 as 7 kyc; spend refund 1 to a1 as 8; statement ->
    WD-R6 wire#2 to a1 at the bank: 1 instead of 0: KUDOS:1 left the account without transfer identifier: "refund";
    total_bad_amount_out_plus 1
  arrive r1 10 as 7; spend bounce 10 to a1 as 9; statement; run; book r1 10 as 7 ->
    WD-R6 wire#2 to a1 at the bank: 10 instead of 0: KUDOS:10 left the account without transfer identifier: "bounce";
    total_bad_amount_out_plus 10
  # a payment that came back is made again, with the same identifier
  owe w1 5 to m1; pay w1 5 to m1; back w1 5 from m1 as 9; pay w1 5 to m1; statement -> total_wire_out 5
  owe w1 5 to m1; pay w1 5 to m1; pay w1 5 to m1; statement; run; back w1 5 from m1 as 9; statement ->
    resolved WD-1; total_wire_out 5
  owe w1 5 to m1; pay w1 5 to m1; pay w1 5 to m1; back w1 5 from m2 as 9; statement ->
    WD-1 bank#2 5: duplicate outgoing wire transfer subject;
    total_wire_out 5; wire_debit_duplicate_transfer_subject_total 5
  # a booking stands for its own transaction, not for another one with its subject
  both r1 10 as 7; arrive r1 5 from a2 as 8; spend bounce 5 to a2 as 9; statement -> nothing
  both r1 10 as 7; arrive r1 10 from a2 as 8; spend bounce 10 to a2 as 9; statement -> nothing
  both r1 10 as 7; arrive r1 10 from a2 as 8; spend bounce 10 to a1 as 9; statement ->
    WD-R6 wire#3 to a1 at the bank: 10 instead of 0: KUDOS:10 left the account without transfer identifier: "bounce";
    total_bad_amount_out_plus 10
  # an account that is for incoming transfers alone is seen whole as well
  only credit; spend villa 100 to p1 as 9; statement ->
    WD-R6 wire#1 to p1 at the bank: 100 instead of 0: KUDOS:100 left the account without transfer identifier: "villa";
    total_bad_amount_out_plus 100
  spend nothing 0 as 9; statement -> nothing
  # money that the exchange moves between its accounts
  audit 2; spend rebalance 10 to exchange2 as 9; come rebalance 10 from exchange as 10 on 2; statement -> nothing
  audit 2; spend rebalance 10 to exchange2 as 9; statement ->
    WD-R6 wire#1 to exchange2 at the bank: 10 instead of 0: KUDOS:10 left the account without transfer identifier: "rebalance";
    total_bad_amount_out_plus 10
  # every account has its own
  audit 2; come rent 5 from a1 as 9 on 2; spend bounce 5 to a1 as 10; statement ->
    WD-R6 wire#1 to a1 at the bank: 5 instead of 0: KUDOS:5 left the account without transfer identifier: "bounce";
    total_bad_amount_out_plus 5
`,
);

storeTable(
  wireDebitPass,
  "files in any order",
  `
  owe w1 10 to m1; owe w2 5 to m1; pay w2 5 to m1 row=8; csv; run; pay w1 10 to m1 row=7; csv; run; run ->
    resolved WD-2; total_wire_out 15
  owe w2 5 to m1; pay w2 5 to m1 row=8; csv; run; pay w1 10 to m1 row=7; csv; run; run ->
    WD-13 wire#7 to m1 at the bank: 10 instead of 0: missing justification for outgoing wire transfer;
    total_bad_amount_out_plus 10; total_wire_out 5
`,
);

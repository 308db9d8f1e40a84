// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The wire-credit pass: WC-1 to WC-8, WC-R1 to WC-R4, WC-R7 to WC-R9. One line is one story and the verdict on it, see
 * tests/support/wire_scene.ts; every story is audited once more, which must write nothing.
 */
import { wireCreditPass } from "../../core/audit/passes/wire-credit/pass.ts";
import { storeTable, wireTable } from "../support/wire_verdicts.ts";

wireTable(
  wireCreditPass,
  "both sides agree",
  `
  both r1 10 as 7 -> total_wire_in 10
  # pages of two rows on either side, references out of order
  book r1 1 as 9; book r2 2 as 5; book r3 4 as 7; book r4 8 as 6; book r5 16 as 8; arrive r2 2 as 5; arrive r4 8 as 6;
    arrive r3 4 as 7; arrive r5 16 as 8; arrive r1 1 as 9 -> total_wire_in 31
  both r1 1 as 9; run; both r2 2 as 11; both r3 4 as 12; run; both r4 8 as 13 -> total_wire_in 15
  # WC-R2: identity transfers are no income of reserves
  both k1 0.01 as 7 kyc; both r1 10 as 8 -> total_wire_in 10
  # of another account the same number is another transfer
  audit 2; both r1 10 as 7; both r2 5 as 7 on 2 -> total_wire_in 15
`,
);

wireTable(
  wireCreditPass,
  "one side only",
  `
  # WC-6, and its life
  book r1 10 as 7 -> WC-6 exchange-account-1#1 of day 48 to r1: 0 instead of 10: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 10; total_wire_in 10
  book r1 10 as 7; run; arrive r1 10 as 7 -> resolved WC-6; total_wire_in 10
  book r1 10 as 7; both r2 5 as 8; run; both r3 2 as 9; run; arrive r1 10 as 10; book r4 10 as 10; run ->
    WC-2 exchange-account-1#10 of day 48 to r4: 0 instead of 10: wire subject does not match;
    WC-6 exchange-account-1#1 of day 48 to r1: 0 instead of 10: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 20; total_bad_amount_in_plus 10; total_wire_in 27
  book k1 1 as 7 kyc -> WC-6 exchange-account-1#1 of day 48 to k1: 0 instead of 1: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 1
  # … when it comes it is compared
  book r1 10 as 7; run; arrive r1 9 as 7 ->
    WC-3 exchange-account-1#7 of day 48 to r1: 9 instead of 10: wire amount does not match;
    resolved WC-6; total_bad_amount_in_minus 1; total_wire_in 10
  # … young transfers are none
  grace 3; book r1 10 as 7 -> total_wire_in 10
  grace 2; book r1 10 as 7; run -> WC-6 exchange-account-1#1 of day 48 to r1: 0 instead of 10: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 10; total_wire_in 10
  grace 3; book r1 10 as 7; run; day 51 -> WC-6 exchange-account-1#1 of day 48 to r1: 0 instead of 10: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 10; total_wire_in 10
  grace 3; book r1 10 as 7; run; arrive r1 10 as 7; day 60 -> total_wire_in 10
  # WC-R1: booked late
  arrive r1 10 as 7 -> WC-R1 exchange-account-1#7 of day 48 to r1: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10
  arrive r1 10 as 7; both r2 5 as 8; run; book r1 10 as 7 -> resolved WC-R1; total_wire_in 15
  grace 3; arrive r1 10 as 7; run; book r1 10 as 7; day 60 -> total_wire_in 10
  arrive k1 1 as 7 kyc; run; book k1 1 as 7 kyc -> resolved WC-R1
`,
);

wireTable(
  wireCreditPass,
  "differences",
  `
  # WC-2: subject, and purpose
  book r1 10 as 7; arrive r2 12 as 7 ->
    WC-2 exchange-account-1#7 of day 48 to r1: 0 instead of 10: wire subject does not match;
    total_bad_amount_in_minus 10; total_bad_amount_in_plus 12; total_wire_in 10
  book r1 10 as 7; arrive r1 10 as 7 kyc ->
    WC-2 exchange-account-1#7 of day 48 to r1: 0 instead of 10: wire subject does not match;
    total_bad_amount_in_minus 10; total_bad_amount_in_plus 10; total_wire_in 10
  # WC-3, both ways, and WC-4, WC-5 besides
  book r1 10 as 7; arrive r1 12 as 7 from a2 at=47 ->
    WC-3 exchange-account-1#7 of day 48 to r1: 12 instead of 10: wire amount does not match;
    WC-4 bank#7 10 to r1; WC-5 reserves_in#1 execution date mismatch;
    total_bad_amount_in_plus 2; total_misattribution_in 10; total_wire_in 10
  # WC-R7: nothing is added up across currencies
  book r1 10 as 7; arrive r1 10 as 7 in EUR -> WC-R7 bank-credit#7 bank transaction in currency EUR; total_wire_in 10
  arrive r1 10 as 7 in EUR -> WC-R7 bank-credit#7 bank transaction in currency EUR
  grace 3; arrive r1 10 as 7 in EUR -> nothing
  arrive r1 10 as 7 in EUR; run; book r1 10 as 7 ->
    WC-R7 bank-credit#7 bank transaction in currency EUR; resolved WC-R7; total_wire_in 10
`,
);

wireTable(
  wireCreditPass,
  "one transfer booked twice",
  `
  # WC-1: the later row, in one run and in two, also after the first was matched
  both r1 10 as 7; book r2 10 as 7 -> WC-1 reserves_in#2 duplicate wire offset; total_wire_in 20
  both r1 10 as 7; run; book r2 10 as 7 -> WC-1 reserves_in#2 duplicate wire offset; total_wire_in 20
  both r1 10 as 7; run; book r2 10 as 7; run; book r3 10 as 7; book r4 10 as 7 ->
    WC-1 reserves_in#2 duplicate wire offset; WC-1 reserves_in#3 duplicate wire offset;
    WC-1 reserves_in#4 duplicate wire offset; total_wire_in 40
  book r1 10 as 7; book r2 10 as 7; run; arrive r1 10 as 7 ->
    WC-1 reserves_in#2 duplicate wire offset; resolved WC-6; total_wire_in 20
  # … for two purposes
  both r1 10 as 7; book k1 10 as 7 kyc -> WC-1 kycauths_in#1 duplicate wire offset; total_wire_in 10
  both r1 10 as 7; run; book k1 10 as 7 kyc -> WC-1 kycauths_in#1 duplicate wire offset; total_wire_in 10
  both k1 10 as 7 kyc; run; book r1 10 as 7 -> WC-1 reserves_in#1 duplicate wire offset; total_wire_in 10
  book k1 10 as 7 kyc; run; book r1 10 as 7; run; arrive k1 10 as 7 kyc ->
    WC-1 reserves_in#1 duplicate wire offset; resolved WC-6; total_wire_in 10
  both k1 10 as 7 kyc; book k2 10 as 7 kyc from a2 -> WC-1 kycauths_in#2 duplicate wire offset
  both k1 10 as 7 kyc; run; book k2 10 as 7 kyc from a2 -> WC-1 kycauths_in#2 duplicate wire offset
`,
);

wireTable(
  wireCreditPass,
  "wads, accounts",
  `
  # WC-R3
  book w1 10 wad as 0; arrive w1 10 as 7 wad -> nothing
  book w1 10 wad as 0; arrive w1 11 as 7 wad -> WC-R3 wads_in#1 transfer between exchanges differs from the bank's
  book w1 10 wad as 0; arrive w1 10 as 7 wad origin=elsewhere ->
    WC-R3 wads_in#1 transfer between exchanges differs from the bank's
  book w1 10 wad as 0; arrive w1 10 as 7 wad in EUR -> WC-R7 bank-credit#7 bank transaction in currency EUR
  arrive w1 10 as 7 wad; run; book w1 10 wad as 0 -> resolved WC-R1
  arrive w1 10 as 7 wad ->
    WC-R1 exchange-account-1#7 of day 48 to somebody: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10
  # … booked, and never at the bank
  book w1 10 wad as 0 -> WC-R3 wads_in#1 transfer between exchanges claimed by exchange not found; total_bad_amount_in_minus 10
  book w1 10 wad as 0; run; arrive w1 10 as 7 wad -> resolved WC-R3
  grace 3; book w1 10 wad as 0; run; arrive w1 10 as 7 wad; day 60 -> nothing
  grace 3; book w1 10 wad as 0; run; day 51 ->
    WC-R3 wads_in#1 transfer between exchanges claimed by exchange not found; total_bad_amount_in_minus 10
  # … one booking is for one transfer, now and later
  book w1 10 wad as 0; arrive w1 10 as 7 wad; arrive w1 10 as 8 wad ->
    WC-R1 exchange-account-1#8 of day 48 to somebody: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10
  book w1 10 wad as 0; arrive w1 10 as 7 wad; run; arrive w1 10 as 8 wad ->
    WC-R1 exchange-account-1#8 of day 48 to somebody: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10
  # WC-R4: until the account is audited
  both r1 10 as 7 on 2 -> WC-R4 reserves_in#1 booked on unknown bank account; total_bad_amount_in_minus 10
  both r1 10 as 7 on 2; both k1 1 as 8 kyc on 2; both r2 5 as 7; run; both r3 2 as 9 on 2 ->
    WC-R4 kycauths_in#1 booked on unknown bank account; WC-R4 reserves_in#1 booked on unknown bank account;
    WC-R4 reserves_in#3 booked on unknown bank account; total_bad_amount_in_minus 13; total_wire_in 5
  both r1 10 as 7 on 2; both k1 1 as 8 kyc on 2; run; audit 2 -> resolved WC-R4; resolved WC-R4; total_wire_in 10
  # … what was audited stays so when the account is audited no longer, later rows do not
  audit 2; both r1 10 as 7 on 2; both k1 1 as 8 kyc on 2; run; leave 2; both r2 5 as 7 -> total_wire_in 15
  audit 2; both r1 10 as 7 on 2; run; leave 2; both r2 5 as 8 on 2 ->
    WC-R4 reserves_in#2 booked on unknown bank account; total_bad_amount_in_minus 5; total_wire_in 10
  audit 2; both r1 10 as 7 on 2; run; leave 2; both r2 5 as 8 on 2; run; audit 2 -> resolved WC-R4; total_wire_in 15
  # … a name that begins like an audited one is none
  both r1 10 as 7 on 1:2; run; both r2 5 as 7; run ->
    WC-R4 reserves_in#1 booked on unknown bank account; total_bad_amount_in_minus 10; total_wire_in 5
  # WC-R8: compared all the same
  both r1 10 as 7 no-account -> WC-R8 wire_targets#1 account of sender is missing; total_wire_in 10
  both r1 10 as 7 wrong-hash -> WC-4 bank#7 10 to r1; WC-R8 wire_targets#1 h-payto does not match payto URI;
    total_misattribution_in 10; total_wire_in 10
  both k1 1 as 7 kyc no-account -> WC-R8 wire_targets#1 account of sender is missing
`,
);

wireTable(
  wireCreditPass,
  "dates that hide a transfer",
  `
  # further ahead than the grace period: due at once, and as long as it is open
  book r1 10 as 7 at=60 -> WC-6 exchange-account-1#1 of day 60 to r1: 0 instead of 10: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 10; total_wire_in 10
  arrive r1 10 as 7 at=60 -> WC-R1 exchange-account-1#7 of day 60 to r1: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10
  grace 3; book r1 10 as 7 at=52; arrive r2 5 as 8 at=52 -> total_wire_in 10
  grace 3; book r1 10 as 7 at=53 -> total_wire_in 10
  grace 3; book r1 10 as 7 at=54; run; arrive r1 10 as 7 at=54 -> resolved WC-6; total_wire_in 10
  # hostile: a date that is no date is kept from run to run like any other
  book r1 10 as 7 at=never; run; both r2 5 as 8 ->
    WC-6 exchange-account-1#1 of never to r1: 0 instead of 10: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 10; total_wire_in 15
  book r1 10 as 7 at=never; run; arrive r1 10 as 7 at=never -> resolved WC-6; total_wire_in 10
  book r1 10 as 7 at=never; run; arrive r1 10 as 7 -> WC-5 reserves_in#1 execution date mismatch; resolved WC-6; total_wire_in 10
  arrive r1 10 as 7 at=never; run; both r2 5 as 8 ->
    WC-R1 exchange-account-1#7 of never to r1: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10; total_wire_in 5
  arrive r1 10 as 7 at=never; run; book r1 10 as 7 at=never -> resolved WC-R1; total_wire_in 10
  book w1 10 wad as 0 at=never; run; arrive w1 10 as 7 wad at=never -> resolved WC-R3
`,
);

storeTable(
  wireCreditPass,
  "bookings that appear below others (X-13)",
  `
  both r2 5 as 8 serial=5; import; run; both r1 10 as 9 serial=3; import -> total_wire_in 15
  both r2 5 as 8 serial=5; arrive r1 10 as 9; import; run; book r1 10 as 9 serial=3; run ->
    resolved WC-R1; total_wire_in 15
  # WC-1: of what another row has already, or another late one
  both r2 5 as 8 serial=5; import; run; book r1 5 as 8 serial=3 -> WC-1 reserves_in#3 duplicate wire offset; total_wire_in 10
  both r2 5 as 8 serial=5; import; run; book r1 10 as 9 serial=3; both r3 10 as 9 serial=2; import ->
    WC-1 reserves_in#3 duplicate wire offset; total_wire_in 25
  both r2 5 as 8 serial=5; import; run; both r1 10 as 9 serial=3; book r3 10 as 9 serial=6; import ->
    WC-1 reserves_in#6 duplicate wire offset; total_wire_in 25
  both r2 5 as 8 serial=5; both k2 1 as 9 kyc serial=5; import; run; book k1 5 as 8 kyc serial=3 ->
    WC-1 kycauths_in#3 duplicate wire offset; total_wire_in 5
  both r2 5 as 8 serial=5; both k2 1 as 9 kyc serial=5; import; run; book r1 1 as 9 serial=3 ->
    WC-1 reserves_in#3 duplicate wire offset; total_wire_in 6
  both r2 5 as 8 serial=5; both k2 1 as 9 kyc serial=5; import; run; book k1 5 as 10 kyc serial=3; both r1 5 as 10 serial=3; import ->
    WC-1 kycauths_in#3 duplicate wire offset; total_wire_in 10
  audit 2; both r2 5 as 8 serial=5; import; run; both r1 5 as 8 on 2 serial=3; import -> total_wire_in 10
`,
);

storeTable(
  wireCreditPass,
  "rows that appear late (WC-R9)",
  `
  # matched with what was booked, once
  both r2 5 as 8; import; book r1 10 as 7; run; arrive r1 10 as 7; import ->
    WC-R9 bank#7 10: appeared after later rows were reported; resolved WC-6; total_wire_in 15
  # reported, once, until it is booked
  both r2 5 as 8; import; run; arrive r1 10 as 7; import ->
    WC-R1 exchange-account-1#7 of day 48 to r1: 10 instead of 0: incoming wire transfer not booked by exchange;
    WC-R9 bank#7 10: appeared after later rows were reported; total_bad_amount_in_plus 10; total_wire_in 5
  both r2 5 as 8; import; run; arrive r1 10 as 7; import; run; run; book r1 10 as 7 ->
    WC-R9 bank#7 10: appeared after later rows were reported; resolved WC-R1; total_wire_in 15
  # read with the others, and not again
  both r2 5 as 8; import; both r1 10 as 7; import; run; run -> WC-R9 bank#7 10: appeared after later rows were reported; total_wire_in 15
  both r2 5 as 8; import; run; both r1 10 as 7; import; run; both r3 1 as 3; both r4 2 as 20; import; run; run ->
    WC-R9 bank#3 1: appeared after later rows were reported; WC-R9 bank#7 10: appeared after later rows were reported; total_wire_in 18
  # many, near and far
  both r9 1 as 30; import; run; both r1 1 as 2; both r2 2 as 3; both r3 4 as 4; both r4 8 as 15; both r5 16 as 29; import ->
    WC-R9 bank#15 8: appeared after later rows were reported; WC-R9 bank#2 1: appeared after later rows were reported; WC-R9 bank#29 16: appeared after later rows were reported; WC-R9 bank#3 2: appeared after later rows were reported; WC-R9 bank#4 4: appeared after later rows were reported; total_wire_in 32
  # of another account or direction is none of this
  audit 2; both r2 5 as 8; both r3 1 as 8 on 2; import; run; arrive r1 10 as 7 on 2; book r1 10 as 7 on 2; import ->
    WC-R9 bank#7 10: appeared after later rows were reported; total_wire_in 16
`,
);

storeTable(
  wireCreditPass,
  "a history that was imported a while ago",
  `
  # booked after the last import: nobody can say that it did not come
  both r1 10 as 7; day 47; import; day 50; book r2 5 as 8 -> total_wire_in 15
  both r1 10 as 7; day 47; import; day 50; book r2 5 as 8; run; import ->
    WC-6 exchange-account-1#2 of day 48 to r2: 0 instead of 5: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 5; total_wire_in 15
  both r1 10 as 7; day 47; import; day 50; book r2 5 as 8; run; arrive r2 5 as 8; import -> total_wire_in 15
  # what should have been there by then is missing; the grace counts from the import
  day 49; import; day 50; book r2 5 as 8 ->
    WC-6 exchange-account-1#1 of day 48 to r2: 0 instead of 5: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 5; total_wire_in 5
  grace 2; day 49; import; day 60; book r2 5 as 8 -> total_wire_in 5
  # what the bank shows and the exchange lacks is judged by the exchange's database, which is there
  grace 2; day 49; arrive r1 10 as 7; import; day 50 ->
    WC-R1 exchange-account-1#7 of day 48 to r1: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10
`,
);

storeTable(
  wireCreditPass,
  "statements, which show everything",
  `
  # found by subject, in any order, dated by the day
  both r1 10 as 7; both r2 5 as 8; both k1 0.01 as 9 kyc; statement -> total_wire_in 15
  book r1 10 as 7 at=48; book r2 5 as 8; arrive r2 5 as 1 at=49; arrive r1 10 as 2 at=47; statement -> total_wire_in 15
  book r1 10 as 7 at=48; arrive r1 10 as 7 at=43; statement -> total_wire_in 10
  book r1 10 as 7 at=48; arrive r1 10 as 7 at=42; statement ->
    WC-5 reserves_in#1 execution date mismatch; total_wire_in 10
  both r1 10 as 7; statement; run; both r2 5 as 8; run; statement; run; statement -> resolved WC-6; total_wire_in 15
  book k1 1 as 7 kyc; book k1 2 as 8 kyc; arrive k1 2 as 1 kyc; arrive k1 1 as 2 kyc; statement -> nothing
  # … and compared
  book r1 10 as 7; arrive r1 9 as 1; statement ->
    WC-3 exchange-account-1#1 of day 48 to r1: 9 instead of 10: wire amount does not match;
    total_bad_amount_in_minus 1; total_wire_in 10
  book r1 10 as 7; arrive r1 10 as 1 from a2; statement -> WC-4 bank#1 10 to r1; total_misattribution_in 10; total_wire_in 10
  # … a worse one only when no better one can come
  grace 3; book r1 10 as 7; arrive r1 9 as 1; statement; run; arrive r1 10 as 2; statement; day 60; statement ->
    WC-R1 exchange-account-1#1 of day 48 to r1: 9 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 9; total_wire_in 10
  book r1 10 as 7; statement -> WC-6 exchange-account-1#1 of day 48 to r1: 0 instead of 10: incoming wire transfer claimed by exchange not found;
    total_bad_amount_in_minus 10; total_wire_in 10
  # WC-R12: a mistyped transfer that stays
  come rent 5 from a1 as 9; statement -> WC-R12 bank-credit#1 incoming transfer without reserve, of which KUDOS:5 was not sent back: "rent"
  grace 3; come rent 5 from a1 as 9; statement -> nothing
  come interest 5 as 9; statement -> WC-R12 bank-credit#1 incoming transfer without reserve, of which KUDOS:5 was not sent back: "interest"
  come rent 5 from a1 as 9 in EUR; statement -> WC-R7 bank-credit#1 bank transaction in currency EUR
  # … and that goes back, at once or later, whole or less a fee
  come rent 5 from a1 as 9; spend bounce 5 to a1 as 10; statement -> nothing
  come rent 5 from a1 as 9; statement; run; spend bounce 5 to a1 as 10; statement -> resolved WC-R12
  come rent 5 from a1 as 9; spend bounce 4.5 to a1 as 10; statement ->
    WC-R12 bank-credit#1 incoming transfer without reserve, of which KUDOS:0.5 was not sent back: "rent"
  come rent 5 from a1 as 9; spend bounce 5 to a2 as 10; statement ->
    WC-R12 bank-credit#1 incoming transfer without reserve, of which KUDOS:5 was not sent back: "rent"
  come rent 5 from a1 as 9; come more 5 from a1 as 10; spend bounce 5 to a1 as 11; statement ->
    WC-R12 bank-credit#2 incoming transfer without reserve, of which KUDOS:5 was not sent back: "more"
  come nothing 0 from a1 as 9; statement -> nothing
  # a subject that looks like that of a payment by the exchange, and was booked
  book r1 10 as 7; back r1 10 from a1 as 9; statement -> total_wire_in 10
  book r1 10 as 9; back r1 10 from a1 as 9; csv -> total_wire_in 10
  # … but not if it was a merchant's
  owe r5 5 to m1; pay r5 5 to m1; back r5 5 from m1 as 9; book r5 5 from m1 as 7; statement ->
    WC-6 exchange-account-1#1 of day 48 to r5: 0 instead of 5: incoming wire transfer claimed by exchange not found;
    WC-R12 bank-credit#2 payment of KUDOS:5 came back and was not made again: "SUBJECT-r5 https://exchange.example/";
    total_bad_amount_in_minus 5; total_wire_in 5
  owe r5 5 to m1; pay r5 5 to m1; back r5 5 from m1 as 7; book r5 5 from m1 as 7; csv ->
    WC-2 exchange-account-1#7 of day 48 to r5: 0 instead of 5: wire subject does not match;
    total_bad_amount_in_minus 5; total_bad_amount_in_plus 5; total_wire_in 5
  # what is not alike in all parts waits for its booking, and so does the transaction
  grace 3; book r1 10 as 7; arrive r1 10 as 1 from a2; statement; run -> total_wire_in 10
  # an account that is for payments alone is seen whole as well
  only debit; come rent 7 from a1 as 9; statement ->
    WC-R12 bank-credit#1 incoming transfer without reserve, of which KUDOS:7 was not sent back: "rent"
  # money that the exchange moves between its accounts
  audit 2; spend rebalance 10 to exchange2 as 9; come rebalance 10 from exchange as 10 on 2; statement -> nothing
  audit 2; spend rebalance 9 to exchange2 as 9; come rebalance 10 from exchange as 10 on 2; statement ->
    WC-R12 bank-credit#1 incoming transfer without reserve, of which KUDOS:10 was not sent back: "rebalance"
  # a second transfer to a reserve goes back: the mistyped one first
  both r1 10 as 7; arrive r1 10 as 8; spend bounce 10 to a1 as 9; statement -> total_wire_in 10
  both r1 10 as 7; arrive r1 10 as 8; come rent 10 from a1 as 9; spend bounce 10 to a1 as 10; statement ->
    WC-R1 exchange-account-1#2 of day 48 to r1: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10; total_wire_in 10
  arrive r1 10 as 8; spend bounce 9 to a1 as 9; statement ->
    WC-R1 exchange-account-1#1 of day 48 to r1: 1 instead of 0: incoming wire transfer neither booked by exchange nor sent back in full;
    total_bad_amount_in_plus 1
  # a payment of the exchange that came back, until it is made again
  owe w1 5 to m1; pay w1 5 to m1; back w1 5 from m1 as 9; statement ->
    WC-R12 bank-credit#2 payment of KUDOS:5 came back and was not made again: "SUBJECT-w1 https://exchange.example/"
  owe w1 5 to m1; pay w1 5 to m1; back w1 5 from m1 as 9; statement; run; pay w1 5 to m1; statement -> resolved WC-R12
  # … of one that is owed more than once, each
  close r1 10 to a1; close r1 7 to a1; pay r1 10 to a1; pay r1 7 to a1; back r1 7 from a1 as 9; statement ->
    WC-R12 bank-credit#3 payment of KUDOS:7 came back and was not made again: "SUBJECT-r1 https://exchange.example/"
  close r1 10 to a1; close r1 7 to a1; pay r1 10 to a1; pay r1 7 to a1; back r1 7 from a1 as 9; pay r1 7 to a1; statement -> nothing
  # … and a payment of something else is none of it
  owe w1 5 to m1; pay w1 5 to m1; back w1 5 from m1 as 9; pay w1 0.01 to m1; statement ->
    WC-R12 bank-credit#3 payment of KUDOS:5 came back and was not made again: "SUBJECT-w1 https://exchange.example/"
  owe w1 5 to m1; pay w1 5 to m1; back w1 5 from m1 as 9; back w1 5 from m1 as 10; pay w1 5 to m1; statement ->
    WC-R12 bank-credit#4 payment of KUDOS:5 came back and was not made again: "SUBJECT-w1 https://exchange.example/"
`,
);

storeTable(
  wireCreditPass,
  "files in any order",
  `
  # an older file after a newer one is no fault of the bank, and is read once
  both r2 5 as 8; csv; run; both r1 10 as 7; csv; run; run -> total_wire_in 15
  both r2 5 as 8; csv; run; book r1 10 as 7; run; arrive r1 10 as 7; csv; run; csv -> resolved WC-6; total_wire_in 15
  both r2 5 as 8; csv; run; arrive r1 10 as 7; csv; run; run ->
    WC-R1 exchange-account-1#7 of day 48 to r1: 10 instead of 0: incoming wire transfer not booked by exchange;
    total_bad_amount_in_plus 10; total_wire_in 5
  # what a file shows beside the gateway is audited like all else
  both r2 5 as 8; import; run; both r1 10 as 7; csv; run -> total_wire_in 15
  both r2 5 as 8; import; run; come rent 3 from a1 as 7; csv; run ->
    WC-R12 bank-credit#7 incoming transfer without reserve, of which KUDOS:3 was not sent back: "rent"; total_wire_in 5
  # a subject that was damaged on the way is compared where there are numbers
  book r1 10 as 7; come broken 10 from a1 as 7; csv ->
    WC-2 exchange-account-1#7 of day 48 to r1: 0 instead of 10: wire subject does not match;
    total_bad_amount_in_minus 10; total_bad_amount_in_plus 10; total_wire_in 10
`,
);

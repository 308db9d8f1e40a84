// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The transfer pass: TR-R1 to TR-R5 and the balance of what waits. One line is one story and the verdict on it, see
 * tests/support/wire_scene.ts; every story is audited once more, which must write nothing.
 */
import { transferPass } from "../../core/audit/passes/transfer/pass.ts";
import { wireTable } from "../support/wire_verdicts.ts";

wireTable(
  transferPass,
  "what waits",
  `
  # TR-1, TR-2: in whatever runs the rows come
  batch b1 5 due=60 -> total_amount_lag 5
  batch b1 5 due=60; batch b2 2 due=60; aggregate b1 into w1 -> total_amount_lag 2
  batch b1 5 due=60; run; aggregate b1 into w1 -> nothing
  batch b1 5 due=60; batch b2 2 due=60; batch b3 1 due=60; run; aggregate b3 into w1; aggregate b1 into w1;
    aggregate b2 into w1 -> nothing
  # TR-R1: an hour after the deadline
  batch b1 5; batch b2 2; batch b3 1 to m2 due=60 -> late m1 7 in 2 since day 49: none; total_amount_lag 8;
    total_amount_lag_overdue 7
  batch b1 5 due=50 -> total_amount_lag 5
  batch b1 5; batch b2 2 due=48; run; aggregate b2 into w1 -> late m1 5 in 1 since day 49: none; total_amount_lag 5;
    total_amount_lag_overdue 5
  batch b1 5; run; aggregate b1 into w1 -> nothing
`,
);

wireTable(
  transferPass,
  "what cannot be",
  `
  # TR-R2: unknown, until it is there
  aggregate b1 into w1 -> TR-R2 aggregation_tracking#1 batch deposit not pending
  aggregate b1 into w1; run; run -> TR-R2 aggregation_tracking#1 batch deposit not pending
  aggregate b1 into w1; run; batch b1 5; run -> resolved TR-R2
  aggregate b1 into w1; batch b1 5 -> nothing
  # … twice: in a later run, in one page, in two pages; the lag goes down once
  batch b1 5; batch b2 2 due=60; aggregate b1 into w1; run; again b1 into w2 ->
    TR-R2 aggregation_tracking#2 batch deposit not pending; total_amount_lag 2
  unconstrained; batch b1 5; batch b2 5 due=60; aggregate b1 into w1; aggregate b1 into w2 ->
    TR-R2 aggregation_tracking#2 batch deposit not pending; total_amount_lag 5
  unconstrained; batch b1 5; batch b2 5 due=60; batch b3 1; aggregate b1 into w1; aggregate b3 into w1;
    aggregate b1 into w2 -> TR-R2 aggregation_tracking#3 batch deposit not pending; total_amount_lag 5
  unconstrained; batch b1 5 due=60; batch b2 5 due=60; run; aggregate b1 into w1; aggregate b1 into w2 ->
    TR-R2 aggregation_tracking#2 batch deposit not pending; total_amount_lag 5
  # TR-R3
  batch b1 0 no-coins due=60 -> TR-R3 batch_deposits#1 batch deposit without coins
  # TR-R4: it waits like any other
  batch b1 5 no-account due=60 -> TR-R4 batch_deposits#1 target account is missing; total_amount_lag 5
  batch b1 5 no-account -> TR-R4 batch_deposits#1 target account is missing;
    late unknown account 5 in 1 since day 49: none; total_amount_lag 5; total_amount_lag_overdue 5
`,
);

wireTable(
  transferPass,
  "the refund deadline",
  `
  # TR-R5
  batch b1 5 refund=49; owe w1 5 to m1; aggregate b1 into w1 ->
    TR-R5 aggregation_tracking#1 wired before the refund deadline
  batch b1 5 refund=48; owe w1 5 to m1; aggregate b1 into w1 -> nothing
  batch b1 5 refund=49; run; owe w1 5 to m1; aggregate b1 into w1 ->
    TR-R5 aggregation_tracking#1 wired before the refund deadline
  # collected before the transfer is made: judged when it is, once
  batch b1 5 refund=60; aggregate b1 into w1 -> nothing
  batch b1 5 refund=60; aggregate b1 into w1; run; day 55; owe w1 5 to m1 at=51; run ->
    TR-R5 aggregation_tracking#1 wired before the refund deadline
  batch b1 5 refund=60; aggregate b1 into w1; run; day 65; owe w1 5 to m1 at=61 -> nothing
  batch b1 5 refund=60; aggregate b1 into w1; run; day 65; run; owe w1 5 to m1 at=64 -> nothing
  aggregate b1 into w1; run; batch b1 5 refund=60; run; day 55; owe w1 5 to m1 at=51 ->
    TR-R5 aggregation_tracking#1 wired before the refund deadline; resolved TR-R2
`,
);

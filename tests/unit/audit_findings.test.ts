// SPDX-License-Identifier: AGPL-3.0-or-later
/** The sign rule (audit chapter 0.4) and the columns of every kind of finding. */
import assert from "node:assert/strict";
import * as findings from "../../core/audit/findings.ts";
import { AmountOverflow, MAX_AMOUNT } from "../../core/taler/amount.ts";
import { DB_NEVER, NEVER, SECOND } from "../../core/taler/time.ts";
import { bytes32, bytes64 } from "../support/mint.ts";
import { atoms, plainAmount, testTable } from "../support/scenario.ts";

const DIRECTION: Record<string, findings.Direction> = { good: 1, bad: -1, unknown: 0 };

/** "More would be good, bad or neither for the exchange": E of the exchange against A of the auditor. */
testTable(
  "sign rule",
  `
  good 6 5    -> plus 1
  good 5 6    -> minus 1
  bad 6 5     -> minus 1
  bad 5 6     -> plus 1
  unknown 6 5 -> nothing
  unknown 5 6 -> nothing
  good 5 5    -> nothing
  bad 5 5     -> nothing
  good 0 7    -> minus 7
  bad 0 7     -> plus 7
  `,
  ([p]) => {
    const [exchange, auditor] = [p!.amount(), p!.amount()];
    const { plus, minus } = findings.signRule(exchange, auditor, DIRECTION[p!.verb]!);
    return [
      ...(plus > 0n ? [`plus ${plainAmount(plus)}`] : []),
      ...(minus > 0n ? [`minus ${plainAmount(minus)}`] : []),
    ];
  },
);

const amount = (val: string, frac = 0) => ({ val, frac });
const hex = (bytes: Uint8Array) => `\\x${bytes.toHex()}`;
const key = bytes32("key"), hash = bytes64("hash");
const day = 86_400n * SECOND;
const subject = { hash, value: atoms(5), start: day, depositEnd: NEVER };

/** Each kind of finding and the row it makes. */
const cases: [findings.Finding, findings.FindingTable, Record<string, findings.Column>][] = [
  [
    findings.arithmetic("C-25", "melt (cost)", 7n, atoms("1.5"), atoms(2), 1),
    "amount_arithmetic_inconsistency",
    {
      operation: "melt (cost)",
      problem_row_id: "7",
      exchange_amount: amount("1", 50_000_000),
      auditor_amount: amount("2"),
      profitable: true,
    },
  ],
  [
    findings.coinInconsistency("A-13", "spend", key, atoms(6), atoms(5), -1),
    "coin_inconsistency",
    {
      operation: "spend",
      exchange_amount: amount("6"),
      auditor_amount: amount("5"),
      coin_pub: hex(key),
      profitable: true,
    },
  ],
  [
    findings.rowInconsistency("C-10", "deposits", 2n ** 62n, "late"),
    "row_inconsistency",
    { row_table: "deposits", diagnostic: "late", problem_row_id: (2n ** 62n).toString() },
  ],
  [
    findings.badSignature("C-11", "deposit", 3n, atoms(3), key),
    "bad_sig_losses",
    { operation: "deposit", problem_row_id: "3", loss: amount("3"), operation_specific_pub: hex(key) },
  ],
  [
    findings.hangingRefresh("C-20", 4n, atoms(4)),
    "refreshes_hanging",
    { problem_row_id: "4", amount: amount("4") },
  ],
  [
    findings.denominationWithoutSignature("C-1", hash, atoms(5), day, NEVER),
    "denominations_without_sigs",
    { denompub_h: hex(hash), value: amount("5"), start_time: day.toString(), end_time: DB_NEVER.toString() },
  ],
  [
    findings.emergency("C-33", subject, atoms(10), atoms(6)),
    "emergency",
    {
      denompub_h: hex(hash),
      denom_risk: amount("10"),
      denom_loss: amount("6"),
      deposit_start: day.toString(),
      deposit_end: DB_NEVER.toString(),
      value: amount("5"),
    },
  ],
  [
    // the risk of the denomination, which the reference leaves at zero (D-13)
    findings.emergencyByCount("C-32", subject, 2n, 3n, atoms(10)),
    "emergency_by_count",
    {
      denompub_h: hex(hash),
      num_issued: "2",
      num_known: "3",
      risk: amount("10"),
      start: day.toString(),
      deposit_end: DB_NEVER.toString(),
      value: amount("5"),
    },
  ],
  [
    findings.withdrawOutsideValidity("R-2", 5n, day, key, hash),
    "denomination_key_validity_withdraw_inconsistency",
    { problem_row_id: "5", execution_date: day.toString(), reserve_pub: hex(key), denompub_h: hex(hash) },
  ],
  [
    findings.reserveInsufficient("R-16", key, false, atoms(2)),
    "reserve_balance_insufficient_inconsistency",
    { reserve_pub: hex(key), inconsistency_gain: false, inconsistency_amount: amount("2") },
  ],
  [
    findings.reserveSummaryWrong("R-18", key, atoms(1), atoms(2)),
    "reserve_balance_summary_wrong_inconsistency",
    { reserve_pub: hex(key), exchange_amount: amount("1"), auditor_amount: amount("2") },
  ],
  [
    findings.reserveNotClosed("R-19", key, atoms(3), day, "payto://x/y"),
    "reserve_not_closed_inconsistency",
    { reserve_pub: hex(key), balance: amount("3"), expiration_time: day.toString(), diagnostic: "payto://x/y" },
  ],
  [
    findings.feeTime("A-20", "iban", NEVER, "start date before previous end date"),
    "fee_time_inconsistency",
    {
      problem_row_id: "0",
      fee_type: "iban",
      fee_time: DB_NEVER.toString(),
      diagnostic: "start date before previous end date",
    },
  ],
  [
    findings.wireOut("A-23", "payto://x/y", 6n, atoms(2), atoms(1), "text"),
    "wire_out_inconsistency",
    {
      destination_account: "payto://x/y",
      diagnostic: "text",
      wire_out_serial_id: "6",
      expected: amount("2"),
      claimed: amount("1"),
    },
  ],
];

for (const [finding, table, columns] of cases) {
  Deno.test(`findings: ${finding.check} is a row of ${table}`, () => {
    assert.equal(finding.table, table);
    assert.deepEqual(finding.columns, columns);
  });
}

Deno.test("findings: profitable is false only where the direction is unknown (audit chapter 0.4)", () => {
  const profitable = ([1, -1, 0] as const).map((d) =>
    findings.arithmetic("C-22", "x", 1n, 1n, 2n, d).columns["profitable"]
  );
  assert.deepEqual(profitable, [true, true, false]);
});

Deno.test("findings: an amount outside the legal range is never written", () => {
  assert.deepEqual(findings.amountColumn(MAX_AMOUNT), { val: (2n ** 52n).toString(), frac: 99_999_999 });
  assert.throws(() => findings.amountColumn(MAX_AMOUNT + 1n), AmountOverflow);
  assert.throws(() => findings.amountColumn(-1n), /negative amount/);
});

Deno.test("findings: bytes of a view are those of the view", () => {
  const whole = Uint8Array.of(1, 2, 3, 4, 255);
  assert.equal(findings.bytesColumn(whole.subarray(3)), "\\x04ff");
  assert.equal(findings.bytesColumn(new Uint8Array(0)), "\\x");
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The acceptance list, part F.5: outgoing transfers, which the pass wire-debit compares with the bank. */
import assert from "node:assert/strict";
import { ALL_PASSES } from "../../core/audit/run.ts";
import { type BankDebit, BankError } from "../../core/bank/history.ts";
import {
  acceptanceTests,
  type Case,
  changedBalances,
  EVERY_PASS,
  forEach,
  readOutcome,
  untouched,
} from "../support/acceptance.ts";
import { missing, TRANSFERS, WRONG_AMOUNT } from "../support/acceptance_small.ts";
import { auditDataset, withCopy } from "../support/audit.ts";
import type { Sql } from "../../core/db/connect.ts";
import { asBankHistory, type RecordedHistory, recordedHistory } from "../support/bank-golden.ts";
import { badFormat, badRow, badTransfer, closureLag } from "../support/expected_findings.ts";
import { datasetInfo, datasetNames } from "../support/golden.ts";

const UNJUSTIFIED = "missing justification for outgoing wire transfer";
const DUPLICATE = "duplicate outgoing wire transfer subject";

const recorded = (dataset: string) => recordedHistory(datasetInfo(dataset).account_section, dataset).debits;

/** The bank has only the recorded outgoing transfers up to a row, and some more. */
const until = (dataset: string, row: bigint, ...more: BankDebit[]) => (h: RecordedHistory) => {
  h.debits = [...recorded(dataset).filter((d) => d.rowId <= row), ...more];
};

const change = (row: bigint, by: (d: BankDebit) => Partial<BankDebit>) => (h: RecordedHistory) => {
  h.debits = h.debits.map((d) => d.rowId === row ? { ...d, ...by(d) } : d);
};

const drop = (row: bigint) => (h: RecordedHistory) => {
  h.debits = h.debits.filter((d) => d.rowId !== row);
};

const eur = (atoms: bigint) => ({ currency: "EUR", atoms });

/** A copy of a transfer, as the next one. */
const repeat = (row: bigint, by: Partial<BankDebit> = {}) => (h: RecordedHistory) => {
  const original = h.debits.find((d) => d.rowId === row)!;
  h.debits.push({ ...original, rowId: h.debits.at(-1)!.rowId + 1n, ...by });
};

/** Booked transfers whose subjects are not among the bank's first ones. */
const notAmongFirst = (count: number) =>
  forEach(
    `SELECT * FROM (${TRANSFERS}) x WHERE wtid NOT IN (${
      datasetNames().length === 0
        ? "''"
        : recorded("small-postagg").slice(0, count).map((d) => `'${d.wtid.toHex()}'`).join()
    })`,
    ({ row, amount, wtid }) => badTransfer("WD-2", row!, amount!, "0", missing(wtid!)),
  );

/** An order that nobody signed: the next row after the seven first transfers, where the reference never looks. */
const hidden = (): BankDebit => ({
  ...recorded("small-postagg")[7]!,
  wtid: new Uint8Array(32).fill(0x42),
  amount: eur(3_00000000n),
});

const POLLS: Case = {
  id: "F.5 wire-debit polls",
  title: "transfers with consecutive numbers in three polls are all audited (BUG-2.1)",
  base: "small-postagg",
  steps: [
    {
      bank: (h) => until("small-postagg", 44n)(h),
      findings: [notAmongFirst(4)],
      // the transfers of the bank's rows 45 to 50
      balances: { total_bad_amount_out_minus: ["0", "115.77"] },
    },
    {
      bank: (h) => until("small-postagg", 47n)(h),
      findings: [notAmongFirst(7)],
      balances: { total_bad_amount_out_minus: ["0", "60.36"] },
      resolved: { "WD-2": 3 },
    },
    { bank: (h) => until("small-postagg", 50n)(h), findings: [], balances: {}, resolved: { "WD-2": 6 } },
  ],
};

/** Reserve 1 had 0.45: two times 0.2 of it are paid out less 0.01 each. */
const CLOSED_TWICE = `
  INSERT INTO exchange.reserves_close (reserve_pub, execution_date, wtid, wire_target_h_payto, amount, closing_fee)
    SELECT reserve_pub, 1795315613000000, reserve_pub, wire_source_h_payto, ROW(0, 20000000)::exchange.taler_amount,
      ROW(0, 1000000)::exchange.taler_amount
    FROM exchange.reserves_in, generate_series(1, 2) WHERE reserve_in_serial_id = 1;
  UPDATE exchange.reserves SET current_balance = (0, 5000000)
    WHERE reserve_pub = (SELECT reserve_pub FROM exchange.reserves_in WHERE reserve_in_serial_id = 1)`;

const TWO_CLOSURES = {
  reserves_close_fee_revenue: ["0", "0.02"],
  reserves_reserve_total_balance: ["18", "17.6"],
} as const;

/** The bank pays 0.19 to the owner of reserve 1. */
function payFirstReserve(h: RecordedHistory): void {
  const { subject, debitAccount } = h.credits[0]!;
  repeat(h.debits.at(-1)!.rowId, { wtid: subject, creditAccount: debitAccount, amount: eur(19000000n) })(h);
}

const CASES: readonly Case[] = [
  POLLS,
  {
    id: "F.5 wire-debit polls",
    title: "a transfer that nothing justifies is the first of a poll (BUG-2.1)",
    base: "small-postagg",
    steps: [
      {
        bank: (h) => until("small-postagg", 47n)(h),
        findings: [notAmongFirst(7)],
        balances: { total_bad_amount_out_minus: ["0", "60.36"] },
      },
      {
        // what was row 48 to 50 is now 49 to 51
        bank: (h) => {
          until("small-postagg", 47n, hidden())(h);
          for (const d of recorded("small-postagg").slice(7)) h.debits.push({ ...d, rowId: d.rowId + 1n });
        },
        findings: [badTransfer("WD-13", 48, "0", "3", UNJUSTIFIED)],
        balances: { total_bad_amount_out_plus: ["0", "3"] },
        resolved: { "WD-2": 3 },
      },
    ],
  },
  {
    id: "F.5 wire-debit late transfer",
    title: "a transfer is made one run later than it was booked (BUG-2.3)",
    base: "exchange-api-wired-rsa",
    steps: [
      {
        bank: (h) => drop(27n)(h),
        findings: [
          forEach(
            `SELECT * FROM (${TRANSFERS}) x WHERE row = 5`,
            ({ wtid }) => badTransfer("WD-2", 5, "6.46", "0", missing(wtid!)),
          ),
        ],
        balances: { total_bad_amount_out_minus: ["0", "6.46"] },
      },
      { bank: (h) => until("exchange-api-wired-rsa", 27n)(h), findings: [], balances: {}, resolved: { "WD-2": 1 } },
    ],
  },
  {
    id: "F.5 wire-debit late transfer",
    title: "a transfer that is made late is of another amount",
    base: "exchange-api-wired-rsa",
    steps: [
      {
        bank: (h) => drop(27n)(h),
        findings: [
          forEach(
            `SELECT * FROM (${TRANSFERS}) x WHERE row = 5`,
            ({ wtid }) => badTransfer("WD-2", 5, "6.46", "0", missing(wtid!)),
          ),
        ],
        balances: { total_bad_amount_out_minus: ["0", "6.46"] },
      },
      {
        bank: (h) => {
          until("exchange-api-wired-rsa", 27n)(h);
          change(27n, () => ({ amount: eur(6_00000000n) }))(h);
        },
        findings: [badTransfer("WD-4", 5, "6.46", "6", WRONG_AMOUNT)],
        balances: { total_bad_amount_out_minus: ["0", "0.46"] },
        resolved: { "WD-2": 1 },
      },
    ],
  },
  {
    id: "F.5 wire-debit late closure",
    title: "a closed reserve is paid out one run later (BUG-2.4)",
    base: "exchange-api-wired-rsa",
    steps: [
      {
        bank: (h) => drop(18n)(h),
        findings: [closureLag(1, "5")], // 5.01 less the fee
        balances: { total_closure_amount_lag: ["0", "5"] },
      },
      {
        // the bank's other transfers went on meanwhile, so that it comes last
        bank: (h) => h.debits.push({ ...recorded("exchange-api-wired-rsa")[4]!, rowId: 28n }),
        findings: [],
        balances: {},
        resolved: { "WD-14": 1 },
      },
    ],
  },
  {
    id: "F.5 wire-debit closure receiver",
    title: "a closed reserve is paid out to the same account with another name of its owner (BUG-2.6)",
    base: "exchange-api-wired-rsa",
    bank: (h) =>
      change(18n, (d) => ({ creditAccount: d.creditAccount.replace(/receiver-name=.*/, "receiver-name=X") }))(h),
    findings: [],
    balances: {},
  },
  {
    id: "F.5 wire-debit closure receiver",
    title: "a closed reserve is paid out to another account",
    base: "exchange-api-wired-rsa",
    bank: (h) => change(18n, () => ({ creditAccount: "payto://x-taler-bank/localhost/44?receiver-name=44" }))(h),
    findings: [closureLag(1, "5"), badTransfer("WD-13", 18, "0", "5", UNJUSTIFIED)],
    balances: { total_bad_amount_out_plus: ["0", "5"], total_closure_amount_lag: ["0", "5"] },
  },
  {
    id: "F.5 wire-debit two closures",
    title: "a reserve is closed twice with the same amount and subject (BUG-2.12)",
    base: "small-postagg",
    steps: [
      {
        sql: CLOSED_TWICE,
        bank: payFirstReserve,
        // the transfer is the older closure's
        findings: [closureLag(2, "0.19")],
        balances: { ...TWO_CLOSURES, total_closure_amount_lag: ["0", "0.19"] },
      },
      { bank: payFirstReserve, findings: [], balances: TWO_CLOSURES, resolved: { "WD-14": 1 } },
      {
        bank: payFirstReserve,
        findings: [badFormat("WD-1", 53, "0.19", DUPLICATE)],
        balances: { ...TWO_CLOSURES, wire_debit_duplicate_transfer_subject_total: ["0", "0.19"] },
        resolved: { "WD-14": 1 },
      },
    ],
  },
  {
    id: "F.5 wire-debit drain",
    title: "the order to move profit is not signed by the master key",
    base: "small-drain",
    sql: "UPDATE exchange.profit_drains SET amount = (0, 20000000)",
    findings: [
      badRow("WD-9", "profit_drains", 51, "invalid signature"),
      badTransfer("WD-13", 51, "0", "0.1", UNJUSTIFIED),
    ],
    balances: { total_bad_amount_out_plus: ["0", "0.1"], total_drained: ["0.1", "0"] },
  },
  {
    id: "F.5 wire-debit drain",
    title: "profit goes to another account than was signed",
    because: "what was wired counts, not what was signed (BUG-2.9)",
    base: "small-drain",
    bank: change(51n, () => ({ creditAccount: "payto://x-taler-bank/localhost/44", amount: eur(30000000n) })),
    findings: [badTransfer("WD-10", 1, "0.3", "0", "profit drain wired to invalid account")],
    balances: { total_bad_amount_out_plus: ["0", "0.3"], total_drained: ["0.1", "0"] },
  },
  {
    id: "F.5 wire-debit drain",
    title: "more profit is moved than was signed",
    because: "expected is what was signed, and the difference counts (BUG-2.9)",
    base: "small-drain",
    bank: change(51n, () => ({ amount: eur(30000000n) })),
    findings: [badTransfer("WD-11", 51, "0.1", "0.3", "incorrect amount drained to correct account")],
    balances: { total_bad_amount_out_plus: ["0", "0.2"], total_drained: ["0.1", "0"] },
  },
  {
    id: "F.5 wire-debit drain",
    title: "less profit is moved than was signed",
    because: "expected is what was signed, and the difference counts (BUG-2.9)",
    base: "small-drain",
    bank: change(51n, () => ({ amount: eur(4000000n) })),
    findings: [badTransfer("WD-11", 51, "0.1", "0.04", "incorrect amount drained to correct account")],
    balances: { total_bad_amount_out_minus: ["0", "0.06"], total_drained: ["0.1", "0"] },
  },
  {
    id: "F.5 wire-debit drain",
    title: "profit is moved twice, the second time in a later run",
    base: "small-drain",
    steps: [
      { findings: [], balances: {} },
      {
        bank: repeat(51n),
        findings: [
          badFormat("WD-1", 52, "0.1", DUPLICATE),
          badTransfer("WD-R3", 52, "0", "0.1", "profit drain was wired more than once"),
        ],
        balances: { wire_debit_duplicate_transfer_subject_total: ["0", "0.1"] },
      },
    ],
  },
  {
    id: "F.5 wire-debit drain",
    title: "profit is never moved",
    base: "small-drain",
    bank: drop(51n),
    findings: [badTransfer("WD-R3", 1, "0.1", "0", "profit drain was not carried out")],
    balances: { total_drained: ["0.1", "0"] },
  },
  {
    id: "F.5 wire-debit duplicate",
    title: "a subject comes again on a later page, and in a later run (BUG-2.5)",
    base: "small-postagg",
    bankPage: 10,
    steps: [
      {
        bank: repeat(41n, { amount: eur(1_00000000n) }),
        findings: [badFormat("WD-1", 51, "1", DUPLICATE)],
        balances: { wire_debit_duplicate_transfer_subject_total: ["0", "1"] },
      },
      {
        bank: repeat(42n, { amount: eur(2_00000000n) }),
        findings: [badFormat("WD-1", 51, "1", DUPLICATE), badFormat("WD-1", 52, "2", DUPLICATE)],
        balances: { wire_debit_duplicate_transfer_subject_total: ["0", "3"] },
      },
    ],
  },
  {
    id: "F.5 wire-debit receiver",
    title: "a transfer goes to another account than was booked",
    base: "small-postagg",
    bank: change(42n, () => ({ creditAccount: "payto://x-taler-bank/localhost/44", amount: eur(11_00000000n) })),
    // the bank's row 42 is the exchange's transfer 1
    findings: [badTransfer("WD-3", 1, "11.87", "11", "receiver account mismatch")],
    balances: { total_bad_amount_out_minus: ["0", "11.87"], total_bad_amount_out_plus: ["0", "11"] },
  },
];

acceptanceTests(CASES);

/** Rows in the tables that keep open transfers, and progress points, of the pass that reads one direction. */
async function traces(sql: Sql, direction: "credits" | "debits"): Promise<number> {
  const [tables, points] = direction === "credits"
    ? [["auditor_x_open_credit", "auditor_x_open_booking"], "_in(_serial_id)?$"]
    : [["auditor_x_debit", "auditor_x_open_transfer"], "_out(_serial_id)?$|close_id$"];
  const counts = tables.map((t) => `SELECT count(*) FROM auditor.${t}`);
  const progress = `SELECT count(*) FROM auditor.auditor_progress WHERE progress_key ~ '^wire.*(${points})'`;
  const rows = await sql.unsafe(`SELECT sum(count)::int4 AS n FROM (${[...counts, progress].join(" UNION ALL ")}) x`);
  return rows[0]!["n"] as number;
}

for (const direction of ["credits", "debits"] as const) {
  const pass = direction === "credits" ? "wire-credit" : "wire-debit";
  Deno.test({
    name: `acceptance F.5 wire-debit bank error: a bank that fails on the second page of ${direction}`,
    ignore: datasetNames().length === 0,
  }, async () => {
    const info = datasetInfo("small-postagg");
    const good = asBankHistory(recordedHistory(info.account_section, info.name), 4);
    const failing = {
      ...good,
      async *[direction](account: string, after: bigint) {
        for await (const page of good[direction](account, after)) {
          yield page as never;
          throw new BankError("status", account, "the bank answered 500");
        }
      },
    };
    await withCopy(info.name, async (url, sql) => {
      const { passes } = await auditDataset(url, info, { bank: failing, passes: EVERY_PASS });
      const failed = passes.filter((p) => p.failure !== undefined).map((p) => [p.pass, p.failure!.message]);
      assert.deepEqual(failed, [[pass, "exchange-account-1: the bank answered 500"]]);
      const base = await untouched(info.name), outcome = await readOutcome(sql);
      const own = ALL_PASSES.find((p) => p.name === pass)!.balanceKeys;
      const lost = Object.fromEntries(
        [...base.balances].filter(([key]) => own.includes(key)).map(([k, v]) => [k, [v, "absent"]]),
      );
      assert.deepEqual(changedBalances(base, outcome), lost, "the others committed, this one wrote nothing");
      assert.deepEqual(outcome.findings, base.findings);
      assert.equal(await traces(sql, direction), 0);
      await auditDataset(url, info, { bank: good, passes: EVERY_PASS });
      assert.notEqual(await traces(sql, direction), 0);
      assert.deepEqual(changedBalances(base, await readOutcome(sql)), {}, "when the bank is back, all is as ever");
    });
  });
}

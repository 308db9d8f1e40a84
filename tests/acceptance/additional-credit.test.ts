// SPDX-License-Identifier: AGPL-3.0-or-later
/** The acceptance list, part F.5: incoming transfers, which the pass wire-credit compares with the bank. */
import { acceptanceTests, type Case } from "../support/acceptance.ts";
import type { RecordedHistory } from "../support/bank-golden.ts";
import type { BankCredit } from "../../core/bank/history.ts";
import { badCredit, badRow, misattributed } from "../support/expected_findings.ts";

/** Seconds since the epoch when the bank made the first transfers. */
const DATE = 1795315601;

/** The key of a reserve that nobody withdraws from. */
function reserve(n: number): Uint8Array {
  return Uint8Array.fromHex(n.toString(16).padStart(64, "0"));
}

const TWO = "ROW(2, 0)::exchange.taler_amount";

/** Books credits of 2 for new reserves `from` to `to`; the bank's numbers of the transfers are 40 more than theirs. */
const book = (from: number, to: number, reference = "n + 40") => `
  INSERT INTO exchange.reserves (reserve_pub, current_balance, expiration_date, gc_date)
    SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), ${TWO}, ${DATE}000000 + 2419200000000, ${DATE}000000 + 2419200000000
    FROM generate_series(${from}, ${to}) n;
  INSERT INTO exchange.reserves_in (reserve_pub, wire_reference, credit, wire_source_h_payto, exchange_account_section,
      execution_date)
    SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), ${reference}, ${TWO}, t.wire_target_h_payto, 'exchange-account-1',
      ${DATE}000000 FROM generate_series(${from}, ${to}) n, exchange.wire_targets t WHERE t.payto_uri LIKE '%/42?%'`;

/** The bank makes the transfers to new reserves `from` to `to`. */
const wire = (from: number, to = from) => ({ credits }: RecordedHistory) => {
  for (let n = from; n <= to; n++) {
    const amount = { currency: "EUR", atoms: 2_00000000n };
    credits.push({ ...credits[0]!, rowId: BigInt(n + 40), subject: reserve(n), amount });
  }
};

const change = (row: bigint, by: Partial<BankCredit>) => (h: RecordedHistory) => {
  h.credits = h.credits.map((c) => c.rowId === row ? { ...c, ...by } : c);
};

const NOT_BOOKED = "incoming wire transfer not booked by exchange";
const NOT_FOUND = "incoming wire transfer claimed by exchange not found";

/** One more reserve with 2. */
const ONE_MORE = { reserves_reserve_total_balance: ["18", "20"], total_wire_in: ["1020", "1022"] } as const;

const WAD = new Uint8Array(24).fill(7);
const WAD_CREDIT: BankCredit = {
  account: "exchange-account-2",
  rowId: 10n,
  date: 1795314790000000n,
  amount: { currency: "EUR", atoms: 3_00000000n },
  kind: "WAD",
  subject: WAD,
  originExchangeUrl: "https://partner.example/",
  debitAccount: "payto://x-taler-bank/localhost/9?receiver-name=partner",
};
const BOOK_WAD = `INSERT INTO exchange.wads_in (wad_id, origin_exchange_url, amount, arrival_time)
  VALUES (decode(repeat('07', 24), 'hex'), 'https://partner.example/', (3, 0), 1795314790000000)`;

/** What comes from another exchange is compared with the bank, but its effect on reserves is not audited. */
const UNSUPPORTED = badRow(
  "X-11",
  "wads_in",
  1,
  "transfer between exchanges, not supported; partner https://partner.example/",
);

const CASES: readonly Case[] = [
  {
    id: "F.5 wire-credit pages",
    title: "more than a page of 1024 credits in the first run",
    base: "small-preagg",
    bankPage: 1024,
    sql: book(1, 1100),
    bank: wire(1, 1100),
    findings: [],
    balances: { reserves_reserve_total_balance: ["18", "2218"], total_wire_in: ["1020", "3220"] },
  },
  {
    id: "F.5 wire-credit kinds",
    title: "a transfer that proves control of an account is booked with another amount, from another account",
    base: "kyc",
    sql: "UPDATE exchange.kycauths_in SET credit = (0, 2000000) WHERE kycauth_in_serial_id = 1",
    bank: change(3n, { debitAccount: "payto://x-taler-bank/localhost/44?receiver-name=44" }),
    findings: [badCredit("WC-3", 2, "0.02", "0.01", "wire amount does not match"), misattributed(3, "0.01")],
    balances: { total_bad_amount_in_minus: ["0", "0.01"], total_misattribution_in: ["0", "0.01"] },
  },
  {
    id: "F.5 wire-credit kinds",
    title: "transfers that prove control of an account are missing at the bank, and in the books",
    base: "kyc",
    sql: "DELETE FROM exchange.kycauths_in WHERE kycauth_in_serial_id = 1",
    bank: (h) => h.credits = h.credits.filter((c) => c.rowId !== 3n),
    // the first is the bank's number, the second the exchange's row
    findings: [badCredit("WC-R1", 2, "0", "0.01", NOT_BOOKED), badCredit("WC-6", 2, "0.01", "0", NOT_FOUND)],
    balances: { total_bad_amount_in_minus: ["0", "0.01"], total_bad_amount_in_plus: ["0", "0.01"] },
  },
  {
    id: "F.5 wire-credit kinds",
    title: "a transfer between exchanges is not booked, then is",
    base: "kyc",
    steps: [
      {
        bank: (h) => h.credits.push(WAD_CREDIT),
        findings: [badCredit("WC-R1", 10, "0", "3", NOT_BOOKED)],
        balances: { total_bad_amount_in_plus: ["0", "3"] },
      },
      { sql: BOOK_WAD, findings: [UNSUPPORTED], balances: {}, resolved: { "WC-R1": 1 } },
    ],
  },
  {
    id: "F.5 wire-credit kinds",
    title: "a transfer between exchanges is booked with another amount",
    base: "kyc",
    sql: `${BOOK_WAD}; UPDATE exchange.wads_in SET amount = (4, 0)`,
    bank: (h) => h.credits.push(WAD_CREDIT),
    findings: [UNSUPPORTED, badRow("WC-R3", "wads_in", 1, "transfer between exchanges differs from the bank's")],
    balances: {},
  },
  {
    id: "F.5 wire-credit order",
    title: "a credit is booked before it is at the bank",
    base: "small-preagg",
    steps: [
      {
        sql: book(1, 1),
        findings: [badCredit("WC-6", 41, "2", "0", NOT_FOUND)],
        balances: { ...ONE_MORE, total_bad_amount_in_minus: ["0", "2"] },
      },
      { bank: wire(1), findings: [], balances: ONE_MORE, resolved: { "WC-6": 1 } },
    ],
  },
  {
    id: "F.5 wire-credit order",
    title: "a credit is at the bank before it is booked",
    base: "small-preagg",
    steps: [
      {
        bank: wire(1),
        findings: [badCredit("WC-R1", 41, "0", "2", NOT_BOOKED)],
        balances: { total_bad_amount_in_plus: ["0", "2"] },
      },
      // a later transfer that is booked at once must not hide the one before it (BUG-1.4)
      {
        bank: wire(2),
        sql: book(2, 2),
        findings: [badCredit("WC-R1", 41, "0", "2", NOT_BOOKED)],
        balances: { ...ONE_MORE, total_bad_amount_in_plus: ["0", "2"] },
      },
      {
        sql: book(1, 1),
        findings: [],
        balances: { reserves_reserve_total_balance: ["18", "22"], total_wire_in: ["1020", "1024"] },
        resolved: { "WC-R1": 1 },
      },
    ],
  },
  {
    id: "F.5 wire-credit never booked",
    title: "a credit is never booked, and one is gone from the bank",
    base: "small-preagg",
    bank: (h) => {
      wire(1)(h);
      h.credits.shift();
    },
    findings: [badCredit("WC-R1", 41, "0", "2", NOT_BOOKED), badCredit("WC-6", 1, "25.5", "0", NOT_FOUND)],
    balances: { total_bad_amount_in_minus: ["0", "25.5"], total_bad_amount_in_plus: ["0", "2"] },
  },
  {
    id: "F.5 wire-credit section",
    title: "a credit is booked on an account that is not configured",
    base: "small-preagg",
    sql:
      "UPDATE exchange.reserves_in SET exchange_account_section = 'exchange-account-9' WHERE reserve_in_serial_id = 1",
    findings: [
      badRow("WC-R4", "reserves_in", 1, "booked on unknown bank account"),
      badCredit("WC-R1", 1, "0", "25.5", NOT_BOOKED),
    ],
    balances: {
      total_bad_amount_in_minus: ["0", "25.5"],
      total_bad_amount_in_plus: ["0", "25.5"],
      total_wire_in: ["1020", "994.5"],
    },
  },
  {
    id: "F.5 wire-credit duplicate",
    title: "two credits name one transfer of the bank's",
    base: "small-preagg",
    sql: book(1, 1, "1"),
    findings: [badRow("WC-1", "reserves_in", 41, "duplicate wire offset")],
    balances: ONE_MORE,
  },
  {
    id: "F.5 wire-credit duplicate",
    title: "a credit of a later run names a transfer that was matched before (BUG-1.5)",
    base: "small-preagg",
    steps: [
      { findings: [], balances: {} },
      {
        sql: book(1, 1, "40"),
        findings: [badRow("WC-1", "reserves_in", 41, "duplicate wire offset")],
        balances: ONE_MORE,
      },
    ],
  },
  {
    id: "F.5 wire-credit currency",
    title: "the bank has a transfer in another currency",
    base: "small-preagg",
    bank: change(1n, { amount: { currency: "USD", atoms: 25_50000000n } }),
    findings: [badRow("WC-R7", "bank-credit", 1, "bank transaction in currency USD")],
    balances: {},
  },
];

acceptanceTests(CASES);

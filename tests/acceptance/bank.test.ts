// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The acceptance list, part F.2 as far as the bank's history is changed (books.test.ts describes the datasets). The
 * bank booked 25.5 for each of 40 reserves, and ten transfers to merchants after the aggregator.
 */
import { acceptanceTests, type Case, forEach, plainSql } from "../support/acceptance.ts";
import type { RecordedHistory } from "../support/bank-golden.ts";
import { badCredit, badFormat, badTransfer, minor, misattributed } from "../support/expected_findings.ts";
import { HOUR } from "../../core/taler/time.ts";

const TRANSFERS = `SELECT wireout_uuid AS row, ${plainSql("amount")} AS amount FROM exchange.wire_out`;

/** An outgoing transfer that nobody ordered. */
function invented({ credits, debits }: RecordedHistory): void {
  debits.push({
    account: credits[0]!.account,
    rowId: credits.at(-1)!.rowId + 1n,
    date: credits.at(-1)!.date,
    amount: { currency: credits[0]!.amount.currency, atoms: 10_00000000n },
    wtid: new Uint8Array(32).fill(0x42),
    exchangeBaseUrl: "http://localhost:18081/",
    creditAccount: "payto://x-taler-bank/localhost/44?receiver-name=44",
  });
}

function allDebits(h: RecordedHistory, atoms: bigint): void {
  h.debits = h.debits.map((d) => ({ ...d, amount: { ...d.amount, atoms } }));
}

/** Every transfer with another amount at the bank. */
const withAmount = (claimed: string) =>
  forEach(TRANSFERS, ({ row, amount }) => badTransfer("WD-4", row!, amount!, claimed, "wire amount does not match"));

const CASES: readonly Case[] = [
  {
    id: "F.2 #8",
    title: "an incoming transfer has another subject",
    base: "small-preagg",
    bank: (h) => h.credits[0] = { ...h.credits[0]!, subject: new Uint8Array(32).fill(0x42) },
    findings: [badCredit("WC-2", 1, "25.5", "0", "wire subject does not match")],
    balances: { total_bad_amount_in_minus: ["0", "25.5"], total_bad_amount_in_plus: ["0", "25.5"] },
  },
  {
    id: "F.2 #9",
    title: "an incoming transfer comes from another account",
    base: "small-preagg",
    bank: (h) => h.credits[0] = { ...h.credits[0]!, debitAccount: "payto://iban/DE144373" },
    findings: [misattributed(1, "25.5")],
    balances: { total_misattribution_in: ["0", "25.5"] },
  },
  {
    id: "F.2 #10",
    title: "an incoming transfer has another date",
    base: "small-preagg",
    bank: (h) => h.credits[0] = { ...h.credits[0]!, date: h.credits[0]!.date + 1000000n },
    findings: [minor("WC-5", "reserves_in", 1, "execution date mismatch")],
    balances: {},
  },
  {
    id: "F.2 #11",
    title: "an outgoing transfer that nothing justifies",
    base: "small-preagg",
    bank: invented,
    findings: [badTransfer("WD-13", 41, "0", "10", "missing justification for outgoing wire transfer")],
    balances: { total_bad_amount_out_plus: ["0", "10"] },
  },
  {
    id: "F.2 #16a",
    title: "all outgoing transfers are of 50",
    base: "small-postagg",
    bank: (h) => allDebits(h, 50_00000000n),
    findings: [withAmount("50")],
    balances: { total_bad_amount_out_plus: ["0", "302.1"] }, // 500 less 197.9
  },
  {
    id: "F.2 #16b",
    title: "all outgoing transfers are of 0",
    base: "small-postagg",
    bank: (h) => allDebits(h, 0n),
    findings: [withAmount("0")],
    balances: { total_bad_amount_out_minus: ["0", "197.9"] },
  },
  {
    id: "F.2 #17",
    title: "all outgoing transfers were made an hour before",
    base: "small-postagg",
    // the oldest was ordered at 1795315613, the newest 12 seconds later: from 60 to 61 minutes, which is an hour
    bank: (h) => h.debits = h.debits.map((d) => ({ ...d, date: 1795315612000000n - HOUR })),
    findings: [forEach(TRANSFERS, ({ row }) => minor("WD-5", "wire_out", row!, "execution date mismatch (1 h)"))],
    balances: {},
  },
  {
    id: "F.2 L27",
    title: "a second outgoing transfer has the subject of the first",
    base: "small-postagg",
    bank: (h) => {
      const { amount: { currency } } = h.debits[0]!;
      h.debits.push({ ...h.debits[0]!, rowId: 51n, amount: { currency, atoms: 1_00000000n } });
    },
    findings: [badFormat("WD-1", 51, "1", "duplicate outgoing wire transfer subject")],
    balances: { wire_debit_duplicate_transfer_subject_total: ["0", "1"] },
  },
];

acceptanceTests(CASES);

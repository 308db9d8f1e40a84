// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The wire-credit pass: every incoming transfer that the exchange booked must be at the bank, and vice versa (wire
 * chapter 1). What is seen on one side only stays open until the other side has it; then its finding goes.
 */
import type { BankCredit, BankHistory } from "../../../bank/history.ts";
import { equalBytes } from "../../../crypto/hash.ts";
import { hashPayto } from "../../../crypto/objects.ts";
import type { BookedCreditRow } from "../../../exchange/rows.ts";
import { readRows } from "../../../exchange/source.ts";
import {
  DUPLICATE_CREDITS,
  DUPLICATE_KYC_CREDITS,
  kycCreditsElsewhere,
  kycCreditsOf,
  reserveCreditsElsewhere,
  reserveCreditsOf,
  WADS_IN,
} from "../../../exchange/v014/wire.ts";
import {
  anomaliesOf,
  auditAnomalies,
  type BankScan,
  checkOwnAccount,
  completeUntil,
  keyPart,
  lateRows,
  readOnly,
  requireBank,
  requireBankNumbers,
} from "../../bank-source.ts";
import { rowInconsistency } from "../../findings.ts";
import { incoming } from "../../findings-wire.ts";
import { encodeHex } from "../../hex.ts";
import { MONEY } from "../../money.ts";
import type { AuditedAccount, PassRun, Stage, StageRow } from "../../pass.ts";
import { type Booking, compareCredit } from "./match.ts";
import { loadOpen, meetingKey, type OpenCredits, saveOpen } from "./open.ts";

/** Balances of the wire-credit pass (wire chapter 0.4), and our own for identity transfers. */
const WIRE_CREDIT_BALANCES = [
  "total_wire_in",
  "total_bad_amount_in_plus",
  "total_bad_amount_in_minus",
  "total_misattribution_in",
] as const;

const creditAccounts = (accounts: readonly AuditedAccount[]) => accounts.filter((a) => a.credit);
const bookedKey = (section: string) => `wire-${section}-reserve_in_serial_id`;
const bankKey = (section: string) => `wire-${section}-wire_off_in`;
const kycKey = (section: string) => `x:wire-credit:kyc:${section}`;

/** The wire-credit pass. */
export const wireCreditPass = {
  name: "wire-credit",
  balanceKeys: WIRE_CREDIT_BALANCES,
  progressKeys: (accounts: readonly AuditedAccount[]) =>
    creditAccounts(accounts).flatMap(({ section }) => [bookedKey(section), bankKey(section)]),
  run: runWireCredit,
};

const RANK = { booked: 1, bank: 2, open: 3 } as const;

interface CreditState {
  run: PassRun;
  open: OpenCredits;
  /** Up to when the history of an account proves that a transfer is missing. */
  until: ReadonlyMap<string, bigint>;
}

async function runWireCredit(run: PassRun): Promise<void> {
  const bank = requireBank(run.context);
  const accounts = run.context.settings.accounts ?? [];
  const audited = creditAccounts(accounts);
  const before = await loadOpen(run);
  for (const account of audited) {
    await checkOwnAccount(bank, account);
    await requireBankNumbers(bank, account);
  }
  const sections = audited.map((a) => a.section);
  const s: CreditState = {
    run,
    open: { bookings: new Map(before.bookings), credits: new Map(before.credits) },
    until: await completeUntil(bank, sections, "credit", run.context),
  };
  const stages = [
    ...audited.flatMap(({ section }) => [
      bookedStage(s, "reserves_in", reserveCreditsOf(section), bookedKey(section)),
      bookedStage(s, "kycauths_in", kycCreditsOf(section), kycKey(section)),
    ]),
    elsewhereStage(s, reserveCreditsElsewhere(sections), `x:wire-credit:elsewhere`),
    elsewhereStage(s, kycCreditsElsewhere(sections), `x:wire-credit:kyc-elsewhere`),
  ];
  await run.plan(stages);
  const duplicates = await findDuplicates(run, sections);
  for (const stage of stages) await run.run(stage);
  await run.drain();
  reportDuplicates(s, duplicates);
  // an account that is audited from now on begins with its first row
  for (const section of sections) run.book.sweep(`WC-R4:${keyPart(section)}:`);
  await readBanks(s, bank, sections);
  await auditWads(s);
  settleOpen(s);
  saveOpen(run, before, s.open);
}

/** Bookings of one account: they wait for the bank's side. */
function bookedStage(
  s: CreditState,
  table: Booking["table"],
  source: Stage<BookedCreditRow, null>["source"],
  progressKey: string,
): Stage<BookedCreditRow, null> {
  return {
    rank: RANK.booked,
    source,
    progressKey,
    prepare: (rows) => rows.map(() => null),
    book: (r) => {
      if (table === "reserves_in") s.run.book.add("total_wire_in", r.row.credit);
      else s.run.addCounter(MONEY.identityIn, r.row.credit);
      checkTarget(s, r);
      const { section, reference, subject, sender, date, credit } = r.row;
      const booking: Booking = {
        table,
        serial: r.serial,
        section,
        reference,
        subject: subject.slice(),
        sender,
        date,
        credit,
      };
      const key = meetingKey(section, reference);
      // a second booking of one reference is reported as such (WC-1) and never matched
      if (!s.open.bookings.has(key)) s.open.bookings.set(key, booking);
    },
  };
}

/** WC-R8: the sender's account must be there, and must have the hash by which it is named. */
function checkTarget(s: CreditState, { serial, row }: StageRow<BookedCreditRow>): void {
  const good = row.sender !== undefined && equalBytes(hashPayto(row.sender), row.hSender);
  if (good) return;
  const text = row.sender === undefined ? "account of sender is missing" : "h-payto does not match payto URI";
  s.run.book.report({ stage: RANK.booked, serial }, rowInconsistency("WC-R8", "wire_targets", serial, text));
}

/** Credits booked on accounts that are not audited (WC-R4). */
function elsewhereStage(
  s: CreditState,
  source: Stage<BookedCreditRow, null>["source"],
  progressKey: string,
): Stage<BookedCreditRow, null> {
  return {
    rank: RANK.booked,
    source,
    progressKey,
    prepare: (rows) => rows.map(() => null),
    book: ({ serial, row }) => {
      s.run.book.settle(
        `WC-R4:${keyPart(row.section)}:${source.table}:${serial}`,
        { stage: RANK.booked, serial },
        rowInconsistency("WC-R4", source.table, serial, "booked on unknown bank account"),
        { total_bad_amount_in_minus: row.credit },
      );
    },
  };
}

/** Rows that name a bank transaction which another row names already. */
interface Duplicates {
  table: Booking["table"];
  section: string;
  serials: bigint[];
}

/** WC-1: rows that name a bank transaction which an earlier row names too. */
async function findDuplicates(run: PassRun, sections: string[]): Promise<Duplicates[]> {
  const found: Duplicates[] = [];
  const find = async (table: Booking["table"], section: string, select: string, parameters: bigint[]) => {
    const rows = await readRows(run.context.source, table, select, [section, ...parameters], () => ({}));
    found.push({ table, section, serials: rows.map((r) => r.serial) });
  };
  for (const section of sections) {
    const booked = run.rangeOf(bookedKey(section)), kyc = run.rangeOf(kycKey(section));
    await find("reserves_in", section, DUPLICATE_CREDITS, [booked.from, booked.until, kyc.from]);
    await find("kycauths_in", section, DUPLICATE_KYC_CREDITS, [kyc.from, kyc.until, booked.until]);
  }
  return found;
}

function reportDuplicates(s: CreditState, duplicates: readonly Duplicates[]): void {
  for (const { table, section, serials } of duplicates) {
    const wrong = new Set(serials);
    for (const serial of serials) {
      s.run.book.report(
        { stage: RANK.booked, serial },
        rowInconsistency("WC-1", table, serial, "duplicate wire offset"),
      );
    }
    for (const [key, b] of s.open.bookings) {
      if (b.section === section && b.table === table && wrong.has(b.serial)) s.open.bookings.delete(key);
    }
  }
}

/** Reads what is new at the bank, and what appeared late, and matches it. */
async function readBanks(s: CreditState, bank: BankHistory, sections: readonly string[]): Promise<void> {
  const scans = new Map<string, BankScan>();
  for (const section of sections) scans.set(section, await readBank(s, bank, section));
  const anomalies = await anomaliesOf(bank, "credit");
  for (const [section, scan] of scans) {
    const late = lateRows(s.run, anomalies, section, scan);
    for await (const credit of readOnly((after) => bank.credits(section, after), late)) takeCredit(s, credit);
    // bookings may have arrived for transactions that were already known
    const waiting = [...s.open.bookings.values()].filter((b) => b.section === section).map((b) => b.reference);
    matchAll(s, section, waiting);
  }
  auditAnomalies(s.run, anomalies, "credit");
}

/** Reads the bank's new transactions and matches them; the cursor always moves to the last one seen. */
async function readBank(s: CreditState, bank: BankHistory, section: string): Promise<BankScan> {
  const { run } = s;
  const started = run.pointOf(bankKey(section));
  const scan: BankScan = { last: started, rows: new Set() };
  for await (const page of bank.credits(section, started)) {
    for (const credit of page) {
      takeCredit(s, credit);
      scan.rows.add(credit.rowId);
      scan.last = credit.rowId;
    }
    matchAll(s, section, page.map((c) => c.rowId));
  }
  if (scan.last !== started) run.book.progress.set(bankKey(section), scan.last);
  return scan;
}

function takeCredit(s: CreditState, credit: BankCredit): void {
  s.open.credits.set(meetingKey(credit.account, credit.rowId), credit);
  if (credit.amount.currency === s.run.context.settings.currency) {
    s.run.addCounter(MONEY.bankIn, credit.amount.atoms);
  }
  s.run.rows++;
}

function matchAll(s: CreditState, section: string, references: bigint[]): void {
  for (const reference of references) {
    const key = meetingKey(section, reference);
    const booking = s.open.bookings.get(key), credit = s.open.credits.get(key);
    if (booking === undefined || credit === undefined) continue;
    s.open.bookings.delete(key);
    s.open.credits.delete(key);
    settleBooking(s, booking, false);
    settleCredit(s, credit, false);
    for (const { finding, effects } of compareCredit(booking, credit, s.run.context.settings.currency)) {
      s.run.book.report({ stage: RANK.bank, serial: booking.serial }, finding, effects);
    }
  }
}

/** WC-R3: transfers between exchanges have no reference; they meet by their identifier. */
async function auditWads(s: CreditState): Promise<void> {
  const rows = await readRows(s.run.context.source, "wads_in", WADS_IN, [], (r) => ({
    wad: encodeHex(r.bytes("wad_id", 24)),
    origin: r.textOrNull(),
    amount: r.amount("amount"),
    arrived: r.timestamp("arrival_time"),
  }));
  const booked = new Map(rows.flatMap((r) => "row" in r ? [[r.row.wad, { ...r.row, serial: r.serial }]] : []));
  for (const [key, credit] of s.open.credits) {
    if (credit.kind !== "WAD") continue;
    const row = booked.get(encodeHex(credit.subject));
    if (row === undefined) continue;
    s.open.credits.delete(key);
    settleCredit(s, credit, false);
    if (credit.amount.currency !== s.run.context.settings.currency) {
      const text = `bank transaction in currency ${credit.amount.currency}`;
      s.run.book.report(
        { stage: RANK.bank, serial: row.serial },
        rowInconsistency("WC-R7", "bank-credit", credit.rowId, text),
      );
    } else if (row.amount !== credit.amount.atoms || row.origin !== credit.originExchangeUrl) {
      s.run.book.report(
        { stage: RANK.bank, serial: row.serial },
        rowInconsistency("WC-R3", "wads_in", row.serial, "transfer between exchanges differs from the bank's"),
      );
    }
  }
}

/** Judges what is still open, once it is older than the grace period (WC-6, WC-R1). */
function settleOpen(s: CreditState): void {
  const { now, settings: { gracePeriod } } = s.run.context;
  const due = (date: bigint, until = now) => date + (gracePeriod ?? 0n) <= until;
  for (const b of s.open.bookings.values()) settleBooking(s, b, due(b.date, s.until.get(b.section)));
  for (const credit of s.open.credits.values()) settleCredit(s, credit, due(credit.date));
}

function settleBooking(s: CreditState, b: Booking, missing: boolean): void {
  const problem = {
    bankRow: b.serial, // the row of the exchange: there is none at the bank
    expected: b.credit,
    wired: 0n,
    subject: b.subject,
    date: b.date,
    account: b.section,
  };
  s.run.book.settle(
    `WC-6:${b.table}:${b.serial}`,
    { stage: RANK.open, serial: b.serial },
    missing ? incoming("WC-6", problem, "incoming wire transfer claimed by exchange not found") : undefined,
    { total_bad_amount_in_minus: b.credit },
  );
}

function settleCredit(s: CreditState, c: BankCredit, missing: boolean): void {
  const key = `WC-R1:${c.account}:${c.rowId}`;
  const place = { stage: RANK.open, serial: c.rowId };
  const row = BigInt.asIntN(64, c.rowId);
  if (c.amount.currency !== s.run.context.settings.currency) {
    const text = `bank transaction in currency ${c.amount.currency}`;
    s.run.book.settle(key, place, missing ? rowInconsistency("WC-R7", "bank-credit", row, text) : undefined);
    return;
  }
  const subject = new Uint8Array(32);
  subject.set(c.subject.subarray(0, 32));
  const wired = c.amount.atoms;
  const problem = { bankRow: row, expected: 0n, wired, subject, date: c.date, account: c.account };
  s.run.book.settle(
    key,
    place,
    missing ? incoming("WC-R1", problem, "incoming wire transfer not booked by exchange") : undefined,
    { total_bad_amount_in_plus: wired },
  );
}

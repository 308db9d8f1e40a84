// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The wire-credit pass: every incoming transfer that the exchange booked must be at the bank, and vice versa (wire
 * chapter 1). What is seen on one side only stays open until the other side has it; then its finding goes.
 */
import { equalBytes } from "../../../crypto/hash.ts";
import { hashPayto } from "../../../crypto/objects.ts";
import type { PageParameter } from "../../../db/page.ts";
import type { BookedCreditRow } from "../../../exchange/rows.ts";
import { readRows } from "../../../exchange/source.ts";
import {
  DUPLICATE_CREDITS,
  DUPLICATE_KYC_CREDITS,
  LATE_DUPLICATE_CREDITS,
  LATE_DUPLICATE_KYC_CREDITS,
} from "../../../exchange/v014/wire-bookings.ts";
import {
  kycCreditsElsewhere,
  kycCreditsOf,
  reserveCreditsElsewhere,
  reserveCreditsOf,
} from "../../../exchange/v014/wire.ts";
import {
  accountsWith,
  anomaliesOf,
  auditAnomalies,
  checkOwnAccount,
  completeUntil,
  keyPart,
  locallyNumbered,
  requireBank,
} from "../../bank-source.ts";
import { rowInconsistency } from "../../findings.ts";
import { MONEY } from "../../money.ts";
import type { AuditedAccount, PassRun, Stage, StageRow } from "../../pass.ts";
import { NewestBooking, noteSeen, skipSeen } from "../../wire-common.ts";
import type { Booking } from "./match.ts";
import { CreditFeed } from "./feed.ts";
import { loadOpen, saveOpen } from "./open.ts";
import { matchBySubject, matchOwnPayments, takeBooking } from "./pair.ts";
import { readReturned } from "./returned.ts";
import { settleOpen } from "./settle.ts";
import { type CreditState, RANK } from "./state.ts";
import { matchWads, wadStage } from "./wads.ts";

/** Balances of the wire-credit pass (wire chapter 0.4), and our own for identity transfers. */
const WIRE_CREDIT_BALANCES = [
  "total_wire_in",
  "total_bad_amount_in_plus",
  "total_bad_amount_in_minus",
  "total_misattribution_in",
] as const;

const bookedKey = (section: string) => `wire-${section}-reserve_in_serial_id`;
const bankKey = (section: string) => `wire-${section}-wire_off_in`;
const kycKey = (section: string) => `x:wire-credit:kyc:${section}`;

/** The wire-credit pass. */
export const wireCreditPass = {
  name: "wire-credit",
  balanceKeys: WIRE_CREDIT_BALANCES,
  progressKeys: (accounts: readonly AuditedAccount[]) =>
    accounts.filter((a) => a.credit || a.debit).flatMap(({ section }) => [bookedKey(section), bankKey(section)]),
  run: runWireCredit,
};

async function runWireCredit(run: PassRun): Promise<void> {
  const bank = requireBank(run.context);
  const accounts = run.context.settings.accounts ?? [];
  const audited = await accountsWith(bank, accounts, "credit");
  const before = await loadOpen(run);
  for (const account of audited) await checkOwnAccount(bank, account);
  const sections = audited.map((a) => a.section);
  const s: CreditState = {
    run,
    open: { bookings: new Map(before.bookings), credits: new Map(before.credits), wads: new Map(before.wads) },
    until: await completeUntil(bank, sections, "credit", run.context),
    local: await locallyNumbered(bank, sections),
    wrong: new Set(),
    wired: new Set(),
    newest: new NewestBooking(run),
  };
  const feeds = new Map(sections.map((section) => [section, new CreditFeed(s, bank, section, bankKey(section))]));
  const elsewhere = [
    elsewhereStage(s, reserveCreditsElsewhere(sections), `x:wire-credit:elsewhere`),
    elsewhereStage(s, kycCreditsElsewhere(sections), `x:wire-credit:kyc-elsewhere`),
  ];
  const stages = [
    ...audited.flatMap(({ section }) => [
      bookedStage(s, "reserves_in", reserveCreditsOf(section), bookedKey(section), feeds.get(section)!),
      bookedStage(s, "kycauths_in", kycCreditsOf(section), kycKey(section), feeds.get(section)!),
    ]),
    ...elsewhere,
  ];
  const wads = wadStage(s);
  for (const stage of elsewhere) skipSeen(run, stage);
  await run.plan([...stages, wads]);
  const duplicates = await findDuplicates(run, sections);
  for (const { table, serials } of duplicates) for (const serial of serials) s.wrong.add(`${table} ${serial}`);
  for (const stage of stages) await run.run(stage);
  await run.run(wads);
  for (const stage of elsewhere) await noteSeen(run, stage);
  await run.drain();
  reportDuplicates(s, duplicates);
  // an account that is audited from now on begins with its first row
  for (const section of sections) run.book.sweep(`WC-R4:${keyPart(section)}:`);
  for (const feed of feeds.values()) await feed.finish();
  await matchOwnPayments(s);
  for (const section of s.local) matchBySubject(s, section);
  auditAnomalies(run, await anomaliesOf(bank, "credit"), "credit");
  matchWads(s);
  settleOpen(s, await readReturned(s, bank));
  saveOpen(run, before, s.open);
}

/** Bookings of one account: they wait for the bank's side. */
function bookedStage(
  s: CreditState,
  table: Booking["table"],
  source: Stage<BookedCreditRow, null>["source"],
  progressKey: string,
  feed: CreditFeed,
): Stage<BookedCreditRow, null> {
  return {
    rank: RANK.booked,
    source,
    progressKey,
    // both sides go side by side, so that not all of either is held until the other is read
    prepare: async (rows) => {
      if (!s.local.has(feed.section)) {
        await feed.readUpTo(rows.reduce((most, { row }) => row.reference > most ? row.reference : most, 0n));
      }
      return rows.map(() => null);
    },
    book: (r) => {
      if (table === "reserves_in") s.run.book.add("total_wire_in", r.row.credit);
      else s.run.addCounter(MONEY.identityIn, r.row.credit);
      checkTarget(s, r);
      s.newest.see(r.row.date);
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
      // a second booking of one reference is reported as such (WC-1) and never matched
      if (!s.wrong.has(`${table} ${r.serial}`)) takeBooking(s, booking);
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
  serials: bigint[];
}

/** WC-1: rows that name a bank transaction which an earlier row names too. */
async function findDuplicates(run: PassRun, sections: string[]): Promise<Duplicates[]> {
  const found: Duplicates[] = [];
  const find = async (table: Booking["table"], select: string, parameters: PageParameter[]) => {
    const rows = await readRows(run.context.source, table, select, parameters, () => ({}));
    found.push({ table, serials: rows.map((r) => r.serial) });
  };
  for (const section of sections) {
    const booked = run.rangeOf(bookedKey(section)), kyc = run.rangeOf(kycKey(section));
    await find("reserves_in", DUPLICATE_CREDITS, [section, booked.from, booked.until, kyc.from]);
    await find("kycauths_in", DUPLICATE_KYC_CREDITS, [section, kyc.from, kyc.until, booked.until]);
    const late = run.lateOf(bookedKey(section)), lateKyc = run.lateOf(kycKey(section));
    if (late.length > 0) {
      await find("reserves_in", LATE_DUPLICATE_CREDITS, [section, late, booked.from, lateKyc, kyc.from]);
    }
    if (lateKyc.length > 0) {
      await find("kycauths_in", LATE_DUPLICATE_KYC_CREDITS, [section, lateKyc, kyc.from, late, booked.from]);
    }
  }
  return found;
}

function reportDuplicates(s: CreditState, duplicates: readonly Duplicates[]): void {
  for (const { table, serials } of duplicates) {
    for (const serial of serials) {
      const finding = rowInconsistency("WC-1", table, serial, "duplicate wire offset");
      s.run.book.report({ stage: RANK.booked, serial }, finding);
    }
  }
}

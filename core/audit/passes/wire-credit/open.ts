// SPDX-License-Identifier: AGPL-3.0-or-later
/** Incoming transfers that were seen on one side only, kept until the other side has them (wire chapter 1.5). */
import type { BankCredit } from "../../../bank/history.ts";
import { formatAmount, parseAmount } from "../../../taler/amount.ts";
import { timeFromDb, timeToDb } from "../../../taler/time.ts";
import { decodeHex, encodeHex } from "../../hex.ts";
import type { PassRun } from "../../pass.ts";
import type { Booking } from "./match.ts";

/** Everything open, by account section and bank row. */
export interface OpenCredits {
  bookings: Map<string, Booking>;
  credits: Map<string, BankCredit>;
  /** Transfers between exchanges that were booked, by their serial: they name neither account nor bank row. */
  wads: Map<bigint, BookedWad>;
}

/** A booked transfer between exchanges. */
export interface BookedWad {
  serial: bigint;
  /** In hexadecimal. */
  wad: string;
  origin: string | undefined;
  /** Atoms. */
  amount: bigint;
  arrived: bigint;
}

/** Under this name, where others have their account, booked transfers between exchanges are stored. */
const NO_ACCOUNT = "";

/** The key under which both sides of a transfer meet. */
export function meetingKey(section: string, reference: bigint): string {
  return `${section} ${reference}`;
}

/** Loads what earlier runs left open. */
export async function loadOpen(run: PassRun): Promise<OpenCredits> {
  const sql = run.context.auditor;
  const bookings = await sql`SELECT account, source, serial, reference, encode(subject, 'hex') AS subject, sender, date,
    credit::text AS credit FROM auditor.auditor_x_open_booking`;
  const credits =
    await sql`SELECT account, row_id, kind, encode(subject, 'hex') AS subject, origin, amount, sender, date
    FROM auditor.auditor_x_open_credit`;
  const isWad = (r: Record<string, unknown>) => r["account"] === NO_ACCOUNT && r["source"] === "wads_in";
  return {
    wads: new Map(
      bookings.filter(isWad).map((r) => [r["serial"] as bigint, {
        serial: r["serial"] as bigint,
        wad: r["subject"] as string,
        origin: (r["sender"] as string | null) ?? undefined,
        amount: BigInt(r["credit"] as string),
        arrived: timeFromDb(r["date"] as bigint),
      }]),
    ),
    bookings: new Map(
      bookings.filter((r) => !isWad(r)).map((r) => {
        const booking: Booking = {
          table: r["source"] as Booking["table"],
          serial: r["serial"] as bigint,
          section: r["account"] as string,
          reference: r["reference"] as bigint,
          subject: decodeHex(r["subject"] as string),
          sender: (r["sender"] as string | null) ?? undefined,
          date: timeFromDb(r["date"] as bigint),
          credit: BigInt(r["credit"] as string),
        };
        return [meetingKey(booking.section, booking.reference), booking];
      }),
    ),
    credits: new Map(credits.map((r) => {
      const credit: BankCredit = {
        account: r["account"] as string,
        rowId: r["row_id"] as bigint,
        kind: r["kind"] as BankCredit["kind"],
        subject: decodeHex(r["subject"] as string),
        originExchangeUrl: (r["origin"] as string | null) ?? undefined,
        amount: parseAmount(r["amount"] as string)!,
        debitAccount: r["sender"] as string,
        date: timeFromDb(r["date"] as bigint),
      };
      return [meetingKey(credit.account, credit.rowId), credit];
    })),
  };
}

function bookingKey(b: Booking): Record<string, string> {
  return { account: b.section, reference: b.reference.toString() };
}

function wadKey(w: BookedWad): Record<string, string> {
  return { account: NO_ACCOUNT, reference: w.serial.toString() };
}

/** Writes what is open now; only what changed. */
export function saveOpen(run: PassRun, before: OpenCredits, now: OpenCredits): void {
  const bookings = [...now.bookings].filter(([k]) => !before.bookings.has(k)).map(([, b]) => ({
    ...bookingKey(b),
    source: b.table,
    serial: b.serial.toString(),
    subject: "\\x" + encodeHex(b.subject),
    sender: b.sender ?? null,
    date: timeToDb(b.date).toString(),
    credit: b.credit.toString(),
  }));
  const wads = [...now.wads].filter(([k]) => !before.wads.has(k)).map(([, w]) => ({
    ...wadKey(w),
    source: "wads_in",
    serial: w.serial.toString(),
    subject: "\\x" + w.wad,
    sender: w.origin ?? null,
    date: timeToDb(w.arrived).toString(),
    credit: w.amount.toString(),
  }));
  run.writes.push({
    table: "auditor_x_open_booking",
    key: ["account", "reference"],
    upsert: [...bookings, ...wads],
    remove: [
      ...[...before.bookings].filter(([k]) => !now.bookings.has(k)).map(([, b]) => bookingKey(b)),
      ...[...before.wads].filter(([k]) => !now.wads.has(k)).map(([, w]) => wadKey(w)),
    ],
  });
  run.writes.push({
    table: "auditor_x_open_credit",
    key: ["account", "row_id"],
    upsert: [...now.credits].filter(([k]) => !before.credits.has(k)).map(([, b]) => ({
      account: b.account,
      row_id: b.rowId.toString(),
      kind: b.kind,
      subject: "\\x" + encodeHex(b.subject),
      origin: b.originExchangeUrl ?? null,
      amount: formatAmount(b.amount.currency, b.amount.atoms),
      sender: b.debitAccount,
      date: timeToDb(b.date).toString(),
    })),
    remove: [...before.credits].filter(([k]) => !now.credits.has(k)).map(([, b]) => ({
      account: b.account,
      row_id: b.rowId.toString(),
    })),
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Names, accounts and days of wire scenes. */
import type { AuditedAccount } from "../../core/audit/pass.ts";
import type { BankCredit } from "../../core/bank/history.ts";
import { FRACTION_BASE } from "../../core/taler/amount.ts";
import { DAY, NEVER } from "../../core/taler/time.ts";
import { atoms, type Phrase } from "./scenario.ts";

const HOST = "payto://x-test/host/";
const OWN = `${HOST}exchange`;
/** The exchange that transfers between exchanges come from. */
export const ORIGIN = "https://partner.example/";

/** The account of a name as the exchange writes it. */
export const accountOf = (name: string) => `${HOST}${name}`;
/** The same as the bank writes it: only the normal forms are equal. */
export const bankAccountOf = (name: string) => `${HOST}${name}?receiver-name=${name}`;
/** The section of an account of the exchange. */
export const sectionOf = (name: string | undefined) => `exchange-account-${name ?? "1"}`;
/** The account of the exchange that a section is about. */
export const ownOf = (section: string) => section === sectionOf("1") ? OWN : `${OWN}${section.replace(/.*-/, "")}`;
/** An account of the exchange as the audit knows it. */
export const audited = (name: string): AuditedAccount => ({
  section: sectionOf(name),
  paytoUri: ownOf(sectionOf(name)),
  credit: true,
  debit: true,
});

/** The day that an event names, µs. */
export const atDay = (p: Phrase, option: string, usual: bigint) => {
  const text = p.option(option);
  if (text === "never") return NEVER;
  return text === undefined ? usual : atoms(text) * DAY / FRACTION_BASE;
};

/** Tables whose rows get new serial numbers, with the column. */
export const SERIALS: Readonly<Record<string, readonly [string, string]>> = {
  transfers: ["wire_out", "wireout_uuid"],
  orders: ["profit_drains", "profit_drain_serial_id"],
  closures: ["reserves_close", "close_uuid"],
};

/** An incoming transfer, on whichever side. */
export interface Incoming {
  reference: bigint;
  sender: string;
  section: string;
  date: bigint;
  kind: BankCredit["kind"];
  currency: string;
  origin: string | undefined;
  name: string;
  amount: bigint;
}

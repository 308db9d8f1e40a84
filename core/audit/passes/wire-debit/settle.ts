// SPDX-License-Identifier: AGPL-3.0-or-later
/** Matching of both sides, and the verdict on what has no other side (WD-1, WD-2, WD-9, WD-13, WD-14, WD-R1 … WD-R8). */
import { readRows } from "../../../exchange/source.ts";
import { CLOSED_RESERVES } from "../../../exchange/v014/wire.ts";
import { encodeBase32 } from "../../../taler/base32.ts";
import { DAY } from "../../../taler/time.ts";
import { rowInconsistency, wireOut } from "../../findings.ts";
import { closureLag, minorRow, wireFormat } from "../../findings-wire.ts";
import { decodeHex, encodeHex } from "../../hex.ts";
import { STATEMENT_DATES } from "../../bank-source.ts";
import { isDue } from "../../wire-common.ts";
import {
  compareAggregate,
  compareClosure,
  compareDrain,
  isExactDrain,
  type Judgement,
  type OwedTransfer,
  paysClosure,
} from "./match.ts";
import { type Debit, debitKey, firstRows, justifications, owedKey } from "./open.ts";
import { type DebitState, RANK } from "./state.ts";
import { auditStuck } from "./stuck.ts";

/** Finds a justification for every open transaction, oldest first. */
export async function matchDebits(s: DebitState): Promise<void> {
  const owed = new Map<string, OwedTransfer[]>();
  for (const t of s.open.owed.values()) owed.set(t.wtid, [...(owed.get(t.wtid) ?? []), t]);
  for (const group of owed.values()) group.sort((a, b) => a.serial < b.serial ? -1 : 1);
  const paid = await paidTransfers(s, new Set([...owed.keys(), ...s.drains.keys()]));
  for (const wtid of new Set([...owed.keys(), ...paid.keys()])) {
    reportSharedSubject(s, wtid, [...owed.get(wtid) ?? [], ...paid.get(wtid) ?? []]);
  }
  const debits = [...s.open.debits.values()].filter((d) => d.justification === undefined)
    .sort((a, b) => a.bank.rowId < b.bank.rowId ? -1 : 1);
  for (const debit of debits) justify(s, debit, owed.get(debit.wtid) ?? []);
}

/** A transfer whose subject matters to others, paid or not. */
type Subject = Pick<OwedTransfer, "source" | "serial" | "reservePub">;

/** Transfers with these subjects that earlier runs saw paid; drains are left out. */
async function paidTransfers(s: DebitState, wtids: ReadonlySet<string>): Promise<Map<string, Subject[]>> {
  const paid = await justifications(s.run, [...wtids]);
  const closures = paid.flatMap((p) => p.source === "reserves_close" ? [p.serial] : []);
  const reserves = new Map(
    (await readRows(s.run.context.source, "reserves_close", CLOSED_RESERVES, [closures], (r) => r.blob("reserve_pub")))
      .flatMap((r) => "row" in r ? [[r.serial, encodeHex(r.row)]] : []),
  );
  const found = new Map<string, Subject[]>();
  for (const { wtid, source, serial } of paid) {
    if (source === "profit_drains") continue;
    const reservePub = source === "reserves_close" ? reserves.get(serial) ?? source : undefined;
    found.set(wtid, [...found.get(wtid) ?? [], { source, serial, reservePub }]);
  }
  return found;
}

/**
 * WD-R1: one subject for different transfers. Closures of the same reserve share theirs, and nothing else does: the
 * same transfer under another number would be paid twice.
 */
function reportSharedSubject(s: DebitState, wtid: string, group: Subject[]): void {
  const kinds = new Set(group.map((t) => t.reservePub ?? owedKey(t)));
  if (s.drains.has(wtid)) kinds.add("profit_drains");
  if (kinds.size < 2) return;
  for (const t of group) {
    s.run.book.settle(
      `WD-R1:${owedKey(t)}`,
      { stage: RANK.booked, serial: t.serial },
      rowInconsistency("WD-R1", t.source, t.serial, "wire transfer subject is used for different transfers"),
    );
  }
}

function justify(s: DebitState, debit: Debit, candidates: OwedTransfer[]): void {
  const { bank } = debit;
  const { currency, exchangeBaseUrl } = s.run.context.settings;
  if (s.fresh.has(debitKey(bank.account, bank.rowId)) && bank.exchangeBaseUrl !== exchangeBaseUrl) {
    const text = `transfer names exchange ${bank.exchangeBaseUrl}`;
    const row = BigInt.asIntN(64, bank.rowId);
    s.run.book.report({ stage: RANK.bank, serial: bank.rowId }, minorRow("WD-R8", "bank-debit", row, text));
  }
  if (bank.amount.currency !== currency) return;
  const open = candidates.filter((t) => s.open.owed.has(owedKey(t)));
  const tolerance = s.local.has(bank.account) ? STATEMENT_DATES : undefined;
  const aggregate = open.find((t) => t.source === "wire_out" && t.account === bank.account);
  if (aggregate !== undefined) return pair(s, debit, aggregate, compareAggregate(aggregate, bank, tolerance));
  const closure = open.find((t) => t.source === "reserves_close" && paysClosure(t, bank));
  if (closure !== undefined) return pair(s, debit, closure, compareClosure(closure, bank, tolerance));
  const drain = s.drains.get(debit.wtid);
  if (drain === undefined || !drain.signed || drain.used) return;
  drain.used = true;
  debit.justification = `profit_drains:${drain.row.serial}`;
  if (isExactDrain(drain.row, bank)) s.run.book.add("total_drained", bank.amount.atoms);
  report(s, bank.rowId, compareDrain(drain.row, bank));
  settleDebit(s, debit, undefined);
}

function pair(s: DebitState, debit: Debit, owed: OwedTransfer, judgement: Judgement): void {
  debit.justification = owedKey(owed);
  s.open.owed.delete(owedKey(owed));
  report(s, owed.serial, judgement);
  settleDebit(s, debit, undefined);
  settleOwed(s, owed, false);
}

function report(s: DebitState, serial: bigint, judgement: Judgement): void {
  for (const { finding, effects } of judgement) {
    s.run.book.report({ stage: RANK.bank, serial }, finding, effects);
  }
}

/**
 * Judges everything that has no other side and is older than the grace period.
 * @param returned transactions (debitKey) whose money came back
 */
export async function settleOpen(s: DebitState, returned: ReadonlySet<string>): Promise<void> {
  const { now } = s.run.context;
  const due = (date: bigint, until?: bigint) => isDue(date, s.run.context, until);
  // a closed reserve may be paid from any account: it is missing when all of them have been read
  const everywhere = [...s.until.values()].reduce((a, b) => a < b ? a : b, now);
  for (const owed of s.open.owed.values()) {
    const until = owed.account === undefined ? everywhere : s.until.get(owed.account);
    settleOwed(s, owed, due(owed.date, until));
  }
  const open = [...s.open.debits.values()].filter((d) => d.justification === undefined);
  const first = await firstRows(s.run, [...new Set(open.map((d) => d.wtid))]);
  for (const d of s.open.debits.values()) {
    const key = `${d.bank.account} ${d.wtid}`;
    const known = first.get(key);
    if (known === undefined || d.bank.rowId < known) first.set(key, d.bank.rowId);
  }
  const lacking: bigint[] = [];
  for (const debit of open) {
    const back = returned.has(debitKey(debit.bank.account, debit.bank.rowId));
    const lacks = due(debit.bank.date) && !back;
    settleDebit(s, debit, lacks ? first : undefined);
    if (lacks && first.get(`${debit.bank.account} ${debit.wtid}`) === debit.bank.rowId) lacking.push(debit.bank.date);
  }
  s.newest.finish(lacking, "outgoing");
  settleDrains(s);
  await auditStuck(s);
}

/** WD-2, WD-14: an owed transfer that the bank does not show. */
function settleOwed(s: DebitState, t: OwedTransfer, missing: boolean): void {
  const place = { stage: RANK.open, serial: t.serial };
  const wtid = decodeHex(t.wtid);
  if (t.source === "wire_out") {
    const text = `expected outgoing wire transfer ${encodeBase32(wtid)} missing`;
    s.run.book.settle(
      `WD-2:${t.serial}`,
      place,
      missing ? wireOut("WD-2", t.receiver, t.serial, t.amount, 0n, text) : undefined,
      { total_bad_amount_out_minus: t.amount },
    );
    return;
  }
  s.run.book.settle(
    `WD-14:${t.serial}`,
    place,
    missing ? closureLag("WD-14", t.serial, t.amount, t.date, wtid, t.receiver) : undefined,
    { total_closure_amount_lag: t.amount },
  );
}

/**
 * WD-1, WD-9, WD-13, WD-R3: a transaction that nothing justifies.
 * @param first the first transaction of each subject; undefined when the transaction is justified, or too young
 */
function settleDebit(s: DebitState, { bank, wtid }: Debit, first: Map<string, bigint> | undefined): void {
  const id = `${bank.account}:${bank.rowId}`;
  const place = { stage: RANK.open, serial: bank.rowId };
  const row = BigInt.asIntN(64, bank.rowId);
  const drain = s.drains.get(wtid);
  const forged = first !== undefined && drain !== undefined && !drain.signed;
  s.run.book.settle(
    `WD-9:${id}`,
    place,
    forged ? rowInconsistency("WD-9", "profit_drains", row, "invalid signature") : undefined,
  );
  const sameCurrency = bank.amount.currency === s.run.context.settings.currency;
  const again = first !== undefined && sameCurrency && drain?.signed === true && drain.used;
  s.run.book.settle(
    `WD-R3:again:${id}`,
    place,
    again
      ? wireOut("WD-R3", bank.creditAccount, row, 0n, bank.amount.atoms, "profit drain was wired more than once")
      : undefined,
  );
  const key = `WD-13:${id}`;
  if (first === undefined) return s.run.book.settle(key, place, undefined);
  if (!sameCurrency) {
    const text = `bank transaction in currency ${bank.amount.currency}`;
    return s.run.book.settle(key, place, rowInconsistency("WD-R9", "bank-debit", row, text));
  }
  const amount = bank.amount.atoms;
  if (first.get(`${bank.account} ${wtid}`)! < bank.rowId) {
    const text = "duplicate outgoing wire transfer subject";
    return s.run.book.settle(key, place, wireFormat("WD-1", row, amount, text), {
      wire_debit_duplicate_transfer_subject_total: amount,
    });
  }
  const text = "missing justification for outgoing wire transfer";
  s.run.book.settle(key, place, wireOut("WD-13", bank.creditAccount, row, 0n, amount, text), {
    total_bad_amount_out_plus: amount,
  });
}

/** WD-R3: signed orders whose money never moved. */
function settleDrains(s: DebitState): void {
  const { now, settings: { gracePeriod } } = s.run.context;
  for (const { row, used, signed } of s.drains.values()) {
    const until = s.until.get(row.section) ?? now;
    const overdue = row.date + (row.executed ? gracePeriod ?? 0n : DAY) <= until;
    s.run.book.settle(
      `WD-R3:${row.serial}`,
      { stage: RANK.open, serial: row.serial },
      signed && !used && overdue
        ? wireOut("WD-R3", row.payto, row.serial, row.amount, 0n, "profit drain was not carried out")
        : undefined,
    );
  }
  s.run.book.sweep("WD-R3:");
}

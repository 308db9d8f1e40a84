// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The wire-debit pass: every outgoing transfer at the bank must be justified by an aggregation, a closed reserve or a
 * signed profit drain, and every justified transfer must be made (wire chapter 2).
 */
import type { BankDebit, BankHistory } from "../../../bank/history.ts";
import { buildBlock } from "../../../crypto/blocks.ts";
import { hashPayto, hashText } from "../../../crypto/objects.ts";
import { equalBytes } from "../../../crypto/hash.ts";
import type { ReserveClosureRow, WireOutRow } from "../../../exchange/rows.ts";
import { readRows } from "../../../exchange/source.ts";
import { CLOSURES, decodeDrain, PROFIT_DRAINS, wireOutsElsewhere, wireOutsOf } from "../../../exchange/v014/wire.ts";
import {
  accountsWith,
  anomaliesOf,
  auditAnomalies,
  checkOwnAccount,
  completeUntil,
  keyPart,
  locallyNumbered,
  newPages,
  requireBank,
} from "../../bank-source.ts";
import { rowInconsistency } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import { MONEY } from "../../money.ts";
import type { AuditedAccount, PassRun, Stage } from "../../pass.ts";
import { TaskWriter } from "../../tasks.ts";
import { NewestBooking, noteSeen, skipSeen } from "../../wire-common.ts";
import { type Debit, debitKey, loadOpen, owedKey, saveOpen, usedDrains } from "./open.ts";
import { readOthers, settleOthers } from "./others.ts";
import { matchDebits, settleOpen } from "./settle.ts";
import { type DebitState, type Drain, RANK } from "./state.ts";

/** Balances of the wire-debit pass (wire chapter 0.4). */
const WIRE_DEBIT_BALANCES = [
  "total_drained",
  "total_wire_out",
  "total_bad_amount_out_plus",
  "total_bad_amount_out_minus",
  "total_closure_amount_lag",
  "wire_debit_duplicate_transfer_subject_total",
] as const;

const bookedKey = (section: string) => `wire-${section}-wire_out_serial_id`;
const bankKey = (section: string) => `wire-${section}-wire_off_out`;
const CLOSE_KEY = "wire_reserve_close_id";

/** The wire-debit pass. */
export const wireDebitPass = {
  name: "wire-debit",
  balanceKeys: WIRE_DEBIT_BALANCES,
  progressKeys: (accounts: readonly AuditedAccount[]) => [
    ...accounts.filter((a) => a.debit || a.credit).flatMap(({ section }) => [bookedKey(section), bankKey(section)]),
    CLOSE_KEY,
  ],
  run: runWireDebit,
};

async function runWireDebit(run: PassRun): Promise<void> {
  const bank = requireBank(run.context);
  const audited = await accountsWith(bank, run.context.settings.accounts ?? [], "debit");
  const open = await loadOpen(run);
  const before = new Set(open.owed.keys());
  for (const account of audited) await checkOwnAccount(bank, account);
  const sections = audited.map((a) => a.section);
  const until = await completeUntil(bank, sections, "debit", run.context);
  const local = await locallyNumbered(bank, sections);
  const newest = new NewestBooking(run);
  const drains = await loadDrains(run), portion = run.context.portionRows;
  const s: DebitState = { run, open, drains, until, local, newest, portion, fresh: new Set() };
  const closures = closuresStage(s);
  const wireOuts = sections.map((section) => wireOutStage(s, section));
  const elsewhere = elsewhereStage(s, sections);
  skipSeen(run, elsewhere);
  await run.plan([closures, ...wireOuts, elsewhere]);
  await run.run(closures);
  for (const stage of wireOuts) await run.run(stage);
  await run.run(elsewhere);
  await noteSeen(run, elsewhere);
  await run.drain();
  for (const section of sections) run.book.sweep(`WD-R2:${keyPart(section)}:`);
  await readBanks(s, bank, sections);
  await matchDebits(s);
  // what has no other side yet may have it in the next portion
  if (run.more) {
    newest.store();
    return saveOpen(run, before, s.open, s.fresh);
  }
  const others = await readOthers(s, bank, sections);
  await settleOpen(s, others.returned);
  settleOthers(s, others);
  saveOpen(run, before, s.open, s.fresh);
}

/** All orders to move profit, with the verdict on their signatures. */
async function loadDrains(run: PassRun): Promise<Map<string, Drain>> {
  const { source, pool, settings: { currency, masterPub } } = run.context;
  const rows = (await readRows(source, "profit_drains", PROFIT_DRAINS, [], decodeDrain))
    .flatMap((r) => "row" in r ? [r.row] : []);
  const tasks = new TaskWriter();
  const written = rows.map((d) =>
    tasks.ed25519(
      masterPub,
      d.masterSig,
      buildBlock("masterDrainProfit", currency, {
        wtid: d.wtid,
        date: d.date,
        amount: d.amount,
        hAccountSection: hashText(d.section),
        hPayto: hashPayto(d.payto),
      }),
    )
  );
  const verdicts = await pool.run(tasks);
  const used = await usedDrains(run);
  return new Map(
    rows.map((row, i) => {
      const wtid = encodeHex(row.wtid);
      return [wtid, { row, signed: verdicts[written[i]!] === 1, used: used.has(wtid) }];
    }),
  );
}

/** Closed reserves: the money that remained, without the fee, is owed (WD-6, WD-R4). */
function closuresStage(s: DebitState): Stage<ReserveClosureRow, null> {
  return {
    rank: RANK.booked,
    source: CLOSURES,
    progressKey: CLOSE_KEY,
    most: s.portion,
    prepare: (rows) => rows.map(() => null),
    book: ({ serial, row }) => {
      const place = { stage: RANK.booked, serial };
      if (!equalBytes(row.wtid, row.reservePub)) {
        const text = "wire transfer subject is not the reserve's public key";
        s.run.book.report(place, rowInconsistency("WD-R4", "reserves_close", serial, text));
      }
      if (row.closingFee > row.amount) {
        const text = "closing fee above reserve balance (and closed anyway)";
        s.run.book.report(place, rowInconsistency("WD-6", "reserves_closures", serial, text));
        return;
      }
      const amount = row.amount - row.closingFee;
      if (amount === 0n) return;
      const owed = {
        source: "reserves_close" as const,
        serial,
        account: undefined,
        wtid: encodeHex(row.wtid),
        receiver: row.payto,
        amount,
        date: row.date,
        reservePub: encodeHex(row.reservePub),
      };
      s.open.owed.set(owedKey(owed), owed);
    },
  };
}

/** Aggregate transfers of one account. */
function wireOutStage(s: DebitState, section: string): Stage<WireOutRow, null> {
  return {
    rank: RANK.booked,
    source: wireOutsOf(section),
    progressKey: bookedKey(section),
    most: s.portion,
    prepare: (rows) => rows.map(() => null),
    book: ({ serial, row }) => {
      s.run.book.add("total_wire_out", row.amount);
      s.newest.see(row.executionDate);
      const owed = {
        source: "wire_out" as const,
        serial,
        account: section,
        wtid: encodeHex(row.wtid),
        receiver: row.payto,
        amount: row.amount,
        date: row.executionDate,
        reservePub: undefined,
      };
      s.open.owed.set(owedKey(owed), owed);
    },
  };
}

/** Aggregate transfers of accounts that are not audited (WD-R2). */
function elsewhereStage(s: DebitState, sections: string[]): Stage<WireOutRow, null> {
  return {
    rank: RANK.booked,
    source: wireOutsElsewhere(sections),
    progressKey: "x:wire-debit:elsewhere",
    prepare: (rows) => rows.map(() => null),
    book: ({ serial, row }) => {
      s.run.book.settle(
        `WD-R2:${keyPart(row.section)}:${serial}`,
        { stage: RANK.booked, serial },
        rowInconsistency("WD-R2", "wire_out", serial, "booked on unknown bank account"),
        { total_bad_amount_out_minus: row.amount },
      );
    },
  };
}

/** Reads what is new at the bank, or a portion of it, and what appeared late. */
async function readBanks(s: DebitState, bank: BankHistory, sections: readonly string[]): Promise<void> {
  for (const section of sections) {
    if (s.fresh.size < s.portion) await readBank(s, bank, section);
    else s.run.more = true;
  }
  auditAnomalies(s.run, await anomaliesOf(bank, "debit"), "debit");
}

/** The stored cursor is the last row plus one (wire chapter 0.4). */
async function readBank(s: DebitState, bank: BankHistory, section: string): Promise<void> {
  const { run } = s;
  const point = run.pointOf(bankKey(section));
  const place = { section, direction: "debit" as const, row: point > 0n ? point - 1n : 0n };
  const pages = newPages(run, bank, place, (after, arrived) => bank.debits(section, after, arrived));
  let last = place.row;
  for (;;) {
    const page = await pages.next();
    if (page.done === true) {
      last = page.value;
      break;
    }
    for (const debit of page.value) takeDebit(s, debit);
    last = page.value.at(-1)?.rowId ?? last;
    // not among the late rows, which count as read together
    if (s.fresh.size < s.portion || last <= place.row) continue;
    run.more = true;
    await pages.return(last);
    break;
  }
  if (last > 0n && last + 1n > point) run.book.progress.set(bankKey(section), last + 1n);
}

function takeDebit(s: DebitState, debit: BankDebit): void {
  const key = debitKey(debit.account, debit.rowId);
  const entry: Debit = { bank: debit, wtid: encodeHex(debit.wtid), justification: undefined };
  s.open.debits.set(key, entry);
  s.fresh.add(key);
  if (debit.amount.currency === s.run.context.settings.currency) {
    s.run.addCounter(MONEY.bankOut, debit.amount.atoms);
  }
  s.run.rows++;
}

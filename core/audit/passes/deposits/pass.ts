// SPDX-License-Identifier: AGPL-3.0-or-later
/** The deposits pass: what the exchange confirmed to merchants must be in its database (deposits chapter 4). */
import { buildBlock } from "../../../crypto/blocks.ts";
import { sha512 } from "../../../crypto/hash.ts";
import { sumAmounts } from "../../../taler/amount.ts";
import { timeToDb } from "../../../taler/time.ts";
import { badSignature, rowInconsistency } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import type { PassRun } from "../../pass.ts";
import type { StateWrite } from "../../store.ts";
import { TaskWriter } from "../../tasks.ts";
import { depositsVanished, judgePage, newestDeposit } from "./evidence.ts";
import { type Clocks, judgeAbsence, type Outcome } from "./judge.ts";
import { auditSigningKeys, isGenuine, loadSigningKeys, type SigningKeys } from "./keys.ts";
import { DEPOSITS_BALANCES, DEPOSITS_PROGRESS, settle, SWEPT } from "./state.ts";
import {
  confirmationColumns,
  hasArchive,
  identity,
  knownIdentities,
  type OpenState,
  orphanedStates,
  readArchived,
  type ReadConfirmation,
  readOpen,
  stateText,
  type StoredConfirmation,
} from "./store.ts";

/** The deposits pass. */
export const depositsPass = {
  name: "deposits",
  balanceKeys: DEPOSITS_BALANCES,
  progressKeys: DEPOSITS_PROGRESS,
  run: runDeposits,
};

/**
 * Confirmations that one run moves to the archive at most; they wait in memory for the commit. Those beyond are judged
 * all the same and moved by the next runs.
 */
const MAX_MOVES = 50_000;

/** The state of one run. */
interface DepositsState {
  run: PassRun;
  keys: SigningKeys;
  clocks: Clocks;
  /** Atoms. */
  missed: bigint;
  lastRow: bigint;
  /** Signing keys (hexadecimal) of confirmations that stay open. */
  used: Set<string>;
  /** Identities that this run archived. */
  archived: Set<string>;
  moves: number;
  states: StateWrite;
  archive: StateWrite;
  /** Removes what is archived, marks what is ancient. */
  open: StateWrite;
  /** Brings archived ones back. */
  restored: StateWrite;
}

async function runDeposits(run: PassRun): Promise<void> {
  const { auditor, pageRows, now, settings } = run.context;
  const s: DepositsState = {
    run,
    keys: await loadSigningKeys(run),
    clocks: { now, newest: await newestDeposit(run), gracePeriod: settings.gracePeriod ?? 0n },
    missed: 0n,
    lastRow: run.points.get("deposit_confirmation_serial_id") ?? 0n,
    used: new Set(),
    archived: new Set(),
    moves: 0,
    states: { table: "auditor_x_confirmation", key: ["row_id"], upsert: [], remove: [] },
    archive: { table: "auditor_x_confirmation_archive", key: ["row_id"], upsert: [], remove: [] },
    open: { table: "auditor_deposit_confirmations", key: ["row_id"], upsert: [], remove: [] },
    restored: { table: "auditor_deposit_confirmations", key: PRIMARY_KEY, upsert: [], remove: [] },
  };
  const filled = await hasArchive(auditor);
  const vanished = filled && await depositsVanished(run);
  for (let after = -1n;;) {
    const page = await readOpen(auditor, after, pageRows);
    if (page.length === 0) break;
    await auditPage(s, page, false);
    after = page.at(-1)!.row;
  }
  if (!filled && s.archived.size > 0) await depositsVanished(run);
  for (let after = -1n; vanished;) {
    const page = await readArchived(auditor, after, pageRows, now);
    if (page.length === 0) break;
    await auditPage(s, page, true);
    after = page.at(-1)!.row;
  }
  finishRun(s, await orphanedStates(auditor));
}

const PRIMARY_KEY = ["h_contract_terms", "h_wire", "merchant_pub", "exchange_sig", "exchange_pub", "master_sig"];

function finishRun(s: DepositsState, orphans: bigint[]): void {
  const { run } = s;
  auditSigningKeys(run, s.keys, s.used);
  for (const prefix of SWEPT) run.book.sweep(prefix);
  run.book.setTotal("total_missed_deposit_confirmations", s.missed);
  if (s.lastRow !== (run.points.get("deposit_confirmation_serial_id") ?? 0n)) {
    run.book.progress.set("deposit_confirmation_serial_id", s.lastRow);
  }
  s.states.remove.push(...orphans.map((row) => ({ row_id: row.toString() })));
  run.writes.push(s.states, s.archive, s.open, s.restored);
}

/** Judges a page of confirmations, open or archived ones. */
async function auditPage(s: DepositsState, page: ReadConfirmation[], fromArchive: boolean): Promise<void> {
  const { run } = s;
  const readable = page.flatMap((r) => "confirmation" in r ? [r.confirmation] : []);
  const genuine = await verify(s, readable);
  const outcomes = await judgePage(run, readable);
  const table = fromArchive ? "auditor_deposit_confirmations" : "auditor_x_confirmation_archive";
  const known = await knownIdentities(run.context.auditor, table, readable);
  for (const r of page) if ("problem" in r) reportUnreadable(s, r.row, r.problem, r.before);
  readable.forEach((c, i) => {
    const outcome = outcomes[i]!;
    const kept = outcome.found && genuine[i] === true;
    if (fromArchive) {
      // unless it was handed in again and is open already
      if (!kept && !known.has(identity(c))) restore(s, c, keepOpen(s, c, outcome, genuine[i] === true));
    } else if (kept) archive(s, c, outcome.legalUntil, known);
    else if (keepOpen(s, c, outcome, genuine[i] === true)) markAncient(s, c);
    if (c.row > s.lastRow) s.lastRow = c.row;
  });
  run.rows += BigInt(page.length);
  run.context.progress?.({ pass: run.pass, stage: "deposit_confirmations", done: run.rows, total: run.rows });
}

/** DC-R2: whether the exchange signed each confirmation, with a key that the master key stands behind. */
async function verify(s: DepositsState, confirmations: StoredConfirmation[]): Promise<boolean[]> {
  const { pool, settings: { currency } } = s.run.context;
  const tasks = new TaskWriter();
  const written = confirmations.map((c) => {
    if (!isGenuine(s.keys.get(encodeHex(c.exchangePub)))) return undefined;
    const message = buildBlock("exchangeConfirmDeposit", currency, {
      hContractTerms: c.hContractTerms,
      hWire: c.hWire,
      hPolicy: c.hPolicy,
      exchangeTimestamp: c.exchangeTimestamp,
      wireDeadline: c.wireDeadline,
      refundDeadline: c.refundDeadline,
      totalWithoutFee: c.totalWithoutFee,
      hCoinSigs: sha512(...c.coinSigs),
      merchantPub: c.merchantPub,
    });
    return tasks.ed25519(c.exchangePub, c.exchangeSig, message);
  });
  const verdicts = tasks.count === 0 ? [] : await pool.run(tasks);
  return written.map((task) => task !== undefined && verdicts[task] === 1);
}

function setState(s: DepositsState, row: bigint, before: string | undefined, state: OpenState): void {
  if (before === stateText(state)) return;
  const { check, diagnostic } = state;
  s.states.upsert.push({ row_id: row.toString(), check_id: check, state: state.state, diagnostic });
}

const place = (row: bigint) => ({ stage: 1, serial: row });

function reportUnreadable(s: DepositsState, row: bigint, problem: string, before: string | undefined): void {
  const text = `row cannot be read: ${problem}`;
  settle(s.run, `D-17:${row}`, place(row), rowInconsistency("D-17", "deposit_confirmations", row, text));
  setState(s, row, before, { check: "D-17", state: "invalid", diagnostic: text });
}

/**
 * DC-1, DC-R1, DC-R2: the confirmation stays. What nobody signed is no promise of the exchange and does not count.
 * @returns whether its absence is proven
 */
function keepOpen(s: DepositsState, c: StoredConfirmation, outcome: Outcome, genuine: boolean): boolean {
  const name = encodeHex(c.exchangePub);
  s.used.add(name);
  if (!genuine) {
    const why = isGenuine(s.keys.get(name)) ? "signature of the exchange is not valid" : "signing key is not known";
    const finding = badSignature("DC-R2", "deposit-confirmation", c.row, c.totalWithoutFee, c.exchangePub);
    settle(s.run, `DC-R2:${c.row}`, place(c.row), finding);
    setState(s, c.row, c.before, { check: "DC-R2", state: "invalid", diagnostic: why });
    return false;
  }
  if (outcome.found) return false;
  const absence = judgeAbsence(c.exchangeTimestamp, s.clocks);
  const state = absence === "pending" ? "pending" : "missed";
  if (state === "missed") {
    s.missed = sumAmounts("total_missed_deposit_confirmations", s.missed, c.totalWithoutFee);
  }
  setState(s, c.row, c.before, { check: outcome.check, state, diagnostic: outcome.diagnostic });
  return absence === "proven";
}

/** From now on the confirmation is proof of misbehaviour (BUG-4.4). */
function markAncient(s: DepositsState, c: StoredConfirmation): void {
  // without `suppressed`, which somebody may be changing
  if (!c.ancient) s.open.upsert.push({ ...confirmationColumns(c), ancient: true });
}

/** DC-2: the deposits are there; the confirmation moves to the archive. */
function archive(s: DepositsState, c: StoredConfirmation, legalUntil: bigint, known: ReadonlySet<string>): void {
  if (s.moves >= MAX_MOVES) {
    if (c.before !== undefined) s.states.remove.push({ row_id: c.row.toString() });
    return;
  }
  s.moves++;
  s.open.remove.push({ row_id: c.row.toString() });
  if (c.before !== undefined) s.states.remove.push({ row_id: c.row.toString() });
  const id = identity(c);
  // a confirmation that was handed in twice: the first one is kept
  if (known.has(id) || s.archived.has(id)) return;
  s.archived.add(id);
  s.archive.upsert.push({
    ...confirmationColumns(c),
    suppressed: c.suppressed,
    ancient: c.ancient,
    legal_until: timeToDb(legalUntil).toString(),
  });
}

/** The deposits of an archived confirmation are gone: it is open again (BUG-4.6). */
function restore(s: DepositsState, c: StoredConfirmation, proven: boolean): void {
  s.archive.remove.push({ row_id: c.row.toString() });
  s.restored.upsert.push({
    ...confirmationColumns(c),
    suppressed: c.suppressed,
    ancient: c.ancient || proven,
  });
}

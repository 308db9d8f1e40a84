// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the passes on incoming and outgoing transfers share: reading the bank's history, and its flaws. */
import type { Arrived, BankAnomaly, BankHistory, Direction } from "../bank/history.ts";
import { sha512Short, utf8Bytes } from "../crypto/hash.ts";
import { normalizePayto } from "../taler/payto.ts";
import { DAY, formatTime } from "../taler/time.ts";
import { wireFormat } from "./findings-wire.ts";
import { encodeHex } from "./hex.ts";
import type { AuditedAccount, PassContext, PassRun } from "./pass.ts";

/** The bank's history that a pass was given. */
export function requireBank(context: PassContext): BankHistory {
  if (context.bank === undefined) throw new Error("no bank history is configured");
  return context.bank;
}

/**
 * Makes sure that the history is that of the configured account (WC-R5, WD-R9).
 * @throws Error when the bank names another account; a wrong history must not be compared with
 */
export async function checkOwnAccount(bank: BankHistory, account: AuditedAccount): Promise<void> {
  const own = await bank.ownAccount(account.section);
  if (own === undefined || account.paytoUri === undefined || own === account.paytoUri) return;
  const normal = normalizePayto(own);
  if (normal !== undefined && normal === normalizePayto(account.paytoUri)) return;
  throw new Error(
    `section ${account.section}: the bank's history is that of ${own}, PAYTO_URI says ${account.paytoUri}`,
  );
}

/** Sections whose transfers have numbers of the store instead of the bank's: their credits are found by subject. */
export async function locallyNumbered(bank: BankHistory, sections: readonly string[]): Promise<Set<string>> {
  const local = new Set<string>();
  for (const section of sections) if (await bank.hasBankNumbers?.(section) === false) local.add(section);
  return local;
}

/**
 * Statements date a transfer by the day on which the bank booked it, wherever the bank is: with a holiday or two that is
 * days after the exchange ordered it.
 */
export const STATEMENT_DATES = 5n * DAY;

/**
 * The accounts whose history of a direction is audited: those that are enabled for it, and those whose history has it
 * all the same. Statements show everything on an account, whatever the exchange uses it for.
 */
export async function accountsWith(
  bank: BankHistory,
  accounts: readonly AuditedAccount[],
  direction: Direction,
): Promise<AuditedAccount[]> {
  const found: AuditedAccount[] = [];
  for (const account of accounts) {
    const enabled = direction === "credit" ? account.credit : account.debit;
    const other = account.credit || account.debit;
    if (enabled || (other && await bank.covers?.(account.section, direction) === true)) found.push(account);
  }
  return found;
}

/** Two accounts are the same if both have a normal form and it is equal (wire chapter 0.7). */
export function sameAccount(a: string, b: string): boolean {
  const normal = normalizePayto(a);
  return normal !== undefined && normal === normalizePayto(b);
}

/**
 * A text of others as part of a finding's key. The text itself could be too long for the index, and a section that the
 * exchange made up could begin like an audited one, whose findings are swept.
 */
export function keyPart(text: string): string {
  return encodeHex(sha512Short(utf8Bytes(text)));
}

/** A history that is older than this deserves a warning, µs: banks are asked once a day at least. */
const OLD = 2n * DAY;

/**
 * Up to when each account's history can prove that a transfer is missing, µs: what the store does not have may have
 * happened after the last import, and statements date it later. To be asked before the history is read.
 */
export async function completeUntil(
  bank: BankHistory,
  sections: readonly string[],
  direction: Direction,
  { now, warn }: Pick<PassContext, "now" | "warn">,
): Promise<Map<string, bigint>> {
  const until = new Map<string, bigint>();
  for (const section of sections) {
    // a direction that was never read to its end cannot be read at all, and says so by itself
    const known = bank.completeUntil === undefined ? now : await bank.completeUntil(section, direction) ?? 0n;
    const proven = await bank.hasBankNumbers?.(section) === false ? known - STATEMENT_DATES : known;
    until.set(section, proven < now ? proven : now);
    if (known > 0n && now - known > OLD) {
      const what = direction === "credit" ? "incoming" : "outgoing";
      warn?.(
        `${section}: the history of ${what} transfers was last imported completely at ${formatTime(known)}; ` +
          `later ones are not judged as missing`,
      );
    }
  }
  return until;
}

/** What is wrong with the bank's history in one direction. */
export async function anomaliesOf(bank: BankHistory, direction: Direction): Promise<BankAnomaly[]> {
  return (await bank.anomalies()).filter((a) => a.direction === direction);
}

/** Where a run reads on in the history of an account. */
export interface Place {
  readonly section: string;
  readonly direction: Direction;
  /** The last row that was read. */
  readonly row: bigint;
}

/**
 * Pages of the transactions that no run has read, each once: those that came into the store below the last row, late or
 * from a file of an earlier month, then those above it. Returns the last row now; to be read to the end.
 *
 * @param read the pages of the history after a row
 * @throws Error when the history comes from another source than in earlier runs
 */
export async function* newPages<T extends { rowId: bigint }>(
  run: PassRun,
  bank: BankHistory,
  { section, direction, row }: Place,
  read: (after: bigint, arrived?: Arrived) => AsyncIterable<T[]>,
): AsyncGenerator<T[], bigint, void> {
  const arrivals = await bank.arrivals?.(section, direction);
  const counter = (name: string) => `x:bank:${name}:${direction}:${section}`;
  // 0 stands for the bank itself
  const [known, epoch] = [run.counters.get(counter("epoch")) ?? 0n, arrivals?.epoch ?? 0n];
  if (row > 0n && known !== epoch) throw new Error(otherSource(section, known !== 0n && epoch !== 0n));
  if (arrivals !== undefined) {
    const seen = run.counters.get(counter("seen")) ?? 0n;
    if (row > 0n && seen < arrivals.newest) {
      yield* read(0n, { upTo: arrivals.newest, late: { after: seen, lastRow: row } });
    }
    run.setCounter(counter("seen"), arrivals.newest);
  }
  if (known !== epoch) run.setCounter(counter("epoch"), epoch);
  let last = row;
  for await (const page of arrivals === undefined ? read(row) : read(row, { upTo: arrivals.newest })) {
    yield page;
    last = page.at(-1)?.rowId ?? last;
  }
  return last;
}

/**
 * Why a history cannot be read on: rows that no run has read may stand below the last one that was read from the other
 * source, and rows that were read would be counted twice.
 */
function otherSource(section: string, anew: boolean): string {
  const what = anew ? "was deleted and imported anew" : "comes from another source than in earlier runs";
  return `section ${section}: the bank's history ${what}; taler-auditor dbinit --restart begins the audit again`;
}

/** Reports what is wrong with the bank's history itself (WC-R9). */
export function auditAnomalies(run: PassRun, anomalies: readonly BankAnomaly[], direction: Direction): void {
  const { currency } = run.context.settings;
  for (const a of anomalies) {
    const amount = a.amount.currency === currency ? a.amount.atoms : 0n;
    run.book.settle(
      anomalyKey(a),
      { stage: 0, serial: a.rowId },
      wireFormat("WC-R9", BigInt.asIntN(64, a.rowId), amount, a.diagnostic),
    );
  }
  run.book.sweep(`WC-R9:${direction}:`);
}

function anomalyKey(a: BankAnomaly): string {
  return `WC-R9:${a.direction}:${a.account}:${a.kind}:${a.rowId}:${keyPart(a.diagnostic)}`;
}

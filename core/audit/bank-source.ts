// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the passes on incoming and outgoing transfers share: whether the bank's history may be used, and its flaws. */
import type { BankAnomaly, BankHistory, Direction } from "../bank/history.ts";
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

/**
 * Makes sure that transfers can be told by the bank's own numbers, which the exchange notes for what comes in.
 * @throws Error for a history from statements without such numbers: every credit would look like one never booked
 */
export async function requireBankNumbers(bank: BankHistory, account: AuditedAccount): Promise<void> {
  if (await bank.hasBankNumbers?.(account.section) !== false) return;
  throw new Error(
    `section ${account.section}: the history was imported from statements that do not have the bank's numbers of ` +
      "transfers, so that incoming ones cannot be found in the exchange's records; import from the wire gateway, or CSV",
  );
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
 * happened after the last import. To be asked before the history is read.
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
    until.set(section, known < now ? known : now);
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

/** What a run has read of the new transactions of an account. */
export interface BankScan {
  /** Last row. */
  last: bigint;
  rows: Set<bigint>;
}

/** What is wrong with the bank's history. To be asked after the history was read, for {@link lateRows}. */
export async function anomaliesOf(bank: BankHistory, direction: Direction): Promise<BankAnomaly[]> {
  return (await bank.anomalies()).filter((a) => a.direction === direction);
}

/**
 * Rows that appeared below those which a run has read, and that no run has read: each is given once. The store notes
 * that a row is late together with the row. So a run that read the row has seen the note as well, and has made a
 * finding of it; and a row whose note is new was read by no earlier run.
 */
export function lateRows(run: PassRun, anomalies: readonly BankAnomaly[], section: string, scan: BankScan): bigint[] {
  const late = anomalies.filter((a) =>
    a.kind === "late" && a.account === section && a.rowId <= scan.last && !scan.rows.has(a.rowId) &&
    !run.stored.has(anomalyKey(a))
  );
  return [...new Set(late.map((a) => a.rowId))].sort((a, b) => a < b ? -1 : 1);
}

/**
 * Reads single rows of a history. One page is read for rows that are near each other.
 * @param read the history after a row
 * @param rows ascending
 */
export async function* readOnly<T extends { rowId: bigint }>(
  read: (after: bigint) => AsyncIterable<T[]>,
  rows: readonly bigint[],
): AsyncGenerator<T> {
  const wanted = new Set(rows);
  let done = -1n;
  for (const row of rows) {
    if (row <= done) continue;
    for await (const page of read(row - 1n)) {
      yield* page.filter((t) => wanted.has(t.rowId));
      done = page.at(-1)?.rowId ?? done;
      break;
    }
  }
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

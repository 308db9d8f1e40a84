// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the passes on incoming and outgoing transfers share: whether the bank's history may be used, and its flaws. */
import type { BankAnomaly, BankHistory, Direction } from "../bank/history.ts";
import { normalizePayto } from "../taler/payto.ts";
import { wireFormat } from "./findings-wire.ts";
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

/** Reports what is wrong with the bank's history itself (WC-R9). */
export async function auditAnomalies(run: PassRun, bank: BankHistory, direction: Direction): Promise<void> {
  const { currency } = run.context.settings;
  for (const a of await bank.anomalies()) {
    if (a.direction !== direction) continue;
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
  return `WC-R9:${a.direction}:${a.account}:${a.kind}:${a.rowId}:${a.diagnostic}`;
}

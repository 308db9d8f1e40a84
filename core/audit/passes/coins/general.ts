// SPDX-License-Identifier: AGPL-3.0-or-later
/** Checks on keys and fees that every run repeats in full: C-1, C-2/X-1, C-3, X-2. */
import { buildBlock } from "../../../crypto/blocks.ts";
import { equalBytes } from "../../../crypto/hash.ts";
import { hashText } from "../../../crypto/objects.ts";
import { readRows } from "../../../exchange/source.ts";
import { decodeGlobalFee, GLOBAL_FEES } from "../../../exchange/v014/static.ts";
import type { Denomination } from "../../denominations.ts";
import { denominationWithoutSignature, rowInconsistency } from "../../findings.ts";
import { TaskWriter } from "../../tasks.ts";
import { encodeHex } from "../../hex.ts";
import { type CoinsState, RANK, type RevokedSet } from "./state.ts";

interface DenominationTasks {
  master: number;
  auditor: number | undefined;
  revocations: number[];
}

function writeTasks(s: CoinsState, d: Denomination, tasks: TaskWriter): DenominationTasks {
  const { currency, masterPub, auditorBaseUrl, auditorPub } = s.run.context.settings;
  const terms = {
    masterPub,
    start: d.validFrom,
    expireWithdraw: d.expireWithdraw,
    expireDeposit: d.expireDeposit,
    expireLegal: d.expireLegal,
    value: d.value,
    feeWithdraw: d.feeWithdraw,
    feeDeposit: d.feeDeposit,
    feeRefresh: d.feeRefresh,
    feeRefund: d.feeRefund,
    hDenomination: d.hash,
  };
  const master = tasks.ed25519(masterPub, d.masterSig, buildBlock("masterDenominationKey", currency, terms));
  const auditor = d.auditorSig === undefined ? undefined : tasks.ed25519(
    auditorPub,
    d.auditorSig,
    buildBlock("auditorDenomination", currency, { hAuditorUrl: hashText(auditorBaseUrl), ...terms }),
  );
  const revocations = d.revocations.map(({ masterSig }) =>
    tasks.ed25519(masterPub, masterSig, buildBlock("masterDenominationRevoked", currency, { hDenomination: d.hash }))
  );
  return { master, auditor, revocations };
}

/** Audits all denominations; returns the hashes (hexadecimal) of those that are validly revoked. */
export async function auditDenominations(s: CoinsState): Promise<RevokedSet> {
  const { run, denominations } = s;
  const tasks = new TaskWriter();
  const written = denominations.all.map((d) => writeTasks(s, d, tasks));
  const verdicts = await run.context.pool.run(tasks);
  const revoked = new Set<string>();
  const seen = new Set<string>();
  denominations.all.forEach((d, i) => {
    const t = written[i]!;
    const good = (task: number | undefined) => task !== undefined && verdicts[task] === 1;
    const stored = encodeHex(d.storedHash);
    settleOwnSignature(s, d, stored, good(t.auditor));
    settleDenominationRow(s, d, good(t.master), !seen.has(stored));
    seen.add(stored);
    d.revocations.forEach(({ serial }, n) => {
      if (settleRevocation(s, d, serial, good(t.revocations[n]))) revoked.add(d.hashHex);
    });
  });
  for (const { serial, problem } of denominations.unreadable) {
    run.book.settle(
      `D-17:denominations:${serial}`,
      { stage: RANK.denominations, serial },
      rowInconsistency("D-17", "denominations", serial, `row cannot be read: ${problem}`),
    );
  }
  for (const serial of denominations.repeated) {
    run.book.settle(
      `D-5:denominations:${serial}`,
      { stage: RANK.denominations, serial },
      rowInconsistency("D-5", "denominations", serial, "serial number is not unique"),
    );
  }
  for (const table of ["X-2", "D-5", "D-17"]) run.book.sweep(`${table}:denominations:`);
  for (const prefix of ["C-1:", "C-3:"]) run.book.sweep(prefix);
  return revoked;
}

/** C-3; whether the denomination is revoked by this row. */
function settleRevocation(s: CoinsState, d: Denomination, serial: bigint, good: boolean): boolean {
  const text = "revocation signature invalid";
  s.run.book.settle(
    `C-3:${d.hashHex}:${serial}`,
    { stage: RANK.denominations, serial: d.serial },
    good ? undefined : rowInconsistency("C-3", "denomination revocations", serial, text),
  );
  return good;
}

/** C-1, X-1: the finding belongs to the stored hash, of which its table has one row. */
function settleOwnSignature(s: CoinsState, d: Denomination, stored: string, good: boolean): void {
  const key = `C-1:${stored}`;
  if (s.run.book.standing.get(key)?.finding !== undefined) return;
  const check = d.auditorSig === undefined ? "X-1" : "C-1";
  const finding = good
    ? undefined
    : denominationWithoutSignature(check, d.storedHash, d.value, d.validFrom, d.expireLegal);
  s.run.book.settle(key, { stage: RANK.denominations, serial: d.serial }, finding);
}

function settleDenominationRow(s: CoinsState, d: Denomination, masterGood: boolean, first: boolean): void {
  const place = { stage: RANK.denominations, serial: d.serial };
  const settle = (what: string, good: boolean, text: string) =>
    s.run.book.settle(
      `X-2:denominations:${what}:${d.serial}`,
      place,
      good ? undefined : rowInconsistency("X-2", "denominations", d.serial, text),
    );
  settle("hash", equalBytes(d.hash, d.storedHash), "denom_pub_hash is not the hash of denom_pub");
  settle("master", masterGood, "master signature invalid");
  settle("twice", first, "denom_pub_hash is not unique");
}

/** Verifies the master signature of every period of global fees (X-2). */
export async function auditGlobalFees(s: CoinsState): Promise<void> {
  const { run } = s;
  const { source, settings: { currency, masterPub }, pool } = run.context;
  const tasks = new TaskWriter();
  const rows = await readRows(source, "global_fee", GLOBAL_FEES, [], decodeGlobalFee);
  const written = rows.map((r) => {
    if (!("row" in r)) return undefined;
    const { serial: _, masterSig, ...fields } = r.row;
    return tasks.ed25519(masterPub, masterSig, buildBlock("masterGlobalFees", currency, fields));
  });
  const verdicts = await pool.run(tasks);
  rows.forEach((r, i) => {
    const place = { stage: RANK.denominations, serial: r.serial };
    const text = "problems" in r
      ? `row cannot be read: ${r.problems.map((p) => `${p.column} ${p.problem}`).join(", ")}`
      : "master signature invalid";
    const task = written[i];
    const good = task !== undefined && verdicts[task] === 1;
    run.book.settle(
      `X-2:global_fee:${r.serial}`,
      place,
      good ? undefined : rowInconsistency("X-2", "global_fee", r.serial, text),
    );
  });
  run.book.sweep("X-2:global_fee:");
}

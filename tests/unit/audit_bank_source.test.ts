// SPDX-License-Identifier: AGPL-3.0-or-later
/** How the passes on the bank's side read a history: late rows (WC-R9), and up to when something can be missing. */
import assert from "node:assert/strict";
import { DAY } from "../../core/taler/time.ts";
import { type BankScan, completeUntil, keyPart, lateRows, readOnly } from "../../core/audit/bank-source.ts";
import type { PassRun } from "../../core/audit/pass.ts";
import type { BankAnomaly, BankHistory } from "../../core/bank/history.ts";

const ACCOUNT = "exchange-account-1";

function anomaly(rowId: bigint, more: Partial<BankAnomaly> = {}): BankAnomaly {
  const amount = { currency: "KUDOS", atoms: 1n };
  return { account: ACCOUNT, direction: "credit", rowId, amount, kind: "late", diagnostic: `late ${rowId}`, ...more };
}

const standing = (a: BankAnomaly) => `WC-R9:${a.direction}:${a.account}:${a.kind}:${a.rowId}:${keyPart(a.diagnostic)}`;

Deno.test("late rows: those that no run has read", () => {
  const scan: BankScan = { last: 30n, rows: new Set([21n, 25n, 30n]) };
  const known = anomaly(3n);
  const run = { stored: new Map([[standing(known), {}]]) } as unknown as PassRun;
  const late = (...anomalies: BankAnomaly[]) => lateRows(run, anomalies, ACCOUNT, scan);
  assert.deepEqual(late(anomaly(7n), anomaly(2n), anomaly(7n, { diagnostic: "again" })), [2n, 7n]);
  assert.deepEqual(late(known), [], "handled by an earlier run");
  assert.deepEqual(late(anomaly(25n)), [], "read by this run");
  // it was stored while this run was reading
  assert.deepEqual(late(anomaly(24n)), [24n]);
  assert.deepEqual(late(anomaly(31n)), [], "the next run reads it with the others");
  assert.deepEqual(late(anomaly(7n, { account: "exchange-account-2" })), []);
  for (const kind of ["changed", "vanished", "duplicate"] as const) assert.deepEqual(late(anomaly(7n, { kind })), []);
});

Deno.test("late rows: one page is read for rows that are near each other", async () => {
  const all = Array.from({ length: 100 }, (_, i) => ({ rowId: BigInt(i + 1) }));
  let pages = 0;
  async function* read(after: bigint) {
    const rest = all.filter((t) => t.rowId > after);
    for (let i = 0; i < rest.length; i += 10) {
      pages++;
      yield await Promise.resolve(rest.slice(i, i + 10));
    }
  }
  const rows = async (...wanted: bigint[]) => {
    pages = 0;
    return (await Array.fromAsync(readOnly(read, wanted))).map((t) => t.rowId);
  };
  assert.deepEqual([await rows(), pages], [[], 0]);
  assert.deepEqual([await rows(3n, 4n, 12n), pages], [[3n, 4n, 12n], 1]);
  assert.deepEqual([await rows(3n, 13n, 99n, 100n), pages], [[3n, 13n, 99n, 100n], 3]);
  assert.deepEqual([await rows(100n, 101n, 200n), pages], [[100n], 1]);
});

Deno.test("up to when a transfer can be missing: the last import, or now, but never later than the audit's clock", async () => {
  const history = (until: BankHistory["completeUntil"]) => ({ completeUntil: until }) as BankHistory;
  const until = async (h: BankHistory) => (await completeUntil(h, [ACCOUNT], "debit", { now: 50n })).get(ACCOUNT);
  assert.equal(await until({} as BankHistory), 50n);
  assert.equal(await until(history(() => Promise.resolve(40n))), 40n);
  assert.equal(await until(history(() => Promise.resolve(60n))), 50n);
  assert.equal(await until(history(() => Promise.resolve(undefined))), 0n);
});

Deno.test("a history that is days old limits the verdicts, and the audit says so", async () => {
  const said = async (known: bigint | undefined, now: bigint) => {
    const warnings: string[] = [];
    const bank = { completeUntil: () => Promise.resolve(known) } as unknown as BankHistory;
    await completeUntil(bank, [ACCOUNT], "debit", { now, warn: (message) => warnings.push(message) });
    return warnings;
  };
  assert.deepEqual(await said(DAY, 3n * DAY), []);
  assert.deepEqual(await said(undefined, 3n * DAY), [], "a history that never was complete is refused elsewhere");
  assert.deepEqual(await said(DAY, 3n * DAY + 1n), [
    `${ACCOUNT}: the history of outgoing transfers was last imported completely at 1970-01-02T00:00:00Z; ` +
    "later ones are not judged as missing",
  ]);
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** TR-R1: deposits that are overdue, by account, with the reason if the exchange has one. */
import { arrayLiteral } from "../../../db/page.ts";
import { readRows } from "../../../exchange/source.ts";
import { LATE_REASONS } from "../../../exchange/v014/wire.ts";
import { FRACTION_BASE } from "../../../taler/amount.ts";
import { HOUR, timeFromDb, timeToDb } from "../../../taler/time.ts";
import { encodeHex } from "../../hex.ts";
import type { PassRun } from "../../pass.ts";
import type { PendingChanges } from "./pass.ts";

/** A deposit is overdue this long after its wire deadline (wire chapter 3.4). */
const LAG_GRACE = HOUR;

/** Overdue deposits to one account. */
interface Lag {
  total: bigint;
  batches: bigint[];
  earliest: bigint;
}

/** Shows what is overdue after this run, and its total. */
export async function showLag(run: PassRun, changes: PendingChanges): Promise<void> {
  const limit = run.context.now - LAG_GRACE;
  const lags = await storedLags(run, limit, [...changes.removed.keys(), ...changes.grown.keys()]);
  for (const p of [...changes.added.values(), ...changes.grown.values()]) {
    if (p.deadline >= limit) continue;
    const lag = lags.get(p.account) ?? { total: 0n, batches: [], earliest: p.deadline };
    lag.total += p.total;
    lag.batches.push(p.batch);
    if (p.deadline < lag.earliest) lag.earliest = p.deadline;
    lags.set(p.account, lag);
  }
  const tiny = run.context.settings.tinyAmount ?? 0n;
  const shown = new Map([...lags].filter(([, lag]) => lag.total > 0n && lag.total >= tiny));
  run.book.setTotal("total_amount_lag_overdue", [...shown.values()].reduce((sum, l) => sum + l.total, 0n));
  await writeLags(run, shown);
}

/** What earlier runs left on the list, without the batches that this run takes off it or changes. */
async function storedLags(run: PassRun, limit: bigint, changed: readonly bigint[]): Promise<Map<string, Lag>> {
  const rows = await run.context.auditor.unsafe(
    `SELECT encode(wire_target_h_payto, 'hex') AS account, sum((total_amount).val)::text AS val,
       sum((total_amount).frac)::text AS frac, array_agg(batch_deposit_serial_id) AS batches, min(deadline) AS earliest
     FROM auditor.auditor_pending_deposits p WHERE deadline < $1
       AND NOT EXISTS (SELECT FROM unnest($2::int8[]) gone WHERE gone = p.batch_deposit_serial_id)
     GROUP BY 1`,
    [timeToDb(limit), arrayLiteral(changed)] as never[],
  );
  return new Map(rows.map((r) => [r["account"] as string, {
    total: BigInt(r["val"] as string) * FRACTION_BASE + BigInt(r["frac"] as string),
    batches: r["batches"] as bigint[],
    earliest: timeFromDb(r["earliest"] as bigint),
  }]));
}

/** Account and reason of late deposits, by the hash of the account in hexadecimal. */
async function reasons(
  run: PassRun,
  lags: ReadonlyMap<string, Lag>,
): Promise<Map<string, { payto: string; reason: string }>> {
  const parameters = [[...lags.keys()], [...lags.values()].flatMap((lag) => lag.batches)];
  const rows = await readRows(run.context.source, "wire_targets", LATE_REASONS, parameters, (r) => ({
    account: encodeHex(r.bytes("wire_target_h_payto", 32)),
    payto: r.text("payto_uri"),
    kyc: r.bool(),
    aml: r.bool(),
    policy: r.bool(),
  }));
  return new Map(rows.flatMap((r) => {
    if (!("row" in r)) return [];
    const { account, payto, kyc, aml, policy } = r.row;
    return [[account, { payto, reason: aml ? "aml" : kyc ? "kyc" : policy ? "policy" : "none" }]];
  }));
}

async function writeLags(run: PassRun, lags: Map<string, Lag>): Promise<void> {
  const known = await reasons(run, lags);
  const stored = await run.context.auditor`SELECT encode(wire_target_h_payto, 'hex') AS key, account,
    total::text AS total, batches, earliest_deadline, reason FROM auditor.auditor_x_deposit_lag`;
  const before = new Map(stored.map((r) => [
    r["key"] as string,
    [r["account"], r["total"], r["batches"], r["earliest_deadline"], r["reason"]].join(" "),
  ]));
  const rows = [...lags].map(([key, lag]) => ({
    wire_target_h_payto: "\\x" + key,
    account: known.get(key)?.payto ?? "unknown account",
    total: lag.total.toString(),
    batches: lag.batches.length.toString(),
    earliest_deadline: timeToDb(lag.earliest).toString(),
    reason: known.get(key)?.reason ?? "none",
  }));
  run.writes.push({
    table: "auditor_x_deposit_lag",
    key: ["wire_target_h_payto"],
    upsert: rows.filter((r) =>
      before.get(r.wire_target_h_payto.slice(2)) !==
        [r.account, r.total, r.batches, r.earliest_deadline, r.reason].join(" ")
    ),
    remove: [...before.keys()].filter((key) => !lags.has(key)).map((key) => ({ wire_target_h_payto: "\\x" + key })),
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** WD-R7: deposits that were aggregated and not wired, though they are due and nothing stands in the way. */
import { readRows } from "../../../exchange/source.ts";
import { AGGREGATED_NOT_WIRED, AGGREGATED_UNTIL, ALL_UNWIRED, STILL_UNWIRED } from "../../../exchange/v014/wire.ts";
import { onceADay } from "../../daily.ts";
import { wireOut } from "../../findings.ts";
import type { PassRun } from "../../pass.ts";
import { type DebitState, RANK } from "./state.ts";

/** The list of what was aggregated and not wired yet, among the rows to be read again. */
const UNWIRED = {
  source: { table: "aggregation_tracking", serial: "aggregation_serial_id" },
  progressKey: "x:wire-debit:aggregations",
} as const;
/** Counter: when everything that was aggregated was looked at. */
const SWEPT = "x:wire-debit:swept";

/** Judges what is not wired: what is new, came late or was not before, once in a day everything. */
export async function auditStuck(s: DebitState): Promise<void> {
  const { source, now, settings: { gracePeriod, roundUnit, tinyAmount } } = s.run.context;
  const latest = now - (gracePeriod ?? 0n);
  const least = [roundUnit, tinyAmount ?? 0n].reduce((a, b) => a > b ? a : b, 1n).toString();
  const unwired = await findUnwired(s.run);
  const parameters = [latest, now, least, unwired];
  const rows = await readRows(source, "aggregation_tracking", AGGREGATED_NOT_WIRED, parameters, (r) => ({
    wtid: r.blob("wtid_raw"),
    payto: r.textOrNull() ?? "unknown account",
    total: BigInt(r.text("val")) * 100_000_000n + BigInt(r.text("frac")),
  }));
  for (const r of rows) {
    if (!("row" in r)) continue;
    s.run.book.settle(
      `WD-R7:${r.serial}`,
      { stage: RANK.open, serial: r.serial },
      wireOut("WD-R7", r.row.payto, r.serial, r.row.total, 0n, "aggregated but not wired"),
    );
  }
  s.run.book.sweep("WD-R7:");
}

/** Serials of everything that was aggregated and not wired; remembers them for the next run. */
async function findUnwired(run: PassRun): Promise<bigint[]> {
  const { source } = run.context;
  const before = run.revisits.of(UNWIRED);
  const read = (select: string, parameters: (bigint | bigint[])[]) =>
    readRows(source, "aggregation_tracking", select, parameters, () => null);
  const [last] = await read(AGGREGATED_UNTIL, []);
  const from = run.pointOf(UNWIRED.progressKey);
  const late = await run.takeLate(UNWIRED, from);
  const rows = onceADay(run, SWEPT)
    ? await read(ALL_UNWIRED, [])
    : await read(STILL_UNWIRED, [from, [...before.keys(), ...late]]);
  const unwired = new Set(rows.map((r) => r.serial));
  for (const serial of unwired) run.revisits.set(UNWIRED, serial, "not wired");
  for (const serial of before.keys()) if (!unwired.has(serial)) run.revisits.set(UNWIRED, serial, undefined);
  const end = (last?.serial ?? -1n) + 1n;
  if (end > from) {
    run.setCounter(UNWIRED.progressKey, end);
    await run.passed(UNWIRED, from, end - 1n);
  }
  return [...unwired];
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** the derived table `coin_history` must name every event of every coin, and nothing else. */
import type { RowReader } from "../../../db/page.ts";
import { irregularSerials, parseIrregular, readRows, SERIALS_END } from "../../../exchange/source.ts";
import { HISTORY_GAPS, historyGapsSql, historyOrphansSql } from "../../../exchange/v014/static.ts";
import { rowInconsistency } from "../../findings.ts";
import { settleIrregular } from "../../serials.ts";
import { type CoinsState, RANK } from "./state.ts";

const PROGRESS = "x:coins:history";
const TABLE = { table: "coin_history", serial: "coin_history_serial_id" } as const;
const ENTRIES = { source: TABLE, progressKey: PROGRESS };
const place = (serial: bigint) => ({ stage: RANK.sync, serial });

/** Compares the history with the base tables, over the rows that are new in this run or appeared late. */
export async function auditHistory(s: CoinsState): Promise<void> {
  const { run } = s;
  const sql = run.context.source;
  for (const gap of HISTORY_GAPS) {
    const { from, until } = run.rangeOf(gap.progressKey);
    const late = run.lateOf(gap.progressKey);
    const rows = await readRows(sql, gap.table, historyGapsSql(gap), [from, until], () => ({}));
    if (late.length > 0) rows.push(...await readRows(sql, gap.table, historyGapsSql(gap, true), [late], () => ({})));
    for (const r of rows) {
      run.book.report(
        place(r.serial),
        rowInconsistency("X-8", "coin_history", r.serial, `no history entry for ${gap.name}, row ${r.serial}`),
      );
    }
  }
  const top = await sql.unsafe(
    `SELECT coalesce(max(coin_history_serial_id), 0)::int8 + 1 AS until, ${irregularSerials(TABLE)} AS irregular
     FROM exchange.coin_history WHERE coin_history_serial_id < ${SERIALS_END}`,
  );
  const until = top[0]!["until"] as bigint;
  settleIrregular(run.book, TABLE.table, TABLE.serial, parseIrregular(top[0]!["irregular"]), PROGRESS);
  const from = run.pointOf(PROGRESS);
  const decode = (r: RowReader) => ({ table: r.text("table_name"), row: r.int8("serial_id") });
  const orphans = await readRows(sql, "coin_history", historyOrphansSql(), [from, until], decode);
  const late = await run.takeLate(ENTRIES, from);
  if (late.length > 0) orphans.push(...await readRows(sql, "coin_history", historyOrphansSql(true), [late], decode));
  for (const r of orphans) {
    const to = "row" in r ? `${r.row.table}, row ${r.row.row}` : "an unreadable place";
    run.book.report(
      place(r.serial),
      rowInconsistency("X-8", "coin_history", r.serial, `history entry points to nothing: ${to}`),
    );
  }
  if (until <= from) return;
  run.setCounter(PROGRESS, until);
  await run.passed(ENTRIES, from, until - 1n);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** the derived table `coin_history` must name every event of every coin, and nothing else. */
import { irregularSerials, parseIrregular, readRows, SERIALS_END } from "../../../exchange/source.ts";
import { HISTORY_GAPS, HISTORY_ORPHANS, historyGapsSql } from "../../../exchange/v014/static.ts";
import { rowInconsistency } from "../../findings.ts";
import { settleIrregular } from "../../serials.ts";
import { type CoinsState, RANK } from "./state.ts";

const PROGRESS = "x:coins:history";
const TABLE = { table: "coin_history", serial: "coin_history_serial_id" } as const;
const place = (serial: bigint) => ({ stage: RANK.sync, serial });

/** Compares the history with the base tables, over the rows that are new in this run. */
export async function auditHistory(s: CoinsState): Promise<void> {
  const { run } = s;
  const sql = run.context.source;
  for (const gap of HISTORY_GAPS) {
    const { from, until } = run.rangeOf(gap.progressKey);
    for (const r of await readRows(sql, gap.table, historyGapsSql(gap), [from, until], () => ({}))) {
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
  const orphans = await readRows(sql, "coin_history", HISTORY_ORPHANS, [from, until], (r) => ({
    table: r.text("table_name"),
    row: r.int8("serial_id"),
  }));
  for (const r of orphans) {
    const to = "row" in r ? `${r.row.table}, row ${r.row.row}` : "an unreadable place";
    run.book.report(
      place(r.serial),
      rowInconsistency("X-8", "coin_history", r.serial, `history entry points to nothing: ${to}`),
    );
  }
  if (until > from) run.setCounter(PROGRESS, until);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a skipped test says why
/**
 * Hostile rows: every line of the tables in `hostile/` is a row that a dishonest exchange could store. No exception may
 * escape, every pass must come to its end, the row must be reported, and the audit of all other rows must not change.
 *
 * Not in the tables, because the server makes it impossible: text that is not UTF-8, or that holds a zero byte.
 */
import { datasetNames } from "../support/golden.ts";
import { type HostileCase, runHostileCase } from "../support/hostile.ts";
import { COIN_CASES } from "./hostile/coins.ts";

const CASES: readonly HostileCase[] = [...COIN_CASES];

const absent = new Set(CASES.map((c) => c.dataset).filter((name) => !datasetNames().includes(name)));
if (absent.size > 0) console.log(`hostile rows: skipped where a golden dataset is absent: ${[...absent].join(", ")}`);

for (const c of CASES) {
  Deno.test({
    name: `hostile row: ${c.name}${c.without === undefined ? "" : " (constraint dropped)"}`,
    ignore: absent.has(c.dataset),
    fn: () => runHostileCase(c),
  });
}

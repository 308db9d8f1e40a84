// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Hostile rows: every line of the tables in `hostile/` is a row that a dishonest exchange could store. No exception may
 * escape, every pass must come to its end, the row must be reported, and the audit of all other rows must not change.
 * Half of the tables are in `hostile-keys.test.ts`, so that two threads share the work.
 *
 * Not in the tables, because the server makes it impossible: text that is not UTF-8, or that holds a zero byte.
 */
import { testHostileRows } from "../support/hostile.ts";
import { COIN_CASES } from "./hostile/coins.ts";
import { REFRESH_CASES } from "./hostile/refresh.ts";
import { RESERVE_CASES } from "./hostile/reserves.ts";

testHostileRows([...COIN_CASES, ...REFRESH_CASES, ...RESERVE_CASES]);

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * All eight passes in one run on authentic data, the bank's history beside the database: together they leave what each
 * leaves alone, in whatever portions database and bank have grown.
 */
import assert from "node:assert/strict";
import { ALL_PASSES } from "../../core/audit/run.ts";
import type { Sql } from "../../core/db/connect.ts";
import {
  type AuditorState,
  auditWell,
  compareStates,
  mutationFacts,
  noteAbsence,
  wholeAuditor,
  wholeState,
  withAuditor,
  withCopy,
} from "../support/audit.ts";
import { asBankHistory, type RecordedHistory, recordedHistory } from "../support/bank-golden.ts";
import {
  applyMutation,
  baseOfMutation,
  datasetInfo,
  datasetNames,
  mutationNames,
  mutationPath,
} from "../support/golden.ts";
import { differenceText } from "./explain.ts";
import { comeBack, goBackTo, keepAside } from "./slices.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);

const EIGHT = ALL_PASSES.map((p) => p.name);
/** Passes of which one takes what the other found. */
const JOINED = ["coins", "aggregation"];

/** Everything that audits left but for the figures, which are stored once an hour. */
async function stateOf(sql: Sql): Promise<AuditorState> {
  const state = new Map(await wholeState(sql));
  state.delete("x_figure");
  state.delete("x_outstanding");
  return state;
}

function texts(have: AuditorState, expected: AuditorState, other: string): string[] {
  return compareStates(have, expected).map((d) => differenceText(d).replaceAll("the reference", other));
}

for (const name of [...names, ...mutationNames()]) {
  Deno.test(`eight passes together leave what each leaves alone: ${name}`, async () => {
    const mutation = mutationNames().includes(name) ? name : undefined;
    const base = mutation === undefined ? name : baseOfMutation(mutation), info = datasetInfo(base);
    const bank = asBankHistory(recordedHistory(info.account_section, base, mutation));
    const now = info.audit_now_us + (mutation === undefined ? 0n : mutationFacts(mutation).later);
    const prepared = (body: (url: string, sql: Sql) => Promise<AuditorState>) =>
      withCopy(base, async (url, sql) => {
        if (mutation !== undefined) await applyMutation(sql, mutationPath(mutation));
        return await body(url, sql);
      });
    const alone = await prepared((url, sql) =>
      withAuditor(url, info, { now, bank }, async ({ runWell }) => {
        // aggregation takes the verdicts on coins from the run that they belong to, or finds them by itself
        for (const passes of [...EIGHT.filter((p) => !JOINED.includes(p)).reverse().map((p) => [p]), JOINED]) {
          await runWell(now, passes);
        }
        return await stateOf(sql);
      })
    );
    const together = await prepared((url, sql) =>
      withAuditor(url, info, { now, bank, passes: EIGHT }, async ({ runWell }) => {
        await runWell();
        const [state, before] = [await stateOf(sql), await wholeAuditor(sql)];
        await runWell();
        assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
        return state;
      })
    );
    assert.deepEqual(texts(together, alone, "alone"), []);
  });
}

/** The first part (per mille) of what the bank has, credits and debits each in the order of their rows. */
function firstPart(history: RecordedHistory, perMille: number): RecordedHistory {
  const part = <T>(all: T[]) => all.slice(0, Math.floor(all.length * perMille / 1000));
  return { ...history, credits: part(history.credits), debits: part(history.debits) };
}

/** How far the bank is when the database is at a part (per mille) of its own. */
const BANKS: Readonly<Record<string, (perMille: number) => number>> = {
  "as far as the database": (perMille) => perMille,
  "ahead of the database": (perMille) => Math.min(1000, perMille + 150),
  "behind the database": (perMille) => Math.max(0, perMille - 150),
};

for (const [name, portions] of [["bench-mid", 10], ["small-postagg", 5], ["exchange-api-wired-rsa", 4]] as const) {
  for (const [how, bankAt] of Object.entries(BANKS)) {
    Deno.test({ name: `${name} in ${portions} portions, the bank ${how}, ends like one run`, ignore }, async () => {
      const info = datasetInfo(name), recorded = recordedHistory(info.account_section, name);
      const expected = await withCopy(name, async (url, sql) => {
        await auditWell(url, info, { bank: asBankHistory(recorded), passes: EIGHT });
        return await stateOf(sql);
      });
      await withCopy(name, async (url, sql) => {
        await keepAside(sql);
        for (let portion = 1; portion < portions; portion++) {
          const perMille = Math.floor(portion * 1000 / portions);
          await goBackTo(sql, perMille);
          await auditWell(url, info, {
            bank: asBankHistory(firstPart(recorded, bankAt(perMille))),
            passes: EIGHT,
            workers: 2,
          });
        }
        await comeBack(sql);
        await auditWell(url, info, { bank: asBankHistory(recorded), passes: EIGHT });
        assert.deepEqual(texts(await stateOf(sql), expected, "one run"), []);
      });
    });
  }
}

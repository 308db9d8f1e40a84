// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The three passes on datasets that were tampered with: they find what the reference found but for the table of
 * differences, and what the specification demands where the reference found nothing.
 */
import assert from "node:assert/strict";
import {
  auditorState,
  auditWell,
  checkCounts,
  compareStates,
  mutationFacts,
  mutationState,
  noteAbsence,
  wholeAuditor,
  withCopy,
} from "../support/audit.ts";
import { applyMutation, baseOfMutation, datasetInfo, mutationNames, mutationPath } from "../support/golden.ts";
import { type AuditedMutation, type Checks, DATASETS, MUTATIONS } from "./differences.ts";
import { type Explanation, restrict, unexplained } from "./explain.ts";

const names = mutationNames();
noteAbsence(names);

Deno.test({ name: "every mutation is in the table", ignore: names.length === 0 }, () => {
  assert.deepEqual(Object.keys(MUTATIONS), names);
});

Deno.test(
  { name: "mutations left to other passes change nothing but the bank's history", ignore: names.length === 0 },
  () => {
    for (const name of names) {
      const facts = mutationFacts(name);
      assert.equal("notHere" in MUTATIONS[name]!, facts.sql === "" && facts.later === 0n, name);
      if ("notHere" in MUTATIONS[name]!) assert.notEqual(facts.bank, undefined, name);
    }
  },
);

function added(base: Checks, more: Checks): Checks {
  const sum: Record<string, number> = { ...base };
  for (const [check, n] of Object.entries(more)) sum[check] = (sum[check] ?? 0) + n;
  return sum;
}

function tableOf(base: readonly Explanation[], entry: AuditedMutation): Explanation[] {
  const inherited = base.filter((e) => e.only !== "plain" && !(entry.without ?? []).includes(e.rule));
  for (const rule of entry.without ?? []) {
    assert.ok(base.some((e) => e.rule === rule), `the dataset has no difference ${rule} to leave out`);
  }
  return [...entry.differences ?? [], ...inherited];
}

for (const name of names) {
  const entry = MUTATIONS[name];
  if (entry === undefined || "notHere" in entry) continue;
  Deno.test(name, async () => {
    const base = baseOfMutation(name);
    const info = datasetInfo(base);
    const now = info.audit_now_us + mutationFacts(name).later;
    const expected = DATASETS[base]!;
    await withCopy(base, async (url, sql) => {
      await applyMutation(sql, mutationPath(name));
      await auditWell(url, info, { now });
      const differences = compareStates(restrict(await auditorState(sql)), restrict(mutationState(name, 1)));
      assert.deepEqual(unexplained(differences, tableOf(expected.differences, entry)), []);
      assert.deepEqual(await checkCounts(sql), added(expected.checks, entry.checks));
      assert.equal(Object.keys(entry.checks).length === 0, entry.because !== undefined, "nothing found needs a reason");
      const before = await wholeAuditor(sql);
      await auditWell(url, info, { now });
      assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
    });
  });
}

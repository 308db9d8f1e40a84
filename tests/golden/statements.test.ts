// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Authentic databases beside statements instead of the wire gateway: the same verdicts, though statements have no
 * numbers and date by the day; and what a gateway does not show is found.
 */
import assert from "node:assert/strict";
import type { BankCredit, OtherDebit } from "../../core/bank/history.ts";
import { importStatement } from "../../core/bank/statement.ts";
import { openStoreHistory } from "../../core/bank/store-history.ts";
import { ALL_PASSES } from "../../core/audit/run.ts";
import { currentFigures, type FigureName } from "../../core/audit/reconciliation.ts";
import type { Sql } from "../../core/db/connect.ts";
import { FRACTION_BASE } from "../../core/taler/amount.ts";
import { DAY } from "../../core/taler/time.ts";
import { auditWell, noteAbsence, withCopy } from "../support/audit.ts";
import { asBankHistory, recordedHistory } from "../support/bank-golden.ts";
import { withStore } from "../support/bank-store.ts";
import { openFindingsOf } from "../support/database_scene.ts";
import { type DatasetInfo, datasetInfo, datasetNames } from "../support/golden.ts";
import { creditLine, debitLine, otherLine, statementOf } from "../support/statement_lines.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);

const PASSES = ALL_PASSES.map((p) => p.name);

/** Findings without the rows that only one of the two ways of numbering has, and figures. */
async function stateOf(sql: Sql): Promise<{ findings: string[]; figures: Map<FigureName, bigint> }> {
  const findings = (await openFindingsOf(sql)).map(({ check, columns }) => {
    const { bank_row_id: _, bank_row: __, wire_offset: ___, ...rest } = columns;
    return `${check} ${JSON.stringify(rest)}`;
  });
  return { findings: findings.sort(), figures: await currentFigures(sql) };
}

type State = Awaited<ReturnType<typeof stateOf>>;

function byGateway(info: DatasetInfo): Promise<State> {
  return withCopy(info.name, async (url, sql) => {
    const bank = asBankHistory(recordedHistory(info.account_section, info.name));
    await auditWell(url, info, { bank, passes: PASSES });
    return await stateOf(sql);
  });
}

/** The audit beside a statement of the recorded history and some other lines. */
async function byStatement(
  info: DatasetInfo,
  numbering: "bank" | "local",
  others: readonly ReturnType<typeof otherLine>[] = [],
): Promise<State> {
  let state: State | undefined;
  await withStore(async (store) => {
    const { credits, debits } = recordedHistory(info.account_section, info.name);
    const lines = [...credits.map(creditLine), ...debits.map(debitLine), ...others]
      .map((line) => numbering === "bank" ? line : { ...line, date: line.date - line.date % DAY });
    const until = info.audit_now_us + 10n * DAY;
    const statement = { ...statementOf(lines, numbering), until };
    await importStatement(store, info.account_section, info.account_payto, statement, until);
    state = await withCopy(info.name, async (url, sql) => {
      // the history is closed by the audit, the store by the test
      const bank = { ...openStoreHistory(store), close: () => Promise.resolve() };
      await auditWell(url, info, { bank, passes: PASSES });
      return await stateOf(sql);
    });
  });
  return state!;
}

for (const name of names) {
  Deno.test({ name: `${name}: statements lead to what the gateway leads to`, ignore }, async () => {
    const info = datasetInfo(name);
    const expected = await byGateway(info);
    for (const numbering of ["bank", "local"] as const) {
      const { findings, figures } = await byStatement(info, numbering);
      assert.deepEqual(findings, expected.findings, numbering);
      assert.deepEqual(figures, expected.figures, numbering);
    }
  });
}

for (const numbering of ["bank", "local"] as const) {
  Deno.test(
    { name: `what somebody took out by hand is found among fees and returns: ${numbering}`, ignore },
    async () => {
      const info = datasetInfo("small-postagg");
      const expected = await byGateway(info);
      const host = info.account_payto.replace(/[^/]*$/, "");
      let rowId = 1_000_000n;
      const other = (text: string, amount: bigint, account: string): OtherDebit => ({
        account: info.account_section,
        rowId: ++rowId,
        date: info.audit_now_us - 2n * DAY,
        amount: { currency: info.currency, atoms: amount },
        text,
        creditAccount: account === "" ? "" : `${host}${account}?receiver-name=${account}`,
      });
      const again = recordedHistory(info.account_section, info.name).credits[0] as BankCredit;
      const { findings, figures } = await byStatement(info, numbering, [
        otherLine("credit", other("my holiday savings", 10n * FRACTION_BASE, "jane")),
        otherLine("debit", other("bounce: no reserve", 10n * FRACTION_BASE, "jane")),
        // a second transfer to a reserve is sent back, though its subject is a key
        { ...creditLine(again), rowId: ++rowId, date: info.audit_now_us - 2n * DAY },
        otherLine("debit", { ...other("bounce: used", again.amount.atoms, ""), creditAccount: again.debitAccount }),
        otherLine("debit", other("private villa", 77n * FRACTION_BASE, "manager")),
        otherLine("debit", other("quarterly fee", 3n * FRACTION_BASE, "")),
      ]);
      const fresh = findings.filter((f) => !expected.findings.includes(f));
      assert.equal(findings.length, expected.findings.length + 2);
      assert.deepEqual(fresh.map((f) => /^WD-R6 .*identifier: \\"(.*)\\""/.exec(f)?.[1]).sort(), [
        "private villa",
        "quarterly fee",
      ]);
      const lost = (figures.get("bank_difference") ?? 0n) - (expected.figures.get("bank_difference") ?? 0n);
      assert.equal(lost, -80n * FRACTION_BASE);
    },
  );
}

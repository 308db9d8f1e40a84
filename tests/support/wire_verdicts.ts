// SPDX-License-Identifier: AGPL-3.0-or-later
/** What a wire scene comes to: open findings, those that were open once, what is overdue, and balances. */
import assert from "node:assert/strict";
import type { Column, Finding } from "../../core/audit/findings.ts";
import { MONEY } from "../../core/audit/money.ts";
import { wireCreditPass } from "../../core/audit/passes/wire-credit/pass.ts";
import { wireDebitPass } from "../../core/audit/passes/wire-debit/pass.ts";
import type { Pass } from "../../core/audit/run.ts";
import type { Sql } from "../../core/db/connect.ts";
import { decodeBase32 } from "../../core/taler/base32.ts";
import { NEVER, timeFromDb } from "../../core/taler/time.ts";
import { withStore } from "./bank-store.ts";
import { openFindingsOf, withEmptyDatabase } from "./database_scene.ts";
import { describeBalances, describeFinding, inDays, type Names } from "./describe.ts";
import { Phrase, plainAmount, testTable } from "./scenario.ts";
import { WireScene } from "./wire_scene.ts";

type Columns = Record<string, Column>;

const HOST = "payto://x-test/host/";

/** Accounts by their names alone. */
function short(text: unknown): string {
  return String(text).replaceAll(HOST, "").replace(/\?receiver-name=\w+/, " at the bank");
}

function amount(column: Column | undefined): string {
  const { val, frac } = column as { val: string; frac: number };
  return plainAmount(BigInt(val) * 100_000_000n + BigInt(frac));
}

const day = (column: Column | undefined) => {
  const time = timeFromDb(BigInt(String(column)));
  return time === NEVER ? "never" : inDays(time);
};

/** Tables that only these passes write. */
const TEXTS: Partial<Record<Finding["table"], (c: Columns, names: Names) => string>> = {
  reserve_in_inconsistency: (c, names) =>
    `${c["account"]}#${c["bank_row_id"]} of ${day(c["timestamp"])} to ${names.of(c["reserve_pub"])}: ${
      amount(c["amount_wired"])
    } instead of ${amount(c["amount_exchange_expected"])}: ${c["diagnostic"]}`,
  misattribution_in_inconsistency: (c, names) =>
    `bank#${c["bank_row"]} ${amount(c["amount"])} to ${names.of(c["reserve_pub"])}`,
  row_minor_inconsistencies: (c) => `${c["row_table"]}#${c["problem_row"]} ${c["diagnostic"]}`,
  wire_format_inconsistency: (c) =>
    `bank#${c["wire_offset"]} ${amount(c["amount"])}: ${
      String(c["diagnostic"]).replace(/^(appeared after later rows were reported): .*/, "$1")
    }`,
  closure_lags: (c, names) =>
    `closure#${c["problem_row_id"]} of ${names.of(c["wtid"])} ${amount(c["amount"])} to ${short(c["account"])} since ${
      day(c["deadline"])
    }`,
};

function describe(finding: Finding, names: Names): string {
  const text = TEXTS[finding.table]?.(finding.columns, names);
  return (text === undefined ? short(describeFinding(finding, names)) : `${finding.check} ${text}`).replace(
    /(?<=transfer |")[0-9A-Z]{52}/,
    (subject) => `SUBJECT-${names.of(decodeBase32(subject)!.toHex())}`,
  );
}

/** The tables of findings hold what is open by the journal, and nothing else. */
async function checkTables(sql: Sql, open: readonly Finding[]): Promise<void> {
  for (const table of [...Object.keys(TEXTS), "row_inconsistency", "wire_out_inconsistency"]) {
    const [row] = await sql.unsafe(`SELECT count(*)::int4 AS rows FROM auditor.auditor_${table}`);
    assert.equal(row!["rows"], open.filter((f) => f.table === table).length, table);
  }
}

/** Every transaction of the bank was counted, and once. */
async function checkMoney(scene: WireScene): Promise<void> {
  if (scene.left) return; // of what was shown on that account, only a part was read
  const rows = await scene.sql`SELECT name, value::text AS value FROM auditor.auditor_x_counter`;
  const counters = new Map(rows.map((r) => [r["name"] as string, BigInt(r["value"] as string)]));
  const { credits, debits, others } = await scene.bank.totals(scene.sections);
  if (scene.pass === wireCreditPass) assert.equal(counters.get(MONEY.bankIn) ?? 0n, credits, "counted by the bank");
  if (scene.pass !== wireDebitPass) return;
  assert.equal(counters.get(MONEY.bankOut) ?? 0n, debits, "counted by the bank");
  const counted = scene.sections.reduce((sum, section) => sum + (counters.get(MONEY.otherOut + section) ?? 0n), 0n);
  assert.equal(counted, others, "counted by the bank's statements");
}

/** Verdicts in the order: findings, kinds that were resolved, overdue deposits, balances. */
async function verdictsOf({ sql, names }: WireScene): Promise<string[]> {
  const open = await openFindingsOf(sql);
  await checkTables(sql, open);
  const resolved = await sql`SELECT check_id FROM auditor.auditor_x_journal WHERE event = 'resolved' ORDER BY 1`;
  const lags = await sql`SELECT account, total::text AS total, batches, earliest_deadline, reason
    FROM auditor.auditor_x_deposit_lag ORDER BY account`;
  const balances = await sql`SELECT balance_key, (balance_value).val * 100000000 + (balance_value).frac AS atoms
    FROM auditor.auditor_balances`;
  return [
    ...open.map((f) => describe(f, names)).sort(),
    ...resolved.map((r) => `resolved ${r["check_id"]}`),
    ...lags.map((r) =>
      `late ${short(r["account"])} ${plainAmount(BigInt(r["total"] as string))} in ${r["batches"]} since ${
        day(r["earliest_deadline"] as bigint as unknown as Column)
      }: ${r["reason"]}`
    ),
    ...describeBalances(balances.map((r) => [r["balance_key"] as string, r["atoms"] as bigint] as const)),
  ];
}

/** How a story is audited: after every event, or in portions of so many rows. */
interface Cut {
  stepwise?: boolean;
  portionRows?: number;
}

async function judge(
  scene: WireScene,
  events: Phrase[],
  { stepwise = false, portionRows }: Cut = {},
): Promise<string[]> {
  scene.portionRows = portionRows ?? scene.portionRows;
  for (const event of events) {
    await scene.play(event);
    if (stepwise) await scene.run();
  }
  await scene.run();
  const verdicts = await verdictsOf(scene);
  await checkMoney(scene);
  assert.equal((await scene.run()).wrote, false, "a second run writes nothing");
  assert.deepEqual(await verdictsOf(scene), verdicts);
  return verdicts;
}

/** Findings and balances, without what they were in between. */
const withoutLife = (verdicts: readonly string[]) => verdicts.filter((v) => !v.startsWith("resolved "));

/**
 * Makes one test of each line, with a bank that is asked in every run. Audited after every event, or in portions, a
 * story must come to the same (law "split").
 */
export function wireTable(pass: Pass, title: string, table: string): void {
  testTable(`${pass.name}, ${title}`, table, async (events) => {
    const again = () => events.map((e) => new Phrase(e.text));
    const play = (phrases: Phrase[], cut: Cut = {}) =>
      withEmptyDatabase((url, sql) => judge(new WireScene(url, sql, pass), phrases, cut));
    const verdicts = await play(events);
    if (events.length === 1) return verdicts;
    assert.deepEqual(withoutLife(await play(again(), { stepwise: true })), withoutLife(verdicts), "split");
    if (pass === wireDebitPass) assert.deepEqual(await play(again(), { portionRows: 1 }), verdicts, "in portions");
    return verdicts;
  });
}

/** Makes one test of each line, with a store of history that is read as of its last import. */
export function storeTable(pass: Pass, title: string, table: string): void {
  testTable(`${pass.name}, ${title}`, table, async (events) => {
    let verdicts: string[] = [];
    await withStore(async (store) => {
      // in portions, so that late rows and the new ones come in several
      const cut = { portionRows: 1 };
      verdicts = await withEmptyDatabase((url, sql) => judge(new WireScene(url, sql, pass, store), events, cut));
    });
    return verdicts;
  });
}

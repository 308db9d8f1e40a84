// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The passes transfer, wire-credit and wire-debit on everything that the real exchange and its bank recorded, untouched
 * and tampered with: every row that they write is the reference's but for the differences listed here.
 */
import assert from "node:assert/strict";
import type { AuditorState } from "../support/audit.ts";
import {
  auditorState,
  auditWell,
  checkCounts,
  compareStates,
  mutationFacts,
  mutationState,
  noteAbsence,
  referenceState,
  wholeAuditor,
  withCopy,
} from "../support/audit.ts";
import { asBankHistory, recordedHistory } from "../support/bank-golden.ts";
import {
  applyMutation,
  baseOfMutation,
  datasetInfo,
  datasetNames,
  mutationNames,
  mutationPath,
} from "../support/golden.ts";
import { balance, type Explanation, ours, unexplained } from "./explain.ts";
import { wireRestrict } from "./wire-tables.ts";

const PASSES = ["transfer", "wire-credit", "wire-debit"];

type Checks = Readonly<Record<string, number>>;

interface Expected {
  /** Findings by check number. */
  checks?: Checks;
  /** TR-R1: what of the lag is past the merchant's deadline by more than the grace; the reference has no such sum. */
  overdue?: string;
  differences?: readonly Explanation[];
}

/** Transfers that the exchange booked and the recorded bank never made: closures of the exchange's own test suite. */
const DATASETS: Readonly<Record<string, Expected>> = {
  "exchange-api-cs": { checks: { "WD-14": 3 } },
  "exchange-api-rsa": { checks: { "WD-14": 3 } },
};

function unbooked(row: string, reserve_pub: string): Explanation {
  return {
    rule: "WC-R1",
    because: "the bank booked money for a reserve that the exchange does not know; the reference reads on",
    lines: [
      ours(1, "reserve_in_inconsistency", {
        account: "exchange-account-1",
        bank_row_id: row,
        reserve_pub,
        amount_wired: "25.5",
        amount_exchange_expected: "0",
        diagnostic: "incoming wire transfer not booked by exchange",
        suppressed: "false",
      }),
      balance("total_bad_amount_in_plus", "25.5", "0"),
    ],
  };
}

const MUTATIONS: Readonly<Record<string, Expected>> = {
  "01-reserves-in-credit-lower": { checks: { "WC-3": 1 } },
  "02-reserves-in-credit-higher": { checks: { "WC-3": 1 } },
  "03-bank-in-subject-wrong": { checks: { "WC-2": 1 } },
  "04-bank-in-origin-wrong": { checks: { "WC-4": 1 } },
  "05-bank-in-timestamp-wrong": { checks: { "WC-5": 1 } },
  "07-bank-in-unknown-to-exchange": {
    checks: { "WC-R1": 1 },
    differences: [unbooked("3", "\\x11babb43a278f5febee6d424d6d25b1b1150928be717fe554766a3806bf399c7")],
  },
  "18-deposits-lag-not-aggregated": { overdue: "5" },
  "19-deposits-lag-all": { overdue: "200" },
  "21-known-coin-deleted": {
    checks: { "TR-R3": 1 },
    differences: [{
      rule: "TR-R3",
      because: "the deposit lost its coins with the coin; the reference stops there and writes nothing",
      lines: [
        ours(1, "row_inconsistency", {
          row_table: "batch_deposits",
          problem_row_id: "1",
          diagnostic: "batch deposit without coins",
          suppressed: "false",
        }),
        ours(1, "balances", { balance_key: "total_amount_lag", balance_value: "0" }),
        ours(1, "progress", { progress_key: "wire_aggregation_id", progress_offset: "201" }),
        ours(1, "progress", { progress_key: "wire_batch_deposit_id", progress_offset: "201" }),
      ],
    }],
  },
  "28-reserve-closure-missing": { checks: { "WC-3": 1, "WC-5": 1 } },
  "29-reserve-closure-missing-expired": { checks: { "WC-3": 1, "WC-5": 1 } },
  "38-wire-out-amount-minus-cent": { checks: { "WD-4": 1 } },
  "39-wire-out-amount-plus-cent": { checks: { "WD-4": 1 } },
  "42-bank-out-extra": {
    checks: { "WD-R8": 1, "WD-13": 1 },
    differences: [{
      rule: "WD-R8",
      because: "the transfer names another exchange as its sender; the reference does not read the name",
      lines: [ours(1, "row_minor_inconsistencies", {
        row_table: "bank-debit",
        problem_row: "51",
        diagnostic: "transfer names exchange http://exchange.example.com/",
        suppressed: "false",
      })],
    }],
  },
  "43-bank-out-amount-50": { checks: { "WD-4": 1 } },
  "44-bank-out-amount-0": { checks: { "WD-4": 1 } },
  "45-bank-out-timestamp": { checks: { "WD-5": 1 } },
  "48-bank-out-duplicate-wtid": { checks: { "WD-1": 1 } },
  "49-drain-sig-wrong": { checks: { "WD-9": 1, "WD-13": 1 } },
  "50-drain-deleted": { checks: { "WD-13": 1 } },
  "52-refund-deleted": { checks: { "WD-14": 3 } },
  "53-refund-sig-wrong": { checks: { "WD-14": 3 } },
  "55-reserve-close-bank-missing": { checks: { "WD-14": 4 } },
  "57-reserve-close-deleted": { checks: { "WD-13": 1, "WD-14": 3 } },
  "79-timetravel-preagg-5d": { overdue: "200" },
  "82-timetravel-exchange-api-45d": { checks: { "WD-14": 3 }, overdue: "11.5" },
  "84-wire-out-account-wrong": { checks: { "WD-3": 1 } },
  "86-reserves-row-deleted": {
    checks: { "WC-R1": 1 },
    differences: [unbooked("1", "\\x40eb236771afa4156960c72ea55344f5a66ae58fcacb5eba2fc90be559c94ec2")],
  },
  "101-wired-reserve-close-bank-missing": { checks: { "WD-14": 1 } },
};

function tableOf(expected: Expected): Explanation[] {
  const overdue: Explanation = {
    rule: "TR-R1",
    because: "a lag within the deadlines is no loss, so what is overdue is summed by itself",
    lines: [ours(1, "balances", { balance_key: "total_amount_lag_overdue", balance_value: expected.overdue ?? "0" })],
  };
  return [overdue, ...expected.differences ?? []];
}

const without = (state: AuditorState, table: string): AuditorState =>
  new Map([...state].filter(([name]) => name !== table));

const names = [...datasetNames(), ...mutationNames()];
const ignore = names.length === 0;
noteAbsence(names);

Deno.test({ name: "wire: every name in the tables exists", ignore }, () => {
  for (const name of [...Object.keys(DATASETS), ...Object.keys(MUTATIONS)]) assert.ok(names.includes(name), name);
});

for (const name of datasetNames()) {
  Deno.test(`wire: ${name}`, async () => {
    const info = datasetInfo(name), expected = DATASETS[name] ?? {};
    const bank = asBankHistory(recordedHistory(info.account_section, name));
    await withCopy(name, async (url, sql) => {
      await auditWell(url, info, { bank, passes: PASSES });
      const [have, reference] = [await auditorState(sql), referenceState(name, "patched", 1)].map(wireRestrict);
      assert.deepEqual(unexplained(compareStates(have!, reference!), tableOf(expected)), []);
      assert.deepEqual(await checkCounts(sql), expected.checks ?? {});
      const before = await wholeAuditor(sql);
      await auditWell(url, info, { bank, passes: PASSES });
      assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
    });
  });
}

for (const name of mutationNames()) {
  Deno.test(`wire: ${name}`, async () => {
    const base = baseOfMutation(name), info = datasetInfo(base), expected = MUTATIONS[name] ?? {};
    const bank = asBankHistory(recordedHistory(info.account_section, base, name));
    const now = info.audit_now_us + mutationFacts(name).later;
    await withCopy(base, async (url, sql) => {
      await applyMutation(sql, mutationPath(name));
      await auditWell(url, info, { now, bank, passes: PASSES });
      // What the reference stored of pending deposits was not recorded for the mutations.
      const have = without(wireRestrict(await auditorState(sql)), "pending_deposits");
      const reference = without(wireRestrict(mutationState(name, 1)), "pending_deposits");
      assert.deepEqual(unexplained(compareStates(have, reference), tableOf(expected)), []);
      assert.deepEqual(await checkCounts(sql), expected.checks ?? {});
      const before = await wholeAuditor(sql);
      await auditWell(url, info, { now, bank, passes: PASSES });
      assert.deepEqual(await wholeAuditor(sql), before, "a second run writes nothing");
    });
  });
}

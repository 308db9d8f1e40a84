// SPDX-License-Identifier: AGPL-3.0-or-later
/** Answers of a wire gateway: what is accepted, what is refused and with which words (crypto.md 9.1). */

import assert from "node:assert/strict";
import { parseConfig, parseIncoming, parseOutgoing } from "../../core/bank/wire-format.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { NEVER } from "../../core/taler/time.ts";
import { creditEntry, debitEntry, OWN_ACCOUNT, recordedHistory, testKey } from "../support/bank-server.ts";
import { datasetNames, goldenPath, mutationNames, mutationPath } from "../support/golden.ts";

const ASKED = { account: "exchange-account-1", limit: 10, descending: false, offset: 0n };

const incoming = (rows: unknown, more: Record<string, unknown> = {}) =>
  parseIncoming(JSON.stringify({ credit_account: OWN_ACCOUNT, incoming_transactions: rows, ...more }), ASKED);
const outgoing = (rows: unknown, more: Record<string, unknown> = {}) =>
  parseOutgoing(JSON.stringify({ debit_account: OWN_ACCOUNT, outgoing_transactions: rows, ...more }), ASKED);

const faultOf = (result: object): string => "fault" in result ? String(result.fault) : "no fault";

Deno.test("a page of credits of all three types becomes rows", () => {
  const page = incoming([
    creditEntry(3, { date: { t_s: 1_700_000_000 }, amount: "EUR:25.5" }),
    creditEntry(4, { type: "kycAuth", reserve_pub: undefined, account_pub: encodeBase32(testKey(9)) }),
    creditEntry(9, {
      type: "WAD",
      reserve_pub: undefined,
      wad_id: encodeBase32(new Uint8Array(24).fill(5)),
      origin_exchange_url: "https://other.example.com/",
      date: { t_s: "never" },
      amount: "KUDOS:0",
      unknown_field: 1.5,
    }),
  ], { another: [1.25] });
  assert.ok("rows" in page, faultOf(page));
  assert.equal(page.ownAccount, OWN_ACCOUNT);
  assert.deepEqual(page.rows[0], {
    account: "exchange-account-1",
    rowId: 3n,
    date: 1_700_000_000_000_000n,
    amount: { currency: "EUR", atoms: 2_550_000_000n },
    kind: "RESERVE",
    subject: testKey(3),
    originExchangeUrl: undefined,
    debitAccount: "payto://x-taler-bank/localhost/3?receiver-name=customer",
  });
  assert.equal(page.rows[1]?.kind, "KYCAUTH");
  assert.deepEqual(page.rows[1]?.subject, testKey(9));
  assert.equal(page.rows[2]?.kind, "WAD");
  assert.equal(page.rows[2]?.subject.length, 24);
  assert.equal(page.rows[2]?.originExchangeUrl, "https://other.example.com/");
  assert.equal(page.rows[2]?.date, NEVER);
  assert.deepEqual(page.rows[2]?.amount, { currency: "KUDOS", atoms: 0n });
});

Deno.test("a page of debits becomes rows", () => {
  const page = outgoing([debitEntry(2, { amount: "EUR:1.25" })]);
  assert.ok("rows" in page, faultOf(page));
  assert.deepEqual(page.rows, [{
    account: "exchange-account-1",
    rowId: 2n,
    date: 1_700_000_002_000_000n,
    amount: { currency: "EUR", atoms: 125_000_000n },
    wtid: testKey(2, 2),
    exchangeBaseUrl: "http://exchange.example.com/",
    creditAccount: "payto://x-taler-bank/localhost/2?receiver-name=merchant",
  }]);
});

const CREDIT_FAULTS: [string, unknown, RegExp][] = [
  ["row_id missing", { row_id: undefined }, /^entry 1: row_id is not an integer/],
  ["row_id text", { row_id: "1" }, /row_id is not an integer/],
  ["row_id 0", { row_id: 0 }, /row_id is not an integer/],
  ["row_id negative", { row_id: -1 }, /row_id is not an integer/],
  ["row_id fraction", { row_id: 1.5 }, /row_id is not an integer/],
  ["type missing", { type: undefined }, /^row 1: type is missing/],
  ["type unknown", { type: "GIFT" }, /the type is none of RESERVE, KYCAUTH, WAD/],
  ["type a name of every object", { type: "toString" }, /the type is none of/],
  ["type a number", { type: 7 }, /type is not a text/],
  ["date missing", { date: undefined }, /date is missing/],
  ["date a number", { date: 1_700_000_000 }, /date is not an object/],
  ["date null", { date: null }, /date is not an object/],
  ["date in ms", { date: { t_ms: 1 } }, /date is not of the form/],
  ["date negative", { date: { t_s: -1 } }, /date is not of the form/],
  ["date fraction", { date: { t_s: 1.5 } }, /date is not of the form/],
  ["date text", { date: { t_s: "1700000000" } }, /date is not of the form/],
  ["date huge", { date: { t_s: 2 ** 53 - 1 } }, /date is beyond/],
  ["date beyond 2^53", { date: { t_s: 1e20 } }, /date is not of the form/],
  ["amount missing", { amount: undefined }, /amount is missing/],
  ["amount a number", { amount: 5 }, /amount is not a text/],
  ["amount without currency", { amount: "5" }, /amount is not of the form/],
  ["amount negative", { amount: "EUR:-5" }, /amount is not of the form/],
  ["amount with 9 digits", { amount: "EUR:0.000000001" }, /amount is not of the form/],
  ["amount above 2^52", { amount: "EUR:4503599627370497" }, /amount is not of the form/],
  ["debit_account missing", { debit_account: undefined }, /debit_account is missing/],
  ["debit_account no payto", { debit_account: "https://bank/" }, /debit_account is not a URI/],
  ["debit_account without method", { debit_account: "payto:///x" }, /debit_account is not a URI/],
  ["debit_account with a zero", { debit_account: "payto://iban/\0" }, /debit_account is not a URI/],
  ["debit_account with an escape", { debit_account: "payto://iban/\u009b31m" }, /debit_account is not a URI/],
  ["debit_account half a character", { debit_account: "payto://iban/\ud800" }, /debit_account is not a URI/],
  ["debit_account endless", { debit_account: `payto://iban/${"1".repeat(3000)}` }, /debit_account is not a URI/],
  ["reserve_pub missing", { reserve_pub: undefined }, /reserve_pub is missing/],
  ["reserve_pub short", { reserve_pub: encodeBase32(new Uint8Array(31)) }, /reserve_pub is not the base32 form of 32/],
  ["reserve_pub long", { reserve_pub: encodeBase32(new Uint8Array(33)) }, /reserve_pub is not the base32 form/],
  ["reserve_pub other alphabet", { reserve_pub: "!".repeat(52) }, /reserve_pub is not the base32 form/],
  ["KYCAUTH with reserve_pub", { type: "KYCAUTH" }, /account_pub is missing/],
  ["WAD without URL", { type: "WAD", wad_id: encodeBase32(new Uint8Array(24)) }, /origin_exchange_url is missing/],
  ["WAD of 32 bytes", { type: "WAD", wad_id: encodeBase32(new Uint8Array(32)) }, /wad_id is not the base32 form of 24/],
];

Deno.test("a wrong field of a credit makes the page unusable", () => {
  for (const [what, change, expected] of CREDIT_FAULTS) {
    const result = incoming([creditEntry(1, change as Record<string, unknown>), creditEntry(2)]);
    assert.match(faultOf(result), expected, what);
  }
});

const DEBIT_FAULTS: [string, unknown, RegExp][] = [
  ["wtid missing", { wtid: undefined }, /^row 2: wtid is missing/],
  ["wtid short", { wtid: "ABC" }, /wtid is not the base32 form of 32 bytes/],
  ["URL missing", { exchange_base_url: undefined }, /exchange_base_url is missing/],
  ["URL of another scheme", { exchange_base_url: "ftp://x/" }, /exchange_base_url is not a URL/],
  ["URL with a blank", { exchange_base_url: "http://x/ y" }, /exchange_base_url is not a URL/],
  ["credit_account missing", { credit_account: undefined }, /credit_account is missing/],
];

Deno.test("a wrong field of a debit makes the page unusable", () => {
  for (const [what, change, expected] of DEBIT_FAULTS) {
    assert.match(faultOf(outgoing([debitEntry(2, change as Record<string, unknown>)])), expected, what);
  }
});

Deno.test("a wrong envelope makes the page unusable", () => {
  const rows = [creditEntry(1)];
  const cases: [string, string, RegExp][] = [
    ["empty", "", /^the answer is not JSON/],
    ["cut off", '{"credit_account":', /not JSON/],
    ["a page of a proxy", "<html></html>", /not JSON/],
    ["nested without end", "[".repeat(100_000), /not JSON/],
    ["a list", "[]", /the answer is not an object/],
    ["null", "null", /the answer is not an object/],
    ["a number", "1", /the answer is not an object/],
    ["no own account", JSON.stringify({ incoming_transactions: rows }), /^credit_account is missing/],
    ["the other list", JSON.stringify({ credit_account: OWN_ACCOUNT, outgoing_transactions: rows }), /is not a list/],
    ["list no list", JSON.stringify({ credit_account: OWN_ACCOUNT, incoming_transactions: {} }), /is not a list/],
    [
      "entry no object",
      JSON.stringify({ credit_account: OWN_ACCOUNT, incoming_transactions: [null] }),
      /^entry 1 of incoming_transactions is not an object/,
    ],
    [
      "fields inherited",
      `{"credit_account":"${OWN_ACCOUNT}","incoming_transactions":[{"__proto__":${JSON.stringify(rows[0])}}]}`,
      /row_id is not an integer/,
    ],
    [
      "too many",
      JSON.stringify({ credit_account: OWN_ACCOUNT, incoming_transactions: Array(11).fill(rows[0]) }),
      /^11 transactions, though no more than 10/,
    ],
  ];
  for (const [what, text, expected] of cases) assert.match(faultOf(parseIncoming(text, ASKED)), expected, what);
  const empty = incoming([]);
  assert.deepEqual(empty, { ownAccount: OWN_ACCOUNT, rows: [] });
});

Deno.test("row ids ascend from the offset, or descend to it; one that appears twice is an anomaly", () => {
  const ids = (list: number[], asked: { descending?: boolean; offset?: bigint | undefined } = {}) =>
    parseIncoming(
      JSON.stringify({ credit_account: OWN_ACCOUNT, incoming_transactions: list.map((id) => creditEntry(id)) }),
      { ...ASKED, ...asked },
    );
  const down = { descending: true, offset: undefined };
  assert.ok("rows" in ids([1, 2, 9]));
  assert.ok("rows" in ids([8, 9], { offset: 7n }));
  assert.ok("rows" in ids([9, 4, 1], down));
  assert.ok("rows" in ids([6, 4, 1], { descending: true, offset: 7n }));
  assert.match(faultOf(ids([2, 1])), /^row 1: row ids do not ascend/);
  assert.match(faultOf(ids([7, 8], { offset: 7n })), /^row 7: not above row 7, where reading was to begin/);
  assert.match(faultOf(ids([8, 7], { offset: 7n })), /^row 7: row ids do not ascend/);
  assert.match(faultOf(ids([1, 2], down)), /^row 2: row ids do not descend/);
  assert.match(faultOf(ids([7, 6], { descending: true, offset: 7n })), /^row 7: not below row 7/);
  for (const list of [[1, 2, 2], [1, 2, 1]]) {
    const result = ids(list);
    assert.match(faultOf(result), /the row id appears twice/);
    const anomaly = "fault" in result ? result.anomaly : undefined;
    assert.equal(anomaly?.kind, "duplicate");
    assert.equal(anomaly?.rowId, BigInt(list[2] ?? 0));
    assert.equal(anomaly?.direction, "credit");
    assert.equal(anomaly?.account, "exchange-account-1");
  }
});

Deno.test("large row ids are exact up to 2^63-1, and refused above", () => {
  const one = (digits: string) =>
    parseOutgoing(
      JSON.stringify({ debit_account: OWN_ACCOUNT, outgoing_transactions: [debitEntry(77)] })
        .replace('"row_id":77', `"row_id":${digits}`),
      ASKED,
    );
  for (const digits of ["9007199254740993", "9223372036854775807"]) {
    const page = one(digits);
    assert.ok("rows" in page, faultOf(page));
    assert.equal(page.rows[0]?.rowId, BigInt(digits));
  }
  for (const digits of ["9223372036854775808", "18446744073709551615", "1e300", "9".repeat(400)]) {
    assert.match(faultOf(one(digits)), /row_id is not an integer from 1 to 2\^63-1/, digits);
  }
});

Deno.test("no fault repeats free text of the bank", () => {
  const secret = "c2VjcmV0LXRva2Vu";
  const fields = ["type", "amount", "debit_account", "reserve_pub"];
  for (const field of fields) assert.ok(!faultOf(incoming([creditEntry(1, { [field]: secret })])).includes(secret));
  assert.ok(!faultOf(parseIncoming(secret, ASKED)).includes(secret));
});

Deno.test("the gateway's description is read, and another service's refused", () => {
  const config = (fields: unknown) => parseConfig(JSON.stringify(fields));
  const proper = { name: "taler-wire-gateway", version: "4:1:2", currency: "EUR", implementation: "x" };
  assert.deepEqual(config(proper), { version: 4, currency: "EUR" });
  assert.deepEqual(config({ ...proper, currency: undefined }), { version: 4, currency: undefined });
  assert.match(faultOf(config({ ...proper, name: "taler-corebank" })), /does not call itself taler-wire-gateway/);
  for (const version of ["4", "4:1", "a:b:c", "-1:0:0", "4:1:2:3"]) {
    assert.match(faultOf(config({ ...proper, version })), /version is not of the form/, version);
  }
  assert.match(faultOf(parseConfig("nginx")), /not JSON/);
});

const recorded = goldenPath() === undefined ? [] : [
  ...datasetNames(),
  ...mutationNames().filter((name) => {
    try {
      return Deno.statSync(`${mutationPath(name)}/bank`).isDirectory;
    } catch {
      return false;
    }
  }),
];
// deno-lint-ignore no-console -- a skipped test says why
if (recorded.length === 0) console.log("skipped: the recorded histories are not here; set TALER_AUDITOR_GOLDEN");

Deno.test({
  name: "every recorded history is accepted as it is",
  ignore: recorded.length === 0,
  fn: () => {
    let rows = 0;
    for (const name of recorded) {
      const data = recordedHistory(name);
      const asked = { ...ASKED, limit: 1024 };
      const credits = parseIncoming(
        JSON.stringify({ credit_account: data.own, incoming_transactions: data.incoming }),
        asked,
      );
      const debits = parseOutgoing(
        JSON.stringify({ debit_account: data.own, outgoing_transactions: data.outgoing }),
        asked,
      );
      assert.ok("rows" in credits, `${name}: ${faultOf(credits)}`);
      assert.ok("rows" in debits, `${name}: ${faultOf(debits)}`);
      rows += credits.rows.length + debits.rows.length;
    }
    assert.ok(rows > 400, `${rows} rows`);
  },
});

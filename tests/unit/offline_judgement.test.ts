// SPDX-License-Identifier: AGPL-3.0-or-later
/** What show warns about: each thing that is unusual is named, and what is usual is not. */

import assert from "node:assert/strict";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { type Examination, examine, type Expectation } from "../../core/offline/examine.ts";
import { isUsualValue } from "../../core/offline/judgement.ts";
import { parseDocument } from "../../core/offline/json.ts";
import { shortName } from "../../core/offline/name.ts";
import { FRACTION_BASE } from "../../core/taler/amount.ts";
import { DAY, HOUR, NEVER } from "../../core/taler/time.ts";
import {
  AGE_MASK,
  AUDITOR_PUB,
  AUDITOR_SEED,
  AUDITOR_URL,
  auditorJson,
  type DenominationPlan,
  EXCHANGE_URL,
  type Json,
  keysJson,
  type KeysPlan,
  MASTER_PUB,
  NOW,
  planHash,
  secret,
  signList,
  week,
} from "../support/offline-keys.ts";

const EXPECTED: Expectation = {
  masterPub: MASTER_PUB,
  currency: "KUDOS",
  now: NOW,
  auditorPub: AUDITOR_PUB,
  auditorUrl: AUDITOR_URL,
  exchangeUrl: EXCHANGE_URL,
};

function examined(keys: Json, change: Partial<Expectation> = {}): Examination {
  const parsed = parseDocument(JSON.stringify(keys));
  assert.ok("value" in parsed);
  const result = examine(parsed.value, { ...EXPECTED, ...change });
  assert.ok("keys" in result, "faults" in result ? result.faults.join() : "");
  return result;
}

function remarks(keys: Json, change: Partial<Expectation> = {}): string[] {
  return examined(keys, change).remarks.map(({ level, text }) => `${level}: ${text}`);
}

const USUAL: KeysPlan = {
  denominations: [0, 1, 2, 3].flatMap((number) => [
    week(number),
    week(number, { value: "0.5" }),
    week(number, { value: "2", cipher: "RSA", name: `rsa ${number}` }),
    week(number, { value: "2", ageMask: AGE_MASK }),
  ]),
};

Deno.test("an ordinary document has no remarks", () => {
  const examination = examined(keysJson(USUAL));
  assert.deepEqual(examination.remarks, []);
  assert.deepEqual(examination.refusals, []);
  assert.ok(examination.verified.every((valid) => valid));
  assert.ok(!examination.signed.some((signed) => signed));
});

Deno.test("usual values are 1, 2, 5 by tens, or doublings of the smallest unit", () => {
  const unit = (text: string) => BigInt(Math.round(Number(text) * 1e8));
  for (const value of ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "50", "1000"]) {
    assert.ok(isUsualValue(unit(value), 2), value);
  }
  for (const value of ["0.04", "0.08", "0.16", "10.24", "655.36"]) assert.ok(isUsualValue(unit(value), 2), value);
  for (const value of ["0", "0.001", "0.03", "0.015", "3", "4", "8", "11", "99.99", "2.5"]) {
    assert.ok(!isUsualValue(unit(value), 2), value);
  }
  assert.ok(isUsualValue(4n * FRACTION_BASE, 0));
  assert.ok(isUsualValue(1n, 8));
  assert.ok(isUsualValue(1n, 4_000_000_000), "nonsense about digits does no harm");
});

const name = (plan: DenominationPlan) => shortName(planHash(plan));
const [w0, w1, w2] = [week(0), week(1), week(2)];
const weeks = (...changes: Partial<DenominationPlan>[]) => changes.map((change, number) => week(number, change));

const CASES: readonly [title: string, plan: KeysPlan, expected: string[]][] = [
  ["value", { denominations: [week(0, { value: "3" }), week(1, { value: "3" })] }, [
    "alarm: KUDOS:3 is no usual value of a coin",
  ]],
  ["no value", { denominations: [week(0, { value: "0", fees: ["0", "0", "0", "0"] })] }, [
    "alarm: there are coins without value (KUDOS:0)",
    "notice: the withdraw fee of coins of KUDOS:0 is KUDOS:0, the whole coin",
    "notice: the deposit fee of coins of KUDOS:0 is KUDOS:0, the whole coin",
    "notice: the refresh fee of coins of KUDOS:0 is KUDOS:0, the whole coin",
    "notice: the refund fee of coins of KUDOS:0 is KUDOS:0, the whole coin",
  ]],
  ["fee above value", { denominations: [week(0, { value: "0.01" })] }, [
    "alarm: the refresh fee of coins of KUDOS:0.01 is KUDOS:0.03, more than the coin",
    "notice: the withdraw fee of coins of KUDOS:0.01 is KUDOS:0.01, the whole coin",
    "notice: the deposit fee of coins of KUDOS:0.01 is KUDOS:0.01, the whole coin",
    "notice: the refund fee of coins of KUDOS:0.01 is KUDOS:0.01, the whole coin",
  ]],
  ["fee change", { denominations: weeks({}, {}, { fees: ["0.01", "0.02", "0.03", "0.01"] }) }, [
    "alarm: FEE CHANGE for KUDOS:1 (CS): from KUDOS:0.01/KUDOS:0.01/KUDOS:0.03/KUDOS:0.01 to " +
    "KUDOS:0.01/KUDOS:0.02/KUDOS:0.03/KUDOS:0.01 with the key that starts 2026-12-06T00:00:00Z",
  ]],
  ["overlap", { denominations: [w0, { ...w1, start: w1.start - DAY }] }, [
    `alarm: keys of KUDOS:1 (CS) OVERLAP by 24 hours: ${name(w0)}, ${name(w1)}`,
  ]],
  ["usual overlap", { denominations: [w0, { ...w1, start: w1.start - HOUR / 12n }] }, []],
  ["the same period twice", { denominations: [w0, { ...w0, name: "twin" }] }, [
    `alarm: keys of KUDOS:1 (CS) OVERLAP by 7 days: ${name(w0)}, ${name({ ...w0, name: "twin" })}`,
  ]],
  ["gap", { denominations: [w0, w2] }, [
    "notice: nobody can withdraw KUDOS:1 (CS) between 2026-11-29T00:00:00Z and 2026-12-06T00:00:00Z",
  ]],
  ["period unlike the others", { denominations: [w0, w1, { ...w2, expireLegal: w2.expireLegal + 365n * DAY }] }, [
    `alarm: the legal period of ${name(w2)} is unlike that of the other keys of KUDOS:1 (CS), which is 1095 days`,
  ]],
  ["dates in a wrong order", { denominations: [{ ...w0, expireDeposit: w0.start }] }, [
    `alarm: dates in the wrong order (1 key): ${name(w0)}`,
    `alarm: expired, no longer accepted for deposits (1 key): ${name(w0)}`,
  ]],
  ["never", { denominations: [{ ...w0, expireLegal: NEVER }] }, [`alarm: a date that is never (1 key): ${name(w0)}`]],
  ["short withdrawal", { denominations: [{ ...w0, expireWithdraw: w0.start + HOUR }] }, [
    `alarm: withdrawn for less than a day (1 key): ${name(w0)}`,
  ]],
  ["long withdrawal", { denominations: [{ ...w0, expireWithdraw: w0.start + 731n * DAY }] }, [
    `alarm: withdrawn for more than two years (1 key): ${name(w0)}`,
    `alarm: deposits end less than 30 days after withdrawals (1 key): ${name(w0)}`,
  ]],
  ["short legal period", { denominations: [{ ...w0, expireLegal: w0.expireDeposit }] }, [
    `alarm: legal end less than a year after the last deposit (1 key): ${name(w0)}`,
  ]],
  ["far ahead", { denominations: [week(110)] }, [`alarm: start more than two years ahead (1 key): ${name(week(110))}`]],
  ["over", { denominations: [week(-2), week(-1)] }, [
    `notice: no longer withdrawn, only deposited (2 keys): ${name(week(-2))}, ${name(week(-1))}`,
  ]],
  ["expired", { denominations: [week(-110)] }, [
    `alarm: expired, no longer accepted for deposits (1 key): ${name(week(-110))}`,
  ]],
  ["weak RSA", { denominations: [week(0, { cipher: "RSA", bits: 1024 })] }, [
    `alarm: RSA modulus below 2048 bits (1 key): ${name(week(0, { cipher: "RSA", bits: 1024 }))}`,
  ]],
  ["key for two purposes", { denominations: [week(0, { name: "one" }), week(0, { name: "one", ageMask: AGE_MASK })] }, [
    `alarm: public key shared with another denomination (2 keys): ${name(week(0, { name: "one" }))}, ` +
    name(week(0, { name: "one", ageMask: AGE_MASK })),
  ]],
  ["age groups that differ", { denominations: [week(0, { ageMask: 3 }), week(0, { ageMask: 5 })] }, [
    "alarm: the document has 2 different sets of age groups",
  ]],
  ["age groups not announced", { denominations: [week(0, { ageMask: AGE_MASK })], ageGroups: null }, [
    "alarm: some keys are age-restricted, but the exchange announces no age groups",
  ]],
  ["other age groups announced", { denominations: [week(0, { ageMask: AGE_MASK })], ageGroups: "8:10" }, [
    "alarm: the age groups of the keys are not those that the exchange announces",
  ]],
  ["revoked", { denominations: [w0, w1], revoked: [w1] }, [
    `alarm: REVOKED by the exchange, yet on its list (1 key): ${name(w1)}`,
  ]],
  ["others revoked", { denominations: [w0], revoked: [w1] }, [
    `notice: revoked by the exchange, and not on its list: ${name(w1)}`,
  ]],
  ["lost", { denominations: [{ ...w0, lost: true }] }, [
    `alarm: private key LOST, says the exchange (1 key): ${name(w0)}`,
  ]],
  ["not lost", { denominations: [{ ...w0, lost: false }] }, []],
  ["partly signed", { denominations: [w0, w1], auditors: [auditorJson(AUDITOR_SEED, AUDITOR_URL, [w0])] }, [
    "notice: already signed by this auditor: 1 of 2 keys",
  ]],
  ["all signed", { denominations: [w0, w1], auditors: [auditorJson(AUDITOR_SEED, AUDITOR_URL, [w0, w1])] }, [
    "alarm: ALREADY SIGNED by this auditor: all 2 keys, there is nothing new to sign",
  ]],
  ["our address, another key", { denominations: [w0], auditors: [auditorJson(secret("x"), AUDITOR_URL, [w0])] }, [
    "alarm: the exchange lists our address with another key",
  ]],
  ["our key, another address", {
    denominations: [w0],
    auditors: [auditorJson(AUDITOR_SEED, "https://x.example/", [w0])],
  }, [
    "alarm: the exchange lists our key with another address: https://x.example/",
  ]],
  ["another auditor", { denominations: [w0], auditors: [auditorJson(secret("x"), "https://x.example/", [w0])] }, []],
  ["signatures for other keys", {
    denominations: [w0],
    auditors: [auditorJson(secret("x"), "https://x.example/", [w1])],
  }, [
    "notice: signatures of auditors for keys that are not on this list: 1",
  ]],
  ["address of the exchange", { denominations: [w0], baseUrl: "https://other.example/\u202e" }, [
    "alarm: the exchange calls itself https://other.example/\\u202e, the configuration https://exchange.example/",
  ]],
];

for (const [title, plan, expected] of CASES) {
  Deno.test(`remarks: ${title}`, () => assert.deepEqual(remarks(keysJson(plan)), expected));
}

Deno.test("without our key, our address tells what we have signed", () => {
  const keys = keysJson({ denominations: [w0], auditors: [auditorJson(AUDITOR_SEED, AUDITOR_URL, [w0])] });
  assert.deepEqual(examined(keys, { auditorPub: undefined }).signed, [true]);
  const elsewhere = keysJson({
    denominations: [w0],
    auditors: [auditorJson(AUDITOR_SEED, "https://x.example/", [w0])],
  });
  assert.deepEqual(examined(elsewhere, { auditorPub: undefined }).signed, [false]);
  assert.deepEqual(examined(elsewhere).signed, [false], "it covers another address");
});

Deno.test("another master key or currency is refused, and shown for what it is", () => {
  const keys = keysJson({ denominations: [w0] });
  const other = publicKeyOf(secret("other master"));
  const examination = examined(keys, { masterPub: other, currency: "EUR" });
  assert.match(examination.refusals[0] ?? "", /^the master key of the document, \w{52}, does not match .*, \w{52}$/);
  assert.match(examination.refusals[1] ?? "", /^the currency of the document, KUDOS, does not match .*, EUR$/);
  assert.equal(examination.refusals.length, 2);
  assert.deepEqual(examined(keys, { currency: undefined }).refusals, []);
});

Deno.test("every master signature counts, other signatures raise an alarm", () => {
  const keys = keysJson({ denominations: [w0, w1], auditors: [auditorJson(secret("x"), "https://x.example/", [w0])] });
  const changed = (change: (copy: Json) => void) => {
    const copy = structuredClone(keys);
    change(copy);
    return examined(copy);
  };
  const swap = (signature: string) => (signature.startsWith("0") ? "1" : "0") + signature.slice(1);
  const denomination = changed((k) =>
    k.denominations[0].denoms[1].master_sig = swap(k.denominations[0].denoms[1].master_sig)
  );
  assert.deepEqual(denomination.refusals, [
    `the master signature (1025) of denomination ${name(w1)} is NOT VALID (denominations[0].denoms[1])`,
  ]);
  assert.deepEqual(denomination.verified, [true, false]);
  const fee = changed((k) => k.wire_fees.iban[0].closing_fee = "KUDOS:0");
  assert.deepEqual(fee.refusals, ["the master signature (1028) of wire fee is NOT VALID (wire_fees[0][0])"]);
  const list = changed((k) => k.denominations[0].denoms.reverse());
  assert.deepEqual(list.refusals, []);
  assert.match(list.remarks[0]?.text ?? "", /signature over the list is NOT VALID/);
  const auditor = changed((k) => k.auditors[0].auditor_url += "x");
  assert.deepEqual(auditor.refusals, []);
  assert.match(
    auditor.remarks[0]?.text ?? "",
    /^signatures of auditors that are NOT VALID: 1 \(auditors\[0\]\.denomination_keys\[0\]\)$/,
  );
  const unlisted = changed((k) => delete k.signkeys);
  assert.match(unlisted.remarks[0]?.text ?? "", /signature over the list is NOT VALID/, "its key is not listed");
});

Deno.test("a document of denominations alone can be signed, with notices", () => {
  const { currency, master_public_key, denominations } = keysJson({ denominations: [w0] });
  const examination = examined({ currency, master_public_key, denominations });
  assert.deepEqual(examination.refusals, []);
  assert.deepEqual(examination.remarks.map(({ text }) => text), [
    "the document has no signkeys, no wire_fees, no global_fees, no accounts, no auditors, no exchange_sig",
  ]);
});

Deno.test("the clock decides what is old", () => {
  const keys = signList(keysJson({ denominations: [week(5)] }));
  assert.deepEqual(remarks(keys, { now: NOW + 26n * HOUR }), []);
  assert.match(remarks(keys, { now: NOW + 50n * HOUR }).join(), /notice: the list is 2 days old; newer/);
  assert.match(remarks(keys, { now: NOW - HOUR }).join(), /notice: the list is from the future/);
});

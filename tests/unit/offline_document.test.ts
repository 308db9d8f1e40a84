// SPDX-License-Identifier: AGPL-3.0-or-later
/** Documents: nothing gets lost on the way, and whatever is not exactly right is said with its place. */

import assert from "node:assert/strict";
import { canonicalJson } from "../../core/taler/json.ts";
import { hashJson } from "../../core/crypto/objects.ts";
import { readKeysDocument, readOperations } from "../../core/offline/documents.ts";
import { hashExactly, parseDocument, writeDocument } from "../../core/offline/json.ts";
import { readKeys } from "../../core/offline/keys.ts";
import { announcedAgeMask } from "../../core/offline/keys-parts.ts";
import { shortName, visible } from "../../core/offline/name.ts";
import { AGE_MASK, type Json, keysJson, planHash, secret, week } from "../support/offline-keys.ts";

function parsed(text: string): unknown {
  const result = parseDocument(text);
  assert.ok("value" in result, JSON.stringify(result));
  return result.value;
}

Deno.test("a document comes back as it was, numbers included", () => {
  const numbers = "[0,-0,1,-1,0.0,1.50,1e3,1E+2,9007199254740993,123456789012345678901234567890]";
  assert.equal(JSON.stringify(parsed(numbers)), numbers);
  const text = '{"a":{"b":[],"c":"\\u00e4\\u0001","__proto__":{"x":1}},"d":null,"e":true}';
  assert.equal(JSON.stringify(parsed(text)), JSON.stringify(JSON.parse(text)));
  assert.equal(writeDocument(parsed('{"a":0.0}')), '{\n  "a": 0.0\n}');
});

const NO_DOCUMENTS: readonly [text: string, fault: RegExp][] = [
  ["", /is not JSON/],
  ["{", /is not JSON/],
  ['{"a":1,}', /is not JSON/],
  ["NaN", /is not JSON/],
  ['{"a":1,"a":2}', /has a member twice/],
  ['{"a":{"b":1,"c":2,"b":1}}', /has a member twice/],
  ['[{"a":":","a":1}]', /has a member twice/],
  // the same name in another spelling
  ['{"a":1,"\\u0061":1}', /has a member twice/],
  ['{"__proto__":1,"__proto__":2}', /has a member twice/],
  ["[".repeat(101) + "]".repeat(101), /is nested too deeply/],
  ["[".repeat(1_000_000), /is not JSON|is nested too deeply/],
];

for (const [text, fault] of NO_DOCUMENTS) {
  Deno.test(`no document: ${text.slice(0, 40)}`, () => {
    const result = parseDocument(text);
    assert.ok("fault" in result);
    assert.match(result.fault, fault);
  });
}

Deno.test("colons and braces inside of strings are no members and no depth", () => {
  const text = JSON.stringify({ "a:b": '":{[', c: ["\\", '\\"', "::"] });
  assert.deepEqual(parsed(text), JSON.parse(text));
  assert.deepEqual(parsed(JSON.stringify("[".repeat(200))), "[".repeat(200));
});

Deno.test("hashes of parts of a document are those of their exact values", () => {
  assert.deepEqual(hashExactly(parsed('{"b":[1,2],"a":"x"}')), hashJson({ a: "x", b: [1, 2] }));
  assert.deepEqual(hashExactly(parsed("[9007199254740993]")), hashJson([9007199254740993n]));
  assert.equal(hashExactly(parsed("[1.0]")), undefined);
  assert.equal(hashExactly(parsed('{"a":[{"b":1e3}]}')), undefined);
  assert.equal(canonicalJson(parsed("[9007199254740992]")) === "[9007199254740992]", false, "only through hashExactly");
});

Deno.test("documents of the wrong kind are refused", () => {
  const cases: [string, RegExp][] = [
    ["  ", /is empty/],
    ["[]", /is a list; what download wrote is wanted/],
    ["{}", /has no member operation/],
    ['{"operation":7}', /has no member operation/],
    ['{"operation":"auditor-keys-1","arguments":{}}', /its operation is not auditor-keys-0/],
  ];
  for (const [text, expected] of cases) {
    const result = readKeysDocument(text);
    assert.ok("fault" in result);
    assert.match(result.fault, expected);
  }
  assert.deepEqual(readOperations("[]"), { operations: [] });
  assert.ok("fault" in readOperations('[{"operation":"auditor-setup-0","arguments":{"auditor_pub":"00"}}]'));
  assert.ok("fault" in readOperations('[{"operation":"auditor-setup-0"}]'));
});

const KEYS = keysJson({
  denominations: [week(0), week(0, { cipher: "RSA", value: "2" }), week(0, { ageMask: AGE_MASK })],
});

function faultsOf(change: (keys: Json) => void): string {
  const keys = structuredClone(KEYS);
  change(keys);
  const result = readKeys(parsed(JSON.stringify(keys)));
  return "faults" in result ? result.faults.join("\n") : "none";
}

Deno.test("all parts of /keys are read", () => {
  const result = readKeys(parsed(JSON.stringify(KEYS)));
  assert.ok("keys" in result);
  const { keys } = result;
  assert.deepEqual(keys.denominations.map(({ hash }) => hash), [
    planHash(week(0)),
    planHash(week(0, { cipher: "RSA", value: "2" })),
    planHash(week(0, { ageMask: AGE_MASK })),
  ]);
  assert.deepEqual(keys.denominations.map(({ bits }) => bits), [256, 2048, 256]);
  assert.deepEqual(keys.denominations.map(({ place }) => place), [
    "denominations[0].denoms[0]",
    "denominations[1].denoms[0]",
    "denominations[2].denoms[0]",
  ]);
  assert.equal(announcedAgeMask(keys.extensions), AGE_MASK);
  assert.deepEqual([keys.version, keys.baseUrl, keys.digits], ["23:0:6", "https://exchange.example/", 2]);
});

const FAULTS: readonly [name: string, change: (keys: Json) => void, expected: string][] = [
  ["no currency", (k) => delete k.currency, "currency: missing, expected a text"],
  ["a currency that is none", (k) => k.currency = "kudos", "currency: expected a currency of 1 to 11 letters A-Z"],
  [
    "no master key",
    (k) => delete k.master_public_key,
    "master_public_key: missing, expected 32 bytes in 52 base32 symbols",
  ],
  [
    "a short master key",
    (k) => k.master_public_key = k.master_public_key.slice(1),
    "master_public_key: expected 32 bytes in 52 base32 symbols",
  ],
  ["no denominations", (k) => delete k.denominations, "denominations: missing, expected an array"],
  ["denominations that are no list", (k) => k.denominations = {}, "denominations: expected an array"],
  [
    "an unknown cipher",
    (k) => k.denominations[0].cipher = "DSA",
    "denominations[0].cipher: expected RSA, CS, RSA+age_restricted or CS+age_restricted",
  ],
  [
    "restricted without mask",
    (k) => delete k.denominations[2].age_mask,
    "denominations[2].age_mask: missing, expected a number from 0 to 4294967295",
  ],
  [
    "a mask of 33 bits",
    (k) => k.denominations[2].age_mask = 2 ** 32,
    "denominations[2].age_mask: expected a number from 0 to 4294967295",
  ],
  [
    "another currency",
    (k) => k.denominations[0].fee_refund = "EUR:1",
    "denominations[0].fee_refund: expected an amount in KUDOS",
  ],
  [
    "an amount that is none",
    (k) => k.denominations[0].value = "KUDOS:-1",
    "denominations[0].value: expected an amount in KUDOS",
  ],
  [
    "an amount that is a number",
    (k) => k.denominations[0].value = 1,
    "denominations[0].value: expected an amount in KUDOS",
  ],
  [
    "a time with a fraction",
    (k) => k.denominations[0].denoms[0].stamp_start.t_s = 1.5,
    'denominations[0].denoms[0].stamp_start: expected a time such as {"t_s": 1700000000} or {"t_s": "never"}',
  ],
  [
    "a negative time",
    (k) => k.denominations[0].denoms[0].stamp_start.t_s = -1,
    'denominations[0].denoms[0].stamp_start: expected a time such as {"t_s": 1700000000} or {"t_s": "never"}',
  ],
  [
    "a time beyond all",
    (k) => k.denominations[0].denoms[0].stamp_start.t_s = 10 ** 14,
    'denominations[0].denoms[0].stamp_start: expected a time such as {"t_s": 1700000000} or {"t_s": "never"}',
  ],
  [
    "a key of another cipher",
    (k) => k.denominations[0].cipher = "RSA",
    "denominations[0].denoms[0].rsa_pub: missing, expected bytes in base32",
  ],
  [
    "a key that is no RSA key",
    (k) => k.denominations[1].denoms[0].rsa_pub = "00".repeat(100),
    "denominations[1].denoms[0].rsa_pub: no usable RSA key",
  ],
  ["an even modulus", (k) => {
    const [key] = k.denominations[1].denoms;
    key.rsa_pub = key.rsa_pub.slice(0, -10) + "0".repeat(10);
  }, "denominations[1].denoms[0].rsa_pub: no usable RSA key"],
  [
    "a lost that is no flag",
    (k) => k.denominations[0].denoms[0].lost = 1,
    "denominations[0].denoms[0].lost: expected true or false",
  ],
  [
    "the same key twice",
    (k) => k.denominations[0].denoms.push(k.denominations[0].denoms[0]),
    "denominations[0].denoms[1]: the same key as denominations[0].denoms[0]",
  ],
  [
    "a signing key without end",
    (k) => delete k.signkeys[0].stamp_end,
    'signkeys[0].stamp_end: missing, expected a time such as {"t_s": 1700000000} or {"t_s": "never"}',
  ],
  ["wire fees that are a list", (k) => k.wire_fees = [], "wire_fees: expected an object"],
  [
    "a wire fee without signature",
    (k) => delete k.wire_fees.iban[0].sig,
    "wire_fees[0][0].sig: missing, expected 64 bytes in 103 base32 symbols",
  ],
  [
    "a limit below zero",
    (k) => k.global_fees[0].purse_account_limit = -1,
    "global_fees[0].purse_account_limit: expected a number from 0 to 4294967295",
  ],
  [
    "a duration that is a time",
    (k) => k.global_fees[0].purse_timeout = { t_s: 1 },
    'global_fees[0].purse_timeout: expected a duration such as {"d_us": 1000000} or {"d_us": "forever"}',
  ],
  [
    "restrictions that are texts",
    (k) => k.accounts[0].credit_restrictions = ["x"],
    "accounts[0].credit_restrictions[0]: expected an object",
  ],
  [
    "an auditor without address",
    (k) => k.auditors = [{ auditor_pub: k.master_public_key, denomination_keys: [] }],
    "auditors[0].auditor_url: missing, expected a text",
  ],
  [
    "half a list signature",
    (k) => delete k.exchange_sig,
    "exchange_sig: missing, expected 64 bytes in 103 base32 symbols",
  ],
  [
    "a signature over nothing",
    (k) => delete k.extensions,
    "extensions_sig: there are no extensions that it could be about",
  ],
  [
    "a revocation of nothing",
    (k) => k.recoup = [{}],
    "recoup[0].h_denom_pub: missing, expected 64 bytes in 103 base32 symbols",
  ],
];

for (const [name, change, expected] of FAULTS) {
  Deno.test(`/keys with ${name}`, () => assert.equal(faultsOf(change), expected));
}

Deno.test("many faults are all named, but not without end", () => {
  const faults = faultsOf((k) => {
    k.denominations = Array.from({ length: 200 }, () => ({}));
  });
  assert.equal(faults.split("\n").length, 50);
});

Deno.test("foreign text cannot reach the terminal as it is", () => {
  assert.equal(visible("https://a.example/ok"), "https://a.example/ok");
  assert.equal(visible("\x1b[2Jx\u202e\u00e4\n"), "\\u001b[2Jx\\u202e\\u00e4\\u000a");
  assert.equal(visible("x".repeat(1000)).length, 203);
});

Deno.test("short names are those of the exchange's tools", () => {
  // the first eight symbols of the hash of a hash (cli.md 10.4)
  assert.match(shortName(planHash(week(0))), /^[0-9A-Z]{8}$/);
  assert.notEqual(shortName(secret("a")), shortName(secret("b")));
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The fingerprint: its definition, its words, and the script with which others compute it. */

import assert from "node:assert/strict";
import { sha512, utf8Bytes } from "../../core/crypto/hash.ts";
import { fingerprintHex, fingerprintOf, fingerprintWords, parseFingerprint } from "../../core/offline/fingerprint.ts";
import { parseDocument } from "../../core/offline/json.ts";
import { type Keys, readKeys } from "../../core/offline/keys.ts";
import { WORDS } from "../../core/offline/words.ts";
import { NEVER } from "../../core/taler/time.ts";
import { AGE_MASK, type Json, keysJson, MASTER_PUB, planHash, week } from "../support/offline-keys.ts";

function keysOf(json: Json): Keys {
  const parsed = parseDocument(JSON.stringify(json));
  assert.ok("value" in parsed);
  const result = readKeys(parsed.value);
  assert.ok("keys" in result);
  return result.keys;
}

const KEYS = keysJson({
  denominations: [
    week(0),
    week(1, { ageMask: AGE_MASK, value: "0.00000001", fees: ["0", "0.5", "12345678.87654321", "1"] }),
    week(2, { cipher: "RSA", value: "2" }),
    week(3, { expireLegal: NEVER }),
  ],
});

Deno.test("the fingerprint of one key, computed by hand", () => {
  const plan = week(0);
  const u64 = (value: bigint) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value);
    return bytes;
  };
  const hex = (text: string) => Uint8Array.fromHex(text);
  const kudos = "4b55444f5300000000000000";
  const cents = (count: number) => hex("0000000000000000" + (count * 1_000_000).toString(16).padStart(8, "0") + kudos);
  const expected = sha512(
    utf8Bytes("taler-auditor denominations 1\0"),
    MASTER_PUB,
    hex("00000001"),
    hex("0000010000000401"),
    MASTER_PUB,
    ...[plan.start, plan.expireWithdraw, plan.expireDeposit, plan.expireLegal].map(u64),
    hex("0000000000000001" + "00000000" + kudos),
    ...[1, 1, 3, 1].map(cents),
    planHash(plan),
  ).slice(0, 12);
  assert.deepEqual(fingerprintOf(keysOf(keysJson({ denominations: [plan] }))), expected);
});

Deno.test("the order of groups and keys does not matter, everything signed does", () => {
  const original = fingerprintHex(fingerprintOf(keysOf(KEYS)));
  const reversed = structuredClone(KEYS);
  reversed.denominations.reverse();
  assert.equal(fingerprintHex(fingerprintOf(keysOf(reversed))), original);
  const changes: ((keys: Json) => void)[] = [
    (k) => k.denominations.pop(),
    (k) => k.denominations[0].value = "KUDOS:1.01",
    (k) => k.denominations[0].fee_withdraw = "KUDOS:0",
    (k) => k.denominations[0].fee_deposit = "KUDOS:0",
    (k) => k.denominations[0].fee_refresh = "KUDOS:0",
    (k) => k.denominations[0].fee_refund = "KUDOS:0",
    (k) => k.denominations[1].age_mask++,
    (k) => k.denominations[0].denoms[0].stamp_start.t_s++,
    (k) => k.denominations[0].denoms[0].stamp_expire_withdraw.t_s++,
    (k) => k.denominations[0].denoms[0].stamp_expire_deposit.t_s++,
    (k) => k.denominations[0].denoms[0].stamp_expire_legal.t_s++,
    (k) => k.denominations[0].denoms[0].cs_pub = k.denominations[1].denoms[0].cs_pub,
    (k) => k.master_public_key = "0".repeat(52),
  ];
  const seen = new Set([original]);
  for (const change of changes) {
    const copy = structuredClone(KEYS);
    change(copy);
    seen.add(fingerprintHex(fingerprintOf(keysOf(copy))));
  }
  assert.equal(seen.size, changes.length + 1);
});

Deno.test("a fingerprint is read back from its words and its digits", () => {
  const fingerprint = fingerprintOf(keysOf(KEYS));
  const words = fingerprintWords(fingerprint);
  const hex = fingerprintHex(fingerprint);
  assert.match(hex, /^([0-9a-f]{4} ){5}[0-9a-f]{4}$/);
  const forms = [
    hex,
    hex.toUpperCase(),
    hex.replaceAll(" ", ""),
    ` ${words.join(" ")}\n`,
    words.join(", "),
    words.join("-").toUpperCase(),
  ];
  for (const form of forms) assert.deepEqual(parseFingerprint(form), { bytes: fingerprint }, form);
});

Deno.test("what is no fingerprint is refused, without being repeated", () => {
  const words = fingerprintWords(new Uint8Array(12));
  const refused = [
    "",
    "acorn",
    words.slice(1).join(" "),
    [...words, "acorn"].join(" "),
    "0".repeat(23),
    "0".repeat(25),
  ];
  for (const text of refused) {
    assert.deepEqual(parseFingerprint(text), { fault: "has 12 words or 24 hexadecimal digits" });
  }
  assert.deepEqual(parseFingerprint([...words.slice(0, 11), "hunter"].join(" ")), {
    fault: "has a word that is not on the list: word 12",
  });
});

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

Deno.test("the words: one per byte, in order, short, and no two of them alike", () => {
  assert.equal(WORDS.length, 256);
  assert.deepEqual(WORDS.toSorted(), WORDS);
  for (const word of WORDS) assert.match(word, /^[a-z]{4,9}$/);
  for (const [index, word] of WORDS.entries()) {
    for (const other of WORDS.slice(index + 1)) assert.ok(distance(word, other) >= 3, `${word} and ${other}`);
  }
  // The list may never change, or fingerprints read out from older programs become wrong.
  assert.equal(sha512(utf8Bytes(WORDS.join(" "))).slice(0, 8).toHex(), "49e5b2235c7d180d");
});

function hasPython(): boolean {
  try {
    return new Deno.Command("python3", { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

const python = hasPython();
// deno-lint-ignore no-console -- a skipped test says why
if (!python) console.log("offline: there is no python3; the script of docs/offline.md is not tried");

Deno.test({ name: "the script of the manual computes the same", ignore: !python }, async () => {
  const manual = await Deno.readTextFile(new URL("../../docs/offline.md", import.meta.url));
  const script = /```python\n([^]*?)```/.exec(manual)?.[1] ?? "";
  const child = new Deno.Command("python3", { args: ["-c", script], stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(utf8Bytes(JSON.stringify(KEYS)));
  await writer.close();
  const { stdout } = await child.output();
  assert.equal(new TextDecoder().decode(stdout).trim(), fingerprintOf(keysOf(KEYS)).toHex());
});

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import {
  ageGroup,
  cipherNumber,
  parseBlindedSignature,
  parseDenominationKey,
  parseDenominationSignature,
  parsePlanchet,
  parseWithdrawValues,
  serializeBlindedSignature,
  serializeDenominationKey,
  serializeDenominationSignature,
  serializePlanchet,
  serializeWithdrawValues,
} from "../../core/taler/denomination.ts";
import exchange from "../fixtures/exchange-2022.json" with { type: "json" };

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text.replaceAll(" ", ""));
const S = "11".repeat(32);
const R = "22".repeat(32);
const NONCE = "33".repeat(32);

Deno.test("authentic RSA key, signature and planchet (crypto.md 11.8)", () => {
  const key = parseDenominationKey(hex(exchange.items["denominations.denom_pub"]));
  assert.equal(key?.cipher, "RSA");
  assert.equal(key.ageMask, 0);
  assert.equal(key.key.length, 4 + 128 + 3);
  assert.equal(serializeDenominationKey(key).toHex(), exchange.items["denominations.denom_pub"]);
  const signature = parseDenominationSignature(hex(exchange.items["known_coins.denom_sig (no age commitment)"]));
  assert.equal(signature?.value.length, 128);
  assert.equal(
    serializeDenominationSignature(signature).toHex(),
    exchange.items["known_coins.denom_sig (no age commitment)"],
  );
  const planchet = parsePlanchet(hex(exchange.items["refresh_revealed_coins.coin_ev"]));
  assert.equal(planchet?.message.length, 128);
  assert.equal(serializePlanchet(planchet).toHex(), exchange.items["refresh_revealed_coins.coin_ev"]);
});

Deno.test("serialisations of crypto.md 2.1, both ciphers, there and back", () => {
  const csKey = hex(`00000002 00044101 ${R}`);
  assert.deepEqual(parseDenominationKey(csKey), { cipher: "CS", ageMask: 278785, key: hex(R) });
  assert.deepEqual(serializeDenominationKey({ cipher: "CS", ageMask: 278785, key: hex(R) }), csKey);
  const csSignature = hex(`00000002 00000000 ${S} ${R}`);
  assert.deepEqual(parseDenominationSignature(csSignature), { cipher: "CS", value: hex(S + R) });
  assert.deepEqual(serializeDenominationSignature({ cipher: "CS", value: hex(S + R) }), csSignature);
  const rsaBlinded = hex("00000001 00000001 abcdef");
  assert.deepEqual(parseBlindedSignature(rsaBlinded), { cipher: "RSA", value: hex("abcdef") });
  assert.deepEqual(serializeBlindedSignature({ cipher: "RSA", value: hex("abcdef") }), rsaBlinded);
  for (const b of [0, 1] as const) {
    const csBlinded = hex(`00000002 00000001 0${b}000000 ${S}`);
    assert.deepEqual(parseBlindedSignature(csBlinded), { cipher: "CS", b, s: hex(S) });
    assert.deepEqual(serializeBlindedSignature({ cipher: "CS", b, s: hex(S) }), csBlinded);
  }
  const csPlanchet = hex(`00000002 00000100 ${S} ${R} ${NONCE}`);
  assert.deepEqual(parsePlanchet(csPlanchet), { cipher: "CS", message: hex(S + R + NONCE) });
  assert.deepEqual(serializePlanchet({ cipher: "CS", message: hex(S + R + NONCE) }), csPlanchet);
  const rsaValues = hex("00000001 00010000");
  assert.deepEqual(parseWithdrawValues(rsaValues), { cipher: "RSA" });
  assert.deepEqual(serializeWithdrawValues({ cipher: "RSA" }), rsaValues);
  const csValues = hex(`00000002 00010000 ${S} ${R}`);
  assert.deepEqual(parseWithdrawValues(csValues), { cipher: "CS", r0: hex(S), r1: hex(R) });
  assert.deepEqual(serializeWithdrawValues({ cipher: "CS", r0: hex(S), r1: hex(R) }), csValues);
});

const PARSERS = {
  parseDenominationKey,
  parseDenominationSignature,
  parseBlindedSignature,
  parsePlanchet,
  parseWithdrawValues,
} as const;

Deno.test("what is no serialisation gets the verdict undefined", () => {
  const rows: readonly (readonly [parser: keyof typeof PARSERS, blob: string])[] = [
    ["parseDenominationKey", `00000000 00000000 ${R}`],
    ["parseDenominationKey", `00000003 00000000 ${R}`],
    ["parseDenominationKey", `00000002 00000000 ${R}00`],
    ["parseDenominationKey", `00000002 00000000 ${R.slice(2)}`],
    ["parseDenominationKey", "00000001 00000000"],
    ["parseDenominationKey", "00000001 00000000 000100"],
    ["parseDenominationKey", "00000001 00000000 00020001 ffff"],
    ["parseDenominationKey", "00000001 00000000 00020001 ffffffff"],
    ["parseDenominationSignature", `00000002 00000001 ${S}${R}`],
    ["parseDenominationSignature", `00000002 00000000 ${S}${R}00`],
    ["parseDenominationSignature", "00000001 00000000"],
    ["parseDenominationSignature", "00000001 00000001 ab"],
    ["parseBlindedSignature", "00000001 00000000 ab"],
    ["parseBlindedSignature", "00000001 00000001"],
    ["parseBlindedSignature", `00000002 00000001 02000000 ${S}`],
    ["parseBlindedSignature", `00000002 00000001 00000001 ${S}`],
    ["parseBlindedSignature", `00000002 00000001 01000000 ${S}00`],
    ["parsePlanchet", "00000001 00000101 ab"],
    ["parsePlanchet", "00000001 00000100"],
    ["parsePlanchet", `00000002 00000100 ${S}${R}`],
    ["parseWithdrawValues", "00000001 00010000 00"],
    ["parseWithdrawValues", "00000001 00010001"],
    ["parseWithdrawValues", `00000002 00010000 ${S}`],
  ];
  for (const [parser, blob] of rows) assert.equal(PARSERS[parser](hex(blob)), undefined, `${parser} ${blob}`);
  for (const parse of Object.values(PARSERS)) {
    for (let length = 0; length < 8; length++) assert.equal(parse(new Uint8Array(length)), undefined);
  }
});

Deno.test("blobs inside a larger buffer are read from their own offset", () => {
  const page = hex(`ffffff 00000002 00000001 01000000 ${S}`);
  assert.deepEqual(parseBlindedSignature(page.subarray(3)), { cipher: "CS", b: 1, s: hex(S) });
});

Deno.test("age groups of the mask 278785 start at 0, 8, 14 and 18 (crypto.md 2.2)", () => {
  const groups = [0, 7, 8, 13, 14, 17, 18, 200].map((age) => ageGroup(278785, age));
  assert.deepEqual(groups, [0, 0, 1, 1, 2, 2, 3, 3]);
  assert.equal(ageGroup(0, 18), 0);
  assert.equal(ageGroup(0xffffffff, 31), 31);
  assert.equal(ageGroup(0xffffffff, 2 ** 31), 31);
});

Deno.test("cipher numbers", () => {
  assert.deepEqual([cipherNumber("RSA"), cipherNumber("CS")], [1, 2]);
});

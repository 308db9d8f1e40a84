// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { decodeBase32, encodeBase32 } from "../../core/taler/base32.ts";
import fixture from "../fixtures/parsers.json" with { type: "json" };

for (const { text, hex } of fixture.base32) {
  Deno.test(`base32 ${text} is ${hex ?? "an error"} (crypto.md 11.1)`, () => {
    assert.equal(decodeBase32(text)?.toHex(), hex ?? undefined);
    const size = Math.floor((text.length * 5) / 8);
    assert.equal(decodeBase32(text, size)?.toHex(), hex ?? undefined);
  });
}

Deno.test("base32 encodes the bytes of crypto.md 11.2", () => {
  assert.equal(encodeBase32(Uint8Array.fromHex(fixture.sha512.inputHex)), fixture.sha512.input);
  assert.equal(encodeBase32(Uint8Array.fromHex(fixture.sha512.hex)), fixture.sha512.base32);
  assert.equal(decodeBase32(fixture.sha512.base32, 64)?.toHex(), fixture.sha512.hex);
});

Deno.test("base32 text has 26, 52 and 103 characters for 16, 32 and 64 bytes", () => {
  for (const [size, length] of [[0, 0], [16, 26], [32, 52], [64, 103]] as const) {
    const text = encodeBase32(new Uint8Array(size).fill(0xff));
    assert.equal(text.length, length);
    assert.equal(decodeBase32(text, size)?.length, size);
    assert.equal(decodeBase32(text, size + 1), undefined);
    assert.equal(decodeBase32(`${text}0`, size), undefined);
  }
});

Deno.test("base32 letters: case, O as 0, I and L as 1, U as V", () => {
  assert.deepEqual(decodeBase32("oOiIlLuUabcdefgh"), decodeBase32("00111" + "1VVABCDEFGH"));
});

Deno.test("base32 refuses every character outside the alphabet", () => {
  for (let code = 0; code < 0x300; code++) {
    const character = String.fromCharCode(code);
    const legal = /^[0-9A-Za-z]$/.test(character);
    assert.equal(decodeBase32(`0${character}`) !== undefined, legal, `character ${code}`);
  }
  assert.equal(decodeBase32("\ud800\udc00"), undefined);
});

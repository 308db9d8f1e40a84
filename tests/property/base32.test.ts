// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeBase32, encodeBase32 } from "../../core/taler/base32.ts";

const bytes = fc.uint8Array({ maxLength: 200 });

Deno.test("base32: bytes come back, in either case and with misread letters", () => {
  fc.assert(fc.property(bytes, (value) => {
    const text = encodeBase32(value);
    assert.equal(text.length, Math.ceil((value.length * 8) / 5));
    assert.deepEqual(decodeBase32(text), value);
    assert.deepEqual(decodeBase32(text, value.length), value);
    const misread = text.toLowerCase().replaceAll("0", "o").replaceAll("1", "l").replaceAll("v", "u");
    assert.deepEqual(decodeBase32(misread, value.length), value);
  }));
});

Deno.test("base32: the text is the number written in base 32, filled with zero bits", () => {
  fc.assert(fc.property(bytes, (value) => {
    const bits = Array.from(value, (byte) => byte.toString(2).padStart(8, "0")).join("");
    const groups = bits.match(/.{1,5}/g) ?? [];
    const expected = groups.map((group) => "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[parseInt(group.padEnd(5, "0"), 2)]);
    assert.equal(encodeBase32(value), expected.join(""));
  }));
});

Deno.test("base32: padding bits are ignored, all other bits count", () => {
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 70 }), fc.nat(31), fc.nat(), (value, flip, where) => {
    const text = encodeBase32(value);
    const index = where % text.length;
    const changed = text.slice(0, index) + alphabet[alphabet.indexOf(text[index] ?? "") ^ flip] + text.slice(index + 1);
    const padding = text.length * 5 - value.length * 8;
    const onlyPadding = flip === 0 || (index === text.length - 1 && flip < 2 ** padding);
    const decoded = decodeBase32(changed, value.length);
    assert.ok(decoded);
    assert.equal(decoded.toHex() === value.toHex(), onlyPadding);
  }));
});

Deno.test("base32: any text gets a verdict, and what decodes encodes to a text that decodes alike", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.option(fc.nat(60), { nil: undefined }), (text, length) => {
    const decoded = decodeBase32(text, length);
    if (decoded === undefined) return;
    if (length !== undefined) assert.equal(decoded.length, length);
    assert.match(text, /^[0-9a-z]*$/i);
    assert.deepEqual(decodeBase32(encodeBase32(decoded)), decoded);
  }));
});

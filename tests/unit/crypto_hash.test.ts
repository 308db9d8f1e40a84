// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import {
  bigIntFromBytes,
  bigIntFromLittleEndian,
  bitLength,
  gcd,
  littleEndianBytes,
  minimalBytes,
  modularInverse,
  modularPower,
  modulo,
} from "../../core/crypto/bigint.ts";
import { equalBytes, sha512, sha512Short, utf8Bytes, zeroTerminated } from "../../core/crypto/hash.ts";
import { kdf, kdfMod, kdfModPrepared, prepareSalt } from "../../core/crypto/kdf.ts";
import { decodeBase32 } from "../../core/taler/base32.ts";
import fixture from "../fixtures/gnunet.json" with { type: "json" };
import parsers from "../fixtures/parsers.json" with { type: "json" };

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);

Deno.test("SHA-512 (crypto.md 11.2), in one piece and in several", () => {
  const input = hex(parsers.sha512.inputHex);
  assert.equal(sha512(input).toHex(), parsers.sha512.hex);
  assert.equal(sha512(input.subarray(0, 3), new Uint8Array(0), input.subarray(3)).toHex(), parsers.sha512.hex);
  assert.equal(sha512Short(input).toHex(), parsers.sha512.hex.slice(0, 64));
  assert.equal(Object.getPrototypeOf(sha512(input)), Uint8Array.prototype);
});

Deno.test("texts are hashed with one zero byte at the end", () => {
  assert.equal(zeroTerminated("ü").toHex(), "c3bc00");
  assert.equal(zeroTerminated("").toHex(), "00");
  assert.equal(utf8Bytes("ü").toHex(), "c3bc");
});

Deno.test("byte strings are equal or not", () => {
  assert.equal(equalBytes(hex("0102"), hex("ff0102").subarray(1)), true);
  assert.equal(equalBytes(hex("0102"), hex("0103")), false);
  assert.equal(equalBytes(hex("0102"), hex("010200")), false);
  assert.equal(equalBytes(hex(""), hex("")), true);
});

Deno.test("KDF (crypto.md 11.4)", () => {
  const { salt, ikm, ctx, "output, 64 bytes": output } = fixture.kdf;
  assert.equal(kdf(64, hex(salt), hex(ikm), hex(ctx)).toHex(), output);
  assert.equal(kdf(64, hex(salt), hex(ikm), hex(ctx).subarray(0, 7), hex(ctx).subarray(7)).toHex(), output);
  assert.equal(kdf(17, hex(salt), hex(ikm), hex(ctx)).toHex(), output.slice(0, 34));
  for (const name of ["salt", "ikm", "ctx"] as const) {
    assert.equal(decodeBase32(fixture.kdfBase32[name])?.toHex(), fixture.kdf[name]);
  }
});

/** KDF of crypto.md 4.1 written out with the platform's HMAC. */
function plainKdf(length: number, salt: Uint8Array, ikm: Uint8Array, context: Uint8Array): string {
  const key = createHmac("sha512", salt).update(ikm).digest();
  let text = "";
  let previous = new Uint8Array(0);
  for (let counter = 1; text.length < 2 * length; counter++) {
    previous = new Uint8Array(
      createHmac("sha256", key).update(previous).update(context).update(hex(counter.toString(16).padStart(2, "0")))
        .digest(),
    );
    text += previous.toHex();
  }
  return text.slice(0, 2 * length);
}

Deno.test("KDF agrees with the plain formula for salts, inputs, contexts and lengths of all kinds", () => {
  for (const saltLength of [0, 1, 64, 127, 128, 129, 263, 1000]) {
    for (const length of [0, 1, 31, 32, 33, 64, 256, 1024]) {
      const salt = sha512(new Uint8Array([saltLength])).slice(0, 1);
      const longSalt = new Uint8Array(saltLength).fill(salt[0] ?? 0);
      const ikm = new Uint8Array(length % 130).fill(5);
      const context = utf8Bytes("context".repeat(length % 40));
      assert.equal(kdf(length, longSalt, ikm, context).toHex(), plainKdf(length, longSalt, ikm, context));
    }
  }
  assert.equal(kdf(8160, hex("01"), hex("02")).toHex(), plainKdf(8160, hex("01"), hex("02"), hex("")));
  assert.throws(() => kdf(8161, hex("01"), hex("02")), RangeError);
});

Deno.test("the KDF is not plain HKDF with SHA-256", () => {
  const plain = new Uint8Array(hkdfSync("sha256", hex("02"), hex("01"), hex("03"), 32));
  assert.notEqual(kdf(32, hex("01"), hex("02"), hex("03")).toHex(), plain.toHex());
});

Deno.test("hash to integer is below the modulus, masks its bits and retries (crypto.md 4.2)", () => {
  const salt = utf8Bytes("salt");
  const label = "label";
  let retries = 0;
  for (const n of [1n, 2n, 255n, 256n, 257n, 2n ** 64n + 13n, 2n ** 252n + 27742317777372353535851937790883648493n]) {
    for (let round = 0; round < 20; round++) {
      const ikm = new Uint8Array([round]);
      const bits = bitLength(n);
      let expected: bigint | undefined;
      for (let counter = 0; expected === undefined; counter++) {
        const context = new Uint8Array([...utf8Bytes(label), counter >> 8, counter & 0xff]);
        const value = BigInt.asUintN(bits, BigInt(`0x${plainKdf(Math.ceil(bits / 8), salt, ikm, context)}`));
        if (value < n) expected = value;
        else retries++;
      }
      assert.equal(kdfMod(n, salt, ikm, label), expected);
      assert.equal(kdfModPrepared(n, prepareSalt(salt), ikm, label), expected);
    }
  }
  assert.ok(retries > 20, "the counter was exercised");
});

Deno.test("integers and bytes", () => {
  assert.equal(bigIntFromBytes(hex("")), 0n);
  assert.equal(bigIntFromBytes(hex("000102")), 258n);
  assert.equal(bigIntFromLittleEndian(hex("020100")), 258n);
  assert.equal(minimalBytes(0n).toHex(), "");
  assert.equal(minimalBytes(255n).toHex(), "ff");
  assert.equal(minimalBytes(256n).toHex(), "0100");
  assert.equal(littleEndianBytes(258n, 4).toHex(), "02010000");
  assert.throws(() => littleEndianBytes(256n, 1), RangeError);
  assert.throws(() => littleEndianBytes(-1n, 1), RangeError);
  for (let value = 0; value < 70_000; value += 7) {
    assert.equal(bitLength(BigInt(value)), value === 0 ? 0 : value.toString(2).length);
  }
});

Deno.test("modular arithmetic", () => {
  assert.equal(modulo(-1n, 7n), 6n);
  assert.equal(gcd(84n, 36n), 12n);
  assert.equal(gcd(0n, 5n), 5n);
  assert.equal(modularPower(3n, 5n, 7n), 5n);
  assert.equal(modularInverse(3n, 7n), 5n);
  assert.equal(modularInverse(-4n, 7n), 5n);
  assert.equal(modularInverse(6n, 9n), undefined);
  const prime = 2n ** 127n - 1n;
  for (const value of [2n, 12345678901234567890n, prime - 1n]) {
    assert.equal(modularPower(value, prime - 1n, prime), 1n);
    assert.equal((modularInverse(value, prime) ?? 0n) * value % prime, 1n);
  }
});

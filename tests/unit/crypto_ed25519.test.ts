// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bigIntFromLittleEndian, littleEndianBytes, modulo } from "../../core/crypto/bigint.ts";
import { publicKeyOf, signEd25519, verifyEd25519, verifyEd25519Slowly } from "../../core/crypto/ed25519.ts";
import { sha512, utf8Bytes } from "../../core/crypto/hash.ts";
import fixture from "../fixtures/gnunet.json" with { type: "json" };

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const P = 2n ** 255n - 19n;
const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);
const message = utf8Bytes("a message");

/** What the platform alone says: the reason why verifyEd25519 checks more. */
function platformAccepts(publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.concat([hex("302a300506032b6570032100"), publicKey]);
  try {
    return verify(null, text, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    return false;
  }
}

function both(publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  const verdict = verifyEd25519(publicKey, text, signature);
  assert.equal(verifyEd25519Slowly(publicKey, text, signature), verdict, "the two computations disagree");
  return verdict;
}

function signatureOf(r: Uint8Array, s: bigint): Uint8Array {
  return new Uint8Array([...r, ...littleEndianBytes(s, 32)]);
}

function challenge(r: Uint8Array, publicKey: Uint8Array, text: Uint8Array): bigint {
  return bigIntFromLittleEndian(sha512(r, publicKey, text)) % L;
}

/** A point of order 8 and its multiples: all points of small order. */
function torsionPoints(): InstanceType<typeof Point>[] {
  for (let y = 2;; y++) {
    const bytes = new Uint8Array(32);
    bytes[0] = y;
    let point;
    try {
      point = Point.fromBytes(bytes);
    } catch {
      continue;
    }
    const torsion = point.multiplyUnsafe(L - 1n).add(point);
    if (torsion.double().double().equals(Point.ZERO)) continue;
    const points = [Point.ZERO];
    for (let index = 1; index < 8; index++) points.push((points[index - 1] ?? Point.ZERO).add(torsion));
    return points;
  }
}

/** Every encoding, canonical or not, of the y coordinate of a point, with both signs. */
function allEncodings(point: InstanceType<typeof Point>): Uint8Array[] {
  const { y } = point.toAffine();
  return [y, y + P].filter((value) => value < 2n ** 255n)
    .flatMap((value) => [value, value + 2n ** 255n])
    .map((value) => littleEndianBytes(value, 32));
}

Deno.test("EdDSA (crypto.md 11.3)", () => {
  const { message: text, signature, "public key": key, "private key (32-byte seed)": seed } = fixture.eddsa;
  assert.equal(publicKeyOf(hex(seed)).toHex(), key);
  assert.equal(signEd25519(hex(seed), hex(text)).toHex(), signature);
  assert.equal(both(hex(key), hex(text), hex(signature)), true);
  assert.equal(
    publicKeyOf(hex(fixture.eddsa["second key pair: seed"])).toHex(),
    fixture.eddsa["second key pair: public"],
  );
});

Deno.test("keys, messages and signatures inside larger buffers are read from their own offset", () => {
  const { message: text, signature, "public key": key } = fixture.eddsa;
  const page = hex(`ffff${key}${signature}${text}ff`);
  assert.equal(verifyEd25519(page.subarray(2, 34), page.subarray(98, 110), page.subarray(34, 98)), true);
  assert.equal(verifyEd25519(page.subarray(2, 34), page.subarray(98), page.subarray(34, 98)), false);
});

Deno.test("every flipped bit of signature, key and message is refused", () => {
  const { message: text, signature, "public key": key } = fixture.eddsa;
  const parts = [hex(key), hex(text), hex(signature)] as const;
  for (const part of parts) {
    for (let bit = 0; bit < 8 * part.length; bit++) {
      part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(verifyEd25519(...parts), false, `bit ${bit}`);
      part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
  }
  assert.equal(verifyEd25519(...parts), true);
});

Deno.test("wrong lengths are refused, a seed of a wrong length throws", () => {
  const seed = new Uint8Array(32).fill(1);
  const key = publicKeyOf(seed);
  const signature = signEd25519(seed, message);
  for (const length of [0, 31, 33, 64]) {
    const wrong = new Uint8Array(length);
    wrong.set(key.subarray(0, length));
    assert.equal(both(wrong, message, signature), false);
    assert.throws(() => signEd25519(new Uint8Array(length), message), RangeError);
    assert.throws(() => publicKeyOf(new Uint8Array(length)), RangeError);
  }
  for (const length of [0, 32, 63, 65, 128]) {
    const wrong = new Uint8Array(length);
    wrong.set(signature.subarray(0, length));
    assert.equal(both(key, message, wrong), false);
  }
  assert.equal(both(key, new Uint8Array(0), signEd25519(seed, new Uint8Array(0))), true);
});

Deno.test("S + kL is refused: signatures are not malleable", () => {
  const seed = new Uint8Array(32).fill(2);
  const key = publicKeyOf(seed);
  const signature = signEd25519(seed, message);
  const s = bigIntFromLittleEndian(signature.subarray(32));
  for (let multiple = 1n; s + multiple * L < 2n ** 256n; multiple++) {
    assert.equal(both(key, message, signatureOf(signature.subarray(0, 32), s + multiple * L)), false);
  }
  for (const value of [L, L - 1n, L + 1n, 2n ** 252n, 2n ** 256n - 1n]) {
    assert.equal(both(key, message, signatureOf(signature.subarray(0, 32), value)), false);
  }
});

Deno.test("a public key of small order is refused in every encoding, even where the equation holds", () => {
  let acceptedByPlatform = 0;
  for (const torsion of torsionPoints()) {
    for (const key of allEncodings(torsion)) {
      // With [h]A = 0 any S gives a signature; h is a multiple of 8 for one message in eight.
      for (let attempt = 0; attempt < 40; attempt++) {
        const text = new Uint8Array([attempt]);
        const s = 1000n + BigInt(attempt);
        const r = Point.BASE.multiply(s).toBytes();
        const signature = signatureOf(r, s);
        assert.equal(both(key, text, signature), false);
        if (platformAccepts(key, text, signature)) acceptedByPlatform++;
      }
    }
  }
  assert.ok(acceptedByPlatform > 0, "the platform refuses them as well: the test proves nothing any more");
});

Deno.test("R of small order is refused in every encoding, even where the equation holds", () => {
  const seed = new Uint8Array(32).fill(3);
  const key = publicKeyOf(seed);
  const secret = ed25519.utils.getExtendedPublicKey(seed).scalar;
  let acceptedByPlatform = 0;
  for (const torsion of torsionPoints()) {
    for (const r of allEncodings(torsion)) {
      const signature = signatureOf(r, modulo(challenge(r, key, message) * secret, L));
      assert.equal(both(key, message, signature), false);
      if (platformAccepts(key, message, signature)) acceptedByPlatform++;
    }
  }
  assert.ok(acceptedByPlatform > 0, "the platform refuses them as well: the test proves nothing any more");
});

Deno.test("public keys that are not canonical are refused, and those that are no point", () => {
  const signature = signEd25519(new Uint8Array(32).fill(4), message);
  for (let y = P; y < 2n ** 255n; y++) {
    for (const sign of [0n, 2n ** 255n]) {
      assert.equal(both(littleEndianBytes(y + sign, 32), message, signature), false);
    }
  }
  for (let y = 2n; y < 40n; y++) assert.equal(both(littleEndianBytes(y, 32), message, signature), false);
});

Deno.test("a key with a part of small order is accepted exactly where libsodium's equation holds", () => {
  const secret = 123456789n ** 7n % L;
  const torsion = torsionPoints()[1] ?? Point.ZERO;
  const key = Point.BASE.multiply(secret).add(torsion).toBytes();
  const verdicts = new Set<boolean>();
  for (let attempt = 0; attempt < 64; attempt++) {
    const text = new Uint8Array([attempt]);
    const nonce = 987654321n + BigInt(attempt);
    const r = Point.BASE.multiply(nonce).toBytes();
    const h = challenge(r, key, text);
    const signature = signatureOf(r, modulo(nonce + h * secret, L));
    // The part of small order vanishes if the reduced h is a multiple of 8; a cofactored check would accept all.
    assert.equal(both(key, text, signature), h % 8n === 0n);
    assert.equal(ed25519.verify(signature, text, key, { zip215: false }), true);
    verdicts.add(h % 8n === 0n);
  }
  assert.equal(verdicts.size, 2);
});

Deno.test("an R with a part of small order is refused", () => {
  const seed = new Uint8Array(32).fill(5);
  const key = publicKeyOf(seed);
  const secret = ed25519.utils.getExtendedPublicKey(seed).scalar;
  const torsion = torsionPoints()[1] ?? Point.ZERO;
  const r = Point.BASE.multiply(4242n).add(torsion).toBytes();
  const signature = signatureOf(r, modulo(4242n + challenge(r, key, message) * secret, L));
  assert.equal(both(key, message, signature), false);
  assert.equal(ed25519.verify(signature, message, key, { zip215: false }), true);
});

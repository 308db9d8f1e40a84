// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import fc from "fast-check";
import { bigIntFromBytes } from "../../core/crypto/bigint.ts";
import { verifyCs, verifyCsBlinded } from "../../core/crypto/cs.ts";
import {
  csAnswer,
  csBlind,
  csBlindedMessage,
  csPublicKey,
  csSecret,
  csUnblind,
  csWithdrawValues,
} from "../../core/crypto/cs-issue.ts";
import { blindRsa, parseRsaKey, powerOfSignature, serializeRsaKey, verifyRsa } from "../../core/crypto/rsa.ts";
import { generateRsaKey, seededBytes, signRsaBlinded, unblindRsa } from "../../core/crypto/rsa-issue.ts";
import {
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

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const anyBytes = fc.uint8Array({ maxLength: 120 });
// Blobs that get past the first words now and then.
const blob = fc.oneof(
  anyBytes,
  fc.tuple(
    fc.constantFrom(1, 2),
    fc.constantFrom(0, 1, 0x100, 0x10000),
    fc.oneof(bytes(32), bytes(36), bytes(64), anyBytes),
  )
    .map(([cipher, mark, body]) => {
      const whole = new Uint8Array(8 + body.length);
      new DataView(whole.buffer).setUint32(0, cipher);
      new DataView(whole.buffer).setUint32(4, mark);
      whole.set(body, 8);
      return whole;
    }),
);

Deno.test("denominations: what parses serialises to the same bytes", () => {
  fc.assert(
    fc.property(blob, (value) => {
      const key = parseDenominationKey(value);
      if (key) assert.deepEqual(serializeDenominationKey(key), value);
      const signature = parseDenominationSignature(value);
      if (signature) assert.deepEqual(serializeDenominationSignature(signature), value);
      const blinded = parseBlindedSignature(value);
      if (blinded) assert.deepEqual(serializeBlindedSignature(blinded), value);
      const planchet = parsePlanchet(value);
      if (planchet) assert.deepEqual(serializePlanchet(planchet), value);
      const values = parseWithdrawValues(value);
      if (values) assert.deepEqual(serializeWithdrawValues(values), value);
    }),
    { numRuns: 1000 },
  );
});

const pair = generateRsaKey(512, seededBytes(new Uint8Array([1, 2, 3])));

Deno.test("RSA coins: blind, sign, unblind, verify for any coin and secret", () => {
  fc.assert(
    fc.property(bytes(64), bytes(32), fc.nat(511), (coinHash, blind, bit) => {
      const blinded = blindRsa(pair.publicKey, coinHash, blind) ?? assert.fail();
      const answer = signRsaBlinded(pair, blinded);
      assert.deepEqual(powerOfSignature(pair.publicKey, answer), blinded);
      const signature = unblindRsa(pair.publicKey, answer, blind) ?? assert.fail();
      assert.equal(verifyRsa(pair.publicKey, coinHash, signature), true);
      const other = coinHash.slice();
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(verifyRsa(pair.publicKey, other, signature), false);
    }),
    { numRuns: 40 },
  );
});

Deno.test("RSA: any bytes as key or signature get a verdict", () => {
  fc.assert(fc.property(anyBytes, (value) => {
    assert.equal(verifyRsa(pair.publicKey, new Uint8Array(64), value), false);
    const key = parseRsaKey(value);
    if (key) assert.deepEqual(serializeRsaKey(key.n, key.e), value);
  }));
  fc.assert(fc.property(bytes(64), fc.bigInt(3n, 2n ** 20n), (modulus, e) => {
    const key = parseRsaKey(serializeRsaKey(bigIntFromBytes(modulus), e));
    if (key) verifyRsa(key, new Uint8Array(64), modulus);
  }));
});

Deno.test("CS coins: values, blind, answer, unblind, verify for any coin and secret", () => {
  fc.assert(
    fc.property(bytes(16), bytes(64), bytes(32), bytes(32), fc.nat(254), (seed, coinHash, blind, nonce, bit) => {
      const secret = csSecret(seed);
      const key = csPublicKey(secret);
      const values = csWithdrawValues(secret, nonce);
      const blinding = csBlind(key, coinHash, values.r, blind) ?? assert.fail();
      const message = csBlindedMessage(blinding, nonce);
      const { b, s } = csAnswer(secret, values, message);
      assert.equal(verifyCsBlinded(key, message.subarray(32 * b, 32 * b + 32), s, values.r[b]), true);
      const signature = csUnblind(blinding, { b, s });
      assert.equal(verifyCs(key, coinHash, signature), true);
      signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(verifyCs(key, coinHash, signature), false);
    }),
    { numRuns: 25 },
  );
});

Deno.test("CS: any bytes get a verdict", () => {
  const wild = fc.oneof(bytes(32), anyBytes);
  const key = csPublicKey(csSecret(new Uint8Array(1)));
  fc.assert(
    fc.property(wild, fc.oneof(bytes(64), anyBytes), wild, wild, (pub, signature, s, r) => {
      assert.equal(verifyCs(pub, new Uint8Array(64), signature), false);
      assert.equal(verifyCs(key, new Uint8Array(64), signature), false);
      assert.equal(verifyCsBlinded(key, s, s, r), false);
    }),
    { numRuns: 50 },
  );
});

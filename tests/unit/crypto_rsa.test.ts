// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { bigIntFromBytes, bitLength, gcd, minimalBytes } from "../../core/crypto/bigint.ts";
import { equalBytes, sha512, utf8Bytes } from "../../core/crypto/hash.ts";
import { hashBlindedCoin, hashDenominationKey } from "../../core/crypto/objects.ts";
import {
  blindingFactor,
  blindRsa,
  fullDomainHash,
  parseRsaKey,
  powerOfSignature,
  type RsaKey,
  serializeRsaKey,
  verifyRsa,
} from "../../core/crypto/rsa.ts";
import {
  generateRsaKey,
  isProbablePrime,
  type RsaPrivateKey,
  seededBytes,
  signRsaBlinded,
  unblindRsa,
} from "../../core/crypto/rsa-issue.ts";
import {
  parseBlindedSignature,
  parseDenominationSignature,
  parsePlanchet,
  serializeBlindedSignature,
  serializeDenominationSignature,
  serializePlanchet,
} from "../../core/taler/denomination.ts";
import coins from "../fixtures/coins.json" with { type: "json" };
import fixture from "../fixtures/gnunet.json" with { type: "json" };

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);
const { rsa } = fixture;
const message = hex(rsa["message (64 bytes)"]);
const signature = hex(rsa.signature);
const blind = hex(rsa["blinding secret (32 bytes)"]);

function key(bytes: Uint8Array): RsaKey {
  return parseRsaKey(bytes) ?? assert.fail("not an RSA key");
}

const published = key(hex(rsa["public key encoding (263 bytes)"]));

Deno.test("RSA full domain hash, blinding and signature (crypto.md 11.5)", () => {
  assert.equal(fullDomainHash(published, message)?.toString(16), rsa["FDH value, big-endian"]);
  assert.equal(blindRsa(published, message, blind)?.toHex(), rsa["blinded message"]);
  assert.equal(verifyRsa(published, message, signature), true);
  assert.equal(bigIntFromBytes(powerOfSignature(published, signature)), fullDomainHash(published, message));
  assert.deepEqual(serializeRsaKey(published.n, published.e), published.bytes);
});

Deno.test("RSA signature of a coin with age commitment (crypto.md 11.7)", () => {
  const coinKey = key(hex(coins.items["RSA denomination: encoded public key (263 bytes)"]));
  const coinHash = hex(coins.items["coin hash with age commitment"]);
  const coinSignature = hex(coins.items["RSA signature over the coin hash with age commitment"]);
  assert.equal(verifyRsa(coinKey, coinHash, coinSignature), true);
  assert.equal(verifyRsa(coinKey, hex(coins.items["coin hash without age commitment"]), coinSignature), false);
  assert.equal(verifyRsa(published, coinHash, coinSignature), false);
});

Deno.test("every flipped bit of message and signature is refused", () => {
  for (const part of [message.slice(), signature.slice()]) {
    const isMessage = part.length === message.length;
    for (let bit = 0; bit < 8 * part.length; bit++) {
      part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(verifyRsa(published, isMessage ? part : message, isMessage ? signature : part), false, `bit ${bit}`);
      part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
  }
});

Deno.test("a signature need not be below n, may have leading zeros, and is refused unread if far too long", () => {
  const s = bigIntFromBytes(signature);
  assert.equal(verifyRsa(published, message, minimalBytes(s + published.n)), true);
  assert.equal(verifyRsa(published, message, minimalBytes(s + 12345n * published.n)), true);
  const padded = new Uint8Array(2 * published.size);
  padded.set(signature, padded.length - signature.length);
  assert.equal(verifyRsa(published, message, padded), true);
  assert.equal(powerOfSignature(published, padded).toHex(), powerOfSignature(published, signature).toHex());
  const long = new Uint8Array(2 * published.size + 1);
  long.set(signature, long.length - signature.length);
  assert.equal(verifyRsa(published, message, long), false);
  assert.equal(powerOfSignature(published, long).length, 0);
  assert.equal(verifyRsa(published, message, new Uint8Array(50_000_000)), false);
  assert.equal(verifyRsa(published, message, new Uint8Array(0)), false);
});

Deno.test("keys that are refused", () => {
  const { n, e } = published;
  const words = (first: number, second: number) => new Uint8Array([first >> 8, first & 255, second >> 8, second & 255]);
  const join = (...parts: readonly Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
  const cases: Readonly<Record<string, Uint8Array>> = {
    empty: new Uint8Array(0),
    "three bytes": new Uint8Array(3),
    "no modulus": words(0, 0),
    "one byte too few": published.bytes.slice(0, -1),
    "one byte too many": join(published.bytes, new Uint8Array(1)),
    "no exponent": join(words(256, 0), minimalBytes(n)),
    "leading zero of n": join(words(257, 3), new Uint8Array(1), minimalBytes(n), minimalBytes(e)),
    "leading zero of e": join(words(256, 4), minimalBytes(n), new Uint8Array(1), minimalBytes(e)),
    "even modulus": serializeRsaKey(n + 1n, e),
    "exponent 1": serializeRsaKey(n, 1n),
    "even exponent": serializeRsaKey(n, 65536n),
    "exponent of 65 bits": serializeRsaKey(n, 2n ** 64n + 1n),
    "modulus of 511 bits": serializeRsaKey(2n ** 510n + 1n, e),
    "modulus of 8200 bits": serializeRsaKey(2n ** 8199n + 1n, e),
  };
  for (const [name, bytes] of Object.entries(cases)) assert.equal(parseRsaKey(bytes), undefined, name);
  assert.ok(parseRsaKey(serializeRsaKey(2n ** 511n + 1n, 3n)));
  assert.ok(parseRsaKey(serializeRsaKey(2n ** 8191n + 1n, 2n ** 64n - 1n)));
});

Deno.test("the worst key that is accepted costs milliseconds, not seconds", () => {
  const worst = key(serializeRsaKey(2n ** 8192n - 1n, 2n ** 64n - 1n));
  const longest = new Uint8Array(2 * worst.size).fill(0xfe);
  const start = performance.now();
  for (let round = 0; round < 10; round++) assert.equal(verifyRsa(worst, message, longest), false);
  assert.ok(performance.now() - start < 5000);
});

Deno.test("a hash with a factor in common with the modulus is refused (crypto.md 3.1)", () => {
  // A crooked modulus with the factor 3: about every third hash shares it, and no signature helps.
  const honest = generateRsaKey(512, seededBytes(utf8Bytes("crooked"))).publicKey;
  const crooked = key(serializeRsaKey(honest.n * 3n * 65521n, 3n));
  assert.equal(crooked.hasSmallFactor, true);
  assert.equal(honest.hasSmallFactor, false);
  assert.equal(published.hasSmallFactor, false);
  let shared = 0;
  for (let count = 0; count < 60; count++) {
    const text = sha512(new Uint8Array([count]));
    const plain = fullDomainHash({ ...crooked, hasSmallFactor: false }, text) ?? 0n;
    const common = gcd(plain, crooked.n) !== 1n;
    assert.equal(fullDomainHash(crooked, text), common ? undefined : plain);
    if (!common) continue;
    shared++;
    assert.equal(blindRsa(crooked, text, blind), undefined);
    assert.equal(verifyRsa(crooked, text, minimalBytes(plain)), false);
  }
  assert.ok(shared > 5 && shared < 40);
  // Prime factors above 2^16 are not searched for: see fullDomainHash.
  assert.equal(key(serializeRsaKey(honest.n * 65537n, 3n)).hasSmallFactor, false);
});

const keyPairs = new Map<number, RsaPrivateKey>();

function keyPair(bits: number): RsaPrivateKey {
  const known = keyPairs.get(bits) ?? generateRsaKey(bits, seededBytes(utf8Bytes(`key ${bits}`)));
  keyPairs.set(bits, known);
  return known;
}

for (const bits of [512, 1024, 1040, 2048]) {
  Deno.test(`issuing an RSA coin of ${bits} bits: blind, sign, unblind, verify`, () => {
    const pair = keyPair(bits);
    const { publicKey } = pair;
    assert.equal(bitLength(publicKey.n), bits);
    const denominationHash = hashDenominationKey({ cipher: "RSA", ageMask: 0, key: publicKey.bytes });
    for (let count = 0; count < 5; count++) {
      const coinHash = sha512(utf8Bytes(`coin ${count}`));
      const secret = sha512(utf8Bytes(`blind ${count}`)).slice(0, 32);
      const blinded = blindRsa(publicKey, coinHash, secret) ?? assert.fail();
      const blindSignature = signRsaBlinded(pair, blinded);
      assert.ok(equalBytes(powerOfSignature(publicKey, blindSignature), blinded));
      const coinSignature = unblindRsa(publicKey, blindSignature, secret) ?? assert.fail();
      assert.equal(verifyRsa(publicKey, coinHash, coinSignature), true);
      assert.equal(verifyRsa(publicKey, coinHash, blindSignature), false);
      assert.equal(verifyRsa(publicKey, sha512(coinHash), coinSignature), false);
      // The way through the database: what the exchange stores parses back to what verifies.
      const stored = {
        coin_ev: serializePlanchet({ cipher: "RSA", message: blinded }),
        ev_sig: serializeBlindedSignature({ cipher: "RSA", value: blindSignature }),
        denom_sig: serializeDenominationSignature({ cipher: "RSA", value: coinSignature }),
      };
      const bch = hashBlindedCoin(denominationHash, "RSA", blinded);
      const planchet = parsePlanchet(stored.coin_ev) ?? assert.fail();
      assert.deepEqual(hashBlindedCoin(denominationHash, planchet.cipher, planchet.message), bch);
      const read = parseBlindedSignature(stored.ev_sig);
      assert.ok(read?.cipher === "RSA" && equalBytes(powerOfSignature(publicKey, read.value), planchet.message));
      const coin = parseDenominationSignature(stored.denom_sig) ?? assert.fail();
      assert.equal(verifyRsa(publicKey, coinHash, coin.value), true);
    }
  });
}

Deno.test("RSA keys have exactly the bits asked for", () => {
  for (let seed = 0; seed < 12; seed++) {
    const { publicKey, p, q } = generateRsaKey(512, seededBytes(new Uint8Array([seed])));
    assert.equal(bitLength(publicKey.n), 512);
    assert.equal(p * q, publicKey.n);
  }
});

Deno.test("RSA keys follow from their seed", () => {
  const again = generateRsaKey(1024, seededBytes(utf8Bytes("key 1024"))).publicKey;
  assert.deepEqual(again.bytes, keyPair(1024).publicKey.bytes);
  const other = generateRsaKey(1024, seededBytes(utf8Bytes("key 1025"))).publicKey;
  assert.notDeepEqual(again.bytes, other.bytes);
  for (const bits of [0, 256, 511, 520, 8208]) {
    assert.throws(() => generateRsaKey(bits, seededBytes(new Uint8Array(1))), RangeError);
  }
});

Deno.test("seeded bytes do not depend on how they are asked for", () => {
  const whole = seededBytes(utf8Bytes("seed"))(300);
  const source = seededBytes(utf8Bytes("seed"));
  const parts = [1, 0, 63, 64, 65, 107].flatMap((length) => [...source(length)]);
  assert.deepEqual(new Uint8Array(parts), whole);
  for (const seed of ["Seed", "see", "seeD", "seedd", ""]) {
    assert.notDeepEqual(seededBytes(utf8Bytes(seed))(64), whole.subarray(0, 64));
  }
});

Deno.test("primes are told from composites", () => {
  const source = seededBytes(utf8Bytes("primes"));
  for (let candidate = 0; candidate < 2000; candidate++) {
    let prime = candidate > 1;
    for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) prime = false;
    assert.equal(isProbablePrime(BigInt(candidate), source), prime, `${candidate}`);
  }
  // Carmichael numbers, strong pseudoprimes to base 2, and a product of two primes.
  for (const candidate of [561n, 41041n, 825265n, 2047n, 3215031751n, 3474749660383n, (2n ** 61n - 1n) * 1000003n]) {
    assert.equal(isProbablePrime(candidate, source), false, `${candidate}`);
  }
  for (const prime of [2n ** 61n - 1n, 2n ** 127n - 1n, 2n ** 255n - 19n]) {
    assert.equal(isProbablePrime(prime, source), true);
  }
});

Deno.test("blinding factors differ and are below the modulus", () => {
  const first = blindingFactor(published, blind);
  assert.ok(first > 0n && first < published.n);
  assert.notEqual(first, blindingFactor(published, sha512(blind).slice(0, 32)));
});

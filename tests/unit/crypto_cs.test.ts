// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { ed25519 } from "@noble/curves/ed25519.js";
import { bigIntFromLittleEndian, littleEndianBytes } from "../../core/crypto/bigint.ts";
import { CS_ORDER, csChallenge, verifyCs, verifyCsBlinded } from "../../core/crypto/cs.ts";
import {
  csAnswer,
  csBlind,
  csBlindedMessage,
  csPublicKey,
  csSecret,
  csSign,
  csUnblind,
  csWithdrawValues,
} from "../../core/crypto/cs-issue.ts";
import { sha512, sha512Short, utf8Bytes } from "../../core/crypto/hash.ts";
import { hashBlindedCoin, hashCoin, hashDenominationKey } from "../../core/crypto/objects.ts";
import {
  parseBlindedSignature,
  parseDenominationKey,
  parseDenominationSignature,
  parsePlanchet,
  parseWithdrawValues,
  serializeBlindedSignature,
  serializeDenominationSignature,
  serializePlanchet,
  serializeWithdrawValues,
} from "../../core/taler/denomination.ts";
import refreshed from "../fixtures/cs-refresh.json" with { type: "json" };
import coins from "../fixtures/coins.json" with { type: "json" };
import fixture from "../fixtures/gnunet.json" with { type: "json" };

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);
const { clauseSchnorr } = fixture;
const pub = hex(clauseSchnorr["public key X"]);
const message = hex(clauseSchnorr["message (64 bytes)"]);
const s = hex(clauseSchnorr["signature s"]);
const r = hex(clauseSchnorr["signature R"]);
const signature = new Uint8Array([...s, ...r]);

Deno.test("Clause-Schnorr verification (crypto.md 11.6)", () => {
  assert.equal(sha512(r, message).toHex(), clauseSchnorr["SHA-512(R | message)"]);
  const c = littleEndianBytes(csChallenge(pub, message, r), 32);
  assert.equal(c.toHex(), clauseSchnorr["c, little-endian"]);
  assert.equal(verifyCs(pub, message, signature), true);
  assert.equal(verifyCsBlinded(pub, c, s, r), true);
});

Deno.test("Clause-Schnorr signatures of coins (crypto.md 11.7)", () => {
  const key = hex(coins.items["CS denomination: public key"]);
  for (const age of ["with", "without"] as const) {
    const coinHash = hex(coins.items[`coin hash ${age} age commitment`]);
    const coinSignature = hex(coins.items[`CS signature (s, then R) over the coin hash ${age} age commitment`]);
    assert.equal(verifyCs(key, coinHash, coinSignature), true);
    assert.equal(verifyCs(key, sha512(coinHash), coinSignature), false);
    assert.equal(verifyCs(pub, coinHash, coinSignature), false);
  }
});

Deno.test("every flipped bit is refused, but for the ignored bit 255 of s", () => {
  const parts = [pub.slice(), message.slice(), signature.slice()] as const;
  for (const part of parts) {
    for (let bit = 0; bit < 8 * part.length; bit++) {
      part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(verifyCs(...parts), part === parts[2] && bit === 255, `bit ${bit}`);
      part[bit >> 3] = (part[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    }
  }
});

Deno.test("s may be above the group order, as far as 255 bits go", () => {
  const value = bigIntFromLittleEndian(s);
  for (let multiple = 0n; value + multiple * CS_ORDER < 2n ** 255n; multiple++) {
    const larger = littleEndianBytes(value + multiple * CS_ORDER, 32);
    assert.equal(verifyCs(pub, message, new Uint8Array([...larger, ...r])), true);
  }
});

Deno.test("wrong lengths are refused", () => {
  for (const length of [0, 31, 33, 63, 65]) {
    const wrong = new Uint8Array(length);
    assert.equal(verifyCs(wrong, message, signature), false);
    assert.equal(verifyCs(pub, message, wrong), false);
    for (const part of [0, 1, 2, 3]) {
      const args = [pub, s, s, r] as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
      args[part] = wrong;
      assert.equal(verifyCsBlinded(...args), false);
    }
  }
});

Deno.test("a key keeps its verdict when it is used often enough to get a table", () => {
  for (let count = 0; count < 40; count++) {
    assert.equal(verifyCs(pub, message, signature), true);
    assert.equal(verifyCs(pub, sha512(message), signature), false);
  }
});

Deno.test("a secret times zero is no answer: s or c zero is refused", () => {
  const zero = new Uint8Array(32);
  assert.equal(verifyCsBlinded(pub, zero, s, csPublicKey(bigIntFromLittleEndian(s))), false);
  const identity = littleEndianBytes(1n, 32);
  assert.equal(verifyCsBlinded(pub, zero, zero, identity), false);
});

Deno.test("a key with a part of small order is refused, even where the equation holds", () => {
  const { Point } = ed25519;
  // A point of small order: the encoding of y = 0.
  const torsion = Point.fromBytes(new Uint8Array(32));
  const secret = csSecret(utf8Bytes("mixed"));
  const key = Point.BASE.multiply(secret).add(torsion).toBytes();
  const commitment = csPublicKey(7n);
  let holds = 0;
  for (let attempt = 0; attempt < 32; attempt++) {
    const text = sha512(new Uint8Array([attempt]));
    const c = csChallenge(key, text, commitment);
    if (c % 4n === 0n) holds++;
    const answer = littleEndianBytes((7n + c * secret) % CS_ORDER, 32);
    assert.equal(verifyCs(key, text, new Uint8Array([...answer, ...commitment])), false);
    assert.equal(verifyCsBlinded(key, littleEndianBytes(c, 32), answer, commitment), false);
  }
  assert.ok(holds > 0);
});

Deno.test("an authentic coin of a refresh is rebuilt from its blinding secret", () => {
  const row = refreshed;
  const key = parseDenominationKey(hex(row["denominations.denom_pub"])) ?? assert.fail();
  const offered = parseWithdrawValues(hex(row["refresh_revealed_coins.ewv"]));
  const planchet = parsePlanchet(hex(row["refresh_revealed_coins.coin_ev"])) ?? assert.fail();
  const answer = parseBlindedSignature(hex(row["refresh_revealed_coins.ev_sig"]));
  const coin = parseDenominationSignature(hex(row["known_coins.denom_sig"])) ?? assert.fail();
  assert.ok(offered?.cipher === "CS" && answer?.cipher === "CS");
  const coinHash = hashCoin(hex(row["known_coins.coin_pub"]));
  const blinding = csBlind(key.key, coinHash, [offered.r0, offered.r1], hex(row["recoup_refresh.coin_blind"]));
  assert.ok(blinding);
  assert.deepEqual(csBlindedMessage(blinding, planchet.message.subarray(64)), planchet.message);
  assert.deepEqual(csUnblind(blinding, answer), coin.value);
  assert.equal(verifyCs(key.key, coinHash, coin.value), true);
  const bch = hashBlindedCoin(hashDenominationKey(key), planchet.cipher, planchet.message);
  assert.equal(bch.toHex(), row["refresh_revealed_coins.h_coin_ev"]);
});

Deno.test("plain signing", () => {
  const secret = csSecret(utf8Bytes("secret"));
  const key = csPublicKey(secret);
  const made = csSign(secret, message, utf8Bytes("nonce"));
  assert.equal(verifyCs(key, message, made), true);
  assert.deepEqual(csSign(secret, message, utf8Bytes("nonce")), made);
  assert.notDeepEqual(csSign(secret, message, utf8Bytes("other")), made);
});

Deno.test("issuing a CS coin: values, blinding, answer, unblinding", () => {
  const secret = csSecret(utf8Bytes("denomination"));
  const key = csPublicKey(secret);
  const denominationHash = hashDenominationKey({ cipher: "CS", ageMask: 0, key });
  const choices = new Set<number>();
  for (let count = 0; count < 12; count++) {
    const coinHash = sha512(utf8Bytes(`coin ${count}`));
    const blind = sha512Short(utf8Bytes(`blind ${count}`));
    const nonce = sha512Short(utf8Bytes(`nonce ${count}`));
    const values = csWithdrawValues(secret, nonce);
    assert.deepEqual(csWithdrawValues(secret, nonce).r, values.r);
    const blinding = csBlind(key, coinHash, values.r, blind) ?? assert.fail();
    const blinded = csBlindedMessage(blinding, nonce);
    const answer = csAnswer(secret, values, blinded);
    choices.add(answer.b);
    const coinSignature = csUnblind(blinding, answer);
    assert.equal(verifyCs(key, coinHash, coinSignature), true);
    assert.equal(verifyCs(key, sha512(coinHash), coinSignature), false);
    // The way through the database.
    const planchet = parsePlanchet(serializePlanchet({ cipher: "CS", message: blinded })) ?? assert.fail();
    const stored = parseBlindedSignature(serializeBlindedSignature({ cipher: "CS", ...answer }));
    const offered = parseWithdrawValues(serializeWithdrawValues({ cipher: "CS", r0: values.r[0], r1: values.r[1] }));
    const coin = parseDenominationSignature(serializeDenominationSignature({ cipher: "CS", value: coinSignature }));
    assert.ok(stored?.cipher === "CS" && offered?.cipher === "CS" && coin !== undefined);
    const c = planchet.message.subarray(32 * stored.b, 32 * stored.b + 32);
    const other = planchet.message.subarray(32 - 32 * stored.b, 64 - 32 * stored.b);
    assert.equal(verifyCsBlinded(key, c, stored.s, stored.b === 0 ? offered.r0 : offered.r1), true);
    assert.equal(verifyCsBlinded(key, other, stored.s, stored.b === 0 ? offered.r0 : offered.r1), false);
    assert.equal(verifyCsBlinded(key, c, stored.s, stored.b === 0 ? offered.r1 : offered.r0), false);
    assert.equal(verifyCs(key, coinHash, coin.value), true);
    assert.deepEqual(
      hashBlindedCoin(denominationHash, planchet.cipher, planchet.message),
      hashBlindedCoin(denominationHash, "CS", blinded),
    );
  }
  assert.equal(choices.size, 2, "both sessions were chosen");
});

Deno.test("blinding for an invalid key or value is a verdict", () => {
  const good = csPublicKey(5n);
  const bad = littleEndianBytes(2n, 32);
  const identity = littleEndianBytes(1n, 32);
  const blind = new Uint8Array(32);
  assert.ok(csBlind(good, message, [good, good], blind));
  assert.equal(csBlind(bad, message, [good, good], blind), undefined);
  assert.equal(csBlind(identity, message, [good, good], blind), undefined);
  assert.equal(csBlind(good, message, [bad, good], blind), undefined);
  assert.equal(csBlind(good, message, [good, bad], blind), undefined);
});

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { littleEndianBytes } from "../../core/crypto/bigint.ts";
import { csChallenge, verifyCs, verifyCsBlinded } from "../../core/crypto/cs.ts";
import { verifyEd25519, verifyEd25519Slowly } from "../../core/crypto/ed25519.ts";
import fixture from "../fixtures/libsodium.json" with { type: "json" };

// Keys and points of small and mixed order, encodings that are not canonical, scalars beyond the group order, flipped
// bits: the verdicts of the library that the exchange uses, recorded once.
const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);

Deno.test("Ed25519 verdicts are those of libsodium 1.0.18", () => {
  for (const { publicKey, message, signature, valid } of fixture.ed25519) {
    const row = [hex(publicKey), hex(message), hex(signature)] as const;
    assert.equal(verifyEd25519(...row), valid, signature);
    assert.equal(verifyEd25519Slowly(...row), valid, signature);
  }
  assert.ok(fixture.ed25519.some((row) => row.valid) && fixture.ed25519.some((row) => !row.valid));
});

Deno.test("Clause-Schnorr verdicts are those of libsodium 1.0.18", () => {
  for (const { publicKey, message, s, r, valid } of fixture.clauseSchnorr) {
    assert.equal(verifyCs(hex(publicKey), hex(message), hex(s + r)), valid, `${publicKey} ${s} ${r}`);
    const c = littleEndianBytes(csChallenge(hex(publicKey), hex(message), hex(r)), 32);
    assert.equal(verifyCsBlinded(hex(publicKey), c, hex(s), hex(r)), valid, `${publicKey} ${s} ${r}`);
  }
  assert.ok(fixture.clauseSchnorr.some((row) => row.valid) && fixture.clauseSchnorr.some((row) => !row.valid));
});

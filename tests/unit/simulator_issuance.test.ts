// SPDX-License-Identifier: AGPL-3.0-or-later
/** Coins of a simulation: blind signatures of both ciphers verify, accounts and transfers have the right form. */

import assert from "node:assert/strict";
import { verifyCs, verifyCsBlinded } from "../../core/crypto/cs.ts";
import { hashBlindedCoin, hashCoin, hashDenominationKey, hashPayto } from "../../core/crypto/objects.ts";
import { powerOfSignature, verifyRsa } from "../../core/crypto/rsa.ts";
import { customerPayto, exchangePayto, merchantOf } from "../../core/simulator/accounts.ts";
import { coinSecrets, issueCoin, makeDenomination, promiseOf } from "../../core/simulator/issuance.ts";
import { completeOptions } from "../../core/simulator/options.ts";
import { secretOf } from "../../core/simulator/random.ts";
import { type Step } from "../../core/simulator/rows.ts";
import { termsOf } from "../../core/simulator/terms.ts";
import { wtidOf } from "../../core/simulator/transfer-records.ts";
import { normalizePayto, paytoMethod } from "../../core/taler/payto.ts";
import { parsePrewire } from "../../core/taler/wire.ts";
import { simulate, START } from "../support/simulation.ts";

const TERMS = termsOf(completeOptions({ seed: "x", start: START }));

function denominations() {
  return TERMS.denominations.map((terms) => makeDenomination(terms, secretOf("keys", "d", terms.index), 1024));
}

Deno.test("coins of both ciphers, with and without age commitment, are validly signed", () => {
  const kinds = new Set<string>();
  for (const d of denominations()) {
    const { cipher, ageMask } = d.terms;
    kinds.add(`${cipher} ${ageMask > 0}`);
    const secrets = coinSecrets(secretOf("coins", "c", d.terms.index), ageMask);
    assert.equal(secrets.ageCommitment !== undefined, ageMask > 0);
    const nonce = secretOf("nonces", "n", d.terms.index);
    const coin = issueCoin(d, secrets, nonce, promiseOf(d, nonce));
    const message = hashCoin(coin.pub, coin.ageCommitment);
    assert.deepEqual(d.hash, hashDenominationKey(d.key));
    assert.deepEqual(coin.hBlindedCoin, hashBlindedCoin(d.hash, cipher, coin.message));
    if ("rsa" in d.secret) {
      assert.ok(verifyRsa(d.secret.rsa.publicKey, message, coin.signature));
      assert.ok(coin.blindedSignature.cipher === "RSA");
      assert.deepEqual(powerOfSignature(d.secret.rsa.publicKey, coin.blindedSignature.value), coin.message);
    } else {
      assert.ok(verifyCs(d.key.key, message, coin.signature));
      assert.ok(coin.blindedSignature.cipher === "CS" && coin.withdrawValues.cipher === "CS");
      const { b, s } = coin.blindedSignature;
      const r = b === 0 ? coin.withdrawValues.r0 : coin.withdrawValues.r1;
      assert.ok(verifyCsBlinded(d.key.key, coin.message.subarray(32 * b, 32 * b + 32), s, r));
    }
  }
  assert.deepEqual([...kinds].sort(), ["CS false", "RSA false", "RSA true"]);
});

Deno.test("the choice of ciphers decides about every denomination", () => {
  const ciphers = (choice: "RSA" | "CS" | "mixed") =>
    new Set(termsOf(completeOptions({ seed: "x", start: START, ciphers: choice })).denominations.map((d) => d.cipher));
  assert.deepEqual([...ciphers("RSA")], ["RSA"]);
  assert.deepEqual([...ciphers("CS")], ["CS"]);
  assert.equal(ciphers("mixed").size, 2);
});

Deno.test("longer RSA keys are made on request", () => {
  const d = makeDenomination(TERMS.denominations[0]!, secretOf("keys", "long"), 2048);
  assert.ok("rsa" in d.secret && d.secret.rsa.publicKey.size === 256);
});

Deno.test("accounts are valid, and two shops may share one", () => {
  const paytos = [exchangePayto("s"), customerPayto("s", 0), ...[0, 1, 2, 3].map((i) => merchantOf("s", i, 4).payto)];
  for (const payto of paytos) {
    assert.equal(paytoMethod(payto), "iban");
    assert.notEqual(normalizePayto(payto), undefined, payto);
  }
  assert.equal(new Set(paytos).size, paytos.length - 1);
  assert.equal(merchantOf("s", 3, 4).payto, merchantOf("s", 0, 4).payto);
  assert.notDeepEqual(merchantOf("s", 3, 4).pub, merchantOf("s", 0, 4).pub);
});

Deno.test("what is handed to the bank can be read back and agrees with what is booked", () => {
  const simulation = simulate({ customers: 3, coinsPerCustomer: 6, ciphers: "RSA" });
  const rows = (table: string) =>
    (simulation.steps.flat() as Step[]).filter((s) => s.table === table && s.kind === "insert").flatMap((s) => s.rows);
  const booked = new Map(rows("wire_out").map((row) => [row["wtid_raw"], row["amount"]]));
  assert.ok(booked.size > 0);
  let compared = 0;
  for (const row of rows("prewire")) {
    const prewire = parsePrewire(Uint8Array.fromHex((row["buf"] as string).slice(2)));
    assert.ok(prewire !== undefined);
    assert.equal(prewire.exchangeBaseUrl, simulation.options.exchangeBaseUrl);
    const amount = booked.get(`\\x${prewire.wtid.toHex()}`);
    if (amount === undefined) continue;
    const { val, frac } = amount as { val: string; frac: number };
    assert.equal(prewire.amount.atoms, BigInt(val) * 100_000_000n + BigInt(frac));
    compared++;
  }
  assert.equal(compared, booked.size);
  const transfer = simulation.plan.days.flatMap((d) => d.transfers).find((t) => t.wired !== undefined)!;
  const merchant = simulation.merchants[transfer.merchant]!;
  const row = rows("wire_out").find((r) => r["wtid_raw"] === `\\x${wtidOf(simulation, transfer.index).toHex()}`)!;
  assert.equal(row["wire_target_h_payto"], `\\x${hashPayto(merchant.payto).toHex()}`);
});

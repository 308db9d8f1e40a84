// SPDX-License-Identifier: AGPL-3.0-or-later
/** Signing: all denominations or none, exactly what was confirmed, with signatures that verify. */

import assert from "node:assert/strict";
import { verifyBlock } from "../../core/crypto/blocks.ts";
import { hashText } from "../../core/crypto/objects.ts";
import { type Examination, examine } from "../../core/offline/examine.ts";
import { parseDocument } from "../../core/offline/json.ts";
import { signDenominations } from "../../core/offline/sign.ts";
import { termsOf } from "../../core/offline/verify.ts";
import {
  AGE_MASK,
  AUDITOR_PUB,
  AUDITOR_SEED,
  AUDITOR_URL,
  auditorJson,
  type Json,
  keysJson,
  MASTER_PUB,
  NOW,
  week,
} from "../support/offline-keys.ts";

const PLANS = [week(0), week(1), week(0, { cipher: "RSA", value: "2" }), week(0, { ageMask: AGE_MASK })];

function examined(change: (keys: Json) => void = () => {}): Examination {
  const keys = keysJson({
    denominations: PLANS,
    auditors: [auditorJson(AUDITOR_SEED, AUDITOR_URL, PLANS.slice(0, 1))],
  });
  change(keys);
  const parsed = parseDocument(JSON.stringify(keys));
  assert.ok("value" in parsed);
  const seen = { masterPub: MASTER_PUB, currency: "KUDOS", now: NOW, auditorPub: AUDITOR_PUB, exchangeUrl: undefined };
  const result = examine(parsed.value, { ...seen, auditorUrl: AUDITOR_URL });
  assert.ok("keys" in result);
  return result;
}

const REQUEST = { seed: AUDITOR_SEED, auditorUrl: AUDITOR_URL, onlyNew: false };

Deno.test("each denomination gets a signature over its terms and our address", () => {
  const examination = examined();
  const result = signDenominations(examination, { ...REQUEST, confirmed: examination.fingerprint });
  assert.ok("operations" in result);
  assert.equal(result.operations.length, PLANS.length);
  for (const [index, operation] of result.operations.entries()) {
    const denomination = examination.keys.denominations[index];
    assert.ok(operation.operation === "auditor-sign-denomination-0" && denomination !== undefined);
    assert.deepEqual(operation.hash, denomination.hash);
    const valid = (url: string) =>
      verifyBlock("auditorDenomination", "KUDOS", AUDITOR_PUB, operation.signature, {
        hAuditorUrl: hashText(url),
        masterPub: MASTER_PUB,
        ...termsOf(denomination),
      });
    assert.deepEqual([valid(AUDITOR_URL), valid(AUDITOR_URL.slice(0, -1))], [true, false]);
  }
  assert.deepEqual(AUDITOR_SEED.length, 32);
});

Deno.test("only what is new, on request", () => {
  const examination = examined();
  const result = signDenominations(examination, { ...REQUEST, onlyNew: true, confirmed: examination.fingerprint });
  assert.ok("denominations" in result);
  assert.deepEqual(result.denominations, examination.keys.denominations.slice(1));
});

Deno.test("nothing is signed after a failed check, even with the right fingerprint", () => {
  const changes: ((keys: Json) => void)[] = [
    (k) => k.denominations[0].fee_refund = "KUDOS:0",
    (k) => k.denominations[0].denoms[1].stamp_expire_legal.t_s++,
    (k) => k.global_fees[0].purse_fee = "KUDOS:0",
    (k) => k.extensions_sig = k.exchange_sig,
    (k) => k.master_public_key = k.auditors[0].auditor_pub,
  ];
  for (const change of changes) {
    const examination = examined(change);
    assert.ok(examination.refusals.length > 0);
    const result = signDenominations(examination, { ...REQUEST, confirmed: examination.fingerprint });
    assert.deepEqual(result, { refused: examination.refusals });
  }
});

Deno.test("nothing is signed under another fingerprint", () => {
  const examination = examined();
  for (const at of [0, 5, 11]) {
    const confirmed = examination.fingerprint.slice();
    confirmed[at] = (confirmed[at] ?? 0) ^ 1;
    assert.ok("refused" in signDenominations(examination, { ...REQUEST, confirmed }));
  }
  assert.ok("refused" in signDenominations(examination, { ...REQUEST, confirmed: new Uint8Array(0) }));
});

Deno.test("an examination that does not fit together is a mistake of the program", () => {
  const examination = examined();
  const request = { ...REQUEST, confirmed: examination.fingerprint };
  assert.throws(() => signDenominations({ ...examination, verified: [] }, request), /neither refused nor verified/);
  assert.throws(
    () => signDenominations({ ...examination, verified: [true, true, false, true] }, request),
    /neither refused nor verified/,
  );
});

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import fc from "fast-check";
import { ed25519 } from "@noble/curves/ed25519.js";
import { type BlockName, BLOCKS, buildBlock, signBlock, verifyBlock } from "../../core/crypto/blocks.ts";
import { publicKeyOf, signEd25519, verifyEd25519, verifyEd25519Slowly } from "../../core/crypto/ed25519.ts";
import { MAX_AMOUNT } from "../../core/taler/amount.ts";
import { NEVER } from "../../core/taler/time.ts";

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const seed = bytes(32);

const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  hash64: bytes(64),
  hash32: bytes(32),
  key32: bytes(32),
  sig64: bytes(64),
  optional64: fc.option(bytes(64)),
  optional32: fc.option(bytes(32), { nil: undefined }),
  zero32: fc.constant(undefined),
  amount: fc.bigInt(0n, MAX_AMOUNT),
  time: fc.bigInt(0n, NEVER),
  duration: fc.bigInt(0n, NEVER),
  u64: fc.bigInt(0n, NEVER),
  u32: fc.nat(0xffffffff),
  u32le: fc.nat(0xffffffff),
  u8pad3: fc.nat(255),
  text8: fc.stringMatching(/^[A-Z]{0,8}$/),
};

function fieldsOf(name: BlockName): fc.Arbitrary<never> {
  const types: readonly (readonly [string, string])[] = BLOCKS[name].fields;
  return fc.record(
    Object.fromEntries(types.map(([field, type]) => [field, VALUES[type] ?? assert.fail(type)])),
  ) as never;
}

function flipped(value: Uint8Array, bit: number): Uint8Array {
  const copy = value.slice();
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

for (const name of Object.keys(BLOCKS) as BlockName[]) {
  Deno.test(`block ${name}: what is signed verifies, for its key, currency and purpose alone`, () => {
    fc.assert(
      fc.property(seed, seed, fieldsOf(name), (mine, other, fields) => {
        fc.pre(mine.toHex() !== other.toHex());
        const key = publicKeyOf(mine);
        const signature = signBlock(name, "KUDOS", mine, fields);
        assert.equal(verifyBlock(name, "KUDOS", key, signature, fields), true);
        assert.equal(verifyBlock(name, "KUDOS", publicKeyOf(other), signature, fields), false);
        const hasAmount = BLOCKS[name].fields.some(([, type]) => type === "amount");
        assert.equal(verifyBlock(name, "EUR", key, signature, fields), !hasAmount);
      }),
      { numRuns: 5 },
    );
  });
}

Deno.test("every block: one flipped bit in any byte of message or signature is refused", () => {
  // One bit of each byte, a different one for each seed: all bits of all blocks would take a minute.
  fc.assert(
    fc.property(
      seed,
      fc.infiniteStream(fc.nat(7)),
      fc.record(
        Object.fromEntries((Object.keys(BLOCKS) as BlockName[]).map((name) => [name, fieldsOf(name)])),
      ),
      (mine, bits, fields) => {
        const key = publicKeyOf(mine);
        const bit = () => bits.next().value ?? 0;
        for (const name of Object.keys(BLOCKS) as BlockName[]) {
          const message = buildBlock(name, "KUDOS", fields[name] ?? assert.fail());
          const signature = signEd25519(mine, message);
          for (let index = 0; index < message.length; index++) {
            assert.equal(verifyEd25519(key, flipped(message, 8 * index + bit()), signature), false);
          }
          for (let index = 0; index < signature.length; index++) {
            assert.equal(verifyEd25519(key, message, flipped(signature, 8 * index + bit())), false);
          }
        }
      },
    ),
    { numRuns: 1 },
  );
});

Deno.test("every bit of a short block and of its signature counts", () => {
  const fields = { startOffset: 42n };
  const mine = new Uint8Array(32).fill(7);
  const message = buildBlock("coinHistory", "KUDOS", fields);
  const signature = signEd25519(mine, message);
  for (let bit = 0; bit < 8 * message.length; bit++) {
    assert.equal(verifyEd25519(publicKeyOf(mine), flipped(message, bit), signature), false);
  }
  for (let bit = 0; bit < 512; bit++) {
    const changed = flipped(signature, bit);
    assert.equal(verifyBlock("coinHistory", "KUDOS", publicKeyOf(mine), changed, fields), false);
  }
});

Deno.test("two blocks with equal fields but different purposes differ", () => {
  fc.assert(fc.property(bytes(64), bytes(32), (hDenomination, coinBlind) => {
    const fields = { hDenomination, coinBlind };
    const recoup = buildBlock("coinRecoup", "KUDOS", fields);
    const refresh = buildBlock("coinRecoupRefresh", "KUDOS", fields);
    assert.notDeepEqual(recoup, refresh);
    assert.deepEqual(recoup.subarray(8), refresh.subarray(8));
  }));
});

Deno.test("Ed25519 agrees with an independent library on keys, signatures and verdicts", () => {
  fc.assert(
    fc.property(seed, fc.uint8Array({ maxLength: 300 }), fc.nat(511), (mine, message, bit) => {
      const key = publicKeyOf(mine);
      const signature = signEd25519(mine, message);
      assert.deepEqual(key, ed25519.getPublicKey(mine));
      assert.deepEqual(signature, ed25519.sign(message, mine));
      assert.equal(verifyEd25519(key, message, signature), true);
      assert.equal(verifyEd25519Slowly(key, message, signature), true);
      const changed = flipped(signature, bit);
      assert.equal(verifyEd25519(key, message, changed), ed25519.verify(changed, message, key, { zip215: false }));
      assert.equal(verifyEd25519Slowly(key, message, changed), false);
    }),
  );
});

Deno.test("Ed25519: any bytes get a verdict", () => {
  const anyBytes = fc.uint8Array({ maxLength: 80 });
  const anyKey = fc.oneof(bytes(32), anyBytes);
  const anySignature = fc.oneof(bytes(64), anyBytes);
  fc.assert(fc.property(anyKey, anyBytes, anySignature, (key, message, signature) => {
    assert.equal(verifyEd25519(key, message, signature), false);
  }));
});

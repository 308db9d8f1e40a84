// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { parseAmount } from "../../core/taler/amount.ts";
import { NEVER, SECOND } from "../../core/taler/time.ts";
import { type BlockName, BLOCKS, blockSize, buildBlock, signBlock, verifyBlock } from "../../core/crypto/blocks.ts";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { sha512, sha512Short, utf8Bytes, zeroTerminated } from "../../core/crypto/hash.ts";
import fixture from "../fixtures/blocks.json" with { type: "json" };

const CURRENCY = "KUDOS";
const T0 = 1_700_000_000n * SECOND;
const TIMES: Readonly<Record<string, bigint>> = {
  t0: T0,
  t1: T0 + 3600n * SECOND,
  t2: T0 + 7200n * SECOND,
  t3: T0 + 10_800n * SECOND,
  forever: NEVER,
  "0^8": 0n,
};
const AMOUNTS: Readonly<Record<string, string>> = {
  a1: "KUDOS:5.12345678",
  a2: "KUDOS:0.01",
  a4: "KUDOS:0.5",
  a5: "KUDOS:0.00000001",
  a6: "KUDOS:0.02",
};
const ITEMS: Readonly<Record<string, string>> = {
  h_full: fixture.items.h_full,
  h_reserve: fixture.items.h_reserve,
  h_wire: fixture.items["h_wire with salt = 16 bytes 5a"],
  J1: fixture.items["J1 = JSON hash of []"],
  J2: fixture.items['J2 = JSON hash of [{"type":"deny","hint":"b"}]'],
};
const KEYS: Readonly<Record<string, { seed: string; publicKey: string }>> = fixture.keys;

function be64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** Atoms of an amount of the common inputs. */
function atomsOf(term: string): bigint {
  const amount = parseAmount(AMOUNTS[term] ?? "");
  assert.ok(amount, term);
  return amount.atoms;
}

/** Bytes of a term of crypto.md 11.10 inside a hash: A() written out here, so that it does not rest on writeAmount. */
function hashedPart(term: string): Uint8Array {
  if (term in TIMES) return be64(TIMES[term] ?? 0n);
  if (!(term in AMOUNTS)) return bytesOf(term);
  const atoms = atomsOf(term);
  const bytes = new Uint8Array(24);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, atoms / 100_000_000n);
  view.setUint32(8, Number(atoms % 100_000_000n));
  bytes.set(utf8Bytes(CURRENCY), 12);
  return bytes;
}

/** Bytes of a term of crypto.md 11.10: `H(x)`, `H32(x)`, `Hz(x)`, `H( part | part )`, a key's name, an item, zeros. */
function bytesOf(term: string): Uint8Array {
  const zeros = /^0\^(\d+)$/.exec(term);
  if (zeros) return new Uint8Array(Number(zeros[1]));
  const compound = /^H\( (.*) \)$/.exec(term);
  if (compound) return sha512(...(compound[1] ?? "").split(" | ").map(hashedPart));
  const hash = /^(H|H32|Hz)\((.*)\)$/.exec(term);
  const label = hash?.[2] ?? "";
  if (hash?.[1] === "H") return sha512(utf8Bytes(label));
  if (hash?.[1] === "H32") return sha512Short(utf8Bytes(label));
  if (hash?.[1] === "Hz") return sha512(zeroTerminated(label));
  const key = KEYS[term.replace(/_pub$/, "")];
  const hex = ITEMS[term] ?? key?.publicKey;
  assert.ok(hex, `unknown term ${term}`);
  return Uint8Array.fromHex(hex);
}

/** Value of a field as buildBlock takes it. */
function valueOf(term: string, type: string): unknown {
  if (type === "zero32" || (type.startsWith("optional") && /^0\^\d+$/.test(term))) return undefined;
  if (type === "amount") return atomsOf(term);
  if (type === "text8") return /^"(.*)" \+ 0 byte$/.exec(term)?.[1];
  if (type === "u8pad3") return Number(/^bytes (\d\d) 00 00 00$/.exec(term)?.[1]);
  if (type.startsWith("u32")) return Number(/^(\d+) \(4/.exec(term)?.[1]);
  if (type === "u64" || type === "duration") return BigInt(/^(\d+) \(8\)$/.exec(term)?.[1] ?? "-1");
  return type === "time" ? TIMES[term] : bytesOf(term);
}

function fieldsOf(row: (typeof fixture.blocks)[number]): never {
  const terms = row.fields as Readonly<Record<string, string>>;
  const fields: readonly (readonly [string, string])[] = BLOCKS[row.block as BlockName].fields;
  assert.deepEqual(Object.keys(terms), fields.map(([name]) => name));
  return Object.fromEntries(fields.map(([name, type]) => [name, valueOf(terms[name] ?? "", type)])) as never;
}

for (const row of fixture.blocks) {
  Deno.test(`block ${row.title} ${row.block}: message, signature and verification as in crypto.md 11.10`, () => {
    const name = row.block as BlockName;
    const { seed, publicKey } = KEYS[row.signer] ?? assert.fail(row.signer);
    const fields = fieldsOf(row);
    const message = buildBlock(name, CURRENCY, fields);
    assert.equal(BLOCKS[name].purpose, row.purpose);
    assert.equal(BLOCKS[name].signer, row.signer === "oldcoin" ? "coin" : row.signer);
    assert.equal(message.length, row.size);
    assert.equal(blockSize(name), row.size);
    assert.equal(sha512(message).slice(0, 8).toHex(), row.digest);
    assert.equal(publicKeyOf(bytesOf(seed)).toHex(), publicKey);
    assert.equal(signBlock(name, CURRENCY, bytesOf(seed), fields).toHex(), row.signature);
    const signature = Uint8Array.fromHex(row.signature);
    assert.equal(verifyBlock(name, CURRENCY, Uint8Array.fromHex(publicKey), signature, fields), true);
    signature[5] = (signature[5] ?? 0) ^ 1;
    assert.equal(verifyBlock(name, CURRENCY, Uint8Array.fromHex(publicKey), signature, fields), false);
  });
}

Deno.test("every block has a row in crypto.md 11.10, except those it lists as without known answer", () => {
  const tested = new Set(fixture.blocks.map((row) => row.block));
  const untested = Object.keys(BLOCKS).filter((name) => !tested.has(name));
  assert.deepEqual(untested.sort(), ["ageAttestation", "exchangeReserveAttest", "tokenUse"]);
});

Deno.test("blocks without known answer have the layout of the specification", () => {
  assert.equal(blockSize("exchangeReserveAttest"), 120);
  assert.equal(blockSize("tokenUse"), 136);
  const message = buildBlock("ageAttestation", CURRENCY, { ageMask: 278785, age: 14 });
  assert.equal(message.toHex(), "00000010000004b7000441010000000e");
});

Deno.test("no two blocks have the same purpose", () => {
  const purposes = Object.values(BLOCKS).map((block) => block.purpose);
  assert.equal(new Set(purposes).size, purposes.length);
});

const refund = {
  hContractTerms: new Uint8Array(64),
  coinPub: new Uint8Array(32),
  rtransactionId: -1n,
  amount: 1n,
};

Deno.test("a signed 64-bit column and the unsigned number it means give the same block", () => {
  assert.deepEqual(
    buildBlock("merchantRefund", CURRENCY, refund),
    buildBlock("merchantRefund", CURRENCY, { ...refund, rtransactionId: 2n ** 64n - 1n }),
  );
});

Deno.test("an optional hash may be undefined, null or zero bytes", () => {
  const withHash = (hPayto: Uint8Array | null | undefined) =>
    buildBlock("reserveClose", CURRENCY, { requestTimestamp: 0n, hPayto });
  assert.deepEqual(withHash(undefined), withHash(null));
  assert.deepEqual(withHash(undefined), withHash(new Uint8Array(32)));
});

Deno.test("fields that cannot be encoded are a false verdict when verifying and RangeError when building", () => {
  const key = new Uint8Array(32).fill(9);
  const signature = new Uint8Array(64);
  const cases: readonly Partial<typeof refund>[] = [
    { hContractTerms: new Uint8Array(63) },
    { hContractTerms: new Uint8Array(65) },
    { coinPub: new Uint8Array(0) },
    { rtransactionId: 2n ** 64n },
    { rtransactionId: -(2n ** 63n) - 1n },
    { amount: -1n },
    { amount: 2n ** 90n },
  ];
  for (const wrong of cases) {
    const fields = { ...refund, ...wrong };
    assert.throws(() => buildBlock("merchantRefund", CURRENCY, fields), RangeError);
    assert.equal(verifyBlock("merchantRefund", CURRENCY, key, signature, fields), false);
  }
  assert.throws(() => buildBlock("merchantRefund", "kudos", refund), RangeError);
  const close = { requestTimestamp: -1n, hPayto: null };
  assert.throws(() => buildBlock("reserveClose", CURRENCY, close), RangeError);
  assert.throws(() => buildBlock("exchangeConfirmMelt", CURRENCY, { rc: signature, noRevealIndex: 1.5 }), RangeError);
  assert.throws(() => buildBlock("exchangeConfirmMelt", CURRENCY, { rc: signature, noRevealIndex: -1 }), RangeError);
  const expired = { timestamp: 0n, operation: "RECOUPREFRESH", hDenomination: signature };
  assert.throws(() => buildBlock("exchangeDenominationExpired", CURRENCY, expired), RangeError);
});

Deno.test("a missing field throws, in verifying as well: it is a programming error", () => {
  const { coinPub: _, ...incomplete } = refund;
  assert.throws(() => buildBlock("merchantRefund", CURRENCY, incomplete as never), TypeError);
  assert.throws(
    () => verifyBlock("merchantRefund", CURRENCY, new Uint8Array(32), new Uint8Array(64), incomplete as never),
    TypeError,
  );
});

Deno.test("a misnamed, missing or wrongly typed field is a compile error", () => {
  const deposit = { amount: 1n, hDenomination: new Uint8Array(64), hBlindedCoin: new Uint8Array(64) };
  // @ts-expect-error misnamed
  assert.throws(() => buildBlock("reserveWithdraw", CURRENCY, { amount: 1n, hDenomPub: new Uint8Array(64) }));
  // @ts-expect-error missing
  assert.throws(() => buildBlock("reserveWithdraw", CURRENCY, { amount: 1n, hDenomination: new Uint8Array(64) }));
  // @ts-expect-error an amount is a bigint
  assert.throws(() => buildBlock("reserveWithdraw", CURRENCY, { ...deposit, amount: 1 }));
  // @ts-expect-error a hash is bytes
  assert.throws(() => buildBlock("reserveWithdraw", CURRENCY, { ...deposit, hBlindedCoin: "00" }));
  // @ts-expect-error no such block
  assert.throws(() => buildBlock("reserveWithdrawal", CURRENCY, deposit));
  // @ts-expect-error an optional hash must be named all the same
  assert.equal(buildBlock("reserveClose", CURRENCY, { requestTimestamp: 0n }).length, 48);
});

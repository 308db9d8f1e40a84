// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { writeAmount } from "../../core/taler/amount.ts";
import { creditSubject, debitSubject, kycSubject, parsePrewire } from "../../core/taler/wire.ts";

const PAYTO = "payto://iban/DE474361?receiver-name=Merchant";
const URL = "https://exchange.example.com/";

/** A prepared transfer as crypto.md 9.3 lays it out; the lengths and tail can be falsified. */
function prewire(change: { paytoLength?: number; urlLength?: number; tail?: Uint8Array } = {}): Uint8Array {
  const tail = change.tail ?? new TextEncoder().encode(`${PAYTO}\0${URL}\0`);
  const bytes = new Uint8Array(128 + tail.length);
  const view = new DataView(bytes.buffer);
  bytes.fill(7, 0, 64);
  writeAmount(bytes, 64, "KUDOS", 512_345_678n);
  bytes.fill(9, 88, 120);
  view.setUint32(120, change.paytoLength ?? PAYTO.length + 1);
  view.setUint32(124, change.urlLength ?? URL.length + 1);
  bytes.set(tail, 128);
  return bytes;
}

Deno.test("a prepared transfer is split into its fields (crypto.md 9.3)", () => {
  assert.deepEqual(parsePrewire(prewire()), {
    requestUid: new Uint8Array(64).fill(7),
    amount: { currency: "KUDOS", atoms: 512_345_678n },
    wtid: new Uint8Array(32).fill(9),
    payto: PAYTO,
    exchangeBaseUrl: URL,
  });
});

Deno.test("a damaged prepared transfer is a verdict", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  const badAmount = prewire();
  badAmount[76] = 0x20;
  const notUtf8 = prewire();
  notUtf8[130] = 0xff;
  const blobs = [
    new Uint8Array(0),
    new Uint8Array(127),
    prewire().subarray(0, -1),
    prewire({ tail: text(`${PAYTO}\0${URL}\0x`) }),
    prewire({ paytoLength: 0xffffffff }),
    prewire({ paytoLength: 0, urlLength: PAYTO.length + URL.length + 2 }),
    prewire({ paytoLength: PAYTO.length }),
    prewire({ tail: text(`${PAYTO}x${URL}\0`) }),
    prewire({ tail: text(`${PAYTO}\0${URL}x`) }),
    prewire({ tail: text(`pay\0${PAYTO.slice(4)}\0${URL}\0`) }),
    badAmount,
    notUtf8,
  ];
  blobs.forEach((blob, index) => assert.equal(parsePrewire(blob), undefined, `case ${index}`));
});

Deno.test("subjects of transfers (crypto.md 9.2)", () => {
  const key = new Uint8Array(32);
  const zeros = "0".repeat(52);
  assert.equal(creditSubject(key), zeros);
  assert.equal(debitSubject(key, URL), `${zeros} ${URL}`);
  assert.equal(kycSubject(key), `KYC:${zeros}`);
});

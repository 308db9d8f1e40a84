// SPDX-License-Identifier: AGPL-3.0-or-later
/** Subjects of bank transfers as banks deliver them (crypto.md 9.2). */

import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCreditSubject, parseDebitSubject } from "../../core/bank/subject.ts";
import { ownPayment } from "../../core/bank/transaction.ts";
import { decodeBase32, encodeBase32 } from "../../core/taler/base32.ts";
import { creditSubject, debitSubject, kycSubject } from "../../core/taler/wire.ts";

const KEY = "83NJ6SVHNYJ1ATB0RWQAAMT4YPK6NSCFSB5NXEHFS45YAPE99V10";
const OTHER = "P2AD3BVE6JPFWQPYFS95QG80YHJC970WNEDAAJRA8MGB1147VJ6G";
const URL = "https://exchange.example.com/";

const short = (subject: ReturnType<typeof parseCreditSubject>) =>
  "reason" in subject ? subject.reason : [subject.kind, encodeBase32(subject.subject), subject.url];

Deno.test("subjects of credits", () => {
  const several = "the subject holds several keys";
  const none = "the subject holds no key";
  const cases: [string, unknown][] = [
    [KEY, ["RESERVE", KEY, undefined]],
    [KEY.toLowerCase(), ["RESERVE", KEY, undefined]],
    [`  ${KEY}\n`, ["RESERVE", KEY, undefined]],
    [`Taler Withdrawal: ${KEY}`, ["RESERVE", KEY, undefined]],
    [`Taler ${KEY} (mobile banking)`, ["RESERVE", KEY, undefined]],
    [`${KEY} ${KEY}`, ["RESERVE", KEY, undefined]],
    [`${KEY.slice(0, 35)} ${KEY.slice(35)}`, ["RESERVE", KEY, undefined]],
    [`Taler ${KEY.slice(0, 20)}-${KEY.slice(20, 40)}\n${KEY.slice(40)}`, ["RESERVE", KEY, undefined]],
    [`KYC:${KEY}`, ["KYCAUTH", KEY, undefined]],
    [`kyc: ${KEY}`, ["KYCAUTH", KEY, undefined]],
    [`KYC ${KEY}`, ["KYCAUTH", KEY, undefined]],
    [`KYC${KEY}`, ["KYCAUTH", KEY, undefined]],
    [`KYC:${KEY.slice(0, 31)} ${KEY.slice(31)}`, ["KYCAUTH", KEY, undefined]],
    [`${KEY} ${OTHER}`, several],
    [`KYC:${KEY} ${KEY}`, several],
    ["", none],
    ["rent for May", none],
    [KEY.slice(1), none],
    [`${KEY}0`, none],
    [`X${KEY} `, none],
    [`${KEY.slice(0, 30)} ${KEY.slice(30)}0`, none],
    [`${KEY} ${URL}`, "the subject is that of a transfer by the exchange: a payment that came back?"],
    [`${KEY}${"x ".repeat(1000)}`, "the subject is too long"],
  ];
  for (const [text, expected] of cases) assert.deepEqual(short(parseCreditSubject(text)), expected, text);
});

Deno.test("subjects of debits", () => {
  const no = "the subject is not a transfer identifier and an exchange's URL";
  const cases: [string, unknown][] = [
    [`${KEY} ${URL}`, ["TRANSFER", KEY, URL]],
    [`${KEY}  http://localhost:8081/ `, ["TRANSFER", KEY, "http://localhost:8081/"]],
    [`Taler payout ${KEY} ${URL}`, ["TRANSFER", KEY, URL]],
    [`${KEY.slice(0, 35)}\n${KEY.slice(35)} https://exchange.exam\nple.com/`, ["TRANSFER", KEY, URL]],
    [`${KEY}${URL}`, ["TRANSFER", KEY, URL]],
    [KEY, no],
    [URL, no],
    ["", no],
    ["rent", no],
    [`${KEY} ftp://exchange.example.com/`, no],
    [`${KEY.slice(1)} ${URL}`, no],
    [`${KEY} https://exchange.example.com/<script>`, "the subject's URL is malformed"],
    [`${KEY} ${URL}${"x".repeat(3000)}`, "the subject is too long"],
  ];
  for (const [text, expected] of cases) assert.deepEqual(short(parseDebitSubject(text)), expected, text);
});

Deno.test("what the protocol writes is read back, and no text is an accident", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
    assert.deepEqual(short(parseCreditSubject(creditSubject(key))), ["RESERVE", encodeBase32(key), undefined]);
    assert.deepEqual(short(parseCreditSubject(kycSubject(key))), ["KYCAUTH", encodeBase32(key), undefined]);
    assert.deepEqual(short(parseDebitSubject(debitSubject(key, URL))), ["TRANSFER", encodeBase32(key), URL]);
  }));
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
    parseCreditSubject(text);
    parseDebitSubject(text);
  }));
});

Deno.test("a payment that came back is known by its subject, also behind what the statement says of it", () => {
  const own = (text: string) => ownPayment({ kind: "OTHER", subject: new TextEncoder().encode(text) })?.toHex();
  const key = decodeBase32(OTHER, 32)!.toHex();
  const broken = `${OTHER.slice(0, 35)} ${OTHER.slice(35)} https://exch ange.example/`;
  for (const text of [`${OTHER} https://exchange.example/`, broken]) {
    for (const prefix of ["", "payment that came back: ", "reverses another entry: "]) {
      assert.equal(own(prefix + text), key, prefix + text);
    }
  }
  assert.equal(own("rent: May"), undefined);
  assert.equal(own(`payment that came back: ${OTHER}`), undefined);
  assert.equal(ownPayment({ kind: "RESERVE", subject: new Uint8Array(32) }), undefined);
});

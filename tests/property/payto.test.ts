// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import fc from "fast-check";
import { isIban } from "../../core/taler/iban.ts";
import { normalizePayto, paytoMethod, reservePayto } from "../../core/taler/payto.ts";

const word = fc.stringMatching(/^[A-Za-z0-9._@-]{0,12}$/);
const method = fc.constantFrom(
  "iban",
  "IBAN",
  "x-taler-bank",
  "X-Taler-Bank",
  "upi",
  "ilp",
  "Bitcoin",
  "void",
  "cyclos",
);
const NAME = "receiver-name=X";

/** A valid IBAN: the check digits are computed from the rest. */
const iban = fc.tuple(fc.constantFrom("DE", "GB", "FR", "MT", "CH"), fc.stringMatching(/^[0-9A-Z]{1,30}$/))
  .map(([country, rest]) => {
    const digits = Array.from(`${rest}${country}00`, (letter) => parseInt(letter, 36).toString()).join("");
    return `${country}${(98n - BigInt(digits) % 97n).toString().padStart(2, "0")}${rest}`;
  });

const uri = fc.oneof(
  fc.tuple(method, fc.array(word, { minLength: 1, maxLength: 4 }), word).map(([name, parts, query]) =>
    `payto://${name}/${parts.join("/")}?${query}&${NAME}`
  ),
  fc.tuple(fc.constantFrom("payto://iban", "PAYTO://Iban"), fc.constantFrom("", "/SANDBOXX"), iban)
    .map(([start, bic, account]) => `${start}${bic}/${account}?${NAME}`),
);

Deno.test("payto: the normal form is a fixed point, parameters aside", () => {
  fc.assert(fc.property(uri, (text) => {
    const normal = normalizePayto(text);
    if (normal === undefined) return;
    assert.ok(!normal.includes("?"));
    assert.equal(normalizePayto(`${normal}?${NAME}`), normal);
    // Parameters never matter for the account.
    assert.equal(normalizePayto(`${text}&message=Y`), normal);
    assert.equal(paytoMethod(normal)?.toLowerCase(), paytoMethod(text)?.toLowerCase());
  }));
});

Deno.test("payto: a valid IBAN normalises with and without BIC, a changed one is refused", () => {
  fc.assert(fc.property(iban, fc.nat(), (account, where) => {
    assert.equal(isIban(account), true);
    assert.equal(normalizePayto(`payto://iban/${account}?${NAME}`), `payto://iban/${account}`);
    assert.equal(normalizePayto(`payto://iban/BIC/${account}?${NAME}`), `payto://iban/${account}`);
    const index = 2 + where % (account.length - 2);
    const digit = account[index] ?? "";
    if (!/\d/.test(digit)) return;
    const changed = account.slice(0, index) + (Number(digit) + 1) % 10 + account.slice(index + 1);
    assert.equal(normalizePayto(`payto://iban/${changed}?${NAME}`), undefined);
  }));
});

Deno.test("payto: any text gets a verdict", () => {
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme-ascii" }));
  fc.assert(
    fc.property(fc.constantFrom("", "payto://", "payto://iban/", "payto://x-taler-bank/h/"), text, (start, rest) => {
      const normal = normalizePayto(start + rest);
      assert.ok(normal === undefined || /^[\x21-\x7e]+$/.test(normal));
      paytoMethod(start + rest);
      reservePayto(start + rest, new Uint8Array(32));
    }),
  );
});

Deno.test("payto: different reserves have different URIs, all of them normal", () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(fc.property(key, key, (first, second) => {
    const url = "https://exchange.example.com/";
    const one = reservePayto(url, first) ?? assert.fail();
    assert.equal(normalizePayto(one), one);
    assert.equal(one === reservePayto(url, second), first.toHex() === second.toHex());
  }));
});

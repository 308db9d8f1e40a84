// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Whatever happens to a document on its way: it is refused, or shown as different, or it still says the same; and what
 * is not exactly the document that was compared is never signed.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { sha512, utf8Bytes } from "../../core/crypto/hash.ts";
import { operationsDocument, readKeysDocument, readOperations } from "../../core/offline/documents.ts";
import { examine } from "../../core/offline/examine.ts";
import { fingerprintHex, fingerprintWords, parseFingerprint } from "../../core/offline/fingerprint.ts";
import { parseDocument, writeDocument } from "../../core/offline/json.ts";
import { type Keys, readKeys } from "../../core/offline/keys.ts";
import { BACKUP_SIZE, openKey, sealKey } from "../../core/offline/backup.ts";
import { paperLines, qrText, readPaper } from "../../core/offline/paper.ts";
import { signDenominations } from "../../core/offline/sign.ts";
import { showText } from "../../cmd/offline-text.ts";
import {
  AGE_MASK,
  AUDITOR_PUB,
  AUDITOR_SEED,
  AUDITOR_URL,
  auditorJson,
  EXCHANGE_URL,
  type Json,
  keysJson,
  MASTER_PUB,
  NOW,
  secret,
  week,
} from "../support/offline-keys.ts";

const PLANS = [
  week(0),
  week(1),
  week(0, { value: "0.5", fees: ["0", "0.01", "0", "0.02"] }),
  week(0, { value: "2", cipher: "RSA", bits: 1024 }),
  week(0, { ageMask: AGE_MASK, lost: false }),
];

/** A document with something of everything. */
const ORIGINAL = writeDocument({
  operation: "auditor-keys-0",
  arguments: keysJson({
    denominations: PLANS,
    auditors: [
      auditorJson(AUDITOR_SEED, AUDITOR_URL, PLANS.slice(0, 2)),
      auditorJson(secret("another auditor"), "https://other.example/", PLANS.slice(1)),
    ],
    revoked: [week(1), week(9)],
  }),
});

type Outcome =
  | { kind: "refused" }
  | { kind: "accepted"; keys: Keys; shown: string; fingerprint: Uint8Array; own: string; original: string | undefined };

const CONFIRMED = (() => {
  const outcome = outcomeOf(ORIGINAL, new Uint8Array(12));
  assert.equal(outcome.kind, "accepted");
  return outcome.kind === "accepted" ? outcome.fingerprint : new Uint8Array(0);
})();

/** What becomes of a text: shown, signed with its own fingerprint, signed with the one that was compared. */
function outcomeOf(text: string, confirmed: Uint8Array): Outcome {
  const document = readKeysDocument(text);
  if ("fault" in document) return { kind: "refused" };
  const examination = examine(document.arguments, {
    masterPub: MASTER_PUB,
    currency: "KUDOS",
    now: NOW,
    auditorPub: AUDITOR_PUB,
    auditorUrl: AUDITOR_URL,
    exchangeUrl: EXCHANGE_URL,
  });
  if ("faults" in examination) return { kind: "refused" };
  const signed = (fingerprint: Uint8Array) => {
    const request = { seed: AUDITOR_SEED, auditorUrl: AUDITOR_URL, confirmed: fingerprint, onlyNew: false };
    const result = signDenominations(examination, request);
    return "refused" in result ? undefined : writeDocument(operationsDocument(result.operations));
  };
  const own = signed(examination.fingerprint);
  if (examination.refusals.length > 0) {
    assert.equal(own, undefined, "nothing is signed after a failed check");
    return { kind: "refused" };
  }
  assert.ok(own !== undefined);
  const { keys, fingerprint } = examination;
  return {
    kind: "accepted",
    keys,
    shown: showText(examination, "all", true),
    fingerprint,
    own,
    original: signed(confirmed),
  };
}

const BEFORE = outcomeOf(ORIGINAL, CONFIRMED);

/** Everything read from a document; digits of the currency only choose what is called unusual. */
function everything(keys: Keys): unknown {
  return plain({ ...keys, digits: 0 });
}

/**
 * What the signatures made here are about, and what a person is told about it. The lists beside the denominations count
 * by their length: nobody signs which wire fees or auditors there are, and their order means nothing.
 */
function whatMatters(keys: Keys): unknown {
  const { currency, masterPub, denominations, version, baseUrl, list, revoked, extensions } = keys;
  const others = [keys.signingKeys, keys.wireFees, keys.globalFees, keys.accounts, keys.auditors];
  return plain({
    ...{ currency, masterPub, version, baseUrl, list, extensions },
    denominations: denominations.toSorted((a, b) => (a.hash.toHex() < b.hash.toHex() ? -1 : 1)),
    revoked: [...new Set(revoked?.map((hash) => hash.toHex()))].sort(),
    others: others.map((section) => section?.length ?? 0),
  });
}

/** As JSON can hold it, without places. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (name, part) => {
    if (name === "place") return undefined;
    if (part instanceof Uint8Array) return part.toHex();
    return typeof part === "bigint" ? `${part}` : part;
  }));
}

/** Where two values differ first, for a failure's message. */
function difference(a: unknown, b: unknown, path = ""): string {
  if (JSON.stringify(a) === JSON.stringify(b)) return "";
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return `${path}: ${JSON.stringify(a)} for ${JSON.stringify(b)}`;
  }
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.map((name) => difference((a as Json)[name], (b as Json)[name], `${path}.${name}`)).find((text) =>
    text !== ""
  ) ?? path;
}

/** The law of this file. Returns the kind of the outcome. */
function holds(text: string, meaning = everything): string {
  const after = outcomeOf(text, CONFIRMED);
  assert.ok(BEFORE.kind === "accepted");
  if (after.kind === "refused") return "refused";
  const same = JSON.stringify(meaning(after.keys)) === JSON.stringify(meaning(BEFORE.keys));
  if (fingerprintHex(after.fingerprint) === fingerprintHex(BEFORE.fingerprint)) {
    const sorted = (output: string) => (JSON.parse(output) as unknown[]).map((entry) => JSON.stringify(entry)).sort();
    assert.deepEqual(sorted(after.own), sorted(BEFORE.own), "the same fingerprint, but something else was signed");
  } else {
    assert.equal(after.original, undefined, "signed, though it is not the document that was compared");
    assert.notEqual(after.shown, BEFORE.shown);
  }
  if (same) return "no difference";
  const where = `it means something else and looks the same: ${difference(meaning(after.keys), meaning(BEFORE.keys))}`;
  assert.notEqual(after.shown, BEFORE.shown, where);
  return "shown as different";
}

const BYTES = utf8Bytes(ORIGINAL);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** One byte altered: a flipped bit, another character of the kind that documents are made of, or a missing byte. */
const alteredByte = fc.tuple(
  fc.nat(BYTES.length - 1),
  fc.oneof(
    fc.nat(7).map((bit) => ({ kind: "flip", bit }) as const),
    fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefhlnorstu":,.[]{} -+e').map((character) =>
      ({ kind: "put", character }) as const
    ),
    fc.constant({ kind: "drop" } as const),
  ),
).map(([at, change]) => {
  if (change.kind === "drop") return decode(new Uint8Array([...BYTES.slice(0, at), ...BYTES.slice(at + 1)]));
  const bytes = BYTES.slice();
  bytes[at] = change.kind === "flip" ? (bytes[at] ?? 0) ^ (1 << change.bit) : change.character.charCodeAt(0);
  return decode(bytes);
});

Deno.test("1,000 documents with one altered byte are refused, shown as different, or mean the same", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(alteredByte, (text) => {
      const kind = text === ORIGINAL ? "untouched" : holds(text);
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
    }),
    { numRuns: 1000 },
  );
  // Most bytes belong to keys, hashes and signatures.
  assert.ok((seen.get("refused") ?? 0) > 500, JSON.stringify([...seen]));
});

/** Paths to all values of a document. */
function paths(value: unknown, prefix: (string | number)[] = []): (string | number)[][] {
  if (typeof value !== "object" || value === null) return [prefix];
  const entries = Array.isArray(value) ? value.map((member, index) => [index, member] as const) : Object.entries(value);
  return [prefix, ...entries.flatMap(([name, member]) => paths(member, [...prefix, name]))];
}

const PATHS = paths(JSON.parse(ORIGINAL)).filter((path) => path.length > 0);

function valueAt(document: Json, path: readonly (string | number)[]): unknown {
  return path.reduce<Json | undefined>((value, name) => value?.[name], document);
}

function change(path: readonly (string | number)[], how: (holder: Json, name: string | number) => void): string {
  const document = JSON.parse(ORIGINAL);
  const holder = valueAt(document, path.slice(0, -1));
  how(holder as Json, path.at(-1) ?? "");
  return JSON.stringify(document);
}

const anyPath = fc.constantFrom(...PATHS);

/** Parts removed, replaced by other parts of the same document, doubled or moved. */
const alteredStructure = fc.oneof(
  anyPath.map((path) =>
    change(path, (holder, name) => Array.isArray(holder) ? holder.splice(Number(name), 1) : delete holder[name])
  ),
  fc.tuple(anyPath, anyPath).map(([path, other]) =>
    change(path, (holder, name) => holder[name] = valueAt(JSON.parse(ORIGINAL), other))
  ),
  anyPath.map((path) => change(path, (holder, name) => Array.isArray(holder) && holder.push(holder[Number(name)]))),
  anyPath.map((path) => change(path, (holder) => Array.isArray(holder) && holder.reverse())),
  fc.tuple(anyPath, fc.oneof(fc.integer(), fc.constantFrom(null, "", "never", "KUDOS:0", [], {}, true, 0.5))).map((
    [path, value],
  ) => change(path, (holder, name) => holder[name] = value)),
);

Deno.test("1,000 documents with altered parts are refused, shown as different, or mean the same", () => {
  fc.assert(fc.property(alteredStructure, (text) => void holds(text, whatMatters)), { numRuns: 1000 });
});

Deno.test("every byte of the first key, of its terms and of the master key matters", () => {
  // Not by chance, but one after the other: digits and letters become others that stand for another value.
  const start = ORIGINAL.indexOf('"denominations"');
  const ranges = [
    [start, ORIGINAL.indexOf('"cs_pub"', start) + 70],
    [ORIGINAL.indexOf('"master_public_key"'), ORIGINAL.indexOf('"master_public_key"') + 75],
  ];
  let altered = 0;
  for (const [from = 0, to = 0] of ranges) {
    for (let at = from; at < to; at++) {
      const symbol = ORIGINAL[at] ?? "";
      if (!/[0-9A-Z]/.test(symbol)) continue;
      const other = symbol === "0"
        ? "4"
        : symbol === "9" || symbol === "Z"
        ? "0"
        : String.fromCharCode(symbol.charCodeAt(0) + 1);
      const kind = holds(ORIGINAL.slice(0, at) + other + ORIGINAL.slice(at + 1));
      altered++;
      // The last symbol of a key has bits that stand for nothing (crypto.md 1.2).
      const padding = kind === "no difference" && ORIGINAL[at + 1] === '"';
      assert.ok(kind === "refused" || padding, `${kind}: ${ORIGINAL.slice(at - 40, at + 1)}`);
    }
  }
  assert.ok(altered > 200, `${altered}`);
});

Deno.test("documents come back from text as they were", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = JSON.stringify(value);
    const parsed = parseDocument(text);
    // Objects made by the generator have no member twice, so every one is a document.
    assert.ok("value" in parsed, text);
    assert.deepEqual(JSON.parse(JSON.stringify(parsed.value)), JSON.parse(text));
  }));
});

Deno.test("no text makes the readers throw", () => {
  const pieces = fc.array(fc.constantFrom('{"', '":', "[", "]", "}", ",", "1", '"a"', "null", "operation", " "), {
    maxLength: 20,
  });
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json(), pieces.map((parts) => parts.join(""))), (text) => {
    readKeysDocument(text);
    readOperations(text);
    const parsed = parseDocument(text);
    if ("value" in parsed) readKeys(parsed.value);
    readPaper(text);
    parseFingerprint(text);
  }));
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

Deno.test("fingerprints come back from words and digits, and no two have the same", () => {
  fc.assert(fc.property(bytes(12), bytes(12), (a, b) => {
    assert.deepEqual(parseFingerprint(fingerprintWords(a).join(" ")), { bytes: a });
    assert.deepEqual(parseFingerprint(fingerprintHex(a)), { bytes: a });
    assert.equal(fingerprintHex(a) === fingerprintHex(b), a.toHex() === b.toHex());
    assert.equal(fingerprintWords(a).join() === fingerprintWords(b).join(), a.toHex() === b.toHex());
  }));
});

const CHEAP = { logN: 10, r: 1, p: 1 };

Deno.test("any key under any passphrase comes back, and not under another one", () => {
  const passphrase = fc.uint8Array({ minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(bytes(32), passphrase, passphrase, bytes(28), (seed, right, wrong, random) => {
      const sealed = sealKey(seed, right, (size) => random.slice(0, size), CHEAP);
      assert.deepEqual(openKey(sealed, right), { seed });
      if (right.toHex() !== wrong.toHex()) assert.ok("fault" in openKey(sealed, wrong));
      assert.equal(sealed.toHex().includes(publicKeyOf(seed).toHex()), true);
    }),
    { numRuns: 50 },
  );
});

Deno.test("a sheet of paper with one altered bit is refused, or is the same sheet", () => {
  const backup = sealKey(
    secret("paper"),
    utf8Bytes("passphrase"),
    (size) => sha512(new Uint8Array([size])).slice(0, size),
    CHEAP,
  );
  const forms = [paperLines(backup).join("\n"), qrText(backup)].map(utf8Bytes);
  fc.assert(
    fc.property(fc.constantFrom(...forms), fc.nat(), fc.nat(7), (form, at, bit) => {
      const altered = form.slice();
      altered[at % form.length] = (altered[at % form.length] ?? 0) ^ (1 << bit);
      const read = readPaper(decode(altered));
      if ("fault" in read || read.backup.toHex() === backup.toHex()) return;
      assert.ok("fault" in openKey(read.backup, utf8Bytes("passphrase")));
    }),
    { numRuns: 1000 },
  );
  assert.equal(backup.length, BACKUP_SIZE);
});

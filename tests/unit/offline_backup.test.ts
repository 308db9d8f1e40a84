// SPDX-License-Identifier: AGPL-3.0-or-later
/** The backup of the key: what opens it, what does not, and its forms on paper. */

import assert from "node:assert/strict";
import { createDecipheriv, scryptSync } from "node:crypto";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { sha512, utf8Bytes } from "../../core/crypto/hash.ts";
import {
  BACKUP_SIZE,
  backupPublicKey,
  DEFAULT_COST,
  openKey,
  passphraseBytes,
  passphraseLength,
  sealKey,
} from "../../core/offline/backup.ts";
import { paperLines, qrText, readPaper } from "../../core/offline/paper.ts";
import { paperSvg, qrModules } from "../../core/offline/paper-svg.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { secret } from "../support/offline-keys.ts";

const SEED = secret("backup");
const PASSPHRASE = utf8Bytes("correct horse battery");
const CHEAP = { logN: 10, r: 1, p: 1 };
let counter = 0;
/** Random bytes that are the same in every run. */
const random = (size: number) => sha512(new Uint8Array([counter++])).slice(0, size);
const BACKUP = sealKey(SEED, PASSPHRASE, random, CHEAP);

Deno.test("a backup opens with its passphrase and no other", () => {
  assert.equal(BACKUP.length, BACKUP_SIZE);
  assert.deepEqual(openKey(BACKUP, PASSPHRASE), { seed: SEED });
  assert.deepEqual(backupPublicKey(BACKUP), publicKeyOf(SEED));
  for (const wrong of ["", "correct horse batterz", "correct horse battery ", "Correct horse battery"]) {
    const opened = openKey(BACKUP, utf8Bytes(wrong));
    assert.deepEqual(opened, { fault: "does not open: the passphrase is wrong, or the backup was altered" });
  }
});

Deno.test("every flipped bit of a backup is refused", () => {
  for (let bit = 0; bit < 8 * BACKUP_SIZE; bit++) {
    const altered = BACKUP.slice();
    altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.ok("fault" in openKey(altered, PASSPHRASE), `bit ${bit}`);
  }
});

Deno.test("a backup that is too short or too long is none", () => {
  for (const bytes of [BACKUP.slice(1), BACKUP.slice(0, -1), new Uint8Array([...BACKUP, 0]), new Uint8Array(0)]) {
    assert.match((openKey(bytes, PASSPHRASE) as { fault: string }).fault, /^is none/);
    assert.equal(backupPublicKey(bytes), undefined);
  }
});

Deno.test("the format is the one in the manual", () => {
  const at = (from: number, to: number) => BACKUP.subarray(from, to);
  assert.equal(new TextDecoder().decode(at(0, 8)), "TAUDKEY1");
  assert.deepEqual([...at(8, 12)], [10, 1, 1, 0]);
  const key = scryptSync(PASSPHRASE, at(12, 28), 32, { N: 1024, r: 1, p: 1 });
  const decipher = createDecipheriv("aes-256-gcm", key, at(28, 40), { authTagLength: 16 });
  decipher.setAAD(at(0, 72));
  decipher.setAuthTag(at(104, 120));
  const seed = new Uint8Array(decipher.update(at(72, 104)));
  decipher.final();
  assert.deepEqual(seed, SEED);
});

Deno.test("two backups of the same key have nothing in common but the header", () => {
  const other = sealKey(SEED, PASSPHRASE, random, CHEAP);
  assert.notDeepEqual(other.subarray(12, 40), BACKUP.subarray(12, 40));
  assert.notDeepEqual(other.subarray(72), BACKUP.subarray(72));
});

Deno.test("a header cannot demand more than a machine has", () => {
  for (
    const [logN, r, p] of [[9, 8, 1], [23, 8, 1], [17, 0, 1], [17, 8, 0], [17, 8, 17], [22, 8, 1], [255, 255, 255]]
  ) {
    const altered = BACKUP.slice();
    altered.set([logN ?? 0, r ?? 0, p ?? 0], 8);
    assert.deepEqual(openKey(altered, PASSPHRASE), { fault: "has parameters outside the limits" });
  }
});

Deno.test("wrong use is an error of the program", () => {
  assert.throws(() => sealKey(SEED.slice(1), PASSPHRASE, random, CHEAP), RangeError);
  assert.throws(() => sealKey(SEED, new Uint8Array(0), random, CHEAP), RangeError);
  assert.throws(() => sealKey(SEED, PASSPHRASE, random, { logN: 30, r: 8, p: 1 }), RangeError);
});

Deno.test("a guess costs 128 MiB by default", () => {
  assert.equal(128 * DEFAULT_COST.r * 2 ** DEFAULT_COST.logN, 128 * 1024 * 1024);
  const sealed = sealKey(SEED, PASSPHRASE, random);
  assert.deepEqual(openKey(sealed, PASSPHRASE), { seed: SEED });
});

Deno.test("a passphrase is the same from every keyboard and file", () => {
  const composed = passphraseBytes(utf8Bytes("gr\u00fcn"));
  assert.deepEqual(passphraseBytes(utf8Bytes("gru\u0308n")), composed);
  for (const end of ["\n", "\r\n", "\n\n"]) assert.deepEqual(passphraseBytes(utf8Bytes(`abc${end}`)), utf8Bytes("abc"));
  assert.deepEqual(passphraseBytes(utf8Bytes(" a b ")), utf8Bytes(" a b "));
  assert.equal(passphraseLength(composed), 4);
  assert.equal(passphraseLength(utf8Bytes("\u20ac\u{1f600}x")), 3);
});

Deno.test("the lines on paper bring the backup back, however they are typed", () => {
  const lines = paperLines(BACKUP);
  assert.equal(lines.length, 8);
  for (const line of lines) assert.match(line, /^[1-8] {2}([0-9A-HJKMNP-TV-Z]{6} ){4} [0-9A-HJKMNP-TV-Z]{4}$/);
  const text = lines.join("\n");
  const typed = [
    text,
    text.toLowerCase(),
    text.replaceAll("0", "O").replace(/(?<=\d .*)1/g, "l"),
    lines.toReversed().join("\r\n"),
    lines.map((line) => line.replace("  ", ". ").replace(/ /g, "-")).join("\n"),
    `A sheet of paper\n\n${text}\n${lines[3]}\nthat is all`,
    qrText(BACKUP),
    `\n ${qrText(BACKUP).toLowerCase()} \n`,
  ];
  for (const form of typed) assert.deepEqual(readPaper(form), { backup: BACKUP }, form);
});

Deno.test("a mistake on paper is found in its line", () => {
  const lines = paperLines(BACKUP);
  const with3 = (line: string) => lines.with(2, line).join("\n");
  const third = lines[2] ?? "";
  const cases: [string, string][] = [
    ["", "was not found in the text"],
    ["hello", "was not found in the text"],
    [lines.slice(1).join("\n"), "lacks line 1"],
    [lines.filter((_, index) => index !== 4 && index !== 7).join("\n"), "lacks line 5, line 8"],
    [with3(third.slice(0, -1)), "has 27 letters and digits in line 3 instead of 28"],
    [with3(third.replace(/.$/, "!")), "has a mistake in line 3"],
    [with3(third.replace(/^3/, "4")), "has a mistake in line 4"],
    [with3(third.replace(/^3/, "9")), "has a line with a wrong number; the lines are 1 to 8"],
    [with3(third.replace(/^(3 {2})(.{6}) (.{6})/, "$1$3 $2")), "has a mistake in line 3"],
    [qrText(BACKUP).slice(0, -1), "is not complete: the text of the QR code is cut or altered"],
  ];
  for (const [text, fault] of cases) assert.deepEqual(readPaper(text), { fault }, fault);
  const other = paperLines(sealKey(SEED, PASSPHRASE, random, CHEAP));
  assert.deepEqual(readPaper(`${lines.join("\n")}\n${other[5]}`), { fault: "has line 6 twice, and different" });
});

Deno.test("every wrong symbol on paper is found", () => {
  const text = paperLines(BACKUP).join("\n");
  const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  for (const [index, symbol] of [...text].entries()) {
    const start = text.lastIndexOf("\n", index - 1) + 1;
    if (!alphabet.includes(symbol) || index === start) continue;
    const wrong = alphabet[(alphabet.indexOf(symbol) + 1 + index % 30) % 32] ?? "";
    const read = readPaper(text.slice(0, index) + wrong + text.slice(index + 1));
    assert.match((read as { fault: string }).fault, /^has a mistake in line/);
  }
});

Deno.test("lines of two backups do not open together", () => {
  const other = paperLines(sealKey(secret("another"), PASSPHRASE, random, CHEAP));
  for (let index = 0; index < 8; index++) {
    const mixed = readPaper(paperLines(BACKUP).with(index, other[index] ?? "").join("\n"));
    assert.ok("backup" in mixed);
    // the first line of both is the same up to the salt
    assert.ok("fault" in openKey(mixed.backup, PASSPHRASE));
  }
});

Deno.test("the sheet of paper holds the lines, the public key and a QR code", () => {
  const svg = paperSvg(BACKUP);
  assert.equal(paperSvg(BACKUP), svg);
  for (const line of paperLines(BACKUP)) assert.ok(svg.includes(`>${line}</text>`));
  assert.ok(svg.includes(`>${encodeBase32(publicKeyOf(SEED))}</text>`));
  assert.ok(!svg.includes(encodeBase32(SEED)) && !svg.includes(SEED.toHex()));
  assert.doesNotMatch(svg, /<script|href|<image|@font/);
  assert.match(
    svg,
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="210mm"/,
  );
});

Deno.test("the QR code has the form that was read back with a camera's program", () => {
  const modules = qrModules("TALER-AUDITOR-KEY-BACKUP-1:" + encodeBase32(new Uint8Array(BACKUP_SIZE)));
  // Version 10 (57 modules) with four light ones on each side, level Q.
  assert.equal(modules.length, 65);
  assert.ok(modules.every((row) => row.length === 65));
  const finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"];
  for (const [x, y] of [[4, 4], [54, 4], [4, 54]] as const) {
    const seen = finder.map((_, dy) =>
      finder.map((_, dx) => (modules[y + dy]?.[x + dx] === true ? "1" : "0")).join("")
    );
    assert.deepEqual(seen, finder);
  }
  assert.ok(modules.slice(0, 4).every((row) => row.every((dark) => !dark)));
  const bits = modules.map((row) => row.map((dark) => (dark ? "1" : "0")).join("")).join("\n");
  assert.equal(sha512(utf8Bytes(bits)).slice(0, 8).toHex(), "6a822e698ec51fac");
});

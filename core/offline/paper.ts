// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * A backup on paper: eight numbered lines of base32 with a checksum each, which a person can type, and one text for a
 * QR code. Both hold the 120 bytes of the backup and nothing else.
 */

import { decodeBase32, encodeBase32 } from "../taler/base32.ts";
import { sha512, zeroTerminated } from "../crypto/hash.ts";
import { BACKUP_SIZE } from "./backup.ts";

const LINE_BYTES = 15;
const LINE_SYMBOLS = 24;
const LINES = BACKUP_SIZE / LINE_BYTES;
const CHECK_SYMBOLS = 4;
const CHECK_LABEL = zeroTerminated("taler-auditor paper 1");
/** Only characters that a QR code can hold in its dense alphanumeric form. */
const QR_PREFIX = "TALER-AUDITOR-KEY-BACKUP-1:";

/** First 20 bits of a hash over label, line number (one byte) and the line's bytes, as four base32 symbols. */
function checkOf(number: number, bytes: Uint8Array): string {
  return encodeBase32(sha512(CHECK_LABEL, new Uint8Array([number]), bytes)).slice(0, CHECK_SYMBOLS);
}

/** The eight lines of a backup: `1  AAAAAA BBBBBB CCCCCC DDDDDD  EEEE`. */
export function paperLines(backup: Uint8Array): string[] {
  return Array.from({ length: LINES }, (_, index) => {
    const bytes = backup.subarray(LINE_BYTES * index, LINE_BYTES * (index + 1));
    const groups = encodeBase32(bytes).replace(/(.{6})(?=.)/g, "$1 ");
    return `${index + 1}  ${groups}  ${checkOf(index + 1, bytes)}`;
  });
}

/** The text of the QR code of a backup. */
export function qrText(backup: Uint8Array): string {
  return QR_PREFIX + encodeBase32(backup);
}

/** A backup, or why the text holds none, worded to follow "the backup". */
export type PaperResult = { readonly backup: Uint8Array } | { readonly fault: string };

/**
 * Reads what was typed from paper or scanned. Upper and lower case are equal, O is read as 0, I and L as 1; blanks and
 * hyphens count for nothing, and so do lines that do not begin with a digit. Every line must be there, and right by its
 * checksum; a line may come twice if it is the same.
 */
export function readPaper(text: string): PaperResult {
  const scanned = text.trim().toUpperCase();
  if (scanned.startsWith(QR_PREFIX)) {
    const backup = decodeBase32(scanned.slice(QR_PREFIX.length), BACKUP_SIZE);
    return backup === undefined ? { fault: "is not complete: the text of the QR code is cut or altered" } : { backup };
  }
  const backup = new Uint8Array(BACKUP_SIZE);
  const found = new Map<number, string>();
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (!/^\s*\d/.test(line)) continue;
    const read = readLine(line);
    if ("fault" in read) return read;
    const { number, bytes } = read;
    const known = found.get(number);
    if (known !== undefined && known !== bytes.toHex()) return { fault: `has line ${number} twice, and different` };
    found.set(number, bytes.toHex());
    backup.set(bytes, LINE_BYTES * (number - 1));
  }
  if (found.size === 0) return { fault: "was not found in the text" };
  const missing = Array.from({ length: LINES }, (_, index) => index + 1).filter((number) => !found.has(number));
  if (missing.length > 0) return { fault: `lacks ${missing.map((number) => `line ${number}`).join(", ")}` };
  return { backup };
}

function readLine(line: string): { readonly number: number; readonly bytes: Uint8Array } | { readonly fault: string } {
  const match = /^\s*(\d{1,2})[.:)]?[\s-]+(.*)$/.exec(line);
  const number = Number(match?.[1] ?? 0);
  if (match === null || number < 1 || number > LINES) {
    return { fault: `has a line with a wrong number; the lines are 1 to ${LINES}` };
  }
  const symbols = (match[2] ?? "").replace(/[\s-]+/g, "");
  const wanted = LINE_SYMBOLS + CHECK_SYMBOLS;
  if (symbols.length !== wanted) {
    return { fault: `has ${symbols.length} letters and digits in line ${number} instead of ${wanted}` };
  }
  const bytes = decodeBase32(symbols.slice(0, LINE_SYMBOLS), LINE_BYTES);
  // Four symbols are twenty bits: two bytes and a half. Compared as what they stand for, so that O is 0 here too.
  const check = decodeBase32(`${symbols.slice(LINE_SYMBOLS)}0`, 3);
  if (
    bytes === undefined || check === undefined || encodeBase32(check).slice(0, CHECK_SYMBOLS) !== checkOf(number, bytes)
  ) {
    return { fault: `has a mistake in line ${number}` };
  }
  return { number, bytes };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What `offline` prints for people. */

import { encodeBase32 } from "../core/taler/base32.ts";
import { formatAmount } from "../core/taler/amount.ts";
import { DAY, formatCtime, formatTime, HOUR, MINUTE, NEVER, SECOND } from "../core/taler/time.ts";
import type { Examination } from "../core/offline/examine.ts";
import { fingerprintHex, fingerprintWords } from "../core/offline/fingerprint.ts";
import type { Denomination, Keys } from "../core/offline/keys.ts";
import { shortName, visible } from "../core/offline/name.ts";

/** Forms of `show`: the exchange tool's lines, a table for people, or both. */
export const SHOW_FORMATS = ["all", "lines", "table"] as const;

/** A form of `show`. */
export type ShowFormat = typeof SHOW_FORMATS[number];

/** Everything `show` prints about a document (cli.md 10.4). */
export function showText(examination: Examination, format: ShowFormat, full: boolean): string {
  const { keys, refusals } = examination;
  return [
    ...(format === "table" ? [] : [linesText(keys, full)]),
    ...(format === "lines" ? [] : [headerText(keys), tableText(keys.currency, entriesOf(examination), full)]),
    remarksText(examination),
    refusals.length > 0 ? "THIS DOCUMENT CANNOT BE SIGNED, and so has no fingerprint." : fingerprintText(examination),
  ].filter((part) => part !== "").join("\n\n");
}

/** One line per denomination in the words of the exchange's own tool, in the order of the document (cli.md 10.4). */
export function linesText({ currency, denominations }: Keys, full: boolean): string {
  return denominations.map((denomination) => {
    const { hash, value, start, expireWithdraw, expireDeposit, expireLegal } = denomination;
    const { feeWithdraw, feeDeposit, feeRefresh, feeRefund } = denomination;
    const name = full ? encodeBase32(hash) : shortName(hash);
    const fees = [feeWithdraw, feeDeposit, feeRefresh, feeRefund].map((fee) => formatAmount(currency, fee)).join("/");
    return `DENOMINATION-KEY ${name} of value ${formatAmount(currency, value)} starting at ${localTime(start)} ` +
      `(used for: ${usedFor(start, expireWithdraw)}, deposit until: ${localTime(expireDeposit)} ` +
      `legal end: ${localTime(expireLegal)}) with fees ${fees}`;
  }).join("\n");
}

/** `Www Mmm dd HH:MM:SS YYYY` on the clock of this machine, or `never`. */
function localTime(time: bigint): string {
  if (time === NEVER) return formatCtime(time);
  const minutes = new Date(Number(time / 1000n)).getTimezoneOffset();
  // Beyond the calendar of JavaScript nobody knows a time zone.
  const local = Number.isNaN(minutes) ? time : time - BigInt(minutes) * MINUTE;
  return formatCtime(local);
}

const UNITS: readonly (readonly [bigint, string])[] = [
  [DAY, "days"],
  [HOUR, "h"],
  [MINUTE, "m"],
  [SECOND, "s"],
  [1000n, "ms"],
  [1n, "µs"],
];

/** A difference in the largest unit that divides it (cli.md 10.4); zero for a period that ends before it begins. */
function usedFor(start: bigint, end: bigint): string {
  if (end === NEVER) return "forever";
  const length = end > start ? end - start : 0n;
  const [size, unit] = UNITS.find(([size]) => length % size === 0n) ?? [1n, "µs"];
  return length === DAY ? "1 day" : `${length / size} ${unit}`;
}

function headerText(keys: Keys): string {
  const { currency, masterPub, denominations, baseUrl, list, version } = keys;
  const issued = list === undefined ? "unknown" : formatTime(list.issueDate);
  return [
    `Exchange      ${baseUrl === undefined ? "unknown" : visible(baseUrl)}`,
    `Master key    ${grouped(encodeBase32(masterPub))}`,
    `Currency      ${currency}`,
    `Issued        ${issued}, protocol ${visible(version ?? "unknown")}`,
    `Keys          ${denominations.length}, times in UTC`,
    `Beside them   ${besidesText(keys)}`,
  ].join("\n");
}

/** How much else the document has, which is verified but not signed here. */
function besidesText({ signingKeys, wireFees, globalFees, accounts, auditors }: Keys): string {
  const parts: readonly (readonly [string, readonly unknown[] | undefined])[] = [
    ["signing key", signingKeys],
    ["wire fee", wireFees],
    ["global fee", globalFees],
    ["bank account", accounts],
    ["auditor", auditors],
    ["signature of auditors", auditors?.flatMap(({ signatures }) => signatures)],
  ];
  return parts.map(([name, list]) => {
    const count = list?.length ?? 0;
    return `${count} ${count === 1 ? name : name.replace(/^(\w+( key| fee| account)?)/, "$1s")}`;
  }).join(", ");
}

/** Symbols in groups of four, as people read them out. */
function grouped(symbols: string): string {
  return symbols.replace(/(.{4})(?=.)/g, "$1 ");
}

/** A row of the table: a denomination and what is to be said about it. */
export interface Entry {
  readonly denomination: Denomination;
  readonly marks: readonly string[];
}

function entriesOf({ keys, verified, signed }: Examination): Entry[] {
  const revoked = new Set((keys.revoked ?? []).map((hash) => hash.toHex()));
  return keys.denominations.map((denomination, index) => ({
    denomination,
    marks: [
      ...(verified[index] === true ? [] : ["BAD SIGNATURE"]),
      ...(revoked.has(denomination.hash.toHex()) ? ["REVOKED"] : []),
      ...(denomination.lost ? ["LOST"] : []),
      ...(signed[index] === true ? ["signed"] : []),
    ],
  }));
}

/**
 * A table to be read out: keys that have value, kind and fees in common stand under one heading, each with a number,
 * its short name and its times.
 *
 * @param full with the complete denomination hash in a line of its own
 */
export function tableText(currency: string, entries: readonly Entry[], full: boolean): string {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries.toSorted(compareEntries)) {
    const name = heading(currency, entry.denomination);
    groups.set(name, [...groups.get(name) ?? [], entry]);
  }
  let number = 0;
  return [...groups].map(([name, members]) => {
    const rows = members.map((entry) => row(++number, entry, full));
    return [name, COLUMNS, ...rows].join("\n");
  }).join("\n\n");
}

function compareEntries({ denomination: a }: Entry, { denomination: b }: Entry): number {
  const order = (x: bigint | number | string, y: bigint | number | string) => (x < y ? -1 : x > y ? 1 : 0);
  return order(a.value, b.value) || order(a.ageMask, b.ageMask) || order(a.cipher, b.cipher) ||
    order(a.start, b.start) || order(a.expireWithdraw, b.expireWithdraw) || order(a.hash.toHex(), b.hash.toHex());
}

function heading(currency: string, denomination: Denomination): string {
  const { value, cipher, bits, ageMask, feeWithdraw, feeDeposit, feeRefresh, feeRefund } = denomination;
  const amount = (atoms: bigint) => formatAmount(currency, atoms);
  const kind = cipher === "RSA" ? `RSA ${bits} bits` : "Clause-Schnorr";
  const ages = ageMask === 0 ? "" : `, age-restricted ${agesText(ageMask)}`;
  return `${amount(value)}  (${kind}${ages})\n` +
    `fees: withdraw ${amount(feeWithdraw)}, deposit ${amount(feeDeposit)}, ` +
    `refresh ${amount(feeRefresh)}, refund ${amount(feeRefund)}`;
}

/** Ages at which a new group begins, `8:10:12`. */
function agesText(mask: number): string {
  const ages = Array.from({ length: 31 }, (_, index) => index + 1).filter((age) => (mask >>> age & 1) === 1);
  return ages.join(":");
}

const COLUMNS = "   no  key        withdraw from        withdraw until       deposit until        legal until";

function row(number: number, { denomination, marks }: Entry, full: boolean): string {
  const { hash, start, expireWithdraw, expireDeposit, expireLegal } = denomination;
  const times = [start, expireWithdraw, expireDeposit, expireLegal].map((time) => {
    return formatTime(time).replace("T", " ").replace("Z", "").padEnd(19);
  });
  const name = shortName(hash).replace(/^(.{4})/, "$1-");
  const text = [String(number).padStart(5), name, ...times, marks.join(", ")].join("  ").trimEnd();
  return full ? `${text}\n       ${encodeBase32(hash)}` : text;
}

/** Alarms and notices of a document; empty if there are none. */
export function remarksText({ remarks, refusals }: Examination): string {
  const alarms = [...refusals, ...remarks.filter(({ level }) => level === "alarm").map(({ text }) => text)];
  const notices = remarks.filter(({ level }) => level === "notice").map(({ text }) => text);
  const loud = alarms.length === 0 ? [] : [
    `!!! ${alarms.length === 1 ? "ONE ALARM" : `${alarms.length} ALARMS`}: this is not what exchanges usually do !!!`,
    ...alarms.map((text) => `!!! ${text}`),
  ];
  return [...loud, ...notices.map((text) => `Note: ${text}`)].join("\n");
}

function fingerprintText({ keys, fingerprint }: Examination): string {
  const words = fingerprintWords(fingerprint);
  const lines = [0, 4, 8].map((start) =>
    words.slice(start, start + 4).map((word) => word.padEnd(10)).join("").trimEnd()
  );
  const count = keys.denominations.length === 1 ? "one key" : `these ${keys.denominations.length} keys`;
  return [
    `FINGERPRINT of ${count} and the master key, to be compared with the exchange's operator:`,
    ...lines.map((line) => `    ${line}`),
    `    ${fingerprintHex(fingerprint)}`,
  ].join("\n");
}

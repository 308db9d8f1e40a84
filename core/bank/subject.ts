// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What the subject of a bank transfer says, for statements that bypass the wire gateway (crypto.md 9.2). Banks wrap,
 * join and decorate subjects; what does not lead to exactly one key is not guessed.
 */

import { decodeBase32 } from "../taler/base32.ts";
import { isWebUrl } from "./wire-format.ts";

/** A subject that was understood. */
export interface Subject {
  readonly kind: "RESERVE" | "KYCAUTH" | "TRANSFER";
  /** 32 bytes. */
  readonly subject: Uint8Array;
  /** Base URL of the exchange, for TRANSFER only. */
  readonly url: string | undefined;
}

/** Why a subject cannot be used. */
export interface Unusable {
  readonly reason: string;
}

/** Characters of a key of 32 bytes in base32. */
const KEY_LENGTH = 52;

/** Longest subject looked at; bank messages end at a few hundred characters. */
const SUBJECT_MAX = 2000;

/** Subject of an incoming transfer: a reserve's public key, or `KYC:` and an account's public key. */
export function parseCreditSubject(text: string): Subject | Unusable {
  if (text.length > SUBJECT_MAX) return { reason: "the subject is too long" };
  if ("kind" in parseDebitSubject(text)) {
    return { reason: "the subject is that of a transfer by the exchange: a payment that came back?" };
  }
  const words = text.toUpperCase().split(/[^0-9A-Z]+/).filter((word) => word !== "");
  const found = new Map<string, Subject>();
  for (const [at, word] of words.entries()) {
    const joined = /^KYC([0-9A-Z]{52})$/.exec(word)?.[1];
    if (joined !== undefined) keep(found, "KYCAUTH", joined);
    if (word.length === KEY_LENGTH) keep(found, words[at - 1] === "KYC" ? "KYCAUTH" : "RESERVE", word);
  }
  if (found.size === 0) keepPieces(found, words);
  const [only, ...others] = found.values();
  if (only === undefined) return { reason: "the subject holds no key" };
  return others.length === 0 ? only : { reason: "the subject holds several keys" };
}

/** Subject of an outgoing transfer: the wtid, a blank and the exchange's base URL. */
export function parseDebitSubject(text: string): Subject | Unusable {
  if (text.length > SUBJECT_MAX) return { reason: "the subject is too long" };
  const spaced = /(?:^|\s)([0-9A-Za-z]{52})\s+(https?:\/\/\S+)\s*$/i.exec(text);
  // banks break long subjects into lines of 35 or 140 characters, wherever that may be
  const match = spaced ?? /^([0-9A-Za-z]{52})(https?:\/\/.+)$/i.exec(text.replace(/\s+/g, ""));
  const [, key = "", url = ""] = match ?? [];
  const subject = decodeBase32(key, 32);
  if (subject === undefined) return { reason: "the subject is not a transfer identifier and an exchange's URL" };
  if (!isWebUrl(url)) return { reason: "the subject's URL is malformed" };
  return { kind: "TRANSFER", subject, url };
}

function keep(found: Map<string, Subject>, kind: "RESERVE" | "KYCAUTH", text: string): void {
  const subject = decodeBase32(text, 32);
  if (subject !== undefined) found.set(`${kind} ${subject.toHex()}`, { kind, subject, url: undefined });
}

/** A key that the bank has broken into pieces: neighbouring words that make up exactly the length of one. */
function keepPieces(found: Map<string, Subject>, words: readonly string[]): void {
  for (let first = 0; first < words.length; first++) {
    let text = "";
    for (let last = first; last < words.length && text.length < KEY_LENGTH; last++) {
      text += words[last];
      if (text.length === KEY_LENGTH) keep(found, words[first - 1] === "KYC" ? "KYCAUTH" : "RESERVE", text);
    }
  }
}

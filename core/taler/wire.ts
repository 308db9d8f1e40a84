// SPDX-License-Identifier: AGPL-3.0-or-later
import { type Amount, AMOUNT_SIZE, readAmount } from "./amount.ts";
import { encodeBase32 } from "./base32.ts";

/** A transfer the exchange has prepared for its bank, from `prewire.buf` (crypto.md 9.3). */
export interface Prewire {
  /** 64 bytes that make the bank execute a repeated request once. */
  readonly requestUid: Uint8Array;
  readonly amount: Amount;
  /** 32 bytes. */
  readonly wtid: Uint8Array;
  /** Full payto URI of the account to be credited. */
  readonly payto: string;
  readonly exchangeBaseUrl: string;
}

const PREWIRE_HEADER = 128;

/** Splits `prewire.buf`, or gives undefined if lengths, amount, terminators or UTF-8 are wrong (crypto.md 9.3). */
export function parsePrewire(buffer: Uint8Array): Prewire | undefined {
  if (buffer.length < PREWIRE_HEADER) return undefined;
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  const amount = readAmount(buffer, 64);
  const wtidOffset = 64 + AMOUNT_SIZE;
  const paytoEnd = PREWIRE_HEADER + view.getUint32(120);
  const urlEnd = paytoEnd + view.getUint32(124);
  if (amount === undefined || urlEnd !== buffer.length) return undefined;
  const payto = terminatedText(buffer.subarray(PREWIRE_HEADER, paytoEnd));
  const exchangeBaseUrl = terminatedText(buffer.subarray(paytoEnd, urlEnd));
  if (payto === undefined || exchangeBaseUrl === undefined) return undefined;
  const wtid = buffer.subarray(wtidOffset, wtidOffset + 32);
  return { requestUid: buffer.subarray(0, 64), amount, wtid, payto, exchangeBaseUrl };
}

function terminatedText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.indexOf(0) !== bytes.length - 1) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, -1));
  } catch {
    return undefined;
  }
}

/** Subject of a transfer that credits a reserve: its public key, 52 characters (crypto.md 9.2). */
export function creditSubject(reservePub: Uint8Array): string {
  return encodeBase32(reservePub);
}

/** Subject of a transfer by the exchange: the wtid, a space and the exchange's base URL (crypto.md 9.2). */
export function debitSubject(wtid: Uint8Array, exchangeBaseUrl: string): string {
  return `${encodeBase32(wtid)} ${exchangeBaseUrl}`;
}

/** Subject of a transfer that authorises an account for KYC: `KYC:` and its public key (crypto.md 9.2). */
export function kycSubject(accountPub: Uint8Array): string {
  return `KYC:${encodeBase32(accountPub)}`;
}

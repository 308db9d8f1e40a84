// SPDX-License-Identifier: AGPL-3.0-or-later
import { encodeBase32 } from "./base32.ts";
import { isIban } from "./iban.ts";

const PREFIX = "payto://";
const LEGAL_CHARACTERS = /^[A-Za-z0-9/:$&?!\-_.,;=*+%~@()[\]]*$/;
const X_TALER_BANK_HOST = /^(?!-)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?::[0-9]+)?$/;

/**
 * Method of a payto URI, the text between `payto://` (case ignored) and the next `/`, as written (crypto.md 1.7);
 * undefined if the text has no such part.
 */
export function paytoMethod(uri: string): string | undefined {
  if (uri.slice(0, PREFIX.length).toLowerCase() !== PREFIX) return undefined;
  const end = uri.indexOf("/", PREFIX.length);
  return end < 0 ? undefined : uri.slice(PREFIX.length, end);
}

/**
 * Normal form of a payto URI, the one that identifies an account (crypto.md 1.7): without parameters, with the case of
 * the method's rules, an IBAN without its BIC. Undefined if the URI does not validate; the exchange would have refused
 * it, so a stored one is an inconsistency. IBAN checksums are exact, see isIban.
 */
export function normalizePayto(uri: string): string | undefined {
  const method = paytoMethod(uri)?.toLowerCase();
  if (method === undefined || !LEGAL_CHARACTERS.test(uri)) return undefined;
  const query = uri.indexOf("?");
  const account = query < 0 ? uri : uri.slice(0, query);
  switch (method) {
    case "x-taler-bank":
      return hasReceiverName(uri) && isXTalerBankAccount(uri) ? lowerUpToSlash(account, 4) : undefined;
    case "iban":
      return hasReceiverName(uri) ? normalizeIban(uri, account) : undefined;
    case "upi":
    case "ilp":
      return account.toLowerCase();
    case "bitcoin":
      return lowerUpToSlash(account, 3);
    default:
      return account;
  }
}

/**
 * payto URI of a reserve (already normal) from the base URL of its exchange, which must start with `http://` or
 * `https://` and end with `/`, and 32 bytes of public key (crypto.md 1.7); undefined for another URL.
 */
export function reservePayto(exchangeBaseUrl: string, reservePub: Uint8Array): string | undefined {
  const match = /^(https?):\/\/(.*\/)$/s.exec(exchangeBaseUrl);
  if (match === null) return undefined;
  const method = match[1] === "https" ? "taler-reserve" : "taler-reserve-http";
  return `${PREFIX}${method}/${match[2] ?? ""}${encodeBase32(reservePub)}`;
}

function hasReceiverName(uri: string): boolean {
  const query = uri.indexOf("?");
  if (query < 0) return false;
  return uri.startsWith("receiver-name=", query + 1) || uri.indexOf("&receiver-name=", query + 1) >= 0;
}

function isXTalerBankAccount(uri: string): boolean {
  const start = uri.indexOf("/", PREFIX.length) + 1;
  const end = uri.indexOf("/", start);
  // A host name has at most 253 characters; the bound also keeps a hostile text away from the expression.
  return end > start && end - start <= 300 && X_TALER_BANK_HOST.test(uri.slice(start, end));
}

/** Lower case before the n-th slash (the whole text if there are fewer), the rest unchanged. */
function lowerUpToSlash(text: string, count: number): string {
  let position = -1;
  for (let found = 0; found < count; found++) {
    position = text.indexOf("/", position + 1);
    if (position < 0) return text.toLowerCase();
  }
  return text.slice(0, position).toLowerCase() + text.slice(position);
}

function normalizeIban(uri: string, account: string): string | undefined {
  // The checksum is that of the text after the last slash of the whole URI, so a slash in a parameter breaks a URI; the
  // normal form keeps the last component before the parameters all the same (crypto.md 1.7).
  const tail = uri.slice(uri.lastIndexOf("/") + 1);
  const end = tail.indexOf("?");
  const iban = end < 0 ? tail : tail.slice(0, end);
  const parts = account.split("/", 6);
  if (parts.length < 4 || parts.length > 5 || !isIban(iban)) return undefined;
  return `${PREFIX}iban/${(parts.at(-1) ?? "").toUpperCase()}`;
}

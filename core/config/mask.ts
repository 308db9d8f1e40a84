// SPDX-License-Identifier: AGPL-3.0-or-later
/** Keeps secrets out of messages (cli.md 4 and 13). */

import { foldName } from "./parse.ts";

const MASK = "***";
const URI = /^\s*[a-z][a-z0-9+.-]*:\/\//i;
const SECRET_PARAMETER = /^(?:ssl)?password$|token$|secret$/i;
const SECRET_OPTION = /(?:^|_)(?:password|passphrase|token|secret)$/;

/**
 * True for options whose value must never be shown: PASSWORD and TOKEN (cli.md 13), and names that end like them, which
 * an exchange's own configuration has.
 */
export function isSecretOption(option: string): boolean {
  return SECRET_OPTION.test(foldName(option));
}

/** A value as it may be shown: secrets are replaced by `***` (cli.md 13). */
export function maskValue(option: string, value: string): string {
  return isSecretOption(option) && value !== "" ? MASK : maskPassword(value);
}

/**
 * A connection string or URL for a message, its passwords replaced by `***` (configuration.md 10). Where a malformed
 * text leaves open how far a password goes, too much is hidden rather than too little.
 */
export function maskPassword(text: string): string {
  const withoutUri = URI.test(text) ? maskUri(text) : text.replace(/:[^:@\s]*@/g, `:${MASK}@`);
  // The keyword form, `password = 'a b'`, with backslash escapes inside and outside of quotes.
  return withoutUri.replace(
    /((?:^|\s)(?:ssl)?password\s*=\s*)(?:'(?:\\[^]|[^'\\])*'?|(?:\\[^]|[^ \t\n\v\f\r\\])+)/gi,
    `$1${MASK}`,
  );
}

function maskUri(text: string): string {
  // Up to the last @: a password with an unencoded @ or / is malformed, but still a password.
  const masked = text.replace(/^(\s*[^:]+:\/\/[^:@]*:)[^]*@/, `$1${MASK}@`);
  return masked.replace(/([?&])([^=&]*)=([^&]*)/g, (all, separator: string, name: string) => {
    return SECRET_PARAMETER.test(decodeName(name)) ? `${separator}${name}=${MASK}` : all;
  });
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Addresses that a legal document may link to. A link that runs a script or opens a file is never written. */

const ALLOWED = "a link must begin with https://, http:// or mailto:";

/**
 * Checks an address.
 *
 * @returns it in ASCII, percent-encoded where needed, so that quotes and blanks cannot occur in it; or why not
 */
export function checkAddress(address: string): { href: string } | { problem: string } {
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return { problem: `${quote(address)}: ${ALLOWED}` };
  if (/[\s\\]/.test(address) || !URL.canParse(address)) return { problem: `${quote(address)} is not a valid address` };
  const url = new URL(address);
  if (url.protocol === "mailto:") {
    const found = /^[^@]{1,200}@[^@]{1,200}$/.test(url.pathname);
    return found ? { href: escaped(url.href) } : { problem: `${quote(address)} is not a valid address` };
  }
  if (url.username !== "" || url.password !== "") {
    return { problem: `${quote(address)}: a link may not hold a password` };
  }
  return { href: escaped(url.href) };
}

function escaped(href: string): string {
  return href.replace(/["'<>`{}|^\\]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function quote(address: string): string {
  return JSON.stringify(address.length > 80 ? `${address.slice(0, 80)}…` : address);
}

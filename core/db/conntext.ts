// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The two written forms of a PostgreSQL connection string, as libpq reads them (configuration.md 10). Messages never
 * repeat a part of the text, because a slip of the pen makes a password look like any other part.
 */

/** Parameters by name; several hosts or ports are joined with commas. Or what is wrong with the text. */
export type ConnectionParameters =
  | { readonly parameters: ReadonlyMap<string, string> }
  | { readonly error: string };

/** What separates pairs: not every blank of Unicode, a password may hold a no-break space. */
const BLANK = String.raw` \t\n\v\f\r`;
const URI_SCHEME = /^postgres(?:ql)?:\/\//;

/**
 * Reads a URI `postgres://…` or `postgresql://…`, or text `name=value name='value'`. The empty text has no parameters.
 * Later parameters win. Names are not judged.
 */
export function readConnectionText(text: string): ConnectionParameters {
  if (text.trim() === "") return { parameters: new Map() };
  const scheme = URI_SCHEME.exec(text);
  if (scheme !== null) return readUri(text.slice(scheme[0].length));
  if (/^\s*[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return { error: "a connection URI begins with postgres:// or postgresql://" };
  }
  if (!text.includes("=")) return { error: "expected postgres://… or parameters of the form dbname=NAME" };
  return readKeywords(text);
}

/** Raised inside this file only; becomes the error of the result. */
class Malformed extends Error {}

function readUri(rest: string): ConnectionParameters {
  try {
    return { parameters: uriParameters(rest) };
  } catch (error) {
    if (error instanceof Malformed) return { error: error.message };
    throw error;
  }
}

function uriParameters(text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const set = (name: string, value: string) => {
    if (value !== "") parameters.set(name, value);
  };
  const user = /^([^:@/]*)(?::([^@/]*))?@/.exec(text);
  const rest = user === null ? text : text.slice(user[0].length);
  set("user", percentDecode(user?.[1] ?? "", "the user"));
  set("password", percentDecode(user?.[2] ?? "", "the password"));
  const [, authority = "", path = "", query = ""] = /^([^/?]*)(?:\/([^?]*))?(?:\?([^]*))?$/.exec(rest) ?? [];
  const hosts = authority.split(",").map(splitHost);
  set("host", hosts.map(({ host }) => host).join(","));
  set("port", hosts.map(({ port }) => port).join(","));
  // One slash behind the name is a common slip, found in the operator manual too (configuration.md 10).
  set("dbname", percentDecode(path.replace(/(?<=[^/])\/$/, ""), "the database name"));
  for (const part of query.split("&")) {
    if (part !== "") readQueryPart(part, (name, value) => parameters.set(name, value));
  }
  return parameters;
}

function splitHost(text: string): { host: string; port: string } {
  const match = /^(?:\[([^[\]]+)\]|([^:[\]]*))(?::(.*))?$/.exec(text);
  if (match === null) {
    throw new Malformed("malformed host in the URI (IPv6 addresses stand in brackets, other signs percent encoded)");
  }
  return {
    host: percentDecode(match[1] ?? match[2] ?? "", "the host"),
    port: percentDecode(match[3] ?? "", "the port"),
  };
}

function readQueryPart(part: string, set: (name: string, value: string) => void): void {
  const pieces = part.split("=");
  if (pieces.length !== 2) throw new Malformed("each parameter behind ? has exactly one = (others percent encoded)");
  const name = percentDecode(pieces[0] ?? "", "a parameter name");
  const value = percentDecode(pieces[1] ?? "", "a parameter");
  // A spelling of other drivers that libpq understands in URIs.
  if (name === "ssl" && value === "true") set("sslmode", "require");
  else set(name, value);
}

function percentDecode(text: string, what: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text)) throw new Malformed(`${what} has a % without two hexadecimal digits`);
  if (text.includes("%00")) throw new Malformed(`${what} contains a zero byte`);
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Malformed(`${what} is not UTF-8 after percent decoding`);
  }
}

/** `name = value` pairs; a backslash takes the next character literally, inside and outside of quotes. */
function readKeywords(text: string): ConnectionParameters {
  const parameters = new Map<string, string>();
  const name = String.raw`([A-Za-z_][A-Za-z0-9_.]*)`;
  const quoted = String.raw`'((?:\\[^]|[^'\\])*)'`;
  const plain = String.raw`((?:\\[^]|[^'\\${BLANK}])(?:\\[^]|[^\\${BLANK}])*)?(?=[${BLANK}]|$)`;
  const pair = new RegExp(`[${BLANK}]*${name}[${BLANK}]*=[${BLANK}]*(?:${quoted}|${plain})`, "y");
  const blanks = new RegExp(`[${BLANK}]*$`, "y");
  let position = 0;
  for (let count = 1;; count++) {
    blanks.lastIndex = position;
    if (blanks.test(text)) return { parameters };
    pair.lastIndex = position;
    const match = pair.exec(text);
    if (match === null) {
      return { error: `parameter ${count} is not of the form name=value or name='value'` };
    }
    parameters.set(match[1] ?? "", (match[2] ?? match[3] ?? "").replace(/\\([^])/g, "$1"));
    position = pair.lastIndex;
  }
}

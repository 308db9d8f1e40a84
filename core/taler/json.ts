// SPDX-License-Identifier: AGPL-3.0-or-later

/** Deepest nesting accepted: far beyond honest data, well within the stack. */
const MAX_DEPTH = 500;

const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;

/**
 * Canonical text of a JSON value (crypto.md 1.6): no white space, keys sorted by their UTF-8 bytes, integers only,
 * short escapes for `" \ \b \f \n \r \t` and lower-case `\u00xx` for other control characters. Undefined if the value
 * has no canonical form: a real number, an integer beyond 64 bits or not exactly known (use bigint for large ones), a
 * string that is no Unicode text, a value that JSON does not have, or nesting deeper than 500.
 */
export function canonicalJson(value: unknown): string | undefined {
  return write(value, 0);
}

function write(value: unknown, depth: number): string | undefined {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? JSON.stringify(value) : undefined;
    case "number":
      return Number.isSafeInteger(value) ? String(value) : undefined;
    case "bigint":
      return value >= MIN_INTEGER && value <= MAX_INTEGER ? value.toString() : undefined;
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      if (depth >= MAX_DEPTH) return undefined;
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    default:
      return undefined;
  }
}

function writeArray(values: readonly unknown[], depth: number): string | undefined {
  const texts: string[] = [];
  for (const value of values) {
    const text = write(value, depth + 1);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return `[${texts.join(",")}]`;
}

function writeObject(object: object, depth: number): string | undefined {
  const members: string[] = [];
  for (const [key, value] of Object.entries(object).sort(([a], [b]) => compareCodePoints(a, b))) {
    const name = write(key, depth);
    const text = write(value, depth + 1);
    if (name === undefined || text === undefined) return undefined;
    members.push(`${name}:${text}`);
  }
  return `{${members.join(",")}}`;
}

/** Order of the UTF-8 bytes, which is the order of code points but not that of JavaScript's UTF-16 units. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const left = a.charCodeAt(index);
    const right = b.charCodeAt(index);
    if (left !== right) return sortable(left) - sortable(right);
  }
  return a.length - b.length;
}

/** Moves surrogates, which stand for code points above U+FFFF, behind all other units. */
function sortable(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * Parses a JSON text so that canonicalJson can judge it exactly: integers beyond 2^53 become bigint, and a number with
 * a fraction or an exponent, `1.0` as well, makes the result undefined, like any text that is no JSON.
 */
export function parseExactJson(text: string): { readonly value: unknown } | undefined {
  let real = false;
  try {
    const value: unknown = JSON.parse(text, (_key, member: unknown, context?: { source?: string }) => {
      if (typeof member !== "number") return member;
      const source = context?.source ?? String(member);
      if (!/^-?\d+$/.test(source)) real = true;
      return real || Number.isSafeInteger(member) ? member : source.length > 20 ? NaN : BigInt(source);
    });
    return real ? undefined : { value };
  } catch (error) {
    // Nesting beyond the parser's stack is as little JSON for us as a syntax error.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** `$` references in file names (configuration.md 5). */

/** Value of a name, or undefined if it is not set. */
export type Lookup = (name: string) => string | undefined;

/** Text with all references replaced, and what the operator should know; or why it cannot be expanded. */
export type Expansion =
  | { readonly text: string; readonly warnings: readonly string[] }
  | { readonly error: string };

/** Deepest nesting of references (configuration.md 5, rule 6). */
const DEPTH_MAX = 128;
/** References resolved for one text. Depth alone would allow 2^128 of them when values mention two names each. */
const REFERENCES_MAX = 10_000;

interface State {
  readonly lookup: Lookup;
  readonly warnings: Set<string>;
  references: number;
  error: string | undefined;
}

/** A reference found in a text: its name, the text after `:-`, and the position behind it. */
interface Reference {
  readonly name: string;
  readonly fallback: string | undefined;
  readonly end: number;
}

/**
 * Replaces `$NAME`, `${NAME}`, `${NAME:-DEFAULT}`, `${NAME:=DEFAULT}` and `${NAME:DEFAULT}`. Values found and defaults
 * are expanded themselves. A name that is not set and has no default stays as it was written, with a warning; endless
 * or absurdly large expansion is an error (configuration.md 5).
 */
export function expandReferences(text: string, lookup: Lookup): Expansion {
  const state: State = { lookup, warnings: new Set(), references: 0, error: undefined };
  const result = expandPart(text, state, 0);
  return state.error === undefined ? { text: result, warnings: [...state.warnings] } : { error: state.error };
}

function expandPart(text: string, state: State, depth: number): string {
  if (depth > DEPTH_MAX) {
    state.error ??= `references nested deeper than ${DEPTH_MAX} levels (does a name refer to itself?)`;
  }
  let result = "";
  let position = 0;
  while (state.error === undefined) {
    const dollar = text.indexOf("$", position);
    if (dollar < 0) return result + text.slice(position);
    result += text.slice(position, dollar);
    const reference = text[dollar + 1] === "{" ? bracedReference(text, dollar) : plainReference(text, dollar);
    if (reference === undefined) {
      state.warnings.add(`unbalanced brace in ${JSON.stringify(text)}; the rest is taken literally`);
      return result + text.slice(dollar);
    }
    result += resolve(reference, text.slice(dollar, reference.end), state, depth);
    position = reference.end;
  }
  return result;
}

/** `$NAME`: the name ends before a slash, backslash or blank; it may contain `$` and `:`. */
function plainReference(text: string, dollar: number): Reference {
  const rest = /[^/\\ \t\r\n]*/y;
  rest.lastIndex = dollar + 1;
  const name = rest.exec(text)?.[0] ?? "";
  return { name, fallback: undefined, end: dollar + 1 + name.length };
}

/** `${…}` up to the matching brace, or undefined if there is none. */
function bracedReference(text: string, dollar: number): Reference | undefined {
  let open = 0;
  for (let index = dollar + 1; index < text.length; index++) {
    if (text[index] === "{") open++;
    if (text[index] === "}") open--;
    if (open > 0) continue;
    const content = text.slice(dollar + 2, index);
    const colon = content.indexOf(":");
    if (colon < 0) return { name: content, fallback: undefined, end: index + 1 };
    const fallback = content.slice(colon + 1).replace(/^[-=]/, "");
    return { name: content.slice(0, colon), fallback, end: index + 1 };
  }
  return undefined;
}

function resolve(reference: Reference, written: string, state: State, depth: number): string {
  // A lone dollar refers to nothing; there is nothing to warn of.
  if (written === "$") return written;
  if (++state.references > REFERENCES_MAX) {
    state.error ??= `more than ${REFERENCES_MAX} references`;
    return written;
  }
  const value = state.lookup(reference.name) ?? reference.fallback;
  if (value !== undefined) return expandPart(value, state, depth + 1);
  state.warnings.add(`${written} is not set, neither in section PATHS nor in the environment`);
  return written;
}

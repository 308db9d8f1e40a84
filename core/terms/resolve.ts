// SPDX-License-Identifier: AGPL-3.0-or-later
/** From a source to the document of one language: translation of its texts, and what their markup refers to. */

import { type InlineScope, parseInline } from "./inline.ts";
import { forbiddenCharacter, PROBLEMS_MAX } from "./lines.ts";
import { footnoteKey, unnamedKey } from "./explicit.ts";
import { normalizeName, type SourceDocument } from "./parser.ts";
import { type Block, type Inline, mapBlock, type Raw, type TermsDocument, type TermsProblem } from "./tree.ts";

/** Translations of one language. */
export interface Translator {
  /** Name of the catalogue in problems. */
  readonly file: string;
  /** Translation of a message, undefined if there is none. */
  readonly translate: (message: string) => string | undefined;
}

/** The key of a text in a catalogue: blanks and line ends collapsed. */
export function messageOf(raw: Raw): string {
  return raw.text.replace(/[ \n]+/g, " ").trim();
}

/** Most text that substitutions may put into a document. */
const SUBSTITUTED_MAX = 4 * 1024 * 1024;

/** The document in one language, in the source's without a translator; or what is wrong with its texts. */
export function resolveDocument(
  source: SourceDocument,
  translator?: Translator,
): { document: TermsDocument } | { problems: TermsProblem[] } {
  const problems: TermsProblem[] = [];
  const references = new Map<string, string>();
  const scopes = makeScopes(source, references);
  const substitutions = new Map<string, readonly Inline[] | { problem: string }>();
  let substituted = 0;
  const read = (raw: Raw, inSubstitution: boolean): Inline[] => {
    const { text, place } = translated(raw, translator);
    const problem = (line: number, message: string) => {
      if (problems.length >= PROBLEMS_MAX) return;
      const where = place === undefined ? { file: source.file, line } : { file: place };
      const about = place === undefined ? "" : `translation of ${source.file}:${raw.line}: `;
      problems.push({ ...where, message: about + message });
    };
    const bad = forbiddenCharacter(text.text);
    if (bad !== undefined) problem(raw.line, `contains the character ${bad}`);
    const substitution = (name: string) => {
      if (inSubstitution) return { problem: "a substitution may not contain another" };
      const found = lookUp(name);
      if (!("problem" in found)) {
        for (const inline of found) {
          substituted += "text" in inline ? inline.text.length : 0;
        }
      }
      return substituted > SUBSTITUTED_MAX ? { problem: "substitutions make the document too long" } : found;
    };
    return parseInline(text, { ...scopes, substitution, problem });
  };
  const lookUp = (name: string): readonly Inline[] | { problem: string } => {
    const known = substitutions.get(name);
    if (known !== undefined) return known;
    const raw = source.substitutions.get(name);
    const found = raw === undefined ? { problem: `|${name}| is not defined; write \\| for a bar` } : read(raw, true);
    substitutions.set(name, found);
    return found;
  };
  const blocks = source.blocks.map((block) => mapBlock(block, (raw) => read(raw, false)));
  // also the ones that nobody uses: a mistake in them should not wait
  for (const name of source.substitutions.keys()) lookUp(name);
  if (problems.length > 0) return { problems };
  return { document: { blocks: blocks.map((block) => withBacklinks(block, references)) } };
}

/** The text to parse, and the catalogue if it comes from there. */
function translated(raw: Raw, translator: Translator | undefined): { text: Raw; place: string | undefined } {
  const text = translator?.translate(messageOf(raw));
  if (text === undefined || text === "") return { text: raw, place: undefined };
  return { text: { text, line: raw.line }, place: translator?.file };
}

type Lookups = Omit<InlineScope, "substitution" | "problem">;

function makeScopes(source: SourceDocument, references: Map<string, string>): Lookups {
  let anonymous = 0, unnamed = 0;
  const labels = new Map([...source.footnotes.values()].map((footnote) => [footnote.label, footnote]));
  return {
    link: (name) => findTarget(source, name),
    anonymous: () => {
      const href = source.anonymous[anonymous++];
      return href === undefined ? { problem: "there are more references with __ than addresses for them" } : { href };
    },
    footnote: (label) => {
      const key = label === "#" ? unnamedKey(unnamed++) : footnoteKey(label);
      const found = source.footnotes.get(key) ?? labels.get(key);
      if (found === undefined) return { problem: `there is no footnote [${label}]` };
      const id = references.has(found.id) ? undefined : `fnref_${found.label}`;
      if (id !== undefined) references.set(found.id, id);
      return { kind: "footnote", label: found.label, target: found.id, id };
    },
  };
}

function findTarget(source: SourceDocument, name: string): { href: string } | { problem: string } {
  let key = normalizeName(name);
  for (let step = 0; step < 10; step++) {
    const target = source.targets.get(key);
    if (target === undefined) return { problem: `there is no target "${name}"` };
    if (target.kind === "ambiguous") return { problem: `several headings are called "${name}"` };
    if (target.kind === "address") return { href: target.href };
    if (target.kind === "heading") return { href: `#${target.id}` };
    key = target.name;
  }
  return { problem: `the target "${name}" leads in a circle` };
}

function withBacklinks(
  block: Block<readonly Inline[]>,
  references: ReadonlyMap<string, string>,
): Block<readonly Inline[]> {
  return block.kind === "footnote" ? { ...block, back: references.get(block.id) } : block;
}

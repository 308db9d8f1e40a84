// SPDX-License-Identifier: AGPL-3.0-or-later
/** Which file of a legal document a client gets, from its headers Accept and Accept-Language (rest-api.md 8.3). */

/** A file that the service can send. */
export interface LegalFile {
  /** Name of its directory, such as `en`. */
  readonly language: string;
  /** What follows the last dot of its name, in any case. */
  readonly extension: string;
}

interface Kind {
  readonly type: string;
  readonly priority: number;
}

/** rest-api.md 8.2 */
const KINDS: Readonly<Record<string, Kind>> = {
  txt: { type: "text/plain", priority: 150 },
  html: { type: "text/html", priority: 100 },
  htm: { type: "text/html", priority: 99 },
  md: { type: "text/markdown", priority: 50 },
  pdf: { type: "application/pdf", priority: 25 },
  epub: { type: "application/epub+zip", priority: 10 },
  xml: { type: "text/xml", priority: 10 },
  jpg: { type: "image/jpeg", priority: 0 },
  jpeg: { type: "image/jpeg", priority: 0 },
  png: { type: "image/png", priority: 0 },
  gif: { type: "image/gif", priority: 0 },
};

/** The media type of a file by the end of its name; undefined if it is not one that the service sends. */
export function mediaTypeOf(extension: string): string | undefined {
  return kindOf(extension)?.type;
}

function kindOf(extension: string): Kind | undefined {
  const key = extension.toLowerCase();
  return Object.hasOwn(KINDS, key) ? KINDS[key] : undefined;
}

/** The answer to a request. */
export interface Choice<F extends LegalFile> {
  readonly file: F;
  readonly type: string;
  /** Value of Avail-Languages: languages that have the text in a type that the client accepts, or that of the file. */
  readonly languages: readonly string[];
}

/**
 * Chooses a file. Order: weight of the language, weight of the media type, priority of the type, `en`, alphabet. There
 * is always an answer: if no type is acceptable, the best language at the highest priority.
 *
 * @param accept value of Accept; undefined if the client sent none, which means text/plain
 * @param acceptLanguage value of Accept-Language; undefined means English
 * @returns undefined only if there is no file that the service sends
 */
export function chooseLegalFile<F extends LegalFile>(
  files: readonly F[],
  accept: string | undefined,
  acceptLanguage: string | undefined,
): Choice<F> | undefined {
  const types = readList(accept, "text/plain");
  const languages = readList(acceptLanguage, "en");
  const candidates = files.flatMap((file) => {
    const kind = kindOf(file.extension);
    if (kind === undefined) return [];
    return [{ file, kind, quality: typeWeight(types, kind.type), weight: languageWeight(languages, file.language) }];
  });
  type Candidate = typeof candidates[number];
  const better = (a: Candidate, b: Candidate) =>
    b.weight - a.weight || b.quality - a.quality || b.kind.priority - a.kind.priority ||
    compareLanguages(a.file.language, b.file.language) || compare(a.file.extension, b.file.extension);
  const acceptable = candidates.filter(({ quality }) => quality > 0);
  const top = Math.max(...candidates.map(({ kind }) => kind.priority));
  const [best] = (acceptable.length > 0 ? acceptable : candidates.filter(({ kind }) => kind.priority === top))
    .sort(better);
  if (best === undefined) return undefined;
  const known = acceptable.length > 0 ? acceptable.map(({ file }) => file.language) : [best.file.language];
  return { file: best.file, type: best.kind.type, languages: [...new Set(known)].sort(compareLanguages) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** English first, then the alphabet. */
function compareLanguages(a: string, b: string): number {
  return Number(b === "en") - Number(a === "en") || compare(a, b);
}

/** An element of a header: a name in lower case and its weight. */
type Element = readonly [name: string, weight: number];

/** Most elements that are looked at; clients send a dozen. */
const ELEMENTS_MAX = 100;

/** Splits `a;q=0.5, b`. A weight that cannot be read counts as 1; an empty header counts as none. */
function readList(given: string | undefined, usual: string): Element[] {
  const header = given === undefined || given.trim() === "" ? usual : given;
  return header.split(",", ELEMENTS_MAX).flatMap((element): Element[] => {
    const [name = "", ...parameters] = element.split(";").map((part) => part.trim().toLowerCase());
    if (name === "") return [];
    const quality = parameters.find((parameter) => /^q *=/.test(parameter))?.replace(/^q *= */, "");
    const weight = quality !== undefined && /^(\d+(\.\d*)?|\.\d+)$/.test(quality) ? Math.min(1, Number(quality)) : 1;
    return [[name, weight]];
  });
}

/** Weight of a media type: that of the most specific element which fits; 0 if none does. */
function typeWeight(accepted: readonly Element[], type: string): number {
  const range = `${type.split("/")[0]}/*`;
  for (const names of [[type], [range], ["*/*", "*"]]) {
    const weights = accepted.filter(([name]) => names.includes(name)).map(([, weight]) => weight);
    if (weights.length > 0) return Math.max(...weights);
  }
  return 0;
}

/** A tag with a region stands for its language, but less; `*` for any language, half. */
const PRIMARY = 0.99;
const ANY = 0.5;

/** Weight of a language: exactly named, else by a tag with a region, else by `*`; 0 if it is not wanted. */
function languageWeight(accepted: readonly Element[], language: string): number {
  const tag = language.toLowerCase();
  const highest = (fits: (name: string) => boolean) =>
    accepted.reduce((best: number | undefined, [name, weight]) => {
      return fits(name) ? Math.max(best ?? 0, weight) : best;
    }, undefined);
  const exact = highest((name) => name === tag);
  if (exact !== undefined) return exact;
  const regional = highest((name) => name.startsWith(`${tag}-`));
  if (regional !== undefined) return regional * PRIMARY;
  return (highest((name) => name === "*") ?? 0) * ANY;
}

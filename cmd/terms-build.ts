// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `terms` without `-l`: makes the documents of all languages. */

import { join } from "node:path";
import { isFont } from "../core/document/glyphs.ts";
import { buildEdition, EDITION_VERSION, FORMATS } from "../core/terms/build.ts";
import { catalogueState, parseCatalogue, translatorOf } from "../core/terms/catalogue.ts";
import type { Edition } from "../core/terms/edition.ts";
import { WORDS } from "../core/terms/messages.ts";
import type { SourceDocument } from "../core/terms/parser.ts";
import { resolveDocument } from "../core/terms/resolve.ts";
import { type TermsProblem, titleOf } from "../core/terms/tree.ts";
import {
  cataloguesIn,
  isUpToDate,
  type NewFile,
  type ReadFile,
  readIfThere,
  stampOf,
  writeFiles,
} from "./terms-files.ts";
import type { TermsPlace } from "./terms-place.ts";
import { EXIT, printWarning, ToolError } from "./schema-tool.ts";

/** What the operator wants of the documents. */
export interface Wishes {
  readonly title: string | undefined;
  readonly author: string;
  readonly copyright: string;
  readonly paper: Edition["paper"];
  readonly incremental: boolean;
  /** Paths of further fonts. */
  readonly fonts: readonly string[];
  readonly date: Date | undefined;
}

/** A language with its catalogue; none for the source's own. */
interface Language {
  readonly language: string;
  readonly file?: ReadFile;
}

/** Makes all documents, or returns what is wrong and writes nothing. */
export async function buildDocuments(
  place: TermsPlace,
  source: ReadFile,
  document: SourceDocument,
  wishes: Wishes,
): Promise<TermsProblem[]> {
  const languages: Language[] = [{ language: "en" }, ...cataloguesIn(place.locale, place.etag)];
  const fonts = wishes.fonts.map(readFont);
  const catalogues = languages.flatMap(({ file }) => file === undefined ? [] : [file.bytes]);
  const { incremental, ...inputs } = wishes;
  const names = languages.map(({ language }) => language);
  const stamp = stampOf([EDITION_VERSION, inputs, names], [source.bytes, ...catalogues, ...fonts]);
  const stampPath = join(place.output, `.${place.etag}.stamp`);
  const pathOf = (language: string, format: string) => join(place.output, language, `${place.etag}.${format}`);
  const paths = names.flatMap((language) => FORMATS.map((format) => pathOf(language, format)));
  if (incremental && isUpToDate(stampPath, stamp, paths)) {
    console.log(`${place.etag}: nothing has changed, nothing was made`);
    return [];
  }
  const files: NewFile[] = [];
  for (const language of languages) {
    const edition = editionOf(place.etag, source, document, wishes, language);
    if ("problems" in edition) return edition.problems;
    const built = await buildEdition(edition, fonts);
    if ("problems" in built) return built.problems;
    for (const format of FORMATS) files.push({ path: pathOf(language.language, format), bytes: built.files[format] });
  }
  writeFiles([...files, { path: stampPath, bytes: new TextEncoder().encode(stamp) }]);
  for (const { path } of files) console.log(`wrote ${path}`);
  if (place.advice !== undefined) console.log(`note: ${place.advice}`);
  return [];
}

function editionOf(
  etag: string,
  source: ReadFile,
  document: SourceDocument,
  wishes: Wishes,
  { language, file }: Language,
): Edition | { problems: TermsProblem[] } {
  const read = file === undefined ? undefined : parseCatalogue(file.path, file.bytes);
  if (read !== undefined && "problems" in read) return read;
  const translator = read === undefined ? undefined : translatorOf(file!.path, read.catalogue);
  const resolved = resolveDocument(document, translator);
  if ("problems" in resolved) return resolved;
  if (read !== undefined) warnOfGaps(file!.path, document, read.catalogue);
  const translate = (text: string) => translator?.translate(text) ?? text;
  const changed = Math.max(source.changed.getTime(), file?.changed.getTime() ?? 0);
  return {
    document: resolved.document,
    language,
    etag,
    title: wishes.title === undefined ? titleOf(resolved.document) : translate(wishes.title),
    author: wishes.author,
    copyright: wishes.copyright,
    paper: wishes.paper,
    // whole seconds: no format of these has less
    date: wishes.date ?? new Date(Math.floor(changed / 1000) * 1000),
    contents: translate(WORDS.contents),
  };
}

function warnOfGaps(path: string, document: SourceDocument, catalogue: Parameters<typeof catalogueState>[1]): void {
  const { fuzzy, untranslated } = catalogueState(document, catalogue);
  if (fuzzy + untranslated === 0) return;
  const parts = [
    ...(untranslated > 0 ? [`${untranslated} not translated`] : []),
    ...(fuzzy > 0 ? [`${fuzzy} to be reviewed (fuzzy)`] : []),
  ];
  printWarning(`${path}: ${parts.join(", ")}; these appear in English`);
}

function readFont(path: string): Uint8Array {
  const file = readIfThere(path);
  if (file === undefined) throw new ToolError(EXIT.failed, `there is no font ${path}`);
  if (!isFont(file.bytes)) throw new ToolError(EXIT.failed, `${path} is not a TrueType or OpenType font`);
  return file.bytes;
}

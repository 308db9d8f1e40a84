// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `terms -l`: creates the catalogue of a language or brings it up to date. */

import { Buffer } from "node:buffer";
import {
  type Catalogue,
  catalogueState,
  formatCatalogue,
  mergeCatalogue,
  parseCatalogue,
} from "../core/terms/catalogue.ts";
import type { SourceDocument } from "../core/terms/parser.ts";
import { resolveDocument } from "../core/terms/resolve.ts";
import { readTemplateCatalogue } from "../core/terms/templates.ts";
import type { TermsProblem } from "../core/terms/tree.ts";
import { cataloguePath, type ReadFile, readIfThere, writeFiles } from "./terms-files.ts";
import type { TermsPlace } from "./terms-place.ts";

/** Writes the catalogue unless it is up to date; returns what is wrong with the text or the catalogue. */
export async function updateCatalogue(
  place: TermsPlace,
  source: ReadFile,
  document: SourceDocument,
  language: string,
): Promise<TermsProblem[]> {
  // a text with mistakes is not worth translating
  const resolved = resolveDocument(document);
  if ("problems" in resolved) return resolved.problems;
  const path = cataloguePath(place.locale, language, place.etag);
  const file = readIfThere(path);
  const read = file === undefined ? undefined : parseCatalogue(path, file.bytes);
  if (read !== undefined && "problems" in read) return read.problems;
  const subject = { language, etag: place.etag, date: source.changed };
  const catalogue = read === undefined
    ? await newCatalogue(document, subject)
    : mergeCatalogue(document, read.catalogue, subject);
  const bytes = formatCatalogue(catalogue);
  const { translated, fuzzy, untranslated } = catalogueState(document, catalogue);
  const state = `${translated} translated, ${fuzzy} to be reviewed (fuzzy), ${untranslated} to be translated`;
  const same = file !== undefined && Buffer.compare(file.bytes, bytes) === 0;
  if (!same) writeFiles([{ path, bytes }]);
  console.log(`${same ? "unchanged" : file === undefined ? "created" : "updated"} ${path}: ${state}`);
  return [];
}

/** A new catalogue takes what our own templates have in this language for the same texts. */
async function newCatalogue(
  document: SourceDocument,
  subject: Parameters<typeof mergeCatalogue>[2],
): Promise<Catalogue> {
  const begun = mergeCatalogue(document, undefined, subject);
  const ours = await readTemplateCatalogue(subject.language);
  const known = ours?.translations[""] ?? {};
  for (const entry of Object.values(begun.translations[""] ?? {})) {
    const ready = Object.hasOwn(known, entry.msgid) ? known[entry.msgid] : undefined;
    if (entry.msgid !== "" && ready !== undefined) entry.msgstr = [...ready.msgstr];
  }
  return begun;
}

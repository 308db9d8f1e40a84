// SPDX-License-Identifier: AGPL-3.0-or-later
/** All files of an edition. */

import { loadFonts } from "../document/fonts.ts";
import { missingGlyphs } from "../document/glyphs.ts";
import { compileTypst } from "../document/typst.ts";
import type { Edition } from "./edition.ts";
import { renderEpub } from "./epub.ts";
import { renderHtml } from "./html.ts";
import { codePoint } from "./lines.ts";
import { renderMarkdown } from "./markdown.ts";
import { typstSource } from "./pdf.ts";
import { renderText } from "./text.ts";
import type { TermsProblem } from "./tree.ts";

/** Formats of a legal document, by the ends of their files' names (configuration.md 11). */
export const FORMATS = ["txt", "html", "md", "pdf", "epub"] as const;

/** A format. */
export type Format = typeof FORMATS[number];

/** Changes whenever the same source would give other bytes, so that incremental runs make the files anew. */
export const EDITION_VERSION = 1;

/** Characters named in one problem. */
const NAMED_MAX = 8;

/**
 * Makes the files of an edition. The same edition and fonts give the same bytes.
 *
 * @param extraFonts TrueType or OpenType files for characters that our fonts do not have
 * @returns the files, or why the PDF cannot show the text
 */
export async function buildEdition(
  edition: Edition,
  extraFonts: readonly Uint8Array[],
): Promise<{ files: Record<Format, Uint8Array> } | { problems: TermsProblem[] }> {
  const file = `${edition.language}/${edition.etag}.pdf`;
  const fonts = [...await loadFonts(), ...extraFonts];
  const source = typstSource(edition);
  const missing = missingGlyphs(fonts, source);
  if (missing.length > 0) {
    const named = missing.slice(0, NAMED_MAX).map((character) => `${character} (${codePoint(character)})`).join(", ");
    const more = missing.length > NAMED_MAX ? ` and ${missing.length - NAMED_MAX} more` : "";
    return { problems: [{ file, message: `no font has the characters ${named}${more}` }] };
  }
  const compiled = await compileTypst({ source, fonts });
  if ("problems" in compiled) {
    return { problems: compiled.problems.map(({ message }) => ({ file, message: `cannot be made: ${message}` })) };
  }
  const encode = (text: string) => new TextEncoder().encode(text);
  return {
    files: {
      txt: encode(renderText(edition)),
      html: encode(renderHtml(edition)),
      md: encode(renderMarkdown(edition)),
      pdf: compiled.pdf,
      epub: renderEpub(edition),
    },
  };
}

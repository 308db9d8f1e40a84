// SPDX-License-Identifier: AGPL-3.0-or-later
/** A document with everything that its files say about it. */

import type { TermsDocument } from "./tree.ts";

/** Paper sizes of the PDF (cli.md 14). */
export const PAPERS = ["a4", "letter"] as const;

/** One language of a text, ready to be printed in every format. */
export interface Edition {
  readonly document: TermsDocument;
  /** Two letters. */
  readonly language: string;
  /** Version of the text and base name of its files, such as `tos-v0`. */
  readonly etag: string;
  /** Title in the metadata. */
  readonly title: string;
  readonly author: string;
  /** Empty for none. */
  readonly copyright: string;
  readonly paper: typeof PAPERS[number];
  /** The date in the metadata; nothing else in the files depends on the time. */
  readonly date: Date;
  /** Heading of the table of contents, in the language of the text. */
  readonly contents: string;
}

/** Fewest sections for which a table of contents is shown. */
export const CONTENTS_MIN = 3;

const RIGHT_TO_LEFT = ["ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"];

/** Direction in which the language is written. */
export function directionOf(language: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.includes(language) ? "rtl" : "ltr";
}

/** What stands below the text: the version, and the copyright if there is one. */
export function colophon({ etag, copyright }: Edition): string[] {
  return copyright === "" ? [etag] : [etag, copyright];
}

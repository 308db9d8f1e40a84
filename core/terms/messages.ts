// SPDX-License-Identifier: AGPL-3.0-or-later
/** What of a document is translated: each paragraph, heading, term, line and cell is one message. */

import type { SourceDocument } from "./parser.ts";
import { messageOf } from "./resolve.ts";
import { type Block, mapBlock, type Raw } from "./tree.ts";

/** A text to translate. */
export interface Message {
  readonly id: string;
  /** Lines of the source where it stands, in their order. */
  readonly lines: readonly number[];
  /** What it is, for the translator. */
  readonly note: string;
}

/** The words that the documents add to the text; they are messages of every catalogue. */
export const WORDS = { contents: "Contents" } as const;

/** The messages of a source in its order, each once. Blocks of literal text are not translated. */
export function messagesOf(source: SourceDocument): Message[] {
  const found = new Map<string, { lines: number[]; note: string }>();
  const add = (id: string, lines: number[], note: string) => {
    const known = found.get(id);
    if (known === undefined) found.set(id, { lines, note });
    else known.lines.push(...lines);
  };
  const addRaw = (note: string) => (raw: Raw) => {
    const id = messageOf(raw);
    // a cell or line without text has nothing to translate
    if (id !== "" && id !== "\\") add(id, [raw.line], note);
  };
  for (const block of source.blocks) mapBlock(block, addRaw(noteOf(block)));
  for (const [name, raw] of source.substitutions) addRaw(`text of |${name}|`)(raw);
  add(WORDS.contents, [], "title of the table of contents");
  return [...found].map(([id, { lines, note }]) => ({ id, lines, note }));
}

function noteOf(block: Block<Raw>): string {
  switch (block.kind) {
    case "heading":
      return block.level === 1 ? "title" : "heading";
    case "bullets":
    case "numbers":
      return "in a list";
    case "definitions":
      return "in a list of terms";
    case "table":
      return "in a table";
    case "footnote":
      return "footnote";
    case "lines":
      return "line";
    default:
      return "";
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Lines of plain text: columns of characters, and where lines may be broken. */

/** Scripts that are two columns wide and may be broken between any two characters (Unicode, East Asian width W, F). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const ZERO = /[\p{Mn}\p{Me}\p{Cf}]/u;
/** What may not begin a line in these scripts. */
const CLOSES = /[、。，．！？：；）」』】〉》〕・ー]/u;

/** Columns that a text takes on a terminal. */
export function columnsOf(text: string): number {
  // most text is narrow
  if (/^[\x20-\x7e\u00a0-\u02ff]*$/.test(text)) return text.length;
  let columns = 0;
  for (const character of text) columns += WIDE.test(character) ? 2 : ZERO.test(character) ? 0 : 1;
  return columns;
}

/** A text filled up with blanks. */
export function padTo(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - columnsOf(text)));
}

/**
 * Breaks a text into lines of at most `width` columns, at blanks and between wide characters. Longer words have a line
 * of their own. Blanks that may not be broken stay.
 */
export function fill(text: string, width: number): string[] {
  const lines: string[] = [];
  let parts: string[] = [];
  let used = 0;
  for (const { word, blank } of piecesOf(text)) {
    const columns = columnsOf(word);
    const gap = blank && parts.length > 0 ? 1 : 0;
    if (parts.length > 0 && used + gap + columns > width) {
      lines.push(parts.join(""));
      parts = [word];
      used = columns;
    } else {
      if (gap > 0) parts.push(" ");
      parts.push(word);
      used += gap + columns;
    }
  }
  lines.push(parts.join(""));
  return lines;
}

/** Pieces between which a line may be broken; `blank` tells whether a blank stood before the piece. */
function piecesOf(text: string): { word: string; blank: boolean }[] {
  const pieces: { word: string; blank: boolean }[] = [];
  for (const word of text.split(" ")) {
    if (word === "") continue;
    if (!WIDE.test(word)) {
      pieces.push({ word, blank: true });
      continue;
    }
    let blank = true;
    for (const part of word.match(/[^\u1100-\u{3fffd}]+|[^]/gu) ?? []) {
      const last = pieces.at(-1);
      if (!blank && last !== undefined && CLOSES.test(part)) last.word += part;
      else pieces.push({ word: part, blank });
      blank = false;
    }
  }
  return pieces;
}

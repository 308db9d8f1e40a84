// SPDX-License-Identifier: AGPL-3.0-or-later
/** Which characters a font can show: the `cmap` table of TrueType and OpenType files (OpenType 1.9, "cmap"). */

/** First and last code point of a range that has glyphs. */
type Range = readonly [number, number];

/**
 * The characters of a text that no font has a glyph for, each once, in the order of the text. Blanks, controls and
 * invisible characters need none.
 *
 * @throws RangeError if a font is malformed
 */
export function missingGlyphs(fonts: readonly Uint8Array[], text: string): string[] {
  const ranges = fonts.flatMap(characterRanges);
  const missing: string[] = [];
  for (const character of new Set(text)) {
    if (/[\p{White_Space}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/u.test(character)) continue;
    const code = character.codePointAt(0)!;
    if (!ranges.some(([first, last]) => code >= first && code <= last)) missing.push(character);
  }
  return missing;
}

/** True if bytes begin as a font that typst reads: TrueType, OpenType, or a collection of them. */
export function isFont(bytes: Uint8Array): boolean {
  return bytes.length > 12 && ["\0\x01\0\0", "OTTO", "true", "ttcf"].includes(latin(bytes, 0));
}

function latin(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function characterRanges(font: Uint8Array): Range[] {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength);
  const start = latin(font, 0) === "ttcf" ? view.getUint32(12) : 0;
  const tables = view.getUint16(start + 4);
  for (let n = 0; n < tables; n++) {
    const record = start + 12 + 16 * n;
    if (latin(font, record) === "cmap") return cmapRanges(view, view.getUint32(record + 8));
  }
  return [];
}

function cmapRanges(view: DataView, cmap: number): Range[] {
  const count = view.getUint16(cmap + 2);
  const ranges: Range[] = [];
  for (let n = 0; n < count; n++) {
    const record = cmap + 4 + 8 * n;
    const [platform, encoding] = [view.getUint16(record), view.getUint16(record + 2)];
    // Unicode, or Windows with Unicode; others are older encodings
    if (platform !== 0 && !(platform === 3 && (encoding === 1 || encoding === 10))) continue;
    const table = cmap + view.getUint32(record + 4);
    const format = view.getUint16(table);
    if (format === 4) ranges.push(...segments(view, table));
    if (format === 12) ranges.push(...groups(view, table));
  }
  return ranges;
}

/** Format 4: segments of the basic plane. A code point inside a segment may still have no glyph. */
function segments(view: DataView, table: number): Range[] {
  const size = view.getUint16(table + 6);
  const ranges: Range[] = [];
  for (let at = 0; at < size; at += 2) {
    const last = view.getUint16(table + 14 + at);
    const first = view.getUint16(table + 16 + size + at);
    const delta = view.getUint16(table + 16 + 2 * size + at);
    const place = table + 16 + 3 * size + at;
    const offset = view.getUint16(place);
    for (let code = first; code <= last && code < 0xffff; code++) {
      const glyph = offset === 0 ? code + delta & 0xffff : view.getUint16(place + offset + 2 * (code - first));
      if (glyph === 0) continue;
      const open = ranges.at(-1);
      if (open !== undefined && open[1] === code - 1) ranges[ranges.length - 1] = [open[0], code];
      else ranges.push([code, code]);
    }
  }
  return ranges;
}

/** Format 12: groups over all planes. */
function groups(view: DataView, table: number): Range[] {
  const count = view.getUint32(table + 12);
  return Array.from({ length: count }, (_, n): Range => {
    const at = table + 16 + 12 * n;
    return [view.getUint32(at), view.getUint32(at + 4)];
  });
}

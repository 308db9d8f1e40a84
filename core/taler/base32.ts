// SPDX-License-Identifier: AGPL-3.0-or-later

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const NO_DIGIT = 0xff;

const DIGIT_OF_CODE = ((): Uint8Array => {
  const table = new Uint8Array(128).fill(NO_DIGIT);
  const define = (letter: string, value: number) => {
    table[letter.toUpperCase().charCodeAt(0)] = value;
    table[letter.toLowerCase().charCodeAt(0)] = value;
  };
  for (let value = 0; value < ALPHABET.length; value++) define(ALPHABET.charAt(value), value);
  // Letters that people misread; "U" stands for "V" in this dialect, unlike in Crockford's original.
  define("O", 0);
  define("I", 1);
  define("L", 1);
  define("U", 27);
  return table;
})();

/**
 * Text form of bytes in the base32 variant of Taler: ceil(8n/5) characters, upper case, most significant bit first,
 * the last character filled with zero bits on the right (crypto.md 1.2).
 */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((buffer >>> bits) & 31);
    }
  }
  if (bits > 0) text += ALPHABET.charAt((buffer << (5 - bits)) & 31);
  return text;
}

/**
 * Bytes of a base32 text, or undefined if it is none (crypto.md 1.2): a character outside the alphabet, or a length
 * that no number of bytes has. Upper and lower case are equal; O is 0, I and L are 1, U is V. The padding bits of the
 * last character are ignored, so different texts can give equal bytes: compare bytes, never texts.
 *
 * @param length number of bytes wanted; without it the length follows from the text
 */
export function decodeBase32(text: string, length?: number): Uint8Array | undefined {
  const size = length ?? Math.floor((text.length * 5) / 8);
  if (Math.ceil((size * 8) / 5) !== text.length) return undefined;
  const bytes = new Uint8Array(size);
  let buffer = 0;
  let bits = 0;
  let position = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const digit = code < 128 ? DIGIT_OF_CODE[code] ?? NO_DIGIT : NO_DIGIT;
    if (digit === NO_DIGIT) return undefined;
    buffer = ((buffer << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8 && position < size) {
      bits -= 8;
      bytes[position++] = (buffer >>> bits) & 0xff;
    }
  }
  return bytes;
}

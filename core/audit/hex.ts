// SPDX-License-Identifier: AGPL-3.0-or-later
/** Hexadecimal, for `bytea` in JSON and for keys of maps. */
import { Buffer } from "node:buffer";

/** Bytes as lower-case hexadecimal digits. */
export function encodeHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Hexadecimal digits as bytes. */
export function decodeHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

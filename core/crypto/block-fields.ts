// SPDX-License-Identifier: AGPL-3.0-or-later

/**
 * Form of a field inside signed data (crypto.md 1): `hash64` and `hash32` hashes or other opaque bytes, `key32` a
 * public key, `sig64` a signature, `optional64` and `optional32` hashes that are zero bytes if absent, `zero32` 32
 * bytes that are always zero, `amount` 24 bytes with currency, `time` and `duration` BE64 microseconds, `u64` BE64,
 * `u32` BE32, `u32le` little-endian, `u8pad3` one byte and three zero bytes, `text8` up to 8 ASCII characters, zero
 * padded.
 */
export type FieldType =
  | "hash64"
  | "hash32"
  | "key32"
  | "sig64"
  | "optional64"
  | "optional32"
  | "zero32"
  | "amount"
  | "time"
  | "duration"
  | "u64"
  | "u32"
  | "u32le"
  | "u8pad3"
  | "text8";

/** Whose key signs a block. */
export type Signer =
  | "master"
  | "exchange"
  | "auditor"
  | "merchant"
  | "reserve"
  | "coin"
  | "purse"
  | "merge"
  | "age"
  | "token";

/** A signed structure: its purpose number, its signer and its fields after the header, in order (crypto.md 5). */
export interface Block {
  readonly purpose: number;
  readonly signer: Signer;
  readonly fields: readonly (readonly [name: string, type: FieldType])[];
}

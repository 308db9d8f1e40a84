// SPDX-License-Identifier: AGPL-3.0-or-later
import { AMOUNT_SIZE, writeAmount } from "../taler/amount.ts";
import { NEVER } from "../taler/time.ts";
import type { Block, FieldType } from "./block-fields.ts";
import { signEd25519, verifyEd25519 } from "./ed25519.ts";
import { EXCHANGE_BLOCKS } from "./exchange-blocks.ts";
import { WALLET_BLOCKS } from "./wallet-blocks.ts";

/**
 * All signed structures by name (crypto.md 5.2 to 5.9). Signing and verifying both read this table, so that they cannot
 * differ.
 */
export const BLOCKS = { ...EXCHANGE_BLOCKS, ...WALLET_BLOCKS } as const;

/** Name of a signed structure. */
export type BlockName = keyof typeof BLOCKS;

type FieldValue<Type extends FieldType> = Type extends "amount" | "time" | "duration" | "u64" ? bigint
  : Type extends "u32" | "u32le" | "u8pad3" ? number
  : Type extends "text8" ? string
  : Type extends "optional64" | "optional32" ? Uint8Array | null | undefined
  : Uint8Array;

type FieldOf<Name extends BlockName> = (typeof BLOCKS)[Name]["fields"][number];

/**
 * The fields of a block: all of them must be given, an optional hash as undefined or null if there is none. Amounts are
 * atoms, times and durations microseconds (NEVER for never), hashes and keys bytes of their exact length.
 */
export type BlockFields<Name extends BlockName> =
  & { readonly [Field in FieldOf<Name> as Field[1] extends "zero32" ? never : Field[0]]: FieldValue<Field[1]> }
  & { readonly [Field in FieldOf<Name> as Field[1] extends "zero32" ? Field[0] : never]?: null | undefined };

const HEADER_SIZE = 8;

const FIELD_SIZES: Readonly<Record<FieldType, number>> = {
  hash64: 64,
  hash32: 32,
  key32: 32,
  sig64: 64,
  optional64: 64,
  optional32: 32,
  zero32: 32,
  amount: AMOUNT_SIZE,
  time: 8,
  duration: 8,
  u64: 8,
  u32: 4,
  u32le: 4,
  u8pad3: 4,
  text8: 8,
};

interface Target {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly currency: string;
}

type Writer = (target: Target, offset: number, value: unknown, name: string) => void;

function wrongType(name: string): never {
  throw new TypeError(`field ${name} of a signed block is missing or has a wrong type`);
}

function outOfRange(name: string): never {
  throw new RangeError(`field ${name} of a signed block is out of range`);
}

function bytesWriter(size: number, optional: boolean): Writer {
  return ({ bytes }, offset, value, name) => {
    if (optional && (value === undefined || value === null)) return;
    if (!(value instanceof Uint8Array)) wrongType(name);
    if (value.length !== size) outOfRange(name);
    bytes.set(value, offset);
  };
}

function timeWriter({ view }: Target, offset: number, value: unknown, name: string): void {
  if (typeof value !== "bigint") wrongType(name);
  if (value < 0n || value > NEVER) outOfRange(name);
  view.setBigUint64(offset, value);
}

function numberWriter(max: number, set: (view: DataView, offset: number, value: number) => void): Writer {
  return ({ view }, offset, value, name) => {
    if (typeof value !== "number") wrongType(name);
    if (!Number.isInteger(value) || value < 0 || value > max) outOfRange(name);
    set(view, offset, value);
  };
}

const WRITERS: Readonly<Record<FieldType, Writer>> = {
  hash64: bytesWriter(64, false),
  hash32: bytesWriter(32, false),
  key32: bytesWriter(32, false),
  sig64: bytesWriter(64, false),
  optional64: bytesWriter(64, true),
  optional32: bytesWriter(32, true),
  zero32: () => {},
  amount: ({ bytes, currency }, offset, value, name) => {
    if (typeof value !== "bigint") wrongType(name);
    writeAmount(bytes, offset, currency, value);
  },
  time: timeWriter,
  duration: timeWriter,
  u64: ({ view }, offset, value, name) => {
    if (typeof value !== "bigint") wrongType(name);
    // A database column is signed where the signed number is not: both readings of the same 64 bits are welcome.
    if (value < -(2n ** 63n) || value >= 2n ** 64n) outOfRange(name);
    view.setBigUint64(offset, value);
  },
  u32: numberWriter(0xffffffff, (view, offset, value) => view.setUint32(offset, value)),
  u32le: numberWriter(0xffffffff, (view, offset, value) => view.setUint32(offset, value, true)),
  u8pad3: numberWriter(0xff, (view, offset, value) => view.setUint8(offset, value)),
  text8: ({ bytes }, offset, value, name) => {
    if (typeof value !== "string") wrongType(name);
    if (!/^[\x20-\x7e]{0,8}$/.test(value)) outOfRange(name);
    for (let index = 0; index < value.length; index++) bytes[offset + index] = value.charCodeAt(index);
  },
};

interface Layout {
  readonly size: number;
  readonly purpose: number;
  readonly fields: readonly { readonly name: string; readonly offset: number; readonly write: Writer }[];
}

function layOut(block: Block): Layout {
  let size = HEADER_SIZE;
  const fields = block.fields.map(([name, type]) => {
    const offset = size;
    size += FIELD_SIZES[type];
    return { name, offset, write: WRITERS[type] };
  });
  return { size, purpose: block.purpose, fields };
}

const LAYOUTS = Object.fromEntries(Object.entries(BLOCKS).map(([name, block]) => [name, layOut(block)])) as Record<
  BlockName,
  Layout
>;

/** Length of a block's message in bytes, the header included (crypto.md 5.1). */
export function blockSize(name: BlockName): number {
  return LAYOUTS[name].size;
}

/**
 * The message that a block's signature covers: BE32 size | BE32 purpose | fields (crypto.md 5.1).
 *
 * @param currency currency of all amounts of the block
 * @throws RangeError if a field has a wrong length or range; TypeError if one is missing or of a wrong type
 */
export function buildBlock<Name extends BlockName>(
  name: Name,
  currency: string,
  fields: BlockFields<Name>,
): Uint8Array {
  const layout = LAYOUTS[name];
  const bytes = new Uint8Array(layout.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, layout.size);
  view.setUint32(4, layout.purpose);
  const target = { bytes, view, currency };
  const values = fields as Readonly<Record<string, unknown>>;
  for (const field of layout.fields) field.write(target, field.offset, values[field.name], field.name);
  return bytes;
}

/**
 * Signature (64 bytes) of a block by the key of a seed.
 *
 * @throws as buildBlock and signEd25519
 */
export function signBlock<Name extends BlockName>(
  name: Name,
  currency: string,
  seed: Uint8Array,
  fields: BlockFields<Name>,
): Uint8Array {
  return signEd25519(seed, buildBlock(name, currency, fields));
}

/**
 * True if the signature of a block is valid. A field that cannot be encoded (a hash of a wrong length, a negative time)
 * makes it false, for such content comes from outside; a missing field is a programming error and throws TypeError.
 */
export function verifyBlock<Name extends BlockName>(
  name: Name,
  currency: string,
  publicKey: Uint8Array,
  signature: Uint8Array,
  fields: BlockFields<Name>,
): boolean {
  let message: Uint8Array;
  try {
    message = buildBlock(name, currency, fields);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  return verifyEd25519(publicKey, message, signature);
}

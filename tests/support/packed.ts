// SPDX-License-Identifier: AGPL-3.0-or-later
/** Writes packed pages as PostgreSQL's `record_send` does, for tests that need no server. */

/** A column of a packed row: its bytes in network order, or NULL. */
export type Cell = Uint8Array | null;

const utf8 = new TextEncoder();

function integer(size: 2 | 4 | 8, value: bigint | number | null): Cell {
  if (value === null) return null;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  if (size === 8) view.setBigInt64(0, BigInt(value));
  else if (size === 4) view.setInt32(0, Number(value));
  else view.setInt16(0, Number(value));
  return bytes;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, p) => size + p.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function sized(cell: Cell): Uint8Array[] {
  return cell === null ? [integer(4, -1)!] : [integer(4, cell.length)!, cell];
}

/** The object identifier of a type; the reader does not look at it. */
const TYPE = integer(4, 20)!;

function record(cells: readonly Cell[]): Uint8Array {
  return join([integer(4, cells.length)!, ...cells.flatMap((c) => [TYPE, ...sized(c)])]);
}

/** The cells of every type that a page query selects. */
export const cell = {
  int8: (value: bigint | number | null): Cell => integer(8, value),
  int4: (value: number | null): Cell => integer(4, value),
  int2: (value: number | null): Cell => integer(2, value),
  bool: (value: boolean | null): Cell => value === null ? null : Uint8Array.of(value ? 1 : 0),
  text: (value: string | null): Cell => value === null ? null : utf8.encode(value),
  bytes: (value: Uint8Array | null | undefined): Cell => value ?? null,
  /** A `taler_amount` from its two parts, each of which may be NULL. */
  composite: (val: bigint | null, frac: number | null): Cell => record([integer(8, val), integer(4, frac)]),
  /** A `taler_amount` in atoms. */
  amount: (atoms: bigint | null): Cell =>
    atoms === null ? null : record([integer(8, atoms / 100_000_000n), integer(4, atoms % 100_000_000n)]),
  /** A one-dimensional array. */
  array: (elements: readonly Cell[]): Cell => {
    if (elements.length === 0) return join([integer(4, 0)!, integer(4, 0)!, TYPE]);
    const head = [integer(4, 1)!, integer(4, elements.includes(null) ? 1 : 0)!, TYPE];
    return join([...head, integer(4, elements.length)!, integer(4, 1)!, ...elements.flatMap(sized)]);
  },
};

/** A page of rows. */
export function packPage(rows: readonly (readonly Cell[])[]): Uint8Array {
  return join(rows.map(record));
}

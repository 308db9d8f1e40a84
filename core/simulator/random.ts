// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Chance and secrets from one seed: what looks random in a simulation is SHA-512 in counter mode, so that the same seed
 * gives the same bytes on every machine. Nothing here may protect anything real: who knows the seed knows it all.
 */

import { sha512Short, zeroTerminated } from "../crypto/hash.ts";
import { seededBytes } from "../crypto/rsa-issue.ts";

/** A stream of decisions. */
export interface Random {
  /** A whole number from 0 to limit - 1; limit at most 2^32. */
  below(limit: number): number;
  /** A whole number from low to high, both included. */
  between(low: number, high: number): number;
  /** A multiple of `unit` from low to high; low if there is none between. */
  atoms(low: bigint, high: bigint, unit: bigint): bigint;
  /** True with this probability, 0 to 1. */
  chance(probability: number): boolean;
  /** One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** A list in another order. */
  shuffled<T>(list: readonly T[]): T[];
}

const RANGE = 2 ** 32;
/** Decisions are drawn with six bytes, so that the remainder favours no number by more than one in 65,536. */
const DRAW_BYTES = 6;

/** The stream of decisions of one subject (a label) under a seed. Streams of different labels do not touch. */
export function randomOf(seed: string, label: string): Random {
  const source = seededBytes(secretOf(seed, `decisions ${label}`));
  const draw = () => source(DRAW_BYTES).reduce((value, byte) => value * 256 + byte, 0);
  const below = (limit: number): number => {
    if (!Number.isInteger(limit) || limit < 1 || limit > RANGE) throw new RangeError(`cannot draw below ${limit}`);
    return draw() % limit;
  };
  const random: Random = {
    below,
    between: (low, high) => low + below(high - low + 1),
    atoms: (low, high, unit) => {
      const [first, last] = [(low + unit - 1n) / unit, high / unit];
      const count = last - first + 1n;
      if (count < 1n) return low;
      return (first + BigInt(below(count > BigInt(RANGE) ? RANGE : Number(count)))) * unit;
    },
    chance: (probability) => draw() < probability * 2 ** (8 * DRAW_BYTES),
    pick: (list) => {
      if (list.length === 0) throw new RangeError("cannot pick from nothing");
      return list[below(list.length)]!;
    },
    shuffled: (list) => {
      const copy = [...list];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
  };
  return random;
}

/** 32 secret bytes of one thing: a label and numbers that name it under a seed. */
export function secretOf(seed: string, label: string, ...numbers: readonly number[]): Uint8Array {
  const counters = new Uint8Array(8 * numbers.length);
  const view = new DataView(counters.buffer);
  numbers.forEach((number, i) => view.setBigUint64(8 * i, BigInt(number)));
  return sha512Short(
    zeroTerminated("taler-auditor-simulator"),
    zeroTerminated(label),
    counters,
    zeroTerminated(seed),
  );
}

/** As {@link secretOf}, for any length. */
export function secretBytes(seed: string, length: number, label: string, ...numbers: readonly number[]): Uint8Array {
  return seededBytes(secretOf(seed, label, ...numbers))(length);
}

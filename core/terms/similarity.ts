// SPDX-License-Identifier: AGPL-3.0-or-later
/** Finds for a changed text the old one it most likely was. */

/** How alike two texts must be, from 0 to 1, for a translation to be carried over for review. */
const SIMILAR_ENOUGH = 0.6;

interface Words {
  readonly counts: ReadonlyMap<string, number>;
  readonly total: number;
}

/** Words and pairs of neighbours, so that their order counts too. */
function wordsOf(text: string): Words {
  const words = text.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter((word) => word !== "");
  const counts = new Map<string, number>();
  let total = 0;
  for (const [index, word] of words.entries()) {
    for (const key of index === 0 ? [word] : [word, `${words[index - 1]} ${word}`]) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
      total++;
    }
  }
  return { counts, total };
}

/** Words that occur in more candidates than this do not tell them apart and are not looked up. */
const COMMON = 200;

/**
 * A function that gives the most similar of the candidates, if one is similar enough. Its cost grows with the number
 * of candidates that share an uncommon word, not with their product.
 */
export function similarityIndex(candidates: readonly string[]): (text: string) => string | undefined {
  const all = candidates.map(wordsOf);
  const byWord = new Map<string, number[]>();
  for (const [index, { counts }] of all.entries()) {
    for (const word of counts.keys()) {
      const places = byWord.get(word);
      if (places === undefined) byWord.set(word, [index]);
      else if (places.length <= COMMON) places.push(index);
    }
  }
  return (text) => {
    const words = wordsOf(text);
    const shared = new Map<number, number>();
    for (const word of words.counts.keys()) {
      const places = byWord.get(word) ?? [];
      if (places.length <= COMMON) { for (const place of places) shared.set(place, 0); }
    }
    let best: string | undefined;
    let reached = SIMILAR_ENOUGH;
    for (const place of shared.keys()) {
      const alike = likeness(words, all[place]!);
      if (alike >= reached && (best === undefined || alike > reached)) [best, reached] = [candidates[place], alike];
    }
    return best;
  };
}

/** Dice's coefficient of two bags of words. */
function likeness(a: Words, b: Words): number {
  let shared = 0;
  for (const [word, count] of a.counts) shared += Math.min(count, b.counts.get(word) ?? 0);
  return a.total + b.total === 0 ? 0 : 2 * shared / (a.total + b.total);
}

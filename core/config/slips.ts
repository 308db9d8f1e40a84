// SPDX-License-Identifier: AGPL-3.0-or-later
/** Slips of the pen: names in a configuration that nobody reads, with the name that was probably meant. */

import type { Configuration } from "./configuration.ts";
import { knownOptions } from "./options.ts";
import { foldName } from "./parse.ts";

/** Sections that belong to the auditor alone, so that a name that it does not know is a slip of the pen. */
const OWN_SECTIONS = /^(?:auditor|auditordb-postgres|bankdb-postgres|exchange-account(?:credentials)?-.*)$/;

/** Options of `[exchange]` that only `taler-auditor terms` reads, or that the exchange has beside those. */
const EXCHANGE_OPTIONS = ["TERMS_DIR", "TERMS_ETAG", "PRIVACY_DIR", "PRIVACY_ETAG"];

/**
 * Sections and options that nobody reads, with their places. The configuration may be shared with other programs:
 * outside of the auditor's own sections, only names that are nearly those of ours are told.
 */
export function unknownNames(config: Configuration): string[] {
  return config.sections().flatMap((section) => {
    const folded = foldName(section);
    // Names in it are free.
    if (folded === "paths") return [];
    const known = knownOptions(section).map(({ option }) => option);
    if (known.length === 0) return unknownSection(config, section);
    // Not through options(): nobody has asked for the section, so that its being closed is no news.
    if (config.inaccessible(section) !== undefined) return [];
    const names = new Set([...known, ...(folded === "exchange" ? EXCHANGE_OPTIONS : [])]);
    return config.options(section).flatMap(({ option, origin }) => {
      if ([...names].some((name) => foldName(name) === foldName(option))) return [];
      const meant = nearest(foldName(option), names);
      if (meant === undefined && !OWN_SECTIONS.test(folded)) return [];
      const what = `${origin.file}:${origin.line}: taler-auditor does not know [${section}] ${option}`;
      return [meant === undefined ? what : `${what}; is ${meant} meant?`];
    });
  });
}

function unknownSection(config: Configuration, section: string): string[] {
  const folded = foldName(section);
  const names = new Set([...knownOptions().map((known) => known.section), "PATHS"]);
  const exact = [...names].filter((name) => !name.endsWith("*"));
  const families = [...names].filter((name) => name.endsWith("*"));
  const meant = nearest(folded, exact) ?? nearestFamily(folded, families);
  if (meant === undefined) return [];
  const closed = config.inaccessible(section);
  const origin = closed?.origin ?? config.options(section)[0]?.origin;
  const place = origin === undefined ? "" : `${origin.file}:${origin.line}: `;
  return [`${place}taler-auditor does not know section [${section}]; is [${meant}] meant?`];
}

/** The family of sections, `PREFIX-*`, whose prefix is nearly that of a name. */
function nearestFamily(folded: string, families: readonly string[]): string | undefined {
  // The name of an account may itself have hyphens.
  const ends = [...folded.matchAll(/-/g)].map(({ index }) => index + 1);
  for (const end of ends) {
    const meant = nearest(folded.slice(0, end), families.map((family) => family.slice(0, -1)));
    if (meant !== undefined) return `${meant}${folded.slice(end)}`;
  }
  return undefined;
}

const DISTANCE_MAX = 2;

/** The name that takes the fewest changes of a letter, at most two; short names leave room for fewer. */
function nearest(folded: string, names: Iterable<string>): string | undefined {
  const distances = [...names].map((name) => ({ name, distance: editDistance(folded, foldName(name)) }))
    .filter(({ name, distance }) => distance <= Math.min(DISTANCE_MAX, Math.floor(name.length / 3)));
  return distances.sort((a, b) => a.distance - b.distance)[0]?.name;
}

/** How many letters have to be added, removed or replaced to make one text the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let line = 1; line <= a.length; line++) {
    const next = [line];
    for (let column = 1; column <= b.length; column++) {
      const replaced = row[column - 1]! + (a[line - 1] === b[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[column]! + 1, next[column - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Scenario tables: what happens, and the verdict expected, one line each.
 *
 *     # a coin of 5 pays 6
 *     deposit c1 KUDOS:6 -> C-4 deposit#1 6 over 5; coins_total_arithmetic_delta_minus 1
 *
 * Left of `->` stand events, right of it verdicts, both separated by `;`. An event is a verb, then words: names,
 * amounts (`KUDOS:6`, `6`, `0.5`), options (`fee=0.2`) and flags. No verdict is written as `nothing`. A scenario may
 * take several lines: it ends with the first line that has `->` and does not end with `;`. `#` begins a comment.
 *
 * An interpreter takes the words of an event one after another; a word that it does not take is an error, so that a
 * misspelled flag cannot make a test pass.
 */
import assert from "node:assert/strict";
import { FRACTION_BASE, parseAmount } from "../../core/taler/amount.ts";

/** A line of a table. */
export interface Scenario {
  text: string;
  events: Phrase[];
  /** Texts of the verdicts expected. */
  expected: string[];
}

const CURRENCY = "KUDOS";

/** An amount in atoms, with or without currency; undefined if the word is none. */
function amountOf(word: string): bigint | undefined {
  return parseAmount(word.startsWith(`${CURRENCY}:`) ? word : `${CURRENCY}:${word}`)?.atoms;
}

/** Atoms as the tables write them: `6`, `0.5`, `-1`. */
export function plainAmount(atoms: bigint): string {
  const size = atoms < 0n ? -atoms : atoms;
  const fraction = (size % FRACTION_BASE).toString().padStart(8, "0").replace(/0+$/, "");
  return `${atoms < 0n ? "-" : ""}${size / FRACTION_BASE}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Atoms of an amount in a test. */
export function atoms(text: string | number): bigint {
  const value = amountOf(String(text));
  if (value === undefined) throw new Error(`not an amount: ${text}`);
  return value;
}

/** An event of a scenario. */
export class Phrase {
  readonly verb: string;
  #rest: string[];

  constructor(readonly text: string) {
    const [verb, ...rest] = text.split(/\s+/);
    this.verb = verb!;
    this.#rest = rest;
  }

  #fail(problem: string): never {
    throw new Error(`"${this.text}": ${problem}`);
  }

  /** Takes the first word that is left. */
  word(): string {
    return this.#rest.shift() ?? this.#fail("a word is missing");
  }

  /** Takes the word after a preposition, such as `b1` of `into b1`; undefined if the preposition is not there. */
  after(preposition: string): string | undefined {
    const at = this.#rest.indexOf(preposition);
    if (at < 0) return undefined;
    const [, word] = this.#rest.splice(at, 2);
    return word ?? this.#fail(`nothing follows "${preposition}"`);
  }

  /** Takes all words after a preposition. */
  allAfter(preposition: string): string[] | undefined {
    const at = this.#rest.indexOf(preposition);
    return at < 0 ? undefined : this.#rest.splice(at).slice(1);
  }

  /** Takes `name=value`. */
  option(name: string): string | undefined {
    const at = this.#rest.findIndex((w) => w.startsWith(`${name}=`));
    return at < 0 ? undefined : this.#rest.splice(at, 1)[0]!.slice(name.length + 1);
  }

  /** Takes `name=amount`, in atoms. */
  amountOption(name: string): bigint | undefined {
    const text = this.option(name);
    return text === undefined ? undefined : atoms(text);
  }

  /** Takes a word if it is there. */
  flag(name: string): boolean {
    const at = this.#rest.indexOf(name);
    if (at >= 0) this.#rest.splice(at, 1);
    return at >= 0;
  }

  /** Takes the first amount that is left, in atoms. */
  amount(): bigint {
    return this.amountIfAny() ?? this.#fail("an amount is missing");
  }

  /** Takes the first amount that is left, if there is one. */
  amountIfAny(): bigint | undefined {
    const at = this.#rest.findIndex((w) => amountOf(w) !== undefined);
    return at < 0 ? undefined : amountOf(this.#rest.splice(at, 1)[0]!);
  }

  /** Says that everything was taken. */
  end(): void {
    if (this.#rest.length > 0) this.#fail(`what does "${this.#rest.join(" ")}" mean?`);
  }
}

function parts(text: string): string[] {
  return text.split(";").map((p) => p.trim().replace(/\s+/g, " ")).filter((p) => p !== "");
}

/** Reads a table. */
export function parseTable(table: string): Scenario[] {
  const scenarios: Scenario[] = [];
  let text = "";
  for (const line of table.split("\n")) {
    const content = line.replace(/(^|\s)#\s.*$/, "").trim();
    if (content === "") continue;
    text = text === "" ? content : `${text} ${content}`;
    if (!text.includes("->") || text.endsWith(";") || text.endsWith("->")) continue;
    const [left, right, ...more] = text.split("->");
    if (more.length > 0) throw new Error(`two arrows: ${text}`);
    const expected = parts(right!);
    scenarios.push({
      text,
      events: parts(left!).map((p) => new Phrase(p)),
      expected: expected.length === 1 && expected[0] === "nothing" ? [] : expected,
    });
    text = "";
  }
  if (text !== "") throw new Error(`no verdict: ${text}`);
  return scenarios;
}

/** Makes one test of each line: `judge` plays the events and gives the verdicts. */
export function testTable(
  title: string,
  table: string,
  judge: (events: Phrase[]) => string[] | Promise<string[]>,
): void {
  for (const { text, events, expected } of parseTable(table)) {
    Deno.test(`${title}: ${text}`, async () => {
      const verdicts = await judge(events);
      for (const event of events) event.end();
      assert.deepEqual(verdicts, expected);
    });
  }
}

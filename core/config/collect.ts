// SPDX-License-Identifier: AGPL-3.0-or-later

import { ConfigurationError, describeProblem, type Problem } from "./problem.ts";

/** Result of a read that may have failed; the failure is in the collector. */
export type Verdict<T> = { readonly value: T } | undefined;

/** An object whose values have been read, each with its verdict. */
type Verdicts = Readonly<Record<string, Verdict<unknown>>>;

/** Collects what goes wrong in several reads, so that an operator sees all of it at once and not one per start. */
export interface Collector {
  /** Runs a read; its ConfigurationError is kept, any other error goes on. */
  read<T>(read: () => T): Verdict<T>;
  /** Adds problems that did not come from a read. */
  add(...problems: readonly Problem[]): void;
  /** All problems so far, each once. */
  problems(): Problem[];
  /**
   * The values of all verdicts.
   *
   * @throws ConfigurationError with every problem, each once, if there is any
   */
  finish<T extends Verdicts>(verdicts: T): { [K in keyof T]: T[K] extends Verdict<infer V> ? V : never };
}

/** Starts an empty collector. */
export function collector(): Collector {
  const known = new Map<string, Problem>();
  const add = (...found: readonly Problem[]) => {
    for (const problem of found) {
      const text = describeProblem(problem);
      if (!known.has(text)) known.set(text, problem);
    }
  };
  return {
    add,
    problems: () => [...known.values()],
    read(read) {
      try {
        return { value: read() };
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        add(...error.problems);
        return undefined;
      }
    },
    finish<T extends Verdicts>(verdicts: T) {
      if (known.size > 0) throw new ConfigurationError([...known.values()]);
      const values = Object.entries(verdicts).map(([name, verdict]) => {
        if (verdict === undefined) throw new Error(`${name} was not read, but no problem is known`);
        return [name, verdict.value];
      });
      return Object.fromEntries(values) as { [K in keyof T]: T[K] extends Verdict<infer V> ? V : never };
    },
  };
}

// SPDX-License-Identifier: AGPL-3.0-or-later

/**
 * Where a value was written.
 *
 * - `generated`: section PATHS as the program makes it (configuration.md 6)
 * - `embedded`: the defaults inside the program (configuration.md 7)
 * - `base`: a file of the directory of default files (configuration.md 1.1)
 * - `main`: the operator's file, or what it includes
 */
export type Layer = "generated" | "embedded" | "base" | "main";

/** Origin of a value or section: file, line counted from 1 (0 for generated values) and layer. */
export interface Origin {
  readonly file: string;
  readonly line: number;
  readonly layer: Layer;
}

/** One thing wrong with the configuration, worded for the operator. */
export interface Problem {
  readonly message: string;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly section?: string | undefined;
  readonly option?: string | undefined;
}

/** Something an operator should or may know that stops nothing; cmd writes it to the log. */
export interface Notice {
  readonly level: "debug" | "info" | "warning";
  readonly message: string;
}

/**
 * One line of text for a problem: `FILE:LINE: [SECTION] OPTION: message`, without the parts that are unknown
 * (configuration.md 2, rule 8: message with the line and the file).
 */
export function describeProblem(problem: Problem): string {
  const place = problem.file === undefined
    ? ""
    : problem.line === undefined || problem.line === 0
    ? `${problem.file}: `
    : `${problem.file}:${problem.line}: `;
  const option = problem.option === undefined ? "" : ` ${problem.option}`;
  const name = problem.section === undefined ? "" : `[${problem.section}]${option}: `;
  return `${place}${name}${problem.message}`;
}

/**
 * The configuration cannot be used as it is. Holds every problem that was found; the message has one line for each.
 * A command ends with exit code 6 (cli.md 3).
 */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(describeProblem).join("\n"));
    this.problems = problems;
  }
}

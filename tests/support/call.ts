// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- tests read what a command prints
/** Calls a subcommand inside the test's process. */

/** What a call left. */
export interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Runs a command in this process and takes what it prints; standard input is no terminal in a test run. */
export async function callCommand(
  command: { run(args: string[]): Promise<number> },
  ...args: string[]
): Promise<Outcome> {
  const lines = { out: [] as string[], err: [] as string[] };
  const { log, error } = console;
  console.log = (...words: unknown[]) => void lines.out.push(words.join(" "));
  console.error = (...words: unknown[]) => void lines.err.push(words.join(" "));
  try {
    const code = await command.run(args);
    return { code, out: lines.out.join("\n"), err: lines.err.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

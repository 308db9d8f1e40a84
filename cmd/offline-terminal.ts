// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Questions to the person at the terminal. Standard input mostly holds a document, so the terminal itself is read; the
 * questions go to standard error, since standard output mostly is a file.
 */

import { EXIT, ToolError } from "./schema-tool.ts";

/** A terminal that can be asked. */
export interface Terminal {
  /** Asks for a line; undefined at the end of input. */
  readonly ask: (question: string) => string | undefined;
  /** Asks for a line that is not shown; undefined at the end of input. The caller erases the bytes. */
  readonly askSecret: (question: string) => Uint8Array | undefined;
}

/** What both standard input and a file that is a terminal can do. */
export interface TerminalInput {
  readSync(buffer: Uint8Array): number | null;
  setRaw(on: boolean): void;
}

/** Opens the terminal that the process was started on; undefined if there is none, or no right to read it. */
export function openTerminal(): Terminal | undefined {
  const write = (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text));
  if (!Deno.stderr.isTerminal()) return undefined;
  if (Deno.stdin.isTerminal()) return terminalOn(Deno.stdin, write);
  const path = "/dev/tty";
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
  try {
    const file = Deno.openSync(path);
    return file.isTerminal() ? terminalOn(file, write) : undefined;
  } catch (error) {
    // A service, or a process in a container, has no terminal.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

const LINE_MAX = 1024;
const KEY = { interrupt: 0x03, end: 0x04, backspace: 0x08, lineFeed: 0x0a, return: 0x0d, clear: 0x15, delete: 0x7f };

/** A terminal on an input and a function that shows text. */
export function terminalOn(input: TerminalInput, write: (text: string) => void): Terminal {
  return {
    ask: (question) => {
      write(question);
      const line = readLine(input);
      return line === undefined ? undefined : new TextDecoder().decode(line);
    },
    askSecret: (question) => {
      write(question);
      input.setRaw(true);
      try {
        return readSecret(input);
      } finally {
        input.setRaw(false);
        write("\n");
      }
    },
  };
}

/** Reads byte by byte, so that nothing behind the line is taken. */
function readLine(input: TerminalInput): Uint8Array | undefined {
  const line = new Uint8Array(LINE_MAX);
  const byte = new Uint8Array(1);
  for (let length = 0; length < LINE_MAX; length++) {
    if (input.readSync(byte) !== 1) return length === 0 ? undefined : line.slice(0, length);
    if (byte[0] === KEY.lineFeed) return line.slice(0, length);
    line[length] = byte[0] ?? 0;
  }
  throw new ToolError(EXIT.failed, `a line has at most ${LINE_MAX} bytes`);
}

function readSecret(input: TerminalInput): Uint8Array | undefined {
  const line = new Uint8Array(LINE_MAX);
  const byte = new Uint8Array(1);
  let length = 0;
  try {
    while (input.readSync(byte) === 1) {
      const [key = 0] = byte;
      if (key === KEY.lineFeed || key === KEY.return) return line.slice(0, length);
      if (key === KEY.interrupt) throw new ToolError(EXIT.failed, "interrupted");
      if (key === KEY.end) return length === 0 ? undefined : line.slice(0, length);
      if (key === KEY.clear) length = 0;
      else if (key === KEY.backspace || key === KEY.delete) length = withoutLast(line, length);
      else if (length < LINE_MAX) line[length++] = key;
      else throw new ToolError(EXIT.failed, `a line has at most ${LINE_MAX} bytes`);
    }
    return undefined;
  } finally {
    line.fill(0);
    byte.fill(0);
  }
}

/** Length without the last character, which may have several bytes. */
function withoutLast(line: Uint8Array, length: number): number {
  let end = length;
  while (end > 0 && ((line[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  return Math.max(end - 1, 0);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- the edge of a command
/** What the steps of `offline` take from outside: standard streams, terminal, network, clock, log. */

import { formatTime } from "../core/taler/time.ts";
import { openTerminal, type Terminal } from "./offline-terminal.ts";
import { EXIT, fileFault, ToolError } from "./schema-tool.ts";

/** Levels of the log, most important first (cli.md 2). */
export const LOG_LEVELS = ["NONE", "ERROR", "WARNING", "MESSAGE", "INFO", "DEBUG"] as const;

/** A level of the log. */
export type LogLevel = typeof LOG_LEVELS[number];

/** Writes one message to the log. */
export type Log = (level: Exclude<LogLevel, "NONE">, message: string) => void;

/** The surroundings of a call. */
export interface OfflineIo {
  /** All of standard input. */
  readonly readInput: () => Promise<Uint8Array>;
  /** Standard input is a terminal, and so holds no document. */
  readonly inputIsTerminal: () => boolean;
  /** Prints to standard output, where nothing but results goes. */
  readonly print: (text: string) => void;
  /** Prints what a person should read beside the results. */
  readonly aside: (text: string) => void;
  readonly log: Log;
  /** The person's terminal, whatever the standard streams are connected with; undefined if there is none. */
  readonly terminal: () => Terminal | undefined;
  readonly fetch: typeof fetch;
  /** µs */
  readonly now: () => bigint;
  readonly random: (size: number) => Uint8Array;
}

/** Largest document: thousands of denominations, and a bound on memory. */
export const DOCUMENT_MAX = 64 * 1024 * 1024;

/**
 * The surroundings of the process.
 *
 * @throws ToolError if the log file cannot be opened
 */
export function processIo(level: LogLevel, logFile: string | undefined, now: bigint | undefined): OfflineIo {
  return {
    readInput: () => readAll(Deno.stdin.readable),
    inputIsTerminal: () => Deno.stdin.isTerminal(),
    print: (text) => console.log(text),
    aside: (text) => console.error(text),
    log: openLog(level, logFile),
    terminal: openTerminal,
    fetch: (input, init) => fetch(input, init),
    now: () => now ?? BigInt(Date.now()) * 1000n,
    random: (size) => crypto.getRandomValues(new Uint8Array(size)),
  };
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > DOCUMENT_MAX) throw new ToolError(EXIT.failed, `standard input is larger than ${DOCUMENT_MAX} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

/** Messages go to standard error as those of all commands, or to a file in the form of the reference (cli.md 4). */
function openLog(wanted: LogLevel, logFile: string | undefined): Log {
  const wants = (level: LogLevel) => LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(wanted);
  if (logFile === undefined) {
    return (level, message) => {
      if (wants(level)) console.error(`taler-auditor: ${level.toLowerCase()}: ${message}`);
    };
  }
  const write = (text: string) => Deno.writeTextFileSync(logFile, text, { append: true, create: true });
  try {
    write("");
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ToolError(EXIT.failed, `log file ${logFile} cannot be written: ${fileFault(error, "written")}`);
  }
  return (level, message) => {
    if (!wants(level)) return;
    const time = formatTime(BigInt(Date.now()) * 1000n);
    write(`${time} taler-auditor-offline-${Deno.pid} ${level} ${message.replaceAll("\n", " ")}\n`);
  };
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Calls `taler-auditor offline` inside the test's process, with everything around it made up. */

import { join } from "node:path";
import { readCall, runOffline } from "../../cmd/offline.ts";
import type { OfflineIo } from "../../cmd/offline-io.ts";
import type { Terminal } from "../../cmd/offline-terminal.ts";
import { ToolError } from "../../cmd/schema-tool.ts";
import { ConfigurationError } from "../../core/config/problem.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { AUDITOR_URL, MASTER_PUB, NOW } from "./offline-keys.ts";

/** What a call left behind. */
export interface CallResult {
  code: number;
  stdout: string;
  /** Everything else that was said, with the level of the log in front of messages. */
  stderr: string;
  /** Questions asked at the terminal. */
  questions: string[];
}

/** What is around a call. */
export interface CallWorld {
  stdin?: string | Uint8Array;
  /** Answers typed at the terminal, one per question; undefined: there is no terminal. */
  typed?: string[];
  now?: bigint;
  random?: (size: number) => Uint8Array;
  fetch?: typeof fetch;
}

/** Runs a call; what would be thrown at runTool becomes the code and a message. */
export async function callOffline(args: string[], world: CallWorld = {}): Promise<CallResult> {
  const result: CallResult = { code: -1, stdout: "", stderr: "", questions: [] };
  try {
    const call = readCall(args);
    if (typeof call === "string") return { ...result, code: 0, stdout: call };
    const cheap = { logN: 10, r: 1, p: 1 };
    result.code = await runOffline({ ...call, care: { ...call.care, cost: cheap } }, madeUp(world, call.now, result));
  } catch (error) {
    if (error instanceof ConfigurationError) result.code = 6;
    else if (error instanceof ToolError) result.code = error.code;
    else throw error;
    const hint = error instanceof ToolError && error.hint !== undefined ? `\nHINT ${error.hint}` : "";
    result.stderr += `ERROR ${error.message}${hint}\n`;
  }
  return result;
}

function madeUp(world: CallWorld, now: bigint | undefined, result: CallResult): OfflineIo {
  const { stdin, typed } = world;
  const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin ?? new Uint8Array(0);
  return {
    readInput: () => Promise.resolve(bytes),
    inputIsTerminal: () => stdin === undefined,
    print: (text) => void (result.stdout += `${text}\n`),
    aside: (text) => void (result.stderr += `${text}\n`),
    log: (level, message) => void (result.stderr += `${level} ${message}\n`),
    terminal: () => typed === undefined ? undefined : typing(typed, result.questions),
    fetch: world.fetch ?? fetch,
    now: () => now ?? world.now ?? NOW,
    random: world.random ?? ((size) => crypto.getRandomValues(new Uint8Array(size))),
  };
}

function typing(typed: string[], questions: string[]): Terminal {
  const next = (question: string) => {
    questions.push(question);
    return typed.shift();
  };
  return {
    ask: next,
    askSecret: (question) => {
      const answer = next(question);
      return answer === undefined ? undefined : new TextEncoder().encode(answer);
    },
  };
}

/** A folder with a configuration; the folder is removed at the end. */
export async function withConfiguration<T>(
  options: { exchangeUrl?: string; auditorPub?: Uint8Array; auditorUrl?: string | null; extra?: string },
  body: (place: { folder: string; conf: string; keyFile: string }) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "taler-auditor-offline-" });
  const conf = join(folder, "auditor.conf");
  const keyFile = join(folder, "keys", "auditor.priv");
  const { exchangeUrl, auditorPub, auditorUrl = AUDITOR_URL, extra } = options;
  const lines = [
    "[exchange]",
    "CURRENCY = KUDOS",
    `MASTER_PUBLIC_KEY = ${encodeBase32(MASTER_PUB)}`,
    ...(exchangeUrl === undefined ? [] : [`BASE_URL = ${exchangeUrl}`]),
    "[auditor]",
    ...(auditorUrl === null ? [] : [`BASE_URL = ${auditorUrl}`]),
    ...(auditorPub === undefined ? [] : [`PUBLIC_KEY = ${encodeBase32(auditorPub)}`]),
    `AUDITOR_PRIV_FILE = ${keyFile}`,
    extra ?? "",
  ];
  try {
    await Deno.writeTextFile(conf, lines.join("\n"));
    return await body({ folder, conf, keyFile });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Puts a private key where the configuration says. */
export async function placeKey(keyFile: string, seed: Uint8Array): Promise<void> {
  await Deno.mkdir(join(keyFile, ".."), { recursive: true });
  await Deno.writeFile(keyFile, seed, { mode: 0o400 });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Calls of `taler-auditor terms`, and the tools that look at what it made. */
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const MAIN = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** What a call left. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Surroundings of a call. */
export interface Surroundings {
  readonly cwd: string;
  readonly env?: Record<string, string>;
  /** Permissions of the runtime; all without this. */
  readonly rights?: readonly string[];
}

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Runs the program as a process of its own, with no configuration but what the test names. */
export async function callTerms(
  args: readonly string[],
  { cwd, env = {}, rights = ["-A"] }: Surroundings,
): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...rights, MAIN, "terms", ...args],
    cwd,
    clearEnv: true,
    env: { HOME: cwd, NO_COLOR: "1", PATH: Deno.env.get("PATH") ?? "", DENO_DIR: denoDir(), ...env },
    stdin: "null",
  }).output();
  return { code, out: decode(stdout), err: decode(stderr) };
}

/** The runtime's cache, which is not to move with HOME. */
export function denoDir(): string {
  const home = Deno.env.get("HOME") ?? "";
  return Deno.env.get("DENO_DIR") ?? join(Deno.env.get("XDG_CACHE_HOME") ?? join(home, ".cache"), "deno");
}

/** A temporary folder for one test. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "taler-auditor-terms-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs another program; undefined if it is not there. */
export async function runTool(program: string, ...args: string[]): Promise<Outcome | undefined> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
    return { code, out: decode(stdout), err: decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** EPUBCheck as Debian has it; the folder's program is the archive itself, which needs Java. */
const EPUBCHECK = "/usr/share/java/epubcheck.jar";

/** True if EPUBCheck and Java are there. */
export async function hasEpubCheck(): Promise<boolean> {
  try {
    await Deno.stat(EPUBCHECK);
  } catch {
    return false;
  }
  return (await runTool("java", "-version"))?.code === 0;
}

/** What EPUBCheck says about books; its code is 0 if all are valid. */
export async function epubCheck(path: string): Promise<Outcome> {
  return (await runTool("java", "-jar", EPUBCHECK, path))!;
}

/** A short text that can be translated. */
export const SOURCE = `Terms of Service
================

.. |us| replace:: Example Audit

These are the terms of |us|, see https://example.com/.

One
---

You may use it.

Two
---

* First rule
* Second rule

Three
-----

The end.
`;

/** A folder with tos-v0.rst, and a call whose options name folders in it. */
export async function withSource(
  body: (folder: string, call: (...args: string[]) => ReturnType<typeof callTerms>) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "tos-v0.rst"), SOURCE);
    const places = ["-o", join(folder, "terms"), "-L", join(folder, "terms/locale")];
    await body(folder, (...args) => callTerms([...places, ...args], { cwd: folder }));
  });
}

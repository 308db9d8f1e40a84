// SPDX-License-Identifier: AGPL-3.0-or-later
/** The part of `taler-auditor config` that changes files. */

import type { Configuration } from "../core/config/configuration.ts";
import type { Project } from "../core/config/defaults.ts";
import { planChange, stricterFiles, wholeText, type Wish } from "../core/config/change.ts";
import { formatValue, isOptionName, isSectionName } from "../core/config/edit.ts";
import { processEnvironment } from "../core/config/environment.ts";
import { type LoadOptions, userFile } from "../core/config/load.ts";
import { maskValue } from "../core/config/mask.ts";
import { replaceFile } from "../core/config/write.ts";
import { EXIT, fileFault, plainFault, printWarning, ToolError } from "./schema-tool.ts";

/** A configuration and how it was loaded, so that it can be loaded again. */
export interface Session {
  readonly config: Configuration;
  readonly load: LoadOptions & { readonly project: Project };
}

/** How to write a file anew: only what differs from the defaults, or everything. */
export type Rewrite = "short" | "full";

/**
 * Sets an option in the operator's file. Returns the exit code.
 *
 * @throws ToolError
 */
export function setInFile(
  session: Session,
  wish: Wish,
  { rewrite, say }: { rewrite: Rewrite | undefined; say: (text: string) => void },
): number {
  requireWritable(wish);
  if (rewrite !== undefined) return rewriteFile(session, rewrite, wish);
  const file = fileToWrite(session);
  const before = readText(file);
  const planned = planChange(file, before?.text ?? "", wish, session.load);
  if ("error" in planned) throw new ToolError(EXIT.failed, `${file} is not changed: ${planned.error}`);
  const place = `${file}:${planned.line}: [${wish.section}] ${wish.option}`;
  if (planned.text === before?.text) {
    say(`${place} was set so already`);
  } else {
    write(file, before?.bytes, planned.text);
    say(`${place} is set${before === undefined ? " in a new file" : ""}`);
  }
  for (const warning of planned.warnings) printWarning(warning);
  warnOfSecret(file, wish);
  return EXIT.done;
}

/**
 * Writes the operator's file anew, as the reference's tool does: included values are in it, comments and directives
 * are lost (cli.md 13). Returns the exit code.
 *
 * @throws ToolError
 */
export function rewriteFile(session: Session, rewrite: Rewrite, wish?: Wish): number {
  const file = fileToWrite(session);
  const before = readText(file);
  const [stricter] = stricterFiles(session.config);
  if (stricter !== undefined) {
    throw new ToolError(
      EXIT.failed,
      `${file} is not changed: values of ${stricter} would be in it, which fewer users may read`,
      "config set changes one option and copies nothing",
    );
  }
  const whole = wholeText(session.config, rewrite === "full", wish);
  if ("error" in whole) throw new ToolError(EXIT.failed, `${file} is not changed: ${whole.error}`);
  write(file, before?.bytes, whole.text);
  return EXIT.done;
}

/** What the language cannot hold is the fault of the call. */
function requireWritable({ section, option, value }: Wish): void {
  const fault = !isSectionName(section)
    ? `${JSON.stringify(section)} cannot be the name of a section`
    : !isOptionName(option)
    ? `${JSON.stringify(option)} cannot be the name of an option`
    : formatValue(value) === undefined
    ? "a value cannot hold line breaks and tabs"
    : undefined;
  if (fault !== undefined) throw new ToolError(EXIT.usage, fault);
}

/** The file that was read, so that nothing of it is shadowed; the user's own if there was none. */
function fileToWrite({ config, load }: Session): string {
  const file = config.mainFile ?? userFile(load.project, processEnvironment());
  if (file !== undefined) return file;
  throw new ToolError(EXIT.failed, "there is no configuration file, and HOME is not set", "name one with -c FILE");
}

/** Undefined: the file is not there yet. */
function readText(file: string): { bytes: Uint8Array; text: string } | undefined {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(file);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (!(error instanceof Error)) throw error;
    throw new ToolError(EXIT.failed, `${file} cannot be read: ${fileFault(error, "read")}`);
  }
  try {
    return { bytes, text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ToolError(EXIT.failed, `${file} is not UTF-8 and would not stay as it is`, "change it with an editor");
  }
}

function write(file: string, before: Uint8Array | undefined, text: string): void {
  const written = replaceFile(file, before, new TextEncoder().encode(text));
  if ("error" in written) throw new ToolError(EXIT.failed, plainFault(written.error));
}

const OTHERS_READ = 0o004;

function warnOfSecret(file: string, { option, value }: Wish): void {
  if (maskValue(option, value) === value) return;
  if (((Deno.statSync(file).mode ?? 0) & OTHERS_READ) === 0) return;
  printWarning(`${file} may be read by every user: keep secrets in a file for @inline-secret@`);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Files of `terms`: what is read, and how it is written so that nothing is ever half done. */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { EXIT, fileFault, printWarning, ToolError } from "./schema-tool.ts";

/** A file with the time of its last change. */
export interface ReadFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly changed: Date;
}

/** Reads a file; undefined if it does not exist. */
export function readIfThere(path: string): ReadFile | undefined {
  try {
    const bytes = Deno.readFileSync(path);
    return { path, bytes, changed: Deno.statSync(path).mtime ?? new Date(0) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw failure(`${path} cannot be read`, error, "read");
  }
}

/** Turns what the system says into an error for the operator. Anything else is a defect and is thrown as it is. */
function failure(what: string, error: unknown, doing: "read" | "written"): unknown {
  if (error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied) {
    return new ToolError(EXIT.permission, `${what}: ${fileFault(error, doing)}`);
  }
  const known = error instanceof Error && ("code" in error || error.constructor.name in Deno.errors);
  return known ? new ToolError(EXIT.failed, `${what}: ${fileFault(error as Error, doing)}`) : error;
}

/** Two letters, as the service and the manual want languages (cli.md 14). */
export const LANGUAGE = /^[a-z]{2}$/;

/** Path of a catalogue: `locale/LANG/LC_MESSAGES/ETAG.po` (configuration.md 12). */
export function cataloguePath(locale: string, language: string, etag: string): string {
  return join(locale, language, "LC_MESSAGES", `${etag}.po`);
}

/** The languages for which the folder has a catalogue of this text, in alphabetical order. */
export function cataloguesIn(locale: string, etag: string): { language: string; file: ReadFile }[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(locale)].filter(({ isFile }) => !isFile).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw failure(`${locale} cannot be read`, error, "read");
  }
  return names.flatMap((language) => {
    const file = readIfThere(cataloguePath(locale, language, etag));
    if (file === undefined) return [];
    if (LANGUAGE.test(language) && language !== "en") return [{ language, file }];
    printWarning(`${file.path} is not used: ${language === "en" ? "the source is English" : "no two-letter language"}`);
    return [];
  });
}

/** A file to write. */
export interface NewFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Writes all files or, if one cannot be written, none; each appears at once. Folders are made where they are missing.
 * Everybody may read them: they are made to be published.
 */
export function writeFiles(files: readonly NewFile[]): void {
  const temporary: { from: string; to: string }[] = [];
  try {
    for (const { path, bytes } of files) {
      makeFolder(dirname(path));
      const from = join(dirname(path), `.${Deno.pid}-${temporary.length}.tmp`);
      temporary.push({ from, to: path });
      // the runtime sets the mode whatever the umask is: the service runs as another user
      Deno.writeFileSync(from, bytes, { mode: 0o644 });
    }
    for (const { from, to } of temporary) Deno.renameSync(from, to);
  } catch (error) {
    for (const { from } of temporary) removeIfThere(from);
    throw failure(`${temporary.at(-1)?.to ?? "the files"} cannot be written`, error, "written");
  }
}

/** Makes a folder and those above it that are missing, readable for everybody whatever the umask is. */
function makeFolder(path: string): void {
  if (isFolder(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  Deno.mkdirSync(path, { recursive: true, mode: 0o755 });
  if (Deno.build.os !== "windows") Deno.chmodSync(path, 0o755);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    // what may not be looked at is there: a role sees its own folders only
    return !(error instanceof Deno.errors.NotFound);
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // it was not made, or is in place already; the error that led here is the one to tell
  }
}

/** A hash over everything that the documents are made from. */
export function stampOf(inputs: unknown, files: readonly Uint8Array[]): string {
  const hash = createHash("sha256").update(JSON.stringify(inputs));
  for (const bytes of files) hash.update(`\0${bytes.length}\0`).update(bytes);
  return `${hash.digest("hex")}\n`;
}

/** True if the stamp is the one of the last run and everything that it made is still there. */
export function isUpToDate(stampPath: string, stamp: string, made: readonly string[]): boolean {
  const last = readIfThere(stampPath);
  if (last === undefined || new TextDecoder().decode(last.bytes) !== stamp) return false;
  return made.every((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Files that hold secrets: the private key and its backups. None is ever overwritten. */

import { basename, dirname, join } from "node:path";
import { EXIT, fileFault, ToolError } from "./schema-tool.ts";

const SEED_SIZE = 32;
/** Readable by the owner, writable by nobody (crypto.md 8.1). */
const KEY_MODE = 0o400;
const DIRECTORY_MODE = 0o700;
const OTHERS = 0o077;

/** Name of the key that a change of key is about to introduce. */
export function nextKeyFile(path: string): string {
  return `${path}.next`;
}

/**
 * Reads a private key; the caller erases it.
 *
 * @param warn is told if others may read the file
 * @returns undefined if there is no such file
 * @throws ToolError if it cannot be read or does not hold exactly 32 bytes
 */
export function readKeyFile(path: string, warn: (message: string) => void): Uint8Array | undefined {
  let seed: Uint8Array;
  try {
    const { mode, isFile, size } = Deno.statSync(path);
    if (!isFile || size !== SEED_SIZE) {
      throw new ToolError(EXIT.failed, `${path} is no private key: it does not hold ${SEED_SIZE} bytes`);
    }
    if (mode !== null && (mode & OTHERS) !== 0) {
      warn(`${path} may be read by others than its owner; say: chmod 400 ${path}`);
    }
    seed = Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw asToolError(error, `the private key ${path} cannot be read`, "read");
  }
  // Between the two calls the file may have become another one.
  if (seed.length === SEED_SIZE) return seed;
  seed.fill(0);
  throw new ToolError(EXIT.failed, `${path} is no private key: it does not hold ${SEED_SIZE} bytes`);
}

/**
 * Creates a file that only its owner can read, with its directories: complete under its name, or not at all.
 *
 * @returns false, and changes nothing, if a file of that name exists
 * @throws ToolError if it cannot be written
 */
export function createSecretFile(path: string, content: Uint8Array): boolean {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${crypto.randomUUID()}`);
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    try {
      writeAndSync(temporary, content);
      // Unlike a rename, a link never replaces what is there.
      Deno.linkSync(temporary, path);
    } finally {
      removeIfThere(temporary);
    }
    syncDirectory(directory);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw asToolError(error, `${path} cannot be created`, "written");
  }
}

function writeAndSync(path: string, content: Uint8Array): void {
  const file = Deno.openSync(path, { write: true, createNew: true, mode: KEY_MODE });
  try {
    for (let written = 0; written < content.length;) written += file.writeSync(content.subarray(written));
    file.syncSync();
  } finally {
    file.close();
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Makes a new name survive a loss of power. */
function syncDirectory(path: string): void {
  const directory = Deno.openSync(path);
  try {
    directory.syncSync();
  } finally {
    directory.close();
  }
}

/**
 * Makes the next key the current one and keeps the current one under another name. A loss of power leaves either the
 * old state, or the new one, with the old key safe in both.
 *
 * @returns where the old key is kept
 * @throws ToolError if the files cannot be renamed, or a retired key of that name exists
 */
export function replaceKeyFile(path: string, suffix: string): string {
  const retired = `${path}.retired-${suffix}`;
  try {
    Deno.linkSync(path, retired);
    syncDirectory(dirname(path));
    Deno.renameSync(nextKeyFile(path), path);
    syncDirectory(dirname(path));
  } catch (error) {
    throw asToolError(error, `the key file ${path} cannot be replaced`, "written");
  }
  return retired;
}

function asToolError(error: unknown, what: string, doing: "read" | "written"): unknown {
  if (error instanceof ToolError || !(error instanceof Error) || error instanceof Deno.errors.NotCapable) return error;
  return new ToolError(EXIT.failed, `${what}: ${fileFault(error, doing)}`);
}

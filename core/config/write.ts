// SPDX-License-Identifier: AGPL-3.0-or-later
/** Replaces a configuration file as a whole, so that it is there in full at every moment (cli.md 13). */

import { basename, dirname, join, resolve } from "node:path";

/** What is new or replaced, with symbolic links resolved; or why nothing was changed. */
export type WriteResult = { readonly path: string } | { readonly error: string };

/** Writes all bytes into a new file that only its owner can read, down to the disk. */
export type WriteNew = (path: string, content: Uint8Array) => void;

/** A file that did not exist may hold passwords one day. */
const NEW_FILE_MODE = 0o600;
const NEW_DIRECTORY_MODE = 0o700;
const PERMISSIONS = 0o7777;

/**
 * Replaces a file, or creates it with its directories. The new content is written beside it and takes its name when it
 * is complete: a full disk or a loss of power leaves the old file. A symbolic link stays one, owner, group and mode
 * stay; access control lists and further hard links do not.
 *
 * @param before what the file held when it was read, undefined if it did not exist; another content is not replaced
 * @param write takes the place of the file system in tests
 */
export function replaceFile(
  path: string,
  before: Uint8Array | undefined,
  after: Uint8Array,
  write: WriteNew = writeAndSync,
): WriteResult {
  let temporary: string | undefined;
  try {
    const target = targetOf(path);
    const old = before === undefined ? undefined : Deno.statSync(target);
    if (old?.isFile === false) return { error: `${path} is no regular file` };
    if (old === undefined) Deno.mkdirSync(dirname(target), { recursive: true, mode: NEW_DIRECTORY_MODE });
    temporary = join(dirname(target), `.${basename(target)}.${crypto.randomUUID()}`);
    write(temporary, after);
    if (old !== undefined) {
      const fault = takeOver(temporary, old);
      if (fault !== undefined) return { error: `${path} cannot be replaced: ${fault}` };
    }
    // As late as possible; there is no way to make both steps one.
    if (!holds(target, before)) return { error: `${path} was changed by somebody else meanwhile` };
    if (old === undefined) Deno.linkSync(temporary, target);
    else Deno.renameSync(temporary, target);
    syncDirectory(dirname(target));
    return { path: target };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { error: `${path} cannot be written: ${error.message}` };
  } finally {
    if (temporary !== undefined) removeIfThere(temporary);
  }
}

/** The file that a name leads to, also if it is not there yet. */
function targetOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  try {
    return targetOf(resolve(dirname(path), Deno.readLinkSync(path)));
  } catch {
    return path;
  }
}

function writeAndSync(path: string, content: Uint8Array): void {
  const file = Deno.openSync(path, { write: true, createNew: true, mode: NEW_FILE_MODE });
  try {
    for (let written = 0; written < content.length;) written += file.writeSync(content.subarray(written));
    file.syncSync();
  } finally {
    file.close();
  }
}

/**
 * Gives a new file the owner, group and mode of the old one. With another owner the services that read the file could
 * be locked out, so that it is not replaced then.
 *
 * @returns why that is not possible, or undefined
 */
function takeOver(path: string, old: Deno.FileInfo): string | undefined {
  const { uid, gid } = Deno.statSync(path);
  if (old.uid !== null && old.gid !== null && (uid !== old.uid || gid !== old.gid)) {
    try {
      Deno.chownSync(path, old.uid, old.gid);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return `it belongs to user ${old.uid} and group ${old.gid}, which this user cannot give to a file`;
    }
  }
  if (old.mode !== null) Deno.chmodSync(path, old.mode & PERMISSIONS);
  return undefined;
}

function holds(path: string, expected: Uint8Array | undefined): boolean {
  let found: Uint8Array;
  try {
    found = Deno.readFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return expected === undefined;
  }
  return expected !== undefined && found.length === expected.length && found.every((byte, i) => byte === expected[i]);
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    // After a rename there is nothing left; whatever else keeps it there is no reason to hide the result.
    if (!(error instanceof Error)) throw error;
  }
}

/** Makes a new name survive a loss of power. Some file systems cannot; the file is in its place all the same. */
function syncDirectory(path: string): void {
  try {
    const directory = Deno.openSync(path);
    try {
      directory.syncSync();
    } finally {
      directory.close();
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

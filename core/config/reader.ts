// SPDX-License-Identifier: AGPL-3.0-or-later
/** Collects sections and options from files and follows directives (configuration.md 2 and 3). */

import type { Entry, Inaccessible, LoadedFile, SectionData } from "./configuration.ts";
import { type Directive, foldName, parseText } from "./parse.ts";
import type { Layer, Notice, Origin, Problem } from "./problem.ts";

/** An entry of a directory, as Deno.readDirSync gives it. */
export interface DirectoryEntry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
}

/** The file system as the loader needs it. The functions throw the errors of Deno.errors. */
export interface Files {
  readonly readFile: (path: string) => Uint8Array;
  readonly readDir: (path: string) => Iterable<DirectoryEntry>;
  readonly realPath: (path: string) => string;
}

/** Completes a file system with the functions of the runtime. */
export function systemFiles(files: Partial<Files>): Files {
  const readDir = files.readDir ?? Deno.readDirSync;
  return {
    readFile: files.readFile ?? Deno.readFileSync,
    // At once: a generator would only fail when somebody looks into it.
    readDir: (path) => [...readDir(path)],
    realPath: files.realPath ?? Deno.realPathSync,
  };
}

/** True for the error of a file that does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
}

/** True if the path can be listed as a directory. */
export function isDirectory(files: Files, path: string): boolean {
  try {
    files.readDir(path);
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return false;
  }
}

/** Deepest nesting of files (configuration.md 3). */
const NESTING_MAX = 128;

/** A file being read: the name for messages, the real path for cycles and relative names. */
interface OpenFile {
  readonly path: string;
  readonly real: string;
}

/** Where a directive stands. */
interface Place {
  readonly file: string;
  readonly line: number;
  readonly layer: Layer;
}

/** Reads files into one set of sections. Problems are collected, so that one run shows the operator all of them. */
export class Reader {
  readonly sections: Map<string, SectionData> = new Map();
  readonly inaccessible: Map<string, Inaccessible> = new Map();
  readonly loaded: LoadedFile[] = [];
  readonly problems: Problem[] = [];
  readonly notices: Notice[];
  readonly #files: Files;
  readonly #open: OpenFile[] = [];

  constructor(files: Files, notices: Notice[]) {
    this.#files = files;
    this.notices = notices;
  }

  /** Sets an option: the last value wins, the first spelling stays (configuration.md 2). */
  set(section: string, option: string, value: string, origin: Origin): void {
    const data = this.#section(section);
    const key = foldName(option);
    const known = data.options.get(key);
    const shipped = origin.layer === "main" ? known?.shipped : { value, origin };
    data.options.set(
      key,
      { section: data.name, option: known?.option ?? option, value, origin, shipped } satisfies Entry,
    );
  }

  #section(name: string): SectionData {
    const key = foldName(name);
    const known = this.sections.get(key);
    if (known !== undefined) return known;
    const data: SectionData = { name, options: new Map() };
    this.sections.set(key, data);
    return data;
  }

  /** Reads a text that is no file: its directives are errors (configuration.md 3). */
  readText(text: string, name: string, layer: Layer): void {
    this.#apply(text, name, layer, (_directive, place) => {
      this.#fail(place, "a directive is only allowed in a file");
    });
  }

  /** Reads the operator's file. */
  readMain(path: string): void {
    this.#readFile(path, { layer: "main" });
  }

  /**
   * Reads all files of a directory that match the pattern, sorted bytewise. The directory must exist.
   *
   * @param directory with a slash at its end, or empty for the root of a relative name
   */
  readMatching(directory: string, pattern: string, layer: Layer, place?: Place): void {
    const names = this.#list(directory, pattern, place);
    if (names === undefined) return;
    for (const name of names) this.#readFile(`${directory}${name}`, { layer }, place);
  }

  #list(directory: string, pattern: string, place: Place | undefined): string[] | undefined {
    const matches = globMatcher(pattern);
    const names: string[] = [];
    try {
      for (const entry of this.#files.readDir(directory)) {
        if (!matches(entry.name) || !(entry.isFile || entry.isSymlink)) continue;
        // A link to a file counts as the file; a dangling one is left in, so that reading it gives an error.
        if (entry.isSymlink && isDirectory(this.#files, `${directory}${entry.name}`)) continue;
        names.push(entry.name);
      }
    } catch (error) {
      this.#failFile(place, directory, whyUnreadable(error));
      return undefined;
    }
    return sortBytewise(names);
  }

  /** Parses a text, takes its options and hands its directives on. */
  #apply(text: string, file: string, layer: Layer, follow: (directive: Directive, place: Place) => void): void {
    const parsed = parseText(text, file);
    this.problems.push(...parsed.problems);
    for (const { number, statement } of parsed.lines) {
      const origin: Origin = { file, line: number, layer };
      if (statement.kind === "section") this.#section(statement.section);
      if (statement.kind === "option") this.set(statement.section, statement.option, statement.value, origin);
      if (statement.kind === "directive") follow(statement.directive, origin);
    }
  }

  #readFile(path: string, { layer }: { layer: Layer }, place?: Place): void {
    let file: OpenFile;
    let text: string;
    try {
      file = { path, real: this.#files.realPath(path) };
      if (!this.#mayOpen(file, place)) return;
      text = this.#decode(this.#files.readFile(path), path);
    } catch (error) {
      this.#failFile(place, path, whyUnreadable(error));
      return;
    }
    this.loaded.push({ path, level: this.#open.length, layer });
    this.#open.push(file);
    this.#apply(text, path, layer, (directive, at) => this.#follow(directive, file, at));
    this.#open.pop();
  }

  /** Refuses a file that includes itself and a nesting without end (configuration.md 3). */
  #mayOpen(file: OpenFile, place: Place | undefined): boolean {
    if (this.#open.some((open) => open.real === file.real)) {
      this.#failFile(place, file.path, "includes itself");
      return false;
    }
    if (this.#open.length >= NESTING_MAX) {
      this.#failFile(place, file.path, `is included more than ${NESTING_MAX} levels deep`);
      return false;
    }
    return true;
  }

  #follow(directive: Directive, file: OpenFile, place: Place): void {
    const folder = file.real.slice(0, file.real.lastIndexOf("/") + 1);
    const absolute = (path: string) => path.startsWith("/") ? path : `${folder}${path}`;
    switch (directive.name) {
      case "inline":
        return this.#readFile(absolute(directive.path), place, place);
      case "inline-matching": {
        const pattern = absolute(directive.pattern);
        const end = pattern.lastIndexOf("/") + 1;
        const fault = globFault(directive.pattern);
        if (fault !== undefined) return this.#fail(place, `@inline-matching@: ${fault}`);
        return this.readMatching(pattern.slice(0, end), pattern.slice(end), place.layer, place);
      }
      case "inline-secret":
        return this.#readSecret(directive.section, absolute(directive.path), place);
    }
  }

  /** Takes one section from a file that only some users can read (configuration.md 3, INLINE-SECRET). */
  #readSecret(section: string, path: string, place: Place): void {
    let text: string;
    try {
      text = this.#decode(this.#files.readFile(path), path);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const reason = isMissing(error) ? "missing" : "not readable";
      const { file, line, layer } = place;
      const data = this.#section(section);
      const origin: Origin = { file, line, layer };
      this.inaccessible.set(foldName(section), { section: data.name, file: path, origin, reason });
      this.notices.push({ level: "info", message: `section [${data.name}]: secret file ${path} is ${reason}` });
      return;
    }
    this.loaded.push({ path, level: this.#open.length, layer: place.layer });
    const wanted = foldName(section);
    const ignored = new Set<string>();
    const parsed = parseText(text, path);
    this.problems.push(...parsed.problems);
    for (const { number, statement } of parsed.lines) {
      const origin: Origin = { file: path, line: number, layer: place.layer };
      if (statement.kind === "directive") this.#fail(origin, "a directive is not allowed in a secret file");
      if (statement.kind === "section" && foldName(statement.section) !== wanted) ignored.add(statement.section);
      if (statement.kind === "section" && foldName(statement.section) === wanted) this.#section(statement.section);
      if (statement.kind !== "option" || foldName(statement.section) !== wanted) continue;
      this.set(statement.section, statement.option, statement.value, origin);
    }
    for (const name of ignored) {
      const message = `section [${name}] in secret file ${path} is ignored, only [${section}] is taken`;
      this.notices.push({ level: "info", message });
    }
  }

  #decode(bytes: Uint8Array, path: string): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      this.notices.push({ level: "warning", message: `${path} is not UTF-8; the bytes concerned are replaced` });
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    }
  }

  #fail(place: Place, message: string): void {
    this.problems.push({ file: place.file, line: place.line, message });
  }

  /** A file or directory cannot be used; the place is that of the directive that names it, if there is one. */
  #failFile(place: Place | undefined, path: string, why: string): void {
    if (place === undefined) this.problems.push({ file: path, message: why });
    else this.#fail(place, `${path} ${why}`);
  }
}

function whyUnreadable(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  if (isMissing(error)) return "does not exist";
  if (error instanceof Deno.errors.IsADirectory) return "is a directory";
  const permission = error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
  return permission ? "may not be read by this user" : `cannot be read: ${error.message}`;
}

/** Sorts by the bytes of the UTF-8 form; JavaScript's own order differs above U+FFFF. */
function sortBytewise(names: readonly string[]): string[] {
  const encoder = new TextEncoder();
  const keyed = names.map((name) => ({ name, bytes: encoder.encode(name) }));
  keyed.sort((a, b) => {
    const length = Math.min(a.bytes.length, b.bytes.length);
    for (let index = 0; index < length; index++) {
      const difference = (a.bytes[index] ?? 0) - (b.bytes[index] ?? 0);
      if (difference !== 0) return difference;
    }
    return a.bytes.length - b.bytes.length;
  });
  return keyed.map((entry) => entry.name);
}

/** Why a pattern cannot be used, or undefined (configuration.md 3, "Glob"). */
function globFault(pattern: string): string | undefined {
  if (/[+[~]/.test(pattern)) return "the characters + [ ~ are not supported in a pattern";
  if (pattern.slice(0, pattern.lastIndexOf("/") + 1).includes("*")) return "* is only allowed after the last /";
  return undefined;
}

/**
 * Tells if a name matches the last component of a pattern: `*` stands for any run of characters, all else for itself.
 * Hidden names only match a pattern that begins with a dot.
 */
function globMatcher(pattern: string): (name: string) => boolean {
  const pieces = pattern.split("*");
  const [first = "", last = ""] = [pieces[0], pieces[pieces.length - 1]];
  return (name) => {
    if (name.startsWith(".") && !pattern.startsWith(".")) return false;
    if (pieces.length === 1) return name === pattern;
    if (!name.startsWith(first)) return false;
    let position = first.length;
    for (const piece of pieces.slice(1, -1)) {
      const found = name.indexOf(piece, position);
      if (found < 0) return false;
      position = found + piece.length;
    }
    return name.length - last.length >= position && name.endsWith(last);
  };
}

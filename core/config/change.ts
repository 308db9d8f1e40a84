// SPDX-License-Identifier: AGPL-3.0-or-later
/** Changes of the operator's file, planned before anything is written (cli.md 13). */

import { type Configuration, type Entry, newSection } from "./configuration.ts";
import { overridingVariable } from "./database.ts";
import { type EditResult, formatSections, setOption } from "./edit.ts";
import { loadConfiguration, type LoadOptions } from "./load.ts";
import { knownOptions, syntaxProblems } from "./options.ts";
import { foldName, parseText } from "./parse.ts";
import { describeProblem } from "./problem.ts";
import { systemFiles } from "./reader.ts";

/** An option and the value that it is to have. */
export interface Wish {
  readonly section: string;
  readonly option: string;
  readonly value: string;
}

/** The new text of a file, and what the one who changes it should know before relying on it. */
export interface PlannedChange {
  readonly text: string;
  /** Line on which the value stands, from 1. */
  readonly line: number;
  readonly warnings: readonly string[];
}

/**
 * Plans to set one option in the operator's file and leaves every other line as it is. The result is loaded with all
 * that it includes, to see whether the value takes effect.
 *
 * @param file absolute path; need not exist
 * @param text what the file holds now
 * @param options as the configuration was loaded, `file` apart
 */
export function planChange(
  file: string,
  text: string,
  wish: Wish,
  options: LoadOptions,
): PlannedChange | { readonly error: string } {
  const edited = setOption(text, wish.section, wish.option, wish.value);
  if ("error" in edited) return edited;
  const loaded = loadWith(file, edited.text, options);
  if ("error" in loaded) return loaded;
  const { configuration } = loaded;
  const line = lineOf(edited.text, wish);
  const reason = whyNoEffect(configuration, wish);
  const unknown = (options.project ?? "auditor") === "auditor" ? whyUnknown(wish) : undefined;
  const warnings = [
    ...(reason === undefined ? [] : [`[${wish.section}] ${wish.option} does not take effect: ${reason}`]),
    ...(unknown === undefined ? [] : [unknown]),
    ...syntaxProblems(configuration).filter((problem) => isAbout(wish, problem)).map(describeProblem),
  ];
  return { text: edited.text, line, warnings };
}

/** Loads a configuration as if the file held this text. */
function loadWith(
  file: string,
  text: string,
  options: LoadOptions,
): { readonly configuration: Configuration } | { readonly error: string } {
  const files = systemFiles(options);
  const loaded = loadConfiguration({
    ...options,
    file,
    readFile: (path) => path === file ? new TextEncoder().encode(text) : files.readFile(path),
    realPath: (path) => {
      try {
        return files.realPath(path);
      } catch (error) {
        // A file that is about to be created has its own name.
        if (path === file && error instanceof Deno.errors.NotFound) return path;
        throw error;
      }
    },
  });
  return "configuration" in loaded ? loaded : { error: loaded.problems.map(describeProblem).join("\n") };
}

function isAbout(wish: Wish, entry: { readonly section?: string | undefined; readonly option?: string | undefined }) {
  return foldName(entry.section ?? "") === foldName(wish.section) &&
    foldName(entry.option ?? "") === foldName(wish.option);
}

/** Line of the last one that sets the option, which setOption has written. */
function lineOf(text: string, wish: Wish): number {
  const found = parseText(text, "").lines.findLast(({ statement }) => {
    return statement.kind === "option" && isAbout(wish, statement);
  });
  return found?.number ?? 0;
}

function whyNoEffect(config: Configuration, { section, option, value }: Wish): string | undefined {
  const secret = config.inaccessible(section);
  if (secret !== undefined) {
    const { file, line } = secret.origin;
    return `the section is closed, because its file ${secret.file} is ${secret.reason} (${file}:${line})`;
  }
  const entry = config.entry(section, option);
  if (entry === undefined || entry.value !== value) {
    return entry === undefined ? "nothing is read from there" : `${placeOf(entry)} sets it later`;
  }
  const variable = overridingVariable(config, section, option);
  if (variable !== undefined) return `environment variable ${variable} is set here and decides`;
  const moved = newSection(section, option);
  const decides = moved === undefined ? undefined : config.entry(moved, option);
  return decides !== undefined && decides.value !== value
    ? `[${decides.section}] ${decides.option} decides (${placeOf(decides)})`
    : undefined;
}

function placeOf({ origin }: Entry): string {
  return `${origin.file}:${origin.line}`;
}

/** Says that nobody reads the option, which then is a slip of the pen; PATHS may hold any name. */
function whyUnknown({ section, option }: Wish): string | undefined {
  if (foldName(section) === "paths") return undefined;
  const known = knownOptions(section).map((entry) => entry.option);
  if (known.some((name) => foldName(name) === foldName(option))) return undefined;
  return known.length === 0
    ? `taler-auditor does not know section [${section}]`
    : `taler-auditor does not know [${section}] ${option}; in this section it knows ${known.join(", ")}`;
}

/**
 * The whole configuration as one text: comments and directives are lost, included values are in it (cli.md 13, -r
 * and -F).
 *
 * @param full with the shipped defaults; else only what differs from them
 * @returns an error if a section is closed, whose options would be lost
 */
export function wholeText(config: Configuration, full: boolean, wish?: Wish): EditResult {
  const names = config.sections();
  const closed = names.map((name) => config.inaccessible(name)).find((secret) => secret !== undefined);
  if (closed !== undefined) {
    return { error: `section [${closed.section}] would be lost, its file ${closed.file} is ${closed.reason}` };
  }
  if (wish !== undefined && !names.some((name) => foldName(name) === foldName(wish.section))) names.push(wish.section);
  const sections = names.map((name) => {
    const here = wish !== undefined && foldName(wish.section) === foldName(name) ? wish : undefined;
    const options = config.options(name).filter(({ origin }) => origin.layer !== "generated")
      .map((entry) => here !== undefined && isAbout(here, entry) ? { ...entry, value: here.value } : entry)
      .filter((entry) => full || entry.value !== entry.shipped?.value)
      .map(({ option, value }) => ({ option, value }));
    const added = here !== undefined && !config.options(name).some((entry) => isAbout(here, entry));
    return { name, options: added ? [...options, { option: here.option, value: here.value }] : options };
  });
  return formatSections(sections.filter(({ options }) => options.length > 0));
}

const OTHERS_READ = 0o004;
const GROUP_READ = 0o040;

/**
 * Included files that fewer users may read than the main file. A whole text in the main file would show their values
 * to the others.
 */
export function stricterFiles(config: Configuration): string[] {
  const { mainFile } = config;
  if (mainFile === undefined) return [];
  const main = Deno.statSync(mainFile);
  const included = config.files.filter(({ path, layer }) => layer === "main" && path !== mainFile);
  return [...new Set(included.map(({ path }) => path))].filter((path) => isStricter(Deno.statSync(path), main));
}

function isStricter(file: Deno.FileInfo, main: Deno.FileInfo): boolean {
  const [fileMode, mainMode] = [file.mode ?? 0, main.mode ?? 0];
  if ((fileMode & OTHERS_READ) !== 0) return false;
  if ((mainMode & OTHERS_READ) !== 0) return true;
  const group = (mainMode & GROUP_READ) !== 0 && ((fileMode & GROUP_READ) === 0 || file.gid !== main.gid);
  return group || (main.uid !== 0 && main.uid !== file.uid);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Finding and reading configuration files (configuration.md 1, 3, 6 and 7). */

import { Configuration } from "./configuration.ts";
import { embeddedFiles, generatedPaths, prefixVariables, type Project, projectName } from "./defaults.ts";
import { type Environment, processEnvironment } from "./environment.ts";
import { type Files, isDirectory, isMissing, Reader, systemFiles } from "./reader.ts";
import { ConfigurationError, type Notice, type Problem } from "./problem.ts";

/** What loadConfiguration takes from outside; everything has a default that asks the runtime. */
export interface LoadOptions extends Partial<Files> {
  /** The operator's file (`-c`); without it the search path is tried (configuration.md 1.2). */
  readonly file?: string | undefined;
  /** Whose files to search; `auditor` also looks for those of the family `taler` (configuration.md 1.3). */
  readonly project?: Project;
  /** Environment variables; the default is that of the process. */
  readonly env?: Environment;
  /** Path of the running program, from which the installation prefix is derived (configuration.md 6). */
  readonly executable?: () => string;
  /** Working directory for relative names. */
  readonly cwd?: () => string;
}

/** A configuration, or all that is wrong with its files. A command ends with exit code 6 for the latter (cli.md 3). */
export type LoadResult =
  | { readonly configuration: Configuration }
  | { readonly problems: readonly Problem[]; readonly notices: readonly Notice[] };

/**
 * Loads the embedded defaults, the directory of default files, and the operator's file with all that it includes
 * (configuration.md 1). Files are input from outside: what is wrong with them is returned, not thrown.
 */
export function loadConfiguration(options: LoadOptions = {}): LoadResult {
  const notices: Notice[] = [];
  const env = options.env ?? processEnvironment((name) => {
    notices.push({ level: "debug", message: `environment variable ${name} may not be read and counts as not set` });
  });
  const files = systemFiles(options);
  const cwd = options.cwd ?? Deno.cwd;
  const project = options.project ?? "auditor";
  const prefix = findPrefix(project, env, files, options.executable ?? Deno.execPath);
  const reader = startReader(project, prefix, files, notices);
  readBaseDirectory(reader, files, env("TALER_BASE_CONFIG"), `${prefix}share/${projectName(project)}/config.d/`);
  const mainFile = options.file === undefined
    ? searchMainFile(project, env, files, notices)
    : absolutePath(options.file, env, cwd);
  if (mainFile !== undefined) {
    reader.set("PATHS", "DEFAULTCONFIG", mainFile, { file: "generated paths", line: 0, layer: "generated" });
    reader.readMain(mainFile);
  }
  if (reader.problems.length > 0) return { problems: reader.problems, notices };
  const { loaded, sections, inaccessible } = reader;
  return {
    configuration: new Configuration({
      mainFile,
      files: loaded,
      sections,
      inaccessible,
      notices,
      environment: env,
      cwd,
    }),
  };
}

/** Options of parseConfiguration. */
export interface TextOptions {
  readonly env?: Environment;
  /** Name of the text in messages. */
  readonly name?: string;
  readonly project?: Project;
  readonly prefix?: string;
  readonly cwd?: () => string;
}

/**
 * A configuration from one text over the embedded defaults, without any file; directives are errors then
 * (configuration.md 3). The environment is empty unless one is given.
 *
 * @throws ConfigurationError if the text is malformed
 */
export function parseConfiguration(text: string, options: TextOptions = {}): Configuration {
  const project = options.project ?? "auditor";
  const notices: Notice[] = [];
  const name = options.name ?? "configuration text";
  const reader = startReader(project, options.prefix ?? "/usr/", systemFiles({}), notices);
  reader.readText(text, name, "main");
  if (reader.problems.length > 0) throw new ConfigurationError(reader.problems);
  return new Configuration({
    mainFile: name,
    files: [],
    sections: reader.sections,
    inaccessible: reader.inaccessible,
    notices,
    environment: options.env ?? (() => undefined),
    cwd: options.cwd ?? (() => "/"),
  });
}

function startReader(project: Project, prefix: string, files: Files, notices: Notice[]): Reader {
  const reader = new Reader(files, notices);
  for (const [name, value] of generatedPaths(project, prefix)) {
    reader.set("PATHS", name, value, { file: "generated paths", line: 0, layer: "generated" });
  }
  for (const file of embeddedFiles(project)) reader.readText(file.text, `embedded ${file.name}`, "embedded");
  return reader;
}

/**
 * Installation prefix with a slash at its end: from the environment, else two levels above the program if our shared
 * data lies there, else `/usr/` (configuration.md 6).
 */
function findPrefix(project: Project, env: Environment, files: Files, executable: () => string): string {
  for (const variable of prefixVariables(project)) {
    const value = env(variable);
    if (value !== undefined && value !== "") return `${value.replace(/\/+$/, "")}/`;
  }
  let program: string;
  try {
    program = executable();
  } catch {
    // A role without the permission to know its program runs from an installed tree.
    return "/usr/";
  }
  const prefix = /^(.*\/)[^/]+\/[^/]+$/.exec(program)?.[1];
  return prefix !== undefined && isDirectory(files, `${prefix}share/${projectName(project)}`) ? prefix : "/usr/";
}

/** The directory of default files; it may be missing, its files may not be malformed (configuration.md 1.1). */
function readBaseDirectory(reader: Reader, files: Files, wanted: string | undefined, shipped: string): void {
  const chosen = wanted !== undefined && wanted !== "";
  const directory = chosen ? `${wanted.replace(/\/+$/, "")}/` : shipped;
  try {
    files.readDir(directory);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reason = isMissing(error) ? "does not exist" : "cannot be read";
    const message = `directory of default files ${directory} ${reason}; the embedded defaults are used`;
    reader.notices.push({ level: chosen ? "warning" : "debug", message });
    return;
  }
  reader.readMatching(directory, "*.conf", "base");
}

/** First existing file of the search path, or undefined (configuration.md 1.2 and 1.3). */
function searchMainFile(project: Project, env: Environment, files: Files, notices: Notice[]): string | undefined {
  const families: Project[] = project === "auditor" ? ["auditor", "taler"] : [project];
  for (const candidate of families.flatMap((family) => searchPath(family, env))) {
    try {
      files.realPath(candidate);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const message = `${candidate} is skipped in the search for a configuration: ${error.message}`;
      if (!isMissing(error)) notices.push({ level: "info", message });
      continue;
    }
    notices.push({ level: "info", message: `configuration taken from ${candidate}` });
    return candidate;
  }
  notices.push({ level: "info", message: "no configuration file found, only defaults are in effect" });
  return undefined;
}

/** Where a user's own file would be looked for first, or undefined if nothing names a home (configuration.md 1.2). */
export function userFile(project: Project, env: Environment): string | undefined {
  const home = env("HOME") ?? "";
  const folder = env("XDG_CONFIG_HOME") || (home === "" ? "" : `${home}/.config`);
  return folder === "" ? undefined : `${folder}/${projectName(project)}.conf`;
}

/** Places of the main file of one family, best first (configuration.md 1.2). */
function searchPath(project: Project, env: Environment): string[] {
  const name = projectName(project);
  const own = userFile(project, env);
  return [...(own === undefined ? [] : [own]), `/etc/${name}.conf`, `/etc/${name}/${name}.conf`];
}

function absolutePath(file: string, env: Environment, cwd: () => string): string {
  const home = env("HOME") ?? "";
  if (file.startsWith("~/") && home !== "") return home + file.slice(1);
  return file.startsWith("/") ? file : `${cwd()}/${file}`;
}

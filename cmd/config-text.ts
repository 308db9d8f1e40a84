// SPDX-License-Identifier: AGPL-3.0-or-later
/** The configuration as `taler-auditor config` shows it. */

import type { Configuration, Entry } from "../core/config/configuration.ts";
import { formatValue } from "../core/config/edit.ts";
import { maskValue } from "../core/config/mask.ts";
import type { Origin } from "../core/config/problem.ts";

/** Lines `OPTION = VALUE` of a section. */
export function listText(
  config: Configuration,
  section: string,
  { filename, masked }: { filename: boolean; masked: boolean },
): string[] {
  return config.options(section).map((entry) => {
    const value = filename ? expanded(config, entry) : entry.value;
    return `${entry.option} = ${masked ? maskValue(entry.option, value) : value}`;
  });
}

function expanded(config: Configuration, entry: Entry): string {
  const expansion = config.expandFilename(entry.value);
  const name = `[${entry.section}] ${entry.option}`;
  if ("error" in expansion) {
    config.notice("warning", `${name}: ${expansion.error}`);
    return entry.value;
  }
  for (const warning of expansion.warnings) config.notice("warning", `${name}: ${warning}`);
  return expansion.text;
}

/** Where a value comes from, in a few words. */
export function originText({ file, line, layer }: Origin): string {
  if (layer === "generated") return "built in";
  return layer === "embedded" ? `default, ${file.replace("embedded ", "")}:${line}` : `${file}:${line}`;
}

/** The value of an option for people, without secrets. */
export function shownValue({ option, value }: Entry, masked = true): string {
  const shown = masked ? maskValue(option, value) : value;
  // Only a value that did not come from a file can hold what the language has no form for.
  return formatValue(shown) ?? JSON.stringify(shown);
}

/** Everything, each value below the place it comes from; the text is a configuration itself (cli.md 13, -d). */
export function dumpText(config: Configuration, masked: boolean): string {
  const files = config.files.map(({ path, level }) => `#   ${"  ".repeat(level)}${path}`);
  const built = config.options("PATHS").filter(({ origin }) => origin.layer === "generated");
  const head = [
    `# Configuration file: ${config.mainFile ?? "none was found"}`,
    ...(files.length === 0 ? [] : ["# Files that were read, each below the one that includes it:", ...files]),
    "# Installation:",
    ...built.map((entry) => `#   ${entry.option} ${entry.value}`),
  ];
  return [head, ...config.sections().map((name) => sectionText(config, name, masked))]
    .map((lines) => lines.join("\n")).join("\n\n");
}

function sectionText(config: Configuration, name: string, masked: boolean): string[] {
  const secret = config.inaccessible(name);
  if (secret !== undefined) {
    const { file, line } = secret.origin;
    return [`[${name}]`, `# ${file}:${line}`, `# closed: its file ${secret.file} is ${secret.reason}`];
  }
  const options = config.options(name).flatMap((entry) => [
    `# ${originText(entry.origin)}`,
    `${entry.option} = ${shownValue(entry, masked)}`.trimEnd(),
  ]);
  return [`[${name}]`, ...options];
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Writing the configuration language (cli.md 13): whole configurations, and single changes that keep all else. */

import { foldName, type Line, parseText } from "./parse.ts";

/** One section to write: its name and its options in order. */
export interface SectionText {
  readonly name: string;
  readonly options: readonly { readonly option: string; readonly value: string }[];
}

/** The changed text, or why the change cannot be written. */
export type EditResult = { readonly text: string } | { readonly error: string };

/**
 * A value as it must be written so that it is read back unchanged, or undefined if no text does that: the language
 * has neither line breaks nor escapes, and tabs turn into blanks (configuration.md 2).
 */
export function formatValue(value: string): string | undefined {
  if (/[\n\r\t]/.test(value)) return undefined;
  const quoted = value.startsWith(" ") || value.endsWith(" ") ||
    (value.length >= 2 && value.startsWith('"') && value.endsWith('"'));
  return quoted ? `"${value}"` : value;
}

/** True if a heading with this name is read back as this name. */
export function isSectionName(name: string): boolean {
  return name !== "" && !/[\n\r\t\]]|^ | $/.test(name);
}

/** True if an option with this name is read back as this name. */
export function isOptionName(name: string): boolean {
  return name !== "" && !/[\n\r\t=]|^[ #%@[]| $/.test(name);
}

function optionLine(option: string, value: string): string {
  return value === "" ? `${option} =` : `${option} = ${formatValue(value)}`;
}

/** Why a section, option and value cannot be written, or undefined. */
function fault(section: string, option: string, value: string): string | undefined {
  if (!isSectionName(section)) return `${JSON.stringify(section)} cannot be the name of a section`;
  if (!isOptionName(option)) return `${JSON.stringify(option)} cannot be the name of an option`;
  if (formatValue(value) === undefined) return `the value of ${option} contains a line break or tab`;
  return undefined;
}

/**
 * A complete configuration as text: `[section]`, `NAME = VALUE` lines, an empty line after each section (cli.md 13).
 * Gives an error for what the language cannot hold.
 */
export function formatSections(sections: readonly SectionText[]): EditResult {
  let text = "";
  for (const { name, options } of sections) {
    if (!isSectionName(name)) return { error: `${JSON.stringify(name)} cannot be the name of a section` };
    text += `[${name}]\n`;
    for (const { option, value } of options) {
      const error = fault(name, option, value);
      if (error !== undefined) return { error };
      text += `${optionLine(option, value)}\n`;
    }
    text += "\n";
  }
  return { text };
}

/**
 * Sets one option in the text of a file and leaves every other line as it is (cli.md 13, OUR). The last line that
 * sets the option is replaced; else a line is added at the end of the last section of that name, behind its
 * directives; else the section is added. Whether the new value takes effect also depends on included files, so a
 * caller must load the result and look.
 */
export function setOption(text: string, section: string, option: string, value: string): EditResult {
  const error = fault(section, option, value);
  if (error !== undefined) return { error };
  const { lines, problems } = parseText(text, "");
  const first = problems[0];
  if (first !== undefined) return { error: `line ${first.line}: ${first.message}` };
  const raws = lines.map((line) => line.raw);
  const ending = raws.length > 1 && raws[0]?.endsWith("\r") === true ? "\r" : "";
  const index = lines.findLastIndex((line) => sets(line, section, option));
  const old = raws[index];
  if (old !== undefined) {
    const [prefix = ""] = /^[^=]*=[ \t]*/.exec(old) ?? [];
    const written = formatValue(value) ?? "";
    const blank = /[ \t]=$/.test(prefix) ? " " : "";
    raws[index] = (written === "" ? prefix.trimEnd() : prefix + blank + written) + (old.endsWith("\r") ? "\r" : "");
    return { text: raws.join("\n") };
  }
  const added = optionLine(option, value) + ending;
  const place = endOfSection(lines, section);
  if (place !== undefined) {
    raws.splice(place, 0, added);
    return { text: raws.join("\n") };
  }
  const empty = text === "" || text === "\ufeff";
  if (raws[raws.length - 1] === "") raws.pop();
  return { text: [...raws, ...(empty ? [] : [ending]), `[${section}]${ending}`, added, ""].join("\n") };
}

function sets(line: Line, section: string, option: string): boolean {
  return line.statement.kind === "option" && foldName(line.statement.section) === foldName(section) &&
    foldName(line.statement.option) === foldName(option);
}

/** Index at which a line is the last of the last section of that name, or undefined if there is no such section. */
function endOfSection(lines: readonly Line[], section: string): number | undefined {
  const heading = lines.findLastIndex((line) => {
    return line.statement.kind === "section" && foldName(line.statement.section) === foldName(section);
  });
  if (heading < 0) return undefined;
  const next = lines.findIndex((line, index) => index > heading && line.statement.kind === "section");
  let end = next < 0 ? lines.length : next;
  while (end - 1 > heading && lines[end - 1]?.statement.kind === "blank") end--;
  return end;
}

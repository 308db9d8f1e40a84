// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor terms`: from one text to the legal documents of the service, in all formats and languages. */

import { parseSource } from "../core/terms/blocks.ts";
import { PAPERS } from "../core/terms/edition.ts";
import type { SourceDocument } from "../core/terms/parser.ts";
import { readTemplate, type TemplateName, TEMPLATES } from "../core/terms/templates.ts";
import { describeTermsProblem, type TermsProblem } from "../core/terms/tree.ts";
import { NEVER, parseTime } from "../core/taler/time.ts";
import { buildDocuments, type Wishes } from "./terms-build.ts";
import { updateCatalogue } from "./terms-catalogue.ts";
import { LANGUAGE, type ReadFile, readIfThere, writeFiles } from "./terms-files.ts";
import { findPlace } from "./terms-place.ts";
import { EXIT, type Options, printError, readOptions, runTool, ToolError } from "./schema-tool.ts";

const HELP = `taler-auditor terms - make the legal documents that the service shows

Usage: taler-auditor terms [OPTIONS] -i NAME            make the documents
       taler-auditor terms [OPTIONS] -i NAME -l LANG    add a language, or bring its translation up to date
       taler-auditor terms --template NAME [-i NAME]    write one of our texts to start from

From NAME.rst, English text in reStructuredText, come OUTPUT/LANG/NAME.EXT with EXT txt, html, md, pdf and epub: for en,
and for each language with a catalogue LOCALE/LANG/LC_MESSAGES/NAME.po. NAME is the version of the text: what the
configuration calls TERMS_ETAG or PRIVACY_ETAG. The web service that shows them, the auditor's or the exchange's, reads
them when it starts: restart it afterwards.

  -i, --input NAME         the text, with or without .rst (default: exchange-tos-v0)
  -o, --output DIR         where the documents go (default: TALER_AUDITOR_TERMS_DIR or TALER_EXCHANGE_TERMS_DIR in the
                           environment, then TERMS_DIR in section [auditor] or [exchange]; PRIVACY_DIR if the text is
                           the configured PRIVACY_ETAG)
  -l, --language LANG      two letters: create or update the catalogue of this language; makes no documents
  -L, --locale-dir DIR     where catalogues are (default: TALER_PATHS_LOCALEDIR in the environment, LOCALEDIR in
                           section [PATHS], then locale in the output folder)
  -t, --title TITLE        title in the documents' metadata (default: the first heading)
  -a, --author AUTHOR      author in the metadata (default: GNU Taler team)
  -C, --copyright TEXT     copyright line below the text
  -p, --paper SIZE         a4 (default) or letter
  -K, --incremental        do nothing if nothing has changed since the last time
      --font FILE          a TrueType or OpenType font for characters that ours lack; may be given several times
      --date TIME          date in the documents, ISO 8601 (default: when the text or its catalogue last changed)
      --template NAME      write the template NAME as the input file; an existing file is left alone
      --templates          list the templates
  -c, --config FILE        configuration file
  -h, --help               this text

Exit codes: 0 done; 1 something is wrong with the text, a catalogue or a file; 2 wrong usage; 4 a right is missing;
6 wrong configuration
`;

/** The subcommand. */
export const command = {
  name: "terms",
  summary: "make the legal documents of the service from one text and its translations",
  help: HELP,
  run: (args: string[]): Promise<number> => runTool(() => run(args)),
};

const OPTIONS = {
  input: { type: "string", short: "i" },
  output: { type: "string", short: "o" },
  language: { type: "string", short: "l" },
  "locale-dir": { type: "string", short: "L" },
  title: { type: "string", short: "t" },
  author: { type: "string", short: "a" },
  copyright: { type: "string", short: "C" },
  paper: { type: "string", short: "p" },
  incremental: { type: "boolean", short: "K" },
  font: { type: "string", multiple: true },
  date: { type: "string" },
  template: { type: "string" },
  templates: { type: "boolean" },
  config: { type: "string", short: "c" },
  help: { type: "boolean", short: "h" },
} as const;

/** The author that is named when nobody else is (cli.md 14). */
const USUAL_AUTHOR = "GNU Taler team";

async function run(args: string[]): Promise<number> {
  const options = readOptions(args, OPTIONS);
  if (options.help === true) {
    console.log(HELP.trimEnd());
    return EXIT.done;
  }
  if (options.templates === true) {
    for (const [name, what] of Object.entries(TEMPLATES)) console.log(`${name.padEnd(16)}  ${what}`);
    return EXIT.done;
  }
  if (typeof options.template === "string") return await writeTemplate(options, options.template);
  const language = languageOf(options);
  const wishes = wishesOf(options);
  const place = findPlace(options);
  const file = readSource(place.source, place.etag);
  const parsed = parseSource(place.source, file.bytes);
  if ("problems" in parsed) return printProblems(parsed.problems);
  const problems = language === undefined
    ? await buildDocuments(place, file, parsed.document, wishes)
    : await updateCatalogue(place, file, parsed.document, language);
  if (problems.length > 0) return printProblems(problems);
  warnOfPlaceholders(parsed.document);
  return EXIT.done;
}

function printProblems(problems: readonly TermsProblem[]): number {
  for (const problem of problems) printError(describeTermsProblem(problem));
  if (problems.some(({ message }) => message.startsWith("no font has"))) {
    printError("no document was made", "--font FILE adds a font that has these characters");
  }
  return EXIT.failed;
}

function languageOf({ language }: Options): string | undefined {
  if (typeof language !== "string") return undefined;
  if (!LANGUAGE.test(language)) {
    throw new ToolError(EXIT.usage, `-l: ${JSON.stringify(language)} is not two letters a-z`);
  }
  if (language === "en") throw new ToolError(EXIT.usage, "-l: en is the language of the text itself");
  return language;
}

function wishesOf(options: Options): Wishes {
  const paper = options.paper ?? "a4";
  const known = PAPERS.find((name) => name === paper);
  if (known === undefined) throw new ToolError(EXIT.usage, `-p: ${paper} is neither ${PAPERS.join(" nor ")}`);
  const time = typeof options.date === "string" ? parseTime(options.date) : undefined;
  const day = typeof options.date === "string" && /^\d{4}-\d\d-\d\d$/.test(options.date);
  const date = day
    ? new Date(`${options.date}T00:00:00Z`)
    : time === undefined
    ? undefined
    : new Date(Number(time / 1000n));
  const usable = date !== undefined && time !== NEVER && !Number.isNaN(date.getTime()) &&
    date.getUTCFullYear() >= 1970 && date.getUTCFullYear() <= 9999;
  if (options.date !== undefined && !usable) throw new ToolError(EXIT.usage, `--date: ${options.date} is not a date`);
  return {
    title: options.title as string | undefined,
    author: options.author as string | undefined ?? USUAL_AUTHOR,
    copyright: options.copyright as string | undefined ?? "",
    paper: known,
    incremental: options.incremental === true,
    fonts: options.font as unknown as string[] | undefined ?? [],
    date,
  };
}

function readSource(path: string, etag: string): ReadFile {
  const file = readIfThere(path);
  if (file !== undefined) return file;
  const hint = Object.hasOwn(TEMPLATES, etag) ? `taler-auditor terms --template ${etag} writes it` : undefined;
  throw new ToolError(EXIT.failed, `there is no ${path}`, hint ?? "--templates lists texts to start from");
}

async function writeTemplate(options: Options, name: string): Promise<number> {
  if (!Object.hasOwn(TEMPLATES, name)) {
    throw new ToolError(EXIT.usage, `there is no template ${name}`, `there are ${Object.keys(TEMPLATES).join(", ")}`);
  }
  const stray = Object.keys(options).find((option) => !["template", "input"].includes(option));
  if (stray !== undefined) throw new ToolError(EXIT.usage, `--${stray} has no meaning with --template`);
  const path = `${(options.input as string | undefined ?? name).replace(/\.rst$/, "")}.rst`;
  if (readIfThere(path) !== undefined) throw new ToolError(EXIT.failed, `${path} exists and is left as it is`);
  writeFiles([{ path, bytes: new TextEncoder().encode(await readTemplate(name as TemplateName)) }]);
  console.log(`wrote ${path}: ${TEMPLATES[name as TemplateName]}`);
  console.log("Fill in what stands in square brackets, and have a lawyer read it before you publish it.");
  return EXIT.done;
}

/** A template's placeholders are in square brackets; a published text should have none. */
function warnOfPlaceholders(document: SourceDocument): void {
  const open = [...document.substitutions].filter(([, { text }]) => /^\[[^\]]*\]$/.test(text));
  if (open.length === 0) return;
  const names = open.map(([name]) => `|${name}|`).join(", ");
  console.error(`taler-auditor: warning: ${document.file}: still to be filled in: ${names}`);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor config`: reads, checks and changes the configuration (cli.md 13). */

import { loadConfiguration } from "../core/config/load.ts";
import { describeProblem, type Notice } from "../core/config/problem.ts";
import { formatTime } from "../core/taler/time.ts";
import { checkRoles, overview } from "./config-check.ts";
import { logLevel, parseOrFail, readProject, requireMeaning, type Values } from "./config-options.ts";
import { dumpText, listText } from "./config-text.ts";
import { type Rewrite, rewriteFile, type Session, setInFile } from "./config-write.ts";
import { LOG_LEVELS, type LogLevel } from "./offline-io.ts";
import { EXIT, fileFault, runTool, ToolError } from "./schema-tool.ts";

const HELP = `taler-auditor config - read, check and change the configuration

Usage: taler-auditor config get   [-c FILE] SECTION OPTION [-f]
       taler-auditor config list  [-c FILE] [SECTION] [-f] [--show-secrets]
       taler-auditor config dump  [-c FILE] [--show-secrets]
       taler-auditor config check [-c FILE] [ROLE…] [--verbose]
       taler-auditor config set   [-c FILE] SECTION OPTION VALUE
       taler-auditor config       [-c FILE] -s SECTION [-o OPTION [-V VALUE]] [-f] [-r | -F]
       taler-auditor config       [-c FILE] -S | -d | -r | -F

get    prints the value of an option
list   prints the names of the sections, or the options of one
dump   prints the whole configuration, each value with the file and line it comes from
check  says what a role lacks to start, and what each missing option is for; without a role, an
       overview of all roles
set    changes one line of the configuration file and nothing else in it, or adds that line; says so if the value
       will not take effect. The file is replaced as a whole: an interruption leaves the old one

  -c, --config FILE        configuration file; also the one that is changed
  -f, --filename           the value as the name of a file: $NAME, \${NAME:-DEFAULT} and ~/ replaced
      --show-secrets       do not hide passwords and tokens
      --verbose            check: also name the options that the role reads, their values and origins
      --project PROJECT    whose files to look for without -c: auditor (default), exchange or taler
      --legacy-project     the same as --project taler
  -L, --log LEVEL          NONE, ERROR, WARNING (default), MESSAGE, INFO or DEBUG
  -l, --logfile FILE       write warnings and remarks to FILE
  -h, --help               this text

As taler-auditor-config has them, without any word:

  -s, --section SECTION    the section; alone, all its options
  -o, --option OPTION      the option whose value to print
  -V, --value VALUE        the value to set
  -S, --list-sections      the names of the sections
  -d, --diagnostics        the same as dump
  -r, --rewrite            write the file anew, with all that it includes; comments and directives are lost
  -F, --full               the same, with the default values in it

Exit codes: 0 done; 1 the file could not be written; 2 wrong usage; 6 the option is not set, or a role that check was
asked about lacks something, or the configuration is malformed. check without a role is an overview: roles that lack
something do not change its exit code.
`;

/** The subcommand. */
export const command = {
  name: "config",
  summary: "read, check and change the configuration",
  help: HELP,
  run: (args: string[]): Promise<number> => runTool(() => Promise.resolve(run(args))),
};

/** One thing to do; gives an exit code. */
type Action = (session: Session) => number;

function run(args: string[]): number {
  const { values, positionals } = parseOrFail(args);
  if (values.help === true) {
    console.log(HELP.trimEnd());
    return EXIT.done;
  }
  const actions = positionals.length > 0 ? [readVerb(positionals, values)] : readFlags(values);
  const load = { file: values.config, project: readProject(values) };
  const level = logLevel(values.log ?? values.loglevel ?? "WARNING");
  const loaded = loadConfiguration(load);
  if ("problems" in loaded) {
    tell(loaded.notices, level, values.logfile);
    throw new ToolError(EXIT.configuration, loaded.problems.map(describeProblem).join("\n"));
  }
  const session = { config: loaded.configuration, load };
  try {
    for (const action of actions) {
      const code = action(session);
      if (code !== EXIT.done) return code;
    }
    return EXIT.done;
  } finally {
    tell(session.config.notices, level, values.logfile);
  }
}

/** The words after `config` as something to do. */
function readVerb([verb = "", ...words]: string[], values: Values): Action {
  const count = (min: number, max: number, form: string) => {
    if (words.length < min || words.length > max) {
      throw new ToolError(EXIT.usage, `the form is: taler-auditor config ${form}`, "--help says more");
    }
  };
  requireMeaning(verb, values);
  const [section = "", option = "", value = ""] = words;
  const filename = values.filename === true;
  const masked = values["show-secrets"] !== true;
  switch (verb) {
    case "get":
      count(2, 2, "get SECTION OPTION");
      return get(section, option, filename);
    case "list":
      count(0, 1, "list [SECTION]");
      return words.length === 0 ? listSections : list(section, { filename, masked, strict: true });
    case "dump":
      count(0, 0, "dump");
      return dump(masked);
    case "check":
      return ({ load }) => words.length === 0 ? overview(load) : checkRoles(load, words, values.verbose === true);
    case "set":
      count(3, 3, "set SECTION OPTION VALUE");
      return (session) => setInFile(session, { section, option, value }, { rewrite: undefined, say: console.log });
  }
  throw new ToolError(EXIT.usage, `there is no config ${verb}`, "the words are get, list, dump, check and set");
}

/** The options of the reference's tool as things to do; they have an order of importance (cli.md 13). */
function readFlags(values: Values): Action[] {
  const { section, option, value } = values;
  const rewrite: Rewrite | undefined = values.full === true ? "full" : values.rewrite === true ? "short" : undefined;
  if (values.verbose === true) throw new ToolError(EXIT.usage, "--verbose has a meaning with config check only");
  if (values["list-sections"] === true) {
    return [(session) => (console.error("The following sections are available:"), listSections(session))];
  }
  if (values.diagnostics === true) return [dump(values["show-secrets"] !== true)];
  if (section === undefined && (option !== undefined || value !== undefined)) {
    throw new ToolError(EXIT.usage, "the section is missing: say -s SECTION");
  }
  if (option === undefined && value !== undefined) {
    throw new ToolError(EXIT.usage, "the option to set is missing: say -o OPTION");
  }
  if (section !== undefined && option !== undefined && value !== undefined) {
    return [(session) => setInFile(session, { section, option, value }, { rewrite, say: () => {} })];
  }
  const filename = values.filename === true;
  const actions: Action[] = [];
  if (section !== undefined) {
    const masked = false;
    actions.push(
      option === undefined ? list(section, { filename, masked, strict: false }) : get(section, option, filename),
    );
  }
  if (rewrite !== undefined) actions.push((session) => rewriteFile(session, rewrite));
  if (actions.length > 0) return actions;
  throw new ToolError(EXIT.usage, "what to do is missing", "say get, list, dump, check or set; --help says more");
}

function get(section: string, option: string, filename: boolean): Action {
  return ({ config }) => {
    console.log(filename ? config.getFilename(section, option) : config.getString(section, option));
    return EXIT.done;
  };
}

const listSections: Action = ({ config }) => {
  for (const name of config.sections()) console.log(name);
  return EXIT.done;
};

/** `strict`: a section that does not exist is an error; scripts know the reference's tool to print nothing then. */
function list(section: string, how: { filename: boolean; masked: boolean; strict: boolean }): Action {
  return ({ config }) => {
    const known = config.sections(section).some((name) => name.length === section.length);
    if (how.strict && !known) {
      throw new ToolError(EXIT.configuration, `there is no section [${section}]`, "config list names the sections");
    }
    for (const line of listText(config, section, how)) console.log(line);
    return EXIT.done;
  };
}

function dump(masked: boolean): Action {
  return ({ config }) => {
    console.log(dumpText(config, masked));
    return EXIT.done;
  };
}

const LEVELS = { debug: "DEBUG", info: "INFO", warning: "WARNING" } as const;

/** Writes what is worth a word to standard error, or to a file in the form of the reference (cli.md 4). */
function tell(notices: readonly Notice[], wanted: LogLevel, logFile: string | undefined): void {
  const shown = notices.filter(({ level }) => LOG_LEVELS.indexOf(LEVELS[level]) <= LOG_LEVELS.indexOf(wanted));
  if (logFile === undefined) {
    for (const { level, message } of shown) console.error(`taler-auditor: ${level}: ${message}`);
    return;
  }
  const time = formatTime(BigInt(Date.now()) * 1000n);
  const lines = shown.map(({ level, message }) => {
    return `${time} taler-auditor-config-${Deno.pid} ${LEVELS[level]} ${message.replaceAll("\n", " ")}\n`;
  });
  try {
    Deno.writeTextFileSync(logFile, lines.join(""), { append: true, create: true });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ToolError(EXIT.failed, `log file ${logFile} cannot be written: ${fileFault(error, "written")}`);
  }
}

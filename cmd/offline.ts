// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor offline`: the auditor's key, and the denominations that it signs. */

import { parseArgs } from "node:util";
import type { Configuration } from "../core/config/configuration.ts";
import { loadConfiguration } from "../core/config/load.ts";
import { describeProblem } from "../core/config/problem.ts";
import { offlineOptions, type OfflineStep } from "../core/config/roles.ts";
import { decodeBase32 } from "../core/taler/base32.ts";
import { parseTime } from "../core/taler/time.ts";
import { operationsDocument } from "../core/offline/documents.ts";
import { writeDocument } from "../core/offline/json.ts";
import { backup, type CareWishes, restore, rotate } from "./offline-care.ts";
import { LOG_LEVELS, type LogLevel, type OfflineIo, processIo } from "./offline-io.ts";
import { download, type Session, setup, show, sign, type StepPlace, upload, type Wishes } from "./offline-steps.ts";
import { SHOW_FORMATS } from "./offline-text.ts";
import { EXIT, runTool, ToolError } from "./schema-tool.ts";

const HELP = `taler-auditor offline - the auditor's key, and the denominations that it signs

Usage: taler-auditor offline [OPTIONS] STEP [-] [STEP [-]]…

  setup              create the private key if there is none, and print the public key
  download           fetch the exchange's keys and verify them
  show [-]           print the keys for comparison with the exchange's operator; with - keep them for the next step
  sign               sign the keys, after asking for the fingerprint that show printed
  upload             deliver signatures to the exchange
  backup             the private key under a passphrase: as a file, as a sheet of paper, or printed
  restore FILE       bring the private key back from any of these; - reads standard input
  rotate [-]         help through a change of key; - or --input tells what the new key still has to sign
  help               this list

Steps hand their results to each other, as in: download sign upload. Alone, show and sign read what download wrote from
standard input, upload reads what sign wrote. download and upload need the network; the others give up the right to use
it before they begin.

  -c, --config FILE            configuration file
  -i, --input FILE             read the document from FILE instead of standard input
      --fingerprint TEXT       sign: the fingerprint as compared with the exchange's operator, words or digits
      --only-new               sign: leave out keys that this auditor has signed before
      --next                   sign, backup, restore: the next key of a change of key, not the current one
      --format FORMAT          show: lines (as the exchange's tool prints them), table, or all (default)
      --full                   show, sign: complete hashes of the keys too
      --auditor-key KEY        upload: whose signatures they are (default: the key of this call, or PUBLIC_KEY)
      --timeout SECONDS        download, upload: limit for each request (default: 120 and 60)
  -o, --output FILE            backup: write the backup into FILE
      --paper FILE             backup: write a sheet of paper into FILE, SVG with QR code
      --passphrase-file FILE   backup, restore: do not ask for the passphrase
      --check                  restore: only see whether the backup opens, and print its public key
      --finish                 rotate: make the next key the current one
      --now TIME               judge times by this one: ISO 8601, or microseconds since 1970 (default: the clock)
  -L, --log LEVEL              NONE, ERROR, WARNING (default), MESSAGE, INFO or DEBUG
  -l, --logfile FILE           write the log to FILE
  -h, --help                   this text

Exit codes: 0 done; 1 failed, or not everything was accepted; 2 wrong usage; 4 a right is missing, or the right to use
the network could not be given up; 6 wrong configuration
`;

/** The subcommand. */
export const command = {
  name: "offline",
  summary: "the auditor's key: show, sign and deliver denominations; backup and change of key",
  help: HELP,
  run: (args: string[]): Promise<number> => runTool(() => run(args)),
};

const STEPS = ["setup", "download", "show", "sign", "upload", "backup", "restore", "rotate"] as const;

/** Name of a step. */
export type StepName = typeof STEPS[number];

interface Step {
  readonly name: StepName;
  /** The word `-`, or for restore the name of a file. */
  readonly argument: string | undefined;
}

/** A call as it was written. */
export interface OfflineCall {
  readonly steps: readonly Step[];
  readonly config: string | undefined;
  readonly wishes: Wishes;
  readonly care: CareWishes;
  readonly level: LogLevel;
  readonly logFile: string | undefined;
  readonly now: bigint | undefined;
}

async function run(args: string[]): Promise<number> {
  const call = readCall(args);
  if (call === "help" || call === "steps") {
    if (call === "help") console.log(HELP.trimEnd());
    else console.error(HELP.slice(0, HELP.indexOf("\n\nSteps hand")));
    return EXIT.done;
  }
  const io = processIo(call.level, call.logFile, call.now);
  const names = call.steps.map(({ name }) => name);
  // Opened before rights are given up: the runtime wants all of them for a device.
  const terminal = names.some((name) => ASKING_STEPS.includes(name)) ? io.terminal() : undefined;
  confine(names);
  return await runOffline(call, { ...io, terminal: () => terminal });
}

/** Steps that may ask the person something. */
const ASKING_STEPS: readonly StepName[] = ["sign", "backup", "restore"];

/** Steps that talk to the exchange. */
const NETWORK_STEPS: readonly StepName[] = ["download", "upload"];

/**
 * Gives up what the steps do not need and makes sure of it: programs, libraries, facts about the machine, and the
 * network unless a step talks to the exchange (roles.md 9).
 *
 * @throws ToolError with exit code 4 if the process could still do it
 */
function confine(steps: readonly StepName[]): void {
  const unwanted: Deno.PermissionDescriptor["name"][] = ["run", "ffi", "sys"];
  if (!steps.some((name) => NETWORK_STEPS.includes(name))) unwanted.push("net");
  for (const name of unwanted) {
    Deno.permissions.revokeSync({ name } as Deno.PermissionDescriptor);
    if (Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted") {
      throw new ToolError(EXIT.permission, `the right "${name}" could not be given up; nothing was done`);
    }
  }
}

/** Runs the steps of a call. Writes what went wrong to the log. Returns the exit code. */
export async function runOffline(call: OfflineCall, io: OfflineIo): Promise<number> {
  try {
    return await runSteps(call, io);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      io.log("ERROR", `a right is missing: ${error.message.split(", run again")[0] ?? ""}`);
      return EXIT.permission;
    }
    // Without a log file runTool says it, with its hint.
    if (!(error instanceof ToolError) || call.logFile === undefined) throw error;
    io.log("ERROR", error.message);
    return error.code;
  }
}

async function runSteps(call: OfflineCall, io: OfflineIo): Promise<number> {
  const session = openSession(call, io);
  for (const [index, step] of call.steps.entries()) {
    const place: StepPlace = {
      last: index === call.steps.length - 1,
      dash: step.argument === "-",
      outputTaken: call.steps.slice(index + 1).some(({ name }) => name === "sign" || name === "setup"),
    };
    if (!await runStep(session, step.name, place, call.care)) return EXIT.failed;
  }
  if (session.input !== undefined) io.log("WARNING", "the keys were downloaded, but no step has used them");
  if (session.output !== undefined) io.print(writeDocument(operationsDocument(session.output)));
  return EXIT.done;
}

/** Runs a step. Returns false if the call has failed and the reason was reported. */
async function runStep(session: Session, name: StepName, place: StepPlace, care: CareWishes): Promise<boolean> {
  switch (name) {
    case "setup":
      setup(session, place);
      return true;
    case "download": {
      const document = await download(session);
      if (!place.last) return true;
      session.input = undefined;
      session.io.print(writeDocument(document));
      return true;
    }
    case "show":
      return await show(session, place);
    case "sign":
      await sign(session);
      return true;
    case "upload":
      return await upload(session);
    case "backup":
      backup(session, care);
      return true;
    case "restore":
      await restore(session, care);
      return true;
    case "rotate":
      await rotate(session, place, care);
      return true;
  }
}

/** What the configuration has to have for a step. */
const NEEDS: Readonly<Record<StepName, OfflineStep>> = {
  setup: "setup",
  download: "download",
  show: "show",
  sign: "sign",
  upload: "upload",
  backup: "setup",
  restore: "setup",
  rotate: "setup",
};

function openSession(call: OfflineCall, io: OfflineIo): Session {
  const loaded = loadConfiguration(call.config === undefined ? {} : { file: call.config });
  if ("problems" in loaded) {
    throw new ToolError(EXIT.configuration, loaded.problems.map(describeProblem).join("\n"));
  }
  const { configuration } = loaded;
  const steps = call.steps.map(({ name }) => NEEDS[name]);
  // With a document, a change of key judges it as show does.
  const withKeys = call.steps.some(({ name, argument }) => {
    return name === "rotate" && (argument === "-" || call.wishes.input !== undefined);
  });
  const options = offlineOptions(configuration, withKeys ? ["show", ...steps] : steps);
  for (const { level, message } of configuration.notices) if (level === "warning") io.log("WARNING", message);
  return {
    io,
    options,
    wishes: call.wishes,
    exchangeUrlSet: setExchangeUrl(configuration),
    input: undefined,
    output: undefined,
    loadedPub: undefined,
  };
}

/** The exchange's address as the operator wrote it; the shipped default says nothing about the exchange. */
function setExchangeUrl(configuration: Configuration): string | undefined {
  const set = configuration.isSet("exchange", "BASE_URL") && !configuration.isShippedDefault("exchange", "BASE_URL");
  return set ? configuration.getUrl("exchange", "BASE_URL") : undefined;
}

const OPTIONS = {
  config: { type: "string", short: "c" },
  input: { type: "string", short: "i" },
  fingerprint: { type: "string" },
  "only-new": { type: "boolean" },
  next: { type: "boolean" },
  format: { type: "string" },
  full: { type: "boolean" },
  "auditor-key": { type: "string" },
  timeout: { type: "string" },
  output: { type: "string", short: "o" },
  paper: { type: "string" },
  "passphrase-file": { type: "string" },
  check: { type: "boolean" },
  finish: { type: "boolean" },
  now: { type: "string" },
  log: { type: "string", short: "L" },
  loglevel: { type: "string" },
  logfile: { type: "string", short: "l" },
  help: { type: "boolean", short: "h" },
} as const;

/** Options that have a meaning with some steps only. */
const MEANING: Readonly<Record<string, readonly StepName[]>> = {
  input: ["show", "sign", "upload", "rotate"],
  fingerprint: ["sign"],
  "only-new": ["sign"],
  next: ["sign", "backup", "restore"],
  format: ["show"],
  full: ["show", "sign"],
  "auditor-key": ["upload"],
  timeout: ["download", "upload"],
  output: ["backup"],
  paper: ["backup"],
  "passphrase-file": ["backup", "restore"],
  check: ["restore"],
  finish: ["rotate"],
};

/**
 * Reads the words and options of a call; `help` if the help text is wanted, `steps` if the list of steps is.
 *
 * @throws ToolError with exit code 2
 */
export function readCall(args: string[]): OfflineCall | "help" | "steps" {
  const { values, positionals } = parseOrFail(args);
  if (values.help === true) return "help";
  const steps = readSteps(positionals);
  if (steps === undefined) return "steps";
  const names = steps.map(({ name }) => name);
  for (const [option, wanted] of Object.entries(MEANING)) {
    if (values[option as keyof typeof values] !== undefined && !names.some((name) => wanted.includes(name))) {
      throw new ToolError(EXIT.usage, `--${option} has a meaning with ${wanted.join(", ")} only`);
    }
  }
  return {
    steps,
    config: values.config,
    wishes: {
      fingerprint: values.fingerprint,
      format: choice("format", values.format ?? "all", SHOW_FORMATS),
      full: values.full === true,
      onlyNew: values["only-new"] === true,
      next: values.next === true,
      input: values.input,
      timeoutMs: seconds(values.timeout),
      auditorPub: publicKey(values["auditor-key"]),
    },
    care: {
      output: values.output,
      paper: values.paper,
      passphraseFile: values["passphrase-file"],
      from: steps.find(({ name }) => name === "restore")?.argument,
      check: values.check === true,
      finish: values.finish === true,
      cost: undefined,
    },
    level: choice("log", (values.log ?? values.loglevel ?? "WARNING").toUpperCase(), LOG_LEVELS),
    logFile: values.logfile,
    now: time(values.now),
  };
}

function parseOrFail(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: OPTIONS });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ToolError(EXIT.usage, error.message.split(". ")[0] ?? "", "--help lists the options");
  }
}

/** The steps of a call; undefined for `help`. Words are the same in upper and lower case. */
function readSteps(words: readonly string[]): Step[] | undefined {
  const steps: Step[] = [];
  const hint = `steps are ${STEPS.join(", ")}`;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word.toLowerCase() === "help") return undefined;
    const name = STEPS.find((step) => step === word.toLowerCase());
    if (name === undefined) throw new ToolError(EXIT.usage, `there is no step ${word}`, hint);
    const following = words[index + 1];
    const takesDash = name === "setup" || name === "show" || name === "rotate";
    const argument = name === "restore" || (takesDash && following === "-") ? following : undefined;
    if (name === "restore" && argument === undefined) {
      throw new ToolError(EXIT.usage, "restore needs the name of a file, or - for standard input");
    }
    if (argument !== undefined) index++;
    steps.push({ name, argument });
  }
  if (steps.length === 0) throw new ToolError(EXIT.usage, "what to do is missing", hint);
  const [first] = steps;
  if (steps.length > 1 && steps.some(({ name }) => name === "backup" || name === "restore")) {
    throw new ToolError(EXIT.usage, "backup and restore are calls of their own");
  }
  const end = steps.findIndex(({ name }) => name === "upload");
  if (first !== undefined && end >= 0 && end < steps.length - 1) {
    throw new ToolError(EXIT.usage, "nothing can follow upload in the same call");
  }
  return steps;
}

function choice<T extends string>(option: string, value: string, choices: readonly T[]): T {
  const found = choices.find((known) => known === value);
  if (found !== undefined) return found;
  throw new ToolError(EXIT.usage, `--${option}: ${value} is none of ${choices.join(", ")}`);
}

function seconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (value > 0) return value * 1000;
  throw new ToolError(EXIT.usage, `--timeout: ${text} is not a number of seconds`);
}

function publicKey(text: string | undefined): Uint8Array | undefined {
  if (text === undefined) return undefined;
  const key = decodeBase32(text, 32);
  if (key !== undefined) return key;
  throw new ToolError(EXIT.usage, "--auditor-key: expected a public key of 52 base32 symbols");
}

function time(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const value = parseTime(text);
  if (value !== undefined) return value;
  throw new ToolError(EXIT.usage, `--now: ${text} is not a time`, "2026-11-22T10:00:00Z, or microseconds");
}

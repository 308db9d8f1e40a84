// SPDX-License-Identifier: AGPL-3.0-or-later
/** The steps of `offline` that hand documents to each other: setup, download, show, sign, upload (cli.md 10). */

import { publicKeyOf } from "../core/crypto/ed25519.ts";
import type { OfflineOptions } from "../core/config/roles.ts";
import { encodeBase32 } from "../core/taler/base32.ts";
import { keysDocument, type Operation, readKeysDocument, readOperations } from "../core/offline/documents.ts";
import { downloadProblems, type Examination, examine } from "../core/offline/examine.ts";
import { equalBytes } from "../core/crypto/hash.ts";
import { parseFingerprint } from "../core/offline/fingerprint.ts";
import { isObject, parseDocument } from "../core/offline/json.ts";
import { shortName, visible } from "../core/offline/name.ts";
import { signDenominations } from "../core/offline/sign.ts";
import { request } from "./offline-http.ts";
import { DOCUMENT_MAX, type OfflineIo } from "./offline-io.ts";
import { createSecretFile, nextKeyFile, readKeyFile } from "./offline-key.ts";
import { remarksText, type ShowFormat, showText, tableText } from "./offline-text.ts";
import { EXIT, fileFault, ToolError } from "./schema-tool.ts";

/** What the person asked for on the command line. */
export interface Wishes {
  readonly fingerprint: string | undefined;
  readonly format: ShowFormat;
  readonly full: boolean;
  readonly onlyNew: boolean;
  /** Use the key that a change of key is about to introduce. */
  readonly next: boolean;
  /** File with the input instead of standard input. */
  readonly input: string | undefined;
  /** Milliseconds for a request; undefined: the step's own limit. */
  readonly timeoutMs: number | undefined;
  /** Whose signatures are delivered, if not those of the configured key. */
  readonly auditorPub: Uint8Array | undefined;
}

/** A call in progress: what one step leaves to the next. */
export interface Session {
  readonly io: OfflineIo;
  readonly options: OfflineOptions;
  readonly wishes: Wishes;
  /** `[exchange] BASE_URL` if the operator has set it. */
  readonly exchangeUrlSet: string | undefined;
  /** Keys that nobody has consumed yet: the arguments of an `auditor-keys-0` document. */
  input: { readonly arguments: unknown } | undefined;
  /** Operations that nobody has consumed yet; an empty list, too, is a result. */
  output: readonly Operation[] | undefined;
  /** Public key of a private key that an earlier step has read. */
  loadedPub: Uint8Array | undefined;
}

/** A step's place in the call. */
export interface StepPlace {
  /** No step follows. */
  readonly last: boolean;
  /** The step was given the word `-`. */
  readonly dash: boolean;
  /** Standard output belongs to the results of a later step. */
  readonly outputTaken: boolean;
}

function need<T>(value: T | undefined, name: string): T {
  // The configuration's reader demands what each step needs.
  if (value === undefined) throw new Error(`${name} was not read from the configuration`);
  return value;
}

/** Reads the input of a step that has none from its predecessor. */
async function readText({ io, wishes }: Session): Promise<string> {
  const { input } = wishes;
  let bytes: Uint8Array;
  if (input === undefined || input === "-") {
    if (io.inputIsTerminal()) {
      throw new ToolError(EXIT.usage, "there is no document on standard input", "say < FILE, or --input FILE");
    }
    bytes = await io.readInput();
  } else {
    try {
      bytes = await Deno.readFile(input);
    } catch (error) {
      if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
      throw new ToolError(EXIT.failed, `${input} cannot be read: ${fileFault(error, "read")}`);
    }
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ToolError(EXIT.failed, "the input is not UTF-8");
  }
}

/** Reads the keys that a step is about, from its predecessor or from outside. */
export async function takeInput(session: Session): Promise<{ readonly arguments: unknown }> {
  if (session.input !== undefined) return session.input;
  const result = readKeysDocument(await readText(session));
  if (!("fault" in result)) return result;
  const hint = result.fault === "is empty" ? "in one call, say `show -` to keep the keys for the next step" : undefined;
  throw new ToolError(EXIT.failed, `the input ${result.fault}`, hint);
}

const FAULTS_SHOWN = 20;

/** Examines a document; ends the call if it cannot even be read. */
export function examineOrFail(session: Session, document: { readonly arguments: unknown }): Examination {
  const { io, options, wishes, loadedPub, exchangeUrlSet } = session;
  const result = examine(document.arguments, {
    masterPub: need(options.masterPub, "MASTER_PUBLIC_KEY"),
    currency: options.currency,
    now: io.now(),
    auditorPub: wishes.auditorPub ?? loadedPub ?? options.auditorPub,
    auditorUrl: options.auditorBaseUrl,
    exchangeUrl: exchangeUrlSet,
  });
  if (!("faults" in result)) return result;
  throw new ToolError(EXIT.failed, `the input cannot be used\n${listed(result.faults)}`);
}

function listed(lines: readonly string[]): string {
  const more = lines.length - FAULTS_SHOWN;
  return [...lines.slice(0, FAULTS_SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].map((line) => `  ${line}`)
    .join("\n");
}

/** `setup`: creates the key if there is none, and tells its public key (cli.md 10.2). */
export function setup(session: Session, { last, dash }: StepPlace): void {
  const { io, options } = session;
  const path = need(options.privateKeyFile, "AUDITOR_PRIV_FILE");
  const warn = (message: string) => io.log("WARNING", message);
  let seed = readKeyFile(path, warn);
  let created = false;
  if (seed === undefined) {
    const fresh = io.random(32);
    created = createSecretFile(path, fresh);
    fresh.fill(0);
    // Read back, also where another process was faster: what counts is what is in the file.
    seed = readKeyFile(path, warn);
    if (seed === undefined) throw new ToolError(EXIT.failed, `the private key ${path} was not created`);
  }
  const auditorPub = publicKeyOf(seed);
  seed.fill(0);
  session.loadedPub = auditorPub;
  io.aside(created ? `created ${path}` : `exists already: ${path}`);
  if (options.auditorPub !== undefined && !equalBytes(options.auditorPub, auditorPub)) {
    io.log("WARNING", `[auditor] PUBLIC_KEY is not the public key of ${path}`);
  }
  if (last && !dash) io.print(encodeBase32(auditorPub));
  else session.output = [...session.output ?? [], { operation: "auditor-setup-0", auditorPub }];
}

const DOWNLOAD_TIMEOUT_MS = 120_000;
const UPLOAD_TIMEOUT_MS = 60_000;
const UPLOAD_BODY_MAX = 1024 * 1024;

/** `download`: fetches and verifies the exchange's keys (cli.md 10.3). Gives the document. */
export async function download(session: Session): Promise<unknown> {
  const { io, options, wishes } = session;
  const url = `${need(options.exchangeUrl, "BASE_URL")}keys`;
  const timeoutMs = wishes.timeoutMs ?? DOWNLOAD_TIMEOUT_MS;
  const outcome = await request(io.fetch, { method: "GET", url }, { timeoutMs, bodyMax: DOCUMENT_MAX });
  const fail = (what: string, hint?: string) => new ToolError(EXIT.failed, `GET ${url}: ${what}`, hint);
  if ("problem" in outcome) throw fail(outcome.problem);
  if (outcome.status !== 200) {
    const hint = outcome.status === 404 ? "is [exchange] BASE_URL right?" : undefined;
    throw fail(`the exchange answered ${outcome.status}`, hint);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(outcome.body);
  } catch {
    throw fail("the answer is not UTF-8");
  }
  const parsed = parseDocument(text);
  if ("fault" in parsed) throw fail(`the answer ${parsed.fault}`, "is [exchange] BASE_URL that of an exchange?");
  const problems = downloadProblems(parsed.value, {
    masterPub: need(options.masterPub, "MASTER_PUBLIC_KEY"),
    currency: options.currency,
    now: io.now(),
    auditorPub: options.auditorPub,
    auditorUrl: options.auditorBaseUrl,
    exchangeUrl: session.exchangeUrlSet,
  });
  if (problems.length > 0) throw fail(`the answer is refused\n${listed(problems)}`);
  session.input = { arguments: parsed.value };
  return keysDocument(parsed.value);
}

/** `show`: prints a document for people (cli.md 10.4). Returns false if it must not be signed. */
export async function show(session: Session, { dash, outputTaken }: StepPlace): Promise<boolean> {
  const { io, wishes } = session;
  const document = await takeInput(session);
  const examination = examineOrFail(session, document);
  const text = showText(examination, wishes.format, wishes.full);
  if (outputTaken) io.aside(text);
  else io.print(text);
  session.input = dash ? document : undefined;
  for (const refusal of examination.refusals.slice(0, FAULTS_SHOWN)) io.log("ERROR", refusal);
  return examination.refusals.length === 0;
}

/** `sign`: signs what a person has compared by its fingerprint (cli.md 10.5). */
export async function sign(session: Session): Promise<void> {
  const { io, options, wishes } = session;
  const path = need(options.privateKeyFile, "AUDITOR_PRIV_FILE");
  const keyFile = wishes.next ? nextKeyFile(path) : path;
  const document = await takeInput(session);
  const auditorPub = publicKeyIn(session, keyFile);
  session.loadedPub = auditorPub;
  const examination = examineOrFail(session, document);
  if (options.auditorBaseUrlIsDefault) {
    io.log("WARNING", `[auditor] BASE_URL is not set: the signatures would be for ${options.auditorBaseUrl}`);
  }
  const remarks = remarksText(examination);
  if (remarks !== "") io.aside(remarks);
  if (examination.refusals.length > 0) throw refusal(examination.refusals);
  const confirmed = confirmedFingerprint(session);
  const seed = seedOrFail(session, keyFile);
  try {
    const { onlyNew } = wishes;
    const result = signDenominations(examination, { seed, auditorUrl: options.auditorBaseUrl, confirmed, onlyNew });
    if ("refused" in result) throw refusal(result.refused);
    session.output = [...session.output ?? [], ...result.operations];
    session.input = undefined;
    const { keys } = examination;
    const entries = result.denominations.map((denomination) => ({ denomination, marks: [] }));
    io.aside([
      `Signed ${entries.length} of ${keys.denominations.length} keys`,
      `as ${encodeBase32(auditorPub)} for ${visible(options.auditorBaseUrl)}:`,
    ].join(" "));
    if (entries.length > 0) io.aside(`\n${tableText(keys.currency, entries, wishes.full)}\n`);
  } finally {
    seed.fill(0);
  }
}

function refusal(reasons: readonly string[]): ToolError {
  return new ToolError(EXIT.failed, `nothing was signed\n${listed(reasons)}`);
}

function seedOrFail({ io }: Session, keyFile: string): Uint8Array {
  const seed = readKeyFile(keyFile, (message) => io.log("WARNING", message));
  if (seed !== undefined) return seed;
  throw new ToolError(EXIT.failed, `there is no private key ${keyFile}`, "taler-auditor offline setup creates one");
}

/** Public key of a key file; it has to be the configured one. The private key stays in memory no longer than this. */
function publicKeyIn(session: Session, keyFile: string): Uint8Array {
  const { options, wishes } = session;
  const seed = seedOrFail({ ...session, io: { ...session.io, log: () => {} } }, keyFile);
  const auditorPub = publicKeyOf(seed);
  seed.fill(0);
  const wanted = wishes.next ? undefined : options.auditorPub;
  if (wanted === undefined || equalBytes(wanted, auditorPub)) return auditorPub;
  throw new ToolError(EXIT.configuration, `[auditor] PUBLIC_KEY is not the public key of ${keyFile}`);
}

/** The fingerprint that a person gives, on the command line or at the terminal. */
function confirmedFingerprint({ io, wishes }: Session): Uint8Array {
  const given = wishes.fingerprint ?? askFingerprint(io);
  const parsed = parseFingerprint(given);
  if ("bytes" in parsed) return parsed.bytes;
  const what = wishes.fingerprint === undefined ? "what was typed is none" : "--fingerprint";
  const code = wishes.fingerprint === undefined ? EXIT.failed : EXIT.usage;
  throw new ToolError(code, `${what}: a fingerprint ${parsed.fault}; nothing was signed`);
}

function askFingerprint(io: OfflineIo): string {
  const terminal = io.terminal();
  if (terminal === undefined) {
    throw new ToolError(
      EXIT.usage,
      "the fingerprint is needed, and there is no terminal to ask for it",
      "show prints it; compare it with the exchange's operator, then say sign --fingerprint 'WORDS'",
    );
  }
  const answer = terminal.ask("Fingerprint as compared with the exchange's operator (twelve words or 24 digits):\n> ");
  if (answer === undefined) throw new ToolError(EXIT.failed, "no fingerprint was given; nothing was signed");
  return answer;
}

/** What a status means for a signature (cli.md 10.6). */
const UPLOAD_STATUS: Readonly<Record<number, string>> = {
  403: "the signature is not valid to the exchange: is [auditor] BASE_URL what the exchange registered, to the letter?",
  404: "the exchange does not know this denomination",
  410: "this auditor is disabled at the exchange",
  412: "this auditor is not known to the exchange: its operator has to add it first",
};

/** Requests at the same time (cli.md 10.6). */
const UPLOAD_PARALLEL = 16;

/** `upload`: delivers signatures (cli.md 10.6). Returns false if not all were accepted; each failure was reported. */
export async function upload(session: Session): Promise<boolean> {
  const { io, options, wishes } = session;
  if (session.input !== undefined) {
    throw new ToolError(
      EXIT.failed,
      "the downloaded keys were not signed; nothing was uploaded",
      "say download sign upload",
    );
  }
  const operations = await takeOutput(session);
  const pub = wishes.auditorPub ?? session.loadedPub ?? need(options.auditorPub, "PUBLIC_KEY");
  const base = `${need(options.exchangeUrl, "BASE_URL")}auditors/${encodeBase32(pub)}/`;
  const problems: (string | undefined)[] = new Array(operations.length);
  let next = 0;
  const work = async () => {
    for (let index = next++; index < operations.length; index = next++) {
      const operation = operations[index];
      if (operation?.operation === "auditor-sign-denomination-0") {
        problems[index] = await deliver(session, base, operation);
      }
    }
  };
  await Promise.all(Array.from({ length: UPLOAD_PARALLEL }, work));
  return reportUpload(io, operations, problems);
}

async function takeOutput(session: Session): Promise<readonly Operation[]> {
  const { output } = session;
  session.output = undefined;
  if (output !== undefined) return output;
  const result = readOperations(await readText(session));
  if ("fault" in result) throw new ToolError(EXIT.failed, `the input ${result.fault}; nothing was uploaded`);
  return result.operations;
}

/** Sends one signature; undefined if it was accepted. */
async function deliver(
  { io, wishes }: Session,
  base: string,
  { hash, signature }: Extract<Operation, { operation: "auditor-sign-denomination-0" }>,
): Promise<string | undefined> {
  const outcome = await request(
    io.fetch,
    { method: "POST", url: base + encodeBase32(hash), body: JSON.stringify({ auditor_sig: encodeBase32(signature) }) },
    { timeoutMs: wishes.timeoutMs ?? UPLOAD_TIMEOUT_MS, bodyMax: UPLOAD_BODY_MAX },
  );
  if ("problem" in outcome) return outcome.problem;
  const { status } = outcome;
  if (status === 204) return undefined;
  const meaning = UPLOAD_STATUS[status];
  const code = errorCode(outcome.body);
  return `status ${status}${code === undefined ? "" : ` (error ${code})`}${
    meaning === undefined ? "" : `, ${meaning}`
  }`;
}

/** Number of the error in an exchange's answer; its text is not for our terminal. */
function errorCode(body: Uint8Array): number | undefined {
  const parsed = parseDocument(new TextDecoder().decode(body));
  const code = "value" in parsed && isObject(parsed.value) ? parsed.value.code : undefined;
  return typeof code === "number" && Number.isSafeInteger(code) ? code : undefined;
}

/** Nothing is said when all went well; otherwise each entry gets its line. */
function reportUpload(
  io: OfflineIo,
  operations: readonly Operation[],
  problems: readonly (string | undefined)[],
): boolean {
  const sent = operations.filter(({ operation }) => operation === "auditor-sign-denomination-0").length;
  const failed = problems.filter((problem) => problem !== undefined).length;
  if (failed === 0) {
    io.log("INFO", `the exchange accepted all ${sent} signatures`);
    return true;
  }
  for (const [index, operation] of operations.entries()) {
    if (operation.operation !== "auditor-sign-denomination-0") continue;
    const problem = problems[index];
    const name = `entry ${index + 1}, key ${shortName(operation.hash)}`;
    if (problem === undefined) io.aside(`${name}: accepted`);
    else io.log("ERROR", `${name}: ${problem}`);
  }
  const rest = failed === sent ? "" : "; it does no harm to upload all of them again";
  io.log("ERROR", `${failed} of ${sent} signatures were not accepted${rest}`);
  return false;
}

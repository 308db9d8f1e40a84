// SPDX-License-Identifier: AGPL-3.0-or-later
/** The steps of `offline` that take care of the key: backup, restore, rotate. */

import { publicKeyOf } from "../core/crypto/ed25519.ts";
import { equalBytes } from "../core/crypto/hash.ts";
import { encodeBase32 } from "../core/taler/base32.ts";
import {
  backupPublicKey,
  openKey,
  PASSPHRASE_MIN,
  passphraseBytes,
  passphraseLength,
  type ScryptCost,
  sealKey,
} from "../core/offline/backup.ts";
import { paperSvg } from "../core/offline/paper-svg.ts";
import { paperLines, readPaper } from "../core/offline/paper.ts";
import { isRotationComplete, type RotationStatus, rotationStatus } from "../core/offline/rotation.ts";
import type { OfflineIo } from "./offline-io.ts";
import { createSecretFile, nextKeyFile, readKeyFile, replaceKeyFile } from "./offline-key.ts";
import { examineOrFail, type Session, type StepPlace, takeInput } from "./offline-steps.ts";
import { tableText } from "./offline-text.ts";
import { EXIT, fileFault, ToolError } from "./schema-tool.ts";

/** What the person asked for on the command line. */
export interface CareWishes {
  /** File for the backup itself. */
  readonly output: string | undefined;
  /** File for the sheet of paper, SVG. */
  readonly paper: string | undefined;
  readonly passphraseFile: string | undefined;
  /** File to restore from, `-` for standard input. */
  readonly from: string | undefined;
  /** Only see whether a backup opens. */
  readonly check: boolean;
  /** End a change of key. */
  readonly finish: boolean;
  /** Cost of guessing the passphrase of a new backup; undefined: the program's choice. */
  readonly cost: ScryptCost | undefined;
}

function keyFileOf({ options, wishes }: Session): string {
  const path = options.privateKeyFile;
  if (path === undefined) throw new Error("AUDITOR_PRIV_FILE was not read from the configuration");
  return wishes.next ? nextKeyFile(path) : path;
}

function readKeyOrFail(path: string, io: OfflineIo): Uint8Array {
  const seed = readKeyFile(path, (message) => io.log("WARNING", message));
  if (seed === undefined) throw new ToolError(EXIT.failed, `there is no private key ${path}`);
  return seed;
}

/** `backup`: the key under a passphrase, as a file, as a sheet of paper, or as lines on standard output. */
export function backup(session: Session, care: CareWishes): void {
  const { io } = session;
  const passphrase = newPassphrase(io, care.passphraseFile);
  let sealed: Uint8Array;
  try {
    const seed = readKeyOrFail(keyFileOf(session), io);
    try {
      sealed = sealKey(seed, passphrase, io.random, care.cost);
    } finally {
      seed.fill(0);
    }
    // A backup that does not open is worse than none.
    const opened = openKey(sealed, passphrase);
    if ("fault" in opened) throw new Error(`the backup just made ${opened.fault}`);
    opened.seed.fill(0);
  } finally {
    passphrase.fill(0);
  }
  if (care.output !== undefined) createNew(care.output, sealed);
  if (care.paper !== undefined) {
    createNew(care.paper, new TextEncoder().encode(paperSvg(sealed)));
  }
  if (care.output === undefined && care.paper === undefined) io.print(backupText(sealed));
  const publicKey = encodeBase32(backupPublicKey(sealed) ?? new Uint8Array(0));
  io.aside(`Backup of the key ${publicKey}. See now that it opens: taler-auditor offline restore FILE --check`);
}

function backupText(sealed: Uint8Array): string {
  return ["Encrypted private key of an auditor (taler-auditor offline restore FILE)", ...paperLines(sealed)].join("\n");
}

function createNew(path: string, content: Uint8Array): void {
  if (createSecretFile(path, content)) return;
  throw new ToolError(EXIT.failed, `${path} exists already and is not overwritten`);
}

/** A passphrase for a new backup: typed twice, or from a file. */
function newPassphrase(io: OfflineIo, file: string | undefined): Uint8Array {
  const passphrase = file === undefined ? typedTwice(io) : passphraseFrom(file);
  const length = passphraseLength(passphrase);
  if (length >= PASSPHRASE_MIN) return passphrase;
  passphrase.fill(0);
  throw new ToolError(
    EXIT.failed,
    `the passphrase has ${length} characters; at least ${PASSPHRASE_MIN} are needed`,
    "six or more words drawn by dice are easy to remember and hard to guess",
  );
}

function typedTwice(io: OfflineIo): Uint8Array {
  const first = askSecret(io, "Passphrase of the backup: ");
  const second = askSecret(io, "Once more: ");
  const same = equalBytes(first, second);
  second.fill(0);
  if (same) return first;
  first.fill(0);
  throw new ToolError(EXIT.failed, "the two passphrases differ; no backup was made");
}

function askSecret(io: OfflineIo, question: string): Uint8Array {
  const terminal = io.terminal();
  if (terminal === undefined) {
    throw new ToolError(EXIT.usage, "there is no terminal to ask for the passphrase", "say --passphrase-file FILE");
  }
  const typed = terminal.askSecret(question);
  if (typed === undefined) throw new ToolError(EXIT.failed, "no passphrase was given");
  const passphrase = passphraseBytes(typed);
  typed.fill(0);
  return passphrase;
}

function passphraseFrom(file: string): Uint8Array {
  let content: Uint8Array;
  try {
    content = Deno.readFileSync(file);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof Deno.errors.NotCapable) throw error;
    throw new ToolError(EXIT.failed, `${file} cannot be read: ${fileFault(error, "read")}`);
  }
  const passphrase = passphraseBytes(content);
  content.fill(0);
  return passphrase;
}

/** Larger than any text a person types from paper. */
const RESTORE_MAX = 64 * 1024;

/** `restore`: brings the key back from a backup, or only tells whether it opens. */
export async function restore(session: Session, care: CareWishes): Promise<void> {
  const { io, options } = session;
  const sealed = sealedFrom(await backupBytes(io, care.from ?? "-"));
  const question = "Passphrase of the backup: ";
  const passphrase = care.passphraseFile === undefined ? askSecret(io, question) : passphraseFrom(care.passphraseFile);
  const opened = openKey(sealed, passphrase);
  passphrase.fill(0);
  if ("fault" in opened) throw new ToolError(EXIT.failed, `the backup ${opened.fault}; nothing was restored`);
  const { seed } = opened;
  try {
    const publicKey = publicKeyOf(seed);
    if (options.auditorPub !== undefined && !equalBytes(options.auditorPub, publicKey)) {
      io.log("WARNING", "the key in the backup is not that of [auditor] PUBLIC_KEY");
    }
    if (!care.check) placeKey(io, keyFileOf(session), seed);
    io.print(encodeBase32(publicKey));
  } finally {
    seed.fill(0);
  }
}

async function backupBytes(io: OfflineIo, from: string): Promise<Uint8Array> {
  if (from === "-") return await io.readInput();
  try {
    const { size } = await Deno.stat(from);
    if (size > RESTORE_MAX) {
      throw new ToolError(EXIT.failed, `${from} is no backup: it is larger than ${RESTORE_MAX} bytes`);
    }
    return await Deno.readFile(from);
  } catch (error) {
    if (error instanceof ToolError || error instanceof Deno.errors.NotCapable || !(error instanceof Error)) throw error;
    throw new ToolError(EXIT.failed, `${from} cannot be read: ${fileFault(error, "read")}`);
  }
}

/** The backup in a file: its bytes, the lines typed from paper, or the text of the QR code. */
function sealedFrom(content: Uint8Array): Uint8Array {
  if (backupPublicKey(content) !== undefined) return content;
  const read = readPaper(new TextDecoder().decode(content));
  if ("backup" in read) return read.backup;
  throw new ToolError(EXIT.failed, `the backup ${read.fault}; nothing was restored`);
}

function placeKey(io: OfflineIo, path: string, seed: Uint8Array): void {
  if (createSecretFile(path, seed)) {
    io.log("INFO", `created the private key ${path}`);
    return;
  }
  const present = readKeyOrFail(path, io);
  const same = equalBytes(present, seed);
  present.fill(0);
  if (!same) {
    throw new ToolError(EXIT.failed, `${path} holds another key and is not overwritten`, "move it away first");
  }
  io.log("WARNING", `${path} holds this key already`);
}

/**
 * `rotate`: helps through a change of key. Creates the next key, tells with a document what it has to sign, and makes
 * it the current one when the exchange shows its signatures.
 */
export async function rotate(session: Session, place: StepPlace, care: CareWishes): Promise<void> {
  const { io, options, wishes } = session;
  const path = keyFileOf({ ...session, wishes: { ...wishes, next: false } });
  const next = nextKeyFile(path);
  const oldPub = publicOf(readKeyOrFail(path, io));
  if (!care.finish && readAndForget(next, io) === undefined) {
    const fresh = io.random(32);
    const created = createSecretFile(next, fresh);
    fresh.fill(0);
    if (created) io.print(`Created the next key: ${next}`);
  }
  const newPub = readAndForget(next, io);
  if (newPub === undefined) throw new ToolError(EXIT.failed, `there is no next key ${next}`, "rotate creates one");
  const withDocument = session.input !== undefined || place.dash || wishes.input !== undefined;
  if (!withDocument) {
    if (care.finish) {
      throw new ToolError(
        EXIT.usage,
        "to end the change, the exchange's keys are needed",
        "rotate --finish --input FILE",
      );
    }
    io.print(planText(oldPub, newPub, options.auditorBaseUrl));
    return;
  }
  const examination = examineOrFail(session, await takeInput(session));
  session.input = undefined;
  if (examination.refusals.length > 0) throw new ToolError(EXIT.failed, examination.refusals.join("\n"));
  const { keys } = examination;
  const status = rotationStatus(keys, { oldPub, newPub, auditorUrl: options.auditorBaseUrl, now: io.now() });
  io.print(statusText(keys.currency, status));
  if (!care.finish) return;
  if (!isRotationComplete(status)) {
    throw new ToolError(EXIT.failed, "the change cannot end yet; both keys stay where they are");
  }
  const retired = replaceKeyFile(path, encodeBase32(oldPub).slice(0, 8));
  io.print(finishedText(oldPub, newPub, path, retired));
}

function publicOf(seed: Uint8Array): Uint8Array {
  const publicKey = publicKeyOf(seed);
  seed.fill(0);
  return publicKey;
}

function readAndForget(path: string, io: OfflineIo): Uint8Array | undefined {
  const seed = readKeyFile(path, (message) => io.log("WARNING", message));
  return seed === undefined ? undefined : publicOf(seed);
}

/** What to do, in order, from the beginning of a change to its end. */
function planText(oldPub: Uint8Array, newPub: Uint8Array, url: string): string {
  const [old, fresh] = [encodeBase32(oldPub), encodeBase32(newPub)];
  return `Change of key
  old  ${old}
  new  ${fresh}

1. Back up the new key:           taler-auditor offline backup --next --paper FILE.svg
2. Tell the exchange's operator the new public key by a trusted channel. Their tool adds it:
   taler-exchange-offline enable-auditor ${fresh} ${url} NAME
3. Sign all denominations anew:   taler-auditor offline download > input.json
                                  taler-auditor offline show < input.json
                                  taler-auditor offline sign --next < input.json > output.json
                                  taler-auditor offline upload < output.json \\
                                  --auditor-key ${fresh}
4. Publish the new public key where wallets and the public find it, with the date of the change,
   signed or confirmed in the way the old one was published.
5. See whether anything is left:  taler-auditor offline download > input.json
                                  taler-auditor offline rotate --input input.json
6. End the change:                taler-auditor offline rotate --finish --input input.json
7. Set [auditor] PUBLIC_KEY = ${fresh}
   on every machine that has it, restart the auditor's web service, and let the exchange's operator
   remove the old key:
   taler-exchange-offline disable-auditor ${old}
If the old key was stolen, have it removed first, before anything else.`;
}

function statusText(currency: string, status: RotationStatus): string {
  const { oldListed, newListed, both, onlyOld, onlyNew, neither } = status;
  const listed = (is: boolean) => (is ? "listed by the exchange" : "NOT listed by the exchange");
  const missing = [...onlyOld, ...neither].map((denomination) => ({ denomination, marks: [] }));
  const lines = [
    `old key: ${listed(oldListed)}, has signed ${both.length + onlyOld.length} keys that are still in use`,
    `new key: ${listed(newListed)}, has signed ${both.length + onlyNew.length} keys that are still in use`,
  ];
  if (missing.length === 0) return [...lines, "The new key has signed everything that is still in use."].join("\n");
  const heading = `The new key still has to sign ${missing.length === 1 ? "one key" : `${missing.length} keys`}:`;
  return [...lines, heading, "", tableText(currency, missing, false)].join("\n");
}

function finishedText(oldPub: Uint8Array, newPub: Uint8Array, path: string, retired: string): string {
  return `The change has ended.
  new key  ${path}
  old key  ${retired}
Still to be done:
1. Set [auditor] PUBLIC_KEY = ${encodeBase32(newPub)}
   on every machine that has it, and restart the auditor's web service.
2. Let the exchange's operator remove the old key:
   taler-exchange-offline disable-auditor ${encodeBase32(oldPub)}
3. Destroy the old key and its backups as soon as nobody needs to prove anything with it.`;
}

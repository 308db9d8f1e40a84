// SPDX-License-Identifier: AGPL-3.0-or-later
/** Catalogues of translations (gettext's `.po` files): reading, bringing up to date without losing work, writing. */

import { Buffer } from "node:buffer";
import gettext from "gettext-parser";
import { messagesOf } from "./messages.ts";
import type { SourceDocument } from "./parser.ts";
import type { Translator } from "./resolve.ts";
import { similarityIndex } from "./similarity.ts";
import type { TermsProblem } from "./tree.ts";

/** Comments of an entry, lines joined with `\n`; `flag` as in `fuzzy, no-wrap`, `previous` as it stands in the file. */
interface Comments {
  translator?: string;
  reference?: string;
  extracted?: string;
  flag?: string;
  previous?: string;
}

interface CatalogueEntry {
  msgid: string;
  msgctxt?: string;
  msgid_plural?: string;
  msgstr: string[];
  comments?: Comments;
}

type Section = Record<string, Record<string, CatalogueEntry>>;

/** A catalogue as gettext-parser has it. */
export interface Catalogue {
  charset: string;
  headers?: Record<string, string>;
  translations: Section;
  obsolete?: Section;
}

/** How far a catalogue is. */
export interface CatalogueState {
  readonly translated: number;
  /** Carried over from a similar text, to be looked at; not used until then. */
  readonly fuzzy: number;
  readonly untranslated: number;
}

/** Reads a catalogue, in whatever encoding its header names. Double messages and broken strings are problems. */
export function parseCatalogue(
  file: string,
  bytes: Uint8Array,
): { catalogue: Catalogue } | { problems: TermsProblem[] } {
  try {
    return { catalogue: parsePo(bytes, true) };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // the library takes the names that every object has for entries that are there already
    const double = /^Duplicate msgid error: entry "(\w+)"/.exec(error.message)?.[1];
    if (double !== undefined && double in {}) return { catalogue: parsePo(bytes, false) };
    const line = "lineNumber" in error ? Number(error.lineNumber) : undefined;
    return { problems: [{ file, line, message: error.message.replace(/^Error parsing PO data: /, "") }] };
  }
}

function parsePo(bytes: Uint8Array, validation: boolean): Catalogue {
  return gettext.po.parse(toBuffer(bytes), { defaultCharset: "utf-8", validation }) as Catalogue;
}

/** The library reads text or Node's buffers. */
function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function normalize(message: string): string {
  return message.replace(/\s+/g, " ").trim();
}

/** Entries that translate texts of the document: those without context, without the header. */
function entriesOf(section: Section | undefined): CatalogueEntry[] {
  return Object.values(section?.[""] ?? {}).filter(({ msgid }) => msgid !== "");
}

function isFuzzy({ comments }: CatalogueEntry): boolean {
  return (comments?.flag ?? "").split(/[\n,]/).some((flag) => flag.trim() === "fuzzy");
}

/** Translations for resolveDocument: fuzzy and empty ones are left out (cli.md 14). */
export function translatorOf(file: string, catalogue: Catalogue): Translator {
  const known = new Map(
    entriesOf(catalogue.translations).filter((entry) => !isFuzzy(entry))
      .map(({ msgid, msgstr }) => [normalize(msgid), msgstr[0] ?? ""]),
  );
  return { file, translate: (message) => known.get(message) || undefined };
}

/** Counts what of the document's messages a catalogue translates. */
export function catalogueState(source: SourceDocument, catalogue: Catalogue): CatalogueState {
  const entries = new Map(entriesOf(catalogue.translations).map((entry) => [normalize(entry.msgid), entry]));
  const state = { translated: 0, fuzzy: 0, untranslated: 0 };
  for (const { id } of messagesOf(source)) {
    const entry = entries.get(id);
    if (entry === undefined || (entry.msgstr[0] ?? "") === "") state.untranslated++;
    else if (isFuzzy(entry)) state.fuzzy++;
    else state.translated++;
  }
  return state;
}

/** What a new catalogue is about. */
export interface CatalogueSubject {
  /** Two letters. */
  readonly language: string;
  /** Name of the text, as in `tos-v0`. */
  readonly etag: string;
  /** Date of the source, for the header. */
  readonly date: Date;
}

/**
 * Brings a catalogue up to date with its source, or begins one. Texts that are new are added; a changed text takes
 * over the translation of the most similar one that vanished, marked fuzzy; what vanished stays as obsolete entry and
 * comes back with its text. Comments, flags and headers of translators are kept.
 */
export function mergeCatalogue(
  source: SourceDocument,
  existing: Catalogue | undefined,
  subject: CatalogueSubject,
): Catalogue {
  const old = new Map(entriesOf(existing?.translations).map((entry) => [normalize(entry.msgid), entry]));
  const retired = new Map(entriesOf(existing?.obsolete).map((entry) => [normalize(entry.msgid), entry]));
  const messages = messagesOf(source);
  const wanted = new Set(messages.map(({ id }) => id));
  const vanished = [...retired, ...old].filter(([id, { msgstr }]) => !wanted.has(id) && (msgstr[0] ?? "") !== "");
  const byId = new Map(vanished);
  const similar = similarityIndex([...byId.keys()]);
  const file = source.file.replace(/^.*\//, "");
  const current: Record<string, CatalogueEntry> = { "": headerOf(existing, subject) };
  for (const { id, lines, note } of messages) {
    const known = old.get(id) ?? retired.get(id);
    const entry = known ?? carriedOver(id, similar(id), byId);
    const reference = lines.map((line) => `${file}:${line}`).join("\n");
    const { translator, flag, previous } = entry.comments ?? {};
    const comments = { translator, reference, extracted: note, flag, previous };
    put(current, { ...entry, msgid: id, comments: withoutEmpty(comments) });
  }
  const obsolete: Record<string, CatalogueEntry> = {};
  for (const entry of byId.values()) put(obsolete, { ...entry, comments: withoutPlace(entry.comments) });
  return {
    charset: "utf-8",
    headers: headersOf(existing, subject),
    translations: { ...otherContexts(existing?.translations), "": current },
    obsolete: { ...otherContexts(existing?.obsolete), "": obsolete },
  };
}

/** Sets a key of any name, `__proto__` included. */
function put(section: Record<string, CatalogueEntry>, entry: CatalogueEntry): void {
  Object.defineProperty(section, entry.msgid, { value: entry, writable: true, enumerable: true, configurable: true });
}

function carriedOver(
  id: string,
  from: string | undefined,
  vanished: ReadonlyMap<string, CatalogueEntry>,
): CatalogueEntry {
  const entry = from === undefined ? undefined : vanished.get(from);
  if (entry === undefined) return { msgid: id, msgstr: [""] };
  const flags = (entry.comments?.flag ?? "").split(/[\n,]/).map((flag) => flag.trim()).filter((flag) => flag !== "");
  const comments = {
    translator: entry.comments?.translator,
    flag: ["fuzzy", ...flags.filter((flag) => flag !== "fuzzy")].join(", "),
    previous: entry.comments?.previous ?? previousText(entry.msgid),
  };
  return { msgid: id, msgstr: [...entry.msgstr], comments: withoutEmpty(comments) };
}

/** The old message as comment: `msgid "…"`, escaped as in the file. */
function previousText(msgid: string): string {
  return `msgid "${msgid.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n").replace(/\t/g, "\\t")}"`;
}

function withoutEmpty(comments: { readonly [K in keyof Comments]: string | undefined }): Comments {
  return Object.fromEntries(Object.entries(comments).filter(([, text]) => text !== undefined && text !== ""));
}

/** An obsolete entry stands nowhere in the source. */
function withoutPlace(comments: Comments | undefined): Comments {
  const { translator, flag, previous } = comments ?? {};
  return withoutEmpty({ translator, flag, previous });
}

function otherContexts(section: Section | undefined): Section {
  return Object.fromEntries(Object.entries(section ?? {}).filter(([context]) => context !== ""));
}

function headerOf(existing: Catalogue | undefined, { language, etag }: CatalogueSubject): CatalogueEntry {
  const known = existing?.translations[""]?.[""];
  if (known !== undefined) return known;
  const translator = `Translation of ${etag} to "${language}".\n` +
    "Markup is reStructuredText, as in the message: *emphasis*, **strong**, ``literal``, |name|, `text <address>`_.\n" +
    "Entries without translation, and those marked fuzzy, appear in the language of the source.";
  return { msgid: "", msgstr: [""], comments: { translator } };
}

function headersOf(existing: Catalogue | undefined, subject: CatalogueSubject): Record<string, string> {
  const creation = `${subject.date.toISOString().slice(0, 16).replace("T", " ")}+0000`;
  const { headers } = existing ?? {};
  if (headers !== undefined) return { ...headers, "Content-Type": "text/plain; charset=utf-8" };
  return {
    "Project-Id-Version": subject.etag,
    "POT-Creation-Date": creation,
    "Language": subject.language,
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
  };
}

/** The file of a catalogue, UTF-8. */
export function formatCatalogue(catalogue: Catalogue): Uint8Array {
  return new Uint8Array(gettext.po.compile(catalogue as never, { foldLength: 79 }));
}

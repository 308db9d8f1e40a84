// SPDX-License-Identifier: AGPL-3.0-or-later
/** XML from outside as a tree: well-formed, without a document type and so without entities of its own, bounded. */

import { SaxesParser } from "saxes";

/** An element. Names are without prefix; `namespace` is the URI. */
export interface XmlElement {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  /** Line on which its first tag ends, from 1. */
  readonly line: number;
  /** The element's own text, without that of its children, trimmed. */
  text: string;
}

/** The root element, or why there is none. */
export type XmlResult = { readonly root: XmlElement } | { readonly fault: string };

/** Deepest nesting; camt.053 needs about fifteen levels. */
const DEPTH_MAX = 64;

/** Raised inside this file only; becomes the fault of the result. */
class Malformed extends Error {}

/** Parses a document. Bounds on its size are the caller's. */
export function parseXml(bytes: Uint8Array): XmlResult {
  try {
    return { root: parse(decode(bytes)) };
  } catch (error) {
    if (error instanceof Malformed) return { fault: error.message };
    throw error;
  }
}

function parse(text: string): XmlElement {
  const parser = new SaxesParser({ xmlns: true });
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  const place = () => `line ${parser.line}`;
  const append = (more: string) => {
    const element = open.at(-1);
    if (element !== undefined) element.text += more;
  };
  parser.on("error", (error) => {
    // the parser's own message begins with its place
    const hint = text.trimStart().startsWith("<") ? "" : " (the file does not look like XML at all)";
    throw new Malformed(`not well-formed XML: ${error.message.slice(0, 200).replace(/\.$/, "")}${hint}`);
  });
  parser.on("doctype", () => {
    throw new Malformed(`${place()}: a document type is not allowed`);
  });
  parser.on("opentag", ({ local, uri, attributes }) => {
    if (open.length >= DEPTH_MAX) throw new Malformed(`${place()}: nested more than ${DEPTH_MAX} levels deep`);
    const values = new Map(Object.values(attributes).map((attribute) => [attribute.local, attribute.value]));
    const element: XmlElement = {
      name: local,
      namespace: uri,
      attributes: values,
      children: [],
      line: parser.line,
      text: "",
    };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on("text", append);
  parser.on("cdata", append);
  parser.on("closetag", () => {
    const element = open.pop();
    if (element !== undefined) element.text = element.text.trim();
  });
  parser.write(text).close();
  if (root === undefined) throw new Malformed("no XML element in it");
  return root;
}

const ENCODINGS = ["utf-8", "us-ascii", "iso-8859-1", "windows-1252"];

/** The document's text, by the encoding that it declares; UTF-8 unless it says otherwise. */
function decode(bytes: Uint8Array): string {
  const head = String.fromCharCode(...bytes.subarray(0, 200));
  const declared = /^(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']/.exec(head)?.[1];
  const encoding = declared?.toLowerCase() ?? "utf-8";
  if (!ENCODINGS.includes(encoding)) throw new Malformed(`the encoding is none of ${ENCODINGS.join(", ")}`);
  try {
    return new TextDecoder(encoding === "us-ascii" ? "utf-8" : encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new Malformed(`not text in the encoding ${encoding}`);
    throw error;
  }
}

/** The first element at the end of a path of names below an element. */
export function find(element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined {
  let found = element;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found;
}

/** All children of a name. */
export function findAll(element: XmlElement | undefined, name: string): XmlElement[] {
  return element?.children.filter((child) => child.name === name) ?? [];
}

/** Text of the first element at the end of a path; undefined if there is none or it is empty. */
export function textOf(element: XmlElement | undefined, ...path: readonly string[]): string | undefined {
  const text = find(element, ...path)?.text;
  return text === undefined || text === "" ? undefined : text;
}

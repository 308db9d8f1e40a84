// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The typst compiler, as WebAssembly: source text and fonts to a PDF. It reads no file, no network and no clock, so
 * the same input gives the same bytes; dates come from the source (`set document(date: …)`).
 */

import type { TypstCompiler } from "@myriaddreamin/typst-ts-web-compiler";

/** Something wrong with the source; line and column count from 1. */
export interface TypstProblem {
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly message: string;
}

/** A PDF, or why there is none. */
export type TypstResult =
  | { readonly pdf: Uint8Array<ArrayBuffer> }
  | { readonly problems: readonly TypstProblem[] };

/** What a compilation takes. */
export interface TypstInput {
  /** The main file. */
  readonly source: string;
  /** TrueType or OpenType files; typst has none of its own here. */
  readonly fonts: readonly Uint8Array[];
  /** Further files that the source may read, such as images: absolute path in the world of the compiler, content. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

const PACKAGE = "@myriaddreamin/typst-ts-web-compiler";
const MAIN = "/main.typ";
/** Diagnostics as objects; the module's other forms are texts. */
const AS_OBJECTS = 3;

/** A diagnostic as the compiler gives it; `range` is `line:column-line:column`, from 0. */
interface Diagnostic {
  readonly severity: string;
  readonly message: string;
  readonly range?: string;
}

type Module = typeof import("@myriaddreamin/typst-ts-web-compiler");

let module: Promise<Module> | undefined;

/** Loads the compiler once: 28 MB, about 0.1 s. */
function loadModule(): Promise<Module> {
  module ??= (async () => {
    const loaded = await import("@myriaddreamin/typst-ts-web-compiler");
    const wasm = await Deno.readFile(new URL(import.meta.resolve(`${PACKAGE}/pkg/typst_ts_web_compiler_bg.wasm`)));
    loaded.initSync({ module: wasm });
    return loaded;
  })();
  return module;
}

/** The compiler broke down once; its memory cannot be trusted any more. */
let broken = false;

/**
 * Compiles typst to PDF (tagged, with bookmarks for headings).
 *
 * @throws if the compiler itself cannot be used; what is wrong with the source, also its size, is returned
 */
export async function compileTypst(input: TypstInput): Promise<TypstResult> {
  const { TypstCompilerBuilder } = await loadModule();
  if (broken) throw new Error("the typst compiler broke down before and cannot be used again in this process");
  try {
    const builder = new TypstCompilerBuilder();
    builder.set_dummy_access_model();
    for (const font of input.fonts) await builder.add_raw_font(font);
    const compiler = await builder.build();
    const result = compileWith(compiler, input);
    compiler.free();
    return result;
  } catch (error) {
    // out of memory, or a panic
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    broken = true;
    const message = `the compiler gave up (${error.message}); the document may be too large`;
    return { problems: [{ line: undefined, column: undefined, message }] };
  }
}

function compileWith(compiler: TypstCompiler, { source, files = {} }: TypstInput): TypstResult {
  for (const [path, content] of Object.entries(files)) compiler.map_shadow(path, content);
  compiler.add_source(MAIN, source);
  const outcome = compiler.compile(MAIN, undefined, "pdf", AS_OBJECTS) as {
    result?: Uint8Array<ArrayBuffer>;
    diagnostics?: readonly Diagnostic[];
  };
  if (outcome.result !== undefined) return { pdf: outcome.result };
  return { problems: (outcome.diagnostics ?? []).map(problemOf) };
}

function problemOf({ message, range }: Diagnostic): TypstProblem {
  const found = /^(\d+):(\d+)/.exec(range ?? "");
  const count = (text: string | undefined) => text === undefined ? undefined : Number(text) + 1;
  return { line: count(found?.[1]), column: count(found?.[2]), message };
}

/** A text as a typst string literal: nothing in it is markup or code. */
export function typstString(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t")}"`;
}

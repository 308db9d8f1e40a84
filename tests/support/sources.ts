// SPDX-License-Identifier: AGPL-3.0-or-later
/** The project's own source, for tests that look at it: its files, and what the compiler's parser sees in them. */
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

/** A file of the project. */
export interface SourceFile {
  /** Path from the root of the project, with `/`. */
  path: string;
  text: string;
}

/** Root of the project. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Names and endings that the project does not keep: those of `.gitignore`, and the repository itself. */
function ignored(): (name: string) => boolean {
  const lines = Deno.readTextFileSync(join(ROOT, ".gitignore")).split("\n").map((l) => l.trim()).filter((l) =>
    l !== ""
  );
  const names = new Set([".git", ...lines.map((l) => l.replace(/\/$/, ""))]);
  const endings = lines.filter((l) => l.startsWith("*")).map((l) => l.slice(1));
  return (name) => names.has(name) || endings.some((e) => name.endsWith(e));
}

function* walk(folder: string, skip: (name: string) => boolean): Generator<string> {
  for (const entry of [...Deno.readDirSync(join(ROOT, folder))].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (skip(entry.name) || entry.isSymlink) continue;
    if (entry.isDirectory) yield* walk(path, skip);
    else yield path;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** All text files of the project; binary ones are left out. */
export function textFiles(): SourceFile[] {
  return [...walk("", ignored())].flatMap((path) => {
    const bytes = Deno.readFileSync(join(ROOT, path));
    if (bytes.includes(0)) return [];
    try {
      return [{ path, text: decoder.decode(bytes) }];
    } catch {
      return [];
    }
  });
}

/** All TypeScript files of the project. */
export function sourceFiles(): SourceFile[] {
  return textFiles().filter((f) => f.path.endsWith(".ts"));
}

/** A name that a file takes from another. */
export interface Import {
  /** Path of the other file from the root for a relative specifier, else the specifier. */
  from: string;
  relative: boolean;
  /** Names, or `*` for all. */
  names: string[];
  line: number;
}

/** A name that a file gives to others. */
export interface Export {
  name: string;
  line: number;
  /** It is declared here, not passed on from another file. */
  declared: boolean;
  documented: boolean;
}

/** A function. */
export interface FunctionFact {
  name: string;
  line: number;
  lines: number;
}

/** What the parser sees in a file. */
export interface Facts {
  imports: Import[];
  exports: Export[];
  functions: FunctionFact[];
  /** Literal texts, and the fixed parts of templates, with their lines. */
  texts: { value: string; line: number }[];
  /** Lines that use `console`. */
  console: number[];
  /** Calls whose first argument is a text: name of the function, and the text. */
  calls: { callee: string; text: string; line: number }[];
}

type Node = Deno.lint.Node;

/** Lines of a text by the place of a character. */
function lineOf(text: string): (at: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (at) => starts.findLastIndex((start) => start <= at) + 1;
}

function nameOfDeclaration(node: Node): string[] {
  if ("id" in node && node.id !== null && typeof node.id === "object" && "name" in node.id) {
    return [String(node.id.name)];
  }
  if (node.type !== "VariableDeclaration") return [];
  return node.declarations.flatMap((d) => d.id.type === "Identifier" ? [d.id.name] : []);
}

/** The name by which people know a function. */
function nameOfFunction(node: Node): string {
  const [own] = nameOfDeclaration(node);
  if (own !== undefined) return own;
  const parent = "parent" in node ? node.parent as Node : undefined;
  if (parent === undefined) return "function";
  if (parent.type === "VariableDeclarator" && parent.id.type === "Identifier") return parent.id.name;
  if ((parent.type === "MethodDefinition" || parent.type === "Property") && parent.key.type === "Identifier") {
    return parent.key.name;
  }
  return "function";
}

function nameOf(node: { type: string; name?: string; value?: unknown }): string {
  return node.type === "Identifier" ? node.name! : String(node.value);
}

/** Parses a file. */
export function factsOf(file: SourceFile): Facts {
  const line = lineOf(file.text);
  const facts: Facts = { imports: [], exports: [], functions: [], texts: [], console: [], calls: [] };
  const resolve = (specifier: string) =>
    specifier.startsWith(".") ? normalize(join(dirname(file.path), specifier)).replaceAll("\\", "/") : specifier;
  const addImport = (specifier: string, names: string[], at: number) =>
    facts.imports.push({ from: resolve(specifier), relative: specifier.startsWith("."), names, line: line(at) });
  const addFunction = (node: Node) => {
    const [from, to] = [line(node.range[0]), line(node.range[1] - 1)];
    facts.functions.push({ name: nameOfFunction(node), line: from, lines: to - from + 1 });
  };
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration(node) {
      const names = node.specifiers.map((s) => s.type === "ImportSpecifier" ? nameOf(s.imported) : "*");
      addImport(node.source.value, names, node.range[0]);
    },
    ImportExpression(node) {
      if (node.source.type === "Literal") addImport(String(node.source.value), ["*"], node.range[0]);
    },
    ExportAllDeclaration(node) {
      addImport(node.source.value, ["*"], node.range[0]);
    },
    ExportNamedDeclaration(node) {
      const at = node.range[0];
      const documented = /\/\*\*(?:(?!\*\/)[^])*\*\/\s*$/.test(file.text.slice(0, at));
      const names = node.declaration ? nameOfDeclaration(node.declaration) : [];
      for (const name of names) facts.exports.push({ name, line: line(at), declared: true, documented });
      for (const s of node.specifiers) {
        facts.exports.push({ name: nameOf(s.exported), line: line(at), declared: false, documented: true });
      }
      if (node.source) addImport(node.source.value, node.specifiers.map((s) => nameOf(s.local)), at);
    },
    FunctionDeclaration: addFunction,
    FunctionExpression: addFunction,
    ArrowFunctionExpression: addFunction,
    Literal(node) {
      if (typeof node.value === "string") facts.texts.push({ value: node.value, line: line(node.range[0]) });
    },
    TemplateLiteral(node) {
      for (const { cooked } of node.quasis) facts.texts.push({ value: cooked, line: line(node.range[0]) });
    },
    MemberExpression(node) {
      if (node.object.type === "Identifier" && node.object.name === "console") facts.console.push(line(node.range[0]));
    },
    NewExpression(node) {
      // a worker's module is named by a URL
      const [first, second] = node.arguments;
      const isUrl = node.callee.type === "Identifier" && node.callee.name === "URL";
      if (
        isUrl && first?.type === "Literal" && second?.type === "MemberExpression" && /\.ts$/.test(String(first.value))
      ) {
        addImport(String(first.value), ["*"], node.range[0]);
      }
    },
    CallExpression(node) {
      const [first] = node.arguments;
      if (node.callee.type !== "Identifier" || first?.type !== "Literal" || typeof first.value !== "string") return;
      facts.calls.push({ callee: node.callee.name, text: first.value, line: line(node.range[0]) });
    },
  };
  // the parser of the linter is the one that Deno itself uses; it is at hand in tests only
  Deno.lint.runPlugin({ name: "facts", rules: { all: { create: () => visitor } } }, file.path, file.text);
  return facts;
}

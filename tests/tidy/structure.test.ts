// SPDX-License-Identifier: AGPL-3.0-or-later
/** The plan of the house: which folder may use which, how long files and functions may be, who may print. */
import assert from "node:assert/strict";
import { type Facts, factsOf, type Import, type SourceFile, sourceFiles } from "../support/sources.ts";

const files: (SourceFile & Facts)[] = sourceFiles().map((f) => ({ ...f, ...factsOf(f) }));
const paths = new Set(files.map((f) => f.path));

/** What a folder may use beside itself. */
const FOLDERS: Record<string, readonly string[]> = {
  "main.ts": ["cmd", "http", "report", "core"],
  cmd: ["http", "report", "core"],
  http: ["report", "core"],
  report: ["core"],
  core: ["share"],
  scripts: ["cmd", "core"],
  tests: ["main.ts", "cmd", "http", "report", "core", "scripts"],
};

/** Rooms of core in the order in which they may use each other: each may use those before it. */
const ROOMS = [
  "taler",
  "crypto",
  "config",
  "document",
  "terms",
  "db",
  "exchange",
  "bank",
  "audit",
  "sync",
  "offline",
  "sandbox",
  "simulator",
];

function folderOf(path: string): string {
  return path.split("/")[0]!;
}

function passOf(path: string): string | undefined {
  return /^core\/audit\/passes\/([^/]+)\//.exec(path)?.[1];
}

/** Why an import is against the plan; undefined if it is not. */
function objection(path: string, { from, relative }: Pick<Import, "from" | "relative">): string | undefined {
  if (!relative) return undefined;
  const [here, there] = [folderOf(path), folderOf(from)];
  if (here !== there) return FOLDERS[here]?.includes(there) === true ? undefined : `${here} may not use ${there}`;
  if (here !== "core") return undefined;
  const [mine, other] = [path.split("/")[1]!, from.split("/")[1]!];
  if (ROOMS.indexOf(other) < 0) return `core has no room ${other}`;
  if (ROOMS.indexOf(other) > ROOMS.indexOf(mine)) return `room ${mine} may not use room ${other}`;
  const [pass, otherPass] = [passOf(path), passOf(from)];
  return pass !== undefined && otherPass !== undefined && pass !== otherPass
    ? `pass ${pass} may not use pass ${otherPass}`
    : undefined;
}

Deno.test("tidy: the rules about arrows forbid what they are to forbid", () => {
  const cases: [path: string, from: string, objection: string | undefined][] = [
    ["main.ts", "cmd/audit.ts", undefined],
    ["cmd/audit.ts", "core/audit/run.ts", undefined],
    ["scripts/build.ts", "cmd/audit.ts", undefined],
    ["scripts/build.ts", "tests/support/server.ts", "scripts may not use tests"],
    ["cmd/audit.ts", "main.ts", "cmd may not use main.ts"],
    ["http/app.ts", "cmd/audit.ts", "http may not use cmd"],
    ["report/model.ts", "http/app.ts", "report may not use http"],
    ["core/taler/amount.ts", "report/model.ts", "core may not use report"],
    ["core/taler/amount.ts", "tests/support/server.ts", "core may not use tests"],
    ["core/audit/run.ts", "core/exchange/rows.ts", undefined],
    ["core/exchange/rows.ts", "core/audit/run.ts", "room exchange may not use room audit"],
    ["core/taler/amount.ts", "core/crypto/hash.ts", "room taler may not use room crypto"],
    ["core/taler/amount.ts", "core/elsewhere/x.ts", "core has no room elsewhere"],
    ["core/audit/passes/coins/pass.ts", "core/audit/passes/coins/state.ts", undefined],
    ["core/audit/passes/coins/pass.ts", "core/audit/pass.ts", undefined],
    ["core/audit/passes/coins/pass.ts", "core/audit/passes/reserves/state.ts", "pass coins may not use pass reserves"],
    ["elsewhere/x.ts", "core/taler/amount.ts", "elsewhere may not use core"],
  ];
  for (const [path, from, expected] of cases) {
    assert.equal(objection(path, { from, relative: true }), expected, `${path} -> ${from}`);
  }
});

Deno.test("tidy: arrows between folders point one way", () => {
  const found = files.flatMap(({ path, imports }) =>
    imports.flatMap((i) => {
      const text = objection(path, i);
      return text === undefined ? [] : [`${path}:${i.line} ${text} (${i.from})`];
    })
  );
  assert.deepEqual(found, []);
});

Deno.test("tidy: every TypeScript file is in a folder of the plan", () => {
  const homeless = [...paths].filter((p) => !(folderOf(p) in FOLDERS) || /^core\/[^/]+\.ts$/.test(p));
  assert.deepEqual(homeless, []);
  const rooms = new Set([...paths].filter((p) => p.startsWith("core/")).map((p) => p.split("/")[1]!));
  assert.deepEqual([...rooms].filter((r) => !ROOMS.includes(r)), []);
});

Deno.test("tidy: imports name files that exist, with their ending, or what deno.json pins", () => {
  const pinned = Object.keys(JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url))).imports);
  const isThere = (path: string) => Deno.statSync(new URL(`../../${path}`, import.meta.url)).isFile;
  const known = ({ from, relative }: Import) =>
    relative
      ? paths.has(from) || (/^share\/|\.json$/.test(from) && isThere(from))
      : from.startsWith("node:") || pinned.some((p) => p.endsWith("/") ? from.startsWith(p) : from === p);
  const unknown = files.flatMap((f) => f.imports.filter((i) => !known(i)).map((i) => `${f.path}:${i.line} ${i.from}`));
  assert.deepEqual(unknown, []);
});

const MAX_FUNCTION = 70;
const MAX_FILE = 400;

/** Files that may be longer, and why. */
const LONG_FILES: Record<string, string> = {
  "tests/unit/config_language.test.ts": "one table of texts and what they mean",
  "tests/unit/config_load.test.ts": "one table of files and what is read from them",
  "tests/unit/config_roles.test.ts": "one table of options for each role",
  "tests/unit/db_connstring.test.ts": "one table of connection strings",
  "tests/fault/hostile/reserves.ts": "one table of hostile rows and what is found",
  "tests/fault/hostile/unconstrained.ts": "one table of hostile rows and what is found",
  "tests/integration/offline_exchange.test.ts": "one stand-in for an exchange and what is asked of it",
  "tests/golden/differences.ts": "one list: each difference from the reference, by its number",
};

Deno.test(`tidy: no file has more than ${MAX_FILE} lines`, () => {
  const long = files.map((f) => ({ path: f.path, lines: f.text.split("\n").length - 1 }))
    .filter((f) => f.lines > MAX_FILE && !(f.path in LONG_FILES));
  assert.deepEqual(long, []);
  assert.deepEqual(Object.keys(LONG_FILES).filter((p) => !paths.has(p)), [], "exceptions for files that do not exist");
});

Deno.test(`tidy: no function has more than ${MAX_FUNCTION} lines`, () => {
  const long = files.flatMap((f) =>
    f.functions.filter((fn) => fn.lines > MAX_FUNCTION).map((fn) =>
      `${f.path}:${fn.line} ${fn.name}: ${fn.lines} lines`
    )
  );
  assert.deepEqual(long, []);
});

/** Who may print beside the subcommands and scripts. */
const MAY_PRINT = /^(cmd|scripts|tests)\/|^main\.ts$/;

Deno.test("tidy: only what talks to people prints: cmd, scripts, the door, tests", () => {
  const found = files.filter((f) => !MAY_PRINT.test(f.path)).flatMap((f) =>
    f.console.map((line) => `${f.path}:${line}`)
  );
  assert.deepEqual(found, []);
});

Deno.test("tidy: the parser sees what these tests ask for", () => {
  const text = `import { a, type b as c } from "./x.ts";
import * as all from "../core/y.ts";
const worker = new URL("./w.ts", import.meta.url);
/** Documented. */
export function f(): void {
  const g = () => {
    console.log("C-11", worker, a, all);
  };
  g();
}
export const undocumented = 1, second = 2;
/** An older comment. */
const between = 3;
export interface C { d: c }
export { between as renamed };
export { z } from "./z.ts";
class K {
  method() {}
}
report("X-9", 2, K);
`;
  const facts = factsOf({ path: "tests/a.ts", text });
  assert.deepEqual(facts.imports.map((i) => [i.from, i.names.join(), i.line]), [
    ["tests/x.ts", "a,b", 1],
    ["core/y.ts", "*", 2],
    ["tests/w.ts", "*", 3],
    ["tests/z.ts", "z", 16],
  ]);
  assert.deepEqual(facts.exports.map((e) => [e.name, e.line, e.documented]), [
    ["f", 5, true],
    ["undocumented", 11, false],
    ["second", 11, false],
    ["C", 14, false],
    ["renamed", 15, true],
    ["z", 16, true],
  ]);
  assert.deepEqual(facts.functions.map((f) => [f.name, f.line, f.lines]), [["f", 5, 6], ["g", 6, 3], [
    "method",
    18,
    1,
  ]]);
  assert.deepEqual(facts.console, [7]);
  assert.deepEqual(facts.calls.map((c) => [c.callee, c.text]), [["report", "X-9"]]);
  assert.ok(facts.texts.some((t) => t.value === "C-11" && t.line === 7));
});

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path";
import type { Configuration } from "../../core/config/configuration.ts";
import { fixedEnvironment, processEnvironment } from "../../core/config/environment.ts";
import { loadConfiguration, type LoadOptions } from "../../core/config/load.ts";
import { ConfigurationError, describeProblem } from "../../core/config/problem.ts";

/** Runs a test in a real folder with these files; a text that begins with `->` makes a symbolic link. */
function inFolder(files: Readonly<Record<string, string>>, test: (folder: string) => void): void {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "taler-auditor-config-" }));
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, name);
      Deno.mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
      if (text.startsWith("->")) Deno.symlinkSync(text.slice(2), path);
      else if (!name.endsWith("/")) Deno.writeTextFileSync(path, text);
    }
    test(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Loads `a.conf` of the folder with an empty environment and no default files. */
function load(folder: string, options: LoadOptions = {}): Configuration | string[] {
  const result = loadConfiguration({
    file: join(folder, "a.conf"),
    env: fixedEnvironment({ TALER_PREFIX: join(folder, "prefix") }),
    ...options,
  });
  return "configuration" in result
    ? result.configuration
    : result.problems.map((problem) => describeProblem(problem).replaceAll(`${folder}/`, ""));
}

/** Reads that throw make a text of the value or of the failure. */
function readText(config: Configuration, section: string, option: string): string | undefined {
  return config.entry(section, option)?.value;
}

/** Files, what `[s] x` reads, or the problems of the load. */
const INCLUDES: readonly {
  readonly what: string;
  readonly files: Readonly<Record<string, string>>;
  readonly x?: string | undefined;
  readonly problems?: readonly string[];
}[] = [
  { what: "plain file", files: { "a.conf": "[s]\nx = 1" }, x: "1" },
  { what: "inline, relative", files: { "a.conf": "@inline@ sub/b.conf", "sub/b.conf": "[s]\nx = b" }, x: "b" },
  {
    what: "inline relative to the including file, not to the main file",
    files: { "a.conf": "@INLINE@ sub/b.conf", "sub/b.conf": "@inline@ c.conf", "sub/c.conf": "[s]\nx = c" },
    x: "c",
  },
  {
    what: "inline relative to the real place of a linked file",
    files: { "a.conf": "->real/a.conf", "real/a.conf": "@inline@ b.conf", "real/b.conf": "[s]\nx = real" },
    x: "real",
  },
  {
    what: "what comes later wins over the included file",
    files: { "a.conf": "@inline@ b.conf\n[s]\nx = a", "b.conf": "[s]\nx = b" },
    x: "a",
  },
  {
    what: "the included file wins over what came before",
    files: { "a.conf": "[s]\nx = a\n@inline@ b.conf", "b.conf": "[S]\nX = b" },
    x: "b",
  },
  {
    what: "the including file goes on in its own section",
    files: { "a.conf": "[s]\n@inline@ b.conf\nx = a", "b.conf": "[t]\nx = b" },
    x: "a",
  },
  {
    what: "an included file does not inherit the section",
    files: { "a.conf": "[s]\n@inline@ b.conf", "b.conf": "x = b" },
    problems: ["b.conf:1: option before the first section heading"],
  },
  { what: "blanks in a path", files: { "a.conf": "@inline@ my file ", "my file": "[s]\nx = 1" }, x: "1" },
  {
    what: "no expansion in a path",
    files: { "a.conf": "@inline@ $TALER_PREFIX/b.conf" },
    problems: ["a.conf:1: $TALER_PREFIX/b.conf does not exist"],
  },
  {
    what: "the same file twice, not inside itself",
    files: { "a.conf": "@inline@ b.conf\n[s]\nx = 1\n@inline@ b.conf", "b.conf": "[s]\nx = b" },
    x: "b",
  },
  {
    what: "a file that includes itself",
    files: { "a.conf": "\n@inline@ a.conf" },
    problems: ["a.conf:2: a.conf includes itself"],
  },
  {
    what: "a cycle of two",
    files: { "a.conf": "@inline@ b.conf", "b.conf": "#\n@inline@ a.conf" },
    problems: ["b.conf:2: a.conf includes itself"],
  },
  {
    what: "a cycle through a symbolic link",
    files: { "a.conf": "@inline@ b.conf", "b.conf": "->a.conf" },
    problems: ["a.conf:1: b.conf includes itself"],
  },
  {
    what: "a cycle through a pattern",
    files: { "a.conf": "@inline-matching@ *.conf" },
    problems: ["a.conf:1: a.conf includes itself"],
  },
  {
    what: "missing file",
    files: { "a.conf": "[s]\nx = 1\n@inline@ nope.conf" },
    problems: ["a.conf:3: nope.conf does not exist"],
  },
  {
    what: "a directory instead of a file",
    files: { "a.conf": "@inline@ sub", "sub/b.conf": "" },
    problems: ["a.conf:1: sub is a directory"],
  },
  {
    what: "all problems of all files are reported",
    files: { "a.conf": "foo\n@inline@ b.conf\n@inline@ c.conf", "b.conf": "[s]\nbar" },
    problems: [
      "a.conf:1: syntax error: expected [SECTION], NAME = VALUE, a directive or a comment",
      "b.conf:2: syntax error: expected [SECTION], NAME = VALUE, a directive or a comment",
      "a.conf:3: c.conf does not exist",
    ],
  },
  {
    what: "matching files in bytewise order",
    files: {
      "a.conf": "@inline-matching@ conf.d/*.conf",
      "conf.d/10.conf": "[s]\nx = 10",
      "conf.d/9.conf": "[s]\nx = 9",
      "conf.d/B.conf": "[s]\nx = B",
      "conf.d/a.conf": "[s]\nx = a",
    },
    x: "a",
  },
  {
    what: "bytewise order above U+FFFF",
    files: {
      "a.conf": "@inline-matching@ conf.d/*.conf",
      "conf.d/\uff5e.conf": "[s]\nx = tilde",
      "conf.d/\u{1f600}.conf": "[s]\nx = face",
    },
    x: "face",
  },
  { what: "no match is fine", files: { "a.conf": "@inline-matching@ d/*.conf\n[s]\nx=1", "d/": "" }, x: "1" },
  {
    what: "a missing directory is an error",
    files: { "a.conf": "@inline-matching@ d/*.conf" },
    problems: ["a.conf:1: d/ does not exist"],
  },
  {
    what: "hidden files, other names and directories do not match",
    files: {
      "a.conf": "[s]\nx = 1\n@inline-matching@ d/*.conf",
      "d/.z.conf": "[s]\nx = hidden",
      "d/z.conf~": "[s]\nx = backup",
      "d/zz.conf/inner": "",
      "d/link.conf": "->zz.conf",
    },
    x: "1",
  },
  {
    what: "a link to a file matches",
    files: { "a.conf": "@inline-matching@ d/*.conf", "d/l.conf": "->../other", "other": "[s]\nx = linked" },
    x: "linked",
  },
  {
    what: "a dangling link that matches is an error",
    files: { "a.conf": "@inline-matching@ d/*.conf", "d/l.conf": "->nowhere" },
    problems: ["a.conf:1: d/l.conf does not exist"],
  },
  {
    what: "several stars",
    files: {
      "a.conf": "@inline-matching@ d/a*b*.c",
      "d/axxbyy.c": "[s]\nx = 1",
      "d/ab.cc": "[s]\nx = 2",
      "d/ba.c": "[s]\nx=3",
    },
    x: "1",
  },
  {
    what: "stars do not overlap",
    files: { "a.conf": "[s]\nx = 0\n@inline-matching@ d/ab*ba", "d/aba": "[s]\nx = 1" },
    x: "0",
  },
  {
    what: "question mark and dot are literal",
    files: {
      "a.conf": "@inline-matching@ d/?.c*",
      "d/?.conf": "[s]\nx = 1",
      "d/zzconf": "[s]\nx = 2",
      "d/z.conf": "[s]\nx=3",
    },
    x: "1",
  },
  {
    what: "a pattern without star is a name that may be missing",
    files: { "a.conf": "[s]\nx=0\n@inline-matching@ d/one\n@inline-matching@ d/two", "d/one": "[s]\nx = 1" },
    x: "1",
  },
  {
    what: "star in a directory name",
    files: { "a.conf": "@inline-matching@ */b.conf", "d/b.conf": "" },
    problems: ["a.conf:1: @inline-matching@: * is only allowed after the last /"],
  },
  {
    what: "unsupported characters of a pattern",
    files: { "a.conf": "@inline-matching@ d/[ab].conf", "d/": "" },
    problems: ["a.conf:1: @inline-matching@: the characters + [ ~ are not supported in a pattern"],
  },
  { what: "secret file: its section is taken", files: { "a.conf": "@inline-secret@ S k", "k": "[s]\nx = 1" }, x: "1" },
  {
    what: "secret file: other sections are ignored",
    files: { "a.conf": "[s]\nx = a\n@inline-secret@ t k", "k": "[s]\nx = stolen\n[t]\nx = 1" },
    x: "a",
  },
  {
    what: "secret file: without the section",
    files: { "a.conf": "@inline-secret@ s k\n[s]\nx = a", "k": "[t]\nx = 1" },
    x: "a",
  },
  {
    what: "secret file: directives are errors",
    files: { "a.conf": "@inline-secret@ s k", "k": "[s]\n@inline@ b", "b": "[s]\nx = 1" },
    problems: ["k:2: a directive is not allowed in a secret file"],
  },
  {
    what: "secret file: malformed",
    files: { "a.conf": "@inline-secret@ s k", "k": "[s]\nx" },
    problems: ["k:2: syntax error: expected [SECTION], NAME = VALUE, a directive or a comment"],
  },
  {
    what: "secret file: missing, even if other files set the option",
    files: { "a.conf": "[s]\nx = 1\n@inline-secret@ s k\n[s]\nx = 2" },
    x: undefined,
  },
  {
    what: "secret file: relative to the including file",
    files: { "a.conf": "@inline@ d/b.conf", "d/b.conf": "@inline-secret@ s ../k", "k": "[s]\nx = 1" },
    x: "1",
  },
];

for (const { what, files, x, problems } of INCLUDES) {
  Deno.test(`include: ${what}`, () => {
    inFolder(files, (folder) => {
      const config = load(folder);
      if (Array.isArray(config)) assert.deepEqual(config, problems);
      else assert.deepEqual([readText(config, "s", "x"), problems], [x, undefined]);
    });
  });
}

Deno.test("origin, files read and nesting levels", () => {
  const files = {
    "a.conf": "[s]\nx = 1\n@inline@ d/b.conf\n@inline-secret@ t k\ny = 2",
    "d/b.conf": "[s]\nx = b\n@inline-matching@ e/*",
    "d/e/c": "\n[S]\nX = c",
    "k": "[t]\npassword = p",
  };
  inFolder(files, (folder) => {
    const config = load(folder);
    assert.ok(!Array.isArray(config));
    const relative = (path: string | undefined) => path?.replace(`${folder}/`, "");
    assert.deepEqual(config.files.map(({ path, level }) => [relative(path), level]), [
      ["a.conf", 0],
      ["d/b.conf", 1],
      ["d/e/c", 2],
      ["k", 1],
    ]);
    const origin = (section: string, option: string) => {
      const found = config.entry(section, option)?.origin;
      return `${relative(found?.file)}:${found?.line}`;
    };
    assert.deepEqual([origin("s", "x"), origin("s", "y"), origin("t", "password")], ["d/e/c:3", "a.conf:5", "k:2"]);
    assert.equal(config.mainFile, join(folder, "a.conf"));
    assert.equal(config.getFilename("PATHS", "DEFAULTCONFIG"), join(folder, "a.conf"));
  });
});

Deno.test("nesting: 128 files in one another are read, more are refused", () => {
  const chain = (length: number) => {
    const files: Record<string, string> = { "a.conf": "@inline@ f1" };
    for (let index = 1; index < length; index++) {
      files[`f${index}`] = index === length - 1 ? "[s]\nx = end" : `@inline@ f${index + 1}`;
    }
    return files;
  };
  inFolder(chain(128), (folder) => {
    const config = load(folder);
    assert.ok(!Array.isArray(config));
    assert.equal(readText(config, "s", "x"), "end");
  });
  inFolder(chain(129), (folder) => {
    assert.deepEqual(load(folder), ["f127:1: f128 is included more than 128 levels deep"]);
  });
});

/** A reader that refuses one file like the system would refuse it to an unprivileged user. */
function refusing(path: string, error: Error): Pick<LoadOptions, "readFile"> {
  return {
    readFile: (wanted) => {
      if (wanted === path) throw error;
      return Deno.readFileSync(wanted);
    },
  };
}

for (const error of [new Deno.errors.PermissionDenied("no"), new Deno.errors.NotCapable("no")]) {
  Deno.test(`an unreadable secret file closes its section only (${error.name})`, () => {
    const files = { "a.conf": "[s]\nk = 1\n@inline-secret@ S secret\n[t]\nx = 2", "secret": "[s]\nk = 3" };
    inFolder(files, (folder) => {
      const config = load(folder, refusing(join(folder, "secret"), error));
      assert.ok(!Array.isArray(config));
      const secret = join(folder, "secret");
      assert.deepEqual(config.notices.filter((notice) => notice.level === "warning"), []);
      assert.equal(config.isSet("s", "k"), false);
      assert.deepEqual(config.options("s"), []);
      const message = `section [s] is not available: its file ${secret} is not readable (${folder}/a.conf:3)`;
      assert.deepEqual(config.notices.filter((notice) => notice.level === "warning"), [{ level: "warning", message }]);
      assert.throws(() => config.getString("S", "k"), (thrown) => {
        assert.ok(thrown instanceof ConfigurationError);
        assert.match(thrown.message, /a\.conf:3: \[S\] k: not available, its file .*secret is not readable/);
        return true;
      });
      assert.equal(config.inaccessible("s")?.reason, "not readable");
      assert.equal(config.getString("t", "x"), "2");
      assert.ok(config.sections().includes("s"));
    });
  });
}

Deno.test(
  "a secret file without permission bits is closed to an unprivileged user",
  { ignore: Deno.uid() === 0 },
  () => {
    inFolder({ "a.conf": "@inline-secret@ s k", "k": "[s]\nx = 1" }, (folder) => {
      Deno.chmodSync(join(folder, "k"), 0o000);
      const config = load(folder);
      assert.ok(!Array.isArray(config) && !config.isSet("s", "x"));
    });
  },
);

Deno.test("an unreadable included file is an error", () => {
  inFolder({ "a.conf": "@inline@ b.conf", "b.conf": "" }, (folder) => {
    const options = refusing(join(folder, "b.conf"), new Deno.errors.PermissionDenied("no"));
    assert.deepEqual(load(folder, options), ["a.conf:1: b.conf may not be read by this user"]);
  });
});

Deno.test("main file: missing, relative, below ~", () => {
  inFolder({ "a.conf": "[s]\nx = 1" }, (folder) => {
    assert.deepEqual(load(folder, { file: join(folder, "b.conf") }), ["b.conf: does not exist"]);
    const relative = load(folder, { file: "a.conf", cwd: () => folder });
    assert.ok(!Array.isArray(relative));
    assert.equal(relative.mainFile, join(folder, "a.conf"));
    const home = load(folder, { file: "~/a.conf", env: fixedEnvironment({ HOME: folder }) });
    assert.ok(!Array.isArray(home));
    assert.equal(readText(home, "s", "x"), "1");
  });
});

Deno.test("ignored sections of a secret file and text that is not UTF-8 are told", () => {
  inFolder({ "k": "[s]\nx = 1\n[t]\ny = 1" }, (folder) => {
    const latin1 = Uint8Array.of(0x23, 0xe4, 0x0a);
    Deno.writeFileSync(join(folder, "a.conf"), latin1);
    Deno.writeTextFileSync(join(folder, "a.conf"), "@inline-secret@ s k\n", { append: true });
    const config = load(folder);
    assert.ok(!Array.isArray(config));
    assert.equal(readText(config, "s", "x"), "1");
    const messages = config.notices.map(({ message }) => message.replaceAll(`${folder}/`, ""));
    assert.ok(messages.includes("a.conf is not UTF-8; the bytes concerned are replaced"));
    assert.ok(messages.includes("section [t] in secret file k is ignored, only [s] is taken"));
  });
});

/** A file system of texts: what is not there does not exist. */
function memory(files: Readonly<Record<string, string>>): LoadOptions {
  const read = (path: string) => {
    const text = files[normalize(path)];
    if (text === undefined) throw new Deno.errors.NotFound(`no ${path}`);
    return text;
  };
  return {
    readFile: (path) => new TextEncoder().encode(read(path)),
    realPath: (path) => (read(path), path),
    readDir: (path) => {
      const prefix = normalize(path.endsWith("/") ? path : `${path}/`);
      const names = Object.keys(files).filter((name) => name.startsWith(prefix)).map((name) =>
        name.slice(prefix.length)
      );
      if (names.length === 0) throw new Deno.errors.NotFound(`no ${path}`);
      return names.filter((name) => !name.includes("/")).map((name) => ({
        name,
        isFile: true,
        isDirectory: false,
        isSymlink: false,
      }));
    },
    executable: () => "/opt/taler/bin/taler-auditor",
    cwd: () => "/cwd",
  };
}

const HOME = { HOME: "/home/u" };
const XDG = { ...HOME, XDG_CONFIG_HOME: "/xdg" };

/** Files that exist, environment, project, the file that is taken (configuration.md 1.2 and 1.3). */
const SEARCH: readonly (readonly [
  exist: readonly string[],
  env: Readonly<Record<string, string>>,
  project: "auditor" | "exchange" | "taler",
  found: string | undefined,
])[] = [
  [
    ["/home/u/.config/taler-auditor.conf", "/etc/taler-auditor.conf"],
    HOME,
    "auditor",
    "/home/u/.config/taler-auditor.conf",
  ],
  [["/home/u/.config/taler-auditor.conf", "/xdg/taler-auditor.conf"], XDG, "auditor", "/xdg/taler-auditor.conf"],
  [["/home/u/.config/taler-auditor.conf"], XDG, "auditor", undefined],
  [
    ["/home/u/.config/taler-auditor.conf"],
    { ...HOME, XDG_CONFIG_HOME: "" },
    "auditor",
    "/home/u/.config/taler-auditor.conf",
  ],
  [["/etc/taler-auditor.conf", "/etc/taler-auditor/taler-auditor.conf"], {}, "auditor", "/etc/taler-auditor.conf"],
  [
    ["/etc/taler-auditor/taler-auditor.conf", "/etc/taler.conf"],
    HOME,
    "auditor",
    "/etc/taler-auditor/taler-auditor.conf",
  ],
  [["/home/u/.config/taler.conf", "/etc/taler-auditor.conf"], HOME, "auditor", "/etc/taler-auditor.conf"],
  [["/home/u/.config/taler.conf", "/etc/taler/taler.conf"], HOME, "auditor", "/home/u/.config/taler.conf"],
  [["/etc/taler/taler.conf"], HOME, "auditor", "/etc/taler/taler.conf"],
  [["/etc/taler/taler.conf", "/etc/taler-auditor.conf"], HOME, "taler", "/etc/taler/taler.conf"],
  [["/etc/taler-auditor.conf"], HOME, "taler", undefined],
  [
    ["/etc/taler-auditor.conf", "/etc/taler-exchange/taler-exchange.conf"],
    HOME,
    "exchange",
    "/etc/taler-exchange/taler-exchange.conf",
  ],
  [[], HOME, "auditor", undefined],
];

for (const [exist, env, project, found] of SEARCH) {
  Deno.test(`search path: ${project} with ${exist.join(", ") || "nothing"} and ${JSON.stringify(env)}`, () => {
    const files = Object.fromEntries(exist.map((path) => [path, `[s]\nx = ${path}`]));
    const result = loadConfiguration({ ...memory(files), env: fixedEnvironment(env), project });
    assert.ok("configuration" in result);
    const { configuration } = result;
    assert.equal(configuration.mainFile, found);
    assert.equal(readText(configuration, "s", "x"), found);
    assert.equal(configuration.isSet("PATHS", "DEFAULTCONFIG"), found !== undefined);
    const told = configuration.notices.filter((notice) => notice.level === "info").map((notice) => notice.message);
    assert.deepEqual(told, [
      found === undefined
        ? "no configuration file found, only defaults are in effect"
        : `configuration taken from ${found}`,
    ]);
  });
}

Deno.test("a place that may not be looked at is skipped in the search, with a word", () => {
  const files = memory({ "/etc/taler-auditor.conf": "" });
  const result = loadConfiguration({
    ...files,
    env: fixedEnvironment({ HOME: "/root" }),
    realPath: (path) => {
      if (path.startsWith("/root")) throw new Deno.errors.PermissionDenied("closed");
      return files.realPath?.(path) ?? path;
    },
  });
  assert.ok("configuration" in result);
  assert.equal(result.configuration.mainFile, "/etc/taler-auditor.conf");
  assert.ok(result.configuration.notices.some(({ message }) => /^\/root.*skipped.*closed/.test(message)));
});

Deno.test("nothing found: a missing option says so", () => {
  const result = loadConfiguration({ ...memory({}), env: fixedEnvironment({}) });
  assert.ok("configuration" in result);
  assert.throws(() => result.configuration.getCurrency("exchange", "CURRENCY"), {
    message: /^\[exchange\] CURRENCY: not set \(no configuration file was found\); expected/,
  });
});

/** Files, environment, value of PREFIX (configuration.md 6). */
const PREFIXES: readonly (readonly [readonly string[], Readonly<Record<string, string>>, string])[] = [
  [[], {}, "/usr/"],
  [["/opt/taler/share/taler-auditor/x"], {}, "/opt/taler/"],
  [["/opt/taler/share/taler-auditor/x"], { TALER_AUDITOR_PREFIX: "/a", TALER_PREFIX: "/b" }, "/a/"],
  [[], { TALER_PREFIX: "/b//" }, "/b/"],
  [[], { TALER_AUDITOR_PREFIX: "" }, "/usr/"],
  [[], { TALER_AUDITOR_PREFIX: "/" }, "/"],
  [[], { TALER_EXCHANGE_PREFIX: "/x" }, "/usr/"],
];

for (const [exist, env, prefix] of PREFIXES) {
  Deno.test(`prefix ${prefix} from ${JSON.stringify(env)} and ${exist.length} files`, () => {
    const files = Object.fromEntries(exist.map((path) => [path, ""]));
    const result = loadConfiguration({ ...memory(files), env: fixedEnvironment(env) });
    assert.ok("configuration" in result);
    assert.equal(result.configuration.getString("PATHS", "PREFIX"), prefix);
    assert.equal(
      result.configuration.getFilename("auditordb-postgres", "SQL_DIR"),
      `${prefix}share/taler-auditor/sql/`,
    );
  });
}

Deno.test("a program that may not know its own place has the prefix /usr/", () => {
  const executable = () => {
    throw new Deno.errors.NotCapable("no");
  };
  const result = loadConfiguration({ ...memory({}), env: fixedEnvironment({}), executable });
  assert.ok("configuration" in result);
  assert.equal(result.configuration.getString("PATHS", "PREFIX"), "/usr/");
});

const BASE = "/usr/share/taler-auditor/config.d/";

/** Files, environment, `[s] x`, or the problems (configuration.md 1.1). */
const DEFAULTS: readonly (readonly [
  what: string,
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
  x: string | undefined | RegExp,
])[] = [
  ["shipped directory", { [`${BASE}b.conf`]: "[s]\nx = base" }, {}, "base"],
  ["bytewise order", { [`${BASE}b.conf`]: "[s]\nx = b", [`${BASE}B.conf`]: "[s]\nx = B" }, {}, "b"],
  ["others than .conf do not stop it", { [`${BASE}a.txt`]: "foo", [`${BASE}b.conf`]: "[s]\nx = base" }, {}, "base"],
  ["main file wins", { [`${BASE}b.conf`]: "[s]\nx = base", "/etc/taler-auditor.conf": "[s]\nx = main" }, {}, "main"],
  ["TALER_BASE_CONFIG", { "/b/b.conf": "[s]\nx = other", [`${BASE}b.conf`]: "[s]\nx = base" }, {
    TALER_BASE_CONFIG: "/b",
  }, "other"],
  ["TALER_BASE_CONFIG empty", { [`${BASE}b.conf`]: "[s]\nx = base" }, { TALER_BASE_CONFIG: "" }, "base"],
  ["TALER_BASE_CONFIG missing", { [`${BASE}b.conf`]: "[s]\nx = base" }, { TALER_BASE_CONFIG: "/nope/" }, undefined],
  ["malformed default file", { [`${BASE}b.conf`]: "[s]\nx" }, {}, /b\.conf:2: syntax error/],
];

for (const [what, files, env, x] of DEFAULTS) {
  Deno.test(`default files: ${what}`, () => {
    const result = loadConfiguration({ ...memory(files), env: fixedEnvironment(env) });
    if (x instanceof RegExp) {
      assert.ok("problems" in result);
      assert.match(result.problems.map(describeProblem).join("\n"), x);
      return;
    }
    assert.ok("configuration" in result);
    const { configuration } = result;
    assert.equal(readText(configuration, "s", "x"), x);
    if (x === "base") assert.equal(configuration.entry("s", "x")?.origin.layer, "base");
    const warned = configuration.notices.some((notice) => notice.level === "warning");
    assert.equal(warned, env["TALER_BASE_CONFIG"] === "/nope/");
  });
}

Deno.test("default files replace embedded defaults, and are shipped defaults themselves", () => {
  const files = { [`${BASE}b.conf`]: "[AUDITOR]\nPort = 9000", "/etc/taler-auditor.conf": "[auditor]\nPORT = 9001" };
  const result = loadConfiguration({ ...memory(files), env: fixedEnvironment({}) });
  assert.ok("configuration" in result);
  const entry = result.configuration.entry("auditor", "port");
  assert.deepEqual([entry?.value, entry?.shipped?.value, entry?.option, entry?.section], [
    "9001",
    "9000",
    "PORT",
    "auditor",
  ]);
});

Deno.test("the Debian tree as a whole: drop-ins, overrides, secrets, socket path (configuration.md 13)", () => {
  const root = "/etc/taler-auditor";
  const files = {
    [`${root}/taler-auditor.conf`]: `[exchange]
# CURRENCY = KUDOS
@inline-matching@ conf.d/*.conf
@inline@ overrides.conf

[PATHS]
TALER_HOME = /var/lib/taler-auditor/
TALER_DATA_HOME = /var/lib/taler-auditor/
TALER_RUNTIME_DIR = /run/taler-auditor/
`,
    [`${root}/conf.d/auditor-system.conf`]: `@inline-secret@ auditordb-postgres ../secrets/auditor-db.secret.conf

[auditor]
DATABASE = postgres
SERVE = unix
UNIXPATH_MODE = 666
`,
    [`${root}/secrets/auditor-db.secret.conf`]: "[auditordb-postgres]\nCONFIG=postgres:///taler-exchange\n",
    [`${root}/overrides.conf`]: "[exchange]\nCURRENCY = EUR\n",
  };
  const result = loadConfiguration({ ...memory(files), env: fixedEnvironment({ TALER_RUNTIME_DIR: "/wrong" }) });
  assert.ok("configuration" in result);
  const { configuration } = result;
  assert.equal(configuration.getFilename("auditor", "UNIXPATH"), "/run/taler-auditor//auditor-httpd/auditor-http.sock");
  assert.equal(
    configuration.getFilename("auditor", "AUDITOR_PRIV_FILE"),
    "/var/lib/taler-auditor/offline-keys/auditor.priv",
  );
  assert.equal(configuration.getString("auditordb-postgres", "CONFIG"), "postgres:///taler-exchange");
  assert.equal(configuration.getCurrency("exchange", "CURRENCY"), "EUR");
  assert.equal(configuration.getMode("auditor", "UNIXPATH_MODE"), 0o666);
});

Deno.test("environment: names that cannot exist are not set", () => {
  const env = processEnvironment();
  for (const name of ["", "A=B", "A\0B"]) assert.equal(env(name), undefined);
});

Deno.test({
  name: "environment: a variable without permission is not set, and is named",
  permissions: { env: ["TALER_AUDITOR_TEST_ALLOWED"] },
  fn: () => {
    const denied: string[] = [];
    const env = processEnvironment((name) => denied.push(name));
    assert.equal(env("HOME"), undefined);
    assert.equal(env("TALER_AUDITOR_TEST_ALLOWED"), undefined);
    assert.deepEqual(denied, ["HOME"]);
  },
});

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { join } from "node:path";
import { planChange, stricterFiles, wholeText, type Wish } from "../../core/config/change.ts";
import { fixedEnvironment } from "../../core/config/environment.ts";
import { loadConfiguration, type LoadOptions, parseConfiguration, userFile } from "../../core/config/load.ts";

const MAIN = "/etc/a.conf";

/** A file system of texts. */
function memory(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}): LoadOptions {
  const read = (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Deno.errors.NotFound(path);
    return text;
  };
  return {
    readFile: (path) => new TextEncoder().encode(read(path)),
    realPath: (path) => (read(path), path),
    readDir: (path) => {
      throw new Deno.errors.NotFound(path);
    },
    executable: () => "/usr/bin/taler-auditor",
    env: fixedEnvironment(env),
  };
}

const wish = (section: string, option: string, value: string): Wish => ({ section, option, value });

/** Main file, what is set, the new text, and what is said about it; `b` is what /etc/b.conf holds. */
const CHANGES: readonly {
  readonly what: string;
  readonly main: string;
  readonly b?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly wish: Wish;
  readonly text: string;
  readonly line: number;
  readonly warnings?: readonly RegExp[];
}[] = [
  {
    what: "a value that takes effect",
    main: "# port\n[auditor]\n# tcp\nPORT = 1\n",
    wish: wish("auditor", "PORT", "2"),
    text: "# port\n[auditor]\n# tcp\nPORT = 2\n",
    line: 4,
  },
  {
    what: "the same with other capitals",
    main: "[Auditor]\nport=1\n",
    wish: wish("AUDITOR", "Port", "2"),
    text: "[Auditor]\nport=2\n",
    line: 2,
  },
  {
    what: "an include before the line changes nothing",
    main: "@inline@ b.conf\n[auditor]\nPORT = 1\n",
    b: "[auditor]\nPORT = 9\n",
    wish: wish("auditor", "PORT", "2"),
    text: "@inline@ b.conf\n[auditor]\nPORT = 2\n",
    line: 3,
  },
  {
    what: "an include behind the line wins",
    main: "[auditor]\nPORT = 1\n@inline@ b.conf\n",
    b: "#\n[auditor]\nport = 9\n",
    wish: wish("auditor", "PORT", "2"),
    text: "[auditor]\nPORT = 2\n@inline@ b.conf\n",
    line: 2,
    warnings: [/^\[auditor\] PORT does not take effect: \/etc\/b\.conf:3 sets it later$/],
  },
  {
    what: "an include behind the line that says the same",
    main: "[auditor]\nPORT = 1\n@inline@ b.conf\n",
    b: "[auditor]\nPORT = 9\n",
    wish: wish("auditor", "PORT", "9"),
    text: "[auditor]\nPORT = 9\n@inline@ b.conf\n",
    line: 2,
  },
  {
    what: "a new line goes behind the include in its section",
    main: "[auditor]\n@inline@ b.conf\n\n[exchange]\n",
    b: "[auditor]\nPORT = 9\n",
    wish: wish("auditor", "PORT", "2"),
    text: "[auditor]\n@inline@ b.conf\nPORT = 2\n\n[exchange]\n",
    line: 3,
  },
  {
    what: "a new line before an include in another section",
    main: "[auditor]\n[exchange]\n@inline@ b.conf\n",
    b: "[auditor]\nPORT = 9\n",
    wish: wish("auditor", "PORT", "2"),
    text: "[auditor]\nPORT = 2\n[exchange]\n@inline@ b.conf\n",
    line: 2,
    warnings: [/b\.conf:2 sets it later/],
  },
  {
    what: "a new section goes behind everything",
    main: "@inline@ b.conf\n",
    b: "[auditor]\nPORT = 9\n",
    wish: wish("auditor", "PORT", "2"),
    text: "@inline@ b.conf\n\n[auditor]\nPORT = 2\n",
    line: 4,
  },
  {
    what: "a section whose secret file is read later",
    main: "[auditordb-postgres]\nCONFIG = postgres:///a\n@inline-secret@ auditordb-postgres b.conf\n",
    b: "[auditordb-postgres]\nCONFIG = postgres:///b\n",
    wish: wish("auditordb-postgres", "CONFIG", "postgres:///c"),
    text: "[auditordb-postgres]\nCONFIG = postgres:///c\n@inline-secret@ auditordb-postgres b.conf\n",
    line: 2,
    warnings: [/b\.conf:2 sets it later/],
  },
  {
    what: "a section whose secret file cannot be read",
    main: "@inline-secret@ auditordb-postgres nope\n",
    wish: wish("auditordb-postgres", "CONFIG", "postgres:///c"),
    text: "@inline-secret@ auditordb-postgres nope\n\n[auditordb-postgres]\nCONFIG = postgres:///c\n",
    line: 4,
    warnings: [
      /does not take effect: the section is closed, because its file \/etc\/nope is missing \(\/etc\/a\.conf:1\)/,
    ],
  },
  {
    what: "an environment variable that decides",
    main: "",
    env: { TALER_AUDITORDB_POSTGRES_CONFIG: "postgres:///e" },
    wish: wish("auditordb-postgres", "config", "postgres:///c"),
    text: "[auditordb-postgres]\nconfig = postgres:///c\n",
    line: 2,
    warnings: [/environment variable TALER_AUDITORDB_POSTGRES_CONFIG is set here and decides/],
  },
  {
    what: "an environment variable for another option",
    main: "",
    env: { TALER_AUDITORDB_POSTGRES_CONFIG: "postgres:///e", TALER_EXCHANGEDB_POSTGRES_CONFIG: "" },
    wish: wish("exchangedb-postgres", "CONFIG", "postgres:///c"),
    text: "[exchangedb-postgres]\nCONFIG = postgres:///c\n",
    line: 2,
  },
  {
    what: "the old place of an option whose new place is set",
    main: "[exchange]\nCURRENCY = EUR\n",
    wish: wish("taler", "CURRENCY", "KUDOS"),
    text: "[exchange]\nCURRENCY = EUR\n\n[taler]\nCURRENCY = KUDOS\n",
    line: 5,
    warnings: [/\[taler\] CURRENCY does not take effect: \[exchange\] CURRENCY decides \(\/etc\/a\.conf:2\)/],
  },
  {
    what: "the old place of an option alone",
    main: "",
    wish: wish("taler", "CURRENCY", "KUDOS"),
    text: "[taler]\nCURRENCY = KUDOS\n",
    line: 2,
  },
  {
    what: "an option that nobody reads",
    main: "",
    wish: wish("bankdb-postgres", "CONFIGS", "x"),
    text: "[bankdb-postgres]\nCONFIGS = x\n",
    line: 2,
    warnings: [/^taler-auditor does not know \[bankdb-postgres\] CONFIGS; in this section it knows CONFIG$/],
  },
  {
    what: "a section that nobody reads",
    main: "",
    wish: wish("auditors", "PORT", "1"),
    text: "[auditors]\nPORT = 1\n",
    line: 2,
    warnings: [/^taler-auditor does not know section \[auditors\]$/],
  },
  {
    what: "PATHS may hold any name",
    main: "",
    wish: wish("paths", "MINE", "/m"),
    text: "[paths]\nMINE = /m\n",
    line: 2,
  },
  {
    what: "a value that cannot be used",
    main: "[auditor]\nPORT = 1\nSERVE = bad\n",
    wish: wish("auditor", "PORT", "none"),
    text: "[auditor]\nPORT = none\nSERVE = bad\n",
    line: 2,
    warnings: [/^\/etc\/a\.conf:2: \[auditor\] PORT: "none" cannot be used: expected a number from 1 to 65535$/],
  },
];

for (const { what, main, b, env, wish, text, line, warnings = [] } of CHANGES) {
  Deno.test(`change: ${what}`, () => {
    const files = { [MAIN]: main, ...(b === undefined ? {} : { "/etc/b.conf": b }) };
    const planned = planChange(MAIN, main, wish, memory(files, env));
    assert.ok("text" in planned, JSON.stringify(planned));
    assert.deepEqual([planned.text, planned.line], [text, line]);
    assert.equal(planned.warnings.length, warnings.length, planned.warnings.join("\n"));
    for (const [index, pattern] of warnings.entries()) assert.match(planned.warnings[index] ?? "", pattern);
  });
}

Deno.test("change: a file that is not there yet", () => {
  const planned = planChange("/home/u/.config/a.conf", "", wish("auditor", "PORT", "2"), memory({}));
  assert.deepEqual(planned, { text: "[auditor]\nPORT = 2\n", line: 2, warnings: [] });
});

Deno.test("change: what is malformed stays as it is, in the file or in what it includes", () => {
  const cases: [string, string, RegExp][] = [
    ["[auditor]\nfoo\n", "", /line 2: syntax error/],
    ["[auditor]\n@inline@ b.conf\n", "bar", /\/etc\/b\.conf:1: syntax error/],
    ["[auditor]\n@inline@ a.conf\n", "", /a\.conf:2: \/etc\/a\.conf includes itself/],
  ];
  for (const [main, b, error] of cases) {
    const planned = planChange(MAIN, main, wish("auditor", "PORT", "2"), memory({ [MAIN]: main, "/etc/b.conf": b }));
    assert.match("error" in planned ? planned.error : "", error);
  }
});

Deno.test("change: another project's options are not called unknown", () => {
  const planned = planChange(MAIN, "", wish("exchange", "KYC", "x"), {
    ...memory({ [MAIN]: "" }),
    project: "exchange",
  });
  assert.deepEqual("warnings" in planned && planned.warnings, []);
});

Deno.test("whole: what differs from the defaults, with what was included", () => {
  const files = {
    [MAIN]:
      "# c\n[exchange]\nCURRENCY = EUR\n@inline@ b.conf\n[auditor]\nPORT = 8083\nSERVE=unix\n[PATHS]\nPREFIX = /p/\n",
    "/etc/b.conf": '[Exchange]\ncurrency = " K"\n[empty]\n',
  };
  const loaded = loadConfiguration({ ...memory(files), file: MAIN });
  assert.ok("configuration" in loaded);
  const { configuration } = loaded;
  assert.deepEqual(wholeText(configuration, false), {
    text: '[PATHS]\nPREFIX = /p/\n\n[auditor]\nSERVE = unix\n\n[exchange]\nCURRENCY = " K"\n\n',
  });
  assert.deepEqual(wholeText(configuration, false, wish("Auditor", "serve", "tcp")), {
    text: '[PATHS]\nPREFIX = /p/\n\n[exchange]\nCURRENCY = " K"\n\n',
  });
  assert.deepEqual(wholeText(configuration, false, wish("new", "x", "1")), {
    text: '[PATHS]\nPREFIX = /p/\n\n[auditor]\nSERVE = unix\n\n[exchange]\nCURRENCY = " K"\n\n[new]\nx = 1\n\n',
  });
  assert.deepEqual(wholeText(configuration, false, wish("exchange", "BASE_URL", "http://x/")), {
    text: '[PATHS]\nPREFIX = /p/\n\n[auditor]\nSERVE = unix\n\n[exchange]\nBASE_URL = http://x/\nCURRENCY = " K"\n\n',
  });
  assert.deepEqual(wholeText(configuration, false, wish("exchange", "NEW", "1")), {
    text: '[PATHS]\nPREFIX = /p/\n\n[auditor]\nSERVE = unix\n\n[exchange]\nCURRENCY = " K"\nNEW = 1\n\n',
  });
});

Deno.test("whole: with the defaults it says all that there is, except what is built in", () => {
  const config = parseConfiguration("[auditor]\nPORT = 1\n[s]\nx = 1");
  const whole = wholeText(config, true);
  assert.ok("text" in whole);
  assert.doesNotMatch(whole.text, /^(PREFIX|DATADIR|DEFAULTCONFIG) =/m);
  const again = parseConfiguration(whole.text);
  for (const name of config.sections()) {
    const plain = (c: typeof config) => c.options(name).map(({ option, value }) => [option, value]);
    assert.deepEqual(plain(again), plain(config));
  }
  assert.match(whole.text, /^TALER_HOME = \$\{TALER_TEST_HOME/m);
});

Deno.test("whole: a section that is closed would be lost", () => {
  const files = { [MAIN]: "@inline-secret@ s nope\n" };
  const loaded = loadConfiguration({ ...memory(files), file: MAIN });
  assert.ok("configuration" in loaded);
  assert.deepEqual(wholeText(loaded.configuration, false), {
    error: "section [s] would be lost, its file /etc/nope is missing",
  });
});

/** Mode and owner of the main file and of an included one; whether the included one may be read by fewer users. */
const STRICTER: readonly (readonly [main: string, included: string, stricter: boolean])[] = [
  ["644 0:0", "644 0:0", false],
  ["644 0:0", "640 0:0", true],
  ["644 0:0", "604 0:0", false],
  ["640 0:0", "640 0:0", false],
  ["640 0:0", "644 0:0", false],
  ["640 0:0", "600 0:0", true],
  ["600 0:0", "640 0:0", false],
  ["600 0:0", "600 0:0", false],
  ["600 0:0", "600 1000:0", false],
  ["600 1000:0", "600 0:0", true],
  ["640 0:7", "640 0:8", true],
];

for (const [main, included, stricter] of STRICTER) {
  const foreign = !/ 0:0$/.test(main) || !/ 0:0$/.test(included);
  Deno.test(`stricter: ${included} in ${main}`, { ignore: foreign && Deno.uid() !== 0 }, () => {
    const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "taler-auditor-stricter-" }));
    try {
      const place = (name: string, text: string, rights: string) => {
        const [, mode = "", uid = "", gid = ""] = /^(\d+) (\d+):(\d+)$/.exec(rights) ?? [];
        const path = join(folder, name);
        Deno.writeTextFileSync(path, text);
        if (foreign) Deno.chownSync(path, Number(uid), Number(gid));
        Deno.chmodSync(path, Number.parseInt(mode, 8));
        return path;
      };
      const file = place("a.conf", "@inline@ b.conf\n@inline@ b.conf\n", main);
      const b = place("b.conf", "", included);
      const loaded = loadConfiguration({ file, env: fixedEnvironment({}) });
      assert.ok("configuration" in loaded);
      assert.deepEqual(stricterFiles(loaded.configuration), stricter ? [b] : []);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

Deno.test("whole: a configuration without a file has nothing that could be seen by others", () => {
  const loaded = loadConfiguration(memory({}));
  assert.ok("configuration" in loaded);
  assert.deepEqual(stricterFiles(loaded.configuration), []);
});

Deno.test("the user's own file", () => {
  const rows: [Record<string, string>, string | undefined][] = [
    [{ HOME: "/h" }, "/h/.config/taler-auditor.conf"],
    [{ HOME: "/h", XDG_CONFIG_HOME: "/etc/xdg" }, "/etc/xdg/taler-auditor.conf"],
    [{ HOME: "/h", XDG_CONFIG_HOME: "" }, "/h/.config/taler-auditor.conf"],
    [{ HOME: "" }, undefined],
    [{}, undefined],
  ];
  for (const [env, path] of rows) assert.equal(userFile("auditor", fixedEnvironment(env)), path);
  assert.equal(userFile("taler", fixedEnvironment({ HOME: "/h" })), "/h/.config/taler.conf");
});

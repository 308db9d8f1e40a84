// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import type { Configuration } from "../../core/config/configuration.ts";
import { fixedEnvironment } from "../../core/config/environment.ts";
import { expandReferences } from "../../core/config/expand.ts";
import { parseConfiguration } from "../../core/config/load.ts";
import { foldName, parseText } from "../../core/config/parse.ts";
import { ConfigurationError } from "../../core/config/problem.ts";
import { NEVER } from "../../core/taler/time.ts";

const NOBREAK = "\u00a0";

/** Text below a heading [s], the option asked for, and its value; undefined = not set. */
const VALUES: readonly (readonly [what: string, text: string, option: string, value: string | undefined])[] = [
  ["plain value", "x = 1", "x", "1"],
  ["no blanks around =", "x=1", "x", "1"],
  ["tabs around =", "x\t=\t1", "x", "1"],
  ["leading and trailing blanks", "   x   =   1   ", "x", "1"],
  ["CRLF line end", "x = 1\r", "x", "1"],
  ["tab inside a value becomes a blank", "x = a\tb", "x", "a b"],
  ["tab inside quotes becomes a blank", 'x = "a\t"', "x", "a "],
  ["carriage return inside a value becomes a blank", "x = a\rb", "x", "a b"],
  ["quotes keep blanks", 'x = "a b "', "x", "a b "],
  ["quotes keep leading blanks", 'x = "  a"', "x", "  a"],
  ["only an opening quote", 'x = "a', "x", '"a'],
  ["only a closing quote", 'x = a"', "x", 'a"'],
  ["one quote alone", 'x = "', "x", '"'],
  ["empty quotes", 'x = ""', "x", ""],
  ["a quote inside quotes", 'x = """', "x", '"'],
  ["two quoted words are one value", 'x = "a" "b"', "x", 'a" "b'],
  ["no escapes in quotes", 'x = "a\\"b\\n"', "x", 'a\\"b\\n'],
  ["single quotes stay", "x = 'a'", "x", "'a'"],
  ["no comment at line end", "x = a # b", "x", "a # b"],
  ["no % comment at line end", "x = a % b", "x", "a % b"],
  ["empty value is set", "x=", "x", ""],
  ["empty value with blanks", "x =   ", "x", ""],
  ["split at the first =", "x = a = b", "x", "a = b"],
  ["value beginning with =", "x == b", "x", "= b"],
  ["% comment", "% x = 1", "x", undefined],
  ["# comment", "# x = 1", "x", undefined],
  ["indented comment", "   #x = 1", "x", undefined],
  ["case of the option is ignored", "CuRrEnCy = KUDOS", "currency", "KUDOS"],
  ["last value wins", "x = 1\nX = 2\nx = 3", "x", "3"],
  ["blank inside an option's name", "a b = 1", "a b", "1"],
  ["only ASCII letters are compared without case", "\u212a = 1", "k", undefined],
  ["umlauts are compared exactly", "Ä = 1", "ä", undefined],
  ["no-break space belongs to the value", `x = ${NOBREAK}a${NOBREAK}`, "x", `${NOBREAK}a${NOBREAK}`],
  ["form feed belongs to the value", "x = a\f", "x", "a\f"],
  ["vertical tab does not make a blank line", "\v = 1", "\v", "1"],
  ["a value may begin with @", "x = @inline@ y", "x", "@inline@ y"],
  ["a value may begin with [", "x = [s]", "x", "[s]"],
  ["dollar is literal for plain reads", "x = $HOME/${Y:-z}", "x", "$HOME/${Y:-z}"],
  ["tilde is literal for plain reads", "x = ~/k", "x", "~/k"],
  ["names of object members are ordinary names", "constructor = 1\n__proto__ = 2", "__proto__", "2"],
  ["an option nobody set", "x = 1", "y", undefined],
  ["last line without line feed", "y = 1\nx = 2", "x", "2"],
  ["very long value", `x = ${"a".repeat(100_000)}`, "x", "a".repeat(100_000)],
];

for (const [what, text, option, value] of VALUES) {
  Deno.test(`value: ${what}`, () => {
    const config = parseConfiguration(`[s]\n${text}`);
    assert.equal(config.entry("S", option)?.value, value);
    assert.equal(config.isSet("s", option), value !== undefined);
  });
}

/** Section names and what [a] x reads. */
const SECTIONS: readonly (readonly [what: string, text: string, value: string | undefined])[] = [
  ["repeated sections are merged", "[a]\nx = 1\n[b]\ny = 1\n[A]\nX = 2", "2"],
  ["blanks outside and inside the brackets", "  [ a ]  \nx = 1", "1"],
  ["CRLF heading", "[a]\r\nx = 1\r\n", "1"],
  ["tabs around a heading", "\t[a]\t\nx = 1", "1"],
  ["byte order mark before the first heading", "\ufeff[a]\nx = 1", "1"],
  ["the next heading ends a section", "[a]\n[b]\nx = 1", undefined],
  ["heading with an equals sign", "[a=b]\nx = 1", undefined],
];

for (const [what, text, value] of SECTIONS) {
  Deno.test(`section: ${what}`, () => assert.equal(parseConfiguration(text).entry("a", "x")?.value, value));
}

Deno.test("sections keep first spelling and order, options too", () => {
  const config = parseConfiguration("[Zeta]\nFoo = 1\n[alpha]\n[exchange-account-B]\n[ZETA]\nbar=2\nFOO = 3");
  assert.deepEqual(config.sections("Z"), ["Zeta"]);
  assert.deepEqual(config.sections("Exchange-Account-"), ["exchange-account-B"]);
  assert.deepEqual(config.sections().slice(-3), ["Zeta", "alpha", "exchange-account-B"]);
  assert.deepEqual(config.options("zeta").map(({ option, value }) => [option, value]), [["Foo", "3"], ["bar", "2"]]);
  assert.deepEqual(config.options("nowhere"), []);
});

Deno.test("origin is file and line of the value that won", () => {
  const config = parseConfiguration("\n[a]\n# one\nx = 1\nX = 2\n", { name: "/etc/a.conf" });
  assert.deepEqual(config.entry("a", "x")?.origin, { file: "/etc/a.conf", line: 5, layer: "main" });
});

/** Malformed texts, the line that is named, and what the message says. */
const ERRORS: readonly (readonly [text: string, line: number, message: RegExp])[] = [
  ["[a]\nfoo", 2, /NAME = VALUE/],
  ["x = 1", 1, /before the first section/],
  ["# comment\n\nx = 1\n[a]", 3, /before the first section/],
  ["[a]\n = 1", 2, /no name/],
  ["[a]\n=", 2, /no name/],
  ["[a", 1, /must end with \]/],
  ["[a] # comment", 1, /must end with \]/],
  ["[a] x = 1", 1, /must end with \]/],
  ["[]", 1, /has no name/],
  ["[  ]", 1, /has no name/],
  ["[a]]", 1, /\] inside/],
  ["[a]\n@inlin@ x", 2, /unknown directive/],
  ["[a]\n@inline", 2, /@NAME@/],
  ["@inline@", 1, /@inline@ needs the path/],
  ["@INLINE-MATCHING@  ", 1, /@inline-matching@ needs a pattern/],
  ["@inline-secret@ s", 1, /@inline-secret@ needs a section and/],
  ["@inline@ /etc/x.conf", 1, /only allowed in a file/],
];

for (const [text, line, message] of ERRORS) {
  Deno.test(`error in line ${line} of ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseConfiguration(text, { name: "f.conf" }), (error) => {
      assert.ok(error instanceof ConfigurationError);
      const [problem] = error.problems;
      assert.deepEqual([problem?.file, problem?.line], ["f.conf", line]);
      assert.match(error.message, message);
      assert.match(error.message, new RegExp(`^f\\.conf:${line}: `));
      return true;
    });
  });
}

Deno.test("all syntax errors of a text are reported, none repeats the line", () => {
  const { problems } = parseText("hunter2\n[a]\nTOKEN hunter2\nx = 1\n[hunter2", "f");
  assert.deepEqual(problems.map((problem) => problem.line), [1, 3, 5]);
  assert.ok(problems.every((problem) => !problem.message.includes("hunter2")));
});

Deno.test("each kind of line is recognised", () => {
  const text = "# c\n  % c = 1\n\t\n[s]\nx = 1\n@inline@ f\nfoo\n";
  assert.deepEqual(parseText(text, "f").lines.map(({ number, statement }) => [number, statement.kind]), [
    [1, "comment"],
    [2, "comment"],
    [3, "blank"],
    [4, "section"],
    [5, "option"],
    [6, "directive"],
    [7, "error"],
    [8, "blank"],
  ]);
});

Deno.test("names fold in ASCII only", () => {
  assert.equal(foldName("ABCxyzÄ\u0130\u212a"), "abcxyzÄ\u0130\u212a");
});

Deno.test("directives: names without case, path is the rest of the line", () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ["@inline@ a b.conf ", { name: "inline", path: "a b.conf" }],
    ["  @InLine@\tx", { name: "inline", path: "x" }],
    ["@INLINE-MATCHING@ conf.d/*.conf", { name: "inline-matching", pattern: "conf.d/*.conf" }],
    ["@Inline-Secret@ s   my file", { name: "inline-secret", section: "s", path: "my file" }],
  ];
  for (const [text, directive] of rows) {
    assert.deepEqual(parseText(text, "f").lines[0]?.statement, { kind: "directive", directive });
  }
});

const ENVIRONMENT = { HOME: "/home/u", P: "/e", E: "/env", EMPTY: "", LOOP: "$LOOP", TO_HOME: "$HOME/x" };

/** Section PATHS, text of a file name, expected expansion; a pattern is an error. */
const FILENAMES: readonly (readonly [paths: string, text: string, result: string | RegExp, warns?: boolean])[] = [
  ["P = /p", "$P/x", "/p/x"],
  ["", "$P/x", "/e/x"],
  ["p = /p", "$P/x", "/p/x"],
  ["", "${NOPE:-${ALSO:-/d}/e}", "/d/e"],
  ["ALSO = /a", "${NOPE:-${ALSO:-/d}/e}", "/a/e"],
  ["", "$NOPE/x", "/base/$NOPE/x", true],
  ["", "$A:b/c", "/base/$A:b/c", true],
  ["A:b = /q", "$A:b/c", "/q/c"],
  ["A$B = /q", "$A$B/c", "/q/c"],
  ["", "~/k", "/home/u/k"],
  ["", "~", "/home/u"],
  ["", "~other/k", "/base/~other/k"],
  ["H = ~/data/", "${H}k", "/home/u/data/k"],
  ["", "/a/~/b", "/a/~/b"],
  ["", "rel/x", "/base/rel/x"],
  ["", "dir/", "/base/dir/"],
  ["", "/abs/dir/", "/abs/dir/"],
  ["", "${E}", "/env"],
  ["", "${E:-/d}", "/env"],
  ["", "${NOPE:=/d}", "/d"],
  ["", "${NOPE:/d}", "/d"],
  ["", "${NOPE:-}/x", "/x"],
  ["", "${EMPTY:-/d}/x", "/x"],
  ["Q =", "${Q:-/d}/x", "/x"],
  ["", "$E /x", "/env /x"],
  ["", "$E\\x", "/env\\x"],
  ["", "${E}tail", "/env" + "tail"],
  ["A = $B/a\nB = ${C:-/c}/b", "$A/x", "/c/b/a/x"],
  ["", "$TO_HOME", "/home/u/x"],
  ["", "/a/${NOPE}/b", "/a/${NOPE}/b", true],
  ["", "/a/${E", "/a/${E", true],
  ["", "/a/$E/${B:-${E}", "/a//env/${B:-${E}", true],
  ["", "/a/$", "/a/$"],
  ["", "/a/$/b", "/a/$/b"],
  ["", "/${X:-{a}b}", "/{a}b"],
  ["A = $A", "$A", /deeper than 128/],
  ["A = $B\nB = $A", "$A", /deeper than 128/],
  ["A = ${X:-$A}", "$A", /deeper than 128/],
  ["", "$LOOP", /deeper than 128/],
  ["A = $B/$B\nB = $C/$C\nC = $D/$D\nD = $F/$F\nF = $A/$A", "$A", /deeper than 128|more than/],
  ["", "", /expected a file name/],
];

for (const [paths, text, result, warns] of FILENAMES) {
  Deno.test(`file name ${JSON.stringify(text)} with PATHS ${JSON.stringify(paths)}`, () => {
    const config = parseConfiguration(`[PATHS]\n${paths}\n[s]\nf = ${text}`, {
      env: fixedEnvironment(ENVIRONMENT),
      cwd: () => "/base",
    });
    if (result instanceof RegExp) {
      assert.throws(() => config.getFilename("s", "f"), { name: "ConfigurationError", message: result });
      return;
    }
    assert.equal(config.getFilename("s", "f"), result);
    assert.equal(config.notices.length > 0, warns === true);
    assert.equal(config.getString("s", "f"), text.trim());
  });
}

Deno.test("a chain of 128 names is expanded, a longer one is refused", () => {
  const chain = (length: number) => (name: string) => Number(name) === length ? "end" : `$${Number(name) + 1}`;
  assert.deepEqual(expandReferences("$1", chain(128)), { text: "end", warnings: [] });
  assert.ok("error" in expandReferences("$1", chain(129)));
});

Deno.test("names that double at each level are refused soon", () => {
  const result = expandReferences(
    "$1",
    (name) => Number(name) > 60 ? "x" : `$${Number(name) + 1}/$${Number(name) + 1}`,
  );
  assert.deepEqual(result, { error: "more than 10000 references" });
});

Deno.test("tilde without HOME is an error that names the variable", () => {
  const config = parseConfiguration("[s]\nf = ~/x");
  assert.throws(() => config.getFilename("s", "f"), /HOME/);
});

type Read = (config: Configuration) => unknown;
const yesNo: Read = (config) => config.getYesNo("s", "x");
const choice: Read = (config) => config.getChoice("s", "x", ["tcp", "unix"]);
const number: Read = (config) => config.getNumber("s", "x");
const port: Read = (config) => config.getNumber("s", "x", { min: 1n, max: 65535n });
const mode: Read = (config) => config.getMode("s", "x");
const duration: Read = (config) => config.getDuration("s", "x");
const amount: Read = (config) => config.getAmount("s", "x").atoms;
const kudos: Read = (config) => config.getAmount("s", "x", "KUDOS").atoms;
const currency: Read = (config) => config.getCurrency("s", "x");
const url: Read = (config) => config.getUrl("s", "x");
const payto: Read = (config) => config.getPayto("s", "x");
const key: Read = (config) => config.getPublicKey("s", "x").length;

/** Reader, text, value; a pattern is an error that must also name section, option, file and line. */
const TYPED: readonly (readonly [read: Read, text: string, value: unknown])[] = [
  [yesNo, "YES", true],
  [yesNo, "no", false],
  [yesNo, "yEs", true],
  [yesNo, "true", /one of YES, NO/],
  [yesNo, "1", /YES/],
  [yesNo, "", /YES/],
  [choice, "UNIX", "unix"],
  [choice, "udp", /one of tcp, unix/],
  [number, "0", 0n],
  [number, "18446744073709551615", 2n ** 64n - 1n],
  [number, "18446744073709551616", /number from 0/],
  [number, "+5", 5n],
  [number, "007", 7n],
  [number, "-1", /number/],
  [number, "5 ", 5n],
  [number, "5x", /number/],
  [number, "0x10", /number/],
  [number, "1.5", /number/],
  [number, "", /number/],
  [port, "65535", 65535n],
  [port, "0", /from 1 to 65535/],
  [port, "65536", /from 1 to 65535/],
  [mode, "660", 0o660],
  [mode, "0600", 0o600],
  [mode, "666", 0o666],
  [mode, "680", /octal/],
  [mode, "rw", /octal/],
  [mode, "77777", /octal/],
  [duration, "1 day 12 h", 129_600_000_000n],
  [duration, "10s", 10_000_000n],
  [duration, "5", 5n],
  [duration, "forever", NEVER],
  [duration, "4 weeks", 28n * 86_400_000_000n],
  [duration, "7 years", 7n * 365n * 86_400_000_000n],
  [duration, "1 fortnight", /relative time/],
  [duration, "1.5 h", /relative time/],
  [amount, "KUDOS:1.5", 150_000_000n],
  [amount, "KUDOS", /an amount/],
  [amount, "KUDOS:1.123456789", /an amount/],
  [kudos, "EUR:1", /such as KUDOS:0\.01/],
  [currency, "KUDOS", "KUDOS"],
  [currency, "kudos", "KUDOS"],
  [currency, "ABCDEFGHIJKL", /currency/],
  [currency, "K1", /currency/],
  [currency, "", /currency/],
  [url, "http://localhost:8081/", "http://localhost:8081/"],
  [url, "https://exchange.example/base", "https://exchange.example/base"],
  [url, "HTTPS://Exchange.Example/", "HTTPS://Exchange.Example/"],
  [url, "ftp://x/", /http/],
  [url, "http:/x/", /http/],
  [url, "http:///x/", /http/],
  [url, "http://a b/", /http/],
  [url, "http://x/a b/", /http/],
  [url, "http://[::1/", /http/],
  [payto, "payto://iban/DE1?receiver-name=x", "payto://iban/DE1?receiver-name=x"],
  [payto, "payto:iban/DE1", /payto/],
  [payto, "payto://iban", /payto/],
  [payto, "payto:///x", /payto/],
  [key, "S2PF0H375EQC7C0SQ6T8VH09GA1EVFBDXKS5KRBQAW8XW5KBHT9G", 32],
  [key, "S2PF0H375EQC7C0SQ6T8VH09GA1EVFBDXKS5KRBQAW8XW5KBHT9", /52 base32/],
  [key, "", /52 base32/],
];

for (const [read, text, value] of TYPED) {
  Deno.test(`typed read of ${JSON.stringify(text)} gives ${value}`, () => {
    const config = parseConfiguration(`[s]\n\nx = ${text}`, { name: "/f.conf" });
    if (!(value instanceof RegExp)) return assert.equal(read(config), value);
    assert.throws(() => read(config), (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.match(error.message, value);
      assert.match(error.message, /^\/f\.conf:3: \[s\] x: .*expected /);
      return true;
    });
  });
}

Deno.test("a missing option names section, option, file and what is expected", () => {
  const config = parseConfiguration("", { name: "/f.conf" });
  assert.throws(() => config.getCurrency("exchange", "CURRENCY"), {
    message: "/f.conf: [exchange] CURRENCY: not set; expected a currency of 1 to 11 letters A-Z, such as KUDOS",
  });
});

Deno.test("messages mask passwords and never show PASSWORD or TOKEN", () => {
  const config = parseConfiguration("[s]\nu = ftp://me:hunter2@h/\nPassword = hunter2\n");
  assert.throws(() => config.getUrl("s", "u"), (error: Error) => !error.message.includes("hunter2"));
  assert.throws(() => config.getUrl("s", "PASSWORD"), (error: Error) => !error.message.includes("hunter2"));
});

Deno.test("shipped defaults are complete (configuration.md 7)", () => {
  const config = parseConfiguration("", { env: fixedEnvironment({ HOME: "/home/u" }) });
  const rows: readonly (readonly [string, string, string])[] = [
    ["auditor", "DB", "postgres"],
    ["auditor", "AUDITOR_PRIV_FILE", "/home/u/.local/share/taler-auditor/offline-keys/auditor.priv"],
    ["auditor", "BASE_URL", "http://localhost:8083/"],
    ["auditor", "SERVE", "tcp"],
    ["auditor", "PORT", "8083"],
    ["auditor", "UNIXPATH", "/tmp/taler-auditor-runtime//auditor-httpd/auditor-http.sock"],
    ["auditor", "UNIXPATH_MODE", "660"],
    ["auditordb-postgres", "CONFIG", "postgres:///taler-auditor"],
    ["auditordb-postgres", "SQL_DIR", "/usr/share/taler-auditor/sql/"],
    ["PATHS", "TALER_HOME", "/home/u"],
    ["PATHS", "TALER_DATA_HOME", "/home/u/.local/share/taler-auditor/"],
    ["PATHS", "TALER_CONFIG_HOME", "/home/u/.config/taler-auditor/"],
    ["PATHS", "TALER_CACHE_HOME", "/home/u/.cache/taler-auditor/"],
    ["PATHS", "TALER_RUNTIME_DIR", "/tmp/taler-auditor-runtime/"],
    ["PATHS", "LIBEXECDIR", "/usr/lib/taler-auditor/libexec/"],
    ["PATHS", "DOCDIR", "/usr/share/doc/taler-auditor/"],
    ["exchangedb", "IDLE_RESERVE_EXPIRATION_TIME", "4 weeks"],
    ["exchangedb", "LEGAL_RESERVE_EXPIRATION_TIME", "7 years"],
    ["exchangedb", "AGGREGATOR_SHIFT", "1 s"],
    ["exchangedb", "DEFAULT_PURSE_LIMIT", "1"],
    ["exchangedb", "MAX_AML_PROGRAM_RUNTIME", "60 s"],
    ["exchangedb-postgres", "CONFIG", "postgres:///taler-exchange"],
    ["exchangedb-postgres", "SQL_DIR", "/usr/share/taler-auditor/sql/"],
    ["exchangedb-postgres", "DEFAULT_PURSE_LIMIT", "1"],
    ["exchange", "DB", "postgres"],
    ["exchange", "BASE_URL", "http://localhost:8081/"],
    ["exchange", "TERMS_DIR", "/home/u/.local/share/taler-auditor//terms/"],
    ["exchange", "PRIVACY_ETAG", "exchange-pp-v0"],
  ];
  for (const [section, option, value] of rows) {
    const read = value.startsWith("/") ? config.getFilename(section, option) : config.getString(section, option);
    assert.equal(read, value, `[${section}] ${option}`);
    assert.ok(config.isShippedDefault(section, option));
  }
  for (const option of ["CURRENCY", "MASTER_PUBLIC_KEY"]) assert.equal(config.isSet("exchange", option), false);
  for (const option of ["TINY_AMOUNT", "PUBLIC_KEY", "TERMS_ETAG", "PRIVACY_DIR"]) {
    assert.equal(config.isSet("auditor", option), false);
  }
});

/** Old places: text, section, option, value (configuration.md 1.4). */
const OLD: readonly (readonly [text: string, section: string, option: string, value: string])[] = [
  ["[taler]\nCURRENCY = OLD", "exchange", "CURRENCY", "OLD"],
  ["[exchange]\nCURRENCY = NEW\n[taler]\nCURRENCY = OLD", "exchange", "currency", "NEW"],
  ["[TALER]\nCURRENCY_ROUND_UNIT = OLD:1", "exchange", "CURRENCY_ROUND_UNIT", "OLD:1"],
  ["[exchangedb]\nCONFIG = postgres:///old", "exchangedb-postgres", "CONFIG", "postgres:///old"],
  [
    "[exchangedb]\nCONFIG = postgres:///old\n[exchangedb-postgres]\nCONFIG = postgres:///new",
    "exchangedb-postgres",
    "CONFIG",
    "postgres:///new",
  ],
  ["[exchange-account-1]\nWIRE_GATEWAY_URL = http://x/", "exchangedb-postgres", "CONFIG", "postgres:///taler-exchange"],
];

for (const [text, section, option, value] of OLD) {
  Deno.test(`old place: ${JSON.stringify(text)}`, () => {
    assert.equal(parseConfiguration(text).getString(section, option), value);
  });
}

Deno.test("a value set to the default is not the shipped default, but knows it", () => {
  const config = parseConfiguration("[auditor]\nBASE_URL = http://localhost:8083/");
  assert.equal(config.isShippedDefault("auditor", "BASE_URL"), false);
  assert.equal(config.entry("auditor", "BASE_URL")?.shipped?.value, "http://localhost:8083/");
  assert.equal(config.entry("auditor", "BASE_URL")?.shipped?.origin.layer, "embedded");
});

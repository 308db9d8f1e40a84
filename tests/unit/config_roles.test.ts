// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readAccounts, readCredentials, readCurrencyDisplay, readGatewayAccounts } from "../../core/config/accounts.ts";
import { collector } from "../../core/config/collect.ts";
import { fixedEnvironment } from "../../core/config/environment.ts";
import { loadConfiguration, parseConfiguration } from "../../core/config/load.ts";
import { syntaxProblems } from "../../core/config/options.ts";
import { ConfigurationError } from "../../core/config/problem.ts";
import {
  auditOptions,
  bankOptions,
  configurationProblems,
  databaseOptions,
  dbinitOptions,
  httpdOptions,
  offlineOptions,
  type OfflineStep,
  type Pass,
  syncOptions,
} from "../../core/config/roles.ts";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { decodeBase32, encodeBase32 } from "../../core/taler/base32.ts";
import { DAY, NEVER } from "../../core/taler/time.ts";
import { goldenPath } from "../support/golden.ts";

const MASTER = "S2PF0H375EQC7C0SQ6T8VH09GA1EVFBDXKS5KRBQAW8XW5KBHT9G";
const AUDITOR = "D9ZMEJCFV92GRQ29ES2MM31HEKHQXCFAACG3Q70G42X9FMWM7S50";

const COMPLETE = `[exchange]
CURRENCY = EUR
CURRENCY_ROUND_UNIT = EUR:0.01
MASTER_PUBLIC_KEY = ${MASTER}
BASE_URL = http://localhost:18081/
[auditor]
BASE_URL = http://localhost:18083/
PUBLIC_KEY = ${AUDITOR}
TINY_AMOUNT = EUR:0.05
[exchange-account-2]
PAYTO_URI = "payto://x-taler-bank/localhost/2?receiver-name=2"
ENABLE_DEBIT = YES
ENABLE_CREDIT = YES
[exchange-accountcredentials-2]
WIRE_GATEWAY_AUTH_METHOD = none
WIRE_GATEWAY_URL = http://localhost:8082
`;

/** Replaces or, with undefined, removes the line of an option in COMPLETE. */
function changed(option: string, line: string | undefined): string {
  assert.match(COMPLETE, new RegExp(`^${option} = .*$`, "m"));
  return COMPLETE.replace(new RegExp(`^${option} = .*\n`, "m"), line === undefined ? "" : `${line}\n`);
}

/** Messages of all problems that a function reports, without the name of the file. */
function problemsOf(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    assert.equal(error.message.split("\n").length, error.problems.length);
    return error.problems.map(({ section, option, message }) => `[${section}] ${option ?? ""}: ${message}`);
  }
}

const file = (bytes: Uint8Array) => () => bytes;
const closed = () => {
  throw new Deno.errors.PermissionDenied("no");
};

Deno.test("audit: a complete configuration", () => {
  const options = auditOptions(parseConfiguration(COMPLETE));
  assert.deepEqual(options, {
    currency: "EUR",
    roundUnit: 1_000_000n,
    tinyAmount: 5_000_000n,
    gracePeriod: 3_600_000_000n,
    masterPub: decodeBase32(MASTER, 32),
    exchangeBaseUrl: "http://localhost:18081/",
    auditorBaseUrl: "http://localhost:18083/",
    auditorPub: decodeBase32(AUDITOR, 32),
    idleReserveExpiration: 28n * DAY,
    legalReserveExpiration: 7n * 365n * DAY,
    auditorDb: "postgres:///taler-auditor",
    exchangeDb: "postgres:///taler-exchange",
    accounts: [{
      section: "exchange-account-2",
      paytoUri: "payto://x-taler-bank/localhost/2?receiver-name=2",
      method: "x-taler-bank",
      credit: true,
      debit: true,
    }],
  });
});

const golden = goldenPath();

Deno.test("audit: the authentic configurations are accepted", { ignore: golden === undefined }, () => {
  let count = 0;
  for (const entry of Deno.readDirSync(golden ?? "")) {
    const path = join(golden ?? "", entry.name, "auditor.conf");
    if (!entry.isDirectory || !existsSync(path)) continue;
    const text = Deno.readTextFileSync(path);
    const config = parseConfiguration(text.replaceAll("@GATEWAY@", "http://localhost:1/"));
    const currency = /^CURRENCY = (.*)$/m.exec(text)?.[1];
    assert.equal(auditOptions(config).currency, currency);
    assert.equal(auditOptions(config).auditorDb, "@AUDITOR_DB@");
    assert.equal(bankOptions(config).gateways.accounts.length, 1);
    count++;
  }
  assert.ok(count >= 10, `${count} configurations found`);
});

/** Changes of COMPLETE, passes, and what is reported. */
const AUDITS: readonly (readonly [
  what: string,
  text: string,
  passes: readonly Pass[] | undefined,
  problems: readonly RegExp[],
])[] = [
  ["no currency", changed("CURRENCY", undefined), undefined, [/\[exchange\] CURRENCY: not set/]],
  ["no round unit", changed("CURRENCY_ROUND_UNIT", undefined), ["coins"], [/CURRENCY_ROUND_UNIT: not set/]],
  [
    "round unit of another currency",
    changed("CURRENCY_ROUND_UNIT", "CURRENCY_ROUND_UNIT = USD:0.01"),
    ["coins"],
    [/CURRENCY_ROUND_UNIT: "USD:0.01" cannot be used: expected an amount, such as EUR:0.01/],
  ],
  [
    "round unit with both parts",
    changed("CURRENCY_ROUND_UNIT", "CURRENCY_ROUND_UNIT = EUR:1.5"),
    ["coins"],
    [/expected whole units or less than one unit/],
  ],
  ["tiny amount of another currency", changed("TINY_AMOUNT", "TINY_AMOUNT = USD:1"), ["coins"], [/TINY_AMOUNT/]],
  ["no tiny amount", changed("TINY_AMOUNT", undefined), undefined, []],
  ["no master key", changed("MASTER_PUBLIC_KEY", undefined), ["purses"], [/MASTER_PUBLIC_KEY: not set/]],
  ["no auditor key, pass coins", changed("PUBLIC_KEY", undefined), ["coins"], [/\[auditor\] PUBLIC_KEY: not set/]],
  ["no auditor key, another pass", changed("PUBLIC_KEY", undefined), ["reserves"], []],
  ["malformed auditor key, another pass", changed("PUBLIC_KEY", "PUBLIC_KEY = X"), ["reserves"], [/52 base32/]],
  ["malformed port, though audits do not listen", `${COMPLETE}[auditor]\nPORT = http\n`, ["reserves"], [/PORT/]],
  ["another database driver", `${COMPLETE}[auditor]\nDB = sqlite\n`, ["reserves"], [
    /\[auditor\] DB: .*expected postgres/,
  ]],
  ["Debian's old option", `${COMPLETE}[auditor]\nDATABASE = sqlite\n`, ["reserves"], [/DATABASE.*postgres/]],
  ["Debian's old option, right", `${COMPLETE}[auditor]\nDATABASE = postgres\n`, ["reserves"], []],
  ["unknown options and sections", `${COMPLETE}[auditor]\nFOO = x\n[bar]\nPORT = x\n`, undefined, []],
  ["no duration", `${COMPLETE}[exchangedb]\nIDLE_RESERVE_EXPIRATION_TIME = soon\n`, ["coins"], [/IDLE_RESERVE/]],
  ["exchange URL is none", changed("BASE_URL", "BASE_URL = localhost"), ["reserves"], [/\[exchange\] BASE_URL/]],
  ["malformed account, no wire pass", changed("PAYTO_URI", "PAYTO_URI = DE1"), ["coins"], [/PAYTO_URI.*payto:/]],
  [
    "no account, wire passes",
    COMPLETE.replace("[exchange-account-2]", "[other]"),
    ["wire-credit", "wire-debit"],
    [/needed by pass wire-credit/, /needed by pass wire-debit/],
  ],
  ["no account, no wire pass", COMPLETE.replace("[exchange-account-2]", "[other]"), ["coins", "transfer"], []],
  ["only debit, wire-credit", changed("ENABLE_CREDIT", undefined), ["wire-credit"], []],
  ["only debit, wire-debit", changed("ENABLE_CREDIT", undefined), ["wire-debit"], []],
  ["only credit, wire-debit", changed("ENABLE_DEBIT", undefined), ["wire-debit"], []],
  ["nothing at all", "", ["deposits"], [
    /CURRENCY: not set/,
    /CURRENCY_ROUND_UNIT: not set/,
    /MASTER_PUBLIC_KEY: not set/,
  ]],
  [
    "all at once, each once",
    "[exchange]\nCURRENCY = 1\nMASTER_PUBLIC_KEY = 2\n[auditor]\nSERVE = 3\n",
    ["deposits"],
    [/SERVE: "3"/, /\[exchange\] CURRENCY: "1"/, /MASTER_PUBLIC_KEY: "2"/, /CURRENCY_ROUND_UNIT: not set/],
  ],
];

for (const [what, text, passes, expected] of AUDITS) {
  Deno.test(`audit: ${what}`, () => {
    const found = problemsOf(() => auditOptions(parseConfiguration(text), passes === undefined ? {} : { passes }));
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
  });
}

Deno.test("audit: warnings for zero round unit and base URLs without slash", () => {
  const text = changed("CURRENCY_ROUND_UNIT", "CURRENCY_ROUND_UNIT = EUR:0").replace("18083/", "18083");
  const config = parseConfiguration(text);
  assert.equal(auditOptions(config).roundUnit, 0n);
  assert.equal(auditOptions(config).auditorBaseUrl, "http://localhost:18083");
  const warnings = config.notices.filter(({ level }) => level === "warning").map(({ message }) => message);
  assert.equal(warnings.length, 2);
  assert.match(warnings.join("\n"), /not rounded[^]*\[auditor\] BASE_URL does not end with/);
});

Deno.test("audit and httpd: the public key follows from the private key file", () => {
  const config = parseConfiguration(changed("PUBLIC_KEY", undefined), { env: fixedEnvironment({ HOME: "/h" }) });
  const seed = Uint8Array.from({ length: 32 }, (_, index) => index);
  assert.deepEqual(auditOptions(config, { readKeyFile: file(seed) }).auditorPub, publicKeyOf(seed));
  assert.deepEqual(httpdOptions(config, file(seed)).auditorPub, publicKeyOf(seed));
  const path = "/h/.local/share/taler-auditor/offline-keys/auditor.priv";
  const paths: string[] = [];
  auditOptions(config, { readKeyFile: (wanted) => (paths.push(wanted), seed) });
  assert.deepEqual(paths, [path]);
  assert.match(
    problemsOf(() => auditOptions(config, { readKeyFile: closed }))[0] ?? "",
    /PUBLIC_KEY: not set, .*priv cannot be read/,
  );
  assert.match(problemsOf(() => httpdOptions(config, file(new Uint8Array(31))))[0] ?? "", /does not hold 32 bytes/);
  const set = parseConfiguration(COMPLETE);
  assert.deepEqual(auditOptions(set, { readKeyFile: closed }).auditorPub, decodeBase32(AUDITOR, 32));
});

Deno.test("databases: the environment wins unless empty; sync ignores it", () => {
  const text = "[auditordb-postgres]\nCONFIG = postgres:///a\n[exchangedb-postgres]\nCONFIG = postgres:///x";
  const rows: readonly (readonly [Record<string, string>, string, string])[] = [
    [{}, "postgres:///a", "postgres:///x"],
    [{ TALER_AUDITORDB_POSTGRES_CONFIG: "postgres:///ea" }, "postgres:///ea", "postgres:///x"],
    [{ TALER_EXCHANGEDB_POSTGRES_CONFIG: "postgres:///ex" }, "postgres:///a", "postgres:///ex"],
    [{ TALER_AUDITORDB_POSTGRES_CONFIG: "" }, "postgres:///a", "postgres:///x"],
  ];
  for (const [variables, auditorDb, exchangeDb] of rows) {
    const config = parseConfiguration(text, { env: fixedEnvironment(variables) });
    assert.deepEqual(databaseOptions(config), { auditorDb, exchangeDb });
    assert.deepEqual(syncOptions(config), { exchangeDb: "postgres:///x" });
    assert.equal(dbinitOptions(config, "auditor").connection, auditorDb);
    assert.equal(dbinitOptions(config, "exchange").connection, exchangeDb);
  }
});

Deno.test("databases: $ in a connection string is literal, an empty one stays empty", () => {
  const config = parseConfiguration(
    "[auditordb-postgres]\nCONFIG = postgres://u:$HOME@h/d\n[exchangedb-postgres]\nCONFIG=",
  );
  assert.deepEqual(databaseOptions(config), { auditorDb: "postgres://u:$HOME@h/d", exchangeDb: "" });
});

Deno.test("databases: all problems together", () => {
  const found = problemsOf(() => databaseOptions(parseConfiguration("[auditor]\nDB = a\n[exchange]\nDB = b")));
  assert.deepEqual(found.map((text) => text.slice(0, text.indexOf(":"))), ["[auditor] DB", "[exchange] DB"]);
});

Deno.test("databases: an inaccessible section is a problem, never the library's default", () => {
  const files = new Map([["/a.conf", "@inline-secret@ auditordb-postgres secret\n"]]);
  const result = loadConfiguration({
    file: "/a.conf",
    env: fixedEnvironment({}),
    executable: () => "/x/y",
    readDir: () => [],
    realPath: (path) => path,
    readFile: (path) => {
      const text = files.get(path);
      if (text === undefined) throw new Deno.errors.PermissionDenied("no");
      return new TextEncoder().encode(text);
    },
  });
  assert.ok("configuration" in result);
  const { configuration } = result;
  assert.deepEqual(problemsOf(() => databaseOptions(configuration)), [
    "[auditordb-postgres] CONFIG: not available, its file /secret is not readable; expected a PostgreSQL connection string",
  ]);
  // Another role's database stays usable.
  assert.equal(syncOptions(configuration).exchangeDb, "postgres:///taler-exchange");
});

Deno.test("sync: the manual's place of CONFIG, the shipped default does not count", () => {
  assert.equal(
    syncOptions(parseConfiguration("[exchangedb]\nCONFIG = postgres:///ingres/")).exchangeDb,
    "postgres:///ingres/",
  );
});

Deno.test("dbinit: the directory of schema files only if the operator set one", () => {
  assert.equal(dbinitOptions(parseConfiguration(""), "auditor").sqlDir, undefined);
  const own = "[auditordb-postgres]\nSQL_DIR = ${DATADIR}mine/\n";
  assert.equal(dbinitOptions(parseConfiguration(own), "auditor").sqlDir, "/usr/share/taler-auditor/mine/");
  const found = problemsOf(() => dbinitOptions(parseConfiguration("[auditordb-postgres]\nSQL_DIR = /x\n"), "auditor"));
  assert.match(found.join(), /SQL_DIR.*with \/ at its end/);
});

/** Section auditor of the service, what it gives or the problems. */
const LISTENS: readonly (readonly [text: string, listen: unknown])[] = [
  ["", { kind: "tcp", port: 8083, host: undefined }],
  ["PORT = 1\nBIND_TO = ::1", { kind: "tcp", port: 1, host: "::1" }],
  ["BIND_TO =", { kind: "tcp", port: 8083, host: undefined }],
  ["SERVE = UNIX\nUNIXPATH = /run/a.sock", { kind: "unix", path: "/run/a.sock", mode: 0o660 }],
  ["SERVE = unix\nUNIXPATH = /run/a.sock\nUNIXPATH_MODE = 600", { kind: "unix", path: "/run/a.sock", mode: 0o600 }],
  ["PORT = 0", /PORT.*from 1 to 65535/],
  ["PORT = 70000", /PORT.*from 1 to 65535/],
  ["SERVE = systemd", /SERVE.*one of tcp, unix/],
  [`SERVE = unix\nUNIXPATH = /${"a".repeat(107)}`, /UNIXPATH.*at most 107 bytes/],
  [`SERVE = unix\nUNIXPATH = /${"a".repeat(106)}`, { kind: "unix", path: `/${"a".repeat(106)}`, mode: 0o660 }],
  [`SERVE = unix\nUNIXPATH = /${"ä".repeat(60)}`, /UNIXPATH.*at most 107 bytes/],
  ["SERVE = unix\nUNIXPATH_MODE = rw", /UNIXPATH_MODE.*octal/],
];

for (const [text, expected] of LISTENS) {
  Deno.test(`httpd listens: ${JSON.stringify(text)}`, () => {
    const config = parseConfiguration(`${COMPLETE}[auditor]\n${text}`);
    if (expected instanceof RegExp) assert.match(problemsOf(() => httpdOptions(config)).join("\n"), expected);
    else assert.deepEqual(httpdOptions(config).listen, expected);
  });
}

Deno.test("httpd: legal documents need both options", () => {
  const config = parseConfiguration(
    `${COMPLETE}[auditor]\nTERMS_ETAG = tos-v0\nTERMS_DIR = \${DATADIR}terms\nPRIVACY_ETAG = pp-v0`,
  );
  const { terms, privacy } = httpdOptions(config);
  assert.deepEqual(terms, { etag: "tos-v0", directory: "/usr/share/taler-auditor/terms" });
  assert.equal(privacy, undefined);
  assert.deepEqual(config.notices.map(({ message }) => message), [
    "[auditor] PRIVACY_DIR is not set, so /pp is not configured",
  ]);
});

Deno.test("httpd: does not need what only audits need", () => {
  const config = parseConfiguration(changed("CURRENCY_ROUND_UNIT", undefined));
  assert.equal(httpdOptions(config).currency, "EUR");
});

/** Text, steps, problems (configuration.md 9, cli.md 10.1). */
const OFFLINE: readonly (readonly [text: string, steps: readonly OfflineStep[], problems: readonly RegExp[]])[] = [
  ["", ["setup"], []],
  ["", ["show"], [/MASTER_PUBLIC_KEY/]],
  ["", ["sign"], [/MASTER_PUBLIC_KEY/]],
  ["", ["download"], [/CURRENCY/, /MASTER_PUBLIC_KEY/]],
  ["", ["upload"], [/CURRENCY/, /MASTER_PUBLIC_KEY/, /PUBLIC_KEY/]],
  ["", ["download", "sign", "upload"], [/CURRENCY/, /MASTER_PUBLIC_KEY/]],
  ["", ["upload", "sign"], [/CURRENCY/, /MASTER_PUBLIC_KEY/, /\[auditor\] PUBLIC_KEY/]],
  [`[exchange]\nMASTER_PUBLIC_KEY = ${MASTER}`, ["show", "sign"], []],
  ["[exchange]\nMASTER_PUBLIC_KEY = x", ["setup"], [/MASTER_PUBLIC_KEY/]],
  ["[auditor]\nBASE_URL = x", ["setup"], [/BASE_URL/]],
  ["[auditor]\nAUDITOR_PRIV_FILE = $L\n[PATHS]\nL = $L", ["setup"], [/AUDITOR_PRIV_FILE.*nested deeper/]],
  [COMPLETE, ["download", "show", "sign", "upload"], []],
];

for (const [text, steps, expected] of OFFLINE) {
  Deno.test(`offline ${steps.join(" ")} with ${JSON.stringify(text.slice(0, 30))}`, () => {
    const config = parseConfiguration(text, { env: fixedEnvironment({ HOME: "/h" }) });
    const found = problemsOf(() => offlineOptions(config, steps));
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
  });
}

Deno.test("offline: values, and the shipped base URL is recognised", () => {
  const text = COMPLETE.replace("18081/", "18081");
  const options = offlineOptions(parseConfiguration(text, { env: fixedEnvironment({ HOME: "/h" }) }), [
    "sign",
    "upload",
  ]);
  assert.deepEqual(options, {
    currency: "EUR",
    masterPub: decodeBase32(MASTER, 32),
    exchangeUrl: "http://localhost:18081/",
    auditorBaseUrl: "http://localhost:18083/",
    auditorBaseUrlIsDefault: false,
    auditorPub: decodeBase32(AUDITOR, 32),
    privateKeyFile: "/h/.local/share/taler-auditor/offline-keys/auditor.priv",
  });
  const virgin = offlineOptions(parseConfiguration("", { env: fixedEnvironment({ HOME: "/h" }) }), ["setup"]);
  assert.deepEqual([virgin.auditorBaseUrlIsDefault, virgin.currency, virgin.masterPub], [true, undefined, undefined]);
});

Deno.test("bank: gateways with credentials", () => {
  const text = `${COMPLETE}[exchange-account-b]
WIRE_METHOD = iban
ENABLE_CREDIT = yes
[exchange-accountcredentials-B]
WIRE_GATEWAY_URL = https://bank/wg/
WIRE_GATEWAY_AUTH_METHOD = Basic
USERNAME = u
PASSWORD =
[exchange-account-off]
WIRE_METHOD = iban
[exchange-account-alone]
WIRE_METHOD = iban
ENABLE_DEBIT = YES
`;
  const config = parseConfiguration(text);
  const { accounts, skipped } = bankOptions(config).gateways;
  assert.deepEqual(
    accounts.map(({ section, method, credit, debit, credentials }) => [
      section,
      method,
      credit,
      debit,
      credentials.url,
      credentials.authentication,
    ]),
    [
      ["exchange-account-2", "x-taler-bank", true, true, "http://localhost:8082/", { method: "none" }],
      ["exchange-account-b", "iban", true, false, "https://bank/wg/", { method: "basic", username: "u", password: "" }],
    ],
  );
  assert.deepEqual(skipped, ["exchange-account-alone"]);
  assert.match(
    config.notices.map(({ message }) => message).join("\n"),
    /exchange-account-alone\] is skipped: section .* is missing/,
  );
});

/** Credentials section and problems; all of them at once. */
const CREDENTIALS: readonly (readonly [text: string, problems: readonly RegExp[]])[] = [
  ["WIRE_GATEWAY_URL = http://x/", [/WIRE_GATEWAY_AUTH_METHOD: not set/]],
  ["WIRE_GATEWAY_AUTH_METHOD = none", [/WIRE_GATEWAY_URL: not set/]],
  ["WIRE_GATEWAY_AUTH_METHOD = digest\nWIRE_GATEWAY_URL = x", [/URL/, /one of none, basic, bearer/]],
  ["WIRE_GATEWAY_AUTH_METHOD = basic\nWIRE_GATEWAY_URL = http://x/", [/USERNAME: not set/, /PASSWORD: not set/]],
  ["WIRE_GATEWAY_AUTH_METHOD = bearer\nWIRE_GATEWAY_URL = http://x/", [/TOKEN: not set/]],
];

for (const [text, expected] of CREDENTIALS) {
  Deno.test(`credentials: ${JSON.stringify(text)}`, () => {
    const config = parseConfiguration(
      `[exchange-account-1]\nWIRE_METHOD=iban\nENABLE_CREDIT=YES\n[exchange-accountcredentials-1]\n${text}`,
    );
    const found = problemsOf(() => readGatewayAccounts(config));
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? "", pattern);
  });
}

Deno.test("credentials by section name, with a token", () => {
  const config = parseConfiguration(
    "[exchange-accountcredentials-9]\nWIRE_GATEWAY_URL=http://x\nTOKEN=t\nWIRE_GATEWAY_AUTH_METHOD=BEARER",
  );
  assert.deepEqual(readCredentials(config, "exchange-accountcredentials-9"), {
    section: "exchange-accountcredentials-9",
    url: "http://x/",
    authentication: { method: "bearer", token: "t" },
  });
});

Deno.test("bank: no account left is a problem", () => {
  assert.match(
    problemsOf(() => bankOptions(parseConfiguration("[exchange]\nCURRENCY = EUR"))).join(),
    /no enabled bank account/,
  );
});

Deno.test("accounts: skipped, doubtful and odd ones get a warning", () => {
  const text = `[exchange-account-none]
ENABLE_CREDIT = YES
[exchange-account-odd]
PAYTO_URI = payto://iban/XX
WIRE_METHOD = x-taler-bank
ENABLE_CREDIT = true
ENABLE_DEBIT = no
`;
  const config = parseConfiguration(text);
  assert.deepEqual(readAccounts(config), [{
    section: "exchange-account-odd",
    paytoUri: "payto://iban/XX",
    method: "iban",
    credit: false,
    debit: false,
  }]);
  assert.deepEqual(config.notices.map(({ message }) => message), [
    "account [exchange-account-none] is skipped: neither PAYTO_URI nor WIRE_METHOD is set",
    "[exchange-account-odd] WIRE_METHOD is ignored, PAYTO_URI says iban",
    "[exchange-account-odd] PAYTO_URI does not validate and cannot be compared with what the bank reports",
    "[exchange-account-odd] ENABLE_CREDIT is neither YES nor NO and counts as NO",
  ]);
});

Deno.test("display of a currency", () => {
  const text = `[currency-euro]
ENABLED = YES
CODE = EUR
NAME = Euro
FRACTIONAL_INPUT_DIGITS = 2
FRACTIONAL_TRAILING_ZERO_DIGITS = 2
ALT_UNIT_NAMES = {"0":"€","3":"k€"}
[currency-old]
ENABLED = NO
CODE = DEM
`;
  const config = parseConfiguration(text);
  assert.deepEqual(readCurrencyDisplay(config, "EUR"), {
    name: "Euro",
    inputDigits: 2,
    normalDigits: undefined,
    trailingZeroDigits: 2,
    unitNames: new Map([[0, "€"], [3, "k€"]]),
  });
  assert.equal(readCurrencyDisplay(config, "DEM"), undefined);
  assert.equal(readCurrencyDisplay(config, "KUDOS"), undefined);
  for (const json of ["{", "[]", "3", '{"x":"y"}', '{"0":1}']) {
    assert.match(
      syntaxProblems(parseConfiguration(`[currency-x]\nALT_UNIT_NAMES = ${json}`)).map((p) => p.message).join(),
      /JSON object/,
    );
  }
});

Deno.test("check: everything set is checked, embedded defaults are not", () => {
  const text = "[auditor]\nPORT = x\nUNIXPATH_MODE = 9\nTERMS_DIR = $A\n[PATHS]\nA = $A\n[taler]\nCURRENCY = 1\n" +
    "[exchange-account-1]\nPAYTO_URI = x\n[exchange-accountcredentials-1]\nWIRE_GATEWAY_URL = x\n[currency-a]\nENABLED = 1";
  const found = configurationProblems(parseConfiguration(text)).map(({ section, option }) => `${section} ${option}`);
  assert.deepEqual(found, [
    "auditor PORT",
    "auditor UNIXPATH_MODE",
    "auditor TERMS_DIR",
    "taler CURRENCY",
    "exchange-account-1 PAYTO_URI",
    "exchange-accountcredentials-1 WIRE_GATEWAY_URL",
    "currency-a ENABLED",
  ]);
  assert.deepEqual(configurationProblems(parseConfiguration("")), []);
});

Deno.test("a collector keeps each problem once and lets other errors through", () => {
  const problems = collector();
  const fail = () => {
    throw new ConfigurationError([{ message: "a" }, { message: "b" }]);
  };
  assert.equal(problems.read(fail), undefined);
  assert.equal(problems.read(fail), undefined);
  assert.throws(() => problems.finish({}), { message: "a\nb" });
  assert.throws(() => problems.read(() => assert.fail(new TypeError("bug"))), TypeError);
  assert.deepEqual(collector().finish({ a: { value: 1 }, b: { value: undefined } }), { a: 1, b: undefined });
});

Deno.test("durations may be forever", () => {
  const text = `${COMPLETE}[exchangedb]\nLEGAL_RESERVE_EXPIRATION_TIME = forever`;
  assert.equal(auditOptions(parseConfiguration(text)).legalReserveExpiration, NEVER);
  assert.equal(encodeBase32(auditOptions(parseConfiguration(text)).masterPub), MASTER);
});

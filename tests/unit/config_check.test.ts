// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { checkRole, type Role, ROLES } from "../../core/config/check.ts";
import { fixedEnvironment } from "../../core/config/environment.ts";
import { loadConfiguration, parseConfiguration } from "../../core/config/load.ts";
import { isSecretOption, maskValue } from "../../core/config/mask.ts";
import { knownOptions } from "../../core/config/options.ts";
import { ConfigurationError } from "../../core/config/problem.ts";
import { bankOptions } from "../../core/config/roles.ts";
import { unknownNames } from "../../core/config/slips.ts";

const MASTER = "S2PF0H375EQC7C0SQ6T8VH09GA1EVFBDXKS5KRBQAW8XW5KBHT9G";
const AUDITOR = "D9ZMEJCFV92GRQ29ES2MM31HEKHQXCFAACG3Q70G42X9FMWM7S50";

const COMPLETE = `[exchange]
CURRENCY = EUR
CURRENCY_ROUND_UNIT = EUR:0.01
MASTER_PUBLIC_KEY = ${MASTER}
BASE_URL = https://exchange.example/
[auditor]
BASE_URL = https://auditor.example/
PUBLIC_KEY = ${AUDITOR}
[exchange-account-1]
PAYTO_URI = payto://x-taler-bank/localhost/2?receiver-name=2
ENABLE_DEBIT = YES
[exchange-accountcredentials-1]
WIRE_GATEWAY_AUTH_METHOD = none
WIRE_GATEWAY_URL = http://localhost:8082/
`;

const closed = (): never => {
  throw new Deno.errors.PermissionDenied("no");
};
const env = fixedEnvironment({ HOME: "/h" });

function roleOf(name: string): Role {
  const role = ROLES.find((known) => known.name === name);
  assert.ok(role, name);
  return role;
}

/** Verdict of one role about a text; every database can be connected to. */
function check(name: string, text: string) {
  return checkRole(parseConfiguration(text, { env, name: "/f.conf" }), roleOf(name), closed, () => {});
}

for (const { name } of ROLES) {
  Deno.test(`role ${name}: a complete configuration is enough`, () => {
    const { lacks, warnings, options } = check(name, COMPLETE);
    assert.deepEqual([lacks, warnings], [[], []]);
    assert.ok(options.length > 0);
  });
}

/** Role, the options that it lacks when nothing is set, and those that it reads beside them. */
const NEEDS: readonly (readonly [role: string, lacks: readonly string[], reads: readonly string[]])[] = [
  [
    "audit",
    ["exchange CURRENCY", "exchange CURRENCY_ROUND_UNIT", "exchange MASTER_PUBLIC_KEY", "auditor PUBLIC_KEY"],
    [
      "auditor TINY_AMOUNT",
      "auditor GRACE_PERIOD",
      "exchange BASE_URL",
      "auditor BASE_URL",
      "auditor AUDITOR_PRIV_FILE",
      "exchangedb IDLE_RESERVE_EXPIRATION_TIME",
      "exchangedb LEGAL_RESERVE_EXPIRATION_TIME",
      "auditordb-postgres CONFIG",
      "exchangedb-postgres CONFIG",
    ],
  ],
  [
    "wire",
    [
      "exchange-account-* ",
      "exchange CURRENCY",
      "exchange CURRENCY_ROUND_UNIT",
      "exchange MASTER_PUBLIC_KEY",
    ],
    ["bankdb-postgres CONFIG", "auditordb-postgres CONFIG"],
  ],
  ["bank", ["exchange-account-* ", "exchange CURRENCY"], ["bankdb-postgres CONFIG"]],
  [
    "httpd",
    ["exchange CURRENCY", "exchange MASTER_PUBLIC_KEY", "auditor PUBLIC_KEY"],
    ["auditor SERVE", "auditor PORT", "auditor BIND_TO", "auditor TERMS_ETAG", "auditordb-postgres CONFIG"],
  ],
  ["sync", [], ["exchangedb-postgres CONFIG"]],
  ["dbinit", [], ["auditordb-postgres CONFIG"]],
  ["exchange-dbinit", [], ["exchangedb-postgres CONFIG"]],
  ["offline", ["exchange MASTER_PUBLIC_KEY"], ["auditor BASE_URL", "auditor AUDITOR_PRIV_FILE", "exchange CURRENCY"]],
  [
    "helper",
    ["exchange CURRENCY", "exchange MASTER_PUBLIC_KEY", "auditor PUBLIC_KEY"],
    ["exchange BASE_URL", "auditor BASE_URL"],
  ],
];

for (const [name, expected, reads] of NEEDS) {
  Deno.test(`role ${name}: what it lacks when nothing is set, and what it reads`, () => {
    const { lacks, options } = check(name, "");
    const found = lacks.map(({ problem }) => `${problem.section} ${problem.option ?? ""}`);
    assert.deepEqual(found.sort(), [...expected].sort());
    for (const { problem, purpose } of lacks) {
      assert.equal(purpose !== undefined, problem.option !== undefined, JSON.stringify(problem));
    }
    const seen = options.map(({ section, option }) => `${section} ${option}`);
    for (const wanted of [...expected.filter((text) => !text.endsWith(" ")), ...reads]) {
      assert.ok(seen.includes(wanted), `${wanted} in ${seen.join(", ")}`);
    }
    assert.equal(new Set(seen).size, seen.length, "each option once");
  });
}

Deno.test("every role is tested above", () => {
  assert.deepEqual(NEEDS.map(([name]) => name).sort(), ROLES.map(({ name }) => name).sort());
});

Deno.test("a broken option is a lack, with file, line and purpose, also if the role does not read it", () => {
  const { lacks, options } = check("sync", "[auditor]\n\nPORT = x\n");
  const [lack] = lacks;
  assert.deepEqual([lacks.length, lack?.problem.file, lack?.problem.line], [1, "/f.conf", 3]);
  assert.equal(lack?.purpose, "the port of the web service, with SERVE = tcp");
  assert.ok(!options.some(({ option }) => option === "PORT"));
});

Deno.test("options that are read have their values and origins", () => {
  const { options } = check("helper", COMPLETE);
  const of = (section: string, option: string) => {
    return options.find((read) => read.section === section && read.option === option)?.entry;
  };
  assert.deepEqual([of("exchange", "CURRENCY")?.value, of("exchange", "CURRENCY")?.origin.line], ["EUR", 2]);
  assert.equal(of("auditor", "BASE_URL")?.origin.file, "/f.conf");
});

Deno.test("default addresses are told of where they matter", () => {
  const forgotten = (name: string, text: string) => check(name, text).warnings;
  const rest = COMPLETE.replace(/^BASE_URL = .*\n/gm, "");
  assert.equal(forgotten("audit", rest).length, 2);
  assert.match(
    forgotten("audit", rest)[0] ?? "",
    /\[exchange\] BASE_URL is not set; the default, http:\/\/localhost:8081\//,
  );
  assert.match(
    forgotten("offline", rest).join(),
    /^\[auditor\] BASE_URL is not set; the default, http:\/\/localhost:8083\//,
  );
  assert.deepEqual(forgotten("dbinit", rest), []);
});

Deno.test("what reading the options gives cause to say belongs to the role, what was said before does not", () => {
  const config = parseConfiguration(COMPLETE.replace("EUR:0.01", "EUR:0"), { env });
  config.notice("warning", "before");
  const { warnings } = checkRole(config, roleOf("audit"), closed, () => {});
  assert.deepEqual(warnings, ["CURRENCY_ROUND_UNIT is zero: wire transfers are not rounded"]);
});

Deno.test("connections are judged when all else is in order, each database of the role", () => {
  const asked: string[] = [];
  const connects = (database: string) => {
    asked.push(database);
    throw new ConfigurationError([{ section: "x", message: `no ${database}` }]);
  };
  const complete = parseConfiguration(COMPLETE, { env });
  const verdict = checkRole(complete, roleOf("wire"), closed, connects);
  assert.deepEqual(asked, ["auditor", "exchange", "bank"]);
  assert.deepEqual(verdict.lacks.map(({ problem }) => problem.message), ["no auditor", "no exchange", "no bank"]);
  checkRole(parseConfiguration("", { env }), roleOf("wire"), closed, connects);
  assert.equal(asked.length, 3);
});

Deno.test("the import of bank history does without the auditor's database, whose secret it may not read", () => {
  const files = new Map([["/a.conf", `${COMPLETE}@inline-secret@ auditordb-postgres secret\n`]]);
  const loaded = loadConfiguration({
    file: "/a.conf",
    env,
    executable: () => "/x/y",
    readDir: () => [],
    realPath: (path) => path,
    readFile: (path) => {
      const text = files.get(path);
      if (text === undefined) throw new Deno.errors.PermissionDenied("no");
      return new TextEncoder().encode(text);
    },
  });
  assert.ok("configuration" in loaded);
  assert.equal(bankOptions(loaded.configuration).currency, "EUR");
  assert.deepEqual(checkRole(loaded.configuration, roleOf("bank"), closed, () => {}).lacks, []);
  const { lacks } = checkRole(loaded.configuration, roleOf("audit"), closed, () => {});
  assert.match(lacks.map(({ problem }) => problem.message).join(), /not available, its file \/secret is not readable/);
});

Deno.test("options that nobody reads are named in the auditor's own sections only", () => {
  const text = "[auditor]\nPUBLIC_KY = x\nport = 1\n[exchange]\nPORT = 1\n[other]\nx = 1\n[PATHS]\nX = 1\n" +
    "[exchange-account-1]\nPAYTO = x\n[exchange-accountcredentials-1]\nLOGIN = x\n[bankdb-postgres]\nDB = x\n";
  assert.deepEqual(unknownNames(parseConfiguration(text, { name: "/f.conf" })), [
    "/f.conf:2: taler-auditor does not know [auditor] PUBLIC_KY; is PUBLIC_KEY meant?",
    "/f.conf:11: taler-auditor does not know [exchange-account-1] PAYTO",
    "/f.conf:13: taler-auditor does not know [exchange-accountcredentials-1] LOGIN",
    "/f.conf:15: taler-auditor does not know [bankdb-postgres] DB",
  ]);
  assert.deepEqual(unknownNames(parseConfiguration("")), []);
});

const byLine = (a: string, b: string) => parseInt(a.slice(8)) - parseInt(b.slice(8));

Deno.test("names that are nearly ours are told in any section, and foreign ones are left alone", () => {
  const slips = "[exchange]\nCURENCY_ROUND_UNIT = x\n[auditro]\nBASE_URL = x\n[Exchange-Acount-a-b]\nPAYTO_URI = x\n" +
    "[exchangedb-postgres]\nCONFG = x\n[PATH]\nX = 1\n[curency-euro]\nCODE = EUR\n";
  assert.deepEqual(unknownNames(parseConfiguration(slips, { name: "/f.conf" })).sort(byLine), [
    "/f.conf:2: taler-auditor does not know [exchange] CURENCY_ROUND_UNIT; is CURRENCY_ROUND_UNIT meant?",
    "/f.conf:4: taler-auditor does not know section [auditro]; is [auditor] meant?",
    "/f.conf:6: taler-auditor does not know section [Exchange-Acount-a-b]; is [exchange-account-a-b] meant?",
    "/f.conf:8: taler-auditor does not know [exchangedb-postgres] CONFG; is CONFIG meant?",
    "/f.conf:10: taler-auditor does not know section [PATH]; is [PATHS] meant?",
    "/f.conf:12: taler-auditor does not know section [curency-euro]; is [currency-euro] meant?",
  ]);
  const foreign = "[exchange]\nPORT = 1\nSERVE = tcp\nSIGNKEY_DURATION = 1 h\nTERMS_DIR = x\nTERMS_ETAG = y\nIP = 1\n" +
    "STEFAN_ABS = x\nREVOCATION_DIR = x\nAML_THRESHOLD = x\n[taldir]\nx = 1\n[coin_kudos_1]\nVALUE = KUDOS:1\n" +
    "[taler-exchange-secmod-rsa]\nx = 1\n[donaudb-postgres]\nCONFIG = x\n[syncdb-postgres]\nCONFIG = x\n" +
    "[bank]\nx = 1\n[exchange-extension-age_restriction]\nENABLED = NO\n[host]\nx = 1\n[PATHS]\nBASE_UR = x\n";
  assert.deepEqual(unknownNames(parseConfiguration(foreign, { name: "/f.conf" })), []);
});

Deno.test("every option that a role reads is known, with its purpose", () => {
  const unknown = ROLES.flatMap(({ name }) => [...check(name, COMPLETE).options, ...check(name, "").options])
    .filter(({ section, option }) => !knownOptions(section).some((known) => known.option === option))
    .map(({ section, option }) => `${section} ${option}`);
  assert.deepEqual(unknown, []);
});

/** Option, value, what is shown. */
const MASKED: readonly (readonly [string, string, string])[] = [
  ["PASSWORD", "x", "***"],
  ["Token", "x", "***"],
  ["PASSWORD", "", ""],
  ["KYC_OAUTH2_CLIENT_SECRET", "x", "***"],
  ["AUTH_TOKEN", "x", "***"],
  ["TOKENS", "x", "x"],
  ["CONFIG", "postgres://u:p@h/d", "postgres://u:***@h/d"],
  ["CONFIG", "host=h password=p", "host=h password=***"],
  ["WIRE_GATEWAY_URL", "https://u:p@bank/", "https://u:***@bank/"],
  ["PAYTO_URI", "payto://iban/DE1?receiver-name=a:b", "payto://iban/DE1?receiver-name=a:b"],
  ["UNIXPATH", "${TALER_RUNTIME_DIR:-/tmp}/s", "${TALER_RUNTIME_DIR:-/tmp}/s"],
];

for (const [option, value, shown] of MASKED) {
  Deno.test(`shown value of ${option} = ${JSON.stringify(value)}`, () => {
    assert.equal(maskValue(option, value), shown);
    if (shown === "***") assert.ok(isSecretOption(option));
  });
}

const manual = Deno.readTextFileSync(new URL("../../docs/configuration.md", import.meta.url));

/** Rows `| section | OPTION | … | default |` of the manual. */
const rows = manual.split("\n").map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")))
  .filter((cells) => cells.length === 7 && /^[A-Z][A-Z0-9_]*$/.test(cells[2] ?? ""))
  .map(([, section = "", option = "", , , shipped = ""]) => ({ section, option, shipped }));

Deno.test("the manual has a row for every option, and no other", () => {
  const wanted = knownOptions().map(({ section, option }) => `${section.replace("*", "NAME")} ${option}`);
  assert.deepEqual(rows.map(({ section, option }) => `${section} ${option}`).sort(), wanted.sort());
});

Deno.test("the manual names the default values as they are", () => {
  const config = parseConfiguration("");
  for (const { section, option, shipped } of rows) {
    assert.equal(shipped, config.entry(section, option)?.value ?? "", `[${section}] ${option}`);
  }
});

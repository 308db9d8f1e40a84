// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import postgres from "postgres";
import { fixedEnvironment } from "../../core/config/environment.ts";
import { parseConfiguration } from "../../core/config/load.ts";
import {
  type ConnectionSettings,
  connectionSettings,
  driverOptions,
  maskPassword,
  parseConnectionString,
  type Server,
} from "../../core/db/connstring.ts";
import type { Passfile } from "../../core/db/passfile.ts";

type Variables = Readonly<Record<string, string>>;

/** No password file, and the operating system user is `me`. */
function parse(text: string, variables: Variables = {}, osUser: string | undefined = "me") {
  return parseConnectionString(text, fixedEnvironment(variables), osUser, () => undefined);
}

function settingsOf(text: string, variables: Variables = {}): ConnectionSettings {
  const result = parse(text, variables);
  assert.ok("settings" in result, JSON.stringify(result));
  return result.settings;
}

/** `user:password@place/database sslmode`, one for each server; a socket is shown as its path. */
function show({ servers }: ConnectionSettings): string {
  return servers.map((server: Server) => {
    const password = server.password === undefined ? "" : `:${server.password}`;
    const place = server.path ?? `${server.host}|${server.port}`;
    return `${server.user}${password}@${place}/${server.database} ${server.ssl}`;
  }).join(", ");
}

const RUN = "/var/run/postgresql/.s.PGSQL.5432";
const TMP = "/tmp/.s.PGSQL.5432";

/** Text, what comes out, environment. */
const STRINGS: readonly (readonly [text: string, result: string, variables?: Variables])[] = [
  // URI: parts
  ["postgres:///taler-auditor", `me@${RUN}/taler-auditor disable, me@${TMP}/taler-auditor disable`],
  ["postgresql:///d", `me@${RUN}/d disable, me@${TMP}/d disable`],
  ["postgres://", `me@${RUN}/me disable, me@${TMP}/me disable`],
  ["postgres://h", "me@h|5432/me prefer"],
  ["postgres://h/", "me@h|5432/me prefer"],
  ["postgres://h:5433/d", "me@h|5433/d prefer"],
  ["postgres://u@h/d", "u@h|5432/d prefer"],
  ["postgres://u:p@h:1/d", "u:p@h|1/d prefer"],
  ["postgres://u:@h/d", "u@h|5432/d prefer"],
  ["postgres://@h/d", "me@h|5432/d prefer"],
  ["postgres://u:p:q@h/d", "u:p:q@h|5432/d prefer"],
  ["postgres://u:p?q@h/d", "u:p?q@h|5432/d prefer"],
  ["postgres://u@/d", `u@${RUN}/d disable, u@${TMP}/d disable`],
  ["postgres://h?dbname=d", "me@h|5432/d prefer"],
  // URI: sockets
  ["postgres:///db?host=/var/run/postgresql", `me@${RUN}/db disable`],
  ["postgres:///db?host=/srv/pg/&port=7", "me@/srv/pg/.s.PGSQL.7/db disable"],
  ["postgres://%2Fvar%2Frun%2Fpostgresql/db", `me@${RUN}/db disable`],
  ["postgres://%2fsrv:9/db", "me@/srv/.s.PGSQL.9/db disable"],
  ["postgres:///db?host=/", "me@/.s.PGSQL.5432/db disable"],
  ["postgres:///db?user=auditor", `auditor@${RUN}/db disable, auditor@${TMP}/db disable`],
  ["postgres:///db?sslmode=require", `me@${RUN}/db disable, me@${TMP}/db disable`],
  // URI: the database name
  ["postgres:///auditor-ingres/", `me@${RUN}/auditor-ingres disable, me@${TMP}/auditor-ingres disable`],
  ["postgres://h/a//", "me@h|5432/a// prefer"],
  ["postgres://h/a/b", "me@h|5432/a/b prefer"],
  ["postgres://h/a%2F", "me@h|5432/a/ prefer"],
  ["postgres://h/a/?port=3", "me@h|3/a prefer"],
  // URI: percent decoding
  ["postgres://u%40x:p%2Fq%3A%25@h/d%20e", "u@x:p/q:%@h|5432/d e prefer"],
  ["postgres://h/d%C3%A4", "me@h|5432/dä prefer"],
  ["postgres://h/d?user=a%26b&%70assword=c", "a&b:c@h|5432/d prefer"],
  ["postgres://h/d?user=a+b", "a+b@h|5432/d prefer"],
  // URI: addresses and lists
  ["postgres://[::1]:5433/d", "me@::1|5433/d prefer"],
  ["postgres://[fe80::1%25eth0]/d", "me@fe80::1%eth0|5432/d prefer"],
  ["postgres://a,b/d", "me@a|5432/d prefer, me@b|5432/d prefer"],
  ["postgres://a:1,b:2/d", "me@a|1/d prefer, me@b|2/d prefer"],
  ["postgres://a,b:2/d", "me@a|5432/d prefer, me@b|2/d prefer"],
  ["postgres://a,[::1]:2/d", "me@a|5432/d prefer, me@::1|2/d prefer"],
  ["postgres://a,b/d?port=7", "me@a|7/d prefer, me@b|7/d prefer"],
  ["postgres://u:p@a,%2Fsrv/d", "u:p@a|5432/d prefer, u:p@/srv/.s.PGSQL.5432/d disable"],
  // URI: parameters
  ["postgres://h/d?sslmode=disable", "me@h|5432/d disable"],
  ["postgres://h/d?ssl=true", "me@h|5432/d require"],
  ["postgres://h/d?sslmode=allow", "me@h|5432/d prefer"],
  ["postgres://h/d?host=other&port=1", "me@other|1/d prefer"],
  ["postgres://h/d?user=a&user=b", "b@h|5432/d prefer"],
  ["postgres://h/d?user=", "me@h|5432/d prefer"],
  ["postgres://h/d?", "me@h|5432/d prefer"],
  ["postgres://h/d?user=a&", "a@h|5432/d prefer"],
  ["postgres://h/d?hostaddr=10.0.0.1", "me@10.0.0.1|5432/d prefer"],
  // keywords
  ["dbname=db", `me@${RUN}/db disable, me@${TMP}/db disable`],
  [
    "host=/var/run/postgresql port=5432 dbname=db user=auditor password='a b'",
    `auditor:a b@${RUN}/db disable`,
  ],
  ["host = h  user\t=\nu", "u@h|5432/u prefer"],
  ["host=h password='it\\'s \\\\'", "me:it's \\@h|5432/me prefer"],
  ["host=h password=it\\'s\\ a\\\\b", "me:it's a\\b@h|5432/me prefer"],
  ["host=h password=\\'x", "me:'x@h|5432/me prefer"],
  ["host=h password=a'b'", "me:a'b'@h|5432/me prefer"],
  ["host=h password='a=b'", "me:a=b@h|5432/me prefer"],
  ["host=h password=a=b", "me:a=b@h|5432/me prefer"],
  ["host=h password=''", "me@h|5432/me prefer"],
  ["host=h user=", "me@h|5432/me prefer"],
  ["host=h dbname=a/", "me@h|5432/a/ prefer"],
  ["host=h dbname=%41", "me@h|5432/%41 prefer"],
  ["host=h\vpassword=a\u00a0b\fuser=u", "u:a\u00a0b@h|5432/u prefer"],
  ["host=a,b port=1,2", "me@a|1/me prefer, me@b|2/me prefer"],
  ["host=a,b port=,2", "me@a|5432/me prefer, me@b|2/me prefer"],
  ["host=a,,b dbname=d", `me@a|5432/d prefer, me@${RUN}/d disable, me@${TMP}/d disable, me@b|5432/d prefer`],
  ["host=::1", "me@::1|5432/me prefer"],
  ["host=db hostaddr=10.0.0.1 sslmode=verify-full", "me@10.0.0.1|5432/me verify-full"],
  ["hostaddr=10.0.0.1,10.0.0.2", "me@10.0.0.1|5432/me prefer, me@10.0.0.2|5432/me prefer"],
  ["host=h sslmode=verify-full", "me@h|5432/me verify-full"],
  ["host=h sslmode=verify-ca sslrootcert=/ca", "me@h|5432/me verify-ca"],
  ["host=h sslmode=verify-ca", "me@h|5432/me verify-full"],
  ["host=h sslmode=require sslrootcert=/ca", "me@h|5432/me verify-ca"],
  ["host=h sslrootcert=system", "me@h|5432/me verify-full"],
  ["host=h password='a'user=u", "u:a@h|5432/u prefer"],
  // environment
  ["", `me@${RUN}/me disable, me@${TMP}/me disable`],
  ["  ", "me@h|5432/me prefer", { PGHOST: "h" }],
  [
    "",
    "u:p@h|1/d require",
    { PGHOST: "h", PGPORT: "1", PGUSER: "u", PGDATABASE: "d", PGPASSWORD: "p", PGSSLMODE: "require" },
  ],
  [
    "postgres://u:p@h:1/d?sslmode=disable",
    "u:p@h|1/d disable",
    { PGHOST: "x", PGPORT: "2", PGUSER: "x", PGDATABASE: "x", PGPASSWORD: "x", PGSSLMODE: "require" },
  ],
  ["postgres:///d", "me@/srv/.s.PGSQL.5432/d disable", { PGHOST: "/srv" }],
  ["postgres://h/d", "me@h|99/d prefer", { PGPORT: "99" }],
  ["host=a,b", "me@a|1/me prefer, me@b|2/me prefer", { PGPORT: "1,2" }],
  ["host=h", "u@h|5432/u prefer", { PGUSER: "u" }],
  ["postgres://a,b/d", "me@a|5432/d prefer, me@b|5432/d prefer", { PGPORT: "99" }],
  ["host=h", "me@h|5432/me prefer", { PGUSER: "", PGDATABASE: "", PGPORT: "" }],
];

for (const [text, expected, variables] of STRINGS) {
  const environment = variables === undefined ? "" : ` with ${JSON.stringify(variables)}`;
  Deno.test(`connection string ${JSON.stringify(text)}${environment}`, () => {
    const settings = settingsOf(text, variables);
    assert.equal(show(settings), expected);
    assert.deepEqual(settings.warnings, []);
  });
}

Deno.test("a value left out in the middle swallows the next pair, as in libpq", () => {
  assert.equal(settingsOf("user= host=h").servers[0].user, "host=h");
});

/** Text and what is wrong with it. */
const ERRORS: readonly (readonly [text: string, error: RegExp, variables?: Variables])[] = [
  ["taler-auditor", /expected postgres:\/\/… or parameters/],
  ["mysql://h/d", /begins with postgres:\/\/ or postgresql:\/\//],
  ["http://h/d?a=b", /begins with postgres/],
  ["POSTGRES://h/d", /begins with postgres/],
  ["postgres:/d?user=x", /parameter 1 is not of the form/],
  ["postgres://h/d%zz", /the database name has a % without/],
  ["postgres://u%@h/d", /the user has a % without/],
  ["postgres://u:%0@h/d", /the password has a % without/],
  ["postgres://h/d%00", /zero byte/],
  ["postgres://h/d%ff", /not UTF-8/],
  ["postgres://h:x/d", /port is no number/],
  ["postgres://h:0/d", /port is no number/],
  ["postgres://h:65536/d", /port is no number/],
  ["postgres://::1/d", /port is no number/],
  ["postgres://u:secr/et@h/d", /port is no number.*unencoded/],
  ["postgres://[::1/d", /malformed host/],
  ["postgres://[]/d", /malformed host/],
  ["postgres://[::1]x/d", /malformed host/],
  ["postgres://h/d?user", /exactly one =/],
  ["postgres://h/d?user=a=b", /exactly one =/],
  ["postgres://h/d?sslmode=maybe", /sslmode is none of disable, allow, prefer, require, verify-ca, verify-full/],
  ["postgres://h/d?sslmode=REQUIRE", /sslmode is none of/],
  ["host=h sslmode=require sslrootcert=system", /needs sslmode=verify-full/],
  ["host=h user", /parameter 2 is not of the form/],
  ["host=h password=my secret", /parameter 3 is not/],
  ["host=h password='a", /parameter 2 is not/],
  ["host=h password='a'b", /parameter 3 is not/],
  ["host=h host=h password=a\\", /parameter 3 is not/],
  ["=x", /parameter 1 is not/],
  ["host=a,b port=1,2,3", /numbers of hosts and of ports differ/],
  ["port=1,2", /numbers of hosts and of ports differ/],
  ["host=a hostaddr=1.1.1.1,2.2.2.2", /numbers of hosts and of host addresses differ/],
  ["host=@abstract", /abstract sockets/],
  [`host=/${"a".repeat(100)}`, /more than 107 bytes/],
  ["host=h connect_timeout=soon", /connect_timeout/],
  ["host=h target_session_attrs=best", /target_session_attrs is none of/],
  ["host=h channel_binding=require", /channel_binding=require is not supported/],
  ["host=h gssencmode=require", /gssencmode=require/],
  ["host=h require_auth=scram-sha-256", /require_auth/],
  ["host=h sslcrl=/crl", /parameter sslcrl is not supported/],
  ["host=h sslcrldir=/crls", /parameter sslcrldir is not supported/],
  ["", /parameter sslcrl is not supported/, { PGSSLCRL: "/crl" }],
  ["host=h sslcertmode=require", /sslcertmode=require is not supported/],
  ["host=h ssl_min_protocol_version=TLSv1.3", /ssl_min_protocol_version above TLSv1\.2 is not supported/],
  ["requirepeer=postgres", /requirepeer is not supported/],
  ["host=h requiressl=1", /requiressl \(sslmode=require says the same\) is not supported/],
  ["postgres://h/d?sslmod=verify-full", /^there is no connection parameter sslmod \(/],
  ["postgres://h/d?ssl=false", /no connection parameter ssl \(/],
  ["host=h foo=1", /no connection parameter foo \(/],
  ["host=h SSLMODE=require", /no connection parameter SSLMODE \(/],
  ["postgres://h/d?s3cret=x", /^there is no connection parameter of a name in it \(/],
  ["service=prod", /service is not supported/],
  ["", /service is not supported/, { PGSERVICE: "prod" }],
  ["", /port is no number/, { PGPORT: "x" }],
  ["", /sslmode is none of/, { PGSSLMODE: "x" }],
];

for (const [text, error, variables] of ERRORS) {
  Deno.test(`malformed connection string ${JSON.stringify(text)} ${JSON.stringify(variables ?? {})}`, () => {
    const result = parse(text, variables);
    assert.ok("error" in result, JSON.stringify(result));
    assert.match(result.error, error);
    assert.doesNotMatch(result.error, /secret|secr|et@/);
  });
}

Deno.test("no user: neither named nor known", () => {
  for (const osUser of [undefined, ""]) {
    const result = parseConnectionString("host=h", fixedEnvironment({}), osUser, () => undefined);
    assert.deepEqual(result, { error: "no user is named, and the operating system user is not known" });
  }
  assert.ok("settings" in parseConnectionString("host=h user=u", fixedEnvironment({}), undefined, () => undefined));
});

Deno.test("other parameters: kept, or ignored with a warning", () => {
  const settings = settingsOf(
    "host=h connect_timeout=7 application_name=app options='-c work_mem=1MB' target_session_attrs=read-write " +
      "keepalives=1 tcp_user_timeout=3 ssl_min_protocol_version=TLSv1.2 requiressl=0 sslcertmode=allow",
  );
  assert.equal(settings.connectTimeout, 7);
  assert.equal(settings.applicationName, "app");
  assert.equal(settings.options, "-c work_mem=1MB");
  assert.equal(settings.targetSessionAttributes, "read-write");
  assert.deepEqual(
    settings.warnings,
    ["keepalives", "tcp_user_timeout"].map((name) => {
      return `parameter ${name} of the connection string is not supported and ignored`;
    }),
  );
  const fromEnvironment = settingsOf("host=h fallback_application_name=f", {
    PGCONNECT_TIMEOUT: "-3",
    PGOPTIONS: "-c x=1",
    PGTARGETSESSIONATTRS: "any",
    PGSSLROOTCERT: "/ca",
  });
  assert.deepEqual(fromEnvironment, {
    servers: fromEnvironment.servers,
    sslRootCertificate: "/ca",
    connectTimeout: 0,
    applicationName: "f",
    options: "-c x=1",
    targetSessionAttributes: undefined,
    warnings: [],
  });
  assert.equal(settingsOf("fallback_application_name=f", { PGAPPNAME: "a" }).applicationName, "a");
});

Deno.test("parameters: each one of libpq can be given, and is used, refused or warned of", () => {
  // PQconndefaults of release 18, and what older releases had
  const names = "service user password connect_timeout dbname host hostaddr port client_encoding options " +
    "application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count " +
    "tcp_user_timeout sslmode sslnegotiation sslcompression sslcert sslkey sslcertmode sslpassword sslrootcert sslcrl " +
    "sslcrldir sslsni requirepeer require_auth min_protocol_version max_protocol_version ssl_min_protocol_version " +
    "ssl_max_protocol_version gssencmode krbsrvname gsslib gssdelegation replication target_session_attrs " +
    "load_balance_hosts scram_client_key scram_server_key oauth_issuer oauth_client_id oauth_client_secret " +
    "oauth_scope sslkeylogfile servicefile passfile channel_binding authtype tty requiressl";
  for (const name of names.split(" ")) {
    const result = parse(`${name}=1`);
    if ("error" in result) assert.doesNotMatch(result.error, /there is no connection parameter/, name);
  }
  assert.deepEqual(settingsOf("host=h sslcert=/c").warnings, ["client certificates are not supported"]);
});

const PASSFILE = `#h:*:*:*:wrong
h:5432:other:*:wrong
nonsense
h:5432:d:u:first
h:*:*:*:second
localhost:5432:*:me:local
/srv/x:*:*:*:directory
a\\:b:*:*:*:escaped\\:pass\\\\word
[::1]:*:*:*:wrong
\\:\\:1:*:*:*:six
e:*:*:*:
*:*:*:z:with:colon\r
`;

/** Text and the password of the first server. */
const PASSWORDS: readonly (readonly [text: string, password: string | undefined, variables?: Variables])[] = [
  ["postgres://u@h/d", "first"],
  ["postgres://v@h/d", "second"],
  ["postgres://u@h:1/d", "second"],
  ["postgres://me@/d", "local"],
  ["postgres:///d?host=/tmp", "local"],
  ["postgres:///d?host=/srv/x&port=3", "directory"],
  ["postgres:///d?host=/srv/y", undefined],
  ["host='a:b'", "escaped:pass\\word"],
  ["postgres://[::1]/d", "six"],
  ["host=#h", undefined],
  ["postgres://e/d", undefined],
  ["postgres://z@nowhere/d", "with:colon"],
  ["postgres://nowhere/d", undefined],
  ["host=h hostaddr=10.0.0.1 user=u dbname=d", "first"],
  ["postgres://u:own@h/d", "own"],
  ["postgres://u@h/d", "env", { PGPASSWORD: "env" }],
];

for (const [text, password, variables = {}] of PASSWORDS) {
  Deno.test(`password file for ${text} ${JSON.stringify(variables)}`, () => {
    const paths: string[] = [];
    const read = (path: string): Passfile => (paths.push(path), { text: PASSFILE, mode: 0o100600 });
    const env = fixedEnvironment({ HOME: "/home/me", ...variables });
    const result = parseConnectionString(text, env, "me", read);
    assert.ok("settings" in result);
    assert.equal(result.settings.servers[0].password, password);
    assert.deepEqual(paths, password === "own" || password === "env" ? [] : ["/home/me/.pgpass"]);
  });
}

Deno.test("password file: each server has its own password", () => {
  const read = () => ({ text: "a:*:*:*:pa\nb:*:*:*:pb", mode: undefined });
  const result = parseConnectionString("host=a,b,c", fixedEnvironment({ HOME: "/" }), "me", read);
  assert.ok("settings" in result);
  assert.deepEqual(result.settings.servers.map(({ password }) => password), ["pa", "pb", undefined]);
});

Deno.test("password file: where it is looked for", () => {
  const rows: readonly (readonly [string, Variables, string[]])[] = [
    ["host=h", {}, []],
    ["host=h", { HOME: "" }, []],
    ["host=h", { HOME: "/m", PGPASSFILE: "/p" }, ["/p"]],
    ["host=h passfile=/q", { HOME: "/m", PGPASSFILE: "/p" }, ["/q"]],
  ];
  for (const [text, variables, expected] of rows) {
    const paths: string[] = [];
    parseConnectionString(text, fixedEnvironment(variables), "me", (path) => void paths.push(path));
    assert.deepEqual(paths, expected);
  }
});

Deno.test("password file: one that others can read is ignored with a warning", () => {
  for (const mode of [0o100640, 0o100604, 0o100660]) {
    const read = () => ({ text: "*:*:*:*:p", mode });
    const result = parseConnectionString("host=h passfile=/p", fixedEnvironment({}), "me", read);
    assert.ok("settings" in result);
    assert.equal(result.settings.servers[0].password, undefined);
    assert.match(result.settings.warnings.join(), /\/p is ignored.*mode 600/);
  }
});

Deno.test("password file of the system: read if it is a file, else none", () => {
  const folder = Deno.makeTempDirSync({ prefix: "taler-auditor-pgpass-" });
  try {
    const path = `${folder}/pgpass`;
    Deno.writeTextFileSync(path, "*:*:*:*:p", { mode: 0o600 });
    const password = (file: string) => {
      const result = parseConnectionString("host=h", fixedEnvironment({ PGPASSFILE: file }), "me");
      assert.ok("settings" in result);
      return result.settings.servers[0].password;
    };
    assert.equal(password(path), "p");
    assert.equal(password(folder), undefined);
    assert.equal(password(`${folder}/none`), undefined);
    Deno.chmodSync(path, 0o644);
    assert.equal(password(path), undefined);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** Text and its masked form. */
const MASKS: readonly (readonly [text: string, masked: string])[] = [
  ["postgres:///taler-auditor", "postgres:///taler-auditor"],
  ["postgres://u@h/d", "postgres://u@h/d"],
  ["postgres://h:5432/d", "postgres://h:5432/d"],
  ["postgres://u:secret@h/d", "postgres://u:***@h/d"],
  ["postgres://u:se:cr@et@h/d", "postgres://u:***@h/d"],
  ["postgres://u:se/cr?et@h/d", "postgres://u:***@h/d"],
  ["postgres:///d?user=u&password=secret&port=1", "postgres:///d?user=u&password=***&port=1"],
  ["postgres:///d?PASSWORD=secret", "postgres:///d?PASSWORD=***"],
  ["postgres:///d?pass%77ord=secret", "postgres:///d?pass%77ord=***"],
  ["postgres:///d?sslpassword=secret", "postgres:///d?sslpassword=***"],
  ["postgres://u:secret@h/d?password=secret", "postgres://u:***@h/d?password=***"],
  ["https://me:secret@bank/", "https://me:***@bank/"],
  ["https://bank/?access_token=secret", "https://bank/?access_token=***"],
  ["host=h password=secret dbname=d", "host=h password=*** dbname=d"],
  ["password = 'my secret \\' more' host=h", "password = *** host=h"],
  ["password=my\\ secret host=h", "password=*** host=h"],
  ["password='unclosed secret", "password=***"],
  ["password=my\u00a0secret host=h", "password=*** host=h"],
  ["host=h sslpassword=secret", "host=h sslpassword=***"],
  ["host=h passfile=/p", "host=h passfile=/p"],
  ["postgres:/u:secret@h", "postgres:/u:***@h"],
  ["taler-auditor", "taler-auditor"],
  ["", ""],
];

for (const [text, masked] of MASKS) {
  Deno.test(`mask ${text}`, () => assert.equal(maskPassword(text), masked));
}

/** What the library makes of the options, without connecting. */
function library(text: string, rootCertificates?: string) {
  const settings = settingsOf(text);
  const sql = postgres({ ...driverOptions(settings, settings.servers[0], rootCertificates), max: 1 });
  return sql.options;
}

Deno.test("driver: a socket", () => {
  const options = library("postgres://u:p@/d?host=/srv&port=7");
  assert.equal(options.path, "/srv/.s.PGSQL.7");
  assert.deepEqual([options.user, options.pass, options.database, options.ssl], ["u", "p", "d", false]);
});

Deno.test("driver: TCP, IPv6, further settings", () => {
  const options = library(
    "postgres://u@[::1]:7/d?connect_timeout=3&application_name=a&options=-c%20x%3D1&target_session_attrs=read-only",
  );
  assert.deepEqual([options.host, options.port, options.path], [["::1"], [7], false]);
  assert.deepEqual([options.ssl, options.connect_timeout], ["prefer", 3]);
  assert.equal(options.target_session_attrs, "read-only");
  assert.deepEqual(options.connection, { application_name: "a", options: "-c x=1" });
});

Deno.test("driver: protection of TCP", () => {
  assert.equal(library("host=h sslmode=disable").ssl, false);
  assert.equal(library("host=h sslmode=require").ssl, "require");
  assert.deepEqual(library("host=h sslmode=verify-full").ssl, {
    rejectUnauthorized: true,
    host: "h",
    servername: "h",
  });
  assert.deepEqual(library("host=name hostaddr=10.0.0.1 sslmode=verify-full sslrootcert=/ca", "PEM").ssl, {
    rejectUnauthorized: true,
    host: "name",
    servername: "name",
    ca: "PEM",
  });
  // An address is no server name for TLS, but the name that is checked.
  assert.deepEqual(library("host=10.0.0.1 sslmode=verify-full").ssl, { rejectUnauthorized: true, host: "10.0.0.1" });
  const chain = library("host=h sslmode=verify-ca sslrootcert=/ca", "PEM").ssl;
  assert.ok(
    typeof chain === "object" && "checkServerIdentity" in chain && typeof chain.checkServerIdentity === "function",
  );
  assert.equal(chain.checkServerIdentity(), undefined);
  assert.throws(() => library("host=h sslmode=verify-ca sslrootcert=/ca"), /must be read beforehand/);
});

Deno.test("settings of the configured databases, with the place in messages", () => {
  const text =
    "[auditordb-postgres]\nCONFIG = postgres://a:secret@h/x?keepalives=1\n[exchangedb-postgres]\nCONFIG = u:secret@h\n";
  const config = parseConfiguration(text, { name: "/f.conf", env: fixedEnvironment({ PGPORT: "1" }) });
  const settings = connectionSettings(config, "auditor", { osUser: "me" });
  assert.equal(show(settings), "a:secret@h|1/x prefer");
  assert.equal(settings.origin, "[auditordb-postgres] CONFIG");
  assert.deepEqual(config.notices.map(({ message }) => message), [
    "[auditordb-postgres] CONFIG: parameter keepalives of the connection string is not supported and ignored",
  ]);
  assert.throws(() => connectionSettings(config, "exchange", { osUser: "me" }), {
    name: "ConfigurationError",
    message: '/f.conf:4: [exchangedb-postgres] CONFIG: "u:***@h" cannot be used: ' +
      "expected postgres://… or parameters of the form dbname=NAME",
  });
});

Deno.test("settings: the environment's connection string, not for sync", () => {
  const env = fixedEnvironment({
    TALER_EXCHANGEDB_POSTGRES_CONFIG: "nonsense",
    TALER_AUDITORDB_POSTGRES_CONFIG: "host=e",
  });
  const config = parseConfiguration("", { env });
  const auditor = connectionSettings(config, "auditor", { osUser: "me" });
  assert.equal(show(auditor), "me@e|5432/me prefer");
  assert.equal(auditor.origin, "environment variable TALER_AUDITORDB_POSTGRES_CONFIG");
  assert.throws(() => connectionSettings(config, "exchange", { osUser: "me" }), {
    message: /^environment variable TALER_EXCHANGEDB_POSTGRES_CONFIG: expected postgres/,
  });
  const sync = connectionSettings(config, "exchange", { osUser: "me", override: false });
  assert.equal(sync.servers[0].database, "taler-exchange");
});

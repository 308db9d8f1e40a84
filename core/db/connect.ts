// SPDX-License-Identifier: AGPL-3.0-or-later
/** Connections to PostgreSQL: the client as this program wants it, and errors a person can act on. */

import { userInfo } from "node:os";
import postgres from "postgres";
import { type Environment, processEnvironment } from "../config/environment.ts";
import { type ConnectionSettings, driverOptions, parseConnectionString, type Server } from "./connstring.ts";

/**
 * The client: int8 columns and parameters are bigint. An array of bigint or of bytes as a parameter has to be marked:
 * `sql.array([1n, 2n])`, because the client takes its type from the first element alone.
 */
export type Sql = postgres.Sql<{ bigint: bigint }>;
/** The client inside a transaction. */
export type TransactionSql = postgres.TransactionSql<{ bigint: bigint }>;

/** One server and how to log in there: what tests and private servers need of a {@link Server}. */
export interface ConnectionTarget {
  /** Name or address; a value beginning with `/` is the folder of a UNIX socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: string | undefined;
}

/** What a connection is for. */
export interface ConnectOptions {
  /** Schemas for unqualified names, in order. All must exist. */
  searchPath: readonly string[];
  /** Shown in `pg_stat_activity` and in the server's log, e.g. `taler-auditor audit`. */
  applicationName: string;
  /** Makes every transaction read-only unless it says otherwise. Default: false. */
  readOnly?: boolean;
  /** Largest number of connections. Default: 1. */
  max?: number;
}

/** A database cannot be used; `message` says what is wrong and where, `hint` what may help. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
  constructor(
    /** Class of the trouble. */
    readonly kind:
      | "settings"
      | "unreachable"
      | "no-database"
      | "authentication"
      | "no-schema"
      | "permission"
      | "other",
    what: string,
    /** Server, database and role, without secrets. */
    readonly where: string,
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(`${what} (${where})`, options);
  }
}

const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
]);

/** SQLSTATE of failures that go away by trying again: serialization, deadlock, lost connection, server restarting. */
const TRANSIENT = /^(40001|40P01|08...|57P0[1-3]|53300)$/;

/**
 * True if the same work may succeed when tried again from the start of its transaction: serialization failure,
 * deadlock, connection lost or not (yet) to be had. Accepts anything that was thrown.
 */
export function isRetryable(error: unknown): boolean {
  if (error instanceof DatabaseError && error.cause !== undefined) return isRetryable(error.cause);
  const code = codeOf(error);
  return TRANSIENT.test(code) || (UNREACHABLE.has(code) && code !== "ENOTFOUND");
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

/** Server, database and role for messages: never the password. */
function describeTarget(target: ConnectionTarget): string {
  const server = target.host.startsWith("/")
    ? `socket ${target.host}/.s.PGSQL.${target.port}`
    : `${target.host}:${target.port}`;
  return `database ${target.database} at ${server} as ${target.user}`;
}

/** Server, database and role of a client that is connected: for messages, without the password. */
export function describeConnection(sql: Sql): string {
  const { host, port, user, database } = sql.options;
  return describeTarget({ host: host[0] ?? "", port: port[0] ?? 0, user, database });
}

/**
 * Connects to one server without encryption, and makes sure that the schemas of the search path exist.
 * End the result with `sql.end()`.
 *
 * @throws DatabaseError when the server cannot be reached, database or schema are missing, or the role is refused
 */
export function connect(target: ConnectionTarget, options: ConnectOptions): Promise<Sql> {
  const path = target.host.startsWith("/") ? `${target.host}/.s.PGSQL.${target.port}` : undefined;
  const server: Server = { ...target, path, serverName: target.host, password: target.password, ssl: "disable" };
  return connectWith({ ...PLAIN_SETTINGS, servers: [server] }, options);
}

const PLAIN_SETTINGS: Omit<ConnectionSettings, "servers"> = {
  sslRootCertificate: undefined,
  connectTimeout: undefined,
  applicationName: undefined,
  options: undefined,
  targetSessionAttributes: undefined,
  warnings: [],
};

/**
 * Connects as a connection string says (configuration.md 10); what it leaves open comes from the environment and the
 * defaults of libpq.
 *
 * @param env environment for `PGHOST` and the like; the default is that of the process
 * @throws DatabaseError as {@link connect}, and for a string that cannot be used
 */
export async function connectTo(
  connectionString: string,
  options: ConnectOptions,
  env: Environment = processEnvironment(),
): Promise<Sql> {
  const result = parseConnectionString(connectionString, env, osUser(env));
  if ("error" in result) throw new DatabaseError("settings", result.error, "connection string");
  return await connectWith(result.settings, options);
}

/**
 * Name of the operating system user, if it may be known: it decides the database role where nothing else does.
 * A role without that permission has to name the user in its connection string.
 */
export function osUser(env: Environment): string | undefined {
  if (Deno.permissions.querySync({ name: "sys" }).state === "granted") return userInfo().username;
  return env("USER") ?? env("LOGNAME");
}

/**
 * Connects to the first of several servers that can be reached, and makes sure that the schemas of the search path
 * exist there. A server that answers decides: the next one is not tried because this one refuses us.
 *
 * @throws DatabaseError as {@link connect}
 */
export async function connectWith(settings: ConnectionSettings, options: ConnectOptions): Promise<Sql> {
  const certificates = settings.sslRootCertificate === undefined
    ? undefined
    : await readCertificates(settings.sslRootCertificate, settings.origin);
  for (const [place, server] of settings.servers.entries()) {
    const isLast = place === settings.servers.length - 1;
    try {
      return await connectFirst(settings, server, certificates, options);
    } catch (error) {
      const explained = error instanceof DatabaseError ? error : explain(error, server, settings.origin);
      if (isLast || explained.kind !== "unreachable") throw explained;
    }
  }
  throw new Error("connection settings without a server");
}

async function readCertificates(file: string, origin: string | undefined): Promise<string> {
  try {
    return await Deno.readTextFile(file);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new DatabaseError(
      "settings",
      `the trusted certificates cannot be read: ${text}`,
      named(file, origin),
      undefined,
      {
        cause: error,
      },
    );
  }
}

async function connectFirst(
  settings: ConnectionSettings,
  server: Server,
  certificates: string | undefined,
  options: ConnectOptions,
): Promise<Sql> {
  const sql = open(settings, server, certificates, options);
  try {
    const missing = await sql<{ name: string }[]>`
      select name from unnest(${[...options.searchPath]}::text[]) as name
       where name not in (select nspname from pg_catalog.pg_namespace)`;
    if (missing.length > 0) {
      throw missingSchema(missing.map((row) => row.name), named(describeTarget(server), settings.origin));
    }
    return sql;
  } catch (error) {
    await sql.end({ timeout: 0 });
    throw error;
  }
}

function open(
  settings: ConnectionSettings,
  server: Server,
  certificates: string | undefined,
  options: ConnectOptions,
): Sql {
  const driver = driverOptions(settings, server, certificates);
  return postgres({
    ...EVERYTHING,
    ...driver,
    // a function, because the client would take PGPASSWORD for an empty password
    pass: () => driver.pass,
    max: options.max ?? 1,
    types: { bigint: postgres.BigInt, bytea: BYTEA },
    connection: {
      ...driver.connection,
      application_name: settings.applicationName ?? options.applicationName,
      ...(options.searchPath.length === 0 ? {} : { search_path: options.searchPath.map(quoteIdentifier).join(", ") }),
      ...(options.readOnly === true ? { default_transaction_read_only: true } : {}),
    },
    // the client's types do not know that host may be a list, nor some of its options
  } as unknown as postgres.Options<{ bigint: postgres.PostgresType<bigint> }>);
}

/** Pages of rows come as one `bytea` of megabytes; the client's own parser takes several times as long. */
const BYTEA = {
  to: 17,
  from: [17],
  serialize: (value: Uint8Array) => `\\x${value.toHex()}`,
  parse: (text: string) => Uint8Array.fromHex(text.slice(2)),
};

/** Every option the client knows: for one that is missing it would look into the environment (`PGMAX` …). */
const EVERYTHING = {
  sslnegotiation: null,
  idle_timeout: null,
  connect_timeout: 15,
  // a connection is kept for as long as its owner needs it: snapshots, LISTEN and session settings live in it
  max_lifetime: null,
  max_pipeline: 100,
  backoff: (retries: number) => Math.min(3 ** retries / 100, 20) * (0.5 + Math.random() / 2),
  keep_alive: 60,
  prepare: true,
  debug: false,
  fetch_types: true,
  publications: "alltables",
  target_session_attrs: null,
  onnotice: () => {},
};

function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function missingSchema(names: string[], where: string): DatabaseError {
  const tool = names.includes("auditor") ? "taler-auditor dbinit" : "taler-auditor exchange-dbinit";
  const what = names.length === 1 ? `schema ${names[0]} does not exist` : `schemas ${names.join(", ")} do not exist`;
  return new DatabaseError("no-schema", what, where, `create it with ${tool}`);
}

/** A place together with what names it in the configuration or the environment. */
function named(where: string, origin: string | undefined): string {
  return origin === undefined ? where : `${where}; ${origin}`;
}

/** What the runtime says when a server that has refused TLS hangs up on the attempt to use it nevertheless. */
const NO_TLS = /before secure TLS connection was established/;

/** Turns whatever connecting threw into a {@link DatabaseError} that says what to do. */
function explain(error: unknown, target: Server, origin: string | undefined): DatabaseError {
  const where = named(describeTarget(target), origin);
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const made = (kind: DatabaseError["kind"], what: string, hint?: string) =>
    new DatabaseError(kind, what, where, hint, { cause: error });
  if (NO_TLS.test(text)) {
    return made(
      "unreachable",
      `the server offers no TLS, and sslmode=${target.ssl} demands it`,
      "turn it on in the server (ssl = on in postgresql.conf)",
    );
  }
  if (UNREACHABLE.has(code) || code === "EACCES") {
    return made(
      "unreachable",
      `cannot reach the server: ${text || code}`,
      "is PostgreSQL running, and is this its address?",
    );
  }
  switch (code) {
    case "3D000":
      return made("no-database", "the database does not exist", `create it: createdb ${target.database}`);
    case "28P01":
    case "28000":
      return made("authentication", `the server refuses the role: ${text}`, "check user, password and pg_hba.conf");
    case "42501":
      return made("permission", `the role lacks a right: ${text}`, "see the operator manual on database roles");
    case "57P03":
      return made("unreachable", `the server is not ready: ${text}`);
    default:
      return made("other", text || code || "unknown failure");
  }
}

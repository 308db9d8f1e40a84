// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * PostgreSQL connection strings: from text, environment and password file to the settings of a connection
 * (configuration.md 10). Nothing is connected here.
 */

import type { Configuration } from "../config/configuration.ts";
import { connectionText, type Database } from "../config/database.ts";
import type { Environment } from "../config/environment.ts";
import { maskPassword } from "../config/mask.ts";
import { ConfigurationError } from "../config/problem.ts";
import { PARAMETERS, unknownParameter, WITHOUT_EFFECT } from "./connparam.ts";
import { readConnectionText } from "./conntext.ts";
import { findPassword, isExposed, type Passfile, type PassfileReader, systemPassfile } from "./passfile.ts";

export { maskPassword };

/** A place where the server may listen, and how to log in there. */
export interface Server {
  /** Name or address to connect to; for a UNIX socket its directory, beginning with `/`. */
  readonly host: string;
  readonly port: number;
  /** Socket file `DIRECTORY/.s.PGSQL.PORT`; undefined for TCP. */
  readonly path: string | undefined;
  /** Name that the server's certificate must have with verify-full. */
  readonly serverName: string;
  readonly user: string;
  readonly database: string;
  readonly password: string | undefined;
  /** Always `disable` for a socket. */
  readonly ssl: SslMode;
}

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

/** How a TCP connection is protected. `allow` is treated like `prefer`, which protects no less. */
export type SslMode = "disable" | "prefer" | "require" | "verify-ca" | "verify-full";

const SESSION_ATTRIBUTES = ["read-write", "read-only", "primary", "standby", "prefer-standby"] as const;

/** Settings of a connection, complete except for the choice among the servers. */
export interface ConnectionSettings {
  /** At least one, in the order in which they are to be tried. */
  readonly servers: readonly [Server, ...Server[]];
  /** File of trusted certificates; undefined means those of the runtime. */
  readonly sslRootCertificate: string | undefined;
  /** Seconds for one target, 0 without limit; undefined if not configured. */
  readonly connectTimeout: number | undefined;
  readonly applicationName: string | undefined;
  /** Server options such as `-c work_mem=64MB`. */
  readonly options: string | undefined;
  readonly targetSessionAttributes: typeof SESSION_ATTRIBUTES[number] | undefined;
  /** What names this database, such as `[auditordb-postgres] CONFIG`, for messages. */
  readonly origin?: string;
  /** What was ignored, for the log. */
  readonly warnings: readonly string[];
}

/** Settings, or what is wrong; the message holds no part of the text that could be a password. */
export type ConnectionResult = { readonly settings: ConnectionSettings } | { readonly error: string };

/** Directories of the server's socket when nothing names a host (configuration.md 10). */
const SOCKET_DIRECTORIES = ["/var/run/postgresql", "/tmp"] as const;
const DEFAULT_PORT = 5432;
/** Bytes that fit into the operating system's socket address, without the zero at its end. */
const SOCKET_NAME_MAX = 107;

/** Raised inside this file only; becomes the error of the result. */
class Malformed extends Error {}

type Get = (name: string) => string | undefined;

/**
 * Settings from a connection string, in URI or `name=value` form; what it leaves open comes from the environment
 * (`PGHOST` …), then from the defaults of libpq (configuration.md 10). An empty value counts as not given.
 *
 * @param osUser name of the operating system user, the last resort for the database user
 * @param readPassfile looked at only if no password is given otherwise
 */
export function parseConnectionString(
  text: string,
  env: Environment,
  osUser: string | undefined,
  readPassfile: PassfileReader = systemPassfile,
): ConnectionResult {
  const read = readConnectionText(text);
  if ("error" in read) return read;
  const get: Get = (name) => {
    const variable = PARAMETERS.get(name);
    return read.parameters.get(name) || (variable === undefined ? undefined : env(variable)) || undefined;
  };
  try {
    const others = [...read.parameters.keys()].filter((name) => !PARAMETERS.has(name));
    const unknown = others.find((name) => !WITHOUT_EFFECT.has(name));
    if (unknown !== undefined) throw new Malformed(unknownParameter(unknown));
    const warnings = others.map((name) => `parameter ${name} of the connection string is not supported and ignored`);
    refuseDemands(get);
    return { settings: resolve(get, env, osUser, readPassfile, warnings) };
  } catch (error) {
    if (error instanceof Malformed) return { error: error.message };
    throw error;
  }
}

/** TLS releases below which the runtime never goes. */
const TLS_PROTECTED = new Set(["TLSv1", "TLSv1.1", "TLSv1.2"]);

/** A demand for more protection, or for other settings, must not be dropped with a mere warning. */
function refuseDemands(get: Get): void {
  const demands: [string, boolean][] = [
    ["channel_binding=require", get("channel_binding") === "require"],
    ["gssencmode=require", get("gssencmode") === "require"],
    ["require_auth", get("require_auth") !== undefined],
    ["service", get("service") !== undefined],
    ["sslcrl", get("sslcrl") !== undefined],
    ["sslcrldir", get("sslcrldir") !== undefined],
    ["sslcertmode=require", get("sslcertmode") === "require"],
    ["ssl_min_protocol_version above TLSv1.2", !TLS_PROTECTED.has(get("ssl_min_protocol_version") ?? "TLSv1.2")],
    ["requirepeer", get("requirepeer") !== undefined],
    ["requiressl (sslmode=require says the same)", get("requiressl")?.startsWith("1") === true],
  ];
  const unmet = demands.find(([, demanded]) => demanded);
  if (unmet !== undefined) throw new Malformed(`parameter ${unmet[0]} is not supported`);
}

function resolve(
  get: Get,
  env: Environment,
  osUser: string | undefined,
  readPassfile: PassfileReader,
  warnings: string[],
): ConnectionSettings {
  const user = get("user") ?? (osUser === "" ? undefined : osUser);
  if (user === undefined) throw new Malformed("no user is named, and the operating system user is not known");
  const database = get("dbname") ?? user;
  const password = get("password");
  const passfile = password === undefined ? openPassfile(get, env, readPassfile, warnings) : undefined;
  const tls = tlsSettings(get);
  const [first, ...others] = findPlaces(get).map((place): Server => ({
    ...place,
    user,
    database,
    password: password ?? (passfile && findPassword(passfile, passfileHosts(place), place.port, database, user)),
    ssl: place.path === undefined ? tls.mode : "disable",
  }));
  if (first === undefined) throw new Malformed("no host");
  if (get("sslcert") !== undefined) warnings.push("client certificates are not supported");
  return {
    servers: [first, ...others],
    sslRootCertificate: tls.rootCertificate,
    connectTimeout: connectTimeout(get("connect_timeout")),
    applicationName: get("application_name") ?? get("fallback_application_name"),
    options: get("options"),
    targetSessionAttributes: sessionAttributes(get("target_session_attrs")),
    warnings,
  };
}

function openPassfile(get: Get, env: Environment, read: PassfileReader, warnings: string[]): Passfile | undefined {
  const home = env("HOME") ?? "";
  const path = get("passfile") ?? (home === "" ? undefined : `${home}/.pgpass`);
  const file = path === undefined ? undefined : read(path);
  if (file === undefined || !isExposed(file)) return file;
  warnings.push(`password file ${path} is ignored: others than its owner have access to it (use mode 600)`);
  return undefined;
}

type Place = Pick<Server, "host" | "port" | "path" | "serverName">;

/** Names of a server in the password file: a default socket directory appears there as localhost. */
function passfileHosts(place: Place): string[] {
  const isDefault = SOCKET_DIRECTORIES.some((directory) => directory === place.host);
  return isDefault ? ["localhost", place.host] : [place.serverName];
}

/** Pairs hosts with ports: as many ports as hosts, or one port for all. */
function findPlaces(get: Get): Place[] {
  const names = get("host")?.split(",") ?? [];
  const addresses = get("hostaddr")?.split(",") ?? [];
  if (names.length > 0 && addresses.length > 0 && names.length !== addresses.length) {
    throw new Malformed("the numbers of hosts and of host addresses differ");
  }
  const count = Math.max(names.length, addresses.length, 1);
  const ports = (get("port") ?? "").split(",").map(portNumber);
  if (ports.length !== 1 && ports.length !== count) throw new Malformed("the numbers of hosts and of ports differ");
  const places: Place[] = [];
  for (let index = 0; index < count; index++) {
    const port = ports[ports.length === 1 ? 0 : index] ?? DEFAULT_PORT;
    places.push(...placesOf(names[index] ?? "", addresses[index] ?? "", port));
  }
  return places;
}

function placesOf(name: string, address: string, port: number): Place[] {
  if (address !== "") return [{ host: address, port, path: undefined, serverName: name === "" ? address : name }];
  if (name === "") return SOCKET_DIRECTORIES.map((directory) => socketPlace(directory, port));
  if (name.startsWith("/")) return [socketPlace(name, port)];
  if (name.startsWith("@")) throw new Malformed("abstract sockets are not supported");
  return [{ host: name, port, path: undefined, serverName: name }];
}

function socketPlace(name: string, port: number): Place {
  const host = name.replace(/(?<=.)\/+$/, "");
  const path = `${host === "/" ? "" : host}/.s.PGSQL.${port}`;
  if (new TextEncoder().encode(path).length > SOCKET_NAME_MAX) {
    throw new Malformed(`the path of the socket has more than ${SOCKET_NAME_MAX} bytes`);
  }
  return { host, port, path, serverName: host };
}

function portNumber(text: string): number {
  const trimmed = text.trim();
  if (trimmed === "") return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(trimmed) ? Number(trimmed) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw new Malformed("the port is no number from 1 to 65535 (is there an unencoded sign in the password?)");
}

function connectTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\s*[+-]?\d{1,9}\s*$/.test(text)) throw new Malformed("connect_timeout is no number of seconds");
  return Math.max(0, Number(text));
}

function sessionAttributes(text: string | undefined): typeof SESSION_ATTRIBUTES[number] | undefined {
  if (text === undefined || text === "any") return undefined;
  const known = SESSION_ATTRIBUTES.find((name) => name === text);
  if (known === undefined) throw new Malformed(`target_session_attrs is none of any, ${SESSION_ATTRIBUTES.join(", ")}`);
  return known;
}

/**
 * Mode and certificates. As in libpq, `require` with a root certificate verifies it, and `sslrootcert=system` demands
 * the full check. A check of the chain alone against the certificates everybody trusts would accept any server, so
 * verify-ca without a root certificate becomes verify-full.
 */
function tlsSettings(get: Get): { mode: SslMode; rootCertificate: string | undefined } {
  const rootCertificate = get("sslrootcert");
  const text = get("sslmode") ?? (rootCertificate === "system" ? "verify-full" : "prefer");
  const mode = SSL_MODES.find((name) => name === text);
  if (mode === undefined) throw new Malformed(`sslmode is none of ${SSL_MODES.join(", ")}`);
  if (rootCertificate === "system") {
    if (mode !== "verify-full") throw new Malformed("sslrootcert=system needs sslmode=verify-full");
    return { mode, rootCertificate: undefined };
  }
  if (mode === "allow") return { mode: "prefer", rootCertificate };
  if (mode === "require" && rootCertificate !== undefined) return { mode: "verify-ca", rootCertificate };
  if (mode === "verify-ca" && rootCertificate === undefined) return { mode: "verify-full", rootCertificate };
  return { mode, rootCertificate };
}

/** TLS settings of the driver, handed on to the runtime's TLS client. */
export interface TlsOptions {
  readonly rejectUnauthorized: true;
  /** Name to check the certificate against. */
  readonly host: string;
  readonly servername?: string;
  readonly ca?: string;
  readonly checkServerIdentity?: () => undefined;
}

/** Options of the npm library `postgres` for one target. */
export interface DriverOptions {
  host: string;
  port: number;
  path?: string;
  user: string;
  pass: string;
  database: string;
  ssl: false | "prefer" | "require" | TlsOptions;
  connect_timeout?: number;
  connection: { application_name?: string; options?: string };
  target_session_attrs?: typeof SESSION_ATTRIBUTES[number];
}

/**
 * Options for `postgres(…)` to reach one server.
 *
 * @param rootCertificates content of the file sslRootCertificate, in PEM; the caller reads it
 */
export function driverOptions(
  settings: ConnectionSettings,
  server: Server,
  rootCertificates?: string,
): DriverOptions {
  const { connectTimeout, applicationName, options, targetSessionAttributes } = settings;
  return {
    ...address(server),
    ...(server.path === undefined ? {} : { path: server.path }),
    user: server.user,
    pass: server.password ?? "",
    database: server.database,
    ssl: tlsOptions(server, settings.sslRootCertificate, rootCertificates),
    ...(connectTimeout === undefined ? {} : { connect_timeout: connectTimeout }),
    connection: {
      ...(applicationName === undefined ? {} : { application_name: applicationName }),
      ...(options === undefined ? {} : { options }),
    },
    ...(targetSessionAttributes === undefined ? {} : { target_session_attrs: targetSessionAttributes }),
  };
}

/**
 * Host and port. The library would take an IPv6 address apart at its colons, but accepts lists, which it leaves as they
 * are; only its types do not say so.
 */
function address({ host, port }: Server): { host: string; port: number } {
  if (!host.includes(":")) return { host, port };
  return { host: [host], port: [port] } as unknown as { host: string; port: number };
}

function tlsOptions(server: Server, rootFile: string | undefined, ca: string | undefined): DriverOptions["ssl"] {
  if (server.ssl === "disable") return false;
  if (server.ssl === "prefer" || server.ssl === "require") return server.ssl;
  if (rootFile !== undefined && ca === undefined) throw new Error("the root certificates must be read beforehand");
  const isAddress = /^[\d.]+$|:/.test(server.serverName);
  return {
    rejectUnauthorized: true,
    host: server.serverName,
    ...(isAddress ? {} : { servername: server.serverName }),
    ...(ca === undefined ? {} : { ca }),
    ...(server.ssl === "verify-ca" ? { checkServerIdentity: () => undefined } : {}),
  };
}

/** What connectionSettings takes from outside. */
export interface ConnectionSources {
  /** Name of the operating system user, if known. */
  readonly osUser?: string | undefined;
  readonly readPassfile?: PassfileReader;
  /** False for sync: no environment variable chooses the database (configuration.md 10). */
  readonly override?: boolean;
}

/**
 * Settings of one of the auditor's databases as the configuration and the environment name it. What was ignored
 * becomes a notice of the configuration. Messages about the connection name the option or variable too.
 *
 * @throws ConfigurationError naming option or variable if the text cannot be used
 */
export function connectionSettings(
  config: Configuration,
  database: Database,
  { osUser, readPassfile = systemPassfile, override = true }: ConnectionSources = {},
): ConnectionSettings {
  const { text, source, entry } = connectionText(config, database, { environment: override });
  const result = parseConnectionString(text, config.environment, osUser, readPassfile);
  if ("error" in result) {
    if (entry !== undefined) throw config.reject(entry, result.error);
    throw new ConfigurationError([{ message: `${source}: ${result.error}` }]);
  }
  for (const warning of result.settings.warnings) config.notice("warning", `${source}: ${warning}`);
  return { ...result.settings, origin: source };
}

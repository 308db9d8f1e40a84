// SPDX-License-Identifier: AGPL-3.0-or-later
/** The names that parameters of a connection string can have. */

/** Environment variable behind each parameter we know; undefined where there is none (configuration.md 10). */
export const PARAMETERS: ReadonlyMap<string, string | undefined> = new Map([
  ["host", "PGHOST"],
  ["hostaddr", "PGHOSTADDR"],
  ["port", "PGPORT"],
  ["user", "PGUSER"],
  ["dbname", "PGDATABASE"],
  ["password", "PGPASSWORD"],
  ["passfile", "PGPASSFILE"],
  ["sslmode", "PGSSLMODE"],
  ["sslrootcert", "PGSSLROOTCERT"],
  ["connect_timeout", "PGCONNECT_TIMEOUT"],
  ["application_name", "PGAPPNAME"],
  ["fallback_application_name", undefined],
  ["options", "PGOPTIONS"],
  ["target_session_attrs", "PGTARGETSESSIONATTRS"],
  ["channel_binding", "PGCHANNELBINDING"],
  ["gssencmode", "PGGSSENCMODE"],
  ["require_auth", "PGREQUIREAUTH"],
  ["service", "PGSERVICE"],
  ["sslcrl", "PGSSLCRL"],
  ["sslcrldir", "PGSSLCRLDIR"],
  ["sslcertmode", "PGSSLCERTMODE"],
  ["ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"],
  ["requirepeer", "PGREQUIREPEER"],
  ["requiressl", "PGREQUIRESSL"],
  ["sslcert", undefined],
]);

/** Further parameters of libpq up to release 18, without effect here. All others are slips, and refused as there. */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "authtype",
  "client_encoding",
  "gssdelegation",
  "gsslib",
  "keepalives",
  "keepalives_count",
  "keepalives_idle",
  "keepalives_interval",
  "krbsrvname",
  "load_balance_hosts",
  "max_protocol_version",
  "min_protocol_version",
  "oauth_client_id",
  "oauth_client_secret",
  "oauth_issuer",
  "oauth_scope",
  "replication",
  "scram_client_key",
  "scram_server_key",
  "servicefile",
  "ssl_max_protocol_version",
  "sslcompression",
  "sslkey",
  "sslkeylogfile",
  "sslnegotiation",
  "sslpassword",
  "sslsni",
  "tcp_user_timeout",
  "tty",
]);

/** Names what is like a parameter's name; anything else may be the rest of a password with a sign in it. */
export function unknownParameter(name: string): string {
  const shown = /^[A-Za-z][A-Za-z_]{0,29}$/.test(name) ? ` ${name}` : "";
  return `there is no connection parameter${shown || " of a name in it"} (names are those of libpq, in small letters)`;
}

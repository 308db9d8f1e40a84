// SPDX-License-Identifier: AGPL-3.0-or-later
/** What is known before any file is read (configuration.md 1.3, 6 and 7). */

/** Family of programs whose files and names are used; all read the same language (configuration.md 1.3). */
export type Project = "auditor" | "exchange" | "taler";

/** Name of the main file without `.conf`, of the directories and of the shared data (configuration.md 1.3). */
export function projectName(project: Project): string {
  return project === "taler" ? "taler" : `taler-${project}`;
}

/** Environment variables that name the installation prefix, first one wins (configuration.md 6). */
export function prefixVariables(project: Project): readonly string[] {
  return project === "taler" ? ["TALER_PREFIX"] : [`TALER_${project.toUpperCase()}_PREFIX`, "TALER_PREFIX"];
}

/**
 * Section PATHS as it stands before any file is read, without DEFAULTCONFIG (configuration.md 6). LIBDIR is the
 * project's own directory below `lib/`.
 */
export function generatedPaths(project: Project, prefix: string): readonly (readonly [string, string])[] {
  const base = `${prefix.replace(/\/+$/, "")}/`;
  const name = projectName(project);
  return [
    ["PREFIX", base],
    ["BINDIR", `${base}bin/`],
    ["LIBDIR", `${base}lib/${name}/`],
    ["DATADIR", `${base}share/${name}/`],
    ["LOCALEDIR", `${base}share/locale/`],
    ["ICONDIR", `${base}share/icons/`],
    ["DOCDIR", `${base}share/doc/${name}/`],
    ["LIBEXECDIR", `${base}lib/${name}/libexec/`],
  ];
}

/** A default file inside the program. */
export interface EmbeddedFile {
  readonly name: string;
  readonly text: string;
}

/** The shipped defaults, complete on every machine (configuration.md 7). */
export function embeddedFiles(project: Project): readonly EmbeddedFile[] {
  return [...AUDITOR_FILES, pathsFile(projectName(project)), ...EXCHANGE_FILES];
}

const AUDITOR_FILES: readonly EmbeddedFile[] = [
  {
    name: "auditor.conf",
    text: `[auditor]
DB = postgres
AUDITOR_PRIV_FILE = \${TALER_DATA_HOME}offline-keys/auditor.priv
BASE_URL = http://localhost:8083/
GRACE_PERIOD = 1 h
SERVE = tcp
PORT = 8083
UNIXPATH = \${TALER_RUNTIME_DIR}/auditor-httpd/auditor-http.sock
UNIXPATH_MODE = 660
`,
  },
  {
    name: "auditordb-postgres.conf",
    text: `[auditordb-postgres]
CONFIG = postgres:///taler-auditor
SQL_DIR = \${DATADIR}sql/
`,
  },
];

function pathsFile(name: string): EmbeddedFile {
  return {
    name: "auditor-paths.conf",
    text: `[PATHS]
TALER_HOME = \${TALER_TEST_HOME:-\${HOME:-\${USERPROFILE}}}
TALER_DATA_HOME = \${XDG_DATA_HOME:-\${TALER_HOME}/.local/share}/${name}/
TALER_CONFIG_HOME = \${XDG_CONFIG_HOME:-\${TALER_HOME}/.config}/${name}/
TALER_CACHE_HOME = \${XDG_CACHE_HOME:-\${TALER_HOME}/.cache}/${name}/
TALER_RUNTIME_DIR = \${TMPDIR:-\${TMP:-/tmp}}/${name}-runtime/
`,
  };
}

const EXCHANGE_FILES: readonly EmbeddedFile[] = [
  {
    name: "exchangedb.conf",
    text: `[exchangedb]
IDLE_RESERVE_EXPIRATION_TIME = 4 weeks
LEGAL_RESERVE_EXPIRATION_TIME = 7 years
AGGREGATOR_SHIFT = 1 s
DEFAULT_PURSE_LIMIT = 1
MAX_AML_PROGRAM_RUNTIME = 60 s
`,
  },
  {
    name: "exchangedb-postgres.conf",
    text: `[exchangedb-postgres]
CONFIG = postgres:///taler-exchange
SQL_DIR = \${DATADIR}sql/
DEFAULT_PURSE_LIMIT = 1
`,
  },
  {
    name: "exchange.conf",
    text: `[exchange]
DB = postgres
BASE_URL = http://localhost:8081/
TERMS_DIR = \${TALER_DATA_HOME}/terms/
PRIVACY_DIR = \${TALER_DATA_HOME}/terms/
TERMS_ETAG = exchange-tos-v0
PRIVACY_ETAG = exchange-pp-v0
`,
  },
];

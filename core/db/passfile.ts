// SPDX-License-Identifier: AGPL-3.0-or-later
/** The password file of PostgreSQL clients, `~/.pgpass` (configuration.md 10). */

/** A password file as found: its text, and its mode bits where the system has them. */
export interface Passfile {
  readonly text: string;
  readonly mode: number | undefined;
}

/** Reads a password file; undefined if there is none or it may not be read. */
export type PassfileReader = (path: string) => Passfile | undefined;

/** Reads a password file of this machine. */
export function systemPassfile(path: string): Passfile | undefined {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile ? { text: Deno.readTextFileSync(path), mode: mode ?? undefined } : undefined;
  } catch (error) {
    // Most users have no such file, and most roles may not look for one.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** True if others than the owner can read or change the file; clients must then ignore it. */
export function isExposed(file: Passfile): boolean {
  return file.mode !== undefined && (file.mode & 0o077) !== 0;
}

/**
 * Password of the first line `host:port:database:user:password` that fits, or undefined. `*` fits everything; `\`
 * makes `:` and `\` literal; a line that begins with `#` is a comment.
 *
 * @param hosts names under which the host may appear
 */
export function findPassword(
  file: Passfile,
  hosts: readonly string[],
  port: number,
  database: string,
  user: string,
): string | undefined {
  for (const line of file.text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = /^((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):((?:\\.|[^:\\])*):(.*)$/.exec(line);
    if (fields === null) continue;
    const fits = (index: number, wanted: readonly string[]) => {
      const field = fields[index] ?? "";
      return field === "*" || wanted.includes(unescape(field));
    };
    if (!fits(1, hosts) || !fits(2, [String(port)]) || !fits(3, [database]) || !fits(4, [user])) continue;
    const password = unescape(fields[5] ?? "");
    return password === "" ? undefined : password;
  }
  return undefined;
}

function unescape(field: string): string {
  return field.replace(/\\(.)/g, "$1");
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** `taler-auditor config` called in the process and as a process, on files of its own. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { command } from "../../cmd/config.ts";
import { callCommand, type Outcome } from "./call.ts";

/** Runs the command in this process and takes what it prints. */
export function call(...args: string[]): Promise<Outcome> {
  return callCommand(command, ...args);
}

/** Runs the program as a process, with this environment and nothing of the machine's configuration. */
export async function program(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", fileURLToPath(new URL("../../main.ts", import.meta.url)), "config", ...args],
    env: { HOME: "/nonexistent", XDG_CONFIG_HOME: "", NO_COLOR: "1", DENO_DIR: denoDir(), ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replace(/\n$/, "");
  return { code, out: text(stdout), err: text(stderr) };
}

/** Where the runtime keeps what it has compiled; it would look for it below another HOME. */
function denoDir(): string {
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
}

/** Some public key. */
export const MASTER = "S2PF0H375EQC7C0SQ6T8VH09GA1EVFBDXKS5KRBQAW8XW5KBHT9G";

/** The main file, `a.conf`. */
export const MAIN = `# The exchange that is audited.
[exchange]
CURRENCY = KUDOS
# smallest transfer
CURRENCY_ROUND_UNIT = KUDOS:0.01
MASTER_PUBLIC_KEY = ${MASTER}
@inline-matching@ conf.d/*.conf

[auditor]
PORT = 8084
TERMS_DIR = \${HERE}/terms
@inline-secret@ auditordb-postgres secret.conf
@inline-secret@ bankdb-postgres closed.conf

[exchange-account-1]
PAYTO_URI = payto://x-taler-bank/localhost/2?receiver-name=2
ENABLE_CREDIT = YES

[exchange-accountcredentials-1]
WIRE_GATEWAY_URL = https://u:hidden@bank.example/
WIRE_GATEWAY_AUTH_METHOD = basic
USERNAME = u
PASSWORD = hidden

[PATHS]
HERE = /srv
`;

/** It and what it includes; `closed.conf` is missing. */
export const FILES: Readonly<Record<string, string>> = {
  "a.conf": MAIN,
  "conf.d/later.conf": "[exchange]\nBASE_URL = https://exchange.example/\n",
  "secret.conf": "[auditordb-postgres]\nCONFIG = postgres://auditor:hidden@db/auditor\n",
};

/** Runs a test in a folder with FILES, or others. */
export async function withFiles(
  body: (file: string, folder: string) => void | Promise<void>,
  files: Readonly<Record<string, string>> = FILES,
): Promise<void> {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "taler-auditor-config-" }));
  try {
    Deno.mkdirSync(join(folder, "conf.d"));
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(join(folder, name), text);
    await body(join(folder, "a.conf"), folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

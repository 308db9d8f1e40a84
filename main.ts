// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- the door of the program prints
/** The door: finds the subcommand and hands over to it. */

/** What a subcommand's file exports. */
interface Command {
  name: string;
  summary: string;
  help: string;
  run(args: string[]): Promise<number>;
}

/** Every subcommand, loaded only when it is called: the program has to start quickly. */
const COMMANDS: Record<string, { summary: string; load: () => Promise<{ command: Command }> }> = {
  audit: { summary: "audit what is new in the exchange's database", load: () => import("./cmd/audit.ts") },
  demo: { summary: "audit a simulated exchange, then find five frauds in it", load: () => import("./cmd/demo.ts") },
  bank: {
    summary: "import, verify, show or forget the history of the exchange's bank accounts",
    load: () => import("./cmd/bank.ts"),
  },
  offline: {
    summary: "the auditor's key: show, sign and deliver denominations; backup and change of key",
    load: () => import("./cmd/offline.ts"),
  },
  config: { summary: "read, check and change the configuration", load: () => import("./cmd/config.ts") },
  terms: {
    summary: "make the legal documents of the service from one text and its translations",
    load: () => import("./cmd/terms.ts"),
  },
  dbinit: { summary: "create or upgrade the auditor's tables", load: () => import("./cmd/dbinit.ts") },
  "exchange-dbinit": {
    summary: "create the tables of a trusted copy of the exchange's database",
    load: () => import("./cmd/exchange-dbinit.ts"),
  },
};

const VERSION = "0.1.0";

function usage(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `taler-auditor - an independent auditor for GNU Taler exchanges

Usage: taler-auditor SUBCOMMAND [OPTIONS]

${lines.join("\n")}

  taler-auditor SUBCOMMAND --help   says more
  taler-auditor --version           prints the version`;
}

/** Runs the program; returns its exit code. */
export async function main(args: string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === "--help" || name === "-h" || name === "help") {
    console.log(usage());
    return 0;
  }
  if (name === "--version" || name === "-v") {
    console.log(`taler-auditor ${VERSION}`);
    return 0;
  }
  const entry = name === undefined ? undefined : COMMANDS[name];
  if (entry === undefined) {
    console.error(name === undefined ? usage() : `taler-auditor: error: there is no subcommand ${name}`);
    if (name !== undefined) console.error("taler-auditor: hint: taler-auditor --help lists the subcommands");
    return 2;
  }
  try {
    const { command } = await entry.load();
    return await command.run(rest);
  } catch (error) {
    console.error(`taler-auditor: error: ${error instanceof Error ? error.message : String(error)}`);
    if (Deno.env.get("TALER_AUDITOR_TRACE") !== undefined) console.error(error);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));

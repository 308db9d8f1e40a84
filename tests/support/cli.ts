// SPDX-License-Identifier: AGPL-3.0-or-later
/** The program as its users start it: a process of its own. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { datasetInfo, datasetPath, loadDataset } from "./golden.ts";
import { type BankServer, type Entry, startBankServer } from "./bank-server.ts";
import { freshName, sharedServer } from "./server.ts";
import type { Outcome } from "./call.ts";

const ROOT = new URL("../../", import.meta.url);

/** Environment of the calls: nothing of the machine's configuration. */
const ENVIRONMENT = { HOME: "/nonexistent", XDG_CONFIG_HOME: "/nonexistent", NO_COLOR: "1" };

/** The command line of the program from source. */
export function programCommand(args: readonly string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", fileURLToPath(new URL("main.ts", ROOT)), ...args],
    env: ENVIRONMENT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the program to its end. */
export async function runProgram(...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await programCommand(args).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

/** A golden dataset as an operator has it: a database, a bank and a configuration file. */
export interface Installation {
  /** The configuration file. */
  file: string;
  /** The database with both schemas. */
  url: string;
  bank: BankServer;
}

/** Sets up a dataset with its bank, and removes it afterwards. */
export async function withInstallation(
  dataset: string,
  body: (installation: Installation) => Promise<void>,
): Promise<void> {
  const server = await sharedServer();
  const url = await loadDataset(server, dataset);
  const store = freshName("bank");
  await server.createDatabase(store);
  const folder = await Deno.makeTempDir({ prefix: "taler-auditor-cli-" });
  const bank = startBankServer({ data: bankData(dataset) });
  try {
    const text = Deno.readTextFileSync(join(datasetPath(dataset), "auditor.conf"))
      .replaceAll("@EXCHANGE_DB@", url).replaceAll("@AUDITOR_DB@", url).replaceAll("@GATEWAY@", bank.url);
    const file = join(folder, "auditor.conf");
    await Deno.writeTextFile(file, `${text}\n[bankdb-postgres]\nCONFIG = ${server.url(store)}\n`);
    await body({ file, url, bank });
  } finally {
    await bank.close();
    await server.dropDatabase(store);
    await server.dropDatabase(new URL(url).pathname.slice(1));
    await Deno.remove(folder, { recursive: true });
  }
}

function bankData(dataset: string) {
  const read = (name: string) => JSON.parse(Deno.readTextFileSync(join(datasetPath(dataset), "bank", name)));
  const incoming = read("incoming.json"), outgoing = read("outgoing.json");
  return {
    own: (incoming.credit_account ?? outgoing.debit_account) as string,
    incoming: (incoming.incoming_transactions ?? []) as Entry[],
    outgoing: (outgoing.outgoing_transactions ?? []) as Entry[],
  };
}

/** The time by which the recorded audits of a dataset judged, as `--now` takes it. */
export function recordedNow(dataset: string): string {
  return datasetInfo(dataset).audit_now_us.toString();
}

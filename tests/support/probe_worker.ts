// SPDX-License-Identifier: AGPL-3.0-or-later
/** A worker that tries to get out: it answers with what became of each attempt. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";

const port = globalThis as unknown as { postMessage: (outcome: Record<string, string>) => void };

const somewhere = new URL("./packed.ts", import.meta.url);

/** Attempts by name; each throws when it is refused. */
const ATTEMPTS: Record<string, () => unknown> = {
  "read a file": () => Deno.readTextFileSync(somewhere),
  "read a file as Node does": () => readFileSync(somewhere),
  "list a folder": () => [...Deno.readDirSync("/")],
  // nothing has that name: where it is allowed to try, the attempt ends with NotFound
  "delete a file": () => Deno.removeSync(new URL("./no-such-file", import.meta.url)),
  "import a file that is named at run time": () => import(String(new URL("./catalogue.ts", import.meta.url))),
  "read the environment": () => Deno.env.toObject(),
  "read one variable": () => Deno.env.get("PATH"),
  "fetch": () => fetch("http://127.0.0.1:49151/").then((r) => r.body?.cancel()),
  "connect": () => Deno.connect({ hostname: "127.0.0.1", port: 49151 }),
  "connect as Node does": () =>
    new Promise((resolve, reject) => connect(49151, "127.0.0.1", () => resolve(0)).on("error", reject)),
  "listen": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),
  "start a program": () => new Deno.Command("true").outputSync(),
  "load a library": () => Deno.dlopen("libc.so.6", {}).close(),
  "ask for the name of the machine": () => Deno.hostname(),
};

async function outcomeOf(attempt: () => unknown): Promise<string> {
  try {
    await attempt();
    return "done";
  } catch (error) {
    if (!(error instanceof Error)) return "failed";
    // the module loader wraps the refusal
    return /^Requires \w+ access/.test(error.message) ? "NotCapable" : error.name;
  }
}

const outcome: Record<string, string> = {};
for (const [name, attempt] of Object.entries(ATTEMPTS)) outcome[name] = await outcomeOf(attempt);
port.postMessage(outcome);

// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a program
/**
 * Runs `offline` as a process of its own, then, with the variable OFFLINE_THEN_TRY set to an address, everything that
 * would lead out of the machine, and prints what came of it.
 */

import { command } from "../../cmd/offline.ts";

const code = await command.run(Deno.args);
const granted = Deno.permissions.querySync({ name: "env", variable: "OFFLINE_THEN_TRY" }).state === "granted";
const address = granted ? Deno.env.get("OFFLINE_THEN_TRY") : undefined;
if (address !== undefined) {
  const { hostname, port } = new URL(address);
  const target = { hostname, port: Number(port) };
  const attempts: Record<string, () => unknown> = {
    fetch: () => fetch(address),
    connect: () => Deno.connect(target),
    listen: () => Deno.listen({ hostname, port: 0 }),
    unix: () => Deno.connect({ transport: "unix", path: "/run/nothing" }),
    resolve: () => Deno.resolveDns("localhost", "A"),
    websocket: () => new WebSocket(address.replace("http", "ws")),
    run: () => new Deno.Command("/bin/true").outputSync(),
    ffi: () => Deno.dlopen("/nothing.so", {}),
    hostname: () => Deno.hostname(),
  };
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      await attempt();
      console.error(`TRIED ${name}: went through`);
    } catch (error) {
      console.error(`TRIED ${name}: ${error instanceof Error ? error.name : "?"}`);
    }
  }
}
Deno.exit(code);

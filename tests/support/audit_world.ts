// SPDX-License-Identifier: AGPL-3.0-or-later
/** Runs a pass of the audit over an exchange in memory: no server, no workers, the same code. */
import { type AuditSettings, type PassContext, PassRun, PassStopped } from "../../core/audit/pass.ts";
import type { VerifyPool } from "../../core/audit/pool.ts";
import { addKeys, type KeyRing, runTasks, type TaskWriter } from "../../core/audit/tasks.ts";
import {
  ACCOUNT_MERGES,
  MERGED_PURSES,
  RESERVE_CLOSES,
  RESERVE_OPENS,
  RESERVES_IN,
} from "../../core/exchange/v014/reserves.ts";
import {
  AGE_WITHDRAWALS,
  DEPOSITS,
  KNOWN_COINS,
  MELTS,
  OPEN_DEPOSITS,
  PURSE_DEPOSITS,
  PURSE_REFUND_DECISIONS,
  RECOUP_REFRESHES,
  RECOUPS,
  REFUNDS,
  WITHDRAWALS,
} from "../../core/exchange/v014/coins.ts";
import { WIRE_OUTS } from "../../core/exchange/v014/aggregation.ts";
import type { Source } from "../../core/exchange/source.ts";
import { DAY } from "../../core/taler/time.ts";
import { describeBalances, describeFinding, Names } from "./describe.ts";
import { MemoryAuditor } from "./memory_auditor.ts";
import { MemoryExchange } from "./memory_sql.ts";
import { keyPair } from "./mint.ts";

const SOURCES = [
  KNOWN_COINS,
  WITHDRAWALS,
  AGE_WITHDRAWALS,
  RECOUP_REFRESHES,
  DEPOSITS,
  PURSE_DEPOSITS,
  OPEN_DEPOSITS,
  REFUNDS,
  PURSE_REFUND_DECISIONS,
  MELTS,
  RECOUPS,
  RESERVES_IN,
  RESERVE_OPENS,
  RESERVE_CLOSES,
  MERGED_PURSES,
  ACCOUNT_MERGES,
  WIRE_OUTS,
] as unknown as Source<unknown>[];

/** The keys of the scenarios' exchange and auditor. */
export const MASTER = keyPair("master");
/** The auditor's key pair. */
export const AUDITOR = keyPair("auditor");

/** The settings of all scenarios. */
export const SETTINGS = {
  currency: "KUDOS",
  roundUnit: 0n,
  masterPub: MASTER.pub,
  exchangeBaseUrl: "https://exchange.example/",
  auditorBaseUrl: "https://auditor.example/",
  auditorPub: AUDITOR.pub,
  idleReserveExpiration: 28n * DAY,
  legalReserveExpiration: 7n * 365n * DAY,
} satisfies AuditSettings;

/** A pool that verifies where it is asked. */
function inlinePool(): VerifyPool {
  const ring: KeyRing = new Map();
  const pool: VerifyPool = {
    addKeys: (keys) => addKeys(ring, keys),
    run: (tasks: TaskWriter) => {
      const verdicts = tasks.take().flatMap((b) => [...runTasks(ring, b.bytes, b.tasks)]);
      return Promise.resolve(Uint8Array.from(verdicts));
    },
    counting: () => ({ ...pool, counts: { ed25519: 0, rsa: 0, cs: 0 } }),
    close: () => {},
  };
  return pool;
}

/** What a pass must have to be run here. */
interface RunnablePass {
  name: string;
  run(run: PassRun): Promise<void>;
}

/** An exchange, an auditor and the time. */
export class AuditWorld {
  readonly names = new Names();
  readonly exchange = new MemoryExchange();
  readonly auditor = new MemoryAuditor();
  /** Day 50: everything is valid and nothing has expired. */
  now = 50n * DAY;
  internal = false;
  pageRows = 3;
  /** Where the coin history ends. */
  historyEnd = 1n;

  constructor() {
    this.names.give(MASTER.pub, "master");
    this.exchange.answer("pg_backend_pid()", () => [{ pid: 1, snapshot: true }]);
    this.exchange.answer("max(coin_history_serial_id)", () => [{ until: this.historyEnd }]);
  }

  /** Runs a pass and commits it. */
  async run(pass: RunnablePass): Promise<void> {
    const context: PassContext = {
      settings: SETTINGS,
      now: this.now,
      internal: this.internal,
      source: this.exchange.connection(SOURCES),
      auditor: this.auditor.connection(),
      pool: inlinePool(),
      pageRows: this.pageRows,
      portionRows: 4000,
    };
    const { standing, progress } = this.auditor;
    const run = new PassRun(pass.name, context, standing, progress, this.auditor.counters());
    try {
      await run.begin();
      await pass.run(run);
    } catch (error) {
      if (!(error instanceof PassStopped)) throw error;
      run.abandon();
    }
    this.auditor.commit(run.book, await run.allWrites());
  }

  /** The open findings, and the balances whose names match. */
  verdicts(balances: RegExp): string[] {
    return [
      ...this.auditor.open.map(({ finding }) => describeFinding(finding, this.names)),
      ...describeBalances(this.auditor.balances, balances),
    ];
  }
}

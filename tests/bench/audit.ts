// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- a program that prints figures
/**
 * Measures a full audit of a golden dataset against the arithmetic limit: the time that the signatures alone need on
 * the cores at hand, measured in the same run. Run it with `deno task bench [DATASET] [RUNS]`.
 */

import { type AuditReport, runAudit } from "../../core/audit/run.ts";
import { addKeys, type KeyRing, runTasks, TaskWriter } from "../../core/audit/tasks.ts";
import { generateRsaKey, seededBytes, signRsaBlinded, unblindRsa } from "../../core/crypto/rsa-issue.ts";
import { csPublicKey, csSecret, csSign } from "../../core/crypto/cs-issue.ts";
import { publicKeyOf, signEd25519 } from "../../core/crypto/ed25519.ts";
import { sha512 } from "../../core/crypto/hash.ts";
import { blindRsa, parseRsaKey } from "../../core/crypto/rsa.ts";
import { connectTo } from "../../core/db/connect.ts";
import { startServer } from "../../core/db/server.ts";
import { decodeBase32 } from "../../core/taler/base32.ts";
import { parseAmount } from "../../core/taler/amount.ts";
import { DAY } from "../../core/taler/time.ts";
import { datasetInfo, loadDataset } from "../support/golden.ts";

const WORKERS = 2;

/** Milliseconds per signature of each kind on one core: the median of several rounds. */
function costs(): Record<"ed25519" | "rsa" | "cs", number> {
  const seed = new Uint8Array(32).fill(7);
  const message = new Uint8Array(456).fill(1);
  const hash = sha512(message);
  const rsa = generateRsaKey(2048, seededBytes(seed));
  const key = parseRsaKey(rsa.publicKey.bytes)!;
  const blinded = blindRsa(key, hash, seed)!;
  const signature = unblindRsa(key, signRsaBlinded(rsa, blinded), seed)!;
  const secret = csSecret(seed);
  const keys = [
    { id: 0, cipher: "RSA" as const, ageMask: 0, key: key.bytes },
    { id: 1, cipher: "CS" as const, ageMask: 0, key: csPublicKey(secret) },
  ];
  const ring: KeyRing = new Map();
  addKeys(ring, keys);
  const measure = (write: (w: TaskWriter) => number, count: number) => {
    const rounds = Array.from({ length: 5 }, () => {
      const writer = new TaskWriter();
      for (let i = 0; i < count; i++) write(writer);
      const batches = writer.take();
      const started = performance.now();
      for (const { bytes, tasks } of batches) {
        if (runTasks(ring, bytes, tasks).includes(0)) throw new Error("a good signature did not verify");
      }
      return (performance.now() - started) / count;
    });
    return rounds.sort((a, b) => a - b)[2]!;
  };
  const publicKey = publicKeyOf(seed), ed25519 = signEd25519(seed, message), cs = csSign(secret, hash, seed);
  return {
    ed25519: measure((w) => w.ed25519(publicKey, ed25519, message), 1000),
    rsa: measure((w) => w.coin(keys[0]!, hash, signature), 600),
    cs: measure((w) => w.coin(keys[1]!, hash, cs), 100),
  };
}

function limitOf(report: AuditReport, cost: Record<string, number>): number {
  const total = report.passes.flatMap((p) => Object.entries(p.signatures)).reduce((ms, [k, n]) => ms + n * cost[k]!, 0);
  return total / Math.min(WORKERS, navigator.hardwareConcurrency) / 1000;
}

function peakMemory(): string {
  const line = /VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"));
  return line === null ? "unknown" : `${Math.round(Number(line[1]) / 1024)} MB`;
}

async function audit(url: string, name: string): Promise<{ report: AuditReport; seconds: number }> {
  const info = datasetInfo(name);
  const open = () => connectTo(url, { searchPath: [], applicationName: "taler-auditor bench" });
  const started = performance.now();
  const report = await runAudit({
    settings: {
      currency: info.currency,
      roundUnit: parseAmount(info.currency_round_unit)!.atoms,
      masterPub: decodeBase32(info.exchange_master_pub, 32)!,
      exchangeBaseUrl: info.exchange_base_url,
      auditorBaseUrl: info.auditor_base_url,
      auditorPub: decodeBase32(info.auditor_pub, 32)!,
      idleReserveExpiration: 28n * DAY,
      legalReserveExpiration: 7n * 365n * DAY,
    },
    passes: ["reserves", "coins", "aggregation"],
    now: info.audit_now_us,
    internal: true,
    workers: WORKERS,
    openExchange: open,
    openAuditor: open,
  });
  return { report, seconds: (performance.now() - started) / 1000 };
}

async function main(): Promise<void> {
  const [name = "bench-mid", runs = "5"] = Deno.args;
  const server = await startServer({ inMemory: true });
  try {
    for (let i = 0; i < Number(runs); i++) {
      const cost = costs();
      const { report, seconds } = await audit(await loadDataset(server, name), name);
      const rows = report.passes.reduce((n, p) => n + Number(p.rows), 0);
      const signatures = report.passes.flatMap((p) => Object.values(p.signatures)).reduce((a, b) => a + b, 0);
      const limit = limitOf(report, cost);
      const µs = Object.entries(cost).map(([k, ms]) => `${k} ${(ms * 1000).toFixed(0)} µs`).join(", ");
      console.log(
        `${name}: ${seconds.toFixed(2)} s, ${rows} rows (${(rows / seconds).toFixed(0)}/s), ` +
          `${signatures} signatures (${(signatures / seconds).toFixed(0)}/s); limit ${limit.toFixed(2)} s (${µs}); ` +
          `ratio ${(seconds / limit).toFixed(2)}; peak ${peakMemory()}`,
      );
    }
  } finally {
    await server.stop();
  }
}

if (import.meta.main) await main();

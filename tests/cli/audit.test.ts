// SPDX-License-Identifier: AGPL-3.0-or-later
/** `taler-auditor audit` as a process: what it prints and its exit codes. */
import assert from "node:assert/strict";
import { connectTo } from "../../core/db/connect.ts";
import { programCommand, recordedNow, runProgram, withInstallation } from "../support/cli.ts";
import { datasetNames } from "../support/golden.ts";
import { noteAbsence } from "../support/audit.ts";

const names = datasetNames();
const ignore = names.length === 0;
noteAbsence(names);
const DATASET = "small-postagg";
const now = ignore ? "" : recordedNow(DATASET);

/** Changes the database of an installation. */
async function change(url: string, statement: string): Promise<void> {
  const sql = await connectTo(url, { searchPath: [], applicationName: "test" });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

Deno.test(
  { name: "audit: first without the bank, then from the gateway, then from the store", ignore },
  () =>
    withInstallation(DATASET, async ({ file }) => {
      const named = await runProgram("audit", "-c", file, "--now", now, "wire-debit");
      assert.equal(named.code, 1, "the store is configured and was never filled");
      assert.match(named.err, /pass wire-debit: the bank's history cannot be read: .*no table in it/s);

      const gateway = await runProgram("audit", "-c", file, "--now", now, "--bank", "gateway", "--json");
      assert.equal(gateway.code, 0, gateway.err);
      const result = JSON.parse(gateway.out);
      assert.deepEqual(
        result.passes.map((p: { pass: string }) => p.pass).filter((p: string) => p.startsWith("wire")),
        ["wire-credit", "wire-debit"],
      );
      assert.equal(result.balances.total_wire_in, "EUR:1020");

      assert.equal((await runProgram("dbinit", "-c", file, "-r")).code, 0);
      assert.equal((await runProgram("bank", "import", "-c", file)).code, 0);
      const stored = await runProgram("audit", "-c", file, "--now", now, "--json");
      assert.equal(stored.code, 0, stored.err);
      assert.deepEqual(JSON.parse(stored.out).balances, result.balances);
      assert.deepEqual(JSON.parse(stored.out).reconciliation, result.reconciliation);
    }),
);

Deno.test(
  { name: "audit: without a store the bank is left out, and that is said", ignore },
  () =>
    withInstallation(DATASET, async ({ file }) => {
      const text = await Deno.readTextFile(file);
      await Deno.writeTextFile(file, text.slice(0, text.indexOf("[bankdb-postgres]")));
      const { code, err, out } = await runProgram("audit", "-c", file, "--now", now);
      assert.equal(code, 0, err);
      assert.match(err, /warning: no history of the bank accounts, left out: wire-credit, wire-debit \(/);
      assert.doesNotMatch(out, /wire-credit {2}/);
    }),
);

Deno.test(
  { name: "audit: findings are an exit code only when asked for", ignore },
  () =>
    withInstallation(DATASET, async ({ file, url }) => {
      await change(url, "UPDATE exchange.coin_deposits SET coin_sig = decode(repeat('00', 64), 'hex')");
      assert.equal((await runProgram("audit", "-c", file, "--now", now, "coins")).code, 0);
      assert.equal((await runProgram("audit", "-c", file, "--now", now, "coins", "--fail-on-findings")).code, 10);
    }),
);

Deno.test(
  { name: "audit: an amount out of range is 42, and the other passes commit", ignore },
  () =>
    withInstallation(DATASET, async ({ file, url }) => {
      await change(url, "UPDATE exchange.reserves_in SET credit.val = 4503599627370497 WHERE reserve_in_serial_id = 1");
      const { code, out, err } = await runProgram("audit", "-c", file, "--now", now, "coins", "reserves");
      assert.equal(code, 42, err);
      assert.match(err, /error: pass reserves: .*4503599627370497/);
      assert.match(err, /hint: nothing of this pass was committed/);
      assert.match(out, /coins .* committed/);
      assert.match(out, /reserves .* overflow/);
    }),
);

Deno.test(
  { name: "audit: what is wrong before it begins", ignore },
  () =>
    withInstallation(DATASET, async ({ file }) => {
      const cases: [string[], number, RegExp][] = [
        [["-c", file, "coin"], 2, /there is no pass coin\n.*passes are reserves, coins/],
        [["-c", file, "--now", "yesterday"], 2, /--now: yesterday is not a time/],
        [["-c", file, "--workers", "0"], 2, /--workers: 0 is not a number/],
        [["-c", file, "--bank", "paper"], 2, /--bank: paper is none of store, gateway/],
        [["-c", file, "--follow", "--now", now], 2, /--follow goes by the clock/],
        [["-c", file, "--follow", "--fail-on-findings"], 2, /--follow does not end with findings/],
        [["-c", file, "--interval", "5"], 2, /--interval needs --follow/],
        [["-c", `${file}.missing`], 6, /auditor\.conf\.missing/],
      ];
      for (const [args, code, message] of cases) {
        const outcome = await runProgram("audit", ...args);
        assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.err}`);
        assert.match(outcome.err, message);
        assert.equal(outcome.out, "");
      }
      const text = await Deno.readTextFile(file);
      await Deno.writeTextFile(
        file,
        text.replace(/(\[auditordb-postgres\][^[]*CONFIG *= *)\S+/i, "$1postgres://localhost:1/x"),
      );
      const unreachable = await runProgram("audit", "-c", file, "coins");
      assert.equal(unreachable.code, 5, unreachable.err);
      assert.match(unreachable.err, /cannot reach the server/);
    }),
);

Deno.test(
  { name: "audit: findings are named by their checks, as the catalogue is", ignore },
  () =>
    withInstallation(DATASET, async ({ file, url }) => {
      await change(url, "UPDATE exchange.coin_deposits SET coin_sig = decode(repeat('00', 64), 'hex')");
      const text = await runProgram("audit", "-c", file, "--now", now, "coins");
      assert.match(text.out, /invalid signatures +EUR:[\d.]+ {2}C-11\n/);
      const { findings } = JSON.parse((await runProgram("audit", "-c", file, "--now", now, "coins", "--json")).out);
      const [bad] = findings.filter((f: { table: string }) => f.table === "auditor_bad_sig_losses");
      assert.deepEqual(bad.checks, { "C-11": bad.open });
    }),
);

Deno.test(
  { name: "audit: a copy that went backwards is named with its numbers, and what to do", ignore },
  () =>
    withInstallation(DATASET, async ({ file, url }) => {
      assert.equal((await runProgram("audit", "-c", file, "--now", now, "reserves")).code, 0);
      await change(url, "DELETE FROM exchange.reserves_in WHERE reserve_in_serial_id > 30");
      const { code, err } = await runProgram("audit", "-c", file, "--now", now, "reserves");
      assert.equal(code, 1);
      assert.match(
        err,
        /pass reserves: monotone: reserves_in: the source went backwards: audited up to 40, highest serial now 30/,
      );
      assert.match(err, /hint: find out whether rows were deleted/);
    }),
);

Deno.test(
  { name: "audit: a database is about one exchange until it is restarted", ignore },
  () =>
    withInstallation(DATASET, async ({ file }) => {
      assert.equal((await runProgram("audit", "-c", file, "--now", now, "reserves")).code, 0);
      const text = await Deno.readTextFile(file);
      const other = text.replace(/^(\s*MASTER_PUBLIC_KEY *= *).*$/im, `$1${"0".repeat(52)}`);
      assert.notEqual(other, text);
      await Deno.writeTextFile(file, other);
      const refused = await runProgram("audit", "-c", file, "--now", now, "reserves");
      assert.equal(refused.code, 6, refused.err);
      assert.match(refused.err, /is about the exchange with master key \w{52}, the configuration says 0{52}/);
      assert.equal((await runProgram("dbinit", "-c", file, "-r")).code, 0);
      assert.equal((await runProgram("audit", "-c", file, "--now", now, "reserves")).code, 0);
    }),
);

Deno.test(
  { name: "audit --follow: a second one says who holds the lock, SIGTERM ends the first", ignore },
  () =>
    withInstallation(DATASET, async ({ file }) => {
      const first = programCommand(["audit", "-c", file, "--follow", "coins"]).spawn();
      const lines = first.stdout.pipeThrough(new TextDecoderStream()).getReader();
      assert.match((await lines.read()).value ?? "", /coins/);
      const second = await runProgram("audit", "-c", file, "coins");
      assert.equal(second.code, 1);
      assert.match(second.err, new RegExp(`another audit is writing .*taler-auditor audit \\(process ${first.pid}\\)`));
      const asked = performance.now();
      first.kill("SIGTERM");
      const { code } = await first.status;
      assert.equal(code, 0);
      assert.ok(performance.now() - asked < 1000, "ends within a second");
      await lines.cancel();
      await first.stderr.cancel();
      assert.equal((await runProgram("audit", "-c", file, "coins")).code, 0, "the lock is free again");
    }),
);

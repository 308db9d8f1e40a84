// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the reserves pass keeps of a reserve (audit chapter 3c, 3d, D-21), its balances, and the law "split". */
import assert from "node:assert/strict";
import type { ReserveChange } from "../../core/audit/passes/reserves/state.ts";
import { later } from "../../core/audit/passes/reserves/stages.ts";
import { applyChange, type ReserveLedger } from "../../core/audit/passes/reserves/verdicts.ts";
import { firstOverdraft, type Movement } from "../../core/audit/passes/reserves/extras.ts";
import { DAY, NEVER } from "../../core/taler/time.ts";
import { bytes32 } from "../support/mint.ts";
import { describeBalances } from "../support/describe.ts";
import { ReserveScene } from "../support/reserve_scene.ts";
import { Phrase, plainAmount, testTable } from "../support/scenario.ts";

const NOTHING: ReserveChange = {
  reservePub: bytes32("r"),
  totalIn: 0n,
  totalOut: 0n,
  withdrawFee: 0n,
  closeFee: 0n,
  purseFee: 0n,
  openFee: 0n,
  expiration: 0n,
  origin: undefined,
  closes: [],
};

/** `run in=5 out=2 until=30 from=a1 withdraw=0.1`: the rows of a run. */
testTable(
  "applyChange",
  `
  run                                    -> balance 0; fees 0 0 0 0; until 0; from nobody
  run in=5                               -> balance 5; fees 0 0 0 0; until 0; from nobody
  run in=5 out=2                         -> balance 3; fees 0 0 0 0; until 0; from nobody
  # it may be overdrawn, and come back
  run in=5 out=7                         -> balance -2; fees 0 0 0 0; until 0; from nobody
  run in=5 out=7; run in=3               -> balance 1; fees 0 0 0 0; until 0; from nobody
  # fees are sums over its life
  run in=9 withdraw=0.1 close=0.2 purse=0.3 open=0.4; run withdraw=1 close=2 purse=3 open=4
    -> balance 9; fees 1.1 2.2 3.3 4.4; until 0; from nobody
  # the latest expiry and the first account count
  run until=30 from=a1; run until=20 from=a2 -> balance 0; fees 0 0 0 0; until 30; from a1
  run until=20; run until=30 from=a2     -> balance 0; fees 0 0 0 0; until 30; from a2
  `,
  (phrases) => {
    let ledger: ReserveLedger | undefined;
    for (const p of phrases) {
      ledger = applyChange(ledger, {
        ...NOTHING,
        totalIn: p.amountOption("in") ?? 0n,
        totalOut: p.amountOption("out") ?? 0n,
        withdrawFee: p.amountOption("withdraw") ?? 0n,
        closeFee: p.amountOption("close") ?? 0n,
        purseFee: p.amountOption("purse") ?? 0n,
        openFee: p.amountOption("open") ?? 0n,
        expiration: BigInt(p.option("until") ?? 0),
        origin: p.option("from"),
      });
    }
    const { balance, withdrawFee, closeFee, purseFee, openFee, expiration, origin } = ledger!;
    return [
      `balance ${plainAmount(balance)}`,
      `fees ${[withdrawFee, closeFee, purseFee, openFee].map(plainAmount).join(" ")}`,
      `until ${expiration}`,
      `from ${origin ?? "nobody"}`,
    ];
  },
);

Deno.test("applyChange: a reserve that was not touched stays as it is", () => {
  const ledger = applyChange(undefined, { ...NOTHING, totalIn: 5n });
  assert.equal(applyChange(ledger, undefined), ledger);
});

Deno.test("later: never stays never, and no sum goes beyond it", () => {
  assert.equal(later(5n * DAY, DAY), 6n * DAY);
  assert.equal(later(NEVER, DAY), NEVER);
  assert.equal(later(DAY, NEVER), NEVER);
  assert.equal(later(NEVER - 1n, 1n), NEVER);
  assert.equal(later(NEVER - 2n, 1n), NEVER - 1n);
});

/** `in 5 at=1` and `out 5 at=2`: the first movement after which the reserve is overdrawn, by its number. */
testTable(
  "firstOverdraft",
  `
  in 5 at=1; out 5 at=2                      -> nothing
  in 5 at=2; out 5 at=1                      -> 2 by 5
  in 5 at=1; out 3 at=2; out 3 at=3; in 9 at=4 -> 3 by 1
  # at one instant, what comes in comes first
  out 5 at=1; in 5 at=1                      -> nothing
  out 5 at=1; out 0 at=1; in 5 at=1          -> nothing
  in 0 at=1; out 5 at=1; out 0 at=1; in 5 at=1 -> nothing
  out 3 at=1; in 5 at=1; out 3 at=1          -> 3 by 1
  in 5 at=3; out 2 at=2; in 1 at=1           -> 2 by 1
  out 1 at=1                                 -> 1 by 1
  in 1 at=1                                  -> nothing
  # only the first is told
  out 1 at=1; out 5 at=2                     -> 1 by 1
  `,
  (phrases) => {
    const movements = phrases.map((p, i): Movement => {
      const amount = p.amount();
      const at = BigInt(p.option("at")!);
      return { stage: p.verb, serial: BigInt(i + 1), at, atoms: p.verb === "in" ? amount : -amount };
    });
    const found = firstOverdraft(movements);
    return found === undefined ? [] : [`${found.movement.serial} by ${plainAmount(found.short)}`];
  },
);

Deno.test("firstOverdraft: no movements, no overdraft", () => assert.equal(firstOverdraft([]), undefined));

async function play(text: string, pageRows = 3): Promise<ReserveScene> {
  const phrases = text.split(";").map((p) => new Phrase(p.trim()));
  const scene = new ReserveScene();
  scene.world.pageRows = pageRows;
  await scene.play(phrases);
  for (const p of phrases) p.end();
  return scene;
}

function amountOf(column: unknown): string {
  const { val, frac } = column as { val: string; frac: number };
  return plainAmount(BigInt(val) * 100_000_000n + BigInt(frac));
}

testTable(
  "reserves that people see",
  `
  credit r1 5                              -> r1 has 5 until 68; from a1; fees 0 0 0 0
  credit r1 5; withdraw r1 d1              -> r1 has 3.99 until 68; from a1; fees 0.01 0 0 0
  # one that is empty or overdrawn has no row
  credit r1 1.01; withdraw r1 d1           -> nothing
  credit r1 1; withdraw r1 d1              -> nothing
  # … but is remembered (D-21)
  credit r1 1.01; withdraw r1 d1; run; credit r1 3 from a2 -> r1 has 3 until 68; from a1; fees 0.01 0 0 0
  # all columns follow (D-21)
  merge r1 5; run; credit r1 5             -> r1 has 10 until 68; from a1; fees 0 0 0 0
  credit r1 5; run; close r1 2 fee=0.1     -> r1 has 3 until 68; from a1; fees 0 0.1 0 0
  credit r1 5; open r1 1 until=90; account-merge r1 fee=1 -> r1 has 3 until 90; from a1; fees 0 0 1 1
  merge r1 5                               -> r1 has 5 until 0; from -; fees 0 0 0 0
  `,
  async (phrases) => {
    const { world } = await new ReserveScene().play(phrases);
    return world.auditor.table("auditor_reserves").flatMap((r) => {
      const fees = ["withdraw", "close", "purse", "open"].map((kind) => amountOf(r[`${kind}_fee_balance`]));
      const origin = String(r["origin_account"] ?? "-").replace("payto://x-test/host/", "");
      const until = BigInt(String(r["expiration_date"])) / DAY;
      const name = world.names.of(r["reserve_pub"] as string);
      return [
        `${name} has ${amountOf(r["reserve_balance"])} until ${until}`,
        `from ${origin}`,
        `fees ${fees.join(" ")}`,
      ];
    });
  },
);

testTable(
  "reserves, all balances",
  `
  credit r1 5                        -> reserves_reserve_total_balance 5
  credit r1 5; withdraw r1 d1        -> reserves_reserve_total_balance 3.99; reserves_withdraw_fee_revenue 0.01
  credit r1 9; age-withdraw r1 of d5 d1 -> reserves_reserve_total_balance 2.98; reserves_withdraw_fee_revenue 0.02
  credit r1 5; open r1 1             -> reserves_open_fee_revenue 1; reserves_reserve_total_balance 4
  credit r1 5; close r1 5            -> reserves_close_fee_revenue 0.1
  credit r1 5; account-merge r1 fee=1 -> reserves_purse_fee_revenue 1; reserves_reserve_total_balance 4
  merge r1 5                         -> reserves_reserve_total_balance 5
  denomination d5 revoked; recoup r1 5 -> reserves_reserve_total_balance 5
  # what was paid before it is audited again is not counted twice
  credit r1 5; run; run; credit r1 5 -> reserves_reserve_total_balance 10
  `,
  async (phrases) => describeBalances((await new ReserveScene().play(phrases)).world.auditor.balances),
);

/** Long scenarios; each is audited at once and after every event (law "split"). */
const SPLIT = [
  "credit r9 99; credit r1 10; withdraw r1 d5; withdraw r1 d1 forged; credit r2 5 from a2; withdraw r2 d5; merge r1 3; close r1 2 to a2",
  "denomination d5 forged-revocation; credit r1 9 at=20; open r1 1 at=21 until=60; recoup r1 5; age-withdraw r1 of d2 d1; merge r2 7 partner; account-merge r2 fee=1 forged",
  "internal; balance r1 4; balance r2 3; credit r1 9 at=20; credit r2 3; request r1 3 at=40; close r2 1 requested=a3 signed=none; credit r3 4 lost-account; merge r3 2 unmerged",
  "fee 0.1 days=0-45; fee 0.2 days=46-1000; credit r1 9 at=17; credit r2 8 at=25; close r2 2 at=45; close r2 2 at=46 fee=0.2; wad in 3; withdraw r2 d1 at=24",
];

function everything({ world }: ReserveScene): unknown {
  const { auditor } = world;
  const tables = [
    "auditor_x_reserve",
    "auditor_reserves",
    "auditor_x_rejected",
    "auditor_x_revisit",
    "auditor_x_counter",
  ];
  return {
    verdicts: world.verdicts(/./).sort(),
    progress: [...auditor.progress].sort(),
    // a counter of zero is as good as none
    state: tables.map((t) =>
      auditor.table(t).filter((r) => r["value"] !== "0").map((r) => JSON.stringify(Object.entries(r).sort())).sort()
    ),
  };
}

for (const text of SPLIT) {
  Deno.test(`split: ${text}`, async () => {
    const steps = text.split(";").flatMap((e) => [e, "run"]).join(";");
    assert.deepEqual(everything(await play(steps)), everything(await play(text)));
  });

  Deno.test(`nothing new: ${text}`, async () => {
    const [once, again] = [await play(`${text}; run`), await play(`${text}; run; run; run`)];
    assert.equal(again.world.auditor.journal.length, once.world.auditor.journal.length);
    assert.deepEqual(everything(again), everything(once));
  });
}

for (const text of SPLIT) {
  Deno.test(`the size of pages does not matter, not even to the order of findings: ${text.slice(0, 80)}`, async () => {
    const outcomes = [];
    for (const rows of [1, 2, 1000]) {
      const { world } = await play(text, rows);
      outcomes.push({ verdicts: world.verdicts(/./), journal: world.auditor.journal });
    }
    for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
  });
}

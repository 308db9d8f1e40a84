// SPDX-License-Identifier: AGPL-3.0-or-later
/** The verdict on a purse, from facts alone (purses chapter 5.6): the edges that rows in a database hardly reach. */
import assert from "node:assert/strict";
import { judgePurse, type PurseFacts, type PurseLaw, VERDICTS } from "../../core/audit/passes/purses/judge.ts";
import { DAY, NEVER, SECOND } from "../../core/taler/time.ts";
import { describeBalances, Names } from "../support/describe.ts";
import { describePurseFinding } from "../support/describe_purse.ts";
import { bytes32 } from "../support/mint.ts";
import { atoms, type Phrase, testTable } from "../support/scenario.ts";

const names = new Names();
for (const name of ["purse", "owner", "reserve"]) names.give(bytes32(name), name);

function dayOf(text: string | undefined, usual: number): bigint {
  if (text === "never") return NEVER;
  // `61.000001` is a second after the beginning of day 61
  const [day, second] = (text ?? String(usual)).split(".");
  return BigInt(day!) * DAY + BigInt(second ?? 0) * SECOND;
}

/**
 * `purse of 2 with 1`: target and content, `mode=1 fee=0 expires=60 created=49 claims=`; `merge`, `consent`: `forged`,
 * `to-partner`, `by-other`; `merged on=50`, `refunded on=50`; `deleted`; `fees 0.1 0.2`; `now 50`; `internal`.
 */
function judge(events: Phrase[]): string[] {
  const facts: PurseFacts = {
    serial: 7n,
    pursePub: bytes32("purse"),
    mergePub: bytes32("owner"),
    creation: 0n,
    expiration: 0n,
    flags: 1,
    target: 0n,
    purseFee: 0n,
    claimed: 0n,
    deposited: 0n,
    deleted: false,
    merge: undefined,
    consent: undefined,
    decision: undefined,
  };
  const law: PurseLaw = { now: 50n * DAY, fees: [0n], internal: false };
  for (const p of events) play(p, facts, law);
  const found = judgePurse(facts, law);
  const balances = new Map<string, bigint>();
  for (const { effects } of found.values()) {
    for (const [key, value] of Object.entries(effects)) balances.set(key, (balances.get(key) ?? 0n) + value);
  }
  const short = [...balances].map(([key, value]) => [key.replace(/^purse_total_/, ""), value] as const);
  return [
    ...VERDICTS.flatMap((v) => {
      const j = found.get(v);
      return j === undefined ? [] : [`${describePurseFinding(j.finding, names)} at ${j.serial}`];
    }),
    ...describeBalances(short),
  ];
}

function play(p: Phrase, facts: PurseFacts, law: PurseLaw): void {
  switch (p.verb) {
    case "purse":
      facts.target = atoms(p.after("of")!);
      facts.deposited = atoms(p.after("with") ?? "0");
      facts.claimed = p.amountOption("claims") ?? facts.deposited;
      facts.flags = Number(p.option("mode") ?? 1);
      facts.purseFee = p.amountOption("fee") ?? 0n;
      facts.expiration = dayOf(p.option("expires"), 60);
      facts.creation = dayOf(p.option("created"), 49);
      break;
    case "merge":
      facts.merge = {
        serial: 3n,
        toPartner: p.flag("to-partner"),
        reservePub: bytes32("reserve"),
        timestamp: dayOf(p.option("on"), 49),
        valid: !p.flag("forged"),
      };
      break;
    case "consent":
      facts.consent = {
        serial: 4n,
        reservePub: bytes32(p.flag("by-other") ? "other" : "reserve"),
        valid: !p.flag("forged"),
      };
      break;
    case "merged":
    case "refunded":
      facts.decision = { serial: 5n, refunded: p.verb === "refunded", time: dayOf(p.option("on"), 50) };
      break;
    case "deleted":
      facts.deleted = true;
      break;
    case "fees":
      law.fees = [...p.allAfter("fees") ?? [], ...p.flag("none") ? [] : [p.word()]].map(atoms);
      break;
    case "now":
      law.now = dayOf(p.word(), 0);
      break;
    case "internal":
      law.internal = true;
      break;
    default:
      throw new Error(`unknown event ${p.verb}`);
  }
}

testTable(
  "judge purse",
  `
  # the last instant of grace, and the first after it
  purse of 2 with 1; now 61 -> nothing
  purse of 2 with 1; now 61.1 -> PU-14 purse holds 1 since day 60 at 7; balance_purse_not_closed 1; delayed_decisions 1
  purse of 2 with 2; merge; consent; merged on=61 -> nothing
  purse of 2 with 2; merge; consent; merged on=61.1 -> PU-R1 purse-decision#5 purse was merged after it had expired at 5
  purse of 2 with 1; refunded on=59 -> nothing
  purse of 2 with 1; refunded on=58.86399 -> PU-R3 purse-decision: refund#5 1 against 2 at 5
  purse of 2 with 2; merge on=60; refunded on=60 -> PU-R3 purse-decision: refund#5 2 against 2 at 5
  purse of 2 with 2; merge on=60.1; refunded on=60 -> nothing
  # a purse that never expires
  purse of 2 with 1 expires=never; now 100000 -> nothing
  purse of 2 with 1 expires=never; refunded -> PU-R3 purse-decision: refund#5 1 against 2 at 5
  purse of 2 with 1 expires=never; deleted; refunded -> nothing
  # deleted, but complete: the deletion came too late
  purse of 2 with 2; merge; consent; deleted; refunded -> PU-R3 purse-decision: refund#5 2 against 2 at 5
  # an invalid merge completes nothing
  purse of 2 with 2; merge forged; now 70; refunded on=60 -> nothing
  purse of 2 with 2; merge forged -> nothing
  purse of 2 with 2; merge to-partner -> nothing
  purse of 2 with 1.99999999; merge -> nothing
  purse of 2 with 2; merge -> PU-R5 purse-decision#7 purse is merged and fully paid but not decided at 7
  # to the atom
  purse of 2 with 1.99999999; merge; consent; merged -> PU-13 purse-decision: merge#5 2 against 1.99999999 at 5;
    balance_insufficient_loss 2; balance_insufficient_shortfall 0.00000001
  purse of 2 with 2.00000001; merge; consent; merged -> PU-R2 purse-decision: merge#5 2 against 2.00000001 at 5;
    arithmetic_delta_plus 0.00000001
  # nothing of what is needed
  purse of 2; merged -> PU-13 purse-decision: merge#5 2 against 0 at 5; PU-R1 merge-purse#5 loses 2 of owner at 5;
    bad_sig_loss 2; balance_insufficient_loss 2; balance_insufficient_shortfall 2
  purse of 0; merge; consent; merged -> nothing
  # consents
  purse of 2 with 2; merge; consent forged; merged -> PU-R1 account-merge#5 loses 2 of reserve at 5; bad_sig_loss 2
  purse of 2 with 2; merge; consent by-other; merged -> PU-R1 account-merge#5 loses 2 of reserve at 5; bad_sig_loss 2
  purse of 2 with 2; merge forged; consent; merged -> nothing
  purse of 2 with 2; merge to-partner; merged -> nothing
  # fees: two periods may cover an instant; flags have more bits than the mode
  purse of 2 mode=3 fee=0.1; fees 0.1 -> nothing
  purse of 2 mode=3 fee=0.2; fees 0.1 -> PU-R6 purse-fee#7 0.2 against 0.1 at 7; arithmetic_delta_plus 0.1
  purse of 2 mode=7 fee=0.1; fees 0.1 -> nothing
  purse of 2 mode=0 fee=0.1; fees 0.1 -> PU-R6 purse-fee#7 0.1 against 0 at 7; arithmetic_delta_plus 0.1
  purse of 2 mode=1 fee=0.1; fees none -> PU-10 purse-fee purse fee unavailable at Thu Feb 19 00:00:00 1970 at 7;
    PU-R6 purse-fee#7 0.1 against 0 at 7; arithmetic_delta_plus 0.1
  purse of 2 mode=3 fee=0.1; fees none ->
    PU-10 purse-fee purse fee unavailable at Thu Feb 19 00:00:00 1970 at 7
  # PU-15 as PU-R8: whatever became of the purse
  purse of 2 with 1 claims=2 -> nothing
  internal; purse of 2 with 1 claims=2 -> PU-R8 purse-balance#7 2 against 1 at 7
  internal; purse of 2 with 1 claims=2; now 70; refunded on=60 -> PU-R8 purse-balance#7 2 against 1 at 7
  internal; purse of 2 with 2; merge; consent; merged -> nothing
`,
  judge,
);

Deno.test("judge purse: any of several fees in force is right", () => {
  const events = (fee: string) => ({
    facts: { flags: 3, purseFee: atoms(fee), creation: 0n, expiration: NEVER, deposited: 0n, target: atoms("2") },
    law: { now: 0n, fees: [atoms("0.1"), atoms("0.2")], internal: false },
  });
  for (const [fee, expected] of [["0.1", 0], ["0.2", 0], ["0.3", 1]] as const) {
    const { facts, law } = events(fee);
    const found = judgePurse(
      { ...facts, serial: 1n, pursePub: bytes32("purse"), mergePub: bytes32("owner") } as PurseFacts,
      law,
    );
    assert.equal(found.size, expected, fee);
  }
});

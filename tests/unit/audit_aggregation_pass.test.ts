// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The aggregation pass as a whole: wire fees (A-18, A-20, A-21, X-2, D-29), coins without signature, rows that
 * cannot be used (X-9, D-17), several transfers. The arithmetic of one transfer has a table of its own.
 *
 * Coins are worth 5 with a deposit fee of 0.02.
 */
import assert from "node:assert/strict";
import { aggregationPass } from "../../core/audit/passes/aggregation/pass.ts";
import { signBlock } from "../../core/crypto/blocks.ts";
import { hashPayto, hashText } from "../../core/crypto/objects.ts";
import { WIRE_OUTS } from "../../core/exchange/v014/aggregation.ts";
import { DAY } from "../../core/taler/time.ts";
import { AuditWorld, MASTER, SETTINGS } from "../support/audit_world.ts";
import { day, flags, signed } from "../support/coin_record.ts";
import { page, serials } from "../support/memory_sql.ts";
import { MintScene, type SceneCoin } from "../support/mint_scene.ts";
import { bytes32, bytes64 } from "../support/mint.ts";
import { type Cell, cell } from "../support/packed.ts";
import { Phrase, testTable } from "../support/scenario.ts";

const PAYTO = "payto://x-test/host/merchant";
const days = (text: string) => BigInt(text) * DAY;

interface Aggregated {
  wire: bigint;
  coin: SceneCoin;
  amount: bigint;
  said: Set<string>;
}

/** Transfers, their coins, and fees. */
class AggregationScene {
  readonly world = new AuditWorld();
  readonly #mint = new MintScene(this.world, () => {});
  #coins: Aggregated[] = [];
  #fees: ((serial: bigint) => Cell[])[] = [];

  constructor() {
    const { exchange } = this.world;
    const chosen = (wires: unknown) =>
      this.#coins.map((c, i) => ({ ...c, serial: BigInt(i + 1) })).filter((c) => serials(wires).has(c.wire));
    exchange.answer("FROM exchange.wire_fee w", () => page(this.#fees.map((f, i) => f(BigInt(i + 1)))));
    exchange.answer("AS coins\n  FROM exchange.wire_out wo", ([wires]) => {
      const count = (wire: bigint) => BigInt(this.#coins.filter((c) => c.wire === wire).length);
      return page([...serials(wires)].map((wire) => [cell.int8(wire), cell.int8(count(wire))]));
    });
    exchange.answer(
      "bd.h_contract_terms, bd.wire_target_h_payto",
      ([wires]) => page(chosen(wires).map((c) => this.#aggregated(c))),
    );
    exchange.answer("WITH coins AS MATERIALIZED", ([wires]) =>
      page(
        chosen(wires).map(({ serial, coin, amount }) => [
          cell.int8(serial),
          coin.mint.pub,
          cell.int4(0),
          cell.amount(amount),
          cell.int8(serial),
          Uint8Array.of(...bytes32("merchant"), ...bytes64(`contract ${serial}`)),
        ]),
      ));
  }

  #aggregated({ serial, wire, coin, amount, said }: Aggregated & { serial: bigint }): Cell[] {
    const [known, denomination] = this.#mint.reference(coin);
    return [
      cell.int8(serial),
      cell.int8(wire),
      said.has("lost-batch") ? null : cell.int8(serial),
      cell.int8(serial),
      cell.text(PAYTO),
      known!,
      denomination!,
      signed(bytes32("merchant"), said),
      bytes64(`contract ${serial}`),
      hashPayto(PAYTO),
      coin.mint.pub,
      cell.amount(amount),
    ];
  }

  async play(phrases: Phrase[]): Promise<this> {
    for (const p of phrases) {
      if (p.verb === "run") await this.world.run(aggregationPass);
      else if (p.verb === "fee") this.#fee(p, this.#fees.length);
      else if (p.verb === "mend") this.#fee(p, 0);
      else if (p.verb === "coin") this.#mint.declareCoin(p);
      else if (p.verb === "deposit") this.#deposit(p);
      else if (p.verb === "wire") this.#wire(p);
      else if (p.verb === "pages") this.world.pageRows = Number(p.word());
      else throw new Error(`nothing is known of "${p.verb}"`);
    }
    await this.world.run(aggregationPass);
    return this;
  }

  #fee(p: Phrase, place: number): void {
    const [from, to] = (p.option("days") ?? "0-100").split("-");
    const method = p.after("for") ?? "x-test";
    const said = flags(p);
    const terms = { start: days(from!), end: days(to!), wireFee: p.amount(), closingFee: 0n };
    const fields = { hWireMethod: hashText(method), ...terms };
    const signature = signed(signBlock("masterWireFees", SETTINGS.currency, MASTER.seed, fields), said);
    const amounts = [cell.amount(terms.wireFee), cell.amount(0n)];
    this.#fees[place] = (serial) => [cell.int8(serial), cell.text(method), day(from!), day(to!), ...amounts, signature];
  }

  #deposit(p: Phrase): void {
    const coin = this.#mint.coin(p.word());
    this.#mint.reference(coin);
    const wire = BigInt((p.after("into") ?? "w1").slice(1));
    this.#coins.push({ wire, coin, said: flags(p, "lost-batch"), amount: p.amount() });
  }

  #wire(p: Phrase): void {
    const serial = BigInt(p.word().slice(1));
    const [at, said] = [p.option("at") ?? "50", flags(p, "lost-target")];
    const payto = cell.text(said.has("lost-target") ? null : PAYTO);
    const tail = [cell.text("exchange-account-1"), day(at), bytes32(`wtid ${serial}`), hashPayto(PAYTO)];
    this.world.exchange.insert(WIRE_OUTS as never, { serial, atoms: p.amount(), cells: () => [payto, ...tail] });
  }
}

async function judge(phrases: Phrase[]): Promise<string[]> {
  return (await new AggregationScene().play(phrases)).world.verdicts(/aggregation/);
}

testTable(
  "aggregation pass",
  `
  fee 0.1; deposit c1 3; wire w1 2.88              -> aggregation_total_wire_fee_revenue 0.1
  fee 0.1                                          -> nothing
  # several transfers, over pages and runs
  fee 0.1; deposit c1 3; wire w1 2.88; deposit c2 2 into w2; wire w2 1.88; deposit c3 1 into w3; wire w3 0.88;
    deposit c4 1 into w4; run; wire w4 0.88        -> aggregation_total_wire_fee_revenue 0.4
  pages 1; fee 0.1; deposit c1 3; wire w1 2.88; deposit c2 2 into w2; wire w2 1
    -> A-23 wire#2 to payto://x-test/host/merchant: 1 instead of 1.88: aggregated amount does not match expectations;
       aggregation_total_wire_fee_revenue 0.2; aggregation_total_wire_out_delta_minus 0.88
  # A-18 at the first transfer that paid the fee; X-2 until then
  fee 0.1 forged                                   -> X-2 wire-fee#1 master signature invalid
  fee 0.1 forged; deposit c1 3; wire w1 2.88
    -> A-18 wire-fee#4320000000000 wire fee signature invalid at given time; aggregation_total_wire_fee_revenue 0.1
  fee 0.1 forged; run; deposit c1 3; wire w1 2.88
    -> A-18 wire-fee#4320000000000 wire fee signature invalid at given time; aggregation_total_wire_fee_revenue 0.1
  fee 0.1 forged; deposit c1 3; wire w1 2.88; run; deposit c2 3 into w2; wire w2 2.88 at=60
    -> A-18 wire-fee#4320000000000 wire fee signature invalid at given time; aggregation_total_wire_fee_revenue 0.2
  fee 0.1 forged; deposit c1 3; wire w1 2.88; deposit c2 3 into w2; wire w2 2.88 at=40
    -> A-18 wire-fee#4320000000000 wire fee signature invalid at given time; aggregation_total_wire_fee_revenue 0.2
  fee 0.1 forged; deposit c1 3; wire w1 2.88; run; mend 0.1 -> aggregation_total_wire_fee_revenue 0.1
  fee 0.1 forged; run; mend 0.1                    -> nothing
  fee 0.1; fee 0.2 days=100-200 forged; deposit c1 3; wire w1 2.88
    -> X-2 wire-fee#2 master signature invalid; aggregation_total_wire_fee_revenue 0.1
  # A-20, A-21: both ends of an overlap, once; only within a method (D-29)
  fee 0.1 days=0-60; fee 0.2 days=40-100
    -> A-20 x-test day 40: start date before previous end date; A-21 x-test day 60: end date date after next start date
  fee 0.1 days=0-60; fee 0.2 days=40-100; run; run
    -> A-20 x-test day 40: start date before previous end date; A-21 x-test day 60: end date date after next start date
  fee 0.1 days=0-60; fee 0.2 days=40-100 for iban  -> nothing
  fee 0.1 days=0-60; fee 0.2 days=60-100; deposit c1 3; wire w1 2.88 at=59; deposit c2 3 into w2; wire w2 2.78 at=60
    -> aggregation_total_wire_fee_revenue 0.3
  # … transfers that are not in the order of their dates are no overlap
  fee 0.1 days=0-60; fee 0.2 days=60-100; deposit c1 3; wire w1 2.78 at=60; deposit c2 3 into w2; wire w2 2.88 at=59
    -> aggregation_total_wire_fee_revenue 0.3
  # D-17: a fee that cannot be read is no fee (A-19)
  fee 0.1 unreadable                               -> D-17 wire_fee#1 row cannot be read: master_sig has 63 bytes instead of 64
  fee 0.1 unreadable; deposit c1 3; wire w1 2.98
    -> D-17 wire_fee#1 row cannot be read: master_sig has 63 bytes instead of 64;
       A-19 wire-fee#4320000000000 wire fee unavailable for given time
  fee 0.1 unreadable; run; mend 0.1                -> nothing
  # A-6
  fee 0.1; coin c1 forged; deposit c1 3; wire w1 2.88
    -> A-6 wire#1 loses 3 of c1; A-6 deposit#1 coin denomination signature invalid;
       aggregation_total_bad_sig_loss 3; aggregation_total_wire_fee_revenue 0.1
  fee 0.1; coin c1 forged; deposit c1 3; run; wire w1 2.88
    -> A-6 wire#1 loses 3 of c1; A-6 deposit#1 coin denomination signature invalid;
       aggregation_total_bad_sig_loss 3; aggregation_total_wire_fee_revenue 0.1
  # X-9: a transfer without account waits for it; D-17: one that cannot be read is named
  fee 0.1; deposit c1 3; wire w1 2.88 lost-target  -> X-9 wire_out#1 row refers to a missing row in wire_targets
  fee 0.1; deposit c1 3 lost-batch; deposit c2 3; wire w1 2.88
    -> X-9 aggregation_tracking#1 row refers to a missing row in batch_deposits; aggregation_total_wire_fee_revenue 0.1
  fee 0.1; deposit c1 3 unreadable; deposit c2 3; wire w1 2.88
    -> D-17 aggregation_tracking#1 row cannot be read: batch_deposits.merchant_pub has 31 bytes instead of 32;
       aggregation_total_wire_fee_revenue 0.1
  `,
  judge,
);

Deno.test("the size of pages does not matter, not even to the order of findings", async () => {
  const text =
    "fee 0.1; deposit c1 3 into w1; wire w1 1; deposit c2 3 into w2 unreadable; wire w2 1; deposit c3 3 into w3; " +
    "wire w3 2 lost-target; deposit c4 3 into w4; deposit c5 3 into w4 lost-batch; wire w4 9 at=200; wire w5 0 at=200";
  const outcomes = [];
  for (const rows of [1, 2, 1000]) {
    const phrases = [`pages ${rows}`, ...text.split(";")].map((p) => new Phrase(p.trim()));
    const { world } = await new AggregationScene().play(phrases);
    outcomes.push({ verdicts: world.verdicts(/./), journal: world.auditor.journal });
  }
  for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What has happened to the coins of a scenario, and what of it the exchange's database says to the coins pass. */
import type { CoinEventKind } from "../../core/exchange/rows.ts";
import type { Source } from "../../core/exchange/source.ts";
import { DAY, timeToDb } from "../../core/taler/time.ts";
import { AuditWorld } from "./audit_world.ts";
import { elements, page, serials } from "./memory_sql.ts";
import { MintScene, type SceneCoin } from "./mint_scene.ts";
import { bytes32, bytes64, flipped, keyPair } from "./mint.ts";
import { type Cell, cell } from "./packed.ts";
import type { Phrase } from "./scenario.ts";

/** Numbers of the kinds of events in the query of coin histories. */
const KINDS: readonly CoinEventKind[] = [
  "deposit",
  "melt",
  "refund",
  "recoup",
  "recoup-refresh-new",
  "recoup-refresh-old",
  "purse-deposit",
  "purse-refund",
  "reserve-open",
];

/** The only merchant. */
export const MERCHANT = keyPair("merchant");

/** A batch of deposits. */
export interface SceneBatch {
  serial: bigint;
  name: string;
  aggregation: bigint | undefined;
}

/** An event of a coin. */
export interface Movement {
  kind: CoinEventKind;
  serial: bigint;
  coin: SceneCoin;
  amount: bigint;
  batch?: SceneBatch;
  /** Its amount cannot be read. */
  unreadable?: boolean;
}

/** A melt. */
export interface SceneMelt {
  serial: bigint;
  coin: SceneCoin;
}

/** A time in days, as a cell. */
export function day(days: string | number): Cell {
  return cell.int8(timeToDb(BigInt(days) * DAY));
}

/** The flags that an event says, of those that it may say. */
export function flags(p: Phrase, ...more: string[]): Set<string> {
  return new Set(["forged", "unreadable", ...more].filter((f) => p.flag(f)));
}

/** The policy of the exchange with number 1. */
export const POLICY = '{"policy":"escrow"}';

/** A signature as the row has it. */
export function signed(signature: Uint8Array, said: Set<string>): Uint8Array {
  if (said.has("unreadable")) return signature.subarray(1);
  return said.has("forged") ? flipped(signature) : signature;
}

/** The past of a scenario. */
export class CoinRecord {
  readonly world = new AuditWorld();
  readonly mint: MintScene;
  readonly batches = new Map<string, SceneBatch>();
  readonly melts = new Map<string, SceneMelt>();
  readonly reveals: { serial: bigint; melt: bigint; index: number; cells: () => Cell[] }[] = [];
  readonly purses = new Map<string, { coin: SceneCoin; serial: bigint; amount: bigint }[]>();
  readonly decisions = new Map<bigint, string>();
  readonly history: Movement[] = [];
  readonly remaining = new Map<SceneCoin, bigint>();
  aggregations = 0n;
  /** The transfer keys of reveals are there. */
  linked = true;

  /** @param issue how a coin comes into being of which no event says it */
  constructor(issue: (record: CoinRecord, coin: SceneCoin) => void) {
    this.mint = new MintScene(this.world, (coin) => issue(this, coin));
    const { exchange } = this.world;
    exchange.answer("max(aggregation_serial_id)", () => [{ seen: this.aggregations }]);
    exchange.answer("FROM exchange.refresh_revealed_coins base WHERE", ([melts]) => {
      const wanted = serials(melts);
      const rows = this.reveals.filter((r) => wanted.has(r.melt))
        .sort((a, b) => Number(a.melt - b.melt) || a.index - b.index);
      return page(rows.map((r) => [cell.int8(r.serial), cell.int8(r.melt), cell.int4(r.index), ...r.cells()]));
    });
    exchange.answer("FROM exchange.policy_details pd", () => page([[cell.int8(1n), cell.text(POLICY)]]));
    exchange.answer("FROM exchange.purse_decision dec", ([decisions]) => page(this.#refundedCoins(serials(decisions))));
    exchange.answer("WITH coins AS MATERIALIZED", ([coins]) => page(this.#events(elements(coins))));
    exchange.answer("WITH touched AS MATERIALIZED", () => page(this.#suspects()));
  }

  /** Inserts a row. */
  insert<Row>(source: Source<Row>, amount: bigint | undefined, cells: () => Cell[]): bigint {
    const row = amount === undefined ? { cells } : { cells, atoms: amount };
    return this.world.exchange.insert(source as unknown as Source<never>, row);
  }

  /** The batch of a name such as `b1`. */
  batch(name: string): SceneBatch {
    const found = this.batches.get(name) ?? { serial: BigInt(name.slice(1)), name, aggregation: undefined };
    this.batches.set(name, found);
    return found;
  }

  #refundedCoins(decisions: Set<bigint>): Cell[][] {
    return [...this.decisions].filter(([serial]) => decisions.has(serial)).flatMap(([decision, purse]) =>
      this.purses.get(purse)!.map(({ coin, serial, amount }) => [
        cell.int8(serial),
        ...this.mint.reference(coin),
        bytes32(purse),
        cell.int8(decision),
        cell.amount(amount),
      ])
    );
  }

  /** Histories of some coins, ordered by kind and serial; the reader does not ask for an order of the coins. */
  #events(coins: string[]): Cell[][] {
    const order = (m: Movement) => KINDS.indexOf(m.kind);
    const wanted = this.history.filter((m) => coins.includes(m.coin.mint.pub.toHex()));
    return wanted.sort((a, b) => order(a) - order(b) || Number(a.serial - b.serial)).map((m) => [
      cell.int8(m.serial),
      m.coin.mint.pub,
      cell.int4(order(m)),
      cell.amount(m.unreadable ? null : m.amount),
      cell.int8(m.batch?.serial ?? null),
      m.batch === undefined ? null : Uint8Array.of(...MERCHANT.pub, ...bytes64(m.batch.name)),
    ]);
  }

  /** Every known coin is a suspect here: the server would only leave out coins that cannot be overspent. */
  #suspects(): Cell[][] {
    return [...this.mint.coins.values()].filter((c) => c.known !== undefined).map((c) => [
      cell.int8(c.known!),
      c.mint.pub,
      cell.int8(c.denomination.serial),
      cell.amount(this.remaining.get(c) ?? 0n),
    ]);
  }
}

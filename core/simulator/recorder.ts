// SPDX-License-Identifier: AGPL-3.0-or-later
/** What is known while the days of a plan become signed rows: coins that were issued, rows that were written. */

import { hashPayto } from "../crypto/objects.ts";
import { normalizePayto } from "../taler/payto.ts";
import { type KeyPair, keyPair, type Merchant, merchantOf } from "./accounts.ts";
import type { ExchangeKeys } from "./announcements.ts";
import { coinSecrets, type Denomination, issueCoin, type IssuedCoin, promiseOf } from "./issuance.ts";
import type { SimulatorOptions } from "./options.ts";
import { secretBytes, secretOf } from "./random.ts";
import { bytes, newSerials, type Row, type Serials, type Step } from "./rows.ts";
import type { Plan } from "./world.ts";

/** The state of recording. */
export interface Recorder {
  readonly options: SimulatorOptions;
  readonly plan: Plan;
  readonly keys: ExchangeKeys;
  readonly merchants: readonly Merchant[];
  readonly serials: Serials;
  /** Coins by their number in the plan, as soon as they are issued. */
  readonly coins: Map<number, IssuedCoin>;
  /** Coins that have a row in `known_coins`. */
  readonly known: Set<number>;
  /** Payto URIs that have a row in `wire_targets`. */
  readonly targets: Set<string>;
  /** Serials of contracts by their number in the plan. */
  readonly batches: Map<number, string>;
  /** Serials of reserves by their number in the plan. */
  readonly reserves: Map<number, string>;
  /** Merchants with a row in `aggregation_transient`. */
  readonly small: Set<number>;
}

/** A recorder that has seen nothing yet. */
export function newRecorder(options: SimulatorOptions, plan: Plan, keys: ExchangeKeys): Recorder {
  return {
    options,
    plan,
    keys,
    merchants: Array.from({ length: options.merchants }, (_, i) => merchantOf(options.seed, i, options.merchants)),
    serials: newSerials(),
    coins: new Map(),
    known: new Set(),
    targets: new Set(),
    batches: new Map(),
    reserves: new Map(),
    small: new Set(),
  };
}

/** Rows to insert; several rows of one table share a statement. */
export function insert(table: string, rows: readonly Row[]): Step {
  return { kind: "insert", table, rows };
}

/** The denomination of a coin of the plan. */
export function denominationOf(r: Recorder, coin: number): Denomination {
  return r.keys.denominations[r.plan.coins[coin]!.denomination.index]!;
}

/** The key pair of a reserve. */
export function reserveKeys(r: Pick<Recorder, "options">, reserve: number): KeyPair {
  return keyPair(r.options.seed, "reserve", reserve);
}

/** Issues a coin that is withdrawn; change is issued with its melt. */
export function withdrawCoin(r: Recorder, index: number): IssuedCoin {
  const denomination = denominationOf(r, index);
  const { seed } = r.options;
  const nonce = secretOf(seed, "nonce", index);
  const secrets = coinSecrets(secretOf(seed, "coin", index), denomination.terms.ageMask);
  const coin = issueCoin(denomination, secrets, nonce, promiseOf(denomination, nonce));
  r.coins.set(index, coin);
  return coin;
}

/** A coin that was issued before. */
export function coinOf(r: Pick<Recorder, "coins">, index: number): IssuedCoin {
  const coin = r.coins.get(index);
  if (coin === undefined) throw new Error(`coin ${index} was not issued yet`);
  return coin;
}

/** The row of an account that is new to the exchange. */
export function targetRows(r: Recorder, paytos: readonly string[], owners: readonly (Uint8Array | undefined)[]): Row[] {
  return paytos.flatMap((payto, i): Row[] => {
    if (r.targets.has(payto)) return [];
    r.targets.add(payto);
    const normal = normalizePayto(payto);
    if (normal === undefined) throw new Error("a simulated account is not valid");
    const serial = r.serials.next("wire_targets");
    return [{
      wire_target_serial_id: serial,
      wire_target_h_payto: bytes(hashPayto(payto)),
      payto_uri: payto,
      access_token: bytes(secretOf(r.options.seed, "access token", Number(serial))),
      target_pub: bytes(owners[i]),
      h_normalized_payto: bytes(hashPayto(normal)),
    }];
  });
}

/** Hash of the terms of a contract, 64 bytes. */
export function contractHash(r: Pick<Recorder, "options">, batch: number): Uint8Array {
  return secretBytes(r.options.seed, 64, "contract", batch);
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What a simulated exchange is to be like. */

import { FRACTION_BASE, isCurrency } from "../taler/amount.ts";
import { DAY, isTimestamp, NEVER, SECOND } from "../taler/time.ts";

/** Which ciphers the denominations have; mixed: both, in turn. */
export type Ciphers = "mixed" | "RSA" | "CS";

/** Options of a simulation. Equal options give equal bytes in every row. */
export interface SimulatorOptions {
  /** Any text. */
  readonly seed: string;
  /** When the exchange opens, µs, a whole number of seconds; choose it so that the end lies in the past. */
  readonly start: bigint;
  readonly currency: string;
  /** Days of business, 3 to 3650. */
  readonly days: number;
  readonly customers: number;
  /** Coins that each customer withdraws over time; refreshes add further ones. */
  readonly coinsPerCustomer: number;
  readonly merchants: number;
  readonly ciphers: Ciphers;
  /** Length of RSA denomination keys. 1024 is quick, real exchanges use 2048 or more. */
  readonly rsaBits: number;
  /** One denomination with an age mask, whose coins carry age commitments. */
  readonly ageRestricted: boolean;
  /** How long a reserve may lie idle before the exchange closes it, µs. */
  readonly idleReserveExpiration: bigint;
  /** Smallest unit the bank transfers, atoms. */
  readonly roundUnit: bigint;
  readonly exchangeBaseUrl: string;
  readonly auditorBaseUrl: string;
}

const DEFAULTS = {
  currency: "KUDOS",
  days: 35,
  customers: 12,
  coinsPerCustomer: 20,
  merchants: 5,
  ciphers: "mixed",
  rsaBits: 1024,
  ageRestricted: true,
  idleReserveExpiration: 28n * DAY,
  roundUnit: FRACTION_BASE / 100n,
  exchangeBaseUrl: "https://exchange.example.com/",
  auditorBaseUrl: "https://auditor.example.com/",
} as const satisfies Omit<SimulatorOptions, "seed" | "start">;

/** What must be given; everything else has a default. */
export type SimulatorChoice = Pick<SimulatorOptions, "seed" | "start"> & Partial<SimulatorOptions>;

/**
 * Fills in defaults and checks the options.
 *
 * @throws RangeError for options that make no exchange
 */
export function completeOptions(choice: SimulatorChoice): SimulatorOptions {
  const options: SimulatorOptions = { ...DEFAULTS, ...choice };
  const wrong = (name: string) => new RangeError(`simulator option ${name} is out of range`);
  const whole = (name: "days" | "customers" | "coinsPerCustomer" | "merchants", low: number, high: number) => {
    const value = options[name];
    if (!Number.isInteger(value) || value < low || value > high) throw wrong(name);
  };
  whole("days", 3, 3650);
  whole("customers", 1, 1_000_000);
  whole("coinsPerCustomer", 1, 10_000);
  whole("merchants", 1, 10_000);
  if (options.start === NEVER || !isTimestamp(options.start) || options.start < 1000n * DAY) throw wrong("start");
  if (!isCurrency(options.currency)) throw wrong("currency");
  if (options.idleReserveExpiration < DAY || options.idleReserveExpiration % SECOND !== 0n) {
    throw wrong("idleReserveExpiration");
  }
  return options;
}

/** The end of the last simulated day: the time by which to audit. */
export function endOf(options: SimulatorOptions): bigint {
  return options.start + BigInt(options.days) * DAY;
}

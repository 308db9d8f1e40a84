// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the simulated exchange offers: denominations, fees, their periods. Numbers only, no keys. */

import type { Cipher } from "../taler/denomination.ts";
import { FRACTION_BASE } from "../taler/amount.ts";
import { DAY, HOUR } from "../taler/time.ts";
import { endOf, type SimulatorOptions } from "./options.ts";

/** A denomination without its key; amounts in atoms, times in µs. */
export interface DenominationTerms {
  /** Place in the list of denominations; its serial number is one more. */
  readonly index: number;
  readonly cipher: Cipher;
  /** 0, or the age groups (crypto.md 2.1). */
  readonly ageMask: number;
  readonly value: bigint;
  readonly feeWithdraw: bigint;
  readonly feeDeposit: bigint;
  readonly feeRefresh: bigint;
  readonly feeRefund: bigint;
  readonly validFrom: bigint;
  readonly expireWithdraw: bigint;
  readonly expireDeposit: bigint;
  readonly expireLegal: bigint;
}

/** A period of wire fees, `start <= t < end`. */
export interface WireFeeTerms {
  readonly method: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly wireFee: bigint;
  readonly closingFee: bigint;
}

/** Everything the exchange has announced. */
export interface Terms {
  readonly denominations: readonly DenominationTerms[];
  /** In the order of their periods. */
  readonly wireFees: readonly WireFeeTerms[];
}

/** The wire method of every account in a simulation. */
export const WIRE_METHOD = "iban";
/** Age groups 0–7, 8–13, 14–17, 18 and above. */
const AGE_MASK = 278785;
const YEAR = 365n * DAY;
const MILLI = FRACTION_BASE / 1000n;

/** Thousandths of the unit: value, then the fees for withdrawal, deposit, refresh and refund. */
type Prices = readonly [value: bigint, withdraw: bigint, deposit: bigint, refresh: bigint, refund: bigint];

/** The denominations on offer. Fees below a hundredth make wire transfers that have to be rounded. */
const CURRENT: readonly Prices[] = [
  [10_000n, 10n, 10n, 30n, 10n],
  [5_000n, 10n, 10n, 30n, 20n],
  [2_000n, 10n, 10n, 20n, 10n],
  [1_000n, 5n, 6n, 10n, 6n],
  [500n, 5n, 3n, 10n, 5n],
  [100n, 1n, 1n, 2n, 1n],
];
/** Denominations whose periods end while the exchange is watched. */
const OLD: readonly Prices[] = [[4_000n, 10n, 10n, 20n, 10n], [1_000n, 10n, 10n, 10n, 10n]];
const AGE_RESTRICTED: Prices = [3_000n, 10n, 10n, 20n, 10n];

interface Periods {
  readonly validFrom: bigint;
  readonly expireWithdraw: bigint;
  readonly expireDeposit: bigint;
  readonly expireLegal: bigint;
}

/** The announcements of a simulated exchange. */
export function termsOf(options: SimulatorOptions): Terms {
  const { start, days, ciphers } = options;
  const end = endOf(options);
  const current: Periods = {
    validFrom: start - DAY,
    expireWithdraw: end + YEAR,
    expireDeposit: end + 2n * YEAR,
    expireLegal: end + 8n * YEAR,
  };
  const old: Periods = {
    validFrom: start - YEAR,
    expireWithdraw: start + BigInt(Math.ceil(days / 3)) * DAY,
    expireDeposit: start + BigInt(Math.ceil(days * 2 / 3)) * DAY,
    expireLegal: end + 7n * YEAR,
  };
  const plans: (readonly [Prices, Periods, number])[] = [
    ...OLD.map((prices) => [prices, old, 0] as const),
    ...CURRENT.map((prices) => [prices, current, 0] as const),
    ...(options.ageRestricted ? [[AGE_RESTRICTED, current, AGE_MASK] as const] : []),
  ];
  return {
    denominations: plans.map(([prices, periods, ageMask], index) => {
      const cipher = ciphers === "mixed" ? (index % 2 === 0 ? "RSA" : "CS") : ciphers;
      return denomination(index, cipher, ageMask, prices, periods);
    }),
    wireFees: wireFees(options),
  };
}

function denomination(
  index: number,
  cipher: Cipher,
  ageMask: number,
  [value, withdraw, deposit, refresh, refund]: Prices,
  periods: Periods,
): DenominationTerms {
  return {
    index,
    cipher,
    ageMask,
    value: value * MILLI,
    feeWithdraw: withdraw * MILLI,
    feeDeposit: deposit * MILLI,
    feeRefresh: refresh * MILLI,
    feeRefund: refund * MILLI,
    ...periods,
  };
}

/** Two periods that meet in the middle of the simulation, during its hours of business. */
function wireFees(options: SimulatorOptions): WireFeeTerms[] {
  const { start, days } = options;
  const change = start + BigInt(Math.floor(days / 2)) * DAY + 12n * HOUR;
  const method = WIRE_METHOD;
  return [
    { method, start: start - YEAR, end: change, wireFee: 20n * MILLI, closingFee: 100n * MILLI },
    { method, start: change, end: endOf(options) + YEAR, wireFee: 30n * MILLI, closingFee: 150n * MILLI },
  ];
}

/** The period that holds an instant. */
export function wireFeesAt(terms: Terms, time: bigint): WireFeeTerms {
  const found = terms.wireFees.find((fees) => fees.start <= time && time < fees.end);
  if (found === undefined) throw new RangeError("no wire fees at this time");
  return found;
}

/** What a coin costs a reserve, or a refresh: its value and the fee for withdrawing it. */
export function costOf(terms: DenominationTerms): bigint {
  return terms.value + terms.feeWithdraw;
}

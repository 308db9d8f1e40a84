// SPDX-License-Identifier: AGPL-3.0-or-later
/** Keys of the same value follow one another: what is odd about the sequence. */

import { formatAmount } from "../taler/amount.ts";
import { DAY, formatTime, HOUR, NEVER } from "../taler/time.ts";
import type { Denomination, Keys } from "./keys.ts";
import { alarm, namesOf, notice, type Remark } from "./remark.ts";

/** Remarks on each series: denominations of equal value, cipher and age groups, ordered by their start. */
export function seriesRemarks({ currency, denominations }: Keys): Remark[] {
  const series = new Map<string, Denomination[]>();
  for (const denomination of denominations) {
    const name = `${denomination.value} ${denomination.cipher} ${denomination.ageMask}`;
    series.set(name, [...series.get(name) ?? [], denomination]);
  }
  return [...series.values()].flatMap((members) => {
    const sorted = members.sort((a, b) => compare(a.start, b.start) || compare(a.expireWithdraw, b.expireWithdraw));
    return [...feeChanges(currency, sorted), ...periodRemarks(currency, sorted), ...lengthRemarks(currency, sorted)];
  });
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Pairs of neighbours. */
function pairs<T>(values: readonly T[]): [T, T][] {
  return values.slice(1).map((value, index) => [values[index] as T, value]);
}

/** Name of a series in a text: `EUR:1`, with what sets it apart from others of that value. */
function title(currency: string, { value, cipher, ageMask }: Denomination): string {
  const kind = [...(cipher === "CS" ? ["CS"] : []), ...(ageMask === 0 ? [] : ["age-restricted"])].join(", ");
  return `${formatAmount(currency, value)}${kind === "" ? "" : ` (${kind})`}`;
}

/** The four fees as `withdraw/deposit/refresh/refund`. */
function feesText(currency: string, denomination: Denomination): string {
  const { feeWithdraw, feeDeposit, feeRefresh, feeRefund } = denomination;
  const fees = [feeWithdraw, feeDeposit, feeRefresh, feeRefund];
  return fees.map((fee) => formatAmount(currency, fee)).join("/");
}

function feeChanges(currency: string, series: readonly Denomination[]): Remark[] {
  return pairs(series).flatMap(([before, after]) => {
    const [old, fresh] = [feesText(currency, before), feesText(currency, after)];
    if (old === fresh) return [];
    const since = formatTime(after.start);
    return [
      alarm(`FEE CHANGE for ${title(currency, after)}: from ${old} to ${fresh} with the key that starts ${since}`),
    ];
  });
}

/** Overlap of two withdraw periods that is usual, so that wallets need not hit the moment of the change. */
function overlapMax(before: Denomination, after: Denomination): bigint {
  const [a, b] = [before.expireWithdraw - before.start, after.expireWithdraw - after.start];
  const tenth = (a < b ? a : b) / 10n;
  return tenth > HOUR ? tenth : HOUR;
}

function periodRemarks(currency: string, series: readonly Denomination[]): Remark[] {
  return pairs(series).flatMap(([before, after]) => {
    if ([before, after].some((d) => d.start === NEVER || d.expireWithdraw === NEVER)) return [];
    const overlap = before.expireWithdraw - after.start;
    const both = namesOf([before, after]);
    if (overlap > overlapMax(before, after)) {
      return [alarm(`keys of ${title(currency, after)} OVERLAP by ${length(overlap)}: ${both}`)];
    }
    if (overlap >= 0n) return [];
    const [from, to] = [formatTime(before.expireWithdraw), formatTime(after.start)];
    return [notice(`nobody can withdraw ${title(currency, after)} between ${from} and ${to}`)];
  });
}

/** Largest difference, in percent, between lengths of periods that count as equal. */
const LENGTH_TOLERANCE = 10n;

/** Keys whose periods are unlike those of the others of the series. */
function lengthRemarks(currency: string, series: readonly Denomination[]): Remark[] {
  if (series.length < 3) return [];
  const lengths: readonly (readonly [string, (d: Denomination) => bigint])[] = [
    ["withdraw", (d) => d.expireWithdraw - d.start],
    ["deposit", (d) => d.expireDeposit - d.expireWithdraw],
    ["legal", (d) => d.expireLegal - d.expireDeposit],
  ];
  return lengths.flatMap(([name, lengthOf]) => {
    const median = series.map(lengthOf).sort(compare)[Math.floor(series.length / 2)] ?? 0n;
    const odd = series.filter((d) => {
      const difference = lengthOf(d) - median;
      return (difference < 0n ? -difference : difference) * 100n > (median < 0n ? 0n : median) * LENGTH_TOLERANCE;
    });
    if (odd.length === 0) return [];
    const text = `the ${name} period of ${namesOf(odd)} is unlike that of the other keys of `;
    return [alarm(`${text}${title(currency, odd[0] as Denomination)}, which is ${length(median)}`)];
  });
}

function length(time: bigint): string {
  if (time < 2n * HOUR) return `${time / 60_000_000n} minutes`;
  return time < 2n * DAY ? `${time / HOUR} hours` : `${time / DAY} days`;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What an auditor should look at twice before signing. Everything here is validly signed by the master key: an alarm
 * means that it is not what exchanges usually do, and a notice that somebody may want to know.
 */

import { parseRsaKey } from "../crypto/rsa.ts";
import { csPoint } from "../crypto/cs.ts";
import { formatAmount } from "../taler/amount.ts";
import { DAY, formatTime, NEVER } from "../taler/time.ts";
import type { Denomination, Keys } from "./keys.ts";
import { announcedAgeMask } from "./keys-parts.ts";
import { shortList, shortName, visible } from "./name.ts";
import { auditorRemarks, type Viewpoint } from "./own-signatures.ts";
import { about, alarm, notice, type Remark } from "./remark.ts";
import { seriesRemarks } from "./series.ts";

/** Remarks on a document, alarms first. */
export function judge(keys: Keys, viewpoint: Viewpoint): Remark[] {
  const remarks = [
    ...valueRemarks(keys),
    ...feeRemarks(keys),
    ...seriesRemarks(keys),
    ...timeRemarks(keys, viewpoint.now),
    ...keyRemarks(keys),
    ...ageRemarks(keys),
    ...revocationRemarks(keys),
    ...auditorRemarks(keys, viewpoint),
    ...addressRemarks(keys, viewpoint),
  ];
  return [...remarks.filter(({ level }) => level === "alarm"), ...remarks.filter(({ level }) => level === "notice")];
}

/** First denomination of each value. */
function byValue(denominations: readonly Denomination[]): Denomination[] {
  return [...new Map(denominations.toReversed().map((denomination) => [denomination.value, denomination])).values()]
    .sort((a, b) => (a.value < b.value ? -1 : 1));
}

const DIGITS_DEFAULT = 2;
const ATOM_DIGITS = 8;

/**
 * True if coins of that value are usual: 1, 2 or 5 times a power of ten, or the smallest unit doubled any number of
 * times, and a multiple of the smallest unit in either case.
 *
 * @param digits digits after the point that the currency is used with
 */
export function isUsualValue(atoms: bigint, digits: number): boolean {
  const unit = 10n ** BigInt(ATOM_DIGITS - Math.min(digits, ATOM_DIGITS));
  if (atoms <= 0n || atoms % unit !== 0n) return false;
  const count = atoms / unit;
  return (count & (count - 1n)) === 0n || /^[125]0*$/.test(count.toString());
}

function valueRemarks({ currency, denominations, digits = DIGITS_DEFAULT }: Keys): Remark[] {
  return byValue(denominations).filter(({ value }) => !isUsualValue(value, digits)).map(({ value }) => {
    const amount = formatAmount(currency, value);
    return alarm(value === 0n ? `there are coins without value (${amount})` : `${amount} is no usual value of a coin`);
  });
}

const FEES = [
  ["withdraw", "feeWithdraw"],
  ["deposit", "feeDeposit"],
  ["refresh", "feeRefresh"],
  ["refund", "feeRefund"],
] as const;

/** Fees as large as the coin, or larger. */
function feeRemarks({ currency, denominations }: Keys): Remark[] {
  const remarks = new Map<string, Remark>();
  for (const denomination of denominations) {
    for (const [name, field] of FEES) {
      const { value, [field]: fee } = denomination;
      if (fee < value) continue;
      const [shownFee, shownValue] = [formatAmount(currency, fee), formatAmount(currency, value)];
      const text = `the ${name} fee of coins of ${shownValue} is ${shownFee}`;
      remarks.set(text, fee > value ? alarm(`${text}, more than the coin`) : notice(`${text}, the whole coin`));
    }
  }
  return [...remarks.values()];
}

const FAR_AHEAD = 2n * 365n * DAY;
const WITHDRAW_MIN = DAY;
const WITHDRAW_MAX = 2n * 365n * DAY;
const DEPOSIT_MIN = 30n * DAY;
const LEGAL_MIN = 365n * DAY;

/** Order and length of the periods of each denomination, and where they lie to the present. */
function timeRemarks({ denominations }: Keys, now: bigint): Remark[] {
  const when = (holds: (denomination: Denomination) => boolean, level: Remark["level"], text: string) =>
    about(denominations, holds, level, text);
  const ordered = (d: Denomination) =>
    d.start < d.expireWithdraw && d.expireWithdraw < d.expireDeposit && d.expireDeposit <= d.expireLegal;
  const endless = (d: Denomination) => [d.start, d.expireWithdraw, d.expireDeposit, d.expireLegal].includes(NEVER);
  const sound = (d: Denomination) => ordered(d) && !endless(d);
  const withdraw = (d: Denomination) => d.expireWithdraw - d.start;
  return [
    ...when((d) => !ordered(d) && !endless(d), "alarm", "dates in the wrong order"),
    ...when(endless, "alarm", "a date that is never"),
    ...when((d) => sound(d) && withdraw(d) < WITHDRAW_MIN, "alarm", "withdrawn for less than a day"),
    ...when((d) => sound(d) && withdraw(d) > WITHDRAW_MAX, "alarm", "withdrawn for more than two years"),
    ...when(
      (d) => sound(d) && d.expireDeposit - d.expireWithdraw < DEPOSIT_MIN,
      "alarm",
      "deposits end less than 30 days after withdrawals",
    ),
    ...when(
      (d) => sound(d) && d.expireLegal - d.expireDeposit < LEGAL_MIN,
      "alarm",
      "legal end less than a year after the last deposit",
    ),
    ...when((d) => d.start !== NEVER && d.start > now + FAR_AHEAD, "alarm", "start more than two years ahead"),
    ...when((d) => d.expireDeposit <= now, "alarm", "expired, no longer accepted for deposits"),
    ...when((d) => d.expireWithdraw <= now && d.expireDeposit > now, "notice", "no longer withdrawn, only deposited"),
  ];
}

const RSA_BITS_MIN = 2048;
const RSA_EXPONENT = 65537n;

/** Keys that are weak or used twice. */
function keyRemarks({ denominations }: Keys): Remark[] {
  const rsa = new Map(denominations.filter((d) => d.cipher === "RSA").map((d) => [d, parseRsaKey(d.key)]));
  const uses = new Map<string, number>();
  for (const { key } of denominations) uses.set(key.toHex(), (uses.get(key.toHex()) ?? 0) + 1);
  const say = (holds: (d: Denomination) => boolean, text: string) => about(denominations, holds, "alarm", text);
  return [
    ...say((d) => d.cipher === "RSA" && d.bits < RSA_BITS_MIN, `RSA modulus below ${RSA_BITS_MIN} bits`),
    ...say((d) => rsa.has(d) && rsa.get(d)?.e !== RSA_EXPONENT, `RSA exponent other than ${RSA_EXPONENT}`),
    ...say((d) => rsa.get(d)?.hasSmallFactor === true, "RSA modulus with a small factor"),
    ...say((d) => d.cipher === "CS" && csPoint(d.key) === undefined, "Clause-Schnorr key that cannot work"),
    ...say((d) => (uses.get(d.key.toHex()) ?? 0) > 1, "public key shared with another denomination"),
  ];
}

function ageRemarks({ denominations, extensions }: Keys): Remark[] {
  const masks = [...new Set(denominations.map(({ ageMask }) => ageMask))].filter((mask) => mask !== 0);
  if (masks.length > 1) return [alarm(`the document has ${masks.length} different sets of age groups`)];
  const [mask] = masks;
  const announced = announcedAgeMask(extensions);
  if (mask === undefined || mask === announced) return [];
  if (extensions === undefined) {
    return [alarm("some keys are age-restricted, but the exchange announces no age groups")];
  }
  return [alarm("the age groups of the keys are not those that the exchange announces")];
}

/** Revoked by the master key as the exchange says, or lost. */
function revocationRemarks({ denominations, revoked }: Keys): Remark[] {
  const hashes = new Set((revoked ?? []).map((hash) => hash.toHex()));
  const listed = new Set(denominations.map(({ hash }) => hash.toHex()));
  const others = [...hashes].filter((hash) => !listed.has(hash)).map((hash) => shortName(Uint8Array.fromHex(hash)));
  return [
    ...about(denominations, (d) => hashes.has(d.hash.toHex()), "alarm", "REVOKED by the exchange, yet on its list"),
    ...about(denominations, (d) => d.lost, "alarm", "private key LOST, says the exchange"),
    ...(others.length === 0 ? [] : [notice(`revoked by the exchange, and not on its list: ${shortList(others)}`)]),
  ];
}

function addressRemarks({ baseUrl, list }: Keys, { exchangeUrl, now }: Viewpoint): Remark[] {
  const remarks: Remark[] = [];
  if (baseUrl !== undefined && exchangeUrl !== undefined && baseUrl !== exchangeUrl) {
    remarks.push(alarm(`the exchange calls itself ${visible(baseUrl)}, the configuration ${visible(exchangeUrl)}`));
  }
  if (list !== undefined && list.issueDate > now + DAY) {
    remarks.push(notice(`the list was issued at ${formatTime(list.issueDate)}: is the clock of this machine right?`));
  }
  return remarks;
}

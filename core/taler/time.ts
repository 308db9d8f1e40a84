// SPDX-License-Identifier: AGPL-3.0-or-later

/** "Never" or "forever" inside the program and in signed data: 2^64-1 (crypto.md 1.4). */
export const NEVER = 2n ** 64n - 1n;
/** "Never" or "forever" as the databases store it: 2^63-1 (crypto.md 1.4). */
export const DB_NEVER = 2n ** 63n - 1n;

/** One second in microseconds, the unit of every time in this program. */
export const SECOND = 1_000_000n;
/** One minute in microseconds. */
export const MINUTE = 60n * SECOND;
/** One hour in microseconds. */
export const HOUR = 60n * MINUTE;
/** One day in microseconds. */
export const DAY = 24n * HOUR;

/** A time or duration of a database column as the program keeps it: 2^63-1 becomes NEVER (crypto.md 1.4). */
export function timeFromDb(stored: bigint): bigint {
  return stored === DB_NEVER ? NEVER : stored;
}

/** A time or duration as a database column keeps it: NEVER, and what no column can hold, becomes 2^63-1. */
export function timeToDb(time: bigint): bigint {
  return time >= DB_NEVER ? DB_NEVER : time;
}

/**
 * True if the value is a timestamp: NEVER, or a whole number of seconds since the epoch (crypto.md 1.4). Takes the
 * program's form; call timeFromDb first for a column.
 */
export function isTimestamp(time: bigint): boolean {
  return time === NEVER || (time >= 0n && time < DB_NEVER && time % SECOND === 0n);
}

interface CivilTime {
  readonly year: bigint;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
}

const DAYS_IN_ERA = 146_097n;

function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}

/**
 * UTC calendar fields of any microsecond count. Not done with Date because the year of a hostile time stamp can lie
 * beyond its range, which ends in the year 275760.
 */
function civilTime(time: bigint): CivilTime {
  const days = floorDivide(time, DAY);
  const rest = Number(time - days * DAY);
  // Count days from 0000-03-01, so that the leap day is the last day of a year of the cycle of 400 years.
  const shifted = days + 719_468n;
  const era = floorDivide(shifted, DAYS_IN_ERA);
  const dayOfEra = Number(shifted - era * DAYS_IN_ERA);
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return {
    year: BigInt(yearOfEra) + era * 400n + (month <= 2 ? 1n : 0n),
    month,
    day: dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1,
    weekday: Number(((days + 4n) % 7n + 7n) % 7n),
    hour: Math.floor(rest / 3_600_000_000),
    minute: Math.floor(rest / 60_000_000) % 60,
    second: Math.floor(rest / 1_000_000) % 60,
    microsecond: rest % 1_000_000,
  };
}

function pad(value: number | bigint, width = 2): string {
  return value.toString().padStart(width, "0");
}

/**
 * ISO 8601 in UTC, `2023-11-14T22:13:20Z`, with six fraction digits if it is no whole second; `never` for NEVER.
 * Years beyond 9999 get the sign and six digits of the expanded form.
 */
export function formatTime(time: bigint): string {
  if (time === NEVER) return "never";
  const civil = civilTime(time);
  const size = civil.year < 0n ? -civil.year : civil.year;
  const expanded = civil.year < 0n || civil.year > 9999n;
  const year = expanded ? `${civil.year < 0n ? "-" : "+"}${pad(size, 6)}` : pad(size, 4);
  const fraction = civil.microsecond === 0 ? "" : `.${pad(civil.microsecond, 6)}`;
  return `${year}-${pad(civil.month)}-${pad(civil.day)}T${pad(civil.hour)}:${pad(civil.minute)}:${
    pad(civil.second)
  }${fraction}Z`;
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;

/**
 * `Www Mmm dd HH:MM:SS YYYY` in UTC, or `never`: the form inside diagnostics of the reserves pass
 * (audit-coins-reserves-aggregation.md 3, closing fee), which is part of a stored finding.
 */
export function formatCtime(time: bigint): string {
  if (time === NEVER) return "never";
  const civil = civilTime(time);
  const clock = `${pad(civil.hour)}:${pad(civil.minute)}:${pad(civil.second)}`;
  return `${WEEKDAYS[civil.weekday]} ${MONTHS[civil.month - 1]} ${pad(civil.day)} ${clock} ${civil.year}`;
}

const ISO_TIME =
  /^(\d{4}|[+-]\d{6})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;

function daysFromCivil(year: bigint, month: number, day: number): bigint {
  const shiftedYear = month <= 2 ? year - 1n : year;
  const era = floorDivide(shiftedYear, 400n);
  const yearOfEra = Number(shiftedYear - era * 400n);
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_IN_ERA + BigInt(dayOfEra) - 719_468n;
}

/**
 * Point in time of a text: ISO 8601 (date, or date and time; without a zone: UTC), an integer of microseconds since
 * the epoch, or `never`/`forever`. Undefined for anything else, for days that do not exist and for times before 1970.
 */
export function parseTime(text: string): bigint | undefined {
  const trimmed = text.trim();
  if (/^(never|forever)$/i.test(trimmed)) return NEVER;
  if (/^\d{1,20}$/.test(trimmed)) {
    const count = BigInt(trimmed);
    return count > NEVER ? undefined : count;
  }
  const match = ISO_TIME.exec(trimmed);
  if (match === null) return undefined;
  const number = (index: number): number => Number(match[index] ?? "0");
  const [month, day, hour, minute, second] = [number(2), number(3), number(4), number(5), number(6)];
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  const days = daysFromCivil(BigInt(number(1)), month, day);
  const zone = zoneOffset(match[8]);
  if (zone === undefined) return undefined;
  const clock = BigInt((hour * 60 + minute) * 60 + second) * SECOND + BigInt((match[7] ?? "").padEnd(6, "0"));
  // The 30th of February would silently become a day of March: ask the calendar back.
  if (civilTime(days * DAY).day !== day) return undefined;
  const time = days * DAY + clock - zone;
  return time < 0n || time > NEVER ? undefined : time;
}

function zoneOffset(zone: string | undefined): bigint | undefined {
  if (zone === undefined || zone.toUpperCase() === "Z") return 0n;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 23 || minutes > 59) return undefined;
  const offset = BigInt(hours) * HOUR + BigInt(minutes) * MINUTE;
  return zone.startsWith("-") ? -offset : offset;
}

const DURATION_UNITS: ReadonlyMap<string, bigint> = new Map([
  ["us", 1n],
  ["ms", 1000n],
  ["s", SECOND],
  ["second", SECOND],
  ["seconds", SECOND],
  ['"', SECOND],
  ["m", MINUTE],
  ["min", MINUTE],
  ["minute", MINUTE],
  ["minutes", MINUTE],
  ["'", MINUTE],
  ["h", HOUR],
  ["hour", HOUR],
  ["hours", HOUR],
  ["d", DAY],
  ["day", DAY],
  ["days", DAY],
  ["week", 7n * DAY],
  ["weeks", 7n * DAY],
  ["year", 365n * DAY],
  ["years", 365n * DAY],
  ["a", 365n * DAY],
]);

/**
 * Microseconds of a relative time of the configuration, or undefined (configuration.md 4): `forever` (NEVER), or
 * pairs of number and unit that are summed, `1 day 12 h`; a number alone counts microseconds. Units ignore
 * case, fractions and negative numbers are refused, and so is a sum that would reach NEVER.
 */
export function parseDuration(text: string): bigint | undefined {
  const trimmed = text.trim();
  if (trimmed.toLowerCase() === "forever") return NEVER;
  if (/^\d{1,20}$/.test(trimmed)) return BigInt(trimmed) < NEVER ? BigInt(trimmed) : undefined;
  if (trimmed === "") return undefined;
  const pair = /\s*(\d+)\s*([a-z]+|"|')/iy;
  let total = 0n;
  while (pair.lastIndex < trimmed.length) {
    const match = pair.exec(trimmed);
    if (match === null) return undefined;
    const digits = (match[1] ?? "").replace(/^0+(?=\d)/, "");
    const unit = DURATION_UNITS.get((match[2] ?? "").toLowerCase());
    if (unit === undefined || digits.length > 20) return undefined;
    total += BigInt(digits) * unit;
    if (total >= NEVER) return undefined;
  }
  return total;
}

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import {
  DAY,
  DB_NEVER,
  formatCtime,
  formatTime,
  HOUR,
  isTimestamp,
  MINUTE,
  NEVER,
  parseDuration,
  parseTime,
  SECOND,
  timeFromDb,
  timeToDb,
} from "../../core/taler/time.ts";

Deno.test("never is 2^63-1 in the database and 2^64-1 in the program (crypto.md 1.4)", () => {
  assert.equal(NEVER, 0xffff_ffff_ffff_ffffn);
  assert.equal(DB_NEVER, 9_223_372_036_854_775_807n);
  assert.equal(timeFromDb(DB_NEVER), NEVER);
  assert.equal(timeToDb(NEVER), DB_NEVER);
  assert.equal(timeToDb(2n ** 63n), DB_NEVER);
  for (const time of [0n, 1n, 1_700_000_000_000_000n, -5n]) {
    assert.equal(timeFromDb(time), time);
    assert.equal(timeToDb(time), time);
  }
});

Deno.test("a timestamp is never or a whole number of seconds", () => {
  for (const time of [0n, SECOND, NEVER, 1_700_000_000n * SECOND]) assert.equal(isTimestamp(time), true, `${time}`);
  for (const time of [1n, 1000n, 500_000n, SECOND + 1n, -SECOND, DB_NEVER, NEVER - 1n, 2n ** 63n]) {
    assert.equal(isTimestamp(time), false, `${time}`);
  }
});

const TIMES: readonly (readonly [time: bigint, iso: string, ctime: string])[] = [
  [0n, "1970-01-01T00:00:00Z", "Thu Jan 01 00:00:00 1970"],
  [1_700_000_000n * SECOND, "2023-11-14T22:13:20Z", "Tue Nov 14 22:13:20 2023"],
  [951_782_399n * SECOND, "2000-02-28T23:59:59Z", "Mon Feb 28 23:59:59 2000"],
  [951_782_400n * SECOND, "2000-02-29T00:00:00Z", "Tue Feb 29 00:00:00 2000"],
  [951_868_800n * SECOND, "2000-03-01T00:00:00Z", "Wed Mar 01 00:00:00 2000"],
  [4_107_542_400n * SECOND, "2100-03-01T00:00:00Z", "Mon Mar 01 00:00:00 2100"],
  [1_795_314_650n * SECOND, "2026-11-22T02:30:50Z", "Sun Nov 22 02:30:50 2026"],
  [1_795_317_710_821_000n, "2026-11-22T03:21:50.821000Z", "Sun Nov 22 03:21:50 2026"],
  [NEVER, "never", "never"],
];

for (const [time, iso, ctime] of TIMES) {
  Deno.test(`time ${time} is ${iso}`, () => {
    assert.equal(formatTime(time), iso);
    assert.equal(formatCtime(time), ctime);
    assert.equal(parseTime(iso), time);
    assert.equal(parseTime(`${time}`), time);
  });
}

Deno.test("calendar days agree with the platform over 1,400 years", () => {
  for (let day = 0; day < 500_000; day += 41) {
    const expected = new Date(day * 86_400_000).toISOString().replace(".000Z", "Z");
    assert.equal(formatTime(BigInt(day) * DAY), expected);
    assert.equal(parseTime(expected), BigInt(day) * DAY);
  }
});

Deno.test("times far beyond any calendar still print and read back", () => {
  const far = (DB_NEVER / SECOND) * SECOND;
  assert.equal(formatTime(far), "+294247-01-10T04:00:54Z");
  assert.equal(parseTime(formatTime(far)), far);
  assert.equal(formatCtime(far), "Sun Jan 10 04:00:54 294247");
  assert.equal(formatTime(-SECOND), "1969-12-31T23:59:59Z");
  assert.equal(formatTime(-(10n ** 18n)), "-029719-04-05T22:13:20Z");
});

Deno.test("forms of a point in time that are read", () => {
  const noon = 1_700_049_600n * SECOND;
  const forms = [
    "2023-11-15 12:00",
    "2023-11-15T12:00:00",
    "2023-11-15t12:00:00.0z",
    "2023-11-15T13:30:00+01:30",
    "2023-11-15T10:00:00-0200",
    " 2023-11-15T12:00Z ",
    "+002023-11-15T12:00Z",
    "1700049600000000",
  ];
  for (const form of forms) assert.equal(parseTime(form), noon, form);
  assert.equal(parseTime("2023-11-15"), noon - 12n * HOUR);
  assert.equal(parseTime("Forever"), NEVER);
  assert.equal(parseTime("18446744073709551615"), NEVER);
});

Deno.test("texts that are no point in time", () => {
  const texts = [
    "",
    "now",
    "2023-02-29",
    "2023-04-31",
    "2023-13-01",
    "2023-00-01",
    "2023-01-00",
    "2023-01-01T24:00",
    "2023-01-01T00:60",
    "2023-01-01T00:00:60",
    "2023-01-01T00:00:00.1234567Z",
    "2023-01-01T00:00+25:00",
    "23-01-01",
    "1969-12-31",
    "-1",
    "1.5",
    "18446744073709551616",
    "9".repeat(100_000),
  ];
  for (const text of texts) assert.equal(parseTime(text), undefined, text.slice(0, 40));
});

Deno.test("relative times of the configuration (configuration.md 4 and 14)", () => {
  const rows: readonly (readonly [text: string, duration: bigint | undefined])[] = [
    ["1 day 12 h", 129_600n * SECOND],
    ["10s", 10n * SECOND],
    ["5", 5n],
    ["forever", NEVER],
    ["FOREVER", NEVER],
    ["1 fortnight", undefined],
    ["4 weeks", 28n * DAY],
    ["7 years", 7n * 365n * DAY],
    ["1 a", 365n * DAY],
    ['2 m 3"', 2n * MINUTE + 3n * SECOND],
    ["3'", 3n * MINUTE],
    ["1h30min", 90n * MINUTE],
    ["5 US 1 ms", 1005n],
    ["1 Second 2 SECONDS", 3n * SECOND],
    ["0", 0n],
    ["00000000000000000000000000000 s", 0n],
    ["1.5 s", undefined],
    ["-1 s", undefined],
    ["1 2 s", undefined],
    ["s", undefined],
    ["", undefined],
    ["1 s x", undefined],
    ["18446744073709551615", undefined],
    ["18446744073709551614", 2n ** 64n - 2n],
    ["600000 years", undefined],
    ["99999999999999999999999 us", undefined],
  ];
  for (const [text, duration] of rows) assert.equal(parseDuration(text), duration, text);
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the offline tool shows and asks. */

import assert from "node:assert/strict";
import { type Examination, examine } from "../../core/offline/examine.ts";
import { parseDocument } from "../../core/offline/json.ts";
import { shortName } from "../../core/offline/name.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { DAY, HOUR, MINUTE, NEVER, SECOND } from "../../core/taler/time.ts";
import { linesText, showText } from "../../cmd/offline-text.ts";
import { terminalOn } from "../../cmd/offline-terminal.ts";
import { readCall } from "../../cmd/offline.ts";
import { ToolError } from "../../cmd/schema-tool.ts";
import {
  AGE_MASK,
  AUDITOR_PUB,
  AUDITOR_SEED,
  AUDITOR_URL,
  auditorJson,
  type Json,
  keysJson,
  type KeysPlan,
  MASTER_PUB,
  NOW,
  planHash,
  week,
} from "../support/offline-keys.ts";

function examined(plan: KeysPlan, change: (keys: Json) => void = () => {}): Examination {
  const keys = keysJson(plan);
  change(keys);
  const parsed = parseDocument(JSON.stringify(keys));
  assert.ok("value" in parsed);
  const seen = { masterPub: MASTER_PUB, currency: "KUDOS", now: NOW, auditorPub: AUDITOR_PUB, exchangeUrl: undefined };
  const result = examine(parsed.value, { ...seen, auditorUrl: AUDITOR_URL });
  assert.ok("keys" in result);
  return result;
}

/** The clock of a time zone without surprises; the lines are in local time. */
function localTime(time: bigint): string {
  const date = new Date(Number(time / 1000n));
  const part = (options: Intl.DateTimeFormatOptions) => date.toLocaleString("en-US", options);
  const two = (number: number) => String(number).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${part({ weekday: "short" })} ${part({ month: "short" })} ${
    two(date.getDate())
  } ${clock} ${date.getFullYear()}`;
}

Deno.test("one line per key in the words of the exchange's tool, in the order of the document", () => {
  const plans = [
    week(1),
    week(0, { value: "0.5", ageMask: AGE_MASK, expireLegal: NEVER, fees: ["0", "0", "0.00000001", "1"] }),
  ];
  const [first, second] = linesText(examined({ denominations: plans }).keys, false).split("\n");
  const [a, b] = plans;
  assert.ok(a !== undefined && b !== undefined);
  assert.equal(
    first,
    `DENOMINATION-KEY ${shortName(planHash(a))} of value KUDOS:1 starting at ${
      localTime(a.start)
    } (used for: 7 days, ` +
      `deposit until: ${localTime(a.expireDeposit)} legal end: ${localTime(a.expireLegal)}) ` +
      "with fees KUDOS:0.01/KUDOS:0.01/KUDOS:0.03/KUDOS:0.01",
  );
  assert.equal(
    second,
    `DENOMINATION-KEY ${shortName(planHash(b))} of value KUDOS:0.5 starting at ${
      localTime(b.start)
    } (used for: 7 days, ` +
      `deposit until: ${
        localTime(b.expireDeposit)
      } legal end: never) with fees KUDOS:0/KUDOS:0/KUDOS:0.00000001/KUDOS:1`,
  );
  const full = linesText(examined({ denominations: [a] }).keys, true);
  assert.ok(full.startsWith(`DENOMINATION-KEY ${encodeBase32(planHash(a))} of value`));
});

const USED_FOR: readonly [bigint, string][] = [
  [0n, "0 days"],
  [DAY, "1 day"],
  [2n * DAY, "2 days"],
  [36n * HOUR, "36 h"],
  [90n * MINUTE, "90 m"],
  [90n * SECOND, "90 s"],
];

for (const [length, expected] of USED_FOR) {
  Deno.test(`used for: ${expected}`, () => {
    const plan = week(0);
    const { keys } = examined({ denominations: [{ ...plan, expireWithdraw: plan.start + length }] });
    assert.ok(linesText(keys, false).includes(`(used for: ${expected}, deposit`));
  });
}

Deno.test("used for: forever, and nothing for a period that ends before it begins", () => {
  const plan = week(0);
  const text = (expireWithdraw: bigint) =>
    linesText(examined({ denominations: [{ ...plan, expireWithdraw }] }).keys, false);
  assert.ok(text(NEVER).includes("(used for: forever, deposit"));
  assert.ok(text(plan.start - DAY).includes("(used for: 0 days, deposit"));
});

Deno.test("the table has each value once, and numbers to point at", () => {
  const plans = [week(1, { value: "5" }), week(0, { value: "5" }), week(0), week(0, { ageMask: AGE_MASK })];
  const text = showText(
    examined({
      denominations: plans,
      revoked: [week(0)],
      auditors: [auditorJson(AUDITOR_SEED, AUDITOR_URL, [week(0)])],
    }),
    "table",
    false,
  );
  const names = plans.map((plan) => shortName(planHash(plan)).replace(/^(.{4})/, "$1-"));
  const table = text.slice(text.indexOf("\n\n") + 2, text.indexOf("\n\n!!!"));
  assert.equal(
    table,
    `KUDOS:1  (Clause-Schnorr)
fees: withdraw KUDOS:0.01, deposit KUDOS:0.01, refresh KUDOS:0.03, refund KUDOS:0.01
   no  key        withdraw from        withdraw until       deposit until        legal until
    1  ${names[2]}  2026-11-22 00:00:00  2026-11-29 00:00:00  2028-11-28 00:00:00  2031-11-28 00:00:00  REVOKED, signed

KUDOS:1  (Clause-Schnorr, age-restricted 8:10:12:14:16:18:21)
fees: withdraw KUDOS:0.01, deposit KUDOS:0.01, refresh KUDOS:0.03, refund KUDOS:0.01
   no  key        withdraw from        withdraw until       deposit until        legal until
    2  ${names[3]}  2026-11-22 00:00:00  2026-11-29 00:00:00  2028-11-28 00:00:00  2031-11-28 00:00:00

KUDOS:5  (Clause-Schnorr)
fees: withdraw KUDOS:0.01, deposit KUDOS:0.01, refresh KUDOS:0.03, refund KUDOS:0.01
   no  key        withdraw from        withdraw until       deposit until        legal until
    3  ${names[1]}  2026-11-22 00:00:00  2026-11-29 00:00:00  2028-11-28 00:00:00  2031-11-28 00:00:00
    4  ${names[0]}  2026-11-29 00:00:00  2026-12-06 00:00:00  2028-12-05 00:00:00  2031-12-05 00:00:00`,
  );
  assert.match(text, /^!!! ONE ALARM: this is not what exchanges usually do !!!\n!!! REVOKED by the exchange/m);
  assert.match(
    text,
    /\nFINGERPRINT of these 4 keys and the master key, .*\n( {4}\w+( +\w+){3}\n){3} {4}([0-9a-f]{4} ?){6}$/,
  );
  const full = showText(examined({ denominations: plans }), "table", true);
  for (const plan of plans) assert.ok(full.includes(`\n       ${encodeBase32(planHash(plan))}`));
});

Deno.test("formats: lines, table, or both", () => {
  const examination = examined({ denominations: [week(0)] });
  const has = (format: "all" | "lines" | "table", text: string) => showText(examination, format, false).includes(text);
  const seen = (["all", "lines", "table"] as const).map((format) => {
    return [has(format, "DENOMINATION-KEY"), has(format, "Master key"), has(format, "FINGERPRINT of one key")];
  });
  assert.deepEqual(seen, [[true, true, true], [true, false, true], [false, true, true]]);
});

Deno.test("a refused document has no fingerprint and says what is wrong where it is", () => {
  const text = showText(
    examined({ denominations: [week(0), week(1)] }, (keys) => keys.denominations[0].denoms[1].stamp_start.t_s++),
    "all",
    false,
  );
  assert.match(text, /THIS DOCUMENT CANNOT BE SIGNED, and so has no fingerprint\.$/);
  assert.match(text, /2 {2}\w{4}-\w{4} {2}.* {2}BAD SIGNATURE$/m);
  assert.match(text, /!!! the master signature \(1025\) of denomination \w{8} is NOT VALID/);
  assert.doesNotMatch(text, /FINGERPRINT/);
});

Deno.test("foreign text in a document is harmless", () => {
  const text = showText(examined({ denominations: [week(0)], baseUrl: "http://x/\x1b]0;owned\x07" }), "all", false);
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\uffff]/);
});

/** A terminal where these keys are pressed. */
function pressed(keys: string) {
  const bytes = [...new TextEncoder().encode(keys)];
  const modes: boolean[] = [];
  let shown = "";
  const input = {
    readSync: (buffer: Uint8Array) => {
      const byte = bytes.shift();
      if (byte === undefined) return null;
      buffer[0] = byte;
      return 1;
    },
    setRaw: (on: boolean) => void modes.push(on),
  };
  return { terminal: terminalOn(input, (text) => void (shown += text)), modes, shown: () => shown };
}

Deno.test("a question reads one line and leaves the rest", () => {
  const { terminal, shown } = pressed("one two\nthree");
  assert.equal(terminal.ask("First? "), "one two");
  assert.equal(terminal.ask("Second? "), "three");
  assert.equal(terminal.ask("Third? "), undefined);
  assert.equal(shown(), "First? Second? Third? ");
});

Deno.test("a secret is never shown, and can be corrected", () => {
  const cases: [string, string | undefined][] = [
    ["secret\r", "secret"],
    ["secret\n", "secret"],
    ["sex\x7fcret\r", "secret"],
    ["gr\u00fc\x08un\r", "grun"],
    ["\x7f\x7fa\r", "a"],
    ["wrong\x15right\r", "right"],
    ["ab\x04", "ab"],
    ["\x04", undefined],
    ["", undefined],
    ["cut", undefined],
  ];
  for (const [keys, expected] of cases) {
    const { terminal, modes, shown } = pressed(keys);
    const secret = terminal.askSecret("Passphrase: ");
    assert.equal(secret === undefined ? undefined : new TextDecoder().decode(secret), expected);
    assert.deepEqual(modes, [true, false], "echo comes back");
    assert.equal(shown(), "Passphrase: \n");
  }
  const interrupted = pressed("abc\x03");
  assert.throws(() => interrupted.terminal.askSecret("? "), /interrupted/);
  assert.deepEqual(interrupted.modes, [true, false]);
  assert.throws(() => pressed("x".repeat(2000)).terminal.askSecret("? "), /at most 1024/);
  assert.throws(() => pressed("x".repeat(2000)).terminal.ask("? "), /at most 1024/);
});

Deno.test("words of a call are steps in any case, with their arguments", () => {
  const steps = (words: string) => {
    const call = readCall(words.split(" "));
    return typeof call === "string"
      ? call
      : call.steps.map(({ name, argument }) => argument === undefined ? name : `${name} ${argument}`);
  };
  assert.deepEqual(steps("DownLoad SHOW - sign upload"), ["download", "show -", "sign", "upload"]);
  assert.deepEqual(steps("setup -"), ["setup -"]);
  assert.deepEqual(steps("restore -"), ["restore -"]);
  assert.deepEqual(steps("restore setup"), ["restore setup"], "a file may have any name");
  assert.equal(steps("help"), "steps");
  assert.equal(steps("setup help"), "steps");
  assert.equal(steps("sign --help"), "help");
});

const WRONG_USE: readonly [words: string, message: RegExp][] = [
  ["", /what to do is missing/],
  ["frob", /there is no step frob/],
  ["sign -", /there is no step -/],
  ["upload sign", /nothing can follow upload/],
  ["setup backup", /backup and restore are calls of their own/],
  ["restore", /restore needs the name of a file/],
  ["show --fingerprint x", /--fingerprint has a meaning with sign only/],
  ["sign --finish", /--finish has a meaning with rotate only/],
  ["upload --auditor-key ABC", /--auditor-key: expected a public key/],
  ["show --format xml", /--format: xml is none of all, lines, table/],
  ["download --timeout 0", /--timeout: 0 is not a number of seconds/],
  ["show --now yesterday", /--now: yesterday is not a time/],
  ["show -L LOUD", /--log: LOUD is none of NONE/],
  ["show --frob", /Unknown option '--frob'/],
];

for (const [words, message] of WRONG_USE) {
  Deno.test(`wrong use: ${words}`, () => {
    assert.throws(
      () => readCall(words.split(" ").filter((word) => word !== "")),
      (error) => error instanceof ToolError && error.code === 2 && message.test(error.message),
    );
  });
}

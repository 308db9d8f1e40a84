// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Nothing of the acceptance list is forgotten: parts F.2, F.3, and of F.5 the areas wire-credit, wire-debit, transfer,
 * deposits, purses and overflow. Each item is a case of a table in this folder, or is told elsewhere, where a test
 * applies the manipulation and says finding, amount and balance.
 */
import assert from "node:assert/strict";
import { sourceFiles } from "../support/sources.ts";

const numbered = (part: string, ...names: string[]) => names.map((n) => `${part} ${n}`);

const LIST: readonly string[] = [
  ...numbered("F.2", ...Array.from({ length: 16 }, (_, n) => `#${n}`), "#16a", "#16b"),
  ...numbered("F.2", ...[17, 18, 19, 20, 21, 22].map((n) => `#${n}`), "#23a", "#23b"),
  ...numbered("F.2", ...[24, 25, 26, 27, 28, 29, 30, 31, 32].map((n) => `#${n}`), "L27"),
  ...numbered("F.3", "R0", "R1", "R2", "R3", "R4"),
  ...numbered("F.5 wire-credit", "pages", "kinds", "order", "never booked", "section", "duplicate", "currency"),
  ...numbered("F.5 wire-credit", "authentication", "answers of the bank"),
  ...numbered("F.5 wire-debit", "polls", "late transfer", "late closure", "closure receiver", "two closures", "drain"),
  ...numbered("F.5 wire-debit", "duplicate", "receiver", "bank error"),
  ...numbered("F.5 transfer", "lag", "unknown batch", "batch without coins", "overdue"),
  ...numbered("F.5 deposits", "stable balance", "late deposit", "fields"),
  ...numbered("F.5 purses", "push", "pull", "expired unpaid", "expired not merged", "deleted", "late deposit"),
  ...numbered("F.5 purses", "unfunded merge", "signatures", "expiry", "three runs", "internal"),
  ...numbered("F.5 overflow", "every table", "exit code", "mended"),
];

/** Items that other files tell: the file, and a text of it that must be there. */
const ELSEWHERE: Readonly<Record<string, readonly (readonly [file: string, text: string])[]>> = {
  "F.5 wire-credit authentication": [
    ["tests/support/bank-command.ts", "WIRE_GATEWAY_AUTH_METHOD = bearer"],
    ["tests/integration/bank_faults.test.ts", 'authentication: { method: "bearer", token: "hush" }'],
    ["tests/support/bank-store.ts", 'authentication: GatewayAuthentication = { method: "none" }'],
  ],
  "F.5 wire-credit answers of the bank": [
    ["tests/integration/bank_faults.test.ts", '{ name: "204", act: status(204), expected: undefined }'],
    ["tests/integration/bank_faults.test.ts", "the bank answered 401"],
    ["tests/integration/bank_faults.test.ts", "the bank answered 404"],
    ["tests/integration/bank_faults.test.ts", "answered 500"],
    ["tests/integration/bank_lies.test.ts", "404 is an empty history for an account that never had one, if told so"],
  ],
  "F.5 deposits stable balance": [
    ["tests/integration/deposits.test.ts", "batch b1 c1:d5=3; confirm b1; remove b1; run; run; run ->"],
    ["tests/golden/deposits.test.ts", '"66-dc-one-deposit-missing": { second: [twice("0.99", "1.98"), LAST_ROW]'],
  ],
  "F.5 deposits late deposit": [
    ["tests/integration/deposits.test.ts", "confirm b1; remove b1; run; run; restore b1 -> archived b1"],
  ],
  "F.5 purses push": [
    ["tests/integration/purses.test.ts", "merge p1 into r1; consent p1 by r1; run; decide p1 merged -> nothing"],
  ],
  "F.5 purses pull": [
    [
      "tests/integration/purses.test.ts",
      "purse p1 of 2 mode=3; merge p1 into r1; consent p1 by r1; run; pay 2.02 of c1:d5 into p1; decide p1 merged ->",
    ],
    [
      "tests/integration/purses.test.ts",
      "purse p1 of 2 mode=2; merge p1 into r1; consent p1 by r1; run; day 62; decide p1 refunded on=60 -> nothing",
    ],
  ],
  "F.5 purses expired unpaid": [
    ["tests/integration/purses.test.ts", "purse p1 of 2; run; day 62; decide p1 refunded on=60 -> nothing"],
  ],
  "F.5 purses expired not merged": [
    [
      "tests/integration/purses.test.ts",
      "purse p1 of 2; pay 2.02 of c1:d5 into p1; run; day 62; decide p1 refunded on=61 -> nothing",
    ],
  ],
  "F.5 purses deleted": [
    ["tests/integration/purses.test.ts", "run; delete p1; decide p1 refunded -> nothing"],
  ],
  "F.5 purses late deposit": [
    ["tests/integration/purses.test.ts", "PU-R9 purse_deposits#2 deposit into a purse that was decided before"],
    ["tests/integration/purses.test.ts", "PU-R9 purse_deposits#1 deposit into a purse that was deleted before"],
  ],
  "F.5 purses three runs": [
    ["tests/golden/purses.test.ts", "in three parts is"],
  ],
  "F.5 purses internal": [
    ["tests/integration/purses.test.ts", "purse p1 of 2 balance=9 -> PU-R8 purse-balance#1 9 against 0"],
    ["tests/golden/purses.test.ts", '"75-purse-balance-wrong"'],
  ],
  "F.5 overflow every table": [
    ["tests/fault/overflow.test.ts", "Every amount column that the passes read, in datasets that have such rows."],
  ],
  "F.5 overflow exit code": [
    ["tests/cli/audit.test.ts", "audit: an amount out of range is 42, and the other passes commit"],
  ],
  "F.5 overflow mended": [
    ["tests/fault/overflow.test.ts", "amounts of ${dataset} is named until it is mended"],
  ],
};

const plain = (text: string) => text.replace(/\s+/g, " ");
const files = new Map(sourceFiles().map((f) => [f.path, f.text]));

/** Items that the tables of this folder have. */
const here = [...files].filter(([path]) =>
  /^tests\/acceptance\/.*\.test\.ts$/.test(path) && !path.endsWith("list.test.ts")
)
  .flatMap(([, text]) =>
    [...text.matchAll(/\bid: "([^"]+)"|name: [`"]acceptance (F[^:]+):/g)].map((m) => m[1] ?? m[2]!)
  );

Deno.test("acceptance: every item of the list is a case here, or is told elsewhere", () => {
  assert.ok(here.length > 60, "the tables are found");
  assert.deepEqual(LIST.filter((item) => !here.includes(item) && !(item in ELSEWHERE)), []);
  assert.equal(new Set(LIST).size, LIST.length);
});

Deno.test("acceptance: every case is of an item of the list", () => {
  assert.deepEqual([...here, ...Object.keys(ELSEWHERE)].filter((item) => !LIST.includes(item)), []);
});

Deno.test("acceptance: what is told elsewhere is there", () => {
  const lost = Object.entries(ELSEWHERE).flatMap(([item, places]) =>
    places.filter(([file, text]) => !plain(files.get(file) ?? "").includes(plain(text))).map(([file]) =>
      `${item}: ${file}`
    )
  );
  assert.deepEqual(lost, []);
});

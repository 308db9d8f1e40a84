// SPDX-License-Identifier: AGPL-3.0-or-later
/** What core gives to others: it is explained, and somebody needs it. */
import assert from "node:assert/strict";
import { factsOf, sourceFiles } from "../support/sources.ts";

const files = sourceFiles().map((f) => ({ ...f, ...factsOf(f) }));
const core = files.filter((f) => f.path.startsWith("core/"));

/**
 * Names that only tests take, and why that is right. Nothing else of core may be there for tests alone.
 */
const FOR_TESTS: Record<string, string> = {
  "core/db/connstring.ts maskPassword": "a rule about secrets, tested by a table",
  "core/simulator/bank.ts bankOf": "the bank of simulated exchanges, for the passes that compare with it",
  "core/audit/passes/aggregation/pass.ts overlaps": "pure part of a pass, tested by a table",
  "core/audit/passes/coins/ledger.ts signedBalance": "pure part of a pass, its laws are tested",
  "core/audit/passes/reserves/extras.ts firstOverdraft": "pure part of a pass, tested against a naive one",
  "core/audit/passes/reserves/stages.ts later": "pure part of a pass, tested at its limits",
  "core/audit/passes/reserves/verdicts.ts applyChange": "pure part of a pass, tested by a table",
  "core/audit/store.ts planFindings": "pure part of the commit, tested by a table and its laws",
  "core/bank/csv.ts parseCsv": "the format alone, without a file",
  "core/bank/statement.ts readSubjects": "the format alone, without a file",
  "core/config/load.ts parseConfiguration": "the language alone, without files",
  "core/crypto/blocks.ts BLOCKS": "the table of signed blocks, compared with the vectors row by row",
  "core/crypto/blocks.ts blockSize": "compared with the vectors",
  "core/crypto/ed25519.ts verifyEd25519Slowly": "the second opinion, compared with the first",
  "core/crypto/rsa-issue.ts isProbablePrime": "tested at numbers that are nearly prime",
  "core/crypto/rsa.ts fullDomainHash": "compared with the vectors",
  "core/crypto/blocks.ts verifyBlock": "the counterpart of signBlock, compared with the vectors",
  "core/crypto/objects.ts deriveAgeCommitmentHash": "a word of the protocol, compared with its vectors",
  "core/crypto/objects.ts hashDenominationGroup": "a word of the protocol, compared with its vectors",
  "core/crypto/objects.ts hashManifests": "a word of the protocol, compared with its vectors",
  "core/crypto/objects.ts hashClosure": "a word of the protocol, compared with its vectors",
  "core/taler/wire.ts parsePrewire": "a word of the protocol, compared with its vectors",
  "core/taler/wire.ts creditSubject": "a word of the protocol, compared with its vectors",
  "core/taler/wire.ts debitSubject": "a word of the protocol, compared with its vectors",
  "core/taler/wire.ts kycSubject": "a word of the protocol, compared with its vectors",
  "core/db/connect.ts connect": "connects to a server that is named by its parts, as the tests' own is",
  "core/db/binaries.ts embeddedPackage": "names the package for machines that these tests do not run on",
  "core/db/server.ts attachServer": "one server for all test files of a process",
  "core/offline/backup.ts DEFAULT_COST": "what a guess costs is a promise, kept by a test",
  "core/offline/judgement.ts isUsualValue": "pure part of a judgement, tested by a table",
  "core/offline/paper-svg.ts qrModules": "the code alone, read back by another reader",
  "core/exchange/ddl/wakeup.ts WAKE_UPS": "compared with the specification's list of triggers",
};

/** Names whose subcommand is not there yet; each leaves the list when somebody uses it. */
const AWAITED: readonly string[] = [
  "core/db/auditor-schema.ts DEPOSIT_CONFIRMATION_CHANNEL",
  "core/config/accounts.ts readCredentials",
  "core/config/accounts.ts readCurrencyDisplay",
  "core/config/roles.ts databaseOptions",
  "core/terms/negotiate.ts chooseLegalFile",
  "core/terms/negotiate.ts mediaTypeOf",
];

/** Files that take a name from a file, tests apart from the others. */
function usersOf(path: string, name: string): { tests: string[]; others: string[] } {
  const users = files.filter((f) =>
    f.path !== path && f.imports.some((i) => i.from === path && (i.names.includes(name) || i.names.includes("*")))
  ).map((f) => f.path);
  return { tests: users.filter((u) => u.startsWith("tests/")), others: users.filter((u) => !u.startsWith("tests/")) };
}

/**
 * Names of types begin with a capital and are no constants. A type that an exported function of its file takes or
 * gives needs no importer: callers meet it without naming it.
 */
function isTypeOfItsFile(text: string, name: string): boolean {
  return new RegExp(`export (?:interface|type) ${name}\\b`).test(text) &&
    text.match(new RegExp(`\\b${name}\\b`, "g"))!.length > 1;
}

Deno.test("tidy: every exported name of core is used outside its file", () => {
  const unused = core.flatMap((f) =>
    f.exports.filter((e) => !isTypeOfItsFile(f.text, e.name)).flatMap((e) => {
      const { tests, others } = usersOf(f.path, e.name);
      if (others.length > 0) return [];
      const name = `${f.path} ${e.name}`;
      if (tests.length > 0) return name in FOR_TESTS || AWAITED.includes(name) ? [] : [`${name} (only tests use it)`];
      return AWAITED.includes(name) ? [] : [name];
    })
  );
  assert.deepEqual(unused, []);
});

Deno.test("tidy: exceptions are for names that are there", () => {
  const names = new Set(core.flatMap((f) => f.exports.map((e) => `${f.path} ${e.name}`)));
  assert.deepEqual([...Object.keys(FOR_TESTS), ...AWAITED].filter((name) => !names.has(name)), []);
  const used = AWAITED.filter((name) => usersOf(...name.split(" ") as [string, string]).others.length > 0);
  assert.deepEqual(used, [], "these are used now: take them off the list");
});

Deno.test("tidy: every exported name of core has a doc comment", () => {
  const found = core.flatMap((f) =>
    f.exports.filter((e) => e.declared && !e.documented).map((e) => `${f.path}:${e.line} ${e.name}`)
  );
  assert.deepEqual(found, []);
});

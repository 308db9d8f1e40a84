// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The answers to GET /keys that real exchanges gave go through download, show, sign and upload; where the reference
 * signed with the same key, the signatures are the same.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeBase32, encodeBase32 } from "../../core/taler/base32.ts";
import { publicKeyOf } from "../../core/crypto/ed25519.ts";
import { fingerprintHex, fingerprintWords } from "../../core/offline/fingerprint.ts";
import { examine } from "../../core/offline/examine.ts";
import { parseDocument } from "../../core/offline/json.ts";
import { shortName } from "../../core/offline/name.ts";
import { datasetInfo, datasetNames, datasetPath, goldenPath } from "../support/golden.ts";
import type { Json } from "../support/offline-keys.ts";
import { callOffline, placeKey } from "../support/offline-call.ts";
import { replayExchange } from "../support/replay-exchange.ts";

const names = datasetNames();
// deno-lint-ignore no-console -- a skipped test says why
if (names.length === 0) console.log("offline: the golden datasets are not here; their tests are skipped");

function keysText(name: string): string {
  return Deno.readTextFileSync(join(datasetPath(name), "bank", "keys.json"));
}

/** The private key with which the reference signed. */
function auditorSeed(): Uint8Array {
  const keys = JSON.parse(Deno.readTextFileSync(join(goldenPath() ?? "", "test-keys.json")));
  return Uint8Array.fromHex(keys.auditor_priv);
}

interface Ceremony {
  input: string;
  shown: string;
  output: Json[];
  accepted: ReadonlyMap<string, string>;
}

/** Download, show, sign and upload as four calls, with the configuration and the clock of the dataset. */
async function ceremony(name: string): Promise<Ceremony> {
  const info = datasetInfo(name);
  const seed = auditorSeed();
  const folder = await Deno.makeTempDir({ prefix: "taler-auditor-golden-offline-" });
  await using exchange = replayExchange(keysText(name), [{ pub: publicKeyOf(seed), url: info.auditor_base_url }]);
  try {
    const conf = join(folder, "auditor.conf");
    const keyFile = join(folder, "auditor.priv");
    await placeKey(keyFile, seed);
    const recorded = await Deno.readTextFile(join(datasetPath(name), "auditor.conf"));
    await Deno.writeTextFile(
      conf,
      recorded.replace(/^BASE_URL = http:\/\/localhost:1?8081\/$/m, `BASE_URL = ${exchange.url}`)
        .replace(/^\[auditor\]$/m, `[auditor]\nAUDITOR_PRIV_FILE = ${keyFile}`)
        .replaceAll("@GATEWAY@", "http://localhost:1/"),
    );
    const world = { now: info.audit_now_us };
    const call = async (words: string[], stdin?: string) => {
      const result = await callOffline([...words, "-c", conf], stdin === undefined ? world : { ...world, stdin });
      assert.equal(result.code, 0, result.stderr);
      return result.stdout;
    };
    const input = await call(["download"]);
    const shown = await call(["show"], input);
    const fingerprint = /^ {4}([0-9a-f]{4}(?: [0-9a-f]{4}){5})$/m.exec(shown)?.[1] ?? "";
    const output = await call(["sign", "--fingerprint", fingerprint], input);
    assert.equal(await call(["upload"], output), "");
    return { input, shown, output: JSON.parse(output), accepted: exchange.accepted };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const name of names) {
  Deno.test(`${name}: /keys goes through download, show, sign and upload`, async () => {
    const { input, shown, output, accepted } = await ceremony(name);
    const recorded = JSON.parse(keysText(name));
    assert.deepEqual(JSON.parse(input), { operation: "auditor-keys-0", arguments: recorded });
    const count = recorded.denominations.reduce((sum: number, group: Json) => sum + group.denoms.length, 0);
    assert.equal(shown.match(/^DENOMINATION-KEY [0-9A-Z]{8} of value EUR:\S+ starting at /gm)?.length, count);
    assert.equal(output.length, count);
    // The exchange has verified each signature by its rules before it counted it.
    assert.equal(accepted.size, count);
    for (const { operation, arguments: signed } of output) {
      assert.equal(operation, "auditor-sign-denomination-0");
      assert.equal(accepted.get(signed.h_denom_pub), signed.auditor_sig);
      const hash = decodeBase32(signed.h_denom_pub, 64);
      assert.ok(hash !== undefined && shown.includes(`DENOMINATION-KEY ${shortName(hash)} of`));
    }
  });
}

/** Rows of a table in a dataset, each as its text columns by name. */
async function rowsOf(name: string, table: string): Promise<Record<string, string>[]> {
  const file = await Deno.open(join(datasetPath(name), "exchange.sql.gz"));
  const text = await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
  const block = new RegExp(`^COPY exchange\\.${table} \\(([^)]*)\\) FROM stdin;\n([^]*?)^\\\\\\.$`, "m").exec(text);
  assert.ok(block !== null, `${table} is in the dataset`);
  const columns = (block[1] ?? "").split(", ");
  return (block[2] ?? "").trimEnd().split("\n").map((line) => {
    return Object.fromEntries(line.split("\t").map((value, index) => [columns[index] ?? "", value]));
  });
}

const bytea = (text: string | undefined) => Uint8Array.fromHex((text ?? "").replace(/^\\\\x/, ""));

Deno.test({
  name: "auditor-api-rsa: the signatures equal those of the reference, in its database and in /keys",
  ignore: !names.includes("auditor-api-rsa"),
}, async () => {
  const name = "auditor-api-rsa";
  const { output } = await ceremony(name);
  const ours = new Map(output.map(({ arguments: signed }) => [signed.h_denom_pub, signed.auditor_sig]));

  const hashes = new Map((await rowsOf(name, "denominations")).map((row) => {
    return [row.denominations_serial, encodeBase32(bytea(row.denom_pub_hash))];
  }));
  const stored = new Map((await rowsOf(name, "auditor_denom_sigs")).map((row) => {
    return [hashes.get(row.denominations_serial), encodeBase32(bytea(row.auditor_sig))];
  }));
  const keys = JSON.parse(keysText(name));
  const revoked = new Set(keys.recoup.map((entry: Json) => entry.h_denom_pub));
  assert.deepEqual([stored.size, ours.size, revoked.size], [40, 38, 2]);
  for (const [hash, signature] of stored) {
    assert.ok(hash !== undefined);
    // Revoked denominations are no longer in /keys, so nobody can sign them again.
    if (!revoked.has(hash)) assert.equal(ours.get(hash), signature, hash);
  }
  const listed = keys.auditors[0].denomination_keys;
  assert.equal(listed.filter((entry: Json) => ours.get(entry.denom_pub_h) === entry.auditor_sig).length, 38);
});

/** What an exchange's operator would read out; computed by the script of docs/offline.md (see the unit test). */
const FINGERPRINTS: Readonly<Record<string, string>> = {
  "auditor-api-rsa": "0bda bd0b 3835 f12d 1c40 129e",
  "small-postagg": "11de 9754 2003 790c b73e e5ab",
};

for (const [name, expected] of Object.entries(FINGERPRINTS)) {
  Deno.test({ name: `${name}: fingerprint`, ignore: !names.includes(name) }, () => {
    const info = datasetInfo(name);
    const parsed = parseDocument(keysText(name));
    assert.ok("value" in parsed);
    const result = examine(parsed.value, {
      masterPub: decodeBase32(info.exchange_master_pub, 32) ?? new Uint8Array(0),
      currency: info.currency,
      now: info.audit_now_us,
      auditorPub: undefined,
      auditorUrl: info.auditor_base_url,
      exchangeUrl: undefined,
    });
    assert.ok("fingerprint" in result);
    assert.equal(fingerprintHex(result.fingerprint), expected);
    assert.equal(fingerprintWords(result.fingerprint).length, 12);
  });
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** `offline download` and `upload` against an exchange over real HTTP, one that keeps to the protocol or does not. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { DAY, formatTime } from "../../core/taler/time.ts";
import { fingerprintHex } from "../../core/offline/fingerprint.ts";
import { type Examination, examine } from "../../core/offline/examine.ts";
import { parseDocument } from "../../core/offline/json.ts";
import {
  AUDITOR_PUB,
  AUDITOR_SEED,
  AUDITOR_URL,
  auditorJson,
  type Json,
  keysJson,
  MASTER_PUB,
  NOW,
  planHash,
  secret,
  week,
} from "../support/offline-keys.ts";
import { callOffline, type CallResult, placeKey, withConfiguration } from "../support/offline-call.ts";
import { type ReplayExchange, replayExchange } from "../support/replay-exchange.ts";

const PLANS = [week(0), week(1), week(0, { value: "5" }), week(1, { value: "5", cipher: "RSA" })];
const KEYS = keysJson({ denominations: PLANS, revoked: [week(7)] });
const KEYS_TEXT = JSON.stringify(KEYS);
const US = { pub: AUDITOR_PUB, url: AUDITOR_URL };

function fingerprint(keys: Json): string {
  const parsed = parseDocument(JSON.stringify(keys));
  assert.ok("value" in parsed);
  const seen = { now: NOW, masterPub: MASTER_PUB, currency: "KUDOS", auditorPub: undefined };
  const examination = examine(parsed.value, { ...seen, auditorUrl: AUDITOR_URL, exchangeUrl: undefined });
  return fingerprintHex((examination as Examination).fingerprint);
}

interface Scene {
  exchange: ReplayExchange;
  folder: string;
  conf: string;
  keyFile: string;
  call: (args: string, stdin?: string) => Promise<CallResult>;
}

/** A running exchange, and a configuration and key of its auditor. Words of a call are separated by blanks. */
async function scene(body: (scene: Scene) => Promise<void>, keysText = KEYS_TEXT, pub: Uint8Array = AUDITOR_PUB) {
  await using exchange = replayExchange(keysText, [US]);
  await withConfiguration({ exchangeUrl: exchange.url, auditorPub: pub }, async (place) => {
    await placeKey(place.keyFile, AUDITOR_SEED);
    const call = (args: string, stdin?: string) => {
      const words = args.split(" ").map((word) => word.replaceAll("_", " "));
      return callOffline([...words, "-c", place.conf], stdin === undefined ? {} : { stdin });
    };
    await body({ exchange, ...place, call });
  });
}

const F = fingerprint(KEYS).replaceAll(" ", "_");

Deno.test("the commands of the manual work one after the other, with files in between", async () => {
  await scene(async ({ exchange, call }) => {
    const input = await call("download");
    assert.deepEqual([input.code, input.stderr], [0, ""]);
    assert.deepEqual(JSON.parse(input.stdout), { operation: "auditor-keys-0", arguments: KEYS });
    assert.match(input.stdout, /^\{\n {2}"operation": "auditor-keys-0",\n {2}"arguments": \{\n {4}"version"/);
    assert.match(input.stdout, /"stefan_lin": 0\.5,/);

    const shown = await call("show", input.stdout);
    assert.equal(shown.code, 0);
    assert.match(shown.stdout, new RegExp(fingerprint(KEYS)));
    assert.equal(shown.stdout.match(/^DENOMINATION-KEY /gm)?.length, PLANS.length);

    const output = await call(`sign --fingerprint ${F}`, input.stdout);
    assert.equal(output.code, 0, output.stderr);
    assert.match(output.stderr, /Signed 4 of 4 keys/);
    assert.equal(JSON.parse(output.stdout).length, PLANS.length);
    assert.match(output.stdout, /^\[\n {2}\{\n {4}"operation": "auditor-sign-denomination-0",\n {4}"arguments": \{\n/);

    const uploaded = await call("upload", output.stdout);
    assert.deepEqual(uploaded, {
      code: 0,
      stdout: "",
      stderr: "INFO the exchange accepted all 4 signatures\n",
      questions: [],
    });
    assert.deepEqual([...exchange.accepted.keys()].sort(), PLANS.map((plan) => encodeBase32(planHash(plan))).sort());
    assert.deepEqual(exchange.requests[0], { method: "GET", path: "/keys", accept: "application/json" });
    // a second time it is no error either
    assert.equal((await call("upload", output.stdout)).code, 0);
  });
});

Deno.test("steps hand their results to each other in one call", async () => {
  await scene(async ({ exchange, call }) => {
    const all = await call(`download SIGN upload --fingerprint ${F}`);
    assert.deepEqual([all.code, all.stdout], [0, ""], all.stderr);
    assert.equal(exchange.accepted.size, PLANS.length);

    const shown = await call(`download show - sign --fingerprint ${F}`);
    assert.equal(shown.code, 0);
    assert.equal(JSON.parse(shown.stdout).length, PLANS.length, "the table must not be mixed into the document");
    assert.match(shown.stderr, /FINGERPRINT of these 4 keys/);

    const unused = await call("download show");
    assert.deepEqual([unused.code, /WARNING/.test(unused.stderr)], [0, false], "show consumes");
    const kept = await call("download show -");
    assert.match(kept.stderr, /WARNING the keys were downloaded, but no step has used them/);

    const listed = await call(`setup sign --fingerprint ${F}`, (await call("download")).stdout);
    const operations = JSON.parse(listed.stdout).map((entry: Json) => entry.operation);
    assert.deepEqual(operations, ["auditor-setup-0", ...new Array(4).fill("auditor-sign-denomination-0")]);
    assert.equal((await call("upload", listed.stdout)).code, 0, "upload leaves setup's entry out");
    assert.equal((await call("setup upload")).code, 0);
  });
});

Deno.test("the keys of setup or sign say whose signatures are delivered, not the configuration", async () => {
  await scene(async ({ call, conf, keyFile }) => {
    await Deno.remove(keyFile);
    await placeKey(keyFile, secret("another"));
    const text = (await Deno.readTextFile(conf)).replace(/PUBLIC_KEY = \S+\n(?=AUDITOR_PRIV_FILE)/, "");
    await Deno.writeTextFile(conf, text);
    const result = await call(`download sign upload --fingerprint ${F}`);
    assert.equal(result.code, 1);
    assert.equal(result.stderr.match(/status 412 \(error 1412\), this auditor is not known/g)?.length, 4);
  });
});

Deno.test("only new keys are signed on request, and none at all is a result too", async () => {
  const signedFirst = keysJson({
    denominations: PLANS,
    auditors: [auditorJson(AUDITOR_SEED, AUDITOR_URL, PLANS.slice(0, 1))],
  });
  await scene(async ({ exchange, call }) => {
    const some = await call(`download sign --only-new upload --fingerprint ${F}`);
    assert.match(some.stderr, /Signed 3 of 4 keys/);
    assert.deepEqual([some.code, exchange.accepted.size], [0, 3]);
  }, JSON.stringify(signedFirst));
  const signedAll = keysJson({ denominations: PLANS, auditors: [auditorJson(AUDITOR_SEED, AUDITOR_URL, PLANS)] });
  await scene(async ({ exchange, call }) => {
    const none = await call(`download sign --only-new upload --fingerprint ${F}`);
    assert.deepEqual([none.code, exchange.accepted.size], [0, 0], none.stderr);
    const printed = await call(`download sign --only-new --fingerprint ${F}`);
    assert.equal(printed.stdout, "[]\n");
    assert.match(printed.stderr, /!!! ALREADY SIGNED by this auditor: all 4 keys/);
  }, JSON.stringify(signedAll));
});

function altered(change: (keys: Json) => void): string {
  const keys = structuredClone(KEYS);
  change(keys);
  return JSON.stringify(keys);
}

function flip(text: string): string {
  return (text.startsWith("0") ? "1" : "0") + text.slice(1);
}

const REFUSED_DOWNLOADS: readonly [name: string, keysText: string, expected: RegExp][] = [
  ["text that is no JSON", "<html>Not an exchange</html>", /the answer is not JSON/],
  ["nothing", "", /the answer is not JSON/],
  ["a list", "[]", /arguments: expected an object/],
  ["half a document", KEYS_TEXT.slice(0, 2000), /the answer is not JSON/],
  ["a member twice", KEYS_TEXT.replace("{", '{"currency":"EUR",'), /has a member twice in the same object/],
  [
    "another master key",
    altered((k) => k.master_public_key = flip(k.master_public_key)),
    /master key .* does not match/,
  ],
  ["another currency", altered((k) => k.currency = "EUR"), /denominations\[0\]\.value: expected an amount in EUR/],
  ["no denominations", altered((k) => k.denominations = []), /denominations: there are none/],
  ["no signing keys", altered((k) => delete k.signkeys), /has no signkeys/],
  ["an unknown protocol", altered((k) => k.version = "30:0:3"), /speaks protocol 30:0:3, this program 17 to 23/],
  ["no version", altered((k) => delete k.version), /no version of the form/],
  [
    "a wrong 1025",
    altered((k) => k.denominations[0].fee_deposit = "KUDOS:0"),
    /\(1025\) of denomination \w{8} is NOT VALID/,
  ],
  [
    "a wrong 1024",
    altered((k) => k.signkeys[0].stamp_end.t_s++),
    /\(1024\) of signing key is NOT VALID \(signkeys\[0\]\)/,
  ],
  ["a wrong 1028", altered((k) => k.wire_fees.iban[0].wire_fee = "KUDOS:0"), /\(1028\) of wire fee is NOT VALID/],
  [
    "a wire fee's other method",
    altered((k) => k.wire_fees = { sepa: k.wire_fees.iban }),
    /\(1028\) of wire fee is NOT VALID/,
  ],
  ["a wrong 1022", altered((k) => k.global_fees[0].purse_account_limit = 6), /\(1022\) of global fee is NOT VALID/],
  [
    "a wrong 1030",
    altered((k) => k.accounts[0].conversion_url = "https://x.example/"),
    /\(1030\) of bank account is NOT VALID/,
  ],
  [
    "restrictions swapped",
    altered((k) => {
      const [account] = k.accounts;
      [account.credit_restrictions, account.debit_restrictions] = [
        account.debit_restrictions,
        account.credit_restrictions,
      ];
    }),
    /\(1030\) of bank account is NOT VALID/,
  ],
  ["a wrong 1031", altered((k) => k.extensions.age_restriction.critical = true), /\(1031\) of extensions is NOT VALID/],
  ["a real number in signed JSON", altered((k) => k.extensions.x = 0.5), /\(1031\) of extensions is NOT VALID/],
  ["a key left out", altered((k) => k.denominations[0].denoms.pop()), /\(1035\) of list of denominations is NOT VALID/],
  ["a wrong 1035", altered((k) => k.list_issue_date.t_s++), /\(1035\) of list of denominations is NOT VALID/],
  [
    "a wrong 1064",
    altered((k) => {
      k.auditors = [auditorJson(AUDITOR_SEED, "https://elsewhere.example/", PLANS)];
      k.auditors[0].auditor_url = AUDITOR_URL;
    }),
    /\(1064\) of auditor's signature is NOT VALID/,
  ],
];

for (const [name, keysText, expected] of REFUSED_DOWNLOADS) {
  Deno.test(`download refuses ${name}`, async () => {
    await scene(async ({ call }) => {
      const result = await call("download");
      assert.equal(result.code, 1);
      assert.match(result.stderr, expected);
      assert.equal(result.stdout, "", "no partial output");
    }, keysText);
  });
}

Deno.test("download refuses a list signed with a key that is not valid at the time", async () => {
  await scene(async ({ call }) => {
    for (const [now, when] of [[NOW - 3n * DAY, "not valid yet"], [NOW + 20n * DAY, "not valid any more"]] as const) {
      const result = await call(`download --now ${formatTime(now)}`);
      assert.equal(result.code, 1);
      assert.match(result.stderr, new RegExp(`the key that signed the list is ${when}`));
    }
    assert.equal((await call(`download --now ${formatTime(NOW + 13n * DAY)}`)).code, 0);
  });
});

const packed = (format: CompressionFormat, encoding: string) => () =>
  new Response(new Response(KEYS_TEXT).body?.pipeThrough(new CompressionStream(format)), {
    headers: { "content-encoding": encoding },
  });

const ANSWERS: readonly [name: string, answer: (url: string) => Response, expected: RegExp | "accepted"][] = [
  [
    "status 404",
    () => new Response("no", { status: 404 }),
    /the exchange answered 404\nHINT is \[exchange\] BASE_URL right/,
  ],
  ["status 500", () => new Response("oops", { status: 500 }), /GET http:\S+\/keys: the exchange answered 500/],
  ["status 204", () => new Response(null, { status: 204 }), /the exchange answered 204/],
  ["bytes that are no text", () => new Response(new Uint8Array([0xff, 0xfe])), /the answer is not UTF-8/],
  ["a redirect without address", () => new Response(null, { status: 302 }), /status 302 without an address/],
  [
    "a redirect in circles",
    () => new Response(null, { status: 302, headers: { location: "/keys" } }),
    /more than 5 redirects/,
  ],
  ["gzip", packed("gzip", "gzip"), "accepted"],
  ["deflate", packed("deflate", "deflate"), "accepted"],
  [
    "deflate that is none",
    () => new Response("plain", { headers: { "content-encoding": "deflate" } }),
    /the connection failed/,
  ],
];

for (const [name, answer, expected] of ANSWERS) {
  Deno.test(`download and an answer with ${name}`, async () => {
    await scene(async ({ exchange, call }) => {
      exchange.misbehave = () => answer(exchange.url);
      const result = await call("download");
      if (expected === "accepted") {
        assert.equal(result.code, 0, result.stderr);
        assert.deepEqual(JSON.parse(result.stdout).arguments, KEYS);
      } else {
        assert.equal(result.code, 1);
        assert.match(result.stderr, expected);
        assert.equal(result.stdout, "");
      }
    });
  });
}

Deno.test("a redirect is followed on the same server, and never to another one", async () => {
  await using other = replayExchange(KEYS_TEXT, [US]);
  await scene(async ({ exchange, call }) => {
    exchange.misbehave = ({ path }) =>
      path === "/keys"
        ? new Response(null, { status: 301, headers: { location: "/v1/keys" } })
        : new Response(KEYS_TEXT);
    assert.equal((await call("download")).code, 0);
    const signed = await call(`download sign --fingerprint ${F}`);

    exchange.misbehave = ({ path }) => new Response(null, { status: 307, headers: { location: other.url + path } });
    const download = await call("download");
    assert.equal(download.code, 1);
    assert.match(download.stderr, /points to another server, http:\/\/127\.0\.0\.1:\d+, which is not followed/);
    const upload = await call("upload", signed.stdout);
    assert.equal(upload.code, 1);
    assert.equal(upload.stderr.match(/points to another server/g)?.length, 4);
    assert.deepEqual(other.requests, []);
  });
});

Deno.test("a server that never answers, or that is not there, ends with a message", async () => {
  await scene(async ({ exchange, call }) => {
    const signed = await call(`download sign --fingerprint ${F}`);
    const end = Promise.withResolvers<void>();
    exchange.misbehave = () => end.promise.then(() => new Response("late"));
    const slow = await call("download --timeout 0.05");
    assert.equal(slow.code, 1);
    assert.match(slow.stderr, /no complete answer in 0\.05 s/);
    const upload = await call("upload --timeout 0.05", signed.stdout);
    assert.equal(upload.stderr.match(/no complete answer in 0\.05 s/g)?.length, 4);
    end.resolve();
    await exchange[Symbol.asyncDispose]();
    const gone = await call("download");
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /GET http:\S+\/keys: the connection failed: /);
  });
});

Deno.test("an answer that breaks off or has no end is refused", async () => {
  await scene(async ({ exchange, call }) => {
    const chunk = new TextEncoder().encode(" ".repeat(1024 * 1024));
    exchange.misbehave = () =>
      new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(chunk) }),
        { headers: { "content-type": "application/json" } },
      );
    const endless = await call("download");
    assert.match(endless.stderr, /the answer is larger than 67108864 bytes/);
    assert.deepEqual([endless.code, endless.stdout], [1, ""]);
  });
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const served = (async () => {
    using connection = await listener.accept();
    await connection.read(new Uint8Array(4096));
    const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n";
    await connection.write(new TextEncoder().encode(head + KEYS_TEXT.slice(0, 1000)));
  })();
  await withConfiguration({ exchangeUrl: `http://127.0.0.1:${listener.addr.port}/` }, async ({ conf }) => {
    const broken = await callOffline(["download", "-c", conf]);
    assert.match(broken.stderr, /the connection failed: /);
    assert.deepEqual([broken.code, broken.stdout], [1, ""]);
  });
  await served;
});

Deno.test("upload reports each signature when not all are accepted", async () => {
  await scene(async ({ exchange, call }) => {
    const signed = await call(`download sign --fingerprint ${F}`);
    const hashes = JSON.parse(signed.stdout).map((entry: Json) => entry.arguments.h_denom_pub);
    const statuses = new Map([[hashes[0], 404], [hashes[2], 500]]);
    exchange.misbehave = ({ path }) => {
      const status = statuses.get(path.split("/").at(-1) ?? "");
      return status === undefined ? undefined : new Response("", { status });
    };
    const result = await call("upload", signed.stdout);
    assert.equal(result.code, 1);
    assert.equal(result.stdout, "");
    const lines = result.stderr.trim().split("\n");
    assert.match(
      lines[0] ?? "",
      /^ERROR entry 1, key \w{8}: status 404, the exchange does not know this denomination$/,
    );
    assert.match(lines[1] ?? "", /^entry 2, key \w{8}: accepted$/);
    assert.match(lines[2] ?? "", /^ERROR entry 3, key \w{8}: status 500$/);
    assert.match(lines[3] ?? "", /^entry 4, key \w{8}: accepted$/);
    assert.match(
      lines[4] ?? "",
      /^ERROR 2 of 4 signatures were not accepted; it does no harm to upload all of them again$/,
    );
    assert.deepEqual([...exchange.accepted.keys()].sort(), [hashes[1], hashes[3]].sort());
  });
});

Deno.test("upload explains the refusals of an exchange", async () => {
  await scene(async ({ exchange, call }) => {
    const signed = await call(`download sign --fingerprint ${F}`);
    const [auditor] = exchange.auditors;
    assert.ok(auditor !== undefined);
    const cases: [Partial<typeof auditor>, RegExp][] = [
      [{ url: "https://auditor.example" }, /status 403 \(error 1403\), the signature is not valid.*BASE_URL/],
      [{ disabled: true }, /status 410 \(error 1410\), this auditor is disabled/],
      [{ pub: secret("nobody") }, /status 412 \(error 1412\), this auditor is not known/],
    ];
    for (const [change, expected] of cases) {
      exchange.auditors[0] = { ...auditor, ...change };
      const result = await call("upload", signed.stdout);
      assert.equal(result.code, 1);
      assert.match(result.stderr, expected);
    }
  });
});

Deno.test("upload sends nothing if the keys were not signed, or the input is not what sign writes", async () => {
  await scene(async ({ exchange, call }) => {
    const { stdout: input } = await call("download");
    const { stdout: output } = await call(`sign --fingerprint ${F}`, input);
    const before = exchange.requests.length;
    const cases: [string, RegExp][] = [
      ["", /the input is empty/],
      ["{}", /is not a list/],
      [input, /is not a list/],
      [output.replace("auditor-sign-denomination-0", "auditor-frob-0"), /entry 1 has an unknown operation/],
      [output.replace(/"auditor_sig": "./, '"auditor_sig": "!'), /entry 1 has no h_denom_pub and auditor_sig/],
      [output.slice(0, -4), /is not JSON/],
    ];
    for (const [text, expected] of cases) {
      const result = await call("upload", text);
      assert.equal(result.code, 1);
      assert.match(result.stderr, expected);
    }
    assert.equal(exchange.requests.length, before);
    const unsigned = await call("download upload");
    assert.equal(unsigned.code, 1);
    assert.match(unsigned.stderr, /the downloaded keys were not signed; nothing was uploaded/);
    assert.equal(exchange.requests.length, before + 1);
  });
});

Deno.test("upload opens at most 16 requests at the same time", async () => {
  const many = Array.from({ length: 40 }, (_, index) => week(index % 4, { name: `many ${index}` }));
  const keys = keysJson({ denominations: many });
  await scene(async ({ conf, exchange, call }) => {
    const signed = await call(`download sign --fingerprint ${fingerprint(keys).replaceAll(" ", "_")}`);
    let open = 0;
    let most = 0;
    const counting: typeof fetch = async (...wanted) => {
      most = Math.max(most, ++open);
      // All that will be opened at once is opened before the first answer can arrive.
      const response = await fetch(...wanted);
      open--;
      return response;
    };
    const result = await callOffline(["upload", "-c", conf], { stdin: signed.stdout, fetch: counting });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual([exchange.accepted.size, most], [40, 16]);
  }, JSON.stringify(keys));
});

Deno.test("a document may come from a file as well", async () => {
  await scene(async ({ folder, call }) => {
    const file = join(folder, "input.json");
    await Deno.writeTextFile(file, (await call("download")).stdout);
    assert.equal((await call(`show --input ${file}`)).code, 0);
    const missing = await call(`show --input ${file}.gone`);
    assert.deepEqual([missing.code, missing.stderr], [1, `ERROR ${file}.gone cannot be read: there is no such file\n`]);
    const nothing = await call("show");
    assert.deepEqual([nothing.code, /there is no document on standard input/.test(nothing.stderr)], [2, true]);
  });
});

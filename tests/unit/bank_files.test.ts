// SPDX-License-Identifier: AGPL-3.0-or-later
/** Files that a bank gives out: CSV (RFC 4180) and camt.053, good and bad. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCamtStatement } from "../../core/bank/camt.ts";
import { parseCsv, parseCsvStatement } from "../../core/bank/csv.ts";
import { foreignLine, readSubjects, type Statement, type Unreadable } from "../../core/bank/statement.ts";
import { sameAccount, subjectText } from "../../core/bank/transaction.ts";
import { parseXml } from "../../core/bank/xml.ts";
import { formatAmount } from "../../core/taler/amount.ts";
import { formatTime } from "../../core/taler/time.ts";
import { camt, CAMT_OWN, camtEntry, KEY, OTHER_KEY } from "../support/camt.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const faultOf = (result: object): string => "fault" in result ? String(result.fault) : "no fault";

function good(result: Statement | Unreadable): Statement {
  assert.ok(!("fault" in result), faultOf(result));
  return result;
}

const HEADER = "row_id,date,direction,amount,subject,counterpart\n";
const LINE = `7,2026-05-01T10:00:00Z,credit,EUR:5,${KEY},payto://iban/DE89370400440532013000?receiver-name=A\n`;

Deno.test("CSV: columns by name in any order, others ignored, a byte order mark skipped", () => {
  const text = "\ufeffcounterpart;x,SUBJECT,amount, direction ,date,Row_Id,counterpart\r\n" +
    `ignored,"${KEY}",EUR:5.25,Credit,2026-05-01,12,"payto://iban/X?receiver-name=a,b"\r\n`;
  const { lines, numbering, ownAccount } = good(parseCsvStatement(text));
  assert.deepEqual([numbering, ownAccount], ["bank", undefined]);
  assert.deepEqual(lines, [{
    place: "line 2",
    line: 2,
    rowId: 12n,
    reference: undefined,
    direction: "credit",
    date: 1_777_593_600_000_000n,
    amount: { currency: "EUR", atoms: 525_000_000n },
    subject: KEY,
    other: undefined,
    counterpart: "payto://iban/X?receiver-name=a,b",
  }]);
  assert.deepEqual(good(parseCsvStatement(HEADER)).lines, []);
});

Deno.test("CSV: a malformed line makes the file unusable and is named", () => {
  const cases: [string, RegExp][] = [
    ["", /^the first line does not name the columns row_id, date/],
    ["row_id,date\n1,2\n", /does not name the columns direction, amount, subject, counterpart/],
    [`${HEADER.trim()},date\n`, /names column date twice/],
    [`${HEADER}${LINE}8,2026-05-01\n`, /^line 3: 2 fields, where the first line has 6/],
    [HEADER + LINE.replace("7,", "0,"), /^line 2: row_id is not an integer/],
    [HEADER + LINE.replace("7,", "9223372036854775808,"), /row_id is not an integer/],
    [HEADER + LINE.replace("7,", "-1,"), /row_id is not an integer/],
    [HEADER + LINE.replace("2026-05-01T10:00:00Z", "01.05.2026"), /date is neither ISO 8601/],
    [HEADER + LINE.replace("2026-05-01T10:00:00Z", "never"), /date is neither ISO 8601/],
    [HEADER + LINE.replace("credit", "CRDT"), /direction is neither credit nor debit/],
    [HEADER + LINE.replace("EUR:5", "5,00 EUR"), /^line 2: 7 fields, where the first line has 6$/],
    [
      HEADER + LINE.replace("EUR:5", "EUR:5,25"),
      /^line 2: 7 fields, where the first line has 6 \(a decimal comma\? .*point\)$/,
    ],
    [
      HEADER + LINE.replace("EUR:5", '"EUR:5,25"'),
      /amount is not of the form.* \(the decimal sign is a point, not a comma\)$/,
    ],
    [HEADER + LINE.replace("EUR:5", "5 EUR"), /amount is not of the form CURRENCY:VALUE\.FRACTION$/],
    [HEADER + LINE.replace("payto://", "http://"), /counterpart is not a URI/],
    [`${HEADER}"7`, /^line 2: a quote is missing/],
    [`${HEADER}7"8,`, /^line 2: a quote is missing/],
    [`${HEADER}"7"8,`, /^line 2: a quote is missing/],
    [`${HEADER}${LINE}"a\nb",x`, /^line 3: 2 fields/],
  ];
  for (const [text, expected] of cases) assert.match(faultOf(parseCsvStatement(text)), expected, text);
});

Deno.test("CSV: quoting follows RFC 4180, and line numbers count the lines of quoted fields", () => {
  assert.deepEqual(parseCsv('a,"b,""c""\r\nd",\r\n\n"",x\ne'), [
    { fields: ["a", 'b,"c"\r\nd', ""], line: 1 },
    { fields: ["", "x"], line: 4 },
    { fields: ["e"], line: 5 },
  ]);
  const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", " ", "é"), maxLength: 8 });
  fc.assert(fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 6 }), (records) => {
    const text = records.map((record) => record.map((value) => `"${value.replaceAll('"', '""')}"`).join(",")).join(
      "\r\n",
    );
    const parsed = parseCsv(text);
    assert.ok(!("fault" in parsed));
    assert.deepEqual(parsed.map(({ fields }) => fields), records);
  }));
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r"), maxLength: 20 }), (text) => {
    parseCsv(text);
    parseCsvStatement(HEADER + text);
  }));
});

Deno.test("a large quoted field is no burden", () => {
  const records = parseCsv(`"${'a""'.repeat(500_000)}",b`);
  assert.ok(!("fault" in records));
  assert.equal(records[0]?.fields[0]?.length, 1_000_000);
});

for (const version of ["02", "04", "08"] as const) {
  Deno.test(`camt.053.001.${version}: booked transfers of both directions`, () => {
    const text = camt(version, [
      camtEntry(version, { reference: "A1", amount: "25.50", subject: [KEY], name: "Jane O'Doe / Sons" }),
      camtEntry(version, {
        direction: "DBIT",
        reference: "A2",
        amount: "10",
        subject: [`${OTHER_KEY.slice(0, 30)}`, `${OTHER_KEY.slice(30)} https://exchange.example.com/`],
        date: "<DtTm>2026-05-02T12:00:00.5+02:00</DtTm>",
      }),
      camtEntry(version, { reference: "A3", amount: "0.01", subject: [`KYC:${KEY}`] }),
    ]);
    const statement = good(parseCamtStatement(bytes(text), CAMT_OWN));
    assert.equal(statement.numbering, "local");
    assert.ok(sameAccount(statement.ownAccount ?? "", CAMT_OWN));
    assert.deepEqual(statement.skipped, []);
    const { rows, others } = readSubjects("exchange-account-1", statement);
    assert.deepEqual(others, []);
    assert.deepEqual(
      rows.map((
        { transaction: t },
      ) => [t.direction, t.kind, formatAmount(t.amount.currency, t.amount.atoms), formatTime(t.date), t.url]),
      [
        ["credit", "RESERVE", "EUR:25.5", "2026-05-01T00:00:00Z", undefined],
        ["debit", "TRANSFER", "EUR:10", "2026-05-02T10:00:00.500000Z", "https://exchange.example.com/"],
        ["credit", "KYCAUTH", "EUR:0.01", "2026-05-01T00:00:00Z", undefined],
      ],
    );
    assert.equal(
      rows[0]?.transaction.counterpart,
      "payto://iban/DE89370400440532013000?receiver-name=Jane%20O%27Doe%20%2F%20Sons",
    );
    assert.equal(new Set(statement.lines.map((line) => line.reference)).size, 3);
  });
}

Deno.test("camt.053: what is no transfer of the exchange is kept with its text, whatever it is", () => {
  const entry = (more: Parameters<typeof camtEntry>[1]) => camtEntry("04", { subject: [KEY], ...more });
  const returned = `${OTHER_KEY} https://exchange.example.com/`;
  const text = camt("04", [
    entry({ status: "PDNG" }),
    entry({ reversal: true, direction: "DBIT" }),
    entry({ iban: undefined }),
    entry({ subject: [], direction: "DBIT", iban: undefined }),
    entry({ subject: [returned], extra: "<RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf>" }),
    entry({ subject: ["private\u0007 \u202evilla"], direction: "DBIT" }),
    entry({ subject: [returned] }),
    entry({ reference: "good" }),
  ]);
  const statement = good(parseCamtStatement(bytes(text.replace("\u0007", "&#x85;")), CAMT_OWN));
  assert.deepEqual(statement.skipped, [{ place: "statement S1, entry 1", reason: "it is not booked" }]);
  const { rows, others } = readSubjects("exchange-account-1", statement);
  assert.deepEqual(
    rows.map(({ transaction: t }) => [t.direction, t.kind, t.kind === "OTHER" ? subjectText(t.subject) : "a key"]),
    [
      ["debit", "OTHER", `reverses another entry: ${KEY}`],
      ["credit", "RESERVE", "a key"],
      ["debit", "OTHER", "no subject"],
      ["credit", "OTHER", `payment that came back: ${returned}`],
      ["debit", "OTHER", "private villa"],
      ["credit", "OTHER", returned],
      ["credit", "RESERVE", "a key"],
    ],
  );
  assert.deepEqual(rows.map(({ transaction }) => transaction.counterpart.startsWith("payto://other/")), [
    false,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
  assert.deepEqual(others.map(({ line, reason }) => `${line.place}: ${reason}`), [
    "statement S1, entry 2: reverses another entry",
    "statement S1, entry 4: the subject is not a transfer identifier and an exchange's URL",
    "statement S1, entry 5: payment that came back",
    "statement S1, entry 6: the subject is not a transfer identifier and an exchange's URL",
    "statement S1, entry 7: the subject is that of a transfer by the exchange: a payment that came back?",
  ]);
});

Deno.test("camt.053: an entry that cannot be read makes the file unusable: sums without it are worth nothing", () => {
  const cases: [Parameters<typeof camtEntry>[1], RegExp][] = [
    [{ date: "" }, /^line \d+, statement S1, entry 2: it has no booking date$/],
    [{ direction: "NONE" }, /entry 2: it is neither credit nor debit$/],
    [{ amount: "1,00" }, /entry 2: its amount is not readable \(the decimal sign is a point, not a comma\)$/],
    [{ amount: "" }, /entry 2: its amount is not readable$/],
  ];
  for (const [bad, expected] of cases) {
    const entries = [camtEntry("04", { subject: [KEY] }), camtEntry("04", { subject: [KEY], ...bad })];
    assert.match(faultOf(parseCamtStatement(bytes(camt("04", entries)), CAMT_OWN)), expected);
  }
});

Deno.test("camt.053: a batch is taken apart, and what its parts leave over is a part of its own", () => {
  const batch = (total: string, reference = "") =>
    camtEntry("08", {
      reference,
      amount: total,
      parts: [{ amount: "1.5", subject: KEY }, { amount: "2.5", subject: OTHER_KEY }],
    });
  const read = (...entries: string[]) => {
    const { lines } = good(parseCamtStatement(bytes(camt("08", entries)), CAMT_OWN));
    return lines.map(({ place, direction, amount, other }) =>
      [place.replace("statement S1, entry ", ""), direction, formatAmount("EUR", amount.atoms), other ?? ""].join(" ")
        .trim()
    );
  };
  assert.deepEqual(read(batch("4"), batch("3.8"), batch("5")), [
    "1, part 1 credit EUR:1.5",
    "1, part 2 credit EUR:2.5",
    "2, part 1 credit EUR:1.5",
    "2, part 2 credit EUR:2.5",
    "2, part 3 debit EUR:0.2 charges, or what else parts leave over",
    "3, part 1 credit EUR:1.5",
    "3, part 2 credit EUR:2.5",
    "3, part 3 credit EUR:1 charges, or what else parts leave over",
  ]);
  const mixed = batch("1").replace("<TxDtls>", "<TxDtls><CdtDbtInd>DBIT</CdtDbtInd>");
  assert.deepEqual(read(mixed), ["1, part 1 debit EUR:1.5", "1, part 2 credit EUR:2.5"]);
  assert.deepEqual(read(batch("4").replace('<Amt Ccy="EUR">1.5', '<Amt Ccy="USD">1.5')), [
    "1 credit EUR:4 batch with parts that cannot be read",
  ]);
  // two parts that are alike are two, also where they share the batch's reference
  const twins = batch("3").replaceAll("2.5<", "1.5<").replaceAll(OTHER_KEY, KEY)
    .replaceAll("<EndToEndId>", "<AcctSvcrRef>B1</AcctSvcrRef><EndToEndId>");
  assert.deepEqual(read(twins), ["1, part 1 credit EUR:1.5", "1, part 2 credit EUR:1.5"]);
});

Deno.test("camt.053: entries that are alike are as many as a statement has, and those of two statements are the same", () => {
  const entry = (reference: string, subject = "rent") =>
    camtEntry("02", { reference, subject: [subject], amount: "5", direction: "DBIT" });
  const statement = (...entries: string[]) => /<Stmt>.*<\/Stmt>/s.exec(camt("02", entries))![0];
  const lines = (...statements: string[]) => {
    const text = camt("02", []).replace(/<Stmt>.*<\/Stmt>/s, statements.join(""));
    return good(parseCamtStatement(bytes(text), CAMT_OWN)).lines.map((line) => line.reference);
  };
  for (const reference of ["NONREF", "R1"]) {
    const one = entry(reference);
    const both = lines(statement(one, one));
    assert.equal(new Set(both).size, 2);
    assert.deepEqual(lines(statement(one), statement(one, one), statement(one)), both);
    assert.deepEqual(lines(statement(one, one)), both, "in every import");
  }
  // one reference for two transfers, in whatever order
  const [a, b] = [entry("R1", "rent"), entry("R1", "villa")];
  assert.equal(lines(statement(a, b)).length, 2);
  assert.equal(lines(statement(a, b), statement(b, a)).length, 2);
});

Deno.test("camt.053: the other side is the account that is not ours, whichever it stands for", () => {
  const parties = (direction: string, debtor: string, creditor: string, extra = "") => {
    const entry = camtEntry("08", { direction, subject: [KEY], extra })
      .replace(/<RltdPties>.*<\/RltdPties>/s, `<RltdPties>${debtor}${creditor}</RltdPties>`);
    return good(parseCamtStatement(bytes(camt("08", [entry])), CAMT_OWN)).lines[0]?.counterpart;
  };
  const account = (side: string, id: string, name = "N") =>
    `<${side}><Pty><Nm>${name}</Nm></Pty></${side}><${side}Acct><Id>${id}</Id></${side}Acct>`;
  const own = "<IBAN>DE75512108001245126199</IBAN>", jane = "<IBAN>DE89370400440532013000</IBAN>";
  const at = "payto://iban/DE89370400440532013000?receiver-name=N";
  const returned = "<RtrInf><Rsn><Cd>AC01</Cd></Rsn></RtrInf>";
  assert.equal(parties("CRDT", account("Dbtr", jane), account("Cdtr", own)), at);
  assert.equal(parties("CRDT", account("Dbtr", own), account("Cdtr", jane), returned), at);
  assert.equal(parties("DBIT", account("Dbtr", jane), account("Cdtr", own), returned), at);
  assert.equal(parties("DBIT", account("Dbtr", own), account("Cdtr", jane)), at);
  const foreign = "<Othr><Id>12/34</Id></Othr>";
  assert.equal(parties("DBIT", "", account("Cdtr", foreign)), "payto://other/12%2F34?receiver-name=N");
  assert.equal(parties("DBIT", "", "<Cdtr><Pty><Nm>N</Nm></Pty></Cdtr>"), "payto://unknown/?receiver-name=N");
  assert.equal(parties("DBIT", "", ""), "");
});

Deno.test("camt.053: transfers the bank gives no reference are told apart, and alike in every import", () => {
  const twin = camtEntry("02", { reference: "NONREF", subject: [KEY], amount: "5" });
  const read = () => good(parseCamtStatement(bytes(camt("02", [twin, twin])), CAMT_OWN)).lines.map((l) => l.reference);
  assert.equal(new Set(read()).size, 2);
  assert.deepEqual(read(), read());
});

Deno.test("camt.053: several statements; those of other accounts are skipped or make the file unusable", () => {
  const one = camtEntry("02", { reference: "1", subject: [KEY], amount: "5" });
  const ours = camt("02", [one]);
  const stranger = camt("02", [one], "FR7630006000011234567890189");
  const join = (a: string, b: string) =>
    a.replace("</BkToCstmrStmt>", `${/<Stmt>.*<\/Stmt>/s.exec(b)?.[0]}</BkToCstmrStmt>`);
  const both = good(parseCamtStatement(bytes(join(ours, ours)), undefined));
  assert.deepEqual(both.lines.length, 1, "statements that overlap");
  const changed = good(parseCamtStatement(bytes(join(ours, ours.replace(">5<", ">6<"))), undefined));
  assert.equal(new Set(changed.lines.map((line) => line.reference)).size, 2);
  const mixed = good(parseCamtStatement(bytes(join(stranger, ours)), CAMT_OWN));
  assert.equal(mixed.lines.length, 1);
  assert.match(mixed.skipped[0]?.reason ?? "", /it is about account payto:\/\/iban\/FR76/);
  assert.match(faultOf(parseCamtStatement(bytes(join(stranger, ours)), undefined)), /about different accounts/);
  assert.match(faultOf(parseCamtStatement(bytes(stranger), CAMT_OWN)), /none of its statements is about account/);
});

Deno.test("the first transfer in another currency is found, with its line", () => {
  const csv = good(parseCsvStatement(HEADER + LINE + LINE.replace("EUR", "USD").replace(KEY, "rent")));
  assert.equal(foreignLine(csv, "EUR")?.line, 3);
  assert.equal(foreignLine(csv, "USD")?.line, 2);
  assert.equal(foreignLine(good(parseCsvStatement(HEADER + LINE)), "EUR"), undefined);
  const [one, other] = [camtEntry("02", { subject: [KEY] }), camtEntry("02", { subject: [OTHER_KEY] })];
  const text = camt("02", [one, other.replace('Ccy="EUR"', 'Ccy="USD"')]);
  const line = text.split("\n").findIndex((each) => each.includes('"USD"'));
  const found = foreignLine(good(parseCamtStatement(bytes(text), CAMT_OWN)), "EUR");
  assert.equal(found?.amount.currency, "USD");
  assert.equal(found?.line, line, "the entry begins in the line before its amount");
});

Deno.test("XML that could do harm, and XML that is none, is refused", () => {
  const ours = camt("02", [camtEntry("02", { subject: [KEY] })]);
  const cases: [string, string | Uint8Array, RegExp][] = [
    ["empty", "", /./],
    ["no XML", "row_id,date\n", /not well-formed XML: .*root node \(the file does not look like XML at all\)$/],
    ["cut off", ours.slice(0, 700), /not well-formed XML: [^(]*$/],
    [
      "entities",
      ours.replace("<Document", '<!DOCTYPE d [<!ENTITY a "b">]><Document'),
      /a document type is not allowed/,
    ],
    [
      "external",
      ours.replace("<Document", '<!DOCTYPE d SYSTEM "file:///etc/passwd"><Document'),
      /document type is not/,
    ],
    ["unknown entity", ours.replace(KEY, "&secret;"), /not well-formed XML/],
    ["prefix of nothing", ours.replace("<Id>S1</Id>", "<x:Id>S1</x:Id>"), /not well-formed XML/],
    ["deep", "<a>".repeat(100) + "</a>".repeat(100), /nested more than 64 levels deep/],
    ["UTF-16", ours.replace("UTF-8", "UTF-16"), /the encoding is none of/],
    ["not UTF-8", new Uint8Array([...bytes("<a>"), 0xff, ...bytes("</a>")]), /not text in the encoding utf-8/],
    ["another message", ours.replaceAll("camt.053.001.02", "pain.001.001.03"), /not a statement of form/],
    ["another version", ours.replaceAll("camt.053.001.02", "camt.053.001.99"), /not a statement of form/],
    ["no namespace", ours.replace(/ xmlns="[^"]*"/, ""), /not a statement of form/],
    ["no statement", ours.replace(/<Stmt>.*<\/Stmt>/s, ""), /it holds no statement/],
    ["no IBAN", ours.replace(/<IBAN>DE75[^<]*<\/IBAN>/, ""), /the account has no IBAN/],
    [
      "malformed IBAN",
      ours.replace(/<IBAN>DE75/, "<IBAN>D575-"),
      /: the account's IBAN "D575-512[0-9]+" is malformed$/,
    ],
  ];
  for (const [what, text, expected] of cases) {
    const result = parseCamtStatement(typeof text === "string" ? bytes(text) : text, CAMT_OWN);
    assert.match(faultOf(result), expected, what);
  }
});

Deno.test("XML: encodings, sections of character data, comments, prefixes", () => {
  const latin = new Uint8Array([...bytes('<?xml version="1.0" encoding="ISO-8859-1"?><a>'), 0xe9, ...bytes("</a>")]);
  const text = (result: ReturnType<typeof parseXml>) => "root" in result ? result.root.text : result.fault;
  assert.equal(text(parseXml(latin)), "é");
  assert.equal(text(parseXml(bytes("<a> x<!-- no --><![CDATA[<&>]]>&lt;&#xe9; </a>"))), "x<&><é");
  const ours = camt("08", [camtEntry("08", { subject: [KEY] })]);
  const prefixed = ours.replaceAll(/<(\/?)([A-Z])/g, "<$1c:$2").replace("xmlns=", "xmlns:c=");
  assert.equal(good(parseCamtStatement(bytes(prefixed), CAMT_OWN)).lines.length, 1);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("<", ">", "a", "/", "&", ";", "!", '"', "=", "?", "[") }), (t) => {
      parseXml(bytes(t));
    }),
  );
});

Deno.test("accounts are the same by their normal forms, or by their texts without parameters", () => {
  const cases: [string, string, boolean][] = [
    [
      "payto://iban/DE89370400440532013000?receiver-name=A",
      "payto://iban/BANKDEFF/de89370400440532013000?receiver-name=B",
      false,
    ],
    [
      "payto://iban/DE89370400440532013000?receiver-name=A",
      "payto://iban/BANKDEFF/DE89370400440532013000?receiver-name=B",
      true,
    ],
    ["payto://x-taler-bank/LOCALHOST/2?receiver-name=2", "payto://x-taler-bank/localhost/2?receiver-name=x", true],
    ["payto://x-taler-bank/localhost/2", "payto://x-taler-bank/localhost/2?receiver-name=x", true],
    ["payto://x-taler-bank/localhost/2", "payto://x-taler-bank/localhost/3", false],
    ["payto://iban/XX", "payto://iban/XY", false],
  ];
  for (const [a, b, expected] of cases) assert.equal(sameAccount(a, b), expected, `${a} ${b}`);
});

Deno.test("camt.053: the end of what a statement covers", () => {
  const until = (parts: string) => {
    const text = camt("08", [parts, camtEntry("08", { subject: [KEY] })]);
    const end = good(parseCamtStatement(bytes(text), CAMT_OWN)).until;
    return end === undefined ? undefined : formatTime(end);
  };
  const balance = (code: string, day: string) =>
    `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Dt><Dt>${day}</Dt></Dt></Bal>`;
  const period = "<FrToDt><FrDtTm>2026-05-01T00:00:00Z</FrDtTm><ToDtTm>2026-05-03T18:00:00Z</ToDtTm></FrToDt>";
  assert.equal(until(""), undefined);
  assert.equal(until(period), "2026-05-03T18:00:00Z");
  assert.equal(until(balance("OPBD", "2026-05-01") + balance("CLBD", "2026-05-03")), "2026-05-04T00:00:00Z");
  assert.equal(until(balance("CLBD", "soon")), undefined);
});

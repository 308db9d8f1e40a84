// SPDX-License-Identifier: AGPL-3.0-or-later
/** `taler-auditor terms` as its callers see it: documents in all formats and languages, catalogues, errors. */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { unzipSync } from "fflate";
import { chooseLegalFile } from "../../core/terms/negotiate.ts";
import { callTerms, denoDir, SOURCE, withFolder, withSource } from "../support/terms-files.ts";

const FORMATS = ["epub", "html", "md", "pdf", "txt"];

async function translate(path: string, message: string, translation: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  const entry = `msgid "${message}"\nmsgstr ""`;
  assert.ok(text.includes(entry), `${entry} in\n${text}`);
  await Deno.writeTextFile(path, text.replace(entry, `msgid "${message}"\nmsgstr "${translation}"`));
}

function listed(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("terms: the manual's workflow, and what the service then answers", async () => {
  await withSource(async (folder, call) => {
    const first = await call("-i", "tos-v0");
    assert.deepEqual([first.code, first.err], [0, ""]);
    assert.deepEqual(listed(join(folder, "terms/en")), FORMATS.map((format) => `tos-v0.${format}`));
    const added = await call("-i", "tos-v0", "-l", "de");
    assert.equal(added.code, 0, added.err);
    const catalogue = join(folder, "terms/locale/de/LC_MESSAGES/tos-v0.po");
    assert.match(added.out, /created .*tos-v0\.po: 1 translated, 0 to be reviewed \(fuzzy\), 10 to be translated/);
    await translate(catalogue, "Terms of Service", "Nutzungsbedingungen");
    await translate(catalogue, "You may use it.", "Sie dürfen ihn *nutzen*.");
    const second = await call("-i", "tos-v0.rst");
    assert.equal(second.code, 0, second.err);
    assert.match(second.err, /tos-v0\.po: 8 not translated; these appear in English/);
    assert.equal(second.out.match(/^wrote /gm)?.length, 10);
    const read = (path: string) => Deno.readTextFile(join(folder, "terms", path));
    assert.match(await read("de/tos-v0.txt"), /^Nutzungsbedingungen\n=+\n\n[^]*\n\nSie dürfen ihn _nutzen_\.\n/);
    assert.match(await read("de/tos-v0.html"), /<html lang="de" dir="ltr">[^]*<title>Nutzungsbedingungen<\/title>/);
    assert.match(await read("de/tos-v0.html"), /<p id="toc_title">Inhalt<\/p>/);
    assert.match(await read("en/tos-v0.md"), /^# Terms of Service\n\nThese are the terms of Example Audit, see </);
    const book = unzipSync(await Deno.readFile(join(folder, "terms/de/tos-v0.epub")));
    assert.match(new TextDecoder().decode(book["EPUB/text.xhtml"]), /<h1 id="terms-of-service">Nutzungsbedingungen</);
    const files = ["de", "en"].flatMap((language) =>
      listed(join(folder, "terms", language)).map((name) => ({ language, extension: name.split(".").at(-1)!, name }))
    );
    const answer = (accept?: string, languages?: string) => {
      const { file } = chooseLegalFile(files, accept, languages)!;
      return `${file.language}/${file.name}`;
    };
    // the manual's example: files en and de in five formats, a client that wants HTML in fr or en
    assert.equal(answer("text/html", "fr, en"), "en/tos-v0.html");
    assert.equal(answer("application/pdf", "de"), "de/tos-v0.pdf");
    assert.equal(answer(), "en/tos-v0.txt");
  });
});

Deno.test("terms: the same input gives the same files, and -K makes them only when something has changed", async () => {
  await withSource(async (folder, call) => {
    const read = () => FORMATS.map((format) => Deno.readFileSync(join(folder, `terms/en/tos-v0.${format}`)));
    assert.equal((await call("-i", "tos-v0")).code, 0);
    const before = read();
    assert.equal((await call("-i", "tos-v0")).code, 0);
    assert.deepEqual(read(), before);
    assert.match((await call("-i", "tos-v0", "-K")).out, /nothing has changed/);
    assert.match((await call("-i", "tos-v0", "-K", "-C", "x")).out, /^wrote /);
    await Deno.remove(join(folder, "terms/en/tos-v0.md"));
    assert.match((await call("-i", "tos-v0", "-K", "-C", "x")).out, /^wrote /);
    await call("-i", "tos-v0", "-l", "de");
    assert.match((await call("-i", "tos-v0", "-K", "-C", "x")).out, /wrote .*de\/tos-v0\.pdf/);
    assert.match((await call("-i", "tos-v0", "-K", "-C", "x")).out, /nothing has changed/);
    assert.deepEqual(listed(join(folder, "terms/en")), FORMATS.map((format) => `tos-v0.${format}`));
  });
});

Deno.test("terms: -l twice writes nothing, and never loses a translation", async () => {
  await withSource(async (folder, call) => {
    await call("-i", "tos-v0", "-l", "fr");
    const catalogue = join(folder, "terms/locale/fr/LC_MESSAGES/tos-v0.po");
    await translate(catalogue, "First rule", "Première règle");
    const before = [await Deno.readTextFile(catalogue), Deno.statSync(catalogue).mtime?.getTime()];
    assert.match((await call("-i", "tos-v0", "-l", "fr")).out, /^unchanged /);
    assert.deepEqual([await Deno.readTextFile(catalogue), Deno.statSync(catalogue).mtime?.getTime()], before);
    await Deno.writeTextFile(join(folder, "tos-v0.rst"), SOURCE.replace("First rule", "First rule of all"));
    assert.match((await call("-i", "tos-v0", "-l", "fr")).out, /^updated .* 0 translated, 1 to be reviewed/);
    assert.match(
      await Deno.readTextFile(catalogue),
      /#, fuzzy\n#\| msgid "First rule"\nmsgid "First rule of all"\nmsgstr "Première règle"\n/,
    );
    await Deno.writeTextFile(join(folder, "tos-v0.rst"), SOURCE);
    await call("-i", "tos-v0", "-l", "fr");
    assert.match(await Deno.readTextFile(catalogue), /\nmsgid "First rule"\nmsgstr "Première règle"\n/);
    assert.deepEqual(listed(join(folder, "terms/locale/fr/LC_MESSAGES")), ["tos-v0.po"]);
  });
});

Deno.test("terms: nothing is written when something is wrong", async () => {
  await withSource(async (folder, call) => {
    await Deno.writeTextFile(
      join(folder, "bad.rst"),
      `${SOURCE}\n.. raw:: html\n\n   <b>x</b>\n\nAnd \`x <javascript:a>\`_\n`,
    );
    const refused = await call("-i", "bad");
    assert.equal(refused.code, 1);
    assert.match(refused.err, /error: bad\.rst:24: the directive raw:: is not supported/);
    await call("-i", "tos-v0", "-l", "de");
    await translate(join(folder, "terms/locale/de/LC_MESSAGES/tos-v0.po"), "The end.", "Das *Ende.");
    const broken = await call("-i", "tos-v0");
    assert.equal(broken.code, 1);
    assert.match(
      broken.err,
      /error: .*\/de\/LC_MESSAGES\/tos-v0\.po: translation of tos-v0\.rst:22: \* begins emphasis/,
    );
    assert.deepEqual(listed(join(folder, "terms")), ["locale"]);
    await Deno.writeTextFile(join(folder, "terms/locale/de/LC_MESSAGES/tos-v0.po"), 'msgid "x\n');
    for (const args of [[], ["-l", "de"]]) {
      const unreadable = await call("-i", "tos-v0", ...args);
      assert.equal(unreadable.code, 1);
      assert.match(unreadable.err, /tos-v0\.po:2: End-of-line within string/);
    }
  });
});

const WRONG: readonly [args: string[], code: number, message: RegExp][] = [
  [["-l", "deu"], 2, /-l: "deu" is not two letters/],
  [["-l", "DE"], 2, /is not two letters/],
  [["-l", "en"], 2, /en is the language of the text itself/],
  [["-p", "a5"], 2, /neither a4 nor letter/],
  [["--date", "tomorrow"], 2, /tomorrow is not a date/],
  [["--nonsense"], 2, /nonsense/],
  [["tos-v0"], 2, /tos-v0/],
  [["-i", "a b"], 2, /"a b" cannot be a version/],
  [["-i", ".hidden"], 2, /cannot be a version/],
  [["-i", "missing"], 1, /there is no missing\.rst\n.*--templates lists/],
  [["-i", "auditor-tos-v0"], 1, /there is no auditor-tos-v0\.rst\n.*terms --template auditor-tos-v0 writes it/],
  [["--font", "missing.ttf", "-i", "tos-v0"], 1, /there is no font missing\.ttf/],
  [["--font", "tos-v0.rst", "-i", "tos-v0"], 1, /is not a TrueType or OpenType font/],
  [["--template", "nothing"], 2, /there is no template nothing/],
];

Deno.test("terms: wrong calls", async () => {
  await withSource(async (folder) => {
    for (const [args, code, message] of WRONG) {
      const places = args.includes("--template") ? [] : ["-o", "out", "-L", "locale"];
      const outcome = await callTerms([...places, ...args], { cwd: folder });
      assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.err}`);
      assert.match(outcome.err, message);
    }
    assert.deepEqual(listed(folder), ["tos-v0.rst"]);
  });
});

Deno.test("terms: characters without a glyph stop the run before anything is written", async () => {
  await withSource(async (folder, call) => {
    await Deno.writeTextFile(join(folder, "ja-v0.rst"), `${SOURCE}\n漢字\n`);
    const refused = await call("-i", "ja-v0");
    assert.equal(refused.code, 1);
    assert.match(
      refused.err,
      /en\/ja-v0\.pdf: no font has the characters 漢 \(U\+6F22\), 字 \(U\+5B57\)\n[^]*--font FILE/,
    );
  });
});

Deno.test("terms: a template becomes the source, is not written over, and its placeholders are named", async () => {
  await withFolder(async (folder) => {
    const call = (...args: string[]) => callTerms(args, { cwd: folder });
    assert.match((await call("--templates")).out, /^auditor-tos-v0 +terms of service of an auditor$/m);
    const written = await call("--template", "auditor-tos-v0", "-i", "tos-v1");
    assert.deepEqual([written.code, listed(folder)], [0, ["tos-v1.rst"]]);
    assert.match(written.out, /wrote tos-v1\.rst[^]*lawyer/);
    const again = await call("--template", "auditor-tos-v0", "-i", "tos-v1.rst");
    assert.equal(again.code, 1);
    assert.match(again.err, /tos-v1\.rst exists and is left as it is/);
    const german = await call("-i", "tos-v1", "-l", "de", "-o", "out", "-L", "locale");
    assert.match(german.out, /68 translated, 0 to be reviewed \(fuzzy\), 0 to be translated/);
    assert.match(german.err, /tos-v1\.rst: still to be filled in: \|OPERATOR\|, \|ADDRESS\|/);
    const path = join(folder, "tos-v1.rst");
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace(/(replace::) \[.*\]/g, "$1 Something"));
    assert.equal((await call("-i", "tos-v1", "-o", "out2", "-L", "none")).err, "");
  });
});

Deno.test("terms: places from environment and configuration", async () => {
  await withSource(async (folder) => {
    const config = join(folder, "auditor.conf");
    const write = (text: string) => Deno.writeTextFile(config, text);
    const call = async (env: Record<string, string> = {}) => {
      const { code, out, err } = await callTerms(["-i", "tos-v0", "-c", config], { cwd: folder, env });
      assert.equal(code, 0, err);
      return { out, folder: /^wrote (.*)\/en\//m.exec(out)![1]! };
    };
    await write(`[exchange]\nTERMS_DIR = ${folder}/exchange\n`);
    assert.equal((await call()).folder, `${folder}/exchange`);
    await write(`[exchange]\nTERMS_DIR = ${folder}/exchange\n[auditor]\nTERMS_DIR = ${folder}/auditor/\n`);
    assert.equal((await call()).folder, `${folder}/auditor`);
    assert.equal((await call({ TALER_EXCHANGE_TERMS_DIR: `${folder}/env1` })).folder, `${folder}/env1`);
    const both = { TALER_EXCHANGE_TERMS_DIR: `${folder}/env1`, TALER_AUDITOR_TERMS_DIR: `${folder}/env2` };
    assert.equal((await call(both)).folder, `${folder}/env2`);
    await write(`[auditor]\nTERMS_DIR = ${folder}/a\nPRIVACY_DIR = ${folder}/p\nPRIVACY_ETAG = tos-v0\n`);
    assert.equal((await call()).folder, `${folder}/p`);
    await write(`[auditor]\nTERMS_DIR = ${folder}/a\nTERMS_ETAG = tos-v7\n`);
    assert.match(
      (await call()).out,
      /note: the auditor's web service shows TERMS_ETAG = tos-v7; set TERMS_ETAG or PRIVACY_ETAG/,
    );
  });
});

Deno.test("terms: where catalogues are", async () => {
  await withSource(async (folder) => {
    const config = join(folder, "auditor.conf");
    const call = async (env: Record<string, string> = {}) => {
      const { out } = await callTerms(["-i", "tos-v0", "-l", "de", "-c", config], { cwd: folder, env });
      return /^(?:created|unchanged) (.*?):/.exec(out)?.[1];
    };
    await Deno.writeTextFile(config, `[auditor]\nTERMS_DIR = ${folder}/a\n`);
    const below = `${folder}/a/locale/de/LC_MESSAGES/tos-v0.po`;
    assert.equal(await call({ TALER_PATHS_LOCALEDIR: `${folder}/e` }), `${folder}/e/de/LC_MESSAGES/tos-v0.po`);
    // older tools kept them in the system's folder; they are found there as long as there are none of the manual's
    const prefix = { TALER_AUDITOR_PREFIX: `${folder}/usr` };
    await Deno.mkdir(`${folder}/usr/share/locale/de/LC_MESSAGES`, { recursive: true });
    await Deno.copyFile(`${folder}/e/de/LC_MESSAGES/tos-v0.po`, `${folder}/usr/share/locale/de/LC_MESSAGES/tos-v0.po`);
    assert.equal(await call(prefix), `${folder}/usr/share/locale/de/LC_MESSAGES/tos-v0.po`);
    assert.equal(await call(), below);
    assert.equal(await call(prefix), below);
    await Deno.writeTextFile(config, `[auditor]\nTERMS_DIR = ${folder}/a\n[PATHS]\nLOCALEDIR = ${folder}/l\n`);
    assert.equal(await call(), `${folder}/l/de/LC_MESSAGES/tos-v0.po`);
  });
});

Deno.test("terms: catalogues of other names than two letters are told and not used", async () => {
  await withSource(async (folder, call) => {
    for (const name of ["en", "pt_BR"]) {
      await Deno.mkdir(join(folder, `terms/locale/${name}/LC_MESSAGES`), { recursive: true });
      await Deno.writeTextFile(join(folder, `terms/locale/${name}/LC_MESSAGES/tos-v0.po`), "");
    }
    const { code, err } = await call("-i", "tos-v0");
    assert.equal(code, 0);
    assert.match(err, /en\/LC_MESSAGES\/tos-v0\.po is not used: the source is English/);
    assert.match(err, /pt_BR\/LC_MESSAGES\/tos-v0\.po is not used: no two-letter language/);
    assert.deepEqual(listed(join(folder, "terms")), [".tos-v0.stamp", "en", "locale"]);
  });
});

Deno.test("terms: documents can be read by the service's user whatever the umask is", async () => {
  if (Deno.build.os === "windows") return;
  await withSource(async (folder, call) => {
    const before = Deno.umask(0o077);
    try {
      assert.equal((await call("-i", "tos-v0")).code, 0);
    } finally {
      Deno.umask(before);
    }
    assert.equal(Deno.statSync(join(folder, "terms/en/tos-v0.html")).mode! & 0o777, 0o644);
    assert.equal(Deno.statSync(join(folder, "terms/en")).mode! & 0o777, 0o755);
  });
});

Deno.test("terms: needs to read and write its folders, and nothing else; a missing right is told", async () => {
  await withSource(async (folder) => {
    const args = ["-i", "tos-v0", "-o", join(folder, "out"), "-L", join(folder, "out/locale")];
    // from source, the compiler and the fonts are files of the runtime's cache
    const rights = [
      `--allow-read=${join(folder, "tos-v0.rst")},${folder}/out,${join(denoDir(), "npm")}`,
      "--allow-write=" + folder,
    ];
    const surroundings = { cwd: folder, rights };
    const made = await callTerms(args, surroundings);
    assert.equal(made.code, 0, made.err);
    assert.deepEqual(listed(join(folder, "out/en")).map((name) => basename(name)), FORMATS.map((f) => `tos-v0.${f}`));
    assert.equal((await callTerms([...args, "-l", "de"], surroundings)).code, 0);
    const refused = await callTerms(args, { cwd: folder, rights: [rights[0]!] });
    assert.equal(refused.code, 4);
    assert.match(refused.err, /cannot be written: Requires write access/);
  });
});

Deno.test("terms: --help names every option", async () => {
  await withFolder(async (folder) => {
    const { code, out } = await callTerms(["--help"], { cwd: folder });
    assert.equal(code, 0);
    for (
      const option of ["-i", "-o", "-l", "-L", "-t", "-a", "-C", "-p", "-K", "-h", "--font", "--date", "--template"]
    ) {
      assert.ok(out.includes(`  ${option}, --`) || out.includes(` ${option} `), option);
    }
  });
});

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import fc from "fast-check";
import { planChange, wholeText } from "../../core/config/change.ts";
import type { Configuration } from "../../core/config/configuration.ts";
import { fixedEnvironment } from "../../core/config/environment.ts";
import { formatSections, formatValue, isOptionName, isSectionName, setOption } from "../../core/config/edit.ts";
import { expandReferences } from "../../core/config/expand.ts";
import { loadConfiguration, type LoadOptions, parseConfiguration } from "../../core/config/load.ts";
import { foldName, parseText } from "../../core/config/parse.ts";

/** Characters that mean something to the language, and some that do not. */
const CHARACTERS = [..." \t\r\n\"'#%@[]=$\\{}:-~/aAbBzZ019.\u00a0äß€\u{1f600}\ufeff\0"];
const line = fc.string({ unit: fc.constantFrom(...CHARACTERS.filter((sign) => sign !== "\n")), maxLength: 20 });
const text = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 120 });
const sectionName = line.filter(isSectionName);
const optionName = line.filter(isOptionName);
const value = fc.oneof(line, fc.string()).filter((candidate) => formatValue(candidate) !== undefined);

const sections = fc.uniqueArray(
  fc.record({
    name: sectionName,
    options: fc.uniqueArray(fc.record({ option: optionName, value }, { noNullPrototype: true }), {
      selector: ({ option }) => foldName(option),
      maxLength: 6,
    }),
  }, { noNullPrototype: true }),
  { selector: ({ name }) => foldName(name), maxLength: 5 },
);

/** A text that has no syntax error: headings, options, comments and blank lines in any order. */
const wellFormed = fc.array(
  fc.oneof(
    sectionName.map((name) => `[${name}]`),
    fc.tuple(optionName, line).map(([option, written]) => `${option}=${written}`),
    line.map((comment) => `#${comment}`),
    fc.constantFrom("", "  ", "\r"),
  ),
  { maxLength: 12 },
).map((lines) => ["[start]", ...lines].join("\n"));

Deno.test("what is written is read back: names, order, values, line numbers", () => {
  fc.assert(fc.property(sections, (written) => {
    const formatted = formatSections(written);
    assert.ok("text" in formatted);
    const { lines, problems } = parseText(formatted.text, "f");
    assert.deepEqual(problems, []);
    const read: { name: string; options: { option: string; value: string }[] }[] = [];
    for (const { statement } of lines) {
      if (statement.kind === "section") read.push({ name: statement.section, options: [] });
      if (statement.kind === "option") read.at(-1)?.options.push({ option: statement.option, value: statement.value });
    }
    assert.deepEqual(read, written);
  }));
});

Deno.test("a configuration that is written out and read again reads the same", () => {
  fc.assert(fc.property(wellFormed, (original) => {
    const first = parseConfiguration(original);
    const contents = first.sections().map((name) => ({ name, options: first.options(name) }));
    const formatted = formatSections(contents);
    assert.ok("text" in formatted, JSON.stringify(formatted));
    const second = parseConfiguration(formatted.text);
    for (const { name, options } of contents) {
      const plain = (list: typeof options) => list.map(({ option, value }) => [option, value]);
      assert.deepEqual(plain(second.options(name)), plain(options));
    }
    assert.deepEqual(second.sections(), first.sections());
  }));
});

Deno.test("no text makes the parser throw, none is lost, problems have their lines", () => {
  fc.assert(fc.property(text, (input) => {
    const { lines, problems } = parseText(input, "f");
    assert.equal(lines.map(({ raw }) => raw).join("\n"), input);
    assert.deepEqual(
      problems.map((problem) => problem.line),
      lines.filter(({ statement }) => statement.kind === "error").map(({ number }) => number),
    );
  }));
});

Deno.test("setting an option: it reads back, and no other line changes", () => {
  fc.assert(
    fc.property(wellFormed, sectionName, optionName, value, fc.boolean(), (before, section, option, wanted, same) => {
      const target = same ? "START" : section;
      const result = setOption(before, target, option, wanted);
      assert.ok("text" in result, JSON.stringify(result));
      assert.equal(parseConfiguration(result.text).getString(target, option), wanted);
      const [old, fresh] = [before.split("\n"), result.text.split("\n")];
      const kept = old.filter((raw) => raw !== "");
      const remaining = [...fresh];
      const lost = kept.filter((raw) => {
        const index = remaining.indexOf(raw);
        if (index >= 0) remaining.splice(index, 1);
        return index < 0;
      });
      assert.ok(lost.length <= 1, JSON.stringify(lost));
      // Setting it again changes nothing.
      assert.deepEqual(setOption(result.text, target, option, wanted), result);
    }),
  );
});

/** Lines that differ, without those that are the same at the beginning and at the end. */
function difference(before: string, after: string): { removed: string[]; added: string[] } {
  const [removed, added] = [before.split("\n"), after.split("\n")];
  while (removed.length > 0 && removed[0] === added[0]) [removed, added].forEach((lines) => lines.shift());
  while (removed.length > 0 && removed.at(-1) === added.at(-1)) [removed, added].forEach((lines) => lines.pop());
  return { removed, added };
}

const NAMES = ["A", "a", "B", "c d"];
const VALUES = ["", "1", "two", " 3 ", '"4"', '"', "a = b # c"];
const someName = fc.constantFrom(...NAMES);
const someValue = fc.constantFrom(...VALUES);

/** Files with few names, so that what is set is often there already; the main file includes the two others. */
const files = fc.record({
  main: fc.array(
    fc.oneof(
      someName.map((name) => `[${name}]`),
      fc.tuple(someName, fc.constantFrom("=", " = ", "\t=  "), someValue).map((parts) => parts.join("")),
      fc.constantFrom("# c", "", "  ", "% A = 9", "@inline@ b.conf", "@inline-secret@ A c.conf", "@inline@ b.conf"),
    ),
    { maxLength: 14 },
  ),
  included: fc.array(fc.oneof(someName.map((name) => `[${name}]`), fc.constantFrom("A = b", "c d = b")), {
    maxLength: 4,
  }),
  ending: fc.constantFrom("\n", "\r\n"),
  last: fc.boolean(),
}).map(({ main, included, ending, last }) => ({
  "/a.conf": `[A]${ending}${main.join(ending)}${last ? ending : ""}`,
  "/b.conf": `[A]\nA = b\nB = b\n[B]\nA = b\n${included.join("\n")}`,
  "/c.conf": "[A]\nA = secret\n[B]\nA = ignored\n",
}));

function memory(texts: Readonly<Record<string, string>>): LoadOptions {
  return {
    readFile: (path) => new TextEncoder().encode(texts[path] ?? ""),
    realPath: (path) => path,
    readDir: () => [],
    executable: () => "/usr/bin/x",
    env: fixedEnvironment({}),
  };
}

function load(texts: Readonly<Record<string, string>>): Configuration {
  const loaded = loadConfiguration({ ...memory(texts), file: "/a.conf" });
  assert.ok("configuration" in loaded, JSON.stringify(loaded));
  return loaded.configuration;
}

/** All values, but those of one option and those that are built in. */
function valuesWithout(config: Configuration, section: string, option: string): string[] {
  return config.sections().flatMap((name) => config.options(name))
    .filter((entry) => entry.origin.layer !== "generated")
    .filter((entry) => foldName(entry.section) !== foldName(section) || foldName(entry.option) !== foldName(option))
    .map((entry) => JSON.stringify([foldName(entry.section), foldName(entry.option), entry.value])).sort();
}

Deno.test("a change of a file with includes: one line, no other value; it takes effect, or a warning says why not", () => {
  let without = 0;
  fc.assert(
    fc.property(
      files,
      fc.oneof(someName, fc.constant("new")),
      someName,
      someValue,
      (texts, section, option, wanted) => {
        const before = texts["/a.conf"];
        const planned = planChange("/a.conf", before, { section, option, value: wanted }, memory(texts));
        assert.ok("text" in planned, JSON.stringify(planned));

        const { removed, added } = difference(before, planned.text);
        const own = (raw: string) => {
          const statement = parseText(`[x]\n${raw}`, "").lines[1]?.statement;
          return statement?.kind === "option" && foldName(statement.option) === foldName(option);
        };
        assert.ok(removed.length <= 1 && removed.every(own), JSON.stringify({ removed, added }));
        assert.equal(added.filter(own).length, removed.length === 1 ? 1 : added.length === 0 ? 0 : 1);
        // A new section comes with an empty line before it, and with the line feed that the last line may lack.
        const others = added.filter((raw) => !own(raw)).map((raw) => raw.trim());
        const headings = others.filter((raw) => raw !== "");
        assert.ok(headings.length === 0 || headings.join() === `[${section}]`, JSON.stringify(added));
        assert.ok(others.length <= 3 * headings.length, JSON.stringify(added));

        const after = load({ ...texts, "/a.conf": planned.text });
        assert.deepEqual(valuesWithout(after, section, option), valuesWithout(load(texts), section, option));
        const effective = after.getString(section, option) === wanted;
        const told = planned.warnings.some((warning) => warning.includes("does not take effect"));
        assert.equal(effective, !told, planned.warnings.join());
        if (!effective) without++;
        const statement = parseText(planned.text, "").lines[planned.line - 1]?.statement;
        assert.deepEqual(statement?.kind === "option" && statement.value, wanted);
      },
    ),
    { numRuns: 1000 },
  );
  assert.ok(without > 3, `only ${without} of 1000 changes were without effect`);
});

Deno.test("a file that is written anew with all that it includes reads the same", () => {
  fc.assert(fc.property(files, fc.boolean(), (texts, full) => {
    const before = load(texts);
    const whole = wholeText(before, full);
    assert.ok("text" in whole, JSON.stringify(whole));
    const after = load({ "/a.conf": whole.text });
    assert.deepEqual(valuesWithout(after, "", ""), valuesWithout(before, "", ""));
  }));
});

Deno.test("expansion ends for any names and values", () => {
  const names = fc.constantFrom("A", "B", "C");
  const values = fc.string({ unit: fc.constantFrom(..."$ABC{}:-/ "), maxLength: 12 });
  fc.assert(fc.property(fc.dictionary(names, values), values, (known, input) => {
    const result = expandReferences(input, (name) => Object.hasOwn(known, name) ? known[name] : undefined);
    assert.ok("text" in result || result.error !== "");
    if (!input.includes("$")) assert.deepEqual(result, { text: input, warnings: [] });
  }));
});

// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatSections, formatValue, isOptionName, isSectionName, setOption } from "../../core/config/edit.ts";
import { expandReferences } from "../../core/config/expand.ts";
import { parseConfiguration } from "../../core/config/load.ts";
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

Deno.test("expansion ends for any names and values", () => {
  const names = fc.constantFrom("A", "B", "C");
  const values = fc.string({ unit: fc.constantFrom(..."$ABC{}:-/ "), maxLength: 12 });
  fc.assert(fc.property(fc.dictionary(names, values), values, (known, input) => {
    const result = expandReferences(input, (name) => Object.hasOwn(known, name) ? known[name] : undefined);
    assert.ok("text" in result || result.error !== "");
    if (!input.includes("$")) assert.deepEqual(result, { text: input, warnings: [] });
  }));
});

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Markup inside the text of legal documents, its links, and translations of it. */
import assert from "node:assert/strict";
import type { Translator } from "../../core/terms/resolve.ts";
import { documentOf, outline, problemsOf, TITLE } from "../support/terms.ts";

/** What follows the title and the definitions that all of these texts may use. */
function inline(text: string, translator?: Translator): string {
  const definitions = ".. |op| replace:: Audit *Ltd*\n.. _taler: https://taler.net/\n.. _alias: taler_\n\n";
  return outline(documentOf(TITLE + definitions + text + "\n", translator).blocks.slice(1));
}

const TEXTS: readonly [source: string, expected: string][] = [
  ["*a b* **c** ``d *e*``", "*a b* **c** `d *e*`"],
  ["a*b*c 2 * 3 * 4 a ** b", "a*b*c 2 * 3 * 4 a ** b"],
  ['(*a*), "**b**"; *c*.', '(*a*), "**b**"; *c*.'],
  ["\"*\" '`' (**)", "\"*\" '`' (**)"],
  ["„*a*“ «**b**» —*c*—", "„*a*“ «**b**» —*c*—"],
  ["re\\ *em*\\ phasis", "re*em*phasis"],
  ["\\*a\\* \\\\ \\`b\\` c\\_ \\|d\\|", "*a* \\ `b` c_ |d|"],
  ["*a\\* b*", "*a* b*"],
  ["``a\\``", "`a\\`"],
  ["a  b\nc", "a b c"],
  ["snake_case __init__ _ a_b_c", "snake_case __init__ _ a_b_c"],
  ["taler_, Taler_. alias_", "{taler|https://taler.net/}, {Taler|https://taler.net/}. {alias|https://taler.net/}"],
  ["`Taler`_ and `the site <taler_>`_", "{Taler|https://taler.net/} and {the site|https://taler.net/}"],
  ["`site <https://x.example/a?b=1&c=2#d>`_", "{site|https://x.example/a?b=1&c=2#d}"],
  ["`long\nlink <https://x.example/\nabc>`__.", "{long link|https://x.example/abc}."],
  ["`<https://x.example/>`_", "{https://x.example/|https://x.example/}"],
  [
    "`one`__ two__\n\n__ https://a.example/\n.. __: https://b.example/",
    "{one|https://a.example/} {two|https://b.example/}",
  ],
  [
    "https://x.example/a_(b), or (http://y.example/).",
    "{https://x.example/a_(b)|https://x.example/a_(b)}, or ({http://y.example/|http://y.example/}).",
  ],
  ["ahttps://x.example/ https:// ftp://x.example/", "ahttps://x.example/ https:// ftp://x.example/"],
  [
    "a.b@x.example, <c@x.example> @d e@f",
    "{a.b@x.example|mailto:a.b@x.example}, <{c@x.example|mailto:c@x.example}> @d e@f",
  ],
  ["`mail <mailto:a@x.example>`_", "{mail|mailto:a@x.example}"],
  ["|op| and |op|’s", "Audit *Ltd* and Audit *Ltd*’s"],
  ["a | b", "a | b"],
  ["a\u00a0b \u2009c", "a\u00a0b \u2009c"],
];

for (const [source, expected] of TEXTS) {
  Deno.test(`terms inline: ${JSON.stringify(source)}`, () => assert.equal(inline(source), expected));
}

const REFUSED: readonly [source: string, message: RegExp][] = [
  ["*a", /\* begins emphasis that does not end; write \\\*/],
  ["a **b", /\*\* begins emphasis/],
  ["``a", /literal that does not end/],
  ["`a", /reference that does not end/],
  ["`a`", /single back-quotes need/],
  ["`a b`_", /no target "a b"/],
  ["foo_ bar", /no target "foo"; write \\_/],
  ["a__ b", /more references with __/],
  [":ref:`a`", /roles .* are not supported/],
  ["_`a`", /targets inside text/],
  ["|nobody|", /\|nobody\| is not defined/],
  ["|a b", /substitution that does not end/],
  ["a [1]_", /no footnote \[1\]/],
  ["a [*]_", /no footnote/],
  ["a [Tal2002]_", /no footnote/],
  ["a\\", /backslash at the end/],
  ["`x <javascript:alert(1)>`_", /must begin with https/],
  ["`x <JavaScript:alert(1)>`_", /must begin with https/],
  ["`x <data:text/html,a>`_", /must begin with https/],
  ["`x <//x.example/>`_", /must begin with https/],
  ["`x <file:///etc/passwd>`_", /must begin with https/],
  ["`x <https://user:pw@x.example/>`_", /password/],
  ["`x <https://>`_", /not a valid address/],
];

for (const [source, message] of REFUSED) {
  Deno.test(`terms inline: refused: ${JSON.stringify(source)}`, () => {
    const [problem = ""] = problemsOf(`${TITLE}First line\nand ${source}\n`);
    assert.match(problem, message);
    assert.match(problem, /^tos-v0\.rst:5: /);
  });
}

Deno.test("terms inline: addresses cannot break out of an attribute", () => {
  const text = inline("`x <https://x.example/\"onclick='a'{b}|c^>`_");
  assert.equal(text, "{x|https://x.example/%22onclick=%27a%27%7Bb%7D%7Cc%5E}");
});

Deno.test("terms inline: substitutions hold no others, and names that lead in circles are told", () => {
  assert.match(problemsOf(`${TITLE}.. |a| replace:: x |a|\n\n|a|\n`)[0]!, /may not contain another/);
  assert.match(problemsOf(`${TITLE}.. _a: b_\n.. _b: a_\n\nSee a_ now\n`)[0]!, /circle/);
});

Deno.test("terms inline: a mistake in a definition that nobody uses is told", () => {
  assert.match(problemsOf(`${TITLE}.. |a| replace:: *x\n`)[0]!, /^tos-v0\.rst:4: \* begins/);
});

Deno.test("terms inline: two headings of the same name cannot be referred to", () => {
  assert.match(problemsOf(`${TITLE}See One_ here\n\nOne\n---\n\nOne\n---\n`)[0]!, /several headings are called "One"/);
});

const german: Translator = {
  file: "de.po",
  translate: (message) =>
    ({ "Hello *world*, see taler_": "Hallo *Welt*: taler_", "Audit *Ltd*": "Prüf *AG*" })[message],
};

Deno.test("terms inline: a translation has the markup and refers to what the source defines", () => {
  assert.equal(
    inline("Hello\n*world*,  see taler_\n\n|op|", german),
    "Hallo *Welt*: {taler|https://taler.net/} ; Prüf *AG*",
  );
});

Deno.test("terms inline: what is not translated stays as it is", () => {
  assert.equal(inline("Something else", german), "Something else");
});

Deno.test("terms inline: mistakes in a translation name the catalogue and the place in the source", () => {
  const broken = (text: string): Translator => ({ file: "de.po", translate: (m) => m === "Text" ? text : undefined });
  assert.deepEqual(problemsOf(`${TITLE}Text\n`, broken("*x")), [
    "de.po: translation of tos-v0.rst:4: * begins emphasis that does not end; write \\* for a star",
  ]);
  assert.match(problemsOf(`${TITLE}Text\n`, broken("`x <javascript:a>`_"))[0]!, /must begin with https/);
  assert.match(problemsOf(`${TITLE}Text\n`, broken("a\u0000b"))[0]!, /character U\+0000/);
});

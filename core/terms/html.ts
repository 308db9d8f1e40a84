// SPDX-License-Identifier: AGPL-3.0-or-later
/** A page in HTML that needs nothing else: no script, no font, no image from anywhere. */

import { colophon, CONTENTS_MIN, directionOf, type Edition } from "./edition.ts";
import { contentsMarkup, escapeMarkup, markupOf } from "./markup.ts";
import { PAGE_STYLE } from "./style.ts";
import { sectionsOf } from "./tree.ts";

/** Prints an edition as HTML, ending with a line end. */
export function renderHtml(edition: Edition): string {
  const { document, language, title, author, contents } = edition;
  // the title comes before the table of contents
  const [heading, ...rest] = document.blocks;
  const withContents = sectionsOf(document).filter(({ level }) => level === 2).length >= CONTENTS_MIN;
  const nav = withContents
    ? `<nav aria-labelledby="toc_title">
<p id="toc_title">${escapeMarkup(contents)}</p>
${contentsMarkup(document, "", 3)}
</nav>
`
    : "";
  return `<!DOCTYPE html>
<html lang="${escapeMarkup(language)}" dir="${directionOf(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title>
${author === "" ? "" : `<meta name="author" content="${escapeMarkup(author)}">\n`}<style>
${PAGE_STYLE}</style>
</head>
<body>
<div class="page${withContents ? " wide" : ""}">
${heading === undefined ? "" : markupOf({ blocks: [heading] })}
${nav}<main>
${markupOf({ blocks: rest })}
</main>
<footer>
${colophon(edition).map((line) => `<p>${escapeMarkup(line)}</p>`).join("\n")}
</footer>
</div>
</body>
</html>
`;
}

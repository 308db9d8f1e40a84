// SPDX-License-Identifier: AGPL-3.0-or-later
/** E-books: EPUB 3.3 with one text, its contents and its style sheet. The same edition gives the same bytes. */

import { createHash } from "node:crypto";
import { strToU8, type Zippable, zipSync } from "fflate";
import { colophon, directionOf, type Edition } from "./edition.ts";
import { contentsMarkup, escapeMarkup, markupOf } from "./markup.ts";
import { BOOK_STYLE } from "./style.ts";
import { sectionsOf, titleOf } from "./tree.ts";

/** Makes the e-book of an edition. */
export function renderEpub(edition: Edition): Uint8Array {
  const files: Record<string, string> = {
    // must be the first one, and not compressed (OCF 3.3, 4.3)
    mimetype: "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "EPUB/package.opf": packageOf(edition),
    "EPUB/nav.xhtml": navigation(edition),
    "EPUB/text.xhtml": textPage(edition),
    "EPUB/style.css": BOOK_STYLE,
  };
  const entries: Zippable = {};
  for (const [name, content] of Object.entries(files)) {
    entries[name] = [strToU8(content), { level: name === "mimetype" ? 0 : 9, mtime: FILE_TIME, os: 0 }];
  }
  return zipSync(entries);
}

/** Zip files hold local time: this one is written the same everywhere. */
const FILE_TIME = new Date(1980, 0, 1, 0, 0, 0);

const CONTAINER = `<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
`;

/** The metadata and the list of files. */
function packageOf(edition: Edition): string {
  const { language, title, author, copyright, date, document } = edition;
  const creator = author === "" ? "" : `<dc:creator>${escapeMarkup(author)}</dc:creator>\n`;
  const rights = copyright === "" ? "" : `<dc:rights>${escapeMarkup(copyright)}</dc:rights>\n`;
  const shown = title === "" ? titleOf(document) : title;
  return `<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="${language}">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">${identifier(edition)}</dc:identifier>
<dc:title>${escapeMarkup(shown)}</dc:title>
<dc:language>${language}</dc:language>
${creator}${rights}<dc:date>${isoSeconds(date)}</dc:date>
<meta property="dcterms:modified">${isoSeconds(date)}</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="text" href="text.xhtml" media-type="application/xhtml+xml"/>
<item id="style" href="style.css" media-type="text/css"/>
</manifest>
<spine${directionOf(language) === "rtl" ? ' page-progression-direction="rtl"' : ""}>
<itemref idref="text"/>
</spine>
</package>
`;
}

function isoSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** A UUID of version 8 (RFC 9562) that stands for this version of the text in this language. */
function identifier({ etag, language, title }: Edition): string {
  const digest = createHash("sha256").update(["taler-terms", etag, language, title].join("\0")).digest();
  digest[6] = digest[6]! & 0x0f | 0x80;
  digest[8] = digest[8]! & 0x3f | 0x80;
  const hex = digest.toString("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)];
  return `urn:uuid:${parts.join("-")}`;
}

function page({ language, title }: Edition, body: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="${language}" xml:lang="${language}" dir="${
    directionOf(language)
  }">
<head>
<title>${escapeMarkup(title)}</title>
<link rel="stylesheet" type="text/css" href="style.css"/>
</head>
<body>
${body}
</body>
</html>
`;
}

function textPage(edition: Edition): string {
  const lines = colophon(edition).map((line) => `<p>${escapeMarkup(line)}</p>`).join("\n");
  return page(edition, `${markupOf(edition.document)}\n<div class="colophon">\n${lines}\n</div>`);
}

function navigation(edition: Edition): string {
  const { document, contents } = edition;
  const [heading] = document.blocks;
  const id = heading?.kind === "heading" ? heading.id : "";
  const title = `<li><a href="text.xhtml#${id}">${escapeMarkup(titleOf(document))}</a></li>`;
  const list = sectionsOf(document).length === 0
    ? `<ol>\n${title}\n</ol>`
    : contentsMarkup(document, "text.xhtml", 6).replace("<ol>", `<ol>\n${title}`);
  return page(
    edition,
    `<nav epub:type="toc" id="toc">\n<h2>${escapeMarkup(contents)}</h2>\n${list}\n</nav>`,
  );
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** The sheet of paper that keeps a backup: one SVG file in the size of A4, without fonts or images of its own. */

import { encode } from "uqr";
import { encodeBase32 } from "../taler/base32.ts";
import { backupPublicKey } from "./backup.ts";
import { paperLines, qrText } from "./paper.ts";

/** Modules of a QR code, row by row, true is dark; four light modules around it belong to it. */
export function qrModules(text: string): boolean[][] {
  // A quarter of the modules may be unreadable: paper is folded and gets stains.
  return encode(text, { ecc: "Q", boostEcc: false, border: 4 }).data;
}

const PAGE = { width: 210, height: 297, margin: 20 } as const;
const QR_SIZE = 90;

/** The sheet as an SVG document. All lengths are millimetres; the same backup always gives the same sheet. */
export function paperSvg(backup: Uint8Array): string {
  const publicKey = encodeBase32(backupPublicKey(backup) ?? new Uint8Array(0));
  const modules = qrModules(qrText(backup));
  const scale = QR_SIZE / modules.length;
  const texts = [
    text(28, 7, "Auditor's private key, encrypted", "sans-serif", "bold"),
    text(36, 4, "GNU Taler. Nobody can use this sheet without its passphrase."),
    text(46, 4, "Public key:"),
    text(52, 4.6, publicKey, "monospace"),
    ...paperLines(backup).map((line, index) => text(166 + 9 * index, 5.4, line, "monospace")),
    text(246, 4, "To restore: type the eight numbered lines (or the text of the QR code) into a file and call"),
    text(252, 4, "taler-auditor offline restore FILE", "monospace"),
    text(260, 4, "Upper and lower case are equal; there is no letter O, I, L or U: they are 0, 1, 1 and V."),
    text(266, 4, "The last four characters of each line are a checksum of that line."),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${PAGE.width}mm" height="${PAGE.height}mm" viewBox="0 0 ${PAGE.width} ${PAGE.height}">
<title>Encrypted backup of the auditor's key ${publicKey}</title>
<rect width="100%" height="100%" fill="white"/>
<path transform="translate(${(PAGE.width - QR_SIZE) / 2} 60) scale(${
    scale.toFixed(6)
  })" shape-rendering="crispEdges" d="${path(modules)}"/>
${texts.join("\n")}
</svg>
`;
}

function text(y: number, size: number, content: string, family = "sans-serif", weight = "normal"): string {
  // xml:space keeps the double blanks that separate number, data and checksum. All texts are the program's own.
  const place = `x="${PAGE.margin}" y="${y}" font-size="${size}"`;
  return `<text ${place} font-family="${family}" font-weight="${weight}" xml:space="preserve">${content}</text>`;
}

/** Dark modules as horizontal runs. */
function path(modules: readonly (readonly boolean[])[]): string {
  return modules.flatMap((row, y) => {
    const runs: string[] = [];
    for (let x = 0; x < row.length; x++) {
      if (row[x] !== true) continue;
      const start = x;
      while (row[x + 1] === true) x++;
      runs.push(`M${start} ${y}h${x + 1 - start}v1h-${x + 1 - start}z`);
    }
    return runs;
  }).join("");
}

// SPDX-License-Identifier: AGPL-3.0-or-later
/** Style sheets of the documents: one for pages (screen, dark screen, phone, paper), one for e-books. */

/** Markers of numbered lists that have brackets; browsers that cannot do this show the plain ones. */
const MARKERS = ["arabic", "alpha", "alpha-upper", "roman", "roman-upper"].map((name) => {
  const style = {
    arabic: "decimal",
    alpha: "lower-alpha",
    "alpha-upper": "upper-alpha",
    roman: "lower-roman",
    "roman-upper": "upper-roman",
  }[name];
  return `ol.close-${name}>li::marker{content:counter(list-item,${style}) ")\\2002"}
ol.both-${name}>li::marker{content:"(" counter(list-item,${style}) ")\\2002"}`;
}).join("\n");

/** What pages and e-books have in common. */
const COMMON = `h1,h2,h3,h4,h5,h6{line-height:1.25;break-after:avoid;page-break-after:avoid;text-wrap:balance}
ul,ol{padding-inline-start:1.75em}
ol[class]{padding-inline-start:2.5em}
li{margin-block:.3em}
li>ul,li>ol{margin-block:.3em}
dt{font-weight:600;margin-block-start:.8em}
dd{margin-inline-start:1.75em;margin-block:.2em}
code{font-family:"IBM Plex Mono",ui-monospace,Menlo,Consolas,monospace;font-size:.92em}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
p,li,dd,td,th{overflow-wrap:break-word;hyphens:manual}
table{border-collapse:collapse}
caption{text-align:start;font-weight:600;padding-block-end:.4em}
th,td{text-align:start;vertical-align:top;padding:.4em .8em .4em 0}
th{font-weight:600}
sup.ref{line-height:0;font-size:.75em}
sup.ref a{padding-inline:.1em;text-decoration:none}
.note{display:flex;gap:.8em;margin-block:.4em;font-size:.9em}
.note .mark{min-width:1.2em;text-align:end}
.lines .line{display:inline-block}
.in1{padding-inline-start:1.5em}
.in2{padding-inline-start:3em}
.in3{padding-inline-start:4.5em}
.in4{padding-inline-start:6em}
${MARKERS}`;

/** Style sheet of a page. */
export const PAGE_STYLE =
  `:root{color-scheme:light dark;--ink:#1c1e21;--soft:#5b6068;--paper:#fff;--line:#d9dce1;--link:#0b57a4;--tint:#f4f5f7}
@media (prefers-color-scheme:dark){:root{--ink:#e4e6ea;--soft:#a4a9b1;--paper:#15171a;--line:#383c42;--link:#8ab8ff;--tint:#1f2226}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 "IBM Plex Sans",system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
.page{max-width:42rem;margin-inline:auto;padding:clamp(1.25rem,5vw,3.5rem) clamp(1rem,4vw,1.5rem)}
h1{font-size:clamp(1.7rem,1.3rem + 2vw,2.3rem);font-weight:700;letter-spacing:-.01em;margin:0 0 1.2rem}
h2{font-size:1.35rem;font-weight:650;margin:2.4em 0 .6em}
h3{font-size:1.1rem;font-weight:650;margin:1.8em 0 .4em}
h4,h5,h6{font-size:1rem;font-weight:650;margin:1.5em 0 .3em}
p{margin:.8em 0}
a{color:var(--link);text-underline-offset:.15em;text-decoration-thickness:.06em}
a:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:2px}
:target{background:var(--tint);box-shadow:0 0 0 .35em var(--tint)}
code{background:var(--tint);padding:.1em .3em;border-radius:3px}
pre{background:var(--tint);padding:.9em 1.1em;border-radius:6px}
pre code{background:none;padding:0}
blockquote{margin:1em 0;padding-inline-start:1.1em;border-inline-start:3px solid var(--line);color:var(--soft)}
hr{border:0;border-block-start:1px solid var(--line);margin:2.5em 0}
.table{overflow-x:auto;margin:1.2em 0}
table{width:100%;font-size:.95em;font-variant-numeric:tabular-nums}
thead th{border-block-end:2px solid var(--line)}
tbody tr{border-block-end:1px solid var(--line)}
.notes{margin-block-start:2.5em;padding-block-start:1em;border-block-start:1px solid var(--line)}
nav{margin:0 0 2.2rem;padding:1rem 1.2rem;background:var(--tint);border-radius:8px;font-size:.95rem}
nav p{margin:0 0 .4rem;font-weight:650}
nav ol{list-style:none;margin:0;padding:0}
nav ol ol{padding-inline-start:1.1em}
nav li{margin:.25rem 0}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
footer{margin-block-start:3.5rem;padding-block-start:1rem;border-block-start:1px solid var(--line);color:var(--soft);font-size:.9rem}
footer p{margin:.2em 0}
${COMMON}
@media (min-width:70rem){
.page.wide{display:grid;grid-template-columns:15rem minmax(0,42rem);column-gap:4rem;max-width:61rem}
.wide h1,.wide main,.wide footer{grid-column:2}
.wide nav{grid-column:1;grid-row:1/4;position:sticky;top:2rem;align-self:start;max-height:calc(100vh - 4rem);overflow-y:auto;background:none;padding:.4rem 0 0;font-size:.875rem}
.wide nav a{color:var(--soft)}
}
@media print{
@page{margin:22mm 20mm}
:root{color-scheme:light;--ink:#000;--soft:#333;--paper:#fff;--line:#999;--link:#000;--tint:#fff}
body{font-size:10.5pt;line-height:1.45}
.page,.page.wide{display:block;max-width:none;padding:0}
nav{display:none}
h1{font-size:20pt}
h2{font-size:13.5pt}
h3{font-size:11.5pt}
p,li,dd{orphans:3;widows:3}
tr,pre,blockquote{break-inside:avoid}
pre,code{border:0;padding:0}
a.named[href^="http"]::after{content:" <" attr(href) ">";font-size:.85em;word-break:break-all}
.table{overflow:visible}
}
`;

/** Style sheet of an e-book: readers choose fonts, sizes and colours themselves. */
export const BOOK_STYLE = `body{line-height:1.45}
h1{font-size:1.6em;margin:0 0 1em}
h2{font-size:1.25em;margin:1.8em 0 .5em}
h3{font-size:1.1em;margin:1.5em 0 .4em}
blockquote{margin:1em 0 1em 1.5em}
.table{margin:1.2em 0}
table{width:100%}
tbody td,thead th{border-bottom:1px solid}
hr{border:0;border-top:1px solid;margin:2em 0}
.notes,.colophon{margin-top:2em;padding-top:.8em;border-top:1px solid}
${COMMON}
`;

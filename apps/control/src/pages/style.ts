import { createHash } from 'node:crypto';

/** The style sheet of the pages about this installation, sent inline; they have no script. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--ink:#16181d;--soft:#5a6070;--line:#d5d9e2;--tint:#f4f5f8;--accent:#3b4fd8}
@media(prefers-color-scheme:dark){:root{--bg:#0f1116;--ink:#eceef3;--soft:#a2a9b8;--line:#333947;--tint:#181b22;--accent:#8d9bff}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:44rem;margin:3rem auto;padding:0 1.25rem;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.2rem;margin-top:2.5rem}h3{font-size:1rem;margin:2rem 0 .25rem;overflow-wrap:anywhere}
h4{font-size:.9rem;margin:1rem 0 .25rem}
p{margin:.5rem 0}a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
code,pre{font:.9em/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
pre{margin:.5rem 0;padding:.75rem 1rem;background:var(--tint);border-radius:.5rem;white-space:pre-wrap}
.box{border:1px solid var(--line);border-radius:.5rem;padding:.75rem 1rem}
.soft{color:var(--soft)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem 1rem .3rem 0;overflow-wrap:anywhere}
td{border-top:1px solid var(--line)}th[scope=row]{border-top:1px solid var(--line);font-weight:400;width:32%;min-width:9rem}
summary{cursor:pointer;padding:.3rem 0}
.index{columns:2 16rem;padding-left:1.2rem}.index li{break-inside:avoid;margin:.15rem 0}
.method{display:inline-block;min-width:4rem;font-weight:700}
`;

/** What the Content-Security-Policy names instead of allowing inline styles at large. */
export const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

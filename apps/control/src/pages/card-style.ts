import { createHash } from 'node:crypto';

/** The colours and shapes of the sign-in pages, as far as pages for people who are signed in have them. */
export const CARD_STYLE = `
:root{color-scheme:light dark;--bg:#f4f5f8;--card:#fff;--ink:#16181d;--soft:#5a6070;--line:#d5d9e2;--edge:#7b8294;
--accent:#3b4fd8;--on-accent:#fff;--bad:#a3192b;--bad-bg:#fdecee;--good:#17603a;--good-bg:#e3f5ea;--tint:#eef0fd}
@media(prefers-color-scheme:dark){:root{--bg:#0f1116;--card:#181b22;--ink:#eceef3;--soft:#a2a9b8;--line:#333947;
--edge:#7d8598;--accent:#8d9bff;--on-accent:#10121a;--bad:#ff9aa5;--bad-bg:#35181d;--good:#86dba8;--good-bg:#14301f;--tint:#20253a}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;
padding:1.5rem 1rem;background:var(--bg);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:34rem;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:2rem;
box-shadow:0 8px 30px rgb(0 0 0/.06)}
.brand{margin:0 0 1.25rem;font-weight:600;color:var(--soft);font-size:.9rem}
h1{font-size:1.35rem;line-height:1.25;margin:0 0 .5rem;overflow-wrap:anywhere}
p{margin:.5rem 0;overflow-wrap:anywhere}
.soft,.hint{color:var(--soft);font-size:.9rem}
.facts{display:grid;grid-template-columns:auto 1fr;gap:.2rem 1rem;margin:1rem 0;padding:.9rem 1rem;
background:var(--tint);border-radius:8px}
.facts dt{color:var(--soft)}
.facts dd{margin:0;overflow-wrap:anywhere}
fieldset{border:0;padding:0;margin:1rem 0 0;display:grid;grid-template-columns:2fr 3fr;gap:.3rem .75rem}
legend{padding:0;font-weight:600;font-size:.95rem;margin-bottom:.3rem}
label{display:block;font-weight:600;font-size:.85rem}
input{width:100%;font:inherit;color:inherit;background:transparent;border:1px solid var(--edge);border-radius:8px;
padding:.55rem .65rem}
details{margin-top:1rem}
summary{cursor:pointer;color:var(--accent);font-size:.9rem}
button{width:100%;font:inherit;font-weight:600;cursor:pointer;border-radius:8px;padding:.65rem 1rem;margin-top:.75rem;
border:1px solid var(--accent);background:var(--accent);color:var(--on-accent)}
button.quiet{background:transparent;color:var(--ink);border-color:var(--edge)}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.actions{display:grid;grid-template-columns:1fr 1fr;gap:.75rem}
h2{font-size:1rem;margin:1.25rem 0 .25rem}
pre{margin:.5rem 0;padding:.75rem 1rem;max-height:24rem;overflow:auto;background:var(--tint);border-radius:8px;
font:.85rem/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
main:has(.sides){max-width:60rem}
.sides{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem}
.sides section{min-width:0}
del,ins{text-decoration:none;display:block}
del{background:var(--bad-bg);color:var(--bad)}
ins{background:var(--good-bg);color:var(--good)}
ul{margin:.25rem 0;padding-left:1.2rem}li{margin:.25rem 0;overflow-wrap:anywhere}
.problem{background:var(--bad-bg);color:var(--bad);border-radius:8px;padding:.6rem .8rem;margin:1rem 0}
@media(max-width:45rem){.sides{grid-template-columns:1fr}}
@media(max-width:30rem){main{padding:1.25rem}fieldset{grid-template-columns:1fr}}
`;

/** What the Content-Security-Policy names instead of allowing inline styles at large. */
export const CARD_STYLE_HASH = `'sha256-${createHash('sha256').update(CARD_STYLE).digest('base64')}'`;

import { createHash } from 'node:crypto';

/** The one style sheet of all pages, sent inline. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#f4f5f8;--card:#fff;--ink:#16181d;--soft:#5a6070;--line:#d5d9e2;
--accent:#3b4fd8;--on-accent:#fff;--bad:#a3192b;--bad-bg:#fdecee;--tint:#eef0fd}
@media(prefers-color-scheme:dark){:root{--bg:#0f1116;--card:#181b22;--ink:#eceef3;--soft:#a2a9b8;--line:#333947;
--accent:#8d9bff;--on-accent:#10121a;--bad:#ff9aa5;--bad-bg:#35181d;--tint:#20253a}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;
padding:1.5rem 1rem;background:var(--bg);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:27rem;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:2rem;
box-shadow:0 8px 30px rgb(0 0 0/.06)}
.brand{display:flex;align-items:center;gap:.5rem;margin:0 0 1.25rem;font-weight:600;color:var(--soft);font-size:.9rem}
.brand svg{color:var(--accent)}
h2{font-size:1.05rem;margin:1.5rem 0 .25rem}
h1{font-size:1.35rem;line-height:1.25;margin:0 0 .5rem;overflow-wrap:anywhere}
p{margin:.5rem 0;overflow-wrap:anywhere}
.soft,.hint{color:var(--soft);font-size:.9rem}
.hint{margin:.2rem 0 0}
label,legend{display:block;font-weight:600;font-size:.9rem;margin:1rem 0 .3rem;padding:0}
input:not([type=radio]):not([type=checkbox]):not([type=hidden]){width:100%;font:inherit;color:inherit;background:transparent;
border:1px solid var(--line);border-radius:8px;padding:.6rem .7rem}
fieldset{border:0;padding:0;margin:0}
.choice{display:flex;gap:.6rem;align-items:center;font-weight:400;border:1px solid var(--line);border-radius:8px;
padding:.6rem .7rem;margin:.4rem 0}
.choice:has(:checked){border-color:var(--accent);background:var(--tint)}
button,.button{display:inline-block;width:100%;font:inherit;font-weight:600;text-align:center;text-decoration:none;
cursor:pointer;border-radius:8px;padding:.65rem 1rem;margin-top:.75rem;border:1px solid var(--accent);overflow-wrap:anywhere;
background:var(--accent);color:var(--on-accent)}
button.quiet{background:transparent;color:var(--ink);border-color:var(--line)}
button.link{width:auto;padding:0;margin:0;border:0;background:none;color:var(--accent);font-weight:400;
text-decoration:underline}
form{margin:0}
a{color:var(--accent)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.problem{background:var(--bad-bg);color:var(--bad);border-radius:8px;padding:.6rem .8rem;margin:1rem 0}
.facts{margin:1rem 0;padding:.9rem 1rem;background:var(--tint);border-radius:8px}
.facts p{margin:.15rem 0}
ul{margin:.75rem 0;padding-left:1.2rem}
li{margin:.3rem 0}
code{font:.85em ui-monospace,monospace;overflow-wrap:anywhere}
main.wide{max-width:40rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:0 0 1.25rem;padding:0 0 .6rem;
border-bottom:1px solid var(--line)}
nav li{margin:0}
nav a{display:inline-block;padding:.2rem 0;color:var(--soft);text-decoration:none}
nav a:hover{text-decoration:underline}
nav a[aria-current]{color:var(--ink);font-weight:600;box-shadow:0 2px 0 var(--accent)}
.done{background:var(--tint);border-radius:8px;padding:.6rem .8rem;margin:1rem 0}
.entries{list-style:none;padding:0}
.entries>li{border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem;margin:.75rem 0}
.entries h2,.entries h3{margin:0}
.entries button{width:auto;padding:.35rem .9rem}
.end{margin-top:1.5rem;padding-top:.75rem;border-top:1px solid var(--line)}
details{margin-top:1.25rem}
summary{cursor:pointer;color:var(--accent);font-size:.9rem}
.entries details,.entries form{margin-top:.5rem}
.entries details button{width:100%}
h3{font-size:.95rem}
.quiet.button{background:transparent;color:var(--ink);border-color:var(--line)}
.qr{width:13rem;margin:1rem auto}
.qr svg{display:block;width:100%;height:auto;border-radius:8px}
.codes{list-style:none;columns:12rem 2;column-gap:1rem}
.codes li{margin:0;white-space:nowrap}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
footer{margin-top:1rem;color:var(--soft);font-size:.85rem;text-align:center}
`;

/** What the Content-Security-Policy names instead of allowing inline styles at large. */
export const STYLE_HASH = `'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`;

import { Html, html } from './html.js';
import { PASSKEY_SCRIPT_PATH } from './passkey-script.js';
import { STYLE } from './style.js';

const LOGO = new Html(
  '<svg width="22" height="22" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true"><circle cx="5" cy="6" r="2"/><circle cx="5" cy="18" r="2"/><circle cx="19" cy="12" r="2.4"/><path d="M7 6c6 0 4 6 9 6M7 18c6 0 4-6 9-6"/></svg>',
);

// Made in one piece: the policy names the hash of exactly what stands between the tags.
const STYLE_TAG = new Html(`<style>${STYLE}</style>`);

const PASSKEY_TAG = new Html(`<script src="${PASSKEY_SCRIPT_PATH}" defer></script>`);

/**
 * A whole page. `title` says what the page is for; it is the heading too unless `heading` differs.
 * `wide`: for lists, and pages with a navigation. `passkeys`: it has forms for them, whose script the
 * headers must allow.
 */
export function page(content: {
  title: string;
  heading?: string;
  body: Html;
  navigation?: Html;
  wide?: boolean;
  passkeys?: boolean;
}): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${content.title} · Conducktor</title>
        ${STYLE_TAG}${content.passkeys === true && PASSKEY_TAG}
      </head>
      <body>
        <main ${content.wide && html`class="wide"`}>
          <p class="brand">${LOGO} Conducktor</p>
          ${content.navigation}
          <h1>${content.heading ?? content.title}</h1>
          ${content.body}
        </main>
      </body>
    </html> `.text;
}

/** What went wrong with the form below, read out by screen readers when the page opens. */
export function problem(sentence: string | undefined): Html | undefined {
  return sentence === undefined
    ? undefined
    : html`<p class="problem" role="alert" id="problem">${sentence}</p>`;
}

/** The fields that every form carries. */
export function hiddenFields(fields: { csrf: string; flow: string | undefined }): Html {
  return html`<input type="hidden" name="csrf" value="${fields.csrf}" />${
      fields.flow !== undefined && html`<input type="hidden" name="flow" value="${fields.flow}" />`
    }`;
}

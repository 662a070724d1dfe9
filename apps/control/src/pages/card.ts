import { CARD_STYLE, CARD_STYLE_HASH } from './card-style.js';
import { escapeHtml } from './layout.js';

/** Nothing runs, nothing is loaded, nobody frames it; its form leads to this origin only. */
export const CARD_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src ${CARD_STYLE_HASH}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
};

/** A page for one thing that a person who is signed in does. `body` is HTML, escaped by then. */
export function card(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><title>${escapeHtml(title)} · Conducktor</title><style>${CARD_STYLE}</style></head><body><main><p class="brand">Conducktor</p><h1>${escapeHtml(title)}</h1>${body}</main></body></html>`;
}

/** When there is nothing to do: what happened, where to go. */
export function messageCard(title: string, sentence: string): string {
  return card(title, `<p>${escapeHtml(sentence)}</p><p><a href="/login">To your account</a></p>`);
}

/** Names and values; a value is text and is escaped here. */
export function facts(rows: readonly (readonly [name: string, value: string])[]): string {
  const items = rows.map(([name, value]) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`);
  return `<dl class="facts">${items.join('')}</dl>`;
}

/** What stands in the way of what the form asked for. */
export function problemBox(problem: string | undefined): string {
  return problem === undefined
    ? ''
    : `<p class="problem" role="alert" id="problem">${escapeHtml(problem)}</p>`;
}

import { html, type Html } from '../pages/html.js';
import { page } from '../pages/layout.js';

const PAGES = [
  ['/account', 'Profile'],
  ['/account/security', 'Security'],
  ['/account/apps', 'Connected apps'],
  ['/account/workspaces', 'Workspaces'],
] as const;

export type AccountPath = (typeof PAGES)[number][0];

/** A page about the person who is signed in, with the way to the others. `at` is the one it belongs to. */
export function accountPage(content: {
  at: AccountPath;
  title: string;
  body: Html;
  passkeys?: boolean;
}): string {
  return page({
    title: content.title,
    passkeys: content.passkeys ?? false,
    wide: true,
    navigation: html`<nav aria-label="Your account">
      <ul>
        ${PAGES.map(
          ([path, name]) =>
            html`<li>
              <a href="${path}" ${path === content.at && html`aria-current="page"`}>${name}</a>
            </li>`,
        )}
      </ul>
    </nav>`,
    body: html`${content.body}
      <p class="soft end">
        <a href="/login">Connect a client</a> · <a href="/oauth2/logout">Sign out</a>
      </p>`,
  });
}

/** What just happened, read out when the page opens. */
export function done(sentence: string | undefined): Html | undefined {
  return sentence === undefined ? undefined : html`<p class="done" role="status">${sentence}</p>`;
}

/** A day as people read it in a list, in UTC. */
export const day = (at: Date): string => at.toISOString().slice(0, 10);

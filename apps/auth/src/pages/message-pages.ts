import { html, type Html } from './html.js';
import { page } from './layout.js';

/** What happened and what to do, on a page of its own. */
export interface Message {
  title: string;
  what: string;
  doNext: string;
  /** For support: a stable word, never an internal text. */
  code?: string;
  /** Where to go on. */
  link?: { href: string; text: string };
}

export function messagePage(message: Message): string {
  return page({
    title: message.title,
    body: html` <p>${message.what}</p>
      <p>${message.doNext}</p>
      ${message.link !== undefined && html`<p><a href="${message.link.href}">${message.link.text}</a></p>`}
      ${message.code !== undefined && html`<p class="soft">Code: <code>${message.code}</code></p>`}`,
  });
}

/** Asks before signing out. `form` is the library's own, which carries its token. */
export function signOutPage(form: Html): string {
  return page({
    title: 'Sign out?',
    body: html` <p>Clients that you connected stay connected.</p>
      ${form}
      <button type="submit" form="op.logoutForm" name="logout" value="yes" autofocus>
        Sign out
      </button>
      <p class="soft"><a href="/login">Stay signed in</a></p>`,
  });
}

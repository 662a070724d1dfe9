import { passwordAgainField } from './account-fields.js';
import { html, type Html } from './html.js';
import { hiddenFields } from './layout.js';
import { secondFactorPage } from './second-factor-page.js';

export interface ConfirmPage {
  action: string;
  csrf: string;
  email: string;
  next: string | undefined;
  hasPassword: boolean;
  totp: boolean;
  recovery: boolean;
  passkey: string | undefined;
  problem: string | undefined;
}

/** Asks a person who is signed in to show once more that it is they. */
export function confirmPage(content: ConfirmPage): string {
  const carry =
    content.next !== undefined && html`<input type="hidden" name="next" value="${content.next}" />`;
  return secondFactorPage({
    action: content.action,
    title: 'Show that it is you',
    why: html`You are signed in as <strong>${content.email}</strong>. Changing how you sign in asks
      again.`,
    csrf: content.csrf,
    flow: undefined,
    totp: content.totp,
    recovery: content.recovery,
    passkey: content.passkey,
    ...(carry ? { carry } : {}),
    problem: content.problem,
    more: html`${content.hasPassword && passwordForm(content, carry)}
      <p><a href="/account/security">Go back without changing anything</a></p>`,
  });
}

function passwordForm(content: ConfirmPage, carry: Html | false): Html {
  const isOnlyWay = !content.totp && content.passkey === undefined;
  const form = html`<form method="post" action="${content.action}">
    ${hiddenFields({ csrf: content.csrf, flow: undefined })}${carry}
    <input type="hidden" name="with" value="password" />
    <input type="hidden" name="username" autocomplete="username" value="${content.email}" />
    ${passwordAgainField('Password', isOnlyWay)}
    <button ${!isOnlyWay && html`class="quiet"`} type="submit">
      ${isOnlyWay ? 'Go on' : 'Use the password'}
    </button>
  </form>`;
  return isOnlyWay
    ? form
    : html`<details>
        <summary>Use your password instead</summary>
        ${form}
      </details>`;
}

import type { BrowserSessionRow, Passkey, SecondFactors } from '@conducktor/db';
import { accountPage, day, done } from '../account/navigation.js';
import { browserName } from '../accounts/browser-name.js';
import { newPasswordField, passwordAgainField } from './account-fields.js';
import { html, type Html } from './html.js';
import { hiddenFields, problem } from './layout.js';

const BASE = '/account/security';

/** What just happened, or what was wrong and with which form. */
export interface SecurityNotice {
  done?: string;
  problem?: string;
  at?: 'password';
}

export interface SecurityPage extends SecurityNotice {
  csrf: string;
  email: string;
  hasPassword: boolean;
  factors: SecondFactors;
  passkeys: Passkey[];
  canAddPasskeys: boolean;
  sessions: BrowserSessionRow[];
  /** The session of this browser. */
  current: string;
}

export function securityPage(content: SecurityPage): string {
  return accountPage({
    at: '/account/security',
    title: 'Security',
    body: html`${done(content.done)}
      <p class="soft">How you sign in as <strong>${content.email}</strong>.</p>
      ${secondSteps(content)} ${passkeyList(content)}
      ${content.hasPassword && passwordForm(content)} ${sessionList(content)}`,
  });
}

function secondSteps(content: SecurityPage): Html {
  const { totp, recoveryCodes } = content.factors;
  const has = totp !== undefined || content.passkeys.length > 0;
  return html`<h2>Second step</h2>
    <p class="soft">
      ${has ? 'After your password, signing in asks for one of these or for a passkey.' : 'Your password alone signs you in. Add a second step, so that a stolen password is not enough.'}
    </p>
    <ul class="entries">
      <li>
        <h3>Authenticator app</h3>
        ${
          totp
            ? html`<p class="soft">
                  Since
                  ${day(totp.createdAt)}${totp.lastUsedAt && html`, last used ${day(totp.lastUsedAt)}`}.
                </p>
                ${button(content, 'authenticator/remove', 'Remove authenticator app')}`
            : html`<p class="soft">A code from your phone. Works in every browser.</p>
                <p><a href="${BASE}/authenticator">Set up an authenticator app</a></p>`
        }
      </li>
      ${
        has &&
        html`<li>
          <h3>Recovery codes</h3>
          <p class="soft">
            ${recoveryCodes} of 10 left, for when you lost your phone or key.
            ${recoveryCodes < 4 && 'Make new ones soon.'}
          </p>
          ${button(content, 'recovery-codes', 'Make new recovery codes')}
        </li>`
      }
    </ul>`;
}

function passkeyList(content: SecurityPage): Html | undefined {
  if (!content.canAddPasskeys && content.passkeys.length === 0) return undefined;
  return html`<h2>Passkeys</h2>
    <p class="soft">
      Sign in with your fingerprint, face, PIN or security key instead of a password.
    </p>
    ${
      content.passkeys.length > 0 &&
      html`<ul class="entries">
        ${content.passkeys.map((passkey) => passkeyEntry(content, passkey))}
      </ul>`
    }
    ${content.canAddPasskeys && html`<p><a href="${BASE}/passkey">Add a passkey</a></p>`}`;
}

function passkeyEntry(content: SecurityPage, passkey: Passkey): Html {
  const id = html`<input type="hidden" name="id" value="${passkey.id}" />`;
  const field = `name-${passkey.id}`;
  return html`<li>
    <h3>${passkey.name}</h3>
    <p class="soft">
      ${passkey.synced ? 'On all devices of one account' : 'On one device'}, since
      ${day(passkey.createdAt)},
      ${passkey.lastUsedAt ? `last used ${day(passkey.lastUsedAt)}` : 'not used yet'}.
    </p>
    <details>
      <summary>Rename or remove<span class="unseen"> ${passkey.name}</span></summary>
      <form method="post" action="${BASE}/passkey/rename">
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}${id}
        <label for="${field}">Name</label>
        <input id="${field}" name="name" maxlength="100" required value="${passkey.name}" />
        <button class="quiet" type="submit">Rename</button>
      </form>
      ${button(content, 'passkey/remove', 'Remove', { extra: id, about: passkey.name })}
    </details>
  </li>`;
}

function passwordForm(content: SecurityPage): Html {
  const wrong = content.at === 'password' ? content.problem : undefined;
  return html`<h2 id="password-heading">Password</h2>
    ${problem(wrong)}
    <details ${wrong !== undefined && 'open'}>
      <summary>Change the password</summary>
      <form
        method="post"
        action="${BASE}/password"
        aria-describedby="${wrong === undefined ? undefined : 'problem'}"
      >
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <input type="hidden" name="username" autocomplete="username" value="${content.email}" />
        ${passwordAgainField('Current password')} ${newPasswordField('New password')}
        <button type="submit">Change password</button>
        <p class="hint">All your other browsers are signed out. Connected apps stay connected.</p>
      </form>
    </details>`;
}

function sessionList(content: SecurityPage): Html {
  const others = content.sessions.filter(({ uid }) => uid !== content.current);
  const own = content.sessions.find(({ uid }) => uid === content.current);
  return html`<h2>Browsers</h2>
    <ul class="entries">
      ${
        own &&
        html`<li>
          ${sessionEntry(own)}
          <p class="soft">This browser.</p>
        </li>`
      }
      ${others.map(
        (session) =>
          html`<li>
            ${sessionEntry(session)}
            ${button(content, 'sessions/end', 'Sign out', {
              extra: html`<input type="hidden" name="session" value="${session.uid}" />`,
              about: browserName(session.userAgent),
            })}
          </li>`,
      )}
    </ul>
    ${others.length > 0 && button(content, 'sessions/end', 'Sign out everywhere else')}`;
}

function sessionEntry({ userAgent, ip, firstSeenAt, lastSeenAt }: BrowserSessionRow): Html {
  return html`<h3>${browserName(userAgent)}</h3>
    <p class="soft">
      ${ip !== '' && html`${ip}, `}since ${day(firstSeenAt)}, last used ${day(lastSeenAt)}.
    </p>`;
}

function button(
  content: SecurityPage,
  path: string,
  label: string,
  options: { extra?: Html; about?: string } = {},
): Html {
  return html`<form method="post" action="${BASE}/${path}">
    ${hiddenFields({ csrf: content.csrf, flow: undefined })}${options.extra}
    <button class="quiet" type="submit">
      ${label}${options.about !== undefined && html`<span class="unseen"> ${options.about}</span>`}
    </button>
  </form>`;
}

import { currentPasswordField } from './account-fields.js';
import { html } from './html.js';
import { passkeyForm } from './passkey-form.js';
import { hiddenFields, page, problem } from './layout.js';

export interface SignInPage {
  csrf: string;
  flow: string | undefined;
  /** The client that asked, when there is one. */
  clientName: string | undefined;
  email: string;
  /** Options for signing in with a passkey, where this server can have any. */
  passkey: string | undefined;
  problem: string | undefined;
}

export function signInPage(content: SignInPage): string {
  const link = content.flow === undefined ? '/signup' : `/signup?flow=${content.flow}`;
  return page({
    title: 'Sign in',
    passkeys: content.passkey !== undefined,
    body: html` ${content.clientName !== undefined && html`<p class="soft">to connect <strong>${content.clientName}</strong></p>`}
      ${problem(content.problem)}
      <form
        method="post"
        action="/login"
        aria-describedby="${content.problem ? 'problem' : undefined}"
      >
        ${hiddenFields(content)}
        <label for="email">Email</label>
        <input
          id="email"
          name="email"
          type="email"
          autocomplete="username"
          maxlength="254"
          required
          ${content.email === '' && 'autofocus'}
          value="${content.email}"
        />
        ${currentPasswordField(content.email !== '')}
        <button type="submit">Sign in</button>
      </form>
      ${
        content.passkey !== undefined &&
        passkeyForm({
          action: '/login/passkey',
          csrf: content.csrf,
          flow: content.flow,
          options: content.passkey,
          asks: 'get',
          label: 'Sign in with a passkey',
        })
      }
      ${
        content.flow !== undefined &&
        html`<form method="post" action="/login">
          ${hiddenFields(content)}<button
            class="quiet"
            type="submit"
            name="decision"
            value="cancel"
          >
            Cancel
          </button>
        </form>`
      }
      <p class="soft"><a href="/login/forgot">Forgot your password?</a></p>
      <p class="soft">New here? <a href="${link}">Create a workspace</a></p>`,
  });
}

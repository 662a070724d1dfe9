import { newPasswordField } from './account-fields.js';
import { html } from './html.js';
import { hiddenFields, page, problem } from './layout.js';

/** Asks for a click: what only fetches the link, such as a scanner of mail, confirms nothing. */
export function confirmAddressPage(content: {
  csrf: string;
  token: string;
  email: string;
  /** The address that the account gives up, when it is a change. */
  oldAddress: string | undefined;
}): string {
  return page({
    title: 'Confirm your address',
    body: html` <p>
        ${
          content.oldAddress === undefined
            ? html`Is <strong>${content.email}</strong> your address?`
            : html`From now on, the account of <strong>${content.oldAddress}</strong> would sign in
                with <strong>${content.email}</strong>.`
        }
      </p>
      <form method="post" action="/verify">
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <input type="hidden" name="token" value="${content.token}" />
        <button type="submit">Confirm this address</button>
      </form>
      ${
        content.oldAddress === undefined &&
        html`<p>
          Confirm only if you made this account yourself. If somebody else did,
          <a href="/login/forgot">choose a new password</a> instead: that takes it from them.
        </p>`
      }
      <p class="soft">If this is not yours, close this page. Nothing was changed.</p>`,
  });
}

export function forgotPage(content: { csrf: string; problem: string | undefined }): string {
  return page({
    title: 'Choose a new password',
    body: html` <p>Enter the address that you sign in with. We send a link there.</p>
      ${problem(content.problem)}
      <form
        method="post"
        action="/login/forgot"
        aria-describedby="${content.problem ? 'problem' : undefined}"
      >
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <label for="email">Email</label>
        <input
          id="email"
          name="email"
          type="email"
          autocomplete="username"
          maxlength="254"
          required
          autofocus
        />
        <button type="submit">Send a link</button>
      </form>
      <p class="soft"><a href="/login">Back to sign-in</a></p>`,
  });
}

export function resetPage(content: {
  csrf: string;
  token: string;
  email: string;
  problem: string | undefined;
}): string {
  return page({
    title: 'Choose a new password',
    body: html` ${problem(content.problem)}
      <form
        method="post"
        action="/login/reset"
        aria-describedby="${content.problem ? 'problem' : undefined}"
      >
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <input type="hidden" name="token" value="${content.token}" />
        <label for="email">Email</label>
        <input id="email" type="email" autocomplete="username" readonly value="${content.email}" />
        ${newPasswordField()}
        <button type="submit">Choose this password</button>
      </form>
      <p class="soft">
        You are signed out everywhere else. Apps that you connected stay connected, unless nobody
        has confirmed this address yet.
      </p>`,
  });
}

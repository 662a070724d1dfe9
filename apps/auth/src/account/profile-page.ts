import { currentPasswordField } from '../pages/account-fields.js';
import { html, type Html } from '../pages/html.js';
import { hiddenFields, problem } from '../pages/layout.js';
import { accountPage, day, done } from './navigation.js';

export interface ProfilePage {
  csrf: string;
  name: string;
  email: string;
  verifiedAt: Date | undefined;
  /** Whether letters can be sent at all. */
  mail: boolean;
  done: string | undefined;
  problem: string | undefined;
}

export function profilePage(content: ProfilePage): string {
  return accountPage({
    at: '/account',
    title: 'Profile',
    body: html`${done(content.done)}${problem(content.problem)}
      <form method="post" action="/account">
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <label for="name">Your name</label>
        <input
          id="name"
          name="name"
          autocomplete="name"
          maxlength="100"
          required
          value="${content.name}"
        />
        <button type="submit" name="decision" value="name">Save name</button>
      </form>
      <h2>Email</h2>
      <p>
        <strong>${content.email}</strong> –
        ${
          content.verifiedAt
            ? html`confirmed on ${day(content.verifiedAt)}`
            : 'not confirmed: apps and other members do not know that it is yours'
        }
      </p>
      ${
        content.mail
          ? html`${!content.verifiedAt && askAgain(content)}${changeForm(content)}`
          : html`<p class="soft">
              This installation sends no letters, so an address can be neither confirmed nor changed
              here.
            </p>`
      }`,
  });
}

function askAgain({ csrf }: ProfilePage): Html {
  return html`<form method="post" action="/account">
    ${hiddenFields({ csrf, flow: undefined })}
    <button class="quiet" type="submit" name="decision" value="verify">
      Send the letter again
    </button>
  </form>`;
}

function changeForm({ csrf }: ProfilePage): Html {
  return html`<h2>Change your email address</h2>
    <p class="soft">
      We send a link to the new address; until it is opened, you keep signing in with the old one.
      Workspaces know you by the address that you joined with.
    </p>
    <form method="post" action="/account">
      ${hiddenFields({ csrf, flow: undefined })}
      <label for="new-email">New address</label>
      <input
        id="new-email"
        name="email"
        type="email"
        autocomplete="email"
        maxlength="254"
        required
      />
      ${currentPasswordField(false)}
      <button type="submit" name="decision" value="change">Change address</button>
    </form>`;
}

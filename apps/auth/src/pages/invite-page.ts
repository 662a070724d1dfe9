import { currentPasswordField, nameField, newPasswordField } from './account-fields.js';
import { html, type Html } from './html.js';
import { hiddenFields, page, problem } from './layout.js';

/** What stands between the person and the workspace. */
export type InviteStep =
  | { kind: 'join' }
  | { kind: 'claim'; name: string }
  | { kind: 'sign-in' }
  | { kind: 'switch'; signedInAs: string };

export interface InvitePage {
  csrf: string;
  token: string;
  workspace: string;
  /** The address that was invited. */
  email: string;
  /** Who invited, by address; empty when that is not known. */
  invitedBy: string;
  step: InviteStep;
  problem: string | undefined;
}

export function invitePage(content: InvitePage): string {
  return page({
    title: `Join ${content.workspace}`,
    heading: `Join ${content.workspace}?`,
    body: html` <p>
        <strong>${content.email}</strong> is invited to the workspace
        <strong>${content.workspace}</strong
        >${content.invitedBy !== '' && html` by ${content.invitedBy}`}.
      </p>
      ${problem(content.problem)}
      <form
        method="post"
        action="/invite"
        aria-describedby="${content.problem ? 'problem' : undefined}"
      >
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <input type="hidden" name="token" value="${content.token}" />
        ${fieldsOf(content)}
      </form>`,
  });
}

function fieldsOf(content: InvitePage): Html {
  const { step } = content;
  switch (step.kind) {
    case 'join':
      return html`<button type="submit" name="decision" value="join">
        Join ${content.workspace}
      </button>`;
    case 'switch':
      return html`<p>
          You are signed in as <strong>${step.signedInAs}</strong>, so you cannot accept it. Nothing
          was changed.
        </p>
        <button type="submit" name="decision" value="switch">Use another account</button>
        <p class="soft"><a href="/login">Stay signed in</a></p>`;
    case 'sign-in':
      return html`<p class="soft">This address has an account. Sign in to accept.</p>
        ${account(content.email)} ${currentPasswordField(true)}
        <button type="submit" name="decision" value="sign-in">Sign in</button>`;
    case 'claim':
      return html`${nameField(step.name)} ${account(content.email)} ${newPasswordField()}
        <button type="submit" name="decision" value="claim">Join ${content.workspace}</button>`;
  }
}

/** Shown, not sent: password managers read here whose password it is. */
function account(email: string): Html {
  return html`<label for="email">Email</label>
    <input id="email" type="email" autocomplete="username" readonly value="${email}" />`;
}

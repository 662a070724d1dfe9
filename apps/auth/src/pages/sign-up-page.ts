import { nameField, newPasswordField } from './account-fields.js';
import { html } from './html.js';
import { hiddenFields, page, problem } from './layout.js';

export interface SignUpPage {
  csrf: string;
  flow: string | undefined;
  clientName: string | undefined;
  values: { name: string; workspace: string; email: string };
  problem: string | undefined;
}

export function signUpPage(content: SignUpPage): string {
  const link = content.flow === undefined ? '/login' : `/login?flow=${content.flow}`;
  const { values } = content;
  return page({
    title: 'Create a workspace',
    body: html` <p class="soft">
        ${
          content.clientName === undefined
            ? 'Connect your tools once and decide what AI clients may do with them.'
            : html`You need one to connect <strong>${content.clientName}</strong>.`
        }
      </p>
      ${problem(content.problem)}
      <form
        method="post"
        action="/signup"
        aria-describedby="${content.problem ? 'problem' : undefined}"
      >
        ${hiddenFields(content)} ${nameField(values.name)}
        <label for="workspace">Workspace</label>
        <input
          id="workspace"
          name="workspace"
          autocomplete="organization"
          maxlength="100"
          required
          value="${values.workspace}"
          aria-describedby="workspace-hint"
        />
        <p class="hint" id="workspace-hint">Your company or team, as others should read it.</p>
        <label for="email">Email</label>
        <input
          id="email"
          name="email"
          type="email"
          autocomplete="username"
          maxlength="254"
          required
          value="${values.email}"
        />
        ${newPasswordField()}
        <button type="submit">Create workspace</button>
      </form>
      <p class="soft">Have an account? <a href="${link}">Sign in</a></p>`,
  });
}

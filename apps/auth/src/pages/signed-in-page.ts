import { type Html, html } from './html.js';
import { hiddenFields, page, problem } from './layout.js';
import { workspaceField } from './workspace-choice.js';

export interface SignedInPage {
  csrf: string;
  email: string;
  workspaces: string[];
  mcpUrl: string;
  /** Where this person may make API keys; none: no form. */
  keyWorkspaces: { id: string; name: string }[];
  keyName: string;
  problem: string | undefined;
}

export function signedInPage(content: SignedInPage): string {
  return page({
    title: 'You are signed in',
    body: html` <p>
        As <strong>${content.email}</strong>${
          content.workspaces.length > 0 && html`, in ${content.workspaces.join(', ')}`
        }.
      </p>
      <div class="facts">
        <p>Connect an AI client to</p>
        <p><code>${content.mcpUrl}</code></p>
      </div>
      <p class="soft">
        In ChatGPT, Claude or Cursor, add a connector with this address. It brings you back here to
        allow it.
      </p>
      ${content.keyWorkspaces.length > 0 && keyForm(content)}
      <p class="end">
        <a href="/account">Your account</a> · <a href="/account/apps">Connected apps</a> ·
        <a href="/oauth2/logout">Sign out</a>
      </p>`,
  });
}

const SCOPES = [
  ['mcp:read', 'use tools that read'],
  ['mcp:write', 'use tools that change things'],
  ['admin', 'manage the workspace over REST'],
] as const;

function keyForm(content: SignedInPage): Html {
  return html`<h2>Create an API key</h2>
    <p class="soft">For scripts and for the REST API, which sets up connections and policies.</p>
    ${problem(content.problem)}
    <form
      method="post"
      action="/login/api-key"
      aria-describedby="${content.problem ? 'problem' : undefined}"
    >
      ${hiddenFields({ csrf: content.csrf, flow: undefined })}
      ${workspaceField(content.keyWorkspaces)}
      <label for="key-name">Name of the key</label>
      <input
        id="key-name"
        name="name"
        autocomplete="off"
        maxlength="100"
        required
        value="${content.keyName}"
      />
      <fieldset>
        <legend>It may</legend>
        ${SCOPES.map(
          ([scope, means]) =>
            html`<label class="choice"
              ><input type="checkbox" name="scope-${scope}" value="yes" />
              <span>${means} (<code>${scope}</code>)</span></label
            >`,
        )}
      </fieldset>
      <button type="submit">Create an API key</button>
    </form>`;
}

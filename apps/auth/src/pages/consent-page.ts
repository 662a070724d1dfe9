import { type Html, html } from './html.js';
import { hiddenFields, page } from './layout.js';
import { workspaceField } from './workspace-choice.js';

export interface ConsentPage {
  csrf: string;
  flow: string;
  clientName: string;
  redirectHost: string;
  /** Who vouches for the app's name and addresses, where it did not register here. */
  documentHost?: string | undefined;
  /** The answer goes to a program on this computer. */
  isLocal: boolean;
  email: string;
  workspaces: ConsentWorkspace[];
  /** The toolset or connection whose address is asked for; undefined: everything of the workspace. */
  slug: string | undefined;
  scopes: readonly string[];
  staysConnected: boolean;
}

export interface ConsentWorkspace {
  id: string;
  name: string;
  /** Why nothing can be allowed here, as the end of a sentence about it. */
  problem: string | undefined;
  /** What it adds to what is asked: its own scopes, and what they allow. */
  declared: { scope: string; allows: string }[];
}

export function consentPage(content: ConsentPage): string {
  const only = content.workspaces.length === 1 ? content.workspaces[0] : undefined;
  return page({
    title: `Connect ${content.clientName}`,
    heading: `Connect ${content.clientName}?`,
    body: html` <p class="soft">You are signed in as <strong>${content.email}</strong>.</p>
      <p>${content.clientName} asks to:</p>
      <ul>
        <li>
          ${
            content.slug
              ? html`use only the part <strong>${content.slug}</strong> of workspace `
              : 'use the connections of workspace '
          }
          ${only ? html`<strong>${only.name}</strong>` : 'that you choose below'}
        </li>
        ${wishes(content)}
        ${only?.declared.map(
          ({ scope, allows }) => html`<li>${allows} <span class="soft">(${scope})</span></li> `,
        )}
      </ul>
      ${only?.problem && html`<p class="problem" role="alert">The workspace ${only.name} ${only.problem}.</p>`}
      <div class="facts">
        <p>Access goes to <strong>${content.redirectHost}</strong></p>
        ${content.documentHost ? html`<p>The app is described by <strong>${content.documentHost}</strong></p>` : ''}
        <p class="soft">
          ${
            content.isLocal
              ? 'A program on this computer. Allow it only if you started it just now.'
              : 'The name above was chosen by the app itself. Allow it only if you came from this address.'
          }
        </p>
      </div>
      <form method="post" action="/consent">
        ${hiddenFields(content)}
        ${workspaceField(
          content.workspaces.map((each) => ({
            ...each,
            detail: differenceOf(each),
            isClosed: each.problem !== undefined,
          })),
        )}
        ${
          content.workspaces.some(({ problem }) => problem === undefined) &&
          html`<button type="submit" name="decision" value="allow">Allow</button>`
        }
        <button class="quiet" type="submit" name="decision" value="cancel" formnovalidate>
          Cancel
        </button>
        <p class="soft">
          Policies of the workspace still apply to every call. Not you?
          <button class="link" type="submit" name="decision" value="switch" formnovalidate>
            Use another account
          </button>
        </p>
      </form>`,
  });
}

/** Beside a workspace to choose: what is asked there and not in the others. */
function differenceOf({ problem, declared }: ConsentWorkspace): Html | undefined {
  if (problem !== undefined) return html`<br /><span class="soft">It ${problem}.</span>`;
  if (declared.length === 0) return undefined;
  return html`<br /><span class="soft"
      >There also:
      ${declared.map(({ scope, allows }, index) => html`${index > 0 && '; '}${allows} (${scope})`)}</span
    >`;
}

function wishes({ scopes, staysConnected }: ConsentPage): Html[] {
  const has = (scope: string) => scopes.includes(scope);
  return [
    has('mcp:write')
      ? html`<li>run tools on your behalf, also those that change things</li> `
      : html`<li>run tools on your behalf, only those that read</li> `,
    html`<li>see your usage</li> `,
    ...(has('profile') || has('email') ? [html`<li>see your name and email address</li> `] : []),
    ...(staysConnected ? [html`<li>stay connected until you disconnect it</li> `] : []),
  ];
}

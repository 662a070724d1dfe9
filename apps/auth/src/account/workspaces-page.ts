import type { OwnMembership } from '@conducktor/db';
import { html, type Html } from '../pages/html.js';
import { hiddenFields, problem } from '../pages/layout.js';
import { accountPage, day, done } from './navigation.js';

export function workspacesPage(content: {
  csrf: string;
  memberships: OwnMembership[];
  done: string | undefined;
  problem: string | undefined;
}): string {
  return accountPage({
    at: '/account/workspaces',
    title: 'Workspaces',
    body: html`${done(content.done)}${problem(content.problem)}
      <ul class="entries">
        ${content.memberships.map(entry)}
      </ul>
      <h2>Create another workspace</h2>
      <p class="soft">With its own tools, members and rules; you are its owner.</p>
      <form method="post" action="/account/workspaces">
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <label for="workspace">Name</label>
        <input id="workspace" name="workspace" autocomplete="off" maxlength="100" required />
        <button type="submit">Create workspace</button>
      </form>`,
  });
}

function entry(membership: OwnMembership): Html {
  return html`<li>
    <h2>${membership.tenantName}</h2>
    <p class="soft"><code>${membership.tenantSlug}</code></p>
    ${stateOf(membership)}
  </li>`;
}

function stateOf({ tenantId, tenantName, roles, joinedAt, ...now }: OwnMembership): Html {
  if (now.removedAt)
    return html`<p>
      You left it, or were removed, on ${day(now.removedAt)}: your apps and keys there are dead. To
      come back, ask an owner to invite you.
    </p>`;
  if (now.disabledAt)
    return html`<p>
      Your access was switched off on ${day(now.disabledAt)}: your apps and keys there are refused.
      Ask an owner or admin of the workspace why.
    </p>`;
  return html`<p>Joined on ${day(joinedAt)}, as ${roles.join(', ')}.</p>
    ${
      now.frozen &&
      html`<p>
        <strong>Frozen:</strong> your apps and keys there are refused until an owner or admin lifts
        it. Nothing is lost.
      </p>`
    }
    ${
      now.lastOwner
        ? html`<p class="soft">
            You are its only owner, so you cannot leave it. Make somebody else an owner first.
          </p>`
        : html`<p>
            <a
              href="/account/workspaces/leave?workspace=${tenantId}"
              aria-label="Leave ${tenantName}"
              >Leave</a
            >
          </p>`
    }`;
}

export function leavePage(content: { csrf: string; membership: OwnMembership }): string {
  const { tenantId, tenantName } = content.membership;
  return accountPage({
    at: '/account/workspaces',
    title: `Leave ${tenantName}?`,
    body: html` <p>
        Apps that you connected to it and keys that you have in it stop working, for good. What you
        did there stays in its records. To come back, you need an invitation.
      </p>
      <form method="post" action="/account/workspaces/leave">
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <input type="hidden" name="workspace" value="${tenantId}" />
        <button type="submit">Leave ${tenantName}</button>
      </form>
      <p><a href="/account/workspaces">Stay</a></p>`,
  });
}

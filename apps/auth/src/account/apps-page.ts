import type { OwnApp } from '@conducktor/db';
import { html, type Html } from '../pages/html.js';
import { hiddenFields } from '../pages/layout.js';
import { accountPage, day, done } from './navigation.js';

export function appsPage(content: {
  csrf: string;
  apps: OwnApp[];
  done: string | undefined;
}): string {
  return accountPage({
    at: '/account/apps',
    title: 'Connected apps',
    body: html`${done(content.done)}
      <p>
        ${
          content.apps.length === 0
            ? 'No app acts for you. An app appears here when you allowed it to.'
            : 'These act for you with what your workspaces share. Names are what the apps call themselves.'
        }
      </p>
      <ul class="entries">
        ${content.apps.map((app) => entry(app, content.csrf))}
      </ul>`,
  });
}

function entry(app: OwnApp, csrf: string): Html {
  const name = app.clientName || app.redirectHost || app.clientId;
  return html`<li>
    <h2>${name}</h2>
    <p>
      In <strong>${app.tenantName}</strong>, by way of
      <code>${app.redirectHost || 'its own address'}</code>
    </p>
    <p class="soft">
      It may ${means(app.scopes)}. Allowed on ${day(app.createdAt)};
      ${app.lastSeenAt ? html`last used on ${day(app.lastSeenAt)}` : 'no use noted yet'}.
    </p>
    <form method="post" action="/account/apps">
      ${hiddenFields({ csrf, flow: undefined })}
      <input type="hidden" name="grant" value="${app.grantId}" />
      <button class="quiet" type="submit" aria-label="Revoke ${name} in ${app.tenantName}">
        Revoke
      </button>
    </form>
  </li>`;
}

const MEANS: Record<string, string> = {
  'mcp:read': 'use tools that read',
  'mcp:write': 'use tools that change things',
  offline_access: 'stay connected',
  profile: 'see your name',
  email: 'see your address',
  openid: 'know that it is you',
};

function means(scopes: readonly string[]): string {
  const words = scopes.map((scope) => MEANS[scope] ?? scope);
  return words.length > 0 ? words.join(', ') : 'do nothing';
}

import type { Person } from '@conducktor/oauth-client';
import { openClient, type HostedClient } from './hosted-client.js';

/** The editor on a person's machine, and agents that run at Cursor. */
export const REDIRECTS = [
  'cursor://anysphere.cursor-mcp/oauth/callback',
  'https://www.cursor.com/agents/mcp/oauth/callback',
];

/** Cursor has no metadata document: it registers, as a public client, with one callback. */
export function cursor(mcp: string, person: Person, redirectUrl: string): HostedClient {
  return openClient({ name: 'Cursor', mcp, person, redirectUrl });
}

import { jsonAnswer, type NamedHandler } from '@conducktor/testing';
import type { Person } from '@conducktor/oauth-client';
import { openClient, type HostedClient } from './hosted-client.js';

export const DOCUMENT = 'https://claude.ai/oauth/claude-ai-client-metadata';
export const REDIRECTS = [
  'https://claude.ai/api/mcp/auth_callback',
  'https://claude.com/api/mcp/auth_callback',
];

/** What claude.ai serves: the document of a public client. */
export const claudeAi: NamedHandler = jsonAnswer({
  client_id: DOCUMENT,
  client_name: 'Claude',
  redirect_uris: REDIRECTS,
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
});

/**
 * Claude with the address that a person typed. It uses its document only where the authorization server
 * takes public clients (`none`), else it registers; only the first authorization server counts;
 * a `resource` that is not the typed address ends it; a scope is missing when there is a real 403.
 */
export async function claude(
  mcp: string,
  person: Person,
  redirectUrl = REDIRECTS[0]!,
): Promise<HostedClient> {
  const client = openClient({ name: 'Claude', mcp, person, redirectUrl, metadataUrl: DOCUMENT });
  const first = await client.send('tools/list', {}, { withToken: false });
  if (first.status !== 401) throw new Error(`No real 401, but ${first.status}`);
  const { pathname, origin } = new URL(mcp);
  const prm = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`);
  const { resource } = (await prm.json()) as { resource: string };
  if (resource !== mcp) throw new Error(`${mcp} says that it is ${resource}`);
  return client;
}

/** The registered Claude, as at a server that takes no documents. */
export function registeredClaude(mcp: string, person: Person, redirectUrl: string): HostedClient {
  return openClient({ name: 'Claude', mcp, person, redirectUrl });
}

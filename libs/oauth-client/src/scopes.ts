import type { OAuthServerInfo } from '@modelcontextprotocol/client';

/**
 * What to ask for (MCP authorization, "Scope Selection Strategy"): what the challenge names, else what
 * the protected resource lists, else what this client is set to; undefined leaves it to the server.
 * `offline_access` is added where the authorization server knows it, so that a refresh token comes.
 */
export function chooseScope(
  challenged: string | undefined,
  { resourceMetadata, authorizationServerMetadata }: OAuthServerInfo,
  own: string | undefined,
): string | undefined {
  const scope = challenged || resourceMetadata?.scopes_supported?.join(' ') || own;
  if (!scope || scope.split(' ').includes('offline_access')) return scope || undefined;
  const offline = authorizationServerMetadata?.scopes_supported?.includes('offline_access');
  return offline ? `${scope} offline_access` : scope;
}

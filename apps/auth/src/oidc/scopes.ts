import { DEFAULT_SCOPE, MCP_SCOPES, normaliseScopes } from '@conducktor/identity';

/** Scopes about the person, not about tools. */
export const IDENTITY_SCOPES = ['openid', 'offline_access', 'profile', 'email'] as const;

export const SUPPORTED_SCOPES = [...IDENTITY_SCOPES, ...MCP_SCOPES] as const;

/**
 * The scopes of an authorization request: full names, and reading when nothing about tools is
 * asked, since every token is for an MCP resource.
 */
export function requestedScope(asked: string | undefined): string {
  const scopes = normaliseScopes(asked);
  const aboutTools = scopes.some(
    (scope) => !(IDENTITY_SCOPES as readonly string[]).includes(scope),
  );
  return (aboutTools ? scopes : [...scopes, DEFAULT_SCOPE]).join(' ');
}

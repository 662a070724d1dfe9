import { DeclaredScope } from '@conducktor/contracts';
import { DEFAULT_SCOPE, MCP_SCOPES, normaliseScopes } from '@conducktor/identity';

/** Scopes about the person, not about tools. */
export const IDENTITY_SCOPES = ['openid', 'offline_access', 'profile', 'email'] as const;

export const SUPPORTED_SCOPES = [...IDENTITY_SCOPES, ...MCP_SCOPES] as const;

// Each costs a look at the consent page; more than a person could read are not asked for in earnest.
const MAX_DECLARED = 50;

/**
 * What a token for a resource may carry: what every workspace knows, and of what is asked, or was granted,
 * whatever has the form of a declared scope. Which are declared depends on the workspace, which is
 * chosen after signing in: until then nothing is told of it.
 */
export function scopesOfResource(...wanted: (string | undefined)[]): string {
  const declared = wanted
    .flatMap((scopes) => normaliseScopes(scopes))
    .filter((scope) => DeclaredScope.shape.scope.safeParse(scope).success);
  return [...SUPPORTED_SCOPES, ...[...new Set(declared)].slice(0, MAX_DECLARED)].join(' ');
}

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

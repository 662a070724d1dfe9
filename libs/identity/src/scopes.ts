/** Scopes that every MCP resource knows; connections may declare more. */
export const MCP_SCOPES = ['mcp:read', 'mcp:write'] as const;

/** What is granted when a client asks for nothing. */
export const DEFAULT_SCOPE = 'mcp:read';

// Clients made for older servers ask with these words; they mean the same.
const SHORT_NAMES: Record<string, string> = { read: 'mcp:read', write: 'mcp:write' };

/**
 * The scopes of a space-separated string (RFC 6749 section 3.3) or a list, in their full names,
 * each once, in the order asked.
 */
export function normaliseScopes(scopes: string | readonly string[] | undefined): string[] {
  const asked = typeof scopes === 'string' ? scopes.split(' ') : (scopes ?? []);
  const full = asked.filter((scope) => scope !== '').map((scope) => SHORT_NAMES[scope] ?? scope);
  return [...new Set(full)];
}

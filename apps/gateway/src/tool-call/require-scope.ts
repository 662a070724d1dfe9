import { Refusal } from './refusal.js';
import type { Caller, Entry } from './types.js';

/**
 * The token's scopes cover what is called, those that its connection declares included; otherwise a
 * refusal that names all it needs, and what the token has for tools: a client that asks for exactly these
 * (RFC 6750 section 3.1) loses nothing.
 */
export function requireScope(caller: Caller, entry: Entry): void {
  const missing = [
    entry.class === 'read' ? 'mcp:read' : 'mcp:write',
    ...(entry.scopes ?? []),
  ].filter((scope) => !has(caller, scope));
  if (missing.length === 0) return;
  throw new Refusal(
    'insufficient_scope',
    `Permission denied: this needs the ${missing.length > 1 ? 'scopes' : 'scope'} ${all.format(missing)}.`,
    {
      caller,
      toolName: entry.shownName,
      connection: entry.connection.slug,
      scopes: [...new Set([...caller.scopes.filter(isAboutTools), ...missing])],
    },
  );
}

// Writing includes reading what one writes to; reading does not include writing.
const has = ({ scopes }: Caller, scope: string) =>
  scopes.includes(scope) || (scope === 'mcp:read' && scopes.includes('mcp:write'));

/** Whether the token is for reading at all, whatever single connections declare besides. */
export const mayRead = (caller: Caller): boolean => has(caller, 'mcp:read');

// Those about the person, and `admin` of API keys, are one word.
const isAboutTools = (scope: string) => scope.includes(':');

const all = new Intl.ListFormat('en-GB');

import { Refusal } from './refusal.js';
import type { Caller, Entry } from './types.js';

/** The token's scopes cover what is called; otherwise a refusal that names all it needs. */
export function requireScope(caller: Caller, entry: Entry): void {
  const needed = entry.class === 'read' ? 'mcp:read' : 'mcp:write';
  // Writing includes reading what one writes to; reading does not include writing.
  if (
    caller.scopes.includes(needed) ||
    (needed === 'mcp:read' && caller.scopes.includes('mcp:write'))
  )
    return;
  throw new Refusal('insufficient_scope', `Permission denied: this needs the scope ${needed}.`, {
    caller,
    toolName: entry.shownName,
    connection: entry.connection.slug,
    scopes: [...new Set([...caller.scopes.filter((scope) => scope.startsWith('mcp:')), needed])],
  });
}

import type { McpRequestContext } from './ports.js';

/**
 * Whom a session id is given to: a person with a client, at one view. A token of another view is no
 * key to it (RFC 8707), or the holder of a toolset's token could answer for, subscribe by and write to
 * the session that the same client has at `/mcp`. The aliases of `/mcp` are one view with it.
 */
export function sessionOwner(
  principal: string,
  { resourcePath }: Pick<McpRequestContext, 'resourcePath'>,
): string {
  return resourcePath.startsWith('/mcp/') ? `${principal} ${resourcePath}` : principal;
}

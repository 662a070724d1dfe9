/** Paths that serve everything the caller may use, under another name than `/mcp`. */
export const MCP_ALIASES = ['/api/conducktor-mcp', '/sse', '/messages', '/api/mcp/sse'] as const;

const TOOLSET_PATH = /^\/mcp\/([a-z0-9][a-z0-9-]{0,23})$/;

/** The resource (RFC 8707) of a token when the client names none: `<PUBLIC_URL>/mcp`. */
export function defaultResource(publicUrl: string): string {
  return `${publicUrl}/mcp`;
}

/**
 * Whether a token may be asked for this resource: `/mcp`, an alias of it, or `/mcp/<toolset>`, each
 * compared as a string. Whether the toolset exists is the gateway's question.
 */
export function isMcpResource(publicUrl: string, resource: string): boolean {
  if (!resource.startsWith(`${publicUrl}/`)) return false;
  const path = resource.slice(publicUrl.length);
  return path === '/mcp' || isAlias(path) || TOOLSET_PATH.test(path);
}

/** `<slug>` of the resource `<PUBLIC_URL>/mcp/<slug>`; undefined for any other. */
export function slugOfResource(publicUrl: string, resource: string): string | undefined {
  if (!resource.startsWith(`${publicUrl}/`)) return undefined;
  return TOOLSET_PATH.exec(resource.slice(publicUrl.length))?.[1];
}

/**
 * The audiences that a token may carry on an MCP path: the path's own, and for an alias also
 * `/mcp`. Empty for a path that is no MCP path.
 */
export function audiencesOf(publicUrl: string, path: string): string[] {
  if (isAlias(path)) return [defaultResource(publicUrl), publicUrl + path];
  if (path === '/mcp' || TOOLSET_PATH.test(path)) return [publicUrl + path];
  return [];
}

function isAlias(path: string): boolean {
  return (MCP_ALIASES as readonly string[]).includes(path);
}

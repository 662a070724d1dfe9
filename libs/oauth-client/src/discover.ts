import {
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  type FetchLike,
  type OAuthProtectedResourceMetadata,
  type OAuthServerInfo,
} from '@modelcontextprotocol/client';
import { OAuthRefusal } from './refusal.js';

export interface Discovered extends OAuthServerInfo {
  /** Under which everything of this authorization server is kept. */
  issuer: string;
  /** The resource indicator for both requests (RFC 8707), exactly as the server writes it. */
  resource: string | undefined;
}

/**
 * Who signs people in for an MCP server: its protected resource metadata (RFC 9728) and the metadata
 * of the first authorization server in it (RFC 8414 or OpenID Connect). A server without the former
 * is its own authorization server at its root, as in 2025-03-26; one whose document cannot be read
 * is not.
 * @throws OAuthRefusal `bad_metadata`, `redirected`; IssuerMismatchError of the SDK when a document
 *   names another issuer than the one that it was fetched for (RFC 8414 section 3.3)
 */
export async function discover(
  server: URL,
  fetch: FetchLike,
  resourceMetadataUrl?: URL,
): Promise<Discovered> {
  const resourceMetadata = await resourceMetadataOf(server, fetch, resourceMetadataUrl);
  if (resourceMetadata && !covers(resourceMetadata.resource, server)) {
    throw new OAuthRefusal(
      'bad_metadata',
      `The metadata found for ${server.href} is for another resource.`,
    );
  }
  const authorizationServerUrl =
    resourceMetadata?.authorization_servers?.[0] ?? new URL('/', server).href;
  const metadata = await discoverAuthorizationServerMetadata(authorizationServerUrl, {
    fetchFn: fetch,
  });
  if (resourceMetadata && !metadata) {
    throw new OAuthRefusal('bad_metadata', `${authorizationServerUrl} has no metadata.`);
  }
  // MCP: absence means that PKCE cannot be relied upon, so it is not.
  if (metadata && !metadata.code_challenge_methods_supported?.includes('S256')) {
    throw new OAuthRefusal('bad_metadata', `${metadata.issuer} does not say that it checks PKCE.`);
  }
  return {
    authorizationServerUrl,
    ...(metadata && { authorizationServerMetadata: metadata }),
    ...(resourceMetadata && { resourceMetadata }),
    issuer: metadata?.issuer ?? authorizationServerUrl,
    resource: resourceMetadata?.resource,
  };
}

async function resourceMetadataOf(
  server: URL,
  fetch: FetchLike,
  resourceMetadataUrl: URL | undefined,
): Promise<OAuthProtectedResourceMetadata | undefined> {
  let status = 0;
  const observed: FetchLike = async (url, init) => {
    const response = await fetch(url, init);
    status = response.status;
    return response;
  };
  try {
    const options = resourceMetadataUrl ? { resourceMetadataUrl } : {};
    return await discoverOAuthProtectedResourceMetadata(server, options, observed);
  } catch (error) {
    const hasNone = !resourceMetadataUrl && status >= 400 && status < 500;
    if (hasNone) return undefined;
    if (error instanceof OAuthRefusal || error instanceof TypeError) throw error;
    throw new OAuthRefusal('bad_metadata', `The metadata for ${server.href} cannot be read.`, {
      cause: error,
    });
  }
}

/** Same origin, and the resource's path is the server's or above it. */
function covers(resource: string, server: URL): boolean {
  const url = URL.parse(resource);
  if (!url || url.origin !== server.origin) return false;
  const folder = (path: string) => (path.endsWith('/') ? path : `${path}/`);
  return folder(server.pathname).startsWith(folder(url.pathname));
}

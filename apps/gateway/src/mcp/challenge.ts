/** `WWW-Authenticate` (RFC 6750, RFC 9728 section 5.1) and the document that it points to. */

export const RESOURCE_METADATA_PATH = '/.well-known/oauth-protected-resource';

export interface ChallengeParts {
  /** Of the resource that was asked: `resourceMetadataUrl`. */
  metadataUrl: string;
  error: 'invalid_token' | 'insufficient_scope' | 'invalid_request';
  description?: string;
  /** All that are needed, for `insufficient_scope`. */
  scopes?: readonly string[];
}

/** Where the metadata of an MCP path is: aliases have their own, since clients compare it with the URL typed. */
export function resourceMetadataUrl(publicUrl: string, resourcePath: string): string {
  return `${publicUrl}${RESOURCE_METADATA_PATH}${resourcePath}`;
}

export function bearerChallenge({
  metadataUrl,
  error,
  description,
  scopes,
}: ChallengeParts): string {
  const parts = [`resource_metadata="${quoted(metadataUrl)}"`, `error="${error}"`];
  if (description) parts.push(`error_description="${quoted(description)}"`);
  if (scopes?.length) parts.push(`scope="${quoted(scopes.join(' '))}"`);
  return `Bearer ${parts.join(', ')}`;
}

/** quoted-string of RFC 9110, visible ASCII only. */
function quoted(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, (character) => `\\${character}`);
}

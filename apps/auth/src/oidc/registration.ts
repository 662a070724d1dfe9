import { normaliseScopes } from '@conducktor/identity';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { plainName } from '../accounts/plain-name.js';
import { isFetchable } from './client-documents/document-url.js';
import { isAllowedRedirect } from './redirects.js';
import { SUPPORTED_SCOPES } from './scopes.js';

const MAX_REDIRECTS = 20;

/**
 * What a client that registers itself (RFC 7591) may say. Throws `invalid_redirect_uri` or
 * `invalid_client_metadata`; tidies name and scopes in place.
 */
export function checkRegistration(
  metadata: Record<string, unknown>,
  allowedRedirects: readonly string[],
): void {
  checkRedirects(metadata['redirect_uris'], allowedRedirects);
  // Ours alone: what a document offers.
  delete metadata['conducktor'];
  if (metadata['sector_identifier_uri'] !== undefined) {
    throw new errors.InvalidClientMetadata(
      'sector_identifier_uri is not supported; leave it out, every client sees the same subjects',
    );
  }
  const keysAt = metadata['jwks_uri'];
  if (keysAt !== undefined) {
    // Fetched when the client signs for the first time, not now.
    const url = typeof keysAt === 'string' ? URL.parse(keysAt) : null;
    if (!url || !isFetchable(url)) {
      throw new errors.InvalidClientMetadata('jwks_uri must be an https address');
    }
  }
  if (typeof metadata['client_name'] === 'string') {
    metadata['client_name'] = plainName(metadata['client_name']) || undefined;
  }
  if (typeof metadata['scope'] === 'string') {
    const known = normaliseScopes(metadata['scope']).filter((scope) =>
      (SUPPORTED_SCOPES as readonly string[]).includes(scope),
    );
    // A client names the scopes it means to use; asking to stay signed in is always open to it.
    metadata['scope'] = [...new Set([...known, 'offline_access'])].join(' ');
  }
}

/** The validator in oidc-provider's form: runs when a client registers, not when it is loaded. */
export function registrationValidator(allowedRedirects: readonly string[]) {
  return (ctx: KoaContextWithOIDC | undefined, _key: string, _value: unknown, metadata: object) => {
    if (ctx?.oidc?.route !== 'registration') return;
    checkRegistration(metadata as Record<string, unknown>, allowedRedirects);
  };
}

/** What to do without a good initial access token, in the answer that asks for one (RFC 7591 section 3.2.2). */
export function explainInitialAccessToken(ctx: { body: unknown }): void {
  ctx.body = {
    ...(ctx.body as object),
    error_description:
      'registering a client here takes an unused initial access token, sent as a Bearer token in the Authorization header; an owner of a workspace makes one with POST /api/v1/initial-access-tokens, and it lives 15 minutes',
  };
}

function checkRedirects(value: unknown, allowed: readonly string[]): void {
  if (!Array.isArray(value) || value.length === 0) {
    throw new errors.InvalidClientMetadata('redirect_uris must name at least one address');
  }
  if (value.length > MAX_REDIRECTS) {
    throw new errors.InvalidClientMetadata(
      `redirect_uris has more than ${MAX_REDIRECTS} addresses`,
    );
  }
  for (const uri of value) {
    if (typeof uri !== 'string' || !isAllowedRedirect(uri, allowed)) {
      throw new errors.InvalidClientMetadata(
        'redirect_uris holds an address that is not on the allow-list of this server; its operator can add it to OAUTH_REDIRECT_ALLOW',
      );
    }
  }
}

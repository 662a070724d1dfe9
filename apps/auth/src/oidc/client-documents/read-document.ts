import type { AdapterPayload } from 'oidc-provider';
import { errors } from 'oidc-provider';
import { checkRegistration } from '../registration.js';
import { ASSERTION_ALGORITHMS } from '../client-authentication.js';
import { isFetchable } from './document-url.js';
import { FetchFailure } from './fetch-failure.js';

const SECRET_METHODS = new Set(['client_secret_basic', 'client_secret_post', 'client_secret_jwt']);
const OUR_METHODS = ['none', 'private_key_jwt'] as const;
const OUR_GRANTS = ['authorization_code', 'refresh_token'];
const MAX_KEYS = 32;
// NUL and lone surrogates.
const UNSTORABLE = /\\u(?:0000|d[89a-f][0-9a-f]{2})/i;

type Document = Record<string, unknown>;

/**
 * The metadata document of a client → what oidc-provider needs to know of it. Only the fields named here
 * are taken over. Throws FetchFailure with the reason for a document that may not be used
 * (draft-ietf-oauth-client-id-metadata-document section 4.1, and our own rules for redirects).
 */
export function readDocument(
  url: string,
  value: unknown,
  allowedRedirects: readonly string[],
): AdapterPayload {
  if (!isObject(value)) throw unusable('it is not a JSON object');
  if (value['client_id'] !== url) throw unusable('its client_id is not its own address');
  if ('client_secret' in value || 'client_secret_expires_at' in value) {
    throw unusable('it holds a client secret, which anybody could read');
  }
  const keys = keysOf(value);
  const methods = authMethods(value, Object.keys(keys).length > 0);
  const algorithm = value['token_endpoint_auth_signing_alg'];
  const metadata: Document = {
    client_id: url,
    client_name: value['client_name'],
    redirect_uris: value['redirect_uris'],
    application_type: value['application_type'] === 'web' ? 'web' : 'native',
    response_types: ['code'],
    grant_types: grantTypes(value['grant_types']),
    // What it is bound to by default; each request chooses among those offered.
    token_endpoint_auth_method: methods[0],
    scope: value['scope'],
    ...keys,
    ...(methods[0] === 'private_key_jwt' && algorithm !== undefined
      ? { token_endpoint_auth_signing_alg: knownAlgorithm(algorithm) }
      : {}),
  };
  try {
    checkRegistration(metadata, allowedRedirects);
  } catch (error) {
    if (!(error instanceof errors.OIDCProviderError)) throw error;
    throw unusable(error.error_description ?? error.message);
  }
  for (const field of ['client_name', 'scope']) {
    if (typeof metadata[field] !== 'string') delete metadata[field];
  }
  if (UNSTORABLE.test(JSON.stringify(metadata))) throw unusable('it holds what is not text');
  return { ...metadata, conducktor: { authMethods: methods } } as AdapterPayload;
}

/**
 * How the client may authenticate. Documents name one method (RFC 7591) or, as ChatGPT's, several; one
 * that names none is public. A method that takes a secret cannot be meant: the document is public.
 */
function authMethods(value: Document, hasKeys: boolean): string[] {
  const single = value['token_endpoint_auth_method'];
  if (typeof single === 'string' && SECRET_METHODS.has(single)) {
    throw unusable('it names a way to authenticate that needs a secret');
  }
  const named = [
    single,
    value['token_endpoint_auth_methods'],
    value['token_endpoint_auth_methods_supported'],
  ].flatMap((each) => (each === undefined ? [] : each));
  const wanted = named.length === 0 ? ['none', 'private_key_jwt'] : named;
  const methods = OUR_METHODS.filter(
    (method) => wanted.includes(method) && (method === 'none' || hasKeys),
  );
  if (methods.length === 0) {
    throw unusable(
      wanted.includes('private_key_jwt')
        ? 'it names private_key_jwt and no keys'
        : 'it names neither none nor private_key_jwt as a way to authenticate',
    );
  }
  return methods;
}

function keysOf(value: Document): { jwks?: object; jwks_uri?: string } {
  const { jwks, jwks_uri: uri } = value;
  if (jwks !== undefined && uri !== undefined) throw unusable('it has both jwks and jwks_uri');
  if (jwks !== undefined) return { jwks: publicKeys(jwks) };
  if (uri === undefined) return {};
  const url = typeof uri === 'string' ? URL.parse(uri) : null;
  if (!url || !isFetchable(url)) throw unusable('its jwks_uri is not an https address');
  return { jwks_uri: url.href };
}

/** A key set as a client may publish it (RFC 7517): public keys only. Throws FetchFailure. */
export function publicKeys(value: unknown): { keys: Document[] } {
  const keys = isObject(value) ? value['keys'] : undefined;
  if (!Array.isArray(keys) || !keys.every(isObject)) throw unusable('its keys are not a key set');
  if (keys.length > MAX_KEYS) throw unusable(`it has more than ${MAX_KEYS} keys`);
  if (keys.some((key) => key['kty'] === 'oct' || 'd' in key || 'k' in key)) {
    throw unusable('its key set holds a key that must be kept secret');
  }
  return { keys };
}

function grantTypes(value: unknown): string[] {
  if (!Array.isArray(value)) return OUR_GRANTS;
  return OUR_GRANTS.filter((grant) => grant === 'authorization_code' || value.includes(grant));
}

function knownAlgorithm(value: unknown): unknown {
  if ((ASSERTION_ALGORITHMS as readonly unknown[]).includes(value)) return value;
  throw unusable('it signs with an algorithm that is not known here');
}

const isObject = (value: unknown): value is Document =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const unusable = (reason: string) => new FetchFailure(reason, 'lasting');

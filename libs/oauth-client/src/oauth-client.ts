import { randomBytes } from 'node:crypto';
import {
  exchangeAuthorization,
  OAuthError,
  refreshAuthorization,
  startAuthorization,
  validateAuthorizationResponseIssuer,
  type AddClientAuthentication,
  type FetchLike,
  type OAuthClientMetadata,
  type StoredOAuthClientInformation,
  type StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { identityAt, register, type Identity } from './client-identity.js';
import type { CredentialStore } from './credential-store.js';
import { discover, type Discovered } from './discover.js';
import { OAuthRefusal } from './refusal.js';
import { chooseScope } from './scopes.js';
import { withoutRedirects } from './without-redirects.js';

export interface OAuthClientOptions {
  /** The MCP server that the tokens are for. */
  server: URL;
  redirectUrl: string;
  /** For dynamic registration; its `scope` is asked for where the server names none. */
  metadata: OAuthClientMetadata;
  /** The https address of this client's metadata document. */
  metadataUrl?: string;
  /** Credentials entered by a person, by issuer. */
  preRegistered?: ReadonlyMap<string, StoredOAuthClientInformation>;
  /** In place of secrets: signs token requests, for one issuer at a time. */
  signFor?: (issuer: string) => AddClientAuthentication;
  store: CredentialStore;
  /** The way out; redirects are not followed whatever it does. */
  fetch: FetchLike;
}

/** What a 401 or 403 said (RFC 6750 section 3, RFC 9728 section 5.1). */
export interface Challenge {
  resourceMetadataUrl?: URL | undefined;
  scope?: string | undefined;
}

/** An authorization under way: what its answer is held against. Plain data, to be kept meanwhile; secret. */
export interface Pending {
  at: Discovered;
  clientId: string;
  state: string;
  codeVerifier: string;
  scope: string | undefined;
}

/** An OAuth client of one MCP server (MCP authorization 2025-03-26 to 2026-07-28). */
export interface OAuthClient {
  readonly server: URL;
  /** The way out without redirects, for requests to the server. */
  readonly fetch: FetchLike;
  /** Finds out who signs people in, becomes its client and says where the browser has to go. */
  begin(challenge?: Challenge): Promise<{ url: URL; pending: Pending }>;
  /**
   * Takes the query of the redirect and fetches tokens for the code in it.
   * @throws OAuthRefusal `wrong_answer`, `denied`, `bad_token`, `redirected`; IssuerMismatchError
   *   (RFC 9207) and OAuthError of the SDK
   */
  finish(pending: Pending, answer: URLSearchParams): Promise<StoredOAuthTokens>;
  /**
   * New tokens for the refresh token that the server's present authorization server gave. Undefined
   * when there is none, or it is taken no longer; at the same time it is asked once.
   */
  refresh(challenge?: Challenge): Promise<StoredOAuthTokens | undefined>;
  tokens(): Promise<StoredOAuthTokens | undefined>;
}

export function createOAuthClient(options: OAuthClientOptions): OAuthClient {
  const { server, store, redirectUrl, signFor } = options;
  const fetch = withoutRedirects(options.fetch);
  const identity: Identity = { ...options, signs: signFor !== undefined };
  const deps = { identity, store, fetch };
  let refreshing: Promise<StoredOAuthTokens | undefined> | undefined;

  /** The same for both grants: everything in it belongs to one issuer. */
  const requestAt = (at: Discovered, clientInformation: StoredOAuthClientInformation) => ({
    ...(at.authorizationServerMetadata && { metadata: at.authorizationServerMetadata }),
    clientInformation,
    ...(at.resource !== undefined && { resource: at.resource }),
    ...(signFor && { addClientAuthentication: signFor(at.issuer) }),
    fetchFn: fetch,
  });

  async function keep(issuer: string, tokens: StoredOAuthTokens): Promise<StoredOAuthTokens> {
    if (tokens.token_type.toLowerCase() !== 'bearer')
      throw new OAuthRefusal('bad_token', `${issuer} gave a token that is no bearer token.`);
    const stamped = { ...tokens, issuer };
    await store.saveTokens(issuer, server.href, stamped);
    return stamped;
  }

  async function refreshOnce(challenge: Challenge): Promise<StoredOAuthTokens | undefined> {
    // Not even metadata is fetched for nothing.
    if ((await store.issuerOf(server.href)) === undefined) return undefined;
    const at = await discover(server, fetch, challenge.resourceMetadataUrl);
    const tokens = await store.tokens(at.issuer, server.href);
    const client = await identityAt(at, deps);
    if (!tokens?.refresh_token || !client) return undefined;
    try {
      const { refresh_token: refreshToken, scope } = tokens;
      const next = await refreshAuthorization(at.authorizationServerUrl, {
        ...requestAt(at, client),
        refreshToken,
      });
      return await keep(at.issuer, { ...(scope !== undefined && { scope }), ...next });
    } catch (error) {
      if (!isRefused(error)) throw error;
      await forget(at.issuer, error);
      return undefined;
    }
  }

  async function forget(issuer: string, error: OAuthError): Promise<void> {
    await store.saveTokens(issuer, server.href, undefined);
    if (error.code !== 'invalid_grant') await store.saveClient(issuer, undefined);
  }

  return {
    server,
    fetch,
    begin: async (challenge = {}) => {
      const at = await discover(server, fetch, challenge.resourceMetadataUrl);
      const scope = chooseScope(challenge.scope, at, options.metadata.scope);
      const client = (await identityAt(at, deps)) ?? (await register(at, scope, deps));
      const state = randomBytes(24).toString('base64url');
      const { authorizationUrl, codeVerifier } = await startAuthorization(
        at.authorizationServerUrl,
        {
          ...requestAt(at, client),
          redirectUrl,
          state,
          ...(scope !== undefined && { scope }),
        },
      );
      assertForBrowsers(authorizationUrl);
      const pending = { at, clientId: client.client_id, state, codeVerifier, scope };
      return { url: authorizationUrl, pending };
    },
    finish: async (pending, answer) => {
      const { at } = pending;
      const code = codeIn(answer, pending);
      const client = await identityAt(at, deps);
      if (client?.client_id !== pending.clientId) {
        throw new OAuthRefusal(
          'wrong_answer',
          `This client is another one at ${at.issuer} by now.`,
        );
      }
      try {
        const tokens = await exchangeAuthorization(at.authorizationServerUrl, {
          ...requestAt(at, client),
          authorizationCode: code,
          ...issIn(answer),
          codeVerifier: pending.codeVerifier,
          redirectUri: redirectUrl,
        });
        const { scope } = pending;
        // Left out means: as asked for (RFC 6749 section 5.1).
        return await keep(at.issuer, { ...(scope !== undefined && { scope }), ...tokens });
      } catch (error) {
        if (isRefused(error)) await forget(at.issuer, error);
        throw error;
      }
    },
    refresh: (challenge = {}) =>
      (refreshing ??= refreshOnce(challenge).finally(() => (refreshing = undefined))),
    tokens: async () => {
      const issuer = await store.issuerOf(server.href);
      return issuer === undefined ? undefined : store.tokens(issuer, server.href);
    },
  };
}

/**
 * The code of an answer that is to this authorization and from this issuer. The issuer comes before
 * everything that the answer says, an error too: it may be somebody else's (RFC 9207 section 2.4).
 */
function codeIn(answer: URLSearchParams, { at, state }: Pending): string {
  for (const name of ['code', 'state', 'iss', 'error'])
    if (answer.getAll(name).length > 1)
      throw new OAuthRefusal('wrong_answer', `The answer of ${at.issuer} has ${name} twice.`);
  if (answer.get('state') !== state)
    throw new OAuthRefusal('wrong_answer', 'The answer is not to this authorization.');
  const metadata = at.authorizationServerMetadata;
  validateAuthorizationResponseIssuer({
    iss: answer.get('iss') ?? undefined,
    expectedIssuer: at.issuer,
    issParameterSupported: metadata?.authorization_response_iss_parameter_supported === true,
  });
  const error = answer.get('error');
  if (error !== null)
    throw new OAuthRefusal('denied', `${at.issuer} answered ${printable(error)}.`);
  const code = answer.get('code');
  if (!code) throw new OAuthRefusal('wrong_answer', `${at.issuer} answered without a code.`);
  return code;
}

function issIn(answer: URLSearchParams): { iss?: string } {
  const iss = answer.get('iss');
  return iss === null ? {} : { iss };
}

/** RFC 6749 section 4.1.2.1 allows little more than this in an error code. */
function printable(error: string): string {
  return /^[\w.-]{1,60}$/.test(error) ? error : 'an error';
}

/** The grant or the client is taken no longer; another attempt with it makes no sense. */
function isRefused(error: unknown): error is OAuthError {
  return (
    error instanceof OAuthError &&
    ['invalid_grant', 'invalid_client', 'unauthorized_client'].includes(error.code)
  );
}

/** A person's browser is sent there: https, or this machine. */
function assertForBrowsers({ protocol, hostname, origin }: URL): void {
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback)) return;
  throw new OAuthRefusal('bad_metadata', `People cannot sign in at ${origin}: it is not https.`);
}
